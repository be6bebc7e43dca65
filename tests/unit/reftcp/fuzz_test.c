/* SPDX-License-Identifier: BSD-2-Clause */
/* What fuzzers found worth keeping, replayed. Run from the top of the tree, or with
 * TCPWITNESS_SRC naming it. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "reftcp/fuzz.h"

static void replay(const char *target, void (*run)(const uint8_t *data, size_t size))
{
	const char *top = getenv("TCPWITNESS_SRC");
	static uint8_t data[65536];
	char dir[4096], name[8192];
	struct dirent *e;
	unsigned int n = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/tests/fuzz/reftcp_corpus/%s", top ? top : ".", target);
	d = opendir(dir);
	if (!d)
		fail_msg("cannot open '%s'", dir);
	while ((e = readdir(d))) {
		FILE *f;

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", dir, e->d_name);
		f = fopen(name, "rb");
		assert_non_null(f);
		run(data, fread(data, 1, sizeof(data), f));
		fclose(f);
		n++;
	}
	closedir(d);
	assert_true(n > 0);
}

static void replay__packets__hold(void **state)
{
	(void)state;
	replay("packet", fuzz_packet);
}

static void replay__options__hold(void **state)
{
	(void)state;
	replay("options", fuzz_options);
}

static void replay__connections__hold(void **state)
{
	(void)state;
	replay("connection", fuzz_connection);
}

static void replay__shadows__hold(void **state)
{
	(void)state;
	replay("shadow", fuzz_shadow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay__packets__hold),
		cmocka_unit_test(replay__options__hold),
		cmocka_unit_test(replay__connections__hold),
		cmocka_unit_test(replay__shadows__hold),
	};

	return cmocka_run_group_tests_name("reftcp_fuzz", tests, NULL, NULL);
}
