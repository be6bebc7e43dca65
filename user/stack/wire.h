/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link between the stack and the kernel: a TUN descriptor, and in front of it, where asked for,
 * what a bad network does in each direction.
 */
#ifndef STACK_WIRE_H
#define STACK_WIRE_H

#include "stack/settings.h"

#define WIRE_PACKET_MAX 65536

struct wire_counters {
	uint64_t read, written; /* packets from and to the kernel */
	uint64_t write_errors;  /* packets the kernel did not take */
};

struct wire {
	int fd; /* not owned */
	struct link *in, *out;
	struct impairment in_settings, out_settings;
	uint64_t in_octets, out_octets;
	struct wire_counters count;
	const void *icmp; /* from `out` for the stack; NULL: none */
	size_t icmp_len;
	uint8_t packet[WIRE_PACKET_MAX]; /* the last one read */
};

/* 0 or -ENOMEM; wire_release in any case. */
int wire_init(struct wire *w, int fd, const struct stack_settings *settings);
void wire_release(struct wire *w);

/*
 * The next packet for the stack, valid until the next call; NULL when there is none. -errno in *err
 * when the device is gone.
 */
const void *wire_receive(struct wire *w, reftcp_time now, size_t *len, int *err);

/* A packet of the stack's; may bring an ICMP error back, which wire_receive then gives. */
void wire_send(struct wire *w, const void *packet, size_t len, reftcp_time now);

/* Writes to the kernel what is due. */
void wire_deliver(struct wire *w, reftcp_time now);

/* Packets that a link did not let through, for whatever reason; 0 for NULL. */
uint64_t wire_lost(const struct link *link);

/* When wire_receive or wire_deliver next has something to do besides the descriptor. */
reftcp_time wire_next(const struct wire *w);

#endif
