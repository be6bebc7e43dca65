/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON lines. This runs once for every event of the machine, so nothing here calls printf or
 * allocates: room for the longest possible line is reserved and then filled in place.
 *
 * What is not known is null. Bytes from outside come out as valid UTF-8: each broken sequence
 * becomes U+FFFD, control characters (C1 and DEL too, which a terminal could act on) become \u00XX.
 */
#include "view/view.h"

#include <string.h>

#include "base/format.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "lifecycle/cgroup_path.h"
#include "lifecycle/names.h"
#include "view/json.h"
#include "view/life.h"

/* Everything but host, boot id and cgroup path: nine states in a path take most of it. */
#define LINE_FIXED_MAX 3072
/* The kernel's own limit; anything longer is cut. */
#define CGROUP_PATH_MAX 4096
#define HOST_MAX 64
#define WORD_MAX 64
/* A control character of one byte becomes six. */
#define ESCAPED(bytes) (6 * (bytes))

/* struct tcpw_socket.mini */
enum {
	MINI_NONE,
	MINI_REQUEST,
	MINI_TIMEWAIT
};

#define PUT(p, literal) put_bytes(p, literal, sizeof(literal) - 1)

static inline char *put_bytes(char *p, const char *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

static inline char *put_str(char *p, const char *s)
{
	return put_bytes(p, s, strlen(s));
}

static char *put_escape(char *p, uint32_t code)
{
	static const char digits[] = "0123456789abcdef";

	p = PUT(p, "\\u00");
	*p++ = digits[code >> 4 & 15];
	*p++ = digits[code & 15];
	return p;
}

static char *put_unclean(char *p, const char *s, size_t len, uint32_t code)
{
	switch (code) {
	case '"':
		return PUT(p, "\\\"");
	case '\\':
		return PUT(p, "\\\\");
	case '\n':
		return PUT(p, "\\n");
	case '\t':
		return PUT(p, "\\t");
	case UTF8_INVALID:
		return PUT(p, "\xef\xbf\xbd");
	default:
		break;
	}
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return put_escape(p, code);
	return put_bytes(p, s, len);
}

static inline bool is_clean(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

char *json_put_outside(char *p, const char *s, size_t len)
{
	*p++ = '"';
	for (size_t i = 0; i < len;) {
		uint32_t code;
		size_t n;

		if (is_clean(s[i])) {
			*p++ = s[i++];
			continue;
		}
		n = utf8_decode(s + i, len - i, &code);
		p = put_unclean(p, s + i, n, code);
		i += n;
	}
	*p++ = '"';
	return p;
}

/* A name of ours: needs no escape. */
static char *put_word(char *p, const char *word)
{
	*p++ = '"';
	p = put_str(p, word);
	*p++ = '"';
	return p;
}

static char *put_word_or_null(char *p, const char *word)
{
	return word ? put_word(p, word) : PUT(p, "null");
}

/* Numbers that can pass 2^53 are strings, or readers that hold numbers as doubles would bend them.
 */
static char *put_u64_string(char *p, uint64_t value)
{
	*p++ = '"';
	p = format_u64(p, value);
	*p++ = '"';
	return p;
}

static char *put_u64_string_if(char *p, bool known, uint64_t value)
{
	return known ? put_u64_string(p, value) : PUT(p, "null");
}

static char *put_number_if(char *p, bool known, uint64_t value)
{
	return known ? format_u64(p, value) : PUT(p, "null");
}

static char *put_bool(char *p, bool value)
{
	return value ? PUT(p, "true") : PUT(p, "false");
}

static char *put_state(char *p, enum tcpw_state state)
{
	return put_word_or_null(p, state == TCPW_STATE_UNKNOWN ? NULL : state_name(state));
}

static char *put_time_if(char *p, bool known, int64_t wall_ns)
{
	if (!known)
		return PUT(p, "null");
	*p++ = '"';
	timestamp_rfc3339(p, wall_ns);
	p += TIMESTAMP_RFC3339_LEN;
	*p++ = '"';
	return p;
}

static int64_t wall(const struct view_context *ctx, uint64_t mono_ns)
{
	return (int64_t)mono_ns + ctx->wall_offset;
}

char *json_put_head(char *p, const struct view_context *ctx, uint64_t ts, const char *event)
{
	p = PUT(p, "{\"schema\":1,\"host\":");
	p = ctx->host ? json_put_outside(p, ctx->host, strnlen(ctx->host, HOST_MAX))
		      : PUT(p, "null");
	p = PUT(p, ",\"boot_id\":");
	p = ctx->boot_id ? json_put_outside(p, ctx->boot_id, strnlen(ctx->boot_id, HOST_MAX))
			 : PUT(p, "null");
	p = PUT(p, ",\"ts\":");
	p = put_time_if(p, true, wall(ctx, ts));
	p = PUT(p, ",\"mono_ns\":");
	p = put_u64_string(p, ts);
	p = PUT(p, ",\"event\":");
	return put_word(p, event);
}

char *json_put_address(char *p, const uint8_t address[16])
{
	*p++ = '"';
	p = format_address(p, address);
	*p++ = '"';
	return p;
}

/*
 * A listener has no remote end. An address of zeros is a listener's "any"; elsewhere it is one that
 * was not chosen yet.
 */
static char *put_tuple(char *p, const struct tcpw_tuple *t, bool listener)
{
	bool ipv4 = address_is_ipv4(t->raddr) || address_is_ipv4(t->laddr);
	bool remote = t->rport || !address_is_unspecified(t->raddr);

	p = PUT(p, ",\"netns\":");
	p = put_number_if(p, t->netns, t->netns);
	p = PUT(p, ",\"family\":\"ipv");
	*p++ = ipv4 ? '4' : '6';
	p = PUT(p, "\",\"laddr\":");
	if (listener || !address_is_unspecified(t->laddr))
		p = json_put_address(p, t->laddr);
	else
		p = PUT(p, "null");
	p = PUT(p, ",\"lport\":");
	p = put_number_if(p, t->lport, t->lport);
	p = PUT(p, ",\"raddr\":");
	p = remote ? json_put_address(p, t->raddr) : PUT(p, "null");
	p = PUT(p, ",\"rport\":");
	return put_number_if(p, remote && t->rport, t->rport);
}

static char *put_cgroup(char *p, const char *path)
{
	char container[CGROUP_CONTAINER_LEN];
	const char *unit;
	size_t unit_len;

	if (!path)
		return PUT(p, ",\"cgroup\":null,\"container\":null,\"unit\":null");
	p = PUT(p, ",\"cgroup\":");
	p = json_put_outside(p, path, strnlen(path, CGROUP_PATH_MAX));
	p = PUT(p, ",\"container\":");
	p = put_word_or_null(p, cgroup_container(path, container) ? container : NULL);
	p = PUT(p, ",\"unit\":");
	unit_len = cgroup_unit(path, &unit);
	if (unit_len == 0)
		return PUT(p, "null");
	return json_put_outside(p, unit, unit_len < CGROUP_PATH_MAX ? unit_len : CGROUP_PATH_MAX);
}

static char *put_process(char *p, const struct lifecycle_owner *owner)
{
	if (!owner)
		return PUT(p, ",\"pid\":null,\"comm\":null");
	p = PUT(p, ",\"pid\":");
	p = put_number_if(p, owner->pid, owner->pid);
	p = PUT(p, ",\"comm\":");
	return owner->comm[0]
		       ? json_put_outside(p, owner->comm, strnlen(owner->comm, TCPW_COMM_LEN))
		       : PUT(p, "null");
}

/* What the connection keys say; a reset without a socket has a tuple only. */
struct identity {
	uint64_t cookie;
	uint64_t half_open;
	const char *began;
	const struct tcpw_tuple *tuple;
	const struct lifecycle_owner *owner;
	const char *cgroup_path;
	uint32_t uid;
	bool uid_known;
	bool socket; /* there is one: complete and kernel are known */
	bool complete;
	bool kernel;
	enum tcpw_role role;
};

static char *put_identity(char *p, const struct identity *id)
{
	p = PUT(p, ",\"conn\":");
	p = put_u64_string_if(p, id->cookie, id->cookie);
	p = PUT(p, ",\"half_open\":");
	p = put_u64_string_if(p, id->half_open, id->half_open);
	p = PUT(p, ",\"began\":");
	p = put_word_or_null(p, id->began);
	p = PUT(p, ",\"complete\":");
	p = id->socket ? put_bool(p, id->complete) : PUT(p, "null");
	p = put_tuple(p, id->tuple, id->role == TCPW_ROLE_LISTENER);
	p = PUT(p, ",\"role\":");
	p = put_word(p, role_name(id->role));
	p = put_process(p, id->owner);
	p = PUT(p, ",\"uid\":");
	p = put_number_if(p, id->uid_known, id->uid);
	p = put_cgroup(p, id->cgroup_path);
	p = PUT(p, ",\"kernel\":");
	return id->socket ? put_bool(p, id->kernel) : PUT(p, "null");
}

static const char *cgroup_path(const struct view_context *ctx, uint64_t cgroup)
{
	return cgroup && ctx->names.cgroup_path ? ctx->names.cgroup_path(ctx->names.arg, cgroup)
						: NULL;
}

static struct identity event_identity(const struct view_context *ctx,
				      const struct lifecycle_event *event)
{
	const struct lifecycle_connection *c = event->connection;
	struct identity id = {.tuple = &event->tuple};

	if (!c)
		return id;
	id.cookie = c->cookie;
	id.half_open = c->half_open;
	id.began = c->began == LIFECYCLE_SNAPSHOT ? "snapshot" : "seen";
	id.owner = c->owner;
	id.socket = true;
	id.complete = c->complete;
	id.kernel = c->flags & TCPW_SOCK_KERNEL;
	id.role = (enum tcpw_role)c->role;
	if (c->owner) {
		id.uid = c->owner->uid;
		id.uid_known = true;
		id.cgroup_path = cgroup_path(ctx, c->owner->cgroup);
	}
	return id;
}

static char *put_transition(char *p, const struct lifecycle_event *event)
{
	static const char *const sources[] = {
		[LIFECYCLE_FROM_STATE] = "state",
		[LIFECYCLE_FROM_TIMER] = "timer",
		[LIFECYCLE_FROM_SNAPSHOT] = "snapshot",
		[LIFECYCLE_FROM_STACK] = "stack",
	};

	p = PUT(p, ",\"old\":");
	p = put_state(p, event->u.transition.old_state);
	p = PUT(p, ",\"new\":");
	p = put_state(p, event->u.transition.new_state);
	p = PUT(p, ",\"dwell_ns\":");
	p = put_u64_string_if(p, event->u.transition.dwell_known, event->u.transition.dwell_ns);
	p = PUT(p, ",\"dwell_exact\":");
	p = put_bool(p, event->u.transition.dwell_known && event->u.transition.dwell_exact);
	p = PUT(p, ",\"cause\":");
	p = put_word(p, cause_name(event->u.transition.cause));
	p = PUT(p, ",\"source\":");
	p = put_word(p, sources[event->u.transition.source]);
	if (!event->u.transition.clause)
		return p;
	p = PUT(p, ",\"rfc\":");
	return put_word(p, event->u.transition.clause);
}

static char *put_retransmit(char *p, const struct lifecycle_event *event)
{
	p = PUT(p, ",\"kind\":");
	p = put_word(p, retransmit_kind_name(event->u.retransmit.kind));
	p = PUT(p, ",\"segments\":");
	p = format_u64(p, event->u.retransmit.segments);
	p = PUT(p, ",\"state\":");
	return put_state(p, event->u.retransmit.state);
}

static char *put_reset(char *p, const struct view_context *ctx, const struct lifecycle_event *event)
{
	uint32_t reason = event->u.reset.reason;
	const char *name = NULL;

	p = PUT(p, ",\"direction\":");
	p = put_word(p, event->u.reset.direction == TCPW_SENT ? "sent" : "received");
	p = PUT(p, ",\"reason\":");
	if (reason != TCPW_REASON_UNKNOWN && ctx->names.reset_reason)
		name = ctx->names.reset_reason(ctx->names.arg, reason);
	if (name)
		p = json_put_outside(p, name, strnlen(name, WORD_MAX));
	else
		p = put_u64_string_if(p, reason != TCPW_REASON_UNKNOWN, reason);
	p = PUT(p, ",\"state\":");
	return put_state(p, event->u.reset.state);
}

static char *put_path(char *p, const struct lifecycle_connection *c, const struct life *life)
{
	p = PUT(p, ",\"path\":[");
	for (unsigned int i = 0; i < life->step_count; i++) {
		if (i > 0)
			*p++ = ',';
		p = PUT(p, "{\"state\":");
		p = put_state(p, (enum tcpw_state)c->path[i]);
		p = PUT(p, ",\"ns\":");
		p = put_u64_string_if(p, life->steps[i].known, life->steps[i].ns);
		p = PUT(p, ",\"exact\":");
		p = put_bool(p, life->steps[i].known && life->steps[i].exact);
		*p++ = '}';
	}
	*p++ = ']';
	return p;
}

static char *put_life(char *p, const struct view_context *ctx, const struct lifecycle_event *event)
{
	const struct lifecycle_connection *c = event->connection;
	bool pending = event->u.life.time_wait_pending;
	struct life life = life_of(c, event->ts, pending);

	p = PUT(p, ",\"start\":");
	p = put_time_if(p, life.start.known, wall(ctx, life.start.ns));
	p = PUT(p, ",\"end\":");
	p = put_time_if(p, true, wall(ctx, event->ts));
	p = put_path(p, c, &life);
	p = PUT(p, ",\"handshake_ns\":");
	p = put_u64_string_if(p, life.handshake.known, life.handshake.ns);
	p = PUT(p, ",\"accept_wait_ns\":");
	p = put_u64_string_if(p, life.accept_wait.known, life.accept_wait.ns);
	p = PUT(p, ",\"bytes_sent\":");
	p = put_u64_string_if(p, c->counted, c->bytes_sent);
	p = PUT(p, ",\"bytes_received\":");
	p = put_u64_string_if(p, c->counted, c->bytes_received);
	p = PUT(p, ",\"retransmits\":");
	p = put_number_if(p, c->counted, c->retransmits);
	p = PUT(p, ",\"srtt_us\":");
	p = put_number_if(p, c->counted && c->srtt_us, c->srtt_us);
	p = PUT(p, ",\"end_cause\":");
	p = put_word(p, cause_name((enum tcpw_cause)c->end_cause));
	p = PUT(p, ",\"time_wait\":");
	return put_word_or_null(p, pending ? "pending" : NULL);
}

static char *put_lost(char *p, const struct lifecycle_event *event)
{
	p = PUT(p, ",\"stage\":");
	p = put_word_or_null(p, event->u.lost.stage);
	p = PUT(p, ",\"count\":");
	return format_u64(p, event->u.lost.count);
}

static char *put_event(char *p, const struct view_context *ctx, const struct lifecycle_event *event)
{
	switch (event->kind) {
	case LIFECYCLE_TRANSITION:
		return put_transition(p, event);
	case LIFECYCLE_RETRANSMIT:
		return put_retransmit(p, event);
	case LIFECYCLE_RESET:
		return put_reset(p, ctx, event);
	case LIFECYCLE_ACCEPT:
		p = PUT(p, ",\"wait_ns\":");
		return put_u64_string_if(p, event->u.accept.wait_known, event->u.accept.wait_ns);
	case LIFECYCLE_LIFE:
		return event->connection ? put_life(p, ctx, event) : p;
	case LIFECYCLE_LOST:
		return put_lost(p, event);
	}
	return p;
}

static size_t line_max(const char *path)
{
	size_t len = path ? strnlen(path, CGROUP_PATH_MAX) : 0;

	/* Twice: the unit is a part of the path. */
	return LINE_FIXED_MAX + 2 * ESCAPED(HOST_MAX) + 2 * ESCAPED(len);
}

void json_event(struct buffer *out, const struct view_context *ctx,
		const struct lifecycle_event *event)
{
	static const char *const names[] = {
		[LIFECYCLE_TRANSITION] = "transition",
		[LIFECYCLE_RETRANSMIT] = "retransmit",
		[LIFECYCLE_RESET] = "reset",
		[LIFECYCLE_ACCEPT] = "accept",
		[LIFECYCLE_LIFE] = "life",
		[LIFECYCLE_LOST] = "lost",
	};
	struct identity id = event_identity(ctx, event);
	char *start = buffer_reserve(out, line_max(id.cgroup_path)), *p = start;

	if (!p)
		return;
	p = json_put_head(p, ctx, event->ts, names[event->kind]);
	if (event->kind != LIFECYCLE_LOST)
		p = put_identity(p, &id);
	p = put_event(p, ctx, event);
	p = PUT(p, "}\n");
	buffer_commit(out, (size_t)(p - start));
}

static struct identity socket_identity(const struct view_context *ctx, const struct view_socket *s)
{
	const struct tcpw_socket *socket = s->socket;
	uint64_t cgroup = s->owner && s->owner->cgroup ? s->owner->cgroup : socket->cgroup;

	return (struct identity){
		/* A request socket's cookie is not the connection's. */
		.cookie = socket->mini == MINI_REQUEST ? 0 : socket->cookie,
		.began = "snapshot",
		.tuple = &socket->tuple,
		.owner = s->owner,
		.cgroup_path = cgroup_path(ctx, cgroup),
		.uid = s->owner ? s->owner->uid : socket->uid,
		/* A timewait socket keeps no user. */
		.uid_known = s->owner || socket->mini != MINI_TIMEWAIT,
		.socket = true,
		.complete = true,
		.kernel = socket->flags & TCPW_SOCK_KERNEL,
		.role = s->role,
	};
}

/* Mini-sockets have no queues; a listener's two numbers are of its accept queue. */
static char *put_queues(char *p, const struct tcpw_socket *socket)
{
	bool listener = socket->state == TCPW_LISTEN;
	bool full = socket->mini == MINI_NONE;

	p = PUT(p, ",\"rx_queue\":");
	p = put_number_if(p, full && !listener, socket->rx_queue);
	p = PUT(p, ",\"tx_queue\":");
	p = put_number_if(p, full && !listener, socket->tx_queue);
	p = PUT(p, ",\"accept_queue\":");
	p = put_number_if(p, full && listener, socket->rx_queue);
	p = PUT(p, ",\"accept_queue_max\":");
	return put_number_if(p, full && listener, socket->tx_queue);
}

void json_socket(struct buffer *out, const struct view_context *ctx, const struct view_socket *s)
{
	struct identity id = socket_identity(ctx, s);
	char *start = buffer_reserve(out, line_max(id.cgroup_path)), *p = start;

	if (!p)
		return;
	p = json_put_head(p, ctx, s->mono_ns, "socket");
	p = put_identity(p, &id);
	p = PUT(p, ",\"state\":");
	p = put_state(p, tcpw_state_from_kernel(s->socket->state));
	p = PUT(p, ",\"age_ns\":");
	p = put_u64_string_if(p, s->age_known, s->age_ns);
	p = PUT(p, ",\"timer_ns\":");
	p = put_u64_string_if(p, s->socket->timer_ns != TCPW_NO_TIMER, s->socket->timer_ns);
	p = put_queues(p, s->socket);
	p = PUT(p, "}\n");
	buffer_commit(out, (size_t)(p - start));
}
