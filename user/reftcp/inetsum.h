/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum, RFC 1071, with the pseudo-headers of RFC 9293 3.1. */
#ifndef REFTCP_INETSUM_H
#define REFTCP_INETSUM_H

#include <stddef.h>
#include <stdint.h>

#include "reftcp/reftcp.h"

/* Adds data to a running sum. Only the last piece of a sum may have an odd length. */
uint64_t inetsum_add(uint64_t sum, const void *data, size_t len);
/* Copies and adds in one pass; as inetsum_add otherwise. */
uint64_t inetsum_copy(uint64_t sum, void *to, const void *from, size_t len);
/* The pseudo-header of the family of src; proto in host order, len the upper-layer length. */
uint64_t inetsum_pseudo(const struct reftcp_addr *src, const struct reftcp_addr *dst, uint8_t proto,
			uint32_t len);
/* The complement to put in the header, in memory order. */
uint16_t inetsum_finish(uint64_t sum);

#endif
