// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events on their way out, in the order of their time. A move to CLOSED waits here for its
 * evidence: the reset that is sent just after it, the timer that is armed again, the socket's
 * destruction after which nothing can follow; or until `evidence_ns` have passed. What comes later
 * waits behind it.
 */
#include "lifecycle/internal.h"

#include <errno.h>
#include <stdlib.h>

int hold_init(struct hold *h, size_t max)
{
	uint32_t size = 64;

	while (size < max)
		size *= 2;
	*h = (struct hold){.mask = size - 1};
	h->ring = calloc(size, sizeof(*h->ring));
	return h->ring ? 0 : -ENOMEM;
}

void hold_release(struct hold *h)
{
	free(h->ring);
	*h = (struct hold){0};
}

struct held *hold_at(struct lifecycle *lc, uint32_t place)
{
	return &lc->hold.ring[place & lc->hold.mask];
}

static void forget_places(struct lifecycle *lc, struct held *h)
{
	struct connection *c = h->c;

	if (!c || !h->waiting)
		return;
	if (h->event.kind == LIFECYCLE_RESET) {
		c->reset = NONE;
	} else if (h->event.u.transition.new_state == TCPW_CLOSED) {
		c->end = NONE;
		if (c->mini)
			lc->hold.ends--;
	} else {
		c->guess = NONE;
	}
	h->waiting = false;
}

/*
 * A hole can make a move to CLOSED say the wrong thing: a FIN_WAIT_2 that "closes" has most likely
 * gone to a TIME_WAIT whose record is the lost one; a mini-socket whose timer was taken off may
 * have become a connection, or been armed again. What has no evidence of its own then is not told.
 */
static bool doubtful(const struct held *h, uint32_t evidence)
{
	const uint32_t sure = EVIDENCE_EXPIRED | EVIDENCE_REUSED | EVIDENCE_LISTENER_GONE |
			      EVIDENCE_SEGMENT_RST | EVIDENCE_RESET_SENT;

	if (!(evidence & EVIDENCE_HOLE) || h->event.u.transition.new_state != TCPW_CLOSED)
		return false;
	if (!(evidence & EVIDENCE_FULL_SOCKET))
		return !(evidence & sure) && h->event.u.transition.old_state != TCPW_LISTEN;
	return h->event.u.transition.cause == TCPW_CAUSE_UNKNOWN &&
	       (h->event.u.transition.old_state == TCPW_FIN_WAIT_2 ||
		h->event.u.transition.old_state == TCPW_CLOSING);
}

/* Decides the cause; returns whether the event is to be told. */
static bool settle(struct lifecycle *lc, struct held *h)
{
	struct lifecycle_event *e = &h->event;
	uint32_t evidence;

	if (e->kind != LIFECYCLE_TRANSITION)
		return true;
	evidence = h->evidence | h->c->evidence;
	if (h->c->hole_epoch != lc->hole_epoch)
		evidence |= EVIDENCE_HOLE;
	e->u.transition.cause =
		cause_of(e->u.transition.old_state, e->u.transition.new_state, evidence);
	/* For a process the connection is over when it enters TIME_WAIT. */
	if (e->u.transition.new_state == TCPW_CLOSED || e->u.transition.new_state == TCPW_TIME_WAIT)
		h->c->pub.end_cause = e->u.transition.cause;
	if (doubtful(h, evidence)) {
		lc->stats.withheld++;
		return false;
	}
	if (e->u.transition.cause == TCPW_CAUSE_UNKNOWN)
		lc->stats.unknown_causes++;
	lc->stats.transitions++;
	return true;
}

/* A connection that nobody has accepted is its listener's. */
static const struct lifecycle_owner *owner_of(const struct lifecycle *lc,
					      const struct connection *c)
{
	const struct connection *listener;

	if (c->pub.owner || !c->listener)
		return c->pub.owner;
	listener = find_cookie(lc, c->listener);
	return listener ? listener->pub.owner : NULL;
}

/* With the end of a connection, now that it is sure. */
static void tell_life(struct lifecycle *lc, struct connection *c, uint64_t ts)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_LIFE,
		.ts = ts,
		.connection = &c->pub,
		.tuple = c->pub.tuple,
	};

	if (c->life_done || c->half_open || c->pub.role == TCPW_ROLE_LISTENER)
		return;
	c->life_done = true;
	lc->options.emit(lc->options.arg, &e);
}

static void emit_head(struct lifecycle *lc)
{
	struct held *h = hold_at(lc, lc->hold.head);
	struct connection *c = h->c;
	bool tell = !h->dropped;

	if (tell)
		tell = settle(lc, h);
	forget_places(lc, h);
	if (c) {
		if (c->hole_epoch != lc->hole_epoch)
			c->pub.complete = false;
		h->event.connection = &c->pub;
	}
	if (tell && c) {
		const struct lifecycle_owner *now = c->pub.owner;

		/* Who it belonged to then, unless that was not known yet. */
		c->pub.owner = h->owner ? h->owner : owner_of(lc, c);
		lc->options.emit(lc->options.arg, &h->event);
		c->pub.owner = now;
	} else if (tell) {
		lc->options.emit(lc->options.arg, &h->event);
	}
	lc->hold.head++;
	lc->hold.count--;
	if (!c)
		return;
	owner_put(&lc->owners, h->owner);
	if (!h->dropped && h->event.kind == LIFECYCLE_TRANSITION &&
	    h->event.u.transition.new_state == TCPW_CLOSED) {
		c->over = true;
		tell_life(lc, c, h->event.ts);
		connection_drop(lc, c);
	}
	connection_unref(lc, c);
}

uint32_t hold_push(struct lifecycle *lc, struct connection *c, const struct lifecycle_event *event,
		   bool wait, uint32_t evidence)
{
	uint32_t place;
	struct held *h;

	/* A full queue tells its oldest now, on the evidence there is; that may be the end of `c`.
	 */
	if (c)
		c->refs++;
	if (lc->hold.count > lc->hold.mask)
		emit_head(lc);
	/* Once in 2^32 this is NONE: that event then waits for its deadline, no more. */
	place = lc->hold.head + lc->hold.count++;
	h = hold_at(lc, place);
	*h = (struct held){
		.event = *event,
		.c = c,
		.deadline = event->ts + lc->options.evidence_ns,
		.evidence = evidence,
		.waiting = wait,
		.owner = c ? owner_ref(owner_of(lc, c)) : NULL,
	};
	return place;
}

void hold_cancel_end(struct lifecycle *lc, struct connection *c)
{
	struct held *h;

	if (c->end == NONE)
		return;
	h = hold_at(lc, c->end);
	h->dropped = true;
	forget_places(lc, h);
}

void hold_confirm_guess(struct lifecycle *lc, struct connection *c)
{
	struct held *h;

	if (c->guess == NONE)
		return;
	h = hold_at(lc, c->guess);
	h->event.u.transition.source = LIFECYCLE_FROM_TIMER;
	h->event.u.transition.dwell_exact = h->exact;
	c->since_unknown = false;
	forget_places(lc, h);
}

void hold_settle_end(struct lifecycle *lc, struct connection *c, uint32_t evidence)
{
	struct held *h;

	if (c->end == NONE)
		return;
	h = hold_at(lc, c->end);
	h->evidence |= evidence;
	forget_places(lc, h);
}

void hold_note_reuse(struct lifecycle *lc, const struct tcpw_tuple *tuple)
{
	/* Newest first: the cancel is the last thing before the new connection begins. */
	for (uint32_t i = lc->hold.count; i > 0 && lc->hold.ends > 0; i--) {
		struct held *h = hold_at(lc, lc->hold.head + i - 1);

		if (h->waiting && h->c && h->c->mini && h->event.kind == LIFECYCLE_TRANSITION &&
		    tuple_equal(&h->event.tuple, tuple)) {
			hold_settle_end(lc, h->c, EVIDENCE_REUSED);
			return;
		}
	}
}

void hold_emit(struct lifecycle *lc, uint64_t now)
{
	while (lc->hold.count) {
		struct held *h = hold_at(lc, lc->hold.head);

		if (h->waiting && !h->dropped && now < h->deadline)
			return;
		emit_head(lc);
	}
}
