/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/recovery.h"

#include "reftcp/congestion.h"
#include "reftcp/mss.h"
#include "reftcp/pmtu.h"
#include "reftcp/rack.h"
#include "reftcp/rto.h"
#include "reftcp/rtxq.h"

#define DUP_THRESHOLD 3

static void save_for_undo(struct tcb *c)
{
	c->undo_cwnd = c->cwnd;
	c->undo_ssthresh = c->ssthresh;
	c->undo_una = c->snd.una;
	c->undo_left = 0;
	c->undo_valid = true;
}

static void undo(struct reftcp_stack *s, struct tcb *c)
{
	s->counters.spurious_recoveries++;
	c->undo_valid = false;
	if (c->cwnd < c->undo_cwnd)
		c->cwnd = c->undo_cwnd;
	if (c->ssthresh < c->undo_ssthresh)
		c->ssthresh = c->undo_ssthresh;
	c->cc->on_reset(c);
	rtxq_unmark_lost(c);
	c->phase = PHASE_OPEN;
}

/* RFC 3708 and 4015: every retransmission was told of as a duplicate: nothing had been lost. */
static void undo_if_spurious(struct reftcp_stack *s, struct tcb *c, const struct ack_news *news)
{
	if (!c->undo_valid || !news->dsack || seq_lt(news->dsack_block.left, c->undo_una))
		return;
	if (c->undo_left == 0 || --c->undo_left)
		return;
	undo(s, c);
}

/* RFC 9937 6: what is to shrink is the flight when it began, without what had arrived by then. */
static void start_reduction(struct reftcp_stack *s, struct tcb *c, const struct ack_news *news)
{
	c->prr_delivered = c->prr_out = 0;
	c->prr_flight = (news ? news->flight : seq_diff(c->snd.nxt, c->snd.una)) -
			(c->sacked - (news ? news->sacked : 0));
	if (stack_rule(s, RULE_reduction_from_window))
		c->prr_flight = c->cwnd;
	if (!c->prr_flight)
		c->prr_flight = 1;
}

static void enter(struct reftcp_stack *s, struct tcb *c, const struct ack_news *news,
		  reftcp_time now)
{
	s->counters.fast_recoveries++;
	save_for_undo(c);
	if (c->phase != PHASE_CWR || !c->in_segments)
		start_reduction(s, c, news);
	if (c->phase != PHASE_CWR)
		c->ssthresh = c->cc->on_loss(c, now);
	c->phase = PHASE_RECOVERY;
	c->recover = c->snd.nxt;
	c->recover_valid = true;
	c->reduced_at = now;
	c->send_one = true; /* RFC 5681 3.2 (2), 6675 5 (4.3): whatever the window says */
	if (c->sack_on)
		c->cwnd = rtxq_pipe(c) + mss_sender(c);
	else
		c->cwnd = c->ssthresh + DUP_THRESHOLD * mss_sender(c); /* RFC 5681 3.2 (3) */
	c->ecn.cwr = c->ecn.on; /* RFC 3168 6.1.2: whatever the window was reduced for */
	timer_clear(c, TIMER_PROBE);
}

/* RFC 5681 4.3: the loss of a retransmission is a second sign of congestion, and halves again what
 * the first one left. */
static void reduce_again(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	if (!c->rack.lost_again || !stack_rule(s, RULE_lost_again_reduces))
		return;
	c->ssthresh = c->cc->on_loss(c, now);
	c->reduced_at = now;
	c->prr_delivered = c->prr_out = 0;
	c->prr_flight = rtxq_pipe(c) ? rtxq_pipe(c) : 1;
	c->ecn.cwr = c->ecn.on;
}

/* RFC 9937 6.2: the window shrinks in proportion to what leaves the network. */
static void proportional_rate(struct tcb *c, uint32_t delivered, bool safe)
{
	uint32_t pipe = rtxq_pipe(c), mss = mss_sender(c);
	uint64_t send;

	if (!delivered)
		return;
	c->prr_delivered += delivered;
	if (pipe > c->ssthresh) {
		uint64_t share = (uint64_t)c->prr_delivered * c->ssthresh + c->prr_flight - 1;

		send = share / c->prr_flight;
		send = send > c->prr_out ? send - c->prr_out : 0;
	} else {
		send = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;
		send = send > delivered ? send : delivered;
		send += safe ? mss : 0;
		if (send > c->ssthresh - pipe)
			send = c->ssthresh - pipe;
	}
	if (c->prr_out == 0 && send < mss)
		send = mss; /* the fast retransmission itself */
	c->cwnd = pipe + (uint32_t)send;
}

static void leave(struct tcb *c)
{
	uint32_t mss = mss_sender(c);

	if (c->in_segments) {
		/* Unless it was undone, or nothing was reduced. */
		if (c->phase == PHASE_CWR || (c->phase == PHASE_RECOVERY && c->undo_valid))
			c->cwnd = c->ssthresh;
	} else if (c->phase == PHASE_RECOVERY && c->sack_on) {
		c->cwnd = c->ssthresh; /* RFC 9937 6.2, end of recovery */
	} else if (c->phase == PHASE_RECOVERY) {
		/* RFC 6582 3.2 (3), full acknowledgment. */
		uint32_t flight = seq_diff(c->snd.nxt, c->snd.una);
		uint32_t least = (flight > mss ? flight : mss) + mss;

		c->cwnd = c->ssthresh < least ? c->ssthresh : least;
	}
	c->phase = PHASE_OPEN;
	c->dup_acks = 0;
	if (c->rack.reo_wnd_persist && --c->rack.reo_wnd_persist == 0)
		c->rack.reo_wnd_mult = 0;
}

/* RFC 6582 3.2 (3), partial acknowledgment: the next hole, and the window less what left. */
static void partial_ack(struct tcb *c, const struct ack_news *news)
{
	uint32_t mss = mss_sender(c);

	rtxq_mark_lost(c, c->rtx_head);
	c->send_one = true;
	c->cwnd = c->cwnd > news->acked ? c->cwnd - news->acked : mss;
	if (news->acked >= mss)
		c->cwnd += mss;
}

static void newreno_on_ack(struct reftcp_stack *s, struct tcb *c, const struct ack_news *news,
			   reftcp_time now)
{
	if (news->duplicate) {
		c->dup_acks++;
		if (c->phase == PHASE_RECOVERY) {
			c->cwnd += mss_sender(c); /* RFC 5681 3.2 (4) */
			return;
		}
		/* RFC 6582 3.2 (1): not twice for one window of data. */
		if (c->phase != PHASE_LOSS && c->dup_acks == DUP_THRESHOLD && c->rtx_head &&
		    (!c->recover_valid || seq_geq(c->snd.una, c->recover))) {
			rtxq_mark_lost(c, c->rtx_head);
			if (pmtu_probe_lost(c, c->rtx_head, now))
				c->send_one = true;
			else
				enter(s, c, news, now);
		}
	} else if (news->acked) {
		c->dup_acks = 0;
		if (c->phase == PHASE_RECOVERY && c->rtx_head && seq_lt(c->snd.una, c->recover))
			partial_ack(c, news);
	}
}

static uint32_t delivered_of(const struct tcb *c, const struct ack_news *news)
{
	if (c->in_segments)
		return news->segs * mss_sender(c);
	return news->acked - news->was_sacked + news->sacked;
}

static void sack_on_ack(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
			const struct ack_news *news, reftcp_time now)
{
	uint32_t delivered = delivered_of(c, news);
	bool lost, repaired = rack_probe_answered(c, seg, news);

	undo_if_spurious(s, c, news);
	lost = rack_detect(s, c, news, now);
	if (c->phase == PHASE_RECOVERY) {
		reduce_again(s, c, now);
		if (seq_lt(c->snd.una, c->recover))
			proportional_rate(c, delivered, news->acked && !lost);
	} else if (lost && c->phase != PHASE_LOSS) {
		enter(s, c, news, now);
		proportional_rate(c, delivered, false);
	} else if (repaired && c->phase == PHASE_OPEN) {
		/* RFC 8985 7.4.2: a loss was seen and mended in one: the window must know. */
		start_reduction(s, c, news);
		c->ssthresh = c->cc->on_loss(c, now);
		c->cwnd = c->ssthresh;
		c->phase = PHASE_CWR;
		c->recover = c->snd.nxt;
		c->recover_valid = true;
	}
}

/* RFC 3168 6.1.2: once a window of data, as for a loss, but nothing is sent again. */
static void ecn_on_ack(struct reftcp_stack *s, struct tcb *c, const struct ack_news *news,
		       reftcp_time now)
{
	if (c->phase == PHASE_CWR && stack_rule(s, RULE_ecn_in_proportion))
		proportional_rate(c, delivered_of(c, news),
				  news->acked && c->lost_count <= news->lost_before);
	if (!c->ecn.on || !news->ece || c->phase != PHASE_OPEN || !c->rtx_head)
		return;
	s->counters.ecn_reductions++;
	start_reduction(s, c, news);
	c->ssthresh = c->cc->on_loss(c, now);
	if (stack_rule(s, RULE_ecn_in_proportion))
		proportional_rate(c, delivered_of(c, news), false);
	else
		c->cwnd = c->ssthresh;
	c->phase = PHASE_CWR;
	c->recover = c->snd.nxt;
	c->recover_valid = true;
	c->ecn.cwr = true;
}

/*
 * RFC 5682 2.1: was the timeout spurious? Only the front has been sent again so far. If the next
 * ACK takes the window on, new data goes out in place of old; if the one after takes it on again,
 * it was the old data that arrived, and nothing had been lost.
 */
static void frto_on_ack(struct reftcp_stack *s, struct tcb *c, const struct ack_news *news)
{
	bool forward = news->acked && seq_lt(c->snd.una, c->recover);

	if (!c->frto || (!news->acked && !news->duplicate && !news->sacked))
		return;
	if (forward && c->frto == 1 && tcb_unsent(c)) {
		c->frto = 2;
		c->cwnd = rtxq_pipe(c) + 2 * mss_sender(c); /* (2b) */
		return;
	}
	if (forward && c->frto == 2 && !news->dsack) {
		c->frto = 0;
		undo(s, c); /* (3b) */
		return;
	}
	if (!news->acked || forward) {
		/* (2a), (3a): the conventional way, all that is out again. */
		c->cwnd = (c->frto == 2 ? 3 : 1) * mss_sender(c);
		for (struct txseg *seg = c->rtx_head; seg; seg = seg->next)
			if (!(seg->flags & (TXSEG_SACKED | TXSEG_RETRANS)) &&
			    seq_lt(seg->seq, c->recover))
				rtxq_mark_lost(c, seg);
	}
	c->frto = 0;
}

/* May the window grow by this ACK: new data is acknowledged, or, once order was seen to be broken,
 * told of. */
static bool may_grow(const struct tcb *c, const struct ack_news *news, enum recovery_phase before)
{
	if (c->phase != PHASE_OPEN && c->phase != PHASE_LOSS)
		return false;
	if (!news->window_limited || c->frto)
		return false;
	if (c->in_segments)
		return news->acked || (news->sacked && c->reordering > DUP_THRESHOLD);
	return news->acked && before == c->phase;
}

static bool recovered(const struct tcb *c)
{
	if (c->phase == PHASE_OPEN || !seq_geq(c->snd.una, c->recover))
		return false;
	/* The CWR bit is to arrive with something that comes after the mark. */
	return !(c->in_segments && c->phase == PHASE_CWR) || !seq_eq(c->snd.una, c->recover);
}

void recovery_on_ack(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
		     const struct ack_news *news, reftcp_time now)
{
	enum recovery_phase before = c->phase;

	if (c->phase == PHASE_LOSS)
		frto_on_ack(s, c, news);
	/* RFC 6675 5 (A): over first, as what is lost beyond RecoveryPoint is a loss of its own. */
	if (c->sack_on && c->phase == PHASE_RECOVERY && seq_geq(c->snd.una, c->recover))
		leave(c);
	if (c->sack_on)
		sack_on_ack(s, c, seg, news, now);
	else
		newreno_on_ack(s, c, news, now);
	ecn_on_ack(s, c, news, now);
	if (c->cc->on_rtt && (news->rtt_valid || news->sack_rtt_valid))
		c->cc->on_rtt(c, news->sack_rtt_valid ? news->sack_rtt_last : news->rtt_last, now);
	if (recovered(c)) {
		leave(c);
		if (c->in_segments && may_grow(c, news, before))
			c->cc->on_ack(c, news->segs, now);
	} else if (may_grow(c, news, before)) {
		c->cc->on_ack(c, c->cc->segments ? news->segs : news->acked, now);
	} else if (news->acked && !news->window_limited && c->cc->on_pause) {
		c->cc->on_pause(c);
	}
	if (news->acked)
		rack_arm_probe(s, c, now);
}

void recovery_on_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	/* RFC 5682 2.1 (1): not where recovery was under way already. */
	bool may_be_spurious = c->retries == 0 && c->phase == PHASE_OPEN && c->rtx_head->next &&
			       !(c->rtx_head->flags & TXSEG_SACKED);

	s->counters.rto_expired++;
	c->rack.tlp_out = false;
	timer_clear(c, TIMER_PROBE);
	timer_clear(c, TIMER_REORDER);
	/* RFC 5681 3.1: a segment sent again by the timer before leaves ssthresh as it is. */
	if (c->retries == 0) {
		bool first = c->phase != PHASE_LOSS;

		save_for_undo(c);
		c->phase = PHASE_LOSS; /* which tells on_loss that it was a timeout */
		if (first)
			c->ssthresh = c->cc->on_loss(c, now);
	}
	c->phase = PHASE_LOSS;
	c->recover = c->snd.nxt;
	c->recover_valid = true;
	c->dup_acks = 0;
	c->cwnd = mss_sender(c); /* the loss window, RFC 5681 3.1 */
	if (c->cc->on_timeout)
		c->cc->on_timeout(c, now);
	c->ecn.cwr = c->ecn.on;
	c->frto = may_be_spurious;
	if (may_be_spurious)
		rtxq_mark_lost(c, c->rtx_head);
	else
		rtxq_mark_all_lost(c);
	c->send_one = true;
}

void recovery_on_reorder(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	if (!rack_detect(s, c, NULL, now))
		return;
	if (c->phase == PHASE_RECOVERY)
		reduce_again(s, c, now);
	else if (c->phase != PHASE_LOSS)
		enter(s, c, NULL, now);
	/* The retransmission goes out though no ACK has made room for it. */
	c->send_one = true;
}

void recovery_sent(struct tcb *c, uint32_t len, bool again)
{
	c->prr_out += rtxq_cost(c, len);
	if (again && c->undo_valid)
		c->undo_left++;
}
