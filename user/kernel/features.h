/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this kernel permits: one table of everything the programs need, each with what is lost
 * without it. The loader asks it what to load, `features` prints it.
 */
#ifndef KERNEL_FEATURES_H
#define KERNEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(identifier, name, what is lost without it) */
#define FEATURES(X)                                                                               \
	X(BTF, "kernel BTF", "everything: without /sys/kernel/btf/vmlinux nothing can be loaded") \
	X(STATE, "tracepoint inet_sock_set_state", "everything: no transition is seen")           \
	X(COOKIE, "helper bpf_get_socket_cookie",                                                 \
	  "everything but snapshot: connections cannot be told apart")                            \
	X(TIMER_START, "tracepoint timer_start", "the beginning of SYN_RECEIVED and TIME_WAIT")   \
	X(TIMER_CANCEL, "tracepoint timer_cancel", "the end of SYN_RECEIVED, TIME_WAIT reuse")    \
	X(TIMER_EXPIRE, "tracepoint timer_expire_entry", "the expiry of TIME_WAIT and SYN-ACKs")  \
	X(SYMBOL_TIMEWAIT, "symbol tw_timer_handler", "TIME_WAIT, and orphans in FIN_WAIT_2")     \
	X(SYMBOL_REQUEST, "symbol reqsk_timer_handler", "SYN_RECEIVED")                           \
	X(SYMBOL_WRITE, "symbol tcp_write_timer", "when the SYN of a Fast Open connection came")  \
	X(SEGMENT, "tracepoint kfree_skb with its receiver",                                      \
	  "the moment an orphan's FIN_WAIT_2 becomes TIME_WAIT (found by the socket table)")      \
	X(RETRANSMIT, "tracepoint tcp_retransmit_skb", "retransmits of data, SYN and FIN")        \
	X(RETRANSMIT_SYNACK, "tracepoint tcp_retransmit_synack", "retransmits of SYN-ACK")        \
	X(RESET_SENT, "tracepoint tcp_send_reset", "resets sent, and the causes they settle")     \
	X(RESET_REASON, "reason of a reset sent",                                                 \
	  "why a reset was sent; resets in answer to a segment that no full socket takes")        \
	X(RESET_RECEIVED, "tracepoint tcp_receive_reset", "resets received")                      \
	X(DESTROY, "tracepoint tcp_destroy_sock", "nothing; lines of a close come 1 ms later")    \
	X(ACCEPT, "tracepoint sys_exit_accept4",                                                  \
	  "accept times, and who accepted (the listener's owner is shown)")                       \
	X(ITER_TCP, "iterator tcp", "sockets older than the tracer; snapshot")                    \
	X(ITER_FILE, "iterator task_file", "owners of sockets older than the tracer")             \
	X(CGROUP, "field sock_cgroup_data.cgroup", "cgroup, container and unit of a socket")      \
	X(MPTCP, "field mptcp_sock.first", "owners of MPTCP connections")                         \
	X(MISSED, "count of missed runs", "the loss stage 'missed' (bpf_prog_info, 5.12)")        \
	X(LANDLOCK, "Landlock", "one layer of the sandbox")                                       \
	X(SECCOMP, "seccomp filter", "one layer of the sandbox")

enum feature {
#define X(id, name, lost) FEATURE_##id,
	FEATURES(X)
#undef X
	FEATURE_COUNT
};

struct feature_state {
	bool present;
	char why[96]; /* why not, in a few words; "" when present */
};

struct features {
	struct feature_state state[FEATURE_COUNT];
	uint64_t tw_timer_function;
	uint64_t request_timer_function;
	uint64_t write_timer_function;
	int missing_error; /* the -errno behind the first missing one that is needed; 0: none */
};

/* Looks at the running kernel. Never fails: what cannot be found out is not present, and why. */
void features_probe(struct features *f);

static inline bool feature(const struct features *f, enum feature id)
{
	return f->state[id].present;
}

const char *feature_name(enum feature id);
const char *feature_lost(enum feature id);

/*
 * Names of the running kernel's enum sk_rst_reason, without SK_RST_REASON_. names[i] is NULL where
 * there is none. `count` entries are filled; the strings live as long as the program.
 */
void features_reset_reasons(const char **names, size_t count);

#endif
