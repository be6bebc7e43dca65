/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of text in columns. A row knows how far it has come on the screen, whatever bytes and
 * colours that took.
 */
#ifndef VIEW_TEXT_H
#define VIEW_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "view/view.h"

enum text_color {
	TEXT_PLAIN,
	TEXT_HANDSHAKE,
	TEXT_OPEN,
	TEXT_CLOSING,
	TEXT_OVER,
	TEXT_ALARM,
	TEXT_DIM,
	TEXT_HEAD,
};

struct row {
	struct buffer *out;
	const struct view_context *ctx;
	unsigned int at; /* the column where the next character goes */
};

void row_begin(struct row *row, struct buffer *out, const struct view_context *ctx);
void row_end(struct row *row);

/* Moves on to a column; at least one blank when it has been passed already. */
void row_to(struct row *row, unsigned int column);

/* Text that is safe to show, as far as the row is concerned of any width. */
void row_text(struct row *row, enum text_color color, const char *text);

/* The same, ending at a column. */
void row_right(struct row *row, unsigned int end, enum text_color color, const char *text);

/* Letters that ASCII lacks, each one column wide. */
const char *text_arrow(const struct view_context *ctx);
const char *text_chevron(const struct view_context *ctx);

/*
 * Shortens text in its middle to `width` columns; `tail` bytes at the end stay (a port). Works in
 * place, the text holding valid UTF-8. A width of 0 leaves all of it.
 */
void text_shorten(char *text, size_t size, unsigned int width, size_t tail,
		  const struct view_context *ctx);

#define TEXT_FIELD 160 /* room for any field below */

/* Three or four digits and a unit: "213us", "1.3s", "2m03s", "12d". */
void text_duration(char out[TEXT_FIELD], uint64_t ns);

/* The same with '>' before a lower bound and "-" for what is not known. */
void text_span(char out[TEXT_FIELD], bool known, bool exact, uint64_t ns);

/* "999B", "1.2kB", "56.7MB" */
void text_bytes(char out[TEXT_FIELD], uint64_t bytes);

/* hh:mm:ss.ffffff of an event */
void text_clock(char out[TEXT_FIELD], const struct view_context *ctx, uint64_t mono_ns);

/* "10.0.0.5:80", "[::1]:80"; "-" for a part that is not known, or for all of it. */
void text_endpoint(char out[TEXT_FIELD], const struct view_context *ctx, const uint8_t address[16],
		   uint16_t port, bool any, unsigned int width);

/* The name of a process with every byte made visible; "-" when not known. */
void text_comm(char out[TEXT_FIELD], const struct view_context *ctx,
	       const struct lifecycle_owner *owner, bool kernel, unsigned int width);

void text_pid(char out[TEXT_FIELD], const struct lifecycle_owner *owner);

/* "nginx/1234": of the two the name is shortened. */
void text_process(char out[TEXT_FIELD], const struct view_context *ctx,
		  const struct lifecycle_owner *owner, bool kernel, unsigned int width);

/* ":43210→10.0.0.9:443": where there is no room, this host's address is what can be left out. */
void text_connection(char out[TEXT_FIELD], const struct view_context *ctx,
		     const struct tcpw_tuple *t, bool listener, unsigned int width);

enum text_color text_state_color(enum tcpw_state state);

#endif
