// SPDX-License-Identifier: GPL-2.0-or-later
/* GET and HEAD of files, one request after another on a connection. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "stack/document.h"
#include "stack/endpoint.h"
#include "stack/http_text.h"
#include "stack/service.h"

/* The buffer: what was received in its first half, what is to be sent before a body in the other.
 */
#define OUT_AT HTTP_HEAD_MAX

_Static_assert(TALK_BUFFER >= 2 * HTTP_HEAD_MAX, "room for a request and a response");

enum phase {
	READING,
	SENDING_HEAD,
	SENDING_BODY,
	CLOSING,
};

/* RFC 9110 6.6.1, as in 5.6.7 */
static void put_date(char *to, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!strftime(to, size, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm)))
		*to = 0;
}

/* Writes the head of a response behind OUT_AT; k->flag says whether the connection goes on. */
static void put_head(struct talk *k, int status, uint64_t length, const char *type)
{
	char date[64];
	int n;

	put_date(date, sizeof(date));
	n = snprintf((char *)k->buffer + OUT_AT, TALK_BUFFER - OUT_AT,
		     "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: tcpwitness\r\nContent-Length: %llu\r\n"
		     "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n%s%s\r\n",
		     status, http_reason(status), date, (unsigned long long)length, type,
		     status == 405 ? "Allow: GET, HEAD\r\n" : "",
		     k->flag ? "" : "Connection: close\r\n");
	k->begin = OUT_AT;
	k->left = length;
	k->offset = 0;
	k->status = status;
	k->phase = SENDING_HEAD;
	k->head_end = OUT_AT + (uint32_t)n;
}

static void answer_error(struct talk *k, int status, bool head)
{
	char body[64];
	size_t n = (size_t)snprintf(body, sizeof(body), "%d %s\n", status, http_reason(status));

	put_head(k, status, n, "text/plain; charset=utf-8");
	if (!head && k->head_end + n <= TALK_BUFFER) {
		memcpy(k->buffer + k->head_end, body, n);
		k->head_end += (uint32_t)n;
	}
	k->left = 0;
}

static int open_document(struct endpoint *e, const char *path, uint64_t *size, const char **name)
{
	struct stat st;
	int fd;

	if (e->root < 0)
		return -ENOENT;
	if (!e->root_is_file)
		return document_open(e->root, path, size, name);
	/* One file, under whatever name. */
	*name = path;
	fd = fcntl(e->root, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*size = (uint64_t)st.st_size;
	return fd;
}

static void answer(struct endpoint *e, struct talk *k, const struct http_request *request)
{
	const char *name = request->path;
	uint64_t size = 0;
	int fd = open_document(e, request->path, &size, &name);

	k->flag = request->keep;
	if (fd < 0) {
		answer_error(k, fd == -ENOENT ? 404 : 500, request->head);
		return;
	}
	put_head(k, 200, size, http_type(name));
	if (request->head) {
		close(fd);
		k->left = 0;
	} else {
		k->fd = fd;
	}
}

/* Takes a whole request off the buffer. false: it is not there yet. */
static bool read_request(struct endpoint *e, struct talk *k)
{
	struct http_request request;
	int n;

	for (;;) {
		long got;

		n = k->end ? http_parse_request((char *)k->buffer, k->end, &request) : 0;
		if (n)
			break;
		got = talk_receive(e, k, k->buffer + k->end, HTTP_HEAD_MAX - k->end);
		if (got == 0)
			k->phase = CLOSING;
		if (got <= 0)
			return false;
		k->end += (uint32_t)got;
	}
	if (n < 0) {
		k->flag = false;
		answer_error(k, -n, false);
		return true;
	}
	k->end -= (uint32_t)n;
	memmove(k->buffer, k->buffer + n, k->end);
	answer(e, k, &request);
	return true;
}

static bool send_head(struct endpoint *e, struct talk *k)
{
	while (k->begin < k->head_end) {
		long n = talk_send(e, k, k->buffer + k->begin, k->head_end - k->begin, false);

		if (n <= 0)
			return false;
		k->begin += (uint32_t)n;
	}
	k->phase = SENDING_BODY;
	return true;
}

/* false: wait, or the connection has failed. */
static bool send_body(struct endpoint *e, struct talk *k)
{
	while (k->left) {
		size_t len = talk_room(e, k) + 1;
		ssize_t got;
		long n;

		len = len < sizeof(e->piece) ? len : sizeof(e->piece);
		len = len < k->left ? len : k->left;
		got = pread(k->fd, e->piece, len, (off_t)k->offset);
		if (got <= 0) { /* it has become shorter: the promised length cannot be kept */
			talk_fail(e, k, got < 0 ? -errno : -EIO);
			return false;
		}
		n = talk_send(e, k, e->piece, (size_t)got, false);
		if (n <= 0)
			return false;
		k->offset += (uint64_t)n;
		k->left -= (uint64_t)n;
	}
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	k->phase = k->flag ? READING : CLOSING;
	return true;
}

static void run_server(struct endpoint *e, struct talk *k)
{
	bool on = true;

	while (on && k->phase != CLOSING) {
		switch ((enum phase)k->phase) {
		case READING:
			on = read_request(e, k);
			break;
		case SENDING_HEAD:
			on = send_head(e, k);
			break;
		case SENDING_BODY:
			on = send_body(e, k);
			break;
		case CLOSING:
			break;
		}
	}
	if (k->phase != CLOSING)
		return;
	talk_finish(e, k);
	/* What still comes is read, or our FIN would be followed by a reset. */
	while (k->closing && talk_receive(e, k, e->piece, sizeof(e->piece)) > 0)
		;
}

const struct service service_http_server = {.run = run_server};
