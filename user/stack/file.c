// SPDX-License-Identifier: GPL-2.0-or-later
/* A file sent, a file received, or both at once. */
#include <errno.h>
#include <unistd.h>

#include "stack/endpoint.h"
#include "stack/service.h"

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int receive(struct endpoint *e, struct talk *k)
{
	long n;

	while ((n = talk_receive(e, k, e->piece, sizeof(e->piece))) > 0) {
		int err = e->receive_fd < 0 ? 0 : write_all(e->receive_fd, e->piece, (size_t)n);

		if (err)
			return err;
	}
	return 0;
}

/* The file's octets from k->offset on. 1: all are with the stack; 0: it takes no more for now. */
static int send_file(struct endpoint *e, struct talk *k)
{
	for (;;) {
		size_t len = talk_room(e, k);
		ssize_t got;
		long n;

		/* Asked for one octet too many, the stack tells when there is room again. */
		len = len < sizeof(e->piece) ? len + 1 : sizeof(e->piece);
		got = pread(e->send_fd, e->piece, len, (off_t)k->offset);
		if (got <= 0)
			return got < 0 ? -errno : 1;
		n = talk_send(e, k, e->piece, (size_t)got, false);
		if (n <= 0)
			return 0;
		k->offset += (uint64_t)n;
	}
}

static int send_urgent(struct endpoint *e, struct talk *k)
{
	long n = k->flag ? 1 : talk_send(e, k, "!", 1, true);

	k->flag = n > 0;
	return n > 0;
}

static void run_file(struct endpoint *e, struct talk *k)
{
	int err = receive(e, k), all = 1;

	if (!err && e->send_fd >= 0)
		all = send_file(e, k);
	if (!err && all > 0 && e->settings->urgent)
		all = send_urgent(e, k);
	if (err || all < 0)
		talk_fail(e, k, err ? err : all);
	else if (all)
		talk_finish(e, k);
}

const struct service service_file = {.run = run_file};
