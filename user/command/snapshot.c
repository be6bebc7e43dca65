// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `snapshot`: every socket of every namespace now, request and timewait sockets included, with its
 * owner. Nothing but iterators is loaded.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/message.h"
#include "command/command.h"
#include "command/session.h"

#define SECOND 1000000000ull
#define TIME_WAIT_NS (60 * SECOND)    /* TCP_TIMEWAIT_LEN, the same in every kernel */
#define SYN_ACK_FIRST_NS (1 * SECOND) /* TCP_TIMEOUT_INIT: the request timer's first period */

struct snapshot {
	struct session session;
	const struct options *options;
	struct tcpw_socket *sockets;
	size_t count, room;
	struct tcpw_file *files; /* sorted by cookie, one a cookie */
	size_t file_count;
	uint64_t rounds;
	bool out_of_memory;
	bool closed;
};

static void on_socket(void *arg, const struct tcpw_socket *socket)
{
	struct snapshot *p = arg;

	if (tcpw_state_from_kernel(socket->state) == TCPW_CLOSED)
		return; /* it went while the table was walked */
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 4096;
		void *more = realloc(p->sockets, room * sizeof(*p->sockets));

		if (!more) {
			p->out_of_memory = true;
			return;
		}
		p->sockets = more;
		p->room = room;
	}
	p->sockets[p->count++] = *socket;
}

static int by_cookie_then_pid(const void *a, const void *b)
{
	const struct tcpw_file *x = a, *y = b;

	if (x->cookie != y->cookie)
		return x->cookie < y->cookie ? -1 : 1;
	return (x->process.pid > y->process.pid) - (x->process.pid < y->process.pid);
}

static void read_owners(struct snapshot *p)
{
	const struct features *f = &p->session.features;
	size_t kept = 0;
	ssize_t count;

	p->file_count = 0;
	if (!feature(f, FEATURE_ITER_FILE)) {
		message("owners are not known: without %s (%s)", feature_name(FEATURE_ITER_FILE),
			f->state[FEATURE_ITER_FILE].why);
		return;
	}
	count = session_files(&p->session, &p->files);
	if (count < 0) {
		message("cannot list who holds which socket: %s", strerror((int)-count));
		return;
	}
	qsort(p->files, (size_t)count, sizeof(*p->files), by_cookie_then_pid);
	for (ssize_t i = 0; i < count; i++)
		if (!kept || p->files[kept - 1].cookie != p->files[i].cookie)
			p->files[kept++] = p->files[i];
	p->file_count = kept;
}

static const struct tcpw_process *owner_of(const struct snapshot *p, uint64_t cookie)
{
	size_t low = 0, high = p->file_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->files[middle].cookie < cookie)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < p->file_count && p->files[low].cookie == cookie)
		return &p->files[low].process;
	return NULL;
}

/* How long a mini-socket has been in its state follows from its timer; a full socket keeps none. */
static void age_of(struct view_socket *v)
{
	const struct tcpw_socket *s = v->socket;

	if (s->timer_ns == TCPW_NO_TIMER)
		return;
	if (s->mini == 2 && s->state == TCPW_TIME_WAIT && s->timer_ns <= TIME_WAIT_NS) {
		v->age_ns = TIME_WAIT_NS - s->timer_ns;
		v->age_known = true;
	}
	if (s->mini == 1 && s->num_timeout < 8) {
		/* Periods of 1, 2, 4 ... s: all but the running one have passed
		 * (tcp_reqsk_timeout). */
		uint64_t end = SYN_ACK_FIRST_NS * ((2ull << s->num_timeout) - 1);

		if (s->timer_ns <= end) {
			v->age_ns = end - s->timer_ns;
			v->age_known = true;
		}
	}
}

static enum tcpw_role role_of(const struct tcpw_socket *s)
{
	switch (tcpw_state_from_kernel(s->state)) {
	case TCPW_LISTEN:
		return TCPW_ROLE_LISTENER;
	case TCPW_SYN_SENT:
		return TCPW_ROLE_ACTIVE;
	case TCPW_SYN_RECEIVED:
		return s->mini == 1 ? TCPW_ROLE_PASSIVE : TCPW_ROLE_UNKNOWN;
	case TCPW_STATE_UNKNOWN:
	case TCPW_ESTABLISHED:
	case TCPW_FIN_WAIT_1:
	case TCPW_FIN_WAIT_2:
	case TCPW_TIME_WAIT:
	case TCPW_CLOSED:
	case TCPW_CLOSE_WAIT:
	case TCPW_LAST_ACK:
	case TCPW_CLOSING:
		break;
	}
	return TCPW_ROLE_UNKNOWN;
}

static bool wanted(const struct snapshot *p, const struct view_socket *v,
		   const struct tcpw_process *process)
{
	const struct tcpw_filter *f = &p->session.filter;

	if (p->options->states &&
	    !(p->options->states & (1u << tcpw_state_from_kernel(v->socket->state))))
		return false;
	if (f->roles && !(f->roles & (1u << v->role)))
		return false;
	if (v->role == TCPW_ROLE_LISTENER && !session_tuple_fits(&p->session, &v->socket->tuple))
		return false;
	if (!f->pids && !f->comms && !f->cgroups)
		return true;
	return process && session_process_fits(&p->session, process);
}

static void show(struct snapshot *p, const struct tcpw_socket *s)
{
	struct view_socket v = {.socket = s, .role = role_of(s), .mono_ns = s->ts};
	const struct tcpw_process *process = owner_of(p, s->listener ? s->listener : s->cookie);
	struct lifecycle_owner owner = {0};

	if (process) {
		owner.pid = process->pid;
		owner.uid = process->uid;
		owner.cgroup = process->cgroup;
		memcpy(owner.comm, process->comm, sizeof(owner.comm));
		v.owner = &owner;
	}
	age_of(&v);
	if (!wanted(p, &v, process))
		return;
	if (p->options->output == OUTPUT_JSON)
		json_socket(&p->session.out, &p->session.view, &v);
	else
		text_socket(&p->session.out, &p->session.view, &v);
}

static int round_of(struct snapshot *p)
{
	struct session *s = &p->session;
	bool owners =
		!p->options->no_owner || s->filter.pids || s->filter.comms || s->filter.cgroups;
	size_t failed;

	p->count = 0;
	session_now(s);
	session_walk(s, on_socket, NULL, p, &failed);
	if (owners)
		read_owners(p);
	if (failed)
		message("%zu network namespaces could not be walked", failed);
	if (p->out_of_memory) {
		message("out of memory after %zu sockets", p->count);
		return EXIT_RUNTIME;
	}
	if (p->options->output == OUTPUT_TEXT)
		text_socket_head(&s->out, &s->view);
	for (size_t i = 0; i < p->count; i++)
		show(p, &p->sockets[i]);
	free(p->files);
	p->files = NULL;
	p->rounds++;
	return session_flush(s, &p->closed);
}

/* Sleeps until the next round; false when it is time to stop. */
static bool next_round(struct snapshot *p, uint64_t began)
{
	const struct options *o = p->options;
	struct pollfd fd = {.fd = p->session.signals, .events = POLLIN};
	uint64_t now = session_now(&p->session);
	uint64_t due = began + p->rounds * (uint64_t)(o->interval * 1e9);

	if (p->closed || o->once || o->interval <= 0 || (o->count && p->rounds >= o->count))
		return false;
	if (o->duration > 0 && due > began + (uint64_t)(o->duration * 1e9))
		return false;
	return poll(&fd, 1, due > now ? (int)((due - now) / 1000000) + 1 : 0) == 0;
}

static int run(const struct options *options)
{
	struct snapshot p = {.options = options};
	int status = session_begin(&p.session, options, SESSION_SOCKETS);
	uint64_t began;

	if (status == EXIT_OK) {
		began = session_now(&p.session);
		do
			status = round_of(&p);
		while (status == EXIT_OK && next_round(&p, began));
	}
	free(p.files);
	free(p.sockets);
	session_end(&p.session);
	return status;
}

const struct command command_snapshot = {
	.name = "snapshot",
	.summary = "every socket now, with its owner and the age of its state",
	.details =
		"Lists every TCP socket of every network namespace, TIME_WAIT and SYN_RECEIVED "
		"included: state, queues (for a listener: connections waiting for accept, and the "
		"most that may), addresses, age, timer and owner. The kernel keeps the age of a "
		"state only for TIME_WAIT and SYN_RECEIVED; where it is not known a dash is "
		"shown, null in JSON.\n"
		"\n"
		"--interval repeats it; --count then counts rounds.",
	.examples = "tcpwitness snapshot\n"
		    "tcpwitness snapshot --state CLOSE_WAIT\n"
		    "tcpwitness snapshot --netns blue -o json",
	.groups = OPTIONS_OUTPUT | OPTIONS_RUN | OPTIONS_FILTER | OPTIONS_SANDBOX | OPTIONS_REPEAT |
		  OPTIONS_SNAPSHOT,
	.run = run,
};
