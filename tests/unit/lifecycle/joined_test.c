// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that the kernel opens: further subflows of MPTCP connections, and its own. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(joined__opened_by_a_worker__owner_of_the_first_subflow),
		CASE(joined__first_subflow_unknown__nobody),
		CASE(joined__child_of_a_kernel_listener__follows_the_accept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
