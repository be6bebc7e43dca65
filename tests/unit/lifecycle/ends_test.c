// SPDX-License-Identifier: GPL-2.0-or-later
/* Ends that no segment tells of: killed from outside, undone by their process, put away. */
#include "unit/lifecycle/story.h"

/* A half-open connection whose request socket is taken off, on account of `context`. */
static void taken_off(struct fixture *f, struct tcpw_tuple t, enum tcpw_context context)
{
	struct tcpw_mini_record r = {.tuple = t,
				     .op = TCPW_MINI_CANCEL,
				     .listener_state = TCPW_LISTEN,
				     .context = (uint8_t)context};

	watch_segments(f);
	request(f, TCPW_MINI_START, t);
	after(f, 50 * US);
	r.h = header(f, TCPW_RECORD_REQUEST, sizeof(r));
	lifecycle_record(f->lc, &r.h);
}

static void half_open__taken_off_by_no_packet__killed(void **arg)
{
	struct fixture *f = *arg;

	taken_off(f, tuple(80, 5000), TCPW_CONTEXT_NO_PACKET);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n"
		  "0 SYN_RECEIVED>CLOSED killed 50us\n");
}

static void half_open__taken_off_by_a_packet__icmp_error(void **arg)
{
	struct fixture *f = *arg;

	taken_off(f, tuple(80, 5000), TCPW_CONTEXT_PACKET);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n"
		  "0 SYN_RECEIVED>CLOSED icmp_error 50us\n");
}

static void half_open__taken_off_and_nothing_known__unknown(void **arg)
{
	struct fixture *f = *arg;

	taken_off(f, tuple(80, 5000), TCPW_CONTEXT_UNKNOWN);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n"
		  "0 SYN_RECEIVED>CLOSED unknown 50us\n");
}

static void segment(struct fixture *f, struct tcpw_tuple t, uint8_t tcp_flags)
{
	struct tcpw_mini_record r = {.h = header(f, TCPW_RECORD_REQUEST, sizeof(r)),
				     .tuple = t,
				     .op = TCPW_MINI_SEGMENT,
				     .tcp_flags = tcp_flags};

	lifecycle_record(f->lc, &r.h);
}

static void half_open__rst_follows__reset_received(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	taken_off(f, t, TCPW_CONTEXT_PACKET);
	after(f, US);
	segment(f, t, 0x04);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n"
		  "0 SYN_RECEIVED>CLOSED reset_received 50us\n");
}

static void half_open__rst_that_is_not_taken__goes_on(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	watch_segments(f);
	request(f, TCPW_MINI_START, t);
	segment(f, t, 0x04);
	segment(f, tuple(80, 5001), 0x04);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n");
	assert_int_equal(lifecycle_stats(f->lc)->strays, 0);
}

/* tcp_abort: CLOSED is set before the accept queue is emptied, and again with the error. */
static void listener__closed_again_with_its_error__killed(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 0);

	state(f, 1, TCPW_CLOSED, TCPW_LISTEN, t, plain);
	after(f, MS);
	state(f, 1, TCPW_LISTEN, TCPW_CLOSED, t, (struct detail){.pid = 7});
	after(f, 400 * MS);
	lifecycle_advance(f->lc, f->now);
	state(f, 1, TCPW_CLOSED, TCPW_CLOSED, t, (struct detail){.err = ECONNABORTED});
	settle(f);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "1 LISTEN>CLOSED killed 1000us server\n");
}

static void listener__closed_and_shut__close_without_delay(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 0);

	state(f, 1, TCPW_CLOSED, TCPW_LISTEN, t, plain);
	after(f, MS);
	state(f, 1, TCPW_LISTEN, TCPW_CLOSED, t, (struct detail){.shutdown = 3, .pid = 7});
	after(f, 4 * MS);
	lifecycle_advance(f->lc, f->now);
	state(f, 2, TCPW_CLOSED, TCPW_LISTEN, t, plain);
	state(f, 2, TCPW_LISTEN, TCPW_CLOSED, t, plain);
	after(f, 4 * MS);
	lifecycle_advance(f->lc, f->now);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "1 LISTEN>CLOSED close 1000us server\n"
		  "2 CLOSED>LISTEN listen server\n"
		  "2 LISTEN>CLOSED close 0us server\n");
}

static void closed_again__of_nobody__ignored(void **arg)
{
	struct fixture *f = *arg;

	state(f, 7, TCPW_CLOSED, TCPW_CLOSED, tuple(80, 0), (struct detail){.err = ECONNABORTED});
	settle(f);
	expect(f, "");
	assert_int_equal(lifecycle_stats(f->lc)->live, 0);
}

/* Brings connection 9 into LAST_ACK. */
static void last_ack(struct fixture *f, struct tcpw_tuple t)
{
	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, t, plain);
	state(f, 9, TCPW_CLOSE_WAIT, TCPW_LAST_ACK, t, plain);
	settle(f);
	expect(f, f->story);
}

static void last_ack__silent_end_before_the_ack__disconnect(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	last_ack(f, t);
	state(f, 9, TCPW_LAST_ACK, TCPW_CLOSED, t,
	      (struct detail){.shutdown = 3, .flags = TCPW_SOCK_UNACKED});
	settle(f);
	expect(f, "9 LAST_ACK>CLOSED disconnect 10000us client\n"
		  "life SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK disconnect\n");
}

static void last_ack__silent_end_of_an_orphan__orphan_limit(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	last_ack(f, t);
	state(f, 9, TCPW_LAST_ACK, TCPW_CLOSED, t,
	      (struct detail){.shutdown = 3, .flags = TCPW_SOCK_UNACKED | TCPW_SOCK_DEAD});
	settle(f);
	expect(f, "9 LAST_ACK>CLOSED orphan_limit 10000us client\n"
		  "life SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK orphan_limit\n");
}

static void repair__states_without_segments__say_so(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);
	const struct detail repair = {.flags = TCPW_SOCK_REPAIR};

	state(f, 9, TCPW_CLOSED, TCPW_SYN_SENT, t, repair);
	state(f, 9, TCPW_SYN_SENT, TCPW_ESTABLISHED, t, repair);
	after(f, MS);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSED, t,
	      (struct detail){.shutdown = 3, .flags = TCPW_SOCK_REPAIR});
	settle(f);
	expect(f, "9 CLOSED>SYN_SENT connect client\n"
		  "9 SYN_SENT>ESTABLISHED repair 0us client\n"
		  "9 ESTABLISHED>CLOSED repair 1000us client\n"
		  "life SYN_SENT ESTABLISHED repair\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(half_open__taken_off_by_no_packet__killed),
		CASE(half_open__taken_off_by_a_packet__icmp_error),
		CASE(half_open__taken_off_and_nothing_known__unknown),
		CASE(half_open__rst_follows__reset_received),
		CASE(half_open__rst_that_is_not_taken__goes_on),
		CASE(listener__closed_again_with_its_error__killed),
		CASE(listener__closed_and_shut__close_without_delay),
		CASE(closed_again__of_nobody__ignored),
		CASE(last_ack__silent_end_before_the_ack__disconnect),
		CASE(last_ack__silent_end_of_an_orphan__orphan_limit),
		CASE(repair__states_without_segments__say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
