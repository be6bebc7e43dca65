/* SPDX-License-Identifier: BSD-2-Clause */
/* SEGMENT ARRIVES in CLOSED, LISTEN and SYN-SENT, RFC 9293 3.10.7.1 to 3.10.7.3. The security
 * checks (third in LISTEN and SYN-SENT) are not here: there are no compartments (A.1). */
#include "reftcp/arrives.h"

#include <errno.h>

#include "reftcp/congestion.h"
#include "reftcp/cookie.h"
#include "reftcp/conntab.h"
#include "reftcp/ecn.h"
#include "reftcp/fastopen.h"
#include "reftcp/listen.h"
#include "reftcp/mss.h"
#include "reftcp/reset.h"
#include "reftcp/rto.h"
#include "reftcp/rtxq.h"
#include "reftcp/secret.h"
#include "reftcp/timestamps.h"
#include "reftcp/uto.h"
#include "reftcp/window.h"

/* ---- 3.10.7.1, CLOSED ---- */

static enum step_result closed_answer(struct arrival *a)
{
	if (a->seg->ctl & CTL_RST)
		return step_drop(a);
	reset_answer(a->s, a->seg);
	return step_answered(a);
}

static const struct step closed_rows[] = {
	{"RFC 9293 3.10.7.1", "CLOSED, answer with a reset", closed_answer},
};

/* ---- 3.10.7.2, LISTEN ---- */

/* First, check for a RST: it should be ignored. */
static enum step_result listen_reset(struct arrival *a)
{
	return a->seg->ctl & CTL_RST ? step_drop(a) : STEP_NEXT;
}

/*
 * DEVIATES RFC 9293 3.10.7.2, second: RFC 4987 3.6, an ACK that gives back a cookie of ours opens
 * the connection nothing had been remembered of.
 */
static enum step_result listen_cookie(struct arrival *a)
{
	struct tcb *c;

	if (!a->s->config.syn_cookies || !a->c->backlog ||
	    (a->seg->ctl & (CTL_ACK | CTL_SYN)) != CTL_ACK)
		return STEP_NEXT;
	if (!cookie_valid(a)) {
		a->s->counters.cookies_failed += a->c->cookie_at_valid;
		return STEP_NEXT;
	}
	if (!listen_accept_room(a->s, a->c)) {
		a->s->counters.accept_queue_full++;
		return step_drop(a);
	}
	c = cookie_open(a);
	if (!c)
		return step_drop(a);
	a->c = c;
	return STEP_TO_OTHER;
}

/* Second, check for an ACK: any is bad. */
static enum step_result listen_ack(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_ACK))
		return STEP_NEXT;
	reset_answer(a->s, a->seg);
	return step_answered(a);
}

/* The TCB the SYN is for: the listener itself, or a child of it; null, and what became of the
 * SYN is said, where there is no room. */
static struct tcb *take_listener(struct arrival *a)
{
	struct tcb *c = a->c;

	if (c->backlog) {
		if (!listen_syn_room(c) && a->s->config.syn_cookies) {
			cookie_send(a);
			a->disposition = REFTCP_ANSWERED;
			return NULL;
		}
		if (!listen_syn_room(c) || !listen_accept_room(a->s, c)) {
			a->s->counters.syn_dropped++;
			a->disposition = REFTCP_DROPPED;
			return NULL;
		}
		c = listen_child(a->s, c, &a->seg->dst, &a->seg->src);
		if (!c) {
			a->s->counters.syn_dropped++;
			a->disposition = REFTCP_DROPPED;
		}
		return c;
	}
	conntab_unlisten(a->s, c);
	c->listen_local = c->local;
	c->listen_remote = c->remote;
	c->from_listen = true;
	c->local = a->seg->dst;
	c->remote = a->seg->src;
	conntab_add(a->s, c); /* no connection has this name, or it would have been found */
	return c;
}

static struct seq choose_iss(const struct arrival *a, const struct tcb *c)
{
	struct seq iss = secret_isn(&a->s->key, &c->local, &c->remote, a->now);
	int64_t step = stack_rule(a->s, RULE_time_wait_isn_step);

	if (!a->iss_floor_valid)
		return iss;
	if (step)
		return seq_add(a->iss_floor, (uint32_t)step);
	/* RFC 9293 3.6.1: larger than any the connection before has used [MAY-2]. */
	return seq_gt(iss, a->iss_floor) ? iss : seq_add(a->iss_floor, 1u << 16);
}

/* Third, check for a SYN. */
static enum step_result listen_syn(struct arrival *a)
{
	const struct tcb *listener = a->c;
	struct tcb *c;

	if (!(a->seg->ctl & CTL_SYN))
		return STEP_NEXT;
	if (a->seg->ctl & CTL_FIN && stack_rule(a->s, RULE_syn_fin_dropped))
		return step_drop(a);
	c = take_listener(a);
	if (!c)
		return STEP_DONE;
	a->c = c;
	a->s->counters.passive_opens++;
	tcb_start_receive(c, a->seg->seq);
	window_open(c);
	arrives_note_route(a);
	state_move(a->s, c, REFTCP_SYN_RECEIVED, CLAUSE_SYN_IN_LISTEN, a->now);
	tcb_start_send(a->s, c, choose_iss(a, c), a->now);
	arrives_negotiate(a);
	arrives_set_window(a, a->seg->wnd);
	arrives_hold_text(a);
	fastopen_syn(a, listener);
	return STEP_DONE;
}

/* Fourth, other data or control: drop the segment. */
static enum step_result listen_other(struct arrival *a)
{
	return step_drop(a);
}

static const struct step listen_rows[] = {
	{"RFC 9293 3.10.7.2", "first, check for a RST", listen_reset},
	{"RFC 4987 3.6", "a SYN cookie comes back", listen_cookie},
	{"RFC 9293 3.10.7.2", "second, check for an ACK", listen_ack},
	{"RFC 9293 3.10.7.2", "third, check for a SYN", listen_syn},
	{"RFC 9293 3.10.7.2", "fourth, other data or control", listen_other},
};

/* ---- 3.10.7.3, SYN-SENT ---- */

/* First, check the ACK bit: SEG.ACK =< ISS or SEG.ACK > SND.NXT is answered by a reset. */
static enum step_result syn_sent_ack(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_ACK))
		return STEP_NEXT;
	if (seq_gt(a->seg->ack, a->c->snd.iss) && seq_leq(a->seg->ack, a->c->snd.nxt))
		return STEP_NEXT;
	if (a->seg->ctl & CTL_RST)
		return step_drop(a);
	reset_answer(a->s, a->seg);
	return step_answered(a);
}

/* RFC 7323 3.2: what comes back must have been sent, between the first SYN and now. */
static enum step_result syn_sent_echo(struct arrival *a)
{
	const struct tcpopt *opt = &a->seg->opt;
	struct tcb *c = a->c;

	if (!stack_rule(a->s, RULE_syn_ack_echo_checked) || !(a->seg->ctl & CTL_ACK) ||
	    a->seg->ctl & CTL_RST || !(opt->has & TCPOPT_TS) || !opt->ts_ecr || !c->ts.first_valid)
		return STEP_NEXT;
	if (opt->ts_ecr - c->ts.first <= timestamps_now(c, a->now) - c->ts.first)
		return STEP_NEXT;
	a->s->counters.paws_dropped++;
	reset_answer(a->s, a->seg);
	return step_answered(a);
}

/* Second, check the RST bit: taken only with an acceptable ACK. */
static enum step_result syn_sent_reset(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_RST))
		return STEP_NEXT;
	if (!(a->seg->ctl & CTL_ACK))
		return step_drop(a);
	a->s->counters.resets_received++;
	tcb_delete(a->s, a->c, -ECONNREFUSED, CLAUSE_RESET_IN_SYN_SENT, a->now);
	return STEP_DONE;
}

/* Fourth, our SYN is acknowledged. */
static enum step_result syn_sent_established(struct arrival *a)
{
	struct tcb *c = a->c;

	arrives_acknowledged(a);
	fastopen_answered(a);
	state_move(a->s, c, REFTCP_ESTABLISHED, CLAUSE_SYN_ACK, a->now);
	/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, with data if there is any. */
	window_ack_now(c);
	window_opened_with_data(a->s, c, a->now);
	arrives_established(a);
	a->seq = c->rcv.nxt;
	/* With Fast Open text of a SYN,ACK is what the peer answers to ours. */
	if (!stack_rule(a->s, RULE_syn_text_kept) && !(a->s->config.fast_open && c->fast_open))
		return STEP_DONE;
	return a->text_len || a->fin || a->seg->ctl & CTL_URG ? STEP_TO_SIXTH : STEP_DONE;
}

/* Fourth, check the SYN bit. */
static enum step_result syn_sent_syn(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!(a->seg->ctl & CTL_SYN))
		return STEP_NEXT;
	tcb_start_receive(c, a->seg->seq);
	window_open(c);
	arrives_negotiate(a);
	arrives_set_window(a, a->seg->wnd);
	if (a->seg->ctl & CTL_ACK)
		return syn_sent_established(a);
	state_move(a->s, c, REFTCP_SYN_RECEIVED, CLAUSE_SYN_CROSSED, a->now);
	/* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>: the same SYN, now with an ACK. */
	c->rtx_head->flags |= TXSEG_FRESH;
	rtxq_mark_lost(c, c->rtx_head);
	arrives_hold_text(a);
	return STEP_DONE;
}

/* Fifth, if neither of the SYN or RST bits is set, then drop the segment. */
static enum step_result syn_sent_other(struct arrival *a)
{
	return step_drop(a);
}

static const struct step syn_sent_rows[] = {
	{"RFC 9293 3.10.7.3", "first, check the ACK bit", syn_sent_ack},
	{"RFC 7323 3.2", "the timestamp that comes back", syn_sent_echo},
	{"RFC 9293 3.10.7.3", "second, check the RST bit", syn_sent_reset},
	{"RFC 9293 3.10.7.3", "fourth, check the SYN bit", syn_sent_syn},
	{"RFC 9293 3.10.7.3", "fifth, neither SYN nor RST", syn_sent_other},
};

#define LIST(rows)                                     \
	{                                              \
		rows, sizeof(rows) / sizeof((rows)[0]) \
	}

const struct step_list steps_closed = LIST(closed_rows);
const struct step_list steps_listen = LIST(listen_rows);
const struct step_list steps_syn_sent = LIST(syn_sent_rows);

/* ---- shared ---- */

void arrives_note_route(struct arrival *a)
{
	struct tcb *c = a->c;

	if (a->s->config.source_routes && a->seg->routed && c->from_listen && !c->route_given)
		route_back(&c->route, a->seg->routed, &a->seg->src.addr);
}

void arrives_negotiate(struct arrival *a)
{
	const struct tcpopt *opt = &a->seg->opt;
	struct tcb *c = a->c;

	if (opt->has & TCPOPT_MSS)
		mss_from_peer(c, opt->mss);
	/* RFC 7323 2.2: scaling, only when both SYNs had the option. */
	c->scale_on = a->s->config.window_scale && opt->has & TCPOPT_SCALE;
	c->snd.scale = c->scale_on ? opt->scale : 0;
	c->rcv.scale = c->scale_on ? window_scale_for(a->s->config.recv_buffer) : 0;
	c->sack_on = a->s->config.sack && opt->has & TCPOPT_SACK_OK;
	if (a->s->config.timestamps && opt->has & TCPOPT_TS)
		timestamps_start(c, opt->ts_val, a->now);
	ecn_negotiate(a->s, c, a->seg->ctl);
	uto_arrived(c, opt);
	c->cc->init(c); /* the MSS is known now */
}

void arrives_hold_text(struct arrival *a)
{
	struct tcb *c = a->c;
	uint32_t n = a->text_len < c->rcv.wnd ? a->text_len : c->rcv.wnd;

	/* A flood of SYNs with text must not take the space of connections. */
	if (!n || !stack_rule(a->s, RULE_syn_text_kept) ||
	    a->s->chunks.available <= a->s->chunks.count / 2)
		return;
	if (stream_write(&c->rcv.stream, &a->s->chunks, 0, a->text, n) == 0)
		c->rcv.held = n;
}

static void take_held(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!c->rcv.held)
		return;
	c->rcv.nxt = seq_add(c->rcv.nxt, c->rcv.held);
	c->rcv.wnd -= c->rcv.held;
	c->rcv.held = 0;
	window_ack_now(c);
	stack_tell(a->s, c, REFTCP_EVENT_READABLE);
}

void arrives_established(struct arrival *a)
{
	struct tcb *c = a->c;

	if (c->retransmits)
		rto_after_lost_syn(a->s, c);
	take_held(a);
	c->told.data_received_at = c->told.data_sent_at = c->told.ack_received_at = a->now;
	c->keep.heard_at = a->now;
	if (c->keep.on)
		timer_set(c, TIMER_KEEPALIVE, a->now + c->keep.idle);
	stack_tell(a->s, c, REFTCP_EVENT_ESTABLISHED);
	listen_established(a->s, c);
	if (!c->close_queued)
		return;
	/* RFC 9293 3.10.4, SYN-RECEIVED: the CLOSE that was queued. */
	c->close_queued = false;
	c->snd.fin_queued = true;
	state_move(a->s, c, REFTCP_FIN_WAIT_1, CLAUSE_CLOSE, a->now);
}
