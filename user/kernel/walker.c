// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracer's end of the helper: starts it, asks, takes the descriptors it hands over, ends it.
 */
#include "kernel/walker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "kernel/walker_protocol.h"

struct walker {
	int sock;
	pid_t pid;
};

static const char *const file_names[WALKER_FILE_COUNT] = {
#define X(id, name, path) [WALKER_FILE_##id] = (name),
	WALKER_FILES(X)
#undef X
};

/* The first descriptor of a message, or -1. */
static int descriptor_of(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/*
 * One message of the helper. A descriptor that comes with it goes to *fd, which the caller closes;
 * -EPIPE: the helper is gone.
 */
static int receive(int sock, struct walker_reply *reply, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = reply, .iov_len = sizeof(*reply)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	_cleanup_close_ int got = -1;
	ssize_t n;

	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	got = descriptor_of(&msg);
	if (msg.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	if ((size_t)n < walker_reply_size(0) || reply->count > WALKER_PART ||
	    (size_t)n != walker_reply_size(reply->count) || reply->error > 0)
		return -EPROTO;
	if (reply->error)
		return reply->error;
	*fd = TAKE_FD(got);
	return 0;
}

static int request(const struct walker *w, enum walker_op op, uint32_t netns, uint32_t file)
{
	const struct walker_request r = {.op = op, .netns = netns, .file = file};
	ssize_t n;

	do {
		n = send(w->sock, &r, sizeof(r), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Waits for a child whose socket has been closed, and so which ends by itself. */
static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int walker_new(struct walker **out, int tcp_iter_link)
{
	_cleanup_free_ struct walker *w = NULL;
	const pid_t parent = getpid();
	struct walker_reply hello;
	int pair[2], fd = -1, err;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	w->sock = pair[0];
	w->pid = fork();
	if (w->pid < 0) {
		err = -errno;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (w->pid == 0)
		walker_helper_run(pair[1], tcp_iter_link, parent);
	close(pair[1]);
	err = receive(w->sock, &hello, &fd);
	if (err) {
		close(w->sock);
		reap(w->pid);
		return err;
	}
	*out = TAKE_PTR(w);
	return 0;
}

void walker_free(struct walker *w)
{
	if (!w)
		return;
	close(w->sock);
	reap(w->pid);
	free(w);
}

pid_t walker_pid(const struct walker *w)
{
	return w->pid;
}

ssize_t walker_namespaces(struct walker *w, struct walker_netns *list, size_t max)
{
	struct walker_reply reply;
	uint32_t seen = 0;
	int err;

	err = request(w, WALKER_LIST, 0, 0);
	if (err)
		return err;
	do {
		_cleanup_close_ int unwanted = -1;

		err = receive(w->sock, &reply, &unwanted);
		if (err)
			return err;
		if (reply.first != seen || reply.count == 0)
			return -EPROTO;
		for (uint32_t i = 0; i < reply.count && seen + i < max; i++)
			list[seen + i] = reply.list[i];
		seen += reply.count;
	} while (seen < reply.total);
	return seen;
}

/* Asks for a descriptor. */
static int open_by(struct walker *w, enum walker_op op, uint32_t netns, uint32_t file)
{
	struct walker_reply reply;
	int fd = -1, err;

	err = request(w, op, netns, file);
	if (!err)
		err = receive(w->sock, &reply, &fd);
	if (err)
		return err;
	return fd < 0 ? -EPROTO : fd;
}

int walker_open_sockets(struct walker *w, uint32_t netns_inode)
{
	return open_by(w, WALKER_SOCKETS, netns_inode, 0);
}

int walker_open_file(struct walker *w, uint32_t netns_inode, const char *file)
{
	for (uint32_t i = 0; i < WALKER_FILE_COUNT; i++)
		if (strcmp(file, file_names[i]) == 0)
			return open_by(w, WALKER_COUNTERS, netns_inode, i);
	return -EINVAL;
}
