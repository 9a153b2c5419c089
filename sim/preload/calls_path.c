// SPDX-License-Identifier: BSD-2-Clause
/* Calls that ask about a file by its path. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "paths.h"
#include "preload.h"

/* An answer of the C library's about another path. */
#define MAPPED(call, path, ...)                                                                                        \
	({                                                                                                             \
		char buf_[PATH_MAX];                                                                                   \
		NEXT(call)(paths_map(path, buf_), ##__VA_ARGS__);                                                      \
	})
#define MAPPED_AT(call, dir, path, ...)                                                                                \
	({                                                                                                             \
		char buf_[PATH_MAX];                                                                                   \
		NEXT(call)(dir, paths_map(path, buf_), ##__VA_ARGS__);                                                 \
	})

PRELOAD_CALL int stat(const char *restrict path, struct stat *restrict st)
{
	return MAPPED(stat, path, st);
}

PRELOAD_CALL int stat64(const char *restrict path, struct stat64 *restrict st)
{
	return MAPPED(stat64, path, st);
}

PRELOAD_CALL int lstat(const char *restrict path, struct stat *restrict st)
{
	return MAPPED(lstat, path, st);
}

PRELOAD_CALL int lstat64(const char *restrict path, struct stat64 *restrict st)
{
	return MAPPED(lstat64, path, st);
}

PRELOAD_CALL int fstatat(int dir, const char *restrict path, struct stat *restrict st, int flags)
{
	return MAPPED_AT(fstatat, dir, path, st, flags);
}

PRELOAD_CALL int fstatat64(int dir, const char *restrict path, struct stat64 *restrict st, int flags)
{
	return MAPPED_AT(fstatat64, dir, path, st, flags);
}

PRELOAD_CALL int statx(int dir, const char *restrict path, int flags, unsigned mask, struct statx *restrict st)
{
	return MAPPED_AT(statx, dir, path, flags, mask, st);
}

/* The names that stat had before version 2.33 of the C library. */
int __xstat(int version, const char *path, struct stat *st);
int __xstat64(int version, const char *path, struct stat64 *st);
int __lxstat(int version, const char *path, struct stat *st);
int __lxstat64(int version, const char *path, struct stat64 *st);

PRELOAD_CALL int __xstat(int version, const char *path, struct stat *st)
{
	return MAPPED_AT(__xstat, version, path, st);
}

PRELOAD_CALL int __xstat64(int version, const char *path, struct stat64 *st)
{
	return MAPPED_AT(__xstat64, version, path, st);
}

PRELOAD_CALL int __lxstat(int version, const char *path, struct stat *st)
{
	return MAPPED_AT(__lxstat, version, path, st);
}

PRELOAD_CALL int __lxstat64(int version, const char *path, struct stat64 *st)
{
	return MAPPED_AT(__lxstat64, version, path, st);
}

PRELOAD_CALL int access(const char *path, int mode)
{
	return MAPPED(access, path, mode);
}

PRELOAD_CALL int euidaccess(const char *path, int mode)
{
	return MAPPED(euidaccess, path, mode);
}

PRELOAD_CALL int eaccess(const char *path, int mode)
{
	return MAPPED(eaccess, path, mode);
}

PRELOAD_CALL int faccessat(int dir, const char *path, int mode, int flags)
{
	return MAPPED_AT(faccessat, dir, path, mode, flags);
}

PRELOAD_CALL ssize_t readlink(const char *restrict path, char *restrict buf, size_t size)
{
	return MAPPED(readlink, path, buf, size);
}

PRELOAD_CALL ssize_t readlinkat(int dir, const char *restrict path, char *restrict buf, size_t size)
{
	return MAPPED_AT(readlinkat, dir, path, buf, size);
}

/* ls(1) asks for these. */
PRELOAD_CALL ssize_t getxattr(const char *path, const char *name, void *value, size_t size)
{
	return MAPPED(getxattr, path, name, value, size);
}

PRELOAD_CALL ssize_t lgetxattr(const char *path, const char *name, void *value, size_t size)
{
	return MAPPED(lgetxattr, path, name, value, size);
}

PRELOAD_CALL int chdir(const char *path)
{
	return MAPPED(chdir, path);
}

/* The C library writes PATH_MAX bytes at most, and so do we. */
PRELOAD_CALL char *realpath(const char *restrict path, char *restrict resolved)
{
	char *found = MAPPED(realpath, path, resolved);

	if (found && preload_root())
		paths_unmap(found);
	return found;
}

char *__realpath_chk(const char *path, char *resolved, size_t size);
void __chk_fail(void) __attribute__((noreturn));
PRELOAD_CALL char *__realpath_chk(const char *path, char *resolved, size_t size)
{
	if (size < PATH_MAX)
		__chk_fail();
	return realpath(path, resolved);
}

PRELOAD_CALL char *canonicalize_file_name(const char *path)
{
	return realpath(path, NULL);
}
