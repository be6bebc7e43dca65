// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/story.h"

#include <stddef.h>
#include <string.h>

/* The words of the stack's own table of clauses (user/reftcp/state.h), in the tracer's. */
static const struct {
	const char *why;
	enum tcpw_cause cause;
} causes[] = {
	{"passive OPEN", TCPW_CAUSE_LISTEN},
	{"active OPEN", TCPW_CAUSE_CONNECT},
	{"SEND makes the OPEN active", TCPW_CAUSE_CONNECT},
	{"CLOSE call", TCPW_CAUSE_CLOSE},
	{"ABORT call", TCPW_CAUSE_ABORT},
	{"SYN received", TCPW_CAUSE_SYN_RECEIVED},
	{"reset received", TCPW_CAUSE_RESET_RECEIVED},
	{"simultaneous open", TCPW_CAUSE_SIMULTANEOUS_OPEN},
	{"our FIN is acknowledged", TCPW_CAUSE_FIN_ACKED},
	{"FIN received", TCPW_CAUSE_FIN_RECEIVED},
	{"user timeout", TCPW_CAUSE_TIMEOUT},
	{"2 MSL are over", TCPW_CAUSE_TIME_WAIT_EXPIRED},
	{"a newer SYN takes the place of TIME-WAIT", TCPW_CAUSE_TIME_WAIT_REUSED},
	{"data nobody will read", TCPW_CAUSE_RESET_SENT},
	{"no room for a TIME-WAIT", TCPW_CAUSE_TIME_WAIT_OVERFLOW},
	{"text after a FIN", TCPW_CAUSE_RESET_SENT},
	{"ICMP hard error", TCPW_CAUSE_ICMP_ERROR},
	{"keep-alive without an answer", TCPW_CAUSE_KEEPALIVE_TIMEOUT},
	{"orphan without a FIN", TCPW_CAUSE_FIN_WAIT_2_TIMEOUT},
	{"SYN cookie returned", TCPW_CAUSE_SYN_COOKIE},
};

enum tcpw_cause story_cause(const struct reftcp_transition *t)
{
	if (t->from == REFTCP_TIME_WAIT && !strcmp(t->why, "reset received"))
		return TCPW_CAUSE_TIME_WAIT_KILLED;
	if (t->from == REFTCP_FIN_WAIT_1 && t->to == REFTCP_CLOSING)
		return TCPW_CAUSE_SIMULTANEOUS_CLOSE;
	if (!strcmp(t->why, "our SYN is acknowledged"))
		return t->from == REFTCP_SYN_SENT ? TCPW_CAUSE_SYN_ACK_RECEIVED
						  : TCPW_CAUSE_HANDSHAKE_DONE;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (!strcmp(t->why, causes[i].why))
			return causes[i].cause;
	return TCPW_CAUSE_UNKNOWN;
}

enum tcpw_state story_state(enum reftcp_state state)
{
	static const enum tcpw_state states[] = {
#define X(name) [REFTCP_##name] = TCPW_##name,
		REFTCP_STATE_LIST(X)
#undef X
	};

	return (unsigned int)state < REFTCP_STATE_COUNT ? states[state] : TCPW_STATE_UNKNOWN;
}

/* As records hold addresses: IPv4 as a mapped one. */
static void put_address(uint8_t to[16], const struct reftcp_addr *addr, uint8_t family)
{
	memset(to, 0, 16);
	if (family == 6) {
		memcpy(to, addr->byte, 16);
		return;
	}
	to[10] = to[11] = 0xff;
	memcpy(to + 12, addr->byte, 4);
}

void story_tell(const struct reftcp_transition *t, const struct talk *talk, uint32_t netns,
		const struct lifecycle_owner *owner, struct lifecycle_connection *connection,
		struct lifecycle_event *event)
{
	uint8_t family = t->remote.addr.family ? t->remote.addr.family : t->local.addr.family;

	*event = (struct lifecycle_event){
		.kind = LIFECYCLE_TRANSITION,
		.ts = t->at,
		.connection = connection,
		.u.transition =
			{
				.old_state = story_state(t->from),
				.new_state = story_state(t->to),
				.cause = story_cause(t),
				.source = LIFECYCLE_FROM_STACK,
				.clause = t->clause,
				.dwell_ns = t->at - talk->entered,
				.dwell_known = talk->entered != 0,
				.dwell_exact = talk->entered != 0,
			},
	};
	put_address(event->tuple.laddr, &t->local.addr, family ? family : 6);
	put_address(event->tuple.raddr, &t->remote.addr, family ? family : 6);
	event->tuple.lport = t->local.port;
	event->tuple.rport = t->remote.port;
	event->tuple.netns = netns;
	*connection = (struct lifecycle_connection){
		.cookie = t->id,
		.tuple = event->tuple,
		.owner = owner,
		.role = (uint8_t)talk->role,
		.began = LIFECYCLE_SEEN,
		.complete = true,
	};
}
