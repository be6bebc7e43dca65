/* SPDX-License-Identifier: BSD-2-Clause */
/* poll and epoll over our sockets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drill.h"

static bool at_end(const struct reftcp_status *st)
{
	return st->end;
}

static unsigned int poll_opened(struct drill *d, struct socket *s)
{
	struct reftcp_status st;
	unsigned int bits = 0;
	bool closed;

	if (!socket_status(d, s, &st))
		return POLLHUP | POLLERR;
	closed = st.state == REFTCP_CLOSED || st.state == REFTCP_TIME_WAIT;
	if (st.state == REFTCP_SYN_SENT || (st.state == REFTCP_SYN_RECEIVED && !st.early))
		return 0;
	if (st.unread || at_end(&st) || s->shut_read || closed)
		bits |= POLLIN | POLLRDNORM;
	if (at_end(&st) || s->shut_read || closed)
		bits |= POLLRDHUP;
	if (closed ||
	    (s->shut_read && st.state != REFTCP_ESTABLISHED && st.state != REFTCP_CLOSE_WAIT) ||
	    (at_end(&st) && st.state != REFTCP_ESTABLISHED && st.state != REFTCP_CLOSE_WAIT))
		bits |= POLLHUP;
	if ((st.state != REFTCP_ESTABLISHED && st.state != REFTCP_CLOSE_WAIT &&
	     st.state != REFTCP_SYN_RECEIVED) ||
	    socket_writable(s, &st))
		bits |= POLLOUT | POLLWRNORM;
	return bits;
}

unsigned int socket_poll(struct drill *d, struct socket *s)
{
	struct reftcp_status st;

	switch (s->phase) {
	case SOCKET_FRESH:
		return s->deferred ? POLLOUT | POLLWRNORM : POLLOUT | POLLHUP;
	case SOCKET_LISTENS:
		return socket_status(d, s, &st) && st.accept_queue ? POLLIN | POLLRDNORM : 0;
	case SOCKET_OPENED:
		return poll_opened(d, s);
	case SOCKET_OVER:
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLRDHUP |
		       (s->error ? POLLERR : 0);
	}
	return 0;
}

static reftcp_time until(const struct drill *d, int timeout)
{
	return timeout < 0 ? REFTCP_NEVER : d->now + (reftcp_time)timeout * REFTCP_MS;
}

/* ---- poll ---- */

struct poll_wait {
	struct drill *d;
	struct pollfd *fds;
	nfds_t n;
	int found;
};

static bool poll_ready(void *arg)
{
	struct poll_wait *w = arg;

	w->found = 0;
	for (nfds_t i = 0; i < w->n; i++) {
		struct pollfd *p = &w->fds[i];
		struct socket *s = socket_find(w->d, p->fd);

		p->revents = 0;
		if (p->fd < 0)
			continue;
		if (s)
			p->revents = (short)(socket_poll(w->d, s) &
					     ((unsigned int)p->events | POLLERR | POLLHUP));
		else
			p->revents = POLLNVAL;
		w->found += p->revents != 0;
	}
	return w->found;
}

static int call_poll(void *userdata, struct pollfd *fds, nfds_t n, int timeout)
{
	struct drill *d = userdata;
	struct poll_wait w = {d, fds, n, 0};

	drill_lock(d);
	if (!poll_ready(&w) && timeout)
		drill_wait(d, poll_ready, &w, until(d, timeout));
	poll_ready(&w);
	drill_unlock(d);
	return w.found;
}

/* ---- epoll ---- */

struct epoll_wait_for {
	struct drill *d;
	struct epoll *e;
};

/* The bits to tell of now. Edges: only when something happened since the last time. */
static unsigned int watch_bits(struct drill *d, const struct watch *w)
{
	struct socket *s = socket_find(d, w->fd);
	unsigned int bits;

	if (!s || (w->event.events & EPOLLONESHOT && w->fired))
		return 0;
	bits = socket_poll(d, s) & (w->event.events | EPOLLERR | EPOLLHUP);
	if (w->event.events & EPOLLET && w->fired && w->in_seen == s->in_news &&
	    w->out_seen == s->out_news)
		return 0;
	return bits;
}

static bool epoll_ready(void *arg)
{
	struct epoll_wait_for *q = arg;

	for (struct watch *w = q->e->first; w; w = w->next)
		if (watch_bits(q->d, w))
			return true;
	return false;
}

static int collect(struct drill *d, struct epoll *e, struct epoll_event *events, int max)
{
	int n = 0;

	for (struct watch *w = e->first; w && n < max; w = w->next) {
		unsigned int bits = watch_bits(d, w);
		struct socket *s = socket_find(d, w->fd);

		if (!bits)
			continue;
		events[n].events = bits;
		events[n++].data = w->event.data;
		w->fired = true;
		w->in_seen = s->in_news;
		w->out_seen = s->out_news;
	}
	return n;
}

static int call_epoll_create(void *userdata, int size)
{
	struct drill *d = userdata;
	int fd;

	if (size <= 0)
		return (int)drill_result(-EINVAL);
	fd = eventfd(0, EFD_CLOEXEC);
	if (fd < 0)
		return -1;
	drill_lock(d);
	if (fd < DRILL_FDS)
		d->epolls[fd] = calloc(1, sizeof(struct epoll));
	if (fd >= DRILL_FDS || !d->epolls[fd]) {
		close(fd);
		fd = -EMFILE;
	}
	drill_unlock(d);
	return (int)drill_result(fd);
}

static struct epoll *epoll_find(struct drill *d, int fd)
{
	return fd >= 0 && fd < DRILL_FDS ? d->epolls[fd] : NULL;
}

static int control(struct drill *d, struct epoll *e, int op, int fd,
		   const struct epoll_event *event)
{
	struct watch **p = &e->first, *w;

	if (!socket_find(d, fd))
		return -EBADF;
	while (*p && (*p)->fd != fd)
		p = &(*p)->next;
	w = *p;
	if (op == EPOLL_CTL_ADD && w)
		return -EEXIST;
	if (op != EPOLL_CTL_ADD && !w)
		return -ENOENT;
	if (op == EPOLL_CTL_DEL) {
		*p = w->next;
		free(w);
		return 0;
	}
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD)
		return -EINVAL;
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -ENOMEM;
		w->fd = fd;
		*p = w;
	}
	w->event = *event;
	w->fired = false;
	return 0;
}

static int call_epoll_ctl(void *userdata, int epfd, int op, int fd, struct epoll_event *event)
{
	struct drill *d = userdata;
	struct epoll *e;
	int err;

	drill_lock(d);
	e = epoll_find(d, epfd);
	err = !e ? -EBADF : !event && op != EPOLL_CTL_DEL ? -EFAULT : control(d, e, op, fd, event);
	drill_unlock(d);
	return (int)drill_result(err);
}

static int call_epoll_wait(void *userdata, int epfd, struct epoll_event *events, int max,
			   int timeout)
{
	struct drill *d = userdata;
	struct epoll_wait_for q = {d, NULL};
	int n;

	if (max <= 0)
		return (int)drill_result(-EINVAL);
	drill_lock(d);
	q.e = epoll_find(d, epfd);
	if (q.e && timeout)
		drill_wait(d, epoll_ready, &q, until(d, timeout));
	n = q.e ? collect(d, q.e, events, max) : -EBADF;
	drill_unlock(d);
	return (int)drill_result(n);
}

void epoll_release(struct epoll *e)
{
	while (e->first) {
		struct watch *w = e->first;

		e->first = w->next;
		free(w);
	}
	free(e);
}

void drill_polling_table(struct packetdrill_interface *out)
{
	out->poll = call_poll;
	out->epoll_create = call_epoll_create;
	out->epoll_ctl = call_epoll_ctl;
	out->epoll_wait = call_epoll_wait;
}
