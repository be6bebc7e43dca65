/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON lines: every key of every event, what is null, and hostile bytes before a parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "sample.h"

#define HEAD(event)                                                                             \
	"{\"schema\":1,\"host\":\"web1\",\"boot_id\":\"01234567-89ab-cdef-0123-456789abcdef\"," \
	"\"ts\":\"2026-03-01T12:00:00.123456789Z\",\"mono_ns\":\"1000123456789\",\"event\":"    \
	"\"" event "\""
#define ADDRESSES                                                                           \
	",\"netns\":4026531840,\"family\":\"ipv4\",\"laddr\":\"10.0.0.5\",\"lport\":43210," \
	"\"raddr\":\"10.0.0.9\",\"rport\":443"
#define CONNECTION                                                                           \
	",\"conn\":\"77\",\"half_open\":null,\"began\":\"seen\",\"complete\":true" ADDRESSES \
	",\"role\":\"active\",\"pid\":1234,\"comm\":\"nginx\",\"uid\":33,"                   \
	"\"cgroup\":\"/system.slice/nginx.service\",\"container\":null,"                     \
	"\"unit\":\"nginx.service\",\"kernel\":false"
#define NO_CONNECTION                                                                  \
	",\"conn\":null,\"half_open\":null,\"began\":null,\"complete\":null" ADDRESSES \
	",\"role\":\"unknown\",\"pid\":null,\"comm\":null,\"uid\":null,"               \
	"\"cgroup\":null,\"container\":null,\"unit\":null,\"kernel\":null"

static struct buffer out;
static struct view_context ctx;
static struct lifecycle_owner owner;
static struct lifecycle_connection connection;

static int set_up(void **state)
{
	(void)state;
	sample_path = "/system.slice/nginx.service";
	ctx = sample_context();
	owner = sample_owner();
	connection = sample_connection(&owner);
	return buffer_init(&out, -1, 1 << 17);
}

static int tear_down(void **state)
{
	(void)state;
	buffer_release(&out);
	return 0;
}

static const char *event_line(const struct lifecycle_event *event)
{
	out.len = 0;
	json_event(&out, &ctx, event);
	buffer_char(&out, '\0');
	assert_int_equal(out.error, 0);
	return out.data;
}

static json_object *parse(const char *line)
{
	struct json_tokener *tokener = json_tokener_new();
	size_t len = strlen(line);
	json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, line, (int)len);
	if (!object)
		fail_msg("%s in %s", json_tokener_error_desc(json_tokener_get_error(tokener)),
			 line);
	assert_int_equal(json_tokener_get_parse_end(tokener), len);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	json_tokener_free(tokener);
	return object;
}

static json_object *parse_event(const struct lifecycle_event *event)
{
	return parse(event_line(event));
}

/* The value of a key as JSON text ("null", "\"x\"", "7"); valid until the next call. */
static const char *value(json_object *object, const char *key)
{
	static char text[8192];
	json_object *field;

	if (!json_object_object_get_ex(object, key, &field))
		fail_msg("no key %s", key);
	snprintf(text, sizeof(text), "%s",
		 json_object_to_json_string_ext(field, JSON_C_TO_STRING_NOSLASHESCAPE));
	return text;
}

static void assert_value(const struct lifecycle_event *event, const char *key, const char *expected)
{
	json_object *object = parse_event(event);

	assert_string_equal(value(object, key), expected);
	json_object_put(object);
}

static void json__transition__has_every_key_in_order(void **state)
{
	struct lifecycle_event e = sample_transition(&connection);

	(void)state;
	assert_string_equal(event_line(&e), HEAD("transition") CONNECTION
			    ",\"old\":\"SYN_SENT\",\"new\":\"ESTABLISHED\","
			    "\"dwell_ns\":\"213400\",\"dwell_exact\":true,"
			    "\"cause\":\"syn_ack_received\",\"source\":\"state\"}\n");
}

static void json__transition_of_unknown__is_null_not_zero(void **state)
{
	struct lifecycle_event e;

	(void)state;
	connection.owner = NULL;
	connection.cookie = 0;
	connection.half_open = 9;
	connection.began = LIFECYCLE_SNAPSHOT;
	connection.complete = false;
	connection.flags = TCPW_SOCK_KERNEL;
	connection.role = TCPW_ROLE_UNKNOWN;
	connection.tuple = sample_tuple("::", 0, "2001:db8::1", 80);
	connection.tuple.netns = 0;
	e = sample_transition(&connection);
	e.u.transition.old_state = TCPW_STATE_UNKNOWN;
	e.u.transition.dwell_known = false;
	e.u.transition.cause = TCPW_CAUSE_UNKNOWN;
	e.u.transition.source = LIFECYCLE_FROM_SNAPSHOT;
	assert_string_equal(
		event_line(&e),
		HEAD("transition") ",\"conn\":null,\"half_open\":\"9\","
				   "\"began\":\"snapshot\",\"complete\":false,\"netns\":null,"
				   "\"family\":\"ipv6\",\"laddr\":null,\"lport\":null,"
				   "\"raddr\":\"2001:db8::1\",\"rport\":80,\"role\":\"unknown\","
				   "\"pid\":null,\"comm\":null,\"uid\":null,\"cgroup\":null,"
				   "\"container\":null,\"unit\":null,\"kernel\":true,"
				   "\"old\":null,\"new\":\"ESTABLISHED\",\"dwell_ns\":null,"
				   "\"dwell_exact\":false,\"cause\":\"unknown\","
				   "\"source\":\"snapshot\"}\n");
}

static void json__listener__has_no_remote_end(void **state)
{
	struct lifecycle_event e;

	(void)state;
	connection.role = TCPW_ROLE_LISTENER;
	connection.tuple = sample_tuple("0.0.0.0", 80, "0.0.0.0", 0);
	e = sample_transition(&connection);
	assert_value(&e, "laddr", "\"0.0.0.0\"");
	assert_value(&e, "lport", "80");
	assert_value(&e, "raddr", "null");
	assert_value(&e, "rport", "null");
	connection.tuple = sample_tuple("::", 80, "::", 0);
	e = sample_transition(&connection);
	assert_value(&e, "family", "\"ipv6\"");
	assert_value(&e, "laddr", "\"::\"");
	assert_value(&e, "raddr", "null");
}

static void json__ipv6_socket_to_ipv4__is_ipv4(void **state)
{
	struct lifecycle_event e;

	(void)state;
	connection.tuple = sample_tuple("::", 0, "192.0.2.1", 80);
	e = sample_transition(&connection);
	assert_value(&e, "family", "\"ipv4\"");
	assert_value(&e, "raddr", "\"192.0.2.1\"");
	assert_value(&e, "laddr", "null");
}

static void json__large_numbers__are_strings(void **state)
{
	struct lifecycle_event e;

	(void)state;
	connection.cookie = UINT64_MAX;
	e = sample_transition(&connection);
	e.u.transition.dwell_ns = UINT64_MAX;
	assert_value(&e, "conn", "\"18446744073709551615\"");
	assert_value(&e, "dwell_ns", "\"18446744073709551615\"");
}

static void json__retransmit_and_accept__have_their_keys(void **state)
{
	struct lifecycle_event e = sample_transition(&connection);

	(void)state;
	e.kind = LIFECYCLE_RETRANSMIT;
	e.u.retransmit.kind = TCPW_RETRANSMIT_SYN_ACK;
	e.u.retransmit.state = TCPW_SYN_RECEIVED;
	e.u.retransmit.segments = 44;
	assert_string_equal(event_line(&e),
			    HEAD("retransmit") CONNECTION ",\"kind\":\"syn_ack\",\"segments\":44,"
							  "\"state\":\"SYN_RECEIVED\"}\n");
	e.kind = LIFECYCLE_ACCEPT;
	e.u.accept.wait_ns = 5;
	e.u.accept.wait_known = true;
	assert_string_equal(event_line(&e), HEAD("accept") CONNECTION ",\"wait_ns\":\"5\"}\n");
	e.u.accept.wait_known = false;
	assert_value(&e, "wait_ns", "null");
}

static void json__reset__reason_is_a_name_a_number_or_null(void **state)
{
	struct lifecycle_event e = sample_transition(&connection);

	(void)state;
	e.kind = LIFECYCLE_RESET;
	e.u.reset.direction = TCPW_SENT;
	e.u.reset.state = TCPW_CLOSE_WAIT;
	e.u.reset.reason = 7;
	assert_string_equal(event_line(&e), HEAD("reset") CONNECTION
			    ",\"direction\":\"sent\","
			    "\"reason\":\"TCP_ABORT_ON_CLOSE\",\"state\":\"CLOSE_WAIT\"}\n");
	e.u.reset.reason = 12345;
	assert_value(&e, "reason", "\"12345\"");
	ctx.names.reset_reason = NULL;
	assert_value(&e, "reason", "\"12345\"");
	e.u.reset.reason = TCPW_REASON_UNKNOWN;
	assert_value(&e, "reason", "null");
}

static void json__reset_without_socket__has_a_tuple_only(void **state)
{
	struct lifecycle_event e = sample_transition(&connection);

	(void)state;
	e.kind = LIFECYCLE_RESET;
	e.connection = NULL;
	e.u.reset.direction = TCPW_RECEIVED;
	e.u.reset.state = TCPW_STATE_UNKNOWN;
	e.u.reset.reason = TCPW_REASON_UNKNOWN;
	assert_string_equal(event_line(&e), HEAD("reset") NO_CONNECTION
			    ",\"direction\":\"received\",\"reason\":null,\"state\":null}\n");
}

static void json__lost__has_stage_and_count(void **state)
{
	struct lifecycle_event e = {.kind = LIFECYCLE_LOST, .ts = SAMPLE_NOON + 123456789};

	(void)state;
	e.u.lost.stage = "ring";
	e.u.lost.count = 12;
	assert_string_equal(event_line(&e), HEAD("lost") ",\"stage\":\"ring\",\"count\":12}\n");
}

static void json__life__has_path_times_and_counts(void **state)
{
	struct lifecycle_connection c = sample_life(&owner);
	struct lifecycle_event e = {
		.kind = LIFECYCLE_LIFE,
		.ts = SAMPLE_NOON + 123456789,
		.connection = &c,
		.tuple = c.tuple,
	};

	(void)state;
	e.u.life.time_wait_pending = true;
	assert_string_equal(event_line(&e), HEAD("life") CONNECTION
			    ",\"start\":\"2026-03-01T12:00:00.000000000Z\","
			    "\"end\":\"2026-03-01T12:00:00.123456789Z\","
			    "\"path\":[{\"state\":\"SYN_SENT\",\"ns\":\"213400\",\"exact\":true},"
			    "{\"state\":\"ESTABLISHED\",\"ns\":\"1300000000\",\"exact\":true},"
			    "{\"state\":\"FIN_WAIT_1\",\"ns\":\"12000\",\"exact\":true},"
			    "{\"state\":\"FIN_WAIT_2\",\"ns\":\"340000\",\"exact\":true},"
			    "{\"state\":\"TIME_WAIT\",\"ns\":null,\"exact\":false}],"
			    "\"handshake_ns\":\"213400\",\"accept_wait_ns\":null,"
			    "\"bytes_sent\":\"1234\",\"bytes_received\":\"56789012\","
			    "\"retransmits\":2,\"srtt_us\":187,\"end_cause\":\"fin_received\","
			    "\"time_wait\":\"pending\"}\n");
}

static void json__life_of_unknown__is_null_not_zero(void **state)
{
	struct lifecycle_event e;

	(void)state;
	connection.path[0] = TCPW_ESTABLISHED;
	connection.path[1] = TCPW_CLOSE_WAIT;
	connection.path_len = 2;
	connection.entered[1] = SAMPLE_NOON;
	e = sample_transition(&connection);
	e.kind = LIFECYCLE_LIFE;
	e.u.life.time_wait_pending = false;
	assert_value(&e, "start", "null");
	assert_value(&e, "path",
		     "[{\"state\":\"ESTABLISHED\",\"ns\":null,\"exact\":false},"
		     "{\"state\":\"CLOSE_WAIT\",\"ns\":\"123456789\",\"exact\":true}]");
	assert_value(&e, "handshake_ns", "null");
	assert_value(&e, "bytes_sent", "null");
	assert_value(&e, "bytes_received", "null");
	assert_value(&e, "retransmits", "null");
	assert_value(&e, "srtt_us", "null");
	assert_value(&e, "time_wait", "null");
}

static void json__life_accepted__wait_runs_from_the_end_of_the_handshake(void **state)
{
	struct lifecycle_event e;

	(void)state;
	connection.path[0] = TCPW_SYN_RECEIVED;
	connection.path[1] = TCPW_ESTABLISHED;
	connection.path_len = 2;
	connection.entered[0] = 1000;
	connection.entered[1] = 4000;
	connection.accepted = 4500;
	e = sample_transition(&connection);
	e.kind = LIFECYCLE_LIFE;
	e.u.life.time_wait_pending = false;
	assert_value(&e, "handshake_ns", "\"3000\"");
	assert_value(&e, "accept_wait_ns", "\"500\"");
	connection.accepted = 1700; /* Fast Open */
	assert_value(&e, "accept_wait_ns", "\"700\"");
	connection.flags = TCPW_SOCK_FASTOPEN;
	connection.accepted = 4500;
	assert_value(&e, "accept_wait_ns", "\"3500\"");
	connection.flags = 0;
}

static void json__life_older_than_the_tracer__has_no_start_and_a_lower_bound(void **state)
{
	struct lifecycle_event e;

	(void)state;
	connection.began = LIFECYCLE_SNAPSHOT;
	connection.path[0] = TCPW_SYN_RECEIVED;
	connection.path[1] = TCPW_ESTABLISHED;
	connection.path_len = 2;
	connection.entered[0] = SAMPLE_NOON - 1000;
	connection.entered[1] = SAMPLE_NOON;
	connection.accepted = SAMPLE_NOON + 5;
	e = sample_transition(&connection);
	e.kind = LIFECYCLE_LIFE;
	e.u.life.time_wait_pending = false;
	assert_value(&e, "start", "null");
	assert_value(&e, "path",
		     "[{\"state\":\"SYN_RECEIVED\",\"ns\":\"1000\",\"exact\":false},"
		     "{\"state\":\"ESTABLISHED\",\"ns\":\"123456789\",\"exact\":true}]");
	assert_value(&e, "handshake_ns", "null");
	assert_value(&e, "accept_wait_ns", "\"5\"");
}

static const char *socket_line(const struct tcpw_socket *socket, enum tcpw_role role, bool aged)
{
	struct view_socket s = {
		.socket = socket,
		.role = role,
		.mono_ns = SAMPLE_NOON + 123456789,
		.age_ns = 42,
		.age_known = aged,
	};

	out.len = 0;
	json_socket(&out, &ctx, &s);
	buffer_char(&out, '\0');
	return out.data;
}

static void json__socket__has_every_key(void **state)
{
	struct tcpw_socket s = {
		.cookie = 77,
		.cgroup = 4711,
		.timer_ns = 200,
		.uid = 1000,
		.rx_queue = 3,
		.tx_queue = 4,
		.state = TCPW_ESTABLISHED,
		.tuple = sample_tuple("10.0.0.5", 43210, "10.0.0.9", 443),
	};

	(void)state;
	assert_string_equal(
		socket_line(&s, TCPW_ROLE_ACTIVE, true),
		HEAD("socket") ",\"conn\":\"77\",\"half_open\":null,\"began\":\"snapshot\","
			       "\"complete\":true" ADDRESSES
			       ",\"role\":\"active\",\"pid\":null,\"comm\":null,"
			       "\"uid\":1000,\"cgroup\":\"/system.slice/"
			       "nginx.service\",\"container\":null,"
			       "\"unit\":\"nginx.service\",\"kernel\":false,\"state\":"
			       "\"ESTABLISHED\","
			       "\"age_ns\":\"42\",\"timer_ns\":\"200\",\"rx_queue\":3,\"tx_queue\":"
			       "4,"
			       "\"accept_queue\":null,\"accept_queue_max\":null}\n");
}

static void json__listening_socket__has_an_accept_queue(void **state)
{
	struct tcpw_socket s = {.rx_queue = 0, .tx_queue = 511, .state = TCPW_LISTEN};
	json_object *object = parse(socket_line(&s, TCPW_ROLE_LISTENER, false));

	(void)state;
	assert_string_equal(value(object, "rx_queue"), "null");
	assert_string_equal(value(object, "tx_queue"), "null");
	assert_string_equal(value(object, "accept_queue"), "0");
	assert_string_equal(value(object, "accept_queue_max"), "511");
	assert_string_equal(value(object, "age_ns"), "null");
	json_object_put(object);
}

static void json__timewait_socket__has_neither_user_nor_queues(void **state)
{
	struct tcpw_socket s = {
		.cookie = 5,
		.mini = 2,
		.state = TCPW_TIME_WAIT,
		.timer_ns = TCPW_NO_TIMER,
	};
	json_object *object = parse(socket_line(&s, TCPW_ROLE_UNKNOWN, false));

	(void)state;
	assert_string_equal(value(object, "conn"), "\"5\"");
	assert_string_equal(value(object, "uid"), "null");
	assert_string_equal(value(object, "rx_queue"), "null");
	assert_string_equal(value(object, "accept_queue"), "null");
	assert_string_equal(value(object, "timer_ns"), "null");
	json_object_put(object);
}

static void json__request_socket__its_cookie_is_not_the_connections(void **state)
{
	struct tcpw_socket s = {.cookie = 5, .mini = 1, .state = TCPW_KERNEL_NEW_SYN_RECV};
	json_object *object = parse(socket_line(&s, TCPW_ROLE_PASSIVE, false));

	(void)state;
	assert_string_equal(value(object, "conn"), "null");
	assert_string_equal(value(object, "state"), "\"SYN_RECEIVED\"");
	json_object_put(object);
}

static void set_comm(const char *bytes, size_t len)
{
	memset(owner.comm, 0, sizeof(owner.comm));
	memcpy(owner.comm, bytes, len);
}

static const char *string_at(json_object *object, const char *key)
{
	json_object *field;

	assert_true(json_object_object_get_ex(object, key, &field));
	return json_object_get_string(field);
}

static void json__any_byte_in_a_name__reads_back_or_is_replaced(void **state)
{
	struct lifecycle_event e = sample_transition(&connection);

	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		const char bytes[] = {'a', (char)byte, 'z', '\0'};
		const char *expected = byte < 0x80 ? bytes : "a\xef\xbf\xbdz";
		json_object *object;

		set_comm(bytes, 3);
		sample_path = bytes;
		object = parse_event(&e);
		assert_string_equal(string_at(object, "comm"), expected);
		assert_string_equal(string_at(object, "cgroup"), expected);
		for (const char *p = out.data; *p != '\n'; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		json_object_put(object);
	}
}

static void json__broken_utf8__each_sequence_is_replaced_once(void **state)
{
	static const struct {
		const char *bytes, *expected;
	} cases[] = {
		{"\xc3\xa9", "\xc3\xa9"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xe2\x82", "\xef\xbf\xbd"},
		{"\xe2\x82z", "\xef\xbf\xbdz"},
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf0\x9f\x98z", "\xef\xbf\xbdz"},
		{"\xf0\x9f\xc3\xa9", "\xef\xbf\xbd\xc3\xa9"},
	};
	struct lifecycle_event e = sample_transition(&connection);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_object *object;

		set_comm(cases[i].bytes, strlen(cases[i].bytes));
		object = parse_event(&e);
		assert_string_equal(string_at(object, "comm"), cases[i].expected);
		json_object_put(object);
	}
}

static void json__c1_control__is_escaped(void **state)
{
	struct lifecycle_event e = sample_transition(&connection);

	(void)state;
	set_comm("\xc2\x9b", 2);
	assert_non_null(strstr(event_line(&e), "\"comm\":\"\\u009b\""));
}

static void json__random_bytes__always_parse(void **state)
{
	struct lifecycle_event e = sample_transition(&connection);
	char path[300];

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		size_t len = 1 + (size_t)random() % (sizeof(path) - 1);
		/* Half of the rounds from a few bytes that mean something together. */
		static const char few[] = "\xe2\x82\xac\xf0\x9f\x80\xc3\"\\\n\x1b\x7f/a:-.\xff";

		for (size_t i = 0; i < len; i++) {
			path[i] = (char)(random() & 0xff);
			if (round & 1)
				path[i] = few[(size_t)random() % (sizeof(few) - 1)];
		}
		path[len] = '\0';
		memcpy(owner.comm, path, len < TCPW_COMM_LEN ? len : TCPW_COMM_LEN);
		sample_path = path;
		ctx.host = round & 2 ? path : "h";
		json_object_put(parse_event(&e));
	}
}

static void json__longest_strings__fit_the_line(void **state)
{
	static char path[8192];
	struct lifecycle_connection c = sample_life(&owner);
	struct lifecycle_event e = {.kind = LIFECYCLE_LIFE, .ts = 0, .connection = &c};
	json_object *object;

	(void)state;
	memset(path, '\1', sizeof(path) - 1);
	memcpy(path + 5000, ".service", 8);
	c.path_len = LIFECYCLE_PATH_MAX;
	for (int i = 0; i < LIFECYCLE_PATH_MAX; i++) {
		c.path[i] = TCPW_SYN_RECEIVED;
		c.entered[i] = i % 2 ? UINT64_MAX : 1;
	}
	c.cookie = c.half_open = c.bytes_sent = c.bytes_received = UINT64_MAX;
	c.end_cause = TCPW_CAUSE_TIME_WAIT_OVERFLOW;
	memset(owner.comm, 1, sizeof(owner.comm));
	ctx.host = ctx.boot_id = sample_path = path;
	e.ts = INT64_MAX - 1;
	ctx.wall_offset = 0;
	buffer_release(&out);
	assert_int_equal(buffer_init(&out, -1, 65536), 0);
	object = parse_event(&e);
	assert_int_equal(strlen(string_at(object, "cgroup")), 4096);
	assert_int_equal(strlen(string_at(object, "host")), 64);
	assert_int_equal(strlen(string_at(object, "comm")), 16);
	json_object_put(object);

	/* One byte too little room: nothing is written. */
	out.size = strlen(out.data) - 1;
	out.len = 0;
	json_event(&out, &ctx, &e);
	assert_int_equal(out.len, 0);
	assert_int_equal(out.error, -ENOSPC);
}

#define JSON_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		JSON_TEST(json__transition__has_every_key_in_order),
		JSON_TEST(json__transition_of_unknown__is_null_not_zero),
		JSON_TEST(json__listener__has_no_remote_end),
		JSON_TEST(json__ipv6_socket_to_ipv4__is_ipv4),
		JSON_TEST(json__large_numbers__are_strings),
		JSON_TEST(json__retransmit_and_accept__have_their_keys),
		JSON_TEST(json__reset__reason_is_a_name_a_number_or_null),
		JSON_TEST(json__reset_without_socket__has_a_tuple_only),
		JSON_TEST(json__lost__has_stage_and_count),
		JSON_TEST(json__life__has_path_times_and_counts),
		JSON_TEST(json__life_of_unknown__is_null_not_zero),
		JSON_TEST(json__life_accepted__wait_runs_from_the_end_of_the_handshake),
		JSON_TEST(json__life_older_than_the_tracer__has_no_start_and_a_lower_bound),
		JSON_TEST(json__socket__has_every_key),
		JSON_TEST(json__listening_socket__has_an_accept_queue),
		JSON_TEST(json__timewait_socket__has_neither_user_nor_queues),
		JSON_TEST(json__request_socket__its_cookie_is_not_the_connections),
		JSON_TEST(json__any_byte_in_a_name__reads_back_or_is_replaced),
		JSON_TEST(json__broken_utf8__each_sequence_is_replaced_once),
		JSON_TEST(json__c1_control__is_escaped),
		JSON_TEST(json__random_bytes__always_parse),
		JSON_TEST(json__longest_strings__fit_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
