/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The beginning that every command on the kernel has: features, filters turned into numbers, the
 * programs attached, the walker started, the sandbox entered; and what the formatters need to know
 * of the machine.
 */
#ifndef COMMAND_SESSION_H
#define COMMAND_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "command/options.h"
#include "kernel/cgroup.h"
#include "kernel/counter.h"
#include "kernel/features.h"
#include "kernel/tracer.h"
#include "kernel/walker.h"
#include "view/view.h"

#define SESSION_REASONS 64

enum session_kind {
	SESSION_SOCKETS, /* the iterators alone */
	SESSION_RECORDS, /* and the witnesses that make records */
	SESSION_COUNTS,  /* and the programs that count, in place of those */
};

struct session {
	const struct options *options;
	struct features features;
	struct tcpw_filter filter; /* with names and paths resolved */
	struct tracer *tracer;
	struct counter *counter; /* of SESSION_COUNTS */
	struct walker *walker;
	struct cgroup_names *cgroups;
	const char *reasons[SESSION_REASONS]; /* names of the kernel's reset reasons */
	struct view_context view;
	struct buffer out;
	int signals; /* signalfd of SIGINT, SIGTERM and SIGHUP */
	char host[65];
	char boot_id[40];
	int sandbox; /* layers in place, enum sandbox_layer */
};

/*
 * Signals, output and what the formatters know of the machine: for a command without the kernel's
 * records. As session_begin().
 */
int session_begin_output(struct session *s, const struct options *options);

/*
 * Returns enum exit_status; when it is not EXIT_OK, the reason has been said on stderr.
 * session_end() in any case.
 */
int session_begin(struct session *s, const struct options *options, enum session_kind kind);
void session_end(struct session *s);

/* CLOCK_MONOTONIC in ns. Also refreshes what the formatters know of the wall clock. */
uint64_t session_now(struct session *s);

/*
 * Writes out what is buffered. EXIT_OK; or EXIT_RUNTIME with the reason said; *closed is set and
 * EXIT_OK returned when the reader of a pipe went away.
 */
int session_flush(struct session *s, bool *closed);

/*
 * Every socket of every namespace that the filter admits, to `fn`. `between` is called every now
 * and then so that the ring buffer does not fill meanwhile; may be NULL. Returns the number of
 * namespaces walked; *failed counts those that could not be.
 */
typedef void (*session_socket_fn)(void *arg, const struct tcpw_socket *socket);
size_t session_walk(struct session *s, session_socket_fn fn, void (*between)(void *), void *arg,
		    size_t *failed);

/*
 * Every TCP socket descriptor of every process. *out is allocated; returns the number or -errno.
 */
ssize_t session_files(struct session *s, struct tcpw_file **out);

/* Whether a process fits the filter's pids, comms and cgroups (all fit when none is asked). */
bool session_process_fits(const struct session *s, const struct tcpw_process *p);

/*
 * Whether a tuple fits the filter's ports, addresses, families and namespaces: for listeners, which
 * the kernel lets through for the sake of their children.
 */
bool session_tuple_fits(const struct session *s, const struct tcpw_tuple *t);

#endif
