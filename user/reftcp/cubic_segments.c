/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CUBIC as Linux computes it: windows in whole segments, time in ticks of 1/1024 s, growth as "one
 * segment for every `count` acknowledged", looked at again at most 32 times a second, and HyStart,
 * which leaves slow start before a loss says so. The curve is that of RFC 9438 with C = 0.4 and
 * beta = 717/1024.
 */
#include "reftcp/congestion.h"
#include "reftcp/mss.h"

#define BETA 717u
#define BETA_SCALE 1024u
#define RATE 410u    /* C in 1/1024 */
#define FRIENDLY 15u /* 8 (1 + beta) / (3 (1 - beta)) in eighths: Reno's pace */
#define LOOK_AGAIN (REFTCP_S / 32)
#define HYSTART_LEAST 16u /* segments: below it there is nothing to gain */
#define HYSTART_SAMPLES 8u
#define HYSTART_TRAIN (2 * REFTCP_MS)
#define HYSTART_SLACK REFTCP_MS

static uint32_t segments(const struct tcb *c, uint32_t octets)
{
	return octets / mss_sender(c);
}

static void begin_round(struct tcb *c, reftcp_time now)
{
	c->hystart.round_start = c->hystart.last_ack = now;
	c->hystart.end = c->snd.nxt;
	c->hystart.least_rtt = REFTCP_NEVER;
	c->hystart.samples = 0;
}

static void forget(struct tcb *c)
{
	c->cubic.epoch_valid = false;
	c->cubic.w_max = 0;
	c->lx.count = 0;
	c->lx.last_cwnd = 0;
	c->lx.last_time = 0;
	c->lx.acked = 0;
	c->lx.reno = 0;
	c->lx.delay_min = 0;
	c->hystart.found = false;
}

static void init(struct tcb *c)
{
	congestion_newreno.init(c);
	c->lx.credit = 0;
	forget(c);
	begin_round(c, 0);
}

/* t and the result in 1/1024 s: cbrt of 2^40 x / RATE. */
static uint32_t time_to_origin(uint64_t x)
{
	uint64_t v = (UINT64_C(1) << 40) / RATE * x, r = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t t = r | (uint64_t)1 << bit;

		if (t * t * t <= v)
			r = t;
	}
	return (uint32_t)r;
}

static void start_epoch(struct tcb *c, uint32_t cwnd, uint32_t acked, reftcp_time now)
{
	c->cubic.epoch_valid = true;
	c->cubic.epoch = now;
	c->lx.acked = acked;
	c->lx.reno = cwnd;
	if (c->cubic.w_max <= cwnd) {
		c->lx.k = 0;
		c->lx.origin = cwnd;
	} else {
		c->lx.k = time_to_origin(c->cubic.w_max - cwnd);
		c->lx.origin = c->cubic.w_max;
	}
}

/* Segments acknowledged for one more in the window. */
static void follow_curve(struct tcb *c, uint32_t cwnd, reftcp_time now)
{
	uint64_t t = (now - c->cubic.epoch + c->lx.delay_min) / REFTCP_MS * 1024 / 1000;
	uint64_t off = t < c->lx.k ? c->lx.k - t : t - c->lx.k;
	uint64_t delta = (RATE * off * off * off) >> 40, target;

	target = t >= c->lx.k           ? c->lx.origin + delta
		 : delta < c->lx.origin ? c->lx.origin - delta
					: 0;
	c->lx.count = target > cwnd ? cwnd / (uint32_t)(target - cwnd) : 100 * cwnd;
	/* Before the first loss there is no curve to follow: 5 % a round trip at least. */
	if (!c->cubic.w_max && c->lx.count > 20)
		c->lx.count = 20;
}

/* RFC 9438 4.3: not slower than Reno would be. */
static void keep_up_with_reno(struct tcb *c, uint32_t cwnd)
{
	uint32_t pace = cwnd * FRIENDLY >> 3, most;

	while (pace && c->lx.acked > pace) {
		c->lx.acked -= pace;
		c->lx.reno++;
	}
	if (c->lx.reno <= cwnd)
		return;
	most = cwnd / (c->lx.reno - cwnd);
	if (c->lx.count > most)
		c->lx.count = most;
}

static void update(struct tcb *c, uint32_t cwnd, uint32_t acked, reftcp_time now)
{
	c->lx.acked += acked;
	if (c->lx.last_cwnd == cwnd && now - c->lx.last_time <= LOOK_AGAIN)
		return;
	if (!c->cubic.epoch_valid || now / REFTCP_MS != c->lx.last_time / REFTCP_MS) {
		c->lx.last_cwnd = cwnd;
		c->lx.last_time = now;
		if (!c->cubic.epoch_valid)
			start_epoch(c, cwnd, acked, now);
		follow_curve(c, cwnd, now);
	}
	keep_up_with_reno(c, cwnd);
	if (c->lx.count < 2)
		c->lx.count = 2;
}

static void on_ack(struct tcb *c, uint32_t acked, reftcp_time now)
{
	uint32_t mss = mss_sender(c), cwnd = segments(c, c->cwnd), room;

	if (c->cwnd < c->ssthresh) {
		room = (c->ssthresh - c->cwnd) / mss;
		room = acked < room ? acked : room;
		c->cwnd += room * mss;
		acked -= room;
		cwnd += room;
		if (!acked)
			return;
	}
	update(c, cwnd, acked, now);
	if (c->lx.credit >= c->lx.count) {
		c->lx.credit = 0;
		c->cwnd += mss;
	}
	c->lx.credit += acked;
	if (c->lx.credit >= c->lx.count) {
		c->cwnd += c->lx.credit / c->lx.count * mss;
		c->lx.credit %= c->lx.count;
	}
}

static uint32_t on_loss(struct tcb *c, reftcp_time now)
{
	uint32_t cwnd = segments(c, c->cwnd), left = cwnd * BETA / BETA_SCALE;

	(void)now;
	c->cubic.epoch_valid = false;
	/* RFC 9438 4.7, fast convergence. */
	c->cubic.w_max =
		cwnd < c->cubic.w_max ? cwnd * (BETA_SCALE + BETA) / (2 * BETA_SCALE) : cwnd;
	return (left > 2 ? left : 2) * mss_sender(c);
}

static void on_reset(struct tcb *c)
{
	c->cubic.epoch_valid = false;
}

static void on_timeout(struct tcb *c, reftcp_time now)
{
	forget(c);
	begin_round(c, now);
}

/* RFC 9406 is its successor: a train of ACKs as long as half the round trip, or round trips that
 * became longer, say that the path is full. */
static void hystart(struct tcb *c, reftcp_time rtt, reftcp_time now)
{
	reftcp_time slack = c->lx.delay_min / 8;

	if (seq_gt(c->snd.una, c->hystart.end))
		begin_round(c, now);
	if (segments(c, c->cwnd) < HYSTART_LEAST)
		return;
	if (now - c->hystart.last_ack <= HYSTART_TRAIN) {
		c->hystart.last_ack = now;
		if (now - c->hystart.round_start > (c->lx.delay_min + HYSTART_SLACK) / 2)
			c->hystart.found = true;
	}
	if (rtt < c->hystart.least_rtt)
		c->hystart.least_rtt = rtt;
	slack = slack < 4 * REFTCP_MS ? 4 * REFTCP_MS : slack;
	slack = slack > 16 * REFTCP_MS ? 16 * REFTCP_MS : slack;
	if (c->hystart.samples < HYSTART_SAMPLES)
		c->hystart.samples++;
	else if (c->hystart.least_rtt > c->lx.delay_min + slack)
		c->hystart.found = true;
	if (c->hystart.found)
		c->ssthresh = c->cwnd;
}

static void on_rtt(struct tcb *c, reftcp_time rtt, reftcp_time now)
{
	/* Right after a recovery the queue is not what it will be. */
	if (c->cubic.epoch_valid && now - c->cubic.epoch < REFTCP_S)
		return;
	if (!c->lx.delay_min || rtt < c->lx.delay_min)
		c->lx.delay_min = rtt ? rtt : 1;
	if (!c->hystart.found && c->cwnd < c->ssthresh)
		hystart(c, rtt, now);
}

/* The curve does not run on while there was nothing to send. */
static void on_start(struct tcb *c, reftcp_time idle, reftcp_time now)
{
	if (!c->cubic.epoch_valid || !idle)
		return;
	c->cubic.epoch = c->cubic.epoch + idle < now ? c->cubic.epoch + idle : now;
}

const struct congestion congestion_cubic_segments = {
	.name = "cubic",
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.on_reset = on_reset,
	.segments = true,
	.on_timeout = on_timeout,
	.on_rtt = on_rtt,
	.on_start = on_start,
};
