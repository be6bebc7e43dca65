/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/cookie.h"

#include "reftcp/congestion.h"
#include "reftcp/ecn.h"
#include "reftcp/listen.h"
#include "reftcp/mss.h"
#include "reftcp/rtxq.h"
#include "reftcp/secret.h"
#include "reftcp/timestamps.h"
#include "reftcp/window.h"

#define UNIT (64 * REFTCP_S) /* of the 5 bits of time */
#define UNITS_VALID 2
#define HASH_BITS 24
#define HASH_MASK 0xffffffu
#define OPTION_BITS 6
#define OPTION_MASK 0x3fu
#define OPTION_NO_SCALE 0xfu
#define OPTION_SACK 0x10u
#define OPTION_ECN 0x20u

static const uint16_t mss_of[8] = {216, 536, 1024, 1220, 1360, 1440, 1460, 8960};

static uint32_t hash(const struct reftcp_stack *s, const struct reftcp_endpoint *local,
		     const struct reftcp_endpoint *remote, struct seq irs, uint64_t unit,
		     uint32_t mss_index)
{
	uint64_t extra = (uint64_t)irs.n << 32 | (unit << 3 & 0xfffffff8u) | mss_index;

	return (uint32_t)secret_hash(&s->key, SECRET_COOKIE, local, remote, extra) & HASH_MASK;
}

static uint32_t mss_index(const struct segment *seg)
{
	uint16_t mss = seg->opt.has & TCPOPT_MSS   ? seg->opt.mss
		       : seg->src.addr.family == 4 ? 536
						   : 1220;
	uint32_t i = 7;

	while (i && mss_of[i] > mss)
		i--;
	return i;
}

/* Now, with the options in its low bits, and never in the future. */
static uint32_t timestamp_for(const struct arrival *a)
{
	const struct segment *seg = a->seg;
	uint32_t offset =
		(uint32_t)secret_hash(&a->s->key, SECRET_TIMESTAMP, &seg->dst, &seg->src, 0);
	uint32_t clock = (uint32_t)(a->now / REFTCP_MS) + offset;
	uint32_t bits = OPTION_NO_SCALE, ts;

	if (a->s->config.window_scale && seg->opt.has & TCPOPT_SCALE)
		bits = seg->opt.scale;
	if (a->s->config.sack && seg->opt.has & TCPOPT_SACK_OK)
		bits |= OPTION_SACK;
	if (a->s->config.ecn && (seg->ctl & (CTL_ECE | CTL_CWR)) == (CTL_ECE | CTL_CWR))
		bits |= OPTION_ECN;
	ts = (clock & ~OPTION_MASK) | bits;
	return timestamps_older(clock, ts) ? ts - (1u << OPTION_BITS) : ts;
}

static void put_options(const struct arrival *a, struct reply *r)
{
	const struct segment *seg = a->seg;
	uint32_t headers = seg->dst.addr.family == 4 ? 40 : 60;
	uint32_t bits;

	r->opt.has = TCPOPT_MSS;
	r->opt.mss = (uint16_t)(a->s->config.mtu - headers);
	if (!a->s->config.timestamps || !(seg->opt.has & TCPOPT_TS))
		return; /* without timestamps there is nowhere to remember the rest */
	r->opt.has |= TCPOPT_TS;
	r->opt.ts_val = timestamp_for(a);
	r->opt.ts_ecr = seg->opt.ts_val;
	bits = r->opt.ts_val & OPTION_MASK;
	if ((bits & OPTION_NO_SCALE) != OPTION_NO_SCALE) {
		r->opt.has |= TCPOPT_SCALE;
		r->opt.scale = window_scale_for(a->s->config.recv_buffer);
	}
	if (bits & OPTION_SACK)
		r->opt.has |= TCPOPT_SACK_OK;
	if (bits & OPTION_ECN)
		r->ctl |= CTL_ECE;
}

void cookie_send(struct arrival *a)
{
	const struct segment *seg = a->seg;
	uint64_t unit = a->now / UNIT;
	uint32_t index = mss_index(seg);
	struct reply *r = stack_reply(a->s);

	if (!r)
		return;
	r->local = seg->dst;
	r->remote = seg->src;
	r->ctl = CTL_SYN | CTL_ACK;
	r->ttl = a->c->ttl;
	r->dscp = a->c->dscp;
	r->seq = seq_of((uint32_t)(unit & 0x1f) << 27 | index << HASH_BITS |
			hash(a->s, &seg->dst, &seg->src, seg->seq, unit, index));
	r->ack = seq_add(seg->seq, 1);
	r->wnd = (uint16_t)(a->c->rcv.buff < 0xffff ? a->c->rcv.buff : 0xffff);
	put_options(a, r);
	a->c->cookie_at = a->now;
	a->c->cookie_at_valid = true;
	a->s->counters.cookies_sent++;
}

bool cookie_valid(const struct arrival *a)
{
	const struct segment *seg = a->seg;
	uint32_t cookie = seq_sub(seg->ack, 1).n;
	uint64_t now = a->now / UNIT;
	uint64_t age = (now - (cookie >> 27)) & 0x1f;

	/* Nothing is a cookie while none are out. */
	if (!a->c->cookie_at_valid || a->now - a->c->cookie_at > UNITS_VALID * UNIT)
		return false;
	if (age >= UNITS_VALID || age > now)
		return false;
	return (cookie & HASH_MASK) == hash(a->s, &seg->dst, &seg->src, seq_sub(seg->seq, 1),
					    now - age, cookie >> HASH_BITS & 7);
}

/* What the SYN had asked for, as far as the timestamp that came back remembers it. */
static void recall(struct arrival *a, struct tcb *c)
{
	const struct segment *seg = a->seg;
	uint32_t bits;

	mss_from_peer(c, mss_of[seq_sub(seg->ack, 1).n >> HASH_BITS & 7]);
	if (!a->s->config.timestamps || !(seg->opt.has & TCPOPT_TS))
		return;
	bits = seg->opt.ts_ecr & OPTION_MASK;
	timestamps_start(c, seg->opt.ts_val, a->now);
	c->scale_on = (bits & OPTION_NO_SCALE) != OPTION_NO_SCALE;
	c->snd.scale = c->scale_on ? bits & OPTION_NO_SCALE : 0;
	c->rcv.scale = c->scale_on ? window_scale_for(a->s->config.recv_buffer) : 0;
	c->sack_on = bits & OPTION_SACK;
	c->ecn.on = bits & OPTION_ECN;
}

struct tcb *cookie_open(struct arrival *a)
{
	struct tcb *c = listen_child(a->s, a->c, &a->seg->dst, &a->seg->src);

	if (!c)
		return NULL;
	a->s->counters.cookies_taken++;
	a->s->counters.passive_opens++;
	tcb_start_receive(c, seq_sub(a->seg->seq, 1));
	window_open(c);
	state_move(a->s, c, REFTCP_SYN_RECEIVED, CLAUSE_COOKIE, a->now);
	tcb_start_send(a->s, c, seq_sub(a->seg->ack, 1), a->now);
	/* The SYN,ACK went out as a cookie, at a time nobody remembers: no sample of it. */
	c->rtx_head->flags = TXSEG_SYN | TXSEG_EVER_RETRANS;
	c->lost = 0;
	recall(a, c);
	c->cc->init(c);
	return c;
}
