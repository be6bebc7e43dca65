/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a bad network does to packets, in words: "loss=1%,delay=20ms,seed=7". The words of one
 * direction of a link (reftcp/sim/link.h).
 */
#ifndef STACK_IMPAIR_H
#define STACK_IMPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reftcp/sim/link.h"

struct impairment {
	bool on;
	struct link_config link;
	uint64_t seed;
	/* The MTU of the path becomes link.mtu only after so many octets have passed. */
	uint64_t mtu_after;
};

/*
 * Reads `text` into the directions it is about: `on=in` (from the kernel), `on=out`, or both. Keys:
 * loss reorder duplicate corrupt ce (shares: "1%" or "0.01"), burst (share:length), delay jitter
 * hold (times: "20ms", "1.5s"), rate (octets a second: K, M, G), mtu, icmp (yes, no), after
 * (octets), seed, on. 0; or -EINVAL with what is wrong in `error`.
 */
int impair_parse(const char *text, struct impairment *in, struct impairment *out, char *error,
		 size_t error_size);

#endif
