/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Path MTU discovery by the packets themselves, RFC 4821, for where no ICMP comes: a path that
 * swallows full-sized segments is noticed by their timeouts, and larger sizes are tried with
 * single segments of data, whose loss says something of the size and nothing of congestion.
 */
#ifndef REFTCP_PMTU_H
#define REFTCP_PMTU_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* The path is known not to take packets above mtu; larger ones are tried again after a while. */
void pmtu_limit(struct tcb *c, uint32_t mtu, reftcp_time now);
/* The retransmission timer expired: is it the size of the front. */
void pmtu_timed_out(struct reftcp_stack *s, struct tcb *c, reftcp_time now);
/* Text of a probe to send now, with d octets unsent and u usable; 0: none. */
uint32_t pmtu_probe(const struct reftcp_stack *s, const struct tcb *c, uint32_t d, uint32_t u,
		    reftcp_time now);
void pmtu_probe_sent(struct tcb *c, struct seq first, uint32_t text);
/* SND.UNA or SACK has moved: the probe may have arrived. */
void pmtu_acknowledged(struct reftcp_stack *s, struct tcb *c, reftcp_time now);
/* Is seg, deemed lost, the probe; then its size is out of the question for now. */
bool pmtu_probe_lost(struct tcb *c, const struct txseg *seg, reftcp_time now);

#endif
