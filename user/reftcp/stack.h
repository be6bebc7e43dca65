/* SPDX-License-Identifier: BSD-2-Clause */
/* What all connections share: the pools, the tables, the lists, the counters. */
#ifndef REFTCP_STACK_H
#define REFTCP_STACK_H

#include "reftcp/reftcp.h"
#include "reftcp/rules.h"
#include "reftcp/siphash.h"
#include "reftcp/stream.h"
#include "reftcp/tcb.h"
#include "reftcp/wheel.h"

/* A segment not tied to a TCB: resets, and SYN,ACKs that carry a cookie. */
struct reply {
	struct reftcp_endpoint local, remote;
	struct seq seq, ack;
	struct tcpopt opt;
	struct ip_route route;
	uint16_t wnd;
	uint8_t ctl, ttl, dscp, ecn;
};

/* A server that gave us a Fast Open cookie. */
struct known_server {
	struct reftcp_addr addr;
	uint16_t mss;       /* 0: unused */
	bool experiment;    /* the cookie came in the old form */
	uint8_t try_old;    /* 1: ask in the old form, 2: that got no answer either */
	uint8_t cookie_len; /* 0: none */
	uint8_t cookie[TCPOPT_COOKIE_MAX];
};

#define KNOWN_SERVERS 64

struct tcb_list {
	struct tcb *head, *tail;
};

struct reftcp_stack {
	struct reftcp_config config;
	int64_t rule[RULE_COUNT];                               /* the personality's values */
	uint64_t legal[REFTCP_STATE_COUNT][REFTCP_STATE_COUNT]; /* see state_legal */
	struct siphash_key key;
	uint64_t hash_key[2];
	struct reftcp_counters counters;
	struct wheel wheel;

	struct tcb *tcbs;
	struct tcb *tcb_free;
	uint32_t tcb_fresh, tcb_used;
	uint32_t *dirs; /* rings of all streams */
	uint32_t snd_slots, rcv_slots;

	struct txseg *txsegs;
	struct txseg *txseg_free;
	uint32_t txseg_fresh, txseg_total, txseg_available;
	uint32_t minis;        /* connections in TIME_WAIT, and orphans in FIN_WAIT_2 */
	uint32_t rtx_nonempty; /* connections with a queue that is not empty */

	struct chunk_pool chunks;

	struct tcb **buckets;
	uint32_t bucket_mask;
	struct tcb **listen_buckets;
	uint32_t listen_mask;

	struct reply *replies;
	uint32_t reply_head, reply_count;

	struct reftcp_addr *addrs;
	uint32_t addr_count;

	struct tcb_list list[TCB_LISTS];

	/* RFC 5961 7: challenge ACKs in the current second. */
	reftcp_time challenge_from;
	uint32_t challenge_count;
	uint32_t port_step;
	struct known_server known[KNOWN_SERVERS];
	uint32_t known_next;
	size_t memory;
	bool keeps_octets; /* false: streams only count (shadows) */
};

/* reftcp_new; discard: streams keep no octets, and there need be no chunks for them. */
int stack_new(struct reftcp_stack **out, const struct reftcp_config *config, reftcp_time now,
	      bool discard);

static inline int64_t stack_rule(const struct reftcp_stack *s, enum rule rule)
{
	return s->rule[rule];
}

bool stack_is_local(const struct reftcp_stack *s, const struct reftcp_addr *a);

void stack_unlist(struct reftcp_stack *s, struct tcb *c, enum tcb_list_of which);
/* The connection may have something to send. */
void stack_ready(struct reftcp_stack *s, struct tcb *c);
/* Tell the user. */
void stack_tell(struct reftcp_stack *s, struct tcb *c, uint32_t events);
/* Room for a reply, or null and counted. */
struct reply *stack_reply(struct reftcp_stack *s);
/* After an event on c: its timers into the wheel, itself among those to be asked for output. */
void stack_settle(struct reftcp_stack *s, struct tcb *c);
void stack_settle_timers(struct reftcp_stack *s, struct tcb *c);

/* Retransmission queue entries; null when only the reserve of others is left. */
struct txseg *txseg_take(struct reftcp_stack *s, const struct tcb *c);

#endif
