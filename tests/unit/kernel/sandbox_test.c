// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#include "kernel/landlock.h"
#include "kernel/sandbox.h"
#include "kernel/syscalls.h"

#define FAILS(call, error) MUST((errno = 0, (call) < 0) && errno == (error))

static int enter(bool strict)
{
	const struct sandbox_options options = {.strict = strict};
	const char *missing = NULL;

	return sandbox_enter(&options, &missing);
}

static bool status_is(const char *key, const char *value)
{
	char line[256];

	return strcmp(process_status(getpid(), key, line, sizeof(line)), value) == 0;
}

static void check_status(void *arg)
{
	(void)arg;
	MUST(enter(false) == SANDBOX_ALL);
	MUST(status_is("CapInh", "0000000000000000"));
	MUST(status_is("CapPrm", "0000000000000000"));
	MUST(status_is("CapEff", "0000000000000000"));
	MUST(status_is("CapBnd", "0000000000000000"));
	MUST(status_is("CapAmb", "0000000000000000"));
	MUST(status_is("NoNewPrivs", "1"));
	MUST(status_is("Seccomp", "2"));
}

static void sandbox_enter__as_root__leaves_no_capability(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(check_status, NULL);
}

static void check_forbidden(void *arg)
{
	char *const argv[] = {"true", NULL};
	const int own = open("/proc/self/ns/net", O_RDONLY);
	struct bpf_insn exit_insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
					{.code = BPF_JMP | BPF_EXIT}};

	(void)arg;
	MUST(own >= 0);
	MUST(enter(false) & SANDBOX_SECCOMP);
	FAILS(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	FAILS(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	FAILS(execv("/bin/true", argv), EPERM);
	FAILS(setns(own, CLONE_NEWNET), EPERM);
	FAILS(unshare(CLONE_NEWUSER), EPERM);
	FAILS(mount("none", "/mnt", "tmpfs", 0, NULL), EPERM);
	FAILS(setuid(0), EPERM);
	FAILS(kill(getppid(), 0), EPERM);
	FAILS(syscall(SYS_tgkill, getppid(), getppid(), 0), EPERM);
	FAILS(syscall(SYS_io_uring_setup, 1, NULL), EPERM);
	FAILS(ioctl(0, TIOCSTI, "x"), EPERM);
	FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0), EPERM);
	FAILS(bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "x", "GPL", exit_insns, 2, NULL), EPERM);
	FAILS(bpf_map_create(BPF_MAP_TYPE_ARRAY, "x", 4, 4, 1, NULL), EPERM);
	FAILS(bpf_map_get_fd_by_id(1), EPERM);
	MUST(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	     MAP_FAILED);
	if (SYSCALLS_SANITIZED)
		return;
	FAILS(ptrace(PTRACE_ATTACH, getppid(), 0, 0), EPERM);
	FAILS(fork(), EPERM);
}

static void sandbox_enter__forbidden_call__is_refused(void **state)
{
	(void)state;
	assert_process_succeeds(check_forbidden, NULL);
}

static void check_writing(void *arg)
{
	const char *path = arg;
	char link[64];
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	snprintf(link, sizeof(link), "%s.new", path);
	MUST(fd >= 0);
	MUST(enter(false) & SANDBOX_SECCOMP);
	MUST(write(fd, "more", 4) == 4);
	MUST(fsync(fd) == 0);
	FAILS(open(path, O_WRONLY), EPERM);
	FAILS(open(path, O_RDWR), EPERM);
	FAILS(open(path, O_RDONLY | O_TRUNC), EPERM);
	FAILS(open(link, O_RDONLY | O_CREAT, 0600), EPERM);
	FAILS(open("/tmp", O_WRONLY | O_TMPFILE, 0600), EPERM);
	FAILS(creat(link, 0600), EPERM);
	FAILS(truncate(path, 0), EPERM);
	FAILS(unlink(path), EPERM);
	FAILS(rename(path, link), EPERM);
	FAILS(symlink(path, link), EPERM);
	FAILS(mkdir(link, 0700), EPERM);
	FAILS(chmod(path, 0777), EPERM);
}

static void sandbox_enter__opening_for_writing__is_refused(void **state)
{
	char path[] = "/tmp/sandbox_test.XXXXXX";
	const int fd = mkstemp(path);
	char text[8] = "";
	int status;

	(void)state;
	assert_true(fd >= 0);
	status = process_run(check_writing, path);
	unlink(path);
	assert_int_equal(status, 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 4);
	assert_memory_equal(text, "more", 4);
	close(fd);
}

struct places {
	char readable[64];
	char other[64];
};

static void check_reading(void *arg)
{
	const struct places *places = arg;
	const char *const readable[] = {places->readable, "/nowhere/at/all", NULL};
	const struct sandbox_options options = {.readable = readable};
	const char *missing;
	char path[128];
	DIR *dir;

	MUST(sandbox_enter(&options, &missing) & SANDBOX_LANDLOCK);
	snprintf(path, sizeof(path), "%s/file", places->readable);
	MUST(open(path, O_RDONLY | O_CLOEXEC) >= 0);
	dir = opendir(places->readable);
	MUST(dir && readdir(dir));
	closedir(dir);
	MUST(open("/proc/self/mountinfo", O_RDONLY) >= 0);
	MUST(open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY) >= 0);
	MUST(sysconf(_SC_NPROCESSORS_CONF) > 0);
	MUST(open("/sys/devices/system/cpu/possible", O_RDONLY) >= 0);
	snprintf(path, sizeof(path), "%s/file", places->other);
	FAILS(open(path, O_RDONLY), EACCES);
	FAILS(open(places->other, O_RDONLY | O_DIRECTORY), EACCES);
	FAILS(open("/etc/passwd", O_RDONLY), EACCES);
}

static void make_place(char *path, size_t size)
{
	char file[128];
	int fd;

	snprintf(path, size, "/tmp/sandbox_test.XXXXXX");
	assert_non_null(mkdtemp(path));
	snprintf(file, sizeof(file), "%s/file", path);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void remove_place(const char *path)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/file", path);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(path), 0);
}

static void sandbox_enter__reading__only_below_readable(void **state)
{
	struct places places;
	int status;

	(void)state;
	if (landlock_abi() < 0)
		skip();
	make_place(places.readable, sizeof(places.readable));
	make_place(places.other, sizeof(places.other));
	status = process_run(check_reading, &places);
	remove_place(places.readable);
	remove_place(places.other);
	assert_int_equal(status, 0);
}

static volatile sig_atomic_t caught;

static void catch (int sig)
{
	caught = sig;
}

static void check_waiting(void)
{
	const struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};
	struct epoll_event event = {.events = EPOLLIN};
	const struct timespec ms = {.tv_nsec = 1000000};
	uint64_t count = 1;
	int epoll, timer, efd;

	epoll = epoll_create1(EPOLL_CLOEXEC);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	efd = eventfd(0, EFD_CLOEXEC);
	MUST(epoll >= 0 && timer >= 0 && efd >= 0);
	MUST(timerfd_settime(timer, 0, &soon, NULL) == 0);
	MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0);
	MUST(epoll_wait(epoll, &event, 1, 10000) == 1);
	MUST(read(timer, &count, sizeof(count)) == sizeof(count));
	MUST(write(efd, &count, sizeof(count)) == sizeof(count));
	MUST(nanosleep(&ms, NULL) == 0);
	MUST(raise(SIGUSR1) == 0 && caught == SIGUSR1);
	caught = 0;
	MUST(kill(getpid(), SIGUSR1) == 0 && caught == SIGUSR1);
}

static void check_memory(void)
{
	struct rlimit limit;
	struct timespec now;
	char *p = malloc(8 << 20);

	MUST(p);
	memset(p, 1, 8 << 20);
	free(p);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(p != MAP_FAILED && munmap(p, 4096) == 0);
	MUST(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	MUST(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0);
	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	MUST(syscall(SYS_getrandom, &limit, sizeof(limit), 0) == sizeof(limit));
}

static void check_descriptor(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd;

	MUST(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) == 1);
	MUST(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	MUST(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	MUST(write(fd, "x", 1) == 1);
	MUST(close(fd) == 0);
}

static void send_descriptor(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	MUST(sendmsg(sock, &msg, 0) == 1);
}

static void check_allowed(void *arg)
{
	const bool strict = arg;
	int pair[2], out[2];

	MUST(signal(SIGUSR1, catch) != SIG_ERR);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(out) == 0);
	send_descriptor(pair[0], out[1]);
	MUST(enter(strict) == SANDBOX_ALL);
	check_waiting();
	check_memory();
	check_descriptor(pair[1]);
	MUST(dprintf(out[1], "%s %f\n", "text", 1.5) > 0);
	exit(0);
}

static void sandbox_enter__what_the_tracer_does__goes_on(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(check_allowed, NULL);
}

static void sandbox_enter__strict__lets_the_same_through(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(check_allowed, (void *)1);
}

static void call_socket(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void call_execve(void)
{
	char *const argv[] = {"true", NULL};

	execv("/bin/true", argv);
}

static void call_setns(void)
{
	(void)!setns(0, CLONE_NEWNET);
}

static void call_mount(void)
{
	(void)!mount("none", "/mnt", "tmpfs", 0, NULL);
}

static void call_open_for_writing(void)
{
	(void)!open("/dev/null", O_WRONLY);
}

/* Not by way of libbpf, which tries other commands first. */
static void call_prog_load(void)
{
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER};

	(void)!syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void call_map_create(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY};

	(void)!syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static void call_kill(void)
{
	(void)!kill(getppid(), 0);
}

static void call_tgkill(void)
{
	(void)!syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static void break_strict(void *arg)
{
	void (*const *call)(void) = arg;

	MUST(enter(true) == SANDBOX_ALL);
	(*call)();
}

/* That it is killed shows that it is the filter that refuses, and not only what the kernel would.
 */
static void sandbox_enter__strict_and_forbidden_call__kills(void **state)
{
	static void (*calls[])(void) = {
		call_socket,    call_execve,     call_setns, call_mount, call_open_for_writing,
		call_prog_load, call_map_create, call_kill,  call_tgkill};
	int status;

	(void)state;
	skip_unless_root();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		status = process_run(break_strict, &calls[i]);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static void end_by_abort(void *arg)
{
	const struct rlimit no_core = {0};

	(void)arg;
	setrlimit(RLIMIT_CORE, &no_core);
	MUST(enter(true) == SANDBOX_ALL);
	abort();
}

static void sandbox_enter__abort__ends_by_SIGABRT(void **state)
{
	int status;

	(void)state;
	skip_unless_root();
	status = process_run(end_by_abort, NULL);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* A map of each kind the tracer reads, as root makes them before the drop. */
static void check_maps(void *arg)
{
	uint32_t key = 1, value = 7, next;
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	int array, hash;

	(void)arg;
	array = bpf_map_create(BPF_MAP_TYPE_ARRAY, "array", 4, 4, 4, NULL);
	hash = bpf_map_create(BPF_MAP_TYPE_HASH, "hash", 4, 4, 4, NULL);
	MUST(array >= 0 && hash >= 0);
	MUST(enter(false) == SANDBOX_ALL);
	MUST(bpf_map_update_elem(array, &key, &value, 0) == 0);
	MUST(bpf_map_update_elem(hash, &key, &value, 0) == 0);
	value = 0;
	MUST(bpf_map_lookup_elem(array, &key, &value) == 0 && value == 7);
	MUST(bpf_map_get_next_key(hash, NULL, &next) == 0 && next == 1);
	MUST(bpf_map_lookup_and_delete_elem(hash, &key, &value) == 0 && value == 7);
	FAILS(bpf_map_delete_elem(hash, &key), ENOENT);
	MUST(bpf_obj_get_info_by_fd(array, &info, &len) == 0 && info.max_entries == 4);
}

static void sandbox_enter__open_maps__can_be_read_and_written(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(check_maps, NULL);
}

static void *idle(void *arg)
{
	return pause(), arg;
}

static void enter_with_thread(void *arg)
{
	pthread_t thread;

	(void)arg;
	MUST(pthread_create(&thread, NULL, idle, NULL) == 0);
	MUST(enter(false) == -EBUSY);
	MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static void sandbox_enter__second_thread__is_busy(void **state)
{
	(void)state;
	assert_process_succeeds(enter_with_thread, NULL);
}

/* A filter that makes the calls of one layer as good as unknown to the kernel. */
static void take_away(const int *calls, size_t count)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	MUST(ctx);
	for (size_t i = 0; i < count; i++)
		MUST(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), calls[i], 0) == 0);
	MUST(seccomp_load(ctx) == 0);
	seccomp_release(ctx);
}

static void enter_without_landlock(void *arg)
{
	static const int calls[] = {SCMP_SYS(landlock_create_ruleset)};
	const struct sandbox_options strict = {.strict = true};
	const char *missing = NULL;

	take_away(calls, 1);
	if (!arg) {
		MUST(enter(false) == (SANDBOX_ALL & ~SANDBOX_LANDLOCK));
		MUST(open("/etc/passwd", O_RDONLY) >= 0);
		FAILS(open("/dev/null", O_WRONLY), EPERM);
		return;
	}
	MUST(sandbox_enter(&strict, &missing) == -ENOSYS);
	MUST(missing && strcmp(missing, "landlock") == 0);
}

static void sandbox_enter__no_landlock__layer_is_absent(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(enter_without_landlock, NULL);
}

static void sandbox_enter__no_landlock_and_strict__is_an_error(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(enter_without_landlock, (void *)1);
}

static void enter_without_seccomp(void *arg)
{
	static const int calls[] = {SCMP_SYS(seccomp)};
	const struct sandbox_options strict = {.strict = true};
	const char *missing = NULL;

	(void)arg;
	take_away(calls, 1);
	MUST(enter(false) == (SANDBOX_ALL & ~SANDBOX_SECCOMP));
	MUST(sandbox_enter(&strict, &missing) == -ENOSYS);
	MUST(missing && strcmp(missing, "seccomp") == 0);
}

static void sandbox_enter__no_seccomp__layer_is_absent(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(enter_without_seccomp, NULL);
}

/* As before 5.19 with unprivileged_bpf_disabled, whoever asks: the layer is incomplete. */
static void enter_without_bpf(void *arg)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	const struct sandbox_options strict = {.strict = true};
	const char *missing = NULL;

	(void)arg;
	MUST(ctx && seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(bpf), 0) == 0);
	MUST(seccomp_load(ctx) == 0);
	MUST(sandbox_enter(&strict, &missing) == -EOPNOTSUPP);
	MUST(missing && strcmp(missing, "capabilities") == 0);
	MUST(enter(false) == (SANDBOX_ALL & ~SANDBOX_CAPABILITIES));
	MUST(status_is("CapEff", "0000008000000000"));
	MUST(status_is("CapPrm", "0000008000000000"));
	MUST(status_is("CapBnd", "0000000000000000"));
}

static void sandbox_enter__bpf_refused__keeps_that_capability(void **state)
{
	(void)state;
	skip_unless_root();
	assert_process_succeeds(enter_without_bpf, NULL);
}

/* Landlock alone, so that it is not the filter that refuses. */
static void check_landlock(void *arg)
{
	const char *const readable[] = {"/proc", NULL};
	const char *const *const lists[] = {readable, NULL};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)offsetof(struct sockaddr_un, sun_path);
	struct sockaddr addr = {.sa_family = AF_INET};
	int tcp = socket(AF_INET, SOCK_STREAM, 0), peer = socket(AF_UNIX, SOCK_DGRAM, 0);
	int own = socket(AF_UNIX, SOCK_DGRAM, 0);

	MUST(bind(peer, (struct sockaddr *)&name, len) == 0); /* the kernel names it */
	len = sizeof(name);
	MUST(getsockname(peer, (struct sockaddr *)&name, &len) == 0);
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(landlock_restrict(lists) == 0);
	FAILS(open("/dev/null", O_WRONLY), EACCES);
	FAILS(open("/etc/passwd", O_RDONLY), EACCES);
	FAILS(open("/tmp", O_WRONLY | O_TMPFILE, 0600), EACCES);
	FAILS(mkdir("/tmp/sandbox_test.dir", 0700), EACCES);
	MUST(open("/proc/self/stat", O_RDONLY) >= 0);
	if (landlock_abi() >= 4)
		FAILS(bind(tcp, &addr, sizeof(addr)), EACCES);
	if (landlock_abi() >= 6) {
		FAILS(kill(*(pid_t *)arg, 0), EPERM);
		MUST(kill(getpid(), 0) == 0);
		/* the name is of this very process, but from before */
		FAILS(connect(own, (struct sockaddr *)&name, len), EPERM);
	}
}

static void landlock_restrict__alone__refuses(void **state)
{
	pid_t parent = getpid();

	(void)state;
	if (landlock_abi() < 0)
		skip();
	assert_process_succeeds(check_landlock, &parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sandbox_enter__as_root__leaves_no_capability),
		cmocka_unit_test(sandbox_enter__forbidden_call__is_refused),
		cmocka_unit_test(sandbox_enter__opening_for_writing__is_refused),
		cmocka_unit_test(sandbox_enter__reading__only_below_readable),
		cmocka_unit_test(sandbox_enter__what_the_tracer_does__goes_on),
		cmocka_unit_test(sandbox_enter__strict__lets_the_same_through),
		cmocka_unit_test(sandbox_enter__strict_and_forbidden_call__kills),
		cmocka_unit_test(sandbox_enter__abort__ends_by_SIGABRT),
		cmocka_unit_test(sandbox_enter__open_maps__can_be_read_and_written),
		cmocka_unit_test(sandbox_enter__second_thread__is_busy),
		cmocka_unit_test(sandbox_enter__no_landlock__layer_is_absent),
		cmocka_unit_test(sandbox_enter__no_landlock_and_strict__is_an_error),
		cmocka_unit_test(sandbox_enter__no_seccomp__layer_is_absent),
		cmocka_unit_test(sandbox_enter__bpf_refused__keeps_that_capability),
		cmocka_unit_test(landlock_restrict__alone__refuses),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
