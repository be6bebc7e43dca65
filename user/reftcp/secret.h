/* SPDX-License-Identifier: BSD-2-Clause */
/* What must not be guessed from outside: initial sequence numbers, timestamp offsets, local
 * ports. All are SipHash-2-4 of the connection's name under the stack's secret. */
#ifndef REFTCP_SECRET_H
#define REFTCP_SECRET_H

#include "reftcp/reftcp.h"
#include "reftcp/seq.h"
#include "reftcp/siphash.h"

/* One purpose, one function: values for one purpose say nothing about another. */
enum secret_use {
	SECRET_ISN = 1,
	SECRET_TIMESTAMP,
	SECRET_PORT,
	SECRET_COOKIE,
	SECRET_FAST_OPEN,
};

uint64_t secret_hash(const struct siphash_key *key, enum secret_use use,
		     const struct reftcp_endpoint *local, const struct reftcp_endpoint *remote,
		     uint64_t extra);

/* RFC 9293 3.4.1: ISN = M + F(localip, localport, remoteip, remoteport, secretkey). */
struct seq secret_isn(const struct siphash_key *key, const struct reftcp_endpoint *local,
		      const struct reftcp_endpoint *remote, reftcp_time now);

#endif
