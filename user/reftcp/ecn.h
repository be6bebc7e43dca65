/* SPDX-License-Identifier: BSD-2-Clause */
/* Explicit Congestion Notification, RFC 3168 6.1. */
#ifndef REFTCP_ECN_H
#define REFTCP_ECN_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* RFC 3168 6.1.1: ECN-setup SYN (ECE and CWR) and SYN,ACK (ECE alone). */
void ecn_put_syn(const struct reftcp_stack *s, const struct tcb *c, struct segment *seg);
/* A SYN or SYN,ACK came in: is ECN agreed on. */
void ecn_negotiate(const struct reftcp_stack *s, struct tcb *c, uint8_t ctl);
/* ECE, for as long as the peer has not confirmed with CWR. */
void ecn_put(const struct tcb *c, struct segment *seg);
/* ECT(0) and CWR: on new data only, never on what is sent again (RFC 3168 6.1.5). */
void ecn_put_data(struct tcb *c, struct segment *seg);
/* The receiver's side: CE and CWR of a segment with acceptable text. */
void ecn_arrived(struct tcb *c, uint8_t ip_ecn, uint8_t ctl);

#endif
