/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CUBIC, RFC 9438, in whole numbers: windows in octets, times in milliseconds.
 *   W_cubic(t) = C * (t - K)^3 + W_max, C = 0.4 segments / s^3, beta = 0.7
 */
#include "reftcp/congestion.h"
#include "reftcp/mss.h"

/* Beyond 100 s from the plateau the curve has long left every window behind. */
#define FAR_MS 100000u

static uint32_t cube_root(uint64_t x)
{
	uint64_t r = 0;

	for (int bit = 21; bit >= 0; bit--) {
		uint64_t t = r | (uint64_t)1 << bit;

		if (t * t * t <= x)
			r = t;
	}
	return (uint32_t)r;
}

static void init(struct tcb *c)
{
	congestion_newreno.init(c);
	c->cubic.epoch_valid = false;
	c->cubic.w_max = 0;
	c->cubic.cwnd_prior = 0;
	c->cubic.after_timeout = false;
}

/* RFC 9438 4.2: a new epoch starts at the first ACK of congestion avoidance. */
static void start_epoch(struct tcb *c, reftcp_time now)
{
	uint64_t diff;

	c->cubic.epoch_valid = true;
	c->cubic.epoch = now;
	c->cubic.paused = false;
	/* RFC 9438 4.8: after a timeout the plateau is where the window stands, and K is 0. */
	if (c->cubic.after_timeout)
		c->cubic.w_max = c->cwnd;
	c->cubic.after_timeout = false;
	c->cubic.acked = 0;
	c->cubic.w_est = c->cwnd;
	c->cubic.w_est_fraction = 0;
	if (c->cubic.w_max < c->cwnd)
		c->cubic.w_max = c->cwnd;
	diff = c->cubic.w_max - c->cwnd;
	/* K = cbrt((W_max - cwnd_epoch) / C); in ms that is cbrt(diff/MSS * 2.5e9). */
	c->cubic.k = cube_root(diff * UINT64_C(2500000000) / mss_sender(c)) * REFTCP_MS;
}

/* W_cubic(t) in octets, at least 0. */
static uint64_t curve(const struct tcb *c, reftcp_time t)
{
	bool after = t >= c->cubic.k;
	uint64_t d = (after ? t - c->cubic.k : c->cubic.k - t) / REFTCP_MS;
	uint64_t delta;

	d = d < FAR_MS ? d : FAR_MS;
	delta = d * d * d / 1000 * mss_sender(c) * 4 / 10000000;
	if (after)
		return c->cubic.w_max + delta;
	return delta < c->cubic.w_max ? c->cubic.w_max - delta : 0;
}

/* RFC 9438 4.3: what Reno would have; alpha = 3(1-beta)/(1+beta) = 9/17, then 1. */
static void grow_estimate(struct tcb *c, uint32_t acked)
{
	uint64_t num = c->cubic.w_est >= c->cubic.cwnd_prior ? 17 : 9;
	uint64_t per = (uint64_t)c->cwnd * 17;

	c->cubic.w_est_fraction += num * acked * mss_sender(c);
	c->cubic.w_est += (uint32_t)(c->cubic.w_est_fraction / per);
	c->cubic.w_est_fraction %= per;
}

static void on_ack(struct tcb *c, uint32_t acked, reftcp_time now)
{
	uint64_t target, step;

	acked = congestion_slow_start(c, acked);
	if (c->cwnd < c->ssthresh || acked == 0)
		return;
	if (!c->cubic.epoch_valid)
		start_epoch(c, now);
	else if (c->cubic.paused)
		c->cubic.epoch += now - c->cubic.updated_at;
	c->cubic.paused = false;
	c->cubic.updated_at = now;
	grow_estimate(c, acked);
	if (curve(c, now - c->cubic.epoch) < c->cubic.w_est) {
		if (c->cwnd < c->cubic.w_est)
			c->cwnd = c->cubic.w_est;
		return;
	}
	/* RFC 9438 4.4: towards W_cubic(t + RTT), held between cwnd and 1.5 cwnd. */
	target = curve(c, now - c->cubic.epoch + c->rtt.srtt);
	if (target < c->cwnd)
		target = c->cwnd;
	if (target > (uint64_t)c->cwnd * 3 / 2)
		target = (uint64_t)c->cwnd * 3 / 2;
	c->cubic.acked += acked;
	step = (target - c->cwnd) * c->cubic.acked / c->cwnd;
	if (step) {
		c->cwnd += (uint32_t)step;
		c->cubic.acked = 0;
	}
}

static uint32_t on_loss(struct tcb *c, reftcp_time now)
{
	uint32_t flight = congestion_flight(c);
	uint32_t two = 2 * mss_sender(c);
	uint32_t left = (uint32_t)((uint64_t)flight * 7 / 10); /* RFC 9438 4.6 */

	(void)now;
	c->cubic.epoch_valid = false;
	c->cubic.after_timeout = c->phase == PHASE_LOSS;
	c->cubic.cwnd_prior = c->cwnd;
	/* RFC 9438 4.7, fast convergence: others want room, leave some. */
	c->cubic.w_max =
		c->cwnd < c->cubic.w_max ? (uint32_t)((uint64_t)c->cwnd * 17 / 20) : c->cwnd;
	return left > two ? left : two;
}

static void on_reset(struct tcb *c)
{
	c->cubic.epoch_valid = false;
	c->cubic.after_timeout = false;
}

/* RFC 9438 4.2, 5.8: time in which the user was the limit is not in t. */
static void on_pause(struct tcb *c)
{
	c->cubic.paused = true;
}

const struct congestion congestion_cubic = {
	.name = "cubic",
	.init = init,
	.on_ack = on_ack,
	.on_pause = on_pause,
	.on_loss = on_loss,
	.on_reset = on_reset,
};
