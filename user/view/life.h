/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The times of a finished connection, worked out once for text and JSON. */
#ifndef VIEW_LIFE_H
#define VIEW_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle/lifecycle.h"

/* A span of time, or none. */
struct life_span {
	uint64_t ns;
	bool known;
	bool exact; /* false: at least `ns` */
};

struct life {
	struct life_span start;                     /* a point in time, CLOCK_MONOTONIC */
	struct life_span steps[LIFECYCLE_PATH_MAX]; /* time in each state of the path */
	unsigned int step_count;
	struct life_span handshake;   /* from SYN_SENT or SYN_RECEIVED to ESTABLISHED */
	struct life_span accept_wait; /* in the accept queue */
};

/*
 * What began before the tracer did has no known start, and its first state lasted at least as long
 * as it was seen.
 *
 * `end` is when the last state of the path ended, or the end of what is known of it.
 */
struct life life_of(const struct lifecycle_connection *c, uint64_t end, bool time_wait_pending);

#endif
