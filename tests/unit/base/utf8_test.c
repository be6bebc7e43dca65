/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing that leaves utf8_visible may act on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static void assert_visible(const char *bytes, bool utf8, const char *expected)
{
	char got[256];
	size_t len = utf8_visible(got, sizeof(got), bytes, strlen(bytes), utf8);

	assert_string_equal(got, expected);
	assert_int_equal(len, strlen(expected));
}

static void utf8_decode__every_code_point__reads_back(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 0x110000; code++) {
		char s[4];
		size_t len = 0;
		uint32_t got;

		if (code < 0x80) {
			s[len++] = (char)code;
		} else if (code < 0x800) {
			s[len++] = (char)(0xc0 | code >> 6);
			s[len++] = (char)(0x80 | (code & 0x3f));
		} else if (code < 0x10000) {
			s[len++] = (char)(0xe0 | code >> 12);
			s[len++] = (char)(0x80 | (code >> 6 & 0x3f));
			s[len++] = (char)(0x80 | (code & 0x3f));
		} else {
			s[len++] = (char)(0xf0 | code >> 18);
			s[len++] = (char)(0x80 | (code >> 12 & 0x3f));
			s[len++] = (char)(0x80 | (code >> 6 & 0x3f));
			s[len++] = (char)(0x80 | (code & 0x3f));
		}
		if (code >= 0xd800 && code < 0xe000) {
			assert_int_equal(utf8_decode(s, len, &got), 1);
			assert_int_equal(got, UTF8_INVALID);
			continue;
		}
		assert_int_equal(utf8_decode(s, len, &got), len);
		assert_int_equal(got, code);
		if (len > 1) {
			assert_int_equal(utf8_decode(s, len - 1, &got), len - 1);
			assert_int_equal(got, UTF8_INVALID);
		}
	}
}

static void utf8_visible__control_and_broken_bytes__are_escaped(void **state)
{
	(void)state;
	assert_visible("plain name-1.0", true, "plain name-1.0");
	assert_visible("a\nb\tc\rd\\e", true, "a\\nb\\tc\\rd\\\\e");
	assert_visible("\x1b[2J\x7f\x01", true, "\\x1b[2J\\x7f\\x01");
	assert_visible("\xff\xc3", true, "\\xff\\xc3");
	assert_visible("\xe2\x82z", true, "\\xe2\\x82z");
	assert_visible("\xc2\x9b", true, "\\u009b");
	assert_visible("\xe2\x80\xae", true, "\\u202e");
	assert_visible("\xf3\xa0\x80\x81", true, "\\U000e0001");
}

static void utf8_visible__letters__stay_where_the_terminal_has_them(void **state)
{
	(void)state;
	assert_visible("caf\xc3\xa9 \xe2\x82\xac", true, "caf\xc3\xa9 \xe2\x82\xac");
	assert_visible("caf\xc3\xa9", false, "caf\\xc3\\xa9");
}

static void utf8_visible__too_long__ends_with_a_whole_escape(void **state)
{
	char got[6];

	(void)state;
	assert_int_equal(utf8_visible(got, sizeof(got), "ab\x1b", 3, true), 2);
	assert_string_equal(got, "ab");
	assert_int_equal(utf8_visible(got, sizeof(got), "a\x1b", 2, true), 5);
	assert_string_equal(got, "a\\x1b");
}

static void utf8_visible__random_bytes__are_safe(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 50000; round++) {
		char bytes[16], got[256];
		size_t len;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)(random() % 3 ? random() : 0xc2 + random() % 0x33);
		len = utf8_visible(got, sizeof(got), bytes, sizeof(bytes), round & 1);
		for (size_t i = 0; i < len;) {
			uint32_t code;

			i += utf8_decode(got + i, len - i, &code);
			assert_int_not_equal(code, UTF8_INVALID);
			assert_true(utf8_width(code) >= 0);
			assert_true(code < 0x80 || round & 1);
		}
	}
}

static void utf8_columns__wide_and_combining__count_as_shown(void **state)
{
	(void)state;
	assert_int_equal(utf8_columns("abc", 3), 3);
	assert_int_equal(utf8_columns("e\xcc\x81", 3), 1);
	assert_int_equal(utf8_columns("\xe4\xb8\xad\xe6\x96\x87", 6), 4);
	assert_int_equal(utf8_columns("\xe2\x86\x92", 3), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_decode__every_code_point__reads_back),
		cmocka_unit_test(utf8_visible__control_and_broken_bytes__are_escaped),
		cmocka_unit_test(utf8_visible__letters__stay_where_the_terminal_has_them),
		cmocka_unit_test(utf8_visible__too_long__ends_with_a_whole_escape),
		cmocka_unit_test(utf8_visible__random_bytes__are_safe),
		cmocka_unit_test(utf8_columns__wide_and_combining__count_as_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
