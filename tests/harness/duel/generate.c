/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. What is generated keeps a peer's own view (what it has sent, what its options
 * are), so that most segments are ones a sane peer could send; the odd ones differ from those in
 * one or two fields, at the edges where stacks decide.
 */
#include "duel/generate.h"

#include <string.h>

#include "duel/words.h"

struct generator {
	struct scenario *sc;
	uint64_t random;
	uint32_t nxt; /* the peer's next sequence number */
	uint32_t ts;
	bool ts_on, sack_on, open, fin, passive, sent;
};

static uint64_t draw(struct generator *g)
{
	uint64_t z = g->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t below(struct generator *g, uint32_t n)
{
	return (uint32_t)(draw(g) % n);
}

/* true n times in 100 */
static bool chance(struct generator *g, uint32_t n)
{
	return below(g, 100) < n;
}

#define PICK(g, array) ((array)[below(g, sizeof(array) / sizeof((array)[0]))])

static struct act *add(struct generator *g, enum act_kind kind)
{
	/* The last place stays free, so that whoever adds need not look. */
	struct act *act = &g->sc->act[g->sc->acts];

	if (g->sc->acts < SCENARIO_ACTS - 1)
		g->sc->acts++;
	memset(act, 0, sizeof(*act));
	act->kind = kind;
	return act;
}

static void add_call(struct generator *g, enum call call, int64_t argument)
{
	struct act *act = add(g, ACT_CALL);

	act->call = call;
	act->argument = argument;
}

static struct script_segment *add_segment(struct generator *g, uint8_t ctl)
{
	struct script_segment *s = &add(g, ACT_SEGMENT)->segment;

	s->ctl = ctl;
	s->wnd = SCRIPT_WINDOW;
	s->seq.add = (int32_t)g->nxt;
	s->ack.from = FROM_ALL;
	if (g->ts_on) {
		s->opt.has |= TCPOPT_TS;
		s->opt.ts_val = g->ts++;
	}
	return s;
}

static void syn_options(struct generator *g, struct script_segment *s)
{
	s->opt.has |= TCPOPT_MSS;
	s->opt.mss = chance(g, 80) ? 1460 : 536;
	if (g->ts_on) {
		s->opt.has |= TCPOPT_TS;
		s->opt.ts_val = g->ts++;
	}
	if (g->sack_on)
		s->opt.has |= TCPOPT_SACK_OK;
	if (chance(g, 30)) {
		s->opt.has |= TCPOPT_SCALE;
		s->opt.scale = (uint8_t)below(g, 4);
	}
}

/* ---- odd segments ---- */

static void odd_seq(struct generator *g, struct script_segment *s)
{
	static const int32_t near[] = {-1, 1, 2, 10, 100, 1460, -10, -1460, -2};
	static const int32_t edge[] = {0, -1, 1, -10, 1460, 100000};

	/* Where the kernel opened, its window is not known before it has sent an ACK. */
	if (g->passive && chance(g, 30)) {
		s->seq.from = FROM_EDGE;
		s->seq.add = PICK(g, edge);
	} else {
		s->seq.add += PICK(g, near);
	}
}

static void odd_ack(struct generator *g, struct script_segment *s)
{
	static const int32_t near[] = {-1, 1, -10, 10, -1000, 100000, -100000, -8001};

	if (chance(g, 20)) {
		s->ack.from = FROM_START;
		s->ack.add = (int32_t)below(g, 3);
	} else {
		s->ack.add = PICK(g, near);
	}
}

static void odd_options(struct generator *g, struct script_segment *s)
{
	uint32_t left;

	switch (below(g, 4)) {
	case 0:
		s->opt.has &= ~TCPOPT_TS;
		break;
	case 1:
		if (s->opt.has & TCPOPT_TS)
			s->opt.ts_val -= 1 + below(g, 50);
		break;
	case 2:
		s->ecr_given = true;
		s->opt.ts_ecr = 0;
		break;
	default:
		if (!g->sack_on)
			break;
		left = 1 + below(g, 3000);
		s->opt.has |= TCPOPT_SACK;
		s->opt.sacks = 1;
		s->opt.sack[0] =
			(struct sack_block){seq_of(left), seq_of(left + 1 + below(g, 2000))};
		break;
	}
}

static void odd_segment(struct generator *g)
{
	static const uint8_t ctl[] = {
		CTL_ACK,
		CTL_ACK,
		CTL_ACK,
		CTL_RST,
		CTL_RST | CTL_ACK,
		CTL_SYN,
		CTL_SYN | CTL_ACK,
		CTL_FIN | CTL_ACK,
		CTL_FIN,
		0,
		CTL_SYN | CTL_FIN,
		CTL_RST | CTL_SYN,
		CTL_PSH | CTL_ACK,
		CTL_SYN | CTL_FIN | CTL_ACK,
		CTL_RST | CTL_FIN | CTL_ACK,
	};
	static const uint32_t len[] = {0, 0, 0, 1, 10, 100, 1460};
	static const uint16_t wnd[] = {0, 1, 100, 65535, 8000};
	struct script_segment *s = add_segment(g, PICK(g, ctl));
	bool plain = true;

	if (chance(g, 50)) {
		odd_seq(g, s);
		plain = false;
	}
	if (chance(g, 30)) {
		odd_ack(g, s);
		plain = false;
	}
	if (chance(g, 40))
		s->len = PICK(g, len);
	if (chance(g, 15))
		s->wnd = PICK(g, wnd);
	if (s->ctl & CTL_SYN && chance(g, 50))
		syn_options(g, s);
	if (chance(g, 15)) {
		odd_options(g, s);
		plain = false;
	}
	/* One that is taken moves the peer on. */
	if (plain && g->open && (s->ctl & (CTL_ACK | CTL_RST | CTL_SYN)) == CTL_ACK && !g->fin) {
		g->nxt += s->len;
		g->fin = s->ctl & CTL_FIN;
		g->nxt += g->fin;
	}
}

/* ---- sane ones ---- */

static void sane_segment(struct generator *g)
{
	static const uint32_t len[] = {0, 0, 0, 1, 10, 100, 1000, 1460};
	struct script_segment *s = add_segment(g, CTL_ACK);

	if (g->fin)
		return;
	s->len = PICK(g, len);
	if (chance(g, 15)) {
		s->ctl |= CTL_FIN;
		g->fin = true;
	}
	g->nxt += s->len + g->fin;
	if (chance(g, 4))
		s->wnd = 0;
}

/* ---- calls and time ---- */

static void some_call(struct generator *g)
{
	static const enum call calls[] = {
		CALL_send,  CALL_send,     CALL_send,     CALL_recv,     CALL_recv,
		CALL_recv,  CALL_shutdown, CALL_close,    CALL_close,    CALL_disconnect,
		CALL_abort, CALL_accept,   CALL_shutdown, CALL_unlisten,
	};
	static const int64_t sizes[] = {1, 10, 100, 1000, 1460, 3000, 9000};
	enum call call = PICK(g, calls);
	int64_t n = 0;

	if (call == CALL_send)
		n = PICK(g, sizes);
	else if (call == CALL_recv && chance(g, 20))
		n = 1 + below(g, 10);
	g->sent = g->sent || call == CALL_send || call == CALL_shutdown || call == CALL_close;
	add_call(g, call, n);
}

static void some_wait(struct generator *g)
{
	uint32_t which = below(g, 100);

	/* Not so long that the retransmission timer comes into it: when it does, and what follows,
	 * is a matter of real time. */
	if (which < 70)
		add(g, ACT_WAIT)->wait = REFTCP_MS;
	else
		add(g, ACT_WAIT)->wait = (which < 92 || g->sent ? 60 : 600) * REFTCP_MS;
}

static void some_act(struct generator *g)
{
	uint32_t which = below(g, 100);

	if (which < 35)
		sane_segment(g);
	else if (which < 68)
		odd_segment(g);
	else if (which < 94)
		some_call(g);
	else
		some_wait(g);
}

/* ---- openings ---- */

static void open_passive(struct generator *g)
{
	g->passive = true;
	add_call(g, CALL_listen, 4);
	if (chance(g, 10))
		odd_segment(g);
	syn_options(g, add_segment(g, CTL_SYN));
	g->nxt = 1;
	while (chance(g, 20))
		odd_segment(g);
	add_segment(g, CTL_ACK);
	g->open = true;
	if (chance(g, 10))
		some_act(g);
	if (chance(g, 95))
		add_call(g, CALL_accept, 0);
}

static void open_active(struct generator *g)
{
	add_call(g, CALL_connect, 0);
	while (chance(g, 20))
		odd_segment(g);
	syn_options(g, add_segment(g, CTL_SYN | CTL_ACK));
	g->nxt = 1;
	g->open = true;
}

static void open_both(struct generator *g)
{
	add_call(g, CALL_connect, 0);
	syn_options(g, add_segment(g, CTL_SYN));
	while (chance(g, 20))
		odd_segment(g);
	if (chance(g, 50)) {
		syn_options(g, add_segment(g, CTL_SYN | CTL_ACK));
		g->nxt = 1;
	} else {
		g->nxt = 1;
		add_segment(g, CTL_ACK);
	}
	g->open = true;
}

void generate(struct scenario *out, uint64_t seed)
{
	struct generator g = {.sc = out, .random = seed, .ts = 1000};
	uint32_t which, n;

	scenario_init(out);
	g.ts_on = chance(&g, 30);
	g.sack_on = chance(&g, 40);
	which = below(&g, 100);
	if (which < 55)
		open_passive(&g);
	else if (which < 85)
		open_active(&g);
	else
		open_both(&g);
	n = 1 + below(&g, chance(&g, 80) ? 10 : 30);
	for (uint32_t i = 0; i < n; i++)
		some_act(&g);
}
