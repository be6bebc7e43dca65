/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `trace`: a line an event. All of it takes 138 columns; a narrower terminal gets the process and
 * the connection in one column each, without this host's address.
 */
#include <stdio.h>
#include <string.h>

#include "lifecycle/names.h"
#include "view/text.h"

#define WIDE_COLUMNS 138
#define NARROW_COLUMNS 100
#define PROCESS_MAX 23  /* 15 bytes of name, a slash, 7 digits */
#define ENDPOINT_MIN 21 /* 255.255.255.255:65535 */
#define ENDPOINT_MAX 47
#define STATES_WIDE 26 /* SYN_RECEIVED, arrow, ESTABLISHED */
#define STATES_NARROW 24
#define DWELL 6
#define CAUSE_COLUMNS 18

/* Where each column begins. */
struct layout {
	bool narrow;
	unsigned int pid_end, process, process_width;
	unsigned int local, arrow, remote, endpoint_width;
	unsigned int states, dwell_end, cause, cause_width;
};

static struct layout narrow_layout(unsigned int columns)
{
	unsigned int extra = columns > NARROW_COLUMNS ? columns - NARROW_COLUMNS : 0;
	struct layout l = {.narrow = true, .process = 16, .process_width = 11};
	unsigned int process = PROCESS_MAX - l.process_width;

	if (process > extra)
		process = extra;
	l.process_width += process;
	l.endpoint_width = 22 + extra - process;
	l.local = l.process + l.process_width + 1;
	l.states = l.local + l.endpoint_width + 1;
	l.dwell_end = l.states + STATES_NARROW + DWELL;
	l.cause = l.dwell_end + 1;
	l.cause_width = 18;
	return l;
}

static struct layout layout_of(const struct view_context *ctx)
{
	struct layout l = {.pid_end = 23, .process = 24, .process_width = 15, .local = 40};
	unsigned int width = ENDPOINT_MIN;

	if (ctx->columns > 0 && ctx->columns < WIDE_COLUMNS)
		return narrow_layout(ctx->columns);
	if (ctx->columns > 0)
		width += (ctx->columns - WIDE_COLUMNS) / 2;
	if (width > ENDPOINT_MAX)
		width = ENDPOINT_MAX;
	l.arrow = l.local + width + 1;
	l.remote = l.arrow + 2;
	l.states = l.remote + width + 1;
	l.dwell_end = l.states + STATES_WIDE + 1 + DWELL;
	l.cause = l.dwell_end + 1;
	/* In a file nothing is shortened. */
	l.endpoint_width = ctx->columns > 0 ? width : 0;
	return l;
}

void text_trace_head(struct buffer *out, const struct view_context *ctx)
{
	struct layout l = layout_of(ctx);
	struct row row;
	char states[32];

	row_begin(&row, out, ctx);
	row_text(&row, TEXT_HEAD, "TIME");
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
	row_to(&row, l.states);
	snprintf(states, sizeof(states), l.narrow ? "OLD%sNEW" : "OLD %s NEW", text_arrow(ctx));
	row_text(&row, TEXT_HEAD, states);
	row_right(&row, l.dwell_end, TEXT_HEAD, "IN OLD");
	row_to(&row, l.cause);
	row_text(&row, TEXT_HEAD, "CAUSE");
	row_end(&row);
}

static void put_process(struct row *row, const struct layout *l,
			const struct lifecycle_connection *c)
{
	const struct lifecycle_owner *owner = c ? c->owner : NULL;
	enum text_color color = owner ? TEXT_PLAIN : TEXT_DIM;
	bool kernel = c && (c->flags & TCPW_SOCK_KERNEL);
	char field[TEXT_FIELD];

	if (l->narrow) {
		text_process(field, row->ctx, owner, kernel, l->process_width);
	} else {
		text_pid(field, owner);
		row_right(row, l->pid_end, color, field);
		text_comm(field, row->ctx, owner, kernel, l->process_width);
	}
	row_to(row, l->process);
	row_text(row, color, field);
}

static void put_addresses(struct row *row, const struct layout *l, const struct tcpw_tuple *t,
			  bool listener)
{
	char field[TEXT_FIELD];

	row_to(row, l->local);
	if (l->narrow) {
		text_connection(field, row->ctx, t, listener, l->endpoint_width);
		row_text(row, TEXT_PLAIN, field);
		return;
	}
	text_endpoint(field, row->ctx, t->laddr, t->lport, listener, l->endpoint_width);
	row_text(row, TEXT_PLAIN, field);
	if (listener)
		return;
	row_to(row, l->arrow);
	row_text(row, TEXT_PLAIN, text_arrow(row->ctx));
	row_to(row, l->remote);
	text_endpoint(field, row->ctx, t->raddr, t->rport, false, l->endpoint_width);
	row_text(row, TEXT_PLAIN, field);
}

static void put_state(struct row *row, enum tcpw_state state)
{
	row_text(row, text_state_color(state),
		 state == TCPW_STATE_UNKNOWN ? "?" : state_name(state));
}

static void put_dwell(struct row *row, const struct layout *l, bool known, bool exact, uint64_t ns)
{
	char field[TEXT_FIELD];

	text_span(field, known, exact, ns);
	row_right(row, l->dwell_end, known ? TEXT_PLAIN : TEXT_DIM, field);
}

static void put_cause(struct row *row, const struct layout *l, enum text_color color,
		      const char *cause)
{
	char field[TEXT_FIELD];

	snprintf(field, sizeof(field), "%s", cause);
	text_shorten(field, sizeof(field), l->cause_width, 0, row->ctx);
	row_to(row, l->cause);
	row_text(row, color, field);
}

static bool is_reset(enum tcpw_cause cause)
{
	return cause == TCPW_CAUSE_RESET_RECEIVED || cause == TCPW_CAUSE_RESET_SENT ||
	       cause == TCPW_CAUSE_ABORT;
}

static void put_transition(struct row *row, const struct layout *l,
			   const struct lifecycle_event *event)
{
	enum tcpw_cause cause = event->u.transition.cause;
	enum text_color color = TEXT_PLAIN;

	put_state(row, event->u.transition.old_state);
	if (!l->narrow)
		row_text(row, TEXT_PLAIN, " ");
	row_text(row, TEXT_PLAIN, text_arrow(row->ctx));
	if (!l->narrow)
		row_text(row, TEXT_PLAIN, " ");
	put_state(row, event->u.transition.new_state);
	put_dwell(row, l, event->u.transition.dwell_known, event->u.transition.dwell_exact,
		  event->u.transition.dwell_ns);
	if (is_reset(cause))
		color = TEXT_ALARM;
	else if (cause == TCPW_CAUSE_UNKNOWN)
		color = TEXT_DIM;
	put_cause(row, l, color, cause_name(cause));
	if (event->u.transition.clause && !l->narrow) {
		row_to(row, l->cause + CAUSE_COLUMNS);
		row_text(row, TEXT_DIM, event->u.transition.clause);
	}
}

static void put_retransmit(struct row *row, const struct layout *l,
			   const struct lifecycle_event *event)
{
	put_state(row, event->u.retransmit.state);
	row_text(row, TEXT_ALARM, " retransmit");
	put_cause(row, l, TEXT_PLAIN, retransmit_kind_name(event->u.retransmit.kind));
}

static void put_reset(struct row *row, const struct layout *l, const struct lifecycle_event *event)
{
	const struct view_names *names = &row->ctx->names;
	uint32_t reason = event->u.reset.reason;
	char number[24], field[TEXT_FIELD];
	const char *name = NULL;

	if (event->u.reset.state != TCPW_STATE_UNKNOWN) {
		put_state(row, event->u.reset.state);
		row_text(row, TEXT_PLAIN, " ");
	}
	row_text(row, TEXT_ALARM,
		 event->u.reset.direction == TCPW_SENT ? "RST sent" : "RST received");
	if (reason == TCPW_REASON_UNKNOWN) {
		put_cause(row, l, TEXT_DIM, "-");
		return;
	}
	if (names->reset_reason)
		name = names->reset_reason(names->arg, reason);
	snprintf(number, sizeof(number), "reason %u", reason);
	snprintf(field, sizeof(field), "%s", name ? name : number);
	put_cause(row, l, TEXT_PLAIN, field);
}

static void put_lost(struct row *row, const struct layout *l, const struct lifecycle_event *event)
{
	char note[48];

	snprintf(note, sizeof(note), "%llu events lost", (unsigned long long)event->u.lost.count);
	row_text(row, TEXT_ALARM, note);
	put_cause(row, l, TEXT_PLAIN, event->u.lost.stage ? event->u.lost.stage : "-");
}

void text_trace_event(struct buffer *out, const struct view_context *ctx,
		      const struct lifecycle_event *event)
{
	const struct lifecycle_connection *c = event->connection;
	struct layout l = layout_of(ctx);
	char field[TEXT_FIELD];
	struct row row;

	row_begin(&row, out, ctx);
	text_clock(field, ctx, event->ts);
	row_text(&row, TEXT_PLAIN, field);
	if (event->kind != LIFECYCLE_LOST) {
		put_process(&row, &l, c);
		put_addresses(&row, &l, &event->tuple, c && c->role == TCPW_ROLE_LISTENER);
	}
	row_to(&row, l.states);
	switch (event->kind) {
	case LIFECYCLE_TRANSITION:
		put_transition(&row, &l, event);
		break;
	case LIFECYCLE_RETRANSMIT:
		put_retransmit(&row, &l, event);
		break;
	case LIFECYCLE_RESET:
		put_reset(&row, &l, event);
		break;
	case LIFECYCLE_ACCEPT:
		row_text(&row, TEXT_PLAIN, "accepted");
		put_dwell(&row, &l, event->u.accept.wait_known, true, event->u.accept.wait_ns);
		put_cause(&row, &l, TEXT_PLAIN, "accept queue");
		break;
	case LIFECYCLE_LOST:
		put_lost(&row, &l, event);
		break;
	case LIFECYCLE_LIFE:
		row_text(&row, TEXT_PLAIN, "over");
		put_cause(&row, &l, TEXT_PLAIN,
			  c ? cause_name((enum tcpw_cause)c->end_cause) : "-");
		break;
	}
	row_end(&row);
}
