/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests as browsers, curl and enemies write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/http_text.h"

#define HOST "Host: a\r\n"

/* From a copy of just its size, so that a read past the end is seen by AddressSanitizer. */
static int parse(const char *text, size_t len, struct http_request *out)
{
	char *copy = malloc(len ? len : 1);
	int n;

	assert_non_null(copy);
	memcpy(copy, text, len);
	n = http_parse_request(copy, len, out);
	free(copy);
	return n;
}

static void assert_path(const char *text, const char *path, bool head, bool keep)
{
	struct http_request request;

	assert_int_equal(parse(text, strlen(text), &request), strlen(text));
	assert_string_equal(request.path, path);
	assert_int_equal(request.head, head);
	assert_int_equal(request.keep, keep);
}

static void assert_status(const char *text, int status)
{
	struct http_request request;

	if (parse(text, strlen(text), &request) != -status)
		fail_msg("%d and not %d for: %s", parse(text, strlen(text), &request), -status,
			 text);
}

static void http_parse_request__wellformed__gives_path_and_wishes(void **state)
{
	(void)state;
	assert_path("GET / HTTP/1.1\r\n" HOST "\r\n", "", false, true);
	assert_path("GET /a/b.txt HTTP/1.1\r\n" HOST "\r\n", "a/b.txt", false, true);
	assert_path("HEAD //a///b/ HTTP/1.1\r\n" HOST "\r\n", "a/b/", true, true);
	assert_path("GET /a?b=../c HTTP/1.1\r\n" HOST "\r\n", "a", false, true);
	assert_path("GET /a%20b%2e HTTP/1.1\r\n" HOST "\r\n", "a b.", false, true);
	assert_path("GET http://h:80/x HTTP/1.1\r\n" HOST "\r\n", "x", false, true);
	assert_path("GET http://h HTTP/1.1\r\n" HOST "\r\n", "", false, true);
	assert_path("GET /a HTTP/1.1\n" HOST "\n", "a", false, true);
	assert_path("\r\nGET /a HTTP/1.1\r\n" HOST "\r\n", "a", false, true);
	assert_path("GET /a HTTP/1.0\r\n\r\n", "a", false, false);
	assert_path("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "a", false, true);
	assert_path("GET /a HTTP/1.1\r\n" HOST "Connection: x , CLOSE\r\n\r\n", "a", false, false);
	assert_path("GET /a HTTP/1.9\r\n" HOST "Content-Length: 0\r\n\r\n", "a", false, true);
	assert_path("GET /... HTTP/1.1\r\n" HOST "\r\n", "...", false, true);
}

static void http_parse_request__hostile_names__are_refused(void **state)
{
	(void)state;
	assert_status("GET /.. HTTP/1.1\r\n" HOST "\r\n", 404);
	assert_status("GET /../etc/passwd HTTP/1.1\r\n" HOST "\r\n", 404);
	assert_status("GET /a/../../b HTTP/1.1\r\n" HOST "\r\n", 404);
	assert_status("GET /%2e%2E/b HTTP/1.1\r\n" HOST "\r\n", 404);
	assert_status("GET /./b HTTP/1.1\r\n" HOST "\r\n", 404);
	assert_status("GET /a%2fb HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_status("GET /a%00b HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_status("GET /a%0 HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_status("GET /a%zz HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_status("GET a HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_status("GET /a\x01 HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void http_parse_request__malformed__has_its_status(void **state)
{
	(void)state;
	assert_status("GET /a HTTP/1.1\r\n\r\n", 400);
	assert_status("GET /a HTTP/1.1\r\n" HOST HOST "\r\n", 400);
	assert_status("GET /a HTTP/1.1\r\nHost : a\r\n\r\n", 400);
	assert_status("GET /a HTTP/1.1\r\n" HOST " folded: x\r\n\r\n", 400);
	assert_status("GET /a HTTP/1.1\r\n" HOST "nocolon\r\n\r\n", 400);
	assert_status("GET /a HTTP/1.1\r\n" HOST "a: b\rc\r\n\r\n", 400);
	assert_status("GET /a\r\n" HOST "\r\n", 400);
	assert_status("GET /a HTTP/1.1 x\r\n" HOST "\r\n", 400);
	assert_status("GET /a HTTX/1.1\r\n" HOST "\r\n", 400);
	assert_status("GET /a HTTP/2.0\r\n" HOST "\r\n", 505);
	assert_status("POST /a HTTP/1.1\r\n" HOST "\r\n", 405);
	assert_status("get /a HTTP/1.1\r\n" HOST "\r\n", 405);
	assert_status("GET /a HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n", 413);
	assert_status("GET /a HTTP/1.1\r\n" HOST "Content-Length: -4\r\n\r\n", 400);
	assert_status("GET /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 413);
}

static void http_parse_request__incomplete__waits_and_too_long_does_not(void **state)
{
	static const char text[] = "GET /a HTTP/1.1\r\n" HOST "\r\n";
	char big[HTTP_HEAD_MAX + 1];
	struct http_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		assert_int_equal(parse(text, i, &request), 0);
	memset(big, 'a', sizeof(big));
	assert_int_equal(parse(big, HTTP_HEAD_MAX - 1, &request), 0);
	assert_int_equal(parse(big, HTTP_HEAD_MAX, &request), -414);
	memcpy(big, "GET / HTTP/1.1\r\nA:", 18);
	assert_int_equal(parse(big, HTTP_HEAD_MAX, &request), -431);
	memset(big, 'a', sizeof(big));
	memcpy(big, "GET /", 5);
	memcpy(big + 2000, " HTTP/1.1\r\n" HOST "\r\n", 22);
	assert_int_equal(parse(big, 2022, &request), -414);
}

static void http_parse_request__two_in_one__takes_the_first(void **state)
{
	static const char text[] = "GET /a HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n";
	struct http_request request;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1, &request), 28);
	assert_string_equal(request.path, "a");
}

/* Any octets: no crash, and what is accepted is a clean path. */
static void http_parse_request__random_octets__never_leave_the_root(void **state)
{
	static const char *const parts[] = {"GET ", "HEAD ", "/",        "..", ".",    "%2e",
					    "%2f",  "a",     "?",        " ",  "\r\n", "\n",
					    ":",    "\t",    "HTTP/1.1", HOST};
	uint64_t random = 42;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[256] = "GET /";
		size_t len = 5;
		struct http_request request;

		while (len < 200) {
			const char *part;

			random = random * 6364136223846793005u + 1442695040888963407u;
			part = parts[(random >> 33) % (sizeof(parts) / sizeof(parts[0]))];
			memcpy(text + len, part, strlen(part));
			len += strlen(part);
			if ((random >> 40) % 12 == 0)
				break;
		}
		memcpy(text + len, " HTTP/1.1\r\n" HOST "\r\n", 22);
		if (parse(text, len + 22, &request) <= 0)
			continue;
		assert_int_not_equal(request.path[0], '/');
		assert_null(strstr(request.path, "/../"));
		assert_null(strstr(request.path, "//"));
		assert_true(strncmp(request.path, "../", 3) != 0 &&
			    strcmp(request.path, "..") != 0);
	}
}

static void assert_response(const char *text, int n, int status, bool known, uint64_t length)
{
	struct http_response response;

	assert_int_equal(http_parse_response(text, strlen(text), &response), n);
	if (n <= 0)
		return;
	assert_int_equal(response.status, status);
	assert_int_equal(response.length_known, known);
	assert_int_equal(response.length, length);
}

static void http_parse_response__heads__are_read(void **state)
{
	(void)state;
	assert_response("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nabc", 39, 200, true, 12);
	assert_response("HTTP/1.0 404 Not\r\n\r\n", 20, 404, false, 0);
	assert_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 47, 200, false, 0);
	assert_response("HTTP/1.1 200 OK\r\nConte", 0, 0, false, 0);
	assert_response("SSH-2.0 200 x\r\n\r\n", -EBADMSG, 0, false, 0);
	assert_response("HTTP/1.1 2x0 OK\r\n\r\n", -EBADMSG, 0, false, 0);
	assert_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
			-EBADMSG, 0, false, 0);
	assert_response("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", -EBADMSG,
			0, false, 0);
}

static void http_type__names__follow_their_end(void **state)
{
	(void)state;
	assert_string_equal(http_type("a/B.HTML"), "text/html; charset=utf-8");
	assert_string_equal(http_type(""), "application/octet-stream");
	assert_string_equal(http_reason(404), "Not Found");
	assert_string_equal(http_reason(299), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_parse_request__wellformed__gives_path_and_wishes),
		cmocka_unit_test(http_parse_request__hostile_names__are_refused),
		cmocka_unit_test(http_parse_request__malformed__has_its_status),
		cmocka_unit_test(http_parse_request__incomplete__waits_and_too_long_does_not),
		cmocka_unit_test(http_parse_request__two_in_one__takes_the_first),
		cmocka_unit_test(http_parse_request__random_octets__never_leave_the_root),
		cmocka_unit_test(http_parse_response__heads__are_read),
		cmocka_unit_test(http_type__names__follow_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
