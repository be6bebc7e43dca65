// SPDX-License-Identifier: GPL-2.0-or-later
/* The small services of RFC 862, 863 and, with numbered lines, 864. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stack/endpoint.h"
#include "stack/service.h"

/* Sends what is in the buffer. false: the stack takes no more for now, or none ever. */
static bool send_buffered(struct endpoint *e, struct talk *k)
{
	while (k->begin < k->end) {
		long n = talk_send(e, k, k->buffer + k->begin, k->end - k->begin, false);

		if (n <= 0)
			return false;
		k->begin += (uint32_t)n;
	}
	return true;
}

static void run_echo(struct endpoint *e, struct talk *k)
{
	long n = 0;

	while (send_buffered(e, k)) {
		n = talk_receive(e, k, k->buffer, TALK_BUFFER);
		if (n <= 0)
			break;
		k->begin = 0;
		k->end = (uint32_t)n;
	}
	/* Only its end says that there is nothing more to send back. */
	if (k->ended && k->begin == k->end)
		talk_finish(e, k);
}

static void run_discard(struct endpoint *e, struct talk *k)
{
	while (talk_receive(e, k, e->piece, sizeof(e->piece)) > 0)
		;
	if (k->ended || e->settings->close_given)
		talk_finish(e, k);
}

/*
 * The octets of the source: lines of 16 hexadecimal digits, each the offset of its beginning, so
 * that a reader can tell what is missing.
 */
static void fill_source(uint8_t *to, size_t len, uint64_t offset)
{
	char line[18];

	while (len) {
		uint64_t at = offset % 17;
		size_t n = 17 - at < len ? 17 - at : len;

		snprintf(line, sizeof(line), "%016llx\n", (unsigned long long)(offset - at));
		memcpy(to, line + at, n);
		to += n;
		len -= n;
		offset += n;
	}
}

static void run_source(struct endpoint *e, struct talk *k)
{
	uint64_t bytes = e->settings->bytes;

	while (talk_receive(e, k, e->piece, sizeof(e->piece)) > 0)
		;
	while ((!bytes && !k->ended) || k->offset < bytes) {
		size_t len = talk_room(e, k);
		long n;

		len = len < sizeof(e->piece) ? len : sizeof(e->piece);
		if (bytes && len > bytes - k->offset)
			len = bytes - k->offset;
		fill_source(e->piece, len ? len : 1, k->offset);
		n = talk_send(e, k, e->piece, len ? len : 1, false);
		if (n <= 0)
			return;
		k->offset += (uint64_t)n;
	}
	talk_finish(e, k);
}

const struct service service_echo = {.run = run_echo};
const struct service service_discard = {.run = run_discard};
const struct service service_source = {.run = run_source};
