/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Personalities as data. A rule is a named point in the machine and the value each personality
 * has there; the machine asks for the value and never for the personality.
 *
 * X(point, unit, clause, standard, linux, deviation id, since kernel)
 */
#ifndef REFTCP_RULES_H
#define REFTCP_RULES_H

#include <stdint.h>

#include "reftcp/reftcp.h"

#define NS_MS INT64_C(1000000)
#define NS_S INT64_C(1000000000)

#define RULE_LIST(X)                                                                              \
	/* 2 MSL; MSL is 2 minutes by RFC 9293 3.4.2 */                                           \
	X(time_wait, "ns", "RFC 9293 3.10.7.4, eighth", 240 * NS_S, 60 * NS_S, "tw-60s", "2.4")   \
	/* is a RST at RCV.NXT taken in TIME_WAIT, or ignored as RFC 1337 3 wants */              \
	X(time_wait_reset_taken, "bool", "RFC 1337 3", 0, 1, "tw-assassin", "2.4")                \
	/* does the ISN of a connection out of TIME_WAIT follow SND.NXT, or the generator */      \
	X(time_wait_isn_step, "count", "RFC 9293 3.6.1", 0, 65537, "tw-syn", "2.4")               \
	/* orphan in FIN_WAIT_2: 0 waits for ever, as RFC 9293 has no such timeout */             \
	X(fin_wait_2, "ns", "RFC 9293 3.10.8", 0, 60 * NS_S, "fw2-time", "2.4")                   \
	/* is a RST at RCV.NXT - 1 taken once the peer's FIN is in, or at the right SACK edge */  \
	X(reset_edge, "bool", "RFC 5961 3.2", 0, 1, "rst-edge", "4.7")                            \
	/* the least time between two ACKs that answer bad segments on one connection */          \
	X(duplicate_ack_interval, "ns", "RFC 9293 3.10.7.4, first", 0, 500 * NS_MS,               \
	  "ack-ratelimit", "4.0")                                                                 \
	/* challenge ACKs of the whole stack in a second */                                       \
	X(challenge_ack_limit, "count", "RFC 5961 7", 100, INT32_MAX, "ack-ratelimit", "6.1")     \
	X(keepalive_reset, "bool", "RFC 9293 3.8.4", 0, 1, "timeout-silent", "2.4")               \
	X(rto_min, "ns", "RFC 6298 2.4", 1 * NS_S, 200 * NS_MS, "timers", "2.4")                  \
	X(rto_max, "ns", "RFC 6298 2.5", 60 * NS_S, 120 * NS_S, "timers", "2.4")                  \
	X(delayed_ack, "ns", "RFC 9293 3.8.6.3", 200 * NS_MS, 40 * NS_MS, "timers", "2.4")        \
	/* does the loss of a retransmission lower the window once more */                        \
	X(lost_again_reduces, "bool", "RFC 5681 4.3", 1, 0, "lost-again", "4.4")                  \
	/* segments acknowledged at once, at the start and after a pause, before delays begin */  \
	X(quick_acks, "count", "RFC 9293 3.8.6.3", 0, 16, "timers", "2.4")                        \
	/* is more than one full segment acknowledged at once, or are two waited for */           \
	X(ack_over_one, "bool", "RFC 9293 3.8.6.3", 0, 1, "timers", "2.4")                        \
	/* what is taken for a full segment until one has been seen */                            \
	X(full_segment_guess, "count", "RFC 9293 3.8.6.3", 0, 536, "timers", "2.4")               \
	/* is the ACK sent when the user has read all of a pushed segment */                      \
	X(ack_after_read, "bool", "RFC 9293 3.8.6.3", 0, 1, "timers", "2.4")                      \
	/* PSH: at the end of each SEND and of several segments that leave together, or where     \
	 * the queue ends */                                                                      \
	X(push_bursts, "bool", "RFC 9293 3.9.1.2", 0, 1, "push", "5.4")                           \
	/* is the congestion window in whole segments, whatever their size, and CUBIC's growth    \
	 * with it; and does it grow by what SACK tells of, and only when it was all used */      \
	X(window_in_segments, "bool", "RFC 5681 3.1", 0, 1, "cwnd-segments", "2.4")               \
	/* what the reduction is proportional to: the flight when it began, or the window */      \
	X(reduction_from_window, "bool", "RFC 9937 6", 0, 1, "prr", "3.2")                        \
	/* is the window also reduced in proportion where nothing was lost: after an ECN mark */  \
	X(ecn_in_proportion, "bool", "RFC 3168 6.1.2", 0, 1, "prr", "3.2")                        \
	/* is the round trip measured with every ACK, RTTVAR the most of each round trip */       \
	X(rtt_every_ack, "bool", "RFC 6298 3", 0, 1, "rto", "2.4")                                \
	/* the least that is added to SRTT for the RTO */                                         \
	X(rto_variation_min, "ns", "RFC 6298 2.3", 0, 200 * NS_MS, "rto", "2.4")                  \
	/* is the tail loss probe sent when the RTO would come first, in its place */             \
	X(probe_for_rto, "bool", "RFC 8985 7.2", 0, 1, "tlp", "4.15")                             \
	/* how many SYNs sent again make the initial window one segment */                        \
	X(lost_syns, "count", "RFC 5681 3.1", 1, 2, "lost-syn", "2.6.31")                         \
	/* is a closed window probed by an ACK that is old, or by an octet of new text */         \
	X(probe_old, "bool", "RFC 9293 3.8.6.1", 0, 1, "probe0", "2.4")                           \
	/* is RACK's round trip that of the segment told of last, or of the one sent last */      \
	X(rack_rtt_told_last, "bool", "RFC 8985 6.2", 0, 1, "rack-rtt", "4.4")                    \
	/* is a SYN,ACK that echoes a time our SYN did not have answered by a reset */            \
	X(syn_ack_echo_checked, "bool", "RFC 7323 3.2", 0, 1, "ts-synack", "2.4")                 \
	/* how long data that is held back waits at most; 0: the RTO */                           \
	X(override, "ns", "RFC 9293 3.8.6.2.1", 500 * NS_MS, 0, "cork", "2.4")                    \
	/* does a reset that ends a connection carry an ACK */                                    \
	X(reset_ack, "bool", "RFC 9293 3.10.5", 0, 1, "rst-ack", "2.4")                           \
	/* is text that came before a reset still given to the user, before the error */          \
	X(reset_keeps_text, "bool", "RFC 9293 3.10.7.4, second", 0, 1, "rst-keeps-text", "2.4")   \
	/* does a connection that nobody has accepted yet stay to be accepted after a reset */    \
	X(reset_stays_queued, "bool", "RFC 9293 3.10.7.4, second", 0, 1, "rst-accept", "2.4")     \
	/* is text of a SYN kept for later, without Fast Open */                                  \
	X(syn_text_kept, "bool", "RFC 9293 3.10.7.2, third", 1, 0, "syn-text", "2.4")             \
	/* does a soft ICMP error end a connection before it is synchronized */                   \
	X(soft_error_ends_opening, "bool", "RFC 9293 3.9.2.2", 0, 1, "icmp-opening", "2.4")       \
	/* is the answer to an ACK beyond SND.NXT one of the challenge ACKs, with their limits */ \
	X(ack_unsent_challenged, "bool", "RFC 9293 3.10.7.4, fifth", 0, 1, "ack-unsent", "6.18")  \
	/* does RFC 5961 5.2 look back no further than over what was acknowledged */              \
	X(old_ack_acknowledged, "bool", "RFC 5961 5.2", 0, 1, "ack-old", "6.7")                   \
	/* and between two challenge ACKs, by the same clock */                                   \
	X(challenge_ack_interval, "ns", "RFC 5961 7", 0, 500 * NS_MS, "ack-ratelimit", "4.0")     \
	/* does a window hold what ends at its left edge or begins at its right one */            \
	X(window_edges, "bool", "RFC 9293 3.10.7.4, first", 0, 1, "window-edges", "2.4")          \
	/* is a segment without ACK, RST and SYN dropped before anything else is looked at */     \
	X(no_ack_bit_first, "bool", "RFC 9293 3.10.7.4, fifth", 0, 1, "no-ack-bit", "3.6")        \
	/* is TS.Recent taken from segments whose ACK is acceptable only */                       \
	X(timestamp_after_ack, "bool", "RFC 7323 5.3, R3", 0, 1, "ts-recent", "3.6")              \
	/* may segments come without a timestamp once timestamps are agreed on */                 \
	X(timestamp_missing_taken, "bool", "RFC 7323 3.2", 0, 1, "ts-missing", "2.4")             \
	/* simultaneous open: does our SYN,ACK offer what our SYN did, is theirs their ACK */     \
	X(crossed_syn_offers, "bool", "RFC 7323 2.2", 0, 1, "simopen", "2.4")                     \
	X(crossed_syn_ack_taken, "bool", "RFC 9293 3.10.7.4, first", 0, 1, "simopen", "2.4")      \
	/* and is a reset a refusal where two SYNs crossed */                                     \
	X(crossed_refused, "bool", "RFC 9293 3.10.7.4, second", 1, 0, "simopen", "2.4")           \
	/* does a FIN beyond a gap count in SACK blocks */                                        \
	X(sack_fin, "bool", "RFC 2018 3", 0, 1, "sack-fin", "2.4")                                \
	/* may a small segment leave while none but full ones are out */                          \
	X(nagle_small_only, "bool", "RFC 9293 3.7.4", 0, 1, "nagle-minshall", "2.4")              \
	/* may a segment that is not full fill the peer's window */                               \
	X(window_filled, "bool", "RFC 9293 3.8.6.2.1", 0, 1, "sws-sender", "2.4")                 \
	/* is a RECEIVE told to the peer only when it doubles the window at least */              \
	X(window_doubled, "bool", "RFC 9293 3.8.6.2.2", 0, 1, "window-update", "2.4")             \
	/* does a FIN that is in order move one that lay beyond a gap, and text in order undo it  \
	 */                                                                                       \
	X(fin_moves, "bool", "RFC 9293 3.10.7.4, eighth", 0, 1, "fin-moved", "2.4")               \
	/* does CLOSE wait in SYN-RECEIVED for the ACK, data or not */                            \
	X(close_waits, "bool", "RFC 9293 3.10.4", 0, 1, "synrecv-close", "2.4")                   \
	/* do pure ACKs that PAWS rejects go unanswered, and duplicates of the last one pass */   \
	X(paws_old_acks, "bool", "RFC 7323 5.3, R1", 0, 1, "paws-ack", "6.14")                    \
	/* by how much may a timestamp be older than TS.Recent */                                 \
	X(paws_slack, "count", "RFC 7323 5.3, R1", 0, 1, "paws-slack", "2.4")                     \
	/* TIME-WAITs, and orphans in FIN-WAIT-2, at most; what would be one more is CLOSED; -1:  \
	 * any */                                                                                 \
	X(time_wait_limit, "count", "RFC 9293 3.6.1", -1, 131072, "tw-buckets", "2.4")            \
	/* may an OPEN that says from which port take the name of a TIME-WAIT with timestamps */  \
	X(time_wait_reuse, "bool", "RFC 9293 3.10.1", 0, 1, "tw-reuse", "2.4")                    \
	/* timeouts that an orphan outlives; 0: as many as R2 lets it */                          \
	X(orphan_retries, "count", "RFC 9293 3.8.3", 0, 8, "orphan-limit", "2.4")                 \
	/* is there an option to have ACCEPT wait for text, so that a bare ACK does not do */     \
	X(defer_accept, "bool", "RFC 9293 3.10.7.4, fifth", 0, 1, "defer", "2.4")                 \
	/* connections that wait for ACCEPT beyond the backlog asked for */                       \
	X(backlog_extra, "count", "RFC 9293 3.9.1.1", 0, 1, "aq-full", "2.6.21")                  \
	/* is a reset in CLOSING and LAST-ACK told to the user */                                 \
	X(reset_told_closing, "bool", "RFC 9293 3.10.7.4, second", 0, 1, "rst-lastack", "2.4")    \
	/* is a window that the same segment gave before taken only when it is larger, or shut */ \
	X(window_same_larger, "bool", "RFC 9293 3.10.7.4, fifth", 0, 1, "wnd-same", "2.4")        \
	/* does CLOSE leave CLOSE-WAIT at once, or with the FIN */                                \
	X(last_ack_at_once, "bool", "RFC 9293 3.10.4", 0, 1, "fw1-queued", "2.4")                 \
	/* has a segment without text the right edge of a window that has shrunk below SND.NXT */ \
	X(sequence_in_window, "bool", "RFC 9293 3.10.7.4", 0, 1, "ack-seq", "2.4")                \
	/* is ECN asked for, or only agreed to */                                                 \
	X(ecn_asked, "bool", "RFC 3168 6.1.1", 1, 0, "ecn-passive", "2.6.31")                     \
	/* do requests go unanswered when their listener is closed */                             \
	X(requests_forgotten, "bool", "RFC 9293 3.10.4", 0, 1, "listen-close", "2.4")             \
	/* a SYN,FIN in LISTEN */                                                                 \
	X(syn_fin_dropped, "bool", "RFC 9293 3.10.7.2, third", 0, 1, "syn-fin", "3.3")            \
	/* a connection in SYN-RECEIVED is a request of its listener with checks of its own */    \
	X(syn_received_mini, "bool", "RFC 9293 3.10.7.4", 0, 1, "synrecv-req", "2.4")             \
	/* and so are TIME-WAIT, which its user has no hand in any more, */                       \
	X(time_wait_mini, "bool", "RFC 9293 3.10.7.4", 0, 1, "tw-mini", "2.4")                    \
	/* and an orphan's FIN-WAIT-2 */                                                          \
	X(fin_wait_2_mini, "bool", "RFC 9293 3.10.7.4", 0, 1, "fw2-mini", "2.4")                  \
	/* is text behind the peer's FIN answered by a reset that ends the connection */          \
	X(text_after_fin_reset, "bool", "RFC 9293 3.10.7.4, seventh", 0, 1, "data-after-fin",     \
	  "2.4")                                                                                  \
	/* has the reset for data nobody will read the number that data acknowledged */           \
	X(half_duplex_answer, "bool", "RFC 9293 3.6.1", 0, 1, "data-after-close", "2.4")          \
	/* errno that a reset in CLOSE_WAIT gives: ECONNRESET or EPIPE */                         \
	X(close_wait_reset_pipe, "bool", "RFC 9293 3.10.7.4, second", 0, 1, "rst-closewait", "2.4")

enum rule {
#define X(name, unit, clause, standard, linux_value, id, since) RULE_##name,
	RULE_LIST(X)
#undef X
	RULE_COUNT
};

int64_t rule_value(enum reftcp_personality personality, enum rule rule);

#endif
