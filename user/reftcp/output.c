/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building segments, and the order in which a connection's duties are done. Whether new data
 * may go is decided in send_rules.c, what is to be sent again in recovery.c and timeouts.c.
 */
#include "reftcp/output.h"

#include "reftcp/congestion.h"
#include "reftcp/ecn.h"
#include "reftcp/fastopen.h"
#include "reftcp/mss.h"
#include "reftcp/pmtu.h"
#include "reftcp/rack.h"
#include "reftcp/recovery.h"
#include "reftcp/reset.h"
#include "reftcp/rto.h"
#include "reftcp/rtxq.h"
#include "reftcp/sack.h"
#include "reftcp/send_rules.h"
#include "reftcp/timestamps.h"
#include "reftcp/urgent.h"
#include "reftcp/uto.h"
#include "reftcp/window.h"

static void syn_options(struct reftcp_stack *s, struct tcb *c, struct segment *seg, reftcp_time now)
{
	/* On a SYN,ACK only what the SYN asked for: c->*_on say so by then. */
	bool answer =
		seg->ctl & CTL_ACK && (c->from_listen || !stack_rule(s, RULE_crossed_syn_offers));

	seg->opt.has |= TCPOPT_MSS; /* RFC 9293 3.7.1 [MUST-14, MAY-3]; on SYNs only [MUST-65] */
	seg->opt.mss = c->own_mss;
	if (answer ? c->scale_on : s->config.window_scale) {
		seg->opt.has |= TCPOPT_SCALE;
		seg->opt.scale = window_scale_for(s->config.recv_buffer);
	}
	if (answer ? c->sack_on : s->config.sack)
		seg->opt.has |= TCPOPT_SACK_OK;
	if (answer ? c->ts.on : s->config.timestamps)
		timestamps_put(c, &seg->opt, now);
	if (seg->opt.has & TCPOPT_TS && !c->ts.first_valid) {
		c->ts.first = seg->opt.ts_val;
		c->ts.first_valid = true;
	}
	fastopen_put(s, c, seg);
	ecn_put_syn(s, c, seg);
}

void output_header(struct reftcp_stack *s, struct tcb *c, struct segment *seg, uint8_t ctl,
		   struct seq seq, reftcp_time now)
{
	segment_clear(seg);
	seg->src = c->local;
	seg->dst = c->remote;
	seg->ttl = c->ttl;
	seg->dscp = c->dscp;
	seg->route = c->route.len ? &c->route : NULL;
	seg->ctl = ctl;
	seg->seq = seq;
	seg->ack = c->rcv.nxt;
	if (ctl & CTL_SYN) {
		syn_options(s, c, seg, now);
	} else {
		if (c->ts.on)
			timestamps_put(c, &seg->opt, now);
		sack_put(c, &seg->opt);
		ecn_put(c, seg);
	}
	uto_put(c, seg);
	urgent_put(c, seg);
	/* A SYN cannot tell of more than its field holds. */
	if (ctl & CTL_ACK && !(ctl & CTL_SYN))
		window_update(s, c);
	seg->wnd = window_field(c, ctl & CTL_SYN);
}

size_t output_write(struct reftcp_stack *s, struct tcb *c, struct segment *seg, uint32_t text_len,
		    uint8_t *buf)
{
	size_t head = segment_header_length(seg);
	uint64_t sum = 0;

	seg->text_len = text_len;
	if (text_len) {
		struct seq first = seg->ctl & CTL_SYN ? seq_add(seg->seq, 1) : seg->seq;

		sum = stream_read_sum(&c->snd.stream, &s->chunks,
				      seq_diff(first, tcb_stream_start(c)), buf + head, text_len);
	}
	segment_build(seg, sum, buf);
	if (head + text_len > c->max_packet_sent)
		c->max_packet_sent = (uint32_t)(head + text_len);
	return head + text_len;
}

void output_sent(struct tcb *c, const struct segment *seg, reftcp_time now)
{
	c->last_sent_at = now;
	if (!(seg->ctl & CTL_ACK))
		return;
	c->ts.last_ack_sent = seg->ack;
	c->rcv.dsack_valid = false;
	window_acked(c);
}

static bool user_pushed(const struct tcb *c, struct seq first, uint32_t len)
{
	for (unsigned int i = 0; len && i < c->snd.records; i++)
		if (seq_eq(c->snd.record[i], seq_add(first, len)))
			return true;
	return len && c->snd.push_valid && seq_gt(c->snd.push, first) &&
	       seq_leq(c->snd.push, seq_add(first, len));
}

/* PSH where the user pushed, or where the queue ends (MUST-61), or where segments end that leave
 * together. */
static uint8_t push_bit(const struct reftcp_stack *s, const struct tcb *c, struct seq first,
			uint32_t len)
{
	if (len == 0)
		return 0;
	if (user_pushed(c, first, len))
		return CTL_PSH;
	if (stack_rule(s, RULE_push_bursts))
		return c->burst_left == 1 && c->burst_size > 1 ? CTL_PSH : 0;
	return seq_eq(seq_add(first, len), seq_add(tcb_stream_start(c), c->snd.queued)) ? CTL_PSH
											: 0;
}

/* Of a segment sent again: what left together goes together again, as far as it is due and the
 * window lets it. */
static uint8_t push_again(struct tcb *c, struct txseg *again)
{
	uint32_t room = c->cwnd > rtxq_pipe(c) ? (c->cwnd - rtxq_pipe(c)) / mss_sender(c) : 1;
	struct txseg *seg = again;

	if (!c->again_left) {
		for (c->again_size = 1; seg->flags & TXSEG_JOINED && seg->next; seg = seg->next) {
			if ((seg->next->flags & (TXSEG_LOST | TXSEG_RETRANS)) != TXSEG_LOST ||
			    c->again_size >= room)
				break;
			c->again_size++;
		}
		c->again_left = c->again_size;
	}
	if (--c->again_left == 0) {
		again->flags &= ~TXSEG_JOINED;
		if (c->again_size > 1)
			return CTL_PSH;
	}
	return again->flags & TXSEG_PUSH ? CTL_PSH : 0;
}

/* Timers that run while something is unacknowledged. */
static void outstanding(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	if (!timer_armed(c, TIMER_REXMIT))
		rto_restart(s, c, now);
	if (!timer_armed(c, TIMER_USER))
		timer_set(c, TIMER_USER, now + c->user_timeout);
	timer_clear(c, TIMER_PERSIST);
}

/* RFC 7413 4.1.3.1: data that rides on the SYN is a queue entry of its own, as it is sent again by
 * itself if it was not taken. */
static uint32_t early_text(struct reftcp_stack *s, struct tcb *c, const struct segment *seg,
			   reftcp_time now)
{
	uint32_t n = fastopen_room(s, c, seg);

	if (!n || !rtxq_push(s, c, c->snd.nxt, n, TXSEG_PUSH, now))
		return 0;
	c->snd.nxt = seq_add(c->snd.nxt, n);
	c->syn_text_len = n;
	s->counters.fast_open_sent++;
	return n;
}

/* The front of what is deemed lost, RFC 9293 3.10.8; cut if the path has become narrower. */
static size_t send_again(struct reftcp_stack *s, struct tcb *c, struct txseg *again, uint8_t *buf,
			 reftcp_time now)
{
	bool syn = again->flags & TXSEG_SYN, first = again->flags & TXSEG_FRESH;
	struct segment seg;
	uint32_t text, room;
	uint8_t ctl = syn ? CTL_SYN : 0;

	if (c->state != REFTCP_SYN_SENT)
		ctl |= CTL_ACK;
	output_header(s, c, &seg, ctl, again->seq, now);
	room = mss_room(c, tcpopt_length(&seg.opt));
	text = again->len - syn - !!(again->flags & TXSEG_FIN);
	if (text > room) {
		if (!rtxq_split(s, c, again, room + syn))
			return 0;
		text = room;
	}
	seg.ctl |= again->flags & TXSEG_FIN ? CTL_FIN : 0;
	if (stack_rule(s, RULE_push_bursts))
		seg.ctl |= push_again(c, again);
	else
		seg.ctl |= push_bit(s, c, seq_add(again->seq, syn), text);
	if (syn && first && c->state == REFTCP_SYN_SENT)
		text = early_text(s, c, &seg, now);
	if (first) {
		again->flags &= ~(TXSEG_FRESH | TXSEG_LOST);
		c->lost -= again->len;
		c->lost_count--;
		again->sent_at = now;
	} else {
		rtxq_mark_sent_again(c, again, now);
		s->counters.retransmits++;
		recovery_sent(c, again->len, true);
	}
	c->send_one = false;
	outstanding(s, c, now);
	output_sent(c, &seg, now);
	return output_write(s, c, &seg, text, buf);
}

/* New data, a FIN, or both, RFC 9293 3.10.2. */
static size_t send_new(struct reftcp_stack *s, struct tcb *c, uint32_t len, bool fin, uint8_t *buf,
		       reftcp_time now)
{
	struct seq seq = c->snd.nxt;
	struct segment seg;
	uint32_t room;

	output_header(s, c, &seg, CTL_ACK, seq, now);
	room = mss_room(c, tcpopt_length(&seg.opt));
	if (len > mss_effective(c)) {
		/* Only a probe is larger; options that came in between make it smaller. */
		room = len - (uint32_t)tcpopt_length(&seg.opt) + (c->ts.on ? 12 : 0);
		pmtu_probe_sent(c, seq, room);
	}
	if (len > room) {
		len = room;
		fin = false;
	}
	seg.ctl |= push_bit(s, c, seq, len) | (fin ? CTL_FIN : 0);
	if (!rtxq_push(s, c, seq, len + fin,
		       (fin ? TXSEG_FIN : 0) | (user_pushed(c, seq, len) ? TXSEG_PUSH : 0) |
			       (c->burst_left > 1 ? TXSEG_JOINED : 0),
		       now))
		return 0;
	c->burst_left -= c->burst_left > 0;
	window_data_sent(c, now);
	ecn_put_data(c, &seg);
	if (!c->rtx_head->next && c->cc->on_start && c->last_sent_at)
		c->cc->on_start(c, now - c->last_sent_at, now);
	c->snd.nxt = seq_add(seq, len + fin);
	c->told.data_sent_at = now;
	if (fin) {
		c->snd.fin_sent = true;
		c->snd.fin = seq_add(seq, len);
		/* RFC 9293 3.10.4, CLOSE-WAIT: the preceding SENDs have been segmentized. */
		if (c->state == REFTCP_CLOSE_WAIT)
			state_move(s, c, REFTCP_LAST_ACK, CLAUSE_CLOSE, now);
	}
	if (len == room)
		c->snd.full_at = now;
	if (len && len < room) {
		c->snd.small = c->snd.nxt;
		c->snd.small_valid = true;
	}
	recovery_sent(c, len + fin, false);
	outstanding(s, c, now);
	rack_arm_probe(s, c, now);
	output_sent(c, &seg, now);
	return output_write(s, c, &seg, len, buf);
}

static size_t send_ack(struct reftcp_stack *s, struct tcb *c, uint8_t *buf, reftcp_time now)
{
	struct segment seg;

	/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
	output_header(s, c, &seg, CTL_ACK, reset_sequence(s, c), now);
	output_sent(c, &seg, now);
	return output_write(s, c, &seg, 0, buf);
}

/* RFC 9293 3.8.4: SEG.SEQ = SND.NXT-1, with a garbage octet only if asked for. */
static size_t send_keepalive(struct reftcp_stack *s, struct tcb *c, uint8_t *buf, reftcp_time now)
{
	struct segment seg;
	size_t head;

	c->owe &= ~OWE_KEEPALIVE;
	output_header(s, c, &seg, CTL_ACK, seq_sub(c->snd.nxt, 1), now);
	output_sent(c, &seg, now);
	s->counters.keepalive_probes++;
	if (!c->keep.octet)
		return output_write(s, c, &seg, 0, buf);
	head = segment_header_length(&seg);
	seg.text_len = 1;
	buf[head] = 0;
	segment_build(&seg, 0, buf);
	return head + 1;
}

/* A closed window: an octet the peer has had, without the octet, must be answered as well. */
static size_t send_old_probe(struct reftcp_stack *s, struct tcb *c, uint8_t *buf, reftcp_time now)
{
	struct segment seg;

	c->owe &= ~OWE_WINDOW_PROBE;
	output_header(s, c, &seg, CTL_ACK, seq_sub(c->snd.una, 1), now);
	output_sent(c, &seg, now);
	timer_set(c, TIMER_PERSIST, now + rto_backed_off(s, c, c->probes));
	return output_write(s, c, &seg, 0, buf);
}

/* RFC 8985 7.3: new data if the peer has room for it, else the last segment once more; neither
 * waits for the congestion window. */
static size_t send_tail_probe(struct reftcp_stack *s, struct tcb *c, uint8_t *buf, reftcp_time now)
{
	uint32_t d = tcb_unsent(c), mss = mss_effective(c);
	uint32_t len = d < mss ? d : mss;
	bool again;
	size_t n;

	c->owe &= ~OWE_TAIL_PROBE;
	/* An ACK since the timer fired may have answered the question. */
	if (!c->rtx_tail || c->rtx_tail->flags & TXSEG_SACKED || c->phase != PHASE_OPEN)
		return 0;
	again = !len || seq_diff(c->snd.nxt, c->snd.una) + len > c->snd.wnd;
	n = again ? send_again(s, c, c->rtx_tail, buf, now) : send_new(s, c, len, false, buf, now);
	if (!n)
		return 0;
	rack_probe_sent(c, again);
	s->counters.tail_loss_probes++;
	timer_clear(c, TIMER_PROBE);
	rto_restart(s, c, now);
	return n;
}

static struct txseg *due_again(struct tcb *c)
{
	struct txseg *again = rtxq_next_lost(c);
	uint32_t len;

	if (!again)
		return NULL;
	if (c->send_one || again->flags & (TXSEG_SYN | TXSEG_FRESH))
		return again;
	/* RFC 9293 3.8.6: within the window [SHLD-16]; the front is also the window's probe. */
	if (again != c->rtx_head && !seq_in(again->seq, c->snd.una, c->snd.wnd))
		return NULL;
	/* One that has become too large for the path goes in pieces. */
	len = again->len < mss_effective(c) ? again->len : mss_effective(c);
	return rtxq_pipe(c) + rtxq_cost(c, len) <= c->cwnd ? again : NULL;
}

size_t output_segment(struct reftcp_stack *s, struct tcb *c, uint8_t *buf, reftcp_time now)
{
	struct txseg *again = due_again(c);
	uint32_t len;
	bool fin;
	size_t n = 0;

	if (again)
		n = send_again(s, c, again, buf, now);
	if (!n && c->owe & OWE_TAIL_PROBE)
		n = send_tail_probe(s, c, buf, now);
	if (!n && c->owe & OWE_WINDOW_PROBE && send_rules_probe_old(s, c))
		n = send_old_probe(s, c, buf, now);
	if (!n && send_rules_next(s, c, now, &len, &fin))
		n = send_new(s, c, len, fin, buf, now);
	if (!n && c->owe & OWE_KEEPALIVE)
		n = send_keepalive(s, c, buf, now);
	if (!n && c->owe & OWE_ACK && c->state != REFTCP_SYN_SENT)
		n = send_ack(s, c, buf, now);
	if (!n)
		send_rules_note_use(c, now);
	return n;
}

size_t output_reply(struct reftcp_stack *s, uint8_t *buf)
{
	struct reply *r;
	struct segment seg;

	if (!s->reply_count)
		return 0;
	segment_clear(&seg);
	r = &s->replies[s->reply_head];
	s->reply_head = (s->reply_head + 1) % s->config.replies;
	s->reply_count--;
	seg.src = r->local;
	seg.dst = r->remote;
	seg.ttl = r->ttl;
	seg.dscp = r->dscp;
	seg.ecn = r->ecn;
	seg.ctl = r->ctl;
	seg.seq = r->seq;
	seg.ack = r->ack;
	seg.wnd = r->wnd;
	seg.opt = r->opt;
	seg.route = r->route.len ? &r->route : NULL;
	if (r->ctl & CTL_RST)
		s->counters.resets_sent++;
	return segment_build(&seg, 0, buf);
}
