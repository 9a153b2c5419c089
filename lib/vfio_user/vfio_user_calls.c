// SPDX-License-Identifier: BSD-2-Clause
/* The commands of a client, each as a function. What a reply says is checked against what was asked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfio_user_conn.h"

#define MAX_REGION_INFO 4096 /* bytes of a region's description with all of its capabilities */

int vfio_user_dma_map(struct vfio_user_conn *conn, uint64_t iova, uint64_t size, uint32_t flags, int fd,
		      uint64_t offset)
{
	const struct vfio_user_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .offset = offset, .iova = iova, .size = size};
	struct vfio_user_call call = {
		.command = VFIO_USER_DMA_MAP,
		.head = &map,
		.head_len = sizeof(map),
		.fds = &fd,
		.n_fds = fd >= 0,
	};

	return vfio_user_call(conn, &call);
}

int vfio_user_dma_unmap(struct vfio_user_conn *conn, uint64_t iova, uint64_t size)
{
	const struct vfio_user_dma_unmap unmap = {.argsz = sizeof(unmap), .iova = iova, .size = size};
	struct vfio_user_dma_unmap echo;
	struct vfio_user_call call = {
		.command = VFIO_USER_DMA_UNMAP,
		.head = &unmap,
		.head_len = sizeof(unmap),
		.reply_head = &echo,
		.reply_head_len = sizeof(echo),
	};
	int err;

	err = vfio_user_call(conn, &call);
	if (err)
		return err;
	return echo.iova == iova && echo.size == size ? 0 : -EIO;
}

int vfio_user_device_info(struct vfio_user_conn *conn, struct vfio_device_info *ret_info)
{
	struct vfio_device_info info = {.argsz = VFIO_USER_DEVICE_INFO_SIZE};
	struct vfio_user_call call = {
		.command = VFIO_USER_DEVICE_GET_INFO,
		.head = &info,
		.head_len = VFIO_USER_DEVICE_INFO_SIZE,
		.reply_head = &info,
		.reply_head_len = VFIO_USER_DEVICE_INFO_SIZE,
	};
	int err;

	err = vfio_user_call(conn, &call);
	if (err)
		return err;
	ret_info->flags = info.flags;
	ret_info->num_regions = info.num_regions;
	ret_info->num_irqs = info.num_irqs;
	return 0;
}

int vfio_user_irq_info(struct vfio_user_conn *conn, unsigned index, struct vfio_irq_info *ret_info)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};
	struct vfio_user_call call = {
		.command = VFIO_USER_DEVICE_GET_IRQ_INFO,
		.head = &info,
		.head_len = sizeof(info),
		.reply_head = &info,
		.reply_head_len = sizeof(info),
	};
	int err;

	err = vfio_user_call(conn, &call);
	if (err)
		return err;
	if (info.index != index)
		return -EIO;
	*ret_info = info;
	return 0;
}

/* Offset of the list of areas, or 0. Only ever forward, so a list that bites its tail ends. */
static size_t find_sparse(const uint8_t *info, size_t size, size_t at)
{
	struct vfio_info_cap_header head;

	for (size_t last = 0; at > last; last = at, at = head.next) {
		if (at > size || sizeof(head) > size - at)
			return 0;
		memcpy(&head, info + at, sizeof(head));
		if (head.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			return sizeof(struct vfio_region_info_cap_sparse_mmap) <= size - at ? at : 0;
	}
	return 0;
}

static int compare_areas(const void *a, const void *b)
{
	const struct vfio_user_area *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool read_areas(struct vfio_user_region *region, const uint8_t *info, size_t size)
{
	struct vfio_region_info_cap_sparse_mmap sparse;
	struct vfio_region_info head;
	size_t at;

	memcpy(&head, info, sizeof(head));
	at = head.flags & VFIO_REGION_INFO_FLAG_CAPS ? find_sparse(info, size, head.cap_offset) : 0;
	if (!at) {
		region->n_areas = 1;
		region->areas[0] = (struct vfio_user_area){.size = region->size};
		return true;
	}
	memcpy(&sparse, info + at, sizeof(sparse));
	at += sizeof(sparse);
	if (sparse.nr_areas > VFIO_USER_MAX_AREAS ||
	    sparse.nr_areas > (size - at) / sizeof(struct vfio_region_sparse_mmap_area))
		return false;
	for (uint32_t i = 0; i < sparse.nr_areas; i++) {
		struct vfio_region_sparse_mmap_area a;

		memcpy(&a, info + at + i * sizeof(a), sizeof(a));
		region->areas[i] = (struct vfio_user_area){.offset = a.offset, .size = a.size};
	}
	region->n_areas = sparse.nr_areas;
	qsort(region->areas, region->n_areas, sizeof(region->areas[0]), compare_areas);
	return true;
}

static bool check_areas(const struct vfio_user_region *region, uint64_t file_size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = 0;

	if (region->fd_offset % page || region->fd_offset > file_size)
		return false;
	for (unsigned i = 0; i < region->n_areas; i++) {
		const struct vfio_user_area *a = &region->areas[i];

		if (a->size == 0 || a->offset % page || a->size % page || a->offset < end || a->offset > region->size ||
		    a->size > region->size - a->offset)
			return false;
		end = a->offset + a->size;
	}
	return end <= file_size - region->fd_offset;
}

/* Memory that a server may cut off below us would be a signal at the next access, so only a sealed file will do. */
static bool check_file(int fd, uint64_t *ret_size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0)
		return false;
	*ret_size = (uint64_t)st.st_size;
	return true;
}

static void not_shared(struct vfio_user_region *region)
{
	if (region->fd >= 0)
		close(region->fd);
	region->fd = -1;
	region->n_areas = 0;
	region->flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
}

int vfio_user_region_info(struct vfio_user_conn *conn, unsigned index, struct vfio_user_region *ret_region)
{
	uint8_t info[MAX_REGION_INFO] __attribute__((aligned(8)));
	struct vfio_region_info head = {.argsz = sizeof(info), .index = index};
	struct vfio_user_call call = {
		.command = VFIO_USER_DEVICE_GET_REGION_INFO,
		.head = &head,
		.head_len = sizeof(head),
		.reply_data = info,
		.max_reply_data = sizeof(info),
		.max_reply_fds = VFIO_USER_MAX_FDS,
	};
	struct vfio_user_region region = {.fd = -1};
	uint64_t file_size = 0;
	int err;

	err = vfio_user_call(conn, &call);
	if (err)
		return err;
	if (call.reply_data_len < sizeof(head)) {
		vfio_user_fds_close(&call.reply_fds);
		return -EIO;
	}
	memcpy(&head, info, sizeof(head));
	region.size = head.size;
	region.flags =
		head.flags & (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP);
	region.fd_offset = head.offset;
	/* One descriptor is for all areas; some servers send it once for each. */
	if (call.reply_fds.n > 0) {
		region.fd = call.reply_fds.fd[0];
		call.reply_fds.fd[0] = -1;
	}
	vfio_user_fds_close(&call.reply_fds);
	if (head.index != index) {
		not_shared(&region);
		return -EIO;
	}
	if (!(region.flags & VFIO_REGION_INFO_FLAG_MMAP) || region.fd < 0 || region.size == 0 ||
	    !check_file(region.fd, &file_size) || !read_areas(&region, info, call.reply_data_len) ||
	    !check_areas(&region, file_size))
		not_shared(&region);
	*ret_region = region;
	return 0;
}

int vfio_user_region_read(struct vfio_user_conn *conn, unsigned region, uint64_t offset, void *buf, uint32_t len)
{
	const struct vfio_user_region_access access = {.offset = offset, .region = region, .count = len};
	struct vfio_user_region_access echo;
	struct vfio_user_call call = {
		.command = VFIO_USER_REGION_READ,
		.head = &access,
		.head_len = sizeof(access),
		.reply_head = &echo,
		.reply_head_len = sizeof(echo),
		.reply_data = buf,
		.max_reply_data = len,
	};
	int err;

	if (len > conn->peer.max_data_xfer_size)
		return -EINVAL;
	err = vfio_user_call(conn, &call);
	if (err)
		return err;
	return echo.count == len && call.reply_data_len == len ? 0 : -EIO;
}

int vfio_user_region_write(struct vfio_user_conn *conn, unsigned region, uint64_t offset, const void *buf, uint32_t len,
			   bool posted)
{
	const struct vfio_user_region_access access = {.offset = offset, .region = region, .count = len};
	struct vfio_user_region_access echo;
	struct vfio_user_call call = {
		.command = VFIO_USER_REGION_WRITE,
		.posted = posted,
		.head = &access,
		.head_len = sizeof(access),
		.data = buf,
		.data_len = len,
		.reply_head = &echo,
		.reply_head_len = sizeof(echo),
	};
	int err;

	if (len > conn->peer.max_data_xfer_size)
		return -EINVAL;
	if (posted && vfio_user_keep(conn, &access, buf))
		return 0;
	err = vfio_user_call(conn, &call);
	if (err || posted)
		return err;
	return echo.count == len ? 0 : -EIO;
}

static int set_irqs(struct vfio_user_conn *conn, uint32_t flags, unsigned index, unsigned start, unsigned count,
		    const uint8_t *bools, const int *fds, unsigned n_fds)
{
	size_t data_len = bools ? count : 0;
	struct vfio_irq_set set = {
		.argsz = (uint32_t)(sizeof(set) + data_len),
		.flags = flags,
		.index = index,
		.start = start,
		.count = count,
	};
	struct vfio_user_call call = {
		.command = VFIO_USER_DEVICE_SET_IRQS,
		.head = &set,
		.head_len = sizeof(set),
		.data = bools,
		.data_len = data_len,
		.fds = fds,
		.n_fds = n_fds,
	};

	return vfio_user_call(conn, &call);
}

int vfio_user_irqs_none(struct vfio_user_conn *conn, uint32_t action, unsigned index, unsigned start, unsigned count)
{
	return set_irqs(conn, action | VFIO_IRQ_SET_DATA_NONE, index, start, count, NULL, NULL, 0);
}

int vfio_user_irqs_bool(struct vfio_user_conn *conn, uint32_t action, unsigned index, unsigned start, unsigned count,
			const uint8_t *bools)
{
	return set_irqs(conn, action | VFIO_IRQ_SET_DATA_BOOL, index, start, count, bools, NULL, 0);
}

/* From the front of @fds: how many are all there, or all missing; a message has to be one or the other. */
static unsigned run_of(const int *fds, unsigned n)
{
	unsigned i = 1;

	while (i < n && (fds[i] >= 0) == (fds[0] >= 0))
		i++;
	return i;
}

int vfio_user_irqs_eventfd(struct vfio_user_conn *conn, uint32_t action, unsigned index, unsigned start, unsigned count,
			   const int *fds)
{
	unsigned max =
		conn->peer.max_msg_fds < VFIO_USER_MAX_FDS ? (unsigned)conn->peer.max_msg_fds : VFIO_USER_MAX_FDS;

	if (max == 0)
		return -EOPNOTSUPP;
	for (unsigned i = 0; i < count;) {
		unsigned n = run_of(fds + i, count - i);
		int err;

		if (fds[i] >= 0 && n > max)
			n = max;
		err = set_irqs(conn, action | VFIO_IRQ_SET_DATA_EVENTFD, index, start + i, n, NULL, fds + i,
			       fds[i] >= 0 ? n : 0);
		if (err)
			return err;
		i += n;
	}
	return 0;
}

int vfio_user_reset(struct vfio_user_conn *conn)
{
	struct vfio_user_call call = {.command = VFIO_USER_DEVICE_RESET};

	return vfio_user_call(conn, &call);
}
