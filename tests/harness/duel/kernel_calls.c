/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls of a scenario as system calls. */
#include "duel/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t result_of(int64_t n)
{
	return n < 0 ? -errno : n;
}

static int set(int fd, int level, int name, int value)
{
	return (int)result_of(setsockopt(fd, level, name, &value, sizeof(value)));
}

static int new_socket(struct lane *l)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(l->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	at.sin_addr.s_addr = htonl(KERNEL_ADDR);
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int64_t start_listening(struct lane *l, int64_t backlog)
{
	int fd = new_socket(l);

	if (fd < 0)
		return fd;
	l->listener = fd;
	return result_of(listen(fd, (int)backlog));
}

static int64_t start_connecting(struct lane *l, uint8_t conn)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)(LANE_PEER_PORT + conn))};
	int fd = new_socket(l);
	int64_t err;

	if (fd < 0)
		return fd;
	to.sin_addr.s_addr = htonl(l->peer);
	err = result_of(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	if (err && err != -EINPROGRESS) {
		close(fd);
		return err;
	}
	l->fd[conn] = fd;
	return 0;
}

static int64_t accept_one(struct lane *l)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int fd = accept4(l->listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	unsigned int conn;

	if (fd < 0)
		return -errno;
	conn = ntohs(from.sin_port) - LANE_PEER_PORT;
	if (conn >= SCENARIO_CONNS) {
		close(fd);
		return -EINVAL;
	}
	if (l->fd[conn] >= 0)
		close(l->fd[conn]);
	l->fd[conn] = fd;
	return 0;
}

static int64_t end(struct lane *l, uint8_t conn, enum call call)
{
	struct linger now = {1, 0};
	int fd = l->fd[conn];
	int64_t err;

	if (call == CALL_abort)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	err = result_of(close(fd));
	l->fd[conn] = -1;
	return err;
}

static int64_t disconnect(int fd)
{
	struct sockaddr to = {.sa_family = AF_UNSPEC};

	return result_of(connect(fd, &to, sizeof(to)));
}

static int64_t send_text(int fd, int64_t n, int flags)
{
	static uint8_t text[1 << 20];

	if (n > (int64_t)sizeof(text))
		n = sizeof(text);
	return result_of(send(fd, text, (size_t)n, flags | MSG_NOSIGNAL | MSG_DONTWAIT));
}

static int64_t receive(int fd, int64_t n)
{
	static uint8_t text[1 << 20];

	return result_of(recv(fd, text, n ? (size_t)n : sizeof(text), MSG_DONTWAIT));
}

static int64_t keepalive(int fd, int seconds)
{
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, 1);
	return set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

int64_t kernel_call(struct lane *l, uint8_t conn, const struct act *act)
{
	int fd = l->fd[conn], either = fd >= 0 ? fd : l->listener;
	int value = (int)act->argument;
	int64_t err;

	switch (act->call) {
	case CALL_listen:
		return start_listening(l, act->argument);
	case CALL_accept:
		return accept_one(l);
	case CALL_connect:
		return start_connecting(l, conn);
	case CALL_send:
		return send_text(fd, act->argument, 0);
	case CALL_urgent:
		return send_text(fd, act->argument, MSG_OOB);
	case CALL_recv:
		return receive(fd, act->argument);
	case CALL_shutdown:
		return result_of(shutdown(fd, SHUT_WR));
	case CALL_close:
	case CALL_abort:
		return end(l, conn, act->call);
	case CALL_unlisten:
		err = result_of(close(l->listener));
		l->listener = -1;
		return err;
	case CALL_destroy:
		return kernel_diag_destroy(l->k->diag, l->port, l->peer,
					   (uint16_t)(LANE_PEER_PORT + conn));
	case CALL_disconnect:
		return disconnect(fd);
	case CALL_nodelay:
		return set(either, IPPROTO_TCP, TCP_NODELAY, value);
	case CALL_keepalive:
		return keepalive(either, value);
	case CALL_user_timeout:
		return set(either, IPPROTO_TCP, TCP_USER_TIMEOUT, value);
	case CALL_fin_wait_2:
		return set(either, IPPROTO_TCP, TCP_LINGER2, value);
	case CALL_defer_accept:
		return set(either, IPPROTO_TCP, TCP_DEFER_ACCEPT, value);
	case CALL_fastopen:
		return set(either, IPPROTO_TCP, TCP_FASTOPEN, value);
	}
	return -EINVAL;
}

void kernel_clear(struct lane *l)
{
	if (l->listener >= 0)
		close(l->listener);
	l->listener = -1;
	for (uint8_t i = 0; i < SCENARIO_CONNS; i++) {
		if (l->fd[i] >= 0)
			end(l, i, CALL_abort);
		if (l->play.view[i].used)
			kernel_diag_destroy(l->k->diag, l->port, l->peer,
					    (uint16_t)(LANE_PEER_PORT + i));
	}
}
