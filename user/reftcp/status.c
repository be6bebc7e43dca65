/* SPDX-License-Identifier: BSD-2-Clause */
/* STATUS call, RFC 9293 3.10.6 and 3.9.1.5, and the options of a connection. */
#include <errno.h>

#include "reftcp/congestion.h"
#include "reftcp/mss.h"
#include "reftcp/rto.h"
#include "reftcp/stack.h"
#include "reftcp/urgent.h"
#include "reftcp/window.h"

static void fill_state(const struct tcb *c, struct reftcp_status *out)
{
	out->state = c->state;
	out->error = c->error;
	out->soft_error = c->soft_error;
	out->local = c->local;
	out->remote = c->remote;
	out->snd_una = c->snd.una.n;
	out->snd_nxt = c->snd.nxt.n;
	out->snd_wnd = c->snd.wnd;
	out->iss = c->snd.iss.n;
	out->rcv_nxt = c->rcv.nxt.n;
	out->rcv_wnd = c->rcv.wnd;
	out->irs = c->rcv.irs.n;
	out->unread = tcb_unread(c);
	out->urgent_left = urgent_left(c);
	out->dscp = c->dscp;
	out->received_dscp = c->received_dscp;
	out->backlog = c->backlog;
	out->accept_queue = c->accept_count;
	out->syn_queue = c->syn_count;
	out->end = c->rcv.fin_done;
	out->early = c->early;
	out->syn_data = c->syn_data;
	out->rcv_mss = c->rcv_mss_est;
	out->own_mss = c->own_mss;
	out->path_mtu = c->path_mtu;
}

static void fill_path(const struct reftcp_stack *s, const struct tcb *c, struct reftcp_status *out)
{
	out->cwnd = c->cwnd;
	out->ssthresh = c->ssthresh;
	out->srtt = c->rtt.measured ? c->rtt.srtt : 0;
	out->rttvar = c->rtt.rttvar;
	out->rto = rto_current(s, c);
	out->user_timeout = c->user_timeout;
	out->retransmits = c->retransmits;
	out->sack = c->sack_on;
	out->timestamps = c->ts.on;
	out->window_scale = c->scale_on;
	out->ecn = c->ecn.on;
	out->nagle = c->nagle;
	out->snd_scale = c->snd.scale;
	out->rcv_scale = c->rcv.scale;
	out->congestion = c->cc->name;
	/* Before the SYN there is nothing to reckon with. */
	if (c->state == REFTCP_CLOSED || c->state == REFTCP_LISTEN)
		return;
	out->mss = mss_effective(c);
	out->unsent = tcb_unsent(c);
	out->unacked = seq_diff(c->snd.nxt, c->snd.una);
}

static enum reftcp_phase phase_of(const struct tcb *c)
{
	switch (c->phase) {
	case PHASE_OPEN:
		return c->sacked || c->dup_acks ? REFTCP_PHASE_DISORDER : REFTCP_PHASE_OPEN;
	case PHASE_CWR:
		return REFTCP_PHASE_REDUCED;
	case PHASE_RECOVERY:
		return REFTCP_PHASE_RECOVERY;
	case PHASE_LOSS:
		return REFTCP_PHASE_LOSS;
	}
	return REFTCP_PHASE_OPEN;
}

static void fill_recovery(const struct tcb *c, struct reftcp_status *out)
{
	out->phase = phase_of(c);
	out->segments_out = c->rtx_count;
	out->segments_sacked = c->sacked_count;
	for (const struct txseg *seg = c->rtx_head; seg; seg = seg->next) {
		out->segments_lost += !!(seg->flags & TXSEG_LOST);
		out->segments_again += !!(seg->flags & TXSEG_RETRANS);
	}
	out->delivered = c->told.delivered;
	out->delivered_ce = c->told.delivered_ce;
	out->dsacks = c->told.dsacks;
	out->reorderings = c->told.reorderings;
	out->reordering = c->reordering;
	out->timeouts = c->retries;
	out->backoff = c->rtt.backoff;
	out->probes = c->probes;
	out->min_rtt = c->rack.valid ? c->rack.min_rtt : REFTCP_NEVER;
}

static void fill_times(const struct tcb *c, struct reftcp_status *out)
{
	out->data_sent_at = c->told.data_sent_at;
	out->data_received_at = c->told.data_received_at;
	out->ack_received_at = c->told.ack_received_at;
	out->busy = c->told.busy;
	out->window_limited = c->told.window_limited;
	out->buffer_limited = c->told.buffer_limited;
	out->limits_at = c->told.limit == LIMIT_NONE ? 0 : c->told.limit_since;
	out->limit_window = c->told.limit == LIMIT_WINDOW;
	out->limit_buffer = c->told.limit == LIMIT_BUFFER;
}

int reftcp_status(struct reftcp_stack *s, reftcp_id id, struct reftcp_status *out)
{
	const struct tcb *c = s ? tcb_find(s, id) : NULL;

	if (!c)
		return -ENOENT;
	if (!out)
		return -EINVAL;
	*out = (struct reftcp_status){0};
	fill_state(c, out);
	fill_path(s, c, out);
	fill_recovery(c, out);
	fill_times(c, out);
	return 0;
}

static void set_keepalive(struct tcb *c, bool on, reftcp_time now)
{
	bool was = c->keep.on;

	c->keep.on = on;
	if (!on)
		timer_clear(c, TIMER_KEEPALIVE);
	else if (!was && state_synchronized(c->state) && c->state != REFTCP_TIME_WAIT)
		timer_set(c, TIMER_KEEPALIVE, now + c->keep.idle);
}

static void set_user_timeout(struct tcb *c, reftcp_time value, reftcp_time now)
{
	c->user_timeout = value;
	c->uto.changed_by_user = true;
	if (timer_armed(c, TIMER_USER))
		timer_set(c, TIMER_USER, now + value);
}

static bool flag(uint64_t value, bool *to)
{
	if (value > 1)
		return false;
	*to = value;
	return true;
}

static bool apply(struct reftcp_stack *s, struct tcb *c, enum reftcp_option option, uint64_t value,
		  reftcp_time now)
{
	switch (option) {
	case REFTCP_OPT_NAGLE:
		return flag(value, &c->nagle);
	case REFTCP_OPT_KEEPALIVE:
		if (value <= 1)
			set_keepalive(c, value, now);
		return value <= 1;
	case REFTCP_OPT_KEEPALIVE_IDLE:
		c->keep.idle = value ? value : c->keep.idle;
		return value;
	case REFTCP_OPT_KEEPALIVE_INTERVAL:
		c->keep.interval = value ? value : c->keep.interval;
		return value;
	case REFTCP_OPT_KEEPALIVE_COUNT:
		c->keep.count = value && value <= 1000 ? (uint32_t)value : c->keep.count;
		return value && value <= 1000;
	case REFTCP_OPT_KEEPALIVE_OCTET:
		return flag(value, &c->keep.octet);
	case REFTCP_OPT_USER_TIMEOUT:
		if (value)
			set_user_timeout(c, value, now);
		return value;
	case REFTCP_OPT_USER_TIMEOUT_ADVERTISE:
		return flag(value, &c->uto.advertise);
	case REFTCP_OPT_FIN_WAIT_2:
		c->orphan_time = value;
		c->orphan_time_given = stack_rule(s, RULE_fin_wait_2);
		return c->orphan_time_given;
	case REFTCP_OPT_DEFER_ACCEPT:
		return stack_rule(s, RULE_defer_accept) && flag(value, &c->defer_accept);
	case REFTCP_OPT_R1:
		c->r1 = value && value <= 1000 ? (uint32_t)value : c->r1;
		return value && value <= 1000;
	case REFTCP_OPT_TTL:
		c->ttl = value && value <= 255 ? (uint8_t)value : c->ttl;
		return value && value <= 255;
	case REFTCP_OPT_DSCP:
		c->dscp = value <= 63 ? (uint8_t)value : c->dscp;
		return value <= 63;
	case REFTCP_OPT_REPORTS:
		return flag(value, &c->reports);
	case REFTCP_OPT_RECV_BUFFER:
		c->rcv.buff =
			value && value <= s->config.recv_buffer ? (uint32_t)value : c->rcv.buff;
		return value && value <= s->config.recv_buffer;
	case REFTCP_OPT_DELAYED_ACK:
		return flag(value, &c->delayed_ack);
	case REFTCP_OPT_FAST_OPEN:
		return flag(value, &c->fast_open);
	case REFTCP_OPT_CORK:
		return flag(value, &c->cork);
	case REFTCP_OPT_MAX_SEGMENT:
		if (value < 88 || value > 65535)
			return false;
		mss_limit(s, c, (uint16_t)value);
		return true;
	case REFTCP_OPT_SEND_BUFFER:
		if (!value || value > s->config.send_buffer)
			return false;
		c->snd.limit = (uint32_t)value;
		return true;
	case REFTCP_OPT_SYN_RETRIES:
		c->syn_retries = value <= 255 ? (uint32_t)value : c->syn_retries;
		return value <= 255;
	}
	return false;
}

int reftcp_set(struct reftcp_stack *s, reftcp_id id, enum reftcp_option option, uint64_t value,
	       reftcp_time now)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;

	if (!c)
		return -ENOENT;
	if (!apply(s, c, option, value, now))
		return -EINVAL;
	stack_settle(s, c);
	return 0;
}
