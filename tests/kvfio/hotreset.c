// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hot reset of a bus with two virtio cards, which have no reset of their own: what it asks for and what it does. Runs the
 * same on upstream and on kvfio.
 *
 *	hotreset NODE_DIRECTORY GROUP DEVICE DEVICE OTHER_GROUP
 */

#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <sys/eventfd.h>

#include "vfio.h"

#define K 0x1000UL
#define DEVICE_STATUS (offsetof(struct virtio_pci_common_cfg, device_status))

static struct vfio_names names;
static struct vfio v;

static uint32_t config_read(int device, unsigned int pos, unsigned int size)
{
	uint32_t value = 0;

	if (pread(device, &value, size, ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + pos) != (ssize_t)size)
		tap_ok("config read", false);
	return value;
}

static void config_write(int device, unsigned int pos, unsigned int size, uint32_t value)
{
	pwrite(device, &value, size, ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + pos);
}

/* Where the registers are that all virtio devices have (virtio 1.1, 4.1.4.3), as an offset in the file of the device. */
static off_t common_config(int device)
{
	unsigned int pos = config_read(device, PCI_CAPABILITY_LIST, 1), left = 48;

	for (; pos && left--; pos = config_read(device, pos + 1, 1))
		if (config_read(device, pos, 1) == PCI_CAP_ID_VNDR &&
		    config_read(device, pos + offsetof(struct virtio_pci_cap, cfg_type), 1) == VIRTIO_PCI_CAP_COMMON_CFG)
			return ((off_t)config_read(device, pos + offsetof(struct virtio_pci_cap, bar), 1) << 40) +
			       config_read(device, pos + offsetof(struct virtio_pci_cap, offset), 4);
	return 0;
}

static void status_write(int device, uint8_t status)
{
	config_write(device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pwrite(device, &status, 1, common_config(device) + DEVICE_STATUS);
}

static long status_read(int device)
{
	uint8_t status = 0xff;

	if (pread(device, &status, 1, common_config(device) + DEVICE_STATUS) != 1)
		return -errno;
	return status;
}

static void test_info(void)
{
	struct {
		struct vfio_pci_hot_reset_info info;
		struct vfio_pci_dependent_device room[8];
	} r = { .info.argsz = 11 };
	unsigned int devfn;

	tap_is("info_argsz_short", io(v.device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &r), -EINVAL);
	r.info.argsz = sizeof(r.info);
	tap_is("info_no_room", io(v.device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &r), -ENOSPC);
	tap_is("info_wants_room_for", r.info.count, 2);
	r.info.argsz = sizeof(r.info) + sizeof(r.room[0]) + 7;
	tap_is("info_too_little_room", io(v.device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &r), -ENOSPC);
	r.info.argsz = sizeof(r);
	tap_is("info", io(v.device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &r), 0);
	tap_is("info_count", r.info.count, 2);
	for (int i = 0; i < 2; i++) {
		tap_is("info_group", r.room[i].group_id, atoi(names.group));
		tap_is("info_segment", r.room[i].segment, 0);
		devfn = r.room[i].devfn;
		tap_is("info_slot", devfn >> 3, i + 1);
	}
	tap_is("info_bad_pointer", io(v.device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, (void *)8), -EFAULT);
}

static long reset(uint32_t argsz, uint32_t flags, uint32_t count, int a, int b)
{
	struct {
		struct vfio_pci_hot_reset header;
		int fds[4];
	} r = { .header = { .argsz = argsz ?: sizeof(r), .flags = flags, .count = count } };

	r.header.group_fds[0] = a;
	r.header.group_fds[1] = b;
	return io(v.device, VFIO_DEVICE_PCI_HOT_RESET, &r);
}

static void test_arguments(const char *other_group)
{
	struct vfio_names others = { .dir = names.dir, .group = other_group, .upstream = names.upstream };
	int other = vfio_open_group(&others), event = eventfd(0, 0);

	tap_ok("open_other_group", other >= 0);
	tap_is("reset_argsz_short", reset(11, 0, 1, v.group, 0), -EINVAL);
	tap_is("reset_flags", reset(0, 1, 1, v.group, 0), -EINVAL);
	tap_is("reset_no_group", reset(0, 0, 0, v.group, 0), -EINVAL);
	tap_is("reset_too_many_groups", reset(0, 0, 3, v.group, v.group), -EINVAL);
	tap_is("reset_count_wraps", reset(0, 0, 0x40000001, v.group, v.group), -EINVAL);
	tap_is("reset_closed_fd", reset(0, 0, 1, 4000, 0), -EBADF);
	tap_is("reset_second_fd_closed", reset(0, 0, 2, v.group, 4000), -EBADF);
	tap_is("reset_no_vfio_file", reset(0, 0, 1, event, 0), -EINVAL);
	tap_is("reset_container", reset(0, 0, 1, v.container, 0), -EINVAL);
	tap_is("reset_other_group", reset(0, 0, 1, other, 0), -EINVAL);
	close(event);
	close(other);
}

/* Both are reset, and nobody can reach their registers meanwhile; what config space says stays. */
static void test_reset(int second)
{
	volatile uint8_t *regs;
	off_t common;

	status_write(v.device, 1);
	status_write(second, 1);
	tap_is("status_before", status_read(v.device) + status_read(second), 2);
	common = common_config(second);
	regs = mmap(NULL, K, PROT_READ | PROT_WRITE, MAP_SHARED, second, common & -K);
	tap_ok("map_registers", regs != MAP_FAILED);
	regs += common % K;
	tap_is("map_shows_status", regs[DEVICE_STATUS], 1);
	tap_is("reset", reset(0, 0, 1, v.group, 0), 0);
	tap_is("status_after", status_read(v.device), 0);
	tap_is("status_of_second_after", status_read(second), 0);
	tap_is("map_is_back", regs[DEVICE_STATUS], 0);
	tap_is("command_stays", config_read(second, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY, PCI_COMMAND_MEMORY);
	tap_is("same_group_twice", reset(0, 0, 2, v.group, v.group), 0);
	munmap((void *)((uintptr_t)regs & -K), K);
}

static bool is_suspended(const char *device)
{
	char path[128], status[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status", device);
	file = fopen(path, "r");
	if (!file)
		return false;
	fscanf(file, "%15s", status);
	fclose(file);
	return !strcmp(status, "suspended");
}

/* Closing one does not wake the other, whose user would be told that somebody wants it. */
static void test_close_beside_sleeper(int second, const char *name)
{
	struct {
		struct vfio_device_feature header;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} f = {
		.header = {
			.argsz = 16,
			.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
		},
		.entry.wakeup_eventfd = eventfd(0, EFD_NONBLOCK),
	};
	uint64_t count;

	tap_is("sleeper_enters", io(second, VFIO_DEVICE_FEATURE, &f), 0);
	for (int i = 0; i < 1000 && !is_suspended(name); i++)
		usleep(10000);
	tap_ok("sleeper_sleeps", is_suspended(name));
	close(v.device);
	tap_ok("sleeper_sleeps_on", is_suspended(name));
	tap_is("sleeper_is_not_woken", sys(read(f.entry.wakeup_eventfd, &count, sizeof(count))), -EAGAIN);
	v.device = io(v.group, VFIO_GROUP_GET_DEVICE_FD, names.device);
	tap_ok("open_first_again", v.device >= 0);
	tap_is("sleeper_wakes", config_read(second, PCI_VENDOR_ID, 2), 0x1af4);
	tap_is("sleeper_is_woken", sys(read(f.entry.wakeup_eventfd, &count, sizeof(count))), sizeof(count));
	close(f.entry.wakeup_eventfd);
}

int main(int argc, char **argv)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int second;

	if (argc != 6) {
		fprintf(stderr, "usage: hotreset NODE_DIRECTORY GROUP DEVICE DEVICE OTHER_GROUP\n");
		return 2;
	}
	names = (struct vfio_names){ .dir = argv[1], .group = argv[2], .device = argv[3] };
	names.upstream = !strcmp(names.dir, "/dev/vfio");
	if (!tap_is("open", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0))
		return tap_done();
	tap_is("iommu_does_not_enforce_coherency", io(v.container, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), 0);
	io(v.device, VFIO_DEVICE_GET_INFO, &info);
	tap_is("no_reset_of_its_own", info.flags & VFIO_DEVICE_FLAGS_RESET, 0);
	tap_is("device_reset", io(v.device, VFIO_DEVICE_RESET, 0), -EINVAL);
	test_info();
	test_arguments(argv[5]);
	second = io(v.group, VFIO_GROUP_GET_DEVICE_FD, argv[4]);
	if (tap_ok("open_second", second >= 0))
		test_reset(second);
	test_close_beside_sleeper(second, argv[4]);
	/* Not while the other one is open, then by itself. */
	status_write(v.device, 1);
	status_write(second, 1);
	close(v.device);
	tap_is("no_reset_while_one_is_open", status_read(second), 1);
	close(second);
	v.device = io(v.group, VFIO_GROUP_GET_DEVICE_FD, names.device);
	config_write(v.device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	tap_is("reset_after_last_close", status_read(v.device), 0);
	vfio_close(&v);
	return tap_done();
}
