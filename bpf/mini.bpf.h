/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of mini-sockets: what the timer witness and the segment witness have in common. */
#ifndef TCPWITNESS_MINI_BPF_H
#define TCPWITNESS_MINI_BPF_H

#include "maps.bpf.h"
#include "filter.bpf.h"
#include "ring.bpf.h"
#include "sock.bpf.h"

/* Room for a record with everything filled that every mini-socket has; the rest is zero. */
static __always_inline struct tcpw_mini_record *mini_reserve(struct tcpw_account *account,
							     __u16 program, __u16 type, __u64 now,
							     __u64 cookie,
							     const struct tcpw_tuple *tuple)
{
	/* A request socket's cookie is seldom there: a lost record of it is named by its tuple. */
	__u64 name = type == TCPW_RECORD_TIMEWAIT ? cookie : 0;
	struct tcpw_mini_record *r =
		record_reserve(account, program, type, sizeof(*r), now, name, tuple);
	__u64 id = bpf_get_current_pid_tgid();

	if (!r)
		return NULL;
	r->cookie = cookie;
	__builtin_memcpy(&r->tuple, tuple, sizeof(*tuple));
	r->listener = 0;
	r->pid = id >> 32;
	r->tid = (__u32)id;
	r->op = 0;
	r->substate = 0;
	r->num_timeout = 0;
	r->listener_state = 0;
	r->tcp_flags = 0;
	r->fastopen = 0;
	r->context = TCPW_CONTEXT_UNKNOWN;
	r->due = 0;
	return r;
}

static __always_inline enum filter_verdict request_verdict(__u8 op, __u64 listener,
							   const struct tcpw_tuple *tuple)
{
	if (!tuple_passes(tuple))
		return FILTER_DROP;
	if (!filter_asks_owner())
		return FILTER_PASS;
	if (op == TCPW_MINI_START)
		return choose_half_open(listener, tuple);
	return chosen_by_tuple(tuple);
}

static __always_inline void send_timewait(struct tcpw_account *account, __u16 program, __u64 now,
					  const struct inet_timewait_sock *tw, __u64 cookie,
					  const struct tcpw_tuple *tuple, __u8 op, __u8 tcp_flags,
					  __u8 due)
{
	struct tcpw_mini_record *r;

	if (!connection_passes(account, cookie, tuple))
		return;
	r = mini_reserve(account, program, TCPW_RECORD_TIMEWAIT, now, cookie, tuple);
	if (!r)
		return;
	r->op = op;
	r->substate = BPF_CORE_READ(tw, tw_substate);
	r->tcp_flags = tcp_flags;
	r->due = due;
	record_submit(r);
}

#endif
