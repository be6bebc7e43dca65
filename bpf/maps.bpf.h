/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps and settings that the witnesses share. Defined once, in maps.bpf.c.
 */
#ifndef TCPWITNESS_MAPS_BPF_H
#define TCPWITNESS_MAPS_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "tcpwitness/filter.h"
#include "tcpwitness/record.h"
#include "tcpwitness/state.h"

/*
 * Map types are spelled out in each file that uses one: libbpf's static linker asks that an
 * `extern` map repeats its definition.
 */
struct tcpw_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
};

struct tcpw_accounts_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCPW_PROGRAM_COUNT);
	__type(key, __u32);
	__type(value, struct tcpw_account);
};

struct tcpw_lost_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tcpw_lost_key);
	__type(value, __u32);
};

/* Connections (by cookie) and half-open ones (by tuple) that an owner filter has let in. */
struct tcpw_chosen_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8); /* enum tcpw_role */
};

struct tcpw_chosen_half_open_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct tcpw_tuple);
	__type(value, __u8);
};

struct tcpw_nesting_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tcpw_nesting);
};

/* Settings: written by the loader before load, constants to the verifier. */
extern const volatile struct tcpw_filter filter;
extern const volatile __u64 tw_timer_function;      /* address of tw_timer_handler */
extern const volatile __u64 request_timer_function; /* address of reqsk_timer_handler */
extern const volatile __u64 write_timer_function;   /* address of tcp_write_timer */
extern const volatile bool has_reset_reason;        /* tcp_send_reset has a third argument */
extern const volatile bool has_cookie_helper;       /* bpf_get_socket_cookie, since 5.12 */
extern const volatile __u32 jiffy_ns;               /* length of a jiffy */

/*
 * Shared with the reader while it runs. `reader_waiting`: it sleeps until a record wakes it;
 * otherwise it looks by itself every few milliseconds and a wake-up for each record would only
 * cost. `lost_epoch` counts records that found no room: a change tells the reader to read `lost`.
 * `lost_unnamed` counts those whose connection could not be noted.
 */
extern __u32 reader_waiting;
extern __u64 lost_epoch;
extern __u64 lost_unnamed;

#endif
