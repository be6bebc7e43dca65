/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection from the application's side: who it is with, how far it has come, what its service
 * keeps for it. Talks live in a table of fixed size and are found by the stack's name for them.
 */
#ifndef STACK_TALK_H
#define STACK_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/settings.h"
#include "tcpwitness/filter.h"

#define TALK_BUFFER 16384

struct talk {
	reftcp_id id;
	struct talk *next; /* in its bucket, or free */
	struct reftcp_endpoint local, remote;
	enum reftcp_state state;
	enum tcpw_role role;
	reftcp_time entered; /* its state */
	reftcp_time opened;  /* ESTABLISHED; 0: not yet */
	reftcp_time wake;    /* its service wants to be called; REFTCP_NEVER: no */
	bool ours;           /* accepted or opened: the service may be called */
	bool ended;          /* the peer has nothing more to send */
	bool closing;        /* we have nothing more to send, and said so */
	bool urgent_seen;
	bool over;  /* counted among those that are done */
	bool moved; /* its state has changed, and nobody has looked yet */
	struct talk *moved_next;
	int error; /* of the connection, or of its service; 0 */
	uint64_t sent, received;
	uint64_t urgent_octets;
	reftcp_time pause_until;

	/* The service's own. */
	uint8_t *buffer; /* TALK_BUFFER octets */
	uint32_t begin, end, head_end;
	int fd; /* -1: none; closed with the talk */
	uint64_t offset, left;
	int phase;
	bool flag;
	int status; /* http: the last one; 0: none */
};

struct talks {
	struct talk *all;
	struct talk *free;
	struct talk **bucket;
	uint8_t *buffers;
	uint32_t mask, size, used;
};

/* 0 or -ENOMEM; talks_release in any case. */
int talks_init(struct talks *t, uint32_t size);
void talks_release(struct talks *t);

struct talk *talks_find(struct talks *t, reftcp_id id);
/* A fresh one under that name; NULL when all are taken. */
struct talk *talks_take(struct talks *t, reftcp_id id);
void talks_give(struct talks *t, struct talk *talk);
/* Every one in use, in a fixed order: NULL begins, NULL ends. */
struct talk *talks_next(struct talks *t, const struct talk *after);

#endif
