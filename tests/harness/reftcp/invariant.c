/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/invariant.h"

#include "reftcp/conntab.h"
#include "reftcp/rtxq.h"

#define CHECK(ok)                   \
	do {                        \
		if (!(ok))          \
			return #ok; \
	} while (0)

static bool full_name(enum reftcp_state state)
{
	return state != REFTCP_CLOSED && state != REFTCP_LISTEN;
}

static const char *queue_broken(const struct tcb *c)
{
	uint32_t sacked = 0, lost = 0, retrans = 0, count = 0, sacked_count = 0;
	uint32_t lost_count = 0, retrans_count = 0;
	struct seq at = c->snd.una;
	const struct txseg *before = NULL;

	for (const struct txseg *seg = c->rtx_head; seg; before = seg, seg = seg->next) {
		CHECK(seg->prev == before);
		CHECK(seq_eq(seg->seq, at));
		CHECK(seg->len > 0);
		CHECK(!(seg->flags & TXSEG_SACKED && seg->flags & (TXSEG_LOST | TXSEG_RETRANS)));
		at = seq_add(at, seg->len);
		sacked += seg->flags & TXSEG_SACKED ? seg->len : 0;
		sacked_count += !!(seg->flags & TXSEG_SACKED);
		lost_count += !!(seg->flags & TXSEG_LOST);
		retrans_count += !!(seg->flags & TXSEG_RETRANS);
		lost += seg->flags & TXSEG_LOST ? seg->len : 0;
		retrans += seg->flags & TXSEG_RETRANS ? seg->len : 0;
		count++;
	}
	CHECK(c->rtx_tail == before);
	CHECK(count == c->rtx_count);
	CHECK(sacked == c->sacked);
	CHECK(sacked_count == c->sacked_count);
	CHECK(lost_count == c->lost_count);
	CHECK(retrans_count == c->retrans_count);
	CHECK(c->snd.records <= SND_RECORDS);
	CHECK(lost == c->lost);
	CHECK(retrans == c->retrans);
	/* The queue holds exactly what is sent and not acknowledged. */
	CHECK(seq_eq(at, c->snd.nxt));
	return NULL;
}

static const char *send_broken(const struct reftcp_stack *s, const struct tcb *c)
{
	uint32_t out = seq_diff(c->snd.nxt, c->snd.una);

	CHECK(seq_leq(c->snd.una, c->snd.nxt));
	CHECK(c->snd.queued <= s->config.send_buffer);
	CHECK(out <= c->snd.queued + 2);
	CHECK(tcb_unsent(c) <= c->snd.queued);
	CHECK(c->cwnd > 0);
	CHECK(!c->snd.fin_sent || c->snd.fin_queued);
	CHECK(!c->snd.fin_sent || tcb_unsent(c) == 0);
	return NULL;
}

static const char *receive_broken(const struct reftcp_stack *s, const struct tcb *c)
{
	struct seq edge = seq_add(c->rcv.nxt, c->rcv.wnd);

	CHECK(seq_leq(c->rcv.read, c->rcv.nxt));
	CHECK(tcb_unread(c) + c->rcv.wnd <= s->config.recv_buffer);
	CHECK(c->rcv.ranges <= RCV_RANGES);
	for (unsigned int i = 0; i < c->rcv.ranges; i++) {
		CHECK(seq_lt(c->rcv.range[i].left, c->rcv.range[i].right));
		CHECK(seq_gt(c->rcv.range[i].left, c->rcv.nxt));
		if (!stack_rule(s, RULE_window_edges)) /* else it need only begin inside */
			CHECK(seq_leq(c->rcv.range[i].right, edge));
		for (unsigned int j = 0; j < i; j++)
			CHECK(seq_lt(c->rcv.range[i].right, c->rcv.range[j].left) ||
			      seq_lt(c->rcv.range[j].right, c->rcv.range[i].left));
	}
	return NULL;
}

static const char *timers_broken(const struct reftcp_stack *s, const struct tcb *c)
{
	reftcp_time first = REFTCP_NEVER;
	bool sent = c->rtx_head && !(c->rtx_head->flags & TXSEG_FRESH);

	for (unsigned int i = 0; i < TIMER_COUNT; i++)
		first = c->deadline[i] < first ? c->deadline[i] : first;
	CHECK(first == REFTCP_NEVER || wheel_queued(&c->node));
	/* One that is due already fires at the next tick. */
	CHECK(first == REFTCP_NEVER || c->node.due <= wheel_tick(first) ||
	      c->node.due == s->wheel.tick + 1);
	CHECK(timer_armed(c, TIMER_TIME_WAIT) == (c->state == REFTCP_TIME_WAIT));
	if (c->state == REFTCP_CLOSED || c->state == REFTCP_LISTEN)
		CHECK(first == REFTCP_NEVER);
	if (c->state == REFTCP_TIME_WAIT)
		CHECK(first == c->deadline[TIMER_TIME_WAIT]);
	CHECK(!timer_armed(c, TIMER_REXMIT) || c->rtx_head);
	CHECK(!sent || timer_armed(c, TIMER_REXMIT));
	CHECK(!sent || timer_armed(c, TIMER_USER));
	CHECK(!timer_armed(c, TIMER_PERSIST) || state_sends(c->state) || c->early);
	CHECK(!timer_armed(c, TIMER_FIN_WAIT_2) || c->state == REFTCP_FIN_WAIT_2);
	return NULL;
}

static const char *state_broken(const struct reftcp_stack *s, const struct tcb *c)
{
	CHECK(c->hashed == full_name(c->state));
	CHECK(c->on_listeners == (c->state == REFTCP_LISTEN));
	if (c->hashed)
		CHECK(conntab_find(s, &c->local, &c->remote) == c);
	CHECK(c->state == REFTCP_CLOSED || c->error == 0);
	/* One that was reset may wait to be accepted for all that. */
	CHECK(c->user_has_it || c->in_accept_queue || c->state != REFTCP_CLOSED);
	if (c->state == REFTCP_FIN_WAIT_2 || c->state == REFTCP_TIME_WAIT)
		CHECK(c->snd.fin_sent && seq_eq(c->snd.una, c->snd.nxt) && !c->rtx_head);
	if (c->state == REFTCP_CLOSE_WAIT || c->state == REFTCP_CLOSING ||
	    c->state == REFTCP_LAST_ACK || c->state == REFTCP_TIME_WAIT)
		CHECK(c->rcv.fin_done);
	if (c->state == REFTCP_ESTABLISHED)
		CHECK(!c->snd.fin_queued && !c->rcv.fin_done);
	return NULL;
}

static const char *tcb_broken(const struct reftcp_stack *s, const struct tcb *c)
{
	const char *bad = state_broken(s, c);

	bad = bad ? bad : timers_broken(s, c);
	if (bad || !full_name(c->state))
		return bad;
	bad = bad ? bad : queue_broken(c);
	bad = bad ? bad : send_broken(s, c);
	return bad ? bad : receive_broken(s, c);
}

static uint32_t chunks_of(const struct stream *st)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < st->slots; i++)
		n += st->dir[i] != CHUNK_NONE;
	return n;
}

const char *invariant_broken(struct reftcp_stack *s)
{
	uint32_t used = 0, segments = 0, nonempty = 0, chunks = 0;

	for (uint32_t i = 0; i < s->tcb_fresh; i++) {
		const struct tcb *c = &s->tcbs[i];
		const char *bad;

		if (!c->in_use)
			continue;
		used++;
		segments += c->rtx_count;
		nonempty += c->rtx_count > 0;
		chunks += chunks_of(&c->snd.stream) + chunks_of(&c->rcv.stream);
		bad = tcb_broken(s, c);
		if (bad)
			return bad;
	}
	CHECK(used == s->tcb_used);
	CHECK(segments + s->txseg_available == s->txseg_total);
	CHECK(nonempty == s->rtx_nonempty);
	CHECK(chunks + s->chunks.available == s->chunks.count);
	CHECK(s->counters.illegal_edges == 0);
	return NULL;
}
