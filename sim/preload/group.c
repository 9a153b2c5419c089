// SPDX-License-Identifier: BSD-2-Clause
/* Groups: one for each card. One descriptor at a time, as in the kernel. */
#include <errno.h>
#include <string.h>

#include "preload.h"
#include "vfio.h"

/* By their place; an id is what the folder of "vireo-sim run" says. Never freed: other threads may look at one. */
static struct group groups[VFIO_MAX_CARDS];
static unsigned n_groups;

static long get_status(struct group *g, void *arg)
{
	struct vfio_group_status status;

	if (preload_copy_in(&status, arg, sizeof(status)))
		return -EFAULT;
	if (status.argsz < sizeof(status))
		return -EINVAL;
	status.flags = VFIO_GROUP_FLAGS_VIABLE | (g->container ? VFIO_GROUP_FLAGS_CONTAINER_SET : 0);
	return preload_copy_out(arg, &status, sizeof(status));
}

static long set_container(struct group *g, void *arg)
{
	struct container *c;
	int32_t fd;

	if (preload_copy_in(&fd, arg, sizeof(fd)))
		return -EFAULT;
	if (fd < 0 || g->container)
		return -EINVAL;
	c = vfio_container_of(fd);
	if (!c)
		return -EINVAL;
	vfio_container_join(c);
	g->container = c;
	return 0;
}

static long unset_container(struct group *g)
{
	if (!g->container)
		return -EINVAL;
	if (g->n_devices)
		return -EBUSY;
	vfio_container_leave(g->container);
	g->container = NULL;
	return 0;
}

static long get_device(struct group *g, void *arg)
{
	char name[64];
	size_t i;

	/* As far as the name goes: what is behind it may not be there. */
	for (i = 0; i < sizeof(name); i++) {
		if (preload_copy_in(&name[i], (char *)arg + i, 1))
			return -EFAULT;
		if (!name[i])
			break;
	}
	if (i == sizeof(name))
		return -ENODEV;
	if (!g->container || !g->container->iommu)
		return -EINVAL;
	return vfio_open_device(g, name);
}

static long group_ioctl(struct object *object, unsigned long request, void *arg)
{
	struct group *g = (struct group *)object;
	sigset_t saved;
	long ret;

	preload_lock(&saved);
	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		ret = get_status(g, arg);
		break;
	case VFIO_GROUP_SET_CONTAINER:
		ret = set_container(g, arg);
		break;
	case VFIO_GROUP_UNSET_CONTAINER:
		ret = unset_container(g);
		break;
	case VFIO_GROUP_GET_DEVICE_FD:
		ret = get_device(g, arg);
		break;
	default:
		ret = -ENOTTY;
	}
	preload_unlock(&saved);
	return ret;
}

/* Open devices keep the group in its container; the last of them to go takes it out (vfio_open_device's counterpart). */
static void group_release(struct object *object)
{
	struct group *g = (struct group *)object;

	if (g->container && !g->n_devices) {
		vfio_container_leave(g->container);
		g->container = NULL;
	}
}

static const struct object_ops group_ops = {
	.ioctl = group_ioctl,
	.release = group_release,
};

static struct group *find(int id)
{
	unsigned i;

	for (i = 0; i < n_groups; i++)
		if (groups[i].id == id)
			return &groups[i];
	if (n_groups == VFIO_MAX_CARDS)
		return NULL;
	groups[n_groups] = (struct group){.object.ops = &group_ops, .id = id};
	return &groups[n_groups++];
}

int vfio_open_group(int id)
{
	struct group *g;
	sigset_t saved;
	int fd;

	preload_lock(&saved);
	g = find(id);
	if (!g)
		fd = -ENFILE;
	else if (g->object.n_fds)
		fd = -EBUSY;
	else
		fd = object_new_fd("vfio-group", &g->object);
	preload_unlock(&saved);
	return fd;
}

void vfio_group_put_device(struct group *g)
{
	g->n_devices--;
	if (!g->object.n_fds)
		group_release(&g->object);
}
