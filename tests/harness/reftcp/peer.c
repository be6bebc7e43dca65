/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Misuse aborts: a harness that goes on after an error tests nothing. */
#include "reftcp/peer.h"

#include <stdlib.h>
#include <string.h>

#include "reftcp/inetsum.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void on_transition(void *ctx, const struct reftcp_transition *t)
{
	struct peer *p = ctx;

	must(p->path_len < PEER_PATH_MAX);
	p->path[p->path_len++] = *t;
}

void peer_init(struct peer *p)
{
	memset(p, 0, sizeof(*p));
	reftcp_config_default(&p->config);
	p->config.connections = 8;
	p->config.segments = 512;
	p->config.chunks = 512;
	p->config.chunk_size = 1024;
	p->config.send_buffer = 20000;
	p->config.recv_buffer = 20000;
	p->config.window_scale = p->config.timestamps = false;
	p->config.sack = p->config.ecn = false;
	p->config.congestion = REFTCP_NEWRENO;
	p->config.on_transition = on_transition;
	p->config.ctx = p;
	p->ours = (struct reftcp_endpoint){{4, {192, 0, 2, 1}}, 80};
	p->theirs = (struct reftcp_endpoint){{4, {192, 0, 2, 2}}, 4000};
	p->isn = PEER_ISN;
	p->now = 100 * REFTCP_S;
	p->syn_opt.has = TCPOPT_MSS;
	p->syn_opt.mss = 1000;
}

void peer_init6(struct peer *p)
{
	static const struct reftcp_addr a = {6, {0x20, 1, 0x0d, 0xb8, [15] = 1}};
	static const struct reftcp_addr b = {6, {0x20, 1, 0x0d, 0xb8, [15] = 2}};

	peer_init(p);
	p->ours.addr = a;
	p->theirs.addr = b;
}

void peer_start(struct peer *p)
{
	must(reftcp_new(&p->stack, &p->config, p->now) == 0);
	must(reftcp_add_address(p->stack, &p->ours.addr) == 0);
}

void peer_end(struct peer *p)
{
	reftcp_free(p->stack);
	p->stack = NULL;
}

void peer_send_full(struct peer *p, uint8_t ctl, uint32_t seq, uint32_t ack, uint16_t wnd,
		    const struct tcpopt *opt, uint16_t up, const void *text, size_t len)
{
	uint8_t buf[4096];
	struct segment seg = {
		.src = p->theirs,
		.dst = p->ours,
		.ttl = 64,
		.ecn = p->ip_ecn,
		.ctl = ctl,
		.seq = seq_of(p->isn + seq),
		.ack = seq_of(p->iss + ack),
		.wnd = wnd,
		.up = up,
		.text_len = (uint32_t)len,
	};
	size_t head;

	if (opt)
		seg.opt = *opt;
	if (p->ts_on) {
		seg.opt.has |= TCPOPT_TS;
		seg.opt.ts_val = p->ts_val;
		seg.opt.ts_ecr = p->ts_ecr;
	}
	head = segment_header_length(&seg);
	must(head + len <= sizeof(buf));
	if (len)
		memcpy(buf + head, text, len);
	segment_build(&seg, len ? inetsum_add(0, text, len) : 0, buf);
	must(reftcp_arrives(p->stack, buf, head + len, p->now, &p->verdict) == 0);
}

void peer_send(struct peer *p, uint8_t ctl, uint32_t seq, uint32_t ack, const void *text,
	       size_t len)
{
	peer_send_full(p, ctl, seq, ack, PEER_WINDOW, ctl & CTL_SYN ? &p->syn_opt : NULL, 0, text,
		       len);
}

bool peer_take(struct peer *p)
{
	struct packet ip;

	if (reftcp_transmit(p->stack, p->packet, sizeof(p->packet), p->now, &p->packet_len))
		return false;
	must(packet_parse(&ip, p->packet, p->packet_len) == SEGMENT_OK);
	must(segment_parse(&p->out, &ip, true) == SEGMENT_OK);
	if (p->out.ctl & CTL_SYN)
		p->iss = p->out.seq.n;
	p->ts_ecr = p->out.opt.has & TCPOPT_TS ? p->out.opt.ts_val : 0;
	p->out.seq.n -= p->iss;
	p->out.ack.n -= p->isn;
	return true;
}

unsigned int peer_drain(struct peer *p)
{
	unsigned int n = 0;

	while (peer_take(p))
		n++;
	return n;
}

void peer_wait(struct peer *p, reftcp_time d)
{
	reftcp_time end = p->now + d;

	while (reftcp_deadline(p->stack) <= end) {
		reftcp_time at = reftcp_deadline(p->stack);

		p->now = at > p->now ? at : p->now;
		reftcp_expire(p->stack, p->now);
	}
	p->now = end;
}

unsigned int peer_count(struct peer *p, reftcp_time d)
{
	reftcp_time end = p->now + d;
	unsigned int n = peer_drain(p);

	while (reftcp_deadline(p->stack) <= end) {
		peer_wait(p, reftcp_deadline(p->stack) - p->now);
		n += peer_drain(p);
	}
	p->now = end;
	return n;
}

static void open_active(struct peer *p)
{
	struct reftcp_open args = {.active = true, .local = p->ours, .remote = p->theirs};

	must(reftcp_open(p->stack, &args, p->now, &p->id) == 0);
	must(peer_take(p) && p->out.ctl & CTL_SYN);
}

static void open_passive(struct peer *p)
{
	struct reftcp_open args = {.local = p->ours};

	must(reftcp_open(p->stack, &args, p->now, &p->id) == 0);
}

void peer_reach_crossed(struct peer *p)
{
	open_active(p);
	peer_send(p, CTL_SYN, 0, 0, NULL, 0);
	must(peer_take(p) && p->out.ctl == (CTL_SYN | CTL_ACK));
}

static void establish(struct peer *p)
{
	open_passive(p);
	peer_send(p, CTL_SYN, 0, 0, NULL, 0);
	must(peer_take(p) && p->out.ctl & CTL_SYN && p->out.ctl & CTL_ACK);
	peer_send(p, CTL_ACK, 1, 1, NULL, 0);
}

/* To FIN_WAIT_1, CLOSE_WAIT or further; the stack's FIN is number 1, the peer's too. */
static void close_to(struct peer *p, enum reftcp_state state)
{
	if (state == REFTCP_CLOSE_WAIT || state == REFTCP_LAST_ACK) {
		peer_send(p, CTL_FIN | CTL_ACK, 1, 1, NULL, 0);
		if (state == REFTCP_LAST_ACK)
			must(reftcp_close(p->stack, p->id, p->now) == 0);
		return;
	}
	must(reftcp_close(p->stack, p->id, p->now) == 0);
	peer_drain(p);
	if (state == REFTCP_CLOSING)
		peer_send(p, CTL_FIN | CTL_ACK, 1, 1, NULL, 0);
	if (state == REFTCP_FIN_WAIT_2 || state == REFTCP_TIME_WAIT)
		peer_send(p, CTL_ACK, 1, 2, NULL, 0);
	if (state == REFTCP_TIME_WAIT)
		peer_send(p, CTL_FIN | CTL_ACK, 1, 2, NULL, 0);
}

void peer_reach(struct peer *p, enum reftcp_state state)
{
	switch (state) {
	case REFTCP_CLOSED:
		return;
	case REFTCP_LISTEN:
		open_passive(p);
		break;
	case REFTCP_SYN_SENT:
		open_active(p);
		break;
	case REFTCP_SYN_RECEIVED:
		open_passive(p);
		peer_send(p, CTL_SYN, 0, 0, NULL, 0);
		break;
	case REFTCP_ESTABLISHED:
		establish(p);
		break;
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSE_WAIT:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		establish(p);
		close_to(p, state);
		break;
	}
	peer_drain(p);
	must(peer_state(p) == state);
}

enum reftcp_state peer_state(struct peer *p)
{
	struct reftcp_status st;

	must(reftcp_status(p->stack, p->id, &st) == 0);
	return st.state;
}

int peer_error(struct peer *p)
{
	struct reftcp_status st;

	must(reftcp_status(p->stack, p->id, &st) == 0);
	return st.error;
}

uint32_t peer_events(struct peer *p)
{
	struct reftcp_event e;
	uint32_t bits = 0;

	while (reftcp_next_event(p->stack, &e) == 0)
		if (e.id == p->id)
			bits |= e.events;
	return bits;
}

bool peer_path_ends(const struct peer *p, const enum reftcp_state *states, unsigned int n)
{
	if (p->path_len < n)
		return false;
	for (unsigned int i = 0; i < n; i++)
		if (p->path[p->path_len - n + i].to != states[i])
			return false;
	return true;
}

void peer_icmp(struct peer *p, uint8_t type, uint8_t code, uint32_t rest, uint32_t seq_off,
	       uint8_t damage)
{
	uint8_t buf[56] = {0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1};
	uint32_t seq;
	uint16_t sum;

	memcpy(buf + 12, p->theirs.addr.byte, 4);
	memcpy(buf + 16, p->ours.addr.byte, 4);
	sum = inetsum_finish(inetsum_add(0, buf, 20));
	memcpy(buf + 10, &sum, 2);
	buf[20] = type;
	buf[21] = code;
	buf[26] = (uint8_t)(rest >> 8);
	buf[27] = (uint8_t)rest;
	memcpy(buf + 28, p->packet, 28);
	seq = p->out.seq.n + p->iss + seq_off;
	for (int i = 0; i < 4; i++)
		buf[52 + i] = (uint8_t)(seq >> (24 - 8 * i));
	sum = inetsum_finish(inetsum_add(0, buf + 20, 36));
	memcpy(buf + 22, &sum, 2);
	buf[22] ^= damage;
	must(reftcp_arrives(p->stack, buf, sizeof(buf), p->now, NULL) == 0);
}
