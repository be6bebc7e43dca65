/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of states, causes, roles and kinds, and the way back from any spelling of a state. */
#ifndef LIFECYCLE_NAMES_H
#define LIFECYCLE_NAMES_H

#include "tcpwitness/cause.h"
#include "tcpwitness/filter.h"
#include "tcpwitness/record.h"
#include "tcpwitness/state.h"

/* RFC 9293 name ("SYN_RECEIVED"); "UNKNOWN" for what is not a state. Never NULL. */
const char *state_name(enum tcpw_state state);

/* Metric label ("syn_received"). Never NULL. */
const char *state_label(enum tcpw_state state);

/*
 * Reads a state in any spelling of the table in tcpwitness/state.h, in any case, '-' and '_' alike;
 * also ss's words "time-wait", "syn-recv", "close-wait", "closed". TCPW_STATE_UNKNOWN if none.
 */
enum tcpw_state state_parse(const char *text);

const char *cause_name(enum tcpw_cause cause);
const char *cause_text(enum tcpw_cause cause);
const char *role_name(enum tcpw_role role);
const char *retransmit_kind_name(enum tcpw_retransmit_kind kind);
const char *program_name(enum tcpw_program program);

#endif
