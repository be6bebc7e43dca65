// SPDX-License-Identifier: GPL-2.0-or-later
/* `stack`: the reference stack as a real endpoint on a TUN device. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/message.h"
#include "command/command.h"
#include "command/session.h"
#include "kernel/netns.h"
#include "kernel/sandbox.h"
#include "kernel/tun.h"
#include "stack/endpoint.h"
#include "view/text.h"

#define TICK REFTCP_S

struct run {
	struct session session;
	struct stack_settings settings;
	struct endpoint *endpoint;
	reftcp_time began, next_tick;
	uint64_t lines;
	uint64_t told_progress; /* octets and connections at the last line about them */
	bool closed;            /* the reader of our output has gone */
	bool progress;          /* say every second how far it is */
	bool refused;           /* http: something else than 200 */
	int flush_status;
};

static const char *address_text(char out[INET6_ADDRSTRLEN], uint8_t family, const void *byte)
{
	return inet_ntop(family == 4 ? AF_INET : AF_INET6, byte, out, INET6_ADDRSTRLEN);
}

static void endpoint_text(char out[TEXT_FIELD], const struct reftcp_endpoint *e)
{
	char addr[INET6_ADDRSTRLEN];

	address_text(addr, e->addr.family, e->addr.byte);
	snprintf(out, TEXT_FIELD, e->addr.family == 6 ? "[%s]:%u" : "%s:%u", addr, e->port);
}

/* ---- what the endpoint tells ---- */

static void told(void *arg, const struct lifecycle_event *event)
{
	struct run *r = arg;

	r->lines++;
	if (r->session.options->output == OUTPUT_JSON)
		json_event(&r->session.out, &r->session.view, event);
	else
		text_trace_event(&r->session.out, &r->session.view, event);
}

static void done(void *arg, const struct talk *k)
{
	struct run *r = arg;
	char peer[TEXT_FIELD], sent[TEXT_FIELD], received[TEXT_FIELD], took[TEXT_FIELD];
	char status[32] = "", urgent[64] = "";

	endpoint_text(peer, &k->remote);
	text_bytes(sent, k->sent);
	text_bytes(received, k->received);
	text_duration(took, k->opened ? r->endpoint->now - k->opened : 0);
	if (k->status)
		snprintf(status, sizeof(status), "status %d, ", k->status);
	if (k->urgent_seen)
		snprintf(urgent, sizeof(urgent), ", urgent data seen");
	if (k->status && k->status != 200)
		r->refused = true;
	message("%s: %s%s sent, %s received in %s%s%s%s", peer, status, sent, received, took,
		urgent, k->error ? ": " : "", k->error ? strerror(-k->error) : "");
}

static void say_progress(struct run *r)
{
	const struct endpoint_totals *t = &r->endpoint->totals;
	char sent[TEXT_FIELD], received[TEXT_FIELD];

	if (r->told_progress == t->sent + t->received + t->done)
		return;
	r->told_progress = t->sent + t->received + t->done;
	text_bytes(sent, t->sent);
	text_bytes(received, t->received);
	message("%u open, %llu done, %s sent, %s received", r->endpoint->talks.used,
		(unsigned long long)t->done, sent, received);
}

static bool turn(void *arg)
{
	struct run *r = arg;

	session_now(&r->session);
	r->flush_status = session_flush(&r->session, &r->closed);
	if (r->progress && r->endpoint->now >= r->next_tick) {
		if (r->next_tick)
			say_progress(r);
		r->next_tick = r->endpoint->now + TICK;
	}
	return !r->closed && r->flush_status == EXIT_OK;
}

/* ---- beginning ---- */

static int check(struct run *r)
{
	struct stack_settings *s = &r->settings;

	if (!s->role_given)
		return message_status(EXIT_USAGE, "'stack' needs a word more: 'stack listen PORT' "
						  "or 'stack connect ADDR:PORT'");
	if (!s->target_given)
		return message_status(EXIT_USAGE,
				      s->connect ? "'stack connect' needs an address and a port: "
						   "as in 'stack connect 198.18.0.1:80'"
						 : "'stack listen' needs a port: as in 'stack "
						   "listen 80'");
	if (s->serve && !s->service_given)
		s->service = STACK_HTTP;
	else if (!s->service_given && (s->send || s->receive || s->urgent || s->connect))
		s->service = STACK_FILE;
	if (s->connect && !s->connections)
		s->connections = 1;
	if (s->service == STACK_HTTP && !s->connect && !s->serve)
		return message_status(EXIT_USAGE, "http needs something to serve: '--serve PATH'");
	if (s->connect && !s->own[s->target.addr.family == 6].family)
		return message_status(EXIT_USAGE,
				      "the stack has no IPv%u address: '--own-addr ADDR'",
				      s->target.addr.family);
	return EXIT_OK;
}

/* Room for the buffers asked for: some connections may be full, not all of them. */
static void size_pools(struct stack_settings *s)
{
	struct reftcp_config *c = &s->tcp;
	uint64_t chunks = (uint64_t)c->send_buffer * 16 / c->chunk_size;

	if (chunks > c->chunks)
		c->chunks = (uint32_t)chunks;
	c->segments = c->segments > c->connections * 16 ? c->segments : c->connections * 16;
}

static int status_of(int err)
{
	if (err == -EPERM || err == -EACCES)
		return EXIT_NOT_PERMITTED;
	return err == -ENODEV || err == -ENXIO ? EXIT_KERNEL : EXIT_RUNTIME;
}

static int open_device(struct run *r, int *fd)
{
	const struct stack_settings *s = &r->settings;
	struct tun_options options = {.name = s->device, .mtu = s->tcp.mtu};
	char error[256];
	int err = s->netns ? netns_enter(s->netns, error, sizeof(error)) : 0;

	if (err)
		return message_status(err == -EPERM || err == -EACCES ? EXIT_NOT_PERMITTED
								      : EXIT_USAGE,
				      "%s", error);
	for (int i = 0; i < 2; i++)
		if (s->host[i].family == 4 || (s->host[i].family == 6 && s->tcp.mtu >= 1280))
			options.address[options.addresses++] = s->host[i];
	*fd = tun_open(&options, error, sizeof(error));
	return *fd < 0 ? message_status(status_of(*fd), "%s", error) : EXIT_OK;
}

static int make_endpoint(struct run *r, int fd)
{
	const struct endpoint_hooks hooks = {
		.told = told,
		.done = done,
		.turn = turn,
		.tick = r->progress ? TICK : 0,
		.arg = r,
	};
	char error[256];
	int err;

	r->endpoint = malloc(sizeof(*r->endpoint));
	if (!r->endpoint)
		return message_status(EXIT_RUNTIME, "out of memory");
	err = endpoint_init(r->endpoint, &r->settings, fd, &hooks, error, sizeof(error));
	if (err)
		return message_status(EXIT_RUNTIME, "%s", error);
	snprintf(r->endpoint->owner.comm, sizeof(r->endpoint->owner.comm), "%s",
		 program_invocation_short_name);
	return EXIT_OK;
}

static int enter_sandbox(struct run *r)
{
	const char *const readable[] = {r->settings.serve, NULL};
	const struct sandbox_options options = {
		.strict = r->session.options->sandbox_strict,
		.readable = readable,
	};
	const char *missing = NULL;
	int layers;

	if (r->session.options->no_sandbox)
		return EXIT_OK;
	layers = sandbox_enter(&options, &missing);
	return layers < 0 ? message_status(EXIT_KERNEL,
					   "cannot enter the sandbox: %s: %s: leave out "
					   "'--sandbox-strict' to run without it",
					   missing ? missing : "unknown layer", strerror(-layers))
			  : EXIT_OK;
}

static void say_ready(const struct run *r)
{
	const struct stack_settings *s = &r->settings;
	char own[2][INET6_ADDRSTRLEN] = {"", ""}, target[TEXT_FIELD];
	bool v6 = s->own[1].family && s->tcp.mtu >= 1280;

	if (s->own[0].family)
		address_text(own[0], 4, s->own[0].byte);
	if (v6)
		address_text(own[1], 6, s->own[1].byte);
	snprintf(target, sizeof(target), "%u", s->port);
	if (s->connect)
		endpoint_text(target, &s->target);
	message("%s%s%s on %s, mtu %u: %s %s (%s)", own[0], *own[0] && v6 ? " and " : "", own[1],
		s->device, s->tcp.mtu, s->connect ? "connecting to" : "listening on port", target,
		stack_service_name(s->service));
}

/* ---- end ---- */

static void sum_up(const struct run *r)
{
	const struct endpoint *e = r->endpoint;
	const struct endpoint_totals *t = &e->totals;
	const struct reftcp_counters *c = &e->counters;
	char sent[TEXT_FIELD], received[TEXT_FIELD];

	text_bytes(sent, t->sent);
	text_bytes(received, t->received);
	message("%llu transitions; %llu connections opened, %llu done, %llu failed; %s sent, %s "
		"received in %.1f s",
		(unsigned long long)r->lines, (unsigned long long)t->opened,
		(unsigned long long)t->done, (unsigned long long)t->failed, sent, received,
		(double)(endpoint_clock() - r->began) / 1e9);
	message("packets: in %llu, out %llu, retransmitted %llu, out of order %llu, bad checksum "
		"%llu, dropped by the link %llu in and %llu out",
		(unsigned long long)c->packets_in, (unsigned long long)c->packets_out,
		(unsigned long long)c->retransmits, (unsigned long long)c->out_of_order,
		(unsigned long long)c->bad_checksum, (unsigned long long)wire_lost(e->wire.in),
		(unsigned long long)wire_lost(e->wire.out));
	if (t->untold)
		message("%llu transitions untold: too many connections at once",
			(unsigned long long)t->untold);
}

/* With -v: every counter of the stack that is not 0. */
static void sum_up_counters(const struct run *r)
{
#define X(name)                         \
	if (r->endpoint->counters.name) \
		message("counter " #name ": %llu", (unsigned long long)r->endpoint->counters.name);
	REFTCP_COUNTER_LIST(X)
#undef X
}

static int follow(struct run *r)
{
	const struct options *o = r->session.options;
	reftcp_time until = REFTCP_NEVER;
	char error[256];
	int err;

	r->began = session_now(&r->session);
	if (o->duration > 0)
		until = r->began + (reftcp_time)(o->duration * 1e9);
	if (o->output == OUTPUT_TEXT)
		text_trace_head(&r->session.out, &r->session.view);
	say_ready(r);
	err = endpoint_run(r->endpoint, r->session.signals, until, error, sizeof(error));
	turn(r);
	if (err)
		message("%s", error);
	if (!r->closed)
		sum_up(r);
	if (o->verbose)
		sum_up_counters(r);
	if (r->flush_status != EXIT_OK || err)
		return EXIT_RUNTIME;
	if (r->closed || !r->settings.connections)
		return EXIT_OK;
	if (r->endpoint->totals.failed || (r->settings.connect && r->refused))
		return EXIT_RUNTIME;
	return EXIT_OK;
}

static int run(const struct options *options)
{
	_cleanup_close_ int fd = -1;
	struct run r = {.settings = options->stack};
	int status = check(&r);

	if (status != EXIT_OK)
		return status;
	size_pools(&r.settings);
	r.progress = options->verbose || isatty(STDERR_FILENO);
	status = session_begin_output(&r.session, options);
	if (status == EXIT_OK)
		status = open_device(&r, &fd);
	if (status == EXIT_OK)
		status = make_endpoint(&r, fd);
	if (status == EXIT_OK)
		status = enter_sandbox(&r);
	if (status == EXIT_OK)
		status = follow(&r);
	if (r.endpoint)
		endpoint_release(r.endpoint);
	free(r.endpoint);
	session_end(&r.session);
	return status;
}

const struct command command_stack = {
	.name = "stack",
	.summary = "the reference stack as a real endpoint on a TUN device",
	.details =
		"Runs reftcp, the reference TCP after RFC 9293, as a host of its own on the far "
		"side of a TUN device: `listen` serves connections of the kernel's, `connect` "
		"opens "
		"them. Every change of its state is written as `trace` writes the kernel's, with "
		"the section of the RFC that allows it, so that the two can be laid side by side.\n"
		"\n"
		"The device and its addresses exist as long as the command runs. --impair makes "
		"the "
		"link a bad one, the same one for the same seed. Interrupt resets what is open and "
		"ends with a summary on stderr.\n"
		"\n"
		"The exit status is 1 when a connection that was asked for (connect, or listen "
		"with "
		"--connections) failed, or http answered anything but 200.",
	.examples = "tcpwitness stack listen 80 --serve /usr/share/doc\n"
		    "tcpwitness stack listen 7 --impair loss=1%,delay=20ms,seed=7\n"
		    "tcpwitness stack connect http://198.18.0.1:8080/file --receive /tmp/file\n"
		    "tcpwitness stack connect [2001:2::1]:5000 --send FILE --personality linux",
	.groups = OPTIONS_OUTPUT | OPTIONS_DURATION | OPTIONS_STACK | OPTIONS_LINK | OPTIONS_TCP |
		  OPTIONS_SANDBOX,
	.operands = "listen PORT|connect ADDR:PORT",
	.words = "listen connect",
	.operand = option_stack_operand,
	.run = run,
};
