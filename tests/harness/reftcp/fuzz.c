/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "reftcp/inetsum.h"
#include "reftcp/invariant.h"
#include "reftcp/peer.h"
#include "reftcp/shadow.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Addresses, ports near the connection's, and sums: so that the inside is reached. */
static size_t mend(const struct peer *p, uint8_t *buf, const uint8_t *data, size_t size)
{
	uint16_t sum;

	if (size < 12)
		return 0;
	memset(buf, 0, 20);
	buf[0] = 0x45;
	buf[2] = (uint8_t)((size + 20) >> 8);
	buf[3] = (uint8_t)(size + 20);
	buf[8] = 64;
	buf[9] = 6;
	memcpy(buf + 12, p->theirs.addr.byte, 4);
	memcpy(buf + 16, p->ours.addr.byte, 4);
	sum = inetsum_finish(inetsum_add(0, buf, 20));
	memcpy(buf + 10, &sum, 2);
	memcpy(buf + 20, data, size);
	buf[20] = (uint8_t)(p->theirs.port >> 8);
	buf[21] = (uint8_t)p->theirs.port;
	buf[22] = 0;
	buf[23] = (uint8_t)p->ours.port;
	/* Numbers near the ones that count: the two low octets are the fuzzer's. */
	buf[24] = (uint8_t)(p->isn >> 24);
	buf[25] = (uint8_t)(p->isn >> 16);
	buf[28] = (uint8_t)(p->iss >> 24);
	buf[29] = (uint8_t)(p->iss >> 16);
	return size + 20;
}

static void arrive(struct peer *p, const uint8_t *data, size_t size)
{
	/* Exactly as large as it says: a sanitizer sees what lies beyond. */
	uint8_t *copy = malloc(size ? size : 1);

	must(copy);
	memcpy(copy, data, size);
	must(reftcp_arrives(p->stack, copy, size, p->now, &p->verdict) == 0);
	free(copy);
	must(!invariant_broken(p->stack));
	peer_drain(p);
	must(!invariant_broken(p->stack));
}

void fuzz_packet(const uint8_t *data, size_t size)
{
	static uint8_t buf[4096];

	if (size > 2000)
		return;
	for (unsigned int state = 0; state < REFTCP_STATE_COUNT; state++) {
		struct peer *p = calloc(1, sizeof(*p));

		must(p);
		peer_init(p);
		p->config.verify_checksums = false;
		p->config.timestamps = p->config.sack = p->config.window_scale = size & 1;
		p->config.source_routes = size & 2;
		p->config.chunks = 40;
		p->config.segments = 64;
		peer_start(p);
		peer_reach(p, (enum reftcp_state)state);
		arrive(p, data, size);
		arrive(p, buf, mend(p, buf, data, size));
		peer_wait(p, 2 * REFTCP_S);
		must(!invariant_broken(p->stack));
		peer_end(p);
		free(p);
	}
}

void fuzz_options(const uint8_t *data, size_t size)
{
	struct tcpopt o, again;
	uint8_t out[TCPOPT_MAX];
	uint8_t *copy = malloc(size ? size : 1);
	size_t n;

	must(copy);
	memcpy(copy, data, size);
	tcpopt_parse(&o, copy, size);
	free(copy);
	must(o.sacks <= TCPOPT_SACK_MAX && o.cookie_len <= TCPOPT_COOKIE_MAX && o.scale <= 14);
	n = tcpopt_build(&o, out);
	must(n <= TCPOPT_MAX && n % 4 == 0 && n == tcpopt_length(&o));
	/* What was built reads the same, but for what there was no room for. */
	tcpopt_parse(&again, out, n);
	must(!(again.has & TCPOPT_MALFORMED));
	must(!(again.has & ~o.has));
	if (again.has & TCPOPT_TS)
		must(again.ts_val == o.ts_val && again.ts_ecr == o.ts_ecr);
	if (again.has & TCPOPT_MSS)
		must(again.mss == o.mss);
}

/* Five octets a step: what, and four of how. */
static void step(struct peer *p, const uint8_t *s)
{
	static uint8_t text[2000];
	struct reftcp_received got;
	struct reftcp_status st;
	uint32_t seq = 0, ack = 0;
	size_t n;

	if (reftcp_status(p->stack, p->id, &st) == 0 && st.state != REFTCP_CLOSED) {
		seq = st.rcv_nxt - p->isn + (uint32_t)(int8_t)s[2] * (s[3] & 1 ? 100 : 1);
		p->iss = st.iss;
		ack = st.snd_una - st.iss + (uint32_t)s[4] * (s[3] & 2 ? 100 : 1);
	}
	switch (s[0] % 10) {
	case 0:
		reftcp_send(p->stack, p->id, text, 1 + s[1] * 7u, s[2] & 3, p->now, &n);
		break;
	case 1:
		reftcp_receive(p->stack, p->id, text, 1 + s[1] * 7u, p->now, &got);
		break;
	case 2:
		reftcp_close(p->stack, p->id, p->now);
		break;
	case 3:
		peer_wait(p, (reftcp_time)(s[1] << 8 | s[2]) * REFTCP_MS);
		break;
	case 4:
		if (s[1] > 250)
			reftcp_abort(p->stack, p->id, p->now);
		break;
	case 5:
		peer_drain(p);
		break;
	default:
		peer_send_full(p, s[1], seq, ack, (uint16_t)(s[3] << 8),
			       s[1] & CTL_SYN ? &p->syn_opt : NULL, s[2], text,
			       s[3] & 4 ? s[4] * 5u : 0);
		break;
	}
}

void fuzz_connection(const uint8_t *data, size_t size)
{
	struct peer *p = calloc(1, sizeof(*p));

	must(p);
	peer_init(p);
	p->config.chunks = 12;
	p->config.segments = 8;
	p->config.sack = size && data[0] & 1;
	p->config.on_transition = NULL;
	peer_start(p);
	peer_reach(p, size && data[0] & 2 ? REFTCP_ESTABLISHED : REFTCP_LISTEN);
	for (size_t i = 1; i + 5 <= size && i < 2000; i += 5) {
		step(p, data + i);
		must(!invariant_broken(p->stack));
	}
	peer_end(p);
	free(p);
}

void fuzz_shadow(const uint8_t *data, size_t size)
{
	struct reftcp_shadows_config config = {.endpoints = 3};
	struct reftcp_shadows *set;
	struct peer end;
	uint8_t buf[200];

	peer_init(&end);
	must(reftcp_shadows_new(&set, &config, REFTCP_S) == 0);
	for (size_t i = 0; i + 20 <= size && i < 2000; i += 20) {
		struct segment seg = {.src = end.theirs, .dst = end.ours, .ttl = 9};
		const uint8_t *s = data + i;
		struct reftcp_shadow_verdict v;
		size_t head;

		if (s[0] & 1) {
			seg.src = end.ours;
			seg.dst = end.theirs;
		}
		seg.src.port = (uint16_t)(seg.src.port + (s[0] >> 6));
		seg.ctl = s[1];
		seg.seq = seq_of((uint32_t)s[2] << 8 | s[3]);
		seg.ack = seq_of((uint32_t)s[4] << 8 | s[5]);
		seg.wnd = (uint16_t)(s[6] << 8 | s[7]);
		seg.text_len = s[8] % 100;
		tcpopt_parse(&seg.opt, s + 9, 11);
		head = segment_header_length(&seg);
		memset(buf + head, 0, seg.text_len);
		segment_build(&seg, 0, buf);
		must((s[0] & 2 ? reftcp_shadow_sent : reftcp_shadow_received)(
			     set, buf, head + seg.text_len, (i + 2) * REFTCP_S, &v) == 0);
		reftcp_shadows_expire(set, (i + 2) * REFTCP_S);
	}
	reftcp_shadows_free(set);
}
