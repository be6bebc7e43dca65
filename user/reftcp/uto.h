/* SPDX-License-Identifier: BSD-2-Clause */
/* The user timeout option, RFC 5482. */
#ifndef REFTCP_UTO_H
#define REFTCP_UTO_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

void uto_put(const struct tcb *c, struct segment *seg);
/* The peer's option: our own timeout follows, unless the user has set it. */
void uto_arrived(struct tcb *c, const struct tcpopt *opt);

#endif
