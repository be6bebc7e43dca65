/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link in memory, one direction: packets go in at a time and come out at a later one, fewer,
 * twice, damaged or in another order, as its numbers and its seed say. Same seed, same link.
 * Takes all its memory at init.
 */
#ifndef REFTCP_SIM_LINK_H
#define REFTCP_SIM_LINK_H

#include "reftcp/reftcp.h"

/* Chances are parts of a million. */
struct link_config {
	uint32_t loss;
	uint32_t burst_enter, burst_leave; /* Gilbert and Elliott: all is lost inside a burst */
	uint32_t reorder;                  /* held back by reorder_delay */
	uint32_t duplicate;
	uint32_t corrupt; /* one bit is flipped */
	uint32_t mark_ce; /* RFC 3168: ECT becomes CE */
	reftcp_time delay, jitter, reorder_delay;
	uint64_t rate; /* octets a second; 0: no limit */
	uint32_t mtu;  /* larger ones are dropped, and told of by ICMP if icmp is set */
	bool icmp;
	uint32_t packets; /* most in flight, more are dropped */
};

struct link_counters {
	uint64_t in, delivered, lost, duplicated, reordered, corrupted, marked, too_big, full;
};

struct link;

/* slot is the size of the largest packet. -ENOMEM, -EINVAL. */
int link_new(struct link **out, const struct link_config *config, uint32_t slot, uint64_t seed);
void link_free(struct link *link);
/* New numbers from now on; those in flight keep theirs. `packets` stays as it was. */
void link_configure(struct link *link, const struct link_config *config);
void link_send(struct link *link, const void *packet, size_t len, reftcp_time now);
/* When the next packet comes out, or REFTCP_NEVER. */
reftcp_time link_next(const struct link *link);
/* The next packet due at now, valid until the next call; null if there is none. */
const void *link_receive(struct link *link, reftcp_time now, size_t *len);
/* An ICMP error for the sender, if the link has made one; as link_receive. */
const void *link_icmp(struct link *link, size_t *len);
const struct link_counters *link_count(const struct link *link);

/* The generator behind it, for tests that want the same kind: splitmix64. */
uint64_t link_random(uint64_t *state);

#endif
