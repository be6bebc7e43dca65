// SPDX-License-Identifier: GPL-2.0-or-later
/* The entry: finds the subcommand, parses its options, runs it. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/message.h"
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
	printf("tcpwitness %s (%s), libbpf %s, %d of %d kernel features: see 'tcpwitness "
	       "features'\n",
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
	/* For `make install`: both are made from the option tables. */
	if (!strcmp(argv[1], "--man")) {
		options_man(stdout, TCPWITNESS_VERSION);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--completion") && argc > 2 &&
	    options_completion(stdout, argv[2]) == 0)
		return EXIT_OK;
	if (!strcmp(argv[1], "--completion"))
		return message_status(EXIT_USAGE, "'--completion' is made for bash, zsh or fish");
	command = command_find(argv[1]);
	if (!command) {
		message("unknown command '%s': see 'tcpwitness help'", argv[1]);
		return EXIT_USAGE;
	}
	options_help(stdout, command);
	return EXIT_OK;
}

/* What stdio has not written yet must still arrive, or be said not to have. */
static int finish(int status)
{
	if (status == EXIT_OK && (fflush(stdout) || ferror(stdout)))
		return message_status(EXIT_RUNTIME, "cannot write to standard output: %s",
				      strerror(errno));
	return status;
}

static int dispatch(int argc, char **argv)
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
		message("unknown command '%s': see 'tcpwitness help'", argv[1]);
		return EXIT_USAGE;
	}
	err = options_parse(&options, command, argc - 1, argv + 1, error, sizeof(error));
	if (err > 0)
		return EXIT_OK;
	if (err < 0) {
		message("%s", error);
		return EXIT_USAGE;
	}
	return command->run(&options);
}

/* A closed standard stream would lend its number to the next file that is opened. */
static bool streams_are_open(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (null >= 0 && null < STDOUT_FILENO)
		null = dup(null);
	if (null == STDOUT_FILENO)
		return false;
	while (null == STDERR_FILENO)
		null = dup(null);
	if (null > STDERR_FILENO)
		close(null);
	return true;
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	if (!streams_are_open())
		return message_status(EXIT_RUNTIME,
				      "cannot write to standard output: it is closed");
	return finish(dispatch(argc, argv));
}
