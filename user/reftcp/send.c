/* SPDX-License-Identifier: BSD-2-Clause */
/* SEND call, RFC 9293 3.10.2. */
#include <errno.h>

#include "reftcp/open.h"
#include "reftcp/stack.h"
#include "reftcp/urgent.h"

/* 0, or why the state does not let the user send. */
static int may_send(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	switch (c->state) {
	case REFTCP_CLOSED:
		return c->error ? c->error : -ENOTCONN; /* "connection does not exist" */
	case REFTCP_LISTEN:
		/* "If the remote socket is specified, then change the connection from passive to
		 * active"; the data waits for ESTABLISHED. */
		return open_activate(s, c, NULL, CLAUSE_SEND_OPENS, now);
	case REFTCP_SYN_SENT:
	case REFTCP_SYN_RECEIVED:
		return c->close_queued ? -EPIPE : 0;
	case REFTCP_ESTABLISHED:
	case REFTCP_CLOSE_WAIT:
		return c->snd.fin_queued ? -EPIPE : 0;
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		return -EPIPE; /* "connection closing" */
	}
	return -ENOTCONN;
}

/* As much as the buffer, and the pool, take. */
static uint32_t queue(struct reftcp_stack *s, struct tcb *c, const void *data, size_t len)
{
	uint32_t room = c->snd.limit > c->snd.queued ? c->snd.limit - c->snd.queued : 0;
	uint32_t n = len < room ? (uint32_t)len : room;

	/* Where the pool cannot hold all of it, a part may still fit. */
	while (n && stream_write(&c->snd.stream, &s->chunks, c->snd.queued, data, n)) {
		s->counters.no_chunk++;
		n /= 2;
	}
	c->snd.queued += n;
	return n;
}

int reftcp_send(struct reftcp_stack *s, reftcp_id id, const void *data, size_t len,
		unsigned int flags, reftcp_time now, size_t *taken)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;
	uint32_t n;
	int err;

	if (!c)
		return -ENOENT;
	if (!data || !taken || !len ||
	    flags & ~(REFTCP_PUSH | REFTCP_URGENT | REFTCP_MORE | REFTCP_RECORD))
		return -EINVAL;
	err = may_send(s, c, now);
	if (err)
		return err;
	n = queue(s, c, data, len);
	if (n < len)
		c->snd.write_wanted = true;
	if (!n)
		return -ENOBUFS; /* "insufficient resources" */
	*taken = n;
	c->more = flags & REFTCP_MORE;
	if (n == len &&
	    (flags & REFTCP_PUSH || (stack_rule(s, RULE_push_bursts) && !(flags & REFTCP_MORE)))) {
		c->snd.push = seq_add(tcb_stream_start(c), c->snd.queued);
		c->snd.push_valid = true;
	}
	if (flags & REFTCP_RECORD && n == len && c->snd.records < SND_RECORDS)
		c->snd.record[c->snd.records++] = seq_add(tcb_stream_start(c), c->snd.queued);
	if (flags & REFTCP_URGENT)
		urgent_sent(c);
	stack_settle(s, c);
	return 0;
}

int reftcp_push(struct reftcp_stack *s, reftcp_id id, reftcp_time now)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;

	(void)now;
	if (!c)
		return -ENOENT;
	if (c->state == REFTCP_CLOSED || c->state == REFTCP_LISTEN)
		return -ENOTCONN;
	c->more = false;
	c->push_all = tcb_unsent(c) > 0;
	stack_settle(s, c);
	return 0;
}
