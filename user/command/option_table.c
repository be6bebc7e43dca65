/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every option there is. Help, man page and completions show what stands here. */
#include "command/option_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "tcpwitness/state.h"

int option_fail(const struct option_value *value, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(value->error, value->error_size, format, args);
	va_end(args);
	return -EINVAL;
}

#define SETTER(field)                                      \
	static int set_##field(struct option_value *value) \
	{                                                  \
		value->options->field = true;              \
		return 0;                                  \
	}

SETTER(utc)
SETTER(once)
SETTER(strict)
SETTER(complete)
SETTER(no_owner)
SETTER(no_accept)
SETTER(no_sandbox)
SETTER(sandbox_strict)
SETTER(verbose)

#define X(id, value, rfc, label, ss, node, otel) label " "
#define STATE_CHOICES TCPW_STATES(X)

const struct option_spec option_specs[] = {
	{"output", 'o', OPTIONS_OUTPUT, "FORMAT", "text json",
	 "text, or json: one object a line (default: text)", option_set_output},
	{"color", 0, OPTIONS_OUTPUT, "WHEN", "auto always never",
	 "auto, always or never; auto is when the output is a terminal and NO_COLOR is not set",
	 option_set_color},
	{"utc", 0, OPTIONS_OUTPUT, NULL, NULL, "times of text lines in UTC, not local time",
	 set_utc},

	{"duration", 0, OPTIONS_RUN | OPTIONS_DURATION, "S", NULL,
	 "stop after S seconds (default: when interrupted)", option_set_duration},
	{"count", 0, OPTIONS_RUN, "N", NULL, "stop after N lines", option_set_count},
	{"strict", 0, OPTIONS_RUN, NULL, NULL, "exit with 5 when events were lost", set_strict},
	{"interval", 0, OPTIONS_REPEAT, "S", NULL, "seconds from one reading to the next",
	 option_set_interval},
	{"once", 0, OPTIONS_REPEAT, NULL, NULL, "one reading, then stop", set_once},

	{"port", 0, OPTIONS_FILTER, "PORT", NULL, "local or remote port", option_set_port},
	{"lport", 0, OPTIONS_FILTER, "PORT", NULL, "local port", option_set_lport},
	{"rport", 0, OPTIONS_FILTER, "PORT", NULL, "remote port", option_set_rport},
	{"addr", 0, OPTIONS_FILTER, "CIDR", NULL,
	 "local or remote address or network: 10.0.0.0/8, ::1, fe80::/10", option_set_addr},
	{"laddr", 0, OPTIONS_FILTER, "CIDR", NULL, "local address or network", option_set_laddr},
	{"raddr", 0, OPTIONS_FILTER, "CIDR", NULL, "remote address or network", option_set_raddr},
	{"pid", 0, OPTIONS_FILTER, "PID", NULL, "process that holds the socket", option_set_pid},
	{"comm", 0, OPTIONS_FILTER, "NAME", NULL, "name of the process (its first 15 bytes count)",
	 option_set_comm},
	{"cgroup", 0, OPTIONS_FILTER, "PATH", NULL, "cgroup of the socket, by path or id",
	 option_set_cgroup},
	{"netns", 0, OPTIONS_FILTER | OPTIONS_NETNS, "NETNS", NULL,
	 "network namespace: inode number, name of `ip netns`, or path", option_set_netns},
	{"state", 0, OPTIONS_FILTER, "STATE", STATE_CHOICES,
	 "state entered or left, in any spelling: TIME_WAIT, time-wait, FIN_WAIT2, estab",
	 option_set_state},
	{"role", 0, OPTIONS_FILTER, "ROLE", "active passive listener unknown",
	 "active, passive, listener or unknown", option_set_role},
	{"family", 0, OPTIONS_FILTER, "FAMILY", "ipv4 ipv6", "ipv4 or ipv6, as on the wire",
	 option_set_family},

	{"complete", 0, OPTIONS_LIFE, NULL, NULL,
	 "write a connection when its TIME_WAIT is over too", set_complete},
	{"no-owner", 0, OPTIONS_SNAPSHOT, NULL, NULL,
	 "do not look for the processes that hold the sockets (faster)", set_no_owner},

	{"service", 0, OPTIONS_STACK, "NAME", "echo discard source file http",
	 "echo, discard, source (numbered lines), file or http (default: echo when listening, file "
	 "when connecting)",
	 option_set_service},
	{"send", 0, OPTIONS_STACK, "FILE", NULL, "the file service sends this", option_set_send},
	{"receive", 0, OPTIONS_STACK, "FILE", NULL,
	 "where what is received goes; it is overwritten (default: nowhere)", option_set_receive},
	{"serve", 0, OPTIONS_STACK, "PATH", NULL,
	 "listen with http: the directory or the one file that is served", option_set_serve},
	{"bytes", 0, OPTIONS_STACK, "BYTES", NULL,
	 "source: how much; K, M and G are understood (default: until the peer closes)",
	 option_set_bytes},
	{"close", 0, OPTIONS_STACK, "WHEN", "sent peer never abort",
	 "when to close: sent (once all is sent), peer (after the peer has), never, or abort "
	 "(reset once all has arrived) (default: sent)",
	 option_set_close},
	{"pause", 0, OPTIONS_STACK, "S", NULL, "seconds to wait before closing", option_set_pause},
	{"stall", 0, OPTIONS_STACK, "S", NULL,
	 "seconds in which nothing is read, so that the window closes", option_set_stall},
	{"urgent", 0, OPTIONS_STACK, NULL, NULL, "file: one urgent octet follows the file",
	 option_set_urgent},
	{"connections", 0, OPTIONS_STACK, "N", NULL,
	 "stop after N connections, when connecting one after another (default: 1 when connecting, "
	 "no end when listening)",
	 option_set_connections},
	{"time-wait", 0, OPTIONS_STACK, "S", NULL,
	 "seconds of a TIME_WAIT that are waited for at the end (default: 0.5)",
	 option_set_time_wait},

	{"device", 0, OPTIONS_LINK, "NAME", NULL,
	 "name of the TUN device, which must not exist (default: tcpw0)", option_set_device},
	{"in-netns", 0, OPTIONS_LINK, "NETNS", NULL,
	 "network namespace to make the device in: name of `ip netns` or path (default: this one)",
	 option_set_in_netns},
	{"own-addr", 0, OPTIONS_LINK, "ADDR", NULL,
	 "the stack's own address, one a family (default: 198.18.0.2 and 2001:2::2, kept for tests "
	 "by RFC 2544 and 5180)",
	 option_set_own_addr},
	{"host-addr", 0, OPTIONS_LINK, "CIDR", NULL,
	 "the kernel's address on the device, one a family (default: 198.18.0.1/30 and "
	 "2001:2::1/64)",
	 option_set_host_addr},
	{"mtu", 0, OPTIONS_LINK, "N", NULL,
	 "of the device, 88 to 65535; IPv6 needs 1280 (default: 1500)", option_set_mtu},
	{"impair", 0, OPTIONS_LINK, "SPEC", NULL,
	 "make the link a bad one, by any of these, joined by commas: loss=1% burst=0.1%:20 "
	 "reorder=2% hold=5ms duplicate=1% corrupt=0.1% ce=5% delay=20ms jitter=5ms rate=1M "
	 "mtu=1280 after=100K icmp=no seed=7, and on=in (from the kernel) or on=out for one "
	 "direction; may be repeated",
	 option_set_impair},

	{"personality", 0, OPTIONS_TCP, "NAME", "standard linux",
	 "standard (the RFCs) or linux (what Linux does otherwise) (default: standard)",
	 option_set_personality},
	{"congestion", 0, OPTIONS_TCP, "NAME", "cubic newreno", "cubic or newreno (default: cubic)",
	 option_set_congestion},
	{"with", 0, OPTIONS_TCP, "LIST", OPTION_STACK_WITH, "fast-open, syn-cookies",
	 option_set_with},
	{"without", 0, OPTIONS_TCP, "LIST", OPTION_STACK_WITHOUT,
	 "sack, timestamps, window-scaling, ecn, nagle, delayed-ack, mtu-probing",
	 option_set_without},
	{"mss", 0, OPTIONS_TCP, "N", NULL,
	 "largest segment to announce, 88 to 65495 (default: what the MTU holds)", option_set_mss},
	{"buffer", 0, OPTIONS_TCP, "BYTES", NULL,
	 "most octets that wait to be sent, and to be read, a connection; K and M are understood "
	 "(default: 256K)",
	 option_set_buffer},
	{"backlog", 0, OPTIONS_TCP, "N", NULL,
	 "established connections that may wait to be accepted (default: 128)", option_set_backlog},
	{"local-port", 0, OPTIONS_TCP, "PORT", NULL, "when connecting: the port to connect from",
	 option_set_local_port},
	{"keepalive", 0, OPTIONS_TCP, "S[,S[,N]]", NULL,
	 "keep-alive: idle seconds before the first probe, seconds between probes, probes without "
	 "an answer that end the connection (default: none)",
	 option_set_keepalive},
	{"user-timeout", 0, OPTIONS_TCP, "S", NULL,
	 "seconds that data may stay unacknowledged (default: 300)", option_set_user_timeout},

	{"no-accept", 0, OPTIONS_TRACE, NULL, NULL,
	 "do not watch accept: it makes every system call of the machine slower, but without it "
	 "the wait in the accept queue and the accepting process are not seen",
	 set_no_accept},
	{"ring-size", 0, OPTIONS_TRACE, "BYTES", NULL,
	 "ring buffer from the kernel, a power of two; K, M and G are understood (default: 8M)",
	 option_set_ring_size},
	{"max-connections", 0, OPTIONS_TRACE | OPTIONS_TABLES, "N", NULL,
	 "most connections to follow at once (default: 262144)", option_set_max_connections},
	{"max-half-open", 0, OPTIONS_TRACE | OPTIONS_TABLES, "N", NULL,
	 "most half-open connections to follow at once (default: 65536)", option_set_max_half_open},

	{"no-sandbox", 0, OPTIONS_SANDBOX, NULL, NULL, "keep every privilege", set_no_sandbox},
	{"sandbox-strict", 0, OPTIONS_SANDBOX, NULL, NULL,
	 "stop when a layer of the sandbox cannot be had", set_sandbox_strict},

	{"verbose", 'v', 0, NULL, NULL, "tell more on standard error", set_verbose},
	{"help", 'h', 0, NULL, NULL, "print this and exit", NULL},
};

const size_t option_spec_count = sizeof(option_specs) / sizeof(option_specs[0]);

const struct option_heading option_headings[] = {
	{OPTIONS_OUTPUT, "Output", NULL},
	{OPTIONS_RUN | OPTIONS_REPEAT | OPTIONS_DURATION, "How long", NULL},
	{OPTIONS_STACK, "What is done with a connection", NULL},
	{OPTIONS_LINK, "The link", NULL},
	{OPTIONS_TCP, "The stack", NULL},
	{OPTIONS_FILTER | OPTIONS_NETNS, "Filters",
	 "Values of one kind (ports, addresses, ...) are alternatives, kinds must all match. "
	 "Each may be repeated, 8 of a kind, or given as a list like 80,443; paths only one at a "
	 "time."},
	{OPTIONS_LIFE | OPTIONS_SNAPSHOT, "What is shown", NULL},
	{OPTIONS_TRACE | OPTIONS_TABLES, "Tracing", NULL},
	{OPTIONS_SANDBOX, "Privileges", NULL},
	{0, "Other", NULL},
};

const size_t option_heading_count = sizeof(option_headings) / sizeof(option_headings[0]);
