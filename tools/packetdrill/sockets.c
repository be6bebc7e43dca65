/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets on reftcp: making, naming, opening and ending them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drill.h"

#define LARGEST_BUFFER (16 << 20)

long drill_result(long value)
{
	if (value >= 0)
		return value;
	errno = (int)-value;
	return -1;
}

struct socket *socket_find(struct drill *d, int fd)
{
	return fd >= 0 && fd < DRILL_FDS ? d->sockets[fd] : NULL;
}

int endpoint_from(const struct sockaddr *addr, socklen_t len, struct reftcp_endpoint *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	*out = (struct reftcp_endpoint){0};
	if (!addr || len < sizeof(addr->sa_family))
		return -EINVAL;
	if (addr->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;

		memcpy(&in, addr, sizeof(in));
		out->port = ntohs(in.sin_port);
		out->addr.family = in.sin_addr.s_addr ? 4 : 0;
		memcpy(out->addr.byte, &in.sin_addr, 4);
		return 0;
	}
	if (addr->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in6;

		memcpy(&in6, addr, sizeof(in6));
		out->port = ntohs(in6.sin6_port);
		if (!memcmp(&in6.sin6_addr, mapped, sizeof(mapped))) {
			out->addr.family = 4;
			memcpy(out->addr.byte, in6.sin6_addr.s6_addr + 12, 4);
		} else if (!IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr)) {
			out->addr.family = 6;
			memcpy(out->addr.byte, &in6.sin6_addr, 16);
		}
		return 0;
	}
	return addr->sa_family == AF_INET || addr->sa_family == AF_INET6 ? -EINVAL : -EAFNOSUPPORT;
}

void endpoint_to(const struct reftcp_endpoint *e, int family, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
	const void *from = &in;
	socklen_t size = sizeof(in);

	if (!addr || !len)
		return;
	if (family == AF_INET) {
		memcpy(&in.sin_addr, e->addr.byte, 4);
	} else {
		from = &in6;
		size = sizeof(in6);
		if (e->addr.family == 4) {
			in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
			memcpy(in6.sin6_addr.s6_addr + 12, e->addr.byte, 4);
		} else {
			memcpy(&in6.sin6_addr, e->addr.byte, 16);
		}
	}
	memcpy(addr, from, *len < size ? *len : size);
	*len = size;
}

/* The stack's choices, from the sysctls. */
static void configure(struct drill *d)
{
	const struct sysctls *sc = &d->sysctls;
	struct reftcp_config *c = &d->config;

	c->mtu = sc->mtu >= 1280 ? (uint32_t)sc->mtu : 1280;
	c->congestion = strcmp(sc->congestion, "reno") ? REFTCP_CUBIC : REFTCP_NEWRENO;
	c->window_scale = sc->window_scaling;
	c->timestamps = sc->timestamps;
	c->sack = sc->sack;
	c->ecn = sc->ecn == 1;
	c->ecn_asked = c->ecn;
	c->ecn_passive = sc->ecn == 2;
	c->fast_open = sc->fastopen & 3;
	c->fast_open_bare = sc->fastopen & 4;
	c->fast_open_any = sc->fastopen & 0x200;
	c->fast_open_keys = sc->fastopen_keys;
	memcpy(c->fast_open_key, sc->fastopen_key, sizeof(c->fast_open_key));
	c->mtu_probing = sc->mtu_probing;
	c->idle_restart = sc->slow_start_after_idle;
	c->burst_least = sc->min_tso_segs > 0 ? (uint32_t)sc->min_tso_segs : 1;
}

void sockets_configure(struct drill *d, struct socket *s)
{
	sysctls_read(&d->sysctls);
	s->sysctls = d->sysctls;
	configure(d);
	reftcp_configure(d->stack, &d->config);
}

static int make_stack(struct drill *d)
{
	struct reftcp_config *c = &d->config;
	int err;

	configure(d);
	c->connections = 256;
	c->segments = 1 << 16;
	c->chunks = 1 << 14;
	c->chunk_size = 4096;
	c->send_buffer = LARGEST_BUFFER;
	c->recv_buffer = (uint32_t)d->sysctls.rmem[2];
	c->port_low = 32768;
	c->port_high = 60999;
	err = reftcp_new(&d->stack, c, d->now);
	for (unsigned int i = 0; !err && i < 2; i++)
		if (d->source[i].family)
			reftcp_add_address(d->stack, &d->source[i]);
	return err;
}

static int new_fd(struct drill *d)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fd >= DRILL_FDS || d->sockets[fd] || d->epolls[fd]) {
		/* packetdrill closed one behind our back at its end. */
		if (fd < DRILL_FDS && d->sockets[fd]) {
			free(d->sockets[fd]);
			d->sockets[fd] = NULL;
			return fd;
		}
		close(fd);
		return -EMFILE;
	}
	return fd;
}

static struct socket *new_socket(struct drill *d, int family)
{
	int fd = new_fd(d);
	struct socket *s;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	s->fd = fd;
	s->family = family;
	d->sockets[fd] = s;
	return s;
}

static int call_socket(void *userdata, int domain, int type, int protocol)
{
	struct drill *d = userdata;
	struct socket *s;
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), err = 0;

	if (domain != AF_INET && domain != AF_INET6)
		return (int)drill_result(-EAFNOSUPPORT);
	if (kind != SOCK_STREAM || (protocol && protocol != IPPROTO_TCP))
		return (int)drill_result(-EPROTONOSUPPORT);
	drill_lock(d);
	sysctls_read(&d->sysctls);
	if (!d->stack) {
		err = make_stack(d);
	} else {
		configure(d);
		err = reftcp_configure(d->stack, &d->config);
	}
	s = err ? NULL : new_socket(d, domain);
	if (s) {
		s->nonblocking = type & SOCK_NONBLOCK;
		s->sysctls = d->sysctls;
		err = s->fd;
	} else if (!err) {
		err = -errno;
	}
	drill_unlock(d);
	return (int)drill_result(err);
}

static int call_bind(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct drill *d = userdata;
	struct reftcp_endpoint at;
	struct socket *s;
	int err;

	drill_lock(d);
	s = socket_find(d, fd);
	err = s ? endpoint_from(addr, len, &at) : -EBADF;
	if (!err && s->bound)
		err = -EINVAL;
	if (!err && at.addr.family) {
		err = reftcp_add_address(d->stack, &at.addr);
		err = err == -EEXIST ? 0 : err;
	}
	if (!err) {
		s->local = at;
		s->bound = true;
	}
	drill_unlock(d);
	return (int)drill_result(err);
}

static int call_listen(void *userdata, int fd, int backlog)
{
	struct drill *d = userdata;
	struct reftcp_open open = {0};
	struct socket *s;
	int err = -EBADF;

	drill_lock(d);
	s = socket_find(d, fd);
	if (s) {
		open.local = s->local;
		/* Linux takes one more than it is told. */
		open.backlog = (uint32_t)(backlog < 0 ? 4096 : backlog) + 1;
		err = s->phase == SOCKET_FRESH ? reftcp_open(d->stack, &open, d->now, &s->id)
					       : -EINVAL;
	}
	if (!err) {
		s->phase = SOCKET_LISTENS;
		options_apply(d, s);
	}
	drill_unlock(d);
	return (int)drill_result(err);
}

bool socket_status(struct drill *d, struct socket *s, struct reftcp_status *out)
{
	if (s->phase == SOCKET_FRESH || reftcp_status(d->stack, s->id, &s->last))
		return false;
	*out = s->last;
	return true;
}

struct asked {
	struct drill *d;
	struct socket *s;
};

static bool accept_ready(void *arg)
{
	struct asked *q = arg;
	struct reftcp_status st;

	return !socket_status(q->d, q->s, &st) || st.accept_queue;
}

static int call_accept(void *userdata, int fd, struct sockaddr *addr, socklen_t *len)
{
	struct drill *d = userdata;
	struct reftcp_status st;
	struct socket *s, *child;
	reftcp_id id;
	int err = -EBADF;

	drill_lock(d);
	s = socket_find(d, fd);
	if (s && s->phase != SOCKET_LISTENS) {
		err = -EINVAL;
	} else if (s) {
		struct asked q = {d, s};

		if (!s->nonblocking)
			drill_wait(d, accept_ready, &q, REFTCP_NEVER);
		err = reftcp_accept(d->stack, s->id, d->now, &id);
	}
	child = err ? NULL : new_socket(d, s->family);
	if (child) {
		*child = (struct socket){
			.fd = child->fd,
			.family = s->family,
			.phase = SOCKET_OPENED,
			.id = id,
			.connected = true,
			.sysctls = s->sysctls,
			.nodelay = s->nodelay,
			.maxseg = s->maxseg,
			.notsent_lowat = s->notsent_lowat,
			.sndbuf = s->sndbuf,
			.rcvbuf = s->rcvbuf,
		};
		options_apply(d, child);
		socket_status(d, child, &st);
		child->remote = st.remote;
		child->local = st.local;
		endpoint_to(&st.remote, s->family, addr, len);
		err = child->fd;
	} else if (!err) {
		reftcp_release(d->stack, id, d->now);
		err = -EMFILE;
	}
	drill_settle(d);
	drill_unlock(d);
	return (int)drill_result(err);
}

int socket_open(struct drill *d, struct socket *s, const struct reftcp_endpoint *remote,
		bool fast_open, const void *data, size_t len, size_t *taken)
{
	struct reftcp_open open = {.active = true, .local = s->local, .remote = *remote};
	int err;

	*taken = 0;
	err = reftcp_open(d->stack, &open, d->now, &s->id);
	if (err)
		return err;
	s->phase = SOCKET_OPENED;
	s->remote = *remote;
	s->deferred = false;
	options_apply(d, s);
	if (fast_open) {
		reftcp_set(d->stack, s->id, REFTCP_OPT_FAST_OPEN, 1, d->now);
		len = len < reftcp_fast_open_room(d->stack, s->id)
			      ? len
			      : reftcp_fast_open_room(d->stack, s->id);
		if (len)
			err = reftcp_send(d->stack, s->id, data, len, 0, d->now, taken);
	}
	drill_settle(d);
	return err;
}

static bool open_done(void *arg)
{
	struct asked *q = arg;
	struct reftcp_status st;

	return !socket_status(q->d, q->s, &st) ||
	       (st.state != REFTCP_SYN_SENT && st.state != REFTCP_SYN_RECEIVED);
}

int socket_await_open(struct drill *d, struct socket *s, bool nonblocking)
{
	struct asked q = {d, s};

	if (!open_done(&q) && nonblocking)
		return -EINPROGRESS;
	drill_wait(d, open_done, &q, REFTCP_NEVER);
	if (s->phase == SOCKET_OVER)
		return -socket_take_error(d, s);
	s->connected = true;
	return 0;
}

static int connect_again(struct drill *d, struct socket *s)
{
	struct asked q = {d, s};
	int err;

	if (s->phase == SOCKET_LISTENS)
		return -EISCONN;
	if (s->deferred)
		return -EISCONN;
	if (s->phase == SOCKET_OVER) {
		err = socket_take_error(d, s);
		return err ? -err : -ECONNABORTED;
	}
	if (!open_done(&q))
		return s->nonblocking ? -EALREADY : socket_await_open(d, s, false);
	if (s->connected)
		return -EISCONN;
	s->connected = true;
	return 0;
}

static int connect_socket(struct drill *d, struct socket *s, const struct sockaddr *addr,
			  socklen_t len)
{
	struct reftcp_endpoint to;
	size_t taken;
	int err;

	if (s->phase != SOCKET_FRESH || s->deferred)
		return connect_again(d, s);
	err = endpoint_from(addr, len, &to);
	if (err)
		return err;
	if (s->fastopen_connect.value) {
		/* With a cookie at hand the SYN waits for the data it will carry. */
		if (reftcp_fast_open_cookie(d->stack, &to.addr)) {
			s->deferred = true;
			s->remote = to;
			return 0;
		}
		err = socket_open(d, s, &to, true, NULL, 0, &taken);
	} else {
		err = socket_open(d, s, &to, false, NULL, 0, &taken);
	}
	return err ? err : socket_await_open(d, s, s->nonblocking);
}

static int call_connect(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct drill *d = userdata;
	struct socket *s;
	int err;

	drill_lock(d);
	s = socket_find(d, fd);
	err = s ? connect_socket(d, s, addr, len) : -EBADF;
	drill_unlock(d);
	return (int)drill_result(err);
}

static struct socket *socket_of(struct drill *d, reftcp_id id)
{
	for (int i = 0; i < DRILL_FDS; i++)
		if (d->sockets[i] && d->sockets[i]->phase != SOCKET_FRESH &&
		    d->sockets[i]->id == id)
			return d->sockets[i];
	return NULL;
}

#define IN_NEWS                                                               \
	(REFTCP_EVENT_READABLE | REFTCP_EVENT_ACCEPT | REFTCP_EVENT_CLOSING | \
	 REFTCP_EVENT_CLOSED | REFTCP_EVENT_URGENT | REFTCP_EVENT_ESTABLISHED)
#define OUT_NEWS (REFTCP_EVENT_WRITABLE | REFTCP_EVENT_ESTABLISHED | REFTCP_EVENT_CLOSED)

void sockets_take_events(struct drill *d)
{
	struct reftcp_event e;

	while (d->stack && !reftcp_next_event(d->stack, &e)) {
		struct socket *s = socket_of(d, e.id);

		if (!s)
			continue;
		s->in_news += !!(e.events & IN_NEWS);
		s->out_news += !!(e.events & OUT_NEWS);
		if (!(e.events & REFTCP_EVENT_CLOSED) || reftcp_status(d->stack, s->id, &s->last) ||
		    !s->last.error)
			continue;
		/* A failure: told once, then the socket is just not connected. */
		s->error = -s->last.error;
		s->phase = SOCKET_OVER;
	}
}

int socket_take_error(struct drill *d, struct socket *s)
{
	int err = s->error;

	(void)d;
	s->error = 0;
	return err;
}

static int close_socket(struct drill *d, struct socket *s)
{
	if (s->phase != SOCKET_FRESH) {
		if (s->linger_on && !s->linger && s->phase == SOCKET_OPENED)
			reftcp_abort(d->stack, s->id, d->now);
		reftcp_release(d->stack, s->id, d->now);
	}
	d->sockets[s->fd] = NULL;
	close(s->fd);
	free(s);
	drill_settle(d);
	return 0;
}

static int call_close(void *userdata, int fd)
{
	struct drill *d = userdata;
	struct socket *s;
	int err = 0;

	drill_lock(d);
	s = socket_find(d, fd);
	if (s) {
		close_socket(d, s);
	} else if (fd >= 0 && fd < DRILL_FDS && d->epolls[fd]) {
		epoll_release(d->epolls[fd]);
		d->epolls[fd] = NULL;
		close(fd);
	} else {
		err = close(fd) ? -errno : 0; /* a pipe or a file */
	}
	drill_unlock(d);
	return (int)drill_result(err);
}

static int shutdown_socket(struct drill *d, struct socket *s, int how)
{
	struct reftcp_status st;
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (s->phase != SOCKET_OPENED || !socket_status(d, s, &st) || st.state == REFTCP_CLOSED)
		return -ENOTCONN;
	if (how != SHUT_WR)
		s->shut_read = true;
	if (how != SHUT_RD)
		err = reftcp_close(d->stack, s->id, d->now);
	s->in_news++;
	drill_settle(d);
	return err == -EALREADY ? 0 : err;
}

static int call_shutdown(void *userdata, int fd, int how)
{
	struct drill *d = userdata;
	struct socket *s;
	int err;

	drill_lock(d);
	s = socket_find(d, fd);
	err = s ? shutdown_socket(d, s, how) : -EBADF;
	drill_unlock(d);
	return (int)drill_result(err);
}

void drill_socket_table(struct packetdrill_interface *out)
{
	out->socket = call_socket;
	out->bind = call_bind;
	out->listen = call_listen;
	out->accept = call_accept;
	out->connect = call_connect;
	out->close = call_close;
	out->shutdown = call_shutdown;
}
