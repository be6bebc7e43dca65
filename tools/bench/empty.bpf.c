// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs that do nothing, at every hook the tracer uses: what remains of its cost when nothing is
 * left out of it, and the measure for what its own programs take.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define EMPTY(hook, name)           \
	SEC(hook)                   \
	int empty_##name(void *ctx) \
	{                           \
		(void)ctx;          \
		return 0;           \
	}

EMPTY("tp_btf/inet_sock_set_state", state)
EMPTY("tp_btf/inet_sock_set_state", state_nested)
EMPTY("tp_btf/timer_start", timer_start)
EMPTY("tp_btf/timer_cancel", timer_cancel)
EMPTY("tp_btf/timer_expire_entry", timer_expire)
EMPTY("tp_btf/kfree_skb", segment)
EMPTY("tp_btf/tcp_retransmit_skb", retransmit)
EMPTY("tp_btf/tcp_retransmit_synack", retransmit_synack)
EMPTY("tp_btf/tcp_send_reset", reset_sent)
EMPTY("tp_btf/tcp_receive_reset", reset_received)
EMPTY("tp_btf/tcp_destroy_sock", destroy)
EMPTY("tracepoint/syscalls/sys_exit_accept", accept)
EMPTY("tracepoint/syscalls/sys_exit_accept4", accept4)
