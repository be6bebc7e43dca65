/* SPDX-License-Identifier: BSD-2-Clause */
/* ACKs that answer bad segments, and how many of them: RFC 5961 7 and 9293 3.10.7.4. */
#ifndef REFTCP_CHALLENGE_H
#define REFTCP_CHALLENGE_H

#include "reftcp/stack.h"

/* A challenge ACK, within the limit of the stack. */
void challenge_ack(struct reftcp_stack *s, struct tcb *c, reftcp_time now);
/* The ACK for an unacceptable segment, within the limit of the connection. */
void challenge_duplicate(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
			 reftcp_time now);
/* May seg be answered within that limit; an answer is counted. */
bool challenge_allowed(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
		       reftcp_time now);

#endif
