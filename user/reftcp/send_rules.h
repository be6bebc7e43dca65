/* SPDX-License-Identifier: BSD-2-Clause */
/* May new data go now: RFC 9293 3.7.4 (Nagle), 3.8.6.1 (zero window), 3.8.6.2.1 (silly window). */
#ifndef REFTCP_SEND_RULES_H
#define REFTCP_SEND_RULES_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/*
 * The length of the next new segment and whether it carries the FIN; false if nothing may go.
 * Arms the persist timer where the answer would otherwise be false for ever.
 */
bool send_rules_next(struct reftcp_stack *s, struct tcb *c, reftcp_time now, uint32_t *len,
		     bool *fin);

/* The persist timer expired. */
void send_rules_persist(struct reftcp_stack *s, struct tcb *c, reftcp_time now);

/* Is a probe of a closed window due in the form that carries nothing. */
bool send_rules_probe_old(const struct reftcp_stack *s, const struct tcb *c);
/* All that may go has gone: was it the congestion window that ended it, and how much is out. */
void send_rules_note_use(struct tcb *c, reftcp_time now);

#endif
