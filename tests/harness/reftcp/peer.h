/* SPDX-License-Identifier: BSD-2-Clause */
/* A stack of one connection and a peer made by hand: tests say which segments arrive and look at
 * which leave. Sequence numbers of the peer are given relative to its ISN, those of the stack
 * relative to the stack's. */
#ifndef HARNESS_REFTCP_PEER_H
#define HARNESS_REFTCP_PEER_H

#include "reftcp/reftcp.h"
#include "reftcp/segment.h"
#include "reftcp/stack.h"

#define PEER_ISN 1000000u
#define PEER_WINDOW 8000u
#define PEER_PATH_MAX 32

struct peer {
	struct reftcp_stack *stack;
	struct reftcp_config config;
	reftcp_id id, listener;
	reftcp_time now;
	struct reftcp_endpoint ours, theirs; /* the stack's and the peer's */
	uint32_t iss;                        /* the stack's, once its SYN was seen */
	uint32_t isn;                        /* the peer's */
	bool ts_on;                          /* put timestamps on what the peer sends */
	uint32_t ts_val, ts_ecr;
	struct tcpopt syn_opt;         /* of the peer's SYN */
	uint8_t ip_ecn;                /* of what the peer sends */
	struct reftcp_verdict verdict; /* of the last arrival */
	uint8_t packet[65536];
	size_t packet_len;
	struct segment out; /* the last one that left; text points into packet */
	struct reftcp_transition path[PEER_PATH_MAX];
	unsigned int path_len;
};

/* Defaults for one connection, no extension, IPv4; change p->config before peer_start. */
void peer_init(struct peer *p);
void peer_init6(struct peer *p);
void peer_start(struct peer *p);
void peer_end(struct peer *p);

/* A segment from the peer; seq and ack relative, ack ignored without CTL_ACK. */
void peer_send(struct peer *p, uint8_t ctl, uint32_t seq, uint32_t ack, const void *text,
	       size_t len);
/* The same with a window and more options. */
void peer_send_full(struct peer *p, uint8_t ctl, uint32_t seq, uint32_t ack, uint16_t wnd,
		    const struct tcpopt *opt, uint16_t up, const void *text, size_t len);
/* The next segment that leaves into p->out; false: none. Its seq and ack are made relative. */
bool peer_take(struct peer *p);
/* All that leaves is thrown away; how many. */
unsigned int peer_drain(struct peer *p);
/* Time passes in steps of the stack's deadlines; what leaves stays to be taken. */
void peer_wait(struct peer *p, reftcp_time d);
/* Takes the segments that leave over d, and returns how many. */
unsigned int peer_count(struct peer *p, reftcp_time d);

/* An ICMP error over IPv4 about the segment in p->packet, its sequence number moved by seq_off;
 * damage is put into the checksum. */
void peer_icmp(struct peer *p, uint8_t type, uint8_t code, uint32_t rest, uint32_t seq_off,
	       uint8_t damage);

/* Brings the connection to a state by the shortest usual way, nothing left to send. */
void peer_reach(struct peer *p, enum reftcp_state state);
/* SYN_RECEIVED by an active OPEN: simultaneous open. */
void peer_reach_crossed(struct peer *p);

enum reftcp_state peer_state(struct peer *p);
int peer_error(struct peer *p);
/* Bits of all events of the connection since the last time. */
uint32_t peer_events(struct peer *p);
/* Does the path end with these states. */
bool peer_path_ends(const struct peer *p, const enum reftcp_state *states, unsigned int n);

#endif
