// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers: the open files of /dev/kvfio/kvfio, or /dev/vfio/vfio in another front. One holds the groups that share an address space
 * for DMA. Opening it costs a small structure and gives no right; it can do something once a group,
 * which takes a permission to open, is attached.
 */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <uapi/linux/vfio.h>

#include "../uapi/kvfio.h"
#include "core.h"

/* All there are, in the order in which they were opened. */
static DEFINE_MUTEX(containers_lock);
static LIST_HEAD(containers);
static unsigned int last_id;

/** containers_for_each() - for those who only look; containers_lock is held */
void containers_for_each(void (*fn)(struct kvfio_container *container, struct seq_file *out),
			 struct seq_file *out)
{
	struct kvfio_container *container;

	mutex_lock(&containers_lock);
	list_for_each_entry(container, &containers, entry)
		fn(container, out);
	mutex_unlock(&containers_lock);
}

static void container_release(struct kref *ref)
{
	struct kvfio_container *container = container_of(ref, struct kvfio_container, ref);

	mutex_lock(&containers_lock);
	list_del(&container->entry);
	mutex_unlock(&containers_lock);

	/* The last group took the maps and domains with it. */
	WARN_ON(!RB_EMPTY_ROOT(&container->maps.rb_root) || !list_empty(&container->domains));
	mutex_destroy(&container->lock);
	kfree(container);
}

static int container_file_open(struct inode *inode, struct file *file)
{
	struct kvfio_container *container;

	container = kzalloc(sizeof(*container), GFP_KERNEL_ACCOUNT);
	if (!container)
		return -ENOMEM;
	kref_init(&container->ref);
	mutex_init(&container->lock);
	INIT_LIST_HEAD(&container->groups);
	INIT_LIST_HEAD(&container->domains);
	container->maps = RB_ROOT_CACHED;
	mutex_lock(&containers_lock);
	container->id = ++last_id;
	list_add_tail(&container->entry, &containers);
	mutex_unlock(&containers_lock);
	file->private_data = container;
	return 0;
}

static int container_file_release(struct inode *inode, struct file *file)
{
	struct kvfio_container *container = file->private_data;

	kref_put(&container->ref, container_release);
	return 0;
}

static bool all_domains_coherent(struct kvfio_container *container)
{
	struct kvfio_domain *domain;

	list_for_each_entry(domain, &container->domains, entry)
		if (!domain->coherent)
			return false;
	return true;
}

static long check_extension(struct kvfio_container *container, unsigned long extension)
{
	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return !container->noiommu;
	case VFIO_DMA_CC_IOMMU:
		return container->type && !container->noiommu && all_domains_coherent(container);
	case VFIO_NOIOMMU_IOMMU:
		/* Groups say which kind it is, before there is a type. */
		return list_empty(&container->groups) ?
			kvfio_unsafe_noiommu_mode && capable(CAP_SYS_RAWIO) : container->noiommu;
	case KVFIO_EXTENSION:
		return KVFIO_VERSION;
	default:
		return 0;
	}
}

/* An address space has begun: everything is allowed that no group forbids. */
static int type_begin(struct kvfio_container *container, int type)
{
	struct iova_ranges valid;
	int ret;

	ret = iova_ranges_compute(container, &valid);
	if (ret)
		return ret;
	container->valid = valid;
	container->type = type;
	container->n_maps_left = dma_entry_limit;
	return 0;
}

static void type_end(struct kvfio_container *container)
{
	iova_ranges_free(&container->valid);
	container->type = 0;
}

static long set_iommu(struct kvfio_container *container, unsigned long type)
{
	struct kvfio_group *group;
	int ret;

	if (list_empty(&container->groups) || container->type)
		return -EINVAL;
	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU && type != VFIO_NOIOMMU_IOMMU)
		return -ENODEV;
	if (container->noiommu != (type == VFIO_NOIOMMU_IOMMU))
		return -ENODEV;

	ret = type_begin(container, type);
	if (ret)
		return ret;
	list_for_each_entry(group, &container->groups, container_entry) {
		ret = domain_attach_group(container, group);
		if (ret)
			goto err_detach;
	}
	return 0;

err_detach:
	list_for_each_entry_continue_reverse(group, &container->groups, container_entry)
		domain_detach_group(container, group);
	type_end(container);
	return ret;
}

static long container_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvfio_container *container = file->private_data;
	long ret;

	if (cmd == VFIO_GET_API_VERSION)
		return VFIO_API_VERSION;

	if (mutex_lock_killable(&container->lock))
		return -EINTR;
	switch (cmd) {
	case VFIO_CHECK_EXTENSION:
		ret = check_extension(container, arg);
		break;
	case VFIO_SET_IOMMU:
		ret = set_iommu(container, arg);
		break;
	default:
		ret = -EINVAL;
		if (container->type == VFIO_NOIOMMU_IOMMU)
			ret = -ENOTTY;
		else if (container->type)
			ret = type1_ioctl(container, cmd, arg);
	}
	mutex_unlock(&container->lock);
	return ret;
}

/*
 * container_is_coherent() - can no DMA of its devices get past the caches? Without a type there are
 * no devices yet, and nobody has shown that he may ask.
 */
bool container_is_coherent(struct kvfio_container *container)
{
	bool coherent;

	mutex_lock(&container->lock);
	coherent = all_domains_coherent(container);
	mutex_unlock(&container->lock);
	return coherent;
}

bool container_has_type(struct kvfio_container *container)
{
	bool has;

	mutex_lock(&container->lock);
	has = container->type;
	mutex_unlock(&container->lock);
	return has;
}

/*
 * container_forget_device() - a device of an attached group is being closed: nobody maps its
 * registers any more
 */
void container_forget_device(struct kvfio_container *container, struct kvfio_device *kdev)
{
	mutex_lock(&container->lock);
	map_destroy_registers(container, kdev);
	mutex_unlock(&container->lock);
}

static int add_group(struct kvfio_container *container, struct kvfio_group *group)
{
	int ret = 0;

	mutex_lock(&container->lock);
	/* A device without protection would make that of the others worthless. */
	if (!list_empty(&container->groups) &&
	    container->noiommu != (group->kind == GROUP_NOIOMMU))
		ret = -EPERM;
	else if (container->type)
		ret = domain_attach_group(container, group);
	if (!ret) {
		container->noiommu = group->kind == GROUP_NOIOMMU;
		list_add_tail(&group->container_entry, &container->groups);
		kref_get(&container->ref);
		group->container = container;
	}
	mutex_unlock(&container->lock);
	return ret;
}

/* Every front has file operations of its own, so that its module stays while one is open. */
static bool is_container(struct file *file)
{
	return file->f_op->release == container_file_release;
}

/**
 * container_attach_group() - put a group into the container behind a file descriptor; group->lock
 * held
 * @fd: what the user gave
 * @group: in no container
 *
 * Return: 0; -EBADF; -EINVAL when it is no container; -EPERM, -EBUSY when a host driver owns a
 * device of the group;
 * -EPERM when its interrupts are not isolated.
 */
int container_attach_group(int fd, struct kvfio_group *group)
{
	struct file *file = fget(fd);
	int ret = -EINVAL;

	if (!file)
		return -EBADF;
	if (!is_container(file))
		goto out_put;

	/*
	 * From here on no host driver can bind to a device of the group, and their DMA is blocked
	 * until a domain comes.
	 */
	if (group->kind == GROUP_IOMMU) {
		ret = iommu_group_claim_dma_owner(group->iommu_group, group);
		if (ret)
			goto out_put;
	}
	ret = add_group(file->private_data, group);
	if (ret && group->kind == GROUP_IOMMU)
		iommu_group_release_dma_owner(group->iommu_group);
out_put:
	fput(file);
	return ret;
}

/*
 * container_detach_group() - take a group out again; group->lock held, no device of the group is
 * open
 */
void container_detach_group(struct kvfio_group *group)
{
	struct kvfio_container *container = group->container;

	mutex_lock(&container->lock);
	if (container->type) {
		/* Nobody is left to whom the maps could belong. */
		if (list_is_singular(&container->groups))
			map_destroy_all(container);
		domain_detach_group(container, group);
	}
	list_del(&group->container_entry);
	if (list_empty(&container->groups)) {
		if (container->type)
			type_end(container);
		container->noiommu = false;
	}
	mutex_unlock(&container->lock);

	if (group->kind == GROUP_IOMMU)
		iommu_group_release_dma_owner(group->iommu_group);
	group->container = NULL;
	kref_put(&container->ref, container_release);
}

static const struct file_operations container_fops = {
	.open = container_file_open,
	.release = container_file_release,
	.unlocked_ioctl = container_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

int container_node_create(struct kvfio_front *front)
{
	front->container_fops = container_fops;
	front->container_fops.owner = front->owner;
	front->container.minor = front->container_minor;
	front->container.name = front->name;
	front->container.nodename = front->container_node;
	front->container.mode = 0666;
	front->container.fops = &front->container_fops;
	return misc_register(&front->container);
}

void container_node_destroy(struct kvfio_front *front)
{
	misc_deregister(&front->container);
}
