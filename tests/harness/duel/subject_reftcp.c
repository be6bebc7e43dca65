/* SPDX-License-Identifier: BSD-2-Clause */
/* reftcp as a subject. What sockets add to the RFC's calls, that an error is told once, is added
 * here as well, for the kernel's side cannot leave it out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "duel/subject.h"
#include "reftcp/abort.h"
#include "reftcp/addr.h"
#include "reftcp/conntab.h"
#include "reftcp/stack.h"

#define PORT 8080
#define PEER_PORT 4000
#define ACT_TIME 20000 /* ns an act takes */

struct memory {
	struct reftcp_stack *stack;
	const struct scenario *sc;
	reftcp_time now;
	reftcp_id listener, id[SCENARIO_CONNS];
	bool told[SCENARIO_CONNS];        /* its error */
	bool unconnected[SCENARIO_CONNS]; /* a socket again that never was connected */
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct reftcp_endpoint ours(void *self, uint8_t conn)
{
	(void)self;
	(void)conn;
	return (struct reftcp_endpoint){{4, {192, 0, 2, 1}}, PORT};
}

static struct reftcp_endpoint theirs(void *self, uint8_t conn)
{
	(void)self;
	return (struct reftcp_endpoint){{4, {198, 18, 0, 1}}, (uint16_t)(PEER_PORT + conn)};
}

static int set(struct memory *m, reftcp_id id, enum reftcp_option option, uint64_t value)
{
	return reftcp_set(m->stack, id, option, value, m->now);
}

static int open_conn(struct memory *m, uint8_t conn, bool active, int64_t backlog, reftcp_id *out)
{
	struct reftcp_open args = {
		.active = active, .local = ours(m, conn), .backlog = (uint32_t)backlog};
	int err;

	if (active)
		args.remote = theirs(m, conn);
	err = reftcp_open(m->stack, &args, m->now, out);
	if (!err && !m->sc->delayed_acks)
		must(set(m, *out, REFTCP_OPT_DELAYED_ACK, 0) == 0);
	return err;
}

static int64_t accept_conn(struct memory *m)
{
	struct reftcp_status st;
	reftcp_id id;
	int err = reftcp_accept(m->stack, m->listener, m->now, &id);

	if (err)
		return err;
	must(reftcp_status(m->stack, id, &st) == 0);
	must(st.remote.port >= PEER_PORT && st.remote.port < PEER_PORT + SCENARIO_CONNS);
	m->id[st.remote.port - PEER_PORT] = id;
	m->told[st.remote.port - PEER_PORT] = false;
	m->unconnected[st.remote.port - PEER_PORT] = false;
	return 0;
}

/* The connection's error, the first time; afterwards what a socket that is over gives. */
static int64_t error_of(struct memory *m, uint8_t conn, int64_t err, int64_t later)
{
	struct reftcp_status st;

	if (err == -EAGAIN || err == -ENOENT || reftcp_status(m->stack, m->id[conn], &st))
		return err;
	if (st.state != REFTCP_CLOSED)
		return err;
	if (m->told[conn] || !st.error)
		return later;
	m->told[conn] = true;
	/* RFC 9293 3.10.5 has no other word for it either. */
	return err == -ECONNABORTED && m->id[conn] ? -ECONNRESET : err;
}

static int64_t send_text(struct memory *m, uint8_t conn, int64_t n, bool urgent)
{
	static uint8_t text[1 << 20];
	struct reftcp_status st;
	size_t taken;
	int err;

	if (n > (int64_t)sizeof(text))
		n = sizeof(text);
	if (reftcp_status(m->stack, m->id[conn], &st) == 0 &&
	    (st.state == REFTCP_SYN_SENT || st.state == REFTCP_SYN_RECEIVED))
		return -EAGAIN; /* a socket has it wait until there is a connection */
	err = reftcp_send(m->stack, m->id[conn], text, (size_t)n,
			  REFTCP_PUSH | (urgent ? REFTCP_URGENT : 0), m->now, &taken);
	if (err == -ENOBUFS || err == -ENOTCONN)
		err = err == -ENOBUFS ? -EAGAIN : -EPIPE;
	return err ? error_of(m, conn, err, -EPIPE) : (int64_t)taken;
}

/* What was not read is gone, and the error is told once. */
static int64_t after_disconnect(struct memory *m, uint8_t conn)
{
	struct reftcp_status st;

	if (m->told[conn] || reftcp_status(m->stack, m->id[conn], &st) || !st.error)
		return -ENOTCONN;
	m->told[conn] = true;
	return st.error == -ECONNABORTED ? -ECONNRESET : st.error;
}

static int64_t receive(struct memory *m, uint8_t conn, int64_t n)
{
	static uint8_t text[1 << 20];
	struct reftcp_received got;
	int err;

	if (m->unconnected[conn])
		return after_disconnect(m, conn);
	err = reftcp_receive(m->stack, m->id[conn], text, n ? (size_t)n : sizeof(text), m->now,
			     &got);

	return err ? error_of(m, conn, err, 0) : (int64_t)got.len;
}

/* `ss -K` reaches TIME-WAIT too, which the rules of `linux` keep from the user. */
static int64_t destroy(struct memory *m, uint8_t conn)
{
	struct reftcp_endpoint local = ours(m, conn), remote = theirs(m, conn);
	struct tcb *c = conntab_find(m->stack, &local, &remote);

	if (!c)
		return -ENOENT;
	if (c->state == REFTCP_TIME_WAIT)
		tcb_delete(m->stack, c, 0, CLAUSE_ABORT, m->now);
	else
		abort_connection(m->stack, c, -ECONNABORTED, m->now);
	return 0;
}

static int64_t end(struct memory *m, uint8_t conn, enum call call)
{
	reftcp_id id = m->id[conn];
	struct reftcp_status st;
	int err = 0;

	if (call == CALL_shutdown) {
		err = reftcp_close(m->stack, id, m->now);
		return err == -EALREADY ? 0 : err;
	}
	if (call == CALL_destroy)
		return destroy(m, conn);
	if (call == CALL_disconnect) {
		/* Without a reset there is nothing to tell. */
		if (reftcp_status(m->stack, id, &st) == 0 &&
		    (st.state == REFTCP_CLOSING || st.state == REFTCP_LAST_ACK))
			m->told[conn] = true;
		err = reftcp_abort(m->stack, id, m->now);
		m->unconnected[conn] = true;
		return err == -ENOTCONN ? 0 : err;
	}
	if (call == CALL_abort)
		reftcp_abort(m->stack, id, m->now);
	err = reftcp_release(m->stack, id, m->now);
	m->id[conn] = 0;
	return err == -ENOENT ? -EBADF : err;
}

static int64_t option(struct memory *m, uint8_t conn, const struct act *act)
{
	reftcp_id id = m->id[conn] ? m->id[conn] : m->listener;
	uint64_t v = (uint64_t)act->argument;

	if (act->call == CALL_nodelay)
		return set(m, id, REFTCP_OPT_NAGLE, !v);
	if (act->call == CALL_user_timeout)
		return set(m, id, REFTCP_OPT_USER_TIMEOUT, v * REFTCP_MS);
	if (act->call == CALL_fin_wait_2) /* seconds; below 0: a reset */
		return set(m, id, REFTCP_OPT_FIN_WAIT_2, act->argument < 0 ? 0 : v * REFTCP_S);
	if (act->call == CALL_defer_accept)
		return set(m, id, REFTCP_OPT_DEFER_ACCEPT, !!v);
	if (act->call != CALL_keepalive)
		return -ENOPROTOOPT;
	/* Idle and interval in seconds, and one probe decides. */
	must(set(m, id, REFTCP_OPT_KEEPALIVE_IDLE, v * REFTCP_S) == 0);
	must(set(m, id, REFTCP_OPT_KEEPALIVE_INTERVAL, v * REFTCP_S) == 0);
	must(set(m, id, REFTCP_OPT_KEEPALIVE_COUNT, 1) == 0);
	return set(m, id, REFTCP_OPT_KEEPALIVE, 1);
}

static int64_t release_listener(struct memory *m)
{
	int err = reftcp_release(m->stack, m->listener, m->now);

	m->listener = 0;
	return err;
}

/* A call on a descriptor that is closed, or never was. */
static bool no_descriptor(const struct memory *m, uint8_t conn, enum call call)
{
	if (call == CALL_listen || call == CALL_connect || call == CALL_destroy)
		return false;
	if (call == CALL_accept || call == CALL_unlisten)
		return !m->listener;
	return !m->id[conn] && (call <= CALL_disconnect || !m->listener);
}

static int64_t call(void *self, uint8_t conn, const struct act *act)
{
	struct memory *m = self;

	int64_t err;

	if (no_descriptor(m, conn, act->call))
		return -EBADF;
	switch (act->call) {
	case CALL_listen:
		return open_conn(m, conn, false, act->argument, &m->listener);
	case CALL_accept:
		return accept_conn(m);
	case CALL_connect:
		m->told[conn] = m->unconnected[conn] = false;
		err = open_conn(m, conn, true, 0, &m->id[conn]);
		return err == -EADDRINUSE ? -EADDRNOTAVAIL : err; /* so a socket calls it */
	case CALL_send:
	case CALL_urgent:
		return send_text(m, conn, act->argument, act->call == CALL_urgent);
	case CALL_recv:
		return receive(m, conn, act->argument);
	case CALL_shutdown:
	case CALL_close:
	case CALL_abort:
	case CALL_destroy:
	case CALL_disconnect:
		return end(m, conn, act->call);
	case CALL_unlisten:
		return release_listener(m);
	case CALL_nodelay:
	case CALL_keepalive:
	case CALL_user_timeout:
	case CALL_fin_wait_2:
	case CALL_defer_accept:
	case CALL_fastopen:
		return option(m, conn, act);
	}
	return -EINVAL;
}

static void arrives(void *self, const uint8_t *packet, size_t len)
{
	struct memory *m = self;

	must(reftcp_arrives(m->stack, packet, len, m->now, NULL) == 0);
}

static bool take(void *self, uint8_t *buf, size_t cap, size_t *len)
{
	struct memory *m = self;

	return reftcp_transmit(m->stack, buf, cap, m->now, len) == 0;
}

static enum reftcp_state state(void *self, uint8_t conn, reftcp_time *expires)
{
	struct memory *m = self;
	struct reftcp_endpoint local = ours(m, conn), remote = theirs(m, conn);
	const struct tcb *c = conntab_find(m->stack, &local, &remote);
	enum timer timer;

	if (!c)
		return REFTCP_CLOSED;
	timer = c->state == REFTCP_TIME_WAIT ? TIMER_TIME_WAIT : TIMER_FIN_WAIT_2;
	if (timer_armed(c, timer))
		*expires = c->deadline[timer] - m->now;
	return c->state;
}

static const struct subject_ops ops = {call, arrives, take, state, ours, theirs};

static void pass(struct memory *m, struct play *p, reftcp_time wait)
{
	reftcp_time until = m->now + wait;

	while (reftcp_deadline(m->stack) <= until) {
		reftcp_time at = reftcp_deadline(m->stack);

		m->now = at > m->now ? at : m->now;
		reftcp_expire(m->stack, m->now);
		play_take(p);
	}
	m->now = until;
	reftcp_expire(m->stack, m->now);
}

/* The kernel's first window, which is a multiple of the segments it expects. */
static uint32_t first_window(const struct scenario *sc)
{
	for (unsigned int i = 0; i < sc->acts; i++)
		if (sc->act[i].kind == ACT_SEGMENT && sc->act[i].segment.ctl & CTL_SYN)
			return sc->act[i].segment.opt.has & TCPOPT_TS ? 39096 : 39420;
	return 39420;
}

static void configure(struct reftcp_config *c, const struct scenario *sc,
		      enum reftcp_personality personality)
{
	reftcp_config_default(c);
	c->connections = 16;
	c->segments = 1024;
	c->chunks = 512;
	c->replies = 64;
	c->recv_buffer = first_window(sc);
	c->personality = personality;
	c->congestion = REFTCP_NEWRENO;
	memset(c->secret, 0x5a, sizeof(c->secret));
}

/* The rules that differ from those of the personality: one by name, or all of a deviation. */
static void change_rules(struct reftcp_stack *s, const char *without, const char *with)
{
	struct reftcp_rule r;
	bool any = !without && !with;

	for (size_t i = 0; reftcp_rule_at(REFTCP_LINUX, i, &r) == 0; i++) {
		if (without && !strcmp(r.name, without))
			s->rule[i] = r.standard;
		else if (with && r.id && !strcmp(r.id, with))
			s->rule[i] = r.value;
		else
			continue;
		any = true;
	}
	must(any);
}

/* The sysctls of the kernel that set what is a rule here; `linux` follows them. */
static void follow_sysctls(struct reftcp_stack *s, const struct scenario *sc)
{
	static const struct {
		const char *sysctl;
		enum rule rule;
		int64_t unit;
	} rows[] = {
		{"tcp_max_tw_buckets", RULE_time_wait_limit, 1},
		{"tcp_orphan_retries", RULE_orphan_retries, 1},
		{"tcp_fin_timeout", RULE_fin_wait_2, REFTCP_S},
	};

	for (unsigned int i = 0; i < sc->sysctls; i++)
		for (unsigned int j = 0; j < sizeof(rows) / sizeof(rows[0]); j++)
			if (!strcmp(sc->sysctl[i].name, rows[j].sysctl))
				s->rule[rows[j].rule] = atoll(sc->sysctl[i].value) * rows[j].unit;
}

static void play_on(const struct scenario *sc, enum reftcp_personality personality,
		    const char *without, const char *with, struct trace *trace)
{
	struct memory m = {.sc = sc, .now = 1000 * REFTCP_S};
	struct reftcp_endpoint local = ours(&m, 0);
	struct reftcp_config config;
	struct play play;

	configure(&config, sc, personality);
	must(reftcp_new(&m.stack, &config, m.now) == 0);
	must(reftcp_add_address(m.stack, &local.addr) == 0);
	if (personality == REFTCP_LINUX)
		follow_sysctls(m.stack, sc);
	change_rules(m.stack, without, with);
	play_init(&play, sc, &ops, &m, trace);
	while (!play_done(&play)) {
		reftcp_time wait = play_begin(&play);

		play_take(&play);
		pass(&m, &play, wait + ACT_TIME);
		play_end(&play);
	}
	reftcp_free(m.stack);
}

void subject_reftcp(const struct scenario *sc, enum reftcp_personality personality,
		    struct trace *trace)
{
	play_on(sc, personality, NULL, NULL, trace);
}

void subject_linux_without(const struct scenario *sc, const char *rule, struct trace *trace)
{
	play_on(sc, REFTCP_LINUX, rule, NULL, trace);
}

void subject_standard_with(const struct scenario *sc, const char *id, struct trace *trace)
{
	play_on(sc, REFTCP_STANDARD, NULL, id, trace);
}
