// SPDX-License-Identifier: BSD-2-Clause
/*
 * Containers. All groups of a process share one as long as the kernel lets them: memory is then pinned, and charged
 * against RLIMIT_MEMLOCK, once. A group that cannot join the default container gets one of its own; all containers have
 * the same memory at the same addresses, so that nobody notices but the limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "vfio.h"

/* A kernel before 5.4 does not tell the valid addresses: assume those of a small IOMMU, less the MSI window. */
#define FALLBACK_LAST ((1ULL << 39) - 1)
#define MSI_START     0xfee00000ULL
#define MSI_LAST      0xfeefffffULL

static struct vfio_container *containers;

static int container_map(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct vfio_container *c = (struct vfio_container *)client;
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.vaddr = (uintptr_t)mapping->va,
		.iova = mapping->iova,
		.size = mapping->size,
	};
	int err;

	if (mapping->flags & VIREO_DMA_READ)
		map.flags |= VFIO_DMA_MAP_FLAG_READ;
	if (mapping->flags & VIREO_DMA_WRITE)
		map.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	err = vfio_ioctl(c->fd, VFIO_IOMMU_MAP_DMA, &map);
	if (err < 0)
		return vfio_explain_map(c, mapping->size, err);
	c->mapped += mapping->size;
	return 0;
}

static int container_unmap(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct vfio_container *c = (struct vfio_container *)client;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = mapping->iova,
		.size = mapping->size,
	};
	int err;

	err = vfio_ioctl(c->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
	if (err < 0)
		return vireo_error(err, "%s: unmapping %#zx bytes at %#llx failed: %s", client->name, mapping->size,
				   (unsigned long long)mapping->iova, strerror(-err));
	c->mapped -= mapping->size;
	/* The kernel says what it really unmapped; less means that pages are still reachable. */
	if (unmap.size != mapping->size)
		return vireo_error(-EIO, "%s: %#llx of %#zx bytes at %#llx were unmapped", client->name,
				   (unsigned long long)unmap.size, mapping->size, (unsigned long long)mapping->iova);
	return 0;
}

static const struct dma_ops container_dma_ops = {
	.map = container_map,
	.unmap = container_unmap,
};

static void assume_ranges(struct dma_client *client)
{
	client->n_ranges = 2;
	client->ranges[0] = (struct vireo_iova_range){.start = 0, .last = MSI_START - 1};
	client->ranges[1] = (struct vireo_iova_range){.start = MSI_LAST + 1, .last = FALLBACK_LAST};
}

static int parse_ranges(struct dma_client *client, const uint8_t *info, size_t size, size_t cap)
{
	struct vfio_iommu_type1_info_cap_iova_range head;
	unsigned n = 0;

	memcpy(&head, info + cap, sizeof(head));
	if (head.nr_iovas == 0 || head.nr_iovas > (size - cap - sizeof(head)) / sizeof(struct vfio_iova_range))
		return -EIO;
	for (; n < head.nr_iovas && n < DMA_MAX_RANGES; n++) {
		struct vfio_iova_range r;

		memcpy(&r, info + cap + sizeof(head) + n * sizeof(r), sizeof(r));
		if (r.start > r.end || (n > 0 && r.start <= client->ranges[n - 1].last))
			return -EIO;
		client->ranges[n] = (struct vireo_iova_range){.start = r.start, .last = r.end};
	}
	client->n_ranges = n;
	return 0;
}

/* Which addresses the devices of the container may use now. */
static int read_ranges(int fd, struct dma_client *client)
{
	struct vfio_iommu_type1_info head;
	size_t size, cap = 0;
	void *info;
	int err;

	err = vfio_get_info(fd, VFIO_IOMMU_GET_INFO, sizeof(head), 0, &info, &size);
	if (err)
		return vireo_error(err, "%s: the kernel does not tell about its IOMMU: %s", client->name,
				   strerror(-err));
	memcpy(&head, info, sizeof(head));
	if (head.flags & VFIO_IOMMU_INFO_CAPS)
		cap = vfio_find_cap(info, size, head.cap_offset, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
				    sizeof(struct vfio_iommu_type1_info_cap_iova_range));
	if (!cap)
		assume_ranges(client);
	else if (parse_ranges(client, info, size, cap))
		err = vireo_error(-EIO, "%s: the kernel's list of valid addresses makes no sense", client->name);
	free(info);
	return err;
}

/* The API that this file speaks, with an IOMMU behind it; returns the type to set. */
static int check_api(int fd, const char *address, const char *path)
{
	int version = vfio_ioctl(fd, VFIO_GET_API_VERSION, NULL);

	if (version != VFIO_API_VERSION)
		return vireo_error(-EOPNOTSUPP, "%s speaks version %d of the VFIO API, this library speaks %d", path,
				   version, VFIO_API_VERSION);
	if (vfio_ioctl(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU) > 0)
		return VFIO_TYPE1v2_IOMMU;
	/* We unmap exactly what we mapped, which is all that the older type can do. */
	if (vfio_ioctl(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1_IOMMU) > 0)
		return VFIO_TYPE1_IOMMU;
	return vireo_error(-EOPNOTSUPP,
			   "the kernel's VFIO has no IOMMU back end for %s: `sudo modprobe vfio_iommu_type1` loads it",
			   address);
}

static struct vfio_container *container_alloc(const char *front, const char *name)
{
	struct vfio_container *c = calloc(1, sizeof(*c));

	if (!c) {
		vireo_error(-ENOMEM, "no memory for an IOMMU container");
		return NULL;
	}
	c->client.ops = &container_dma_ops;
	c->front = front;
	c->fd = -1;
	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

static void container_free(struct vfio_container *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static void list_add(struct vfio_container *c)
{
	c->next = containers;
	containers = c;
}

static void list_remove(struct vfio_container *c)
{
	struct vfio_container **p = &containers;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
}

static int container_open(struct vfio_container *c, const char *address)
{
	char path[64];

	snprintf(c->client.name, sizeof(c->client.name), "container of %s", address);
	snprintf(path, sizeof(path), "%s/%s/%s", vfio_dev_root, c->front, c->front);
	c->fd = vfio_open_node(path);
	if (c->fd < 0)
		return vfio_explain_container_open(address, path, c->fd);
	return check_api(c->fd, address, path);
}

/* The first group: only with one in it does a container take an IOMMU type. */
static int container_create(const char *front, const char *name, int group_fd, const char *address,
			    struct vfio_container **ret_container)
{
	struct vfio_container *c = container_alloc(front, name);
	int type, err;

	if (!c)
		return -ENOMEM;
	type = container_open(c, address);
	if (type < 0) {
		err = type;
		goto err_free;
	}
	err = vfio_ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, &c->fd);
	if (err < 0) {
		err = vfio_explain_attach(address, "VFIO_GROUP_SET_CONTAINER", err);
		goto err_free;
	}
	err = vfio_ioctl(c->fd, VFIO_SET_IOMMU, (void *)(uintptr_t)type);
	if (err < 0) {
		err = vfio_explain_attach(address, "VFIO_SET_IOMMU", err);
		goto err_unset;
	}
	err = read_ranges(c->fd, &c->client);
	if (err)
		goto err_unset;
	err = dma_attach(&c->client);
	if (err)
		goto err_unset;
	c->n_users = 1;
	list_add(c);
	*ret_container = c;
	return 0;

err_unset:
	vfio_ioctl(group_fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
err_free:
	container_free(c);
	return err;
}

/* One more group: its reserved regions may take addresses away from all. */
static int container_add(struct vfio_container *c, int group_fd, const char *address)
{
	struct dma_client *client = &c->client;
	struct vireo_iova_range old[DMA_MAX_RANGES];
	unsigned n_old = client->n_ranges;
	int err;

	err = vfio_ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, &c->fd);
	if (err < 0)
		return vfio_explain_attach(address, "VFIO_GROUP_SET_CONTAINER", err);
	memcpy(old, client->ranges, sizeof(old));
	err = read_ranges(c->fd, client);
	if (!err)
		err = dma_ranges_changed(client);
	if (err) {
		vfio_ioctl(group_fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
		memcpy(client->ranges, old, sizeof(old));
		client->n_ranges = n_old;
		return err;
	}
	c->n_users++;
	return 0;
}

/* What another container may mend: the group and the container do not suit each other. */
static bool is_incompatible(int err)
{
	return err == -EINVAL || err == -ERANGE;
}

int vfio_container_join(const char *front, const char *name, int group_fd, const char *address,
			struct vfio_container **ret_container)
{
	for (struct vfio_container *c = containers; c; c = c->next) {
		int err;

		if (!c->front || strcmp(c->front, front) != 0 || strcmp(c->name, name ? name : "") != 0)
			continue;
		err = container_add(c, group_fd, address);
		if (!err) {
			*ret_container = c;
			return 0;
		}
		if (name || !is_incompatible(err))
			return err;
		vireo_log(VIREO_LOG_INFO, "%s cannot join the %s and gets a container of its own", address,
			  c->client.name);
	}
	return container_create(front, name ? name : "", group_fd, address, ret_container);
}

void vfio_container_leave(struct vfio_container *c, int group_fd)
{
	/* With its last group a container loses its IOMMU, and nothing can be unmapped any more. */
	if (--c->n_users == 0)
		dma_detach(&c->client);
	vfio_ioctl(group_fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
	if (c->n_users == 0) {
		list_remove(c);
		container_free(c);
	}
}

/* Two descriptors of one container: mapping the window twice would fail. */
static bool is_same_file(int a, int b)
{
	pid_t self = getpid();

	return syscall(SYS_kcmp, self, self, KCMP_FILE, a, b) == 0;
}

int vfio_container_adopt(int fd, struct vfio_container **ret_container)
{
	struct vfio_container *c;
	int err;

	for (c = containers; c; c = c->next) {
		if (!c->front && is_same_file(c->fd, fd)) {
			c->n_users++;
			*ret_container = c;
			return 0;
		}
	}
	if (vfio_ioctl(fd, VFIO_GET_API_VERSION, NULL) != VFIO_API_VERSION)
		return vireo_error(-EINVAL, "descriptor %d is no VFIO container", fd);
	c = container_alloc(NULL, "");
	if (!c)
		return -ENOMEM;
	snprintf(c->client.name, sizeof(c->client.name), "container fd:%d", fd);
	c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (c->fd < 0) {
		err = vireo_error(-errno, "cannot duplicate descriptor %d: %m", fd);
		goto err_free;
	}
	err = read_ranges(c->fd, &c->client);
	if (err) {
		err = vireo_error(-EINVAL, "container %d has no IOMMU type set, or one that this library does not know",
				  fd);
		goto err_free;
	}
	err = dma_attach(&c->client);
	if (err)
		goto err_free;
	c->n_users = 1;
	list_add(c);
	*ret_container = c;
	return 0;

err_free:
	container_free(c);
	return err;
}

void vfio_container_release(struct vfio_container *c)
{
	if (--c->n_users > 0)
		return;
	dma_detach(&c->client);
	list_remove(c);
	container_free(c);
}
