/* SPDX-License-Identifier: BSD-2-Clause */
/* The receive window: RFC 9293 3.8.6 with the silly window avoidance of 3.8.6.2.2, the scale of
 * RFC 7323, and when to acknowledge (3.8.6.3). */
#ifndef REFTCP_WINDOW_H
#define REFTCP_WINDOW_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* The shift that lets RCV.BUFF be told in 16 bits, RFC 7323 2.2. */
uint8_t window_scale_for(uint32_t buff);
/* The first window, when the SYN is made or taken. */
void window_open(struct tcb *c);
/* Moves the right edge if that is worth telling. Returns true if the peer should be told now. */
bool window_update(const struct reftcp_stack *s, struct tcb *c);
/* The field for a segment about to be sent; a SYN's is never scaled. */
uint16_t window_field(const struct tcb *c, bool syn);

/* In-order text came in: now or later, by 3.8.6.3. */
void window_data_arrived(struct reftcp_stack *s, struct tcb *c, uint32_t len,
			 const struct segment *seg, reftcp_time now);
/* A segment came that had come before: ACKs are not delayed for a while. */
void window_quick_acks(struct reftcp_stack *s, struct tcb *c);
/* The user has read: does that ask for an ACK by itself. */
void window_was_read(struct reftcp_stack *s, struct tcb *c);
/* Our SYN was acknowledged: where data waits for that, the connection is one of questions and
 * answers from the start. */
void window_opened_with_data(struct reftcp_stack *s, struct tcb *c, reftcp_time now);
/* Data leaves. */
void window_data_sent(struct tcb *c, reftcp_time now);
void window_ack_now(struct tcb *c);
/* An ACK has gone out, whatever carried it. */
void window_acked(struct tcb *c);

#endif
