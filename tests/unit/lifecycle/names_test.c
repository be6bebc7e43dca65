/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names there and back, and what the kernel may send that has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "lifecycle/names.h"

static const struct {
	enum tcpw_state state;
	const char *spellings[5];
} states[] = {
#define X(id, value, rfc, label, ss, node, otel) {TCPW_##id, {rfc, label, ss, node, otel}},
	TCPW_STATES(X)
#undef X
};

static void state_parse__every_spelling_in_any_case__is_the_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		for (int j = 0; j < 5; j++) {
			char word[32];

			assert_int_equal(state_parse(states[i].spellings[j]), states[i].state);
			strcpy(word, states[i].spellings[j]);
			for (char *p = word; *p; p++)
				*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
			assert_int_equal(state_parse(word), states[i].state);
			for (char *p = word; *p; p++)
				*p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
			assert_int_equal(state_parse(word), states[i].state);
		}
	}
}

static void state_parse__words_of_ss_and_netstat__are_states(void **state)
{
	(void)state;
	assert_int_equal(state_parse("time-wait"), TCPW_TIME_WAIT);
	assert_int_equal(state_parse("syn-recv"), TCPW_SYN_RECEIVED);
	assert_int_equal(state_parse("fin-wait-1"), TCPW_FIN_WAIT_1);
	assert_int_equal(state_parse("FIN_WAIT2"), TCPW_FIN_WAIT_2);
	assert_int_equal(state_parse("closed"), TCPW_CLOSED);
	assert_int_equal(state_parse("listening"), TCPW_LISTEN);
	assert_int_equal(state_parse("established"), TCPW_ESTABLISHED);
	assert_int_equal(state_parse("estab"), TCPW_ESTABLISHED);
}

static void state_parse__anything_else__is_unknown(void **state)
{
	(void)state;
	assert_int_equal(state_parse(""), TCPW_STATE_UNKNOWN);
	assert_int_equal(state_parse("_-"), TCPW_STATE_UNKNOWN);
	assert_int_equal(state_parse("clos"), TCPW_STATE_UNKNOWN);
	assert_int_equal(state_parse("closedd"), TCPW_STATE_UNKNOWN);
	assert_int_equal(state_parse("unknown"), TCPW_STATE_UNKNOWN);
}

static void names__every_value__has_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		assert_string_equal(state_name(states[i].state), states[i].spellings[0]);
		assert_string_equal(state_label(states[i].state), states[i].spellings[1]);
	}
	assert_string_equal(cause_name(TCPW_CAUSE_TIME_WAIT_REUSED), "time_wait_reused");
	assert_string_equal(cause_text(TCPW_CAUSE_TIMEOUT), "retransmission was given up");
	assert_string_equal(role_name(TCPW_ROLE_LISTENER), "listener");
	assert_string_equal(retransmit_kind_name(TCPW_RETRANSMIT_SYN_ACK), "syn_ack");
	assert_string_equal(program_name(TCPW_PROGRAM_TIMER_CANCEL), "timer_cancel");
}

static void names__values_out_of_range__are_unknown(void **state)
{
	(void)state;
	assert_string_equal(state_name(TCPW_STATE_UNKNOWN), "UNKNOWN");
	assert_string_equal(state_name((enum tcpw_state)12), "UNKNOWN");
	assert_string_equal(state_name((enum tcpw_state) - 1), "UNKNOWN");
	assert_string_equal(state_label((enum tcpw_state)255), "unknown");
	assert_string_equal(cause_name(TCPW_CAUSE_COUNT), "unknown");
	assert_string_equal(cause_text((enum tcpw_cause)999), "the evidence does not say");
	assert_string_equal(role_name(TCPW_ROLE_COUNT), "unknown");
	assert_string_equal(retransmit_kind_name((enum tcpw_retransmit_kind)0), "unknown");
	assert_string_equal(program_name(TCPW_PROGRAM_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_parse__every_spelling_in_any_case__is_the_state),
		cmocka_unit_test(state_parse__words_of_ss_and_netstat__are_states),
		cmocka_unit_test(state_parse__anything_else__is_unknown),
		cmocka_unit_test(names__every_value__has_its_own),
		cmocka_unit_test(names__values_out_of_range__are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
