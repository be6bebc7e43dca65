/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Name tables, made from the lists in include/tcpwitness. */
#include "lifecycle/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const state_names[] = {
#define X(id, value, rfc, label, ss, node, otel) [value] = (rfc),
	TCPW_STATES(X)
#undef X
};

static const char *const state_labels[] = {
#define X(id, value, rfc, label, ss, node, otel) [value] = (label),
	TCPW_STATES(X)
#undef X
};

static const char *const cause_names[] = {
#define X(id, name, text) [TCPW_CAUSE_##id] = (name),
	TCPW_CAUSES(X)
#undef X
};

static const char *const cause_texts[] = {
#define X(id, name, text) [TCPW_CAUSE_##id] = (text),
	TCPW_CAUSES(X)
#undef X
};

static const char *const role_names[] = {
#define X(id, name) [TCPW_ROLE_##id] = (name),
	TCPW_ROLES(X)
#undef X
};

static const char *const program_names[] = {
#define X(id, name) [TCPW_PROGRAM_##id] = (name),
	TCPW_PROGRAMS(X)
#undef X
};

static const char *const retransmit_kind_names[] = {
	[TCPW_RETRANSMIT_DATA] = "data",
	[TCPW_RETRANSMIT_SYN] = "syn",
	[TCPW_RETRANSMIT_SYN_ACK] = "syn_ack",
	[TCPW_RETRANSMIT_FIN] = "fin",
};

_Static_assert(COUNT(state_names) == TCPW_STATE_MAX, "a name for every state");
_Static_assert(COUNT(state_labels) == TCPW_STATE_MAX, "a label for every state");
_Static_assert(COUNT(cause_names) == TCPW_CAUSE_COUNT, "a name for every cause");
_Static_assert(COUNT(role_names) == TCPW_ROLE_COUNT, "a name for every role");
_Static_assert(COUNT(program_names) == TCPW_PROGRAM_COUNT, "a name for every program");
_Static_assert(COUNT(retransmit_kind_names) == TCPW_RETRANSMIT_FIN + 1, "a name for every kind");

/* Values come from the kernel and from memory it filled: never trusted as an index. */
static const char *name_at(const char *const *names, size_t count, unsigned int index,
			   const char *unknown)
{
	return index < count && names[index] ? names[index] : unknown;
}

const char *state_name(enum tcpw_state state)
{
	return name_at(state_names, COUNT(state_names), (unsigned int)state, "UNKNOWN");
}

const char *state_label(enum tcpw_state state)
{
	return name_at(state_labels, COUNT(state_labels), (unsigned int)state, "unknown");
}

const char *cause_name(enum tcpw_cause cause)
{
	return name_at(cause_names, COUNT(cause_names), (unsigned int)cause, "unknown");
}

const char *cause_text(enum tcpw_cause cause)
{
	return name_at(cause_texts, COUNT(cause_texts), (unsigned int)cause,
		       cause_texts[TCPW_CAUSE_UNKNOWN]);
}

const char *role_name(enum tcpw_role role)
{
	return name_at(role_names, COUNT(role_names), (unsigned int)role, "unknown");
}

const char *retransmit_kind_name(enum tcpw_retransmit_kind kind)
{
	return name_at(retransmit_kind_names, COUNT(retransmit_kind_names), (unsigned int)kind,
		       "unknown");
}

const char *program_name(enum tcpw_program program)
{
	return name_at(program_names, COUNT(program_names), (unsigned int)program, "unknown");
}

static const char *skip_separators(const char *s)
{
	while (*s == '-' || *s == '_')
		s++;
	return s;
}

/* Separators and case apart, the spellings of one state differ in few letters only. */
static bool same_word(const char *a, const char *b)
{
	for (;;) {
		a = skip_separators(a);
		b = skip_separators(b);
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

enum tcpw_state state_parse(const char *text)
{
	static const struct {
		const char *word;
		enum tcpw_state state;
	} words[] = {
#define X(id, value, rfc, label, ss, node, otel) \
	{rfc, TCPW_##id}, {label, TCPW_##id}, {ss, TCPW_##id}, {node, TCPW_##id}, {otel, TCPW_##id},
		TCPW_STATES(X)
#undef X
			{"listening", TCPW_LISTEN},
		{"syn_rcvd", TCPW_SYN_RECEIVED},
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (same_word(text, words[i].word))
			return words[i].state;
	return TCPW_STATE_UNKNOWN;
}
