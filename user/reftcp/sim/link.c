/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Packets in flight are a binary heap by (time, order of entry). */
#include "reftcp/sim/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reftcp/inetsum.h"

struct flight {
	reftcp_time at;
	uint64_t order;
	uint32_t slot;
	uint32_t len;
};

struct link {
	struct link_config config;
	struct link_counters count;
	uint64_t random;
	bool in_burst;
	reftcp_time free_at; /* when the wire has sent what is before */
	uint64_t order;
	struct flight *heap;
	uint32_t flying;
	uint32_t *free_slot;
	uint32_t slots_free;
	uint8_t *mem;
	uint32_t slot_size;
	uint32_t out_slot; /* lent to the caller */
	bool out_lent;
	uint8_t icmp[1280];
	size_t icmp_len;
};

uint64_t link_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static bool chance(struct link *l, uint32_t per_million)
{
	return per_million && link_random(&l->random) % 1000000 < per_million;
}

int link_new(struct link **out, const struct link_config *config, uint32_t slot, uint64_t seed)
{
	struct link *l;

	if (!out || !config || !config->packets || !slot)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->config = *config;
	l->random = seed;
	l->slot_size = slot;
	l->heap = calloc(config->packets + 1, sizeof(*l->heap));
	l->free_slot = calloc(config->packets + 1, sizeof(*l->free_slot));
	l->mem = calloc(config->packets + 1, slot);
	if (!l->heap || !l->free_slot || !l->mem) {
		link_free(l);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i <= config->packets; i++)
		l->free_slot[l->slots_free++] = i;
	*out = l;
	return 0;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	free(l->heap);
	free(l->free_slot);
	free(l->mem);
	free(l);
}

void link_configure(struct link *l, const struct link_config *config)
{
	uint32_t packets = l->config.packets;

	l->config = *config;
	l->config.packets = packets;
}

static bool before(const struct flight *a, const struct flight *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void heap_push(struct link *l, struct flight f)
{
	uint32_t i = l->flying++;

	for (; i && before(&f, &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		l->heap[i] = l->heap[(i - 1) / 2];
	l->heap[i] = f;
}

static struct flight heap_pop(struct link *l)
{
	struct flight top = l->heap[0], last = l->heap[--l->flying];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < l->flying) {
		if (child + 1 < l->flying && before(&l->heap[child + 1], &l->heap[child]))
			child++;
		if (before(&last, &l->heap[child]))
			break;
		l->heap[i] = l->heap[child];
		i = child;
	}
	l->heap[i] = last;
	return top;
}

/* RFC 1191 4: "fragmentation needed" with the next hop's MTU, or RFC 4443 3.2. */
static void make_icmp(struct link *l, const uint8_t *packet, size_t len)
{
	struct reftcp_addr src = {.family = packet[0] >> 4}, dst = src;
	bool v4 = src.family == 4;
	size_t head = v4 ? 20 : 40, quote = len < 576 ? len : 576;
	uint8_t *p = l->icmp;
	uint64_t pseudo = 0;
	uint16_t sum;

	memset(p, 0, head + 8);
	memcpy(p + head + 8, packet, quote);
	l->icmp_len = head + 8 + quote;
	memcpy(src.byte, packet + (v4 ? 16 : 24), v4 ? 4 : 16);
	memcpy(dst.byte, packet + (v4 ? 12 : 8), v4 ? 4 : 16);
	p[0] = v4 ? 0x45 : 0x60;
	p[v4 ? 2 : 4] = (v4 ? l->icmp_len : 8 + quote) >> 8 & 0xff;
	p[v4 ? 3 : 5] = (v4 ? l->icmp_len : 8 + quote) & 0xff;
	p[v4 ? 8 : 7] = 64;
	p[v4 ? 9 : 6] = v4 ? 1 : 58;
	memcpy(p + (v4 ? 12 : 8), src.byte, v4 ? 4 : 16);
	memcpy(p + (v4 ? 16 : 24), dst.byte, v4 ? 4 : 16);
	if (v4) {
		sum = inetsum_finish(inetsum_add(0, p, 20));
		memcpy(p + 10, &sum, 2);
	} else {
		pseudo = inetsum_pseudo(&src, &dst, 58, (uint32_t)(8 + quote));
	}
	p += head;
	p[0] = v4 ? 3 : 2;
	p[1] = v4 ? 4 : 0;
	p[6] = l->config.mtu >> 8 & 0xff;
	p[7] = l->config.mtu & 0xff;
	sum = inetsum_finish(inetsum_add(pseudo, p, 8 + quote));
	memcpy(p + 2, &sum, 2);
}

static void mark(struct link *l, uint8_t *p)
{
	uint16_t sum = 0;

	if (p[0] >> 4 == 6) {
		if (!(p[1] & 0x30))
			return;
		p[1] |= 0x30;
	} else {
		if (!(p[1] & 3))
			return;
		p[1] |= 3;
		memcpy(p + 10, &sum, 2);
		sum = inetsum_finish(inetsum_add(0, p, 20));
		memcpy(p + 10, &sum, 2);
	}
	l->count.marked++;
}

static void fly(struct link *l, const void *packet, size_t len, reftcp_time at)
{
	uint32_t slot;
	uint8_t *p;

	if (l->flying == l->config.packets) {
		l->count.full++;
		return;
	}
	slot = l->free_slot[--l->slots_free];
	p = l->mem + (size_t)slot * l->slot_size;
	memcpy(p, packet, len);
	if (chance(l, l->config.mark_ce))
		mark(l, p);
	if (chance(l, l->config.corrupt)) {
		uint64_t bit = link_random(&l->random) % (len * 8);

		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		l->count.corrupted++;
	}
	heap_push(l, (struct flight){at, l->order++, slot, (uint32_t)len});
}

static bool lost(struct link *l)
{
	if (l->in_burst ? chance(l, l->config.burst_leave) : chance(l, l->config.burst_enter))
		l->in_burst = !l->in_burst;
	return l->in_burst || chance(l, l->config.loss);
}

void link_send(struct link *l, const void *packet, size_t len, reftcp_time now)
{
	reftcp_time at = now > l->free_at ? now : l->free_at;

	l->count.in++;
	if (len > l->slot_size || (l->config.mtu && len > l->config.mtu)) {
		l->count.too_big++;
		if (l->config.icmp && len <= l->slot_size)
			make_icmp(l, packet, len);
		return;
	}
	if (l->config.rate)
		at += len * REFTCP_S / l->config.rate;
	l->free_at = at;
	if (lost(l)) {
		l->count.lost++;
		return;
	}
	at += l->config.delay;
	if (l->config.jitter)
		at += link_random(&l->random) % l->config.jitter;
	if (chance(l, l->config.reorder)) {
		at += l->config.reorder_delay;
		l->count.reordered++;
	}
	fly(l, packet, len, at);
	if (chance(l, l->config.duplicate)) {
		l->count.duplicated++;
		fly(l, packet, len, at + l->config.reorder_delay);
	}
}

reftcp_time link_next(const struct link *l)
{
	return l->flying ? l->heap[0].at : REFTCP_NEVER;
}

const void *link_receive(struct link *l, reftcp_time now, size_t *len)
{
	struct flight f;

	if (l->out_lent)
		l->free_slot[l->slots_free++] = l->out_slot;
	l->out_lent = false;
	if (link_next(l) > now)
		return NULL;
	f = heap_pop(l);
	l->out_slot = f.slot;
	l->out_lent = true;
	l->count.delivered++;
	*len = f.len;
	return l->mem + (size_t)f.slot * l->slot_size;
}

const void *link_icmp(struct link *l, size_t *len)
{
	if (!l->icmp_len)
		return NULL;
	*len = l->icmp_len;
	l->icmp_len = 0;
	return l->icmp;
}

const struct link_counters *link_count(const struct link *l)
{
	return &l->count;
}
