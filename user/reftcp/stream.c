/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams over chunks: see the header for what they are for. */
#include "reftcp/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reftcp/inetsum.h"

int chunk_pool_init(struct chunk_pool *pool, uint32_t count, uint32_t size)
{
	uint8_t *mem = calloc(count, size);
	uint32_t *link = calloc(count, sizeof(*link));

	if (!mem || !link) {
		free(mem);
		free(link);
		return -ENOMEM;
	}
	*pool = (struct chunk_pool){
		.mem = mem,
		.link = link,
		.size = size,
		.shift = (uint32_t)__builtin_ctz(size),
		.count = count,
		.free = count,
		.available = count,
	};
	return 0;
}

void chunk_pool_release(struct chunk_pool *pool)
{
	free(pool->mem);
	free(pool->link);
	memset(pool, 0, sizeof(*pool));
}

/* The caller has looked at pool->available. */
static uint32_t chunk_take(struct chunk_pool *pool)
{
	uint32_t n = pool->free;

	if (n == pool->count)
		n = pool->fresh++;
	else
		pool->free = pool->link[n];
	pool->available--;
	return n;
}

static void chunk_give(struct chunk_pool *pool, uint32_t n)
{
	pool->link[n] = pool->free;
	pool->free = n;
	pool->available++;
}

uint32_t stream_slots(uint32_t limit, uint32_t chunk_size)
{
	/* One more than fit: the window's start may stand anywhere in its first chunk. */
	return (limit + chunk_size - 1) / chunk_size + 1;
}

void stream_init(struct stream *st, uint32_t *dir, uint32_t slots, uint32_t limit)
{
	stream_attach(st, dir, slots, limit);
	for (uint32_t i = 0; i < slots; i++)
		dir[i] = CHUNK_NONE;
}

void stream_attach(struct stream *st, uint32_t *dir, uint32_t slots, uint32_t limit)
{
	*st = (struct stream){.dir = dir, .slots = slots, .limit = limit};
}

static uint32_t *slot_at(const struct stream *st, uint32_t nth)
{
	uint32_t i = st->head + nth;

	return &st->dir[i >= st->slots ? i - st->slots : i];
}

void stream_clear(struct stream *st, struct chunk_pool *pool)
{
	uint32_t used = (st->head_off + st->high + pool->size - 1) >> pool->shift;

	/* Beyond `high` there is nothing. */
	for (uint32_t i = 0; st->slots && i < used; i++) {
		uint32_t *slot = slot_at(st, i);

		if (*slot != CHUNK_NONE)
			chunk_give(pool, *slot);
		*slot = CHUNK_NONE;
	}
	st->head = 0;
	st->head_off = 0;
	st->high = 0;
}

/* Takes every chunk that [off, off + len) lacks, or none. */
static int reserve(struct stream *st, struct chunk_pool *pool, uint32_t off, uint32_t len)
{
	uint32_t first = (st->head_off + off) >> pool->shift;
	uint32_t last = (st->head_off + off + len - 1) >> pool->shift;
	uint32_t lacking = 0;

	for (uint32_t i = first; i <= last; i++)
		lacking += *slot_at(st, i) == CHUNK_NONE;
	if (lacking > pool->available)
		return -ENOBUFS;
	for (uint32_t i = first; lacking && i <= last; i++) {
		uint32_t *slot = slot_at(st, i);

		if (*slot == CHUNK_NONE) {
			*slot = chunk_take(pool);
			lacking--;
		}
	}
	return 0;
}

/* The octet at off, and how many follow it in its chunk. */
static uint8_t *place(const struct stream *st, const struct chunk_pool *pool, uint32_t off,
		      uint32_t *run)
{
	uint32_t pos = st->head_off + off;
	uint32_t in = pos & (pool->size - 1);

	*run = pool->size - in;
	return pool->mem + ((size_t)*slot_at(st, pos >> pool->shift) << pool->shift) + in;
}

int stream_write(struct stream *st, struct chunk_pool *pool, uint32_t off, const void *data,
		 uint32_t len)
{
	const uint8_t *p = data;
	int err;

	if (len == 0)
		return 0;
	err = st->slots ? reserve(st, pool, off, len) : 0;
	if (err)
		return err;
	if (off + len > st->high)
		st->high = off + len;
	if (!st->slots)
		return 0;
	while (len) {
		uint32_t run;
		uint8_t *to = place(st, pool, off, &run);

		run = run < len ? run : len;
		memcpy(to, p, run);
		p += run;
		off += run;
		len -= run;
	}
	return 0;
}

void stream_read(const struct stream *st, const struct chunk_pool *pool, uint32_t off, void *buf,
		 uint32_t len)
{
	uint8_t *q = buf;

	while (len) {
		uint32_t run;
		const uint8_t *from = place(st, pool, off, &run);

		run = run < len ? run : len;
		memcpy(q, from, run);
		q += run;
		off += run;
		len -= run;
	}
}

uint64_t stream_read_sum(const struct stream *st, const struct chunk_pool *pool, uint32_t off,
			 void *buf, uint32_t len)
{
	uint8_t *q = buf;
	uint64_t sum = 0;

	while (len) {
		uint32_t run;
		const uint8_t *from = place(st, pool, off, &run);

		run = run < len ? run : len;
		if ((q - (uint8_t *)buf) % 2 == 0 && (run % 2 == 0 || run == len)) {
			sum = inetsum_copy(sum, q, from, run);
		} else {
			/* A piece that begins or ends on an odd octet cannot be summed by itself:
			 * copy what is left, then sum it as a whole. */
			stream_read(st, pool, off, q, len);
			return inetsum_add(0, buf, (size_t)(q - (uint8_t *)buf) + len);
		}
		q += run;
		off += run;
		len -= run;
	}
	return sum;
}

void stream_drop(struct stream *st, struct chunk_pool *pool, uint32_t n)
{
	uint32_t pos = st->head_off + n;

	if (!st->slots) {
		st->high = st->high > n ? st->high - n : 0;
		return;
	}
	for (; pos >= pool->size; pos -= pool->size) {
		uint32_t *slot = slot_at(st, 0);

		if (*slot != CHUNK_NONE)
			chunk_give(pool, *slot);
		*slot = CHUNK_NONE;
		st->head = st->head + 1 == st->slots ? 0 : st->head + 1;
	}
	st->head_off = pos;
	st->high = st->high > n ? st->high - n : 0;
	if (st->high == 0) {
		uint32_t *slot = slot_at(st, 0);

		if (*slot != CHUNK_NONE)
			chunk_give(pool, *slot);
		*slot = CHUNK_NONE;
		st->head_off = 0;
	}
}
