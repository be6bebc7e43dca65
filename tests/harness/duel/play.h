/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Playing a scenario on a stack, act by act, and noting what comes of it. The stack is a subject:
 * the kernel behind a TUN device, or reftcp in memory. Both are asked the same things here, and
 * what they answer is put in the same words, so that comparing is a matter of equality.
 */
#ifndef HARNESS_DUEL_PLAY_H
#define HARNESS_DUEL_PLAY_H

#include "duel/scenario.h"

#define TRACE_SEEN 40

/* What one act provoked, until the next. */
struct observation {
	int64_t result; /* of a call */
	struct seen seen[TRACE_SEEN];
	unsigned int count;
	bool overflow; /* more was sent than is noted */
	enum reftcp_state state[SCENARIO_CONNS];
	reftcp_time expires[SCENARIO_CONNS]; /* REFTCP_NEVER: nothing to say */
};

struct trace {
	struct observation act[SCENARIO_ACTS];
	unsigned int acts;
};

/* A stack that can be played on; self is its own. */
struct subject_ops {
	/* Performs the call for connection conn: what POSIX would give, or -errno. */
	int64_t (*call)(void *self, uint8_t conn, const struct act *act);
	/* A packet of the peer arrives. */
	void (*arrives)(void *self, const uint8_t *packet, size_t len);
	/* The next packet the stack sent; false: none. */
	bool (*take)(void *self, uint8_t *buf, size_t cap, size_t *len);
	enum reftcp_state (*state)(void *self, uint8_t conn, reftcp_time *expires);
	/* The two ends of connection conn. */
	struct reftcp_endpoint (*ours)(void *self, uint8_t conn);
	struct reftcp_endpoint (*theirs)(void *self, uint8_t conn);
};

/* One connection as its peer sees it. */
struct view {
	bool used, iss_known, scales, peer_scales;
	uint8_t scale;
	uint32_t iss, all, edge, ts_last;
	enum reftcp_state state;
	uint8_t cookie_len, cookie[TCPOPT_COOKIE_MAX];
};

struct play {
	const struct scenario *sc;
	const struct subject_ops *ops;
	void *self;
	struct view view[SCENARIO_CONNS];
	unsigned int next; /* act */
	struct trace *trace;
};

void play_init(struct play *p, const struct scenario *sc, const struct subject_ops *ops, void *self,
	       struct trace *trace);
/* Does the next act; how long its time is, which is the caller's to let pass. */
reftcp_time play_begin(struct play *p);
/* Notes what the stack has sent by now. */
void play_take(struct play *p);
/* Notes what came of the act. */
void play_end(struct play *p);
bool play_done(const struct play *p);

#endif
