/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A node waits at the level whose slots are coarse enough to hold its distance; when time
 * comes to the start of its slot it moves one level down. A bit for each slot that is not
 * empty lets the wheel step over any number of idle ticks at once.
 */
#include "reftcp/wheel.h"

#include <string.h>

#define LEVEL_BITS 8
#define SLOT_MASK (WHEEL_SLOTS - 1u)
#define NO_TICK UINT64_MAX

void wheel_init(struct wheel *w, reftcp_time now)
{
	memset(w, 0, sizeof(*w));
	w->tick = now >> WHEEL_TICK_SHIFT;
	w->next = NO_TICK;
	for (unsigned int i = 0; i < WHEEL_LEVELS * WHEEL_SLOTS; i++)
		w->slot[i].next = w->slot[i].prev = &w->slot[i];
}

void wheel_node_init(struct wheel_node *node)
{
	memset(node, 0, sizeof(*node));
}

bool wheel_queued(const struct wheel_node *node)
{
	return node->next != NULL;
}

static void link_node(struct wheel *w, struct wheel_node *node)
{
	uint64_t delta = node->due - w->tick;
	unsigned int level = 0;
	struct wheel_node *head;
	uint64_t at = node->due;

	while (level < WHEEL_LEVELS - 1 && delta >> (LEVEL_BITS * (level + 1)))
		level++;
	if (delta >> (LEVEL_BITS * WHEEL_LEVELS))
		at = w->tick + ((uint64_t)1 << (LEVEL_BITS * WHEEL_LEVELS)) - 1;
	node->slot = (uint16_t)(level * WHEEL_SLOTS + (at >> (LEVEL_BITS * level) & SLOT_MASK));
	/* Its slot has to be looked at when it begins. */
	at = at >> (LEVEL_BITS * level) << (LEVEL_BITS * level);
	w->next = at < w->next ? at : w->next;
	head = &w->slot[node->slot];
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
	w->used[level][node->slot % WHEEL_SLOTS / 64] |= (uint64_t)1 << node->slot % 64;
}

void wheel_clear(struct wheel *w, struct wheel_node *node)
{
	if (!wheel_queued(node))
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	if (w->slot[node->slot].next == &w->slot[node->slot])
		w->used[node->slot / WHEEL_SLOTS][node->slot % WHEEL_SLOTS / 64] &=
			~((uint64_t)1 << node->slot % 64);
	node->next = node->prev = NULL;
}

void wheel_set(struct wheel *w, struct wheel_node *node, reftcp_time at)
{
	uint64_t due = wheel_tick(at);

	wheel_clear(w, node);
	node->due = due > w->tick ? due : w->tick + 1;
	link_node(w, node);
}

/* Distance from slot `from` to the next used one, going round; WHEEL_SLOTS if none. */
static unsigned int next_used(const uint64_t *used, unsigned int from)
{
	for (unsigned int d = 0; d < WHEEL_SLOTS;) {
		unsigned int i = (from + d) & SLOT_MASK;
		uint64_t rest = used[i / 64] >> i % 64;

		if (rest) {
			d += (unsigned int)__builtin_ctzll(rest);
			return d < WHEEL_SLOTS ? d : WHEEL_SLOTS;
		}
		d += 64 - i % 64;
	}
	return WHEEL_SLOTS;
}

/* The next tick at which a slot has to be emptied. */
static uint64_t next_tick(const struct wheel *w)
{
	uint64_t best = NO_TICK;

	for (unsigned int level = 0; level < WHEEL_LEVELS; level++) {
		uint64_t unit = w->tick >> (LEVEL_BITS * level);
		unsigned int d = next_used(w->used[level], (unsigned int)(unit + 1) & SLOT_MASK);
		uint64_t at;

		if (d == WHEEL_SLOTS)
			continue;
		at = (unit + 1 + d) << (LEVEL_BITS * level);
		best = at < best ? at : best;
	}
	return best;
}

reftcp_time wheel_next(const struct wheel *w)
{
	uint64_t tick = next_tick(w);

	return tick == NO_TICK ? REFTCP_NEVER : tick << WHEEL_TICK_SHIFT;
}

/* At the start of a coarse slot its nodes move to finer ones. */
static void cascade(struct wheel *w)
{
	for (unsigned int level = 1; level < WHEEL_LEVELS; level++) {
		struct wheel_node *head;
		unsigned int i = (unsigned int)(w->tick >> (LEVEL_BITS * level)) & SLOT_MASK;

		if (w->tick & (((uint64_t)1 << (LEVEL_BITS * level)) - 1))
			return;
		head = &w->slot[level * WHEEL_SLOTS + i];
		for (struct wheel_node *node = head->next, *next; node != head; node = next) {
			next = node->next;
			wheel_clear(w, node);
			link_node(w, node);
		}
	}
}

void wheel_advance(struct wheel *w, reftcp_time now,
		   void (*fire)(void *ctx, struct wheel_node *node), void *ctx)
{
	uint64_t target = now >> WHEEL_TICK_SHIFT;

	while (w->next <= target) {
		uint64_t tick = next_tick(w);
		struct wheel_node *head;

		w->next = tick;
		if (tick > target)
			break;
		w->tick = tick;
		cascade(w);
		head = &w->slot[tick & SLOT_MASK];
		while (head->next != head) {
			struct wheel_node *node = head->next;

			wheel_clear(w, node);
			fire(ctx, node);
		}
	}
	if (w->tick < target)
		w->tick = target;
}
