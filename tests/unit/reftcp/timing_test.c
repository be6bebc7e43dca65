/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers and the congestion window: RFC 9293 3.8.1 to 3.8.4, 6298, 5681, 6582, 9438, 5482. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/congestion.h"
#include "reftcp/peer_case.h"

static uint8_t zeros[20000];

static inline void send_octets(size_t n)
{
	size_t taken;

	assert_int_equal(reftcp_send(p.stack, p.id, zeros, n, 0, p.now, &taken), 0);
	assert_int_equal(taken, n);
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

/* RFC 6298 5.7 and 5681 3.1, on both sides: the SYN's own timeouts say little of the path, but that
 * it does lose. */
static void rto__lost_syn__is_3_s_and_the_window_one_segment(void **state)
{
	(void)state;
	for (int active = 0; active < 2; active++) {
		peer_end(&p);
		peer_init(&p);
		peer_start(&p);
		peer_reach(&p, active ? REFTCP_SYN_SENT : REFTCP_SYN_RECEIVED);
		peer_wait(&p, 1100 * REFTCP_MS);
		assert_int_equal(peer_drain(&p), 1);
		if (active)
			peer_send(&p, CTL_SYN | CTL_ACK, 0, 1, NULL, 0);
		else
			peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
		assert_int_equal(status().state, REFTCP_ESTABLISHED);
		assert_int_equal(status().rto, 3 * REFTCP_S);
		assert_int_equal(status().cwnd, 1000);
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

static unsigned int advised;

static void on_advice(void *ctx, const struct reftcp_addr *local, const struct reftcp_addr *remote)
{
	struct peer *peer = ctx;

	assert_memory_equal(local->byte, peer->ours.addr.byte, 4);
	assert_memory_equal(remote->byte, peer->theirs.addr.byte, 4);
	advised++;
}

/* MUST-20, its first half: for data as for SYNs [MUST-22]. */
static void r1__reached__ip_is_advised_once(void **state)
{
	(void)state;
	for (int syn = 0; syn < 2; syn++) {
		peer_end(&p);
		peer_init(&p);
		p.config.on_negative_advice = on_advice;
		peer_start(&p);
		advised = 0;
		peer_reach(&p, syn ? REFTCP_SYN_SENT : REFTCP_ESTABLISHED);
		set(REFTCP_OPT_REPORTS, 0);
		if (!syn)
			send_octets(10);
		peer_count(&p, 6 * REFTCP_S);
		assert_int_equal(advised, 0);
		peer_count(&p, 100 * REFTCP_S);
		assert_int_equal(advised, 1);
	}
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
	start_with(with_sack);
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
	start_with(with_sack);
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rto__silent_peer__doubles_up_to_a_minute),
		T(rto__two_samples__follow_the_formula),
		T(rto__lost_syn__is_3_s_and_the_window_one_segment),
		T(rto__sent_again__gives_no_sample),
		T(r1_r2__silent_peer__told_then_ended),
		T(r1__reached__ip_is_advised_once),
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
		T(uto__from_the_peer__is_taken_within_limits),
		T(uto__too_short__is_raised_to_r2),
	};

	return cmocka_run_group_tests_name("reftcp_timing", tests, NULL, NULL);
}
