/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper that keeps what the tracer gives up: it can enter a network namespace and hand over an
 * open iterator (or a reading of its counters). It serves a fixed set of requests over a socketpair
 * and nothing else.
 */
#ifndef KERNEL_WALKER_H
#define KERNEL_WALKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct walker;

struct walker_netns {
	uint32_t inode;
	uint32_t pid;  /* a process living in it; 0: known by name only */
	char name[64]; /* of /run/netns, zero-terminated, cut at the end; "" when it has none */
};

/*
 * Starts the helper: a child process that keeps CAP_SYS_ADMIN (to enter namespaces; it stands for
 * CAP_BPF where a kernel before 5.19 asks for that), CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (to
 * open /proc/PID/ns/net of anybody) and drops all others, sets no_new_privs, installs a seccomp
 * filter of the few calls it needs, and ends when its socketpair closes or its parent dies
 * (PR_SET_PDEATHSIG). `tcp_iter_link` is the descriptor of the bpf_link of the socket-table
 * iterator, inherited over the fork; all other descriptors are closed in the helper. 0 or -errno;
 * *out untouched on failure.
 *
 * To be called before sandbox_enter(), by the thread that lives as long as the tracer (the kernel
 * means that thread by the parent), and before the ring buffer is mapped, which the helper would
 * otherwise map, too, to its end. Signals to the process group do not end it.
 */
int walker_new(struct walker **out, int tcp_iter_link);

/* Ends the helper and waits for it. NULL is allowed. */
void walker_free(struct walker *w);

pid_t walker_pid(const struct walker *w);

/*
 * Every network namespace that a process lives in or that has a name, the helper's own first, each
 * once. Returns how many there are (more than `max` means the list was cut) or -errno. At most
 * 65536 are counted. Every call looks anew.
 */
ssize_t walker_namespaces(struct walker *w, struct walker_netns *list, size_t max);

/*
 * An open iterator over the sockets of the namespace with this inode number: read() gives
 * struct tcpw_socket until 0. The caller closes it. -ENOENT: no such namespace (any more), or one
 * that no process, thread, name or open descriptor leads to. -EPIPE, here and above: the helper is
 * gone.
 */
int walker_open_sockets(struct walker *w, uint32_t netns_inode);

/*
 * An open file of that namespace: counters ("snmp", "netstat", "sockstat", "sockstat6") or a
 * setting
 * ("ip_local_port_range", "ip_local_reserved_ports", "tcp_tw_reuse", "tcp_max_tw_buckets"); nothing
 * else: -EINVAL. The caller closes it.
 */
int walker_open_file(struct walker *w, uint32_t netns_inode, const char *file);

#endif
