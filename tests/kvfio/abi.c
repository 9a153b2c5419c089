// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ioctl ABI of containers, groups and type1, call by call. Runs the same on upstream vfio and on kvfio, with any
 * device; the output of the two can be compared with diff. Where the two are meant to differ, docs/kvfio.md says why.
 *
 *	abi NODE_DIRECTORY GROUP DEVICE
 */

#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "vfio.h"

#define K 0x1000UL
#define BASE 0x10000000UL	/* an IOVA inside every aperture */

static struct vfio_names names;
static char *pages;		/* 16 pages */

/* Where the two are meant to differ. */
static long later(long upstream, long kvfio)
{
	return names.upstream ? upstream : kvfio;
}

/* What a range gets that ends beyond the last byte. */
static long wraps(void)
{
	struct utsname kernel;

	uname(&kernel);
	return later(atoi(kernel.release) < 7 ? -EINVAL : -EOVERFLOW, -EOVERFLOW);
}

static long vm_locked_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %ld", &kib);
	if (file)
		fclose(file);
	return kib;
}

static void test_container(void)
{
	int fd = vfio_open_container(&names), other;
	char byte;

	tap_ok("container_open", fd >= 0);
	tap_is("api_version", io(fd, VFIO_GET_API_VERSION, 0), VFIO_API_VERSION);
	tap_is("extension_type1", io(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU), 1);
	tap_is("extension_type1v2", io(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU), 1);
	tap_is("extension_unmap_all", io(fd, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL), 1);
	tap_is("extension_coherent_without_type", io(fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), 0);
	tap_is("extension_noiommu", io(fd, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 0);
	tap_is("extension_spapr", io(fd, VFIO_CHECK_EXTENSION, VFIO_SPAPR_TCE_IOMMU), 0);
	tap_is("extension_unknown", io(fd, VFIO_CHECK_EXTENSION, 4711), 0);
	tap_is("set_iommu_without_group", io(fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -EINVAL);
	tap_is("map_without_type", vfio_map(fd, pages, BASE, K, VFIO_RW), -EINVAL);
	tap_is("unmap_without_type", vfio_unmap(fd, BASE, K), -EINVAL);
	tap_is("unknown_ioctl_without_type", io(fd, _IO(VFIO_TYPE, VFIO_BASE + 99), 0), -EINVAL);
	tap_is("group_ioctl_on_container", io(fd, VFIO_GROUP_UNSET_CONTAINER, 0), -EINVAL);
	tap_is("container_read", sys(read(fd, &byte, 1)), -EINVAL);
	tap_is("container_mmap", mmap(NULL, K, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -errno : 0, -ENODEV);
	other = vfio_open_container(&names);
	tap_ok("container_open_another", other >= 0);
	close(other);
	close(fd);
}

static long status(int fd, uint32_t argsz, uint32_t *ret_flags)
{
	struct vfio_group_status s = { .argsz = argsz, .flags = 0xdeadbeef };
	long ret = io(fd, VFIO_GROUP_GET_STATUS, &s);

	*ret_flags = s.flags;
	return ret;
}

static void test_group_alone(void)
{
	int fd = vfio_open_group(&names);
	int null = open("/dev/null", O_RDWR), bad = 4000, negative = -1;
	uint32_t flags;

	tap_ok("group_open", fd >= 0);
	tap_is("group_open_twice", vfio_open_node(&names, names.group), -EBUSY);
	tap_is("status_argsz_zero", status(fd, 0, &flags), -EINVAL);
	tap_is("status_argsz_short", status(fd, 7, &flags), -EINVAL);
	tap_is("status_argsz_huge", status(fd, UINT32_MAX, &flags), 0);
	tap_is("status_viable", flags, VFIO_GROUP_FLAGS_VIABLE);
	tap_is("status_bad_pointer", io(fd, VFIO_GROUP_GET_STATUS, (void *)8), -EFAULT);
	tap_is("unset_without_container", io(fd, VFIO_GROUP_UNSET_CONTAINER, 0), -EINVAL);
	tap_is("device_without_container", io(fd, VFIO_GROUP_GET_DEVICE_FD, names.device), -EINVAL);
	tap_is("set_container_bad_pointer", io(fd, VFIO_GROUP_SET_CONTAINER, (void *)8), -EFAULT);
	tap_is("set_container_closed_fd", io(fd, VFIO_GROUP_SET_CONTAINER, &bad), -EBADF);
	tap_is("set_container_negative_fd", io(fd, VFIO_GROUP_SET_CONTAINER, &negative), -EBADF);
	tap_either("set_container_other_file", io(fd, VFIO_GROUP_SET_CONTAINER, &null), -EINVAL, later(-EBADFD, -EINVAL));
	tap_either("set_container_group_file", io(fd, VFIO_GROUP_SET_CONTAINER, &fd), -EINVAL, later(-EBADFD, -EINVAL));
	tap_is("group_unknown_ioctl", io(fd, _IO(VFIO_TYPE, VFIO_BASE + 99), 0), -ENOTTY);
	close(null);
	close(fd);
}

static void test_attach(void)
{
	int container = vfio_open_container(&names), other = vfio_open_container(&names);
	int group = vfio_open_group(&names), device, second;
	uint32_t flags;

	tap_is("set_container", io(group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	tap_is("set_container_twice", io(group, VFIO_GROUP_SET_CONTAINER, &container), -EINVAL);
	tap_is("set_other_container", io(group, VFIO_GROUP_SET_CONTAINER, &other), -EINVAL);
	status(group, 8, &flags);
	tap_is("status_container_set", flags, VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
	tap_is("device_without_type", io(group, VFIO_GROUP_GET_DEVICE_FD, names.device), -EINVAL);
	tap_is("set_iommu_unknown", io(container, VFIO_SET_IOMMU, 99), -ENODEV);
	tap_is("set_iommu_spapr", io(container, VFIO_SET_IOMMU, VFIO_SPAPR_TCE_IOMMU), -ENODEV);
	tap_is("set_iommu_noiommu", io(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), -ENODEV);
	tap_is("set_iommu", io(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	tap_is("set_iommu_twice", io(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), -EINVAL);
	tap_is("extension_with_type", io(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU), 1);
	tap_is("extension_unknown_with_type", io(container, VFIO_CHECK_EXTENSION, 4711), 0);
	tap_is("unknown_ioctl_with_type", io(container, _IO(VFIO_TYPE, VFIO_BASE + 99), 0), -ENOTTY);
	tap_is("device_unknown_name", io(group, VFIO_GROUP_GET_DEVICE_FD, "0000:ff:1f.7"), -ENODEV);
	tap_is("device_empty_name", io(group, VFIO_GROUP_GET_DEVICE_FD, ""), -ENODEV);
	tap_is("device_bad_pointer", io(group, VFIO_GROUP_GET_DEVICE_FD, (void *)8), -EFAULT);
	device = io(group, VFIO_GROUP_GET_DEVICE_FD, names.device);
	tap_ok("device_open", device >= 0);
	tap_is("device_close_on_exec", fcntl(device, F_GETFD), FD_CLOEXEC);
	second = io(group, VFIO_GROUP_GET_DEVICE_FD, names.device);
	tap_ok("device_open_second", second >= 0);
	tap_is("unset_with_open_device", io(group, VFIO_GROUP_UNSET_CONTAINER, 0), -EBUSY);
	close(device);
	tap_is("unset_with_second_device", io(group, VFIO_GROUP_UNSET_CONTAINER, 0), -EBUSY);
	close(second);
	tap_is("unset", io(group, VFIO_GROUP_UNSET_CONTAINER, 0), 0);
	tap_is("container_unset_again", io(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -EINVAL);
	tap_is("attach_again", io(group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	tap_is("other_type_now", io(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	close(group);
	close(container);
	close(other);
}

static long info(int container, struct vfio_iommu_type1_info *info, uint32_t argsz)
{
	info->argsz = argsz;
	return io(container, VFIO_IOMMU_GET_INFO, info);
}

static void test_info(void)
{
	union {
		struct vfio_iommu_type1_info info;
		uint8_t bytes[4096];
	} buf;
	struct vfio_info_cap_header *header;
	bool ranges = false, avail = false;
	struct vfio *v = &(struct vfio){ 0 };
	uint32_t next;

	tap_is("attach", vfio_attach(v, &names, VFIO_TYPE1v2_IOMMU), 0);
	memset(&buf, 0xa5, sizeof(buf));
	tap_is("info_argsz_short", info(v->container, &buf.info, 15), -EINVAL);
	tap_is("info_argsz_min", info(v->container, &buf.info, 16), 0);
	tap_is("info_min_untouched_behind", buf.bytes[16], 0xa5);
	tap_is("info_flags", buf.info.flags, VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS);
	tap_is("info_smallest_page", buf.info.iova_pgsizes & -buf.info.iova_pgsizes, K);
	tap_ok("info_argsz_wanted", buf.info.argsz > sizeof(buf.info));
	tap_is("info_bad_pointer", io(v->container, VFIO_IOMMU_GET_INFO, (void *)8), -EFAULT);
	tap_is("info_whole", info(v->container, &buf.info, sizeof(buf)), 0);
	tap_is("info_argsz_huge", info(v->container, &buf.info, UINT32_MAX), 0);
	for (next = buf.info.cap_offset; next && next < sizeof(buf) - 16; next = header->next) {
		header = (void *)(buf.bytes + next);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			struct vfio_iommu_type1_info_cap_iova_range *cap = (void *)header;

			ranges = cap->nr_iovas && cap->iova_ranges[0].start <= BASE;
			for (uint32_t i = 0; i < cap->nr_iovas; i++)
				tap_note("range %#llx-%#llx", (long long)cap->iova_ranges[i].start,
					 (long long)cap->iova_ranges[i].end);
		}
		if (header->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			avail = ((struct vfio_iommu_type1_info_dma_avail *)header)->avail == 65535;
	}
	tap_ok("info_ranges", ranges || (names.upstream && !strncmp(names.device, "kvfio", 5)));
	tap_ok("info_avail", avail);
	vfio_close(v);
}

static long map_argsz(int container, uint32_t argsz, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = argsz, .flags = flags, .vaddr = (uintptr_t)pages, .iova = BASE, .size = K,
	};

	return io(container, VFIO_IOMMU_MAP_DMA, &map);
}

static void test_map(void)
{
	struct vfio *v = &(struct vfio){ 0 };
	char *last = (char *)-K;
	int c;

	vfio_attach(v, &names, VFIO_TYPE1v2_IOMMU);
	c = v->container;
	tap_is("map_argsz_zero", map_argsz(c, 0, VFIO_RW), -EINVAL);
	tap_is("map_argsz_short", map_argsz(c, 31, VFIO_RW), -EINVAL);
	tap_is("map_bad_pointer", io(c, VFIO_IOMMU_MAP_DMA, (void *)8), -EFAULT);
	tap_is("map_unknown_flag", map_argsz(c, 32, VFIO_RW | 1u << 30), -EINVAL);
	tap_is("map_no_flags", map_argsz(c, 32, 0), -EINVAL);
	tap_is("map_argsz_huge", map_argsz(c, UINT32_MAX, VFIO_RW), 0);
	tap_is("map_same_again", vfio_map(c, pages, BASE, K, VFIO_RW), -EEXIST);
	tap_is("map_size_zero", vfio_map(c, pages, BASE + K, 0, VFIO_RW), -EINVAL);
	tap_is("map_size_odd", vfio_map(c, pages, BASE + K, K + 1, VFIO_RW), -EINVAL);
	tap_is("map_iova_odd", vfio_map(c, pages, BASE + K + 8, K, VFIO_RW), -EINVAL);
	tap_is("map_va_odd", vfio_map(c, pages + 8, BASE + K, K, VFIO_RW), -EINVAL);
	tap_is("map_iova_wraps", vfio_map(c, pages, -K, 2 * K, VFIO_RW), wraps());
	tap_is("map_va_wraps", vfio_map(c, last, BASE + K, 2 * K, VFIO_RW), wraps());
	tap_is("map_size_wraps", vfio_map(c, pages, BASE, -BASE + K, VFIO_RW), wraps());
	tap_is("map_kernel_va", vfio_map(c, last, BASE + K, K, VFIO_RW), -EFAULT);
	tap_is("map_null_va", vfio_map(c, NULL, BASE + K, K, VFIO_RW), -EFAULT);
	tap_is("map_overlap_end", vfio_map(c, pages, BASE - K, 2 * K, VFIO_RW), -EEXIST);
	tap_is("map_overlap_all", vfio_map(c, pages, BASE - K, 4 * K, VFIO_RW), -EEXIST);
	tap_is("map_beside", vfio_map(c, pages, BASE + K, K, VFIO_DMA_MAP_FLAG_READ), 0);
	tap_is("map_same_memory", vfio_map(c, pages, BASE + 8 * K, 4 * K, VFIO_DMA_MAP_FLAG_WRITE), 0);
	if (strncmp(names.device, "kvfio", 5)) {
		tap_is("map_outside_aperture", vfio_map(c, pages, -K, K, VFIO_RW), -EINVAL);
		tap_is("map_msi_window", vfio_map(c, pages, 0xfee00000, K, VFIO_RW), -EINVAL);
	} else {
		tap_is("map_last_page", vfio_map(c, pages, -K, K, VFIO_RW), 0);
		tap_is("map_last_page_again", vfio_map(c, pages, -2 * K, 2 * K, VFIO_RW), -EEXIST);
		tap_is("unmap_last_page", vfio_unmap(c, -K, K), K);
	}
	tap_is("map_first_page", vfio_map(c, pages, 0, K, VFIO_RW), 0);
	tap_is("unmap_all", vfio_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 7 * K);
	tap_is("unmap_all_again", vfio_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0);
	vfio_close(v);
}

static long unmap_argsz(int container, uint32_t argsz, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = argsz, .flags = flags, .iova = BASE, .size = K,
	};

	return io(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

/* Three maps: 2 pages at 0, 2 at 2, 1 at 8. */
static void three_maps(int c)
{
	vfio_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
	if (vfio_map(c, pages, BASE, 2 * K, VFIO_RW) || vfio_map(c, pages, BASE + 2 * K, 2 * K, VFIO_RW) ||
	    vfio_map(c, pages, BASE + 8 * K, K, VFIO_RW))
		tap_ok("three_maps", false);
}

static void test_unmap_common(int c, const char *type)
{
	tap_note("%s", type);
	tap_is("unmap_argsz_zero", unmap_argsz(c, 0, 0), -EINVAL);
	tap_is("unmap_argsz_short", unmap_argsz(c, 23, 0), -EINVAL);
	tap_is("unmap_bad_pointer", io(c, VFIO_IOMMU_UNMAP_DMA, (void *)8), -EFAULT);
	tap_is("unmap_unknown_flag", unmap_argsz(c, 24, 1u << 30), -EINVAL);
	tap_is("unmap_argsz_huge", unmap_argsz(c, UINT32_MAX, 0), 0);
	tap_is("unmap_nothing_there", vfio_unmap(c, BASE, K), 0);
	tap_is("unmap_size_zero", vfio_unmap(c, BASE, 0), -EINVAL);
	tap_is("unmap_size_odd", vfio_unmap(c, BASE, 5), -EINVAL);
	tap_is("unmap_iova_odd", vfio_unmap(c, BASE + 5, K), -EINVAL);
	tap_is("unmap_wraps", vfio_unmap(c, -K, 2 * K), wraps());
	tap_is("unmap_last_page_of_all", vfio_unmap(c, -K, K), 0);
	tap_is("unmap_all_with_range", vfio_unmap_flags(c, BASE, K, VFIO_DMA_UNMAP_FLAG_ALL), -EINVAL);
	three_maps(c);
	tap_is("unmap_exact", vfio_unmap(c, BASE, 2 * K), 2 * K);
	three_maps(c);
	tap_is("unmap_two", vfio_unmap(c, BASE, 4 * K), 4 * K);
	three_maps(c);
	tap_is("unmap_with_holes", vfio_unmap(c, BASE - 2 * K, 32 * K), 5 * K);
	three_maps(c);
	tap_is("unmap_hole", vfio_unmap(c, BASE + 4 * K, 4 * K), 0);
	three_maps(c);
}

static void test_unmap_v2(void)
{
	struct vfio *v = &(struct vfio){ 0 };
	int c;

	vfio_attach(v, &names, VFIO_TYPE1v2_IOMMU);
	c = v->container;
	test_unmap_common(c, "v2");
	tap_is("v2_first_half", vfio_unmap(c, BASE, K), -EINVAL);
	tap_is("v2_second_half", vfio_unmap(c, BASE + K, K), -EINVAL);
	tap_is("v2_from_the_middle", vfio_unmap(c, BASE + K, 3 * K), -EINVAL);
	tap_is("v2_into_the_middle", vfio_unmap(c, BASE, 3 * K), -EINVAL);
	tap_is("v2_nothing_was_lost", vfio_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 5 * K);
	vfio_close(v);
}

static void test_unmap_v1(void)
{
	struct vfio *v = &(struct vfio){ 0 };
	int c;

	vfio_attach(v, &names, VFIO_TYPE1_IOMMU);
	c = v->container;
	test_unmap_common(c, "v1");
	tap_is("v1_first_half_takes_all", vfio_unmap(c, BASE, K), 2 * K);
	three_maps(c);
	tap_is("v1_second_half_takes_none", vfio_unmap(c, BASE + K, K), 0);
	tap_is("v1_from_the_middle_takes_none", vfio_unmap(c, BASE + K, 3 * K), 0);
	tap_is("v1_into_the_middle_takes_both", vfio_unmap(c, BASE, 3 * K), 4 * K);
	tap_is("v1_the_rest", vfio_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), K);
	vfio_close(v);
}

static void test_memory_kinds(void)
{
	struct vfio *v = &(struct vfio){ 0 };
	char *read_only = mmap(NULL, 4 * K, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *none = mmap(NULL, 4 * K, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *hole = memory(8 * K);
	long locked = vm_locked_kib();
	int c;

	munmap(hole + 4 * K, K);
	vfio_attach(v, &names, VFIO_TYPE1v2_IOMMU);
	c = v->container;
	tap_is("map_read_only_for_write", vfio_map(c, read_only, BASE, 4 * K, VFIO_RW), -EFAULT);
	tap_is("map_read_only_for_read", vfio_map(c, read_only, BASE, 4 * K, VFIO_DMA_MAP_FLAG_READ), 0);
	tap_is("unmap_read_only", vfio_unmap(c, BASE, 4 * K), 4 * K);
	tap_is("map_no_access", vfio_map(c, none, BASE, 4 * K, VFIO_DMA_MAP_FLAG_READ), -EFAULT);
	tap_is("map_memory_with_hole", vfio_map(c, hole, BASE, 8 * K, VFIO_RW), -EFAULT);
	tap_is("nothing_stays_locked", vm_locked_kib() - locked, 0);
	tap_is("map_before_hole", vfio_map(c, hole, BASE, 4 * K, VFIO_RW), 0);
	tap_is("locked", vm_locked_kib() - locked, 16);
	munmap(hole, 4 * K);
	tap_is("unmap_of_freed_memory", vfio_unmap(c, BASE, 4 * K), 4 * K);
	tap_is("unlocked", vm_locked_kib() - locked, 0);
	vfio_close(v);
}

/* In a child that runs @body; its exit code. */
static int in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(body());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static struct vfio shared;

static int child_limit(void)
{
	struct rlimit limit = { 8 * K, 8 * K };
	char *va = memory(16 * K);
	struct vfio v;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || vfio_attach(&v, &names, VFIO_TYPE1v2_IOMMU))
		return 1;
	if (vfio_map(v.container, va, BASE, 4 * K, VFIO_RW))
		return 2;
	if (vfio_map(v.container, va, BASE + 16 * K, 8 * K, VFIO_RW) != -ENOMEM)
		return 3;
	if (vm_locked_kib() != 16)
		return 4;
	if (vfio_map(v.container, va, BASE + 16 * K, 4 * K, VFIO_RW))
		return 5;
	if (vfio_map(v.container, va, BASE + 32 * K, K, VFIO_RW) != -ENOMEM)
		return 6;
	if (vfio_unmap(v.container, BASE, 4 * K) != 4 * K || vm_locked_kib() != 16)
		return 7;
	return vfio_map(v.container, va, BASE + 32 * K, K, VFIO_RW) ? 8 : 0;
}

static int child_unmaps(void)
{
	return vfio_unmap(shared.container, BASE, 4 * K) == 4 * K && vm_locked_kib() == 0 ? 0 : 1;
}

static int child_maps(void)
{
	return vfio_map(shared.container, pages, BASE + 64 * K, K, VFIO_RW) || vm_locked_kib() != 4;
}

static int child_dies(void)
{
	struct vfio v;

	if (vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU) || vfio_map(v.container, pages, BASE, 16 * K, VFIO_RW))
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

static int child_execs(void)
{
	struct vfio v;

	if (vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU) || vfio_map(v.container, pages, BASE, 16 * K, VFIO_RW))
		return 1;
	/* The container goes with the new program, and so do the maps, although their memory has gone. */
	fcntl(v.container, F_SETFD, 0);
	fcntl(v.group, F_SETFD, 0);
	execl("/proc/self/exe", "abi", "--sleep", NULL);
	return 2;
}

static void test_processes(void)
{
	int ok = vfio_attach(&shared, &names, VFIO_TYPE1v2_IOMMU);
	long locked = vm_locked_kib();
	int fd;

	tap_is("attach_shared", ok, 0);
	vfio_map(shared.container, pages, BASE, 4 * K, VFIO_RW);
	tap_is("child_unmaps_for_parent", in_child(child_unmaps), 0);
	tap_is("parent_is_uncharged", vm_locked_kib() - locked, 0);
	tap_is("child_maps_and_exits", in_child(child_maps), 0);
	tap_is("map_of_dead_child", vfio_unmap(shared.container, BASE + 64 * K, K), K);
	tap_is("still_uncharged", vm_locked_kib() - locked, 0);
	vfio_close(&shared);

	tap_is("memlock_limit", in_child(child_limit), 0);
	tap_is("killed_with_all_open", in_child(child_dies), 1000 + SIGKILL);
	fd = vfio_open_group(&names);
	tap_ok("group_is_free_after_kill", fd >= 0);
	close(fd);
	tap_is("exec_with_maps", in_child(child_execs), 0);
	fd = vfio_open_group(&names);
	tap_ok("group_is_free_after_exec", fd >= 0);
	close(fd);
}

static void test_close_order(void)
{
	static const char *const order[] = { "cgd", "cdg", "gcd", "gdc", "dcg", "dgc" };
	char text[64];

	for (unsigned int i = 0; i < 6; i++) {
		struct vfio v;
		long ret = vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU);

		ret = ret ?: vfio_map(v.container, pages, BASE, 4 * K, VFIO_RW);
		for (const char *p = order[i]; *p; p++) {
			close(*p == 'c' ? v.container : *p == 'g' ? v.group : v.device);
			if (*p == 'g' && strchr(p, 'd'))
				ret = ret ?: vfio_open_node(&names, names.group) == -EBUSY ? 0 : -1;
		}
		snprintf(text, sizeof(text), "close_%s", order[i]);
		tap_is(text, ret, 0);
		tap_is("all_unlocked", vm_locked_kib(), 0);
	}
}

static void test_entry_limit(void)
{
	struct vfio *v = &(struct vfio){ 0 };
	long n = 0, ret;

	vfio_attach(v, &names, VFIO_TYPE1v2_IOMMU);
	while (!(ret = vfio_map(v->container, pages, BASE + n * K, K, VFIO_DMA_MAP_FLAG_READ)))
		n++;
	tap_is("entry_limit", n, 65535);
	tap_is("beyond_entry_limit", ret, -ENOSPC);
	tap_is("unmap_one", vfio_unmap(v->container, BASE, K), K);
	tap_is("map_one", vfio_map(v->container, pages, BASE, K, VFIO_RW), 0);
	vfio_close(v);
	tap_is("nothing_locked", vm_locked_kib(), 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--sleep")) {
		usleep(200000);
		return 0;
	}
	if (argc != 4) {
		fprintf(stderr, "usage: abi NODE_DIRECTORY GROUP DEVICE\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	pages = memory(16 * K);
	memset(pages, 1, 16 * K);

	test_container();
	test_group_alone();
	test_attach();
	test_info();
	test_map();
	test_unmap_v2();
	test_unmap_v1();
	test_memory_kinds();
	test_processes();
	test_close_order();
	test_entry_limit();
	return tap_done();
}
