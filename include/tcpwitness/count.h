/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts that the kernel programs keep and user space reads when somebody looks. Sizes and layouts
 * are those of the maps in bpf/count/count.bpf.c, asserted below for both sides.
 *
 * A figure is the sum over the CPUs. One CPU's part may be negative: what turns out to be no end is
 * taken back where that is seen.
 */
#ifndef TCPWITNESS_COUNT_H
#define TCPWITNESS_COUNT_H

#include "tcpwitness/record.h"
#include "tcpwitness/state.h"

enum tcpw_time_wait_end {
	TCPW_TIME_WAIT_EXPIRED, /* its timer ended it */
	TCPW_TIME_WAIT_REUSED,  /* a new connection took its addresses and ports over */
	TCPW_TIME_WAIT_KILLED,  /* a RST, ss -K, the end of its namespace: before its time */
	TCPW_TIME_WAIT_ENDS
};

#define TCPW_MOVES 16 /* a power of two above TCPW_STATE_MAX: an index is bounded by a mask */

/* One for each CPU. */
struct tcpw_counts {
	__s64 moves[TCPW_MOVES][TCPW_MOVES]; /* [old][new], as `trace` tells them */
	__s64 time_wait_entered;
	__s64 time_wait_ended[TCPW_TIME_WAIT_ENDS];
	__s64 orphans_entered; /* FIN_WAIT_2 as a timewait socket: nobody holds it any more */
	__s64 orphans_ended;   /* to TIME_WAIT or to CLOSED */
	__s64 untracked;       /* connections there was no room for: sums hold, owners may lack */
	__s64 half_open_untracked;
	__s64 owners_full;
	__s64 taken_over; /* events that the first of the two state programs had missed */
};

/* struct tcpw_tracked.flags */
#define TCPW_TRACKED_MINI (1 << 0) /* a timewait socket has taken over */
#define TCPW_TRACKED_CANCELLED                                                                \
	(1 << 1)                     /* its timer was: over, unless it is armed again at once \
				      */
#define TCPW_TRACKED_REUSED (1 << 2) /* and counted as reused */
#define TCPW_TRACKED_PASSIVE (1 << 3)

/*
 * A connection, found by its cookie (a half-open one by a hash of its tuple), which is 0 in a free
 * slot. Four slots make a bucket; cookies are handed out in order, so that buckets fill evenly.
 */
struct tcpw_tracked {
	__u64 cookie;
	__u64 changed; /* ns: when `flags` or `state` did */
	__u64 tuple;   /* hash of the tuple of a timewait socket */
	__u32 owner;   /* process that connected or listens; 0 is unknown */
	__u8 state;    /* kernel value */
	__u8 flags;
	__u8 pad[2];
};

#define TCPW_BUCKET_SLOTS 4

struct tcpw_bucket {
	struct tcpw_tracked slot[TCPW_BUCKET_SLOTS];
};

/* Keyed by process; user space forgets those of whom nothing is left (counter_forget_owners). */
struct tcpw_owner {
	__s64 time_wait; /* now */
	__s64 time_wait_entered;
	__s64 orphans; /* in FIN_WAIT_2, now */
	__u64 seen;    /* ns: when it last connected or listened */
	__u32 uid;
	char comm[TCPW_COMM_LEN];
	__u32 pad;
};

/* Which thread is inside connect(): what it takes over, it reuses. */
#define TCPW_CONNECTS 1024

struct tcpw_connect {
	__u64 thread; /* bpf_get_current_pid_tgid() */
	__u64 at;     /* ns */
	__u32 rport;
	__u32 pad;
};

/* The timewait socket whose timer was cancelled last on a CPU: a SYN may be what ended it. */
struct tcpw_last_cancel {
	__u64 tuple; /* hash */
	__u64 cookie;
};

TCPW_ASSERT_SIZE(tcpw_tracked, 32);
TCPW_ASSERT_SIZE(tcpw_owner, 56);
TCPW_ASSERT_SIZE(tcpw_connect, 24);

#endif
