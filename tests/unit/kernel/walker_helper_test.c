// SPDX-License-Identifier: GPL-2.0-or-later
/* The helper as a process: what it keeps, what it answers to nonsense, and that it ends. */
#include "namespaces.h"

#include <dirent.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "kernel/walker_protocol.h"

static void walker_new__as_root__keeps_three_capabilities(void **state)
{
	struct walker *w;
	char line[256];

	(void)state;
	skip_unless_root();
	w = started();
	/* DAC_READ_SEARCH, SYS_PTRACE, SYS_ADMIN */
	assert_string_equal(process_status(walker_pid(w), "CapEff", line, sizeof(line)),
			    "0000000000280004");
	assert_string_equal(process_status(walker_pid(w), "CapPrm", line, sizeof(line)),
			    "0000000000280004");
	assert_string_equal(process_status(walker_pid(w), "CapBnd", line, sizeof(line)),
			    "0000000000000000");
	assert_string_equal(process_status(walker_pid(w), "CapInh", line, sizeof(line)),
			    "0000000000000000");
	assert_string_equal(process_status(walker_pid(w), "NoNewPrivs", line, sizeof(line)), "1");
	assert_string_equal(process_status(walker_pid(w), "Seccomp", line, sizeof(line)), "2");
	walker_free(w);
}

/* What descriptor `fd` of a process leads to; "" when it is not open. */
static const char *link_of(pid_t pid, const char *fd, char *text, size_t size)
{
	char path[320];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, fd);
	n = readlink(path, text, size - 1);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void walker_new__inherited_descriptors__are_closed(void **state)
{
	const int high = fcntl(0, F_DUPFD, 500);
	char path[64], text[64];
	unsigned int count = 0;
	struct walker *w;
	struct dirent *e;
	DIR *dir;

	(void)state;
	skip_unless_root();
	assert_true(high >= 500);
	w = started();
	close(high);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)walker_pid(w));
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)))
		count += e->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(count, 6);
	for (const char *const *fd = (const char *const[]){"0", "1", "2", NULL}; *fd; fd++)
		assert_string_equal(link_of(walker_pid(w), *fd, text, sizeof(text)), "/dev/null");
	assert_non_null(strstr(link_of(walker_pid(w), "3", text, sizeof(text)), "socket:"));
	assert_non_null(strstr(link_of(walker_pid(w), "4", text, sizeof(text)), "bpf"));
	assert_non_null(strstr(link_of(walker_pid(w), "5", text, sizeof(text)), "net:"));
	walker_free(w);
}

static void walker_new__no_link__fails_and_leaves_nothing(void **state)
{
	struct walker *const none = (struct walker *)state, *w = none;

	skip_unless_root();
	assert_int_equal(walker_new(&w, -1), -EBADF);
	assert_ptr_equal(w, none);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void walker_free__helper__is_gone(void **state)
{
	struct walker *w;
	pid_t pid;

	(void)state;
	skip_unless_root();
	w = started();
	pid = walker_pid(w);
	assert_int_equal(kill(pid, 0), 0);
	walker_free(w);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	walker_free(NULL);
}

static void walker_open_sockets__helper_killed__is_EPIPE(void **state)
{
	struct walker_netns one;
	struct walker *w;

	(void)state;
	skip_unless_root();
	w = started();
	assert_int_equal(kill(walker_pid(w), SIGKILL), 0);
	assert_int_equal(walker_open_sockets(w, netns_own()), -EPIPE);
	assert_int_equal(walker_namespaces(w, &one, 1), -EPIPE);
	walker_free(w);
}

static void walker_open_sockets__terminal_signals__change_nothing(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1};
	struct walker *w;
	int iter;

	(void)state;
	skip_unless_root();
	w = started();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		assert_int_equal(kill(walker_pid(w), signals[i]), 0);
	iter = walker_open_sockets(w, netns_own());
	assert_true(iter >= 0);
	close(iter);
	walker_free(w);
}

/* The helper itself, at the other end of a socket of the test's. */
static pid_t start_helper(int *sock)
{
	const pid_t parent = getpid();
	struct walker_reply hello;
	int pair[2];
	pid_t pid;

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0)
		walker_helper_run(pair[1], bpf_link__fd(iter_link), parent);
	close(pair[1]);
	MUST(recv(pair[0], &hello, sizeof(hello), 0) == (ssize_t)walker_reply_size(0));
	MUST(hello.error == 0);
	*sock = pair[0];
	return pid;
}

static void walker_helper_run__bad_request__is_EINVAL(void **state)
{
	static const struct walker_request bad[] = {
		{.op = 0},
		{.op = 4},
		{.op = 0xffffffff},
		{.op = WALKER_LIST, .netns = 1},
		{.op = WALKER_LIST, .file = 1},
		{.op = WALKER_SOCKETS, .file = 1},
		{.op = WALKER_COUNTERS, .file = WALKER_FILE_COUNT},
		{.op = WALKER_COUNTERS, .file = 0xffffffff},
	};
	static const size_t lengths[] = {1, sizeof(struct walker_request) - 1,
					 sizeof(struct walker_request) + 1, 4096};
	static const char bytes[4096] = {WALKER_LIST};
	struct walker_reply r;
	int sock, status;
	pid_t pid;

	(void)state;
	skip_unless_root();
	pid = start_helper(&sock);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(send(sock, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
		assert_int_equal(recv(sock, &r, sizeof(r), 0), walker_reply_size(0));
		assert_int_equal(r.error, -EINVAL);
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(send(sock, bytes, lengths[i], 0), lengths[i]);
		assert_int_equal(recv(sock, &r, sizeof(r), 0), walker_reply_size(0));
		assert_int_equal(r.error, -EINVAL);
	}
	close(sock);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void walker_helper_run__closed_before_the_answer__ends(void **state)
{
	const struct walker_request list = {.op = WALKER_LIST};
	int sock, status;
	pid_t pid;

	(void)state;
	skip_unless_root();
	pid = start_helper(&sock);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(send(sock, &list, sizeof(list), 0), sizeof(list));
	close(sock);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
}

/* Shared with the process that will be killed. */
struct orphan {
	pid_t helper;
	pid_t holder;
	int sock;
};

static void start_walker_and_wait(void *arg)
{
	struct orphan *orphan = arg;
	struct walker *w;

	MUST(walker_new(&w, bpf_link__fd(iter_link)) == 0);
	orphan->helper = walker_pid(w);
	kill(getpid(), SIGKILL);
}

/*
 * The tracer is killed: the helper, which would now be a child of this process, is gone within a
 * second. `keep_socket`: somebody else keeps the tracer's end open.
 */
static void check_orphan(void (*part)(void *), bool keep_socket)
{
	struct orphan *orphan = mmap(NULL, sizeof(*orphan), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	bool gone;

	assert_ptr_not_equal(orphan, MAP_FAILED);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	status = process_run(part, orphan);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_not_equal(orphan->helper, 0);
	gone = wait_until(1000, waitpid(orphan->helper, &status, WNOHANG) > 0);
	if (keep_socket) {
		kill(orphan->holder, SIGKILL);
		assert_int_equal(waitpid(orphan->holder, NULL, 0), orphan->holder);
	}
	assert_true(gone);
	if (keep_socket)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	munmap(orphan, sizeof(*orphan));
}

static void walker_new__tracer_killed__helper_is_gone(void **state)
{
	(void)state;
	skip_unless_root();
	check_orphan(start_walker_and_wait, false);
}

/* A third process has the tracer's end of the socket, so that only the parent's death counts. */
static void hold_socket_and_die(void *arg)
{
	struct orphan *orphan = arg;
	const pid_t self = getpid();

	orphan->helper = start_helper(&orphan->sock);
	if (fork() == 0) {
		orphan->holder = getpid();
		MUST(kill(self, SIGKILL) == 0);
		for (;;)
			pause();
	}
	for (;;)
		pause();
}

static void walker_new__tracer_killed_and_socket_held__helper_is_gone(void **state)
{
	(void)state;
	skip_unless_root();
	check_orphan(hold_socket_and_die, true);
}

/* On a kernel without filters the helper does with less. */
static void walk_without_seccomp(void *arg)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct walker *w;
	char line[256];

	(void)arg;
	MUST(ctx && seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0) == 0);
	MUST(seccomp_load(ctx) == 0);
	MUST(walker_new(&w, bpf_link__fd(iter_link)) == 0);
	process_status(walker_pid(w), "CapEff", line, sizeof(line));
	MUST(strstr(line, "0000000000280004"));
	MUST(walker_open_sockets(w, netns_own()) >= 0);
	walker_free(w);
}

static void walker_new__no_seccomp__goes_without(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(walk_without_seccomp, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walker_new__as_root__keeps_three_capabilities),
		cmocka_unit_test(walker_new__inherited_descriptors__are_closed),
		cmocka_unit_test(walker_new__no_link__fails_and_leaves_nothing),
		cmocka_unit_test(walker_new__no_seccomp__goes_without),
		cmocka_unit_test(walker_new__tracer_killed__helper_is_gone),
		cmocka_unit_test(walker_new__tracer_killed_and_socket_held__helper_is_gone),
		cmocka_unit_test(walker_free__helper__is_gone),
		cmocka_unit_test(walker_open_sockets__helper_killed__is_EPIPE),
		cmocka_unit_test(walker_open_sockets__terminal_signals__change_nothing),
		cmocka_unit_test(walker_helper_run__bad_request__is_EINVAL),
		cmocka_unit_test(walker_helper_run__closed_before_the_answer__ends),
	};

	return cmocka_run_group_tests_name("walker_helper", tests, load, unload);
}
