/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: one table of options, from which the parser, `help`, the man page and the shell
 * completions are made.
 */
#ifndef COMMAND_OPTIONS_H
#define COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "stack/settings.h"
#include "tcpwitness/filter.h"

struct command;

enum option_group {
	OPTIONS_OUTPUT = 1 << 0,   /* -o, --color, --utc */
	OPTIONS_RUN = 1 << 1,      /* --duration, --count, --strict */
	OPTIONS_FILTER = 1 << 2,   /* --port ... --family */
	OPTIONS_TRACE = 1 << 3,    /* --no-accept, --ring-size, --max-connections ... */
	OPTIONS_SANDBOX = 1 << 4,  /* --no-sandbox, --sandbox-strict */
	OPTIONS_LIFE = 1 << 5,     /* --complete */
	OPTIONS_REPEAT = 1 << 6,   /* --interval, --once */
	OPTIONS_SNAPSHOT = 1 << 7, /* --no-owner */
	OPTIONS_DURATION = 1 << 8, /* --duration alone */
	OPTIONS_STACK = 1 << 9,    /* what is done with a connection */
	OPTIONS_LINK = 1 << 10,    /* --device, --own-addr, --impair ... */
	OPTIONS_NETNS = 1 << 12,   /* --netns alone */
	OPTIONS_TABLES = 1 << 13,  /* --max-connections, --max-half-open */
	OPTIONS_TCP = 1 << 11,     /* --personality, --with, --without ... */
};

enum output_format {
	OUTPUT_TEXT,
	OUTPUT_JSON
};
enum color_mode {
	COLOR_AUTO,
	COLOR_ALWAYS,
	COLOR_NEVER
};

#define OPTIONS_NAMES 8 /* names of namespaces or cgroups that one command line may hold */

struct options {
	const struct command *command;
	enum output_format output;
	enum color_mode color;
	bool utc;
	double duration; /* s; 0: until interrupted */
	uint64_t count;  /* lines; 0: no limit */
	double interval; /* s; 0: the command's default */
	bool once;
	bool strict;
	bool complete;
	bool no_owner;
	bool no_accept;
	bool no_sandbox;
	bool sandbox_strict;
	bool verbose;
	uint64_t ring_size; /* bytes, a power of two and a multiple of the page size */
	uint64_t max_connections;
	uint64_t max_half_open;
	struct tcpw_filter
		filter;  /* ports, addresses, pids, comms, roles, families, netns numbers */
	uint32_t states; /* bit 1 << enum tcpw_state; 0: all */
	/* Filters that the machine must resolve before they are numbers: paths or names. */
	const char *netns_names[OPTIONS_NAMES];
	unsigned int netns_name_count;
	const char *cgroup_paths[OPTIONS_NAMES];
	unsigned int cgroup_path_count;
	struct stack_settings stack;
};

/*
 * Parses a subcommand's argv, argv[0] being its name. 0; or 1 when help was asked for and printed
 * (exit 0); or -EINVAL with one line in `error` that names what is wrong and what to try. `options`
 * keeps pointers into argv.
 */
int options_parse(struct options *options, const struct command *command, int argc, char **argv,
		  char *error, size_t error_size);

/* `help COMMAND`: usage, options it takes, examples, at most 80 columns. */
void options_help(FILE *out, const struct command *command);

/* `help`: what there is. */
void options_overview(FILE *out);

/* The man page, in man(7) macros. `version` is what --version says. */
void options_man(FILE *out, const char *version);

/* Completions for "bash", "zsh" or "fish"; -EINVAL for any other shell. */
int options_completion(FILE *out, const char *shell);

#endif
