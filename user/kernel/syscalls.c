// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A call that this machine does not have (open(2) on arm64) needs no rule. */
static int settled(int err)
{
	return err == -EDOM ? 0 : err;
}

int syscalls_allow(scmp_filter_ctx ctx, const int *calls, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = settled(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0));
	return err;
}

int syscalls_allow_if(scmp_filter_ctx ctx, int call, unsigned int arg, scmp_datum_t mask,
		      scmp_datum_t value)
{
	const struct scmp_arg_cmp is = {
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};

	return settled(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &is));
}

int syscalls_allow_values(scmp_filter_ctx ctx, int call, unsigned int arg,
			  const unsigned int *values, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = syscalls_allow_if(ctx, call, arg, 0xffffffff, values[i]);
	return err;
}

/*
 * The leak check at exit: a thread, a pipe to it, ptrace of what it shares its memory with. And
 * reports name their frames through a symbolizer only when there is one: execve stays shut.
 */
static int allow_sanitizer(scmp_filter_ctx ctx)
{
	static const int calls[] = {
		SCMP_SYS(clone),       SCMP_SYS(ptrace),           SCMP_SYS(wait4),
		SCMP_SYS(personality), SCMP_SYS(set_robust_list),  SCMP_SYS(getppid),
		SCMP_SYS(prctl),       SCMP_SYS(process_vm_readv), SCMP_SYS(pipe2),
		SCMP_SYS(pipe),        SCMP_SYS(getdents),
	};

	return SYSCALLS_SANITIZED ? syscalls_allow(ctx, calls, COUNT(calls)) : 0;
}

/* prlimit(2) reads and sets: of the caller, and with nothing to set. */
static int allow_reading_limits(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp are[] = {
		{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = 0},
		{.arg = 2, .op = SCMP_CMP_EQ, .datum_a = 0},
	};

	return settled(
		seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), COUNT(are), are));
}

/* Memory, and what the library's locks use. */
static const int memory_calls[] = {SCMP_SYS(brk),        SCMP_SYS(munmap),     SCMP_SYS(mremap),
				   SCMP_SYS(madvise),    SCMP_SYS(futex),      SCMP_SYS(rseq),
				   SCMP_SYS(membarrier), SCMP_SYS(sched_yield)};

/* Clocks, where the vDSO gives up. */
static const int clock_calls[] = {
	SCMP_SYS(clock_gettime),   SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),   SCMP_SYS(time),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),    SCMP_SYS(restart_syscall)};

static const int signal_calls[] = {
	SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigsuspend),  SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack),   SCMP_SYS(exit),           SCMP_SYS(exit_group)};

/* Who am I, and where. */
static const int identity_calls[] = {
	SCMP_SYS(getpid),    SCMP_SYS(gettid),  SCMP_SYS(getppid),   SCMP_SYS(getuid),
	SCMP_SYS(geteuid),   SCMP_SYS(getgid),  SCMP_SYS(getegid),   SCMP_SYS(getcpu),
	SCMP_SYS(uname),     SCMP_SYS(sysinfo), SCMP_SYS(getrandom), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getrusage), SCMP_SYS(capget)};

/* Open descriptors, and names as far as nothing is opened. */
static const int file_calls[] = {
	SCMP_SYS(read),     SCMP_SYS(readv),       SCMP_SYS(write),     SCMP_SYS(writev),
	SCMP_SYS(close),    SCMP_SYS(close_range), SCMP_SYS(fstat),     SCMP_SYS(fstatfs),
	SCMP_SYS(lseek),    SCMP_SYS(getdents64),  SCMP_SYS(recvmsg),   SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom), SCMP_SYS(newfstatat),  SCMP_SYS(statx),     SCMP_SYS(stat),
	SCMP_SYS(lstat),    SCMP_SYS(readlink),    SCMP_SYS(readlinkat)};

/* fcntl(2): not to whom signals go. */
static const unsigned int fcntls[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD, F_DUPFD_CLOEXEC};

int syscalls_allow_basics(scmp_filter_ctx ctx)
{
	int err;

	err = syscalls_allow(ctx, memory_calls, COUNT(memory_calls));
	if (!err)
		err = syscalls_allow(ctx, clock_calls, COUNT(clock_calls));
	if (!err)
		err = syscalls_allow(ctx, signal_calls, COUNT(signal_calls));
	if (!err)
		err = syscalls_allow(ctx, identity_calls, COUNT(identity_calls));
	if (!err)
		err = syscalls_allow(ctx, file_calls, COUNT(file_calls));
	if (!err)
		err = syscalls_allow_if(ctx, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	if (!err)
		err = syscalls_allow_if(ctx, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
	if (!err)
		err = syscalls_allow_values(ctx, SCMP_SYS(fcntl), 1, fcntls, COUNT(fcntls));
	/* raise() and abort(), but no signal to anybody else */
	if (!err)
		err = syscalls_allow_if(ctx, SCMP_SYS(tgkill), 0, 0xffffffff, (uint32_t)getpid());
	if (!err)
		err = allow_reading_limits(ctx);
	/* send(): to whom the socket is connected, and no address */
	if (!err)
		err = syscalls_allow_if(ctx, SCMP_SYS(sendto), 4, ~(scmp_datum_t)0, 0);
	return err ? err : allow_sanitizer(ctx);
}

int syscalls_allow_reading(scmp_filter_ctx ctx)
{
	const scmp_datum_t writing =
		O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
	int err;

	err = syscalls_allow_if(ctx, SCMP_SYS(openat), 2, writing, O_RDONLY);
	return err ? err : syscalls_allow_if(ctx, SCMP_SYS(open), 1, writing, O_RDONLY);
}

bool syscalls_filters_exist(void)
{
	const uint32_t action = SECCOMP_RET_ALLOW;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

scmp_filter_ctx syscalls_filter(uint32_t action)
{
	scmp_filter_ctx ctx = seccomp_init(action);

	if (!ctx)
		return NULL;
	/*
	 * no_new_privs is a layer of its own, set before; calls of another machine's convention
	 * are an attack.
	 */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) {
		seccomp_release(ctx);
		return NULL;
	}
	/* a search tree instead of a list; libseccomp before 2.5 has none */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return ctx;
}
