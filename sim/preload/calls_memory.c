// SPDX-License-Identifier: BSD-2-Clause
/* Calls that change what is mapped where: what a device may have to reach later, and windows to devices. */
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_map.h"
#include "objects.h"
#include "preload.h"

#define PAGE 4096ull

/* A call of the program's, with cards around. */
static bool is_ours(void)
{
	return preload_root() && !preload_is_locked();
}

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

static bool is_shared(int flags)
{
	return (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
}

/* A descriptor of memory that is mapped without one, so that a device can be given it. */
static void *map_nameless(void *va, size_t len, int prot, int flags)
{
	int huge = flags & (MAP_HUGETLB | (int)((unsigned)MAP_HUGE_MASK << MAP_HUGE_SHIFT)), fd;
	struct stat st;
	void *got = MAP_FAILED;

	/* MFD_HUGETLB has the sizes at the same place as MAP_HUGETLB. */
	fd = memfd_create("vireo-sim-memory",
			  MFD_CLOEXEC | (huge & MAP_HUGETLB ? MFD_HUGETLB | (unsigned)(huge & ~MAP_HUGETLB) : 0));
	if (fd < 0)
		return MAP_FAILED;
	if (fstat(fd, &st) == 0 && ftruncate(fd, (off_t)round_up(len, (uint64_t)st.st_blksize)) == 0) {
		len = round_up(len, (uint64_t)st.st_blksize);
		flags = (flags & ~(MAP_TYPE | MAP_ANONYMOUS | huge)) | MAP_SHARED;
		got = NEXT(mmap)(va, len, prot, flags, fd, 0);
	}
	/* If it cannot be remembered, it is memory all the same; a device that is to reach it says that it cannot. */
	if (got != MAP_FAILED && memory_note_file((uintptr_t)got, len, fd, 0))
		memory_forget((uintptr_t)got, len);
	NEXT(close)(fd);
	return got;
}

static void *map_plain(void *va, size_t len, int prot, int flags, int fd, off64_t offset)
{
	void *got = NEXT(mmap64)(va, len, prot, flags, fd, offset);
	struct stat st;

	if (got == MAP_FAILED)
		return got;
	len = round_up(len, PAGE);
	if (flags & MAP_ANONYMOUS || !is_shared(flags) || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    memory_note_file((uintptr_t)got, len, fd, (uint64_t)offset))
		memory_forget((uintptr_t)got, len);
	return got;
}

static void *map_object(struct object *object, void *va, size_t len, int prot, int flags, off64_t offset)
{
	int err = -ENODEV;

	if (object->ops->mmap)
		err = object->ops->mmap(object, &va, len, prot, flags, (uint64_t)offset);
	if (!err)
		return va;
	errno = -err;
	return MAP_FAILED;
}

static void *map(void *va, size_t len, int prot, int flags, int fd, off64_t offset)
{
	struct object *object = flags & MAP_ANONYMOUS ? NULL : object_of(fd);
	sigset_t saved;
	void *got;

	if (!is_ours())
		return NEXT(mmap64)(va, len, prot, flags, fd, offset);
	preload_lock(&saved);
	if (object)
		got = map_object(object, va, len, prot, flags, offset);
	else if (len && flags & MAP_ANONYMOUS && (is_shared(flags) || flags & MAP_HUGETLB))
		got = map_nameless(va, len, prot, flags);
	else
		got = map_plain(va, len, prot, flags, fd, offset);
	preload_unlock(&saved);
	return got;
}

PRELOAD_CALL void *mmap(void *va, size_t len, int prot, int flags, int fd, off_t offset)
{
	return map(va, len, prot, flags, fd, offset);
}

PRELOAD_CALL void *mmap64(void *va, size_t len, int prot, int flags, int fd, off64_t offset)
{
	return map(va, len, prot, flags, fd, offset);
}

PRELOAD_CALL int munmap(void *va, size_t len)
{
	sigset_t saved;
	int ret;

	if (!is_ours())
		return NEXT(munmap)(va, len);
	preload_lock(&saved);
	ret = NEXT(munmap)(va, len);
	if (ret == 0)
		memory_forget((uintptr_t)va, round_up(len, PAGE));
	preload_unlock(&saved);
	return ret;
}

/* The same file at another place, or more of it. */
static void note_moved(const struct memory_range *old, uint64_t from, uint64_t old_len, uint64_t to, uint64_t len)
{
	struct memory_range was = {0};

	if (old && old->file) {
		was = *old;
		was.file->n_users++;
	}
	if (from != to || len < old_len)
		memory_forget(from, old_len);
	memory_forget(to, len);
	if (was.file) {
		memory_note_file(to, len, was.file->fd, was.offset + (from - was.va));
		memory_file_put(was.file);
	}
}

PRELOAD_CALL void *mremap(void *va, size_t old_len, size_t len, int flags, ...)
{
	const struct memory_range *range;
	void *wish, *got;
	sigset_t saved;
	va_list args;

	va_start(args, flags);
	wish = va_arg(args, void *);
	va_end(args);
	if (!is_ours())
		return NEXT(mremap)(va, old_len, len, flags, wish);
	preload_lock(&saved);
	range = memory_find((uintptr_t)va);
	if (range && range->device) {
		/* The kernel does not move what a driver maps, either. */
		errno = EFAULT;
		got = MAP_FAILED;
	} else {
		got = NEXT(mremap)(va, old_len, len, flags, wish);
		if (got != MAP_FAILED)
			note_moved(range, (uintptr_t)va, round_up(old_len, PAGE), (uintptr_t)got, round_up(len, PAGE));
	}
	preload_unlock(&saved);
	return got;
}

/* Pages of a window that trap must go on trapping; the trap looks at what the program wanted. */
PRELOAD_CALL int mprotect(void *va, size_t len, int prot)
{
	sigset_t saved;
	int ret;

	if (!is_ours())
		return NEXT(mprotect)(va, len, prot);
	preload_lock(&saved);
	ret = memory_protect_windows((uintptr_t)va, round_up(len, PAGE), prot);
	preload_unlock(&saved);
	if (ret < 0)
		return (int)preload_result(ret);
	return ret ? 0 : NEXT(mprotect)(va, len, prot);
}
