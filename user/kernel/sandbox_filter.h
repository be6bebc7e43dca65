/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls the tracer may still make in its sandbox. */
#ifndef KERNEL_SANDBOX_FILTER_H
#define KERNEL_SANDBOX_FILTER_H

#include <stdbool.h>

/* Installs the filter; another call returns EPERM, or kills under `strict`. 0 or -errno. */
int sandbox_filter(bool strict);

#endif
