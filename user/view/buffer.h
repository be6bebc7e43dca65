/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes to be written: a fixed buffer in front of a descriptor. Appending never fails from the
 * caller's side; the first error of a write is kept and everything after it is dropped, so that the
 * caller checks once, at buffer_flush(). When a write to a file fails half-way through a line (a
 * full disk), the half line is cut off again.
 */
#ifndef VIEW_BUFFER_H
#define VIEW_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *data;
	size_t len;
	size_t size;
	int fd;      /* -1: memory only; what does not fit is dropped and error becomes -ENOSPC */
	int error;   /* 0, or -errno of the first write that failed */
	size_t half; /* bytes of a line without its end that have left already */
};

/* 0 or -ENOMEM. `size` at least 64 KiB for a buffer with a descriptor. */
int buffer_init(struct buffer *b, int fd, size_t size);
void buffer_release(struct buffer *b);

/*
 * Writes everything (retrying short writes and EINTR; waits with poll on a non-blocking one) and
 * returns b->error. Whole lines only ever leave in one piece when they fit.
 */
int buffer_flush(struct buffer *b);

/*
 * Room for `len` bytes in one piece, to be written in place and then committed; NULL when there is
 * none (an error is kept, or `len` is more than the buffer's size).
 */
char *buffer_reserve(struct buffer *b, size_t len);
void buffer_commit(struct buffer *b, size_t len);

void buffer_put(struct buffer *b, const void *bytes, size_t len);
void buffer_char(struct buffer *b, char c);
void buffer_str(struct buffer *b, const char *s);
void buffer_u64(struct buffer *b, uint64_t value);
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
