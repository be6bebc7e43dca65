/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tracer and its helper say to each other: one request, one answer, whole messages on a
 * SOCK_SEQPACKET pair. A list is answered in as many messages as it takes. Both ends are one
 * binary, and yet the helper believes nothing: it is the one with privileges.
 */
#ifndef KERNEL_WALKER_PROTOCOL_H
#define KERNEL_WALKER_PROTOCOL_H

#include "kernel/walker.h"

/* Name, and path in the namespace of whoever opens it: counters and settings of TCP, all readable.
 */
#define WALKER_NET "/proc/thread-self/net/"
#define WALKER_SYSCTL "/proc/sys/net/ipv4/"

#define WALKER_FILES(X)                                                                       \
	X(SNMP, "snmp", WALKER_NET "snmp")                                                    \
	X(NETSTAT, "netstat", WALKER_NET "netstat")                                           \
	X(SOCKSTAT, "sockstat", WALKER_NET "sockstat")                                        \
	X(SOCKSTAT6, "sockstat6", WALKER_NET "sockstat6")                                     \
	X(PORT_RANGE, "ip_local_port_range", WALKER_SYSCTL "ip_local_port_range")             \
	X(RESERVED_PORTS, "ip_local_reserved_ports", WALKER_SYSCTL "ip_local_reserved_ports") \
	X(TW_REUSE, "tcp_tw_reuse", WALKER_SYSCTL "tcp_tw_reuse")                             \
	X(TW_BUCKETS, "tcp_max_tw_buckets", WALKER_SYSCTL "tcp_max_tw_buckets")

enum walker_file {
#define X(id, name, path) WALKER_FILE_##id,
	WALKER_FILES(X)
#undef X
	WALKER_FILE_COUNT
};

enum walker_op {
	WALKER_LIST = 1, /* every namespace: messages with a part of the list each */
	WALKER_SOCKETS,  /* a descriptor: an iterator over the sockets of `netns` */
	WALKER_COUNTERS, /* a descriptor: the file `file` of `netns` */
};

struct walker_request {
	uint32_t op;    /* enum walker_op */
	uint32_t netns; /* inode; 0 in WALKER_LIST */
	uint32_t file;  /* enum walker_file; 0 but in WALKER_COUNTERS */
};

#define WALKER_PART 64 /* entries of a list in one message */

/* The helper's first message, before any request, has only `error`: how its own start went. */
struct walker_reply {
	int32_t error;  /* 0 or -errno; 0 comes with a descriptor where one was asked for */
	uint32_t total; /* entries of the whole list */
	uint32_t first; /* index of the first entry here */
	uint32_t count; /* entries here */
	struct walker_netns list[WALKER_PART];
};

/* Bytes of a reply with `count` entries. */
static inline size_t walker_reply_size(uint32_t count)
{
	return offsetof(struct walker_reply, list) + count * sizeof(struct walker_netns);
}

/*
 * The helper itself: serves `sock` until it closes, and exits. `parent` is the process it dies
 * with; `link` the bpf_link it makes iterators of. Takes over the whole process.
 */
_Noreturn void walker_helper_run(int sock, int link, pid_t parent);

#endif
