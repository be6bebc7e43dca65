/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two stacks a scenario is played on.
 *
 * reftcp runs on a clock of its own, so that waiting costs nothing. The kernel lives in a network
 * namespace made for it, behind a TUN device; many scenarios are played on it at once, each with a
 * port and a peer of its own, so that their waits pass together.
 */
#ifndef HARNESS_DUEL_SUBJECT_H
#define HARNESS_DUEL_SUBJECT_H

#include "duel/play.h"

/* Plays sc on a new stack as `linux`, but with the rule of this name as `standard` has it. */
void subject_linux_without(const struct scenario *sc, const char *rule, struct trace *trace);
/* As `standard`, but with the rules of this deviation as `linux` has them. */
void subject_standard_with(const struct scenario *sc, const char *id, struct trace *trace);
/* Plays sc on a new stack; trace says what came of it. */
void subject_reftcp(const struct scenario *sc, enum reftcp_personality personality,
		    struct trace *trace);

struct kernel;

/*
 * Takes the calling thread into a new network namespace with a TUN device in it and the sysctls
 * of sc set; needs to be root. 0 or -errno, and why says at what.
 */
int kernel_new(struct kernel **out, const struct scenario *sc, char *why, size_t why_len);
void kernel_free(struct kernel *k);
/* Plays all n at once; they must agree in their sysctls. */
void kernel_play(struct kernel *k, const struct scenario *const *sc, struct trace *const *trace,
		 unsigned int n);

#endif
