/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A subcommand is a constant descriptor in a file of its own. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "command/option_table.h"
#include "command/options.h"

/* Exit statuses, a contract with scripts. */
enum exit_status {
	EXIT_OK = 0,
	EXIT_RUNTIME = 1,
	EXIT_USAGE = 2,
	EXIT_KERNEL = 3, /* the kernel lacks something needed */
	EXIT_NOT_PERMITTED = 4,
	EXIT_LOST = 5, /* events were lost under --strict */
	EXIT_FOUND = 6,
};

struct command {
	const char *name;
	const char *summary;  /* one line, for `help` */
	const char *details;  /* paragraphs, for `help NAME` */
	const char *examples; /* lines, for `help NAME` */
	unsigned int groups;  /* enum option_group bits it takes */
	const char *operands; /* what follows the name, for usage; NULL: none */
	const char *words;    /* what the first operand may be; NULL: anything */
	/* Takes operand `index`; value->name is of no use. NULL: there are none. */
	int (*operand)(struct option_value *value, unsigned int index);
	int (*run)(const struct options *options); /* returns enum exit_status */
};

extern const struct command command_trace, command_life, command_timewait, command_snapshot,
	command_stack, command_features;

/* All of them, NULL-terminated, in the order `help` lists them. */
extern const struct command *const commands[];

const struct command *command_find(const char *name);

#endif
