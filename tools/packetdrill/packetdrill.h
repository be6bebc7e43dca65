/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of functions by which google/packetdrill (option --so_filename) drives a stack that
 * lives in a shared object. The order of the members is packetdrill's, read off its source of
 * 2026; the descriptions are ours. Every function gets `userdata` first and behaves like the
 * system call of its name: -1 and errno when it fails. No member may be null: packetdrill calls
 * without looking.
 */
#ifndef TOOLS_PACKETDRILL_H
#define TOOLS_PACKETDRILL_H

#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

struct packetdrill_interface {
	void *userdata;
	/* The end of the run; nothing is called after it. */
	void (*free)(void *userdata);
	int (*socket)(void *userdata, int domain, int type, int protocol);
	int (*bind)(void *userdata, int fd, const struct sockaddr *addr, socklen_t len);
	int (*listen)(void *userdata, int fd, int backlog);
	int (*accept)(void *userdata, int fd, struct sockaddr *addr, socklen_t *len);
	int (*connect)(void *userdata, int fd, const struct sockaddr *addr, socklen_t len);
	ssize_t (*read)(void *userdata, int fd, void *buf, size_t len);
	ssize_t (*readv)(void *userdata, int fd, const struct iovec *iov, int n);
	ssize_t (*recv)(void *userdata, int fd, void *buf, size_t len, int flags);
	ssize_t (*recvfrom)(void *userdata, int fd, void *buf, size_t len, int flags,
			    struct sockaddr *addr, socklen_t *addr_len);
	ssize_t (*recvmsg)(void *userdata, int fd, struct msghdr *msg, int flags);
	ssize_t (*write)(void *userdata, int fd, const void *buf, size_t len);
	ssize_t (*writev)(void *userdata, int fd, const struct iovec *iov, int n);
	ssize_t (*send)(void *userdata, int fd, const void *buf, size_t len, int flags);
	ssize_t (*sendto)(void *userdata, int fd, const void *buf, size_t len, int flags,
			  const struct sockaddr *addr, socklen_t addr_len);
	ssize_t (*sendmsg)(void *userdata, int fd, const struct msghdr *msg, int flags);
	int (*fcntl)(void *userdata, int fd, int command, ...);
	int (*ioctl)(void *userdata, int fd, unsigned long request, ...);
	int (*close)(void *userdata, int fd);
	int (*shutdown)(void *userdata, int fd, int how);
	int (*getsockopt)(void *userdata, int fd, int level, int name, void *value, socklen_t *len);
	int (*setsockopt)(void *userdata, int fd, int level, int name, const void *value,
			  socklen_t len);
	int (*poll)(void *userdata, struct pollfd *fds, nfds_t n, int timeout);
	/* One IP packet for the stack. 0 or -1. */
	int (*netdev_send)(void *userdata, const void *packet, size_t len);
	/* The next IP packet the stack sent: *len is room in, length out; *usecs when it left.
	 * packetdrill repeats the call for ever on -1: when none will come, 0 with *len 0. */
	int (*netdev_receive)(void *userdata, void *packet, size_t *len, long long *usecs);
	int (*usleep)(void *userdata, useconds_t usecs);
	/* packetdrill spins on it until an event is due: a virtual clock moves with each call. */
	int (*gettimeofday)(void *userdata, struct timeval *tv, struct timezone *tz);
	int (*epoll_create)(void *userdata, int size);
	int (*epoll_ctl)(void *userdata, int epfd, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(void *userdata, int epfd, struct epoll_event *events, int max,
			  int timeout);
	int (*pipe)(void *userdata, int fds[2]);
	int (*splice)(void *userdata, int in, loff_t *in_off, int out, loff_t *out_off, size_t len,
		      unsigned int flags);
};

/* flags: what --so_flags was given, or null. */
__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *out);

#endif
