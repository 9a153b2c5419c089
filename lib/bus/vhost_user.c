// SPDX-License-Identifier: BSD-2-Clause
/*
 * vhost-user: sharing memory with the other process, and handing it the rings.
 *
 * A process that goes away takes the link down; packets in the rings wait. As soon as one is there again the device says
 * NEEDS_RESET, so the port is stopped and started: the new process begins with empty rings, and nothing is sent twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#include <vireo/driver.h>

#include "vhost_user.h"

/* Without it only the queue for messages to the driver is kicked. */
#define NO_FD 0x100

/* --- memory ------------------------------------------------------------------------------------------------------- */

void *vhost_at(const struct vhost *v, uint64_t iova, uint64_t len)
{
	for (unsigned i = 0; i < v->n_regions; i++) {
		const struct vhost_region *r = &v->regions[i];

		if (iova >= r->iova && iova - r->iova <= r->size && len <= r->size - (iova - r->iova))
			return (void *)(uintptr_t)(r->va + (iova - r->iova));
	}
	return NULL;
}

static int send_memory(struct vhost *v)
{
	union vhost_payload p = {.memory = {.n = v->n_regions}};

	memcpy(p.memory.regions, v->regions, v->n_regions * sizeof(v->regions[0]));
	return vhost_conn_send(&v->conn, VHOST_SET_MEM_TABLE, &p,
			       offsetof(union vhost_payload, memory.regions) + v->n_regions * sizeof(v->regions[0]),
			       v->region_fds, v->n_regions);
}

static int map_locked(struct vhost *v, const struct dma_mapping *mapping)
{
	if (mapping->fd < 0)
		return vireo_error(-EOPNOTSUPP,
				   "%s: memory that no file stands behind cannot be shared with another process",
				   v->name);
	if (v->n_regions == VHOST_MAX_REGIONS)
		return vireo_error(-ENOSPC,
				   "%s: no more than %u pieces of memory can be shared; use fewer, larger pools",
				   v->name, VHOST_MAX_REGIONS);
	v->region_fds[v->n_regions] = mapping->fd;
	v->regions[v->n_regions++] = (struct vhost_region){
		.iova = mapping->iova,
		.size = mapping->size,
		.va = (uintptr_t)mapping->va,
		.fd_offset = (uint64_t)mapping->fd_offset,
	};
	if (v->running && send_memory(v))
		v->running = false; /* nobody is there to see it; the next one will get it all */
	return 0;
}

static int vhost_map(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct vhost *v = (struct vhost *)client;
	int err;

	pthread_mutex_lock(&v->lock);
	err = map_locked(v, mapping);
	pthread_mutex_unlock(&v->lock);
	return err;
}

static int vhost_unmap(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct vhost *v = (struct vhost *)client;
	unsigned i = 0;

	pthread_mutex_lock(&v->lock);
	while (i < v->n_regions && v->regions[i].iova != mapping->iova)
		i++;
	if (i < v->n_regions) {
		v->n_regions--;
		memmove(&v->regions[i], &v->regions[i + 1], (v->n_regions - i) * sizeof(v->regions[0]));
		memmove(&v->region_fds[i], &v->region_fds[i + 1], (v->n_regions - i) * sizeof(v->region_fds[0]));
		if (v->running && send_memory(v))
			v->running = false;
	}
	pthread_mutex_unlock(&v->lock);
	return 0;
}

static const struct dma_ops vhost_dma_ops = {
	.map = vhost_map,
	.unmap = vhost_unmap,
};

/* --- the rings ---------------------------------------------------------------------------------------------------- */

static int send_state(struct vhost *v, enum vhost_request request, unsigned index, uint32_t num)
{
	union vhost_payload p = {.state = {.index = index, .num = num}};

	return vhost_conn_send(&v->conn, request, &p, sizeof(p.state), NULL, 0);
}

static int send_addresses(struct vhost *v, unsigned idx)
{
	const struct vhost_queue *q = &v->queues[idx];
	/* Whatever the kind of ring, the three parts lie in one piece of memory. */
	union vhost_payload p = {
		.addr =
			{
				.index = idx,
				.desc = (uintptr_t)vhost_at(v, q->desc, 1),
				.avail = (uintptr_t)vhost_at(v, q->driver, 1),
				.used = (uintptr_t)vhost_at(v, q->device, 1),
			},
	};

	if (!p.addr.desc || !p.addr.avail || !p.addr.used)
		return vireo_error(-EFAULT, "%s: ring %u lies outside the shared memory", v->name, idx);
	return vhost_conn_send(&v->conn, VHOST_SET_VRING_ADDR, &p, sizeof(p.addr), NULL, 0);
}

static int send_fd(struct vhost *v, enum vhost_request request, unsigned idx, int fd)
{
	union vhost_payload p = {.u64 = idx | (fd < 0 ? NO_FD : 0)};

	return vhost_conn_send(&v->conn, request, &p, sizeof(p.u64), &fd, fd < 0 ? 0 : 1);
}

static int send_queue(struct vhost *v, unsigned idx)
{
	const struct vhost_queue *q = &v->queues[idx];
	int call_fd = q->vector <= v->max_pairs ? v->irq_fds[q->vector] : -1;
	bool packed = v->regs.driver_features & 1ull << VIRTIO_F_RING_PACKED;
	/* A packed ring begins at place 0 with both wrap counters at 1. */
	uint32_t base = packed ? 0x80008000 : 0;
	int err;

	err = send_state(v, VHOST_SET_VRING_NUM, idx, q->size);
	if (!err)
		err = send_state(v, VHOST_SET_VRING_BASE, idx, base);
	if (!err)
		err = send_addresses(v, idx);
	if (!err)
		err = send_fd(v, VHOST_SET_VRING_CALL, idx, call_fd);
	if (!err)
		err = send_fd(v, VHOST_SET_VRING_KICK, idx, q->kick_fd);
	return err;
}

static int enable_pairs(struct vhost *v, unsigned n)
{
	int err = 0;

	/* Without the protocol's features a ring runs from its first kick on. */
	if (!v->running || !v->protocol)
		return 0;
	for (unsigned i = 0; i < 2 * v->max_pairs && !err; i++)
		if (v->queues[i].enabled)
			err = send_state(v, VHOST_SET_VRING_ENABLE, i, i < 2 * n);
	return err;
}

/* Not before it is needed: a process offers more queues than a port uses, and descriptors are few. */
bool vhost_open_kick(struct vhost *v, unsigned idx)
{
	struct vhost_queue *q = &v->queues[idx];
	bool is_ctrl = idx + 1 == v->n_queues;

	/* The control queue is read as soon as the driver rings. */
	if (is_ctrl || q->kick_fd >= 0)
		return true;
	q->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->kick_fd < 0)
		vireo_log(VIREO_LOG_ERR,
			  "%s: cannot make an eventfd: %m; `ulimit -n` says how many descriptors a process may have",
			  v->name);
	return q->kick_fd >= 0;
}

static int start(struct vhost *v)
{
	int err;

	err = vhost_conn_send_u64(&v->conn, VHOST_SET_FEATURES,
		       (v->regs.driver_features & v->features) | (v->protocol ? VHOST_F_PROTOCOL_FEATURES : 0));
	if (!err)
		err = send_memory(v);
	for (unsigned i = 0; i < 2 * v->max_pairs && !err; i++)
		if (v->queues[i].enabled)
			err = send_queue(v, i);
	if (err)
		return err;
	v->running = true;
	return enable_pairs(v, 1);
}

static unsigned used_pairs(const struct vhost *v)
{
	unsigned n = 2 * v->max_pairs;

	while (n && !v->queues[n - 1].enabled)
		n--;
	return (n + 1) / 2;
}

/* Not the driver's mistake: it sees a link that is down, and the next process gets everything. */
static void give_up(struct vhost *v)
{
	vireo_log(VIREO_LOG_ERR, "%s", vireo_last_error());
	vhost_conn_close(&v->conn);
	v->running = false;
	v->link_up = false;
}

void vhost_start(struct vhost *v)
{
	v->needed_pairs = used_pairs(v);
	if (v->conn.fd < 0)
		return;
	if (start(v))
		give_up(v);
	v->link_up = v->running;
}

int vhost_enable_pairs(struct vhost *v, unsigned n)
{
	if (n == 0 || n > v->max_pairs)
		return -EINVAL;
	if (enable_pairs(v, n))
		give_up(v);
	return 0;
}

void vhost_stop(struct vhost *v)
{
	int err = 0;

	for (unsigned i = 0; v->running && i < 2 * v->max_pairs && !err; i++) {
		union vhost_payload p = {.state = {.index = i}};

		/* The answer comes when it does not touch the ring any more. */
		if (v->queues[i].enabled)
			err = vhost_conn_get(&v->conn, VHOST_GET_VRING_BASE, &p, sizeof(p.state));
	}
	v->running = false;
	v->link_up = false;
	vhost_look(v);
}

/* --- the bus ------------------------------------------------------------------------------------------------------ */

static int vhost_read(struct vireo_device *dev, unsigned region, uint64_t offset, void *buf, size_t len)
{
	struct vhost *v = dev->bus_priv;

	pthread_mutex_lock(&v->lock);
	vhost_regs_read(v, region, offset, buf, len);
	pthread_mutex_unlock(&v->lock);
	return 0;
}

static int vhost_write(struct vireo_device *dev, unsigned region, uint64_t offset, const void *buf, size_t len)
{
	struct vhost *v = dev->bus_priv;

	pthread_mutex_lock(&v->lock);
	vhost_regs_write(v, region, offset, buf, len);
	pthread_mutex_unlock(&v->lock);
	return 0;
}

static int vhost_irq(struct vireo_device *dev, unsigned irq, enum bus_irq_action action, unsigned first, unsigned count,
		     const int *fds)
{
	struct vhost *v = dev->bus_priv;

	if (irq != VIREO_IRQ_MSIX || (action != BUS_IRQ_ENABLE && action != BUS_IRQ_DISABLE))
		return vireo_error(-EOPNOTSUPP, "%s: this interrupt cannot be masked or triggered", v->name);
	pthread_mutex_lock(&v->lock);
	for (unsigned i = 0; i <= v->max_pairs; i++) {
		if (action == BUS_IRQ_DISABLE)
			v->irq_fds[i] = -1;
		else if (i >= first && i - first < count)
			v->irq_fds[i] = fds[i - first];
	}
	pthread_mutex_unlock(&v->lock);
	return 0;
}

static int vhost_event_fd(struct vireo_device *dev)
{
	const struct vhost *v = dev->bus_priv;

	return v->conn.event_fd;
}

static void vhost_poll(struct vireo_device *dev)
{
	struct vhost *v = dev->bus_priv;

	pthread_mutex_lock(&v->lock);
	vhost_look(v);
	pthread_mutex_unlock(&v->lock);
}

static int parse_mac(struct vhost *v, const char *text)
{
	uint8_t *m = v->regs.mac;
	char end;

	if (!text)
		return 0;
	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", m, m + 1, m + 2, m + 3, m + 4, m + 5, &end) != 6 ||
	    (m[0] & 1))
		return vireo_error(-EINVAL, "mac=%s: no address of a network card, such as 02:00:00:00:00:01", text);
	return 0;
}

/* What the other process could do and shall not. */
static int parse_switches(struct vhost *v, const struct spec *spec)
{
	static const struct {
		const char *name;
		uint64_t feature;
	} switches[] = {
		{"packed", 1ull << VIRTIO_F_RING_PACKED},
		{"in-order", 1ull << VIRTIO_F_IN_ORDER},
		{"mergeable", 1ull << VIRTIO_NET_F_MRG_RXBUF},
	};

	for (unsigned i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		const char *value = spec_option(spec, switches[i].name);

		if (value && !strcmp(value, "off"))
			v->unwanted |= switches[i].feature;
		else if (value && strcmp(value, "on") != 0)
			return vireo_error(-EINVAL, "%s=%s: it can be on or off", switches[i].name, value);
	}
	return 0;
}

static int parse(struct vhost *v, const struct spec *spec)
{
	static const char *const known_options[] = {"server", "mac", "packed", "in-order", "mergeable", NULL};
	const char *flag = spec_option(spec, "server");
	int err = spec_check_options(spec, known_options);

	if (err)
		return err;
	if (!spec->address[0] || strlen(spec->address) >= VHOST_PATH_MAX)
		return vireo_error(-EINVAL, "vhost-user:%s: a path of 1 to %d bytes is needed", spec->address,
				   VHOST_PATH_MAX - 1);
	if (flag && flag[0])
		return vireo_error(-EINVAL, "server=%s: server takes no value", flag);
	v->server = flag != NULL;
	strcpy(v->path, spec->address);
	snprintf(v->name, sizeof(v->name), "vhost-user:%s", v->path);
	v->conn.name = v->name;
	err = parse_switches(v, spec);
	return err ? err : parse_mac(v, spec_option(spec, "mac"));
}

static void create_queues(struct vhost *v)
{
	v->n_queues = 2 * v->max_pairs + 1;
	for (unsigned i = 0; i < v->n_queues; i++)
		v->queues[i] = (struct vhost_queue){.size = VHOST_RING_MAX, .vector = 0xffff, .kick_fd = -1};
}

static void describe_device(struct vireo_device *dev, const struct vhost *v)
{
	snprintf(dev->address, sizeof(dev->address), "%.*s", (int)sizeof(dev->address) - 1, v->name);
	dev->regions[VIREO_REGION_CONFIG].info = (struct vireo_region_info){
		.size = sizeof(v->regs.config_space), .flags = VIREO_REGION_READ | VIREO_REGION_WRITE};
	dev->regions[VIREO_REGION_BAR0].info =
		(struct vireo_region_info){.size = VHOST_BAR_SIZE, .flags = VIREO_REGION_READ | VIREO_REGION_WRITE};
	dev->irqs[VIREO_IRQ_MSIX] = (struct vireo_irq_info){.count = 1 + v->max_pairs};
	/* What it may reach is what was shared with it, but nothing stands between it and that. */
	dev->info.iommu = false;
}

static void vhost_free(struct vhost *v)
{
	if (v->attached)
		dma_detach(&v->client);
	vhost_conn_destroy(&v->conn);
	if (v->listen_fd >= 0)
		close(v->listen_fd);
	/* What was found there and refused belongs to somebody else. */
	if (v->bound)
		unlink(v->path);
	for (unsigned i = 0; i < v->n_queues; i++)
		if (v->queues[i].kick_fd >= 0)
			close(v->queues[i].kick_fd);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static int attach(struct vhost *v)
{
	int err;

	v->client.ops = &vhost_dma_ops;
	v->client.n_ranges = 1;
	v->client.ranges[0] = (struct vireo_iova_range){.start = 0, .last = (1ull << 48) - 1};
	snprintf(v->client.name, sizeof(v->client.name), "%.*s", (int)sizeof(v->client.name) - 1, v->name);
	err = dma_attach(&v->client);
	v->attached = !err;
	return err;
}

static int vhost_open(const struct spec *spec, struct vireo_device *dev)
{
	struct vhost *v = calloc(1, sizeof(*v));
	int err;

	if (!v)
		return vireo_error(-ENOMEM, "no memory for a device");
	v->dev = dev;
	v->conn.fd = v->conn.event_fd = v->conn.timer_fd = v->listen_fd = -1;
	for (unsigned i = 0; i <= VHOST_MAX_PAIRS; i++)
		v->irq_fds[i] = -1;
	pthread_mutex_init(&v->lock, NULL);
	err = parse(v, spec);
	if (!err)
		err = vhost_conn_create(&v->conn);
	if (!err)
		err = vhost_find_first(v);
	if (!err) {
		create_queues(v);
		err = attach(v);
	}
	if (err) {
		vhost_free(v);
		return err;
	}
	vhost_regs_init(v);
	describe_device(dev, v);
	dev->dma = &v->client;
	dev->bus_priv = v;
	return 0;
}

static void vhost_close(struct vireo_device *dev)
{
	struct vhost *v = dev->bus_priv;

	pthread_mutex_lock(&v->lock);
	vhost_stop(v);
	pthread_mutex_unlock(&v->lock);
	vhost_free(v);
}

const struct bus_ops vhost_user_bus = {
	.name = "vhost-user",
	.prefix = "vhost-user",
	.open = vhost_open,
	.close = vhost_close,
	.read = vhost_read,
	.write = vhost_write,
	.irq = vhost_irq,
	.event_fd = vhost_event_fd,
	.poll = vhost_poll,
};
