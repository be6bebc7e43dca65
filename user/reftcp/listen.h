/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners with a backlog: children between SYN and accept. */
#ifndef REFTCP_LISTEN_H
#define REFTCP_LISTEN_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* Is there room for another half-open child. */
bool listen_syn_room(const struct tcb *listener);
/* Is there room for another established one. */
bool listen_accept_room(const struct reftcp_stack *s, const struct tcb *listener);
/* A child for a SYN to a listener, in LISTEN as its parent is; null: no room for it. */
struct tcb *listen_child(struct reftcp_stack *s, struct tcb *listener,
			 const struct reftcp_endpoint *local, const struct reftcp_endpoint *remote);
/* The child is ESTABLISHED: into the accept queue. */
void listen_established(struct reftcp_stack *s, struct tcb *child);
/* The oldest established child, or null; it has no parent from here on. */
struct tcb *listen_accept(struct tcb *listener);
/* The child leaves its parent, in whatever state; nothing if it has none. */
void listen_forget_child(struct tcb *child);
/* The listener goes: its children are reset. */
void listen_drop_children(struct reftcp_stack *s, struct tcb *listener, reftcp_time now);

#endif
