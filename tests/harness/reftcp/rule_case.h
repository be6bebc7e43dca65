/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the personality table share: looking a row up, and under which personality. */
#ifndef HARNESS_REFTCP_RULE_CASE_H
#define HARNESS_REFTCP_RULE_CASE_H

#include <string.h>

#include "reftcp/peer_case.h"

/* Rows that rules_sending_test provokes; it fails if it does not, and rules_test if a row is
 * neither here nor in its own tests. */
static const char *const sending_rules[] = {
	"push_bursts",   "window_in_segments", "reduction_from_window", "ecn_in_proportion",
	"rtt_every_ack", "rto_variation_min",  "rack_rtt_told_last",    "lost_syns",
	"probe_old",     "probe_for_rto",      "nagle_small_only",      "override",
};

static inline bool of_sending(const char *name)
{
	for (size_t i = 0; i < sizeof(sending_rules) / sizeof(sending_rules[0]); i++)
		if (!strcmp(name, sending_rules[i]))
			return true;
	return false;
}

static bool seen[128];

/* The value of the row `name` for the stack at hand; the row is noted as provoked. */
static inline int64_t rule(const char *name)
{
	struct reftcp_rule r;

	for (size_t i = 0; reftcp_rule_at(p.config.personality, i, &r) == 0; i++) {
		if (strcmp(r.name, name))
			continue;
		seen[i] = true;
		return r.value;
	}
	fail_msg("no rule '%s'", name);
	return 0;
}

static inline void begin(enum reftcp_personality personality,
			 void (*change)(struct reftcp_config *c))
{
	peer_end(&p);
	peer_init(&p);
	p.config.personality = personality;
	if (change)
		change(&p.config);
	peer_start(&p);
}

#define EACH_PERSONALITY(change)        \
	for (int who = REFTCP_STANDARD; \
	     who <= REFTCP_LINUX && (begin((enum reftcp_personality)who, change), true); who++)

static const char text[3000];

#endif
