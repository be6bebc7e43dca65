/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every row of the personality table, provoked under each: the cases are named after the row,
 * and the last one fails if a row has none. What a row says must be what is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <glob.h>

#include "duel/compare.h"
#include "duel/subject.h"
#include "reftcp/rule_case.h"

static void time_wait__lasts_so_long(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		peer_reach(&p, REFTCP_TIME_WAIT);
		peer_wait(&p, (reftcp_time)rule("time_wait") - 5 * REFTCP_MS);
		assert_int_equal(status().state, REFTCP_TIME_WAIT);
		peer_wait(&p, 10 * REFTCP_MS);
		assert_int_equal(status().state, REFTCP_CLOSED);
	}
}

static void time_wait_reset_taken__or_ignored(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		peer_reach(&p, REFTCP_TIME_WAIT);
		peer_send(&p, CTL_RST, 2, 0, NULL, 0);
		assert_int_equal(status().state == REFTCP_CLOSED, rule("time_wait_reset_taken"));
	}
}

static void time_wait_isn_step__sets_the_next_isn(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		struct reftcp_open args = {.local = p.ours, .backlog = 1};
		int64_t step = rule("time_wait_isn_step");
		uint32_t old_nxt;

		peer_reach(&p, REFTCP_TIME_WAIT);
		old_nxt = status().snd_nxt;
		assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
		p.now += REFTCP_S;
		peer_send(&p, CTL_SYN, 100, 0, NULL, 0);
		assert_true(peer_take(&p));
		assert_true(seq_gt(seq_of(p.iss), seq_of(old_nxt)));
		assert_int_equal(p.iss - old_nxt == 65537, step == 65537);
	}
}

static void fin_wait_2__of_an_orphan_ends_or_not(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		int64_t t = rule("fin_wait_2");

		peer_reach(&p, REFTCP_FIN_WAIT_2);
		assert_int_equal(reftcp_release(p.stack, p.id, p.now), 0);
		p.path_len = 0;
		peer_wait(&p, t ? (reftcp_time)t - 5 * REFTCP_MS : 86400 * REFTCP_S);
		assert_int_equal(p.path_len, 0);
		peer_wait(&p, 10 * REFTCP_MS);
		assert_int_equal(p.path_len, t ? 1 : 0);
	}
}

static void ack_unsent_challenged__counts_or_not(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		peer_reach(&p, REFTCP_ESTABLISHED);
		peer_send(&p, CTL_ACK, 1, 9, NULL, 0);
		assert_int_equal(peer_drain(&p), 1);
		assert_int_equal(reftcp_counters(p.stack)->challenge_acks,
				 rule("ack_unsent_challenged"));
	}
}

static void challenge_ack_interval__between_two(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		reftcp_time least = (reftcp_time)rule("challenge_ack_interval");

		peer_reach(&p, REFTCP_ESTABLISHED);
		for (int i = 0; i < 2; i++) {
			peer_send(&p, CTL_RST, 2, 0, NULL, 0);
			assert_int_equal(peer_drain(&p), 1);
			p.now += least ? least - REFTCP_MS : 0;
			peer_send(&p, CTL_RST, 2, 0, NULL, 0);
			assert_int_equal(peer_drain(&p), least ? 0 : 1);
			p.now += REFTCP_MS;
		}
	}
}

/* RCV.NXT - 1 behind a FIN, and the right edge of the highest block that was SACKed. */
static void reset_edge__taken_or_not(void **state)
{
	(void)state;
	EACH_PERSONALITY(with_sack)
	{
		peer_reach(&p, REFTCP_CLOSE_WAIT);
		peer_send(&p, CTL_RST, 1, 0, NULL, 0);
		assert_int_equal(status().state == REFTCP_CLOSED, rule("reset_edge"));
	}
	EACH_PERSONALITY(with_sack)
	{
		p.syn_opt.has |= TCPOPT_SACK_OK;
		peer_reach(&p, REFTCP_ESTABLISHED);
		peer_send(&p, CTL_ACK, 11, 1, "later", 5);
		peer_send(&p, CTL_ACK, 31, 1, "last", 4);
		peer_send(&p, CTL_RST, 16, 0, NULL, 0);
		assert_int_equal(status().state, REFTCP_ESTABLISHED);
		peer_send(&p, CTL_RST, 35, 0, NULL, 0);
		assert_int_equal(status().state == REFTCP_CLOSED, rule("reset_edge"));
	}
}

static void duplicate_ack_interval__between_two_answers(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		reftcp_time least = (reftcp_time)rule("duplicate_ack_interval");

		peer_reach(&p, REFTCP_ESTABLISHED);
		for (int i = 0; i < 2; i++) {
			peer_send(&p, CTL_ACK, 30000, 1, NULL, 0);
			assert_int_equal(peer_drain(&p), 1);
			p.now += least ? least - REFTCP_MS : 0;
			peer_send(&p, CTL_ACK, 30000, 1, NULL, 0);
			assert_int_equal(peer_drain(&p), least ? 0 : 1);
			p.now += REFTCP_MS;
		}
	}
}

static void challenge_ack_limit__in_a_second(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		unsigned int answered = 0;
		int64_t limit = rule("challenge_ack_limit");

		/* Each connection has a limit of its own where the stack's is out of reach. */
		peer_reach(&p, REFTCP_ESTABLISHED);
		if (limit > 2000)
			continue;
		for (int i = 0; i < 2000; i++) {
			peer_send(&p, CTL_RST, 2, 0, NULL, 0);
			answered += peer_drain(&p);
		}
		assert_int_equal(answered, limit);
	}
}

static void keepalive_reset__sent_or_not(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		bool reset = false;

		peer_reach(&p, REFTCP_ESTABLISHED);
		set(REFTCP_OPT_KEEPALIVE_IDLE, 10 * REFTCP_S);
		set(REFTCP_OPT_KEEPALIVE_INTERVAL, REFTCP_S);
		set(REFTCP_OPT_KEEPALIVE_COUNT, 2);
		set(REFTCP_OPT_KEEPALIVE, 1);
		for (int i = 0; i < 20; i++) {
			peer_wait(&p, REFTCP_S);
			while (peer_take(&p))
				reset = reset || p.out.ctl & CTL_RST;
		}
		assert_int_equal(status().state, REFTCP_CLOSED);
		assert_int_equal(reset, rule("keepalive_reset"));
	}
}

/* A path of no delay at all, and a peer that never answers. */
static void rto_min__and_rto_max(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		size_t n;

		peer_reach(&p, REFTCP_ESTABLISHED);
		assert_int_equal(status().rto, rule("rto_min"));
		set(REFTCP_OPT_USER_TIMEOUT, 100000 * REFTCP_S);
		assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &n), 0);
		peer_count(&p, 2000 * REFTCP_S);
		assert_int_equal(status().rto, rule("rto_max"));
	}
}

static void delayed_ack__waits_so_long(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		uint32_t quick = (uint32_t)rule("quick_acks");

		peer_reach(&p, REFTCP_ESTABLISHED);
		for (uint32_t i = 0; i < quick; i++) {
			peer_send(&p, CTL_ACK, 1 + i, 1, "x", 1);
			assert_int_equal(peer_drain(&p), 1);
		}
		peer_send(&p, CTL_ACK, 1 + quick, 1, "x", 1);
		assert_after((reftcp_time)rule("delayed_ack"));
	}
}

/* Past the quick ACKs, with nothing that waits to be acknowledged; the peer's next octet. */
static uint32_t past_quick_acks(uint32_t len)
{
	uint32_t seq = 1;

	peer_reach(&p, REFTCP_ESTABLISHED);
	for (int64_t i = 0; i < rule("quick_acks"); i++, seq += len) {
		struct reftcp_received got;
		char buf[sizeof(text)];

		peer_send(&p, CTL_ACK | CTL_PSH, seq, 1, text, len);
		reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got);
		peer_drain(&p);
	}
	/* Long enough for an ACK that was delayed, too short to be a pause. */
	peer_wait(&p, 150 * REFTCP_MS);
	peer_drain(&p);
	return seq;
}

/* 700 octets: more than what is taken for a full segment before one was seen, or less. */
static void full_segment_guess__is_what_is_acknowledged_at_once(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		uint32_t guess = (uint32_t)rule("full_segment_guess");
		uint32_t seq = past_quick_acks(100);

		assert_int_equal(status().rcv_mss, guess ? guess : 0);
		peer_send(&p, CTL_ACK, seq, 1, text, 700);
		assert_int_equal(status().rcv_mss, 700);
		peer_drain(&p);
	}
}

static void ack_over_one__full_segment_or_two(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		uint32_t seq = past_quick_acks(1000);

		if (seq == 1) {
			peer_send(&p, CTL_ACK, seq, 1, text, 1000);
			peer_wait(&p, REFTCP_S);
			peer_drain(&p);
			seq += 1000;
		}
		peer_send(&p, CTL_ACK, seq, 1, text, 1000);
		assert_int_equal(peer_drain(&p), 0);
		peer_send(&p, CTL_ACK, seq + 1000, 1, text, 500);
		assert_int_equal(peer_drain(&p), rule("ack_over_one"));
	}
}

static void ack_after_read__of_a_pushed_segment(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		uint32_t seq = past_quick_acks(100);
		struct reftcp_received got;
		char buf[200];

		peer_send(&p, CTL_ACK | CTL_PSH, seq, 1, text, 100);
		assert_int_equal(peer_drain(&p), 0);
		assert_int_equal(reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got), 0);
		assert_int_equal(peer_drain(&p), rule("ack_after_read"));
	}
}

static void syn_ack_echo_checked__or_taken(void **state)
{
	(void)state;
	EACH_PERSONALITY(with_timestamps)
	{
		struct tcpopt opt = {.has = TCPOPT_MSS | TCPOPT_TS, .mss = 536, .ts_val = 1};
		bool checked = rule("syn_ack_echo_checked");

		peer_reach(&p, REFTCP_SYN_SENT);
		opt.ts_ecr = p.out.opt.ts_val + 5000;
		peer_send_full(&p, CTL_SYN | CTL_ACK, 0, 1, PEER_WINDOW, &opt, 0, NULL, 0);
		assert_int_equal(status().state, checked ? REFTCP_SYN_SENT : REFTCP_ESTABLISHED);
		assert_true(peer_take(&p));
		assert_int_equal(p.out.ctl, checked ? CTL_RST : CTL_ACK);
		opt.ts_ecr -= 5000;
		peer_send_full(&p, CTL_SYN | CTL_ACK, 0, 1, PEER_WINDOW, &opt, 0, NULL, 0);
		assert_int_equal(status().state, REFTCP_ESTABLISHED);
	}
}

static void reset_ack__is_in_it_or_not(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		peer_reach(&p, REFTCP_ESTABLISHED);
		assert_int_equal(reftcp_abort(p.stack, p.id, p.now), 0);
		assert_true(peer_take(&p));
		assert_int_equal(p.out.ctl, rule("reset_ack") ? CTL_RST | CTL_ACK : CTL_RST);
		assert_int_equal(p.out.seq.n, 1);
	}
}

static void reset_keeps_text__for_the_user(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		struct reftcp_received got = {0};
		char buf[10];
		int kept;

		peer_reach(&p, REFTCP_ESTABLISHED);
		peer_send(&p, CTL_ACK, 1, 1, "text", 4);
		peer_send(&p, CTL_RST, 5, 0, NULL, 0);
		kept = reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got) == 0;
		assert_int_equal(kept, rule("reset_keeps_text"));
		assert_int_equal(got.len, kept ? 4 : 0);
		assert_int_equal(reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got),
				 -ECONNRESET);
	}
}

static void reset_stays_queued__to_be_accepted(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		struct reftcp_open args = {.local = p.ours, .backlog = 2};
		struct reftcp_status st;
		reftcp_id id;
		int err;

		assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
		for (int i = 0; i < 2; i++) {
			peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
			assert_true(peer_take(&p));
			peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
			peer_send(&p, CTL_RST, 1, 0, NULL, 0);
			err = reftcp_accept(p.stack, p.listener, p.now, &id);
			assert_int_equal(err == 0, rule("reset_stays_queued"));
			if (err)
				continue;
			assert_int_equal(reftcp_status(p.stack, id, &st), 0);
			assert_int_equal(st.state, REFTCP_CLOSED);
			assert_int_equal(st.error, -ECONNRESET);
			assert_int_equal(reftcp_release(p.stack, id, p.now), 0);
			p.theirs.port++;
		}
		/* One that nobody accepts goes with its listener. */
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		assert_true(peer_take(&p));
		peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
		peer_send(&p, CTL_RST, 1, 0, NULL, 0);
		assert_int_equal(reftcp_release(p.stack, p.listener, p.now), 0);
		assert_int_equal(p.stack->tcb_used, 0);
	}
}

static void syn_text_kept__until_established(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		struct reftcp_open args = {.local = p.ours};

		assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
		peer_send(&p, CTL_SYN, 0, 0, "early", 5);
		assert_true(peer_take(&p));
		peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
		assert_int_equal(status().unread, rule("syn_text_kept") ? 5 : 0);
	}
}

/* ICMP destination unreachable, host: about our SYN. */
static void soft_error_ends_opening__or_is_told(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		peer_reach(&p, REFTCP_SYN_SENT);
		peer_icmp(&p, 3, 1, 0, 0, 0);
		assert_int_equal(status().state,
				 rule("soft_error_ends_opening") ? REFTCP_CLOSED : REFTCP_SYN_SENT);
	}
}

static void sack_up_to(uint32_t right)
{
	struct tcpopt o = {.has = TCPOPT_SACK, .sacks = 1};

	o.sack[0] = (struct sack_block){seq_of(p.iss + 1001), seq_of(p.iss + right)};
	peer_send_full(&p, CTL_ACK, 1, 1, 60000, &o, 0, NULL, 0);
}

/* The front is lost, and its retransmission too. */
static void lost_again_reduces__once_more_or_not(void **state)
{
	static uint8_t zeros[20000];

	(void)state;
	EACH_PERSONALITY(with_sack)
	{
		uint32_t first, high;
		size_t n;

		p.syn_opt.has |= TCPOPT_SACK_OK;
		peer_reach(&p, REFTCP_ESTABLISHED);
		peer_send_full(&p, CTL_ACK, 1, 1, 60000, NULL, 0, NULL, 0);
		assert_int_equal(reftcp_send(p.stack, p.id, zeros, sizeof(zeros), 0, p.now, &n), 0);
		peer_drain(&p);
		high = status().snd_nxt - status().iss;
		peer_wait(&p, 50 * REFTCP_MS);
		sack_up_to(high);
		first = status().ssthresh;
		peer_drain(&p);
		high = status().snd_nxt - status().iss;
		peer_wait(&p, 120 * REFTCP_MS);
		sack_up_to(high);
		assert_int_equal(status().retransmits, 1);
		peer_drain(&p);
		assert_int_equal(status().retransmits, 2);
		assert_int_equal(status().ssthresh < first, rule("lost_again_reduces"));
	}
}

static void close_wait_reset_pipe__is_the_error(void **state)
{
	(void)state;
	EACH_PERSONALITY(NULL)
	{
		peer_reach(&p, REFTCP_CLOSE_WAIT);
		peer_send(&p, CTL_RST, 2, 0, NULL, 0);
		assert_int_equal(status().error,
				 rule("close_wait_reset_pipe") ? -EPIPE : -ECONNRESET);
	}
}

/* Is there a scenario that comes out otherwise when `linux` lacks just this row? */
static bool some_scenario_needs(const char *name)
{
	static struct scenario sc;
	static struct trace trace;
	static struct difference d;
	bool needed = false;
	char why[256];
	glob_t files;

	assert_int_equal(glob("tests/scenarios/*.scn", 0, NULL, &files), 0);
	for (size_t i = 0; !needed && i < files.gl_pathc; i++) {
		if (scenario_read(&sc, files.gl_pathv[i], why, sizeof(why)))
			fail_msg("%s: %s", files.gl_pathv[i], why);
		if (*sc.open)
			continue;
		subject_linux_without(&sc, name, &trace);
		compare_expected(&sc, &trace, "without", &d);
		needed = d.found;
	}
	globfree(&files);
	return needed;
}

/* Here, or by a scenario, which this kernel has been held against (duel_test). */
static void table__every_row__was_provoked(void **state)
{
	struct reftcp_rule r;
	unsigned int missing = 0;

	(void)state;
	for (size_t i = 0; reftcp_rule_at(REFTCP_LINUX, i, &r) == 0; i++) {
		if (seen[i] || of_sending(r.name) || some_scenario_needs(r.name))
			continue;
		print_message("nothing provoked '%s'\n", r.name);
		missing++;
	}
	assert_int_equal(missing, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(time_wait__lasts_so_long),
		T(time_wait_reset_taken__or_ignored),
		T(time_wait_isn_step__sets_the_next_isn),
		T(fin_wait_2__of_an_orphan_ends_or_not),
		T(ack_unsent_challenged__counts_or_not),
		T(challenge_ack_interval__between_two),
		T(reset_edge__taken_or_not),
		T(duplicate_ack_interval__between_two_answers),
		T(challenge_ack_limit__in_a_second),
		T(keepalive_reset__sent_or_not),
		T(rto_min__and_rto_max),
		T(delayed_ack__waits_so_long),
		T(full_segment_guess__is_what_is_acknowledged_at_once),
		T(ack_over_one__full_segment_or_two),
		T(ack_after_read__of_a_pushed_segment),
		T(syn_ack_echo_checked__or_taken),
		T(reset_ack__is_in_it_or_not),
		T(reset_keeps_text__for_the_user),
		T(reset_stays_queued__to_be_accepted),
		T(syn_text_kept__until_established),
		T(soft_error_ends_opening__or_is_told),
		T(lost_again_reduces__once_more_or_not),
		T(close_wait_reset_pipe__is_the_error),
		T(table__every_row__was_provoked),
	};

	return cmocka_run_group_tests_name("reftcp_rules", tests, NULL, NULL);
}
