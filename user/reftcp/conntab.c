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

static struct conn_key key_of(const struct reftcp_endpoint *local,
			      const struct reftcp_endpoint *remote)
{
	struct conn_key k = {
		.ports = (uint64_t)local->addr.family << 32 | (uint32_t)local->port << 16 |
			 remote->port,
	};

	if (local->addr.family == 4) {
		uint32_t a, b;

		memcpy(&a, local->addr.byte, 4);
		memcpy(&b, remote->addr.byte, 4);
		k.addrs[0] = (uint64_t)a << 32 | b;
	} else {
		memcpy(k.addrs, local->addr.byte, 16);
		memcpy(k.addrs + 2, remote->addr.byte, 16);
	}
	return k;
}

static inline bool key_equal(const struct conn_key *a, const struct conn_key *b)
{
	return a->ports == b->ports && a->addrs[0] == b->addrs[0] && a->addrs[1] == b->addrs[1] &&
	       a->addrs[2] == b->addrs[2] && a->addrs[3] == b->addrs[3];
}

static uint32_t hash(const struct reftcp_stack *s, const struct conn_key *k)
{
	uint64_t h = mix(k->ports ^ s->hash_key[0], k->addrs[0] ^ s->hash_key[1]);

	if (k->ports >> 32 != 4) {
		h = mix(h ^ k->addrs[1], k->addrs[2] ^ s->hash_key[1]);
		h = mix(h ^ k->addrs[3], s->hash_key[0]);
	}
	return (uint32_t)mix(h, s->hash_key[0] | 1);
}

static struct tcb *find(const struct reftcp_stack *s, const struct conn_key *k, uint32_t h)
{
	struct tcb *c = s->buckets[h & s->bucket_mask];

	while (c && !(c->hash == h && key_equal(&c->key, k)))
		c = c->hash_next;
	return c;
}

struct tcb *conntab_find(const struct reftcp_stack *s, const struct reftcp_endpoint *local,
			 const struct reftcp_endpoint *remote)
{
	struct conn_key k = key_of(local, remote);

	if (local->addr.family != remote->addr.family)
		return NULL;
	return find(s, &k, hash(s, &k));
}

int conntab_add(struct reftcp_stack *s, struct tcb *c)
{
	struct tcb **bucket;

	c->key = key_of(&c->local, &c->remote);
	c->hash = hash(s, &c->key);
	if (find(s, &c->key, c->hash))
		return -EADDRINUSE;
	bucket = &s->buckets[c->hash & s->bucket_mask];
	c->hash_next = *bucket;
	*bucket = c;
	c->hashed = true;
	return 0;
}

void conntab_remove(struct reftcp_stack *s, struct tcb *c)
{
	struct tcb **at = &s->buckets[c->hash & s->bucket_mask];

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
