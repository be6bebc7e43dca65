/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "reftcp/fastopen.h"

#include <string.h>

#include "reftcp/addr.h"
#include "reftcp/listen.h"
#include "reftcp/reassembly.h"
#include "reftcp/rtxq.h"
#include "reftcp/secret.h"
#include "reftcp/window.h"

#define COOKIE_LENGTH 8

/* RFC 7413 4.1.2: from the addresses alone, so that any port of the client may show it. */
static void make_cookie(const struct reftcp_stack *s, const struct reftcp_addr *server,
			const struct reftcp_addr *client, uint8_t cookie[COOKIE_LENGTH])
{
	struct reftcp_endpoint a = {*server, 0}, b = {*client, 0};
	uint64_t h = secret_hash(&s->key, SECRET_FAST_OPEN, &a, &b, 0);

	for (unsigned int i = 0; i < COOKIE_LENGTH; i++)
		cookie[i] = (uint8_t)(h >> 8 * i);
}

static const struct known_server *find(const struct reftcp_stack *s, const struct reftcp_addr *a)
{
	for (unsigned int i = 0; i < KNOWN_SERVERS; i++)
		if (s->known[i].cookie_len && addr_equal(&s->known[i].addr, a))
			return &s->known[i];
	return NULL;
}

/* RFC 7413 4.1.3: the cookie and the MSS, for the next connection; the oldest goes. */
static void remember(struct reftcp_stack *s, const struct tcb *c, const struct tcpopt *opt)
{
	struct known_server *to = (struct known_server *)find(s, &c->remote.addr);

	if (!to)
		to = &s->known[s->known_next++ % KNOWN_SERVERS];
	to->addr = c->remote.addr;
	to->mss = c->send_mss;
	to->cookie_len = opt->cookie_len;
	memcpy(to->cookie, opt->cookie, opt->cookie_len);
}

void fastopen_put(const struct reftcp_stack *s, const struct tcb *c, struct segment *seg)
{
	const struct known_server *known;

	if (!s->config.fast_open || !c->fast_open)
		return;
	if (seg->ctl & CTL_ACK) {
		if (!c->give_cookie)
			return;
		seg->opt.has |= TCPOPT_COOKIE;
		seg->opt.cookie_len = COOKIE_LENGTH;
		make_cookie(s, &c->local.addr, &c->remote.addr, seg->opt.cookie);
		return;
	}
	/* RFC 7413 4.1.3.1: after a timeout a plain SYN, the option may be what was eaten. */
	if (c->retries)
		return;
	seg->opt.has |= TCPOPT_COOKIE;
	known = find(s, &c->remote.addr);
	if (!known)
		return; /* an empty one asks for a cookie */
	seg->opt.cookie_len = known->cookie_len;
	memcpy(seg->opt.cookie, known->cookie, known->cookie_len);
}

uint32_t fastopen_room(const struct reftcp_stack *s, const struct tcb *c, const struct segment *seg)
{
	const struct known_server *known;
	uint32_t options, room;

	if (!(seg->opt.has & TCPOPT_COOKIE) || !seg->opt.cookie_len)
		return 0;
	known = find(s, &c->remote.addr);
	if (!known)
		return 0;
	options = (uint32_t)tcpopt_length(&seg->opt);
	room = known->mss < c->own_mss ? known->mss : c->own_mss;
	room = room > options ? room - options : 0;
	return c->snd.queued < room ? c->snd.queued : room;
}

void fastopen_answered(struct arrival *a)
{
	const struct tcpopt *opt = &a->seg->opt;
	struct tcb *c = a->c;

	if (!a->s->config.fast_open || !c->fast_open)
		return;
	if (opt->has & TCPOPT_COOKIE && opt->cookie_len)
		remember(a->s, c, opt);
	/* RFC 7413 4.1.3.1: what the SYN,ACK does not acknowledge was not taken. */
	if (c->rtx_head)
		rtxq_mark_all_lost(c);
}

static bool cookie_good(const struct arrival *a)
{
	uint8_t want[COOKIE_LENGTH], differ = 0;

	if (a->seg->opt.cookie_len != COOKIE_LENGTH)
		return false;
	make_cookie(a->s, &a->seg->dst.addr, &a->seg->src.addr, want);
	for (unsigned int i = 0; i < COOKIE_LENGTH; i++)
		differ |= want[i] ^ a->seg->opt.cookie[i];
	return !differ;
}

void fastopen_syn(struct arrival *a, const struct tcb *listener)
{
	struct tcb *c = a->c;
	bool good;

	if (!a->s->config.fast_open || !listener->fast_open || c == listener ||
	    !(a->seg->opt.has & TCPOPT_COOKIE))
		return;
	good = cookie_good(a);
	c->fast_open = true;
	c->give_cookie = !good;
	if (!good || !a->text_len)
		return;
	/* RFC 7413 4.2.2: acknowledged with the SYN,ACK, and the user need not wait. */
	c->rcv.held = 0;
	stream_clear(&c->rcv.stream, &a->s->chunks);
	if (reassembly_take(a->s, c, c->rcv.nxt, a->text,
			    a->text_len < c->rcv.wnd ? a->text_len : c->rcv.wnd) <= 0)
		return;
	c->early = true;
	a->s->counters.fast_open_taken++;
	stack_tell(a->s, c, REFTCP_EVENT_READABLE);
	listen_established(a->s, c);
}
