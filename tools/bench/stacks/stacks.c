/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of one stack:
 *
 *	stacks reftcp|lwip bulk [mib=1024] [window=65535] [batch=1] [plain=0]
 *	stacks reftcp|lwip churn [connections=1000] [laps=100]
 *
 * Prints one line of JSON. Times are of the real clock: compare runs made side by side (stacks.py).
 */
#include "stacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct wire wires[2];

uint64_t link_count(void)
{
	uint64_t n = wires[0].crossed + wires[1].crossed;

	wires[0].crossed = wires[1].crossed = 0;
	return n;
}

double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "stacks: %s failed\n", what);
	exit(1);
}

static uint64_t argument(int argc, char **argv, const char *name, uint64_t otherwise)
{
	size_t n = strlen(name);

	for (int i = 3; i < argc; i++)
		if (!strncmp(argv[i], name, n) && argv[i][n] == '=')
			return strtoull(argv[i] + n + 1, NULL, 0);
	return otherwise;
}

static int usage(void)
{
	fprintf(stderr, "usage: stacks reftcp|lwip bulk [mib=N] [window=N] [batch=N] [plain=1]\n"
			"       stacks reftcp|lwip churn [connections=N] [laps=N]\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct contestant *who = NULL;
	struct figures f = {0};
	struct load l;

	if (argc < 3)
		return usage();
	if (!strcmp(argv[1], reftcp_contestant.name))
		who = &reftcp_contestant;
	else if (!strcmp(argv[1], lwip_contestant.name))
		who = &lwip_contestant;
	if (!who)
		return usage();
	l.octets = argument(argc, argv, "mib", 1024) << 20;
	l.window = (uint32_t)argument(argc, argv, "window", 65535);
	l.batch = (uint32_t)argument(argc, argv, "batch", 1);
	l.plain = argument(argc, argv, "plain", 0);
	l.connections = (uint32_t)argument(argc, argv, "connections", 1000);
	l.laps = (uint32_t)argument(argc, argv, "laps", 100);
	if (!strcmp(argv[2], "bulk"))
		who->bulk(&l, &f);
	else if (!strcmp(argv[2], "churn"))
		who->churn(&l, &f);
	else
		return usage();
	printf("{\"stack\":\"%s\",\"load\":\"%s\",\"seconds\":%.6f,\"idle_seconds\":%.6f,"
	       "\"octets\":%llu,\"segments\":%llu,\"connections\":%llu,\"per_connection\":%zu}\n",
	       who->name, argv[2], f.seconds, f.idle_seconds, (unsigned long long)f.octets,
	       (unsigned long long)f.segments, (unsigned long long)f.connections, f.per_connection);
	return 0;
}
