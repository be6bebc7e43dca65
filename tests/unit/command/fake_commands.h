/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three commands that run nothing, each with other options. */
#ifndef TESTS_COMMAND_FAKE_COMMANDS_H
#define TESTS_COMMAND_FAKE_COMMANDS_H

#include <string.h>

#include "command/command.h"

static const struct command fake_trace = {
	.name = "trace",
	.summary = "every transition as it happens",
	.details =
		"One line a transition, with its cause, its owner and the time spent in the state "
		"that was left.\n\nSecond paragraph.\n  a line of its own",
	.examples = "tcpwitness trace --port 443\ntcpwitness trace -o json",
	.groups = OPTIONS_OUTPUT | OPTIONS_RUN | OPTIONS_FILTER | OPTIONS_TRACE | OPTIONS_SANDBOX,
};

static const struct command fake_snapshot = {
	.name = "snapshot",
	.summary = "every socket now",
	.groups = OPTIONS_OUTPUT | OPTIONS_FILTER | OPTIONS_SNAPSHOT | OPTIONS_REPEAT,
};

static const struct command fake_features = {
	.name = "features",
	.summary = "what this kernel permits; it's short",
	.groups = OPTIONS_OUTPUT,
};

const struct command *const commands[] = {&fake_trace, &fake_snapshot, &fake_features, NULL};

#endif
