/* SPDX-License-Identifier: BSD-2-Clause */
/* A scenario on which the two stacks differ made as short as it still shows the same difference. */
#ifndef HARNESS_DUEL_SHRINK_H
#define HARNESS_DUEL_SHRINK_H

#include "duel/compare.h"
#include "duel/subject.h"

#define SIGNATURE_MAX 512

/* What was seen when the two parted, in a form that is the same for what is the same. Empty: they
 * did not. */
void difference_signature(const struct scenario *sc, const struct trace *kernel,
			  const struct trace *ours, char out[SIGNATURE_MAX]);

/* Plays all n on both; what they differ in, by signature. */
void differences_of(struct kernel *k, const struct scenario *const *sc, unsigned int n,
		    char (*signature)[SIGNATURE_MAX]);

/* sc shows the difference `signature` and goes on showing it. */
void shrink(struct kernel *k, struct scenario *sc, const char *signature);

#endif
