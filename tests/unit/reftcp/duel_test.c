/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every scenario below tests/scenarios, played on this kernel and on reftcp. Both must do what is
 * written and do the same; where the scenario is about a deviation of Linux, reftcp's `standard`
 * must not. A test a file; its name is the file's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "duel/compare.h"
#include "duel/subject.h"

#define PATTERN "tests/scenarios/*.scn"
#define OPEN_PATTERN "tests/scenarios/open/*.scn" /* the fuzzer's; the full form holds them too */

struct duel {
	const char *path;
	struct scenario sc;
	struct trace kernel;
	bool played;
	char why[256];
};

static struct duel *duels;
static size_t duel_count;

static bool full(void)
{
	const char *v = getenv("TCPWITNESS_FULL");

	return v && !strcmp(v, "1");
}

static bool same_sysctls(const struct scenario *a, const struct scenario *b)
{
	return a->sysctls == b->sysctls &&
	       !memcmp(a->sysctl, b->sysctl, a->sysctls * sizeof(a->sysctl[0]));
}

/* All that can share a namespace with the first one that has not been played. */
static void play_group(struct duel *first)
{
	const struct scenario **sc = calloc(duel_count, sizeof(void *));
	struct trace **trace = calloc(duel_count, sizeof(void *));
	unsigned int n = 0;
	struct kernel *k;
	char why[200];
	int err = kernel_new(&k, &first->sc, why, sizeof(why));

	for (struct duel *d = first; d < duels + duel_count; d++) {
		if (d->played || *d->why || !same_sysctls(&d->sc, &first->sc))
			continue;
		d->played = true;
		if (err) {
			snprintf(d->why, sizeof(d->why), "the kernel: %s: %s", why, strerror(-err));
			continue;
		}
		if (d->sc.slow && !full())
			continue;
		sc[n] = &d->sc;
		trace[n++] = &d->kernel;
	}
	if (!err) {
		kernel_play(k, sc, trace, n);
		kernel_free(k);
	}
	free(sc);
	free(trace);
}

static int play_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < duel_count; i++)
		if (!duels[i].played && !*duels[i].why)
			play_group(&duels[i]);
	return 0;
}

static void expect(const struct difference *d)
{
	if (d->found)
		fail_msg("%s", d->text);
}

static bool in_the_table(const char *id)
{
	struct reftcp_rule r;

	for (size_t i = 0; reftcp_rule_at(REFTCP_LINUX, i, &r) == 0; i++)
		if (r.id && !strcmp(r.id, id))
			return true;
	return false;
}

static void scenario__on_both_stacks__does_the_same(void **state)
{
	static struct trace ours;
	static struct difference d;
	struct duel *duel = *state;
	const struct scenario *sc = &duel->sc;

	if (*duel->why)
		fail_msg("%s: %s", duel->path, duel->why);
	if (*sc->row && !in_the_table(sc->row))
		fail_msg("no rule is for '%s'", sc->row);
	if (sc->slow && !full())
		return; /* its full form waits for real */
	compare_expected(sc, &duel->kernel, "the kernel", &d);
	expect(&d);
	subject_reftcp(sc, REFTCP_LINUX, &ours);
	if (*sc->open) {
		compare_traces(sc, &duel->kernel, "kernel", &ours, "reftcp", 0, &d);
		if (!d.found)
			fail_msg("%s: no longer an open finding", sc->open);
		return;
	}
	compare_expected(sc, &ours, "reftcp as linux", &d);
	expect(&d);
	compare_traces(sc, &duel->kernel, "kernel", &ours, "reftcp", 0, &d);
	expect(&d);
	subject_reftcp(sc, REFTCP_STANDARD, &ours);
	compare_expected(sc, &ours, "reftcp as standard", &d);
	if (*sc->row && !d.found)
		fail_msg("%s: `standard` does the same", sc->row);
	if (*sc->shared && *sc->row) {
		subject_standard_with(sc, sc->row, &ours);
		compare_expected(sc, &ours, "reftcp as standard, but for the row", &d);
	}
	if (*sc->shared)
		expect(&d);
}

int main(void)
{
	struct CMUnitTest *tests;
	glob_t files;
	int failed;

	if (glob(PATTERN, 0, NULL, &files))
		return 1;
	if (full())
		glob(OPEN_PATTERN, GLOB_APPEND, NULL, &files);
	duel_count = files.gl_pathc;
	duels = calloc(duel_count, sizeof(*duels));
	tests = calloc(duel_count, sizeof(*tests));
	if (!duels || !tests)
		return 1;
	for (size_t i = 0; i < duel_count; i++) {
		struct duel *d = &duels[i];

		d->path = files.gl_pathv[i];
		if (scenario_read(&d->sc, d->path, d->why, sizeof(d->why)) == 0)
			*d->why = 0;
		tests[i] =
			(struct CMUnitTest){strrchr(d->path, '/') + 1,
					    scenario__on_both_stacks__does_the_same, NULL, NULL, d};
	}
	failed = _cmocka_run_group_tests("reftcp_duel", tests, duel_count, play_all, NULL);
	free(tests);
	free(duels);
	globfree(&files);
	return failed;
}
