// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The helper process. It gives up everything but what entering a namespace takes, lets go of all
 * that it inherited, and answers requests until the other end closes. Any doubt ends it: the tracer
 * then says that it cannot look into other namespaces, and goes on.
 */
#include "kernel/walker_protocol.h"

#include <bpf/bpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/netns_table.h"
#include "kernel/syscalls.h"

/* The places of what is kept; nothing above them survives the start. */
enum {
	HELPER_SOCK = 3,
	HELPER_LINK,
	HELPER_KEPT
};

/* By enum walker_file; of the namespace the opening thread is in. */
static const char *const file_paths[WALKER_FILE_COUNT] = {
#define X(id, name, path) [WALKER_FILE_##id] = (path),
	WALKER_FILES(X)
#undef X
};

/*
 * Keys and service managers signal a whole group: the tracer decides when both end, and may need a
 * last look meanwhile. Its handlers must not run here.
 */
static void settle_signals(void)
{
	static const int ignored[] = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP,  SIGPIPE,
				      SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		signal(sig, SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Keeps the socket and the link, and closes what else was open: a pipe that the tracer writes to
 * must end with the tracer.
 */
static int settle_descriptors(int sock, int link)
{
	int null;

	sock = fcntl(sock, F_DUPFD_CLOEXEC, HELPER_KEPT);
	link = fcntl(link, F_DUPFD_CLOEXEC, HELPER_KEPT);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (sock < 0 || link < 0 || null < 0)
		return -errno;
	for (int fd = 0; fd < HELPER_SOCK; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (dup2(sock, HELPER_SOCK) < 0 || dup2(link, HELPER_LINK) < 0)
		return -errno;
	if (close_range(HELPER_KEPT, ~0u, 0) < 0)
		return -errno;
	return chdir("/") < 0 ? -errno : 0;
}

static int settle_capabilities(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN,
			  CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, -1))
		return -EINVAL;
	/* the bounding set matters to execve alone, which the filter forbids: not worth a failure
	 */
	(void)capng_apply(CAPNG_SELECT_BOUNDS);
	if (capng_apply(CAPNG_SELECT_CAPS) || capng_apply(CAPNG_SELECT_AMBIENT))
		return -EPERM;
	return 0;
}

/* The few calls of the loop below; a kernel built without filters goes without. */
static int settle_filter(void)
{
	scmp_filter_ctx ctx;
	int err;

	if (!syscalls_filters_exist())
		return 0;
	ctx = syscalls_filter(SYSCALLS_SANITIZED ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return -ENOMEM;
	err = syscalls_allow_basics(ctx);
	if (!err)
		err = syscalls_allow_reading(ctx);
	if (!err)
		err = syscalls_allow_if(ctx, SCMP_SYS(setns), 1, 0xffffffff, CLONE_NEWNET);
	if (!err)
		err = syscalls_allow_if(ctx, SCMP_SYS(bpf), 0, 0xffffffff, BPF_ITER_CREATE);
	if (!err)
		err = syscalls_allow_if(ctx, SCMP_SYS(ioctl), 1, 0xffffffff, NS_GET_NSTYPE);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}

/* The order matters: namespaces are opened with the capabilities that are kept, the filter is last.
 */
static int settle(struct netns_table *t, int sock, int link, pid_t parent)
{
	int err;

	settle_signals();
	err = settle_descriptors(sock, link);
	if (!err)
		err = settle_capabilities();
	if (!err)
		err = netns_table_init(t);
	if (err)
		return err;
	prctl(PR_SET_NAME, "tcpw-helper");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* it may have died before that was asked for */
	if (getppid() != parent)
		return -ESRCH;
	return settle_filter();
}

static void reply(const struct walker_reply *r, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = {.iov_base = (void *)r, .iov_len = walker_reply_size(r->count)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(HELPER_SOCK, &msg, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void reply_error(int err)
{
	const struct walker_reply r = {.error = err};

	reply(&r, -1);
}

static void serve_list(const struct netns_table *t)
{
	_cleanup_free_ struct walker_netns *list = NULL;
	const ssize_t total = netns_table_list(t, &list);
	struct walker_reply r = {.total = (uint32_t)total};

	if (total < 0) {
		reply_error((int)total);
		return;
	}
	for (r.first = 0; r.first < r.total; r.first += r.count) {
		r.count = r.total - r.first < WALKER_PART ? r.total - r.first : WALKER_PART;
		memcpy(r.list, &list[r.first], r.count * sizeof(r.list[0]));
		reply(&r, -1);
	}
}

/* What was asked for, opened in the namespace this process is in. */
static int open_here(const struct walker_request *r)
{
	int fd;

	if (r->op == WALKER_SOCKETS)
		fd = bpf_iter_create(HELPER_LINK);
	else
		fd = open(file_paths[r->file], O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_there(const struct netns_table *t, const struct walker_request *r)
{
	_cleanup_close_ int netns = -1;
	int fd;

	if (r->netns == t->inode)
		return open_here(r);
	netns = netns_table_open(t, r->netns);
	if (netns < 0)
		return TAKE_FD(netns);
	if (setns(netns, CLONE_NEWNET) < 0)
		return -errno;
	fd = open_here(r);
	/* all that follows would be answered from the wrong namespace */
	if (setns(t->own, CLONE_NEWNET) < 0)
		_exit(1);
	return fd;
}

static void serve_descriptor(const struct netns_table *t, const struct walker_request *r)
{
	const struct walker_reply done = {.error = 0};
	_cleanup_close_ int fd = open_there(t, r);

	if (fd < 0)
		reply_error(fd);
	else
		reply(&done, fd);
}

static void serve(const struct netns_table *t, const struct walker_request *r)
{
	const bool plain = r->file == 0;

	if (r->op == WALKER_LIST && r->netns == 0 && plain)
		serve_list(t);
	else if (r->op == WALKER_SOCKETS && plain)
		serve_descriptor(t, r);
	else if (r->op == WALKER_COUNTERS && r->file < WALKER_FILE_COUNT)
		serve_descriptor(t, r);
	else
		reply_error(-EINVAL);
}

_Noreturn void walker_helper_run(int sock, int link, pid_t parent)
{
	struct walker_request r;
	struct netns_table t;
	ssize_t n;
	int err;

	err = settle(&t, sock, link, parent);
	if (err) {
		const struct walker_reply failed = {.error = err};

		/* it may be anywhere yet */
		(void)!send(sock, &failed, walker_reply_size(0), MSG_NOSIGNAL);
		(void)!send(HELPER_SOCK, &failed, walker_reply_size(0), MSG_NOSIGNAL);
		_exit(1);
	}
	reply_error(0);
	for (;;) {
		n = recv(HELPER_SOCK, &r, sizeof(r), MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(n < 0);
		if (n == sizeof(r))
			serve(&t, &r);
		else
			reply_error(-EINVAL);
	}
}
