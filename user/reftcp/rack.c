/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Variables as in RFC 8985 5. */
#include "reftcp/rack.h"

#include "reftcp/mss.h"
#include "reftcp/pmtu.h"
#include "reftcp/rto.h"
#include "reftcp/rtxq.h"

#define MAX_ACK_DELAY (200 * REFTCP_MS) /* the peer's, where it says nothing of it */
#define REO_PERSIST 16
#define MIN_RTT_WINDOW (300 * REFTCP_S)

static bool sent_after(reftcp_time t1, struct seq end1, reftcp_time t2, struct seq end2)
{
	return t1 > t2 || (t1 == t2 && seq_gt(end1, end2));
}

/* By how many segments: what a duplicate ACK must be worth from now on. */
static void saw_reordering(struct tcb *c, const struct txseg *seg)
{
	uint32_t mss = mss_sender(c);
	uint32_t by = (seq_diff(c->rack.fack, seg->seq) + mss - 1) / mss;

	if (!c->rack.reordering_seen || by > c->reordering)
		c->reordering = by > c->reordering ? by : c->reordering;
	c->rack.reordering_seen = true;
	c->told.reorderings++;
}

void rack_delivered(struct tcb *c, const struct txseg *seg, const struct ack_news *news,
		    reftcp_time now)
{
	struct seq end = seq_add(seg->seq, seg->len);
	reftcp_time rtt = now - seg->sent_at;

	/* 6.2 step 1, 2: an ACK that came sooner than any round trip, or that echoes an older
	 * timestamp, was for the first copy. */
	if (seg->flags & TXSEG_EVER_RETRANS) {
		if (c->rack.valid && rtt < c->rack.min_rtt)
			return;
		if (news->echo_valid && news->echo_sent_at + REFTCP_MS < seg->sent_at)
			return;
	} else if (!c->rack.valid || rtt <= c->rack.min_rtt ||
		   now - c->rack.min_rtt_at > MIN_RTT_WINDOW) {
		/* Step 1: the least of late, so that a longer path becomes known. */
		c->rack.min_rtt = rtt;
		c->rack.min_rtt_at = now;
	}
	/* Step 3: something that was sent earlier, once only, and arrives later. */
	if (!c->rack.valid || seq_gt(end, c->rack.fack))
		c->rack.fack = end;
	else if (seq_lt(end, news->fack) && !(seg->flags & (TXSEG_EVER_RETRANS | TXSEG_SYN)))
		saw_reordering(c, seg);
	if (c->rack.told_last && !(seg->flags & TXSEG_SYN))
		c->rack.rtt = rtt;
	if (!c->rack.valid || sent_after(seg->sent_at, end, c->rack.xmit_at, c->rack.end_seq)) {
		c->rack.valid = true;
		c->rack.rtt = rtt;
		c->rack.xmit_at = seg->sent_at;
		c->rack.end_seq = end;
	}
}

/* 6.2 step 4: a D-SACK says the window of time was too short. */
static void widen(struct tcb *c)
{
	if (c->rack.dsack_round_valid && seq_lt(c->snd.una, c->rack.dsack_round))
		return;
	c->rack.dsack_round = c->snd.nxt;
	c->rack.dsack_round_valid = true;
	c->rack.reo_wnd_mult++;
	c->rack.reo_wnd_persist = REO_PERSIST;
}

static reftcp_time reordering_window(const struct tcb *c)
{
	reftcp_time wnd = (reftcp_time)(c->rack.reo_wnd_mult + 1) * c->rack.min_rtt / 4;

	if (!c->rack.reordering_seen && (c->phase == PHASE_RECOVERY || c->phase == PHASE_LOSS ||
					 c->sacked_count >= c->reordering))
		return 0;
	return wnd < c->rtt.srtt ? wnd : c->rtt.srtt;
}

bool rack_detect(struct reftcp_stack *s, struct tcb *c, const struct ack_news *news,
		 reftcp_time now)
{
	reftcp_time wait = 0, reo;
	bool found = false;

	(void)s;
	timer_clear(c, TIMER_REORDER);
	c->rack.lost_again = false;
	if (!c->rack.valid)
		return false;
	if (news && news->dsack)
		widen(c);
	reo = reordering_window(c);
	for (struct txseg *seg = c->rtx_head; seg; seg = seg->next) {
		bool again = seg->flags & TXSEG_RETRANS;
		reftcp_time due;

		/* What was sent once was sent in order: the rest is younger still. */
		if (!sent_after(c->rack.xmit_at, c->rack.end_seq, seg->sent_at,
				seq_add(seg->seq, seg->len))) {
			if (!again && !(seg->flags & TXSEG_EVER_RETRANS))
				break;
			continue;
		}
		if (seg->flags & (TXSEG_SACKED | TXSEG_FRESH) ||
		    (seg->flags & TXSEG_LOST && !again))
			continue;
		due = seg->sent_at + c->rack.rtt + reo;
		if (due <= now) {
			c->rack.lost_again |= again && seg->sent_at >= c->reduced_at;
			rtxq_mark_lost(c, seg);
			/* RFC 4821 7.5: a probe's loss is no sign of congestion. */
			if (pmtu_probe_lost(c, seg, now))
				c->send_one = true;
			else
				found = true;
		} else if (due - now > wait) {
			wait = due - now;
		}
	}
	if (wait)
		timer_set(c, TIMER_REORDER, now + wait);
	return found;
}

void rack_arm_probe(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	reftcp_time pto = 2 * c->rtt.srtt;

	timer_clear(c, TIMER_PROBE);
	if (!c->sack_on || c->phase != PHASE_OPEN || !c->rtx_head || c->sacked || c->rack.tlp_out ||
	    !state_sends(c->state))
		return;
	/* RFC 8985 7.3: not before a round trip was measured since the last probe: its
	 * retransmissions give none, and SRTT would never learn of a longer path. */
	if (!c->rack.sampled)
		return;
	if (!c->rtt.measured)
		pto = 1 * REFTCP_S;
	else if (!c->rtx_head->next)
		pto += MAX_ACK_DELAY;
	/* Not before the RTO: then the RTO is as good, or the probe takes its place. */
	if (!timer_armed(c, TIMER_REXMIT) || now + pto < c->deadline[TIMER_REXMIT]) {
		timer_set(c, TIMER_PROBE, now + pto);
	} else if (stack_rule(s, RULE_probe_for_rto)) {
		timer_set(c, TIMER_PROBE, c->deadline[TIMER_REXMIT]);
		timer_set(c, TIMER_REXMIT, c->deadline[TIMER_REXMIT] + rto_current(s, c));
	}
}

void rack_probe_sent(struct tcb *c, bool again)
{
	c->rack.tlp_out = true;
	c->rack.sampled = false;
	c->rack.tlp_retrans = again;
	c->rack.tlp_end = c->snd.nxt;
}

bool rack_probe_answered(struct tcb *c, const struct segment *seg, const struct ack_news *news)
{
	if (!c->rack.tlp_out || seq_lt(seg->ack, c->rack.tlp_end))
		return false;
	/* 7.4.2: no loss if the probe was new data, or is told of as a duplicate in either way. */
	if (!c->rack.tlp_retrans || news->dsack || (news->duplicate && !news->sacked)) {
		c->rack.tlp_out = false;
		return false;
	}
	/* At TLP.end_seq it may have been either copy: only more says that it was the probe. */
	if (seq_eq(seg->ack, c->rack.tlp_end))
		return false;
	c->rack.tlp_out = false;
	return true;
}
