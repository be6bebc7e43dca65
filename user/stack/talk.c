// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int talks_init(struct talks *t, uint32_t size)
{
	uint32_t buckets = 16;

	while (buckets < size)
		buckets <<= 1;
	*t = (struct talks){.mask = buckets - 1, .size = size};
	t->all = calloc(size, sizeof(*t->all));
	t->bucket = calloc(buckets, sizeof(struct talk *));
	t->buffers = calloc(size, TALK_BUFFER);
	if (!t->all || !t->bucket || !t->buffers)
		return -ENOMEM;
	for (uint32_t i = size; i-- > 0;) {
		t->all[i].next = t->free;
		t->all[i].fd = -1;
		t->free = &t->all[i];
	}
	return 0;
}

void talks_release(struct talks *t)
{
	for (struct talk *k = NULL; t->all && (k = talks_next(t, k));)
		if (k->fd >= 0)
			close(k->fd);
	free(t->all);
	free(t->bucket);
	free(t->buffers);
	*t = (struct talks){0};
}

static struct talk **bucket_of(struct talks *t, reftcp_id id)
{
	return &t->bucket[(id * 0x9e3779b97f4a7c15u >> 32) & t->mask];
}

struct talk *talks_find(struct talks *t, reftcp_id id)
{
	struct talk *k = *bucket_of(t, id);

	while (k && k->id != id)
		k = k->next;
	return k;
}

struct talk *talks_take(struct talks *t, reftcp_id id)
{
	struct talk *k = t->free, **bucket = bucket_of(t, id);

	if (!k || !id)
		return NULL;
	t->free = k->next;
	t->used++;
	*k = (struct talk){
		.id = id,
		.next = *bucket,
		.buffer = t->buffers + (size_t)(k - t->all) * TALK_BUFFER,
		.wake = REFTCP_NEVER,
		.fd = -1,
	};
	*bucket = k;
	return k;
}

void talks_give(struct talks *t, struct talk *talk)
{
	struct talk **k = bucket_of(t, talk->id);

	while (*k != talk)
		k = &(*k)->next;
	*k = talk->next;
	if (talk->fd >= 0)
		close(talk->fd);
	*talk = (struct talk){.next = t->free, .fd = -1};
	t->free = talk;
	t->used--;
}

struct talk *talks_next(struct talks *t, const struct talk *after)
{
	for (struct talk *k = after ? t->all + (after - t->all) + 1 : t->all; k < t->all + t->size;
	     k++)
		if (k->id)
			return k;
	return NULL;
}
