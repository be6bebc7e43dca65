/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs of the programs on one CPU leave for one another: struct tcpw_nesting. */
#ifndef TCPWITNESS_NESTING_BPF_H
#define TCPWITNESS_NESTING_BPF_H

#include "maps.bpf.h"

extern struct tcpw_nesting_map nesting SEC(".maps");

/* This CPU's; NULL only if the array were too short. */
static __always_inline struct tcpw_nesting *nesting_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&nesting, &zero);
}

#endif
