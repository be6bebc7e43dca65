/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/challenge.h"

#include "reftcp/window.h"

void challenge_ack(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	/* RFC 5961 7: whoever runs the machine may set the limit. */
	uint32_t most = s->config.challenge_acks
				? s->config.challenge_acks
				: (uint32_t)stack_rule(s, RULE_challenge_ack_limit);

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

void challenge_duplicate(struct reftcp_stack *s, struct tcb *c, bool has_text, reftcp_time now)
{
	reftcp_time least = (reftcp_time)stack_rule(s, RULE_duplicate_ack_interval);

	/* Answers to text are never held back: they are what the peer's recovery lives on. */
	if (!has_text) {
		if (c->dup_ack_at_valid && now - c->dup_ack_at < least) {
			s->counters.duplicate_acks_limited++;
			return;
		}
		c->dup_ack_at = now;
		c->dup_ack_at_valid = true;
	}
	window_ack_now(c);
}
