// SPDX-License-Identifier: BSD-2-Clause
/*
 * One window of addresses, reserved once without memory. Arenas (memfds full of pages, or files of others) are mapped
 * at fixed places inside, and every client maps every arena at the same distance, so one constant translates them all.
 *
 * fork(): the child shares arenas with its parent, coherently, because they are shared files. Either of the two may go
 * on with vireo (daemon() after open works), never both. MADV_DONTFORK would protect nobody from both doing so with the
 * devices themselves, and there is no copy-on-write here that it could prevent. exec() leaves everything behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "domain.h"
#include "iova.h"
#include "pages.h"

#define DEFAULT_WINDOW_SIZE (64 * PAGE_1G)
#define DEFAULT_IOVA_BASE   (4 * PAGE_1G)
#define CACHE_LINE          64

struct domain domain = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.window_size = DEFAULT_WINDOW_SIZE,
	.iova_base = DEFAULT_IOVA_BASE,
};

uint64_t dma_iova_offset;

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

vireo_iova_t vireo_iova(const void *va)
{
	return dma_iova(va);
}

/* The window. */

static void window_release(void)
{
	if (!domain.window)
		return;
	munmap(domain.window, domain.window_size);
	iova_space_destroy(domain.places);
	domain.window = NULL;
	domain.places = NULL;
}

/* Addresses without memory, a multiple of 1 GiB as the IOVA base is: pages of every size look alike from both sides. */
static char *window_mmap(uint64_t size)
{
	char *va, *start;

	if (size + PAGE_1G < size)
		return NULL;
	va = mmap(NULL, size + PAGE_1G, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (va == MAP_FAILED)
		return NULL;
	start = (char *)round_up((uintptr_t)va, PAGE_1G);
	if (start > va)
		munmap(va, (size_t)(start - va));
	if (start < va + PAGE_1G)
		munmap(start + size, (size_t)(va + PAGE_1G - start));
	return start;
}

static int window_reserve(void)
{
	struct vireo_iova_range range;
	char *va;
	int err;

	if (domain.window)
		return 0;
	va = window_mmap(domain.window_size);
	if (!va)
		return vireo_error(-ENOMEM,
				   "this process has no gap of %" PRIu64 " GiB of addresses for the DMA window: raise "
				   "ulimit -v, or choose a smaller window with vireo_memory_configure()",
				   domain.window_size / PAGE_1G);
	range = (struct vireo_iova_range){.start = (uintptr_t)va, .last = (uintptr_t)va + domain.window_size - 1};
	err = iova_space_create(&range, 1, &domain.places);
	if (err) {
		munmap(va, domain.window_size);
		return vireo_error(err, "out of memory");
	}
	domain.window = va;
	dma_iova_offset = domain.iova_base - (uintptr_t)va;
	return 0;
}

/* Give the addresses back to the reservation; the mapping before goes away with it. */
static int window_clear(void *va, size_t size)
{
	if (mmap(va, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	return 0;
}

static int choose_page_size(void)
{
	const char *text = getenv("VIREO_PAGE_SIZE");

	if (domain.page_size)
		return 0;
	if (!text || !*text) {
		domain.page_size = PAGE_2M;
		return 0;
	}
	domain.page_size = pages_size_parse(text);
	if (!domain.page_size)
		return vireo_error(-EINVAL, "VIREO_PAGE_SIZE is '%s'; it must be 4K, 2M or 1G", text);
	return 0;
}

static int check_config(const struct vireo_memory_config *cfg, uint64_t window_size, vireo_iova_t iova_base)
{
	if (window_size % PAGE_1G)
		return vireo_error(-EINVAL, "window_size is not a multiple of 1 GiB");
	if (iova_base % PAGE_1G)
		return vireo_error(-EINVAL, "iova_base is not a multiple of 1 GiB");
	if (iova_base + window_size - 1 < iova_base)
		return vireo_error(-EINVAL, "a window of that size does not fit behind iova_base");
	if (cfg->page_size && !pages_size_name(cfg->page_size))
		return vireo_error(-EINVAL, "page_size must be 4 KiB, 2 MiB or 1 GiB");
	return 0;
}

int vireo_memory_configure(const struct vireo_memory_config *cfg)
{
	uint64_t window_size = cfg->window_size ? cfg->window_size : DEFAULT_WINDOW_SIZE;
	vireo_iova_t iova_base = cfg->iova_base ? cfg->iova_base : DEFAULT_IOVA_BASE;
	uint64_t old_window_size;
	vireo_iova_t old_iova_base;
	int err;

	err = check_config(cfg, window_size, iova_base);
	if (err)
		return err;
	pthread_mutex_lock(&domain.lock);
	if (domain.clients || (domain.places && !iova_space_is_empty(domain.places))) {
		err = vireo_error(-EBUSY, "memory cannot be configured any more: it is in use, or a port is open");
		goto out;
	}
	window_release();
	old_window_size = domain.window_size;
	old_iova_base = domain.iova_base;
	domain.window_size = window_size;
	domain.iova_base = iova_base;
	err = window_reserve();
	if (err) {
		domain.window_size = old_window_size;
		domain.iova_base = old_iova_base;
		goto out;
	}
	domain.page_size = cfg->page_size;
out:
	pthread_mutex_unlock(&domain.lock);
	return err;
}

uint64_t dma_page_size(void)
{
	uint64_t page_size;

	pthread_mutex_lock(&domain.lock);
	page_size = choose_page_size() ? PAGE_2M : domain.page_size;
	pthread_mutex_unlock(&domain.lock);
	return page_size;
}

unsigned dma_n_arenas(void)
{
	unsigned n = 0;

	pthread_mutex_lock(&domain.lock);
	for (const struct arena *arena = domain.arenas; arena; arena = arena->next)
		n++;
	pthread_mutex_unlock(&domain.lock);
	return n;
}

/* Arenas and clients. */

uint64_t dma_arena_bytes;

/* Take @arena away from all clients before @end. -EIO when one of them could not: its devices may still reach it. */
static int arena_unmap_clients(const struct arena *arena, const struct dma_client *end)
{
	struct dma_mapping mapping = arena_mapping(arena);
	int ret = 0;

	for (struct dma_client *client = domain.clients; client != end; client = client->next) {
		int err = client->ops->unmap(client, &mapping);

		if (!err)
			continue;
		vireo_log(VIREO_LOG_WARN, "%s did not unmap %zu bytes at IOVA 0x%" PRIx64 ": %s", client->name,
			  mapping.size, mapping.iova, strerror(-err));
		ret = -EIO;
	}
	return ret;
}

static int arena_map_clients(const struct arena *arena)
{
	struct dma_mapping mapping = arena_mapping(arena);

	for (struct dma_client *client = domain.clients; client; client = client->next) {
		int err = client->ops->map(client, &mapping);

		if (err) {
			arena_unmap_clients(arena, client);
			return err;
		}
	}
	return 0;
}

static int place_alloc(size_t size, uint64_t align, char **ret_va)
{
	vireo_iova_t at;
	int err;

	err = window_reserve();
	if (err)
		return err;
	err = iova_alloc(domain.places, size, align, &at);
	if (err)
		return vireo_error(err,
				   "the DMA window of %" PRIu64 " GiB has no room for %zu MiB more; choose a larger "
				   "one with vireo_memory_configure()",
				   domain.window_size / PAGE_1G, size >> 20);
	*ret_va = (char *)(uintptr_t)at;
	return 0;
}

/* Map the arena's file at a place of @align in the window and into all clients, and have it found from now on. */
static int arena_insert(struct arena *arena, uint64_t align, int mmap_flags)
{
	int err;

	err = place_alloc(arena->size, align, &arena->va);
	if (err)
		return err;
	if (mmap(arena->va, arena->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | mmap_flags, arena->fd,
		 arena->fd_offset) == MAP_FAILED) {
		err = vireo_error(-errno, "cannot map %zu bytes for devices: %s", arena->size, strerror(errno));
		goto err_place;
	}
	err = arena_map_clients(arena);
	if (err)
		goto err_place;
	arena->next = domain.arenas;
	domain.arenas = arena;
	dma_arena_bytes += arena->size;
	return 0;

err_place:
	if (!window_clear(arena->va, arena->size))
		iova_free(domain.places, (uintptr_t)arena->va, arena->size);
	return err;
}

/*
 * Forget the arena and free it. Its addresses are used again only when they mean nothing to anybody any more: not when
 * a client still maps them.
 */
static void arena_remove(struct arena *arena)
{
	struct arena **link = &domain.arenas;
	int err;

	while (*link != arena)
		link = &(*link)->next;
	*link = arena->next;
	dma_arena_bytes -= arena->size;
	err = arena_unmap_clients(arena, NULL);
	if (!window_clear(arena->va, arena->size) && !err)
		iova_free(domain.places, (uintptr_t)arena->va, arena->size);
	close(arena->fd);
	iova_space_destroy(arena->space);
	free(arena);
}

static void warn_small_pages(void)
{
	if (domain.page_size != PAGE_4K || domain.warned_small_pages)
		return;
	domain.warned_small_pages = true;
	vireo_log(VIREO_LOG_WARN, "memory is in pages of 4 KiB: behind an IOMMU this costs up to 62 %% of the rate at "
				  "64 bytes; 'vireo-bind hugepages --size 2M --count N' and VIREO_PAGE_SIZE=2M "
				  "avoid it");
}

/* A new arena of at least @size bytes. */
static int arena_create(size_t size, const struct pages_node *node, struct arena **ret_arena)
{
	uint64_t unit = domain.page_size < PAGE_2M ? PAGE_2M : domain.page_size;
	struct vireo_iova_range range;
	struct arena *arena;
	int err;

	if (size > domain.window_size)
		return vireo_error(-ENOSPC, "%zu MiB are more than the DMA window of %" PRIu64 " GiB", size >> 20,
				   domain.window_size / PAGE_1G);
	arena = calloc(1, sizeof(*arena));
	if (!arena)
		return vireo_error(-ENOMEM, "out of memory");
	arena->size = round_up(size, unit);
	arena->node = node->node;
	err = pages_create(arena->size, domain.page_size, node, &arena->fd);
	if (err)
		goto err_free;
	err = arena_insert(arena, unit, MAP_POPULATE);
	if (err)
		goto err_close;
	range.start = (uintptr_t)arena->va;
	range.last = range.start + arena->size - 1;
	err = iova_space_create(&range, 1, &arena->space);
	if (err) {
		arena_remove(arena);
		return vireo_error(err, "out of memory");
	}
	warn_small_pages();
	*ret_arena = arena;
	return 0;

err_close:
	close(arena->fd);
err_free:
	free(arena);
	return err;
}

static int arena_alloc(struct arena *arena, size_t size, size_t align, void **ret_va)
{
	size_t start, used;
	vireo_iova_t at;
	int err;

	err = iova_alloc(arena->space, size, align, &at);
	if (err)
		return err;
	start = (size_t)(at - (uintptr_t)arena->va);
	if (start < arena->n_used) {
		used = arena->n_used - start;
		memset(arena->va + start, 0, used < size ? used : size);
	}
	if (arena->n_used < start + size)
		arena->n_used = start + size;
	*ret_va = arena->va + start;
	return 0;
}

static int alloc_locked(size_t size, size_t align, const struct pages_node *node, void **ret_va)
{
	struct arena *arena;
	int err;

	err = choose_page_size();
	if (err)
		return err;
	for (arena = domain.arenas; arena; arena = arena->next)
		if (arena->space && arena->node == node->node && !arena_alloc(arena, size, align, ret_va))
			return 0;
	err = arena_create(size, node, &arena);
	if (err)
		return err;
	err = arena_alloc(arena, size, align, ret_va);
	if (err) {
		arena_remove(arena);
		return vireo_error(err, "out of memory");
	}
	return 0;
}

int vireo_memory_alloc(size_t size, size_t align, unsigned numa_node, void **ret_va)
{
	struct pages_node node;
	int err;

	if (!size || size > SIZE_MAX - PAGE_1G)
		return vireo_error(-EINVAL, "cannot allocate %zu bytes", size);
	if (!align || (align & (align - 1)) || align > PAGE_2M)
		return vireo_error(-EINVAL, "alignment %zu is not a power of two up to 2 MiB", align);
	err = pages_find_node(numa_node, &node);
	if (err)
		return err;
	/* No two allocations share a cache line. */
	size = round_up(size, CACHE_LINE);
	align = align < CACHE_LINE ? CACHE_LINE : align;
	pthread_mutex_lock(&domain.lock);
	err = alloc_locked(size, align, &node, ret_va);
	pthread_mutex_unlock(&domain.lock);
	return err;
}

static struct arena *arena_find(const void *va)
{
	struct arena *arena = domain.arenas;

	while (arena && ((const char *)va < arena->va || (const char *)va >= arena->va + arena->size))
		arena = arena->next;
	return arena;
}

void vireo_memory_free(void *va)
{
	struct arena *arena;
	uint64_t size = 0;

	if (!va)
		return;
	pthread_mutex_lock(&domain.lock);
	arena = arena_find(va);
	if (arena && arena->space)
		size = iova_taken(arena->space, (uintptr_t)va);
	if (size) {
		iova_free(arena->space, (uintptr_t)va, size);
		if (iova_space_is_empty(arena->space))
			arena_remove(arena);
	}
	pthread_mutex_unlock(&domain.lock);
	if (!size)
		vireo_log(VIREO_LOG_ERR, "vireo_memory_free: nothing was allocated at %p", va);
}

/* The size of the pages behind @fd, after a look at whether @size bytes at @offset are there. */
static int check_file(int fd, off_t offset, size_t size, uint64_t *ret_page_size)
{
	uint64_t page_size = PAGE_4K;
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		return vireo_error(-errno, "cannot look at file descriptor %d: %s", fd, strerror(errno));
	if (fs.f_type == HUGETLBFS_MAGIC)
		page_size = (uint64_t)fs.f_bsize;
	if (offset < 0 || !size || (uint64_t)offset % page_size || size % page_size)
		return vireo_error(-EINVAL, "offset and size must be multiples of the file's page size, %" PRIu64,
				   page_size);
	if (S_ISREG(st.st_mode) && (offset > st.st_size || size > (uint64_t)(st.st_size - offset)))
		return vireo_error(-EINVAL, "the file ends before offset %lld + %zu bytes", (long long)offset, size);
	*ret_page_size = page_size;
	return 0;
}

int vireo_memory_import(int fd, off_t offset, size_t size, void **ret_va)
{
	struct arena *arena;
	uint64_t page_size;
	int err;

	err = check_file(fd, offset, size, &page_size);
	if (err)
		return err;
	arena = calloc(1, sizeof(*arena));
	if (!arena)
		return vireo_error(-ENOMEM, "out of memory");
	*arena = (struct arena){.size = size, .fd_offset = offset, .node = -1};
	arena->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (arena->fd < 0) {
		err = vireo_error(-errno, "cannot duplicate file descriptor %d: %s", fd, strerror(errno));
		goto err_free;
	}
	pthread_mutex_lock(&domain.lock);
	err = arena_insert(arena, page_size < PAGE_2M ? PAGE_2M : page_size, 0);
	pthread_mutex_unlock(&domain.lock);
	if (err)
		goto err_close;
	*ret_va = arena->va;
	return 0;

err_close:
	close(arena->fd);
err_free:
	free(arena);
	return err;
}

int vireo_memory_release(void *va)
{
	struct arena *arena;
	int err = 0;

	pthread_mutex_lock(&domain.lock);
	arena = arena_find(va);
	if (arena && !arena->space && arena->va == va)
		arena_remove(arena);
	else
		err = vireo_error(-ENOENT, "nothing was imported at %p", va);
	pthread_mutex_unlock(&domain.lock);
	return err;
}
