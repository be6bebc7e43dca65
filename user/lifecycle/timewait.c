// SPDX-License-Identifier: GPL-2.0-or-later
/* See timewait.h. */
#include "lifecycle/timewait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tcpwitness/state.h"

#define NONE UINT32_MAX
#define SAMPLES 24
#define MIN_SAMPLES 4
#define SECOND 1000000000ull
#define TREND_NS (20 * SECOND) /* older samples say little of the rate of now */

struct destination {
	uint32_t netns;
	uint8_t laddr[16], raddr[16];
	uint16_t port;
	uint16_t count; /* samples, newest at `newest` */
	uint16_t newest;
	uint32_t used; /* in this reading */
	uint32_t next; /* hash chain, or the next unused one */
	uint64_t met;  /* reading it was met in last */
	struct sample {
		uint64_t at;
		uint32_t used;
	} samples[SAMPLES];
};

struct group {
	struct timewait_group pub;
	uint32_t destination; /* NONE: not watched, or passive */
	uint32_t next;        /* hash chain */
};

struct netns_limits {
	uint32_t netns;
	struct timewait_limits limits;
};

struct timewait {
	struct timewait_options options;
	struct destination *destinations;
	uint32_t *destination_buckets;
	uint32_t destination_mask, destination_unused;
	struct group *groups;
	struct timewait_group *sorted;
	uint32_t *group_buckets;
	uint32_t group_mask, group_count;
	struct netns_limits *namespaces;
	uint32_t namespace_count;
	uint64_t reading, now;
	uint64_t time_wait, other, orphans;
};

static uint32_t power_of_two(uint32_t at_least)
{
	uint32_t size = 16;

	while (size < at_least && size < 1u << 31)
		size <<= 1;
	return size;
}

int timewait_new(struct timewait **out, const struct timewait_options *options)
{
	struct timewait *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->options = *options;
	t->destination_mask = power_of_two(options->max_destinations) - 1;
	t->group_mask = power_of_two(options->max_groups) - 1;
	t->destinations = calloc(options->max_destinations, sizeof(*t->destinations));
	t->groups = calloc(options->max_groups, sizeof(*t->groups));
	t->sorted = calloc(options->max_groups, sizeof(*t->sorted));
	t->namespaces = calloc(options->max_namespaces, sizeof(*t->namespaces));
	t->destination_buckets =
		malloc((t->destination_mask + 1) * sizeof(*t->destination_buckets));
	t->group_buckets = malloc((t->group_mask + 1) * sizeof(*t->group_buckets));
	if (!t->destinations || !t->groups || !t->sorted || !t->namespaces ||
	    !t->destination_buckets || !t->group_buckets) {
		timewait_free(t);
		return -ENOMEM;
	}
	memset(t->destination_buckets, 0xff,
	       (t->destination_mask + 1) * sizeof(*t->destination_buckets));
	for (uint32_t i = 0; i < options->max_destinations; i++)
		t->destinations[i].next = i + 1 < options->max_destinations ? i + 1 : NONE;
	t->destination_unused = options->max_destinations ? 0 : NONE;
	*out = t;
	return 0;
}

void timewait_free(struct timewait *t)
{
	if (!t)
		return;
	free(t->destinations);
	free(t->destination_buckets);
	free(t->groups);
	free(t->sorted);
	free(t->group_buckets);
	free(t->namespaces);
	free(t);
}

void timewait_begin(struct timewait *t, uint64_t now)
{
	t->reading++;
	t->now = now;
	t->group_count = 0;
	t->time_wait = t->other = t->orphans = 0;
	memset(t->group_buckets, 0xff, (t->group_mask + 1) * sizeof(*t->group_buckets));
}

static const struct timewait_limits *limits_of(const struct timewait *t, uint32_t netns)
{
	for (uint32_t i = 0; i < t->namespace_count; i++)
		if (t->namespaces[i].netns == netns)
			return &t->namespaces[i].limits;
	return NULL;
}

void timewait_limits(struct timewait *t, uint32_t netns, const struct timewait_limits *limits)
{
	struct timewait_limits *known = (struct timewait_limits *)limits_of(t, netns);

	if (!known) {
		if (t->namespace_count == t->options.max_namespaces)
			return; /* ports_total stays unknown there */
		t->namespaces[t->namespace_count].netns = netns;
		known = &t->namespaces[t->namespace_count++].limits;
	}
	*known = *limits;
}

static uint32_t mix(uint32_t h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len--)
		h = (h ^ *p++) *
		    16777619u; /* FNV-1a: tables are small, input is not hostile to it */
	return h;
}

static uint32_t destination_hash(uint32_t netns, const uint8_t *laddr, const uint8_t *raddr,
				 uint16_t port)
{
	uint32_t h = mix(2166136261u, &netns, sizeof(netns));

	h = mix(h, laddr, 16);
	h = mix(h, raddr, 16);
	return mix(h, &port, sizeof(port));
}

static uint32_t destination_find(struct timewait *t, const struct tcpw_tuple *at)
{
	uint32_t *bucket = &t->destination_buckets[destination_hash(at->netns, at->laddr, at->raddr,
								    at->rport) &
						   t->destination_mask];
	struct destination *d;
	uint32_t i;

	for (i = *bucket; i != NONE; i = t->destinations[i].next) {
		d = &t->destinations[i];
		if (d->netns == at->netns && d->port == at->rport &&
		    !memcmp(d->laddr, at->laddr, 16) && !memcmp(d->raddr, at->raddr, 16))
			return i;
	}
	i = t->destination_unused;
	if (i == NONE)
		return NONE;
	d = &t->destinations[i];
	t->destination_unused = d->next;
	memset(d, 0, sizeof(*d));
	d->netns = at->netns;
	d->port = at->rport;
	memcpy(d->laddr, at->laddr, 16);
	memcpy(d->raddr, at->raddr, 16);
	d->next = *bucket;
	*bucket = i;
	return i;
}

/* The group of `key` (its figures are not looked at), made if there is room; NULL if not. */
static struct group *group_find(struct timewait *t, const struct timewait_group *key)
{
	uint32_t h = destination_hash(key->netns, key->laddr, key->raddr, key->port);
	struct group *g;
	uint32_t *bucket;

	h = mix(h, &key->process, sizeof(key->process));
	bucket = &t->group_buckets[h & t->group_mask];
	for (uint32_t i = *bucket; i != NONE; i = t->groups[i].next) {
		g = &t->groups[i];
		if (g->pub.netns == key->netns && g->pub.port == key->port &&
		    g->pub.process == key->process && g->pub.passive == key->passive &&
		    !memcmp(g->pub.laddr, key->laddr, 16) && !memcmp(g->pub.raddr, key->raddr, 16))
			return g;
	}
	if (t->group_count == t->options.max_groups)
		return NULL;
	g = &t->groups[t->group_count];
	g->pub = *key;
	g->destination = NONE;
	g->next = *bucket;
	*bucket = t->group_count++;
	return g;
}

static bool is_ephemeral(const struct timewait_limits *limits, uint16_t port)
{
	return !limits || (port >= limits->low && port <= limits->high);
}

void timewait_socket(struct timewait *t, const struct tcpw_socket *s, uint32_t process,
		     bool passive)
{
	enum tcpw_state state = tcpw_state_from_kernel(s->state);
	bool waits = s->mini == 2 && state == TCPW_TIME_WAIT;
	struct timewait_group key = {
		.netns = s->tuple.netns,
		.port = passive ? s->tuple.lport : s->tuple.rport,
		.passive = passive,
		.process = process,
	};
	uint32_t destination = NONE;
	struct group *g;

	if (state == TCPW_CLOSED || state == TCPW_LISTEN || s->mini == 1)
		return;
	if (s->mini == 2 && state == TCPW_FIN_WAIT_2)
		t->orphans++;
	if (!passive && is_ephemeral(limits_of(t, s->tuple.netns), s->tuple.lport)) {
		destination = destination_find(t, &s->tuple);
		if (destination != NONE) {
			struct destination *d = &t->destinations[destination];

			if (d->met != t->reading)
				d->used = 0;
			d->met = t->reading;
			d->used++;
		}
	}
	if (!waits)
		return;
	t->time_wait++;
	memcpy(key.laddr, s->tuple.laddr, 16);
	if (!passive)
		memcpy(key.raddr, s->tuple.raddr, 16);
	g = group_find(t, &key);
	if (!g) {
		t->other++;
		return;
	}
	g->pub.time_wait++;
	if (destination != NONE)
		g->destination = destination;
}

static void sample(struct timewait *t, struct destination *d)
{
	d->newest = (uint16_t)((d->newest + 1) % SAMPLES);
	d->samples[d->newest] = (struct sample){.at = t->now, .used = d->used};
	if (d->count < SAMPLES)
		d->count++;
}

/* Destinations that were not met have no socket left: their history goes with them. */
static void settle_destinations(struct timewait *t)
{
	for (uint32_t b = 0; b <= t->destination_mask; b++) {
		uint32_t *link = &t->destination_buckets[b];

		while (*link != NONE) {
			struct destination *d = &t->destinations[*link];
			uint32_t here = *link;

			if (d->met == t->reading) {
				sample(t, d);
				link = &d->next;
				continue;
			}
			*link = d->next;
			d->next = t->destination_unused;
			t->destination_unused = here;
		}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Ports a second, by the median of the slopes between any two samples (Theil and Sen): a burst or a
 * stall in a few of them does not move it. False when there are too few to say.
 */
static bool slope_of(const struct timewait *t, const struct destination *d, double *slope)
{
	double slopes[SAMPLES * (SAMPLES - 1) / 2];
	size_t n = 0, usable = 0;

	for (uint16_t i = 0; i < d->count; i++) {
		const struct sample *a = &d->samples[(d->newest + SAMPLES - i) % SAMPLES];

		if (t->now - a->at > TREND_NS)
			break;
		usable++;
		for (uint16_t j = 0; j < i; j++) {
			const struct sample *b = &d->samples[(d->newest + SAMPLES - j) % SAMPLES];

			if (b->at > a->at)
				slopes[n++] = ((double)b->used - (double)a->used) * 1e9 /
					      (double)(b->at - a->at);
		}
	}
	if (usable < MIN_SAMPLES || !n)
		return false;
	qsort(slopes, n, sizeof(slopes[0]), by_value);
	*slope = slopes[n / 2];
	return true;
}

static void judge_ports(const struct timewait *t, struct group *g)
{
	const struct timewait_limits *limits = limits_of(t, g->pub.netns);
	const struct destination *d;
	double slope, left;

	if (g->destination == NONE)
		return;
	d = &t->destinations[g->destination];
	g->pub.ports_used = d->used;
	if (!limits)
		return;
	g->pub.ports_total = (uint32_t)(limits->high - limits->low) + 1 - limits->reserved;
	left = (double)g->pub.ports_total - (double)d->used;
	if (left <= 0) {
		g->pub.exhaustion_known = true;
		return;
	}
	/* Less than a port in ten seconds is no trend. */
	if (!slope_of(t, d, &slope) || slope < 0.1)
		return;
	g->pub.exhausted_in_ns = (uint64_t)(left / slope * 1e9);
	g->pub.exhaustion_known = true;
}

static int by_weight(const void *a, const void *b)
{
	const struct timewait_group *x = a, *y = b;

	if (x->time_wait != y->time_wait)
		return x->time_wait > y->time_wait ? -1 : 1;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return memcmp(x->raddr, y->raddr, 16);
}

void timewait_end(struct timewait *t)
{
	settle_destinations(t);
	for (uint32_t i = 0; i < t->group_count; i++) {
		judge_ports(t, &t->groups[i]);
		t->sorted[i] = t->groups[i].pub;
	}
	qsort(t->sorted, t->group_count, sizeof(*t->sorted), by_weight);
}

const struct timewait_group *timewait_groups(const struct timewait *t, size_t *count)
{
	*count = t->group_count;
	return t->sorted;
}

uint64_t timewait_now(const struct timewait *t)
{
	return t->time_wait;
}

uint64_t timewait_other(const struct timewait *t)
{
	return t->other;
}

uint64_t timewait_orphans(const struct timewait *t)
{
	return t->orphans;
}
