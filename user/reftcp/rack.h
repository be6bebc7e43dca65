/* SPDX-License-Identifier: BSD-2-Clause */
/* RACK-TLP, RFC 8985: loss by time instead of by count, and a probe for the tail. */
#ifndef REFTCP_RACK_H
#define REFTCP_RACK_H

#include "reftcp/recovery.h"
#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* seg has just been acknowledged, by either kind (RFC 8985 6.2 steps 1 to 3). */
void rack_delivered(struct tcb *c, const struct txseg *seg, const struct ack_news *news,
		    reftcp_time now);
/* RFC 8985 6.2 steps 4 and 5: marks what is lost by now; arms the reordering timer for what
 * may be soon. Returns whether anything was marked. */
bool rack_detect(struct reftcp_stack *s, struct tcb *c, const struct ack_news *news,
		 reftcp_time now);
/* RFC 8985 7.2: arms the probe timer if the connection is in order. */
void rack_arm_probe(struct reftcp_stack *s, struct tcb *c, reftcp_time now);
/* The probe left, as new data or as the last segment again (RFC 8985 7.3). */
void rack_probe_sent(struct tcb *c, bool again);
/* RFC 8985 7.4: does the ACK say that the probe repaired a loss. */
bool rack_probe_answered(struct tcb *c, const struct segment *seg, const struct ack_news *news);

#endif
