/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two TCP stacks under the same load: one thread, both ends, a link of memory between them. A
 * segment is copied once on its way out of a stack (into a slot of the link) and once on its way
 * in (out of the slot), and octets once between the user and the stack at either end: four copies
 * in all, whichever stack it is. Checksums are made and checked in software.
 */
#ifndef BENCH_STACKS_H
#define BENCH_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MTU 1500       /* MSS 1460 over IPv4 without options */
#define SLOTS 2048     /* segments a direction of the link holds: more than 1 MiB of window */
#define SLOT_SIZE 2048 /* octets */
#define FIRST_PORT 1024u

struct load {
	uint64_t octets;      /* bulk: how many */
	uint32_t window;      /* bulk: octets of receive and of send buffer */
	uint32_t batch;       /* segments taken in before the stack is asked for output */
	bool plain;           /* without SACK and timestamps */
	uint32_t connections; /* churn: how many in one lap, all of which end in TIME-WAIT */
	uint32_t laps;
};

struct figures {
	double seconds;
	double idle_seconds; /* churn: in which TIME-WAIT ended, between the laps */
	uint64_t octets, segments, connections;
	size_t per_connection; /* octets of memory */
};

/* One end of the link: 0 is the client (10.0.0.1), 1 the server (10.0.0.2). */
struct contestant {
	const char *name;
	void (*bulk)(const struct load *l, struct figures *f);
	void (*churn)(const struct load *l, struct figures *f);
};

extern const struct contestant reftcp_contestant, lwip_contestant;

/* ---- the link; `to` is the end the segment goes to ---- */

struct wire {
	uint8_t octets[SLOTS][SLOT_SIZE];
	uint16_t len[SLOTS];
	uint32_t head, count;
	uint64_t crossed; /* since the last link_count */
};

extern struct wire wires[2];

/* Room for a segment of up to SLOT_SIZE octets, or null when the link is full. */
static inline uint8_t *link_slot(int to)
{
	struct wire *w = &wires[to];

	return w->count == SLOTS ? NULL : w->octets[(w->head + w->count) % SLOTS];
}

/* The slot holds len octets and is on its way. */
static inline void link_put(int to, size_t len)
{
	struct wire *w = &wires[to];

	w->len[(w->head + w->count++) % SLOTS] = (uint16_t)len;
	w->crossed++;
}

/* The oldest segment under way, or null. It stays until link_drop. */
static inline const uint8_t *link_first(int to, size_t *len)
{
	const struct wire *w = &wires[to];

	*len = w->len[w->head];
	return w->count ? w->octets[w->head] : NULL;
}

static inline void link_drop(int to)
{
	struct wire *w = &wires[to];

	/* An empty link starts over, so that a short one stays in the cache. */
	w->head = --w->count ? (w->head + 1) % SLOTS : 0;
}

/* Segments that went over it in both directions since the last call. */
uint64_t link_count(void);

double seconds_now(void);
/* Ends the program with a message unless ok. */
void must(bool ok, const char *what);

#endif
