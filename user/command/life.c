// SPDX-License-Identifier: GPL-2.0-or-later
/* `life`: one line a connection, when it is over. */
#include "command/command.h"
#include "command/watch.h"

static int run(const struct options *options)
{
	return watch_run(options, WATCH_LIFE);
}

const struct command command_life = {
	.name = "life",
	.summary = "one line per connection when it is over",
	.details =
		"Prints each connection when the last state that a process can see has ended: its "
		"path through the states with the time in each, the handshake, the wait for "
		"accept, bytes, retransmits, and who ended it and why. A TIME_WAIT that follows "
		"is noted as pending; --complete waits for its end.",
	.examples = "tcpwitness life\n"
		    "tcpwitness life --complete --lport 80\n"
		    "tcpwitness life -o json --pid 1234",
	.groups = OPTIONS_OUTPUT | OPTIONS_RUN | OPTIONS_FILTER | OPTIONS_TRACE | OPTIONS_SANDBOX |
		  OPTIONS_LIFE,
	.run = run,
};
