/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/secret.h"

#include <string.h>

uint64_t secret_hash(const struct siphash_key *key, enum secret_use use,
		     const struct reftcp_endpoint *local, const struct reftcp_endpoint *remote,
		     uint64_t extra)
{
	/* The first word says which of the two lengths follows. */
	uint64_t in[6] = {(uint64_t)use << 48 | (uint64_t)local->addr.family << 40 |
			  (uint64_t)remote->addr.family << 32 | (uint32_t)local->port << 16 |
			  remote->port};

	in[1] = extra;
	if (local->addr.family == 4) {
		memcpy(&in[2], local->addr.byte, 4);
		memcpy((uint8_t *)&in[2] + 4, remote->addr.byte, 4);
		return siphash(key, in, 24);
	}
	memcpy(&in[2], local->addr.byte, 16);
	memcpy(&in[4], remote->addr.byte, 16);
	return siphash(key, in, 48);
}

struct seq secret_isn(const struct siphash_key *key, const struct reftcp_endpoint *local,
		      const struct reftcp_endpoint *remote, reftcp_time now)
{
	/* RFC 9293 3.4.1: M is a clock that ticks about every 4 microseconds [MUST-8]. */
	uint32_t m = (uint32_t)(now / 4000);

	return seq_of(m + (uint32_t)secret_hash(key, SECRET_ISN, local, remote, 0));
}
