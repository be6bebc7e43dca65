/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text form of scenarios: what is printed can be read again, what is wrong is said with its
 * line; and scenarios by seed, which must be the same for the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duel/compare.h"
#include "duel/generate.h"
#include "duel/subject.h"

static char path[] = "/tmp/scenario_test.XXXXXX";

static int setup(void **state)
{
	(void)state;
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	return close(mkstemp(path));
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void generate__same_seed__is_the_same(void **state)
{
	static struct scenario a, b;
	unsigned int differ = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		generate(&a, seed);
		generate(&b, seed);
		assert_memory_equal(&a, &b, sizeof(a));
		generate(&b, seed + 1);
		differ += memcmp(&a, &b, sizeof(a)) != 0;
		assert_true(a.acts > 1 && a.acts < SCENARIO_ACTS);
	}
	assert_true(differ > 190);
}

/* Expectations too: those of reftcp, which come out as expected when what was read is played. */
static void print__of_what_was_played__can_be_read_and_played_again(void **state)
{
	static struct scenario sc, again;
	static struct trace trace, second;
	static struct difference d;
	char why[256];

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		generate(&sc, seed);
		subject_reftcp(&sc, REFTCP_LINUX, &trace);
		compare_adopt(&sc, &trace);
		scenario_print(&sc, f);
		fclose(f);
		if (scenario_read(&again, path, why, sizeof(why)))
			fail_msg("seed %llu: %s", (unsigned long long)seed, why);
		assert_int_equal(again.acts, sc.acts);
		subject_reftcp(&again, REFTCP_LINUX, &second);
		compare_traces(&sc, &trace, "before", &second, "after", 0, &d);
		assert_false(d.found);
		compare_expected(&again, &second, "after", &d);
		if (d.found)
			fail_msg("seed %llu: %s", (unsigned long long)seed, d.text);
	}
}

static void expect__anything_else__is_a_difference(void **state)
{
	static const char *const wrong[] = {
		"call listen 1\n> S seq 0\n< S. seq 0 ack 2\n",
		"call listen 1\n> S seq 0\n< . seq 0 ack 1\n",
		"call listen 1\n> S seq 0\n",
		"call listen 1\n> S seq 0\n< S. seq 0 ack 1\n< R seq 1\n",
		"call listen 1\n> S seq 0\n< S. seq 0 ack 1\nstate LISTEN\n",
		"call listen 1\n> S seq 0\n< S. seq 0 ack 1 ts 0\n",
		"call listen 1\n> S seq 0\n< S. seq 0 ack 1 win 0\n",
		"call listen 1 = 7\n> S seq 0\n< S. seq 0 ack 1\n",
	};
	static struct scenario sc;
	static struct trace trace;
	static struct difference d;
	char why[256];

	(void)state;
	write_text("call listen 1\n> S seq 0\n< S. seq 0 ack 1\nstate SYN_RECEIVED\n");
	assert_int_equal(scenario_read(&sc, path, why, sizeof(why)), 0);
	subject_reftcp(&sc, REFTCP_LINUX, &trace);
	compare_expected(&sc, &trace, "reftcp", &d);
	assert_false(d.found);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		write_text(wrong[i]);
		assert_int_equal(scenario_read(&sc, path, why, sizeof(why)), 0);
		subject_reftcp(&sc, REFTCP_LINUX, &trace);
		compare_expected(&sc, &trace, "reftcp", &d);
		if (!d.found)
			fail_msg("taken for right:\n%s", wrong[i]);
	}
}

static void read__what_is_wrong__is_said_with_its_line(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"title x\nbogus\n", "line 2: 'bogus' is no item"},
		{"call fly\n", "line 1: 'fly' is no call"},
		{"call listen\n", "line 1: 'listen' wants an argument"},
		{"> Z seq 1\n", "line 1: 'Z' is no flag"},
		{"> S seq one\n", "line 1: 'one' is no number"},
		{"> S seq 0 colour 3\n", "line 1: 'colour' is nothing a segment has"},
		{"< S seq 0\n", "line 1: nothing has happened yet"},
		{"call accept\nstate OPEN\n", "line 2: 'OPEN' is no state"},
		{"wait 5\n", "line 1: '5' is no time in us, ms or s"},
		{"call accept 3 4\n", "line 1: 'accept' wants no '3'"},
		{"call accept =\n", "line 1: a result is missing"},
		{"wait 5ms 6ms\n", "line 1: more than belongs there"},
	};
	static struct scenario sc;
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_text(rows[i].text);
		assert_int_equal(scenario_read(&sc, path, why, sizeof(why)), -EINVAL);
		assert_string_equal(why, rows[i].why);
	}
	assert_int_equal(scenario_read(&sc, "/nonexistent", why, sizeof(why)), -ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(generate__same_seed__is_the_same),
		T(print__of_what_was_played__can_be_read_and_played_again),
		T(expect__anything_else__is_a_difference),
		T(read__what_is_wrong__is_said_with_its_line),
	};

	return cmocka_run_group_tests_name("reftcp_scenario", tests, NULL, NULL);
}
