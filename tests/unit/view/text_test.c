/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields that lines of text are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "text_sample.h"
#include "view/text.h"

static void assert_duration(uint64_t ns, const char *expected)
{
	char got[TEXT_FIELD];

	text_duration(got, ns);
	assert_string_equal(got, expected);
}

static void text_duration__any_length__five_columns_that_never_overstate(void **state)
{
	(void)state;
	assert_duration(0, "0ns");
	assert_duration(999, "999ns");
	assert_duration(1000, "1.0us");
	assert_duration(9999, "9.9us");
	assert_duration(10000, "10us");
	assert_duration(999999, "999us");
	assert_duration(1234567, "1.2ms");
	assert_duration(999999999, "999ms");
	assert_duration(1312345678, "1.3s");
	assert_duration(60100 * SAMPLE_MS, "60.1s");
	assert_duration(99999 * SAMPLE_MS, "99.9s");
	assert_duration(100 * SAMPLE_S, "1m40s");
	assert_duration(599 * SAMPLE_S, "9m59s");
	assert_duration(600 * SAMPLE_S, "10m");
	assert_duration(3600 * SAMPLE_S, "1h00m");
	assert_duration(35999 * SAMPLE_S, "9h59m");
	assert_duration(36000 * SAMPLE_S, "10h");
	assert_duration(86400 * SAMPLE_S, "1d00h");
	assert_duration(863999 * SAMPLE_S, "9d23h");
	assert_duration(864000 * SAMPLE_S, "10d");
	for (uint64_t ns = 1; ns < 3000 * 86400 * SAMPLE_S; ns += ns / 7 + 1) {
		char got[TEXT_FIELD];

		text_duration(got, ns);
		assert_true(strlen(got) <= 5);
	}
}

static void text_span__unknown_and_lower_bound__say_so(void **state)
{
	char got[TEXT_FIELD];

	(void)state;
	text_span(got, false, true, 5);
	assert_string_equal(got, "-");
	text_span(got, true, false, 1500);
	assert_string_equal(got, ">1.5us");
	text_span(got, true, true, 1500);
	assert_string_equal(got, "1.5us");
}

static void text_bytes__any_size__six_columns(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *expected;
	} cases[] = {
		{0, "0B"},
		{999, "999B"},
		{1000, "1.0kB"},
		{99999, "99.9kB"},
		{100000, "100kB"},
		{999999, "999kB"},
		{1000000, "1.0MB"},
		{56789012, "56.7MB"},
		{UINT64_C(1234567890123), "1.2TB"},
		{UINT64_MAX, "18.4EB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[TEXT_FIELD];

		text_bytes(got, cases[i].bytes);
		assert_string_equal(got, cases[i].expected);
	}
}

static void assert_endpoint(const char *address, uint16_t port, bool any, unsigned int width,
			    const char *expected)
{
	char got[TEXT_FIELD];
	uint8_t bytes[16];

	sample_address(bytes, address);
	text_endpoint(got, &ctx, bytes, port, any, width);
	assert_string_equal(got, expected);
	if (width)
		assert_true(utf8_columns(got, strlen(got)) <= width);
}

static void text_endpoint__addresses__as_tools_write_them(void **state)
{
	(void)state;
	assert_endpoint("10.0.0.5", 80, false, 0, "10.0.0.5:80");
	assert_endpoint("::1", 65535, false, 0, "[::1]:65535");
	assert_endpoint("0.0.0.0", 80, true, 0, "0.0.0.0:80");
	assert_endpoint("::", 80, true, 0, "[::]:80");
	assert_endpoint("::", 0, false, 0, "-");
	assert_endpoint("0.0.0.0", 80, false, 0, "-:80");
	assert_endpoint("10.0.0.5", 0, false, 0, "10.0.0.5:-");
}

static void text_endpoint__too_long__loses_its_middle_and_keeps_its_port(void **state)
{
	(void)state;
	assert_endpoint(LONG_IPV6_A, 43210, false, 0, "[" LONG_IPV6_A "]:43210");
	assert_endpoint(LONG_IPV6_A, 43210, false, 44, "[" LONG_IPV6_A "]:43210");
	assert_endpoint(LONG_IPV6_A, 43210, false, 43,
			"[2001:db8:85a3:8d3\xe2\x80\xa6"
			"319:8a2e:370:7348]:43210");
	assert_endpoint(LONG_IPV6_A, 443, false, 21,
			"[2001:db\xe2\x80\xa6"
			"70:7348]:443");
	assert_endpoint("255.255.255.255", 65535, false, 21, "255.255.255.255:65535");
	assert_endpoint("255.255.255.255", 65535, false, 20,
			"255.255\xe2\x80\xa6"
			"55.255:65535");
	ctx.utf8 = false;
	assert_endpoint(LONG_IPV6_A, 443, false, 21, "[2001:db~70:7348]:443");
	for (unsigned int width = 1; width < 50; width++) {
		char got[TEXT_FIELD];
		uint8_t bytes[16];

		sample_address(bytes, LONG_IPV6_B);
		text_endpoint(got, &ctx, bytes, 43210, false, width);
		assert_int_equal(strlen(got), width < 46 ? width : 46);
	}
}

static void assert_process(const char *comm, uint32_t pid, unsigned int width, const char *expected)
{
	struct lifecycle_owner owner = {.pid = pid};
	char got[TEXT_FIELD];

	memcpy(owner.comm, comm, strnlen(comm, TCPW_COMM_LEN));
	text_process(got, &ctx, &owner, false, width);
	assert_string_equal(got, expected);
}

static void text_process__too_long__keeps_its_beginning_and_the_pid(void **state)
{
	char got[TEXT_FIELD];

	(void)state;
	assert_process("nginx", 1234, 0, "nginx/1234");
	assert_process("nginx", 1234, 10, "nginx/1234");
	assert_process("systemd-resolve", 1234567, 16, "systemd\xe2\x80\xa6/1234567");
	assert_process("nginx", 0, 3, "ng\xe2\x80\xa6");
	text_process(got, &ctx, NULL, false, 10);
	assert_string_equal(got, "-");
	text_process(got, &ctx, NULL, true, 10);
	assert_string_equal(got, "[kernel]");
}

static void text_process__hostile_name__cannot_move_the_cursor(void **state)
{
	(void)state;
	assert_process("a\x1b[2J\nx\xff", 7, 0, "a\\x1b[2J\\nx\\xff/7");
	assert_process("\xc2\x9b\xe2\x80\xae", 7, 0, "\\u009b\\u202e/7");
	assert_process("caf\xc3\xa9", 7, 0, "caf\xc3\xa9/7");
	ctx.utf8 = false;
	assert_process("caf\xc3\xa9", 7, 0, "caf\\xc3\\xa9/7");
}

static void text_process__blank_at_either_end__is_visible(void **state)
{
	(void)state;
	assert_process(" ", 7, 0, "\\x20/7");
	assert_process("  a b ", 7, 0, "\\x20\\x20a b\\x20/7");
	assert_process("                ", 7, 11, "\\x20\\x20\xe2\x80\xa6/7");
}

static void text_process__wide_letters__cut_where_columns_end(void **state)
{
	(void)state;
	assert_process("\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97", 7, 6, "\xe4\xb8\xad\xe2\x80\xa6/7");
}

static void text_connection__narrow__leaves_out_this_hosts_address(void **state)
{
	struct tcpw_tuple t = sample_tuple("10.0.0.5", 43210, "10.0.0.9", 443);
	char got[TEXT_FIELD];

	(void)state;
	text_connection(got, &ctx, &t, false, 22);
	assert_string_equal(got, ":43210\xe2\x86\x92"
				 "10.0.0.9:443");
	t.lport = 0;
	text_connection(got, &ctx, &t, false, 22);
	assert_string_equal(got, "\xe2\x86\x92"
				 "10.0.0.9:443");
	t = sample_tuple("::", 80, "::", 0);
	text_connection(got, &ctx, &t, true, 22);
	assert_string_equal(got, "[::]:80");
}

static void row__colors__take_no_columns(void **state)
{
	struct row row;

	(void)state;
	ctx.color = true;
	row_begin(&row, &out, &ctx);
	row_text(&row, TEXT_ALARM, "ab");
	row_to(&row, 4);
	row_right(&row, 8, TEXT_PLAIN, "cd");
	row_to(&row, 2);
	row_text(&row, TEXT_PLAIN, "\xe2\x86\x92");
	assert_int_equal(row.at, 10);
	row_end(&row);
	assert_string_equal(text_taken(), "\x1b[31mab\x1b[0m    cd \xe2\x86\x92\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_TEST(text_duration__any_length__five_columns_that_never_overstate),
		TEXT_TEST(text_span__unknown_and_lower_bound__say_so),
		TEXT_TEST(text_bytes__any_size__six_columns),
		TEXT_TEST(text_endpoint__addresses__as_tools_write_them),
		TEXT_TEST(text_endpoint__too_long__loses_its_middle_and_keeps_its_port),
		TEXT_TEST(text_process__too_long__keeps_its_beginning_and_the_pid),
		TEXT_TEST(text_process__hostile_name__cannot_move_the_cursor),
		TEXT_TEST(text_process__blank_at_either_end__is_visible),
		TEXT_TEST(text_process__wide_letters__cut_where_columns_end),
		TEXT_TEST(text_connection__narrow__leaves_out_this_hosts_address),
		TEXT_TEST(row__colors__take_no_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
