/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of the filters: lists, of which the kernel programs hold eight of a kind. */
#include "command/option_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lifecycle/names.h"

#define PID_MAX (1u << 22) /* the kernel's PID_MAX_LIMIT on 64 bits */
#define ITEM_MAX 64

/* Calls `set` with each item of a list like "80,443", copied and terminated. */
static int each_item(struct option_value *value,
		     int (*set)(struct option_value *value, const char *item, unsigned int arg),
		     unsigned int arg)
{
	const char *rest = value->text;

	for (;;) {
		size_t len = strcspn(rest, ",");
		char item[ITEM_MAX];
		int r;

		if (len == 0)
			return option_fail(value, "empty value in '%s' for '%s'", value->text,
					   value->name);
		/* Nothing that is valid is as long: what remains names it well enough. */
		snprintf(item, sizeof(item), "%.*s", (int)len, rest);
		r = set(value, item, arg);
		if (r < 0)
			return r;
		if (!rest[len])
			return 0;
		rest += len + 1;
	}
}

static int too_many(const struct option_value *value, const char *what)
{
	return option_fail(value, "too many %s at '%s %s': %d at most", what, value->name,
			   value->text, TCPW_FILTER_VALUES);
}

static int add_port(struct option_value *value, const char *item, unsigned int ends)
{
	struct tcpw_filter *filter = &value->options->filter;
	uint64_t port;

	if (option_number(item, strlen(item), &port) < 0 || port < 1 || port > 65535)
		return option_fail(value,
				   "invalid port '%s' for '%s': give a number from 1 to 65535",
				   item, value->name);
	if (filter->ports == TCPW_FILTER_VALUES)
		return too_many(value, "ports");
	filter->port[filter->ports].port = (__u16)port;
	filter->port[filter->ports++].ends = (__u16)ends;
	return 0;
}

int option_set_port(struct option_value *value)
{
	return each_item(value, add_port, TCPW_END_LOCAL | TCPW_END_REMOTE);
}

int option_set_lport(struct option_value *value)
{
	return each_item(value, add_port, TCPW_END_LOCAL);
}

int option_set_rport(struct option_value *value)
{
	return each_item(value, add_port, TCPW_END_REMOTE);
}

/* Reads "address[/length]"; IPv4 as ::ffff:a.b.c.d, its length 96 more. */
static int parse_cidr(const char *text, struct tcpw_filter_addr *out)
{
	char address[ITEM_MAX];
	size_t len = strcspn(text, "/");
	uint64_t bits, shift = 0;

	snprintf(address, sizeof(address), "%.*s", (int)len, text);
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, out->addr + 12) == 1) {
		memset(out->addr + 10, 0xff, 2);
		shift = 96;
	} else if (inet_pton(AF_INET6, address, out->addr) != 1) {
		return -EINVAL;
	}
	bits = 128 - shift;
	if (text[len] && (option_number(text + len + 1, strlen(text + len + 1), &bits) < 0 ||
			  bits > 128 - shift))
		return -EINVAL;
	bits += shift;
	for (uint64_t i = 0; i < 16; i++) {
		uint64_t here = bits < 8 * i ? 0 : bits - 8 * i;

		out->mask[i] = here >= 8 ? 0xff : (__u8)(0xff00 >> here);
		out->addr[i] &= out->mask[i];
	}
	return 0;
}

static int add_addr(struct option_value *value, const char *item, unsigned int ends)
{
	struct tcpw_filter *filter = &value->options->filter;
	struct tcpw_filter_addr addr;

	if (parse_cidr(item, &addr) < 0)
		return option_fail(value,
				   "malformed address '%s' for '%s': give one like 10.0.0.0/8, "
				   "192.0.2.1, ::1 or fe80::/10",
				   item, value->name);
	if (filter->addrs == TCPW_FILTER_VALUES)
		return too_many(value, "addresses");
	addr.ends = ends;
	filter->addr[filter->addrs++] = addr;
	return 0;
}

int option_set_addr(struct option_value *value)
{
	return each_item(value, add_addr, TCPW_END_LOCAL | TCPW_END_REMOTE);
}

int option_set_laddr(struct option_value *value)
{
	return each_item(value, add_addr, TCPW_END_LOCAL);
}

int option_set_raddr(struct option_value *value)
{
	return each_item(value, add_addr, TCPW_END_REMOTE);
}

static int add_pid(struct option_value *value, const char *item, unsigned int arg)
{
	struct tcpw_filter *filter = &value->options->filter;
	uint64_t pid;

	(void)arg;
	if (option_number(item, strlen(item), &pid) < 0 || pid < 1 || pid > PID_MAX)
		return option_fail(value,
				   "invalid process id '%s' for '%s': give a number from 1 to %u",
				   item, value->name, PID_MAX);
	if (filter->pids == TCPW_FILTER_VALUES)
		return too_many(value, "process ids");
	filter->pid[filter->pids++] = (__u32)pid;
	return 0;
}

int option_set_pid(struct option_value *value)
{
	return each_item(value, add_pid, 0);
}

/* The kernel keeps 15 bytes of a name, so no more of it can be asked for. */
static int add_comm(struct option_value *value, const char *item, unsigned int arg)
{
	struct tcpw_filter *filter = &value->options->filter;
	size_t len = strnlen(item, TCPW_COMM_LEN - 1);

	(void)arg;
	if (filter->comms == TCPW_FILTER_VALUES)
		return too_many(value, "names");
	memcpy(filter->comm[filter->comms++], item, len);
	return 0;
}

int option_set_comm(struct option_value *value)
{
	return each_item(value, add_comm, 0);
}

/* Paths may hold commas: no list. */
int option_set_cgroup(struct option_value *value)
{
	struct options *o = value->options;
	uint64_t id;

	if (!*value->text)
		return option_fail(value, "empty value for '%s': give a path or an id",
				   value->name);
	if (o->filter.cgroups + o->cgroup_path_count == TCPW_FILTER_VALUES)
		return too_many(value, "cgroups");
	if (option_number(value->text, strlen(value->text), &id) < 0)
		o->cgroup_paths[o->cgroup_path_count++] = value->text;
	else if (id == 0)
		return option_fail(value, "invalid cgroup id '%s' for '%s': ids begin at 1",
				   value->text, value->name);
	else
		o->filter.cgroup[o->filter.cgroups++] = id;
	return 0;
}

static int add_netns(struct option_value *value, const char *item, unsigned int arg)
{
	struct options *o = value->options;
	uint64_t inode;

	(void)arg;
	if (option_number(item, strlen(item), &inode) < 0 || inode < 1 || inode > UINT32_MAX)
		return option_fail(value,
				   "invalid namespace '%s' for '%s': give its inode number, as "
				   "`lsns -t net` shows it, a name or a path",
				   item, value->name);
	if (o->filter.netnses + o->netns_name_count == TCPW_FILTER_VALUES)
		return too_many(value, "namespaces");
	o->filter.netns[o->filter.netnses++] = (__u32)inode;
	return 0;
}

int option_set_netns(struct option_value *value)
{
	struct options *o = value->options;
	const char *text = value->text;

	if (!text[strspn(text, "0123456789,")])
		return each_item(value, add_netns, 0);
	if (o->filter.netnses + o->netns_name_count == TCPW_FILTER_VALUES)
		return too_many(value, "namespaces");
	o->netns_names[o->netns_name_count++] = text;
	return 0;
}

static int add_state(struct option_value *value, const char *item, unsigned int arg)
{
	enum tcpw_state state = state_parse(item);

	(void)arg;
	if (state == TCPW_STATE_UNKNOWN)
#define X(id, kernel, rfc, label, ss, node, otel) " " rfc
		return option_fail(value,
				   "unknown state '%s' for '%s': the states are" TCPW_STATES(X),
				   item, value->name);
#undef X
	value->options->states |= 1u << state;
	return 0;
}

int option_set_state(struct option_value *value)
{
	return each_item(value, add_state, 0);
}

static int add_role(struct option_value *value, const char *item, unsigned int arg)
{
	(void)arg;
	for (unsigned int role = 0; role < TCPW_ROLE_COUNT; role++) {
		if (!strcasecmp(item, role_name((enum tcpw_role)role))) {
			value->options->filter.roles |= 1u << role;
			return 0;
		}
	}
	return option_fail(value,
			   "unknown role '%s' for '%s': try 'active', 'passive', 'listener' or "
			   "'unknown'",
			   item, value->name);
}

int option_set_role(struct option_value *value)
{
	return each_item(value, add_role, 0);
}

static int add_family(struct option_value *value, const char *item, unsigned int arg)
{
	static const struct {
		const char *word;
		unsigned int bit;
	} words[] = {{"ipv4", 1}, {"4", 1}, {"inet", 1}, {"ipv6", 2}, {"6", 2}, {"inet6", 2}};

	(void)arg;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcasecmp(item, words[i].word)) {
			value->options->filter.families |= words[i].bit;
			return 0;
		}
	}
	return option_fail(value, "unknown family '%s' for '%s': try 'ipv4' or 'ipv6'", item,
			   value->name);
}

int option_set_family(struct option_value *value)
{
	return each_item(value, add_family, 0);
}
