/* SPDX-License-Identifier: BSD-2-Clause */
/* Timestamps and PAWS, RFC 7323 3 to 5. */
#ifndef REFTCP_TIMESTAMPS_H
#define REFTCP_TIMESTAMPS_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* The connection's timestamp clock: milliseconds from a secret offset (RFC 7323 5.4, 7.1). */
uint32_t timestamps_now(const struct tcb *c, reftcp_time now);
void timestamps_put(const struct tcb *c, struct tcpopt *opt, reftcp_time now);
/* From the SYN or SYN,ACK that agreed on them. */
void timestamps_start(struct tcb *c, uint32_t ts_val, reftcp_time now);

/* a is older than b, modulo 2^32. */
static inline bool timestamps_older(uint32_t a, uint32_t b)
{
	return seq_lt(seq_of(a), seq_of(b));
}

/* RFC 7323 5.3 R1: is the segment an old duplicate. */
bool timestamps_paws_rejects(const struct tcb *c, uint32_t ts_val, reftcp_time now);
/* RFC 7323 4.3 (2): remember the timestamp of a segment that holds Last.ACK.sent. */
void timestamps_note(struct tcb *c, struct seq seq, uint32_t ts_val, reftcp_time now);

#endif
