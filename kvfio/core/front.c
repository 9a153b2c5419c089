// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fronts: names for the files of the core, and what KVM asks about those files.
 */

#include <linux/module.h>

#include "core.h"

struct kvfio_front kvfio_own_front = {
	.name = "kvfio",
	.container_node = "kvfio/kvfio",
	.container_minor = MISC_DYNAMIC_MINOR,
	.owner = THIS_MODULE,
};

int kvfio_register_front(struct kvfio_front *front)
{
	int ret;

	ret = group_nodes_begin(front);
	if (ret)
		return ret;
	ret = container_node_create(front);
	if (ret)
		group_nodes_end(front);
	return ret;
}
EXPORT_SYMBOL_GPL(kvfio_register_front);

void kvfio_unregister_front(struct kvfio_front *front)
{
	container_node_destroy(front);
	group_nodes_end(front);
}
EXPORT_SYMBOL_GPL(kvfio_unregister_front);

/* The group of a file, or that of the device of a file. */
static struct kvfio_group *group_behind(struct file *file)
{
	struct kvfio_device *kdev = device_of_file(file);

	return kdev ? kdev->group : group_of_file(file);
}

bool kvfio_file_is_group(struct file *file)
{
	return group_of_file(file);
}
EXPORT_SYMBOL_GPL(kvfio_file_is_group);

bool kvfio_file_has_device(struct file *file, const struct kvfio_device *kdev)
{
	struct kvfio_group *group = group_of_file(file);

	return group && group == kdev->group;
}
EXPORT_SYMBOL_GPL(kvfio_file_has_device);

bool kvfio_file_is_valid(struct file *file)
{
	return group_behind(file);
}
EXPORT_SYMBOL_GPL(kvfio_file_is_valid);

bool kvfio_file_enforced_coherent(struct file *file)
{
	struct kvfio_group *group = group_behind(file);
	bool coherent = true;

	if (!group)
		return true;
	mutex_lock(&group->lock);
	if (group->container)
		coherent = container_is_coherent(group->container);
	mutex_unlock(&group->lock);
	return coherent;
}
EXPORT_SYMBOL_GPL(kvfio_file_enforced_coherent);

void kvfio_file_set_kvm(struct file *file, struct kvm *kvm)
{
	struct kvfio_group *group = group_behind(file);

	if (!group)
		return;
	mutex_lock(&group->lock);
	WRITE_ONCE(group->kvm, kvm);
	mutex_unlock(&group->lock);
}
EXPORT_SYMBOL_GPL(kvfio_file_set_kvm);
