// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel/netns.h"
#include "stack/story.h"

#define PACKETS_A_TURN 256
/* How long what is still on a slow link may take to leave after the end. */
#define LEAVING REFTCP_S

reftcp_time endpoint_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (reftcp_time)t.tv_sec * REFTCP_S + (reftcp_time)t.tv_nsec;
}

static enum tcpw_role role_of(const struct reftcp_transition *t)
{
	if (t->to == REFTCP_LISTEN)
		return TCPW_ROLE_LISTENER;
	return t->to == REFTCP_SYN_SENT ? TCPW_ROLE_ACTIVE : TCPW_ROLE_PASSIVE;
}

static void on_transition(void *arg, const struct reftcp_transition *t)
{
	struct endpoint *e = arg;
	struct talk *k = talks_find(&e->talks, t->id);
	struct lifecycle_connection connection;
	struct lifecycle_event event;

	if (!k) {
		k = talks_take(&e->talks, t->id);
		if (!k) {
			e->totals.untold++;
			return;
		}
		k->role = role_of(t);
		if (k->role == TCPW_ROLE_PASSIVE)
			k->entered = t->at; /* LISTEN was the listener's */
	}
	story_tell(t, k, e->netns, &e->owner, &connection, &event);
	if (t->from == REFTCP_CLOSED || t->from == REFTCP_LISTEN)
		event.u.transition.dwell_known = event.u.transition.dwell_exact =
			k->role == TCPW_ROLE_LISTENER && t->from == REFTCP_LISTEN;
	k->state = t->to;
	k->entered = t->at;
	k->local = t->local;
	k->remote = t->remote;
	if (t->to == REFTCP_ESTABLISHED && !k->opened) {
		k->opened = t->at;
		e->totals.opened++;
	}
	e->hooks.told(e->hooks.arg, &event);
	if (!k->moved) {
		k->moved = true;
		k->moved_next = e->moved;
		e->moved = k;
	}
}

/* ---- what services use ---- */

long talk_send(struct endpoint *e, struct talk *k, const void *data, size_t len, bool urgent)
{
	size_t taken = 0;
	int err = reftcp_send(e->stack, k->id, data, len, urgent ? REFTCP_URGENT : REFTCP_PUSH,
			      e->now, &taken);

	if (err == -ENOBUFS)
		return 0;
	if (err)
		return err;
	k->sent += taken;
	e->totals.sent += taken;
	return (long)taken;
}

long talk_receive(struct endpoint *e, struct talk *k, void *buf, size_t len)
{
	struct reftcp_received got;
	int err;

	if (e->settings->stall && e->now < k->opened + e->settings->stall) {
		k->wake = k->opened + e->settings->stall;
		return -EAGAIN;
	}
	err = reftcp_receive(e->stack, k->id, buf, len, e->now, &got);
	if (err)
		return err;
	k->ended = k->ended || got.end;
	k->received += got.len;
	e->totals.received += got.len;
	return (long)got.len;
}

size_t talk_room(struct endpoint *e, const struct talk *k)
{
	struct reftcp_status status;
	size_t used;

	if (reftcp_status(e->stack, k->id, &status) || status.state == REFTCP_CLOSED)
		return 0;
	used = (size_t)status.unsent + status.unacked;
	return used < e->settings->tcp.send_buffer ? e->settings->tcp.send_buffer - used : 0;
}

void talk_fail(struct endpoint *e, struct talk *k, int error)
{
	if (k->error)
		return;
	k->error = error;
	k->closing = true;
	reftcp_abort(e->stack, k->id, e->now);
}

static bool may_close(struct endpoint *e, const struct talk *k)
{
	struct reftcp_status status;

	switch (e->settings->close) {
	case STACK_CLOSE_SENT:
		return true;
	case STACK_CLOSE_PEER:
		return k->ended;
	case STACK_CLOSE_NEVER:
		return false;
	case STACK_CLOSE_ABORT:
		return reftcp_status(e->stack, k->id, &status) == 0 && !status.unsent &&
		       !status.unacked;
	}
	return false;
}

void talk_finish(struct endpoint *e, struct talk *k)
{
	if (k->closing || !k->opened || !may_close(e, k))
		return;
	if (e->settings->pause && !k->pause_until)
		k->pause_until = e->now + e->settings->pause;
	if (e->now < k->pause_until) {
		k->wake = k->pause_until;
		return;
	}
	k->closing = true;
	if (e->settings->close == STACK_CLOSE_ABORT)
		reftcp_abort(e->stack, k->id, e->now);
	else
		reftcp_close(e->stack, k->id, e->now);
}

/* ---- connections ---- */

static void done(struct endpoint *e, struct talk *k)
{
	if (k->over)
		return;
	k->over = true;
	e->totals.done++;
	e->totals.failed += k->error != 0;
	e->hooks.done(e->hooks.arg, k);
}

static void look_at_urgent(struct endpoint *e, struct talk *k)
{
	struct reftcp_status status;

	if (reftcp_status(e->stack, k->id, &status) == 0 && status.urgent_left > 0) {
		k->urgent_seen = true;
		k->urgent_octets = status.urgent_left;
	}
}

static void run_service(struct endpoint *e, struct talk *k)
{
	k->wake = REFTCP_NEVER;
	e->service->run(e, k);
	if (k->wake < e->wake)
		e->wake = k->wake;
}

static void end_talk(struct endpoint *e, struct talk *k)
{
	struct reftcp_status status;

	if (!k->error && reftcp_status(e->stack, k->id, &status) == 0)
		k->error = status.error;
	/* Our own reset at the end of everything is what was asked for. */
	if (k->closing && k->error == -ECONNABORTED)
		k->error = 0;
	reftcp_release(e->stack, k->id, e->now);
	done(e, k);
	talks_give(&e->talks, k);
}

static int configure(struct endpoint *e, reftcp_id id)
{
	const struct stack_settings *s = e->settings;
	const struct {
		enum reftcp_option option;
		uint64_t value;
		bool wanted;
	} options[] = {
		{REFTCP_OPT_NAGLE, s->nagle, true},
		{REFTCP_OPT_DELAYED_ACK, s->delayed_ack, true},
		{REFTCP_OPT_FAST_OPEN, 1, s->fast_open},
		{REFTCP_OPT_KEEPALIVE_IDLE, s->keepalive, s->keepalive},
		{REFTCP_OPT_KEEPALIVE_INTERVAL, s->keepalive_interval, s->keepalive_interval},
		{REFTCP_OPT_KEEPALIVE_COUNT, s->keepalive_count, s->keepalive_count},
		{REFTCP_OPT_KEEPALIVE, 1, s->keepalive},
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && !err; i++)
		if (options[i].wanted)
			err = reftcp_set(e->stack, id, options[i].option, options[i].value, e->now);
	return err;
}

static void begin_talk(struct endpoint *e, reftcp_id id)
{
	struct talk *k = talks_find(&e->talks, id);
	int err;

	if (!k) { /* nobody to speak for it: there are as many talks as connections */
		reftcp_release(e->stack, id, e->now);
		return;
	}
	k->ours = true;
	err = configure(e, id);
	if (!err && e->service->begin)
		err = e->service->begin(e, k);
	if (err)
		talk_fail(e, k, err);
	else
		run_service(e, k);
}

static void accept_all(struct endpoint *e)
{
	reftcp_id id;

	while (reftcp_accept(e->stack, e->listener, e->now, &id) == 0)
		begin_talk(e, id);
}

/*
 * A TIME_WAIT whose data has been read is left to the stack, which may then give its room to
 * somebody who needs it.
 */
static void forget_waiting(struct endpoint *e, struct talk *k)
{
	if (!k->ours || k->state != REFTCP_TIME_WAIT || !k->ended)
		return;
	done(e, k);
	k->ours = false;
	reftcp_release(e->stack, k->id, e->now);
}

/* Not every move is an event: what comes to TIME_WAIT or CLOSED is done. */
static void look_at_moved(struct endpoint *e)
{
	struct talk *k;

	while ((k = e->moved)) {
		e->moved = k->moved_next;
		k->moved = false;
		if (k->state == REFTCP_CLOSED && !k->ours)
			talks_give(&e->talks, k);
		else if (k->state == REFTCP_CLOSED && k->id != e->listener)
			end_talk(e, k);
		else
			forget_waiting(e, k);
	}
}

static void serve_events(struct endpoint *e)
{
	struct reftcp_event event;

	while (reftcp_next_event(e->stack, &event) == 0) {
		struct talk *k = talks_find(&e->talks, event.id);

		if (event.id == e->listener)
			accept_all(e);
		if (!k || !k->ours || event.id == e->listener)
			continue;
		if (event.events & REFTCP_EVENT_URGENT)
			look_at_urgent(e, k);
		run_service(e, k);
		forget_waiting(e, k);
	}
	look_at_moved(e);
}

/* Those whose service asked for it. */
static void wake_services(struct endpoint *e)
{
	struct talk *k = NULL;

	if (e->now < e->wake)
		return;
	e->wake = REFTCP_NEVER;
	while ((k = talks_next(&e->talks, k))) {
		if (k->wake <= e->now) {
			run_service(e, k);
			forget_waiting(e, k);
		} else if (k->wake < e->wake) {
			e->wake = k->wake;
		}
	}
}

static int open_listener(struct endpoint *e)
{
	struct reftcp_open args = {
		.local = {.port = e->settings->port},
		.backlog = e->settings->backlog,
		.user_timeout = e->settings->user_timeout,
	};
	int err = reftcp_open(e->stack, &args, e->now, &e->listener);
	struct talk *k = err ? NULL : talks_find(&e->talks, e->listener);

	if (!k)
		return err ? err : -ENOBUFS;
	k->ours = true;
	return configure(e, e->listener);
}

static int open_connection(struct endpoint *e)
{
	struct reftcp_open args = {
		.active = true,
		.local = {.port = e->settings->port},
		.remote = e->settings->target,
		.user_timeout = e->settings->user_timeout,
	};
	reftcp_id id;
	int err = reftcp_open(e->stack, &args, e->now, &id);

	if (!err)
		begin_talk(e, id);
	return err;
}

/* ---- the loop ---- */

static void transmit(struct endpoint *e)
{
	size_t len;

	while (reftcp_transmit(e->stack, e->packet, sizeof(e->packet), e->now, &len) == 0)
		wire_send(&e->wire, e->packet, len, e->now);
	wire_deliver(&e->wire, e->now);
}

/* Takes what has come, an answer after each: an ACK is not put off by what waits behind it. */
static int receive(struct endpoint *e, bool *more)
{
	const void *packet;
	size_t len;
	int err = 0, n = 0;

	while (n < PACKETS_A_TURN && (packet = wire_receive(&e->wire, e->now, &len, &err))) {
		e->now = endpoint_clock();
		reftcp_arrives(e->stack, packet, len, e->now, NULL);
		serve_events(e);
		transmit(e);
		n++;
	}
	*more = n == PACKETS_A_TURN;
	return err;
}

static int one_turn(struct endpoint *e, bool *more)
{
	int err;

	/* An ACK that waits in the device must not lose against the timer it would have stopped. */
	e->now = endpoint_clock();
	err = receive(e, more);
	e->now = endpoint_clock();
	if (!*more)
		reftcp_expire(e->stack, e->now);
	wake_services(e);
	serve_events(e);
	transmit(e);
	return err;
}

static reftcp_time least(reftcp_time a, reftcp_time b)
{
	return a < b ? a : b;
}

/* true: a signal. */
static bool sleep_until(struct endpoint *e, int signals, reftcp_time until)
{
	struct pollfd fds[] = {
		{.fd = e->wire.fd, .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};
	reftcp_time at =
		least(least(reftcp_deadline(e->stack), wire_next(&e->wire)), least(e->wake, until));
	reftcp_time now, left;
	struct timespec timeout;

	now = endpoint_clock();
	if (e->hooks.tick)
		at = least(at, now + e->hooks.tick);
	left = at > now ? at - now : 0;
	timeout = (struct timespec){(time_t)(left / REFTCP_S), (long)(left % REFTCP_S)};
	return ppoll(fds, 2, at == REFTCP_NEVER ? NULL : &timeout, NULL) > 0 && fds[1].revents;
}

/* When the last connection asked for is done, or REFTCP_NEVER as long as it is not. */
static int next_connection(struct endpoint *e, reftcp_time *end)
{
	uint64_t wanted = e->settings->connections;

	if (!wanted || e->totals.done < wanted) {
		/* One after another. */
		if (e->settings->connect && e->totals.done == e->begun) {
			e->begun++;
			return open_connection(e);
		}
		return 0;
	}
	if (*end == REFTCP_NEVER)
		*end = e->now + e->settings->time_wait;
	return 0;
}

static bool all_over(struct endpoint *e, reftcp_time end)
{
	return end != REFTCP_NEVER && (e->now >= end || e->talks.used == (e->listener ? 1u : 0u));
}

static void leave(struct endpoint *e)
{
	reftcp_time limit = endpoint_clock() + LEAVING;
	struct talk *k = NULL;

	e->stopping = true;
	while ((k = talks_next(&e->talks, k)))
		if (k->ours && k->state != REFTCP_CLOSED && k->state != REFTCP_TIME_WAIT)
			reftcp_abort(e->stack, k->id, e->now);
	transmit(e);
	while (wire_next(&e->wire) <= limit) {
		sleep_until(e, -1, limit);
		e->now = endpoint_clock();
		wire_deliver(&e->wire, e->now);
		if (e->now >= limit)
			break;
	}
	k = NULL;
	while ((k = talks_next(&e->talks, k)))
		if (k->ours && k->id != e->listener && !k->over) {
			k->error = k->error ? k->error : -ECANCELED;
			done(e, k);
		}
	e->counters = *reftcp_counters(e->stack);
}

int endpoint_run(struct endpoint *e, int signals, reftcp_time until, char *error, size_t error_size)
{
	reftcp_time end = REFTCP_NEVER;
	bool more = false;
	int err;

	e->now = endpoint_clock();
	err = e->settings->connect ? 0 : open_listener(e);
	while (!err) {
		err = next_connection(e, &end);
		if (!err)
			err = one_turn(e, &more);
		if (err || all_over(e, end) || e->now >= until || !e->hooks.turn(e->hooks.arg))
			break;
		if (e->totals.done > e->done_seen) {
			e->done_seen = e->totals.done;
			continue; /* the next one, before sleeping */
		}
		if (!more && sleep_until(e, signals, least(until, end)))
			break;
	}
	if (err)
		snprintf(error, error_size, "cannot %s: %s",
			 e->settings->connect ? "connect" : "listen", strerror(-err));
	leave(e);
	return err;
}

/* ---- beginning and end ---- */

static const struct service *service_of(const struct stack_settings *s)
{
	switch (s->service) {
	case STACK_ECHO:
		return &service_echo;
	case STACK_DISCARD:
		return &service_discard;
	case STACK_SOURCE:
		return &service_source;
	case STACK_FILE:
		return &service_file;
	case STACK_HTTP:
		return s->connect ? &service_http_client : &service_http_server;
	}
	return NULL;
}

static int open_file(const char *path, int flags, int *out, char *error, size_t error_size)
{
	int err;

	if (!path)
		return 0;
	*out = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
	if (*out >= 0)
		return 0;
	err = -errno;
	snprintf(error, error_size, "cannot open '%s': %s", path, strerror(-err));
	return err;
}

static int open_files(struct endpoint *e, char *error, size_t error_size)
{
	const struct stack_settings *s = e->settings;
	struct stat st;
	int err = open_file(s->send, O_RDONLY, &e->send_fd, error, error_size);

	if (!err)
		err = open_file(s->receive, O_WRONLY | O_CREAT | O_TRUNC, &e->receive_fd, error,
				error_size);
	if (!err)
		err = open_file(s->serve, O_RDONLY, &e->root, error, error_size);
	if (!err && e->root >= 0)
		e->root_is_file = fstat(e->root, &st) == 0 && !S_ISDIR(st.st_mode);
	return err;
}

int endpoint_init(struct endpoint *e, const struct stack_settings *settings, int fd,
		  const struct endpoint_hooks *hooks, char *error, size_t error_size)
{
	struct reftcp_config config = settings->tcp;
	int err;

	memset(e, 0, sizeof(*e));
	e->settings = settings;
	e->service = service_of(settings);
	e->hooks = *hooks;
	e->root = e->send_fd = e->receive_fd = -1;
	e->wake = REFTCP_NEVER;
	e->netns = netns_own();
	e->owner.pid = (uint32_t)getpid();
	e->owner.uid = getuid();
	err = open_files(e, error, error_size);
	if (err)
		return err;
	config.on_transition = on_transition;
	config.ctx = e;
	config.fast_open = settings->fast_open;
	if (getrandom(config.secret, sizeof(config.secret), 0) != sizeof(config.secret))
		err = -errno;
	if (!err)
		err = talks_init(&e->talks, config.connections);
	if (!err)
		err = wire_init(&e->wire, fd, settings);
	if (!err)
		err = reftcp_new(&e->stack, &config, endpoint_clock());
	for (int i = 0; i < 2 && !err; i++)
		if (settings->own[i].family && (i == 0 || config.mtu >= 1280))
			err = reftcp_add_address(e->stack, &settings->own[i]);
	if (err)
		snprintf(error, error_size, "cannot make the stack: %s", strerror(-err));
	return err;
}

void endpoint_release(struct endpoint *e)
{
	int *fds[] = {&e->root, &e->send_fd, &e->receive_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	reftcp_free(e->stack);
	e->stack = NULL;
	talks_release(&e->talks);
	wire_release(&e->wire);
}
