/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From (old state, new state, evidence) to the cause of a transition. */
#ifndef LIFECYCLE_CAUSE_H
#define LIFECYCLE_CAUSE_H

#include <stdint.h>

#include "tcpwitness/cause.h"
#include "tcpwitness/state.h"

/* What is known about a transition beside its two states. */
enum evidence {
	EVIDENCE_RESET_RECEIVED = 1 << 0, /* tcp_receive_reset for this socket */
	EVIDENCE_RESET_SENT = 1 << 1,     /* tcp_send_reset for this socket */
	EVIDENCE_REASON_ABORT = 1 << 2,   /* the reset's reason: see enum lifecycle_reason */
	EVIDENCE_REASON_MEMORY = 1 << 3,
	EVIDENCE_REASON_KEEPALIVE = 1 << 4,
	EVIDENCE_NO_ERROR = 1 << 5,     /* sk_err was 0 */
	EVIDENCE_ERR_RESET = 1 << 6,    /* ECONNRESET, or EPIPE (a RST in CLOSE_WAIT) */
	EVIDENCE_ERR_REFUSED = 1 << 7,  /* ECONNREFUSED: a RST in SYN_SENT, or ICMP */
	EVIDENCE_ERR_TIMEDOUT = 1 << 8, /* ETIMEDOUT */
	EVIDENCE_ERR_ABORTED = 1 << 9,  /* ECONNABORTED: sock_diag, bpf_sock_destroy */
	EVIDENCE_ERR_OTHER = 1 << 10,
	EVIDENCE_SHUT_BOTH = 1 << 11,    /* both directions shut: the process closed it */
	EVIDENCE_USER_TIMEOUT = 1 << 12, /* TCP_USER_TIMEOUT is set */
	EVIDENCE_NO_PORT = 1 << 13,      /* it has no local port */
	EVIDENCE_EXPIRED = 1 << 14,      /* the mini-socket's timer ran out */
	EVIDENCE_REUSED = 1 << 15,       /* a new connection has the same tuple */
	EVIDENCE_LISTENER_GONE = 1 << 16,
	EVIDENCE_SEGMENT_RST = 1 << 17,   /* a RST was given to the mini-socket */
	EVIDENCE_NO_REQUEST = 1 << 18,    /* a child without a request socket: a SYN cookie */
	EVIDENCE_HOLE = 1 << 19,          /* a record of this connection was lost */
	EVIDENCE_FULL_SOCKET = 1 << 20,   /* reported of a full socket, not a mini-socket */
	EVIDENCE_RESETS_SEEN = 1 << 21,   /* the reset witness is on: its silence means something */
	EVIDENCE_ORPHAN = 1 << 22,        /* no process held the socket any more */
	EVIDENCE_ERR_SOFT = 1 << 23,      /* sk_err is the soft error of an earlier ICMP message */
	EVIDENCE_RESET_AFTER = 1 << 24,   /* the reset was sent after the move, not before */
	EVIDENCE_FASTOPEN = 1 << 25,      /* the SYN made a child at once: Fast Open */
	EVIDENCE_SEGMENTS_SEEN = 1 << 26, /* the segment witness is on */
	EVIDENCE_PACKET = 1 << 27,        /* a packet that arrived did it */
	EVIDENCE_NO_PACKET = 1 << 28,     /* no packet did it: a process or a timer */
	EVIDENCE_UNACKED = 1 << 29,       /* the peer has not acknowledged all that was sent */
	EVIDENCE_REPAIR = 1 << 30,        /* TCP_REPAIR mode: states are set without segments */
};

/*
 * The cause of a transition: the first row of the table whose states and evidence fit.
 * TCPW_CAUSE_UNKNOWN when none does.
 */
enum tcpw_cause cause_of(enum tcpw_state old_state, enum tcpw_state new_state, uint32_t evidence);

/* Evidence in a socket's error; see sk_err in tcp_write_err and tcp_reset, net/ipv4. */
uint32_t evidence_of_error(int err, int err_soft);

#endif
