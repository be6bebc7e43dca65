/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reftcp: a host TCP after RFC 9293, as a library without I/O.
 *
 * The caller owns the clock, the wire and the memory limits. It hands in IP
 * packets (reftcp_arrives), user calls (reftcp_open and so on) and the passing
 * of time (reftcp_expire); it takes out packets (reftcp_transmit), indications
 * to the user (reftcp_next_event) and the time of the next timeout
 * (reftcp_deadline). The stack never reads a clock, never does I/O and
 * allocates nothing after reftcp_new. Equal inputs give equal outputs.
 *
 * Times are nanoseconds on the caller's monotonic clock; `now` must not go
 * back. Lengths are octets. Ports are in host order, addresses in network
 * order. Every function that can fail returns 0 or a negative errno; which
 * ones is said with each. A stack is not locked: one thread at a time.
 *
 * Bad input never ends the process and is never read beyond its length. What a call refuses it
 * refuses before it changes anything, with an error of its list; an output argument is written on
 * success only. What a packet has wrong is counted: bad_ip, bad_tcp, bad_checksum, fragments,
 * not_tcp, bad_address, not_for_us, and, though the rest of the segment is taken, bad_options. A
 * pool that is used up costs the one who asked: an error to a call; a segment is dropped as if the
 * network had lost it, and no_connection_room, no_chunk, no_segment, replies_dropped,
 * reassembly_full count it. A null stack is refused like a stale id (-ENOENT), or -EINVAL where no
 * id is given; a null pointer that a call needs gives -EINVAL.
 *
 * Ownership: the caller owns every buffer it passes; none is kept after the
 * call returns. A reftcp_id stays valid, in CLOSED too, until the user gives it
 * back with reftcp_release; a stale one is refused with -ENOENT.
 */
#ifndef REFTCP_REFTCP_H
#define REFTCP_REFTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REFTCP_API __attribute__((visibility("default")))

/* The local connection name of RFC 9293 3.9.1.1; 0 names nothing. */
typedef uint64_t reftcp_id;
typedef uint64_t reftcp_time;

#define REFTCP_NEVER UINT64_MAX
#define REFTCP_MS ((reftcp_time)1000000)
#define REFTCP_S ((reftcp_time)1000000000)

/* RFC 9293 3.3.2, in the order of the text. */
#define REFTCP_STATE_LIST(X) \
	X(CLOSED)            \
	X(LISTEN)            \
	X(SYN_SENT)          \
	X(SYN_RECEIVED)      \
	X(ESTABLISHED)       \
	X(FIN_WAIT_1)        \
	X(FIN_WAIT_2)        \
	X(CLOSE_WAIT)        \
	X(CLOSING)           \
	X(LAST_ACK)          \
	X(TIME_WAIT)

enum reftcp_state {
#define X(name) REFTCP_##name,
	REFTCP_STATE_LIST(X)
#undef X
};

#define REFTCP_STATE_COUNT 11

/* The name as the RFC has it with underscores, or "unknown". Never null. */
REFTCP_API const char *reftcp_state_name(enum reftcp_state state);

/* family is 4 or 6, or 0 for "unspecified"; IPv4 uses the first four octets. */
struct reftcp_addr {
	uint8_t family;
	uint8_t byte[16];
};

struct reftcp_endpoint {
	struct reftcp_addr addr;
	uint16_t port;
};

/*
 * A personality is a set of named rules (see reftcp_rule_at): where the RFCs leave a
 * choice, or where a well known stack departs from them.
 */
enum reftcp_personality {
	REFTCP_STANDARD,
	REFTCP_LINUX,
};

struct reftcp_rule {
	const char *name;   /* of the point in the machine where it is looked up */
	const char *clause; /* the RFC section it reads or departs from */
	const char *id;     /* of the documented deviation; null where there is none */
	const char *since;  /* first kernel known to behave so; null where it does not apply */
	int64_t standard;   /* value under REFTCP_STANDARD */
	int64_t value;      /* value under the personality asked for */
	const char *unit;   /* "ns", "bool", "count" */
};

/*
 * Row `index` of the rules of `personality`, in a fixed order.
 * 0; -ENOENT past the last row; -EINVAL for a null pointer or no such personality.
 */
REFTCP_API int reftcp_rule_at(enum reftcp_personality personality, size_t index,
			      struct reftcp_rule *out);

/*
 * One change of state, told when it happens. clause is the RFC section that allows the
 * edge, why is the event in a few words; local and remote as they are known by then. The callback
 * must not call into the stack.
 */
struct reftcp_transition {
	reftcp_id id;
	struct reftcp_endpoint local, remote;
	enum reftcp_state from;
	enum reftcp_state to;
	const char *clause;
	const char *why;
	reftcp_time at;
};

/* Congestion control, RFC 5681 and 6582, or RFC 9438. */
enum reftcp_congestion {
	REFTCP_NEWRENO,
	REFTCP_CUBIC,
};

struct reftcp_config {
	/* Pools: the maxima, all taken at reftcp_new. */
	uint32_t connections; /* TCBs, listeners included; 1 to 16777216 */
	uint32_t segments;    /* retransmission queue entries beyond one a connection */
	uint32_t chunks;      /* units of buffer space for all connections together */
	uint32_t chunk_size;  /* octets in a unit; a power of two, 256 to 65536 */
	uint32_t replies;     /* answers not tied to a connection that may wait to be sent */
	uint32_t addresses;   /* local addresses */
	uint32_t send_buffer; /* octets a connection may queue to send; at least 1 */
	uint32_t recv_buffer; /* RCV.BUFF; 1 to 1073725440 */
	/* The link. */
	uint32_t mtu; /* EMTU_S = EMTU_R; 68 (IPv4), 1280 (IPv6) to 65535 */
	uint16_t mss; /* the most that is told to peers; 0: what the MTU holds. Else 88 to 65495 */
	/* Choices. */
	enum reftcp_personality personality;
	enum reftcp_congestion congestion;
	bool window_scale, timestamps, sack, ecn; /* offered, and taken when offered */
	bool syn_cookies;             /* answer with a cookie when the SYN queue is full */
	bool fast_open;               /* RFC 7413 may be used, see REFTCP_OPT_FAST_OPEN */
	bool fast_open_bare;          /* and our SYNs carry data without a cookie */
	bool fast_open_any;           /* and data of SYNs is taken without a cookie */
	uint32_t fast_open_keys;      /* 0: from the secret; else how many of the next are given */
	uint8_t fast_open_key[2][16]; /* cookies are made with the first and taken with both */
	bool ecn_asked;               /* with `ecn`: offered, even if the personality would not */
	bool ecn_passive;             /* without `ecn`: not offered, but taken when offered */
	bool mtu_probing;             /* RFC 4821; default true */
	bool idle_restart;    /* RFC 5681 4.1: the window restarts after a pause; default true */
	uint32_t burst_least; /* segments that may leave together in any case; default 2 */
	/* Routes of OPEN, and the way back over those that SYNs to a passive OPEN bring. Default
	 * false: RFC 7126 4.3 and 4.4 have networks drop such packets. They are stepped over then.
	 */
	bool source_routes;
	bool verify_checksums;        /* false only where the link has done so; default true */
	uint32_t challenge_acks;      /* RFC 5961 7: a second, at most; 0: the personality's */
	uint16_t port_low, port_high; /* local ports for OPEN without one, inclusive */
	/* 128 bits of secret for ISNs, timestamps, cookies, ports; must not be guessable. */
	uint8_t secret[16];
	/* Null, or told of every change of state. */
	void (*on_transition)(void *ctx, const struct reftcp_transition *t);
	/* Null, or the negative advice of RFC 9293 3.8.3: R1 retransmissions to remote went without
	 * an answer, so that whoever routes may doubt the way. As with on_transition, no calls. */
	void (*on_negative_advice)(void *ctx, const struct reftcp_addr *local,
				   const struct reftcp_addr *remote);
	void *ctx;
};

/* Sizes for a small host, RFC behaviour, every extension but SYN cookies and Fast Open on. */
REFTCP_API void reftcp_config_default(struct reftcp_config *out);

struct reftcp_stack;

/*
 * Changes the choices of a stack that runs, for connections still to be opened: everything from
 * `mtu` down to `mtu_probing`, but for the personality. The pools stay as they are.
 * -EINVAL: as reftcp_new.
 */
REFTCP_API int reftcp_configure(struct reftcp_stack *stack, const struct reftcp_config *config);

/*
 * Makes a stack; the caller owns it and ends it with reftcp_free.
 * -EINVAL: a null pointer or a value outside the ranges above. -ENOMEM.
 * On failure *out is left alone.
 */
REFTCP_API int reftcp_new(struct reftcp_stack **out, const struct reftcp_config *config,
			  reftcp_time now);
/* Null is allowed. Nothing is sent. */
REFTCP_API void reftcp_free(struct reftcp_stack *stack);
/* Octets held by the stack, all of them taken at reftcp_new. */
REFTCP_API size_t reftcp_memory(const struct reftcp_stack *stack);

/*
 * Makes addr one of ours. The first one of a family answers GET_SRCADDR (RFC 9293 3.9.1.1,
 * MUST-44). -EINVAL: family, or a multicast, broadcast or unspecified address.
 * -ENOSPC: more than config.addresses. -EEXIST.
 */
REFTCP_API int reftcp_add_address(struct reftcp_stack *stack, const struct reftcp_addr *addr);

/* ---- user calls, RFC 9293 3.9.1 and 3.10.1 to 3.10.6 ---- */

/* RFC 791 3.1, IPv4 only: the hosts to pass on the way, in order. */
#define REFTCP_ROUTE_MAX 9
struct reftcp_source_route {
	uint8_t hops; /* 0: none */
	bool strict;  /* over these hosts alone */
	uint8_t hop[REFTCP_ROUTE_MAX][4];
};

struct reftcp_open {
	bool active;
	struct reftcp_endpoint local;  /* address and, if active, port may be unspecified */
	struct reftcp_endpoint remote; /* may be unspecified if passive */
	/*
	 * Passive only. 0: the connection itself leaves LISTEN when a SYN arrives, as the RFC
	 * tells it. n: the connection stays in LISTEN, each SYN makes a new one, and up to n
	 * established ones wait for reftcp_accept.
	 */
	uint32_t backlog;
	reftcp_time user_timeout; /* 0: the default of 5 minutes */
	uint8_t dscp;             /* 0 to 63 */
	uint8_t ttl;              /* 0: the default of 64 */
	/* Active only (MUST-51), before any that the peer's segments carry (MUST-52). */
	struct reftcp_source_route route;
};

/*
 * OPEN, RFC 9293 3.10.1.
 * -EINVAL: null pointer, families that differ, dscp, passive without a local port,
 *	or a remote address nobody can connect to (MUST-46).
 * -EDESTADDRREQ: "remote socket unspecified". -EADDRNOTAVAIL: the local address is not ours,
 *	or no local port is free. -EADDRINUSE: "connection already exists".
 * -EOPNOTSUPP: a source route without config.source_routes. A route with too many hops, of a
 * passive OPEN or to an IPv6 address: -EINVAL. -ENOBUFS: "insufficient resources".
 */
REFTCP_API int reftcp_open(struct reftcp_stack *stack, const struct reftcp_open *args,
			   reftcp_time now, reftcp_id *out);

/*
 * OPEN (active) on a connection in LISTEN: it becomes active. remote null: the one of the
 * passive OPEN. After an error it listens as before. -ENOENT. -EISCONN: not in LISTEN.
 * -EINVAL: a remote nobody can connect to, or of another family. -EDESTADDRREQ: remote is null and
 * the passive OPEN named none. -EADDRNOTAVAIL, -EADDRINUSE: as for reftcp_open.
 */
REFTCP_API int reftcp_connect(struct reftcp_stack *stack, reftcp_id id,
			      const struct reftcp_endpoint *remote, reftcp_time now);

/*
 * Takes the oldest established connection of a listener; from then on it is the caller's.
 * -ENOENT; -EINVAL: null pointer, or not a listener with a backlog. -EAGAIN: none is waiting.
 */
REFTCP_API int reftcp_accept(struct reftcp_stack *stack, reftcp_id listener, reftcp_time now,
			     reftcp_id *out);

#define REFTCP_PUSH 1u
#define REFTCP_URGENT 2u
#define REFTCP_RECORD 8u /* nothing of a later SEND shares a segment with this */
#define REFTCP_MORE 4u   /* more follows at once: a segment that is not full may wait for it */

/*
 * SEND, RFC 9293 3.10.2. Copies as much as there is room for; *taken says how much.
 * -ENOENT; -EINVAL: null pointer, length 0, unknown flag; -ENOTCONN: CLOSED;
 * -EDESTADDRREQ: in LISTEN, "remote socket unspecified"; -EPIPE: "connection closing";
 * -ENOBUFS: "insufficient resources": no room for a single octet, try again when
 * REFTCP_EVENT_WRITABLE comes. After a failure of the connection: its error, see reftcp_status.
 */
REFTCP_API int reftcp_send(struct reftcp_stack *stack, reftcp_id id, const void *data, size_t len,
			   unsigned int flags, reftcp_time now, size_t *taken);

struct reftcp_received {
	size_t len;
	bool push;            /* the data ends where the peer pushed (MAY-17) */
	bool urgent;          /* more urgent data follows this */
	bool end;             /* the peer's FIN has been reached; len is 0 */
	uint32_t urgent_left; /* urgent octets still to be read (MUST-33) */
};

/*
 * RECEIVE, RFC 9293 3.10.3. Never returns data from both sides of the urgent pointer.
 * -ENOENT; -EINVAL: null pointer, length 0; -ENOTCONN: CLOSED; -EAGAIN: nothing yet. At the end of
 * the peer's data it returns 0 with .end. After a failure: the connection's error.
 */
REFTCP_API int reftcp_receive(struct reftcp_stack *stack, reftcp_id id, void *buf, size_t len,
			      reftcp_time now, struct reftcp_received *out);

/*
 * Sends at once what the rules for small segments, REFTCP_MORE or REFTCP_OPT_CORK hold back, as
 * far as the windows let it. -ENOENT, -ENOTCONN: CLOSED or LISTEN.
 */
REFTCP_API int reftcp_push(struct reftcp_stack *stack, reftcp_id id, reftcp_time now);

/*
 * CLOSE, RFC 9293 3.10.4: "I have no more to send". Data may still be received.
 * -ENOENT, -ENOTCONN: CLOSED. -EALREADY: "connection closing", nothing is done.
 */
REFTCP_API int reftcp_close(struct reftcp_stack *stack, reftcp_id id, reftcp_time now);

/* ABORT, RFC 9293 3.10.5. -ENOENT, -ENOTCONN: CLOSED. */
REFTCP_API int reftcp_abort(struct reftcp_stack *stack, reftcp_id id, reftcp_time now);

/*
 * Gives the name back. A connection that is not CLOSED goes on by itself: it is closed, and
 * as nobody reads any more, data not read or still to come is answered by a reset
 * (RFC 9293 3.6.1, SHLD-3). Connections still waiting for reftcp_accept are reset. -ENOENT.
 */
REFTCP_API int reftcp_release(struct reftcp_stack *stack, reftcp_id id, reftcp_time now);

/* Of loss recovery. */
enum reftcp_phase {
	REFTCP_PHASE_OPEN,
	REFTCP_PHASE_DISORDER, /* SACKs or duplicate ACKs are in, nothing is deemed lost yet */
	REFTCP_PHASE_REDUCED,  /* RFC 3168: the window was reduced for this window of data */
	REFTCP_PHASE_RECOVERY,
	REFTCP_PHASE_LOSS, /* after a retransmission timeout */
};

struct reftcp_status {
	enum reftcp_state state;
	int error; /* 0, or why it is CLOSED: -ECONNREFUSED -ECONNRESET -ECONNABORTED -ETIMEDOUT ...
		    */
	struct reftcp_endpoint local, remote;
	uint32_t snd_una, snd_nxt, snd_wnd, iss;
	uint32_t rcv_nxt, rcv_wnd, irs;
	uint32_t cwnd, ssthresh, mss; /* mss: Eff.snd.MSS */
	uint32_t unsent, unacked;     /* octets queued, octets sent and not acknowledged */
	uint32_t unread;              /* octets waiting for RECEIVE */
	uint32_t urgent_left;
	reftcp_time srtt, rttvar, rto, user_timeout; /* srtt 0: not measured */
	uint32_t retransmits;                        /* segments sent again, in all */
	uint32_t backlog, accept_queue, syn_queue;
	uint8_t dscp, received_dscp;
	bool sack, timestamps, window_scale, ecn, nagle;
	uint8_t snd_scale, rcv_scale;
	const char *congestion;
	bool end;      /* the peer's FIN has been reached */
	bool early;    /* RFC 7413: the user has it before the handshake is done */
	bool syn_data; /* RFC 7413: the peer took the data of our SYN */
	enum reftcp_phase phase;
	/* Of the retransmission queue, in segments: all, and those told of by SACK, deemed lost,
	 * sent again and not heard of since. */
	uint32_t segments_out, segments_sacked, segments_lost, segments_again;
	uint32_t delivered, delivered_ce; /* segments that arrived; with an ECN mark told of */
	uint32_t dsacks, reorderings;     /* told of; seen */
	uint32_t reordering;              /* segments by which order was seen to be broken */
	uint32_t timeouts, backoff;       /* retransmission timeouts in a row; doublings */
	uint32_t probes;                  /* window probes in a row */
	uint32_t rcv_mss, own_mss, path_mtu;
	reftcp_time ato;
	reftcp_time min_rtt; /* REFTCP_NEVER: not measured */
	/* 0: never. */
	reftcp_time data_sent_at, data_received_at, ack_received_at;
	/* How long there was something to send; and it was the peer's window, or the send
	 * buffer's size, that held it back. */
	reftcp_time busy, window_limited, buffer_limited;
	/* And since when it does so now, which is not in them yet; 0: it does not. */
	reftcp_time limits_at;
	bool limit_window, limit_buffer; /* what of the two it is, if one */
	int soft_error;                  /* last ICMP soft error as an errno, or 0 (SHLD-25) */
};

/* STATUS, RFC 9293 3.10.6. Also tells of CLOSED. -ENOENT, -EINVAL. */
REFTCP_API int reftcp_status(struct reftcp_stack *stack, reftcp_id id, struct reftcp_status *out);

enum reftcp_option {
	REFTCP_OPT_NAGLE,                  /* 0 or 1, default 1 (MUST-17) */
	REFTCP_OPT_KEEPALIVE,              /* 0 or 1, default 0 (MUST-24, 25) */
	REFTCP_OPT_KEEPALIVE_IDLE,         /* ns, default 2 hours (MUST-27, 28) */
	REFTCP_OPT_KEEPALIVE_INTERVAL,     /* ns between probes */
	REFTCP_OPT_KEEPALIVE_COUNT,        /* probes without an answer that end it (MUST-29), > 0 */
	REFTCP_OPT_KEEPALIVE_OCTET,        /* 0 or 1: probes carry a garbage octet (MAY-6) */
	REFTCP_OPT_USER_TIMEOUT,           /* ns: R2 (MUST-21) */
	REFTCP_OPT_USER_TIMEOUT_ADVERTISE, /* 0 or 1: RFC 5482 option sent */
	REFTCP_OPT_R1,                     /* retransmissions before the user is told, default 3 */
	REFTCP_OPT_TTL,                    /* 1 to 255 (MUST-49) */
	REFTCP_OPT_DSCP,                   /* 0 to 63 (MUST-48, SHLD-21) */
	REFTCP_OPT_REPORTS,                /* 0 or 1: soft error reports, default 1 (SHLD-20) */
	REFTCP_OPT_RECV_BUFFER, /* octets, not over config.recv_buffer; never shrinks the window */
	REFTCP_OPT_DELAYED_ACK, /* 0 or 1, default 1 */
	/* 0 or 1, default 0: RFC 7413. On a listener, data in SYNs is delivered, perhaps twice; on
	 * a connection just opened, a SEND before the SYN leaves may ride on it. Needs
	 * config.fast_open. */
	REFTCP_OPT_FAST_OPEN,
	REFTCP_OPT_CORK,        /* 0 or 1, default 0: only full segments leave, for a while */
	REFTCP_OPT_MAX_SEGMENT, /* octets, 88 to 65535: the MSS told, and the most that is sent */
	REFTCP_OPT_SEND_BUFFER, /* octets, 1 to config.send_buffer */
	REFTCP_OPT_SYN_RETRIES, /* times a SYN is sent again, then -ETIMEDOUT; 0: as R2 says */
	/* ns an orphan's FIN-WAIT-2 lasts, 0: a reset instead. Where a rule gives it a time at all;
	 * else it lasts for ever, and this is no option. */
	REFTCP_OPT_FIN_WAIT_2,
	/* 0 or 1, default 0: on a listener, where a rule has it: who only acknowledges our SYN is
	 * not told to the user before there is text. */
	REFTCP_OPT_DEFER_ACCEPT,
};

/* -ENOENT; -EINVAL: no such option, or a value outside its range; nothing is changed then. */
REFTCP_API int reftcp_set(struct reftcp_stack *stack, reftcp_id id, enum reftcp_option option,
			  uint64_t value, reftcp_time now);

/* RFC 7413: is a cookie of this server at hand? */
REFTCP_API bool reftcp_fast_open_cookie(const struct reftcp_stack *stack,
					const struct reftcp_addr *server);
/* Octets of data that would ride on the SYN of a connection just opened; 0 where none may. */
REFTCP_API uint32_t reftcp_fast_open_room(const struct reftcp_stack *stack, reftcp_id id);

/* ---- the wire ---- */

enum reftcp_disposition {
	REFTCP_ACCEPTED,  /* went through all its steps */
	REFTCP_DROPPED,   /* stopped, nothing said about it */
	REFTCP_ANSWERED,  /* stopped, and an ACK or a reset is owed for it */
	REFTCP_MALFORMED, /* not a segment, or not for us; no state was looked at */
};

/* Where a segment stopped and what became of the connection. Strings are static. */
struct reftcp_verdict {
	enum reftcp_disposition disposition;
	reftcp_id id; /* 0: no connection */
	enum reftcp_state before, after;
	const char *clause; /* "RFC 9293 3.10.7.4" */
	const char *step;   /* "first, check sequence number" */
};

/*
 * SEGMENT ARRIVES, RFC 9293 3.10.7: one IPv4 or IPv6 packet with TCP, or an ICMP error about
 * one of ours. out may be null. Returns 0 whatever the packet says; -EINVAL: null pointer.
 */
REFTCP_API int reftcp_arrives(struct reftcp_stack *stack, const void *packet, size_t len,
			      reftcp_time now, struct reftcp_verdict *out);

/*
 * Writes the next packet to send to buf. config.mtu octets are always enough.
 * -EAGAIN: nothing to send. -EINVAL: null pointer or cap below config.mtu.
 */
REFTCP_API int reftcp_transmit(struct reftcp_stack *stack, void *buf, size_t cap, reftcp_time now,
			       size_t *len);

/* ---- time, RFC 9293 3.10.8 ---- */

/*
 * When reftcp_expire next has something to do, or REFTCP_NEVER. Never later than the true
 * time; it may be earlier, then reftcp_expire does nothing but look.
 */
REFTCP_API reftcp_time reftcp_deadline(const struct reftcp_stack *stack);
REFTCP_API void reftcp_expire(struct reftcp_stack *stack, reftcp_time now);

/* ---- indications to the user, RFC 9293 3.9.1.8 ---- */

#define REFTCP_EVENT_ESTABLISHED (1u << 0) /* active or passive OPEN done */
#define REFTCP_EVENT_READABLE (1u << 1)
#define REFTCP_EVENT_WRITABLE (1u << 2)       /* after -ENOBUFS or a part taken: there is room */
#define REFTCP_EVENT_ACCEPT (1u << 3)         /* on a listener */
#define REFTCP_EVENT_CLOSING (1u << 4)        /* the peer's FIN arrived */
#define REFTCP_EVENT_CLOSED (1u << 5)         /* CLOSED; status.error says why */
#define REFTCP_EVENT_URGENT (1u << 6)         /* urgent pointer advanced (MUST-32) */
#define REFTCP_EVENT_RETRANSMITTING (1u << 7) /* R1 reached (SHLD-9) */
#define REFTCP_EVENT_SOFT_ERROR (1u << 8)     /* ICMP, see status.soft_error (MUST-47) */
#define REFTCP_EVENT_SENT (1u << 9)           /* all that was sent is acknowledged */

struct reftcp_event {
	reftcp_id id;
	uint32_t events; /* every REFTCP_EVENT_ bit since the last time it was told */
};

/* -EAGAIN: nothing to tell; -EINVAL: null pointer. Memory is bounded: a connection has at most one
 * entry. */
REFTCP_API int reftcp_next_event(struct reftcp_stack *stack, struct reftcp_event *out);

/* ---- counters ---- */

#define REFTCP_COUNTER_LIST(X)     \
	X(packets_in)              \
	X(packets_out)             \
	X(octets_in)               \
	X(octets_out)              \
	X(bad_ip)                  \
	X(bad_tcp)                 \
	X(bad_checksum)            \
	X(bad_options)             \
	X(bad_address)             \
	X(not_for_us)              \
	X(fragments)               \
	X(not_tcp)                 \
	X(active_opens)            \
	X(passive_opens)           \
	X(resets_sent)             \
	X(resets_received)         \
	X(replies_dropped)         \
	X(no_connection_room)      \
	X(syn_dropped)             \
	X(accept_queue_full)       \
	X(fast_open_sent)          \
	X(fast_open_taken)         \
	X(cookies_sent)            \
	X(cookies_taken)           \
	X(cookies_failed)          \
	X(no_chunk)                \
	X(no_segment)              \
	X(out_of_window)           \
	X(paws_dropped)            \
	X(ack_dropped)             \
	X(challenge_acks)          \
	X(challenge_acks_limited)  \
	X(duplicate_acks_limited)  \
	X(out_of_order)            \
	X(reassembly_full)         \
	X(retransmits)             \
	X(rto_expired)             \
	X(fast_recoveries)         \
	X(tail_loss_probes)        \
	X(spurious_recoveries)     \
	X(dsack_received)          \
	X(dsack_sent)              \
	X(zero_window_probes)      \
	X(keepalive_probes)        \
	X(delayed_acks)            \
	X(ecn_reductions)          \
	X(icmp_received)           \
	X(icmp_ignored)            \
	X(pmtu_reductions)         \
	X(user_timeouts)           \
	X(time_wait_recycled)      \
	X(time_wait_overflow)      \
	X(time_wait_reset_ignored) \
	X(illegal_edges)

struct reftcp_counters {
#define X(name) uint64_t name;
	REFTCP_COUNTER_LIST(X)
#undef X
};

/* Owned by the stack, valid until reftcp_free, changes with every call. Null for null. */
REFTCP_API const struct reftcp_counters *reftcp_counters(const struct reftcp_stack *stack);

#ifdef __cplusplus
}
#endif

#endif
