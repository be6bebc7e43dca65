/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts: sacked = octets of SACKED segments, lost = of LOST ones, retrans = of those with a
 * retransmission in flight. A segment is never both SACKED and LOST, and a SACKED one has no
 * RETRANS: once its data has arrived no copy of it counts.
 */
#include "reftcp/rtxq.h"

struct txseg *txseg_take(struct reftcp_stack *s, const struct tcb *c)
{
	/* Every connection is sure of one entry: the rest is for who comes first. */
	uint32_t reserve = s->config.connections - s->rtx_nonempty;
	struct txseg *seg;

	if (c->rtx_count && s->txseg_available <= reserve) {
		s->counters.no_segment++;
		return NULL;
	}
	seg = s->txseg_free;
	if (seg)
		s->txseg_free = seg->next;
	else
		seg = &s->txsegs[s->txseg_fresh++];
	s->txseg_available--;
	return seg;
}

static void txseg_give(struct reftcp_stack *s, struct txseg *seg)
{
	seg->next = s->txseg_free;
	s->txseg_free = seg;
	s->txseg_available++;
}

static void uncount(struct tcb *c, const struct txseg *seg, uint32_t len)
{
	if (seg->flags & TXSEG_SACKED)
		c->sacked -= len;
	if (seg->flags & TXSEG_SACKED && len == seg->len)
		c->sacked_count--;
	if (seg->flags & TXSEG_LOST) {
		c->lost -= len;
		c->lost_count -= len == seg->len;
	}
	if (seg->flags & TXSEG_RETRANS) {
		c->retrans -= len;
		c->retrans_count -= len == seg->len;
	}
}

struct txseg *rtxq_push(struct reftcp_stack *s, struct tcb *c, struct seq seq, uint32_t len,
			uint32_t flags, reftcp_time now)
{
	struct txseg *seg = txseg_take(s, c);

	if (!seg)
		return NULL;
	*seg = (struct txseg){
		.prev = c->rtx_tail, .sent_at = now, .seq = seq, .len = len, .flags = flags};
	if (c->rtx_tail)
		c->rtx_tail->next = seg;
	else
		c->rtx_head = seg;
	c->rtx_tail = seg;
	if (c->rtx_count++ == 0)
		s->rtx_nonempty++;
	return seg;
}

void rtxq_pop(struct reftcp_stack *s, struct tcb *c)
{
	struct txseg *seg = c->rtx_head;

	uncount(c, seg, seg->len);
	c->rtx_head = seg->next;
	if (seg->next)
		seg->next->prev = NULL;
	else
		c->rtx_tail = NULL;
	if (c->rtx_hint == seg)
		c->rtx_hint = seg->next;
	if (--c->rtx_count == 0)
		s->rtx_nonempty--;
	txseg_give(s, seg);
}

void rtxq_trim(struct tcb *c, struct seq seq)
{
	struct txseg *seg = c->rtx_head;
	uint32_t n = seq_diff(seq, seg->seq);

	uncount(c, seg, n);
	seg->flags &= ~TXSEG_SYN;
	seg->seq = seq;
	seg->len -= n;
}

bool rtxq_split(struct reftcp_stack *s, struct tcb *c, struct txseg *seg, uint32_t len)
{
	struct txseg *rest = txseg_take(s, c);

	if (!rest)
		return false;
	*rest = *seg;
	rest->seq = seq_add(seg->seq, len);
	rest->len = seg->len - len;
	rest->flags &= ~TXSEG_SYN;
	rest->prev = seg;
	if (rest->next)
		rest->next->prev = rest;
	else
		c->rtx_tail = rest;
	seg->next = rest;
	seg->len = len;
	seg->flags &= ~(TXSEG_FIN | TXSEG_PUSH);
	c->sacked_count += !!(seg->flags & TXSEG_SACKED);
	c->lost_count += !!(seg->flags & TXSEG_LOST);
	c->retrans_count += !!(seg->flags & TXSEG_RETRANS);
	c->rtx_count++;
	return true;
}

void rtxq_flush(struct reftcp_stack *s, struct tcb *c)
{
	while (c->rtx_head)
		rtxq_pop(s, c);
	c->rtx_hint = NULL;
}

void rtxq_mark_sacked(struct tcb *c, struct txseg *seg)
{
	uncount(c, seg, seg->len);
	seg->flags &= ~(TXSEG_LOST | TXSEG_RETRANS);
	seg->flags |= TXSEG_SACKED;
	c->sacked += seg->len;
	c->sacked_count++;
}

void rtxq_mark_lost(struct tcb *c, struct txseg *seg)
{
	if (seg->flags & TXSEG_SACKED) {
		uncount(c, seg, seg->len);
		seg->flags &= ~TXSEG_SACKED;
	}
	if (seg->flags & TXSEG_RETRANS) {
		seg->flags &= ~TXSEG_RETRANS;
		c->retrans -= seg->len;
		c->retrans_count--;
	}
	if (!(seg->flags & TXSEG_LOST)) {
		seg->flags |= TXSEG_LOST;
		c->lost += seg->len;
		c->lost_count++;
	}
	if (!c->rtx_hint || seq_lt(seg->seq, c->rtx_hint->seq))
		c->rtx_hint = seg;
}

void rtxq_mark_sent_again(struct tcb *c, struct txseg *seg, reftcp_time now)
{
	if (!(seg->flags & TXSEG_RETRANS)) {
		c->retrans += seg->len;
		c->retrans_count++;
	}
	seg->flags |= TXSEG_RETRANS | TXSEG_EVER_RETRANS;
	seg->sent_at = now;
	c->retransmits++;
}

void rtxq_mark_all_lost(struct tcb *c)
{
	/* RFC 2018 8: a front that was SACKed and still is not acknowledged was reneged upon;
	 * then nothing SACK said can be held to be true. */
	bool reneged = c->rtx_head && c->rtx_head->flags & TXSEG_SACKED;

	for (struct txseg *seg = c->rtx_head; seg; seg = seg->next) {
		if (reneged) {
			uncount(c, seg, seg->len);
			seg->flags &= ~(TXSEG_SACKED | TXSEG_LOST | TXSEG_RETRANS);
		}
		if (!(seg->flags & TXSEG_SACKED))
			rtxq_mark_lost(c, seg);
	}
	c->rtx_hint = c->rtx_head;
}

void rtxq_unmark_lost(struct tcb *c)
{
	for (struct txseg *seg = c->rtx_head; seg; seg = seg->next)
		seg->flags &= ~TXSEG_LOST;
	c->lost = c->lost_count = 0;
	c->rtx_hint = NULL;
}

struct txseg *rtxq_next_lost(struct tcb *c)
{
	struct txseg *seg = c->rtx_hint;

	if (c->lost == 0)
		return NULL;
	while (seg && (seg->flags & (TXSEG_LOST | TXSEG_RETRANS)) != TXSEG_LOST)
		seg = seg->next;
	c->rtx_hint = seg;
	return seg;
}
