// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/impair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64
#define FLIGHT 4096            /* packets in the air at once; more are dropped */
#define HOLD_DEFAULT REFTCP_MS /* how long reordered packets stay back */
#define SEED_DEFAULT 1

struct word {
	char key[WORD_MAX];
	const char *value;
};

struct spec {
	struct impairment one;
	bool in, out;
};

/* A number without a sign and what stands behind it. */
static bool read_number(const char *text, double *out, const char **rest)
{
	size_t digits = strspn(text, "0123456789.");
	char copy[WORD_MAX], *end;

	if (!digits || digits >= sizeof(copy))
		return false;
	memcpy(copy, text, digits);
	copy[digits] = 0;
	*out = strtod(copy, &end);
	*rest = text + digits;
	return !*end && end != copy;
}

/* "1%" or "0.01", in parts of a million. */
static bool read_share(const char *text, uint32_t *out)
{
	const char *rest;
	double value;

	if (!read_number(text, &value, &rest))
		return false;
	if (!strcmp(rest, "%"))
		value /= 100;
	else if (*rest)
		return false;
	if (value > 1)
		return false;
	*out = (uint32_t)(value * 1e6 + 0.5);
	return true;
}

static bool read_time(const char *text, reftcp_time *out)
{
	const char *rest;
	double value;

	if (!read_number(text, &value, &rest) || value > 1e6)
		return false;
	if (!strcmp(rest, "us"))
		value *= 1e3;
	else if (!strcmp(rest, "ms"))
		value *= 1e6;
	else if (!strcmp(rest, "s"))
		value *= 1e9;
	else
		return false;
	*out = (reftcp_time)(value + 0.5);
	return true;
}

static bool read_octets(const char *text, uint64_t *out)
{
	const char *rest;
	double value;

	if (!read_number(text, &value, &rest))
		return false;
	if (!strcmp(rest, "K"))
		value *= 1 << 10;
	else if (!strcmp(rest, "M"))
		value *= 1 << 20;
	else if (!strcmp(rest, "G"))
		value *= 1 << 30;
	else if (*rest)
		return false;
	if (value > 1e15)
		return false;
	*out = (uint64_t)value;
	return true;
}

/* "0.1%:20": bursts begin with that chance and last so many packets on average. */
static bool read_burst(const char *text, struct link_config *link)
{
	const char *colon = strchr(text, ':'), *rest;
	char share[WORD_MAX];
	double length;

	if (!colon || (size_t)(colon - text) >= sizeof(share))
		return false;
	memcpy(share, text, (size_t)(colon - text));
	share[colon - text] = 0;
	if (!read_share(share, &link->burst_enter) || !read_number(colon + 1, &length, &rest) ||
	    *rest || length < 1)
		return false;
	link->burst_leave = (uint32_t)(1e6 / length);
	return true;
}

static bool read_mtu(const char *text, uint32_t *out)
{
	uint64_t value;

	if (!read_octets(text, &value) || value < 68 || value > 65535)
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool read_on(const char *text, struct spec *s)
{
	s->in = strcmp(text, "out") != 0;
	s->out = strcmp(text, "in") != 0;
	return !strcmp(text, "in") || !strcmp(text, "out") || !strcmp(text, "both");
}

static bool read_flag(const char *text, bool *out)
{
	*out = !strcmp(text, "yes");
	return *out || !strcmp(text, "no");
}

/* 1: read; 0: the value is wrong; -1: no such key. */
static int read_word(const struct word *w, struct spec *s)
{
	struct link_config *link = &s->one.link;
	const char *key = w->key, *value = w->value;

	if (!strcmp(key, "loss"))
		return read_share(value, &link->loss);
	if (!strcmp(key, "burst"))
		return read_burst(value, link);
	if (!strcmp(key, "reorder"))
		return read_share(value, &link->reorder);
	if (!strcmp(key, "duplicate"))
		return read_share(value, &link->duplicate);
	if (!strcmp(key, "corrupt"))
		return read_share(value, &link->corrupt);
	if (!strcmp(key, "ce"))
		return read_share(value, &link->mark_ce);
	if (!strcmp(key, "delay"))
		return read_time(value, &link->delay);
	if (!strcmp(key, "jitter"))
		return read_time(value, &link->jitter);
	if (!strcmp(key, "hold"))
		return read_time(value, &link->reorder_delay);
	if (!strcmp(key, "rate"))
		return read_octets(value, &link->rate);
	if (!strcmp(key, "mtu"))
		return read_mtu(value, &link->mtu);
	if (!strcmp(key, "icmp"))
		return read_flag(value, &link->icmp);
	if (!strcmp(key, "after"))
		return read_octets(value, &s->one.mtu_after);
	if (!strcmp(key, "seed"))
		return read_octets(value, &s->one.seed);
	if (!strcmp(key, "on"))
		return read_on(value, s);
	return -1;
}

static int next_word(const char **text, char word[WORD_MAX])
{
	size_t len = strcspn(*text, ",");

	if (len >= WORD_MAX)
		return -EINVAL;
	memcpy(word, *text, len);
	word[len] = 0;
	*text += len;
	return 0;
}

int impair_parse(const char *text, struct impairment *in, struct impairment *out, char *error,
		 size_t error_size)
{
	struct spec s = {
		.one = {.on = true,
			.seed = SEED_DEFAULT,
			.link = {.packets = FLIGHT, .icmp = true, .reorder_delay = HOLD_DEFAULT}},
		.in = true,
		.out = true,
	};

	for (;; text++) {
		char word[WORD_MAX], *equals;
		struct word w;
		int known = 0;

		if (next_word(&text, word) == 0 && (equals = strchr(word, '='))) {
			*equals = 0;
			snprintf(w.key, sizeof(w.key), "%s", word);
			w.value = equals + 1;
			known = read_word(&w, &s);
			*equals = '=';
		}
		if (known <= 0) {
			snprintf(error, error_size,
				 known ? "unknown key in '%.60s'" : "cannot read '%.60s'", word);
			return -EINVAL;
		}
		if (!*text)
			break;
	}
	if (s.in)
		*in = s.one;
	if (s.out)
		*out = s.one;
	return 0;
}
