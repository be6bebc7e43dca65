/* SPDX-License-Identifier: BSD-2-Clause */
/* Text into the receive stream, in order or not, RFC 9293 3.10.7.4, seventh (SHLD-31). */
#ifndef REFTCP_REASSEMBLY_H
#define REFTCP_REASSEMBLY_H

#include "reftcp/stack.h"
#include "reftcp/tcb.h"

/*
 * Takes text that lies inside the window. RCV.NXT and RCV.WND move over all that is now in
 * order; returns by how many octets, or -ENOBUFS where there is no room to keep it.
 */
int64_t reassembly_take(struct reftcp_stack *s, struct tcb *c, struct seq seq, const uint8_t *text,
			uint32_t len);
/* Is some of [seq, seq + len) here already: what RFC 2883 wants told. */
bool reassembly_duplicate(const struct tcb *c, struct seq seq, uint32_t len,
			  struct sack_block *out);

/* A FIN at seq lies beyond a gap: from here on it counts in the ranges as if it were an octet. */
void reassembly_take_fin(struct tcb *c, struct seq seq);

#endif
