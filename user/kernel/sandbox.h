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
	/*
	 * What may still be read (NULL-terminated; directories with all below them, or files),
	 * beside /proc, /sys/fs/cgroup and /sys/devices/system/cpu. May be NULL.
	 */
	const char *const *readable;
};

/*
 * Enters the sandbox; there is no way back. Returns the layers in place (enum sandbox_layer), or
 * -errno under `strict` when one is missing: then *missing names it. Without `strict` a missing
 * layer is only absent from the result; a forbidden call returns EPERM.
 *
 * What must go on working after it: read/write/poll/epoll on open descriptors, mmap and munmap of
 * memory, clock_gettime, nanosleep, bpf(2) for map look-up, update, delete, object info, iterator
 * creation; opening files under the readable directories; recvmsg with descriptors; signals;
 * exit. What must fail: socket(), execve(), setns(), mount(), ptrace(), opening a file for writing,
 * loading a BPF program; and also fork(), threads, executable memory, signals to other processes.
 * Whatever the C library opens on its own must have been opened before, or be readable:
 * /etc/localtime (tzset()), the terminal's description, character sets.
 *
 * The layers bind a thread and what it starts: -EBUSY, strict or not, when the caller is not the
 * only thread, with nothing changed.
 *
 * Before Linux 5.19, where unprivileged_bpf_disabled is set, bpf(2) is refused to a process without
 * capabilities even for maps it has open. There CAP_BPF alone stays, and SANDBOX_CAPABILITIES is
 * missing.
 */
int sandbox_enter(const struct sandbox_options *options, const char **missing);

/* Name of one layer, for messages: "capabilities", "no_new_privs", "landlock", "seccomp". */
const char *sandbox_layer_name(enum sandbox_layer layer);

#endif
