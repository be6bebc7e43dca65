/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequence numbers, RFC 9293 3.4: arithmetic modulo 2^32. A type of its own, so that the
 * compiler refuses `a < b` and `a - b`: every comparison of sequence numbers in the stack is
 * one of these.
 */
#ifndef REFTCP_SEQ_H
#define REFTCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

struct seq {
	uint32_t n;
};

static inline struct seq seq_of(uint32_t n)
{
	return (struct seq){n};
}

static inline struct seq seq_add(struct seq a, uint32_t n)
{
	return (struct seq){a.n + n};
}

static inline struct seq seq_sub(struct seq a, uint32_t n)
{
	return (struct seq){a.n - n};
}

/* Octets from b up to a; meaningful for b =< a. */
static inline uint32_t seq_diff(struct seq a, struct seq b)
{
	return a.n - b.n;
}

static inline bool seq_eq(struct seq a, struct seq b)
{
	return a.n == b.n;
}

/*
 * Before, on the shorter way round. Two numbers exactly 2^31 apart are each "before" nothing:
 * neither is less, so a window of 2^31 or more can never make both a < b and b < a true.
 */
static inline bool seq_lt(struct seq a, struct seq b)
{
	uint32_t d = b.n - a.n;

	return d != 0 && d < 0x80000000u;
}

static inline bool seq_leq(struct seq a, struct seq b)
{
	return seq_eq(a, b) || seq_lt(a, b);
}

static inline bool seq_gt(struct seq a, struct seq b)
{
	return seq_lt(b, a);
}

static inline bool seq_geq(struct seq a, struct seq b)
{
	return seq_leq(b, a);
}

/* first =< a < first + len */
static inline bool seq_in(struct seq a, struct seq first, uint32_t len)
{
	return a.n - first.n < len;
}

static inline struct seq seq_max(struct seq a, struct seq b)
{
	return seq_lt(a, b) ? b : a;
}

static inline struct seq seq_min(struct seq a, struct seq b)
{
	return seq_lt(a, b) ? a : b;
}

#endif
