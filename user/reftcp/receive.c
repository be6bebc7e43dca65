/* SPDX-License-Identifier: BSD-2-Clause */
/* RECEIVE call, RFC 9293 3.10.3. It never waits: what the text queues is told by an event. */
#include <errno.h>

#include "reftcp/stack.h"
#include "reftcp/urgent.h"
#include "reftcp/window.h"

/* 0: data can be had or may come; 1: the end; negative: refused. */
static int may_receive(const struct tcb *c)
{
	bool unread = tcb_unread(c) > 0;

	switch (c->state) {
	case REFTCP_CLOSED:
		if (c->error && !unread && !c->rcv.fin_done)
			return c->error;
		return unread ? 0 : c->rcv.fin_done ? 1 : -ENOTCONN;
	case REFTCP_LISTEN:
	case REFTCP_SYN_SENT:
	case REFTCP_SYN_RECEIVED:
	case REFTCP_ESTABLISHED:
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
		return 0;
	case REFTCP_CLOSE_WAIT:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		/* "If no text is awaiting delivery": the peer's FIN, as an end and not an error. */
		return unread ? 0 : 1;
	}
	return -ENOTCONN;
}

static uint32_t deliver(struct reftcp_stack *s, struct tcb *c, void *buf, size_t len,
			struct reftcp_received *out)
{
	uint32_t n = tcb_unread(c), urgent = urgent_left(c);

	n = len < n ? (uint32_t)len : n;
	/* RFC 9293 3.9.1.3: not in one buffer with what lies behind the urgent pointer. */
	if (urgent && n > urgent)
		n = urgent;
	stream_read(&c->rcv.stream, &s->chunks, 0, buf, n);
	stream_drop(&c->rcv.stream, &s->chunks, n);
	c->rcv.read = seq_add(c->rcv.read, n);
	out->len = n;
	out->push = c->rcv.push_valid && seq_geq(c->rcv.read, c->rcv.push);
	if (out->push)
		c->rcv.push_valid = false;
	out->urgent_left = urgent_left(c);
	out->urgent = out->urgent_left > 0;
	if (!out->urgent)
		c->rcv.up_valid = false;
	return n;
}

int reftcp_receive(struct reftcp_stack *s, reftcp_id id, void *buf, size_t len, reftcp_time now,
		   struct reftcp_received *out)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;
	struct reftcp_received got = {0};
	int may;

	(void)now;
	if (!c)
		return -ENOENT;
	if (!buf || !len || !out)
		return -EINVAL;
	may = may_receive(c);
	if (may < 0)
		return may;
	if (may == 1) {
		c->rcv.end_read = true;
		got.end = true;
		*out = got;
		return 0;
	}
	if (!tcb_unread(c))
		return -EAGAIN;
	deliver(s, c, buf, len, &got);
	*out = got;
	c->rcv.end_read = c->rcv.end_read || (c->rcv.fin_done && !tcb_unread(c));
	window_was_read(s, c);
	if (c->owe & OWE_ACK)
		stack_settle(s, c);
	/* "That fact must be communicated to the sender": when it opens the window enough. */
	if (state_synchronized(c->state) && !c->rcv.fin_done && window_update(s, c)) {
		window_ack_now(c);
		stack_settle(s, c);
	}
	return 0;
}
