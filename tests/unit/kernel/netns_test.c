// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "kernel/netns.h"

static char error[256];

/* What resolving returns; on failure `error` says `words`, and the number is untouched. */
static int resolve(const char *what, const char *words, uint32_t *inode)
{
	int err;

	memset(error, 0, sizeof(error));
	*inode = 7;
	err = netns_resolve(what, inode, error, sizeof(error));
	if (!err)
		return 0;
	assert_int_equal(*inode, 7);
	assert_null(strchr(error, '\n'));
	if (!strstr(error, words))
		fail_msg("'%s' says nothing of '%s'", error, words);
	return err;
}

static void netns_resolve__path__is_its_inode(void **state)
{
	uint32_t inode;

	(void)state;
	assert_int_equal(resolve("/proc/self/ns/net", "", &inode), 0);
	assert_int_equal(inode, netns_own());
	assert_int_not_equal(inode, 0);
}

static char name[32];

/* What a test that failed has left. */
static int clean(void **state)
{
	char command[96], path[64];

	(void)state;
	snprintf(path, sizeof(path), NETNS_NAMES "/%s", name);
	snprintf(command, sizeof(command), "ip netns del %s", name);
	if (name[0] && access(path, F_OK) == 0)
		return system(command);
	return 0;
}

static void netns_resolve__name__is_its_inode(void **state)
{
	char command[96], path[64];
	struct stat st;
	uint32_t inode;

	(void)state;
	skip_unless_root();
	snprintf(name, sizeof(name), "tcpw-netns-%d", (int)getpid());
	snprintf(command, sizeof(command), "ip netns add %s", name);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), NETNS_NAMES "/%s", name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(resolve(name, "", &inode), 0);
	assert_int_equal(inode, st.st_ino);
	assert_int_not_equal(inode, netns_own());
	assert_int_equal(resolve(path, "", &inode), 0);
	assert_int_equal(inode, st.st_ino);
	snprintf(command, sizeof(command), "ip netns del %s", name);
	assert_int_equal(system(command), 0);
	assert_int_equal(resolve(name, name, &inode), -ENOENT);
}

static void netns_resolve__nothing_there__says_what_to_try(void **state)
{
	uint32_t inode;

	(void)state;
	assert_int_equal(
		resolve("no-such-name", "cannot open network namespace 'no-such-name'", &inode),
		-ENOENT);
	assert_non_null(strstr(error, "ip netns list"));
	assert_int_equal(resolve("/proc/0/ns/net", "'/proc/0/ns/net'", &inode), -ENOENT);
	assert_non_null(strstr(error, "/proc/PID/ns/net"));
}

static void netns_resolve__something_else__is_EINVAL(void **state)
{
	static const char *const others[] = {"/proc/self/ns/mnt", "/etc/passwd", "/dev/null",
					     "/tmp"};
	uint32_t inode;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(resolve(others[i], "is not a network namespace", &inode), -EINVAL);
	assert_int_equal(resolve("", "names no network namespace", &inode), -EINVAL);
	assert_int_equal(resolve(".", "names no network namespace", &inode), -EINVAL);
	assert_int_equal(resolve("..", "names no network namespace", &inode), -EINVAL);
}

static void netns_resolve__too_long__is_ENAMETOOLONG(void **state)
{
	static char longest[5000];
	uint32_t inode;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	assert_int_equal(resolve(longest, "cannot open network namespace", &inode), -ENAMETOOLONG);
	longest[300] = '\0';
	assert_int_equal(resolve(longest, "cannot open network namespace", &inode), -ENAMETOOLONG);
}

static void netns_resolve__pipe__does_not_wait(void **state)
{
	char path[64];
	uint32_t inode;
	int err;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/netns_test.%d", (int)getpid());
	assert_int_equal(mkfifo(path, 0600), 0);
	err = netns_resolve(path, &inode, error, sizeof(error));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(err, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(netns_resolve__path__is_its_inode),
		cmocka_unit_test(netns_resolve__name__is_its_inode),
		cmocka_unit_test(netns_resolve__nothing_there__says_what_to_try),
		cmocka_unit_test(netns_resolve__something_else__is_EINVAL),
		cmocka_unit_test(netns_resolve__too_long__is_ENAMETOOLONG),
		cmocka_unit_test(netns_resolve__pipe__does_not_wait),
	};

	return cmocka_run_group_tests_name("netns", tests, NULL, clean);
}
