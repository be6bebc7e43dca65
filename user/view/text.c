/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields and columns that the text views share. */
#include "view/text.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "lifecycle/names.h"

static const char *const colors[] = {
	[TEXT_PLAIN] = "",           [TEXT_HANDSHAKE] = "\x1b[33m", [TEXT_OPEN] = "\x1b[32m",
	[TEXT_CLOSING] = "\x1b[36m", [TEXT_OVER] = "\x1b[34m",      [TEXT_ALARM] = "\x1b[31m",
	[TEXT_DIM] = "\x1b[2m",      [TEXT_HEAD] = "\x1b[1m",
};

void row_begin(struct row *row, struct buffer *out, const struct view_context *ctx)
{
	*row = (struct row){.out = out, .ctx = ctx};
}

void row_end(struct row *row)
{
	buffer_char(row->out, '\n');
	row->at = 0;
}

void row_to(struct row *row, unsigned int column)
{
	if (row->at > 0 && row->at >= column)
		column = row->at + 1;
	for (; row->at < column; row->at++)
		buffer_char(row->out, ' ');
}

void row_text(struct row *row, enum text_color color, const char *text)
{
	size_t len = strlen(text);
	bool colored = row->ctx->color && color != TEXT_PLAIN && len > 0;

	if (colored)
		buffer_str(row->out, colors[color]);
	buffer_put(row->out, text, len);
	if (colored)
		buffer_str(row->out, "\x1b[0m");
	row->at += (unsigned int)utf8_columns(text, len);
}

void row_right(struct row *row, unsigned int end, enum text_color color, const char *text)
{
	unsigned int columns = (unsigned int)utf8_columns(text, strlen(text));

	row_to(row, columns < end ? end - columns : 0);
	row_text(row, color, text);
}

const char *text_arrow(const struct view_context *ctx)
{
	return ctx->utf8 ? "\xe2\x86\x92" : ">";
}

const char *text_chevron(const struct view_context *ctx)
{
	return ctx->utf8 ? "\xe2\x80\xba" : ">";
}

/* How many bytes at the beginning of the text take at most `columns`. */
static size_t bytes_in(const char *text, size_t len, unsigned int columns)
{
	size_t at = 0;

	while (at < len) {
		uint32_t code;
		size_t n = utf8_decode(text + at, len - at, &code);
		int width = utf8_width(code);

		if (width > 0 && (unsigned int)width > columns)
			break;
		columns -= width > 0 ? (unsigned int)width : 0;
		at += n;
	}
	return at;
}

static const char *ellipsis(const struct view_context *ctx)
{
	return ctx->utf8 ? "\xe2\x80\xa6" : "~";
}

void text_shorten(char *text, size_t size, unsigned int width, size_t tail,
		  const struct view_context *ctx)
{
	size_t len = strlen(text), head, rest;
	unsigned int tail_columns;
	char whole[TEXT_FIELD];

	if (width == 0 || utf8_columns(text, len) <= width || len >= sizeof(whole))
		return;
	memcpy(whole, text, len + 1);
	tail_columns = (unsigned int)utf8_columns(whole + len - tail, tail);
	if (tail_columns + 1 >= width) {
		/* Not even the tail has room: what remains is its end. */
		head = 0;
		tail_columns = width - 1;
	} else {
		head = bytes_in(whole, len, (width - tail_columns) / 2);
		tail_columns = width - 1 - (unsigned int)utf8_columns(whole, head);
	}
	rest = len;
	while (rest > head && utf8_columns(whole + rest - 1, len - rest + 1) <= tail_columns)
		rest--;
	while (rest < len && (whole[rest] & 0xc0) == 0x80)
		rest++;
	snprintf(text, size, "%.*s%s%s", (int)head, whole, ellipsis(ctx), whole + rest);
}

/* A tenth is shown below `fine` of a unit. Cut, not rounded: 999.9us is not yet 1ms. */
static void scaled(char out[TEXT_FIELD], uint64_t value, uint64_t unit, uint64_t fine,
		   const char *name)
{
	unsigned long long whole = value / unit;
	unsigned int tenth = (unsigned int)(value % unit / (unit / 10));

	if (whole < fine)
		snprintf(out, TEXT_FIELD, "%llu.%u%s", whole, tenth, name);
	else
		snprintf(out, TEXT_FIELD, "%llu%s", whole, name);
}

#define US UINT64_C(1000)
#define MS (1000 * US)
#define S (1000 * MS)

void text_duration(char out[TEXT_FIELD], uint64_t ns)
{
	unsigned long long s = ns / S;

	if (ns < US)
		snprintf(out, TEXT_FIELD, "%uns", (unsigned int)ns);
	else if (ns < MS)
		scaled(out, ns, US, 10, "us");
	else if (ns < S)
		scaled(out, ns, MS, 10, "ms");
	else if (s < 100)
		scaled(out, ns, S, 100, "s");
	else if (s < 600)
		snprintf(out, TEXT_FIELD, "%llum%02llus", s / 60, s % 60);
	else if (s < 3600)
		snprintf(out, TEXT_FIELD, "%llum", s / 60);
	else if (s < 36000)
		snprintf(out, TEXT_FIELD, "%lluh%02llum", s / 3600, s % 3600 / 60);
	else if (s < 86400)
		snprintf(out, TEXT_FIELD, "%lluh", s / 3600);
	else if (s < 864000)
		snprintf(out, TEXT_FIELD, "%llud%02lluh", s / 86400, s % 86400 / 3600);
	else
		snprintf(out, TEXT_FIELD, "%llud", s / 86400);
}

static void set(char out[TEXT_FIELD], const char *text)
{
	snprintf(out, TEXT_FIELD, "%s", text);
}

void text_span(char out[TEXT_FIELD], bool known, bool exact, uint64_t ns)
{
	char duration[TEXT_FIELD];

	if (!known) {
		set(out, "-");
		return;
	}
	text_duration(duration, ns);
	snprintf(out, TEXT_FIELD, "%s%.*s", exact ? "" : ">", TEXT_FIELD - 2, duration);
}

void text_bytes(char out[TEXT_FIELD], uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t unit = 1000;

	if (bytes < 1000) {
		snprintf(out, TEXT_FIELD, "%uB", (unsigned int)bytes);
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++, unit *= 1000) {
		if (bytes / unit < 1000) {
			scaled(out, bytes, unit, 100, units[i]);
			return;
		}
	}
}

void text_clock(char out[TEXT_FIELD], const struct view_context *ctx, uint64_t mono_ns)
{
	timestamp_clock(out, (int64_t)mono_ns + ctx->wall_offset, ctx->utc);
	out[TIMESTAMP_CLOCK_LEN] = '\0';
}

void text_endpoint(char out[TEXT_FIELD], const struct view_context *ctx, const uint8_t address[16],
		   uint16_t port, bool any, unsigned int width)
{
	bool known = any || !address_is_unspecified(address), brackets;
	char *p = out, *tail;

	if (!known && port == 0) {
		set(out, "-");
		return;
	}
	brackets = known && !address_is_ipv4(address);
	if (brackets)
		*p++ = '[';
	if (known)
		p = format_address(p, address);
	else
		*p++ = '-';
	if (brackets)
		*p++ = ']';
	tail = p;
	*p++ = ':';
	if (port)
		p = format_u64(p, port);
	else
		*p++ = '-';
	*p = '\0';
	text_shorten(out, TEXT_FIELD, width, (size_t)(p - tail) + brackets, ctx);
}

/* A name is known by its beginning. */
static void cut(char *text, unsigned int width, const struct view_context *ctx)
{
	size_t len = strlen(text), at;

	if (width == 0 || utf8_columns(text, len) <= width)
		return;
	at = bytes_in(text, len, width - 1);
	snprintf(text + at, TEXT_FIELD - at, "%s", ellipsis(ctx));
}

/* A blank at either end of a name would pass for the space between columns. */
static void put_name(char out[TEXT_FIELD], const char *name, size_t len, bool utf8)
{
	size_t head = 0, tail = 0, at = 0;

	while (head < len && name[head] == ' ')
		head++;
	while (tail < len - head && name[len - 1 - tail] == ' ')
		tail++;
	for (size_t i = 0; i < head; i++)
		at += (size_t)snprintf(out + at, TEXT_FIELD - at, "\\x20");
	at += utf8_visible(out + at, TEXT_FIELD - at, name + head, len - head - tail, utf8);
	for (size_t i = 0; i < tail; i++)
		at += (size_t)snprintf(out + at, TEXT_FIELD - at, "\\x20");
}

void text_comm(char out[TEXT_FIELD], const struct view_context *ctx,
	       const struct lifecycle_owner *owner, bool kernel, unsigned int width)
{
	if (owner && owner->comm[0])
		put_name(out, owner->comm, strnlen(owner->comm, TCPW_COMM_LEN), ctx->utf8);
	else
		set(out, kernel ? "[kernel]" : "-");
	cut(out, width, ctx);
}

void text_pid(char out[TEXT_FIELD], const struct lifecycle_owner *owner)
{
	if (owner && owner->pid)
		snprintf(out, TEXT_FIELD, "%u", owner->pid);
	else
		set(out, "-");
}

void text_process(char out[TEXT_FIELD], const struct view_context *ctx,
		  const struct lifecycle_owner *owner, bool kernel, unsigned int width)
{
	char pid[TEXT_FIELD];
	size_t len, pid_len;

	if (!owner || !owner->pid) {
		text_comm(out, ctx, owner, kernel, width);
		return;
	}
	text_pid(pid, owner);
	pid_len = strlen(pid) + 1;
	text_comm(out, ctx, owner, kernel, width > pid_len ? width - (unsigned int)pid_len : width);
	len = strlen(out);
	snprintf(out + len, TEXT_FIELD - len, "/%s", pid);
}

void text_connection(char out[TEXT_FIELD], const struct view_context *ctx,
		     const struct tcpw_tuple *t, bool listener, unsigned int width)
{
	char port[16] = "", remote[TEXT_FIELD];
	unsigned int used = 1;

	if (listener || (t->rport == 0 && address_is_unspecified(t->raddr))) {
		text_endpoint(out, ctx, t->laddr, t->lport, listener, width);
		return;
	}
	if (t->lport)
		used += (unsigned int)snprintf(port, sizeof(port), ":%u", t->lport);
	text_endpoint(remote, ctx, t->raddr, t->rport, false, width > used ? width - used : 0);
	snprintf(out, TEXT_FIELD, "%s%s%.*s", port, text_arrow(ctx), FORMAT_ADDRESS_LEN + 8,
		 remote);
}

enum text_color text_state_color(enum tcpw_state state)
{
	switch (state) {
	case TCPW_SYN_SENT:
	case TCPW_SYN_RECEIVED:
		return TEXT_HANDSHAKE;
	case TCPW_ESTABLISHED:
	case TCPW_LISTEN:
		return TEXT_OPEN;
	case TCPW_FIN_WAIT_1:
	case TCPW_FIN_WAIT_2:
	case TCPW_CLOSE_WAIT:
	case TCPW_CLOSING:
	case TCPW_LAST_ACK:
		return TEXT_CLOSING;
	case TCPW_TIME_WAIT:
	case TCPW_CLOSED:
		return TEXT_OVER;
	case TCPW_STATE_UNKNOWN:
		break;
	}
	return TEXT_DIM;
}
