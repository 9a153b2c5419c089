// SPDX-License-Identifier: BSD-2-Clause
/*
 * One whole life of a device with a user: open, map, registers, interrupts of each kind, reset, close. Any step may fail,
 * for want of memory; then what depends on it is left out, and at the end everything must have been given back.
 *
 *	cycle NODE_DIRECTORY GROUP DEVICE [N [COUNT]]
 *
 * N: the N-th allocation of this process fails, on kernels with fault injection of their own. COUNT: once more for each of as
 * many, a process for each. Ends with 0 when all went well, 1 when memory was short somewhere and nothing else was wrong, 3 as 0
 * or 1 but there was no N-th allocation, 4 when nobody can claim the group any more: the kernel had no memory to put it back into
 * a domain of its own when its last owner let it go, and tells that to its next one.
 */

#define _GNU_SOURCE
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "vfio.h"

#define K 0x1000UL
#define M (1UL << 20)
#define BASE 0x10000000UL

enum {
	EXIT_ALL_WELL,
	EXIT_WAS_SHORT,
	EXIT_BROKEN,
	EXIT_NO_NTH,
	EXIT_GROUP_LOST,
};

static int n_short;
static bool group_lost;

/* What a step may say when there is no memory. -ENODEV and -EBUSY: an allocation of the kernel's own, below. */
static bool worked(const char *step, long ret)
{
	static const int expected[] = { ENOMEM, EFAULT, EMFILE, ENODEV, EIO, EINVAL, ENOSPC, EBUSY, ENFILE, EAGAIN };

	if (ret >= 0)
		return true;
	n_short++;
	tap_note("%s = %s", step, tap_value(ret));
	for (unsigned int i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (ret == -expected[i])
			return false;
	tap_is(step, ret, -ENOMEM);
	return false;
}

static long set_irqs(int device, uint32_t index, uint32_t flags, uint32_t n, const int *fds)
{
	char bytes[sizeof(struct vfio_irq_set) + 4 * sizeof(int)] = { 0 };
	struct vfio_irq_set *set = (void *)bytes;

	set->argsz = sizeof(*set) + n * sizeof(int);
	set->flags = flags;
	set->index = index;
	set->count = n;
	if (fds)
		memcpy(set->data, fds, n * sizeof(int));
	return io(device, VFIO_DEVICE_SET_IRQS, set);
}

/* -ENOTTY: the device of software cannot. */
static void unmask_by_fd(int device, int fd)
{
	const uint32_t flags = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD;
	long ret = set_irqs(device, VFIO_PCI_INTX_IRQ_INDEX, flags, 1, &fd);

	worked("irq_unmask_fd", ret == -ENOTTY ? 0 : ret);
}

static void interrupts(int device, const int *fds)
{
	static const uint32_t kinds[] = {
		VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_ERR_IRQ_INDEX,
		VFIO_PCI_REQ_IRQ_INDEX,
	};
	const uint32_t eventfds = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
	const uint32_t none = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = kinds[i] };

		/* -EINVAL: the device has none of this kind. */
		if (io(device, VFIO_DEVICE_GET_IRQ_INFO, &info) || !info.count)
			continue;
		if (worked("irq_on", set_irqs(device, kinds[i], eventfds, info.count < 3 ? info.count : 3, fds))) {
			worked("irq_trigger", set_irqs(device, kinds[i], none, 1, NULL));
			if (kinds[i] == VFIO_PCI_INTX_IRQ_INDEX)
				unmask_by_fd(device, fds[3]);
		}
		worked("irq_off", set_irqs(device, kinds[i], none, 0, NULL));
	}
}

/* Registers are read, and mapped where they can be; a page that cannot be faulted in would kill us, so it is not touched. */
static void regions(int device)
{
	char bytes[256];

	for (uint32_t i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		struct vfio_region_info info = { .argsz = sizeof(info), .index = i };
		void *va;

		/* -EINVAL: there is no such region. */
		if (io(device, VFIO_DEVICE_GET_REGION_INFO, &info) || !info.size)
			continue;
		if (i == VFIO_PCI_CONFIG_REGION_INDEX)
			worked("config", sys(pread(device, bytes, 64, info.offset)));
		else if (i == VFIO_PCI_ROM_REGION_INDEX)
			worked("rom", sys(pread(device, bytes, sizeof(bytes), info.offset)));
		if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
			continue;
		worked("register", sys(pread(device, bytes, 4, info.offset)));
		va = mmap(NULL, K, PROT_READ, MAP_SHARED, device, info.offset);
		/* What stays mapped keeps the device open: once more, if it was this that had no memory. */
		if (worked("mmap", va == MAP_FAILED ? -errno : 0) && !worked("munmap", sys(munmap(va, K))))
			munmap(va, K);
	}
}

static void use(struct vfio *v, const struct vfio_names *names, char *pages)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	int fds[4];

	for (int i = 0; i < 4; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
	worked("info", io(v->container, VFIO_IOMMU_GET_INFO, &info));
	worked("map", vfio_map(v->container, pages, BASE, 16 * K, VFIO_RW));
	worked("map_large", vfio_map(v->container, pages, 2 * BASE, 4 * M, VFIO_RW));
	v->device = io(v->group, VFIO_GROUP_GET_DEVICE_FD, names->device);
	if (worked("device", v->device)) {
		struct vfio_device_info device_info = { .argsz = sizeof(device_info) };

		worked("device_info", io(v->device, VFIO_DEVICE_GET_INFO, &device_info));
		regions(v->device);
		interrupts(v->device, fds);
		if (device_info.flags & VFIO_DEVICE_FLAGS_RESET)
			worked("reset", io(v->device, VFIO_DEVICE_RESET, 0));
		worked("map_again", vfio_map(v->container, pages, 3 * BASE, K, VFIO_DMA_MAP_FLAG_READ));
	}
	worked("unmap", vfio_unmap(v->container, BASE, 16 * K));
	/* The rest is what close has to give back. */
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

static bool joined(int group, int container)
{
	long ret = io(group, VFIO_GROUP_SET_CONTAINER, &container);

	group_lost = ret == -EBUSY;
	return worked("set_container", ret);
}

static void cycle(const struct vfio_names *names, char *pages)
{
	struct vfio v = { -1, -1, -1 };

	v.container = vfio_open_container(names);
	v.group = vfio_open_group(names);
	if (worked("container", v.container) && worked("group", v.group) && joined(v.group, v.container) &&
	    worked("set_iommu", io(v.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)))
		use(&v, names, pages);
	vfio_close(&v);
}

/* Sets which allocation of this process fails; returns a file to be asked. To open it later would be an allocation itself. */
static int fail_nth(int nth)
{
	char text[16];
	int fd = open("/proc/self/fail-nth", O_RDWR), n = snprintf(text, sizeof(text), "%d", nth);

	if (fd < 0 || write(fd, text, n) != n) {
		perror("/proc/self/fail-nth");
		exit(EXIT_BROKEN);
	}
	return fd;
}

/* Whether it has not come to that allocation; from now on none fails. */
static bool none_failed(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0 || pwrite(fd, "0", 1, 0) != 1) {
		perror("/proc/self/fail-nth");
		exit(EXIT_BROKEN);
	}
	close(fd);
	return atoi(text) > 0;
}

/* Which exit code it is worth; NTH is 0 when none shall fail. */
static int life(const struct vfio_names *names, int nth)
{
	bool there_was_none = false;
	char *pages;
	int fd = -1;

	/* Large pages, so that it is batches of pages that fail and not each piece of scattered memory. */
	pages = mmap(NULL, 4 * M, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (pages == MAP_FAILED)
		pages = memory(4 * M);
	memset(pages, 1, 4 * M);
	if (nth)
		fd = fail_nth(nth);
	cycle(names, pages);
	if (nth)
		there_was_none = none_failed(fd);
	tap_is("locked", vfio_locked_kb(), 0);
	if (tap_failed)
		return EXIT_BROKEN;
	if (group_lost)
		return EXIT_GROUP_LOST;
	return there_was_none ? EXIT_NO_NTH : n_short ? EXIT_WAS_SHORT : EXIT_ALL_WELL;
}

static int lives(const struct vfio_names *names, int nth, int count)
{
	int code, status, worst = EXIT_ALL_WELL;

	for (; count--; nth++) {
		fflush(stdout);
		if (!fork())
			exit(life(names, nth));
		wait(&status);
		code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BROKEN;
		if (code > EXIT_WAS_SHORT) {
			tap_note("%s %d", code == EXIT_NO_NTH ? "there is no allocation" : "it was allocation", nth);
			return code;
		}
		worst = code > worst ? code : worst;
	}
	return worst;
}

int main(int argc, char **argv)
{
	struct vfio_names names;

	if (argc < 4) {
		fprintf(stderr, "usage: cycle NODE_DIRECTORY GROUP DEVICE [N [COUNT]]\n");
		return EXIT_BROKEN;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	if (argc > 5)
		return lives(&names, atoi(argv[4]), atoi(argv[5]));
	return life(&names, argc > 4 ? atoi(argv[4]) : 0);
}
