/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `trace` and `life` share: attach, drop privileges, walk, follow, sum up. */
#ifndef COMMAND_WATCH_H
#define COMMAND_WATCH_H

#include "command/options.h"

enum watch_mode {
	WATCH_TRACE,
	WATCH_LIFE
};

/* Runs until interrupted, until --duration or --count; returns enum exit_status. */
int watch_run(const struct options *options, enum watch_mode mode);

#endif
