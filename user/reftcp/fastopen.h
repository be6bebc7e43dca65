/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP Fast Open, RFC 7413: data in the SYN of a client that shows a cookie the server once gave
 * to its address. For who asks for it only, as such data may be delivered twice: the option
 * REFTCP_OPT_FAST_OPEN, and config.fast_open.
 */
#ifndef REFTCP_FASTOPEN_H
#define REFTCP_FASTOPEN_H

#include "reftcp/step.h"

/* The cookie option of a SYN or SYN,ACK, if there is reason for one. */
void fastopen_put(const struct reftcp_stack *s, struct tcb *c, struct segment *seg);
/* Octets of queued data that may ride on the SYN with these options; 0 without a cookie. */
uint32_t fastopen_room(const struct reftcp_stack *s, const struct tcb *c,
		       const struct segment *seg);
/* The client has the SYN,ACK: its cookie is kept, text it did not take goes again. */
/* The SYN did not get through for its size: again at once, without data and options of ours. */
void fastopen_too_big(struct reftcp_stack *s, struct tcb *c);
void fastopen_answered(struct arrival *a);
/* The server has a SYN for the child a->c of `listener`: text with a good cookie is delivered
 * and the child handed to the user before the handshake is done. */
void fastopen_syn(struct arrival *a, const struct tcb *listener);

#endif
