/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_FAULT_H
#define KVFIO_FAULT_H

/*
 * Failing on purpose, in debug builds only: parameter fail_nth of kvfio makes the n-th of the calls
 * below fail, of whatever process, as if memory were short. Tests try every n.
 *
 * It is included after all other headers and gives the functions of the kernel that allocate other
 * names. What is a macro in some kernels goes through an inline function.
 */

#ifdef DEBUG

#include <linux/anon_inodes.h>
#include <linux/cdev.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"

/**
 * kvfio_fault() - is it this one's turn to fail?
 */
bool kvfio_fault(void);

#define FAULT_OR(failure, call) (kvfio_fault() ? (failure) : (call))

static inline void *fault_kzalloc(size_t size, gfp_t gfp)
{
	return FAULT_OR(NULL, kzalloc(size, gfp));
}

static inline void *fault_kmalloc(size_t size, gfp_t gfp)
{
	return FAULT_OR(NULL, kmalloc(size, gfp));
}

static inline void *fault_kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return FAULT_OR(NULL, kcalloc(n, size, gfp));
}

static inline void *fault_krealloc(const void *old, size_t size, gfp_t gfp)
{
	return FAULT_OR(NULL, krealloc(old, size, gfp));
}

static inline void *fault_memdup_user(const void __user *from, size_t size)
{
	return FAULT_OR(ERR_PTR(-ENOMEM), memdup_user(from, size));
}

static inline unsigned long fault_get_free_page(gfp_t gfp)
{
	return FAULT_OR(0, __get_free_page(gfp));
}

static inline int fault_request_irq(unsigned int irq, irq_handler_t handler, unsigned long flags,
				    const char *name, void *arg)
{
	return FAULT_OR(-ENOMEM, request_irq(irq, handler, flags, name, arg));
}

static inline int fault_ida_alloc_max(struct ida *ida, unsigned int max, gfp_t gfp)
{
	return FAULT_OR(-ENOMEM, ida_alloc_max(ida, max, gfp));
}

#undef kzalloc
#undef kmalloc
#undef kcalloc
#undef krealloc
#undef memdup_user
#undef __get_free_page
#undef request_irq
#undef ida_alloc_max
#define kzalloc fault_kzalloc
#define kmalloc fault_kmalloc
#define kcalloc fault_kcalloc
#define krealloc fault_krealloc
#define memdup_user fault_memdup_user
#define __get_free_page fault_get_free_page
#define request_irq fault_request_irq
#define ida_alloc_max fault_ida_alloc_max

/* These are functions, or inline ones, in all kernels: inside of its own macro a name is the kernel's. */
#define kasprintf(...)		    FAULT_OR(NULL, kasprintf(__VA_ARGS__))
#define strndup_user(...)	    FAULT_OR(ERR_PTR(-ENOMEM), strndup_user(__VA_ARGS__))
#define pci_store_saved_state(...)  FAULT_OR(NULL, pci_store_saved_state(__VA_ARGS__))
#define pci_iomap(...)		    FAULT_OR(NULL, pci_iomap(__VA_ARGS__))
#define pci_enable_device(...)	    FAULT_OR(-ENOMEM, pci_enable_device(__VA_ARGS__))
#define pci_alloc_irq_vectors(...)  FAULT_OR(-ENOSPC, pci_alloc_irq_vectors(__VA_ARGS__))
#define alloc_anon_inode(...)	    FAULT_OR(ERR_PTR(-ENOMEM), alloc_anon_inode(__VA_ARGS__))
#define anon_inode_getfile(...)	    FAULT_OR(ERR_PTR(-ENFILE), anon_inode_getfile(__VA_ARGS__))
#define get_unused_fd_flags(...)    FAULT_OR(-EMFILE, get_unused_fd_flags(__VA_ARGS__))
#define alloc_chrdev_region(...)    FAULT_OR(-ENOMEM, alloc_chrdev_region(__VA_ARGS__))
#define simple_pin_fs(...)	    FAULT_OR(-ENOMEM, simple_pin_fs(__VA_ARGS__))
#define misc_register(...)	    FAULT_OR(-ENOMEM, misc_register(__VA_ARGS__))
#define cdev_device_add(...)	    FAULT_OR(-ENOMEM, cdev_device_add(__VA_ARGS__))
#define pin_user_pages_fast(...)    FAULT_OR(-ENOMEM, pin_user_pages_fast(__VA_ARGS__))
#define compat_iommu_map(...)	    FAULT_OR(-ENOMEM, compat_iommu_map(__VA_ARGS__))
#define compat_domain_alloc(...)    FAULT_OR(ERR_PTR(-ENOMEM), compat_domain_alloc(__VA_ARGS__))
#define iommu_attach_group(...)	    FAULT_OR(-ENOMEM, iommu_attach_group(__VA_ARGS__))
#define iommu_get_msi_cookie(...)   FAULT_OR(-ENOMEM, iommu_get_msi_cookie(__VA_ARGS__))
#define iommu_get_group_resv_regions(...) FAULT_OR(-ENOMEM, iommu_get_group_resv_regions(__VA_ARGS__))
#define iommu_group_claim_dma_owner(...)  FAULT_OR(-ENOMEM, iommu_group_claim_dma_owner(__VA_ARGS__))

#endif
#endif
