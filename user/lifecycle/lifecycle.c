// SPDX-License-Identifier: GPL-2.0-or-later
/* The lifecycle's own frame: making it, taking records in, giving events out. */
#include "lifecycle/lifecycle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/internal.h"

int lifecycle_new(struct lifecycle **out, const struct lifecycle_options *options)
{
	struct lifecycle *lc;

	if (!options->emit || !options->max_connections || !options->max_half_open ||
	    !options->max_pending || options->max_connections >= NONE ||
	    options->max_half_open >= NONE || options->max_pending > 1u << 28)
		return -EINVAL;
	lc = calloc(1, sizeof(*lc));
	if (!lc)
		return -ENOMEM;
	lc->options = *options;
	if (order_init(&lc->order, options->max_pending) ||
	    hold_init(&lc->hold, options->max_pending) ||
	    table_init(&lc->connections, options->max_connections, false) ||
	    table_init(&lc->half_open, options->max_half_open, true) ||
	    owners_init(&lc->owners, options->max_connections)) {
		lifecycle_free(lc);
		return -ENOMEM;
	}
	*out = lc;
	return 0;
}

void lifecycle_free(struct lifecycle *lc)
{
	if (!lc)
		return;
	order_release(&lc->order);
	hold_release(&lc->hold);
	table_release(&lc->connections);
	table_release(&lc->half_open);
	owners_release(&lc->owners);
	free(lc);
}

struct connection *find_cookie(const struct lifecycle *lc, uint64_t cookie)
{
	return cookie ? table_find(&lc->connections, cookie, NULL) : NULL;
}

struct connection *find_half_open(const struct lifecycle *lc, const struct tcpw_tuple *tuple)
{
	return table_find(&lc->half_open, 0, tuple);
}

static uint64_t *lost_note(struct lifecycle *lc, uint64_t cookie)
{
	return &lc->lost[cookie % LOST_NOTES];
}

bool take_lost_half_open(struct lifecycle *lc, const struct tcpw_tuple *tuple)
{
	uint64_t hash = tuple_hash(tuple);
	uint64_t *note = &lc->lost_half_open[hash % LOST_NOTES];

	if (*note != hash)
		return false;
	*note = 0;
	return true;
}

struct connection *connection_new(struct lifecycle *lc, uint64_t cookie,
				  const struct tcpw_tuple *tuple, enum tcpw_role role)
{
	struct connection *c = table_new(&lc->connections);

	if (!c) {
		lc->stats.connections_full++;
		return NULL;
	}
	c->pub.cookie = cookie;
	c->pub.tuple = *tuple;
	c->pub.role = role;
	c->pub.complete = true;
	c->state = TCPW_CLOSED;
	c->hole_epoch = lc->hole_epoch;
	lc->stats.connections++;
	if ((cookie && *lost_note(lc, cookie) == cookie) || lc->dispatching <= lc->lost_any_at)
		connection_hole(lc, c);
	table_link(&lc->connections, c);
	return c;
}

struct connection *half_open_new(struct lifecycle *lc, const struct tcpw_tuple *tuple)
{
	struct connection *c = table_new(&lc->half_open);

	if (!c) {
		lc->stats.half_open_full++;
		return NULL;
	}
	c->pub.tuple = *tuple;
	c->pub.role = TCPW_ROLE_PASSIVE;
	c->pub.complete = true;
	c->state = TCPW_LISTEN;
	c->hole_epoch = lc->hole_epoch;
	if (take_lost_half_open(lc, tuple) || lc->dispatching <= lc->lost_any_at)
		connection_hole(lc, c);
	table_link(&lc->half_open, c);
	return c;
}

static struct connection_table *table_of(struct lifecycle *lc, const struct connection *c)
{
	return c->half_open ? &lc->half_open : &lc->connections;
}

static void connection_free(struct lifecycle *lc, struct connection *c)
{
	owner_put(&lc->owners, c->pub.owner);
	table_return(table_of(lc, c), c);
}

void connection_drop(struct lifecycle *lc, struct connection *c)
{
	if (!c->hashed)
		return;
	if (c->mini && c->state == TCPW_FIN_WAIT_2 && lc->orphans)
		lc->orphans--;
	table_unlink(table_of(lc, c), c);
	if (c->refs == 0)
		connection_free(lc, c);
}

void connection_unref(struct lifecycle *lc, struct connection *c)
{
	if (--c->refs == 0 && !c->hashed)
		connection_free(lc, c);
}

void connection_own(struct lifecycle *lc, struct connection *c, const struct tcpw_process *p)
{
	const struct lifecycle_owner *owner = owner_get(&lc->owners, p);

	owner_put(&lc->owners, c->pub.owner);
	c->pub.owner = owner;
}

void connection_join(struct lifecycle *lc, struct connection *c, uint64_t first)
{
	const struct connection *f = find_cookie(lc, first);

	c->joined = true;
	c->listener = first;
	if (!f)
		return;
	owner_put(&lc->owners, c->pub.owner);
	c->pub.owner = owner_ref(f->pub.owner);
}

void connection_hole(struct lifecycle *lc, struct connection *c)
{
	if (c->pub.complete)
		lc->stats.incomplete++;
	c->pub.complete = false;
	c->evidence |= EVIDENCE_HOLE;
}

void path_add(struct connection *c, enum tcpw_state state, uint64_t since)
{
	if (c->pub.path_len == LIFECYCLE_PATH_MAX) {
		/* No legal path is that long; keep the newest and say that some are missing. */
		memmove(c->pub.path, c->pub.path + 1, LIFECYCLE_PATH_MAX - 1);
		memmove(c->pub.entered, c->pub.entered + 1,
			(LIFECYCLE_PATH_MAX - 1) * sizeof(c->pub.entered[0]));
		c->pub.path_len--;
		c->pub.complete = false;
	}
	c->pub.path[c->pub.path_len] = state;
	c->pub.entered[c->pub.path_len] = since;
	c->pub.path_len++;
}

void connection_move(struct lifecycle *lc, struct connection *c, const struct move *m)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_TRANSITION,
		.ts = m->ts,
		.tuple = c->pub.tuple,
		.u.transition =
			{
				.old_state = (enum tcpw_state)c->state,
				.new_state = m->new_state,
				.source = m->source,
			},
	};
	uint64_t began = m->began ? m->began : m->ts;
	uint8_t len = c->pub.path_len;
	bool exact = false;
	uint32_t place;

	c->doubts = 0;
	if (len && c->pub.path[len - 1] == c->state && c->pub.entered[len - 1]) {
		e.u.transition.dwell_known = true;
		e.u.transition.dwell_ns =
			began > c->pub.entered[len - 1] ? began - c->pub.entered[len - 1] : 0;
		exact = !c->since_unknown;
		e.u.transition.dwell_exact = exact && m->source != LIFECYCLE_FROM_SNAPSHOT;
	}
	if (c->mini && c->state == TCPW_FIN_WAIT_2 && m->new_state != TCPW_CLOSED && lc->orphans)
		lc->orphans--;
	place = hold_push(lc, c, &e, m->wait, m->evidence);
	if (m->new_state != TCPW_CLOSED) {
		hold_at(lc, place)->exact = exact;
		if (m->wait)
			c->guess = place;
		path_add(c, m->new_state, began);
		c->state = m->new_state;
		c->since_unknown = m->source == LIFECYCLE_FROM_SNAPSHOT;
	} else if (m->wait) {
		/* `state` stays as it is until the move is sure: it may be cancelled. */
		c->end = place;
		if (c->mini)
			lc->hold.ends++;
	}
}

void queue_pending_life(struct lifecycle *lc, struct connection *c, uint64_t ts)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_LIFE,
		.ts = ts,
		.tuple = c->pub.tuple,
		.u.life.time_wait_pending = true,
	};

	if (c->life_done || lc->options.life_complete)
		return;
	c->life_done = true;
	hold_push(lc, c, &e, false, 0);
}

static void dispatch(struct lifecycle *lc, const struct order_slot *slot)
{
	const struct tcpw_header *h = &slot->u.header;

	if (slot->is_socket) {
		on_socket(lc, &slot->u.socket);
		return;
	}
	switch (h->type) {
	case TCPW_RECORD_STATE:
	case TCPW_RECORD_OPEN:
	case TCPW_RECORD_CLOSE:
		on_state(lc, (const void *)h);
		break;
	case TCPW_RECORD_REQUEST:
		on_request(lc, (const void *)h);
		break;
	case TCPW_RECORD_TIMEWAIT:
		on_timewait(lc, (const void *)h);
		break;
	case TCPW_RECORD_RETRANSMIT:
		on_retransmit(lc, (const void *)h);
		break;
	case TCPW_RECORD_RESET:
		on_reset(lc, (const void *)h);
		break;
	case TCPW_RECORD_ACCEPT:
		on_accept(lc, (const void *)h);
		break;
	case TCPW_RECORD_DESTROY:
		on_destroy(lc, (const void *)h);
		break;
	}
}

static void take_oldest(struct lifecycle *lc)
{
	struct order_slot *slot = order_peek(&lc->order);
	uint64_t ts = slot->ts;

	lc->dispatching = ts;
	dispatch(lc, slot);
	order_pop(&lc->order);
	hold_emit(lc, ts);
}

void lifecycle_record(struct lifecycle *lc, const struct tcpw_header *record)
{
	struct order_slot *slot;

	if (record->len > TCPW_RECORD_MAX_SIZE)
		return;
	if (order_full(&lc->order))
		take_oldest(lc);
	slot = order_reserve(&lc->order);
	slot->ts = record->ts;
	slot->is_socket = false;
	memcpy(&slot->u, record, record->len);
	order_insert(&lc->order, slot);
	lc->stats.records++;
}

void lifecycle_socket(struct lifecycle *lc, const struct tcpw_socket *socket)
{
	struct order_slot *slot;

	if (order_full(&lc->order))
		take_oldest(lc);
	slot = order_reserve(&lc->order);
	slot->ts = socket->ts;
	slot->is_socket = true;
	slot->u.socket = *socket;
	order_insert(&lc->order, slot);
}

void lifecycle_advance(struct lifecycle *lc, uint64_t now)
{
	uint64_t window = lc->options.window_ns;
	uint64_t until = now > window ? now - window : 0;
	struct order_slot *slot;

	while ((slot = order_peek(&lc->order)) && slot->ts <= until)
		take_oldest(lc);
	hold_emit(lc, until);
}

void lifecycle_flush(struct lifecycle *lc, uint64_t now)
{
	while (order_peek(&lc->order))
		take_oldest(lc);
	hold_emit(lc, now + lc->options.evidence_ns);
	hold_emit(lc, UINT64_MAX);
}

void lifecycle_walked(struct lifecycle *lc, uint64_t now)
{
	if (!lc->walked)
		lc->walked = now;
}

void lifecycle_lost(struct lifecycle *lc, const struct tcpw_lost_key *key, uint64_t now)
{
	struct connection *c;

	lc->lost_at = lc->order.given_out;
	if (key->cookie) {
		if (*lost_note(lc, key->cookie) && *lost_note(lc, key->cookie) != key->cookie)
			lifecycle_lost_any(lc, now); /* the one that is forgotten could be any */
		*lost_note(lc, key->cookie) = key->cookie;
		c = find_cookie(lc, key->cookie);
	} else {
		uint64_t hash = tuple_hash(&key->tuple);

		c = find_half_open(lc, &key->tuple);
		if (!c && lc->lost_half_open[hash % LOST_NOTES])
			lifecycle_lost_any(lc, now);
		if (!c)
			lc->lost_half_open[hash % LOST_NOTES] = hash;
	}
	if (c)
		connection_hole(lc, c);
}

void lifecycle_lost_any(struct lifecycle *lc, uint64_t now)
{
	lc->lost_any_at = now;
	lc->lost_at = lc->order.given_out;
	lc->hole_epoch++;
}

enum tcpw_role lifecycle_role(const struct lifecycle *lc, uint64_t cookie)
{
	const struct connection *c = find_cookie(lc, cookie);

	return c ? (enum tcpw_role)c->pub.role : TCPW_ROLE_UNKNOWN;
}

static bool is_whole(const struct lifecycle *lc, const struct connection *c)
{
	return c->pub.complete && c->hole_epoch == lc->hole_epoch;
}

bool connection_doubt(struct lifecycle *lc, struct connection *c)
{
	if (++c->doubts < 2)
		return false;
	c->doubts = 0;
	if (is_whole(lc, c))
		lc->stats.unseen++;
	return true;
}

static size_t retire_from(struct lifecycle *lc, struct connection_table *t, uint64_t began)
{
	size_t retired = 0;

	for (uint32_t i = 0; i < t->fresh; i++) {
		struct connection *c = &t->pool[i];

		if (!c->hashed || c->refs || c->met >= began)
			continue;
		if (is_whole(lc, c) && !connection_doubt(lc, c))
			continue;
		connection_drop(lc, c);
		retired++;
	}
	return retired;
}

size_t lifecycle_retire(struct lifecycle *lc, uint64_t began)
{
	size_t retired =
		retire_from(lc, &lc->connections, began) + retire_from(lc, &lc->half_open, began);

	lc->stats.retired += retired;
	return retired;
}

size_t lifecycle_orphans(const struct lifecycle *lc)
{
	return lc->orphans;
}

bool lifecycle_pending(const struct lifecycle *lc)
{
	return lc->order.count || lc->hold.count;
}

const struct lifecycle_stats *lifecycle_stats(const struct lifecycle *lc)
{
	struct lifecycle_stats *stats = &((struct lifecycle *)lc)->stats;

	stats->live = lc->connections.live;
	stats->half_open = lc->half_open.live;
	stats->late = lc->order.late;
	return stats;
}
