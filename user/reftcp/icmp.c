/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP errors, RFC 9293 3.9.2.2, taken with the care of RFC 5927: the packet inside must be of a
 * connection of ours and its sequence number one that is outstanding. Hard errors end a
 * connection only before it is synchronized, as RFC 5927 5.2 has it.
 */
#include <errno.h>

#include "reftcp/addr.h"
#include "reftcp/arrives.h"
#include "reftcp/conntab.h"
#include "reftcp/fastopen.h"
#include "reftcp/inetsum.h"
#include "reftcp/mss.h"
#include "reftcp/pmtu.h"
#include "reftcp/rtxq.h"

enum icmp_class {
	ICMP_IGNORE,
	ICMP_SOFT,
	ICMP_HARD,
	ICMP_TOO_BIG,
};

struct icmp_error {
	enum icmp_class class;
	int error;
	uint32_t mtu;
};

static struct icmp_error classify4(uint8_t type, uint8_t code, uint32_t rest)
{
	static const struct icmp_error unreachable[] = {
		[0] = {ICMP_SOFT, ENETUNREACH, 0}, [1] = {ICMP_SOFT, EHOSTUNREACH, 0},
		[2] = {ICMP_HARD, ENOPROTOOPT, 0}, [3] = {ICMP_HARD, ECONNREFUSED, 0},
		[4] = {ICMP_TOO_BIG, EMSGSIZE, 0}, [5] = {ICMP_SOFT, EHOSTUNREACH, 0},
	};
	struct icmp_error e = {ICMP_IGNORE, 0, 0};

	/* Source Quench (4) falls through to be ignored in silence [MUST-55]. */
	if (type == 3 && code < sizeof(unreachable) / sizeof(unreachable[0])) {
		e = unreachable[code];
		e.mtu = rest & 0xffff;
	} else if (type == 11 && code <= 1) {
		e = (struct icmp_error){ICMP_SOFT, EHOSTUNREACH, 0};
	} else if (type == 12) {
		e = (struct icmp_error){ICMP_SOFT, EPROTO, 0};
	}
	return e;
}

static struct icmp_error classify6(uint8_t type, uint8_t code, uint32_t rest)
{
	if (type == 1 && (code == 0 || code == 3))
		return (struct icmp_error){ICMP_SOFT, EHOSTUNREACH, 0};
	if (type == 1 && (code == 1 || code == 4))
		return (struct icmp_error){ICMP_HARD, code == 1 ? EACCES : ECONNREFUSED, 0};
	if (type == 2)
		return (struct icmp_error){ICMP_TOO_BIG, EMSGSIZE, rest};
	if (type == 3 && code <= 1)
		return (struct icmp_error){ICMP_SOFT, EHOSTUNREACH, 0};
	if (type == 4 && code <= 2)
		return (struct icmp_error){ICMP_SOFT, EPROTO, 0};
	return (struct icmp_error){ICMP_IGNORE, 0, 0};
}

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The packet that caused it, cut short: only the first 8 octets of TCP are sure to be there. */
static struct tcb *connection_of(struct reftcp_stack *s, uint8_t family, const uint8_t *p,
				 size_t len, struct seq *seq)
{
	size_t head = family == 4 ? (len ? (p[0] & 15u) * 4u : 0) : 40;
	struct reftcp_endpoint src = {{.family = family}, 0}, dst = src;

	if (len < head + 8 || head < 20 || p[0] >> 4 != family)
		return NULL;
	if (p[family == 4 ? 9 : 6] != 6)
		return NULL;
	memcpy(src.addr.byte, p + (family == 4 ? 12 : 8), addr_length(&src.addr));
	memcpy(dst.addr.byte, p + (family == 4 ? 16 : 24), addr_length(&dst.addr));
	p += head;
	src.port = (uint16_t)(p[0] << 8 | p[1]);
	dst.port = (uint16_t)(p[2] << 8 | p[3]);
	*seq = seq_of(load32(p + 4));
	return conntab_find(s, &src, &dst);
}

/* RFC 1191 6.3, 8201 4: smaller segments from here on, and at once what was too big. */
static void too_big(struct reftcp_stack *s, struct tcb *c, uint32_t mtu, reftcp_time now)
{
	uint32_t least = c->local.addr.family == 4 ? 68u + TCPOPT_MAX + c->route.len : 1280u;

	/* RFC 5927 7.2: not larger than what was sent; and not absurdly small. */
	if (mtu < least)
		mtu = least;
	if (mtu >= c->path_mtu || c->max_packet_sent <= mtu)
		return;
	pmtu_limit(c, mtu, now);
	if (c->state == REFTCP_SYN_SENT) {
		fastopen_too_big(s, c);
		return;
	}
	s->counters.pmtu_reductions++;
	for (struct txseg *seg = c->rtx_head; seg; seg = seg->next)
		if (!(seg->flags & TXSEG_SACKED) && seg->len > mss_effective(c))
			rtxq_mark_lost(c, seg);
	c->send_one = true;
}

static void act(struct reftcp_stack *s, struct tcb *c, const struct icmp_error *e, reftcp_time now)
{
	switch (e->class) {
	case ICMP_IGNORE:
		return;
	case ICMP_TOO_BIG:
		too_big(s, c, e->mtu, now);
		return;
	case ICMP_HARD:
		if (c->state == REFTCP_SYN_SENT || c->state == REFTCP_SYN_RECEIVED) {
			tcb_delete(s, c, -e->error, CLAUSE_HARD_ERROR, now);
			return;
		}
		/* DEVIATES RFC 9293 3.9.2.2 [SHLD-26]: RFC 5927 5.2, soft once synchronized. */
		break;
	case ICMP_SOFT:
		if ((c->state == REFTCP_SYN_SENT || c->state == REFTCP_SYN_RECEIVED) &&
		    stack_rule(s, RULE_soft_error_ends_opening)) {
			tcb_delete(s, c, -e->error, CLAUSE_HARD_ERROR, now);
			return;
		}
		break;
	}
	c->soft_error = e->error; /* MUST NOT abort [MUST-56]; told [SHLD-25] */
	if (c->reports)
		stack_tell(s, c, REFTCP_EVENT_SOFT_ERROR);
}

static bool checksum_ok(const struct packet *ip)
{
	uint64_t sum = 0;

	if (ip->src.family == 6)
		sum = inetsum_pseudo(&ip->src, &ip->dst, 58, (uint32_t)ip->payload_len);
	return inetsum_finish(inetsum_add(sum, ip->payload, ip->payload_len)) == 0;
}

void icmp_arrives(struct reftcp_stack *s, const struct packet *ip, reftcp_time now)
{
	const uint8_t *p = ip->payload;
	struct icmp_error e;
	struct tcb *c = NULL;
	struct seq seq;

	s->counters.icmp_received++;
	if (ip->payload_len >= 8 && (!s->config.verify_checksums || checksum_ok(ip))) {
		e = ip->src.family == 4 ? classify4(p[0], p[1], load32(p + 4))
					: classify6(p[0], p[1], load32(p + 4));
		if (e.class != ICMP_IGNORE)
			c = connection_of(s, ip->src.family, p + 8, ip->payload_len - 8, &seq);
	}
	/* RFC 5927 4.1: SND.UNA =< SEG.SEQ < SND.NXT */
	if (!c || !seq_in(seq, c->snd.una, seq_diff(c->snd.nxt, c->snd.una))) {
		s->counters.icmp_ignored++;
		return;
	}
	act(s, c, &e, now);
	stack_settle(s, c);
}
