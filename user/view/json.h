/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the JSON writers share. Each writes at `p`, for which there is room, and returns its end. */
#ifndef VIEW_JSON_H
#define VIEW_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "view/view.h"

/* A string whose bytes come from outside, in quotes; at most six times as long, and two. */
char *json_put_outside(char *p, const char *s, size_t len);

/* `{` and the keys that every object begins with, the event's name last. */
char *json_put_head(char *p, const struct view_context *ctx, uint64_t ts, const char *event);
#define JSON_HEAD_MAX 1024

/* An address in quotes. */
char *json_put_address(char *p, const uint8_t address[16]);

#endif
