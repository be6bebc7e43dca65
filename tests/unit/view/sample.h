/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events and sockets for the tests of the views. */
#ifndef TESTS_VIEW_SAMPLE_H
#define TESTS_VIEW_SAMPLE_H

#include <arpa/inet.h>
#include <string.h>

#include "view/view.h"

#define SAMPLE_S UINT64_C(1000000000)
#define SAMPLE_MS UINT64_C(1000000)
#define SAMPLE_US UINT64_C(1000)

/* 2026-03-01T12:00:00Z less 1000 s, so that mono 1000 s is noon. */
#define SAMPLE_WALL_OFFSET ((INT64_C(1772366400) - 1000) * INT64_C(1000000000))
#define SAMPLE_NOON (1000 * SAMPLE_S)

static const char *sample_path; /* what every cgroup id resolves to */

static inline const char *sample_cgroup_path(void *arg, uint64_t id)
{
	(void)arg;
	return id == 4711 ? sample_path : NULL;
}

static inline const char *sample_reset_reason(void *arg, uint32_t reason)
{
	(void)arg;
	return reason == 7 ? "TCP_ABORT_ON_CLOSE" : NULL;
}

static inline struct view_context sample_context(void)
{
	return (struct view_context){
		.names = {.cgroup_path = sample_cgroup_path, .reset_reason = sample_reset_reason},
		.host = "web1",
		.boot_id = "01234567-89ab-cdef-0123-456789abcdef",
		.wall_offset = SAMPLE_WALL_OFFSET,
		.utf8 = true,
		.utc = true,
	};
}

static inline void sample_address(uint8_t out[16], const char *text)
{
	char mapped[64] = "::ffff:";

	if (strchr(text, ':'))
		mapped[0] = '\0';
	strcat(mapped, text);
	inet_pton(AF_INET6, mapped, out);
}

static inline struct tcpw_tuple sample_tuple(const char *laddr, uint16_t lport, const char *raddr,
					     uint16_t rport)
{
	struct tcpw_tuple t = {.lport = lport, .rport = rport, .netns = 4026531840};

	sample_address(t.laddr, laddr);
	sample_address(t.raddr, raddr);
	return t;
}

static inline struct lifecycle_owner sample_owner(void)
{
	return (struct lifecycle_owner){.pid = 1234, .uid = 33, .cgroup = 4711, .comm = "nginx"};
}

/* The longest process there can be. */
static inline struct lifecycle_owner sample_long_owner(void)
{
	return (struct lifecycle_owner){.pid = 4194304, .comm = "systemd-resolve"};
}

static inline struct lifecycle_connection sample_connection(const struct lifecycle_owner *owner)
{
	return (struct lifecycle_connection){
		.cookie = 77,
		.tuple = sample_tuple("10.0.0.5", 43210, "10.0.0.9", 443),
		.owner = owner,
		.role = TCPW_ROLE_ACTIVE,
		.complete = true,
	};
}

static inline struct lifecycle_event sample_transition(const struct lifecycle_connection *c)
{
	struct lifecycle_event e = {
		.kind = LIFECYCLE_TRANSITION,
		.ts = SAMPLE_NOON + 123456789,
		.connection = c,
		.tuple = c->tuple,
	};

	e.u.transition.old_state = TCPW_SYN_SENT;
	e.u.transition.new_state = TCPW_ESTABLISHED;
	e.u.transition.cause = TCPW_CAUSE_SYN_ACK_RECEIVED;
	e.u.transition.source = LIFECYCLE_FROM_STATE;
	e.u.transition.dwell_ns = 213400;
	e.u.transition.dwell_known = true;
	e.u.transition.dwell_exact = true;
	return e;
}

/* A client's whole life with its TIME_WAIT still to end. */
static inline struct lifecycle_connection sample_life(const struct lifecycle_owner *owner)
{
	static const uint8_t path[] = {TCPW_SYN_SENT, TCPW_ESTABLISHED, TCPW_FIN_WAIT_1,
				       TCPW_FIN_WAIT_2, TCPW_TIME_WAIT};
	struct lifecycle_connection c = sample_connection(owner);

	memcpy(c.path, path, sizeof(path));
	c.path_len = sizeof(path);
	c.entered[0] = SAMPLE_NOON;
	c.entered[1] = c.entered[0] + 213400;
	c.entered[2] = c.entered[1] + 1300 * SAMPLE_MS;
	c.entered[3] = c.entered[2] + 12 * SAMPLE_US;
	c.entered[4] = c.entered[3] + 340 * SAMPLE_US;
	c.bytes_sent = 1234;
	c.bytes_received = 56789012;
	c.retransmits = 2;
	c.srtt_us = 187;
	c.counted = true;
	c.end_cause = TCPW_CAUSE_FIN_RECEIVED;
	return c;
}

#endif
