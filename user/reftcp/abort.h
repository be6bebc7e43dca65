/* SPDX-License-Identifier: BSD-2-Clause */
/* ABORT, RFC 9293 3.10.5, for the user and for the stack's own ends. */
#ifndef REFTCP_ABORT_H
#define REFTCP_ABORT_H

#include "reftcp/stack.h"

/* A reset if the state calls for one, everything flushed, CLOSED. */
void abort_connection(struct reftcp_stack *s, struct tcb *c, int error, reftcp_time now);

#endif
