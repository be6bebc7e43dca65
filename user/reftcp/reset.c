/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/reset.h"

#include "reftcp/sack.h"
#include "reftcp/timestamps.h"
#include "reftcp/window.h"

#define RESET_TTL 64

void reset_answer(struct reftcp_stack *s, const struct segment *seg)
{
	struct reply *r;

	if (seg->ctl & CTL_RST)
		return;
	r = stack_reply(s);
	if (!r)
		return;
	r->local = seg->dst;
	r->remote = seg->src;
	r->ttl = RESET_TTL;
	if (seg->ctl & CTL_ACK) {
		r->ctl = CTL_RST;
		r->seq = seg->ack;
	} else {
		r->ctl = CTL_RST | CTL_ACK;
		r->ack = seq_add(seg->seq, segment_length(seg));
	}
}

struct seq reset_sequence(const struct reftcp_stack *s, const struct tcb *c)
{
	struct seq edge = seq_add(c->snd.una, c->snd.wnd);

	if (!stack_rule(s, RULE_sequence_in_window) || !state_synchronized(c->state) ||
	    !seq_lt(edge, c->snd.nxt) ||
	    (c->scale_on && seq_diff(c->snd.nxt, edge) < 1u << c->rcv.scale))
		return c->snd.nxt;
	return edge;
}

void reset_connection(struct reftcp_stack *s, const struct tcb *c, reftcp_time now)
{
	struct reply *r = stack_reply(s);

	if (!r)
		return;
	r->local = c->local;
	r->remote = c->remote;
	r->ttl = c->ttl;
	r->dscp = c->dscp;
	r->ctl = CTL_RST;
	r->seq = reset_sequence(s, c);
	r->route = c->route;
	/* RFC 7323 3.2: on every segment once agreed on, and on a reset as well. */
	if (c->ts.on)
		timestamps_put(c, &r->opt, now);
	/* <SEQ=SND.NXT><CTL=RST>, or with <ACK=RCV.NXT> */
	if (stack_rule(s, RULE_reset_ack)) {
		r->ctl |= CTL_ACK;
		r->ack = c->rcv.nxt;
		sack_put(c, &r->opt);
	}
}

void reset_last_ack(struct reftcp_stack *s, const struct tcb *c, reftcp_time now)
{
	struct reply *r = stack_reply(s);

	if (!r)
		return;
	r->local = c->local;
	r->remote = c->remote;
	r->ttl = c->ttl;
	r->dscp = c->dscp;
	r->ctl = CTL_ACK;
	r->seq = c->snd.nxt;
	r->ack = c->rcv.nxt;
	r->wnd = window_field(c, false);
	if (c->ts.on)
		timestamps_put(c, &r->opt, now);
}
