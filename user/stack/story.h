/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stack's changes of state told as those of the kernel's sockets are, so that both look alike
 * on every output and can be laid side by side.
 */
#ifndef STACK_STORY_H
#define STACK_STORY_H

#include "lifecycle/lifecycle.h"
#include "stack/talk.h"

/* What the tracer would say of the same move. */
enum tcpw_cause story_cause(const struct reftcp_transition *t);

enum tcpw_state story_state(enum reftcp_state state);

/*
 * Fills the event and the connection it points to, from a move and what was known before it; the
 * talk is not changed. `owner` is the process that runs the stack.
 */
void story_tell(const struct reftcp_transition *t, const struct talk *talk, uint32_t netns,
		const struct lifecycle_owner *owner, struct lifecycle_connection *connection,
		struct lifecycle_event *event);

#endif
