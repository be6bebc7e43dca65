/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets of the kernel by their two ends, through sock_diag(7): it knows request sockets and
 * TIME-WAIT, which no descriptor does. */
#include "duel/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

int kernel_diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

static struct request request_for(uint16_t type, uint16_t port, uint32_t peer, uint16_t peer_port)
{
	struct request r = {
		.head = {.nlmsg_len = sizeof(r), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP},
	};

	r.body.idiag_states = ~0u;
	r.body.id.idiag_sport = htons(port);
	r.body.id.idiag_dport = htons(peer_port);
	r.body.id.idiag_src[0] = htonl(KERNEL_ADDR);
	r.body.id.idiag_dst[0] = htonl(peer);
	r.body.id.idiag_cookie[0] = r.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return r;
}

static enum reftcp_state state_of(uint8_t kernel_state)
{
	static const enum reftcp_state states[] = {
		[1] = REFTCP_ESTABLISHED,   [2] = REFTCP_SYN_SENT,   [3] = REFTCP_SYN_RECEIVED,
		[4] = REFTCP_FIN_WAIT_1,    [5] = REFTCP_FIN_WAIT_2, [6] = REFTCP_TIME_WAIT,
		[8] = REFTCP_CLOSE_WAIT,    [9] = REFTCP_LAST_ACK,   [11] = REFTCP_CLOSING,
		[12] = REFTCP_SYN_RECEIVED,
	};

	/* A look-up that finds no connection falls back on a listener: 10, which is CLOSED here. */
	return kernel_state < sizeof(states) / sizeof(states[0]) ? states[kernel_state]
								 : REFTCP_CLOSED;
}

#define TIMER_OF_TIME_WAIT 3

enum reftcp_state kernel_diag_state(int diag, uint16_t port, uint32_t peer, uint16_t peer_port,
				    reftcp_time *expires)
{
	struct request r = request_for(SOCK_DIAG_BY_FAMILY, port, peer, peer_port);
	union {
		struct nlmsghdr head;
		uint8_t octets[2048];
	} answer;
	const struct inet_diag_msg *m = NLMSG_DATA(&answer.head);
	ssize_t n;

	if (send(diag, &r, sizeof(r), 0) < 0)
		return REFTCP_CLOSED;
	n = recv(diag, &answer, sizeof(answer), 0);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*m)) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return REFTCP_CLOSED;
	if (m->idiag_timer == TIMER_OF_TIME_WAIT)
		*expires = m->idiag_expires * REFTCP_MS;
	return state_of(m->idiag_state);
}

int kernel_diag_destroy(int diag, uint16_t port, uint32_t peer, uint16_t peer_port)
{
	struct request r = request_for(SOCK_DESTROY, port, peer, peer_port);
	union {
		struct nlmsghdr head;
		uint8_t octets[2048];
	} answer;
	const struct nlmsgerr *e = NLMSG_DATA(&answer.head);

	r.head.nlmsg_flags |= NLM_F_ACK;
	if (send(diag, &r, sizeof(r), 0) < 0 || recv(diag, &answer, sizeof(answer), 0) < 0)
		return -errno;
	return answer.head.nlmsg_type == NLMSG_ERROR ? e->error : 0;
}
