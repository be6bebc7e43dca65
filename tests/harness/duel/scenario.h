/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scenario: segments and calls, in order, with what a stack is expected to make of them. One
 * description is played on the kernel and on reftcp alike.
 *
 * The text form, one item a line, # begins a comment:
 *
 *	title WORDS             what it shows
 *	row ID                  the Linux deviation it is about: reftcp's `standard` must differ
 *	shared ID               a deviation of name only: `standard` must do the same, but for what
 *	                        `row` says
 *	open ID                 reftcp's `linux` is known to differ still, see the open findings
 *	sysctl NAME VALUE       of net.ipv4, on the kernel's side, and what answers to it on ours
 *	isn N                   of the peer (1000000)
 *	delayed-acks            ACKs may wait; else both stacks acknowledge text at once
 *	slow                    only in the full form of the tests
 *
 *	call NAME [ARGUMENT] [= RESULT]     a user call; RESULT a number or an errno, else no error
 *	> FLAGS seq N [ack N] [...]         a segment of the peer arrives
 *	wait TIME                           in us, ms or s
 *
 *	< FLAGS seq N [ack N] [...]         the stack sent this since the last item above
 *	state STATE                         RFC 9293's name; CLOSED also where nothing is left
 *	expires TIME                        what is left of TIME-WAIT, or of an orphan's FIN-WAIT-2
 *
 * "2: " before an item is about a second connection, "3: " and "4: " about more. FLAGS are of
 * FSRPUEC and "." for ACK, or "-". Numbers count from the initial sequence numbers; `all` is the
 * end of what the stack has sent, `edge` that of the window it gave, both with +N or -N. The rest:
 * len N, win N, urg N, mss N, wscale N, sackok, sack A-B, ts VAL[:ECR], request, cookie.
 * What was sent and is not listed is an error, so is what is listed and was not sent.
 */
#ifndef HARNESS_DUEL_SCENARIO_H
#define HARNESS_DUEL_SCENARIO_H

#include <stdbool.h>
#include <stdio.h>

#include "reftcp/segment.h"

#define SCENARIO_CONNS 4
#define SCENARIO_ACTS 96
#define SCENARIO_WANTS 24 /* segments one act may provoke */
#define SCENARIO_SYSCTLS 4
#define SCENARIO_NAME 64

enum act_kind {
	ACT_SEGMENT,
	ACT_CALL,
	ACT_WAIT,
};

/* X(name, argument: 0 none, 1 wanted, 2 may be there) */
#define CALL_LIST(X)       \
	X(listen, 1)       \
	X(accept, 0)       \
	X(connect, 0)      \
	X(send, 1)         \
	X(urgent, 1)       \
	X(recv, 2)         \
	X(shutdown, 0)     \
	X(close, 0)        \
	X(abort, 0)        \
	X(unlisten, 0)     \
	X(destroy, 0)      \
	X(disconnect, 0)   \
	X(nodelay, 1)      \
	X(keepalive, 1)    \
	X(user_timeout, 1) \
	X(fin_wait_2, 1)   \
	X(defer_accept, 1) \
	X(fastopen, 1)

enum call {
#define X(name, argument) CALL_##name,
	CALL_LIST(X)
#undef X
};

enum number_base {
	FROM_START, /* the initial sequence number */
	FROM_ALL,   /* the end of all the stack has sent */
	FROM_EDGE,  /* the right edge of the window the stack gave */
};

struct number {
	enum number_base from;
	int32_t add;
};

/* A segment of the peer. In opt, SACK edges count from the stack's initial sequence number. */
struct script_segment {
	uint8_t ctl;
	struct number seq, ack;
	uint32_t len;
	uint16_t wnd, up;
	struct tcpopt opt;
	bool ecr_given; /* else it echoes the stack's last timestamp */
	bool cookie;    /* the Fast Open cookie the stack gave */
	uint8_t ecn;    /* of the IP header */
};

/* A segment of the stack, in what is worth comparing: PSH, the size of windows that are not
 * shut and the stack's own clock are its free choice. */
struct seen {
	uint8_t conn;
	uint8_t ctl;
	uint32_t seq, ack, len; /* ack 0 without the ACK bit */
	bool shut;              /* a window of 0 */
	uint16_t up;
	uint32_t has; /* TCPOPT_ bits */
	uint16_t mss;
	uint32_t ts_ecr;
	uint8_t sacks;
	struct {
		uint32_t left, right;
	} sack[TCPOPT_SACK_MAX];
	uint8_t ecn;
	uint32_t
		edge; /* of the window given by then; two stacks' windows need not be of one size */
	bool again;   /* nothing in it was not sent before */
};

/* A line "<": options are looked at only where it names them. */
struct want {
	struct seen seen;
	uint32_t line;
};

struct act {
	enum act_kind kind;
	uint8_t conn;
	uint32_t line;
	struct script_segment segment;
	enum call call;
	int64_t argument;
	reftcp_time wait;
	/* Expected. */
	bool result_given;
	int64_t result; /* negative: an errno */
	struct want want[SCENARIO_WANTS];
	unsigned int wants;
	bool state_given[SCENARIO_CONNS], expires_given[SCENARIO_CONNS];
	enum reftcp_state state[SCENARIO_CONNS];
	reftcp_time expires[SCENARIO_CONNS];
};

struct scenario {
	char title[128];
	char row[SCENARIO_NAME], shared[SCENARIO_NAME], open[SCENARIO_NAME];
	struct {
		char name[SCENARIO_NAME];
		char value[SCENARIO_NAME];
	} sysctl[SCENARIO_SYSCTLS];
	unsigned int sysctls;
	uint32_t isn;
	bool delayed_acks, slow;
	struct act act[SCENARIO_ACTS];
	unsigned int acts;
};

void scenario_init(struct scenario *out);
/*
 * Reads the file at path. 0, or -errno; -EINVAL: what is wrong, with its line, is in why.
 */
int scenario_read(struct scenario *out, const char *path, char *why, size_t why_len);
/* In the form above, expectations included. */
void scenario_print(const struct scenario *sc, FILE *to);
void act_print(const struct act *act, FILE *to);
void seen_print(const struct seen *seen, FILE *to);
const char *call_name(enum call call);
/* "ECONNRESET" for -ECONNRESET; null for one that has no name here. */
const char *errno_word(int64_t error);

#endif
