/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a cgroup path says: the container and the systemd unit. */
#ifndef LIFECYCLE_CGROUP_PATH_H
#define LIFECYCLE_CGROUP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define CGROUP_CONTAINER_LEN 65 /* 64 hexadecimal digits and the end */

/*
 * The container id in a path as docker, containerd (CRI), CRI-O, podman and Kubernetes write it: 64
 * hexadecimal digits as a component of its own, or between a "docker-", "cri-containerd-", "crio-",
 * "libpod-" and ".scope", or after "pod.../". The innermost wins. Returns false (and leaves `id`
 * alone) when there is none. `id` holds CGROUP_CONTAINER_LEN bytes.
 */
bool cgroup_container(const char *path, char *id);

/*
 * The innermost component that is a systemd unit (.service or .scope). Returns its length and sets
 * *start to where it begins in `path`; 0 when there is none.
 */
size_t cgroup_unit(const char *path, const char **start);

#endif
