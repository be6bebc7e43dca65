/* SPDX-License-Identifier: BSD-2-Clause */
/* Timeouts, RFC 9293 3.10.8, and those of the extensions. */
#ifndef REFTCP_TIMEOUTS_H
#define REFTCP_TIMEOUTS_H

#include "reftcp/stack.h"

struct timeouts {
	struct reftcp_stack *stack;
	reftcp_time now;
};

/* Runs every timer of c that is due. */
void timeouts_run(struct reftcp_stack *s, struct tcb *c, reftcp_time now);

#endif
