// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `timewait`: how TIME_WAIT builds up. The sums come from the counting programs, who holds what now
 * from the socket table; the two are held against each other at each reading.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/message.h"
#include "command/command.h"
#include "command/session.h"
#include "lifecycle/names.h"

#define INTERVAL_DEFAULT 2.0
#define MAX_GROUPS 1024
#define MAX_DESTINATIONS 4096
#define MAX_NAMESPACES 256
#define LISTENERS 8192 /* places of a hash set, a power of two */
#define LIMITS_EVERY 5 /* readings from one look at the settings to the next */
#define NAMES 4096

/* Listening ports of a reading. One that finds no place is a port that looks like a client's. */
struct listeners {
	uint64_t place[LISTENERS];
};

struct namespace
{
	uint32_t inode;
	uint64_t met; /* reading */
	struct timewait_limits limits;
	bool limits_known;
	uint64_t overflow_at_start, overflow;
	bool overflow_known;
};

struct name {
	uint32_t process;
	char comm[TCPW_COMM_LEN];
};

struct timewait_command {
	struct session session;
	const struct options *options;
	struct timewait *groups;
	struct listeners listeners, listeners_before;
	struct namespace namespaces[MAX_NAMESPACES];
	uint32_t namespace_count;
	uint64_t refused_before; /* in namespaces that are gone */
	struct name names[NAMES];
	uint64_t reading;
	int64_t found;   /* TIME_WAITs entered that no program was told of */
	int64_t unknown; /* ended likewise */
	int64_t entered_before, ended_before;
	uint64_t before; /* ns, of the last reading */
	bool full_said;
	bool closed;
};

static uint64_t *listener_place(struct listeners *l, const struct tcpw_tuple *t)
{
	uint64_t key = (uint64_t)t->netns << 16 | t->lport;
	uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 40) & (LISTENERS - 1);

	for (int i = 0; i < 16; i++, at = (at + 1) & (LISTENERS - 1))
		if (!l->place[at] || l->place[at] == key)
			return &l->place[at];
	return NULL;
}

static void note_listener(struct listeners *l, const struct tcpw_tuple *t)
{
	uint64_t *place = listener_place(l, t);

	if (place)
		*place = (uint64_t)t->netns << 16 | t->lport;
}

static bool has_listener(struct listeners *l, const struct tcpw_tuple *t)
{
	const uint64_t *place = listener_place(l, t);

	return place && *place;
}

/* One that has not been met since the reading before last gives its place; its refusals count on.
 */
static void note_namespace(struct timewait_command *t, uint32_t inode)
{
	struct namespace *place = NULL;

	for (uint32_t i = 0; i < t->namespace_count; i++) {
		struct namespace *n = &t->namespaces[i];

		if (n->inode == inode) {
			n->met = t->reading;
			return;
		}
		if (n->met + 1 < t->reading)
			place = n;
	}
	if (t->namespace_count < MAX_NAMESPACES)
		place = &t->namespaces[t->namespace_count++];
	else if (!place)
		return;
	t->refused_before += place->overflow - place->overflow_at_start;
	*place = (struct namespace){.inode = inode, .met = t->reading};
}

static void on_socket(void *arg, const struct tcpw_socket *s)
{
	struct timewait_command *t = arg;
	bool passive;
	uint32_t process;

	/* Later walks would enter what ended under them, and nothing would ever take that out. */
	if (t->reading == 1)
		counter_adopt(t->session.counter, s);
	if (s->state == TCPW_LISTEN) {
		note_listener(&t->listeners, &s->tuple);
		note_namespace(t, s->tuple.netns);
		return;
	}
	process = counter_owner(t->session.counter, s->cookie, &passive);
	if (!process && !passive)
		passive = has_listener(&t->listeners_before, &s->tuple);
	if (s->mini == 2)
		note_namespace(t, s->tuple.netns);
	timewait_socket(t->groups, s, process, passive);
}

/* ---- settings and counters of a namespace ---- */

static bool read_file(struct timewait_command *t, uint32_t netns, const char *name, char *to,
		      size_t size)
{
	_cleanup_close_ int fd = walker_open_file(t->session.walker, netns, name);
	size_t have = 0;
	ssize_t n = 0;

	while (fd >= 0 && have + 1 < size && (n = read(fd, to + have, size - 1 - have)) > 0)
		have += (size_t)n;
	to[have] = 0;
	return fd >= 0 && n >= 0;
}

/* "22,80-90": how many of them lie from `low` to `high`. */
static uint32_t reserved_in(const char *list, uint32_t low, uint32_t high)
{
	uint32_t sum = 0;

	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (first < low)
			first = low;
		if (last > high)
			last = high;
		if (first <= last)
			sum += (uint32_t)(last - first) + 1;
		list = *end == ',' ? end + 1 : "";
	}
	return sum;
}

static void read_limits(struct timewait_command *t, struct namespace *n)
{
	char text[65536];
	unsigned int low, high;

	n->limits_known = false;
	if (!read_file(t, n->inode, "ip_local_port_range", text, sizeof(text)) ||
	    sscanf(text, "%u %u", &low, &high) != 2 || low > high || high > UINT16_MAX)
		return;
	n->limits =
		(struct timewait_limits){.low = (uint16_t)low, .high = (uint16_t)high, .reuse = -1};
	if (read_file(t, n->inode, "ip_local_reserved_ports", text, sizeof(text)))
		n->limits.reserved = reserved_in(text, low, high);
	if (read_file(t, n->inode, "tcp_max_tw_buckets", text, sizeof(text)))
		n->limits.buckets = (uint32_t)strtoul(text, NULL, 10);
	if (read_file(t, n->inode, "tcp_tw_reuse", text, sizeof(text)))
		n->limits.reuse = (int)strtol(text, NULL, 10);
	n->limits_known = true;
	timewait_limits(t->groups, n->inode, &n->limits);
}

/* The word at the same place of the line after the one that names it (/proc/net/netstat). */
static bool counter_in(const char *text, const char *name, uint64_t *value)
{
	size_t len = strlen(name), word = 0;

	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			word = 0;
		if (*p != ' ')
			continue;
		word++;
		if (strncmp(p + 1, name, len) || (p[1 + len] != ' ' && p[1 + len] != '\n'))
			continue;
		p = strchr(p, '\n');
		while (p && word-- && (p = strchr(p + 1, ' ')))
			;
		if (!p)
			return false;
		*value = strtoull(p + 1, NULL, 10);
		return true;
	}
	return false;
}

static void read_overflow(struct timewait_command *t, struct namespace *n)
{
	char text[16384];
	uint64_t value;

	if (!read_file(t, n->inode, "netstat", text, sizeof(text)) ||
	    !counter_in(text, "TCPTimeWaitOverflow", &value))
		return;
	if (!n->overflow_known)
		n->overflow_at_start = value;
	if (n->overflow_known && value < n->overflow) {
		/* Another namespace with the number of one that is gone. */
		t->refused_before += n->overflow - n->overflow_at_start;
		n->overflow_at_start = 0;
	}
	n->overflow = value;
	n->overflow_known = true;
}

/* -> TIME_WAITs refused for want of a bucket, since the start. */
static uint64_t read_namespaces(struct timewait_command *t)
{
	uint64_t refused = t->refused_before;

	for (uint32_t i = 0; i < t->namespace_count; i++) {
		struct namespace *n = &t->namespaces[i];

		if (!n->limits_known || t->reading % LIMITS_EVERY == 0)
			read_limits(t, n);
		read_overflow(t, n);
		refused += n->overflow - n->overflow_at_start;
	}
	return refused;
}

/* ---- names ---- */

/* Kept here, for owners are asked for long after they are gone. */
static void note_name(void *arg, uint32_t process, const struct tcpw_owner *owner)
{
	struct timewait_command *t = arg;
	struct name *n = &t->names[process % NAMES];

	n->process = process;
	memcpy(n->comm, owner->comm, sizeof(n->comm));
}

static const char *name_of(void *arg, uint32_t process)
{
	struct timewait_command *t = arg;
	struct name *n = &t->names[process % NAMES];
	struct tcpw_owner owner;

	if (!process)
		return NULL;
	if (n->process != process) {
		if (counter_owner_counts(t->session.counter, process, &owner))
			return NULL;
		note_name(t, process, &owner);
	}
	return n->comm;
}

static const struct timewait_limits *limits_of(void *arg, uint32_t netns)
{
	const struct timewait_command *t = arg;

	for (uint32_t i = 0; i < t->namespace_count; i++)
		if (t->namespaces[i].inode == netns && t->namespaces[i].limits_known)
			return &t->namespaces[i].limits;
	return NULL;
}

/* ---- a reading ---- */

static int64_t ended_of(const struct tcpw_counts *c)
{
	int64_t sum = 0;

	for (int i = 0; i < TCPW_TIME_WAIT_ENDS; i++)
		sum += c->time_wait_ended[i];
	return sum;
}

/*
 * What the table holds must lie between what the sums said before and after the walk, give or take
 * what came and went meanwhile. What lies outside began or ended without a program being told.
 */
static void hold_against(struct timewait_command *t, const struct tcpw_counts *first,
			 const struct tcpw_counts *last, int64_t in_table)
{
	int64_t was = t->found + first->time_wait_entered - ended_of(first) - t->unknown;
	int64_t least = was - (ended_of(last) - ended_of(first));
	int64_t most = was + last->time_wait_entered - first->time_wait_entered;

	if (in_table > most)
		t->found += in_table - most;
	else if (in_table < least)
		t->unknown += least - in_table;
}

static int count(struct timewait_command *t, struct tcpw_counts *sum)
{
	int err = counter_read(t->session.counter, sum);

	return err ? message_status(EXIT_RUNTIME, "cannot read the counts: %s", strerror(-err))
		   : EXIT_OK;
}

/* tcp_max_tw_buckets, where all namespaces met of late have the same. */
static bool buckets_of_all(const struct timewait_command *t, uint64_t *buckets)
{
	bool known = false;

	for (uint32_t i = 0; i < t->namespace_count; i++) {
		const struct namespace *n = &t->namespaces[i];

		if (n->met + 1 < t->reading)
			continue;
		if (!n->limits_known || (known && n->limits.buckets != *buckets))
			return false;
		*buckets = n->limits.buckets;
		known = true;
	}
	return known;
}

static void fill(struct timewait_command *t, struct view_timewait *v, const struct tcpw_counts *c,
		 uint64_t now)
{
	int64_t entered = t->found + c->time_wait_entered, ended = ended_of(c) + t->unknown;
	double seconds = (double)(now - t->before) / 1e9;

	*v = (struct view_timewait){
		.mono_ns = now,
		.entered = entered,
		.time_wait = entered - ended,
		.ended = {[TIMEWAIT_EXPIRED] = c->time_wait_ended[TCPW_TIME_WAIT_EXPIRED],
			  [TIMEWAIT_REUSED] = c->time_wait_ended[TCPW_TIME_WAIT_REUSED],
			  [TIMEWAIT_KILLED] = c->time_wait_ended[TCPW_TIME_WAIT_KILLED],
			  [TIMEWAIT_UNKNOWN] = t->unknown},
		.fin_wait_2_orphans = timewait_orphans(t->groups),
		.refused = read_namespaces(t),
		.other = timewait_other(t->groups),
		.limits = limits_of,
		.comm = name_of,
		.arg = t,
		.rates_known = t->reading > 1,
	};
	if (v->rates_known) {
		v->in_per_s = (double)(entered - t->entered_before) / seconds;
		v->out_per_s = (double)(ended - t->ended_before) / seconds;
	}
	v->max_buckets_known = buckets_of_all(t, &v->max_buckets);
	t->entered_before = entered;
	t->ended_before = ended;
	t->before = now;
}

static void walk(struct timewait_command *t, size_t *failed)
{
	timewait_begin(t->groups, session_now(&t->session));
	t->listeners_before = t->listeners;
	memset(&t->listeners, 0, sizeof(t->listeners));
	session_walk(&t->session, on_socket, NULL, t, failed);
}

static int by_pid(const void *a, const void *b)
{
	const struct tcpw_file *x = a, *y = b;

	return (x->process.pid > y->process.pid) - (x->process.pid < y->process.pid);
}

/* Once: who holds what is older than the programs. */
static void own_older(struct timewait_command *t)
{
	_cleanup_free_ struct tcpw_file *files = NULL;
	ssize_t count = session_files(&t->session, &files);

	if (count < 0) {
		message("cannot list who holds which socket: %s", strerror((int)-count));
		return;
	}
	qsort(files, (size_t)count, sizeof(*files), by_pid);
	for (ssize_t i = 0; i < count; i++)
		counter_own(t->session.counter, files[i].cookie, &files[i].process);
}

static void say_room(struct timewait_command *t, const struct tcpw_counts *c)
{
	if (t->full_said || (!c->untracked && !c->owners_full))
		return;
	t->full_said = true;
	message("no room for %lld connections (try a larger '--max-connections') and %lld "
		"processes: they have no owner here",
		(long long)c->untracked, (long long)c->owners_full);
}

static int take_reading(struct timewait_command *t)
{
	struct tcpw_counts first, last;
	struct view_timewait v;
	size_t failed;
	int status;

	/* Listeners are known by the walk before: the very first is done twice. */
	if (!t->reading++) {
		walk(t, &failed);
		own_older(t);
		read_namespaces(t); /* which ports count as a client's */
	}
	status = count(t, &first);
	if (status != EXIT_OK)
		return status;
	walk(t, &failed);
	status = count(t, &last);
	if (status != EXIT_OK)
		return status;
	counter_owners(t->session.counter, note_name, t);
	counter_forget_owners(t->session.counter, session_now(&t->session));
	if (failed)
		message("%zu network namespaces could not be walked", failed);
	else
		hold_against(t, &first, &last, (int64_t)timewait_now(t->groups));
	fill(t, &v, &last, session_now(&t->session));
	timewait_end(t->groups);
	v.groups = timewait_groups(t->groups, &v.group_count);
	if (t->options->output == OUTPUT_JSON)
		json_timewait(&t->session.out, &t->session.view, &v);
	else
		text_timewait(&t->session.out, &t->session.view, &v);
	say_room(t, &last);
	return session_flush(&t->session, &t->closed);
}

/* With -v, at the end: the matrix of moves, and what was missed. */
static void sum_up(struct timewait_command *t)
{
	struct tcpw_counts c;
	uint64_t missed;

	if (count(t, &c) != EXIT_OK)
		return;
	for (int from = 0; from < TCPW_STATE_MAX; from++)
		for (int to = 0; to < TCPW_STATE_MAX; to++)
			if (c.moves[from][to])
				message("moves %s %s %lld",
					state_name(tcpw_state_from_kernel(from)),
					state_name(tcpw_state_from_kernel(to)),
					(long long)c.moves[from][to]);
	if (counter_missed(t->session.counter, &missed) == 0)
		message("missed %llu, without room: connections %lld, half-open %lld, owners %lld",
			(unsigned long long)missed, (long long)c.untracked,
			(long long)c.half_open_untracked, (long long)c.owners_full);
}

/* For --strict: what was missed, found no room, or went by unseen. */
static bool anything_lost(struct timewait_command *t)
{
	struct tcpw_counts c;
	uint64_t missed;

	return counter_read(t->session.counter, &c) || c.untracked || c.half_open_untracked ||
	       c.owners_full || t->unknown ||
	       (counter_missed(t->session.counter, &missed) == 0 && missed);
}

/* Sleeps until the next reading; false when it is time to stop. */
static bool next_reading(struct timewait_command *t, uint64_t began)
{
	const struct options *o = t->options;
	double interval = o->interval > 0 ? o->interval : INTERVAL_DEFAULT;
	struct pollfd fds[] = {{.fd = t->session.signals, .events = POLLIN},
			       {.fd = STDOUT_FILENO}}; /* whether its reader has gone */
	uint64_t now = session_now(&t->session);
	uint64_t step = (uint64_t)(interval * 1e9), due = began + t->reading * step;

	/* A reading that took longer than the interval is not made up for. */
	if (due < now)
		due = began + ((now - began) / step + 1) * step;
	if (t->closed || o->once || (o->count && t->reading >= o->count))
		return false;
	if (o->duration > 0 && due > began + (uint64_t)(o->duration * 1e9))
		return false;
	if (o->output == OUTPUT_TEXT)
		buffer_char(&t->session.out, '\n');
	return poll(fds, 2, due > now ? (int)((due - now) / 1000000) + 1 : 0) == 0;
}

static int run(const struct options *options)
{
	static const struct timewait_options bounds = {
		.max_groups = MAX_GROUPS,
		.max_destinations = MAX_DESTINATIONS,
		.max_namespaces = MAX_NAMESPACES,
	};
	struct timewait_command *t = calloc(1, sizeof(*t));
	uint64_t began;
	int status;

	if (!t || timewait_new(&t->groups, &bounds)) {
		free(t);
		return message_status(EXIT_RUNTIME, "out of memory");
	}
	t->options = options;
	status = session_begin(&t->session, options, SESSION_COUNTS);
	if (status == EXIT_OK) {
		if (!options->once)
			message("counting%s", options->duration > 0 ? "" : "; interrupt to stop");
		began = session_now(&t->session);
		do
			status = take_reading(t);
		while (status == EXIT_OK && next_reading(t, began));
		if (options->verbose)
			sum_up(t);
		if (status == EXIT_OK && options->strict && anything_lost(t))
			status = EXIT_LOST;
	}
	session_end(&t->session);
	timewait_free(t->groups);
	free(t);
	return status;
}

const struct command command_timewait = {
	.name = "timewait",
	.summary = "what piles up in TIME_WAIT, who made it, when the ports run out",
	.details =
		"How many sockets are in TIME_WAIT, how fast they come and go and how each ended, "
		"since the start: expired, reused by a new connection, or killed before its time. "
		"Then who made those of now and where they lead: by process and by (local address, "
		"peer, port), with the share of the ephemeral ports that is used up for each, by "
		"whatever state, and the time until none is left, from the trend of the last 20 "
		"seconds. Those of a server are gathered by listening port: they bind no port that "
		"could run out.\n"
		"\n"
		"What was there before the start counts as entered. The kernel counts; the socket "
		"table is walked once an interval, and what it shows that no count does is "
		"'unknown'. -v ends with every move between two states that was counted.",
	.examples = "tcpwitness timewait\n"
		    "tcpwitness timewait --netns blue --interval 1\n"
		    "tcpwitness timewait --once -o json",
	.groups = OPTIONS_OUTPUT | OPTIONS_RUN | OPTIONS_NETNS | OPTIONS_TABLES | OPTIONS_SANDBOX |
		  OPTIONS_REPEAT,
	.run = run,
};
