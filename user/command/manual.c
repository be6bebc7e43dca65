/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The man page, made from the tables of commands, options, states and causes. */
#include <string.h>

#include "command/command.h"
#include "command/option_table.h"
#include "lifecycle/names.h"

/* What roff would act on: backslashes, hyphens that must stay minus signs, dots at line starts. */
static void put_roff(FILE *out, const char *text, size_t len, bool line_start)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (line_start && (c == '.' || c == '\''))
			fputs("\\&", out);
		line_start = c == '\n';
		if (c == '\\')
			fputs("\\e", out);
		else if (c == '-')
			fputs("\\-", out);
		else
			fputc(c, out);
	}
}

static void put_line(FILE *out, const char *text)
{
	put_roff(out, text, strlen(text), true);
	fputc('\n', out);
}

static void put_option(FILE *out, const struct option_spec *spec)
{
	fputs(".TP\n", out);
	if (spec->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", spec->letter);
	fputs("\\fB\\-\\-", out);
	put_roff(out, spec->name, strlen(spec->name), false);
	fputs("\\fR", out);
	if (spec->argument)
		fprintf(out, " \\fI%s\\fR", spec->argument);
	fputc('\n', out);
	put_line(out, spec->text);
}

/* The commands that take a group, unless it is all of them. */
static void put_takers(FILE *out, const struct option_heading *heading)
{
	unsigned int takers = 0, all = 0;

	for (const struct command *const *c = commands; *c; c++, all++)
		takers += ((*c)->groups & heading->groups) != 0;
	if (heading->groups == 0 || takers == all)
		return;
	fputs("For", out);
	for (const struct command *const *c = commands; *c; c++)
		if ((*c)->groups & heading->groups)
			fprintf(out, " \\fB%s\\fR%s", (*c)->name, --takers ? "," : ".\n");
}

static void put_options(FILE *out)
{
	fputs(".SH OPTIONS\n", out);
	for (size_t i = 0; i < option_heading_count; i++) {
		const struct option_heading *heading = &option_headings[i];

		fprintf(out, ".SS %s\n", heading->title);
		put_takers(out, heading);
		if (heading->note)
			put_line(out, heading->note);
		for (size_t j = 0; j < option_spec_count; j++)
			if (option_specs[j].group ? option_specs[j].group & heading->groups
						  : heading->groups == 0)
				put_option(out, &option_specs[j]);
	}
}

static void put_paragraphs(FILE *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len == 0) {
			fputs(".PP\n", out);
		} else {
			put_roff(out, text, len, true);
			fputc('\n', out);
			if (*text == ' ')
				fputs(".br\n", out);
		}
		text += len;
		text += *text == '\n';
	}
}

static void put_commands(FILE *out)
{
	fputs(".SH COMMANDS\n", out);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, ".SS %s", (*c)->name);
		if ((*c)->operands) {
			fputc(' ', out);
			put_roff(out, (*c)->operands, strlen((*c)->operands), false);
		}
		fputc('\n', out);
		put_line(out, (*c)->summary);
		if ((*c)->details && *(*c)->details) {
			fputs(".PP\n", out);
			put_paragraphs(out, (*c)->details);
		}
		if ((*c)->examples && *(*c)->examples) {
			fputs(".PP\n.nf\n", out);
			put_line(out, (*c)->examples);
			fputs(".fi\n", out);
		}
	}
}

static void put_tables(FILE *out)
{
	fputs(".SH STATES\nAs RFC 9293 names them; every name below is understood.\n", out);
#define X(id, value, rfc, label, ss, node, otel) \
	fputs(".TP\n\\fB" rfc "\\fR\n", out);    \
	put_line(out, ss ", " label ", " node);
	TCPW_STATES(X)
#undef X
	fputs(".SH CAUSES\nEvery transition has one.\n", out);
	for (unsigned int cause = 0; cause < TCPW_CAUSE_COUNT; cause++) {
		fprintf(out, ".TP\n\\fB%s\\fR\n", cause_name((enum tcpw_cause)cause));
		put_line(out, cause_text((enum tcpw_cause)cause));
	}
}

static void put_exit_statuses(FILE *out)
{
	static const struct {
		int status;
		const char *text;
	} statuses[] = {
		{EXIT_OK, "done; also when the reader of a pipe went away"},
		{EXIT_RUNTIME, "an error while running"},
		{EXIT_USAGE, "the command line is wrong"},
		{EXIT_KERNEL, "the kernel lacks something that is needed"},
		{EXIT_NOT_PERMITTED, "not permitted"},
		{EXIT_LOST, "events were lost under --strict"},
		{EXIT_FOUND, "something was found, or an assertion did not hold"},
	};

	fputs(".SH EXIT STATUS\n", out);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		fprintf(out, ".TP\n\\fB%d\\fR\n", statuses[i].status);
		put_line(out, statuses[i].text);
	}
}

void options_man(FILE *out, const char *version)
{
	fprintf(out, ".TH TCPWITNESS 8 \"\" \"tcpwitness %s\" \"System Administration\"\n",
		version);
	fputs(".SH NAME\ntcpwitness \\- trace the state of every TCP connection\n"
	      ".SH SYNOPSIS\n.B tcpwitness\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
	      ".SH DESCRIPTION\n"
	      "Watches the TCP connections of this machine go through their eleven states,\n"
	      "SYN_RECEIVED and TIME_WAIT included: each transition with its cause, its owner\n"
	      "and the time spent, and nothing lost without being counted.\n",
	      out);
	put_commands(out);
	put_options(out);
	put_tables(out);
	put_exit_statuses(out);
	fputs(".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nWhen set and not empty, no colours "
	      "unless \\fB\\-\\-color always\\fR.\n.TP\n\\fBTZ\\fR\nTime zone of text lines.\n"
	      ".SH SEE ALSO\n.BR ss (8),\n.BR tcpdump (8),\n.BR tcp (7)\n",
	      out);
}
