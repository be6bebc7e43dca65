/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. The scoreboard is the retransmission queue itself. */
#include "reftcp/sack.h"

#include "reftcp/rack.h"
#include "reftcp/rtxq.h"

void sack_put(const struct tcb *c, struct tcpopt *opt)
{
	if (!c->sack_on || (!c->rcv.ranges && !c->rcv.dsack_valid))
		return;
	opt->has |= TCPOPT_SACK;
	/* RFC 2883 4: the duplicate comes first, and once only. */
	if (c->rcv.dsack_valid)
		opt->sack[opt->sacks++] = c->rcv.dsack;
	for (unsigned int i = 0; i < c->rcv.ranges && opt->sacks < TCPOPT_SACK_MAX; i++)
		opt->sack[opt->sacks++] = c->rcv.range[i];
}

/* RFC 2883 4.1, 4.2: below the cumulative ACK, or inside the second block. */
static bool first_is_dsack(const struct segment *seg)
{
	const struct sack_block *b = seg->opt.sack;

	if (seq_leq(b[0].right, seg->ack))
		return true;
	return seg->opt.sacks > 1 && seq_geq(b[0].left, b[1].left) &&
	       seq_leq(b[0].right, b[1].right);
}

/* RFC 6675 4, Update(): every segment wholly inside the block. */
static void mark(struct tcb *c, const struct sack_block *b, struct ack_news *news, reftcp_time now)
{
	for (struct txseg *seg = c->rtx_head; seg && seq_lt(seg->seq, b->right); seg = seg->next) {
		if (seg->flags & (TXSEG_SACKED | TXSEG_FRESH) || seq_lt(seg->seq, b->left) ||
		    seq_gt(seq_add(seg->seq, seg->len), b->right))
			continue;
		rack_delivered(c, seg, news, now);
		if (!(seg->flags & TXSEG_EVER_RETRANS)) {
			if (!news->sack_rtt_valid)
				news->sack_rtt_first = now - seg->sent_at;
			news->sack_rtt_last = now - seg->sent_at;
			news->sack_rtt_valid = true;
		}
		news->segs++;
		c->told.delivered++;
		rtxq_mark_sacked(c, seg);
		news->sacked += seg->len;
	}
}

void sack_heard(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
		struct ack_news *news, reftcp_time now)
{
	unsigned int i = 0;

	if (!c->sack_on || !(seg->opt.has & TCPOPT_SACK))
		return;
	if (first_is_dsack(seg)) {
		s->counters.dsack_received++;
		news->dsack = true;
		news->dsack_block = seg->opt.sack[0];
		i = 1;
	}
	for (; i < seg->opt.sacks; i++) {
		const struct sack_block *b = &seg->opt.sack[i];

		/* Of data never sent: a lie or an error. What is below SND.UNA, or turned round,
		 * covers no segment of the queue. */
		if (seq_leq(b->right, c->snd.nxt))
			mark(c, b, news, now);
	}
}
