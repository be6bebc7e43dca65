// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast Open: a child that is a full socket from its SYN on, known by its tuple until it moves. */
#include "unit/lifecycle/story.h"

/* The SYN comes, to a listener of "server". */
static void syn(struct fixture *f, struct tcpw_tuple t)
{
	struct tcpw_mini_record r = {.tuple = t,
				     .listener = 1,
				     .op = TCPW_MINI_START,
				     .listener_state = TCPW_LISTEN,
				     .fastopen = 1};

	state(f, 1, TCPW_CLOSED, TCPW_LISTEN, tuple(80, 0), plain);
	after(f, MS);
	r.h = header(f, TCPW_RECORD_REQUEST, sizeof(r));
	lifecycle_record(f->lc, &r.h);
}

static void accepted(struct fixture *f, uint64_t cookie, struct tcpw_tuple t)
{
	struct tcpw_accept_record a = {.cookie = cookie, .tuple = t};

	a.h = header(f, TCPW_RECORD_ACCEPT, sizeof(a));
	strcpy(a.process.comm, "worker");
	lifecycle_record(f->lc, &a.h);
}

static void fastopen__acked__told_from_its_syn(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	syn(f, t);
	after(f, 70 * US);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, t, plain);
	after(f, 30 * US);
	accepted(f, 2, t);
	settle(f);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "0 LISTEN>SYN_RECEIVED fastopen_syn server\n"
		  "2 SYN_RECEIVED>ESTABLISHED handshake_done 70us server\n"
		  "accept 100us worker\n");
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 0);
}

static void fastopen__accepted_before_the_ack__is_the_workers(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	syn(f, t);
	after(f, 50 * US);
	accepted(f, 0, t);
	after(f, 50 * US);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_FIN_WAIT_1, t, plain);
	settle(f);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "0 LISTEN>SYN_RECEIVED fastopen_syn server\n"
		  "accept 50us worker\n"
		  "2 SYN_RECEIVED>FIN_WAIT_1 close 100us worker\n");
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 0);
}

static void fastopen__timer_armed_again_then_given_up__syn_ack_timeout(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);
	struct tcpw_mini_record r = {.tuple = t, .op = TCPW_MINI_START, .fastopen = 1};

	syn(f, t);
	after(f, 1000 * MS);
	r.h = header(f, TCPW_RECORD_REQUEST, sizeof(r));
	lifecycle_record(f->lc, &r.h);
	after(f, 2000 * MS);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_CLOSED, t, (struct detail){.err = ETIMEDOUT});
	settle(f);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "0 LISTEN>SYN_RECEIVED fastopen_syn server\n"
		  "2 SYN_RECEIVED>CLOSED syn_ack_timeout 3000000us server\n"
		  "life SYN_RECEIVED syn_ack_timeout\n");
}

static void fastopen__reset_before_the_child_moved__reset_received(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80); /* what story.h's resets have */

	syn(f, t);
	after(f, 50 * US);
	reset(f, 2, TCPW_RECEIVED, TCPW_REASON_UNKNOWN);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_CLOSED, t, (struct detail){.err = ECONNRESET});
	settle(f);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "0 LISTEN>SYN_RECEIVED fastopen_syn server\n"
		  "reset received\n"
		  "2 SYN_RECEIVED>CLOSED reset_received 50us server\n"
		  "life SYN_RECEIVED reset_received\n");
}

static void fastopen__listener_closes__child_reset(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	syn(f, t);
	settle(f);
	state(f, 1, TCPW_LISTEN, TCPW_CLOSED, tuple(80, 0), plain);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_CLOSED, t, plain);
	reset(f, 2, TCPW_SENT, TCPW_REASON_UNKNOWN);
	settle(f);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "0 LISTEN>SYN_RECEIVED fastopen_syn server\n"
		  "1 LISTEN>CLOSED close 11000us server\n"
		  "2 SYN_RECEIVED>CLOSED listener_closed 10000us server\n"
		  "life SYN_RECEIVED listener_closed\n"
		  "reset sent\n");
}

/* Without the timer witness the child is first seen at the end of its handshake. */
static void fastopen__syn_not_seen__incomplete(void **arg)
{
	struct fixture *f = *arg;

	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, tuple(80, 5000),
	      (struct detail){.flags = TCPW_SOCK_FASTOPEN});
	settle(f);
	expect(f, "2 SYN_RECEIVED>ESTABLISHED handshake_done incomplete\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(fastopen__acked__told_from_its_syn),
		CASE(fastopen__accepted_before_the_ack__is_the_workers),
		CASE(fastopen__timer_armed_again_then_given_up__syn_ack_timeout),
		CASE(fastopen__reset_before_the_child_moved__reset_received),
		CASE(fastopen__listener_closes__child_reset),
		CASE(fastopen__syn_not_seen__incomplete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
