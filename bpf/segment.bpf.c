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
#include "maps.bpf.h"
#include "filter.bpf.h"
#include "ring.bpf.h"
#include "sock.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/kfree_skb")
int witness_segment(__u64 *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx[0];
	const struct sock *sk = (const struct sock *)ctx[3];
	const struct inet_timewait_sock *tw;
	struct tcpw_account *account;
	struct tcpw_mini_record *r;
	struct tcpw_tuple tuple;
	struct tcphdr th;
	__u64 now, cookie, id;

	if (!sk || sk->__sk_common.skc_state != TCPW_TIME_WAIT)
		return 0;
	if (bpf_probe_read_kernel(&th, sizeof(th), skb->head + skb->transport_header))
		return 0;
	account = account_of(TCPW_PROGRAM_SEGMENT);
	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	tw = (const struct inet_timewait_sock *)sk;
	tuple_of(&tuple, &sk->__sk_common);
	cookie = sk->__sk_common.skc_cookie.counter;
	if (!tuple_passes(&tuple) ||
	    (filter_asks_owner() && chosen_by_cookie(cookie) != FILTER_PASS)) {
		account->filtered++;
		return 0;
	}
	r = record_reserve(account, TCPW_PROGRAM_SEGMENT, TCPW_RECORD_TIMEWAIT, sizeof(*r), now,
			   cookie, &tuple);
	if (!r)
		return 0;
	id = bpf_get_current_pid_tgid();
	r->cookie = cookie;
	__builtin_memcpy(&r->tuple, &tuple, sizeof(tuple));
	r->listener = 0;
	r->pid = id >> 32;
	r->tid = (__u32)id;
	r->op = TCPW_MINI_SEGMENT;
	r->substate = BPF_CORE_READ(tw, tw_substate);
	r->num_timeout = 0;
	r->listener_state = 0;
	r->tcp_flags = th.flags;
	r->pad[0] = r->pad[1] = r->pad[2] = 0;
	record_submit(r);
	return 0;
}
