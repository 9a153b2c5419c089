// SPDX-License-Identifier: BSD-2-Clause
#include "vfio_device.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>

#include "preload.h"

#define PAGE 4096ull

/* -EIO and the like have no place in a load: a card that is not there answers all ones. */
uint64_t vfio_device_load(struct device *dev, unsigned region, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	if (!__atomic_load_n(&dev->open, __ATOMIC_ACQUIRE) ||
	    vfio_user_region_read(&dev->conn, region, offset, &value, size))
		return ~0ull >> (64 - 8 * size);
	return value;
}

void vfio_device_store(struct device *dev, unsigned region, uint64_t offset, uint64_t value, unsigned size)
{
	/* A store to a card that is lost goes nowhere. */
	if (__atomic_load_n(&dev->open, __ATOMIC_ACQUIRE))
		vfio_user_region_write(&dev->conn, region, offset, &value, size, dev->posted);
}

/* The next access of a transfer: config space takes what comes, registers want 4, 2 or 1 bytes at a multiple of that. */
static unsigned chunk(unsigned region, uint64_t offset, size_t left)
{
	unsigned size = 4;

	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		return left < 256 ? (unsigned)left : 256;
	while (offset % size || size > left)
		size /= 2;
	return size;
}

static int transfer(struct device *dev, unsigned region, uint64_t at, uint8_t *out, const uint8_t *in, unsigned n)
{
	uint8_t data[256];
	sigset_t saved;
	int err = in ? preload_copy_in(data, in, n) : 0;

	if (err)
		return err;
	preload_block_signals(&saved);
	if (in)
		err = vfio_user_region_write(&dev->conn, region, at, data, n, dev->posted);
	else
		err = vfio_user_region_read(&dev->conn, region, at, data, n);
	preload_restore_signals(&saved);
	if (err || in)
		return err;
	return preload_copy_out(out, data, n);
}

/* What was done before it went wrong counts, as with files. */
static ssize_t transfer_all(struct device *dev, uint64_t offset, uint8_t *out, const uint8_t *in, size_t len)
{
	unsigned region = (unsigned)(offset >> VFIO_REGION_SHIFT), n;
	uint64_t at = offset & ((1ull << VFIO_REGION_SHIFT) - 1), size;
	uint32_t need = in ? VFIO_REGION_INFO_FLAG_WRITE : VFIO_REGION_INFO_FLAG_READ;
	size_t done;
	int err;

	if (!dev->open)
		return -ENODEV;
	if (region >= VFIO_N_REGIONS || !(dev->regions[region].flags & need))
		return -EINVAL;
	size = dev->regions[region].size;
	if (at >= size)
		return region == VFIO_PCI_CONFIG_REGION_INDEX ? -EFAULT : -EINVAL;
	len = len < size - at ? len : size - at;
	for (done = 0; done < len; done += n) {
		n = chunk(region, at + done, len - done);
		err = transfer(dev, region, at + done, out ? out + done : NULL, in ? in + done : NULL, n);
		if (err)
			return done ? (ssize_t)done : err;
	}
	return (ssize_t)done;
}

ssize_t device_read(struct object *object, void *buf, size_t len, uint64_t offset)
{
	return transfer_all((struct device *)object, offset, buf, NULL, len);
}

ssize_t device_write(struct object *object, const void *buf, size_t len, uint64_t offset)
{
	return transfer_all((struct device *)object, offset, NULL, buf, len);
}

bool device_can_map(const struct device *dev, unsigned region)
{
	uint32_t bar = 0;

	if (region > VFIO_PCI_BAR5_REGION_INDEX || dev->regions[region].size < PAGE)
		return false;
	/* Ports are no memory. */
	return !device_read_config((struct device *)(uintptr_t)dev, PCI_BASE_ADDRESS_0 + 4 * region, &bar, 4) &&
	       !(bar & PCI_BASE_ADDRESS_SPACE_IO);
}

/* The parts of [@at, @at + @len) of a region that are shared memory, over the pages at @va that trap. */
static int map_areas(const struct vfio_user_region *region, uint8_t *va, uint64_t at, uint64_t len, int prot)
{
	unsigned i;

	for (i = 0; i < region->n_areas; i++) {
		const struct vfio_user_area *a = &region->areas[i];
		uint64_t from = a->offset > at ? a->offset : at;
		uint64_t to = a->offset + a->size < at + len ? a->offset + a->size : at + len;

		if (from < to && NEXT(mmap)(va + (from - at), to - from, prot, MAP_SHARED | MAP_FIXED, region->fd,
					    (off_t)(region->fd_offset + from)) == MAP_FAILED)
			return -errno;
	}
	return 0;
}

int device_mmap(struct object *object, void **ret_va, size_t len, int prot, int flags, uint64_t offset)
{
	struct device *dev = (struct device *)object;
	unsigned region = (unsigned)(offset >> VFIO_REGION_SHIFT);
	uint64_t at = offset & ((1ull << VFIO_REGION_SHIFT) - 1);
	int keep = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT), err;
	void *va;

	len = (len + PAGE - 1) & ~(PAGE - 1);
	if (!dev->open)
		return -ENODEV;
	if (!len || at % PAGE || !(flags & MAP_SHARED) || region > VFIO_PCI_BAR5_REGION_INDEX ||
	    !device_can_map(dev, region))
		return -EINVAL;
	if (at > dev->regions[region].size || len > dev->regions[region].size - at)
		return -EINVAL;
	va = NEXT(mmap)(*ret_va, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | keep, -1, 0);
	if (va == MAP_FAILED)
		return -errno;
	err = map_areas(&dev->regions[region], va, at, len, prot);
	if (!err)
		err = memory_note_window((uintptr_t)va, len, dev, region, at, prot);
	if (err) {
		NEXT(munmap)(va, len);
		return err;
	}
	*ret_va = va;
	return 0;
}
