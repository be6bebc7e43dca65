/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about addresses that RFC 9293 3.9.1.1 and 3.9.2.3 make TCP ask. */
#ifndef REFTCP_ADDR_H
#define REFTCP_ADDR_H

#include <string.h>

#include "reftcp/reftcp.h"

static inline size_t addr_length(const struct reftcp_addr *a)
{
	return a->family == 4 ? 4 : 16;
}

/* Field by field: as a whole it could not be read so soon after its parts were written. */
static inline void addr_set(struct reftcp_addr *to, uint8_t family, const uint8_t *octets)
{
	to->family = family;
	if (family == 4) {
		memcpy(to->byte, octets, 4);
		memset(to->byte + 4, 0, 12);
	} else {
		memcpy(to->byte, octets, 16);
	}
}

static inline bool addr_equal(const struct reftcp_addr *a, const struct reftcp_addr *b)
{
	if (a->family != b->family)
		return false;
	/* Two lengths that the compiler knows: no call. */
	return a->family == 4 ? !memcmp(a->byte, b->byte, 4) : !memcmp(a->byte, b->byte, 16);
}

static inline bool endpoint_equal(const struct reftcp_endpoint *a, const struct reftcp_endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

/* No family given: to be filled in. */
static inline bool addr_unspecified(const struct reftcp_addr *a)
{
	return a->family == 0;
}

/* Can one host be at the other end: not zero, not multicast, not broadcast (MUST-46, 57, 63). */
static inline bool addr_unicast(const struct reftcp_addr *a)
{
	static const uint8_t zero[16];

	if (a->family == 4)
		/* 0/8 is "this network", 224/4 multicast, 240/4 reserved with the broadcast. */
		return a->byte[0] != 0 && a->byte[0] < 224;
	if (a->family == 6)
		return a->byte[0] != 0xff && memcmp(a->byte, zero, 16) != 0;
	return false;
}

#endif
