/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reference stack as a host on a link: the clock and the packets given to it, its answers
 * written, its connections handed to a service. One thread, which sleeps whenever nothing is due.
 */
#ifndef STACK_ENDPOINT_H
#define STACK_ENDPOINT_H

#include "lifecycle/lifecycle.h"
#include "stack/service.h"
#include "stack/talk.h"
#include "stack/wire.h"

#define ENDPOINT_PIECE 65536

struct endpoint_hooks {
	/* Every change of state, at once. Must not call the endpoint. */
	void (*told)(void *arg, const struct lifecycle_event *event);
	/* A connection is done: over, or in TIME_WAIT. */
	void (*done)(void *arg, const struct talk *talk);
	/* Before every sleep; false ends it all. */
	bool (*turn)(void *arg);
	reftcp_time tick; /* ns that a sleep lasts at most; 0: as long as it may */
	void *arg;
};

struct endpoint_totals {
	uint64_t opened, done, failed;
	uint64_t sent, received;
	uint64_t untold; /* moves of connections for which there was no room in the table */
};

struct endpoint {
	const struct stack_settings *settings;
	const struct service *service;
	struct endpoint_hooks hooks;
	struct reftcp_stack *stack;
	struct wire wire;
	struct talks talks;
	struct lifecycle_owner owner;
	uint32_t netns;
	reftcp_id listener;
	reftcp_time now;
	reftcp_time wake; /* no talk wants to be called before */
	struct talk *moved;
	struct endpoint_totals totals;
	uint64_t begun, done_seen;       /* connections opened one after another */
	struct reftcp_counters counters; /* at the end */
	int root;                        /* what http serves; -1: nothing */
	bool root_is_file;
	int send_fd, receive_fd; /* files; -1: none */
	bool stopping;
	uint8_t piece[ENDPOINT_PIECE];   /* on its way between a file and the stack */
	uint8_t packet[WIRE_PACKET_MAX]; /* on its way out */
};

/*
 * `fd` is the TUN descriptor and stays the caller's, as do the settings. Opens the files that the
 * settings name. 0, or -errno with one line in `error`; endpoint_release in any case.
 */
int endpoint_init(struct endpoint *e, const struct stack_settings *settings, int fd,
		  const struct endpoint_hooks *hooks, char *error, size_t error_size);
void endpoint_release(struct endpoint *e);

/*
 * Listens or connects, and runs until the settings' connections are done, `signals` (a signalfd)
 * becomes readable, `until` has come (CLOCK_MONOTONIC; REFTCP_NEVER: never) or a hook ends it. What
 * is still open then is aborted, so that no peer is left waiting. 0 or -errno with `error` written.
 */
int endpoint_run(struct endpoint *e, int signals, reftcp_time until, char *error,
		 size_t error_size);

/* CLOCK_MONOTONIC in ns. */
reftcp_time endpoint_clock(void);

#endif
