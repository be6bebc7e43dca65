/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A span is known when both its ends are. */
#include "view/life.h"

static struct life_span span(uint64_t from, uint64_t to)
{
	if (from == 0 || to == 0 || to < from)
		return (struct life_span){0};
	return (struct life_span){.ns = to - from, .known = true, .exact = true};
}

/*
 * When the connection entered the state for the first time; 0: never, or not known. What a snapshot
 * found it in was entered before.
 */
static uint64_t entered(const struct lifecycle_connection *c, unsigned int count,
			enum tcpw_state state)
{
	for (unsigned int i = 0; i < count; i++)
		if (c->path[i] == state)
			return i == 0 && c->began == LIFECYCLE_SNAPSHOT ? 0 : c->entered[i];
	return 0;
}

/* When a state of the path ended; 0: not yet, or it has no end. */
static uint64_t left(const struct lifecycle_connection *c, const struct life *life, unsigned int i,
		     uint64_t end, bool time_wait_pending)
{
	if (i + 1 < life->step_count)
		return c->entered[i + 1];
	if (c->path[i] == TCPW_CLOSED || (c->path[i] == TCPW_TIME_WAIT && time_wait_pending))
		return 0;
	return end;
}

struct life life_of(const struct lifecycle_connection *c, uint64_t end, bool time_wait_pending)
{
	struct life life = {.step_count = c->path_len};
	uint64_t opened, established, queued;

	if (life.step_count > LIFECYCLE_PATH_MAX)
		life.step_count = LIFECYCLE_PATH_MAX;
	for (unsigned int i = 0; i < life.step_count; i++)
		life.steps[i] = span(c->entered[i], left(c, &life, i, end, time_wait_pending));
	if (c->began == LIFECYCLE_SNAPSHOT)
		life.steps[0].exact = false;
	else if (life.step_count > 0 && c->entered[0])
		life.start = (struct life_span){.ns = c->entered[0], .known = true, .exact = true};

	opened = entered(c, life.step_count, TCPW_SYN_SENT);
	if (opened == 0)
		opened = entered(c, life.step_count, TCPW_SYN_RECEIVED);
	established = entered(c, life.step_count, TCPW_ESTABLISHED);
	life.handshake = span(opened, established);
	/* Fast Open queues a connection that is not established yet. */
	queued = c->flags & TCPW_SOCK_FASTOPEN || established > c->accepted ? opened : established;
	life.accept_wait = span(queued, c->accepted);
	return life;
}
