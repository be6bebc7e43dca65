// SPDX-License-Identifier: GPL-2.0-or-later
/* `features`: what this kernel permits, and what is lost without it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/message.h"
#include "command/command.h"
#include "kernel/features.h"
#include "view/buffer.h"

#include <unistd.h>

static void put_json_string(struct buffer *out, const char *s)
{
	buffer_char(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buffer_char(out, '\\');
		buffer_char(out, *s);
	}
	buffer_char(out, '"');
}

static void put_json(struct buffer *out, const struct features *f, enum feature id)
{
	buffer_str(out, "{\"schema\":1,\"event\":\"feature\",\"name\":");
	put_json_string(out, feature_name(id));
	buffer_str(out, feature(f, id) ? ",\"present\":true,\"why\":null,\"lost\":null}\n"
				       : ",\"present\":false,\"why\":");
	if (feature(f, id))
		return;
	put_json_string(out, f->state[id].why);
	buffer_str(out, ",\"lost\":");
	put_json_string(out, feature_lost(id));
	buffer_str(out, "}\n");
}

static void put_text(struct buffer *out, const struct features *f, enum feature id)
{
	if (feature(f, id)) {
		buffer_printf(out, "yes  %s\n", feature_name(id));
		return;
	}
	buffer_printf(out, "NO   %s: %s\n     lost: %s\n", feature_name(id), f->state[id].why,
		      feature_lost(id));
}

static int run(const struct options *options)
{
	struct features features;
	struct utsname kernel;
	struct buffer out;
	int missing = 0, err;

	features_probe(&features);
	if (buffer_init(&out, STDOUT_FILENO, 64 << 10)) {
		message("out of memory");
		return EXIT_RUNTIME;
	}
	if (options->output == OUTPUT_TEXT && uname(&kernel) == 0)
		buffer_printf(&out, "kernel %s\n", kernel.release);
	for (int i = 0; i < FEATURE_COUNT; i++) {
		missing += !feature(&features, (enum feature)i);
		if (options->output == OUTPUT_JSON)
			put_json(&out, &features, (enum feature)i);
		else
			put_text(&out, &features, (enum feature)i);
	}
	if (options->output == OUTPUT_TEXT)
		buffer_printf(&out, missing ? "%d missing\n" : "nothing is missing\n", missing);
	err = buffer_flush(&out);
	buffer_release(&out);
	if (err && err != -EPIPE) {
		message("cannot write to standard output: %s", strerror(-err));
		return EXIT_RUNTIME;
	}
	return feature(&features, FEATURE_BTF) && feature(&features, FEATURE_STATE) &&
			       feature(&features, FEATURE_COOKIE)
		       ? EXIT_OK
		       : EXIT_KERNEL;
}

const struct command command_features = {
	.name = "features",
	.summary = "what this kernel permits and what is lost without it",
	.details =
		"Lists every tracepoint, symbol, field and facility that the programs use, whether "
		"the running kernel has it for this user, and what is lost where it does not. "
		"Nothing is loaded.",
	.examples = "tcpwitness features\n"
		    "tcpwitness features -o json",
	.groups = OPTIONS_OUTPUT,
	.run = run,
};
