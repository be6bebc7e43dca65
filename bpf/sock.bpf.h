/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading sockets: tuples, flags and owners. Pointers that came as a tracepoint's argument are read
 * directly; mini-sockets, found by going back from their timer, through bpf_probe_read_kernel.
 */
#ifndef TCPWITNESS_SOCK_BPF_H
#define TCPWITNESS_SOCK_BPF_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

static __always_inline bool is_mapped(const __u32 a[4])
{
	return !a[0] && !a[1] && a[2] == bpf_htonl(0xffff);
}

static __always_inline void set_mapped(__u8 to[16], __be32 from)
{
	__u32 *a = (__u32 *)to;

	a[0] = 0;
	a[1] = 0;
	a[2] = bpf_htonl(0xffff);
	a[3] = from;
}

/* Ports and namespace of a socket given by a tracepoint: enough to refuse most, and cheap. */
static __always_inline void tuple_head_of(struct tcpw_tuple *t, const struct sock_common *skc)
{
	t->lport = skc->skc_num;
	t->rport = bpf_ntohs(skc->skc_dport);
	t->netns = skc->skc_net.net->ns.inum;
}

/*
 * The addresses of a socket given by a tracepoint. An IPv6 socket with an IPv4 peer keeps its IPv4
 * addresses in the IPv4 fields too (net/ipv6/tcp_ipv6.c), and that is what the wire has.
 */
static __always_inline void tuple_addrs_of(struct tcpw_tuple *t, const struct sock_common *skc)
{
	__u32 remote[4];

	if (skc->skc_family == AF_INET6) {
		__u32 *laddr = (__u32 *)t->laddr, *raddr = (__u32 *)t->raddr;

		remote[0] = skc->skc_v6_daddr.in6_u.u6_addr32[0];
		remote[1] = skc->skc_v6_daddr.in6_u.u6_addr32[1];
		remote[2] = skc->skc_v6_daddr.in6_u.u6_addr32[2];
		remote[3] = skc->skc_v6_daddr.in6_u.u6_addr32[3];
		if (!is_mapped(remote)) {
			raddr[0] = remote[0];
			raddr[1] = remote[1];
			raddr[2] = remote[2];
			raddr[3] = remote[3];
			laddr[0] = skc->skc_v6_rcv_saddr.in6_u.u6_addr32[0];
			laddr[1] = skc->skc_v6_rcv_saddr.in6_u.u6_addr32[1];
			laddr[2] = skc->skc_v6_rcv_saddr.in6_u.u6_addr32[2];
			laddr[3] = skc->skc_v6_rcv_saddr.in6_u.u6_addr32[3];
			return;
		}
	}
	set_mapped(t->laddr, skc->skc_rcv_saddr);
	set_mapped(t->raddr, skc->skc_daddr);
}

static __always_inline void tuple_of(struct tcpw_tuple *t, const struct sock_common *skc)
{
	tuple_head_of(t, skc);
	tuple_addrs_of(t, skc);
}

/*
 * The local port also of a socket that is just closed: inet_put_port has cleared skc_num of a port
 * that connect chose or a listener handed down; inet_sport stays.
 */
static __always_inline __be16 sport_of(const struct sock *sk)
{
	const struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)sk);

	return tp ? tp->inet_conn.icsk_inet.inet_sport : 0;
}

/*
 * The head of a socket whose address is only a number to the verifier, copied in one go: eight
 * single reads cost more than everything else a timer's program does. Fields are found in the copy
 * by their relocated offsets; they lie in the first 104 bytes from 5.10 to 7.2, and where they did
 * not, the verifier would refuse the program.
 */
#define COMMON_HEAD_SIZE 112

struct common_head {
	__u8 bytes[COMMON_HEAD_SIZE];
};

#define common_field(head, field)                                                 \
	(*(__typeof__(((struct sock_common *)0)->field) *)((head)->bytes +        \
							   bpf_core_field_offset( \
								   struct sock_common, field)))

static __always_inline void common_read(struct common_head *head, const struct sock_common *skc)
{
	if (bpf_probe_read_kernel(head, sizeof(*head), skc))
		__builtin_memset(head, 0, sizeof(*head));
}

/* Both ports and nothing else of such a socket: skc_num lies behind skc_dport, from 5.10 to 7.2. */
static __always_inline void tuple_ports_read(struct tcpw_tuple *t, const struct sock_common *skc)
{
	struct {
		__be16 dport;
		__u16 num;
	} pair = {};

	bpf_probe_read_kernel(&pair, sizeof(pair),
			      (const void *)skc +
				      bpf_core_field_offset(struct sock_common, skc_dport));
	t->lport = pair.num;
	t->rport = bpf_ntohs(pair.dport);
}

static __always_inline void tuple_of_head(struct tcpw_tuple *t, struct common_head *head)
{
	const struct net *net = common_field(head, skc_net).net;

	t->lport = common_field(head, skc_num);
	t->rport = bpf_ntohs(common_field(head, skc_dport));
	t->netns = BPF_CORE_READ(net, ns.inum);
	if (common_field(head, skc_family) == AF_INET6) {
		struct in6_addr *remote = &common_field(head, skc_v6_daddr);

		if (!is_mapped(remote->in6_u.u6_addr32)) {
			__builtin_memcpy(t->raddr, remote, 16);
			__builtin_memcpy(t->laddr, &common_field(head, skc_v6_rcv_saddr), 16);
			return;
		}
	}
	set_mapped(t->laddr, common_field(head, skc_rcv_saddr));
	set_mapped(t->raddr, common_field(head, skc_daddr));
}

static __always_inline __u64 cgroup_of(const struct sock *sk)
{
	/* Before 5.15 sock_cgroup_data was a union of a pointer and class ids: not read. */
	if (!bpf_core_field_exists(struct sock_cgroup_data, cgroup))
		return 0;
	return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

/*
 * Payload sent, each byte once. (bytes_acked, which ss shows, counts the SYN of an active side and
 * the FIN as well.)
 */
static __always_inline __u64 payload_sent(const struct tcp_sock *tp)
{
	return tp->bytes_sent - tp->bytes_retrans;
}

#define SOCK_FLAG_DEAD 0 /* enum sock_flags, include/net/sock.h: the same from 5.10 to 7.2 */
#define SOCK_FLAG_LINGER 4

/* TCPW_SOCK_* of a full TCP socket that can change in its life. */
static __always_inline __u8 flags_of(const struct sock *sk, const struct tcp_sock *tp)
{
	unsigned long sk_flags = sk->__sk_common.skc_flags;
	__u8 flags = 0;

	if (sk_flags & (1ul << SOCK_FLAG_DEAD))
		flags |= TCPW_SOCK_DEAD;
	if ((sk_flags & (1ul << SOCK_FLAG_LINGER)) && !sk->sk_lingertime)
		flags |= TCPW_SOCK_LINGER0;
	if (!tp)
		return flags;
	if (tp->inet_conn.icsk_user_timeout)
		flags |= TCPW_SOCK_USER_TIMEOUT;
	if (BPF_CORE_READ_BITFIELD(tp, repair))
		flags |= TCPW_SOCK_REPAIR;
	if (bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp)
		flags |= TCPW_SOCK_SUBFLOW;
	return flags;
}

/* The MPTCP socket that a TCP socket is a subflow of; NULL if it is none. */
static __always_inline const struct sock *mptcp_of(const struct tcp_sock *tp)
{
	const struct mptcp_subflow_context *context;

	if (!tp || !bpf_core_field_exists(tp->is_mptcp) || !tp->is_mptcp ||
	    !bpf_core_field_exists(struct mptcp_subflow_context, conn))
		return NULL;
	context = tp->inet_conn.icsk_ulp_data;
	return BPF_CORE_READ(context, conn);
}

/*
 * Cookie of the first subflow of an MPTCP connection that `sk` has joined; 0 if it has not. The
 * first one is made by its process, the others by the kernel, in a worker's context.
 */
static __always_inline __u64 joined_of(const struct sock *sk, const struct tcp_sock *tp)
{
	const struct sock *mptcp = mptcp_of(tp), *first;

	if (!mptcp || !bpf_core_field_exists(struct mptcp_sock, first))
		return 0;
	first = BPF_CORE_READ((const struct mptcp_sock *)mptcp, first);
	if (!first || first == sk)
		return 0;
	return BPF_CORE_READ(first, __sk_common.skc_cookie.counter);
}

/* The same, with what needs a copy to be read: for the first record of a socket. */
static __always_inline __u8 all_flags_of(const struct sock *sk, const struct tcp_sock *tp)
{
	__u8 flags = flags_of(sk, tp);
	const struct sock *mptcp = mptcp_of(tp);

	/* A subflow is always made by the kernel: whose the MPTCP socket is decides. */
	if (mptcp ? BPF_CORE_READ_BITFIELD_PROBED(mptcp, sk_kern_sock)
		  : BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock))
		flags |= TCPW_SOCK_KERNEL;
	if (tp && BPF_CORE_READ_BITFIELD_PROBED(tp, syn_data_acked))
		flags |= TCPW_SOCK_FASTOPEN;
	return flags;
}

/* The calling process, and `sk`'s cgroup and user. */
static __always_inline void process_of(struct tcpw_process *p, const struct sock *sk)
{
	__u64 id = bpf_get_current_pid_tgid();
	const struct task_struct *task = (const void *)bpf_get_current_task();
	const struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	p->pid = id >> 32;
	p->tid = (__u32)id;
	p->uid = BPF_CORE_READ(sk, sk_uid.val);
	p->pad = 0;
	p->cgroup = cgroup_of(sk);
	bpf_core_read(p->comm, sizeof(p->comm), &leader->comm);
}

#endif
