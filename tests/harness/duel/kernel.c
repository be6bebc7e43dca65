/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios side by side on the kernel. A packet written to the TUN device is handled before the
 * write returns, and so is a call: what they provoke at once is there to be read at once, and only
 * an act "wait" takes time.
 */
#include "duel/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUICK_PEERS 0xc6120000u   /* 198.18/16 */
#define DELAYED_PEERS 0xc6130000u /* 198.19/16 */
#define IPV4_MIN 20
#define IPV4_PROTO 9
#define IPV4_DST 16

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * REFTCP_S + (uint64_t)t.tv_nsec;
}

int kernel_new(struct kernel **out, const struct scenario *sc, char *why, size_t why_len)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->tun = k->diag = -1;
	err = kernel_net_open(k, sc, why, why_len);
	if (!err) {
		k->diag = kernel_diag_open();
		err = k->diag < 0 ? k->diag : 0;
	}
	if (err) {
		kernel_free(k);
		return err;
	}
	*out = k;
	return 0;
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	if (k->tun >= 0)
		close(k->tun);
	if (k->diag >= 0)
		close(k->diag);
	free(k);
}

static struct lane *lane_of(struct kernel *k, const uint8_t *packet, size_t len)
{
	uint32_t dst;

	if (len < IPV4_MIN || packet[0] >> 4 != 4 || packet[IPV4_PROTO] != IPPROTO_TCP)
		return NULL;
	memcpy(&dst, packet + IPV4_DST, sizeof(dst));
	for (unsigned int i = 0; i < k->lane_count; i++)
		if (k->lanes[i].peer == ntohl(dst) && !k->lanes[i].done)
			return &k->lanes[i];
	return NULL;
}

/* What the kernel has sent, to the lanes it is for. */
static void pump(struct kernel *k)
{
	uint8_t buf[65536];
	ssize_t n;

	while ((n = read(k->tun, buf, sizeof(buf))) > 0) {
		struct lane *l = lane_of(k, buf, (size_t)n);
		unsigned int at;

		if (!l || l->count == LANE_QUEUE || n > LANE_PACKET)
			continue;
		at = (l->head + l->count++) % LANE_QUEUE;
		l->queue[at].len = (uint16_t)n;
		memcpy(l->queue[at].octets, buf, (size_t)n);
	}
}

static int64_t call(void *self, uint8_t conn, const struct act *act)
{
	return kernel_call(self, conn, act);
}

static void arrives(void *self, const uint8_t *packet, size_t len)
{
	struct lane *l = self;

	if (write(l->k->tun, packet, len) != (ssize_t)len)
		abort(); /* a harness that loses packets tests nothing */
}

static bool take(void *self, uint8_t *buf, size_t cap, size_t *len)
{
	struct lane *l = self;

	pump(l->k);
	if (!l->count || l->queue[l->head].len > cap)
		return false;
	*len = l->queue[l->head].len;
	memcpy(buf, l->queue[l->head].octets, *len);
	l->head = (l->head + 1) % LANE_QUEUE;
	l->count--;
	return true;
}

static enum reftcp_state state(void *self, uint8_t conn, reftcp_time *expires)
{
	struct lane *l = self;

	return kernel_diag_state(l->k->diag, l->port, l->peer, (uint16_t)(LANE_PEER_PORT + conn),
				 expires);
}

static struct reftcp_endpoint endpoint(uint32_t addr, uint16_t port)
{
	struct reftcp_endpoint e = {.addr.family = 4, .port = port};

	addr = htonl(addr);
	memcpy(e.addr.byte, &addr, sizeof(addr));
	return e;
}

static struct reftcp_endpoint ours(void *self, uint8_t conn)
{
	struct lane *l = self;

	(void)conn;
	return endpoint(KERNEL_ADDR, l->port);
}

static struct reftcp_endpoint theirs(void *self, uint8_t conn)
{
	struct lane *l = self;

	return endpoint(l->peer, (uint16_t)(LANE_PEER_PORT + conn));
}

static const struct subject_ops ops = {call, arrives, take, state, ours, theirs};

static void lane_init(struct lane *l, struct kernel *k, unsigned int index,
		      const struct scenario *sc, struct trace *trace)
{
	memset(l, 0, sizeof(*l));
	l->k = k;
	l->port = (uint16_t)(LANE_PORT + index);
	/* Never .0 or .255 in the last octets: a new peer each time, as old ones are remembered. */
	do
		k->serial++;
	while (k->serial >> 8 == 0 || (k->serial & 0xff) == 0 || (k->serial & 0xff) == 255);
	l->peer = (sc->delayed_acks ? DELAYED_PEERS : QUICK_PEERS) | k->serial;
	l->listener = -1;
	for (unsigned int i = 0; i < SCENARIO_CONNS; i++)
		l->fd[i] = -1;
	play_init(&l->play, sc, &ops, l, trace);
	l->done = play_done(&l->play);
}

/* Goes on as far as no time must pass. */
static void lane_run(struct lane *l, uint64_t now)
{
	if (l->waiting) {
		l->waiting = false;
		play_end(&l->play);
	}
	while (!play_done(&l->play)) {
		reftcp_time wait = play_begin(&l->play);

		if (wait) {
			l->waiting = true;
			l->resume_at = now + wait;
			return;
		}
		play_end(&l->play);
	}
	kernel_clear(l);
	l->done = true;
}

void kernel_play(struct kernel *k, const struct scenario *const *sc, struct trace *const *trace,
		 unsigned int n)
{
	bool busy = true;

	k->lanes = calloc(n, sizeof(*k->lanes));
	if (!k->lanes)
		abort();
	k->lane_count = n;
	for (unsigned int i = 0; i < n; i++)
		lane_init(&k->lanes[i], k, i, sc[i], trace[i]);
	while (busy) {
		struct pollfd pfd = {.fd = k->tun, .events = POLLIN};
		uint64_t first = UINT64_MAX, now;

		busy = false;
		for (unsigned int i = 0; i < n; i++) {
			struct lane *l = &k->lanes[i];

			now = clock_now();
			if (!l->done && (!l->waiting || l->resume_at <= now))
				lane_run(l, now);
			if (!l->done && l->resume_at < first)
				first = l->resume_at;
			busy = busy || !l->done;
		}
		now = clock_now();
		if (busy && first > now) {
			uint64_t left = first - now;
			struct timespec t = {(time_t)(left / REFTCP_S), (long)(left % REFTCP_S)};

			ppoll(&pfd, 1, &t, NULL);
		}
		pump(k);
	}
	free(k->lanes);
	k->lanes = NULL;
	k->lane_count = 0;
}
