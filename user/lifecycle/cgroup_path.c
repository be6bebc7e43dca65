/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Container engines leave their mark in the cgroup path alone, each in its own way, and none of
 * them documents it as an interface. What they share is an id of 64 lower-case hexadecimal digits.
 */
#include "lifecycle/cgroup_path.h"

#include <string.h>

#define ID_LEN (CGROUP_CONTAINER_LEN - 1)

/* What may stand before the id within its component, beside nothing at all. */
static const char *const prefixes[] = {
	"docker-", "cri-containerd-", "crio-", "libpod-", "libpod-payload-", "containerd-",
};

static bool is_id(const char *s)
{
	for (size_t i = 0; i < ID_LEN; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

static bool ends_with(const char *s, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	/* Longer, not as long: a bare ".scope" names no unit. */
	return len > n && !memcmp(s + len - n, suffix, n);
}

/*
 * containerd given a systemd path while it drives cgroupfs makes one component of it:
 * "kubepods-pod1.slice:cri-containerd:ID".
 */
static bool is_id_prefix(const char *s, size_t len)
{
	if (len == 0 || s[len - 1] == ':')
		return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (len == strlen(prefixes[i]) && !memcmp(s, prefixes[i], len))
			return true;
	return false;
}

/* The id in one component; NULL when there is none. */
static const char *component_id(const char *s, size_t len)
{
	if (ends_with(s, len, ".scope"))
		len -= strlen(".scope");
	if (len < ID_LEN || !is_id(s + len - ID_LEN))
		return NULL;
	return is_id_prefix(s, len - ID_LEN) ? s + len - ID_LEN : NULL;
}

/*
 * Steps from the end of the path to its beginning: the component that ends before `*end`, which is
 * moved to the slash before it. NULL at the beginning.
 */
static const char *previous_component(const char *path, size_t *end, size_t *len)
{
	size_t start, stop = *end;

	while (stop > 0 && path[stop - 1] == '/')
		stop--;
	if (stop == 0)
		return NULL;
	start = stop;
	while (start > 0 && path[start - 1] != '/')
		start--;
	*len = stop - start;
	*end = start;
	return path + start;
}

bool cgroup_container(const char *path, char *id)
{
	size_t end = strlen(path), len;
	const char *component;

	while ((component = previous_component(path, &end, &len))) {
		const char *found = component_id(component, len);

		if (found) {
			memcpy(id, found, ID_LEN);
			id[ID_LEN] = '\0';
			return true;
		}
	}
	return false;
}

size_t cgroup_unit(const char *path, const char **start)
{
	size_t end = strlen(path), len;
	const char *component;

	while ((component = previous_component(path, &end, &len))) {
		if (ends_with(component, len, ".service") || ends_with(component, len, ".scope")) {
			*start = component;
			return len;
		}
	}
	return 0;
}
