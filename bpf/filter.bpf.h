/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters, evaluated before anything is copied.
 *
 * A tuple, a namespace and a family can be judged by any record. A process or a role cannot: most
 * transitions happen in softirq, under whoever is on the CPU. So when the filter names a pid, comm,
 * cgroup or role, connections it lets in are remembered in `chosen` when they are opened or
 * accepted, and half-open ones, by tuple, when their listener is chosen.
 */
#ifndef TCPWITNESS_FILTER_BPF_H
#define TCPWITNESS_FILTER_BPF_H

#include "maps.bpf.h"
#include "sock.bpf.h"

extern struct tcpw_chosen_map chosen SEC(".maps");
extern struct tcpw_chosen_half_open_map chosen_half_open SEC(".maps");

enum filter_verdict {
	FILTER_DROP,
	FILTER_PASS,
	FILTER_MAP_FULL
};

static __always_inline bool filter_asks_process(void)
{
	return filter.pids || filter.comms || filter.cgroups;
}

static __always_inline bool filter_asks_owner(void)
{
	return filter_asks_process() || filter.roles;
}

static __always_inline bool addr_matches(const volatile struct tcpw_filter_addr *want,
					 const __u8 addr[16])
{
	const volatile __u32 *w = (const volatile __u32 *)want->addr;
	const volatile __u32 *m = (const volatile __u32 *)want->mask;
	const __u32 *a = (const __u32 *)addr;

	return !(((a[0] ^ w[0]) & m[0]) | ((a[1] ^ w[1]) & m[1]) | ((a[2] ^ w[2]) & m[2]) |
		 ((a[3] ^ w[3]) & m[3]));
}

static __always_inline bool ports_match(const struct tcpw_tuple *t)
{
#pragma unroll
	for (__u32 i = 0; i < TCPW_FILTER_VALUES; i++) {
		if (i >= filter.ports)
			break;
		if ((filter.port[i].ends & TCPW_END_LOCAL) && filter.port[i].port == t->lport)
			return true;
		if ((filter.port[i].ends & TCPW_END_REMOTE) && filter.port[i].port == t->rport)
			return true;
	}
	return false;
}

static __always_inline bool addrs_match(const struct tcpw_tuple *t)
{
#pragma unroll
	for (__u32 i = 0; i < TCPW_FILTER_VALUES; i++) {
		if (i >= filter.addrs)
			break;
		if ((filter.addr[i].ends & TCPW_END_LOCAL) &&
		    addr_matches(&filter.addr[i], t->laddr))
			return true;
		if ((filter.addr[i].ends & TCPW_END_REMOTE) &&
		    addr_matches(&filter.addr[i], t->raddr))
			return true;
	}
	return false;
}

static __always_inline bool netns_matches(const struct tcpw_tuple *t)
{
#pragma unroll
	for (__u32 i = 0; i < TCPW_FILTER_VALUES; i++)
		if (i < filter.netnses && filter.netns[i] == t->netns)
			return true;
	return false;
}

static __always_inline bool netns_passes(const struct tcpw_tuple *t)
{
	return !filter.netnses || netns_matches(t);
}

static __always_inline bool family_passes(const struct tcpw_tuple *t)
{
	bool v4;

	if (!filter.families)
		return true;
	v4 = is_mapped((const __u32 *)t->raddr) || is_mapped((const __u32 *)t->laddr);
	return filter.families & (v4 ? 1 : 2);
}

static __always_inline bool addrs_pass(const struct tcpw_tuple *t)
{
	return !filter.addrs || addrs_match(t);
}

/*
 * A connecting socket has no local port yet (tcp_v4_connect reports SYN_SENT before it chooses
 * one): it is judged by its remote end alone.
 */
static __always_inline bool ports_pass(const struct tcpw_tuple *t)
{
	return !filter.ports || ports_match(t);
}

/*
 * Listeners pass whatever the filter says of ports, addresses, family and role: the connections it
 * asks for inherit their owner. User space tells their lines by the filter.
 */
static __always_inline bool listener_passes(const struct tcpw_tuple *t)
{
	return netns_passes(t);
}

static __always_inline bool tuple_passes(const struct tcpw_tuple *t)
{
	return netns_passes(t) && family_passes(t) && ports_pass(t) && addrs_pass(t);
}

static __always_inline bool comm_matches(const volatile char want[16], const char have[16])
{
	for (int i = 0; i < TCPW_COMM_LEN; i++) {
		if (want[i] != have[i])
			return false;
		if (!want[i])
			return true;
	}
	return true;
}

/* Out of line and a real function to the verifier: three loops that are seldom asked for. */
static __noinline bool process_passes(const struct tcpw_process *p)
{
	bool ok;

	if (!p)
		return false;
	if (filter.pids) {
		ok = false;
		for (__u32 i = 0; i < TCPW_FILTER_VALUES; i++)
			ok |= i < filter.pids && filter.pid[i] == p->pid;
		if (!ok)
			return false;
	}
	if (filter.cgroups) {
		ok = false;
		for (__u32 i = 0; i < TCPW_FILTER_VALUES; i++)
			ok |= i < filter.cgroups && filter.cgroup[i] == p->cgroup;
		if (!ok)
			return false;
	}
	if (filter.comms) {
		ok = false;
		for (__u32 i = 0; i < TCPW_FILTER_VALUES; i++)
			ok |= i < filter.comms && comm_matches(filter.comm[i], p->comm);
		if (!ok)
			return false;
	}
	return true;
}

static __always_inline bool role_passes(__u8 role)
{
	return !filter.roles || (filter.roles & (1u << (role & 3)));
}

/* A connection or listener that a process opens or accepts. */
static __always_inline enum filter_verdict choose(__u64 cookie, __u8 role,
						  const struct tcpw_process *p)
{
	if (filter_asks_process() && !process_passes(p))
		return FILTER_DROP;
	/* A listener is kept whatever its role, for the sake of its children. */
	if (!role_passes(role) && role != TCPW_ROLE_LISTENER)
		return FILTER_DROP;
	if (bpf_map_update_elem(&chosen, &cookie, &role, BPF_ANY))
		return FILTER_MAP_FULL;
	return role_passes(role) ? FILTER_PASS : FILTER_DROP;
}

/* A subflow that joins an MPTCP connection: chosen if that one's first subflow is. */
static __always_inline enum filter_verdict choose_joined(__u64 cookie, __u64 first, __u8 role)
{
	if ((filter_asks_process() && !bpf_map_lookup_elem(&chosen, &first)) || !role_passes(role))
		return FILTER_DROP;
	return bpf_map_update_elem(&chosen, &cookie, &role, BPF_ANY) ? FILTER_MAP_FULL
								     : FILTER_PASS;
}

/* Anything later in the life of a connection. */
static __always_inline enum filter_verdict chosen_by_cookie(__u64 cookie)
{
	__u8 *role = bpf_map_lookup_elem(&chosen, &cookie);

	return role && role_passes(*role) ? FILTER_PASS : FILTER_DROP;
}

static __always_inline enum filter_verdict chosen_by_tuple(const struct tcpw_tuple *t)
{
	__u8 *role = bpf_map_lookup_elem(&chosen_half_open, t);

	return role && role_passes(*role) ? FILTER_PASS : FILTER_DROP;
}

/* A child socket at the end of its handshake: what was chosen by tuple is chosen by cookie now. */
static __always_inline enum filter_verdict choose_child(__u64 cookie, const struct tcpw_tuple *t)
{
	__u8 role = TCPW_ROLE_PASSIVE;

	if (!bpf_map_lookup_elem(&chosen_half_open, t))
		return chosen_by_cookie(cookie);
	bpf_map_delete_elem(&chosen_half_open, t);
	if (bpf_map_update_elem(&chosen, &cookie, &role, BPF_ANY))
		return FILTER_MAP_FULL;
	return FILTER_PASS;
}

/* A SYN on a chosen listener. */
static __always_inline enum filter_verdict choose_half_open(__u64 listener,
							    const struct tcpw_tuple *t)
{
	__u8 role = TCPW_ROLE_PASSIVE;

	if (!role_passes(role) ||
	    (filter_asks_process() && !bpf_map_lookup_elem(&chosen, &listener)))
		return FILTER_DROP;
	if (bpf_map_update_elem(&chosen_half_open, t, &role, BPF_ANY))
		return FILTER_MAP_FULL;
	return FILTER_PASS;
}

/* A connection that is taken from the accept queue; a Fast Open child may have no cookie yet. */
static __always_inline enum filter_verdict choose_accepted(__u64 cookie, const struct tcpw_tuple *t,
							   const struct tcpw_process *p)
{
	__u8 role = TCPW_ROLE_PASSIVE;

	if (cookie)
		return chosen_by_cookie(cookie) == FILTER_PASS
			       ? FILTER_PASS
			       : choose(cookie, TCPW_ROLE_PASSIVE, p);
	if (chosen_by_tuple(t) == FILTER_PASS)
		return FILTER_PASS;
	if ((filter_asks_process() && !process_passes(p)) || !role_passes(role))
		return FILTER_DROP;
	if (bpf_map_update_elem(&chosen_half_open, t, &role, BPF_ANY))
		return FILTER_MAP_FULL;
	return FILTER_PASS;
}

/*
 * Judges a record of a connection that is known by its cookie, or, while it is half open, by its
 * tuple, and books one that is dropped.
 */
static __always_inline bool connection_passes(struct tcpw_account *account, __u64 cookie,
					      const struct tcpw_tuple *tuple)
{
	if (tuple_passes(tuple) &&
	    (!filter_asks_owner() || chosen_by_cookie(cookie) == FILTER_PASS))
		return true;
	account->filtered++;
	return false;
}

#endif
