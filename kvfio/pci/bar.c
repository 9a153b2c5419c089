// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BARs and the ROM: what they are, read and write in the widths that the user asks for, and
 * maps that fault in, in pages as large as fit, while memory can be reached.
 */

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pci.h"

/* A BAR smaller than a page can be mapped if nothing else can come to lie in its page. */
static bool claim_rest_of_page(struct kvfio_pci *vdev, unsigned int index)
{
	struct resource *res = &vdev->pdev->resource[index];
	struct resource *rest;

	if (!PAGE_ALIGNED(res->start))
		return false;
	rest = kzalloc(sizeof(*rest), GFP_KERNEL);
	if (!rest)
		return false;
	rest->name = "kvfio rest of page";
	rest->start = res->end + 1;
	rest->end = res->start + PAGE_SIZE - 1;
	rest->flags = res->flags;
	if (request_resource(res->parent, rest)) {
		kfree(rest);
		return false;
	}
	vdev->bars[index].rest = rest;
	return true;
}

static void bar_open(struct kvfio_pci *vdev, unsigned int index)
{
	struct pci_dev *pdev = vdev->pdev;
	struct bar *bar = &vdev->bars[index];
	u64 size = pci_resource_len(pdev, index);

	memset(bar, 0, sizeof(*bar));
	if (!size || pci_request_selected_regions(pdev, BIT(index), "kvfio-pci"))
		return;
	bar->usable = true;
	if (!(pci_resource_flags(pdev, index) & IORESOURCE_MEM))
		return;
	bar->mappable = size >= PAGE_SIZE || claim_rest_of_page(vdev, index);
}

static void bar_close(struct kvfio_pci *vdev, unsigned int index)
{
	struct bar *bar = &vdev->bars[index];

	if (bar->io)
		pci_iounmap(vdev->pdev, bar->io);
	if (bar->rest) {
		release_resource(bar->rest);
		kfree(bar->rest);
	}
	if (bar->usable)
		pci_release_selected_regions(vdev->pdev, BIT(index));
	memset(bar, 0, sizeof(*bar));
}

/*
 * bars_open() - claim the addresses; a BAR that somebody else has is left out, and has size 0 for
 * the user
 */
void bars_open(struct kvfio_pci *vdev)
{
	unsigned int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		bar_open(vdev, i);
}

/** bars_close() - all files are closed, so there are no maps any more */
void bars_close(struct kvfio_pci *vdev)
{
	unsigned int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		bar_close(vdev, i);
}

/** region_size() - bytes of a region; 0: there is none */
u64 region_size(struct kvfio_pci *vdev, unsigned int index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		return vdev->bars[index].usable ? pci_resource_len(vdev->pdev, index) : 0;
	case VFIO_PCI_ROM_REGION_INDEX:
		return pci_resource_len(vdev->pdev, PCI_ROM_RESOURCE);
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return vdev->config.size;
	default:
		return 0;
	}
}

static u32 region_flags(struct kvfio_pci *vdev, unsigned int index)
{
	u32 flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;

	if (!region_size(vdev, index))
		return 0;
	if (index == VFIO_PCI_ROM_REGION_INDEX)
		return VFIO_REGION_INFO_FLAG_READ;
	if (index < PCI_STD_NUM_BARS && vdev->bars[index].mappable)
		flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return flags;
}

/** region_info() - VFIO_DEVICE_GET_REGION_INFO */
long region_info(struct kvfio_pci *vdev, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	/*
	 * The table of MSI-X may be mapped: interrupts of the device are isolated, or its group was
	 * never attached.
	 */
	struct vfio_info_cap_header msix = {.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .version = 1};
	struct vfio_region_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	info.offset = kvfio_region_to_offset(info.index);
	info.size = region_size(vdev, info.index);
	info.flags = region_flags(vdev, info.index);
	info.cap_offset = 0;
	if (info.flags & VFIO_REGION_INFO_FLAG_MMAP && vdev->msix_size &&
	    info.index == vdev->msix_bar) {
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (info.argsz < sizeof(info) + sizeof(msix)) {
			info.argsz = sizeof(info) + sizeof(msix);
		} else {
			info.cap_offset = sizeof(info);
			if (copy_to_user(arg + sizeof(info), &msix, sizeof(msix)))
				return -EFAULT;
		}
	}
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* --- read and write --- */

static void io_read(void __iomem *io, void *bytes, unsigned int size)
{
	switch (size) {
	case 1:
		*(u8 *)bytes = ioread8(io);
		break;
	case 2:
		put_unaligned_le16(ioread16(io), bytes);
		break;
	case 4:
		put_unaligned_le32(ioread32(io), bytes);
		break;
#ifdef readq
	case 8:
		put_unaligned_le64(readq(io), bytes);
		break;
#endif
	}
}

static void io_write(void __iomem *io, const void *bytes, unsigned int size)
{
	switch (size) {
	case 1:
		iowrite8(*(const u8 *)bytes, io);
		break;
	case 2:
		iowrite16(get_unaligned_le16(bytes), io);
		break;
	case 4:
		iowrite32(get_unaligned_le32(bytes), io);
		break;
#ifdef writeq
	case 8:
		writeq(get_unaligned_le64(bytes), io);
		break;
#endif
	}
}

/*
 * The largest access that is aligned and not longer than what is left; I/O ports have none of eight
 * bytes.
 */
static unsigned int part_size(u64 offset, size_t count, bool is_memory)
{
	unsigned int size = 1;

#ifdef readq
	if (is_memory && count >= 8 && offset % 8 == 0)
		return 8;
#endif
	while (size < 4 && count >= size * 2 && offset % (size * 2) == 0)
		size *= 2;
	return size;
}

/* The kernel owns the table of MSI-X: reads give all ones there and writes do nothing. */
static bool in_msix_table(struct kvfio_pci *vdev, unsigned int index, u64 offset)
{
	return vdev->msix_size && index == vdev->msix_bar && offset >= vdev->msix_offset &&
	       offset < vdev->msix_offset + (u64)vdev->msix_size * PCI_MSIX_ENTRY_SIZE;
}

/*
 * bar_access() - one access to a BAR that bar_check_access() was asked about; -EIO: its memory cannot
 * be reached
 */
int bar_access(struct kvfio_pci *vdev, unsigned int index, u64 offset, u8 *bytes,
	       unsigned int size, bool write)
{
	void __iomem *io = vdev->bars[index].io + offset;
	bool is_memory = pci_resource_flags(vdev->pdev, index) & IORESOURCE_MEM;
	int ret = 0;

	if (in_msix_table(vdev, index, offset)) {
		memset(bytes, 0xff, size);
		return 0;
	}
	down_read(&vdev->memory_lock);
	if (is_memory && !vdev->memory_on)
		ret = -EIO;
	else if (write)
		io_write(io, bytes, size);
	else
		io_read(io, bytes, size);
	up_read(&vdev->memory_lock);
	return ret;
}

/* Made on first use, because a BAR can be larger than what one would map for nothing. */
static int bar_map(struct kvfio_pci *vdev, unsigned int index)
{
	struct bar *bar = &vdev->bars[index];
	int ret = 0;

	mutex_lock(&vdev->lock);
	if (!bar->io)
		bar->io = pci_iomap(vdev->pdev, index, 0);
	if (!bar->io)
		ret = -ENOMEM;
	mutex_unlock(&vdev->lock);
	return ret;
}

/*
 * bar_check_access() - can there be accesses of @size bytes there? 0; -EINVAL; -ENOMEM
 *
 * Where the table of MSI-X begins or ends inside them, there can be none.
 */
int bar_check_access(struct kvfio_pci *vdev, unsigned int index, u64 offset, unsigned int size)
{
	u64 end = index < PCI_STD_NUM_BARS ? region_size(vdev, index) : 0;
	unsigned int i;

	if (offset >= end || size > end - offset || offset % size)
		return -EINVAL;
	for (i = 0; i < size; i++)
		if (in_msix_table(vdev, index, offset + i))
			return -EINVAL;
#ifndef writeq
	if (size == 8)
		return -EINVAL;
#endif
	if (size == 8 && !(pci_resource_flags(vdev->pdev, index) & IORESOURCE_MEM))
		return -EINVAL;
	return bar_map(vdev, index);
}

/* vdev->lock held; 0, or -EIO: asleep, the device does not answer. */
static int rom_copy(struct kvfio_pci *vdev, u8 *copy, size_t count, u64 offset)
{
	void __iomem *rom;
	size_t size;
	u16 command;

	if (vdev->pdev->current_state != PCI_D0)
		return -EIO;
	/*
	 * Its decoder is that of a BAR in some devices, so nobody else may reach those meanwhile. And
	 * it obeys the same bit in COMMAND, which need not be on for whom the ROM is all he wants.
	 */
	memory_take(vdev);
	command = memory_decode_begin(vdev);
	rom = pci_map_rom(vdev->pdev, &size);
	if (rom && offset < size)
		memcpy_fromio(copy, rom + offset, min_t(size_t, count, size - offset));
	if (rom)
		pci_unmap_rom(vdev->pdev, rom);
	memory_decode_end(vdev, command);
	memory_give(vdev);
	return 0;
}

/*
 * Through a copy in the kernel, so that the device sees whole registers and no fault happens under
 * a lock.
 */
static ssize_t rom_read(struct kvfio_pci *vdev, char __user *buf, size_t count, u64 offset)
{
	ssize_t ret;
	u8 *copy;

	count = min_t(size_t, count, PAGE_SIZE);
	copy = kmalloc(count, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	memset(copy, 0xff, count);
	mutex_lock(&vdev->lock);
	ret = rom_copy(vdev, copy, count, offset);
	mutex_unlock(&vdev->lock);
	if (!ret)
		ret = copy_to_user(buf, copy, count) ? -EFAULT : count;
	kfree(copy);
	return ret;
}

/** bar_rw() - pread(2) and pwrite(2) of a BAR, or pread(2) of the ROM */
ssize_t bar_rw(struct kvfio_pci *vdev, unsigned int index, char __user *buf, size_t count,
	       u64 offset, bool write)
{
	u64 size = region_size(vdev, index);
	size_t done = 0;
	int ret;

	if (offset >= size)
		return -EINVAL;
	count = min_t(u64, count, size - offset);
	if (index == VFIO_PCI_ROM_REGION_INDEX)
		return write ? -EINVAL : rom_read(vdev, buf, count, offset);
	ret = bar_map(vdev, index);
	if (ret)
		return ret;
	while (done < count) {
		bool is_memory = pci_resource_flags(vdev->pdev, index) & IORESOURCE_MEM;
		unsigned int part = part_size(offset + done, count - done, is_memory);
		u8 bytes[8];

		if (write && copy_from_user(bytes, buf + done, part))
			return done ?: -EFAULT;
		ret = bar_access(vdev, index, offset + done, bytes, part, write);
		if (ret)
			return done ?: ret;
		if (!write && copy_to_user(buf + done, bytes, part))
			return done ?: -EFAULT;
		done += part;
		cond_resched();
	}
	return done;
}

/* --- maps --- */

/* A piece of 2^order pages around the address, if the map has all of it and it is aligned in the BAR. */
static vm_fault_t bar_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kvfio_pci *vdev = vma->vm_private_data;
	unsigned long size = PAGE_SIZE << order, va = vmf->address & ~(size - 1);
	vm_fault_t ret = VM_FAULT_SIGBUS;
	unsigned int index;
	phys_addr_t pa;
	u64 offset;

	if (va < vma->vm_start || vma->vm_end - va < size)
		return VM_FAULT_FALLBACK;
	offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (va - vma->vm_start);
	index = kvfio_offset_to_region(offset);
	pa = pci_resource_start(vdev->pdev, index) + (offset & KVFIO_OFFSET_MASK);
	if (pa & (size - 1))
		return VM_FAULT_FALLBACK;
	down_read(&vdev->memory_lock);
	if (vdev->memory_on && !vdev->low_power)
		ret = compat_insert_pfn(vmf, PHYS_PFN(pa), order);
	up_read(&vdev->memory_lock);
	return ret;
}

static vm_fault_t bar_fault(struct vm_fault *vmf)
{
	return bar_huge_fault(vmf, 0);
}

static const struct vm_operations_struct bar_vm_ops = {
	.fault = bar_fault,
#ifdef COMPAT_HUGE_FAULTS
	.huge_fault = bar_huge_fault,
#endif
};

/** bar_mmap() - mmap(2) of a BAR; the pages come when they are touched */
int bar_mmap(struct kvfio_pci *vdev, struct vm_area_struct *vma)
{
	u64 start = (u64)vma->vm_pgoff << PAGE_SHIFT;
	unsigned int index = kvfio_offset_to_region(start);
	u64 size = vma->vm_end - vma->vm_start, bar_size;

	if (vma->vm_end < vma->vm_start || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (index >= PCI_STD_NUM_BARS || !vdev->bars[index].mappable)
		return -EINVAL;
	start &= KVFIO_OFFSET_MASK;
	bar_size = PAGE_ALIGN(pci_resource_len(vdev->pdev, index));
	if (start >= bar_size || size > bar_size - start)
		return -EINVAL;
	vma->vm_private_data = vdev;
	vma->vm_page_prot = pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vma->vm_ops = &bar_vm_ops;
	compat_vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}
