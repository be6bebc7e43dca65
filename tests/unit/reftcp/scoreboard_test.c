/* SPDX-License-Identifier: BSD-2-Clause */
/* Recovery from loss as RFC 6675, 5681 3.2 and 8985 order it, and CUBIC's Reno-friendly side, where
 * recovery_test.c and timing_test.c say nothing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reftcp/congestion.h"
#include "reftcp/peer_case.h"

#define RTT (80 * REFTCP_MS)

static uint8_t zeros[60000];

static void send_octets(size_t n)
{
	size_t taken;

	assert_int_equal(reftcp_send(p.stack, p.id, zeros, n, 0, p.now, &taken), 0);
	assert_int_equal(taken, n);
}

static void roomy(struct reftcp_config *c)
{
	c->send_buffer = 60000;
}

static void roomy_with_sack(struct reftcp_config *c)
{
	c->send_buffer = 60000;
	c->sack = true;
}

static void ack(uint32_t n)
{
	peer_send_full(&p, CTL_ACK, 1, n, 60000, NULL, 0, NULL, 0);
}

static void sack(uint32_t n, uint32_t left, uint32_t right)
{
	struct tcpopt o = {.has = TCPOPT_SACK, .sacks = 1};

	o.sack[0] = (struct sack_block){seq_of(p.iss + left), seq_of(p.iss + right)};
	peer_send_full(&p, CTL_ACK, 1, n, 60000, &o, 0, NULL, 0);
}

/* A round trip of RTT, ten segments of 1000 out, thirty more to send. */
static void ten_out(void (*change)(struct reftcp_config *c))
{
	start_with(change);
	p.syn_opt.has |= p.config.sack ? TCPOPT_SACK_OK : 0;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	peer_wait(&p, RTT);
	ack(1);
	set(REFTCP_OPT_NAGLE, 0);
	send_octets(40000);
	assert_int_equal(peer_drain(&p), 10);
	peer_wait(&p, RTT);
}

/* RFC 5681 3.2 (3) to (5): inflated by each further duplicate, and new data when there is room. */
static void fast_recovery__more_duplicates__inflate_and_send_new(void **state)
{
	uint32_t sent = 0;

	(void)state;
	ten_out(roomy);
	for (int i = 0; i < 3; i++)
		ack(1);
	assert_int_equal(status().ssthresh, 5000);
	assert_int_equal(status().cwnd, 8000);
	peer_drain(&p); /* the front again; the others had no turn before the third */
	for (uint32_t i = 1; i <= 6; i++) {
		ack(1);
		assert_int_equal(status().cwnd, 8000 + i * 1000);
		while (peer_take(&p)) {
			assert_int_equal(p.out.seq.n, 10001 + sent * 1000);
			sent++;
		}
	}
	/* 14000 less the ten that are out: the retransmission stands for the front. */
	assert_int_equal(sent, 4);
}

/* RFC 5681 3.2 (1), 6675 5 (3): a duplicate that tells of nothing new makes no room. */
static void duplicate__without_new_sack__sends_nothing_new(void **state)
{
	(void)state;
	ten_out(roomy_with_sack);
	sack(1, 1001, 2001);
	assert_true(peer_take(&p)); /* one has left: limited transmit */
	assert_int_equal(p.out.seq.n, 10001);
	assert_quiet();
	for (int i = 0; i < 5; i++) {
		sack(1, 1001, 2001);
		assert_quiet();
	}
	assert_int_equal(status().cwnd, 10000);
}

/* RFC 6675 5 (A): at RecoveryPoint it is over, and what was SACKed beyond it is not forgotten. */
static void recovery__ends__what_is_sacked_beyond_stays_known(void **state)
{
	uint32_t high, seen = 0;

	(void)state;
	ten_out(roomy_with_sack);
	sack(1, 1001, 10001);
	assert_out(CTL_ACK, 1, 1);
	peer_drain(&p);
	high = status().snd_nxt - status().iss;
	assert_true(high >= 13001);
	peer_wait(&p, RTT);
	/* The hole is filled; of what went out meanwhile the first is lost, the rest has come. */
	sack(10001, 11001, high);
	assert_int_equal(reftcp_counters(p.stack)->fast_recoveries,
			 2); /* a second loss, in its turn */
	for (int i = 0; i < 40; i++) {
		while (peer_take(&p)) {
			assert_false(p.out.seq.n > 10001 && p.out.seq.n < high);
			seen += p.out.seq.n == 10001;
		}
		peer_wait(&p, 10 * REFTCP_MS);
	}
	assert_int_equal(seen, 1);
}

/* RFC 6675 5.1: a timeout ends the recovery; no new one before what was out by then is through,
 * though what SACK says is used. */
/* An ACK that was overtaken by a later one: what it tells of beyond SND.UNA holds. */
static void sack__of_an_overtaken_ack__still_counts(void **state)
{
	(void)state;
	ten_out(roomy_with_sack);
	ack(2001);
	assert_int_equal(status().segments_sacked, 0);
	sack(1001, 5001, 6001);
	assert_int_equal(status().segments_sacked, 1);
	assert_int_equal(status().snd_una - status().iss, 2001);
	/* Of data acknowledged since, and of data never sent. */
	sack(1001, 1001, 2001);
	sack(1001, 900001, 901001);
	assert_int_equal(status().segments_sacked, 1);
}

static void timeout__in_recovery__no_new_one_before_its_point(void **state)
{
	uint32_t high, seen = 0;

	(void)state;
	ten_out(roomy_with_sack);
	sack(1, 1001, 2001);
	sack(1, 1001, 4001);
	assert_int_equal(reftcp_counters(p.stack)->fast_recoveries, 1);
	peer_drain(&p);
	high = status().snd_nxt - status().iss;
	peer_wait(&p, 1200 * REFTCP_MS);
	assert_int_equal(reftcp_counters(p.stack)->rto_expired, 1);
	assert_int_equal(status().cwnd, 1000);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	peer_wait(&p, RTT);
	sack(1001, 1001, 2001); /* below the ACK: told twice */
	sack(4001, 7001, 10001);
	while (peer_take(&p)) {
		/* The holes, and not what SACK has told of. */
		assert_true(p.out.seq.n >= 4001 && (p.out.seq.n < 7001 || p.out.seq.n >= 10001));
		seen++;
	}
	assert_true(seen > 1);
	assert_int_equal(reftcp_counters(p.stack)->fast_recoveries, 1);
	/* The first of them is lost once more. */
	peer_wait(&p, RTT + 40 * REFTCP_MS);
	sack(4001, 5001, 6001);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 4001);
	assert_int_equal(reftcp_counters(p.stack)->fast_recoveries, 1);
	peer_wait(&p, RTT);
	ack(high);
	assert_int_equal(reftcp_counters(p.stack)->fast_recoveries, 1);
}

/* RFC 8985 3.3.2, 6.2 step 4: a D-SACK widens the window of time, once a round trip, and never
 * beyond one. */
static void rack__duplicates_told__window_widens(void **state)
{
	struct tcb *c;
	uint32_t high;

	(void)state;
	ten_out(roomy_with_sack);
	c = tcb_find(p.stack, p.id);
	sack(1, 1001, 2001);
	peer_drain(&p);
	ack(10001); /* the front was only late */
	assert_true(c->rack.reordering_seen);
	assert_int_equal(c->rack.reo_wnd_mult, 0);
	peer_drain(&p);
	for (int i = 0; i < 3; i++) {
		sack(10001, 1, 1001);
		assert_int_equal(c->rack.reo_wnd_mult, 1);
	}
	high = status().snd_nxt - status().iss;
	peer_wait(&p, RTT);
	sack(high, 1, 1001);
	assert_int_equal(c->rack.reo_wnd_mult, 2);
	peer_drain(&p);
	/* Whatever it has grown to: a round trip, and then it is a loss. */
	c->rack.reo_wnd_mult = 1000;
	high = status().snd_nxt - status().iss;
	peer_wait(&p, RTT);
	sack(high - 8000, high - 7000, high - 2000);
	while (peer_take(&p))
		assert_true(p.out.seq.n >= high);
	peer_wait(&p, status().srtt - 20 * REFTCP_MS);
	while (peer_take(&p))
		assert_true(p.out.seq.n >= high);
	peer_wait(&p, 30 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, high - 8000);
}

/* RFC 8985 7.3: new data before old, beyond the congestion window; once, and then the RTO. */
static void probe__new_data_waits__sends_that(void **state)
{
	(void)state;
	ten_out(roomy_with_sack);
	peer_wait(&p, RTT + 10 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 10001);
	assert_quiet();
	assert_int_equal(reftcp_counters(p.stack)->tail_loss_probes, 1);
	peer_wait(&p, 900 * REFTCP_MS);
	assert_quiet();
	peer_wait(&p, 150 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	assert_int_equal(reftcp_counters(p.stack)->tail_loss_probes, 1);
	assert_int_equal(reftcp_counters(p.stack)->rto_expired, 1);
}

/* RFC 9438 4.3: on a short path Reno has the larger window, and CUBIC what Reno has: 9/17 of a
 * segment a round trip up to where it was before the loss, then a whole one. */
static void cubic__reno_would_have_more__follows_it(void **state)
{
	struct tcb c = {.send_mss = 1000,
			.path_mtu = 1500,
			.ssthresh = 70000,
			.cwnd = 70000,
			.cubic = {.w_max = 100000, .cwnd_prior = 100000}};
	reftcp_time now = REFTCP_S;
	uint32_t before;

	(void)state;
	c.local.addr.family = 4;
	c.rtt.srtt = REFTCP_MS;
	for (int trip = 0; trip < 100; trip++, now += REFTCP_MS) {
		uint32_t window = c.cwnd;

		before = c.cwnd;
		for (uint32_t acked = 0; acked < window; acked += 1000)
			congestion_cubic.on_ack(&c, 1000, now);
		if (before < 99000)
			assert_in_range(c.cwnd - before, 510, 545);
		else if (before > 101000)
			assert_in_range(c.cwnd - before, 970, 1020);
	}
	assert_true(c.cwnd > 120000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(fast_recovery__more_duplicates__inflate_and_send_new),
		T(duplicate__without_new_sack__sends_nothing_new),
		T(recovery__ends__what_is_sacked_beyond_stays_known),
		T(sack__of_an_overtaken_ack__still_counts),
		T(timeout__in_recovery__no_new_one_before_its_point),
		T(rack__duplicates_told__window_widens),
		T(probe__new_data_waits__sends_that),
		T(cubic__reno_would_have_more__follows_it),
	};

	return cmocka_run_group_tests_name("reftcp_scoreboard", tests, NULL, NULL);
}
