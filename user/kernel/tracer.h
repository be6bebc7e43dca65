/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loader: programs into the kernel, records out of it. Everything is attached by links that end
 * with the process; nothing is pinned.
 */
#ifndef KERNEL_TRACER_H
#define KERNEL_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/features.h"
#include "tcpwitness/filter.h"
#include "tcpwitness/record.h"

struct tracer;

/* Whether libbpf's own messages go to stderr; they do not otherwise. */
void tracer_verbose(bool verbose);

/* "1.1" */
const char *tracer_libbpf_version(void);

struct tracer_options {
	const struct features *features;
	const struct tcpw_filter *filter;
	uint64_t ring_size;  /* bytes, a power of two and a multiple of the page size */
	uint64_t max_chosen; /* connections that an owner filter may let in */
	uint64_t max_chosen_half_open;
	bool witnesses; /* false: only the iterators, for a snapshot */
	bool accept;    /* attach to accept: taxes every system call */
};

/*
 * Loads and attaches. 0 or -errno: -EPERM not permitted, -EOPNOTSUPP the kernel lacks something
 * needed; `error` then says in one line what and what to try. *out untouched on failure.
 */
int tracer_new(struct tracer **out, const struct tracer_options *options, char *error,
	       size_t error_size);
void tracer_free(struct tracer *t);

/*
 * Detaches every witness: no record follows what is in the ring buffer now, so that what is read
 * from it and what was counted can be compared. The accounts stay readable.
 */
void tracer_detach(struct tracer *t);

/* Descriptor that becomes readable when there are records and tracer_wait() was called. */
int tracer_fd(const struct tracer *t);

/* Before sleeping on tracer_fd() / after: asks for a wake-up by the next record, or for none. */
void tracer_wait(struct tracer *t, bool waiting);

/*
 * Hands records in the ring buffer to `fn`, in the order of the buffer: all there are, but at the
 * most TRACER_CONSUME_MAX, so that programs that are faster than the reader cannot keep it for
 * ever. Returns how many, or -errno.
 */
#define TRACER_CONSUME_MAX 16384
typedef void (*tracer_record_fn)(void *arg, const struct tcpw_header *record);
int tracer_consume(struct tracer *t, tracer_record_fn fn, void *arg);

/* Sums over all CPUs of one program's account. 0 or -errno. */
int tracer_account(const struct tracer *t, enum tcpw_program program, struct tcpw_account *sum);

/*
 * Events a program did not see because it was interrupted on its CPU while running
 * (bpf_prog_info.recursion_misses). For TCPW_PROGRAM_STATE, those that TCPW_PROGRAM_STATE_NESTED
 * did not take over; the latter then has none of its own. 0 or -errno; -EOPNOTSUPP where the kernel
 * does not count.
 */
int tracer_missed(const struct tracer *t, enum tcpw_program program, uint64_t *missed);

bool tracer_has(const struct tracer *t, enum tcpw_program program);

/*
 * When records found no room since the last call: hands the key of each connection concerned to
 * `fn` and returns true. *unnamed is how many more could not be noted.
 */
typedef void (*tracer_lost_fn)(void *arg, const struct tcpw_lost_key *key);
bool tracer_lost(struct tracer *t, tracer_lost_fn fn, void *arg, uint64_t *unnamed);

/*
 * Records that are missing from the sequences of the records handed out so far; with `to_the_end`
 * also those after the last one handed out. To be compared with what the kernel counted.
 */
uint64_t tracer_holes(const struct tracer *t, bool to_the_end);

/* Lets a connection through an owner filter that was open before. 0 or -errno. */
int tracer_choose(struct tracer *t, uint64_t cookie, enum tcpw_role role);
/* Forgets one that is over: by its cookie, or, while that is 0, by its tuple. */
void tracer_unchoose(struct tracer *t, uint64_t cookie, const struct tcpw_tuple *tuple);

/* Descriptor of the link of the socket-table iterator, for the walker; -1 when there is none. */
int tracer_sockets_link(const struct tracer *t);

/* An open iterator over the files of all processes: read() gives struct tcpw_file. -errno. */
int tracer_open_files(const struct tracer *t);

#endif
