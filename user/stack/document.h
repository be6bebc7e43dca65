/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file below a directory, whatever the name says: no "..", no symbolic link, no device. */
#ifndef STACK_DOCUMENT_H
#define STACK_DOCUMENT_H

#include <stdint.h>

/*
 * Opens `path` (relative, as http_parse_request makes it) below `root`; of a directory its
 * index.html. Returns a descriptor, the caller's, with its size in *size and in *name what tells
 * its type, which is `path` or "index.html"; or -ENOENT, also for what is there and must not be
 * served, or another -errno.
 */
int document_open(int root, const char *path, uint64_t *size, const char **name);

#endif
