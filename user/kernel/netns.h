/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace as a person names it: its name in /run/netns, or a path. */
#ifndef KERNEL_NETNS_H
#define KERNEL_NETNS_H

#include <stddef.h>
#include <stdint.h>

#define NETNS_NAMES "/run/netns" /* where ip-netns(8) keeps names */

/*
 * The inode number of the namespace `what` names: a path when it has a slash (/proc/PID/ns/net, or
 * wherever one is bound), else a name below NETNS_NAMES. 0; or -errno with one line in `error`,
 * which says what is wrong and what to try. Needs no privilege but what the path asks for; to be
 * called before the sandbox.
 */
int netns_resolve(const char *what, uint32_t *inode, char *error, size_t error_size);

/* Moves the calling thread there, for good; as netns_resolve. Asks for CAP_SYS_ADMIN. */
int netns_enter(const char *what, char *error, size_t error_size);

/* The inode number of the caller's own namespace, or 0 when /proc does not tell. */
uint32_t netns_own(void);

#endif
