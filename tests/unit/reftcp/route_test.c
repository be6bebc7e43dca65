/* SPDX-License-Identifier: BSD-2-Clause */
/* Source routes, RFC 9293 3.9.2.1: given by the user, and the way back over those that come. The
 * packets are looked at octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/inetsum.h"
#include "reftcp/peer_case.h"

static const uint8_t hops[3][4] = {{198, 51, 100, 1}, {198, 51, 100, 2}, {198, 51, 100, 3}};

static void with_routes(struct reftcp_config *c)
{
	c->source_routes = true;
}

/* A segment from the peer that came over the hops [from, to): their addresses are in its route. */
static void send_over(uint8_t ctl, uint32_t seq, uint32_t ack, int from, int to, bool done)
{
	static const uint8_t text[5] = {1, 2, 3, 4, 5};
	size_t len = 3 + 4 * (size_t)(to - from), n = ctl & CTL_PSH ? sizeof(text) : 0;
	struct ip_route route = {.len = (uint8_t)(len + 1)};
	struct segment seg = {.src = p.theirs,
			      .dst = p.ours,
			      .ttl = 9,
			      .ctl = ctl,
			      .seq = seq_of(p.isn + seq),
			      .ack = seq_of(p.iss + ack),
			      .wnd = PEER_WINDOW,
			      .text_len = (uint32_t)n,
			      .route = &route};
	uint8_t packet[200];
	size_t head;

	memcpy(route.first, p.ours.addr.byte, 4);
	route.options[0] = ROUTE_LOOSE;
	route.options[1] = (uint8_t)len;
	route.options[2] = (uint8_t)(done ? len + 1 : len - 3);
	for (int i = from; i < to; i++)
		memcpy(route.options + 3 + 4 * (i - from), hops[i], 4);
	head = segment_build(&seg, inetsum_add(0, text, n), packet);
	memcpy(packet + head, text, n);
	assert_int_equal(reftcp_arrives(p.stack, packet, head + n, p.now, &p.verdict), 0);
}

/* The packet that leaves now goes to `first` with this route; null: with none. */
static void assert_over(const uint8_t *first, uint8_t type, const uint8_t (*rest)[4], int n)
{
	size_t len;

	assert_int_equal(reftcp_transmit(p.stack, p.packet, sizeof(p.packet), p.now, &len), 0);
	assert_int_equal(inetsum_finish(inetsum_add(0, p.packet, (size_t)(p.packet[0] & 15) * 4)),
			 0);
	p.packet_len = len;
	if (!first) {
		assert_int_equal(p.packet[0], 0x45);
		assert_memory_equal(p.packet + 16, p.theirs.addr.byte, 4);
		return;
	}
	assert_int_equal(p.packet[0], 0x46 + n);
	assert_memory_equal(p.packet + 16, first, 4);
	assert_int_equal(p.packet[20], type);
	assert_int_equal(p.packet[21], 3 + 4 * n);
	assert_int_equal(p.packet[22], 4);
	for (int i = 0; i + 1 < n; i++)
		assert_memory_equal(p.packet + 23 + 4 * i, rest[i], 4);
	assert_memory_equal(p.packet + 23 + 4 * (n - 1), p.theirs.addr.byte, 4);
	assert_int_equal(p.packet[23 + 4 * n], 0);
}

/* Its TCP checksum is that of the last destination. */
static void assert_sum(void)
{
	size_t head = (size_t)(p.packet[0] & 15) * 4;
	uint64_t sum =
		inetsum_pseudo(&p.ours.addr, &p.theirs.addr, 6, (uint32_t)(p.packet_len - head));

	assert_int_equal(inetsum_finish(inetsum_add(sum, p.packet + head, p.packet_len - head)), 0);
}

static void note_iss(void)
{
	const uint8_t *t = p.packet + (size_t)(p.packet[0] & 15) * 4;

	p.iss = (uint32_t)t[4] << 24 | (uint32_t)t[5] << 16 | (uint32_t)t[6] << 8 | t[7];
}

/* MUST-51: every segment goes over it; MUST-52: and no other takes its place. MUST-16: it takes
 * its room from the text. */
static void route__given_by_the_user__is_on_every_segment(void **state)
{
	struct reftcp_open args = {.active = true, .local = p.ours, .remote = p.theirs};
	static uint8_t zeros[3000];
	size_t n;

	(void)state;
	start_with(with_routes);
	args.route.hops = 3;
	args.route.strict = true;
	memcpy(args.route.hop, hops, sizeof(hops));
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
	assert_over(hops[0], ROUTE_STRICT, hops + 1, 3);
	assert_sum();
	note_iss();
	send_over(CTL_SYN | CTL_ACK, 0, 1, 2, 3, true);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
	assert_over(hops[0], ROUTE_STRICT, hops + 1, 3);
	send_over(CTL_ACK | CTL_PSH, 1, 1, 2, 3, true);
	assert_int_equal(status().mss, 536 - 16);
	assert_int_equal(reftcp_send(p.stack, p.id, zeros, sizeof(zeros), 0, p.now, &n), 0);
	assert_over(hops[0], ROUTE_STRICT, hops + 1, 3);
	assert_int_equal(p.packet_len, 36 + 20 + 520);
	assert_sum();
	while (reftcp_transmit(p.stack, p.packet, sizeof(p.packet), p.now, &n) == 0)
		;
	assert_int_equal(reftcp_abort(p.stack, p.id, p.now), 0);
	assert_over(hops[0], ROUTE_STRICT, hops + 1, 3);
	assert_sum();
}

/* MUST-53: backwards, and the peer is the last; SHLD-24: a later one is taken from then on. */
static void route__of_a_passive_open__is_gone_back(void **state)
{
	static const uint8_t back[2][4] = {{198, 51, 100, 2}, {198, 51, 100, 1}};

	(void)state;
	for (int backlog = 0; backlog < 2; backlog++) {
		struct reftcp_open args = {.local = p.ours, .backlog = (uint32_t)backlog};

		start_with(with_routes);
		assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
		send_over(CTL_SYN, 0, 0, 0, 3, true);
		assert_over(hops[2], ROUTE_LOOSE, back, 3);
		assert_sum();
		note_iss();
		peer_wait(&p, 1100 * REFTCP_MS); /* and again */
		assert_over(hops[2], ROUTE_LOOSE, back, 3);
		peer_send(&p, CTL_ACK, 1, 1, "x", 1); /* straight: says nothing of a route */
		peer_wait(&p, 300 * REFTCP_MS);
		assert_over(hops[2], ROUTE_LOOSE, back, 3);
		send_over(CTL_ACK | CTL_PSH, 2, 1, 0, 1, true);
		peer_wait(&p, 300 * REFTCP_MS);
		assert_over(hops[0], ROUTE_LOOSE, NULL, 1);
	}
}

/* What a blind third party sends must not lead the connection elsewhere. */
static void route__on_a_segment_outside_the_window__is_not_taken(void **state)
{
	(void)state;
	start_with(with_routes);
	peer_reach(&p, REFTCP_LISTEN);
	send_over(CTL_SYN, 0, 0, 0, 1, true);
	assert_over(hops[0], ROUTE_LOOSE, NULL, 1);
	note_iss();
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	send_over(CTL_ACK | CTL_PSH, 40000, 1, 1, 2, true);
	assert_over(hops[0], ROUTE_LOOSE, NULL, 1);
}

/* RFC 1122 3.2.1.8: where hosts are still to be passed it is for somebody else. */
static void route__not_done__is_not_for_us(void **state)
{
	(void)state;
	start_with(with_routes);
	peer_reach(&p, REFTCP_LISTEN);
	send_over(CTL_SYN, 0, 0, 0, 2, false);
	assert_int_equal(reftcp_counters(p.stack)->not_for_us, 1);
	assert_int_equal(p.verdict.disposition, REFTCP_MALFORMED);
	assert_int_equal(peer_state(&p), REFTCP_LISTEN);
}

static void route__not_wanted__is_stepped_over(void **state)
{
	struct reftcp_open args = {.active = true, .local = p.ours, .remote = p.theirs};
	reftcp_id id;

	(void)state;
	args.route.hops = 1;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EOPNOTSUPP);
	peer_reach(&p, REFTCP_LISTEN);
	send_over(CTL_SYN, 0, 0, 0, 2, true);
	assert_over(NULL, 0, NULL, 0);
}

static void route__bad_ones__are_refused(void **state)
{
	struct reftcp_open args = {.active = true, .local = p.ours, .remote = p.theirs};
	struct reftcp_config config;
	struct reftcp_stack *stack;
	reftcp_id id;
	size_t n;

	(void)state;
	start_with(with_routes);
	args.route.hops = REFTCP_ROUTE_MAX + 1;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EINVAL);
	args.route.hops = 1;
	args.active = false;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EINVAL);
	args.active = true;
	args.local = (struct reftcp_endpoint){0};
	args.remote = (struct reftcp_endpoint){{6, {0xfd, [15] = 1}}, 80};
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), -EINVAL);
	/* The longest there is, and the smallest MTU that takes it. */
	args.remote = p.theirs;
	args.route.hops = REFTCP_ROUTE_MAX;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &id), 0);
	assert_int_equal(reftcp_transmit(p.stack, p.packet, sizeof(p.packet), p.now, &n), 0);
	assert_int_equal(p.packet[0], 0x4f);
	reftcp_config_default(&config);
	config.source_routes = true;
	config.mtu = 127;
	assert_int_equal(reftcp_new(&stack, &config, 0), -EINVAL);
	config.mtu = 128;
	assert_int_equal(reftcp_new(&stack, &config, 0), 0);
	reftcp_free(stack);
}

/* Lengths and pointers that cannot be: no route, and no octet read beyond the options. */
static void route__malformed_option__is_none(void **state)
{
	static const struct {
		uint8_t options[12];
		size_t len;
		bool found;
	} row[] = {
		{{131, 7, 8, 1, 2, 3, 4, 0}, 8, true},
		{{1, 131, 7, 8, 1, 2, 3, 4}, 8, true},
		{{7, 3, 4, 137, 7, 4, 1, 2, 3, 4, 0, 0}, 12, true},
		{{0, 131, 7, 8, 1, 2, 3, 4}, 8, false},
		{{131, 3, 4, 0}, 4, false},
		{{131, 6, 4, 1, 2, 3, 0, 0}, 8, false},
		{{131, 7, 3, 1, 2, 3, 4, 0}, 8, false},
		{{131, 8, 9, 1, 2, 3, 4, 5}, 8, false},
		{{131, 11, 4, 1, 2, 3, 4, 0}, 8, false},
		{{131, 1, 4, 1, 2, 3, 4, 0}, 8, false},
		{{131}, 1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t *exact = test_malloc(row[i].len);

		memcpy(exact, row[i].options, row[i].len);
		assert_int_equal(!!route_find(exact, row[i].len), row[i].found);
		test_free(exact);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(route__given_by_the_user__is_on_every_segment),
		T(route__of_a_passive_open__is_gone_back),
		T(route__on_a_segment_outside_the_window__is_not_taken),
		T(route__not_done__is_not_for_us),
		T(route__not_wanted__is_stepped_over),
		T(route__bad_ones__are_refused),
		T(route__malformed_option__is_none),
	};

	return cmocka_run_group_tests_name("reftcp_route", tests, NULL, NULL);
}
