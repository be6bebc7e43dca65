/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Candidates are played side by side, so that their waits pass together. */
#include "duel/shrink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "duel/words.h"

#define SIDE_BY_SIDE 64

static void result_print(const struct act *act, const struct observation *o, FILE *to)
{
	const char *word = errno_word(o->result);

	if (act->kind != ACT_CALL)
		return;
	if (word)
		fprintf(to, "=%s ", word);
	else
		fprintf(to, "=%s ", o->result > 0 ? "n" : o->result < 0 ? "error" : "0");
}

static void flags_print(const struct seen *s, FILE *to)
{
	for (unsigned int i = 0; i < 8; i++)
		if (s->ctl & 1u << i)
			fputc(FLAG_LETTERS[i], to);
	fprintf(to, "%s%s%s ", s->len ? "+" : "", s->shut ? "0" : "", s->sacks ? "s" : "");
}

static void outcome_print(const struct act *act, const struct observation *o, FILE *to)
{
	result_print(act, o, to);
	for (unsigned int i = 0; i < o->count && i < 4; i++)
		flags_print(&o->seen[i], to);
	fputs(o->count ? "" : "nothing ", to);
	fputs(reftcp_state_name(o->state[act->conn]), to);
}

static void input_print(const struct act *act, FILE *to)
{
	struct seen s = {.ctl = act->segment.ctl & (uint8_t)~CTL_PSH, .len = act->segment.len};

	switch (act->kind) {
	case ACT_SEGMENT:
		flags_print(&s, to);
		break;
	case ACT_CALL:
		fprintf(to, "%s ", call_name(act->call));
		break;
	case ACT_WAIT:
		fputs("wait ", to);
		break;
	}
}

void difference_signature(const struct scenario *sc, const struct trace *kernel,
			  const struct trace *ours, char out[SIGNATURE_MAX])
{
	static struct difference d;
	const struct act *act;
	FILE *to;

	*out = 0;
	compare_traces(sc, kernel, "kernel", ours, "reftcp", COMPARE_LOOSE, &d);
	if (!d.found)
		return;
	act = &sc->act[d.act];
	to = fmemopen(out, SIGNATURE_MAX, "w");
	if (!to)
		abort();
	fprintf(to, "%s, ",
		reftcp_state_name(d.act ? kernel->act[d.act - 1].state[act->conn] : REFTCP_CLOSED));
	input_print(act, to);
	fputs("| kernel ", to);
	outcome_print(act, &kernel->act[d.act], to);
	fputs(" | reftcp ", to);
	outcome_print(act, &ours->act[d.act], to);
	fclose(to);
}

void differences_of(struct kernel *k, const struct scenario *const *sc, unsigned int n,
		    char (*signature)[SIGNATURE_MAX])
{
	struct trace **traces = calloc(n, sizeof(*traces));
	struct trace *ours = calloc(1, sizeof(*ours));

	if (!traces || !ours)
		abort();
	for (unsigned int i = 0; i < n; i++) {
		traces[i] = malloc(sizeof(*traces[i]));
		if (!traces[i])
			abort();
	}
	kernel_play(k, sc, traces, n);
	for (unsigned int i = 0; i < n; i++) {
		subject_reftcp(sc[i], REFTCP_LINUX, ours);
		difference_signature(sc[i], traces[i], ours, signature[i]);
		free(traces[i]);
	}
	free(traces);
	free(ours);
}

struct candidates {
	struct scenario *at[SIDE_BY_SIDE];
	unsigned int count;
};

/* The first candidate that still shows it becomes sc. */
static bool try_all(struct kernel *k, struct candidates *c, struct scenario *sc,
		    const char *signature)
{
	static char found[SIDE_BY_SIDE][SIGNATURE_MAX];
	bool better = false;

	if (c->count)
		differences_of(k, (const struct scenario *const *)c->at, c->count, found);
	for (unsigned int i = 0; i < c->count; i++) {
		if (!better && !strcmp(found[i], signature)) {
			*sc = *c->at[i];
			better = true;
		}
		free(c->at[i]);
	}
	c->count = 0;
	return better;
}

static struct scenario *candidate(struct candidates *c, const struct scenario *sc)
{
	struct scenario *new = malloc(sizeof(*new));

	if (!new)
		abort();
	*new = *sc;
	c->at[c->count++] = new;
	return new;
}

static void cut(struct scenario *sc, unsigned int first, unsigned int n)
{
	memmove(&sc->act[first], &sc->act[first + n], (sc->acts - first - n) * sizeof(sc->act[0]));
	sc->acts -= n;
}

static bool shorter(struct kernel *k, struct scenario *sc, const char *signature)
{
	struct candidates c = {.count = 0};

	for (unsigned int n = sc->acts / 2; n; n /= 2) {
		for (unsigned int first = 0; first + n <= sc->acts && c.count < SIDE_BY_SIDE;
		     first += n)
			cut(candidate(&c, sc), first, n);
		if (try_all(k, &c, sc, signature))
			return true;
	}
	return false;
}

/* One field of one act made plainer; false: there is no such way, or it is plain. */
static bool plainer(struct act *act, unsigned int way)
{
	struct script_segment *s = &act->segment;
	struct act before = *act;

	switch (way) {
	case 0:
		s->opt = (struct tcpopt){0};
		s->ecr_given = false;
		break;
	case 1:
		s->len = 0;
		break;
	case 2:
		s->len = s->len > 1 ? 1 : s->len;
		break;
	case 3:
		s->wnd = act->kind == ACT_SEGMENT ? SCRIPT_WINDOW : 0;
		break;
	case 4:
		act->argument = act->argument > 1 ? 1 : act->argument;
		break;
	case 5:
		act->wait = act->wait > REFTCP_MS ? REFTCP_MS : act->wait;
		break;
	case 6:
		s->ctl &= (uint8_t)~CTL_PSH;
		break;
	case 7:
		s->opt.has &= TCPOPT_TS | TCPOPT_SACK | TCPOPT_SACK_OK;
		break;
	default:
		s->ack = (struct number){.from = act->kind == ACT_SEGMENT ? FROM_ALL : FROM_START};
		break;
	}
	return memcmp(&before, act, sizeof(before)) != 0;
}

#define WAYS 9

static bool simpler(struct kernel *k, struct scenario *sc, const char *signature)
{
	struct candidates c = {.count = 0};

	for (unsigned int i = 0; i < sc->acts; i++) {
		for (unsigned int way = 0; way < WAYS && c.count < SIDE_BY_SIDE; way++)
			if (!plainer(&candidate(&c, sc)->act[i], way))
				free(c.at[--c.count]);
		if (c.count + WAYS > SIDE_BY_SIDE && try_all(k, &c, sc, signature))
			return true;
	}
	return try_all(k, &c, sc, signature);
}

void shrink(struct kernel *k, struct scenario *sc, const char *signature)
{
	while (shorter(k, sc, signature) || simpler(k, sc, signature))
		;
}
