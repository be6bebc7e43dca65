/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. An option is type, length, pointer, and addresses of four octets; the pointer
 * counts from 1 and stands behind the last address when the route is done. */
#include "reftcp/route.h"

#include <string.h>

#define OPTION_EOL 0
#define OPTION_NOP 1
#define HEAD 3

const uint8_t *route_find(const uint8_t *options, size_t len)
{
	for (size_t i = 0; i < len;) {
		const uint8_t *o = options + i;

		if (o[0] == OPTION_EOL)
			return NULL;
		if (o[0] == OPTION_NOP) {
			i++;
			continue;
		}
		if (len - i < 2 || o[1] < 2 || o[1] > len - i)
			return NULL;
		if ((o[0] == ROUTE_LOOSE || o[0] == ROUTE_STRICT) && o[1] >= HEAD + 4 &&
		    (o[1] - HEAD) % 4 == 0 && o[2] >= HEAD + 1)
			return o;
		i += o[1];
	}
	return NULL;
}

static void begin(struct ip_route *out, uint8_t type, size_t hops)
{
	memset(out, 0, sizeof(*out));
	out->options[0] = type;
	out->options[1] = (uint8_t)(HEAD + 4 * hops);
	out->options[2] = HEAD + 1;
	/* With one octet of padding, which is an end of options. */
	out->len = (uint8_t)(HEAD + 1 + 4 * hops);
}

void route_from_user(struct ip_route *out, const struct reftcp_source_route *route,
		     const struct reftcp_addr *remote)
{
	size_t n = route->hops;

	begin(out, route->strict ? ROUTE_STRICT : ROUTE_LOOSE, n);
	memcpy(out->first, route->hop[0], 4);
	memcpy(out->options + HEAD, route->hop[1], 4 * (n - 1));
	memcpy(out->options + HEAD + 4 * (n - 1), remote->byte, 4);
}

void route_back(struct ip_route *out, const uint8_t *option, const struct reftcp_addr *src)
{
	size_t n = (option[1] - (size_t)HEAD) / 4;

	begin(out, option[0], n);
	memcpy(out->first, option + HEAD + 4 * (n - 1), 4);
	for (size_t i = 0; i + 1 < n; i++)
		memcpy(out->options + HEAD + 4 * i, option + HEAD + 4 * (n - 2 - i), 4);
	memcpy(out->options + HEAD + 4 * (n - 1), src->byte, 4);
}
