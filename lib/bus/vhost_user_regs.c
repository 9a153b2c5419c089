// SPDX-License-Identifier: BSD-2-Clause
/*
 * The registers of a vhost-user device: the configuration space of a modern virtio network card, and behind it BAR 0 with
 * the three windows of VIRTIO 1.2, 4.1.4. The driver alone writes here, so what cannot be is ignored, as a card would.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "vhost_user.h"

#define COMMON_AT   0x0000
#define NOTIFY_AT   0x1000
#define CONFIG_AT   0x2000
#define NOTIFY_MULT 4

#define FEATURE(bit) (1ull << (bit))
/* What a hypervisor does for its guest, and we do for our driver: the other process need not know of it. */
#define OURS (FEATURE(VIRTIO_NET_F_STATUS) | FEATURE(VIRTIO_NET_F_CTRL_VQ) | FEATURE(VIRTIO_NET_F_CTRL_RX))

static void add_cap(struct vhost *v, unsigned at, unsigned next, uint8_t type, uint32_t offset, uint32_t length)
{
	struct virtio_pci_notify_cap cap = {
		.cap =
			{
				.cap_vndr = PCI_CAP_ID_VNDR,
				.cap_next = (uint8_t)next,
				.cap_len = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? sizeof(cap) : sizeof(cap.cap),
				.cfg_type = type,
				.offset = offset,
				.length = length,
			},
		.notify_off_multiplier = NOTIFY_MULT,
	};

	memcpy(v->regs.config_space + at, &cap, cap.cap.cap_len);
}

static void put(uint8_t *config_space, unsigned at, uint32_t value, unsigned len)
{
	memcpy(config_space + at, &value, len);
}

void vhost_regs_init(struct vhost *v)
{
	uint8_t *config = v->regs.config_space;

	put(config, PCI_VENDOR_ID, 0x1af4, 2);
	put(config, PCI_DEVICE_ID, 0x1041, 2);
	put(config, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	put(config, PCI_CLASS_REVISION, 0x02000001, 4);
	put(config, PCI_CAPABILITY_LIST, 0x40, 1);
	add_cap(v, 0x40, 0x60, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_AT, sizeof(struct virtio_pci_common_cfg));
	add_cap(v, 0x60, 0x80, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_AT, VHOST_MAX_QUEUES * NOTIFY_MULT);
	add_cap(v, 0x80, 0, VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG_AT, sizeof(struct virtio_net_config));
	v->regs.config_vector = VIRTIO_MSI_NO_VECTOR;
}

uint64_t vhost_regs_features(const struct vhost *v)
{
	uint64_t f = v->features | OURS;

	if (memcmp(v->regs.mac, (uint8_t[VIREO_MAC_LEN]){0}, VIREO_MAC_LEN) != 0)
		f |= FEATURE(VIRTIO_NET_F_MAC);
	if (v->max_pairs > 1)
		f |= FEATURE(VIRTIO_NET_F_MQ);
	return f;
}

/* --- common configuration ----------------------------------------------------------------------------------------- */

#define COMMON(field) offsetof(struct virtio_pci_common_cfg, field)

static struct vhost_queue *selected(struct vhost *v)
{
	return v->regs.queue_select < v->n_queues ? &v->queues[v->regs.queue_select] : NULL;
}

static uint32_t half(uint64_t value, uint32_t select)
{
	return select < 2 ? (uint32_t)(value >> 32 * select) : 0;
}

static uint32_t queue_read(struct vhost *v, uint64_t offset)
{
	const struct vhost_queue *q = selected(v);

	if (!q)
		return 0;
	switch (offset) {
	case COMMON(queue_size):
		return q->size;
	case COMMON(queue_msix_vector):
		return q->vector;
	case COMMON(queue_enable):
		return q->enabled;
	case COMMON(queue_notify_off):
		return v->regs.queue_select;
	}
	return 0;
}

static uint32_t common_read(struct vhost *v, uint64_t offset)
{
	const struct vhost_regs *r = &v->regs;

	switch (offset) {
	case COMMON(device_feature_select):
		return r->device_feature_select;
	case COMMON(device_feature):
		return half(vhost_regs_features(v), r->device_feature_select);
	case COMMON(guest_feature_select):
		return r->driver_feature_select;
	case COMMON(guest_feature):
		return half(r->driver_features, r->driver_feature_select);
	case COMMON(msix_config):
		return r->config_vector;
	case COMMON(num_queues):
		return v->n_queues;
	case COMMON(device_status):
		vhost_look(v);
		return r->status;
	case COMMON(config_generation):
		return r->generation;
	case COMMON(queue_select):
		return r->queue_select;
	}
	return queue_read(v, offset);
}

static void set_half(uint64_t *word, unsigned which, uint32_t value)
{
	if (which < 2)
		*word = (*word & ~(0xffffffffull << 32 * which)) | (uint64_t)value << 32 * which;
}

static void queue_write(struct vhost *v, uint64_t offset, uint32_t value)
{
	struct vhost_queue *q = selected(v);

	if (!q || q->enabled)
		return;
	switch (offset) {
	case COMMON(queue_size):
		q->size = (uint16_t)value;
		break;
	case COMMON(queue_msix_vector):
		q->vector = value <= v->max_pairs ? (uint16_t)value : VIRTIO_MSI_NO_VECTOR;
		break;
	case COMMON(queue_enable):
		q->enabled = value == 1 && vhost_open_kick(v, v->regs.queue_select);
		break;
	case COMMON(queue_desc_lo):
	case COMMON(queue_desc_hi):
		set_half(&q->desc, offset == COMMON(queue_desc_hi), value);
		break;
	case COMMON(queue_avail_lo):
	case COMMON(queue_avail_hi):
		set_half(&q->driver, offset == COMMON(queue_avail_hi), value);
		break;
	case COMMON(queue_used_lo):
	case COMMON(queue_used_hi):
		set_half(&q->device, offset == COMMON(queue_used_hi), value);
		break;
	}
}

static void reset(struct vhost *v)
{
	vhost_stop(v);
	v->regs.status = 0;
	v->regs.driver_features = 0;
	v->regs.config_vector = VIRTIO_MSI_NO_VECTOR;
	v->ctrl_seen = 0;
	for (unsigned i = 0; i < v->n_queues; i++) {
		int kick_fd = v->queues[i].kick_fd;

		v->queues[i] = (struct vhost_queue){
			.kick_fd = kick_fd, .size = VHOST_RING_MAX, .vector = VIRTIO_MSI_NO_VECTOR};
	}
}

static void write_status(struct vhost *v, uint8_t status)
{
	uint8_t before = v->regs.status;

	if (status == 0) {
		reset(v);
		return;
	}
	/* 2.1: bits are only added, and NEEDS_RESET is the device's. */
	v->regs.status |= status & ~VIRTIO_CONFIG_S_NEEDS_RESET;
	/* 3.1.1, step 6: a set of features that was not offered is not accepted. */
	if (v->regs.driver_features & ~vhost_regs_features(v))
		v->regs.status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	else if (~before & status & VIRTIO_CONFIG_S_FEATURES_OK)
		v->needed = v->regs.driver_features & v->features;
	if (~before & status & VIRTIO_CONFIG_S_DRIVER_OK)
		vhost_start(v);
}

static void common_write(struct vhost *v, uint64_t offset, uint32_t value)
{
	struct vhost_regs *r = &v->regs;

	switch (offset) {
	case COMMON(device_feature_select):
		r->device_feature_select = value;
		break;
	case COMMON(guest_feature_select):
		r->driver_feature_select = value;
		break;
	case COMMON(guest_feature):
		if (!(r->status & VIRTIO_CONFIG_S_FEATURES_OK))
			set_half(&r->driver_features, r->driver_feature_select, value);
		break;
	case COMMON(msix_config):
		r->config_vector = value <= v->max_pairs ? (uint16_t)value : VIRTIO_MSI_NO_VECTOR;
		break;
	case COMMON(device_status):
		write_status(v, (uint8_t)value);
		break;
	case COMMON(queue_select):
		r->queue_select = (uint16_t)value;
		break;
	default:
		queue_write(v, offset, value);
	}
}

/* --- doorbells and network configuration -------------------------------------------------------------------------- */

static void notify_write(struct vhost *v, uint64_t offset)
{
	uint64_t one = 1, idx = offset / NOTIFY_MULT;

	if (idx + 1 == v->n_queues)
		vhost_ctrl_kick(v);
	else if (idx < v->n_queues && write(v->queues[idx].kick_fd, &one, sizeof(one)) < 0)
		return; /* it has been told so often that the counter is full: it knows; or it never ran */
}

static void config_read(struct vhost *v, uint64_t offset, void *buf, size_t len)
{
	struct virtio_net_config config = {
		.status = v->link_up ? VIRTIO_NET_S_LINK_UP : 0,
		.max_virtqueue_pairs = (uint16_t)v->max_pairs,
	};

	memcpy(config.mac, v->regs.mac, sizeof(config.mac));
	memcpy(buf, (uint8_t *)&config + offset, len);
}

/* --- regions ------------------------------------------------------------------------------------------------------ */

static bool inside(uint64_t offset, size_t len, uint64_t start, uint64_t size)
{
	return offset >= start && offset - start <= size && len <= size - (offset - start);
}

void vhost_regs_read(struct vhost *v, unsigned region, uint64_t offset, void *buf, size_t len)
{
	uint32_t value;

	memset(buf, 0, len);
	if (region == VIREO_REGION_CONFIG) {
		memcpy(buf, v->regs.config_space + offset, len);
	} else if (inside(offset, len, CONFIG_AT, sizeof(struct virtio_net_config))) {
		config_read(v, offset - CONFIG_AT, buf, len);
	} else if (inside(offset, len, COMMON_AT, sizeof(struct virtio_pci_common_cfg)) && len <= sizeof(value)) {
		value = common_read(v, offset - COMMON_AT);
		memcpy(buf, &value, len);
	}
}

void vhost_regs_write(struct vhost *v, unsigned region, uint64_t offset, const void *buf, size_t len)
{
	uint32_t value = 0;

	memcpy(&value, buf, len < sizeof(value) ? len : sizeof(value));
	if (region == VIREO_REGION_CONFIG) {
		if (offset == PCI_COMMAND)
			put(v->regs.config_space, PCI_COMMAND, value, 2);
	} else if (inside(offset, len, NOTIFY_AT, VHOST_MAX_QUEUES * NOTIFY_MULT)) {
		notify_write(v, offset - NOTIFY_AT);
	} else if (inside(offset, len, COMMON_AT, sizeof(struct virtio_pci_common_cfg))) {
		common_write(v, offset - COMMON_AT, value);
	}
}
