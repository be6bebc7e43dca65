/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `life`: a connection when it is over. The path is as long as it is, so it comes last: on the same
 * line in a file and on a terminal that is wide enough, else on an indented line of its own.
 */
#include <stdio.h>
#include <string.h>

#include "lifecycle/names.h"
#include "view/life.h"
#include "view/text.h"

#define ONE_LINE_COLUMNS 224
#define WIDE_COLUMNS 138
#define NARROW_COLUMNS 100
#define PROCESS_NARROW 16
#define CONNECTION_NARROW 22
#define PROCESS_MAX 23
#define ENDPOINT 21 /* 255.255.255.255:65535 */
#define PATH_INDENT 2

/* Where each column begins or, of numbers, ends. */
struct layout {
	bool narrow, one_line;
	unsigned int pid_end, process, process_width;
	unsigned int local, arrow, remote, endpoint_width;
	unsigned int sent_end, received_end, retransmits_end, rtt_end, cause, path;
};

static struct layout layout_of(const struct view_context *ctx)
{
	struct layout l = {.pid_end = 23, .process = 24, .process_width = 15, .local = 40};
	unsigned int after;

	l.narrow = ctx->columns > 0 && ctx->columns < WIDE_COLUMNS;
	l.one_line = ctx->columns == 0 || ctx->columns >= ONE_LINE_COLUMNS;
	if (l.narrow) {
		unsigned int extra =
			ctx->columns > NARROW_COLUMNS ? ctx->columns - NARROW_COLUMNS : 0;
		unsigned int process = PROCESS_MAX - PROCESS_NARROW;

		if (process > extra)
			process = extra;
		l.process = 16;
		l.process_width = PROCESS_NARROW + process;
		l.local = l.process + l.process_width + 1;
		l.endpoint_width = CONNECTION_NARROW + extra - process;
		after = l.local + l.endpoint_width;
	} else {
		l.arrow = l.local + ENDPOINT + 1;
		l.remote = l.arrow + 2;
		l.endpoint_width = ctx->columns > 0 ? ENDPOINT : 0;
		after = l.remote + ENDPOINT;
	}
	l.sent_end = after + 7;
	l.received_end = l.sent_end + 7;
	l.retransmits_end = l.received_end + 5;
	l.rtt_end = l.retransmits_end + 6;
	l.cause = l.rtt_end + 1;
	l.path = l.one_line ? l.cause + 19 : PATH_INDENT;
	return l;
}

void text_life_head(struct buffer *out, const struct view_context *ctx)
{
	struct layout l = layout_of(ctx);
	struct row row;

	row_begin(&row, out, ctx);
	row_text(&row, TEXT_HEAD, "END");
	if (l.narrow) {
		row_to(&row, l.process);
		row_text(&row, TEXT_HEAD, "COMM/PID");
		row_to(&row, l.local);
		row_text(&row, TEXT_HEAD, ctx->utf8 ? "LPORT\xe2\x86\x92REMOTE" : "LPORT>REMOTE");
	} else {
		row_right(&row, l.pid_end, TEXT_HEAD, "PID");
		row_to(&row, l.process);
		row_text(&row, TEXT_HEAD, "COMM");
		row_to(&row, l.local);
		row_text(&row, TEXT_HEAD, "LOCAL");
		row_to(&row, l.remote);
		row_text(&row, TEXT_HEAD, "REMOTE");
	}
	row_right(&row, l.sent_end, TEXT_HEAD, "SENT");
	row_right(&row, l.received_end, TEXT_HEAD, "RCVD");
	row_right(&row, l.retransmits_end, TEXT_HEAD, "RETR");
	row_right(&row, l.rtt_end, TEXT_HEAD, "RTT");
	row_to(&row, l.cause);
	row_text(&row, TEXT_HEAD, "ENDED BY");
	if (!l.one_line)
		row_end(&row);
	row_to(&row, l.path);
	row_text(&row, TEXT_HEAD, "PATH");
	row_end(&row);
}

static void put_who(struct row *row, const struct layout *l, const struct lifecycle_connection *c,
		    const struct tcpw_tuple *t)
{
	enum text_color color = c->owner ? TEXT_PLAIN : TEXT_DIM;
	bool kernel = c->flags & TCPW_SOCK_KERNEL;
	char field[TEXT_FIELD];

	if (l->narrow) {
		row_to(row, l->process);
		text_process(field, row->ctx, c->owner, kernel, l->process_width);
		row_text(row, color, field);
		row_to(row, l->local);
		text_connection(field, row->ctx, t, false, l->endpoint_width);
		row_text(row, TEXT_PLAIN, field);
		return;
	}
	text_pid(field, c->owner);
	row_right(row, l->pid_end, color, field);
	row_to(row, l->process);
	text_comm(field, row->ctx, c->owner, kernel, l->process_width);
	row_text(row, color, field);
	row_to(row, l->local);
	text_endpoint(field, row->ctx, t->laddr, t->lport, false, l->endpoint_width);
	row_text(row, TEXT_PLAIN, field);
	row_to(row, l->arrow);
	row_text(row, TEXT_PLAIN, text_arrow(row->ctx));
	row_to(row, l->remote);
	text_endpoint(field, row->ctx, t->raddr, t->rport, false, l->endpoint_width);
	row_text(row, TEXT_PLAIN, field);
}

static void put_counts(struct row *row, const struct layout *l,
		       const struct lifecycle_connection *c)
{
	enum text_color dim = c->counted ? TEXT_PLAIN : TEXT_DIM;
	char sent[TEXT_FIELD] = "-", received[TEXT_FIELD] = "-", retransmits[TEXT_FIELD] = "-";
	char rtt[TEXT_FIELD] = "-";

	if (c->counted) {
		text_bytes(sent, c->bytes_sent);
		text_bytes(received, c->bytes_received);
		snprintf(retransmits, sizeof(retransmits), "%u", c->retransmits);
	}
	if (c->counted && c->srtt_us)
		text_duration(rtt, c->srtt_us * UINT64_C(1000));
	row_right(row, l->sent_end, dim, sent);
	row_right(row, l->received_end, dim, received);
	row_right(row, l->retransmits_end, c->counted && c->retransmits ? TEXT_ALARM : dim,
		  retransmits);
	row_right(row, l->rtt_end, c->counted && c->srtt_us ? TEXT_PLAIN : TEXT_DIM, rtt);
}

static void put_cause(struct row *row, const struct layout *l, enum tcpw_cause cause)
{
	enum text_color color = TEXT_PLAIN;

	if (cause == TCPW_CAUSE_RESET_RECEIVED || cause == TCPW_CAUSE_RESET_SENT ||
	    cause == TCPW_CAUSE_ABORT)
		color = TEXT_ALARM;
	else if (cause == TCPW_CAUSE_UNKNOWN)
		color = TEXT_DIM;
	row_to(row, l->cause);
	row_text(row, color, cause_name(cause));
}

static void put_step(struct row *row, enum tcpw_state state, const struct life_span *span,
		     const struct life_span *accept_wait)
{
	char field[TEXT_FIELD];

	row_text(row, text_state_color(state), state_name(state));
	row_text(row, TEXT_PLAIN, " ");
	text_span(field, span->known, span->exact, span->ns);
	row_text(row, span->known ? TEXT_PLAIN : TEXT_DIM, field);
	if (state != TCPW_ESTABLISHED || !accept_wait->known)
		return;
	text_duration(field, accept_wait->ns);
	row_text(row, TEXT_PLAIN, " (accept ");
	row_text(row, TEXT_PLAIN, field);
	row_text(row, TEXT_PLAIN, ")");
}

/* "SYN_SENT 213us › ESTABLISHED 1.3s › ...": with what is missing at either end said. */
static void put_path(struct row *row, const struct lifecycle_connection *c, const struct life *life,
		     bool pending)
{
	const char *chevron = text_chevron(row->ctx);

	if (c->began == LIFECYCLE_SNAPSHOT) {
		row_text(row, TEXT_DIM, row->ctx->utf8 ? "\xe2\x80\xa6 " : "... ");
		row_text(row, TEXT_PLAIN, chevron);
		row_text(row, TEXT_PLAIN, " ");
	}
	for (unsigned int i = 0; i < life->step_count; i++) {
		enum tcpw_state state = (enum tcpw_state)c->path[i];

		if (i > 0) {
			row_text(row, TEXT_PLAIN, " ");
			row_text(row, TEXT_PLAIN, chevron);
			row_text(row, TEXT_PLAIN, " ");
		}
		if (i + 1 == life->step_count && state == TCPW_TIME_WAIT && pending)
			row_text(row, text_state_color(state), state_name(state));
		else
			put_step(row, state, &life->steps[i], &life->accept_wait);
	}
	if (!c->complete)
		row_text(row, TEXT_ALARM, " (incomplete)");
}

void text_life_event(struct buffer *out, const struct view_context *ctx,
		     const struct lifecycle_event *event)
{
	const struct lifecycle_connection *c = event->connection;
	bool pending = event->u.life.time_wait_pending;
	struct layout l = layout_of(ctx);
	char field[TEXT_FIELD];
	struct life life;
	struct row row;

	if (!c)
		return;
	life = life_of(c, event->ts, pending);
	row_begin(&row, out, ctx);
	text_clock(field, ctx, event->ts);
	row_text(&row, TEXT_PLAIN, field);
	put_who(&row, &l, c, &event->tuple);
	put_counts(&row, &l, c);
	put_cause(&row, &l, (enum tcpw_cause)c->end_cause);
	if (!l.one_line)
		row_end(&row);
	row_to(&row, l.path);
	put_path(&row, c, &life, pending);
	row_end(&row);
}
