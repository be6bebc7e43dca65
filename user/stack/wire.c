// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/wire.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Packets taken into the link before some are let out again. */
#define BATCH 64

static int make_link(struct link **out, const struct impairment *settings, uint32_t mtu)
{
	struct link_config config = settings->link;

	if (!settings->on)
		return 0;
	/* The narrow place comes later. */
	if (settings->mtu_after)
		config.mtu = 0;
	return link_new(out, &config, mtu > 1280 ? mtu : 1280, settings->seed);
}

int wire_init(struct wire *w, int fd, const struct stack_settings *settings)
{
	int err;

	memset(w, 0, sizeof(*w));
	w->fd = fd;
	w->in_settings = settings->in;
	w->out_settings = settings->out;
	/* One seed for both directions must not mean the same fate in both. */
	w->out_settings.seed = ~settings->out.seed;
	err = make_link(&w->in, &w->in_settings, settings->tcp.mtu);
	return err ? err : make_link(&w->out, &w->out_settings, settings->tcp.mtu);
}

void wire_release(struct wire *w)
{
	link_free(w->in);
	link_free(w->out);
	w->in = w->out = NULL;
}

static void put(struct wire *w, const void *packet, size_t len)
{
	if (write(w->fd, packet, len) == (ssize_t)len)
		w->count.written++;
	else
		w->count.write_errors++; /* a damaged one: the kernel looks at the version */
}

static void narrow(struct link *link, const struct impairment *settings, uint64_t before,
		   uint64_t after)
{
	if (settings->mtu_after && before < settings->mtu_after && after >= settings->mtu_after)
		link_configure(link, &settings->link);
}

/* The descriptor, through the link where there is one. */
static const void *take(struct wire *w, reftcp_time now, size_t *len, int *err)
{
	const void *icmp;
	size_t icmp_len;
	ssize_t n;

	for (int i = 0; i < BATCH; i++) {
		n = read(w->fd, w->packet, sizeof(w->packet));
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				*err = -errno;
			return NULL;
		}
		w->count.read++;
		if (!w->in) {
			*len = (size_t)n;
			return w->packet;
		}
		narrow(w->in, &w->in_settings, w->in_octets, w->in_octets + (size_t)n);
		w->in_octets += (size_t)n;
		link_send(w->in, w->packet, (size_t)n, now);
		icmp = link_icmp(w->in, &icmp_len);
		if (icmp)
			put(w, icmp, icmp_len);
	}
	return NULL;
}

const void *wire_receive(struct wire *w, reftcp_time now, size_t *len, int *err)
{
	const void *packet;

	*err = 0;
	packet = w->icmp;
	w->icmp = NULL;
	*len = w->icmp_len;
	if (packet)
		return packet;
	packet = take(w, now, len, err);
	if (packet || !w->in)
		return packet;
	return link_receive(w->in, now, len);
}

void wire_deliver(struct wire *w, reftcp_time now)
{
	const void *packet;
	size_t len;

	while (w->out && (packet = link_receive(w->out, now, &len)))
		put(w, packet, len);
}

void wire_send(struct wire *w, const void *packet, size_t len, reftcp_time now)
{
	const void *icmp;
	size_t icmp_len;

	if (!w->out) {
		put(w, packet, len);
		return;
	}
	narrow(w->out, &w->out_settings, w->out_octets, w->out_octets + len);
	w->out_octets += len;
	link_send(w->out, packet, len, now);
	icmp = link_icmp(w->out, &icmp_len);
	if (icmp) {
		w->icmp = icmp;
		w->icmp_len = icmp_len;
	}
}

reftcp_time wire_next(const struct wire *w)
{
	reftcp_time in = w->in ? link_next(w->in) : REFTCP_NEVER;
	reftcp_time out = w->out ? link_next(w->out) : REFTCP_NEVER;

	if (w->icmp)
		return 0;
	return in < out ? in : out;
}

uint64_t wire_lost(const struct link *link)
{
	const struct link_counters *c = link ? link_count(link) : NULL;

	return c ? c->lost + c->too_big + c->full : 0;
}
