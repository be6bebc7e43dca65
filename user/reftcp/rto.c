/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 6298 in whole nanoseconds. */
#include "reftcp/rto.h"

#include "reftcp/mss.h"

#define GRANULARITY ((reftcp_time)1 << WHEEL_TICK_SHIFT) /* G */
#define MAX_BACKOFF 16
#define AFTER_LOST_SYN (3 * REFTCP_S)

static reftcp_time clamp(const struct reftcp_stack *s, reftcp_time rto)
{
	reftcp_time low = (reftcp_time)stack_rule(s, RULE_rto_min);
	reftcp_time high = (reftcp_time)stack_rule(s, RULE_rto_max);

	return rto < low ? low : rto > high ? high : rto;
}

void rto_init(const struct reftcp_stack *s, struct tcb *c)
{
	c->rtt.measured = false;
	c->rtt.srtt = c->rtt.rttvar = 0;
	c->rtt.rto = clamp(s, RTO_INITIAL);
	c->rtt.backoff = 0;
	c->retries = 0;
}

void rto_sample(const struct reftcp_stack *s, struct tcb *c, reftcp_time r)
{
	reftcp_time margin;

	if (!c->rtt.measured) {
		/* RFC 6298 2.2 */
		c->rtt.srtt = r;
		c->rtt.rttvar = r / 2;
		c->rtt.measured = true;
	} else {
		/* RFC 6298 2.3: alpha 1/8, beta 1/4, RTTVAR before SRTT. */
		reftcp_time d = c->rtt.srtt > r ? c->rtt.srtt - r : r - c->rtt.srtt;

		c->rtt.rttvar = c->rtt.rttvar - c->rtt.rttvar / 4 + d / 4;
		c->rtt.srtt = c->rtt.srtt - c->rtt.srtt / 8 + r / 8;
	}
	c->rack.sampled = true;
	margin = 4 * c->rtt.rttvar;
	c->rtt.rto = clamp(s, c->rtt.srtt + (margin > GRANULARITY ? margin : GRANULARITY));
	/* RFC 6298 5, after (5.7): a new measurement ends the backoff. */
	c->rtt.backoff = 0;
}

/*
 * As Linux does it: with a sample an ACK the filters of RFC 6298 2.3 would forget too soon, so
 * that RTTVAR follows the largest deviation of a round trip at once and a smaller one slowly; and
 * a deviation that shrinks because round trips do counts an eighth.
 */
static void deviate(const struct reftcp_stack *s, struct tcb *c, reftcp_time r)
{
	reftcp_time least = (reftcp_time)stack_rule(s, RULE_rto_variation_min);
	reftcp_time d = c->rtt.srtt > r ? c->rtt.srtt - r : r - c->rtt.srtt;
	int64_t step = (int64_t)(4 * d) - (int64_t)c->rtt.deviation;

	if (r < c->rtt.srtt && step > 0)
		step /= 8;
	c->rtt.deviation = (reftcp_time)((int64_t)c->rtt.deviation + step / 4);
	c->rtt.srtt = r > c->rtt.srtt ? c->rtt.srtt + d / 8 : c->rtt.srtt - d / 8;
	if (c->rtt.deviation > c->rtt.deviation_max) {
		c->rtt.deviation_max = c->rtt.deviation;
		if (c->rtt.deviation_max > c->rtt.rttvar)
			c->rtt.rttvar = c->rtt.deviation_max;
	}
	if (!seq_gt(c->snd.una, c->rtt.round))
		return;
	if (c->rtt.deviation_max < c->rtt.rttvar)
		c->rtt.rttvar -= (c->rtt.rttvar - c->rtt.deviation_max) / 4;
	c->rtt.round = c->snd.nxt;
	c->rtt.deviation_max = least;
}

void rto_sample_each(const struct reftcp_stack *s, struct tcb *c, const struct ack_news *news,
		     reftcp_time now, bool again)
{
	reftcp_time least = (reftcp_time)stack_rule(s, RULE_rto_variation_min), r;

	if (news->rtt_valid && !again)
		r = news->rtt_first;
	else if (news->sack_rtt_valid)
		r = news->sack_rtt_first;
	else if (news->echo_valid && !seq_eq(c->snd.una, c->snd.iss))
		r = now - news->echo_sent_at;
	else
		return;
	if (c->rtt.measured) {
		deviate(s, c, r);
	} else {
		c->rtt.measured = true;
		c->rtt.srtt = r;
		c->rtt.deviation = 2 * r;
		c->rtt.rttvar = c->rtt.deviation > least ? c->rtt.deviation : least;
		c->rtt.deviation_max = c->rtt.rttvar;
		c->rtt.round = c->snd.nxt;
	}
	c->rtt.rto = clamp(s, c->rtt.srtt + c->rtt.rttvar);
	c->rtt.backoff = 0;
	c->rack.sampled = true;
}

reftcp_time rto_current(const struct reftcp_stack *s, const struct tcb *c)
{
	return clamp(s, c->rtt.rto << c->rtt.backoff);
}

reftcp_time rto_backed_off(const struct reftcp_stack *s, const struct tcb *c, uint32_t times)
{
	return clamp(s, c->rtt.rto << (times < MAX_BACKOFF ? times : MAX_BACKOFF));
}

void rto_back_off(struct tcb *c)
{
	if (c->rtt.backoff < MAX_BACKOFF)
		c->rtt.backoff++;
}

void rto_after_lost_syn(const struct reftcp_stack *s, struct tcb *c)
{
	/* RFC 5681 3.1: the initial window is one segment then. */
	if (c->retransmits >= (uint32_t)stack_rule(s, RULE_lost_syns))
		c->cwnd = mss_sender(c);
	if (c->rtt.measured)
		return;
	c->rtt.rto = clamp(s, AFTER_LOST_SYN);
	c->rtt.backoff = 0;
}

void rto_restart(const struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	if (c->rtx_head)
		timer_set(c, TIMER_REXMIT, now + rto_current(s, c)); /* RFC 6298 5.1, 5.3 */
	else
		timer_clear(c, TIMER_REXMIT); /* RFC 6298 5.2 */
}
