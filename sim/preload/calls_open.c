// SPDX-License-Identifier: BSD-2-Clause
/* Calls that open a file by its path. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"
#include "preload.h"
#include "vfio.h"

/* /dev/vfio/@node: what the folder of "vireo-sim run" holds under this name says whether there is such a thing. */
static int open_node(const char *path, const char *node)
{
	char buf[PATH_MAX], *end;
	unsigned long id;

	if (NEXT(access)(paths_map(path, buf), R_OK | W_OK))
		return -1;
	if (strcmp(node, "vfio") == 0)
		return (int)preload_result(vfio_open_container());
	id = strtoul(node, &end, 10);
	if (*end || end == node || id > 65535)
		return (int)preload_result(-ENXIO);
	return (int)preload_result(vfio_open_group((int)id));
}

typedef int open_fn(int dir, const char *path, int flags, mode_t mode);

static int open_any(int dir, const char *path, int flags, mode_t mode, open_fn *next)
{
	char buf[PATH_MAX], node_buf[PATH_MAX];
	const char *node = paths_vfio_node(path, node_buf);
	int fd;

	if (!node || !*node)
		return next(dir, paths_map(path, buf), flags, mode);
	fd = open_node(path, node);
	/* Ours are close-on-exec from the start: the tables do not survive an exec in any case. */
	if (fd >= 0 && flags & O_NONBLOCK)
		NEXT(fcntl)(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	return fd;
}

static int next_open(int dir, const char *path, int flags, mode_t mode)
{
	return NEXT(open)(path, flags, mode);
}

static int next_open64(int dir, const char *path, int flags, mode_t mode)
{
	return NEXT(open64)(path, flags, mode);
}

static int next_openat(int dir, const char *path, int flags, mode_t mode)
{
	return NEXT(openat)(dir, path, flags, mode);
}

static int next_openat64(int dir, const char *path, int flags, mode_t mode)
{
	return NEXT(openat64)(dir, path, flags, mode);
}

/* The mode is there only when a file may be made. */
#define TAKE_MODE(flags, mode)                                                                                         \
	do {                                                                                                           \
		va_list args_;                                                                                         \
		if (!((flags)&O_CREAT) && ((flags)&O_TMPFILE) != O_TMPFILE)                                            \
			break;                                                                                         \
		va_start(args_, flags);                                                                                \
		mode = (mode_t)va_arg(args_, int);                                                                     \
		va_end(args_);                                                                                         \
	} while (0)

PRELOAD_CALL int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	TAKE_MODE(flags, mode);
	return open_any(AT_FDCWD, path, flags, mode, next_open);
}

PRELOAD_CALL int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;

	TAKE_MODE(flags, mode);
	return open_any(AT_FDCWD, path, flags, mode, next_open64);
}

PRELOAD_CALL int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	TAKE_MODE(flags, mode);
	return open_any(dir, path, flags, mode, next_openat);
}

PRELOAD_CALL int openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	TAKE_MODE(flags, mode);
	return open_any(dir, path, flags, mode, next_openat64);
}

/* What programs built with _FORTIFY_SOURCE call when they give no mode. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

PRELOAD_CALL int __open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0, next_open);
}

PRELOAD_CALL int __open64_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0, next_open64);
}

PRELOAD_CALL int __openat_2(int dir, const char *path, int flags)
{
	return open_any(dir, path, flags, 0, next_openat);
}

PRELOAD_CALL int __openat64_2(int dir, const char *path, int flags)
{
	return open_any(dir, path, flags, 0, next_openat64);
}

PRELOAD_CALL FILE *fopen(const char *restrict path, const char *restrict mode)
{
	char buf[PATH_MAX];

	return NEXT(fopen)(paths_map(path, buf), mode);
}

PRELOAD_CALL FILE *fopen64(const char *restrict path, const char *restrict mode)
{
	char buf[PATH_MAX];

	return NEXT(fopen64)(paths_map(path, buf), mode);
}

PRELOAD_CALL DIR *opendir(const char *path)
{
	char buf[PATH_MAX];

	return NEXT(opendir)(paths_map(path, buf));
}

PRELOAD_CALL int scandir(const char *restrict path, struct dirent ***restrict list,
			 int (*filter)(const struct dirent *),
			 int (*compare)(const struct dirent **, const struct dirent **))
{
	char buf[PATH_MAX];

	return NEXT(scandir)(paths_map(path, buf), list, filter, compare);
}

PRELOAD_CALL int scandir64(const char *restrict path, struct dirent64 ***restrict list,
			   int (*filter)(const struct dirent64 *),
			   int (*compare)(const struct dirent64 **, const struct dirent64 **))
{
	char buf[PATH_MAX];

	return NEXT(scandir64)(paths_map(path, buf), list, filter, compare);
}
