// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose a socket is that no call of a process opens: further subflows of MPTCP connections, the
 * kernel's own, children that are accepted unseen.
 */
#include "unit/lifecycle/story.h"

static void open_record(struct fixture *f, uint64_t cookie, int old_state, int new_state,
			struct tcpw_tuple t, uint16_t flags, uint64_t joined)
{
	struct tcpw_open_record r = {.s = {.h = header(f, TCPW_RECORD_OPEN, sizeof(r)),
					   .cookie = cookie,
					   .tuple = t,
					   .old_state = (uint8_t)old_state,
					   .new_state = (uint8_t)new_state,
					   .flags = flags},
				     .process = {.pid = 9, .comm = "kworker"},
				     .joined = joined};

	lifecycle_record(f->lc, &r.s.h);
}

static void joined__opened_by_a_worker__owner_of_the_first_subflow(void **arg)
{
	struct fixture *f = *arg;

	established(f, 9, tuple(5000, 80));
	open_record(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), TCPW_SOCK_SUBFLOW, 9);
	state(f, 10, TCPW_SYN_SENT, TCPW_ESTABLISHED, tuple(5001, 80), plain);
	settle(f);
	expect(f, "10 CLOSED>SYN_SENT connect client\n"
		  "10 SYN_SENT>ESTABLISHED syn_ack_received 0us client\n");
}

static void joined__first_subflow_unknown__nobody(void **arg)
{
	struct fixture *f = *arg;

	open_record(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), TCPW_SOCK_SUBFLOW, 9);
	settle(f);
	expect(f, "10 CLOSED>SYN_SENT connect\n");
}

/* The listener of the path manager has no owner; what comes by it belongs to who accepted. */
static void joined__child_of_a_kernel_listener__follows_the_accept(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000), other = tuple(81, 5001);
	struct tcpw_accept_record a;

	state(f, 1, TCPW_CLOSED, TCPW_LISTEN, tuple(80, 0), plain);
	request(f, TCPW_MINI_START, t);
	request(f, TCPW_MINI_CANCEL, t);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, t, plain);
	settle(f);
	expect(f, f->story);
	open_record(f, 3, TCPW_CLOSED, TCPW_LISTEN, tuple(81, 0), TCPW_SOCK_KERNEL, 0);
	open_record(f, 4, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, other, TCPW_SOCK_SUBFLOW, 2);
	settle(f);
	expect(f, "3 CLOSED>LISTEN listen\n"
		  "4 SYN_RECEIVED>ESTABLISHED handshake_done server\n");
	a = (struct tcpw_accept_record){
		.h = header(f, TCPW_RECORD_ACCEPT, sizeof(a)), .cookie = 2, .tuple = t};
	strcpy(a.process.comm, "worker");
	lifecycle_record(f->lc, &a.h);
	state(f, 4, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, other, plain);
	settle(f);
	expect(f, "accept 20000us worker\n"
		  "4 ESTABLISHED>CLOSE_WAIT fin_received 10000us worker\n");
}

/* A child up to ESTABLISHED, of a listener that "server" owns. */
static void child(struct fixture *f, struct tcpw_tuple t)
{
	state(f, 1, TCPW_CLOSED, TCPW_LISTEN, tuple(80, 0), plain);
	request(f, TCPW_MINI_START, t);
	request(f, TCPW_MINI_CANCEL, t);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, t, plain);
	settle(f);
	expect(f, f->story);
}

static void child__held_and_no_accept_seen__nobody(void **arg)
{
	const struct detail held = {.flags = TCPW_SOCK_HELD};
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	child(f, t);
	state(f, 2, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, t, held);
	state(f, 2, TCPW_CLOSE_WAIT, TCPW_LAST_ACK, t, held);
	state(f, 2, TCPW_LAST_ACK, TCPW_CLOSED, t, plain);
	settle(f);
	expect(f, "2 ESTABLISHED>CLOSE_WAIT fin_received 10000us\n"
		  "2 CLOSE_WAIT>LAST_ACK close 0us\n"
		  "2 LAST_ACK>CLOSED fin_acked 0us\n"
		  "life SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK fin_acked\n");
}

/* Its file is there a moment before accept() returns: a line between the two has nobody. */
static void child__held_just_before_the_accept__owner_of_the_accept(void **arg)
{
	const struct detail held = {.flags = TCPW_SOCK_HELD};
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);
	struct tcpw_accept_record a;

	child(f, t);
	state(f, 2, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, t, held);
	after(f, US);
	a = (struct tcpw_accept_record){
		.h = header(f, TCPW_RECORD_ACCEPT, sizeof(a)), .cookie = 2, .tuple = t};
	strcpy(a.process.comm, "worker");
	lifecycle_record(f->lc, &a.h);
	state(f, 2, TCPW_CLOSE_WAIT, TCPW_LAST_ACK, t, held);
	settle(f);
	expect(f, "2 ESTABLISHED>CLOSE_WAIT fin_received 10000us\n"
		  "accept 10001us worker\n"
		  "2 CLOSE_WAIT>LAST_ACK close 1us worker\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(joined__opened_by_a_worker__owner_of_the_first_subflow),
		CASE(joined__first_subflow_unknown__nobody),
		CASE(joined__child_of_a_kernel_listener__follows_the_accept),
		CASE(child__held_and_no_accept_seen__nobody),
		CASE(child__held_just_before_the_accept__owner_of_the_accept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
