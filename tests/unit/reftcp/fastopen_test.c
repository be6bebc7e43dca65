/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP Fast Open, RFC 7413. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "reftcp/peer.h"

static struct peer p;

static int setup(void **state)
{
	(void)state;
	peer_init(&p);
	p.config.fast_open = true;
	peer_start(&p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(reftcp_counters(p.stack)->illegal_edges, 0);
	peer_end(&p);
	return 0;
}

static struct reftcp_status status(void)
{
	struct reftcp_status st;

	assert_int_equal(reftcp_status(p.stack, p.id, &st), 0);
	return st;
}

static const struct tcpopt cookie = {
	.has = TCPOPT_MSS | TCPOPT_COOKIE, .mss = 1000, .cookie_len = 8, .cookie = "secret7"};

/* An active OPEN whose user wants it, with data queued before the SYN leaves. */
static void open_with(const char *text)
{
	struct reftcp_open args = {.active = true, .local = p.ours, .remote = p.theirs};
	size_t n;

	p.ours.port++;
	args.local.port = p.ours.port;
	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.id), 0);
	assert_int_equal(reftcp_set(p.stack, p.id, REFTCP_OPT_FAST_OPEN, 1, p.now), 0);
	if (text)
		assert_int_equal(reftcp_send(p.stack, p.id, text, strlen(text), 0, p.now, &n), 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl & (CTL_SYN | CTL_ACK), CTL_SYN);
}

/* The first connection asks, the peer gives. */
static void learn_cookie(void)
{
	open_with(NULL);
	assert_true(p.out.opt.has & TCPOPT_COOKIE);
	assert_int_equal(p.out.opt.cookie_len, 0);
	peer_send_full(&p, CTL_SYN | CTL_ACK, 0, 1, PEER_WINDOW, &cookie, 0, NULL, 0);
	assert_int_equal(status().state, REFTCP_ESTABLISHED);
	peer_drain(&p);
	reftcp_abort(p.stack, p.id, p.now);
	peer_drain(&p);
}

static void client__knows_a_cookie__sends_data_in_the_syn(void **state)
{
	(void)state;
	learn_cookie();
	open_with("request");
	assert_int_equal(p.out.opt.cookie_len, 8);
	assert_memory_equal(p.out.opt.cookie, "secret7", 8);
	assert_int_equal(p.out.text_len, 7);
	assert_memory_equal(p.out.text, "request", 7);
	peer_send(&p, CTL_SYN | CTL_ACK, 0, 8, NULL, 0);
	assert_int_equal(status().state, REFTCP_ESTABLISHED);
	assert_int_equal(status().unacked, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 0);
	assert_false(peer_take(&p));
}

static void client__syn_ack_takes_the_syn_only__sends_the_data_again(void **state)
{
	(void)state;
	learn_cookie();
	open_with("request");
	peer_send(&p, CTL_SYN | CTL_ACK, 0, 1, NULL, 0);
	assert_int_equal(status().state, REFTCP_ESTABLISHED);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	assert_int_equal(p.out.text_len, 7);
}

static void client__no_answer__next_syn_is_plain(void **state)
{
	(void)state;
	learn_cookie();
	open_with("request");
	peer_wait(&p, 1100 * REFTCP_MS);
	assert_true(peer_take(&p));
	assert_true(p.out.ctl & CTL_SYN);
	assert_int_equal(p.out.text_len, 0);
	assert_false(p.out.opt.has & TCPOPT_COOKIE);
	peer_send(&p, CTL_SYN | CTL_ACK, 0, 1, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.text_len, 7);
}

static void client__user_did_not_ask__syn_is_plain(void **state)
{
	size_t n;

	(void)state;
	learn_cookie();
	peer_reach(&p, REFTCP_SYN_SENT);
	assert_false(p.out.opt.has & TCPOPT_COOKIE);
	assert_int_equal(reftcp_send(p.stack, p.id, "x", 1, 0, p.now, &n), 0);
	assert_false(peer_take(&p));
}

/* ---- server ---- */

static struct tcpopt serve(void)
{
	struct reftcp_open args = {.local = p.ours, .backlog = 4};
	struct tcpopt o = {.has = TCPOPT_MSS | TCPOPT_COOKIE, .mss = 1000};

	assert_int_equal(reftcp_open(p.stack, &args, p.now, &p.listener), 0);
	assert_int_equal(reftcp_set(p.stack, p.listener, REFTCP_OPT_FAST_OPEN, 1, p.now), 0);
	peer_send_full(&p, CTL_SYN, 0, 0, PEER_WINDOW, &o, 0, NULL, 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.opt.cookie_len, 8);
	o.cookie_len = 8;
	memcpy(o.cookie, p.out.opt.cookie, 8);
	p.theirs.port++;
	return o;
}

static void server__good_cookie__delivers_before_the_handshake_is_done(void **state)
{
	struct tcpopt o = serve();
	struct reftcp_received got;
	char buf[20];
	size_t n;

	(void)state;
	peer_send_full(&p, CTL_SYN, 0, 0, PEER_WINDOW, &o, 0, "request", 7);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &p.id), 0);
	assert_int_equal(status().state, REFTCP_SYN_RECEIVED);
	assert_int_equal(reftcp_receive(p.stack, p.id, buf, 20, p.now, &got), 0);
	assert_int_equal(got.len, 7);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ctl, CTL_SYN | CTL_ACK);
	assert_int_equal(p.out.ack.n, 8);
	assert_false(p.out.opt.has & TCPOPT_COOKIE); /* it has a good one */
	assert_int_equal(reftcp_send(p.stack, p.id, "answer", 6, 0, p.now, &n), 0);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.seq.n, 1);
	assert_int_equal(p.out.text_len, 6);
	peer_send(&p, CTL_ACK, 8, 7, NULL, 0);
	assert_int_equal(status().state, REFTCP_ESTABLISHED);
	assert_int_equal(status().unacked, 0);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &p.id), -EAGAIN);
}

static void server__false_cookie__waits_for_the_handshake(void **state)
{
	struct tcpopt o = serve();
	reftcp_id id;

	(void)state;
	o.cookie[3] ^= 1;
	peer_send_full(&p, CTL_SYN, 0, 0, PEER_WINDOW, &o, 0, "request", 7);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &id), -EAGAIN);
	assert_true(peer_take(&p));
	assert_int_equal(p.out.ack.n, 1);
	assert_int_equal(p.out.opt.cookie_len, 8);
	o.cookie[3] ^= 1;
	assert_memory_equal(p.out.opt.cookie, o.cookie, 8);
	assert_int_equal(reftcp_counters(p.stack)->fast_open_taken, 0);
}

/* Its user knows of it: it does not go back to LISTEN without a word. */
static void server__reset_while_early__is_told(void **state)
{
	struct tcpopt o = serve();

	(void)state;
	peer_send_full(&p, CTL_SYN, 0, 0, PEER_WINDOW, &o, 0, "request", 7);
	peer_drain(&p);
	assert_int_equal(reftcp_accept(p.stack, p.listener, p.now, &p.id), 0);
	peer_send(&p, CTL_RST, 8, 0, NULL, 0);
	assert_int_equal(status().state, REFTCP_CLOSED);
	assert_int_equal(status().error, -ECONNRESET);
	assert_true(peer_events(&p) & REFTCP_EVENT_CLOSED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(client__knows_a_cookie__sends_data_in_the_syn),
		T(client__syn_ack_takes_the_syn_only__sends_the_data_again),
		T(client__no_answer__next_syn_is_plain),
		T(client__user_did_not_ask__syn_is_plain),
		T(server__good_cookie__delivers_before_the_handshake_is_done),
		T(server__false_cookie__waits_for_the_handshake),
		T(server__reset_while_early__is_told),
	};

	return cmocka_run_group_tests_name("reftcp_fastopen", tests, NULL, NULL);
}
