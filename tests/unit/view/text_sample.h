/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the text views share: lines into memory, and what may be in one. */
#ifndef TESTS_VIEW_TEXT_SAMPLE_H
#define TESTS_VIEW_TEXT_SAMPLE_H

#include "base/utf8.h"
#include "sample.h"

#define LONG_IPV6_A "2001:db8:85a3:8d3:1319:8a2e:370:7348"
#define LONG_IPV6_B "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"

static struct buffer out;
static struct view_context ctx;

static int text_set_up(void **state)
{
	(void)state;
	ctx = sample_context();
	return buffer_init(&out, -1, 1 << 17);
}

static int text_tear_down(void **state)
{
	(void)state;
	buffer_release(&out);
	return 0;
}

#define TEXT_TEST(function) cmocka_unit_test_setup_teardown(function, text_set_up, text_tear_down)

/* What was written since the last call, terminated. */
static inline const char *text_taken(void)
{
	buffer_char(&out, '\0');
	assert_int_equal(out.error, 0);
	out.len = 0;
	return out.data;
}

/* Each line has `most` columns at most, ends without blanks, and holds nothing a terminal acts on.
 */
static inline void assert_lines(const char *text, size_t most)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		assert_int_equal(text[len], '\n');
		if (utf8_columns(text, len) > most)
			fail_msg("%zu columns: %.*s", utf8_columns(text, len), (int)len, text);
		assert_true(len == 0 || text[len - 1] != ' ');
		for (size_t i = 0; i < len;) {
			uint32_t code;

			i += utf8_decode(text + i, len - i, &code);
			if (code == UTF8_INVALID || utf8_width(code) < 0)
				fail_msg("unsafe: %.*s", (int)len, text);
			if (!ctx.utf8)
				assert_true(code < 0x80);
		}
		text += len + 1;
	}
}

/* The column where a word begins in a line. */
static inline size_t column_of(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	if (!at)
		fail_msg("no %s in %s", word, line);
	return utf8_columns(line, (size_t)(at - line));
}

#endif
