// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opened a component at a time, each without following a link. openat2(RESOLVE_BENEATH) would do
 * it in one call, but it tells what it does through a pointer, which the system call filter cannot
 * look behind.
 */
#include "stack/document.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define INDEX "index.html"
/* A fifo would make the opening wait. */
#define FLAGS (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define COMPONENT_MAX 255

static int refused(int err)
{
	switch (err) {
	case ELOOP: /* a symbolic link */
	case ENOTDIR:
	case ENAMETOOLONG:
	case EACCES:
	case ENXIO: /* a socket */
		return -ENOENT;
	default:
		return -err;
	}
}

/* The next component of `path` below `dir`. */
static int open_component(int dir, const char **path)
{
	size_t len = strcspn(*path, "/");
	char name[COMPONENT_MAX + 1];
	int fd;

	if (len > COMPONENT_MAX)
		return -ENOENT;
	memcpy(name, *path, len);
	name[len] = 0;
	if (!strcmp(name, "..") || !strcmp(name, "."))
		return -ENOENT;
	*path += len;
	fd = openat(dir, name, FLAGS | (**path == '/' ? O_DIRECTORY : 0));
	*path += **path == '/';
	return fd < 0 ? refused(errno) : fd;
}

static int open_index(int dir)
{
	const char *name = INDEX;

	return open_component(dir, &name);
}

int document_open(int root, const char *path, uint64_t *size, const char **name)
{
	const char *asked = path;
	_cleanup_close_ int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
	struct stat st;
	int next;

	if (fd < 0)
		return -errno;
	while (*path) {
		next = open_component(fd, &path);
		if (next < 0)
			return next;
		close(fd);
		fd = next;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		asked = INDEX;
		next = open_index(fd);
		if (next < 0)
			return next;
		close(fd);
		fd = next;
		if (fstat(fd, &st) < 0)
			return -errno;
	}
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	*size = (uint64_t)st.st_size;
	*name = asked;
	return TAKE_FD(fd);
}
