/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. RCV.WND is always what the peer may use: RCV.NXT + RCV.WND never goes back. */
#include "reftcp/window.h"

#include "reftcp/mss.h"

uint8_t window_scale_for(uint32_t buff)
{
	uint8_t scale = 0;

	while (scale < 14 && buff >> scale > 0xffff)
		scale++;
	return scale;
}

void window_open(struct tcb *c)
{
	/* The SYN carries the window unscaled, so that it is what the peer sees first. */
	c->rcv.wnd = c->rcv.buff < 0xffff ? c->rcv.buff : 0xffff;
}

bool window_update(struct tcb *c)
{
	/* What peers hold beyond the gap lies inside the window and takes nothing from it. */
	uint32_t used = tcb_unread(c);
	uint32_t space = c->rcv.buff > used ? c->rcv.buff - used : 0;
	uint32_t mss = mss_effective(c);
	uint32_t half = c->rcv.buff / 2;
	uint32_t grown;

	/* RFC 9293 3.8.6.2.2: keep the edge until RCV.BUFF - RCV.USER - RCV.WND is worth it. */
	if (space <= c->rcv.wnd || space - c->rcv.wnd < (half < mss ? half : mss))
		return false;
	grown = space - c->rcv.wnd;
	c->rcv.wnd = space;
	/* The next ACK tells of it; by itself it is told when it lets a peer go on that waits for
	 * room for a segment, or when there is much of it. */
	return space - grown < mss || grown >= 2 * mss || grown >= half;
}

uint16_t window_field(const struct tcb *c, bool syn)
{
	uint32_t scale = syn || !c->scale_on ? 0 : c->rcv.scale;
	/*
	 * RFC 7323 2.3: rounded down. The edge told may so go back by less than a unit (2.4),
	 * while the one segments are judged by stays. Rounded up, each small segment would push it
	 * on, beyond RCV.BUFF in the end.
	 */
	uint32_t field = c->rcv.wnd >> scale;

	return (uint16_t)(field < 0xffff ? field : 0xffff);
}

void window_ack_now(struct tcb *c)
{
	c->owe |= OWE_ACK;
}

void window_data_arrived(struct reftcp_stack *s, struct tcb *c, uint32_t len, reftcp_time now)
{
	c->unacked_in += len;
	if (len > c->rcv_mss_est)
		c->rcv_mss_est = len < c->own_mss ? len : c->own_mss;
	/* RFC 9293 3.8.6.3: at least every second full-sized segment [SHLD-19]. */
	if (!c->delayed_ack || c->unacked_in >= 2 * c->rcv_mss_est) {
		window_ack_now(c);
		return;
	}
	/* RFC 9293 3.8.6.3: less than half a second [MUST-40]. */
	if (!timer_armed(c, TIMER_DELAYED_ACK))
		timer_set(c, TIMER_DELAYED_ACK, now + (reftcp_time)stack_rule(s, RULE_delayed_ack));
}

void window_acked(struct tcb *c)
{
	c->unacked_in = 0;
	c->owe &= ~OWE_ACK;
	timer_clear(c, TIMER_DELAYED_ACK);
}
