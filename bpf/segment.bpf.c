// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The segment witness: what arrives at a timewait socket.
 *
 * An orphan in FIN_WAIT_2 is a timewait mini-socket from the start, and the peer's FIN only changes
 * its substate and arms its timer again, which leaves no trace when the new time falls into the
 * same bucket of the timer wheel (__mod_timer, kernel/time/timer.c: about 2 s at 250 Hz). But every
 * segment given to a timewait socket ends in kfree_skb with that socket as its receiver (since
 * 6.11), after it was processed: the flags tell the FIN that began TIME_WAIT, and the RST that
 * ended it.
 */
#include "mini.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/kfree_skb")
int witness_segment(__u64 *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx[0];
	const struct sock *sk = (const struct sock *)ctx[3];
	struct tcpw_account *account;
	struct tcpw_tuple tuple;
	struct tcphdr th;

	if (!sk || sk->__sk_common.skc_state != TCPW_TIME_WAIT)
		return 0;
	if (bpf_probe_read_kernel(&th, sizeof(th), skb->head + skb->transport_header))
		return 0;
	account = account_of(TCPW_PROGRAM_SEGMENT);
	if (!account)
		return 0;
	tuple_of(&tuple, &sk->__sk_common);
	send_timewait(account, TCPW_PROGRAM_SEGMENT, bpf_ktime_get_ns(),
		      (const struct inet_timewait_sock *)sk, sk->__sk_common.skc_cookie.counter,
		      &tuple, TCPW_MINI_SEGMENT, th.flags);
	return 0;
}
