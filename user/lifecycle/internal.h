/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this folder share. The way of a record:
 *
 *   order (sorted by time) -> on_state, on_mini, on_other (what it means) -> hold (events waiting
 *   for evidence, in order) -> emit
 */
#ifndef LIFECYCLE_INTERNAL_H
#define LIFECYCLE_INTERNAL_H

#include "lifecycle/cause.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/order.h"

#define NONE UINT32_MAX

struct owner {
	struct lifecycle_owner pub;
	uint32_t refs;
	uint32_t next; /* hash chain, or the next unused one */
};

struct connection {
	struct lifecycle_connection pub;
	uint64_t listener;   /* cookie, or of the first subflow if `joined`; 0: none or unknown */
	uint64_t met;        /* when a walk of the socket table met it last; 0: never */
	uint32_t next;       /* hash chain, or the next unused one */
	uint32_t refs;       /* events waiting that speak of it */
	uint32_t evidence;   /* gathered so far */
	uint32_t hole_epoch; /* of the lifecycle when it began */
	uint32_t end;        /* place of its waiting move to CLOSED; NONE */
	uint32_t reset;      /* place of its waiting received reset; NONE */
	uint32_t guess;      /* place of its waiting move to a TIME_WAIT of unknown age; NONE */
	uint8_t state;       /* enum tcpw_state, as told so far */
	bool half_open : 1;  /* lives in the table of half-open ones */
	bool hashed : 1;
	bool mini : 1; /* a timewait mini-socket has taken over */
	bool over : 1; /* CLOSED has been told */
	bool life_done : 1;
	bool joined : 1;        /* a further subflow of an MPTCP connection */
	bool since_unknown : 1; /* when its state began is known from a walk only, not seen */
	/* Walks of the socket table in a row that contradicted what has been told of it. */
	uint8_t doubts : 2;
};

_Static_assert(sizeof(struct connection) <= 256, "a million of these are kept");

uint64_t tuple_hash(const struct tcpw_tuple *tuple);

/* Connections by cookie, or half-open ones by tuple: fixed pool, chained buckets. */
struct connection_table {
	struct connection *pool;
	uint32_t *buckets;
	uint32_t mask;
	uint32_t unused; /* head of the list of returned ones */
	uint32_t fresh;  /* first never used: the rest of the pool has not been touched */
	uint32_t max;
	uint32_t live;
	bool by_tuple;
};

int table_init(struct connection_table *t, size_t max, bool by_tuple);
void table_release(struct connection_table *t);
struct connection *table_find(const struct connection_table *t, uint64_t cookie,
			      const struct tcpw_tuple *tuple);
/* A zeroed one that is in no bucket yet, or NULL when the table is full. */
struct connection *table_new(struct connection_table *t);
void table_link(struct connection_table *t, struct connection *c);
void table_unlink(struct connection_table *t, struct connection *c);
void table_return(struct connection_table *t, struct connection *c);

struct owner_table {
	struct owner *pool;
	uint32_t *buckets;
	uint32_t mask, unused, fresh, max;
};

int owners_init(struct owner_table *t, size_t max);
void owners_release(struct owner_table *t);
/* Finds or makes the owner and takes a reference; NULL when the table is full. */
const struct lifecycle_owner *owner_get(struct owner_table *t, const struct tcpw_process *p);
const struct lifecycle_owner *owner_ref(const struct lifecycle_owner *owner);
void owner_put(struct owner_table *t, const struct lifecycle_owner *owner);

struct held {
	struct lifecycle_event event;
	struct connection *c;                /* holds a reference; may be NULL */
	const struct lifecycle_owner *owner; /* at the time of the event; holds a reference */
	uint64_t deadline;
	uint32_t evidence;
	bool waiting;
	bool dropped;
	bool exact; /* the dwell would be exact, were the time not a guess */
};

struct hold {
	struct held *ring;
	uint32_t mask, head, count;
	uint32_t ends; /* waiting moves of timewait sockets to CLOSED */
};

/* Which thread is inside connect(): its last move to SYN_SENT. */
#define CONNECTS 1024

struct connect_note {
	uint32_t tid;
	uint64_t cookie;
};

#define LOST_NOTES 4096
#define LISTENER_NOTES 4096

struct lifecycle {
	struct lifecycle_options options;
	struct lifecycle_stats stats;
	struct order order;
	struct hold hold;
	struct connection_table connections;
	struct connection_table half_open;
	struct owner_table owners;
	struct connect_note connects[CONNECTS];
	/*
	 * Connections whose record was lost, by cookie, and half-open ones, by a hash of their
	 * tuple: the loss may be known before the first of their records has been made use of.
	 */
	uint64_t lost[LOST_NOTES];
	uint64_t lost_half_open[LOST_NOTES];
	uint64_t listeners[LISTENER_NOTES]; /* cookies by namespace and port, newest wins */
	uint64_t lost_any_at;               /* when it was said that anybody may have lost one */
	uint64_t dispatching;               /* time of the record in hand */
	uint64_t lost_at;    /* time of the newest record told when one was lost; 0: never */
	uint32_t hole_epoch; /* counts losses that no connection could be named for */
	uint64_t walked;     /* when the socket table had been walked; 0: not yet */
	size_t orphans;
};

/* lifecycle.c: connections */
struct connection *connection_new(struct lifecycle *lc, uint64_t cookie,
				  const struct tcpw_tuple *tuple, enum tcpw_role role);
struct connection *half_open_new(struct lifecycle *lc, const struct tcpw_tuple *tuple);
/* Takes it out of its table; freed when no event speaks of it any more. */
void connection_drop(struct lifecycle *lc, struct connection *c);
void connection_unref(struct lifecycle *lc, struct connection *c);
void connection_own(struct lifecycle *lc, struct connection *c, const struct tcpw_process *p);
/* A further subflow belongs to whom the first one, known by its cookie, belongs to now. */
void connection_join(struct lifecycle *lc, struct connection *c, uint64_t first);
void connection_hole(struct lifecycle *lc, struct connection *c);
/* A walk of the socket table contradicts what was told; whether one before it did so too. */
bool connection_doubt(struct lifecycle *lc, struct connection *c);
struct connection *find_cookie(const struct lifecycle *lc, uint64_t cookie);
struct connection *find_half_open(const struct lifecycle *lc, const struct tcpw_tuple *tuple);
/* Notes a state on the path; `since` 0: not known when it began. */
void path_add(struct connection *c, enum tcpw_state state, uint64_t since);

struct move {
	enum tcpw_state new_state;
	enum lifecycle_source source;
	uint64_t ts;
	uint64_t began; /* of the new state, where it is found out later than that; 0: at ts */
	uint32_t evidence;
	bool wait; /* for evidence still to come */
};

/* Moves `c` to another state and queues the event; the one place where a state is told. */
void connection_move(struct lifecycle *lc, struct connection *c, const struct move *move);
/* The last state that a process can see has ended; a TIME_WAIT goes on. */
void queue_pending_life(struct lifecycle *lc, struct connection *c, uint64_t ts);
/* Whether a record of the half-open connection with this tuple was lost; forgets it. */
bool take_lost_half_open(struct lifecycle *lc, const struct tcpw_tuple *tuple);

/* hold.c */
int hold_init(struct hold *h, size_t max);
void hold_release(struct hold *h);
/* Queues an event of `c` (may be NULL); returns its place. */
uint32_t hold_push(struct lifecycle *lc, struct connection *c, const struct lifecycle_event *event,
		   bool wait, uint32_t evidence);
/* The waiting event at `place`. */
struct held *hold_at(struct lifecycle *lc, uint32_t place);
/* The waiting move of `c` to CLOSED turned out not to be one: it goes on as before. */
void hold_cancel_end(struct lifecycle *lc, struct connection *c);
/* The waiting move of `c` to TIME_WAIT was no guess: it happened when it says, by its timer. */
void hold_confirm_guess(struct lifecycle *lc, struct connection *c);
/* Nothing more can follow: the waiting move of `c` is told with the evidence there is. */
void hold_settle_end(struct lifecycle *lc, struct connection *c, uint32_t evidence);
/* A new connection has this tuple: timewait sockets waiting for their evidence were reused. */
void hold_note_reuse(struct lifecycle *lc, const struct tcpw_tuple *tuple);
void hold_emit(struct lifecycle *lc, uint64_t now);

/* on_*.c: what a record means */
void on_state(struct lifecycle *lc, const struct tcpw_state_record *r);
void on_request(struct lifecycle *lc, const struct tcpw_mini_record *r);
void on_timewait(struct lifecycle *lc, const struct tcpw_mini_record *r);
void on_retransmit(struct lifecycle *lc, const struct tcpw_retransmit_record *r);
void on_reset(struct lifecycle *lc, const struct tcpw_reset_record *r);
void on_accept(struct lifecycle *lc, const struct tcpw_accept_record *r);
void on_destroy(struct lifecycle *lc, const struct tcpw_destroy_record *r);
void on_socket(struct lifecycle *lc, const struct tcpw_socket *s);

/* Where the listener on a tuple's local port is noted; several may share a place. */
static inline uint64_t *listener_note(struct lifecycle *lc, const struct tcpw_tuple *tuple)
{
	return &lc->listeners[(tuple->lport ^ tuple->netns * 31u) % LISTENER_NOTES];
}

static inline bool tuple_equal(const struct tcpw_tuple *a, const struct tcpw_tuple *b)
{
	return a->lport == b->lport && a->rport == b->rport && a->netns == b->netns &&
	       __builtin_memcmp(a->laddr, b->laddr, 16) == 0 &&
	       __builtin_memcmp(a->raddr, b->raddr, 16) == 0;
}

#endif
