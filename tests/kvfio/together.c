// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two groups in one container, each with a virtio card: what they share, what the second finds when it comes, what stays when one
 * goes, and the registers of one as a target of the other's DMA. Runs the same on upstream and on kvfio, but for the end of such a
 * map (docs/kvfio.md).
 *
 *	together NODE_DIRECTORY GROUP DEVICE OTHER_GROUP OTHER_DEVICE
 */

#define _GNU_SOURCE
#include <linux/pci_regs.h>

#include "vfio.h"

#define K 0x1000UL
#define BASE 0x10000000UL	/* an IOVA inside every aperture */
#define REGS 0x20000000UL

static struct vfio_names names, others;
static char *pages;		/* 4 pages */

/* Where the two are meant to differ. */
static long later(long upstream, long kvfio)
{
	return names.upstream ? upstream : kvfio;
}

struct ranges {
	uint32_t n, avail;
	struct vfio_iova_range range[8];
};

static struct ranges get_ranges(int container)
{
	union {
		struct vfio_iommu_type1_info info;
		uint8_t bytes[4096];
	} buf = { .info.argsz = sizeof(buf) };
	struct ranges out = { 0 };
	struct vfio_info_cap_header *header;

	tap_is("info", io(container, VFIO_IOMMU_GET_INFO, &buf.info), 0);
	for (uint32_t at = buf.info.cap_offset; at; at = header->next) {
		header = (void *)(buf.bytes + at);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			out.avail = ((struct vfio_iommu_type1_info_dma_avail *)header)->avail;
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			struct vfio_iommu_type1_info_cap_iova_range *cap = (void *)header;

			out.n = cap->nr_iovas;
			for (uint32_t i = 0; i < out.n && i < 8; i++)
				out.range[i] = cap->iova_ranges[i];
		}
	}
	return out;
}

static int get_device(int group, const struct vfio_names *of)
{
	int device = io(group, VFIO_GROUP_GET_DEVICE_FD, of->device);
	uint16_t command = PCI_COMMAND_MEMORY;

	tap_ok("device", device >= 0);
	pwrite(device, &command, 2, ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + PCI_COMMAND);
	return device;
}

/* The BAR of a virtio card that has its registers. */
static void *map_bar(int device)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = VFIO_PCI_BAR4_REGION_INDEX };
	void *va;

	tap_is("region", io(device, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	va = mmap(NULL, K, PROT_READ | PROT_WRITE, MAP_SHARED, device, info.offset);
	tap_ok("map_bar", va != MAP_FAILED);
	return va;
}

/* The second comes when there are maps, which become its own; one set of maps, one charge, one limit. */
static void test_sharing(void)
{
	struct ranges alone, both, again;
	struct vfio v;
	int other;

	tap_is("attach", vfio_attach(&v, &names, VFIO_TYPE1v2_IOMMU), 0);
	alone = get_ranges(v.container);
	tap_is("map", vfio_map(v.container, pages, BASE, 2 * K, VFIO_RW), 0);
	tap_is("locked", vfio_locked_kb(), 8);
	other = vfio_open_group(&others);
	tap_is("set_container_of_second", io(other, VFIO_GROUP_SET_CONTAINER, &v.container), 0);
	tap_is("set_container_of_second_again", io(other, VFIO_GROUP_SET_CONTAINER, &v.container), -EINVAL);
	tap_is("set_iommu_with_two", io(v.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), -EINVAL);
	tap_is("locked_once", vfio_locked_kb(), 8);
	both = get_ranges(v.container);
	tap_is("avail_of_both", both.avail, alone.avail - 1);
	tap_is("map_same_with_two", vfio_map(v.container, pages, BASE, K, VFIO_RW), -EEXIST);
	tap_is("map_with_two", vfio_map(v.container, pages + 2 * K, BASE + 2 * K, 2 * K, VFIO_RW), 0);
	tap_is("locked_with_two", vfio_locked_kb(), 16);

	tap_is("unset_first", io(v.group, VFIO_GROUP_UNSET_CONTAINER, 0), 0);
	tap_is("type_stays", io(v.container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -EINVAL);
	tap_is("maps_stay", vfio_unmap(v.container, BASE, 2 * K), 2 * K);
	tap_is("locked_after_first", vfio_locked_kb(), 8);
	tap_is("first_comes_back", io(v.group, VFIO_GROUP_SET_CONTAINER, &v.container), 0);
	again = get_ranges(v.container);
	tap_is("same_ranges", memcmp(both.range, again.range, sizeof(both.range)), 0);
	tap_is("unset_first_again", io(v.group, VFIO_GROUP_UNSET_CONTAINER, 0), 0);
	tap_is("unset_second", io(other, VFIO_GROUP_UNSET_CONTAINER, 0), 0);
	tap_is("nothing_locked_after_both", vfio_locked_kb(), 0);
	tap_is("container_is_as_new", vfio_map(v.container, pages, BASE, K, VFIO_RW), -EINVAL);
	close(other);
	close(v.group);
	close(v.container);
}

/* A device of the second keeps the container, whoever else has let go. */
static void test_last_one(void)
{
	struct vfio v;
	int other, device;

	tap_is("open", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0);
	other = vfio_open_group(&others);
	tap_is("attach_second", io(other, VFIO_GROUP_SET_CONTAINER, &v.container), 0);
	device = get_device(other, &others);
	tap_is("device_of_the_other_group", io(other, VFIO_GROUP_GET_DEVICE_FD, names.device), -ENODEV);
	tap_is("map_for_both", vfio_map(v.container, pages, BASE, K, VFIO_RW), 0);
	tap_is("unset_with_own_device", io(v.group, VFIO_GROUP_UNSET_CONTAINER, 0), -EBUSY);
	close(v.device);
	tap_is("unset_without", io(v.group, VFIO_GROUP_UNSET_CONTAINER, 0), 0);
	tap_is("unset_of_other_with_device", io(other, VFIO_GROUP_UNSET_CONTAINER, 0), -EBUSY);
	close(v.container);
	close(v.group);
	close(other);
	tap_is("locked_by_device_alone", vfio_locked_kb(), 4);
	tap_is("group_is_held_by_device", vfio_open_node(&others, others.group), -EBUSY);
	close(device);
	tap_is("nothing_locked", vfio_locked_kb(), 0);
}

/* Registers of a device that somebody has open, in the same container or in another one. */
static void test_registers(void)
{
	struct vfio v, apart;
	int other, device;
	char *regs, *rest;

	tap_is("open_first", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0);
	other = vfio_open_group(&others);
	tap_is("attach_other", io(other, VFIO_GROUP_SET_CONTAINER, &v.container), 0);
	device = get_device(other, &others);
	regs = map_bar(device);
	tap_is("map_registers_of_other", vfio_map(v.container, regs, REGS, K, VFIO_RW), 0);
	tap_is("registers_are_not_locked", vfio_locked_kb(), 0);
	tap_is("map_registers_again", vfio_map(v.container, regs, REGS + K, K, VFIO_DMA_MAP_FLAG_READ), 0);
	tap_is("unmap_registers", vfio_unmap(v.container, REGS + K, K), K);
	close(device);
	tap_is("registers_stay_while_mapped", vfio_map(v.container, regs, REGS, K, VFIO_RW), -EEXIST);
	munmap(regs, K);
	tap_is("registers_after_close", vfio_unmap(v.container, REGS, K), later(K, 0));
	tap_is("unset_other", io(other, VFIO_GROUP_UNSET_CONTAINER, 0), 0);
	close(other);

	tap_is("open_apart", vfio_open(&apart, &others, VFIO_TYPE1v2_IOMMU), 0);
	close(get_device(apart.group, &others));
	rest = map_bar(apart.device);
	tap_is("map_registers_of_other_container", vfio_map(v.container, rest, REGS, K, VFIO_RW), later(0, -EFAULT));
	munmap(rest, K);
	vfio_close(&apart);
	vfio_close(&v);
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: together NODE_DIRECTORY GROUP DEVICE OTHER_GROUP OTHER_DEVICE\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	others = vfio_names(argv[1], argv[4], argv[5]);
	pages = memory(4 * K);
	memset(pages, 1, 4 * K);
	test_sharing();
	test_last_one();
	test_registers();
	return tap_done();
}
