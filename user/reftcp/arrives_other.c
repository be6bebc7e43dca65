/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEGMENT ARRIVES in the other eight states, RFC 9293 3.10.7.4. The rows at the end of the file
 * are the order of things; each function is one row. The third check of the text (security) has
 * no row: there are no compartments (A.1).
 */
#include "reftcp/arrives.h"

#include <errno.h>

#include "reftcp/challenge.h"
#include "reftcp/conntab.h"
#include "reftcp/ecn.h"
#include "reftcp/listen.h"
#include "reftcp/reassembly.h"
#include "reftcp/reset.h"
#include "reftcp/rtxq.h"
#include "reftcp/timestamps.h"
#include "reftcp/urgent.h"
#include "reftcp/window.h"

void arrives_time_wait(struct arrival *a)
{
	timer_set(a->c, TIMER_TIME_WAIT, a->now + (reftcp_time)stack_rule(a->s, RULE_time_wait));
}

/*
 * RFC 6191 2: in TIME-WAIT, a SYN that is newer by timestamp, or by sequence number where
 * timestamps do not decide, opens a new connection at once [MAY-2, SHLD-4].
 */
static enum step_result time_wait_syn(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c, *listener;
	bool newer = seq_gt(seg->seq, c->rcv.nxt);

	if (c->state != REFTCP_TIME_WAIT || (seg->ctl & (CTL_SYN | CTL_ACK | CTL_RST)) != CTL_SYN)
		return STEP_NEXT;
	if (c->ts.on && c->ts.recent_valid && seg->opt.has & TCPOPT_TS) {
		if (timestamps_older(seg->opt.ts_val, c->ts.recent))
			return STEP_NEXT;
		newer = newer || seg->opt.ts_val != c->ts.recent;
	}
	listener = conntab_listener(a->s, &seg->dst, &seg->src);
	if (!newer || !listener)
		return STEP_NEXT;
	a->iss_floor = c->snd.nxt;
	a->iss_floor_valid = true;
	a->s->counters.time_wait_recycled++;
	tcb_delete(a->s, c, 0, CLAUSE_REUSE, a->now);
	a->c = listener;
	return STEP_TO_LISTEN;
}

/* RFC 7323 5.3 R1, and 3.2: once agreed on, every segment but a RST has timestamps. */
static enum step_result paws(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;

	if (!c->ts.on || seg->ctl & CTL_RST)
		return STEP_NEXT;
	if (!(seg->opt.has & TCPOPT_TS)) {
		if (stack_rule(a->s, RULE_timestamp_missing_taken))
			return STEP_NEXT;
		a->s->counters.paws_dropped++;
		return step_drop(a);
	}
	if (!timestamps_paws_rejects(c, seg->opt.ts_val, a->now))
		return STEP_NEXT;
	a->s->counters.paws_dropped++;
	challenge_duplicate(a->s, c, seg, a->now);
	return step_answered(a);
}

/* RFC 9293 3.10.7.4, Table 6. */
static bool acceptable(const struct tcb *c, struct seq seq, uint32_t len)
{
	if (len == 0 && c->rcv.wnd == 0)
		return seq_eq(seq, c->rcv.nxt);
	if (len == 0)
		return seq_in(seq, c->rcv.nxt, c->rcv.wnd);
	return seq_in(seq, c->rcv.nxt, c->rcv.wnd) ||
	       seq_in(seq_add(seq, len - 1), c->rcv.nxt, c->rcv.wnd);
}

/* The same with both edges of the window inside. */
static bool acceptable_edges(const struct tcb *c, struct seq seq, uint32_t len)
{
	return !seq_lt(seq_add(seq, len), c->ts.last_ack_sent) &&
	       !seq_gt(seq, seq_add(c->rcv.nxt, c->rcv.wnd));
}

static bool in_window(const struct arrival *a)
{
	uint32_t len = segment_length(a->seg);

	return stack_rule(a->s, RULE_window_edges) ? acceptable_edges(a->c, a->seg->seq, len)
						   : acceptable(a->c, a->seg->seq, len);
}

/* "Trimming off any portions that lie outside the window (including SYN and FIN)." */
static void trim(struct arrival *a)
{
	const struct tcb *c = a->c;
	struct seq edge = seq_add(c->rcv.nxt, c->rcv.wnd);
	uint32_t cut;

	if (a->seg->ctl & CTL_SYN)
		a->seq = seq_add(a->seq, 1);
	if (seq_lt(a->seq, c->rcv.nxt)) {
		cut = seq_diff(c->rcv.nxt, a->seq);
		if (cut > a->text_len) {
			cut = a->text_len;
			a->fin = false;
		}
		a->text += cut;
		a->text_len -= cut;
		a->seq = c->rcv.nxt;
	}
	if (stack_rule(a->s, RULE_window_edges) && c->rcv.wnd && !seq_gt(a->seq, c->rcv.nxt))
		return; /* all of a segment that begins in the window */
	if (seq_gt(seq_add(a->seq, a->text_len), edge)) {
		a->text_len = seq_lt(a->seq, edge) ? seq_diff(edge, a->seq) : 0;
		a->fin = false;
	}
	if (a->fin && seq_geq(seq_add(a->seq, a->text_len), edge))
		a->fin = false;
}

/* RFC 2883 4: what came twice is told with the ACK that answers it. */
static void note_duplicate(struct arrival *a)
{
	struct tcb *c = a->c;
	uint32_t len = a->seg->text_len;

	len += a->seg->ctl & CTL_FIN && stack_rule(a->s, RULE_sack_fin);
	if (!c->sack_on || a->seg->ctl & (CTL_RST | CTL_SYN) || !state_synchronized(c->state) ||
	    !reassembly_duplicate(c, a->seg->seq, len, &c->rcv.dsack))
		return;
	c->rcv.dsack_valid = true;
	c->ack.interactive = false;
	window_quick_acks(a->s, c);
	a->s->counters.dsack_sent++;
}

/* A segment in the window, none of which is left, has something to be acknowledged all the same. */
static enum step_result what_came_twice(struct arrival *a)
{
	struct tcb *c = a->c;
	uint32_t len = a->seg->text_len + !!(a->seg->ctl & CTL_FIN);

	note_duplicate(a);
	if (len && !a->text_len && !a->fin && stack_rule(a->s, RULE_window_edges) &&
	    (!c->rcv.fin_done || seq_lt(a->seg->seq, c->rcv.nxt)))
		window_ack_now(c);
	return STEP_NEXT;
}

/*
 * DEVIATES RFC 9293 3.10.7.4, first: the SYN,ACK that answers ours where two SYNs crossed lies left
 * of the window; by rule it is taken as the ACK that it has.
 */
static enum step_result crossed_syn_ack(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;

	if (c->state != REFTCP_SYN_RECEIVED || c->from_listen ||
	    (seg->ctl & (CTL_SYN | CTL_ACK | CTL_RST)) != (CTL_SYN | CTL_ACK) ||
	    segment_length(seg) != 1 || !seq_eq(seq_add(seg->seq, 1), c->rcv.nxt) ||
	    !seq_eq(seg->ack, c->snd.nxt) || !stack_rule(a->s, RULE_crossed_syn_ack_taken))
		return STEP_NEXT;
	a->crossed = true;
	if (c->sack_on) {
		c->rcv.dsack = (struct sack_block){seg->seq, c->rcv.nxt};
		c->rcv.dsack_valid = true;
		a->s->counters.dsack_sent++;
	}
	a->seq = c->rcv.nxt;
	window_ack_now(c);
	return STEP_NEXT;
}

/* First, check sequence number. */
static enum step_result first_sequence(struct arrival *a)
{
	struct tcb *c = a->c;
	uint32_t len = segment_length(a->seg);

	if (a->crossed)
		return STEP_NEXT;
	if (in_window(a)) {
		trim(a);
		return STEP_NEXT;
	}
	/* "If the RCV.WND is zero, no segments will be acceptable, but special allowance should
	 * be made to accept valid ACKs, URGs, and RSTs." [MUST-66] */
	if (c->rcv.wnd == 0 && seq_eq(a->seq, c->rcv.nxt) && !(a->seg->ctl & CTL_SYN)) {
		a->text_len = 0;
		a->fin = false;
		window_ack_now(c);
		return STEP_NEXT;
	}
	a->s->counters.out_of_window++;
	if (a->seg->ctl & CTL_RST)
		return STEP_NEXT; /* the rules for resets have exceptions of their own */
	/* Fifth and eighth, TIME-WAIT: a retransmission of the remote FIN restarts 2 MSL. It
	 * lies left of the window and would never get there. */
	if (c->state == REFTCP_TIME_WAIT && a->fin && seq_eq(seq_add(a->seq, len), c->rcv.nxt))
		arrives_time_wait(a);
	if (challenge_allowed(a->s, c, a->seg, a->now)) {
		note_duplicate(a);
		window_ack_now(c);
	}
	return step_answered(a);
}

/* RFC 7323 4.3: TS.Recent, from segments that passed the check. */
static enum step_result note_timestamp(struct arrival *a)
{
	if (a->c->ts.on && a->seg->opt.has & TCPOPT_TS && !(a->seg->ctl & CTL_RST) &&
	    !stack_rule(a->s, RULE_timestamp_after_ack))
		timestamps_note(a->c, a->seg->seq, a->seg->opt.ts_val, a->now);
	a->c->keep.heard_at = a->now;
	a->c->keep.sent = 0;
	return STEP_NEXT;
}

/* The two places besides RCV.NXT where some stacks take a reset. */
static bool reset_at_edge(const struct arrival *a)
{
	const struct tcb *c = a->c;
	bool fin_seen = c->state == REFTCP_CLOSE_WAIT || c->state == REFTCP_LAST_ACK ||
			c->state == REFTCP_CLOSING;

	if (!stack_rule(a->s, RULE_reset_edge))
		return false;
	if (fin_seen && seq_eq(a->seg->seq, seq_sub(c->rcv.nxt, 1)))
		return true;
	for (unsigned int i = 0; i < c->rcv.ranges; i++) {
		struct seq right = c->rcv.range[i].right;
		bool highest = true;

		for (unsigned int j = 0; j < c->rcv.ranges; j++)
			highest = highest && seq_leq(c->rcv.range[j].right, right);
		if (highest && seq_eq(a->seg->seq, right))
			return true;
	}
	return false;
}

/*
 * DEVIATES RFC 9293 3.10.7.4, first: outside the window a RST is dropped; and second: RFC 5961
 * 3.2, in the window but not at RCV.NXT it is answered by a challenge ACK.
 */
static enum step_result blind_reset(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!(a->seg->ctl & CTL_RST))
		return STEP_NEXT;
	a->s->counters.resets_received++;
	if (seq_eq(a->seg->seq, c->rcv.nxt) || reset_at_edge(a))
		return STEP_NEXT;
	if (stack_rule(a->s, RULE_window_edges) ? !in_window(a)
						: !seq_in(a->seg->seq, c->rcv.nxt, c->rcv.wnd))
		return step_drop(a);
	challenge_ack(a->s, c, a->now);
	return step_answered(a);
}

/* RFC 9293 3.9.2.1: of a passive OPEN the return route is kept [MUST-53], a later one takes its
 * place [SHLD-24]; the user's own stands above them [MUST-52]. */
static enum step_result note_route(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_RST))
		arrives_note_route(a);
	return STEP_NEXT;
}

/* DEVIATES RFC 9293 3.10.7.4, second: RFC 1337 3, TIME-WAIT is not assassinated by a RST. */
static enum step_result assassination(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_RST) || a->c->state != REFTCP_TIME_WAIT ||
	    stack_rule(a->s, RULE_time_wait_reset_taken))
		return STEP_NEXT;
	a->s->counters.time_wait_reset_ignored++;
	return step_drop(a);
}

/* Second, check the RST bit. */
static enum step_result second_reset(struct arrival *a)
{
	struct tcb *c = a->c;
	bool pipe;

	if (!(a->seg->ctl & CTL_RST))
		return STEP_NEXT;
	switch (c->state) {
	case REFTCP_SYN_RECEIVED:
		if (c->early)
			/* RFC 7413 4.2.2: its user knows of it already. */
			tcb_delete(a->s, c, -ECONNRESET, CLAUSE_RESET, a->now);
		else if (c->from_listen)
			/* "Return this connection to LISTEN. The user need not be informed." */
			tcb_return_to_listen(a->s, c, CLAUSE_RESET, a->now);
		else
			tcb_delete(a->s, c, -ECONNREFUSED, CLAUSE_RESET, a->now);
		return STEP_DONE;
	case REFTCP_ESTABLISHED:
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSE_WAIT:
		pipe = c->state == REFTCP_CLOSE_WAIT &&
		       stack_rule(a->s, RULE_close_wait_reset_pipe);
		tcb_delete(a->s, c, pipe ? -EPIPE : -ECONNRESET, CLAUSE_RESET, a->now);
		return STEP_DONE;
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		tcb_delete(a->s, c, 0, CLAUSE_RESET, a->now);
		return STEP_DONE;
	case REFTCP_CLOSED:
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
		break;
	}
	return step_drop(a);
}

/* Fourth, check the SYN bit, SYN-RECEIVED STATE: a passive one returns to LISTEN. */
static enum step_result fourth_syn(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_SYN) || a->c->state != REFTCP_SYN_RECEIVED || !a->c->from_listen ||
	    a->c->early || stack_rule(a->s, RULE_syn_received_mini))
		return STEP_NEXT;
	tcb_return_to_listen(a->s, a->c, CLAUSE_SYN_IN_WINDOW, a->now);
	return STEP_DONE;
}

/* DEVIATES RFC 9293 3.10.7.4, fourth, as RFC 793 had it: RFC 5961 4.2, a challenge ACK. */
static enum step_result blind_syn(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_SYN) || a->crossed)
		return STEP_NEXT;
	challenge_ack(a->s, a->c, a->now);
	return step_answered(a);
}

/* Fifth: if the ACK bit is off, drop the segment. */
static enum step_result fifth_ack_bit(struct arrival *a)
{
	return a->seg->ctl & CTL_ACK ? STEP_NEXT : step_drop(a);
}

/* DEVIATES RFC 9293 3.10.7.4, fifth: by rule the bit is looked at before all else. */
static enum step_result ack_bit_first(struct arrival *a)
{
	if (a->seg->ctl & (CTL_ACK | CTL_RST | CTL_SYN) || !stack_rule(a->s, RULE_no_ack_bit_first))
		return STEP_NEXT;
	return step_drop(a);
}

/* RFC 7323 4.3, by rule not before it is clear that SEG.ACK is no lie. */
static enum step_result note_timestamp_late(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;

	if (c->ts.on && seg->opt.has & TCPOPT_TS && !seq_gt(seg->ack, c->snd.nxt) &&
	    stack_rule(a->s, RULE_timestamp_after_ack))
		timestamps_note(c, seg->seq, seg->opt.ts_val, a->now);
	return STEP_NEXT;
}

/* How far back an ACK may lie. */
static uint32_t old_acks(const struct arrival *a)
{
	const struct tcb *c = a->c;
	/* The SYN of a passive OPEN is not counted. */
	uint32_t n = seq_diff(c->snd.una, c->snd.iss) - (c->from_listen ? 1 : 0);

	if (!stack_rule(a->s, RULE_old_ack_acknowledged) || n > c->snd.max_wnd)
		return c->snd.max_wnd;
	return n;
}

/* RFC 5961 5.2: (SND.UNA - MAX.SND.WND) =< SEG.ACK =< SND.NXT, or an ACK [MAY-12]. What is
 * beyond SND.NXT is answered in the fifth step itself. */
static enum step_result blind_data(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!state_synchronized(c->state) || !seq_lt(a->seg->ack, seq_sub(c->snd.una, old_acks(a))))
		return STEP_NEXT;
	a->s->counters.ack_dropped++;
	challenge_ack(a->s, c, a->now);
	return step_answered(a);
}

/* The accept queue is full: the ACK is as if lost, the SYN,ACK goes out again. */
static enum step_result accept_room(struct arrival *a)
{
	struct tcb *c = a->c;

	if (c->state != REFTCP_SYN_RECEIVED || !c->parent || c->in_accept_queue ||
	    listen_accept_room(c->parent))
		return STEP_NEXT;
	a->s->counters.accept_queue_full++;
	return step_drop(a);
}

/* Fifth, SYN-RECEIVED STATE. */
static enum step_result fifth_syn_received(struct arrival *a)
{
	struct tcb *c = a->c;

	if (c->state != REFTCP_SYN_RECEIVED)
		return STEP_NEXT;
	if (!seq_gt(a->seg->ack, c->snd.una) || seq_gt(a->seg->ack, c->snd.nxt)) {
		reset_answer(a->s, a->seg);
		return step_answered(a);
	}
	state_move(a->s, c, REFTCP_ESTABLISHED, CLAUSE_ACK_OF_SYN, a->now);
	arrives_set_window(a, (uint32_t)a->seg->wnd << c->snd.scale);
	arrives_established(a);
	return STEP_NEXT;
}

/* The moves that wait for our FIN to be acknowledged. */
static enum step_result fin_acknowledged(struct arrival *a)
{
	struct tcb *c = a->c;
	int64_t orphan = stack_rule(a->s, RULE_fin_wait_2);

	switch (c->state) {
	case REFTCP_FIN_WAIT_1:
		state_move(a->s, c, REFTCP_FIN_WAIT_2, CLAUSE_ACK_OF_FIN, a->now);
		if (c->forsaken && orphan)
			timer_set(c, TIMER_FIN_WAIT_2, a->now + (reftcp_time)orphan);
		return STEP_NEXT;
	case REFTCP_CLOSING:
		tcb_clear_timers(c);
		c->dup_ack_at_valid = false;
		state_move(a->s, c, REFTCP_TIME_WAIT, CLAUSE_ACK_OF_FIN, a->now);
		arrives_time_wait(a);
		return STEP_DONE;
	case REFTCP_LAST_ACK:
		tcb_delete(a->s, c, 0, CLAUSE_ACK_OF_FIN, a->now);
		return STEP_DONE;
	case REFTCP_CLOSED:
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
	case REFTCP_SYN_RECEIVED:
	case REFTCP_ESTABLISHED:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSE_WAIT:
	case REFTCP_TIME_WAIT:
		break;
	}
	return STEP_NEXT;
}

/* Fifth, check the ACK field: the synchronized states. */
static enum step_result fifth_ack(struct arrival *a)
{
	struct tcb *c = a->c;

	/* TIME-WAIT: only a retransmitted FIN asks for an answer, see the first step. */
	if (c->state == REFTCP_TIME_WAIT)
		return step_drop(a);
	if (!arrives_ack(a))
		return step_answered(a);
	return arrives_fin_acked(c) ? fin_acknowledged(a) : STEP_NEXT;
}

/* RFC 9293 3.6.1: the user is gone; data that still comes is lost, and a reset says so. */
static enum step_result half_duplex(struct arrival *a)
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
static enum step_result text_after_fin(struct arrival *a)
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
static enum step_result sixth_urgent(struct arrival *a)
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

/* Seventh, process the segment text. */
static enum step_result seventh_text(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!receives(c->state))
		return STEP_NEXT;
	ecn_arrived(c, a->seg->ecn, a->seg->ctl);
	if (a->fin && !c->rcv.fin_valid) {
		c->rcv.fin_valid = true;
		c->rcv.fin = seq_add(a->seq, a->text_len);
	}
	/* Text that came with the SYN may have moved RCV.NXT since the first step. */
	if (a->text_len && seq_lt(a->seq, c->rcv.nxt))
		trim(a);
	/* Nothing comes after a FIN. */
	if (c->rcv.fin_valid && seq_gt(seq_add(a->seq, a->text_len), c->rcv.fin))
		a->text_len = seq_lt(a->seq, c->rcv.fin) ? seq_diff(c->rcv.fin, a->seq) : 0;
	if (a->text_len && a->seg->ctl & CTL_PSH) {
		c->rcv.push = seq_add(a->seq, a->text_len);
		c->rcv.push_valid = true;
	}
	if (a->text_len)
		take_text(a);
	else if (c->rcv.dsack_valid || (a->fin && !seq_eq(a->seq, c->rcv.nxt)))
		window_ack_now(c);
	if (a->fin && seq_gt(c->rcv.fin, c->rcv.nxt) && c->sack_on &&
	    seq_in(c->rcv.fin, c->rcv.nxt, c->rcv.wnd) && stack_rule(a->s, RULE_sack_fin))
		reassembly_take_fin(c);
	return STEP_NEXT;
}

/* Eighth, check the FIN bit: one that came before the data in front of it waits its turn. */
static enum step_result eighth_fin(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!c->rcv.fin_valid || c->rcv.fin_done || !seq_eq(c->rcv.nxt, c->rcv.fin))
		return STEP_DONE;
	c->rcv.nxt = seq_add(c->rcv.nxt, 1);
	c->rcv.wnd -= c->rcv.wnd ? 1 : 0;
	c->rcv.fin_done = true;
	c->rcv.ranges = 0; /* what a peer sent beyond its own FIN */
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

static const struct step rows[] = {
	{"RFC 9293 3.10.7.4", "a request of a listener", mini_syn_received},
	{"RFC 9293 3.10.7.4", "TIME-WAIT by itself", mini_time_wait},
	{"RFC 9293 3.10.7.4", "an orphan's FIN-WAIT-2 by itself", mini_fin_wait_2},
	{"RFC 9293 3.10.7.4", "the ACK bit before all else", ack_bit_first},
	{"RFC 6191 2", "a SYN in TIME-WAIT", time_wait_syn},
	{"RFC 7323 5.3", "R1, PAWS", paws},
	{"RFC 9293 3.5", "a SYN,ACK for a SYN that crossed", crossed_syn_ack},
	{"RFC 9293 3.10.7.4", "first, check sequence number", first_sequence},
	{"RFC 5961 3.2", "a reset must be exact", blind_reset},
	{"RFC 7323 4.3", "remember the timestamp", note_timestamp},
	{"RFC 9293 3.9.2.1", "the way back", note_route},
	{"RFC 1337 3", "no reset in TIME-WAIT", assassination},
	{"RFC 9293 3.10.7.4", "second, check the RST bit", second_reset},
	{"RFC 9293 3.10.7.4", "fourth, check the SYN bit", fourth_syn},
	{"RFC 5961 4.2", "a SYN is challenged", blind_syn},
	{"RFC 9293 3.10.7.4", "fifth, is the ACK bit on", fifth_ack_bit},
	{"RFC 7323 4.3", "remember the timestamp now", note_timestamp_late},
	{"RFC 5961 5.2", "an ACK must not be too old", blind_data},
	{"RFC 9293 3.9.1.1", "room in the accept queue", accept_room},
	{"RFC 9293 3.10.7.4", "fifth, check the ACK field, SYN-RECEIVED", fifth_syn_received},
	{"RFC 9293 3.10.7.4", "fifth, check the ACK field", fifth_ack},
	{"RFC 9293 3.6.1", "data nobody will read", half_duplex},
	{"RFC 2883 4", "what came twice", what_came_twice},
	{"RFC 9293 3.10.7.4", "text behind the FIN", text_after_fin},
	{"RFC 9293 3.10.7.4", "sixth, check the URG bit", sixth_urgent},
	{"RFC 9293 3.10.7.4", "seventh, process the segment text", seventh_text},
	{"RFC 9293 3.10.7.4", "eighth, check the FIN bit", eighth_fin},
};

const struct step_list steps_other = {rows, sizeof(rows) / sizeof(rows[0])};
const size_t step_sixth = 24;
