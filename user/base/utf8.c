/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UTF-8 as Unicode table 3-7 defines it, column widths, and visible escapes. */
#include "base/utf8.h"

#include <string.h>

/* Length of the sequence that a byte leads, and the range of the byte after it. */
static size_t lead(uint8_t byte, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (byte < 0x80)
		return 1;
	if (byte < 0xc2 || byte > 0xf4)
		return 0;
	if (byte < 0xe0)
		return 2;
	if (byte < 0xf0) {
		if (byte == 0xe0)
			*low = 0xa0;
		else if (byte == 0xed) /* surrogates */
			*high = 0x9f;
		return 3;
	}
	if (byte == 0xf0)
		*low = 0x90;
	else if (byte == 0xf4)
		*high = 0x8f;
	return 4;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *code)
{
	static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const uint8_t *b = (const uint8_t *)s;
	uint8_t low, high;
	size_t n = lead(b[0], &low, &high);
	uint32_t value;

	*code = UTF8_INVALID;
	if (n == 0)
		return 1;
	value = b[0] & lead_bits[n];
	for (size_t i = 1; i < n; i++) {
		if (i >= len || b[i] < low || b[i] > high)
			return i;
		value = value << 6 | (b[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*code = value;
	return n;
}

struct range {
	uint32_t first, last;
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

#define IN_RANGES(code, ranges) in_ranges(code, ranges, sizeof(ranges) / sizeof((ranges)[0]))

int utf8_width(uint32_t code)
{
	static const struct range unsafe[] = {
		{0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x061c, 0x061c},
		{0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
		{0xd800, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, UINT32_MAX},
	};
	static const struct range zero[] = {
		{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},
		{0x064b, 0x065f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
		{0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
	};
	static const struct range wide[] = {
		{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
		{0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
		{0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
		{0x20000, 0x3fffd},
	};

	if (code >= 0x20 && code < 0x7f)
		return 1;
	if (IN_RANGES(code, unsafe))
		return -1;
	if (IN_RANGES(code, zero))
		return 0;
	return IN_RANGES(code, wide) ? 2 : 1;
}

size_t utf8_columns(const char *s, size_t len)
{
	size_t columns = 0;

	while (len > 0) {
		uint32_t code;
		size_t n = utf8_decode(s, len, &code);
		int width = utf8_width(code);

		if (width > 0)
			columns += (size_t)width;
		s += n;
		len -= n;
	}
	return columns;
}

static const char hex_digits[] = "0123456789abcdef";

static size_t escape_bytes(char *out, const char *s, size_t len)
{
	char *p = out;

	for (size_t i = 0; i < len; i++) {
		*p++ = '\\';
		*p++ = 'x';
		*p++ = hex_digits[(uint8_t)s[i] >> 4];
		*p++ = hex_digits[(uint8_t)s[i] & 15];
	}
	return (size_t)(p - out);
}

static size_t escape_code(char *out, uint32_t code)
{
	int digits = code > 0xffff ? 8 : 4;
	char *p = out;

	*p++ = '\\';
	*p++ = digits == 8 ? 'U' : 'u';
	for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
		*p++ = hex_digits[code >> shift & 15];
	return (size_t)(p - out);
}

/* One code point or broken sequence; 16 bytes are enough for any. */
static size_t visible_unit(char out[16], const char *s, size_t len, uint32_t code, bool utf8)
{
	static const char named[] = "\aa\bb\tt\nn\vv\ff\rr\\\\";

	for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
		if (code == (uint8_t)named[i]) {
			out[0] = '\\';
			out[1] = named[i + 1];
			return 2;
		}
	}
	if (code == UTF8_INVALID || code < 0x20 || code == 0x7f || (code > 0x7f && !utf8))
		return escape_bytes(out, s, len);
	if (utf8_width(code) < 0)
		return escape_code(out, code);
	memcpy(out, s, len);
	return len;
}

size_t utf8_visible(char *out, size_t size, const char *s, size_t len, bool utf8)
{
	size_t used = 0;

	while (len > 0) {
		char unit[16];
		uint32_t code;
		size_t n = utf8_decode(s, len, &code);
		size_t unit_len = visible_unit(unit, s, n, code, utf8);

		if (used + unit_len >= size)
			break;
		memcpy(out + used, unit, unit_len);
		used += unit_len;
		s += n;
		len -= n;
	}
	out[used] = '\0';
	return used;
}
