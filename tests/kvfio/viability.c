// SPDX-License-Identifier: BSD-2-Clause
/*
 * A group of several devices: while a driver of the host has one of them, nobody gets the group.
 *
 *	viability NODE_DIRECTORY GROUP yes|no
 */

#define _GNU_SOURCE
#include "vfio.h"

int main(int argc, char **argv)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_names names;
	int container, group;
	long ret;

	if (argc != 4) {
		fprintf(stderr, "usage: viability NODE_DIRECTORY GROUP yes|no\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], NULL);
	container = vfio_open_container(&names);
	group = vfio_open_group(&names);
	tap_ok("group_open", group >= 0);
	tap_is("status", io(group, VFIO_GROUP_GET_STATUS, &status), 0);
	ret = io(group, VFIO_GROUP_SET_CONTAINER, &container);
	if (!strcmp(argv[3], "yes")) {
		tap_is("viable", status.flags, VFIO_GROUP_FLAGS_VIABLE);
		tap_is("set_container", ret, 0);
		tap_is("set_iommu", io(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	} else {
		tap_is("not_viable", status.flags, 0);
		tap_either("set_container_refused", ret, -EPERM, -EBUSY);
	}
	/* With the group taken, a driver of the host must not get in: the caller tries. */
	if (!ret) {
		printf("# held\n");
		fflush(stdout);
		getchar();
	}
	return tap_done();
}
