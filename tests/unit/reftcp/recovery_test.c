/* SPDX-License-Identifier: BSD-2-Clause */
/* Loss and what follows: RFC 6298's backoff, RFC 8985, 9937, 3708, the pools under loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "reftcp/congestion.h"
#include "reftcp/peer.h"

#define RTT (80 * REFTCP_MS)

static struct peer p;
static uint8_t zeros[60000];

static int setup(void **state)
{
	(void)state;
	peer_init(&p);
	p.config.send_buffer = 60000;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_end(&p);
	return 0;
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

/* ESTABLISHED, passive, a round trip of RTT, window 60000, MSS 1000. */
static void establish(void)
{
	peer_start(&p);
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	peer_wait(&p, RTT);
	peer_send_full(&p, CTL_ACK, 1, 1, 60000, NULL, 0, NULL, 0);
	assert_int_equal(reftcp_set(p.stack, p.id, REFTCP_OPT_NAGLE, 0, p.now), 0);
}

static void establish_with_sack(void)
{
	p.config.sack = true;
	p.syn_opt.has |= TCPOPT_SACK_OK;
	establish();
}

static void ack(uint32_t n)
{
	peer_send_full(&p, CTL_ACK, 1, n, 60000, NULL, 0, NULL, 0);
}

static void sack2(uint32_t n, uint32_t l1, uint32_t r1, uint32_t l2, uint32_t r2)
{
	struct tcpopt o = {.has = TCPOPT_SACK, .sacks = r2 ? 2 : 1};

	o.sack[0] = (struct sack_block){seq_of(p.iss + l1), seq_of(p.iss + r1)};
	o.sack[1] = (struct sack_block){seq_of(p.iss + l2), seq_of(p.iss + r2)};
	peer_send_full(&p, CTL_ACK, 1, n, 60000, &o, 0, NULL, 0);
}

static void sack(uint32_t n, uint32_t left, uint32_t right)
{
	sack2(n, left, right, 0, 0);
}

/* ---- RFC 6298 ---- */

/* Section 5: the backoff stays until a segment that was sent once is acknowledged. */
static void backoff__sent_again_then_new_data__ends_with_the_new(void **state)
{
	reftcp_time rto;

	(void)state;
	establish();
	rto = status().rto;
	send_octets(10);
	assert_int_equal(peer_drain(&p), 1);
	peer_wait(&p, 1100 * REFTCP_MS);
	assert_int_equal(peer_drain(&p), 1);
	ack(11);
	assert_int_equal(status().rto, 2 * rto);
	send_octets(10);
	assert_int_equal(peer_drain(&p), 1);
	peer_wait(&p, RTT);
	ack(21);
	assert_int_equal(status().rto, rto);
}

/* RFC 7323 4.1: the timestamp says which copy was answered. */
static void backoff__timestamp_of_the_last_copy__is_a_sample(void **state)
{
	reftcp_time rto;
	uint32_t first;

	(void)state;
	p.config.timestamps = true;
	p.ts_on = true;
	p.ts_val = 1;
	establish();
	rto = status().rto;
	for (int late = 0; late < 2; late++) {
		uint32_t sent = status().snd_nxt - status().iss;

		send_octets(10);
		assert_true(peer_take(&p));
		first = p.ts_ecr;
		peer_wait(&p, (late ? 2200 : 1100) * REFTCP_MS);
		assert_int_equal(peer_drain(&p), 1);
		peer_wait(&p, RTT);
		/* The first time round as if the ACK of the first copy had been late. */
		if (!late)
			p.ts_ecr = first;
		ack(sent + 10);
		assert_int_equal(status().rto, late ? rto : 2 * rto);
	}
}

/* R1 counts retransmissions in a row. */
static void r1__ack_in_between__counts_anew(void **state)
{
	(void)state;
	establish();
	for (uint32_t i = 0; i < 2; i++) {
		send_octets(10);
		peer_events(&p);
		while (status().retransmits < 2 * (i + 1)) {
			peer_wait(&p, 500 * REFTCP_MS);
			peer_drain(&p);
		}
		assert_false(peer_events(&p) & REFTCP_EVENT_RETRANSMITTING);
		ack(1 + 10 * (i + 1));
	}
}

/* ---- RFC 5681 ---- */

/* 4.1 */
static void idle__longer_than_an_rto__starts_over(void **state)
{
	(void)state;
	establish();
	send_octets(30000);
	for (uint32_t i = 1; i <= 10; i++) {
		peer_drain(&p);
		ack(1 + i * 2000);
	}
	peer_drain(&p);
	ack(30001);
	assert_true(status().cwnd > 15000);
	peer_wait(&p, 10 * REFTCP_S);
	send_octets(20000);
	assert_int_equal(peer_drain(&p), 10);
	assert_int_equal(status().cwnd, 10000);
}

/* SHLD-16: what lies beyond a window that has shrunk is not sent again. */
static void timeout__window_shrunk__only_the_front_goes(void **state)
{
	(void)state;
	establish();
	send_octets(5000);
	assert_int_equal(peer_drain(&p), 5);
	peer_wait(&p, 1100 * REFTCP_MS);
	assert_int_equal(peer_drain(&p), 1);
	peer_send_full(&p, CTL_ACK, 1, 1001, 500, NULL, 0, NULL, 0);
	assert_int_equal(status().cwnd, 2000);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1001);
	assert_false(peer_take(&p));
}

/* 3.2 (1): a segment for each of the first two duplicates, and no more; cwnd stays. */
static void limited_transmit__first_two_duplicates__send_one_each(void **state)
{
	(void)state;
	establish();
	send_octets(20000);
	assert_int_equal(peer_drain(&p), 10);
	for (uint32_t i = 0; i < 2; i++) {
		ack(1);
		assert_true(peer_take(&p));
		assert_int_equal(p.out.seq.n, 10001 + i * 1000);
		assert_false(peer_take(&p));
		assert_int_equal(status().cwnd, 10000);
	}
	ack(1);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	/* 3.2 (2): what went out so is not in the flight that is halved. */
	assert_int_equal(status().ssthresh, 5000);
	assert_int_equal(status().cwnd, 8000);
	assert_false(peer_take(&p));
}

/* 4.3: the retransmission is lost as well. Ten out, the first lost: 10000, 5000, 2500. */
static void recovery__retransmission_lost__halves_again(void **state)
{
	uint32_t high;

	(void)state;
	establish_with_sack();
	send_octets(40000);
	assert_int_equal(peer_drain(&p), 10);
	peer_wait(&p, RTT);
	sack(1, 1001, 10001);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	assert_int_equal(status().ssthresh, 5000);
	assert_int_equal(status().retransmits, 1);
	peer_drain(&p);
	high = status().snd_nxt - status().iss;
	assert_true(high > 10001); /* PRR has sent new data too */
	/* A round trip later all of that has arrived, and the retransmission has not. */
	peer_wait(&p, RTT + 40 * REFTCP_MS);
	sack(1, 1001, high);
	assert_true(status().ssthresh < 5000);
	assert_in_range(status().ssthresh, 2000, 2500);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	assert_int_equal(status().retransmits, 2);
	/* Repaired: the window is what the second reduction left. */
	ack(high);
	assert_int_equal(status().cwnd, status().ssthresh);
	assert_in_range(status().cwnd, 2000, 2500);
}

/* ---- RFC 8985 and 9937 ---- */

/* Ten out, the first lost, nine SACKs: half of the flight leaves meanwhile, one for two. */
static void prr__one_loss__sends_in_proportion(void **state)
{
	uint32_t sent = 0, again = 0;

	(void)state;
	establish_with_sack();
	send_octets(40000);
	assert_int_equal(peer_drain(&p), 10);
	peer_wait(&p, RTT);
	for (uint32_t i = 2; i <= 10; i++) {
		sack(1, 1001, 1 + i * 1000);
		while (peer_take(&p)) {
			sent++;
			again += p.out.seq.n == 1;
		}
	}
	assert_int_equal(again, 1);
	assert_int_equal(status().ssthresh, 5000);
	assert_in_range(sent, 4, 6);
	/* Two new ones had left with the first SACK, before it was a loss. */
	ack(12001);
	assert_int_equal(status().cwnd, 5000);
}

/* 6.2: whatever the window was meanwhile, it ends at ssthresh. */
static void prr__ends_early__window_is_ssthresh(void **state)
{
	(void)state;
	establish_with_sack();
	send_octets(10000);
	assert_int_equal(peer_drain(&p), 10);
	peer_wait(&p, RTT);
	sack(1, 1001, 4001);
	assert_int_equal(peer_drain(&p), 1);
	assert_true(status().cwnd > 5000);
	ack(10001);
	assert_int_equal(status().cwnd, 5000);
}

/* Beyond SND.NXT, or turned round: such blocks are no news. */
static void sack__impossible_blocks__are_ignored(void **state)
{
	(void)state;
	establish_with_sack();
	send_octets(5000);
	assert_int_equal(peer_drain(&p), 5);
	peer_wait(&p, RTT);
	for (int i = 0; i < 4; i++) {
		sack(1, 1001, 9001);
		sack(1, 3001, 1001);
	}
	assert_false(peer_take(&p));
	assert_int_equal(reftcp_counters(p.stack)->fast_recoveries, 0);
}

/* RFC 3708: the retransmission was for nothing, and the window comes back. */
static void undo__dsack_of_the_retransmission__restores_the_window(void **state)
{
	uint32_t before;

	(void)state;
	establish_with_sack();
	send_octets(8000);
	assert_int_equal(peer_drain(&p), 8);
	peer_wait(&p, RTT);
	before = status().cwnd;
	sack(1, 1001, 4001);
	assert_int_equal(peer_drain(&p), 1);
	assert_true(status().ssthresh < before);
	/* The first had only been late; then its copy arrives too. */
	ack(4001);
	sack2(4001, 1, 1001, 0, 0);
	assert_int_equal(reftcp_counters(p.stack)->spurious_recoveries, 1);
	assert_true(status().cwnd >= before);
	assert_true(status().ssthresh > 1000000);
}

/* 6.2 step 4: once reordering was seen, time is given even to three SACKed segments. */
static void rack__reordering_seen__waits_before_it_calls_a_loss(void **state)
{
	(void)state;
	establish_with_sack();
	send_octets(4000);
	assert_int_equal(peer_drain(&p), 4);
	peer_wait(&p, RTT);
	sack(1, 1001, 2001);
	assert_false(peer_take(&p));
	ack(4001); /* the first was only late */
	send_octets(8000);
	assert_int_equal(peer_drain(&p), 8);
	peer_wait(&p, RTT);
	sack(4001, 5001, 9001);
	assert_false(peer_take(&p));
	peer_wait(&p, RTT / 4 + 5 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 4001);
	assert_int_equal(status().retransmits, 1);
}

/* 7.2: a single segment may be waiting for a delayed ACK. */
static void probe__single_segment__waits_for_a_delayed_ack(void **state)
{
	(void)state;
	establish_with_sack();
	send_octets(10);
	assert_int_equal(peer_drain(&p), 1);
	peer_wait(&p, 2 * RTT + 195 * REFTCP_MS);
	assert_false(peer_take(&p));
	peer_wait(&p, 10 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_int_equal(reftcp_counters(p.stack)->tail_loss_probes, 1);
}

/* 7.4.2: the probe's answer alone says nothing, the next ACK that it mended a loss. */
static void probe__mended_a_loss__window_is_reduced(void **state)
{
	uint32_t before;

	(void)state;
	establish_with_sack();
	send_octets(3000);
	assert_int_equal(peer_drain(&p), 3);
	peer_wait(&p, 2 * RTT + 5 * REFTCP_MS);
	assert_int_equal(peer_drain(&p), 1);
	before = status().cwnd;
	ack(3001);
	assert_int_equal(status().cwnd, before);
	send_octets(1000);
	assert_int_equal(peer_drain(&p), 1);
	ack(4001);
	assert_true(status().cwnd < before);
}

static void probe__was_not_needed__window_stays(void **state)
{
	uint32_t before;

	(void)state;
	establish_with_sack();
	send_octets(3000);
	assert_int_equal(peer_drain(&p), 3);
	peer_wait(&p, 2 * RTT + 5 * REFTCP_MS);
	assert_int_equal(peer_drain(&p), 1);
	before = status().cwnd;
	ack(3001);
	sack2(3001, 2001, 3001, 0, 0); /* both copies came */
	send_octets(1000);
	assert_int_equal(peer_drain(&p), 1);
	ack(4001);
	assert_true(status().cwnd >= before);
}

/* RFC 8985 7.3: a probe that was a retransmission gave no measurement; until there is one the
 * timer alone looks after the tail. */
static void probe__no_measurement_since__is_not_sent_again(void **state)
{
	(void)state;
	establish_with_sack();
	for (uint32_t i = 0; i < 2; i++) {
		send_octets(1000);
		assert_int_equal(peer_drain(&p), 1);
		peer_wait(&p, 2 * RTT + 220 * REFTCP_MS);
		assert_int_equal(peer_drain(&p), i == 0);
		assert_int_equal(reftcp_counters(p.stack)->tail_loss_probes, 1);
		if (i == 0)
			sack(1001, 1, 1001); /* both copies came: nothing was lost */
	}
	peer_wait(&p, REFTCP_S);
	assert_int_equal(peer_drain(&p), 1); /* the timer */
	ack(2001);
	/* Measured: and there is a probe again. */
	send_octets(1000);
	assert_int_equal(peer_drain(&p), 1);
	peer_wait(&p, RTT);
	ack(3001);
	send_octets(1000);
	assert_int_equal(peer_drain(&p), 1);
	peer_wait(&p, 2 * RTT + 220 * REFTCP_MS);
	assert_int_equal(peer_drain(&p), 1);
	assert_int_equal(reftcp_counters(p.stack)->tail_loss_probes, 2);
}

/* 6.2 step 1: the least round trip is the least of the last minutes, so that a path that has become
 * longer is known as such. */
static void rack__longer_path__is_the_least_after_a_while(void **state)
{
	struct tcb *c;
	uint32_t n = 1;

	(void)state;
	establish_with_sack();
	c = tcb_find(p.stack, p.id);
	for (int i = 0; i < 40; i++) {
		send_octets(10);
		assert_true(peer_take(&p));
		p.now += i ? 300 * REFTCP_MS : RTT;
		n += 10;
		ack(n);
		peer_drain(&p);
		assert_true(c->rack.min_rtt == (i < 31 ? RTT : 300 * REFTCP_MS));
		peer_wait(&p, 10 * REFTCP_S - 300 * REFTCP_MS);
		peer_drain(&p);
	}
}

/* RFC 2018 8: SACKed once, and then not: it is sent again after the timeout all the same. */
static void timeout__peer_reneged__sends_what_was_sacked(void **state)
{
	uint32_t seen = 0;

	(void)state;
	establish_with_sack();
	send_octets(3000);
	assert_int_equal(peer_drain(&p), 3);
	sack(1, 1001, 3001);
	peer_drain(&p);
	ack(1001); /* the hole is filled, and the rest forgotten */
	for (int i = 0; i < 20; i++) {
		peer_wait(&p, 200 * REFTCP_MS);
		while (peer_take(&p))
			seen |= p.out.seq.n == 1001;
	}
	assert_true(seen);
}

/* ---- F-RTO, RFC 5682 ---- */

static void time_out_with_four_out(void)
{
	establish();
	send_octets(4000);
	assert_int_equal(peer_drain(&p), 4);
	peer_wait(&p, 1100 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	assert_false(peer_take(&p));
	assert_int_equal(status().cwnd, 1000);
	send_octets(8000);
	assert_false(peer_take(&p));
	ack(1001);
	/* (2b): two new ones, none of the old. */
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(peer_take(&p));
		assert_int_equal(p.out.seq.n, 4001 + i * 1000);
	}
	assert_false(peer_take(&p));
}

/* The ACKs had only been late: the window is what it was. */
static void frto__second_ack_goes_on__nothing_was_lost(void **state)
{
	(void)state;
	time_out_with_four_out();
	ack(2001);
	assert_int_equal(reftcp_counters(p.stack)->spurious_recoveries, 1);
	assert_true(status().cwnd >= 10000);
	assert_true(status().ssthresh > 1000000);
	assert_int_equal(status().retransmits, 1);
}

static void frto__second_ack_is_a_duplicate__sends_the_old_again(void **state)
{
	(void)state;
	time_out_with_four_out();
	ack(1001);
	assert_int_equal(reftcp_counters(p.stack)->spurious_recoveries, 0);
	assert_int_equal(status().cwnd, 3000);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1001);
	assert_int_equal(status().ssthresh, 2000);
}

static void frto__first_ack_is_a_duplicate__sends_the_old_again(void **state)
{
	(void)state;
	establish();
	send_octets(4000);
	assert_int_equal(peer_drain(&p), 4);
	peer_wait(&p, 1100 * REFTCP_MS);
	assert_int_equal(peer_drain(&p), 1);
	send_octets(4000);
	ack(1);
	assert_false(peer_take(&p)); /* cwnd is one, and one is out */
	ack(1001);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1001);
}

/* RFC 3168 6.1.2: CWR after a loss as well, on the first new data. */
static void ecn__loss__is_told_by_cwr(void **state)
{
	(void)state;
	p.config.ecn = true;
	peer_start(&p);
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN | CTL_ECE | CTL_CWR, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	ack(1);
	send_octets(3000);
	for (int i = 0; i < 2; i++) {
		assert_true(peer_take(&p));
		assert_false(p.out.ctl & CTL_CWR);
	}
	peer_drain(&p);
	peer_wait(&p, 1100 * REFTCP_MS);
	assert_true(peer_take(&p)); /* again: neither ECT nor CWR */
	assert_int_equal(p.out.ecn, ECN_NOT_ECT);
	assert_false(p.out.ctl & CTL_CWR);
	ack(3001);
	send_octets(1000);
	assert_true(peer_take(&p));
	assert_true(p.out.ctl & CTL_CWR);
	assert_int_equal(p.out.ecn, ECN_ECT_0);
}

/* ---- CUBIC ---- */

/* RFC 9438 4.4: never more than half as much again in a round trip. */
static void cubic__far_below_w_max__grows_by_half_at_most(void **state)
{
	struct tcb c = {.send_mss = 1000, .path_mtu = 1500, .ssthresh = 10000, .cwnd = 10000};

	(void)state;
	c.local.addr.family = 4;
	c.cubic.w_max = 5000000;
	c.cubic.cwnd_prior = 5000000;
	c.rtt.srtt = 20 * REFTCP_S; /* a curve that asks for far more */
	congestion_cubic.on_ack(&c, 1000, REFTCP_S);
	for (uint32_t acked = 0; acked < 9000; acked += 1000)
		congestion_cubic.on_ack(&c, 1000, REFTCP_S);
	assert_in_range(c.cwnd, 12000, 16500);
}

/* 4.2, 5.8: a pause of the user's does not carry the window up the curve. */
static void cubic__user_pauses__curve_waits(void **state)
{
	struct tcb c[2];

	(void)state;
	for (int pauses = 0; pauses < 2; pauses++) {
		reftcp_time now = 100 * REFTCP_S;

		c[pauses] = (struct tcb){.send_mss = 1000,
					 .path_mtu = 1500,
					 .ssthresh = 70000,
					 .cwnd = 70000,
					 .cubic = {.w_max = 100000, .cwnd_prior = 100000}};
		c[pauses].local.addr.family = 4;
		c[pauses].rtt.srtt = 100 * REFTCP_MS;
		for (int i = 0; i < 20; i++, now += 100 * REFTCP_MS) {
			if (pauses && i == 10) {
				congestion_cubic.on_pause(&c[pauses]);
				now += 30 * REFTCP_S;
			}
			for (int k = 0; k < 35; k++)
				congestion_cubic.on_ack(&c[pauses], 2000, now);
		}
	}
	/* Some growth there is in both, and the half minute made none of it. */
	assert_true(c[0].cwnd > 75000);
	assert_in_range(c[1].cwnd, c[0].cwnd - 2500, c[0].cwnd);
}

/* 4.8: after a timeout the curve begins at its plateau. */
static void cubic__after_a_timeout__is_at_its_plateau(void **state)
{
	struct tcb c = {.send_mss = 1000, .path_mtu = 1500, .cwnd = 100000, .phase = PHASE_LOSS};

	(void)state;
	c.local.addr.family = 4;
	c.rtt.srtt = 100 * REFTCP_MS;
	c.snd.nxt = seq_of(100000);
	c.ssthresh = congestion_cubic.on_loss(&c, REFTCP_S);
	assert_int_equal(c.ssthresh, 70000);
	c.cwnd = 70000; /* slow start is over */
	c.phase = PHASE_OPEN;
	congestion_cubic.on_ack(&c, 1000, 2 * REFTCP_S);
	assert_int_equal(c.cubic.w_max, 70000);
	assert_int_equal(c.cubic.k, 0);
	assert_in_range(c.cubic.w_est, 70000, 70010);
	/* The next loss is one as any other. */
	c.ssthresh = congestion_cubic.on_loss(&c, 3 * REFTCP_S);
	c.cwnd = c.ssthresh;
	congestion_cubic.on_ack(&c, 1000, 3 * REFTCP_S);
	assert_in_range(c.cubic.w_max, 70000, 70100);
	assert_true(c.cubic.k > REFTCP_S);
}

/* ---- the pool of queue entries ---- */

/* One connection cannot take the entry another needs for its SYN. */
static void pool__no_spare_entries__everybody_has_one(void **state)
{
	struct reftcp_open args = {.active = true, .remote = p.theirs};
	reftcp_id id;

	(void)state;
	p.config.segments = 0;
	establish();
	send_octets(3000);
	assert_int_equal(peer_drain(&p), 1);
	assert_true(reftcp_counters(p.stack)->no_segment > 0);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), 0);
		assert_true(peer_take(&p));
		assert_true(p.out.ctl & CTL_SYN);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(backoff__sent_again_then_new_data__ends_with_the_new),
		T(backoff__timestamp_of_the_last_copy__is_a_sample),
		T(r1__ack_in_between__counts_anew),
		T(idle__longer_than_an_rto__starts_over),
		T(timeout__window_shrunk__only_the_front_goes),
		T(limited_transmit__first_two_duplicates__send_one_each),
		T(recovery__retransmission_lost__halves_again),
		T(probe__no_measurement_since__is_not_sent_again),
		T(rack__longer_path__is_the_least_after_a_while),
		T(cubic__user_pauses__curve_waits),
		T(cubic__after_a_timeout__is_at_its_plateau),
		T(prr__one_loss__sends_in_proportion),
		T(prr__ends_early__window_is_ssthresh),
		T(sack__impossible_blocks__are_ignored),
		T(undo__dsack_of_the_retransmission__restores_the_window),
		T(rack__reordering_seen__waits_before_it_calls_a_loss),
		T(probe__single_segment__waits_for_a_delayed_ack),
		T(probe__mended_a_loss__window_is_reduced),
		T(probe__was_not_needed__window_stays),
		T(timeout__peer_reneged__sends_what_was_sacked),
		T(frto__second_ack_goes_on__nothing_was_lost),
		T(frto__second_ack_is_a_duplicate__sends_the_old_again),
		T(frto__first_ack_is_a_duplicate__sends_the_old_again),
		T(ecn__loss__is_told_by_cwr),
		T(cubic__far_below_w_max__grows_by_half_at_most),
		T(pool__no_spare_entries__everybody_has_one),
	};

	return cmocka_run_group_tests_name("reftcp_recovery", tests, NULL, NULL);
}
