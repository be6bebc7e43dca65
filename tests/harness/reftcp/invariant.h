/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold of a stack between any two events. */
#ifndef HARNESS_REFTCP_INVARIANT_H
#define HARNESS_REFTCP_INVARIANT_H

#include "reftcp/stack.h"

/* Null if all is well, else what is not. */
const char *invariant_broken(struct reftcp_stack *s);

#endif
