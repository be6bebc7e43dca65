/* SPDX-License-Identifier: BSD-2-Clause */
/* What the steps of SEGMENT ARRIVES share. */
#ifndef REFTCP_ARRIVES_H
#define REFTCP_ARRIVES_H

#include "reftcp/step.h"

/* A segment for whoever it is for, along the steps of its state. */
void arrives_segment(struct reftcp_stack *s, const struct segment *seg, reftcp_time now,
		     struct reftcp_verdict *out);
/* The options, window and congestion bits of a SYN or SYN,ACK. */
void arrives_negotiate(struct arrival *a);
/* Text and FIN of a SYN, kept until the connection is ESTABLISHED. */
void arrives_hold_text(struct arrival *a);
/* The connection has become ESTABLISHED: what waited for it. */
void arrives_established(struct arrival *a);
/* SEG.ACK is beyond SND.UNA and acceptable: what it acknowledges leaves the queue. */
void arrives_acknowledged(struct arrival *a);
/* RFC 9293 3.10.7.4, fifth, ESTABLISHED STATE. false: the segment is to be dropped. */
bool arrives_ack(struct arrival *a);
/* SND.WND, WL1 and WL2 as they are. */
void arrives_set_window(struct arrival *a, uint32_t wnd);
/* Our FIN is sent and acknowledged. */
bool arrives_fin_acked(const struct tcb *c);

/* The way back of a segment that came over a source route, where it is to be kept. */
void arrives_note_route(struct arrival *a);
/* 2 MSL from now. */
void arrives_time_wait(struct arrival *a);

/* "Trimming off any portions that lie outside the window." */
void arrives_trim(struct arrival *a);
/* RFC 2883 4: what came twice is told with the ACK that answers it. */
void arrives_note_duplicate(struct arrival *a);

/* Steps of arrives_text.c. */
enum step_result text_nobody_reads(struct arrival *a);
enum step_result text_came_twice(struct arrival *a);
enum step_result text_after_fin(struct arrival *a);
enum step_result text_sixth_urgent(struct arrival *a);
enum step_result text_seventh(struct arrival *a);
enum step_result text_eighth_fin(struct arrival *a);
/* Steps of arrives_mini.c. */
enum step_result mini_syn_received(struct arrival *a);
enum step_result mini_time_wait(struct arrival *a);
enum step_result mini_fin_wait_2(struct arrival *a);

/* An ICMP or ICMPv6 packet. */
void icmp_arrives(struct reftcp_stack *s, const struct packet *ip, reftcp_time now);

#endif
