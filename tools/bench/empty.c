// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * empty: attaches the programs of empty.bpf.c and holds them until it is interrupted or its
 * standard input ends. With --stats the kernel measures the run time of every BPF program
 * meanwhile; with --no-attach that is all it does; --no-accept leaves out what makes every system
 * call slower.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "empty.skel.h"

static int fail(const char *what)
{
	fprintf(stderr, "empty: %s: %s\n", what, strerror(errno));
	return 1;
}

static int attach(struct empty *skel, bool accept)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skel->obj)
	{
		if (!accept && strstr(bpf_program__name(program), "accept"))
			continue;
		if (!bpf_program__attach(program)) /* its link lives as long as this process */
			return fail(bpf_program__name(program));
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool stats = false, nothing = false, accept = true;
	struct empty *skel = NULL;
	sigset_t signals;
	int number;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--stats"))
			stats = true;
		else if (!strcmp(argv[i], "--no-attach"))
			nothing = true;
		else if (!strcmp(argv[i], "--no-accept"))
			accept = false;
		else
			return fprintf(stderr, "usage: empty [--stats] [--no-attach] "
					       "[--no-accept]\n"),
			       2;
	}
	if (stats && bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		return fail("cannot measure run times");
	if (!nothing) {
		skel = empty__open_and_load();
		if (!skel)
			return fail("cannot load");
		if (attach(skel, accept))
			return 1;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fprintf(stderr, "empty: attached\n");
	sigwait(&signals, &number);
	empty__destroy(skel);
	return 0;
}
