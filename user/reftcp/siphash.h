/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4, the keyed function F of RFC 9293 3.4.1 for ISNs, and of everything else that
 * must not be guessed from outside: timestamps' offsets, cookies, local ports, buckets. */
#ifndef REFTCP_SIPHASH_H
#define REFTCP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

struct siphash_key siphash_key_from(const uint8_t bytes[16]);
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
