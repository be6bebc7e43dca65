/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that can be chosen about the stack as an endpoint. */
#ifndef STACK_SETTINGS_H
#define STACK_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/tun.h"
#include "reftcp/reftcp.h"
#include "stack/impair.h"

/* X(identifier, name): what is done with a connection once it is open. */
#define STACK_SERVICES(X)     \
	X(ECHO, "echo")       \
	X(DISCARD, "discard") \
	X(SOURCE, "source")   \
	X(FILE, "file")       \
	X(HTTP, "http")

enum stack_service {
#define X(id, name) STACK_##id,
	STACK_SERVICES(X)
#undef X
};

/* When the endpoint closes, once it has nothing more to send. */
#define STACK_CLOSES(X)   \
	X(SENT, "sent")   \
	X(PEER, "peer")   \
	X(NEVER, "never") \
	X(ABORT, "abort")

enum stack_close {
#define X(id, name) STACK_CLOSE_##id,
	STACK_CLOSES(X)
#undef X
};

struct stack_settings {
	bool connect, role_given;
	bool target_given, service_given, close_given;
	enum stack_service service;
	enum stack_close close;

	/* The link. mtu and everything about the protocol itself: `tcp`. */
	const char *device;
	const char *netns; /* NULL: the caller's */
	struct tun_address host[2];
	struct reftcp_addr own[2];  /* [0] IPv4, [1] IPv6; family 0: none */
	bool host_given, own_given; /* not the defaults */
	struct impairment in, out;  /* from and to the kernel */

	struct reftcp_config tcp;
	struct reftcp_endpoint target; /* connect: whom */
	uint16_t port;                 /* listen: where; connect: from, 0 is any */
	uint64_t connections;          /* then the end; 0: no end */
	uint32_t backlog;
	reftcp_time keepalive, keepalive_interval; /* 0: off, the default */
	uint64_t keepalive_count;                  /* 0: the default */
	reftcp_time user_timeout;                  /* 0: the default */
	bool nagle, delayed_ack, fast_open, urgent;

	const char *send, *receive; /* files; NULL: none */
	const char *serve;          /* http: a directory or a file */
	const char *path;           /* http: what is asked for */
	const char *authority;      /* http: the Host, `authority_len` octets of it */
	uint32_t authority_len;
	uint64_t bytes;        /* source: how much; 0: until the peer closes */
	reftcp_time stall;     /* nothing is read for so long */
	reftcp_time pause;     /* before the close */
	reftcp_time time_wait; /* how much of a TIME_WAIT is waited for at the end */
};

/* The RFC's behaviour on addresses kept for tests (RFC 2544, RFC 5180). */
void stack_settings_default(struct stack_settings *settings);

/* "echo" and so on; "sent" and so on. false: no such name. */
bool stack_service_by_name(const char *name, enum stack_service *out);
bool stack_close_by_name(const char *name, enum stack_close *out);
const char *stack_service_name(enum stack_service service);

#endif
