/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Causes of transitions: the words every output uses. What each rests on is in
 * user/lifecycle/cause.c, which maps (old, new, evidence) to one of these.
 */
#ifndef TCPWITNESS_CAUSE_H
#define TCPWITNESS_CAUSE_H

/* X(identifier, name, what it means) */
#define TCPW_CAUSES(X)                                                                           \
	X(UNKNOWN, "unknown", "the evidence does not say")                                       \
	X(CONNECT, "connect", "a process called connect")                                        \
	X(LISTEN, "listen", "a process called listen")                                           \
	X(SYN_RECEIVED, "syn_received", "a SYN arrived and was accepted")                        \
	X(SYN_ACK_RECEIVED, "syn_ack_received", "the SYN was answered")                          \
	X(HANDSHAKE_DONE, "handshake_done", "the handshake's last ACK arrived")                  \
	X(CLOSE, "close", "a process closed the socket or its sending side")                     \
	X(FIN_RECEIVED, "fin_received", "the peer's FIN arrived")                                \
	X(FIN_ACKED, "fin_acked", "the peer acknowledged our FIN")                               \
	X(SIMULTANEOUS_OPEN, "simultaneous_open", "a SYN crossed ours")                          \
	X(SIMULTANEOUS_CLOSE, "simultaneous_close", "a FIN crossed ours")                        \
	X(RESET_RECEIVED, "reset_received", "the peer sent a RST")                               \
	X(RESET_SENT, "reset_sent", "the stack answered with a RST")                             \
	X(ABORT, "abort", "a process closed with unread data or SO_LINGER 0, sending a RST")     \
	X(TIMEOUT, "timeout", "retransmission was given up")                                     \
	X(SYN_ACK_TIMEOUT, "syn_ack_timeout", "the SYN-ACK was never answered")                  \
	X(LISTENER_CLOSED, "listener_closed", "the listener went away first")                    \
	X(FIN_WAIT_2_TIMEOUT, "fin_wait_2_timeout", "the peer's FIN did not come in time")       \
	X(TIME_WAIT_EXPIRED, "time_wait_expired", "the TIME_WAIT timer ran out")                 \
	X(TIME_WAIT_REUSED, "time_wait_reused", "a new connection took the tuple over")          \
	X(TIME_WAIT_KILLED, "time_wait_killed", "ended by a RST, ss -K or its namespace's end")  \
	X(TIME_WAIT_OVERFLOW, "time_wait_overflow", "no TIME_WAIT: tcp_max_tw_buckets was full") \
	X(NO_LOCAL_PORT, "no_local_port", "connect found no free local port")                    \
	X(ICMP_ERROR, "icmp_error", "an ICMP error ended it")                                    \
	X(DISCONNECT, "disconnect", "connect with AF_UNSPEC undid the connection")               \
	X(KILLED, "killed", "ended from outside, as by ss -K")                                   \
	X(KEEPALIVE_TIMEOUT, "keepalive_timeout", "keepalive probes went unanswered")            \
	X(USER_TIMEOUT, "user_timeout", "TCP_USER_TIMEOUT ran out")                              \
	X(FASTOPEN_SYN, "fastopen_syn", "a Fast Open SYN carried a valid cookie")                \
	X(SYN_COOKIE, "syn_cookie", "an ACK carried a valid SYN cookie")                         \
	X(ORPHAN_LIMIT, "orphan_limit", "too many orphans or too little memory")                 \
	X(REPAIR, "repair", "TCP_REPAIR set the state, no segment did")

enum tcpw_cause {
#define X(id, name, text) TCPW_CAUSE_##id,
	TCPW_CAUSES(X)
#undef X
	TCPW_CAUSE_COUNT
};

#endif
