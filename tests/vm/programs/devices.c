// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device layer on a real kernel: several devices of one group and several groups in one container, closed in every
 * order; regions and their bounds; interrupts; memory of our own. DEVICE... (at most four; the last two share a group)
 */
#include <errno.h>
#include <dirent.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <vireo/device.h>

#include "program.h"

#define N_MAX 4

static unsigned n_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Pages that the kernel holds for devices. */
static long pinned_kib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long kib = -1;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void close_in_order(char **specs, unsigned n, const unsigned *order)
{
	struct vireo_device *devs[N_MAX];

	for (unsigned i = 0; i < n; i++)
		expect_ok(vireo_device_open(specs[i], &devs[i]), specs[i]);
	for (unsigned i = 0; i < n; i++)
		vireo_device_close(devs[order[i]]);
}

/* Heap's algorithm. */
static unsigned every_order(char **specs, unsigned n, unsigned *order, unsigned k)
{
	unsigned done = 0;

	if (k == 1) {
		close_in_order(specs, n, order);
		return 1;
	}
	for (unsigned i = 0; i < k; i++) {
		unsigned a = k & 1 ? 0 : i, swap;

		done += every_order(specs, n, order, k - 1);
		swap = order[a];
		order[a] = order[k - 1];
		order[k - 1] = swap;
	}
	return done;
}

static void test_orders(char **specs, unsigned n)
{
	unsigned order[N_MAX] = { 0, 1, 2, 3 };
	unsigned before = n_fds();
	long pinned = pinned_kib();
	unsigned done = every_order(specs, n, order, n);

	expect(n_fds() == before, "%u devices opened and closed in %u orders leave no descriptor", n, done);
	expect(pinned_kib() == pinned, "and no pinned memory: %ld KiB", pinned_kib());
}

static void test_regions(struct vireo_device *dev)
{
	struct vireo_region_info info;
	struct vireo_device_info id;
	uint16_t vendor = 0;
	uint32_t word;

	vireo_device_info(dev, &id);
	expect_ok(vireo_device_region(dev, VIREO_REGION_CONFIG, &info), "config space");
	expect_ok(vireo_device_read(dev, VIREO_REGION_CONFIG, 0, &vendor, 2), "read the vendor");
	expect(vendor == id.vendor_id && vendor != 0xffff, "vendor %04x", vendor);
	expect(vireo_device_read(dev, VIREO_REGION_CONFIG, info.size - 2, &word, 4) == -EINVAL, "a read over the end is refused");
	expect(vireo_device_read(dev, VIREO_REGION_CONFIG, UINT64_MAX - 1, &word, 4) == -EINVAL, "a read that wraps is refused");
	expect(vireo_device_region(dev, VIREO_N_REGIONS, &info) == -EINVAL, "there is no such region");
	expect(vireo_device_find_capability(dev, 0x11, 0) >= 64, "an MSI-X capability");
	expect(id.iommu, "behind an IOMMU");
}

static void test_interrupts(struct vireo_device *dev)
{
	struct vireo_irq_info info;
	int fds[2], none = -1;
	uint64_t n = 0;

	for (unsigned i = 0; i < 2; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	expect_ok(vireo_device_irq(dev, VIREO_IRQ_MSIX, &info), "MSI-X");
	expect(info.count >= 2, "%u vectors", info.count);
	expect_ok(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 0, 2, fds), "enable two vectors");
	expect_ok(vireo_device_irq_trigger(dev, VIREO_IRQ_MSIX, 1, 1), "trigger one");
	expect(read(fds[1], &n, sizeof(n)) == sizeof(n) && n == 1, "its eventfd was signalled once");
	expect(read(fds[0], &n, sizeof(n)) < 0, "and the other was not");
	expect(vireo_device_irq_enable(dev, VIREO_IRQ_MSI, 0, 1, fds) < 0, "another kind beside it is refused");
	expect(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, info.count, 1, fds) == -EINVAL, "one vector too far is refused");
	expect(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 1, UINT32_MAX, fds) == -EINVAL, "a count that wraps is refused");
	expect_ok(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 1, 1, &none), "take one away");
	expect_ok(vireo_device_irq_disable(dev, VIREO_IRQ_MSIX), "disable");
	expect_ok(vireo_device_irq_disable(dev, VIREO_IRQ_MSIX), "disable twice");
	for (unsigned i = 0; i < 2; i++)
		close(fds[i]);
}

static void test_dma(struct vireo_device *dev)
{
	const struct vireo_iova_range *ranges;
	unsigned n = vireo_device_iova_ranges(dev, &ranges);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	vireo_iova_t iova = 0;
	bool inside = false;
	char *mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(n >= 1, "%u valid ranges, the first %#llx-%#llx", n, (unsigned long long)ranges[0].start,
	       (unsigned long long)ranges[0].last);
	expect_ok(vireo_device_dma_map(dev, mem, 4 * page, VIREO_DMA_READ | VIREO_DMA_WRITE, &iova), "map four pages");
	for (unsigned i = 0; i < n; i++)
		inside |= iova >= ranges[i].start && iova + 4 * page - 1 <= ranges[i].last;
	expect(inside, "they lie at %#llx, inside a valid range", (unsigned long long)iova);
	expect(vireo_device_dma_unmap(dev, iova, page) == -ENOENT, "a part of them is not a mapping");
	expect_ok(vireo_device_dma_unmap(dev, iova, 4 * page), "unmap them");
	expect(vireo_device_dma_unmap(dev, iova, 4 * page) == -ENOENT, "twice is refused");
	expect(vireo_device_dma_map(dev, mem + 1, page, VIREO_DMA_READ, &iova) == -EINVAL, "an unaligned address is refused");
	munmap(mem, 4 * page);
}

int main(int argc, char **argv)
{
	unsigned n = (unsigned)argc - 1;
	struct vireo_device *dev;
	struct vireo_pool *pool;

	if (n < 1 || n > N_MAX)
		return 2;
	expect_ok(vireo_pool_create(NULL, &pool), "pool");
	for (unsigned i = 0; i < n; i++) {
		expect_ok(vireo_device_open(argv[1 + i], &dev), argv[1 + i]);
		printf("device %s\n", argv[1 + i]);
		expect(pinned_kib() > 0, "it may reach the pool: %ld KiB are pinned", pinned_kib());
		test_regions(dev);
		test_interrupts(dev);
		test_dma(dev);
		vireo_device_close(dev);
	}
	test_orders(argv + 1, n);
	expect_ok(vireo_pool_destroy(pool), "destroy the pool");
	vireo_device_close(NULL);
	return 0;
}
