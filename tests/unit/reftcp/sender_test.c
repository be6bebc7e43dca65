/* SPDX-License-Identifier: BSD-2-Clause */
/* When what is sent: sizes, Nagle, windows, acknowledgments, urgent data, closing, buffers;
 * RFC 9293 3.7 and 3.8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/peer_case.h"

static uint8_t zeros[20000];

static inline void send_octets(size_t n)
{
	size_t taken;

	assert_int_equal(reftcp_send(p.stack, p.id, zeros, n, 0, p.now, &taken), 0);
	assert_int_equal(taken, n);
}

static void with_small_pool(struct reftcp_config *c)
{
	c->chunks = 4;
}

/* ---- sizes ---- */

static void mss__no_option__defaults_to_536(void **state)
{
	(void)state;
	p.syn_opt.has = 0;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(status().mss, 536);
}

static void mss__no_option_ipv6__defaults_to_1220(void **state)
{
	(void)state;
	peer_end(&p);
	peer_init6(&p);
	p.syn_opt.has = 0;
	peer_start(&p);
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(status().mss, 1220);
}

/* MUST-16: the smaller of the peer's and the link's, less options. */
static void mss__large_option__is_held_to_the_link(void **state)
{
	(void)state;
	p.syn_opt.mss = 9000;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(status().mss, 1460);
	send_octets(5000);
	assert_true(peer_take(&p));
	assert_int_equal(p.packet_len, 1500);
	assert_false(p.out.opt.has & TCPOPT_MSS); /* MUST-65 */
}

static void mss__option_in_syn__is_mtu_less_headers(void **state)
{
	(void)state;
	p.config.mtu = 900;
	peer_end(&p);
	peer_start(&p);
	peer_reach(&p, REFTCP_SYN_SENT);
	assert_int_equal(p.out.opt.mss, 860);
}

/* ---- Nagle, silly windows, PSH ---- */

static void nagle__unacknowledged_data__holds_small_segments(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_octets(10);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 10);
	send_octets(20);
	assert_false(peer_take(&p));
	send_octets(990); /* a full one may go */
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 1000);
	assert_false(peer_take(&p));
	peer_send(&p, CTL_ACK, 1, 1 + 1010, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 10);
}

static void nagle__switched_off__sends_at_once(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	set(REFTCP_OPT_NAGLE, 0);
	for (int i = 0; i < 3; i++) {
		send_octets(10);
		assert_true(peer_take(&p));
		assert_int_equal(p.out.text_len, 10);
	}
}

/* MUST-38: not a tenth of a segment because the window has moved by as much. */
static void silly_window__window_opens_a_little__sends_nothing(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	set(REFTCP_OPT_NAGLE, 0);
	peer_send_full(&p, CTL_ACK, 1, 1, 2000, NULL, 0, NULL, 0);
	send_octets(10000);
	assert_int_equal(peer_drain(&p), 2);
	peer_send_full(&p, CTL_ACK, 1, 1001, 1100, NULL, 0, NULL, 0);
	assert_false(peer_take(&p)); /* 100 octets usable */
	peer_send_full(&p, CTL_ACK, 1, 2001, 1000, NULL, 0, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 1000);
}

/* 3.8.6.2.1 (4): with nothing outstanding the override timeout sends what fits. */
static void silly_window__small_for_long__is_overridden(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send_full(&p, CTL_ACK, 1, 1, 100, NULL, 0, NULL, 0);
	send_octets(1000);
	assert_false(peer_take(&p));
	assert_after(500 * REFTCP_MS);
	assert_true(p.out.text_len >= 1);
}

/* MUST-61, SHLD-27: PSH on the last segment of what is queued, not on every one. */
static void psh__queue_of_several_segments__is_on_the_last(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_octets(3000);
	for (int i = 0; i < 3; i++) {
		assert_true(peer_take(&p));
		assert_int_equal(p.out.text_len, 1000); /* SHLD-28 */
		assert_int_equal(!!(p.out.ctl & CTL_PSH), i == 2);
	}
}

static void psh__two_pushed_sends__collapse(void **state)
{
	size_t n;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(reftcp_send(p.stack, p.id, "a", 1, REFTCP_PUSH, p.now, &n), 0);
	assert_int_equal(reftcp_send(p.stack, p.id, "b", 1, REFTCP_PUSH, p.now, &n), 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 2);
	assert_true(p.out.ctl & CTL_PSH);
}

/* ---- windows ---- */

/* MUST-36, SHLD-29, SHLD-30. */
static void zero_window__data_waits__is_probed_ever_more_seldom(void **state)
{
	reftcp_time at = p.now + 1000 * REFTCP_MS;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send_full(&p, CTL_ACK, 1, 1, 0, NULL, 0, NULL, 0);
	send_octets(500);
	assert_at(at);
	assert_int_equal(p.out.text_len, 1);
	at = p.now; /* this one went out just now */
	for (unsigned int i = 0; i < 4; i++) {
		peer_send_full(&p, CTL_ACK, 1, 1, 0, NULL, 0, NULL, 0);
		at += (1000ull << i) * REFTCP_MS;
		assert_at(at);
		assert_int_equal(p.out.text_len, 1);
	}
	/* It opens: all of it, at once. */
	peer_send_full(&p, CTL_ACK, 1, 1, 4000, NULL, 0, NULL, 0);
	{
		uint32_t end = 0;

		while (peer_take(&p))
			end = p.out.seq.n + p.out.text_len;
		assert_int_equal(end, 1 + 1);
	}
	peer_send_full(&p, CTL_ACK, 1, 2, 4000, NULL, 0, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 499);
}

/* MUST-37: as long as probes are answered it stays open. */
static void zero_window__answered_for_an_hour__stays_open(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send_full(&p, CTL_ACK, 1, 1, 0, NULL, 0, NULL, 0);
	send_octets(500);
	for (int i = 0; i < 3600; i++) {
		peer_wait(&p, REFTCP_S);
		if (peer_drain(&p))
			peer_send_full(&p, CTL_ACK, 1, 1, 0, NULL, 0, NULL, 0);
	}
	assert_int_equal(status().state, REFTCP_ESTABLISHED);
	assert_true(reftcp_counters(p.stack)->zero_window_probes > 50);
}

/* MUST-34, SHLD-15, SHLD-16. */
static void shrinking_window__usable_window_negative__no_new_data(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_octets(10000);
	assert_int_equal(peer_drain(&p), 8);
	peer_send_full(&p, CTL_ACK, 1, 1001, 2000, NULL, 0, NULL, 0);
	assert_int_equal(peer_drain(&p), 0);
	peer_wait(&p, 1100 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1001);
}

/* MUST-39: the receiver opens its window by a segment at least. */
static void receive_window__read_in_small_bits__opens_in_large_ones(void **state)
{
	struct reftcp_received got;
	uint32_t wnd;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (uint32_t i = 0; i < 20; i++)
		peer_send(&p, CTL_ACK, 1 + i * 1000, 1, zeros, 1000);
	peer_drain(&p);
	assert_int_equal(p.out.wnd, 0);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(reftcp_receive(p.stack, p.id, zeros, 100, p.now, &got), 0);
		wnd = status().rcv_wnd;
		assert_true(wnd == 0 || wnd >= 1000);
	}
	assert_true(wnd >= 3000);
	assert_true(peer_take(&p));
	assert_true(p.out.wnd >= 1000);
	memset(zeros, 0, sizeof(zeros));
}

/* A peer with less than a segment of window waits; room for a segment is told at once. */
static void receive_window__less_than_a_segment_left__is_told_when_there_is_room(void **state)
{
	struct reftcp_received got;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (uint32_t i = 0; i < 19; i++)
		peer_send(&p, CTL_ACK, 1 + i * 1000, 1, zeros, 1000);
	peer_send(&p, CTL_ACK, 19001, 1, zeros, 500);
	peer_drain(&p);
	peer_wait(&p, REFTCP_S);
	peer_drain(&p);
	assert_int_equal(p.out.wnd, 500);
	assert_int_equal(reftcp_receive(p.stack, p.id, zeros, 900, p.now, &got), 0);
	assert_false(peer_take(&p));
	assert_int_equal(reftcp_receive(p.stack, p.id, zeros, 200, p.now, &got), 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.wnd, 1600);
}

/* SHLD-14: RCV.NXT + RCV.WND never goes back. */
static void receive_window__buffer_made_smaller__edge_stays(void **state)
{
	uint32_t edge;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	edge = status().rcv_nxt + status().rcv_wnd;
	set(REFTCP_OPT_RECV_BUFFER, 1000);
	for (uint32_t i = 0; i < 5; i++) {
		peer_send(&p, CTL_ACK, 1 + i * 100, 1, zeros, 100);
		assert_int_equal(status().rcv_nxt + status().rcv_wnd, edge);
	}
}

/* ---- acknowledgments ---- */

/* SHLD-18, MUST-40. */
static void delayed_ack__one_segment__waits_200_ms(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 1, zeros, 1000);
	assert_after(200 * REFTCP_MS);
	assert_int_equal(p.out.ack.n, 1001);
}

/* SHLD-19. */
static void delayed_ack__second_full_segment__is_acknowledged(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (uint32_t i = 0; i < 6; i++) {
		peer_send(&p, CTL_ACK, 1 + i * 1000, 1, zeros, 1000);
		assert_int_equal(peer_take(&p), i % 2 == 1);
	}
}

static void delayed_ack__data_to_send__carries_it(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 1, zeros, 1000);
	send_octets(5);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ack.n, 1001);
	assert_int_equal(peer_count(&p, 500 * REFTCP_MS), 0);
}

/* MUST-58, 59: a batch of segments is one ACK. */
static void ack__many_segments_before_output__is_one(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (uint32_t i = 0; i < 10; i++)
		peer_send(&p, CTL_ACK, 1 + i * 1000, 1, zeros, 1000);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ack.n, 10001);
	assert_false(peer_take(&p));
}

/* ---- urgent ---- */

/* MUST-30, 31, 62. */
static void urgent__long_data__points_behind_its_last_octet(void **state)
{
	size_t n;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	set(REFTCP_OPT_NAGLE, 0);
	assert_int_equal(reftcp_send(p.stack, p.id, zeros, 2500, REFTCP_URGENT, p.now, &n), 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(peer_take(&p));
		assert_true(p.out.ctl & CTL_URG);
		assert_int_equal(p.out.seq.n + p.out.up, 2501);
	}
	peer_send(&p, CTL_ACK, 1, 2501, NULL, 0);
	send_octets(5);
	assert_true(peer_take(&p));
	assert_false(p.out.ctl & CTL_URG);
}

/* ---- closing ---- */

/* The FIN waits for the data, and in CLOSE-WAIT so does the move. */
static void close__data_queued_in_close_wait__moves_when_the_fin_leaves(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_CLOSE_WAIT);
	peer_send_full(&p, CTL_ACK, 2, 1, 1500, NULL, 0, NULL, 0);
	send_octets(2000);
	assert_int_equal(reftcp_close(p.stack, p.id, p.now), 0);
	assert_int_equal(peer_drain(&p), 1);
	assert_int_equal(status().state, REFTCP_CLOSE_WAIT);
	peer_send_full(&p, CTL_ACK, 2, 1001, 1500, NULL, 0, NULL, 0);
	assert_true(peer_take(&p));
	assert_true(p.out.ctl & CTL_FIN);
	assert_int_equal(status().state, REFTCP_LAST_ACK);
	assert_int_equal(reftcp_close(p.stack, p.id, p.now), -EALREADY);
}

/* SHLD-3, RFC 9293 3.6.1. */
static void release__unread_data__resets(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 1, "unread", 6);
	peer_drain(&p);
	assert_int_equal(reftcp_release(p.stack, p.id, p.now), 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
}

/* MUST-12: how it ended is told. */
static void close__normal_and_aborted__are_told_apart(void **state)
{
	struct reftcp_received got;

	(void)state;
	peer_reach(&p, REFTCP_LAST_ACK);
	peer_send(&p, CTL_ACK, 2, 2, NULL, 0);
	assert_int_equal(reftcp_receive(p.stack, p.id, zeros, 1, p.now, &got), 0);
	assert_true(got.end);
	peer_end(&p);
	peer_init(&p);
	peer_start(&p);
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_RST, 1, 0, NULL, 0);
	assert_int_equal(reftcp_receive(p.stack, p.id, zeros, 1, p.now, &got), -ECONNRESET);
}

/* ---- buffers ---- */

static void send__buffer_full__takes_a_part_then_tells(void **state)
{
	static uint8_t big[30000];
	size_t n;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(reftcp_send(p.stack, p.id, big, sizeof(big), 0, p.now, &n), 0);
	assert_int_equal(n, 20000);
	assert_int_equal(reftcp_send(p.stack, p.id, big, 1, 0, p.now, &n), -ENOBUFS);
	peer_events(&p);
	peer_drain(&p);
	peer_send(&p, CTL_ACK, 1, 1001, NULL, 0);
	assert_true(peer_events(&p) & REFTCP_EVENT_WRITABLE);
}

static void receive__pool_used_up__drops_and_recovers(void **state)
{
	struct reftcp_received got;

	(void)state;
	start_with(with_small_pool);
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (uint32_t i = 0; i < 6; i++)
		peer_send(&p, CTL_ACK, 1 + i * 1000, 1, zeros, 1000);
	assert_true(reftcp_counters(p.stack)->no_chunk > 0);
	assert_int_equal(status().rcv_nxt - PEER_ISN, 4001);
	assert_int_equal(reftcp_receive(p.stack, p.id, zeros, 4000, p.now, &got), 0);
	peer_send(&p, CTL_ACK, 4001, 1, zeros, 1000);
	assert_int_equal(status().rcv_nxt - PEER_ISN, 5001);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(mss__no_option__defaults_to_536),
		T(mss__no_option_ipv6__defaults_to_1220),
		T(mss__large_option__is_held_to_the_link),
		T(mss__option_in_syn__is_mtu_less_headers),
		T(nagle__unacknowledged_data__holds_small_segments),
		T(nagle__switched_off__sends_at_once),
		T(silly_window__window_opens_a_little__sends_nothing),
		T(silly_window__small_for_long__is_overridden),
		T(psh__queue_of_several_segments__is_on_the_last),
		T(psh__two_pushed_sends__collapse),
		T(zero_window__data_waits__is_probed_ever_more_seldom),
		T(zero_window__answered_for_an_hour__stays_open),
		T(shrinking_window__usable_window_negative__no_new_data),
		T(receive_window__read_in_small_bits__opens_in_large_ones),
		T(receive_window__less_than_a_segment_left__is_told_when_there_is_room),
		T(receive_window__buffer_made_smaller__edge_stays),
		T(delayed_ack__one_segment__waits_200_ms),
		T(delayed_ack__second_full_segment__is_acknowledged),
		T(delayed_ack__data_to_send__carries_it),
		T(ack__many_segments_before_output__is_one),
		T(urgent__long_data__points_behind_its_last_octet),
		T(close__data_queued_in_close_wait__moves_when_the_fin_leaves),
		T(release__unread_data__resets),
		T(close__normal_and_aborted__are_told_apart),
		T(send__buffer_full__takes_a_part_then_tells),
		T(receive__pool_used_up__drops_and_recovers),
	};

	return cmocka_run_group_tests_name("reftcp_sender", tests, NULL, NULL);
}
