/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SYN cookies, RFC 4987 3.6: when a listener has no room for another half-open connection, its
 * ISN itself remembers what is needed: 5 bits of time, 3 bits of MSS, 24 bits of a keyed hash.
 * With timestamps the low 6 bits of the one sent remember the other options.
 */
#ifndef REFTCP_COOKIE_H
#define REFTCP_COOKIE_H

#include "reftcp/step.h"

/* Answers the SYN with a cookie; nothing is remembered but that cookies are out. */
void cookie_send(struct arrival *a);
/* Is the ACK that of a cookie we gave to this listener's callers of late. */
bool cookie_valid(const struct arrival *a);
/* Makes the connection the cookie stands for, in SYN_RECEIVED; null: no room for it. */
struct tcb *cookie_open(struct arrival *a);

#endif
