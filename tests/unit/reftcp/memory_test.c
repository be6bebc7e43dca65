/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promise of reftcp.h: all memory is taken at reftcp_new, within the maxima given, and none
 * after it. This program is linked with --wrap, so that each allocation of the library passes here.
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
#include "reftcp/tcb.h"

static struct {
	uint64_t calls, frees, octets;
	int64_t fail_at; /* this call, counted from 0, finds no memory; -1: none */
} heap;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static bool allowed(size_t size)
{
	if ((int64_t)heap.calls++ == heap.fail_at)
		return false;
	heap.octets += size;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return allowed(size) ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return allowed(n * size) ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *p, size_t size)
{
	return allowed(size) ? __real_realloc(p, size) : NULL;
}

void __wrap_free(void *p)
{
	heap.frees += p != NULL;
	__real_free(p);
}

static int setup(void **state)
{
	(void)state;
	memset(&heap, 0, sizeof(heap));
	heap.fail_at = -1;
	return 0;
}

/* -ENOMEM wherever memory ends; nothing of what was had until then is kept. */
static void new__memory_ends_anywhere__fails_and_keeps_nothing(void **state)
{
	struct reftcp_stack *const untouched = (struct reftcp_stack *)&heap;
	struct reftcp_stack *stack = untouched;
	struct reftcp_config config;
	int err = -ENOMEM;

	(void)state;
	reftcp_config_default(&config);
	for (int64_t n = 0; err; n++) {
		setup(NULL);
		heap.fail_at = n;
		err = reftcp_new(&stack, &config, 0);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_ptr_equal(stack, untouched);
		assert_int_equal(heap.frees, heap.calls - 1);
		assert_true(n < 100);
	}
	assert_true(heap.calls > 5);
	reftcp_free(stack);
	assert_int_equal(heap.frees, heap.calls);
}

static void shadows_new__memory_ends_anywhere__fails_and_keeps_nothing(void **state)
{
	struct reftcp_shadows_config config = {.endpoints = 100};
	struct reftcp_shadows *set = NULL;
	int err = -ENOMEM;

	(void)state;
	for (int64_t n = 0; err; n++) {
		setup(NULL);
		heap.fail_at = n;
		err = reftcp_shadows_new(&set, &config, 0);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(set);
		assert_int_equal(heap.frees, heap.calls - 1);
		assert_true(n < 100);
	}
	reftcp_shadows_free(set);
	assert_int_equal(heap.frees, heap.calls);
}

static void memory__is_what_was_taken__and_grows_by_a_connection(void **state)
{
	struct reftcp_stack *stack;
	struct reftcp_config config;
	size_t size[2];

	(void)state;
	reftcp_config_default(&config);
	for (int i = 0; i < 2; i++) {
		setup(NULL);
		config.connections = 1u << (15 + i);
		assert_int_equal(reftcp_new(&stack, &config, 0), 0);
		size[i] = reftcp_memory(stack);
		assert_int_equal(size[i], heap.octets);
		reftcp_free(stack);
	}
	print_message("octets a connection: %zu, of which the TCB %zu\n", (size[1] - size[0]) >> 15,
		      sizeof(struct tcb));
	assert_in_range((size[1] - size[0]) >> 15, sizeof(struct tcb), 2560);
}

/* ---- nothing after reftcp_new ---- */

#define CONNECTIONS 40

struct users {
	reftcp_id listener, client[CONNECTIONS];
	unsigned int done;
};

static void serve(struct pair *pair, struct users *u)
{
	struct reftcp_event e;
	uint8_t buf[700];
	reftcp_id id;
	size_t n;

	while (reftcp_accept(pair->stack[1], u->listener, pair->now, &id) == 0)
		;
	while (reftcp_next_event(pair->stack[1], &e) == 0) {
		struct reftcp_received got;

		if (e.id == u->listener)
			continue;
		while (reftcp_receive(pair->stack[1], e.id, buf, sizeof(buf), pair->now, &got) ==
		       0) {
			if (got.end) {
				reftcp_release(pair->stack[1], e.id, pair->now);
				break;
			}
			reftcp_send(pair->stack[1], e.id, buf, got.len, REFTCP_PUSH, pair->now, &n);
		}
		if (e.events & REFTCP_EVENT_CLOSED)
			reftcp_release(pair->stack[1], e.id, pair->now);
	}
}

static void act(void *ctx, struct pair *pair)
{
	static const uint8_t text[20000];
	struct users *u = ctx;
	struct reftcp_event e;
	uint8_t buf[900];

	serve(pair, u);
	while (reftcp_next_event(pair->stack[0], &e) == 0) {
		struct reftcp_received got;
		struct reftcp_status st;
		size_t n;

		reftcp_status(pair->stack[0], e.id, &st);
		if (e.events & REFTCP_EVENT_ESTABLISHED) {
			reftcp_send(pair->stack[0], e.id, text, sizeof(text), REFTCP_URGENT,
				    pair->now, &n);
			/* Some end in each way there is. */
			if (e.id % 7 == 0)
				reftcp_abort(pair->stack[0], e.id, pair->now);
			else
				reftcp_close(pair->stack[0], e.id, pair->now);
		}
		while (reftcp_receive(pair->stack[0], e.id, buf, sizeof(buf), pair->now, &got) ==
			       0 &&
		       !got.end)
			;
		if (e.events & REFTCP_EVENT_CLOSED)
			u->done += reftcp_release(pair->stack[0], e.id, pair->now) == 0;
	}
}

static bool all_done(void *ctx, struct pair *pair)
{
	struct users *u = ctx;

	(void)pair;
	return u->done == CONNECTIONS;
}

static void whole_lives__in_bad_weather_and_small_pools__take_no_memory(void **state)
{
	static const struct reftcp_addr addr[2] = {{4, {10, 0, 0, 1}}, {4, {10, 0, 0, 2}}};
	struct link_config weather = {.loss = 100000,
				      .reorder = 50000,
				      .duplicate = 20000,
				      .corrupt = 20000,
				      .delay = 5 * REFTCP_MS,
				      .jitter = 3 * REFTCP_MS,
				      .reorder_delay = 20 * REFTCP_MS,
				      .mtu = 1500,
				      .packets = 2000};
	struct link_config links[2] = {weather, weather};
	struct reftcp_open listen = {.local = {addr[1], 80}, .backlog = 20};
	struct reftcp_open open = {.active = true, .remote = {addr[1], 80}};
	struct reftcp_config config[2];
	static struct pair pair;
	struct users u = {0};
	uint64_t calls, frees;

	(void)state;
	for (int i = 0; i < 2; i++) {
		reftcp_config_default(&config[i]);
		config[i].connections = 64;
		config[i].segments = 20;
		config[i].chunks = 40;
		config[i].syn_cookies = config[i].fast_open = true;
	}
	assert_int_equal(pair_init(&pair, config, links, 42), 0);
	pair.user = act;
	pair.ctx = &u;
	assert_int_equal(reftcp_add_address(pair.stack[0], &addr[0]), 0);
	assert_int_equal(reftcp_add_address(pair.stack[1], &addr[1]), 0);
	calls = heap.calls;
	frees = heap.frees;
	assert_int_equal(reftcp_open(pair.stack[1], &listen, pair.now, &u.listener), 0);
	for (int i = 0; i < CONNECTIONS; i++)
		assert_int_equal(reftcp_open(pair.stack[0], &open, pair.now, &u.client[i]), 0);
	assert_true(pair_run(&pair, pair.now + 3 * 3600 * REFTCP_S, all_done));
	assert_int_equal(heap.calls, calls);
	assert_int_equal(heap.frees, frees);
	/* It was hard enough for what is rare to have happened. */
	assert_true(reftcp_counters(pair.stack[0])->retransmits > 30);
	assert_true(reftcp_counters(pair.stack[1])->no_chunk +
			    reftcp_counters(pair.stack[0])->no_chunk >
		    0);
	assert_true(reftcp_counters(pair.stack[0])->no_segment > 0);
	assert_true(reftcp_counters(pair.stack[1])->cookies_sent > 0);
	pair_release(&pair);
	assert_int_equal(heap.frees, heap.calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(new__memory_ends_anywhere__fails_and_keeps_nothing, setup),
		cmocka_unit_test_setup(shadows_new__memory_ends_anywhere__fails_and_keeps_nothing,
				       setup),
		cmocka_unit_test_setup(memory__is_what_was_taken__and_grows_by_a_connection, setup),
		cmocka_unit_test_setup(whole_lives__in_bad_weather_and_small_pools__take_no_memory,
				       setup),
	};

	return cmocka_run_group_tests_name("reftcp_memory", tests, NULL, NULL);
}
