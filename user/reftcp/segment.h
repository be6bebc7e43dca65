/* SPDX-License-Identifier: BSD-2-Clause */
/* A segment as RFC 9293 3.3.1 names it (SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND, SEG.UP), read from
 * and written to IPv4 and IPv6 packets with their checksums. */
#ifndef REFTCP_SEGMENT_H
#define REFTCP_SEGMENT_H

#include "reftcp/reftcp.h"
#include "reftcp/route.h"
#include "reftcp/seq.h"
#include "reftcp/tcpopt.h"

#define CTL_FIN 0x01
#define CTL_SYN 0x02
#define CTL_RST 0x04
#define CTL_PSH 0x08
#define CTL_ACK 0x10
#define CTL_URG 0x20
#define CTL_ECE 0x40
#define CTL_CWR 0x80

/* RFC 3168 5: the ECN field of the IP header. */
#define ECN_NOT_ECT 0
#define ECN_ECT_1 1
#define ECN_ECT_0 2
#define ECN_CE 3

struct segment {
	struct reftcp_endpoint src, dst;
	uint8_t ttl, dscp, ecn;
	bool may_fragment; /* IPv4: DF not set */
	uint8_t ctl;
	struct seq seq, ack;
	uint16_t wnd; /* as on the wire, not scaled */
	uint16_t up;
	struct tcpopt opt;
	const struct ip_route *route; /* to be sent over; null: straight */
	const uint8_t *routed;        /* the source route it came over, or null */
	const uint8_t *text;          /* points into the packet */
	uint32_t text_len;
};

enum segment_fault {
	SEGMENT_OK,
	SEGMENT_BAD_IP,
	SEGMENT_BAD_TCP,
	SEGMENT_BAD_CHECKSUM,
	SEGMENT_FRAGMENT,
	SEGMENT_NOT_TCP,
};

/* What the network layer said of a packet. */
struct packet {
	struct reftcp_addr src, dst;
	uint8_t ttl, dscp, ecn;
	bool may_fragment;
	uint8_t proto;
	const uint8_t *routed; /* a source route among the options, or null */
	const uint8_t *payload;
	size_t payload_len;
};

/* The IP headers only; IPv4 options and IPv6 extension headers are stepped over (MUST-50). */
enum segment_fault packet_parse(struct packet *out, const uint8_t *p, size_t len);

/* The TCP part of a parsed packet. verify: check the checksum (MUST-3). */
enum segment_fault segment_parse(struct segment *out, const struct packet *ip, bool verify);

/* Octets of IP and TCP headers with these options. */
size_t segment_header_length(const struct segment *seg);

/*
 * Writes the headers of seg for text_len octets of text that stand, or will be copied by the
 * caller, right after them; sum is the inetsum of that text. cap must have room for them all.
 * Returns the length of the headers.
 */
size_t segment_build(const struct segment *seg, uint64_t text_sum, uint8_t *buf);

/* Nothing set; what an option brings says nothing before opt.has has it. */
static inline void segment_clear(struct segment *seg)
{
	seg->ecn = seg->ctl = 0;
	seg->may_fragment = false;
	seg->wnd = seg->up = 0;
	seg->route = NULL;
	seg->routed = NULL;
	seg->text = NULL;
	seg->text_len = 0;
	tcpopt_clear(&seg->opt);
}

/* SEG.LEN: text plus the numbers SYN and FIN occupy. */
static inline uint32_t segment_length(const struct segment *seg)
{
	return seg->text_len + !!(seg->ctl & CTL_SYN) + !!(seg->ctl & CTL_FIN);
}

#endif
