// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of connections and owners: memory is asked for once, and a part of a pool that was never
 * used is never touched, so that a large limit costs nothing by itself.
 */
#include "lifecycle/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static uint32_t buckets_for(size_t max)
{
	uint32_t buckets = 64;

	while (buckets < max && buckets < 1u << 30)
		buckets *= 2;
	return buckets;
}

static int buckets_new(uint32_t **buckets, uint32_t *mask, size_t max)
{
	uint32_t count = buckets_for(max);

	*buckets = malloc(count * sizeof(**buckets));
	if (!*buckets)
		return -ENOMEM;
	memset(*buckets, 0xff, count * sizeof(**buckets)); /* NONE */
	*mask = count - 1;
	return 0;
}

int table_init(struct connection_table *t, size_t max, bool by_tuple)
{
	*t = (struct connection_table){.unused = NONE, .max = (uint32_t)max, .by_tuple = by_tuple};
	t->pool = calloc(max, sizeof(*t->pool));
	if (!t->pool || buckets_new(&t->buckets, &t->mask, max)) {
		table_release(t);
		return -ENOMEM;
	}
	return 0;
}

void table_release(struct connection_table *t)
{
	free(t->pool);
	free(t->buckets);
	*t = (struct connection_table){0};
}

uint64_t tuple_hash(const struct tcpw_tuple *tuple)
{
	return XXH3_64bits(tuple, sizeof(*tuple));
}

static uint32_t bucket_of(const struct connection_table *t, uint64_t cookie,
			  const struct tcpw_tuple *tuple)
{
	if (t->by_tuple)
		return (uint32_t)tuple_hash(tuple) & t->mask;
	/* Cookies count up: spread them by the golden ratio. */
	return (uint32_t)((cookie * 0x9e3779b97f4a7c15ull) >> 32) & t->mask;
}

struct connection *table_find(const struct connection_table *t, uint64_t cookie,
			      const struct tcpw_tuple *tuple)
{
	for (uint32_t i = t->buckets[bucket_of(t, cookie, tuple)]; i != NONE; i = t->pool[i].next) {
		struct connection *c = &t->pool[i];

		if (t->by_tuple ? tuple_equal(&c->pub.tuple, tuple) : c->pub.cookie == cookie)
			return c;
	}
	return NULL;
}

struct connection *table_new(struct connection_table *t)
{
	struct connection *c;

	if (t->unused != NONE) {
		c = &t->pool[t->unused];
		t->unused = c->next;
		memset(c, 0, sizeof(*c));
	} else if (t->fresh < t->max) {
		c = &t->pool[t->fresh++];
	} else {
		return NULL;
	}
	c->next = NONE;
	c->end = NONE;
	c->reset = NONE;
	c->guess = NONE;
	c->half_open = t->by_tuple;
	t->live++;
	return c;
}

void table_link(struct connection_table *t, struct connection *c)
{
	uint32_t bucket = bucket_of(t, c->pub.cookie, &c->pub.tuple);

	c->next = t->buckets[bucket];
	t->buckets[bucket] = (uint32_t)(c - t->pool);
	c->hashed = true;
}

void table_unlink(struct connection_table *t, struct connection *c)
{
	uint32_t *at = &t->buckets[bucket_of(t, c->pub.cookie, &c->pub.tuple)];
	uint32_t self = (uint32_t)(c - t->pool);

	if (!c->hashed)
		return;
	while (*at != self)
		at = &t->pool[*at].next;
	*at = c->next;
	c->next = NONE;
	c->hashed = false;
}

void table_return(struct connection_table *t, struct connection *c)
{
	c->next = t->unused;
	t->unused = (uint32_t)(c - t->pool);
	t->live--;
}

int owners_init(struct owner_table *t, size_t max)
{
	*t = (struct owner_table){.unused = NONE, .max = (uint32_t)max};
	t->pool = calloc(max, sizeof(*t->pool));
	if (!t->pool || buckets_new(&t->buckets, &t->mask, max / 4)) {
		owners_release(t);
		return -ENOMEM;
	}
	return 0;
}

void owners_release(struct owner_table *t)
{
	free(t->pool);
	free(t->buckets);
	*t = (struct owner_table){0};
}

static uint32_t owner_bucket(const struct owner_table *t, const struct lifecycle_owner *o)
{
	return (uint32_t)XXH3_64bits(o, sizeof(*o)) & t->mask;
}

const struct lifecycle_owner *owner_get(struct owner_table *t, const struct tcpw_process *p)
{
	struct lifecycle_owner wanted;
	struct owner *o;
	uint32_t bucket;

	memset(&wanted, 0, sizeof(wanted)); /* it is hashed and compared as bytes */
	wanted.pid = p->pid;
	wanted.uid = p->uid;
	wanted.cgroup = p->cgroup;
	memcpy(wanted.comm, p->comm, sizeof(wanted.comm));
	bucket = owner_bucket(t, &wanted);
	for (uint32_t i = t->buckets[bucket]; i != NONE; i = t->pool[i].next) {
		if (memcmp(&t->pool[i].pub, &wanted, sizeof(wanted)) == 0) {
			t->pool[i].refs++;
			return &t->pool[i].pub;
		}
	}
	if (t->unused != NONE) {
		o = &t->pool[t->unused];
		t->unused = o->next;
	} else if (t->fresh < t->max) {
		o = &t->pool[t->fresh++];
	} else {
		return NULL;
	}
	o->pub = wanted;
	o->refs = 1;
	o->next = t->buckets[bucket];
	t->buckets[bucket] = (uint32_t)(o - t->pool);
	return &o->pub;
}

const struct lifecycle_owner *owner_ref(const struct lifecycle_owner *owner)
{
	if (owner)
		((struct owner *)owner)->refs++;
	return owner;
}

void owner_put(struct owner_table *t, const struct lifecycle_owner *owner)
{
	struct owner *o = (struct owner *)owner;
	uint32_t *at;

	if (!o || --o->refs)
		return;
	at = &t->buckets[owner_bucket(t, owner)];
	while (*at != (uint32_t)(o - t->pool))
		at = &t->pool[*at].next;
	*at = o->next;
	o->next = t->unused;
	t->unused = (uint32_t)(o - t->pool);
}
