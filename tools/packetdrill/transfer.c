/* SPDX-License-Identifier: BSD-2-Clause */
/* Octets in and out of sockets. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drill.h"

/* Not in the C library's headers of every system we build on. */
#ifndef TCP_CM_INQ
#define TCP_CM_INQ 36
#endif

struct asked {
	struct drill *d;
	struct socket *s;
};

static bool may_read(void *arg)
{
	struct asked *q = arg;

	return socket_poll(q->d, q->s) & (POLLIN | POLLERR | POLLHUP);
}

static bool may_write(void *arg)
{
	struct asked *q = arg;

	return socket_poll(q->d, q->s) & (POLLOUT | POLLERR | POLLHUP);
}

static bool connecting(struct drill *d, struct socket *s)
{
	struct reftcp_status st;

	return s->phase == SOCKET_OPENED && socket_status(d, s, &st) && !s->connected &&
	       (st.state == REFTCP_SYN_SENT || st.state == REFTCP_SYN_RECEIVED);
}

/* What the stack has now: octets, 0 at the end, or a negative errno. */
static ssize_t take(struct drill *d, struct socket *s, void *buf, size_t len)
{
	struct reftcp_received got;
	int err;

	if (s->phase != SOCKET_OPENED && s->phase != SOCKET_OVER)
		return -ENOTCONN;
	if (!len)
		return 0;
	if (connecting(d, s))
		return -EAGAIN;
	err = reftcp_receive(d->stack, s->id, buf, len, d->now, &got);
	if (err && s->phase == SOCKET_OVER)
		return -socket_take_error(d, s);
	if (err == -EAGAIN && s->shut_read)
		return 0;
	if (err == -ENOTCONN && s->shut_read)
		return 0;
	return err ? err : (ssize_t)got.len;
}

static ssize_t receive(struct drill *d, struct socket *s, void *buf, size_t len, int flags)
{
	bool wait = !s->nonblocking && !(flags & MSG_DONTWAIT);
	struct asked q = {d, s};
	ssize_t n;

	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (s->deferred)
		return -EAGAIN;
	n = take(d, s, buf, len);
	if (n == -EAGAIN && wait) {
		drill_wait(d, may_read, &q, REFTCP_NEVER);
		n = take(d, s, buf, len);
	}
	drill_settle(d);
	return n;
}

static uint32_t send_limit(const struct socket *s)
{
	return s->sndbuf.given ? (uint32_t)s->sndbuf.value : (uint32_t)s->sysctls.wmem[2];
}

static uint32_t unsent_limit(const struct socket *s)
{
	if (s->notsent_lowat.given && s->notsent_lowat.value)
		return (uint32_t)s->notsent_lowat.value;
	return (uint32_t)s->sysctls.notsent_lowat;
}

/* As Linux sees it: a third of the buffer free, and what is not sent yet below half its limit. */
bool socket_writable(const struct socket *s, const struct reftcp_status *st)
{
	uint32_t queued = st->unsent + st->unacked;

	return queued < send_limit(s) && send_limit(s) - queued >= queued / 2 &&
	       (uint64_t)st->unsent * 2 < unsent_limit(s);
}

/* Linux fills buffers of so many octets, as large as half the largest window, and asks whether
 * there is room only before it begins a new one. */
static uint32_t unit_of(const struct reftcp_status *st)
{
	uint32_t most = st->snd_wnd > 536 ? st->snd_wnd / 2 : st->snd_wnd;

	most = most < 65535 ? most : 65535;
	return most > st->mss ? most / st->mss * st->mss : st->mss;
}

/* How much may be given now; 0: none. */
static uint32_t room_for(const struct socket *s, const struct reftcp_status *st)
{
	uint32_t unit = unit_of(st), part = st->unsent % unit;

	if (part)
		return unit - part;
	if (st->unsent + st->unacked >= send_limit(s) || st->unsent >= unsent_limit(s))
		return 0;
	return unit;
}

/* Why nothing may be sent at all; 0 when something may, now or later. */
static int send_refused(struct drill *d, struct socket *s)
{
	int err;

	if (s->phase == SOCKET_OVER) {
		err = socket_take_error(d, s);
		return err ? -err : -EPIPE;
	}
	if (s->phase != SOCKET_OPENED)
		return -EPIPE;
	return 0;
}

static ssize_t give(struct drill *d, struct socket *s, const void *buf, size_t len, int flags)
{
	unsigned int how = flags & MSG_OOB ? REFTCP_URGENT : 0;
	struct reftcp_status st;
	size_t taken, room;
	int err = send_refused(d, s);

	if (err)
		return err;
	if (connecting(d, s))
		return -EAGAIN;
	if (!len)
		return 0;
	socket_status(d, s, &st);
	if (st.state == REFTCP_ESTABLISHED || st.state == REFTCP_CLOSE_WAIT) {
		room = room_for(s, &st);
		if (!room)
			return -EAGAIN;
		/* What comes after it is one call with it. */
		if (len > room)
			how |= REFTCP_MORE;
		else if (flags & MSG_EOR)
			how |= REFTCP_RECORD;
		len = len < room ? len : room;
	}
	if (flags & MSG_MORE)
		how |= REFTCP_MORE;
	err = reftcp_send(d->stack, s->id, buf, len, how, d->now, &taken);
	if (err == -ENOBUFS)
		return -EAGAIN;
	return err ? err : (ssize_t)taken;
}

static ssize_t send_all(struct drill *d, struct socket *s, const void *buf, size_t len, int flags)
{
	bool wait = !s->nonblocking && !(flags & MSG_DONTWAIT);
	struct asked q = {d, s};
	size_t done = 0;
	ssize_t n;

	for (;;) {
		n = give(d, s, (const char *)buf + done, len - done, flags);
		if (n > 0)
			done += (size_t)n;
		drill_settle(d);
		if (n >= 0 && done < len)
			continue;
		if (n != -EAGAIN || !wait)
			break;
		drill_wait(d, may_write, &q, REFTCP_NEVER);
	}
	return done ? (ssize_t)done : n;
}

/* MSG_FASTOPEN, or the first data after a connect() that waited for it. */
static ssize_t open_and_send(struct drill *d, struct socket *s, const struct reftcp_endpoint *to,
			     const void *buf, size_t len, int flags)
{
	bool nonblocking = s->nonblocking || flags & MSG_DONTWAIT;
	size_t taken;
	ssize_t n;
	int err = socket_open(d, s, to, true, buf, len, &taken);

	if (err)
		return err;
	if (nonblocking)
		return taken ? (ssize_t)taken : -EINPROGRESS;
	/* The rest waits in the stack, so that the end of the handshake takes it along. */
	if (taken < len && taken < send_limit(s)) {
		size_t room = send_limit(s) - taken, more = 0;

		room = room < len - taken ? room : len - taken;
		if (!reftcp_send(d->stack, s->id, (const char *)buf + taken, room, 0, d->now,
				 &more))
			taken += more;
	}
	err = socket_await_open(d, s, false);
	if (err)
		return err;
	n = send_all(d, s, (const char *)buf + taken, len - taken, flags);
	return n < 0 && !taken ? n : (ssize_t)taken + (n > 0 ? n : 0);
}

static ssize_t fast_open(struct drill *d, struct socket *s, const void *buf, size_t len, int flags,
			 const struct sockaddr *addr, socklen_t addr_len)
{
	struct reftcp_endpoint to;
	int err;

	sockets_configure(d, s);
	if (!(s->sysctls.fastopen & 1))
		return -EOPNOTSUPP;
	if (addr && addr_len >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC)
		return -EOPNOTSUPP;
	if (connecting(d, s))
		return -EALREADY;
	if (s->phase == SOCKET_OPENED && s->connected)
		return -EISCONN;
	/* The first call after a handshake nobody waited for learns of its end, and goes on. */
	s->connected = s->phase == SOCKET_OPENED;
	if (s->connected)
		return send_all(d, s, buf, len, flags);
	err = endpoint_from(addr, addr_len, &to);
	return err ? err : open_and_send(d, s, &to, buf, len, flags);
}

static ssize_t transmit(struct drill *d, int fd, const void *buf, size_t len, int flags,
			const struct sockaddr *addr, socklen_t addr_len)
{
	struct socket *s = socket_find(d, fd);

	if (!s)
		return -EBADF;
	if (!buf && len)
		return -EFAULT;
	if (flags & MSG_FASTOPEN)
		return fast_open(d, s, buf, len, flags, addr, addr_len);
	if (s->deferred)
		return open_and_send(d, s, &s->remote, buf, len, flags);
	if (s->phase == SOCKET_OPENED && !s->connected && !connecting(d, s))
		s->connected = true;
	return send_all(d, s, buf, len, flags);
}

/* ---- the table ---- */

static ssize_t call_recvfrom(void *userdata, int fd, void *buf, size_t len, int flags,
			     struct sockaddr *addr, socklen_t *addr_len)
{
	struct drill *d = userdata;
	struct socket *s;
	ssize_t n;

	(void)addr;
	drill_lock(d);
	s = socket_find(d, fd);
	n = !s ? -EBADF : !buf && len ? -EFAULT : receive(d, s, buf, len, flags);
	if (n >= 0 && addr_len)
		*addr_len = 0;
	drill_unlock(d);
	return drill_result(n);
}

static ssize_t call_recv(void *userdata, int fd, void *buf, size_t len, int flags)
{
	return call_recvfrom(userdata, fd, buf, len, flags, NULL, NULL);
}

static ssize_t call_read(void *userdata, int fd, void *buf, size_t len)
{
	struct drill *d = userdata;

	if (!socket_find(d, fd))
		return read(fd, buf, len);
	return call_recvfrom(userdata, fd, buf, len, 0, NULL, NULL);
}

static size_t total(const struct iovec *iov, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

/* Through one buffer: a call is one call, whatever its pieces. */
static ssize_t scatter(struct drill *d, struct socket *s, const struct iovec *iov, size_t n,
		       int flags)
{
	size_t len = total(iov, n), off = 0;
	char *buf = malloc(len + 1);
	ssize_t got;

	if (!buf)
		return -ENOMEM;
	got = receive(d, s, buf, len, flags);
	for (size_t i = 0; i < n && got > 0 && off < (size_t)got; i++) {
		size_t piece =
			iov[i].iov_len < (size_t)got - off ? iov[i].iov_len : (size_t)got - off;

		memcpy(iov[i].iov_base, buf + off, piece);
		off += piece;
	}
	free(buf);
	return got;
}

static void put_inq(struct drill *d, struct socket *s, struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct reftcp_status st;
	int left;

	if (!s->inq.value || !c || msg->msg_controllen < CMSG_SPACE(sizeof(left))) {
		msg->msg_controllen = 0;
		return;
	}
	socket_status(d, s, &st);
	/* One more than there is where the peer's FIN is next. */
	left = (int)st.unread + (st.end && !st.unread);
	c->cmsg_level = SOL_TCP;
	c->cmsg_type = TCP_CM_INQ;
	c->cmsg_len = CMSG_LEN(sizeof(left));
	memcpy(CMSG_DATA(c), &left, sizeof(left));
	msg->msg_controllen = CMSG_SPACE(sizeof(left));
}

static ssize_t call_recvmsg(void *userdata, int fd, struct msghdr *msg, int flags)
{
	struct drill *d = userdata;
	struct socket *s;
	ssize_t n = -EBADF;

	drill_lock(d);
	s = socket_find(d, fd);
	if (s) {
		n = scatter(d, s, msg->msg_iov, msg->msg_iovlen, flags);
		msg->msg_namelen = 0;
		msg->msg_flags = 0;
		if (n >= 0)
			put_inq(d, s, msg);
	}
	drill_unlock(d);
	return drill_result(n);
}

static ssize_t call_readv(void *userdata, int fd, const struct iovec *iov, int n)
{
	struct drill *d = userdata;
	struct socket *s;
	ssize_t got;

	if (n < 0)
		return drill_result(-EINVAL);
	drill_lock(d);
	s = socket_find(d, fd);
	got = s ? scatter(d, s, iov, (size_t)n, 0) : -EBADF;
	drill_unlock(d);
	return drill_result(got);
}

static ssize_t call_sendto(void *userdata, int fd, const void *buf, size_t len, int flags,
			   const struct sockaddr *addr, socklen_t addr_len)
{
	struct drill *d = userdata;
	ssize_t n;

	drill_lock(d);
	n = transmit(d, fd, buf, len, flags, addr, addr_len);
	drill_unlock(d);
	return drill_result(n);
}

static ssize_t call_send(void *userdata, int fd, const void *buf, size_t len, int flags)
{
	return call_sendto(userdata, fd, buf, len, flags, NULL, 0);
}

static ssize_t call_write(void *userdata, int fd, const void *buf, size_t len)
{
	struct drill *d = userdata;

	if (!socket_find(d, fd))
		return write(fd, buf, len);
	return call_sendto(userdata, fd, buf, len, 0, NULL, 0);
}

static ssize_t gather(void *userdata, int fd, const struct iovec *iov, size_t n, int flags,
		      const struct sockaddr *addr, socklen_t addr_len)
{
	size_t len = total(iov, n), off = 0;
	char *buf = malloc(len + 1);
	ssize_t sent;
	int err;

	if (!buf)
		return drill_result(-ENOMEM);
	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len)
			memcpy(buf + off, iov[i].iov_base, iov[i].iov_len);
		off += iov[i].iov_len;
	}
	sent = call_sendto(userdata, fd, buf, len, flags, addr, addr_len);
	err = errno;
	free(buf);
	errno = err;
	return sent;
}

static ssize_t call_writev(void *userdata, int fd, const struct iovec *iov, int n)
{
	if (n < 0)
		return drill_result(-EINVAL);
	return gather(userdata, fd, iov, (size_t)n, 0, NULL, 0);
}

static ssize_t call_sendmsg(void *userdata, int fd, const struct msghdr *msg, int flags)
{
	return gather(userdata, fd, msg->msg_iov, msg->msg_iovlen, flags, msg->msg_name,
		      msg->msg_namelen);
}

/* packetdrill's sendfile is libc's: preloaded, this one stands in for it. */
__attribute__((visibility("default"))) ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
	struct drill *d = drill_instance;
	ssize_t n, sent;
	char *buf;

	if (!d || !socket_find(d, out))
		return syscall(SYS_sendfile, out, in, offset, len);
	buf = malloc(len + 1);
	if (!buf)
		return drill_result(-ENOMEM);
	n = offset ? pread(in, buf, len, *offset) : read(in, buf, len);
	sent = n > 0 ? call_sendto(d, out, buf, (size_t)n, 0, NULL, 0) : n;
	if (offset && sent > 0)
		*offset += sent;
	free(buf);
	return sent;
}

static int call_splice(void *userdata, int in, loff_t *in_off, int out, loff_t *out_off, size_t len,
		       unsigned int flags)
{
	(void)userdata;
	(void)in;
	(void)in_off;
	(void)out;
	(void)out_off;
	(void)len;
	(void)flags;
	return (int)drill_result(-EINVAL); /* what splice says to what it cannot splice */
}

static int call_pipe(void *userdata, int fds[2])
{
	(void)userdata;
	return pipe(fds);
}

void drill_transfer_table(struct packetdrill_interface *out)
{
	out->read = call_read;
	out->readv = call_readv;
	out->recv = call_recv;
	out->recvfrom = call_recvfrom;
	out->recvmsg = call_recvmsg;
	out->write = call_write;
	out->writev = call_writev;
	out->send = call_send;
	out->sendto = call_sendto;
	out->sendmsg = call_sendmsg;
	out->pipe = call_pipe;
	out->splice = call_splice;
}
