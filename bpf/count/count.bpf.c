// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The counting witnesses: the same hooks as those that make records, but nothing leaves the kernel.
 * Each event changes a few numbers where it happens, and user space reads them when somebody looks.
 *
 * The moves counted are those that `trace` tells: SYN_RECEIVED begins with its request socket and
 * TIME_WAIT with its timewait socket; a full socket that such a one has taken over closes in
 * silence. What a cancelled timer meant shows in what follows: it is counted as an end at once, and
 * taken back when the same timer is armed again.
 */
#include "maps.bpf.h"
#include "filter.bpf.h"
#include "nesting.bpf.h"
#include "sock.bpf.h"
#include "count/track.bpf.h"
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

/* Settings, written by the loader before load; of the filter the namespaces alone count. The array
 * sizes are theirs less one, as masks. */
const volatile struct tcpw_filter filter = {};
const volatile __u64 tw_timer_function = 0;
const volatile __u64 request_timer_function = 0;
const volatile __u64 write_timer_function = 0;
const volatile __u32 tracked_mask = 0;
const volatile __u32 half_open_mask = 0;

/* A timer that is armed again does so within its handler, or in the call that cancelled it. */
#define ARMED_AGAIN_NS 1000000

struct tcpw_nesting_map nesting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tcpw_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct tcpw_bucket);
} tracked SEC(".maps");

/* Half-open connections have places of their own: a flood of them pushes nobody out. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tcpw_bucket);
} half_open SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* process */
	__type(value, struct tcpw_owner);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TCPW_CONNECTS);
	__type(key, __u32);
	__type(value, struct tcpw_connect);
} connects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tcpw_last_cancel);
} last_cancel SEC(".maps");

/* ---- small things ---- */

static __always_inline struct tcpw_counts *counts_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counts, &zero);
}

static __always_inline void move(struct tcpw_counts *c, __u32 from, __u32 to, __s64 by)
{
	__u32 at = (from & (TCPW_MOVES - 1)) * TCPW_MOVES + (to & (TCPW_MOVES - 1));

	barrier_var(at); /* or the compiler splits the index into what the verifier cannot bound */
	at &= TCPW_MOVES * TCPW_MOVES - 1;
	(&c->moves[0][0])[at] += by;
}

static __always_inline bool is_asked_for(const struct sock *sk)
{
	struct tcpw_tuple tuple;

	if (!filter.netnses)
		return true;
	tuple_head_of(&tuple, &sk->__sk_common);
	return netns_passes(&tuple);
}

static __always_inline struct tcpw_bucket *tracked_bucket(__u64 cookie)
{
	__u32 at = (__u32)cookie & tracked_mask;

	return bpf_map_lookup_elem(&tracked, &at);
}

static __always_inline struct tcpw_bucket *half_open_bucket(__u64 hash)
{
	__u32 at = (__u32)(hash >> 32) & half_open_mask;

	return bpf_map_lookup_elem(&half_open, &at);
}

/* Never 0, which is a free slot. */
static __always_inline __u64 tuple_hash(const struct tcpw_tuple *t)
{
	__u64 h = 0x9e3779b97f4a7c15ull, w[5];

	__builtin_memcpy(w, t, sizeof(w));
#pragma unroll
	for (int i = 0; i < 5; i++) {
		h = (h ^ w[i]) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return h | 1;
}

static __always_inline struct tcpw_owner *owner_find(__u32 process)
{
	return process ? bpf_map_lookup_elem(&owners, &process) : NULL;
}

/* The calling process as an owner; its number, or 0 when there is no room for one more. */
static __always_inline __u32 owner_here(struct tcpw_counts *c, const struct sock *sk, __u64 now)
{
	__u32 process = bpf_get_current_pid_tgid() >> 32;
	struct tcpw_owner fresh = {.seen = now};
	struct tcpw_owner *owner = owner_find(process);
	const struct task_struct *task, *leader;

	if (owner) {
		owner->seen = now;
		return process;
	}
	task = (const void *)bpf_get_current_task();
	leader = BPF_CORE_READ(task, group_leader);
	fresh.uid = BPF_CORE_READ(sk, sk_uid.val);
	bpf_core_read(fresh.comm, sizeof(fresh.comm), &leader->comm);
	if (!process || bpf_map_update_elem(&owners, &process, &fresh, BPF_NOEXIST)) {
		c->owners_full++;
		return 0;
	}
	return process;
}

/* ---- full sockets ---- */

static __always_inline void on_open(struct tcpw_counts *c, const struct sock *sk, __u64 cookie,
				    int new_state)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 owner = owner_here(c, sk, now);
	struct tcpw_bucket *b = tracked_bucket(cookie);
	struct tcpw_tracked *t = b ? track_find(b, cookie) : NULL;
	struct tcpw_connect *connect;
	__u64 thread;
	__u32 at;

	if (b && !t)
		t = track_take(b, cookie); /* else a socket that connects or listens once more */
	if (t)
		track_begin(t, new_state, owner, 0);
	else
		c->untracked++;
	if (new_state != TCPW_SYN_SENT)
		return;
	thread = bpf_get_current_pid_tgid();
	at = (__u32)thread & (TCPW_CONNECTS - 1);
	connect = bpf_map_lookup_elem(&connects, &at);
	if (connect) {
		connect->thread = thread;
		connect->at = now;
		connect->rport = bpf_ntohs(sk->__sk_common.skc_dport);
	}
}

/*
 * The request socket that a child was made from goes with it: whether there was one, and whose.
 * An ordinary one has been cancelled just before, which was not its end; a Fast Open child's has
 * no timer.
 */
static __always_inline bool take_request(struct tcpw_counts *c, const struct sock *sk,
					 __u32 *listens)
{
	struct tcpw_tracked *request;
	struct tcpw_tuple tuple;
	struct tcpw_bucket *h;
	__u64 hash;

	tuple_of(&tuple, &sk->__sk_common);
	if (!tuple.lport)
		tuple.lport = bpf_ntohs(sport_of(sk));
	hash = tuple_hash(&tuple);
	h = half_open_bucket(hash);
	request = h ? track_find(h, hash) : NULL;
	if (!request)
		return false;
	*listens = request->owner;
	if (request->flags & TCPW_TRACKED_CANCELLED)
		move(c, TCPW_SYN_RECEIVED, TCPW_CLOSED, -1);
	track_give(request);
	return true;
}

/*
 * A child at the end of its handshake, or before, where it was closed already. One without a
 * request socket was made from a SYN cookie and comes straight from LISTEN; where requests found no
 * room that cannot be told, and the kernel's word is taken.
 */
static __always_inline void on_child(struct tcpw_counts *c, const struct sock *sk, __u64 cookie,
				     int new_state)
{
	struct tcpw_bucket *b = tracked_bucket(cookie);
	struct tcpw_tracked *t;
	__u32 owner = 0;

	if (take_request(c, sk, &owner) || c->half_open_untracked)
		move(c, TCPW_SYN_RECEIVED, new_state, 1);
	else
		move(c, TCPW_LISTEN, new_state, 1);
	if (new_state == TCPW_CLOSED)
		return;
	t = b ? track_take(b, cookie) : NULL;
	if (t)
		track_begin(t, new_state, owner, TCPW_TRACKED_PASSIVE);
	else
		c->untracked++;
}

static __always_inline void count_move(const struct sock *sk, int old_state, int new_state)
{
	struct tcpw_counts *c = counts_here();
	__u64 cookie = bpf_get_socket_cookie((void *)sk);
	struct tcpw_bucket *b;
	struct tcpw_tracked *t;

	if (!c || old_state == new_state)
		return;
	if (new_state == TCPW_SYN_SENT || new_state == TCPW_LISTEN) {
		on_open(c, sk, cookie, new_state);
		move(c, old_state, new_state, 1);
		return;
	}
	b = tracked_bucket(cookie);
	t = b ? track_find(b, cookie) : NULL;
	if (!t && old_state == TCPW_SYN_RECEIVED) {
		on_child(c, sk, cookie, new_state);
		return;
	}
	/* Its timewait socket goes on. */
	if (t && (t->flags & TCPW_TRACKED_MINI))
		return;
	move(c, old_state, new_state, 1);
	if (!t)
		return;
	if (new_state == TCPW_CLOSED)
		track_give(t);
	else
		t->state = new_state;
}

SEC("tp_btf/inet_sock_set_state")
int count_state(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	int old_state = (int)ctx[1], new_state = (int)ctx[2];
	struct tcpw_nesting *n = nesting_here();

	if (!n)
		return 0;
	note_taken(n, sk, both_states(old_state, new_state));
	note_clone(n, sk, old_state, new_state);
	if (is_told(sk, old_state, new_state) && is_asked_for(sk))
		count_move(sk, old_state, new_state);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int count_state_nested(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	int old_state = (int)ctx[1], new_state = (int)ctx[2];
	struct tcpw_nesting *n = nesting_here();
	struct tcpw_counts *c;

	if (!n || was_taken(n, sk, both_states(old_state, new_state)))
		return 0;
	c = counts_here();
	if (c)
		c->taken_over++;
	note_clone(n, sk, old_state, new_state);
	if (is_told(sk, old_state, new_state) && is_asked_for(sk))
		count_move(sk, old_state, new_state);
	return 0;
}

/* ---- request sockets ---- */

struct request {
	bool passes;
	__u64 hash;
	__u64 listener; /* cookie; 0 is unknown */
};

static __always_inline void request_read(struct request *r, const struct request_sock *req)
{
	const struct sock *listener;
	struct common_head head;
	struct tcpw_tuple tuple;

	common_read(&head, &req->__req_common);
	tuple_of_head(&tuple, &head);
	r->passes = netns_passes(&tuple);
	r->hash = tuple_hash(&tuple);
	listener = common_field(&head, skc_listener);
	r->listener = listener ? BPF_CORE_READ(listener, __sk_common.skc_cookie.counter) : 0;
}

/* A SYN has come. If it is what ended the timewait socket before it on this CPU, that was reused.
 */
static __always_inline void request_began(struct tcpw_counts *c, struct tcpw_bucket *b,
					  const struct request *r)
{
	struct tcpw_bucket *listeners = tracked_bucket(r->listener);
	struct tcpw_tracked *listener, *t, *tw;
	struct tcpw_last_cancel *last;
	__u32 zero = 0;

	move(c, TCPW_LISTEN, TCPW_SYN_RECEIVED, 1);
	t = track_take(b, r->hash);
	listener = listeners && r->listener ? track_find(listeners, r->listener) : NULL;
	if (t)
		track_begin(t, TCPW_SYN_RECEIVED, listener ? listener->owner : 0,
			    TCPW_TRACKED_PASSIVE);
	else
		c->half_open_untracked++;
	last = bpf_map_lookup_elem(&last_cancel, &zero);
	if (!last || last->tuple != r->hash)
		return;
	listeners = tracked_bucket(last->cookie);
	tw = listeners ? track_find(listeners, last->cookie) : NULL;
	last->tuple = 0;
	if (tw && (tw->flags & TCPW_TRACKED_CANCELLED) && !(tw->flags & TCPW_TRACKED_REUSED)) {
		tw->flags |= TCPW_TRACKED_REUSED;
		c->time_wait_ended[TCPW_TIME_WAIT_KILLED]--;
		c->time_wait_ended[TCPW_TIME_WAIT_REUSED]++;
	}
}

static __always_inline void on_request(const struct request_sock *req, __u8 op)
{
	struct tcpw_counts *c = counts_here();
	__u64 now = bpf_ktime_get_ns();
	struct tcpw_bucket *b;
	struct tcpw_tracked *t;
	struct request r;

	request_read(&r, req);
	b = half_open_bucket(r.hash);
	if (!c || !b || !r.passes)
		return;
	t = track_find(b, r.hash);
	if (t && (t->flags & TCPW_TRACKED_CANCELLED) && op != TCPW_MINI_CANCEL) {
		if (op == TCPW_MINI_EXPIRE || now - t->changed < ARMED_AGAIN_NS) {
			/* Not its end: it expires, or is armed again. */
			move(c, TCPW_SYN_RECEIVED, TCPW_CLOSED, -1);
			t->flags &= ~TCPW_TRACKED_CANCELLED;
		} else {
			track_give(t); /* that one is over, and this is a SYN like it */
			t = NULL;
		}
	}
	if (op == TCPW_MINI_START && !t) {
		request_began(c, b, &r);
		return;
	}
	if (op == TCPW_MINI_START || (t && (t->flags & TCPW_TRACKED_CANCELLED)))
		return;
	/* Cancelled, or expired: over, unless the timer is armed again at once. */
	move(c, TCPW_SYN_RECEIVED, TCPW_CLOSED, 1);
	if (t) {
		t->flags |= TCPW_TRACKED_CANCELLED;
		t->changed = now;
	}
}

/* ---- timewait sockets ---- */

struct timewait {
	bool passes;
	__u64 cookie, hash, now;
	__u32 rport;
	__u8 substate; /* kernel value */
};

static __always_inline void timewait_read(struct timewait *w, const struct inet_timewait_sock *tw)
{
	struct common_head head;
	struct tcpw_tuple tuple;

	common_read(&head, &tw->__tw_common);
	tuple_of_head(&tuple, &head);
	w->cookie = common_field(&head, skc_cookie).counter;
	w->passes = netns_passes(&tuple);
	w->hash = tuple_hash(&tuple);
	w->rport = tuple.rport;
	w->now = bpf_ktime_get_ns();
	w->substate = BPF_CORE_READ(tw, tw_substate);
}

/* `by` 1: a timewait socket is in this state from now on; -1: it is not any more. */
static __always_inline void now_in(const struct tcpw_tracked *t, __s64 by)
{
	struct tcpw_owner *owner = owner_find(t->owner);

	if (!owner)
		return;
	if (t->state == TCPW_TIME_WAIT)
		__sync_fetch_and_add(&owner->time_wait, by);
	else
		__sync_fetch_and_add(&owner->orphans, by);
}

static __always_inline void time_wait_begins(struct tcpw_counts *c, struct tcpw_tracked *t)
{
	struct tcpw_owner *owner = owner_find(t->owner);

	move(c, t->state, TCPW_TIME_WAIT, 1);
	c->time_wait_entered++;
	t->state = TCPW_TIME_WAIT;
	now_in(t, 1);
	if (owner)
		__sync_fetch_and_add(&owner->time_wait_entered, 1);
}

/* An orphan has got its FIN. */
static __always_inline void orphan_goes_on(struct tcpw_counts *c, struct tcpw_tracked *t)
{
	c->orphans_ended++;
	now_in(t, -1);
	time_wait_begins(c, t);
}

static __always_inline void timewait_began(struct tcpw_counts *c, struct tcpw_tracked *t,
					   const struct timewait *w)
{
	t->flags |= TCPW_TRACKED_MINI;
	t->tuple = w->hash;
	if (w->substate == TCPW_TIME_WAIT) {
		time_wait_begins(c, t);
		return;
	}
	c->orphans_entered++;
	t->state = TCPW_FIN_WAIT_2;
	now_in(t, 1);
}

/* `by` 1: it ends so; -1: it does not, after all. */
static __always_inline void timewait_ends(struct tcpw_counts *c, struct tcpw_tracked *t, __u32 end,
					  __s64 by)
{
	move(c, t->state, TCPW_CLOSED, by);
	if (t->state != TCPW_TIME_WAIT)
		c->orphans_ended += by;
	else if (end < TCPW_TIME_WAIT_ENDS)
		c->time_wait_ended[end] += by;
	now_in(t, -by);
}

static __always_inline __u32 end_of(const struct tcpw_tracked *t)
{
	return t->flags & TCPW_TRACKED_REUSED ? TCPW_TIME_WAIT_REUSED : TCPW_TIME_WAIT_KILLED;
}

/* A connect that chooses its port among many in TIME_WAIT may take a while; a thread's last one of
 * long ago says nothing. */
#define CONNECT_NS 100000000

static __always_inline bool is_connecting_to(__u32 rport, __u64 now)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 at = (__u32)thread & (TCPW_CONNECTS - 1);
	struct tcpw_connect *connect = bpf_map_lookup_elem(&connects, &at);

	return connect && connect->thread == thread && connect->rport == rport &&
	       now - connect->at < CONNECT_NS;
}

static __always_inline void timewait_cancelled(struct tcpw_counts *c, struct tcpw_tracked *t,
					       const struct timewait *w)
{
	struct tcpw_last_cancel *last;
	__u32 zero = 0;

	t->flags |= TCPW_TRACKED_CANCELLED;
	if (is_connecting_to(w->rport, w->now))
		t->flags |= TCPW_TRACKED_REUSED;
	t->changed = w->now;
	timewait_ends(c, t, end_of(t), 1);
	last = bpf_map_lookup_elem(&last_cancel, &zero);
	if (last) {
		last->tuple = w->hash;
		last->cookie = w->cookie;
	}
}

/* Older than the programs, or met a full bucket: counted from here on. */
static __always_inline struct tcpw_tracked *timewait_adopt(struct tcpw_bucket *b, __u64 cookie,
							   __u8 state)
{
	struct tcpw_tracked *t = cookie ? track_take(b, cookie) : NULL;

	if (t)
		track_begin(t, state, 0, 0);
	return t;
}

static __always_inline void on_timewait(const struct inet_timewait_sock *tw, __u8 op)
{
	struct tcpw_counts *c = counts_here();
	struct tcpw_bucket *b;
	struct tcpw_tracked *t;
	struct timewait w;
	bool cancelled;

	timewait_read(&w, tw);
	b = tracked_bucket(w.cookie);
	if (!c || !b || !w.passes)
		return;
	t = track_find(b, w.cookie);
	if (!t)
		t = timewait_adopt(b, w.cookie, TCPW_FIN_WAIT_2);
	if (!t) {
		c->untracked++;
		return;
	}
	cancelled = t->flags & TCPW_TRACKED_CANCELLED;
	if (cancelled && (op == TCPW_MINI_START || op == TCPW_MINI_EXPIRE)) {
		/* Not its end: it is armed again, or expires. */
		timewait_ends(c, t, end_of(t), -1);
		t->flags &= ~(TCPW_TRACKED_CANCELLED | TCPW_TRACKED_REUSED);
		cancelled = false;
	}
	if (cancelled)
		return;
	if (!(t->flags & TCPW_TRACKED_MINI))
		timewait_began(c, t, &w);
	else if (t->state == TCPW_FIN_WAIT_2 && w.substate == TCPW_TIME_WAIT)
		orphan_goes_on(c, t);
	if (op == TCPW_MINI_CANCEL) {
		timewait_cancelled(c, t, &w);
	} else if (op == TCPW_MINI_EXPIRE) {
		timewait_ends(c, t, TCPW_TIME_WAIT_EXPIRED, 1);
		track_give(t);
	}
}

/* ---- timers, and segments given to timewait sockets (see segment.bpf.c) ---- */

static __always_inline int on_timer(const struct timer_list *timer, __u8 op)
{
	__u64 function = (__u64)timer->function;

	if (function == tw_timer_function)
		on_timewait((const void *)timer -
				    bpf_core_field_offset(struct inet_timewait_sock, tw_timer),
			    op);
	else if (function == request_timer_function)
		on_request((const void *)timer -
				   bpf_core_field_offset(struct request_sock, rsk_timer),
			   op);
	return 0;
}

SEC("tp_btf/timer_start")
int count_timer_start(__u64 *ctx)
{
	const struct timer_list *timer = (const struct timer_list *)ctx[0];
	const struct request_sock *req;

	if ((__u64)timer->function != write_timer_function)
		return on_timer(timer, TCPW_MINI_START);
	req = cloned_request(timer);
	if (req)
		on_request(req, TCPW_MINI_START);
	return 0;
}

SEC("tp_btf/timer_cancel")
int count_timer_cancel(__u64 *ctx)
{
	return on_timer((const struct timer_list *)ctx[0], TCPW_MINI_CANCEL);
}

SEC("tp_btf/timer_expire_entry")
int count_timer_expire(__u64 *ctx)
{
	return on_timer((const struct timer_list *)ctx[0], TCPW_MINI_EXPIRE);
}

SEC("tp_btf/kfree_skb")
int count_segment(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[3];

	if (sk && sk->__sk_common.skc_state == TCPW_TIME_WAIT)
		on_timewait((const struct inet_timewait_sock *)sk, TCPW_MINI_SEGMENT);
	return 0;
}
