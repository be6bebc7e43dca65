/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * getopt_long over the table. It is given the options of all commands, so that one in the wrong
 * place can be told from one that does not exist.
 */
#include "command/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/utf8.h"
#include "command/command.h"
#include "command/option_table.h"

#define RING_SIZE_DEFAULT (UINT64_C(8) << 20)
#define MAX_CONNECTIONS_DEFAULT 262144
#define MAX_HALF_OPEN_DEFAULT 65536

#define SPECS_MAX 128
#define ERROR_MAX 1024
#define NAME_MAX_LEN 32
/* getopt's values: the index in the table, beyond any letter. */
#define SPEC_BASE 256

struct parse {
	const struct command *command;
	char *error;
	size_t size;
};

#define FAIL(parse, ...) (snprintf((parse)->error, (parse)->size, __VA_ARGS__), -EINVAL)

static bool command_takes(const struct command *command, const struct option_spec *spec)
{
	return spec->group == 0 || (command->groups & spec->group);
}

static void make_tables(struct option *longs, char *shorts)
{
	/* ':' first: a missing value is told from an unknown option. */
	*shorts++ = ':';
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		longs[i] = (struct option){
			.name = spec->name,
			.has_arg = spec->argument ? required_argument : no_argument,
			.val = SPEC_BASE + (int)i,
		};
		if (!spec->letter)
			continue;
		*shorts++ = spec->letter;
		if (spec->argument)
			*shorts++ = ':';
	}
	longs[option_spec_count] = (struct option){0};
	*shorts = '\0';
}

/* getopt's value to the table: an index, or a letter. NULL for 0 and letters not there. */
static const struct option_spec *find_spec(int value)
{
	if (value >= SPEC_BASE && value < SPEC_BASE + (int)option_spec_count)
		return &option_specs[value - SPEC_BASE];
	for (size_t i = 0; value && i < option_spec_count; i++)
		if (option_specs[i].letter == value)
			return &option_specs[i];
	return NULL;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Edits from one word to the other; two letters in the wrong order count as one. */
static unsigned int distance(const char *a, size_t a_len, const char *b)
{
	unsigned int rows[3][NAME_MAX_LEN + 1];
	size_t b_len = strlen(b);

	if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned int *row = rows[i % 3], *above = rows[(i + 2) % 3];
		const unsigned int *two_above = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				       above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], two_above[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

/* The option the user may have meant; NULL when none is near. */
static const struct option_spec *nearest(const struct command *command, const char *name,
					 size_t len)
{
	const struct option_spec *best = NULL;
	unsigned int best_distance = len < 4 ? 2 : 3;

	for (size_t i = 0; i < option_spec_count; i++) {
		unsigned int d;

		if (!command_takes(command, &option_specs[i]))
			continue;
		d = distance(name, len, option_specs[i].name);
		if (d < best_distance) {
			best_distance = d;
			best = &option_specs[i];
		}
	}
	return best;
}

/* An abbreviation that fits more than one option: writes the names. Returns how many. */
static unsigned int list_ambiguous(const struct command *command, const char *name, size_t len,
				   char *out, size_t size)
{
	unsigned int count = 0;
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < option_spec_count; i++) {
		if (!command_takes(command, &option_specs[i]) ||
		    strncmp(option_specs[i].name, name, len) != 0)
			continue;
		if (used < size)
			used += (size_t)snprintf(out + used, size - used, "%s'--%s'",
						 count ? ", " : "", option_specs[i].name);
		count++;
	}
	return count;
}

static int unknown_long(const struct parse *parse, const char *argument)
{
	size_t len = strcspn(argument + 2, "=");
	const struct option_spec *meant = nearest(parse->command, argument + 2, len);
	char names[128];

	if (list_ambiguous(parse->command, argument + 2, len, names, sizeof(names)) > 1)
		return FAIL(parse, "ambiguous option '%.*s': it could be %s", (int)len + 2,
			    argument, names);
	if (meant)
		return FAIL(parse,
			    "unknown option '%.*s': did you mean '--%s'? see 'tcpwitness help %s'",
			    (int)len + 2, argument, meant->name, parse->command->name);
	return FAIL(parse, "unknown option '%.*s': see 'tcpwitness help %s'", (int)len + 2,
		    argument, parse->command->name);
}

/* getopt returned '?'. `argument` is the word it was reading. */
static int unknown_option(const struct parse *parse, int value, const char *argument)
{
	const struct option_spec *spec = find_spec(value);

	if (spec && value >= SPEC_BASE)
		return FAIL(parse, "option '--%s' takes no value: see 'tcpwitness help %s'",
			    spec->name, parse->command->name);
	if (value == 0)
		return unknown_long(parse, argument);
	return FAIL(parse, "unknown option '-%c': see 'tcpwitness help %s'", value,
		    parse->command->name);
}

/* An option of other commands: says which. */
static int misplaced_option(const struct parse *parse, const struct option_spec *spec)
{
	for (const struct command *const *c = commands; *c; c++)
		if (command_takes(*c, spec))
			return FAIL(parse,
				    "option '--%s' is not for '%s' but for '%s': see 'tcpwitness "
				    "help %s'",
				    spec->name, parse->command->name, (*c)->name,
				    parse->command->name);
	return FAIL(parse, "option '--%s' is not for '%s': see 'tcpwitness help %s'", spec->name,
		    parse->command->name, parse->command->name);
}

static int unexpected_argument(const struct parse *parse, const char *argument)
{
	uint64_t number;

	if ((parse->command->groups & OPTIONS_FILTER) &&
	    option_number(argument, strlen(argument), &number) == 0)
		return FAIL(parse, "unexpected argument '%s': did you mean '--port %s'?", argument,
			    argument);
	return FAIL(parse, "unexpected argument '%s': see 'tcpwitness help %s'", argument,
		    parse->command->name);
}

static int set_option(const struct parse *parse, struct options *options,
		      const struct option_spec *spec, const char *text)
{
	char name[NAME_MAX_LEN + 3];
	struct option_value value = {
		.options = options,
		.name = name,
		.text = text,
		.error = parse->error,
		.error_size = parse->size,
	};

	snprintf(name, sizeof(name), "--%s", spec->name);
	return spec->set(&value);
}

static int take_operands(const struct parse *parse, struct options *options, int argc, char **argv)
{
	int r = 0;

	if (optind < argc && !parse->command->operand)
		return unexpected_argument(parse, argv[optind]);
	for (unsigned int i = 0; optind < argc && r == 0; i++) {
		struct option_value value = {
			.options = options,
			.name = parse->command->name,
			.text = argv[optind++],
			.error = parse->error,
			.error_size = parse->size,
		};

		r = parse->command->operand(&value, i);
	}
	return r;
}

static int parse_words(const struct parse *parse, struct options *options, int argc, char **argv)
{
	struct option longs[SPECS_MAX + 1];
	char shorts[2 * SPECS_MAX + 2];
	int value, r;

	if (option_spec_count > SPECS_MAX)
		return FAIL(parse, "too many options in the table");
	make_tables(longs, shorts);
	optind = 0; /* makes glibc begin anew */
	opterr = 0;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_spec *spec = find_spec(value);

		if (value == '?')
			return unknown_option(parse, optopt, argv[optind - 1]);
		if (value == ':') {
			spec = find_spec(optopt);
			return FAIL(parse, "option '--%s' needs a value: '--%s %s'", spec->name,
				    spec->name, spec->argument);
		}
		if (!command_takes(parse->command, spec))
			return misplaced_option(parse, spec);
		if (!spec->set) {
			options_help(stdout, parse->command);
			return 1;
		}
		r = set_option(parse, options, spec, optarg);
		if (r < 0)
			return r;
	}
	return take_operands(parse, options, argc, argv);
}

int options_parse(struct options *options, const struct command *command, int argc, char **argv,
		  char *error, size_t error_size)
{
	char raw[ERROR_MAX] = "";
	const struct parse parse = {.command = command, .error = raw, .size = sizeof(raw)};
	int r;

	*options = (struct options){
		.command = command,
		.ring_size = RING_SIZE_DEFAULT,
		.max_connections = MAX_CONNECTIONS_DEFAULT,
		.max_half_open = MAX_HALF_OPEN_DEFAULT,
	};
	if (command->groups & OPTIONS_STACK)
		stack_settings_default(&options->stack);
	r = parse_words(&parse, options, argc, argv);
	/* It quotes what was typed, which must neither break the line nor act on the terminal. */
	if (r < 0)
		utf8_visible(error, error_size, raw, strlen(raw), true);
	return r;
}
