/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows: the reference stack following somebody else's connections.
 *
 * A shadow is given the segments a foreign endpoint received and sent, in the order it handled
 * them, and the calls its user made as far as they are known. What is received walks through the
 * steps of RFC 9293 3.10.7 like any segment; what is sent is not made by the stack but adopted:
 * ISN, segmentation, timing and windows are the endpoint's free choice. What follows from the
 * RFC and leaves no choice is judged. The path of states a shadow takes is the one the RFC says
 * must follow.
 *
 * One set holds any number of endpoints up to a maximum, both ends of a connection too. No
 * clock, no I/O, no allocation after reftcp_shadows_new. A set is not locked.
 */
#ifndef REFTCP_SHADOW_H
#define REFTCP_SHADOW_H

#include "reftcp/reftcp.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What may be wrong with a segment that was sent:
 * X(kind, RFC section, level, what the RFC expects)
 */
#define REFTCP_FINDING_LIST(X)                                                                     \
	X(not_open, "RFC 9293 3.10.7.1", "MUST", "nothing but a reset without a connection")       \
	X(syn_again, "RFC 9293 3.10.7", "MUST", "a SYN only to open, always with the same ISN")    \
	X(no_ack_bit, "RFC 9293 3.1", "MUST", "the ACK bit once a connection is established")      \
	X(ack_beyond, "RFC 9293 3.10.7.4, seventh", "MUST", "an ACK of no more than was received") \
	X(ack_recedes, "RFC 9293 3.4", "MUST", "an ACK not before one already sent")               \
	X(gap, "RFC 9293 3.4", "MUST", "sequence numbers without a gap")                           \
	X(after_fin, "RFC 9293 3.10.2", "MUST", "no data after the FIN")                           \
	X(fin_moved, "RFC 9293 3.10.4", "MUST", "one FIN, always at the same number")              \
	X(beyond_window, "RFC 9293 3.8.6", "MUST", "no data beyond the peer's window but a probe") \
	X(window_shrunk, "RFC 9293 3.8.6", "SHOULD", "a right window edge that never moves left")  \
	X(mss_exceeded, "RFC 9293 3.7.1", "MUST", "text within the peer's MSS")                    \
	X(mss_on_data, "RFC 9293 3.7.1", "MUST", "an MSS option on SYNs only")                     \
	X(option_not_offered, "RFC 7323 1.3", "MUST", "options in a SYN,ACK that the SYN had")     \
	X(timestamp_missing, "RFC 7323 3.2", "MUST", "timestamps on every segment once agreed on") \
	X(reset_not_due, "RFC 9293 3.5.2", "MUST", "a reset whose number the peer can accept")     \
	X(data_before_open, "RFC 9293 3.10.2", "MUST", "no data before the handshake is done")

enum reftcp_finding {
#define X(kind, rfc, level, expects) REFTCP_FINDING_##kind,
	REFTCP_FINDING_LIST(X)
#undef X
};

#define REFTCP_FINDING_COUNT 16

struct reftcp_finding_info {
	const char *kind, *rfc, *level, *expects;
};

/* Null for an unknown value. Static. */
REFTCP_API const struct reftcp_finding_info *reftcp_finding_info(enum reftcp_finding finding);

enum reftcp_shadow_outcome {
	REFTCP_SHADOW_FOLLOWED,   /* taken into account; see findings */
	REFTCP_SHADOW_UNKNOWN,    /* of a connection whose beginning was not seen */
	REFTCP_SHADOW_UNREADABLE, /* not a sound TCP segment */
	REFTCP_SHADOW_FULL,       /* a new connection, and no room for it */
};

struct reftcp_shadow_verdict {
	enum reftcp_shadow_outcome outcome;
	bool joined;       /* followed from its middle: what it says is incomplete */
	uint32_t findings; /* sent: bits 1 << enum reftcp_finding */
	uint32_t ack_lag;  /* sent with ACK: octets received in order and not yet acknowledged */
	bool answer_due;   /* received: the RFC wants an ACK or a reset at once */
	bool reset_due;    /* received: and that is a reset */
	/* received: as reftcp_arrives says; sent: before and after only. */
	struct reftcp_verdict verdict;
};

struct reftcp_shadow_transition {
	struct reftcp_endpoint local, remote;
	struct reftcp_transition transition;
	uint64_t segment; /* ordinal of the segment behind it, from 1; 0: a call or a timer */
};

struct reftcp_shadows_config {
	uint32_t endpoints; /* most at once, 1 to 16777216 */
	enum reftcp_personality personality;
	bool verify_checksums;
	/* The segments sent are as they were on the wire, not gathered by offloads: judge sizes. */
	bool wire_sizes;
	void (*on_transition)(void *ctx, const struct reftcp_shadow_transition *t);
	void *ctx;
};

struct reftcp_shadows;

/* -EINVAL, -ENOMEM; *out is left alone then. Freed with reftcp_shadows_free. */
REFTCP_API int reftcp_shadows_new(struct reftcp_shadows **out,
				  const struct reftcp_shadows_config *config, reftcp_time now);
REFTCP_API void reftcp_shadows_free(struct reftcp_shadows *set);

/* The endpoint at the packet's destination received it. -EINVAL: a null pointer. */
REFTCP_API int reftcp_shadow_received(struct reftcp_shadows *set, const void *packet, size_t len,
				      reftcp_time now, struct reftcp_shadow_verdict *out);
/* The endpoint at the packet's source sent it. -EINVAL: a null pointer. */
REFTCP_API int reftcp_shadow_sent(struct reftcp_shadows *set, const void *packet, size_t len,
				  reftcp_time now, struct reftcp_shadow_verdict *out);

/*
 * Follows an endpoint from its middle: all that is known is that it is in ESTABLISHED or
 * CLOSE_WAIT. Numbers are taken from its first segments; windows, sizes and options are not
 * judged, and what it acknowledges is believed. -EINVAL: a null pointer, another state, or
 * addresses not of one family.
 * -EADDRINUSE: it is followed already. -ENOBUFS: no room.
 */
REFTCP_API int reftcp_shadow_join(struct reftcp_shadows *set, const struct reftcp_endpoint *local,
				  const struct reftcp_endpoint *remote, enum reftcp_state state,
				  reftcp_time now);

enum reftcp_shadow_call {
	REFTCP_SHADOW_CLOSE, /* shutdown or close: no more to send */
	REFTCP_SHADOW_ABORT, /* ended from within, with or without a reset */
};

/*
 * The endpoint's user made a call. Not needed where a segment shows it: a FIN shows a CLOSE, a
 * reset an ABORT. -ENOENT: no such endpoint. -EALREADY: the state has no use for it.
 */
REFTCP_API int reftcp_shadow_call(struct reftcp_shadows *set, const struct reftcp_endpoint *local,
				  const struct reftcp_endpoint *remote,
				  enum reftcp_shadow_call call, reftcp_time now);

/* Time passes: TIME-WAIT ends. No other timer is the shadow's business. */
REFTCP_API void reftcp_shadows_expire(struct reftcp_shadows *set, reftcp_time now);

/* The state of an endpoint; CLOSED where there is none. */
REFTCP_API enum reftcp_state reftcp_shadow_state(const struct reftcp_shadows *set,
						 const struct reftcp_endpoint *local,
						 const struct reftcp_endpoint *remote);

#ifdef __cplusplus
}
#endif

#endif
