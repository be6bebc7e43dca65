// SPDX-License-Identifier: GPL-2.0-or-later
/* One GET, its body into a file. HTTP/1.0, so that the body comes as it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stack/endpoint.h"
#include "stack/http_text.h"
#include "stack/service.h"

enum phase {
	ASKING,
	READING_HEAD,
	READING_BODY,
	FINISHED,
};

static int begin(struct endpoint *e, struct talk *k)
{
	const struct stack_settings *s = e->settings;
	int n = snprintf((char *)k->buffer, HTTP_HEAD_MAX,
			 "GET %s HTTP/1.0\r\nHost: %.*s\r\nUser-Agent: tcpwitness\r\n"
			 "Accept: */*\r\n\r\n",
			 s->path ? s->path : "/", (int)s->authority_len,
			 s->authority ? s->authority : "");

	if (n < 0 || n >= HTTP_HEAD_MAX)
		return -E2BIG;
	k->end = (uint32_t)n;
	return 0;
}

static bool ask(struct endpoint *e, struct talk *k)
{
	while (k->begin < k->end) {
		long n = talk_send(e, k, k->buffer + k->begin, k->end - k->begin, false);

		if (n <= 0)
			return false;
		k->begin += (uint32_t)n;
	}
	k->begin = k->end = 0;
	k->phase = READING_HEAD;
	return true;
}

static int keep_body(struct endpoint *e, struct talk *k, const uint8_t *data, size_t len)
{
	if (k->flag && len > k->left)
		return -EBADMSG; /* more than was promised */
	k->left -= k->flag ? len : 0;
	while (e->receive_fd >= 0 && len) {
		ssize_t n = write(e->receive_fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* 1: go on; 0: wait; or -errno. */
static int read_head(struct endpoint *e, struct talk *k)
{
	struct http_response response;
	long got = talk_receive(e, k, k->buffer + k->end, HTTP_HEAD_MAX - k->end);
	int n;

	if (got <= 0)
		return got == 0 ? -EBADMSG : 0;
	k->end += (uint32_t)got;
	n = http_parse_response((char *)k->buffer, k->end, &response);
	if (n <= 0)
		return n;
	if (response.chunked)
		return -EPROTONOSUPPORT;
	k->status = response.status;
	k->flag = response.length_known;
	k->left = response.length;
	k->phase = READING_BODY;
	n = keep_body(e, k, k->buffer + n, k->end - (uint32_t)n);
	return n ? n : 1;
}

static int read_body(struct endpoint *e, struct talk *k)
{
	long got;

	while (!k->flag || k->left) {
		int err;

		got = talk_receive(e, k, e->piece, sizeof(e->piece));
		if (got == 0 && k->flag)
			return -EBADMSG; /* less than was promised */
		if (got == 0)
			break;
		if (got < 0)
			return 0;
		err = keep_body(e, k, e->piece, (size_t)got);
		if (err)
			return err;
	}
	k->phase = FINISHED;
	return 1;
}

static void run_client(struct endpoint *e, struct talk *k)
{
	int on = 1;

	while (on > 0 && k->phase != FINISHED) {
		switch ((enum phase)k->phase) {
		case ASKING:
			on = ask(e, k);
			break;
		case READING_HEAD:
			on = read_head(e, k);
			break;
		case READING_BODY:
			on = read_body(e, k);
			break;
		case FINISHED:
			break;
		}
	}
	if (on < 0) {
		talk_fail(e, k, on);
		return;
	}
	if (k->phase != FINISHED)
		return;
	talk_finish(e, k);
	while (talk_receive(e, k, e->piece, sizeof(e->piece)) > 0)
		;
}

const struct service service_http_client = {.begin = begin, .run = run_client};
