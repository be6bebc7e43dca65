/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that some stacks keep as little as they can of, with checks of their own in place of
 * those of RFC 9293 3.10.7.4: a request that waits for the ACK of its SYN,ACK, TIME-WAIT, and
 * FIN-WAIT-2 once nobody holds it. Each step goes by a rule, and passes on what it has no say in.
 */
#include "reftcp/arrives.h"
#include "reftcp/challenge.h"
#include "reftcp/conntab.h"
#include "reftcp/reset.h"
#include "reftcp/rtxq.h"
#include "reftcp/timestamps.h"
#include "reftcp/window.h"

/* A segment without text at the left edge, or any that has something in the window; at the right
 * edge one that is empty. */
static bool in_window(const struct arrival *a)
{
	const struct tcb *c = a->c;
	struct seq seq = a->seg->seq, end = seq_add(seq, segment_length(a->seg));
	struct seq edge = seq_add(c->rcv.nxt, c->rcv.wnd);

	return seq_eq(seq, c->rcv.nxt) || (seq_gt(end, c->rcv.nxt) && seq_lt(seq, edge)) ||
	       (seq_eq(seq, edge) && seq_eq(seq, end));
}

/* RFC 7323 5.3, R1, resets included. */
static bool too_old(const struct arrival *a)
{
	return a->c->ts.on && a->seg->opt.has & TCPOPT_TS &&
	       timestamps_paws_rejects(a->c, a->seg->opt.ts_val, a->now);
}

static void note_timestamp(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!c->ts.on || !(a->seg->opt.has & TCPOPT_TS))
		return;
	c->ts.recent = a->seg->opt.ts_val;
	c->ts.recent_valid = true;
	c->ts.recent_at = a->now;
}

/* An ACK, unless there was one a moment ago. */
static enum step_result answer(struct arrival *a)
{
	if (!challenge_allowed(a->s, a->c, a->seg, a->now))
		return step_drop(a);
	window_ack_now(a->c);
	return step_answered(a);
}

static enum step_result end_with_reset(struct arrival *a, enum clause clause)
{
	reset_answer(a->s, a->seg);
	tcb_delete(a->s, a->c, 0, clause, a->now);
	return step_answered(a);
}

/* ---- SYN-RECEIVED ---- */

/* Our SYN,ACK once more, for the peer's SYN once more. */
static enum step_result syn_again(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!challenge_allowed(a->s, c, a->seg, a->now))
		return step_drop(a);
	if (c->rtx_head && c->rtx_head->flags & TXSEG_SYN)
		rtxq_mark_lost(c, c->rtx_head);
	return step_answered(a);
}

/* In the window: a SYN is the end of the request, and so is a reset that is exact. */
static enum step_result request_in_window(struct arrival *a)
{
	struct tcb *c = a->c;

	if (a->seg->ctl & CTL_RST) {
		if (seq_eq(a->seg->seq, c->rcv.nxt))
			return STEP_NEXT;
		challenge_ack(a->s, c, a->now);
		return step_answered(a);
	}
	if (a->seg->ctl & CTL_SYN && !seq_eq(a->seg->seq, c->rcv.irs)) {
		reset_answer(a->s, a->seg);
		tcb_return_to_listen(a->s, c, CLAUSE_SYN_IN_WINDOW, a->now);
		return step_answered(a);
	}
	if (!(a->seg->ctl & CTL_ACK) || (c->defer_accept && !segment_length(a->seg)))
		return step_drop(a);
	if (!seq_gt(a->seg->seq, c->rcv.nxt))
		note_timestamp(a);
	c->dup_ack_at_valid = false; /* the connection begins with a clock of its own */
	return STEP_NEXT;
}

/* Its listener was closed: whatever comes ends it, and is for whoever listens now. */
static enum step_result request_forgotten(struct arrival *a)
{
	tcb_delete(a->s, a->c, 0, CLAUSE_ABORT, a->now);
	a->c = conntab_listener(a->s, &a->seg->dst, &a->seg->src);
	if (a->c)
		return STEP_TO_LISTEN;
	reset_answer(a->s, a->seg);
	return step_answered(a);
}

enum step_result mini_syn_received(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;
	uint8_t ctl = seg->ctl & (CTL_SYN | CTL_ACK | CTL_RST);
	bool old = too_old(a);

	if (c->forgotten)
		return request_forgotten(a);
	if (c->state != REFTCP_SYN_RECEIVED || !c->from_listen || c->early ||
	    !stack_rule(a->s, RULE_syn_received_mini))
		return STEP_NEXT;
	if (seq_eq(seg->seq, c->rcv.irs) && ctl == CTL_SYN && !old)
		return syn_again(a);
	/* A wrong ACK is none of this request: it is as if its listener had got it. */
	if ((ctl & (CTL_ACK | CTL_RST)) == CTL_ACK && !seq_eq(seg->ack, seq_add(c->snd.iss, 1))) {
		reset_answer(a->s, seg);
		return step_answered(a);
	}
	if (old || !in_window(a))
		return ctl & CTL_RST ? step_drop(a) : answer(a);
	return request_in_window(a);
}

/* ---- TIME-WAIT ---- */

/* RFC 6191 2. The steps of LISTEN take it from there. */
static bool opens_anew(const struct arrival *a)
{
	const struct segment *seg = a->seg;
	const struct tcb *c = a->c;

	if ((seg->ctl & (CTL_SYN | CTL_RST | CTL_ACK)) != CTL_SYN)
		return false;
	return seq_gt(seg->seq, c->rcv.nxt) ||
	       (c->ts.on && c->ts.recent_valid && seg->opt.has & TCPOPT_TS &&
		timestamps_older(c->ts.recent, seg->opt.ts_val));
}

enum step_result mini_time_wait(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;
	bool old = too_old(a);

	if (c->state != REFTCP_TIME_WAIT || !stack_rule(a->s, RULE_time_wait_mini))
		return STEP_NEXT;
	if (!old && seq_eq(seg->seq, c->rcv.nxt) &&
	    (segment_length(seg) == 0 || seg->ctl & CTL_RST)) {
		if (seg->ctl & CTL_RST)
			return STEP_NEXT; /* whether it is taken is a rule of its own */
		arrives_time_wait(a);
		note_timestamp(a);
		return step_drop(a);
	}
	if (!old && opens_anew(a)) {
		if (conntab_listener(a->s, &seg->dst, &seg->src))
			return STEP_NEXT;
		window_ack_now(c);
		return step_answered(a);
	}
	if (seg->ctl & CTL_RST)
		return step_drop(a);
	/* A SYN without an ACK may be an old one, or a new one that is not new enough. */
	if (old || seg->ctl & CTL_ACK)
		arrives_time_wait(a);
	return answer(a);
}

/* ---- FIN-WAIT-2 ---- */

enum step_result mini_fin_wait_2(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;
	struct seq end = seq_add(seg->seq, segment_length(seg));

	if (c->state != REFTCP_FIN_WAIT_2 || !c->forsaken ||
	    !stack_rule(a->s, RULE_fin_wait_2_mini))
		return STEP_NEXT;
	if (too_old(a) || !in_window(a))
		return answer(a);
	if (seg->ctl & CTL_RST) {
		tcb_delete(a->s, c, 0, CLAUSE_RESET, a->now);
		return STEP_DONE;
	}
	if (seg->ctl & CTL_SYN && !seq_lt(seg->seq, c->rcv.nxt))
		return end_with_reset(a, CLAUSE_HALF_DUPLEX);
	if (!(seg->ctl & CTL_ACK) || !seq_gt(end, c->rcv.nxt) || segment_length(seg) == 0)
		return step_drop(a);
	if (!(seg->ctl & CTL_FIN) || !seq_eq(end, seq_add(c->rcv.nxt, 1)))
		return end_with_reset(a, CLAUSE_HALF_DUPLEX);
	note_timestamp(a);
	c->rcv.nxt = end;
	c->rcv.fin_done = true;
	tcb_clear_timers(c);
	window_ack_now(c);
	state_move(a->s, c, REFTCP_TIME_WAIT, CLAUSE_FIN, a->now);
	arrives_time_wait(a);
	return step_answered(a);
}
