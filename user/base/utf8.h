/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes from outside (command names, cgroup paths, host names) on their way out. They may be
 * anything; what leaves is valid UTF-8 and cannot act on a terminal.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_INVALID UINT32_MAX

/*
 * Reads one code point from `len` (> 0) bytes. Returns how many bytes it takes; for bytes that are
 * not UTF-8, *code is UTF8_INVALID and the return value is the length of the "maximal subpart"
 * (Unicode 3.9, U+FFFD substitution), so that one replacement stands for one broken sequence.
 */
size_t utf8_decode(const char *s, size_t len, uint32_t *code);

/*
 * Columns that a code point takes on a terminal: 0 (combining), 1 or 2 (wide); -1 for what must not
 * reach one: control characters, C1 included, and invisible or direction-changing ones.
 */
int utf8_width(uint32_t code);

/* Columns of a string of valid UTF-8; what has no width counts nothing. */
size_t utf8_columns(const char *s, size_t len);

/*
 * Makes bytes fit to be shown: \n and its like, \xNN for control and invalid bytes, \uNNNN for code
 * points with no safe look, a doubled backslash. Without `utf8`, everything that is not ASCII comes
 * out as \xNN. Writes a terminated string of whole escapes of less than `size` bytes and returns
 * its length.
 */
size_t utf8_visible(char *out, size_t size, const char *s, size_t len, bool utf8);

#endif
