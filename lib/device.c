// SPDX-License-Identifier: BSD-2-Clause
/*
 * What every way to reach a device has in common: arguments are checked here, once, and the back ends behind struct
 * bus_ops see only requests that make sense.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "bus.h"

#define MAX_BUSES 16

static const struct bus_ops *buses[MAX_BUSES] = {
	&vfio_bus,
	&vhost_user_bus,
	&vfio_user_bus,
#ifdef VIREO_HAVE_SIM
	&sim_bus,
#endif
};

void bus_register(const struct bus_ops *ops)
{
	for (unsigned i = 0; i < MAX_BUSES; i++) {
		if (buses[i] == ops)
			return;
		if (buses[i])
			continue;
		buses[i] = ops;
		return;
	}
}

int bus_find(const struct spec *spec, const struct bus_ops **ret_ops)
{
	for (unsigned i = MAX_BUSES; i-- > 0;) {
		if (buses[i] && !strcmp(buses[i]->prefix, spec->prefix)) {
			*ret_ops = buses[i];
			return 0;
		}
	}
	if (!strcmp(spec->prefix, "sim"))
		return vireo_error(-EINVAL, "this libvireo was built without the simulator (meson option sim)");
	return vireo_error(
		-EINVAL,
		"\"%s\" is neither a PCI address nor a way to reach a device; an address such as 0000:03:00.0 reaches a network card",
		spec->prefix);
}

int bus_identify(const char *text, struct bus_identity *ret_id)
{
	const struct bus_ops *ops;
	struct spec spec;
	int err;

	err = spec_parse(text, &spec);
	if (err)
		return err;
	err = bus_find(&spec, &ops);
	if (err)
		return err;
	return ops->identify ? ops->identify(&spec, ret_id) : -EOPNOTSUPP;
}

/* Bits of the command register on or off; everything else in it stays. */
static int update_command(struct vireo_device *dev, uint16_t clear, uint16_t set)
{
	uint16_t command;
	int err;

	err = vireo_device_read(dev, VIREO_REGION_CONFIG, PCI_COMMAND, &command, sizeof(command));
	if (err)
		return err;
	if (command == 0xffff)
		return vireo_error(-ENODEV, "%s does not answer any more: it was removed or has lost power",
				   dev->address);
	command = (uint16_t)((command & ~clear) | set);
	return vireo_device_write(dev, VIREO_REGION_CONFIG, PCI_COMMAND, &command, sizeof(command));
}

static int read_identity(struct vireo_device *dev)
{
	struct vireo_device_info *info = &dev->info;
	uint16_t ids[2], subsystem[2] = {0};
	uint32_t class_revision;
	uint8_t header;
	int err;

	err = vireo_device_read(dev, VIREO_REGION_CONFIG, PCI_VENDOR_ID, ids, sizeof(ids));
	if (!err)
		err = vireo_device_read(dev, VIREO_REGION_CONFIG, PCI_CLASS_REVISION, &class_revision,
					sizeof(class_revision));
	if (!err)
		err = vireo_device_read(dev, VIREO_REGION_CONFIG, PCI_HEADER_TYPE, &header, sizeof(header));
	if (err)
		return err;
	if (ids[0] == 0xffff)
		return vireo_error(-ENODEV, "%s does not answer: its configuration space reads as all ones",
				   dev->address);
	/* Only the header of an endpoint has subsystem ids (PCI Local Bus 3.0, 6.1). */
	if ((header & 0x7f) == PCI_HEADER_TYPE_NORMAL)
		err = vireo_device_read(dev, VIREO_REGION_CONFIG, PCI_SUBSYSTEM_VENDOR_ID, subsystem,
					sizeof(subsystem));
	info->vendor_id = ids[0];
	info->device_id = ids[1];
	info->subsystem_vendor_id = subsystem[0];
	info->subsystem_id = subsystem[1];
	info->class_code = class_revision >> 8;
	info->revision = class_revision & 0xff;
	return err;
}

/* Registers answer, memory is out of reach. Whoever had the device before may have left it otherwise. */
static int make_quiet(struct vireo_device *dev)
{
	return update_command(dev, PCI_COMMAND_MASTER, PCI_COMMAND_MEMORY);
}

static void device_free(struct vireo_device *dev)
{
	for (unsigned r = 0; r < VIREO_N_REGIONS; r++)
		free((void *)(uintptr_t)dev->regions[r].info.areas);
	free(dev);
}

static struct vireo_device *device_alloc(const struct bus_ops *ops)
{
	struct vireo_device *dev = calloc(1, sizeof(*dev));

	if (!dev) {
		vireo_error(-ENOMEM, "no memory for a device");
		return NULL;
	}
	dev->ops = ops;
	dev->info.address = dev->address;
	dev->info.bus = ops->name;
	dev->info.numa_node = -1;
	dev->info.group = -1;
	return dev;
}

/* The second half of opening: the back end has it, now see whether it answers. */
static int device_finish(struct vireo_device *dev, struct vireo_device **ret_dev)
{
	int err;

	err = read_identity(dev);
	if (!err)
		err = make_quiet(dev);
	if (err) {
		dev->ops->close(dev);
		device_free(dev);
		return err;
	}
	*ret_dev = dev;
	return 0;
}

int vireo_device_open(const char *text, struct vireo_device **ret_dev)
{
	const struct bus_ops *ops;
	struct vireo_device *dev;
	struct spec spec;
	int err;

	err = spec_parse(text, &spec);
	if (err)
		return err;
	err = bus_find(&spec, &ops);
	if (err)
		return err;
	dev = device_alloc(ops);
	if (!dev)
		return -ENOMEM;
	err = ops->open(&spec, dev);
	if (err) {
		device_free(dev);
		return err;
	}
	return device_finish(dev, ret_dev);
}

int vireo_device_open_fd(int device_fd, int container_fd, struct vireo_device **ret_dev)
{
	struct vireo_device *dev = device_alloc(&vfio_bus);
	int err;

	if (!dev)
		return -ENOMEM;
	err = vfio_open_fd(device_fd, container_fd, dev);
	if (err) {
		device_free(dev);
		return err;
	}
	return device_finish(dev, ret_dev);
}

static void unmap_regions(struct vireo_device *dev)
{
	for (unsigned r = 0; r < VIREO_N_REGIONS; r++) {
		struct bus_mapping *m;

		while ((m = dev->regions[r].mappings)) {
			dev->regions[r].mappings = m->next;
			dev->ops->unmap(dev, m->va, m->size);
			free(m);
		}
	}
}

static void disable_irqs(struct vireo_device *dev)
{
	for (unsigned irq = 0; irq < VIREO_N_IRQS; irq++)
		vireo_device_irq_disable(dev, irq);
}

void vireo_device_close(struct vireo_device *dev)
{
	if (!dev)
		return;
	/* Of a device that is gone these fail, and there is nothing left to switch off. */
	disable_irqs(dev);
	update_command(dev, PCI_COMMAND_MASTER, 0);
	unmap_regions(dev);
	dev->ops->close(dev);
	device_free(dev);
}

void vireo_device_info(const struct vireo_device *dev, struct vireo_device_info *ret_info)
{
	*ret_info = dev->info;
}

static int bad_region(const struct vireo_device *dev, unsigned region)
{
	return vireo_error(-EINVAL, "%s: there is no region %u", dev->address, region);
}

int vireo_device_region(struct vireo_device *dev, enum vireo_region region, struct vireo_region_info *ret_info)
{
	if ((unsigned)region >= VIREO_N_REGIONS)
		return bad_region(dev, (unsigned)region);
	*ret_info = dev->regions[region].info;
	return 0;
}

/* 0 when [offset, offset + len) lies inside @region; no sum here can wrap. */
static int check_bounds(const struct vireo_device *dev, unsigned region, uint64_t offset, uint64_t len)
{
	uint64_t size;

	if (region >= VIREO_N_REGIONS)
		return bad_region(dev, region);
	size = dev->regions[region].info.size;
	if (offset > size || len > size - offset)
		return vireo_error(-EINVAL, "%s: %#llx bytes at %#llx do not lie inside region %u, which has %#llx",
				   dev->address, (unsigned long long)len, (unsigned long long)offset, region,
				   (unsigned long long)size);
	return 0;
}

static const struct vireo_area *find_area(const struct bus_region *region, uint64_t offset, uint64_t size)
{
	for (unsigned i = 0; i < region->info.n_areas; i++) {
		const struct vireo_area *a = &region->info.areas[i];

		if (offset >= a->offset && offset - a->offset < a->size && size <= a->size - (offset - a->offset))
			return a;
	}
	return NULL;
}

/* An area is mapped as a whole, so no page of it is ever mapped twice. */
static int map_area(struct vireo_device *dev, unsigned region, const struct vireo_area *area,
		    struct bus_mapping **ret_mapping)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct bus_region *r = &dev->regions[region];
	struct bus_mapping *m;
	int err;

	for (m = r->mappings; m; m = m->next) {
		if (m->offset == area->offset) {
			*ret_mapping = m;
			return 0;
		}
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return vireo_error(-ENOMEM, "no memory to map a region of %s", dev->address);
	m->offset = area->offset;
	/* A BAR smaller than a page can be mapped only where the kernel has reserved the rest of the page for it. */
	m->size = (area->size + page - 1) & ~(page - 1);
	err = dev->ops->map(dev, region, m->offset, m->size, &m->va);
	if (err) {
		free(m);
		return err;
	}
	m->next = r->mappings;
	r->mappings = m;
	*ret_mapping = m;
	return 0;
}

int vireo_device_map_region(struct vireo_device *dev, enum vireo_region region, uint64_t offset, uint64_t size,
			    volatile void **ret_va)
{
	const struct vireo_area *area;
	struct bus_mapping *m = NULL;
	int err;

	err = check_bounds(dev, (unsigned)region, offset, size);
	if (err)
		return err;
	if (size == 0)
		return vireo_error(-EINVAL, "%s: a mapping of no bytes", dev->address);
	area = dev->regions[region].info.flags & VIREO_REGION_MMAP ? find_area(&dev->regions[region], offset, size)
								   : NULL;
	if (!area || !dev->ops->map)
		return vireo_error(-EOPNOTSUPP,
				   "%s: %#llx bytes at %#llx of region %d cannot be mapped, only read and written",
				   dev->address, (unsigned long long)size, (unsigned long long)offset, (int)region);
	err = map_area(dev, (unsigned)region, area, &m);
	if (err)
		return err;
	*ret_va = (uint8_t *)m->va + (offset - m->offset);
	return 0;
}

/* The largest access that is aligned and fits; the kernel serves config space in four bytes at most. */
static size_t access_size(unsigned region, uint64_t offset, size_t len)
{
	size_t n = region == VIREO_REGION_CONFIG ? 4 : 8;

	while (n > len || offset % n)
		n /= 2;
	return n;
}

int vireo_device_read(struct vireo_device *dev, enum vireo_region region, uint64_t offset, void *buf, size_t len)
{
	uint8_t *p = buf;
	int err;

	err = check_bounds(dev, (unsigned)region, offset, len);
	if (err)
		return err;
	if (!(dev->regions[region].info.flags & VIREO_REGION_READ))
		return vireo_error(-EPERM, "%s: region %d cannot be read", dev->address, (int)region);
	while (len > 0) {
		size_t n = access_size((unsigned)region, offset, len);

		err = dev->ops->read(dev, (unsigned)region, offset, p, n);
		if (err)
			return err;
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int vireo_device_write(struct vireo_device *dev, enum vireo_region region, uint64_t offset, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	int err;

	err = check_bounds(dev, (unsigned)region, offset, len);
	if (err)
		return err;
	if (!(dev->regions[region].info.flags & VIREO_REGION_WRITE))
		return vireo_error(-EPERM, "%s: region %d cannot be written", dev->address, (int)region);
	while (len > 0) {
		size_t n = access_size((unsigned)region, offset, len);

		err = dev->ops->write(dev, (unsigned)region, offset, p, n);
		if (err)
			return err;
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int vireo_device_set_master(struct vireo_device *dev, bool on)
{
	return on ? update_command(dev, 0, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY)
		  : update_command(dev, PCI_COMMAND_MASTER, 0);
}

int vireo_device_irq(struct vireo_device *dev, enum vireo_irq irq, struct vireo_irq_info *ret_info)
{
	if ((unsigned)irq >= VIREO_N_IRQS)
		return vireo_error(-EINVAL, "%s: there is no interrupt kind %d", dev->address, (int)irq);
	*ret_info = dev->irqs[irq];
	return 0;
}

static int check_irq_range(const struct vireo_device *dev, unsigned irq, unsigned start, unsigned count)
{
	if (irq >= VIREO_N_IRQS)
		return vireo_error(-EINVAL, "%s: there is no interrupt kind %u", dev->address, irq);
	if (count == 0 || start >= dev->irqs[irq].count || count > dev->irqs[irq].count - start)
		return vireo_error(-EINVAL, "%s: interrupt kind %u has %u vectors, %u from %u on were asked for",
				   dev->address, irq, dev->irqs[irq].count, count, start);
	return 0;
}

/* INTx, MSI and MSI-X: a device uses one of them at a time. */
static bool is_device_irq(unsigned irq)
{
	return irq <= VIREO_IRQ_MSIX;
}

int vireo_device_irq_enable(struct vireo_device *dev, enum vireo_irq irq, unsigned start, unsigned count,
			    const int *fds)
{
	int err;

	err = check_irq_range(dev, (unsigned)irq, start, count);
	if (err)
		return err;
	if (!fds)
		return vireo_error(-EINVAL, "%s: no eventfds were given", dev->address);
	for (unsigned other = 0; other <= VIREO_IRQ_MSIX; other++) {
		if (is_device_irq((unsigned)irq) && other != (unsigned)irq && dev->irq_on[other])
			return vireo_error(-EBUSY,
					   "%s: interrupt kind %u is on, and only one of INTx, MSI and MSI-X can be: "
					   "disable it first",
					   dev->address, other);
	}
	err = dev->ops->irq(dev, (unsigned)irq, BUS_IRQ_ENABLE, start, count, fds);
	if (err)
		return err;
	/* The single vector of an event kind: taking the eventfd away is the same as disabling. */
	dev->irq_on[irq] = is_device_irq((unsigned)irq) || fds[0] >= 0;
	return 0;
}

int vireo_device_irq_disable(struct vireo_device *dev, enum vireo_irq irq)
{
	int err;

	if ((unsigned)irq >= VIREO_N_IRQS)
		return vireo_error(-EINVAL, "%s: there is no interrupt kind %d", dev->address, (int)irq);
	if (!dev->irq_on[irq])
		return 0;
	err = dev->ops->irq(dev, (unsigned)irq, BUS_IRQ_DISABLE, 0, 0, NULL);
	if (!err)
		dev->irq_on[irq] = false;
	return err;
}

static int irq_action(struct vireo_device *dev, unsigned irq, enum bus_irq_action action, unsigned start,
		      unsigned count)
{
	int err;

	err = check_irq_range(dev, irq, start, count);
	if (err)
		return err;
	if (!dev->irq_on[irq])
		return vireo_error(-EINVAL, "%s: interrupt kind %u is not enabled", dev->address, irq);
	if (action != BUS_IRQ_TRIGGER && !dev->irqs[irq].maskable)
		return vireo_error(-EOPNOTSUPP, "%s: interrupt kind %u cannot be masked", dev->address, irq);
	return dev->ops->irq(dev, irq, action, start, count, NULL);
}

int vireo_device_irq_mask(struct vireo_device *dev, enum vireo_irq irq, unsigned start, unsigned count)
{
	return irq_action(dev, (unsigned)irq, BUS_IRQ_MASK, start, count);
}

int vireo_device_irq_unmask(struct vireo_device *dev, enum vireo_irq irq, unsigned start, unsigned count)
{
	return irq_action(dev, (unsigned)irq, BUS_IRQ_UNMASK, start, count);
}

int vireo_device_irq_trigger(struct vireo_device *dev, enum vireo_irq irq, unsigned start, unsigned count)
{
	return irq_action(dev, (unsigned)irq, BUS_IRQ_TRIGGER, start, count);
}

int vireo_device_irq_unmask_fd(struct vireo_device *dev, int fd)
{
	int err;

	err = check_irq_range(dev, VIREO_IRQ_INTX, 0, 1);
	if (err)
		return err;
	if (!dev->irq_on[VIREO_IRQ_INTX])
		return vireo_error(-EINVAL, "%s: INTx is not enabled", dev->address);
	if (!dev->irqs[VIREO_IRQ_INTX].maskable)
		return vireo_error(-EOPNOTSUPP, "%s: INTx cannot be masked", dev->address);
	return dev->ops->irq(dev, VIREO_IRQ_INTX, BUS_IRQ_UNMASK_FD, 0, 1, &fd);
}

int vireo_device_dma_map(struct vireo_device *dev, void *va, size_t size, unsigned flags, vireo_iova_t *ret_iova)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)va;

	if (size == 0 || start % page || size % page || size - 1 > UINTPTR_MAX - start)
		return vireo_error(-EINVAL, "%s: %zu bytes at %p are not whole pages", dev->address, size, va);
	if (!flags || flags & ~(VIREO_DMA_READ | VIREO_DMA_WRITE))
		return vireo_error(-EINVAL, "%s: a mapping for DMA is READ, WRITE or both, not %#x", dev->address,
				   flags);
	return dma_map_foreign(dev->dma, va, size, flags, ret_iova);
}

int vireo_device_dma_unmap(struct vireo_device *dev, vireo_iova_t iova, size_t size)
{
	return dma_unmap_foreign(dev->dma, iova, size);
}

unsigned vireo_device_iova_ranges(const struct vireo_device *dev, const struct vireo_iova_range **ret_ranges)
{
	*ret_ranges = dev->dma->ranges;
	return dev->dma->n_ranges;
}

int device_event_fd(struct vireo_device *dev)
{
	return dev->ops->event_fd ? dev->ops->event_fd(dev) : -1;
}

void device_poll(struct vireo_device *dev)
{
	if (dev->ops->poll)
		dev->ops->poll(dev);
}

/* Reset takes vectors and bus mastering away underneath us: have both off before, so that both sides agree. */
static int reset_with(struct vireo_device *dev, int (*reset)(struct vireo_device *dev))
{
	int err;

	for (unsigned irq = 0; irq <= VIREO_IRQ_MSIX; irq++)
		vireo_device_irq_disable(dev, irq);
	err = make_quiet(dev);
	if (err)
		return err;
	err = reset(dev);
	if (err)
		return err;
	return make_quiet(dev);
}

int vireo_device_reset(struct vireo_device *dev)
{
	if (!dev->info.can_reset || !dev->ops->reset)
		return vireo_error(-EOPNOTSUPP, "%s has no reset of its own", dev->address);
	return reset_with(dev, dev->ops->reset);
}

int vireo_device_hot_reset(struct vireo_device *dev)
{
	if (!dev->ops->hot_reset)
		return vireo_error(-EOPNOTSUPP, "%s cannot reset its bus", dev->address);
	return reset_with(dev, dev->ops->hot_reset);
}

/* Bottom bits are reserved and must be masked (PCI Local Bus 3.0, 6.7). */
static int read_pointer(struct vireo_device *dev, unsigned at, unsigned *ret_pos)
{
	uint8_t pos;
	int err;

	err = vireo_device_read(dev, VIREO_REGION_CONFIG, at, &pos, 1);
	if (err)
		return err == -ENODEV ? err : -EIO;
	*ret_pos = pos & ~3u;
	return 0;
}

static int bad_list(const struct vireo_device *dev, unsigned pos)
{
	return vireo_error(-EIO, "%s: the capability list makes no sense at offset %#x", dev->address, pos);
}

int vireo_device_find_capability(struct vireo_device *dev, uint8_t id, unsigned after)
{
	bool found_after = after == 0;
	uint64_t visited = 0; /* a bit for every place that a capability can be at */
	uint16_t status;
	unsigned pos;
	int err;

	err = vireo_device_read(dev, VIREO_REGION_CONFIG, PCI_STATUS, &status, sizeof(status));
	if (err)
		return err;
	if (status == 0xffff)
		return vireo_error(-ENODEV, "%s does not answer any more", dev->address);
	if (!(status & PCI_STATUS_CAP_LIST))
		return -ENOENT;
	/* From the head each time, so that a list that bites its tail ends for a caller who asks for one after the other. */
	for (err = read_pointer(dev, PCI_CAPABILITY_LIST, &pos); !err && pos; err = read_pointer(dev, pos + 1, &pos)) {
		uint8_t cap;

		if (pos < PCI_STD_HEADER_SIZEOF || visited & 1ULL << (pos / 4))
			return bad_list(dev, pos);
		visited |= 1ULL << (pos / 4);
		err = vireo_device_read(dev, VIREO_REGION_CONFIG, pos, &cap, 1);
		if (err || cap == 0xff)
			return bad_list(dev, pos);
		if (found_after && cap == id)
			return (int)pos;
		found_after = found_after || pos == after;
	}
	return err ? err : -ENOENT;
}
