/* SPDX-License-Identifier: BSD-2-Clause */
/* The set: which endpoint a packet is about, and the two ways a packet goes. */
#include "reftcp/shadow/shadow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reftcp/addr.h"
#include "reftcp/arrives.h"
#include "reftcp/congestion.h"
#include "reftcp/conntab.h"
#include "reftcp/rtxq.h"

static struct ended *ended_find(struct reftcp_shadows *set, const struct reftcp_endpoint *local,
				const struct reftcp_endpoint *remote)
{
	for (unsigned int i = 0; i < ENDED_KEPT; i++)
		if (set->ended[i].used && endpoint_equal(&set->ended[i].local, local) &&
		    endpoint_equal(&set->ended[i].remote, remote))
			return &set->ended[i];
	return NULL;
}

/* TIME-WAIT is left out: when exactly it ended the endpoint alone knows. */
static void note_end(struct reftcp_shadows *set, const struct tcb *c,
		     const struct reftcp_transition *t)
{
	struct ended *e = ended_find(set, &c->local, &c->remote);

	if (t->from == REFTCP_CLOSED && e)
		e->used = false;
	if (t->to != REFTCP_CLOSED || t->from == REFTCP_TIME_WAIT || t->from == REFTCP_LISTEN)
		return;
	e = &set->ended[set->ended_next++ % ENDED_KEPT];
	*e = (struct ended){c->local, c->remote, true};
}

static void on_transition(void *ctx, const struct reftcp_transition *t)
{
	struct reftcp_shadows *set = ctx;
	const struct tcb *c = &set->stack->tcbs[(uint32_t)t->id];
	struct reftcp_shadow_transition told = {
		.local = c->local,
		.remote = c->remote,
		.transition = *t,
		.segment = set->cause,
	};

	note_end(set, c, t);
	if (set->config.on_transition)
		set->config.on_transition(set->config.ctx, &told);
}

int reftcp_shadows_new(struct reftcp_shadows **out, const struct reftcp_shadows_config *config,
		       reftcp_time now)
{
	struct reftcp_config stack;
	struct reftcp_shadows *set;
	int err;

	if (!out || !config)
		return -EINVAL;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->config = *config;
	reftcp_config_default(&stack);
	stack.connections = config->endpoints;
	stack.segments = 0;
	stack.chunks = 1;
	stack.chunk_size = 256;
	/* The most a window can be; nothing of it is ever kept. */
	stack.send_buffer = 1u << 30;
	stack.recv_buffer = 1073725440;
	stack.mtu = 65535;
	stack.personality = config->personality;
	stack.verify_checksums = config->verify_checksums;
	stack.on_transition = on_transition;
	stack.ctx = set;
	err = stack_new(&set->stack, &stack, now, true);
	if (err) {
		free(set);
		return err;
	}
	*out = set;
	return 0;
}

void reftcp_shadows_free(struct reftcp_shadows *set)
{
	if (!set)
		return;
	reftcp_free(set->stack);
	free(set);
}

static bool parse(const struct reftcp_shadows *set, const void *packet, size_t len,
		  struct segment *seg)
{
	struct packet ip;

	return packet_parse(&ip, packet, len) == SEGMENT_OK &&
	       segment_parse(seg, &ip, set->config.verify_checksums) == SEGMENT_OK;
}

static struct waiting_syn *waiting_find(struct reftcp_shadows *set,
					const struct reftcp_endpoint *local,
					const struct reftcp_endpoint *remote)
{
	for (unsigned int i = 0; i < WAITING_SYNS; i++) {
		struct waiting_syn *w = &set->waiting[i];

		if (w->used && endpoint_equal(&w->seg.dst, local) &&
		    endpoint_equal(&w->seg.src, remote))
			return w;
	}
	return NULL;
}

/* The oldest makes room: it has waited longest for an answer that did not come. */
static void waiting_put(struct reftcp_shadows *set, const struct segment *seg, reftcp_time now)
{
	struct waiting_syn *to = waiting_find(set, &seg->dst, &seg->src);

	for (unsigned int i = 0; !to && i < WAITING_SYNS; i++)
		if (!set->waiting[i].used)
			to = &set->waiting[i];
	for (unsigned int i = 0; i < WAITING_SYNS; i++)
		if (!to || (to->used && set->waiting[i].at < to->at))
			to = to ? to : &set->waiting[i];
	*to = (struct waiting_syn){*seg, now, set->ordinal, true};
	to->seg.text = NULL;
	to->seg.text_len = 0;
	to->seg.ctl &= ~CTL_FIN;
}

static struct tcb *new_endpoint(struct reftcp_shadows *set, const struct reftcp_endpoint *local,
				const struct reftcp_endpoint *remote)
{
	struct tcb *c = tcb_take(set->stack);

	if (!c)
		return NULL;
	c->local = *local;
	c->remote = *remote;
	c->remote_given = true;
	return c;
}

/* A SYN was sent by nobody we know: an active OPEN. */
static struct tcb *open_active(struct reftcp_shadows *set, const struct segment *seg,
			       reftcp_time now)
{
	struct tcb *c = new_endpoint(set, &seg->src, &seg->dst);

	if (!c)
		return NULL;
	tcb_bind(set->stack, c);
	tcb_start_send(set->stack, c, seg->seq, now);
	state_move(set->stack, c, REFTCP_SYN_SENT, CLAUSE_OPEN_ACTIVE, now);
	return c;
}

/* A SYN,ACK was sent: there was a listener, and the SYN that waited is its cause. */
static struct tcb *open_passive(struct reftcp_shadows *set, const struct segment *seg,
				reftcp_time now)
{
	struct waiting_syn *w = waiting_find(set, &seg->src, &seg->dst);
	struct reftcp_verdict v = {0};
	struct tcb *c;

	if (!w)
		return NULL;
	c = new_endpoint(set, &seg->src, &seg->dst);
	if (!c)
		return NULL;
	set->cause = w->ordinal;
	conntab_listen_again(set->stack, c);
	state_move(set->stack, c, REFTCP_LISTEN, CLAUSE_OPEN_PASSIVE, w->at);
	arrives_segment(set->stack, &w->seg, w->at, &v);
	shadow_adopt_iss(c, seg->seq);
	w->used = false;
	set->cause = set->ordinal;
	(void)now;
	return c;
}

/* Octets are not kept: as if the user read each as it comes. The window is the endpoint's. */
static void consume(struct reftcp_shadows *set, struct tcb *c)
{
	uint32_t n = tcb_unread(c);

	stream_drop(&c->rcv.stream, &set->stack->chunks, n);
	c->rcv.read = seq_add(c->rcv.read, n);
}

static void note_peer_window(struct tcb *c)
{
	struct seq edge = seq_add(c->snd.una, c->snd.wnd);

	if (!c->snd.shadow_edge_valid || seq_gt(edge, c->snd.shadow_edge))
		c->snd.shadow_edge = edge;
	c->snd.shadow_edge_valid = true;
}

/* What the machine would have answered with a reset. */
static bool take_reset(struct reftcp_shadows *set, struct tcb *c)
{
	struct reftcp_stack *s = set->stack;
	const struct reply *r = &s->replies[s->reply_head];

	if (!s->reply_count || !(r->ctl & CTL_RST))
		return false;
	if (c && c->in_use) {
		c->shadow_reset = r->seq;
		c->shadow_reset_valid = true;
	}
	return true;
}

int reftcp_shadow_received(struct reftcp_shadows *set, const void *packet, size_t len,
			   reftcp_time now, struct reftcp_shadow_verdict *out)
{
	struct reftcp_shadow_verdict v = {.outcome = REFTCP_SHADOW_UNREADABLE};
	struct segment seg;
	struct tcb *c;
	uint64_t full;

	if (!set || !packet)
		return -EINVAL;
	set->cause = ++set->ordinal;
	if (!parse(set, packet, len, &seg))
		goto done;
	v.outcome = REFTCP_SHADOW_UNKNOWN;
	c = conntab_find(set->stack, &seg.dst, &seg.src);
	if ((seg.ctl & (CTL_SYN | CTL_ACK | CTL_RST)) == CTL_SYN &&
	    (!c || c->state == REFTCP_TIME_WAIT))
		waiting_put(set, &seg, now);
	if (!c)
		goto done;
	v.outcome = REFTCP_SHADOW_FOLLOWED;
	seg.opt.has &= ~TCPOPT_SACK;
	shadow_learn_received(c, &seg);
	v.joined = c->shadow_joined;
	full = set->stack->counters.reassembly_full;
	arrives_segment(set->stack, &seg, now, &v.verdict);
	c->shadow_blind |= full != set->stack->counters.reassembly_full;
	v.answer_due = v.verdict.disposition == REFTCP_ANSWERED || (c->in_use && c->owe & OWE_ACK);
	v.reset_due = take_reset(set, c);
	if (c->in_use && v.verdict.before == REFTCP_SYN_SENT && c->state != REFTCP_SYN_SENT)
		shadow_opened(c);
	/* Its part is over; the listener itself, if there still is one, is not followed. */
	if (c->in_use && c->state == REFTCP_LISTEN)
		tcb_delete(set->stack, c, 0, CLAUSE_CLOSE, now);
	shadow_hush(set, c);
	if (c->in_use) {
		consume(set, c);
		note_peer_window(c);
	}
done:
	if (out)
		*out = v;
	return 0;
}

/* The endpoint behind a sent segment: known, or beginning with it. */
static struct tcb *sender(struct reftcp_shadows *set, const struct segment *seg, reftcp_time now,
			  enum reftcp_shadow_outcome *outcome)
{
	struct tcb *c = conntab_find(set->stack, &seg->src, &seg->dst);
	bool syn = seg->ctl & CTL_SYN, ack = seg->ctl & CTL_ACK;

	/* TIME-WAIT given up for a new connection, either way round. */
	if (c && c->state == REFTCP_TIME_WAIT && syn && !(seg->ctl & CTL_RST)) {
		tcb_delete(set->stack, c, 0, CLAUSE_REUSE, now);
		c = NULL;
	}
	if (c)
		return c;
	*outcome = REFTCP_SHADOW_UNKNOWN;
	if (!syn || seg->ctl & CTL_RST)
		return NULL;
	if (ack && !waiting_find(set, &seg->src, &seg->dst))
		return NULL;
	c = ack ? open_passive(set, seg, now) : open_active(set, seg, now);
	*outcome = c ? REFTCP_SHADOW_FOLLOWED : REFTCP_SHADOW_FULL;
	if (c)
		note_peer_window(c);
	return c;
}

int reftcp_shadow_sent(struct reftcp_shadows *set, const void *packet, size_t len, reftcp_time now,
		       struct reftcp_shadow_verdict *out)
{
	struct reftcp_shadow_verdict v = {.outcome = REFTCP_SHADOW_UNREADABLE};
	struct segment seg;
	struct tcb *c;

	if (!set || !packet)
		return -EINVAL;
	set->cause = ++set->ordinal;
	if (!parse(set, packet, len, &seg))
		goto done;
	v.outcome = REFTCP_SHADOW_FOLLOWED;
	c = sender(set, &seg, now, &v.outcome);
	if (!c && !(seg.ctl & (CTL_SYN | CTL_RST)) && ended_find(set, &seg.src, &seg.dst)) {
		v.outcome = REFTCP_SHADOW_FOLLOWED;
		v.findings = 1u << REFTCP_FINDING_not_open;
	}
	if (!c)
		goto done;
	shadow_learn_sent(c, &seg);
	v.joined = c->shadow_joined;
	v.verdict.id = tcb_id(set->stack, c);
	v.verdict.before = c->state;
	v.findings = shadow_judge(set, c, &seg);
	if (seg.ctl & CTL_ACK && seq_lt(seg.ack, c->rcv.nxt) && state_synchronized(c->state))
		v.ack_lag = seq_diff(c->rcv.nxt, seg.ack);
	shadow_adopt(set, c, &seg, now);
	v.verdict.after = c->state;
	shadow_hush(set, c);
done:
	if (out)
		*out = v;
	return 0;
}

/* Windows are not known: wide enough for anything a scale allows. */
#define ANY_WINDOW (1u << 29)

int reftcp_shadow_join(struct reftcp_shadows *set, const struct reftcp_endpoint *local,
		       const struct reftcp_endpoint *remote, enum reftcp_state state,
		       reftcp_time now)
{
	struct tcb *c;

	(void)now;
	if (!set || !local || !remote ||
	    (state != REFTCP_ESTABLISHED && state != REFTCP_CLOSE_WAIT))
		return -EINVAL;
	if (local->addr.family != remote->addr.family ||
	    (local->addr.family != 4 && local->addr.family != 6))
		return -EINVAL;
	c = new_endpoint(set, local, remote);
	if (!c)
		return -ENOBUFS;
	if (tcb_bind(set->stack, c)) {
		tcb_give(set->stack, c);
		return -EADDRINUSE;
	}
	state_begin_at(c, state);
	c->shadow_joined = c->shadow_blind = true;
	c->rcv.fin_done = c->rcv.fin_valid = state == REFTCP_CLOSE_WAIT;
	c->rcv.wnd = c->snd.wnd = c->snd.max_wnd = ANY_WINDOW;
	c->path_mtu = 65535;
	c->send_mss = 65535;
	c->cc->init(c);
	return 0;
}

int reftcp_shadow_call(struct reftcp_shadows *set, const struct reftcp_endpoint *local,
		       const struct reftcp_endpoint *remote, enum reftcp_shadow_call call,
		       reftcp_time now)
{
	struct tcb *c = set && local && remote ? conntab_find(set->stack, local, remote) : NULL;

	if (!c)
		return -ENOENT;
	set->cause = 0;
	if (call == REFTCP_SHADOW_ABORT) {
		tcb_delete(set->stack, c, -ECONNABORTED, CLAUSE_ABORT, now);
		return 0;
	}
	switch (c->state) {
	case REFTCP_SYN_SENT:
		tcb_delete(set->stack, c, 0, CLAUSE_CLOSE, now);
		return 0;
	case REFTCP_ESTABLISHED:
	case REFTCP_SYN_RECEIVED:
		c->snd.fin_queued = true;
		state_move(set->stack, c, REFTCP_FIN_WAIT_1, CLAUSE_CLOSE, now);
		return 0;
	case REFTCP_CLOSE_WAIT:
		c->snd.fin_queued = true; /* LAST-ACK when the FIN leaves */
		return 0;
	case REFTCP_CLOSED:
	case REFTCP_LISTEN:
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		break;
	}
	return -EALREADY;
}

void reftcp_shadows_expire(struct reftcp_shadows *set, reftcp_time now)
{
	if (!set)
		return;
	set->cause = 0;
	reftcp_expire(set->stack, now);
}

enum reftcp_state reftcp_shadow_state(const struct reftcp_shadows *set,
				      const struct reftcp_endpoint *local,
				      const struct reftcp_endpoint *remote)
{
	const struct tcb *c =
		set && local && remote ? conntab_find(set->stack, local, remote) : NULL;

	return c ? c->state : REFTCP_CLOSED;
}
