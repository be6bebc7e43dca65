/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole lines in few writes: readers of a pipe, and tail -f, see no half ones. */
#include "view/buffer.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int buffer_init(struct buffer *b, int fd, size_t size)
{
	char *data = malloc(size);

	if (!data)
		return -ENOMEM;
	*b = (struct buffer){.data = data, .size = size, .fd = fd};
	return 0;
}

void buffer_release(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){.fd = -1};
}

static void count_half(struct buffer *b, const char *written, size_t len)
{
	const char *end = memrchr(written, '\n', len);

	b->half = end ? (size_t)(written + len - end) - 1 : b->half + len;
}

/*
 * Takes the beginning of a line off the end of a file. Only where it is certain to be ours: a
 * regular file whose end is where we stand.
 */
static void cut_half_line(struct buffer *b)
{
	struct stat st;
	off_t at;

	if (b->half == 0 || fstat(b->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	at = lseek(b->fd, 0, SEEK_CUR);
	if (at != st.st_size || (off_t)b->half > at)
		return;
	if (ftruncate(b->fd, at - (off_t)b->half) == 0) {
		lseek(b->fd, at - (off_t)b->half, SEEK_SET);
		b->half = 0;
	}
}

/* 0 when the descriptor takes bytes again, or a signal came; -errno. */
static int wait_writable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

	return poll(&pollfd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

static int write_all(struct buffer *b, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(b->fd, bytes, len);
		int r = n < 0 ? -errno : 0;

		if (n >= 0) {
			count_half(b, bytes, (size_t)n);
			bytes += n;
			len -= (size_t)n;
			continue;
		}
		if (r == -EAGAIN)
			r = wait_writable(b->fd);
		else if (r == -EINTR)
			r = 0;
		if (r < 0) {
			cut_half_line(b);
			return r;
		}
	}
	return 0;
}

/* Writes the first `len` bytes and moves the rest to the front. */
static void drain(struct buffer *b, size_t len)
{
	if (b->error == 0 && b->fd < 0)
		b->error = -ENOSPC;
	if (b->error == 0)
		b->error = write_all(b, b->data, len);
	if (b->error < 0 && b->fd >= 0)
		len = b->len;
	else if (b->error < 0)
		return;
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
}

int buffer_flush(struct buffer *b)
{
	if (b->fd >= 0 && b->len > 0)
		drain(b, b->len);
	return b->error;
}

char *buffer_reserve(struct buffer *b, size_t len)
{
	if (b->error < 0)
		return NULL;
	if (len > b->size - b->len) {
		const char *end = memrchr(b->data, '\n', b->len);

		if (end)
			drain(b, (size_t)(end - b->data) + 1);
		if (len > b->size - b->len)
			drain(b, b->len);
		if (b->error < 0 || len > b->size - b->len)
			return NULL;
	}
	return b->data + b->len;
}

void buffer_commit(struct buffer *b, size_t len)
{
	b->len += len;
}

void buffer_put(struct buffer *b, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len > 0) {
		size_t part = len < b->size ? len : b->size;
		char *to = buffer_reserve(b, part);

		if (!to)
			return;
		memcpy(to, from, part);
		buffer_commit(b, part);
		from += part;
		len -= part;
	}
}

void buffer_char(struct buffer *b, char c)
{
	buffer_put(b, &c, 1);
}

void buffer_str(struct buffer *b, const char *s)
{
	buffer_put(b, s, strlen(s));
}

void buffer_u64(struct buffer *b, uint64_t value)
{
	char digits[20], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	buffer_put(b, p, (size_t)(digits + sizeof(digits) - p));
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		if (b->error == 0)
			b->error = -ENOMEM;
		return;
	}
	buffer_put(b, text, (size_t)n);
}
