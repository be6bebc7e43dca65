/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every move the stack can make has a cause and looks like the kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "reftcp/state.h"
#include "stack/story.h"

static struct reftcp_transition move_of(const struct edge *edge)
{
	return (struct reftcp_transition){
		.id = 7,
		.local = {{.family = 4, .byte = {10, 0, 0, 1}}, 80},
		.remote = {{.family = 4, .byte = {10, 0, 0, 2}}, 4000},
		.from = edge->from,
		.to = edge->to,
		.clause = clause_section(edge->clause),
		.why = clause_why(edge->clause),
		.at = 1500,
	};
}

static void story_cause__every_legal_edge__has_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < state_edge_count; i++) {
		struct reftcp_transition t = move_of(&state_edges[i]);

		if (story_cause(&t) == TCPW_CAUSE_UNKNOWN)
			fail_msg("%s: %s to %s", t.why, reftcp_state_name(t.from),
				 reftcp_state_name(t.to));
	}
}

static void story_cause__alike_but_not_the_same__are_told_apart(void **state)
{
	struct reftcp_transition t = {.from = REFTCP_SYN_SENT, .why = "our SYN is acknowledged"};

	(void)state;
	assert_int_equal(story_cause(&t), TCPW_CAUSE_SYN_ACK_RECEIVED);
	t.from = REFTCP_SYN_RECEIVED;
	assert_int_equal(story_cause(&t), TCPW_CAUSE_HANDSHAKE_DONE);
	t = (struct reftcp_transition){
		.from = REFTCP_FIN_WAIT_1, .to = REFTCP_CLOSING, .why = "FIN received"};
	assert_int_equal(story_cause(&t), TCPW_CAUSE_SIMULTANEOUS_CLOSE);
	t = (struct reftcp_transition){
		.from = REFTCP_TIME_WAIT, .to = REFTCP_CLOSED, .why = "reset received"};
	assert_int_equal(story_cause(&t), TCPW_CAUSE_TIME_WAIT_KILLED);
}

static void story_tell__a_move__has_tuple_state_and_time(void **state)
{
	const struct edge edge = {REFTCP_ESTABLISHED, REFTCP_CLOSE_WAIT, CLAUSE_FIN};
	struct reftcp_transition t = move_of(&edge);
	struct talk talk = {.entered = 1000, .role = TCPW_ROLE_PASSIVE};
	struct lifecycle_owner owner = {.pid = 9};
	struct lifecycle_connection c;
	struct lifecycle_event e;
	static const uint8_t local[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};

	(void)state;
	story_tell(&t, &talk, 77, &owner, &c, &e);
	assert_int_equal(e.kind, LIFECYCLE_TRANSITION);
	assert_int_equal(e.ts, 1500);
	assert_memory_equal(e.tuple.laddr, local, 16);
	assert_int_equal(e.tuple.lport, 80);
	assert_int_equal(e.tuple.rport, 4000);
	assert_int_equal(e.tuple.netns, 77);
	assert_int_equal(e.u.transition.old_state, TCPW_ESTABLISHED);
	assert_int_equal(e.u.transition.new_state, TCPW_CLOSE_WAIT);
	assert_int_equal(e.u.transition.cause, TCPW_CAUSE_FIN_RECEIVED);
	assert_int_equal(e.u.transition.source, LIFECYCLE_FROM_STACK);
	assert_string_equal(e.u.transition.clause, "RFC 9293 3.10.7.4, eighth");
	assert_true(e.u.transition.dwell_exact);
	assert_int_equal(e.u.transition.dwell_ns, 500);
	assert_ptr_equal(e.connection, &c);
	assert_int_equal(c.cookie, 7);
	assert_int_equal(c.role, TCPW_ROLE_PASSIVE);
	assert_ptr_equal(c.owner, &owner);
	assert_true(c.complete);
}

static void story_state__all_eleven__keep_their_names(void **state)
{
	(void)state;
#define X(name) assert_int_equal(story_state(REFTCP_##name), TCPW_##name);
	REFTCP_STATE_LIST(X)
#undef X
	assert_int_equal(story_state((enum reftcp_state)99), TCPW_STATE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(story_cause__every_legal_edge__has_one),
		cmocka_unit_test(story_cause__alike_but_not_the_same__are_told_apart),
		cmocka_unit_test(story_tell__a_move__has_tuple_state_and_time),
		cmocka_unit_test(story_state__all_eleven__keep_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
