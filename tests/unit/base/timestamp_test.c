/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second's text is kept from call to call: it must follow every change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/timestamp.h"

#define S INT64_C(1000000000)

static void assert_rfc3339(int64_t ns, const char *expected)
{
	char got[TIMESTAMP_RFC3339_LEN + 1] = "";

	timestamp_rfc3339(got, ns);
	assert_string_equal(got, expected);
}

static void assert_clock(int64_t ns, bool utc, const char *expected)
{
	char got[TIMESTAMP_CLOCK_LEN + 1] = "";

	timestamp_clock(got, ns, utc);
	assert_string_equal(got, expected);
}

static void timestamp_rfc3339__seconds_go_on_and_back__text_follows(void **state)
{
	(void)state;
	assert_rfc3339(0, "1970-01-01T00:00:00.000000000Z");
	assert_rfc3339(1, "1970-01-01T00:00:00.000000001Z");
	assert_rfc3339(1709251199 * S + 999999999, "2024-02-29T23:59:59.999999999Z");
	assert_rfc3339(1709251200 * S, "2024-03-01T00:00:00.000000000Z");
	assert_rfc3339(1709251199 * S, "2024-02-29T23:59:59.000000000Z");
	assert_rfc3339(-1, "1969-12-31T23:59:59.999999999Z");
}

static void timestamp_clock__local_and_utc_in_turn__each_is_right(void **state)
{
	(void)state;
	setenv("TZ", "TST-05:30", 1);
	tzset();
	assert_clock(S + 123456789, true, "00:00:01.123456");
	assert_clock(S + 123456789, false, "05:30:01.123456");
	assert_clock(S + 999999, true, "00:00:01.000999");
	assert_clock(2 * S, true, "00:00:02.000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamp_rfc3339__seconds_go_on_and_back__text_follows),
		cmocka_unit_test(timestamp_clock__local_and_utc_in_turn__each_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
