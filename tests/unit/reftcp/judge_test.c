/* SPDX-License-Identifier: BSD-2-Clause */
/* What a shadow says of single segments: the endpoint is made to lie, one way at a time, and each
 * lie must be found by its name; joining in the middle; what is no finding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/inetsum.h"
#include "reftcp/segment.h"
#include "reftcp/shadow.h"

static struct reftcp_endpoint end_of(int i)
{
	struct reftcp_endpoint e = {{4, {10, 0, 0, (uint8_t)(1 + i)}}, (uint16_t)(i ? 80 : 7000)};

	return e;
}

/* A connection as its shadow saw it: the endpoint's SYN, the peer's SYN,ACK, and so on, with
 * numbers relative to both ISNs. */
struct scene {
	struct reftcp_shadows *set;
	struct reftcp_endpoint local, remote;
	reftcp_time now;
	struct reftcp_shadow_verdict v;
};

static size_t make(uint8_t *buf, const struct reftcp_endpoint *src,
		   const struct reftcp_endpoint *dst, uint8_t ctl, uint32_t seq, uint32_t ack,
		   uint16_t wnd, const struct tcpopt *opt, size_t len)
{
	struct segment seg = {.src = *src,
			      .dst = *dst,
			      .ttl = 64,
			      .ctl = ctl,
			      .seq = seq_of(seq),
			      .ack = seq_of(ack),
			      .wnd = wnd,
			      .text_len = (uint32_t)len};
	size_t head;

	if (opt)
		seg.opt = *opt;
	head = segment_header_length(&seg);
	memset(buf + head, 'x', len);
	segment_build(&seg, len ? inetsum_add(0, buf + head, len) : 0, buf);
	return head + len;
}

static uint32_t sent(struct scene *s, uint8_t ctl, uint32_t seq, uint32_t ack, uint16_t wnd,
		     const struct tcpopt *opt, size_t len)
{
	static uint8_t buf[9000];
	size_t n = make(buf, &s->local, &s->remote, ctl, 5000 + seq, 90000 + ack, wnd, opt, len);

	s->now += REFTCP_MS;
	assert_int_equal(reftcp_shadow_sent(s->set, buf, n, s->now, &s->v), 0);
	return s->v.findings;
}

static void received(struct scene *s, uint8_t ctl, uint32_t seq, uint32_t ack, uint16_t wnd,
		     const struct tcpopt *opt, size_t len)
{
	static uint8_t buf[9000];
	size_t n = make(buf, &s->remote, &s->local, ctl, 90000 + seq, 5000 + ack, wnd, opt, len);

	s->now += REFTCP_MS;
	assert_int_equal(reftcp_shadow_received(s->set, buf, n, s->now, &s->v), 0);
}

static const struct tcpopt mss1000 = {.has = TCPOPT_MSS, .mss = 1000};

static enum reftcp_state where(const struct scene *s)
{
	return reftcp_shadow_state(s->set, &s->local, &s->remote);
}

static void open_scene(struct scene *s, const struct tcpopt *opt)
{
	struct reftcp_shadows_config config = {
		.endpoints = 2, .verify_checksums = true, .wire_sizes = true};

	memset(s, 0, sizeof(*s));
	s->local = end_of(0);
	s->remote = end_of(1);
	s->now = REFTCP_S;
	assert_int_equal(reftcp_shadows_new(&s->set, &config, s->now), 0);
	assert_int_equal(sent(s, CTL_SYN, 0, 0, 8000, opt, 0), 0);
	assert_int_equal(where(s), REFTCP_SYN_SENT);
	received(s, CTL_SYN | CTL_ACK, 0, 1, 4000, opt, 0);
	assert_int_equal(where(s), REFTCP_ESTABLISHED);
	assert_int_equal(sent(s, CTL_ACK, 1, 1, 8000, NULL, 0) &
				 ~(1u << REFTCP_FINDING_timestamp_missing),
			 0);
}

#define FOUND(kind) (1u << REFTCP_FINDING_##kind)

static void lie__ack_beyond_what_came__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	received(&s, CTL_ACK, 1, 1, 4000, NULL, 100);
	assert_int_equal(sent(&s, CTL_ACK, 1, 101, 8000, NULL, 0), 0);
	assert_int_equal(sent(&s, CTL_ACK, 1, 102, 8000, NULL, 0), FOUND(ack_beyond));
	reftcp_shadows_free(s.set);
}

static void lie__ack_goes_back__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	received(&s, CTL_ACK, 1, 1, 4000, NULL, 100);
	assert_int_equal(sent(&s, CTL_ACK, 1, 101, 8000, NULL, 0), 0);
	assert_int_equal(sent(&s, CTL_ACK, 1, 100, 8001, NULL, 0), FOUND(ack_recedes));
	reftcp_shadows_free(s.set);
}

static void lie__hole_in_the_numbers__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	assert_int_equal(sent(&s, CTL_ACK, 1, 1, 8000, NULL, 500), 0);
	assert_int_equal(sent(&s, CTL_ACK, 502, 1, 8000, NULL, 500), FOUND(gap));
	reftcp_shadows_free(s.set);
}

static void lie__data_after_fin__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	assert_int_equal(sent(&s, CTL_ACK | CTL_FIN, 1, 1, 8000, NULL, 500), 0);
	assert_int_equal(where(&s), REFTCP_FIN_WAIT_1);
	assert_int_equal(sent(&s, CTL_ACK | CTL_FIN, 1, 1, 8000, NULL, 500), 0); /* again */
	assert_int_equal(sent(&s, CTL_ACK, 502, 1, 8000, NULL, 10), FOUND(after_fin));
	assert_int_equal(sent(&s, CTL_ACK | CTL_FIN, 401, 1, 8000, NULL, 50), FOUND(fin_moved));
	reftcp_shadows_free(s.set);
}

static void lie__beyond_the_peers_window__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(sent(&s, CTL_ACK, 1 + i * 1000, 1, 8000, NULL, 1000), 0);
	assert_int_equal(sent(&s, CTL_ACK, 4001, 1, 8000, NULL, 1), 0); /* a probe */
	assert_int_equal(sent(&s, CTL_ACK, 4002, 1, 8000, NULL, 2), FOUND(beyond_window));
	reftcp_shadows_free(s.set);
}

static void lie__window_taken_back__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	assert_int_equal(sent(&s, CTL_ACK, 1, 1, 7999, NULL, 0), FOUND(window_shrunk));
	received(&s, CTL_ACK, 1, 1, 4000, NULL, 100);
	assert_int_equal(sent(&s, CTL_ACK, 1, 101, 7900, NULL, 0), 0);
	reftcp_shadows_free(s.set);
}

static void lie__larger_than_the_mss__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	assert_int_equal(sent(&s, CTL_ACK, 1, 1, 8000, NULL, 1001), FOUND(mss_exceeded));
	assert_int_equal(sent(&s, CTL_ACK, 1002, 1, 8000, &mss1000, 10), FOUND(mss_on_data));
	reftcp_shadows_free(s.set);
}

static void lie__no_timestamp_though_agreed__is_found(void **state)
{
	struct tcpopt ts = {.has = TCPOPT_MSS | TCPOPT_TS, .mss = 1000, .ts_val = 5};
	struct tcpopt just_ts = {.has = TCPOPT_TS, .ts_val = 6};
	struct scene s;

	(void)state;
	open_scene(&s, &ts);
	assert_int_equal(sent(&s, CTL_ACK, 1, 1, 8000, &just_ts, 10), 0);
	assert_int_equal(sent(&s, CTL_ACK, 11, 1, 8000, NULL, 10), FOUND(timestamp_missing));
	reftcp_shadows_free(s.set);
}

static void lie__syn_in_the_middle__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	assert_int_equal(sent(&s, CTL_SYN, 0, 0, 8000, &mss1000, 0) & FOUND(syn_again),
			 FOUND(syn_again));
	assert_int_equal(sent(&s, 0, 1, 0, 8000, NULL, 10), FOUND(no_ack_bit));
	reftcp_shadows_free(s.set);
}

static void lie__another_isn__is_found(void **state)
{
	struct reftcp_shadows_config config = {.endpoints = 2};
	struct scene s = {.local = end_of(0), .remote = end_of(1), .now = REFTCP_S};

	(void)state;
	assert_int_equal(reftcp_shadows_new(&s.set, &config, s.now), 0);
	assert_int_equal(sent(&s, CTL_SYN, 0, 0, 8000, NULL, 0), 0);
	assert_int_equal(sent(&s, CTL_SYN, 0, 0, 8000, NULL, 0), 0);
	assert_int_equal(sent(&s, CTL_SYN, 1, 0, 8000, NULL, 0), FOUND(syn_again));
	assert_int_equal(sent(&s, CTL_ACK, 1, 0, 8000, NULL, 5), FOUND(data_before_open));
	reftcp_shadows_free(s.set);
}

static void lie__option_the_syn_did_not_have__is_found(void **state)
{
	struct reftcp_shadows_config config = {.endpoints = 2};
	struct tcpopt scale = {.has = TCPOPT_SCALE, .scale = 2};
	struct scene s = {.local = end_of(0), .remote = end_of(1), .now = REFTCP_S};

	(void)state;
	assert_int_equal(reftcp_shadows_new(&s.set, &config, s.now), 0);
	received(&s, CTL_SYN, 0, 0, 4000, &mss1000, 0);
	assert_int_equal(s.v.outcome, REFTCP_SHADOW_UNKNOWN);
	assert_int_equal(where(&s), REFTCP_CLOSED); /* nobody has answered yet */
	assert_int_equal(sent(&s, CTL_SYN | CTL_ACK, 0, 1, 8000, &scale, 0),
			 FOUND(option_not_offered));
	assert_int_equal(where(&s), REFTCP_SYN_RECEIVED);
	reftcp_shadows_free(s.set);
}

static void lie__reset_from_nowhere__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	assert_int_equal(sent(&s, CTL_RST, 700, 0, 0, NULL, 0), FOUND(reset_not_due));
	assert_int_equal(where(&s), REFTCP_CLOSED);
	reftcp_shadows_free(s.set);
	open_scene(&s, &mss1000);
	assert_int_equal(sent(&s, CTL_RST, 1, 0, 0, NULL, 0), 0);
	assert_int_equal(where(&s), REFTCP_CLOSED);
	reftcp_shadows_free(s.set);
}

static void lie__data_after_the_end__is_found(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	received(&s, CTL_RST, 1, 0, 0, NULL, 0);
	assert_int_equal(where(&s), REFTCP_CLOSED);
	assert_int_equal(sent(&s, CTL_RST, 1, 0, 0, NULL, 0), 0);
	assert_int_equal(sent(&s, CTL_ACK, 1, 1, 8000, NULL, 5), FOUND(not_open));
	/* A new connection under the same name is another matter. */
	assert_int_equal(sent(&s, CTL_SYN, 7000, 0, 8000, &mss1000, 0), 0);
	received(&s, CTL_SYN | CTL_ACK, 0, 7001, 4000, &mss1000, 0);
	assert_int_equal(sent(&s, CTL_ACK, 7001, 1, 8000, NULL, 5), 0);
	reftcp_shadows_free(s.set);
}

/* An answer the RFC wants is told, so that its absence can be seen. */
static void received__outside_the_window__an_answer_is_due(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	received(&s, CTL_ACK, 20000, 1, 4000, NULL, 10);
	assert_true(s.v.answer_due);
	assert_string_equal(s.v.verdict.step, "first, check sequence number");
	received(&s, CTL_RST, 5, 0, 0, NULL, 0);
	assert_true(s.v.answer_due);
	assert_int_equal(where(&s), REFTCP_ESTABLISHED);
	received(&s, CTL_RST, 1, 0, 0, NULL, 0);
	assert_int_equal(where(&s), REFTCP_CLOSED);
	reftcp_shadows_free(s.set);
}

static void sent__of_a_connection_not_seen_to_begin__is_unknown(void **state)
{
	struct reftcp_shadows_config config = {.endpoints = 1};
	struct scene s = {.local = end_of(0), .remote = end_of(1), .now = REFTCP_S};

	(void)state;
	assert_int_equal(reftcp_shadows_new(&s.set, &config, s.now), 0);
	sent(&s, CTL_ACK, 1, 1, 8000, NULL, 10);
	assert_int_equal(s.v.outcome, REFTCP_SHADOW_UNKNOWN);
	assert_int_equal(reftcp_shadow_sent(s.set, "junk", 4, s.now, &s.v), 0);
	assert_int_equal(s.v.outcome, REFTCP_SHADOW_UNREADABLE);
	sent(&s, CTL_SYN, 0, 0, 8000, NULL, 0);
	assert_int_equal(s.v.outcome, REFTCP_SHADOW_FOLLOWED);
	s.local.port++;
	sent(&s, CTL_SYN, 0, 0, 8000, NULL, 0);
	assert_int_equal(s.v.outcome, REFTCP_SHADOW_FULL);
	reftcp_shadows_free(s.set);
}

static void joined__established__is_followed_to_its_end(void **state)
{
	struct reftcp_shadows_config config = {.endpoints = 2, .wire_sizes = true};
	struct scene s = {.local = end_of(0), .remote = end_of(1), .now = REFTCP_S};

	(void)state;
	assert_int_equal(reftcp_shadows_new(&s.set, &config, s.now), 0);
	assert_int_equal(reftcp_shadow_join(s.set, &s.local, &s.remote, REFTCP_SYN_SENT, 0),
			 -EINVAL);
	assert_int_equal(reftcp_shadow_join(s.set, &s.local, &s.remote, REFTCP_ESTABLISHED, 0), 0);
	assert_int_equal(reftcp_shadow_join(s.set, &s.local, &s.remote, REFTCP_ESTABLISHED, 0),
			 -EADDRINUSE);
	received(&s, CTL_ACK, 7000, 3000, 10, NULL, 100);
	assert_true(s.v.joined);
	assert_int_equal(sent(&s, CTL_ACK, 3000, 7100, 10, NULL, 4000), 0);
	assert_int_equal(sent(&s, CTL_ACK, 7001, 7100, 10, NULL, 10), FOUND(gap));
	received(&s, CTL_RST, 7050, 0, 0, NULL, 0); /* old by now */
	assert_int_equal(where(&s), REFTCP_ESTABLISHED);
	received(&s, CTL_ACK, 7100, 7011, 10, NULL, 0);
	assert_int_equal(sent(&s, CTL_ACK | CTL_FIN, 7011, 7100, 10, NULL, 0), 0);
	assert_int_equal(where(&s), REFTCP_FIN_WAIT_1);
	received(&s, CTL_ACK, 7100, 7012, 10, NULL, 0);
	assert_int_equal(where(&s), REFTCP_FIN_WAIT_2);
	received(&s, CTL_ACK | CTL_FIN, 7100, 7012, 10, NULL, 0);
	assert_int_equal(where(&s), REFTCP_TIME_WAIT);
	reftcp_shadows_free(s.set);
}

/* The FIN had come before; what is left is the endpoint's own end. */
static void joined__close_wait__is_followed_to_its_end(void **state)
{
	struct reftcp_shadows_config config = {.endpoints = 2};
	struct scene s = {.local = end_of(0), .remote = end_of(1), .now = REFTCP_S};

	(void)state;
	assert_int_equal(reftcp_shadows_new(&s.set, &config, s.now), 0);
	assert_int_equal(reftcp_shadow_join(s.set, &s.local, &s.remote, REFTCP_CLOSE_WAIT, 0), 0);
	assert_int_equal(sent(&s, CTL_ACK, 3000, 7100, 10, NULL, 50), 0);
	received(&s, CTL_ACK, 7100, 3050, 10, NULL, 0);
	assert_int_equal(sent(&s, CTL_ACK | CTL_FIN, 3050, 7100, 10, NULL, 0), 0);
	assert_int_equal(where(&s), REFTCP_LAST_ACK);
	received(&s, CTL_ACK, 7100, 3051, 10, NULL, 0);
	assert_int_equal(where(&s), REFTCP_CLOSED);
	reftcp_shadows_free(s.set);
}

/* RFC 9293 3.10.7.4, fifth: a bad ACK in SYN-RECEIVED is answered by a reset, and that is all. */
static void sent__reset_for_a_bad_ack__leaves_syn_received(void **state)
{
	struct reftcp_shadows_config config = {.endpoints = 2};
	struct scene s = {.local = end_of(0), .remote = end_of(1), .now = REFTCP_S};

	(void)state;
	assert_int_equal(reftcp_shadows_new(&s.set, &config, s.now), 0);
	received(&s, CTL_SYN, 0, 0, 4000, &mss1000, 0);
	assert_int_equal(sent(&s, CTL_SYN | CTL_ACK, 0, 1, 8000, &mss1000, 0), 0);
	received(&s, CTL_ACK, 1, 77, 4000, NULL, 0);
	assert_true(s.v.reset_due);
	assert_int_equal(sent(&s, CTL_RST, 77, 0, 0, NULL, 0), 0);
	assert_int_equal(where(&s), REFTCP_SYN_RECEIVED);
	received(&s, CTL_ACK, 1, 1, 4000, NULL, 0);
	assert_int_equal(where(&s), REFTCP_ESTABLISHED);
	reftcp_shadows_free(s.set);
}

/* More gaps than a shadow remembers: it does not hold the endpoint's better memory against it. */
static void sent__ack_of_what_the_shadow_could_not_keep__is_no_finding(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, &mss1000);
	for (uint32_t i = 1; i <= 40; i++)
		received(&s, CTL_ACK, 1 + i * 20, 1, 4000, NULL, 10);
	for (uint32_t i = 0; i <= 40; i++)
		received(&s, CTL_ACK, 11 + i * 20, 1, 4000, NULL, 10);
	received(&s, CTL_ACK, 1, 1, 4000, NULL, 10);
	assert_int_equal(sent(&s, CTL_ACK, 1, 831, 8000, NULL, 0), 0);
	assert_int_equal(sent(&s, CTL_ACK, 1, 832, 8000, NULL, 0), FOUND(ack_beyond));
	reftcp_shadows_free(s.set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lie__ack_beyond_what_came__is_found),
		cmocka_unit_test(lie__ack_goes_back__is_found),
		cmocka_unit_test(lie__hole_in_the_numbers__is_found),
		cmocka_unit_test(lie__data_after_fin__is_found),
		cmocka_unit_test(lie__beyond_the_peers_window__is_found),
		cmocka_unit_test(lie__window_taken_back__is_found),
		cmocka_unit_test(lie__larger_than_the_mss__is_found),
		cmocka_unit_test(lie__no_timestamp_though_agreed__is_found),
		cmocka_unit_test(lie__syn_in_the_middle__is_found),
		cmocka_unit_test(lie__another_isn__is_found),
		cmocka_unit_test(lie__option_the_syn_did_not_have__is_found),
		cmocka_unit_test(lie__reset_from_nowhere__is_found),
		cmocka_unit_test(joined__established__is_followed_to_its_end),
		cmocka_unit_test(joined__close_wait__is_followed_to_its_end),
		cmocka_unit_test(sent__reset_for_a_bad_ack__leaves_syn_received),
		cmocka_unit_test(sent__ack_of_what_the_shadow_could_not_keep__is_no_finding),
		cmocka_unit_test(lie__data_after_the_end__is_found),
		cmocka_unit_test(received__outside_the_window__an_answer_is_due),
		cmocka_unit_test(sent__of_a_connection_not_seen_to_begin__is_unknown),
	};

	return cmocka_run_group_tests_name("reftcp_judge", tests, NULL, NULL);
}
