// SPDX-License-Identifier: GPL-2.0-or-later
/* See cgroup.h. */
#include "kernel/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"

#define BUCKETS 1024
#define MAX_NAMES 16384
#define WALK_EVERY_NS 200000000ull

struct name {
	struct name *next;
	uint64_t id;
	char path[];
};

struct cgroup_names {
	char mount[256];
	struct name *buckets[BUCKETS];
	size_t count;
	uint64_t walked;
	bool walked_once;
};

/* Where cgroup2 is mounted: /sys/fs/cgroup, or below it beside the first version. */
static int find_mount(char *mount, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	if (!file)
		return -errno;
	while (getline(&line, &room, file) > 0) {
		char *type = strstr(line, " - cgroup2 ");
		char where[256];

		if (!type || sscanf(line, "%*s %*s %*s %*s %255s", where) != 1)
			continue;
		if ((size_t)snprintf(mount, size, "%s", where) >= size)
			return -ENAMETOOLONG;
		return 0;
	}
	return -ENOENT;
}

int cgroup_resolve(const char *path, uint64_t *id, char *error, size_t error_size)
{
	char mount[256], full[4352];
	struct statfs fs;
	struct stat st;
	int err = find_mount(mount, sizeof(mount));
	size_t len = err ? 0 : strlen(mount);

	if (err) {
		snprintf(error, error_size,
			 "no cgroup2 file system is mounted: '--cgroup' needs one");
		return err;
	}
	if (strncmp(path, mount, len) == 0 && (path[len] == '/' || path[len] == '\0'))
		snprintf(full, sizeof(full), "%s", path);
	else
		snprintf(full, sizeof(full), "%s/%s", mount, path);
	if (stat(full, &st) || statfs(full, &fs)) {
		err = -errno;
		snprintf(error, error_size,
			 "no cgroup '%s': %s: give its path below %s, as in /proc/PID/cgroup", path,
			 strerror(-err), mount);
		return err;
	}
	/* ".." leads out of the tree */
	if (!S_ISDIR(st.st_mode) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		snprintf(error, error_size, "no cgroup '%s': not a directory below %s", path,
			 mount);
		return -ENOTDIR;
	}
	*id = st.st_ino;
	return 0;
}

int cgroup_names_new(struct cgroup_names **out)
{
	struct cgroup_names *names = calloc(1, sizeof(*names));
	int err;

	if (!names)
		return -ENOMEM;
	err = find_mount(names->mount, sizeof(names->mount));
	if (err) {
		free(names);
		return err;
	}
	*out = names;
	return 0;
}

static void forget(struct cgroup_names *names)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct name *next;

		for (struct name *n = names->buckets[i]; n; n = next) {
			next = n->next;
			free(n);
		}
		names->buckets[i] = NULL;
	}
	names->count = 0;
}

void cgroup_names_free(struct cgroup_names *names)
{
	if (!names)
		return;
	forget(names);
	free(names);
}

static struct name *find(const struct cgroup_names *names, uint64_t id)
{
	for (struct name *n = names->buckets[id % BUCKETS]; n; n = n->next)
		if (n->id == id)
			return n;
	return NULL;
}

static void add(struct cgroup_names *names, uint64_t id, const char *path)
{
	size_t len = strlen(path);
	struct name *n;

	if (names->count == MAX_NAMES || find(names, id))
		return;
	n = malloc(sizeof(*n) + len + 2);
	if (!n)
		return;
	n->id = id;
	memcpy(n->path, len ? path : "/", (len ? len : 1) + 1);
	n->next = names->buckets[id % BUCKETS];
	names->buckets[id % BUCKETS] = n;
	names->count++;
}

/*
 * Kept over walks, so that a cgroup that is gone can still be named for the connections it left;
 * begun anew when full.
 */
static void walk(struct cgroup_names *names)
{
	char *const roots[] = {names->mount, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t skip = strlen(names->mount);
	FTSENT *entry;

	if (names->count == MAX_NAMES)
		forget(names);
	if (!tree)
		return;
	while ((entry = fts_read(tree)))
		if (entry->fts_info == FTS_D)
			add(names, entry->fts_statp->st_ino, entry->fts_path + skip);
	fts_close(tree);
}

const char *cgroup_names_path(struct cgroup_names *names, uint64_t id, uint64_t now)
{
	struct name *n;

	if (!id)
		return NULL;
	n = find(names, id);
	if (n)
		return n->path;
	if (names->walked_once && now - names->walked < WALK_EVERY_NS)
		return NULL;
	names->walked = now;
	names->walked_once = true;
	walk(names);
	n = find(names, id);
	return n ? n->path : NULL;
}
