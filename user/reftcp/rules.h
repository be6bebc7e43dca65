/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Personalities as data. A rule is a named point in the machine and the value each personality
 * has there; the machine asks for the value and never for the personality.
 *
 * X(point, unit, clause, standard, linux, deviation id, since kernel)
 */
#ifndef REFTCP_RULES_H
#define REFTCP_RULES_H

#include "reftcp/reftcp.h"

#define NS_MS INT64_C(1000000)
#define NS_S INT64_C(1000000000)

#define RULE_LIST(X)                                                                             \
	/* 2 MSL; MSL is 2 minutes by RFC 9293 3.4.2 */                                          \
	X(time_wait, "ns", "RFC 9293 3.10.7.4, eighth", 240 * NS_S, 60 * NS_S, "tw-60s", "2.4")  \
	/* is a RST at RCV.NXT taken in TIME_WAIT, or ignored as RFC 1337 3 wants */             \
	X(time_wait_reset_taken, "bool", "RFC 1337 3", 0, 1, "tw-assassin", "2.4")               \
	/* does the ISN of a connection out of TIME_WAIT follow SND.NXT, or the generator */     \
	X(time_wait_isn_step, "count", "RFC 9293 3.6.1", 0, 65537, "tw-syn", "2.4")              \
	/* orphan in FIN_WAIT_2: 0 waits for ever, as RFC 9293 has no such timeout */            \
	X(fin_wait_2, "ns", "RFC 9293 3.10.8", 0, 60 * NS_S, "fw2-time", "2.4")                  \
	/* is an ACK beyond SND.NXT answered with an ACK */                                      \
	X(ack_unsent_answered, "bool", "RFC 9293 3.10.7.4, fifth", 1, 0, "ack-unsent", "2.4")    \
	/* is a RST at RCV.NXT - 1 taken once the peer's FIN is in, or at the right SACK edge */ \
	X(reset_edge, "bool", "RFC 5961 3.2", 0, 1, "rst-edge", "4.7")                           \
	/* the least time between two ACKs that answer bad segments on one connection */         \
	X(duplicate_ack_interval, "ns", "RFC 9293 3.10.7.4, first", 0, 500 * NS_MS,              \
	  "ack-ratelimit", "4.0")                                                                \
	/* challenge ACKs of the whole stack in a second */                                      \
	X(challenge_ack_limit, "count", "RFC 5961 7", 100, 1000, "ack-ratelimit", "4.0")         \
	X(keepalive_reset, "bool", "RFC 9293 3.8.4", 0, 1, "timeout-silent", "2.4")              \
	X(rto_min, "ns", "RFC 6298 2.4", 1 * NS_S, 200 * NS_MS, "timers", "2.4")                 \
	X(rto_max, "ns", "RFC 6298 2.5", 60 * NS_S, 120 * NS_S, "timers", "2.4")                 \
	X(delayed_ack, "ns", "RFC 9293 3.8.6.3", 200 * NS_MS, 40 * NS_MS, "timers", "2.4")       \
	/* does the loss of a retransmission lower the window once more */                       \
	X(lost_again_reduces, "bool", "RFC 5681 4.3", 1, 0, "lost-again", "4.4")                 \
	/* errno that a reset in CLOSE_WAIT gives: ECONNRESET or EPIPE */                        \
	/* segments acknowledged at once, at the start and after a pause, before delays begin */ \
	X(quick_acks, "count", "RFC 9293 3.8.6.3", 0, 16, "timers", "2.4")                       \
	/* is more than one full segment acknowledged at once, or are two waited for */          \
	X(ack_over_one, "bool", "RFC 9293 3.8.6.3", 0, 1, "timers", "2.4")                       \
	/* what is taken for a full segment until one has been seen */                           \
	X(full_segment_guess, "count", "RFC 9293 3.8.6.3", 0, 536, "timers", "2.4")              \
	/* is the ACK sent when the user has read all of a pushed segment */                     \
	X(ack_after_read, "bool", "RFC 9293 3.8.6.3", 0, 1, "timers", "2.4")                     \
	/* PSH: at the end of each SEND and of several segments that leave together, or where    \
	 * the queue ends */                                                                     \
	X(push_bursts, "bool", "RFC 9293 3.9.1.2", 0, 1, "push", "5.4")                          \
	/* does a reset that ends a connection carry an ACK */                                   \
	X(reset_ack, "bool", "RFC 9293 3.10.5", 0, 1, "rst-ack", "2.4")                          \
	/* is text that came before a reset still given to the user, before the error */         \
	X(reset_keeps_text, "bool", "RFC 9293 3.10.7.4, second", 0, 1, "rst-keeps-text", "2.4")  \
	/* does a connection that nobody has accepted yet stay to be accepted after a reset */   \
	X(reset_stays_queued, "bool", "RFC 9293 3.10.7.4, second", 0, 1, "rst-accept", "2.4")    \
	/* is text of a SYN kept for later, without Fast Open */                                 \
	X(syn_text_kept, "bool", "RFC 9293 3.10.7.2, third", 1, 0, "syn-text", "2.4")            \
	/* does a soft ICMP error end a connection before it is synchronized */                  \
	X(soft_error_ends_opening, "bool", "RFC 9293 3.9.2.2", 0, 1, "icmp-opening", "2.4")      \
	X(close_wait_reset_pipe, "bool", "RFC 9293 3.10.7.4, second", 0, 1, "rst-closewait", "2.4")

enum rule {
#define X(name, unit, clause, standard, linux_value, id, since) RULE_##name,
	RULE_LIST(X)
#undef X
	RULE_COUNT
};

int64_t rule_value(enum reftcp_personality personality, enum rule rule);

#endif
