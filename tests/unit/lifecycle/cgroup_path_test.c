/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as container engines and systemd write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lifecycle/cgroup_path.h"

#define A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define POD "pod01234567_89ab_cdef_0123_456789abcdef"

static void assert_container(const char *path, const char *expected)
{
	char id[CGROUP_CONTAINER_LEN] = "untouched";

	if (!expected) {
		assert_false(cgroup_container(path, id));
		assert_string_equal(id, "untouched");
		return;
	}
	if (!cgroup_container(path, id))
		fail_msg("no container in %s", path);
	assert_string_equal(id, expected);
}

static void assert_unit(const char *path, const char *expected)
{
	const char *start = NULL;
	size_t len = cgroup_unit(path, &start);

	assert_int_equal(len, strlen(expected));
	if (len > 0)
		assert_memory_equal(start, expected, len);
	else
		assert_null(start);
}

static void cgroup_container__engines__id_is_found(void **state)
{
	static const char *const paths[] = {
		"/docker/" A,
		"/system.slice/docker-" A ".scope",
		"/kubepods/burstable/" POD "/" A,
		"/kubepods/" POD "/" A,
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD
		".slice/cri-containerd-" A ".scope",
		"/kubepods.slice/kubepods-" POD ".slice/crio-" A ".scope",
		"/system.slice/containerd.service/kubepods-burstable-" POD
		".slice:cri-containerd:" A,
		"/machine.slice/libpod-" A ".scope",
		"/machine.slice/libpod-" A ".scope/container",
		"/libpod_parent/libpod-" A,
		"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A
		".scope/container",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_container(paths[i], A);
}

static void cgroup_container__nested__innermost_wins(void **state)
{
	(void)state;
	assert_container("/docker/" A "/docker/" B, B);
	assert_container("/system.slice/docker-" A ".scope/kubepods/" POD "/" B, B);
	assert_container("/docker/" A "/system.slice/sshd.service", A);
	assert_container("/docker/" A "/", A);
}

static void cgroup_container__none__is_told_so(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"/system.slice/nginx.service",
		"/system.slice/docker.service",
		"/docker/0123456789abcdef",
		"/docker/" A "0",
		"/docker/x" A,
		"/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"/machine.slice/libpod-conmon-" A ".scope",
		"/kubepods.slice/crio-conmon-" A ".scope",
		"/docker/" A ".service",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_container(paths[i], NULL);
}

static void cgroup_unit__innermost_service_or_scope__is_the_unit(void **state)
{
	(void)state;
	assert_unit("/system.slice/nginx.service", "nginx.service");
	assert_unit("/system.slice/docker-" A ".scope", "docker-" A ".scope");
	assert_unit("/user.slice/user-1000.slice/session-2.scope", "session-2.scope");
	assert_unit("/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
		    "foo.service");
	assert_unit("/system.slice/postgresql.service/worker", "postgresql.service");
	assert_unit("nginx.service", "nginx.service");
	assert_unit("//a.service//", "a.service");
}

static void cgroup_unit__none__is_empty(void **state)
{
	(void)state;
	assert_unit("", "");
	assert_unit("/", "");
	assert_unit("/user.slice", "");
	assert_unit("/a/.service", "");
	assert_unit("/services/x", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroup_container__engines__id_is_found),
		cmocka_unit_test(cgroup_container__nested__innermost_wins),
		cmocka_unit_test(cgroup_container__none__is_told_so),
		cmocka_unit_test(cgroup_unit__innermost_service_or_scope__is_the_unit),
		cmocka_unit_test(cgroup_unit__none__is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
