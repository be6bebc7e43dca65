/* SPDX-License-Identifier: BSD-2-Clause */
/* reftcp at both ends: two stacks, a virtual clock, users that act on events alone. */
#include "stacks.h"

#include <errno.h>

#include "reftcp/reftcp.h"

static const struct reftcp_addr addrs[2] = {{4, {10, 0, 0, 1}}, {4, {10, 0, 0, 2}}};
static struct reftcp_stack *stack[2];
static reftcp_time now;
static uint8_t data[65536];

/* What the users at the ends do when told something. */
static void (*user[2])(const struct reftcp_event *e);
static reftcp_id listener, client, server;
static uint64_t to_send, got;
static bool client_done, server_done;

static struct reftcp_config config(uint32_t connections, uint32_t buffer, bool plain)
{
	struct reftcp_config c;

	reftcp_config_default(&c);
	c.connections = connections;
	c.segments = 4096;
	c.chunks = 4096;
	c.mtu = MTU;
	c.send_buffer = c.recv_buffer = buffer;
	if (plain)
		c.sack = c.timestamps = false;
	return c;
}

static void begin(uint32_t connections, uint32_t buffer, bool plain)
{
	struct reftcp_config c = config(connections, buffer, plain);
	struct reftcp_open listen = {.local = {addrs[1], 80}, .backlog = 16};

	now = REFTCP_S;
	for (int i = 0; i < 2; i++) {
		c.secret[0] = (uint8_t)i;
		must(reftcp_new(&stack[i], &c, now) == 0, "reftcp_new");
		must(reftcp_add_address(stack[i], &addrs[i]) == 0, "reftcp_add_address");
	}
	must(reftcp_open(stack[1], &listen, now, &listener) == 0, "listen");
}

static void end(void)
{
	for (int i = 0; i < 2; i++)
		reftcp_free(stack[i]);
}

/* The user of one end, then the output of its stack. */
static void serve(int side)
{
	struct reftcp_event e;
	uint8_t *slot;
	size_t len;

	while (reftcp_next_event(stack[side], &e) == 0)
		user[side](&e);
	while ((slot = link_slot(!side)) &&
	       reftcp_transmit(stack[side], slot, SLOT_SIZE, now, &len) == 0)
		link_put(!side, len);
}

/* Everything that is under way to one end; false if nothing was. */
static bool deliver(int to, uint32_t batch)
{
	const uint8_t *packet;
	uint32_t n = 0;
	bool any = false;
	size_t len;

	while ((packet = link_first(to, &len))) {
		reftcp_arrives(stack[to], packet, len, now, NULL);
		link_drop(to);
		any = true;
		if (++n % batch == 0)
			serve(to);
	}
	if (n % batch)
		serve(to);
	return any;
}

/* ---- bulk ---- */

static void bulk_client(const struct reftcp_event *e)
{
	size_t n;

	if (!(e->events & (REFTCP_EVENT_ESTABLISHED | REFTCP_EVENT_WRITABLE)))
		return;
	while (to_send) {
		size_t want = to_send < sizeof(data) ? (size_t)to_send : sizeof(data);

		if (reftcp_send(stack[0], client, data, want, 0, now, &n))
			break;
		to_send -= n;
		if (n < want)
			break;
	}
}

static void bulk_server(const struct reftcp_event *e)
{
	static uint8_t sink[65536];
	struct reftcp_received r;

	if (e->events & REFTCP_EVENT_ACCEPT)
		must(reftcp_accept(stack[1], listener, now, &server) == 0, "accept");
	while (reftcp_receive(stack[1], server, sink, sizeof(sink), now, &r) == 0 && r.len)
		got += r.len;
}

static void bulk(const struct load *l, struct figures *f)
{
	struct reftcp_open open = {.active = true, .remote = {addrs[1], 80}};
	double t;

	begin(16, l->window, l->plain);
	user[0] = bulk_client;
	user[1] = bulk_server;
	to_send = l->octets;
	link_count();
	t = seconds_now();
	must(reftcp_open(stack[0], &open, now, &client) == 0, "connect");
	serve(0);
	while (got < l->octets) {
		bool moved = deliver(1, l->batch);

		moved = deliver(0, l->batch) || moved;
		/* As long as a round of this window takes on a link of some 20 Gbit/s. */
		now += moved ? l->window / 2 : REFTCP_MS;
		for (int i = 0; i < 2; i++) {
			reftcp_expire(stack[i], now);
			serve(i);
		}
	}
	f->seconds = seconds_now() - t;
	f->octets = got;
	f->segments = link_count();
	must(!reftcp_counters(stack[0])->retransmits, "a transfer without loss");
	end();
}

/* ---- churn: one octet each way, the client closes first and keeps the TIME-WAIT ---- */

static void churn_client(const struct reftcp_event *e)
{
	struct reftcp_received r;
	uint8_t octet = 'x';
	size_t n;

	if (e->id != client)
		return;
	if (e->events & REFTCP_EVENT_ESTABLISHED)
		must(reftcp_send(stack[0], client, &octet, 1, 0, now, &n) == 0, "send");
	if (e->events & REFTCP_EVENT_READABLE &&
	    reftcp_receive(stack[0], client, &octet, 1, now, &r) == 0) {
		must(reftcp_release(stack[0], client, now) == 0, "close");
		client_done = true;
	}
}

static void churn_server(const struct reftcp_event *e)
{
	struct reftcp_received r;
	uint8_t octet;
	size_t n;

	if (e->events & REFTCP_EVENT_ACCEPT)
		must(reftcp_accept(stack[1], listener, now, &server) == 0, "accept");
	if (!(e->events & REFTCP_EVENT_READABLE) || e->id == listener)
		return;
	while (reftcp_receive(stack[1], e->id, &octet, 1, now, &r) == 0) {
		if (r.end) {
			must(reftcp_release(stack[1], e->id, now) == 0, "close");
			server_done = true;
			return;
		}
		must(reftcp_send(stack[1], e->id, &octet, 1, 0, now, &n) == 0, "send");
	}
}

static void connection(uint16_t port)
{
	struct reftcp_open open = {
		.active = true, .local = {addrs[0], port}, .remote = {addrs[1], 80}};

	client_done = server_done = false;
	now += 5000;
	for (int i = 0; i < 2; i++)
		reftcp_expire(stack[i], now);
	must(reftcp_open(stack[0], &open, now, &client) == 0, "connect");
	serve(0);
	while (deliver(1, 1) | deliver(0, 1))
		;
	must(client_done && server_done, "a whole connection");
}

static void churn(const struct load *l, struct figures *f)
{
	begin(l->connections + 64, 65535, l->plain);
	user[0] = churn_client;
	user[1] = churn_server;
	/* The first lap is not counted: memory is touched for the first time in it. */
	for (uint32_t lap = 0; lap <= l->laps; lap++) {
		double t = seconds_now(), idle;

		for (uint32_t i = 0; i < l->connections; i++)
			connection((uint16_t)(FIRST_PORT + i));
		idle = seconds_now();
		now += 300 * REFTCP_S; /* 2 MSL and more */
		for (int i = 0; i < 2; i++)
			reftcp_expire(stack[i], now);
		if (lap == 0) {
			link_count();
			continue;
		}
		f->seconds += idle - t;
		f->idle_seconds += seconds_now() - idle;
	}
	f->connections = (uint64_t)l->laps * l->connections;
	f->segments = link_count();
	must(reftcp_counters(stack[0])->retransmits == 0, "connections without loss");
	end();
	f->per_connection = 0;
	for (uint32_t n = 1; n <= 2; n++) {
		/* What twice as many connections take more, buffer space not counted. */
		struct reftcp_config c = config(n << 16, 65535, l->plain);

		must(reftcp_new(&stack[0], &c, now) == 0, "reftcp_new");
		f->per_connection = (reftcp_memory(stack[0]) - f->per_connection);
		reftcp_free(stack[0]);
	}
	f->per_connection >>= 16;
}

const struct contestant reftcp_contestant = {"reftcp", bulk, churn};
