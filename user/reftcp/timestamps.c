/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/timestamps.h"

/* RFC 7323 5.5: a TS.Recent older than 24 days says nothing. */
#define OUTDATED (24 * 86400 * REFTCP_S)

uint32_t timestamps_now(const struct tcb *c, reftcp_time now)
{
	return (uint32_t)(now / REFTCP_MS) + c->ts.offset;
}

void timestamps_put(const struct tcb *c, struct tcpopt *opt, reftcp_time now)
{
	opt->has |= TCPOPT_TS;
	opt->ts_val = timestamps_now(c, now);
	/* RFC 7323 3.2: TSecr is 0 where there is nothing to echo. */
	opt->ts_ecr = c->ts.recent_valid ? c->ts.recent : 0;
}

void timestamps_start(struct tcb *c, uint32_t ts_val, reftcp_time now)
{
	c->ts.on = true;
	c->ts.recent = ts_val;
	c->ts.recent_valid = true;
	c->ts.recent_at = now;
}

bool timestamps_paws_rejects(const struct tcb *c, uint32_t ts_val, reftcp_time now)
{
	return c->ts.recent_valid && now - c->ts.recent_at <= OUTDATED &&
	       timestamps_older(ts_val, c->ts.recent);
}

void timestamps_note(struct tcb *c, struct seq seq, uint32_t ts_val, reftcp_time now)
{
	if (c->ts.recent_valid && now - c->ts.recent_at <= OUTDATED &&
	    timestamps_older(ts_val, c->ts.recent))
		return;
	if (seq_gt(seq, c->ts.last_ack_sent))
		return;
	c->ts.recent = ts_val;
	c->ts.recent_valid = true;
	c->ts.recent_at = now;
}
