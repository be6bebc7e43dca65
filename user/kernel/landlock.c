// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/*
 * As linux/landlock.h of 6.12 has it; a kernel takes a shorter one, or a longer one with zeros
 * where it knows nothing. Version 7 (6.15) added logging and no right.
 */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

#define FS_VERSION_1 ((1ull << 13) - 1) /* execute ... make_sym */
#define FS_REFER (1ull << 13)
#define FS_TRUNCATE (1ull << 14)
#define FS_IOCTL_DEV (1ull << 15)
#define NET_BIND_CONNECT_TCP 3ull
#define SCOPE_ABSTRACT_UNIX_AND_SIGNAL 3ull

int landlock_abi(void)
{
	const long abi =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? -errno : (int)abi;
}

/* All that this version can forbid. */
static struct ruleset everything(int abi)
{
	struct ruleset r = {.fs = FS_VERSION_1};

	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND_CONNECT_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = SCOPE_ABSTRACT_UNIX_AND_SIGNAL;
	return r;
}

/* What a kernel of this version knows of struct ruleset. */
static size_t ruleset_size(int abi)
{
	if (abi < 4)
		return offsetof(struct ruleset, net);
	return abi < 6 ? offsetof(struct ruleset, scoped) : sizeof(struct ruleset);
}

static int allow_reading(int ruleset, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
	if (S_ISDIR(st.st_mode))
		rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

int landlock_restrict(const char *const *const *readable)
{
	_cleanup_close_ int fd = -1;
	const int abi = landlock_abi();
	struct ruleset r;
	int err;

	if (abi < 0)
		return abi;
	r = everything(abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, ruleset_size(abi), 0);
	if (fd < 0)
		return -errno;
	for (; *readable; readable++)
		for (const char *const *path = *readable; *path; path++) {
			err = allow_reading(fd, *path);
			if (err)
				return err;
		}
	return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
}
