// SPDX-License-Identifier: BSD-2-Clause
/* A modern virtio device on PCI: VIRTIO 1.2, 4.1. */
#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "virtio.h"

unsigned virtio_patience_us = 1000000;

/* Reads of the configuration until two pictures of it are the same. */
#define MAX_CONFIG_READS 64
/* More capabilities than fit into config space. */
#define MAX_CAPS 48

struct cap {
	uint8_t type;
	uint8_t bar;
	uint32_t offset;
	uint32_t length;
	uint32_t notify_mult;
};

/* 4.1.4: one capability, whose @ret_cap->type is 0 when it is too short to be one. */
static int read_cap(struct vireo_device *dev, unsigned at, struct cap *ret_cap)
{
	uint8_t raw[VIRTIO_CAP_NOTIFY_SIZE] = {0};
	struct cap cap = {0};
	uint8_t len;
	int err;

	err = vireo_device_read(dev, VIREO_REGION_CONFIG, at + VIRTIO_CAP_LEN, &len, sizeof(len));
	if (err)
		return err;
	*ret_cap = cap;
	if (len < VIRTIO_CAP_SIZE)
		return 0;
	len = len < sizeof(raw) ? VIRTIO_CAP_SIZE : sizeof(raw);
	if (at + len > 256)
		return 0;
	err = vireo_device_read(dev, VIREO_REGION_CONFIG, at, raw, len);
	if (err)
		return err;
	cap.type = raw[VIRTIO_CAP_TYPE];
	cap.bar = raw[VIRTIO_CAP_BAR];
	memcpy(&cap.offset, raw + VIRTIO_CAP_OFFSET, sizeof(cap.offset));
	memcpy(&cap.length, raw + VIRTIO_CAP_LENGTH, sizeof(cap.length));
	memcpy(&cap.notify_mult, raw + VIRTIO_CAP_NOTIFY_MULT, sizeof(cap.notify_mult));
	/* 4.1.4.4.1 */
	if (cap.type == VIRTIO_CAP_TYPE_NOTIFY && len < VIRTIO_CAP_NOTIFY_SIZE)
		return 0;
	*ret_cap = cap;
	return 0;
}

/* Whether a capability describes a window that exists, is aligned as 4.1.4 demands, and holds what it must. */
static bool open_window(struct virtio_pci *pci, const struct cap *cap)
{
	static const struct {
		uint32_t align, min;
	} rules[VIRTIO_N_CAP_TYPES] = {
		[VIRTIO_CAP_TYPE_COMMON] = {4, VIRTIO_COMMON_SIZE},
		[VIRTIO_CAP_TYPE_NOTIFY] = {2, 2},
		[VIRTIO_CAP_TYPE_DEVICE] = {4, 1},
	};
	struct io_window *windows[VIRTIO_N_CAP_TYPES] = {
		[VIRTIO_CAP_TYPE_COMMON] = &pci->common,
		[VIRTIO_CAP_TYPE_NOTIFY] = &pci->notify,
		[VIRTIO_CAP_TYPE_DEVICE] = &pci->config,
	};
	struct io_window *window;

	/* 4.1.4.1: skip what is reserved or unknown, and use the first of several that can be used. */
	if (cap->type >= VIRTIO_N_CAP_TYPES || cap->bar > VIREO_REGION_BAR5)
		return true;
	window = windows[cap->type];
	if (!window || window->size)
		return true;
	if (cap->offset % rules[cap->type].align || cap->length < rules[cap->type].min)
		return false;
	if (io_window_open(pci->dev, cap->bar, cap->offset, cap->length, window)) {
		window->size = 0;
		return false;
	}
	if (cap->type == VIRTIO_CAP_TYPE_NOTIFY)
		pci->notify_mult = cap->notify_mult;
	return true;
}

int virtio_pci_open(struct virtio_pci *pci, struct vireo_device *dev)
{
	struct vireo_device_info info;
	bool bad = false, any = false;
	unsigned n = 0;
	int at = 0;

	vireo_device_info(dev, &info);
	*pci = (struct virtio_pci){.dev = dev, .name = info.address};
	while ((at = vireo_device_find_capability(dev, VIRTIO_CAP_VENDOR_ID, at)) > 0 && n++ < MAX_CAPS) {
		struct cap cap;
		int err = read_cap(dev, at, &cap);

		if (err)
			return err;
		any |= cap.type != 0;
		bad |= !open_window(pci, &cap);
	}
	if (at < 0 && at != -ENOENT)
		return at;
	if (pci->common.size && pci->notify.size)
		return 0;
	if (any || bad)
		return vireo_error(-EIO,
				   "%s: the virtio capabilities do not lead to its registers; the device is broken",
				   info.address);
	return vireo_error(-EOPNOTSUPP,
			   "%s is a legacy virtio device, which cannot be driven safely; start QEMU with -device "
			   "virtio-net-pci,disable-legacy=on,disable-modern=off",
			   info.address);
}

static int gone(const struct virtio_pci *pci)
{
	return vireo_error(-ENODEV, "%s does not answer: it was removed, or has lost power", pci->name);
}

int virtio_pci_status(const struct virtio_pci *pci)
{
	uint8_t status = io_read8(&pci->common, VIRTIO_DEVICE_STATUS);

	return status == VIRTIO_STATUS_GONE ? gone(pci) : status;
}

void virtio_pci_add_status(const struct virtio_pci *pci, uint8_t bits)
{
	uint8_t status = io_read8(&pci->common, VIRTIO_DEVICE_STATUS);

	io_write8(&pci->common, VIRTIO_DEVICE_STATUS, status | bits);
}

/* 4.1.4.3.2: after writing 0, wait for 0. */
int virtio_pci_reset(const struct virtio_pci *pci)
{
	struct deadline deadline = deadline_in_us(virtio_patience_us);

	io_write8(&pci->common, VIRTIO_DEVICE_STATUS, 0);
	for (;;) {
		bool late = deadline_passed(&deadline);
		int status = virtio_pci_status(pci);

		if (status <= 0)
			return status;
		if (late)
			return vireo_error(-ETIMEDOUT, "%s: a reset did not end within %u ms", pci->name,
					   virtio_patience_us / 1000);
		deadline_pause();
	}
}

uint64_t virtio_pci_features(const struct virtio_pci *pci)
{
	static const struct {
		uint64_t feature;
		uint64_t end;
	} needs[] = {
		{VIRTIO_NET_F_MAC, VIRTIO_NET_CONFIG_MAC + VIREO_MAC_LEN},
		{VIRTIO_NET_F_STATUS, VIRTIO_NET_CONFIG_STATUS + 2},
		{VIRTIO_NET_F_MQ, VIRTIO_NET_CONFIG_MAX_PAIRS + 2},
		{VIRTIO_NET_F_MTU, VIRTIO_NET_CONFIG_MTU + 2},
		{VIRTIO_NET_F_SPEED_DUPLEX, VIRTIO_NET_CONFIG_DUPLEX + 1},
	};
	uint64_t features;

	io_write32(&pci->common, VIRTIO_DEVICE_FEATURE_SELECT, 1);
	features = (uint64_t)io_read32(&pci->common, VIRTIO_DEVICE_FEATURE) << 32;
	io_write32(&pci->common, VIRTIO_DEVICE_FEATURE_SELECT, 0);
	features |= io_read32(&pci->common, VIRTIO_DEVICE_FEATURE);
	for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (pci->config.size < needs[i].end)
			features &= ~needs[i].feature;
	return features;
}

/* 3.1.1, steps 2 to 6 */
int virtio_pci_negotiate(const struct virtio_pci *pci, uint64_t features)
{
	int status;

	virtio_pci_add_status(pci, VIRTIO_STATUS_ACKNOWLEDGE);
	virtio_pci_add_status(pci, VIRTIO_STATUS_DRIVER);
	io_write32(&pci->common, VIRTIO_DRIVER_FEATURE_SELECT, 0);
	io_write32(&pci->common, VIRTIO_DRIVER_FEATURE, features);
	io_write32(&pci->common, VIRTIO_DRIVER_FEATURE_SELECT, 1);
	io_write32(&pci->common, VIRTIO_DRIVER_FEATURE, features >> 32);
	virtio_pci_add_status(pci, VIRTIO_STATUS_FEATURES_OK);
	status = virtio_pci_status(pci);
	if (status < 0)
		return status;
	if (!(status & VIRTIO_STATUS_FEATURES_OK))
		return vireo_error(-EIO, "%s does not accept features that it offered (%#llx)", pci->name,
				   (unsigned long long)features);
	return 0;
}

static void read_config_once(const struct virtio_pci *pci, uint64_t features, struct virtio_net_config *config)
{
	const struct io_window *w = &pci->config;

	*config = (struct virtio_net_config){.up = true, .full_duplex = true, .max_pairs = 1};
	if (features & VIRTIO_NET_F_MAC)
		for (unsigned i = 0; i < VIREO_MAC_LEN; i++)
			config->mac[i] = io_read8(w, VIRTIO_NET_CONFIG_MAC + i);
	if (features & VIRTIO_NET_F_STATUS)
		config->up = io_read16(w, VIRTIO_NET_CONFIG_STATUS) & VIRTIO_NET_S_LINK_UP;
	if (features & VIRTIO_NET_F_MQ)
		config->max_pairs = io_read16(w, VIRTIO_NET_CONFIG_MAX_PAIRS);
	if (features & VIRTIO_NET_F_MTU)
		config->mtu = io_read16(w, VIRTIO_NET_CONFIG_MTU);
	if (features & VIRTIO_NET_F_SPEED_DUPLEX) {
		config->speed_mbps = io_read32(w, VIRTIO_NET_CONFIG_SPEED);
		/* 5.1.4: values from 0 to 2^31 - 1 are speeds */
		if (config->speed_mbps > INT32_MAX)
			config->speed_mbps = 0;
		config->full_duplex = io_read8(w, VIRTIO_NET_CONFIG_DUPLEX) != VIRTIO_NET_DUPLEX_HALF;
	}
}

/* 2.5.1: fields belong together when the generation is the same before and after reading them. */
int virtio_pci_read_config(const struct virtio_pci *pci, uint64_t features, struct virtio_net_config *ret_config)
{
	struct virtio_net_config config;

	for (unsigned i = 0; i < MAX_CONFIG_READS; i++) {
		uint8_t before = io_read8(&pci->common, VIRTIO_CONFIG_GENERATION);
		int status;

		read_config_once(pci, features, &config);
		if (io_read8(&pci->common, VIRTIO_CONFIG_GENERATION) != before)
			continue;
		/* All ones is a generation like any other, but not a status. */
		status = virtio_pci_status(pci);
		if (status < 0)
			return status;
		*ret_config = config;
		return 0;
	}
	return vireo_error(-EIO, "%s: its configuration never holds still", pci->name);
}

unsigned virtio_pci_n_queues(const struct virtio_pci *pci)
{
	return io_read16(&pci->common, VIRTIO_NUM_QUEUES);
}

unsigned virtio_pci_queue_size(const struct virtio_pci *pci, unsigned idx)
{
	unsigned size, pow2 = VIRTQ_MAX_SIZE;

	if (idx >= virtio_pci_n_queues(pci))
		return 0;
	io_write16(&pci->common, VIRTIO_QUEUE_SELECT, idx);
	size = io_read16(&pci->common, VIRTIO_QUEUE_SIZE);
	while (pow2 > size)
		pow2 /= 2;
	return pow2;
}

static void write_iova(const struct virtio_pci *pci, unsigned reg, const void *va)
{
	uint64_t iova = vireo_iova(va);

	io_write32(&pci->common, reg, iova);
	io_write32(&pci->common, reg + 4, iova >> 32);
}

static int no_vector(const struct virtio_pci *pci)
{
	return vireo_error(-EIO, "%s has no MSI-X vector left for a queue; give it more (QEMU: vectors=N)", pci->name);
}

/* 4.1.5.1.3 */
int virtio_pci_enable_queue(const struct virtio_pci *pci, unsigned idx, const struct virtq *vq, uint16_t vector,
			    struct io_window *ret_kick)
{
	const struct io_window *common = &pci->common, *notify = &pci->notify;
	uint64_t off;

	/* Selects the queue too. */
	if (virtio_pci_queue_size(pci, idx) < virtq_size(vq))
		return vireo_error(-EIO, "%s: queue %u takes fewer than %u descriptors", pci->name, idx,
				   virtq_size(vq));
	off = (uint64_t)io_read16(common, VIRTIO_QUEUE_NOTIFY_OFF) * pci->notify_mult;
	if (off > notify->size - 2 || off % 2 ||
	    io_window_open(pci->dev, notify->region, notify->offset + off, 2, ret_kick))
		return vireo_error(-EIO, "%s: the doorbell of queue %u lies outside its registers", pci->name, idx);

	io_write16(common, VIRTIO_QUEUE_SIZE, virtq_size(vq));
	io_write16(common, VIRTIO_QUEUE_MSIX_VECTOR, vector);
	if (vector != VIRTIO_NO_VECTOR && io_read16(common, VIRTIO_QUEUE_MSIX_VECTOR) != vector)
		return no_vector(pci);
	write_iova(pci, VIRTIO_QUEUE_DESC, vq->desc);
	write_iova(pci, VIRTIO_QUEUE_DRIVER, vq->avail);
	write_iova(pci, VIRTIO_QUEUE_DEVICE, vq->used);
	io_write16(common, VIRTIO_QUEUE_ENABLE, 1);
	/* 4.1.4.3: reads as what it is. A device that has run out of something would carry nothing, and no word said. */
	if (!io_read16(common, VIRTIO_QUEUE_ENABLE))
		return vireo_error(-EIO, "%s does not enable queue %u; the log may tell why", pci->name, idx);
	return 0;
}

int virtio_pci_set_config_vector(const struct virtio_pci *pci, uint16_t vector)
{
	io_write16(&pci->common, VIRTIO_CONFIG_MSIX_VECTOR, vector);
	if (vector != VIRTIO_NO_VECTOR && io_read16(&pci->common, VIRTIO_CONFIG_MSIX_VECTOR) != vector)
		return no_vector(pci);
	return 0;
}
