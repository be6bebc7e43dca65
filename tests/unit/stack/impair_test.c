/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "stack/impair.h"

static void impair_parse__all_keys__are_read(void **state)
{
	struct impairment in = {0}, out = {0};
	char error[128];

	(void)state;
	assert_int_equal(impair_parse("loss=1%,burst=0.1%:20,reorder=0.02,hold=5ms,duplicate=3%,"
				      "corrupt=0.5%,ce=100%,delay=20ms,jitter=100us,rate=1M,"
				      "mtu=1280,icmp=no,after=10K,seed=7",
				      &in, &out, error, sizeof(error)),
			 0);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_true(in.on);
	assert_int_equal(in.link.loss, 10000);
	assert_int_equal(in.link.burst_enter, 1000);
	assert_int_equal(in.link.burst_leave, 50000);
	assert_int_equal(in.link.reorder, 20000);
	assert_int_equal(in.link.reorder_delay, 5 * REFTCP_MS);
	assert_int_equal(in.link.duplicate, 30000);
	assert_int_equal(in.link.corrupt, 5000);
	assert_int_equal(in.link.mark_ce, 1000000);
	assert_int_equal(in.link.delay, 20 * REFTCP_MS);
	assert_int_equal(in.link.jitter, REFTCP_MS / 10);
	assert_int_equal(in.link.rate, 1 << 20);
	assert_int_equal(in.link.mtu, 1280);
	assert_false(in.link.icmp);
	assert_int_equal(in.mtu_after, 10 << 10);
	assert_int_equal(in.seed, 7);
}

static void impair_parse__one_direction__leaves_the_other_alone(void **state)
{
	struct impairment in = {0}, out = {0};
	char error[128];

	(void)state;
	assert_int_equal(impair_parse("on=out,loss=5%", &in, &out, error, sizeof(error)), 0);
	assert_false(in.on);
	assert_int_equal(out.link.loss, 50000);
	assert_true(out.link.icmp);
	assert_int_equal(impair_parse("delay=1s,on=in", &in, &out, error, sizeof(error)), 0);
	assert_int_equal(in.link.delay, REFTCP_S);
	assert_int_equal(out.link.delay, 0);
}

static void impair_parse__nonsense__is_named(void **state)
{
	static const char *const texts[] = {
		"",         "loss",       "loss=",      "loss=101%",  "loss=-1%", "loss=1.2.3%",
		"loss=nan", "nosuch=1",   "delay=5",    "delay=5min", "mtu=67",   "mtu=65536",
		"burst=1%", "burst=1%:0", "icmp=maybe", "on=left",    "rate=1T",  "loss=1%,,",
		"loss=1%,", ",loss=1%",   "seed=x",     "loss=0x1p3",
	};
	char error[128], word[300];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct impairment in = {0}, out = {0};

		error[0] = 0;
		if (impair_parse(texts[i], &in, &out, error, sizeof(error)) != -EINVAL)
			fail_msg("taken: '%s'", texts[i]);
		assert_int_not_equal(error[0], 0);
		assert_false(in.on || out.on);
	}
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = 0;
	assert_int_equal(impair_parse(word, &(struct impairment){0}, &(struct impairment){0}, error,
				      sizeof(error)),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impair_parse__all_keys__are_read),
		cmocka_unit_test(impair_parse__one_direction__leaves_the_other_alone),
		cmocka_unit_test(impair_parse__nonsense__is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
