/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a TCB: from the pool, bound, started, ended, back to the pool. */
#include "reftcp/tcb.h"

#include <errno.h>
#include <string.h>

#include "reftcp/congestion.h"
#include "reftcp/conntab.h"
#include "reftcp/listen.h"
#include "reftcp/mss.h"
#include "reftcp/rtxq.h"
#include "reftcp/rto.h"
#include "reftcp/secret.h"
#include "reftcp/stack.h"

#define DEFAULT_USER_TIMEOUT (300 * REFTCP_S) /* RFC 9293 3.9.1.1: five minutes */
#define DEFAULT_R1 3                          /* RFC 9293 3.8.3 [SHLD-10] */
#define DEFAULT_TTL 64
#define DEFAULT_KEEP_IDLE (7200 * REFTCP_S) /* RFC 9293 3.8.4 [MUST-28] */
#define DEFAULT_KEEP_INTERVAL (75 * REFTCP_S)
#define DEFAULT_KEEP_COUNT 9

void tcb_clear_timers(struct tcb *c)
{
	for (unsigned int i = 0; i < TIMER_COUNT; i++)
		c->deadline[i] = REFTCP_NEVER;
	c->soonest = REFTCP_NEVER;
}

static void set_defaults(struct reftcp_stack *s, struct tcb *c)
{
	c->ttl = DEFAULT_TTL;
	c->r1 = DEFAULT_R1;
	c->user_timeout = DEFAULT_USER_TIMEOUT;
	c->nagle = true;
	c->delayed_ack = true;
	c->reports = true;
	c->keep.idle = DEFAULT_KEEP_IDLE;
	c->keep.interval = DEFAULT_KEEP_INTERVAL;
	c->keep.count = DEFAULT_KEEP_COUNT;
	c->rcv.buff = s->config.recv_buffer;
	c->snd.limit = s->config.send_buffer;
	c->rack.told_last = stack_rule(s, RULE_rack_rtt_told_last);
	c->in_segments = stack_rule(s, RULE_window_in_segments);
	c->cc = congestion_find(s->config.congestion, c->in_segments);
	c->reordering = 3;
	rto_init(s, c);
}

struct tcb *tcb_take(struct reftcp_stack *s)
{
	void (*make_stream)(struct stream *, uint32_t *, uint32_t, uint32_t) = stream_attach;
	struct tcb *c = s->tcb_free;
	uint32_t generation, index;
	uint32_t *dir;

	if (c) {
		s->tcb_free = c->free_next;
	} else if (s->tcb_fresh < s->config.connections) {
		c = &s->tcbs[s->tcb_fresh++];
		make_stream = stream_init;
	} else {
		s->counters.no_connection_room++;
		return NULL;
	}
	s->tcb_used++;
	generation = c->generation + 1;
	memset(c, 0, sizeof(*c));
	c->generation = generation;
	c->in_use = true;
	index = (uint32_t)(c - s->tcbs);
	dir = s->dirs + (size_t)index * (s->snd_slots + s->rcv_slots);
	make_stream(&c->snd.stream, dir, s->snd_slots, s->config.send_buffer);
	make_stream(&c->rcv.stream, dir + s->snd_slots, s->rcv_slots, s->config.recv_buffer);
	tcb_clear_timers(c);
	set_defaults(s, c);
	return c;
}

void tcb_give(struct reftcp_stack *s, struct tcb *c)
{
	c->in_use = false;
	stack_unlist(s, c, LIST_READY);
	stack_unlist(s, c, LIST_EVENTS);
	c->free_next = s->tcb_free;
	s->tcb_free = c;
	s->tcb_used--;
}

reftcp_id tcb_id(const struct reftcp_stack *s, const struct tcb *c)
{
	return (uint64_t)c->generation << 32 | (uint32_t)(c - s->tcbs);
}

struct tcb *tcb_find(const struct reftcp_stack *s, reftcp_id id)
{
	uint32_t index = (uint32_t)id;
	struct tcb *c;

	if (index >= s->tcb_fresh)
		return NULL;
	c = &s->tcbs[index];
	return c->in_use && c->user_has_it && c->generation == id >> 32 ? c : NULL;
}

int tcb_bind(struct reftcp_stack *s, struct tcb *c)
{
	return conntab_add(s, c);
}

void tcb_unbind(struct reftcp_stack *s, struct tcb *c)
{
	conntab_remove(s, c);
	conntab_unlisten(s, c);
}

void tcb_start_send(struct reftcp_stack *s, struct tcb *c, struct seq iss, reftcp_time now)
{
	mss_init(s, c);
	c->snd.iss = iss;
	c->snd.una = iss;
	c->snd.nxt = seq_add(iss, 1);
	c->snd.up = iss;
	c->rtt.sample_after = iss;
	/* The first entry of a connection's queue never fails. */
	rtxq_push(s, c, iss, 1, TXSEG_SYN | TXSEG_FRESH, now);
	rtxq_mark_lost(c, c->rtx_head);
	c->ts.offset = (uint32_t)secret_hash(&s->key, SECRET_TIMESTAMP, &c->local, &c->remote, 0);
	c->cc->init(c);
}

void tcb_start_receive(struct tcb *c, struct seq irs)
{
	c->rcv.irs = irs;
	c->rcv.nxt = seq_add(irs, 1);
	c->rcv.read = c->rcv.nxt;
	c->rcv.up = c->rcv.nxt;
	c->ts.last_ack_sent = c->rcv.nxt;
}

static void flush(struct reftcp_stack *s, struct tcb *c)
{
	rtxq_flush(s, c);
	stream_clear(&c->snd.stream, &s->chunks);
	stream_clear(&c->rcv.stream, &s->chunks);
	c->snd.queued = 0;
	c->rcv.ranges = 0;
	c->rcv.held = 0;
	c->owe = 0;
	tcb_clear_timers(c);
}

bool tcb_count_mini(struct reftcp_stack *s, struct tcb *c)
{
	int64_t most = stack_rule(s, RULE_time_wait_limit);

	if (c->mini)
		return true;
	if (most >= 0 && s->minis >= (uint32_t)most) {
		s->counters.time_wait_overflow++;
		return false;
	}
	s->minis++;
	c->mini = true;
	return true;
}

void tcb_delete(struct reftcp_stack *s, struct tcb *c, int error, enum clause clause,
		reftcp_time now)
{
	enum reftcp_state before = c->state;
	bool queued = error && c->in_accept_queue && stack_rule(s, RULE_reset_stays_queued);
	bool kept = c->user_has_it || queued;

	if (before == REFTCP_LISTEN)
		listen_drop_children(s, c, now);
	/*
	 * Data the peer sent before a normal end belongs to the user still: the TCB is deleted for
	 * the protocol, but its octets wait for RECEIVE as long as the user holds the name.
	 */
	if (!kept || (error && !((clause == CLAUSE_RESET || clause == CLAUSE_TEXT_AFTER_FIN) &&
				 stack_rule(s, RULE_reset_keeps_text)))) {
		flush(s, c);
		c->rcv.read = c->rcv.nxt;
		c->rcv.fin_done = false;
	} else {
		rtxq_flush(s, c);
		stream_clear(&c->snd.stream, &s->chunks);
		c->snd.queued = 0;
		c->owe = 0;
		tcb_clear_timers(c);
	}
	s->minis -= c->mini;
	c->mini = false;
	wheel_clear(&s->wheel, &c->node);
	tcb_unbind(s, c);
	if (!queued)
		listen_forget_child(c);
	c->error = error;
	state_move(s, c, REFTCP_CLOSED, clause, now);
	if (kept)
		stack_tell(s, c, REFTCP_EVENT_CLOSED);
	else
		tcb_give(s, c);
}

void tcb_return_to_listen(struct reftcp_stack *s, struct tcb *c, enum clause clause,
			  reftcp_time now)
{
	bool child = c->parent != NULL;

	flush(s, c);
	conntab_remove(s, c);
	state_move(s, c, REFTCP_LISTEN, clause, now);
	if (child) {
		/* The listener it came from never left LISTEN; this one has done its part. */
		tcb_delete(s, c, 0, CLAUSE_CLOSE, now);
		return;
	}
	c->local = c->listen_local;
	c->remote = c->listen_remote;
	c->from_listen = false;
	c->route.len = 0;
	c->sack_on = c->scale_on = c->ts.on = c->ecn.on = false;
	c->rcv.fin_valid = c->rcv.fin_done = c->rcv.dsack_valid = false;
	rto_init(s, c);
	conntab_listen_again(s, c);
}

bool state_synchronized(enum reftcp_state state)
{
	switch (state) {
	case REFTCP_CLOSED:
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
	case REFTCP_SYN_RECEIVED:
		return false;
	case REFTCP_ESTABLISHED:
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSE_WAIT:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		return true;
	}
	return false;
}

bool state_sends(enum reftcp_state state)
{
	switch (state) {
	case REFTCP_CLOSED:
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
	case REFTCP_SYN_RECEIVED:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_TIME_WAIT:
		return false;
	case REFTCP_ESTABLISHED:
	case REFTCP_FIN_WAIT_1:
	case REFTCP_CLOSE_WAIT:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
		return true;
	}
	return false;
}
