/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shell completions from the option table. Names and words in it hold letters, digits, '-' and '_'
 * only; texts are quoted for the shell.
 */
#include <errno.h>
#include <string.h>

#include "command/command.h"
#include "command/option_table.h"

static bool takes(const struct command *command, const struct option_spec *spec)
{
	return spec->group == 0 || (spec->group & command->groups);
}

static void put_command_names(FILE *out)
{
	for (const struct command *const *c = commands; *c; c++)
		fprintf(out, "%s ", (*c)->name);
	fputs("help", out);
}

/* The shell itself knows best how to complete these. */
static bool wants_path(const struct option_spec *spec)
{
	return spec->argument &&
	       (!strcmp(spec->argument, "PATH") || !strcmp(spec->argument, "NETNS") ||
		!strcmp(spec->argument, "FILE"));
}

static void put_bash(FILE *out)
{
	fputs("# bash completion for tcpwitness\n"
	      "_tcpwitness()\n{\n"
	      "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal words=\n\n"
	      "\tcase $previous in\n",
	      out);
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		if (!spec->argument)
			continue;
		fprintf(out, "\t--%s", spec->name);
		if (spec->letter)
			fprintf(out, "|-%c", spec->letter);
		fputs(")\n\t\t", out);
		if (wants_path(spec))
			fputs("compopt -o default\n\t\t", out);
		else if (spec->choices)
			fprintf(out, "COMPREPLY=($(compgen -W \"%s\" -- \"$current\"))\n\t\t",
				spec->choices);
		fputs("return;;\n", out);
	}
	fputs("\tesac\n\tcase $COMP_CWORD in\n\t1)\n\t\twords=\"", out);
	put_command_names(out);
	fputs(" --version\";;\n\t*)\n\t\tcase ${COMP_WORDS[1]} in\n\t\thelp)\n\t\t\twords=\"", out);
	put_command_names(out);
	fputs("\";;\n", out);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, "\t\t%s)\n\t\t\twords=\"", (*c)->name);
		if ((*c)->words)
			fprintf(out, "%s ", (*c)->words);
		for (size_t i = 0; i < option_spec_count; i++)
			if (takes(*c, &option_specs[i]))
				fprintf(out, "--%s ", option_specs[i].name);
		fputs("\";;\n", out);
	}
	fputs("\t\tesac;;\n\tesac\n"
	      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
	      "}\ncomplete -F _tcpwitness tcpwitness\n",
	      out);
}

/* Within single quotes; `special` are characters that get a backslash besides. */
static void put_quoted(FILE *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (strchr(special, *text))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void put_zsh_option(FILE *out, const struct option_spec *spec)
{
	fprintf(out, "\t\t\t'*--%s[", spec->name);
	put_quoted(out, spec->text, "[]:\\");
	fputc(']', out);
	if (spec->argument)
		fprintf(out, ":%s:", spec->argument);
	if (spec->choices)
		fprintf(out, "(%s)", spec->choices);
	else if (wants_path(spec))
		fputs("_files", out);
	fputs("' \\\n", out);
}

static void put_zsh(FILE *out)
{
	fputs("#compdef tcpwitness\n\n_tcpwitness()\n{\n"
	      "\tlocal -a names\n\n\tnames=(\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, "\t\t'%s:", (*c)->name);
		put_quoted(out, (*c)->summary, ":\\");
		fputs("'\n", out);
	}
	fputs("\t\t'help:tell more of a command'\n\t)\n"
	      "\tif (( CURRENT == 2 )) || [[ $words[2] == help ]]; then\n"
	      "\t\t_describe command names\n\t\treturn\n\tfi\n"
	      "\tcase $words[2] in\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, "\t%s)\n\t\tshift words\n\t\t(( CURRENT-- ))\n\t\t_arguments \\\n",
			(*c)->name);
		for (size_t i = 0; i < option_spec_count; i++)
			if (takes(*c, &option_specs[i]))
				put_zsh_option(out, &option_specs[i]);
		if ((*c)->words)
			fprintf(out, "\t\t\t'1:what:(%s)' '*:operand:_files' \\\n", (*c)->words);
		fputs("\t\t\t&& return;;\n", out);
	}
	fputs("\tesac\n}\n\n_tcpwitness \"$@\"\n", out);
}

static void put_fish_option(FILE *out, const struct command *command,
			    const struct option_spec *spec)
{
	fprintf(out, "complete -c tcpwitness -n '__fish_seen_subcommand_from %s' -l %s",
		command->name, spec->name);
	if (spec->letter)
		fprintf(out, " -s %c", spec->letter);
	if (spec->argument)
		fputs(wants_path(spec) ? " -r -F" : " -x", out);
	if (spec->choices)
		fprintf(out, " -a '%s'", spec->choices);
	fputs(" -d '", out);
	put_quoted(out, spec->text, "\\");
	fputs("'\n", out);
}

static void put_fish(FILE *out)
{
	fputs("# fish completion for tcpwitness\ncomplete -c tcpwitness -f\n", out);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, "complete -c tcpwitness -n __fish_use_subcommand -a %s -d '",
			(*c)->name);
		put_quoted(out, (*c)->summary, "\\");
		fputs("'\n", out);
		if ((*c)->words)
			fprintf(out,
				"complete -c tcpwitness -n '__fish_seen_subcommand_from %s' "
				"-a '%s'\n",
				(*c)->name, (*c)->words);
		for (size_t i = 0; i < option_spec_count; i++)
			if (takes(*c, &option_specs[i]))
				put_fish_option(out, *c, &option_specs[i]);
	}
	fputs("complete -c tcpwitness -n __fish_use_subcommand -a help -d 'tell more of a "
	      "command'\n"
	      "complete -c tcpwitness -n '__fish_seen_subcommand_from help' -a '",
	      out);
	put_command_names(out);
	fputs("'\n", out);
}

int options_completion(FILE *out, const char *shell)
{
	if (!strcmp(shell, "bash"))
		put_bash(out);
	else if (!strcmp(shell, "zsh"))
		put_zsh(out);
	else if (!strcmp(shell, "fish"))
		put_fish(out);
	else
		return -EINVAL;
	return 0;
}
