// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a map: charged to the limit of locked memory of who maps, pinned in batches, and written
 * down as runs that are contiguous in physical memory, so that the IOMMU can use its largest pages.
 *
 * Registers of devices are written down the same way but are neither charged nor pinned: there is
 * no page to hold. So that they do not stay reachable for longer than their owner wants, only those
 * of open devices of the same container can be mapped, and the map goes when that device is closed.
 */

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "core.h"

#define BATCH_PAGES	(PAGE_SIZE / sizeof(struct page *))
#define CHUNK_RUNS	((PAGE_SIZE - sizeof(struct pin_chunk)) / sizeof(struct pin_run))
#define UNPIN_PAGES	32768UL
#define FEW_PAGES	16 /* whose pointers may be on the stack */

static struct pin_run *last_run(struct dma_map *map)
{
	struct pin_chunk *chunk;

	if (list_empty(&map->chunks))
		return NULL;
	chunk = list_last_entry(&map->chunks, struct pin_chunk, entry);
	return chunk->n_runs ? &chunk->runs[chunk->n_runs - 1] : NULL;
}

/*
 * A map of few pages gets a small chunk: clearing a page would be a third of what mapping one costs,
 * and 65535 of them are a quarter of a gigabyte.
 */
static struct pin_chunk *add_chunk(struct dma_map *map)
{
	unsigned long n_max = min(map_size(map) >> PAGE_SHIFT, (unsigned long)CHUNK_RUNS);
	struct pin_chunk *chunk = kmalloc(sizeof(*chunk) + n_max * sizeof(chunk->runs[0]),
					  GFP_KERNEL_ACCOUNT);

	if (!chunk)
		return NULL;
	chunk->n_runs = 0;
	chunk->n_max = n_max;
	list_add_tail(&chunk->entry, &map->chunks);
	return chunk;
}

/* A new run behind all others; NULL: no memory. */
static struct pin_run *add_run(struct dma_map *map, unsigned long pfn)
{
	struct pin_chunk *chunk = NULL;
	struct pin_run *run;

	if (!list_empty(&map->chunks))
		chunk = list_last_entry(&map->chunks, struct pin_chunk, entry);
	if (!chunk || chunk->n_runs == chunk->n_max)
		chunk = add_chunk(map);
	if (!chunk)
		return NULL;
	run = &chunk->runs[chunk->n_runs++];
	run->pfn = pfn;
	run->n_pages = 1;
	return run;
}

/*
 * Write down one page. The zero page is alone in its run, because it is the one page that is not
 * pinned, and registers never meet memory in one map.
 */
static int record_page(struct dma_map *map, struct pin_run **run, unsigned long pfn)
{
	struct pin_run *r = *run;

	if (r && r->pfn + r->n_pages == pfn && !is_zero_pfn(r->pfn) && !is_zero_pfn(pfn)) {
		r->n_pages++;
		return 0;
	}
	*run = add_run(map, pfn);
	return *run ? 0 : -ENOMEM;
}

/*
 * Write down pinned pages and drop the pins on those that it is no use to hold. On failure those
 * not written down are unpinned.
 */
static int record_batch(struct dma_map *map, struct page **pages, unsigned int n)
{
	struct pin_run *run = last_run(map);
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		unsigned long pfn = page_to_pfn(pages[i]);

		/* Belongs to a driver that may take it back without asking who has it pinned. */
		if (PageReserved(pages[i]) && !is_zero_pfn(pfn)) {
			ret = -EFAULT;
			goto err_unpin;
		}
		ret = record_page(map, &run, pfn);
		if (ret)
			goto err_unpin;
		/* Is always there, and counting each use of it would overflow its counter. */
		if (is_zero_pfn(pfn))
			unpin_user_page(pages[i]);
	}
	return 0;

err_unpin:
	unpin_user_pages(pages + i, n - i);
	return ret;
}

/* Pins all pages of a map; @pages has room for a batch of @n_batch. */
static int pin_batches(struct dma_map *map, struct page **pages, unsigned long n_batch)
{
	unsigned int flags = FOLL_LONGTERM | (map->prot & IOMMU_WRITE ? FOLL_WRITE : 0);
	unsigned long n_left = map_size(map) >> PAGE_SHIFT;
	unsigned long va = map->va;

	while (n_left) {
		int n, ret;

		if (fatal_signal_pending(current))
			return -EINTR;
		n = pin_user_pages_fast(va, min(n_left, n_batch), flags, pages);
		/* 6.8 and later say -EOVERFLOW for the last page of the address space. */
		if (n <= 0)
			return !n || n == -EOVERFLOW ? -EFAULT : n;
		ret = record_batch(map, pages, n);
		if (ret)
			return ret;
		va += (unsigned long)n << PAGE_SHIFT;
		n_left -= n;
		cond_resched();
	}
	return 0;
}

static int pin_memory(struct dma_map *map)
{
	struct page *few[FEW_PAGES], **pages;
	int ret;

	if (map_size(map) >> PAGE_SHIFT <= FEW_PAGES)
		return pin_batches(map, few, FEW_PAGES);
	pages = (struct page **)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!pages)
		return -ENOMEM;
	ret = pin_batches(map, pages, BATCH_PAGES);
	free_page((unsigned long)pages);
	return ret;
}

/* The device whose registers are mapped at va, or NULL; mmap_lock held. */
static struct kvfio_device *device_at(unsigned long va, struct vm_area_struct **ret_vma)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, va);

	*ret_vma = vma;
	return vma && vma->vm_flags & VM_PFNMAP ? device_of_file(vma->vm_file) : NULL;
}

/* The page frame behind one page of a register map; may drop and retake the mmap_lock. */
static int follow_registers(struct dma_map *map, unsigned long va, unsigned long *ret_pfn)
{
	bool write = map->prot & IOMMU_WRITE;
	unsigned int flags = write ? FAULT_FLAG_WRITE : 0;
	struct vm_area_struct *vma;
	bool unlocked = false;
	int tries, ret;

	for (tries = 0; tries < 2; tries++) {
		if (device_at(va, &vma) != map->registers)
			return -EFAULT;
		ret = compat_follow_pfn(vma, va, write, ret_pfn);
		if (ret != -EAGAIN)
			return ret;
		ret = fixup_user_fault(current->mm, va, flags, &unlocked);
		if (ret)
			return ret;
	}
	/* Revoked while it was faulted in. */
	return -EFAULT;
}

static int record_registers(struct dma_map *map)
{
	unsigned long n_left = map_size(map) >> PAGE_SHIFT;
	struct pin_run *run = NULL;
	unsigned long va = map->va;
	int ret = 0;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	for (; n_left && !ret; n_left--, va += PAGE_SIZE) {
		unsigned long pfn;

		ret = follow_registers(map, va, &pfn);
		if (ret)
			break;
		/* Memory that could be freed and used again while the device still reaches it. */
		if (pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn)))
			ret = -EFAULT;
		else
			ret = record_page(map, &run, pfn);
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	mmap_read_unlock(current->mm);
	return ret;
}

/* Count pages against RLIMIT_MEMLOCK of the caller, before the first is pinned. */
static int charge(struct dma_map *map)
{
	unsigned long n_pages = map_size(map) >> PAGE_SHIFT;
	int ret;

	if (mmap_write_lock_killable(map->mm))
		return -EINTR;
	ret = __account_locked_vm(map->mm, n_pages, true, current, capable(CAP_IPC_LOCK));
	mmap_write_unlock(map->mm);
	if (!ret)
		map->n_charged = n_pages;
	return ret;
}

/*
 * To the memory that was charged, whoever unmaps; a process that has gone took its count with it.
 */
static void uncharge(struct dma_map *map)
{
	if (!map->n_charged || !mmget_not_zero(map->mm))
		return;
	mmap_write_lock(map->mm);
	__account_locked_vm(map->mm, map->n_charged, false, current, true);
	mmap_write_unlock(map->mm);
	mmput(map->mm);
	map->n_charged = 0;
}

/*
 * Whose registers a map is going to be of, or NULL for memory. The map of the caller holds the
 * file, the file holds the device open, and that holds its group in the container, so the look at
 * it needs no lock of the group.
 */
static struct kvfio_device *find_registers(struct kvfio_container *container, unsigned long va)
{
	struct kvfio_device *kdev;
	struct vm_area_struct *vma;

	mmap_read_lock(current->mm);
	kdev = device_at(va, &vma);
	if (kdev && kdev->group->container != container)
		kdev = ERR_PTR(-EFAULT);
	mmap_read_unlock(current->mm);
	return kdev;
}

/**
 * pin_map() - charge, pin and write down the pages of a map
 * @container: where it goes
 * @map: with node, va and prot set
 *
 * Return: 0; -ENOMEM for RLIMIT_MEMLOCK or no memory; -EFAULT when there is neither memory nor a
 * device of the container at va, or not all the way, or it may not be written; -EINTR. On failure,
 * too, unpin_map() undoes what was done.
 */
int pin_map(struct kvfio_container *container, struct dma_map *map)
{
	int ret;

	INIT_LIST_HEAD(&map->chunks);
	map->mm = current->mm;
	mmgrab(map->mm);
	map->registers = find_registers(container, map->va);
	if (IS_ERR(map->registers))
		return PTR_ERR(map->registers);
	if (map->registers)
		return record_registers(map);
	ret = charge(map);
	return ret ?: pin_memory(map);
}

static void unpin_run(struct pin_run *run, bool dirty)
{
	unsigned long pfn = run->pfn;
	unsigned long n_left = run->n_pages;

	if (is_zero_pfn(pfn))
		return;
	while (n_left) {
		unsigned long n = min(n_left, UNPIN_PAGES);

		unpin_user_page_range_dirty_lock(pfn_to_page(pfn), n, dirty);
		pfn += n;
		n_left -= n;
		cond_resched();
	}
}

/*
 * unpin_map() - give back what pin_map() took; no device reaches the pages any more, unless
 * map->leak says so
 */
void unpin_map(struct dma_map *map)
{
	struct pin_chunk *chunk, *next;
	struct pin_run *run;

	if (!map->registers && !map->leak)
		for_each_run(chunk, run, map)
			unpin_run(run, map->prot & IOMMU_WRITE);
	list_for_each_entry_safe(chunk, next, &map->chunks, entry)
		kfree(chunk);
	INIT_LIST_HEAD(&map->chunks);
	if (!map->leak)
		uncharge(map);
	mmdrop(map->mm);
}
