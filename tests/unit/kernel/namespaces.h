/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces with and without a name, processes that live there, and an iterator: what the tests of
 * the helper have in common. All of it ends with the test.
 */
#ifndef TESTS_UNIT_KERNEL_NAMESPACES_H
#define TESTS_UNIT_KERNEL_NAMESPACES_H

#include "process.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "kernel/netns.h"
#include "kernel/walker.h"
#include "tcpwitness/filter.h"
#include "tcpw.skel.h"
#include "tcpwitness/record.h"
#include "tcpwitness/state.h"

#define LIST_MAX 1024

static struct bpf_link *iter_link;
static struct tcpw *skel;

static inline int load(void **state)
{
	struct bpf_program *prog;

	(void)state;
	if (geteuid() != 0)
		return 0;
	skel = tcpw__open();
	if (!skel)
		return -1;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == skel->progs.list_sockets);
	if (tcpw__load(skel))
		return -1;
	iter_link = bpf_program__attach_iter(skel->progs.list_sockets, NULL);
	return iter_link ? 0 : -1;
}

static inline struct walker *started(void)
{
	struct walker *w = NULL;

	assert_int_equal(walker_new(&w, bpf_link__fd(iter_link)), 0);
	return w;
}

static unsigned int names_made;

static inline void name_of(unsigned int number, char *name, size_t size)
{
	snprintf(name, size, "tcpw-test-%d-%u", (int)getpid(), number);
}

/* A namespace with a name and nobody in it. */
static inline void make_named(char *name, size_t size)
{
	char command[128];

	name_of(names_made++, name, size);
	snprintf(command, sizeof(command), "ip netns add %s", name);
	assert_int_equal(system(command), 0);
}

static inline void remove_named(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "ip netns del %s", name);
	assert_int_equal(system(command), 0);
}

/* And what a test that failed has left. */
static inline int unload(void **state)
{
	char name[64], path[128];

	(void)state;
	for (unsigned int i = 0; i < names_made; i++) {
		name_of(i, name, sizeof(name));
		snprintf(path, sizeof(path), NETNS_NAMES "/%s", name);
		if (access(path, F_OK) == 0)
			remove_named(name);
	}
	bpf_link__destroy(iter_link);
	tcpw__destroy(skel);
	return 0;
}

static inline uint32_t inode_of(const char *name)
{
	char error[256];
	uint32_t inode = 0;

	assert_int_equal(netns_resolve(name, &inode, error, sizeof(error)), 0);
	return inode;
}

/* Binds any port of the namespace this thread is in, and listens. Returns the port. */
static inline uint16_t listen_here(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	MUST(fd >= 0 && listen(fd, 5) == 0);
	MUST(getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
	return ntohs(addr.sin_port);
}

/*
 * A process that lives in a namespace (a new one, when `name` is NULL) and listens there, until it
 * is killed.
 */
struct inhabitant {
	pid_t pid;
	uint32_t inode;
	uint16_t port;
};

static inline void inhabit(const char *name, int pipe_fd, pid_t parent)
{
	struct inhabitant self = {.pid = getpid()};
	char path[128];

	MUST(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
	snprintf(path, sizeof(path), NETNS_NAMES "/%s", name ? name : "");
	if (name)
		MUST(setns(open(path, O_RDONLY | O_CLOEXEC), CLONE_NEWNET) == 0);
	else
		MUST(unshare(CLONE_NEWNET) == 0);
	self.inode = netns_own();
	self.port = listen_here();
	MUST(write(pipe_fd, &self, sizeof(self)) == sizeof(self));
	for (;;)
		pause();
}

static inline struct inhabitant inhabited(const char *name)
{
	const pid_t parent = getpid();
	struct inhabitant got = {};
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		inhabit(name, fds[1], parent);
	close(fds[1]);
	assert_int_equal(read(fds[0], &got, sizeof(got)), sizeof(got));
	close(fds[0]);
	return got;
}

static inline void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static inline const struct walker_netns *entry_of(const struct walker_netns *list, ssize_t n,
						  uint32_t inode)
{
	for (ssize_t i = 0; i < n; i++)
		if (list[i].inode == inode)
			return &list[i];
	return NULL;
}

/* Whether an iterator shows a listener on this port, and nothing but sockets of this namespace. */
static inline bool shows_listener(int iter, uint32_t inode, uint16_t port)
{
	static struct tcpw_socket sockets[64];
	bool found = false;
	ssize_t n;

	while ((n = read(iter, sockets, sizeof(sockets))) > 0) {
		if (n % (ssize_t)sizeof(sockets[0]))
			return false;
		for (size_t i = 0; i < (size_t)n / sizeof(sockets[0]); i++) {
			if (sockets[i].tuple.netns != inode)
				return false;
			found |= sockets[i].state == TCPW_LISTEN && sockets[i].tuple.lport == port;
		}
	}
	return n == 0 && found;
}

#endif
