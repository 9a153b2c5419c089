// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pages come as memfds: no mount, no root, and nothing is left behind after a crash. fallocate() takes them from the
 * node at once, so a shortage is an error here and not a SIGBUS at the first packet.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef VIREO_HAVE_HUGETLBFS
#include <hugetlbfs.h>
#endif
#ifdef VIREO_HAVE_NUMA
#include <numa.h>
#include <numaif.h>
#include <sched.h>
#endif

#include <vireo/driver.h>

#include "pages.h"

/* A signal interrupts fallocate() and may undo it: in pieces, a program with a fast timer gets there as well. */
#define FILL_CHUNK (64ull << 20)

const char *pages_sysfs = "/sys";

static const struct {
	const char *name;
	uint64_t size;
} sizes[] = {{"4K", PAGE_4K}, {"2M", PAGE_2M}, {"1G", PAGE_1G}};

#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

const char *pages_size_name(uint64_t page_size)
{
	for (size_t i = 0; i < N_SIZES; i++)
		if (sizes[i].size == page_size)
			return sizes[i].name;
	return NULL;
}

uint64_t pages_size_parse(const char *text)
{
	for (size_t i = 0; i < N_SIZES; i++)
		if (!strcasecmp(sizes[i].name, text))
			return sizes[i].size;
	return 0;
}

#ifdef VIREO_HAVE_NUMA
#define MASK_LONGS 16 /* 1024 nodes, the most that Linux can be built for */
#define MASK_BITS  (MASK_LONGS * sizeof(long) * CHAR_BIT)

struct policy {
	int mode; /* -1: nothing to restore */
	unsigned long mask[MASK_LONGS];
};

int pages_find_node(unsigned numa_node, struct pages_node *ret_node)
{
	int node = (int)numa_node - 1;

	if (numa_available() < 0) {
		if (node > 0)
			return vireo_error(-EINVAL, "there is no NUMA node %d: this system has only node 0", node);
		*ret_node = (struct pages_node){.node = -1};
		return 0;
	}
	if (node >= 0 && (node > numa_max_node() || !numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned)node)))
		return vireo_error(-EINVAL, "there is no NUMA node %d that this process may use; see numactl --show",
				   node);
	*ret_node = (struct pages_node){
		.node = node >= 0 ? node : numa_node_of_cpu(sched_getcpu()),
		.strict = node >= 0,
	};
	return 0;
}

/* From now on this thread takes memory from @node. Where the kernel refuses, memory comes from wherever it comes. */
static void policy_set(const struct pages_node *node, struct policy *ret_old)
{
	unsigned long mask[MASK_LONGS] = {0};
	unsigned bit = (unsigned)node->node;

	memset(ret_old, 0, sizeof(*ret_old));
	ret_old->mode = -1;
	if (node->node < 0 || node->node >= (int)MASK_BITS)
		return;
	if (get_mempolicy(&ret_old->mode, ret_old->mask, MASK_BITS + 1, NULL, 0)) {
		ret_old->mode = -1;
		return;
	}
	mask[bit / (sizeof(long) * CHAR_BIT)] = 1ul << bit % (sizeof(long) * CHAR_BIT);
	set_mempolicy(node->strict ? MPOL_BIND : MPOL_PREFERRED, mask, MASK_BITS + 1);
}

static void policy_restore(const struct policy *old)
{
	if (old->mode >= 0)
		set_mempolicy(old->mode, old->mask, MASK_BITS + 1);
}
#else
struct policy {
	int unused;
};

int pages_find_node(unsigned numa_node, struct pages_node *ret_node)
{
	if (numa_node > 1)
		return vireo_error(-EINVAL, "vireo was built without libnuma and cannot choose NUMA node %u",
				   numa_node - 1);
	*ret_node = (struct pages_node){.node = -1};
	return 0;
}

static void policy_set(const struct pages_node *node, struct policy *ret_old)
{
}

static void policy_restore(const struct policy *old)
{
}
#endif

/* A counter of the kernel for this page size, on @node or, with -1, of the whole system; 0 when it is not there. */
static unsigned long long read_count(uint64_t page_size, int node, const char *what)
{
	unsigned long long kib = page_size / 1024, value = 0;
	char path[PATH_MAX];
	FILE *f;

	if (node < 0)
		snprintf(path, sizeof(path), "%s/kernel/mm/hugepages/hugepages-%llukB/%s", pages_sysfs, kib, what);
	else
		snprintf(path, sizeof(path), "%s/devices/system/node/node%d/hugepages/hugepages-%llukB/%s", pages_sysfs,
			 node, kib, what);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

/* " (it offers 2M, 1G)", or nothing when libhugetlbfs does not tell. */
static const char *offered_sizes(char *text, size_t len)
{
	text[0] = '\0';
#ifdef VIREO_HAVE_HUGETLBFS
	long offered[8];
	int n = gethugepagesizes(offered, 8);
	size_t at = 0;

	for (int i = 0; i < n && at < len; i++)
		at += (size_t)snprintf(text + at, len - at, "%s%ldM", i ? ", " : " (it offers ", offered[i] >> 20);
	if (n > 0 && at < len)
		snprintf(text + at, len - at, ")");
#endif
	return text;
}

int pages_shortage(size_t size, uint64_t page_size, const struct pages_node *node)
{
	int from = node->strict ? node->node : -1;
	unsigned long long total = read_count(page_size, from, "nr_hugepages");
	unsigned long long n_free = read_count(page_size, from, "free_hugepages");
	unsigned long long reserved = read_count(page_size, from, "resv_hugepages"); /* free, but promised to others */
	unsigned long long needed = (size + page_size - 1) / page_size;
	const char *name = pages_size_name(page_size);
	char on[32] = "", option[32] = "";

	n_free -= reserved < n_free ? reserved : n_free;
	if (node->strict && node->node >= 0) {
		snprintf(on, sizeof(on), " on node %d", node->node);
		snprintf(option, sizeof(option), " --node %d", node->node);
	}
	if (!read_count(page_size, -1, "nr_hugepages"))
		return vireo_error(-ENOMEM,
				   "no hugepages: %llu of %s are needed%s and the system has none of that size; run "
				   "'vireo-bind hugepages --size %s --count %llu%s', or set VIREO_PAGE_SIZE=4K to do "
				   "without (slower)",
				   needed, name, on, name, needed, option);
	if (n_free >= needed)
		return vireo_error(-ENOSPC,
				   "%llu hugepages of %s are needed%s and %llu are free, but this process may not have "
				   "them: look at the hugetlb limit of its cgroup and at its cpuset",
				   needed, name, on, n_free);
	return vireo_error(-ENOSPC,
			   "too few hugepages: %llu of %s are needed%s and %llu of %llu are free; run "
			   "'vireo-bind hugepages --size %s --count %llu%s', or set VIREO_PAGE_SIZE=4K to do without "
			   "(slower)",
			   needed, name, on, n_free, total, name, total + needed - n_free, option);
}

static int fill(int fd, size_t size, uint64_t page_size)
{
	size_t chunk = page_size > FILL_CHUNK ? page_size : FILL_CHUNK;

	for (size_t off = 0; off < size; off += chunk) {
		size_t len = size - off < chunk ? size - off : chunk;

		while (fallocate(fd, 0, (off_t)off, (off_t)len))
			if (errno != EINTR)
				return -errno;
	}
	return 0;
}

static int open_memfd(uint64_t page_size)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd;

	if (page_size != PAGE_4K)
		flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(page_size) << MFD_HUGE_SHIFT;
	fd = memfd_create("vireo", flags);
	return fd < 0 ? -errno : fd;
}

int pages_create(size_t size, uint64_t page_size, const struct pages_node *node, int *ret_fd)
{
	struct policy old;
	char offered[64];
	int err, fd;

	fd = open_memfd(page_size);
	if (fd < 0 && page_size == PAGE_4K)
		return vireo_error(fd, "cannot make memory for devices: memfd_create says %s", strerror(-fd));
	if (fd == -EMFILE || fd == -ENFILE)
		return vireo_error(fd, "cannot make memory for devices: too many open files; see ulimit -n");
	if (fd < 0)
		return vireo_error(-ENOMEM,
				   "this kernel has no hugepages of %s%s; choose another size with VIREO_PAGE_SIZE, 4K "
				   "does without (slower)",
				   pages_size_name(page_size), offered_sizes(offered, sizeof(offered)));
	policy_set(node, &old);
	err = fill(fd, size, page_size);
	policy_restore(&old);
	if (err) {
		close(fd);
		if (page_size == PAGE_4K)
			return vireo_error(err, "cannot get %zu KiB of memory: %s", size >> 10, strerror(-err));
		return pages_shortage(size, page_size, node);
	}
	/* Whoever is handed this file later (a peer on a socket) cannot cut it short under us. */
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	*ret_fd = fd;
	return 0;
}
