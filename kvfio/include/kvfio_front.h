/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_FRONT_H
#define KVFIO_FRONT_H

/*
 * Fronts: the names under which user space finds devices. The core has one, /dev/kvfio; a module may
 * bring another and register devices in it (ops->front). What is behind the names is the same, so
 * groups of different fronts can be in one container.
 */

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/miscdevice.h>

#include "kvfio.h"

struct kvm;

/**
 * struct kvfio_front - names in /dev and in sysfs
 * @name: of the folder in /dev that the groups are in, of the class, and of the container
 * @container_node: of the container, below /dev
 * @container_minor: of the container among the miscellaneous devices
 * @owner: module that is kept loaded while one of its files is open
 *
 * The rest belongs to the core.
 */
struct kvfio_front {
	const char *name;
	const char *container_node;
	int container_minor;
	struct module *owner;

	struct class class;
	dev_t first_devt;
	struct ida minors;
	struct file_operations container_fops;
	struct miscdevice container;
};

/**
 * kvfio_register_front() - make the names appear
 * @front: the first four members filled in
 *
 * Return: 0; -EBUSY or -EEXIST when somebody else has the names; -ENOMEM.
 */
int kvfio_register_front(struct kvfio_front *front);

/**
 * kvfio_unregister_front() - take the names away
 * @front: without a device
 */
void kvfio_unregister_front(struct kvfio_front *front);

/*
 * What KVM wants to know of a file that user space hands to it as one of VFIO.
 */

/** kvfio_file_is_valid() - is it an open group, or an open device? */
bool kvfio_file_is_valid(struct file *file);

/**
 * kvfio_file_enforced_coherent() - can no DMA of its devices get past the caches?
 * @file: any
 *
 * If so, KVM need not let the virtual machine flush caches, which is a privilege: so the answer is
 * true of everything that is not in a container.
 */
bool kvfio_file_enforced_coherent(struct file *file);

/**
 * kvfio_file_set_kvm() - a virtual machine has been told of the file, or has forgotten it
 * @file: any
 * @kvm: the virtual machine, or NULL
 */
void kvfio_file_set_kvm(struct file *file, struct kvm *kvm);

extern bool kvfio_unsafe_noiommu_mode;

#endif
