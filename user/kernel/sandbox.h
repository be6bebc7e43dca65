/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tracer gives up once everything is attached: every capability, new privileges, the file
 * system but for reading what it must, and every system call it does not need.
 */
#ifndef KERNEL_SANDBOX_H
#define KERNEL_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

enum sandbox_layer {
	SANDBOX_CAPABILITIES = 1 << 0,
	SANDBOX_NO_NEW_PRIVS = 1 << 1,
	SANDBOX_LANDLOCK = 1 << 2,
	SANDBOX_SECCOMP = 1 << 3,
	SANDBOX_ALL = (1 << 4) - 1,
};

struct sandbox_options {
	bool strict; /* a layer that cannot be had is an error; a forbidden call kills */
	/* Directories that may still be read (NULL-terminated), beside /proc and /sys/fs/cgroup. */
	const char *const *readable;
};

/*
 * Enters the sandbox; there is no way back. Returns the layers in place (enum sandbox_layer), or
 * -errno under `strict` when one is missing: then *missing names it. Without `strict` a missing layer
 * is only absent from the result; a forbidden call returns EPERM.
 *
 * What must go on working after it: read/write/poll/epoll on open descriptors, mmap and munmap of
 * memory, clock_gettime, nanosleep, bpf(2) for map look-up, update, delete, object info, iterator
 * creation; opening files under the readable directories; recvmsg with descriptors; signals;
 * exit. What must fail: socket(), execve(), setns(), mount(), ptrace(), opening a file for writing,
 * loading a BPF program.
 */
int sandbox_enter(const struct sandbox_options *options, const char **missing);

/* Name of one layer, for messages: "capabilities", "no_new_privs", "landlock", "seccomp". */
const char *sandbox_layer_name(enum sandbox_layer layer);

#endif
