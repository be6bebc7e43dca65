/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/mss.h"

#define TCP_HEADER 20u
#define TS_OPTION 12u
#define LEAST_TEXT 8u

static uint32_t ip_header(const struct tcb *c)
{
	return c->local.addr.family == 4 ? 20 : 40;
}

uint32_t mss_headers(const struct tcb *c)
{
	return ip_header(c) + TCP_HEADER;
}

void mss_init(const struct reftcp_stack *s, struct tcb *c)
{
	/*
	 * RFC 9293 3.7.1: the effective MTU less the fixed headers, which is MMS_R - 20 [MUST-67];
	 * options are left out of the reckoning, the sender makes room for them.
	 */
	c->own_mss = (uint16_t)(s->config.mtu - mss_headers(c));
	if (s->config.mss && s->config.mss < c->own_mss)
		c->own_mss = s->config.mss;
	if (c->max_segment && c->max_segment < c->own_mss)
		c->own_mss = c->max_segment;
	c->path_mtu = s->config.mtu;
	c->pmtu.high = s->config.mtu;
	c->pmtu.again_at = REFTCP_NEVER;
	/* RFC 9293 3.7.1: 536 or 1220 when the peer sends no MSS option [MUST-15]. */
	c->send_mss = c->local.addr.family == 4 ? 536 : 1220;
}

void mss_from_peer(struct tcb *c, uint16_t mss)
{
	/* An MSS too small for any text once the options are in would stop the connection. */
	c->send_mss = mss < TCPOPT_MAX + LEAST_TEXT ? TCPOPT_MAX + LEAST_TEXT : mss;
	if (c->max_segment && c->max_segment < c->send_mss)
		c->send_mss = c->max_segment;
}

void mss_limit(const struct reftcp_stack *s, struct tcb *c, uint16_t mss)
{
	c->max_segment = mss;
	if (c->state == REFTCP_SYN_SENT && c->rtx_head && c->rtx_head->flags & TXSEG_FRESH) {
		mss_init(s, c);
		return;
	}
	if (c->state != REFTCP_CLOSED && c->state != REFTCP_LISTEN && mss < c->send_mss)
		c->send_mss = mss;
}

uint32_t mss_room(const struct tcb *c, size_t option_len)
{
	/* Eff.snd.MSS = min(SendMSS+20, MMS_S) - TCPhdrsize - IPoptionsize [MUST-16] */
	uint32_t mms_s = c->path_mtu - ip_header(c);
	uint32_t mms = c->send_mss + TCP_HEADER < mms_s ? c->send_mss + TCP_HEADER : mms_s;

	uint32_t less = TCP_HEADER + (uint32_t)option_len + c->route.len;

	/* Where a route leaves nothing of a small MSS, as little as mss_from_peer leaves. */
	return mms > less + LEAST_TEXT ? mms - less : LEAST_TEXT;
}

uint32_t mss_effective(const struct tcb *c)
{
	return mss_room(c, c->ts.on ? TS_OPTION : 0);
}
