// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The socket table: every TCP socket of a namespace, and who holds them. Each socket met gets its
 * cookie generated, so that what it does later can be joined to it, its TIME_WAIT included.
 */
#include "maps.bpf.h"
#include "filter.bpf.h"
#include "sock.bpf.h"

/* Timers count jiffies, which begin at a value of their own and wrap. */
static __always_inline __u64 time_to(unsigned long expires)
{
	long left = (long)(expires - (unsigned long)bpf_jiffies64());

	return left <= 0 ? 0 : (__u64)left * jiffy_ns;
}

static __always_inline void fill_full(struct tcpw_socket *s, const struct sock *sk,
				      const struct tcp_sock *tp)
{
	s->state = sk->__sk_common.skc_state;
	s->flags = all_flags_of(sk, tp);
	s->listener = joined_of(sk, tp);
	s->uid = sk->sk_uid.val;
	s->cgroup = cgroup_of(sk);
	if (s->state == TCPW_LISTEN) {
		s->rx_queue = sk->sk_ack_backlog;
		s->tx_queue = sk->sk_max_ack_backlog;
		return;
	}
	s->rx_queue = tp->rcv_nxt - tp->copied_seq;
	if ((__s32)s->rx_queue < 0)
		s->rx_queue = 0; /* the FIN counts in neither */
	s->tx_queue = tp->write_seq - tp->snd_una;
	s->bytes_sent = payload_sent(tp);
	s->bytes_received = tp->bytes_received;
	s->retransmits = tp->total_retrans;
	s->srtt_us = tp->srtt_us >> 3;
}

static __always_inline void fill_request(struct tcpw_socket *s, const struct request_sock *req)
{
	const struct sock *listener = req->__req_common.skc_listener;

	s->mini = 1;
	s->state = TCPW_SYN_RECEIVED;
	s->num_timeout = BPF_CORE_READ_BITFIELD_PROBED(req, num_timeout);
	s->timer_ns = time_to(req->rsk_timer.expires);
	if (!listener)
		return;
	s->listener = BPF_CORE_READ(listener, __sk_common.skc_cookie.counter);
	s->cgroup = cgroup_of(listener);
	s->uid = BPF_CORE_READ(listener, sk_uid.val);
}

/* Cheap tests before anything is copied; owner and state are judged by user space. */
SEC("iter/tcp")
int list_sockets(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct tcpw_socket s = {};
	struct tcp_timewait_sock *tw;
	struct tcp_request_sock *req;
	struct tcp_sock *tp;

	if (!skc)
		return 0;
	tuple_of(&s.tuple, skc);
	if (skc->skc_state == TCPW_LISTEN ? !listener_passes(&s.tuple) : !tuple_passes(&s.tuple))
		return 0;
	s.ts = bpf_ktime_get_ns();
	s.timer_ns = TCPW_NO_TIMER;
	tp = bpf_skc_to_tcp_sock(skc);
	if (tp) {
		fill_full(&s, (const struct sock *)tp, tp);
	} else if ((tw = bpf_skc_to_tcp_timewait_sock(skc))) {
		s.mini = 2;
		s.state = tw->tw_sk.tw_substate;
		s.timer_ns = time_to(tw->tw_sk.tw_timer.expires);
	} else if ((req = bpf_skc_to_tcp_request_sock(skc))) {
		fill_request(&s, &req->req.req);
	} else {
		return 0;
	}
	/* Without the helper only those are known that somebody asked for before (SO_COOKIE). */
	s.cookie = has_cookie_helper ? bpf_get_socket_cookie(skc) : skc->skc_cookie.counter;
	bpf_seq_write(ctx->meta->seq, &s, sizeof(s));
	return 0;
}

SEC("iter/task_file")
int list_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct tcpw_file f = {};
	struct socket *socket;
	const struct sock *sk;
	__u16 family, protocol;

	if (!task || !file || task->pid != task->tgid)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	family = sk->__sk_common.skc_family;
	protocol = sk->sk_protocol;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (protocol == IPPROTO_MPTCP && bpf_core_field_exists(struct mptcp_sock, first))
		sk = BPF_CORE_READ((const struct mptcp_sock *)sk, first);
	else if (protocol != IPPROTO_TCP)
		return 0;
	f.cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	if (!f.cookie)
		return 0;
	f.fd = ctx->fd;
	f.process.pid = task->tgid;
	f.process.tid = task->pid;
	f.process.uid = BPF_CORE_READ(sk, sk_uid.val);
	f.process.cgroup = cgroup_of(sk);
	bpf_core_read(f.process.comm, sizeof(f.process.comm), &task->comm);
	bpf_seq_write(ctx->meta->seq, &f, sizeof(f));
	return 0;
}
