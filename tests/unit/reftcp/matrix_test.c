/* SPDX-License-Identifier: BSD-2-Clause */
#define _POSIX_C_SOURCE 200809L
/*
 * What every state does with every class of segment: eleven states, flags, where SEG.SEQ lies,
 * where SEG.ACK lies. The result is compared with matrix.txt, so that a change of behaviour is
 * a change of that file. TCPWITNESS_UPDATE=1 writes it anew. Run from the top of the tree, or
 * with TCPWITNESS_SRC naming it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reftcp/peer.h"

static const struct {
	const char *name;
	uint8_t ctl;
	const char *text;
} flags[] = {
	{"ACK", CTL_ACK, ""},
	{"DATA", CTL_ACK, "x"},
	{"FIN", CTL_FIN | CTL_ACK, ""},
	{"RST", CTL_RST, ""},
	{"RST,ACK", CTL_RST | CTL_ACK, ""},
	{"SYN", CTL_SYN, ""},
	{"SYN,ACK", CTL_SYN | CTL_ACK, ""},
	{"none", 0, "x"},
};

/* SEG.SEQ against the receive window, SEG.ACK against what was sent. */
static const char *const seqs[] = {"old", "next", "inside", "beyond"};
static const char *const acks[] = {"una", "nxt", "unsent"};

static const char *const dispositions[] = {"accepted", "dropped", "answered", "malformed"};

static uint32_t seq_for(const struct reftcp_status *st, unsigned int where)
{
	static const uint32_t unknown[] = {0, 1, 5, 30000};

	if (st->state <= REFTCP_SYN_SENT)
		return unknown[where];
	switch (where) {
	case 0:
		return st->rcv_nxt - PEER_ISN - 1;
	case 1:
		return st->rcv_nxt - PEER_ISN;
	case 2:
		return st->rcv_nxt - PEER_ISN + 5;
	}
	return st->rcv_nxt - PEER_ISN + st->rcv_wnd;
}

static uint32_t ack_for(const struct reftcp_status *st, unsigned int where)
{
	uint32_t nxt = st->state <= REFTCP_LISTEN ? 1 : st->snd_nxt - st->iss;
	uint32_t una = st->state <= REFTCP_LISTEN ? 0 : st->snd_una - st->iss;

	return where == 0 ? una : where == 1 ? nxt : nxt + 1;
}

static void describe_output(struct peer *p, char *to, size_t size)
{
	size_t n = 0;

	to[0] = 0;
	while (peer_take(p) && n < size)
		n += (size_t)snprintf(
			to + n, size - n, "%s%s%s%s%s", n ? " " : "",
			p->out.ctl & CTL_SYN ? "S" : "", p->out.ctl & CTL_RST ? "R" : "",
			p->out.ctl & CTL_FIN ? "F" : "", p->out.ctl & CTL_ACK ? "A" : "");
}

static void one(FILE *out, enum reftcp_state state, unsigned int f, unsigned int s, unsigned int a)
{
	static struct peer p;
	struct reftcp_status st = {0};
	char sent[40], path[200] = "";
	unsigned int from;

	peer_init(&p);
	peer_start(&p);
	peer_reach(&p, state);
	if (state != REFTCP_CLOSED)
		reftcp_status(p.stack, p.id, &st);
	from = p.path_len;
	peer_send(&p, flags[f].ctl, seq_for(&st, s), ack_for(&st, a), flags[f].text,
		  strlen(flags[f].text));
	describe_output(&p, sent, sizeof(sent));
	for (unsigned int i = from; i < p.path_len; i++) {
		strcat(path, " -> ");
		strcat(path, reftcp_state_name(p.path[i].to));
	}
	fprintf(out, "%s %s seq=%s ack=%s: %s, %s \"%s\", sends [%s]%s\n", reftcp_state_name(state),
		flags[f].name, seqs[s], flags[f].ctl & CTL_ACK ? acks[a] : "-",
		dispositions[p.verdict.disposition], p.verdict.clause, p.verdict.step, sent, path);
	peer_end(&p);
}

static void generate(FILE *out)
{
	for (unsigned int state = 0; state < REFTCP_STATE_COUNT; state++)
		for (unsigned int f = 0; f < sizeof(flags) / sizeof(flags[0]); f++)
			for (unsigned int s = 0; s < 4; s++)
				for (unsigned int a = 0; a < (flags[f].ctl & CTL_ACK ? 3u : 1u);
				     a++)
					one(out, (enum reftcp_state)state, f, s, a);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of text, sorted, in text itself. */
static char *sorted(const char *text)
{
	static char *line[4096];
	char *copy = strdup(text), *result = calloc(1, strlen(text) + 1), *save = NULL;
	size_t n = 0;

	assert_non_null(copy);
	assert_non_null(result);
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		line[n++] = l;
	qsort(line, n, sizeof(line[0]), by_text);
	for (size_t i = 0, at = 0; i < n; i++)
		at += (size_t)sprintf(result + at, "%s\n", line[i]);
	free(copy);
	return result;
}

static char *read_all(const char *name)
{
	FILE *f = fopen(name, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(text);
	if (!f)
		fail_msg("cannot open '%s'", name);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static void matrix__every_state_and_class__is_as_written(void **state)
{
	const char *top = getenv("TCPWITNESS_SRC");
	char name[4096], *made = NULL, *want, *got;
	size_t size;
	FILE *f = open_memstream(&made, &size);

	(void)state;
	assert_non_null(f);
	generate(f);
	fclose(f);
	got = sorted(made);
	free(made);
	snprintf(name, sizeof(name), "%s/tests/unit/reftcp/matrix.txt", top ? top : ".");
	if (getenv("TCPWITNESS_UPDATE")) {
		f = fopen(name, "w");
		assert_non_null(f);
		fputs(got, f);
		fclose(f);
	}
	want = read_all(name);
	for (char *g = got, *w = want; *g || *w;) {
		size_t gl = strcspn(g, "\n"), wl = strcspn(w, "\n");

		if (gl != wl || strncmp(g, w, gl))
			fail_msg("got:  %.*s\nwant: %.*s", (int)gl, g, (int)wl, w);
		g += gl + !!g[gl];
		w += wl + !!w[wl];
	}
	free(want);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matrix__every_state_and_class__is_as_written),
	};

	return cmocka_run_group_tests_name("reftcp_matrix", tests, NULL, NULL);
}
