/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reftcp behind packetdrill's table, called as packetdrill calls it: one thread for packets and
 * time, a second one for the calls that block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../tools/packetdrill/packetdrill.h"
#include "reftcp/inetsum.h"
#include "reftcp/segment.h"

#define PORT 8080
#define ISN 5000u

static struct packetdrill_interface t;
static void *library;
static int (*libc_getsockopt)(int fd, int level, int name, void *value, socklen_t *len);
static struct reftcp_endpoint ours = {{4, {192, 168, 0, 1}}, PORT};
static struct reftcp_endpoint theirs = {{4, {192, 0, 2, 1}}, 40000};
static struct segment out;
static uint8_t packet[65536];

static int setup(void **state)
{
	const char *dir = getenv("OUT");
	void (*init)(const char *flags, struct packetdrill_interface *table);
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/reftcp-packetdrill.so", dir ? dir : "build");
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		fail_msg("%s", dlerror());
	*(void **)&init = dlsym(library, "packetdrill_interface_init");
	*(void **)&libc_getsockopt = dlsym(library, "getsockopt");
	assert_non_null(init);
	assert_non_null(libc_getsockopt);
	init(NULL, &t);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	t.free(t.userdata);
	dlclose(library);
	return 0;
}

static long long now(void)
{
	struct timeval tv;

	assert_int_equal(t.gettimeofday(t.userdata, &tv, NULL), 0);
	return (long long)tv.tv_sec * 1000000 + tv.tv_usec;
}

static void peer(uint8_t ctl, uint32_t seq, uint32_t ack, const char *text)
{
	struct segment seg = {.src = theirs, .dst = ours, .ttl = 64, .ctl = ctl, .wnd = 30000};
	size_t head, len = strlen(text);

	seg.seq = seq_of(ISN + seq);
	seg.ack = seq_of(ack);
	if (ctl & CTL_SYN) {
		seg.opt.has = TCPOPT_MSS;
		seg.opt.mss = 1000;
	}
	seg.text_len = (uint32_t)len;
	head = segment_header_length(&seg);
	memcpy(packet + head, text, len);
	segment_build(&seg, inetsum_add(0, text, len), packet);
	assert_int_equal(t.netdev_send(t.userdata, packet, head + len), 0);
}

/* The next packet into `out`; the time it left, or -1 when there is none. */
static long long take(void)
{
	struct packet ip;
	size_t len = sizeof(packet);
	long long at = -1;

	assert_int_equal(t.netdev_receive(t.userdata, packet, &len, &at), 0);
	if (!len)
		return -1;
	assert_int_equal(packet_parse(&ip, packet, len), SEGMENT_OK);
	assert_int_equal(segment_parse(&out, &ip, true), SEGMENT_OK);
	return at;
}

static int listening(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = t.socket(t.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, "192.168.0.1", &at.sin_addr), 1);
	assert_int_equal(t.bind(t.userdata, fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(t.listen(t.userdata, fd, 1), 0);
	return fd;
}

static uint32_t handshake(void)
{
	uint32_t iss;

	peer(CTL_SYN, 0, 0, "");
	assert_true(take() >= 0);
	assert_int_equal(out.ctl, CTL_SYN | CTL_ACK);
	iss = out.seq.n;
	peer(CTL_ACK, 1, iss + 1, "");
	return iss;
}

static void drill__a_connection__from_open_to_close(void **state)
{
	int l = listening(), fd;
	struct tcp_info info;
	socklen_t len = sizeof(info);
	uint32_t iss = handshake();
	char buf[10];

	(void)state;
	fd = t.accept(t.userdata, l, NULL, NULL);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) >= 0); /* a real descriptor */
	peer(CTL_ACK | CTL_PSH, 1, iss + 1, "hello");
	assert_int_equal(t.read(t.userdata, fd, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(t.write(t.userdata, fd, "answer", 6), 6);
	while (take() >= 0 && !out.text_len)
		;
	assert_int_equal(out.text_len, 6);
	assert_memory_equal(out.text, "answer", 6);
	assert_int_equal(libc_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	assert_int_equal(info.tcpi_state, 1);
	assert_int_equal(info.tcpi_unacked, 1);
	assert_int_equal(info.tcpi_snd_mss, 1000);
	assert_int_equal(info.tcpi_snd_cwnd, 10);
	peer(CTL_ACK | CTL_FIN, 6, iss + 7, "");
	assert_int_equal(t.read(t.userdata, fd, buf, sizeof(buf)), 0);
	assert_int_equal(t.close(t.userdata, fd), 0);
	while (take() >= 0 && !(out.ctl & CTL_FIN))
		;
	assert_int_equal(out.ctl, CTL_FIN | CTL_ACK);
	assert_int_equal(t.read(t.userdata, fd, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EBADF);
}

/* Nothing will ever come: the script must fail and not hang. */
static void drill__no_packet_to_come__is_length_0(void **state)
{
	(void)state;
	listening();
	assert_int_equal(take(), -1);
}

static void drill__time__moves_with_every_look(void **state)
{
	long long first = now(), second = now();

	(void)state;
	assert_true(second > first);
	assert_int_equal(t.usleep(t.userdata, 1000000), 0);
	assert_in_range(now() - second, 1000000, 1001000);
}

/* The SYN,ACK goes out again after a second, at that very time, though nobody looked before. */
static void drill__a_timer__fires_at_its_time(void **state)
{
	long long first, again;

	(void)state;
	listening();
	peer(CTL_SYN, 0, 0, "");
	first = take();
	assert_int_equal(t.usleep(t.userdata, 5000000), 0);
	again = take();
	assert_in_range(again - first, 999000, 1003000);
}

struct blocked {
	int listener, fd;
	long long ended;
};

static void *block(void *arg)
{
	struct blocked *b = arg;

	b->fd = t.accept(t.userdata, b->listener, NULL, NULL);
	b->ended = now();
	return NULL;
}

/* Is it asleep in the kernel, as packetdrill asks of the thread of a blocking call. */
static bool asleep(pid_t tid)
{
	char path[64], line[256] = "", *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	end = strrchr(line, ')');
	return end && end[1] == ' ' && end[2] == 'S';
}

static pid_t blocker;

static void *block_and_tell(void *arg)
{
	__atomic_store_n(&blocker, gettid(), __ATOMIC_SEQ_CST);
	return block(arg);
}

static void drill__a_blocked_call__ends_when_its_packet_came(void **state)
{
	struct blocked b = {.listener = listening(), .fd = -1};
	pthread_t thread;
	long long arrived;
	uint32_t iss;

	(void)state;
	blocker = 0;
	assert_int_equal(pthread_create(&thread, NULL, block_and_tell, &b), 0);
	for (int i = 0; i < 5000 && !(blocker && asleep(blocker)); i++)
		usleep(1000);
	assert_true(asleep(blocker));
	peer(CTL_SYN, 0, 0, "");
	assert_true(take() >= 0);
	iss = out.seq.n;
	assert_int_equal(t.usleep(t.userdata, 100000), 0);
	assert_int_equal(b.fd, -1);
	arrived = now();
	peer(CTL_ACK, 1, iss + 1, "");
	/* The main thread runs on at once; the other's end must not be dated by that. */
	assert_int_equal(t.usleep(t.userdata, 10000000), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(b.fd >= 0);
	assert_in_range(b.ended - arrived, 0, 10);
}

/* packetdrill calls without looking whether there is a function. */
static void drill__no_member__is_null(void **state)
{
	void *member[sizeof(t) / sizeof(void *)];

	(void)state;
	memcpy(member, &t, sizeof(t));
	for (size_t i = 0; i < sizeof(t) / sizeof(void *); i++)
		assert_non_null(member[i]);
}

static void drill__what_is_not_ours__is_passed_on(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), type = 0;
	socklen_t len = sizeof(type);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(libc_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
	assert_int_equal(type, SOCK_STREAM);
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(drill__a_connection__from_open_to_close),
		T(drill__no_packet_to_come__is_length_0),
		T(drill__time__moves_with_every_look),
		T(drill__a_timer__fires_at_its_time),
		T(drill__a_blocked_call__ends_when_its_packet_came),
		T(drill__no_member__is_null),
		T(drill__what_is_not_ours__is_passed_on),
	};

	return cmocka_run_group_tests_name("reftcp_packetdrill", tests, NULL, NULL);
}
