/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points in time as text, fast enough for a line of every event. */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#define TIMESTAMP_RFC3339_LEN 30 /* 2026-01-31T23:59:59.123456789Z */
#define TIMESTAMP_CLOCK_LEN 15   /* 23:59:59.123456 */

/*
 * `wall_ns` since the epoch (CLOCK_REALTIME) as RFC 3339 in UTC, ns. Writes exactly
 * TIMESTAMP_RFC3339_LEN bytes, no terminator.
 */
void timestamp_rfc3339(char *out, int64_t wall_ns);

/* The time of day, us, local or UTC. Writes exactly TIMESTAMP_CLOCK_LEN bytes, no terminator. */
void timestamp_clock(char *out, int64_t wall_ns, bool utc);

#endif
