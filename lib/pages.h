/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_PAGES_H
#define VIREO_LIB_PAGES_H

/* Memory by the page: files that exist only in memory, filled on a node, and the sentences for when there is none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_4K (UINT64_C(1) << 12)
#define PAGE_2M (UINT64_C(1) << 21)
#define PAGE_1G (UINT64_C(1) << 30)

/* Where memory shall come from. */
struct pages_node {
	int node;    /* -1: the system has no nodes */
	bool strict; /* from there or not at all, because somebody named the node */
};

/* @numa_node: 1 + node, or 0 for the node of the calling thread. 0; -EINVAL when there is no such node. */
int pages_find_node(unsigned numa_node, struct pages_node *ret_node);

/*
 * A file of @size bytes, all of them there, zeroed. 0; -ENOMEM when there are no pages of this size, -ENOSPC when there
 * are too few, both with the sentence that says what mends it. Close it with close().
 */
int pages_create(size_t size, uint64_t page_size, const struct pages_node *node, int *ret_fd);

/* "4K", "2M", "1G" and back; NULL and 0 for anything else. */
const char *pages_size_name(uint64_t page_size);
uint64_t pages_size_parse(const char *text);

/* The error and the sentence for when @size bytes could not be had. */
int pages_shortage(size_t size, uint64_t page_size, const struct pages_node *node);

/* Where the kernel tells about pages: "/sys", or what a test made up. */
extern const char *pages_sysfs;

#endif
