/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_PCI_FRONT_H
#define KVFIO_PCI_FRONT_H

/*
 * A PCI driver for each front. They are one driver under several names: a device belongs to the
 * front that its driver_override, or a new_id, names.
 */

#include <linux/pci.h>

#include "../include/kvfio.h"

/**
 * struct kvfio_pci_front - a PCI driver of kvfio
 * @name: of the driver
 * @module_name: KBUILD_MODNAME of the module that it is in
 * @front: where its devices appear; NULL: /dev/kvfio
 *
 * The rest belongs to kvfio_pci.
 */
struct kvfio_pci_front {
	const char *name;
	const char *module_name;
	struct kvfio_front *front;

	struct kvfio_device_ops ops;
	struct pci_driver driver;
};

/**
 * kvfio_pci_register_front() - register the driver
 * @front: the first three members filled in
 * @owner: the module that it is in, kept loaded while one of its devices is open
 *
 * Return: 0; -EBUSY when there is a driver of that name; -ENOMEM.
 */
int kvfio_pci_register_front(struct kvfio_pci_front *front, struct module *owner);

/** kvfio_pci_unregister_front() - the driver goes; waits for users of its devices */
void kvfio_pci_unregister_front(struct kvfio_pci_front *front);

#endif
