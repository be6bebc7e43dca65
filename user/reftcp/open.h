/* SPDX-License-Identifier: BSD-2-Clause */
/* OPEN's part that SEND needs, RFC 9293 3.10.2, LISTEN STATE. */
#ifndef REFTCP_OPEN_H
#define REFTCP_OPEN_H

#include "reftcp/stack.h"

/* A connection in LISTEN becomes active; remote null: the one of the passive OPEN.
 * -EDESTADDRREQ, -EINVAL, -EADDRNOTAVAIL, -EADDRINUSE: it stays in LISTEN. */
int open_activate(struct reftcp_stack *s, struct tcb *c, const struct reftcp_endpoint *remote,
		  enum clause clause, reftcp_time now);

#endif
