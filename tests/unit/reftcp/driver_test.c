/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver without a plan: calls, segments and waiting chosen at random, plausible enough to get
 * everywhere, and after each the invariants. 200,000 events; ten million with TCPWITNESS_FULL=1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reftcp/inetsum.h"
#include "reftcp/invariant.h"
#include "reftcp/secret.h"
#include "reftcp/sim/link.h"
#include "reftcp/stack.h"

#define CONNECTIONS 12

static const struct reftcp_addr ours = {4, {10, 0, 0, 1}}, theirs = {4, {10, 0, 0, 2}};

struct driver {
	struct reftcp_stack *s;
	uint64_t random;
	reftcp_time now;
	reftcp_id id[CONNECTIONS];
	uint64_t visits[REFTCP_STATE_COUNT];
	uint64_t illegal;
};

static uint32_t rnd(struct driver *d, uint32_t n)
{
	return (uint32_t)(link_random(&d->random) >> 32) % n;
}

static void on_transition(void *ctx, const struct reftcp_transition *t)
{
	struct driver *d = ctx;

	d->visits[t->to]++;
}

static void start(struct driver *d, uint64_t seed, enum reftcp_personality personality)
{
	struct reftcp_config config;

	memset(d, 0, sizeof(*d));
	d->random = seed;
	d->now = REFTCP_S;
	reftcp_config_default(&config);
	config.connections = CONNECTIONS;
	config.segments = 40; /* few of everything, so that it runs out */
	config.chunks = 60;
	config.chunk_size = 1024;
	config.send_buffer = 16384;
	config.recv_buffer = seed % 2 ? 16384 : 200000;
	config.replies = 8;
	config.syn_cookies = seed % 4 > 1;
	config.fast_open = seed % 3 == 1;
	config.personality = personality;
	config.sack = seed % 3;
	config.timestamps = seed % 5 == 4;
	config.on_transition = on_transition;
	config.ctx = d;
	assert_int_equal(reftcp_new(&d->s, &config, d->now), 0);
	assert_int_equal(reftcp_add_address(d->s, &ours), 0);
}

static struct tcb *any_tcb(struct driver *d)
{
	return d->s->tcb_fresh ? &d->s->tcbs[rnd(d, d->s->tcb_fresh)] : NULL;
}

/* A number near one that matters. */
static uint32_t near(struct driver *d, uint32_t base, uint32_t wnd)
{
	switch (rnd(d, 8)) {
	case 0:
		return base - 1 - rnd(d, 3);
	case 1:
		return base + rnd(d, 3000);
	case 2:
		return base + wnd - 1 + rnd(d, 3);
	case 3:
		if (rnd(d, 50))
			break;
		return (uint32_t)link_random(&d->random);
	}
	return base;
}

static uint8_t some_ctl(struct driver *d, enum reftcp_state state)
{
	static const uint8_t usual[] = {CTL_ACK,           CTL_ACK,           CTL_ACK | CTL_PSH,
					CTL_ACK | CTL_FIN, CTL_ACK | CTL_FIN, CTL_SYN,
					CTL_SYN | CTL_ACK, CTL_RST,           CTL_RST | CTL_ACK,
					CTL_ACK | CTL_URG, CTL_ACK | CTL_ECE, CTL_SYN | CTL_FIN};

	if (state == REFTCP_LISTEN && rnd(d, 4))
		return CTL_SYN;
	if (state == REFTCP_SYN_SENT && rnd(d, 2))
		return CTL_SYN | (rnd(d, 4) ? CTL_ACK : 0);
	if (!rnd(d, 30))
		return (uint8_t)link_random(&d->random);
	/* Resets and SYNs end things: seldom enough that long lives are seen too. */
	return usual[rnd(d, rnd(d, 10) ? 5 : sizeof(usual))];
}

/* The one the stack would give to this peer. */
static void good_cookie(struct driver *d, const struct segment *seg, struct tcpopt *o)
{
	struct reftcp_endpoint a = {seg->dst.addr, 0}, b = {seg->src.addr, 0};
	uint64_t h = secret_hash(&d->s->key, SECRET_FAST_OPEN, &a, &b, 0);

	for (unsigned int i = 0; i < 8; i++)
		o->cookie[i] = (uint8_t)(h >> 8 * i);
}

static void some_options(struct driver *d, const struct tcb *c, struct segment *seg)
{
	struct tcpopt *o = &seg->opt;

	if (seg->ctl & CTL_SYN) {
		o->has = rnd(d, 128) & (TCPOPT_MSS | TCPOPT_SCALE | TCPOPT_SACK_OK | TCPOPT_UTO);
		o->mss = (uint16_t)(rnd(d, 3) ? 1460 : link_random(&d->random));
		o->scale = (uint8_t)rnd(d, 16);
		o->uto = (uint16_t)rnd(d, 400);
		if (!rnd(d, 3)) {
			o->has |= TCPOPT_COOKIE;
			o->cookie_len = 8;
			if (rnd(d, 4))
				good_cookie(d, seg, o);
		}
	}
	if (rnd(d, 20) && (c->ts.on || seg->ctl & CTL_SYN)) {
		o->has |= TCPOPT_TS;
		o->ts_val = c->ts.recent + rnd(d, 3);
		o->ts_val -= rnd(d, 20) ? 0 : 5;
		o->ts_ecr = (uint32_t)(d->now / REFTCP_MS) + c->ts.offset - rnd(d, 100);
	}
	if (c->sack_on && rnd(d, 2) && !(seg->ctl & CTL_SYN)) {
		o->has |= TCPOPT_SACK;
		o->sacks = (uint8_t)(1 + rnd(d, 3));
		for (unsigned int i = 0; i < o->sacks; i++) {
			o->sack[i].left = seq_add(c->snd.una, rnd(d, 6) * 1460 - 1460);
			o->sack[i].right = seq_add(o->sack[i].left, rnd(d, 4) * 1460);
		}
	}
}

static void some_segment(struct driver *d)
{
	static uint8_t buf[4096];
	const struct tcb *c = any_tcb(d);
	struct segment seg = {.ttl = 64};
	size_t head;

	if (!c)
		return;
	seg.dst = (struct reftcp_endpoint){ours, c->local.port ? c->local.port : 80};
	seg.src = (struct reftcp_endpoint){theirs, c->hashed ? c->remote.port
							     : (uint16_t)(1000 + rnd(d, 8))};
	seg.ctl = some_ctl(d, c->state);
	seg.seq = seq_of(near(d, c->rcv.nxt.n, c->rcv.wnd));
	seg.ack = rnd(d, 3) ? c->snd.nxt : c->snd.una;
	seg.ack = seq_of(near(d, seg.ack.n, 0));
	seg.wnd = (uint16_t)(rnd(d, 5) ? 60000 : rnd(d, 3) ? rnd(d, 2000) : 0);
	seg.up = (uint16_t)rnd(d, 3000);
	seg.ecn = (uint8_t)rnd(d, 4);
	seg.text_len = rnd(d, 2) ? 0 : rnd(d, 1460);
	some_options(d, c, &seg);
	head = segment_header_length(&seg);
	memset(buf + head, (int)seg.text_len, seg.text_len);
	segment_build(&seg, seg.text_len ? inetsum_add(0, buf + head, seg.text_len) : 0, buf);
	assert_int_equal(reftcp_arrives(d->s, buf, head + seg.text_len, d->now, NULL), 0);
}

static void some_open(struct driver *d, reftcp_id *id)
{
	struct reftcp_open args = {.local = {ours, 0}, .remote = {theirs, 0}};
	reftcp_id new;

	/* One draw a statement: initialisers and arguments have no order of their own. */
	args.active = rnd(d, 3);
	args.local.port = (uint16_t)rnd(d, 8);
	args.local.port = args.local.port < 4 ? args.local.port + 80 : 0;
	args.remote.port = (uint16_t)(1000 + rnd(d, 8));
	args.backlog = rnd(d, 4);
	if (!args.active && rnd(d, 2))
		memset(&args.remote, 0, sizeof(args.remote));
	if (reftcp_open(d->s, &args, d->now, &new) == 0) {
		if (*id)
			reftcp_release(d->s, *id, d->now);
		*id = new;
	}
}

static void some_option(struct driver *d, reftcp_id id)
{
	static const uint64_t value[] = {
		[REFTCP_OPT_KEEPALIVE] = 1,
		[REFTCP_OPT_KEEPALIVE_IDLE] = 10 * REFTCP_S,
		[REFTCP_OPT_KEEPALIVE_INTERVAL] = REFTCP_S,
		[REFTCP_OPT_KEEPALIVE_COUNT] = 3,
		[REFTCP_OPT_USER_TIMEOUT] = 50 * REFTCP_S,
		[REFTCP_OPT_RECV_BUFFER] = 3000,
		[REFTCP_OPT_DELAYED_ACK] = 1,
		[REFTCP_OPT_FAST_OPEN] = 1,
	};
	uint32_t option = rnd(d, REFTCP_OPT_FAST_OPEN + 1);
	uint64_t v = rnd(d, 3) ? value[option] : option & 1;

	reftcp_set(d->s, id, (enum reftcp_option)option, v, d->now);
}

static void some_call(struct driver *d)
{
	static uint8_t buf[5000];
	reftcp_id *id = &d->id[rnd(d, CONNECTIONS)], child;
	struct reftcp_received got;
	struct reftcp_status st;
	size_t n;

	switch (rnd(d, 16)) {
	case 0:
	case 1:
		some_open(d, id);
		break;
	case 2:
		reftcp_close(d->s, *id, d->now);
		break;
	case 3:
		if (!rnd(d, 4))
			reftcp_abort(d->s, *id, d->now);
		break;
	case 4:
		if (!rnd(d, 3) && reftcp_release(d->s, *id, d->now) == 0)
			*id = 0;
		break;
	case 5:
		reftcp_status(d->s, *id, &st);
		break;
	case 6:
		some_option(d, *id);
		break;
	case 7:
		if (reftcp_accept(d->s, *id, d->now, &child) == 0)
			reftcp_release(d->s, child, d->now);
		break;
	case 8:
	case 9:
	case 10:
		n = 1 + rnd(d, sizeof(buf));
		reftcp_receive(d->s, *id, buf, n, d->now, &got);
		break;
	default:
		n = 1 + rnd(d, sizeof(buf));
		reftcp_send(d->s, *id, buf, n, rnd(d, 4), d->now, &n);
		break;
	}
}

static void some_event(struct driver *d)
{
	static uint8_t packet[2048];
	struct reftcp_event e;
	size_t len;

	switch (rnd(d, 10)) {
	case 0:
	case 1:
		some_call(d);
		break;
	case 2:
		d->now += rnd(d, 20) ? rnd(d, 50) * REFTCP_MS : rnd(d, 100) * REFTCP_S;
		reftcp_expire(d->s, d->now);
		break;
	case 3:
	case 4:
	case 5:
		for (uint32_t n = rnd(d, 6);
		     n && !reftcp_transmit(d->s, packet, sizeof(packet), d->now, &len); n--)
			assert_true(len <= 1500);
		break;
	case 6:
		reftcp_next_event(d->s, &e);
		break;
	default:
		some_segment(d);
		break;
	}
}

static void drive(uint64_t seed, uint64_t events, enum reftcp_personality personality,
		  uint64_t visits[REFTCP_STATE_COUNT])
{
	struct driver d;

	start(&d, seed, personality);
	for (uint64_t i = 0; i < events; i++) {
		const char *bad;

		some_event(&d);
		bad = invariant_broken(d.s);
		if (bad)
			fail_msg("seed %llu, event %llu: not %s", (unsigned long long)seed,
				 (unsigned long long)i, bad);
	}
	for (unsigned int i = 0; i < REFTCP_STATE_COUNT; i++)
		visits[i] += d.visits[i];
	reftcp_free(d.s);
}

static void driver__random_events__keep_every_invariant(void **state)
{
	uint64_t visits[REFTCP_STATE_COUNT] = {0};
	uint64_t seeds = getenv("TCPWITNESS_FULL") ? 1000 : 20;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++)
		drive(seed, 10000, seed % 4 ? REFTCP_STANDARD : REFTCP_LINUX, visits);
	for (unsigned int i = 0; i < REFTCP_STATE_COUNT; i++) {
		print_message("%-12s %llu\n", reftcp_state_name((enum reftcp_state)i),
			      (unsigned long long)visits[i]);
		assert_true(visits[i] > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(driver__random_events__keep_every_invariant),
	};

	return cmocka_run_group_tests_name("reftcp_driver", tests, NULL, NULL);
}
