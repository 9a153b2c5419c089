// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core through the software-only test devices: DMA reaches what is mapped and nothing else, interrupts arrive, maps
 * of the device are taken away and come back. Needs no hardware.
 *
 *	soft GROUP DEVICE
 */

#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "../../kvfio/test/test_regs.h"
#include "vfio.h"

#define K 0x1000UL
#define IOVA 0x40000000UL

static struct vfio_names names = { .dir = "/dev/kvfio" };
static struct vfio vfio;
static sigjmp_buf bus_error;

static off_t at(unsigned int region, off_t offset)
{
	return ((off_t)region << 40) + offset;
}

static uint32_t reg_read(unsigned int reg)
{
	uint32_t value = 0;

	if (pread(vfio.device, &value, 4, at(TEST_REGION_REGS, reg)) != 4)
		return UINT32_MAX;
	return value;
}

static void reg_write(unsigned int reg, uint32_t value)
{
	if (pwrite(vfio.device, &value, 4, at(TEST_REGION_REGS, reg)) != 4)
		tap_ok("register write", false);
}

/* The errno of a copy, negative. */
static long dma(uint32_t command, uint64_t iova, uint32_t length)
{
	reg_write(TEST_IOVA_LOW, iova);
	reg_write(TEST_IOVA_HIGH, iova >> 32);
	reg_write(TEST_LENGTH, length);
	reg_write(TEST_COMMAND, command);
	return -(long)reg_read(TEST_STATUS);
}

static void test_dma(void)
{
	char *va = memory(16 * K), *other = memory(4 * K);
	int c = vfio.container;

	for (unsigned int i = 0; i < 16 * K; i++)
		va[i] = i ^ i >> 8;
	tap_is("fetch_unmapped", dma(TEST_COMMAND_FETCH, IOVA, 4), -EFAULT);
	tap_is("map", vfio_map(c, va, IOVA, 8 * K, VFIO_RW), 0);
	tap_is("map_next", vfio_map(c, va + 8 * K, IOVA + 8 * K, 8 * K, VFIO_DMA_MAP_FLAG_READ), 0);
	tap_is("fetch_across_maps", dma(TEST_COMMAND_FETCH, IOVA + 100, 15 * K), 0);
	tap_is("map_elsewhere", vfio_map(c, other, IOVA + 32 * K, 4 * K, VFIO_RW), 0);
	tap_is("store", dma(TEST_COMMAND_STORE, IOVA + 32 * K + 8, 4 * K - 8), 0);
	tap_is("arrived", memcmp(other + 8, va + 100, 4 * K - 8), 0);
	tap_is("before_untouched", other[7], 0);
	tap_is("store_to_read_only_map", dma(TEST_COMMAND_STORE, IOVA + 8 * K, 4), -EFAULT);
	tap_is("fetch_beyond_the_end", dma(TEST_COMMAND_FETCH, IOVA + 16 * K - 4, 8), -EFAULT);
	tap_is("fetch_beyond_all", dma(TEST_COMMAND_FETCH, UINT64_MAX - 3, 8), -EFAULT);
	tap_is("unmap", vfio_unmap(c, IOVA, 8 * K), 8 * K);
	tap_is("fetch_after_unmap", dma(TEST_COMMAND_FETCH, IOVA, 4), -EFAULT);
	tap_is("unmap_all", vfio_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 12 * K);
	munmap(va, 16 * K);
	munmap(other, 4 * K);
}

/* The device keeps what was mapped, whatever the process does with its memory. */
static void test_pinned(void)
{
	char *va = memory(2 * K), *out = memory(K);
	int c = vfio.container;

	memset(va, 0x5a, 2 * K);
	vfio_map(c, va, IOVA, 2 * K, VFIO_RW);
	vfio_map(c, out, IOVA + 8 * K, K, VFIO_RW);
	munmap(va, 2 * K);
	tap_is("fetch_of_freed_memory", dma(TEST_COMMAND_FETCH, IOVA + K, K), 0);
	tap_is("store_elsewhere", dma(TEST_COMMAND_STORE, IOVA + 8 * K, K), 0);
	tap_is("is_what_it_was", out[0] == 0x5a && out[K - 1] == 0x5a, 1);
	vfio_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
	munmap(out, K);
}

/* Registers of a device in a map: not charged, and no target for a software device. */
static void test_mmio_map(void)
{
	char *buffer = mmap(NULL, 4 * K, PROT_READ | PROT_WRITE, MAP_SHARED, vfio.device, at(TEST_REGION_BUFFER, 0));

	/* The buffer is memory behind a register map: exactly what must not get into an IOMMU without a pin. */
	tap_is("map_unpinnable", vfio_map(vfio.container, buffer, IOVA, 4 * K, VFIO_RW), -EFAULT);
	munmap(buffer, 4 * K);
}

static long set_irqs(uint32_t flags, uint32_t start, uint32_t count, const int *fds, uint32_t argsz)
{
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) + 64];
	} u = { 0 };

	u.set.argsz = argsz;
	u.set.flags = flags;
	u.set.start = start;
	u.set.count = count;
	if (fds && count <= 16)
		memcpy(u.set.data, fds, count * sizeof(int));
	return io(vfio.device, VFIO_DEVICE_SET_IRQS, &u);
}

static long fired(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? (long)n : 0;
}

static void test_irq(void)
{
	const uint32_t head = sizeof(struct vfio_irq_set);
	const uint32_t trigger = VFIO_IRQ_SET_ACTION_TRIGGER, fd_flag = VFIO_IRQ_SET_DATA_EVENTFD;
	int fds[4] = { eventfd(0, EFD_NONBLOCK), -1, eventfd(0, EFD_NONBLOCK), -1 }, bad[1] = { 4000 };

	tap_is("irq_argsz_short", set_irqs(trigger | fd_flag, 0, 4, fds, head - 1), -EINVAL);
	tap_is("irq_data_short", set_irqs(trigger | fd_flag, 0, 4, fds, head + 15), -EINVAL);
	tap_is("irq_two_types", set_irqs(trigger | fd_flag | VFIO_IRQ_SET_DATA_NONE, 0, 4, fds, head + 16), -EINVAL);
	tap_is("irq_no_type", set_irqs(trigger, 0, 4, fds, head + 16), -EINVAL);
	tap_is("irq_unknown_flag", set_irqs(trigger | fd_flag | 1 << 20, 0, 4, fds, head + 16), -EINVAL);
	tap_is("irq_beyond", set_irqs(trigger | fd_flag, 1, 4, fds, head + 16), -EINVAL);
	tap_is("irq_start_beyond", set_irqs(trigger | fd_flag, 4, 0, fds, head), -EINVAL);
	tap_is("irq_count_wraps", set_irqs(trigger | fd_flag, 1, UINT32_MAX, fds, UINT32_MAX), -EINVAL);
	tap_is("irq_size_wraps", set_irqs(trigger | fd_flag, 0, 0x40000001, fds, head + 4), -EINVAL);
	tap_is("irq_closed_fd", set_irqs(trigger | fd_flag, 0, 1, bad, head + 4), -EBADF);
	tap_is("irq_set", set_irqs(trigger | fd_flag, 0, 4, fds, head + 16), 0);
	dma(TEST_COMMAND_FETCH, 0, 0);
	tap_is("irq_arrives", fired(fds[0]), 1);
	tap_is("irq_trigger_all", set_irqs(trigger | VFIO_IRQ_SET_DATA_NONE, 0, 4, NULL, head), 0);
	tap_is("irq_triggered_2", fired(fds[2]), 1);
	tap_is("irq_triggered_0", fired(fds[0]), 1);
	tap_is("irq_off", set_irqs(trigger | VFIO_IRQ_SET_DATA_NONE, 0, 0, NULL, head), 0);
	dma(TEST_COMMAND_FETCH, 0, 0);
	tap_is("irq_arrives_no_more", fired(fds[0]), 0);
	close(fds[0]);
	close(fds[2]);
}

static void on_bus_error(int signal)
{
	siglongjmp(bus_error, signal);
}

/* A byte through a map, or -1 for a bus error. */
static int peek(volatile unsigned char *byte)
{
	if (sigsetjmp(bus_error, 1))
		return -1;
	return *byte;
}

static void test_mmap(void)
{
	volatile unsigned char *buffer;
	unsigned char byte = 0x77;

	signal(SIGBUS, on_bus_error);
	tap_ok("mmap_beyond", mmap(NULL, 2 * TEST_BUFFER_SIZE, PROT_READ, MAP_SHARED, vfio.device,
				   at(TEST_REGION_BUFFER, 0)) == MAP_FAILED);
	tap_ok("mmap_private", mmap(NULL, K, PROT_READ, MAP_PRIVATE, vfio.device,
				    at(TEST_REGION_BUFFER, 0)) == MAP_FAILED);
	tap_ok("mmap_registers", mmap(NULL, K, PROT_READ, MAP_SHARED, vfio.device,
				      at(TEST_REGION_REGS, 0)) == MAP_FAILED);
	buffer = mmap(NULL, TEST_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vfio.device,
		      at(TEST_REGION_BUFFER, 0));
	tap_ok("mmap", buffer != MAP_FAILED);
	tap_is("write", sys(pwrite(vfio.device, &byte, 1, at(TEST_REGION_BUFFER, 5 * K))), 1);
	tap_is("seen_through_map", peek(buffer + 5 * K), 0x77);
	reg_write(TEST_COMMAND, TEST_COMMAND_HIDE);
	tap_is("hidden_map_gives_bus_error", peek(buffer + 5 * K), -1);
	tap_is("hidden_read", sys(pread(vfio.device, &byte, 1, at(TEST_REGION_BUFFER, 0))), -EIO);
	reg_write(TEST_COMMAND, TEST_COMMAND_SHOW);
	tap_is("map_is_back", peek(buffer + 5 * K), 0x77);
	tap_is("reset", io(vfio.device, VFIO_DEVICE_RESET, 0), 0);
	tap_is("reset_clears", peek(buffer + 5 * K), 0);
	munmap((void *)buffer, TEST_BUFFER_SIZE);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: soft GROUP DEVICE\n");
		return 2;
	}
	names.group = argv[1];
	names.device = argv[2];
	if (!tap_is("open", vfio_open(&vfio, &names, VFIO_TYPE1v2_IOMMU), 0))
		return tap_done();
	tap_is("magic", reg_read(TEST_MAGIC), TEST_MAGIC_VALUE);
	test_dma();
	test_pinned();
	test_mmio_map();
	test_irq();
	test_mmap();
	vfio_close(&vfio);
	return tap_done();
}
