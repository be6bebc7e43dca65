// SPDX-License-Identifier: GPL-2.0-or-later
/* See features.h. Facts come from the kernel's BTF, kallsyms and tracefs; nothing is loaded. */
#include "kernel/features.h"

#include <bpf/btf.h>
#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/kallsyms.h"

static const char *const names[] = {
#define X(id, name, lost) [FEATURE_##id] = (name),
	FEATURES(X)
#undef X
};

static const char *const losses[] = {
#define X(id, name, lost) [FEATURE_##id] = (lost),
	FEATURES(X)
#undef X
};

const char *feature_name(enum feature id)
{
	return names[id];
}

const char *feature_lost(enum feature id)
{
	return losses[id];
}

static void set(struct features *f, enum feature id, bool present, const char *why)
{
	f->state[id].present = present;
	snprintf(f->state[id].why, sizeof(f->state[id].why), "%s", present ? "" : why);
}

/* Arguments of a tracepoint, without the context pointer; -1 when it does not exist. */
static int tracepoint_args(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *type;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -1;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_func_proto(type))
		return -1;
	return btf_vlen(type) - 1;
}

static bool has_field(const struct btf *btf, const char *structure, const char *field)
{
	int id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);
	const struct btf_type *type;

	if (id < 0)
		return false;
	type = btf__type_by_id(btf, (__u32)id);
	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), field))
			return true;
	return false;
}

static void probe_tracepoints(struct features *f, const struct btf *btf)
{
	static const struct {
		enum feature id;
		const char *tracepoint;
		int args; /* at least */
		const char *why;
	} wanted[] = {
		{FEATURE_STATE, "inet_sock_set_state", 3, "not in this kernel"},
		{FEATURE_TIMER_START, "timer_start", 1, "not in this kernel"},
		{FEATURE_TIMER_CANCEL, "timer_cancel", 1, "not in this kernel"},
		{FEATURE_TIMER_EXPIRE, "timer_expire_entry", 1, "not in this kernel"},
		{FEATURE_SEGMENT, "kfree_skb", 4, "kernel older than 6.11"},
		{FEATURE_RETRANSMIT, "tcp_retransmit_skb", 2, "not in this kernel"},
		{FEATURE_RETRANSMIT_SYNACK, "tcp_retransmit_synack", 2, "not in this kernel"},
		{FEATURE_RESET_SENT, "tcp_send_reset", 2, "not in this kernel"},
		{FEATURE_RESET_REASON, "tcp_send_reset", 3, "kernel older than 6.10"},
		{FEATURE_RESET_RECEIVED, "tcp_receive_reset", 1, "not in this kernel"},
		{FEATURE_DESTROY, "tcp_destroy_sock", 1, "not in this kernel"},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		set(f, wanted[i].id, tracepoint_args(btf, wanted[i].tracepoint) >= wanted[i].args,
		    wanted[i].why);
}

static bool has_func(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) >= 0;
}

static void probe_btf(struct features *f)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const char *why = "no kernel BTF";

	if (!btf) {
		set(f, FEATURE_BTF, false, "kernel built without CONFIG_DEBUG_INFO_BTF");
		for (int i = FEATURE_BTF + 1; i <= FEATURE_MPTCP; i++)
			set(f, (enum feature)i, false, why);
		return;
	}
	set(f, FEATURE_BTF, true, NULL);
	probe_tracepoints(f, btf);
	set(f, FEATURE_COOKIE, has_func(btf, "bpf_get_socket_ptr_cookie"),
	    "not for tracing programs: kernel older than 5.12");
	set(f, FEATURE_ITER_TCP, has_func(btf, "bpf_iter_tcp"), "kernel older than 5.9");
	set(f, FEATURE_ITER_FILE,
	    has_func(btf, "bpf_iter_task_file") && has_func(btf, "bpf_sock_from_file"),
	    "kernel older than 5.11");
	set(f, FEATURE_CGROUP, has_field(btf, "sock_cgroup_data", "cgroup"),
	    "kernel older than 5.15 or without cgroups");
	set(f, FEATURE_MPTCP, has_field(btf, "mptcp_sock", "first"), "kernel without MPTCP");
	set(f, FEATURE_MISSED, has_field(btf, "bpf_prog_info", "recursion_misses"),
	    "kernel older than 5.12");
	btf__free(btf);
}

static void probe_symbols(struct features *f)
{
	static const struct {
		enum feature id;
		const char *symbol;
	} wanted[] = {
		{FEATURE_SYMBOL_TIMEWAIT, "tw_timer_handler"},
		{FEATURE_SYMBOL_REQUEST, "reqsk_timer_handler"},
		{FEATURE_SYMBOL_WRITE, "tcp_write_timer"},
	};
	uint64_t *addresses[] = {&f->tw_timer_function, &f->request_timer_function,
				 &f->write_timer_function};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		int err = kallsyms_lookup("/proc/kallsyms", wanted[i].symbol, addresses[i]);
		const char *why = "not in /proc/kallsyms";

		if (err == -EPERM)
			why = "/proc/kallsyms shows address 0: CAP_SYSLOG or kernel.kptr_restrict";
		else if (err == -ENOTUNIQ)
			why = "two different symbols of that name";
		else if (err && err != -ENOENT)
			why = "/proc/kallsyms cannot be read";
		set(f, wanted[i].id, err == 0, why);
	}
}

static void probe_accept(struct features *f)
{
	static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	char path[96];
	int err = ENOENT;

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/events/syscalls/sys_exit_accept4/id", roots[i]);
		if (access(path, R_OK) == 0) {
			set(f, FEATURE_ACCEPT, true, NULL);
			return;
		}
		if (errno != ENOENT)
			err = errno;
	}
	set(f, FEATURE_ACCEPT, false,
	    err == ENOENT ? "no tracefs here: mount it, or use --netns instead of ip netns exec"
			  : "tracefs is not readable for this user");
}

static void probe_sandbox(struct features *f)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	uint32_t action = SECCOMP_RET_ERRNO;

	set(f, FEATURE_LANDLOCK, abi > 0,
	    "kernel older than 5.13, or Landlock is not among its security modules");
	set(f, FEATURE_SECCOMP, syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0,
	    "kernel without CONFIG_SECCOMP_FILTER");
}

void features_probe(struct features *f)
{
	memset(f, 0, sizeof(*f));
	probe_btf(f);
	probe_symbols(f);
	probe_accept(f);
	probe_sandbox(f);
}

void features_reset_reasons(const char **out, size_t count)
{
	static struct btf *btf;
	static const char prefix[] = "SK_RST_REASON_";
	const struct btf_type *type;
	int id;

	memset(out, 0, count * sizeof(*out));
	if (!btf)
		btf = btf__load_vmlinux_btf();
	if (!btf)
		return;
	id = btf__find_by_name_kind(btf, "sk_rst_reason", BTF_KIND_ENUM);
	if (id < 0)
		return;
	type = btf__type_by_id(btf, (__u32)id);
	for (int i = 0; i < btf_vlen(type); i++) {
		const struct btf_enum *e = &btf_enum(type)[i];
		const char *name = btf__name_by_offset(btf, e->name_off);

		if (e->val < 0 || (size_t)e->val >= count)
			continue;
		if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
			name += sizeof(prefix) - 1;
		out[e->val] = name;
	}
}
