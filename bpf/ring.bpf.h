/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accounts and the way into the ring buffer: every event a program sees ends in exactly one of
 * submitted, filtered, ring_full and map_full.
 */
#ifndef TCPWITNESS_RING_BPF_H
#define TCPWITNESS_RING_BPF_H

#include "maps.bpf.h"
#include "filter.bpf.h"

extern struct tcpw_ring_map ring SEC(".maps");
extern struct tcpw_accounts_map accounts SEC(".maps");
extern struct tcpw_lost_map lost SEC(".maps");

/* The account of `program` on this CPU; NULL only if the array were too short. */
static __always_inline struct tcpw_account *account_of(__u32 program)
{
	struct tcpw_account *account = bpf_map_lookup_elem(&accounts, &program);

	if (account)
		account->seen++;
	return account;
}

/* Remembers whose record had no room, so that user space can say which path has a hole. */
static __noinline void note_lost(__u64 cookie, const struct tcpw_tuple *tuple)
{
	struct tcpw_lost_key key = {};
	__u32 one = 1;

	if (!tuple)
		return;
	if (cookie)
		key.cookie = cookie;
	else
		__builtin_memcpy(&key.tuple, tuple, sizeof(*tuple));
	if (bpf_map_update_elem(&lost, &key, &one, BPF_ANY))
		__sync_fetch_and_add(&lost_unnamed, 1);
	__sync_fetch_and_add(&lost_epoch, 1);
}

/*
 * Room for a record of `size` bytes (a constant) with its header filled, or NULL with the loss
 * counted and noted. The time is taken by the caller, where the event happened.
 */
static __always_inline void *record_reserve(struct tcpw_account *account, __u16 program, __u16 type,
					    __u16 size, __u64 now, __u64 cookie,
					    const struct tcpw_tuple *tuple)
{
	__u64 seq = account->seq++;
	struct tcpw_header *h = bpf_ringbuf_reserve(&ring, size, 0);

	if (!h) {
		account->ring_full++;
		note_lost(cookie, tuple);
		return NULL;
	}
	account->submitted++;
	h->type = type;
	h->len = size;
	h->cpu = bpf_get_smp_processor_id();
	h->program = program;
	h->seq = seq;
	h->ts = now;
	return h;
}

static __always_inline void record_submit(void *record)
{
	bpf_ringbuf_submit(record, *(volatile __u32 *)&reader_waiting ? 0 : BPF_RB_NO_WAKEUP);
}

/*
 * Books a verdict that is not PASS; returns whether to go on. What found no room in a map of chosen
 * connections is a loss like any other: the connection has a hole.
 */
static __always_inline bool verdict_passes(struct tcpw_account *account, enum filter_verdict v,
					   __u64 cookie, const struct tcpw_tuple *tuple)
{
	if (v == FILTER_PASS)
		return true;
	if (v == FILTER_DROP) {
		account->filtered++;
		return false;
	}
	account->map_full++;
	account->seq++;
	if (cookie)
		note_lost(cookie, tuple);
	note_lost(0, tuple);
	return false;
}

#endif
