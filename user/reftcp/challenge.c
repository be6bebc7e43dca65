/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/challenge.h"

#include "reftcp/window.h"

/* Both kinds of answers go by one clock, where a rule sets it. */
static bool too_soon(struct tcb *c, reftcp_time least, reftcp_time now)
{
	if (!least)
		return false;
	if (c->dup_ack_at_valid && now - c->dup_ack_at < least)
		return true;
	c->dup_ack_at = now;
	c->dup_ack_at_valid = true;
	return false;
}

void challenge_ack(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	/* RFC 5961 7: whoever runs the machine may set the limit. */
	uint32_t most = s->config.challenge_acks
				? s->config.challenge_acks
				: (uint32_t)stack_rule(s, RULE_challenge_ack_limit);

	if (too_soon(c, (reftcp_time)stack_rule(s, RULE_challenge_ack_interval), now)) {
		s->counters.challenge_acks_limited++;
		return;
	}
	if (now - s->challenge_from >= REFTCP_S || !s->challenge_count) {
		s->challenge_from = now;
		s->challenge_count = 0;
	}
	if (s->challenge_count >= most) {
		s->counters.challenge_acks_limited++;
		return;
	}
	s->challenge_count++;
	s->counters.challenge_acks++;
	window_ack_now(c);
}

bool challenge_allowed(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
		       reftcp_time now)
{
	reftcp_time least = (reftcp_time)stack_rule(s, RULE_duplicate_ack_interval);

	/* Answers to text and FINs are never held back: the peer's recovery lives on them. */
	if ((seg->text_len || seg->ctl & CTL_FIN) && !(seg->ctl & CTL_SYN))
		return true;
	if (!too_soon(c, least, now))
		return true;
	s->counters.duplicate_acks_limited++;
	return false;
}

void challenge_duplicate(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
			 reftcp_time now)
{
	if (challenge_allowed(s, c, seg, now))
		window_ack_now(c);
}
