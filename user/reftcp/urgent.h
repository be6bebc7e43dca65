/* SPDX-License-Identifier: BSD-2-Clause */
/* Urgent data, RFC 9293 3.8.5: a point in the stream, not data beside it. */
#ifndef REFTCP_URGENT_H
#define REFTCP_URGENT_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* SEND with URGENT: all that is queued up to here is urgent. */
void urgent_sent(struct tcb *c);
/* URG and the pointer, while it lies ahead of the segment. */
void urgent_put(const struct tcb *c, struct segment *seg);
/* RFC 9293 3.10.7.4, sixth. */
void urgent_arrived(struct reftcp_stack *s, struct tcb *c, struct seq pointer);
/* Urgent octets the user has not read. */
uint32_t urgent_left(const struct tcb *c);

#endif
