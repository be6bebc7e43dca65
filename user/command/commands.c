// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of subcommands. */
#include <stddef.h>
#include <string.h>

#include "command/command.h"

const struct command *const commands[] = {
	&command_trace,    &command_life, &command_timewait, &command_snapshot, &command_stack,
	&command_features, NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}
