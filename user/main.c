// SPDX-License-Identifier: GPL-2.0-or-later
/* The entry: finds the subcommand, parses its options, runs it. */
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "kernel/features.h"
#include "kernel/tracer.h"

static int print_version(void)
{
	struct features features;
	int present = 0;

	features_probe(&features);
	for (int i = 0; i < FEATURE_COUNT; i++)
		present += feature(&features, (enum feature)i);
	printf("tcpwitness %s (%s), libbpf %s, %d of %d kernel features: see 'tcpwitness features'\n",
	       TCPWITNESS_VERSION, TCPWITNESS_COMMIT, tracer_libbpf_version(), present,
	       FEATURE_COUNT);
	return EXIT_OK;
}

static int help(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		options_overview(stdout);
		return EXIT_OK;
	}
	command = command_find(argv[1]);
	if (!command) {
		fprintf(stderr, "tcpwitness: unknown command '%s': see 'tcpwitness help'\n", argv[1]);
		return EXIT_USAGE;
	}
	options_help(stdout, command);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	const struct command *command;
	struct options options;
	char error[256];
	int err;

	if (argc < 2) {
		options_overview(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return print_version();
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(argc - 1, argv + 1);
	command = command_find(argv[1]);
	if (!command) {
		fprintf(stderr, "tcpwitness: unknown command '%s': see 'tcpwitness help'\n", argv[1]);
		return EXIT_USAGE;
	}
	err = options_parse(&options, command, argc - 1, argv + 1, error, sizeof(error));
	if (err > 0)
		return EXIT_OK;
	if (err < 0) {
		fprintf(stderr, "tcpwitness: %s\n", error);
		return EXIT_USAGE;
	}
	return command->run(&options);
}
