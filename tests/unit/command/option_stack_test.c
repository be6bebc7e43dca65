/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of `stack` and its operands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "command/command.h"

static const struct command fake_stack = {
	.name = "stack",
	.groups = OPTIONS_STACK | OPTIONS_LINK | OPTIONS_TCP,
	.operands = "listen PORT",
	.words = "listen connect",
	.operand = option_stack_operand,
};

const struct command *const commands[] = {&fake_stack, NULL};

static struct options options;
static char error[256];

/* The words of one line; they must outlive the options. */
static int parse(const char *line)
{
	static char copy[512];
	char *argv[32];
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return options_parse(&options, &fake_stack, argc, argv, error, sizeof(error));
}

static const struct stack_settings *parsed(const char *line)
{
	if (parse(line))
		fail_msg("%s: %s", line, error);
	return &options.stack;
}

static void assert_refused(const char *line, const char *named)
{
	assert_int_equal(parse(line), -EINVAL);
	if (!strstr(error, named))
		fail_msg("'%s' is not in: %s", named, error);
}

static void stack__nothing_given__is_safe(void **state)
{
	const struct stack_settings *s = parsed("stack listen 80");
	static const uint8_t own[4] = {198, 18, 0, 2};

	(void)state;
	assert_true(s->role_given && s->target_given && !s->connect);
	assert_int_equal(s->port, 80);
	assert_memory_equal(s->own[0].byte, own, 4);
	assert_int_equal(s->own[1].family, 6);
	assert_int_equal(s->host[0].prefix, 30);
	assert_string_equal(s->device, "tcpw0");
	assert_int_equal(s->tcp.personality, REFTCP_STANDARD);
	assert_false(s->in.on || s->out.on || s->fast_open || s->tcp.syn_cookies);
	assert_true(s->tcp.sack && s->tcp.timestamps && s->nagle && s->delayed_ack);
}

static void stack__targets__are_read(void **state)
{
	const struct stack_settings *s;

	(void)state;
	s = parsed("stack connect 10.0.0.1:81");
	assert_true(s->connect);
	assert_int_equal(s->target.addr.family, 4);
	assert_int_equal(s->target.port, 81);
	s = parsed("stack connect [fd00::1]:82");
	assert_int_equal(s->target.addr.family, 6);
	assert_int_equal(s->target.addr.byte[0], 0xfd);
	assert_int_equal(s->target.port, 82);
	s = parsed("stack connect http://10.0.0.1/a/b?c");
	assert_int_equal(s->target.port, 80);
	assert_int_equal(s->service, STACK_HTTP);
	assert_string_equal(s->path, "/a/b?c");
	assert_int_equal(s->authority_len, 8);
	s = parsed("stack connect http://[fd00::1]:8080");
	assert_int_equal(s->target.port, 8080);
	assert_string_equal(s->path, "/");
	assert_int_equal(s->authority_len, 14);
	/* Operands and options in any order. */
	s = parsed("stack --mtu 600 connect --mss 500 10.0.0.1:81");
	assert_int_equal(s->tcp.mtu, 600);
	assert_int_equal(s->tcp.mss, 500);
	assert_int_equal(s->target.port, 81);
}

static void stack__bad_targets__are_named(void **state)
{
	static const char *const targets[] = {
		"10.0.0.1",
		"10.0.0.1:",
		"10.0.0.1:0",
		"10.0.0.1:65536",
		"fd00::1",
		"[fd00::1]",
		"[fd00::1:80",
		"[10.0.0.1:80",
		"name:80",
		":80",
		"http://",
		"http://name/",
		"http://10.0.0.1:x/",
		"http://10.0.0.1/a#b",
		"1.2.3.4.5:80",
		"[]:80",
		"[fd00::1]80",
		"ftp://10.0.0.1/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		char line[128];

		snprintf(line, sizeof(line), "stack connect %s", targets[i]);
		assert_refused(line, targets[i]);
	}
	assert_refused("stack listen 0", "'0'");
	assert_refused("stack listen 10.0.0.1:80", "10.0.0.1:80");
	assert_refused("stack stand", "stand");
	assert_refused("stack listen 80 81", "81");
}

static void stack__addresses__replace_the_defaults(void **state)
{
	const struct stack_settings *s;

	(void)state;
	s = parsed("stack listen 80 --own-addr 10.1.0.2 --host-addr 10.1.0.1/24");
	assert_int_equal(s->own[0].byte[0], 10);
	assert_int_equal(s->own[1].family, 0);
	assert_int_equal(s->host[0].prefix, 24);
	assert_int_equal(s->host[1].family, 0);
	s = parsed("stack listen 80 --own-addr fd00::2 --own-addr 10.1.0.2");
	assert_int_equal(s->own[0].family, 4);
	assert_int_equal(s->own[1].family, 6);
	assert_refused("stack listen 80 --own-addr 10.1.0", "10.1.0");
	assert_refused("stack listen 80 --host-addr 10.1.0.1", "10.1.0.1");
	assert_refused("stack listen 80 --host-addr 10.1.0.1/33", "10.1.0.1/33");
	assert_refused("stack listen 80 --host-addr fd00::1/129", "fd00::1/129");
	assert_refused("stack listen 80 --host-addr fd00::1/0", "fd00::1/0");
}

static void stack__lists__turn_things_on_and_off(void **state)
{
	const struct stack_settings *s;

	(void)state;
	s = parsed("stack listen 80 --without sack,timestamps,window-scaling,ecn,nagle,"
		   "delayed-ack,mtu-probing --with fast-open,syn-cookies");
	assert_false(s->tcp.sack || s->tcp.timestamps || s->tcp.window_scale || s->tcp.ecn ||
		     s->nagle || s->delayed_ack || s->tcp.mtu_probing);
	assert_true(s->fast_open && s->tcp.syn_cookies);
	assert_refused("stack listen 80 --without sack,", "--without");
	assert_refused("stack listen 80 --without sac", "--without");
	assert_refused("stack listen 80 --with sack", "--with");
}

static void stack__numbers_and_times__keep_their_ends(void **state)
{
	const struct stack_settings *s;

	(void)state;
	s = parsed("stack listen 80 --keepalive 60,1.5,4 --pause 0.25 --stall 2 --bytes 3M "
		   "--buffer 1M --user-timeout 30 --connections 7 --backlog 9 --time-wait 0");
	assert_int_equal(s->keepalive, 60 * REFTCP_S);
	assert_int_equal(s->keepalive_interval, 1500 * REFTCP_MS);
	assert_int_equal(s->keepalive_count, 4);
	assert_int_equal(s->pause, 250 * REFTCP_MS);
	assert_int_equal(s->stall, 2 * REFTCP_S);
	assert_int_equal(s->bytes, 3 << 20);
	assert_int_equal(s->tcp.send_buffer, 1 << 20);
	assert_int_equal(s->tcp.recv_buffer, 1 << 20);
	assert_int_equal(s->user_timeout, 30 * REFTCP_S);
	assert_int_equal(s->connections, 7);
	assert_int_equal(s->backlog, 9);
	assert_int_equal(s->time_wait, 0);
	assert_refused("stack listen 80 --keepalive 0", "--keepalive");
	assert_refused("stack listen 80 --keepalive 1,1,0", "--keepalive");
	assert_refused("stack listen 80 --keepalive 1,", "--keepalive");
	assert_refused("stack listen 80 --pause 1e9", "1e9");
	assert_refused("stack listen 80 --pause -1", "-1");
	assert_refused("stack listen 80 --mtu 87", "87");
	assert_refused("stack listen 80 --mss 65496", "65496");
	assert_refused("stack listen 80 --bytes 0", "--bytes");
	assert_refused("stack listen 80 --bytes 1T", "1T");
	assert_refused("stack listen 80 --bytes 9999999999999G", "--bytes");
	assert_refused("stack listen 80 --device .", "--device");
	assert_refused("stack listen 80 --close later", "later");
	assert_refused("stack listen 80 --service dns", "dns");
	assert_refused("stack listen 80 --personality bsd", "bsd");
	assert_refused("stack listen 80 --congestion vegas", "vegas");
	assert_refused("stack listen 80 --impair loss=x", "loss=x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stack__nothing_given__is_safe),
		cmocka_unit_test(stack__targets__are_read),
		cmocka_unit_test(stack__bad_targets__are_named),
		cmocka_unit_test(stack__addresses__replace_the_defaults),
		cmocka_unit_test(stack__lists__turn_things_on_and_off),
		cmocka_unit_test(stack__numbers_and_times__keep_their_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
