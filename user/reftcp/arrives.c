/* SPDX-License-Identifier: BSD-2-Clause */
/* SEGMENT ARRIVES, RFC 9293 3.10.7: who it is for, which list of steps it walks, the verdict. */
#include "reftcp/arrives.h"

#include <errno.h>

#include "reftcp/addr.h"
#include "reftcp/conntab.h"

#define IP_PROTO_ICMP 1
#define IP_PROTO_TCP 6
#define IP_PROTO_ICMP6 58

static const struct step_list *list_for(enum reftcp_state state)
{
	switch (state) {
	case REFTCP_CLOSED:
		return &steps_closed;
	case REFTCP_LISTEN:
		return &steps_listen;
	case REFTCP_SYN_SENT:
		return &steps_syn_sent;
	case REFTCP_SYN_RECEIVED:
	case REFTCP_ESTABLISHED:
	case REFTCP_FIN_WAIT_1:
	case REFTCP_FIN_WAIT_2:
	case REFTCP_CLOSE_WAIT:
	case REFTCP_CLOSING:
	case REFTCP_LAST_ACK:
	case REFTCP_TIME_WAIT:
		return &steps_other;
	}
	return &steps_closed;
}

/* The last step looked at. */
static const struct step *walk(struct arrival *a, const struct step_list *list)
{
	const struct step *row = list->row;
	enum step_result result;

	for (;;) {
		const struct step *end = list->row + list->count;

		do {
			result = row++->run(a);
		} while (result == STEP_NEXT && row < end);
		switch (result) {
		case STEP_NEXT:
		case STEP_DONE:
			return row - 1;
		case STEP_TO_LISTEN:
			list = &steps_listen;
			row = list->row;
			break;
		case STEP_TO_OTHER:
			list = &steps_other;
			row = list->row;
			break;
		case STEP_TO_SIXTH:
			list = &steps_other;
			row = list->row + step_sixth;
			break;
		}
	}
}

void arrives_segment(struct reftcp_stack *s, const struct segment *seg, reftcp_time now,
		     struct reftcp_verdict *out)
{
	struct arrival a;
	const struct step *row;
	struct tcb *first;

	a.s = s;
	a.seg = seg;
	a.now = now;
	a.seq = seg->seq;
	a.text = seg->text;
	a.text_len = seg->text_len;
	a.fin = seg->ctl & CTL_FIN;
	a.news = (struct ack_news){0};
	a.disposition = REFTCP_ACCEPTED;
	a.iss_floor_valid = false;
	a.crossed = false;
	a.c = conntab_find(s, &seg->dst, &seg->src);
	if (!a.c)
		a.c = conntab_listener(s, &seg->dst, &seg->src);
	first = a.c;
	if (a.c) {
		out->id = tcb_id(s, a.c);
		out->before = a.c->state;
		a.c->received_dscp = seg->dscp;
	}
	row = walk(&a, list_for(out->before));
	out->clause = row->clause;
	out->step = row->name;
	out->disposition = a.disposition;
	out->after = a.c ? a.c->state : REFTCP_CLOSED;
	if (a.c && a.c != first)
		out->id = tcb_id(s, a.c);
	if (a.c)
		stack_settle(s, a.c);
}

static void count_fault(struct reftcp_stack *s, enum segment_fault fault)
{
	switch (fault) {
	case SEGMENT_OK:
		break;
	case SEGMENT_BAD_IP:
		s->counters.bad_ip++;
		break;
	case SEGMENT_BAD_TCP:
		s->counters.bad_tcp++;
		break;
	case SEGMENT_BAD_CHECKSUM:
		s->counters.bad_checksum++;
		break;
	case SEGMENT_FRAGMENT:
		s->counters.fragments++;
		break;
	case SEGMENT_NOT_TCP:
		s->counters.not_tcp++;
		break;
	}
}

/* RFC 9293 3.9.2.3: both addresses must be those of single hosts [MUST-57, MUST-63]. */
static bool address_ok(struct reftcp_stack *s, const struct packet *ip)
{
	if (!addr_unicast(&ip->src) || !addr_unicast(&ip->dst)) {
		s->counters.bad_address++;
		return false;
	}
	if (!stack_is_local(s, &ip->dst)) {
		s->counters.not_for_us++;
		return false;
	}
	/* A packet that has hosts to pass yet is none of ours, and this is no gateway. */
	if (s->config.source_routes && ip->routed && !route_done(ip->routed)) {
		s->counters.not_for_us++;
		return false;
	}
	return true;
}

int reftcp_arrives(struct reftcp_stack *s, const void *packet, size_t len, reftcp_time now,
		   struct reftcp_verdict *out)
{
	struct reftcp_verdict v = {.disposition = REFTCP_MALFORMED, .clause = "", .step = ""};
	enum segment_fault fault;
	struct packet ip;
	struct segment seg;

	if (!s || !packet)
		return -EINVAL;
	s->counters.packets_in++;
	s->counters.octets_in += len;
	fault = packet_parse(&ip, packet, len);
	if (fault == SEGMENT_OK && address_ok(s, &ip)) {
		if (ip.proto == (ip.src.family == 4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6)) {
			icmp_arrives(s, &ip, now);
		} else {
			fault = segment_parse(&seg, &ip, s->config.verify_checksums);
			if (fault == SEGMENT_OK) {
				s->counters.bad_options += !!(seg.opt.has & TCPOPT_MALFORMED);
				arrives_segment(s, &seg, now, &v);
			}
		}
	}
	count_fault(s, fault);
	if (out)
		*out = v;
	return 0;
}
