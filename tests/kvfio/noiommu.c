// SPDX-License-Identifier: BSD-2-Clause
/*
 * No-IOMMU mode: for the privileged only, without maps, and never together with groups that are protected.
 *
 *	noiommu NODE_DIRECTORY GROUP DEVICE PROTECTED_GROUP
 */

#define _GNU_SOURCE
#include "vfio.h"

#define K 0x1000UL

static void test_privileged(const struct vfio_names *names)
{
	int container = vfio_open_container(names), group = vfio_open_node(names, names->group), device;
	uint32_t id = 0;

	tap_ok("group_open", group >= 0);
	tap_is("extension", io(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 1);
	tap_is("set_container", io(group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	tap_is("extension_with_group", io(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 1);
	tap_is("extension_type1_with_group", io(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU), 0);
	tap_is("set_type1", io(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -ENODEV);
	tap_is("set_noiommu", io(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), 0);
	tap_is("extension_type1", io(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU), 0);
	tap_is("map", vfio_map(container, memory(K), 0x100000, K, VFIO_RW), -ENOTTY);
	device = io(group, VFIO_GROUP_GET_DEVICE_FD, names->device);
	tap_ok("device_open", device >= 0);
	tap_is("config_read", sys(pread(device, &id, 4, (off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40)), 4);
	tap_ok("config_is_there", id && id != UINT32_MAX);
	close(group);
	close(device);
	close(container);
}

/* @first is in a container; the other is refused there. */
static void test_mixed(const struct vfio_names *names, const char *first, const char *second, const char *text)
{
	int container = vfio_open_container(names), a = vfio_open_node(names, first), b = vfio_open_node(names, second);

	tap_is("first_group", io(a, VFIO_GROUP_SET_CONTAINER, &container), 0);
	tap_is("extension_type1_by_group", io(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU), first != names->group);
	tap_is("extension_noiommu_by_group", io(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), first == names->group);
	tap_is(text, io(b, VFIO_GROUP_SET_CONTAINER, &container), -EPERM);
	close(a);
	close(b);
	close(container);
}

int main(int argc, char **argv)
{
	struct vfio_names names;

	if (argc != 5) {
		fprintf(stderr, "usage: noiommu NODE_DIRECTORY GROUP DEVICE PROTECTED_GROUP\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	if (getuid()) {
		tap_is("extension_unprivileged", io(vfio_open_container(&names), VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 0);
		tap_is("group_open_unprivileged", vfio_open_node(&names, names.group), -EPERM);
		return tap_done();
	}
	test_privileged(&names);
	test_mixed(&names, argv[4], names.group, "unprotected_beside_protected");
	test_mixed(&names, names.group, argv[4], "protected_beside_unprotected");
	return tap_done();
}
