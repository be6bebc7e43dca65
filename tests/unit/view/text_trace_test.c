/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `trace` at 100 columns, on wide terminals and in files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "lifecycle/names.h"
#include "text_sample.h"

static struct lifecycle_owner owner;
static struct lifecycle_connection connection;

static struct lifecycle_event transition(enum tcpw_state from, enum tcpw_state to,
					 enum tcpw_cause cause)
{
	struct lifecycle_event e = sample_transition(&connection);

	e.u.transition.old_state = from;
	e.u.transition.new_state = to;
	e.u.transition.cause = cause;
	return e;
}

static void put(struct lifecycle_event e)
{
	text_trace_event(&out, &ctx, &e);
}

/* One of everything. */
static void put_story(void)
{
	struct lifecycle_event e;

	owner = sample_owner();
	connection = sample_connection(&owner);
	text_trace_head(&out, &ctx);
	connection.tuple = sample_tuple("::", 0, "10.0.0.9", 443);
	e = transition(TCPW_CLOSED, TCPW_SYN_SENT, TCPW_CAUSE_CONNECT);
	e.u.transition.dwell_known = false;
	put(e);
	connection.tuple = sample_tuple("10.0.0.5", 43210, "10.0.0.9", 443);
	put(transition(TCPW_SYN_SENT, TCPW_ESTABLISHED, TCPW_CAUSE_SYN_ACK_RECEIVED));
	e = transition(TCPW_ESTABLISHED, TCPW_CLOSED, TCPW_CAUSE_RESET_RECEIVED);
	e.u.transition.dwell_exact = false;
	put(e);
	e.kind = LIFECYCLE_RETRANSMIT;
	e.u.retransmit.kind = TCPW_RETRANSMIT_SYN_ACK;
	e.u.retransmit.state = TCPW_SYN_RECEIVED;
	put(e);
	e.kind = LIFECYCLE_ACCEPT;
	e.u.accept.wait_ns = 12345;
	e.u.accept.wait_known = true;
	put(e);
	e.kind = LIFECYCLE_RESET;
	e.u.reset.direction = TCPW_SENT;
	e.u.reset.state = TCPW_CLOSE_WAIT;
	e.u.reset.reason = 7;
	put(e);
	e.connection = NULL;
	e.u.reset.direction = TCPW_RECEIVED;
	e.u.reset.state = TCPW_STATE_UNKNOWN;
	e.u.reset.reason = TCPW_REASON_UNKNOWN;
	put(e);
	e.kind = LIFECYCLE_LOST;
	e.u.lost.stage = "ring";
	e.u.lost.count = 12;
	put(e);
	connection.role = TCPW_ROLE_LISTENER;
	connection.owner = NULL;
	connection.flags = TCPW_SOCK_KERNEL;
	connection.tuple = sample_tuple("::", 80, "::", 0);
	put(transition(TCPW_STATE_UNKNOWN, TCPW_LISTEN, TCPW_CAUSE_UNKNOWN));
}

static void text_trace__at_100_columns__lines_up(void **state)
{
	(void)state;
	ctx.columns = 100;
	put_story();
	assert_string_equal(text_taken(), "TIME            COMM/PID    LPORT→REMOTE           "
					  "OLD→NEW                 IN OLD CAUSE\n"
					  "12:00:00.123456 nginx/1234  →10.0.0.9:443          "
					  "CLOSED→SYN_SENT              - connect\n"
					  "12:00:00.123456 nginx/1234  :43210→10.0.0.9:443    "
					  "SYN_SENT→ESTABLISHED     213us syn_ack_received\n"
					  "12:00:00.123456 nginx/1234  :43210→10.0.0.9:443    "
					  "ESTABLISHED→CLOSED      >213us reset_received\n"
					  "12:00:00.123456 nginx/1234  :43210→10.0.0.9:443    "
					  "SYN_RECEIVED retransmit        syn_ack\n"
					  "12:00:00.123456 nginx/1234  :43210→10.0.0.9:443    "
					  "accepted                  12us accept queue\n"
					  "12:00:00.123456 nginx/1234  :43210→10.0.0.9:443    "
					  "CLOSE_WAIT RST sent            TCP_ABORT_ON_CLOSE\n"
					  "12:00:00.123456 -           :43210→10.0.0.9:443    RST "
					  "received                   -\n"
					  "12:00:00.123456                                    12 "
					  "events lost                 ring\n"
					  "12:00:00.123456 [kernel]    [::]:80                "
					  "?→LISTEN                 213us unknown\n");
}

static void text_trace__to_a_file__has_everything_in_full(void **state)
{
	(void)state;
	put_story();
	assert_string_equal(
		text_taken(),
		"TIME                PID COMM            LOCAL                   REMOTE            "
		"    OLD → NEW                  IN OLD CAUSE\n"
		"12:00:00.123456    1234 nginx           -                     → 10.0.0.9:443      "
		"    CLOSED → SYN_SENT               - connect\n"
		"12:00:00.123456    1234 nginx           10.0.0.5:43210        → 10.0.0.9:443      "
		"    SYN_SENT → ESTABLISHED      213us syn_ack_received\n"
		"12:00:00.123456    1234 nginx           10.0.0.5:43210        → 10.0.0.9:443      "
		"    ESTABLISHED → CLOSED       >213us reset_received\n"
		"12:00:00.123456    1234 nginx           10.0.0.5:43210        → 10.0.0.9:443      "
		"    SYN_RECEIVED retransmit           syn_ack\n"
		"12:00:00.123456    1234 nginx           10.0.0.5:43210        → 10.0.0.9:443      "
		"    accepted                     12us accept queue\n"
		"12:00:00.123456    1234 nginx           10.0.0.5:43210        → 10.0.0.9:443      "
		"    CLOSE_WAIT RST sent               TCP_ABORT_ON_CLOSE\n"
		"12:00:00.123456       - -               10.0.0.5:43210        → 10.0.0.9:443      "
		"    RST received                      -\n"
		"12:00:00.123456                                                                   "
		"    12 events lost                    ring\n"
		"12:00:00.123456       - [kernel]        [::]:80                                   "
		"    ? → LISTEN                  213us unknown\n");
}

static void text_trace__without_utf8__is_ascii(void **state)
{
	(void)state;
	ctx.utf8 = false;
	for (ctx.columns = 0; ctx.columns < 300; ctx.columns += 50) {
		put_story();
		assert_lines(text_taken(), 300);
	}
}

/* What passes on no path need not fit: 25 columns from SYN_RECEIVED to itself. */
static bool fits(const struct lifecycle_event *e)
{
	size_t len = strlen(state_name(e->u.transition.old_state)) +
		     strlen(state_name(e->u.transition.new_state)) + 1;

	return len + !e->u.transition.dwell_exact <= 24;
}

static void text_trace__longest_of_everything__fits_the_terminal(void **state)
{
	(void)state;
	owner = sample_owner();
	owner.pid = 4194304;
	memcpy(owner.comm, "\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b", 16);
	connection = sample_connection(&owner);
	connection.tuple = sample_tuple(LONG_IPV6_A, 43210, LONG_IPV6_B, 65535);
	for (ctx.columns = 100; ctx.columns < 260; ctx.columns += 19) {
		text_trace_head(&out, &ctx);
		for (unsigned int i = 0; i < 12 * 12 * TCPW_CAUSE_COUNT * 2; i++) {
			struct lifecycle_event e = transition(
				(enum tcpw_state)(i % 12), (enum tcpw_state)(i / 12 % 12),
				(enum tcpw_cause)(i / 144 % TCPW_CAUSE_COUNT));

			e.u.transition.dwell_exact = i & 1;
			if (fits(&e))
				put(e);
			if (out.len > 100000)
				assert_lines(text_taken(), ctx.columns);
		}
		assert_lines(text_taken(), ctx.columns);
	}
}

static void text_trace__long_ipv6_on_a_terminal__does_not_move_the_columns(void **state)
{
	(void)state;
	owner = sample_owner();
	connection = sample_connection(&owner);
	for (ctx.columns = 100; ctx.columns < 260; ctx.columns += 10) {
		size_t column;

		connection.tuple = sample_tuple("10.0.0.5", 1, "10.0.0.9", 2);
		put(transition(TCPW_ESTABLISHED, TCPW_CLOSED, TCPW_CAUSE_TIMEOUT));
		column = column_of(text_taken(), "ESTABLISHED");
		connection.tuple = sample_tuple(LONG_IPV6_A, 43210, LONG_IPV6_B, 65535);
		put(transition(TCPW_ESTABLISHED, TCPW_CLOSED, TCPW_CAUSE_TIMEOUT));
		assert_int_equal(column_of(text_taken(), "ESTABLISHED"), column);
		text_trace_head(&out, &ctx);
		assert_int_equal(column_of(text_taken(), "OLD"), column);
	}
}

static void text_trace__any_byte_in_the_name__is_harmless(void **state)
{
	(void)state;
	owner = sample_owner();
	connection = sample_connection(&owner);
	for (unsigned int byte = 1; byte < 256; byte++) {
		memset(owner.comm, (int)byte, sizeof(owner.comm));
		ctx.columns = byte & 1 ? 100 : 0;
		ctx.utf8 = byte & 2;
		put(transition(TCPW_ESTABLISHED, TCPW_CLOSED, TCPW_CAUSE_TIMEOUT));
		assert_lines(text_taken(), 300);
	}
}

static void text_trace__colors__phases_resets_and_unknowns(void **state)
{
	const char *text;

	(void)state;
	ctx.color = true;
	put_story();
	text = text_taken();
	assert_non_null(strstr(text, "\x1b[33mSYN_SENT\x1b[0m → \x1b[32mESTABLISHED\x1b[0m"));
	assert_non_null(strstr(text, "\x1b[31mreset_received\x1b[0m"));
	assert_non_null(strstr(text, "\x1b[36mCLOSE_WAIT\x1b[0m \x1b[31mRST sent\x1b[0m"));
	assert_non_null(strstr(text, "\x1b[2munknown\x1b[0m"));
	assert_non_null(strstr(text, "\x1b[2m-\x1b[0m"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_TEST(text_trace__at_100_columns__lines_up),
		TEXT_TEST(text_trace__to_a_file__has_everything_in_full),
		TEXT_TEST(text_trace__without_utf8__is_ascii),
		TEXT_TEST(text_trace__longest_of_everything__fits_the_terminal),
		TEXT_TEST(text_trace__long_ipv6_on_a_terminal__does_not_move_the_columns),
		TEXT_TEST(text_trace__any_byte_in_the_name__is_harmless),
		TEXT_TEST(text_trace__colors__phases_resets_and_unknowns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
