/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ownership that ends with its scope, and the way to hand it on. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_closedir_ __attribute__((cleanup(cleanup_closedir)))
#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))
#define _cleanup_fclose_ __attribute__((cleanup(cleanup_fclose)))

#define TAKE_FD(fd)                        \
	({                                 \
		int *take_fd_ = &(fd);     \
		int taken_fd_ = *take_fd_; \
		*take_fd_ = -1;            \
		taken_fd_;                 \
	})

#define TAKE_PTR(pointer)                                    \
	({                                                   \
		__typeof__(pointer) *take_ptr_ = &(pointer); \
		__typeof__(pointer) taken_ptr_ = *take_ptr_; \
		*take_ptr_ = NULL;                           \
		taken_ptr_;                                  \
	})

#endif
