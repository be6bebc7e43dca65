// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections from connect or handshake to their end: paths, causes, holes, order, limits. */
#include "unit/lifecycle/story.h"

static void active_close__timewait_expires__whole_path(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80), unbound = tuple(0, 80);

	state(f, 9, TCPW_CLOSED, TCPW_SYN_SENT, unbound, plain);
	after(f, 150 * US);
	state(f, 9, TCPW_SYN_SENT, TCPW_ESTABLISHED, t, plain);
	after(f, 2000 * US);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	after(f, 30 * US);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_FIN_WAIT_2, t, plain);
	after(f, 5 * US);
	timewait(f, TCPW_MINI_START, 9, TCPW_TIME_WAIT, t);
	after(f, 2 * US);
	state(f, 9, TCPW_FIN_WAIT_2, TCPW_CLOSED, t, plain);
	settle(f);
	expect(f,
	       "9 CLOSED>SYN_SENT connect client\n"
	       "9 SYN_SENT>ESTABLISHED syn_ack_received 150us client\n"
	       "9 ESTABLISHED>FIN_WAIT_1 close 2000us client\n"
	       "9 FIN_WAIT_1>FIN_WAIT_2 fin_acked 30us client\n"
	       "9 FIN_WAIT_2>TIME_WAIT fin_received 5us client\n"
	       "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT fin_received pending\n");
	after(f, 60000 * MS);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	after(f, 3 * US);
	timewait(f, TCPW_MINI_EXPIRE, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_expired 60010002us client\n");
	assert_int_equal(lifecycle_stats(f->lc)->live, 0);
}

static void passive_close__accepted__owner_changes(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);
	struct tcpw_accept_record a;

	state(f, 1, TCPW_CLOSED, TCPW_LISTEN, tuple(80, 0), plain);
	after(f, MS);
	request(f, TCPW_MINI_START, t);
	after(f, 40 * US);
	request(f, TCPW_MINI_CANCEL, t);
	after(f, 10 * US);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, t, plain);
	after(f, 300 * US);
	a = (struct tcpw_accept_record){
		.h = header(f, TCPW_RECORD_ACCEPT, sizeof(a)), .cookie = 2, .tuple = t};
	strcpy(a.process.comm, "worker");
	lifecycle_record(f->lc, &a.h);
	state(f, 2, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, t, plain);
	after(f, 10 * US);
	state(f, 2, TCPW_CLOSE_WAIT, TCPW_LAST_ACK, t, plain);
	after(f, 10 * US);
	state(f, 2, TCPW_LAST_ACK, TCPW_CLOSED, t, (struct detail){.shutdown = 3});
	settle(f);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "0 LISTEN>SYN_RECEIVED syn_received server\n"
		  "2 SYN_RECEIVED>ESTABLISHED handshake_done 50us server\n"
		  "accept 300us worker\n"
		  "2 ESTABLISHED>CLOSE_WAIT fin_received 300us worker\n"
		  "2 CLOSE_WAIT>LAST_ACK close 10us worker\n"
		  "2 LAST_ACK>CLOSED fin_acked 10us worker\n"
		  "life SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK fin_acked\n");
	assert_int_equal(lifecycle_stats(f->lc)->live, 1);
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 0);
}

static void close__no_timewait_begins__overflow(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_FIN_WAIT_2, t, plain);
	state(f, 9, TCPW_FIN_WAIT_2, TCPW_CLOSED, t, (struct detail){.shutdown = 3});
	settle(f);
	expect(f, "9 ESTABLISHED>FIN_WAIT_1 close 10000us client\n"
		  "9 FIN_WAIT_1>FIN_WAIT_2 fin_acked 0us client\n"
		  "9 FIN_WAIT_2>CLOSED time_wait_overflow 0us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 time_wait_overflow\n");
}

static void close__record_lost__withheld(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);
	struct tcpw_lost_key key = {.cookie = 9};

	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	lifecycle_lost(f->lc, &key, f->now);
	state(f, 9, TCPW_FIN_WAIT_2, TCPW_CLOSED, t, (struct detail){.shutdown = 3});
	settle(f);
	expect(f, "9 ESTABLISHED>FIN_WAIT_1 close 10000us client incomplete\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 unknown incomplete\n");
	assert_int_equal(lifecycle_stats(f->lc)->withheld, 1);
	assert_int_equal(lifecycle_stats(f->lc)->incomplete, 1);
}

static void lost__before_the_connection_is_known__incomplete(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_lost_key key = {.cookie = 9};

	lifecycle_lost(f->lc, &key, f->now);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, tuple(5000, 80), plain);
	settle(f);
	expect(f, "9 ESTABLISHED>CLOSE_WAIT fin_received incomplete\n");
}

static void lost__nobody_named__everything_alive_is_incomplete(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	lifecycle_lost_any(f->lc, f->now);
	after(f, US);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, t, plain);
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 81), plain);
	settle(f);
	expect(f, "9 ESTABLISHED>CLOSE_WAIT fin_received 10001us client incomplete\n"
		  "10 CLOSED>SYN_SENT connect client\n");
}

static void close__reset_follows__abort_and_order_kept(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSED, t, (struct detail){.shutdown = 3});
	after(f, 5 * US);
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 81), plain);
	after(f, 25 * US);
	reset(f, 9, TCPW_SENT, ABORT_REASON);
	settle(f);
	expect(f, "9 ESTABLISHED>CLOSED abort 10000us client\n"
		  "life SYN_SENT ESTABLISHED abort\n"
		  "10 CLOSED>SYN_SENT connect client\n"
		  "reset sent\n");
}

static void close__reset_received_before__told_once(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	reset(f, 9, TCPW_RECEIVED, TCPW_REASON_UNKNOWN);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSED, t, (struct detail){.err = ECONNRESET});
	settle(f);
	expect(f, "reset received\n"
		  "9 ESTABLISHED>CLOSED reset_received 10000us client\n"
		  "life SYN_SENT ESTABLISHED reset_received\n");
}

/* tcp_reset() for data after close fires the same tracepoint, then a RST is sent. */
static void close__data_after_close__no_reset_was_received(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	reset(f, 9, TCPW_RECEIVED, TCPW_REASON_UNKNOWN);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_CLOSED, t,
	      (struct detail){.err = ECONNRESET, .shutdown = 3});
	reset(f, 9, TCPW_SENT, 8);
	settle(f);
	expect(f, "9 ESTABLISHED>FIN_WAIT_1 close 10000us client\n"
		  "9 FIN_WAIT_1>CLOSED reset_sent 0us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 reset_sent\n"
		  "reset sent\n");
}

static void records__out_of_order_within_the_window__sorted(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	after(f, 100 * US);
	state(f, 9, TCPW_SYN_SENT, TCPW_ESTABLISHED, t, plain);
	f->now -= 100 * US;
	state(f, 9, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
	settle(f);
	expect(f, "9 CLOSED>SYN_SENT connect client\n"
		  "9 SYN_SENT>ESTABLISHED syn_ack_received 100us client\n");
	assert_int_equal(lifecycle_stats(f->lc)->late, 0);
}

static void records__older_than_what_was_told__counted_late(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	f->now -= 11 * MS;
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 81), plain);
	lifecycle_advance(f->lc, f->now + 20 * MS);
	assert_int_equal(lifecycle_stats(f->lc)->late, 1);
}

static void connection__missing_record__path_has_a_hole(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	state(f, 9, TCPW_CLOSE_WAIT, TCPW_LAST_ACK, t, plain);
	settle(f);
	expect(f, "9 CLOSE_WAIT>LAST_ACK close client incomplete\n");
}

static void connection__found_in_the_table__lower_bound(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);
	struct tcpw_socket s = {.ts = f->now, .cookie = 9, .tuple = t, .state = TCPW_ESTABLISHED};
	struct tcpw_file file = {.cookie = 9, .process = {.pid = 5, .comm = "old"}};

	lifecycle_socket(f->lc, &s);
	settle(f);
	lifecycle_file(f->lc, &file);
	file.process.pid = 6;
	strcpy(file.process.comm, "child");
	lifecycle_file(f->lc, &file);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	after(f, 100 * US);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_FIN_WAIT_2, t, plain);
	settle(f);
	expect(f, "9 ESTABLISHED>FIN_WAIT_1 close >10000us old\n"
		  "9 FIN_WAIT_1>FIN_WAIT_2 fin_acked 100us old\n");
}

static void connection__cookie_connects_again__two_lives(void **arg)
{
	struct fixture *f = *arg;

	for (int i = 0; i < 2; i++) {
		state(f, 9, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
		after(f, 10 * US);
		reset(f, 9, TCPW_RECEIVED, TCPW_REASON_UNKNOWN);
		state(f, 9, TCPW_SYN_SENT, TCPW_CLOSED, tuple(0, 80),
		      (struct detail){.err = ECONNREFUSED});
		after(f, 10 * US);
	}
	settle(f);
	expect(f, "9 CLOSED>SYN_SENT connect client\n"
		  "reset received\n"
		  "9 SYN_SENT>CLOSED reset_received 10us client\n"
		  "life SYN_SENT reset_received\n"
		  "9 CLOSED>SYN_SENT connect client\n"
		  "reset received\n"
		  "9 SYN_SENT>CLOSED reset_received 10us client\n"
		  "life SYN_SENT reset_received\n");
	assert_int_equal(lifecycle_stats(f->lc)->live, 0);
}

static void tables__full__counted_and_nothing_else_harmed(void **arg)
{
	struct fixture *f = *arg;

	for (uint16_t i = 0; i < 5; i++)
		request(f, TCPW_MINI_START, tuple(80, (uint16_t)(6000 + i)));
	settle(f);
	assert_int_equal(lifecycle_stats(f->lc)->half_open_full, 1);
	for (uint64_t i = 0; i < 17; i++)
		state(f, 100 + i, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
	settle(f);
	assert_int_equal(lifecycle_stats(f->lc)->connections_full, 1);
	assert_int_equal(lifecycle_stats(f->lc)->live, 16);
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 4);
}

static void child__half_open_table_was_full__incomplete_and_no_cookie(void **arg)
{
	struct fixture *f = *arg;

	state(f, 1, TCPW_CLOSED, TCPW_LISTEN, tuple(80, 0), plain);
	for (uint16_t i = 0; i < 5; i++)
		request(f, TCPW_MINI_START, tuple(80, (uint16_t)(6000 + i)));
	settle(f);
	expect(f, f->story);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, tuple(80, 6004), plain);
	settle(f);
	expect(f, "2 SYN_RECEIVED>ESTABLISHED handshake_done server incomplete\n");
}

static void pending__more_than_fits__oldest_given_out(void **arg)
{
	struct fixture *f = *arg;

	for (uint64_t i = 0; i < 200; i++) {
		uint64_t cookie = 100 + i % 8;

		state(f, cookie, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
		state(f, cookie, TCPW_SYN_SENT, TCPW_CLOSED, tuple(0, 80),
		      (struct detail){.err = ETIMEDOUT});
		f->len = 0;
	}
	lifecycle_flush(f->lc, f->now);
	assert_int_equal(lifecycle_stats(f->lc)->transitions, 400);
	assert_int_equal(lifecycle_stats(f->lc)->live, 0);
	assert_false(lifecycle_pending(f->lc));
}

/* Its records had not been put in order yet when the loss was told. */
static void lost__nobody_named__what_waits_is_incomplete_too(void **arg)
{
	struct fixture *f = *arg;

	state(f, 9, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
	after(f, US);
	lifecycle_lost_any(f->lc, f->now);
	settle(f);
	expect(f, "9 CLOSED>SYN_SENT connect client incomplete\n");
}

/* Its own table being full must not make a half-open connection end that did not. */
static void tables__full__a_handshake_does_not_end_by_it(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	for (uint64_t i = 0; i < 16; i++)
		state(f, 100 + i, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
	settle(f);
	expect(f, f->story);
	request(f, TCPW_MINI_START, t);
	request(f, TCPW_MINI_CANCEL, t);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, t, plain);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n");
	assert_int_equal(lifecycle_stats(f->lc)->connections_full, 1);
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 0);
}

/* What a walk after a loss does not meet is forgotten; what it meets, or has no hole, stays. */
static void retire__holed_and_not_met__forgotten(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_socket s = {.cookie = 10, .tuple = tuple(5001, 80), .state = TCPW_ESTABLISHED};
	struct tcpw_lost_key gone = {.cookie = 9}, there = {.cookie = 10};

	established(f, 9, tuple(5000, 80));
	established(f, 10, tuple(5001, 80));
	established(f, 11, tuple(5002, 80));
	lifecycle_lost(f->lc, &gone, f->now);
	lifecycle_lost(f->lc, &there, f->now);
	s.ts = f->now;
	lifecycle_socket(f->lc, &s);
	settle(f);
	assert_int_equal(lifecycle_retire(f->lc, s.ts), 1);
	assert_int_equal(lifecycle_stats(f->lc)->live, 2);
	assert_int_equal(lifecycle_role(f->lc, 9), TCPW_ROLE_UNKNOWN);
	assert_int_equal(lifecycle_role(f->lc, 10), TCPW_ROLE_ACTIVE);
	assert_int_equal(lifecycle_role(f->lc, 11), TCPW_ROLE_ACTIVE);
}

static void walk(struct fixture *f, uint64_t cookie, struct tcpw_tuple tuple, int state)
{
	struct tcpw_socket s = {.cookie = cookie, .tuple = tuple, .state = (uint8_t)state};

	f->now += 1000000;
	s.ts = f->now;
	lifecycle_socket(f->lc, &s);
	settle(f);
}

/* One walk may miss a socket that changes its place in the table; two in a row do not. */
static void retire__whole_and_twice_not_met__unseen(void **arg)
{
	struct fixture *f = *arg;
	const struct lifecycle_stats *stats = lifecycle_stats(f->lc);
	uint64_t began;

	established(f, 9, tuple(5000, 80));
	established(f, 10, tuple(5001, 80));
	for (int i = 0; i < 3; i++) {
		began = f->now;
		walk(f, 10, tuple(5001, 80), TCPW_ESTABLISHED);
		assert_int_equal(lifecycle_retire(f->lc, began), i == 1);
	}
	assert_int_equal(stats->unseen, 1);
	assert_int_equal(stats->retired, 1);
	assert_int_equal(lifecycle_role(f->lc, 9), TCPW_ROLE_UNKNOWN);
	assert_int_equal(lifecycle_role(f->lc, 10), TCPW_ROLE_ACTIVE);
}

static void retire__missed_met_missed__stays(void **arg)
{
	struct fixture *f = *arg;
	uint64_t began;

	established(f, 9, tuple(5000, 80));
	for (int i = 0; i < 4; i++) {
		began = f->now;
		f->now += 1000000;
		if (i % 2)
			walk(f, 9, tuple(5000, 80), TCPW_ESTABLISHED);
		assert_int_equal(lifecycle_retire(f->lc, began), 0);
	}
	assert_int_equal(lifecycle_stats(f->lc)->unseen, 0);
}

/* Found twice in a state that nobody told: its path has a hole, and one event was unseen. */
static void socket__twice_in_another_state__unseen(void **arg)
{
	struct fixture *f = *arg;
	const struct lifecycle_stats *stats = lifecycle_stats(f->lc);

	established(f, 9, tuple(5000, 80));
	walk(f, 9, tuple(5000, 80), TCPW_CLOSE_WAIT);
	assert_int_equal(stats->unseen + stats->incomplete, 0);
	walk(f, 9, tuple(5000, 80), TCPW_ESTABLISHED);
	walk(f, 9, tuple(5000, 80), TCPW_CLOSE_WAIT);
	assert_int_equal(stats->unseen + stats->incomplete, 0);
	for (int i = 0; i < 3; i++)
		walk(f, 9, tuple(5000, 80), TCPW_CLOSE_WAIT);
	assert_int_equal(stats->unseen, 1);
	assert_int_equal(stats->incomplete, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(retire__whole_and_twice_not_met__unseen),
		CASE(retire__missed_met_missed__stays),
		CASE(socket__twice_in_another_state__unseen),
		CASE(active_close__timewait_expires__whole_path),
		CASE(passive_close__accepted__owner_changes),
		CASE(close__no_timewait_begins__overflow),
		CASE(close__record_lost__withheld),
		CASE(lost__before_the_connection_is_known__incomplete),
		CASE(lost__nobody_named__everything_alive_is_incomplete),
		CASE(close__reset_follows__abort_and_order_kept),
		CASE(close__reset_received_before__told_once),
		CASE(close__data_after_close__no_reset_was_received),
		CASE(records__out_of_order_within_the_window__sorted),
		CASE(records__older_than_what_was_told__counted_late),
		CASE(connection__missing_record__path_has_a_hole),
		CASE(connection__found_in_the_table__lower_bound),
		CASE(connection__cookie_connects_again__two_lives),
		CASE(tables__full__counted_and_nothing_else_harmed),
		CASE(child__half_open_table_was_full__incomplete_and_no_cookie),
		CASE(lost__nobody_named__what_waits_is_incomplete_too),
		CASE(tables__full__a_handshake_does_not_end_by_it),
		CASE(retire__holed_and_not_met__forgotten),
		CASE(pending__more_than_fits__oldest_given_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
