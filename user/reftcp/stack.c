/* SPDX-License-Identifier: BSD-2-Clause */
/* Making and ending a stack, its lists, and the public calls that are about all of it. */
#include "reftcp/stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reftcp/addr.h"
#include "reftcp/output.h"
#include "reftcp/timeouts.h"

void reftcp_config_default(struct reftcp_config *out)
{
	if (!out)
		return;
	*out = (struct reftcp_config){
		.connections = 256,
		.segments = 16384,
		.chunks = 8192,
		.chunk_size = 4096,
		.replies = 256,
		.addresses = 8,
		.send_buffer = 1 << 18,
		.recv_buffer = 1 << 18,
		.mtu = 1500,
		.personality = REFTCP_STANDARD,
		.congestion = REFTCP_CUBIC,
		.window_scale = true,
		.timestamps = true,
		.sack = true,
		.ecn = true,
		.mtu_probing = true,
		.idle_restart = true,
		.burst_least = 2,
		.verify_checksums = true,
		.port_low = 49152, /* RFC 6335 6 */
		.port_high = 65535,
	};
}

static bool in(uint64_t v, uint64_t low, uint64_t high)
{
	return v >= low && v <= high;
}

static bool config_ok(const struct reftcp_config *c)
{
	return in(c->connections, 1, 16777216) && in(c->segments, 0, 1u << 30) &&
	       in(c->chunks, 1, 1u << 30) && in(c->chunk_size, 256, 65536) &&
	       !(c->chunk_size & (c->chunk_size - 1)) && in(c->replies, 1, 1u << 24) &&
	       in(c->addresses, 1, 65536) && in(c->send_buffer, 1, 1u << 30) &&
	       in(c->recv_buffer, 1, 1073725440) && c->fast_open_keys <= 2 &&
	       in(c->mtu, 68, 65535) && (!c->mss || in(c->mss, 88, 65495)) &&
	       (!c->source_routes || c->mtu >= 128) &&
	       (unsigned int)c->personality <= REFTCP_LINUX &&
	       (unsigned int)c->congestion <= REFTCP_CUBIC && c->port_low &&
	       c->port_low <= c->port_high;
}

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 16;

	while (p < n)
		p <<= 1;
	return p;
}

static void *take(struct reftcp_stack *s, size_t n, size_t size)
{
	s->memory += n * size;
	return calloc(n, size);
}

static int allocate(struct reftcp_stack *s)
{
	const struct reftcp_config *c = &s->config;
	uint32_t buckets = power_of_two(c->connections);
	uint32_t listeners = power_of_two(c->connections < 1024 ? c->connections : 1024);
	int err = chunk_pool_init(&s->chunks, c->chunks, c->chunk_size);

	if (err)
		return err;
	s->memory += (size_t)c->chunks * (c->chunk_size + sizeof(uint32_t));
	s->snd_slots = s->keeps_octets ? stream_slots(c->send_buffer, c->chunk_size) : 0;
	s->rcv_slots = s->keeps_octets ? stream_slots(c->recv_buffer, c->chunk_size) : 0;
	s->tcbs = take(s, c->connections, sizeof(*s->tcbs));
	s->dirs = take(s, (size_t)c->connections * (s->snd_slots + s->rcv_slots) + 1,
		       sizeof(*s->dirs));
	s->txseg_total = c->connections + c->segments;
	s->txsegs = take(s, s->txseg_total, sizeof(*s->txsegs));
	s->buckets = take(s, buckets, sizeof(struct tcb *));
	s->listen_buckets = take(s, listeners, sizeof(struct tcb *));
	s->replies = take(s, c->replies, sizeof(*s->replies));
	s->addrs = take(s, c->addresses, sizeof(*s->addrs));
	if (!s->tcbs || !s->dirs || !s->txsegs || !s->buckets || !s->listen_buckets ||
	    !s->replies || !s->addrs)
		return -ENOMEM;
	s->bucket_mask = buckets - 1;
	s->listen_mask = listeners - 1;
	s->txseg_available = s->txseg_total;
	return 0;
}

int reftcp_new(struct reftcp_stack **out, const struct reftcp_config *config, reftcp_time now)
{
	return stack_new(out, config, now, false);
}

int reftcp_configure(struct reftcp_stack *s, const struct reftcp_config *config)
{
	struct reftcp_config *to;

	if (!s || !config || !config_ok(config))
		return -EINVAL;
	to = &s->config;
	to->mtu = config->mtu;
	to->congestion = config->congestion;
	to->window_scale = config->window_scale;
	to->timestamps = config->timestamps;
	to->sack = config->sack;
	to->ecn = config->ecn;
	to->syn_cookies = config->syn_cookies;
	to->ecn_asked = config->ecn_asked;
	to->ecn_passive = config->ecn_passive;
	to->fast_open = config->fast_open;
	to->fast_open_bare = config->fast_open_bare;
	to->fast_open_any = config->fast_open_any;
	to->fast_open_keys = config->fast_open_keys;
	memcpy(to->fast_open_key, config->fast_open_key, sizeof(to->fast_open_key));
	to->mtu_probing = config->mtu_probing;
	to->idle_restart = config->idle_restart;
	to->burst_least = config->burst_least;
	return 0;
}

int stack_new(struct reftcp_stack **out, const struct reftcp_config *config, reftcp_time now,
	      bool discard)
{
	struct reftcp_stack *s;
	uint64_t seed;
	int err;

	if (!out || !config || !config_ok(config))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->memory = sizeof(*s);
	s->config = *config;
	s->keeps_octets = !discard;
	state_legal(s->legal);
	for (unsigned int i = 0; i < RULE_COUNT; i++)
		s->rule[i] = rule_value(config->personality, (enum rule)i);
	s->key = siphash_key_from(config->secret);
	for (int i = 0; i < 2; i++) {
		seed = 0x7265667463700000u + (uint64_t)i;
		s->hash_key[i] = siphash(&s->key, &seed, sizeof(seed));
	}
	err = allocate(s);
	if (err) {
		reftcp_free(s);
		return err;
	}
	wheel_init(&s->wheel, now);
	*out = s;
	return 0;
}

void reftcp_free(struct reftcp_stack *s)
{
	if (!s)
		return;
	chunk_pool_release(&s->chunks);
	free(s->tcbs);
	free(s->dirs);
	free(s->txsegs);
	free(s->buckets);
	free(s->listen_buckets);
	free(s->replies);
	free(s->addrs);
	free(s);
}

size_t reftcp_memory(const struct reftcp_stack *s)
{
	return s ? s->memory : 0;
}

const struct reftcp_counters *reftcp_counters(const struct reftcp_stack *s)
{
	return s ? &s->counters : NULL;
}

int reftcp_add_address(struct reftcp_stack *s, const struct reftcp_addr *addr)
{
	if (!s || !addr || !addr_unicast(addr))
		return -EINVAL;
	if (addr->family == 6 && s->config.mtu < 1280)
		return -EINVAL;
	if (stack_is_local(s, addr))
		return -EEXIST;
	if (s->addr_count == s->config.addresses)
		return -ENOSPC;
	s->addrs[s->addr_count++] = *addr;
	return 0;
}

bool stack_is_local(const struct reftcp_stack *s, const struct reftcp_addr *a)
{
	for (uint32_t i = 0; i < s->addr_count; i++)
		if (addr_equal(&s->addrs[i], a))
			return true;
	return false;
}

static void enlist(struct reftcp_stack *s, struct tcb *c, enum tcb_list_of which)
{
	struct tcb_list *list = &s->list[which];
	struct tcb_link *link = &c->link[which];

	if (link->on)
		return;
	*link = (struct tcb_link){.prev = list->tail, .on = true};
	if (list->tail)
		list->tail->link[which].next = c;
	else
		list->head = c;
	list->tail = c;
}

void stack_unlist(struct reftcp_stack *s, struct tcb *c, enum tcb_list_of which)
{
	struct tcb_list *list = &s->list[which];
	struct tcb_link *link = &c->link[which];

	if (!link->on)
		return;
	if (link->prev)
		link->prev->link[which].next = link->next;
	else
		list->head = link->next;
	if (link->next)
		link->next->link[which].prev = link->prev;
	else
		list->tail = link->prev;
	link->on = false;
}

void stack_ready(struct reftcp_stack *s, struct tcb *c)
{
	enlist(s, c, LIST_READY);
}

void stack_tell(struct reftcp_stack *s, struct tcb *c, uint32_t events)
{
	/* A child is told of once it is accepted: what it has to tell waits in it. */
	c->events |= events;
	if (c->user_has_it)
		enlist(s, c, LIST_EVENTS);
}

int reftcp_next_event(struct reftcp_stack *s, struct reftcp_event *out)
{
	struct tcb *c;

	if (!s || !out)
		return -EINVAL;
	c = s->list[LIST_EVENTS].head;
	if (!c)
		return -EAGAIN;
	stack_unlist(s, c, LIST_EVENTS);
	*out = (struct reftcp_event){.id = tcb_id(s, c), .events = c->events};
	c->events = 0;
	return 0;
}

struct reply *stack_reply(struct reftcp_stack *s)
{
	struct reply *r;

	if (s->reply_count == s->config.replies) {
		s->counters.replies_dropped++;
		return NULL;
	}
	r = &s->replies[(s->reply_head + s->reply_count++) % s->config.replies];
	memset(r, 0, sizeof(*r));
	return r;
}

void stack_settle_timers(struct reftcp_stack *s, struct tcb *c)
{
	if (!c->in_use || c->state == REFTCP_CLOSED)
		return;
	/*
	 * A timer that moved to later or was cleared is left where it is: the wheel comes by, finds
	 * nothing due and asks again. ACKs move the retransmission timer far more often than it
	 * expires.
	 */
	if (c->soonest != REFTCP_NEVER &&
	    (!wheel_queued(&c->node) || wheel_tick(c->soonest) < c->node.due))
		wheel_set(&s->wheel, &c->node, c->soonest);
}

void stack_settle(struct reftcp_stack *s, struct tcb *c)
{
	if (!c->in_use || c->state == REFTCP_CLOSED)
		return;
	stack_settle_timers(s, c);
	stack_ready(s, c);
}

reftcp_time reftcp_deadline(const struct reftcp_stack *s)
{
	return s ? wheel_next(&s->wheel) : REFTCP_NEVER;
}

static void fire(void *ctx, struct wheel_node *node)
{
	struct timeouts *t = ctx;

	/* The node is the first member of its TCB. */
	timeouts_run(t->stack, (struct tcb *)node, t->now);
}

void reftcp_expire(struct reftcp_stack *s, reftcp_time now)
{
	struct timeouts t = {s, now};

	if (s)
		wheel_advance(&s->wheel, now, fire, &t);
}

int reftcp_transmit(struct reftcp_stack *s, void *buf, size_t cap, reftcp_time now, size_t *len)
{
	if (!s || !buf || !len || cap < s->config.mtu)
		return -EINVAL;
	*len = output_reply(s, buf);
	while (!*len && s->list[LIST_READY].head) {
		struct tcb *c = s->list[LIST_READY].head;

		stack_unlist(s, c, LIST_READY);
		*len = output_segment(s, c, buf, now);
		/* With more to send it goes to the end, so that all get their turn. */
		if (*len)
			stack_settle(s, c);
		else
			stack_settle_timers(s, c);
	}
	if (!*len)
		return -EAGAIN;
	s->counters.packets_out++;
	s->counters.octets_out += *len;
	return 0;
}
