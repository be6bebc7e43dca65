/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/uto.h"

/* RFC 5482 3.1: L_LIMIT at least the RTO and 100 s as R2 has it; U_LIMIT of our choosing. */
#define L_LIMIT (100 * REFTCP_S)
#define U_LIMIT (3600 * REFTCP_S)

void uto_put(const struct tcb *c, struct segment *seg)
{
	uint64_t seconds = c->user_timeout / REFTCP_S;

	if (!c->uto.advertise || !(seg->ctl & CTL_SYN))
		return;
	seg->opt.has |= TCPOPT_UTO;
	seg->opt.uto_minutes = seconds > 0x7fff;
	if (seg->opt.uto_minutes)
		seconds /= 60;
	seg->opt.uto = (uint16_t)(seconds > 0x7fff ? 0x7fff : seconds);
}

void uto_arrived(struct tcb *c, const struct tcpopt *opt)
{
	reftcp_time remote;

	/* RFC 5482 3.1: CHANGEABLE is cleared when the user has set a timeout. 3: 0 is reserved
	 * and must be ignored. */
	if (!(opt->has & TCPOPT_UTO) || c->uto.changed_by_user || opt->uto == 0)
		return;
	remote = opt->uto * REFTCP_S * (opt->uto_minutes ? 60 : 1);
	remote = remote < U_LIMIT ? remote : U_LIMIT;
	c->user_timeout = remote > L_LIMIT ? remote : L_LIMIT;
}
