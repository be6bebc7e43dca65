/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hierarchical timer wheel: setting, clearing and firing cost the same with one timer and
 * with a million. Four levels of 256 slots; a tick is 2^20 ns, so the wheel spans 52 days,
 * and a later deadline is looked at again then.
 */
#ifndef REFTCP_WHEEL_H
#define REFTCP_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "reftcp/reftcp.h"

#define WHEEL_TICK_SHIFT 20
#define WHEEL_LEVELS 4
#define WHEEL_SLOTS 256

struct wheel_node {
	struct wheel_node *next, *prev;
	uint64_t due;  /* tick; meaningful while queued */
	uint16_t slot; /* level * WHEEL_SLOTS + slot */
};

struct wheel {
	uint64_t tick; /* everything due up to here has been fired */
	uint64_t next; /* no slot has to be looked at before */
	struct wheel_node slot[WHEEL_LEVELS * WHEEL_SLOTS];
	uint64_t used[WHEEL_LEVELS][WHEEL_SLOTS / 64];
};

/* The first tick not before `at`. */
static inline uint64_t wheel_tick(reftcp_time at)
{
	return (at >> WHEEL_TICK_SHIFT) + !!(at & (((uint64_t)1 << WHEEL_TICK_SHIFT) - 1));
}

void wheel_init(struct wheel *w, reftcp_time now);
void wheel_node_init(struct wheel_node *node);
bool wheel_queued(const struct wheel_node *node);
/* Sets or moves; fires at the first tick not before `at`, and never in the past. */
void wheel_set(struct wheel *w, struct wheel_node *node, reftcp_time at);
void wheel_clear(struct wheel *w, struct wheel_node *node);
/* When wheel_advance next has work; not later than the earliest timer, perhaps earlier. */
reftcp_time wheel_next(const struct wheel *w);
/* Fires, in order of ticks, all that is due at now; fire may set and clear any node. */
void wheel_advance(struct wheel *w, reftcp_time now,
		   void (*fire)(void *ctx, struct wheel_node *node), void *ctx);

#endif
