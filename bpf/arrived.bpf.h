/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments that have arrived: whose they are. */
#ifndef TCPWITNESS_ARRIVED_BPF_H
#define TCPWITNESS_ARRIVED_BPF_H

#include "sock.bpf.h"

/* The tuple of the connection an arrived segment belongs to, seen from here. */
static __always_inline bool tuple_of_segment(struct tcpw_tuple *t, const struct sk_buff *skb)
{
	unsigned char *head = skb->head;
	struct tcphdr th;

	if (bpf_probe_read_kernel(&th, sizeof(th), head + skb->transport_header))
		return false;
	t->lport = bpf_ntohs(th.dest);
	t->rport = bpf_ntohs(th.source);
	t->netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;

		if (bpf_probe_read_kernel(&ip, sizeof(ip), head + skb->network_header))
			return false;
		set_mapped(t->laddr, ip.daddr);
		set_mapped(t->raddr, ip.saddr);
		return true;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;

		if (bpf_probe_read_kernel(&ip, sizeof(ip), head + skb->network_header))
			return false;
		__builtin_memcpy(t->laddr, ip.daddr, 16);
		__builtin_memcpy(t->raddr, ip.saddr, 16);
		return true;
	}
	return false;
}

#endif
