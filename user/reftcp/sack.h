/* SPDX-License-Identifier: BSD-2-Clause */
/* Selective acknowledgment, RFC 2018 and 2883: blocks told and blocks heard. */
#ifndef REFTCP_SACK_H
#define REFTCP_SACK_H

#include "reftcp/recovery.h"
#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* Blocks for an outgoing ACK: first a D-SACK, then the newest ranges. */
void sack_put(const struct tcb *c, struct tcpopt *opt);
/* Blocks of an incoming ACK into the scoreboard; what they brought into news. */
void sack_heard(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
		struct ack_news *news, reftcp_time now);

#endif
