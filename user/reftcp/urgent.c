/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/urgent.h"

void urgent_sent(struct tcb *c)
{
	c->snd.up = seq_add(tcb_stream_start(c), c->snd.queued);
	c->snd.up_valid = true;
}

void urgent_put(const struct tcb *c, struct segment *seg)
{
	uint32_t ahead;

	if (!c->snd.up_valid || seg->ctl & CTL_SYN || !seq_lt(seg->seq, c->snd.up))
		return;
	/*
	 * RFC 9293 3.8.5: the pointer points to the octet after the urgent data [MUST-62], of
	 * which there may be any amount [MUST-31]: beyond the reach of 16 bits it says as much as
	 * it can, and later segments say more.
	 */
	ahead = seq_diff(c->snd.up, seg->seq);
	seg->ctl |= CTL_URG;
	seg->up = (uint16_t)(ahead < 0xffff ? ahead : 0xffff);
}

void urgent_arrived(struct reftcp_stack *s, struct tcb *c, struct seq pointer)
{
	/* RCV.UP <- max(RCV.UP,SEG.UP) */
	if (c->rcv.up_valid && !seq_gt(pointer, c->rcv.up))
		return;
	/* One that points at what the user has read, or absurdly far, says nothing. */
	if (!seq_gt(pointer, c->rcv.read))
		return;
	c->rcv.up = pointer;
	c->rcv.up_valid = true;
	/* RFC 9293 3.8.5: told when there was none, and whenever it advances [MUST-32]. */
	stack_tell(s, c, REFTCP_EVENT_URGENT);
}

uint32_t urgent_left(const struct tcb *c)
{
	return c->rcv.up_valid && seq_gt(c->rcv.up, c->rcv.read) ? seq_diff(c->rcv.up, c->rcv.read)
								 : 0;
}
