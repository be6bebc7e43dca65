/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of the personality table about what is sent and when; see rules_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/rack.h"
#include "reftcp/rto.h"
#include "reftcp/rule_case.h"

/* Four full segments with no end of a SEND among them, two of which leave together. */
static void push_bursts__end_with_the_bit(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		unsigned int pushes = 0;
		size_t n;

		p.syn_opt = (struct tcpopt){.has = TCPOPT_MSS, .mss = 500};
		peer_reach(&p, REFTCP_ESTABLISHED);
		assert_int_equal(reftcp_send(p.stack, p.id, text, 2000, REFTCP_MORE, p.now, &n), 0);
		for (int i = 0; i < 3; i++) {
			assert_true(peer_take(&p));
			pushes += !!(p.out.ctl & CTL_PSH);
		}
		assert_true(peer_take(&p));
		assert_int_equal(pushes > 0 || p.out.ctl & CTL_PSH, true);
		/* Where the queue ends, or at the end of a SEND that said that no more follows. */
		assert_int_equal(reftcp_send(p.stack, p.id, text, 500, REFTCP_MORE, p.now, &n), 0);
		assert_true(peer_take(&p));
		assert_int_equal(!(p.out.ctl & CTL_PSH), rule("push_bursts"));
	}
}

static void give(size_t len, unsigned int flags)
{
	size_t n;

	assert_int_equal(reftcp_send(p.stack, p.id, text, len, flags, p.now, &n), 0);
	assert_int_equal(n, len);
}

/* Thirty segments of an octet each: as many as fit the window by octets, or ten. */
static void window_in_segments__of_any_size(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		unsigned int left = 0;

		peer_reach(&p, REFTCP_ESTABLISHED);
		set(REFTCP_OPT_NAGLE, 0);
		for (int i = 0; i < 30; i++) {
			give(1, 0);
			left += peer_take(&p);
		}
		assert_int_equal(left, rule("window_in_segments") ? 10 : 30);
	}
}

static struct tcb *only_tcb(void)
{
	return &p.stack->tcbs[(uint32_t)p.id];
}

static void sack_segments(uint32_t from, uint32_t to, uint32_t mss)
{
	struct tcpopt opt = {.has = TCPOPT_SACK, .sacks = 1};

	opt.sack[0].left = seq_of(p.iss + 1 + from * mss);
	opt.sack[0].right = seq_of(p.iss + 1 + to * mss);
	peer_send_full(&p, CTL_ACK, 1, 1, PEER_WINDOW, &opt, 0, NULL, 0);
}

/* Six segments in a window of ten, three of them arrive and the first does not. */
static void reduction_from_window__or_from_the_flight(void **state)
{
	(void)state;
	EACH_PERSONALITY(with_sack)
	{
		uint32_t mss, cwnd;

		p.syn_opt = (struct tcpopt){.has = TCPOPT_MSS | TCPOPT_SACK_OK, .mss = 500};
		peer_reach(&p, REFTCP_ESTABLISHED);
		mss = status().mss;
		cwnd = status().cwnd;
		give(6 * mss, 0);
		peer_drain(&p);
		sack_segments(1, 4, mss);
		assert_int_equal(status().phase, REFTCP_PHASE_RECOVERY);
		assert_int_equal(only_tcb()->prr_flight,
				 rule("reduction_from_window") ? cwnd : 6 * mss);
	}
}

static void ecn_in_proportion__or_at_once(void **state)
{
	(void)state;
	EACH_PERSONALITY(with_ecn)
	{
		uint32_t mss;

		p.syn_opt = (struct tcpopt){.has = TCPOPT_MSS, .mss = 500};
		assert_int_equal(
			reftcp_open(p.stack, &(struct reftcp_open){.local = p.ours}, p.now, &p.id),
			0);
		peer_send(&p, CTL_SYN | CTL_ECE | CTL_CWR, 0, 0, NULL, 0);
		assert_true(peer_take(&p));
		peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
		mss = status().mss;
		give(10 * mss > sizeof(text) ? sizeof(text) : 10 * mss, 0);
		peer_drain(&p);
		peer_send(&p, CTL_ACK | CTL_ECE, 1, 1 + mss, NULL, 0);
		assert_int_equal(status().phase, REFTCP_PHASE_REDUCED);
		assert_int_equal(status().cwnd != status().ssthresh, rule("ecn_in_proportion"));
	}
}

/* Two segments of one flight, the second after twice the time. */
static void rtt_every_ack__or_once_a_round_trip(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		reftcp_time first;

		peer_reach(&p, REFTCP_ESTABLISHED);
		set(REFTCP_OPT_NAGLE, 0);
		give(10, 0);
		peer_drain(&p);
		p.now += 50 * REFTCP_MS;
		give(10, 0);
		peer_drain(&p);
		p.now += 50 * REFTCP_MS;
		peer_send(&p, CTL_ACK, 1, 11, NULL, 0);
		first = status().srtt;
		p.now += 150 * REFTCP_MS;
		peer_send(&p, CTL_ACK, 1, 21, NULL, 0);
		assert_int_equal(status().srtt != first, rule("rtt_every_ack"));
	}
}

/* A path of 2 s that never varies. */
static uint32_t steady_path(void)
{
	uint32_t una = 1;

	p.syn_opt.has |= TCPOPT_SACK_OK;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (int i = 0; i < 60; i++) {
		give(10, 0);
		peer_drain(&p);
		p.now += 2 * REFTCP_S;
		una += 10;
		peer_send(&p, CTL_ACK, 1, una, NULL, 0);
	}
	return una;
}

static void rto_variation_min__over_srtt(void **state)
{
	(void)state;
	EACH_PERSONALITY(with_sack)
	{
		reftcp_time least = (reftcp_time)rule("rto_variation_min");

		steady_path();
		assert_in_range(status().rto - status().srtt, least, least + 20 * REFTCP_MS);
	}
}

/* Twice the round trip is later than the RTO here. */
static void probe_for_rto__or_the_rto(void **state)
{
	(void)state;
	EACH_PERSONALITY(with_sack)
	{
		steady_path();
		give(10, 0);
		peer_drain(&p);
		assert_int_equal(peer_count(&p, 2500 * REFTCP_MS), 1);
		assert_int_equal(reftcp_counters(p.stack)->tail_loss_probes, rule("probe_for_rto"));
		assert_int_equal(reftcp_counters(p.stack)->rto_expired, !rule("probe_for_rto"));
	}
}

static void nagle_small_only__waits_behind_small_ones(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		peer_reach(&p, REFTCP_ESTABLISHED);
		give(status().mss + 10, 0);
		assert_int_equal(peer_drain(&p), rule("nagle_small_only") ? 2 : 1);
		give(10, 0);
		assert_int_equal(peer_drain(&p), 0);
	}
}

static void override__ends_the_wait(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		reftcp_time most = (reftcp_time)rule("override");

		peer_reach(&p, REFTCP_ESTABLISHED);
		set(REFTCP_OPT_CORK, 1);
		give(10, 0);
		assert_after(most ? most : status().rto);
		assert_int_equal(p.out.text_len, 10);
	}
}

/* The SYN is sent again once, or twice, and then answered. */
static void lost_syns__make_the_window_one_segment(void **state)
{
	(void)state;
	for (int lost = 1; lost <= 2; lost++) {
		EACH_PERSONALITY(NULL)
		{
			peer_reach(&p, REFTCP_SYN_SENT);
			for (int i = 0; i < lost; i++)
				assert_int_equal(peer_count(&p, status().rto + 20 * REFTCP_MS), 1);
			peer_send(&p, CTL_SYN | CTL_ACK, 0, 1, NULL, 0);
			assert_int_equal(status().state, REFTCP_ESTABLISHED);
			assert_int_equal(status().cwnd == status().mss, lost >= rule("lost_syns"));
		}
	}
}

/* The first of three segments is sent again 100 ms after, and an ACK tells of it and of the second,
 * which was sent once and before. */
static void rack_rtt_told_last__or_of_the_segment_sent_last(void **state)
{
	(void)state;
	EACH_PERSONALITY(with_sack)
	{
		reftcp_time sent, again;
		uint32_t mss;

		p.syn_opt = (struct tcpopt){.has = TCPOPT_MSS | TCPOPT_SACK_OK, .mss = 500};
		peer_reach(&p, REFTCP_ESTABLISHED);
		mss = status().mss;
		give(5 * mss, 0);
		peer_drain(&p);
		sent = p.now;
		p.now += 100 * REFTCP_MS;
		sack_segments(2, 5, mss);
		again = p.now;
		assert_true(peer_take(&p));
		assert_int_equal(p.out.seq.n, 1);
		p.now += 150 * REFTCP_MS;
		peer_send(&p, CTL_ACK, 1, 1 + 5 * mss, NULL, 0);
		assert_int_equal(only_tcb()->rack.rtt,
				 p.now - (rule("rack_rtt_told_last") ? sent : again));
	}
}

/* RFC 9293 3.8.6.1: what asks for the window again, three times, ever more seldom. */
static void probe_old__or_an_octet_of_new_text(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		bool old = rule("probe_old");
		reftcp_time last = 0, gap = 0;

		peer_reach(&p, REFTCP_ESTABLISHED);
		peer_send_full(&p, CTL_ACK, 1, 1, 0, NULL, 0, NULL, 0);
		give(10, 0);
		assert_int_equal(peer_drain(&p), 0);
		for (int i = 0; i < 3; i++) {
			reftcp_time began = p.now;

			while (!peer_take(&p) && p.now - began < 20 * REFTCP_S)
				peer_wait(&p, REFTCP_MS);
			assert_int_equal(p.out.text_len, old ? 0 : 1);
			assert_int_equal(p.out.seq.n, old ? 0 : 1);
			if (i)
				assert_true(p.now - last > gap + gap / 2);
			gap = i ? p.now - last : 0;
			last = p.now;
			peer_send_full(&p, CTL_ACK, 1, 1, 0, NULL, 0, NULL, 0);
			peer_drain(&p);
		}
		peer_send_full(&p, CTL_ACK, 1, 1, PEER_WINDOW, NULL, 0, NULL, 0);
		set(REFTCP_OPT_NAGLE, 0);
		while (peer_take(&p))
			last = p.out.seq.n + p.out.text_len;
		assert_int_equal(last, 11);
	}
}

/* A loss that the tail loss probe mended reduces as an ECN mark does; the ACKs after it go on. */
static void ecn_in_proportion__after_a_probe_that_mended(void **state)
{
	(void)state;
	EACH_PERSONALITY(with_sack)
	{
		uint32_t una = steady_path();

		set(REFTCP_OPT_NAGLE, 0);
		give(10, 0);
		peer_drain(&p);
		only_tcb()->rtt.rto =
			20 * REFTCP_S; /* so that the probe comes first by either rule */
		rto_restart(p.stack, only_tcb(), p.now);
		rack_arm_probe(p.stack, only_tcb(), p.now);
		assert_int_equal(peer_count(&p, 5 * REFTCP_S), 1);
		assert_int_equal(reftcp_counters(p.stack)->tail_loss_probes, 1);
		for (int i = 0; i < 8; i++) { /* and the probe makes ten */
			give(10, 0);
			assert_int_equal(peer_drain(&p), 1);
		}
		peer_send(&p, CTL_ACK, 1, una + 11, NULL, 0);
		assert_int_equal(status().phase, REFTCP_PHASE_REDUCED);
		peer_send(&p, CTL_ACK, 1, una + 90, NULL, 0);
		give(10, 0);
		peer_drain(&p);
		peer_send(&p, CTL_ACK, 1, una + 100, NULL, 0);
		assert_int_equal(status().phase, REFTCP_PHASE_OPEN);
	}
}

static void table__rows_of_sending__were_provoked(void **state)
{
	struct reftcp_rule r;

	(void)state;
	for (size_t i = 0; reftcp_rule_at(REFTCP_LINUX, i, &r) == 0; i++)
		if (of_sending(r.name) && !seen[i])
			fail_msg("no test provoked '%s'", r.name);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(window_in_segments__of_any_size),
		T(reduction_from_window__or_from_the_flight),
		T(ecn_in_proportion__or_at_once),
		T(rtt_every_ack__or_once_a_round_trip),
		T(rto_variation_min__over_srtt),
		T(probe_for_rto__or_the_rto),
		T(nagle_small_only__waits_behind_small_ones),
		T(override__ends_the_wait),
		T(push_bursts__end_with_the_bit),
		T(rack_rtt_told_last__or_of_the_segment_sent_last),
		T(lost_syns__make_the_window_one_segment),
		T(probe_old__or_an_octet_of_new_text),
		T(ecn_in_proportion__after_a_probe_that_mended),
		T(table__rows_of_sending__were_provoked),
	};

	return cmocka_run_group_tests_name("reftcp_rules_sending", tests, NULL, NULL);
}
