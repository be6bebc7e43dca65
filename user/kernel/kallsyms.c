// SPDX-License-Identifier: GPL-2.0-or-later
/* See kallsyms.h. */
#include "kernel/kallsyms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* "ffffffff81000000 T name [module]": the address if the line is of `symbol`. */
static bool line_is_of(const char *line, const char *symbol, uint64_t *address)
{
	char *end;
	size_t len = strlen(symbol);

	*address = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return false;
	end += 3;
	return strncmp(end, symbol, len) == 0 &&
	       (end[len] == '\n' || end[len] == '\t' || end[len] == ' ' || end[len] == '\0');
}

int kallsyms_lookup(const char *path, const char *symbol, uint64_t *address)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[512];
	uint64_t found = 0, here;
	bool seen = false;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!line_is_of(line, symbol, &here))
			continue;
		if (seen && here != found)
			return -ENOTUNIQ;
		seen = true;
		found = here;
	}
	if (ferror(file))
		return -EIO;
	if (!seen)
		return -ENOENT;
	if (!found)
		return -EPERM;
	*address = found;
	return 0;
}
