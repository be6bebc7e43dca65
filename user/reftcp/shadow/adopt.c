/* SPDX-License-Identifier: BSD-2-Clause */
/* What an endpoint sent, made the shadow's own: the counterpart of output.c, with the choices
 * taken from the segment instead of made. */
#include <errno.h>

#include "reftcp/rtxq.h"
#include "reftcp/shadow/shadow.h"
#include "reftcp/timestamps.h"

void shadow_adopt_iss(struct tcb *c, struct seq iss)
{
	c->snd.iss = iss;
	c->snd.una = iss;
	c->snd.nxt = seq_add(iss, 1);
	c->snd.up = iss;
	if (c->rtx_head)
		c->rtx_head->seq = iss;
}

static void learn_receive(struct tcb *c, struct seq nxt)
{
	if (c->shadow_rcv_known)
		return;
	c->shadow_rcv_known = true;
	c->rcv.nxt = c->ts.last_ack_sent = nxt;
	c->rcv.read = seq_sub(nxt, c->rcv.fin_done);
	c->rcv.irs = seq_sub(nxt, 1);
}

static void learn_send(struct tcb *c, struct seq nxt)
{
	if (c->shadow_snd_known)
		return;
	c->shadow_snd_known = true;
	c->snd.una = c->snd.nxt = nxt;
	c->snd.iss = seq_sub(nxt, 1);
}

void shadow_learn_sent(struct tcb *c, const struct segment *seg)
{
	if (!c->shadow_joined)
		return;
	learn_send(c, seg->seq);
	if (seg->ctl & CTL_ACK)
		learn_receive(c, seg->ack);
}

void shadow_learn_received(struct tcb *c, const struct segment *seg)
{
	if (!c->shadow_joined)
		return;
	learn_receive(c, seg->seq);
	if (!(seg->ctl & CTL_ACK))
		return;
	learn_send(c, seg->ack);
	/* It acknowledges what was sent before we came. */
	if (seq_gt(seg->ack, c->snd.nxt) && !c->snd.fin_sent && !c->rtx_head)
		c->snd.una = c->snd.nxt = seg->ack;
}

/* SND.NXT moves over what is new; one queue entry stands for all that is out. */
static void extend(struct reftcp_shadows *set, struct tcb *c, uint32_t text, bool fin,
		   reftcp_time now)
{
	uint32_t len = text + fin;

	if (!len)
		return;
	if (c->rtx_tail)
		c->rtx_tail->len += len;
	else
		rtxq_push(set->stack, c, c->snd.nxt, len, 0, now);
	c->snd.queued += text;
	c->snd.stream.high += text;
	c->snd.nxt = seq_add(c->snd.nxt, len);
}

/* A FIN is the CLOSE call and its segment in one, unless the call was told of before. */
static void adopt_fin(struct reftcp_shadows *set, struct tcb *c, struct seq at, reftcp_time now)
{
	if (c->snd.fin_sent)
		return;
	c->snd.fin_queued = true;
	c->snd.fin_sent = true;
	c->snd.fin = at;
	if (c->state == REFTCP_ESTABLISHED || c->state == REFTCP_SYN_RECEIVED)
		state_move(set->stack, c, REFTCP_FIN_WAIT_1, CLAUSE_CLOSE, now);
	else if (c->state == REFTCP_CLOSE_WAIT)
		state_move(set->stack, c, REFTCP_LAST_ACK, CLAUSE_CLOSE, now);
}

static void adopt_window(struct tcb *c, const struct segment *seg)
{
	uint32_t scale = c->scale_on && !(seg->ctl & CTL_SYN) ? c->rcv.scale : 0;
	struct seq edge = seq_add(seg->ack, (uint32_t)seg->wnd << scale);

	/* It took more than the shadow had seen or kept: go on from where the endpoint is. */
	if (seq_gt(seg->ack, c->rcv.nxt) && !c->rcv.fin_done) {
		c->rcv.wnd -= seq_diff(seg->ack, c->rcv.nxt) < c->rcv.wnd
				      ? seq_diff(seg->ack, c->rcv.nxt)
				      : c->rcv.wnd;
		c->rcv.nxt = c->rcv.read = seg->ack;
		c->rcv.ranges = 0;
		c->rcv.stream.high = 0;
		c->shadow_blind = c->shadow_joined;
	}
	if (seq_gt(edge, seq_add(c->rcv.nxt, c->rcv.wnd)))
		c->rcv.wnd = seq_diff(edge, c->rcv.nxt);
	if (seq_gt(seg->ack, c->ts.last_ack_sent))
		c->ts.last_ack_sent = seg->ack;
}

/* Agreed on is what both SYNs had. */
static void agree(struct tcb *c)
{
	c->scale_on = c->scale_on && c->shadow_offers & TCPOPT_SCALE;
	c->snd.scale = c->scale_on ? c->snd.scale : 0;
	c->rcv.scale = c->scale_on ? c->shadow_scale : 0;
	c->sack_on = c->sack_on && c->shadow_offers & TCPOPT_SACK_OK;
	c->ts.on = c->ts.on && c->shadow_offers & TCPOPT_TS;
}

/* The options and the window the endpoint itself put into its SYN or SYN,ACK. */
static void adopt_syn(struct tcb *c, const struct segment *seg)
{
	c->shadow_offers = seg->opt.has;
	c->shadow_scale = seg->opt.has & TCPOPT_SCALE ? seg->opt.scale : 0;
	c->shadow_wnd = seg->wnd;
	c->rcv.wnd = seg->wnd;
	if (seg->ctl & CTL_ACK) {
		agree(c);
		c->ts.last_ack_sent = seg->ack;
	}
}

void shadow_opened(struct tcb *c)
{
	agree(c);
	c->rcv.wnd = c->shadow_wnd;
}

void shadow_adopt(struct reftcp_shadows *set, struct tcb *c, const struct segment *seg,
		  reftcp_time now)
{
	struct seq text_end = seq_add(seg->seq, seg->text_len);
	uint32_t fresh;

	if (seg->ctl & CTL_RST) {
		/* RFC 9293 3.5.2 (2): one that answers a bad ACK leaves the state as it is. */
		if (!state_synchronized(c->state) && c->shadow_reset_valid &&
		    seq_eq(seg->seq, c->shadow_reset))
			return;
		tcb_delete(set->stack, c, -ECONNABORTED, CLAUSE_ABORT, now);
		return;
	}
	if (seg->ctl & CTL_SYN) {
		adopt_syn(c, seg);
		return;
	}
	if (seg->ctl & CTL_ACK)
		adopt_window(c, seg);
	if (!state_synchronized(c->state) && c->state != REFTCP_SYN_RECEIVED)
		return;
	fresh = seq_gt(text_end, c->snd.nxt) && !c->snd.fin_sent ? seq_diff(text_end, c->snd.nxt)
								 : 0;
	extend(set, c, fresh, false, now);
	if (seg->ctl & CTL_FIN && !c->snd.fin_sent) {
		extend(set, c, 0, true, now);
		adopt_fin(set, c, text_end, now);
	}
}

void shadow_hush(struct reftcp_shadows *set, struct tcb *c)
{
	reftcp_time time_wait = c->deadline[TIMER_TIME_WAIT];

	set->stack->reply_count = 0;
	if (!c->in_use)
		return;
	/* Loss is the endpoint's to find; one entry stands for all of its queue. */
	if (c->rtx_head)
		c->rtx_head->flags = 0;
	c->sacked = c->lost = c->retrans = c->sacked_count = 0;
	c->phase = PHASE_OPEN;
	c->dup_acks = 0;
	tcb_clear_timers(c);
	c->deadline[TIMER_TIME_WAIT] = time_wait;
	c->owe = 0;
	c->events = 0;
	stack_unlist(set->stack, c, LIST_READY);
	stack_settle_timers(set->stack, c);
}
