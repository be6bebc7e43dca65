/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Every child is in its parent's family list, and once ESTABLISHED in its
 * accept queue as well. */
#include "reftcp/listen.h"

#include "reftcp/abort.h"

bool listen_syn_room(const struct tcb *listener)
{
	return listener->syn_count < listener->backlog;
}

bool listen_accept_room(const struct reftcp_stack *s, const struct tcb *listener)
{
	return listener->accept_count <
	       listener->backlog + (uint32_t)stack_rule(s, RULE_backlog_extra);
}

struct tcb *listen_child(struct reftcp_stack *s, struct tcb *listener,
			 const struct reftcp_endpoint *local, const struct reftcp_endpoint *remote)
{
	struct tcb *c = tcb_take(s);

	if (!c)
		return NULL;
	state_begin_at(c,
		       listener->state); /* a copy of the parent, which is what 3.10.7.2 acts on */
	c->from_listen = true;
	c->local = *local;
	c->remote = *remote;
	c->ttl = listener->ttl;
	c->dscp = listener->dscp;
	c->user_timeout = listener->user_timeout;
	c->uto = listener->uto;
	c->r1 = listener->r1;
	c->defer_accept = listener->defer_accept;
	c->orphan_time = listener->orphan_time;
	c->orphan_time_given = listener->orphan_time_given;
	c->nagle = listener->nagle;
	c->delayed_ack = listener->delayed_ack;
	c->reports = listener->reports;
	c->max_segment = listener->max_segment;
	c->syn_retries = listener->syn_retries;
	c->keep = listener->keep;
	c->rcv.buff = listener->rcv.buff;
	if (tcb_bind(s, c)) {
		state_begin_at(c, REFTCP_CLOSED);
		tcb_give(s, c);
		return NULL;
	}
	c->parent = listener;
	c->family_next = listener->family;
	if (listener->family)
		listener->family->family_prev = c;
	listener->family = c;
	listener->syn_count++;
	return c;
}

void listen_established(struct reftcp_stack *s, struct tcb *child)
{
	struct tcb *l = child->parent;

	/* One opened early has its place already. */
	if (!l || child->in_accept_queue)
		return;
	l->syn_count--;
	l->accept_count++;
	if (l->accept_tail)
		l->accept_tail->accept_next = child;
	else
		l->accept_head = child;
	l->accept_tail = child;
	child->in_accept_queue = true;
	stack_tell(s, l, REFTCP_EVENT_ACCEPT);
}

static void unlink_accept(struct tcb *l, struct tcb *child)
{
	struct tcb *before = NULL;

	for (struct tcb *c = l->accept_head; c; before = c, c = c->accept_next) {
		if (c != child)
			continue;
		if (before)
			before->accept_next = c->accept_next;
		else
			l->accept_head = c->accept_next;
		if (l->accept_tail == c)
			l->accept_tail = before;
		c->accept_next = NULL;
		c->in_accept_queue = false;
		l->accept_count--;
		return;
	}
}

void listen_forget_child(struct tcb *child)
{
	struct tcb *l = child->parent;

	if (!l)
		return;
	if (child->in_accept_queue)
		unlink_accept(l, child);
	else
		l->syn_count--;
	if (child->family_prev)
		child->family_prev->family_next = child->family_next;
	else
		l->family = child->family_next;
	if (child->family_next)
		child->family_next->family_prev = child->family_prev;
	child->family_next = child->family_prev = NULL;
	child->parent = NULL;
}

struct tcb *listen_accept(struct tcb *listener)
{
	struct tcb *c = listener->accept_head;

	if (c)
		listen_forget_child(c);
	return c;
}

/* It says nothing more, and ends when it would have. */
static void forget_request(struct tcb *c)
{
	listen_forget_child(c);
	c->forgotten = true;
	if (timer_armed(c, TIMER_REXMIT)) /* the user timeout is looked at first */
		timer_set(c, TIMER_USER, c->deadline[TIMER_REXMIT]);
}

/* One that had ended in the queue before anybody took it. */
static void give_ended(struct reftcp_stack *s, struct tcb *c)
{
	listen_forget_child(c);
	stream_clear(&c->rcv.stream, &s->chunks);
	tcb_give(s, c);
}

void listen_drop_children(struct reftcp_stack *s, struct tcb *listener, reftcp_time now)
{
	while (listener->family) {
		struct tcb *c = listener->family;

		if (c->state == REFTCP_SYN_RECEIVED && !c->early &&
		    stack_rule(s, RULE_requests_forgotten))
			forget_request(c);
		else if (c->state == REFTCP_CLOSED)
			give_ended(s, c);
		else
			abort_connection(s, c, 0, now);
	}
}
