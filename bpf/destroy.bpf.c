// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The destroy witness: the end of a socket that failed, after which no evidence can follow. One
 * that ended without an error needs no such record: what its end rests on has come before, or 1 ms
 * shows that there is none. (Two records a connection were 2 to 3 % of the rate of short ones.)
 */
#include "maps.bpf.h"
#include "filter.bpf.h"
#include "ring.bpf.h"
#include "sock.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/tcp_destroy_sock")
int witness_destroy(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	struct tcpw_destroy_record *r;
	struct tcpw_account *account;
	struct tcpw_tuple tuple;
	__u64 now, cookie;

	if (!sk->sk_err || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	/* A socket that was never bound, connected or listening has no cookie and no story. */
	cookie = sk->__sk_common.skc_cookie.counter;
	if (!cookie)
		return 0;
	account = account_of(TCPW_PROGRAM_DESTROY);
	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	tuple_of(&tuple, &sk->__sk_common);
	/* Its port may be gone, so a filter cannot judge it: chosen ones pass, else all do. */
	if (filter_asks_owner() && chosen_by_cookie(cookie) != FILTER_PASS) {
		account->filtered++;
		return 0;
	}
	r = record_reserve(account, TCPW_PROGRAM_DESTROY, TCPW_RECORD_DESTROY, sizeof(*r), now,
			   cookie, &tuple);
	if (!r)
		return 0;
	r->cookie = cookie;
	__builtin_memcpy(&r->tuple, &tuple, sizeof(tuple));
	record_submit(r);
	return 0;
}
