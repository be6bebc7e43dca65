// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lifecycle from end to end: records in, lines out. Each case writes down the whole story that
 * must come out, as text.
 */
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

static void tell(struct fixture *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct fixture *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	f->len += (size_t)vsnprintf(f->story + f->len, sizeof(f->story) - f->len, format, ap);
	va_end(ap);
	assert_true(f->len < sizeof(f->story));
}

static void tell_life(struct fixture *f, const struct lifecycle_event *e)
{
	const struct lifecycle_connection *c = e->connection;

	tell(f, "life");
	for (int i = 0; i < c->path_len; i++)
		tell(f, " %s", state_name((enum tcpw_state)c->path[i]));
	tell(f, " %s%s%s\n", cause_name((enum tcpw_cause)c->end_cause),
	     e->u.life.time_wait_pending ? " pending" : "", c->complete ? "" : " incomplete");
}

static void emit(void *arg, const struct lifecycle_event *e)
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

static void make(struct fixture *f, size_t max_connections, bool complete)
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

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	make(f, 16, false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	lifecycle_free(f->lc);
	free(f);
	return 0;
}

static struct tcpw_tuple tuple(uint16_t lport, uint16_t rport)
{
	return (struct tcpw_tuple){.laddr = {[10] = 0xff, 0xff, 10, 0, 0, 1},
				   .raddr = {[10] = 0xff, 0xff, 10, 0, 0, 2},
				   .lport = lport,
				   .rport = rport,
				   .netns = 7};
}

static struct tcpw_header header(struct fixture *f, uint16_t type, size_t len)
{
	return (struct tcpw_header){
		.type = type, .len = (uint16_t)len, .seq = f->seq++, .ts = f->now};
}

struct detail {
	uint16_t err;
	uint8_t shutdown;
	uint8_t flags;
};

static void state(struct fixture *f, uint64_t cookie, int old_state, int new_state,
		  struct tcpw_tuple t, struct detail d)
{
	struct tcpw_open_record open = {0};
	struct tcpw_close_record close = {0};
	struct tcpw_state_record *r = &open.s;
	struct tcpw_state_record s = {.cookie = cookie,
				      .tuple = t,
				      .tid = 42,
				      .old_state = (uint8_t)old_state,
				      .new_state = (uint8_t)new_state,
				      .flags = d.flags,
				      .shutdown = d.shutdown,
				      .err = d.err};

	if (new_state == TCPW_SYN_SENT || new_state == TCPW_LISTEN) {
		s.h = header(f, TCPW_RECORD_OPEN, sizeof(open));
		open.process.pid = 100;
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

static void mini(struct fixture *f, uint16_t type, int op, uint64_t cookie, int substate,
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

static void request(struct fixture *f, int op, struct tcpw_tuple t)
{
	mini(f, TCPW_RECORD_REQUEST, op, 0, 0, t);
}

static void timewait(struct fixture *f, int op, uint64_t cookie, int substate, struct tcpw_tuple t)
{
	mini(f, TCPW_RECORD_TIMEWAIT, op, cookie, substate, t);
}

static void reset(struct fixture *f, uint64_t cookie, int direction, uint32_t reason)
{
	struct tcpw_reset_record r = {.h = header(f, TCPW_RECORD_RESET, sizeof(r)),
				      .cookie = cookie,
				      .tuple = tuple(5000, 80),
				      .reason = reason,
				      .direction = (uint8_t)direction};

	lifecycle_record(f->lc, &r.h);
}

static void after(struct fixture *f, uint64_t ns)
{
	f->now += ns;
}

static void settle(struct fixture *f)
{
	f->now += 10 * MS;
	lifecycle_advance(f->lc, f->now);
}

static void expect(struct fixture *f, const char *story)
{
	assert_string_equal(f->story, story);
	f->len = 0;
	f->story[0] = 0;
}

static const struct detail plain;

/* An active connection up to ESTABLISHED; its story is dropped. */
static void established(struct fixture *f, uint64_t cookie, struct tcpw_tuple t)
{
	struct tcpw_tuple unbound = t;

	unbound.lport = 0;
	state(f, cookie, TCPW_CLOSED, TCPW_SYN_SENT, unbound, plain);
	after(f, 100 * US);
	state(f, cookie, TCPW_SYN_SENT, TCPW_ESTABLISHED, t, plain);
	settle(f);
	expect(f, f->story);
}

static void active_close__timewait_expires__whole_path(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80), unbound = tuple(0, 80);

	state(f, 9, TCPW_CLOSED, TCPW_SYN_SENT, unbound, plain);
	after(f, 150 * US);
	state(f, 9, TCPW_SYN_SENT, TCPW_ESTABLISHED, t, plain);
	after(f, 2000 * US);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	after(f, 30 * US);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_FIN_WAIT_2, t, plain);
	after(f, 5 * US);
	timewait(f, TCPW_MINI_START, 9, TCPW_TIME_WAIT, t);
	after(f, 2 * US);
	state(f, 9, TCPW_FIN_WAIT_2, TCPW_CLOSED, t, plain);
	settle(f);
	expect(f, "9 CLOSED>SYN_SENT connect client\n"
		  "9 SYN_SENT>ESTABLISHED syn_ack_received 150us client\n"
		  "9 ESTABLISHED>FIN_WAIT_1 close 2000us client\n"
		  "9 FIN_WAIT_1>FIN_WAIT_2 fin_acked 30us client\n"
		  "9 FIN_WAIT_2>TIME_WAIT fin_received 5us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT unknown pending\n");
	after(f, 60000 * MS);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	after(f, 3 * US);
	timewait(f, TCPW_MINI_EXPIRE, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_expired 60010002us client\n");
	assert_int_equal(lifecycle_stats(f->lc)->live, 0);
}

static void passive_close__accepted__owner_changes(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);
	struct tcpw_accept_record a;

	state(f, 1, TCPW_CLOSED, TCPW_LISTEN, tuple(80, 0), plain);
	after(f, MS);
	request(f, TCPW_MINI_START, t);
	after(f, 40 * US);
	request(f, TCPW_MINI_CANCEL, t);
	after(f, 10 * US);
	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, t, plain);
	after(f, 300 * US);
	a = (struct tcpw_accept_record){
		.h = header(f, TCPW_RECORD_ACCEPT, sizeof(a)), .cookie = 2, .tuple = t};
	strcpy(a.process.comm, "worker");
	lifecycle_record(f->lc, &a.h);
	state(f, 2, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, t, plain);
	after(f, 10 * US);
	state(f, 2, TCPW_CLOSE_WAIT, TCPW_LAST_ACK, t, plain);
	after(f, 10 * US);
	state(f, 2, TCPW_LAST_ACK, TCPW_CLOSED, t, (struct detail){.shutdown = 3});
	settle(f);
	expect(f, "1 CLOSED>LISTEN listen server\n"
		  "0 LISTEN>SYN_RECEIVED syn_received server\n"
		  "2 SYN_RECEIVED>ESTABLISHED handshake_done 50us server\n"
		  "accept 300us worker\n"
		  "2 ESTABLISHED>CLOSE_WAIT fin_received 300us worker\n"
		  "2 CLOSE_WAIT>LAST_ACK close 10us worker\n"
		  "2 LAST_ACK>CLOSED fin_acked 10us worker\n"
		  "life SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK fin_acked\n");
	assert_int_equal(lifecycle_stats(f->lc)->live, 1);
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 0);
}

static void half_open__timer_armed_again__goes_on(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	request(f, TCPW_MINI_START, t);
	after(f, 1000 * MS);
	request(f, TCPW_MINI_CANCEL, t);
	request(f, TCPW_MINI_EXPIRE, t);
	after(f, 20 * US);
	request(f, TCPW_MINI_START, t);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n");
	after(f, 2000 * MS);
	request(f, TCPW_MINI_CANCEL, t);
	request(f, TCPW_MINI_EXPIRE, t);
	settle(f);
	expect(f, "0 SYN_RECEIVED>CLOSED syn_ack_timeout 3010020us\n");
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 0);
}

static void half_open__cancelled_alone__reset_received(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(80, 5000);

	request(f, TCPW_MINI_START, t);
	after(f, 50 * US);
	request(f, TCPW_MINI_CANCEL, t);
	settle(f);
	expect(f, "0 LISTEN>SYN_RECEIVED syn_received\n"
		  "0 SYN_RECEIVED>CLOSED reset_received 50us\n");
}

/* Brings connection 9 into a FIN_WAIT_2 that is a mini-socket. */
static void orphaned(struct fixture *f, struct tcpw_tuple t)
{
	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_FIN_WAIT_2, t, plain);
	timewait(f, TCPW_MINI_START, 9, TCPW_FIN_WAIT_2, t);
	state(f, 9, TCPW_FIN_WAIT_2, TCPW_CLOSED, t, plain);
	settle(f);
	expect(f, f->story);
	assert_int_equal(lifecycle_orphans(f->lc), 1);
}

static void orphan__fin_segment__time_wait(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	orphaned(f, t);
	timewait(f, TCPW_MINI_SEGMENT, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "9 FIN_WAIT_2>TIME_WAIT fin_received 10000us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT unknown pending\n");
	assert_int_equal(lifecycle_orphans(f->lc), 0);
}

static void orphan__expires__fin_wait_2_timeout(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	orphaned(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_FIN_WAIT_2, t);
	timewait(f, TCPW_MINI_EXPIRE, 9, TCPW_FIN_WAIT_2, t);
	settle(f);
	expect(f, "9 FIN_WAIT_2>CLOSED fin_wait_2_timeout 10000us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 fin_wait_2_timeout\n");
	assert_int_equal(lifecycle_orphans(f->lc), 0);
}

static void orphan__table_says_time_wait__told_from_snapshot(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);
	struct tcpw_socket s = {.cookie = 9, .tuple = t, .state = TCPW_TIME_WAIT, .mini = 2};

	orphaned(f, t);
	s.ts = f->now;
	lifecycle_socket(f->lc, &s);
	settle(f);
	expect(f, "9 FIN_WAIT_2>TIME_WAIT fin_received >10000us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT unknown pending\n");
}

/* Brings connection 9 into TIME_WAIT. */
static void waiting(struct fixture *f, struct tcpw_tuple t)
{
	orphaned(f, t);
	timewait(f, TCPW_MINI_SEGMENT, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, f->story);
}

static void time_wait__armed_again__goes_on(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	timewait(f, TCPW_MINI_START, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "");
}

static void time_wait__cancelled_alone__killed(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_killed 10000us client\n");
}

static void time_wait__syn_for_its_tuple__reused(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	after(f, 5 * US);
	request(f, TCPW_MINI_START, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_reused 10000us client\n"
		  "0 LISTEN>SYN_RECEIVED syn_received\n");
}

static void time_wait__connect_to_its_peer__reused(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
	after(f, 5 * US);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "10 CLOSED>SYN_SENT connect client\n"
		  "9 TIME_WAIT>CLOSED time_wait_reused 10005us client\n");
}

static void time_wait__connect_to_another_peer__killed(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	waiting(f, t);
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 443), plain);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "10 CLOSED>SYN_SENT connect client\n"
		  "9 TIME_WAIT>CLOSED time_wait_killed 10000us client\n");
}

static void close__no_timewait_begins__overflow(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_FIN_WAIT_2, t, plain);
	state(f, 9, TCPW_FIN_WAIT_2, TCPW_CLOSED, t, (struct detail){.shutdown = 3});
	settle(f);
	expect(f, "9 ESTABLISHED>FIN_WAIT_1 close 10000us client\n"
		  "9 FIN_WAIT_1>FIN_WAIT_2 fin_acked 0us client\n"
		  "9 FIN_WAIT_2>CLOSED time_wait_overflow 0us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 time_wait_overflow\n");
}

static void close__record_lost__withheld(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);
	struct tcpw_lost_key key = {.cookie = 9};

	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	lifecycle_lost(f->lc, &key);
	state(f, 9, TCPW_FIN_WAIT_2, TCPW_CLOSED, t, (struct detail){.shutdown = 3});
	settle(f);
	expect(f, "9 ESTABLISHED>FIN_WAIT_1 close 10000us client incomplete\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 unknown incomplete\n");
	assert_int_equal(lifecycle_stats(f->lc)->withheld, 1);
	assert_int_equal(lifecycle_stats(f->lc)->incomplete, 1);
}

static void lost__before_the_connection_is_known__incomplete(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_lost_key key = {.cookie = 9};

	lifecycle_lost(f->lc, &key);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, tuple(5000, 80), plain);
	settle(f);
	expect(f, "9 ESTABLISHED>CLOSE_WAIT fin_received incomplete\n");
}

static void lost__nobody_named__everything_alive_is_incomplete(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	lifecycle_lost_any(f->lc);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSE_WAIT, t, plain);
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 81), plain);
	settle(f);
	expect(f, "9 ESTABLISHED>CLOSE_WAIT fin_received 10000us client incomplete\n"
		  "10 CLOSED>SYN_SENT connect client\n");
}

static void close__reset_follows__abort_and_order_kept(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSED, t, (struct detail){.shutdown = 3});
	after(f, 5 * US);
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 81), plain);
	after(f, 25 * US);
	reset(f, 9, TCPW_SENT, ABORT_REASON);
	settle(f);
	expect(f, "9 ESTABLISHED>CLOSED abort 10000us client\n"
		  "life SYN_SENT ESTABLISHED abort\n"
		  "10 CLOSED>SYN_SENT connect client\n"
		  "reset sent\n");
}

static void close__reset_received_before__told_once(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	reset(f, 9, TCPW_RECEIVED, TCPW_REASON_UNKNOWN);
	state(f, 9, TCPW_ESTABLISHED, TCPW_CLOSED, t, (struct detail){.err = ECONNRESET});
	settle(f);
	expect(f, "reset received\n"
		  "9 ESTABLISHED>CLOSED reset_received 10000us client\n"
		  "life SYN_SENT ESTABLISHED reset_received\n");
}

/* tcp_reset() for data after close fires the same tracepoint, then a RST is sent. */
static void close__data_after_close__no_reset_was_received(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	reset(f, 9, TCPW_RECEIVED, TCPW_REASON_UNKNOWN);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_CLOSED, t,
	      (struct detail){.err = ECONNRESET, .shutdown = 3});
	reset(f, 9, TCPW_SENT, 8);
	settle(f);
	expect(f, "9 ESTABLISHED>FIN_WAIT_1 close 10000us client\n"
		  "9 FIN_WAIT_1>CLOSED reset_sent 0us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 reset_sent\n"
		  "reset sent\n");
}

static void records__out_of_order_within_the_window__sorted(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	after(f, 100 * US);
	state(f, 9, TCPW_SYN_SENT, TCPW_ESTABLISHED, t, plain);
	f->now -= 100 * US;
	state(f, 9, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
	settle(f);
	expect(f, "9 CLOSED>SYN_SENT connect client\n"
		  "9 SYN_SENT>ESTABLISHED syn_ack_received 100us client\n");
	assert_int_equal(lifecycle_stats(f->lc)->late, 0);
}

static void records__older_than_what_was_told__counted_late(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	f->now -= 11 * MS;
	state(f, 10, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 81), plain);
	lifecycle_advance(f->lc, f->now + 20 * MS);
	assert_int_equal(lifecycle_stats(f->lc)->late, 1);
}

static void connection__missing_record__path_has_a_hole(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	established(f, 9, t);
	state(f, 9, TCPW_CLOSE_WAIT, TCPW_LAST_ACK, t, plain);
	settle(f);
	expect(f, "9 CLOSE_WAIT>LAST_ACK close client incomplete\n");
}

static void connection__found_in_the_table__lower_bound(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);
	struct tcpw_socket s = {.ts = f->now, .cookie = 9, .tuple = t, .state = TCPW_ESTABLISHED};
	struct tcpw_file file = {.cookie = 9, .process = {.pid = 5, .comm = "old"}};

	lifecycle_socket(f->lc, &s);
	settle(f);
	lifecycle_file(f->lc, &file);
	file.process.pid = 6;
	strcpy(file.process.comm, "child");
	lifecycle_file(f->lc, &file);
	state(f, 9, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1, t, plain);
	after(f, 100 * US);
	state(f, 9, TCPW_FIN_WAIT_1, TCPW_FIN_WAIT_2, t, plain);
	settle(f);
	expect(f, "9 ESTABLISHED>FIN_WAIT_1 close >10000us old\n"
		  "9 FIN_WAIT_1>FIN_WAIT_2 fin_acked 100us old\n");
}

static void connection__cookie_connects_again__two_lives(void **arg)
{
	struct fixture *f = *arg;

	for (int i = 0; i < 2; i++) {
		state(f, 9, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
		after(f, 10 * US);
		reset(f, 9, TCPW_RECEIVED, TCPW_REASON_UNKNOWN);
		state(f, 9, TCPW_SYN_SENT, TCPW_CLOSED, tuple(0, 80),
		      (struct detail){.err = ECONNREFUSED});
		after(f, 10 * US);
	}
	settle(f);
	expect(f, "9 CLOSED>SYN_SENT connect client\n"
		  "reset received\n"
		  "9 SYN_SENT>CLOSED reset_received 10us client\n"
		  "life SYN_SENT reset_received\n"
		  "9 CLOSED>SYN_SENT connect client\n"
		  "reset received\n"
		  "9 SYN_SENT>CLOSED reset_received 10us client\n"
		  "life SYN_SENT reset_received\n");
	assert_int_equal(lifecycle_stats(f->lc)->live, 0);
}

static void child__no_request_socket__syn_cookie(void **arg)
{
	struct fixture *f = *arg;

	state(f, 2, TCPW_SYN_RECEIVED, TCPW_ESTABLISHED, tuple(80, 5000), plain);
	settle(f);
	expect(f, "2 LISTEN>ESTABLISHED syn_cookie\n");
}

static void tables__full__counted_and_nothing_else_harmed(void **arg)
{
	struct fixture *f = *arg;

	for (uint16_t i = 0; i < 5; i++)
		request(f, TCPW_MINI_START, tuple(80, (uint16_t)(6000 + i)));
	settle(f);
	assert_int_equal(lifecycle_stats(f->lc)->half_open_full, 1);
	for (uint64_t i = 0; i < 17; i++)
		state(f, 100 + i, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
	settle(f);
	assert_int_equal(lifecycle_stats(f->lc)->connections_full, 1);
	assert_int_equal(lifecycle_stats(f->lc)->live, 16);
	assert_int_equal(lifecycle_stats(f->lc)->half_open, 4);
}

static void pending__more_than_fits__oldest_given_out(void **arg)
{
	struct fixture *f = *arg;

	for (uint64_t i = 0; i < 200; i++) {
		uint64_t cookie = 100 + i % 8;

		state(f, cookie, TCPW_CLOSED, TCPW_SYN_SENT, tuple(0, 80), plain);
		state(f, cookie, TCPW_SYN_SENT, TCPW_CLOSED, tuple(0, 80),
		      (struct detail){.err = ETIMEDOUT});
		f->len = 0;
	}
	lifecycle_flush(f->lc, f->now);
	assert_int_equal(lifecycle_stats(f->lc)->transitions, 400);
	assert_int_equal(lifecycle_stats(f->lc)->live, 0);
	assert_false(lifecycle_pending(f->lc));
}

static void life_complete__waits_for_time_wait(void **arg)
{
	struct fixture *f = *arg;
	struct tcpw_tuple t = tuple(5000, 80);

	lifecycle_free(f->lc);
	make(f, 16, true);
	waiting(f, t);
	timewait(f, TCPW_MINI_CANCEL, 9, TCPW_TIME_WAIT, t);
	timewait(f, TCPW_MINI_EXPIRE, 9, TCPW_TIME_WAIT, t);
	settle(f);
	expect(f, "9 TIME_WAIT>CLOSED time_wait_expired 10000us client\n"
		  "life SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT time_wait_expired\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(active_close__timewait_expires__whole_path),
		CASE(passive_close__accepted__owner_changes),
		CASE(half_open__timer_armed_again__goes_on),
		CASE(half_open__cancelled_alone__reset_received),
		CASE(orphan__fin_segment__time_wait),
		CASE(orphan__expires__fin_wait_2_timeout),
		CASE(orphan__table_says_time_wait__told_from_snapshot),
		CASE(time_wait__armed_again__goes_on),
		CASE(time_wait__cancelled_alone__killed),
		CASE(time_wait__syn_for_its_tuple__reused),
		CASE(time_wait__connect_to_its_peer__reused),
		CASE(time_wait__connect_to_another_peer__killed),
		CASE(close__no_timewait_begins__overflow),
		CASE(close__record_lost__withheld),
		CASE(lost__before_the_connection_is_known__incomplete),
		CASE(lost__nobody_named__everything_alive_is_incomplete),
		CASE(close__reset_follows__abort_and_order_kept),
		CASE(close__reset_received_before__told_once),
		CASE(close__data_after_close__no_reset_was_received),
		CASE(records__out_of_order_within_the_window__sorted),
		CASE(records__older_than_what_was_told__counted_late),
		CASE(connection__missing_record__path_has_a_hole),
		CASE(connection__found_in_the_table__lower_bound),
		CASE(connection__cookie_connects_again__two_lives),
		CASE(child__no_request_socket__syn_cookie),
		CASE(tables__full__counted_and_nothing_else_harmed),
		CASE(pending__more_than_fits__oldest_given_out),
		CASE(life_complete__waits_for_time_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
