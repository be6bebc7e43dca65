/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "duel/play.h"

#include <stdlib.h>
#include <string.h>

#include "reftcp/addr.h"
#include "reftcp/inetsum.h"

#define PACKET_MAX 65536

static uint32_t isn_of(const struct play *p, uint8_t conn)
{
	return p->sc->isn + conn * 100000u;
}

void play_init(struct play *p, const struct scenario *sc, const struct subject_ops *ops, void *self,
	       struct trace *trace)
{
	memset(p, 0, sizeof(*p));
	p->sc = sc;
	p->ops = ops;
	p->self = self;
	p->trace = trace;
	trace->acts = 0;
}

bool play_done(const struct play *p)
{
	return p->next == p->sc->acts;
}

static uint32_t resolve(const struct view *v, const struct number *n, uint32_t start)
{
	switch (n->from) {
	case FROM_START:
		return start + (uint32_t)n->add;
	case FROM_ALL:
		return v->all + (uint32_t)n->add;
	case FROM_EDGE:
		return v->edge + (uint32_t)n->add;
	}
	return start;
}

/* The text of a segment says where it belongs, so that what is read can be told apart. */
static void fill_text(uint8_t *buf, uint32_t len, uint32_t first)
{
	for (uint32_t i = 0; i < len; i++)
		buf[i] = (uint8_t)('a' + (first + i) % 26);
}

static void arrives(struct play *p, const struct act *act)
{
	const struct script_segment *in = &act->segment;
	struct view *v = &p->view[act->conn];
	uint32_t isn = isn_of(p, act->conn);
	static uint8_t buf[PACKET_MAX];
	struct segment seg = {
		.src = p->ops->theirs(p->self, act->conn),
		.dst = p->ops->ours(p->self, act->conn),
		.ttl = 64,
		.ecn = in->ecn,
		.ctl = in->ctl,
		.seq = seq_of(resolve(v, &in->seq, isn)),
		.ack = seq_of(in->ctl & CTL_ACK ? resolve(v, &in->ack, v->iss) : 0),
		.wnd = in->wnd,
		.up = in->up,
		.opt = in->opt,
		.text_len = in->len,
	};
	size_t head;

	v->used = true;
	if (in->ctl & CTL_SYN && v->state <= REFTCP_SYN_RECEIVED)
		v->peer_scales = in->opt.has & TCPOPT_SCALE;
	if (in->opt.has & TCPOPT_TS && !in->ecr_given)
		seg.opt.ts_ecr = v->ts_last;
	if (in->cookie) {
		seg.opt.cookie_len = v->cookie_len;
		memcpy(seg.opt.cookie, v->cookie, sizeof(v->cookie));
	}
	for (unsigned int i = 0; i < seg.opt.sacks; i++) {
		seg.opt.sack[i].left.n += v->iss;
		seg.opt.sack[i].right.n += v->iss;
	}
	head = segment_header_length(&seg);
	if (head + in->len > sizeof(buf))
		abort();
	fill_text(buf + head, in->len, seg.seq.n - isn);
	segment_build(&seg, in->len ? inetsum_add(0, buf + head, in->len) : 0, buf);
	p->ops->arrives(p->self, buf, head + in->len);
}

reftcp_time play_begin(struct play *p)
{
	const struct act *act = &p->sc->act[p->next];
	struct observation *o = &p->trace->act[p->next];

	o->result = 0;
	o->count = 0;
	o->overflow = false;
	switch (act->kind) {
	case ACT_SEGMENT:
		arrives(p, act);
		break;
	case ACT_CALL:
		p->view[act->conn].used = true;
		o->result = p->ops->call(p->self, act->conn, act);
		break;
	case ACT_WAIT:
		return act->wait;
	}
	return 0;
}

/* A SYN of the stack begins its numbers anew, but where TIME-WAIT remembers the old ones: then
 * their distance is what is worth seeing. */
static void note_syn(struct view *v, const struct segment *seg)
{
	if (!v->iss_known || (v->state == REFTCP_CLOSED && seg->seq.n != v->iss)) {
		v->iss = seg->seq.n;
		v->all = v->iss;
		v->iss_known = true;
	}
	v->scales = seg->opt.has & TCPOPT_SCALE;
	v->scale = seg->opt.scale;
	if (seg->opt.has & TCPOPT_COOKIE && seg->opt.cookie_len) {
		v->cookie_len = seg->opt.cookie_len;
		memcpy(v->cookie, seg->opt.cookie, sizeof(v->cookie));
	}
}

static void note_sent(struct view *v, const struct segment *seg, struct seen *seen)
{
	bool scaled = v->scales && v->peer_scales && !(seg->ctl & CTL_SYN);
	struct seq end = seq_add(seg->seq, segment_length(seg));

	if (seg->ctl & CTL_RST)
		return;
	seen->again = segment_length(seg) && seq_leq(end, seq_of(v->all));
	if (seq_gt(end, seq_of(v->all)))
		v->all = end.n;
	if (seg->ctl & CTL_ACK)
		v->edge = seg->ack.n + ((uint32_t)seg->wnd << (scaled ? v->scale : 0));
	if (seg->opt.has & TCPOPT_TS)
		v->ts_last = seg->opt.ts_val;
}

static struct seen put_in_words(const struct play *p, uint8_t conn, const struct segment *seg)
{
	const struct view *v = &p->view[conn];
	uint32_t isn = isn_of(p, conn);
	struct seen s = {
		.conn = conn,
		.ctl = seg->ctl & (uint8_t)~CTL_PSH,
		.seq = seg->seq.n - v->iss,
		.ack = seg->ctl & CTL_ACK ? seg->ack.n - isn : 0,
		.len = seg->text_len,
		.shut = seg->wnd == 0 && !(seg->ctl & CTL_RST),
		.up = seg->up,
		.has = seg->opt.has,
		/* An option that is not there has no value. */
		.mss = seg->opt.has & TCPOPT_MSS ? seg->opt.mss : 0,
		.ts_ecr = seg->opt.has & TCPOPT_TS ? seg->opt.ts_ecr : 0,
		.sacks = seg->opt.has & TCPOPT_SACK ? seg->opt.sacks : 0,
		.ecn = seg->ecn,
		.edge = v->edge - isn,
	};

	if (seg->ctl & CTL_RST && seg->ctl & CTL_ACK && seg->seq.n == 0)
		s.seq = 0; /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN> */
	for (unsigned int i = 0; i < s.sacks; i++) {
		s.sack[i].left = seg->opt.sack[i].left.n - isn;
		s.sack[i].right = seg->opt.sack[i].right.n - isn;
	}
	return s;
}

static int conn_of(const struct play *p, const struct segment *seg)
{
	for (uint8_t i = 0; i < SCENARIO_CONNS; i++) {
		struct reftcp_endpoint theirs = p->ops->theirs(p->self, i);

		if (endpoint_equal(&theirs, &seg->dst))
			return i;
	}
	return -1;
}

static void note(struct play *p, struct observation *o, const uint8_t *packet, size_t len)
{
	struct packet ip;
	struct segment seg;
	int conn;

	if (packet_parse(&ip, packet, len) != SEGMENT_OK ||
	    segment_parse(&seg, &ip, true) != SEGMENT_OK)
		return;
	conn = conn_of(p, &seg);
	if (conn < 0)
		return;
	if (o->count == TRACE_SEEN) {
		o->overflow = true;
		return;
	}
	if (seg.ctl & CTL_SYN)
		note_syn(&p->view[conn], &seg);
	o->seen[o->count] = put_in_words(p, (uint8_t)conn, &seg);
	note_sent(&p->view[conn], &seg, &o->seen[o->count]);
	o->count++;
}

void play_take(struct play *p)
{
	static uint8_t buf[PACKET_MAX];
	size_t len;

	while (p->ops->take(p->self, buf, sizeof(buf), &len))
		note(p, &p->trace->act[p->next], buf, len);
}

void play_end(struct play *p)
{
	struct observation *o = &p->trace->act[p->next];

	play_take(p);
	p->next++;
	for (uint8_t i = 0; i < SCENARIO_CONNS; i++) {
		struct view *v = &p->view[i];

		o->state[i] = REFTCP_CLOSED;
		o->expires[i] = REFTCP_NEVER;
		if (v->used)
			o->state[i] = p->ops->state(p->self, i, &o->expires[i]);
		v->state = o->state[i];
	}
	p->trace->acts = p->next;
}
