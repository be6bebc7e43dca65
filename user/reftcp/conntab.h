/* SPDX-License-Identifier: BSD-2-Clause */
/* Who a segment is for: connections by both sockets, listeners by local port. */
#ifndef REFTCP_CONNTAB_H
#define REFTCP_CONNTAB_H

#include "reftcp/reftcp.h"

struct reftcp_stack;
struct tcb;

struct tcb *conntab_find(const struct reftcp_stack *s, const struct reftcp_endpoint *local,
			 const struct reftcp_endpoint *remote);
/* -EADDRINUSE if the pair of sockets is taken. */
int conntab_add(struct reftcp_stack *s, struct tcb *c);
void conntab_remove(struct reftcp_stack *s, struct tcb *c);

/* The listener that fits best: remote socket named before not named, then address. */
struct tcb *conntab_listener(const struct reftcp_stack *s, const struct reftcp_endpoint *local,
			     const struct reftcp_endpoint *remote);
/* -EADDRINUSE if another one listens under the same name. */
int conntab_listen(struct reftcp_stack *s, struct tcb *c);
/* For one that comes back: another may have taken the name meanwhile (MUST-42), and both listen. */
void conntab_listen_again(struct reftcp_stack *s, struct tcb *c);
void conntab_unlisten(struct reftcp_stack *s, struct tcb *c);

#endif
