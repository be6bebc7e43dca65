/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two stacks, two links and a virtual clock: the in-memory way to run the reference stack.
 * Everything that happens follows from the configurations and the seed.
 */
#ifndef REFTCP_SIM_PAIR_H
#define REFTCP_SIM_PAIR_H

#include "reftcp/reftcp.h"
#include "reftcp/sim/link.h"

struct pair {
	struct reftcp_stack *stack[2];
	struct link *link[2]; /* link[i] carries what stack[i] sends */
	reftcp_time now;
	uint64_t packets;
	uint64_t digest; /* of every packet sent, with its time: equal runs have equal ones */
	uint8_t buf[65536];
	/* Null, or asked for every packet before it enters link[from]; false drops it. */
	bool (*watch)(void *ctx, int from, const uint8_t *packet, size_t len);
	/* Null, or told of every packet stack[to] is about to receive. */
	void (*arriving)(void *ctx, int to, const uint8_t *packet, size_t len);
	/* Null, or called whenever time has moved on and when nothing is left to deliver: what
	 * the users do. */
	void (*user)(void *ctx, struct pair *pair);
	void *ctx;
};

/* -ENOMEM, -EINVAL. pair_release even after a failure is right. */
int pair_init(struct pair *pair, const struct reftcp_config config[2],
	      const struct link_config link[2], uint64_t seed);
void pair_release(struct pair *pair);
/* Everything that is due at pair->now. */
void pair_settle(struct pair *pair);
/* One step of time: to the next delivery or timeout, but not beyond limit. false: at limit. */
bool pair_step(struct pair *pair, reftcp_time limit);
/* Until `done` says so or limit is reached; returns what done last said. */
bool pair_run(struct pair *pair, reftcp_time limit, bool (*done)(void *ctx, struct pair *pair));

#endif
