// SPDX-License-Identifier: BSD-2-Clause
/*
 * BARs of unusual sizes, and the ROM: one smaller than a page, one that can be mapped by large pages. Runs the same on
 * upstream and on kvfio.
 *
 *	bars NODE_DIRECTORY GROUP DEVICE small|large|rom|rom-off
 *
 * rom-off: the ROM while memory decode is off, and in D3hot. On kvfio alone: upstream looks for its header there.
 */

#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "vfio.h"

#define K 0x1000UL
#define M (1024 * 1024UL)

static struct vfio v;
static struct vfio_region_info info;
static sigjmp_buf bus_error;

static void on_bus_error(int signal)
{
	siglongjmp(bus_error, signal);
}

static long peek(volatile uint32_t *at)
{
	if (sigsetjmp(bus_error, 1))
		return -1;
	return *at;
}

static void get_region(uint32_t index)
{
	info = (struct vfio_region_info){ .argsz = sizeof(info), .index = index };
	tap_is("region", io(v.device, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
}

static off_t config_offset(unsigned int pos)
{
	return ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + pos;
}

static void command(uint16_t value)
{
	pwrite(v.device, &value, 2, config_offset(PCI_COMMAND));
}

static long try_mmap(uint64_t offset, size_t size)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, v.device, info.offset + offset);

	if (va == MAP_FAILED)
		return -errno;
	munmap(va, size);
	return 0;
}

/* Registers of QEMU's ivshmem: 256 bytes, in a page that nobody else has a part of. The first one can be written. */
static void test_small(void)
{
	volatile uint32_t *map;
	uint32_t value = 0x5a;

	get_region(VFIO_PCI_BAR0_REGION_INDEX);
	tap_ok("small_is_small", info.size && info.size < K);
	tap_is("small_can_be_mapped", info.flags & VFIO_REGION_INFO_FLAG_MMAP, VFIO_REGION_INFO_FLAG_MMAP);
	tap_is("small_two_pages", try_mmap(0, 2 * K), -EINVAL);
	tap_is("small_second_page", try_mmap(K, K), -EINVAL);
	tap_is("small_read_beyond", sys(pread(v.device, &value, 4, info.offset + info.size)), -EINVAL);
	map = mmap(NULL, K, PROT_READ | PROT_WRITE, MAP_SHARED, v.device, info.offset);
	if (!tap_ok("small_map", map != MAP_FAILED))
		return;
	pwrite(v.device, &value, 4, info.offset);
	tap_is("small_map_is_the_bar", peek(map), value);
	command(0);
	tap_is("small_is_revoked", peek(map), -1);
	command(PCI_COMMAND_MEMORY);
	tap_is("small_comes_back", peek(map), value);
	munmap((void *)map, K);
}

static bool has_large_pages(void)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	return major > 6 || (major == 6 && minor >= 12);
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* Where a large page may begin. */
static void *aligned_map(size_t size)
{
	uintptr_t va = (uintptr_t)mmap(NULL, size + 2 * M, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	va = (va + 2 * M - 1) & -(2 * M);
	return mmap((void *)va, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, v.device, info.offset);
}

/* QEMU's ivshmem: 4 MiB of memory behind a BAR. */
static void test_large(void)
{
	volatile uint32_t *map, *part;
	long before;

	get_region(VFIO_PCI_BAR2_REGION_INDEX);
	tap_is("large_size", info.size, 4 * M);
	map = aligned_map(4 * M);
	if (!tap_ok("large_map", map != MAP_FAILED))
		return;
	before = faults();
	for (unsigned long at = 0; at < 4 * M; at += K)
		map[at / 4] = at + 1;
	tap_note("%ld faults for 1024 pages", faults() - before);
	if (has_large_pages())
		tap_ok("large_by_large_pages", faults() - before < 64);
	part = mmap(NULL, M + 3 * K, PROT_READ, MAP_SHARED, v.device, info.offset + M + K);
	tap_is("large_part_map", peek(part + K / 4), M + 2 * K + 1);
	command(0);
	tap_is("large_is_revoked", peek(map), -1);
	tap_is("large_is_revoked_to_the_end", peek(map + (4 * M - K) / 4), -1);
	tap_is("large_part_is_revoked", peek(part), -1);
	command(PCI_COMMAND_MEMORY);
	tap_is("large_comes_back", peek(map), 1);
	tap_is("large_comes_back_to_the_end", peek(map + (4 * M - K) / 4), 4 * M - K + 1);
	tap_is("large_as_dma_target", vfio_map(v.container, (void *)map, 0x40000000, 4 * M, VFIO_RW), 0);
	tap_is("large_no_dma_target", vfio_unmap(v.container, 0x40000000, 4 * M), 4 * M);
	tap_is("large_part_as_dma_target", vfio_map(v.container, (char *)map + M + K, 0x40000000, 3 * K, VFIO_RW), 0);
	tap_is("large_part_no_dma_target", vfio_unmap(v.container, 0x40000000, 3 * K), 3 * K);
	munmap((void *)part, M + 3 * K);
	munmap((void *)map, 4 * M);
}

/* The file that the machine was given: a header, then each byte seven times its place. */
static void test_rom(void)
{
	uint8_t bytes[2048] = { 0 };
	unsigned int i;

	get_region(VFIO_PCI_ROM_REGION_INDEX);
	tap_is("rom_size", info.size, sizeof(bytes));
	tap_is("rom_flags", info.flags, VFIO_REGION_INFO_FLAG_READ);
	tap_is("rom_read", sys(pread(v.device, bytes, sizeof(bytes), info.offset)), sizeof(bytes));
	tap_is("rom_signature", bytes[0] | bytes[1] << 8, 0xaa55);
	for (i = 64; i < sizeof(bytes) && bytes[i] == (uint8_t)(7 * i); i++)
		;
	tap_is("rom_bytes", i, sizeof(bytes));
	tap_is("rom_odd_read", sys(pread(v.device, bytes, 3, info.offset + 101)), 3);
	tap_is("rom_odd_bytes", bytes[0] | bytes[2] << 8, (7 * 101 & 0xff) | (7 * 103 & 0xff) << 8);
	tap_is("rom_across_end", sys(pread(v.device, bytes, 64, info.offset + 2048 - 16)), 16);
	tap_is("rom_beyond", sys(pread(v.device, bytes, 4, info.offset + 2048)), -EINVAL);
	tap_is("rom_write", sys(pwrite(v.device, bytes, 4, info.offset)), -EINVAL);
	tap_is("rom_map", try_mmap(0, K), -EINVAL);
}

/* How many bytes of the ROM are what the file has, or an error. */
static long rom_bytes(void)
{
	uint8_t bytes[2048] = { 0 };
	long ret = sys(pread(v.device, bytes, sizeof(bytes), info.offset));
	unsigned int i = 64;

	while (i < sizeof(bytes) && bytes[i] == (uint8_t)(7 * i))
		i++;
	return ret < 0 ? ret : i;
}

static unsigned int find_power_management(void)
{
	uint8_t at[2] = { 0, 0 };
	unsigned int left = 48;

	pread(v.device, at + 1, 1, config_offset(PCI_CAPABILITY_LIST));
	do {
		unsigned int pos = at[1];

		if (!pos)
			return 0;
		pread(v.device, at, 2, config_offset(pos));
		if (at[0] == PCI_CAP_ID_PM)
			return pos;
	} while (left--);
	return 0;
}

static void power_state(unsigned int pm, uint16_t state)
{
	pwrite(v.device, &state, 2, config_offset(pm + PCI_PM_CTRL));
}

static void test_rom_off(void)
{
	unsigned int pm = find_power_management();
	uint16_t now = 0;

	get_region(VFIO_PCI_ROM_REGION_INDEX);
	command(0);
	tap_is("rom_without_memory", rom_bytes(), 2048);
	pread(v.device, &now, 2, config_offset(PCI_COMMAND));
	tap_is("rom_leaves_memory_off", now & PCI_COMMAND_MEMORY, 0);
	tap_is("rom_leaves_bars_off", sys(pread(v.device, &now, 2, 0)), -EIO);
	if (!pm)
		return;
	power_state(pm, 3);
	tap_is("rom_in_d3", rom_bytes(), -EIO);
	power_state(pm, 0);
	tap_is("rom_in_d0", rom_bytes(), 2048);
}

int main(int argc, char **argv)
{
	struct vfio_names names;

	if (argc != 5) {
		fprintf(stderr, "usage: bars NODE_DIRECTORY GROUP DEVICE small|large|rom|rom-off\n");
		return 2;
	}
	names = (struct vfio_names){ .dir = argv[1], .group = argv[2], .device = argv[3] };
	names.upstream = !strcmp(names.dir, "/dev/vfio");
	if (!tap_is("open", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0))
		return tap_done();
	tap_is("iommu_enforces_coherency", io(v.container, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), 1);
	signal(SIGBUS, on_bus_error);
	command(PCI_COMMAND_MEMORY);
	if (!strcmp(argv[4], "small"))
		test_small();
	else if (!strcmp(argv[4], "large"))
		test_large();
	else if (!strcmp(argv[4], "rom"))
		test_rom();
	else
		test_rom_off();
	vfio_close(&v);
	return tap_done();
}
