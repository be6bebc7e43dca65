/* SPDX-License-Identifier: BSD-2-Clause */
/* When what is sent: RFC 9293 3.7 and 3.8, with RFC 6298, 5681, 6582, 8985, 5482. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/congestion.h"
#include "reftcp/peer.h"

static struct peer p;
static uint8_t zeros[20000];

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
	peer_end(&p);
	return 0;
}

static void restart_with(void (*change)(struct reftcp_config *c))
{
	peer_end(&p);
	peer_init(&p);
	change(&p.config);
	peer_start(&p);
}

static void with_sack(struct reftcp_config *c)
{
	c->sack = true;
}

static void with_small_pool(struct reftcp_config *c)
{
	c->chunks = 4;
}

static struct reftcp_status status(void)
{
	struct reftcp_status st;

	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	return st;
}

static void send_octets(size_t n)
{
	size_t taken;

	assert_int_equal(reftcp_send(p.stack, p.id, zeros, n, 0, p.now, &taken), 0);
	assert_int_equal(taken, n);
}

/* The next packet leaves at t, not before and at most 10 ms later: each wait ends with a tick. */
static void assert_at(reftcp_time t)
{
	assert_int_equal(peer_drain(&p), 0);
	peer_wait(&p, t - 2 * REFTCP_MS - p.now);
	assert_false(peer_take(&p));
	peer_wait(&p, 12 * REFTCP_MS);
	assert_true(peer_take(&p));
}

static void assert_after(reftcp_time d)
{
	assert_at(p.now + d);
}

static void set(enum reftcp_option option, uint64_t value)
{
	assert_int_equal(reftcp_set(p.stack, p.id, option, value, p.now), 0);
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

/* ---- RFC 6298 ---- */

static void rto__silent_peer__doubles_up_to_a_minute(void **state)
{
	static const unsigned int wait_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
	reftcp_time at = p.now;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_octets(100);
	assert_true(peer_take(&p));
	for (size_t i = 0; i < sizeof(wait_s) / sizeof(wait_s[0]); i++) {
		at += wait_s[i] * REFTCP_S;
		assert_at(at);
		assert_int_equal(p.out.seq.n, 1);
		assert_int_equal(p.out.text_len, 100);
	}
}

/* 2.2 and 2.3, in numbers. */
static void rto__two_samples__follow_the_formula(void **state)
{
	(void)state;
	/* Whatever the ISN is. */
	for (uint8_t secret = 0; secret < 16; secret++) {
		peer_end(&p);
		peer_init(&p);
		p.config.secret[0] = secret;
		peer_start(&p);
		peer_reach(&p, REFTCP_LISTEN);
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		peer_take(&p);
		p.now += 400 * REFTCP_MS;
		peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
		assert_int_equal(status().srtt, 400 * REFTCP_MS);
		assert_int_equal(status().rttvar, 200 * REFTCP_MS);
		assert_int_equal(status().rto, 1200 * REFTCP_MS);
		send_octets(10);
		peer_take(&p);
		p.now += 1000 * REFTCP_MS;
		peer_send(&p, CTL_ACK, 1, 11, NULL, 0);
		assert_int_equal(status().srtt, 475 * REFTCP_MS);
		assert_int_equal(status().rttvar, 300 * REFTCP_MS);
		assert_int_equal(status().rto, 1675 * REFTCP_MS);
	}
}

/* MUST-18: no sample of what was sent twice. */
static void rto__sent_again__gives_no_sample(void **state)
{
	reftcp_time before;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	before = status().srtt;
	send_octets(10);
	peer_count(&p, 4 * REFTCP_S);
	assert_true(status().retransmits >= 2);
	peer_send(&p, CTL_ACK, 1, 11, NULL, 0);
	assert_int_equal(status().srtt, before);
}

/* 3.8.3: R1 is told, then R2 ends it [SHLD-9, SHLD-10, MUST-20, MUST-21, MUST-47]. */
static void r1_r2__silent_peer__told_then_ended(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	set(REFTCP_OPT_USER_TIMEOUT, 100 * REFTCP_S);
	send_octets(10);
	peer_events(&p);
	peer_count(&p, 4 * REFTCP_S);
	assert_false(peer_events(&p) & REFTCP_EVENT_RETRANSMITTING);
	peer_count(&p, 4 * REFTCP_S);
	assert_true(peer_events(&p) & REFTCP_EVENT_RETRANSMITTING);
	peer_count(&p, 91 * REFTCP_S);
	assert_int_equal(status().state, REFTCP_ESTABLISHED);
	peer_count(&p, 2 * REFTCP_S);
	assert_int_equal(status().state, REFTCP_CLOSED);
	assert_int_equal(status().error, -ETIMEDOUT);
}

/* SHLD-20. */
static void r1__reports_switched_off__says_nothing(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	set(REFTCP_OPT_REPORTS, 0);
	send_octets(10);
	peer_events(&p);
	peer_count(&p, 20 * REFTCP_S);
	assert_false(peer_events(&p) & REFTCP_EVENT_RETRANSMITTING);
}

/* ---- RFC 5681 and 6582 ---- */

static void slow_start__acks_come__window_doubles(void **state)
{
	(void)state;
	p.syn_opt.mss = 1000;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(status().cwnd, 10000); /* RFC 6928 */
	peer_send_full(&p, CTL_ACK, 1, 1, 60000, NULL, 0, NULL, 0);
	send_octets(20000);
	assert_int_equal(peer_drain(&p), 10);
	for (uint32_t i = 1; i <= 4; i++) {
		peer_send_full(&p, CTL_ACK, 1, 1 + i * 2000, 60000, NULL, 0, NULL, 0);
		send_octets(2000);
		peer_drain(&p);
	}
	assert_int_equal(status().cwnd, 18000);
}

/* MUST-19: after a timeout one segment, and half the flight as the threshold. */
static void timeout__with_data_out__window_falls_to_one_segment(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_octets(8000);
	assert_int_equal(peer_drain(&p), 8);
	assert_after(1 * REFTCP_S);
	assert_false(peer_take(&p));
	assert_int_equal(status().cwnd, 1000);
	assert_int_equal(status().ssthresh, 4000);
	/* Congestion avoidance: a window's worth of ACKs is one segment. */
	peer_send(&p, CTL_ACK, 1, 8001, NULL, 0);
	assert_int_equal(status().cwnd, 1000);
}

static void congestion_avoidance__window_acknowledged__grows_by_one_segment(void **state)
{
	struct tcb c = {.send_mss = 1000, .path_mtu = 1500, .cwnd = 10000, .ssthresh = 10000};

	(void)state;
	c.local.addr.family = 4;
	for (int i = 0; i < 10; i++)
		congestion_newreno.on_ack(&c, 1000, 0);
	assert_int_equal(c.cwnd, 11000);
	for (int i = 0; i < 10; i++)
		congestion_newreno.on_ack(&c, 1000, 0);
	assert_int_equal(c.cwnd, 11000);
	congestion_newreno.on_ack(&c, 1000, 0);
	assert_int_equal(c.cwnd, 12000);
}

/* RFC 9438 4.2: back at W_max after K, which is cbrt(30 segments / 0.4) s = 4.217 s. */
static void cubic__after_a_loss__is_at_its_old_window_after_k(void **state)
{
	struct tcb c = {.send_mss = 1000, .path_mtu = 1500, .ssthresh = 70000, .cwnd = 70000};
	reftcp_time now = REFTCP_S;

	(void)state;
	c.local.addr.family = 4;
	c.cubic.w_max = 100000;
	c.cubic.cwnd_prior = 100000;
	c.rtt.srtt = 100 * REFTCP_MS;
	/* One window of ACKs each 100 ms. */
	for (int rtt = 0; rtt < 42; rtt++, now += 100 * REFTCP_MS)
		for (uint32_t acked = 0; acked < c.cwnd; acked += 1000)
			congestion_cubic.on_ack(&c, 1000, now);
	assert_in_range(c.cwnd, 98000, 102000);
	assert_in_range(c.cubic.k / REFTCP_MS, 4210, 4220);
}

/* RFC 5681 3.2 and 6582 3.2. */
static void fast_retransmit__three_duplicates__sends_the_hole(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_octets(8000);
	assert_int_equal(peer_drain(&p), 8);
	for (int i = 0; i < 2; i++) {
		peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
		assert_false(peer_take(&p));
	}
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	assert_int_equal(p.out.text_len, 1000);
	assert_int_equal(status().ssthresh, 4000);
	assert_int_equal(status().cwnd, 7000);
	/* A partial ACK: the next hole. */
	peer_send(&p, CTL_ACK, 1, 2001, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 2001);
	/* A full one: out of it. */
	peer_send(&p, CTL_ACK, 1, 8001, NULL, 0);
	assert_int_equal(status().cwnd, 2000);
	assert_int_equal(reftcp_counters(p.stack)->fast_recoveries, 1);
}

static void sack_ack(uint32_t ack, uint32_t left, uint32_t right)
{
	struct tcpopt o = {.has = TCPOPT_SACK, .sacks = 1};

	o.sack[0] = (struct sack_block){seq_of(p.iss + left), seq_of(p.iss + right)};
	peer_send_full(&p, CTL_ACK, 1, ack, PEER_WINDOW, &o, 0, NULL, 0);
}

/* RFC 8985: three segments SACKed beyond the hole; only the hole is sent again. */
static void rack__later_segments_sacked__sends_only_the_hole(void **state)
{
	(void)state;
	restart_with(with_sack);
	p.syn_opt.has |= TCPOPT_SACK_OK;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	peer_take(&p);
	peer_wait(&p, 50 * REFTCP_MS);
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	send_octets(8000);
	assert_int_equal(peer_drain(&p), 8);
	peer_wait(&p, 50 * REFTCP_MS);
	sack_ack(1, 1001, 2001);
	assert_false(peer_take(&p));
	sack_ack(1, 1001, 4001);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	assert_int_equal(p.out.text_len, 1000);
	assert_false(peer_take(&p));
	peer_send(&p, CTL_ACK, 1, 8001, NULL, 0);
	assert_int_equal(status().retransmits, 1);
	assert_int_equal(status().unacked, 0);
}

/* RFC 8985 7: the tail is probed after two round trips, long before the RTO. */
static void tail_loss_probe__last_segment_lost__is_sent_again_early(void **state)
{
	(void)state;
	restart_with(with_sack);
	p.syn_opt.has |= TCPOPT_SACK_OK;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	peer_take(&p);
	peer_wait(&p, 50 * REFTCP_MS);
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	send_octets(3000);
	set(REFTCP_OPT_NAGLE, 0);
	assert_int_equal(peer_drain(&p), 3);
	peer_wait(&p, 50 * REFTCP_MS);
	peer_send(&p, CTL_ACK, 1, 1001, NULL, 0);
	assert_after(100 * REFTCP_MS);
	assert_int_equal(p.out.seq.n, 2001);
	assert_int_equal(reftcp_counters(p.stack)->tail_loss_probes, 1);
	assert_int_equal(status().cwnd, 10000);
}

/* ---- keep-alive ---- */

/* MUST-25 to 29, SHLD-12. */
static void keepalive__asked_for__probes_after_two_hours_and_survives_losses(void **state)
{
	reftcp_time at;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(peer_count(&p, 3 * 7200 * REFTCP_S), 0);
	set(REFTCP_OPT_KEEPALIVE, 1);
	at = p.now + 7200 * REFTCP_S;
	assert_at(at);
	assert_int_equal(p.out.seq.n, 0); /* SND.NXT-1 */
	assert_int_equal(p.out.text_len, 0);
	for (int i = 0; i < 5; i++) {
		at += 75 * REFTCP_S;
		assert_at(at);
	}
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_after(7200 * REFTCP_S);
	assert_int_equal(status().state, REFTCP_ESTABLISHED);
}

static void keepalive__interval_and_octet__are_the_users(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	set(REFTCP_OPT_KEEPALIVE_IDLE, 10 * REFTCP_S);
	set(REFTCP_OPT_KEEPALIVE_OCTET, 1);
	set(REFTCP_OPT_KEEPALIVE, 1);
	assert_after(10 * REFTCP_S);
	assert_int_equal(p.out.text_len, 1); /* MAY-6 */
	set(REFTCP_OPT_KEEPALIVE, 0);
	assert_int_equal(peer_count(&p, 100 * REFTCP_S), 0);
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

/* ---- user timeout option ---- */

static void uto__from_the_peer__is_taken_within_limits(void **state)
{
	(void)state;
	p.syn_opt.has |= TCPOPT_UTO;
	p.syn_opt.uto = 600;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(status().user_timeout, 600 * REFTCP_S);
}

static void uto__too_short__is_raised_to_r2(void **state)
{
	(void)state;
	p.syn_opt.has |= TCPOPT_UTO;
	p.syn_opt.uto = 5;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(status().user_timeout, 100 * REFTCP_S);
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
	restart_with(with_small_pool);
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
		T(receive_window__buffer_made_smaller__edge_stays),
		T(delayed_ack__one_segment__waits_200_ms),
		T(delayed_ack__second_full_segment__is_acknowledged),
		T(delayed_ack__data_to_send__carries_it),
		T(ack__many_segments_before_output__is_one),
		T(rto__silent_peer__doubles_up_to_a_minute),
		T(rto__two_samples__follow_the_formula),
		T(rto__sent_again__gives_no_sample),
		T(r1_r2__silent_peer__told_then_ended),
		T(r1__reports_switched_off__says_nothing),
		T(slow_start__acks_come__window_doubles),
		T(timeout__with_data_out__window_falls_to_one_segment),
		T(congestion_avoidance__window_acknowledged__grows_by_one_segment),
		T(cubic__after_a_loss__is_at_its_old_window_after_k),
		T(fast_retransmit__three_duplicates__sends_the_hole),
		T(rack__later_segments_sacked__sends_only_the_hole),
		T(tail_loss_probe__last_segment_lost__is_sent_again_early),
		T(keepalive__asked_for__probes_after_two_hours_and_survives_losses),
		T(keepalive__interval_and_octet__are_the_users),
		T(urgent__long_data__points_behind_its_last_octet),
		T(uto__from_the_peer__is_taken_within_limits),
		T(uto__too_short__is_raised_to_r2),
		T(close__data_queued_in_close_wait__moves_when_the_fin_leaves),
		T(release__unread_data__resets),
		T(close__normal_and_aborted__are_told_apart),
		T(send__buffer_full__takes_a_part_then_tells),
		T(receive__pool_used_up__drops_and_recovers),
	};

	return cmocka_run_group_tests_name("reftcp_sender", tests, NULL, NULL);
}
