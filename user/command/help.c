/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `help` prints, at most 80 columns wide. */
#include <string.h>

#include "command/command.h"
#include "command/option_table.h"

#define WIDTH 80
#define OPTION_COLUMN 2
#define TEXT_COLUMN 28

static int indent(FILE *out, int at, int column)
{
	if (at > 0 && at >= column) {
		fputc('\n', out);
		at = 0;
	}
	for (; at < column; at++)
		fputc(' ', out);
	return column;
}

/* Breaks text between words; every line begins at `column`. Ends the line. */
static void wrap(FILE *out, int at, int column, const char *text, size_t len)
{
	bool fresh = true;

	at = indent(out, at, column);
	while (len > 0) {
		size_t word = 0;

		while (word < len && text[word] != ' ')
			word++;
		if (!fresh && at + 1 + (int)word > WIDTH) {
			fputc('\n', out);
			at = indent(out, 0, column);
			fresh = true;
		}
		at += fprintf(out, "%s%.*s", fresh ? "" : " ", (int)word, text);
		fresh = false;
		word += word < len;
		text += word;
		len -= word;
	}
	fputc('\n', out);
}

/* Paragraphs are wrapped; lines that begin with a blank stay as they are. */
static void print_paragraphs(FILE *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len == 0 || *text == ' ')
			fprintf(out, "%.*s\n", (int)len, text);
		else
			wrap(out, 0, 0, text, len);
		text += len;
		text += *text == '\n';
	}
}

static void print_indented(FILE *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(out, "%s%.*s\n", len ? "  " : "", (int)len, text);
		text += len;
		text += *text == '\n';
	}
}

static void print_option(FILE *out, const struct option_spec *spec)
{
	int at = indent(out, 0, OPTION_COLUMN);

	if (spec->letter)
		at += fprintf(out, "-%c, ", spec->letter);
	else
		at += fprintf(out, "    ");
	at += fprintf(out, "--%s", spec->name);
	if (spec->argument)
		at += fprintf(out, " %s", spec->argument);
	wrap(out, at, TEXT_COLUMN, spec->text, strlen(spec->text));
}

static void print_heading(FILE *out, const struct option_heading *heading,
			  const struct command *command)
{
	bool first = true;

	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		if (spec->group != 0 && !(spec->group & command->groups))
			continue;
		if (spec->group != 0 ? !(spec->group & heading->groups) : heading->groups != 0)
			continue;
		if (first)
			fprintf(out, "\n%s:\n", heading->title);
		first = false;
		print_option(out, spec);
	}
	if (!first && heading->note)
		wrap(out, 0, OPTION_COLUMN, heading->note, strlen(heading->note));
}

void options_help(FILE *out, const struct command *command)
{
	const char *operands = command->operands;

	fprintf(out, "usage: tcpwitness %s %s%s[OPTION]...\n\n%s\n", command->name,
		operands ? operands : "", operands ? " " : "", command->summary);
	if (command->details && *command->details) {
		fputc('\n', out);
		print_paragraphs(out, command->details);
	}
	for (size_t i = 0; i < option_heading_count; i++)
		print_heading(out, &option_headings[i], command);
	if (command->examples && *command->examples) {
		fputs("\nExamples:\n", out);
		print_indented(out, command->examples);
	}
}

void options_overview(FILE *out)
{
	fputs("usage: tcpwitness COMMAND [OPTION]...\n\n"
	      "Traces the state of every TCP connection of this machine.\n\nCommands:\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		int at = fprintf(out, "  %s", (*c)->name);

		wrap(out, at, 13, (*c)->summary, strlen((*c)->summary));
	}
	fputs("\n'tcpwitness help COMMAND' tells more, 'tcpwitness --version' what this is.\n",
	      out);
}
