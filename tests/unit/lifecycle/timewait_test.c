// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lifecycle/timewait.h"
#include "tcpwitness/state.h"

#define SECOND 1000000000ull
#define NETNS 7
#define PEER_PORT 443
#define OWNER 100

static const struct timewait_limits limits = {.low = 10000, .high = 10999, .reuse = 0};

static struct timewait *fresh(uint32_t groups, uint32_t destinations)
{
	const struct timewait_options options = {
		.max_groups = groups, .max_destinations = destinations, .max_namespaces = 4};
	struct timewait *t = NULL;

	assert_int_equal(timewait_new(&t, &options), 0);
	timewait_limits(t, NETNS, &limits);
	return t;
}

static struct tcpw_socket a_socket(uint16_t lport, uint8_t peer, enum tcpw_state state, int mini)
{
	struct tcpw_socket s = {.state = (uint8_t)state, .mini = (uint8_t)mini};
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};

	memcpy(s.tuple.laddr, mapped, 16);
	memcpy(s.tuple.raddr, mapped, 16);
	s.tuple.raddr[15] = peer;
	s.tuple.lport = lport;
	s.tuple.rport = PEER_PORT;
	s.tuple.netns = NETNS;
	return s;
}

static void add(struct timewait *t, uint16_t first, uint32_t count, uint8_t peer, uint32_t process)
{
	for (uint32_t i = 0; i < count; i++) {
		struct tcpw_socket s = a_socket((uint16_t)(first + i), peer, TCPW_TIME_WAIT, 2);

		timewait_socket(t, &s, process, false);
	}
}

static const struct timewait_group *only(const struct timewait *t)
{
	size_t count;
	const struct timewait_group *g = timewait_groups(t, &count);

	assert_int_equal(count, 1);
	return g;
}

/* 50 ports a second from 100 on: of 1000, 100 + 50 n are used after n seconds. */
static void ports__steady_growth__time_to_exhaustion(void **arg)
{
	struct timewait *t = fresh(16, 16);

	(void)arg;
	for (uint32_t n = 0; n <= 10; n++) {
		timewait_begin(t, (n + 1) * SECOND);
		add(t, 10000, 100 + 50 * n, 9, OWNER);
		timewait_end(t);
		assert_int_equal(only(t)->exhaustion_known, n >= 3); /* four samples make a trend */
	}
	assert_int_equal(only(t)->ports_used, 600);
	assert_int_equal(only(t)->ports_total, 1000);
	assert_int_equal(only(t)->exhausted_in_ns, 8 * SECOND);
	timewait_free(t);
}

static void ports__one_burst_among_steady_readings__does_not_move_it(void **arg)
{
	struct timewait *t = fresh(16, 16);

	(void)arg;
	for (uint32_t n = 0; n <= 12; n++) {
		timewait_begin(t, (n + 1) * SECOND);
		add(t, 10000, 100 + 10 * n + (n == 6 ? 300 : 0), 9, OWNER);
		timewait_end(t);
	}
	/* 780 left at 10 a second */
	assert_in_range(only(t)->exhausted_in_ns, 70 * SECOND, 86 * SECOND);
	timewait_free(t);
}

static void ports__as_many_come_as_go__do_not_run_out(void **arg)
{
	struct timewait *t = fresh(16, 16);

	(void)arg;
	for (uint32_t n = 0; n <= 12; n++) {
		timewait_begin(t, (n + 1) * SECOND);
		add(t, 10000, 700, 9, OWNER);
		timewait_end(t);
	}
	assert_false(only(t)->exhaustion_known);
	timewait_free(t);
}

static void ports__all_used__exhausted_now(void **arg)
{
	struct timewait *t = fresh(16, 16);

	(void)arg;
	timewait_begin(t, SECOND);
	add(t, 10000, 1000, 9, OWNER);
	timewait_end(t);
	assert_true(only(t)->exhaustion_known);
	assert_int_equal(only(t)->exhausted_in_ns, 0);
	timewait_free(t);
}

/* Any state binds a port; a port outside the range is none of it, nor is another destination's. */
static void ports__of_any_state__are_used(void **arg)
{
	struct timewait *t = fresh(16, 16);
	struct tcpw_socket open = a_socket(10500, 9, TCPW_ESTABLISHED, 0);
	struct tcpw_socket outside = a_socket(9, 9, TCPW_ESTABLISHED, 0);
	struct tcpw_socket elsewhere = a_socket(10501, 8, TCPW_ESTABLISHED, 0);
	struct tcpw_socket orphan = a_socket(10502, 9, TCPW_FIN_WAIT_2, 2);

	(void)arg;
	timewait_begin(t, SECOND);
	add(t, 10000, 3, 9, OWNER);
	timewait_socket(t, &open, OWNER, false);
	timewait_socket(t, &outside, OWNER, false);
	timewait_socket(t, &elsewhere, OWNER, false);
	timewait_socket(t, &orphan, OWNER, false);
	timewait_end(t);
	assert_int_equal(only(t)->time_wait, 3);
	assert_int_equal(only(t)->ports_used, 5);
	assert_int_equal(timewait_now(t), 3);
	assert_int_equal(timewait_orphans(t), 1);
	timewait_free(t);
}

static void groups__by_process_and_destination__most_first(void **arg)
{
	struct timewait *t = fresh(16, 16);
	const struct timewait_group *g;
	size_t count;

	(void)arg;
	timewait_begin(t, SECOND);
	add(t, 10000, 2, 9, OWNER);
	add(t, 10100, 5, 9, OWNER + 1);
	add(t, 10200, 3, 8, OWNER);
	timewait_end(t);
	g = timewait_groups(t, &count);
	assert_int_equal(count, 3);
	assert_int_equal(g[0].time_wait, 5);
	assert_int_equal(g[0].process, OWNER + 1);
	assert_int_equal(g[0].ports_used, 7); /* of the destination, whoever uses them */
	assert_int_equal(g[1].time_wait, 3);
	assert_int_equal(g[1].ports_used, 3);
	assert_int_equal(g[2].time_wait, 2);
	timewait_free(t);
}

/* A server's: one group for a listening port, and no port that could run out. */
static void groups__passive__by_listening_port(void **arg)
{
	struct timewait *t = fresh(16, 16);

	(void)arg;
	timewait_begin(t, SECOND);
	for (uint8_t peer = 1; peer <= 5; peer++) {
		struct tcpw_socket s = a_socket(80, peer, TCPW_TIME_WAIT, 2);

		s.tuple.rport = (uint16_t)(40000 + peer);
		timewait_socket(t, &s, OWNER, true);
	}
	timewait_end(t);
	assert_int_equal(only(t)->time_wait, 5);
	assert_int_equal(only(t)->port, 80);
	assert_true(only(t)->passive);
	assert_int_equal(only(t)->ports_total, 0);
	timewait_free(t);
}

static void groups__more_than_there_is_room_for__rest_is_summed_up(void **arg)
{
	struct timewait *t = fresh(2, 2);
	size_t count;

	(void)arg;
	timewait_begin(t, SECOND);
	for (uint8_t peer = 1; peer <= 5; peer++)
		add(t, 10000, peer, peer, OWNER);
	timewait_end(t);
	timewait_groups(t, &count);
	assert_int_equal(count, 2);
	assert_int_equal(timewait_now(t), 15);
	assert_int_equal(timewait_other(t), 12);
	timewait_free(t);
}

/* A destination without a socket left gives its place back, and its history with it. */
static void destinations__gone__make_room(void **arg)
{
	struct timewait *t = fresh(16, 1);

	(void)arg;
	for (uint8_t peer = 1; peer <= 20; peer++) {
		timewait_begin(t, peer * SECOND);
		add(t, 10000, 10u * peer, peer, OWNER);
		timewait_end(t);
		timewait_begin(t, peer * SECOND + SECOND / 2);
		timewait_end(t);
		timewait_begin(t, peer * SECOND + SECOND / 2);
		add(t, 10000, 10u * peer, peer, OWNER);
		timewait_end(t);
		assert_int_equal(only(t)->ports_used, 10 * peer);
		assert_false(only(t)->exhaustion_known);
		timewait_begin(t, peer * SECOND + SECOND / 2);
		timewait_end(t);
	}
	timewait_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports__steady_growth__time_to_exhaustion),
		cmocka_unit_test(ports__one_burst_among_steady_readings__does_not_move_it),
		cmocka_unit_test(ports__as_many_come_as_go__do_not_run_out),
		cmocka_unit_test(ports__all_used__exhausted_now),
		cmocka_unit_test(ports__of_any_state__are_used),
		cmocka_unit_test(groups__by_process_and_destination__most_first),
		cmocka_unit_test(groups__passive__by_listening_port),
		cmocka_unit_test(groups__more_than_there_is_room_for__rest_is_summed_up),
		cmocka_unit_test(destinations__gone__make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
