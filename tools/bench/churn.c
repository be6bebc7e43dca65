// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * churn: whole TCP connections, one after another, on one CPU.
 *
 * Client and server are the same thread. On loopback the kernel handles every segment inside the
 * system call that sends it, so that connect() comes back with the handshake done and accept()
 * never sleeps: no context switch is timed, only the work of TCP itself. What a tracer adds to
 * that work is then seen as undiluted as it can be.
 *
 * A run is only worth something if each connection does the same: as soon as ports run out or
 * TIME_WAIT buckets overflow, connections become cheaper or dearer. Destinations are therefore
 * spread over several addresses and ports, and the run ends with an error before a limit is hit.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NSEC 1000000000ULL
#define MAX_ENDPOINTS 1024
#define MAX_ADDRESSES 256
#define STALL_SECONDS 10
#define CHECK_EVERY 32
#define CHUNK 65536

enum exit_status {
	EXIT_RUN = 1,
	EXIT_USAGE = 2
};
enum closer {
	CLOSE_CLIENT,
	CLOSE_SERVER
};

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
	int listener;
	char name[INET6_ADDRSTRLEN + 16];
};

struct options {
	uint64_t connections; /* 0: no bound */
	double seconds;       /* 0: no bound */
	uint64_t request, reply;
	enum closer closer;
	int family;
	int cpu;
	unsigned int port, ports, addresses;
	const char *address[MAX_ADDRESSES];
	unsigned int address_count;
};

/* The counters of this network namespace that tell whether TIME_WAIT was what it should be. */
struct time_wait {
	uint64_t made, recycled, overflow;
};

struct run {
	struct endpoint endpoint[MAX_ENDPOINTS];
	unsigned int endpoint_count;
	uint64_t done;
	uint64_t buckets;  /* TIME_WAIT sockets this namespace may have */
	uint64_t tuples;   /* connections that can be in TIME_WAIT before ports get scarce */
	uint64_t check_at; /* value of `done` that can reach one of the two at the earliest */
	struct time_wait before, after;
	double wall, user, system;
};

static volatile sig_atomic_t stop;
static volatile sig_atomic_t idle_ticks;
static char out_buffer[CHUNK], in_buffer[CHUNK];

static int __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list args;

	fputs("churn: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

/* ---- what the kernel allows and counts ---- */

static int read_numbers(const char *path, uint64_t *first, uint64_t *second)
{
	FILE *file = fopen(path, "re");
	int got;

	if (!file)
		return say("cannot open '%s': %s", path, strerror(errno));
	got = fscanf(file, "%" SCNu64 " %" SCNu64, first, second);
	fclose(file);
	return got >= 1 ? 0 : say("cannot read a number from '%s'", path);
}

/* The number of TIME_WAIT sockets of this network namespace. */
static int read_time_wait_now(uint64_t *count)
{
	FILE *file = fopen("/proc/net/sockstat", "re");
	char line[256];
	int found = 0;

	if (!file)
		return say("cannot open '/proc/net/sockstat': %s", strerror(errno));
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "TCP: inuse %*u orphan %*u tw %" SCNu64, count) == 1;
	fclose(file);
	return found ? 0 : say("no TIME_WAIT count in '/proc/net/sockstat'");
}

/* /proc/net/netstat has a line of names and, below it, a line of values. */
static int read_time_wait_counters(struct time_wait *tw)
{
	FILE *file = fopen("/proc/net/netstat", "re");
	char *save_name, *save_value, *name, *value;
	static char names[16384], values[16384];
	bool found = false;

	if (!file)
		return say("cannot open '/proc/net/netstat': %s", strerror(errno));
	while (!found && fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file))
		found = strncmp(names, "TcpExt:", 7) == 0;
	fclose(file);
	if (!found)
		return say("no line 'TcpExt:' in '/proc/net/netstat'");

	name = strtok_r(names, " \n", &save_name);
	value = strtok_r(values, " \n", &save_value);
	while (name && value) {
		uint64_t number = strtoull(value, NULL, 10);

		if (strcmp(name, "TW") == 0)
			tw->made = number;
		else if (strcmp(name, "TWRecycled") == 0)
			tw->recycled = number;
		else if (strcmp(name, "TCPTimeWaitOverflow") == 0)
			tw->overflow = number;
		name = strtok_r(NULL, " \n", &save_name);
		value = strtok_r(NULL, " \n", &save_value);
	}
	return 0;
}

static int find_limits(struct run *run)
{
	uint64_t low, high, unused;

	if (read_numbers("/proc/sys/net/ipv4/tcp_max_tw_buckets", &run->buckets, &unused) ||
	    read_numbers("/proc/sys/net/ipv4/ip_local_port_range", &low, &high))
		return -1;
	/* Beyond nine tenths the search for a free port takes a share of its own. */
	run->tuples = (high - low + 1) * run->endpoint_count / 10 * 9;
	return 0;
}

/* TIME_WAIT sockets end after 60 s, so that the numbers of a long run have to be read again. */
static int check_limits(struct run *run)
{
	uint64_t present, own, room;

	if (read_time_wait_now(&present))
		return -1;
	own = run->done < present ? run->done : present;
	if (present + CHECK_EVERY >= run->buckets)
		return say("stopped after %" PRIu64 " connections: %" PRIu64 " sockets in TIME_WAIT"
			   " reach net.ipv4.tcp_max_tw_buckets (%" PRIu64 "); wait 60 s, or use a"
			   " fresh network namespace with a higher value",
			   run->done, present, run->buckets);
	if (own + CHECK_EVERY >= run->tuples)
		return say("stopped after %" PRIu64 " connections: %" PRIu64 " of them in TIME_WAIT"
			   " hold nine tenths of the local ports for %u endpoints; give more"
			   " --ports or --addresses",
			   run->done, own, run->endpoint_count);
	room = run->buckets - present;
	if (run->tuples - own < room)
		room = run->tuples - own;
	run->check_at = run->done + room;
	return 0;
}

/* ---- endpoints ---- */

static int fill_address(const struct options *options, unsigned int index, struct endpoint *e,
			unsigned int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&e->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&e->addr;
	const char *given = options->address_count ? options->address[index] : NULL;
	char text[INET6_ADDRSTRLEN];

	memset(&e->addr, 0, sizeof(e->addr));
	if (options->family == AF_INET6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		in6->sin6_addr = in6addr_loopback;
		e->len = sizeof(*in6);
		if (given && inet_pton(AF_INET6, given, &in6->sin6_addr) != 1)
			return say("'%s' is not an IPv6 address", given);
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		snprintf(e->name, sizeof(e->name), "[%s]:%u", text, port);
		return 0;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK + index);
	e->len = sizeof(*in);
	if (given && inet_pton(AF_INET, given, &in->sin_addr) != 1)
		return say("'%s' is not an IPv4 address (for IPv6 give -6)", given);
	inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	snprintf(e->name, sizeof(e->name), "%s:%u", text, port);
	return 0;
}

static int open_listener(struct endpoint *e)
{
	int one = 1;

	e->listener = socket(e->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (e->listener < 0)
		return say("cannot make a socket for '%s': %s", e->name, strerror(errno));
	/* TIME_WAIT sockets of a run before would otherwise keep the port when the server closes
	 * first. */
	setsockopt(e->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(e->listener, (struct sockaddr *)&e->addr, e->len))
		return say("cannot bind to '%s': %s", e->name, strerror(errno));
	if (listen(e->listener, 16))
		return say("cannot listen on '%s': %s", e->name, strerror(errno));
	return 0;
}

static int open_endpoints(const struct options *options, struct run *run)
{
	unsigned int addresses =
		options->address_count ? options->address_count : options->addresses;

	for (unsigned int p = 0; p < options->ports; p++) {
		for (unsigned int a = 0; a < addresses; a++) {
			struct endpoint *e = &run->endpoint[run->endpoint_count];

			if (fill_address(options, a, e, options->port + p) || open_listener(e))
				return -1;
			run->endpoint_count++;
		}
	}
	return 0;
}

/* ---- one connection ---- */

/*
 * Moves `bytes` from one end to the other. One thread does both, so neither side may sleep while
 * the other still has something to do.
 */
static int move_bytes(int from, int to, uint64_t bytes, const struct endpoint *e)
{
	uint64_t sent = 0, received = 0;

	while (received < bytes) {
		bool idle = true;
		ssize_t n;

		if (sent < bytes) {
			size_t size = bytes - sent < CHUNK ? bytes - sent : CHUNK;

			n = send(from, out_buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN && errno != EINTR)
				return say("cannot send to '%s': %s", e->name, strerror(errno));
			if (n > 0) {
				sent += (uint64_t)n;
				idle = false;
			}
		}
		n = recv(to, in_buffer, CHUNK, MSG_DONTWAIT);
		if (n == 0)
			return say("'%s' closed after %" PRIu64 " of %" PRIu64 " bytes", e->name,
				   received, bytes);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return say("cannot receive from '%s': %s", e->name, strerror(errno));
		if (n > 0) {
			received += (uint64_t)n;
			idle = false;
		}
		if (idle) {
			struct pollfd fds[] = {{.fd = to, .events = POLLIN},
					       {.fd = from, .events = sent < bytes ? POLLOUT : 0}};

			poll(fds, 2, -1);
		}
	}
	return 0;
}

static int explain_connect(const struct run *run, const struct endpoint *e, int error)
{
	if (error == EADDRNOTAVAIL)
		return say("no local port left for '%s' after %" PRIu64
			   " connections: wait 60 s or give more --ports or --addresses",
			   e->name, run->done);
	return say("cannot connect to '%s' after %" PRIu64 " connections: %s", e->name, run->done,
		   strerror(error));
}

static int make_connection(const struct options *options, struct run *run, const struct endpoint *e)
{
	int client, server, err = -1;

	client = socket(e->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0)
		return say("cannot make a socket: %s", strerror(errno));
	if (connect(client, (const struct sockaddr *)&e->addr, e->len)) {
		explain_connect(run, e, errno);
		goto err_client;
	}
	server = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0) {
		say("cannot accept on '%s': %s", e->name, strerror(errno));
		goto err_client;
	}
	if (move_bytes(client, server, options->request, e) ||
	    move_bytes(server, client, options->reply, e))
		goto err_server;

	err = 0;
	if (options->closer == CLOSE_CLIENT) {
		close(client);
		close(server);
		return 0;
	}
err_server:
	close(server);
err_client:
	close(client);
	return err;
}

/* ---- the run ---- */

static void on_stop(int signal)
{
	(void)signal;
	stop = 1;
}

/* Loopback answers within microseconds: a connection without an end for seconds never gets one. */
static void on_tick(int signal)
{
	static const char text[] = "churn: no connection was completed for 10 s, giving up; is a "
				   "packet filter in the way, or another process on the ports\n";

	(void)signal;
	if (++idle_ticks > STALL_SECONDS) {
		ssize_t unused = write(STDERR_FILENO, text, sizeof(text) - 1);

		(void)unused;
		_exit(EXIT_RUN);
	}
}

static void catch_signals(void)
{
	struct itimerval tick = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
	struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = on_tick;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
}

static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return say("cannot run on CPU %d: %s", cpu, strerror(errno));
	return 0;
}

static int loop(const struct options *options, struct run *run, uint64_t deadline)
{
	unsigned int next = 0;

	while (!stop && (!options->connections || run->done < options->connections)) {
		if (run->done % CHECK_EVERY == 0) {
			if (deadline && now_ns() >= deadline)
				return 0;
			if (run->done + CHECK_EVERY >= run->check_at && check_limits(run))
				return -1;
		}
		if (make_connection(options, run, &run->endpoint[next]))
			return -1;
		next = next + 1 < run->endpoint_count ? next + 1 : 0;
		run->done++;
		idle_ticks = 0;
	}
	return 0;
}

static double seconds_of(struct timeval after, struct timeval before)
{
	return (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_usec - before.tv_usec) / 1e6;
}

static int churn(const struct options *options, struct run *run)
{
	struct rusage before, after;
	uint64_t start, deadline = 0;
	int err;

	if (pin(options->cpu) || open_endpoints(options, run) || find_limits(run) ||
	    read_time_wait_counters(&run->before))
		return -1;
	catch_signals();

	getrusage(RUSAGE_SELF, &before);
	start = now_ns();
	if (options->seconds > 0)
		deadline = start + (uint64_t)(options->seconds * (double)NSEC);
	err = loop(options, run, deadline);
	run->wall = (double)(now_ns() - start) / (double)NSEC;
	getrusage(RUSAGE_SELF, &after);

	run->user = seconds_of(after.ru_utime, before.ru_utime);
	run->system = seconds_of(after.ru_stime, before.ru_stime);
	return read_time_wait_counters(&run->after) ? -1 : err;
}

/* What makes the connections of one run differ from those of another is said, not hidden. */
static void warn_uneven(const struct run *run)
{
	uint64_t recycled = run->after.recycled - run->before.recycled;
	uint64_t overflow = run->after.overflow - run->before.overflow;

	if (recycled > run->done / 100)
		say("warning: %" PRIu64 " of %" PRIu64 " connections took over a TIME_WAIT: give"
		    " more --ports or --addresses",
		    recycled, run->done);
	if (overflow)
		say("warning: %" PRIu64 " of %" PRIu64 " connections got no TIME_WAIT:"
		    " net.ipv4.tcp_max_tw_buckets is too low",
		    overflow, run->done);
}

static int print_result(const struct options *options, const struct run *run)
{
	double done = (double)run->done;

	printf("{\"connections\":%" PRIu64
	       ",\"seconds\":%.6f,\"per_second\":%.1f,\"us_per_connection\":%.3f"
	       ",\"cpu_seconds\":%.6f,\"user_seconds\":%.6f,\"system_seconds\":%.6f",
	       run->done, run->wall, run->wall > 0 ? done / run->wall : 0,
	       run->done ? run->wall * 1e6 / done : 0, run->user + run->system, run->user,
	       run->system);
	printf(",\"cpu\":%d,\"family\":%d,\"close\":\"%s\",\"request_bytes\":%" PRIu64
	       ",\"reply_bytes\":%" PRIu64 ",\"endpoints\":%u",
	       options->cpu, options->family == AF_INET6 ? 6 : 4,
	       options->closer == CLOSE_CLIENT ? "client" : "server", options->request,
	       options->reply, run->endpoint_count);
	printf(",\"time_wait_made\":%" PRIu64 ",\"time_wait_recycled\":%" PRIu64
	       ",\"time_wait_overflow\":%" PRIu64 ",\"interrupted\":%s}\n",
	       run->after.made - run->before.made, run->after.recycled - run->before.recycled,
	       run->after.overflow - run->before.overflow, stop ? "true" : "false");
	if (fflush(stdout) || ferror(stdout))
		return say("cannot write the result: %s", strerror(errno));
	return 0;
}

/* ---- command line ---- */

static void usage(FILE *to)
{
	fputs("usage: churn (-n CONNECTIONS | -t SECONDS) [options]\n"
	      "Makes whole TCP connections over loopback on one CPU, prints the rate as JSON.\n\n"
	      "  -n, --connections N       end after N connections\n"
	      "  -t, --seconds S           end after S seconds (with -n: whichever comes first)\n"
	      "  -c, --close client|server who closes first (client)\n"
	      "      --request BYTES       bytes from client to server in each connection (0)\n"
	      "      --reply BYTES         bytes back (0)\n"
	      "  -4, -6                    IPv4 (default) or IPv6\n"
	      "  -a, --address ADDR        a local address to connect to; may be repeated\n"
	      "      --addresses N         without -a: 127.0.0.1 and the N - 1 after it (16);\n"
	      "                            with -6 always ::1\n"
	      "  -p, --port PORT           first server port (20000)\n"
	      "      --ports N             server ports on each address (4; with -6: 64)\n"
	      "      --cpu N               the CPU to run on (0)\n"
	      "  -h, --help                this text\n",
	      to);
}

static int parse_number(const char *name, const char *text, uint64_t low, uint64_t high,
			uint64_t *out)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || value < low || value > high)
		return say("'%s' is no value for %s: a whole number from %" PRIu64 " to %" PRIu64
			   " is wanted",
			   text, name, low, high);
	*out = value;
	return 0;
}

static int parse_seconds(const char *text, double *out)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0) || value > 1e6)
		return say("'%s' is no value for --seconds: a number above 0 is wanted", text);
	*out = value;
	return 0;
}

static int parse_closer(const char *text, enum closer *out)
{
	if (strcmp(text, "client") && strcmp(text, "server"))
		return say("'%s' is no value for --close: client or server is wanted", text);
	*out = text[0] == 'c' ? CLOSE_CLIENT : CLOSE_SERVER;
	return 0;
}

static int add_address(struct options *options, const char *text)
{
	if (options->address_count == MAX_ADDRESSES)
		return say("more than %d addresses", MAX_ADDRESSES);
	options->address[options->address_count++] = text;
	return 0;
}

static int parse_option(int option, const char *text, struct options *o)
{
	uint64_t number = 0;
	int err = 0;

	switch (option) {
	case 'n':
		return parse_number("--connections", text, 1, UINT64_MAX / 2, &o->connections);
	case 't':
		return parse_seconds(text, &o->seconds);
	case 'c':
		return parse_closer(text, &o->closer);
	case 'q':
		return parse_number("--request", text, 0, UINT32_MAX, &o->request);
	case 'r':
		return parse_number("--reply", text, 0, UINT32_MAX, &o->reply);
	case '4':
	case '6':
		o->family = option == '4' ? AF_INET : AF_INET6;
		return 0;
	case 'a':
		return add_address(o, text);
	case 'A':
		err = parse_number("--addresses", text, 1, MAX_ADDRESSES, &number);
		o->addresses = (unsigned int)number;
		return err;
	case 'p':
		err = parse_number("--port", text, 1, 65535, &number);
		o->port = (unsigned int)number;
		return err;
	case 'P':
		err = parse_number("--ports", text, 1, MAX_ENDPOINTS, &number);
		o->ports = (unsigned int)number;
		return err;
	case 'C':
		err = parse_number("--cpu", text, 0, CPU_SETSIZE - 1, &number);
		o->cpu = (int)number;
		return err;
	}
	return -1; /* getopt has said what is wrong */
}

static int complete_options(struct options *o)
{
	unsigned int addresses;

	if (!o->connections && o->seconds <= 0)
		return say("no end given: -n CONNECTIONS or -t SECONDS is needed");
	if (!o->addresses || o->family == AF_INET6)
		o->addresses = o->family == AF_INET6 ? 1 : 16;
	if (!o->ports)
		o->ports = o->family == AF_INET6 ? 64 : 4;
	addresses = o->address_count ? o->address_count : o->addresses;
	if (o->port + o->ports - 1 > 65535)
		return say("%u ports from %u on go beyond 65535", o->ports, o->port);
	if (addresses * o->ports > MAX_ENDPOINTS)
		return say("%u addresses with %u ports each are more than %d endpoints", addresses,
			   o->ports, MAX_ENDPOINTS);
	return 0;
}

/* 0: go on, 1: help was given, -1: usage error, said */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"connections", required_argument, NULL, 'n'},
		{"seconds", required_argument, NULL, 't'},
		{"close", required_argument, NULL, 'c'},
		{"request", required_argument, NULL, 'q'},
		{"reply", required_argument, NULL, 'r'},
		{"address", required_argument, NULL, 'a'},
		{"addresses", required_argument, NULL, 'A'},
		{"port", required_argument, NULL, 'p'},
		{"ports", required_argument, NULL, 'P'},
		{"cpu", required_argument, NULL, 'C'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	argv[0] = (char *)"churn";
	while ((option = getopt_long(argc, argv, "n:t:c:46a:p:h", table, NULL)) != -1) {
		if (option == 'h')
			return 1;
		if (parse_option(option, optarg, options))
			return -1;
	}
	if (optind < argc)
		return say("'%s' is not an option", argv[optind]);
	return complete_options(options);
}

int main(int argc, char **argv)
{
	struct options options = {.family = AF_INET, .port = 20000};
	static struct run run;
	int err = parse_options(argc, argv, &options);

	if (err > 0) {
		usage(stdout);
		return 0;
	}
	if (err < 0) {
		fputs("try 'churn --help'\n", stderr);
		return EXIT_USAGE;
	}
	err = churn(&options, &run);
	warn_uneven(&run);
	if (run.done && print_result(&options, &run))
		err = -1;
	return err ? EXIT_RUN : 0;
}
