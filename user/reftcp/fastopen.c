/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/fastopen.h"

#include <string.h>

#include "reftcp/addr.h"
#include "reftcp/listen.h"
#include "reftcp/mss.h"
#include "reftcp/output.h"
#include "reftcp/reassembly.h"
#include "reftcp/rtxq.h"
#include "reftcp/secret.h"
#include "reftcp/window.h"

#define COOKIE_LENGTH 8

/* RFC 7413 4.1.2: from the addresses alone, so that any port of the client may show it. Of the
 * client and the server, as Linux has it: servers that share a key take each other's. */
static void make_cookie(const struct reftcp_stack *s, unsigned int which,
			const struct reftcp_addr *server, const struct reftcp_addr *client,
			uint8_t cookie[COOKIE_LENGTH])
{
	struct siphash_key key;
	size_t len = addr_length(client);
	uint8_t both[32];
	uint64_t h;

	if (s->config.fast_open_keys) {
		key = siphash_key_from(s->config.fast_open_key[which]);
	} else {
		struct reftcp_endpoint none = {{0}, 0};

		key.k0 = secret_hash(&s->key, SECRET_FAST_OPEN, &none, &none, 0);
		key.k1 = secret_hash(&s->key, SECRET_FAST_OPEN, &none, &none, 1);
	}
	memcpy(both, client->byte, len);
	memcpy(both + len, server->byte, len);
	h = siphash(&key, both, 2 * len);
	for (unsigned int i = 0; i < COOKIE_LENGTH; i++)
		cookie[i] = (uint8_t)(h >> 8 * i);
}

static const struct known_server *find(const struct reftcp_stack *s, const struct reftcp_addr *a)
{
	for (unsigned int i = 0; i < KNOWN_SERVERS; i++)
		if (s->known[i].mss && addr_equal(&s->known[i].addr, a))
			return &s->known[i];
	return NULL;
}

/* RFC 7413 4.1.3: the cookie and the MSS, for the next connection; the oldest goes. */
static void remember(struct reftcp_stack *s, const struct tcb *c, const struct segment *seg)
{
	struct known_server *to = (struct known_server *)find(s, &c->remote.addr);
	const struct tcpopt *opt = &seg->opt;
	bool cookie = c->asked && opt->has & TCPOPT_COOKIE && opt->cookie_len;

	if (!to) {
		to = &s->known[s->known_next++ % KNOWN_SERVERS];
		*to = (struct known_server){.addr = c->remote.addr};
	}
	to->mss = opt->has & TCPOPT_MSS ? opt->mss : c->send_mss;
	if (cookie) {
		to->experiment = opt->cookie_experiment;
		to->cookie_len = opt->cookie_len;
		memcpy(to->cookie, opt->cookie, opt->cookie_len);
	} else if (c->asked && !c->retransmits && !to->cookie_len && !c->syn_text_len &&
		   to->try_old < 2) {
		/* No answer: perhaps the server knows the option's old form only. */
		to->try_old = c->asked_old ? 2 : 1;
	}
}

bool reftcp_fast_open_cookie(const struct reftcp_stack *s, const struct reftcp_addr *server)
{
	const struct known_server *known = s && server ? find(s, server) : NULL;

	return (known && known->cookie_len) || (s && s->config.fast_open_bare);
}

uint32_t reftcp_fast_open_room(const struct reftcp_stack *s, reftcp_id id)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;
	struct segment seg = {0};
	uint32_t queued, room;

	if (!c || c->state != REFTCP_SYN_SENT || !c->rtx_head ||
	    !(c->rtx_head->flags & TXSEG_FRESH))
		return 0;
	output_header((struct reftcp_stack *)s, c, &seg, CTL_SYN, c->snd.iss, 0);
	queued = c->snd.queued;
	c->snd.queued = UINT32_MAX;
	room = fastopen_room(s, c, &seg);
	c->snd.queued = queued;
	return room;
}

void fastopen_put(const struct reftcp_stack *s, struct tcb *c, struct segment *seg)
{
	const struct known_server *known;

	if (!s->config.fast_open || !c->fast_open)
		return;
	if (seg->ctl & CTL_ACK) {
		if (!c->give_cookie)
			return;
		seg->opt.has |= TCPOPT_COOKIE;
		seg->opt.cookie_experiment = c->asked_old;
		seg->opt.cookie_len = COOKIE_LENGTH;
		make_cookie(s, 0, &c->local.addr, &c->remote.addr, seg->opt.cookie);
		return;
	}
	/* RFC 7413 4.1.3.1: after a timeout a plain SYN, the option may be what was eaten. */
	if (c->retries || c->refused_text)
		return;
	known = find(s, &c->remote.addr);
	if (s->config.fast_open_bare)
		return;
	seg->opt.has |= TCPOPT_COOKIE;
	c->asked = true;
	if (!known || !known->cookie_len) {
		/* an empty one asks for a cookie */
		c->asked_old = seg->opt.cookie_experiment = known && known->try_old == 1;
		return;
	}
	seg->opt.cookie_experiment = known->experiment;
	seg->opt.cookie_len = known->cookie_len;
	memcpy(seg->opt.cookie, known->cookie, known->cookie_len);
}

uint32_t fastopen_room(const struct reftcp_stack *s, const struct tcb *c, const struct segment *seg)
{
	const struct known_server *known;
	uint32_t room = c->own_mss;

	if (!s->config.fast_open || !c->fast_open || c->retries || c->refused_text)
		return 0;
	if (!s->config.fast_open_bare && !(seg->opt.has & TCPOPT_COOKIE && seg->opt.cookie_len))
		return 0;
	known = find(s, &c->remote.addr);
	if (known && known->mss < room)
		room = known->mss;
	/* The MSS is that of a segment without options: room for as many as there can be. */
	room = room > TCPOPT_MAX ? room - TCPOPT_MAX : 0;
	return c->snd.queued < room ? c->snd.queued : room;
}

void fastopen_too_big(struct reftcp_stack *s, struct tcb *c)
{
	uint32_t mss = c->path_mtu - mss_headers(c);

	s->counters.pmtu_reductions++;
	c->refused_text = true;
	if (mss < c->own_mss)
		c->own_mss = (uint16_t)mss;
	rtxq_mark_all_lost(c);
	c->send_one = true;
}

void fastopen_answered(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!a->s->config.fast_open || !c->fast_open)
		return;
	remember(a->s, c, a->seg);
	c->syn_data = c->syn_text_len && !c->rtx_head;
	/* One packet it was, though two entries of the queue. */
	c->told.delivered -= c->syn_data && c->told.delivered > 1;
	/* RFC 7413 4.1.3.1: what the SYN,ACK does not acknowledge was not taken. */
	if (c->rtx_head)
		rtxq_mark_all_lost(c);
}

static bool cookie_good(const struct arrival *a, bool *renew)
{
	unsigned int keys = a->s->config.fast_open_keys > 1 ? 2 : 1;
	uint8_t want[COOKIE_LENGTH];

	if (!(a->seg->opt.has & TCPOPT_COOKIE) || a->seg->opt.cookie_len != COOKIE_LENGTH)
		return false;
	for (unsigned int k = 0; k < keys; k++) {
		uint8_t differ = 0;

		make_cookie(a->s, k, &a->seg->dst.addr, &a->seg->src.addr, want);
		for (unsigned int i = 0; i < COOKIE_LENGTH; i++)
			differ |= want[i] ^ a->seg->opt.cookie[i];
		if (differ)
			continue;
		*renew = k > 0;
		return true;
	}
	return false;
}

void fastopen_syn(struct arrival *a, const struct tcb *listener)
{
	bool asked = a->seg->opt.has & TCPOPT_COOKIE, good, renew = false;
	struct tcb *c = a->c;

	if (!a->s->config.fast_open || !listener->fast_open || c == listener ||
	    (!asked && !a->text_len))
		return;
	good = cookie_good(a, &renew) || (a->text_len && a->s->config.fast_open_any);
	c->fast_open = true;
	c->give_cookie = asked && (!good || renew);
	c->asked_old = a->seg->opt.cookie_experiment;
	if (!good)
		return;
	/* RFC 7413 4.2.2: acknowledged with the SYN,ACK, and the user need not wait. */
	c->rcv.held = 0;
	stream_clear(&c->rcv.stream, &a->s->chunks);
	if (a->text_len &&
	    reassembly_take(a->s, c, c->rcv.nxt, a->text,
			    a->text_len < c->rcv.wnd ? a->text_len : c->rcv.wnd) <= 0)
		return;
	c->early = true;
	c->syn_data = a->text_len;
	a->s->counters.fast_open_taken++;
	if (a->text_len)
		stack_tell(a->s, c, REFTCP_EVENT_READABLE);
	listen_established(a->s, c);
}
