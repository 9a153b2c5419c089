// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory of the program as files that another process can map. What the program mapped shared has one already; what is
 * private gets one here, in its place and with its contents. From then on a child of the program shares it, too, as it
 * must with memory that a device writes to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory_map.h"
#include "preload.h"

/* One line of /proc/self/maps. */
struct area {
	uint64_t start, end;
	int prot;
	bool shared;
};

/* All of /proc/self/maps, with a NUL; or NULL. */
static char *read_maps(void)
{
	size_t size = 64 << 10, len = 0;
	char *text = malloc(size), *bigger;
	int fd = NEXT(open)("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (text && fd >= 0 && (n = NEXT(read)(fd, text + len, size - len - 1)) > 0) {
		len += (size_t)n;
		if (size - len > 1)
			continue;
		size *= 2;
		bigger = realloc(text, size);
		if (!bigger)
			break;
		text = bigger;
	}
	if (fd >= 0)
		NEXT(close)(fd);
	if (n != 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/* The area that @va lies in. */
static bool find_area(const char *maps, uint64_t va, struct area *ret_area)
{
	const char *line = maps;

	for (; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		unsigned long long start, end;
		char perms[5];

		if (sscanf(line, "%llx-%llx %4s", &start, &end, perms) != 3 || va < start || va >= end)
			continue;
		ret_area->start = start;
		ret_area->end = end;
		ret_area->prot = (perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
				 (perms[2] == 'x' ? PROT_EXEC : 0);
		ret_area->shared = perms[3] == 's';
		return true;
	}
	return false;
}

/* Write what is at @va into @fd. */
static int save(int fd, uint64_t va, uint64_t size)
{
	uint64_t done = 0;
	ssize_t n;

	while (done < size) {
		n = NEXT(pwrite)(fd, (void *)(uintptr_t)(va + done), size - done, (off_t)done);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (uint64_t)n;
	}
	return 0;
}

/* Put a file where private memory was. What another thread writes there in this moment is lost. */
static int convert(uint64_t va, uint64_t size, int prot)
{
	int fd = memfd_create("vireo-sim-dma", MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = ftruncate(fd, (off_t)size) ? -errno : save(fd, va, size);
	if (!err)
		err = memory_note_file(va, size, fd, 0);
	if (!err && NEXT(mmap)((void *)(uintptr_t)va, size, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		err = -errno;
		memory_forget(va, size);
	}
	NEXT(close)(fd);
	return err;
}

/* Have a file behind what is at @va, up to @end at most. @maps is read when it is needed first. */
static int convert_at(char **maps, uint64_t va, uint64_t end, bool write)
{
	const struct memory_range *next;
	struct area area;

	if (!*maps)
		*maps = read_maps();
	if (!*maps)
		return -ENOMEM;
	if (!find_area(*maps, va, &area) || area.shared || !(area.prot & PROT_READ))
		return -EFAULT;
	if (write && !(area.prot & PROT_WRITE))
		return -EFAULT;
	end = end < area.end ? end : area.end;
	next = memory_first(va);
	if (next && next->va < end)
		end = next->va;
	return convert(va, end - va, area.prot);
}

static int add_piece(struct memory_piece **pieces, unsigned *n, uint64_t va, uint64_t end)
{
	const struct memory_range *range = memory_find(va);
	uint64_t last = range->va + range->size;
	struct memory_piece *more = realloc(*pieces, (*n + 1) * sizeof(**pieces));

	if (!more)
		return -ENOMEM;
	*pieces = more;
	more[*n] = (struct memory_piece){
		.va = va,
		.size = (last < end ? last : end) - va,
		.offset = range->offset + (va - range->va),
		.file = range->file,
	};
	range->file->n_users++;
	*n += 1;
	return 0;
}

int memory_share(uint64_t va, uint64_t size, bool write, struct memory_piece **ret_pieces, unsigned *ret_n)
{
	struct memory_piece *pieces = NULL;
	uint64_t at = va, end = va + size;
	char *maps = NULL;
	unsigned n = 0;
	int err = end > va ? 0 : -EFAULT;

	while (!err && at < end) {
		const struct memory_range *range = memory_find(at);

		if (!range) {
			err = convert_at(&maps, at, end, write);
		} else if (range->device) {
			err = -EFAULT;
		} else {
			err = add_piece(&pieces, &n, at, end);
			if (!err)
				at += pieces[n - 1].size;
		}
	}
	free(maps);
	if (err) {
		memory_pieces_free(pieces, n);
		return err;
	}
	*ret_pieces = pieces;
	*ret_n = n;
	return 0;
}
