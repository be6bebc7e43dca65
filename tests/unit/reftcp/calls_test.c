/* SPDX-License-Identifier: BSD-2-Clause */
/* User calls, RFC 9293 3.9.1 and 3.10.1 to 3.10.6: what they refuse, what they set; ICMP as
 * 3.9.2.2 wants it; initial sequence numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/peer.h"
#include "reftcp/secret.h"

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

static struct reftcp_status status(void)
{
	struct reftcp_status st;

	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	return st;
}

static int open_args(struct reftcp_open args)
{
	reftcp_id id;

	return reftcp_open(p.stack, &args, p.now, &id);
}

static struct reftcp_endpoint host(uint8_t last, uint16_t port)
{
	struct reftcp_endpoint e = {{4, {192, 0, 2, last}}, port};

	return e;
}

/* ---- OPEN ---- */

static void open__bad_arguments__are_refused(void **state)
{
	struct reftcp_endpoint multicast = {{4, {224, 0, 0, 5}}, 80};
	struct reftcp_endpoint broadcast = {{4, {255, 255, 255, 255}}, 80};
	struct reftcp_endpoint six = {{6, {0xff, 2, [15] = 1}}, 80};
	reftcp_id id = 42;

	(void)state;
	assert_int_equal(reftcp_open(NULL, NULL, 0, &id), -EINVAL);
	assert_int_equal(reftcp_open(p.stack, NULL, 0, &id), -EINVAL);
	assert_int_equal(open_args((struct reftcp_open){.active = true}), -EDESTADDRREQ);
	assert_int_equal(open_args((struct reftcp_open){.active = true, .remote = multicast}),
			 -EINVAL);
	assert_int_equal(open_args((struct reftcp_open){.active = true, .remote = broadcast}),
			 -EINVAL);
	assert_int_equal(open_args((struct reftcp_open){.active = true, .remote = six}), -EINVAL);
	assert_int_equal(open_args((struct reftcp_open){0}), -EINVAL); /* no local port */
	assert_int_equal(open_args((struct reftcp_open){.local = host(77, 80)}), -EADDRNOTAVAIL);
	assert_int_equal(open_args((struct reftcp_open){.local = p.ours, .dscp = 64}), -EINVAL);
	assert_int_equal(id, 42);
}

/* MUST-41: it makes a new record or fails; others stay as they are. */
static void open__passive_twice__leaves_the_first_alone(void **state)
{
	struct reftcp_open args = {.local = p.ours};

	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	assert_int_equal(open_args(args), -EADDRINUSE);
	assert_int_equal(status().state, REFTCP_LISTEN);
	/* MUST-42: with the first on its way, the port can be listened on again. */
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_int_equal(status().state, REFTCP_SYN_RECEIVED);
	assert_int_equal(open_args(args), 0);
	assert_int_equal(status().state, REFTCP_SYN_RECEIVED);
}

static void open__active_twice__already_exists(void **state)
{
	struct reftcp_open args = {.active = true, .local = p.ours, .remote = p.theirs};

	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	assert_int_equal(open_args(args), -EADDRINUSE);
	assert_int_equal(reftcp_connect(p.stack, p.id, &p.theirs, p.now), -EISCONN);
}

/* MUST-43, 44, 45. */
static void open__no_local_address__takes_ours_and_keeps_it(void **state)
{
	struct reftcp_open args = {.active = true, .remote = p.theirs};
	struct reftcp_endpoint second = host(9, 0);
	int from_second = 0;

	(void)state;
	assert_int_equal(reftcp_add_address(p.stack, &second.addr), 0);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
	assert_true(peer_take(&p));
	assert_memory_equal(p.out.src.addr.byte, p.ours.addr.byte, 4);
	assert_in_range(p.out.src.port, 49152, 65535);
	args.local = second;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
	assert_true(peer_take(&p));
	assert_memory_equal(p.out.src.addr.byte, second.addr.byte, 4);
	peer_wait(&p, 1100 * REFTCP_MS);
	/* Both SYNs again, each from where it was sent first. */
	for (int i = 0; i < 2; i++) {
		assert_true(peer_take(&p));
		from_second += !memcmp(p.out.src.addr.byte, second.addr.byte, 4);
	}
	assert_int_equal(from_second, 1);
}

static void open__pool_used_up__insufficient_resources(void **state)
{
	struct reftcp_open args = {.active = true, .remote = p.theirs};
	reftcp_id id[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(reftcp_open(p.stack, &args, p.now, &id[i]), 0);
	assert_int_equal(open_args(args), -ENOBUFS);
	assert_int_equal(reftcp_release(p.stack, id[3], p.now), 0);
	assert_int_equal(open_args(args), 0);
}

/* ---- calls on names and states that do not take them ---- */

static void calls__stale_name__no_such_connection(void **state)
{
	struct reftcp_received got;
	struct reftcp_status st;
	size_t n;
	char c;

	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	assert_int_equal(reftcp_release(p.stack, p.id, p.now), 0);
	assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &n), -ENOENT);
	assert_int_equal(reftcp_receive(p.stack, p.id, &c, 1, p.now, &got), -ENOENT);
	assert_int_equal(reftcp_close(p.stack, p.id, p.now), -ENOENT);
	assert_int_equal(reftcp_abort(p.stack, p.id, p.now), -ENOENT);
	assert_int_equal(reftcp_status(p.stack, p.id, &st), -ENOENT);
	assert_int_equal(reftcp_release(p.stack, p.id, p.now), -ENOENT);
	assert_int_equal(reftcp_set(p.stack, p.id, REFTCP_OPT_NAGLE, 0, p.now), -ENOENT);
	assert_int_equal(reftcp_close(p.stack, 0, p.now), -ENOENT);
	assert_int_equal(reftcp_close(p.stack, UINT64_MAX, p.now), -ENOENT);
	/* The slot is used again; the old name still names nothing. */
	{
		reftcp_id old = p.id;

		peer_reach(&p, REFTCP_LISTEN);
		assert_true(old != p.id);
		assert_int_equal(reftcp_close(p.stack, old, p.now), -ENOENT);
	}
}

static void calls__null_or_empty__are_refused(void **state)
{
	struct reftcp_received got;
	size_t n;
	char c;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	assert_int_equal(reftcp_send(p.stack, p.id, NULL, 1, 0, p.now, &n), -EINVAL);
	assert_int_equal(reftcp_send(p.stack, p.id, "x", 0, 0, p.now, &n), -EINVAL);
	assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 16, p.now, &n), -EINVAL);
	assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, NULL), -EINVAL);
	assert_int_equal(reftcp_receive(p.stack, p.id, NULL, 1, p.now, &got), -EINVAL);
	assert_int_equal(reftcp_receive(p.stack, p.id, &c, 0, p.now, &got), -EINVAL);
	assert_int_equal(reftcp_receive(p.stack, p.id, &c, 1, p.now, NULL), -EINVAL);
	assert_int_equal(reftcp_arrives(p.stack, NULL, 1, p.now, NULL), -EINVAL);
	assert_int_equal(reftcp_arrives(p.stack, "", 0, p.now, NULL), 0);
	assert_int_equal(reftcp_transmit(p.stack, &c, 1, p.now, &n), -EINVAL);
	assert_int_equal(reftcp_set(p.stack, p.id, (enum reftcp_option)99, 0, p.now), -EINVAL);
	assert_int_equal(reftcp_set(p.stack, p.id, REFTCP_OPT_DSCP, 64, p.now), -EINVAL);
	assert_int_equal(reftcp_accept(p.stack, p.id, p.now, &p.listener), -EINVAL);
}

/* 3.10.2 to 3.10.4 in every state: what SEND, RECEIVE and CLOSE return. */
static void calls__every_state__as_3_10_says(void **state)
{
	static const struct {
		enum reftcp_state in;
		int send, receive, close;
	} row[] = {
		{REFTCP_LISTEN, -EDESTADDRREQ, -EAGAIN, 0},
		{REFTCP_SYN_SENT, 0, -EAGAIN, 0},
		{REFTCP_SYN_RECEIVED, 0, -EAGAIN, 0},
		{REFTCP_ESTABLISHED, 0, -EAGAIN, 0},
		{REFTCP_FIN_WAIT_1, -EPIPE, -EAGAIN, -EALREADY},
		{REFTCP_FIN_WAIT_2, -EPIPE, -EAGAIN, -EALREADY},
		{REFTCP_CLOSE_WAIT, 0, 0, 0},
		{REFTCP_CLOSING, -EPIPE, 0, -EALREADY},
		{REFTCP_LAST_ACK, -EPIPE, 0, -EALREADY},
		{REFTCP_TIME_WAIT, -EPIPE, 0, -EALREADY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct reftcp_received got;
		size_t n;
		char c;

		peer_end(&p);
		peer_init(&p);
		peer_start(&p);
		peer_reach(&p, row[i].in);
		assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &n), row[i].send);
		assert_int_equal(reftcp_receive(p.stack, p.id, &c, 1, p.now, &got), row[i].receive);
		if (row[i].receive == 0)
			assert_true(got.end);
		assert_int_equal(reftcp_close(p.stack, p.id, p.now), row[i].close);
		assert_int_equal(reftcp_counters(p.stack)->illegal_edges, 0);
	}
}

/* 3.10.4, SYN-RECEIVED: with data queued, CLOSE waits for ESTABLISHED. */
static void close__syn_received_with_data__waits_then_sends_both(void **state)
{
	size_t n;

	(void)state;
	peer_reach(&p, REFTCP_SYN_RECEIVED);
	assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &n), 0);
	assert_int_equal(reftcp_close(p.stack, p.id, p.now), 0);
	assert_int_equal(status().state, REFTCP_SYN_RECEIVED);
	assert_int_equal(reftcp_send(p.stack, p.id, "y", 1, 0, p.now, &n), -EPIPE);
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_int_equal(status().state, REFTCP_FIN_WAIT_1);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 1);
	assert_true(p.out.ctl & CTL_FIN);
}

/* 3.10.2, LISTEN: SEND makes it active, the data goes out when it is ESTABLISHED. */
static void send__in_listen_with_remote__is_sent_later(void **state)
{
	struct reftcp_open args = {.local = p.ours, .remote = p.theirs};
	size_t n;

	(void)state;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
	assert_int_equal(reftcp_send(p.stack, p.id, "later", 5, 0, p.now, &n), 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_SYN);
	assert_int_equal(p.out.text_len, 0);
	peer_send(&p, CTL_SYN | CTL_ACK, 0, 1, NULL, 0);
	assert_true(peer_take(&p));
	assert_memory_equal(p.out.text, "later", 5);
}

/* ---- what goes into the IP header ---- */

/* MUST-48, 49, SHLD-21, 22, MAY-9. */
static void dscp_and_ttl__given_and_changed__are_on_the_wire(void **state)
{
	struct reftcp_open args = {
		.active = true, .local = p.ours, .remote = p.theirs, .dscp = 46, .ttl = 5};

	(void)state;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.dscp, 46);
	assert_int_equal(p.out.ttl, 5);
	assert_int_equal(reftcp_set(p.stack, p.id, REFTCP_OPT_DSCP, 10, p.now), 0);
	assert_int_equal(reftcp_set(p.stack, p.id, REFTCP_OPT_TTL, 200, p.now), 0);
	peer_wait(&p, 1100 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.dscp, 10);
	assert_int_equal(p.out.ttl, 200);
	assert_int_equal(status().dscp, 10);
	assert_int_equal(status().received_dscp, 0);
}

/* ---- initial sequence numbers, 3.4.1 ---- */

/* MUST-8: about one every 4 microseconds. */
static void isn__same_sockets_later__moves_with_the_clock(void **state)
{
	uint8_t bytes[16] = {1, 2, 3};
	struct siphash_key key = siphash_key_from(bytes);
	struct seq a = secret_isn(&key, &p.ours, &p.theirs, REFTCP_S);
	struct seq b = secret_isn(&key, &p.ours, &p.theirs, 2 * REFTCP_S);

	(void)state;
	assert_int_equal(seq_diff(b, a), 250000);
}

/* SHLD-1, MUST-9: other sockets or another secret, and nothing can be told from it. */
static void isn__other_sockets_or_secret__are_unrelated(void **state)
{
	uint8_t bytes[16] = {1, 2, 3};
	struct siphash_key key = siphash_key_from(bytes), other;
	struct reftcp_endpoint next = p.theirs;
	uint32_t seen[64], n = 0;

	(void)state;
	for (int i = 0; i < 63; i++, next.port++)
		seen[n++] = secret_isn(&key, &p.ours, &next, REFTCP_S).n;
	bytes[0] = 2;
	other = siphash_key_from(bytes);
	seen[n++] = secret_isn(&other, &p.ours, &p.theirs, REFTCP_S).n;
	/* Neighbours differ in about half of their bits; a counter would not. */
	for (uint32_t i = 1; i < n; i++)
		assert_in_range(__builtin_popcount(seen[i] ^ seen[i - 1]), 5, 27);
}

/* One purpose, one function: an ISN says nothing about timestamps. */
static void secret__two_uses__are_unrelated(void **state)
{
	uint8_t bytes[16] = {9};
	struct siphash_key key = siphash_key_from(bytes);

	(void)state;
	assert_true(secret_hash(&key, SECRET_ISN, &p.ours, &p.theirs, 0) !=
		    secret_hash(&key, SECRET_TIMESTAMP, &p.ours, &p.theirs, 0));
}

/* ---- ICMP ---- */

static void icmp(uint8_t type, uint8_t code, uint32_t rest, uint32_t seq_off, uint8_t damage)
{
	peer_icmp(&p, type, code, rest, seq_off, damage);
}

static void send_data(size_t len)
{
	static uint8_t zeros[10000];
	size_t n;

	assert_int_equal(reftcp_send(p.stack, p.id, zeros, len, 0, p.now, &n), 0);
	assert_true(peer_take(&p));
}

/* MUST-54, 56, SHLD-25, MUST-47. */
static void icmp__soft_errors__are_told_and_do_not_abort(void **state)
{
	static const struct {
		uint8_t type, code;
		int error;
	} row[] = {{3, 0, ENETUNREACH},   {3, 1, EHOSTUNREACH},  {3, 5, EHOSTUNREACH},
		   {11, 0, EHOSTUNREACH}, {11, 1, EHOSTUNREACH}, {12, 0, EPROTO}};

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_data(10);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		peer_events(&p);
		icmp(row[i].type, row[i].code, 0, 0, 0);
		assert_true(peer_events(&p) & REFTCP_EVENT_SOFT_ERROR);
		assert_int_equal(status().soft_error, row[i].error);
		assert_int_equal(status().state, REFTCP_ESTABLISHED);
	}
}

static void icmp__soft_error_in_syn_sent__does_not_abort(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	icmp(3, 1, 0, 0, 0);
	assert_int_equal(status().state, REFTCP_SYN_SENT);
	assert_int_equal(status().soft_error, EHOSTUNREACH);
}

/* MUST-55. */
static void icmp__source_quench__is_discarded(void **state)
{
	uint32_t cwnd;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_data(10);
	peer_events(&p);
	cwnd = status().cwnd;
	icmp(4, 0, 0, 0, 0);
	assert_int_equal(peer_events(&p), 0);
	assert_int_equal(status().cwnd, cwnd);
	assert_int_equal(reftcp_counters(p.stack)->icmp_ignored, 1);
}

/* RFC 5927 4.1, and 5.2 for hard errors. */
static void icmp__not_of_outstanding_data__is_ignored(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_data(10);
	icmp(3, 1, 0, 10, 0); /* SND.NXT */
	icmp(3, 1, 0, (uint32_t)-1, 0);
	icmp(3, 1, 0, 0, 1); /* checksum */
	assert_int_equal(status().soft_error, 0);
	assert_int_equal(reftcp_counters(p.stack)->icmp_ignored, 3);
	icmp(3, 3, 0, 0, 0);
	assert_int_equal(status().state, REFTCP_ESTABLISHED);
	assert_int_equal(status().soft_error, ECONNREFUSED);
}

/* RFC 1191: smaller segments, and what was too big again at once. */
static void icmp__too_big__segments_shrink(void **state)
{
	(void)state;
	p.syn_opt.mss = 9000;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_data(2000);
	assert_int_equal(p.packet_len, 1500);
	icmp(3, 4, 1600, 0, 0); /* larger than what was sent: a lie */
	assert_int_equal(status().mss, 1460);
	icmp(3, 4, 800, 0, 0);
	assert_int_equal(status().mss, 760);
	assert_true(peer_take(&p));
	assert_int_equal(p.packet_len, 800);
	assert_int_equal(p.out.seq.n, 1);
	icmp(3, 4, 20, 0, 0); /* absurdly small */
	assert_int_equal(status().mss, 108 - 40);
}

/* RFC 1191 6.3, 4821: after ten minutes a larger size is tried, by one segment. */
static void icmp__too_big_long_ago__larger_is_tried_again(void **state)
{
	uint32_t end;

	(void)state;
	p.syn_opt.mss = 9000;
	peer_reach(&p, REFTCP_ESTABLISHED);
	send_data(2000);
	icmp(3, 4, 800, 0, 0);
	for (int later = 0; later < 2; later++) {
		peer_drain(&p);
		end = status().snd_nxt - status().iss;
		peer_send(&p, CTL_ACK, 1, end, NULL, 0);
		peer_drain(&p);
		end = status().snd_nxt - status().iss;
		peer_send(&p, CTL_ACK, 1, end, NULL, 0);
		p.now += (later ? 601 : 300) * REFTCP_S;
		send_data(7000);
		assert_int_equal(p.packet_len, later ? 1150 : 800);
	}
	peer_send(&p, CTL_ACK, 1, p.out.seq.n + p.out.text_len, NULL, 0);
	assert_int_equal(status().mss, 1110);
}

/* ---- rules ---- */

static void rules__every_row__has_a_clause_and_differs_where_it_has_an_id(void **state)
{
	struct reftcp_rule standard, linux_rule;
	size_t n;

	(void)state;
	for (n = 0; reftcp_rule_at(REFTCP_STANDARD, n, &standard) == 0; n++) {
		assert_int_equal(reftcp_rule_at(REFTCP_LINUX, n, &linux_rule), 0);
		assert_string_equal(standard.name, linux_rule.name);
		assert_memory_equal(standard.clause, "RFC ", 4);
		assert_true(standard.value == standard.standard);
		assert_true(linux_rule.standard == standard.standard);
		if (linux_rule.id)
			assert_true(linux_rule.value != linux_rule.standard);
	}
	assert_true(n > 10);
	assert_int_equal(reftcp_rule_at(REFTCP_LINUX, n, &linux_rule), -ENOENT);
	assert_int_equal(reftcp_rule_at((enum reftcp_personality)7, 0, &linux_rule), -EINVAL);
}

static void rules__time_wait__lasts_as_the_personality_says(void **state)
{
	(void)state;
	p.config.personality = REFTCP_LINUX;
	peer_end(&p);
	peer_start(&p);
	peer_reach(&p, REFTCP_TIME_WAIT);
	peer_wait(&p, 59 * REFTCP_S);
	assert_int_equal(status().state, REFTCP_TIME_WAIT);
	peer_wait(&p, 2 * REFTCP_S);
	assert_int_equal(status().state, REFTCP_CLOSED);
}

static void rules__bad_segments__are_answered_twice_a_second_at_most(void **state)
{
	unsigned int answered = 0;

	(void)state;
	p.config.personality = REFTCP_LINUX;
	peer_end(&p);
	peer_start(&p);
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (int i = 0; i < 100; i++) {
		p.now += 10 * REFTCP_MS;
		peer_send(&p, CTL_ACK, 30000, 1, NULL, 0);
		answered += peer_drain(&p);
	}
	assert_int_equal(answered, 2);
}

/* config and stack */
static void new__bad_configuration__is_refused(void **state)
{
	struct reftcp_stack *s = (struct reftcp_stack *)&p;
	struct reftcp_config c;

	(void)state;
	assert_int_equal(reftcp_new(&s, NULL, 0), -EINVAL);
	reftcp_config_default(&c);
	c.connections = 0;
	assert_int_equal(reftcp_new(&s, &c, 0), -EINVAL);
	reftcp_config_default(&c);
	c.chunk_size = 1000;
	assert_int_equal(reftcp_new(&s, &c, 0), -EINVAL);
	reftcp_config_default(&c);
	c.mtu = 67;
	assert_int_equal(reftcp_new(&s, &c, 0), -EINVAL);
	reftcp_config_default(&c);
	c.port_low = 10;
	c.port_high = 9;
	assert_int_equal(reftcp_new(&s, &c, 0), -EINVAL);
	assert_ptr_equal(s, &p);
	assert_true(reftcp_memory(p.stack) > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(open__bad_arguments__are_refused),
		T(open__passive_twice__leaves_the_first_alone),
		T(open__active_twice__already_exists),
		T(open__no_local_address__takes_ours_and_keeps_it),
		T(open__pool_used_up__insufficient_resources),
		T(calls__stale_name__no_such_connection),
		T(calls__null_or_empty__are_refused),
		T(calls__every_state__as_3_10_says),
		T(close__syn_received_with_data__waits_then_sends_both),
		T(send__in_listen_with_remote__is_sent_later),
		T(dscp_and_ttl__given_and_changed__are_on_the_wire),
		T(isn__same_sockets_later__moves_with_the_clock),
		T(isn__other_sockets_or_secret__are_unrelated),
		T(secret__two_uses__are_unrelated),
		T(icmp__soft_errors__are_told_and_do_not_abort),
		T(icmp__soft_error_in_syn_sent__does_not_abort),
		T(icmp__source_quench__is_discarded),
		T(icmp__not_of_outstanding_data__is_ignored),
		T(icmp__too_big__segments_shrink),
		T(icmp__too_big_long_ago__larger_is_tried_again),
		T(rules__every_row__has_a_clause_and_differs_where_it_has_an_id),
		T(rules__time_wait__lasts_as_the_personality_says),
		T(rules__bad_segments__are_answered_twice_a_second_at_most),
		T(new__bad_configuration__is_refused),
	};

	return cmocka_run_group_tests_name("reftcp_calls", tests, NULL, NULL);
}
