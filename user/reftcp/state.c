/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All legal moves and their one writer.
 *
 * Three moves of the text are not here, as they cannot happen in this stack. SYN-RECEIVED to
 * CLOSE-WAIT (3.10.7.4, eighth): a FIN gets there only behind an ACK of our SYN, which has
 * made the state ESTABLISHED by then. FIN-WAIT-1 to TIME-WAIT (3.3.2, note 2): an ACK of our
 * FIN in the same segment has made it FIN-WAIT-2 in the fifth step. Any state to TIME-WAIT after
 * sending a reset (3.3.2, note 3): 3.10.5 deletes the TCB instead, and that is followed.
 */
#include "reftcp/state.h"

#include <string.h>

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

#define EDGE(from, to, clause)                              \
	{                                                   \
		REFTCP_##from, REFTCP_##to, CLAUSE_##clause \
	}

const struct edge state_edges[] = {
	EDGE(CLOSED, LISTEN, OPEN_PASSIVE),
	EDGE(CLOSED, SYN_SENT, OPEN_ACTIVE),
	EDGE(LISTEN, SYN_SENT, OPEN_ACTIVE),
	EDGE(LISTEN, SYN_SENT, SEND_OPENS),
	EDGE(LISTEN, SYN_RECEIVED, SYN_IN_LISTEN),
	EDGE(LISTEN, SYN_RECEIVED, COOKIE),
	EDGE(LISTEN, CLOSED, CLOSE),
	EDGE(LISTEN, CLOSED, ABORT),
	EDGE(SYN_SENT, ESTABLISHED, SYN_ACK),
	EDGE(SYN_SENT, SYN_RECEIVED, SYN_CROSSED),
	EDGE(SYN_SENT, CLOSED, RESET_IN_SYN_SENT),
	EDGE(SYN_SENT, CLOSED, CLOSE),
	EDGE(SYN_SENT, CLOSED, ABORT),
	EDGE(SYN_SENT, CLOSED, USER_TIMEOUT),
	EDGE(SYN_SENT, CLOSED, HARD_ERROR),
	EDGE(SYN_RECEIVED, ESTABLISHED, ACK_OF_SYN),
	EDGE(SYN_RECEIVED, LISTEN, RESET),
	EDGE(SYN_RECEIVED, LISTEN, SYN_IN_WINDOW),
	EDGE(SYN_RECEIVED, CLOSED, RESET),
	EDGE(SYN_RECEIVED, FIN_WAIT_1, CLOSE),
	EDGE(SYN_RECEIVED, CLOSED, ABORT),
	EDGE(SYN_RECEIVED, CLOSED, USER_TIMEOUT),
	EDGE(SYN_RECEIVED, CLOSED, HARD_ERROR),
	EDGE(ESTABLISHED, FIN_WAIT_1, CLOSE),
	EDGE(ESTABLISHED, CLOSE_WAIT, FIN),
	EDGE(ESTABLISHED, CLOSED, RESET),
	EDGE(ESTABLISHED, CLOSED, ABORT),
	EDGE(ESTABLISHED, CLOSED, USER_TIMEOUT),
	EDGE(ESTABLISHED, CLOSED, KEEPALIVE),
	EDGE(FIN_WAIT_1, FIN_WAIT_2, ACK_OF_FIN),
	EDGE(FIN_WAIT_1, CLOSING, FIN),
	EDGE(FIN_WAIT_1, CLOSED, RESET),
	EDGE(FIN_WAIT_1, CLOSED, ABORT),
	EDGE(FIN_WAIT_1, CLOSED, USER_TIMEOUT),
	EDGE(FIN_WAIT_1, CLOSED, HALF_DUPLEX),
	EDGE(FIN_WAIT_2, TIME_WAIT, FIN),
	EDGE(FIN_WAIT_2, CLOSED, RESET),
	EDGE(FIN_WAIT_2, CLOSED, ABORT),
	EDGE(FIN_WAIT_2, CLOSED, TIME_WAIT_FULL),
	EDGE(FIN_WAIT_2, CLOSED, KEEPALIVE),
	EDGE(FIN_WAIT_2, CLOSED, HALF_DUPLEX),
	EDGE(FIN_WAIT_2, CLOSED, FIN_WAIT_2_TIMEOUT),
	EDGE(CLOSE_WAIT, LAST_ACK, CLOSE),
	EDGE(CLOSE_WAIT, CLOSED, RESET),
	EDGE(CLOSE_WAIT, CLOSED, ABORT),
	EDGE(CLOSE_WAIT, CLOSED, TEXT_AFTER_FIN),
	EDGE(CLOSE_WAIT, CLOSED, USER_TIMEOUT),
	EDGE(CLOSE_WAIT, CLOSED, KEEPALIVE),
	EDGE(CLOSING, TIME_WAIT, ACK_OF_FIN),
	EDGE(CLOSING, CLOSED, RESET),
	EDGE(CLOSING, CLOSED, ABORT),
	EDGE(CLOSING, CLOSED, TIME_WAIT_FULL),
	EDGE(CLOSING, CLOSED, TEXT_AFTER_FIN),
	EDGE(CLOSING, CLOSED, USER_TIMEOUT),
	EDGE(LAST_ACK, CLOSED, ACK_OF_FIN),
	EDGE(LAST_ACK, CLOSED, RESET),
	EDGE(LAST_ACK, CLOSED, ABORT),
	EDGE(LAST_ACK, CLOSED, TEXT_AFTER_FIN),
	EDGE(LAST_ACK, CLOSED, USER_TIMEOUT),
	EDGE(TIME_WAIT, CLOSED, TIME_WAIT_TIMEOUT),
	EDGE(TIME_WAIT, CLOSED, RESET),
	EDGE(TIME_WAIT, CLOSED, ABORT),
	EDGE(TIME_WAIT, CLOSED, REUSE),
};

const size_t state_edge_count = sizeof(state_edges) / sizeof(state_edges[0]);

static const char *const sections[] = {
#define X(name, section, why) section,
	CLAUSE_LIST(X)
#undef X
};

static const char *const reasons[] = {
#define X(name, section, why) why,
	CLAUSE_LIST(X)
#undef X
};

static const char *const names[] = {
#define X(name) #name,
	REFTCP_STATE_LIST(X)
#undef X
};

_Static_assert(sizeof(names) / sizeof(names[0]) == REFTCP_STATE_COUNT, "eleven states");

const char *reftcp_state_name(enum reftcp_state state)
{
	return (unsigned int)state < REFTCP_STATE_COUNT ? names[state] : "unknown";
}

const char *clause_section(enum clause clause)
{
	return sections[clause];
}

const char *clause_why(enum clause clause)
{
	return reasons[clause];
}

bool state_edge_legal(enum reftcp_state from, enum reftcp_state to, enum clause clause)
{
	for (size_t i = 0; i < state_edge_count; i++)
		if (state_edges[i].from == from && state_edges[i].to == to &&
		    state_edges[i].clause == clause)
			return true;
	return false;
}

void state_legal(uint64_t legal[REFTCP_STATE_COUNT][REFTCP_STATE_COUNT])
{
	_Static_assert(CLAUSE_COUNT <= 64, "a bit for every clause");
	memset(legal, 0, sizeof(uint64_t[REFTCP_STATE_COUNT][REFTCP_STATE_COUNT]));
	for (size_t i = 0; i < state_edge_count; i++)
		legal[state_edges[i].from][state_edges[i].to] |= UINT64_C(1)
								 << state_edges[i].clause;
}

void state_move(struct reftcp_stack *s, struct tcb *c, enum reftcp_state to, enum clause clause,
		reftcp_time now)
{
	struct reftcp_transition t;

	if (!(s->legal[c->state][to] >> clause & 1)) {
		/* Never an abort in somebody's process: the tests hold this counter at 0. */
		s->counters.illegal_edges++;
		return;
	}
	t.from = c->state;
	c->state = to;
	if (!s->config.on_transition)
		return;
	t.id = tcb_id(s, c);
	t.local = c->local;
	t.remote = c->remote;
	t.to = to;
	t.clause = sections[clause];
	t.why = reasons[clause];
	t.at = now;
	s->config.on_transition(s->config.ctx, &t);
}

void state_begin_at(struct tcb *c, enum reftcp_state state)
{
	c->state = state;
}
