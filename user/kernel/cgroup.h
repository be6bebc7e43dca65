/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of cgroups. A socket carries the id of its cgroup (the inode number of its directory in the
 * cgroup2 file system); people know its path.
 */
#ifndef KERNEL_CGROUP_H
#define KERNEL_CGROUP_H

#include <stddef.h>
#include <stdint.h>

struct cgroup_names;

/*
 * The id of the cgroup that `path` names: below the cgroup2 mount ("/system.slice/ssh.service"), or
 * the full path of its directory. 0; or -errno with one line in `error`. Before the sandbox.
 */
int cgroup_resolve(const char *path, uint64_t *id, char *error, size_t error_size);

/*
 * Paths by id, from a bounded cache that is filled by walking the cgroup2 file system. 0; -ENOENT
 * without such a mount; -ENOMEM. Works on inside the sandbox (it reads below the mount).
 */
int cgroup_names_new(struct cgroup_names **out);
void cgroup_names_free(struct cgroup_names *names);

/*
 * The path below the mount ("/" is the root), or NULL when there is none (any more). An id that is
 * not in the cache makes it walk, at most once in 200 ms of `now` (ns, any steady clock): a cgroup
 * that came and went in between stays unknown. The string is valid until the next call.
 */
const char *cgroup_names_path(struct cgroup_names *names, uint64_t id, uint64_t now);

#endif
