// SPDX-License-Identifier: GPL-2.0-or-later
/* Mini-sockets: half-open connections, orphans in FIN_WAIT_2, TIME_WAIT and how it ends. */
#include "unit/lifecycle/story.h"

static void half_open__timer_armed_again__goes_on(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	request(f, TCPW_MINI_START, t);
	after(f, 1000 * MS);
	request(f, TCPW_MINI_CANCEL, t);
	request(f, TCPW_MINI_EXPIRE, t);
	after(f, 20 * US);
	request(f, TCPW_MINI_START, t);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n");
	after(f, 2000 * MS);
	request(f, TCPW_MINI_CANCEL, t);
	request(f, TCPW_MINI_EXPIRE, t);
	settle(f);
	expect(f, "0 SYN_RECEIVED>CLOSED syn_ack_timeout 3010020us\n");
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 0);
}

static void due__expiry_late__expired_all_the_same(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);
	struct tcpw_mini_record r = {.tuple = t,
				     .op = TCPW_MINI_CANCEL,
				     .listener_state = TCPW_LISTEN,
				     .context = TCPW_CONTEXT_NO_PACKET,
				     .due = 1};

	request(f, TCPW_MINI_START, t);
	after(f, 1000 * MS);
	r.h = header(f, TCPW_RECORD_REQUEST, sizeof(r));
	lifecycle_record(f->lc, &r.h);
	settle(f); /* 10 ms without the CPU */
	request(f, TCPW_MINI_EXPIRE, t);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n"
		  "0 SYN_RECEIVED>CLOSED syn_ack_timeout 1000000us\n");
}

static void half_open__cancelled_alone_segments_hidden__unknown(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	request(f, TCPW_MINI_START, t);
	after(f, 50 * US);
	request(f, TCPW_MINI_CANCEL, t);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n"
		  "0 SYN_RECEIVED>CLOSED unknown 50us\n");
}

/* Brings connection 9 into a FIN_WAIT_2 that is a mini-socket. */
static void orphaned(struct fixture *f, struct tcpw_tuple t)
{
	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_FIN_WAIT_2, t, plain);
	timewait(f, TCPW_MINI_START, 9, TCPW_FIN_WAIT_2, t);
	state(f, 9, TCPW_FIN_WAIT_2, TCPW_CLOSED, t, plain);
	settle(f);
	expect(f, f->story);
	assert_int_equal(lifecycle_orphans(f->lc), 1);
}

static void orphan__fin_segment__time_wait(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	orphaned(f, t);
	timewait(f, TCPW_MINI_SEGMENT, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f,
	       "9 FIN_WAIT_2>TIME_WAIT fin_received 10000us client\n"
	       "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT fin_received pending\n");
	assert_int_equal(lifecycle_orphans(f->lc), 0);
}

static void orphan__expires__fin_wait_2_timeout(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	orphaned(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_FIN_WAIT_2, t);
	timewait(f, TCPW_MINI_EXPIRE, 9, TCPW_FIN_WAIT_2, t);
	settle(f);
	expect(f, "9 FIN_WAIT_2>CLOSED fin_wait_2_timeout 10000us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 fin_wait_2_timeout\n");
	assert_int_equal(lifecycle_orphans(f->lc), 0);
}

static void orphan__table_says_time_wait__told_from_snapshot(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);
	struct tcpw_socket s = {.cookie = 9, .tuple = t, .state = TCPW_TIME_WAIT, .mini = 2};

	orphaned(f, t);
	s.ts = f->now;
	s.timer_ns = 60000 * MS - 4 * MS;
	lifecycle_socket(f->lc, &s);
	settle(f);
	expect(f,
	       "9 FIN_WAIT_2>TIME_WAIT fin_received >6000us client\n"
	       "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT fin_received pending\n");
	after(f, 60000 * MS - 14 * MS); /* settle() has waited 10 ms */
	timewait(f, TCPW_MINI_EXPIRE, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_expired >60000000us client\n");
}

/* Brings connection 9 into TIME_WAIT. */
static void waiting(struct fixture *f, struct tcpw_tuple t)
{
	orphaned(f, t);
	timewait(f, TCPW_MINI_SEGMENT, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, f->story);
}

static void due__no_expiry__what_it_is_without(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);
	struct tcpw_mini_record r = {.cookie = 9,
				     .tuple = t,
				     .op = TCPW_MINI_CANCEL,
				     .substate = TCPW_TIME_WAIT,
				     .due = 1};

	waiting(f, t);
	r.h = header(f, TCPW_RECORD_TIMEWAIT, sizeof(r));
	lifecycle_record(f->lc, &r.h);
	settle(f);
	expect(f, "");
	settle(f);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_killed 10000us client\n");
}

static void time_wait__armed_again__goes_on(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	timewait(f, TCPW_MINI_START, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "");
}

static void orphan__cancelled_alone__killed(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	watch_segments(f);
	orphaned(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_FIN_WAIT_2, t);
	settle(f);
	expect(f, "9 FIN_WAIT_2>CLOSED killed 10000us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 killed\n");
}

/* A kernel that shows neither RSTs that come to a mini-socket nor those it sends. */
static void orphan__cancelled_alone_segments_hidden__unknown(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	orphaned(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_FIN_WAIT_2, t);
	settle(f);
	expect(f, "9 FIN_WAIT_2>CLOSED unknown 10000us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 unknown\n");
}

static void time_wait__cancelled_alone__killed(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_killed 10000us client\n");
}

static void time_wait__syn_for_its_tuple__reused(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	after(f, 5 * US);
	request(f, TCPW_MINI_START, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_reused 10000us client\n"
		  "0 LISTEN>SYN_RECEIVED syn_received\n");
}

static void time_wait__connect_to_its_peer__reused(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
	after(f, 5 * US);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "10 CLOSED>SYN_SENT connect client\n"
		  "9 TIME_WAIT>CLOSED time_wait_reused 10005us client\n");
}

static void time_wait__connect_to_another_peer__killed(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 443), plain);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "10 CLOSED>SYN_SENT connect client\n"
		  "9 TIME_WAIT>CLOSED time_wait_killed 10000us client\n");
}

static void child__no_request_socket__syn_cookie(void **arg)
{
	struct fixture *f = *arg;

	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, tuple(80, 5000), plain);
	settle(f);
	expect(f, "2 LISTEN>ESTABLISHED syn_cookie\n");
}

static void life_complete__waits_for_time_wait(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	lifecycle_free(f->lc);
	make(f, 16, true);
	waiting(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	timewait(f, TCPW_MINI_EXPIRE, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_expired 10000us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT time_wait_expired\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(half_open__timer_armed_again__goes_on),
		CASE(due__expiry_late__expired_all_the_same),
		CASE(due__no_expiry__what_it_is_without),
		CASE(half_open__cancelled_alone_segments_hidden__unknown),
		CASE(orphan__fin_segment__time_wait),
		CASE(orphan__expires__fin_wait_2_timeout),
		CASE(orphan__table_says_time_wait__told_from_snapshot),
		CASE(time_wait__armed_again__goes_on),
		CASE(orphan__cancelled_alone__killed),
		CASE(orphan__cancelled_alone_segments_hidden__unknown),
		CASE(time_wait__cancelled_alone__killed),
		CASE(time_wait__syn_for_its_tuple__reused),
		CASE(time_wait__connect_to_its_peer__reused),
		CASE(time_wait__connect_to_another_peer__killed),
		CASE(child__no_request_socket__syn_cookie),
		CASE(life_complete__waits_for_time_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
