// SPDX-License-Identifier: BSD-2-Clause
/* The VFIO back end against a kernel that insists on its rules, and one that talks nonsense. */
#include "unit.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vireo/device.h>
#include <vireo/memory.h>

#include "bus/vfio.h"
#include "fake_kernel.h"

#define A "0000:03:00.0"
#define B "0000:03:00.1"
#define C "0000:04:00.0"
#define D "0000:04:00.1"

static struct vireo_device *must_open(const char *spec)
{
	struct vireo_device *dev = NULL;

	if (vireo_device_open(spec, &dev))
		fail_msg("%s: %s", spec, vireo_last_error());
	return dev;
}

static void vfio_open_working_machine_fills_in_everything(void **state)
{
	struct fk_device *d = fk_add_device(A, 7, "vfio-pci");
	struct vireo_device *dev = must_open("3:0.0");
	const struct vireo_iova_range *ranges;
	struct vireo_region_info region;
	struct vireo_device_info info;
	volatile void *va;
	uint32_t v;

	vireo_device_info(dev, &info);
	assert_string_equal(info.address, A);
	assert_string_equal(info.bus, "vfio");
	assert_int_equal(info.vendor_id, 0x8086);
	assert_int_equal(info.class_code, 0x020000);
	assert_int_equal(info.group, 7);
	assert_int_equal(info.numa_node, 1);
	assert_true(info.can_reset);
	assert_true(info.iommu);
	assert_int_equal(vireo_device_iova_ranges(dev, &ranges), 2);
	assert_int_equal(ranges[1].start, 0xfef00000);
	assert_int_equal(vireo_device_region(dev, VIREO_REGION_BAR0, &region), 0);
	assert_int_equal(region.size, FK_BAR_SIZE);
	assert_int_equal(region.n_areas, 1);
	assert_int_equal(vireo_device_region(dev, VIREO_REGION_VGA, &region), 0);
	assert_int_equal(region.size, 0);
	/* A mapped store is what a read by system call sees. */
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0x1000, 8, &va), 0);
	*(volatile uint32_t *)va = 0x12345678;
	assert_int_equal(vireo_device_read(dev, VIREO_REGION_BAR0, 0x1000, &v, 4), 0);
	assert_int_equal(v, 0x12345678);
	assert_int_equal(vireo_device_reset(dev), 0);
	assert_int_equal(d->n_resets, 1);
	vireo_device_close(dev);
}

static void vfio_open_descriptors_close_on_exec(void **state)
{
	struct vireo_device *dev;
	bool before[64];

	fk_add_device(A, 7, "vfio-pci");
	for (int fd = 0; fd < 64; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	dev = must_open(A);
	for (int fd = 0; fd < 64; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && !before[fd])
			assert_true(flags & FD_CLOEXEC);
	}
	vireo_device_close(dev);
}

/* Two groups of two devices in one container: all 24 orders of closing, with memory mapped and unmapped right. */
static void vfio_close_every_order_leaks_nothing(void **state)
{
	static const char *const names[] = {A, B, C, D};
	void *mem;

	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(B, 7, "mlx5_vfio_pci");
	fk_add_device(C, 8, "vfio-pci");
	fk_add_device(D, 8, "vfio-pci");
	assert_int_equal(vireo_memory_alloc(100000, 64, 0, &mem), 0);
	for (unsigned order = 0; order < 256; order++) {
		unsigned picks[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
		struct vireo_device *devs[4];

		if ((1u << picks[0] | 1u << picks[1] | 1u << picks[2] | 1u << picks[3]) != 15)
			continue;
		for (unsigned i = 0; i < 4; i++)
			devs[i] = must_open(names[i]);
		assert_int_equal(fk_open_containers(), 1);
		assert_true(fk_mapped() >= 100000);
		for (unsigned i = 0; i < 4; i++) {
			assert_true(fk_mapped() >= 100000);
			vireo_device_close(devs[picks[i]]);
			assert_false(fk_is_open(&fk.devices[picks[i]].object));
		}
		assert_int_equal(fk_open_containers(), 0);
		assert_int_equal(fk_mapped(), 0);
	}
	vireo_memory_free(mem);
}

static void vfio_open_twice_is_ebusy(void **state)
{
	struct vireo_device *dev, *other = NULL;

	fk_add_device(A, 7, "vfio-pci");
	dev = must_open(A);
	assert_int_equal(vireo_device_open("03:00.0", &other), -EBUSY);
	assert_sentence("open in this process already");
	assert_null(other);
	vireo_device_close(dev);
}

static void vfio_container_option_separates_and_joins(void **state)
{
	struct vireo_device *a, *b, *c, *none = NULL;

	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(B, 9, "vfio-pci");
	fk_add_device(C, 8, "vfio-pci");
	fk_add_device(D, 8, "vfio-pci");
	a = must_open(A ",container=one");
	b = must_open(B ",container=one");
	c = must_open(C);
	assert_int_equal(fk_open_containers(), 2);
	assert_int_equal(vireo_device_open(D ",container=one", &none), -EINVAL);
	assert_sentence("a device of the same IOMMU group 8");
	assert_int_equal(vireo_device_open(D ",contaner=one", &none), -EINVAL);
	assert_sentence("contaner");
	vireo_device_close(a);
	vireo_device_close(b);
	assert_int_equal(fk_open_containers(), 1);
	vireo_device_close(c);
}

static void vfio_kvfio_device_is_found_under_its_own_name(void **state)
{
	struct vireo_device *a, *b;

	fk_add_device(A, 7, "kvfio-pci");
	fk_add_device(C, 8, "vfio-pci");
	a = must_open(A);
	b = must_open(C);
	/* Two fronts cannot share a container. */
	assert_int_equal(fk_open_containers(), 2);
	assert_ptr_not_equal(fk_group(7)->container, fk_group(8)->container);
	vireo_device_close(a);
	vireo_device_close(b);
}

static void vfio_incompatible_group_gets_its_own_container(void **state)
{
	struct vireo_device *a, *c, *none = NULL;
	void *mem;

	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(C, 8, "vfio-pci");
	fk_group(8)->incompatible = true;
	a = must_open(A);
	c = must_open(C);
	assert_int_equal(fk_open_containers(), 2);
	/* New memory reaches both. */
	assert_int_equal(vireo_memory_alloc(4096, 64, 0, &mem), 0);
	assert_true(fk_group(7)->container->n_maps > 0);
	assert_int_equal(fk_group(7)->container->n_maps, fk_group(8)->container->n_maps);
	assert_int_equal(fk_group(7)->container->maps[0].iova, fk_group(8)->container->maps[0].iova);
	vireo_device_close(a);
	vireo_device_close(c);
	vireo_memory_free(mem);
	/* By name it was asked for, so that is an error. */
	a = must_open(A ",container=x");
	assert_int_equal(vireo_device_open(C ",container=x", &none), -EINVAL);
	assert_false(fk_is_open(&fk_group(8)->object));
	vireo_device_close(a);
}

static void vfio_join_that_takes_the_window_gets_its_own_container(void **state)
{
	struct vireo_device *a, *c;
	const struct vireo_iova_range *ranges;
	void *mem;

	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(C, 8, "vfio-pci");
	assert_int_equal(vireo_memory_alloc(4096, 64, 0, &mem), 0);
	a = must_open(A);
	fk.shrunk = (struct vfio_iova_range){0, 0x7fffffff};
	fk.n_ranges = 1;
	fk.ranges[0].end = (1ULL << 39) - 1;
	c = must_open(C);
	assert_int_equal(fk_open_containers(), 2);
	/* The first one is as it was. */
	assert_int_equal(vireo_device_iova_ranges(a, &ranges), 2);
	assert_int_equal(ranges[0].last, 0xfedfffff);
	assert_int_equal(fk_group(7)->container->n_groups, 1);
	vireo_device_close(c);
	vireo_device_close(a);
	vireo_memory_free(mem);
}

static void vfio_type1_v1_will_do(void **state)
{
	struct vireo_device *dev;

	fk_add_device(A, 7, "vfio-pci");
	fk.has_v2 = false;
	dev = must_open(A);
	assert_int_equal(fk_group(7)->container->type, VFIO_TYPE1_IOMMU);
	vireo_device_close(dev);
	fk.has_v2 = true;
	dev = must_open(A);
	assert_int_equal(fk_group(7)->container->type, VFIO_TYPE1v2_IOMMU);
	vireo_device_close(dev);
}

static void vfio_ranges_absent_are_assumed(void **state)
{
	const struct vireo_iova_range *ranges;
	struct vireo_device *dev;

	fk_add_device(A, 7, "vfio-pci");
	fk.n_ranges = 0;
	dev = must_open(A);
	assert_int_equal(vireo_device_iova_ranges(dev, &ranges), 2);
	assert_int_equal(ranges[0].last, 0xfedfffff);
	assert_int_equal(ranges[1].last, (1ULL << 39) - 1);
	vireo_device_close(dev);
}

static uint32_t lie_nr, lie_offset, lie_next, lie_argsz;

/* A kernel that answers IOMMU_GET_INFO with nonsense once there is room for an answer. */
static int lie_about_iommu(int fd, unsigned long request, void *arg)
{
	struct vfio_iommu_type1_info *info = arg;
	uint8_t *p = arg;
	struct vfio_iommu_type1_info_cap_iova_range cap = {
		.header = {.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .next = lie_next},
		.nr_iovas = lie_nr,
	};

	if (request != VFIO_IOMMU_GET_INFO)
		return 1000;
	info->flags = VFIO_IOMMU_INFO_CAPS;
	if (lie_argsz) {
		info->argsz = info->argsz + lie_argsz;
		return 0;
	}
	if (info->argsz < 128) {
		info->argsz = 128;
		return 0;
	}
	info->cap_offset = lie_offset;
	if (lie_next)
		cap.header.id = 99;
	if (lie_offset <= 128 - sizeof(cap))
		memcpy(p + lie_offset, &cap, sizeof(cap));
	return 0;
}

static void vfio_iommu_info_nonsense_is_refused(void **state)
{
	static const struct {
		uint32_t nr, offset, next, argsz;
		int err;
	} cases[] = {
		{0, 24, 0, 0, -EIO},	      /* no range at all */
		{UINT32_MAX, 24, 0, 0, -EIO}, /* more than the buffer holds */
		{100, 24, 0, 0, -EIO},
		{2, 24, 0, 0, -EIO},	       /* both the same: overlap */
		{1, 24, 24, 0, 0},	       /* capabilities in a circle: none found, ranges assumed */
		{1, 24, 0xfffffff0, 0, 0},     /* next outside */
		{1, 0xfffffff0, 0, 0, 0},      /* first outside */
		{1, 125, 0, 0, 0},	       /* header across the end */
		{0, 0, 0, 8, -E2BIG},	       /* asks for more room each time */
		{0, 0, 0, 0x40000000, -E2BIG}, /* asks for a gigabyte */
	};
	struct vireo_device *dev = NULL;

	fk_add_device(A, 7, "vfio-pci");
	fk.hook = lie_about_iommu;
	for (unsigned i = 0; i < N_OF(cases); i++) {
		int err;

		lie_nr = cases[i].nr;
		lie_offset = cases[i].offset;
		lie_next = cases[i].next;
		lie_argsz = cases[i].argsz;
		err = vireo_device_open(A, &dev);
		if (err != cases[i].err)
			fail_msg("case %u: %d", i, err);
		if (!err)
			vireo_device_close(dev);
		assert_int_equal(fk_open_containers(), 0);
	}
}

static void vfio_sparse_areas_are_sorted_and_checked(void **state)
{
	static const struct {
		unsigned n;
		struct vfio_region_sparse_mmap_area areas[3];
		unsigned expected; /* areas that can be mapped */
	} cases[] = {
		{2, {{0x4000, 0x1000}, {0, 0x1000}}, 2},
		{3, {{0x1000, 0}, {0, 0x1000}, {0x2000, 0x6000}}, 2},
		{1, {{0, 0}}, 0},
		{2, {{0, 0x2000}, {0x1000, 0x1000}}, 0},
		{1, {{0x800, 0x1000}}, 0},
		{1, {{0, 0x9000}}, 0},
		{1, {{0x7000, 0x2000}}, 0},
		{1, {{0xfffffffffffff000, 0x2000}}, 0},
		{1, {{0x1000, UINT64_MAX}}, 0},
		{1000, {{0, 0x1000}}, 0},
	};
	struct vireo_region_info info;
	struct vireo_device *dev;
	uint32_t v;

	fk_add_device(A, 7, "vfio-pci");
	for (unsigned i = 0; i < N_OF(cases); i++) {
		fk.n_areas = cases[i].n;
		memcpy(fk.areas, cases[i].areas, sizeof(cases[i].areas));
		dev = must_open(A);
		assert_int_equal(vireo_device_region(dev, VIREO_REGION_BAR0, &info), 0);
		assert_int_equal(info.n_areas, cases[i].expected);
		assert_int_equal((info.flags & VIREO_REGION_MMAP) != 0, cases[i].expected > 0);
		assert_true(info.msix_mappable);
		for (unsigned j = 1; j < info.n_areas; j++)
			assert_true(info.areas[j].offset >= info.areas[j - 1].offset + info.areas[j - 1].size);
		/* Mapped or not, it can be read. */
		assert_int_equal(vireo_device_read(dev, VIREO_REGION_BAR0, 0x7ffc, &v, 4), 0);
		vireo_device_close(dev);
	}
}

static void vfio_irq_ranges_grow_without_losing_any(void **state)
{
	struct fk_device *d = fk_add_device(A, 7, "vfio-pci");
	struct fk_irq *irq = &d->irqs[VFIO_PCI_MSIX_IRQ_INDEX];
	struct vireo_device *dev;
	int fds[4];
	uint64_t count;

	for (unsigned i = 0; i < 4; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
	for (unsigned resizable = 0; resizable < 2; resizable++) {
		fk.noresize = !resizable;
		dev = must_open(A);
		assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 0, 2, fds), 0);
		assert_int_equal(irq->n, 2);
		assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 4, 2, fds + 2), 0);
		assert_int_equal(irq->n, 6);
		assert_int_equal(irq->fds[0], fds[0]);
		assert_int_equal(irq->fds[1], fds[1]);
		assert_int_equal(irq->fds[2], -1);
		assert_int_equal(irq->fds[5], fds[3]);
		/* What may have come while all were off is told; new ones are silent. */
		assert_int_equal(read(fds[0], &count, 8) == 8, !resizable);
		assert_int_equal(read(fds[2], &count, 8), -1);
		/* Inside what is allocated nothing moves. */
		read(fds[1], &count, 8);
		assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 2, 1, fds), 0);
		assert_int_equal(read(fds[1], &count, 8), -1);
		assert_int_equal(vireo_device_irq_disable(dev, VIREO_IRQ_MSIX), 0);
		assert_int_equal(irq->n, 0);
		/* Forgotten: nothing old comes back. */
		assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 5, 1, fds), 0);
		assert_int_equal(irq->fds[0], -1);
		assert_int_equal(irq->fds[5], fds[0]);
		vireo_device_close(dev);
		assert_int_equal(irq->n, 0);
	}
	for (unsigned i = 0; i < 4; i++)
		close(fds[i]);
}

static void vfio_irq_too_few_vectors_is_enospc(void **state)
{
	struct fk_device *d = fk_add_device(A, 7, "vfio-pci");
	struct fk_irq *irq = &d->irqs[VFIO_PCI_MSIX_IRQ_INDEX];
	struct vireo_device *dev = must_open(A);
	int fds[8];

	for (unsigned i = 0; i < 8; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
	fk.n_vectors = 4;
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 0, 8, fds), -ENOSPC);
	assert_sentence("4 interrupt vectors left for it, 8 are needed");
	assert_int_equal(irq->n, 0);
	/* What was on stays on when there is no room for more. */
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 0, 3, fds), 0);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 3, 5, fds + 3), -ENOSPC);
	assert_int_equal(irq->n, 3);
	assert_int_equal(irq->fds[2], fds[2]);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 3, 1, fds + 3), 0);
	assert_int_equal(irq->fds[0], fds[0]);
	assert_int_equal(irq->fds[3], fds[3]);
	vireo_device_close(dev);
	for (unsigned i = 0; i < 8; i++)
		close(fds[i]);
}

static void vfio_irq_actions_reach_the_kernel(void **state)
{
	struct fk_device *d = fk_add_device(A, 7, "vfio-pci");
	struct fk_irq *irq = &d->irqs[VFIO_PCI_INTX_IRQ_INDEX];
	struct vireo_device *dev = must_open(A);
	int fd = eventfd(0, EFD_NONBLOCK), none = -1, file = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct vireo_irq_info info;
	uint64_t count;

	assert_int_equal(vireo_device_irq(dev, VIREO_IRQ_INTX, &info), 0);
	assert_true(info.count == 1 && info.maskable && info.automasked);
	assert_int_equal(vireo_device_irq(dev, VIREO_IRQ_MSIX, &info), 0);
	assert_true(info.count == FK_MAX_VECTORS && !info.maskable && !info.resizable);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_INTX, 0, 1, &file), -EINVAL);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_INTX, 0, 1, &fd), 0);
	assert_int_equal(vireo_device_irq_trigger(dev, VIREO_IRQ_INTX, 0, 1), 0);
	assert_int_equal(read(fd, &count, 8), 8);
	assert_int_equal(vireo_device_irq_mask(dev, VIREO_IRQ_INTX, 0, 1), 0);
	assert_true(irq->masked);
	assert_int_equal(vireo_device_irq_unmask(dev, VIREO_IRQ_INTX, 0, 1), 0);
	assert_false(irq->masked);
	assert_int_equal(vireo_device_irq_unmask_fd(dev, fd), 0);
	assert_int_equal(irq->unmask_fd, fd);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_ERROR, 0, 1, &fd), 0);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_ERROR, 0, 1, &none), 0);
	assert_int_equal(d->irqs[VFIO_PCI_ERR_IRQ_INDEX].fds[0], -1);
	vireo_device_close(dev);
	close(fd);
	close(file);
}

static void vfio_hot_reset_proves_ownership_of_all_groups(void **state)
{
	struct vireo_device *a, *b, *c;

	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(B, 7, "vfio-pci");
	fk_add_device(C, 8, "vfio-pci");
	fk.n_dependent = 3;
	fk.dependent[0] = (struct vfio_pci_dependent_device){.group_id = 7, .bus = 3, .devfn = 0};
	fk.dependent[1] = (struct vfio_pci_dependent_device){.group_id = 7, .bus = 3, .devfn = 1};
	fk.dependent[2] = (struct vfio_pci_dependent_device){.group_id = 8, .bus = 4, .devfn = 0};
	a = must_open(A);
	b = must_open(B);
	assert_int_equal(vireo_device_hot_reset(a), -EPERM);
	assert_sentence("0000:04:00.0");
	assert_null(strstr(vireo_last_error(), "0000:03:00.1"));
	assert_int_equal(fk.n_hot_resets, 0);
	c = must_open(C);
	assert_int_equal(vireo_device_hot_reset(a), 0);
	assert_int_equal(fk.n_hot_resets, 1);
	/* One descriptor for each group. */
	assert_int_equal(fk.n_hot_reset_fds, 2);
	assert_int_not_equal(fk.hot_reset_fds[0], fk.hot_reset_fds[1]);
	vireo_device_close(b);
	vireo_device_close(a);
	vireo_device_close(c);
}

static int lie_about_reset(int fd, unsigned long request, void *arg)
{
	if (request != VFIO_DEVICE_GET_PCI_HOT_RESET_INFO)
		return 1000;
	((struct vfio_pci_hot_reset_info *)arg)->count = lie_nr;
	errno = (int)lie_next;
	return lie_next ? -1 : 0;
}

static void vfio_hot_reset_nonsense_ends(void **state)
{
	static const struct {
		uint32_t count;
		int err, expected;
	} cases[] = {
		{UINT32_MAX, ENOSPC, -EIO}, {0, ENOSPC, -EIO},	      {5, 0, -EIO},
		{0, ENODEV, -EOPNOTSUPP},   {0, ENOTTY, -EOPNOTSUPP},
	};
	struct vireo_device *dev;

	fk_add_device(A, 7, "vfio-pci");
	dev = must_open(A);
	fk.hook = lie_about_reset;
	for (unsigned i = 0; i < N_OF(cases); i++) {
		lie_nr = cases[i].count;
		lie_next = (uint32_t)cases[i].err;
		assert_int_equal(vireo_device_hot_reset(dev), cases[i].expected);
	}
	fk.hook = NULL;
	vireo_device_close(dev);
}

static void vfio_open_fd_tells_wrong_descriptors(void **state)
{
	struct vireo_device *dev = NULL;
	int event = eventfd(0, 0);

	assert_int_equal(vireo_device_open_fd(event, event, &dev), -EINVAL);
	assert_int_equal(vireo_device_open_fd(-1, -1, &dev), -EINVAL);
	assert_sentence("no VFIO device");
	assert_null(dev);
	close(event);
}

/* Descriptors as another program would have opened them. */
static void open_raw(const char *address, int group, int container, int *ret_group, int *ret_device)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/dev/vfio/%d", fk.root, group);
	*ret_group = vfio_sys->open(path, O_RDWR | O_CLOEXEC);
	assert_true(*ret_group >= 0);
	assert_int_equal(vfio_sys->ioctl(*ret_group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	vfio_sys->ioctl(container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	*ret_device = vfio_sys->ioctl(*ret_group, VFIO_GROUP_GET_DEVICE_FD, (void *)(uintptr_t)address);
	assert_true(*ret_device >= 0);
}

static int open_raw_container(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/dev/vfio/vfio", fk.root);
	return vfio_sys->open(path, O_RDWR | O_CLOEXEC);
}

static void vfio_open_fd_shares_a_container(void **state)
{
	struct vireo_device *a, *c, *none = NULL;
	struct vireo_device_info info;
	int container, groups[2], devices[2];
	char name[16];
	void *mem;

	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(C, 8, "vfio-pci");
	container = open_raw_container();
	open_raw(A, 7, container, &groups[0], &devices[0]);
	open_raw(C, 8, container, &groups[1], &devices[1]);
	assert_int_equal(vireo_memory_alloc(4096, 64, 0, &mem), 0);

	assert_int_equal(vireo_device_open_fd(container, devices[0], &none), -EINVAL);
	assert_int_equal(vireo_device_open_fd(devices[0], devices[0], &none), -EINVAL);
	assert_int_equal(vireo_device_open_fd(devices[0], groups[0], &none), -EINVAL);
	assert_int_equal(vireo_device_open_fd(devices[0], container, &a), 0);
	assert_int_equal(fk.containers[0].n_maps, 1);
	assert_int_equal(vireo_device_open_fd(devices[1], container, &c), 0);
	assert_int_equal(fk.containers[0].n_maps, 1);
	vireo_device_info(a, &info);
	snprintf(name, sizeof(name), "fd:%d", devices[0]);
	assert_string_equal(info.address, name);
	assert_int_equal(info.group, -1);
	assert_int_equal(vireo_device_hot_reset(a), -EOPNOTSUPP);
	vireo_device_close(a);
	assert_int_equal(fk.containers[0].n_maps, 1);
	vireo_device_close(c);
	assert_int_equal(fk.containers[0].n_maps, 0);
	/* The caller's descriptors stay open. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(close(devices[i]), 0);
		assert_int_equal(close(groups[i]), 0);
	}
	assert_int_equal(close(container), 0);
	vireo_memory_free(mem);
}

static void vfio_unmap_that_did_nothing_is_no_success(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct vireo_device *dev;
	void *mem = aligned_alloc(page, page);
	vireo_iova_t iova;

	fk_add_device(A, 7, "vfio-pci");
	dev = must_open(A);
	assert_int_equal(vireo_device_dma_map(dev, mem, page, VIREO_DMA_READ, &iova), 0);
	fk.ignore_unmap = true;
	vireo_device_dma_unmap(dev, iova, page);
	assert_sentence("were unmapped");
	fk.ignore_unmap = false;
	vireo_device_close(dev);
	free(mem);
}

/* Each system call of a life fails once: what was open is closed, what was mapped is unmapped. */
static void vfio_nth_call_failure_leaks_nothing(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	void *mem;
	bool survived = false;
	unsigned n;

	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(C, 8, "vfio-pci");
	assert_int_equal(vireo_memory_alloc(4096, 64, 0, &mem), 0);
	for (n = 0; n < 500 && !survived; n++) {
		struct vireo_device *a = NULL, *c = NULL;

		fk.fail_nth = n + 1;
		if (!vireo_device_open(A, &a) && !vireo_device_open(C, &c)) {
			vireo_device_irq_enable(a, VIREO_IRQ_MSIX, 0, 1, &fd);
			vireo_device_irq_enable(a, VIREO_IRQ_MSIX, 1, 1, &fd);
		} else {
			assert_true(strlen(vireo_last_error()) > 10);
		}
		/* Closing calls that fail leave what they should have undone, which is not ours to mend. */
		survived = fk.fail_nth > 0;
		fk.fail_nth = 0;
		vireo_device_close(a);
		vireo_device_close(c);
		assert_int_equal(fk_open_containers(), 0);
		assert_false(fk_is_open(&fk_group(7)->object));
		assert_false(fk_is_open(&fk_group(8)->object));
	}
	assert_in_range(n, 40, 499);
	vireo_memory_free(mem);
	close(fd);
}

static void *open_and_close(void *arg)
{
	for (unsigned i = 0; i < 50; i++) {
		struct vireo_device *dev;

		if (vireo_device_open(arg, &dev))
			return arg;
		vireo_device_close(dev);
	}
	return NULL;
}

static void vfio_open_close_from_several_threads(void **state)
{
	static char names[4][16] = {A, B, C, D};
	pthread_t threads[4];
	void *failed;

	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(B, 7, "vfio-pci");
	fk_add_device(C, 8, "vfio-pci");
	fk_add_device(D, 8, "vfio-pci");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, names[i]), 0);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fk_setup, fk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vfio_open_working_machine_fills_in_everything),
		TEST(vfio_open_descriptors_close_on_exec),
		TEST(vfio_close_every_order_leaks_nothing),
		TEST(vfio_open_twice_is_ebusy),
		TEST(vfio_container_option_separates_and_joins),
		TEST(vfio_kvfio_device_is_found_under_its_own_name),
		TEST(vfio_incompatible_group_gets_its_own_container),
		TEST(vfio_join_that_takes_the_window_gets_its_own_container),
		TEST(vfio_type1_v1_will_do),
		TEST(vfio_ranges_absent_are_assumed),
		TEST(vfio_iommu_info_nonsense_is_refused),
		TEST(vfio_sparse_areas_are_sorted_and_checked),
		TEST(vfio_irq_ranges_grow_without_losing_any),
		TEST(vfio_irq_too_few_vectors_is_enospc),
		TEST(vfio_irq_actions_reach_the_kernel),
		TEST(vfio_hot_reset_proves_ownership_of_all_groups),
		TEST(vfio_hot_reset_nonsense_ends),
		TEST(vfio_open_fd_tells_wrong_descriptors),
		TEST(vfio_open_fd_shares_a_container),
		TEST(vfio_unmap_that_did_nothing_is_no_success),
		TEST(vfio_nth_call_failure_leaks_nothing),
		TEST(vfio_open_close_from_several_threads),
	};

	return cmocka_run_group_tests_name("vfio", tests, NULL, NULL);
}
