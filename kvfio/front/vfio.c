// SPDX-License-Identifier: GPL-2.0-only
/*
 * The drop-in front: kvfio under the names of upstream, /dev/vfio and /sys/module/vfio, with the
 * functions that KVM looks up when a virtual machine is given a device. Where upstream is loaded,
 * this cannot be, and the other way round: name, exported symbols and device number are the same.
 */

#include <linux/module.h>

#include "front.h"

struct kvfio_front vfio_front = {
	.name = "vfio",
	.container_node = "vfio/vfio",
	.container_minor = VFIO_MINOR,
	.owner = THIS_MODULE,
};
EXPORT_SYMBOL_GPL(vfio_front);

/* Programs look for the mode here. */
module_param_named(enable_unsafe_noiommu_mode, kvfio_unsafe_noiommu_mode, bool, 0644);
MODULE_PARM_DESC(enable_unsafe_noiommu_mode, "The same as the parameter of kvfio.");

/* KVM of Linux 6.1 */
bool vfio_file_is_group(struct file *file)
{
	return kvfio_file_is_group(file);
}
EXPORT_SYMBOL_GPL(vfio_file_is_group);

/* KVM of Linux 6.5 and later */
bool vfio_file_is_valid(struct file *file)
{
	return kvfio_file_is_valid(file);
}
EXPORT_SYMBOL_GPL(vfio_file_is_valid);

bool vfio_file_enforced_coherent(struct file *file)
{
	return kvfio_file_enforced_coherent(file);
}
EXPORT_SYMBOL_GPL(vfio_file_enforced_coherent);

void vfio_file_set_kvm(struct file *file, struct kvm *kvm)
{
	kvfio_file_set_kvm(file, kvm);
}
EXPORT_SYMBOL_GPL(vfio_file_set_kvm);

static int __init vfio_init(void)
{
	return kvfio_register_front(&vfio_front);
}

static void __exit vfio_exit(void)
{
	kvfio_unregister_front(&vfio_front);
}

module_init(vfio_init);
module_exit(vfio_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("kvfio in the place of VFIO: groups and containers");
MODULE_VERSION("0.1");
