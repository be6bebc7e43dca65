/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said on stderr: one line, and nothing in it can act on a terminal. */
#ifndef BASE_MESSAGE_H
#define BASE_MESSAGE_H

/*
 * Prints "tcpwitness: ", the message and a newline. Control characters and broken bytes, which may
 * come from an argument or a file name, are shown as escapes. Longer than 1000 bytes is cut.
 */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, and returns `status`: for `return message_status(EXIT_USAGE, ...)`. */
int message_status(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
