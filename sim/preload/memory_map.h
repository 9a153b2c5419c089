/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PRELOAD_MEMORY_MAP_H
#define SIM_PRELOAD_MEMORY_MAP_H

/*
 * What is mapped where in the program, as far as it matters: files that are mapped shared, since a device reaches them by
 * their descriptor, and windows to the registers of a device. Everything here is called under the lock.
 */

#include <stdbool.h>
#include <stdint.h>

struct device;

/* A descriptor of our own for a file that is mapped somewhere. */
struct memory_file {
	int fd;
	unsigned n_users;
};

/* Either @file or @device is set; @offset is in the file or in the region. */
struct memory_range {
	uint64_t va, size;
	uint64_t offset;
	struct memory_file *file;
	struct device *device;
	unsigned region;
	int prot;
};

/* The range that @va lies in, or NULL; valid until the next change. */
const struct memory_range *memory_find(uint64_t va);
/* The first range that ends after @va. */
const struct memory_range *memory_first(uint64_t va);
const struct memory_range *memory_next(const struct memory_range *range);

/* One use less of a file. */
void memory_file_put(struct memory_file *file);

/* Forget what is known of these addresses: something else is there now. -ENOMEM leaves all as it was. */
int memory_forget(uint64_t va, uint64_t size);
/* Remember a shared mapping of @fd, which stays with the caller. */
int memory_note_file(uint64_t va, uint64_t size, int fd, uint64_t offset);
int memory_note_window(uint64_t va, uint64_t size, struct device *device, unsigned region, uint64_t offset, int prot);
/* The windows in there have this protection from now on; whether there were any. */
int memory_protect_windows(uint64_t va, uint64_t size, int prot);

/* A piece of the program's memory that has a file behind it. */
struct memory_piece {
	uint64_t va, size;
	uint64_t offset;
	struct memory_file *file; /* one use of it belongs to whoever has the piece */
};

/*
 * The pieces behind a range of addresses, for a device that reads and, when @write, writes there. Memory that is the program's
 * alone (malloc, MAP_PRIVATE) gets a file behind it on the spot, with what it holds. -EFAULT: something there is not
 * mapped, or not memory; -ENOMEM.
 */
int memory_share(uint64_t va, uint64_t size, bool write, struct memory_piece **ret_pieces, unsigned *ret_n);
void memory_pieces_free(struct memory_piece *pieces, unsigned n);

#endif
