/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing outside the directory, whatever stands in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stack/document.h"

static char top[] = "/tmp/document-test-XXXXXX";
static int root = -1;

static void put(const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	root = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	assert_int_equal(mkdirat(root, "in", 0755), 0);
	assert_int_equal(mkdirat(root, "in/empty", 0755), 0);
	put("secret", "no");
	put("in/file", "four");
	put("in/index.html", "index!");
	assert_int_equal(symlinkat("../secret", root, "in/link"), 0);
	assert_int_equal(symlinkat("..", root, "in/up"), 0);
	assert_int_equal(mkfifoat(root, "in/fifo", 0644), 0);
	close(root);
	chdir(top);
	root = open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0;
}

static int tear_down(void **state)
{
	static const char *const all[] = {"in/file", "in/index.html", "in/link",
					  "in/up",   "in/fifo",       "secret"};

	(void)state;
	close(root);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		unlink(all[i]);
	rmdir("in/empty");
	rmdir("in");
	return rmdir(top);
}

static void assert_opens(const char *path, const char *text)
{
	const char *name = "";
	char got[16] = "";
	uint64_t size = 0;
	int fd = document_open(root, path, &size, &name);

	assert_true(fd >= 0);
	assert_int_equal(size, strlen(text));
	assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(text));
	assert_string_equal(got, text);
	/* What tells its type: of a directory, that of its index. */
	assert_string_equal(name, *path ? path : "index.html");
	close(fd);
}

static void assert_refused(const char *path)
{
	const char *name;
	uint64_t size;

	assert_int_equal(document_open(root, path, &size, &name), -ENOENT);
}

static void document_open__what_is_there__opens(void **state)
{
	(void)state;
	assert_opens("file", "four");
	assert_opens("", "index!");
	assert_opens("index.html", "index!");
}

static void document_open__links_ways_up_and_devices__are_not_there(void **state)
{
	char name[400];

	(void)state;
	assert_refused("nosuch");
	assert_refused("link");
	assert_refused("up/secret");
	assert_refused("..");
	assert_refused("../secret");
	assert_refused("./file");
	assert_refused("file/x");
	assert_refused("fifo");
	assert_refused("empty");
	assert_refused("/etc/passwd");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_refused(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(document_open__what_is_there__opens),
		cmocka_unit_test(document_open__links_ways_up_and_devices__are_not_there),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
