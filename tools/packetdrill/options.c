/* SPDX-License-Identifier: BSD-2-Clause */
/* Socket options, fcntl and ioctl. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "drill.h"
#include "tcp_info.h"

/* Linux keeps twice what it is asked for, and not less than this. */
#define LEAST_SNDBUF 4608
#define LEAST_RCVBUF 2304

/* Options that are a number and nothing else to this file: level, name, where it is kept, and the
 * option of reftcp that it becomes, with the unit of its value. */
struct row {
	int level, name;
	size_t offset;
	int option; /* enum reftcp_option, or -1: only kept */
	uint64_t unit;
	bool inverted;
};

#define AT(member) offsetof(struct socket, member)

static const struct row rows[] = {
	{SOL_TCP, TCP_NODELAY, AT(nodelay), REFTCP_OPT_NAGLE, 1, true},
	{SOL_TCP, TCP_CORK, AT(cork), REFTCP_OPT_CORK, 1, false},
	{SOL_TCP, TCP_MAXSEG, AT(maxseg), REFTCP_OPT_MAX_SEGMENT, 1, false},
	{SOL_TCP, TCP_SYNCNT, AT(syncnt), REFTCP_OPT_SYN_RETRIES, 1, false},
	{SOL_TCP, TCP_USER_TIMEOUT, AT(user_timeout), REFTCP_OPT_USER_TIMEOUT, REFTCP_MS, false},
	{SOL_TCP, TCP_FASTOPEN, AT(fastopen), -1, 1, false},
	{SOL_TCP, TCP_FASTOPEN_CONNECT, AT(fastopen_connect), -1, 1, false},
	{SOL_TCP, TCP_FASTOPEN_NO_COOKIE, AT(no_cookie), -1, 1, false},
	{SOL_TCP, TCP_KEEPIDLE, AT(keepidle), REFTCP_OPT_KEEPALIVE_IDLE, REFTCP_S, false},
	{SOL_TCP, TCP_KEEPINTVL, AT(keepintvl), REFTCP_OPT_KEEPALIVE_INTERVAL, REFTCP_S, false},
	{SOL_TCP, TCP_KEEPCNT, AT(keepcnt), REFTCP_OPT_KEEPALIVE_COUNT, 1, false},
	{SOL_TCP, TCP_NOTSENT_LOWAT, AT(notsent_lowat), -1, 1, false},
	{SOL_TCP, TCP_INQ, AT(inq), -1, 1, false},
	{SOL_TCP, TCP_LINGER2, AT(linger2), -1, 1, false},
	{SOL_TCP, TCP_QUICKACK, AT(quickack), -1, 1, false},
	{SOL_SOCKET, SO_KEEPALIVE, AT(keepalive), REFTCP_OPT_KEEPALIVE, 1, false},
	{SOL_SOCKET, SO_SNDBUF, AT(sndbuf), -1, 1, false},
	{SOL_SOCKET, SO_RCVBUF, AT(rcvbuf), -1, 1, false},
	{SOL_SOCKET, SO_ZEROCOPY, AT(zerocopy), -1, 1, false}, /* data is copied all the same */
	{SOL_IP, IP_TOS, AT(tos), REFTCP_OPT_DSCP, 1, false},
	{SOL_IP, IP_TTL, AT(ttl), REFTCP_OPT_TTL, 1, false},
	{SOL_IP, IP_MTU_DISCOVER, AT(mtu_discover), -1, 1, false},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct option_value *kept(struct socket *s, const struct row *row)
{
	return (struct option_value *)((char *)s + row->offset);
}

static const struct row *find_row(int level, int name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].level == level && rows[i].name == name)
			return &rows[i];
	return NULL;
}

static void apply_row(struct drill *d, struct socket *s, const struct row *row)
{
	const struct option_value *v = kept(s, row);
	uint64_t value = (uint64_t)v->value * row->unit;

	if (row->option < 0 || !v->given)
		return;
	if (row->inverted)
		value = !value;
	if (row->level == SOL_IP && row->name == IP_TOS)
		value = (value & 0xff) >> 2; /* the other two bits are ECN's */
	reftcp_set(d->stack, s->id, (enum reftcp_option)row->option, value, d->now);
}

/* Half of a buffer of Linux holds data, the other half what surrounds it. */
static uint32_t window_of(int buffer)
{
	return buffer > 1 ? (uint32_t)buffer / 2 : 1;
}

void options_apply(struct drill *d, struct socket *s)
{
	const struct sysctls *sc = &s->sysctls;
	int rcvbuf = s->rcvbuf.given ? s->rcvbuf.value : sc->rmem[1];
	bool server = s->phase == SOCKET_LISTENS;

	reftcp_set(d->stack, s->id, REFTCP_OPT_RECV_BUFFER, window_of(rcvbuf), d->now);
	reftcp_set(d->stack, s->id, REFTCP_OPT_SYN_RETRIES,
		   (uint64_t)(server ? sc->synack_retries : sc->syn_retries), d->now);
	reftcp_set(d->stack, s->id, REFTCP_OPT_KEEPALIVE_IDLE,
		   (uint64_t)sc->keepalive_time * REFTCP_S, d->now);
	/* 2: the server side; 0x400: every listener, asked or not. */
	if (server && sc->fastopen & 2 && (s->fastopen.value || sc->fastopen & 0x400))
		reftcp_set(d->stack, s->id, REFTCP_OPT_FAST_OPEN, 1, d->now);
	for (size_t i = 0; i < ROWS; i++)
		apply_row(d, s, &rows[i]);
}

static int number(int level, const void *value, socklen_t len, int *out)
{
	/* IP options may be given as one octet. */
	if (level == SOL_IP && len >= 1 && len < sizeof(*out)) {
		*out = *(const uint8_t *)value;
		return 0;
	}
	if (len < sizeof(*out))
		return -EINVAL;
	memcpy(out, value, sizeof(*out));
	return 0;
}

/* Linux keeps a key for each listener; here it is the stack's until the next socket. */
static int set_key(struct drill *d, const void *value, socklen_t len)
{
	if (len != 16 && len != 32)
		return -EINVAL;
	memcpy(d->config.fast_open_key, value, len);
	d->config.fast_open_keys = len / 16;
	return reftcp_configure(d->stack, &d->config);
}

static int set_linger(struct socket *s, const void *value, socklen_t len)
{
	struct linger l;

	if (len < sizeof(l))
		return -EINVAL;
	memcpy(&l, value, sizeof(l));
	s->linger_on = l.l_onoff;
	s->linger = l.l_linger;
	return 0;
}

/* What Linux refuses, or changes before it keeps it. */
static int check(struct drill *d, struct socket *s, const struct row *row, int *v)
{
	if (row->level == SOL_SOCKET && row->name == SO_SNDBUF)
		*v = 2 * *v < LEAST_SNDBUF ? LEAST_SNDBUF : 2 * *v;
	if (row->level == SOL_SOCKET && row->name == SO_RCVBUF)
		*v = 2 * *v < LEAST_RCVBUF ? LEAST_RCVBUF : 2 * *v;
	if (row->level != SOL_TCP)
		return 0;
	if (row->name == TCP_FASTOPEN_CONNECT) {
		sockets_configure(d, s);
		if (!(s->sysctls.fastopen & 1))
			return -EOPNOTSUPP;
		return *v < 0 || *v > 1 || s->phase != SOCKET_FRESH ? -EINVAL : 0;
	}
	if (row->name == TCP_NODELAY || row->name == TCP_CORK)
		*v = !!*v;
	if (row->name == TCP_SYNCNT)
		return *v < 1 || *v > 127 ? -EINVAL : 0;
	if (row->name == TCP_MAXSEG)
		return *v < 88 || *v > 32767 ? -EINVAL : 0;
	return 0;
}

static int set(struct drill *d, struct socket *s, int level, int name, const void *value,
	       socklen_t len)
{
	const struct row *row = find_row(level, name);
	int v = 0, err;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(s, value, len);
	if (level == SOL_TCP && name == TCP_FASTOPEN_KEY)
		return set_key(d, value, len);
	err = number(level, value, len, &v);
	if (err)
		return err;
	if (!row)
		return level == SOL_SOCKET && name == SO_REUSEADDR ? 0 : -ENOPROTOOPT;
	err = check(d, s, row, &v);
	if (err)
		return err;
	*kept(s, row) = (struct option_value){true, v};
	if (s->phase == SOCKET_OPENED || s->phase == SOCKET_LISTENS) {
		if (level == SOL_TCP && name == TCP_FASTOPEN)
			options_apply(d, s);
		apply_row(d, s, row);
		/* Linux: TCP_NODELAY also pushes what is corked, this once. */
		if (level == SOL_TCP && name == TCP_NODELAY && v)
			reftcp_push(d->stack, s->id, d->now);
		drill_settle(d);
	}
	return 0;
}

static int put(void *value, socklen_t *len, const void *from, size_t size)
{
	size_t n = *len < size ? *len : size;

	memcpy(value, from, n);
	*len = (socklen_t)n;
	return 0;
}

static int get_info(struct drill *d, struct socket *s, void *value, socklen_t *len)
{
	struct reftcp_status st;
	struct drill_tcp_info info;

	if (!socket_status(d, s, &st))
		memset(&st, 0, sizeof(st));
	info_fill(d, s, &st, &info);
	return put(value, len, &info, sizeof(info));
}

static int max_segment(struct drill *d, struct socket *s)
{
	struct reftcp_status st;

	if (s->phase == SOCKET_OPENED && socket_status(d, s, &st))
		return (int)st.mss;
	return s->maxseg.given ? s->maxseg.value : 536;
}

int options_get(struct drill *d, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	const struct row *row = find_row(level, name);
	static const uint32_t none[9]; /* SK_MEMINFO_VARS */
	int v;

	if (level == SOL_TCP && name == TCP_INFO)
		return get_info(d, s, value, len);
	/* What cubic says of itself: nothing. What packetdrill reads of memory: nobody asks. */
	if (level == SOL_TCP && name == TCP_CC_INFO)
		return put(value, len, &none, 0);
	if (level == SOL_SOCKET && name == SO_MEMINFO)
		return put(value, len, none, sizeof(none));
	if (level == SOL_SOCKET && name == SO_ERROR)
		v = socket_take_error(d, s);
	else if (level == SOL_TCP && name == TCP_MAXSEG)
		v = max_segment(d, s);
	else if (row && (row->name != SO_SNDBUF || kept(s, row)->given || level != SOL_SOCKET))
		v = kept(s, row)->value;
	else if (level == SOL_SOCKET && name == SO_SNDBUF)
		v = s->sysctls.wmem[1];
	else
		return -ENOPROTOOPT;
	return put(value, len, &v, sizeof(v));
}

static int call_setsockopt(void *userdata, int fd, int level, int name, const void *value,
			   socklen_t len)
{
	struct drill *d = userdata;
	struct socket *s;
	int err;

	drill_lock(d);
	s = socket_find(d, fd);
	err = s ? set(d, s, level, name, value, len) : -EBADF;
	drill_unlock(d);
	return (int)drill_result(err);
}

static int call_getsockopt(void *userdata, int fd, int level, int name, void *value, socklen_t *len)
{
	struct drill *d = userdata;
	struct socket *s;
	int err;

	drill_lock(d);
	s = socket_find(d, fd);
	err = s ? options_get(d, s, level, name, value, len) : -EBADF;
	drill_unlock(d);
	return (int)drill_result(err);
}

static int call_fcntl(void *userdata, int fd, int command, ...)
{
	struct drill *d = userdata;
	struct socket *s;
	va_list args;
	long arg;
	int result = 0;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	drill_lock(d);
	s = socket_find(d, fd);
	if (!s)
		result = fcntl(fd, command, arg);
	else if (command == F_GETFL)
		result = O_RDWR | (s->nonblocking ? O_NONBLOCK : 0);
	else if (command == F_SETFL)
		s->nonblocking = arg & O_NONBLOCK;
	else if (command != F_GETFD && command != F_SETFD)
		result = (int)drill_result(-EINVAL);
	drill_unlock(d);
	return result;
}

static int queue_size(struct drill *d, struct socket *s, unsigned long request, int *out)
{
	struct reftcp_status st;

	if (s->phase != SOCKET_OPENED || !socket_status(d, s, &st))
		return -EINVAL;
	switch (request) {
	case SIOCINQ:
		*out = (int)st.unread;
		return 0;
	case SIOCOUTQ:
		*out = (int)(st.unsent + st.unacked);
		return 0;
	case SIOCOUTQNSD:
		*out = (int)st.unsent;
		return 0;
	default:
		return -ENOTTY;
	}
}

static int call_ioctl(void *userdata, int fd, unsigned long request, ...)
{
	struct drill *d = userdata;
	struct socket *s;
	va_list args;
	void *arg;
	int err;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	drill_lock(d);
	s = socket_find(d, fd);
	err = s ? queue_size(d, s, request, arg) : -EBADF;
	drill_unlock(d);
	return (int)drill_result(err);
}

void drill_option_table(struct packetdrill_interface *out)
{
	out->setsockopt = call_setsockopt;
	out->getsockopt = call_getsockopt;
	out->fcntl = call_fcntl;
	out->ioctl = call_ioctl;
}
