/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON object of `timewait`: written once an interval, so it may print at leisure. */
#include <inttypes.h>
#include <string.h>

#include "view/json.h"

static void put_head(struct buffer *out, const struct view_context *ctx, uint64_t ts)
{
	char *start = buffer_reserve(out, JSON_HEAD_MAX);

	if (start)
		buffer_commit(out, (size_t)(json_put_head(start, ctx, ts, "timewait") - start));
}

static void put_address(struct buffer *out, const char *key, const uint8_t address[16], bool known)
{
	char text[64], *end = json_put_address(text, address);

	buffer_printf(out, ",\"%s\":", key);
	if (known)
		buffer_put(out, text, (size_t)(end - text));
	else
		buffer_str(out, "null");
}

static void put_owner(struct buffer *out, uint32_t process, const char *comm)
{
	char text[6 * TCPW_COMM_LEN + 2];
	size_t len = comm ? strnlen(comm, TCPW_COMM_LEN) : 0;

	if (process)
		buffer_printf(out, ",\"pid\":%" PRIu32, process);
	else
		buffer_str(out, ",\"pid\":null");
	buffer_str(out, ",\"comm\":");
	if (comm)
		buffer_put(out, text, (size_t)(json_put_outside(text, comm, len) - text));
	else
		buffer_str(out, "null");
}

static void put_group(struct buffer *out, const struct view_timewait *v,
		      const struct timewait_group *g)
{
	buffer_printf(out, "{\"netns\":%" PRIu32 ",\"role\":\"%s\"", g->netns,
		      g->passive ? "passive" : "active");
	put_address(out, "laddr", g->laddr, true);
	put_address(out, "raddr", g->raddr, !g->passive);
	if (g->passive)
		buffer_printf(out, ",\"lport\":%u,\"rport\":null", g->port);
	else
		buffer_printf(out, ",\"lport\":null,\"rport\":%u", g->port);
	put_owner(out, g->process, v->comm(v->arg, g->process));
	buffer_printf(out, ",\"time_wait\":%" PRIu32, g->time_wait);
	if (g->ports_total)
		buffer_printf(out, ",\"ports_used\":%" PRIu32 ",\"ports_total\":%" PRIu32,
			      g->ports_used, g->ports_total);
	else
		buffer_str(out, ",\"ports_used\":null,\"ports_total\":null");
	if (g->exhaustion_known)
		buffer_printf(out, ",\"seconds_to_exhaustion\":%.1f}",
			      (double)g->exhausted_in_ns / 1e9);
	else
		buffer_str(out, ",\"seconds_to_exhaustion\":null}");
}

void json_timewait(struct buffer *out, const struct view_context *ctx,
		   const struct view_timewait *v)
{
	put_head(out, ctx, v->mono_ns);
	buffer_printf(out, ",\"time_wait\":%" PRId64 ",\"fin_wait_2_orphans\":%" PRIu64,
		      v->time_wait, v->fin_wait_2_orphans);
	if (v->max_buckets_known)
		buffer_printf(out, ",\"max_buckets\":%" PRIu64, v->max_buckets);
	else
		buffer_str(out, ",\"max_buckets\":null");
	if (v->rates_known)
		buffer_printf(out, ",\"in_per_s\":%.2f,\"out_per_s\":%.2f", v->in_per_s,
			      v->out_per_s);
	else
		buffer_str(out, ",\"in_per_s\":null,\"out_per_s\":null");
	buffer_printf(out,
		      ",\"entered\":%" PRId64 ",\"refused\":%" PRIu64
		      ",\"ended\":{\"expired\":%" PRId64 ",\"reused\":%" PRId64
		      ",\"killed\":%" PRId64 ",\"unknown\":%" PRId64 "},\"other\":%" PRIu64
		      ",\"groups\":[",
		      v->entered, v->refused, v->ended[TIMEWAIT_EXPIRED], v->ended[TIMEWAIT_REUSED],
		      v->ended[TIMEWAIT_KILLED], v->ended[TIMEWAIT_UNKNOWN], v->other);
	for (size_t i = 0; i < v->group_count; i++) {
		if (i)
			buffer_char(out, ',');
		put_group(out, v, &v->groups[i]);
	}
	buffer_str(out, "]}\n");
}
