/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments to and from packets. Every length is checked before the octets are looked at. */
#include "reftcp/segment.h"

#include <endian.h>
#include <string.h>

#include "reftcp/addr.h"
#include "reftcp/inetsum.h"

#define IP_PROTO_TCP 6

/* RFC 8200 4: extension headers that may stand before the upper layer. */
#define IP6_HOP_BY_HOP 0
#define IP6_ROUTING 43
#define IP6_FRAGMENT 44
#define IP6_DESTINATION 60

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)load16(p) << 16 | load16(p + 2);
}

static void store16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8 & 0xff;
	p[1] = v & 0xff;
}

static void store32(uint8_t *p, uint32_t v)
{
	store16(p, v >> 16);
	store16(p + 2, v);
}

static enum segment_fault parse_ip4(struct packet *out, const uint8_t *p, size_t len)
{
	size_t head = len ? (p[0] & 0x0fu) * 4u : 0;
	size_t total;

	if (len < 20 || head < 20 || head > len)
		return SEGMENT_BAD_IP;
	total = load16(p + 2);
	/* Links pad short frames: the packet may be longer than it says, never shorter. */
	if (total < head || total > len)
		return SEGMENT_BAD_IP;
	if (inetsum_finish(inetsum_add(0, p, head)) != 0)
		return SEGMENT_BAD_IP;
	if (load16(p + 6) & 0x3fff)
		return SEGMENT_FRAGMENT;
	out->may_fragment = !(p[6] & 0x40);
	out->dscp = p[1] >> 2;
	out->ecn = p[1] & 3;
	out->ttl = p[8];
	out->proto = p[9];
	addr_set(&out->src, 4, p + 12);
	addr_set(&out->dst, 4, p + 16);
	out->routed = head > 20 ? route_find(p + 20, head - 20) : NULL;
	out->payload = p + head;
	out->payload_len = total - head;
	return SEGMENT_OK;
}

/* Steps over extension headers; leaves out->proto at the upper layer. */
static enum segment_fault skip_extensions(struct packet *out)
{
	while (out->proto == IP6_HOP_BY_HOP || out->proto == IP6_ROUTING ||
	       out->proto == IP6_DESTINATION) {
		size_t n;

		if (out->payload_len < 8)
			return SEGMENT_BAD_IP;
		n = 8 + 8u * out->payload[1];
		if (n > out->payload_len)
			return SEGMENT_BAD_IP;
		out->proto = out->payload[0];
		out->payload += n;
		out->payload_len -= n;
	}
	return out->proto == IP6_FRAGMENT ? SEGMENT_FRAGMENT : SEGMENT_OK;
}

static enum segment_fault parse_ip6(struct packet *out, const uint8_t *p, size_t len)
{
	size_t total;

	if (len < 40)
		return SEGMENT_BAD_IP;
	total = load16(p + 4);
	if (total > len - 40)
		return SEGMENT_BAD_IP;
	out->may_fragment = false;
	out->dscp = (p[0] & 0x0f) << 2 | p[1] >> 6;
	out->ecn = p[1] >> 4 & 3;
	out->proto = p[6];
	out->ttl = p[7];
	addr_set(&out->src, 6, p + 8);
	addr_set(&out->dst, 6, p + 24);
	out->routed = NULL;
	out->payload = p + 40;
	out->payload_len = total;
	return skip_extensions(out);
}

enum segment_fault packet_parse(struct packet *out, const uint8_t *p, size_t len)
{
	if (len == 0)
		return SEGMENT_BAD_IP;
	if (p[0] >> 4 == 4)
		return parse_ip4(out, p, len);
	if (p[0] >> 4 == 6)
		return parse_ip6(out, p, len);
	return SEGMENT_BAD_IP;
}

enum segment_fault segment_parse(struct segment *out, const struct packet *ip, bool verify)
{
	const uint8_t *p = ip->payload;
	size_t head;

	if (ip->proto != IP_PROTO_TCP)
		return SEGMENT_NOT_TCP;
	if (ip->payload_len < 20)
		return SEGMENT_BAD_TCP;
	head = (p[12] >> 4) * 4u;
	if (head < 20 || head > ip->payload_len)
		return SEGMENT_BAD_TCP;
	/* RFC 9293 3.1: the receiver MUST check the checksum [MUST-3]. */
	if (verify) {
		uint64_t sum =
			inetsum_pseudo(&ip->src, &ip->dst, IP_PROTO_TCP, (uint32_t)ip->payload_len);

		if (inetsum_finish(inetsum_add(sum, p, ip->payload_len)) != 0)
			return SEGMENT_BAD_CHECKSUM;
	}
	addr_set(&out->src.addr, ip->src.family, ip->src.byte);
	addr_set(&out->dst.addr, ip->dst.family, ip->dst.byte);
	out->src.port = load16(p);
	out->dst.port = load16(p + 2);
	out->ttl = ip->ttl;
	out->dscp = ip->dscp;
	out->ecn = ip->ecn;
	out->may_fragment = ip->may_fragment;
	out->route = NULL;
	out->routed = ip->routed;
	out->seq = seq_of(load32(p + 4));
	out->ack = seq_of(load32(p + 8));
	out->ctl = p[13];
	out->wnd = load16(p + 14);
	out->up = load16(p + 18);
	tcpopt_parse(&out->opt, p + 20, head - 20);
	out->text = p + head;
	out->text_len = (uint32_t)(ip->payload_len - head);
	return SEGMENT_OK;
}

static size_t ip_length(const struct segment *seg)
{
	return seg->src.addr.family == 4 ? 20u + (seg->route ? seg->route->len : 0u) : 40u;
}

size_t segment_header_length(const struct segment *seg)
{
	return ip_length(seg) + 20u + tcpopt_length(&seg->opt);
}

/* Headers are put together in words and summed before they are in memory: octets just written one
 * by one cannot be read back as words without a wait. */
static uint64_t sum_words(const uint32_t *w, unsigned int n)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += w[i];
	return sum;
}

static void build_ip4(const struct segment *seg, size_t tcp_len, uint8_t *p)
{
	const struct ip_route *route = seg->route;
	uint32_t head = (uint32_t)ip_length(seg);
	uint32_t w[5] = {
		htobe32(0x40000000u | head / 4 << 24 | (uint32_t)(seg->dscp << 2 | seg->ecn) << 16 |
			(uint32_t)(head + tcp_len)),
		/* RFC 6864 4.1: with DF set and no fragment the identification means nothing. */
		seg->may_fragment ? 0 : htobe32(0x4000),
		htobe32((uint32_t)seg->ttl << 24 | IP_PROTO_TCP << 16),
	};
	uint64_t total;
	uint16_t sum;

	memcpy(&w[3], seg->src.addr.byte, 4);
	memcpy(&w[4], route ? route->first : seg->dst.addr.byte, 4);
	total = sum_words(w, 5);
	if (route) {
		memcpy(p + 20, route->options, route->len);
		total = inetsum_add(total, route->options, route->len);
	}
	sum = inetsum_finish(total);
	memcpy(p, w, 20);
	memcpy(p + 10, &sum, 2);
}

static void build_ip6(const struct segment *seg, size_t tcp_len, uint8_t *p)
{
	store32(p, 0x60000000u | (uint32_t)(seg->dscp << 2 | seg->ecn) << 20);
	store16(p + 4, (uint32_t)tcp_len);
	p[6] = IP_PROTO_TCP;
	p[7] = seg->ttl;
	memcpy(p + 8, seg->src.addr.byte, 16);
	memcpy(p + 24, seg->dst.addr.byte, 16);
}

size_t segment_build(const struct segment *seg, uint64_t text_sum, uint8_t *buf)
{
	size_t ip_len = ip_length(seg);
	uint8_t *p = buf + ip_len;
	size_t opt_len = tcpopt_build(&seg->opt, p + 20);
	size_t head = 20 + opt_len;
	size_t tcp_len = head + seg->text_len;
	uint32_t w[5] = {
		htobe32((uint32_t)seg->src.port << 16 | seg->dst.port),
		htobe32(seg->seq.n),
		htobe32(seg->ctl & CTL_ACK ? seg->ack.n : 0),
		htobe32((uint32_t)(head / 4) << 28 | (uint32_t)seg->ctl << 16 | seg->wnd),
		htobe32(seg->ctl & CTL_URG ? seg->up : 0),
	};
	uint16_t sum;

	if (seg->src.addr.family == 4)
		build_ip4(seg, tcp_len, buf);
	else
		build_ip6(seg, tcp_len, buf);
	/* RFC 9293 3.1: the sender MUST generate the checksum [MUST-2]. */
	text_sum += inetsum_pseudo(&seg->src.addr, &seg->dst.addr, IP_PROTO_TCP, (uint32_t)tcp_len);
	text_sum += sum_words(w, 5);
	/* Options were just written in words of four octets, and are read back as such. */
	for (size_t i = 0; i < opt_len; i += 4) {
		uint32_t word;

		memcpy(&word, p + 20 + i, 4);
		text_sum += word;
	}
	sum = inetsum_finish(text_sum);
	memcpy(p, w, 20);
	memcpy(p + 16, &sum, 2);
	return ip_len + head;
}
