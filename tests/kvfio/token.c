// SPDX-License-Identifier: BSD-2-Clause
/*
 * A physical function and one of its virtual functions: who may open which with what token, and that a virtual one that was opened
 * works. Runs the same on upstream and on kvfio.
 *
 *	token NODE_DIRECTORY PF_GROUP PF
 *
 * Opening the physical function resets it, as its last close does, and the virtual ones of QEMU's NVMe controller (7.2) do not come
 * back from that. So they are made while it is open: the program says "held" then, and reads "VF_GROUP VF" from its input.
 */

#define _GNU_SOURCE
#include "vfio.h"

#define ONE	"11111111-2222-3333-4444-555555555555"
#define TWO	"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"

static long get_fd(struct vfio *v, const char *device, const char *options)
{
	char name[160];

	snprintf(name, sizeof(name), "%s%s", device, options);
	return io(v->group, VFIO_GROUP_GET_DEVICE_FD, name);
}

/* The error, or 0 for a descriptor, which is closed. */
static long try_fd(struct vfio *v, const char *device, const char *options)
{
	long fd = get_fd(v, device, options);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static long feature(int device, uint32_t flags, const uint8_t *token)
{
	struct {
		struct vfio_device_feature header;
		uint8_t data[16];
	} f = { .header = { .argsz = token ? 24 : 8, .flags = flags | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN } };

	if (token)
		memcpy(f.data, token, 16);
	return io(device, VFIO_DEVICE_FEATURE, &f);
}

/* NVM Express 1.4, 3.1.6: the status, all there is to be read of a controller that has not been given any queues. */
#define NVME_CSTS	0x1c

static void tests_of_physical(struct vfio *pf, const char *name, int *ret_fd)
{
	static const uint8_t two[] = { 0xaa, 0xaa, 0xaa, 0xaa, 0xbb, 0xbb, 0xcc, 0xcc, 0xdd, 0xdd, 0xee, 0xee, 0xee, 0xee,
				       0xee, 0xee };
	int fd;

	tap_is("pf_without_token", try_fd(pf, name, ""), 0);
	tap_is("pf_with_half_a_token", try_fd(pf, name, " vf_token=11111111-2222"), -EINVAL);
	fd = get_fd(pf, name, " vf_token=" ONE);
	tap_ok("pf_sets_token", fd >= 0);
	tap_is("feature_probe", feature(fd, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET, NULL), 0);
	tap_is("feature_get", feature(fd, VFIO_DEVICE_FEATURE_GET, two), -EINVAL);
	tap_is("feature_short", feature(fd, VFIO_DEVICE_FEATURE_SET, NULL), -EINVAL);
	tap_is("feature_set", feature(fd, VFIO_DEVICE_FEATURE_SET, two), 0);
	*ret_fd = fd;
}

static void tests_of_refusal(struct vfio *vf, const char *name)
{
	tap_is("vf_without_token", try_fd(vf, name, ""), -EACCES);
	tap_is("vf_with_old_token", try_fd(vf, name, " vf_token=" ONE), -EACCES);
	tap_is("vf_with_half_a_token", try_fd(vf, name, " vf_token=11111111-2222"), -EINVAL);
	tap_is("vf_with_no_uuid", try_fd(vf, name, " vf_token=11111111x2222-3333-4444-555555555555"), -EINVAL);
	tap_is("vf_with_unknown_option", try_fd(vf, name, " token=" TWO), -EINVAL);
	tap_is("vf_with_two_tokens", try_fd(vf, name, " vf_token=" TWO " vf_token=" TWO), -EINVAL);
	tap_is("vf_name_with_tail", try_fd(vf, name, "0"), -ENODEV);
}

/* It is there: its identity, its registers by read and by map, memory that it could reach, its interrupts. */
static void tests_of_use(struct vfio *vf)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	struct vfio_irq_info msix = { .argsz = sizeof(msix), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	struct vfio_irq_info intx = { .argsz = sizeof(intx), .index = VFIO_PCI_INTX_IRQ_INDEX };
	uint32_t ids = 0, status = 0, *map;

	pread(vf->device, &ids, 4, (off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40);
	tap_is("vf_ids", ids, 0x00101b36);
	tap_is("vf_bar", io(vf->device, VFIO_DEVICE_GET_REGION_INFO, &bar), 0);
	tap_is("vf_bar_size", bar.size, 0x4000);
	tap_is("vf_register", sys(pread(vf->device, &status, 4, bar.offset + NVME_CSTS)), 4);
	tap_ok("vf_register_answers", status != UINT32_MAX);
	map = mmap(NULL, bar.size, PROT_READ, MAP_SHARED, vf->device, bar.offset);
	if (tap_ok("vf_map", map != MAP_FAILED)) {
		tap_is("vf_register_in_map", map[NVME_CSTS / 4], status);
		munmap(map, bar.size);
	}
	tap_is("vf_dma", vfio_map(vf->container, memory(0x1000), 0x100000, 0x1000, VFIO_RW), 0);
	tap_is("vf_msix", io(vf->device, VFIO_DEVICE_GET_IRQ_INFO, &msix), 0);
	tap_ok("vf_has_msix", msix.count > 0);
	tap_is("vf_intx", io(vf->device, VFIO_DEVICE_GET_IRQ_INFO, &intx), 0);
	tap_is("vf_has_no_intx", intx.count, 0);
}

int main(int argc, char **argv)
{
	struct vfio_names names;
	char group[16], name[64];
	struct vfio pf, vf;
	int pf_fd;

	if (argc != 4) {
		fprintf(stderr, "usage: token NODE_DIRECTORY PF_GROUP PF\n");
		return 2;
	}
	names = (struct vfio_names){ .dir = argv[1], .group = argv[2], .upstream = !strcmp(argv[1], "/dev/vfio") };
	tap_is("attach_pf", vfio_attach(&pf, &names, VFIO_TYPE1v2_IOMMU), 0);
	tests_of_physical(&pf, argv[3], &pf_fd);
	tap_note("held");
	if (scanf("%15s %63s", group, name) != 2)
		return EXIT_FAILURE;
	names.group = group;
	tap_is("attach_vf", vfio_attach(&vf, &names, VFIO_TYPE1v2_IOMMU), 0);
	tests_of_refusal(&vf, name);
	vf.device = get_fd(&vf, name, " vf_token=" TWO);
	if (tap_ok("vf_with_token", vf.device >= 0))
		tests_of_use(&vf);
	/* As long as somebody relies on the token it stays, and whoever has the physical function has to know it. */
	tap_is("pf_without_token_in_use", try_fd(&pf, argv[3], ""), -EACCES);
	tap_is("pf_with_another_token_in_use", try_fd(&pf, argv[3], " vf_token=" ONE), -EACCES);
	tap_is("pf_with_token_in_use", try_fd(&pf, argv[3], " vf_token=" TWO), 0);
	vfio_close(&vf);
	tap_is("pf_afterwards", try_fd(&pf, argv[3], " vf_token=" ONE), 0);
	close(pf_fd);
	close(pf.group);
	close(pf.container);
	return tap_done();
}
