/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The transmission control block, RFC 9293 3.3.1, with the variables of the other RFCs grouped
 * by the one they come from. Names are the RFCs'. Lives in a pool; made and unmade only in
 * tcb.c, its state written only by state.c.
 */
#ifndef REFTCP_TCB_H
#define REFTCP_TCB_H

#include "reftcp/reftcp.h"
#include "reftcp/segment.h"
#include "reftcp/seq.h"
#include "reftcp/state.h"
#include "reftcp/stream.h"
#include "reftcp/wheel.h"

struct reftcp_stack;
struct congestion;

/* X(name, clause): RFC 9293 3.10.8, and those of the extensions. */
#define TIMER_LIST(X)  \
	X(REXMIT)      \
	X(PERSIST)     \
	X(USER)        \
	X(TIME_WAIT)   \
	X(DELAYED_ACK) \
	X(KEEPALIVE)   \
	X(REORDER)     \
	X(PROBE)       \
	X(FIN_WAIT_2)

enum timer {
#define X(name) TIMER_##name,
	TIMER_LIST(X)
#undef X
};

#define TIMER_COUNT 9

/* An entry of the retransmission queue: one segment as it was last sent. */
#define TXSEG_SYN (1u << 0)
#define TXSEG_FIN (1u << 1)
#define TXSEG_SACKED (1u << 2)
#define TXSEG_LOST (1u << 3)    /* deemed lost; counts nothing in the pipe by itself */
#define TXSEG_RETRANS (1u << 4) /* a retransmission of it is in the pipe */
#define TXSEG_EVER_RETRANS (1u << 5)
#define TXSEG_PUSH (1u << 7)   /* the user pushed its end */
#define TXSEG_JOINED (1u << 8) /* left together with the next */
#define TXSEG_FRESH (1u << 6)  /* queued, not sent once yet: the SYN until output takes it */

struct txseg {
	struct txseg *next, *prev;
	reftcp_time sent_at;
	struct seq seq;
	uint32_t len; /* of sequence space, SYN and FIN included */
	uint32_t flags;
};

/* Ends of records not yet acknowledged that are remembered; more than these may share one. */
#define SND_RECORDS 16

/* Received beyond a gap: [left, right). */
#define RCV_RANGES 32

/* What output owes the peer whether or not there is data. */
#define OWE_ACK (1u << 0)
#define OWE_KEEPALIVE (1u << 1)
#define OWE_WINDOW_PROBE (1u << 2)
#define OWE_TAIL_PROBE (1u << 3)

enum recovery_phase {
	PHASE_OPEN,
	PHASE_CWR,      /* RFC 3168: reduced once for this window */
	PHASE_RECOVERY, /* fast recovery */
	PHASE_LOSS,     /* after a retransmission timeout */
};

/* The stack's lists a TCB can stand in. */
enum tcb_list_of {
	LIST_READY,  /* may have something to send */
	LIST_EVENTS, /* has something to tell the user */
};

#define TCB_LISTS 2

struct tcb_link {
	struct tcb *next, *prev;
	bool on;
};

/* What names a connection, as words that are quick to hash and to compare. */
struct conn_key {
	uint64_t ports; /* and the family */
	uint64_t addrs[4];
};

struct tcb {
	struct wheel_node node; /* first: the wheel hands it back */
	struct tcb *hash_next, *free_next;
	struct conn_key key; /* as long as it is hashed */
	uint32_t hash;
	struct tcb_link link[TCB_LISTS];
	struct tcb *listen_next;               /* among the listeners of a port */
	struct tcb *family_next, *family_prev; /* among the children of one listener */
	struct tcb *accept_next;
	struct tcb *parent; /* the listener, until the user has the connection */
	uint32_t generation;
	bool in_use, hashed, on_listeners, in_accept_queue;

	enum reftcp_state state;
	bool from_listen;  /* how SYN_RECEIVED was reached (MUST-11) */
	bool remote_given; /* the passive OPEN named the remote socket */
	bool user_has_it;  /* a user holds the name */
	bool close_queued; /* CLOSE in SYN_RECEIVED with data to send */
	bool forsaken;     /* the user gave the name back: nobody reads */
	bool iss_given;    /* by the TIME-WAIT it took the place of */
	bool mini;         /* counted among those */
	bool defer_accept; /* listener, and its requests: a bare ACK does not do */
	bool orphan_time_given;
	reftcp_time orphan_time; /* of FIN_WAIT_2; 0: none, a reset */
	bool forgotten;   /* its listener is closed: it ends with its next segment or timer */
	bool fast_open;   /* the user wants it */
	bool give_cookie; /* with the SYN,ACK */
	bool early;       /* handed to the user in SYN_RECEIVED */
	int error;
	struct reftcp_endpoint local, remote;
	struct reftcp_endpoint listen_local, listen_remote; /* to return to LISTEN with */
	uint8_t ttl, dscp, received_dscp;
	bool route_given; /* by the user (MUST-52) */
	struct ip_route route;

	struct {
		struct seq una, nxt, up, wl1, wl2, iss, fin;
		uint32_t wnd, max_wnd; /* scaled */
		uint8_t scale;
		bool up_valid, fin_queued, fin_sent;
		bool shadow_edge_valid;
		struct seq shadow_edge; /* shadows: the furthest window edge the peer gave */
		bool write_wanted;      /* the user was told there was no room */
		reftcp_time full_at;    /* when a full segment left last */
		bool small_valid;
		struct seq small; /* end of the last segment that was not full */
		uint32_t limit;   /* on what the user may queue */
		struct seq
			record[SND_RECORDS]; /* ends of SENDs that share no segment, oldest first */
		unsigned int records;
		bool push_valid;
		struct seq push; /* end of the last SEND with PUSH */
		uint32_t queued; /* octets in the stream */
		struct stream stream;
	} snd;

	struct {
		struct seq nxt, irs, up, fin, read; /* read: the first octet not yet RECEIVEd */
		uint32_t wnd, buff;
		uint8_t scale;
		bool up_valid, fin_valid, fin_done, urgent_told;
		bool end_read; /* the user knows of the FIN */
		bool push_valid;
		struct seq push;
		uint8_t ranges;
		struct sack_block range[RCV_RANGES]; /* newest first, RFC 2018 4 */
		uint32_t held; /* text that came with the SYN, not yet taken */
		bool dsack_valid;
		struct sack_block dsack; /* RFC 2883, told once */
		struct stream stream;
	} rcv;

	/* Sizes, RFC 9293 3.7.1. */
	uint16_t send_mss; /* from the peer, or the default */
	uint16_t own_mss;  /* told to the peer */
	uint32_t path_mtu;
	/* RFC 4821. */
	struct {
		uint32_t high; /* the largest size not known to be too large */
		uint32_t mtu;  /* of the probe that is out */
		struct seq first;
		reftcp_time again_at;
		bool probing;
	} pmtu;
	uint32_t max_packet_sent; /* largest, to judge ICMP (RFC 5927 7) */

	/* RFC 7323. */
	struct {
		bool on, first_valid;
		uint32_t first; /* of the first SYN */
		uint32_t offset, recent, last_ack_sent_val;
		bool recent_valid;
		reftcp_time recent_at;
		struct seq last_ack_sent;
	} ts;
	bool scale_on, sack_on;

	/* Retransmission queue, in sequence order. */
	struct txseg *rtx_head, *rtx_tail;
	struct txseg *rtx_hint; /* no segment before it waits to be sent again */
	uint32_t rtx_count;
	uint32_t sacked_count;
	uint32_t sacked, lost, retrans; /* octets with these flags, see rtxq_pipe */
	uint32_t lost_count, retrans_count;
	bool in_segments; /* the pipe is counted in whole segments */
	uint32_t retransmits;

	/* RFC 6298, in ns. */
	struct {
		bool measured;
		reftcp_time srtt, rttvar, rto;
		reftcp_time deviation, deviation_max; /* rttvar is a maximum of it, see rto.c */
		struct seq round;
		uint32_t backoff;
		struct seq sample_after; /* one sample a round trip */
	} rtt;
	uint32_t retries; /* retransmission timeouts in a row */
	uint32_t r1;
	reftcp_time user_timeout;
	reftcp_time oldest_at; /* when the oldest unacknowledged octet became so */

	/* RFC 5681, 6582, 6675, 9937. */
	const struct congestion *cc;
	uint32_t cwnd, ssthresh, acked_in_window;
	enum recovery_phase phase;
	struct seq recover;
	bool recover_valid;
	uint32_t dup_acks;
	uint32_t prr_delivered, prr_out, prr_flight;
	reftcp_time reduced_at; /* when recovery last lowered ssthresh */
	uint32_t reordering;    /* segments by which order was seen to be broken, 3 at first */
	bool send_one; /* the first retransmission of a recovery does not wait for the window */
	reftcp_time last_sent_at;
	/* Undo, RFC 3708 and 4015. */
	uint32_t undo_cwnd, undo_ssthresh, undo_left; /* left: retransmissions no D-SACK undid */
	bool undo_valid;
	uint8_t frto; /* RFC 5682: how many ACKs after a timeout are awaited: 0, 1, 2 */
	struct seq undo_una;

	/* RFC 9438; windows in octets, times in ns. */
	struct {
		uint32_t w_max, cwnd_prior;
		uint32_t w_est;
		uint64_t w_est_fraction;
		reftcp_time epoch, k;
		bool epoch_valid;
		uint32_t acked;
		reftcp_time updated_at; /* the last growth */
		bool paused;            /* the user, not the window, has been the limit since */
		bool after_timeout;     /* the epoch to come is the first after one */
	} cubic;

	/* CUBIC counted in segments; windows in segments, k in 1/1024 s. */
	struct {
		uint32_t origin, k, count, acked, reno, last_cwnd, credit;
		reftcp_time last_time, delay_min;
	} lx;
	struct {
		bool found;
		uint32_t samples;
		struct seq end;
		reftcp_time round_start, last_ack, least_rtt;
	} hystart;
	/* Was the window in use: the most that was out in the window of data up to `upto`. */
	struct {
		bool limited;
		uint32_t most_out;
		struct seq upto;
	} use;

	/* RFC 8985. */
	struct {
		bool valid, reordering_seen, dsack_round_valid;
		reftcp_time xmit_at, rtt, min_rtt;
		struct seq end_seq, fack, dsack_round;
		uint32_t reo_wnd_mult, reo_wnd_persist;
		bool told_last; /* rtt is that of the segment told of last */
		bool tlp_out, tlp_retrans;
		bool sampled;    /* a round trip was measured since the last probe, or ever */
		bool lost_again; /* the last look found a retransmission lost */
		reftcp_time min_rtt_at;
		struct seq tlp_end;
	} rack;

	/* RFC 9293 3.8.6.3. */
	struct {
		uint32_t quick; /* ACKs still not to be delayed */
		bool pushed, pushed_again, interactive, seen;
		reftcp_time ato, received_at;
		uint32_t last_len;
	} ack;
	uint32_t unacked_in;  /* octets received and not yet acknowledged */
	uint32_t rcv_mss_est; /* the largest segment seen */
	bool delayed_ack;
	reftcp_time dup_ack_at; /* of the last answer to a bad segment */
	bool dup_ack_at_valid;

	uint32_t owe;
	uint32_t events;
	uint32_t probes; /* zero-window probes in a row, for their backoff */
	bool nagle, reports;
	uint32_t burst_left, burst_size; /* of segments that leave together */
	uint32_t again_left, again_size; /* the same of those sent again */
	bool cork;                       /* the user wants full segments only */
	bool more;                       /* the last SEND said that more follows */
	bool push_all;                   /* the user wants out what is held back */
	uint32_t syn_retries;
	uint16_t max_segment; /* 0: the user said nothing */
	/* RFC 7413. */
	bool syn_data;         /* the data of a SYN was taken, by the peer or by us */
	bool asked;            /* our SYN had the option */
	bool asked_old;        /* the option in the form it had before the RFC */
	bool refused_text;     /* the way does not take a SYN with data */
	uint32_t syn_text_len; /* octets that rode on our SYN */

	/* What STATUS tells and nothing decides on. */
	struct {
		uint32_t delivered, delivered_ce, dsacks, reorderings;
		reftcp_time data_sent_at, data_received_at, ack_received_at;
		enum {
			LIMIT_NONE,
			LIMIT_BUSY,
			LIMIT_WINDOW,
			LIMIT_BUFFER
		} limit;
		reftcp_time busy, window_limited, buffer_limited, limit_since;
	} told;
	int soft_error;

	/* RFC 9293 3.8.4. */
	struct {
		bool on, octet;
		reftcp_time idle, interval, heard_at;
		uint32_t count, sent;
	} keep;

	/* RFC 3168. */
	struct {
		bool on, echo, cwr;
	} ecn;

	/* RFC 5482. */
	struct {
		bool advertise, changed_by_user;
	} uto;

	/* Listener. */
	uint32_t backlog, accept_count, syn_count;
	struct tcb *accept_head, *accept_tail;
	reftcp_time cookie_at; /* when the last SYN cookie went out */
	bool cookie_at_valid;
	struct tcb *family; /* children not yet the user's */

	/* Shadows: the reset last due, and what the endpoint's own SYN offered. */
	bool shadow_reset_valid, shadow_blind;
	bool shadow_joined, shadow_snd_known, shadow_rcv_known;
	uint8_t shadow_scale;
	uint16_t shadow_wnd;
	struct seq shadow_reset;
	uint32_t shadow_offers;

	reftcp_time deadline[TIMER_COUNT];
	reftcp_time soonest; /* no deadline is before it */
};

/* A TCB from the pool in CLOSED, or null when there is none left. */
struct tcb *tcb_take(struct reftcp_stack *s);
/* Back to the pool; must be CLOSED. Its id is stale from here on. */
void tcb_give(struct reftcp_stack *s, struct tcb *c);
reftcp_id tcb_id(const struct reftcp_stack *s, const struct tcb *c);
/* Null for a stale or foreign id. */
struct tcb *tcb_find(const struct reftcp_stack *s, reftcp_id id);

/* Puts the connection's name in the table; -EADDRINUSE if it is there. */
int tcb_bind(struct reftcp_stack *s, struct tcb *c);
void tcb_unbind(struct reftcp_stack *s, struct tcb *c);

/* Sets ISS and the send variables for a SYN, and queues it to be sent. */
void tcb_start_send(struct reftcp_stack *s, struct tcb *c, struct seq iss, reftcp_time now);
/* Sets IRS and the receive variables from a SYN. */
void tcb_start_receive(struct tcb *c, struct seq irs);

/*
 * Ends the connection: every queue flushed, every timer off, out of the tables, the user told;
 * given back to the pool if no user holds it. c must not be used after it unless the user does.
 */
void tcb_delete(struct reftcp_stack *s, struct tcb *c, int error, enum clause clause,
		reftcp_time now);

/* Forgets the peer and goes back to waiting, RFC 9293 3.10.7.4, second and fourth. */
void tcb_return_to_listen(struct reftcp_stack *s, struct tcb *c, enum clause clause,
			  reftcp_time now);

static inline bool timer_armed(const struct tcb *c, enum timer t)
{
	return c->deadline[t] != REFTCP_NEVER;
}

static inline void timer_set(struct tcb *c, enum timer t, reftcp_time at)
{
	c->deadline[t] = at;
	if (at < c->soonest)
		c->soonest = at;
}

static inline void timer_clear(struct tcb *c, enum timer t)
{
	c->deadline[t] = REFTCP_NEVER;
}

void tcb_clear_timers(struct tcb *c);

/* One more TIME_WAIT, or orphan in FIN_WAIT_2: false where a rule has no room for it. */
bool tcb_count_mini(struct reftcp_stack *s, struct tcb *c);

/* Octets waiting for RECEIVE. */
static inline uint32_t tcb_unread(const struct tcb *c)
{
	return seq_diff(c->rcv.nxt, c->rcv.read) - (c->rcv.fin_done ? 1 : 0);
}

/* The sequence number of the first octet of the send stream. */
static inline struct seq tcb_stream_start(const struct tcb *c)
{
	return seq_eq(c->snd.una, c->snd.iss) ? seq_add(c->snd.iss, 1) : c->snd.una;
}

/* Octets queued and not yet sent once. */
static inline uint32_t tcb_unsent(const struct tcb *c)
{
	struct seq end = c->snd.fin_sent ? c->snd.fin : c->snd.nxt;
	struct seq start = tcb_stream_start(c);

	/* Before the SYN is sent, and after the FIN is acknowledged, the start lies beyond. */
	return seq_lt(end, start) ? c->snd.queued : c->snd.queued - seq_diff(end, start);
}

/* Past SYN: RFC 9293 3.3.2's synchronized states. */
bool state_synchronized(enum reftcp_state state);
/* May SEND's data still go out. */
bool state_sends(enum reftcp_state state);

#endif
