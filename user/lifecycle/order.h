/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts records of several CPUs in the order of their time. They arrive almost sorted (the ring
 * buffer hands out room in the order asked for, shortly after the time was taken), so a new one is
 * sorted in from the end.
 */
#ifndef LIFECYCLE_ORDER_H
#define LIFECYCLE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpwitness/record.h"

struct order_slot {
	uint64_t ts;
	union {
		struct tcpw_header header;
		unsigned char bytes[TCPW_RECORD_MAX_SIZE];
		struct tcpw_socket socket;
	} u;
	bool is_socket;
};

struct order {
	struct order_slot *slots;
	uint32_t *sorted; /* ring of slot numbers, oldest at `head` */
	uint32_t *unused; /* stack of slot numbers */
	size_t mask;
	size_t head, count;
	size_t unused_count;
	uint64_t given_out; /* time of the newest record taken out */
	uint64_t late;      /* records older than that */
};

/* `max` is rounded up to a power of two. 0 or -ENOMEM. */
int order_init(struct order *o, size_t max);
void order_release(struct order *o);

static inline bool order_full(const struct order *o)
{
	return o->unused_count == 0;
}

/* Room for one record, to be filled and given to order_insert(). Not when order_full(). */
struct order_slot *order_reserve(struct order *o);
void order_insert(struct order *o, struct order_slot *slot);

/* The oldest, or NULL; it stays valid until order_pop(). */
struct order_slot *order_peek(const struct order *o);
void order_pop(struct order *o);

#endif
