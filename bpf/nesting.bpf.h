/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seeing every transition that the kernel reports, once.
 *
 * A program that is interrupted on its CPU by another run of itself is not run again: the kernel
 * counts a miss and goes on. connect() and close() report with softirqs enabled, so an interrupt of
 * a network card at that moment lets a whole batch of arriving segments go by unseen. Therefore a
 * state program is attached twice. The first notes each event it takes; the second, called right
 * after it, takes those that are not noted.
 */
#ifndef TCPWITNESS_NESTING_BPF_H
#define TCPWITNESS_NESTING_BPF_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>

extern struct tcpw_nesting_map nesting SEC(".maps");

static __always_inline bool is_told(const struct sock *sk, int old_state, int new_state)
{
	/* MPTCP sockets report here as well (protocol 262); their subflows are TCP. */
	if (sk->sk_protocol != IPPROTO_TCP)
		return false;
	/*
	 * A subflow that MPTCP closes is set to the state it has already. So is a listener that
	 * `ss -K` ends (tcp_abort), and its error comes only with that second time.
	 */
	if (old_state == new_state)
		return new_state == TCPW_CLOSED && sk->sk_err == ECONNABORTED;
	/*
	 * The clone of a listener, not yet a connection: no tuple, and a cookie generated now would
	 * be overwritten by inet_csk_clone_lock. SYN_RECV -> ESTABLISHED follows at once.
	 */
	return old_state != TCPW_LISTEN || new_state != TCPW_SYN_RECEIVED;
}

static __always_inline __u64 both_states(int old_state, int new_state)
{
	return (__u64)(__u32)old_state << 32 | (__u32)new_state;
}

/* This CPU's; NULL only if the array were too short. */
static __always_inline struct tcpw_nesting *nesting_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&nesting, &zero);
}

static __always_inline void note_taken(struct tcpw_nesting *n, const struct sock *sk, __u64 states)
{
	__u32 at = n->depth;

	/* Left over from runs whose second program was the one that was missed. */
	if (at >= TCPW_NESTING_MAX)
		at = 0;
	at &= TCPW_NESTING_MAX - 1;
	n->taken[at].sk = (__u64)sk;
	n->taken[at].states = states;
	n->depth = at + 1;
}

/* Whether the event was taken; it and what lies above it, long done, are forgotten. */
static __always_inline bool was_taken(struct tcpw_nesting *n, const struct sock *sk, __u64 states)
{
	__u32 depth = n->depth;

#pragma unroll
	for (__u32 i = 1; i <= TCPW_NESTING_MAX; i++) {
		__u32 at = (depth - i) & (TCPW_NESTING_MAX - 1);

		if (i > depth)
			break;
		if (n->taken[at].sk == (__u64)sk && n->taken[at].states == states) {
			n->depth = at;
			return true;
		}
	}
	return false;
}

/* For the timer programs: a Fast Open child's timer is armed next, on the same CPU. */
static __always_inline void note_clone(struct tcpw_nesting *n, const struct sock *sk, int old_state,
				       int new_state)
{
	if (old_state == TCPW_LISTEN && new_state == TCPW_SYN_RECEIVED)
		n->cloned = (__u64)sk;
}

/*
 * The request socket behind a Fast Open child, when `timer` is the retransmit timer of the last
 * clone on this CPU; else NULL. Retransmit timers are armed all the time: no other is worth a look.
 * A child of an ordinary request socket has none armed before it is established, and then no
 * request behind it.
 */
static __always_inline const struct request_sock *cloned_request(const struct timer_list *timer)
{
	struct tcpw_nesting *n = nesting_here();
	const struct tcp_sock *tp;

	if (bpf_core_field_exists(struct sock, tcp_retransmit_timer))
		tp = (const void *)timer - bpf_core_field_offset(struct sock, tcp_retransmit_timer);
	else
		tp = (const void *)timer -
		     bpf_core_field_offset(struct inet_connection_sock, icsk_retransmit_timer);
	if (!n || n->cloned != (__u64)tp)
		return NULL;
	n->cloned = 0;
	return BPF_CORE_READ(tp, fastopen_rsk);
}

#endif
