// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"

/* What to try next, after the kernel's own words. */
static const char *advice(int err, bool named)
{
	if (err == ENOENT && named)
		return "'ip netns list' shows the names there are";
	if (err == ENOENT)
		return "try a name of 'ip netns list' or /proc/PID/ns/net";
	if (err == EACCES || err == EPERM)
		return "try as root";
	return "try a name of 'ip netns list'";
}

/* A descriptor of the namespace and its inode, or -errno with the error written. */
static int open_netns(const char *what, uint32_t *inode, char *error, size_t error_size)
{
	const bool named = !strchr(what, '/');
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	struct stat st;
	char path[PATH_MAX];
	int n, err;

	if (!*what || strcmp(what, ".") == 0 || strcmp(what, "..") == 0) {
		snprintf(error, error_size, "'%s' names no network namespace: %s", what,
			 advice(EINVAL, named));
		return -EINVAL;
	}
	n = snprintf(path, sizeof(path), "%s%s", named ? NETNS_NAMES "/" : "", what);
	fd = (size_t)n < sizeof(path) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
				      : -1;
	if (fd < 0 || fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0) {
		err = (size_t)n < sizeof(path) ? errno : ENAMETOOLONG;
		snprintf(error, error_size, "cannot open network namespace '%s': %s; %s", what,
			 strerror(err), advice(err, named));
		return -err;
	}
	if (fs.f_type != NSFS_MAGIC || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
		snprintf(error, error_size, "'%s' is not a network namespace: %s", what,
			 advice(EINVAL, named));
		return -EINVAL;
	}
	*inode = (uint32_t)st.st_ino;
	return TAKE_FD(fd);
}

int netns_resolve(const char *what, uint32_t *inode, char *error, size_t error_size)
{
	_cleanup_close_ int fd = open_netns(what, inode, error, error_size);

	return fd < 0 ? fd : 0;
}

int netns_enter(const char *what, char *error, size_t error_size)
{
	uint32_t inode;
	_cleanup_close_ int fd = open_netns(what, &inode, error, error_size);
	int err;

	if (fd < 0)
		return fd;
	if (setns(fd, CLONE_NEWNET) == 0)
		return 0;
	err = errno;
	snprintf(error, error_size, "cannot enter network namespace '%s': %s; %s", what,
		 strerror(err), advice(err, true));
	return -err;
}

uint32_t netns_own(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) < 0 ? 0 : (uint32_t)st.st_ino;
}
