// SPDX-License-Identifier: GPL-2.0-or-later
/* See tracer.h. */
#include "kernel/tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel/refusal.h"
#include "tcpw.skel.h"

/* As many as the map `lost` holds. */
#define LOST_AT_ONCE 4096

struct tracer {
	struct tcpw *skel;
	struct ring_buffer *ring;
	struct bpf_link *links[TCPW_PROGRAM_COUNT];
	bool attached[TCPW_PROGRAM_COUNT]; /* until tracer_detach() */
	struct bpf_link *sockets_link, *files_link;
	struct tcpw_account *per_cpu; /* room for one look-up */
	uint64_t *next_seq;           /* expected next, by program and CPU */
	uint64_t holes;
	int cpus;
	uint64_t lost_epoch, lost_unnamed;
	int budget; /* records until the round of tracer_consume() ends */
	tracer_record_fn fn;
	void *arg;
};

static bool print_messages;

static int on_libbpf_message(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	return print_messages ? vfprintf(stderr, format, ap) : 0;
}

void tracer_verbose(bool verbose)
{
	print_messages = verbose;
	libbpf_set_print(on_libbpf_message);
}

const char *tracer_libbpf_version(void)
{
	return libbpf_version_string();
}

static struct bpf_program *program_of(const struct tracer *t, enum tcpw_program program)
{
	struct tcpw *s = t->skel;

	switch (program) {
	case TCPW_PROGRAM_STATE:
		return s->progs.witness_state;
	case TCPW_PROGRAM_STATE_NESTED:
		return s->progs.witness_state_nested;
	case TCPW_PROGRAM_TIMER_START:
		return s->progs.witness_timer_start;
	case TCPW_PROGRAM_TIMER_CANCEL:
		return s->progs.witness_timer_cancel;
	case TCPW_PROGRAM_TIMER_EXPIRE:
		return s->progs.witness_timer_expire;
	case TCPW_PROGRAM_SEGMENT:
		return s->progs.witness_segment;
	case TCPW_PROGRAM_RETRANSMIT:
		return s->progs.witness_retransmit;
	case TCPW_PROGRAM_RETRANSMIT_SYNACK:
		return s->progs.witness_retransmit_synack;
	case TCPW_PROGRAM_RESET_SENT:
		return s->progs.witness_reset_sent;
	case TCPW_PROGRAM_RESET_RECEIVED:
		return s->progs.witness_reset_received;
	case TCPW_PROGRAM_DESTROY:
		return s->progs.witness_destroy;
	case TCPW_PROGRAM_ACCEPT:
		return s->progs.witness_accept;
	case TCPW_PROGRAM_ACCEPT4:
		return s->progs.witness_accept4;
	case TCPW_PROGRAM_COUNT:
		break;
	}
	return NULL;
}

/* What each program cannot do without. */
static bool wanted(enum tcpw_program program, const struct tracer_options *o)
{
	const struct features *f = o->features;
	bool symbols = feature(f, FEATURE_SYMBOL_TIMEWAIT) || feature(f, FEATURE_SYMBOL_REQUEST);

	if (!o->witnesses)
		return false;
	switch (program) {
	case TCPW_PROGRAM_STATE:
	case TCPW_PROGRAM_STATE_NESTED:
		return feature(f, FEATURE_STATE);
	case TCPW_PROGRAM_TIMER_START:
		return symbols && feature(f, FEATURE_TIMER_START);
	case TCPW_PROGRAM_TIMER_CANCEL:
		return symbols && feature(f, FEATURE_TIMER_CANCEL);
	case TCPW_PROGRAM_TIMER_EXPIRE:
		return symbols && feature(f, FEATURE_TIMER_EXPIRE);
	case TCPW_PROGRAM_SEGMENT:
		return feature(f, FEATURE_SEGMENT);
	case TCPW_PROGRAM_RETRANSMIT:
		return feature(f, FEATURE_RETRANSMIT);
	case TCPW_PROGRAM_RETRANSMIT_SYNACK:
		return feature(f, FEATURE_RETRANSMIT_SYNACK);
	case TCPW_PROGRAM_RESET_SENT:
		return feature(f, FEATURE_RESET_SENT);
	case TCPW_PROGRAM_RESET_RECEIVED:
		return feature(f, FEATURE_RESET_RECEIVED);
	case TCPW_PROGRAM_DESTROY:
		return feature(f, FEATURE_DESTROY);
	case TCPW_PROGRAM_ACCEPT:
	case TCPW_PROGRAM_ACCEPT4:
		return o->accept && feature(f, FEATURE_ACCEPT);
	case TCPW_PROGRAM_COUNT:
		break;
	}
	return false;
}

/*
 * The kernel's tick is the resolution of the coarse clock (kernel/time/posix-timers.c,
 * posix_get_coarse_res). CONFIG_HZ says the same, but where a container has no /boot/config-* and
 * the kernel no /proc/config.gz, libbpf refuses to load anything that asks for it.
 */
static uint32_t jiffy_ns(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick))
		return 0;
	return (uint32_t)tick.tv_nsec;
}

static void configure(struct tracer *t, const struct tracer_options *o)
{
	struct tcpw *s = t->skel;

	memcpy((void *)&s->rodata->filter, o->filter, sizeof(*o->filter));
	s->rodata->tw_timer_function = o->features->tw_timer_function;
	s->rodata->request_timer_function = o->features->request_timer_function;
	s->rodata->write_timer_function = o->features->write_timer_function;
	s->rodata->has_reset_reason = feature(o->features, FEATURE_RESET_REASON);
	s->rodata->has_cookie_helper = feature(o->features, FEATURE_COOKIE);
	s->rodata->jiffy_ns = jiffy_ns();
	bpf_map__set_max_entries(s->maps.ring, o->witnesses ? (__u32)o->ring_size : 4096);
	if (!o->witnesses ||
	    !(o->filter->pids || o->filter->comms || o->filter->cgroups || o->filter->roles)) {
		bpf_map__set_max_entries(s->maps.chosen, 1);
		bpf_map__set_max_entries(s->maps.chosen_half_open, 1);
	} else {
		bpf_map__set_max_entries(s->maps.chosen, (__u32)o->max_chosen);
		bpf_map__set_max_entries(s->maps.chosen_half_open, (__u32)o->max_chosen_half_open);
	}
	for (int i = 0; i < TCPW_PROGRAM_COUNT; i++)
		bpf_program__set_autoload(program_of(t, (enum tcpw_program)i),
					  wanted((enum tcpw_program)i, o));
	bpf_program__set_autoload(s->progs.list_sockets, feature(o->features, FEATURE_ITER_TCP));
	bpf_program__set_autoload(s->progs.list_files, feature(o->features, FEATURE_ITER_FILE));
}

static int attach(struct tracer *t, const struct tracer_options *o, char *error, size_t size)
{
	for (int i = 0; i < TCPW_PROGRAM_COUNT; i++) {
		struct bpf_program *program = program_of(t, (enum tcpw_program)i);

		if (!wanted((enum tcpw_program)i, o))
			continue;
		t->links[i] = bpf_program__attach(program);
		if (!t->links[i])
			return refusal(error, size, errno == EPERM ? -EPERM : -EOPNOTSUPP,
				       "cannot attach '%s': %s: see 'tcpwitness features'",
				       bpf_program__name(program), strerror(errno));
	}
	if (feature(o->features, FEATURE_ITER_TCP)) {
		t->sockets_link = bpf_program__attach_iter(t->skel->progs.list_sockets, NULL);
		if (!t->sockets_link)
			return refusal(error, size, -EOPNOTSUPP,
				       "cannot attach the socket iterator: %s", strerror(errno));
	}
	if (feature(o->features, FEATURE_ITER_FILE)) {
		t->files_link = bpf_program__attach_iter(t->skel->progs.list_files, NULL);
		if (!t->files_link)
			return refusal(error, size, -EOPNOTSUPP,
				       "cannot attach the file iterator: %s", strerror(errno));
	}
	return 0;
}

static int on_record(void *arg, void *data, size_t len)
{
	struct tracer *t = arg;
	const struct tcpw_header *h = data;
	uint64_t *next;

	if (len < sizeof(*h) || h->len > len || h->program >= TCPW_PROGRAM_COUNT ||
	    h->cpu >= t->cpus)
		return 0;
	next = &t->next_seq[(size_t)h->program * (size_t)t->cpus + h->cpu];
	t->holes += h->seq - *next;
	*next = h->seq + 1;
	t->fn(t->arg, h);
	/* The record is taken; a negative value only ends the round (libbpf's ring_buffer.c). */
	return --t->budget > 0 ? 0 : -EAGAIN;
}

static int set_up(struct tracer *t, const struct tracer_options *o, char *error, size_t size)
{
	int err;

	t->skel = tcpw__open();
	if (!t->skel)
		return refusal(error, size, -errno, "cannot open the BPF programs: %s",
			       strerror(errno));
	configure(t, o);
	err = refusal_of_load(error, size, tcpw__load(t->skel));
	if (err)
		return err;
	t->cpus = libbpf_num_possible_cpus();
	if (t->cpus < 0)
		return refusal(error, size, t->cpus, "cannot count the CPUs: %s",
			       strerror(-t->cpus));
	t->per_cpu = calloc((size_t)t->cpus, sizeof(*t->per_cpu));
	t->next_seq = calloc((size_t)t->cpus * TCPW_PROGRAM_COUNT, sizeof(*t->next_seq));
	if (!t->per_cpu || !t->next_seq)
		return refusal(error, size, -ENOMEM, "out of memory");
	if (o->witnesses) {
		t->ring = ring_buffer__new(bpf_map__fd(t->skel->maps.ring), on_record, t, NULL);
		if (!t->ring)
			return refusal(error, size, -errno, "cannot map the ring buffer: %s",
				       strerror(errno));
	}
	return attach(t, o, error, size);
}

int tracer_new(struct tracer **out, const struct tracer_options *o, char *error, size_t size)
{
	struct tracer *t;
	int err;

	if (!feature(o->features, FEATURE_BTF))
		return refusal(
			error, size, -EOPNOTSUPP,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux): use one built with "
			"CONFIG_DEBUG_INFO_BTF, as Debian's are");
	if (o->witnesses && !feature(o->features, FEATURE_STATE))
		return refusal(
			error, size, -EOPNOTSUPP,
			"this kernel lacks the tracepoint inet_sock_set_state: 4.16 or newer is "
			"needed");
	if (o->witnesses && !feature(o->features, FEATURE_COOKIE))
		return refusal(
			error, size, -EOPNOTSUPP,
			"this kernel has no bpf_get_socket_cookie for tracing programs: 5.12 or "
			"newer is needed; 'tcpwitness snapshot' works without");
	if (!o->witnesses && !feature(o->features, FEATURE_ITER_TCP))
		return refusal(error, size, -EOPNOTSUPP,
			       "this kernel lacks the socket iterator: 5.9 or newer is needed");
	t = calloc(1, sizeof(*t));
	if (!t)
		return refusal(error, size, -ENOMEM, "out of memory");
	err = set_up(t, o, error, size);
	if (err) {
		tracer_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void tracer_free(struct tracer *t)
{
	if (!t)
		return;
	for (int i = 0; i < TCPW_PROGRAM_COUNT; i++)
		bpf_link__destroy(t->links[i]);
	bpf_link__destroy(t->sockets_link);
	bpf_link__destroy(t->files_link);
	ring_buffer__free(t->ring);
	tcpw__destroy(t->skel);
	free(t->per_cpu);
	free(t->next_seq);
	free(t);
}

void tracer_detach(struct tracer *t)
{
	for (int i = 0; i < TCPW_PROGRAM_COUNT; i++) {
		t->attached[i] = t->links[i] != NULL;
		bpf_link__destroy(t->links[i]);
		t->links[i] = NULL;
	}
}

int tracer_fd(const struct tracer *t)
{
	return ring_buffer__epoll_fd(t->ring);
}

void tracer_wait(struct tracer *t, bool waiting)
{
	__atomic_store_n(&t->skel->bss->reader_waiting, waiting, __ATOMIC_SEQ_CST);
}

int tracer_consume(struct tracer *t, tracer_record_fn fn, void *arg)
{
	int n;

	t->fn = fn;
	t->arg = arg;
	t->budget = TRACER_CONSUME_MAX;
	n = ring_buffer__consume(t->ring);
	return n == -EAGAIN ? TRACER_CONSUME_MAX : n;
}

int tracer_account(const struct tracer *t, enum tcpw_program program, struct tcpw_account *sum)
{
	__u32 key = program;

	memset(sum, 0, sizeof(*sum));
	if (bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.accounts), &key, t->per_cpu))
		return -errno;
	for (int i = 0; i < t->cpus; i++) {
		sum->seq += t->per_cpu[i].seq;
		sum->seen += t->per_cpu[i].seen;
		sum->submitted += t->per_cpu[i].submitted;
		sum->filtered += t->per_cpu[i].filtered;
		sum->ring_full += t->per_cpu[i].ring_full;
		sum->map_full += t->per_cpu[i].map_full;
	}
	return 0;
}

bool tracer_has(const struct tracer *t, enum tcpw_program program)
{
	return t->links[program] || t->attached[program];
}

static uint64_t taken_over(const struct tracer *t)
{
	struct tcpw_nesting per_cpu[t->cpus];
	__u32 zero = 0;
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.nesting), &zero, per_cpu))
		return 0;
	for (int i = 0; i < t->cpus; i++)
		sum += per_cpu[i].taken_over;
	return sum;
}

int tracer_missed(const struct tracer *t, enum tcpw_program program, uint64_t *missed)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	if (!tracer_has(t, program))
		return -ENOENT;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(program_of(t, program)), &info, &len))
		return -errno;
	if (len < offsetof(struct bpf_prog_info, recursion_misses) + sizeof(info.recursion_misses))
		return -EOPNOTSUPP;
	*missed = info.recursion_misses;
	if (program == TCPW_PROGRAM_STATE) {
		uint64_t taken = taken_over(t);

		*missed = *missed > taken ? *missed - taken : 0;
	} else if (program == TCPW_PROGRAM_STATE_NESTED) {
		*missed = 0; /* what it missed had been taken by witness_state just before */
	}
	return 0;
}

bool tracer_lost(struct tracer *t, tracer_lost_fn fn, void *arg, uint64_t *unnamed)
{
	uint64_t epoch = __atomic_load_n(&t->skel->bss->lost_epoch, __ATOMIC_ACQUIRE);
	int fd = bpf_map__fd(t->skel->maps.lost);
	struct tcpw_lost_key key;
	uint64_t total;

	if (epoch == t->lost_epoch)
		return false;
	t->lost_epoch = epoch;
	/* Each key is taken out as it is read, so that the first is always a new one. */
	for (int i = 0; i < LOST_AT_ONCE && bpf_map_get_next_key(fd, NULL, &key) == 0; i++) {
		fn(arg, &key);
		if (bpf_map_delete_elem(fd, &key) && errno != ENOENT)
			break;
		if (i == LOST_AT_ONCE - 1)
			t->lost_epoch--; /* more than the map holds came meanwhile: look again */
	}
	total = __atomic_load_n(&t->skel->bss->lost_unnamed, __ATOMIC_ACQUIRE);
	*unnamed = total - t->lost_unnamed;
	t->lost_unnamed = total;
	return true;
}

uint64_t tracer_holes(const struct tracer *t, bool to_the_end)
{
	uint64_t holes = t->holes;

	for (__u32 program = 0; to_the_end && program < TCPW_PROGRAM_COUNT; program++) {
		if (bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.accounts), &program, t->per_cpu))
			continue;
		for (int cpu = 0; cpu < t->cpus; cpu++)
			holes += t->per_cpu[cpu].seq -
				 t->next_seq[program * (__u32)t->cpus + (__u32)cpu];
	}
	return holes;
}

int tracer_choose(struct tracer *t, uint64_t cookie, enum tcpw_role role)
{
	__u8 value = role;

	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.chosen), &cookie, &value, BPF_ANY))
		return -errno;
	return 0;
}

void tracer_unchoose(struct tracer *t, uint64_t cookie, const struct tcpw_tuple *tuple)
{
	if (cookie)
		bpf_map_delete_elem(bpf_map__fd(t->skel->maps.chosen), &cookie);
	else
		bpf_map_delete_elem(bpf_map__fd(t->skel->maps.chosen_half_open), tuple);
}

int tracer_sockets_link(const struct tracer *t)
{
	return t->sockets_link ? bpf_link__fd(t->sockets_link) : -1;
}

int tracer_open_files(const struct tracer *t)
{
	int fd;

	if (!t->files_link)
		return -ENOENT;
	fd = bpf_iter_create(bpf_link__fd(t->files_link));
	return fd < 0 ? -errno : fd;
}
