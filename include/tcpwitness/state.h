/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The eleven states of RFC 9293 section 3.3.2, shared by both sides of the kernel boundary.
 *
 * The values are the kernel's own (include/net/tcp_states.h, visible to user space through
 * TCP_INFO and therefore fixed), so that no conversion stands between a record and its meaning.
 * 0 is "not known". The kernel's twelfth value, NEW_SYN_RECV, is how it says SYN_RECEIVED for a
 * request socket; tcpw_state_from_kernel() folds it.
 */
#ifndef TCPWITNESS_STATE_H
#define TCPWITNESS_STATE_H

/*
 * X(identifier, kernel value, RFC 9293, metric label, ss, node_exporter, OpenTelemetry)
 * One table for every spelling a person may type or another tool may print.
 */
#define TCPW_STATES(X)                                                                         \
	X(ESTABLISHED, 1, "ESTABLISHED", "established", "ESTAB", "established", "established") \
	X(SYN_SENT, 2, "SYN_SENT", "syn_sent", "SYN-SENT", "syn_sent", "syn_sent")             \
	X(SYN_RECEIVED, 3, "SYN_RECEIVED", "syn_received", "SYN-RECV", "syn_recv", "syn_recv") \
	X(FIN_WAIT_1, 4, "FIN_WAIT_1", "fin_wait_1", "FIN-WAIT-1", "fin_wait1", "fin_wait_1")  \
	X(FIN_WAIT_2, 5, "FIN_WAIT_2", "fin_wait_2", "FIN-WAIT-2", "fin_wait2", "fin_wait_2")  \
	X(TIME_WAIT, 6, "TIME_WAIT", "time_wait", "TIME-WAIT", "time_wait", "time_wait")       \
	X(CLOSED, 7, "CLOSED", "closed", "UNCONN", "close", "close")                           \
	X(CLOSE_WAIT, 8, "CLOSE_WAIT", "close_wait", "CLOSE-WAIT", "close_wait", "close_wait") \
	X(LAST_ACK, 9, "LAST_ACK", "last_ack", "LAST-ACK", "last_ack", "last_ack")             \
	X(LISTEN, 10, "LISTEN", "listen", "LISTEN", "listen", "listen")                        \
	X(CLOSING, 11, "CLOSING", "closing", "CLOSING", "closing", "closing")

enum tcpw_state {
	TCPW_STATE_UNKNOWN = 0,
#define X(id, value, rfc, label, ss, node, otel) TCPW_##id = value,
	TCPW_STATES(X)
#undef X
};

#define TCPW_STATE_MAX 12 /* one past the largest value above */
#define TCPW_KERNEL_NEW_SYN_RECV 12

/* Kernel value to state; anything the kernel may invent later becomes TCPW_STATE_UNKNOWN. */
static inline enum tcpw_state tcpw_state_from_kernel(int value)
{
	if (value == TCPW_KERNEL_NEW_SYN_RECV)
		return TCPW_SYN_RECEIVED;
	if (value < 1 || value >= TCPW_STATE_MAX)
		return TCPW_STATE_UNKNOWN;
	return (enum tcpw_state)value;
}

#endif
