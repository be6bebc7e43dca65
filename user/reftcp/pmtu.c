/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/pmtu.h"

#include "reftcp/mss.h"
#include "reftcp/rtxq.h"

#define TRY_AGAIN (600 * REFTCP_S) /* RFC 1191 6.3, 4821 7.3: ten minutes */
#define CLOSE_ENOUGH 32            /* RFC 4821 7.6.1: a search need not be exact */
#define TIMEOUTS 3                 /* RFC 2923 2.1: of one segment before its size is doubted */

/* RFC 4821 7.2: small enough for nearly every path. */
static uint32_t base_mtu(const struct tcb *c)
{
	return c->local.addr.family == 4 ? 1064 : 1280;
}

/*
 * RFC 4821 7.7: after a full-stop timeout a size that passes nearly every path, and where that was
 * not it, ever smaller ones. The size now in use where there is none.
 */
static uint32_t smaller(const struct tcb *c)
{
	uint32_t base = base_mtu(c), headers = mss_headers(c), least = headers + TCPOPT_MAX + 8;
	uint32_t half = headers + (c->path_mtu - headers) / 2;

	if (c->path_mtu > base)
		return base;
	/* RFC 8200 5: every IPv6 link carries 1280. */
	if (c->local.addr.family == 6 || c->path_mtu <= least)
		return c->path_mtu;
	return half > least ? half : least;
}

void pmtu_limit(struct tcb *c, uint32_t mtu, reftcp_time now)
{
	c->path_mtu = mtu;
	c->pmtu.high = mtu;
	c->pmtu.again_at = now + TRY_AGAIN;
	c->pmtu.probing = false;
}

void pmtu_timed_out(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	uint32_t size = smaller(c);

	c->pmtu.probing = false;
	if (!s->config.mtu_probing || c->retries + 1 < TIMEOUTS || c->path_mtu <= size ||
	    c->rtx_head->len <= size - mss_headers(c))
		return;
	s->counters.pmtu_reductions++;
	/* It may be the size, or the path was down: the search upwards finds out. */
	c->pmtu.high = c->path_mtu;
	c->path_mtu = size;
	c->pmtu.again_at = now;
}

static uint32_t text_of(const struct tcb *c, uint32_t mtu)
{
	return mtu - mss_headers(c) - (c->ts.on ? 12 : 0);
}

/* RFC 4821 7.4: only while all is well, and with data behind it whose ACKs would show its loss. */
uint32_t pmtu_probe(const struct reftcp_stack *s, const struct tcb *c, uint32_t d, uint32_t u,
		    reftcp_time now)
{
	uint32_t high = now >= c->pmtu.again_at && c->pmtu.high == c->path_mtu ? s->config.mtu
									       : c->pmtu.high;
	uint32_t mtu = (c->path_mtu + high + 1) / 2, text = text_of(c, mtu);

	if (!s->config.mtu_probing || c->pmtu.probing || c->phase != PHASE_OPEN || c->lost ||
	    c->sacked || now < c->pmtu.again_at || c->path_mtu + CLOSE_ENOUGH > high)
		return 0;
	if (text > c->send_mss - (c->ts.on ? 12u : 0) || text <= mss_effective(c))
		return 0;
	if (d < text + 4 * mss_effective(c) || u < text + 4 * mss_effective(c) ||
	    c->cwnd < text + 4 * mss_effective(c) || rtxq_pipe(c) + text > c->cwnd)
		return 0;
	return text;
}

void pmtu_probe_sent(struct tcb *c, struct seq first, uint32_t text)
{
	c->pmtu.probing = true;
	c->pmtu.first = first;
	c->pmtu.mtu = text + mss_headers(c) + (c->ts.on ? 12 : 0);
}

/* The size is known well enough, or there is more to learn. */
static void next_search(struct reftcp_stack *s, struct tcb *c, uint32_t high, reftcp_time now)
{
	c->pmtu.probing = false;
	c->pmtu.high = high;
	c->pmtu.again_at = now;
	if (c->path_mtu + CLOSE_ENOUGH <= high)
		return;
	c->pmtu.high = c->path_mtu;
	c->pmtu.again_at =
		c->path_mtu + CLOSE_ENOUGH > s->config.mtu ? REFTCP_NEVER : now + TRY_AGAIN;
}

void pmtu_acknowledged(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	if (!c->pmtu.probing || !seq_gt(c->snd.una, c->pmtu.first))
		return;
	if (c->pmtu.mtu > c->path_mtu)
		c->path_mtu = c->pmtu.mtu;
	next_search(s, c, c->pmtu.high > c->path_mtu ? c->pmtu.high : s->config.mtu, now);
}

bool pmtu_probe_lost(struct tcb *c, const struct txseg *seg, reftcp_time now)
{
	if (!c->pmtu.probing || !seq_eq(seg->seq, c->pmtu.first))
		return false;
	c->pmtu.probing = false;
	c->pmtu.high = c->pmtu.mtu - 1;
	c->pmtu.again_at = now;
	if (c->path_mtu + CLOSE_ENOUGH > c->pmtu.high) {
		c->pmtu.high = c->path_mtu;
		c->pmtu.again_at = now + TRY_AGAIN;
	}
	return true;
}
