/* SPDX-License-Identifier: BSD-2-Clause */
/* Loss recovery: when it begins and ends, and how much may be sent meanwhile. With SACK by RFC
 * 6675, 8985 and 9937 (proportional rate reduction), without it by RFC 6582. */
#ifndef REFTCP_RECOVERY_H
#define REFTCP_RECOVERY_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* What one ACK brought. */
struct ack_news {
	struct seq old_una;
	uint32_t flight;     /* SND.NXT - SND.UNA before it */
	uint32_t acked;      /* octets it acknowledged cumulatively, SYN and FIN included */
	uint32_t sacked;     /* octets it acknowledged selectively for the first time */
	uint32_t was_sacked; /* of acked, those that SACK had told of before */
	bool duplicate;      /* by RFC 5681 2 */
	bool dsack, echo_valid, ece;
	uint32_t segs; /* that it told of for the first time, in either way */
	/* Of segments sent once: how long the first and the last of them took. */
	bool rtt_valid, sack_rtt_valid;
	reftcp_time rtt_first, rtt_last, sack_rtt_first, sack_rtt_last;
	struct seq fack;      /* RACK.fack before it */
	uint32_t lost_before; /* segments deemed lost when it came */
	bool window_limited;  /* the congestion window was what held data back */
	struct sack_block dsack_block;
	reftcp_time echo_sent_at; /* when the segment whose timestamp came back was sent */
};

void recovery_on_ack(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
		     const struct ack_news *news, reftcp_time now);
/* RFC 6298 5.4 to 5.6 and RFC 5681 3.1: the retransmission timer expired. */
void recovery_on_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now);
/* The reordering timer of RACK expired. */
void recovery_on_reorder(struct reftcp_stack *s, struct tcb *c, reftcp_time now);
/* len octets of sequence space have left, for the first time or again. */
void recovery_sent(struct tcb *c, uint32_t len, bool again);

#endif
