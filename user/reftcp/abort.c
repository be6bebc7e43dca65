/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293 3.10.5, ABORT call. */
#include "reftcp/abort.h"

#include <errno.h>

#include "reftcp/reset.h"

void abort_connection(struct reftcp_stack *s, struct tcb *c, int error, reftcp_time now)
{
	switch (c->state) {
	case REFTCP_CLOSED:
		return;
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
		/* Nothing to reset: the peer has no connection of ours. */
		break;
	case REFTCP_SYN_RECEIVED:
	case REFTCP_ESTABLISHED:
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSE_WAIT:
		/* <SEQ=SND.NXT><CTL=RST> */
		reset_connection(s, c, now);
		break;
	case REFTCP_TIME_WAIT:
		/* By rule it is out of its user's hands. */
		if (stack_rule(s, RULE_time_wait_mini))
			return;
		break;
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
		/* Respond with "ok" and delete the TCB. */
		break;
	}
	tcb_delete(s, c, error, CLAUSE_ABORT, now);
}

int reftcp_abort(struct reftcp_stack *s, reftcp_id id, reftcp_time now)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;

	if (!c)
		return -ENOENT;
	if (c->state == REFTCP_CLOSED)
		return -ENOTCONN;
	abort_connection(s, c, -ECONNABORTED, now);
	return 0;
}
