/* SPDX-License-Identifier: BSD-2-Clause */
/* Every row of the table of legal edges is taken by a test named after it, for the reason the
 * row gives; the last test fails if a row was left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/inetsum.h"
#include "reftcp/peer.h"
#include "reftcp/state.h"
#include "reftcp/tcb.h"

static struct peer p;
static bool taken[128];

static int setup(void **state)
{
	(void)state;
	peer_init(&p);
	peer_start(&p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(reftcp_counters(p.stack)->illegal_edges, 0);
	peer_end(&p);
	return 0;
}

/* The last move was this row of the table. */
static void assert_edge(enum reftcp_state from, enum reftcp_state to, enum clause clause)
{
	const struct reftcp_transition *t = &p.path[p.path_len - 1];

	assert_true(p.path_len > 0);
	assert_string_equal(reftcp_state_name(t->from), reftcp_state_name(from));
	assert_string_equal(reftcp_state_name(t->to), reftcp_state_name(to));
	assert_string_equal(t->clause, clause_section(clause));
	assert_string_equal(t->why, clause_why(clause));
	for (size_t i = 0; i < state_edge_count; i++)
		if (state_edges[i].from == from && state_edges[i].to == to &&
		    state_edges[i].clause == clause)
			taken[i] = true;
}

#define EDGE(from, to, clause) assert_edge(REFTCP_##from, REFTCP_##to, CLAUSE_##clause)

static void closed_to_listen__passive_open(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	EDGE(CLOSED, LISTEN, OPEN_PASSIVE);
}

static void closed_to_syn_sent__active_open(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	EDGE(CLOSED, SYN_SENT, OPEN_ACTIVE);
}

static void listen_to_syn_sent__active_open(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	assert_int_equal(reftcp_connect(p.stack, p.id, &p.theirs, p.now), 0);
	EDGE(LISTEN, SYN_SENT, OPEN_ACTIVE);
}

static void listen_to_syn_sent__send(void **state)
{
	struct reftcp_open args = {.local = p.ours, .remote = p.theirs};
	size_t taken_octets;

	(void)state;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
	assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &taken_octets), 0);
	EDGE(LISTEN, SYN_SENT, SEND_OPENS);
}

static void listen_to_syn_received__syn(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	EDGE(LISTEN, SYN_RECEIVED, SYN_IN_LISTEN);
}

static void listen_to_syn_received__cookie(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 1};

	(void)state;
	peer_end(&p);
	peer_init(&p);
	p.config.syn_cookies = true;
	peer_start(&p);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	for (uint16_t port = 5000; port < 5002; port++) {
		p.theirs.port = port;
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		assert_true(peer_take(&p));
	}
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	p.path_len--; /* and on to ESTABLISHED */
	EDGE(LISTEN, SYN_RECEIVED, COOKIE);
}

static void listen_to_closed__close(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	assert_int_equal(reftcp_close(p.stack, p.id, p.now), 0);
	EDGE(LISTEN, CLOSED, CLOSE);
}

static void listen_to_closed__abort(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	assert_int_equal(reftcp_abort(p.stack, p.id, p.now), 0);
	EDGE(LISTEN, CLOSED, ABORT);
	assert_int_equal(peer_drain(&p), 0);
}

static void syn_sent_to_established__syn_ack(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	peer_send(&p, CTL_SYN | CTL_ACK, 0, 1, NULL, 0);
	EDGE(SYN_SENT, ESTABLISHED, SYN_ACK);
}

static void syn_sent_to_syn_received__syn(void **state)
{
	(void)state;
	peer_reach_crossed(&p);
	EDGE(SYN_SENT, SYN_RECEIVED, SYN_CROSSED);
}

static void syn_sent_to_closed__reset(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	peer_send(&p, CTL_RST | CTL_ACK, 0, 1, NULL, 0);
	EDGE(SYN_SENT, CLOSED, RESET_IN_SYN_SENT);
	assert_int_equal(peer_error(&p), -ECONNREFUSED);
}

static void syn_sent_to_closed__close(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	assert_int_equal(reftcp_close(p.stack, p.id, p.now), 0);
	EDGE(SYN_SENT, CLOSED, CLOSE);
}

static void syn_sent_to_closed__abort(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	assert_int_equal(reftcp_abort(p.stack, p.id, p.now), 0);
	EDGE(SYN_SENT, CLOSED, ABORT);
	assert_int_equal(peer_drain(&p), 0);
}

/* MUST-23: a SYN is sent again for at least three minutes. */
static void syn_sent_to_closed__user_timeout(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	assert_true(peer_count(&p, 180 * REFTCP_S) >= 5);
	assert_int_equal(peer_state(&p), REFTCP_SYN_SENT);
	peer_count(&p, 121 * REFTCP_S);
	EDGE(SYN_SENT, CLOSED, USER_TIMEOUT);
	assert_int_equal(peer_error(&p), -ETIMEDOUT);
}

static void send_icmp(uint8_t type, uint8_t code)
{
	uint8_t buf[56] = {0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1};
	uint16_t sum;

	memcpy(buf + 12, p.theirs.addr.byte, 4);
	memcpy(buf + 16, p.ours.addr.byte, 4);
	sum = inetsum_finish(inetsum_add(0, buf, 20));
	memcpy(buf + 10, &sum, 2);
	buf[20] = type;
	buf[21] = code;
	memcpy(buf + 28, p.packet, 28);
	sum = inetsum_finish(inetsum_add(0, buf + 20, 36));
	memcpy(buf + 22, &sum, 2);
	assert_int_equal(reftcp_arrives(p.stack, buf, sizeof(buf), p.now, NULL), 0);
}

static void syn_sent_to_closed__hard_error(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	send_icmp(3, 3);
	EDGE(SYN_SENT, CLOSED, HARD_ERROR);
	assert_int_equal(peer_error(&p), -ECONNREFUSED);
}

static void syn_received_to_established__ack(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	EDGE(SYN_RECEIVED, ESTABLISHED, ACK_OF_SYN);
}

static void syn_received_to_listen__reset(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	peer_send(&p, CTL_RST, 1, 0, NULL, 0);
	EDGE(SYN_RECEIVED, LISTEN, RESET);
	assert_int_equal(peer_events(&p), 0); /* "the user need not be informed" */
}

static void syn_received_to_listen__syn_in_window(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	peer_send(&p, CTL_SYN, 5, 0, NULL, 0);
	EDGE(SYN_RECEIVED, LISTEN, SYN_IN_WINDOW);
}

static void syn_received_to_closed__reset(void **state)
{
	(void)state;
	peer_reach_crossed(&p);
	peer_send(&p, CTL_RST, 1, 0, NULL, 0);
	EDGE(SYN_RECEIVED, CLOSED, RESET);
	assert_int_equal(peer_error(&p), -ECONNREFUSED);
}

static void syn_received_to_fin_wait_1__close(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	assert_int_equal(reftcp_close(p.stack, p.id, p.now), 0);
	EDGE(SYN_RECEIVED, FIN_WAIT_1, CLOSE);
}

static void syn_received_to_closed__abort(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	assert_int_equal(reftcp_abort(p.stack, p.id, p.now), 0);
	EDGE(SYN_RECEIVED, CLOSED, ABORT);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
	assert_int_equal(p.out.seq.n, 1);
}

static void syn_received_to_closed__user_timeout(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	peer_count(&p, 301 * REFTCP_S);
	EDGE(SYN_RECEIVED, CLOSED, USER_TIMEOUT);
}

static void syn_received_to_closed__hard_error(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	send_icmp(3, 2);
	EDGE(SYN_RECEIVED, CLOSED, HARD_ERROR);
}

static void established_to_fin_wait_1__close(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_FIN_WAIT_1);
	EDGE(ESTABLISHED, FIN_WAIT_1, CLOSE);
}

static void established_to_close_wait__fin(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_CLOSE_WAIT);
	EDGE(ESTABLISHED, CLOSE_WAIT, FIN);
}

static void fin_wait_1_to_fin_wait_2__ack(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_FIN_WAIT_2);
	EDGE(FIN_WAIT_1, FIN_WAIT_2, ACK_OF_FIN);
}

static void fin_wait_1_to_closing__fin(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_CLOSING);
	EDGE(FIN_WAIT_1, CLOSING, FIN);
}

static void fin_wait_2_to_time_wait__fin(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_TIME_WAIT);
	EDGE(FIN_WAIT_2, TIME_WAIT, FIN);
}

static void close_wait_to_last_ack__close(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LAST_ACK);
	EDGE(CLOSE_WAIT, LAST_ACK, CLOSE);
}

static void closing_to_time_wait__ack(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_CLOSING);
	peer_send(&p, CTL_ACK, 2, 2, NULL, 0);
	EDGE(CLOSING, TIME_WAIT, ACK_OF_FIN);
}

static void last_ack_to_closed__ack(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LAST_ACK);
	peer_send(&p, CTL_ACK, 2, 2, NULL, 0);
	EDGE(LAST_ACK, CLOSED, ACK_OF_FIN);
	assert_int_equal(peer_error(&p), 0);
}

static void time_wait_to_closed__after_2_msl(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_TIME_WAIT);
	peer_wait(&p, 240 * REFTCP_S - REFTCP_MS);
	assert_int_equal(peer_state(&p), REFTCP_TIME_WAIT);
	peer_wait(&p, 3 * REFTCP_MS);
	EDGE(TIME_WAIT, CLOSED, TIME_WAIT_TIMEOUT);
}

static void time_wait_to_closed__newer_syn(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 1};
	uint32_t old_nxt = 2;

	(void)state;
	peer_reach(&p, REFTCP_TIME_WAIT);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	p.path_len = 0;
	peer_send(&p, CTL_SYN, 100, 0, NULL, 0);
	assert_int_equal(p.path_len, 2);
	assert_int_equal(p.path[1].to, REFTCP_SYN_RECEIVED);
	p.path_len = 1;
	EDGE(TIME_WAIT, CLOSED, REUSE);
	/* MAY-2: its ISN is larger than any number the old one used. */
	{
		uint32_t old_iss = p.iss;

		assert_true(peer_take(&p));
		assert_int_equal(p.out.ctl, CTL_SYN | CTL_ACK);
		assert_true(seq_gt(seq_of(p.iss), seq_of(old_iss + old_nxt)));
	}
}

/* Resets at RCV.NXT, where the same happens in several states. */
static void reset_in(enum reftcp_state from, uint32_t seq, int error)
{
	peer_reach(&p, from);
	peer_send(&p, CTL_RST, seq, 0, NULL, 0);
	assert_edge(from, REFTCP_CLOSED, CLAUSE_RESET);
	assert_int_equal(peer_error(&p), error);
	assert_true(peer_events(&p) & REFTCP_EVENT_CLOSED);
	assert_int_equal(peer_drain(&p), 0);
}

static void start_linux(void)
{
	peer_end(&p);
	peer_init(&p);
	p.config.personality = REFTCP_LINUX;
	peer_start(&p);
}

#define RESET_TEST(name, from, seq, error)                \
	static void name##_to_closed__reset(void **state) \
	{                                                 \
		(void)state;                              \
		reset_in(REFTCP_##from, seq, error);      \
	}
RESET_TEST(established, ESTABLISHED, 1, -ECONNRESET)
RESET_TEST(fin_wait_1, FIN_WAIT_1, 1, -ECONNRESET)
RESET_TEST(fin_wait_2, FIN_WAIT_2, 1, -ECONNRESET)
RESET_TEST(close_wait, CLOSE_WAIT, 2, -ECONNRESET)
RESET_TEST(closing, CLOSING, 2, 0)
RESET_TEST(last_ack, LAST_ACK, 2, 0)

/* RFC 1337 by default; the linux personality takes the reset. */
static void time_wait_to_closed__reset(void **state)
{
	(void)state;
	start_linux();
	reset_in(REFTCP_TIME_WAIT, 2, 0);
}

static void abort_in(enum reftcp_state from, bool reset)
{
	peer_reach(&p, from);
	assert_int_equal(reftcp_abort(p.stack, p.id, p.now), 0);
	assert_edge(from, REFTCP_CLOSED, CLAUSE_ABORT);
	assert_int_equal(peer_error(&p), -ECONNABORTED);
	assert_int_equal(peer_take(&p), reset);
	if (reset)
		assert_int_equal(p.out.ctl, CTL_RST);
}

#define ABORT_TEST(name, from, reset)                     \
	static void name##_to_closed__abort(void **state) \
	{                                                 \
		(void)state;                              \
		abort_in(REFTCP_##from, reset);           \
	}
ABORT_TEST(established, ESTABLISHED, true)
ABORT_TEST(fin_wait_1, FIN_WAIT_1, true)
ABORT_TEST(fin_wait_2, FIN_WAIT_2, true)
ABORT_TEST(close_wait, CLOSE_WAIT, true)
ABORT_TEST(closing, CLOSING, false)
ABORT_TEST(last_ack, LAST_ACK, false)
ABORT_TEST(time_wait, TIME_WAIT, false)

/* The peer falls silent with something of ours unacknowledged. */
static void user_timeout_in(enum reftcp_state from)
{
	size_t n;

	peer_reach(&p, from);
	if (from == REFTCP_ESTABLISHED || from == REFTCP_CLOSE_WAIT)
		assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &n), 0);
	assert_true(peer_count(&p, 299 * REFTCP_S) > 4);
	assert_int_equal(peer_state(&p), from);
	peer_count(&p, 2 * REFTCP_S);
	assert_edge(from, REFTCP_CLOSED, CLAUSE_USER_TIMEOUT);
	assert_int_equal(peer_error(&p), -ETIMEDOUT);
}

#define USER_TIMEOUT_TEST(name, from)                            \
	static void name##_to_closed__user_timeout(void **state) \
	{                                                        \
		(void)state;                                     \
		user_timeout_in(REFTCP_##from);                  \
	}
USER_TIMEOUT_TEST(established, ESTABLISHED)
USER_TIMEOUT_TEST(fin_wait_1, FIN_WAIT_1)
USER_TIMEOUT_TEST(close_wait, CLOSE_WAIT)
USER_TIMEOUT_TEST(closing, CLOSING)
USER_TIMEOUT_TEST(last_ack, LAST_ACK)

static void keepalive_in(enum reftcp_state from)
{
	peer_reach(&p, from);
	assert_int_equal(reftcp_set(p.stack, p.id, REFTCP_OPT_KEEPALIVE, 1, p.now), 0);
	assert_int_equal(
		reftcp_set(p.stack, p.id, REFTCP_OPT_USER_TIMEOUT, 100000 * REFTCP_S, p.now), 0);
	peer_count(&p, 3 * 7200 * REFTCP_S);
	assert_edge(from, REFTCP_CLOSED, CLAUSE_KEEPALIVE);
	assert_int_equal(peer_error(&p), -ETIMEDOUT);
}

#define KEEPALIVE_TEST(name, from)                            \
	static void name##_to_closed__keepalive(void **state) \
	{                                                     \
		(void)state;                                  \
		keepalive_in(REFTCP_##from);                  \
	}
KEEPALIVE_TEST(established, ESTABLISHED)
KEEPALIVE_TEST(fin_wait_2, FIN_WAIT_2)
KEEPALIVE_TEST(close_wait, CLOSE_WAIT)

/* Text beyond a FIN: ignored as the RFC has it, and a reset by rule. */
static void text_after_fin_in(enum reftcp_state from, uint32_t ack)
{
	peer_reach(&p, from);
	peer_send(&p, CTL_ACK, 1, ack, "more", 4);
	assert_int_equal(peer_state(&p), from);
	start_linux();
	peer_reach(&p, from);
	peer_drain(&p);
	peer_send(&p, CTL_ACK, 1, ack, "more", 4);
	assert_edge(from, REFTCP_CLOSED, CLAUSE_TEXT_AFTER_FIN);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
	assert_int_equal(p.out.seq.n, ack);
}

#define AFTER_FIN_TEST(name, from)                                 \
	static void name##_to_closed__text_after_fin(void **state) \
	{                                                          \
		(void)state;                                       \
		text_after_fin_in(REFTCP_##from, 1);               \
	}
AFTER_FIN_TEST(close_wait, CLOSE_WAIT)
AFTER_FIN_TEST(closing, CLOSING)
AFTER_FIN_TEST(last_ack, LAST_ACK)

/* By rule there is room for so many TIME-WAITs only. */
static void no_room_for_time_wait(enum reftcp_state from)
{
	start_linux();
	p.stack->rule[RULE_time_wait_limit] = 0;
	peer_reach(&p, from);
	peer_drain(&p);
}

static void fin_wait_2_to_closed__no_room_for_time_wait(void **state)
{
	(void)state;
	no_room_for_time_wait(REFTCP_FIN_WAIT_2);
	peer_send(&p, CTL_FIN | CTL_ACK, 1, 2, NULL, 0);
	assert_edge(REFTCP_FIN_WAIT_2, REFTCP_CLOSED, CLAUSE_TIME_WAIT_FULL);
	assert_true(peer_take(&p)); /* the FIN is acknowledged all the same */
	assert_int_equal(p.out.ctl, CTL_ACK);
	assert_int_equal(p.out.ack.n, 2);
	assert_int_equal(reftcp_counters(p.stack)->time_wait_overflow, 1);
}

static void closing_to_closed__no_room_for_time_wait(void **state)
{
	(void)state;
	no_room_for_time_wait(REFTCP_CLOSING);
	peer_send(&p, CTL_ACK, 2, 2, NULL, 0);
	assert_edge(REFTCP_CLOSING, REFTCP_CLOSED, CLAUSE_TIME_WAIT_FULL);
}

/* The user is gone and data comes. */
static void half_duplex_in(enum reftcp_state from, uint32_t ack)
{
	peer_reach(&p, from);
	assert_int_equal(reftcp_release(p.stack, p.id, p.now), 0);
	peer_drain(&p);
	peer_send(&p, CTL_ACK, 1, ack, "late", 4);
	assert_edge(from, REFTCP_CLOSED, CLAUSE_HALF_DUPLEX);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
}

static void fin_wait_1_to_closed__half_duplex(void **state)
{
	(void)state;
	half_duplex_in(REFTCP_FIN_WAIT_1, 1);
}

static void fin_wait_2_to_closed__half_duplex(void **state)
{
	(void)state;
	half_duplex_in(REFTCP_FIN_WAIT_2, 2);
}

static void fin_wait_2_to_closed__orphan_timeout(void **state)
{
	(void)state;
	start_linux();
	peer_reach(&p, REFTCP_FIN_WAIT_2);
	assert_int_equal(reftcp_release(p.stack, p.id, p.now), 0);
	p.path_len = 0;
	peer_wait(&p, 59 * REFTCP_S);
	assert_int_equal(p.path_len, 0);
	peer_wait(&p, 2 * REFTCP_S);
	EDGE(FIN_WAIT_2, CLOSED, FIN_WAIT_2_TIMEOUT);
}

/* The one writer refuses what the table does not have, for the right edge but the wrong reason
 * too, and counts it. */
static void move__outside_the_table__is_refused_and_counted(void **state)
{
	struct tcb *c;
	uint64_t refused = 0;

	(void)state;
	peer_init(&p);
	p.config.on_transition = NULL;
	peer_start(&p);
	c = tcb_take(p.stack);
	assert_non_null(c);
	for (unsigned int from = 0; from < REFTCP_STATE_COUNT; from++)
		for (unsigned int to = 0; to < REFTCP_STATE_COUNT; to++)
			for (unsigned int why = CLAUSE_OPEN_PASSIVE; why <= CLAUSE_COOKIE; why++) {
				bool legal = false;

				for (size_t i = 0; i < state_edge_count; i++)
					legal = legal || (state_edges[i].from == from &&
							  state_edges[i].to == to &&
							  state_edges[i].clause == why);
				state_begin_at(c, (enum reftcp_state)from);
				state_move(p.stack, c, (enum reftcp_state)to, (enum clause)why, 0);
				assert_int_equal(c->state, legal ? to : from);
				refused += !legal;
				assert_int_equal(reftcp_counters(p.stack)->illegal_edges, refused);
			}
	assert_true(refused > 1000);
	peer_end(&p);
}

static void table__every_row__was_taken(void **state)
{
	(void)state;
	assert_true(state_edge_count <= sizeof(taken));
	for (size_t i = 0; i < state_edge_count; i++)
		if (!taken[i])
			fail_msg("no test took %s -> %s, %s",
				 reftcp_state_name(state_edges[i].from),
				 reftcp_state_name(state_edges[i].to),
				 clause_why(state_edges[i].clause));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(closed_to_listen__passive_open),
		T(closed_to_syn_sent__active_open),
		T(listen_to_syn_sent__active_open),
		T(listen_to_syn_sent__send),
		T(listen_to_syn_received__syn),
		T(listen_to_syn_received__cookie),
		T(listen_to_closed__close),
		T(listen_to_closed__abort),
		T(syn_sent_to_established__syn_ack),
		T(syn_sent_to_syn_received__syn),
		T(syn_sent_to_closed__reset),
		T(syn_sent_to_closed__close),
		T(syn_sent_to_closed__abort),
		T(syn_sent_to_closed__user_timeout),
		T(syn_sent_to_closed__hard_error),
		T(syn_received_to_established__ack),
		T(syn_received_to_listen__reset),
		T(syn_received_to_listen__syn_in_window),
		T(syn_received_to_closed__reset),
		T(syn_received_to_fin_wait_1__close),
		T(syn_received_to_closed__abort),
		T(syn_received_to_closed__user_timeout),
		T(syn_received_to_closed__hard_error),
		T(established_to_fin_wait_1__close),
		T(established_to_close_wait__fin),
		T(established_to_closed__reset),
		T(established_to_closed__abort),
		T(established_to_closed__user_timeout),
		T(established_to_closed__keepalive),
		T(fin_wait_1_to_fin_wait_2__ack),
		T(fin_wait_1_to_closing__fin),
		T(fin_wait_1_to_closed__reset),
		T(fin_wait_1_to_closed__abort),
		T(fin_wait_1_to_closed__user_timeout),
		T(fin_wait_1_to_closed__half_duplex),
		T(fin_wait_2_to_closed__no_room_for_time_wait),
		T(closing_to_closed__no_room_for_time_wait),
		T(close_wait_to_closed__text_after_fin),
		T(closing_to_closed__text_after_fin),
		T(last_ack_to_closed__text_after_fin),
		T(fin_wait_2_to_time_wait__fin),
		T(fin_wait_2_to_closed__reset),
		T(fin_wait_2_to_closed__abort),
		T(fin_wait_2_to_closed__keepalive),
		T(fin_wait_2_to_closed__half_duplex),
		T(fin_wait_2_to_closed__orphan_timeout),
		T(close_wait_to_last_ack__close),
		T(close_wait_to_closed__reset),
		T(close_wait_to_closed__abort),
		T(close_wait_to_closed__user_timeout),
		T(close_wait_to_closed__keepalive),
		T(closing_to_time_wait__ack),
		T(closing_to_closed__reset),
		T(closing_to_closed__abort),
		T(closing_to_closed__user_timeout),
		T(last_ack_to_closed__ack),
		T(last_ack_to_closed__reset),
		T(last_ack_to_closed__abort),
		T(last_ack_to_closed__user_timeout),
		T(time_wait_to_closed__after_2_msl),
		T(time_wait_to_closed__reset),
		T(time_wait_to_closed__abort),
		T(time_wait_to_closed__newer_syn),
		cmocka_unit_test(move__outside_the_table__is_refused_and_counted),
		cmocka_unit_test(table__every_row__was_taken),
	};

	return cmocka_run_group_tests_name("reftcp_edges", tests, NULL, NULL);
}
