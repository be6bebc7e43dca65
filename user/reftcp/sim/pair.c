/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/sim/pair.h"

#include <errno.h>
#include <string.h>

int pair_init(struct pair *pair, const struct reftcp_config config[2],
	      const struct link_config link[2], uint64_t seed)
{
	memset(pair, 0, sizeof(*pair));
	pair->now = REFTCP_S; /* a clock that has run for a while: 0 hides mistakes */
	for (int i = 0; i < 2; i++) {
		uint32_t slot = config[i].mtu > 1280 ? config[i].mtu : 1280;
		int err = reftcp_new(&pair->stack[i], &config[i], pair->now);

		if (!err)
			err = link_new(&pair->link[i], &link[i], slot, seed * 2 + (uint64_t)i + 1);
		if (err)
			return err;
	}
	return 0;
}

void pair_release(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		reftcp_free(pair->stack[i]);
		link_free(pair->link[i]);
		pair->stack[i] = NULL;
		pair->link[i] = NULL;
	}
}

static void digest(struct pair *pair, const uint8_t *p, size_t len)
{
	uint64_t h = pair->digest ^ pair->now;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	pair->digest = h;
}

/* Takes all a stack wants to send. */
static bool drain(struct pair *pair, int i)
{
	bool any = false;
	size_t len;

	while (reftcp_transmit(pair->stack[i], pair->buf, sizeof(pair->buf), pair->now, &len) ==
	       0) {
		const void *icmp;
		size_t icmp_len;

		any = true;
		pair->packets++;
		digest(pair, pair->buf, len);
		if (pair->watch && !pair->watch(pair->ctx, i, pair->buf, len))
			continue;
		link_send(pair->link[i], pair->buf, len, pair->now);
		icmp = link_icmp(pair->link[i], &icmp_len);
		if (icmp)
			reftcp_arrives(pair->stack[i], icmp, icmp_len, pair->now, NULL);
	}
	return any;
}

static bool deliver(struct pair *pair, int i)
{
	const void *packet;
	size_t len;

	packet = link_receive(pair->link[i], pair->now, &len);
	if (packet && pair->arriving)
		pair->arriving(pair->ctx, !i, packet, len);
	if (packet)
		reftcp_arrives(pair->stack[!i], packet, len, pair->now, NULL);
	return packet;
}

void pair_settle(struct pair *pair)
{
	bool any = true;

	while (any) {
		any = false;
		for (int i = 0; i < 2; i++) {
			any |= drain(pair, i);
			any |= deliver(pair, i);
		}
	}
}

bool pair_step(struct pair *pair, reftcp_time limit)
{
	reftcp_time next = REFTCP_NEVER;

	for (int i = 0; i < 2; i++) {
		reftcp_time t = reftcp_deadline(pair->stack[i]), l = link_next(pair->link[i]);

		t = l < t ? l : t;
		next = t < next ? t : next;
	}
	if (next > limit) {
		pair->now = limit > pair->now ? limit : pair->now;
		return false;
	}
	pair->now = next > pair->now ? next : pair->now;
	for (int i = 0; i < 2; i++)
		reftcp_expire(pair->stack[i], pair->now);
	pair_settle(pair);
	return true;
}

bool pair_run(struct pair *pair, reftcp_time limit, bool (*done)(void *ctx, struct pair *pair))
{
	bool finished = false;

	pair_settle(pair);
	for (;;) {
		if (pair->user) {
			pair->user(pair->ctx, pair);
			pair_settle(pair);
		}
		finished = done && done(pair->ctx, pair);
		if (finished || !pair_step(pair, limit))
			return finished;
	}
}
