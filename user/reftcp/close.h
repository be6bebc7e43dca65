/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of FIN-WAIT-2 when its user is gone. */
#ifndef REFTCP_CLOSE_H
#define REFTCP_CLOSE_H

#include "reftcp/stack.h"

enum close_orphan {
	ORPHAN_WAITS,
	ORPHAN_RESET, /* it is to be ended by a reset at once */
	ORPHAN_FULL,  /* there is no room for it */
};

/* c is in FIN-WAIT-2 and nobody's: sets the timer it has by rule, if any. */
enum close_orphan close_orphan(struct reftcp_stack *s, struct tcb *c, reftcp_time now);

#endif
