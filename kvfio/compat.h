/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_COMPAT_H
#define KVFIO_COMPAT_H

/*
 * Every difference between the kernels that kvfio is built for, and the only place with
 * LINUX_VERSION_CODE. The code is written for the newest kernel; this file makes older ones look
 * like it.
 */

#include <linux/device.h>
#include <linux/eventfd.h>
#include <linux/iommu.h>
#include <linux/irqbypass.h>
#include <linux/irqdomain.h>
#include <linux/mm.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/version.h>

#define KERNEL_BEFORE(major, minor) (LINUX_VERSION_CODE < KERNEL_VERSION(major, minor, 0))

/* 6.2: the devnode callback of a class takes a const device. */
#if KERNEL_BEFORE(6, 2)
#define COMPAT_DEVNODE_CONST
#else
#define COMPAT_DEVNODE_CONST const
#endif

/* 6.3: iommu_map() takes allocation flags. */
static inline int compat_iommu_map(struct iommu_domain *domain, unsigned long iova,
				   phys_addr_t pa, size_t size, int prot)
{
#if KERNEL_BEFORE(6, 3)
	return iommu_map(domain, iova, pa, size, prot);
#else
	return iommu_map(domain, iova, pa, size, prot, GFP_KERNEL_ACCOUNT);
#endif
}

/* 6.11: a domain is made for a device, not for a bus, and errors are told. */
static inline struct iommu_domain *compat_domain_alloc(struct device *dev)
{
#if KERNEL_BEFORE(6, 11)
	struct iommu_domain *domain = iommu_domain_alloc(dev->bus);

	return domain ?: ERR_PTR(-EIO);
#else
	return iommu_paging_domain_alloc(dev);
#endif
}

/* 6.3: interrupt isolation is a property of the MSI domain of each device. */
#if KERNEL_BEFORE(6, 3)
static inline int compat_device_remaps(struct device *dev, void *unused)
{
	return device_iommu_capable(dev, IOMMU_CAP_INTR_REMAP) ? 0 : -EPERM;
}
#endif

static inline bool compat_group_has_isolated_msi(struct iommu_group *group)
{
#if KERNEL_BEFORE(6, 3)
	return irq_domain_check_msi_remap() ||
	       !iommu_group_for_each_dev(group, NULL, compat_device_remaps);
#else
	return iommu_group_has_isolated_msi(group);
#endif
}

/* 6.3: flags of a vma are written through a function. */
static inline void compat_vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
#if KERNEL_BEFORE(6, 3)
	vma->vm_flags |= flags;
#else
	vm_flags_set(vma, flags);
#endif
}

/* 6.8: an eventfd is signalled once per call. */
static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#if KERNEL_BEFORE(6, 8)
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

/*
 * 6.12: follow_pfnmap. The answer is valid while the mmap_lock is held; -EAGAIN: nothing there yet,
 * fault it in.
 */
static inline int compat_follow_pfn(struct vm_area_struct *vma, unsigned long va, bool write,
				    unsigned long *ret_pfn)
{
#if KERNEL_BEFORE(6, 12)
	spinlock_t *ptl;
	pte_t *pte;
	int ret;

#if KERNEL_BEFORE(6, 10)
	ret = follow_pte(vma->vm_mm, va, &pte, &ptl);
#else
	ret = follow_pte(vma, va, &pte, &ptl);
#endif
	if (ret)
		return -EAGAIN;
	__acquire(ptl); /* for sparse: follow_pte() took it */
	if (write && !pte_write(*pte))
		ret = -EAGAIN;
	else
		*ret_pfn = pte_pfn(*pte);
	pte_unmap_unlock(pte, ptl);
	return ret;
#else
	struct follow_pfnmap_args args = { .vma = vma, .address = va };
	int ret;

	if (follow_pfnmap_start(&args))
		return -EAGAIN;
	ret = write && !args.writable ? -EAGAIN : 0;
	if (!ret)
		*ret_pfn = args.pfn;
	follow_pfnmap_end(&args);
	return ret;
#endif
}

/*
 * 6.12: registers can be mapped by large pages, and 6.17: with plain frame numbers. Before, the
 * kernel could not look such maps up.
 */
#if !KERNEL_BEFORE(6, 12) && defined(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)
#define COMPAT_HUGE_FAULTS
#if KERNEL_BEFORE(6, 17)
#include <linux/pfn_t.h>
#define COMPAT_PFN(pfn) __pfn_to_pfn_t(pfn, PFN_DEV)
#else
#define COMPAT_PFN(pfn) (pfn)
#endif
#endif

/* 2^order pages from the one at @pfn on, around the address of a fault. */
static inline vm_fault_t compat_insert_pfn(struct vm_fault *vmf, unsigned long pfn,
					   unsigned int order)
{
#ifdef COMPAT_HUGE_FAULTS
	bool write = vmf->flags & FAULT_FLAG_WRITE;

	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, COMPAT_PFN(pfn), write);
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, COMPAT_PFN(pfn), write);
#endif
#endif
	return order ? VM_FAULT_FALLBACK : vmf_insert_pfn(vmf->vma, vmf->address, pfn);
}

/*
 * 6.2: vectors of MSI-X can be had while others are on, where the interrupt controller can. On success
 * *ret_irq is the interrupt of the vector.
 */
static inline bool compat_msix_can_grow(struct pci_dev *pdev)
{
#if KERNEL_BEFORE(6, 2)
	return false;
#else
	return pci_msix_can_alloc_dyn(pdev);
#endif
}

static inline int compat_msix_grow(struct pci_dev *pdev, unsigned int vector, int *ret_irq)
{
#if KERNEL_BEFORE(6, 2)
	return -EOPNOTSUPP;
#else
	struct msi_map map = pci_msix_alloc_irq_at(pdev, vector, NULL);

	if (map.index >= 0)
		*ret_irq = map.virq;
	return min(map.index, 0);
#endif
}

/* 6.17: the eventfd that a producer of interrupts is known by is told when it is registered. */
static inline int compat_bypass_register(struct irq_bypass_producer *producer,
					 struct eventfd_ctx *eventfd, int irq)
{
#if KERNEL_BEFORE(6, 17)
	producer->token = eventfd;
	producer->irq = irq;
	return irq_bypass_register_producer(producer);
#else
	return irq_bypass_register_producer(producer, eventfd, irq);
#endif
}

/*
 * Linux 7, and stable versions before it: which driver a device is for is kept with every device. No
 * version says it, so Kbuild looks.
 */
static inline int compat_set_driver_override(struct pci_dev *pdev, const char *driver)
{
#ifdef HAVE_DEVICE_DRIVER_OVERRIDE
	return device_set_driver_override(&pdev->dev, driver);
#else
	return driver_set_override(&pdev->dev, &pdev->driver_override, driver, strlen(driver));
#endif
}

/* 6.12: asm/unaligned.h has moved. */
#if KERNEL_BEFORE(6, 12)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

#endif
