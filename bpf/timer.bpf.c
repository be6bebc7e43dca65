// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The timer witness: SYN_RECEIVED and TIME_WAIT.
 *
 * A request socket and a timewait socket have no tracepoint, but each lives exactly as long as its
 * timer is armed. The tracepoints fire for every timer of the machine, so the comparison of the
 * handler's address comes before all else. What a cancel meant (armed anew, expired, reused,
 * killed) is for user space to see from what follows it.
 *
 * A Fast Open child has neither: it is a full socket from its SYN on, whose clone was reported
 * before it had an address. But its SYN arms its retransmit timer, for the SYN-ACK
 * (tcp_fastopen_create_child, net/ipv4/tcp_fastopen.c), in the same softirq as it is cloned.
 */
#include "mini.bpf.h"
#include "nesting.bpf.h"
#include <bpf/bpf_tracing.h>

/*
 * Whether this is done on account of a packet: net_rx_action and threaded NAPI set the pointer for
 * as long as they take packets in (since 6.10). `ss -K` does it from its process.
 */
static __always_inline __u8 context_here(void)
{
	const struct task_struct *task = (const void *)bpf_get_current_task();

	if (!bpf_core_field_exists(task->bpf_net_context))
		return TCPW_CONTEXT_UNKNOWN;
	return BPF_CORE_READ(task, bpf_net_context) ? TCPW_CONTEXT_PACKET : TCPW_CONTEXT_NO_PACKET;
}

/*
 * Refuses by its ports a mini-socket that nobody asked for, before the rest of it is copied, and
 * books it.
 */
static __always_inline bool ports_refuse(struct tcpw_account *account,
					 const struct sock_common *skc)
{
	struct tcpw_tuple tuple;

	if (!filter.ports)
		return false;
	tuple_ports_read(&tuple, skc);
	if (ports_pass(&tuple))
		return false;
	account->filtered++;
	return true;
}

static __always_inline void on_request(const struct request_sock *req, __u32 program, __u8 op,
				       __u8 fastopen, __u8 due)
{
	struct tcpw_account *account = account_of(program);
	struct tcpw_mini_record *r;
	const struct sock *listener;
	struct common_head head;
	struct tcpw_tuple tuple;
	__u64 now, listener_cookie = 0;
	__u8 listener_state = 0;

	if (!account || ports_refuse(account, &req->__req_common))
		return;
	now = bpf_ktime_get_ns();
	common_read(&head, &req->__req_common);
	tuple_of_head(&tuple, &head);
	listener = common_field(&head, skc_listener);
	if (listener) {
		listener_cookie = BPF_CORE_READ(listener, __sk_common.skc_cookie.counter);
		listener_state = BPF_CORE_READ(listener, __sk_common.skc_state);
	}
	if (!verdict_passes(account, request_verdict(op, listener_cookie, &tuple), 0, &tuple))
		return;
	r = mini_reserve(account, program, TCPW_RECORD_REQUEST, now,
			 common_field(&head, skc_cookie).counter, &tuple);
	if (!r)
		return;
	r->op = op;
	r->listener = listener_cookie;
	r->listener_state = listener_state;
	r->fastopen = fastopen;
	r->due = due;
	r->num_timeout = BPF_CORE_READ_BITFIELD_PROBED(req, num_timeout);
	if (op == TCPW_MINI_CANCEL)
		r->context = context_here();
	record_submit(r);
}

static __always_inline void on_timewait(const struct timer_list *timer, __u32 program, __u8 op,
					__u8 due)
{
	const struct inet_timewait_sock *tw =
		(const void *)timer - bpf_core_field_offset(struct inet_timewait_sock, tw_timer);
	struct tcpw_account *account = account_of(program);
	struct common_head head;
	struct tcpw_tuple tuple;
	__u64 now;

	if (!account || ports_refuse(account, &tw->__tw_common))
		return;
	now = bpf_ktime_get_ns();
	common_read(&head, &tw->__tw_common);
	tuple_of_head(&tuple, &head);
	send_timewait(account, program, now, tw, common_field(&head, skc_cookie).counter, &tuple,
		      op, 0, due);
}

static __always_inline bool is_due(const struct timer_list *timer)
{
	return (__s64)(bpf_jiffies64() - timer->expires) >= 0;
}

static __always_inline int on_timer(const struct timer_list *timer, __u32 program, __u8 op)
{
	__u64 function = (__u64)timer->function;

	if (function == tw_timer_function)
		on_timewait(timer, program, op, op == TCPW_MINI_CANCEL && is_due(timer));
	else if (function == request_timer_function)
		on_request((const void *)timer -
				   bpf_core_field_offset(struct request_sock, rsk_timer),
			   program, op, 0, op == TCPW_MINI_CANCEL && is_due(timer));
	return 0;
}

SEC("tp_btf/timer_start")
int witness_timer_start(__u64 *ctx)
{
	const struct timer_list *timer = (const struct timer_list *)ctx[0];

	const struct request_sock *req;

	if ((__u64)timer->function != write_timer_function)
		return on_timer(timer, TCPW_PROGRAM_TIMER_START, TCPW_MINI_START);
	req = cloned_request(timer);
	if (req)
		on_request(req, TCPW_PROGRAM_TIMER_START, TCPW_MINI_START, 1, 0);
	return 0;
}

SEC("tp_btf/timer_cancel")
int witness_timer_cancel(__u64 *ctx)
{
	return on_timer((const struct timer_list *)ctx[0], TCPW_PROGRAM_TIMER_CANCEL,
			TCPW_MINI_CANCEL);
}

SEC("tp_btf/timer_expire_entry")
int witness_timer_expire(__u64 *ctx)
{
	return on_timer((const struct timer_list *)ctx[0], TCPW_PROGRAM_TIMER_EXPIRE,
			TCPW_MINI_EXPIRE);
}
