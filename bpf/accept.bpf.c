// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The accept witness: which process took a connection from the accept queue, and when.
 *
 * While these are attached every system call of the machine takes the kernel's slow path (200 ns
 * became 255 to 320 ns on 6.18), so they are attached only when asked for. Accept through io_uring
 * is not seen here.
 */
#include "maps.bpf.h"
#include "filter.bpf.h"
#include "ring.bpf.h"
#include "sock.bpf.h"

/* The socket behind descriptor `fd` of the calling process; NULL if it is none. */
static __always_inline const struct sock *sock_of_fd(long fd)
{
	const struct task_struct *task = (const void *)bpf_get_current_task();
	const struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **table = BPF_CORE_READ(fdt, fd);
	const struct file *file = NULL;
	const struct socket *socket;

	if (fd < 0 || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), &table[fd]);
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline int on_accept(long fd, __u32 program)
{
	const struct sock *sk;
	struct tcpw_process process = {};
	struct tcpw_account *account;
	struct tcpw_accept_record *r;
	struct common_head head;
	struct tcpw_tuple tuple;
	enum filter_verdict verdict;
	__u64 now, cookie;
	__u16 family, protocol;

	if (fd < 0)
		return 0;
	sk = sock_of_fd(fd);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if (protocol == IPPROTO_MPTCP && bpf_core_field_exists(struct mptcp_sock, first))
		sk = BPF_CORE_READ((const struct mptcp_sock *)sk, first);
	else if (protocol != IPPROTO_TCP)
		return 0;
	account = account_of(program);
	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	common_read(&head, &sk->__sk_common);
	cookie = common_field(&head, skc_cookie).counter;
	tuple_of_head(&tuple, &head);
	process_of(&process, sk);
	verdict = tuple_passes(&tuple) ? FILTER_PASS : FILTER_DROP;
	if (verdict == FILTER_PASS && filter_asks_owner())
		verdict = choose_accepted(cookie, &tuple, &process);
	if (!verdict_passes(account, verdict, cookie, &tuple))
		return 0;
	r = record_reserve(account, program, TCPW_RECORD_ACCEPT, sizeof(*r), now, cookie, &tuple);
	if (!r)
		return 0;
	r->cookie = cookie;
	__builtin_memcpy(&r->tuple, &tuple, sizeof(tuple));
	__builtin_memcpy(&r->process, &process, sizeof(process));
	record_submit(r);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_accept")
int witness_accept(struct trace_event_raw_sys_exit *ctx)
{
	return on_accept(ctx->ret, TCPW_PROGRAM_ACCEPT);
}

SEC("tracepoint/syscalls/sys_exit_accept4")
int witness_accept4(struct trace_event_raw_sys_exit *ctx)
{
	return on_accept(ctx->ret, TCPW_PROGRAM_ACCEPT4);
}
