/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface behind which congestion control algorithms stand. Recovery (what is lost, when
 * to send it again) is not their business: they say how the window grows and what is left of
 * it after a loss.
 */
#ifndef REFTCP_CONGESTION_H
#define REFTCP_CONGESTION_H

#include "reftcp/tcb.h"

struct congestion {
	const char *name;
	/* Sets cwnd and ssthresh for a new connection; called again when the MSS is known. */
	void (*init)(struct tcb *c);
	/* acked new octets, or segments if that is the unit; no loss, and the window was in use. */
	void (*on_ack)(struct tcb *c, uint32_t acked, reftcp_time now);
	/* Null, or told of new octets acknowledged while less was out than the window allowed. */
	void (*on_pause)(struct tcb *c);
	/* A loss or an ECN mark: the new ssthresh. In PHASE_LOSS the timer has found the loss. */
	uint32_t (*on_loss)(struct tcb *c, reftcp_time now);
	/* The loss turned out to be none, or sending pauses: the epoch ends. */
	void (*on_reset)(struct tcb *c);
	bool segments; /* the unit of on_ack */
	/* These may be null: the retransmission timer expired; a segment sent once took rtt;
	 * sending begins again after a pause with nothing in flight. */
	void (*on_timeout)(struct tcb *c, reftcp_time now);
	void (*on_rtt)(struct tcb *c, reftcp_time rtt, reftcp_time now);
	void (*on_start)(struct tcb *c, reftcp_time idle, reftcp_time now);
};

extern const struct congestion congestion_newreno;
extern const struct congestion congestion_cubic;
extern const struct congestion congestion_cubic_segments;

/* Unknown values give NewReno. segments: the form that counts them, where there is one. */
const struct congestion *congestion_find(enum reftcp_congestion which, bool segments);

/* RFC 6928: min(10*MSS, max(2*MSS, 14600)). */
uint32_t congestion_initial_window(const struct tcb *c);

/* FlightSize for a new ssthresh: what went out beyond the window while SACKs came in, before it
 * was a loss, does not count (RFC 5681 3.2 (2)). */
uint32_t congestion_flight(const struct tcb *c);

/* RFC 5681 3.1: exponential below ssthresh. Returns the octets left over above it. */
uint32_t congestion_slow_start(struct tcb *c, uint32_t acked);

#endif
