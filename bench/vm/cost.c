// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a VFIO costs its user: nanoseconds of the guest's clock for what the library and its programs ask of it. One line
 * "OPERATION NANOSECONDS" for each, the median of several.
 *
 *	cost NODE_DIRECTORY GROUP DEVICE
 *
 * DEVICE is an 82574, for its interrupt.
 */

#define _GNU_SOURCE
#include <sys/eventfd.h>
#include <time.h>

#include "../../tests/kvfio/vfio.h"

#define K 0x1000UL
#define G (1UL << 30)
#define BASE (4 * G)
#define N_LARGE 5
#define N_SMALL 501
#define N_INTERRUPTS 31

/* 82574 datasheet, section 10; QEMU's model keeps 128 us between interrupts of a vector. */
#define ICR 0x00c0
#define ICS 0x00c8
#define IMS 0x00d0
#define IVAR 0x00e4
#define OTHER (1u << 24)
#define OTHER_VECTOR 4
#define INTERVAL_US 1000

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void report(const char *op, uint64_t *ns, unsigned int n)
{
	qsort(ns, n, sizeof(*ns), compare);
	printf("%s %lu\n", op, (unsigned long)ns[n / 2]);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "cost: %s failed: %s\n", what, strerror(errno));
	exit(1);
}

/* Maps and unmaps @size bytes at @va, @n times. */
static void measure_map(int container, char *va, size_t size, unsigned int n, const char *map, const char *unmap)
{
	uint64_t map_ns[n], unmap_ns[n], start;

	for (unsigned int i = 0; i < n; i++) {
		start = now_ns();
		must(!vfio_map(container, va, BASE, size, VFIO_RW), map);
		map_ns[i] = now_ns() - start;
		start = now_ns();
		must(vfio_unmap(container, BASE, size) == (long)size, unmap);
		unmap_ns[i] = now_ns() - start;
	}
	report(map, map_ns, n);
	report(unmap, unmap_ns, n);
}

/* From the store that raises an interrupt in the device to the eventfd's count in our hands. */
static void measure_interrupt(int device)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX, .start = OTHER_VECTOR, .count = 1,
			.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
		},
		.fd = eventfd(0, EFD_NONBLOCK),
	};
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	volatile uint32_t *regs;
	uint64_t ns[N_INTERRUPTS], start, n;

	must(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar), "region of registers");
	regs = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
	must(regs != MAP_FAILED, "mapping registers");
	must(!ioctl(device, VFIO_DEVICE_SET_IRQS, &irq), "MSI-X");
	regs[IVAR / 4] = OTHER_VECTOR << 16 | 1u << 19;
	regs[IMS / 4] = OTHER;
	for (unsigned int i = 0; i < N_INTERRUPTS; i++) {
		usleep(INTERVAL_US);
		start = now_ns();
		regs[ICS / 4] = OTHER;
		while (read(irq.fd, &n, sizeof(n)) != sizeof(n))
			must(now_ns() - start < 5000000000ull, "an interrupt");
		ns[i] = now_ns() - start;
		regs[ICR / 4] = OTHER;
	}
	/* QEMU 7.2 ends with an assertion when MSI-X goes off within the interval. */
	usleep(10 * INTERVAL_US);
	report("interrupt_msix", ns, N_INTERRUPTS);
}

int main(int argc, char **argv)
{
	struct vfio_names names;
	struct vfio v;
	uint16_t command;
	char *large, *small = memory(K);

	if (argc != 4) {
		fprintf(stderr, "usage: cost NODE_DIRECTORY GROUP DEVICE\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	must(!vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), "opening the device");
	large = mmap(NULL, G, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	must(large != MAP_FAILED, "1 GiB of hugepages");
	memset(small, 1, K);
	measure_map(v.container, large, G, N_LARGE, "map_1g_of_2m", "unmap_1g_of_2m");
	measure_map(v.container, small, K, N_SMALL, "map_4k", "unmap_4k");
	/* Memory decode, and bus mastering: an interrupt is a write to memory. */
	command = 6;
	must(pwrite(v.device, &command, 2, ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + 4) == 2, "COMMAND");
	measure_interrupt(v.device);
	vfio_close(&v);
	return 0;
}
