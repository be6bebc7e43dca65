/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events come in thousands a second, so the text of the second is kept and only the fraction is
 * made anew.
 */
#include "base/timestamp.h"

#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000

static void split(int64_t wall_ns, int64_t *second, uint32_t *ns)
{
	int64_t rest = wall_ns % NS_PER_S;

	*second = wall_ns / NS_PER_S;
	if (rest < 0) {
		rest += NS_PER_S;
		(*second)--;
	}
	*ns = (uint32_t)rest;
}

static void put_digits(char *out, uint32_t value, int digits)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

static void put_clock(char *out, const struct tm *tm)
{
	put_digits(out, (uint32_t)tm->tm_hour, 2);
	out[2] = ':';
	put_digits(out + 3, (uint32_t)tm->tm_min, 2);
	out[5] = ':';
	put_digits(out + 6, (uint32_t)tm->tm_sec, 2);
}

void timestamp_rfc3339(char *out, int64_t wall_ns)
{
	static _Thread_local char text[20]; /* up to and with the point */
	static _Thread_local int64_t text_second;
	int64_t second;
	uint32_t ns;

	split(wall_ns, &second, &ns);
	if (!text[0] || second != text_second) {
		time_t t = (time_t)second;
		struct tm tm = {0};
		int year;

		/* int64 ns reach from 1677 to 2262: gmtime_r cannot fail. */
		gmtime_r(&t, &tm);
		year = tm.tm_year + 1900;
		put_digits(text, (uint32_t)year, 4);
		text[4] = '-';
		put_digits(text + 5, (uint32_t)tm.tm_mon + 1, 2);
		text[7] = '-';
		put_digits(text + 8, (uint32_t)tm.tm_mday, 2);
		text[10] = 'T';
		put_clock(text + 11, &tm);
		text[19] = '.';
		text_second = second;
	}
	memcpy(out, text, sizeof(text));
	put_digits(out + 20, ns, 9);
	out[29] = 'Z';
}

void timestamp_clock(char *out, int64_t wall_ns, bool utc)
{
	static _Thread_local char text[9];
	static _Thread_local int64_t text_second;
	static _Thread_local bool text_utc;
	int64_t second;
	uint32_t ns;

	split(wall_ns, &second, &ns);
	if (!text[0] || second != text_second || utc != text_utc) {
		time_t t = (time_t)second;
		struct tm tm = {0};

		if (utc)
			gmtime_r(&t, &tm);
		else
			localtime_r(&t, &tm);
		put_clock(text, &tm);
		text[8] = '.';
		text_second = second;
		text_utc = utc;
	}
	memcpy(out, text, sizeof(text));
	put_digits(out + 9, ns / 1000, 6);
}
