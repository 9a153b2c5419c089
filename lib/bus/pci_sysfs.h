/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_BUS_PCI_SYSFS_H
#define VIREO_LIB_BUS_PCI_SYSFS_H

/* What the kernel tells about PCI devices without opening them. Addresses are canonical: "0000:03:00.0". */

#include <stdbool.h>

#include "bus.h"

/* "/sys"; a test puts a tree of its own here. */
extern const char *pci_sysfs_root;

/* 0 or -ENOENT. */
int pci_sysfs_identify(const char *address, struct bus_identity *ret_id);
/* Number of the IOMMU group, or -1. */
int pci_sysfs_group(const char *address);
/* The group is one that the kernel made up for a device without an IOMMU. */
bool pci_sysfs_is_noiommu(const char *address);
int pci_sysfs_numa_node(const char *address);
/* The kernel runs an IOMMU at all. */
bool pci_sysfs_has_iommu(void);
/* The firmware describes an IOMMU, whether it is used or not: "DMAR" (Intel), "IVRS" (AMD), or NULL. */
const char *pci_sysfs_firmware_iommu(void);

/* A driver that hands its device to user space, upstream's or kvfio's or one for a family of devices. */
bool pci_sysfs_is_vfio_driver(const char *driver);

/* Calls @fn for each device of the group of @address. */
void pci_sysfs_for_each_in_group(const char *address,
				 void (*fn)(void *ctx, const char *address, const struct bus_identity *id), void *ctx);
/* The addresses of network cards, with commas; "none". */
void pci_sysfs_list_nics(char *text, size_t size);

#endif
