/* SPDX-License-Identifier: BSD-2-Clause */
/* What leaves: the next segment of a connection, in the order retransmission, probe, new data,
 * acknowledgment; and the replies that belong to none. */
#ifndef REFTCP_OUTPUT_H
#define REFTCP_OUTPUT_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/* Writes the next segment to buf, which has room for one of config.mtu; 0: nothing to send. */
size_t output_segment(struct reftcp_stack *s, struct tcb *c, uint8_t *buf, reftcp_time now);
size_t output_reply(struct reftcp_stack *s, uint8_t *buf);

/* The header all segments of the connection share; ctl and seq as given. */
void output_header(struct reftcp_stack *s, struct tcb *c, struct segment *seg, uint8_t ctl,
		   struct seq seq, reftcp_time now);
/* Writes seg with text_len octets of the send stream from seg->seq on. */
size_t output_write(struct reftcp_stack *s, struct tcb *c, struct segment *seg, uint32_t text_len,
		    uint8_t *buf);
/* Bookkeeping common to whatever carries an ACK. */
void output_sent(struct tcb *c, const struct segment *seg, reftcp_time now);

#endif
