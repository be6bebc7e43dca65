/* SPDX-License-Identifier: BSD-2-Clause */
/* Two traces of one scenario held against each other, and one held against what is expected. */
#ifndef HARNESS_DUEL_COMPARE_H
#define HARNESS_DUEL_COMPARE_H

#include "duel/play.h"

/* Looseness, for scenarios nobody wrote: what is sent again while time passes, and when, depends
 * on real time and is left out. */
#define COMPARE_LOOSE 1u

struct difference {
	bool found;
	unsigned int act;
	char text[4096]; /* what was expected or seen there, and what was seen here */
};

/* a and b are names for the two in the text. */
void compare_traces(const struct scenario *sc, const struct trace *one, const char *a,
		    const struct trace *other, const char *b, unsigned int flags,
		    struct difference *out);
void compare_expected(const struct scenario *sc, const struct trace *trace, const char *name,
		      struct difference *out);
/* Makes what the trace shows the scenario's expectations. */
void compare_adopt(struct scenario *sc, const struct trace *trace);

#endif
