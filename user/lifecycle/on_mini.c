// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the timers of request and timewait sockets mean.
 *
 * Taking a timer off the wheel is reported alike before it expires, before it is armed anew and
 * when the socket goes; so a cancel queues the end of the socket, and what follows within the
 * evidence time confirms it or takes it back.
 */
#include "lifecycle/internal.h"

#include <stddef.h>

/*
 * How long the expiry of a timer that was taken off when it was due may be away: the two are told
 * one right after the other, but the host may take the (virtual) CPU away in between.
 */
#define DUE_NS 20000000ull

#define TH_FIN 0x01
#define TH_RST 0x04

static void end_mini(struct lifecycle *lc, struct connection *c, uint64_t ts, uint32_t evidence,
		     bool wait)
{
	if (lc->options.segments_seen)
		evidence |= EVIDENCE_SEGMENTS_SEEN;
	connection_move(lc, c,
			&(struct move){.new_state = TCPW_CLOSED,
				       .source = LIFECYCLE_FROM_TIMER,
				       .ts = ts,
				       .evidence = evidence,
				       .wait = wait});
}

/* A cancel: what follows tells what it was. */
static void taken_off(struct lifecycle *lc, struct connection *c, const struct tcpw_mini_record *r,
		      uint32_t evidence)
{
	end_mini(lc, c, r->h.ts, evidence, true);
	if (r->due)
		hold_at(lc, c->end)->deadline = r->h.ts + DUE_NS;
}

static void request_begins(struct lifecycle *lc, const struct tcpw_mini_record *r)
{
	struct connection *c, *listener;

	hold_note_reuse(lc, &r->tuple);
	c = half_open_new(lc, &r->tuple);
	if (!c)
		return;
	/* Unique per boot: two CPUs may read the same time. */
	c->pub.half_open = r->h.ts << 8 | (r->h.cpu & 0xff);
	c->listener = r->listener;
	listener = find_cookie(lc, r->listener);
	if (listener)
		c->pub.owner = owner_ref(listener->pub.owner);
	if (r->fastopen)
		c->pub.flags |= TCPW_SOCK_FASTOPEN;
	connection_move(lc, c,
			&(struct move){.new_state = TCPW_SYN_RECEIVED,
				       .source = LIFECYCLE_FROM_TIMER,
				       .ts = r->h.ts,
				       .evidence = r->fastopen ? EVIDENCE_FASTOPEN : 0});
}

void on_request(struct lifecycle *lc, const struct tcpw_mini_record *r)
{
	struct connection *c = find_half_open(lc, &r->tuple);
	uint32_t evidence = 0;

	if (r->op == TCPW_MINI_START) {
		if (c)
			hold_cancel_end(lc,
					c); /* the SYN-ACK was sent again, or a SYN came again */
		else
			request_begins(lc, r);
		return;
	}
	if (r->op == TCPW_MINI_SEGMENT) {
		/* A RST that the window does not take leaves the request as it is. */
		if (c && c->end != NONE && (r->tcp_flags & TH_RST))
			hold_settle_end(lc, c, EVIDENCE_SEGMENT_RST);
		return;
	}
	if (!c) {
		lc->stats.strays++;
		return;
	}
	if (r->context == TCPW_CONTEXT_PACKET)
		evidence |= EVIDENCE_PACKET;
	else if (r->context == TCPW_CONTEXT_NO_PACKET)
		evidence |= EVIDENCE_NO_PACKET;
	if (r->listener_state && r->listener_state != TCPW_LISTEN)
		evidence |= EVIDENCE_LISTENER_GONE;
	if (r->op == TCPW_MINI_CANCEL && c->end == NONE)
		taken_off(lc, c, r, evidence);
	else if (r->op == TCPW_MINI_EXPIRE && c->end != NONE) {
		struct held *end = hold_at(lc, c->end);

		/* Armed again from its handler, or not: only waiting tells. */
		end->evidence |= evidence | EVIDENCE_EXPIRED;
		end->deadline = r->h.ts + lc->options.evidence_ns;
	} else if (r->op == TCPW_MINI_EXPIRE)
		end_mini(lc, c, r->h.ts, evidence | EVIDENCE_EXPIRED, true);
}

static void to_time_wait(struct lifecycle *lc, struct connection *c, uint64_t ts,
			 enum lifecycle_source source)
{
	connection_move(lc, c,
			&(struct move){.new_state = TCPW_TIME_WAIT, .source = source, .ts = ts});
}

/* A timewait socket whose connection is not known: the rest of its story is still told. */
static struct connection *begin_timewait(struct lifecycle *lc, const struct tcpw_mini_record *r)
{
	struct connection *c = connection_new(lc, r->cookie, &r->tuple, TCPW_ROLE_UNKNOWN);

	lc->stats.strays++;
	if (!c)
		return NULL;
	c->pub.began = LIFECYCLE_SNAPSHOT;
	c->pub.complete = false;
	c->mini = true;
	c->state = tcpw_state_from_kernel(r->substate);
	c->life_done = !lc->options.life_complete;
	path_add(c, (enum tcpw_state)c->state, r->op == TCPW_MINI_START ? r->h.ts : 0);
	c->since_unknown = r->op != TCPW_MINI_START;
	if (c->state == TCPW_FIN_WAIT_2)
		lc->orphans++;
	return c;
}

static void timewait_starts(struct lifecycle *lc, struct connection *c,
			    const struct tcpw_mini_record *r)
{
	hold_cancel_end(lc, c); /* armed anew: it was only taken off for that */
	if (c->guess != NONE) {
		hold_confirm_guess(lc, c);
		if (c->pub.counted)
			queue_pending_life(lc, c, r->h.ts);
	}
	if (!c->mini) {
		c->mini = true;
		if (r->substate != TCPW_TIME_WAIT) {
			lc->orphans++;
			return;
		}
	}
	if (r->substate == TCPW_TIME_WAIT && c->state != TCPW_TIME_WAIT &&
	    c->state != TCPW_FIN_WAIT_2 && c->state != TCPW_CLOSING) {
		/* No such move exists: the record of the state between was lost. */
		connection_hole(lc, c);
		path_add(c, TCPW_TIME_WAIT, r->h.ts);
		c->state = TCPW_TIME_WAIT;
		lc->stats.withheld++;
	}
	if (c->state != TCPW_TIME_WAIT && r->substate == TCPW_TIME_WAIT) {
		bool orphan = c->state == TCPW_FIN_WAIT_2 && c->pub.counted;

		to_time_wait(lc, c, r->h.ts, LIFECYCLE_FROM_TIMER);
		if (orphan)
			queue_pending_life(lc, c, r->h.ts);
	}
}

/* connect() takes a timewait socket's tuple over from inside the connecting thread. */
static bool reused_by_connect(const struct lifecycle *lc, const struct tcpw_mini_record *r)
{
	const struct connect_note *note = &lc->connects[r->tid % CONNECTS];
	const struct connection *c;

	if (note->tid != r->tid)
		return false;
	c = find_cookie(lc, note->cookie);
	return c && c->state == TCPW_SYN_SENT && c->pub.tuple.rport == r->tuple.rport &&
	       c->pub.tuple.netns == r->tuple.netns &&
	       __builtin_memcmp(c->pub.tuple.raddr, r->tuple.raddr, 16) == 0;
}

static void timewait_segment(struct lifecycle *lc, struct connection *c,
			     const struct tcpw_mini_record *r)
{
	if (c->state == TCPW_FIN_WAIT_2 && r->substate == TCPW_TIME_WAIT && c->end == NONE) {
		to_time_wait(lc, c, r->h.ts, LIFECYCLE_FROM_TIMER);
		if (c->pub.counted)
			queue_pending_life(lc, c, r->h.ts);
	}
	if ((r->tcp_flags & TH_RST) && c->end != NONE)
		hold_at(lc, c->end)->evidence |= EVIDENCE_SEGMENT_RST;
}

void on_timewait(struct lifecycle *lc, const struct tcpw_mini_record *r)
{
	struct connection *c = find_cookie(lc, r->cookie);

	if (!c && r->op == TCPW_MINI_SEGMENT)
		return; /* the last one, after its end was told */
	if (!c)
		c = begin_timewait(lc, r);
	if (!c)
		return;
	if (r->op == TCPW_MINI_START) {
		timewait_starts(lc, c, r);
		return;
	}
	if (r->op == TCPW_MINI_SEGMENT) {
		timewait_segment(lc, c, r);
		return;
	}
	c->mini = true;
	if (c->state == TCPW_FIN_WAIT_2 && r->substate == TCPW_TIME_WAIT && c->end == NONE)
		/*
		 * Either its FIN is being taken right now and the timer will be armed anew; or the
		 * FIN went unseen (no segment witness), and since when it is in TIME_WAIT is not
		 * known.
		 */
		connection_move(lc, c,
				&(struct move){.new_state = TCPW_TIME_WAIT,
					       .source = LIFECYCLE_FROM_SNAPSHOT,
					       .ts = r->h.ts,
					       .wait = true});
	if (r->op == TCPW_MINI_CANCEL && c->end == NONE)
		taken_off(lc, c, r, reused_by_connect(lc, r) ? EVIDENCE_REUSED : 0);
	else if (r->op == TCPW_MINI_EXPIRE && c->end != NONE)
		hold_settle_end(lc, c, EVIDENCE_EXPIRED);
	else if (r->op == TCPW_MINI_EXPIRE)
		end_mini(lc, c, r->h.ts, EVIDENCE_EXPIRED, false);
}
