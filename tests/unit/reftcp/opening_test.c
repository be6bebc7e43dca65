/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEGMENT ARRIVES before a connection is synchronized, RFC 9293 3.10.7.1 to 3.10.7.3: no
 * connection, listeners with and without a backlog, cookies, SYN-SENT. Cases are named
 * rcv_<event>_<state>_<position>.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/peer_case.h"
#include "reftcp/secret.h"

/* ---- 3.10.7.1 ---- */

static void rcv_syn_closed_any(void **state)
{
	(void)state;
	peer_send(&p, CTL_SYN, 7, 0, "abc", 3);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST | CTL_ACK);
	assert_int_equal(p.out.seq.n + p.iss, 0); /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN> */
	assert_int_equal(p.out.ack.n, 7 + 4);
	assert_stopped("RFC 9293 3.10.7.1", "CLOSED, answer with a reset", REFTCP_ANSWERED);
}

static void rcv_ack_closed_any(void **state)
{
	(void)state;
	peer_send(&p, CTL_ACK, 7, 99, NULL, 0);
	assert_out(CTL_RST, 99, 0);
}

static void rcv_rst_closed_any(void **state)
{
	(void)state;
	peer_send(&p, CTL_RST | CTL_ACK, 7, 99, NULL, 0);
	assert_quiet();
	assert_int_equal(p.verdict.disposition, REFTCP_DROPPED);
}

/* ---- 3.10.7.2 ---- */

static void rcv_rst_listen_any(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_RST, 1, 0, NULL, 0);
	assert_quiet();
	assert_stopped("RFC 9293 3.10.7.2", "first, check for a RST", REFTCP_DROPPED);
	assert_int_equal(peer_state(&p), REFTCP_LISTEN);
}

static void rcv_ack_listen_any(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_ACK, 1, 77, NULL, 0);
	assert_out(CTL_RST, 77, 0);
	assert_int_equal(peer_state(&p), REFTCP_LISTEN);
}

static void rcv_fin_listen_no_ack(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_FIN, 1, 0, NULL, 0);
	assert_quiet();
	assert_stopped("RFC 9293 3.10.7.2", "fourth, other data or control", REFTCP_DROPPED);
}

static void rcv_syn_listen_any(void **state)
{
	struct reftcp_status st;

	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_out(CTL_SYN | CTL_ACK, 0, 1);
	assert_int_equal(p.out.opt.has, TCPOPT_MSS);
	assert_int_equal(p.out.opt.mss, 1460);
	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	assert_int_equal(st.irs, PEER_ISN);
	assert_int_equal(st.rcv_nxt, PEER_ISN + 1);
	assert_int_equal(st.snd_una, st.iss);
	assert_int_equal(st.snd_nxt, st.iss + 1);
	assert_int_equal(st.snd_wnd, PEER_WINDOW);
}

/* "Any other incoming control or data will be processed in the SYN-RECEIVED state." */
static void rcv_syn_listen_with_text(void **state)
{
	struct reftcp_received got;
	char buf[10];

	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	peer_send(&p, CTL_SYN, 0, 0, "early", 5);
	assert_out(CTL_SYN | CTL_ACK, 0, 1);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got), -EAGAIN);
	peer_send(&p, CTL_ACK, 6, 1, NULL, 0);
	assert_out(CTL_ACK, 1, 6);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got), 0);
	assert_int_equal(got.len, 5);
	assert_memory_equal(buf, "early", 5);
}

/* ---- 3.10.7.3 ---- */

static void rcv_ack_syn_sent_unacceptable(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	peer_send(&p, CTL_ACK, 0, 2, NULL, 0);
	assert_out(CTL_RST, 2, 0);
	peer_send(&p, CTL_SYN | CTL_ACK, 0, 0, NULL, 0);
	assert_out(CTL_RST, 0, 0);
	peer_send(&p, CTL_RST | CTL_ACK, 0, 2, NULL, 0);
	assert_quiet();
	assert_int_equal(peer_state(&p), REFTCP_SYN_SENT);
}

static void rcv_rst_syn_sent_no_ack(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	peer_send(&p, CTL_RST, 0, 0, NULL, 0);
	assert_quiet();
	assert_int_equal(peer_state(&p), REFTCP_SYN_SENT);
	assert_stopped("RFC 9293 3.10.7.3", "second, check the RST bit", REFTCP_DROPPED);
}

static void rcv_ack_syn_sent_no_syn(void **state)
{
	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	peer_send(&p, CTL_ACK, 0, 1, NULL, 0);
	assert_quiet();
	assert_stopped("RFC 9293 3.10.7.3", "fifth, neither SYN nor RST", REFTCP_DROPPED);
}

static void rcv_syn_ack_syn_sent_with_text_and_fin(void **state)
{
	struct reftcp_received got;
	char buf[10];

	(void)state;
	peer_reach(&p, REFTCP_SYN_SENT);
	peer_send(&p, CTL_SYN | CTL_ACK | CTL_FIN, 0, 1, "hi", 2);
	assert_int_equal(peer_state(&p), REFTCP_CLOSE_WAIT);
	assert_out(CTL_ACK, 1, 4);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got), 0);
	assert_int_equal(got.len, 2);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got), 0);
	assert_true(got.end);
}

/* RFC 9293 3.5, Figure 8: both ends get there, [MUST-10]. */
static void rcv_syn_syn_sent_crossed(void **state)
{
	(void)state;
	peer_reach_crossed(&p);
	/* The peer's SYN,ACK repeats its SYN, left of the window: an ACK answers it. */
	peer_send(&p, CTL_SYN | CTL_ACK, 0, 1, NULL, 0);
	assert_out(CTL_ACK, 1, 1);
	assert_int_equal(peer_state(&p), REFTCP_SYN_RECEIVED);
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
}

/* ---- listeners with a backlog ---- */

static void rcv_syn_listen_backlog_full(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 2};
	reftcp_id child;

	(void)state;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	for (unsigned int i = 0; i < 3; i++) {
		p.theirs.port = (uint16_t)(5000 + i);
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		assert_int_equal(peer_take(&p), i < 2);
	}
	assert_int_equal(reftcp_counters(p.stack)->syn_dropped, 1);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &child), -EAGAIN);
	p.theirs.port = 5001;
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &child), 0);
	p.id = child;
	assert_int_equal(peer_state(&p), REFTCP_ESTABLISHED);
	assert_true(peer_events(&p) & REFTCP_EVENT_ESTABLISHED);
}

static void from_port(uint16_t port, uint8_t ctl, uint32_t *iss)
{
	p.theirs.port = port;
	p.iss = *iss;
	peer_send(&p, ctl, ctl & CTL_SYN ? 0 : 1, 1, NULL, 0);
	if (ctl & CTL_SYN) {
		assert_true(peer_take(&p));
		*iss = p.iss;
	}
}

/* The accept queue fills up while a handshake is under way: the ACK is as if lost. */
static void rcv_ack_syn_received_accept_queue_full(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 2};
	uint32_t a = 0, b = 0, c = 0;

	(void)state;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	from_port(5000, CTL_SYN, &a);
	from_port(5001, CTL_SYN, &b);
	from_port(5000, CTL_ACK, &a);
	from_port(5002, CTL_SYN, &c);
	from_port(5001, CTL_ACK, &b);
	from_port(5002, CTL_ACK, &c);
	assert_stopped("RFC 9293 3.9.1.1", "room in the accept queue", REFTCP_DROPPED);
	assert_int_equal(reftcp_counters(p.stack)->accept_queue_full, 1);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &p.id), 0);
	from_port(5002, CTL_ACK, &c);
	assert_int_equal(p.verdict.after, REFTCP_ESTABLISHED);
}

/* The listener that names the peer is for it, whichever was opened first. */
static void rcv_syn_listen_best_fit(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		reftcp_id id[2];

		peer_end(&p);
		peer_init(&p);
		peer_start(&p);
		for (int i = 0; i < 2; i++) {
			struct reftcp_open args = {.local = p.ours, .backlog = 1};

			if (i == order)
				args.remote = p.theirs;
			assert_int_equal(reftcp_open(p.stack, &args, p.now, &id[i]), 0);
		}
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		peer_drain(&p);
		peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
		assert_int_equal(reftcp_accept(p.stack, id[order], p.now, &p.id), 0);
	}
}

/* Without timestamps only a higher number makes a SYN newer. */
static void rcv_syn_time_wait_old(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 2};

	(void)state;
	peer_reach(&p, REFTCP_TIME_WAIT);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	peer_send(&p, CTL_SYN, 2, 0, NULL, 0);
	assert_int_equal(peer_state(&p), REFTCP_TIME_WAIT);
	assert_out(CTL_ACK, 2, 2);
}

/* Table 6, first row: a bare ACK at RCV.NXT is fine with a window of zero. */
static void rcv_ack_established_zero_window(void **state)
{
	static uint8_t fill[1000];

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	for (uint32_t i = 0; i < 20; i++)
		peer_send(&p, CTL_ACK, 1 + i * 1000, 1, fill, 1000);
	peer_drain(&p);
	peer_send(&p, CTL_ACK, 20001, 1, NULL, 0);
	assert_int_equal(p.verdict.disposition, REFTCP_ACCEPTED);
	assert_quiet();
	peer_send(&p, CTL_ACK, 20002, 1, NULL, 0);
	assert_int_equal(p.verdict.disposition, REFTCP_ANSWERED);
}

/* A FIN takes a number: the window's right edge stays. */
static void rcv_fin_established_window_edge(void **state)
{
	struct reftcp_status before, after;

	(void)state;
	peer_reach(&p, REFTCP_ESTABLISHED);
	reftcp_status(p.stack, p.id, &before);
	peer_send(&p, CTL_FIN | CTL_ACK, 1, 1, NULL, 0);
	reftcp_status(p.stack, p.id, &after);
	assert_int_equal(after.rcv_nxt + after.rcv_wnd, before.rcv_nxt + before.rcv_wnd);
}

/* RFC 7323 4.3: a segment beyond a gap does not set TS.Recent. */
static void rcv_data_established_timestamp_beyond_gap(void **state)
{
	(void)state;
	start_with(with_timestamps);
	p.ts_on = true;
	p.ts_val = 1000;
	peer_reach(&p, REFTCP_ESTABLISHED);
	p.ts_val = 1020;
	peer_send(&p, CTL_ACK, 11, 1, "later", 5);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.opt.ts_ecr, 1000);
}

/* ---- SYN cookies, RFC 4987 3.6 ---- */

static void with_cookies(struct reftcp_config *c)
{
	c->syn_cookies = true;
	c->personality = REFTCP_LINUX; /* its least RTO is not the first */
	c->timestamps = c->sack = c->window_scale = true;
}

/* A listener of one whose only place is taken: the next SYN is answered by a cookie. */
static void fill_backlog(void)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 1};

	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	p.theirs.port = 5000;
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_int_equal(peer_drain(&p), 1);
	p.theirs.port = 5001;
}

static void rcv_syn_listen_cookie_round_trip(void **state)
{
	struct reftcp_status st;

	(void)state;
	start_with(with_cookies);
	fill_backlog();
	p.ts_on = true;
	p.ts_val = 77;
	p.syn_opt.has |= TCPOPT_SCALE | TCPOPT_SACK_OK;
	p.syn_opt.scale = 6;
	p.syn_opt.mss = 1300;
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_int_equal(p.verdict.disposition, REFTCP_ANSWERED);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_SYN | CTL_ACK);
	assert_int_equal(p.out.opt.has, TCPOPT_MSS | TCPOPT_TS | TCPOPT_SCALE | TCPOPT_SACK_OK);
	assert_int_equal(reftcp_status(p.stack, p.listener, &st), 0);
	assert_int_equal(st.syn_queue, 1); /* nothing remembered */
	p.now += 50 * REFTCP_S;
	peer_send(&p, CTL_ACK, 1, 1, "data", 4);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &p.id), 0);
	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	assert_int_equal(st.state, REFTCP_ESTABLISHED);
	assert_int_equal(st.snd_scale, 6);
	assert_true(st.sack && st.timestamps);
	assert_int_equal(st.mss, 1220 - 12); /* the entry below 1300 */
	assert_int_equal(st.rto, REFTCP_S);  /* nobody knows when the SYN,ACK left */
	assert_int_equal(st.unread, 4);
	assert_int_equal(st.unacked, 0);
	assert_int_equal(reftcp_counters(p.stack)->cookies_taken, 1);
}

static void rcv_ack_listen_false_cookie(void **state)
{
	(void)state;
	start_with(with_cookies);
	fill_backlog();
	/* While no cookies are out, none is believed. */
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_out(CTL_RST, 1, 0);
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	for (uint32_t bit = 0; bit < 32; bit++) {
		peer_send(&p, CTL_ACK, 1, 1 + (1u << bit), NULL, 0);
		assert_true(peer_take(&p));
		assert_int_equal(p.out.ctl, CTL_RST);
	}
	peer_send(&p, CTL_ACK, 2, 1, NULL, 0); /* another ISN of the peer */
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
	p.now += 200 * REFTCP_S; /* too late */
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
	assert_int_equal(reftcp_counters(p.stack)->cookies_taken, 0);
}

/* Old by its own bits, though younger cookies are still about. */
static void rcv_ack_listen_old_cookie(void **state)
{
	uint32_t old;

	(void)state;
	start_with(with_cookies);
	fill_backlog();
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	old = p.iss;
	for (int i = 0; i < 3; i++) {
		p.now += 60 * REFTCP_S;
		p.theirs.port++;
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		peer_drain(&p);
	}
	p.theirs.port = 5001;
	p.iss = old;
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
}

/* A listener believes in its own cookies only. */
static void rcv_ack_listen_cookie_of_another(void **state)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 1};

	(void)state;
	start_with(with_cookies);
	fill_backlog();
	peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(reftcp_close(p.stack, p.listener, p.now), 0);
	peer_drain(&p);
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	peer_send(&p, CTL_ACK, 1, 1, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_RST);
}

/* The timestamp that carries the options is never ahead of the clock it stands for. */
static void rcv_syn_listen_cookie_timestamp(void **state)
{
	(void)state;
	start_with(with_cookies);
	fill_backlog();
	p.ts_on = true;
	for (int ms = 0; ms < 64; ms++) {
		uint32_t clock;

		p.now += REFTCP_MS;
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		assert_true(peer_take(&p));
		clock = (uint32_t)(p.now / REFTCP_MS) +
			(uint32_t)secret_hash(&p.stack->key, SECRET_TIMESTAMP, &p.ours, &p.theirs,
					      0);
		assert_in_range(clock - p.out.opt.ts_val, 0, 127);
	}
}

/* ---- addresses ---- */

static void rcv_syn_listen_bad_addresses(void **state)
{
	static const uint8_t bad[][4] = {
		{224, 0, 0, 1}, {255, 255, 255, 255}, {0, 0, 0, 0}, {240, 0, 0, 1}};

	(void)state;
	peer_reach(&p, REFTCP_LISTEN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(p.theirs.addr.byte, bad[i], 4);
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		assert_quiet();
		assert_int_equal(p.verdict.disposition, REFTCP_MALFORMED);
	}
	peer_end(&p);
	peer_init(&p);
	peer_start(&p);
	peer_reach(&p, REFTCP_LISTEN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(p.ours.addr.byte, bad[i], 4);
		peer_send(&p, CTL_SYN, 0, 0, NULL, 0);
		assert_quiet();
	}
	assert_int_equal(reftcp_counters(p.stack)->bad_address, 4);
}

/* The same over IPv6. */
static void rcv_data_established_ipv6(void **state)
{
	struct reftcp_received got;
	char buf[10];
	size_t n;

	(void)state;
	peer_end(&p);
	peer_init6(&p);
	peer_start(&p);
	peer_reach(&p, REFTCP_ESTABLISHED);
	peer_send(&p, CTL_ACK, 1, 1, "six", 3);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, sizeof(buf), p.now, &got), 0);
	assert_memory_equal(buf, "six", 3);
	assert_int_equal(reftcp_send(p.stack, p.id, "vi", 2, REFTCP_PUSH, p.now, &n), 0);
	assert_out(CTL_ACK | CTL_PSH, 1, 4);
	assert_memory_equal(p.out.text, "vi", 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rcv_syn_closed_any),
		T(rcv_ack_closed_any),
		T(rcv_rst_closed_any),
		T(rcv_rst_listen_any),
		T(rcv_ack_listen_any),
		T(rcv_fin_listen_no_ack),
		T(rcv_syn_listen_any),
		T(rcv_syn_listen_with_text),
		T(rcv_syn_listen_backlog_full),
		T(rcv_syn_listen_bad_addresses),
		T(rcv_syn_listen_cookie_round_trip),
		T(rcv_ack_listen_false_cookie),
		T(rcv_ack_listen_old_cookie),
		T(rcv_ack_listen_cookie_of_another),
		T(rcv_syn_listen_cookie_timestamp),
		T(rcv_ack_syn_sent_unacceptable),
		T(rcv_rst_syn_sent_no_ack),
		T(rcv_ack_syn_sent_no_syn),
		T(rcv_syn_ack_syn_sent_with_text_and_fin),
		T(rcv_syn_syn_sent_crossed),
		T(rcv_ack_syn_received_accept_queue_full),
		T(rcv_syn_listen_best_fit),
		T(rcv_syn_time_wait_old),
		T(rcv_ack_established_zero_window),
		T(rcv_fin_established_window_edge),
		T(rcv_data_established_timestamp_beyond_gap),
		T(rcv_data_established_ipv6),
	};

	return cmocka_run_group_tests_name("reftcp_opening", tests, NULL, NULL);
}
