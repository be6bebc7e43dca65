/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of RFC 9293 3.10.7.4 from the sixth on, which take text and FIN, and those that stand
 * before them because of what becomes of text and FIN. */
#include "reftcp/arrives.h"

#include <errno.h>

#include "reftcp/ecn.h"
#include "reftcp/reassembly.h"
#include "reftcp/reset.h"
#include "reftcp/urgent.h"
#include "reftcp/window.h"

/* A segment in the window, none of which is left, has something to be acknowledged all the same. */
enum step_result text_came_twice(struct arrival *a)
{
	struct tcb *c = a->c;
	uint32_t len = a->seg->text_len + !!(a->seg->ctl & CTL_FIN);

	arrives_note_duplicate(a);
	if (len && !a->text_len && !a->fin && stack_rule(a->s, RULE_window_edges) &&
	    (!c->rcv.fin_done || seq_lt(a->seg->seq, c->rcv.nxt)))
		window_ack_now(c);
	return STEP_NEXT;
}

/* RFC 9293 3.6.1: the user is gone; data that still comes is lost, and a reset says so. */
enum step_result text_nobody_reads(struct arrival *a)
{
	struct tcb *c = a->c;
	/* By rule a FIN that shows a gap in front of it shows the loss of data as well. */
	bool lost = a->text_len || (a->fin && seq_gt(a->seq, c->rcv.nxt) &&
				    stack_rule(a->s, RULE_half_duplex_answer));

	if (!c->forsaken || !lost || c->rcv.fin_done)
		return STEP_NEXT;
	if (stack_rule(a->s, RULE_half_duplex_answer))
		reset_answer(a->s, a->seg);
	else
		reset_connection(a->s, c, a->now);
	tcb_delete(a->s, c, 0, CLAUSE_HALF_DUPLEX, a->now);
	return step_answered(a);
}

/* DEVIATES RFC 9293 3.10.7.4, seventh: by rule, text behind the peer's FIN is more than "should not
 * occur"; what begins beyond the FIN is ignored as there. */
enum step_result text_after_fin(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;
	bool pipe = c->state == REFTCP_CLOSE_WAIT && stack_rule(a->s, RULE_close_wait_reset_pipe);

	if (!stack_rule(a->s, RULE_text_after_fin_reset) || !c->rcv.fin_done ||
	    c->state == REFTCP_TIME_WAIT || !seg->text_len || !seq_lt(seg->seq, c->rcv.nxt) ||
	    !seq_gt(seq_add(seg->seq, seg->text_len), c->rcv.nxt))
		return STEP_NEXT;
	reset_answer(a->s, seg);
	tcb_delete(a->s, c, pipe ? -EPIPE : -ECONNRESET, CLAUSE_TEXT_AFTER_FIN, a->now);
	return step_answered(a);
}

static bool receives(enum reftcp_state state)
{
	switch (state) {
	case REFTCP_ESTABLISHED:
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
		return true;
	case REFTCP_CLOSED:
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
	case REFTCP_SYN_RECEIVED:
	case REFTCP_CLOSE_WAIT:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		return false;
	}
	return false;
}

/* Sixth, check the URG bit. */
enum step_result text_sixth_urgent(struct arrival *a)
{
	if (a->seg->ctl & CTL_URG && receives(a->c->state))
		urgent_arrived(a->s, a->c, seq_add(a->seg->seq, a->seg->up));
	return STEP_NEXT;
}

static void take_text(struct arrival *a)
{
	struct tcb *c = a->c;
	bool gap = c->rcv.ranges;
	int64_t n = reassembly_take(a->s, c, a->seq, a->text, a->text_len);

	c->told.data_received_at = a->now;
	if (n <= 0) {
		/* RFC 5681 4.2: a segment above a gap is acknowledged at once [MAY-13]; so is
		 * one there was no room for. */
		a->s->counters.out_of_order += n == 0;
		window_ack_now(c);
		return;
	}
	/* A FIN that counted among the ranges is not text. */
	if (c->rcv.fin_valid && seq_eq(c->rcv.nxt, seq_add(c->rcv.fin, 1))) {
		c->rcv.nxt = c->rcv.fin;
		c->rcv.wnd++;
		n--;
	}
	stack_tell(a->s, c, REFTCP_EVENT_READABLE);
	if (gap)
		window_ack_now(c); /* RFC 5681 4.2: it fills all or part of a gap */
	else
		window_data_arrived(a->s, c, (uint32_t)n, a->seg, a->now);
}

/* By rule only what is in order counts: such a FIN puts an end to what was beyond a gap, and such
 * text to a FIN that was. */
static void move_fin(struct arrival *a)
{
	struct tcb *c = a->c;
	struct seq end = seq_add(a->seq, a->text_len);

	if (!seq_eq(a->seq, c->rcv.nxt) || c->rcv.fin_done)
		return;
	if (a->fin) {
		c->rcv.fin_valid = true;
		c->rcv.fin = end;
		c->rcv.ranges = 0;
	} else if (c->rcv.fin_valid && seq_gt(end, c->rcv.fin)) {
		c->rcv.fin_valid = false;
	}
}

/* Seventh, process the segment text. */
enum step_result text_seventh(struct arrival *a)
{
	struct tcb *c = a->c;
	struct seq fin;

	if (!receives(c->state))
		return STEP_NEXT;
	ecn_arrived(c, a->seg->ecn, a->seg->ctl);
	if (stack_rule(a->s, RULE_fin_moves))
		move_fin(a);
	if (a->fin && !c->rcv.fin_valid) {
		c->rcv.fin_valid = true;
		c->rcv.fin = seq_add(a->seq, a->text_len);
	}
	/* Text that came with the SYN may have moved RCV.NXT since the first step. */
	if (a->text_len && seq_lt(a->seq, c->rcv.nxt))
		arrives_trim(a);
	/* Nothing comes after a FIN. */
	if (c->rcv.fin_valid && !(stack_rule(a->s, RULE_fin_moves) && seq_gt(a->seq, c->rcv.nxt)) &&
	    seq_gt(seq_add(a->seq, a->text_len), c->rcv.fin))
		a->text_len = seq_lt(a->seq, c->rcv.fin) ? seq_diff(c->rcv.fin, a->seq) : 0;
	if (a->text_len && a->seg->ctl & CTL_PSH) {
		c->rcv.push = seq_add(a->seq, a->text_len);
		c->rcv.push_valid = true;
	}
	if (a->text_len)
		take_text(a);
	else if (a->seg->text_len || c->rcv.dsack_valid || (a->fin && !seq_eq(a->seq, c->rcv.nxt)))
		window_ack_now(c);
	fin = seq_add(a->seq, a->text_len);
	if (a->fin && seq_gt(fin, c->rcv.nxt) && c->sack_on && stack_rule(a->s, RULE_sack_fin))
		reassembly_take_fin(c, fin);
	return STEP_NEXT;
}

/* Eighth, check the FIN bit: one that came before the data in front of it waits its turn. */
enum step_result text_eighth_fin(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!c->rcv.fin_valid || c->rcv.fin_done || !seq_eq(c->rcv.nxt, c->rcv.fin))
		return STEP_DONE;
	c->rcv.nxt = seq_add(c->rcv.nxt, 1);
	c->rcv.wnd -= c->rcv.wnd ? 1 : 0;
	c->rcv.fin_done = true;
	c->rcv.ranges = 0; /* what a peer sent beyond its own FIN */
	if (c->state == REFTCP_ESTABLISHED && stack_rule(a->s, RULE_sack_fin))
		c->rcv.dsack_valid = false;
	window_ack_now(c);
	stack_tell(a->s, c, REFTCP_EVENT_CLOSING | REFTCP_EVENT_READABLE);
	switch (c->state) {
	case REFTCP_ESTABLISHED:
		state_move(a->s, c, REFTCP_CLOSE_WAIT, CLAUSE_FIN, a->now);
		break;
	case REFTCP_FIN_WAIT_1:
		/* Were our FIN acknowledged, the fifth step had made this FIN-WAIT-2. */
		state_move(a->s, c, REFTCP_CLOSING, CLAUSE_FIN, a->now);
		break;
	case REFTCP_FIN_WAIT_2:
		if (!tcb_count_mini(a->s, c)) {
			reset_last_ack(a->s, c, a->now);
			tcb_delete(a->s, c, 0, CLAUSE_TIME_WAIT_FULL, a->now);
			break;
		}
		tcb_clear_timers(c);
		c->dup_ack_at_valid = false;
		state_move(a->s, c, REFTCP_TIME_WAIT, CLAUSE_FIN, a->now);
		arrives_time_wait(a);
		break;
	case REFTCP_CLOSED:
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
	case REFTCP_SYN_RECEIVED:
	case REFTCP_CLOSE_WAIT:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		break;
	}
	return STEP_DONE;
}
