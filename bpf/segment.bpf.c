// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The segment witness: what arrives at a timewait socket, and the RSTs that arrive at a listener.
 *
 * An orphan in FIN_WAIT_2 is a timewait mini-socket from the start, and the peer's FIN only changes
 * its substate and arms its timer again, which leaves no trace when the new time falls into the
 * same bucket of the timer wheel (__mod_timer, kernel/time/timer.c: about 2 s at 250 Hz). But every
 * segment given to a timewait socket ends in kfree_skb with that socket as its receiver (since
 * 6.11), after it was processed: the flags tell the FIN that began TIME_WAIT, and the RST that
 * ended it.
 *
 * A request socket goes in silence when a RST ends it (tcp_check_req), as it does by `ss -K` and by
 * an ICMP error; but the RST ends in kfree_skb with the listener as its receiver, just after.
 */
#include "mini.bpf.h"
#include "arrived.bpf.h"
#include <bpf/bpf_tracing.h>

#define TH_RST 0x04

static __always_inline void on_listener(const struct sk_buff *skb, const struct sock *sk,
					__u8 tcp_flags)
{
	struct tcpw_account *account;
	struct tcpw_mini_record *r;
	struct tcpw_tuple tuple;

	account = account_of(TCPW_PROGRAM_SEGMENT);
	if (!account)
		return;
	if (!tuple_of_segment(&tuple, skb)) {
		account->filtered++;
		return;
	}
	/* On its way to a socket a segment has lost its device, but the socket knows. */
	tuple.netns = sk->__sk_common.skc_net.net->ns.inum;
	if (!verdict_passes(account, request_verdict(TCPW_MINI_SEGMENT, 0, &tuple), 0, &tuple))
		return;
	r = mini_reserve(account, TCPW_PROGRAM_SEGMENT, TCPW_RECORD_REQUEST, bpf_ktime_get_ns(), 0,
			 &tuple);
	if (!r)
		return;
	r->op = TCPW_MINI_SEGMENT;
	r->tcp_flags = tcp_flags;
	record_submit(r);
}

SEC("tp_btf/kfree_skb")
int witness_segment(__u64 *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx[0];
	const struct sock *sk = (const struct sock *)ctx[3];
	struct tcpw_account *account;
	struct tcpw_tuple tuple;
	struct tcphdr th;
	__u8 state;

	if (!sk)
		return 0;
	state = sk->__sk_common.skc_state;
	if (state != TCPW_TIME_WAIT && state != TCPW_LISTEN)
		return 0;
	if (bpf_probe_read_kernel(&th, sizeof(th), skb->head + skb->transport_header))
		return 0;
	if (state == TCPW_LISTEN) {
		/* Other protocols have sockets in a state of this number too. */
		if ((th.flags & TH_RST) && sk->sk_protocol == IPPROTO_TCP)
			on_listener(skb, sk, th.flags);
		return 0;
	}
	account = account_of(TCPW_PROGRAM_SEGMENT);
	if (!account)
		return 0;
	tuple_of(&tuple, &sk->__sk_common);
	send_timewait(account, TCPW_PROGRAM_SEGMENT, bpf_ktime_get_ns(),
		      (const struct inet_timewait_sock *)sk, sk->__sk_common.skc_cookie.counter,
		      &tuple, TCPW_MINI_SEGMENT, th.flags, 0);
	return 0;
}
