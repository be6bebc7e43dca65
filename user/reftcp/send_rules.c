/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Names as in RFC 9293 3.8.6.2.1: D is queued and not sent, U the usable window. */
#include "reftcp/send_rules.h"

#include "reftcp/congestion.h"
#include "reftcp/mss.h"
#include "reftcp/pmtu.h"
#include "reftcp/rto.h"
#include "reftcp/rtxq.h"

/* U = SND.UNA + SND.WND - SND.NXT; 0 also when the window has shrunk below what is out. */
static uint32_t usable(const struct tcb *c)
{
	/* A window offers room for text: a SYN that is still out takes none of it. */
	struct seq start = tcb_stream_start(c);
	uint32_t out = seq_gt(c->snd.nxt, start) ? seq_diff(c->snd.nxt, start) : 0;

	return c->snd.wnd > out ? c->snd.wnd - out : 0;
}

/* Of d octets, those up to where a record ends; and whether one does. */
static bool cut_at_record(const struct tcb *c, uint32_t *d)
{
	for (unsigned int i = 0; i < c->snd.records; i++) {
		if (seq_leq(c->snd.record[i], c->snd.nxt))
			continue;
		if (seq_diff(c->snd.record[i], c->snd.nxt) > *d)
			return false;
		*d = seq_diff(c->snd.record[i], c->snd.nxt);
		return true;
	}
	return false;
}

static bool silly_window_allows(const struct reftcp_stack *s, const struct tcb *c, uint32_t d,
				uint32_t u, bool record, reftcp_time now)
{
	bool idle = seq_eq(c->snd.nxt, tcb_stream_start(c)); /* a SYN is no data */
	uint32_t least = d < u ? d : u;

	if (least >= mss_effective(c) || c->push_all || record) /* (1) */
		return true;
	if ((c->cork || c->more) && !c->snd.fin_queued)
		return false;
	/* By rule only small segments wait for one another. */
	if (stack_rule(s, RULE_nagle_small_only))
		idle = !c->snd.small_valid || seq_leq(c->snd.small, c->snd.una);
	/* What follows a full segment into the rest of a window is no small one of its own. */
	if (stack_rule(s, RULE_window_filled) && d > u && d >= mss_effective(c) && u &&
	    c->snd.full_at == now)
		return true;
	/* CLOSE implies PUSH and nothing can be added any more: Nagle has nothing to wait for. */
	if (c->nagle && !idle && !(c->snd.fin_queued && d <= u))
		return false;
	/* (2), with all data taken as pushed: what has been queued is never held back for more
	 * [MUST-60], only for the reasons of this section. (3) with Fs = 1/2. */
	if (stack_rule(s, RULE_window_filled))
		return d <= u || c->snd.full_at == now;
	return d <= u || least >= c->snd.max_wnd / 2;
}

/* Nothing is out whose ACK would wake us: look again later. */
static void arm_persist(struct reftcp_stack *s, struct tcb *c, uint32_t u, reftcp_time now)
{
	reftcp_time wait = rto_current(s, c);

	if (c->rtx_head || timer_armed(c, TIMER_PERSIST))
		return;
	/* RFC 9293 3.8.6.1: the first probe when it has lasted for an RTO [SHLD-29]. */
	if (u && stack_rule(s, RULE_override))
		wait = (reftcp_time)stack_rule(s, RULE_override);
	timer_set(c, TIMER_PERSIST, now + wait);
	if (!timer_armed(c, TIMER_USER))
		timer_set(c, TIMER_USER, now + c->user_timeout);
}

static bool probe_due(struct tcb *c, uint32_t d, uint32_t u, bool fin_waits, uint32_t *len,
		      bool *fin)
{
	if (!(c->owe & OWE_WINDOW_PROBE))
		return false;
	c->owe &= ~OWE_WINDOW_PROBE;
	/* RFC 9293 3.8.6.2.1 (4): the override timeout: whatever fits. */
	if (u && d) {
		*len = d < u ? d : u;
		*len = *len < mss_effective(c) ? *len : mss_effective(c);
		*fin = false;
		c->push_all = true;
		c->snd.push = seq_add(c->snd.nxt, *len);
		c->snd.push_valid = true;
		return true;
	}
	/* RFC 9293 3.8.6.1: at least one octet of new data, or what there is to say. */
	*len = d ? 1 : 0;
	*fin = !d && fin_waits;
	return d || fin_waits;
}

/* RFC 5681 4.1: after a pause of an RTO the old window says nothing about the path. */
static void restart_after_idle(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	uint32_t restart = congestion_initial_window(c);

	if (!s->config.idle_restart || c->rtx_head || !c->last_sent_at ||
	    now - c->last_sent_at <= rto_current(s, c))
		return;
	if (c->cwnd > restart) {
		c->cwnd = restart;
		c->cc->on_reset(c);
	}
}

/*
 * Segments that leave together, as a host with segmentation offload makes them: as many as half
 * the window and 1 ms of the rate, two at least; only the last shows its end to the receiver.
 */
static void start_burst(const struct reftcp_stack *s, struct tcb *c, uint32_t d, uint32_t u,
			uint32_t pipe, bool record)
{
	uint32_t mss = mss_effective(c), least = d < u ? d : u, segs, quota;
	uint64_t rate_ms = UINT64_MAX;

	if (c->burst_left || !stack_rule(s, RULE_push_bursts))
		return;
	if (c->rtt.measured && c->rtt.srtt >= REFTCP_MS / 1000)
		rate_ms = (uint64_t)c->cwnd * (c->cwnd < c->ssthresh / 2 ? 20 : 12) / 10 *
			  (REFTCP_S / 1024) / c->rtt.srtt;
	rate_ms = rate_ms < 65535 ? rate_ms : 65535;
	quota = c->cwnd > pipe ? (c->cwnd - pipe) / mss : 0;
	if (quota > c->cwnd / 2 / mss)
		quota = c->cwnd / 2 / mss;
	segs = (uint32_t)rate_ms / mss;
	segs = segs > s->config.burst_least ? segs : s->config.burst_least;
	segs = segs < quota ? segs : quota;
	segs = segs ? segs : 1;
	if (least < segs * mss) {
		bool part = least % mss && !c->cork && !c->more &&
			    (least < d || !c->nagle || c->snd.fin_queued || record);

		segs = least / mss + part;
	}
	c->burst_size = c->burst_left = segs;
}

/*
 * RFC 5681 3.2 (1), RFC 3042: a segment for each of the first two duplicate ACKs, as each says that
 * one has left the network. With SACK the pipe is known and has shrunk by itself.
 */
static uint32_t limited_transmit(const struct tcb *c)
{
	if (c->sack_on || c->phase != PHASE_OPEN || c->dup_acks > 2)
		return 0;
	return c->dup_acks * mss_sender(c);
}

bool send_rules_next(struct reftcp_stack *s, struct tcb *c, reftcp_time now, uint32_t *len,
		     bool *fin)
{
	uint32_t d, u, pipe, mss;
	bool fin_waits, record;

	/* RFC 7413 4.2.2: an early user may answer before the handshake is done. */
	if (!(state_sends(c->state) || (c->early && c->state == REFTCP_SYN_RECEIVED)) ||
	    c->snd.fin_sent)
		return false;
	d = tcb_unsent(c);
	fin_waits = c->snd.fin_queued;
	if (!d)
		c->push_all = false;
	if (!d && !fin_waits)
		return false;
	u = usable(c);
	mss = mss_effective(c);
	if (probe_due(c, d, u, fin_waits, len, fin))
		return true;
	record = cut_at_record(c, &d);
	fin_waits = fin_waits && !record;
	if (u == 0 || (d && !silly_window_allows(s, c, d, u, record && d <= u, now))) {
		arm_persist(s, c, u, now);
		c->burst_left = 0;
		return false;
	}
	restart_after_idle(s, c, now);
	*len = pmtu_probe(s, c, d, u, now);
	*fin = false;
	if (*len)
		return true;
	pipe = rtxq_pipe(c);
	start_burst(s, c, d, u, pipe, record);
	*len = d < u ? d : u;
	*len = *len < mss ? *len : mss;
	*fin = fin_waits && *len == d && u > d;
	/* RFC 9293 3.7.4: in all cases subject to the congestion window. */
	if (pipe + rtxq_cost(c, *len) <= c->cwnd + limited_transmit(c))
		return true;
	c->burst_left = 0;
	return false;
}

void send_rules_persist(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	(void)now;
	if (c->snd.wnd == 0) {
		c->probes++;
		s->counters.zero_window_probes++;
	}
	c->owe |= OWE_WINDOW_PROBE;
}

bool send_rules_probe_old(const struct reftcp_stack *s, const struct tcb *c)
{
	return stack_rule(s, RULE_probe_old) && state_sends(c->state) && !c->snd.fin_sent &&
	       usable(c) == 0 && !c->rtx_head;
}

/* For STATUS: what has held data back since the last look goes to its account, and what does now
 * is noted. */
static void note_limit(struct tcb *c, reftcp_time now)
{
	reftcp_time passed = now - c->told.limit_since;
	uint32_t d = tcb_unsent(c), u = usable(c);

	if (c->told.limit != LIMIT_NONE)
		c->told.busy += passed;
	if (c->told.limit == LIMIT_WINDOW)
		c->told.window_limited += passed;
	if (c->told.limit == LIMIT_BUFFER)
		c->told.buffer_limited += passed;
	c->told.limit_since = now;
	c->told.limit = LIMIT_NONE;
	if (d && u < d && u < mss_effective(c))
		c->told.limit = LIMIT_WINDOW;
	else if (!d && c->rtx_head && c->snd.write_wanted)
		c->told.limit = LIMIT_BUFFER;
	else if (d || c->rtx_head)
		c->told.limit = LIMIT_BUSY;
	if (c->state == REFTCP_SYN_SENT || c->state == REFTCP_SYN_RECEIVED)
		c->told.limit = LIMIT_NONE;
}

void send_rules_note_use(struct tcb *c, reftcp_time now)
{
	bool limited = rtxq_pipe(c) >= c->cwnd;

	note_limit(c, now);
	if (!c->in_segments || !c->rtx_head)
		return;
	/* The strongest sign in a window of data counts. */
	if (limited || !seq_lt(c->snd.una, c->use.upto) ||
	    (!c->use.limited && c->rtx_count > c->use.most_out)) {
		c->use.limited = limited;
		c->use.most_out = c->rtx_count;
		c->use.upto = c->snd.nxt;
	}
}
