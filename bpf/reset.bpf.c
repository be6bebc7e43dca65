// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The reset witness: who reset whom, and why.
 *
 * A reset is sent either by a socket (tcp_send_active_reset: no skb) or in answer to a segment that
 * fits no socket, a listener or a timewait socket: then the segment's addresses are the
 * connection's, turned round.
 */
#include "maps.bpf.h"
#include "arrived.bpf.h"
#include "filter.bpf.h"
#include "ring.bpf.h"
#include "sock.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline void send_reset(struct tcpw_account *account, __u16 program, __u64 now,
				       __u64 cookie, const struct tcpw_tuple *tuple, __u32 reason,
				       __u8 direction, __u8 state, __u8 flags)
{
	struct tcpw_reset_record *r;

	if (!connection_passes(account, cookie, tuple))
		return;
	r = record_reserve(account, program, TCPW_RECORD_RESET, sizeof(*r), now, cookie, tuple);
	if (!r)
		return;
	r->cookie = cookie;
	__builtin_memcpy(&r->tuple, tuple, sizeof(*tuple));
	r->reason = reason;
	r->direction = direction;
	r->state = state;
	r->flags = flags;
	r->pad = 0;
	record_submit(r);
}

static __always_inline bool is_full(__u8 state)
{
	return state != TCPW_TIME_WAIT && state != TCPW_KERNEL_NEW_SYN_RECV;
}

SEC("tp_btf/tcp_send_reset")
int witness_reset_sent(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	const struct sk_buff *skb = (const struct sk_buff *)ctx[1];
	__u32 reason = TCPW_REASON_UNKNOWN;
	struct tcpw_account *account;
	struct tcpw_tuple tuple;
	__u64 now, cookie = 0;
	__u8 state = 0, flags = 0;

	account = account_of(TCPW_PROGRAM_RESET_SENT);
	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	if (has_reset_reason)
		reason = (__u32)ctx[2];
	if (sk) {
		state = sk->__sk_common.skc_state;
		if (state == TCPW_TIME_WAIT)
			state = BPF_CORE_READ((const struct inet_timewait_sock *)sk, tw_substate);
		tuple_of(&tuple, &sk->__sk_common);
		/* A listener answers for a connection it does not have: the reset is not its own.
		 */
		if (state != TCPW_LISTEN)
			cookie = sk->__sk_common.skc_cookie.counter;
		if (is_full(sk->__sk_common.skc_state)) {
			const struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)sk);

			flags = flags_of(sk, tp);
			if (!tuple.lport && tp)
				tuple.lport = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
		}
	}
	if (skb && (!sk || state == TCPW_LISTEN)) {
		__u32 netns = sk ? tuple.netns : 0;

		if (!tuple_of_segment(&tuple, skb)) {
			account->filtered++;
			return 0;
		}
		/* On its way to a socket a segment has lost its device, but the socket knows. */
		if (netns)
			tuple.netns = netns;
	} else if (!sk) {
		account->filtered++;
		return 0;
	}
	send_reset(account, TCPW_PROGRAM_RESET_SENT, now, cookie, &tuple, reason, TCPW_SENT, state,
		   flags);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int witness_reset_received(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	struct tcpw_account *account;
	struct tcpw_tuple tuple;
	__u64 now, cookie;

	account = account_of(TCPW_PROGRAM_RESET_RECEIVED);
	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	cookie = bpf_get_socket_cookie((void *)sk);
	tuple_of(&tuple, &sk->__sk_common);
	send_reset(account, TCPW_PROGRAM_RESET_RECEIVED, now, cookie, &tuple, TCPW_REASON_UNKNOWN,
		   TCPW_RECEIVED, sk->__sk_common.skc_state,
		   flags_of(sk, bpf_skc_to_tcp_sock((void *)sk)));
	return 0;
}
