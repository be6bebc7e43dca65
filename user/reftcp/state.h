/* SPDX-License-Identifier: BSD-2-Clause */
/* The one writer of a connection's state, and the table of moves RFC 9293 allows. */
#ifndef REFTCP_STATE_H
#define REFTCP_STATE_H

#include <stddef.h>

#include "reftcp/reftcp.h"

struct tcb;
struct reftcp_stack;

/* Everything that may move a connection: X(name, section, in a few words). */
#define CLAUSE_LIST(X)                                                       \
	X(OPEN_PASSIVE, "RFC 9293 3.10.1", "passive OPEN")                   \
	X(OPEN_ACTIVE, "RFC 9293 3.10.1", "active OPEN")                     \
	X(SEND_OPENS, "RFC 9293 3.10.2", "SEND makes the OPEN active")       \
	X(CLOSE, "RFC 9293 3.10.4", "CLOSE call")                            \
	X(ABORT, "RFC 9293 3.10.5", "ABORT call")                            \
	X(SYN_IN_LISTEN, "RFC 9293 3.10.7.2, third", "SYN received")         \
	X(RESET_IN_SYN_SENT, "RFC 9293 3.10.7.3, second", "reset received")  \
	X(SYN_ACK, "RFC 9293 3.10.7.3, fourth", "our SYN is acknowledged")   \
	X(SYN_CROSSED, "RFC 9293 3.10.7.3, fourth", "simultaneous open")     \
	X(RESET, "RFC 9293 3.10.7.4, second", "reset received")              \
	X(SYN_IN_WINDOW, "RFC 9293 3.10.7.4, fourth", "SYN received")        \
	X(ACK_OF_SYN, "RFC 9293 3.10.7.4, fifth", "our SYN is acknowledged") \
	X(ACK_OF_FIN, "RFC 9293 3.10.7.4, fifth", "our FIN is acknowledged") \
	X(FIN, "RFC 9293 3.10.7.4, eighth", "FIN received")                  \
	X(USER_TIMEOUT, "RFC 9293 3.10.8", "user timeout")                   \
	X(TIME_WAIT_TIMEOUT, "RFC 9293 3.10.8", "2 MSL are over")            \
	X(REUSE, "RFC 6191 2", "a newer SYN takes the place of TIME-WAIT")   \
	X(HALF_DUPLEX, "RFC 9293 3.6.1", "data nobody will read")            \
	X(TIME_WAIT_FULL, "RFC 9293 3.6.1", "no room for a TIME-WAIT")       \
	X(TEXT_AFTER_FIN, "RFC 9293 3.10.7.4, seventh", "text after a FIN")  \
	X(HARD_ERROR, "RFC 9293 3.9.2.2", "ICMP hard error")                 \
	X(KEEPALIVE, "RFC 9293 3.8.4", "keep-alive without an answer")       \
	X(FIN_WAIT_2_TIMEOUT, "RFC 9293 3.6", "orphan without a FIN")        \
	X(COOKIE, "RFC 4987 3.6", "SYN cookie returned")

enum clause {
#define X(name, section, why) CLAUSE_##name,
	CLAUSE_LIST(X)
#undef X
	CLAUSE_COUNT
};

struct edge {
	enum reftcp_state from, to;
	enum clause clause;
};

extern const struct edge state_edges[];
extern const size_t state_edge_count;

const char *clause_section(enum clause clause);
const char *clause_why(enum clause clause);

bool state_edge_legal(enum reftcp_state from, enum reftcp_state to, enum clause clause);

/* The same table, as the bits of the clauses that allow each move. */
void state_legal(uint64_t legal[REFTCP_STATE_COUNT][REFTCP_STATE_COUNT]);

/* Where a TCB begins other than in CLOSED: a listener's child, which is a copy of its parent, and
 * a shadow that joins in the middle. No move, and nobody is told. */
void state_begin_at(struct tcb *c, enum reftcp_state state);

/* Nothing else writes tcb.state. An edge that is not in the table is refused and counted. */
void state_move(struct reftcp_stack *s, struct tcb *c, enum reftcp_state to, enum clause clause,
		reftcp_time now);

#endif
