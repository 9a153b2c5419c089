// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clients of the domain: whoever stands between devices and memory (an IOMMU container, a peer on a socket) learns
 * of every arena here, at the place where the window lies for all of them, and maps what lies outside at places of its
 * own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/driver.h>

#include "domain.h"
#include "iova.h"
#include "pages.h"

static bool window_empty(void)
{
	return !domain.places || iova_space_is_empty(domain.places);
}

/* Whether the window may lie at @base as far as @client is concerned. */
static bool holds(const struct dma_client *client, vireo_iova_t base)
{
	vireo_iova_t last = base + domain.window_size - 1;

	for (unsigned i = 0; i < client->n_ranges; i++)
		if (last >= base && base >= client->ranges[i].start && last <= client->ranges[i].last)
			return true;
	return false;
}

/* A place for the window from @lowest up; always a multiple of 1 GiB, and never 0, which looks like no address. */
static bool find_base(const struct dma_client *client, vireo_iova_t lowest, vireo_iova_t *ret_base)
{
	for (unsigned i = 0; i < client->n_ranges; i++) {
		vireo_iova_t start = client->ranges[i].start > lowest ? client->ranges[i].start : lowest;
		vireo_iova_t base = (start + PAGE_1G - 1) & ~(PAGE_1G - 1);

		if (base >= start && holds(client, base)) {
			*ret_base = base;
			return true;
		}
	}
	return false;
}

static int refuse_ranges(const struct dma_client *client)
{
	char text[512] = "nothing";
	size_t at = 0;

	for (unsigned i = 0; i < client->n_ranges && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s0x%" PRIx64 "-0x%" PRIx64, i ? ", " : "",
				       client->ranges[i].start, client->ranges[i].last);
	return vireo_error(-ERANGE,
			   "the DMA window 0x%" PRIx64 "-0x%" PRIx64 " does not lie in what %s can address (%s); "
			   "choose its place and size with vireo_memory_configure() before anything uses memory",
			   domain.iova_base, domain.iova_base + domain.window_size - 1, client->name, text);
}

/*
 * Where the window shall lie so that @client can reach it: where it is, or, as long as nothing lies in it and nobody
 * else looks at it, above 4 GiB, or else wherever it fits.
 */
static int choose_base(const struct dma_client *client, vireo_iova_t *ret_base)
{
	bool alone = !domain.clients || (domain.clients == client && !client->next);

	*ret_base = domain.iova_base;
	if (holds(client, domain.iova_base))
		return 0;
	if (window_empty() && alone && !domain.foreign &&
	    (find_base(client, 4 * PAGE_1G, ret_base) || find_base(client, PAGE_1G, ret_base)))
		return 0;
	return refuse_ranges(client);
}

static void move_window(vireo_iova_t base)
{
	if (base == domain.iova_base)
		return;
	vireo_log(VIREO_LOG_INFO, "the DMA window moves from 0x%" PRIx64 " to 0x%" PRIx64, domain.iova_base, base);
	domain.iova_base = base;
	if (domain.window)
		dma_iova_offset = base - (uintptr_t)domain.window;
}

/* What is left of the client's ranges for foreign memory, with the window at @base. */
static int create_space(const struct dma_client *client, vireo_iova_t base, struct iova_space **ret_space)
{
	struct iova_space *space;
	int err;

	err = iova_space_create(client->ranges, client->n_ranges, &space);
	if (err)
		return vireo_error(err, "the address ranges of %s make no sense", client->name);
	/* Address 0 looks like no address to many a device; it is no loss when it was not valid anyway. */
	iova_reserve(space, 0, PAGE_4K);
	err = iova_reserve(space, base, domain.window_size);
	for (const struct foreign *f = domain.foreign; f && !err; f = f->next) {
		if (f->client != client)
			continue;
		err = iova_reserve(space, f->mapping.iova, f->mapping.size);
		if (err)
			vireo_error(err, "%s can no longer address what is mapped at IOVA 0x%" PRIx64, client->name,
				    f->mapping.iova);
	}
	if (err) {
		iova_space_destroy(space);
		return err;
	}
	*ret_space = space;
	return 0;
}

static void unmap_arenas(struct dma_client *client, const struct arena *end)
{
	for (const struct arena *arena = domain.arenas; arena != end; arena = arena->next) {
		struct dma_mapping mapping = arena_mapping(arena);

		client->ops->unmap(client, &mapping);
	}
}

static int map_arenas(struct dma_client *client)
{
	for (const struct arena *arena = domain.arenas; arena; arena = arena->next) {
		struct dma_mapping mapping = arena_mapping(arena);
		int err = client->ops->map(client, &mapping);

		if (err) {
			unmap_arenas(client, arena);
			return err;
		}
	}
	return 0;
}

static int attach_locked(struct dma_client *client)
{
	struct iova_space *space;
	vireo_iova_t base;
	int err;

	err = choose_base(client, &base);
	if (err)
		return err;
	err = create_space(client, base, &space);
	if (err)
		return err;
	err = map_arenas(client);
	if (err) {
		iova_space_destroy(space);
		return err;
	}
	move_window(base);
	client->space = space;
	client->next = domain.clients;
	domain.clients = client;
	return 0;
}

int dma_attach(struct dma_client *client)
{
	int err;

	pthread_mutex_lock(&domain.lock);
	err = attach_locked(client);
	pthread_mutex_unlock(&domain.lock);
	return err;
}

/* Unlink the first foreign mapping of @client, or the one of @size bytes at @iova; NULL when there is none. */
static struct foreign *take_foreign(const struct dma_client *client, const vireo_iova_t *iova, size_t size)
{
	for (struct foreign **link = &domain.foreign; *link; link = &(*link)->next) {
		struct foreign *f = *link;

		if (f->client != client || (iova && (f->mapping.iova != *iova || f->mapping.size != size)))
			continue;
		*link = f->next;
		return f;
	}
	return NULL;
}

void dma_detach(struct dma_client *client)
{
	struct dma_client **link = &domain.clients;
	struct foreign *f;

	pthread_mutex_lock(&domain.lock);
	while (*link && *link != client)
		link = &(*link)->next;
	if (*link) {
		*link = client->next;
		client->next = NULL;
		unmap_arenas(client, NULL);
		while ((f = take_foreign(client, NULL, 0))) {
			client->ops->unmap(client, &f->mapping);
			free(f);
		}
		iova_space_destroy(client->space);
		client->space = NULL;
	}
	pthread_mutex_unlock(&domain.lock);
}

int dma_ranges_changed(struct dma_client *client)
{
	struct iova_space *space;
	vireo_iova_t base;
	int err;

	pthread_mutex_lock(&domain.lock);
	err = choose_base(client, &base);
	if (!err)
		err = create_space(client, base, &space);
	if (!err) {
		move_window(base);
		iova_space_destroy(client->space);
		client->space = space;
	}
	pthread_mutex_unlock(&domain.lock);
	return err;
}

/* An address at which the IOMMU can use the largest pages that @size allows; any page when that is too much to ask. */
static int foreign_alloc(struct dma_client *client, size_t size, vireo_iova_t *ret_iova)
{
	static const uint64_t aligns[] = {PAGE_1G, PAGE_2M, PAGE_4K};
	int err = -ENOSPC;

	for (unsigned i = 0; i < sizeof(aligns) / sizeof(aligns[0]) && err == -ENOSPC; i++)
		if (size >= aligns[i])
			err = iova_alloc(client->space, size, aligns[i], ret_iova);
	if (err)
		return vireo_error(err, "%s has no free addresses for %zu bytes outside the DMA window", client->name,
				   size);
	return 0;
}

static int map_foreign_locked(struct foreign *f)
{
	struct dma_client *client = f->client;
	int err;

	err = foreign_alloc(client, f->mapping.size, &f->mapping.iova);
	if (err)
		return err;
	err = client->ops->map(client, &f->mapping);
	if (err) {
		iova_free(client->space, f->mapping.iova, f->mapping.size);
		return err;
	}
	f->next = domain.foreign;
	domain.foreign = f;
	return 0;
}

int dma_map_foreign(struct dma_client *client, void *va, size_t size, unsigned flags, vireo_iova_t *ret_iova)
{
	struct foreign *f;
	vireo_iova_t iova;
	int err;

	if (!size || size % PAGE_4K || (uintptr_t)va % PAGE_4K)
		return vireo_error(-EINVAL, "only whole pages of 4 KiB can be mapped for a device");
	if (!flags || (flags & ~(VIREO_DMA_READ | VIREO_DMA_WRITE)))
		return vireo_error(-EINVAL, "memory is mapped for a device to read, to write, or both");
	f = calloc(1, sizeof(*f));
	if (!f)
		return vireo_error(-ENOMEM, "out of memory");
	f->client = client;
	f->mapping = (struct dma_mapping){.va = va, .size = size, .flags = flags, .fd = -1};
	pthread_mutex_lock(&domain.lock);
	err = map_foreign_locked(f);
	iova = f->mapping.iova;
	pthread_mutex_unlock(&domain.lock);
	if (err) {
		free(f);
		return err;
	}
	*ret_iova = iova;
	return 0;
}

int dma_unmap_foreign(struct dma_client *client, vireo_iova_t iova, size_t size)
{
	struct foreign *f;
	int err;

	pthread_mutex_lock(&domain.lock);
	f = take_foreign(client, &iova, size);
	if (!f) {
		err = vireo_error(-ENOENT, "nothing of %zu bytes is mapped at IOVA 0x%" PRIx64, size, iova);
		goto out;
	}
	err = client->ops->unmap(client, &f->mapping);
	if (err) { /* still mapped: nothing else may lie there */
		f->next = domain.foreign;
		domain.foreign = f;
		goto out;
	}
	iova_free(client->space, iova, size);
	free(f);
out:
	pthread_mutex_unlock(&domain.lock);
	return err;
}
