// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state witness: every transition the kernel reports of a full socket.
 *
 * Three records in one program: where a process opens a socket (connect, listen) the record carries
 * the process; where the socket is closed, its final counts; else the transition alone. Not seen
 * here: SYN_RECEIVED and TIME_WAIT, which are mini-sockets (timer.bpf.c).
 *
 * Attached twice, see nesting.bpf.h.
 */
#include "maps.bpf.h"
#include "filter.bpf.h"
#include "nesting.bpf.h"
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
	r->flags |= (__u16)((sk->sk_shutdown & 3) << 8);
	if (sk->sk_socket)
		r->flags |= TCPW_SOCK_HELD;
	r->err = sk->sk_err;
	r->err_soft = sk->sk_err_soft;
}

static __always_inline void send_open(struct tcpw_account *account, __u16 program,
				      const struct sock *sk, const struct tcp_sock *tp, __u64 now,
				      __u64 cookie, const struct tcpw_tuple *tuple, int old_state,
				      int new_state, const struct tcpw_process *process,
				      __u64 joined)
{
	struct tcpw_open_record *r =
		record_reserve(account, program, TCPW_RECORD_OPEN, sizeof(*r), now, cookie, tuple);

	if (!r)
		return;
	fill_state(&r->s, sk, tp, cookie, tuple, old_state, new_state);
	__builtin_memcpy(&r->process, process, sizeof(*process));
	r->joined = joined;
	record_submit(r);
}

static __always_inline void send_close(struct tcpw_account *account, __u16 program,
				       const struct sock *sk, const struct tcp_sock *tp, __u64 now,
				       __u64 cookie, const struct tcpw_tuple *tuple, int old_state)
{
	struct tcpw_close_record *r =
		record_reserve(account, program, TCPW_RECORD_CLOSE, sizeof(*r), now, cookie, tuple);

	if (!r)
		return;
	fill_state(&r->s, sk, tp, cookie, tuple, old_state, TCPW_CLOSED);
	if (tp && tp->snd_una != tp->write_seq)
		r->s.flags |= TCPW_SOCK_UNACKED;
	r->bytes_sent = tp ? payload_sent(tp) : 0;
	r->bytes_received = tp ? tp->bytes_received : 0;
	r->retransmits = tp ? tp->total_retrans : 0;
	r->srtt_us = tp ? tp->srtt_us >> 3 : 0;
	record_submit(r);
}

static __always_inline void send_state(struct tcpw_account *account, __u16 program,
				       const struct sock *sk, const struct tcp_sock *tp, __u64 now,
				       __u64 cookie, const struct tcpw_tuple *tuple, int old_state,
				       int new_state)
{
	struct tcpw_state_record *r =
		record_reserve(account, program, TCPW_RECORD_STATE, sizeof(*r), now, cookie, tuple);

	if (!r) {
		/* The half-open connection that this ends is known by its tuple. */
		if (old_state == TCPW_SYN_RECEIVED)
			note_lost(0, tuple);
		return;
	}
	fill_state(r, sk, tp, cookie, tuple, old_state, new_state);
	record_submit(r);
}

/*
 * What ports and namespace alone refuse, before the clock, the cookie and the addresses are read:
 * an event that nobody asked for has to be cheap. A port that is given back before CLOSED is told
 * cannot be judged: the cookie tells.
 */
static __always_inline bool head_passes(const struct tcpw_tuple *tuple, int old_state,
					int new_state)
{
	if (!netns_passes(tuple))
		return false;
	if (new_state == TCPW_LISTEN || old_state == TCPW_LISTEN || old_state == new_state)
		return true;
	return ports_pass(tuple) || (new_state == TCPW_CLOSED && !tuple->lport);
}

/* Of what head_passes(). */
static __always_inline enum filter_verdict state_verdict(__u64 cookie,
							 const struct tcpw_tuple *tuple,
							 const struct tcpw_process *opener,
							 __u64 joined, int old_state, int new_state)
{
	if (new_state == TCPW_LISTEN || old_state == TCPW_LISTEN || old_state == new_state) {
		if (filter_asks_owner() && new_state == TCPW_LISTEN &&
		    choose(cookie, TCPW_ROLE_LISTENER, opener) == FILTER_MAP_FULL)
			return FILTER_MAP_FULL;
		return FILTER_PASS;
	}
	if (!family_passes(tuple) || !addrs_pass(tuple))
		return FILTER_DROP;
	if (!filter_asks_owner())
		return FILTER_PASS;
	if (joined)
		return choose_joined(cookie, joined,
				     new_state == TCPW_SYN_SENT ? TCPW_ROLE_ACTIVE
								: TCPW_ROLE_PASSIVE);
	if (new_state == TCPW_SYN_SENT)
		return choose(cookie, TCPW_ROLE_ACTIVE, opener);
	if (old_state == TCPW_SYN_RECEIVED)
		return choose_child(cookie, tuple);
	return chosen_by_cookie(cookie);
}

static __always_inline void on_state(const struct sock *sk, int old_state, int new_state,
				     __u32 program)
{
	struct tcpw_process process = {};
	struct tcpw_tuple tuple;
	struct tcpw_account *account;
	const struct tcp_sock *tp;
	bool opens = new_state == TCPW_SYN_SENT || new_state == TCPW_LISTEN;
	__u64 now, cookie, joined = 0;

	account = account_of(program);
	if (!account)
		return;
	tuple_head_of(&tuple, &sk->__sk_common);
	if (!tuple.lport)
		tuple.lport = bpf_ntohs(sport_of(sk));
	if (!head_passes(&tuple, old_state, new_state)) {
		account->filtered++;
		return;
	}
	now = bpf_ktime_get_ns();
	cookie = bpf_get_socket_cookie((void *)sk);
	tuple_addrs_of(&tuple, &sk->__sk_common);
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (opens)
		process_of(&process, sk);
	if (new_state == TCPW_SYN_SENT || old_state == TCPW_SYN_RECEIVED)
		joined = joined_of(sk, tp);
	if (!verdict_passes(account,
			    state_verdict(cookie, &tuple, &process, joined, old_state, new_state),
			    cookie, &tuple))
		return;
	if (opens || (joined && new_state == TCPW_ESTABLISHED))
		send_open(account, program, sk, tp, now, cookie, &tuple, old_state, new_state,
			  &process, joined);
	else if (new_state == TCPW_CLOSED)
		send_close(account, program, sk, tp, now, cookie, &tuple, old_state);
	else
		send_state(account, program, sk, tp, now, cookie, &tuple, old_state, new_state);
}

SEC("tp_btf/inet_sock_set_state")
int witness_state(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	int old_state = (int)ctx[1], new_state = (int)ctx[2];
	struct tcpw_nesting *n = nesting_here();

	if (!n)
		return 0;
	note_taken(n, sk, both_states(old_state, new_state));
	note_clone(n, sk, old_state, new_state);
	if (is_told(sk, old_state, new_state))
		on_state(sk, old_state, new_state, TCPW_PROGRAM_STATE);
	return 0;
}

/*
 * Also counts what it takes over, told or not: what the kernel counts as missed by witness_state
 * less this is what both have missed.
 */
SEC("tp_btf/inet_sock_set_state")
int witness_state_nested(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	int old_state = (int)ctx[1], new_state = (int)ctx[2];
	struct tcpw_nesting *n = nesting_here();

	if (!n || was_taken(n, sk, both_states(old_state, new_state)))
		return 0;
	n->taken_over++;
	note_clone(n, sk, old_state, new_state);
	if (is_told(sk, old_state, new_state))
		on_state(sk, old_state, new_state, TCPW_PROGRAM_STATE_NESTED);
	return 0;
}
