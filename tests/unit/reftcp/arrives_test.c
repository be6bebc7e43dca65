/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEGMENT ARRIVES in the other states, RFC 9293 3.10.7.4, step by step, and the steps between.
 * Cases are named rcv_<event>_<state>_<position>; the matrix of all states and classes is
 * matrix_test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/peer_case.h"

/* ---- 3.10.7.4, first ---- */

static void rcv_data_established_positions(void **state)
{
	static const struct {
		uint32_t seq;
		size_t len;
		uint32_t rcv_nxt; /* afterwards, relative */
		bool ack;
	} row[] = {
		{1, 4, 5, false},    /* exact: a delayed ACK */
		{1, 4, 5, true},     /* old: an ACK at once */
		{3, 6, 9, false},    /* straddles the left edge: 4 are new */
		{20009, 1, 9, true}, /* just right of the window */
		{20000, 9, 9, true}, /* last octets of the window: kept */
		{12, 3, 9, true},    /* beyond a gap */
		{9, 3, 15, true},    /* fills it */
	};
	struct reftcp_status st;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		peer_send(&p, CTL_ACK, row[i].seq, 1, "abcdefghij", row[i].len);
		assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
		assert_int_equal(st.rcv_nxt - PEER_ISN, row[i].rcv_nxt);
		assert_int_equal(peer_take(&p), row[i].ack);
		if (row[i].ack)
			assert_int_equal(p.out.ack.n, row[i].rcv_nxt);
	}
}

/* Octets keep their place whatever the order they come in. */
static void rcv_data_established_out_of_order(void **state)
{
	static const char text[] = "0123456789abcdefghij";
	static const struct {
		uint32_t off, len;
	} piece[] = {{10, 4}, {2, 4}, {14, 6}, {4, 8}, {0, 2}};
	struct reftcp_received got;
	char buf[30];

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (size_t i = 0; i < sizeof(piece) / sizeof(piece[0]); i++) {
		assert_int_equal(reftcp_receive(p.stack, p.id, buf, 1, p.now, &got), -EAGAIN);
		peer_send(&p, CTL_ACK, 1 + piece[i].off, 1, text + piece[i].off, piece[i].len);
	}
	peer_drain(&p);
	assert_int_equal(p.out.ack.n, 21);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got), 0);
	assert_int_equal(got.len, 20);
	assert_memory_equal(buf, text, 20);
}

/* MUST-66: with a zero window ACK, URG and RST are still processed. */
static void rcv_data_established_zero_window(void **state)
{
	static uint8_t fill[1000];
	struct reftcp_status st;
	size_t n;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (uint32_t i = 0; i < 20; i++)
		peer_send(&p, CTL_ACK, 1 + i * 1000, 1, fill, 1000);
	peer_drain(&p);
	assert_int_equal(p.out.wnd, 0);
	assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &n), 0);
	peer_drain(&p);
	peer_events(&p);
	peer_send_full(&p, CTL_ACK | CTL_URG, 20001, 2, PEER_WINDOW, NULL, 5, fill, 1);
	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	assert_int_equal(st.rcv_nxt - PEER_ISN, 20001);
	assert_int_equal(st.unacked, 0);
	assert_true(peer_events(&p) & REFTCP_EVENT_URGENT);
	assert_out(CTL_ACK, 2, 20001);
	peer_send(&p, CTL_RST, 20001, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_CLOSED);
}

static void rcv_data_time_wait_old_fin(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_TIME_WAIT);
	peer_wait(&p, 200 * REFTCP_S);
	peer_send(&p, CTL_FIN | CTL_ACK, 1, 2, NULL, 0);
	assert_out(CTL_ACK, 2, 2);
	/* 2 MSL start again. */
	peer_wait(&p, 200 * REFTCP_S);
	assert_int_equal(peer_state(&p), REFTCP_TIME_WAIT);
	peer_wait(&p, 41 * REFTCP_S);
	assert_int_equal(peer_state(&p), REFTCP_CLOSED);
}

/* Two ends in TIME-WAIT must not answer each other for ever. */
static void rcv_ack_time_wait_exact(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_TIME_WAIT);
	peer_send(&p, CTL_ACK, 2, 2, NULL, 0);
	assert_quiet();
}

/* ---- RFC 5961 and second ---- */

static void rcv_rst_established_positions(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_RST, 0, 0, NULL, 0); /* left of the window */
	assert_quiet();
	assert_stopped("RFC 5961 3.2", "a reset must be exact", REFTCP_DROPPED);
	peer_send(&p, CTL_RST, 20001, 0, NULL, 0); /* right of it */
	assert_quiet();
	peer_send(&p, CTL_RST, 2, 0, NULL, 0); /* inside */
	assert_out(CTL_ACK, 1, 1);
	assert_stopped("RFC 5961 3.2", "a reset must be exact", REFTCP_ANSWERED);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
	peer_send(&p, CTL_RST, 1, 0, "why", 3); /* SHLD-2: with text */
	assert_int_equal(peer_state(&p), REFTCP_CLOSED);
	assert_stopped("RFC 9293 3.10.7.4", "second, check the RST bit", REFTCP_ACCEPTED);
}

/* RFC 5961 7: a hundred challenge ACKs a second, and not one more. */
static void rcv_rst_established_flood(void **state)
{
	unsigned int answered = 0;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (int i = 0; i < 300; i++) {
		peer_send(&p, CTL_RST, 2, 0, NULL, 0);
		answered += peer_drain(&p);
	}
	assert_int_equal(answered, 100);
	assert_int_equal(reftcp_counters(p.stack)->challenge_acks_limited, 200);
	peer_wait(&p, REFTCP_S);
	peer_send(&p, CTL_RST, 2, 0, NULL, 0);
	assert_int_equal(peer_drain(&p), 1);
}

static void rcv_rst_time_wait_exact(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_TIME_WAIT);
	peer_send(&p, CTL_RST, 2, 0, NULL, 0);
	assert_stopped("RFC 1337 3", "no reset in TIME-WAIT", REFTCP_DROPPED);
	assert_int_equal(peer_state(&p), REFTCP_TIME_WAIT);
}

static void rcv_rst_close_wait_one_before(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_CLOSE_WAIT);
	peer_send(&p, CTL_RST, 1, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_CLOSE_WAIT);
	start_with(with_linux);
	peer_reach(&p, REFTCP_CLOSE_WAIT);
	peer_send(&p, CTL_RST, 1, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_CLOSED);
	assert_int_equal(peer_error(&p), -EPIPE);
}

/* ---- fourth ---- */

static void rcv_syn_established_in_window(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_SYN, 5, 0, NULL, 0);
	assert_out(CTL_ACK, 1, 1);
	assert_stopped("RFC 5961 4.2", "a SYN is challenged", REFTCP_ANSWERED);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
}

static void rcv_syn_established_old(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_out(CTL_ACK, 1, 1);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
}

/* ---- fifth ---- */

static void rcv_data_established_no_ack_bit(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_PSH, 1, 0, "x", 1);
	assert_quiet();
	assert_stopped("RFC 9293 3.10.7.4", "fifth, is the ACK bit on", REFTCP_DROPPED);
}

static void rcv_ack_syn_received_unacceptable(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	peer_send(&p, CTL_ACK, 1, 2, NULL, 0);
	assert_out(CTL_RST, 2, 0);
	peer_send(&p, CTL_ACK, 1, 0, NULL, 0);
	assert_out(CTL_RST, 0, 0);
	assert_int_equal(peer_state(&p), REFTCP_SYN_RECEIVED);
}

static void rcv_ack_established_beyond(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 2, "x", 1);
	assert_out(CTL_ACK, 1, 1); /* answered, and the text dropped */
	assert_int_equal(p.verdict.disposition, REFTCP_ANSWERED);
	start_with(with_linux);
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 2, "x", 1);
	assert_out(CTL_ACK, 1, 1);
	peer_send(&p, CTL_ACK, 1, 2, "x", 1); /* so soon after the first challenge */
	assert_quiet();
}

/* MAY-12, RFC 5961 5.2. */
static void rcv_ack_established_far_too_old(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 1 - PEER_WINDOW - 1, "x", 1);
	assert_out(CTL_ACK, 1, 1);
	assert_stopped("RFC 5961 5.2", "an ACK must not be too old", REFTCP_ANSWERED);
	peer_send(&p, CTL_ACK, 1, 1 - PEER_WINDOW, "x", 1);
	assert_int_equal(p.verdict.disposition, REFTCP_ACCEPTED);
}

/* The window moves by newer segments only. */
static void rcv_ack_established_old_window(void **state)
{
	struct reftcp_status st;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send_full(&p, CTL_ACK, 5, 1, 3000, NULL, 0, "b", 1);
	peer_send_full(&p, CTL_ACK, 1, 1, 50, NULL, 0, "a", 1);
	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	assert_int_equal(st.snd_wnd, 3000);
	/* MUST-1: unsigned, so 65535 is large and not -1. */
	peer_send_full(&p, CTL_ACK, 6, 1, 65535, NULL, 0, NULL, 0);
	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	assert_int_equal(st.snd_wnd, 65535);
}

/* ---- sixth ---- */

static void rcv_urg_established_advance(void **state)
{
	struct reftcp_received got;
	char buf[20];

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_events(&p);
	peer_send_full(&p, CTL_ACK | CTL_URG, 1, 1, PEER_WINDOW, NULL, 5, "abcdef", 6);
	assert_true(peer_events(&p) & REFTCP_EVENT_URGENT);
	/* The same pointer again: the user has been told. */
	peer_send_full(&p, CTL_ACK | CTL_URG, 4, 1, PEER_WINDOW, NULL, 2, "defg", 4);
	assert_false(peer_events(&p) & REFTCP_EVENT_URGENT);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, 2, p.now, &got), 0);
	assert_true(got.urgent);
	assert_int_equal(got.urgent_left, 3); /* MUST-33 */
	/* 3.9.1.3: not with what lies behind the pointer, which is after the last urgent octet
	 * [MUST-62]. */
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, 20, p.now, &got), 0);
	assert_int_equal(got.len, 3);
	assert_false(got.urgent);
	assert_memory_equal(buf, "cde", 3);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, 20, p.now, &got), 0);
	assert_int_equal(got.len, 2);
}

static void rcv_urg_close_wait_ignored(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_CLOSE_WAIT);
	peer_events(&p);
	peer_send_full(&p, CTL_ACK | CTL_URG, 2, 1, PEER_WINDOW, NULL, 9, NULL, 0);
	assert_false(peer_events(&p) & REFTCP_EVENT_URGENT);
}

/* ---- seventh ---- */

/* MAY-17: the user learns where the peer pushed. */
static void rcv_psh_established_told(void **state)
{
	struct reftcp_received got;
	char buf[20];

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 1, "abc", 3);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, 20, p.now, &got), 0);
	assert_false(got.push);
	peer_send(&p, CTL_ACK | CTL_PSH, 4, 1, "def", 3);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, 2, p.now, &got), 0);
	assert_false(got.push);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, 20, p.now, &got), 0);
	assert_true(got.push);
}

/* ---- eighth ---- */

static void rcv_fin_established_before_its_data(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_FIN | CTL_ACK, 4, 1, "d", 1);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
	assert_out(CTL_ACK, 1, 1);
	peer_send(&p, CTL_ACK, 1, 1, "abc", 3);
	assert_int_equal(peer_state(&p), REFTCP_CLOSE_WAIT);
	assert_out(CTL_ACK, 1, 6);
	assert_true(peer_events(&p) & REFTCP_EVENT_CLOSING);
}

static void rcv_fin_fin_wait_1_with_ack(void **state)
{
	static const enum reftcp_state want[] = {REFTCP_FIN_WAIT_2, REFTCP_TIME_WAIT};

	(void)state;
	peer_reach(&p, REFTCP_FIN_WAIT_1);
	peer_send(&p, CTL_FIN | CTL_ACK, 1, 2, NULL, 0);
	assert_true(peer_path_ends(&p, want, 2));
	assert_out(CTL_ACK, 2, 2);
}

/* ---- extensions between the rows ---- */

static void rcv_data_established_paws(void **state)
{
	(void)state;
	start_with(with_timestamps);
	p.ts_on = true;
	p.ts_val = 1000;
	peer_reach(&p, REFTCP_ESTABLISHED);
	p.ts_val = 1010;
	peer_send(&p, CTL_ACK, 1, 1, "ab", 2);
	p.ts_val = 999;
	peer_send(&p, CTL_ACK, 3, 1, "c", 1);
	assert_stopped("RFC 7323 5.3", "R1, PAWS", REFTCP_ANSWERED);
	assert_out(CTL_ACK, 1, 3);
	assert_int_equal(p.out.opt.ts_ecr, 1010);
	p.ts_on = false;
	peer_send(&p, CTL_ACK, 3, 1, "c", 1);
	assert_stopped("RFC 7323 5.3", "R1, PAWS", REFTCP_DROPPED);
	assert_quiet();
	/* A reset needs no timestamp. */
	peer_send(&p, CTL_RST, 3, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_CLOSED);
}

static void rcv_syn_time_wait_timestamps(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 2};

	(void)state;
	start_with(with_timestamps);
	p.ts_on = true;
	p.ts_val = 1000;
	peer_reach(&p, REFTCP_TIME_WAIT);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	/* Older by timestamp, though its number is higher. */
	p.ts_val = 900;
	peer_send(&p, CTL_SYN, 500, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_TIME_WAIT);
	peer_drain(&p);
	/* RFC 6191 2: newer by timestamp, though its number is lower. */
	p.ts_val = 2000;
	peer_send(&p, CTL_SYN, 0u - 5000u, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_CLOSED);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_SYN | CTL_ACK);
}

static void rcv_data_established_sack_blocks(void **state)
{
	(void)state;
	start_with(with_sack);
	p.syn_opt.has |= TCPOPT_SACK_OK;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 11, 1, "0123456789", 10);
	peer_take(&p);
	assert_int_equal(p.out.opt.sacks, 1);
	peer_send(&p, CTL_ACK, 31, 1, "0123456789", 10);
	peer_take(&p);
	/* RFC 2018 4: the newest first. */
	assert_int_equal(p.out.opt.sacks, 2);
	assert_int_equal(p.out.opt.sack[0].left.n - p.isn, 31);
	assert_int_equal(p.out.opt.sack[0].right.n - p.isn, 41);
	assert_int_equal(p.out.opt.sack[1].left.n - p.isn, 11);
	/* RFC 2883 4: a duplicate of what is held, told first and once. */
	peer_send(&p, CTL_ACK, 11, 1, "01234", 5);
	peer_take(&p);
	assert_int_equal(p.out.opt.sacks, 3);
	assert_int_equal(p.out.opt.sack[0].left.n - p.isn, 11);
	assert_int_equal(p.out.opt.sack[0].right.n - p.isn, 16);
	peer_send(&p, CTL_ACK, 1, 1, "0123456789", 10);
	peer_take(&p);
	assert_int_equal(p.out.ack.n, 21);
	assert_int_equal(p.out.opt.sacks, 1);
	assert_int_equal(p.out.opt.sack[0].left.n - p.isn, 31);
}

static void rcv_data_established_congestion_experienced(void **state)
{
	size_t n;

	(void)state;
	start_with(with_ecn);
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN | CTL_ECE | CTL_CWR, 0, 0, NULL, 0);
	assert_out(CTL_SYN | CTL_ACK | CTL_ECE, 0, 1);
	assert_int_equal(p.out.ecn, ECN_NOT_ECT);
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	p.ip_ecn = ECN_CE;
	peer_send(&p, CTL_ACK, 1, 1, "a", 1);
	assert_out(CTL_ACK | CTL_ECE, 1, 2);
	p.ip_ecn = ECN_ECT_0;
	peer_send(&p, CTL_ACK | CTL_CWR, 2, 1, "b", 1);
	peer_wait(&p, REFTCP_S);
	assert_out(CTL_ACK, 1, 3);
	/* As a sender: ECT on data, and CWR after an echo. */
	assert_int_equal(reftcp_send(p.stack, p.id, "data", 4, 0, p.now, &n), 0);
	assert_out(CTL_ACK | CTL_PSH, 1, 3);
	assert_int_equal(p.out.ecn, ECN_ECT_0);
	assert_int_equal(reftcp_set(p.stack, p.id, REFTCP_OPT_NAGLE, 0, p.now), 0);
	peer_send(&p, CTL_ACK | CTL_ECE, 3, 1, NULL, 0);
	assert_int_equal(reftcp_counters(p.stack)->ecn_reductions, 1);
	assert_int_equal(reftcp_send(p.stack, p.id, "more", 4, 0, p.now, &n), 0);
	assert_out(CTL_ACK | CTL_PSH | CTL_CWR, 5, 3);
	assert_int_equal(reftcp_send(p.stack, p.id, "once", 4, 0, p.now, &n), 0);
	assert_out(CTL_ACK | CTL_PSH, 9, 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rcv_data_established_positions),
		T(rcv_data_established_out_of_order),
		T(rcv_data_established_zero_window),
		T(rcv_data_time_wait_old_fin),
		T(rcv_ack_time_wait_exact),
		T(rcv_rst_established_positions),
		T(rcv_rst_established_flood),
		T(rcv_rst_time_wait_exact),
		T(rcv_rst_close_wait_one_before),
		T(rcv_syn_established_in_window),
		T(rcv_syn_established_old),
		T(rcv_data_established_no_ack_bit),
		T(rcv_ack_syn_received_unacceptable),
		T(rcv_ack_established_beyond),
		T(rcv_ack_established_far_too_old),
		T(rcv_ack_established_old_window),
		T(rcv_urg_established_advance),
		T(rcv_urg_close_wait_ignored),
		T(rcv_psh_established_told),
		T(rcv_fin_established_before_its_data),
		T(rcv_fin_fin_wait_1_with_ack),
		T(rcv_data_established_paws),
		T(rcv_syn_time_wait_timestamps),
		T(rcv_data_established_sack_blocks),
		T(rcv_data_established_congestion_experienced),
	};

	return cmocka_run_group_tests_name("reftcp_arrives", tests, NULL, NULL);
}
