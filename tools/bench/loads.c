// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loads: three loads for costs.py, each on one CPU, each one JSON line.
 *
 *   loads rr       requests and answers of one octet over open connections
 *   loads flood    SYNs from ever new sources, none of which is ever answered (raw sockets)
 *   loads syscall  system calls that do nothing
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NSEC 1000000000ull
#define MAX_PAIRS 4096
#define BUCKETS 65536 /* of 64 ns each: up to 4 ms, the rest in the last */
#define BUCKET_NS 64

struct options {
	uint64_t count; /* requests, SYNs, calls */
	unsigned int pairs;
	int cpu;
	uint16_t port;
	struct in_addr target;
};

static uint32_t buckets[BUCKETS];

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
	va_list ap;

	fputs("loads: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(errno));
	return 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

/* CPU time of this process, softirqs in its system calls included: what others took is not in it.
 */
static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* What every load says of itself, without the closing brace. */
static void tell(const char *load, uint64_t count, uint64_t ns, double cpu)
{
	printf("{\"load\":\"%s\",\"count\":%" PRIu64 ",\"per_second\":%.0f,\"ns\":%.1f,"
	       "\"cpu_seconds\":%.6f,\"per_cpu_second\":%.0f",
	       load, count, (double)count * 1e9 / (double)ns, (double)ns / (double)count, cpu,
	       (double)count / cpu);
}

static uint64_t percentile(uint64_t total, double share)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < BUCKETS; i++) {
		sum += buckets[i];
		if ((double)sum >= share * (double)total)
			return (uint64_t)i * BUCKET_NS;
	}
	return (uint64_t)BUCKETS * BUCKET_NS;
}

static int open_pair(const struct options *o, int listener, int pair[2])
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(o->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1;

	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair[0] < 0 || connect(pair[0], (struct sockaddr *)&to, sizeof(to)))
		return fail("cannot connect");
	pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (pair[1] < 0)
		return fail("cannot accept");
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return 0;
}

static int request(const int pair[2])
{
	char octet = 'x';

	return send(pair[0], &octet, 1, 0) != 1 || recv(pair[1], &octet, 1, 0) != 1 ||
	       send(pair[1], &octet, 1, 0) != 1 || recv(pair[0], &octet, 1, 0) != 1;
}

static int run_rr(const struct options *o)
{
	static int pairs[MAX_PAIRS][2];
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(o->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	uint64_t start, last, now = 0;
	double cpu;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener, 128))
		return fail("cannot listen on port %u", o->port);
	for (unsigned int i = 0; i < o->pairs; i++)
		if (open_pair(o, listener, pairs[i]))
			return 1;
	cpu = cpu_seconds();
	start = last = now_ns();
	for (uint64_t n = 0; n < o->count; n++) {
		uint64_t took;

		if (request(pairs[n % o->pairs]))
			return fail("request %" PRIu64, n);
		now = now_ns();
		took = (now - last) / BUCKET_NS;
		buckets[took < BUCKETS ? took : BUCKETS - 1]++;
		last = now;
	}
	tell("rr", o->count, now - start, cpu_seconds() - cpu);
	printf(",\"p50_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64 "}\n", percentile(o->count, 0.5),
	       percentile(o->count, 0.99));
	return 0;
}

static uint16_t checksum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

struct syn {
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t mss[4];
} __attribute__((packed));

static void syn_fill(struct syn *s, const struct options *o, uint32_t number)
{
	uint32_t source = 0x0a000000u | (number & 0xffffffu); /* 10.0.0.0/8 */
	uint32_t pseudo;

	memset(s, 0, sizeof(*s));
	s->ip.version = 4;
	s->ip.ihl = 5;
	s->ip.tot_len = htons(sizeof(*s));
	s->ip.ttl = 64;
	s->ip.protocol = IPPROTO_TCP;
	s->ip.saddr = htonl(source);
	s->ip.daddr = o->target.s_addr;
	s->tcp.source = htons((uint16_t)(1024 + number % 60000));
	s->tcp.dest = htons(o->port);
	s->tcp.seq = htonl(number * 2654435761u);
	s->tcp.doff = 6;
	s->tcp.syn = 1;
	s->tcp.window = htons(65535);
	memcpy(s->mss, (uint8_t[]){2, 4, 5, 180}, 4);
	pseudo = (source >> 16) + (source & 0xffff) + (ntohl(o->target.s_addr) >> 16) +
		 (ntohl(o->target.s_addr) & 0xffff) + IPPROTO_TCP + sizeof(s->tcp) + 4;
	s->tcp.check = checksum(&s->tcp, sizeof(s->tcp) + 4, pseudo);
}

static int run_flood(const struct options *o)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = o->target};
	double cpu = cpu_seconds();
	uint64_t start = now_ns();

	if (fd < 0)
		return fail("cannot open a raw socket");
	for (uint64_t n = 0; n < o->count; n++) {
		struct syn s;

		syn_fill(&s, o, (uint32_t)n);
		if (sendto(fd, &s, sizeof(s), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			return fail("SYN %" PRIu64, n);
	}
	tell("flood", o->count, now_ns() - start, cpu_seconds() - cpu);
	puts("}");
	return 0;
}

static int run_syscall(const struct options *o)
{
	double cpu = cpu_seconds();
	uint64_t start = now_ns();

	for (uint64_t n = 0; n < o->count; n++)
		syscall(SYS_getppid);
	tell("syscall", o->count, now_ns() - start, cpu_seconds() - cpu);
	puts("}");
	return 0;
}

static int usage(void)
{
	fputs("usage: loads rr|flood|syscall [-n COUNT] [--pairs N] [--cpu N] [--port N] "
	      "[--target ADDR]\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"pairs", required_argument, NULL, 'p'},
		{"cpu", required_argument, NULL, 'c'},
		{"port", required_argument, NULL, 'l'},
		{"target", required_argument, NULL, 't'},
		{0},
	};
	struct options o = {.count = 200000, .pairs = 64, .cpu = -1, .port = 7000};
	int c;

	while ((c = getopt_long(argc, argv, "n:", longs, NULL)) != -1) {
		if (c == 'n')
			o.count = strtoull(optarg, NULL, 10);
		else if (c == 'p')
			o.pairs = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'c')
			o.cpu = atoi(optarg);
		else if (c == 'l')
			o.port = (uint16_t)strtoul(optarg, NULL, 10);
		else if (c != 't' || inet_pton(AF_INET, optarg, &o.target) != 1)
			return usage();
	}
	if (optind + 1 != argc || !o.count || !o.pairs || o.pairs > MAX_PAIRS)
		return usage();
	if (o.cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(o.cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			return fail("cannot run on CPU %d", o.cpu);
	}
	if (!strcmp(argv[optind], "rr"))
		return run_rr(&o);
	if (!strcmp(argv[optind], "flood"))
		return run_flood(&o);
	return !strcmp(argv[optind], "syscall") ? run_syscall(&o) : usage();
}
