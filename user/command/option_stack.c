/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of the options of `stack`, and its operands. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command/option_table.h"

#define BYTES_MAX (UINT64_C(1) << 50)
#define HTTP_PORT 80
/* Linux sends no segment of less than 48 octets (tcp_min_snd_mss) but in fragments. */
#define MTU_MIN 88

/* Words that are a name each, in a list. */
struct choice {
	const char *name;
	bool *to;
	bool value;
};

static int unknown_word(struct option_value *value, const char *choices)
{
	return option_fail(value, "unknown word '%s' for '%s': try one of: %s", value->text,
			   value->name, choices);
}

static int set_time(struct option_value *value, const char *text, size_t len, reftcp_time *out)
{
	char copy[32], *end;
	double seconds;

	if (!len || len >= sizeof(copy) || strspn(text, "0123456789.") < len)
		return option_fail(value,
				   "invalid time '%s' for '%s': give seconds, as in '%s 2.5'",
				   value->text, value->name, value->name);
	memcpy(copy, text, len);
	copy[len] = 0;
	seconds = strtod(copy, &end);
	if (*end || end == copy || seconds > 1e6)
		return option_fail(value,
				   "invalid time '%s' for '%s': give seconds, at most 1000000",
				   value->text, value->name);
	*out = (reftcp_time)(seconds * 1e9 + 0.5);
	return 0;
}

static int set_count(struct option_value *value, uint64_t least, uint64_t most, uint64_t *out)
{
	if (option_number(value->text, strlen(value->text), out) < 0 || *out < least || *out > most)
		return option_fail(
			value,
			"invalid number '%s' for '%s': give a whole number from %llu to %llu",
			value->text, value->name, (unsigned long long)least,
			(unsigned long long)most);
	return 0;
}

/* With K, M or G behind it. */
static int set_bytes(struct option_value *value, uint64_t least, uint64_t most, uint64_t *out)
{
	static const char units[] = "KMG";
	size_t len = strlen(value->text);
	const char *unit = len ? strchr(units, value->text[len - 1]) : NULL;

	if (option_number(value->text, unit ? len - 1 : len, out) == 0 && *out <= BYTES_MAX) {
		*out <<= unit ? 10 * (unit - units + 1) : 0;
		if (*out >= least && *out <= most)
			return 0;
	}
	return option_fail(value,
			   "invalid size '%s' for '%s': give %llu to %llu, or as in '%s 64K'",
			   value->text, value->name, (unsigned long long)least,
			   (unsigned long long)most, value->name);
}

/* ---- what is done with a connection ---- */

int option_set_service(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;

	s->service_given = true;
	return stack_service_by_name(value->text, &s->service)
		       ? 0
		       : unknown_word(value, "echo, discard, source, file, http");
}

int option_set_send(struct option_value *value)
{
	value->options->stack.send = value->text;
	return 0;
}

int option_set_receive(struct option_value *value)
{
	value->options->stack.receive = value->text;
	return 0;
}

int option_set_serve(struct option_value *value)
{
	value->options->stack.serve = value->text;
	return 0;
}

int option_set_bytes(struct option_value *value)
{
	return set_bytes(value, 1, BYTES_MAX, &value->options->stack.bytes);
}

int option_set_close(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;

	s->close_given = true;
	return stack_close_by_name(value->text, &s->close)
		       ? 0
		       : unknown_word(value, "sent, peer, never, abort");
}

int option_set_pause(struct option_value *value)
{
	return set_time(value, value->text, strlen(value->text), &value->options->stack.pause);
}

int option_set_stall(struct option_value *value)
{
	return set_time(value, value->text, strlen(value->text), &value->options->stack.stall);
}

int option_set_urgent(struct option_value *value)
{
	value->options->stack.urgent = true;
	return 0;
}

int option_set_connections(struct option_value *value)
{
	return set_count(value, 1, UINT32_MAX, &value->options->stack.connections);
}

int option_set_time_wait(struct option_value *value)
{
	return set_time(value, value->text, strlen(value->text), &value->options->stack.time_wait);
}

/* ---- the link ---- */

int option_set_device(struct option_value *value)
{
	size_t len = strlen(value->text);

	if (!len || len > TUN_NAME_MAX || strpbrk(value->text, "/:% \t\n") ||
	    !strcmp(value->text, ".") || !strcmp(value->text, ".."))
		return option_fail(value,
				   "invalid name '%s' for '%s': give 1 to %d characters, as in "
				   "'%s tcpw1'",
				   value->text, value->name, TUN_NAME_MAX, value->name);
	value->options->stack.device = value->text;
	return 0;
}

int option_set_in_netns(struct option_value *value)
{
	value->options->stack.netns = value->text;
	return 0;
}

/* Into `byte`; returns 4, 6 or 0. */
static uint8_t read_address(const char *text, size_t len, uint8_t byte[16])
{
	char copy[INET6_ADDRSTRLEN];

	if (len >= sizeof(copy))
		return 0;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (inet_pton(AF_INET, copy, byte) == 1)
		return 4;
	return inet_pton(AF_INET6, copy, byte) == 1 ? 6 : 0;
}

/*
 * The first address given puts the defaults of both families aside: somebody who asks for IPv4
 * alone shall not get IPv6 too.
 */
int option_set_own_addr(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;
	struct reftcp_addr addr = {0};

	addr.family = read_address(value->text, strlen(value->text), addr.byte);
	if (!addr.family)
		return option_fail(value, "invalid address '%s' for '%s': as in '%s 198.18.0.2'",
				   value->text, value->name, value->name);
	if (!s->own_given)
		memset(s->own, 0, sizeof(s->own));
	s->own_given = true;
	s->own[addr.family == 6] = addr;
	return 0;
}

int option_set_host_addr(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;
	struct tun_address addr = {0};
	const char *slash = strchr(value->text, '/');
	uint64_t prefix = 0;

	if (slash)
		addr.family = read_address(value->text, (size_t)(slash - value->text), addr.byte);
	if (!addr.family || option_number(slash + 1, strlen(slash + 1), &prefix) < 0 || !prefix ||
	    prefix > (addr.family == 4 ? 32 : 128))
		return option_fail(value, "invalid network '%s' for '%s': as in '%s 198.18.0.1/30'",
				   value->text, value->name, value->name);
	addr.prefix = (uint8_t)prefix;
	if (!s->host_given)
		memset(s->host, 0, sizeof(s->host));
	s->host_given = true;
	s->host[addr.family == 6] = addr;
	return 0;
}

int option_set_mtu(struct option_value *value)
{
	uint64_t mtu;
	int err = set_count(value, MTU_MIN, 65535, &mtu);

	if (!err)
		value->options->stack.tcp.mtu = (uint32_t)mtu;
	return err;
}

int option_set_impair(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;
	char error[128];

	if (impair_parse(value->text, &s->in, &s->out, error, sizeof(error)))
		return option_fail(value, "%s of '%s': as in '%s loss=1%%,delay=20ms,seed=7'",
				   error, value->name, value->name);
	return 0;
}

/* ---- the stack ---- */

int option_set_local_port(struct option_value *value)
{
	uint64_t port;
	int err = set_count(value, 1, 65535, &port);

	if (!err)
		value->options->stack.port = (uint16_t)port;
	return err;
}

int option_set_personality(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;

	if (!strcmp(value->text, "standard"))
		s->tcp.personality = REFTCP_STANDARD;
	else if (!strcmp(value->text, "linux"))
		s->tcp.personality = REFTCP_LINUX;
	else
		return unknown_word(value, "standard, linux");
	return 0;
}

int option_set_congestion(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;

	if (!strcmp(value->text, "cubic"))
		s->tcp.congestion = REFTCP_CUBIC;
	else if (!strcmp(value->text, "newreno"))
		s->tcp.congestion = REFTCP_NEWRENO;
	else
		return unknown_word(value, "cubic, newreno");
	return 0;
}

static int set_list(struct option_value *value, const struct choice *choices, const char *names)
{
	for (const char *text = value->text;; text++) {
		size_t len = strcspn(text, ",");
		const struct choice *c = choices;

		while (c->name && (strlen(c->name) != len || strncmp(c->name, text, len) != 0))
			c++;
		if (!c->name)
			return unknown_word(value, names);
		*c->to = c->value;
		text += len;
		if (!*text)
			return 0;
	}
}

int option_set_with(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;
	const struct choice choices[] = {
		{"fast-open", &s->fast_open, true},
		{"syn-cookies", &s->tcp.syn_cookies, true},
		{0},
	};

	return set_list(value, choices, OPTION_STACK_WITH);
}

int option_set_without(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;
	const struct choice choices[] = {
		{"sack", &s->tcp.sack, false},
		{"timestamps", &s->tcp.timestamps, false},
		{"window-scaling", &s->tcp.window_scale, false},
		{"ecn", &s->tcp.ecn, false},
		{"nagle", &s->nagle, false},
		{"delayed-ack", &s->delayed_ack, false},
		{"mtu-probing", &s->tcp.mtu_probing, false},
		{0},
	};

	return set_list(value, choices, OPTION_STACK_WITHOUT);
}

int option_set_mss(struct option_value *value)
{
	uint64_t mss;
	int err = set_count(value, 88, 65495, &mss);

	if (!err)
		value->options->stack.tcp.mss = (uint16_t)mss;
	return err;
}

int option_set_buffer(struct option_value *value)
{
	uint64_t size;
	int err = set_bytes(value, 1, UINT64_C(64) << 20, &size);

	if (!err)
		value->options->stack.tcp.send_buffer = value->options->stack.tcp.recv_buffer =
			(uint32_t)size;
	return err;
}

int option_set_backlog(struct option_value *value)
{
	uint64_t backlog;
	int err = set_count(value, 1, 1024, &backlog);

	if (!err)
		value->options->stack.backlog = (uint32_t)backlog;
	return err;
}

int option_set_keepalive(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;
	const char *text = value->text;
	size_t len = strcspn(text, ",");
	int err = set_time(value, text, len, &s->keepalive);

	if (!err && text[len]) {
		text += len + 1;
		len = strcspn(text, ",");
		err = set_time(value, text, len, &s->keepalive_interval);
	}
	if (!err && text[len] &&
	    (option_number(text + len + 1, strlen(text + len + 1), &s->keepalive_count) < 0 ||
	     !s->keepalive_count || s->keepalive_count > 1000))
		err = option_fail(value, "invalid count in '%s' for '%s': as in '%s 60,10,6'",
				  value->text, value->name, value->name);
	if (!err && !s->keepalive)
		err = option_fail(value, "invalid time '%s' for '%s': more than 0 is needed",
				  value->text, value->name);
	return err;
}

int option_set_user_timeout(struct option_value *value)
{
	return set_time(value, value->text, strlen(value->text),
			&value->options->stack.user_timeout);
}

/* ---- operands ---- */

/* ADDR:PORT or [ADDR]:PORT; without a port `port` is taken, unless it is 0. */
static bool read_endpoint(const char *text, size_t len, uint16_t port, struct reftcp_endpoint *out)
{
	const char *end = text + len, *colon = end, *addr = text;
	size_t addr_len;
	uint64_t number = port;

	if (len && *text == '[') {
		const char *close = memchr(text, ']', len);

		if (!close)
			return false;
		addr = text + 1;
		addr_len = (size_t)(close - addr);
		colon = close + 1;
	} else {
		while (colon > text && *--colon != ':')
			;
		colon = *colon == ':' ? colon : end;
		addr_len = (size_t)(colon - text);
	}
	if (colon < end &&
	    (*colon != ':' || option_number(colon + 1, (size_t)(end - colon - 1), &number) < 0))
		return false;
	out->addr.family = read_address(addr, addr_len, out->addr.byte);
	out->port = (uint16_t)number;
	return out->addr.family && number >= 1 && number <= 65535;
}

static int read_url(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;
	const char *authority = value->text + strlen("http://");
	size_t len = strcspn(authority, "/");

	s->authority = authority;
	s->authority_len = (uint32_t)len;
	s->path = authority[len] ? authority + len : "/";
	if (!s->service_given)
		s->service = STACK_HTTP;
	s->service_given = true;
	if (strpbrk(value->text, " \t\r\n#") ||
	    !read_endpoint(authority, len, HTTP_PORT, &s->target))
		return option_fail(value,
				   "cannot read '%s': as in 'connect http://198.18.0.1:8080/file', "
				   "with an address and not a name",
				   value->text);
	return 0;
}

static int read_role(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;

	s->connect = !strcmp(value->text, "connect");
	s->role_given = true;
	if (s->connect || !strcmp(value->text, "listen"))
		return 0;
	return option_fail(value, "unknown word '%s': try 'stack listen' or 'stack connect'",
			   value->text);
}

static int read_target(struct option_value *value)
{
	struct stack_settings *s = &value->options->stack;
	uint64_t port;

	s->target_given = true;
	if (s->connect && !strncmp(value->text, "http://", strlen("http://")))
		return read_url(value);
	if (s->connect) {
		s->authority = value->text;
		s->authority_len = (uint32_t)strlen(value->text);
		return read_endpoint(value->text, strlen(value->text), 0, &s->target)
			       ? 0
			       : option_fail(value,
					     "cannot read '%s': as in 'connect 198.18.0.1:80', "
					     "with an address and not a name",
					     value->text);
	}
	if (option_number(value->text, strlen(value->text), &port) < 0 || !port || port > 65535)
		return option_fail(value, "invalid port '%s': as in 'listen 80'", value->text);
	s->port = (uint16_t)port;
	return 0;
}

int option_stack_operand(struct option_value *value, unsigned int index)
{
	if (index == 0)
		return read_role(value);
	if (index == 1)
		return read_target(value);
	return option_fail(value, "unexpected argument '%s': see 'tcpwitness help stack'",
			   value->text);
}
