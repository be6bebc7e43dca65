/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what each option sets, and what each mistake is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "fake_commands.h"
#include "tcpwitness/state.h"

static struct options options;
static char error[512];
static char line[2048]; /* options point into it */

/* Parses a command line whose words are separated by single blanks. */
static int parse(const struct command *command, const char *text)
{
	char *argv[64], *save = NULL;
	int argc = 0;

	snprintf(line, sizeof(line), "%s", text);
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	memset(&options, 0xaa, sizeof(options));
	strcpy(error, "untouched");
	return options_parse(&options, command, argc, argv, error, sizeof(error));
}

static void assert_parses(const char *text)
{
	int r = parse(&fake_trace, text);

	if (r != 0)
		fail_msg("%s: %d %s", text, r, error);
	assert_string_equal(error, "untouched");
}

static void assert_error(const char *text, const char *expected)
{
	assert_int_equal(parse(&fake_trace, text), -EINVAL);
	assert_string_equal(error, expected);
}

static void options__nothing_given__defaults(void **state)
{
	struct options expected = {
		.command = &fake_trace,
		.ring_size = 8 << 20,
		.max_connections = 262144,
		.max_half_open = 65536,
	};

	(void)state;
	assert_parses("trace");
	assert_memory_equal(&options, &expected, sizeof(options));
}

static void options__every_simple_one__is_set(void **state)
{
	(void)state;
	assert_parses("trace -o json --color never --utc --duration 2.5 --count 7 --strict "
		      "--no-accept --ring-size 64K --max-connections 5 --max-half-open 6 "
		      "--no-sandbox --sandbox-strict -v");
	assert_int_equal(options.output, OUTPUT_JSON);
	assert_int_equal(options.color, COLOR_NEVER);
	assert_true(options.utc && options.strict && options.no_accept);
	assert_true(options.no_sandbox && options.sandbox_strict && options.verbose);
	assert_true(options.duration == 2.5);
	assert_int_equal(options.count, 7);
	assert_int_equal(options.ring_size, 65536);
	assert_int_equal(options.max_connections, 5);
	assert_int_equal(options.max_half_open, 6);
	assert_false(options.once || options.complete || options.no_owner);
	assert_int_equal(parse(&fake_snapshot, "snapshot --no-owner --once --interval=0.5"), 0);
	assert_true(options.no_owner && options.once);
	assert_true(options.interval == 0.5);
	assert_parses("trace --output=text --color=always --ring-size=4096 --dur 1");
	assert_int_equal(options.output, OUTPUT_TEXT);
	assert_int_equal(options.color, COLOR_ALWAYS);
	assert_int_equal(options.ring_size, 4096);
	assert_true(options.duration == 1);
}

static void options__ports__keep_their_ends(void **state)
{
	const struct tcpw_filter_port *p = options.filter.port;

	(void)state;
	assert_parses("trace --port 80,443 --lport 1 --rport=65535");
	assert_int_equal(options.filter.ports, 4);
	assert_int_equal(p[0].port, 80);
	assert_int_equal(p[0].ends, TCPW_END_LOCAL | TCPW_END_REMOTE);
	assert_int_equal(p[1].port, 443);
	assert_int_equal(p[2].port, 1);
	assert_int_equal(p[2].ends, TCPW_END_LOCAL);
	assert_int_equal(p[3].port, 65535);
	assert_int_equal(p[3].ends, TCPW_END_REMOTE);
}

static void assert_cidr(unsigned int i, const char *addr, const char *mask, unsigned int ends)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, options.filter.addr[i].addr, text, sizeof(text));
	assert_string_equal(text, addr);
	inet_ntop(AF_INET6, options.filter.addr[i].mask, text, sizeof(text));
	assert_string_equal(text, mask);
	assert_int_equal(options.filter.addr[i].ends, ends);
}

static void options__addresses__ipv4_is_mapped_with_its_mask_moved(void **state)
{
	const char *all = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

	(void)state;
	assert_parses("trace --addr 10.1.2.3/8,192.0.2.1 --laddr ::1 --raddr fe80::1/10,0.0.0.0/0,"
		      "::/0,10.0.0.0/31");
	assert_int_equal(options.filter.addrs, 7);
	assert_cidr(0, "::ffff:10.0.0.0", "ffff:ffff:ffff:ffff:ffff:ffff:ff00:0", 3);
	assert_cidr(1, "::ffff:192.0.2.1", all, 3);
	assert_cidr(2, "::1", all, TCPW_END_LOCAL);
	assert_cidr(3, "fe80::", "ffc0::", TCPW_END_REMOTE);
	assert_cidr(4, "::ffff:0.0.0.0", "ffff:ffff:ffff:ffff:ffff:ffff::", TCPW_END_REMOTE);
	assert_cidr(5, "::", "::", TCPW_END_REMOTE);
	assert_cidr(6, "::ffff:10.0.0.0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 2);
}

static void options__process_filters__numbers_names_and_paths_are_told_apart(void **state)
{
	(void)state;
	assert_parses("trace --pid 1,4194304 --comm nginx,systemd-resolved --cgroup 4711 "
		      "--cgroup /a,b.slice --netns 4026531840,7 --netns blue --netns /run/netns/x");
	assert_int_equal(options.filter.pids, 2);
	assert_int_equal(options.filter.pid[1], 4194304);
	assert_int_equal(options.filter.comms, 2);
	assert_memory_equal(options.filter.comm[0], "nginx\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(options.filter.comm[1], "systemd-resolve", 16);
	assert_int_equal(options.filter.cgroups, 1);
	assert_int_equal(options.filter.cgroup[0], 4711);
	assert_int_equal(options.cgroup_path_count, 1);
	assert_string_equal(options.cgroup_paths[0], "/a,b.slice");
	assert_int_equal(options.filter.netnses, 2);
	assert_int_equal(options.filter.netns[0], 4026531840);
	assert_int_equal(options.netns_name_count, 2);
	assert_string_equal(options.netns_names[0], "blue");
	assert_string_equal(options.netns_names[1], "/run/netns/x");
}

static void options__state_role_family__are_sets(void **state)
{
	(void)state;
	assert_parses("trace --state time-wait,ESTAB --state syn_recv --role active,passive "
		      "--family ipv6");
	assert_int_equal(options.states,
			 1 << TCPW_TIME_WAIT | 1 << TCPW_ESTABLISHED | 1 << TCPW_SYN_RECEIVED);
	assert_int_equal(options.filter.roles, 1 << TCPW_ROLE_ACTIVE | 1 << TCPW_ROLE_PASSIVE);
	assert_int_equal(options.filter.families, 2);
	assert_parses("trace --family 4,inet6");
	assert_int_equal(options.filter.families, 3);
}

static void options__eight_of_a_kind__a_ninth_is_an_error(void **state)
{
	(void)state;
	assert_parses("trace --port 1,2,3,4 --lport 5,6 --rport 7,8 --pid 1,2,3,4,5,6,7,8 "
		      "--comm a,b,c,d,e,f,g,h --addr ::1,::2,::3,::4,::5,::6,::7,::8");
	assert_error("trace --port 1,2,3,4,5,6,7,8 --lport 9",
		     "too many ports at '--lport 9': 8 at most");
	assert_error(
		"trace --addr ::1,::2,::3,::4,::5,::6,::7,::8,::9",
		"too many addresses at '--addr ::1,::2,::3,::4,::5,::6,::7,::8,::9': 8 at most");
	assert_error("trace --pid 1,2,3,4,5,6,7,8 --pid 9",
		     "too many process ids at '--pid 9': 8 at most");
	assert_error("trace --comm a,b,c,d,e,f,g,h,i",
		     "too many names at '--comm a,b,c,d,e,f,g,h,i': 8 at most");
	assert_error("trace --netns 1,2,3,4,5,6,7 --netns a --netns b",
		     "too many namespaces at '--netns b': 8 at most");
	assert_error("trace --netns a --netns 1,2,3,4,5,6,7,8",
		     "too many namespaces at '--netns 1,2,3,4,5,6,7,8': 8 at most");
	assert_error("trace --cgroup 1 --cgroup 2 --cgroup 3 --cgroup 4 --cgroup /a --cgroup /b "
		     "--cgroup /c --cgroup /d --cgroup /e",
		     "too many cgroups at '--cgroup /e': 8 at most");
}

static void options__unknown_one__is_named_with_the_nearest(void **state)
{
	(void)state;
	assert_error("trace --prot 80",
		     "unknown option '--prot': did you mean '--port'? see 'tcpwitness help trace'");
	assert_error("trace --pdi 1",
		     "unknown option '--pdi': did you mean '--pid'? see 'tcpwitness help trace'");
	assert_error("trace --laddress=::1",
		     "unknown option '--laddress': see 'tcpwitness help trace'");
	assert_error("trace --durations=3", "unknown option '--durations': did you mean "
					    "'--duration'? see 'tcpwitness help trace'");
	assert_error("trace --frobnicate",
		     "unknown option '--frobnicate': see 'tcpwitness help trace'");
	assert_error("trace -x", "unknown option '-x': see 'tcpwitness help trace'");
	assert_error("trace -vx", "unknown option '-x': see 'tcpwitness help trace'");
	assert_error("trace --no",
		     "ambiguous option '--no': it could be '--no-accept', '--no-sandbox'");
}

static void options__of_another_command__says_so(void **state)
{
	(void)state;
	assert_error("trace --no-owner", "option '--no-owner' is not for 'trace' but for "
					 "'snapshot': see 'tcpwitness help trace'");
	assert_error("trace --complete",
		     "option '--complete' is not for 'trace': see 'tcpwitness help trace'");
	assert_int_equal(parse(&fake_features, "features --port 80"), -EINVAL);
	assert_string_equal(error, "option '--port' is not for 'features' but for 'trace': see "
				   "'tcpwitness help features'");
}

static void options__value_missing_or_not_wanted__says_so(void **state)
{
	(void)state;
	assert_error("trace --port", "option '--port' needs a value: '--port PORT'");
	assert_error("trace -o", "option '--output' needs a value: '--output FORMAT'");
	assert_error("trace --utc=1", "option '--utc' takes no value: see 'tcpwitness help trace'");
	assert_error("trace 443", "unexpected argument '443': did you mean '--port 443'?");
	assert_error("trace foo", "unexpected argument 'foo': see 'tcpwitness help trace'");
}

static void options__bad_values__are_named_with_what_to_try(void **state)
{
	(void)state;
	assert_error("trace --port 65536",
		     "invalid port '65536' for '--port': give a number from 1 to 65535");
	assert_error("trace --count -1", "invalid number '-1' for '--count': give a whole number "
					 "from 1 to 9223372036854775807");
	assert_error("trace --duration nan", "invalid time 'nan' for '--duration': give seconds, "
					     "more than 0, as in '--duration 2.5'");
	assert_error("trace --ring-size 3000",
		     "invalid size '3000' for '--ring-size': give a power of two from 4K to 1G, "
		     "as in '--ring-size 8M'");
	assert_error("trace --state foo",
		     "unknown state 'foo' for '--state': the states are ESTABLISHED SYN_SENT "
		     "SYN_RECEIVED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT CLOSED CLOSE_WAIT LAST_ACK "
		     "LISTEN CLOSING");
	assert_error("trace --addr 10.0.0.0/33",
		     "malformed address '10.0.0.0/33' for '--addr': give one like 10.0.0.0/8, "
		     "192.0.2.1, ::1 or fe80::/10");
	assert_error("trace -o xml", "unknown format 'xml' for '--output': try 'text' or 'json'");
	assert_error("trace --color red",
		     "unknown word 'red' for '--color': try 'auto', 'always' or 'never'");
	assert_error("trace --role boss", "unknown role 'boss' for '--role': try 'active', "
					  "'passive', 'listener' or 'unknown'");
	assert_error("trace --family ipx",
		     "unknown family 'ipx' for '--family': try 'ipv4' or 'ipv6'");
	assert_error("trace --netns 5000000000",
		     "invalid namespace '5000000000' for '--netns': give its inode number, as "
		     "`lsns -t net` shows it, a name or a path");
	assert_error("trace --cgroup 0", "invalid cgroup id '0' for '--cgroup': ids begin at 1");
	assert_error("trace --pid 4194305", "invalid process id '4194305' for '--pid': give a "
					    "number from 1 to 4194304");
}

static void options__more_bad_values__are_refused(void **state)
{
	static const char *const lines[] = {
		"--port 0",
		"--port -1",
		"--port +80",
		"--port 80x",
		"--port 80,",
		"--port ,80",
		"--port 8000-8010",
		"--port 99999999999999999999",
		"--port=",
		"--lport 0x50",
		"--count 0",
		"--count 1.5",
		"--count x",
		"--count=",
		"--count 18446744073709551616",
		"--duration 0",
		"--duration -1",
		"--duration inf",
		"--duration 0x10",
		"--duration 1e3",
		"--duration .",
		"--duration 1.2.3",
		"--duration 5s",
		"--duration 10000000000",
		"--duration=",
		"--ring-size 0",
		"--ring-size 2048",
		"--ring-size 2G",
		"--ring-size 8MB",
		"--ring-size M",
		"--ring-size 16777217",
		"--ring-size 17179869184G",
		"--max-connections 0",
		"--max-half-open 100000001",
		"--addr 10.0.0",
		"--addr 10.0.0.256",
		"--addr 10.0.0.0/",
		"--addr 10.0.0.0/-1",
		"--addr ::1/129",
		"--addr :::",
		"--addr fe80::1%eth0",
		"--addr localhost",
		"--addr=",
		"--addr 10.0.0.0/8/8",
		"--pid 0",
		"--comm=",
		"--comm a,,b",
		"--cgroup=",
		"--netns 0",
		"--netns 1,,2",
		"--netns=",
		"--state=",
		"--role=",
		"--family 5",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "trace %s", lines[i]);
		if (parse(&fake_trace, text) != -EINVAL)
			fail_msg("%s was taken", lines[i]);
		assert_null(strchr(error, '\n'));
		assert_int_not_equal(error[strlen(error) - 1], '.');
	}
}

static void options__hostile_value__stays_on_one_harmless_line(void **state)
{
	(void)state;
	assert_error("trace --addr \x1b[2J\nx",
		     "malformed address '\\x1b[2J\\nx' for '--addr': give one like 10.0.0.0/8, "
		     "192.0.2.1, ::1 or fe80::/10");
	assert_int_equal(parse(&fake_trace, "trace --\xff"), -EINVAL);
	assert_string_equal(error, "unknown option '--\\xff': see 'tcpwitness help trace'");
}

static void options__parsed_twice__first_leaves_no_trace(void **state)
{
	(void)state;
	assert_parses("trace --port 80 --utc");
	assert_parses("trace --port 443");
	assert_int_equal(options.filter.ports, 1);
	assert_int_equal(options.filter.port[0].port, 443);
	assert_false(options.utc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options__nothing_given__defaults),
		cmocka_unit_test(options__every_simple_one__is_set),
		cmocka_unit_test(options__ports__keep_their_ends),
		cmocka_unit_test(options__addresses__ipv4_is_mapped_with_its_mask_moved),
		cmocka_unit_test(options__process_filters__numbers_names_and_paths_are_told_apart),
		cmocka_unit_test(options__state_role_family__are_sets),
		cmocka_unit_test(options__eight_of_a_kind__a_ninth_is_an_error),
		cmocka_unit_test(options__unknown_one__is_named_with_the_nearest),
		cmocka_unit_test(options__of_another_command__says_so),
		cmocka_unit_test(options__value_missing_or_not_wanted__says_so),
		cmocka_unit_test(options__bad_values__are_named_with_what_to_try),
		cmocka_unit_test(options__more_bad_values__are_refused),
		cmocka_unit_test(options__hostile_value__stays_on_one_harmless_line),
		cmocka_unit_test(options__parsed_twice__first_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
