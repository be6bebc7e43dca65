/* SPDX-License-Identifier: BSD-2-Clause */
/* CLOSE call, RFC 9293 3.10.4, and the release of a connection's name. */
#include <errno.h>

#include "reftcp/abort.h"
#include "reftcp/close.h"
#include "reftcp/reset.h"
#include "reftcp/rto.h"
#include "reftcp/stack.h"

static int close_connection(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	switch (c->state) {
	case REFTCP_CLOSED:
		return -ENOTCONN;
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
		/* "Delete the TCB, enter CLOSED state." */
		tcb_delete(s, c, 0, CLAUSE_CLOSE, now);
		return 0;
	case REFTCP_SYN_RECEIVED:
		if (c->close_queued)
			return -EALREADY;
		if (c->snd.queued) {
			c->close_queued = true;
			return 0;
		}
		c->snd.fin_queued = true;
		state_move(s, c, REFTCP_FIN_WAIT_1, CLAUSE_CLOSE, now);
		return 0;
	case REFTCP_ESTABLISHED:
		c->snd.fin_queued = true;
		state_move(s, c, REFTCP_FIN_WAIT_1, CLAUSE_CLOSE, now);
		return 0;
	case REFTCP_CLOSE_WAIT:
		if (c->snd.fin_queued)
			return -EALREADY;
		c->snd.fin_queued = true;
		/* "Queue this request until all preceding SENDs have been segmentized": with
		 * none waiting that is now, else the FIN's segment makes the move. */
		if (!tcb_unsent(c) || stack_rule(s, RULE_last_ack_at_once))
			state_move(s, c, REFTCP_LAST_ACK, CLAUSE_CLOSE, now);
		return 0;
	case REFTCP_TIME_WAIT:
		/* By rule it is out of its user's hands. */
		return stack_rule(s, RULE_time_wait_mini) ? -ENOTCONN : -EALREADY;
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
		return -EALREADY; /* "connection closing"; no second FIN */
	}
	return -ENOTCONN;
}

enum close_orphan close_orphan(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	reftcp_time t = (reftcp_time)stack_rule(s, RULE_fin_wait_2), rto = rto_current(s, c);

	if (!t)
		return ORPHAN_WAITS;
	if (c->orphan_time_given && !c->orphan_time)
		return ORPHAN_RESET;
	if (!tcb_count_mini(s, c))
		return ORPHAN_FULL;
	t = c->orphan_time_given ? c->orphan_time : t;
	if (t < 4 * rto - rto / 2) /* some retransmissions of the peer's FIN */
		t = 4 * rto - rto / 2;
	timer_set(c, TIMER_FIN_WAIT_2, now + t);
	c->dup_ack_at_valid = false;
	return ORPHAN_WAITS;
}

/* Released in FIN-WAIT-2, or before. */
static void release_orphan(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	if (c->state != REFTCP_FIN_WAIT_2)
		return;
	switch (close_orphan(s, c, now)) {
	case ORPHAN_WAITS:
		break;
	case ORPHAN_RESET:
		reset_connection(s, c, now);
		tcb_delete(s, c, 0, CLAUSE_FIN_WAIT_2_TIMEOUT, now);
		break;
	case ORPHAN_FULL:
		tcb_delete(s, c, 0, CLAUSE_TIME_WAIT_FULL, now);
		break;
	}
}

int reftcp_close(struct reftcp_stack *s, reftcp_id id, reftcp_time now)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;
	int err;

	if (!c)
		return -ENOENT;
	if (c->state == REFTCP_SYN_RECEIVED && stack_rule(s, RULE_close_waits) &&
	    !c->close_queued) {
		c->close_queued = true;
		return 0;
	}
	err = close_connection(s, c, now);
	stack_settle(s, c);
	return err;
}

int reftcp_release(struct reftcp_stack *s, reftcp_id id, reftcp_time now)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;

	if (!c)
		return -ENOENT;
	stack_unlist(s, c, LIST_EVENTS);
	c->user_has_it = false;
	c->forsaken = true;
	if (c->state == REFTCP_CLOSED) {
		stream_clear(&c->rcv.stream, &s->chunks);
		tcb_give(s, c);
		return 0;
	}
	/* RFC 9293 3.6.1: received data is lost, a reset shows it [SHLD-3]. */
	if ((state_synchronized(c->state) || c->early) && tcb_unread(c) &&
	    c->state != REFTCP_TIME_WAIT) {
		/* Nor is a FIN already sent a reason not to say so. */
		if (c->state == REFTCP_CLOSING || c->state == REFTCP_LAST_ACK)
			reset_connection(s, c, now);
		abort_connection(s, c, 0, now);
		return 0;
	}
	close_connection(s, c, now);
	if (!c->in_use)
		return 0;
	release_orphan(s, c, now);
	if (!c->in_use)
		return 0;
	stack_settle(s, c);
	return 0;
}
