/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "duel/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Timers of the kernel count in ticks, and some are stretched to spare wake-ups. */
#define EXPIRES_TOLERANCE (2 * REFTCP_S)

/* Of the peer's numbers: equal, or as far from the edge of a window that is. */
static bool numbers_equal(uint32_t a, uint32_t a_edge, uint32_t b, uint32_t b_edge)
{
	return a == b || a - a_edge == b - b_edge;
}

static bool sacks_equal(const struct seen *a, const struct seen *b)
{
	if (a->sacks != b->sacks)
		return false;
	for (unsigned int i = 0; i < a->sacks; i++)
		if (!numbers_equal(a->sack[i].left, a->edge, b->sack[i].left, b->edge) ||
		    !numbers_equal(a->sack[i].right, a->edge, b->sack[i].right, b->edge))
			return false;
	return true;
}

static bool header_equal(const struct seen *a, const struct seen *b)
{
	return a->conn == b->conn && a->ctl == b->ctl && a->seq == b->seq &&
	       numbers_equal(a->ack, a->edge, b->ack, b->edge) && a->len == b->len &&
	       a->shut == b->shut && a->up == b->up;
}

static bool seen_equal(const struct seen *a, const struct seen *b)
{
	return header_equal(a, b) && a->has == b->has && a->mss == b->mss && a->ecn == b->ecn &&
	       (!(a->has & TCPOPT_TS) || a->ts_ecr == b->ts_ecr) && sacks_equal(a, b);
}

/* Only what the expectation names. */
static bool seen_wanted(const struct seen *want, const struct seen *got)
{
	if (!header_equal(want, got) || (want->has & ~got->has))
		return false;
	if (want->has & TCPOPT_MSS && want->mss != got->mss)
		return false;
	if (want->has & TCPOPT_TS && want->ts_ecr != got->ts_ecr)
		return false;
	return !(want->has & TCPOPT_SACK) || sacks_equal(want, got);
}

static bool near(reftcp_time a, reftcp_time b)
{
	if (a == REFTCP_NEVER || b == REFTCP_NEVER)
		return a == b;
	return (a > b ? a - b : b - a) <= EXPIRES_TOLERANCE;
}

static void observation_print(const struct observation *o, const struct act *act, FILE *to)
{
	if (act->kind == ACT_CALL) {
		const char *word = errno_word(o->result);

		if (word)
			fprintf(to, "    = %s\n", word);
		else
			fprintf(to, "    = %" PRId64 "\n", o->result);
	}
	for (unsigned int i = 0; i < o->count; i++) {
		fputs("    ", to);
		seen_print(&o->seen[i], to);
		fputs(o->seen[i].again ? "  (again)\n" : "\n", to);
	}
	if (o->overflow)
		fputs("    and more\n", to);
	for (unsigned int i = 0; i < SCENARIO_CONNS; i++)
		if (i == act->conn || o->state[i] != REFTCP_CLOSED)
			fprintf(to, "    %u: %s\n", i + 1, reftcp_state_name(o->state[i]));
	for (unsigned int i = 0; i < SCENARIO_CONNS; i++)
		if (o->expires[i] != REFTCP_NEVER)
			fprintf(to, "    %u: expires in %" PRIu64 " ms\n", i + 1,
				o->expires[i] / REFTCP_MS);
}

static FILE *say(struct difference *out, const struct scenario *sc, unsigned int act)
{
	FILE *to = fmemopen(out->text, sizeof(out->text), "w");

	out->found = true;
	out->act = act;
	if (to) {
		fprintf(to, "at item %u, line %u: ", act + 1, sc->act[act].line);
		act_print(&sc->act[act], to);
		fputc('\n', to);
	}
	return to;
}

static bool skipped(const struct seen *s, const struct act *act, unsigned int flags)
{
	return flags & COMPARE_LOOSE && act->kind == ACT_WAIT && s->again;
}

static bool seen_all_equal(const struct observation *a, const struct observation *b,
			   const struct act *act, unsigned int flags)
{
	unsigned int i = 0, j = 0;

	for (;; i++, j++) {
		while (i < a->count && skipped(&a->seen[i], act, flags))
			i++;
		while (j < b->count && skipped(&b->seen[j], act, flags))
			j++;
		if (i == a->count || j == b->count)
			return i == a->count && j == b->count;
		if (!seen_equal(&a->seen[i], &b->seen[j]))
			return false;
	}
}

static bool observations_equal(const struct observation *a, const struct observation *b,
			       const struct act *act, unsigned int flags)
{
	/* What went beyond its room cannot be compared: nothing may pass for equal by that. */
	if (a->overflow || b->overflow)
		return false;
	if (act->kind == ACT_CALL && a->result != b->result)
		return false;
	if (memcmp(a->state, b->state, sizeof(a->state)))
		return false;
	return seen_all_equal(a, b, act, flags);
}

void compare_traces(const struct scenario *sc, const struct trace *one, const char *a,
		    const struct trace *other, const char *b, unsigned int flags,
		    struct difference *out)
{
	FILE *to;

	out->found = false;
	for (unsigned int i = 0; i < sc->acts; i++) {
		if (observations_equal(&one->act[i], &other->act[i], &sc->act[i], flags))
			continue;
		to = say(out, sc, i);
		if (!to)
			return;
		fprintf(to, "  %s:\n", a);
		observation_print(&one->act[i], &sc->act[i], to);
		fprintf(to, "  %s:\n", b);
		observation_print(&other->act[i], &sc->act[i], to);
		fclose(to);
		return;
	}
}

static bool as_expected(const struct act *act, const struct observation *o)
{
	if (act->kind == ACT_CALL && (act->result_given ? o->result != act->result : o->result < 0))
		return false;
	if (o->count != act->wants || o->overflow)
		return false;
	for (unsigned int i = 0; i < o->count; i++)
		if (!seen_wanted(&act->want[i].seen, &o->seen[i]))
			return false;
	for (unsigned int i = 0; i < SCENARIO_CONNS; i++) {
		if (act->state_given[i] && act->state[i] != o->state[i])
			return false;
		if (act->expires_given[i] && !near(act->expires[i], o->expires[i]))
			return false;
	}
	return true;
}

void compare_expected(const struct scenario *sc, const struct trace *trace, const char *name,
		      struct difference *out)
{
	FILE *to;

	out->found = false;
	for (unsigned int i = 0; i < sc->acts; i++) {
		if (as_expected(&sc->act[i], &trace->act[i]))
			continue;
		to = say(out, sc, i);
		if (!to)
			return;
		fprintf(to, "  expected otherwise, %s:\n", name);
		observation_print(&trace->act[i], &sc->act[i], to);
		fclose(to);
		return;
	}
}

void compare_adopt(struct scenario *sc, const struct trace *trace)
{
	enum reftcp_state last[SCENARIO_CONNS] = {0};

	for (unsigned int i = 0; i < sc->acts; i++) {
		const struct observation *o = &trace->act[i];
		struct act *act = &sc->act[i];

		act->result_given = act->kind == ACT_CALL && o->result != 0;
		act->result = o->result;
		act->wants = 0;
		for (unsigned int j = 0; j < o->count && act->wants < SCENARIO_WANTS; j++)
			act->want[act->wants++].seen = o->seen[j];
		for (unsigned int j = 0; j < SCENARIO_CONNS; j++) {
			act->expires_given[j] = false;
			act->state_given[j] = o->state[j] != last[j];
			act->state[j] = last[j] = o->state[j];
		}
	}
}
