/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is made from the option table: help, man page, completions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "fake_commands.h"
#include "base/cleanup.h"
#include "command/option_table.h"

/* `write` into memory; the caller frees. */
static char *written(void (*write)(FILE *out))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	write(out);
	fclose(out);
	return text;
}

static void write_help(FILE *out)
{
	options_help(out, &fake_trace);
}

static void write_man(FILE *out)
{
	options_man(out, "1.2");
}

static void write_bash(FILE *out)
{
	assert_int_equal(options_completion(out, "bash"), 0);
}

static void write_zsh(FILE *out)
{
	assert_int_equal(options_completion(out, "zsh"), 0);
}

static void write_fish(FILE *out)
{
	assert_int_equal(options_completion(out, "fish"), 0);
}

static void assert_width(const char *text, size_t width)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > width)
			fail_msg("%zu columns: %.*s", len, (int)len, text);
		if (len > 0)
			assert_int_not_equal(text[len - 1], ' ');
		text += len + (text[len] == '\n');
	}
}

static void help__of_a_command__has_its_options_within_80_columns(void **state)
{
	_cleanup_free_ char *help = written(write_help);

	(void)state;
	assert_width(help, 80);
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];
		char word[64];
		bool takes = spec->group == 0 || spec->group & fake_trace.groups;

		snprintf(word, sizeof(word), "  --%s%s", spec->name, spec->argument ? " " : "");
		if (spec->letter)
			snprintf(word, sizeof(word), "  -%c, --%s", spec->letter, spec->name);
		assert_int_equal(strstr(help, word) != NULL, takes);
	}
	assert_non_null(strstr(help, "\n      --port PORT           local or remote port\n"));
	assert_non_null(strstr(help, "\nSecond paragraph.\n  a line of its own\n"));
	assert_non_null(strstr(help, "\nExamples:\n  tcpwitness trace --port 443\n"));
}

static void help__overview__lists_the_commands(void **state)
{
	_cleanup_free_ char *help = written(options_overview);

	(void)state;
	assert_width(help, 80);
	assert_non_null(strstr(help, "\n  trace      every transition as it happens\n"));
	assert_non_null(strstr(help, "\n  features   what this kernel permits; it's short\n"));
}

static void help__table__each_option_has_one_heading_and_a_name_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_spec_count; i++) {
		unsigned int headings = 0;

		for (size_t j = 0; j < option_heading_count; j++)
			headings += (option_specs[i].group & option_headings[j].groups) != 0;
		assert_int_equal(headings, option_specs[i].group != 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(option_specs[i].name, option_specs[j].name);
	}
}

static void man__tables__are_in_it(void **state)
{
	_cleanup_free_ char *man = written(write_man);

	(void)state;
	assert_non_null(strstr(man, ".TH TCPWITNESS 8 \"\" \"tcpwitness 1.2\""));
	assert_non_null(strstr(man, "\\fB\\-\\-no\\-owner\\fR\n"));
	assert_non_null(strstr(man, ".SS What is shown\nFor \\fBsnapshot\\fR.\n"));
	assert_non_null(strstr(man, ".TP\n\\fBSYN_RECEIVED\\fR\nSYN\\-RECV"));
	assert_non_null(strstr(man, ".TP\n\\fBtime_wait_reused\\fR\n"));
	assert_non_null(strstr(man, ".TP\n\\fB5\\fR\nevents were lost"));
}

/* Runs a reader of the generated text, where there is one. */
static void assert_accepted(const char *program, const char *command, char *text)
{
	char line[256];
	FILE *pipe;

	snprintf(line, sizeof(line), "command -v %s >/dev/null 2>&1", program);
	if (system(line) != 0)
		return;
	pipe = popen(command, "w");
	assert_non_null(pipe);
	fputs(text, pipe);
	assert_int_equal(pclose(pipe), 0);
}

static void man__groff__has_no_complaint(void **state)
{
	_cleanup_free_ char *man = written(write_man);

	(void)state;
	assert_accepted("groff",
			"out=$(groff -man -ww -Tascii 2>&1 >/dev/null) && test -z \"$out\"", man);
}

static void completion__of_shells__is_accepted_by_them(void **state)
{
	_cleanup_free_ char *bash = written(write_bash);
	_cleanup_free_ char *zsh = written(write_zsh);
	_cleanup_free_ char *fish = written(write_fish);

	(void)state;
	assert_accepted("bash", "bash -n", bash);
	assert_accepted("zsh", "zsh -n /dev/stdin", zsh);
	assert_accepted("fish", "fish -n", fish);
	assert_non_null(strstr(zsh, "'features:what this kernel permits; it'\\''s short'"));
	assert_non_null(strstr(fish, "-n '__fish_seen_subcommand_from snapshot' -l no-owner"));
	assert_null(strstr(fish, "-n '__fish_seen_subcommand_from trace' -l no-owner"));
}

/* Completes the last word of a line as bash would. */
static void assert_completes(const char *bash, const char *words, const char *expected)
{
	char command[512], got[512] = "";
	char path[] = "/tmp/tcpwitness-completion-XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	FILE *pipe;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bash, strlen(bash)), strlen(bash));
	snprintf(command, sizeof(command),
		 "bash -c '. %s; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
		 "_tcpwitness; echo ${COMPREPLY[*]}'",
		 path, words);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(got, sizeof(got), pipe));
	pclose(pipe);
	unlink(path);
	assert_string_equal(got, expected);
}

static void completion__in_bash__follows_the_command_line(void **state)
{
	_cleanup_free_ char *bash = written(write_bash);

	(void)state;
	assert_completes(bash, "tcpwitness sn", "snapshot\n");
	assert_completes(bash, "tcpwitness trace --no-", "--no-accept --no-sandbox\n");
	assert_completes(bash, "tcpwitness snapshot --no-", "--no-owner\n");
	assert_completes(bash, "tcpwitness trace --state time", "time_wait\n");
	assert_completes(bash, "tcpwitness help fe", "features\n");
}

static void completion__unknown_shell__is_refused(void **state)
{
	(void)state;
	assert_int_equal(options_completion(stdout, "csh"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help__of_a_command__has_its_options_within_80_columns),
		cmocka_unit_test(help__overview__lists_the_commands),
		cmocka_unit_test(help__table__each_option_has_one_heading_and_a_name_of_its_own),
		cmocka_unit_test(man__tables__are_in_it),
		cmocka_unit_test(man__groff__has_no_complaint),
		cmocka_unit_test(completion__of_shells__is_accepted_by_them),
		cmocka_unit_test(completion__in_bash__follows_the_command_line),
		cmocka_unit_test(completion__unknown_shell__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
