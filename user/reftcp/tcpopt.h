/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP options: RFC 9293 3.2, RFC 7323 (window scale, timestamps), RFC 2018 and 2883 (SACK),
 * RFC 5482 (user timeout), RFC 7413 (Fast Open). Parsed to flags and values: an option that
 * was not there is a clear bit, never a value of 0. */
#ifndef REFTCP_TCPOPT_H
#define REFTCP_TCPOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reftcp/seq.h"

#define TCPOPT_MAX 40 /* RFC 9293 3.1: Data Offset has four bits */
#define TCPOPT_SACK_MAX 4
#define TCPOPT_COOKIE_MAX 16

enum tcpopt_kind {
	TCPOPT_EOL = 0,
	TCPOPT_NOP = 1,
	TCPOPT_KIND_MSS = 2,
	TCPOPT_KIND_SCALE = 3,
	TCPOPT_KIND_SACK_OK = 4,
	TCPOPT_KIND_SACK = 5,
	TCPOPT_KIND_TS = 8,
	TCPOPT_KIND_UTO = 28,
	TCPOPT_KIND_COOKIE = 34,
	TCPOPT_KIND_SHARED = 254, /* RFC 6994: experiments, told apart by two octets */
};

#define TCPOPT_MSS (1u << 0)
#define TCPOPT_SCALE (1u << 1)
#define TCPOPT_SACK_OK (1u << 2)
#define TCPOPT_SACK (1u << 3)
#define TCPOPT_TS (1u << 4)
#define TCPOPT_UTO (1u << 5)
#define TCPOPT_COOKIE (1u << 6)
#define TCPOPT_MALFORMED (1u << 31) /* an illegal length ended the parse, or a scale over 14 */

struct sack_block {
	struct seq left, right;
};

struct tcpopt {
	uint32_t has; /* TCPOPT_ bits */
	uint16_t mss;
	uint8_t scale;
	uint8_t sacks;
	struct sack_block sack[TCPOPT_SACK_MAX];
	uint32_t ts_val, ts_ecr;
	bool uto_minutes;
	uint16_t uto;
	uint8_t cookie_len;     /* 0: a request for a cookie */
	bool cookie_experiment; /* in the form it had before RFC 7413 */
	uint8_t cookie[TCPOPT_COOKIE_MAX];
};

/* No options; a value means something only where `has` has its bit. */
static inline void tcpopt_clear(struct tcpopt *o)
{
	o->has = 0;
	o->sacks = 0;
	o->cookie_len = 0;
	o->cookie_experiment = false;
}

/* Reads len octets of options; never reads past them. Bad ones only set TCPOPT_MALFORMED. */
void tcpopt_parse(struct tcpopt *out, const uint8_t *p, size_t len);

/*
 * Writes what o->has asks for, made a multiple of four by NOPs, so that no padding is left
 * (MUST-69 does not arise); returns the length, at most TCPOPT_MAX. SACK blocks that do not fit are
 * left out, last first; so is an option there is no room for at all.
 */
size_t tcpopt_build(const struct tcpopt *o, uint8_t buf[TCPOPT_MAX]);

/* The length tcpopt_build would return. */
size_t tcpopt_length(const struct tcpopt *o);

#endif
