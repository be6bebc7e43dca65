/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections in fixed places: an array of buckets of four slots, found by the low bits of a key.
 *
 * Making and removing an entry is what costs in a hash table or in socket storage, and every
 * connection does both. Here a slot is taken by one compare-and-swap and given back by a store.
 * Cookies are handed out in order, so that buckets fill evenly; a slot whose connection is over but
 * for what may still take that back is taken from it when there is no other.
 */
#ifndef TCPWITNESS_TRACK_BPF_H
#define TCPWITNESS_TRACK_BPF_H

#include "maps.bpf.h"
#include "tcpwitness/count.h"

static __always_inline struct tcpw_tracked *track_find(struct tcpw_bucket *b, __u64 key)
{
#pragma unroll
	for (int i = 0; i < TCPW_BUCKET_SLOTS; i++)
		if (b->slot[i].cookie == key)
			return &b->slot[i];
	return NULL;
}

static __always_inline void track_begin(struct tcpw_tracked *t, __u8 state, __u32 owner, __u8 flags)
{
	t->changed = 0;
	t->tuple = 0;
	t->owner = owner;
	t->state = state;
	t->flags = flags;
}

/* A slot for `key`, which has none; NULL when the bucket is full of the living. */
static __always_inline struct tcpw_tracked *track_take(struct tcpw_bucket *b, __u64 key)
{
#pragma unroll
	for (int i = 0; i < TCPW_BUCKET_SLOTS; i++)
		if (!b->slot[i].cookie &&
		    __sync_val_compare_and_swap(&b->slot[i].cookie, 0, key) == 0)
			return &b->slot[i];
#pragma unroll
	for (int i = 0; i < TCPW_BUCKET_SLOTS; i++) {
		__u64 over = b->slot[i].cookie;

		if ((b->slot[i].flags & TCPW_TRACKED_CANCELLED) &&
		    __sync_val_compare_and_swap(&b->slot[i].cookie, over, key) == over)
			return &b->slot[i];
	}
	return NULL;
}

static __always_inline void track_give(struct tcpw_tracked *t)
{
	t->flags = 0;
	t->cookie = 0;
}

#endif
