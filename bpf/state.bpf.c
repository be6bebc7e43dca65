// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state witness: every transition the kernel reports of a full socket.
 *
 * Three records in one program: where a process opens a socket (connect, listen) the record carries
 * the process; where the socket is closed, its final counts; else the transition alone. Not seen
 * here: SYN_RECEIVED and TIME_WAIT, which are mini-sockets (timer.bpf.c).
 */
#include "maps.bpf.h"
#include "filter.bpf.h"
#include "ring.bpf.h"
#include "sock.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline void fill_state(struct tcpw_state_record *r, const struct sock *sk,
				       const struct tcp_sock *tp, __u64 cookie,
				       const struct tcpw_tuple *tuple, int old_state, int new_state)
{
	__u64 id = bpf_get_current_pid_tgid();

	r->cookie = cookie;
	__builtin_memcpy(&r->tuple, tuple, sizeof(*tuple));
	r->pid = id >> 32;
	r->tid = (__u32)id;
	r->old_state = old_state;
	r->new_state = new_state;
	/* A socket is first met when it is opened, or as a child at the end of its handshake. */
	r->flags = new_state == TCPW_SYN_SENT || new_state == TCPW_LISTEN ||
				   old_state == TCPW_SYN_RECEIVED
			   ? all_flags_of(sk, tp)
			   : flags_of(sk, tp);
	r->shutdown = sk->sk_shutdown;
	r->err = sk->sk_err;
	r->err_soft = sk->sk_err_soft;
}

static __always_inline void send_open(struct tcpw_account *account, const struct sock *sk,
				      const struct tcp_sock *tp, __u64 now, __u64 cookie,
				      const struct tcpw_tuple *tuple, int old_state, int new_state,
				      const struct tcpw_process *process)
{
	struct tcpw_open_record *r = record_reserve(account, TCPW_PROGRAM_STATE, TCPW_RECORD_OPEN,
						    sizeof(*r), now, cookie, tuple);

	if (!r)
		return;
	fill_state(&r->s, sk, tp, cookie, tuple, old_state, new_state);
	__builtin_memcpy(&r->process, process, sizeof(*process));
	record_submit(r);
}

static __always_inline void send_close(struct tcpw_account *account, const struct sock *sk,
				       const struct tcp_sock *tp, __u64 now, __u64 cookie,
				       const struct tcpw_tuple *tuple, int old_state)
{
	struct tcpw_close_record *r = record_reserve(account, TCPW_PROGRAM_STATE, TCPW_RECORD_CLOSE,
						     sizeof(*r), now, cookie, tuple);

	if (!r)
		return;
	fill_state(&r->s, sk, tp, cookie, tuple, old_state, TCPW_CLOSED);
	r->bytes_sent = tp ? tp->bytes_acked : 0;
	r->bytes_received = tp ? tp->bytes_received : 0;
	r->retransmits = tp ? tp->total_retrans : 0;
	r->srtt_us = tp ? tp->srtt_us >> 3 : 0;
	record_submit(r);
}

static __always_inline void send_state(struct tcpw_account *account, const struct sock *sk,
				       const struct tcp_sock *tp, __u64 now, __u64 cookie,
				       const struct tcpw_tuple *tuple, int old_state, int new_state)
{
	struct tcpw_state_record *r = record_reserve(account, TCPW_PROGRAM_STATE, TCPW_RECORD_STATE,
						     sizeof(*r), now, cookie, tuple);

	if (!r)
		return;
	fill_state(r, sk, tp, cookie, tuple, old_state, new_state);
	record_submit(r);
}

static __always_inline enum filter_verdict state_verdict(__u64 cookie,
							 const struct tcpw_tuple *tuple,
							 const struct tcpw_process *opener,
							 int old_state, int new_state)
{
	/* The local port of a listener may already be gone when it closes: judged by cookie. */
	if (!tuple_passes(tuple) && !(old_state == TCPW_LISTEN && !tuple->lport))
		return FILTER_DROP;
	if (!filter_asks_owner())
		return FILTER_PASS;
	if (new_state == TCPW_SYN_SENT)
		return choose(cookie, TCPW_ROLE_ACTIVE, opener);
	if (new_state == TCPW_LISTEN)
		return choose(cookie, TCPW_ROLE_LISTENER, opener);
	if (old_state == TCPW_SYN_RECEIVED)
		return choose_child(cookie, tuple);
	return chosen_by_cookie(cookie);
}

SEC("tp_btf/inet_sock_set_state")
int witness_state(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	int old_state = (int)ctx[1], new_state = (int)ctx[2];
	struct tcpw_process process = {};
	struct tcpw_tuple tuple;
	struct tcpw_account *account;
	const struct tcp_sock *tp;
	bool opens = new_state == TCPW_SYN_SENT || new_state == TCPW_LISTEN;
	__u64 now, cookie;

	/* MPTCP sockets report here as well (protocol 262); their subflows are TCP. */
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	/*
	 * The clone of a listener, not yet a connection: no tuple, and a cookie generated now would
	 * be overwritten by inet_csk_clone_lock. SYN_RECV -> ESTABLISHED follows at once.
	 */
	if (old_state == TCPW_LISTEN && new_state == TCPW_SYN_RECEIVED)
		return 0;
	account = account_of(TCPW_PROGRAM_STATE);
	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	cookie = bpf_get_socket_cookie((void *)sk);
	tuple_of(&tuple, &sk->__sk_common);
	if (opens)
		process_of(&process, sk);
	if (!verdict_passes(account, state_verdict(cookie, &tuple, &process, old_state, new_state)))
		return 0;
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (opens)
		send_open(account, sk, tp, now, cookie, &tuple, old_state, new_state, &process);
	else if (new_state == TCPW_CLOSED)
		send_close(account, sk, tp, now, cookie, &tuple, old_state);
	else
		send_state(account, sk, tp, now, cookie, &tuple, old_state, new_state);
	return 0;
}
