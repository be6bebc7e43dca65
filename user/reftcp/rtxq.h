/* SPDX-License-Identifier: BSD-2-Clause */
/* The retransmission queue, RFC 9293 3.8: what was sent and is not yet acknowledged, one entry a
 * segment, with the counts that make the size of the pipe a subtraction. */
#ifndef REFTCP_RTXQ_H
#define REFTCP_RTXQ_H

#include "reftcp/mss.h"
#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* Appends a segment just sent; null when there is no entry for it. */
struct txseg *rtxq_push(struct reftcp_stack *s, struct tcb *c, struct seq seq, uint32_t len,
			uint32_t flags, reftcp_time now);
/* Takes the head out, wholly acknowledged. */
void rtxq_pop(struct reftcp_stack *s, struct tcb *c);
/* The head is acknowledged up to seq only. */
void rtxq_trim(struct tcb *c, struct seq seq);
/* Cuts seg after len octets, so that the rest can be sent by itself. false: no entry. */
bool rtxq_split(struct reftcp_stack *s, struct tcb *c, struct txseg *seg, uint32_t len);
void rtxq_flush(struct reftcp_stack *s, struct tcb *c);

void rtxq_mark_sacked(struct tcb *c, struct txseg *seg);
void rtxq_mark_lost(struct tcb *c, struct txseg *seg);
void rtxq_mark_sent_again(struct tcb *c, struct txseg *seg, reftcp_time now);
/* After a timeout: all that is not known to have arrived. */
void rtxq_mark_all_lost(struct tcb *c);
/* Nothing is lost after all. */
void rtxq_unmark_lost(struct tcb *c);

/* The first segment deemed lost and not yet sent again, or null. */
struct txseg *rtxq_next_lost(struct tcb *c);

/* Octets thought to be in the network (RFC 6675 4, pipe). */
static inline uint32_t rtxq_pipe(const struct tcb *c)
{
	if (c->in_segments) {
		/* A SYN is no data, and the one of a Fast Open server is still out with it. */
		uint32_t syn =
			c->rtx_head && (c->rtx_head->flags & (TXSEG_SYN | TXSEG_LOST)) == TXSEG_SYN;

		return (c->rtx_count - syn - c->sacked_count - c->lost_count + c->retrans_count) *
		       mss_sender(c);
	}
	return seq_diff(c->snd.nxt, c->snd.una) - c->sacked - c->lost + c->retrans;
}

/* What len octets more add to it. */
static inline uint32_t rtxq_cost(const struct tcb *c, uint32_t len)
{
	return c->in_segments ? mss_sender(c) : len;
}

#endif
