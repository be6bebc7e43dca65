/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From records to connections: paths, causes, owners.
 *
 * Pure: (record, now) in, events out by callback; no clock, no I/O, no allocation after
 * lifecycle_new(). Times are ns of CLOCK_MONOTONIC. Records are given in any order that is right
 * within `window_ns`; events come out in the order of their time.
 */
#ifndef LIFECYCLE_LIFECYCLE_H
#define LIFECYCLE_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpwitness/cause.h"
#include "tcpwitness/filter.h"
#include "tcpwitness/record.h"
#include "tcpwitness/state.h"

struct lifecycle;

/* Who holds a connection. Shared by its connections; the lifecycle owns it. */
struct lifecycle_owner {
	uint32_t pid;
	uint32_t uid;
	uint64_t cgroup;          /* 0 is unknown */
	char comm[TCPW_COMM_LEN]; /* raw bytes as the kernel has them, zero-padded */
};

/* How the tracer came to know a connection. */
enum lifecycle_began {
	LIFECYCLE_SEEN,
	LIFECYCLE_SNAPSHOT
};

/*
 * A connected Linux TCP passes at most eight states (RFC 9293 figure 5 has no way back but through
 * CLOSED), so a path is of fixed size. Kept small: a tracer holds a million of these.
 */
#define LIFECYCLE_PATH_MAX 9

struct lifecycle_connection {
	uint64_t cookie;                      /* 0 while it is half open */
	uint64_t half_open;                   /* 0 when there was no request socket in sight */
	struct tcpw_tuple tuple;              /* lport 0: not known yet */
	uint64_t entered[LIFECYCLE_PATH_MAX]; /* ns; 0: not known */
	uint64_t bytes_sent, bytes_received;
	uint64_t accepted;                   /* ns; 0: not (yet) accepted, or not seen */
	const struct lifecycle_owner *owner; /* NULL is unknown */
	uint32_t retransmits;
	uint32_t srtt_us; /* 0 is unknown */
	/*
	 * enum tcpw_state, oldest first, without the CLOSED at either end. A life event's time is
	 * the end of the last one, unless that is a TIME_WAIT still pending.
	 */
	uint8_t path[LIFECYCLE_PATH_MAX];
	uint8_t path_len;
	uint8_t end_cause; /* enum tcpw_cause, once over */
	uint8_t role;      /* enum tcpw_role */
	uint8_t flags;     /* TCPW_SOCK_KERNEL, TCPW_SOCK_SUBFLOW, TCPW_SOCK_FASTOPEN */
	uint8_t began;     /* enum lifecycle_began */
	bool complete;     /* false after a hole in its records */
	bool counted;      /* bytes, retransmits and srtt are final and known */
};

enum lifecycle_event_kind {
	LIFECYCLE_TRANSITION,
	LIFECYCLE_RETRANSMIT,
	LIFECYCLE_RESET,
	LIFECYCLE_ACCEPT,
	LIFECYCLE_LIFE,
	LIFECYCLE_LOST,
};

enum lifecycle_source {
	LIFECYCLE_FROM_STATE,
	LIFECYCLE_FROM_TIMER,
	LIFECYCLE_FROM_SNAPSHOT,
	LIFECYCLE_FROM_STACK, /* the reference stack's own, when it is an endpoint */
};

/*
 * One thing that happened. `connection` is NULL for a reset without a socket and for losses; it and
 * what it points to are valid during the callback only.
 */
struct lifecycle_event {
	enum lifecycle_event_kind kind;
	uint64_t ts; /* ns */
	const struct lifecycle_connection *connection;
	struct tcpw_tuple tuple; /* as known at the time; of the connection, or of the reset */
	union {
		struct {
			enum tcpw_state old_state, new_state;
			enum tcpw_cause cause;
			enum lifecycle_source source;
			uint64_t dwell_ns;  /* in old_state */
			bool dwell_known;   /* false: dwell_ns means nothing */
			bool dwell_exact;   /* false: at least dwell_ns */
			const char *clause; /* of the RFC, from the stack alone; or NULL */
		} transition;
		struct {
			enum tcpw_retransmit_kind kind;
			enum tcpw_state state;
			uint16_t segments; /* sent again at once */
		} retransmit;
		struct {
			enum tcpw_direction direction;
			enum tcpw_state state; /* TCPW_STATE_UNKNOWN: no socket */
			uint32_t reason;       /* TCPW_REASON_UNKNOWN, or enum sk_rst_reason */
		} reset;
		struct {
			uint64_t wait_ns; /* in the accept queue */
			bool wait_known;
		} accept;
		struct {
			bool time_wait_pending; /* the TIME_WAIT that follows is not over yet */
		} life;
		struct {
			const char *stage; /* ring, map, missed, reorder, connections, half_open */
			uint64_t count;
		} lost;
	} u;
};

typedef void (*lifecycle_emit_fn)(void *arg, const struct lifecycle_event *event);

/*
 * What a reset's reason (enum sk_rst_reason of the running kernel) says about the end of the
 * connection. The numbers differ between kernels, so the caller brings the table.
 */
enum lifecycle_reason {
	LIFECYCLE_REASON_OTHER,
	LIFECYCLE_REASON_ABORT,     /* TCP_ABORT_ON_CLOSE, TCP_ABORT_ON_LINGER */
	LIFECYCLE_REASON_MEMORY,    /* TCP_ABORT_ON_MEMORY */
	LIFECYCLE_REASON_KEEPALIVE, /* TCP_KEEPALIVE_TIMEOUT */
};

#define LIFECYCLE_REASONS 64

struct lifecycle_options {
	uint8_t reasons[LIFECYCLE_REASONS]; /* enum lifecycle_reason by the kernel's number */
	size_t max_connections;
	size_t max_half_open;
	size_t max_pending;   /* records and events waiting to be put in order */
	uint64_t window_ns;   /* how far apart records of different CPUs may be out of order */
	uint64_t evidence_ns; /* how long a move to CLOSED may wait for its evidence */
	bool life_complete;   /* hold a life event until its TIME_WAIT is over */
	bool segments_seen;   /* the segment witness is on: the absence of a RST means something */
	lifecycle_emit_fn emit;
	void *arg;
};

/* What lifecycle itself could not keep; every drop has a counter. */
struct lifecycle_stats {
	uint64_t records;     /* taken in */
	uint64_t transitions; /* given out */
	uint64_t connections; /* that were begun or found */
	uint64_t incomplete;  /* connections with a hole */
	uint64_t unknown_causes;
	uint64_t withheld;         /* transitions not told because a hole made them doubtful */
	uint64_t connections_full; /* connections not tracked: max_connections */
	uint64_t half_open_full;   /* half-open ones not tracked: max_half_open */
	uint64_t late;             /* records that came after their place had been given out */
	uint64_t strays;           /* records of mini-sockets that nothing is known of */
	uint64_t retired;          /* connections forgotten because their end must have been lost */
	uint64_t unseen;           /* connections with an event that no program was told of */
	uint64_t live;             /* connections now */
	uint64_t half_open;        /* now */
};

/* 0, or -ENOMEM, -EINVAL; *out untouched on failure. Free with lifecycle_free(). */
int lifecycle_new(struct lifecycle **out, const struct lifecycle_options *options);
void lifecycle_free(struct lifecycle *lc);

/* Takes in one record; it is copied. */
void lifecycle_record(struct lifecycle *lc, const struct tcpw_header *record);

/* Gives out what can be given out: everything older than now - window. Call after each batch. */
void lifecycle_advance(struct lifecycle *lc, uint64_t now);

/* Gives out everything, at the end. */
void lifecycle_flush(struct lifecycle *lc, uint64_t now);

/* A record of this connection was lost: its path has a hole. */
void lifecycle_lost(struct lifecycle *lc, const struct tcpw_lost_key *key, uint64_t now);

/*
 * Records were lost before `now` and it is not known whose: everything alive then has a hole, also
 * what is only in records that wait to be put in order.
 */
void lifecycle_lost_any(struct lifecycle *lc, uint64_t now);

/*
 * A socket found by walking the socket table, put in order with the records by its time: begins a
 * connection that is older than the tracer, tells an orphan's silent move from FIN_WAIT_2 to
 * TIME_WAIT, or confirms what is known.
 */
void lifecycle_socket(struct lifecycle *lc, const struct tcpw_socket *socket);

/* The table of every namespace has been walked once: what is unknown from `now` on is new. */
void lifecycle_walked(struct lifecycle *lc, uint64_t now);

/*
 * After a walk of the whole table, begun at `began` and taken in: forgets connections that it did
 * not meet. Their end is what was lost; nothing is told of it. One with a hole goes at once, one
 * that seemed whole after the second walk in a row (a socket can change its place in the table
 * under the walk), and is counted as unseen. Returns how many went.
 *
 * lifecycle_socket() counts the same way a socket that is twice found in another state than the
 * one told last: it has a hole from then on.
 */
size_t lifecycle_retire(struct lifecycle *lc, uint64_t began);

/* A process found to hold a socket. The lowest pid wins: a master before its workers. */
void lifecycle_file(struct lifecycle *lc, const struct tcpw_file *file);

/* The role of a connection; TCPW_ROLE_UNKNOWN when it is not known. */
enum tcpw_role lifecycle_role(const struct lifecycle *lc, uint64_t cookie);

/* Connections whose FIN_WAIT_2 is a mini-socket: while there are any, the table is worth walking.
 */
size_t lifecycle_orphans(const struct lifecycle *lc);

/* Whether records or events are still waiting for their time. */
bool lifecycle_pending(const struct lifecycle *lc);

const struct lifecycle_stats *lifecycle_stats(const struct lifecycle *lc);

#endif
