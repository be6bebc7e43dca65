/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records: what a BPF program hands to user space, through the ring buffer (events) or through an
 * iterator (sockets, files).
 *
 * Fixed-width fields only, every byte of padding named and written, 8-byte aligned, sizes asserted
 * below for both sides. Times are bpf_ktime_get_ns() (CLOCK_MONOTONIC, ns). Ports and IPv4-mapped
 * addresses are as a person writes them: ports in host order, addresses in network order.
 */
#ifndef TCPWITNESS_RECORD_H
#define TCPWITNESS_RECORD_H

#ifdef __bpf__
/* kernel.bpf.h has already defined __u8 ... __u64. */
#else
#include <linux/types.h>
#endif

#define TCPW_COMM_LEN 16

/*
 * The programs that produce records. A stream of sequence numbers and an account of losses belongs
 * to each (program, CPU) pair: the kernel never runs one program twice at once on a CPU, so plain
 * increments cannot race, while two different programs may interrupt one another.
 */
#define TCPW_PROGRAMS(X)                          \
	X(STATE, "state")                         \
	X(STATE_NESTED, "state_nested")           \
	X(TIMER_START, "timer_start")             \
	X(TIMER_CANCEL, "timer_cancel")           \
	X(TIMER_EXPIRE, "timer_expire")           \
	X(SEGMENT, "segment")                     \
	X(RETRANSMIT, "retransmit")               \
	X(RETRANSMIT_SYNACK, "retransmit_synack") \
	X(RESET_SENT, "reset_sent")               \
	X(RESET_RECEIVED, "reset_received")       \
	X(DESTROY, "destroy")                     \
	X(ACCEPT, "accept")                       \
	X(ACCEPT4, "accept4")

enum tcpw_program {
#define X(id, name) TCPW_PROGRAM_##id,
	TCPW_PROGRAMS(X)
#undef X
	TCPW_PROGRAM_COUNT
};

enum tcpw_record_type {
	TCPW_RECORD_NONE = 0,
	TCPW_RECORD_STATE,      /* struct tcpw_state_record */
	TCPW_RECORD_OPEN,       /* struct tcpw_open_record: a state record with its owner */
	TCPW_RECORD_CLOSE,      /* struct tcpw_close_record: a state record with the final counts */
	TCPW_RECORD_REQUEST,    /* struct tcpw_mini_record: a request socket's timer */
	TCPW_RECORD_TIMEWAIT,   /* struct tcpw_mini_record: a timewait socket's timer */
	TCPW_RECORD_RETRANSMIT, /* struct tcpw_retransmit_record */
	TCPW_RECORD_RESET,      /* struct tcpw_reset_record */
	TCPW_RECORD_ACCEPT,     /* struct tcpw_accept_record */
	TCPW_RECORD_DESTROY,    /* struct tcpw_destroy_record */
	TCPW_RECORD_TYPE_COUNT
};

struct tcpw_header {
	__u16 type; /* enum tcpw_record_type */
	__u16 len;  /* of the whole record, bytes */
	__u16 cpu;
	__u16 program; /* enum tcpw_program */
	__u64 seq; /* counts up by one for each record this program wanted to send on this CPU */
	__u64 ts;  /* ns, CLOCK_MONOTONIC */
};

/*
 * One endpoint's view of a connection. IPv4 is kept as ::ffff:a.b.c.d, also where the socket is an
 * IPv6 one: the wire has IPv4, and so both ends join and print alike.
 */
struct tcpw_tuple {
	__u8 laddr[16];
	__u8 raddr[16];
	__u16 lport;
	__u16 rport;
	__u32 netns; /* inode number of the network namespace */
};

/* struct tcpw_state_record.flags */
#define TCPW_SOCK_DEAD (1 << 0)         /* no process holds the socket any more */
#define TCPW_SOCK_KERNEL (1 << 1)       /* made by the kernel for itself */
#define TCPW_SOCK_SUBFLOW (1 << 2)      /* a subflow of an MPTCP connection */
#define TCPW_SOCK_LINGER0 (1 << 3)      /* SO_LINGER with a time of zero */
#define TCPW_SOCK_USER_TIMEOUT (1 << 4) /* TCP_USER_TIMEOUT is set */
#define TCPW_SOCK_REPAIR (1 << 5)       /* TCP_REPAIR mode: states are set without segments */
#define TCPW_SOCK_FASTOPEN (1 << 6)     /* its SYN carried data that was taken */
/* Of state records only: */
#define TCPW_SOCK_SHUT_RECEIVE (1 << 8) /* sk_shutdown */
#define TCPW_SOCK_SHUT_SEND (1 << 9)
#define TCPW_SOCK_SHUT_BOTH (TCPW_SOCK_SHUT_RECEIVE | TCPW_SOCK_SHUT_SEND)
#define TCPW_SOCK_UNACKED (1 << 10) /* the peer has not acknowledged all, the FIN included */
#define TCPW_SOCK_HELD (1 << 11)    /* a file is there: a child has been accepted */

struct tcpw_state_record {
	struct tcpw_header h;
	__u64 cookie;
	struct tcpw_tuple tuple;
	__u32 pid; /* thread group on the CPU; only connect and listen are sure to be its */
	__u32 tid;
	__u8 old_state; /* kernel values */
	__u8 new_state;
	__u16 flags;    /* TCPW_SOCK_* */
	__u16 err;      /* sk_err */
	__u16 err_soft; /* sk_err_soft: an ICMP error or a timeout that has not ended it yet */
};

/* What a process that opens or takes over a socket is. */
struct tcpw_process {
	__u64 cgroup; /* cgroup v2 id of the socket; 0 is unknown */
	__u32 pid;    /* thread group, first pid namespace */
	__u32 tid;
	__u32 uid;
	__u32 pad;
	char comm[TCPW_COMM_LEN]; /* of the thread group's leader, as ps and ss show it */
};

/* Also of a child that joins an MPTCP connection, at the end of its handshake. */
struct tcpw_open_record {
	struct tcpw_state_record s;
	struct tcpw_process process;
	__u64 joined; /* cookie of the first subflow of the MPTCP connection; 0: joins none */
};

struct tcpw_close_record {
	struct tcpw_state_record s;
	__u64 bytes_sent;     /* payload, each byte once: tcp_sock.bytes_sent - bytes_retrans */
	__u64 bytes_received; /* tcp_sock.bytes_received: payload, and 1 for a FIN */
	__u32 retransmits;    /* tcp_sock.total_retrans */
	__u32 srtt_us;        /* smoothed round-trip time; 0 is unknown */
};

enum tcpw_mini_op {
	TCPW_MINI_START = 1, /* the timer was armed */
	TCPW_MINI_CANCEL,    /* taken off the wheel: also just before it expires or is armed anew */
	TCPW_MINI_EXPIRE,
	TCPW_MINI_SEGMENT, /* a segment was given to a timewait socket (which holds the FIN that
			      turns an orphan's FIN_WAIT_2 into TIME_WAIT), or a RST to a request
			      socket's listener */
};

/* struct tcpw_mini_record.context: on what account a request socket's timer is taken off. */
enum tcpw_context {
	TCPW_CONTEXT_UNKNOWN = 0,
	TCPW_CONTEXT_PACKET, /* one that is just being received */
	TCPW_CONTEXT_NO_PACKET,
};

/* Request and timewait mini-sockets have no tracepoint of their own: this is their timer. */
struct tcpw_mini_record {
	struct tcpw_header h;
	__u64 cookie; /* inherited by a timewait socket; a request socket's own, mostly 0 */
	struct tcpw_tuple tuple;
	__u64 listener; /* request: cookie of the listener, 0 when it was never generated */
	__u32 pid;
	__u32 tid;
	__u8 op;             /* enum tcpw_mini_op */
	__u8 substate;       /* timewait: kernel value, FIN_WAIT_2 or TIME_WAIT */
	__u8 num_timeout;    /* request: SYN-ACK timer expiries so far */
	__u8 listener_state; /* request: kernel value; 0 is unknown */
	__u8 tcp_flags;      /* TCPW_MINI_SEGMENT: the TCP flags byte */
	__u8 fastopen;       /* request: its child exists already */
	__u8 context;        /* request, cancel: enum tcpw_context */
	__u8 due;            /* cancel: its time has come, so it is most likely expiring */
};

enum tcpw_retransmit_kind {
	TCPW_RETRANSMIT_DATA = 1,
	TCPW_RETRANSMIT_SYN,
	TCPW_RETRANSMIT_SYN_ACK,
	TCPW_RETRANSMIT_FIN,
};

struct tcpw_retransmit_record {
	struct tcpw_header h;
	__u64 cookie;
	struct tcpw_tuple tuple;
	__u8 kind;  /* enum tcpw_retransmit_kind */
	__u8 state; /* kernel value */
	__u8 flags; /* TCPW_SOCK_* */
	__u8 pad;
	__u16 segments; /* one skb can hold many (TSO); 1 for a SYN-ACK */
	__u16 pad2;
};

enum tcpw_direction {
	TCPW_SENT = 1,
	TCPW_RECEIVED
};

/* Where a reset's reason is not in the kernel (before 6.10, and for received resets). */
#define TCPW_REASON_UNKNOWN 0xffffffffu

struct tcpw_reset_record {
	struct tcpw_header h;
	__u64 cookie; /* 0 when no socket is behind it */
	struct tcpw_tuple tuple;
	__u32 reason; /* enum sk_rst_reason of the running kernel, named through its BTF */
	__u8 direction;
	__u8 state; /* kernel value; 0 when no socket is behind it */
	__u8 flags; /* TCPW_SOCK_* */
	__u8 pad;
};

struct tcpw_accept_record {
	struct tcpw_header h;
	__u64 cookie;
	struct tcpw_tuple tuple;
	struct tcpw_process process;
};

struct tcpw_destroy_record {
	struct tcpw_header h;
	__u64 cookie;
	struct tcpw_tuple tuple;
};

/* From the iterators; no header, they are read as a stream of equal records. */

struct tcpw_socket {
	__u64 ts; /* when it was read */
	__u64 cookie;
	__u64 cgroup;   /* 0 is unknown */
	__u64 listener; /* request: cookie of its listener; full: of the first subflow it joined */
	__u64 timer_ns; /* time to the expiry of the pending timer; ~0 when there is none */
	__u64 bytes_sent;
	__u64 bytes_received;
	struct tcpw_tuple tuple;
	__u32 uid;
	__u32 rx_queue; /* listener: connections waiting for accept */
	__u32 tx_queue; /* listener: the most that may wait */
	__u32 retransmits;
	__u32 srtt_us;
	__u8 state;       /* kernel value; a timewait socket's substate */
	__u8 mini;        /* 0 full, 1 request, 2 timewait */
	__u8 flags;       /* TCPW_SOCK_* */
	__u8 num_timeout; /* request */
};

#define TCPW_NO_TIMER (~0ull)

struct tcpw_file {
	__u64 cookie;
	struct tcpw_process process;
	__u32 fd;
	__u32 pad;
};

/*
 * What became of the events a program saw, one per (program, CPU):
 * seen = submitted + filtered + ring_full + map_full.
 */
struct tcpw_account {
	__u64 seq;
	__u64 seen;
	__u64 submitted;
	__u64 filtered;
	__u64 ring_full;
	__u64 map_full;
};

/* Events that witness_state has taken on this CPU, innermost last: see state.bpf.c. */
#define TCPW_NESTING_MAX 4

struct tcpw_taken {
	__u64 sk; /* its address: it cannot go away while its event is being told */
	__u64 states;
};

struct tcpw_nesting {
	__u32 depth;
	__u32 pad;
	__u64 taken_over; /* events that witness_state had missed */
	__u64 cloned;     /* address of the child that a SYN or an ACK made last */
	struct tcpw_taken taken[TCPW_NESTING_MAX];
};

/* Names the connection a record was lost of: by cookie, or by tuple where there is none. */
struct tcpw_lost_key {
	__u64 cookie;
	struct tcpw_tuple tuple;
};

#define TCPW_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), "size of struct " #type)

TCPW_ASSERT_SIZE(tcpw_header, 24);
TCPW_ASSERT_SIZE(tcpw_tuple, 40);
TCPW_ASSERT_SIZE(tcpw_state_record, 88);
TCPW_ASSERT_SIZE(tcpw_process, 40);
TCPW_ASSERT_SIZE(tcpw_open_record, 136);
TCPW_ASSERT_SIZE(tcpw_close_record, 112);
TCPW_ASSERT_SIZE(tcpw_mini_record, 96);
TCPW_ASSERT_SIZE(tcpw_retransmit_record, 80);
TCPW_ASSERT_SIZE(tcpw_reset_record, 80);
TCPW_ASSERT_SIZE(tcpw_accept_record, 112);
TCPW_ASSERT_SIZE(tcpw_destroy_record, 72);
TCPW_ASSERT_SIZE(tcpw_socket, 120);
TCPW_ASSERT_SIZE(tcpw_file, 56);
TCPW_ASSERT_SIZE(tcpw_account, 48);
TCPW_ASSERT_SIZE(tcpw_lost_key, 48);

#define TCPW_RECORD_MAX_SIZE sizeof(struct tcpw_open_record)

#endif
