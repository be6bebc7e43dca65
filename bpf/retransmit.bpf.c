// SPDX-License-Identifier: GPL-2.0-or-later
/* The retransmit witness: data, SYN, FIN and SYN-ACK sent again. */
#include "maps.bpf.h"
#include "filter.bpf.h"
#include "ring.bpf.h"
#include "sock.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline __u8 kind_of(const struct sock *sk, const struct tcp_sock *tp)
{
	switch (sk->__sk_common.skc_state) {
	case TCPW_SYN_SENT:
		return TCPW_RETRANSMIT_SYN;
	case TCPW_SYN_RECEIVED:
		return TCPW_RETRANSMIT_SYN_ACK;
	case TCPW_FIN_WAIT_1:
	case TCPW_CLOSING:
	case TCPW_LAST_ACK:
		/* Only the FIN is unacknowledged when one sequence number is outstanding. */
		if (tp && tp->snd_nxt - tp->snd_una == 1)
			return TCPW_RETRANSMIT_FIN;
		return TCPW_RETRANSMIT_DATA;
	default:
		return TCPW_RETRANSMIT_DATA;
	}
}

/* Segments in one skb, as the kernel counts them in RetransSegs (tcp_skb_pcount). */
static __always_inline __u16 segments_of(const struct sk_buff *skb)
{
	const struct tcp_skb_cb *cb = (const void *)skb + bpf_core_field_offset(struct sk_buff, cb);

	return BPF_CORE_READ(cb, tcp_gso_segs);
}

SEC("tp_btf/tcp_retransmit_skb")
int witness_retransmit(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	const struct sk_buff *skb = (const struct sk_buff *)ctx[1];
	struct tcpw_retransmit_record *r;
	struct tcpw_account *account;
	const struct tcp_sock *tp;
	struct tcpw_tuple tuple;
	__u64 now, cookie;

	/* Newer kernels report attempts as well that sent nothing; older ones never did. */
	if (bpf_core_field_exists(struct trace_event_raw_tcp_retransmit_skb, err) && (int)ctx[2])
		return 0;
	account = account_of(TCPW_PROGRAM_RETRANSMIT);
	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	cookie = bpf_get_socket_cookie((void *)sk);
	tuple_of(&tuple, &sk->__sk_common);
	if (!connection_passes(account, cookie, &tuple))
		return 0;
	r = record_reserve(account, TCPW_PROGRAM_RETRANSMIT, TCPW_RECORD_RETRANSMIT, sizeof(*r),
			   now, cookie, &tuple);
	if (!r)
		return 0;
	tp = bpf_skc_to_tcp_sock((void *)sk);
	r->cookie = cookie;
	__builtin_memcpy(&r->tuple, &tuple, sizeof(tuple));
	r->kind = kind_of(sk, tp);
	r->state = sk->__sk_common.skc_state;
	r->flags = flags_of(sk, tp);
	r->segments = segments_of(skb);
	r->pad = r->pad2 = 0;
	record_submit(r);
	return 0;
}

/* Sent for a listener, or by a Fast Open child, which may have been closed meanwhile. */
SEC("tp_btf/tcp_retransmit_synack")
int witness_retransmit_synack(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	const struct request_sock *req = (const struct request_sock *)ctx[1];
	struct tcpw_retransmit_record *r;
	struct tcpw_account *account;
	struct tcpw_tuple tuple;
	__u8 state = TCPW_SYN_RECEIVED;
	__u64 now, cookie = 0;

	account = account_of(TCPW_PROGRAM_RETRANSMIT_SYNACK);
	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	tuple_of(&tuple, &req->__req_common);
	if (sk->__sk_common.skc_state != TCPW_LISTEN) {
		state = sk->__sk_common.skc_state;
		cookie = bpf_get_socket_cookie((void *)sk);
	}
	if (!tuple_passes(&tuple) ||
	    (filter_asks_owner() && chosen_by_tuple(&tuple) != FILTER_PASS &&
	     chosen_by_cookie(cookie) != FILTER_PASS)) {
		account->filtered++;
		return 0;
	}
	r = record_reserve(account, TCPW_PROGRAM_RETRANSMIT_SYNACK, TCPW_RECORD_RETRANSMIT,
			   sizeof(*r), now, cookie, &tuple);
	if (!r)
		return 0;
	r->cookie = cookie;
	__builtin_memcpy(&r->tuple, &tuple, sizeof(tuple));
	r->kind = TCPW_RETRANSMIT_SYN_ACK;
	r->state = state;
	r->flags = 0;
	r->segments = 1;
	r->pad = r->pad2 = 0;
	record_submit(r);
	return 0;
}
