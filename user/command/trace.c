// SPDX-License-Identifier: GPL-2.0-or-later
/* `trace`: every transition as it happens. */
#include "command/command.h"
#include "command/watch.h"

static int run(const struct options *options)
{
	return watch_run(options, WATCH_TRACE);
}

const struct command command_trace = {
	.name = "trace",
	.summary = "every transition as it happens, one line each",
	.details =
		"Follows every TCP connection of the machine, in all network namespaces, through "
		"the eleven states of RFC 9293: each transition with its cause, its owner and "
		"the time spent in the state before. SYN_RECEIVED and TIME_WAIT are seen as "
		"they begin and end. Retransmits, resets and accepts are shown between them.\n"
		"\n"
		"What was open before is found in the socket table; times in a state that began "
		"before the tracer are marked as lower bounds. Interrupt ends with a summary on "
		"stderr, which counts what was lost.",
	.examples = "tcpwitness trace --rport 443\n"
		    "tcpwitness trace --state TIME_WAIT,SYN_RECEIVED\n"
		    "tcpwitness trace --comm nginx -o json --duration 10 > nginx.jsonl",
	.groups = OPTIONS_OUTPUT | OPTIONS_RUN | OPTIONS_FILTER | OPTIONS_TRACE | OPTIONS_SANDBOX,
	.run = run,
};
