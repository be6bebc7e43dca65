// SPDX-License-Identifier: GPL-2.0-or-later
/* Cgroups of the test's own below the mount of this machine; removed at the end. */
#include "process.h"

#include <sys/stat.h>

#include "kernel/cgroup.h"
#include "kernel/sandbox.h"

#define SECOND 1000000000ull

static char mount[256], name[64], inner[128], error[512];

static void full(char *path, size_t size, const char *cgroup)
{
	assert_true((size_t)snprintf(path, size, "%s%s", mount, cgroup) < size);
}

static uint64_t made(const char *cgroup)
{
	struct stat st;
	char path[512];

	full(path, sizeof(path), cgroup);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void removed(const char *cgroup)
{
	char path[512];

	full(path, sizeof(path), cgroup);
	assert_int_equal(rmdir(path), 0);
}

/* Where cgroup2 is, by another way than the code under test. */
static int find(void **state)
{
	FILE *p = popen("findmnt -n -o TARGET -t cgroup2 | head -1", "r");

	(void)state;
	if (!p || !fgets(mount, sizeof(mount), p))
		mount[0] = '\0';
	if (p)
		pclose(p);
	mount[strcspn(mount, "\n")] = '\0';
	snprintf(name, sizeof(name), "/tcpw-test-%d", (int)getpid());
	snprintf(inner, sizeof(inner), "%s/a \"b\".service", name);
	return 0;
}

/* What a test that failed has left. */
static int clean(void **state)
{
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s%s", mount, inner);
	rmdir(path);
	snprintf(path, sizeof(path), "%s%s", mount, name);
	rmdir(path);
	return 0;
}

#define skip_without_cgroup()                    \
	do {                                     \
		if (geteuid() != 0 || !mount[0]) \
			skip();                  \
	} while (0)

static void cgroup_resolve__any_way_to_write_it__is_its_id(void **state)
{
	uint64_t outer_id, id;
	char path[512];

	(void)state;
	skip_without_cgroup();
	outer_id = made(name);
	assert_int_equal(cgroup_resolve(name, &id, error, sizeof(error)), 0);
	assert_true(id == outer_id);
	assert_int_equal(cgroup_resolve(name + 1, &id, error, sizeof(error)), 0);
	assert_true(id == outer_id);
	full(path, sizeof(path), name);
	assert_int_equal(cgroup_resolve(path, &id, error, sizeof(error)), 0);
	assert_true(id == outer_id);
	removed(name);
	assert_int_equal(cgroup_resolve("/", &id, error, sizeof(error)), 0);
}

static void cgroup_resolve__no_cgroup__says_so(void **state)
{
	static const char *const others[] = {"/no-such-cgroup", "/../../../../tmp", "/cgroup.procs",
					     "/.."};
	uint64_t id = 7;
	char path[512];

	(void)state;
	skip_without_cgroup();
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_true(cgroup_resolve(others[i], &id, error, sizeof(error)) < 0);
		assert_non_null(strstr(error, others[i]));
		assert_null(strchr(error, '\n'));
		assert_int_equal(id, 7);
	}
	/* begins like the mount, and is another directory */
	full(path, sizeof(path), "-not");
	assert_int_equal(cgroup_resolve(path, &id, error, sizeof(error)), -ENOENT);
}

static void cgroup_names_path__known__is_below_the_mount(void **state)
{
	struct cgroup_names *names;
	uint64_t outer_id, inner_id, root;

	(void)state;
	skip_without_cgroup();
	outer_id = made(name);
	inner_id = made(inner);
	assert_int_equal(cgroup_names_new(&names), 0);
	assert_string_equal(cgroup_names_path(names, outer_id, SECOND), name);
	assert_string_equal(cgroup_names_path(names, inner_id, SECOND), inner);
	assert_int_equal(cgroup_resolve("/", &root, error, sizeof(error)), 0);
	assert_string_equal(cgroup_names_path(names, root, SECOND), "/");
	assert_null(cgroup_names_path(names, 0, SECOND));
	cgroup_names_free(names);
	removed(inner);
	removed(name);
}

static void cgroup_names_path__made_later__is_found_by_the_next_walk(void **state)
{
	struct cgroup_names *names;
	uint64_t id;

	(void)state;
	skip_without_cgroup();
	assert_int_equal(cgroup_names_new(&names), 0);
	assert_null(cgroup_names_path(names, ~0ull, SECOND));
	id = made(name);
	assert_null(cgroup_names_path(names, id, SECOND + 1));
	assert_string_equal(cgroup_names_path(names, id, 2 * SECOND), name);
	removed(name);
	/* connections outlive their cgroup */
	assert_string_equal(cgroup_names_path(names, id, 3 * SECOND), name);
	cgroup_names_free(names);
	assert_int_equal(cgroup_names_new(&names), 0);
	assert_null(cgroup_names_path(names, id, SECOND));
	cgroup_names_free(names);
}

static void look_up_in_sandbox(void *arg)
{
	const struct sandbox_options options = {.strict = true};
	struct cgroup_names *names;
	const char *missing, *path;

	MUST(cgroup_names_new(&names) == 0);
	MUST(sandbox_enter(&options, &missing) == SANDBOX_ALL);
	path = cgroup_names_path(names, *(uint64_t *)arg, SECOND);
	MUST(path && strcmp(path, inner) == 0);
	cgroup_names_free(names);
}

static void cgroup_names_path__in_the_sandbox__is_found(void **state)
{
	uint64_t id;
	int status;

	(void)state;
	skip_without_cgroup();
	made(name);
	id = made(inner);
	status = process_run(look_up_in_sandbox, &id);
	removed(inner);
	removed(name);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroup_resolve__any_way_to_write_it__is_its_id),
		cmocka_unit_test(cgroup_resolve__no_cgroup__says_so),
		cmocka_unit_test(cgroup_names_path__known__is_below_the_mount),
		cmocka_unit_test(cgroup_names_path__made_later__is_found_by_the_next_walk),
		cmocka_unit_test(cgroup_names_path__in_the_sandbox__is_found),
	};

	return cmocka_run_group_tests_name("cgroup", tests, find, clean);
}
