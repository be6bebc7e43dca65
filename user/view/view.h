/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How events look: a text line or a JSON object a line. Formatting only; where things come from and
 * where they go to is the caller's.
 */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle/lifecycle.h"
#include "lifecycle/timewait.h"
#include "view/buffer.h"

/* Names that only the machine can tell. Each returns NULL when it does not know. */
struct view_names {
	const char *(*cgroup_path)(void *arg, uint64_t id);
	const char *(*reset_reason)(void *arg, uint32_t reason);
	void *arg;
};

struct view_context {
	struct view_names names;
	const char *host;    /* raw bytes, at most 64 */
	const char *boot_id; /* as in /proc/sys/kernel/random/boot_id, without the newline */
	int64_t wall_offset; /* CLOCK_REALTIME minus CLOCK_MONOTONIC, ns; refreshed by the caller */
	bool color;
	bool utf8;            /* text may hold arrows and other letters; else ASCII only */
	bool utc;             /* text times in UTC instead of local time */
	unsigned int columns; /* width of the terminal; 0: no limit, nothing is shortened */
};

/* A socket of a snapshot with what the lifecycle or the kernel knows of it. */
struct view_socket {
	const struct tcpw_socket *socket;
	const struct lifecycle_owner *owner; /* NULL is unknown */
	enum tcpw_role role;
	uint64_t mono_ns; /* when it was read */
	uint64_t age_ns;  /* in its state */
	bool age_known;
};

enum timewait_end {
	TIMEWAIT_EXPIRED,
	TIMEWAIT_REUSED,
	TIMEWAIT_KILLED,
	TIMEWAIT_UNKNOWN, /* gone from the socket table, and nobody was told */
	TIMEWAIT_ENDS
};

/* What `timewait` knows at one moment: entered = the sum of ended + time_wait. */
struct view_timewait {
	uint64_t mono_ns;
	int64_t time_wait, entered, ended[TIMEWAIT_ENDS];
	uint64_t fin_wait_2_orphans;
	uint64_t refused; /* for want of a bucket, since the start */
	uint64_t max_buckets;
	bool max_buckets_known;
	double in_per_s, out_per_s; /* over the last interval */
	bool rates_known;
	const struct timewait_group *groups; /* most sockets first */
	size_t group_count;
	uint64_t other; /* TIME_WAITs in no group, for want of room */
	const struct timewait_limits *(*limits)(void *arg, uint32_t netns); /* NULL: not known */
	/* The name of a process that may be gone; NULL is unknown. */
	const char *(*comm)(void *arg, uint32_t process);
	void *arg;
};

/* One JSON object and a newline per call; the keys are described in README.md. */
void json_event(struct buffer *out, const struct view_context *ctx,
		const struct lifecycle_event *event);
void json_socket(struct buffer *out, const struct view_context *ctx, const struct view_socket *s);

void json_timewait(struct buffer *out, const struct view_context *ctx,
		   const struct view_timewait *v);

/* The whole picture as a block of lines, with what would help where something is short. */
void text_timewait(struct buffer *out, const struct view_context *ctx,
		   const struct view_timewait *v);

/* Text: a head line and one line an event or socket, aligned, readable at 100 columns. */
void text_trace_head(struct buffer *out, const struct view_context *ctx);
void text_trace_event(struct buffer *out, const struct view_context *ctx,
		      const struct lifecycle_event *event);
void text_life_head(struct buffer *out, const struct view_context *ctx);
void text_life_event(struct buffer *out, const struct view_context *ctx,
		     const struct lifecycle_event *event);
void text_socket_head(struct buffer *out, const struct view_context *ctx);
void text_socket(struct buffer *out, const struct view_context *ctx, const struct view_socket *s);

#endif
