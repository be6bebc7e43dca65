/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Against printf and inet_ntop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"

static void assert_u64(uint64_t value)
{
	char expected[32], got[FORMAT_U64_LEN + 1];

	snprintf(expected, sizeof(expected), "%" PRIu64, value);
	*format_u64(got, value) = '\0';
	assert_string_equal(got, expected);
}

static void format_u64__every_length__is_as_printf(void **state)
{
	(void)state;
	assert_u64(0);
	assert_u64(UINT64_MAX);
	for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
		assert_u64(power - 1);
		assert_u64(power);
		assert_u64(power + 1);
		assert_u64(power * 9 + power / 7);
	}
}

static void format_address__any_pattern_of_zero_words__is_as_inet_ntop(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		char expected[INET6_ADDRSTRLEN], got[FORMAT_ADDRESS_LEN + 1];
		uint8_t address[16];

		for (int i = 0; i < 8; i++) {
			int word = round & 1 << i ? (int)random() & 0xffff : 0;

			if (random() % 4 == 0)
				word &= 0xff;
			address[2 * i] = (uint8_t)(word >> 8);
			address[2 * i + 1] = (uint8_t)word;
		}
		if (address_is_ipv4(address))
			continue;
		assert_non_null(inet_ntop(AF_INET6, address, expected, sizeof(expected)));
		*format_address(got, address) = '\0';
		assert_string_equal(got, expected);
	}
}

static void assert_address(const char *text, const char *expected, bool ipv4, bool unspecified)
{
	char got[FORMAT_ADDRESS_LEN + 1];
	uint8_t address[16];

	assert_int_equal(inet_pton(AF_INET6, text, address), 1);
	*format_address(got, address) = '\0';
	assert_string_equal(got, expected);
	assert_int_equal(address_is_ipv4(address), ipv4);
	assert_int_equal(address_is_unspecified(address), unspecified);
}

static void format_address__mapped__is_plain_ipv4(void **state)
{
	(void)state;
	assert_address("::ffff:192.0.2.255", "192.0.2.255", true, false);
	assert_address("::ffff:0.0.0.0", "0.0.0.0", true, true);
	assert_address("::", "::", false, true);
	assert_address("::1", "::1", false, false);
	assert_address("fe80::ffff:1:2", "fe80::ffff:1:2", false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_u64__every_length__is_as_printf),
		cmocka_unit_test(format_address__any_pattern_of_zero_words__is_as_inet_ntop),
		cmocka_unit_test(format_address__mapped__is_plain_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
