// SPDX-License-Identifier: GPL-2.0-or-later
/* What the helper hands over: of real namespaces, by a real iterator. */
#include "namespaces.h"

#include <pthread.h>
#include <sys/stat.h>

#include "kernel/sandbox.h"
#include "kernel/walker_protocol.h"

static void walker_namespaces__own__is_first(void **state)
{
	static struct walker_netns list[LIST_MAX];
	struct walker *w;
	ssize_t n;

	(void)state;
	skip_unless_root();
	w = started();
	n = walker_namespaces(w, list, LIST_MAX);
	assert_in_range(n, 1, LIST_MAX);
	assert_int_equal(list[0].inode, netns_own());
	assert_int_not_equal(list[0].pid, 0);
	walker_free(w);
}

static void walker_namespaces__named_and_inhabited__each_once(void **state)
{
	static struct walker_netns list[LIST_MAX];
	struct inhabitant lodger, stranger;
	const struct walker_netns *e;
	struct walker *w;
	char empty[32], full[32];
	ssize_t n;

	(void)state;
	skip_unless_root();
	w = started();
	make_named(empty, sizeof(empty));
	make_named(full, sizeof(full));
	lodger = inhabited(full);
	stranger = inhabited(NULL);
	n = walker_namespaces(w, list, LIST_MAX);
	assert_in_range(n, 4, LIST_MAX);
	e = entry_of(list, n, inode_of(empty));
	assert_non_null(e);
	assert_string_equal(e->name, empty);
	assert_int_equal(e->pid, 0);
	e = entry_of(list, n, lodger.inode);
	assert_non_null(e);
	assert_string_equal(e->name, full);
	assert_int_equal(e->pid, lodger.pid);
	e = entry_of(list, n, stranger.inode);
	assert_non_null(e);
	assert_string_equal(e->name, "");
	assert_int_equal(e->pid, stranger.pid);
	for (ssize_t i = 0; i < n; i++)
		assert_ptr_equal(entry_of(list, n, list[i].inode), &list[i]);
	end(lodger.pid);
	end(stranger.pid);
	remove_named(empty);
	remove_named(full);
	assert_null(entry_of(list, walker_namespaces(w, list, LIST_MAX), stranger.inode));
	walker_free(w);
}

static void walker_namespaces__more_than_a_part__all_are_listed(void **state)
{
	enum {
		COUNT = WALKER_PART + 6
	};
	static struct walker_netns list[LIST_MAX];
	static struct inhabitant who[COUNT];
	struct walker *w;
	ssize_t n;

	(void)state;
	skip_unless_root();
	w = started();
	for (size_t i = 0; i < COUNT; i++)
		who[i] = inhabited(NULL);
	n = walker_namespaces(w, list, LIST_MAX);
	assert_in_range(n, COUNT + 1, LIST_MAX);
	for (size_t i = 0; i < COUNT; i++)
		assert_non_null(entry_of(list, n, who[i].inode));
	memset(list, 0, sizeof(list));
	assert_in_range(walker_namespaces(w, list, 2), COUNT + 1, LIST_MAX);
	assert_int_not_equal(list[1].inode, 0);
	assert_int_equal(list[2].inode, 0);
	for (size_t i = 0; i < COUNT; i++)
		end(who[i].pid);
	walker_free(w);
}

static void walker_open_sockets__named__shows_its_listener(void **state)
{
	struct inhabitant lodger;
	struct walker *w;
	char name[32];
	int iter;

	(void)state;
	skip_unless_root();
	w = started();
	make_named(name, sizeof(name));
	lodger = inhabited(name);
	iter = walker_open_sockets(w, lodger.inode);
	assert_true(iter >= 0);
	assert_int_equal(fcntl(iter, F_GETFD), FD_CLOEXEC);
	assert_true(shows_listener(iter, lodger.inode, lodger.port));
	close(iter);
	end(lodger.pid);
	remove_named(name);
	assert_int_equal(walker_open_sockets(w, lodger.inode), -ENOENT);
	walker_free(w);
}

static void walker_open_sockets__named_and_empty__is_found(void **state)
{
	struct walker *w;
	char name[32], byte;
	uint32_t inode;
	int iter;

	(void)state;
	skip_unless_root();
	w = started();
	make_named(name, sizeof(name));
	inode = inode_of(name);
	iter = walker_open_sockets(w, inode);
	assert_true(iter >= 0);
	assert_int_equal(read(iter, &byte, 1), 0);
	close(iter);
	remove_named(name);
	assert_int_equal(walker_open_sockets(w, inode), -ENOENT);
	walker_free(w);
}

static void walker_open_sockets__own_after_other__is_own_again(void **state)
{
	struct inhabitant stranger;
	struct walker *w;
	uint16_t port;
	int iter;

	(void)state;
	skip_unless_root();
	w = started();
	port = listen_here();
	stranger = inhabited(NULL);
	iter = walker_open_sockets(w, stranger.inode);
	assert_true(iter >= 0);
	assert_true(shows_listener(iter, stranger.inode, stranger.port));
	close(iter);
	iter = walker_open_sockets(w, netns_own());
	assert_true(iter >= 0);
	assert_true(shows_listener(iter, netns_own(), port));
	close(iter);
	end(stranger.pid);
	walker_free(w);
}

static void walker_open_sockets__other_kind_of_namespace__is_ENOENT(void **state)
{
	struct walker *w;
	struct stat st;

	(void)state;
	skip_unless_root();
	w = started();
	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	assert_int_equal(walker_open_sockets(w, (uint32_t)st.st_ino), -ENOENT);
	assert_int_equal(walker_open_sockets(w, 0), -ENOENT);
	assert_int_equal(walker_open_sockets(w, 1), -ENOENT);
	walker_free(w);
}

static pthread_barrier_t moved;

static void *move_away(void *inode)
{
	MUST(unshare(CLONE_NEWNET) == 0);
	*(uint32_t *)inode = netns_own();
	pthread_barrier_wait(&moved);
	pthread_barrier_wait(&moved);
	return NULL;
}

static void walker_open_sockets__of_one_thread__is_found(void **state)
{
	struct walker *w;
	pthread_t thread;
	uint32_t inode;
	int iter;

	(void)state;
	skip_unless_root();
	w = started();
	pthread_barrier_init(&moved, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, move_away, &inode), 0);
	pthread_barrier_wait(&moved);
	assert_int_not_equal(inode, netns_own());
	iter = walker_open_sockets(w, inode);
	pthread_barrier_wait(&moved);
	pthread_join(thread, NULL);
	assert_true(iter >= 0);
	close(iter);
	walker_free(w);
}

static void walker_open_sockets__held_by_a_descriptor__is_found(void **state)
{
	struct inhabitant stranger;
	struct walker *w;
	char path[64];
	int fd, iter;

	(void)state;
	skip_unless_root();
	w = started();
	stranger = inhabited(NULL);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)stranger.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	end(stranger.pid);
	iter = walker_open_sockets(w, stranger.inode);
	assert_true(iter >= 0);
	close(iter);
	close(fd);
	assert_int_equal(walker_open_sockets(w, stranger.inode), -ENOENT);
	walker_free(w);
}

/* The number after "TCP: inuse" of an open sockstat file. */
static int tcp_in_use(int fd)
{
	char text[4096];
	const ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *line;

	if (n <= 0)
		return -1;
	text[n] = '\0';
	line = strstr(text, "TCP: inuse ");
	return line ? atoi(line + strlen("TCP: inuse ")) : -1;
}

static void walker_open_file__of_another__are_its_own(void **state)
{
	static const char *const files[] = {"snmp", "netstat", "sockstat", "sockstat6"};
	struct inhabitant stranger;
	struct walker *w;
	char byte;
	int fd;

	(void)state;
	skip_unless_root();
	w = started();
	stranger = inhabited(NULL);
	for (size_t i = 0; i < 4; i++) {
		fd = walker_open_file(w, stranger.inode, files[i]);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		assert_int_equal(read(fd, &byte, 1), 1);
		close(fd);
	}
	fd = walker_open_file(w, stranger.inode, "sockstat");
	assert_int_equal(tcp_in_use(fd), 1);
	close(fd);
	end(stranger.pid);
	assert_int_equal(walker_open_file(w, stranger.inode, "snmp"), -ENOENT);
	walker_free(w);
}

static void walker_open_file__any_other_file__is_EINVAL(void **state)
{
	static const char *const files[] = {"",     "tcp",  "snmp6", "../../../etc/shadow",
					    "SNMP", "snmp/"};
	struct walker *w;

	(void)state;
	skip_unless_root();
	w = started();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_int_equal(walker_open_file(w, netns_own(), files[i]), -EINVAL);
	walker_free(w);
}

/* The tracer after its drop: told of a namespace that is made only now. */
struct dropped {
	int ready; /* written to when the sandbox is entered */
	int go;    /* read from when the namespace is there */
	bool strict;
};

static void walk_after_drop(void *arg)
{
	static struct walker_netns list[LIST_MAX];
	const struct dropped *d = arg;
	const struct sandbox_options options = {.strict = d->strict};
	const struct walker_netns *e;
	struct inhabitant lodger;
	const char *missing;
	struct walker *w;
	uint16_t own_port;
	char line[256];
	int fd;

	MUST(walker_new(&w, bpf_link__fd(iter_link)) == 0);
	own_port = listen_here();
	MUST(sandbox_enter(&options, &missing) == SANDBOX_ALL);
	MUST(strcmp(process_status(getpid(), "CapEff", line, sizeof(line)), "0000000000000000") ==
	     0);
	MUST(write(d->ready, "x", 1) == 1);
	MUST(read(d->go, &lodger, sizeof(lodger)) == sizeof(lodger));
	e = entry_of(list, walker_namespaces(w, list, LIST_MAX), lodger.inode);
	MUST(e && e->name[0]);
	fd = walker_open_sockets(w, lodger.inode);
	MUST(fd >= 0 && shows_listener(fd, lodger.inode, lodger.port));
	fd = walker_open_file(w, lodger.inode, "sockstat");
	MUST(fd >= 0 && tcp_in_use(fd) == 1);
	/* the own namespace needs no helper */
	fd = bpf_iter_create(bpf_link__fd(iter_link));
	MUST(fd >= 0 && shows_listener(fd, list[0].inode, own_port));
	walker_free(w);
	exit(0);
}

static void check_after_drop(bool strict)
{
	struct dropped d = {.strict = strict};
	struct inhabitant lodger;
	int ready[2], go[2], status;
	char name[32], byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	d.ready = ready[1];
	d.go = go[0];
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		walk_after_drop(&d);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	make_named(name, sizeof(name));
	lodger = inhabited(name);
	assert_int_equal(write(go[1], &lodger, sizeof(lodger)), sizeof(lodger));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	end(lodger.pid);
	remove_named(name);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
}

static void walker_open_sockets__made_after_the_drop__is_walked(void **state)
{
	(void)state;
	skip_unless_root();
	check_after_drop(false);
}

static void walker_open_sockets__made_after_a_strict_drop__is_walked(void **state)
{
	(void)state;
	skip_unless_root();
	check_after_drop(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walker_namespaces__own__is_first),
		cmocka_unit_test(walker_namespaces__named_and_inhabited__each_once),
		cmocka_unit_test(walker_namespaces__more_than_a_part__all_are_listed),
		cmocka_unit_test(walker_open_sockets__named__shows_its_listener),
		cmocka_unit_test(walker_open_sockets__named_and_empty__is_found),
		cmocka_unit_test(walker_open_sockets__own_after_other__is_own_again),
		cmocka_unit_test(walker_open_sockets__other_kind_of_namespace__is_ENOENT),
		cmocka_unit_test(walker_open_sockets__of_one_thread__is_found),
		cmocka_unit_test(walker_open_sockets__held_by_a_descriptor__is_found),
		cmocka_unit_test(walker_open_sockets__made_after_the_drop__is_walked),
		cmocka_unit_test(walker_open_sockets__made_after_a_strict_drop__is_walked),
		cmocka_unit_test(walker_open_file__of_another__are_its_own),
		cmocka_unit_test(walker_open_file__any_other_file__is_EINVAL),
	};

	return cmocka_run_group_tests_name("walker", tests, load, unload);
}
