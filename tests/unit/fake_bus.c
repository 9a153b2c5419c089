// SPDX-License-Identifier: BSD-2-Clause
#include "fake_bus.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vireo/driver.h>

#define MAX_FAKES   16
#define CONFIG_SIZE 4096

static struct fake_device *fakes[MAX_FAKES];

static void must(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "fake bus: %s\n", what);
		abort();
	}
}

/* Counts the call; true when it is the one that shall fail. */
static bool fails(struct fake_device *fake, enum fake_call call)
{
	fake->n_calls[call]++;
	if (fake->fail_nth == 0 || --fake->fail_nth > 0)
		return false;
	fake->has_failed = true;
	return true;
}

static int injected(struct fake_device *fake)
{
	return vireo_error(fake->fail_errno, "fake:%s: this call fails as the test wishes", fake->name);
}

static int fake_dma_map(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct fake_device *fake = (void *)((char *)client - offsetof(struct fake_device, dma));

	if (fails(fake, FAKE_DMA_MAP))
		return injected(fake);
	pthread_mutex_lock(&fake->dma_lock);
	must(fake->n_mappings < FAKE_MAX_MAPPINGS, "too many mappings");
	for (unsigned i = 0; i < fake->n_mappings; i++) {
		const struct dma_mapping *m = &fake->mappings[i];

		must(mapping->iova + mapping->size <= m->iova || m->iova + m->size <= mapping->iova,
		     "mappings overlap");
	}
	fake->mappings[fake->n_mappings++] = *mapping;
	pthread_mutex_unlock(&fake->dma_lock);
	return 0;
}

static int fake_dma_unmap(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct fake_device *fake = (void *)((char *)client - offsetof(struct fake_device, dma));
	unsigned i = 0;

	pthread_mutex_lock(&fake->dma_lock);
	while (i < fake->n_mappings &&
	       (fake->mappings[i].iova != mapping->iova || fake->mappings[i].size != mapping->size))
		i++;
	must(i < fake->n_mappings, "unmap of what was never mapped");
	fake->mappings[i] = fake->mappings[--fake->n_mappings];
	pthread_mutex_unlock(&fake->dma_lock);
	return 0;
}

static const struct dma_ops fake_dma_ops = {
	.map = fake_dma_map,
	.unmap = fake_dma_unmap,
};

static struct fake_device *find(const char *name)
{
	for (unsigned i = 0; i < MAX_FAKES; i++) {
		if (fakes[i] && !strcmp(fakes[i]->name, name))
			return fakes[i];
	}
	return NULL;
}

static int copy_areas(const struct fake_device *fake, struct vireo_device *dev, unsigned region)
{
	const struct vireo_region_info *info = &fake->region_infos[region];
	struct vireo_area *areas = NULL;

	if (info->n_areas > 0) {
		areas = calloc(info->n_areas, sizeof(*areas));
		must(areas != NULL, "no memory");
		memcpy(areas, info->areas, info->n_areas * sizeof(*areas));
	}
	dev->regions[region].info = *info;
	dev->regions[region].info.areas = areas;
	return 0;
}

static int fake_open(const struct spec *spec, struct vireo_device *dev)
{
	struct fake_device *fake = find(spec->address);
	int err;

	if (!fake)
		return vireo_error(-ENOENT, "there is no fake device %s", spec->address);
	if (fake->is_open)
		return vireo_error(-EBUSY, "fake:%s is open already", fake->name);
	if (fails(fake, FAKE_OPEN))
		return injected(fake);
	snprintf(fake->dma.name, sizeof(fake->dma.name), "container of fake:%s", fake->name);
	fake->dma.ops = &fake_dma_ops;
	err = dma_attach(&fake->dma);
	if (err)
		return err;
	snprintf(dev->address, sizeof(dev->address), "fake:%s", fake->name);
	dev->info.numa_node = fake->numa_node;
	dev->info.can_reset = fake->can_reset;
	dev->info.iommu = fake->iommu;
	for (unsigned r = 0; r < VIREO_N_REGIONS; r++)
		copy_areas(fake, dev, r);
	memcpy(dev->irqs, fake->irq_infos, sizeof(dev->irqs));
	dev->dma = &fake->dma;
	dev->bus_priv = fake;
	fake->is_open = true;
	return 0;
}

static void fake_close(struct vireo_device *dev)
{
	struct fake_device *fake = dev->bus_priv;

	must(fake->n_maps == 0, "closed with regions mapped");
	must(atomic_load(&fake->removed) || !fake_device_is_master(fake) || fake->has_failed,
	     "closed with bus mastering on");
	dma_detach(&fake->dma);
	must(fake->n_mappings == 0, "closed with memory mapped");
	fake->is_open = false;
}

static int fake_read(struct vireo_device *dev, unsigned region, uint64_t offset, void *buf, size_t len)
{
	struct fake_device *fake = dev->bus_priv;
	struct fake_region *r = &fake->regions[region];

	must(len <= 8 && (len & (len - 1)) == 0 && offset % len == 0, "a read that is not one aligned access");
	if (fails(fake, FAKE_READ))
		return injected(fake);
	if (atomic_load(&fake->removed)) {
		memset(buf, 0xff, len);
		return 0;
	}
	if (r->handlers && r->handlers->read)
		return r->handlers->read(r->ctx, offset, buf, len);
	memcpy(buf, r->mem + offset, len);
	return 0;
}

static void update_master(struct fake_device *fake)
{
	bool on = fake->config[PCI_COMMAND] & PCI_COMMAND_MASTER;

	if (atomic_exchange(&fake->master, on) != on && fake->on_master)
		fake->on_master(fake->ctx, on);
}

static int fake_write(struct vireo_device *dev, unsigned region, uint64_t offset, const void *buf, size_t len)
{
	struct fake_device *fake = dev->bus_priv;
	struct fake_region *r = &fake->regions[region];

	must(len <= 8 && (len & (len - 1)) == 0 && offset % len == 0, "a write that is not one aligned access");
	if (fails(fake, FAKE_WRITE))
		return injected(fake);
	if (atomic_load(&fake->removed))
		return 0;
	if (r->handlers && r->handlers->write)
		return r->handlers->write(r->ctx, offset, buf, len);
	memcpy(r->mem + offset, buf, len);
	update_master(fake);
	return 0;
}

static int fake_map(struct vireo_device *dev, unsigned region, uint64_t offset, uint64_t size, void **ret_va)
{
	struct fake_device *fake = dev->bus_priv;

	must(size % 4096 == 0 && offset % 4096 == 0, "a mapping that is not whole pages");
	if (fails(fake, FAKE_MAP))
		return injected(fake);
	must(fake->regions[region].mem != NULL, "a mapping of registers");
	*ret_va = fake->regions[region].mem + offset;
	fake->n_maps++;
	return 0;
}

static void fake_unmap(struct vireo_device *dev, void *va, uint64_t size)
{
	struct fake_device *fake = dev->bus_priv;

	fake->n_maps--;
}

static int fake_enable_irqs(struct fake_irq *irq, unsigned start, unsigned count, const int *fds)
{
	irq->n_enable++;
	for (unsigned i = 0; i < count; i++)
		irq->fds[start + i] = fds[i];
	return 0;
}

static int fake_irq(struct vireo_device *dev, unsigned irq, enum bus_irq_action action, unsigned start, unsigned count,
		    const int *fds)
{
	struct fake_device *fake = dev->bus_priv;
	struct fake_irq *i = &fake->irqs[irq];

	if (fails(fake, FAKE_IRQ))
		return injected(fake);
	switch (action) {
	case BUS_IRQ_ENABLE:
		return fake_enable_irqs(i, start, count, fds);
	case BUS_IRQ_DISABLE:
		i->n_disable++;
		for (unsigned v = 0; v < FAKE_MAX_VECTORS; v++) {
			i->fds[v] = -1;
			i->masked[v] = false;
		}
		return 0;
	case BUS_IRQ_MASK:
	case BUS_IRQ_UNMASK:
		for (unsigned v = start; v < start + count; v++)
			i->masked[v] = action == BUS_IRQ_MASK;
		return 0;
	case BUS_IRQ_TRIGGER:
		for (unsigned v = start; v < start + count; v++)
			fake_device_signal(fake, irq, v);
		return 0;
	case BUS_IRQ_UNMASK_FD:
		i->unmask_fd = fds[0];
		return 0;
	}
	return -EINVAL;
}

static int fake_reset(struct vireo_device *dev)
{
	struct fake_device *fake = dev->bus_priv;

	if (fails(fake, FAKE_RESET))
		return injected(fake);
	if (atomic_load(&fake->removed))
		return vireo_error(-ENODEV, "fake:%s is gone", fake->name);
	fake->config[PCI_COMMAND] = 0;
	update_master(fake);
	return fake->on_reset ? fake->on_reset(fake->ctx) : 0;
}

static int fake_hot_reset(struct vireo_device *dev)
{
	struct fake_device *fake = dev->bus_priv;

	if (!fake->can_hot_reset)
		return vireo_error(-EOPNOTSUPP, "fake:%s cannot reset its bus", fake->name);
	return fake_reset(dev);
}

static const struct bus_ops fake_bus = {
	.name = "fake",
	.prefix = "fake",
	.open = fake_open,
	.close = fake_close,
	.read = fake_read,
	.write = fake_write,
	.map = fake_map,
	.unmap = fake_unmap,
	.irq = fake_irq,
	.reset = fake_reset,
	.hot_reset = fake_hot_reset,
};

struct fake_device *fake_device_create(const char *name)
{
	struct fake_device *fake = calloc(1, sizeof(*fake));
	unsigned slot = 0;

	must(fake != NULL, "no memory");
	must(!find(name), "the name is taken");
	while (slot < MAX_FAKES && fakes[slot])
		slot++;
	must(slot < MAX_FAKES, "too many devices");
	fakes[slot] = fake;
	bus_register(&fake_bus);

	snprintf(fake->name, sizeof(fake->name), "%s", name);
	fake->config = fake_device_add_memory(fake, VIREO_REGION_CONFIG, CONFIG_SIZE);
	fake->region_infos[VIREO_REGION_CONFIG].flags = VIREO_REGION_READ | VIREO_REGION_WRITE;
	fake_device_set_ids(fake, 0x1af4, 0xfa4e, 0x020000);
	for (unsigned i = 0; i < VIREO_N_IRQS; i++) {
		for (unsigned v = 0; v < FAKE_MAX_VECTORS; v++)
			fake->irqs[i].fds[v] = -1;
		fake->irqs[i].unmask_fd = -1;
	}
	pthread_mutex_init(&fake->dma_lock, NULL);
	fake->can_reset = true;
	fake->iommu = true;
	fake->numa_node = -1;
	fake->fail_errno = -EIO;
	fake->dma.n_ranges = 1;
	fake->dma.ranges[0].last = (1ULL << 39) - 1;
	return fake;
}

void fake_device_destroy(struct fake_device *fake)
{
	must(!fake->is_open, "destroyed while it is open");
	for (unsigned i = 0; i < MAX_FAKES; i++) {
		if (fakes[i] == fake)
			fakes[i] = NULL;
	}
	for (unsigned r = 0; r < VIREO_N_REGIONS; r++) {
		free(fake->regions[r].mem);
		free((void *)(uintptr_t)fake->region_infos[r].areas);
	}
	pthread_mutex_destroy(&fake->dma_lock);
	free(fake);
}

struct fake_device *fake_device_of(struct vireo_device *dev)
{
	return dev->bus_priv;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v & 0xff;
	p[1] = v >> 8;
}

void fake_device_set_ids(struct fake_device *fake, uint16_t vendor, uint16_t device, uint32_t class_code)
{
	put16(fake->config + PCI_VENDOR_ID, vendor);
	put16(fake->config + PCI_DEVICE_ID, device);
	fake->config[PCI_CLASS_PROG] = class_code & 0xff;
	put16(fake->config + PCI_CLASS_DEVICE, (uint16_t)(class_code >> 8));
}

uint8_t *fake_device_add_memory(struct fake_device *fake, enum vireo_region region, uint64_t size)
{
	size_t pages = (size + 4095) & ~4095ULL;
	struct vireo_region_info *info = &fake->region_infos[region];
	struct vireo_area *area = calloc(1, sizeof(*area));
	uint8_t *mem = aligned_alloc(4096, pages);

	must(mem && area, "no memory");
	memset(mem, 0, pages);
	area->size = size;
	*info = (struct vireo_region_info){
		.size = size,
		.flags = VIREO_REGION_READ | VIREO_REGION_WRITE | VIREO_REGION_MMAP,
		.n_areas = 1,
		.areas = area,
	};
	fake->regions[region].mem = mem;
	return mem;
}

void fake_device_add_registers(struct fake_device *fake, enum vireo_region region, uint64_t size,
			       const struct fake_handlers *handlers, void *ctx)
{
	if (!fake->region_infos[region].size) {
		fake->region_infos[region].size = size;
		fake->region_infos[region].flags = VIREO_REGION_READ | VIREO_REGION_WRITE;
	}
	fake->regions[region].handlers = handlers;
	fake->regions[region].ctx = ctx;
}

void fake_device_add_capability(struct fake_device *fake, uint8_t offset, uint8_t id, const void *body, size_t len)
{
	must(offset >= 64 && offset % 4 == 0 && offset + 2 + len <= 256, "a capability outside its place");
	fake->config[offset] = id;
	fake->config[offset + 1] = fake->config[PCI_CAPABILITY_LIST];
	memcpy(fake->config + offset + 2, body, len);
	fake->config[PCI_CAPABILITY_LIST] = offset;
	fake->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
}

void fake_device_add_irqs(struct fake_device *fake, enum vireo_irq irq, unsigned count)
{
	must(count <= FAKE_MAX_VECTORS, "too many vectors");
	fake->irq_infos[irq].count = count;
	fake->irq_infos[irq].maskable = irq == VIREO_IRQ_INTX;
	fake->irq_infos[irq].automasked = irq == VIREO_IRQ_INTX;
}

void fake_device_remove(struct fake_device *fake)
{
	for (unsigned r = 0; r < VIREO_N_REGIONS; r++) {
		if (fake->regions[r].mem && fake->region_infos[r].flags & VIREO_REGION_MMAP)
			memset(fake->regions[r].mem, 0xff, fake->region_infos[r].size);
	}
	atomic_store(&fake->removed, true);
}

bool fake_device_signal(struct fake_device *fake, enum vireo_irq irq, unsigned vector)
{
	const struct fake_irq *i = &fake->irqs[irq];
	uint64_t one = 1;

	if (vector >= FAKE_MAX_VECTORS || i->fds[vector] < 0 || i->masked[vector])
		return false;
	return write(i->fds[vector], &one, sizeof(one)) == sizeof(one);
}

void *fake_device_dma(struct fake_device *fake, vireo_iova_t iova, uint64_t len, unsigned flags)
{
	void *va = NULL;

	if (!fake_device_is_master(fake))
		return NULL;
	pthread_mutex_lock(&fake->dma_lock);
	for (unsigned i = 0; i < fake->n_mappings; i++) {
		const struct dma_mapping *m = &fake->mappings[i];

		if (iova >= m->iova && iova - m->iova < m->size && len <= m->size - (iova - m->iova) &&
		    (m->flags & flags) == flags)
			va = (char *)m->va + (iova - m->iova);
	}
	pthread_mutex_unlock(&fake->dma_lock);
	return va;
}

bool fake_device_is_master(const struct fake_device *fake)
{
	return atomic_load(&fake->master);
}
