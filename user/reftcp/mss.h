/* SPDX-License-Identifier: BSD-2-Clause */
/* Segment sizes, RFC 9293 3.7.1: what is told to the peer and what may be sent. */
#ifndef REFTCP_MSS_H
#define REFTCP_MSS_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* Before the SYN: the MSS of our own, and the default for the peer's (MUST-15). */
void mss_init(const struct reftcp_stack *s, struct tcb *c);
/* From the MSS option of a SYN. */
void mss_from_peer(struct tcb *c, uint16_t mss);
/* The user's limit: on what is told to the peer, if that is still to come, and on what is sent. */
void mss_limit(const struct reftcp_stack *s, struct tcb *c, uint16_t mss);
/* Octets of IP and fixed TCP headers. */
uint32_t mss_headers(const struct tcb *c);
/* Eff.snd.MSS: text in a segment that carries our usual options. At least 1. */
uint32_t mss_effective(const struct tcb *c);
/* The same for a segment with this many octets of options. */
uint32_t mss_room(const struct tcb *c, size_t option_len);
/* SMSS of RFC 5681: as mss_effective; the unit of congestion control. */
static inline uint32_t mss_sender(const struct tcb *c)
{
	return mss_effective(c);
}

#endif
