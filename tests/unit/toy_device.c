// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "toy_device.h"

static struct toy *toy_of(struct sim_device *dev)
{
	return (struct toy *)dev;
}

static void toy_destroy(struct sim_device *dev)
{
	struct toy *toy = toy_of(dev);

	if (toy->destroyed)
		*toy->destroyed = true;
	munmap(toy->shared, TOY_BAR0_SIZE);
	close(dev->regions[0].fd);
	free(toy);
}

static void toy_sync(struct sim_device *dev, uint64_t now_ns)
{
	struct toy *toy = toy_of(dev);

	toy->syncs++;
	toy->regs[TOY_REG_HEARD / 8] = __atomic_load_n((uint32_t *)(toy->shared + TOY_BELL), __ATOMIC_ACQUIRE);
}

static unsigned toy_poll(struct sim_device *dev, uint64_t now_ns)
{
	uint64_t before = toy_of(dev)->regs[TOY_REG_HEARD / 8];

	toy_sync(dev, now_ns);
	return toy_of(dev)->regs[TOY_REG_HEARD / 8] != before;
}

static void toy_reset(struct sim_device *dev)
{
	struct toy *toy = toy_of(dev);

	toy->resets++;
	memset(toy->regs, 0, sizeof(toy->regs));
	toy->regs[TOY_REG_ID / 8] = TOY_ID;
	__atomic_store_n((uint32_t *)(toy->shared + TOY_BELL), 0, __ATOMIC_RELEASE);
}

static bool is_shared(uint64_t offset, unsigned len)
{
	return offset >= TOY_AREA0 && offset + len <= TOY_BAR0_SIZE;
}

static int toy_read(struct sim_device *dev, unsigned region, uint64_t offset, void *buf, unsigned len)
{
	struct toy *toy = toy_of(dev);

	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		memcpy(buf, toy->config + offset, len);
		return 0;
	}
	if (offset == TOY_REG_BROKEN)
		return -EIO;
	memset(buf, 0, len);
	if (is_shared(offset, len))
		memcpy(buf, toy->shared + offset, len);
	else if (offset < sizeof(toy->regs))
		memcpy(buf, (const uint8_t *)toy->regs + offset, len);
	return 0;
}

static void dma(struct toy *toy, unsigned reg, uint64_t value)
{
	uint64_t len = toy->regs[TOY_REG_LEN / 8], sum = 0;
	uint32_t flags = reg == TOY_REG_SUM ? SIM_DMA_READ : SIM_DMA_WRITE;
	uint8_t *at = sim_dma_at(&toy->dev.dma, toy->regs[TOY_REG_IOVA / 8], len, flags);

	if (!at) {
		toy->regs[TOY_REG_SUM / 8] = UINT64_MAX;
		return;
	}
	for (uint64_t i = 0; i < len; i++) {
		if (reg == TOY_REG_SUM)
			sum += at[i];
		else
			at[i] = (uint8_t)value;
	}
	toy->regs[TOY_REG_SUM / 8] = sum;
}

static int toy_write(struct sim_device *dev, unsigned region, uint64_t offset, const void *buf, unsigned len)
{
	struct toy *toy = toy_of(dev);
	uint64_t value = 0;

	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		/* The command register and the rest behind the header. */
		if (offset >= 4 && offset + len <= 6)
			memcpy(toy->config + offset, buf, len);
		return 0;
	}
	memcpy(&value, buf, len);
	switch (offset) {
	case TOY_REG_BROKEN:
		return -EIO;
	case TOY_REG_SUM:
	case TOY_REG_FILL:
		dma(toy, (unsigned)offset, value);
		break;
	case TOY_REG_RAISE:
		sim_irq_raise(dev, VFIO_PCI_MSIX_IRQ_INDEX, (unsigned)value);
		break;
	case TOY_REG_INTX:
		sim_irq_raise(dev, VFIO_PCI_INTX_IRQ_INDEX, 0);
		break;
	case TOY_REG_ID:
		break;
	default:
		if (is_shared(offset, len))
			memcpy(toy->shared + offset, buf, len);
		else if (offset < sizeof(toy->regs))
			memcpy((uint8_t *)toy->regs + offset, buf, len);
	}
	return 0;
}

static const struct sim_device_ops toy_ops = {
	.name = "toy",
	.destroy = toy_destroy,
	.read = toy_read,
	.write = toy_write,
	.reset = toy_reset,
	.sync = toy_sync,
	.poll = toy_poll,
};

struct toy *toy_create(bool *destroyed)
{
	static const uint8_t id[] = {0x34, 0x12, 0xf0, 0x70};
	struct toy *toy = calloc(1, sizeof(*toy));
	struct sim_region *bar;

	if (!toy)
		abort();
	sim_device_init(&toy->dev, &toy_ops);
	toy->destroyed = destroyed;
	bar = &toy->dev.regions[VFIO_PCI_BAR0_REGION_INDEX];
	bar->size = TOY_BAR0_SIZE;
	bar->readable = true;
	bar->writable = true;
	bar->fd = sim_region_memfd("toy", TOY_BAR0_SIZE);
	bar->n_areas = 2;
	bar->areas[0] = (struct sim_area){TOY_AREA0, TOY_AREA_SIZE};
	bar->areas[1] = (struct sim_area){TOY_AREA1, TOY_AREA_SIZE};
	toy->shared = mmap(NULL, TOY_BAR0_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, bar->fd, 0);
	if (bar->fd < 0 || toy->shared == MAP_FAILED)
		abort();
	/* One that can only be read. */
	toy->dev.regions[VFIO_PCI_ROM_REGION_INDEX].size = 64;
	toy->dev.regions[VFIO_PCI_ROM_REGION_INDEX].readable = true;
	toy->dev.regions[VFIO_PCI_CONFIG_REGION_INDEX].size = sizeof(toy->config);
	toy->dev.regions[VFIO_PCI_CONFIG_REGION_INDEX].readable = true;
	toy->dev.regions[VFIO_PCI_CONFIG_REGION_INDEX].writable = true;
	memcpy(toy->config, id, sizeof(id));
	toy->dev.irqs[VFIO_PCI_INTX_IRQ_INDEX].count = 1;
	toy->dev.irqs[VFIO_PCI_INTX_IRQ_INDEX].flags = VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	toy->dev.irqs[VFIO_PCI_MSIX_IRQ_INDEX].count = TOY_VECTORS;
	toy_reset(&toy->dev);
	toy->resets = 0;
	return toy;
}
