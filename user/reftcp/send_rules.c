/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Names as in RFC 9293 3.8.6.2.1: D is queued and not sent, U the usable window. */
#include "reftcp/send_rules.h"

#include "reftcp/congestion.h"
#include "reftcp/mss.h"
#include "reftcp/pmtu.h"
#include "reftcp/rto.h"
#include "reftcp/rtxq.h"

#define OVERRIDE (500 * REFTCP_MS) /* RFC 9293 3.8.6.2.1 (4): 0.1 to 1.0 seconds */

/* U = SND.UNA + SND.WND - SND.NXT; 0 also when the window has shrunk below what is out. */
static uint32_t usable(const struct tcb *c)
{
	uint32_t out = seq_diff(c->snd.nxt, c->snd.una);

	return c->snd.wnd > out ? c->snd.wnd - out : 0;
}

static bool silly_window_allows(const struct reftcp_stack *s, const struct tcb *c, uint32_t d,
				uint32_t u, reftcp_time now)
{
	bool idle = seq_eq(c->snd.nxt, tcb_stream_start(c)); /* a SYN is no data */
	uint32_t least = d < u ? d : u;

	if (least >= mss_effective(c) || c->push_all) /* (1) */
		return true;
	if ((c->cork || c->more) && !c->snd.fin_queued)
		return false;
	/* By rule only small segments wait for one another. */
	if (stack_rule(s, RULE_nagle_small_only))
		idle = !c->snd.small_valid || seq_leq(c->snd.small, c->snd.una);
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
	if (c->rtx_head || timer_armed(c, TIMER_PERSIST))
		return;
	/* RFC 9293 3.8.6.1: the first probe when it has lasted for an RTO [SHLD-29]. */
	timer_set(c, TIMER_PERSIST, now + (u ? OVERRIDE : rto_current(s, c)));
	if (!timer_armed(c, TIMER_USER))
		timer_set(c, TIMER_USER, now + c->user_timeout);
}

static bool probe_due(const struct reftcp_stack *s, struct tcb *c, uint32_t d, uint32_t u,
		      bool fin_waits, uint32_t *len, bool *fin)
{
	if (!(c->owe & OWE_WINDOW_PROBE))
		return false;
	c->owe &= ~OWE_WINDOW_PROBE;
	/* RFC 9293 3.8.6.1: at least one octet of new data, or what there is to say; by rule, where
	 * the window is only small, all it takes. */
	*len = d ? 1 : 0;
	if (d && u && stack_rule(s, RULE_window_filled))
		*len = d < u ? d : u;
	if (*len > mss_effective(c))
		*len = mss_effective(c);
	*fin = !d && fin_waits;
	return d || fin_waits;
}

/* RFC 5681 4.1: after a pause of an RTO the old window says nothing about the path. */
static void restart_after_idle(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	uint32_t restart = congestion_initial_window(c);

	if (c->rtx_head || !c->last_sent_at || now - c->last_sent_at <= rto_current(s, c))
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
			uint32_t pipe)
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
	segs = segs > 2 ? segs : 2;
	segs = segs < quota ? segs : quota;
	segs = segs ? segs : 1;
	if (least < segs * mss) {
		bool part = least % mss && (least < d || !c->nagle || c->snd.fin_queued);

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
	bool fin_waits;

	/* RFC 7413 4.2.2: an early user may answer before the handshake is done. */
	if (!(state_sends(c->state) || (c->early && c->state == REFTCP_SYN_RECEIVED)) ||
	    c->snd.fin_sent)
		return false;
	d = tcb_unsent(c);
	fin_waits = c->snd.fin_queued;
	if (!d && !fin_waits)
		return false;
	u = usable(c);
	mss = mss_effective(c);
	if (probe_due(s, c, d, u, fin_waits, len, fin))
		return true;
	if (u == 0 || (d && !silly_window_allows(s, c, d, u, now))) {
		arm_persist(s, c, u, now);
		return false;
	}
	restart_after_idle(s, c, now);
	*len = pmtu_probe(s, c, d, u, now);
	*fin = false;
	if (*len)
		return true;
	pipe = rtxq_pipe(c);
	start_burst(s, c, d, u, pipe);
	*len = d < u ? d : u;
	*len = *len < mss ? *len : mss;
	*fin = fin_waits && *len == d && u > d;
	/* RFC 9293 3.7.4: in all cases subject to the congestion window. */
	if (pipe + *len <= c->cwnd + limited_transmit(c))
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
