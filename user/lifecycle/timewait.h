/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What piles up in TIME_WAIT, by who made it and where it leads, and when the ports for it run out.
 * Pure: sockets of one reading after another in, groups out; no clock, no I/O, no allocation after
 * the start.
 *
 * A client's TIME_WAIT binds a local port for one (local address, peer address, peer port): the
 * destination. When its ephemeral ports are used up connect() fails with EADDRNOTAVAIL. A server's
 * TIME_WAIT binds nothing that could run out; those are gathered by listening port.
 */
#ifndef LIFECYCLE_TIMEWAIT_H
#define LIFECYCLE_TIMEWAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpwitness/record.h"

struct timewait;

struct timewait_options {
	uint32_t max_groups;       /* the rest is summed up in timewait_other() */
	uint32_t max_destinations; /* whose ports are watched */
	uint32_t max_namespaces;
};

/* Ports that connect() may choose from in a namespace, and how many TIME_WAITs it allows. */
struct timewait_limits {
	uint16_t low, high; /* ip_local_port_range */
	uint32_t reserved;  /* ip_local_reserved_ports within it */
	uint32_t buckets;   /* tcp_max_tw_buckets; 0: not known */
	int reuse;          /* tcp_tw_reuse: 0 never, 1 yes, 2 on loopback; -1: not known */
};

struct timewait_group {
	uint32_t netns;
	uint8_t laddr[16], raddr[16];
	uint16_t port;    /* of the peer; of the listener when passive */
	bool passive;     /* this end was the server's: `raddr` is unspecified */
	uint32_t process; /* that made them; 0 is unknown */
	uint32_t time_wait;
	uint32_t ports_used;  /* of the whole destination, by whatever state; 0 when passive */
	uint32_t ports_total; /* 0: not known, or passive */
	uint64_t exhausted_in_ns;
	bool exhaustion_known; /* false: they do not run out as far as can be seen */
};

/* 0, or -ENOMEM; *out untouched on failure. Free with timewait_free(), which takes NULL. */
int timewait_new(struct timewait **out, const struct timewait_options *options);
void timewait_free(struct timewait *t);

/* A reading: begin, every socket, end. Times are ns of one steady clock. */
void timewait_begin(struct timewait *t, uint64_t now);

/* Sets what holds in a namespace, at any time before timewait_end(). */
void timewait_limits(struct timewait *t, uint32_t netns, const struct timewait_limits *limits);

/*
 * Any socket but listeners and half-open ones. `process` 0 is unknown; `passive`: it is known, or
 * to be seen from a listener on its port, that the other end connected.
 */
void timewait_socket(struct timewait *t, const struct tcpw_socket *socket, uint32_t process,
		     bool passive);

void timewait_end(struct timewait *t);

/* The groups of the last reading, most sockets first. */
const struct timewait_group *timewait_groups(const struct timewait *t, size_t *count);

/* TIME_WAITs of the last reading: all of them, and those that are in no group for want of room. */
uint64_t timewait_now(const struct timewait *t);
uint64_t timewait_other(const struct timewait *t);

/* FIN_WAIT_2 without an owner, in the last reading. */
uint64_t timewait_orphans(const struct timewait *t);

#endif
