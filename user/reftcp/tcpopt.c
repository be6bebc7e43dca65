/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP options, read from hostile octets and written aligned. */
#include "reftcp/tcpopt.h"

#include <endian.h>
#include <string.h>

#define COOKIE_EXPERIMENT 0xf989 /* RFC 7413 4.1.1, the ExID */

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)load16(p) << 16 | load16(p + 2);
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, 2);
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, 4);
	return p + 4;
}

static bool parse_sack(struct tcpopt *o, const uint8_t *body, size_t n)
{
	if (n % 8 || n / 8 < 1 || n / 8 > TCPOPT_SACK_MAX)
		return false;
	o->sacks = n / 8;
	for (size_t i = 0; i < o->sacks; i++)
		o->sack[i] = (struct sack_block){seq_of(load32(body + 8 * i)),
						 seq_of(load32(body + 8 * i + 4))};
	return true;
}

/* RFC 7413 4.1.1: 0, or 4 to 16 octets and even. */
static bool parse_cookie(struct tcpopt *o, const uint8_t *body, size_t n)
{
	if (n && (n < 4 || n > TCPOPT_COOKIE_MAX || n % 2))
		return false;
	o->cookie_len = n;
	memcpy(o->cookie, body, n);
	return true;
}

/* One option of a legal length; true if it is of a kind and size we know. */
static uint32_t parse_one(struct tcpopt *o, uint8_t kind, const uint8_t *body, size_t n)
{
	switch (kind) {
	case TCPOPT_KIND_MSS:
		if (n != 2)
			return 0;
		o->mss = load16(body);
		return TCPOPT_MSS;
	case TCPOPT_KIND_SCALE:
		if (n != 1)
			return 0;
		/* RFC 7323 2.3: a count over 14 is taken as 14. */
		o->scale = body[0] > 14 ? 14 : body[0];
		return TCPOPT_SCALE | (body[0] > 14 ? TCPOPT_MALFORMED : 0);
	case TCPOPT_KIND_SACK_OK:
		return n == 0 ? TCPOPT_SACK_OK : 0;
	case TCPOPT_KIND_SACK:
		return parse_sack(o, body, n) ? TCPOPT_SACK : 0;
	case TCPOPT_KIND_TS:
		if (n != 8)
			return 0;
		o->ts_val = load32(body);
		o->ts_ecr = load32(body + 4);
		return TCPOPT_TS;
	case TCPOPT_KIND_UTO:
		if (n != 2)
			return 0;
		o->uto_minutes = body[0] & 0x80;
		o->uto = load16(body) & 0x7fff;
		return TCPOPT_UTO;
	case TCPOPT_KIND_COOKIE:
		o->cookie_experiment = false;
		return parse_cookie(o, body, n) ? TCPOPT_COOKIE : 0;
	case TCPOPT_KIND_SHARED:
		if (n < 2 || load16(body) != COOKIE_EXPERIMENT || o->has & TCPOPT_COOKIE)
			return 0;
		o->cookie_experiment = true;
		return parse_cookie(o, body + 2, n - 2) ? TCPOPT_COOKIE : 0;
	}
	return 0; /* RFC 9293 3.1: options not understood are ignored [MUST-6] */
}

void tcpopt_parse(struct tcpopt *out, const uint8_t *p, size_t len)
{
	size_t i = 0;

	tcpopt_clear(out);
	while (i < len) {
		if (p[i] == TCPOPT_EOL)
			return;
		if (p[i] == TCPOPT_NOP) {
			i++;
			continue;
		}
		/*
		 * RFC 9293 3.1: every other option has a length, and an illegal one must not hurt
		 * [MUST-68, MUST-7]. Nothing after it can be found, so the parse ends; what was
		 * read before it stands.
		 */
		if (len - i < 2 || p[i + 1] < 2 || p[i + 1] > len - i) {
			out->has |= TCPOPT_MALFORMED;
			return;
		}
		out->has |= parse_one(out, p[i], p + i + 2, p[i + 1] - 2u);
		i += p[i + 1];
	}
}

static size_t sack_room(size_t used, uint8_t want)
{
	size_t n = used + 4 + 8 > TCPOPT_MAX ? 0 : (TCPOPT_MAX - used - 4) / 8;

	return n < want ? n : want;
}

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static size_t cookie_length(const struct tcpopt *o)
{
	return aligned((o->cookie_experiment ? 4u : 2u) + o->cookie_len);
}

size_t tcpopt_length(const struct tcpopt *o)
{
	size_t n = 0;

	n += o->has & TCPOPT_MSS ? 4 : 0;
	if (o->has & TCPOPT_TS)
		n += 12;
	else if (o->has & TCPOPT_SACK_OK)
		n += 4;
	n += o->has & TCPOPT_SCALE ? 4 : 0;
	n += o->has & TCPOPT_UTO ? 4 : 0;
	if (o->has & TCPOPT_COOKIE && n + cookie_length(o) <= TCPOPT_MAX)
		n += cookie_length(o);
	if (o->has & TCPOPT_SACK && sack_room(n, o->sacks))
		n += 4 + 8 * sack_room(n, o->sacks);
	return n;
}

static uint8_t *build_small(const struct tcpopt *o, uint8_t *p)
{
	if (o->has & TCPOPT_MSS) {
		*p++ = TCPOPT_KIND_MSS;
		*p++ = 4;
		p = put16(p, o->mss);
	}
	/* Each takes the place of the two NOPs that would align the other. */
	if ((o->has & (TCPOPT_SACK_OK | TCPOPT_TS)) &&
	    !(o->has & TCPOPT_SACK_OK && o->has & TCPOPT_TS)) {
		*p++ = TCPOPT_NOP;
		*p++ = TCPOPT_NOP;
	}
	if (o->has & TCPOPT_SACK_OK) {
		*p++ = TCPOPT_KIND_SACK_OK;
		*p++ = 2;
	}
	if (o->has & TCPOPT_TS) {
		*p++ = TCPOPT_KIND_TS;
		*p++ = 10;
		p = put32(put32(p, o->ts_val), o->ts_ecr);
	}
	if (o->has & TCPOPT_SCALE) {
		*p++ = TCPOPT_NOP;
		*p++ = TCPOPT_KIND_SCALE;
		*p++ = 3;
		*p++ = o->scale;
	}
	if (o->has & TCPOPT_UTO) {
		*p++ = TCPOPT_KIND_UTO;
		*p++ = 4;
		p = put16(p, (uint16_t)((o->uto_minutes ? 0x8000 : 0) | (o->uto & 0x7fff)));
	}
	return p;
}

size_t tcpopt_build(const struct tcpopt *o, uint8_t buf[TCPOPT_MAX])
{
	uint8_t *p = build_small(o, buf);
	size_t n;

	if (o->has & TCPOPT_COOKIE && (size_t)(p - buf) + cookie_length(o) <= TCPOPT_MAX) {
		*p++ = o->cookie_experiment ? TCPOPT_KIND_SHARED : TCPOPT_KIND_COOKIE;
		*p++ = (o->cookie_experiment ? 4 : 2) + o->cookie_len;
		if (o->cookie_experiment)
			p = put16(p, COOKIE_EXPERIMENT);
		memcpy(p, o->cookie, o->cookie_len);
		p += o->cookie_len;
		for (; (p - buf) % 4; p++)
			*p = TCPOPT_NOP;
	}
	n = o->has & TCPOPT_SACK ? sack_room((size_t)(p - buf), o->sacks) : 0;
	if (n) {
		*p++ = TCPOPT_NOP;
		*p++ = TCPOPT_NOP;
		*p++ = TCPOPT_KIND_SACK;
		*p++ = (uint8_t)(2 + 8 * n);
	}
	for (size_t i = 0; i < n; i++)
		p = put32(put32(p, o->sack[i].left.n), o->sack[i].right.n);
	return (size_t)(p - buf);
}
