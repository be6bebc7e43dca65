/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside a set of shadows: a stack whose streams keep no octets, and the SYNs that wait to be
 * answered. */
#ifndef REFTCP_SHADOW_SHADOW_H
#define REFTCP_SHADOW_SHADOW_H

#include "reftcp/shadow.h"

#include "reftcp/stack.h"

/* A SYN nobody has answered yet: only the SYN,ACK shows that there was a listener for it. */
struct waiting_syn {
	struct segment seg;
	reftcp_time at;
	uint64_t ordinal;
	bool used;
};

#define WAITING_SYNS 256

/* Endpoints that have ended of late: what they still send, but resets, has no connection. */
struct ended {
	struct reftcp_endpoint local, remote;
	bool used;
};

#define ENDED_KEPT 256

struct reftcp_shadows {
	struct reftcp_stack *stack;
	struct reftcp_shadows_config config;
	uint64_t ordinal; /* of the segment at hand */
	uint64_t cause;   /* what transitions are put down to */
	struct waiting_syn waiting[WAITING_SYNS];
	struct ended ended[ENDED_KEPT];
	uint32_t ended_next;
};

/* What is wrong with a segment sent by the endpoint that c follows. */
uint32_t shadow_judge(const struct reftcp_shadows *set, const struct tcb *c,
		      const struct segment *seg);
/* The first numbers of an endpoint that was joined in its middle. */
void shadow_learn_sent(struct tcb *c, const struct segment *seg);
void shadow_learn_received(struct tcb *c, const struct segment *seg);
/* The endpoint's choices become those of c; c may be CLOSED and gone after it. */
void shadow_adopt(struct reftcp_shadows *set, struct tcb *c, const struct segment *seg,
		  reftcp_time now);
/* The ISN the endpoint chose. */
void shadow_adopt_iss(struct tcb *c, struct seq iss);
/* The peer's SYN has been taken in SYN-SENT: what was agreed on, and the window told in our SYN. */
void shadow_opened(struct tcb *c);
/* What c would do by itself is not done: no output, no timers but TIME-WAIT. */
void shadow_hush(struct reftcp_shadows *set, struct tcb *c);

#endif
