/* SPDX-License-Identifier: BSD-2-Clause */
/* Slow start and congestion avoidance of RFC 5681, counted in octets. */
#include "reftcp/congestion.h"
#include "reftcp/mss.h"

uint32_t congestion_initial_window(const struct tcb *c)
{
	uint32_t mss = mss_sender(c);
	uint32_t two = 2 * mss > 14600 ? 2 * mss : 14600;

	return 10 * mss < two ? 10 * mss : two;
}

uint32_t congestion_flight(const struct tcb *c)
{
	uint32_t flight = seq_diff(c->snd.nxt, c->snd.una);

	return flight < c->cwnd ? flight : c->cwnd;
}

uint32_t congestion_slow_start(struct tcb *c, uint32_t acked)
{
	uint32_t room;

	if (c->cwnd >= c->ssthresh)
		return acked;
	/* RFC 5681 3.1: min(N, SMSS) for each ACK; RFC 3465 2.2 allows 2*SMSS where ACKs are
	 * delayed, but not in the slow start after a timeout. */
	room = (c->phase == PHASE_LOSS ? 1 : 2) * mss_sender(c);
	room = acked < room ? acked : room;
	if (c->ssthresh - c->cwnd < room)
		room = c->ssthresh - c->cwnd;
	c->cwnd += room;
	return c->cwnd < c->ssthresh ? 0 : acked - room;
}

static void init(struct tcb *c)
{
	c->cwnd = congestion_initial_window(c);
	c->ssthresh = UINT32_MAX / 2; /* RFC 5681 3.1: arbitrarily high */
	c->acked_in_window = 0;
}

static void on_ack(struct tcb *c, uint32_t acked, reftcp_time now)
{
	(void)now;
	acked = congestion_slow_start(c, acked);
	if (c->cwnd < c->ssthresh)
		return;
	/* RFC 5681 3.1: one SMSS for a window's worth of octets acknowledged. */
	c->acked_in_window += acked;
	if (c->acked_in_window >= c->cwnd) {
		c->acked_in_window -= c->cwnd;
		c->cwnd += mss_sender(c);
	}
}

static uint32_t on_loss(struct tcb *c, reftcp_time now)
{
	/* RFC 5681 3.1 (4): max(FlightSize / 2, 2*SMSS) */
	uint32_t half = congestion_flight(c) / 2;

	(void)now;
	c->acked_in_window = 0;
	return half > 2 * mss_sender(c) ? half : 2 * mss_sender(c);
}

static void on_reset(struct tcb *c)
{
	c->acked_in_window = 0;
}

const struct congestion congestion_newreno = {
	.name = "newreno",
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.on_reset = on_reset,
};

const struct congestion *congestion_find(enum reftcp_congestion which, bool segments)
{
	switch (which) {
	case REFTCP_NEWRENO:
		return &congestion_newreno;
	case REFTCP_CUBIC:
		return segments ? &congestion_cubic_segments : &congestion_cubic;
	}
	return &congestion_newreno;
}
