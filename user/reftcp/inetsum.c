/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sum is kept in memory order (RFC 1071 2, "byte order independence") and 64 bits wide: words
 * of 32 bits are added without looking at carries, which stay in the upper half and are folded
 * once at the end. 2^32 words, far beyond any packet, would be needed to overflow.
 */
#include "reftcp/inetsum.h"

#include <stdbool.h>
#include <string.h>

#define LOW 0xffffffffu

/*
 * Sums, and copies to `to` unless it is null, as many whole vectors as len holds; returns how many
 * octets those were. Defined once for each width of vector, as the widest that a processor has
 * decides how fast it is.
 */
#define SUM_VECTORS(name, octets)                                                                 \
	static inline __attribute__((always_inline)) size_t name(uint64_t *sum, uint8_t *to,      \
								 const uint8_t *from, size_t len) \
	{                                                                                         \
		typedef uint64_t vector __attribute__((vector_size(octets)));                     \
		vector low = {0}, high = {0}, w;                                                  \
		size_t done = 0;                                                                  \
                                                                                                  \
		for (; len - done >= sizeof(w); done += sizeof(w)) {                              \
			memcpy(&w, from + done, sizeof(w));                                       \
			if (to)                                                                   \
				memcpy(to + done, &w, sizeof(w));                                 \
			low += w & LOW;                                                           \
			high += w >> 32;                                                          \
		}                                                                                 \
		low += high;                                                                      \
		for (size_t i = 0; i < sizeof(w) / 8; i++)                                        \
			*sum += low[i];                                                           \
		return done;                                                                      \
	}

SUM_VECTORS(sum_vectors, 16)

#if defined(__x86_64__)
SUM_VECTORS(sum_wide_vectors, 32)

__attribute__((target("avx2"))) static size_t add_avx2(uint64_t *sum, const uint8_t *from,
						       size_t len)
{
	return sum_wide_vectors(sum, NULL, from, len);
}

__attribute__((target("avx2"))) static size_t copy_avx2(uint64_t *sum, uint8_t *to,
							const uint8_t *from, size_t len)
{
	return sum_wide_vectors(sum, to, from, len);
}

static inline bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
static inline size_t add_avx2(uint64_t *sum, const uint8_t *from, size_t len)
{
	return sum_vectors(sum, NULL, from, len);
}

static inline size_t copy_avx2(uint64_t *sum, uint8_t *to, const uint8_t *from, size_t len)
{
	return sum_vectors(sum, to, from, len);
}

static inline bool has_avx2(void)
{
	return false;
}
#endif

/* Headers are summed without looking for wide vectors. */
#define LONG 64

uint64_t inetsum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t w;
	uint32_t half = 0;
	size_t n = 0;

	if (len >= LONG)
		n = has_avx2() ? add_avx2(&sum, p, len) : sum_vectors(&sum, NULL, p, len);
	for (; len - n >= 8; n += 8) {
		memcpy(&w, p + n, 8);
		sum += (w & LOW) + (w >> 32);
	}
	if (len - n >= 4) {
		memcpy(&half, p + n, 4);
		sum += half;
		n += 4;
	}
	if (n == len)
		return sum;
	half = 0;
	memcpy(&half, p + n, len - n);
	return sum + half;
}

uint64_t inetsum_copy(uint64_t sum, void *to, const void *from, size_t len)
{
	const uint8_t *p = from;
	uint8_t *q = to;
	size_t n = 0;

	if (len >= LONG)
		n = has_avx2() ? copy_avx2(&sum, q, p, len) : sum_vectors(&sum, q, p, len);
	memcpy(q + n, p + n, len - n);
	return inetsum_add(sum, p + n, len - n);
}

/* A 16-bit word as it stands in a packet. */
static inline uint64_t in_memory(uint32_t v)
{
	uint8_t octets[2] = {v >> 8 & 0xff, v & 0xff};
	uint16_t w;

	memcpy(&w, octets, 2);
	return w;
}

uint64_t inetsum_pseudo(const struct reftcp_addr *src, const struct reftcp_addr *dst, uint8_t proto,
			uint32_t len)
{
	/* Both forms carry length and protocol in 16-bit places, so one layout sums right for
	 * both; the high half of the length is 0 under IPv4. */
	uint64_t sum = in_memory(len >> 16) + in_memory(len & 0xffff) + in_memory(proto);
	uint32_t a[4], b[4];

	if (src->family == 4) {
		memcpy(a, src->byte, 4);
		memcpy(b, dst->byte, 4);
		return sum + a[0] + b[0];
	}
	memcpy(a, src->byte, 16);
	memcpy(b, dst->byte, 16);
	for (int i = 0; i < 4; i++)
		sum += (uint64_t)a[i] + b[i];
	return sum;
}

uint16_t inetsum_finish(uint64_t sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	return (uint16_t)~sum;
}
