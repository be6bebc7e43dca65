/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios nobody wrote: plausible openings, then segments and calls of which some are odd. */
#ifndef HARNESS_DUEL_GENERATE_H
#define HARNESS_DUEL_GENERATE_H

#include "duel/scenario.h"

/* Equal seeds give equal scenarios. */
void generate(struct scenario *out, uint64_t seed);

#endif
