/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two system call filters, of the tracer and of its helper, are made with. */
#ifndef KERNEL_SYSCALLS_H
#define KERNEL_SYSCALLS_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Builds with AddressSanitizer look for leaks at exit from a thread that ptraces its process: their
 * filters have to let that through, and so prove less.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SYSCALLS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SYSCALLS_SANITIZED 1
#endif
#endif
#ifndef SYSCALLS_SANITIZED
#define SYSCALLS_SANITIZED 0
#endif

/* Lets these calls through whatever their arguments are. 0 or -errno. */
int syscalls_allow(scmp_filter_ctx ctx, const int *calls, size_t count);

/* Lets a call through when argument `arg`, under `mask`, is `value`. 0 or -errno. */
int syscalls_allow_if(scmp_filter_ctx ctx, int call, unsigned int arg, scmp_datum_t mask,
		      scmp_datum_t value);

/* Lets a call through when argument `arg`, an int, is one of the values. 0 or -errno. */
int syscalls_allow_values(scmp_filter_ctx ctx, int call, unsigned int arg,
			  const unsigned int *values, size_t count);

/*
 * What every program of this C library does between its real work: memory (never executable),
 * clocks, locks, its own signals and its end. 0 or -errno.
 */
int syscalls_allow_basics(scmp_filter_ctx ctx);

/* Lets openat(2) and its elder through for reading alone: nothing written, made or cut. */
int syscalls_allow_reading(scmp_filter_ctx ctx);

/* Whether the kernel has filters at all: seccomp_load() does not tell why it failed. */
bool syscalls_filters_exist(void);

/* A filter whose other calls end in `action`; NULL: no memory. Freed by seccomp_release(). */
scmp_filter_ctx syscalls_filter(uint32_t action);

#endif
