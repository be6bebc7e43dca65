/* SPDX-License-Identifier: BSD-2-Clause */
/* May this endpoint send this now: one question a row. A row answers true where the segment
 * cannot follow from the RFC, whatever choices the endpoint has. */
#include "reftcp/rtxq.h"
#include "reftcp/shadow/shadow.h"

struct question {
	const struct reftcp_shadows *set;
	const struct tcb *c;
	const struct segment *seg;
	struct seq first;
	bool probes; /* at most an octet, as keep-alives and window probes are */
};

static bool has(const struct question *q, uint8_t ctl)
{
	return q->seg->ctl & ctl;
}

static bool plain(const struct question *q)
{
	return !has(q, CTL_SYN | CTL_RST);
}

static bool syn_again(const struct question *q)
{
	bool opening = q->c->state == REFTCP_SYN_SENT || q->c->state == REFTCP_SYN_RECEIVED;

	if (!has(q, CTL_SYN))
		return false;
	/* One more SYN,ACK may leave while the ACK of the first is on its way in. */
	if (!opening && !(has(q, CTL_ACK) && q->c->from_listen))
		return true;
	return !seq_eq(q->seg->seq, q->c->snd.iss);
}

static bool no_ack_bit(const struct question *q)
{
	return state_synchronized(q->c->state) && plain(q) && !has(q, CTL_ACK);
}

static bool ack_beyond(const struct question *q)
{
	/* Where the shadow could not keep what lay beyond a gap, the endpoint may well have. */
	return has(q, CTL_ACK) && q->c->state >= REFTCP_SYN_RECEIVED && !has(q, CTL_RST) &&
	       !q->c->shadow_blind && seq_gt(q->seg->ack, q->c->rcv.nxt);
}

static bool ack_recedes(const struct question *q)
{
	return has(q, CTL_ACK) && state_synchronized(q->c->state) && plain(q) &&
	       seq_lt(q->seg->ack, q->c->ts.last_ack_sent);
}

static bool gap(const struct question *q)
{
	/* Left of SND.NXT it is a retransmission, a keep-alive or a probe. */
	return plain(q) && state_synchronized(q->c->state) && seq_gt(q->first, q->c->snd.nxt);
}

static bool after_fin(const struct question *q)
{
	return q->c->snd.fin_sent && plain(q) &&
	       seq_gt(seq_add(q->first, q->seg->text_len), q->c->snd.fin) && q->seg->text_len > 0;
}

static bool fin_moved(const struct question *q)
{
	return q->c->snd.fin_sent && has(q, CTL_FIN) && plain(q) &&
	       !seq_eq(seq_add(q->first, q->seg->text_len), q->c->snd.fin);
}

static bool beyond_window(const struct question *q)
{
	/* The furthest edge the peer ever gave: an older one may have been acted upon. */
	return plain(q) && q->seg->text_len && state_synchronized(q->c->state) && !q->probes &&
	       !q->c->shadow_joined &&
	       seq_gt(seq_add(q->first, q->seg->text_len), q->c->snd.shadow_edge);
}

static bool window_shrunk(const struct question *q)
{
	uint32_t scale = q->c->scale_on && !has(q, CTL_SYN) ? q->c->rcv.scale : 0;
	struct seq edge = seq_add(q->seg->ack, (uint32_t)q->seg->wnd << scale);

	/* RFC 7323 2.4: by less than a unit of the scale it is only rounding. */
	return has(q, CTL_ACK) && plain(q) && state_synchronized(q->c->state) &&
	       !q->c->shadow_joined && q->c->state != REFTCP_TIME_WAIT && !q->c->rcv.fin_done &&
	       seq_lt(seq_add(edge, (1u << scale) - 1), seq_add(q->c->rcv.nxt, q->c->rcv.wnd));
}

static bool mss_exceeded(const struct question *q)
{
	return q->set->config.wire_sizes && plain(q) && !q->c->shadow_joined &&
	       q->seg->text_len + tcpopt_length(&q->seg->opt) > q->c->send_mss;
}

static bool mss_on_data(const struct question *q)
{
	return !has(q, CTL_SYN) && q->seg->opt.has & TCPOPT_MSS;
}

static bool option_not_offered(const struct question *q)
{
	uint32_t asked = (q->c->scale_on ? TCPOPT_SCALE : 0) |
			 (q->c->sack_on ? TCPOPT_SACK_OK : 0) | (q->c->ts.on ? TCPOPT_TS : 0);

	if (!has(q, CTL_SYN) || !has(q, CTL_ACK) || !q->c->from_listen)
		return false;
	return q->seg->opt.has & ~asked & (TCPOPT_SCALE | TCPOPT_SACK_OK | TCPOPT_TS);
}

static bool timestamp_missing(const struct question *q)
{
	return q->c->ts.on && state_synchronized(q->c->state) && !has(q, CTL_RST | CTL_SYN) &&
	       !(q->seg->opt.has & TCPOPT_TS);
}

static bool reset_not_due(const struct question *q)
{
	const struct tcb *c = q->c;

	if (!has(q, CTL_RST) || c->state < REFTCP_SYN_RECEIVED)
		return false;
	/* An answer to a segment from nowhere takes that segment's ACK; an abort takes SND.NXT,
	 * or what of it the endpoint thinks has been sent. */
	if (c->shadow_reset_valid && seq_eq(q->seg->seq, c->shadow_reset))
		return false;
	return !seq_geq(q->seg->seq, c->snd.una) || seq_gt(q->seg->seq, c->snd.nxt);
}

static bool data_before_open(const struct question *q)
{
	return plain(q) && q->seg->text_len &&
	       (q->c->state == REFTCP_SYN_SENT || q->c->state == REFTCP_SYN_RECEIVED);
}

/* not_open has no row: an endpoint that is followed is open, shadow.c knows those that ended. */
static const struct {
	enum reftcp_finding finding;
	bool (*ask)(const struct question *q);
} rows[] = {
	{REFTCP_FINDING_syn_again, syn_again},
	{REFTCP_FINDING_no_ack_bit, no_ack_bit},
	{REFTCP_FINDING_ack_beyond, ack_beyond},
	{REFTCP_FINDING_ack_recedes, ack_recedes},
	{REFTCP_FINDING_gap, gap},
	{REFTCP_FINDING_after_fin, after_fin},
	{REFTCP_FINDING_fin_moved, fin_moved},
	{REFTCP_FINDING_beyond_window, beyond_window},
	{REFTCP_FINDING_window_shrunk, window_shrunk},
	{REFTCP_FINDING_mss_exceeded, mss_exceeded},
	{REFTCP_FINDING_mss_on_data, mss_on_data},
	{REFTCP_FINDING_option_not_offered, option_not_offered},
	{REFTCP_FINDING_timestamp_missing, timestamp_missing},
	{REFTCP_FINDING_reset_not_due, reset_not_due},
	{REFTCP_FINDING_data_before_open, data_before_open},
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == REFTCP_FINDING_COUNT - 1, "a row for every kind");

static const struct reftcp_finding_info infos[] = {
#define X(kind, rfc, level, expects) {#kind, rfc, level, expects},
	REFTCP_FINDING_LIST(X)
#undef X
};

const struct reftcp_finding_info *reftcp_finding_info(enum reftcp_finding finding)
{
	return (unsigned int)finding < REFTCP_FINDING_COUNT ? &infos[finding] : NULL;
}

uint32_t shadow_judge(const struct reftcp_shadows *set, const struct tcb *c,
		      const struct segment *seg)
{
	struct question q = {
		.set = set,
		.c = c,
		.seg = seg,
		.first = seg->seq,
		.probes = seg->text_len <= 1,
	};
	uint32_t findings = 0;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].ask(&q))
			findings |= 1u << rows[i].finding;
	return findings;
}
