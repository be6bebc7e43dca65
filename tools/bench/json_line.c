/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one JSON line costs: formats transitions into memory and prints ns and bytes per line, the
 * best and the median of several rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "view/view.h"

#define LINES 200000
#define ROUNDS 15

static const char *cgroup_path(void *arg, uint64_t id)
{
	(void)id;
	return arg;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(const char *what, const struct view_context *ctx, struct lifecycle_event *event)
{
	double rounds[ROUNDS];
	struct buffer out;
	size_t len = 0;

	if (buffer_init(&out, -1, 1 << 16) < 0)
		return;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = now();

		for (int i = 0; i < LINES; i++) {
			out.len = 0;
			event->ts += 12345;
			json_event(&out, ctx, event);
			len = out.len;
		}
		rounds[round] = (double)(now() - start) / LINES;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	printf("%-24s %4zu bytes  best %4.0f ns  median %4.0f ns\n", what, len, rounds[0],
	       rounds[ROUNDS / 2]);
	buffer_release(&out);
}

int main(void)
{
	static char path[] = "/kubepods.slice/kubepods-burstable.slice/"
			     "kubepods-burstable-pod01234567_89ab_cdef_0123_456789abcdef.slice/"
			     "cri-containerd-0123456789abcdef0123456789abcdef"
			     "0123456789abcdef0123456789abcdef.scope";
	static char unit_path[] = "/system.slice/nginx.service";
	struct lifecycle_owner owner = {.pid = 12345, .uid = 33, .cgroup = 1, .comm = "nginx"};
	struct lifecycle_connection c = {.cookie = 123456789, .owner = &owner, .complete = true};
	struct lifecycle_event event = {.kind = LIFECYCLE_TRANSITION, .connection = &c};
	struct view_context ctx = {
		.names = {.cgroup_path = cgroup_path, .arg = unit_path},
		.host = "web1.example.org",
		.boot_id = "01234567-89ab-cdef-0123-456789abcdef",
		.wall_offset = INT64_C(1772366400000000000),
	};

	event.ts = 1234567890123456;
	event.tuple.lport = 43210;
	event.tuple.rport = 443;
	event.tuple.netns = 4026531840;
	event.u.transition.old_state = TCPW_SYN_SENT;
	event.u.transition.new_state = TCPW_ESTABLISHED;
	event.u.transition.cause = TCPW_CAUSE_SYN_ACK_RECEIVED;
	event.u.transition.source = LIFECYCLE_FROM_STATE;
	event.u.transition.dwell_ns = 123456789;
	event.u.transition.dwell_known = event.u.transition.dwell_exact = true;
	memcpy(event.tuple.laddr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x02\x03", 16);
	memcpy(event.tuple.raddr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\xa8\x64\x65", 16);
	measure("transition, ipv4", &ctx, &event);
	memcpy(event.tuple.laddr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\x0a\x01\x02\x03", 16);
	memcpy(event.tuple.raddr, "\x20\x01\x0d\xb8\0\x01\0\x02\0\0\0\0\xc0\xa8\x64\x65", 16);
	ctx.names.arg = path;
	measure("transition, ipv6, pod", &ctx, &event);
	return 0;
}
