/* SPDX-License-Identifier: BSD-2-Clause */
/* The text form of scenarios, read. Words between blanks; every line stands alone. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "duel/scenario.h"
#include "duel/words.h"

struct reader {
	struct scenario *sc;
	struct act *act; /* the last one, which expectations are about; null at first */
	char *rest;
	uint32_t line;
	uint8_t conn;
	char *why;
	size_t why_len;
};

static int wrong(struct reader *r, const char *format, ...)
{
	va_list args;
	int n = snprintf(r->why, r->why_len, "line %u: ", r->line);

	va_start(args, format);
	vsnprintf(r->why + n, r->why_len - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

static char *word(struct reader *r)
{
	return strtok_r(NULL, " \t\n", &r->rest);
}

static int number(struct reader *r, const char *text, int64_t *out)
{
	char *end;

	if (!text)
		return wrong(r, "a number is missing");
	errno = 0;
	*out = strtoll(text, &end, 10);
	return *end || end == text || errno ? wrong(r, "'%s' is no number", text) : 0;
}

static int duration(struct reader *r, const char *text, reftcp_time *out)
{
	char *unit;
	uint64_t n;

	if (!text)
		return wrong(r, "a time is missing");
	n = strtoull(text, &unit, 10);
	if (!strcmp(unit, "us"))
		*out = n * 1000;
	else if (!strcmp(unit, "ms"))
		*out = n * REFTCP_MS;
	else if (!strcmp(unit, "s"))
		*out = n * REFTCP_S;
	else
		return wrong(r, "'%s' is no time in us, ms or s", text);
	return 0;
}

/* "12", "all", "all+3", "edge-1" */
static int position(struct reader *r, const char *text, struct number *out)
{
	int64_t n = 0;
	int err = 0;

	if (!text)
		return wrong(r, "a sequence number is missing");
	out->from = FROM_START;
	if (!strncmp(text, "all", 3)) {
		out->from = FROM_ALL;
		text += 3;
	} else if (!strncmp(text, "edge", 4)) {
		out->from = FROM_EDGE;
		text += 4;
	}
	if (*text || out->from == FROM_START)
		err = number(r, text, &n);
	out->add = (int32_t)n;
	return err;
}

static int flags(struct reader *r, const char *text, uint8_t *out)
{
	*out = 0;
	if (!text)
		return wrong(r, "flags are missing");
	for (; *text; text++) {
		const char *at = strchr(FLAG_LETTERS, *text);

		if (*text == '-')
			continue;
		if (!at)
			return wrong(r, "'%c' is no flag", *text);
		*out |= (uint8_t)(1u << (at - FLAG_LETTERS));
	}
	return 0;
}

static int sack_blocks(struct reader *r, char *text, struct tcpopt *opt)
{
	unsigned int left, right;

	opt->has |= TCPOPT_SACK;
	for (char *save, *part = text ? strtok_r(text, ",", &save) : NULL; part;
	     part = strtok_r(NULL, ",", &save)) {
		if (opt->sacks == TCPOPT_SACK_MAX || sscanf(part, "%u-%u", &left, &right) != 2)
			return wrong(r, "'%s' is no SACK block", part);
		opt->sack[opt->sacks++] = (struct sack_block){seq_of(left), seq_of(right)};
	}
	return opt->sacks ? 0 : wrong(r, "a SACK block is missing");
}

/* "100" or "100:3"; of the stack's own segments only the echo: "ts ECR". */
static int timestamps(struct reader *r, const char *text, struct script_segment *out)
{
	const char *colon = text ? strchr(text, ':') : NULL;

	if (!text || !isdigit((unsigned char)*text))
		return wrong(r, "a timestamp is missing");
	out->opt.has |= TCPOPT_TS;
	out->opt.ts_val = (uint32_t)strtoul(text, NULL, 10);
	out->ecr_given = colon;
	out->opt.ts_ecr = colon ? (uint32_t)strtoul(colon + 1, NULL, 10) : 0;
	return 0;
}

static int segment_item(struct reader *r, const char *what, struct script_segment *out)
{
	int64_t n = 0;
	int err;

	if (!strcmp(what, "seq"))
		return position(r, word(r), &out->seq);
	if (!strcmp(what, "ack"))
		return position(r, word(r), &out->ack);
	if (!strcmp(what, "sack"))
		return sack_blocks(r, word(r), &out->opt);
	if (!strcmp(what, "ts"))
		return timestamps(r, word(r), out);
	if (!strcmp(what, "sackok")) {
		out->opt.has |= TCPOPT_SACK_OK;
		return 0;
	}
	if (!strcmp(what, "request") || !strcmp(what, "cookie")) {
		out->opt.has |= TCPOPT_COOKIE;
		out->cookie = *what == 'c';
		return 0;
	}
	err = number(r, word(r), &n);
	if (err)
		return err;
	if (!strcmp(what, "len")) {
		out->len = (uint32_t)n;
	} else if (!strcmp(what, "win")) {
		out->wnd = (uint16_t)n;
	} else if (!strcmp(what, "urg")) {
		out->up = (uint16_t)n;
	} else if (!strcmp(what, "ecn")) {
		out->ecn = (uint8_t)n & 3;
	} else if (!strcmp(what, "mss")) {
		out->opt.has |= TCPOPT_MSS;
		out->opt.mss = (uint16_t)n;
	} else if (!strcmp(what, "wscale")) {
		out->opt.has |= TCPOPT_SCALE;
		out->opt.scale = (uint8_t)n;
	} else {
		return wrong(r, "'%s' is nothing a segment has", what);
	}
	return 0;
}

static int segment_line(struct reader *r, struct script_segment *out)
{
	const char *what;
	int err = flags(r, word(r), &out->ctl);

	while (!err && (what = word(r)))
		err = segment_item(r, what, out);
	return err;
}

static int new_act(struct reader *r, enum act_kind kind)
{
	if (r->sc->acts == SCENARIO_ACTS)
		return wrong(r, "more than %d items", SCENARIO_ACTS);
	r->act = &r->sc->act[r->sc->acts++];
	r->act->kind = kind;
	r->act->conn = r->conn;
	r->act->line = r->line;
	return 0;
}

static int arrives_item(struct reader *r)
{
	int err = new_act(r, ACT_SEGMENT);

	if (err)
		return err;
	r->act->segment.wnd = SCRIPT_WINDOW;
	return segment_line(r, &r->act->segment);
}

static int sent_item(struct reader *r)
{
	struct script_segment s = {.wnd = SCRIPT_WINDOW};
	struct seen *seen;
	int err;

	if (!r->act)
		return wrong(r, "nothing has happened yet");
	if (r->act->wants == SCENARIO_WANTS)
		return wrong(r, "more than %d segments", SCENARIO_WANTS);
	err = segment_line(r, &s);
	if (err)
		return err;
	if (s.seq.from != FROM_START || s.ack.from != FROM_START)
		return wrong(r, "what is expected must be given in numbers");
	r->act->want[r->act->wants].line = r->line;
	seen = &r->act->want[r->act->wants++].seen;
	*seen = (struct seen){
		.conn = r->conn,
		.ctl = s.ctl & (uint8_t)~CTL_PSH,
		.seq = (uint32_t)s.seq.add,
		.ack = (uint32_t)s.ack.add,
		.len = s.len,
		.shut = s.wnd == 0,
		.up = s.up,
		.has = s.opt.has,
		.mss = s.opt.mss,
		.ts_ecr = s.opt.ts_val,
		.sacks = s.opt.sacks,
		.ecn = s.ecn,
	};
	for (unsigned int i = 0; i < s.opt.sacks; i++) {
		seen->sack[i].left = s.opt.sack[i].left.n;
		seen->sack[i].right = s.opt.sack[i].right.n;
	}
	return 0;
}

static int result(struct reader *r, const char *text)
{
	int64_t n = errno_of_word(text);

	r->act->result_given = true;
	if (n)
		r->act->result = n;
	else
		return number(r, text, &r->act->result);
	return 0;
}

static int call_item(struct reader *r)
{
	static const int wanted[] = {
#define X(name, argument) argument,
		CALL_LIST(X)
#undef X
	};
	const char *name = word(r), *next;
	int call = name ? call_of_name(name) : -1;
	int err;

	if (call < 0)
		return wrong(r, "'%s' is no call", name ? name : "");
	err = new_act(r, ACT_CALL);
	if (err)
		return err;
	r->act->call = (enum call)call;
	next = word(r);
	if (wanted[call] && next && strcmp(next, "=")) {
		err = number(r, next, &r->act->argument);
		next = word(r);
	} else if (wanted[call] == 1) {
		return wrong(r, "'%s' wants an argument", name);
	}
	if (err || !next)
		return err;
	if (strcmp(next, "="))
		return wrong(r, "'%s' wants no '%s'", name, next);
	next = word(r);
	return next ? result(r, next) : wrong(r, "a result is missing");
}

static int wait_item(struct reader *r)
{
	int err = new_act(r, ACT_WAIT);

	return err ? err : duration(r, word(r), &r->act->wait);
}

static int state_item(struct reader *r)
{
	const char *name = word(r);

	if (!r->act)
		return wrong(r, "nothing has happened yet");
	for (int i = 0; name && i < REFTCP_STATE_COUNT; i++) {
		if (strcmp(name, reftcp_state_name((enum reftcp_state)i)))
			continue;
		r->act->state_given[r->conn] = true;
		r->act->state[r->conn] = (enum reftcp_state)i;
		return 0;
	}
	return wrong(r, "'%s' is no state", name ? name : "");
}

static int expires_item(struct reader *r)
{
	if (!r->act)
		return wrong(r, "nothing has happened yet");
	r->act->expires_given[r->conn] = true;
	return duration(r, word(r), &r->act->expires[r->conn]);
}

static int name_into(struct reader *r, char out[SCENARIO_NAME])
{
	const char *name = word(r);

	if (!name || strlen(name) >= SCENARIO_NAME)
		return wrong(r, "a name is missing or too long");
	memcpy(out, name, strlen(name) + 1);
	return 0;
}

static int sysctl_item(struct reader *r)
{
	unsigned int i = r->sc->sysctls;
	int err;

	if (i == SCENARIO_SYSCTLS)
		return wrong(r, "more than %d sysctls", SCENARIO_SYSCTLS);
	r->sc->sysctls++;
	err = name_into(r, r->sc->sysctl[i].name);
	return err ? err : name_into(r, r->sc->sysctl[i].value);
}

static int head_item(struct reader *r, const char *what)
{
	int64_t n;
	int err;

	if (!strcmp(what, "row"))
		return name_into(r, r->sc->row);
	if (!strcmp(what, "shared"))
		return name_into(r, r->sc->shared);
	if (!strcmp(what, "open"))
		return name_into(r, r->sc->open);
	if (!strcmp(what, "sysctl"))
		return sysctl_item(r);
	if (!strcmp(what, "delayed-acks")) {
		r->sc->delayed_acks = true;
		return 0;
	}
	if (!strcmp(what, "slow")) {
		r->sc->slow = true;
		return 0;
	}
	if (!strcmp(what, "isn")) {
		err = number(r, word(r), &n);
		r->sc->isn = (uint32_t)n;
		return err;
	}
	return wrong(r, "'%s' is no item", what);
}

static int item(struct reader *r, char *text)
{
	static const struct {
		const char *name;
		int (*read)(struct reader *r);
	} items[] = {
		{">", arrives_item}, {"<", sent_item},      {"call", call_item},
		{"wait", wait_item}, {"state", state_item}, {"expires", expires_item},
	};
	char *what = strtok_r(text, " \t\n", &r->rest);

	r->conn = 0;
	if (what && what[0] >= '1' && what[0] <= '0' + SCENARIO_CONNS && !strcmp(what + 1, ":")) {
		r->conn = (uint8_t)(what[0] - '1');
		what = word(r);
	}
	if (!what)
		return 0;
	if (!strcmp(what, "title")) {
		snprintf(r->sc->title, sizeof(r->sc->title), "%s", r->rest);
		r->sc->title[strcspn(r->sc->title, "\n")] = 0;
		r->rest += strlen(r->rest);
		return 0;
	}
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if (!strcmp(what, items[i].name))
			return items[i].read(r);
	return head_item(r, what);
}

void scenario_init(struct scenario *out)
{
	memset(out, 0, sizeof(*out));
	out->isn = SCRIPT_ISN;
}

int scenario_read(struct scenario *out, const char *path, char *why, size_t why_len)
{
	struct reader r = {.sc = out, .why = why, .why_len = why_len};
	FILE *file = fopen(path, "re");
	char line[512];
	int err = 0;

	snprintf(why, why_len, "cannot be opened");
	if (!file)
		return -errno;
	scenario_init(out);
	while (!err && fgets(line, sizeof(line), file)) {
		r.line++;
		line[strcspn(line, "#")] = 0;
		err = item(&r, line);
		if (!err && r.rest && word(&r))
			err = wrong(&r, "more than belongs there");
	}
	fclose(file);
	return err;
}
