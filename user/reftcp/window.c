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

bool window_update(const struct reftcp_stack *s, struct tcb *c)
{
	/* What peers hold beyond the gap lies inside the window and takes nothing from it. */
	uint32_t used = tcb_unread(c);
	uint32_t space = c->rcv.buff > used ? c->rcv.buff - used : 0;
	uint32_t most = 0xffffu << (c->scale_on ? c->rcv.scale : 0);
	uint32_t mss = mss_effective(c);
	uint32_t half = c->rcv.buff / 2;
	uint32_t grown;

	/* What the field cannot tell is not offered. */
	if (space > most)
		space = most;
	/* RFC 9293 3.8.6.2.2: keep the edge until RCV.BUFF - RCV.USER - RCV.WND is worth it. */
	if (space <= c->rcv.wnd || space - c->rcv.wnd < (half < mss ? half : mss))
		return false;
	grown = space - c->rcv.wnd;
	c->rcv.wnd = space;
	if (stack_rule(s, RULE_window_doubled))
		return grown >= space - grown;
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

#define SHORTEST_FULL 88 /* less is never taken for a full segment */
#define LONGEST_DELAY (200 * REFTCP_MS)

/* The peer's full segment: the largest seen, or, where segments became smaller, what comes twice.
 */
static void estimate_full(const struct reftcp_stack *s, struct tcb *c, const struct segment *seg)
{
	uint32_t guess = (uint32_t)stack_rule(s, RULE_full_segment_guess);
	uint32_t len = seg->text_len, last = c->ack.last_len;
	bool push = seg->ctl & CTL_PSH;

	if (!c->rcv_mss_est && guess)
		c->rcv_mss_est = guess < c->own_mss ? guess : c->own_mss;
	if (len >= c->rcv_mss_est) {
		c->rcv_mss_est = len < c->own_mss ? len : c->own_mss;
		c->ack.pushed = c->ack.pushed || push;
		return;
	}
	if (guess && (len >= guess || (len >= SHORTEST_FULL && !push && !(seg->ctl & CTL_FIN)))) {
		c->ack.last_len = len;
		if (len == last) {
			c->rcv_mss_est = len;
			return;
		}
	}
	c->ack.pushed_again = c->ack.pushed_again || c->ack.pushed;
	c->ack.pushed = true;
}

void window_quick_acks(struct reftcp_stack *s, struct tcb *c)
{
	uint32_t most = (uint32_t)stack_rule(s, RULE_quick_acks);
	uint32_t frames = c->rcv_mss_est ? c->rcv.wnd / (2 * c->rcv_mss_est) : 0;

	frames = frames ? frames : 2;
	frames = frames < most ? frames : most;
	if (frames > c->ack.quick)
		c->ack.quick = frames;
}

/* How long the peer pauses between segments decides how long an ACK is worth waiting. */
static void adapt(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	reftcp_time least = (reftcp_time)stack_rule(s, RULE_delayed_ack);
	reftcp_time pause = now - c->ack.received_at;

	if (!c->ack.seen) {
		c->ack.seen = true;
		c->ack.ato = least;
		window_quick_acks(s, c);
	} else if (!stack_rule(s, RULE_quick_acks)) {
		return;
	} else if (pause <= least / 2) {
		c->ack.ato = c->ack.ato / 2 + least / 2;
	} else if (pause < c->ack.ato) {
		c->ack.ato = c->ack.ato / 2 + pause;
		if (c->ack.ato > c->rtt.rto)
			c->ack.ato = c->rtt.rto;
	} else if (pause > c->rtt.rto) {
		window_quick_acks(s, c);
	}
	c->ack.received_at = now;
}

static reftcp_time delay(const struct reftcp_stack *s, const struct tcb *c)
{
	reftcp_time least = (reftcp_time)stack_rule(s, RULE_delayed_ack), most = LONGEST_DELAY;

	if (c->ack.ato <= least)
		return least;
	if (!c->ack.interactive && !c->ack.pushed)
		most = 500 * REFTCP_MS;
	if (c->rtt.measured && c->rtt.srtt < most)
		most = c->rtt.srtt > least ? c->rtt.srtt : least;
	return c->ack.ato < most ? c->ack.ato : most;
}

/* RFC 9293 3.8.6.3: at least every second full-sized segment [SHLD-19]. */
static bool enough(const struct reftcp_stack *s, const struct tcb *c)
{
	if (!stack_rule(s, RULE_ack_over_one))
		return c->unacked_in >= 2 * c->rcv_mss_est;
	return c->unacked_in > c->rcv_mss_est;
}

void window_data_arrived(struct reftcp_stack *s, struct tcb *c, uint32_t len,
			 const struct segment *seg, reftcp_time now)
{
	c->unacked_in += len;
	estimate_full(s, c, seg);
	adapt(s, c, now);
	if (!c->delayed_ack || enough(s, c) || (c->ack.quick && !c->ack.interactive)) {
		window_ack_now(c);
		return;
	}
	/* RFC 9293 3.8.6.3: less than half a second [MUST-40]. */
	if (!timer_armed(c, TIMER_DELAYED_ACK))
		timer_set(c, TIMER_DELAYED_ACK, now + delay(s, c));
}

void window_was_read(struct reftcp_stack *s, struct tcb *c)
{
	if (!stack_rule(s, RULE_ack_after_read) || !timer_armed(c, TIMER_DELAYED_ACK))
		return;
	if (c->unacked_in > c->rcv_mss_est ||
	    (!tcb_unread(c) && (c->ack.pushed_again || (c->ack.pushed && !c->ack.interactive))))
		window_ack_now(c);
}

void window_opened_with_data(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	if (!tcb_unsent(c) || !stack_rule(s, RULE_quick_acks))
		return;
	c->ack.seen = true;
	c->ack.ato = (reftcp_time)stack_rule(s, RULE_delayed_ack);
	c->ack.received_at = now;
	window_quick_acks(s, c);
}

void window_data_sent(struct tcb *c, reftcp_time now)
{
	if (c->ack.seen && now - c->ack.received_at < c->ack.ato)
		c->ack.interactive = true;
}

void window_acked(struct tcb *c)
{
	bool owed = c->unacked_in || c->owe & OWE_ACK;

	if (c->ack.quick && owed)
		c->ack.quick--;
	c->ack.pushed = c->ack.pushed_again = false;
	c->unacked_in = 0;
	c->owe &= ~OWE_ACK;
	timer_clear(c, TIMER_DELAYED_ACK);
}
