// SPDX-License-Identifier: GPL-2.0-or-later
/* What retransmits, resets, accepts, destructions and found sockets mean. */
#include "lifecycle/internal.h"

static uint64_t entered_at(const struct connection *c, enum tcpw_state state)
{
	for (uint8_t i = 0; i < c->pub.path_len; i++)
		if (c->pub.path[i] == state)
			return c->pub.entered[i];
	return 0;
}

/*
 * The tuple of an event of `c`: a socket that is just closed has lost its port, and one that
 * connects shows it here for the first time.
 */
static struct tcpw_tuple event_tuple(struct connection *c, const struct tcpw_tuple *seen)
{
	if (!c || c->half_open)
		return *seen;
	if (!c->pub.tuple.lport && seen->lport)
		c->pub.tuple = *seen;
	return c->pub.tuple;
}

void on_retransmit(struct lifecycle *lc, const struct tcpw_retransmit_record *r)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_RETRANSMIT,
		.ts = r->h.ts,
		.tuple = r->tuple,
		.u.retransmit =
			{
				.kind = (enum tcpw_retransmit_kind)r->kind,
				.state = tcpw_state_from_kernel(r->state),
				.segments = r->segments,
			},
	};
	struct connection *c = find_cookie(lc, r->cookie);

	if (!c)
		c = find_half_open(lc, &r->tuple);
	e.tuple = event_tuple(c, &r->tuple);
	hold_push(lc, c, &e, false, 0);
}

static uint32_t evidence_of_reason(const struct lifecycle *lc, uint32_t reason)
{
	if (reason >= LIFECYCLE_REASONS)
		return 0;
	switch ((enum lifecycle_reason)lc->options.reasons[reason]) {
	case LIFECYCLE_REASON_OTHER:
		return 0;
	case LIFECYCLE_REASON_ABORT:
		return EVIDENCE_REASON_ABORT;
	case LIFECYCLE_REASON_MEMORY:
		return EVIDENCE_REASON_MEMORY;
	case LIFECYCLE_REASON_KEEPALIVE:
		return EVIDENCE_REASON_KEEPALIVE;
	}
	return 0;
}

void on_reset(struct lifecycle *lc, const struct tcpw_reset_record *r)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_RESET,
		.ts = r->h.ts,
		.tuple = r->tuple,
		.u.reset =
			{
				.direction = (enum tcpw_direction)r->direction,
				.state = tcpw_state_from_kernel(r->state),
				.reason = r->reason,
			},
	};
	struct connection *c = find_cookie(lc, r->cookie);

	if (!c)
		c = find_half_open(lc, &r->tuple);
	e.tuple = event_tuple(c, &r->tuple);
	if (r->direction == TCPW_RECEIVED) {
		uint32_t place = hold_push(lc, c, &e, c != NULL, 0);

		if (c) {
			c->evidence |= EVIDENCE_RESET_RECEIVED;
			c->reset = place;
		}
		return;
	}
	if (c) {
		c->evidence |= EVIDENCE_RESET_SENT | evidence_of_reason(lc, r->reason);
		if (c->end != NONE)
			c->evidence |= EVIDENCE_RESET_AFTER;
		if (c->reset != NONE) {
			/* tcp_reset() ended it on the stack's own account: none was received. */
			struct held *h = hold_at(lc, c->reset);

			h->dropped = true;
			h->waiting = false;
			c->reset = NONE;
		}
	}
	hold_push(lc, c, &e, false, 0);
}

void on_accept(struct lifecycle *lc, const struct tcpw_accept_record *r)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_ACCEPT,
		.ts = r->h.ts,
		.tuple = r->tuple,
	};
	struct connection *c = find_cookie(lc, r->cookie);
	uint64_t queued;

	if (!c) {
		struct connection *half = find_half_open(lc, &r->tuple);

		/* A Fast Open child may be accepted before the end of its handshake. */
		if (half && half->pub.flags & TCPW_SOCK_FASTOPEN)
			c = half;
	}
	if (!c) {
		/*
		 * Chosen by who accepts it, so nothing before was let through; or it was over
		 * before it was accepted, which no longer shows: then its port is gone.
		 */
		if (!r->cookie || !r->tuple.rport)
			return;
		c = connection_new(lc, r->cookie, &r->tuple, TCPW_ROLE_PASSIVE);
		if (!c)
			return;
		c->pub.began = LIFECYCLE_SNAPSHOT;
		c->since_unknown = true;
		c->state = TCPW_ESTABLISHED;
		path_add(c, TCPW_ESTABLISHED, r->h.ts);
	}
	connection_own(lc, c, &r->process);
	c->pub.accepted = r->h.ts;
	queued = entered_at(c, c->pub.flags & TCPW_SOCK_FASTOPEN ? TCPW_SYN_RECEIVED
								 : TCPW_ESTABLISHED);
	if (queued && !(c->since_unknown && c->pub.path_len == 1)) {
		e.u.accept.wait_known = true;
		e.u.accept.wait_ns = r->h.ts - queued;
	}
	hold_push(lc, c, &e, false, 0);
}

void on_destroy(struct lifecycle *lc, const struct tcpw_destroy_record *r)
{
	struct connection *c = find_cookie(lc, r->cookie);

	if (c && !c->mini)
		hold_settle_end(lc, c, 0);
}

#define TIME_WAIT_NS 60000000000ull /* TCP_TIMEWAIT_LEN */

/*
 * How long a TIME_WAIT has lasted follows from its timer, to the jiffy; it may have been armed anew
 * meanwhile.
 */
static uint64_t time_waited(const struct tcpw_socket *s)
{
	if (s->mini != 2 || s->state != TCPW_TIME_WAIT || s->timer_ns > TIME_WAIT_NS ||
	    s->ts < TIME_WAIT_NS - s->timer_ns)
		return 0;
	return TIME_WAIT_NS - s->timer_ns;
}

static void adopt(struct lifecycle *lc, struct connection *c, const struct tcpw_socket *s)
{
	enum tcpw_state state = tcpw_state_from_kernel(s->state);

	c->pub.began = LIFECYCLE_SNAPSHOT;
	c->since_unknown = true;
	c->pub.flags = s->flags & (TCPW_SOCK_KERNEL | TCPW_SOCK_SUBFLOW);
	c->state = state;
	c->listener = s->listener;
	c->joined = s->mini == 0 && s->listener;
	path_add(c, state, s->ts - time_waited(s));
	if (s->mini == 1)
		c->pub.half_open = s->ts << 8;
	if (state == TCPW_LISTEN) {
		c->pub.role = TCPW_ROLE_LISTENER;
		*listener_note(lc, &s->tuple) = s->cookie;
	} else if (state == TCPW_SYN_SENT) {
		c->pub.role = TCPW_ROLE_ACTIVE;
	}
	if (s->mini == 2) {
		c->mini = true;
		c->life_done = !lc->options.life_complete;
		if (state == TCPW_FIN_WAIT_2)
			lc->orphans++;
	}
}

void on_socket(struct lifecycle *lc, const struct tcpw_socket *s)
{
	enum tcpw_state state = tcpw_state_from_kernel(s->state);
	struct connection *c =
		s->mini == 1 ? find_half_open(lc, &s->tuple) : find_cookie(lc, s->cookie);

	if (state == TCPW_STATE_UNKNOWN || state == TCPW_CLOSED)
		return;
	if (!c) {
		c = s->mini == 1 ? half_open_new(lc, &s->tuple)
				 : connection_new(lc, s->cookie, &s->tuple, TCPW_ROLE_UNKNOWN);
		if (c)
			adopt(lc, c, s);
		return;
	}
	c->met = s->ts;
	if (s->mini == 2 && c->mini && c->state == TCPW_FIN_WAIT_2 && state == TCPW_TIME_WAIT &&
	    c->end == NONE) {
		connection_move(lc, c,
				&(struct move){.new_state = TCPW_TIME_WAIT,
					       .source = LIFECYCLE_FROM_SNAPSHOT,
					       .ts = s->ts,
					       .began = s->ts - time_waited(s)});
		if (c->pub.counted)
			queue_pending_life(lc, c, s->ts);
	}
	if (c->state == state || c->end != NONE)
		c->doubts = 0;
	else if (connection_doubt(lc, c))
		connection_hole(lc, c);
}

void lifecycle_file(struct lifecycle *lc, const struct tcpw_file *file)
{
	struct connection *c = find_cookie(lc, file->cookie);

	if (!c)
		return;
	/* Who connected, listened or accepted is known better than who holds a descriptor. */
	if (c->pub.began == LIFECYCLE_SEEN && c->pub.owner)
		return;
	if (!c->pub.owner || c->pub.owner->pid > file->process.pid)
		connection_own(lc, c, &file->process);
}
