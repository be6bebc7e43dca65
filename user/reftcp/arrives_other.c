/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEGMENT ARRIVES in the other eight states, RFC 9293 3.10.7.4. The rows at the end of the file
 * are the order of things; each function is one row. The third check of the text (security) has
 * no row: there are no compartments (A.1).
 */
#include "reftcp/arrives.h"

#include <errno.h>

#include "reftcp/challenge.h"
#include "reftcp/close.h"
#include "reftcp/conntab.h"
#include "reftcp/ecn.h"
#include "reftcp/listen.h"
#include "reftcp/reassembly.h"
#include "reftcp/reset.h"
#include "reftcp/rto.h"
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

static bool pure_ack(const struct segment *seg)
{
	return seg->ctl & CTL_ACK && !segment_length(seg);
}

/* By rule: the last ACK once more, overtaken by what was sent after it and not by much. */
static bool old_ack_passes(const struct arrival *a)
{
	const struct segment *seg = a->seg;
	const struct tcb *c = a->c;
	uint32_t wnd = (uint32_t)seg->wnd << c->snd.scale;

	return stack_rule(a->s, RULE_paws_old_acks) && pure_ack(seg) &&
	       seq_eq(seg->seq, c->rcv.nxt) && seq_eq(seg->ack, c->snd.una) &&
	       !seq_lt(c->snd.wl1, seg->seq) && wnd && wnd <= c->snd.wnd &&
	       c->ts.recent - seg->opt.ts_val <= rto_current(a->s, c) / REFTCP_MS * 6 / 5;
}

/* RFC 7323 5.3 R1, and 3.2: once agreed on, every segment but a RST has timestamps. */
static enum step_result paws(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;

	uint32_t slack = (uint32_t)stack_rule(a->s, RULE_paws_slack);

	if (!c->ts.on || seg->ctl & CTL_RST)
		return STEP_NEXT;
	if (!(seg->opt.has & TCPOPT_TS)) {
		if (stack_rule(a->s, RULE_timestamp_missing_taken))
			return STEP_NEXT;
		a->s->counters.paws_dropped++;
		return step_drop(a);
	}
	if (!timestamps_paws_rejects(c, seg->opt.ts_val + slack, a->now))
		return STEP_NEXT;
	if (old_ack_passes(a))
		return STEP_NEXT;
	a->s->counters.paws_dropped++;
	if (stack_rule(a->s, RULE_paws_old_acks) && pure_ack(seg) && seq_lt(seg->seq, c->rcv.nxt))
		return step_drop(a);
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
static bool acceptable_edges(const struct tcb *c, struct seq seq, uint32_t len, bool fin)
{
	struct seq edge = seq_add(c->rcv.nxt, c->rcv.wnd), end = seq_add(seq, len);
	bool queued = !c->forsaken && (tcb_unread(c) || (c->rcv.fin_done && !c->rcv.end_read));

	/* Text that reaches beyond is taken only as long as nothing else waits to be read. */
	return !seq_lt(end, c->ts.last_ack_sent) && !seq_gt(seq, edge) &&
	       !(queued && seq_gt(seq_sub(end, fin), edge));
}

static bool in_window(const struct arrival *a)
{
	uint32_t len = segment_length(a->seg);

	return stack_rule(a->s, RULE_window_edges)
		       ? acceptable_edges(a->c, a->seg->seq, len, a->seg->ctl & CTL_FIN)
		       : acceptable(a->c, a->seg->seq, len);
}

/* "Trimming off any portions that lie outside the window (including SYN and FIN)." */
void arrives_trim(struct arrival *a)
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
	if (stack_rule(a->s, RULE_window_edges) && seq_in(a->seq, c->rcv.nxt, c->rcv.wnd))
		return; /* all of a segment that begins in the window */
	if (seq_gt(seq_add(a->seq, a->text_len), edge)) {
		a->text_len = seq_lt(a->seq, edge) ? seq_diff(edge, a->seq) : 0;
		a->fin = false;
	}
	if (a->fin && seq_geq(seq_add(a->seq, a->text_len), edge))
		a->fin = false;
}

/* RFC 2883 4: what came twice is told with the ACK that answers it. */
void arrives_note_duplicate(struct arrival *a)
{
	struct tcb *c = a->c;
	uint32_t len = a->seg->text_len;
	bool crossed = stack_rule(a->s, RULE_crossed_syn_ack_taken);

	len += a->seg->ctl & CTL_FIN && stack_rule(a->s, RULE_sack_fin);
	if (!c->sack_on || a->seg->ctl & (CTL_RST | CTL_SYN) ||
	    (c->state == REFTCP_SYN_RECEIVED && (c->from_listen || !crossed)) ||
	    !reassembly_duplicate(c, a->seg->seq, len, &c->rcv.dsack))
		return;
	c->rcv.dsack_valid = true;
	c->ack.interactive = false;
	window_quick_acks(a->s, c);
	a->s->counters.dsack_sent++;
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
		arrives_trim(a);
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
		arrives_note_duplicate(a);
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
	if (!c->sack_on)
		return false;
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
	bool pipe, told, refused = stack_rule(a->s, RULE_crossed_refused);

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
			tcb_delete(a->s, c, refused ? -ECONNREFUSED : -ECONNRESET, CLAUSE_RESET,
				   a->now);
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
		told = stack_rule(a->s, RULE_reset_told_closing);
		tcb_delete(a->s, c, told ? -ECONNRESET : 0, CLAUSE_RESET, a->now);
		return STEP_DONE;
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

/* What header prediction takes, which looks at little more than that nothing is new. */
static bool predicted(const struct arrival *a)
{
	const struct segment *seg = a->seg;
	const struct tcb *c = a->c;

	return c->state == REFTCP_ESTABLISHED && (seg->ctl & ~CTL_PSH) == CTL_ACK &&
	       seq_eq(seg->seq, c->rcv.nxt) && seq_eq(c->ts.last_ack_sent, c->rcv.nxt) &&
	       !c->rcv.ranges && !c->rcv.fin_valid &&
	       (uint32_t)seg->wnd << c->snd.scale == c->snd.wnd;
}

/* RFC 7323 4.3, by rule not before it is clear that SEG.ACK is no lie. */
static enum step_result note_timestamp_late(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *c = a->c;

	if (c->ts.on && seg->opt.has & TCPOPT_TS && !seq_gt(seg->ack, c->snd.nxt) &&
	    (!seq_lt(seg->ack, c->snd.una) || predicted(a)) &&
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
	    listen_accept_room(a->s, c->parent))
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

/* FIN-WAIT-2 has begun, perhaps with nobody to hold it. */
static enum step_result orphan_waits(struct arrival *a)
{
	struct tcb *c = a->c;
	enum close_orphan what;

	if (!c->forsaken)
		return STEP_NEXT;
	what = close_orphan(a->s, c, a->now);
	if (what == ORPHAN_RESET)
		reset_answer(a->s, a->seg);
	if (what == ORPHAN_RESET || what == ORPHAN_FULL) {
		tcb_delete(a->s, c, 0,
			   what == ORPHAN_FULL ? CLAUSE_TIME_WAIT_FULL : CLAUSE_FIN_WAIT_2_TIMEOUT,
			   a->now);
		return STEP_DONE;
	}
	if (!a->text_len && !(a->seg->ctl & CTL_FIN) && stack_rule(a->s, RULE_fin_wait_2_mini))
		return step_drop(a); /* nobody is left to look at the rest */
	return STEP_NEXT;
}

/* The moves that wait for our FIN to be acknowledged. */
static enum step_result fin_acknowledged(struct arrival *a)
{
	struct tcb *c = a->c;

	switch (c->state) {
	case REFTCP_FIN_WAIT_1:
		state_move(a->s, c, REFTCP_FIN_WAIT_2, CLAUSE_ACK_OF_FIN, a->now);
		return orphan_waits(a);
	case REFTCP_CLOSING:
		if (!tcb_count_mini(a->s, c)) {
			tcb_delete(a->s, c, 0, CLAUSE_TIME_WAIT_FULL, a->now);
			return STEP_DONE;
		}
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
	{"RFC 9293 3.6.1", "data nobody will read", text_nobody_reads},
	{"RFC 2883 4", "what came twice", text_came_twice},
	{"RFC 9293 3.10.7.4", "text behind the FIN", text_after_fin},
	{"RFC 9293 3.10.7.4", "sixth, check the URG bit", text_sixth_urgent},
	{"RFC 9293 3.10.7.4", "seventh, process the segment text", text_seventh},
	{"RFC 9293 3.10.7.4", "eighth, check the FIN bit", text_eighth_fin},
};

const struct step_list steps_other = {rows, sizeof(rows) / sizeof(rows[0])};
const size_t step_sixth = 24;
