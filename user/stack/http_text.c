// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/http_text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct piece {
	const char *at;
	size_t len;
};

/* What the header fields say, as far as it matters. */
struct fields {
	bool host, host_twice;
	bool close, keep_alive;
	bool body, chunked;
	bool length_known, length_wrong;
	uint64_t length;
};

static bool is(struct piece p, const char *word)
{
	return p.len == strlen(word) && !strncasecmp(p.at, word, p.len);
}

/* RFC 9110 5.6.2 */
static bool is_token(struct piece p)
{
	for (size_t i = 0; i < p.len; i++) {
		unsigned char c = (unsigned char)p.at[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return p.len > 0;
}

static struct piece trim(struct piece p)
{
	while (p.len && (*p.at == ' ' || *p.at == '\t'))
		p.at++, p.len--;
	while (p.len && (p.at[p.len - 1] == ' ' || p.at[p.len - 1] == '\t'))
		p.len--;
	return p;
}

/* Takes a line off `rest`: it ends with CR LF, or LF alone (RFC 9112 2.2). false: no end. */
static bool take_line(struct piece *rest, struct piece *line)
{
	const char *end = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;

	if (!end)
		return false;
	*line = (struct piece){rest->at, (size_t)(end - rest->at)};
	rest->len -= line->len + 1;
	rest->at = end + 1;
	if (line->len && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* What stands before `c`, which goes too. false: there is none. */
static bool take_until(struct piece *rest, char c, struct piece *out)
{
	const char *end = rest->len ? memchr(rest->at, c, rest->len) : NULL;

	if (!end)
		return false;
	*out = (struct piece){rest->at, (size_t)(end - rest->at)};
	rest->len -= out->len + 1;
	rest->at = end + 1;
	return true;
}

static bool read_length(struct piece p, uint64_t *out)
{
	uint64_t value = 0;

	for (size_t i = 0; i < p.len; i++)
		if (p.at[i] < '0' || p.at[i] > '9' ||
		    __builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(p.at[i] - '0'), &value))
			return false;
	*out = value;
	return p.len > 0 && value <= INT64_MAX;
}

static void read_connection(struct piece value, struct fields *f)
{
	struct piece word;

	while (value.len) {
		if (!take_until(&value, ',', &word)) {
			word = value;
			value.len = 0;
		}
		f->close = f->close || is(trim(word), "close");
		f->keep_alive = f->keep_alive || is(trim(word), "keep-alive");
	}
}

static void read_field(struct piece name, struct piece value, struct fields *f)
{
	uint64_t length = 0;

	if (is(name, "host")) {
		f->host_twice = f->host;
		f->host = true;
	} else if (is(name, "connection")) {
		read_connection(value, f);
	} else if (is(name, "transfer-encoding")) {
		f->body = f->chunked = true;
	} else if (is(name, "content-length")) {
		if (!read_length(value, &length) || (f->length_known && length != f->length))
			f->length_wrong = true;
		f->length_known = true;
		f->length = length;
		f->body = f->body || length;
	}
}

/* All fields up to the empty line: 1; 0: not complete; -1: not header fields. */
static int read_fields(struct piece *rest, struct fields *f)
{
	struct piece line, name;

	while (take_line(rest, &line)) {
		if (!line.len)
			return 1;
		if (memchr(line.at, 0, line.len) || memchr(line.at, '\r', line.len))
			return -1;
		/* No blank before the colon, and no line that goes on (RFC 9112 5.1, 5.2). */
		if (!take_until(&line, ':', &name) || !is_token(name))
			return -1;
		read_field(name, trim(line), f);
	}
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.1, without what cannot be in a file's name. */
static int decode(struct piece p, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < p.len; i++) {
		int c = (unsigned char)p.at[i];

		if (c == '%') {
			if (i + 2 >= p.len || hex(p.at[i + 1]) < 0 || hex(p.at[i + 2]) < 0)
				return -400;
			c = hex(p.at[i + 1]) << 4 | hex(p.at[i + 2]);
			i += 2;
			/* A slash in disguise would make two names of one. */
			if (c == 0 || c == '/')
				return -400;
		} else if (c <= ' ' || c == 0x7f) {
			return -400;
		}
		if (n + 1 >= size)
			return -414;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return 0;
}

/* "." and ".." have no business in a request; doubled slashes are one. */
static int clean(char *path)
{
	char *to = path;

	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
			return -404;
		memmove(to, p, len);
		to += len;
		p += len;
		if (!*p)
			break;
		while (*p == '/')
			p++;
		if (to > path)
			*to++ = '/';
	}
	*to = 0;
	return 0;
}

/* RFC 9112 3.2: origin-form, or absolute-form, which a server MUST take as well. */
static int read_target(struct piece target, struct http_request *out)
{
	struct piece path = target;
	const char *query;
	int err;

	if (target.len > 7 && !strncasecmp(target.at, "http://", 7)) {
		const char *slash = memchr(target.at + 7, '/', target.len - 7);
		size_t skip = slash ? (size_t)(slash - target.at) : target.len;

		path = (struct piece){target.at + skip, target.len - skip};
	} else if (!target.len || *target.at != '/') {
		return -400;
	}
	query = path.len ? memchr(path.at, '?', path.len) : NULL;
	if (query)
		path.len = (size_t)(query - path.at);
	err = decode(path, out->path, sizeof(out->path));
	return err ? err : clean(out->path);
}

/* 1.0 or 1.1 and later: *minor. A negative status. */
static int read_version(struct piece p, bool *old)
{
	if (p.len != 8 || memcmp(p.at, "HTTP/", 5) || p.at[6] != '.' || hex(p.at[5]) < 0 ||
	    hex(p.at[7]) < 0)
		return -400;
	if (p.at[5] != '1')
		return -505;
	*old = p.at[7] == '0';
	return 0;
}

static int read_request_line(struct piece line, struct http_request *out, bool *old)
{
	struct piece method, target;
	int err;

	if (!take_until(&line, ' ', &method) || !take_until(&line, ' ', &target) ||
	    !is_token(method))
		return -400;
	err = read_version(line, old);
	if (err)
		return err;
	out->head = method.len == 4 && !memcmp(method.at, "HEAD", 4);
	if (!out->head && (method.len != 3 || memcmp(method.at, "GET", 3)))
		return -405;
	return read_target(target, out);
}

int http_parse_request(const char *text, size_t len, struct http_request *out)
{
	struct piece rest = {text, len}, line;
	struct fields f = {0};
	bool old = false;
	int status = 0, err;

	/* RFC 9112 2.2: an empty line before the request line is passed over. */
	do {
		if (!take_line(&rest, &line))
			return len >= HTTP_HEAD_MAX ? -414 : 0;
	} while (!line.len && rest.at < text + 4);
	err = read_fields(&rest, &f);
	if (!err)
		return len >= HTTP_HEAD_MAX ? -431 : 0;
	status = err < 0 ? -400 : read_request_line(line, out, &old);
	if (status)
		return status;
	/* RFC 9112 3.2: exactly one Host, but for 1.0. */
	if (f.host_twice || (!f.host && !old) || f.length_wrong)
		return -400;
	if (f.body)
		return -413; /* GET and HEAD have nothing to say in one */
	out->keep = old ? f.keep_alive && !f.close : !f.close;
	return (int)(rest.at - text);
}

int http_parse_response(const char *text, size_t len, struct http_response *out)
{
	struct piece rest = {text, len}, line, word;
	struct fields f = {0};
	bool old;
	int err;

	*out = (struct http_response){0};
	if (!take_line(&rest, &line))
		return len >= HTTP_HEAD_MAX ? -EBADMSG : 0;
	if (!take_until(&line, ' ', &word) || read_version(word, &old) || line.len < 3)
		return -EBADMSG;
	for (int i = 0; i < 3; i++) {
		if (line.at[i] < '0' || line.at[i] > '9')
			return -EBADMSG;
		out->status = out->status * 10 + (line.at[i] - '0');
	}
	err = read_fields(&rest, &f);
	if (err <= 0)
		return err < 0 || len >= HTTP_HEAD_MAX ? -EBADMSG : 0;
	if (f.length_wrong)
		return -EBADMSG;
	out->chunked = f.chunked;
	out->length_known = f.length_known && !f.chunked;
	out->length = f.length;
	return (int)(rest.at - text);
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{200, "OK"},
		{400, "Bad Request"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

const char *http_type(const char *path)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".txt", "text/plain; charset=utf-8"},
		{".json", "application/json"},
		{".css", "text/css"},
		{".js", "text/javascript"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
	};
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i][0]);

		if (len >= n && !strcasecmp(path + len - n, types[i][0]))
			return types[i][1];
	}
	return "application/octet-stream";
}
