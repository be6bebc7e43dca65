/* SPDX-License-Identifier: BSD-2-Clause */
/* One row a timer, in the order they are looked at when several are due at once: the ones that
 * end the connection first. A row returns false when the connection is gone. */
#include "reftcp/timeouts.h"

#include <errno.h>

#include "reftcp/pmtu.h"
#include "reftcp/recovery.h"
#include "reftcp/reset.h"
#include "reftcp/rto.h"
#include "reftcp/rtxq.h"
#include "reftcp/send_rules.h"
#include "reftcp/window.h"

/* USER TIMEOUT: flush all queues, signal the user, delete the TCB. */
static bool user_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	s->counters.user_timeouts++;
	tcb_delete(s, c, -ETIMEDOUT, CLAUSE_USER_TIMEOUT, now);
	return false;
}

/* TIME-WAIT TIMEOUT: delete the TCB, enter CLOSED. */
static bool time_wait_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	tcb_delete(s, c, 0, CLAUSE_TIME_WAIT_TIMEOUT, now);
	return false;
}

static bool fin_wait_2_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	tcb_delete(s, c, 0, CLAUSE_FIN_WAIT_2_TIMEOUT, now);
	return false;
}

/* RETRANSMISSION TIMEOUT: the front of the queue again, the timer anew. */
static bool retransmission_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	if (!c->rtx_head)
		return true;
	if (c->forsaken && stack_rule(s, RULE_orphan_retries) &&
	    c->retries > stack_rule(s, RULE_orphan_retries))
		return user_timeout(s, c, now);
	if (c->rtx_head->flags & TXSEG_SYN && c->syn_retries && c->retries >= c->syn_retries)
		return user_timeout(s, c, now);
	if (c->rtx_head->flags & TXSEG_SYN) {
		rtxq_mark_lost(c, c->rtx_head);
	} else if (c->snd.wnd == 0) {
		/* RFC 9293 3.8.6.1: the peer has closed its window, nothing is lost: this is a
		 * probe, and probes come ever more seldom [SHLD-30]. */
		c->probes++;
		s->counters.zero_window_probes++;
		rtxq_mark_lost(c, c->rtx_head);
		c->send_one = true;
	} else {
		pmtu_timed_out(s, c, now);
		recovery_on_timeout(s, c, now);
	}
	c->retries++;
	/* RFC 9293 3.8.3: at R1 IP is advised [MUST-20], and the user told [SHLD-9, MUST-47]; R2 is
	 * the user timeout. */
	if (c->retries == c->r1 && s->config.on_negative_advice)
		s->config.on_negative_advice(s->config.ctx, &c->local.addr, &c->remote.addr);
	if (c->retries == c->r1 && c->reports)
		stack_tell(s, c, REFTCP_EVENT_RETRANSMITTING);
	rto_back_off(c); /* RFC 6298 5.5 */
	rto_restart(s, c, now);
	return true;
}

static bool persist_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	send_rules_persist(s, c, now);
	return true;
}

static bool delayed_ack_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	(void)now;
	s->counters.delayed_acks++;
	window_ack_now(c);
	return true;
}

/* RFC 9293 3.8.4: only on an idle connection, and no single probe decides [MUST-26, 29]. */
static bool keepalive_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	reftcp_time quiet = now - c->keep.heard_at;

	if (!c->keep.on)
		return true;
	if (c->rtx_head || tcb_unsent(c) || c->snd.fin_queued != c->snd.fin_sent ||
	    quiet < c->keep.idle) {
		c->keep.sent = 0;
		timer_set(c, TIMER_KEEPALIVE,
			  quiet < c->keep.idle ? c->keep.heard_at + c->keep.idle
					       : now + c->keep.idle);
		return true;
	}
	if (c->keep.sent >= c->keep.count) {
		if (stack_rule(s, RULE_keepalive_reset))
			reset_connection(s, c, now);
		tcb_delete(s, c, -ETIMEDOUT, CLAUSE_KEEPALIVE, now);
		return false;
	}
	c->keep.sent++;
	c->owe |= OWE_KEEPALIVE;
	timer_set(c, TIMER_KEEPALIVE, now + c->keep.interval);
	return true;
}

/* RFC 8985 6.2, step 5 */
static bool reorder_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	recovery_on_reorder(s, c, now);
	return true;
}

/* RFC 8985 7.3 */
static bool probe_timeout(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	(void)s;
	(void)now;
	c->owe |= OWE_TAIL_PROBE;
	return true;
}

static const struct {
	enum timer timer;
	const char *clause;
	bool (*run)(struct reftcp_stack *s, struct tcb *c, reftcp_time now);
} rows[] = {
	{TIMER_USER, "RFC 9293 3.10.8, USER TIMEOUT", user_timeout},
	{TIMER_TIME_WAIT, "RFC 9293 3.10.8, TIME-WAIT TIMEOUT", time_wait_timeout},
	{TIMER_FIN_WAIT_2, "an orphan's, by rule", fin_wait_2_timeout},
	{TIMER_REXMIT, "RFC 9293 3.10.8, RETRANSMISSION TIMEOUT", retransmission_timeout},
	{TIMER_REORDER, "RFC 8985 6.2, step 5", reorder_timeout},
	{TIMER_PROBE, "RFC 8985 7.3", probe_timeout},
	{TIMER_PERSIST, "RFC 9293 3.8.6.1", persist_timeout},
	{TIMER_DELAYED_ACK, "RFC 9293 3.8.6.3", delayed_ack_timeout},
	{TIMER_KEEPALIVE, "RFC 9293 3.8.4", keepalive_timeout},
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == TIMER_COUNT, "a row for every timer");

void timeouts_run(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	for (unsigned int i = 0; i < TIMER_COUNT; i++) {
		if (c->deadline[rows[i].timer] > now)
			continue;
		timer_clear(c, rows[i].timer);
		if (!rows[i].run(s, c, now))
			return;
	}
	c->soonest = REFTCP_NEVER;
	for (unsigned int i = 0; i < TIMER_COUNT; i++)
		c->soonest = c->deadline[i] < c->soonest ? c->deadline[i] : c->soonest;
	stack_settle(s, c);
}
