/* SPDX-License-Identifier: BSD-2-Clause */
/* The answer to getsockopt(TCP_INFO) as Linux 6.18 lays it out; the C library's header is older.
 * Times are in microseconds, those called last_* and rto in ms or us as Linux has them. */
#ifndef TOOLS_PACKETDRILL_TCP_INFO_H
#define TOOLS_PACKETDRILL_TCP_INFO_H

#include <stdint.h>

struct drill_tcp_info {
	uint8_t state, ca_state, retransmits, probes, backoff, options;
	uint8_t scales; /* sender's in the low four bits */
	uint8_t flags;
	uint32_t rto, ato, snd_mss, rcv_mss;
	uint32_t unacked, sacked, lost, retrans, fackets;
	uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
	uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
	uint32_t rcv_rtt, rcv_space, total_retrans;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
	uint16_t total_rto, total_rto_recoveries;
	uint32_t total_rto_time;
	uint32_t received_ce, accurate_ecn[8];
};

_Static_assert(sizeof(struct drill_tcp_info) >= 248, "as long as packetdrill's");

#endif
