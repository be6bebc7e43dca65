// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Following connections: records from the ring buffer through the lifecycle to lines.
 *
 * The reader looks into the ring every few milliseconds while there is traffic, so that the
 * programs need wake nobody, and sleeps until woken when there is none.
 */
#include "command/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/message.h"
#include "command/command.h"
#include "command/session.h"
#include "lifecycle/names.h"

#define MS 1000000ull
#define WINDOW_NS (2 * MS)
#define EVIDENCE_NS (1 * MS)
#define MAX_PENDING 65536
#define BUSY_POLL_MS 5
#define PENDING_POLL_MS 2
#define IDLE_POLL_MS 200
#define RECONCILE_NS (1000 * MS)
#define AUDIT_NS (30 * RECONCILE_NS)
#define SOCKETS_AT_ONCE 1024

/* Where records or connections can be lost; a figure for each. */
#define STAGES(X)                               \
	X(RING_FULL, "ring_full")               \
	X(MAP_FULL, "map_full")                 \
	X(MISSED, "missed")                     \
	X(CONNECTIONS_FULL, "connections_full") \
	X(HALF_OPEN_FULL, "half_open_full")     \
	X(LATE, "late")                         \
	X(UNSEEN, "unseen")

enum stage {
#define X(id, name) STAGE_##id,
	STAGES(X)
#undef X
	STAGE_COUNT
};

static const char *const stage_names[] = {
#define X(id, name) [STAGE_##id] = (name),
	STAGES(X)
#undef X
};

struct watch {
	struct session session;
	const struct options *options;
	enum watch_mode mode;
	struct lifecycle *lifecycle;
	struct tcpw_account account; /* sum over all programs */
	uint64_t lost[STAGE_COUNT];  /* as told so far */
	uint64_t lines;
	uint64_t sockets_found;
	uint64_t sockets_read;
	uint64_t newest;      /* time of the last record read */
	uint64_t began, ends; /* ns; ends 0: not by time */
	uint64_t next_reconcile;
	uint64_t next_audit;     /* walk of the socket table, whether something was lost or not */
	uint64_t lost_walked;    /* losses when the table was walked last */
	uint64_t retire_began;   /* of that walk, until its outcome is taken in; 0: none */
	uint64_t retire_from;    /* from when on it is */
	struct tcpw_file *files; /* owners found, until the sockets they hold are known */
	ssize_t file_count;
	uint64_t files_until; /* when everything the walk found has been taken in */
	bool walked; /* once: what is found from now on is no longer older than the tracer */
	bool stop, closed;
};

static bool state_in(uint32_t states, enum tcpw_state state)
{
	return states & (1u << state);
}

/* `--state` selects lines: the kernel's filter must let through what a line is made from. */
static bool state_wanted(const struct watch *w, const struct lifecycle_event *e)
{
	uint32_t states = w->options->states;

	if (!states)
		return true;
	switch (e->kind) {
	case LIFECYCLE_TRANSITION:
		return state_in(states, e->u.transition.old_state) ||
		       state_in(states, e->u.transition.new_state);
	case LIFECYCLE_RETRANSMIT:
		return state_in(states, e->u.retransmit.state);
	case LIFECYCLE_RESET:
		return state_in(states, e->u.reset.state);
	case LIFECYCLE_ACCEPT:
		return state_in(states, TCPW_ESTABLISHED);
	case LIFECYCLE_LIFE:
		for (uint8_t i = 0; i < e->connection->path_len; i++)
			if (state_in(states, (enum tcpw_state)e->connection->path[i]))
				return true;
		return false;
	case LIFECYCLE_LOST:
		return true;
	}
	return true;
}

/* The kernel lets through by listener; a worker that accepted may be another than asked for. */
static bool owner_wanted(const struct watch *w, const struct lifecycle_event *e)
{
	const struct lifecycle_connection *c = e->connection;
	struct tcpw_process p;

	if (!c)
		return true;
	if (c->role == TCPW_ROLE_LISTENER && !session_tuple_fits(&w->session, &e->tuple))
		return false;
	if (w->session.filter.roles && !(w->session.filter.roles & (1u << c->role)))
		return false;
	/* Of an unknown owner: a connection was chosen by the kernel, a listener was not. */
	if (!c->owner)
		return c->role != TCPW_ROLE_LISTENER ||
		       !(w->session.filter.pids || w->session.filter.comms ||
			 w->session.filter.cgroups);
	p = (struct tcpw_process){
		.pid = c->owner->pid, .uid = c->owner->uid, .cgroup = c->owner->cgroup};
	memcpy(p.comm, c->owner->comm, sizeof(p.comm));
	return session_process_fits(&w->session, &p);
}

static bool kind_wanted(const struct watch *w, const struct lifecycle_event *e)
{
	if (w->mode == WATCH_LIFE)
		return e->kind == LIFECYCLE_LIFE || e->kind == LIFECYCLE_LOST;
	return e->kind != LIFECYCLE_LIFE;
}

static void emit(void *arg, const struct lifecycle_event *e)
{
	struct watch *w = arg;
	struct session *s = &w->session;

	/* What an owner filter let in is over: make room for others. */
	if (e->kind == LIFECYCLE_TRANSITION && e->u.transition.new_state == TCPW_CLOSED &&
	    (s->filter.pids || s->filter.comms || s->filter.cgroups || s->filter.roles))
		tracer_unchoose(s->tracer, e->connection->cookie, &e->tuple);
	if (w->stop || !kind_wanted(w, e) || !state_wanted(w, e) || !owner_wanted(w, e))
		return;
	if (w->options->output == OUTPUT_JSON)
		json_event(&s->out, &s->view, e);
	else if (w->mode == WATCH_LIFE)
		text_life_event(&s->out, &s->view, e);
	else
		text_trace_event(&s->out, &s->view, e);
	if (e->kind != LIFECYCLE_LOST && ++w->lines == w->options->count)
		w->stop = true;
}

static void on_lost(void *arg, const struct tcpw_lost_key *key)
{
	struct watch *w = arg;

	lifecycle_lost(w->lifecycle, key, session_now(&w->session));
}

static void mark_holes(struct watch *w)
{
	uint64_t unnamed = 0;

	if (tracer_lost(w->session.tracer, on_lost, w, &unnamed) && unnamed)
		lifecycle_lost_any(w->lifecycle, session_now(&w->session));
}

static void on_record(void *arg, const struct tcpw_header *record)
{
	struct watch *w = arg;

	/* Before the record is made use of: the ones before it may be missing. */
	mark_holes(w);
	lifecycle_record(w->lifecycle, record);
	w->newest = record->ts;
}

static int consume(struct watch *w)
{
	int n = tracer_consume(w->session.tracer, on_record, w);

	mark_holes(w);
	return n;
}

/*
 * Reads a round and gives out what is old enough by `now`, a time from before. While there is more
 * in the ring, time is what the records say: the evidence for the last of them is still in there.
 */
static int take_in(struct watch *w, uint64_t now)
{
	int n = consume(w);

	lifecycle_advance(w->lifecycle,
			  n >= TRACER_CONSUME_MAX && w->newest < now ? w->newest : now);
	return n;
}

static void tell_lost(struct watch *w, enum stage stage, uint64_t total)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_LOST,
		.ts = session_now(&w->session),
		.u.lost = {.stage = stage_names[stage]},
	};

	if (total <= w->lost[stage])
		return;
	e.u.lost.count = total - w->lost[stage];
	w->lost[stage] = total;
	emit(w, &e);
}

/* Reads every account and tells what is newly lost. */
static void count_losses(struct watch *w)
{
	const struct lifecycle_stats *stats = lifecycle_stats(w->lifecycle);
	struct tracer *t = w->session.tracer;
	struct tcpw_account sum = {0};
	uint64_t missed_sum = 0;

	for (int i = 0; i < TCPW_PROGRAM_COUNT; i++) {
		struct tcpw_account a;
		uint64_t missed;

		if (tracer_account(t, (enum tcpw_program)i, &a))
			continue;
		sum.seen += a.seen;
		sum.submitted += a.submitted;
		sum.filtered += a.filtered;
		sum.ring_full += a.ring_full;
		sum.map_full += a.map_full;
		if (tracer_missed(t, (enum tcpw_program)i, &missed) == 0)
			missed_sum += missed;
	}
	w->account = sum;
	tell_lost(w, STAGE_RING_FULL, sum.ring_full);
	tell_lost(w, STAGE_MAP_FULL, sum.map_full);
	tell_lost(w, STAGE_MISSED, missed_sum);
	tell_lost(w, STAGE_CONNECTIONS_FULL, stats->connections_full);
	tell_lost(w, STAGE_HALF_OPEN_FULL, stats->half_open_full);
	tell_lost(w, STAGE_LATE, stats->late);
	tell_lost(w, STAGE_UNSEEN, stats->unseen);
}

/*
 * What is found is put in order with the records of its time. A large table would fill the queue:
 * so records are taken in meanwhile, and what is old enough is made use of.
 */
static void on_socket(void *arg, const struct tcpw_socket *socket)
{
	struct watch *w = arg;

	if (!w->walked)
		w->sockets_found++;
	lifecycle_socket(w->lifecycle, socket);
	if (++w->sockets_read % SOCKETS_AT_ONCE == 0)
		take_in(w, socket->ts);
}

static void between_namespaces(void *arg)
{
	struct watch *w = arg;

	consume(w);
}

/* Filters by owner: user space alone knows whom a socket of the table belongs to. */
static bool chooses_owners(const struct watch *w)
{
	const struct tcpw_filter *f = &w->session.filter;

	return f->pids || f->comms || f->cgroups || f->roles;
}

/* Owners of what the walk found, once the walk itself has been taken in. */
static void apply_files(struct watch *w)
{
	struct session *s = &w->session;
	bool choose = chooses_owners(w);

	for (ssize_t i = 0; i < w->file_count; i++) {
		lifecycle_file(w->lifecycle, &w->files[i]);
		if (choose && session_process_fits(s, &w->files[i].process))
			tracer_choose(s->tracer, w->files[i].cookie,
				      lifecycle_role(w->lifecycle, w->files[i].cookie));
	}
	free(w->files);
	w->files = NULL;
	w->file_count = 0;
}

/* Attached first, walked second: what began in between is seen by both. */
static void walk(struct watch *w)
{
	struct session *s = &w->session;
	size_t failed, walked;
	uint64_t now;
	int n;

	walked = session_walk(s, on_socket, between_namespaces, w, &failed);
	w->file_count = session_files(s, &w->files);
	if (w->file_count < 0) {
		message("cannot list who holds which socket: %s", strerror((int)-w->file_count));
		w->file_count = 0;
	}
	w->files_until = session_now(s);
	if (failed)
		message("%zu network namespaces could not be walked: their older "
			"connections are not known",
			failed);
	else
		lifecycle_walked(w->lifecycle, w->files_until);
	/* What the walk found is taken in, with its owners, before anybody is told to go ahead. */
	do {
		poll(NULL, 0, PENDING_POLL_MS);
		now = session_now(s);
		n = take_in(w, now);
	} while (n >= TRACER_CONSUME_MAX || now <= w->files_until + WINDOW_NS);
	apply_files(w);
	w->walked = true;
	message("tracing: %llu sockets found in %zu network namespaces%s",
		(unsigned long long)w->sockets_found, walked,
		w->options->duration > 0 ? "" : "; interrupt to stop");
}

/*
 * Whether the socket table is to be walked: it tells when an orphan got its FIN (where there is no
 * segment witness), after losses which connections have ended, and now and then whether something
 * happened that no program was told of, which a kernel may do (ARCHITECTURE.md).
 */
static bool walk_is_due(const struct watch *w, uint64_t lost, uint64_t now)
{
	if (lost != w->lost_walked || (now >= w->next_audit && !chooses_owners(w)))
		return true;
	return lifecycle_orphans(w->lifecycle) &&
	       !tracer_has(w->session.tracer, TCPW_PROGRAM_SEGMENT);
}

/* Once a second: what was lost, and where it is needed the socket table. */
static void reconcile(struct watch *w, uint64_t now, bool behind)
{
	bool judge;
	uint64_t lost;
	size_t failed;

	if (now < w->next_reconcile)
		return;
	w->next_reconcile = now + RECONCILE_NS;
	if (w->retire_began && now > w->retire_from) {
		lifecycle_retire(w->lifecycle, w->retire_began);
		w->retire_began = 0;
	}
	count_losses(w);
	lost = w->lost[STAGE_RING_FULL] + w->lost[STAGE_MAP_FULL] + w->lost[STAGE_MISSED];
	/* What is in the ring is older than what a walk would find: it comes first. */
	if (behind || !walk_is_due(w, lost, now))
		return;
	judge = lost != w->lost_walked || now >= w->next_audit;
	session_walk(&w->session, on_socket, between_namespaces, w, &failed);
	if (judge && !failed) {
		w->lost_walked = lost;
		w->next_audit = now + AUDIT_NS;
		w->retire_began = now;
		w->retire_from = session_now(&w->session) + WINDOW_NS + EVIDENCE_NS;
	}
}

static void sleep_until_something(struct watch *w, int consumed, uint64_t now)
{
	struct pollfd fds[] = {
		{.fd = w->session.signals, .events = POLLIN},
		{.fd = STDOUT_FILENO}, /* only whether its reader has gone */
		{.fd = tracer_fd(w->session.tracer), .events = POLLIN},
	};
	int timeout = IDLE_POLL_MS;
	bool wake = false;

	if (consumed >= TRACER_CONSUME_MAX) {
		timeout = 0; /* there is more */
	} else if (consumed > 0) {
		timeout = BUSY_POLL_MS;
	} else if (lifecycle_pending(w->lifecycle)) {
		timeout = PENDING_POLL_MS;
	} else {
		wake = true;
		tracer_wait(w->session.tracer, true);
		/* What came before the programs knew that we wait would wake nobody. */
		if (consume(w) > 0) {
			tracer_wait(w->session.tracer, false);
			return;
		}
	}
	if (w->ends && w->ends - now < (uint64_t)timeout * MS)
		timeout = w->ends > now ? (int)((w->ends - now) / MS) + 1 : 0;
	poll(fds, wake ? 3 : 2, timeout);
	if (wake)
		tracer_wait(w->session.tracer, false);
	if (fds[0].revents)
		w->stop = true;
	if (fds[1].revents & POLLERR)
		w->closed = true;
}

static int follow(struct watch *w)
{
	int status = EXIT_OK;

	while (!w->stop && !w->closed && status == EXIT_OK) {
		uint64_t now = session_now(&w->session);
		int consumed = take_in(w, now);

		reconcile(w, now, consumed >= TRACER_CONSUME_MAX);
		status = session_flush(&w->session, &w->closed);
		if (w->ends && now >= w->ends)
			break;
		if (!w->stop && !w->closed && status == EXIT_OK)
			sleep_until_something(w, consumed, now);
	}
	return status;
}

static int finish(struct watch *w, int status)
{
	struct session *s = &w->session;
	bool stopped_by_count = w->options->count && w->lines >= w->options->count;

	tracer_detach(s->tracer);
	if (status == EXIT_OK && !w->closed) {
		/*
		 * What is left is still told, as it is read; but after the last line asked for
		 * there is nothing more to say.
		 */
		w->stop = stopped_by_count;
		while (consume(w) >= TRACER_CONSUME_MAX)
			;
		lifecycle_flush(w->lifecycle, session_now(s));
		count_losses(w);
		status = session_flush(s, &w->closed);
	} else {
		count_losses(w);
	}
	return status;
}

static void sum_up(const struct watch *w, uint64_t now)
{
	const struct lifecycle_stats *stats = lifecycle_stats(w->lifecycle);
	const struct tcpw_account *a = &w->account;
	uint64_t untracked = stats->connections_full + stats->half_open_full;
	uint64_t holes = tracer_holes(w->session.tracer, true);
	uint64_t lost = 0;

	for (int i = 0; i < STAGE_COUNT; i++)
		lost += w->lost[i];
	message("%llu lines; %llu transitions, %llu connections and listeners (%llu found open) "
		"in %.1f s, %llu lost",
		(unsigned long long)w->lines, (unsigned long long)stats->transitions,
		(unsigned long long)stats->connections, (unsigned long long)w->sockets_found,
		(double)(now - w->began) / 1e9, (unsigned long long)lost);
	message("events: seen %llu = submitted %llu + filtered %llu + ring_full %llu + "
		"map_full %llu; missed %llu",
		(unsigned long long)a->seen, (unsigned long long)a->submitted,
		(unsigned long long)a->filtered, (unsigned long long)a->ring_full,
		(unsigned long long)a->map_full, (unsigned long long)w->lost[STAGE_MISSED]);
	if (!holes && !stats->incomplete && !untracked && !stats->unknown_causes &&
	    !stats->withheld && !stats->late)
		return;
	message("holes found %llu, connections incomplete %llu, not tracked %llu, causes unknown "
		"%llu, lines withheld %llu, out of order %llu",
		(unsigned long long)holes, (unsigned long long)stats->incomplete,
		(unsigned long long)untracked, (unsigned long long)stats->unknown_causes,
		(unsigned long long)stats->withheld, (unsigned long long)stats->late);
}

/* With -v: the account of each program. */
static void sum_up_programs(const struct watch *w)
{
	for (int i = 0; i < TCPW_PROGRAM_COUNT; i++) {
		struct tcpw_account a;
		uint64_t missed = 0;

		if (!tracer_has(w->session.tracer, (enum tcpw_program)i) ||
		    tracer_account(w->session.tracer, (enum tcpw_program)i, &a))
			continue;
		tracer_missed(w->session.tracer, (enum tcpw_program)i, &missed);
		message("program %s: seen %llu submitted %llu filtered %llu ring_full %llu "
			"map_full %llu missed %llu",
			program_name((enum tcpw_program)i), (unsigned long long)a.seen,
			(unsigned long long)a.submitted, (unsigned long long)a.filtered,
			(unsigned long long)a.ring_full, (unsigned long long)a.map_full,
			(unsigned long long)missed);
	}
}

static bool anything_lost(const struct watch *w)
{
	for (int i = 0; i < STAGE_COUNT; i++)
		if (w->lost[i])
			return true;
	return false;
}

/* What the running kernel's reset reasons say about the end of a connection. */
static void reason_classes(const struct session *s, uint8_t classes[LIFECYCLE_REASONS])
{
	static const struct {
		const char *name;
		enum lifecycle_reason reason;
	} known[] = {
		{"TCP_ABORT_ON_CLOSE", LIFECYCLE_REASON_ABORT},
		{"TCP_ABORT_ON_LINGER", LIFECYCLE_REASON_ABORT},
		{"TCP_ABORT_ON_MEMORY", LIFECYCLE_REASON_MEMORY},
		{"TCP_KEEPALIVE_TIMEOUT", LIFECYCLE_REASON_KEEPALIVE},
	};

	for (size_t i = 0; i < LIFECYCLE_REASONS && i < SESSION_REASONS; i++)
		for (size_t k = 0; s->reasons[i] && k < sizeof(known) / sizeof(known[0]); k++)
			if (!strcmp(s->reasons[i], known[k].name))
				classes[i] = known[k].reason;
}

static int begin(struct watch *w)
{
	struct lifecycle_options options = {
		.max_connections = w->options->max_connections,
		.max_half_open = w->options->max_half_open,
		.max_pending = MAX_PENDING,
		.window_ns = WINDOW_NS,
		.evidence_ns = EVIDENCE_NS,
		.life_complete = w->options->complete,
		.emit = emit,
		.arg = w,
	};
	int status = session_begin(&w->session, w->options, SESSION_RECORDS);

	if (status != EXIT_OK)
		return status;
	reason_classes(&w->session, options.reasons);
	options.segments_seen = tracer_has(w->session.tracer, TCPW_PROGRAM_SEGMENT);
	if (lifecycle_new(&w->lifecycle, &options)) {
		message("out of memory: try a smaller '--max-connections'");
		return EXIT_RUNTIME;
	}
	w->began = session_now(&w->session);
	w->next_audit = w->began + AUDIT_NS;
	if (w->options->duration > 0)
		w->ends = w->began + (uint64_t)(w->options->duration * 1e9);
	return EXIT_OK;
}

int watch_run(const struct options *options, enum watch_mode mode)
{
	struct watch w = {.options = options, .mode = mode};
	int status = begin(&w);

	if (status == EXIT_OK) {
		if (options->output == OUTPUT_TEXT && mode == WATCH_TRACE)
			text_trace_head(&w.session.out, &w.session.view);
		else if (options->output == OUTPUT_TEXT)
			text_life_head(&w.session.out, &w.session.view);
		walk(&w);
		status = finish(&w, follow(&w));
		/* A pipe that was closed ends it quietly. */
		if (!w.closed)
			sum_up(&w, session_now(&w.session));
		if (options->verbose)
			sum_up_programs(&w);
		if (status == EXIT_OK && options->strict && anything_lost(&w))
			status = EXIT_LOST;
	}
	free(w.files);
	lifecycle_free(w.lifecycle);
	session_end(&w.session);
	return status;
}
