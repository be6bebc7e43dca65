/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of one connection with a peer made by hand begin with. Included once by a test
 * program, after cmocka.h. */
#ifndef HARNESS_REFTCP_PEER_CASE_H
#define HARNESS_REFTCP_PEER_CASE_H

#include "reftcp/peer.h"

static struct peer p;

static inline int setup(void **state)
{
	(void)state;
	peer_init(&p);
	peer_start(&p);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	peer_end(&p);
	return 0;
}

static inline void assert_out(uint8_t ctl, uint32_t seq, uint32_t ack)
{
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, ctl);
	assert_int_equal(p.out.seq.n, seq);
	if (ctl & CTL_ACK)
		assert_int_equal(p.out.ack.n, ack);
}

static inline void assert_quiet(void)
{
	assert_int_equal(peer_drain(&p), 0);
}

static inline void assert_stopped(const char *clause, const char *step, enum reftcp_disposition d)
{
	assert_string_equal(p.verdict.clause, clause);
	assert_string_equal(p.verdict.step, step);
	assert_int_equal(p.verdict.disposition, d);
}

static inline void start_with(void (*change)(struct reftcp_config *c))
{
	peer_end(&p);
	peer_init(&p);
	change(&p.config);
	peer_start(&p);
}

static inline void with_timestamps(struct reftcp_config *c)
{
	c->timestamps = true;
}

static inline void with_sack(struct reftcp_config *c)
{
	c->sack = true;
}

static inline void with_linux(struct reftcp_config *c)
{
	c->personality = REFTCP_LINUX;
}

static inline void with_ecn(struct reftcp_config *c)
{
	c->ecn = true;
}

static inline struct reftcp_status status(void)
{
	struct reftcp_status st;

	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	return st;
}

static inline void set(enum reftcp_option option, uint64_t value)
{
	assert_int_equal(reftcp_set(p.stack, p.id, option, value, p.now), 0);
}

/* The next packet leaves at t, not before and at most 10 ms later: each wait ends with a tick. */
static inline void assert_at(reftcp_time t)
{
	assert_int_equal(peer_drain(&p), 0);
	peer_wait(&p, t - 2 * REFTCP_MS - p.now);
	assert_false(peer_take(&p));
	peer_wait(&p, 12 * REFTCP_MS);
	assert_true(peer_take(&p));
}

static inline void assert_after(reftcp_time d)
{
	assert_at(p.now + d);
}

#endif
