// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/netns_table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "kernel/netns.h"

/* Threads and descriptors looked at for one namespace: some 25 ms, then it counts as not found. */
#define SEARCH_MAX 8192

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int netns_table_init(struct netns_table *t)
{
	_cleanup_close_ int fd = open("/proc/thread-self/ns/net", OPEN_FLAGS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	t->device = st.st_dev;
	t->inode = (uint32_t)st.st_ino;
	t->own = TAKE_FD(fd);
	return 0;
}

/* The inode number of the namespace a path leads to; 0: it leads to none. */
static uint32_t inode_at(const struct netns_table *t, int dir, const char *path)
{
	struct stat st;

	if (fstatat(dir, path, &st, 0) < 0 || st.st_dev != t->device)
		return 0;
	return (uint32_t)st.st_ino;
}

/* Opens a path that led to `inode` a moment ago, if it still does. */
static int open_if(const struct netns_table *t, int dir, const char *path, uint32_t inode)
{
	_cleanup_close_ int fd = openat(dir, path, OPEN_FLAGS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != t->device || st.st_ino != inode)
		return -ENOENT;
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return -ENOENT;
	return TAKE_FD(fd);
}

/* The next entry of a directory that is no hidden file; NULL at the end. */
static const char *next_name(DIR *dir)
{
	struct dirent *e;

	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			return e->d_name;
	return NULL;
}

/* The next process of /proc; NULL at the end. */
static const char *next_process(DIR *proc)
{
	const char *name;

	while ((name = next_name(proc)))
		if (name[0] >= '1' && name[0] <= '9')
			return name;
	return NULL;
}

struct growing {
	struct walker_netns *list;
	size_t count;
	size_t room;
};

static struct walker_netns *find(const struct growing *g, uint32_t inode)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->list[i].inode == inode)
			return &g->list[i];
	return NULL;
}

/* The entry of this namespace, made if need be; NULL: no memory, or the list is at its maximum. */
static struct walker_netns *entry(struct growing *g, uint32_t inode)
{
	struct walker_netns *e = find(g, inode);
	size_t room;

	if (e || g->count == NETNS_TABLE_MAX)
		return e;
	if (g->count == g->room) {
		room = g->room ? 2 * g->room : 64;
		e = realloc(g->list, room * sizeof(*e));
		if (!e)
			return NULL;
		g->list = e;
		g->room = room;
	}
	e = &g->list[g->count++];
	memset(e, 0, sizeof(*e));
	e->inode = inode;
	return e;
}

static void add_named(const struct netns_table *t, struct growing *g)
{
	_cleanup_closedir_ DIR *dir = opendir(NETNS_NAMES);
	struct walker_netns *e;
	const char *name;

	while (dir && (name = next_name(dir))) {
		const uint32_t inode = inode_at(t, dirfd(dir), name);
		_cleanup_close_ int fd = inode ? open_if(t, dirfd(dir), name, inode) : -1;

		e = fd >= 0 ? entry(g, inode) : NULL;
		if (e && !e->name[0])
			memcpy(e->name, name, strnlen(name, sizeof(e->name) - 1));
	}
}

static int add_inhabited(const struct netns_table *t, struct growing *g)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct walker_netns *e;
	char path[NAME_MAX + 16];
	const char *process;
	uint32_t inode;

	if (!proc)
		return -errno;
	while ((process = next_process(proc))) {
		snprintf(path, sizeof(path), "%s/ns/net", process);
		inode = inode_at(t, dirfd(proc), path);
		e = inode ? entry(g, inode) : NULL;
		if (e && !e->pid)
			e->pid = (uint32_t)strtoul(process, NULL, 10);
	}
	return 0;
}

ssize_t netns_table_list(const struct netns_table *t, struct walker_netns **list)
{
	struct growing g = {};
	int err;

	if (!entry(&g, t->inode))
		return -ENOMEM;
	add_named(t, &g);
	err = add_inhabited(t, &g);
	if (err) {
		free(g.list);
		return err;
	}
	*list = g.list;
	return (ssize_t)g.count;
}

static int open_named(const struct netns_table *t, uint32_t inode)
{
	_cleanup_closedir_ DIR *dir = opendir(NETNS_NAMES);
	const char *name;
	int fd;

	while (dir && (name = next_name(dir))) {
		if (inode_at(t, dirfd(dir), name) != inode)
			continue;
		fd = open_if(t, dirfd(dir), name, inode);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

static int open_inhabited(const struct netns_table *t, DIR *proc, uint32_t inode)
{
	char path[NAME_MAX + 16];
	const char *process;
	int fd;

	while ((process = next_process(proc))) {
		snprintf(path, sizeof(path), "%s/ns/net", process);
		if (inode_at(t, dirfd(proc), path) != inode)
			continue;
		fd = open_if(t, dirfd(proc), path, inode);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

/*
 * Among the entries below one directory of a process, each of which is a link to a namespace, or to
 * anything else: its text is read and not what it leads to, which may be on a dead file server.
 */
static int open_linked(const struct netns_table *t, const char *process, const char *below,
		       const char *suffix, uint32_t inode, unsigned int *left)
{
	char path[NAME_MAX + 16], text[32], wanted[32];
	_cleanup_closedir_ DIR *dir = NULL;
	const char *name;
	ssize_t n;
	int found;

	snprintf(path, sizeof(path), "/proc/%s/%s", process, below);
	dir = opendir(path);
	if (!dir)
		return -ENOENT;
	snprintf(wanted, sizeof(wanted), "net:[%u]", inode);
	while (*left && (name = next_name(dir))) {
		--*left;
		snprintf(path, sizeof(path), "%s%s", name, suffix);
		n = readlinkat(dirfd(dir), path, text, sizeof(text) - 1);
		if (n < 0)
			continue;
		text[n] = '\0';
		if (strcmp(text, wanted) != 0)
			continue;
		found = open_if(t, dirfd(dir), path, inode);
		if (found >= 0)
			return found;
	}
	return -ENOENT;
}

static int open_hidden(const struct netns_table *t, DIR *proc, uint32_t inode)
{
	unsigned int left = SEARCH_MAX;
	const char *process;
	int fd;

	while (left && (process = next_process(proc))) {
		fd = open_linked(t, process, "task", "/ns/net", inode, &left);
		if (fd < 0)
			fd = open_linked(t, process, "fd", "", inode, &left);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

int netns_table_open(const struct netns_table *t, uint32_t inode)
{
	_cleanup_closedir_ DIR *proc = NULL;
	int fd;

	if (inode == t->inode) {
		fd = fcntl(t->own, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	fd = open_named(t, inode);
	if (fd >= 0)
		return fd;
	proc = opendir("/proc");
	if (!proc)
		return -errno;
	fd = open_inhabited(t, proc, inode);
	if (fd >= 0)
		return fd;
	rewinddir(proc);
	return open_hidden(t, proc, inode);
}
