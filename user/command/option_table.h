/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table behind the command line; see options.h for what is made from it. */
#ifndef COMMAND_OPTION_TABLE_H
#define COMMAND_OPTION_TABLE_H

#include <stddef.h>

#include "command/options.h"

/* One value on its way into struct options. */
struct option_value {
	struct options *options;
	const char *name; /* of the option, with its dashes, for messages */
	const char *text;
	char *error;
	size_t error_size;
};

struct option_spec {
	const char *name;     /* long, without dashes */
	char letter;          /* 0: none */
	unsigned int group;   /* enum option_group; 0: every command takes it */
	const char *argument; /* what help calls its value; NULL: takes none */
	const char *choices;  /* words it may be, separated by blanks, for completions; NULL: any */
	const char *text;
	int (*set)(struct option_value *value); /* 0 or -EINVAL with the error written */
};

extern const struct option_spec option_specs[];
extern const size_t option_spec_count;

/* Titles of groups, in the order help shows them; the one without bits is for every command. */
struct option_heading {
	unsigned int groups;
	const char *title;
	const char *note; /* NULL: none */
};

extern const struct option_heading option_headings[];
extern const size_t option_heading_count;

/* Writes the error and returns -EINVAL. */
int option_fail(const struct option_value *value, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Setters that take a value apart: user/command/option_values.c. */
int option_set_output(struct option_value *value);
int option_set_color(struct option_value *value);
int option_set_duration(struct option_value *value);
int option_set_interval(struct option_value *value);
int option_set_count(struct option_value *value);
int option_set_ring_size(struct option_value *value);
int option_set_max_connections(struct option_value *value);
int option_set_max_half_open(struct option_value *value);
/* user/command/option_filters.c */
int option_set_port(struct option_value *value);
int option_set_lport(struct option_value *value);
int option_set_rport(struct option_value *value);
int option_set_addr(struct option_value *value);
int option_set_laddr(struct option_value *value);
int option_set_raddr(struct option_value *value);
int option_set_pid(struct option_value *value);
int option_set_comm(struct option_value *value);
int option_set_cgroup(struct option_value *value);
int option_set_netns(struct option_value *value);
int option_set_state(struct option_value *value);
int option_set_role(struct option_value *value);
int option_set_family(struct option_value *value);

/* user/command/option_stack.c */
int option_set_service(struct option_value *value);
int option_set_send(struct option_value *value);
int option_set_receive(struct option_value *value);
int option_set_serve(struct option_value *value);
int option_set_bytes(struct option_value *value);
int option_set_close(struct option_value *value);
int option_set_pause(struct option_value *value);
int option_set_stall(struct option_value *value);
int option_set_urgent(struct option_value *value);
int option_set_connections(struct option_value *value);
int option_set_time_wait(struct option_value *value);
int option_set_device(struct option_value *value);
int option_set_in_netns(struct option_value *value);
int option_set_own_addr(struct option_value *value);
int option_set_host_addr(struct option_value *value);
int option_set_mtu(struct option_value *value);
int option_set_impair(struct option_value *value);
int option_set_local_port(struct option_value *value);
int option_set_personality(struct option_value *value);
int option_set_congestion(struct option_value *value);
int option_set_with(struct option_value *value);
int option_set_without(struct option_value *value);
int option_set_mss(struct option_value *value);
int option_set_buffer(struct option_value *value);
int option_set_backlog(struct option_value *value);
int option_set_keepalive(struct option_value *value);
int option_set_user_timeout(struct option_value *value);
/* listen [PORT], connect ADDR:PORT, connect http://ADDR[:PORT]/PATH */
int option_stack_operand(struct option_value *value, unsigned int index);
#define OPTION_STACK_WITHOUT "sack timestamps window-scaling ecn nagle delayed-ack mtu-probing"
#define OPTION_STACK_WITH "fast-open syn-cookies"

/* A decimal number with nothing before or behind it. 0 or -EINVAL. */
int option_number(const char *text, size_t len, uint64_t *out);

#endif
