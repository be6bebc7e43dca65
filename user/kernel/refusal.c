// SPDX-License-Identifier: GPL-2.0-or-later
/* See refusal.h. */
#include "kernel/refusal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int refusal(char *error, size_t size, int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error, size, format, ap);
	va_end(ap);
	return err;
}

int refusal_of_load(char *error, size_t size, int err)
{
	if (err == -EPERM || err == -EACCES)
		return refusal(error, size, -EPERM,
			       "cannot load the BPF programs: not permitted: run as root, or with "
			       "CAP_BPF, CAP_PERFMON and CAP_SYSLOG");
	if (err == -EMFILE || err == -ENFILE || err == -ENOMEM)
		return refusal(error, size, err,
			       "cannot load the BPF programs: %s: more descriptors or memory are "
			       "needed, see "
			       "'ulimit -a'",
			       strerror(-err));
	if (err)
		return refusal(
			error, size, -EOPNOTSUPP,
			"cannot load the BPF programs: %s: see 'tcpwitness features', or -v for "
			"libbpf's messages",
			strerror(-err));
	return 0;
}
