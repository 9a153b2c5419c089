// SPDX-License-Identifier: BSD-2-Clause
/*
 * What KVM learns of a group. KVM knows nothing of VFIO but the names of a few functions, which it looks up when user space
 * hands it a file; the answers here show that it has found them. Runs the same on upstream and on kvfio's drop-in front.
 *
 * With "hold" it waits for the end of its input with the group known to a virtual machine and closed by itself.
 */

#define _GNU_SOURCE
#include <linux/kvm.h>
#include <sys/eventfd.h>

#include "vfio.h"

static struct vfio_names names;

/* What kvfio shows in sysfs; upstream shows nothing. */
static bool shown(char want)
{
	char path[128], got = 0;
	int fd;

	if (names.upstream)
		return true;
	snprintf(path, sizeof(path), "/sys/class/%s/%s/kvm", strrchr(names.dir, '/') + 1, names.group);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (read(fd, &got, 1) != 1)
		got = 0;
	close(fd);
	return got == want;
}

static long tell(int kvm_vfio, unsigned int what, int fd)
{
	struct kvm_device_attr attr = { .group = KVM_DEV_VFIO_GROUP, .attr = what, .addr = (uintptr_t)&fd };

	return io(kvm_vfio, KVM_SET_DEVICE_ATTR, &attr);
}

static int create_kvm_vfio(int *ret_vm)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_VFIO };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	long ret;

	*ret_vm = io(kvm, KVM_CREATE_VM, 0);
	ret = io(*ret_vm, KVM_CREATE_DEVICE, &device);
	close(kvm);
	return ret < 0 ? ret : (int)device.fd;
}

static void test_add(int kvm_vfio, struct vfio *v)
{
	int event = eventfd(0, EFD_CLOEXEC);

	tap_is("not_vfio", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, event), -EINVAL);
	tap_is("container", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, v->container), -EINVAL);
	tap_is("no_file", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, 4000), -EBADF);
	tap_is("delete_unknown", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_DEL, v->group), -ENOENT);
	tap_ok("not_yet_shown", shown('0'));
	tap_is("add", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, v->group), 0);
	tap_ok("shown", shown('1'));
	tap_is("add_again", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, v->group), -EEXIST);
	tap_is("delete", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_DEL, v->group), 0);
	tap_ok("not_shown_any_more", shown('0'));
	/* Linux 6.1 asks whether it is a group, later ones whether it is a group or a device. */
	tap_either("add_device", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, v->device), 0, -EINVAL);
	tell(kvm_vfio, KVM_DEV_VFIO_GROUP_DEL, v->device);
	close(event);
}

int main(int argc, char **argv)
{
	struct vfio v;
	int vm, kvm_vfio;
	char end;

	if (argc < 4) {
		fprintf(stderr, "usage: kvm NODE_DIRECTORY GROUP DEVICE [hold]\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	kvm_vfio = create_kvm_vfio(&vm);
	if (!tap_ok("kvm", kvm_vfio >= 0) || !tap_is("open", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0))
		return tap_done();
	test_add(kvm_vfio, &v);

	tap_is("add_and_close", tell(kvm_vfio, KVM_DEV_VFIO_GROUP_ADD, v.group), 0);
	vfio_close(&v);
	/* The virtual machine has a file of the group. */
	tap_is("group_is_busy", vfio_open_node(&names, names.group), -EBUSY);
	if (argc > 4) {
		tap_note("held");
		read(0, &end, 1);
	}
	close(kvm_vfio);
	close(vm);
	tap_ok("forgotten_with_the_machine", shown('0'));
	tap_ok("group_is_free", vfio_open_group(&names) >= 0);
	return tap_done();
}
