/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/secret.h"

#include <string.h>

uint64_t secret_hash(const struct siphash_key *key, enum secret_use use,
		     const struct reftcp_endpoint *local, const struct reftcp_endpoint *remote,
		     uint64_t extra)
{
	struct {
		uint8_t local[16], remote[16];
		uint64_t extra;
		uint16_t local_port, remote_port;
		uint8_t local_family, remote_family;
		uint8_t use;
		uint8_t pad;
	} in;

	memset(&in, 0, sizeof(in));
	memcpy(in.local, local->addr.byte, 16);
	memcpy(in.remote, remote->addr.byte, 16);
	in.extra = extra;
	in.local_port = local->port;
	in.remote_port = remote->port;
	in.local_family = local->addr.family;
	in.remote_family = remote->addr.family;
	in.use = (uint8_t)use;
	return siphash(key, &in, sizeof(in));
}

struct seq secret_isn(const struct siphash_key *key, const struct reftcp_endpoint *local,
		      const struct reftcp_endpoint *remote, reftcp_time now)
{
	/* RFC 9293 3.4.1: M is a clock that ticks about every 4 microseconds [MUST-8]. */
	uint32_t m = (uint32_t)(now / 4000);

	return seq_of(m + (uint32_t)secret_hash(key, SECRET_ISN, local, remote, 0));
}
