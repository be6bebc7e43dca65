/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entry that packetdrill looks up, and the one libc function that stands in for its own.
 *
 * Flags (--so_flags), separated by commas: "real" for the machine's clock, "standard" for the
 * personality of the RFCs, "local=ADDRESS" for the address that connect() starts from where
 * bind() did not say (default 192.168.0.1; for IPv6 fd3d:0a0b:17d6::1).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drill.h"

#define START (1000000 * REFTCP_S)

struct drill *drill_instance;

static bool parse_address(const char *text, struct reftcp_addr *out)
{
	*out = (struct reftcp_addr){0};
	if (inet_pton(AF_INET, text, out->byte) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, text, out->byte) == 1)
		out->family = 6;
	return out->family;
}

static void read_flags(struct drill *d, const char *flags)
{
	char *copy = strdup(flags ? flags : ""), *save = NULL;
	struct reftcp_addr addr;

	for (char *f = copy ? strtok_r(copy, ",", &save) : NULL; f;
	     f = strtok_r(NULL, ",", &save)) {
		if (!strcmp(f, "real"))
			d->real_clock = true;
		else if (!strcmp(f, "standard"))
			d->config.personality = REFTCP_STANDARD;
		else if (!strncmp(f, "local=", 6) && parse_address(f + 6, &addr))
			d->source[addr.family == 6] = addr;
		else
			fprintf(stderr, "reftcp: flag '%s' is not known, see tools/packetdrill\n",
				f);
	}
	free(copy);
}

static void release(void *userdata)
{
	struct drill *d = userdata;

	drill_lock(d);
	reftcp_free(d->stack);
	d->stack = NULL;
	for (int i = 0; i < DRILL_FDS; i++) {
		free(d->sockets[i]);
		if (d->epolls[i])
			epoll_release(d->epolls[i]);
		d->sockets[i] = NULL;
		d->epolls[i] = NULL;
	}
	while (d->count) {
		free(d->queue[d->head].data);
		d->head = (d->head + 1) % DRILL_QUEUE;
		d->count--;
	}
	drill_unlock(d);
	drill_instance = NULL;
	free(d);
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *out)
{
	struct drill *d = calloc(1, sizeof(*d));

	if (!d) {
		fprintf(stderr, "reftcp: out of memory\n");
		exit(1);
	}
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	reftcp_config_default(&d->config);
	d->config.personality = REFTCP_LINUX;
	parse_address("192.168.0.1", &d->source[0]);
	parse_address("fd3d:0a0b:17d6::1", &d->source[1]);
	read_flags(d, flags);
	d->now = START;
	memset(out, 0, sizeof(*out));
	out->userdata = d;
	out->free = release;
	drill_clock_table(out);
	drill_socket_table(out);
	drill_transfer_table(out);
	drill_option_table(out);
	drill_polling_table(out);
	drill_instance = d;
}

/*
 * packetdrill reads TCP_INFO for its %{ }% checks by getsockopt itself. Preloaded, this library
 * answers for the descriptors that are ours and passes on all others.
 */
__attribute__((visibility("default"))) int getsockopt(int fd, int level, int name, void *value,
						      socklen_t *len)
{
	struct drill *d = drill_instance;
	struct socket *s;
	int err;

	if (!d)
		return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
	drill_lock(d);
	s = socket_find(d, fd);
	err = s ? options_get(d, s, level, name, value, len) : 0;
	drill_unlock(d);
	if (!s)
		return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
	return (int)drill_result(err);
}
