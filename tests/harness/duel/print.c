/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios, and what was seen, as text that can be read again. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "duel/scenario.h"
#include "duel/words.h"

static const char *const calls[] = {
#define X(name, argument) #name,
	CALL_LIST(X)
#undef X
};

static const int call_arguments[] = {
#define X(name, argument) argument,
	CALL_LIST(X)
#undef X
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static const struct {
	const char *word;
	int error;
} errors[] = {
#define E(name)             \
	{                   \
#name, name \
	}
	E(EAGAIN),      E(EPIPE),    E(ECONNRESET),  E(ECONNREFUSED), E(ECONNABORTED),
	E(ETIMEDOUT),   E(ENOTCONN), E(EISCONN),     E(EADDRINUSE),   E(EADDRNOTAVAIL),
	E(EINVAL),      E(EALREADY), E(ENOENT),      E(EBADF),        E(EHOSTUNREACH),
	E(ENETUNREACH), E(ENOBUFS),  E(EINPROGRESS), E(EOPNOTSUPP),   E(ENOPROTOOPT),
#undef E
};

const char *call_name(enum call call)
{
	return calls[call];
}

int call_of_name(const char *name)
{
	for (unsigned int i = 0; i < CALLS; i++)
		if (!strcmp(name, calls[i]))
			return (int)i;
	return -1;
}

const char *errno_word(int64_t error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (error == -errors[i].error)
			return errors[i].word;
	return NULL;
}

int64_t errno_of_word(const char *word)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(word, errors[i].word))
			return -errors[i].error;
	return 0;
}

static void flags_print(uint8_t ctl, FILE *to)
{
	if (!ctl)
		fputc('-', to);
	for (unsigned int i = 0; i < 8; i++)
		if (ctl & 1u << i)
			fputc(FLAG_LETTERS[i], to);
}

static void number_print(const char *what, const struct number *n, FILE *to)
{
	static const char *const base[] = {"", "all", "edge"};

	if (n->from == FROM_START)
		fprintf(to, " %s %d", what, n->add);
	else if (n->add)
		fprintf(to, " %s %s%+d", what, base[n->from], n->add);
	else
		fprintf(to, " %s %s", what, base[n->from]);
}

static void sacks_print(const struct tcpopt *opt, FILE *to)
{
	for (unsigned int i = 0; i < opt->sacks; i++)
		fprintf(to, "%s%u-%u", i ? "," : " sack ", opt->sack[i].left.n,
			opt->sack[i].right.n);
}

static void segment_print(const struct script_segment *s, FILE *to)
{
	fputs("> ", to);
	flags_print(s->ctl, to);
	number_print("seq", &s->seq, to);
	if (s->ctl & CTL_ACK)
		number_print("ack", &s->ack, to);
	if (s->len)
		fprintf(to, " len %u", s->len);
	if (s->wnd != SCRIPT_WINDOW)
		fprintf(to, " win %u", s->wnd);
	if (s->up)
		fprintf(to, " urg %u", s->up);
	if (s->ecn)
		fprintf(to, " ecn %u", s->ecn);
	if (s->opt.has & TCPOPT_MSS)
		fprintf(to, " mss %u", s->opt.mss);
	if (s->opt.has & TCPOPT_SCALE)
		fprintf(to, " wscale %u", s->opt.scale);
	if (s->opt.has & TCPOPT_SACK_OK)
		fputs(" sackok", to);
	if (s->opt.has & TCPOPT_SACK)
		sacks_print(&s->opt, to);
	if (s->opt.has & TCPOPT_TS)
		fprintf(to, s->ecr_given ? " ts %u:%u" : " ts %u", s->opt.ts_val, s->opt.ts_ecr);
	if (s->opt.has & TCPOPT_COOKIE)
		fputs(s->cookie ? " cookie" : " request", to);
}

void seen_print(const struct seen *seen, FILE *to)
{
	if (seen->conn)
		fprintf(to, "%u: ", seen->conn + 1u);
	fputs("< ", to);
	flags_print(seen->ctl, to);
	fprintf(to, " seq %u", seen->seq);
	if (seen->ctl & CTL_ACK)
		fprintf(to, " ack %u", seen->ack);
	if (seen->len)
		fprintf(to, " len %u", seen->len);
	if (seen->shut)
		fputs(" win 0", to);
	if (seen->up)
		fprintf(to, " urg %u", seen->up);
	if (seen->ecn)
		fprintf(to, " ecn %u", seen->ecn);
	if (seen->has & TCPOPT_MSS)
		fprintf(to, " mss %u", seen->mss);
	if (seen->has & TCPOPT_SCALE)
		fputs(" wscale 0", to);
	if (seen->has & TCPOPT_SACK_OK)
		fputs(" sackok", to);
	for (unsigned int i = 0; i < seen->sacks; i++)
		fprintf(to, "%s%u-%u", i ? "," : " sack ", seen->sack[i].left, seen->sack[i].right);
	if (seen->has & TCPOPT_TS)
		fprintf(to, " ts %u", seen->ts_ecr);
	if (seen->has & TCPOPT_COOKIE)
		fputs(" cookie", to);
}

static void duration_print(reftcp_time t, FILE *to)
{
	if (t % REFTCP_S == 0)
		fprintf(to, "%" PRIu64 "s", t / REFTCP_S);
	else if (t % REFTCP_MS == 0)
		fprintf(to, "%" PRIu64 "ms", t / REFTCP_MS);
	else
		fprintf(to, "%" PRIu64 "us", t / 1000);
}

static void call_print(const struct act *act, FILE *to)
{
	fprintf(to, "call %s", calls[act->call]);
	if (call_arguments[act->call] == 1 || (call_arguments[act->call] && act->argument))
		fprintf(to, " %" PRId64, act->argument);
	if (!act->result_given)
		return;
	if (errno_word(act->result))
		fprintf(to, " = %s", errno_word(act->result));
	else
		fprintf(to, " = %" PRId64, act->result);
}

void act_print(const struct act *act, FILE *to)
{
	if (act->conn)
		fprintf(to, "%u: ", act->conn + 1u);
	switch (act->kind) {
	case ACT_SEGMENT:
		segment_print(&act->segment, to);
		break;
	case ACT_CALL:
		call_print(act, to);
		break;
	case ACT_WAIT:
		fputs("wait ", to);
		duration_print(act->wait, to);
		break;
	}
}

static void expectations_print(const struct act *act, FILE *to)
{
	for (unsigned int i = 0; i < act->wants; i++) {
		seen_print(&act->want[i].seen, to);
		fputc('\n', to);
	}
	for (unsigned int i = 0; i < SCENARIO_CONNS; i++) {
		if (act->state_given[i]) {
			if (i)
				fprintf(to, "%u: ", i + 1);
			fprintf(to, "state %s\n", reftcp_state_name(act->state[i]));
		}
		if (act->expires_given[i]) {
			if (i)
				fprintf(to, "%u: ", i + 1);
			fputs("expires ", to);
			duration_print(act->expires[i], to);
			fputc('\n', to);
		}
	}
}

void scenario_print(const struct scenario *sc, FILE *to)
{
	if (*sc->title)
		fprintf(to, "title %s\n", sc->title);
	if (*sc->row)
		fprintf(to, "row %s\n", sc->row);
	if (*sc->shared)
		fprintf(to, "shared %s\n", sc->shared);
	if (*sc->open)
		fprintf(to, "open %s\n", sc->open);
	for (unsigned int i = 0; i < sc->sysctls; i++)
		fprintf(to, "sysctl %s %s\n", sc->sysctl[i].name, sc->sysctl[i].value);
	if (sc->isn != SCRIPT_ISN)
		fprintf(to, "isn %u\n", sc->isn);
	if (sc->delayed_acks)
		fputs("delayed-acks\n", to);
	if (sc->slow)
		fputs("slow\n", to);
	for (unsigned int i = 0; i < sc->acts; i++) {
		act_print(&sc->act[i], to);
		fputc('\n', to);
		expectations_print(&sc->act[i], to);
	}
}
