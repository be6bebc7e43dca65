/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/ecn.h"

#include "reftcp/window.h"

void ecn_put_syn(const struct reftcp_stack *s, const struct tcb *c, struct segment *seg)
{
	if (seg->ctl & CTL_ACK) {
		seg->ctl |= c->ecn.on ? CTL_ECE : 0;
		return;
	}
	/* RFC 3168 6.1.1.1: a path that eats such SYNs must not stop the connection. */
	if (s->config.ecn && c->retries == 0 &&
	    (s->config.ecn_asked || stack_rule(s, RULE_ecn_asked)))
		seg->ctl |= CTL_ECE | CTL_CWR;
}

void ecn_negotiate(const struct reftcp_stack *s, struct tcb *c, uint8_t ctl)
{
	uint8_t both = ctl & (CTL_ECE | CTL_CWR);

	if (!s->config.ecn && !(s->config.ecn_passive && !(ctl & CTL_ACK)))
		return;
	c->ecn.on = ctl & CTL_ACK ? both == CTL_ECE : both == (CTL_ECE | CTL_CWR);
}

void ecn_put(const struct tcb *c, struct segment *seg)
{
	if (c->ecn.on && c->ecn.echo)
		seg->ctl |= CTL_ECE;
}

void ecn_put_data(struct tcb *c, struct segment *seg)
{
	if (!c->ecn.on)
		return;
	seg->ecn = ECN_ECT_0;
	if (c->ecn.cwr) {
		seg->ctl |= CTL_CWR;
		c->ecn.cwr = false;
	}
}

void ecn_arrived(struct tcb *c, uint8_t ip_ecn, uint8_t ctl)
{
	if (!c->ecn.on)
		return;
	/* RFC 3168 6.1.3: CWR ends the echo; a CE of the same segment starts it again. */
	if (ctl & CTL_CWR)
		c->ecn.echo = false;
	if (ip_ecn == ECN_CE && !c->ecn.echo) {
		c->ecn.echo = true;
		window_ack_now(c);
	}
}
