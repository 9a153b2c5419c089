// SPDX-License-Identifier: GPL-2.0-only
/* VFIO_DEVICE_FEATURE: one ioctl for what was thought of later; each can be asked for without being done. */

#include <linux/uaccess.h>

#include "pci.h"

#define ACTIONS		(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET)
#define HEADER_SIZE	offsetofend(struct vfio_device_feature, flags)

/* One request, its flags checked. */
struct request {
	u32 flags;
	u32 data_size;
	void __user *data;
};

/*
 * Is the request one that the feature can be given? 1: do it; 0: it was only asked for; -EINVAL.
 */
static int check(const struct request *request, u32 actions, size_t data_size)
{
	if (request->flags & ACTIONS & ~actions)
		return -EINVAL;
	if (request->flags & VFIO_DEVICE_FEATURE_PROBE)
		return 0;
	if (!(request->flags & ACTIONS) || request->data_size < data_size)
		return -EINVAL;
	return 1;
}

static long set_vf_token(struct kvfio_pci *vdev, const struct request *request)
{
	uuid_t uuid;
	int ret;

	if (!vdev->pdev->is_physfn)
		return -ENOTTY;
	ret = check(request, VFIO_DEVICE_FEATURE_SET, sizeof(uuid));
	if (ret <= 0)
		return ret;
	if (copy_from_user(&uuid, request->data, sizeof(uuid)))
		return -EFAULT;
	vf_token_set(vdev, &uuid);
	return 0;
}

static long enter_low_power(struct kvfio_pci *vdev, const struct request *request)
{
	int ret = check(request, VFIO_DEVICE_FEATURE_SET, 0);

	return ret <= 0 ? ret : power_enter_low(vdev, NULL);
}

static long enter_low_power_with_wakeup(struct kvfio_pci *vdev, const struct request *request)
{
	struct vfio_device_low_power_entry_with_wakeup entry;
	struct eventfd_ctx *wakeup;
	int ret;

	ret = check(request, VFIO_DEVICE_FEATURE_SET, sizeof(entry));
	if (ret <= 0)
		return ret;
	if (copy_from_user(&entry, request->data, sizeof(entry)))
		return -EFAULT;
	if (entry.wakeup_eventfd < 0)
		return -EINVAL;
	wakeup = eventfd_ctx_fdget(entry.wakeup_eventfd);
	if (IS_ERR(wakeup))
		return PTR_ERR(wakeup);
	ret = power_enter_low(vdev, wakeup);
	if (ret)
		eventfd_ctx_put(wakeup);
	return ret;
}

static long exit_low_power(struct kvfio_pci *vdev, const struct request *request)
{
	int ret = check(request, VFIO_DEVICE_FEATURE_SET, 0);

	if (ret > 0)
		power_leave_low(vdev);
	return min(ret, 0);
}

/** device_feature() - VFIO_DEVICE_FEATURE; -ENOTTY: there is no such feature */
long device_feature(struct kvfio_pci *vdev, void __user *arg)
{
	struct vfio_device_feature header;
	struct request request;

	if (copy_from_user(&header, arg, HEADER_SIZE))
		return -EFAULT;
	if (header.argsz < HEADER_SIZE ||
	    header.flags & ~(VFIO_DEVICE_FEATURE_MASK | ACTIONS | VFIO_DEVICE_FEATURE_PROBE))
		return -EINVAL;
	if (!(header.flags & VFIO_DEVICE_FEATURE_PROBE) && (header.flags & ACTIONS) == ACTIONS)
		return -EINVAL;
	request = (struct request){
		.flags = header.flags,
		.data_size = header.argsz - HEADER_SIZE,
		.data = arg + HEADER_SIZE,
	};
	switch (header.flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_PCI_VF_TOKEN:
		return set_vf_token(vdev, &request);
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
		return enter_low_power(vdev, &request);
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
		return enter_low_power_with_wakeup(vdev, &request);
	case VFIO_DEVICE_FEATURE_LOW_POWER_EXIT:
		return exit_low_power(vdev, &request);
	default:
		return -ENOTTY;
	}
}
