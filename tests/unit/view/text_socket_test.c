/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `snapshot` beside `ss -tanp`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "text_sample.h"

static void put_story(struct lifecycle_owner owner)
{
	struct tcpw_socket s = {.state = TCPW_LISTEN, .tx_queue = 511, .timer_ns = TCPW_NO_TIMER};
	struct view_socket v = {.socket = &s, .owner = &owner, .role = TCPW_ROLE_LISTENER};

	text_socket_head(&out, &ctx);
	s.tuple = sample_tuple("::", 80, "::", 0);
	text_socket(&out, &ctx, &v);
	s.state = TCPW_ESTABLISHED;
	s.rx_queue = 17;
	s.tx_queue = 123456;
	s.timer_ns = 201 * SAMPLE_MS;
	s.tuple = sample_tuple("10.0.0.5", 43210, "10.0.0.9", 443);
	v.age_ns = 123 * SAMPLE_S;
	v.age_known = true;
	text_socket(&out, &ctx, &v);
	s.tuple = sample_tuple(LONG_IPV6_A, 43210, LONG_IPV6_B, 65535);
	text_socket(&out, &ctx, &v);
	v.owner = NULL;
	s.mini = 2;
	s.state = TCPW_TIME_WAIT;
	s.tuple = sample_tuple("10.0.0.5", 43210, "10.0.0.9", 443);
	text_socket(&out, &ctx, &v);
	s.mini = 1;
	s.state = TCPW_KERNEL_NEW_SYN_RECV;
	text_socket(&out, &ctx, &v);
}

static void text_socket__at_100_columns__lines_up(void **state)
{
	(void)state;
	ctx.columns = 100;
	put_story(sample_owner());
	assert_string_equal(text_taken(), "STATE        RECV-Q SEND-Q LOCAL                 PEER   "
					  "                  AGE  TIMER COMM/PID\n"
					  "LISTEN            0    511 [::]:80               -      "
					  "                    -      - nginx/1234\n"
					  "ESTABLISHED      17 123456 10.0.0.5:43210        "
					  "10.0.0.9:443           2m03s  201ms nginx/1234\n"
					  "ESTABLISHED      17 123456 [2001:d…0:7348]:43210 "
					  "[2001:d…e:ffff]:65535  2m03s  201ms nginx/1234\n"
					  "TIME_WAIT         -      - 10.0.0.5:43210        "
					  "10.0.0.9:443           2m03s  201ms -\n"
					  "SYN_RECEIVED      -      - 10.0.0.5:43210        "
					  "10.0.0.9:443           2m03s  201ms -\n");
}

static void text_socket__to_a_file__is_not_shortened(void **state)
{
	(void)state;
	put_story(sample_owner());
	assert_non_null(strstr(text_taken(), "[" LONG_IPV6_A "]:43210 [" LONG_IPV6_B "]:65535 "));
}

static void text_socket__any_width__fits(void **state)
{
	(void)state;
	for (ctx.columns = 100; ctx.columns < 300; ctx.columns++) {
		ctx.utf8 = ctx.columns & 1;
		put_story(sample_long_owner());
		assert_lines(text_taken(), ctx.columns);
	}
}

static void text_socket__accept_queue_full__stands_out(void **state)
{
	struct tcpw_socket s = {.state = TCPW_LISTEN, .rx_queue = 6, .tx_queue = 5};
	struct view_socket v = {.socket = &s, .role = TCPW_ROLE_LISTENER};

	(void)state;
	ctx.color = true;
	text_socket(&out, &ctx, &v);
	assert_non_null(strstr(text_taken(), "\x1b[31m6\x1b[0m"));
	s.rx_queue = 5; /* the kernel takes one more than the limit */
	text_socket(&out, &ctx, &v);
	assert_null(strstr(text_taken(), "\x1b[31m"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_TEST(text_socket__at_100_columns__lines_up),
		TEXT_TEST(text_socket__to_a_file__is_not_shortened),
		TEXT_TEST(text_socket__any_width__fits),
		TEXT_TEST(text_socket__accept_queue_full__stands_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
