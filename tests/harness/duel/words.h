/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of the text form of scenarios. */
#ifndef HARNESS_DUEL_WORDS_H
#define HARNESS_DUEL_WORDS_H

#include <stdint.h>

/* In the order of the bits of the header. */
#define FLAG_LETTERS "FSRP.UEC"

#define SCRIPT_ISN 1000000u
#define SCRIPT_WINDOW 8000u

/* -1: no such call. */
int call_of_name(const char *name);
/* -ECONNRESET for "ECONNRESET"; 0 for anything else. */
int64_t errno_of_word(const char *word);

#endif
