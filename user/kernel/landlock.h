/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Landlock: a process takes the file system away from itself. The C library has no wrappers, and
 * kernel headers may be older than the kernel.
 */
#ifndef KERNEL_LANDLOCK_H
#define KERNEL_LANDLOCK_H

/* The running kernel's version of the interface, 1 or more; or -errno: it has none. */
int landlock_abi(void);

/*
 * From now on the caller, and whatever it starts, may open nothing but to read it, and only below
 * the given paths (a NULL-terminated list of NULL-terminated lists; a path that does not exist is
 * passed over). As far as the kernel can: no TCP bind or connect either (6.7), no device ioctl
 * (6.10), no signal and no abstract Unix socket to anybody outside (6.12). Descriptors already open
 * stay as they are. Asks for no_new_privs, or CAP_SYS_ADMIN. 0 or -errno.
 */
int landlock_restrict(const char *const *const *readable);

#endif
