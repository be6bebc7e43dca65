// SPDX-License-Identifier: GPL-2.0-or-later
/* What the state witness's records mean. */
#include "lifecycle/internal.h"

static enum tcpw_state state_of(uint8_t kernel_value)
{
	return tcpw_state_from_kernel(kernel_value);
}

/* connect() or listen(): a connection begins, also on a socket that had one before. */
static struct connection *begin(struct lifecycle *lc, const struct tcpw_state_record *r)
{
	const struct tcpw_open_record *open = (const void *)r;
	bool connects = state_of(r->new_state) == TCPW_SYN_SENT;
	struct connection *c = find_cookie(lc, r->cookie);

	if (c) {
		/* The end of the one before has been told, or is still waiting in the queue. */
		hold_settle_end(lc, c, 0);
		connection_drop(lc, c);
	}
	c = connection_new(lc, r->cookie, &r->tuple,
			   connects ? TCPW_ROLE_ACTIVE : TCPW_ROLE_LISTENER);
	if (!c)
		return NULL;
	c->pub.flags = r->flags & (TCPW_SOCK_KERNEL | TCPW_SOCK_SUBFLOW);
	/* The kernel's own sockets, and what it joins, are opened by whoever is on the CPU. */
	if (open->joined)
		connection_join(lc, c, open->joined);
	else if (!(r->flags & TCPW_SOCK_KERNEL))
		connection_own(lc, c, &open->process);
	if (!connects)
		*listener_note(lc, &r->tuple) = r->cookie;
	else
		lc->connects[r->tid % CONNECTS] =
			(struct connect_note){.tid = r->tid, .cookie = r->cookie};
	return c;
}

/* A child without a request socket: its listener is the one on its port, if that one is known. */
static void inherit_by_port(struct lifecycle *lc, struct connection *c)
{
	const struct connection *l = find_cookie(lc, *listener_note(lc, &c->pub.tuple));
	static const uint8_t any4[16] = {[10] = 0xff, 0xff}, any6[16];

	if (!l || l->state != TCPW_LISTEN || l->pub.tuple.lport != c->pub.tuple.lport ||
	    l->pub.tuple.netns != c->pub.tuple.netns)
		return;
	if (__builtin_memcmp(l->pub.tuple.laddr, any4, 16) &&
	    __builtin_memcmp(l->pub.tuple.laddr, any6, 16) &&
	    __builtin_memcmp(l->pub.tuple.laddr, c->pub.tuple.laddr, 16))
		return;
	c->listener = l->pub.cookie;
	c->pub.owner = owner_ref(l->pub.owner);
}

#define HALF_OPEN_LONGEST_NS 180000000000ull

/*
 * Whether the absence of a request socket can only mean that there was none: the table was walked
 * before, and nothing has been lost for as long as a half-open connection may last.
 */
static bool nothing_unknown(const struct lifecycle *lc, const struct connection *c,
			    const struct tcpw_state_record *r)
{
	return lc->walked && r->h.ts > lc->walked && c->pub.complete && !lc->stats.half_open_full &&
	       !(r->flags & TCPW_SOCK_FASTOPEN) &&
	       (!lc->lost_at || r->h.ts > lc->lost_at + HALF_OPEN_LONGEST_NS);
}

#define EVIDENCE_OF_RESETS                                                       \
	(EVIDENCE_RESET_RECEIVED | EVIDENCE_RESET_SENT | EVIDENCE_REASON_ABORT | \
	 EVIDENCE_REASON_MEMORY | EVIDENCE_REASON_KEEPALIVE)

/* What was known of `half` by its tuple is known of the child now. */
static void inherit_half_open(struct lifecycle *lc, struct connection *c, struct connection *half)
{
	c->pub.half_open = half->pub.half_open;
	c->pub.owner = owner_ref(half->pub.owner);
	c->pub.began = half->pub.began;
	c->pub.accepted = half->pub.accepted;
	c->pub.flags |= half->pub.flags & TCPW_SOCK_FASTOPEN;
	c->since_unknown = half->since_unknown;
	c->listener = half->listener;
	if (half->pub.flags & TCPW_SOCK_FASTOPEN)
		c->evidence |= half->evidence & EVIDENCE_OF_RESETS;
	if (!half->pub.complete)
		connection_hole(lc, c);
	path_add(c, TCPW_SYN_RECEIVED, half->pub.path_len ? half->pub.entered[0] : 0);
	c->state = TCPW_SYN_RECEIVED;
	half->over = true;
	connection_drop(lc, half);
}

/*
 * The child of a listener shows itself at the end of its handshake, a Fast Open one at its first
 * transition after the SYN.
 */
static struct connection *begin_child(struct lifecycle *lc, const struct tcpw_state_record *r)
{
	const struct tcpw_open_record *open =
		r->h.type == TCPW_RECORD_OPEN ? (const void *)r : NULL;
	struct connection *half = find_half_open(lc, &r->tuple);
	struct connection *c = connection_new(lc, r->cookie, &r->tuple, TCPW_ROLE_PASSIVE);

	/* Its request timer was cancelled for this: the half-open one did not end. */
	if (half)
		hold_cancel_end(lc, half);
	if (!c) {
		if (half)
			connection_drop(lc, half);
		return NULL;
	}
	c->pub.flags = r->flags & (TCPW_SOCK_KERNEL | TCPW_SOCK_SUBFLOW);
	if (half) {
		inherit_half_open(lc, c, half);
	} else if (take_lost_half_open(lc, &r->tuple) || lc->stats.half_open_full) {
		/* Its SYN was lost, or found no room in the table. */
		connection_hole(lc, c);
		path_add(c, TCPW_SYN_RECEIVED, 0);
		c->state = TCPW_SYN_RECEIVED;
		inherit_by_port(lc, c);
	} else if (!open && nothing_unknown(lc, c, r)) {
		/* Nothing was lost and nothing is unknown: there was no request socket. */
		c->state = TCPW_LISTEN;
		c->evidence |= EVIDENCE_NO_REQUEST;
		inherit_by_port(lc, c);
	} else if (r->flags & TCPW_SOCK_FASTOPEN) {
		/* Made by the SYN, whose moment the timer witness did not tell. */
		c->pub.complete = false;
		path_add(c, TCPW_SYN_RECEIVED, 0);
		c->state = TCPW_SYN_RECEIVED;
		inherit_by_port(lc, c);
	} else {
		c->pub.began = LIFECYCLE_SNAPSHOT;
		path_add(c, TCPW_SYN_RECEIVED, 0);
		c->state = TCPW_SYN_RECEIVED;
	}
	if (open)
		connection_join(lc, c, open->joined);
	return c;
}

/* A connection that should have been known: filtered until now, or its records were lost. */
static struct connection *begin_late(struct lifecycle *lc, const struct tcpw_state_record *r)
{
	struct connection *c = connection_new(lc, r->cookie, &r->tuple, TCPW_ROLE_UNKNOWN);

	if (!c)
		return NULL;
	c->pub.flags = r->flags & (TCPW_SOCK_KERNEL | TCPW_SOCK_SUBFLOW);
	c->pub.began = LIFECYCLE_SNAPSHOT;
	c->pub.complete = false;
	c->state = state_of(r->old_state);
	if (c->state == TCPW_LISTEN)
		c->pub.role = TCPW_ROLE_LISTENER;
	path_add(c, (enum tcpw_state)c->state, 0);
	return c;
}

/* The kernel counts the peer's FIN among the bytes received (tcp_rcv_nxt_update). */
static bool fin_received(const struct connection *c)
{
	for (uint8_t i = 0; i < c->pub.path_len; i++)
		if (c->pub.path[i] == TCPW_CLOSE_WAIT || c->pub.path[i] == TCPW_CLOSING ||
		    c->pub.path[i] == TCPW_TIME_WAIT)
			return true;
	return false;
}

static void final_counts(struct connection *c, const struct tcpw_state_record *r)
{
	const struct tcpw_close_record *close = (const void *)r;

	if (r->h.type != TCPW_RECORD_CLOSE)
		return;
	c->pub.bytes_sent = close->bytes_sent;
	c->pub.bytes_received = close->bytes_received;
	if (c->pub.bytes_received && fin_received(c))
		c->pub.bytes_received--;
	c->pub.retransmits = close->retransmits;
	c->pub.srtt_us = close->srtt_us;
	c->pub.counted = true;
}

static bool listener_gone(const struct lifecycle *lc, const struct connection *c)
{
	const struct connection *listener;

	if (!c->listener || c->joined || c->pub.accepted)
		return false;
	listener = find_cookie(lc, c->listener);
	return !listener || listener->state != TCPW_LISTEN || listener->over ||
	       listener->end != NONE;
}

#define LISTENER_STOPS_NS 500000000ull

static void move_to_closed(struct lifecycle *lc, struct connection *c,
			   const struct tcpw_state_record *r)
{
	struct move m = {
		.new_state = TCPW_CLOSED,
		.source = LIFECYCLE_FROM_STATE,
		.ts = r->h.ts,
		.evidence = EVIDENCE_FULL_SOCKET | EVIDENCE_RESETS_SEEN |
			    evidence_of_error(r->err, r->err_soft),
		.wait = true,
	};

	if ((r->flags & TCPW_SOCK_SHUT_BOTH) == TCPW_SOCK_SHUT_BOTH)
		m.evidence |= EVIDENCE_SHUT_BOTH;
	if (r->flags & TCPW_SOCK_DEAD)
		m.evidence |= EVIDENCE_ORPHAN;
	if (r->flags & TCPW_SOCK_UNACKED)
		m.evidence |= EVIDENCE_UNACKED;
	if (r->flags & TCPW_SOCK_REPAIR)
		m.evidence |= EVIDENCE_REPAIR;
	if (r->flags & TCPW_SOCK_USER_TIMEOUT)
		m.evidence |= EVIDENCE_USER_TIMEOUT;
	if (!r->tuple.lport)
		m.evidence |= EVIDENCE_NO_PORT;
	if (listener_gone(lc, c))
		m.evidence |= EVIDENCE_LISTENER_GONE;
	final_counts(c, r);
	connection_move(lc, c, &m);
	/*
	 * Its own process shuts it, or close() has shut it before (__tcp_close). For another one
	 * this is tcp_abort as a rule, which shows itself only when all in the accept queue has
	 * been reset; that process may be made to wait meanwhile.
	 */
	if (c->state == TCPW_LISTEN && !(m.evidence & EVIDENCE_SHUT_BOTH) && c->pub.owner &&
	    c->pub.owner->pid != r->pid)
		hold_at(lc, c->end)->deadline = r->h.ts + LISTENER_STOPS_NS;
}

/* tcp_abort sets CLOSED once more, this time with its error. */
static void closed_again(struct lifecycle *lc, const struct tcpw_state_record *r)
{
	struct connection *c = find_cookie(lc, r->cookie);

	if (c && c->end != NONE)
		hold_settle_end(lc, c, evidence_of_error(r->err, r->err_soft));
}

/* The full socket of a connection whose timewait mini-socket has already taken over. */
static void full_socket_gone(struct lifecycle *lc, struct connection *c,
			     const struct tcpw_state_record *r)
{
	final_counts(c, r);
	if (c->state == TCPW_TIME_WAIT)
		queue_pending_life(lc, c, r->h.ts);
}

/*
 * A child that has a file has been accepted. Where that was not seen (io_uring, no accept witness)
 * it may be by another process than the one that listens: whose it is then is not known.
 */
static void accepted_unseen(struct lifecycle *lc, struct connection *c)
{
	owner_put(&lc->owners, c->pub.owner);
	c->pub.owner = NULL;
	c->listener = 0;
}

void on_state(struct lifecycle *lc, const struct tcpw_state_record *r)
{
	enum tcpw_state old_state = state_of(r->old_state), new_state = state_of(r->new_state);
	struct connection *c;
	uint32_t cookie, repair = r->flags & TCPW_SOCK_REPAIR ? EVIDENCE_REPAIR : 0;

	if (old_state == new_state) {
		closed_again(lc, r);
		return;
	}
	if (r->h.type == TCPW_RECORD_OPEN && old_state != TCPW_SYN_RECEIVED)
		c = begin(lc, r);
	else if (!(c = find_cookie(lc, r->cookie)) && new_state == TCPW_CLOSED && !r->tuple.lport)
		return; /* passed a port filter only because it has no port any more */
	else if (!c)
		c = old_state == TCPW_SYN_RECEIVED ? begin_child(lc, r) : begin_late(lc, r);
	if (!c)
		return; /* the table is full, and that was counted */
	if (c->mini && new_state == TCPW_CLOSED) {
		full_socket_gone(lc, c, r);
		return;
	}
	if (c->joined)
		connection_join(lc, c, c->listener); /* whose it is may have changed by an accept */
	else if ((r->flags & TCPW_SOCK_HELD) && c->listener && !c->pub.accepted)
		accepted_unseen(lc, c);
	cookie = c->evidence & EVIDENCE_NO_REQUEST;
	c->evidence &= ~(uint32_t)EVIDENCE_NO_REQUEST;
	if (c->state != old_state && !cookie) {
		/* A record is missing: go on from what the kernel says, without a time. */
		connection_hole(lc, c);
		path_add(c, old_state, 0);
		c->state = old_state;
	}
	/* A listener that closes, or a connect without a port, has none to tell. */
	if (r->tuple.lport)
		c->pub.tuple = r->tuple;
	if (new_state == TCPW_CLOSED)
		move_to_closed(lc, c, r);
	else
		connection_move(lc, c,
				&(struct move){.new_state = new_state,
					       .source = LIFECYCLE_FROM_STATE,
					       .ts = r->h.ts,
					       .evidence = cookie | repair});
}
