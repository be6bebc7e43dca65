/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's side of a duel, what its files share. */
#ifndef HARNESS_DUEL_KERNEL_H
#define HARNESS_DUEL_KERNEL_H

#include <netinet/in.h>

#include "duel/subject.h"

#define LANE_PORT 10000 /* and up, one a lane */
#define LANE_PEER_PORT 4000
#define LANE_QUEUE 64
#define LANE_PACKET 1600

struct kernel {
	int tun, diag;
	struct lane *lanes;
	unsigned int lane_count;
	uint16_t serial; /* of the peer address used last */
};

/* One scenario under way. */
struct lane {
	struct kernel *k;
	struct play play;
	bool waiting, done;
	uint64_t resume_at;
	uint16_t port;
	uint32_t peer; /* its address, host order */
	int listener, fd[SCENARIO_CONNS];
	struct {
		uint16_t len;
		uint8_t octets[LANE_PACKET];
	} queue[LANE_QUEUE];
	unsigned int head, count;
};

/* ---- kernel_net.c ---- */

#define KERNEL_ADDR 0xc0000201u /* 192.0.2.1 */

int kernel_net_open(struct kernel *k, const struct scenario *sc, char *why, size_t why_len);

/* ---- kernel_diag.c ---- */

int kernel_diag_open(void);
/* The state of the socket with these ends; CLOSED where there is none. */
enum reftcp_state kernel_diag_state(int diag, uint16_t port, uint32_t peer, uint16_t peer_port,
				    reftcp_time *expires);
/* What `ss -K` does. */
int kernel_diag_destroy(int diag, uint16_t port, uint32_t peer, uint16_t peer_port);

/* ---- kernel_calls.c ---- */

int64_t kernel_call(struct lane *l, uint8_t conn, const struct act *act);
/* Nothing of the lane is left in the kernel. */
void kernel_clear(struct lane *l);

#endif
