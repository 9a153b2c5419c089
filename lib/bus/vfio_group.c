// SPDX-License-Identifier: BSD-2-Clause
/*
 * Groups. The kernel lets one descriptor of a group be open at a time, so that all devices of it share ours; the
 * descriptor goes with the last of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "pci_sysfs.h"
#include "vfio.h"

static struct vfio_group *groups;

struct vfio_group *vfio_group_find(const char *front, int id)
{
	struct vfio_group *g = groups;

	while (g && (g->id != id || strcmp(g->front, front) != 0))
		g = g->next;
	return g;
}

static int check_viable(int fd, const char *address, int id)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	int err;

	err = vfio_ioctl(fd, VFIO_GROUP_GET_STATUS, &status);
	if (err < 0)
		return vireo_error(err, "the kernel does not tell how IOMMU group %d of %s stands: %s", id, address,
				   strerror(-err));
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return vfio_explain_not_viable(address, id);
	return 0;
}

static int group_open(struct vfio_group *g, const char *name, const char *address)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "%s/%s/%d", vfio_dev_root, g->front, g->id);
	g->fd = vfio_open_node(path);
	if (g->fd < 0)
		return vfio_explain_group_open(address, path, g->fd);
	err = check_viable(g->fd, address, g->id);
	if (!err)
		err = vfio_container_join(g->front, name, g->fd, address, &g->container);
	if (err)
		close(g->fd);
	return err;
}

static int group_create(const char *front, int id, const char *name, const char *address, struct vfio_group **ret_group)
{
	struct vfio_group *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return vireo_error(-ENOMEM, "no memory for an IOMMU group");
	g->front = front;
	g->id = id;
	err = group_open(g, name, address);
	if (err) {
		free(g);
		return err;
	}
	g->next = groups;
	groups = g;
	*ret_group = g;
	return 0;
}

int vfio_group_get(const char *front, int id, const char *name, const char *address, struct vfio_group **ret_group)
{
	struct vfio_group *g = vfio_group_find(front, id);
	int err;

	if (g && name && strcmp(g->container->name, name) != 0)
		return vireo_error(
			-EINVAL,
			"%s cannot be in container \"%s\": a device of the same IOMMU group %d is in container \"%s\", "
			"and a group is in one",
			address, name, id, g->container->name);
	if (!g) {
		err = group_create(front, id, name, address, &g);
		if (err)
			return err;
	}
	g->n_devices++;
	*ret_group = g;
	return 0;
}

static void unlink_group(struct vfio_group *group)
{
	struct vfio_group **p = &groups;

	while (*p != group)
		p = &(*p)->next;
	*p = group->next;
}

void vfio_group_put(struct vfio_group *group)
{
	if (--group->n_devices > 0)
		return;
	unlink_group(group);
	vfio_container_leave(group->container, group->fd);
	close(group->fd);
	free(group);
}
