/* SPDX-License-Identifier: BSD-2-Clause */
/* The options and what hangs on them: RFC 7323, 2018, 5961 7, and of 6298 and 5681 what
 * timing_test.c leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "reftcp/peer_case.h"

static uint8_t zeros[60000];

static void send_octets(size_t n)
{
	size_t taken;

	assert_int_equal(reftcp_send(p.stack, p.id, zeros, n, 0, p.now, &taken), 0);
	assert_int_equal(taken, n);
}

static void with_scale(struct reftcp_config *c)
{
	c->window_scale = true;
	c->recv_buffer = 1 << 20;
}

static void with_everything(struct reftcp_config *c)
{
	c->window_scale = c->timestamps = c->sack = true;
}

/* The peer's SYN, and the answer to it taken. */
static void open_with(uint32_t has, uint8_t scale)
{
	p.syn_opt.has |= has;
	p.syn_opt.scale = scale;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_SYN | CTL_ACK);
}

/* ---- RFC 7323 2, window scale ---- */

static void scale__both_offer__windows_are_shifted_but_not_in_syns(void **state)
{
	(void)state;
	start_with(with_scale);
	open_with(TCPOPT_SCALE, 3);
	assert_true(p.out.opt.has & TCPOPT_SCALE);
	assert_int_equal(p.out.opt.scale, 5); /* 2^20 >> 5 fits, >> 4 is one too many */
	assert_int_equal(p.out.wnd, 0xffff);
	assert_int_equal(status().snd_wnd, PEER_WINDOW);
	peer_send_full(&p, CTL_ACK, 1, 1, 1000, NULL, 0, NULL, 0);
	assert_int_equal(status().snd_wnd, 8000);
	assert_int_equal(status().snd_scale, 3);
	peer_send_full(&p, CTL_ACK, 1, 1, 2000, NULL, 0, "x", 1);
	assert_int_equal(status().snd_wnd, 16000);
	send_octets(1);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.wnd, status().rcv_wnd >> 5);
	assert_true(status().rcv_wnd > 0xffff);
	assert_false(p.out.opt.has & TCPOPT_SCALE);
}

static void scale__peer_does_not_offer__is_neither_sent_nor_used(void **state)
{
	(void)state;
	start_with(with_scale);
	open_with(0, 0);
	assert_false(p.out.opt.has & TCPOPT_SCALE);
	peer_send_full(&p, CTL_ACK, 1, 1, 1000, NULL, 0, NULL, 0);
	assert_int_equal(status().snd_wnd, 1000);
	send_octets(1);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.wnd, 0xffff);
}

static void scale__outside_a_syn__is_ignored(void **state)
{
	struct tcpopt o = {.has = TCPOPT_SCALE, .scale = 7};

	(void)state;
	start_with(with_scale);
	open_with(TCPOPT_SCALE, 1);
	peer_send_full(&p, CTL_ACK, 1, 1, 1000, &o, 0, NULL, 0);
	assert_int_equal(status().snd_wnd, 2000);
	peer_send_full(&p, CTL_ACK, 1, 1, 1000, NULL, 0, "x", 1);
	assert_int_equal(status().snd_wnd, 2000);
}

static void scale__more_than_14__is_taken_as_14(void **state)
{
	(void)state;
	start_with(with_scale);
	open_with(TCPOPT_SCALE, 255);
	peer_send_full(&p, CTL_ACK, 1, 1, 10, NULL, 0, NULL, 0);
	assert_int_equal(status().snd_wnd, 10 << 14);
	assert_int_equal(status().snd_scale, 14);
	assert_int_equal(reftcp_counters(p.stack)->bad_options, 1);
}

/* ---- RFC 7323 3 to 5, timestamps ---- */

static void timestamps__agreed_on__are_on_every_segment(void **state)
{
	static const uint8_t text[2500];

	(void)state;
	start_with(with_everything);
	p.ts_on = true;
	p.ts_val = 7000;
	open_with(TCPOPT_SACK_OK | TCPOPT_SCALE, 0);
	assert_true(p.out.opt.has & TCPOPT_TS);
	assert_int_equal(p.out.opt.ts_ecr, 7000);
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	set(REFTCP_OPT_NAGLE, 0);
	send_octets(2500);
	for (int i = 0; i < 3; i++) { /* data */
		assert_true(peer_take(&p));
		assert_int_equal(p.out.opt.has, TCPOPT_TS);
		assert_int_equal(p.out.opt.ts_ecr, 7000);
	}
	p.ts_val = 7001;
	peer_send(&p, CTL_ACK, 1001, 1, text, 500); /* beyond a gap: an ACK with SACK */
	assert_true(peer_take(&p));
	assert_int_equal(p.out.opt.has, TCPOPT_TS | TCPOPT_SACK);
	peer_wait(&p, 1100 * REFTCP_MS); /* sent again */
	assert_true(peer_take(&p));
	assert_true(p.out.opt.has & TCPOPT_TS);
	peer_send(&p, CTL_ACK, 1, 2501, NULL, 0);
	assert_int_equal(reftcp_close(p.stack, p.id, p.now), 0);
	assert_true(peer_take(&p)); /* FIN */
	assert_true(p.out.ctl & CTL_FIN);
	assert_true(p.out.opt.has & TCPOPT_TS);
	assert_int_equal(reftcp_abort(p.stack, p.id, p.now), 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
	assert_int_equal(p.out.opt.has, TCPOPT_TS);
	assert_int_equal(p.out.opt.ts_ecr, 7001);
}

/* 3.2: not in the SYN, not in the SYN,ACK; later ones are ignored and the segment is taken. */
static void timestamps__not_offered__are_not_sent_and_ignored(void **state)
{
	(void)state;
	start_with(with_timestamps);
	open_with(0, 0);
	assert_false(p.out.opt.has & TCPOPT_TS);
	p.ts_on = true;
	p.ts_val = 5;
	peer_send(&p, CTL_ACK, 1, 1, "ab", 2);
	p.ts_val = 4; /* older: PAWS has no say */
	peer_send(&p, CTL_ACK, 3, 1, "cd", 2);
	assert_int_equal(status().unread, 4);
	send_octets(1);
	assert_true(peer_take(&p));
	assert_false(p.out.opt.has & TCPOPT_TS);
}

static void timestamps__missing_though_agreed_on__drops_and_does_not_abort(void **state)
{
	(void)state;
	start_with(with_timestamps);
	p.ts_on = true;
	peer_reach(&p, REFTCP_ESTABLISHED);
	p.ts_on = false;
	peer_send(&p, CTL_ACK, 1, 1, "ab", 2);
	assert_quiet();
	assert_int_equal(status().unread, 0);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
	p.ts_on = true;
	peer_send(&p, CTL_ACK, 1, 1, "ab", 2);
	assert_int_equal(status().unread, 2);
}

/* 3.2: without an ACK there is nothing to echo, and what the peer echoes without one is no echo. */
static void timestamps__no_ack_bit__echo_is_zero_and_not_read(void **state)
{
	(void)state;
	start_with(with_timestamps);
	peer_reach(&p, REFTCP_SYN_SENT);
	assert_true(p.out.opt.has & TCPOPT_TS);
	assert_int_equal(p.out.opt.ts_ecr, 0);
	p.ts_on = true;
	p.ts_val = 3;
	/* As if answered 50 ms after it was sent: crossed, so no answer at all. */
	p.now += 50 * REFTCP_MS;
	p.ts_ecr = p.out.opt.ts_val;
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_SYN_RECEIVED);
	assert_int_equal(status().srtt, 0);
}

/* 4.3: with the ACK held back it is the earlier segment's that comes back, so that the delay is in
 * the measurement. */
static void timestamps__one_ack_for_two__echoes_the_earlier(void **state)
{
	(void)state;
	start_with(with_timestamps);
	p.ts_on = true;
	p.ts_val = 100;
	peer_reach(&p, REFTCP_ESTABLISHED);
	p.ts_val = 110;
	peer_send(&p, CTL_ACK, 1, 1, zeros, 1000);
	assert_quiet();
	p.ts_val = 120;
	peer_send(&p, CTL_ACK, 1001, 1, zeros, 1000);
	assert_out(CTL_ACK, 1, 2001);
	assert_int_equal(p.out.opt.ts_ecr, 110);
	p.ts_val = 130;
	peer_send(&p, CTL_ACK, 2001, 1, zeros, 1000);
	peer_send(&p, CTL_ACK, 3001, 1, zeros, 1000);
	assert_out(CTL_ACK, 1, 4001);
	assert_int_equal(p.out.opt.ts_ecr, 130);
}

/* 5.2: a reset is not held to PAWS, and tells nothing. */
static void timestamps__old_one_on_a_reset__is_not_looked_at(void **state)
{
	(void)state;
	start_with(with_timestamps);
	p.ts_on = true;
	p.ts_val = 1000;
	peer_reach(&p, REFTCP_ESTABLISHED);
	p.ts_val = 5000;
	peer_send(&p, CTL_RST, 2, 0, NULL, 0); /* in the window, so challenged */
	assert_out(CTL_ACK, 1, 1);
	assert_int_equal(p.out.opt.ts_ecr, 1000);
	p.ts_val = 1;
	peer_send(&p, CTL_RST, 1, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_CLOSED);
}

/* 5.5: what was heard 25 days ago says nothing about wrapping. */
static void timestamps__idle_for_25_days__any_is_taken(void **state)
{
	(void)state;
	start_with(with_timestamps);
	p.ts_on = true;
	p.ts_val = 1000;
	peer_reach(&p, REFTCP_ESTABLISHED);
	p.ts_val = 999;
	peer_wait(&p, 23 * 86400 * REFTCP_S);
	peer_send(&p, CTL_ACK, 1, 1, "a", 1);
	assert_int_equal(status().unread, 0);
	peer_wait(&p, 2 * 86400 * REFTCP_S);
	peer_send(&p, CTL_ACK, 1, 1, "a", 1);
	assert_int_equal(status().unread, 1);
}

/* 5.4: a tick a millisecond, which does not wrap within an MSL; 7.1: from where, nobody can tell.
 */
static void timestamps__clock__ticks_each_millisecond_from_an_offset_of_its_own(void **state)
{
	struct reftcp_open args = {.active = true, .local = p.ours, .remote = p.theirs};
	uint32_t first[2], port = 0;

	(void)state;
	start_with(with_timestamps);
	for (int i = 0; i < 2; i++) {
		args.remote.port = (uint16_t)(4000 + i);
		assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
		assert_true(peer_take(&p));
		first[i] = p.out.opt.ts_val;
		port = p.out.src.port;
	}
	assert_int_equal(port, 80);
	assert_true(first[0] - first[1] + 100000 > 200000);
	assert_true(first[1] - (uint32_t)(p.now / REFTCP_MS) + 100000 > 200000);
	p.now += 990 * REFTCP_MS;
	reftcp_expire(p.stack, p.now);
	assert_false(peer_take(&p));
	p.now += 20 * REFTCP_MS;
	reftcp_expire(p.stack, p.now);
	for (int i = 0; i < 2; i++) {
		assert_true(peer_take(&p));
		assert_int_equal(p.out.opt.ts_val, first[p.out.dst.port - 4000] + 1010);
	}
}

/* ---- RFC 2018 ---- */

/* 2 and 4: permission is in SYNs alone, and without it no block is sent. */
static void sack__not_permitted__is_not_sent(void **state)
{
	(void)state;
	start_with(with_sack);
	for (int permitted = 0; permitted < 2; permitted++) {
		open_with(permitted ? TCPOPT_SACK_OK : 0, 0);
		assert_int_equal(!!(p.out.opt.has & TCPOPT_SACK_OK), permitted);
		peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
		send_octets(1);
		assert_true(peer_take(&p));
		assert_false(p.out.opt.has & TCPOPT_SACK_OK);
		peer_send(&p, CTL_ACK, 3, 1, "c", 1);
		assert_true(peer_take(&p));
		assert_int_equal(!!(p.out.opt.has & TCPOPT_SACK), permitted);
		start_with(with_sack);
	}
}

/* 4: first what just came, then what was told of most recently; as many as fit; each time. */
static void sack__many_gaps__newest_first_and_as_many_as_fit(void **state)
{
	(void)state;
	start_with(with_sack);
	open_with(TCPOPT_SACK_OK, 0);
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	for (uint32_t i = 1; i <= 6; i++) {
		peer_send(&p, CTL_ACK, 100 * i, 1, zeros, 10);
		assert_out(CTL_ACK, 1, 1);
		assert_int_equal(p.out.opt.sacks, i < 4 ? i : 4);
		for (uint32_t k = 0; k < p.out.opt.sacks; k++) {
			assert_int_equal(p.out.opt.sack[k].left.n - p.isn, 100 * (i - k));
			assert_int_equal(p.out.opt.sack[k].right.n - p.isn, 100 * (i - k) + 10);
		}
	}
	/* Grown, it is the newest, and stands there once. */
	peer_send(&p, CTL_ACK, 110, 1, zeros, 5);
	assert_out(CTL_ACK, 1, 1);
	assert_int_equal(p.out.opt.sack[0].left.n - p.isn, 100);
	assert_int_equal(p.out.opt.sack[0].right.n - p.isn, 115);
	assert_int_equal(p.out.opt.sack[1].left.n - p.isn, 600);
}

/* RFC 5681 4.2: an ACK at once, also for what fills a part of a gap only. */
static void ack__gap_filled_in_part__is_sent_at_once(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 1, zeros, 1000); /* so that a full segment is known */
	peer_drain(&p);
	peer_wait(&p, REFTCP_S);
	peer_drain(&p);
	peer_send(&p, CTL_ACK, 1501, 1, zeros, 100);
	assert_out(CTL_ACK, 1, 1001);
	peer_send(&p, CTL_ACK, 1001, 1, zeros, 100);
	assert_out(CTL_ACK, 1, 1101);
	peer_send(&p, CTL_ACK, 1101, 1, zeros, 400);
	assert_out(CTL_ACK, 1, 1601);
	peer_send(&p, CTL_ACK, 1601, 1, zeros, 100); /* no gap any more: it may wait */
	assert_quiet();
}

/* ---- RFC 6298 ---- */

/* 4: a path that never varies must not bring the timeout down to the round trip itself. */
static void rto__no_variance__stays_a_tick_above_the_round_trip(void **state)
{
	uint32_t n = 1;

	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	p.now += 2 * REFTCP_S;
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	for (int i = 0; i < 100; i++) {
		send_octets(10);
		assert_true(peer_take(&p));
		p.now += 2 * REFTCP_S;
		n += 10;
		peer_send(&p, CTL_ACK, 1, n, NULL, 0);
	}
	assert_in_range(status().rttvar, 0, REFTCP_MS / 4);
	assert_int_equal(status().rto, status().srtt + ((reftcp_time)1 << WHEEL_TICK_SHIFT));
	assert_in_range(status().srtt, 2 * REFTCP_S - 100, 2 * REFTCP_S);
}

/* 3: one measurement a round trip, and not one for each of the segments of a window. */
static void rto__window_after_window__is_measured_once_a_round_trip(void **state)
{
	uint32_t n = 1;

	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	p.now += 100 * REFTCP_MS;
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	for (int trip = 0; trip < 3; trip++) {
		reftcp_time before = status().srtt, first = 0;

		send_octets(4000);
		peer_drain(&p);
		p.now += (300 + 100 * (reftcp_time)trip) * REFTCP_MS;
		for (int i = 0; i < 4; i++) {
			n += 1000;
			peer_send(&p, CTL_ACK, 1, n, NULL, 0);
			first = first ? first : status().srtt;
		}
		assert_true(first > before);
		assert_int_equal(status().srtt, first);
	}
}

/* 5: never sooner than an RTO after a segment was last sent, though the timer may have run before.
 */
static void rto__acks_move_on__timer_begins_anew(void **state)
{
	reftcp_time rto;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	set(REFTCP_OPT_NAGLE, 0);
	rto = status().rto;
	send_octets(10);
	assert_true(peer_take(&p));
	peer_wait(&p, 900 * REFTCP_MS);
	send_octets(10);
	assert_true(peer_take(&p));
	peer_send(&p, CTL_ACK, 1, 11, NULL, 0);
	rto = status().rto;
	assert_quiet();
	peer_wait(&p, rto - 20 * REFTCP_MS);
	assert_false(peer_take(&p));
	peer_wait(&p, 30 * REFTCP_MS);
	assert_out(CTL_PSH | CTL_ACK, 11, 1);
	/* All acknowledged: it is off. */
	peer_send(&p, CTL_ACK, 1, 21, NULL, 0);
	assert_int_equal(peer_count(&p, 100 * REFTCP_S), 0);
}

/* ---- RFC 5961 7 ---- */

static void five_a_second(struct reftcp_config *c)
{
	c->challenge_acks = 5;
}

static void challenge_acks__limit_given__is_kept(void **state)
{
	unsigned int answered = 0;

	(void)state;
	start_with(five_a_second);
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (int i = 0; i < 50; i++) {
		peer_send(&p, CTL_SYN, 2, 0, NULL, 0);
		answered += peer_drain(&p);
	}
	assert_int_equal(answered, 5);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(scale__both_offer__windows_are_shifted_but_not_in_syns),
		T(scale__peer_does_not_offer__is_neither_sent_nor_used),
		T(scale__outside_a_syn__is_ignored),
		T(scale__more_than_14__is_taken_as_14),
		T(timestamps__agreed_on__are_on_every_segment),
		T(timestamps__not_offered__are_not_sent_and_ignored),
		T(timestamps__missing_though_agreed_on__drops_and_does_not_abort),
		T(timestamps__no_ack_bit__echo_is_zero_and_not_read),
		T(timestamps__one_ack_for_two__echoes_the_earlier),
		T(timestamps__old_one_on_a_reset__is_not_looked_at),
		T(timestamps__idle_for_25_days__any_is_taken),
		T(timestamps__clock__ticks_each_millisecond_from_an_offset_of_its_own),
		T(sack__not_permitted__is_not_sent),
		T(sack__many_gaps__newest_first_and_as_many_as_fit),
		T(ack__gap_filled_in_part__is_sent_at_once),
		T(rto__no_variance__stays_a_tick_above_the_round_trip),
		T(rto__window_after_window__is_measured_once_a_round_trip),
		T(rto__acks_move_on__timer_begins_anew),
		T(challenge_acks__limit_given__is_kept),
	};

	return cmocka_run_group_tests_name("reftcp_extensions", tests, NULL, NULL);
}
