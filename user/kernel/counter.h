/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counting programs: loaded, attached, and their figures read. No record is made and no ring
 * buffer is there. Everything is held by links, nothing is pinned.
 */
#ifndef KERNEL_COUNTER_H
#define KERNEL_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/features.h"
#include "tcpwitness/count.h"
#include "tcpwitness/filter.h"

struct counter;

struct counter_options {
	const struct features *features;
	const struct tcpw_filter *filter; /* its namespaces alone are made use of */
	uint64_t max_connections;         /* 32 bytes each, rounded up to a power of two */
	uint64_t max_half_open;
	uint64_t max_owners;
};

/*
 * Loads, attaches, maps. To be called before the sandbox is entered. 0 or -errno: -EPERM not
 * permitted, -EOPNOTSUPP the kernel lacks something needed; `error` then says in one line what and
 * what to try. *out untouched on failure. Free with counter_free(), which takes NULL.
 */
int counter_new(struct counter **out, const struct counter_options *options, char *error,
		size_t error_size);
void counter_free(struct counter *c);

/* All figures, summed over the CPUs, since the programs were attached. 0 or -errno. */
int counter_read(const struct counter *c, struct tcpw_counts *sum);

/* Events no program saw, an upper bound (recursion_misses). 0 or -errno. */
int counter_missed(const struct counter *c, uint64_t *missed);

/*
 * A socket found by a walk of the table: one that is older than the programs is entered, so that
 * what becomes of it is counted right. Returns true when it was: it is in no sum of entries then.
 */
bool counter_adopt(struct counter *c, const struct tcpw_socket *socket);

/*
 * A process found to hold a socket that is older than the programs: its owner, and that of what it
 * accepts, unless one is known. The lowest pid is to come first, a master before its workers.
 */
void counter_own(struct counter *c, uint64_t cookie, const struct tcpw_process *process);

/*
 * Who connected, or listened for, the connection with this cookie: process, 0 is unknown.
 * *passive, if not NULL, tells whether a listener's.
 */
uint32_t counter_owner(const struct counter *c, uint64_t cookie, bool *passive);

/* The figures of one owner. 0 or -ENOENT. */
int counter_owner_counts(const struct counter *c, uint32_t process, struct tcpw_owner *out);

/*
 * Gives back the places of owners of whom no timewait socket is left and that have not connected or
 * listened for ten minutes before `now`: a process that does either again is entered anew.
 */
void counter_forget_owners(struct counter *c, uint64_t now);

/* Each owner; from within `fn` none may be removed. */
typedef void (*counter_owner_fn)(void *arg, uint32_t process, const struct tcpw_owner *owner);
void counter_owners(const struct counter *c, counter_owner_fn fn, void *arg);

#endif
