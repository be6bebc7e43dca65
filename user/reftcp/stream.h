/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The octets of one direction of one connection. A stream is a window of `limit` octets that
 * slides forward; an octet is named by its distance from the window's start, so data that
 * arrives out of order is put straight where it belongs and never copied again. Space is
 * taken from a pool in chunks when it is first written and given back when it is passed: an
 * idle connection holds none.
 */
#ifndef REFTCP_STREAM_H
#define REFTCP_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Units of buffer space, shared by all streams. Those never used are never touched. */
struct chunk_pool {
	uint8_t *mem;
	uint32_t *link; /* of the free ones */
	uint32_t size;  /* octets in one, a power of two */
	uint32_t shift; /* its logarithm */
	uint32_t count;
	uint32_t fresh; /* the first never used */
	uint32_t free;  /* head of the list, or count */
	uint32_t available;
};

struct stream {
	uint32_t *dir;     /* ring of chunk numbers; CHUNK_NONE where there is none */
	uint32_t slots;    /* in the ring */
	uint32_t head;     /* slot of the window's start */
	uint32_t head_off; /* of the window's start in its chunk */
	uint32_t limit;
	uint32_t high; /* one past the highest octet written */
};

#define CHUNK_NONE UINT32_MAX

/* 0 or -ENOMEM. */
int chunk_pool_init(struct chunk_pool *pool, uint32_t count, uint32_t size);
void chunk_pool_release(struct chunk_pool *pool);

/* Slots of the ring a stream of this limit needs. */
uint32_t stream_slots(uint32_t limit, uint32_t chunk_size);
/* dir has stream_slots entries and belongs to the caller. With no slots the stream only counts:
 * it may be written and dropped, not read. */
void stream_init(struct stream *st, uint32_t *dir, uint32_t slots, uint32_t limit);
/* The same for the ring of a stream that has been cleared. */
void stream_attach(struct stream *st, uint32_t *dir, uint32_t slots, uint32_t limit);
void stream_clear(struct stream *st, struct chunk_pool *pool);

/* off + len must not pass the limit. 0, or -ENOBUFS and nothing is written. */
int stream_write(struct stream *st, struct chunk_pool *pool, uint32_t off, const void *data,
		 uint32_t len);
/* The octets must have been written. */
void stream_read(const struct stream *st, const struct chunk_pool *pool, uint32_t off, void *buf,
		 uint32_t len);
/* The same, and returns the inetsum of the octets. */
uint64_t stream_read_sum(const struct stream *st, const struct chunk_pool *pool, uint32_t off,
			 void *buf, uint32_t len);
/* The window's start moves on by n. */
void stream_drop(struct stream *st, struct chunk_pool *pool, uint32_t n);

#endif
