/* SPDX-License-Identifier: BSD-2-Clause */
/* The retransmission timeout, RFC 6298, and the times before a connection is given up,
 * RFC 9293 3.8.3. */
#ifndef REFTCP_RTO_H
#define REFTCP_RTO_H

#include "reftcp/stack.h"
#include "reftcp/recovery.h"
#include "reftcp/tcb.h"

#define RTO_INITIAL (1 * REFTCP_S) /* RFC 6298 2.1 */

void rto_init(const struct reftcp_stack *s, struct tcb *c);
/* A round trip took r; r of a segment that was sent once only (Karn, MUST-18). */
void rto_sample(const struct reftcp_stack *s, struct tcb *c, reftcp_time r);
/* The same for each ACK: the first of what it told of, or its timestamp where a segment was sent
 * `again`. */
void rto_sample_each(const struct reftcp_stack *s, struct tcb *c, const struct ack_news *news,
		     reftcp_time now, bool again);
/* RTO with its backoff. */
reftcp_time rto_current(const struct reftcp_stack *s, const struct tcb *c);
/* RTO doubled so many times. */
reftcp_time rto_backed_off(const struct reftcp_stack *s, const struct tcb *c, uint32_t times);
/* RFC 6298 5.5. */
void rto_back_off(struct tcb *c);
/* The handshake is done, and a SYN had to be sent again: RFC 6298 5.7, 5681 3.1. */
void rto_after_lost_syn(const struct reftcp_stack *s, struct tcb *c);
/* (Re)starts the retransmission timer if anything is outstanding, else stops it. */
void rto_restart(const struct reftcp_stack *s, struct tcb *c, reftcp_time now);

#endif
