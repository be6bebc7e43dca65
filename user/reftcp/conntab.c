/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chained hash tables with at least as many buckets as there can be connections. The hash is
 * keyed, so that nobody outside can choose tuples that fall into one bucket.
 */
#include "reftcp/conntab.h"

#include <errno.h>
#include <string.h>

#include "reftcp/addr.h"
#include "reftcp/stack.h"

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide p = (wide)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t hash_addr(uint64_t h, const struct reftcp_addr *a, uint64_t key)
{
	uint64_t w[2] = {0, 0};

	memcpy(w, a->byte, addr_length(a));
	return mix(mix(w[0] ^ h, key), w[1] ^ key ^ a->family);
}

static uint32_t bucket_of(const struct reftcp_stack *s, const struct reftcp_endpoint *local,
			  const struct reftcp_endpoint *remote)
{
	uint64_t h = s->hash_key[0] ^ ((uint64_t)local->port << 16 | remote->port);

	h = hash_addr(h, &local->addr, s->hash_key[1] | 1);
	h = hash_addr(h, &remote->addr, s->hash_key[1] | 1);
	h = mix(h, s->hash_key[0] | 1);
	return (uint32_t)h & s->bucket_mask;
}

struct tcb *conntab_find(const struct reftcp_stack *s, const struct reftcp_endpoint *local,
			 const struct reftcp_endpoint *remote)
{
	struct tcb *c = s->buckets[bucket_of(s, local, remote)];

	while (c && !(c->local.port == local->port && c->remote.port == remote->port &&
		      addr_equal(&c->remote.addr, &remote->addr) &&
		      addr_equal(&c->local.addr, &local->addr)))
		c = c->hash_next;
	return c;
}

int conntab_add(struct reftcp_stack *s, struct tcb *c)
{
	struct tcb **bucket = &s->buckets[bucket_of(s, &c->local, &c->remote)];

	if (conntab_find(s, &c->local, &c->remote))
		return -EADDRINUSE;
	c->hash_next = *bucket;
	*bucket = c;
	c->hashed = true;
	return 0;
}

void conntab_remove(struct reftcp_stack *s, struct tcb *c)
{
	struct tcb **at = &s->buckets[bucket_of(s, &c->local, &c->remote)];

	if (!c->hashed)
		return;
	while (*at != c)
		at = &(*at)->hash_next;
	*at = c->hash_next;
	c->hash_next = NULL;
	c->hashed = false;
}

/* How well a listener fits, 0 if not at all. */
static int fit(const struct tcb *c, const struct reftcp_endpoint *local,
	       const struct reftcp_endpoint *remote)
{
	int score = 1;

	if (c->local.port != local->port)
		return 0;
	if (!addr_unspecified(&c->local.addr)) {
		if (!addr_equal(&c->local.addr, &local->addr))
			return 0;
		score += 1;
	}
	if (c->remote_given) {
		if (!endpoint_equal(&c->remote, remote))
			return 0;
		score += 2;
	}
	return score;
}

struct tcb *conntab_listener(const struct reftcp_stack *s, const struct reftcp_endpoint *local,
			     const struct reftcp_endpoint *remote)
{
	struct tcb *best = NULL;
	int best_score = 0;

	for (struct tcb *c = s->listen_buckets[local->port & s->listen_mask]; c;
	     c = c->listen_next) {
		int score = fit(c, local, remote);

		if (score > best_score) {
			best = c;
			best_score = score;
		}
	}
	return best;
}

static bool same_name(const struct tcb *a, const struct tcb *b)
{
	if (a->local.port != b->local.port || a->remote_given != b->remote_given)
		return false;
	if (a->local.addr.family != b->local.addr.family)
		return false;
	if (a->local.addr.family && !addr_equal(&a->local.addr, &b->local.addr))
		return false;
	return !a->remote_given || endpoint_equal(&a->remote, &b->remote);
}

int conntab_listen(struct reftcp_stack *s, struct tcb *c)
{
	for (struct tcb *other = s->listen_buckets[c->local.port & s->listen_mask]; other;
	     other = other->listen_next)
		if (same_name(c, other))
			return -EADDRINUSE;
	conntab_listen_again(s, c);
	return 0;
}

void conntab_listen_again(struct reftcp_stack *s, struct tcb *c)
{
	struct tcb **bucket = &s->listen_buckets[c->local.port & s->listen_mask];

	c->listen_next = *bucket;
	*bucket = c;
	c->on_listeners = true;
}

void conntab_unlisten(struct reftcp_stack *s, struct tcb *c)
{
	struct tcb **at = &s->listen_buckets[c->local.port & s->listen_mask];

	if (!c->on_listeners)
		return;
	while (*at != c)
		at = &(*at)->listen_next;
	*at = c->listen_next;
	c->listen_next = NULL;
	c->on_listeners = false;
}
