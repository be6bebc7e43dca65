// SPDX-License-Identifier: GPL-2.0-or-later
/* See order.h. */
#include "lifecycle/order.h"

#include <errno.h>
#include <stdlib.h>

int order_init(struct order *o, size_t max)
{
	size_t size = 64;

	while (size < max)
		size *= 2;
	*o = (struct order){.mask = size - 1};
	o->slots = calloc(size, sizeof(*o->slots));
	o->sorted = calloc(size, sizeof(*o->sorted));
	o->unused = calloc(size, sizeof(*o->unused));
	if (!o->slots || !o->sorted || !o->unused) {
		order_release(o);
		return -ENOMEM;
	}
	for (size_t i = 0; i < size; i++)
		o->unused[i] = (uint32_t)(size - 1 - i);
	o->unused_count = size;
	return 0;
}

void order_release(struct order *o)
{
	free(o->slots);
	free(o->sorted);
	free(o->unused);
	*o = (struct order){0};
}

struct order_slot *order_reserve(struct order *o)
{
	return &o->slots[o->unused[--o->unused_count]];
}

void order_insert(struct order *o, struct order_slot *slot)
{
	size_t at = o->head + o->count;

	while (at != o->head && o->slots[o->sorted[(at - 1) & o->mask]].ts > slot->ts) {
		o->sorted[at & o->mask] = o->sorted[(at - 1) & o->mask];
		at--;
	}
	o->sorted[at & o->mask] = (uint32_t)(slot - o->slots);
	o->count++;
	if (slot->ts < o->given_out)
		o->late++;
}

struct order_slot *order_peek(const struct order *o)
{
	if (o->count == 0)
		return NULL;
	return &o->slots[o->sorted[o->head & o->mask]];
}

void order_pop(struct order *o)
{
	uint32_t number = o->sorted[o->head & o->mask];

	if (o->slots[number].ts > o->given_out)
		o->given_out = o->slots[number].ts;
	o->unused[o->unused_count++] = number;
	o->head++;
	o->count--;
}
