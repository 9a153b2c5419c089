/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "internal.h"

/* The card as a whole: made, polled, asked, broken, and destroyed. */

#define SCAN_NS	     20000 /* between looks at the ENABLE bits, which a client sets without a message */
#define SYNC_TURNS   8192 /* more than the largest ring takes; a client that keeps writing tails is not waited for */
#define SCRATCH_SIZE ((size_t)IXM_BURST * (SIM_FRAME_MAX + 64))
#define PACKET_SIZE  (264u * 1024)

/* Pages that hold nothing but queues. */
static const uint32_t shared_pages[] = {0x1000, 0x6000, 0x7000, 0xd000};

static const char *const count_names[IXM_N_COUNTS] = {
	[IXM_DRIVER_ERRORS] = "driver_errors",
	[IXM_UNKNOWN_REGISTERS] = "unknown_registers",
	[IXM_RX_FRAMES] = "rx_frames",
	[IXM_RX_FILTERED] = "rx_filtered",
	[IXM_RX_BAD] = "rx_bad",
	[IXM_RX_DEAF] = "rx_deaf",
	[IXM_RX_NO_QUEUE] = "rx_no_queue",
	[IXM_RX_NO_DESC] = "rx_no_descriptor",
	[IXM_RX_MISSED] = "rx_missed",
	[IXM_RX_REFUSED] = "rx_refused",
	[IXM_TX_FRAMES] = "tx_frames",
	[IXM_TX_DROPPED] = "tx_dropped",
	[IXM_TX_REFUSED] = "tx_refused",
	[IXM_INTERRUPTS] = "interrupts",
	[IXM_RESETS] = "resets",
};

static const char *const fault_names[IXM_N_FAULTS] = {
	[IXM_FAULT_RESET] = "reset-never-ends",
	[IXM_FAULT_LINK] = "link-never-comes",
	[IXM_FAULT_GONE] = "all-ones",
	[IXM_FAULT_LENGTH] = "bad-length",
	[IXM_FAULT_ORDER] = "write-back-order",
	[IXM_FAULT_RXQ] = "stuck-queue",
	[IXM_FAULT_TX] = "tx-hang",
	[IXM_FAULT_ENABLE] = "enable-never",
	[IXM_FAULT_MASTER] = "master-stays",
	[IXM_FAULT_EEPROM] = "bad-eeprom",
	[IXM_FAULT_SEMAPHORE] = "semaphore-taken",
};

static struct ixgbe_model *model_of(const struct sim_device *dev)
{
	return (struct ixgbe_model *)dev;
}

void ixm_mistake(struct ixgbe_model *m, const char *fmt, ...)
{
	va_list args;

	m->counts[IXM_DRIVER_ERRORS]++;
	va_start(args, fmt);
	vsnprintf(m->complaint, sizeof(m->complaint), fmt, args);
	va_end(args);
}

const char *ixgbe_model_complaint(const struct sim_device *dev)
{
	return model_of(dev)->complaint;
}

/* Accesses */

static uint64_t bar0_read(struct ixgbe_model *m, uint64_t off, unsigned len)
{
	uint64_t value = ixm_regs_read(m, (uint32_t)(off & ~3ull));

	if (len == 8)
		return value | (uint64_t)ixm_regs_read(m, (uint32_t)off + 4) << 32;
	return value >> 8 * (off & 3);
}

static void bar0_write(struct ixgbe_model *m, uint64_t off, uint64_t value, unsigned len)
{
	if (len < 4) {
		ixm_mistake(m, "register 0x%05llx is written with %u bytes", (unsigned long long)off, len);
		return;
	}
	ixm_regs_write(m, (uint32_t)off, (uint32_t)value);
	if (len == 8)
		ixm_regs_write(m, (uint32_t)off + 4, (uint32_t)(value >> 32));
	m->timer_ns = 0;
}

static int model_read(struct sim_device *dev, unsigned region, uint64_t offset, void *buf, unsigned len)
{
	struct ixgbe_model *m = model_of(dev);
	uint64_t value;

	if (m->faults[IXM_FAULT_GONE]) {
		memset(buf, 0xff, len);
		return 0;
	}
	switch (region) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		value = bar0_read(m, offset, len);
		memcpy(buf, &value, len);
		return 0;
	case VFIO_PCI_BAR4_REGION_INDEX:
		memcpy(buf, m->msix + offset, len);
		return 0;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return ixm_config_read(m, offset, buf, len);
	default:
		return -EINVAL;
	}
}

static int model_write(struct sim_device *dev, unsigned region, uint64_t offset, const void *buf, unsigned len)
{
	struct ixgbe_model *m = model_of(dev);
	uint64_t value = 0;

	if (m->faults[IXM_FAULT_GONE])
		return 0;
	switch (region) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		memcpy(&value, buf, len);
		bar0_write(m, offset, value, len);
		return 0;
	case VFIO_PCI_BAR4_REGION_INDEX:
		if (offset < IXGBE_MSIX_PBA)
			memcpy(m->msix + offset, buf, len);
		return 0;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return ixm_config_write(m, offset, buf, len);
	default:
		return -EINVAL;
	}
}

/* Turns */

/* What happens by itself: resets end, queues follow, the link comes and goes. */
static void timers(struct ixgbe_model *m)
{
	m->timer_ns = UINT64_MAX;
	ixm_reset_poll(m);
	ixm_link_poll(m);
	ixm_queues_scan(m);
	if (m->filter_dirty) {
		ixm_filter_update(m);
		ixm_queues_settings(m);
	}
}

static void look(struct ixgbe_model *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	if (now_ns >= m->timer_ns)
		timers(m);
}

static unsigned model_poll(struct sim_device *dev, uint64_t now_ns)
{
	struct ixgbe_model *m = model_of(dev);
	unsigned moved;

	if (m->faults[IXM_FAULT_GONE])
		return 0;
	look(m, now_ns);
	if (m->shared && now_ns >= m->scan_ns) {
		ixm_queues_glance(m);
		m->scan_ns = now_ns + SCAN_NS;
	}
	moved = ixm_rx_poll(m);
	moved += ixm_tx_poll(m, 1);
	ixm_flow_poll(m);
	if (m->irq.wants)
		ixm_irq_poll(m);
	return moved;
}

static void model_sync(struct sim_device *dev, uint64_t now_ns)
{
	struct ixgbe_model *m = model_of(dev);

	if (m->faults[IXM_FAULT_GONE])
		return;
	look(m, now_ns);
	if (!m->shared)
		return;
	ixm_queues_scan(m);
	for (unsigned i = 0; i < SYNC_TURNS && ixm_tx_poll(m, 1); i++)
		;
}

static void model_reset(struct sim_device *dev)
{
	struct ixgbe_model *m = model_of(dev);

	if (!m->faults[IXM_FAULT_GONE])
		ixm_power_on(m);
}

static unsigned model_counters(struct sim_device *dev, struct sim_counter *counters, unsigned n)
{
	struct ixgbe_model *m = model_of(dev);

	for (unsigned i = 0; i < n && i < IXM_N_COUNTS + 1; i++) {
		const char *name = i < IXM_N_COUNTS ? count_names[i] : "dma_refused";

		snprintf(counters[i].name, sizeof(counters[i].name), "%s", name);
		counters[i].value = i < IXM_N_COUNTS ? m->counts[i] : m->dev.dma.refused;
	}
	return IXM_N_COUNTS + 1;
}

/* The card is pulled out, or put in again as after power-on. */
static void set_gone(struct ixgbe_model *m, bool gone)
{
	ixm_power_on(m);
	m->faults[IXM_FAULT_GONE] = gone;
	for (unsigned i = 0; gone && m->shared && i < sizeof(shared_pages) / sizeof(shared_pages[0]); i++)
		memset(m->shared + shared_pages[i], 0xff, IXM_PAGE);
	if (m->end->ops->set_laser)
		m->end->ops->set_laser(m->end, !gone);
}

static int model_fault(struct sim_device *dev, const char *name, bool on)
{
	struct ixgbe_model *m = model_of(dev);

	for (unsigned i = 0; i < IXM_N_FAULTS; i++) {
		if (strcmp(name, fault_names[i]))
			continue;
		if (i == IXM_FAULT_GONE && on != m->faults[i])
			set_gone(m, on);
		m->faults[i] = on;
		m->timer_ns = 0;
		return 0;
	}
	return -EINVAL;
}

/* Life */

static void model_destroy(struct sim_device *dev)
{
	struct ixgbe_model *m = model_of(dev);

	if (m->end && m->end->ops->unplug)
		m->end->ops->unplug(m->end);
	sim_dma_clear(&m->dev.dma);
	if (m->shared)
		munmap(m->shared, IXGBE_REGS_SIZE);
	if (m->dev.regions[VFIO_PCI_BAR0_REGION_INDEX].fd >= 0)
		close(m->dev.regions[VFIO_PCI_BAR0_REGION_INDEX].fd);
	free(m->own);
	free(m->buffer.data);
	free(m->tx.scratch);
	free(m->tx.packet);
	free(m);
}

static const struct sim_device_ops ops = {
	.name = "82599",
	.destroy = model_destroy,
	.read = model_read,
	.write = model_write,
	.reset = model_reset,
	.sync = model_sync,
	.poll = model_poll,
	.counters = model_counters,
	.complaint = ixgbe_model_complaint,
	.fault = model_fault,
};

static void describe(struct sim_device *dev)
{
	struct sim_region *bar0 = &dev->regions[VFIO_PCI_BAR0_REGION_INDEX];
	struct sim_region *bar4 = &dev->regions[VFIO_PCI_BAR4_REGION_INDEX];
	struct sim_region *config = &dev->regions[VFIO_PCI_CONFIG_REGION_INDEX];

	bar0->size = IXGBE_BAR0_SIZE;
	bar4->size = IXM_MSIX_BAR_SIZE;
	config->size = IXM_CONFIG_SIZE;
	bar0->readable = bar4->readable = config->readable = true;
	bar0->writable = bar4->writable = config->writable = true;
	bar0->fd = bar4->fd = config->fd = -1;
	dev->irqs[VFIO_PCI_INTX_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_INTX_IRQ_INDEX].flags =
		VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	dev->irqs[VFIO_PCI_MSI_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_MSI_IRQ_INDEX].flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].count = IXGBE_N_VECTORS;
	dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	dev->irqs[VFIO_PCI_ERR_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_ERR_IRQ_INDEX].flags = VFIO_IRQ_INFO_EVENTFD;
	dev->irqs[VFIO_PCI_REQ_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_REQ_IRQ_INDEX].flags = VFIO_IRQ_INFO_EVENTFD;
}

/* A file for the client to map, of a size that it cannot change. It holds the four pages of queues and nothing else. */
static int share_pages(struct ixgbe_model *m)
{
	struct sim_region *bar0 = &m->dev.regions[VFIO_PCI_BAR0_REGION_INDEX];
	int fd = sim_region_memfd("82599-bar0", IXGBE_BAR0_SIZE);

	if (fd < 0)
		return fd;
	bar0->fd = fd;
	m->shared = mmap(NULL, IXGBE_REGS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m->shared == MAP_FAILED) {
		m->shared = NULL;
		return -errno;
	}
	for (unsigned i = 0; i < sizeof(shared_pages) / sizeof(shared_pages[0]); i++) {
		bar0->areas[i] = (struct sim_area){.offset = shared_pages[i], .size = IXM_PAGE};
		m->pages[shared_pages[i] / IXM_PAGE] = m->shared + shared_pages[i];
	}
	bar0->n_areas = sizeof(shared_pages) / sizeof(shared_pages[0]);
	return 0;
}

static int alloc(struct ixgbe_model *m)
{
	m->own = calloc(1, IXGBE_REGS_SIZE);
	m->buffer.data = malloc(IXM_PACKET_BUFFER);
	m->buffer.size = IXM_PACKET_BUFFER;
	m->tx.scratch = malloc(SCRATCH_SIZE);
	m->tx.packet = malloc(PACKET_SIZE);
	if (!m->own || !m->buffer.data || !m->tx.scratch || !m->tx.packet)
		return -ENOMEM;
	for (unsigned i = 0; i < IXM_N_PAGES; i++)
		m->pages[i] = m->own + i * IXM_PAGE;
	return m->cfg.trap ? 0 : share_pages(m);
}

static void complete(struct ixgbe_model_config *cfg)
{
	static const uint8_t own_mac[6] = {0x02, 0x82, 0x59, 0x90, 0x00, 0x00};
	static const uint8_t none[6];
	static uint8_t n;

	if (!cfg->device_id)
		cfg->device_id = IXGBE_DEV_82599_SFP;
	if (memcmp(cfg->mac, none, sizeof(none)))
		return;
	memcpy(cfg->mac, own_mac, sizeof(own_mac));
	cfg->mac[5] = __atomic_add_fetch(&n, 1, __ATOMIC_RELAXED);
}

int ixgbe_model_create(const struct ixgbe_model_config *cfg, struct sim_wire_end *end, struct sim_device **ret_dev)
{
	struct ixgbe_model *m;
	int err;

	if (!end || cfg->mac[0] & 1)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->cfg = *cfg;
	complete(&m->cfg);
	sim_device_init(&m->dev, &ops);
	describe(&m->dev);
	err = alloc(m);
	if (err) {
		model_destroy(&m->dev); /* the wire's end stays with the caller */
		return err;
	}
	m->end = end;
	ixm_eeprom_init(m);
	ixm_queues_init(m);
	ixm_power_on(m);
	*ret_dev = &m->dev;
	return 0;
}
