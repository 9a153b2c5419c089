// SPDX-License-Identifier: BSD-2-Clause
/*
 * What each message of a client does. Its length and its descriptors are checked against a table before it gets here,
 * everything in it by its function.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "irq.h"
#include "vfio_user_caps.h"
#include "vfio_user_server.h"

/* Hand the payload of the reply over. */
static void reply(struct sim_server *server, const void *payload, size_t len)
{
	memcpy(server->out.payload, payload, len);
	server->out.len = len;
}

static int do_version(struct sim_server *server, const uint8_t *payload, size_t len)
{
	const struct vfio_user_caps ours = {
		.max_msg_fds = VFIO_USER_SAY_FDS,
		.max_data_xfer_size = SERVER_MAX_DATA,
		.max_dma_maps = SIM_DMA_MAX_MAPS,
		.pgsizes = (uint64_t)sysconf(_SC_PAGESIZE),
		.write_multiple = true,
	};
	struct vfio_user_version version;
	struct vfio_user_caps theirs;
	char *text = (char *)server->out.payload + sizeof(version);

	memcpy(&version, payload, sizeof(version));
	if (server->agreed || version.major != VFIO_USER_MAJOR)
		return -EINVAL;
	vfio_user_caps_default(&theirs);
	if (len > sizeof(version) &&
	    vfio_user_caps_parse((const char *)payload + sizeof(version), len - sizeof(version), &theirs))
		return -EINVAL;
	if (version.minor > VFIO_USER_MINOR)
		version.minor = VFIO_USER_MINOR;
	server->client_fds = theirs.max_msg_fds;
	server->agreed = true;
	reply(server, &version, sizeof(version));
	server->out.len += (size_t)vfio_user_caps_print(&ours, text, SERVER_MAX_PAYLOAD - sizeof(version));
	return 0;
}

static int do_dma_map(struct sim_server *server, const uint8_t *payload, size_t len)
{
	struct vfio_user_dma_map map;
	uint32_t flags;
	int fd = server->in.fds.n ? server->in.fds.fd[0] : -1;

	memcpy(&map, payload, sizeof(map));
	if (map.argsz < sizeof(map) || map.flags & ~(VFIO_USER_DMA_FLAG_READ | VFIO_USER_DMA_FLAG_WRITE))
		return -EINVAL;
	flags = (map.flags & VFIO_USER_DMA_FLAG_READ ? SIM_DMA_READ : 0) |
		(map.flags & VFIO_USER_DMA_FLAG_WRITE ? SIM_DMA_WRITE : 0);
	return sim_dma_map(&server->dev->dma, map.iova, map.size, flags, fd, fd >= 0 ? map.offset : 0);
}

static int do_dma_unmap(struct sim_server *server, const uint8_t *payload, size_t len)
{
	struct vfio_user_dma_unmap unmap;
	int err;

	memcpy(&unmap, payload, sizeof(unmap));
	if (unmap.argsz < sizeof(unmap) || unmap.flags)
		return -EINVAL;
	err = sim_dma_unmap(&server->dev->dma, unmap.iova, unmap.size);
	if (!err)
		reply(server, &unmap, sizeof(unmap));
	return err;
}

static int do_device_info(struct sim_server *server, const uint8_t *payload, size_t len)
{
	struct vfio_device_info info = {0};

	memcpy(&info, payload, VFIO_USER_DEVICE_INFO_SIZE);
	if (info.argsz < VFIO_USER_DEVICE_INFO_SIZE)
		return -EINVAL;
	info.argsz = VFIO_USER_DEVICE_INFO_SIZE;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = SIM_N_REGIONS;
	info.num_irqs = SIM_N_IRQS;
	reply(server, &info, VFIO_USER_DEVICE_INFO_SIZE);
	return 0;
}

/* The areas that a client may map, behind the description of the region; how many bytes. */
static size_t put_areas(uint8_t *at, const struct sim_region *region)
{
	const struct vfio_region_info_cap_sparse_mmap head = {
		.header = {.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1},
		.nr_areas = region->n_areas,
	};

	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	for (unsigned i = 0; i < region->n_areas; i++) {
		const struct vfio_region_sparse_mmap_area area = {.offset = region->areas[i].offset,
								  .size = region->areas[i].size};

		memcpy(at, &area, sizeof(area));
		at += sizeof(area);
	}
	return sizeof(head) + region->n_areas * sizeof(struct vfio_region_sparse_mmap_area);
}

static int do_region_info(struct sim_server *server, const uint8_t *payload, size_t len)
{
	const struct sim_region *region;
	struct vfio_region_info info;
	size_t size = sizeof(info);
	uint32_t room;

	memcpy(&info, payload, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= SIM_N_REGIONS)
		return -EINVAL;
	region = &server->dev->regions[info.index];
	room = info.argsz;
	info = (struct vfio_region_info){.index = info.index, .size = region->size};
	info.flags = (region->readable ? VFIO_REGION_INFO_FLAG_READ : 0) |
		     (region->writable ? VFIO_REGION_INFO_FLAG_WRITE : 0);
	if (region->n_areas > 0 && server->client_fds > 0)
		size += put_areas(server->out.payload + sizeof(info), region);
	/*
	 * A client without room for the areas learns how much it needs, and asks again. Until then nothing is said of them:
	 * QEMU takes a list that is promised and not there for nonsense.
	 */
	info.argsz = (uint32_t)size;
	if (size > sizeof(info) && size <= room) {
		info.flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
		info.cap_offset = sizeof(info);
		server->out.fd = region->fd;
	}
	reply(server, &info, sizeof(info));
	server->out.len = info.cap_offset ? size : sizeof(info);
	return 0;
}

static int do_irq_info(struct sim_server *server, const uint8_t *payload, size_t len)
{
	struct vfio_irq_info info;

	memcpy(&info, payload, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= SIM_N_IRQS)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.count = server->dev->irqs[info.index].count;
	info.flags = info.count ? server->dev->irqs[info.index].flags | VFIO_IRQ_INFO_EVENTFD : 0;
	reply(server, &info, sizeof(info));
	return 0;
}

/* Only an eventfd is written to by the model thread: a file or a pipe could keep it. */
static bool is_eventfd(int fd)
{
	char path[64], target[64] = "";
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	return n > 0 && strcmp(target, "anon_inode:[eventfd]") == 0;
}

static bool all_eventfds(const struct vfio_user_fds *fds)
{
	for (unsigned i = 0; i < fds->n; i++) {
		if (!is_eventfd(fds->fd[i]))
			return false;
	}
	return true;
}

static int take_fd(struct vfio_user_fds *fds, unsigned i)
{
	int fd = i < fds->n ? fds->fd[i] : -1;

	if (fd >= 0)
		fds->fd[i] = -1;
	return fd;
}

/* One eventfd for each vector, or none at all: those vectors are disconnected. */
static int connect_eventfds(struct sim_server *server, const struct vfio_irq_set *set)
{
	struct vfio_user_fds *fds = &server->in.fds;
	uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	if ((fds->n != 0 && fds->n != set->count) || !all_eventfds(fds))
		return -EINVAL;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER) {
		/* As the kernel has it: the client signals, the device masks or unmasks INTx. */
		if (set->index != VFIO_PCI_INTX_IRQ_INDEX || set->count != 1)
			return -EOPNOTSUPP;
		return server_watch(server,
				    action == VFIO_IRQ_SET_ACTION_MASK ? SERVER_WATCH_MASK : SERVER_WATCH_UNMASK,
				    take_fd(fds, 0));
	}
	for (uint32_t i = 0; i < set->count; i++)
		sim_irq_connect(server->dev, set->index, set->start + i, take_fd(fds, i));
	return 0;
}

/* @bools: for which vectors of the range; NULL: for all. */
static void act_on_vectors(struct sim_device *dev, const struct vfio_irq_set *set, const uint8_t *bools)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (bools && !bools[i])
			continue;
		switch (set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) {
		case VFIO_IRQ_SET_ACTION_MASK:
			sim_irq_mask(dev, set->index, set->start + i, true);
			break;
		case VFIO_IRQ_SET_ACTION_UNMASK:
			sim_irq_mask(dev, set->index, set->start + i, false);
			break;
		default:
			sim_irq_raise(dev, set->index, set->start + i);
		}
	}
}

/* One kind of data, one action, a range that the device has. */
static int check_irq_set(const struct sim_device *dev, const struct vfio_irq_set *set, size_t len)
{
	uint32_t data = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	size_t expected = sizeof(*set) + (data == VFIO_IRQ_SET_DATA_BOOL ? set->count : 0);
	const struct sim_irq *irq;

	if (set->index >= SIM_N_IRQS || set->argsz < sizeof(*set) || len != expected ||
	    set->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK) || data == 0 ||
	    data & (data - 1) || action == 0 || action & (action - 1))
		return -EINVAL;
	irq = &dev->irqs[set->index];
	if (set->start > irq->count || set->count > irq->count - set->start)
		return -EINVAL;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER && !(irq->flags & VFIO_IRQ_INFO_MASKABLE))
		return -EOPNOTSUPP;
	return 0;
}

static int do_set_irqs(struct sim_server *server, const uint8_t *payload, size_t len)
{
	struct vfio_irq_set set;
	uint32_t data;
	int err;

	memcpy(&set, payload, sizeof(set));
	err = check_irq_set(server->dev, &set, len);
	if (err)
		return err;
	data = set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	if (data != VFIO_IRQ_SET_DATA_EVENTFD && server->in.fds.n > 0)
		return -EINVAL;
	if (set.count == 0) {
		if (set.flags != (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER) || set.start)
			return -EINVAL;
		sim_irq_disable(server->dev, set.index);
		for (unsigned w = 0; set.index == VFIO_PCI_INTX_IRQ_INDEX && w < SERVER_N_WATCHES; w++)
			server_watch(server, w, -1);
		return 0;
	}
	if (data == VFIO_IRQ_SET_DATA_EVENTFD)
		return connect_eventfds(server, &set);
	act_on_vectors(server->dev, &set, data == VFIO_IRQ_SET_DATA_BOOL ? payload + sizeof(set) : NULL);
	return 0;
}

/* The largest access that starts at @offset and fits: eight bytes only when they were asked for as such. */
static uint32_t access_size(uint64_t offset, uint32_t len, bool whole)
{
	uint32_t n = whole && len == 8 ? 8 : 4;

	while (n > len || offset % n)
		n /= 2;
	return n;
}

static int check_access(const struct sim_server *server, const struct vfio_user_region_access *access)
{
	const struct sim_region *region;

	if (access->region >= SIM_N_REGIONS || access->count == 0 || access->count > SERVER_MAX_DATA)
		return -EINVAL;
	region = &server->dev->regions[access->region];
	if (access->offset > region->size || access->count > region->size - access->offset)
		return -EINVAL;
	return 0;
}

static int do_region_read(struct sim_server *server, const uint8_t *payload, size_t len)
{
	struct sim_device *dev = server->dev;
	struct vfio_user_region_access access;
	uint8_t *data = server->out.payload + sizeof(access);
	int err;

	memcpy(&access, payload, sizeof(access));
	err = check_access(server, &access);
	if (err)
		return err;
	if (!dev->regions[access.region].readable)
		return -EPERM;
	for (uint32_t at = 0, n; at < access.count && !err; at += n) {
		n = access_size(access.offset + at, access.count - at, at == 0);
		err = dev->ops->read(dev, access.region, access.offset + at, data + at, n);
	}
	if (err)
		return err;
	reply(server, &access, sizeof(access));
	server->out.len += access.count;
	return 0;
}

static int write_region(struct sim_server *server, const struct vfio_user_region_access *access, const uint8_t *data)
{
	struct sim_device *dev = server->dev;
	int err = check_access(server, access);

	if (err)
		return err;
	if (!dev->regions[access->region].writable)
		return -EPERM;
	for (uint32_t at = 0, n; at < access->count && !err; at += n) {
		n = access_size(access->offset + at, access->count - at, at == 0);
		err = dev->ops->write(dev, access->region, access->offset + at, data + at, n);
	}
	return err;
}

static int do_region_write(struct sim_server *server, const uint8_t *payload, size_t len)
{
	struct vfio_user_region_access access;
	int err;

	memcpy(&access, payload, sizeof(access));
	if (len - sizeof(access) != access.count)
		return -EINVAL;
	err = write_region(server, &access, payload + sizeof(access));
	if (!err)
		reply(server, &access, sizeof(access));
	return err;
}

/* In their order, up to one that fails; the reply says how many were done. */
static int do_write_multi(struct sim_server *server, const uint8_t *payload, size_t len)
{
	struct vfio_user_write_multi head;
	struct vfio_user_multi_write write;
	uint64_t n_done = 0;
	int err = 0;

	memcpy(&head, payload, sizeof(head));
	len -= sizeof(head);
	if (len % sizeof(write) || head.n_writes != len / sizeof(write))
		return -EINVAL;
	while (n_done < head.n_writes) {
		memcpy(&write, payload + sizeof(head) + n_done * sizeof(write), sizeof(write));
		err = -EINVAL;
		if (write.access.count <= sizeof(write.data))
			err = write_region(server, &write.access, (const uint8_t *)&write.data);
		if (err)
			break;
		n_done++;
	}
	if (err && n_done == 0)
		return err;
	head.n_writes = n_done;
	reply(server, &head, sizeof(head));
	return 0;
}

static int do_reset(struct sim_server *server, const uint8_t *payload, size_t len)
{
	server->dev->ops->reset(server->dev);
	return 0;
}

#define VERSION_MAX (sizeof(struct vfio_user_version) + 4096)

static const struct command {
	size_t min, max; /* bytes of payload */
	unsigned max_fds;
	int (*act)(struct sim_server *server, const uint8_t *payload, size_t len);
} commands[] = {
	[VFIO_USER_VERSION] = {sizeof(struct vfio_user_version), VERSION_MAX, 0, do_version},
	[VFIO_USER_DMA_MAP] = {sizeof(struct vfio_user_dma_map), sizeof(struct vfio_user_dma_map), 1, do_dma_map},
	[VFIO_USER_DMA_UNMAP] = {sizeof(struct vfio_user_dma_unmap), sizeof(struct vfio_user_dma_unmap), 0,
				 do_dma_unmap},
	[VFIO_USER_DEVICE_GET_INFO] = {VFIO_USER_DEVICE_INFO_SIZE, VFIO_USER_DEVICE_INFO_SIZE, 0, do_device_info},
	[VFIO_USER_DEVICE_GET_REGION_INFO] = {sizeof(struct vfio_region_info), sizeof(struct vfio_region_info), 0,
					      do_region_info},
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = {sizeof(struct vfio_irq_info), sizeof(struct vfio_irq_info), 0, do_irq_info},
	[VFIO_USER_DEVICE_SET_IRQS] = {sizeof(struct vfio_irq_set), sizeof(struct vfio_irq_set) + SIM_MAX_VECTORS,
				       VFIO_USER_MAX_FDS, do_set_irqs},
	[VFIO_USER_REGION_READ] = {sizeof(struct vfio_user_region_access), sizeof(struct vfio_user_region_access), 0,
				   do_region_read},
	[VFIO_USER_REGION_WRITE] = {sizeof(struct vfio_user_region_access) + 1, SERVER_MAX_PAYLOAD, 0, do_region_write},
	[VFIO_USER_DEVICE_RESET] = {0, 0, 0, do_reset},
	[VFIO_USER_REGION_WRITE_MULTI] = {sizeof(struct vfio_user_write_multi) + sizeof(struct vfio_user_multi_write),
					  sizeof(struct vfio_user_write_multi) +
						  SERVER_MAX_WRITES * sizeof(struct vfio_user_multi_write),
					  0, do_write_multi},
};

int server_command(struct sim_server *server)
{
	const struct vfio_user_header *head = &server->in.head;
	size_t len = head->size - sizeof(*head);
	const struct command *command;

	if (head->command >= sizeof(commands) / sizeof(commands[0]) || !commands[head->command].act)
		return -EOPNOTSUPP;
	command = &commands[head->command];
	if (!server->agreed && head->command != VFIO_USER_VERSION)
		return -EINVAL;
	if (server->in.fds.lost)
		return -EMFILE;
	if (len < command->min || len > command->max || server->in.fds.n > command->max_fds)
		return -EINVAL;
	return command->act(server, server->in.payload, len);
}
