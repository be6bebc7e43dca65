/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to say when the kernel takes a program not: one line, the problem and what to try. */
#ifndef KERNEL_REFUSAL_H
#define KERNEL_REFUSAL_H

#include <stddef.h>

/* Writes the line to `error` and returns `err`. */
int refusal(char *error, size_t size, int err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Of libbpf's load(): 0, or the line in `error` and -EPERM, -EMFILE, -ENFILE, -ENOMEM or, where the
 * kernel lacks something, -EOPNOTSUPP.
 */
int refusal_of_load(char *error, size_t size, int err);

#endif
