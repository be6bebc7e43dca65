/* SPDX-License-Identifier: BSD-2-Clause */
/* Every error that include/reftcp names, function by function, each provoked once; and every way a
 * packet can be malformed, with the one counter that says so. What a state refuses is in
 * calls_test.c, a lack of memory in memory_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/inetsum.h"
#include "reftcp/peer.h"
#include "reftcp/shadow.h"

static struct peer p;

static int setup(void **state)
{
	(void)state;
	peer_init(&p);
	peer_start(&p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_end(&p);
	return 0;
}

static struct reftcp_endpoint host(uint8_t last, uint16_t port)
{
	struct reftcp_endpoint e = {{4, {192, 0, 2, last}}, port};

	return e;
}

static void restart(void)
{
	peer_end(&p);
	peer_init(&p);
	peer_start(&p);
}

/* ---- null stacks ---- */

static void null_stack__every_call__is_refused_or_nothing(void **state)
{
	struct reftcp_open args = {.local = p.ours};
	struct reftcp_received got;
	struct reftcp_status st;
	struct reftcp_event event;
	uint8_t buf[1500];
	reftcp_id id;
	size_t n;

	(void)state;
	reftcp_free(NULL);
	reftcp_config_default(NULL);
	reftcp_expire(NULL, 0);
	assert_int_equal(reftcp_memory(NULL), 0);
	assert_true(reftcp_deadline(NULL) == REFTCP_NEVER);
	assert_null(reftcp_counters(NULL));
	assert_int_equal(reftcp_add_address(NULL, &p.ours.addr), -EINVAL);
	assert_int_equal(reftcp_open(NULL, &args, 0, &id), -EINVAL);
	assert_int_equal(reftcp_connect(NULL, 1, &p.theirs, 0), -ENOENT);
	assert_int_equal(reftcp_accept(NULL, 1, 0, &id), -ENOENT);
	assert_int_equal(reftcp_send(NULL, 1, "x", 1, 0, 0, &n), -ENOENT);
	assert_int_equal(reftcp_receive(NULL, 1, buf, 1, 0, &got), -ENOENT);
	assert_int_equal(reftcp_close(NULL, 1, 0), -ENOENT);
	assert_int_equal(reftcp_abort(NULL, 1, 0), -ENOENT);
	assert_int_equal(reftcp_release(NULL, 1, 0), -ENOENT);
	assert_int_equal(reftcp_status(NULL, 1, &st), -ENOENT);
	assert_int_equal(reftcp_set(NULL, 1, REFTCP_OPT_NAGLE, 0, 0), -ENOENT);
	assert_int_equal(reftcp_arrives(NULL, buf, 1, 0, NULL), -EINVAL);
	assert_int_equal(reftcp_transmit(NULL, buf, sizeof(buf), 0, &n), -EINVAL);
	assert_int_equal(reftcp_next_event(NULL, &event), -EINVAL);
}

/* ---- the stack ---- */

static void new__null_argument__is_refused(void **state)
{
	struct reftcp_stack *stack = (struct reftcp_stack *)&p;

	(void)state;
	assert_int_equal(reftcp_new(NULL, &p.config, 0), -EINVAL);
	assert_int_equal(reftcp_new(&stack, NULL, 0), -EINVAL);
	assert_ptr_equal(stack, &p);
}

static void rule_at__bad_arguments__are_refused(void **state)
{
	struct reftcp_rule rule;

	(void)state;
	assert_int_equal(reftcp_rule_at(REFTCP_STANDARD, 0, NULL), -EINVAL);
	assert_int_equal(reftcp_rule_at((enum reftcp_personality)2, 0, &rule), -EINVAL);
	assert_int_equal(reftcp_rule_at(REFTCP_STANDARD, 100000, &rule), -ENOENT);
	assert_int_equal(reftcp_rule_at(REFTCP_LINUX, 0, &rule), 0);
	assert_string_equal(reftcp_state_name((enum reftcp_state)11), "unknown");
	assert_string_equal(reftcp_state_name((enum reftcp_state) - 1), "unknown");
}

static void add_address__bad_or_too_many__are_refused(void **state)
{
	static const struct reftcp_addr bad[] = {
		{0, {0}},
		{5, {192, 0, 2, 9}},
		{4, {0, 0, 0, 0}},
		{4, {224, 0, 0, 1}},
		{4, {255, 255, 255, 255}},
		{6, {0}},
		{6, {0xff, 2, [15] = 1}},
	};
	struct reftcp_addr six = {6, {0xfd, [15] = 1}}, addr = {4, {10, 0, 0, 0}};

	(void)state;
	assert_int_equal(reftcp_add_address(p.stack, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(reftcp_add_address(p.stack, &bad[i]), -EINVAL);
	assert_int_equal(reftcp_add_address(p.stack, &p.ours.addr), -EEXIST);
	for (uint32_t i = 1; i < p.config.addresses; i++) {
		addr.byte[3] = (uint8_t)i;
		assert_int_equal(reftcp_add_address(p.stack, &addr), 0);
	}
	assert_int_equal(reftcp_add_address(p.stack, &six), -ENOSPC);
	/* IPv6 needs a link of 1280 octets, RFC 8200 5. */
	peer_end(&p);
	peer_init(&p);
	p.config.mtu = 1279;
	peer_start(&p);
	assert_int_equal(reftcp_add_address(p.stack, &six), -EINVAL);
}

/* ---- OPEN ---- */

static void open__no_local_port_free__says_so(void **state)
{
	struct reftcp_open args = {.active = true, .remote = p.theirs};
	reftcp_id id[2] = {0, 7};

	(void)state;
	peer_end(&p);
	p.config.port_low = p.config.port_high = 50000;
	peer_start(&p);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id[0]), 0);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id[1]), -EADDRNOTAVAIL);
	assert_int_equal(id[1], 7);
	/* The TCB tried with went back to its pool. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(reftcp_open(p.stack, &args, p.now, &id[1]), -EADDRNOTAVAIL);
	assert_int_equal(reftcp_close(p.stack, id[0], p.now), 0);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id[1]), 0);
}

static void open__families_differ__are_refused(void **state)
{
	struct reftcp_endpoint six = {{6, {0xfd, [15] = 9}}, 80};
	struct reftcp_open args = {.active = true, .local = p.ours, .remote = six};
	reftcp_id id;

	(void)state;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EINVAL);
	args.local = (struct reftcp_endpoint){0};
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EADDRNOTAVAIL);
	args.remote.addr.family = 5;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EINVAL);
	args.local.addr.family = 7;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EINVAL);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, NULL), -EINVAL);
	args = (struct reftcp_open){.local = p.ours, .remote = {p.theirs.addr, 0}};
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EINVAL);
}

static void connect__each_error__leaves_it_in_listen(void **state)
{
	struct reftcp_endpoint multicast = {{4, {224, 0, 0, 5}}, 80}, six = {{6, {0xfd}}, 80};
	struct reftcp_endpoint no_port = {p.theirs.addr, 0};
	struct reftcp_open active = {.active = true, .local = p.ours, .remote = p.theirs};
	reftcp_id id;

	(void)state;
	assert_int_equal(reftcp_open(p.stack, &active, p.now, &id), 0);
	peer_reach(&p, REFTCP_LISTEN);
	assert_int_equal(reftcp_connect(p.stack, p.id + 1, &p.theirs, p.now), -ENOENT);
	assert_int_equal(reftcp_connect(p.stack, p.id, NULL, p.now), -EDESTADDRREQ);
	assert_int_equal(reftcp_connect(p.stack, p.id, &multicast, p.now), -EINVAL);
	assert_int_equal(reftcp_connect(p.stack, p.id, &no_port, p.now), -EINVAL);
	assert_int_equal(reftcp_connect(p.stack, p.id, &six, p.now), -EINVAL);
	assert_int_equal(reftcp_connect(p.stack, p.id, &p.theirs, p.now), -EADDRINUSE);
	assert_int_equal(peer_state(&p), REFTCP_LISTEN);
	/* And it still listens. */
	p.theirs = host(3, 4000);
	peer_drain(&p);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_SYN_RECEIVED);
	assert_int_equal(reftcp_connect(p.stack, p.id, &p.theirs, p.now), -EISCONN);
}

static void accept__each_error__takes_nothing(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 1};
	reftcp_id listener, plain, id = 9;

	(void)state;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &listener), 0);
	args.local.port = 81;
	args.backlog = 0;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &plain), 0);
	assert_int_equal(reftcp_accept(p.stack, plain + 100, p.now, &id), -ENOENT);
	assert_int_equal(reftcp_accept(p.stack, plain, p.now, &id), -EINVAL);
	assert_int_equal(reftcp_accept(p.stack, listener, p.now, NULL), -EINVAL);
	assert_int_equal(reftcp_accept(p.stack, listener, p.now, &id), -EAGAIN);
	assert_int_equal(reftcp_close(p.stack, listener, p.now), 0);
	assert_int_equal(reftcp_accept(p.stack, listener, p.now, &id), -EINVAL);
	assert_int_equal(id, 9);
}

/* ---- after the end ---- */

static void closed__every_call__says_why(void **state)
{
	static const struct {
		uint8_t ctl;
		int error;
	} row[] = {{CTL_RST, -ECONNRESET}, {0, -ECONNABORTED}, {CTL_ACK, -ENOTCONN}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct reftcp_received got;
		struct reftcp_status st;
		size_t n = 77;
		char c;

		restart();
		peer_reach(&p, row[i].ctl == CTL_ACK ? REFTCP_LISTEN : REFTCP_ESTABLISHED);
		if (row[i].ctl == CTL_RST)
			peer_send(&p, CTL_RST, 1, 0, NULL, 0);
		else if (row[i].ctl)
			assert_int_equal(reftcp_close(p.stack, p.id, p.now), 0);
		else
			assert_int_equal(reftcp_abort(p.stack, p.id, p.now), 0);
		assert_int_equal(peer_state(&p), REFTCP_CLOSED);
		assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &n), row[i].error);
		assert_int_equal(reftcp_receive(p.stack, p.id, &c, 1, p.now, &got), row[i].error);
		assert_int_equal(reftcp_close(p.stack, p.id, p.now), -ENOTCONN);
		assert_int_equal(reftcp_abort(p.stack, p.id, p.now), -ENOTCONN);
		assert_int_equal(reftcp_connect(p.stack, p.id, &p.theirs, p.now), -EISCONN);
		assert_int_equal(reftcp_status(p.stack, p.id, NULL), -EINVAL);
		assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
		assert_int_equal(st.error, row[i].error == -ENOTCONN ? 0 : row[i].error);
		assert_int_equal(n, 77);
		assert_int_equal(reftcp_release(p.stack, p.id, p.now), 0);
		assert_int_equal(reftcp_release(p.stack, p.id, p.now), -ENOENT);
	}
}

/* ---- options ---- */

static void set__values__are_held_to_their_range(void **state)
{
	static const struct {
		enum reftcp_option option;
		uint64_t least, most; /* most 0: no upper bound */
	} row[] = {
		{REFTCP_OPT_NAGLE, 0, 1},
		{REFTCP_OPT_KEEPALIVE, 0, 1},
		{REFTCP_OPT_KEEPALIVE_IDLE, 1, 0},
		{REFTCP_OPT_KEEPALIVE_INTERVAL, 1, 0},
		{REFTCP_OPT_KEEPALIVE_COUNT, 1, 1000},
		{REFTCP_OPT_KEEPALIVE_OCTET, 0, 1},
		{REFTCP_OPT_USER_TIMEOUT, 1, 0},
		{REFTCP_OPT_USER_TIMEOUT_ADVERTISE, 0, 1},
		{REFTCP_OPT_R1, 1, 1000},
		{REFTCP_OPT_TTL, 1, 255},
		{REFTCP_OPT_DSCP, 0, 63},
		{REFTCP_OPT_REPORTS, 0, 1},
		{REFTCP_OPT_RECV_BUFFER, 1, 20000},
		{REFTCP_OPT_DELAYED_ACK, 0, 1},
		{REFTCP_OPT_FAST_OPEN, 0, 1},
		{REFTCP_OPT_CORK, 0, 1},
		{REFTCP_OPT_MAX_SEGMENT, 88, 65535},
		{REFTCP_OPT_SEND_BUFFER, 1, 20000},
		{REFTCP_OPT_SYN_RETRIES, 0, 255},
	};
	const enum reftcp_option beyond =
		(enum reftcp_option)(sizeof(row) / sizeof(row[0])); /* so that none is missing */

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		enum reftcp_option o = row[i].option;

		assert_int_equal(o, i);
		assert_int_equal(reftcp_set(p.stack, p.id, o, row[i].least, p.now), 0);
		if (row[i].least)
			assert_int_equal(reftcp_set(p.stack, p.id, o, row[i].least - 1, p.now),
					 -EINVAL);
		if (!row[i].most)
			continue;
		assert_int_equal(reftcp_set(p.stack, p.id, o, row[i].most, p.now), 0);
		assert_int_equal(reftcp_set(p.stack, p.id, o, row[i].most + 1, p.now), -EINVAL);
		assert_int_equal(reftcp_set(p.stack, p.id, o, UINT64_MAX, p.now), -EINVAL);
	}
	assert_int_equal(reftcp_set(p.stack, p.id, beyond, 1, p.now), -EINVAL);
	assert_int_equal(reftcp_set(p.stack, p.id, (enum reftcp_option) - 1, 1, p.now), -EINVAL);
}

static void push_and_configure__each_error__changes_nothing(void **state)
{
	struct reftcp_config wrong = p.config;

	(void)state;
	wrong.mtu = 67;
	assert_int_equal(reftcp_configure(NULL, &p.config), -EINVAL);
	assert_int_equal(reftcp_configure(p.stack, NULL), -EINVAL);
	assert_int_equal(reftcp_configure(p.stack, &wrong), -EINVAL);
	assert_int_equal(p.stack->config.mtu, p.config.mtu);
	assert_int_equal(reftcp_configure(p.stack, &p.config), 0);
	assert_int_equal(reftcp_push(p.stack, 1, p.now), -ENOENT);
	assert_int_equal(reftcp_push(NULL, 1, p.now), -ENOENT);
	peer_reach(&p, REFTCP_LISTEN);
	assert_int_equal(reftcp_push(p.stack, p.id, p.now), -ENOTCONN);
	assert_false(reftcp_fast_open_cookie(NULL, &p.theirs.addr));
	assert_false(reftcp_fast_open_cookie(p.stack, NULL));
	assert_int_equal(reftcp_fast_open_room(p.stack, p.id), 0);
}

/* ---- the wire ---- */

static void transmit__short_or_null__sends_nothing(void **state)
{
	uint8_t buf[1500];
	size_t n = 5;

	(void)state;
	assert_int_equal(reftcp_transmit(p.stack, buf, sizeof(buf), p.now, &n), -EAGAIN);
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_int_equal(reftcp_transmit(p.stack, NULL, sizeof(buf), p.now, &n), -EINVAL);
	assert_int_equal(reftcp_transmit(p.stack, buf, sizeof(buf), p.now, NULL), -EINVAL);
	assert_int_equal(reftcp_transmit(p.stack, buf, 1499, p.now, &n), -EINVAL);
	/* What was to be sent is still there. */
	assert_int_equal(reftcp_transmit(p.stack, buf, 1500, p.now, &n), 0);
	assert_int_equal(n, 44);
}

static void next_event__null_or_none__says_so(void **state)
{
	struct reftcp_event e;

	(void)state;
	assert_int_equal(reftcp_next_event(p.stack, &e), -EAGAIN);
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(reftcp_next_event(p.stack, NULL), -EINVAL);
	assert_int_equal(reftcp_next_event(p.stack, &e), 0);
	assert_int_equal(e.id, p.id);
	assert_int_equal(reftcp_next_event(p.stack, &e), -EAGAIN);
}

/* A sound SYN for the listener in buf, IPv4 or IPv6; its length. */
static size_t sound(uint8_t *buf, bool six)
{
	struct segment seg = {.src = p.theirs, .dst = p.ours, .ttl = 9, .ctl = CTL_SYN, .wnd = 9};
	static const struct reftcp_addr a = {6, {0xfd, [15] = 1}}, b = {6, {0xfd, [15] = 2}};

	if (six) {
		seg.dst.addr = a;
		seg.src.addr = b;
	}
	return segment_build(&seg, 0, buf);
}

static void ip4_sum(uint8_t *buf)
{
	size_t head = (buf[0] & 15) * 4u;
	uint16_t sum;

	memset(buf + 10, 0, 2);
	sum = inetsum_finish(inetsum_add(0, buf, head < 40 ? head : 40));
	memcpy(buf + 10, &sum, 2);
}

struct damage {
	const char *name;
	size_t counter; /* offset in struct reftcp_counters */
	bool six, keep_sum;
	size_t at; /* this octet becomes value */
	uint8_t value;
	size_t len; /* 0: all of it */
};

#define COUNTER(name) offsetof(struct reftcp_counters, name)

static const struct damage damages[] = {
	{"empty", COUNTER(bad_ip), .at = 0, .value = 0x45, .len = SIZE_MAX},
	{"one octet", COUNTER(bad_ip), .at = 0, .value = 0x45, .len = 1},
	{"IP version", COUNTER(bad_ip), .at = 0, .value = 0x55},
	{"IPv4 cut", COUNTER(bad_ip), .at = 0, .value = 0x45, .len = 19},
	{"IPv4 header of 16", COUNTER(bad_ip), .at = 0, .value = 0x44},
	{"IPv4 header beyond the end", COUNTER(bad_ip), .at = 0, .value = 0x4f},
	{"IPv4 total below the header", COUNTER(bad_ip), .at = 3, .value = 19},
	{"IPv4 total beyond the end", COUNTER(bad_ip), .at = 3, .value = 200},
	{"IPv4 checksum", COUNTER(bad_ip), .keep_sum = true, .at = 8, .value = 1},
	{"IPv4 fragment, more", COUNTER(fragments), .at = 6, .value = 0x20},
	{"IPv4 fragment, offset", COUNTER(fragments), .at = 7, .value = 1},
	{"IPv4 protocol", COUNTER(not_tcp), .at = 9, .value = 17},
	{"IPv4 source multicast", COUNTER(bad_address), .at = 12, .value = 224},
	{"IPv4 destination broadcast", COUNTER(bad_address), .at = 16, .value = 255},
	{"IPv4 not ours", COUNTER(not_for_us), .at = 19, .value = 77},
	{"TCP cut", COUNTER(bad_tcp), .at = 3, .value = 39},
	{"TCP offset too small", COUNTER(bad_tcp), .at = 32, .value = 0x40},
	{"TCP offset beyond the end", COUNTER(bad_tcp), .at = 32, .value = 0xf0},
	{"TCP checksum", COUNTER(bad_checksum), .at = 24, .value = 0xee},
	{"IPv6 cut", COUNTER(bad_ip), .six = true, .at = 0, .value = 0x60, .len = 39},
	{"IPv6 length beyond the end", COUNTER(bad_ip), .six = true, .at = 5, .value = 99},
	{"IPv6 fragment", COUNTER(fragments), .six = true, .at = 6, .value = 44},
	{"IPv6 extension beyond the end", COUNTER(bad_ip), .six = true, .at = 6, .value = 60},
	{"IPv6 no next header", COUNTER(not_tcp), .six = true, .at = 6, .value = 59},
	{"IPv6 source multicast", COUNTER(bad_address), .six = true, .at = 8, .value = 0xff},
	{"IPv6 not ours", COUNTER(not_for_us), .six = true, .at = 39, .value = 7},
	{"IPv6 checksum", COUNTER(bad_checksum), .six = true, .at = 44, .value = 0xee},
};

static uint64_t counted(const struct reftcp_counters *c, size_t offset)
{
	uint64_t n;

	memcpy(&n, (const uint8_t *)c + offset, sizeof(n));
	return n;
}

/* One counter goes up by one, no other but those of all packets; nothing is answered. */
static void arrives__malformed__is_counted_once_and_not_answered(void **state)
{
	static const struct reftcp_addr six = {6, {0xfd, [15] = 1}};
	/* The packet stands at the very end of what may be read. */
	uint8_t *room = test_malloc(128);

	(void)state;
	assert_int_equal(reftcp_add_address(p.stack, &six), 0);
	peer_reach(&p, REFTCP_LISTEN);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		struct reftcp_counters before = *reftcp_counters(p.stack), after;
		struct reftcp_verdict v = {0};
		uint8_t packet[128], *at;
		size_t len = sound(packet, d->six);

		packet[d->at] = d->value;
		if (!d->six && !d->keep_sum)
			ip4_sum(packet);
		if (d->len)
			len = d->len == SIZE_MAX ? 0 : d->len;
		at = room + 128 - len;
		memcpy(at, packet, len);
		assert_int_equal(reftcp_arrives(p.stack, at, len, p.now, &v), 0);
		after = *reftcp_counters(p.stack);
		if (counted(&after, d->counter) != counted(&before, d->counter) + 1)
			fail_msg("'%s' is not counted", d->name);
		for (size_t k = 0; k < sizeof(before); k += 8)
			if (k != d->counter && k != COUNTER(packets_in) && k != COUNTER(octets_in))
				assert_int_equal(counted(&after, k), counted(&before, k));
		assert_int_equal(v.disposition, REFTCP_MALFORMED);
		assert_int_equal(v.id, 0);
		assert_false(peer_take(&p));
	}
	test_free(room);
}

/* Bad options do not make a bad segment [MUST-7]: it is taken, and they are counted. */
static void arrives__bad_options__are_counted_and_the_rest_is_taken(void **state)
{
	uint8_t packet[128];
	struct segment seg = {.src = p.theirs,
			      .dst = p.ours,
			      .ttl = 9,
			      .ctl = CTL_SYN,
			      .seq = {5},
			      .wnd = 9,
			      .opt = {.has = TCPOPT_MSS, .mss = 999}};
	size_t len = segment_build(&seg, 0, packet);

	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	/* The MSS option says that it is longer than the header: and the sum is put right. */
	packet[41] = 5;
	packet[36] = (uint8_t)(packet[36] - (packet[37] < 1));
	packet[37] = (uint8_t)(packet[37] - 1);
	assert_int_equal(reftcp_arrives(p.stack, packet, len, p.now, &p.verdict), 0);
	assert_int_equal(reftcp_counters(p.stack)->bad_options, 1);
	assert_int_equal(reftcp_counters(p.stack)->bad_checksum, 0);
	assert_int_equal(peer_state(&p), REFTCP_SYN_RECEIVED);
}

/* ---- pools that are used up ---- */

static void pools__used_up__are_counted(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 100};
	uint8_t text[1000] = {0};

	(void)state;
	peer_end(&p);
	peer_init(&p);
	p.config.replies = 2;
	p.config.chunks = 1;
	p.config.connections = 2;
	peer_start(&p);
	/* Three answers to nobody, room for two. */
	for (int i = 0; i < 3; i++)
		peer_send(&p, CTL_ACK, 0, 0, NULL, 0);
	assert_int_equal(reftcp_counters(p.stack)->replies_dropped, 1);
	assert_int_equal(peer_drain(&p), 2);
	/* A listener and one child: no room for a second. */
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	p.theirs.port++;
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_int_equal(p.verdict.disposition, REFTCP_DROPPED);
	assert_int_equal(reftcp_counters(p.stack)->no_connection_room, 1);
	assert_int_equal(reftcp_counters(p.stack)->syn_dropped, 1);
	/* One chunk of 1024 octets: the second segment has no place. */
	p.theirs.port--;
	assert_true(peer_take(&p));
	peer_send(&p, CTL_ACK, 1, 1, text, 1000);
	peer_send(&p, CTL_ACK, 1001, 1, text, 1000);
	assert_int_equal(reftcp_counters(p.stack)->no_chunk, 1);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &p.id), 0);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
}

/* ---- shadows ---- */

static void shadows__bad_arguments__are_refused(void **state)
{
	struct reftcp_shadows_config config = {.endpoints = 2};
	struct reftcp_endpoint six = {{6, {0xfd, [15] = 1}}, 80}, none = {{0, {0}}, 80};
	struct reftcp_shadows *set = NULL;
	struct reftcp_shadow_verdict v;
	uint8_t packet[128];
	size_t len = sound(packet, false);

	(void)state;
	assert_int_equal(reftcp_shadows_new(NULL, &config, 0), -EINVAL);
	assert_int_equal(reftcp_shadows_new(&set, NULL, 0), -EINVAL);
	config.endpoints = 0;
	assert_int_equal(reftcp_shadows_new(&set, &config, 0), -EINVAL);
	assert_null(set);
	config.endpoints = 2;
	assert_int_equal(reftcp_shadows_new(&set, &config, 0), 0);
	assert_int_equal(reftcp_shadow_received(NULL, packet, len, 0, &v), -EINVAL);
	assert_int_equal(reftcp_shadow_received(set, NULL, len, 0, &v), -EINVAL);
	assert_int_equal(reftcp_shadow_sent(NULL, packet, len, 0, &v), -EINVAL);
	assert_int_equal(reftcp_shadow_sent(set, NULL, len, 0, &v), -EINVAL);
	assert_int_equal(reftcp_shadow_join(set, NULL, &p.theirs, REFTCP_ESTABLISHED, 0), -EINVAL);
	assert_int_equal(reftcp_shadow_join(set, &p.ours, NULL, REFTCP_ESTABLISHED, 0), -EINVAL);
	assert_int_equal(reftcp_shadow_join(set, &p.ours, &p.theirs, REFTCP_LISTEN, 0), -EINVAL);
	assert_int_equal(reftcp_shadow_join(set, &p.ours, &six, REFTCP_ESTABLISHED, 0), -EINVAL);
	assert_int_equal(reftcp_shadow_join(set, &none, &none, REFTCP_ESTABLISHED, 0), -EINVAL);
	assert_int_equal(reftcp_shadow_call(set, &p.ours, &p.theirs, REFTCP_SHADOW_CLOSE, 0),
			 -ENOENT);
	assert_int_equal(reftcp_shadow_join(set, &p.ours, &p.theirs, REFTCP_ESTABLISHED, 0), 0);
	assert_int_equal(reftcp_shadow_join(set, &p.ours, &p.theirs, REFTCP_ESTABLISHED, 0),
			 -EADDRINUSE);
	assert_int_equal(reftcp_shadow_join(set, &p.theirs, &p.ours, REFTCP_ESTABLISHED, 0), 0);
	p.theirs.port++;
	assert_int_equal(reftcp_shadow_join(set, &p.ours, &p.theirs, REFTCP_ESTABLISHED, 0),
			 -ENOBUFS);
	p.theirs.port--;
	assert_int_equal(reftcp_shadow_call(set, &p.ours, &p.theirs, REFTCP_SHADOW_CLOSE, 0), 0);
	assert_int_equal(reftcp_shadow_call(set, &p.ours, &p.theirs, REFTCP_SHADOW_CLOSE, 0),
			 -EALREADY);
	assert_int_equal(reftcp_shadow_state(set, &p.ours, &p.theirs), REFTCP_FIN_WAIT_1);
	assert_int_equal(reftcp_shadow_state(NULL, &p.ours, &p.theirs), REFTCP_CLOSED);
	assert_null(reftcp_finding_info((enum reftcp_finding)REFTCP_FINDING_COUNT));
	reftcp_shadows_free(set);
	reftcp_shadows_free(NULL);
	reftcp_shadows_expire(NULL, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(null_stack__every_call__is_refused_or_nothing),
		T(new__null_argument__is_refused),
		T(rule_at__bad_arguments__are_refused),
		T(add_address__bad_or_too_many__are_refused),
		T(open__no_local_port_free__says_so),
		T(open__families_differ__are_refused),
		T(connect__each_error__leaves_it_in_listen),
		T(accept__each_error__takes_nothing),
		T(closed__every_call__says_why),
		T(set__values__are_held_to_their_range),
		T(push_and_configure__each_error__changes_nothing),
		T(transmit__short_or_null__sends_nothing),
		T(next_event__null_or_none__says_so),
		T(arrives__malformed__is_counted_once_and_not_answered),
		T(arrives__bad_options__are_counted_and_the_rest_is_taken),
		T(pools__used_up__are_counted),
		T(shadows__bad_arguments__are_refused),
	};

	return cmocka_run_group_tests_name("reftcp_errors", tests, NULL, NULL);
}
