/* SPDX-License-Identifier: BSD-2-Clause */
/* Source routes of IPv4, RFC 791 3.1 and 1122 3.2.1.8 (c), as far as RFC 9293 3.9.2.1 asks TCP for
 * them. They are read and written only where config.source_routes says so. */
#ifndef REFTCP_ROUTE_H
#define REFTCP_ROUTE_H

#include "reftcp/reftcp.h"

#define ROUTE_LOOSE 131
#define ROUTE_STRICT 137
#define ROUTE_OPTIONS_MAX 40

/* What goes into the IP header: the option, and the host that the packet is sent to first. */
struct ip_route {
	uint8_t len; /* octets of options with their padding; 0: no route */
	uint8_t first[4];
	uint8_t options[ROUTE_OPTIONS_MAX];
};

/* The source route among len octets of options, or null; whole and of a length that can be. */
const uint8_t *route_find(const uint8_t *options, size_t len);

/* Has the packet passed all the hosts it names. */
static inline bool route_done(const uint8_t *option)
{
	return option[2] > option[1];
}

/* The user's, to remote. The route has been checked: 1 to 9 hops. */
void route_from_user(struct ip_route *out, const struct reftcp_source_route *route,
		     const struct reftcp_addr *remote);
/* The way back over the hosts a done route has recorded. */
void route_back(struct ip_route *out, const uint8_t *option, const struct reftcp_addr *src);

#endif
