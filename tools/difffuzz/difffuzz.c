/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The differential fuzzer: scenarios by seed, played on this kernel and on reftcp as `linux`. What
 * the two differ in is confirmed, shrunk, and written as a scenario of its own.
 *
 *	difffuzz play FILE...     plays scenarios, says what both did
 *	difffuzz run [-s SEED] [-n COUNT] [-t SECONDS] [-o FOLDER] [-k FOLDER]
 *
 * -o is where new scenarios go (difffuzz-out), -k where those of open findings are
 * (tests/scenarios). Needs root: it makes a network namespace. Exit status 0: no new difference,
 * 1: an error, 6: some were found.
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "duel/generate.h"
#include "duel/shrink.h"

#define LANES 64
#define KNOWN_MAX 1024
#define FOUND 6

struct fuzz {
	struct kernel *k;
	uint64_t seed, count, executions, differing, unconfirmed;
	time_t until;
	const char *out, *known_in;
	char known[KNOWN_MAX][SIGNATURE_MAX];
	uint64_t hits[KNOWN_MAX];
	unsigned int knowns, found;
};

static struct scenario batch[LANES];
static char signature[LANES][SIGNATURE_MAX];

/* ---- play ---- */

static int play_file(const char *path)
{
	static struct trace kernel, ours;
	static struct difference d;
	static struct scenario sc;
	const struct scenario *one = &sc;
	struct trace *trace = &kernel;
	struct kernel *k;
	char why[256];
	int err = scenario_read(&sc, path, why, sizeof(why));

	if (!err)
		err = kernel_new(&k, &sc, why, sizeof(why));
	if (err) {
		fprintf(stderr, "cannot play '%s': %s: %s\n", path, why, strerror(-err));
		return err;
	}
	kernel_play(k, &one, &trace, 1);
	kernel_free(k);
	compare_expected(&sc, &kernel, "the kernel", &d);
	if (d.found)
		printf("# %s", d.text);
	for (int who = REFTCP_LINUX; who >= REFTCP_STANDARD; who--) {
		const char *name = who == REFTCP_LINUX ? "reftcp as linux" : "reftcp as standard";

		subject_reftcp(&sc, (enum reftcp_personality)who, &ours);
		compare_traces(&sc, &kernel, "kernel", &ours, name, 0, &d);
		printf("# %s: %s", name, d.found ? d.text : "the same\n");
	}
	compare_adopt(&sc, &kernel);
	scenario_print(&sc, stdout);
	return 0;
}

/* ---- run ---- */

static int known_index(const struct fuzz *f, const char *s)
{
	for (unsigned int i = 0; i < f->knowns; i++)
		if (!strcmp(f->known[i], s))
			return (int)i;
	return -1;
}

static void remember(struct fuzz *f, const char *s)
{
	if (f->knowns == KNOWN_MAX || !*s || known_index(f, s) >= 0)
		return;
	snprintf(f->known[f->knowns++], SIGNATURE_MAX, "%s", s);
}

/* What the open findings show is not news. */
static void read_known(struct fuzz *f)
{
	static struct scenario sc;
	const struct scenario *one = &sc;
	char pattern[512], why[256];
	glob_t files;

	snprintf(pattern, sizeof(pattern), "%s/*.scn", f->known_in);
	if (glob(pattern, 0, NULL, &files))
		return;
	snprintf(pattern, sizeof(pattern), "%s/open/*.scn", f->known_in);
	glob(pattern, GLOB_APPEND, NULL, &files);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		if (scenario_read(&sc, files.gl_pathv[i], why, sizeof(why)) || !*sc.open ||
		    sc.sysctls)
			continue;
		differences_of(f->k, &one, 1, signature);
		remember(f, signature[0]);
	}
	globfree(&files);
}

static uint64_t hash(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return h;
}

static void keep(struct fuzz *f, struct scenario *sc, const char *what, uint64_t seed)
{
	static struct trace kernel;
	const struct scenario *one = sc;
	struct trace *trace = &kernel;
	char path[512];
	FILE *to;

	kernel_play(f->k, &one, &trace, 1);
	compare_adopt(sc, &kernel);
	snprintf(sc->title, sizeof(sc->title), "%.*s", (int)sizeof(sc->title) - 1, what);
	snprintf(path, sizeof(path), "%s/%016" PRIx64 ".scn", f->out, hash(what));
	to = fopen(path, "we");
	if (!to) {
		fprintf(stderr, "cannot write '%s': %s\n", path, strerror(errno));
		return;
	}
	fprintf(to, "# %s\n# seed %" PRIu64 "\n", what, seed);
	scenario_print(sc, to);
	fclose(to);
	printf("%s\n  %s\n", what, path);
	fflush(stdout);
}

/* Twice more the same, or it was the machine's load and not the stacks. */
static bool confirmed(struct fuzz *f, const struct scenario *sc, const char *what)
{
	static char again[2][SIGNATURE_MAX];
	const struct scenario *both[] = {sc, sc};

	differences_of(f->k, both, 2, again);
	return !strcmp(again[0], what) && !strcmp(again[1], what);
}

static void look_into(struct fuzz *f, unsigned int i)
{
	int at = known_index(f, signature[i]);
	uint64_t seed = f->seed + f->executions + i;
	char what[SIGNATURE_MAX];

	f->differing++;
	if (at >= 0) {
		f->hits[at]++;
		return;
	}
	memcpy(what, signature[i], sizeof(what));
	if (!confirmed(f, &batch[i], what)) {
		f->unconfirmed++;
		return;
	}
	shrink(f->k, &batch[i], what);
	remember(f, what);
	at = known_index(f, what);
	if (at >= 0)
		f->hits[at]++;
	keep(f, &batch[i], what, seed);
	f->found++;
}

static int run(struct fuzz *f)
{
	static char found[LANES][SIGNATURE_MAX];
	const struct scenario *sc[LANES];
	time_t told = time(NULL);

	while (f->executions < f->count && time(NULL) < f->until) {
		for (unsigned int i = 0; i < LANES; i++) {
			generate(&batch[i], f->seed + f->executions + i);
			sc[i] = &batch[i];
		}
		differences_of(f->k, sc, LANES, found);
		memcpy(signature, found, sizeof(found));
		for (unsigned int i = 0; i < LANES; i++)
			if (*found[i])
				look_into(f, i);
		f->executions += LANES;
		if (time(NULL) - told >= 60) {
			told = time(NULL);
			fprintf(stderr,
				"%" PRIu64 " executions, %" PRIu64 " differ, %u kinds new, %" PRIu64
				" not confirmed\n",
				f->executions, f->differing, f->found, f->unconfirmed);
		}
	}
	for (unsigned int i = 0; i < f->knowns; i++)
		printf("%6" PRIu64 " times: %s\n", f->hits[i], f->known[i]);
	printf("%" PRIu64 " executions from seed %" PRIu64 ", %" PRIu64
	       " differ, %u kinds new, %" PRIu64 " not confirmed\n",
	       f->executions, f->seed, f->differing, f->found, f->unconfirmed);
	return f->found ? FOUND : 0;
}

static int run_command(int argc, char **argv)
{
	static struct fuzz f = {.seed = 1,
				.count = UINT64_MAX,
				.out = "difffuzz-out",
				.known_in = "tests/scenarios"};
	static struct scenario plain;
	int64_t seconds = 3600;
	char why[256];
	int opt, err;

	while ((opt = getopt(argc, argv, "s:n:t:o:k:")) >= 0) {
		if (opt == 's')
			f.seed = strtoull(optarg, NULL, 0);
		else if (opt == 'n')
			f.count = strtoull(optarg, NULL, 0);
		else if (opt == 't')
			seconds = strtoll(optarg, NULL, 0);
		else if (opt == 'o')
			f.out = optarg;
		else if (opt == 'k')
			f.known_in = optarg;
		else
			return 2;
	}
	f.until = time(NULL) + seconds;
	mkdir(f.out, 0777);
	scenario_init(&plain);
	err = kernel_new(&f.k, &plain, why, sizeof(why));
	if (err) {
		fprintf(stderr, "cannot begin: %s: %s\n", why, strerror(-err));
		return 1;
	}
	read_known(&f);
	err = run(&f);
	kernel_free(f.k);
	return err;
}

int main(int argc, char **argv)
{
	int err = 0;

	if (argc > 2 && !strcmp(argv[1], "play")) {
		for (int i = 2; i < argc; i++)
			err |= play_file(argv[i]);
		return err ? 1 : 0;
	}
	if (argc > 1 && !strcmp(argv[1], "run"))
		return run_command(argc - 1, argv + 1);
	fprintf(stderr, "usage: difffuzz play FILE... | difffuzz run [-s SEED] [-n COUNT] "
			"[-t SECONDS] [-o FOLDER] [-k FOLDER]\n");
	return 2;
}
