// SPDX-License-Identifier: GPL-2.0-or-later
/* See counter.h. */
#include "kernel/counter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "count.skel.h"
#include "kernel/refusal.h"

#define FORGET_NS (600 * 1000000000ull)
#define FORGET_AT_ONCE 256

struct counter {
	struct count *skel;
	struct tcpw_bucket *tracked; /* shared with the programs */
	size_t buckets;
	struct tcpw_counts *per_cpu; /* room for one look-up */
	int cpus;
};

/* Buckets for `connections`, a power of two that fills at least one page. */
static uint32_t buckets_for(uint64_t connections)
{
	uint32_t buckets = 32;

	while ((uint64_t)buckets * TCPW_BUCKET_SLOTS < connections && buckets < 1u << 26)
		buckets <<= 1;
	return buckets;
}

static void configure(struct counter *c, const struct counter_options *o)
{
	struct count *s = c->skel;
	uint32_t half_open = buckets_for(o->max_half_open);

	c->buckets = buckets_for(o->max_connections);
	memcpy((void *)&s->rodata->filter, o->filter, sizeof(*o->filter));
	s->rodata->tw_timer_function = o->features->tw_timer_function;
	s->rodata->request_timer_function = o->features->request_timer_function;
	s->rodata->write_timer_function = o->features->write_timer_function;
	s->rodata->tracked_mask = (uint32_t)c->buckets - 1;
	s->rodata->half_open_mask = half_open - 1;
	bpf_map__set_max_entries(s->maps.tracked, (uint32_t)c->buckets);
	bpf_map__set_max_entries(s->maps.half_open, half_open);
	bpf_map__set_max_entries(s->maps.owners, (uint32_t)o->max_owners);
	bpf_program__set_autoload(s->progs.count_segment, feature(o->features, FEATURE_SEGMENT));
}

/* Without these the figures would be wrong, not only fewer. */
static int require(const struct features *f, char *error, size_t size)
{
	static const enum feature needed[] = {
		FEATURE_BTF,
		FEATURE_STATE,
		FEATURE_TIMER_START,
		FEATURE_TIMER_CANCEL,
		FEATURE_TIMER_EXPIRE,
		FEATURE_SYMBOL_TIMEWAIT,
		FEATURE_SYMBOL_REQUEST,
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!feature(f, needed[i]))
			return refusal(
				error, size, -EOPNOTSUPP,
				"counting needs %s, which this kernel lacks: see 'tcpwitness "
				"features'",
				feature_name(needed[i]));
	return 0;
}

static int set_up(struct counter *c, const struct counter_options *o, char *error, size_t size)
{
	int err;

	c->skel = count__open();
	if (!c->skel)
		return refusal(error, size, -errno, "cannot open the BPF programs: %s",
			       strerror(errno));
	configure(c, o);
	err = refusal_of_load(error, size, count__load(c->skel));
	if (err)
		return err;
	c->cpus = libbpf_num_possible_cpus();
	if (c->cpus < 0)
		return refusal(error, size, c->cpus, "cannot count the CPUs: %s",
			       strerror(-c->cpus));
	c->per_cpu = calloc((size_t)c->cpus, sizeof(*c->per_cpu));
	c->tracked = mmap(NULL, c->buckets * sizeof(*c->tracked), PROT_READ | PROT_WRITE,
			  MAP_SHARED, bpf_map__fd(c->skel->maps.tracked), 0);
	if (!c->per_cpu || c->tracked == MAP_FAILED) {
		c->tracked = NULL;
		return refusal(error, size, -ENOMEM,
			       "out of memory: try a smaller '--max-connections'");
	}
	err = count__attach(c->skel);
	return err ? refusal(error, size, err == -EPERM ? -EPERM : -EOPNOTSUPP,
			     "cannot attach the BPF programs: %s: see 'tcpwitness features'",
			     strerror(-err))
		   : 0;
}

int counter_new(struct counter **out, const struct counter_options *o, char *error, size_t size)
{
	struct counter *c;
	int err = require(o->features, error, size);

	if (err)
		return err;
	c = calloc(1, sizeof(*c));
	if (!c)
		return refusal(error, size, -ENOMEM, "out of memory");
	err = set_up(c, o, error, size);
	if (err) {
		counter_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void counter_free(struct counter *c)
{
	if (!c)
		return;
	if (c->tracked)
		munmap(c->tracked, c->buckets * sizeof(*c->tracked));
	count__destroy(c->skel);
	free(c->per_cpu);
	free(c);
}

int counter_read(const struct counter *c, struct tcpw_counts *sum)
{
	__s64 *to = (__s64 *)sum;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(c->skel->maps.counts), &zero, c->per_cpu))
		return -errno;
	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; cpu < c->cpus; cpu++) {
		const __s64 *from = (const __s64 *)&c->per_cpu[cpu];

		for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += from[i];
	}
	return 0;
}

int counter_missed(const struct counter *c, uint64_t *missed)
{
	struct tcpw_counts sum;
	struct bpf_program *program;
	int err = counter_read(c, &sum);

	if (err)
		return err;
	*missed = 0;
	bpf_object__for_each_program(program, c->skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		/* What the second state program missed, the first had taken just before. */
		if (!bpf_program__autoload(program) || program == c->skel->progs.count_state_nested)
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			return -errno;
		*missed += info.recursion_misses;
	}
	*missed -= *missed < (uint64_t)sum.taken_over ? *missed : (uint64_t)sum.taken_over;
	return 0;
}

static struct tcpw_tracked *find(const struct counter *c, uint64_t cookie)
{
	struct tcpw_bucket *b = &c->tracked[(uint32_t)cookie & (c->buckets - 1)];

	for (int i = 0; cookie && i < TCPW_BUCKET_SLOTS; i++)
		if (__atomic_load_n(&b->slot[i].cookie, __ATOMIC_ACQUIRE) == cookie)
			return &b->slot[i];
	return NULL;
}

bool counter_adopt(struct counter *c, const struct tcpw_socket *s)
{
	struct tcpw_bucket *b = &c->tracked[(uint32_t)s->cookie & (c->buckets - 1)];

	if (!s->cookie || s->mini == 1 || find(c, s->cookie))
		return false;
	for (int i = 0; i < TCPW_BUCKET_SLOTS; i++) {
		struct tcpw_tracked *t = &b->slot[i];
		__u64 free_slot = 0;

		if (!__atomic_compare_exchange_n(&t->cookie, &free_slot, s->cookie, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		t->owner = 0;
		t->state = s->state;
		t->flags = s->mini == 2 ? TCPW_TRACKED_MINI : 0;
		return true;
	}
	return false;
}

void counter_own(struct counter *c, uint64_t cookie, const struct tcpw_process *process)
{
	struct tcpw_tracked *t = find(c, cookie);
	struct tcpw_owner owner = {.uid = process->uid, .seen = UINT64_MAX - FORGET_NS};
	__u32 pid = process->pid;
	int err;

	if (!t || t->owner)
		return;
	memcpy(owner.comm, process->comm, sizeof(owner.comm));
	err = bpf_map_update_elem(bpf_map__fd(c->skel->maps.owners), &pid, &owner, BPF_NOEXIST);
	if (!err || err == -EEXIST)
		t->owner = pid;
}

uint32_t counter_owner(const struct counter *c, uint64_t cookie, bool *passive)
{
	const struct tcpw_tracked *t = find(c, cookie);

	if (passive)
		*passive = t && (t->flags & TCPW_TRACKED_PASSIVE);
	return t ? t->owner : 0;
}

int counter_owner_counts(const struct counter *c, uint32_t process, struct tcpw_owner *out)
{
	return bpf_map_lookup_elem(bpf_map__fd(c->skel->maps.owners), &process, out) ? -ENOENT : 0;
}

void counter_owners(const struct counter *c, counter_owner_fn fn, void *arg)
{
	int fd = bpf_map__fd(c->skel->maps.owners);
	__u32 key, next, *from = NULL;

	while (bpf_map_get_next_key(fd, from, &next) == 0) {
		struct tcpw_owner owner;

		key = next;
		from = &key;
		if (bpf_map_lookup_elem(fd, &key, &owner) == 0)
			fn(arg, key, &owner);
	}
}

void counter_forget_owners(struct counter *c, uint64_t now)
{
	int fd = bpf_map__fd(c->skel->maps.owners);
	__u32 gone[FORGET_AT_ONCE], key, next, *from = NULL;
	size_t count = 0;

	while (count < FORGET_AT_ONCE && bpf_map_get_next_key(fd, from, &next) == 0) {
		struct tcpw_owner owner;

		key = next;
		from = &key;
		if (bpf_map_lookup_elem(fd, &key, &owner) == 0 && owner.time_wait <= 0 &&
		    owner.orphans <= 0 && owner.seen + FORGET_NS < now)
			gone[count++] = key;
	}
	for (size_t i = 0; i < count; i++)
		bpf_map_delete_elem(fd, &gone[i]);
}
