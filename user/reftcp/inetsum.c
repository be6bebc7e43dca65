/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sum is kept in memory order (RFC 1071 2, "byte order independence") and 64 bits wide:
 * words of 32 bits are added without looking at carries, which stay in the upper half and are
 * folded once at the end. 2^32 words, far beyond any packet, would be needed to overflow.
 */
#include "reftcp/inetsum.h"

#include <string.h>

static inline uint64_t tail(const uint8_t *p, size_t len)
{
	uint8_t last[4] = {0};
	uint32_t w;

	memcpy(last, p, len);
	memcpy(&w, last, 4);
	return w;
}

uint64_t inetsum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t even = 0, odd = 0;
	uint32_t w[4];

	for (; len >= 16; len -= 16, p += 16) {
		memcpy(w, p, 16);
		even += (uint64_t)w[0] + w[2];
		odd += (uint64_t)w[1] + w[3];
	}
	for (; len >= 4; len -= 4, p += 4) {
		memcpy(w, p, 4);
		even += w[0];
	}
	return sum + even + odd + tail(p, len);
}

uint64_t inetsum_copy(uint64_t sum, void *to, const void *from, size_t len)
{
	const uint8_t *p = from;
	uint8_t *q = to;
	uint64_t even = 0, odd = 0;
	uint32_t w[4];

	for (; len >= 16; len -= 16, p += 16, q += 16) {
		memcpy(w, p, 16);
		memcpy(q, w, 16);
		even += (uint64_t)w[0] + w[2];
		odd += (uint64_t)w[1] + w[3];
	}
	for (; len >= 4; len -= 4, p += 4, q += 4) {
		memcpy(w, p, 4);
		memcpy(q, w, 4);
		even += w[0];
	}
	memcpy(q, p, len);
	return sum + even + odd + tail(p, len);
}

uint64_t inetsum_pseudo(const struct reftcp_addr *src, const struct reftcp_addr *dst, uint8_t proto,
			uint32_t len)
{
	size_t n = src->family == 4 ? 4 : 16;
	uint8_t rest[8] = {len >> 24, len >> 16, len >> 8, len, 0, 0, 0, proto};
	uint64_t sum = inetsum_add(0, src->byte, n);

	sum = inetsum_add(sum, dst->byte, n);
	/* Both forms carry length and protocol in 16-bit places, so one layout sums right for
	 * both; the high half of the length is 0 under IPv4. */
	return inetsum_add(sum, rest, sizeof(rest));
}

uint16_t inetsum_finish(uint64_t sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	return (uint16_t)~sum;
}
