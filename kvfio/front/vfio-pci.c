// SPDX-License-Identifier: GPL-2.0-only
/* The drop-in front for PCI devices: kvfio_pci with a driver called vfio-pci. */

#include <linux/module.h>

#include "../pci/front.h"
#include "front.h"

/* The same kind of alias as upstream's: found by who looks for VFIO drivers, never by a device. */
static const struct pci_device_id ids[] = {
	{ PCI_DEVICE_DRIVER_OVERRIDE(PCI_ANY_ID, PCI_ANY_ID, PCI_ID_F_VFIO_DRIVER_OVERRIDE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ids);

static struct kvfio_pci_front vfio_pci_front = {
	.name = "vfio-pci",
	.module_name = KBUILD_MODNAME,
	.front = &vfio_front,
};

static int __init vfio_pci_init(void)
{
	return kvfio_pci_register_front(&vfio_pci_front, THIS_MODULE);
}

static void __exit vfio_pci_exit(void)
{
	kvfio_pci_unregister_front(&vfio_pci_front);
}

module_init(vfio_pci_init);
module_exit(vfio_pci_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("kvfio in the place of VFIO: PCI devices");
MODULE_VERSION("0.1");
