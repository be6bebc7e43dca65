/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEGMENT ARRIVES as data: a list of steps for each group of states of RFC 9293 3.10.7, each
 * with the clause it stands for, the extensions' steps between the RFC's own. A verdict names
 * the step a segment stopped at.
 */
#ifndef REFTCP_STEP_H
#define REFTCP_STEP_H

#include "reftcp/recovery.h"
#include "reftcp/segment.h"
#include "reftcp/stack.h"

enum step_result {
	STEP_NEXT,
	STEP_DONE,
	STEP_TO_LISTEN, /* go on with 3.10.7.2 */
	STEP_TO_OTHER,  /* go on with 3.10.7.4 from its start */
	STEP_TO_SIXTH,  /* go on with 3.10.7.4 where the URG bit is checked */
};

struct arrival {
	struct reftcp_stack *s;
	struct tcb *c;
	const struct segment *seg;
	reftcp_time now;
	/* "The idealized segment that begins at RCV.NXT and does not exceed the window." */
	struct seq seq;
	const uint8_t *text;
	uint32_t text_len;
	bool fin;
	struct ack_news news;
	enum reftcp_disposition disposition;
	bool crossed;         /* a SYN,ACK that is taken for its ACK */
	struct seq iss_floor; /* SND.NXT of the incarnation before */
	bool iss_floor_valid;
};

struct step {
	const char *clause;
	const char *name;
	enum step_result (*run)(struct arrival *a);
};

struct step_list {
	const struct step *row;
	size_t count;
};

extern const struct step_list steps_closed, steps_listen, steps_syn_sent, steps_other;
/* Of steps_other, "sixth, check the URG bit". */
extern const size_t step_sixth;

/* Stops here, with nothing said. */
static inline enum step_result step_drop(struct arrival *a)
{
	a->disposition = REFTCP_DROPPED;
	return STEP_DONE;
}

/* Stops here; an answer is on its way. */
static inline enum step_result step_answered(struct arrival *a)
{
	a->disposition = REFTCP_ANSWERED;
	return STEP_DONE;
}

#endif
