/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of HTTP/1.1 (RFC 9110, RFC 9112) as GET and HEAD of files ask for. Pure: octets in,
 * meaning out; the octets come from whoever connects.
 */
#ifndef STACK_HTTP_TEXT_H
#define STACK_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 8192 /* octets of a request or response before its body */
#define HTTP_PATH_MAX 1024

struct http_request {
	bool head;                /* HEAD, not GET */
	bool keep;                /* the connection may go on afterwards */
	char path[HTTP_PATH_MAX]; /* decoded, relative, no "." or ".." in it; "" is the root */
};

/*
 * One request at the beginning of `text`. Returns the octets it takes; 0 when it is not complete;
 * or minus the status to answer with (400 404 405 413 414 431 501 505), after which nothing more
 * can be read from the connection. `out` is filled when the return value is positive.
 */
int http_parse_request(const char *text, size_t len, struct http_request *out);

struct http_response {
	int status;
	bool length_known;
	uint64_t length;
	bool chunked; /* a transfer coding: not understood here */
};

/* The head of a response: its octets, 0 when it is not complete, or -EBADMSG. */
int http_parse_response(const char *text, size_t len, struct http_response *out);

/* "Not Found" and the like; "Unknown" for any other. */
const char *http_reason(int status);

/* By the end of the name: "text/html" and the like. */
const char *http_type(const char *path);

#endif
