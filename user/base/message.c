// SPDX-License-Identifier: GPL-2.0-or-later
/* See message.h. */
#include "base/message.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define MESSAGE_MAX 1000

static void print(const char *format, va_list ap)
{
	char raw[MESSAGE_MAX], shown[4 * MESSAGE_MAX];
	int len = vsnprintf(raw, sizeof(raw), format, ap);

	if (len < 0)
		return;
	if ((size_t)len >= sizeof(raw))
		len = sizeof(raw) - 1;
	utf8_visible(shown, sizeof(shown), raw, (size_t)len,
		     strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
	fprintf(stderr, "tcpwitness: %s\n", shown);
}

void message(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print(format, ap);
	va_end(ap);
}

int message_status(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print(format, ap);
	va_end(ap);
	return status;
}
