/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of kernel symbols. */
#ifndef KERNEL_KALLSYMS_H
#define KERNEL_KALLSYMS_H

#include <stdint.h>

/*
 * The address of `symbol` in `path` (/proc/kallsyms, or a file like it). 0; -ENOENT no such symbol;
 * -EPERM the file shows address 0, as it does without CAP_SYSLOG or under kernel.kptr_restrict=2;
 * -ENOTUNIQ several with different addresses; or the -errno of opening and reading. *address is set
 * on success only.
 */
int kallsyms_lookup(const char *path, const char *symbol, uint64_t *address);

#endif
