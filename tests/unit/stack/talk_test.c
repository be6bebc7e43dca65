/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "stack/talk.h"

static void talks__taken_and_given__are_found_while_they_last(void **state)
{
	struct talks t;

	(void)state;
	assert_int_equal(talks_init(&t, 3), 0);
	for (reftcp_id id = 1; id <= 3; id++)
		assert_int_equal(talks_take(&t, id << 32 | 5)->id, id << 32 | 5);
	assert_null(talks_take(&t, 4));
	assert_int_equal(t.used, 3);
	assert_null(talks_find(&t, 4));
	assert_null(talks_find(&t, 0));
	talks_give(&t, talks_find(&t, (reftcp_id)2 << 32 | 5));
	assert_null(talks_find(&t, (reftcp_id)2 << 32 | 5));
	assert_non_null(talks_find(&t, (reftcp_id)1 << 32 | 5));
	assert_non_null(talks_find(&t, (reftcp_id)3 << 32 | 5));
	assert_non_null(talks_take(&t, 4));
	assert_int_equal(talks_find(&t, 4)->wake, REFTCP_NEVER);
	talks_release(&t);
}

/* Buffers must not overlap, nor leave what was in them behind a wrong length. */
static void talks__all_in_use__have_a_buffer_each(void **state)
{
	struct talks t;
	struct talk *k = NULL;
	unsigned int n = 0;

	(void)state;
	assert_int_equal(talks_init(&t, 40), 0);
	for (reftcp_id id = 1; id <= 40; id++) {
		k = talks_take(&t, id);
		for (int i = 0; i < TALK_BUFFER; i++)
			k->buffer[i] = (uint8_t)id;
	}
	for (k = NULL; (k = talks_next(&t, k)); n++)
		for (int i = 0; i < TALK_BUFFER; i++)
			assert_int_equal(k->buffer[i], k->id);
	assert_int_equal(n, 40);
	talks_release(&t);
}

static void talks__name_0__is_nobodys(void **state)
{
	struct talks t;

	(void)state;
	assert_int_equal(talks_init(&t, 2), 0);
	assert_null(talks_take(&t, 0));
	assert_int_equal(t.used, 0);
	assert_null(talks_next(&t, NULL));
	talks_release(&t);
}

static void talks__file_of_one__is_closed_with_it(void **state)
{
	struct talks t;
	struct talk *k;
	int pair[2];
	char octet;

	(void)state;
	assert_int_equal(talks_init(&t, 2), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pair), 0);
		k = talks_take(&t, 1);
		k->fd = pair[1];
		if (i)
			talks_release(&t);
		else
			talks_give(&t, k);
		assert_int_equal(read(pair[0], &octet, 1), 0);
		close(pair[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talks__taken_and_given__are_found_while_they_last),
		cmocka_unit_test(talks__all_in_use__have_a_buffer_each),
		cmocka_unit_test(talks__name_0__is_nobodys),
		cmocka_unit_test(talks__file_of_one__is_closed_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
