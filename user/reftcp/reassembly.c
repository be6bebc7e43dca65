/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies beyond a gap is written to its place in the stream at once; only its bounds are
 * kept, newest first, which is the order RFC 2018 4 wants them told in. Ranges never overlap
 * or touch. Text that would need more ranges than there are is not kept: the peer sends it
 * again.
 */
#include "reftcp/reassembly.h"

#include <errno.h>
#include <string.h>

static void remove_range(struct tcb *c, unsigned int i)
{
	c->rcv.ranges--;
	memmove(&c->rcv.range[i], &c->rcv.range[i + 1],
		(c->rcv.ranges - i) * sizeof(c->rcv.range[0]));
}

/* Widens b by every range it overlaps or touches, and takes those out. As ranges never touch one
 * another, what one adds cannot reach the next. */
static void absorb(struct tcb *c, struct sack_block *b)
{
	unsigned int i = 0;

	while (i < c->rcv.ranges) {
		struct sack_block r = c->rcv.range[i];

		if (seq_lt(b->right, r.left) || seq_lt(r.right, b->left)) {
			i++;
			continue;
		}
		b->left = seq_min(b->left, r.left);
		b->right = seq_max(b->right, r.right);
		remove_range(c, i);
	}
}

static bool touches_any(const struct tcb *c, const struct sack_block *b)
{
	for (unsigned int i = 0; i < c->rcv.ranges; i++)
		if (!seq_lt(b->right, c->rcv.range[i].left) &&
		    !seq_lt(c->rcv.range[i].right, b->left))
			return true;
	return false;
}

static void put_first(struct tcb *c, struct sack_block b)
{
	memmove(&c->rcv.range[1], &c->rcv.range[0], c->rcv.ranges * sizeof(c->rcv.range[0]));
	c->rcv.range[0] = b;
	c->rcv.ranges++;
}

void reassembly_take_fin(struct tcb *c, struct seq seq)
{
	struct sack_block b = {seq, seq_add(seq, 1)};

	if (c->rcv.ranges == RCV_RANGES && !touches_any(c, &b))
		return;
	absorb(c, &b);
	put_first(c, b);
}

int64_t reassembly_take(struct reftcp_stack *s, struct tcb *c, struct seq seq, const uint8_t *text,
			uint32_t len)
{
	struct sack_block b = {seq, seq_add(seq, len)};
	uint32_t n;
	int err;

	if (len == 0)
		return 0;
	if (!seq_eq(seq, c->rcv.nxt) && c->rcv.ranges == RCV_RANGES && !touches_any(c, &b)) {
		s->counters.reassembly_full++;
		return -ENOBUFS;
	}
	err = stream_write(&c->rcv.stream, &s->chunks, seq_diff(seq, c->rcv.read), text, len);
	if (err) {
		s->counters.no_chunk++;
		return err;
	}
	if (c->rcv.ranges)
		absorb(c, &b);
	if (!seq_eq(b.left, c->rcv.nxt)) {
		put_first(c, b);
		return 0;
	}
	n = seq_diff(b.right, c->rcv.nxt);
	c->rcv.nxt = b.right;
	c->rcv.wnd -= n < c->rcv.wnd ? n : c->rcv.wnd;
	return n;
}

bool reassembly_duplicate(const struct tcb *c, struct seq seq, uint32_t len, struct sack_block *out)
{
	struct seq end = seq_add(seq, len);

	if (len == 0)
		return false;
	if (seq_lt(seq, c->rcv.nxt)) {
		*out = (struct sack_block){seq, seq_min(end, c->rcv.nxt)};
		return true;
	}
	for (unsigned int i = 0; i < c->rcv.ranges; i++) {
		struct sack_block r = c->rcv.range[i];

		if (seq_lt(seq, r.right) && seq_lt(r.left, end)) {
			*out = (struct sack_block){seq_max(seq, r.left), seq_min(end, r.right)};
			return true;
		}
	}
	return false;
}
