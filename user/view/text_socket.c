/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `snapshot`: a socket a line in the order of `ss -tanp`, with the age of its state. The queues of
 * a listener are its accept queue: how many wait and how many may.
 */
#include <stdio.h>
#include <string.h>

#include "lifecycle/names.h"
#include "view/text.h"

#define NARROW_COLUMNS 100
#define ENDPOINT_MIN 21 /* 255.255.255.255:65535 */
#define ENDPOINT_MAX 47
#define PROCESS_MIN 15
#define PROCESS_MAX 23

struct layout {
	unsigned int rx_end, tx_end, local, peer, endpoint_width;
	unsigned int age_end, timer_end, process, process_width;
};

static struct layout layout_of(const struct view_context *ctx)
{
	struct layout l = {.rx_end = 19, .tx_end = 26, .local = 27};
	unsigned int extra = ctx->columns > NARROW_COLUMNS ? ctx->columns - NARROW_COLUMNS : 0;
	unsigned int process = PROCESS_MAX - PROCESS_MIN, width;

	if (process > extra)
		process = extra;
	width = ENDPOINT_MIN + (extra - process) / 2;
	if (width > ENDPOINT_MAX)
		width = ENDPOINT_MAX;
	l.peer = l.local + width + 1;
	l.age_end = l.peer + width + 7;
	l.timer_end = l.age_end + 7;
	l.process = l.timer_end + 1;
	/* In a file nothing is shortened. */
	if (ctx->columns > 0) {
		l.endpoint_width = width;
		l.process_width = PROCESS_MIN + process;
	}
	return l;
}

void text_socket_head(struct buffer *out, const struct view_context *ctx)
{
	struct layout l = layout_of(ctx);
	struct row row;

	row_begin(&row, out, ctx);
	row_text(&row, TEXT_HEAD, "STATE");
	row_right(&row, l.rx_end, TEXT_HEAD, "RECV-Q");
	row_right(&row, l.tx_end, TEXT_HEAD, "SEND-Q");
	row_to(&row, l.local);
	row_text(&row, TEXT_HEAD, "LOCAL");
	row_to(&row, l.peer);
	row_text(&row, TEXT_HEAD, "PEER");
	row_right(&row, l.age_end, TEXT_HEAD, "AGE");
	row_right(&row, l.timer_end, TEXT_HEAD, "TIMER");
	row_to(&row, l.process);
	row_text(&row, TEXT_HEAD, "COMM/PID");
	row_end(&row);
}

/* A queue that is full, or holds what a process has not read, stands out. */
static void put_queues(struct row *row, const struct layout *l, const struct tcpw_socket *s)
{
	bool listener = s->state == TCPW_LISTEN;
	bool full = listener && s->rx_queue > s->tx_queue;
	char rx[TEXT_FIELD] = "-", tx[TEXT_FIELD] = "-";

	if (s->mini == 0) {
		snprintf(rx, sizeof(rx), "%u", s->rx_queue);
		snprintf(tx, sizeof(tx), "%u", s->tx_queue);
	}
	row_right(row, l->rx_end, full ? TEXT_ALARM : TEXT_PLAIN, rx);
	row_right(row, l->tx_end, TEXT_PLAIN, tx);
}

static void put_ends(struct row *row, const struct layout *l, const struct tcpw_socket *s)
{
	bool listener = s->state == TCPW_LISTEN;
	char field[TEXT_FIELD];

	row_to(row, l->local);
	text_endpoint(field, row->ctx, s->tuple.laddr, s->tuple.lport, listener, l->endpoint_width);
	row_text(row, TEXT_PLAIN, field);
	row_to(row, l->peer);
	text_endpoint(field, row->ctx, s->tuple.raddr, s->tuple.rport, false, l->endpoint_width);
	row_text(row, TEXT_PLAIN, listener ? "-" : field);
}

void text_socket(struct buffer *out, const struct view_context *ctx, const struct view_socket *s)
{
	const struct tcpw_socket *socket = s->socket;
	enum tcpw_state state = tcpw_state_from_kernel(socket->state);
	bool timer = socket->timer_ns != TCPW_NO_TIMER;
	struct layout l = layout_of(ctx);
	char field[TEXT_FIELD];
	struct row row;

	row_begin(&row, out, ctx);
	row_text(&row, text_state_color(state), state_name(state));
	put_queues(&row, &l, socket);
	put_ends(&row, &l, socket);
	text_span(field, s->age_known, true, s->age_ns);
	row_right(&row, l.age_end, s->age_known ? TEXT_PLAIN : TEXT_DIM, field);
	text_span(field, timer, true, socket->timer_ns);
	row_right(&row, l.timer_end, timer ? TEXT_PLAIN : TEXT_DIM, field);
	row_to(&row, l.process);
	text_process(field, ctx, s->owner, socket->flags & TCPW_SOCK_KERNEL, l.process_width);
	row_text(&row, s->owner ? TEXT_PLAIN : TEXT_DIM, field);
	row_end(&row);
}
