/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts below the machine: numbers, sums, options, packets, streams, the wheel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reftcp/addr.h"
#include "reftcp/inetsum.h"
#include "reftcp/segment.h"
#include "reftcp/seq.h"
#include "reftcp/sim/link.h"
#include "reftcp/siphash.h"
#include "reftcp/stream.h"
#include "reftcp/tcpopt.h"
#include "reftcp/wheel.h"

static void seq__across_the_wrap__is_ordered(void **state)
{
	struct seq high = seq_of(0xfffffff0u), low = seq_of(0x10);

	(void)state;
	assert_true(seq_lt(high, low));
	assert_false(seq_lt(low, high));
	assert_true(seq_gt(low, high));
	assert_true(seq_leq(high, high));
	assert_true(seq_geq(high, high));
	assert_false(seq_lt(high, high));
	assert_int_equal(seq_diff(low, high), 0x20);
	assert_int_equal(seq_add(high, 0x20).n, 0x10);
	assert_int_equal(seq_sub(low, 0x20).n, 0xfffffff0u);
	assert_int_equal(seq_max(high, low).n, low.n);
	assert_int_equal(seq_min(high, low).n, high.n);
	assert_true(seq_in(low, high, 0x21));
	assert_false(seq_in(low, high, 0x20));
	assert_false(seq_in(high, high, 0));
}

static void seq__half_the_space_apart__is_neither_before(void **state)
{
	struct seq a = seq_of(5), b = seq_of(5 + 0x80000000u);

	(void)state;
	assert_false(seq_lt(a, b));
	assert_false(seq_lt(b, a));
	assert_true(seq_lt(a, seq_sub(b, 1)));
}

/* The vectors of the paper's appendix A: key 00..0f, input 00..0e. */
static void siphash__paper_vector__matches(void **state)
{
	uint8_t key[16], in[15];
	struct siphash_key k;

	(void)state;
	for (unsigned int i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	for (unsigned int i = 0; i < 15; i++)
		in[i] = (uint8_t)i;
	k = siphash_key_from(key);
	assert_true(siphash(&k, in, 15) == 0xa129ca6149be45e5u);
	assert_true(siphash(&k, in, 0) == 0x726fdb47dd0e0e31u);
}

/* RFC 1071 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2. */
static void inetsum__rfc1071_example__matches(void **state)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint16_t sum = inetsum_finish(inetsum_add(0, data, sizeof(data)));
	uint8_t b[2];

	(void)state;
	memcpy(b, &sum, 2);
	assert_int_equal(b[0], 0x22);
	assert_int_equal(b[1], 0x0d);
}

static uint16_t slow_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The same code as it is where a processor has no wide vectors. */
#define inetsum_add narrow_add
#define inetsum_copy narrow_copy
#define inetsum_pseudo narrow_pseudo
#define inetsum_finish narrow_finish
#define __builtin_cpu_supports(what) 0
#include "reftcp/inetsum.c"
#undef inetsum_add
#undef inetsum_copy
#undef inetsum_pseudo
#undef inetsum_finish
#undef __builtin_cpu_supports

static void inetsum__without_wide_vectors__gives_the_same(void **state)
{
	static uint8_t data[3000], copy[3000];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 193 + i / 7);
	for (size_t n = 0; n < sizeof(data); n += 1 + n / 50) {
		uint16_t want = inetsum_finish(inetsum_add(0, data, n));

		assert_int_equal(narrow_finish(narrow_add(0, data, n)), want);
		memset(copy, 0xee, sizeof(copy));
		assert_int_equal(narrow_finish(narrow_copy(0, copy, data, n)), want);
		assert_memory_equal(copy, data, n);
		assert_true(n == sizeof(copy) || copy[n] == 0xee);
	}
}

static void inetsum__any_length__agrees_with_the_definition(void **state)
{
	uint8_t data[300], copy[300], b[2];
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)link_random(&seed);
	for (size_t n = 0; n <= sizeof(data); n++) {
		uint16_t want = slow_sum(data, n);
		uint16_t got = inetsum_finish(inetsum_add(0, data, n));
		uint16_t copied = inetsum_finish(inetsum_copy(0, copy, data, n));

		memcpy(b, &got, 2);
		assert_int_equal(b[0] << 8 | b[1], want);
		assert_int_equal(copied, got);
		assert_memory_equal(copy, data, n);
	}
}

static void tcpopt__everything__survives_a_round_trip(void **state)
{
	struct tcpopt in = {.has = TCPOPT_MSS | TCPOPT_SCALE | TCPOPT_SACK_OK | TCPOPT_TS |
				   TCPOPT_UTO,
			    .mss = 1460,
			    .scale = 7,
			    .ts_val = 0x01020304,
			    .ts_ecr = 0xfffefdfc,
			    .uto_minutes = true,
			    .uto = 300};
	struct tcpopt out = {0};
	uint8_t buf[TCPOPT_MAX];
	size_t n = tcpopt_build(&in, buf);

	(void)state;
	assert_int_equal(n, tcpopt_length(&in));
	assert_int_equal(n % 4, 0);
	tcpopt_parse(&out, buf, n);
	assert_memory_equal(&out, &in, sizeof(in));
}

static void tcpopt__sack_beside_timestamps__keeps_three_blocks(void **state)
{
	struct tcpopt in = {.has = TCPOPT_TS | TCPOPT_SACK, .sacks = 4};
	struct tcpopt out;
	uint8_t buf[TCPOPT_MAX];
	size_t n;

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		in.sack[i] = (struct sack_block){seq_of(i * 100), seq_of(i * 100 + 50)};
	n = tcpopt_build(&in, buf);
	assert_int_equal(n, 40);
	assert_int_equal(tcpopt_length(&in), 40);
	tcpopt_parse(&out, buf, n);
	assert_int_equal(out.sacks, 3);
	assert_int_equal(out.sack[2].left.n, 200);
}

static void tcpopt__illegal_lengths__end_the_parse_and_keep_what_was_read(void **state)
{
	static const uint8_t zero[] = {2, 4, 5, 180, 8, 0, 1, 1};
	static const uint8_t one[] = {2, 4, 5, 180, 8, 1, 1, 1};
	static const uint8_t beyond[] = {2, 4, 5, 180, 8, 10, 1, 1};
	static const uint8_t cut[] = {2, 4, 5, 180, 8};
	struct tcpopt o;

	(void)state;
	tcpopt_parse(&o, zero, sizeof(zero));
	assert_int_equal(o.has, TCPOPT_MSS | TCPOPT_MALFORMED);
	assert_int_equal(o.mss, 1460);
	tcpopt_parse(&o, one, sizeof(one));
	assert_int_equal(o.has, TCPOPT_MSS | TCPOPT_MALFORMED);
	tcpopt_parse(&o, beyond, sizeof(beyond));
	assert_int_equal(o.has, TCPOPT_MSS | TCPOPT_MALFORMED);
	tcpopt_parse(&o, cut, sizeof(cut));
	assert_int_equal(o.has, TCPOPT_MSS | TCPOPT_MALFORMED);
}

static void tcpopt__unknown_and_unaligned__are_stepped_over(void **state)
{
	static const uint8_t p[] = {1, 253, 5, 9, 9, 9, 1, 3, 3, 20, 2, 4, 1, 0, 0, 77};
	struct tcpopt o;

	(void)state;
	tcpopt_parse(&o, p, sizeof(p));
	assert_int_equal(o.has, TCPOPT_MSS | TCPOPT_SCALE | TCPOPT_MALFORMED);
	assert_int_equal(o.scale, 14); /* RFC 7323 2.3: 20 is taken as 14 */
	assert_int_equal(o.mss, 256);
}

static struct segment sample(uint8_t family)
{
	struct segment s = {.src = {{family, {10, 1, 2, 3, 5}}, 1234},
			    .dst = {{family, {10, 4, 5, 6, 7}}, 80},
			    .ttl = 61,
			    .dscp = 46,
			    .ecn = ECN_ECT_0,
			    .ctl = CTL_ACK | CTL_PSH | CTL_URG,
			    .seq = seq_of(0xdeadbeef),
			    .ack = seq_of(0x12345678),
			    .wnd = 4321,
			    .up = 3,
			    .opt = {.has = TCPOPT_TS, .ts_val = 1, .ts_ecr = 2},
			    .text_len = 5};

	if (family == 4)
		memset(s.src.addr.byte + 4, 0, 12), memset(s.dst.addr.byte + 4, 0, 12);
	return s;
}

static size_t build(const struct segment *s, uint8_t *buf, const char *text)
{
	size_t head = segment_header_length(s);

	memcpy(buf + head, text, s->text_len);
	assert_int_equal(segment_build(s, inetsum_add(0, text, s->text_len), buf), head);
	return head + s->text_len;
}

static void round_trip(uint8_t family)
{
	struct segment in = sample(family), out;
	struct packet ip;
	uint8_t buf[200];
	size_t n = build(&in, buf, "hello");

	assert_int_equal(packet_parse(&ip, buf, n), SEGMENT_OK);
	assert_int_equal(segment_parse(&out, &ip, true), SEGMENT_OK);
	assert_true(endpoint_equal(&out.src, &in.src));
	assert_true(endpoint_equal(&out.dst, &in.dst));
	assert_int_equal(out.ttl, 61);
	assert_int_equal(out.dscp, 46);
	assert_int_equal(out.ecn, ECN_ECT_0);
	assert_int_equal(out.ctl, in.ctl);
	assert_int_equal(out.seq.n, in.seq.n);
	assert_int_equal(out.ack.n, in.ack.n);
	assert_int_equal(out.wnd, in.wnd);
	assert_int_equal(out.up, 3);
	assert_int_equal(out.text_len, 5);
	assert_memory_equal(out.text, "hello", 5);
	assert_int_equal(segment_length(&out), 5);
}

static void segment__ipv4__survives_a_round_trip(void **state)
{
	(void)state;
	round_trip(4);
}

static void segment__ipv6__survives_a_round_trip(void **state)
{
	(void)state;
	round_trip(6);
}

/* A bit flipped anywhere the checksums cover must be noticed. */
static void segment__any_flipped_bit__is_refused(void **state)
{
	struct segment in, out;
	struct packet ip;
	uint8_t buf[200];

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		size_t n, first = family == 4 ? 0 : 8;

		in = sample(family);
		n = build(&in, buf, "hello");
		for (size_t bit = first * 8; bit < n * 8; bit++) {
			buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_false(packet_parse(&ip, buf, n) == SEGMENT_OK &&
				     segment_parse(&out, &ip, true) == SEGMENT_OK);
			buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

/* Cut at every length, in a buffer of exactly that size, so that a sanitizer sees each octet
 * beyond. */
static void segment__cut_anywhere__is_refused(void **state)
{
	struct segment in, out;
	struct packet ip;
	uint8_t buf[200];

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		size_t n;

		in = sample(family);
		n = build(&in, buf, "hello");
		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *p = malloc(cut ? cut : 1);

			assert_non_null(p);
			memcpy(p, buf, cut);
			assert_false(packet_parse(&ip, p, cut) == SEGMENT_OK &&
				     segment_parse(&out, &ip, true) == SEGMENT_OK);
			free(p);
		}
	}
}

static void segment__fragment_or_other_protocol__is_told_apart(void **state)
{
	struct segment in = sample(4), out;
	struct packet ip;
	uint8_t buf[200];
	uint16_t sum = 0;
	size_t n = build(&in, buf, "hello");

	(void)state;
	buf[6] = 0x20; /* more fragments */
	memcpy(buf + 10, &sum, 2);
	sum = inetsum_finish(inetsum_add(0, buf, 20));
	memcpy(buf + 10, &sum, 2);
	assert_int_equal(packet_parse(&ip, buf, n), SEGMENT_FRAGMENT);
	n = build(&in, buf, "hello");
	assert_int_equal(packet_parse(&ip, buf, n), SEGMENT_OK);
	ip.proto = 17;
	assert_int_equal(segment_parse(&out, &ip, true), SEGMENT_NOT_TCP);
}

/* MUST-50: IPv4 options and IPv6 extension headers are stepped over. */
static void segment__ip_options__are_stepped_over(void **state)
{
	struct segment in = sample(6), out;
	struct packet ip;
	uint8_t buf[200], ext[208];
	size_t n = build(&in, buf, "hello");

	(void)state;
	memcpy(ext, buf, 40);
	ext[6] = 0; /* hop-by-hop */
	memset(ext + 40, 0, 8);
	ext[40] = 6;
	ext[42] = 1; /* PadN of 4 */
	ext[43] = 4;
	memcpy(ext + 48, buf + 40, n - 40);
	ext[4] = (uint8_t)((n - 40 + 8) >> 8);
	ext[5] = (uint8_t)(n - 40 + 8);
	assert_int_equal(packet_parse(&ip, ext, n + 8), SEGMENT_OK);
	assert_int_equal(segment_parse(&out, &ip, true), SEGMENT_OK);
	assert_memory_equal(out.text, "hello", 5);

	in = sample(4);
	n = build(&in, buf, "hello");
	memcpy(ext, buf, 20);
	ext[0] = 0x46;
	ext[3] = (uint8_t)(ext[3] + 4);
	memset(ext + 20, 1, 4); /* NOPs */
	memset(ext + 10, 0, 2);
	memcpy(ext + 24, buf + 20, n - 20);
	{
		uint16_t sum = inetsum_finish(inetsum_add(0, ext, 24));

		memcpy(ext + 10, &sum, 2);
	}
	assert_int_equal(packet_parse(&ip, ext, n + 4), SEGMENT_OK);
	assert_int_equal(segment_parse(&out, &ip, true), SEGMENT_OK);
	assert_memory_equal(out.text, "hello", 5);
}

static void stream__random_writes_and_drops__keep_every_octet(void **state)
{
	enum {
		LIMIT = 5000,
		CHUNK = 256
	};
	struct chunk_pool pool;
	struct stream st;
	uint32_t dir[32];
	uint8_t data[LIMIT], got[LIMIT];
	uint64_t seed = 42, base = 0;
	uint32_t filled = 0;

	(void)state;
	assert_int_equal(chunk_pool_init(&pool, 40, CHUNK), 0);
	assert_true(stream_slots(LIMIT, CHUNK) <= 32);
	stream_init(&st, dir, stream_slots(LIMIT, CHUNK), LIMIT);
	for (int round = 0; round < 3000; round++) {
		uint32_t n = (uint32_t)(link_random(&seed) % 700);
		uint16_t sum;

		if (n > LIMIT - filled)
			n = LIMIT - filled;
		for (uint32_t i = 0; i < n; i++)
			data[i] = (uint8_t)((base + filled + i) * 31 >> 3);
		assert_int_equal(stream_write(&st, &pool, filled, data, n), 0);
		filled += n;
		n = filled ? (uint32_t)(link_random(&seed) % filled) : 0;
		sum = inetsum_finish(stream_read_sum(&st, &pool, 0, got, n));
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(got[i], (uint8_t)((base + i) * 31 >> 3));
		assert_int_equal(sum, inetsum_finish(inetsum_add(0, got, n)));
		stream_drop(&st, &pool, n);
		base += n;
		filled -= n;
	}
	stream_drop(&st, &pool, filled);
	assert_int_equal(pool.available, 40);
	chunk_pool_release(&pool);
}

static void stream__pool_used_up__writes_nothing(void **state)
{
	struct chunk_pool pool;
	struct stream st;
	uint32_t dir[10];
	uint8_t data[1000] = {0};

	(void)state;
	assert_int_equal(chunk_pool_init(&pool, 2, 256), 0);
	stream_init(&st, dir, 5, 1000);
	assert_int_equal(stream_write(&st, &pool, 0, data, 600), -ENOBUFS);
	assert_int_equal(pool.available, 2);
	assert_int_equal(stream_write(&st, &pool, 0, data, 512), 0);
	assert_int_equal(pool.available, 0);
	stream_clear(&st, &pool);
	assert_int_equal(pool.available, 2);
	chunk_pool_release(&pool);
}

struct fired {
	struct wheel *w;
	uint64_t tick, last;
	unsigned int count;
	bool early, disordered;
};

static void on_fire(void *ctx, struct wheel_node *node)
{
	struct fired *f = ctx;

	f->early = f->early || node->due > f->tick;
	f->disordered = f->disordered || node->due < f->last;
	f->last = node->due;
	f->count++;
}

static void wheel__random_deadlines__fire_in_order_and_on_time(void **state)
{
	enum {
		N = 2000
	};
	static struct wheel w;
	static struct wheel_node node[N];
	struct fired f = {.w = &w};
	uint64_t seed = 7, now = 12345678901234u, late = 0;

	(void)state;
	wheel_init(&w, now);
	for (unsigned int i = 0; i < N; i++) {
		unsigned int shift = (unsigned int)(link_random(&seed) % 34);

		wheel_set(&w, &node[i], now + (link_random(&seed) >> (64 - 20 - shift)));
		late = node[i].due > late ? node[i].due : late;
	}
	for (unsigned int i = 0; i < N; i += 5)
		wheel_clear(&w, &node[i]);
	while (f.count < N - N / 5) {
		uint64_t next = wheel_next(&w);

		assert_true(next != REFTCP_NEVER);
		assert_true(next > now);
		now = next;
		f.tick = now >> WHEEL_TICK_SHIFT;
		wheel_advance(&w, now, on_fire, &f);
	}
	assert_false(f.early);
	assert_false(f.disordered);
	assert_true(wheel_next(&w) == REFTCP_NEVER);
	assert_true(now >> WHEEL_TICK_SHIFT <= late);
}

static void wheel__one_long_jump__fires_all_that_is_due(void **state)
{
	static struct wheel w;
	static struct wheel_node node[3];
	struct fired f = {.w = &w, .tick = UINT64_MAX};

	(void)state;
	wheel_init(&w, 0);
	wheel_set(&w, &node[0], 1);
	wheel_set(&w, &node[1], 3600 * REFTCP_S);
	wheel_set(&w, &node[2], 100 * 86400 * REFTCP_S);
	wheel_advance(&w, 86400 * REFTCP_S, on_fire, &f);
	assert_int_equal(f.count, 2);
	assert_true(wheel_queued(&node[2]));
	wheel_advance(&w, 101 * 86400 * REFTCP_S, on_fire, &f);
	assert_int_equal(f.count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seq__across_the_wrap__is_ordered),
		cmocka_unit_test(seq__half_the_space_apart__is_neither_before),
		cmocka_unit_test(siphash__paper_vector__matches),
		cmocka_unit_test(inetsum__rfc1071_example__matches),
		cmocka_unit_test(inetsum__any_length__agrees_with_the_definition),
		cmocka_unit_test(inetsum__without_wide_vectors__gives_the_same),
		cmocka_unit_test(tcpopt__everything__survives_a_round_trip),
		cmocka_unit_test(tcpopt__sack_beside_timestamps__keeps_three_blocks),
		cmocka_unit_test(tcpopt__illegal_lengths__end_the_parse_and_keep_what_was_read),
		cmocka_unit_test(tcpopt__unknown_and_unaligned__are_stepped_over),
		cmocka_unit_test(segment__ipv4__survives_a_round_trip),
		cmocka_unit_test(segment__ipv6__survives_a_round_trip),
		cmocka_unit_test(segment__any_flipped_bit__is_refused),
		cmocka_unit_test(segment__cut_anywhere__is_refused),
		cmocka_unit_test(segment__fragment_or_other_protocol__is_told_apart),
		cmocka_unit_test(segment__ip_options__are_stepped_over),
		cmocka_unit_test(stream__random_writes_and_drops__keep_every_octet),
		cmocka_unit_test(stream__pool_used_up__writes_nothing),
		cmocka_unit_test(wheel__random_deadlines__fire_in_order_and_on_time),
		cmocka_unit_test(wheel__one_long_jump__fires_all_that_is_due),
	};

	return cmocka_run_group_tests_name("reftcp_basics", tests, NULL, NULL);
}
