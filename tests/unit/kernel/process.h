/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a part of a test in a process of its own: what it gives up does not stick, and how it ends
 * can be looked at.
 */
#ifndef TESTS_UNIT_KERNEL_PROCESS_H
#define TESTS_UNIT_KERNEL_PROCESS_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* In the process: says what went wrong, and ends it. */
#define MUST(condition)                                                                \
	do {                                                                           \
		if (!(condition)) {                                                    \
			dprintf(2, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, \
				strerror(errno));                                      \
			_exit(1);                                                      \
		}                                                                      \
	} while (0)

/* How it ended, as waitpid() tells. */
static inline int process_run(void (*part)(void *), void *arg)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		part(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define assert_process_succeeds(part, arg) assert_int_equal(process_run((part), (arg)), 0)

/* A line of /proc/PID/status, without its name; "" when there is none. */
static inline const char *process_status(pid_t pid, const char *key, char *line, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	line[0] = '\0';
	while (file && fgets(line, (int)size, file)) {
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':') {
			fclose(file);
			line[strcspn(line, "\n")] = '\0';
			return line + strlen(key) + 2;
		}
	}
	if (file)
		fclose(file);
	return "";
}

/* Waits up to `ms` for a condition that other processes bring about. */
#define wait_until(ms, condition)                            \
	({                                                   \
		int left_ = (ms);                            \
		bool met_;                                   \
		while (!(met_ = (condition)) && left_-- > 0) \
			usleep(1000);                        \
		met_;                                        \
	})

#define skip_unless_root()          \
	do {                        \
		if (geteuid() != 0) \
			skip();     \
	} while (0)

#endif
