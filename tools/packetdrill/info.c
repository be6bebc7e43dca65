/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP_INFO from reftcp's STATUS. Linux counts windows in segments. */
#include <string.h>

#include "drill.h"
#include "tcp_info.h"

#define OPTION_TIMESTAMPS 1
#define OPTION_SACK 2
#define OPTION_WSCALE 4
#define OPTION_ECN 8
#define OPTION_ECN_SEEN 16
#define OPTION_SYN_DATA 32
#define SSTHRESH_INFINITE 0x7fffffffu

static const uint8_t states[REFTCP_STATE_COUNT] = {
	[REFTCP_CLOSED] = 7,       [REFTCP_LISTEN] = 10,     [REFTCP_SYN_SENT] = 2,
	[REFTCP_SYN_RECEIVED] = 3, [REFTCP_ESTABLISHED] = 1, [REFTCP_FIN_WAIT_1] = 4,
	[REFTCP_FIN_WAIT_2] = 5,   [REFTCP_CLOSE_WAIT] = 8,  [REFTCP_CLOSING] = 11,
	[REFTCP_LAST_ACK] = 9,     [REFTCP_TIME_WAIT] = 6,
};

static uint32_t usecs(reftcp_time t)
{
	return (uint32_t)(t / 1000);
}

static uint32_t msecs_since(const struct drill *d, reftcp_time then)
{
	return (uint32_t)((d->now - then) / REFTCP_MS);
}

static uint8_t options(const struct reftcp_status *st)
{
	return (uint8_t)((st->timestamps ? OPTION_TIMESTAMPS : 0) | (st->sack ? OPTION_SACK : 0) |
			 (st->window_scale ? OPTION_WSCALE : 0) | (st->ecn ? OPTION_ECN : 0) |
			 (st->syn_data ? OPTION_SYN_DATA : 0));
}

static void fill_counts(const struct reftcp_status *st, struct drill_tcp_info *out)
{
	out->unacked = st->segments_out;
	out->sacked = st->segments_sacked;
	out->lost = st->segments_lost;
	out->retrans = st->segments_again;
	out->total_retrans = st->retransmits;
	out->delivered = st->delivered;
	out->delivered_ce = st->delivered_ce;
	out->dsack_dups = st->dsacks;
	out->reord_seen = st->reorderings;
	out->reordering = st->reordering;
	out->notsent_bytes = st->unsent;
	out->retransmits = (uint8_t)st->timeouts;
	out->probes = (uint8_t)st->probes;
	out->backoff = (uint8_t)st->backoff;
}

void info_fill(const struct drill *d, const struct socket *s, const struct reftcp_status *st,
	       struct drill_tcp_info *out)
{
	uint32_t mss = st->mss ? st->mss : 1;
	reftcp_time now;

	memset(out, 0, sizeof(*out));
	out->state = s->phase == SOCKET_FRESH ? states[REFTCP_CLOSED] : states[st->state];
	out->ca_state = (uint8_t)st->phase;
	out->options = options(st);
	out->scales = (uint8_t)(st->snd_scale | st->rcv_scale << 4);
	out->rto = usecs(st->rto);
	out->ato = usecs(st->ato);
	out->snd_mss = st->mss;
	out->rcv_mss = st->rcv_mss;
	out->advmss = st->own_mss;
	out->pmtu = st->path_mtu;
	fill_counts(st, out);
	out->last_data_sent = msecs_since(d, st->data_sent_at);
	out->last_data_recv = msecs_since(d, st->data_received_at);
	out->last_ack_recv = msecs_since(d, st->ack_received_at);
	out->rtt = usecs(st->srtt);
	out->rttvar = usecs(st->rttvar);
	out->min_rtt = st->min_rtt == REFTCP_NEVER ? UINT32_MAX : usecs(st->min_rtt);
	out->snd_cwnd = st->cwnd / mss;
	out->snd_ssthresh =
		st->ssthresh >= SSTHRESH_INFINITE ? SSTHRESH_INFINITE : st->ssthresh / mss;
	out->snd_wnd = st->snd_wnd;
	out->rcv_wnd = st->rcv_wnd;
	now = st->limits_at ? d->now - st->limits_at : 0;
	out->busy_time = usecs(st->busy + now);
	out->rwnd_limited = usecs(st->window_limited + (st->limit_window ? now : 0));
	out->sndbuf_limited = usecs(st->buffer_limited + (st->limit_buffer ? now : 0));
}
