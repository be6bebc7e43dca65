/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decimal numbers two digits at a time; addresses. */
#include "base/format.h"

#include <stddef.h>
#include <string.h>

static const char two_digits[] = "00010203040506070809101112131415161718192021222324"
				 "25262728293031323334353637383940414243444546474849"
				 "50515253545556575859606162636465666768697071727374"
				 "75767778798081828384858687888990919293949596979899";

static int count_digits(uint64_t value)
{
	int digits = 1;

	for (; value >= 100; value /= 100)
		digits += 2;
	return digits + (value >= 10);
}

char *format_u64(char *p, uint64_t value)
{
	char *end = p + count_digits(value), *at = end;

	for (; value >= 100; value /= 100) {
		at -= 2;
		memcpy(at, two_digits + 2 * (value % 100), 2);
	}
	if (value >= 10)
		memcpy(at - 2, two_digits + 2 * value, 2);
	else
		at[-1] = (char)('0' + value);
	return end;
}

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_is_ipv4(const uint8_t address[16])
{
	return !memcmp(address, mapped_prefix, sizeof(mapped_prefix));
}

bool address_is_unspecified(const uint8_t address[16])
{
	static const uint8_t zeros[16];

	if (address_is_ipv4(address))
		return !memcmp(address + 12, zeros, 4);
	return !memcmp(address, zeros, 16);
}

static char *format_ipv4(char *p, const uint8_t address[4])
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = format_u64(p, address[i]);
	}
	return p;
}

static char *format_hex(char *p, uint16_t word)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 12;

	while (shift > 0 && !(word >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = digits[word >> shift & 15];
	return p;
}

/* The longest run of zero words, the first of equal ones; a single zero word is none. */
static int longest_zeros(const uint16_t words[8], int *length)
{
	int best = -1, run = 0;

	*length = 1;
	for (int i = 0; i < 8; i++) {
		run = words[i] ? 0 : run + 1;
		if (run > *length) {
			*length = run;
			best = i + 1 - run;
		}
	}
	return best;
}

char *format_address(char *p, const uint8_t address[16])
{
	uint16_t words[8];
	int zeros, length;

	if (address_is_ipv4(address))
		return format_ipv4(p, address + 12);
	for (size_t i = 0; i < 8; i++)
		words[i] = (uint16_t)(address[2 * i] << 8 | address[2 * i + 1]);
	zeros = longest_zeros(words, &length);
	for (int i = 0; i < 8; i++) {
		if (i == zeros) {
			*p++ = ':';
			i += length - 1;
			if (i == 7)
				*p++ = ':';
			continue;
		}
		if (i > 0)
			*p++ = ':';
		/* IPv4-compatible (RFC 4291 2.5.5.1): inet_ntop shows the IPv4 in it. */
		if (i == 6 && zeros == 0 && length == 6)
			return format_ipv4(p, address + 12);
		p = format_hex(p, words[i]);
	}
	return p;
}
