/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reftcp behind packetdrill's table: sockets, descriptors, a clock and a wire around one stack.
 *
 * One lock, `lock`, is held by every call for its length; a blocking call gives it up while it
 * waits. Time stands still while a call runs and moves only in drill_advance. When something
 * ends a wait, whoever caused it does not go on before the woken thread has returned and read
 * the clock: packetdrill then sees the end of a blocking call at the very time it happened.
 */
#ifndef TOOLS_PACKETDRILL_DRILL_H
#define TOOLS_PACKETDRILL_DRILL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "packetdrill.h"
#include "reftcp/reftcp.h"

#define DRILL_FDS 4096
#define DRILL_PACKET 65536
#define DRILL_QUEUE 4096 /* packets that may wait for netdev_receive */

/* Of the network namespace's /proc/sys/net/ipv4, what a socket is made by. */
struct sysctls {
	bool timestamps, sack, window_scaling, slow_start_after_idle;
	int min_tso_segs;
	bool early_retrans, autocorking, moderate_rcvbuf;
	int ecn, recovery, frto;
	int syn_retries, synack_retries, retries2, orphan_retries;
	int fin_timeout, keepalive_time, keepalive_intvl, keepalive_probes;
	int mtu_probing, base_mss, fastopen, syncookies, reordering;
	int rmem[3], wmem[3];
	int64_t notsent_lowat;
	bool fastopen_key_given;
	uint8_t fastopen_key[2][16]; /* the second: the one before, still taken */
	unsigned int fastopen_keys;
	char congestion[16];
	int mtu;
};

/* What cannot be read keeps the kernel's default. */
void sysctls_read(struct sysctls *out);

enum socket_phase {
	SOCKET_FRESH,
	SOCKET_LISTENS,
	SOCKET_OPENED, /* has a connection, in whatever state */
	SOCKET_OVER,   /* its connection failed; what it had received can still be read */
};

struct option_value {
	bool given;
	int value;
};

struct socket {
	int fd, family;
	enum socket_phase phase;
	reftcp_id id;
	bool nonblocking, shut_read, bound, deferred; /* deferred: connect waits for the data */
	bool connected;                               /* connect() has been told of success */
	int error;                                    /* SO_ERROR: told once */
	struct reftcp_endpoint local, remote;
	struct sysctls sysctls;
	struct option_value nodelay, cork, maxseg, syncnt, user_timeout, fastopen, fastopen_connect,
		keepalive, keepidle, keepintvl, keepcnt, tos, ttl, notsent_lowat, sndbuf, rcvbuf,
		inq, linger2, quickack, no_cookie, mtu_discover, zerocopy;
	bool linger_on;
	int linger;
	uint32_t in_news, out_news; /* counts what edge-triggered waits want to know */
	struct reftcp_status last;
};

struct watch {
	int fd;
	struct epoll_event event;
	uint32_t in_seen, out_seen;
	bool fired; /* at least once, for EPOLLET; for good, for EPOLLONESHOT */
	struct watch *next;
};

struct epoll {
	struct watch *first;
};

/* A thread in a blocking call. `ready` is asked by whoever changes something. */
struct waiter {
	bool (*ready)(void *arg);
	void *arg;
	reftcp_time until;
	bool woken;
	struct waiter *next;
};

struct packet {
	size_t len;
	reftcp_time at;
	uint8_t *data;
};

struct drill {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct reftcp_stack *stack; /* null until the first socket */
	struct reftcp_config config;
	reftcp_time now;
	bool real_clock;
	struct reftcp_addr source[2]; /* the address to connect from: IPv4, IPv6 */
	struct socket *sockets[DRILL_FDS];
	struct epoll *epolls[DRILL_FDS];
	struct packet queue[DRILL_QUEUE];
	unsigned int head, count;
	uint64_t queue_full;
	struct waiter *waiters;
	pid_t returned;         /* the thread that came back last, 0 once it was waited for */
	unsigned int returning; /* woken threads that have not read the clock yet */
	struct sysctls sysctls; /* as last read */
	uint8_t buf[DRILL_PACKET];
};

/* The one instance; null before packetdrill_interface_init. */
extern struct drill *drill_instance;

static inline void drill_lock(struct drill *d)
{
	pthread_mutex_lock(&d->lock);
}

static inline void drill_unlock(struct drill *d)
{
	pthread_mutex_unlock(&d->lock);
}

/* errno and -1 for a negative errno, else the value. */
long drill_result(long value);

/* ---- clock.c ---- */
/* Sends what is due, tells sockets what happened, wakes whose wait is over. */
void drill_settle(struct drill *d);
/* To `until`, every timer on the way at its own time. */
void drill_advance(struct drill *d, reftcp_time until);
/* Waits, without the lock, until ready(arg) holds or the time is `until`. */
void drill_wait(struct drill *d, bool (*ready)(void *arg), void *arg, reftcp_time until);
void drill_clock_table(struct packetdrill_interface *out);

/* ---- sockets.c ---- */
struct socket *socket_find(struct drill *d, int fd);
/* Reads the sysctls again, for what is opened from now on. */
void sockets_configure(struct drill *d, struct socket *s);
/* Where its connection stands; true: *out is valid. */
bool socket_status(struct drill *d, struct socket *s, struct reftcp_status *out);
/* Takes the indications of the stack to the sockets. */
void sockets_take_events(struct drill *d);
/* POLL bits that hold now. */
unsigned int socket_poll(struct drill *d, struct socket *s);
/* Is there room for more to send, as poll and a blocked write see it. */
bool socket_writable(const struct socket *s, const struct reftcp_status *st);
/* The pending error, taken; 0 for none. */
int socket_take_error(struct drill *d, struct socket *s);
/* Opens actively to remote. data: rides on the SYN as far as it may; *taken says how much.
 * 0 or a negative errno. */
int socket_open(struct drill *d, struct socket *s, const struct reftcp_endpoint *remote,
		bool fast_open, const void *data, size_t len, size_t *taken);
/* Waits for the end of the handshake; 0, -EINPROGRESS or why it failed. */
int socket_await_open(struct drill *d, struct socket *s, bool nonblocking);
int endpoint_from(const struct sockaddr *addr, socklen_t len, struct reftcp_endpoint *out);
void endpoint_to(const struct reftcp_endpoint *e, int family, struct sockaddr *addr,
		 socklen_t *len);
void drill_socket_table(struct packetdrill_interface *out);

/* ---- transfer.c ---- */
void drill_transfer_table(struct packetdrill_interface *out);

/* ---- options.c ---- */
/* Gives the connection, or listener, what was set on its socket. */
void options_apply(struct drill *d, struct socket *s);
int options_get(struct drill *d, struct socket *s, int level, int name, void *value,
		socklen_t *len);
void drill_option_table(struct packetdrill_interface *out);

/* ---- info.c ---- */
struct drill_tcp_info;
void info_fill(const struct drill *d, const struct socket *s, const struct reftcp_status *st,
	       struct drill_tcp_info *out);

/* ---- polling.c ---- */
void drill_polling_table(struct packetdrill_interface *out);
void epoll_release(struct epoll *e);

#endif
