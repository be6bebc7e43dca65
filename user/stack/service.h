/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done with a connection. A service is called again and again, whenever something may have
 * changed, and does as much as can be done without waiting.
 */
#ifndef STACK_SERVICE_H
#define STACK_SERVICE_H

#include "stack/talk.h"

struct endpoint;

struct service {
	/* Once, when the connection may be used. 0; or -errno, and the connection is aborted. */
	int (*begin)(struct endpoint *e, struct talk *k);
	void (*run)(struct endpoint *e, struct talk *k);
};

extern const struct service service_echo, service_discard, service_source, service_file,
	service_http_server, service_http_client;

/*
 * As much as the stack takes of `data`; returns how much, 0 when it must wait, or -errno when
 * nothing more can be sent.
 */
long talk_send(struct endpoint *e, struct talk *k, const void *data, size_t len, bool urgent);

/*
 * At most `len` octets; returns how many, 0 at the peer's end, -EAGAIN when there is nothing (also
 * while --stall lasts), or -errno.
 */
long talk_receive(struct endpoint *e, struct talk *k, void *buf, size_t len);

/* Octets the stack would take now, 0 when the connection is no more. */
size_t talk_room(struct endpoint *e, const struct talk *k);

/*
 * The service has nothing more to send: closes, now or when the settings say so. To be called on
 * every later run as well.
 */
void talk_finish(struct endpoint *e, struct talk *k);

/* Ends with a reset and this error of the service's own. */
void talk_fail(struct endpoint *e, struct talk *k, int error);

#endif
