/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `life`: one line in a file, a second one for the path on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "text_sample.h"

static struct lifecycle_owner owner;

static void put(const struct lifecycle_connection *c, uint64_t end, bool pending)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_LIFE, .ts = end, .connection = c, .tuple = c->tuple};

	e.u.life.time_wait_pending = pending;
	text_life_event(&out, &ctx, &e);
}

/* A client, a server's side, and one of which little is known. */
static void put_story(struct lifecycle_owner by)
{
	static const uint8_t path[] = {TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT,
				       TCPW_LAST_ACK};
	struct lifecycle_connection c;

	owner = by;
	text_life_head(&out, &ctx);
	c = sample_life(&owner);
	put(&c, c.entered[4], true);
	memcpy(c.path, path, sizeof(path));
	c.path_len = 4;
	c.accepted = c.entered[1] + 12345;
	c.tuple = sample_tuple(LONG_IPV6_A, 43210, LONG_IPV6_B, 65535);
	c.end_cause = TCPW_CAUSE_FIN_ACKED;
	c.retransmits = 0;
	put(&c, c.entered[4], false);
	c.tuple = sample_tuple("10.0.0.5", 80, "10.0.0.9", 43210);
	c.path[0] = TCPW_ESTABLISHED;
	c.path_len = 1;
	c.began = LIFECYCLE_SNAPSHOT;
	c.complete = false;
	c.counted = false;
	c.owner = NULL;
	c.end_cause = TCPW_CAUSE_ABORT;
	put(&c, c.entered[1], false);
}

static void text_life__at_100_columns__path_has_its_own_line(void **state)
{
	(void)state;
	ctx.columns = 100;
	put_story(sample_owner());
	assert_string_equal(text_taken(),
			    "END             COMM/PID         LPORT→REMOTE             SENT   RCVD "
			    "RETR   RTT ENDED BY\n"
			    "  PATH\n"
			    "12:00:01.300565 nginx/1234       :43210→10.0.0.9:443     1.2kB 56.7MB "
			    "   2 187us fin_received\n"
			    "  SYN_SENT 213us › ESTABLISHED 1.3s › FIN_WAIT_1 12us › FIN_WAIT_2 "
			    "340us › TIME_WAIT\n"
			    "12:00:01.300565 nginx/1234       :43210→[200…fff]:65535  1.2kB 56.7MB "
			    "   0 187us fin_acked\n"
			    "  SYN_RECEIVED 213us › ESTABLISHED 1.3s (accept 12us) › CLOSE_WAIT "
			    "12us › LAST_ACK 340us\n"
			    "12:00:00.000213 -                :80→10.0.0.9:43210          -      - "
			    "   -     - abort\n"
			    "  … › ESTABLISHED >213us (incomplete)\n");
}

static void text_life__to_a_file__is_one_line(void **state)
{
	(void)state;
	put_story(sample_owner());
	assert_string_equal(
		text_taken(),
		"END                 PID COMM            LOCAL                   REMOTE            "
		"      SENT   RCVD RETR   RTT ENDED BY           PATH\n"
		"12:00:01.300565    1234 nginx           10.0.0.5:43210        → 10.0.0.9:443      "
		"     1.2kB 56.7MB    2 187us fin_received       SYN_SENT 213us › ESTABLISHED 1.3s "
		"› FIN_WAIT_1 12us › FIN_WAIT_2 340us › TIME_WAIT\n"
		"12:00:01.300565    1234 nginx           [" LONG_IPV6_A "]:43210 → [" LONG_IPV6_B
		"]:65535 1.2kB 56.7MB 0 187us fin_acked SYN_RECEIVED 213us › ESTABLISHED 1.3s "
		"(accept 12us) › CLOSE_WAIT 12us › LAST_ACK 340us\n"
		"12:00:00.000213       - -               10.0.0.5:80           → 10.0.0.9:43210    "
		"         -      -    -     - abort              … › ESTABLISHED >213us "
		"(incomplete)\n");
}

static void text_life__any_width__fits(void **state)
{
	(void)state;
	for (ctx.columns = 100; ctx.columns < 300; ctx.columns++) {
		ctx.utf8 = ctx.columns & 1;
		put_story(sample_long_owner());
		assert_lines(text_taken(), ctx.columns);
	}
}

static void text_life__time_wait_over__has_its_time(void **state)
{
	struct lifecycle_connection c;

	(void)state;
	owner = sample_owner();
	c = sample_life(&owner);
	put(&c, c.entered[4] + 60100 * SAMPLE_MS, false);
	assert_non_null(strstr(text_taken(), " › TIME_WAIT 60.1s\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_TEST(text_life__at_100_columns__path_has_its_own_line),
		TEXT_TEST(text_life__to_a_file__is_one_line),
		TEXT_TEST(text_life__any_width__fits),
		TEXT_TEST(text_life__time_wait_over__has_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
