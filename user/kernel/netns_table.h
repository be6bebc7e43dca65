/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network namespaces of this machine, as /run/netns and /proc show them. Used by the helper,
 * which may look into every process. Nothing is remembered between two calls: an inode number goes
 * to another namespace as soon as its own is gone.
 */
#ifndef KERNEL_NETNS_TABLE_H
#define KERNEL_NETNS_TABLE_H

#include "kernel/walker.h"

#define NETNS_TABLE_MAX 65536 /* namespaces in a list; the rest is left out */

struct netns_table {
	int own;         /* the namespace this process belongs to; owned */
	uint64_t device; /* of nsfs: whatever is on it is a namespace */
	uint32_t inode;  /* of `own` */
};

/* Opens the caller's own namespace. 0 or -errno. */
int netns_table_init(struct netns_table *t);

/*
 * A list of all, the own one first, in *list, which the caller frees. Returns how many, or -errno
 * with *list untouched.
 */
ssize_t netns_table_list(const struct netns_table *t, struct walker_netns **list);

/*
 * Opens the namespace with this inode number; the caller closes it. Looks at the own one, at the
 * names, at the processes; then, as nothing else leads there, at threads and open descriptors of
 * every process, as far as a fixed number of them. One that only a socket keeps alive cannot be
 * found, nor one held by a descriptor that was opened by a name now gone. -ENOENT: none.
 */
int netns_table_open(const struct netns_table *t, uint32_t inode);

#endif
