/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of the options that are one number or word. */
#include "command/option_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Times are kept in ns of 64 bits: 30 years are far from their end. */
#define SECONDS_MAX 1e9
#define INTERVAL_MIN 0.1
#define RING_SIZE_MAX (UINT64_C(1) << 30)
#define CONNECTIONS_MAX UINT64_C(100000000)

int option_number(const char *text, size_t len, uint64_t *out)
{
	uint64_t value = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return -EINVAL;
	}
	*out = value;
	return 0;
}

int option_set_output(struct option_value *value)
{
	if (!strcmp(value->text, "text"))
		value->options->output = OUTPUT_TEXT;
	else if (!strcmp(value->text, "json"))
		value->options->output = OUTPUT_JSON;
	else
		return option_fail(value, "unknown format '%s' for '%s': try 'text' or 'json'",
				   value->text, value->name);
	return 0;
}

int option_set_color(struct option_value *value)
{
	if (!strcmp(value->text, "auto"))
		value->options->color = COLOR_AUTO;
	else if (!strcmp(value->text, "always"))
		value->options->color = COLOR_ALWAYS;
	else if (!strcmp(value->text, "never"))
		value->options->color = COLOR_NEVER;
	else
		return option_fail(value,
				   "unknown word '%s' for '%s': try 'auto', 'always' or 'never'",
				   value->text, value->name);
	return 0;
}

/* Seconds, with a fraction or not. strtod alone would take "nan", "inf", signs and hexadecimal. */
static int set_seconds(struct option_value *value, double least, double *out)
{
	const char *text = value->text;
	char *end = NULL;
	double seconds = 0;

	if (*text && text[strspn(text, "0123456789.")] == '\0')
		seconds = strtod(text, &end);
	if (!end || *end || end == text || seconds <= 0 || seconds < least || seconds > SECONDS_MAX)
		return option_fail(
			value, "invalid time '%s' for '%s': give seconds, %s, as in '%s 2.5'", text,
			value->name, least > 0 ? "0.1 or more" : "more than 0", value->name);
	*out = seconds;
	return 0;
}

int option_set_duration(struct option_value *value)
{
	return set_seconds(value, 0, &value->options->duration);
}

int option_set_interval(struct option_value *value)
{
	return set_seconds(value, INTERVAL_MIN, &value->options->interval);
}

static int set_number(struct option_value *value, uint64_t max, uint64_t *out)
{
	uint64_t number;

	if (option_number(value->text, strlen(value->text), &number) < 0 || number < 1 ||
	    number > max)
		return option_fail(
			value, "invalid number '%s' for '%s': give a whole number from 1 to %llu",
			value->text, value->name, (unsigned long long)max);
	*out = number;
	return 0;
}

int option_set_count(struct option_value *value)
{
	return set_number(value, INT64_MAX, &value->options->count);
}

int option_set_max_connections(struct option_value *value)
{
	return set_number(value, CONNECTIONS_MAX, &value->options->max_connections);
}

int option_set_max_half_open(struct option_value *value)
{
	return set_number(value, CONNECTIONS_MAX, &value->options->max_half_open);
}

/* How many bits a size is shifted by its last letter; -1: none that is known. */
static int unit_shift(char letter)
{
	switch (letter) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	default:
		return -1;
	}
}

int option_set_ring_size(struct option_value *value)
{
	size_t len = strlen(value->text);
	int shift = len > 0 ? unit_shift(value->text[len - 1]) : -1;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size;

	if (option_number(value->text, shift < 0 ? len : len - 1, &size) < 0 ||
	    size > RING_SIZE_MAX)
		size = 0;
	else if (shift > 0)
		size <<= shift;
	if (size < page || size > RING_SIZE_MAX || (size & (size - 1)))
		return option_fail(
			value,
			"invalid size '%s' for '%s': give a power of two from %lluK to 1G, "
			"as in '%s 8M'",
			value->text, value->name, (unsigned long long)page / 1024, value->name);
	value->options->ring_size = size;
	return 0;
}
