// SPDX-License-Identifier: BSD-2-Clause
/*
 * An 82574 that is open, with two maps and an interrupt that has fired: something to be looked at, until it is killed.
 *
 *	hold NODE_DIRECTORY GROUP DEVICE
 */

#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "vfio.h"

#define K 0x1000UL

/* 82574 datasheet, section 10 */
#define ICS	0x00c8
#define IMS	0x00d0
#define LSC	(1u << 2)

static void write_at(int device, uint64_t region, uint64_t offset, uint32_t value, size_t size)
{
	pwrite(device, &value, size, (off_t)(region << 40 | offset));
}

int main(int argc, char **argv)
{
	struct pollfd event = { .fd = eventfd(0, EFD_NONBLOCK), .events = POLLIN };
	struct vfio_names names;
	struct vfio v;
	char *pages = memory(3 * K);

	if (argc != 4) {
		fprintf(stderr, "usage: hold NODE_DIRECTORY GROUP DEVICE\n");
		return 2;
	}
	names = (struct vfio_names){ .dir = argv[1], .group = argv[2], .device = argv[3] };
	names.upstream = !strcmp(names.dir, "/dev/vfio");
	tap_is("open", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0);
	tap_is("map", vfio_map(v.container, pages, 0x10000000, 2 * K, VFIO_RW), 0);
	tap_is("map_read_only", vfio_map(v.container, pages + 2 * K, 0x20000000, K, VFIO_DMA_MAP_FLAG_READ), 0);
	write_at(v.device, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	tap_is("intx_on", vfio_set_eventfd(v.device, VFIO_PCI_INTX_IRQ_INDEX, event.fd), 0);
	write_at(v.device, VFIO_PCI_BAR0_REGION_INDEX, IMS, LSC, 4);
	write_at(v.device, VFIO_PCI_BAR0_REGION_INDEX, ICS, LSC, 4);
	tap_is("interrupt", poll(&event, 1, 10000), 1);
	if (tap_failed)
		return EXIT_FAILURE;
	puts("held");
	fflush(stdout);
	pause();
	return EXIT_SUCCESS;
}
