/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `timewait`: what piles up, who made it, when the ports run out; and for each destination that is
 * short of ports what would help in its case, with the figures it follows from.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "view/text.h"

#define ROWS 20 /* on a terminal; a file has them all */
#define SHORT_PERCENT 70
#define SOON_NS 300000000000ull
#define LOCAL_WIDTH 21

/* A paragraph, broken between words where the terminal ends; lines after the first are indented. */
static void put_paragraph(struct buffer *out, const struct view_context *ctx, unsigned int indent,
			  const char *text)
{
	unsigned int at = 0;

	while (*text) {
		unsigned int word = (unsigned int)strcspn(text, " ");

		if (at && ctx->columns && at + 1 + word > ctx->columns) {
			buffer_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at) {
			buffer_char(out, ' ');
			at++;
		}
		buffer_put(out, text, word);
		at += word;
		text += word;
		text += *text == ' ';
	}
	buffer_char(out, '\n');
}

#define PARAGRAPH 512

static void put_sums(struct buffer *out, const struct view_context *ctx,
		     const struct view_timewait *v)
{
	char text[PARAGRAPH], rates[80] = "", buckets[64] = "";

	if (v->max_buckets_known)
		snprintf(buckets, sizeof(buckets), " of at most %" PRIu64 " in a namespace",
			 v->max_buckets);
	if (v->rates_known)
		snprintf(rates, sizeof(rates), ", %.1f/s in, %.1f/s out", v->in_per_s,
			 v->out_per_s);
	snprintf(text, sizeof(text),
		 "TIME_WAIT %" PRId64 "%s%s; FIN_WAIT_2 without an owner %" PRIu64, v->time_wait,
		 buckets, rates, v->fin_wait_2_orphans);
	put_paragraph(out, ctx, 2, text);
	snprintf(text, sizeof(text),
		 "entered %" PRId64 " = expired %" PRId64 " + reused %" PRId64 " + killed %" PRId64
		 " + unknown %" PRId64 " + %" PRId64 " now; refused (buckets full) %" PRIu64,
		 v->entered, v->ended[TIMEWAIT_EXPIRED], v->ended[TIMEWAIT_REUSED],
		 v->ended[TIMEWAIT_KILLED], v->ended[TIMEWAIT_UNKNOWN], v->time_wait, v->refused);
	put_paragraph(out, ctx, 2, text);
}

static unsigned int percent(const struct timewait_group *g)
{
	return g->ports_total ? (unsigned int)(100ull * g->ports_used / g->ports_total) : 0;
}

static bool is_short(const struct timewait_group *g)
{
	return g->ports_total && (percent(g) >= SHORT_PERCENT ||
				  (g->exhaustion_known && g->exhausted_in_ns < SOON_NS));
}

struct columns {
	unsigned int peer, count_end, ports_end, out_end, process, process_width;
	bool narrow; /* of the ports the share alone */
};

static struct columns columns_of(const struct view_context *ctx)
{
	unsigned int extra = ctx->columns > 100 ? (ctx->columns - 100) / 2 : 0;
	struct columns c = {.narrow = ctx->columns && ctx->columns < 98};

	if (ctx->columns == 0 || extra > 26)
		extra = 26; /* room for IPv6 */
	c.peer = 16 + extra;
	c.count_end = c.peer + LOCAL_WIDTH + extra + 8;
	c.ports_end = c.count_end + (c.narrow ? 6 : 20);
	c.out_end = c.ports_end + (c.narrow ? 8 : 9);
	c.process = c.out_end + 1;
	if (ctx->columns)
		c.process_width = ctx->columns > c.process + 8 ? ctx->columns - c.process : 8;
	return c;
}

static void put_title(struct buffer *out, const struct view_context *ctx, const struct columns *c)
{
	struct row row;

	row_begin(&row, out, ctx);
	row_text(&row, TEXT_HEAD, "LOCAL");
	row_to(&row, c->peer);
	row_text(&row, TEXT_HEAD, "PEER");
	row_right(&row, c->count_end, TEXT_HEAD, "TIME_WAIT");
	row_right(&row, c->ports_end, TEXT_HEAD, c->narrow ? "PORTS" : "PORTS USED");
	row_right(&row, c->out_end, TEXT_HEAD, "FULL IN");
	row_to(&row, c->process);
	row_text(&row, TEXT_HEAD, "COMM/PID");
	row_end(&row);
}

static void put_owner(struct row *row, const struct columns *c, const struct view_timewait *v,
		      uint32_t process)
{
	const char *comm = v->comm(v->arg, process);
	struct lifecycle_owner owner = {.pid = process};
	char field[TEXT_FIELD];

	if (comm)
		memcpy(owner.comm, comm, sizeof(owner.comm));
	text_process(field, row->ctx, process ? &owner : NULL, false, c->process_width);
	row_text(row, process ? TEXT_PLAIN : TEXT_DIM, field);
}

/* A client's local port is another for each: the address alone. */
static void put_local(struct row *row, const struct view_context *ctx, const struct columns *c,
		      const struct timewait_group *g)
{
	unsigned int width = ctx->columns ? c->peer - 1 : 0;
	char field[TEXT_FIELD];

	if (g->passive)
		text_endpoint(field, ctx, g->laddr, g->port, false, width);
	else
		*format_address(field, g->laddr) = 0;
	if (!g->passive)
		text_shorten(field, sizeof(field), width, 0, ctx);
	row_text(row, TEXT_PLAIN, field);
}

static void put_group(struct buffer *out, const struct view_context *ctx, const struct columns *c,
		      const struct view_timewait *v, const struct timewait_group *g)
{
	enum text_color color = is_short(g) ? TEXT_ALARM : TEXT_PLAIN;
	char field[TEXT_FIELD];
	struct row row;

	row_begin(&row, out, ctx);
	put_local(&row, ctx, c, g);
	row_to(&row, c->peer);
	if (g->passive)
		snprintf(field, sizeof(field), "clients");
	else
		text_endpoint(field, ctx, g->raddr, g->port, false,
			      ctx->columns ? c->count_end - 9 - c->peer : 0);
	row_text(&row, g->passive ? TEXT_DIM : TEXT_PLAIN, field);
	snprintf(field, sizeof(field), "%" PRIu32, g->time_wait);
	row_right(&row, c->count_end, TEXT_PLAIN, field);
	if (c->narrow)
		snprintf(field, sizeof(field), "%u%%", percent(g));
	else
		snprintf(field, sizeof(field), "%" PRIu32 " of %" PRIu32 " %u%%", g->ports_used,
			 g->ports_total, percent(g));
	row_right(&row, c->ports_end, color, g->ports_total ? field : "-");
	text_span(field, g->exhaustion_known, true, g->exhausted_in_ns);
	row_right(&row, c->out_end, g->exhaustion_known ? color : TEXT_DIM, field);
	row_to(&row, c->process);
	put_owner(&row, c, v, g->process);
	row_end(&row);
}

static bool is_loopback(const struct timewait_group *g)
{
	return address_is_ipv4(g->raddr) ? g->raddr[12] == 127
					 : !memcmp(g->raddr, (uint8_t[16]){[15] = 1}, 16);
}

static void put_shortage(struct buffer *out, const struct view_context *ctx,
			 const struct view_timewait *v, const struct timewait_group *g)
{
	char text[PARAGRAPH], peer[TEXT_FIELD], owner[TEXT_FIELD], span[TEXT_FIELD] = "now";
	const char *comm = v->comm(v->arg, g->process);
	struct lifecycle_owner process = {.pid = g->process};

	if (comm)
		memcpy(process.comm, comm, sizeof(process.comm));
	text_endpoint(peer, ctx, g->raddr, g->port, false, 0);
	text_process(owner, ctx, g->process ? &process : NULL, false, 0);
	if (g->exhausted_in_ns)
		text_duration(span, g->exhausted_in_ns);
	snprintf(text, sizeof(text),
		 "ports to %s: %" PRIu32 " of %" PRIu32 " used%s%s%s; %" PRIu32
		 " are TIME_WAITs of %s",
		 peer, g->ports_used, g->ports_total, g->exhaustion_known ? ", none left " : "",
		 g->exhaustion_known && g->exhausted_in_ns ? "in " : "",
		 g->exhaustion_known ? span : "", g->time_wait, owner);
	buffer_char(out, '\n');
	put_paragraph(out, ctx, 2, text);
}

/* What would help one destination, each with what it follows from. */
static void put_advice(struct buffer *out, const struct view_context *ctx,
		       const struct view_timewait *v, const struct timewait_group *g)
{
	const struct timewait_limits *l = v->limits(v->arg, g->netns);
	char text[PARAGRAPH];

	put_shortage(out, ctx, v, g);
	put_paragraph(out, ctx, 2,
		      "- keep connections open and use them again: each new one binds a port for "
		      "60 s after it ends");
	if (l && (l->reuse == 0 || (l->reuse == 2 && !is_loopback(g)))) {
		snprintf(text, sizeof(text),
			 "- net.ipv4.tcp_tw_reuse is %d here: 1 lets connect() take over a "
			 "TIME_WAIT after a second, where both ends use timestamps",
			 l->reuse);
		put_paragraph(out, ctx, 2, text);
	}
	if (l && l->high - l->low < 50000) {
		snprintf(text, sizeof(text),
			 "- net.ipv4.ip_local_port_range is %u to %u: a wider one has up to "
			 "64,511 "
			 "ports",
			 l->low, l->high);
		put_paragraph(out, ctx, 2, text);
	}
	if (l && l->reserved) {
		snprintf(text, sizeof(text),
			 "- net.ipv4.ip_local_reserved_ports takes %" PRIu32 " of them",
			 l->reserved);
		put_paragraph(out, ctx, 2, text);
	}
	put_paragraph(out, ctx, 4,
		      "- more source addresses, or more addresses or ports of the peer: each has a "
		      "range of its own");
	put_paragraph(out, ctx, 2,
		      "- let the peer close first: then the TIME_WAIT is its own, and binds no "
		      "port here");
}

/* Several processes may share a destination: advice is given once, for the one with most. */
static bool is_first_of_destination(const struct view_timewait *v, size_t index)
{
	const struct timewait_group *g = &v->groups[index];

	for (size_t i = 0; i < index; i++) {
		const struct timewait_group *o = &v->groups[i];

		if (!o->passive && o->netns == g->netns && o->port == g->port &&
		    !memcmp(o->laddr, g->laddr, 16) && !memcmp(o->raddr, g->raddr, 16))
			return false;
	}
	return true;
}

void text_timewait(struct buffer *out, const struct view_context *ctx,
		   const struct view_timewait *v)
{
	struct columns c = columns_of(ctx);
	size_t rows = v->group_count;
	uint64_t rest = v->other;

	if (ctx->columns && rows > ROWS)
		rows = ROWS;
	put_sums(out, ctx, v);
	if (!v->group_count)
		return;
	put_title(out, ctx, &c);
	for (size_t i = 0; i < rows; i++)
		put_group(out, ctx, &c, v, &v->groups[i]);
	for (size_t i = rows; i < v->group_count; i++)
		rest += v->groups[i].time_wait;
	if (rest)
		buffer_printf(out, "and %" PRIu64 " more in smaller groups\n", rest);
	for (size_t i = 0; i < v->group_count; i++)
		if (is_short(&v->groups[i]) && is_first_of_destination(v, i))
			put_advice(out, ctx, v, &v->groups[i]);
}
