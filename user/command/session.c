// SPDX-License-Identifier: GPL-2.0-or-later
/* See session.h. */
#include "command/session.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/message.h"
#include "command/command.h"
#include "kernel/netns.h"
#include "kernel/sandbox.h"

#define OUT_SIZE (256 << 10)
#define MAX_OWNERS 4096

uint64_t session_now(struct session *s)
{
	struct timespec mono, wall;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	s->view.wall_offset =
		(int64_t)(wall.tv_sec - mono.tv_sec) * 1000000000 + (wall.tv_nsec - mono.tv_nsec);
	return (uint64_t)mono.tv_sec * 1000000000u + (uint64_t)mono.tv_nsec;
}

static const char *cgroup_name(void *arg, uint64_t id)
{
	struct session *s = arg;
	struct timespec now;

	if (!s->cgroups)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return cgroup_names_path(s->cgroups, id,
				 (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

static const char *reason_name(void *arg, uint32_t reason)
{
	const struct session *s = arg;

	return reason < SESSION_REASONS ? s->reasons[reason] : NULL;
}

static void read_line(const char *path, char *to, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

	to[n > 0 ? n : 0] = 0;
	to[strcspn(to, "\n")] = 0;
}

static bool wants_color(const struct options *o)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (o->color != COLOR_AUTO)
		return o->color == COLOR_ALWAYS;
	if (no_color && *no_color)
		return false;
	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static void know_the_machine(struct session *s)
{
	const struct options *o = s->options;
	struct winsize size;

	if (gethostname(s->host, sizeof(s->host) - 1))
		s->host[0] = 0;
	read_line("/proc/sys/kernel/random/boot_id", s->boot_id, sizeof(s->boot_id));
	tzset();
	setlocale(LC_CTYPE, "");
	s->view = (struct view_context){
		.names = {.cgroup_path = cgroup_name, .reset_reason = reason_name, .arg = s},
		.host = s->host,
		.boot_id = s->boot_id,
		.color = wants_color(o),
		.utc = o->utc,
		.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	};
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		s->view.columns = size.ws_col;
	session_now(s);
}

/* Names and paths of the command line become the numbers that the kernel compares. */
static int resolve_filter(struct session *s)
{
	const struct options *o = s->options;
	char error[256];

	s->filter = o->filter;
	for (unsigned int i = 0; i < o->netns_name_count; i++) {
		uint32_t inode;

		if (netns_resolve(o->netns_names[i], &inode, error, sizeof(error)))
			return message_status(EXIT_USAGE, "%s", error);
		if (s->filter.netnses == TCPW_FILTER_VALUES)
			return message_status(EXIT_USAGE, "more than %d values for '--netns'",
					      TCPW_FILTER_VALUES);
		s->filter.netns[s->filter.netnses++] = inode;
	}
	for (unsigned int i = 0; i < o->cgroup_path_count; i++) {
		uint64_t id;

		if (cgroup_resolve(o->cgroup_paths[i], &id, error, sizeof(error)))
			return message_status(EXIT_USAGE, "%s", error);
		if (s->filter.cgroups == TCPW_FILTER_VALUES)
			return message_status(EXIT_USAGE, "more than %d values for '--cgroup'",
					      TCPW_FILTER_VALUES);
		s->filter.cgroup[s->filter.cgroups++] = id;
	}
	return EXIT_OK;
}

static int take_signals(struct session *s)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0
		       ? message_status(EXIT_RUNTIME, "cannot take signals: %s", strerror(errno))
		       : EXIT_OK;
}

static int attach_status(int err, const char *error)
{
	if (err == -EPERM)
		return message_status(EXIT_NOT_PERMITTED, "%s", error);
	return message_status(err == -EOPNOTSUPP ? EXIT_KERNEL : EXIT_RUNTIME, "%s", error);
}

static int attach_counter(struct session *s)
{
	const struct counter_options options = {
		.features = &s->features,
		.filter = &s->filter,
		.max_connections = s->options->max_connections,
		.max_half_open = s->options->max_half_open,
		.max_owners = MAX_OWNERS,
	};
	char error[256];
	int err = counter_new(&s->counter, &options, error, sizeof(error));

	return err ? attach_status(err, error) : EXIT_OK;
}

static int attach(struct session *s, bool witnesses)
{
	const struct options *o = s->options;
	const struct tracer_options options = {
		.features = &s->features,
		.filter = &s->filter,
		.ring_size = o->ring_size,
		.max_chosen = o->max_connections,
		.max_chosen_half_open = o->max_half_open,
		.witnesses = witnesses,
		.accept = !o->no_accept,
	};
	char error[256];
	int err = tracer_new(&s->tracer, &options, error, sizeof(error));

	return err ? attach_status(err, error) : EXIT_OK;
}

/* A missing witness is said once, in the words of `features`. */
static void say_missing(const struct session *s, bool witnesses)
{
	if (!witnesses)
		return;
	for (int i = 0; i < FEATURE_COUNT; i++) {
		enum feature id = (enum feature)i;

		if (feature(&s->features, id) || id == FEATURE_LANDLOCK || id == FEATURE_SECCOMP ||
		    id == FEATURE_MPTCP || (id == FEATURE_ACCEPT && s->options->no_accept))
			continue;
		message("without %s (%s): %s", feature_name(id), s->features.state[i].why,
			feature_lost(id));
	}
}

static int enter_sandbox(struct session *s)
{
	const struct options *o = s->options;
	const struct sandbox_options options = {.strict = o->sandbox_strict};
	const char *missing = NULL;

	if (o->no_sandbox)
		return EXIT_OK;
	s->sandbox = sandbox_enter(&options, &missing);
	if (s->sandbox < 0)
		return message_status(
			EXIT_KERNEL,
			"cannot enter the sandbox: %s: %s: leave out '--sandbox-strict' to "
			"run without it",
			missing ? missing : "unknown layer", strerror(-s->sandbox));
	return EXIT_OK;
}

int session_begin_output(struct session *s, const struct options *options)
{
	int status;

	memset(s, 0, sizeof(*s));
	s->options = options;
	s->signals = -1;
	s->out.fd = -1;
	know_the_machine(s);
	status = take_signals(s);
	if (status == EXIT_OK && buffer_init(&s->out, STDOUT_FILENO, OUT_SIZE))
		return message_status(EXIT_RUNTIME, "out of memory");
	return status;
}

int session_begin(struct session *s, const struct options *options, enum session_kind kind)
{
	const bool records = kind == SESSION_RECORDS;
	int status, err;

	status = session_begin_output(s, options);
	if (status != EXIT_OK)
		return status;
	tracer_verbose(options->verbose);
	features_probe(&s->features);
	features_reset_reasons(s->reasons, SESSION_REASONS);
	status = resolve_filter(s);
	if (status != EXIT_OK)
		return status;
	cgroup_names_new(&s->cgroups);
	status = attach(s, records);
	if (status == EXIT_OK && kind == SESSION_COUNTS)
		status = attach_counter(s);
	if (status != EXIT_OK)
		return status;
	say_missing(s, records);
	err = walker_new(&s->walker, tracer_sockets_link(s->tracer));
	if (err)
		return message_status(err == -EPERM ? EXIT_NOT_PERMITTED : EXIT_RUNTIME,
				      "cannot start the helper that walks namespaces: %s",
				      strerror(-err));
	return enter_sandbox(s);
}

void session_end(struct session *s)
{
	walker_free(s->walker);
	counter_free(s->counter);
	tracer_free(s->tracer);
	cgroup_names_free(s->cgroups);
	buffer_release(&s->out);
	if (s->signals >= 0)
		close(s->signals);
}

int session_flush(struct session *s, bool *closed)
{
	int err = buffer_flush(&s->out);

	if (err == -EPIPE) {
		*closed = true;
		return EXIT_OK;
	}
	if (err)
		return message_status(EXIT_RUNTIME, "cannot write to standard output: %s",
				      strerror(-err));
	return EXIT_OK;
}

static bool netns_wanted(const struct session *s, uint32_t inode)
{
	for (uint32_t i = 0; i < s->filter.netnses; i++)
		if (s->filter.netns[i] == inode)
			return true;
	return s->filter.netnses == 0;
}

/* Iterators hand out whole records, up to a page or so at a time. */
static int read_sockets(int fd, session_socket_fn fn, void *arg)
{
	static struct tcpw_socket sockets[512];
	size_t have = 0;

	for (;;) {
		ssize_t n = read(fd, (char *)sockets + have, sizeof(sockets) - have);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		have += (size_t)n;
		for (size_t i = 0; i < have / sizeof(sockets[0]); i++)
			fn(arg, &sockets[i]);
		memmove(sockets, (char *)sockets + have - have % sizeof(sockets[0]),
			have % sizeof(sockets[0]));
		have %= sizeof(sockets[0]);
	}
}

size_t session_walk(struct session *s, session_socket_fn fn, void (*between)(void *), void *arg,
		    size_t *failed)
{
	_cleanup_free_ struct walker_netns *list = NULL;
	size_t max = 256, walked = 0;
	ssize_t count;

	*failed = 0;
	for (;;) {
		free(list);
		list = calloc(max, sizeof(*list));
		count = list ? walker_namespaces(s->walker, list, max) : -ENOMEM;
		if (count <= (ssize_t)max)
			break;
		max = (size_t)count + 64;
	}
	for (ssize_t i = 0; i < count; i++) {
		_cleanup_close_ int fd = -1;

		if (!netns_wanted(s, list[i].inode))
			continue;
		fd = walker_open_sockets(s->walker, list[i].inode);
		if (fd == -ENOENT)
			continue; /* it went away meanwhile, and its sockets with it */
		if (fd < 0 || read_sockets(fd, fn, arg))
			++*failed;
		else
			walked++;
		if (between)
			between(arg);
	}
	if (count < 0)
		++*failed;
	return walked;
}

ssize_t session_files(struct session *s, struct tcpw_file **out)
{
	_cleanup_close_ int fd = tracer_open_files(s->tracer);
	_cleanup_free_ struct tcpw_file *files = NULL;
	size_t have = 0, size = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n;

		if (size - have < 64 << 10) {
			void *more = realloc(files, size ? size * 2 : 1 << 20);

			if (!more)
				return -ENOMEM;
			size = size ? size * 2 : 1 << 20;
			files = more;
		}
		n = read(fd, (char *)files + have, size - have);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*out = TAKE_PTR(files);
	return (ssize_t)(have / sizeof(**out));
}

bool session_process_fits(const struct session *s, const struct tcpw_process *p)
{
	const struct tcpw_filter *f = &s->filter;
	bool fits = !f->pids;

	for (uint32_t i = 0; i < f->pids; i++)
		fits |= f->pid[i] == p->pid;
	if (!fits)
		return false;
	fits = !f->comms;
	for (uint32_t i = 0; i < f->comms; i++)
		fits |= strncmp(f->comm[i], p->comm, TCPW_COMM_LEN) == 0;
	if (!fits)
		return false;
	fits = !f->cgroups;
	for (uint32_t i = 0; i < f->cgroups; i++)
		fits |= f->cgroup[i] == p->cgroup;
	return fits;
}

static bool is_ipv4(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

static bool addr_fits(const struct tcpw_filter_addr *want, const uint8_t addr[16])
{
	for (int i = 0; i < 16; i++)
		if ((addr[i] ^ want->addr[i]) & want->mask[i])
			return false;
	return true;
}

bool session_tuple_fits(const struct session *s, const struct tcpw_tuple *t)
{
	const struct tcpw_filter *f = &s->filter;
	bool fits = !f->ports;

	if (!netns_wanted(s, t->netns))
		return false;
	if (f->families && !(f->families & (is_ipv4(t->laddr) || is_ipv4(t->raddr) ? 1u : 2u)))
		return false;
	for (uint32_t i = 0; i < f->ports; i++)
		fits |= ((f->port[i].ends & TCPW_END_LOCAL) && f->port[i].port == t->lport) ||
			((f->port[i].ends & TCPW_END_REMOTE) && f->port[i].port == t->rport);
	if (!fits)
		return false;
	fits = !f->addrs;
	for (uint32_t i = 0; i < f->addrs; i++)
		fits |= ((f->addr[i].ends & TCPW_END_LOCAL) && addr_fits(&f->addr[i], t->laddr)) ||
			((f->addr[i].ends & TCPW_END_REMOTE) && addr_fits(&f->addr[i], t->raddr));
	return fits;
}
