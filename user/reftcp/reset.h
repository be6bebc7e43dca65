/* SPDX-License-Identifier: BSD-2-Clause */
/* The forms of a reset, RFC 9293 3.5.2, queued as replies. */
#ifndef REFTCP_RESET_H
#define REFTCP_RESET_H

#include "reftcp/segment.h"
#include "reftcp/stack.h"

/* <SEQ=SEG.ACK><CTL=RST>, or without an ACK <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.
 * Never for a segment that is a reset itself. */
void reset_answer(struct reftcp_stack *s, const struct segment *seg);
/* <SEQ=SND.NXT><CTL=RST> of a connection. */
/* Of a segment that says nothing new: SND.NXT, but where a rule wants it in the window. */
struct seq reset_sequence(const struct reftcp_stack *s, const struct tcb *c);
/* An ACK of a connection that is about to be no more. */
void reset_last_ack(struct reftcp_stack *s, const struct tcb *c, reftcp_time now);
void reset_connection(struct reftcp_stack *s, const struct tcb *c, reftcp_time now);

#endif
