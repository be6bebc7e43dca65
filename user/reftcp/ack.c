/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293 3.10.7.4, fifth, as far as it is the same in every synchronized state: what an ACK
 * acknowledges, what that says of the path, and the send window. */
#include "reftcp/arrives.h"

#include <string.h>

#include "reftcp/challenge.h"
#include "reftcp/mss.h"
#include "reftcp/pmtu.h"
#include "reftcp/rack.h"
#include "reftcp/rto.h"
#include "reftcp/rtxq.h"
#include "reftcp/sack.h"
#include "reftcp/timestamps.h"
#include "reftcp/window.h"

bool arrives_fin_acked(const struct tcb *c)
{
	return c->snd.fin_sent && seq_gt(c->snd.una, c->snd.fin);
}

/* RFC 7323 4: the timestamp that came back says when the segment it rode on was sent. */
static void read_echo(struct arrival *a)
{
	const struct tcb *c = a->c;
	uint32_t ago;

	if (!c->ts.on || !(a->seg->opt.has & TCPOPT_TS) || !a->seg->opt.ts_ecr)
		return;
	ago = timestamps_now(c, a->now) - a->seg->opt.ts_ecr;
	/* One from the future, or from before the connection, is not ours. */
	if (ago > 0x7fffffff || ago * REFTCP_MS > a->now)
		return;
	a->news.echo_valid = true;
	a->news.echo_sent_at = a->now - ago * REFTCP_MS;
}

static void note_times(struct arrival *a, const struct txseg *seg)
{
	if (seg->flags & TXSEG_EVER_RETRANS)
		return;
	if (!a->news.rtt_valid)
		a->news.rtt_first = a->now - seg->sent_at;
	a->news.rtt_last = a->now - seg->sent_at;
	a->news.rtt_valid = true;
}

/* The queue's front, as far as it is acknowledged; the newest round trip it gives. */
static void remove_acknowledged(struct arrival *a)
{
	struct tcb *c = a->c;
	struct seq ack = a->seg->ack;
	reftcp_time sample = 0, last_sent = 0;
	bool measured = false, again = false;

	while (c->rtx_head && seq_leq(seq_add(c->rtx_head->seq, c->rtx_head->len), ack)) {
		struct txseg *seg = c->rtx_head;

		if (seg->flags & TXSEG_SACKED) {
			a->news.was_sacked += seg->len;
		} else {
			rack_delivered(c, seg, &a->news, a->now);
			a->news.segs++;
			c->told.delivered++;
			note_times(a, seg);
		}
		/* RFC 6298 3: never with a segment that was sent again [MUST-18]: those behind it
		 * arrived long ago and only waited for it. One sample a round trip keeps RTTVAR's
		 * memory as long as it is meant to be. */
		again = again || seg->flags & TXSEG_EVER_RETRANS;
		last_sent = seg->sent_at > last_sent ? seg->sent_at : last_sent;
		if (!(seg->flags & TXSEG_SACKED) && seq_geq(seg->seq, c->rtt.sample_after)) {
			sample = a->now - seg->sent_at;
			measured = true;
		}
		rtxq_pop(a->s, c);
	}
	if (c->rtx_head && seq_lt(c->rtx_head->seq, ack))
		rtxq_trim(c, ack);
	measured = measured && !again;
	if (again)
		a->news.rtt_valid = false;
	if (stack_rule(a->s, RULE_rtt_every_ack)) {
		rto_sample_each(a->s, c, &a->news, a->now, again);
		return;
	}
	/* RFC 7323 4.1: a timestamp tells which copy of a segment sent again was answered. An
	 * older one than the last copy's only says that some ACK was lost in between. */
	if (!measured && a->news.echo_valid && c->rtt.backoff &&
	    a->news.echo_sent_at + REFTCP_MS >= last_sent) {
		sample = a->now - a->news.echo_sent_at;
		measured = true;
	}
	if (measured) {
		rto_sample(a->s, c, sample);
		c->rtt.sample_after = c->snd.nxt;
	}
}

/* Those whose end is acknowledged. */
static void forget_records(struct tcb *c)
{
	unsigned int n = 0;

	while (n < c->snd.records && seq_leq(c->snd.record[n], c->snd.una))
		n++;
	if (!n)
		return;
	c->snd.records -= n;
	memmove(c->snd.record, c->snd.record + n, c->snd.records * sizeof(c->snd.record[0]));
}

void arrives_acknowledged(struct arrival *a)
{
	struct tcb *c = a->c;
	uint32_t n = seq_diff(a->seg->ack, c->snd.una);
	uint32_t octets = n;

	octets -= seq_eq(c->snd.una, c->snd.iss);
	octets -= c->snd.fin_sent && seq_gt(a->seg->ack, c->snd.fin);
	a->news.acked = n;
	remove_acknowledged(a);
	stream_drop(&c->snd.stream, &a->s->chunks, octets);
	c->snd.queued -= octets;
	c->snd.una = a->seg->ack;
	pmtu_acknowledged(a->s, c, a->now);
	if (c->snd.up_valid && seq_leq(c->snd.up, c->snd.una))
		c->snd.up_valid = false;
	if (c->snd.push_valid && seq_leq(c->snd.push, c->snd.una))
		c->snd.push_valid = false;
	forget_records(c);
	c->retries = 0;
	rto_restart(a->s, c, a->now); /* RFC 6298 5.2, 5.3 */
	if (c->rtx_head || tcb_unsent(c))
		timer_set(c, TIMER_USER, a->now + c->user_timeout);
	else
		timer_clear(c, TIMER_USER);
	if (c->snd.write_wanted && octets) {
		c->snd.write_wanted = false;
		stack_tell(a->s, c, REFTCP_EVENT_WRITABLE);
	}
	if (octets && c->snd.queued == 0)
		stack_tell(a->s, c, REFTCP_EVENT_SENT);
}

void arrives_set_window(struct arrival *a, uint32_t wnd)
{
	struct tcb *c = a->c;

	c->snd.wnd = wnd;
	c->snd.wl1 = a->seg->seq;
	c->snd.wl2 = a->seg->ack;
	if (wnd > c->snd.max_wnd)
		c->snd.max_wnd = wnd;
}

/* The window has opened again: what was sent into the closed one was not taken. */
static void window_opened(struct arrival *a)
{
	struct tcb *c = a->c;

	timer_clear(c, TIMER_PERSIST);
	if (c->probes && c->rtx_head && c->phase == PHASE_OPEN)
		rtxq_mark_all_lost(c);
	c->probes = 0;
	c->retries = 0;
	c->rtt.backoff = 0;
	rto_restart(a->s, c, a->now);
}

/* SND.WL1 < SEG.SEQ, or SND.WL1 = SEG.SEQ and SND.WL2 =< SEG.ACK. */
static bool window_is_newer(const struct arrival *a, uint32_t wnd)
{
	const struct tcb *c = a->c;

	if (seq_lt(c->snd.wl1, a->seg->seq))
		return true;
	if (!stack_rule(a->s, RULE_window_same_larger))
		return seq_eq(c->snd.wl1, a->seg->seq) && seq_leq(c->snd.wl2, a->seg->ack);
	return a->news.acked || (seq_eq(c->snd.wl1, a->seg->seq) && (wnd > c->snd.wnd || !wnd));
}

static void update_window(struct arrival *a, uint32_t wnd)
{
	struct tcb *c = a->c;
	bool was_shut = c->snd.wnd == 0;

	if (!window_is_newer(a, wnd))
		return;
	arrives_set_window(a, wnd);
	if (was_shut && wnd)
		window_opened(a);
	/* RFC 9293 3.8.6.1: as long as the peer answers, it stays open [MUST-37]. */
	if (wnd == 0 && timer_armed(c, TIMER_USER))
		timer_set(c, TIMER_USER, a->now + c->user_timeout);
}

/* RFC 5681 2, DUPLICATE ACKNOWLEDGMENT (a) to (e). Answers to probes of a closed window are no
 * sign of loss. */
static bool duplicate(const struct arrival *a, uint32_t wnd)
{
	const struct tcb *c = a->c;

	return c->rtx_head && wnd && a->seg->text_len == 0 &&
	       !(a->seg->ctl & (CTL_SYN | CTL_FIN)) && seq_eq(a->seg->ack, c->snd.una) &&
	       wnd == c->snd.wnd;
}

/* RFC 5681 3.1 lets the window grow only while it is what limits: a sender short of data would
 * blow it up. */
static bool window_limited(const struct tcb *c, uint32_t flight)
{
	if (c->in_segments)
		return c->use.limited ||
		       (c->cwnd < c->ssthresh && c->cwnd < 2 * c->use.most_out * mss_sender(c));
	if (c->cwnd < c->ssthresh)
		return flight >= c->cwnd / 2;
	return flight + 3 * mss_sender(c) >= c->cwnd;
}

static void begin_news(struct arrival *a)
{
	const struct tcb *c = a->c;

	a->news.old_una = c->snd.una;
	a->news.flight = seq_diff(c->snd.nxt, c->snd.una);
	a->news.window_limited = window_limited(c, a->news.flight);
	a->news.lost_before = c->lost_count;
	a->news.fack = c->rack.fack;
	a->news.ece = a->seg->ctl & CTL_ECE;
	read_echo(a);
}

/* RFC 6675 5, (C): "any ACK" with SACK blocks: what an ACK that was overtaken tells of beyond
 * SND.UNA is true all the same. */
static void old_sack(struct arrival *a)
{
	struct tcb *c = a->c;

	if (!c->sack_on || !(a->seg->opt.has & TCPOPT_SACK))
		return;
	begin_news(a);
	sack_heard(a->s, c, a->seg, &a->news, a->now);
	recovery_on_ack(a->s, c, a->seg, &a->news, a->now);
}

bool arrives_ack(struct arrival *a)
{
	struct tcb *c = a->c;
	uint32_t wnd = (uint32_t)a->seg->wnd << c->snd.scale;

	if (seq_gt(a->seg->ack, c->snd.nxt)) {
		/* "If the ACK acks something not yet sent, then send an ACK, drop the segment." */
		if (stack_rule(a->s, RULE_ack_unsent_challenged))
			challenge_ack(a->s, c, a->now);
		else
			window_ack_now(c);
		a->s->counters.ack_dropped++;
		return false;
	}
	if (seq_lt(a->seg->ack, c->snd.una)) {
		old_sack(a);
		return true; /* "it can be ignored" */
	}
	begin_news(a);
	a->news.duplicate = duplicate(a, wnd);
	sack_heard(a->s, c, a->seg, &a->news, a->now);
	if (seq_gt(a->seg->ack, c->snd.una))
		arrives_acknowledged(a);
	else if (stack_rule(a->s, RULE_rtt_every_ack) && a->news.sack_rtt_valid)
		rto_sample_each(a->s, c, &a->news, a->now, false);
	c->told.ack_received_at = a->now;
	c->more = false; /* what has waited for more goes now, or by the rules for small segments */
	/* Each duplicate ACK told of one already: an ACK that moves on tells of one at least. */
	if (c->in_segments && !c->sack_on && a->news.segs)
		a->news.segs = a->news.segs > c->dup_acks ? a->news.segs - c->dup_acks : 1;
	update_window(a, wnd);
	recovery_on_ack(a->s, c, a->seg, &a->news, a->now);
	return true;
}
