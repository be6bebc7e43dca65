// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Arguments are looked at where a call has many faces: bpf(2), ioctl, prctl, kill. What a
 * pointer leads to cannot be looked at, so a call that says what it does there (openat2, clone3,
 * io_uring) is left out altogether.
 */
#include "kernel/sandbox_filter.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel/syscalls.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Plain calls: on open descriptors, on paths that Landlock guards, on the process itself. */
static const int plain_calls[] = {
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fadvise64),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(msync),
	SCMP_SYS(mincore),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd),
	SCMP_SYS(eventfd2),
	SCMP_SYS(signalfd),
	SCMP_SYS(signalfd4),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(setitimer),
	SCMP_SYS(getitimer),
	SCMP_SYS(alarm),
	SCMP_SYS(pause),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(getcwd),
	SCMP_SYS(statfs),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
	SCMP_SYS(times),
	SCMP_SYS(getpgrp),
	SCMP_SYS(getpgid),
	SCMP_SYS(getsid),
	SCMP_SYS(getgroups),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(umask),
};

/* bpf(2): maps and links that are open already; nothing made, nothing fetched by number or name. */
static const unsigned int bpf_commands[] = {
	BPF_MAP_LOOKUP_ELEM,
	BPF_MAP_UPDATE_ELEM,
	BPF_MAP_DELETE_ELEM,
	BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	BPF_MAP_LOOKUP_BATCH,
	BPF_MAP_LOOKUP_AND_DELETE_BATCH,
	BPF_MAP_UPDATE_BATCH,
	BPF_MAP_DELETE_BATCH,
	BPF_OBJ_GET_INFO_BY_FD,
	BPF_ITER_CREATE,
};

/* ioctl(2): the terminal's size and modes, which must be put back at the end; detaching. */
static const unsigned int ioctls[] = {
	TIOCGWINSZ, TCGETS, TCSETS, TCSETSW, TCSETSF, FIONREAD, PERF_EVENT_IOC_DISABLE,
};

static const unsigned int prctls[] = {PR_GET_NAME, PR_SET_NAME, PR_GET_DUMPABLE, PR_SET_DUMPABLE};

static int add_rules(scmp_filter_ctx ctx)
{
	int err;

	err = syscalls_allow_basics(ctx);
	if (!err)
		err = syscalls_allow_reading(ctx);
	if (!err)
		err = syscalls_allow(ctx, plain_calls, COUNT(plain_calls));
	if (!err)
		err = syscalls_allow_values(ctx, SCMP_SYS(bpf), 0, bpf_commands,
					    COUNT(bpf_commands));
	if (!err)
		err = syscalls_allow_values(ctx, SCMP_SYS(ioctl), 1, ioctls, COUNT(ioctls));
	if (!err && !SYSCALLS_SANITIZED)
		err = syscalls_allow_values(ctx, SCMP_SYS(prctl), 0, prctls, COUNT(prctls));
	/* to stop at the user's Ctrl-Z after the terminal was put back */
	if (!err)
		err = syscalls_allow_if(ctx, SCMP_SYS(kill), 0, 0xffffffff, (unsigned int)getpid());
	return err;
}

int sandbox_filter(bool strict)
{
	scmp_filter_ctx ctx;
	int err;

	if (!syscalls_filters_exist())
		return -ENOSYS;
	ctx = syscalls_filter(strict ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return -ENOMEM;
	err = add_rules(ctx);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}
