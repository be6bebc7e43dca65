/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records in, a story out: what the lifecycle tells, as text that a case can write down whole.
 */
#ifndef TESTS_LIFECYCLE_STORY_H
#define TESTS_LIFECYCLE_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/lifecycle.h"
#include "lifecycle/names.h"

#define US 1000ull
#define MS 1000000ull
#define ABORT_REASON 11

struct fixture {
	struct lifecycle *lc;
	char story[8192];
	size_t len;
	uint64_t now;
	uint64_t seq;
};

static inline void tell(struct fixture *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline void tell(struct fixture *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	f->len += (size_t)vsnprintf(f->story + f->len, sizeof(f->story) - f->len, format, ap);
	va_end(ap);
	assert_true(f->len < sizeof(f->story));
}

static inline void tell_life(struct fixture *f, const struct lifecycle_event *e)
{
	const struct lifecycle_connection *c = e->connection;

	tell(f, "life");
	for (int i = 0; i < c->path_len; i++)
		tell(f, " %s", state_name((enum tcpw_state)c->path[i]));
	tell(f, " %s%s%s\n", cause_name((enum tcpw_cause)c->end_cause),
	     e->u.life.time_wait_pending ? " pending" : "", c->complete ? "" : " incomplete");
}

static inline void emit(void *arg, const struct lifecycle_event *e)
{
	struct fixture *f = arg;
	const struct lifecycle_connection *c = e->connection;

	switch (e->kind) {
	case LIFECYCLE_TRANSITION:
		tell(f, "%llu %s>%s %s", (unsigned long long)c->cookie,
		     state_name(e->u.transition.old_state), state_name(e->u.transition.new_state),
		     cause_name(e->u.transition.cause));
		if (e->u.transition.dwell_known)
			tell(f, " %s%lluus", e->u.transition.dwell_exact ? "" : ">",
			     (unsigned long long)(e->u.transition.dwell_ns / US));
		if (c->owner)
			tell(f, " %.16s", c->owner->comm);
		tell(f, "%s\n", c->complete ? "" : " incomplete");
		break;
	case LIFECYCLE_RETRANSMIT:
		tell(f, "retransmit %s\n", retransmit_kind_name(e->u.retransmit.kind));
		break;
	case LIFECYCLE_RESET:
		tell(f, "reset %s\n", e->u.reset.direction == TCPW_SENT ? "sent" : "received");
		break;
	case LIFECYCLE_ACCEPT:
		tell(f, "accept %lluus %.16s\n", (unsigned long long)(e->u.accept.wait_ns / US),
		     c->owner ? c->owner->comm : "-");
		break;
	case LIFECYCLE_LIFE:
		tell_life(f, e);
		break;
	case LIFECYCLE_LOST:
		tell(f, "lost\n");
		break;
	}
}

static inline void make(struct fixture *f, size_t max_connections, bool complete)
{
	struct lifecycle_options options = {
		.max_connections = max_connections,
		.max_half_open = 4,
		.max_pending = 64,
		.window_ns = 2 * MS,
		.evidence_ns = 1 * MS,
		.life_complete = complete,
		.emit = emit,
		.arg = f,
	};

	options.reasons[ABORT_REASON] = LIFECYCLE_REASON_ABORT;
	memset(f, 0, sizeof(*f));
	f->now = 1000 * MS;
	assert_int_equal(lifecycle_new(&f->lc, &options), 0);
	lifecycle_walked(f->lc, 1);
}

/* From now on the kernel shows segments: a story begun anew. */
static inline void watch_segments(struct fixture *f)
{
	struct lifecycle_options options = {
		.max_connections = 16,
		.max_half_open = 4,
		.max_pending = 64,
		.window_ns = 2 * MS,
		.evidence_ns = 1 * MS,
		.segments_seen = true,
		.emit = emit,
		.arg = f,
	};

	lifecycle_free(f->lc);
	assert_int_equal(lifecycle_new(&f->lc, &options), 0);
	lifecycle_walked(f->lc, 1);
}

static inline int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	make(f, 16, false);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	lifecycle_free(f->lc);
	free(f);
	return 0;
}

static inline struct tcpw_tuple tuple(uint16_t lport, uint16_t rport)
{
	return (struct tcpw_tuple){.laddr = {[10] = 0xff, 0xff, 10, 0, 0, 1},
				   .raddr = {[10] = 0xff, 0xff, 10, 0, 0, 2},
				   .lport = lport,
				   .rport = rport,
				   .netns = 7};
}

static inline struct tcpw_header header(struct fixture *f, uint16_t type, size_t len)
{
	return (struct tcpw_header){
		.type = type, .len = (uint16_t)len, .seq = f->seq++, .ts = f->now};
}

struct detail {
	uint16_t err;
	uint8_t shutdown; /* sk_shutdown: 1 receive, 2 send */
	uint16_t flags;
	uint32_t pid; /* on the CPU; 0: the one that opens */
};

#define OPENER 100

static inline void state(struct fixture *f, uint64_t cookie, int old_state, int new_state,
			 struct tcpw_tuple t, struct detail d)
{
	struct tcpw_open_record open = {0};
	struct tcpw_close_record close = {0};
	struct tcpw_state_record *r = &open.s;
	struct tcpw_state_record s = {.cookie = cookie,
				      .tuple = t,
				      .pid = d.pid ? d.pid : OPENER,
				      .tid = 42,
				      .old_state = (uint8_t)old_state,
				      .new_state = (uint8_t)new_state,
				      .flags = (uint16_t)(d.flags | d.shutdown << 8),
				      .err = d.err};

	if (new_state == TCPW_SYN_SENT || new_state == TCPW_LISTEN) {
		s.h = header(f, TCPW_RECORD_OPEN, sizeof(open));
		open.process.pid = OPENER;
		strcpy(open.process.comm, new_state == TCPW_LISTEN ? "server" : "client");
	} else if (new_state == TCPW_CLOSED) {
		s.h = header(f, TCPW_RECORD_CLOSE, sizeof(close));
		r = &close.s;
	} else {
		s.h = header(f, TCPW_RECORD_STATE, sizeof(s));
	}
	*r = s;
	lifecycle_record(f->lc, &r->h);
}

static inline void mini(struct fixture *f, uint16_t type, int op, uint64_t cookie, int substate,
			struct tcpw_tuple t)
{
	struct tcpw_mini_record r = {.h = header(f, type, sizeof(r)),
				     .cookie = cookie,
				     .tuple = t,
				     .listener = type == TCPW_RECORD_REQUEST ? 1 : 0,
				     .tid = 42,
				     .op = (uint8_t)op,
				     .substate = (uint8_t)substate,
				     .listener_state = TCPW_LISTEN};

	lifecycle_record(f->lc, &r.h);
}

static inline void request(struct fixture *f, int op, struct tcpw_tuple t)
{
	mini(f, TCPW_RECORD_REQUEST, op, 0, 0, t);
}

static inline void timewait(struct fixture *f, int op, uint64_t cookie, int substate,
			    struct tcpw_tuple t)
{
	mini(f, TCPW_RECORD_TIMEWAIT, op, cookie, substate, t);
}

static inline void reset(struct fixture *f, uint64_t cookie, int direction, uint32_t reason)
{
	struct tcpw_reset_record r = {.h = header(f, TCPW_RECORD_RESET, sizeof(r)),
				      .cookie = cookie,
				      .tuple = tuple(5000, 80),
				      .reason = reason,
				      .direction = (uint8_t)direction};

	lifecycle_record(f->lc, &r.h);
}

static inline void after(struct fixture *f, uint64_t ns)
{
	f->now += ns;
}

static inline void settle(struct fixture *f)
{
	f->now += 10 * MS;
	lifecycle_advance(f->lc, f->now);
}

static inline void expect(struct fixture *f, const char *story)
{
	assert_string_equal(f->story, story);
	f->len = 0;
	f->story[0] = 0;
}

static const struct detail plain;

/* An active connection up to ESTABLISHED; its story is dropped. */
static inline void established(struct fixture *f, uint64_t cookie, struct tcpw_tuple t)
{
	struct tcpw_tuple unbound = t;

	unbound.lport = 0;
	state(f, cookie, TCPW_CLOSED, TCPW_SYN_SENT, unbound, plain);
	after(f, 100 * US);
	state(f, cookie, TCPW_SYN_SENT, TCPW_ESTABLISHED, t, plain);
	settle(f);
	expect(f, f->story);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
