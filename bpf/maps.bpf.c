// SPDX-License-Identifier: GPL-2.0-or-later
/* Definitions of what maps.bpf.h declares, and the licence of the linked object. */
#include "maps.bpf.h"

struct tcpw_ring_map ring SEC(".maps");
struct tcpw_accounts_map accounts SEC(".maps");
struct tcpw_lost_map lost SEC(".maps");
struct tcpw_nesting_map nesting SEC(".maps");
struct tcpw_chosen_map chosen SEC(".maps");
struct tcpw_chosen_half_open_map chosen_half_open SEC(".maps");

const volatile struct tcpw_filter filter = {};
const volatile __u64 tw_timer_function = 0;
const volatile __u64 request_timer_function = 0;
const volatile __u64 write_timer_function = 0;
const volatile bool has_reset_reason = false;
const volatile bool has_cookie_helper = false;
const volatile __u32 jiffy_ns = 0;

__u32 reader_waiting = 0;
__u64 lost_epoch = 0;
__u64 lost_unnamed = 0;

char LICENSE[] SEC("license") = "GPL";
