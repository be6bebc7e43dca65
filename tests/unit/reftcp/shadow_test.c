/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows beside stacks that are known to be right: through any weather a shadow must take the
 * very path of states its endpoint takes and find nothing. Lies are judge_test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reftcp/shadow.h"
#include "reftcp/sim/pair.h"

#define PATH_MAX_STATES 16

struct path {
	enum reftcp_state state[PATH_MAX_STATES];
	unsigned int len;
};

struct world {
	struct pair pair;
	struct reftcp_shadows *shadows[2];
	struct path real[2], followed[2];
	struct path *at[2]; /* for callbacks of end 0 and 1 */
	reftcp_id id[2], listener;
	uint32_t to_send[2], sent[2];
	bool closed[2], ended[2], gone[2];
	uint64_t random, seed;
	uint32_t findings[2];
};

static struct reftcp_endpoint end_of(int i)
{
	struct reftcp_endpoint e = {{4, {10, 0, 0, (uint8_t)(1 + i)}}, (uint16_t)(i ? 80 : 7000)};

	return e;
}

static uint32_t rnd(struct world *w, uint32_t n)
{
	return (uint32_t)(link_random(&w->random) >> 32) % n;
}

static void append(struct path *p, enum reftcp_state from, enum reftcp_state to)
{
	/* The listener's own story is not the connection's. */
	if (to == REFTCP_LISTEN || (from == REFTCP_LISTEN && to == REFTCP_CLOSED))
		return;
	assert_true(p->len < PATH_MAX_STATES);
	p->state[p->len++] = to;
}

static void on_real(void *ctx, const struct reftcp_transition *t)
{
	append(ctx, t->from, t->to);
}

static void on_followed(void *ctx, const struct reftcp_shadow_transition *t)
{
	append(ctx, t->transition.from, t->transition.to);
}

static bool leaving(void *ctx, int from, const uint8_t *packet, size_t len)
{
	struct world *w = ctx;
	struct reftcp_shadow_verdict v;

	assert_int_equal(reftcp_shadow_sent(w->shadows[from], packet, len, w->pair.now, &v), 0);
	w->findings[from] |= v.findings;
	return true;
}

static void arriving(void *ctx, int to, const uint8_t *packet, size_t len)
{
	struct world *w = ctx;

	assert_int_equal(reftcp_shadow_received(w->shadows[to], packet, len, w->pair.now, NULL), 0);
}

static void tell(struct world *w, int i, enum reftcp_shadow_call call)
{
	struct reftcp_endpoint local = end_of(i), remote = end_of(!i);

	reftcp_shadow_call(w->shadows[i], &local, &remote, call, w->pair.now);
}

static void use(struct world *w, int i)
{
	static uint8_t buf[4000];
	struct reftcp_received got;
	size_t n;

	while (w->sent[i] < w->to_send[i]) {
		n = w->to_send[i] - w->sent[i];
		if (reftcp_send(w->pair.stack[i], w->id[i], buf, n < 4000 ? n : 4000, rnd(w, 4),
				w->pair.now, &n))
			break;
		w->sent[i] += (uint32_t)n;
	}
	while (!w->ended[i] &&
	       !reftcp_receive(w->pair.stack[i], w->id[i], buf, 4000, w->pair.now, &got))
		w->ended[i] = got.end;
	if (!w->closed[i] && w->sent[i] == w->to_send[i] && (i == 0 || w->ended[i] || rnd(w, 2))) {
		w->closed[i] = true;
		tell(w, i, REFTCP_SHADOW_CLOSE);
		reftcp_close(w->pair.stack[i], w->id[i], w->pair.now);
	}
}

static void act(void *ctx, struct pair *pair)
{
	struct world *w = ctx;

	if (!w->id[1])
		reftcp_accept(pair->stack[1], w->listener, pair->now, &w->id[1]);
	for (int i = 0; i < 2; i++) {
		struct reftcp_status st;

		if (!w->id[i])
			continue;
		reftcp_shadows_expire(w->shadows[i], pair->now);
		reftcp_status(pair->stack[i], w->id[i], &st);
		if (st.state > REFTCP_SYN_RECEIVED)
			use(w, i);
		reftcp_status(pair->stack[i], w->id[i], &st);
		if (!w->gone[i] && st.state == REFTCP_CLOSED && st.error == -ETIMEDOUT)
			tell(w, i, REFTCP_SHADOW_ABORT);
		w->gone[i] = st.state == REFTCP_CLOSED;
	}
}

static bool over(void *ctx, struct pair *pair)
{
	struct world *w = ctx;

	(void)pair;
	return w->gone[0] && w->gone[1];
}

static void configure(struct world *w, struct reftcp_config *c, struct link_config *l, int i)
{
	static const uint32_t chances[] = {0, 1000, 10000, 50000, 100000};

	reftcp_config_default(c);
	c->connections = 4;
	c->segments = 600;
	c->chunks = 300;
	c->chunk_size = 2048;
	c->send_buffer = 2000 + rnd(w, 60000);
	c->recv_buffer = 600 + rnd(w, 300000);
	c->mtu = 576 + rnd(w, 3000);
	c->sack = rnd(w, 3);
	c->timestamps = rnd(w, 3);
	c->window_scale = rnd(w, 3);
	c->personality = rnd(w, 2) ? REFTCP_STANDARD : REFTCP_LINUX;
	c->port_low = c->port_high = 7000;
	c->secret[0] = (uint8_t)w->seed;
	c->on_transition = on_real;
	c->ctx = &w->real[i];
	*l = (struct link_config){.packets = 600};
	l->loss = chances[rnd(w, 5)];
	l->duplicate = chances[rnd(w, 4)];
	l->reorder = chances[rnd(w, 5)];
	l->corrupt = chances[rnd(w, 3)];
	l->delay = rnd(w, 60) * REFTCP_MS;
	l->reorder_delay = rnd(w, 40) * REFTCP_MS;
}

static void begin(struct world *w, uint64_t seed)
{
	struct reftcp_open listen = {.local = end_of(1), .backlog = 3};
	struct reftcp_open connect = {.active = true, .remote = end_of(1)};
	struct reftcp_config config[2];
	struct link_config link[2];

	memset(w, 0, sizeof(*w));
	w->seed = w->random = seed;
	for (int i = 0; i < 2; i++) {
		struct reftcp_shadows_config sc = {.endpoints = 4,
						   .verify_checksums = true,
						   .wire_sizes = true,
						   .on_transition = on_followed};

		configure(w, &config[i], &link[i], i);
		sc.personality = config[i].personality;
		sc.ctx = &w->followed[i];
		w->to_send[i] = rnd(w, 3) ? rnd(w, 60000) : 0;
		assert_int_equal(reftcp_shadows_new(&w->shadows[i], &sc, REFTCP_S), 0);
	}
	assert_int_equal(pair_init(&w->pair, config, link, seed), 0);
	w->pair.watch = leaving;
	w->pair.arriving = arriving;
	w->pair.user = act;
	w->pair.ctx = w;
	for (int i = 0; i < 2; i++) {
		struct reftcp_addr a = end_of(i).addr;

		assert_int_equal(reftcp_add_address(w->pair.stack[i], &a), 0);
	}
	assert_int_equal(reftcp_open(w->pair.stack[1], &listen, w->pair.now, &w->listener), 0);
	w->real[1].len = 0;
	assert_int_equal(reftcp_open(w->pair.stack[0], &connect, w->pair.now, &w->id[0]), 0);
}

static const char *finding_names(uint32_t findings)
{
	static char text[400];

	text[0] = 0;
	for (unsigned int i = 0; i < REFTCP_FINDING_COUNT; i++)
		if (findings & 1u << i) {
			strcat(text, " ");
			strcat(text, reftcp_finding_info((enum reftcp_finding)i)->kind);
		}
	return text;
}

static const char *path_text(const struct path *p)
{
	static char text[2][400];
	static int which;
	char *t = text[which = !which];

	t[0] = 0;
	for (unsigned int i = 0; i < p->len; i++) {
		strcat(t, " ");
		strcat(t, reftcp_state_name(p->state[i]));
	}
	return t;
}

static void shadow__sound_endpoints_in_any_weather__same_path_and_no_finding(void **state)
{
	static struct world w;
	uint64_t seeds = getenv("TCPWITNESS_FULL") ? 20000 : 400;
	uint64_t first =
		getenv("TCPWITNESS_SEED") ? strtoull(getenv("TCPWITNESS_SEED"), NULL, 0) : 1;

	(void)state;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		begin(&w, seed);
		pair_run(&w.pair, w.pair.now + 3600 * REFTCP_S, over);
		for (int i = 0; i < 2; i++) {
			reftcp_shadows_expire(w.shadows[i], w.pair.now + REFTCP_S);
			if (w.findings[i])
				fail_msg("seed %llu end %d:%s", (unsigned long long)seed, i,
					 finding_names(w.findings[i]));
			if (w.real[i].len != w.followed[i].len ||
			    memcmp(w.real[i].state, w.followed[i].state,
				   w.real[i].len * sizeof(w.real[i].state[0])))
				fail_msg("seed %llu end %d: real%s, followed%s",
					 (unsigned long long)seed, i, path_text(&w.real[i]),
					 path_text(&w.followed[i]));
			reftcp_shadows_free(w.shadows[i]);
		}
		pair_release(&w.pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shadow__sound_endpoints_in_any_weather__same_path_and_no_finding),
	};

	return cmocka_run_group_tests_name("reftcp_shadow", tests, NULL, NULL);
}
