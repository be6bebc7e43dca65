// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cause table. Rows are tried from the top; a row fits when the transition is one of its own,
 * all evidence it asks for is there and none that it excludes.
 *
 * Which kernel function lies behind a row is named where it is not plain: net/ipv4, as of 6.18.
 */
#include "lifecycle/cause.h"

#include <errno.h>
#include <stddef.h>

#define S(state) (1u << TCPW_##state)
#define ANY 0xffffu
#define SYNCHRONIZED \
	(S(ESTABLISHED) | S(FIN_WAIT_1) | S(FIN_WAIT_2) | S(CLOSE_WAIT) | S(CLOSING) | S(LAST_ACK))

struct cause_row {
	uint32_t from; /* bit per state */
	uint32_t to;
	uint32_t with;    /* evidence that must all be there */
	uint32_t without; /* evidence none of which may be */
	enum tcpw_cause cause;
};

#define E(name) EVIDENCE_##name
#define CAUSE(name) TCPW_CAUSE_##name

static const struct cause_row rows[] = {
	/* Set by checkpoint and restore: tcp_connect and tcp_disconnect, no segment either time. */
	{S(SYN_SENT), S(ESTABLISHED), E(REPAIR), 0, CAUSE(REPAIR)},
	{ANY, S(CLOSED), E(REPAIR) | E(NO_ERROR) | E(FULL_SOCKET), 0, CAUSE(REPAIR)},

	/* Opening. */
	{S(CLOSED), S(SYN_SENT), 0, 0, CAUSE(CONNECT)},
	{S(CLOSED), S(LISTEN), 0, 0, CAUSE(LISTEN)},
	{S(LISTEN), S(SYN_RECEIVED), E(FASTOPEN), 0, CAUSE(FASTOPEN_SYN)},
	{S(LISTEN), S(SYN_RECEIVED), 0, 0, CAUSE(SYN_RECEIVED)},
	{S(LISTEN), S(ESTABLISHED), E(NO_REQUEST), E(HOLE), CAUSE(SYN_COOKIE)},
	{S(SYN_SENT), S(ESTABLISHED), 0, 0, CAUSE(SYN_ACK_RECEIVED)},
	{S(SYN_SENT), S(SYN_RECEIVED), 0, 0, CAUSE(SIMULTANEOUS_OPEN)},
	{S(SYN_RECEIVED), S(ESTABLISHED), 0, 0, CAUSE(HANDSHAKE_DONE)},

	/* Closing in good order. */
	{S(SYN_RECEIVED) | S(ESTABLISHED), S(FIN_WAIT_1), 0, 0, CAUSE(CLOSE)},
	{S(CLOSE_WAIT), S(LAST_ACK), 0, 0, CAUSE(CLOSE)},
	{S(SYN_RECEIVED) | S(ESTABLISHED), S(CLOSE_WAIT), 0, 0, CAUSE(FIN_RECEIVED)},
	{S(FIN_WAIT_1), S(FIN_WAIT_2), 0, 0, CAUSE(FIN_ACKED)},
	{S(FIN_WAIT_1), S(CLOSING), 0, 0, CAUSE(SIMULTANEOUS_CLOSE)},
	{S(FIN_WAIT_1) | S(FIN_WAIT_2), S(TIME_WAIT), 0, 0, CAUSE(FIN_RECEIVED)},
	{S(CLOSING), S(TIME_WAIT), 0, 0, CAUSE(FIN_ACKED)},
	{S(LISTEN), S(CLOSED), E(ERR_ABORTED), 0, CAUSE(KILLED)},
	{S(LISTEN), S(CLOSED), 0, 0, CAUSE(CLOSE)},

	/* The ends of mini-sockets: request sockets ... */
	{S(SYN_RECEIVED), S(CLOSED), E(LISTENER_GONE), E(FULL_SOCKET), CAUSE(LISTENER_CLOSED)},
	{S(SYN_RECEIVED), S(CLOSED), E(EXPIRED), E(FULL_SOCKET), CAUSE(SYN_ACK_TIMEOUT)},
	{S(SYN_RECEIVED), S(CLOSED), E(RESET_SENT), E(FULL_SOCKET), CAUSE(RESET_SENT)},
	{S(SYN_RECEIVED), S(CLOSED), E(SEGMENT_RST), E(FULL_SOCKET), CAUSE(RESET_RECEIVED)},
	/*
	 * Taken off in silence, its listener alive and no RST there: by tcp_abort or, when an ICMP
	 * message says that nobody is there to take the SYN-ACK, by tcp_req_err. Where no witness
	 * sees segments a RST (tcp_check_req) looks no different, and nothing is said.
	 */
	{S(SYN_RECEIVED), S(CLOSED), E(NO_PACKET), E(FULL_SOCKET) | E(HOLE), CAUSE(KILLED)},
	{S(SYN_RECEIVED), S(CLOSED), E(PACKET) | E(SEGMENTS_SEEN), E(FULL_SOCKET) | E(HOLE),
	 CAUSE(ICMP_ERROR)},

	/* ... and timewait sockets. */
	{S(TIME_WAIT), S(CLOSED), E(EXPIRED), 0, CAUSE(TIME_WAIT_EXPIRED)},
	{S(TIME_WAIT), S(CLOSED), E(REUSED), 0, CAUSE(TIME_WAIT_REUSED)},
	{S(TIME_WAIT), S(CLOSED), 0, E(HOLE), CAUSE(TIME_WAIT_KILLED)},
	{S(FIN_WAIT_2), S(CLOSED), E(EXPIRED), E(FULL_SOCKET), CAUSE(FIN_WAIT_2_TIMEOUT)},
	{S(FIN_WAIT_2), S(CLOSED), E(SEGMENT_RST), E(FULL_SOCKET), CAUSE(RESET_RECEIVED)},
	{S(FIN_WAIT_2), S(CLOSED), E(RESET_SENT), E(FULL_SOCKET), CAUSE(RESET_SENT)},
	/* Silence tells only where a RST, or the answer to late data, would have been seen. */
	{S(FIN_WAIT_2), S(CLOSED), E(SEGMENTS_SEEN), E(FULL_SOCKET) | E(HOLE), CAUSE(KILLED)},

	/* Ended from outside: tcp_abort sets ECONNABORTED, whatever else follows. */
	{ANY, S(CLOSED), E(ERR_ABORTED), 0, CAUSE(KILLED)},

	/* Opening that failed. */
	{S(SYN_SENT), S(CLOSED), E(RESET_RECEIVED), 0, CAUSE(RESET_RECEIVED)},
	/* The application is told of the ICMP error, not of a timeout (tcp_v4_err, tcp_write_err).
	 */
	{S(SYN_SENT), S(CLOSED), E(ERR_SOFT), 0, CAUSE(ICMP_ERROR)},
	{S(SYN_SENT), S(CLOSED), E(ERR_TIMEDOUT) | E(USER_TIMEOUT), 0, CAUSE(USER_TIMEOUT)},
	{S(SYN_SENT), S(CLOSED), E(ERR_TIMEDOUT), 0, CAUSE(TIMEOUT)},
	/* ICMP port unreachable is ECONNREFUSED too, but no reset was seen (tcp_v4_err). */
	{S(SYN_SENT), S(CLOSED), E(ERR_REFUSED) | E(RESETS_SEEN), E(HOLE), CAUSE(ICMP_ERROR)},
	{S(SYN_SENT), S(CLOSED), E(ERR_OTHER), 0, CAUSE(ICMP_ERROR)},
	{S(SYN_SENT), S(CLOSED), E(SHUT_BOTH), 0, CAUSE(CLOSE)},
	{S(SYN_SENT), S(CLOSED), E(NO_PORT) | E(NO_ERROR), 0, CAUSE(NO_LOCAL_PORT)},
	{S(SYN_SENT), S(CLOSED), E(NO_ERROR), 0, CAUSE(DISCONNECT)},

	/*
	 * Resets that were sent. tcp_reset() is also how the stack ends a connection whose peer
	 * sends data after close, so a reset sent decides over one "received".
	 */
	{ANY, S(CLOSED), E(RESET_SENT) | E(REASON_MEMORY), 0, CAUSE(ORPHAN_LIMIT)},
	{ANY, S(CLOSED), E(RESET_SENT) | E(REASON_KEEPALIVE), 0, CAUSE(KEEPALIVE_TIMEOUT)},
	{ANY, S(CLOSED), E(RESET_SENT) | E(REASON_ABORT), 0, CAUSE(ABORT)},
	{ANY, S(CLOSED), E(RESET_SENT) | E(RESET_RECEIVED), 0, CAUSE(RESET_SENT)},
	/* Retransmission that is given up sends no RST; keepalive that fails does. */
	{ANY, S(CLOSED), E(RESET_SENT) | E(ERR_TIMEDOUT), 0, CAUSE(KEEPALIVE_TIMEOUT)},
	/* tcp_keepalive_timer: an orphan's wait in a full socket is over. */
	{S(FIN_WAIT_2), S(CLOSED), E(RESET_SENT) | E(NO_ERROR) | E(ORPHAN), E(RESET_AFTER),
	 CAUSE(FIN_WAIT_2_TIMEOUT)},
	/* Data for a socket that nobody reads any more: tcp_rcv_state_process, then the RST. */
	{S(FIN_WAIT_1) | S(FIN_WAIT_2) | S(CLOSING) | S(LAST_ACK), S(CLOSED),
	 E(RESET_SENT) | E(ORPHAN) | E(RESET_AFTER), 0, CAUSE(RESET_SENT)},
	/* inet_csk_listen_stop disconnects what nobody has accepted. */
	{ANY, S(CLOSED), E(RESET_SENT) | E(NO_ERROR) | E(LISTENER_GONE), E(SHUT_BOTH),
	 CAUSE(LISTENER_CLOSED)},
	/* tcp_disconnect: by close with SO_LINGER 0, or by connect with AF_UNSPEC. */
	{ANY, S(CLOSED), E(RESET_SENT) | E(NO_ERROR) | E(SHUT_BOTH), 0, CAUSE(ABORT)},
	{ANY, S(CLOSED), E(RESET_SENT) | E(NO_ERROR), 0, CAUSE(DISCONNECT)},
	{ANY, S(CLOSED), E(RESET_SENT), 0, CAUSE(RESET_SENT)},

	/* Resets that were received. */
	{ANY, S(CLOSED), E(RESET_RECEIVED), 0, CAUSE(RESET_RECEIVED)},
	{ANY, S(CLOSED), E(ERR_RESET), E(HOLE), CAUSE(RESET_RECEIVED)},

	/* Given up. */
	{ANY, S(CLOSED), E(ERR_SOFT) | E(USER_TIMEOUT), 0, CAUSE(USER_TIMEOUT)},
	/* tcp_write_err reports an earlier ICMP error instead of ETIMEDOUT when it gives up. */
	{ANY, S(CLOSED), E(ERR_SOFT), 0, CAUSE(TIMEOUT)},
	{ANY, S(CLOSED), E(ERR_TIMEDOUT) | E(USER_TIMEOUT), 0, CAUSE(USER_TIMEOUT)},
	/* A Fast Open child, or a simultaneous open: a full socket (tcp_fastopen_synack_timer). */
	{S(SYN_RECEIVED), S(CLOSED), E(ERR_TIMEDOUT), 0, CAUSE(SYN_ACK_TIMEOUT)},
	{ANY, S(CLOSED), E(ERR_TIMEDOUT), 0, CAUSE(TIMEOUT)},
	{SYNCHRONIZED, S(CLOSED), E(ERR_OTHER), 0, CAUSE(ICMP_ERROR)},

	/*
	 * Ended in silence with the FIN not acknowledged: nobody but its process can do that
	 * (tcp_disconnect), and to an orphan nobody but the kernel (tcp_out_of_resources).
	 */
	{S(FIN_WAIT_1) | S(CLOSING) | S(LAST_ACK), S(CLOSED), E(NO_ERROR) | E(UNACKED) | E(ORPHAN),
	 0, CAUSE(ORPHAN_LIMIT)},
	{S(FIN_WAIT_1) | S(CLOSING) | S(LAST_ACK), S(CLOSED), E(NO_ERROR) | E(UNACKED), 0,
	 CAUSE(DISCONNECT)},

	/* The end in good order. */
	{S(LAST_ACK), S(CLOSED), E(NO_ERROR), 0, CAUSE(FIN_ACKED)},
	/* Where a TIME_WAIT should have begun and did not: inet_twsk_alloc refused. */
	{S(FIN_WAIT_2) | S(CLOSING), S(CLOSED), E(NO_ERROR) | E(FULL_SOCKET), E(HOLE),
	 CAUSE(TIME_WAIT_OVERFLOW)},
	{SYNCHRONIZED, S(CLOSED), E(NO_ERROR), E(SHUT_BOTH) | E(HOLE), CAUSE(DISCONNECT)},
};

enum tcpw_cause cause_of(enum tcpw_state old_state, enum tcpw_state new_state, uint32_t evidence)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cause_row *row = &rows[i];

		if ((row->from & (1u << old_state)) && (row->to & (1u << new_state)) &&
		    (evidence & row->with) == row->with && !(evidence & row->without))
			return row->cause;
	}
	return TCPW_CAUSE_UNKNOWN;
}

uint32_t evidence_of_error(int err, int err_soft)
{
	if (err && err == err_soft)
		return EVIDENCE_ERR_SOFT;
	switch (err) {
	case 0:
		return EVIDENCE_NO_ERROR;
	case ECONNRESET:
	case EPIPE:
		return EVIDENCE_ERR_RESET;
	case ECONNREFUSED:
		return EVIDENCE_ERR_REFUSED;
	case ETIMEDOUT:
		return EVIDENCE_ERR_TIMEDOUT;
	case ECONNABORTED:
		return EVIDENCE_ERR_ABORTED;
	default:
		return EVIDENCE_ERR_OTHER;
	}
}
