/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leaves a buffer, in which pieces, and what becomes of an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/buffer.h"

static void assert_memory(const struct buffer *b, const char *expected)
{
	assert_int_equal(b->len, strlen(expected));
	assert_memory_equal(b->data, expected, b->len);
}

static void buffer__numbers_and_text__are_appended(void **state)
{
	struct buffer b;

	(void)state;
	assert_int_equal(buffer_init(&b, -1, 256), 0);
	buffer_str(&b, "a=");
	buffer_u64(&b, 0);
	buffer_char(&b, ' ');
	buffer_u64(&b, 1234567890);
	buffer_char(&b, ' ');
	buffer_u64(&b, UINT64_MAX);
	buffer_printf(&b, " %s-%d", "x", -5);
	assert_int_equal(buffer_flush(&b), 0);
	assert_memory(&b, "a=0 1234567890 18446744073709551615 x--5");
	buffer_release(&b);
}

static void buffer__memory_full__keeps_what_fits_and_the_error(void **state)
{
	struct buffer b;

	(void)state;
	assert_int_equal(buffer_init(&b, -1, 8), 0);
	buffer_str(&b, "12345\n");
	buffer_str(&b, "678");
	buffer_str(&b, "9");
	assert_int_equal(buffer_flush(&b), -ENOSPC);
	assert_memory(&b, "12345\n");
	buffer_release(&b);
}

/* Datagrams keep the borders of writes. */
static void buffer__full_in_mid_line__whole_lines_leave(void **state)
{
	struct buffer b;
	int pair[2];
	char got[64];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(buffer_init(&b, pair[0], 16), 0);
	buffer_str(&b, "one\n");
	buffer_str(&b, "two\n");
	buffer_str(&b, "thr");
	buffer_str(&b, "ee and more\n");
	assert_int_equal(recv(pair[1], got, sizeof(got), MSG_DONTWAIT), 8);
	assert_memory_equal(got, "one\ntwo\n", 8);
	assert_int_equal(buffer_flush(&b), 0);
	assert_int_equal(recv(pair[1], got, sizeof(got), MSG_DONTWAIT), 15);
	assert_memory_equal(got, "three and more\n", 15);
	buffer_release(&b);
	close(pair[0]);
	close(pair[1]);
}

static void buffer__line_longer_than_the_buffer__all_of_it_leaves(void **state)
{
	struct buffer b;
	int pipes[2];
	char got[64] = "";

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(buffer_init(&b, pipes[1], 8), 0);
	buffer_str(&b, "0123456789abcdefghijklmnopqrstuvwxyz\n");
	assert_int_equal(buffer_flush(&b), 0);
	assert_int_equal(read(pipes[0], got, sizeof(got)), 37);
	assert_string_equal(got, "0123456789abcdefghijklmnopqrstuvwxyz\n");
	buffer_release(&b);
	close(pipes[0]);
	close(pipes[1]);
}

static void *read_everything(void *arg)
{
	int fd = *(int *)arg;
	char bytes[4096];
	uintptr_t sum = 0;
	ssize_t n;

	usleep(20000);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum += (uintptr_t)(unsigned char)bytes[i];
	return (void *)sum;
}

static void buffer__non_blocking_pipe_full__waits_for_the_reader(void **state)
{
	const size_t lines = 200000;
	struct buffer b;
	pthread_t reader;
	void *sum;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(fcntl(pipes[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_everything, &pipes[0]), 0);
	assert_int_equal(buffer_init(&b, pipes[1], 1 << 16), 0);
	for (size_t i = 0; i < lines; i++)
		buffer_str(&b, "ab\n");
	assert_int_equal(buffer_flush(&b), 0);
	close(pipes[1]);
	assert_int_equal(pthread_join(reader, &sum), 0);
	assert_int_equal((uintptr_t)sum, lines * ('a' + 'b' + '\n'));
	buffer_release(&b);
	close(pipes[0]);
}

static void buffer__pipe_closed__first_error_stays_and_the_rest_is_dropped(void **state)
{
	struct buffer b;
	int pipes[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(pipes), 0);
	close(pipes[0]);
	assert_int_equal(buffer_init(&b, pipes[1], 64), 0);
	buffer_str(&b, "line\n");
	assert_int_equal(buffer_flush(&b), -EPIPE);
	close(pipes[1]);
	for (int i = 0; i < 100; i++)
		buffer_str(&b, "another line\n");
	assert_int_equal(buffer_flush(&b), -EPIPE);
	assert_int_equal(b.len, 0);
	buffer_release(&b);
	signal(SIGPIPE, SIG_DFL);
}

/* A limit on the size of files stands for a full disk: a short write, then an error. */
static void buffer__file_cannot_grow__ends_with_a_whole_line(void **state)
{
	char path[] = "/tmp/tcpwitness-buffer-XXXXXX", got[64] = "";
	struct rlimit old, small;
	struct buffer b;
	_cleanup_close_ int fd = mkstemp(path);
	int error;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 13;
	assert_int_equal(buffer_init(&b, fd, 64), 0);
	buffer_str(&b, "first\nsecond\n");
	buffer_flush(&b);
	buffer_str(&b, "third\n");
	small.rlim_cur = 16;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	error = buffer_flush(&b);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(error, -EFBIG);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 13);
	assert_string_equal(got, "first\nsecond\n");
	buffer_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer__numbers_and_text__are_appended),
		cmocka_unit_test(buffer__memory_full__keeps_what_fits_and_the_error),
		cmocka_unit_test(buffer__full_in_mid_line__whole_lines_leave),
		cmocka_unit_test(buffer__line_longer_than_the_buffer__all_of_it_leaves),
		cmocka_unit_test(buffer__non_blocking_pipe_full__waits_for_the_reader),
		cmocka_unit_test(buffer__pipe_closed__first_error_stays_and_the_rest_is_dropped),
		cmocka_unit_test(buffer__file_cannot_grow__ends_with_a_whole_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
