/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast the reference stack is by itself: two stacks in one thread, each packet handed from
 * one to the other by a single copy, checksums made and checked, a virtual clock.
 *
 *	reftcp_bench bulk [MiB [window [plain]]]	octets from one stack to the other
 *	reftcp_bench churn [connections [kept]]		connections a second, with `kept` ones in
 *							TIME-WAIT or open beside them
 *
 * Prints one line of name=value pairs. Times are of the real clock and vary with the machine:
 * compare runs side by side.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reftcp/reftcp.h"

static const struct reftcp_addr addrs[2] = {{4, {10, 0, 0, 1}}, {4, {10, 0, 0, 2}}};
static struct reftcp_stack *stack[2];
static reftcp_time now = REFTCP_S;
static uint8_t packet[65536];
static uint64_t packets;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "reftcp_bench: %s failed\n", what);
	exit(1);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* At most `burst` packets of one stack to the other: as a short queue between them. */
static int move(int from, int burst)
{
	int n = 0;
	size_t len;

	while (n < burst && reftcp_transmit(stack[from], packet, sizeof(packet), now, &len) == 0) {
		reftcp_arrives(stack[!from], packet, len, now, NULL);
		n++;
	}
	packets += (uint64_t)n;
	return n;
}

static void make(uint32_t connections, uint32_t buffer, int plain)
{
	for (int i = 0; i < 2; i++) {
		struct reftcp_config c;

		reftcp_config_default(&c);
		c.connections = connections;
		c.segments = 65536;
		c.chunks = 65536;
		c.chunk_size = 4096;
		c.send_buffer = c.recv_buffer = buffer;
		c.secret[0] = (uint8_t)i;
		c.port_low = 1024;
		c.personality = REFTCP_LINUX;
		if (plain)
			c.sack = c.timestamps = false;
		must(reftcp_new(&stack[i], &c, now) == 0, "reftcp_new");
		must(reftcp_add_address(stack[i], &addrs[i]) == 0, "reftcp_add_address");
	}
}

static void forget_events(void)
{
	struct reftcp_event e;

	for (int i = 0; i < 2; i++)
		while (reftcp_next_event(stack[i], &e) == 0)
			;
}

static int bulk(uint64_t total, uint32_t window, int plain)
{
	static uint8_t data[65536];
	struct reftcp_open listen = {.local = {addrs[1], 80}, .backlog = 4};
	struct reftcp_open open = {.active = true, .remote = {addrs[1], 80}};
	reftcp_id listener, client, server = 0;
	uint64_t sent = 0, got = 0;
	struct reftcp_received r;
	double t;
	size_t n;

	make(16, window, plain);
	must(reftcp_open(stack[1], &listen, now, &listener) == 0, "listen");
	must(reftcp_open(stack[0], &open, now, &client) == 0, "connect");
	while (reftcp_accept(stack[1], listener, now, &server))
		move(0, 8), move(1, 8);
	t = seconds();
	while (got < total) {
		while (sent < total &&
		       reftcp_send(stack[0], client, data, sizeof(data), 0, now, &n) == 0)
			sent += n;
		if (!move(0, 64))
			now += REFTCP_MS;
		while (reftcp_receive(stack[1], server, data, sizeof(data), now, &r) == 0)
			got += r.len;
		move(1, 64);
		now += 20000;
		reftcp_expire(stack[0], now);
		reftcp_expire(stack[1], now);
		forget_events();
	}
	t = seconds() - t;
	printf("bench=bulk window=%u plain=%d gbit_s=%.2f packets_s=%.0f retransmits=%llu\n",
	       window, plain, (double)got * 8 / t / 1e9, (double)packets / t,
	       (unsigned long long)reftcp_counters(stack[0])->retransmits);
	return 0;
}

/* Opened, one octet each way, closed from the client's side, which keeps the TIME-WAIT. */
static void one_connection(reftcp_id listener, uint32_t kept)
{
	struct reftcp_open open = {.active = true, .remote = {addrs[1], 80}};
	reftcp_id client, server;
	struct reftcp_received r;
	uint8_t c = 0;
	size_t n;

	now += 60 * REFTCP_S / (kept ? kept : 1);
	reftcp_expire(stack[0], now);
	reftcp_expire(stack[1], now);
	must(reftcp_open(stack[0], &open, now, &client) == 0, "connect");
	move(0, 4), move(1, 4), move(0, 4);
	must(reftcp_accept(stack[1], listener, now, &server) == 0, "accept");
	must(reftcp_send(stack[0], client, &c, 1, 0, now, &n) == 0, "send");
	move(0, 4);
	must(reftcp_receive(stack[1], server, &c, 1, now, &r) == 0, "receive");
	must(reftcp_send(stack[1], server, &c, 1, 0, now, &n) == 0, "send");
	move(1, 4);
	must(reftcp_receive(stack[0], client, &c, 1, now, &r) == 0, "receive");
	reftcp_release(stack[0], client, now);
	move(0, 4), move(1, 4);
	reftcp_release(stack[1], server, now);
	move(1, 4), move(0, 4);
	forget_events();
}

static int churn(uint32_t connections, uint32_t kept)
{
	struct reftcp_open listen = {.local = {addrs[1], 80}, .backlog = 64};
	reftcp_id listener;
	uint32_t done = 0;
	double t;

	make(kept + 1024, 65536, 0);
	must(reftcp_open(stack[1], &listen, now, &listener) == 0, "listen");
	/* TIME-WAIT lasts 60 s: so many a second keep as many as asked for. */
	for (uint32_t i = 0; i < kept; i++)
		one_connection(listener, kept);
	packets = 0;
	t = seconds();
	for (; done < connections; done++)
		one_connection(listener, kept);
	t = seconds() - t;
	printf("bench=churn kept=%u connections_s=%.0f packets_s=%.0f memory=%zu "
	       "per_connection=%zu\n",
	       kept, (double)done / t, (double)packets / t, reftcp_memory(stack[0]),
	       reftcp_memory(stack[0]) / (kept + 1024));
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t a = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 0;
	uint32_t b = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 0) : 0;

	if (argc > 1 && !strcmp(argv[1], "bulk"))
		return bulk((uint64_t)(a ? a : 1024) << 20, b ? b : 65535, argc > 4);
	if (argc > 1 && !strcmp(argv[1], "churn"))
		return churn(a ? a : 100000, b ? b : 1000);
	fprintf(stderr, "usage: reftcp_bench bulk [MiB [window [plain]]] | "
			"churn [connections [kept]]\n");
	return 2;
}
