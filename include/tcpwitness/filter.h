/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel programs select by, written once by the loader before they are loaded, so that
 * the verifier removes every test that is not asked for.
 */
#ifndef TCPWITNESS_FILTER_H
#define TCPWITNESS_FILTER_H

#include "tcpwitness/record.h"

#define TCPW_FILTER_VALUES 8

/* Which end of the connection a port or address may match. */
#define TCPW_END_LOCAL 1
#define TCPW_END_REMOTE 2

struct tcpw_filter_port {
	__u16 port;
	__u16 ends;
};

struct tcpw_filter_addr {
	__u8 addr[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 mask[16];
	__u32 ends;
};

/*
 * Values of one kind are alternatives; kinds must all hold. A count of 0 asks nothing.
 * `--state` is not here: the time in a state and the cause of leaving it need the record before,
 * so it selects lines, not records.
 */
struct tcpw_filter {
	__u32 ports;
	struct tcpw_filter_port port[TCPW_FILTER_VALUES];
	__u32 addrs;
	struct tcpw_filter_addr addr[TCPW_FILTER_VALUES];
	__u32 netnses;
	__u32 netns[TCPW_FILTER_VALUES];
	__u32 families; /* bit 0: IPv4, bit 1: IPv6; 0 asks nothing */
	__u32 pids;     /* these four are properties of an owner: see bpf/filter.bpf.h */
	__u32 pid[TCPW_FILTER_VALUES];
	__u32 comms;
	char comm[TCPW_FILTER_VALUES][TCPW_COMM_LEN];
	__u32 cgroups;
	__u64 cgroup[TCPW_FILTER_VALUES];
	__u32 roles; /* bit per enum tcpw_role; 0 asks nothing */
	__u32 pad;
};

#define TCPW_ROLES(X)         \
	X(UNKNOWN, "unknown") \
	X(ACTIVE, "active")   \
	X(PASSIVE, "passive") \
	X(LISTENER, "listener")

enum tcpw_role {
#define X(id, name) TCPW_ROLE_##id,
	TCPW_ROLES(X)
#undef X
	TCPW_ROLE_COUNT
};

#endif
