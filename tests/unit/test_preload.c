// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is preloaded, linked in front of the C library instead: this program is an ordinary VFIO program for a toy device
 * that a child serves. What it asserts is what <linux/vfio.h> promises and the kernel does.
 */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "paths.h"
#include "preload.h"
#include "toy_device.h"
#include "trap.h"

#define ADDRESS "0000:05:00.0"
#define PAGE	4096ull
#define IOVA	0x100000000ull

static char root[128];
static pid_t server;

/* -------- the world around -------- */

static void make_file(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "0x1234\n", 7), 7);
	close(fd);
}

/* The engine in a process of its own, as with "vireo-sim run"; it says when the socket is there. */
static void serve(void)
{
	struct sim_engine *engine;
	struct sim_card *card;
	char path[256];
	int ready[2];
	char byte;

	snprintf(path, sizeof(path), "%s/cards/" ADDRESS, root);
	assert_int_equal(pipe(ready), 0);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		preload_set_root("");
		if (sim_engine_create(&engine) || sim_engine_add(engine, &toy_create(NULL)->dev, path, -1, &card))
			_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
}

static int begin(void **state)
{
	snprintf(root, sizeof(root), "/tmp/test-preload-XXXXXX");
	assert_non_null(mkdtemp(root));
	make_file("/dev/vfio/vfio");
	make_file("/dev/vfio/7");
	make_file("/dev/vfio/8");
	make_file("/sys/bus/pci/devices/" ADDRESS "/vendor");
	make_file("/sys/kernel/iommu_groups/7/devices/" ADDRESS);
	make_file("/cards/x");
	preload_set_root(root);
	trap_install();
	serve();
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int end(void **state)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	preload_set_root("");
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* A container with an IOMMU and a group in it, and the device. */
struct rig {
	int container, group, device;
	uint8_t *bar;
};

static void rig_open(struct rig *r, unsigned long type)
{
	r->container = open("/dev/vfio/vfio", O_RDWR);
	r->group = open("/dev/vfio/7", O_RDWR);
	assert_true(r->container >= 0 && r->group >= 0);
	assert_int_equal(ioctl(r->group, VFIO_GROUP_SET_CONTAINER, &r->container), 0);
	assert_int_equal(ioctl(r->container, VFIO_SET_IOMMU, type), 0);
	r->device = ioctl(r->group, VFIO_GROUP_GET_DEVICE_FD, ADDRESS);
	assert_true(r->device >= 0);
	r->bar = mmap(NULL, TOY_BAR0_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, r->device, 0);
	assert_ptr_not_equal(r->bar, MAP_FAILED);
}

static void rig_close(struct rig *r)
{
	assert_int_equal(munmap(r->bar, TOY_BAR0_SIZE), 0);
	assert_int_equal(close(r->device), 0);
	assert_int_equal(close(r->group), 0);
	assert_int_equal(close(r->container), 0);
}

static int rig_setup(void **state)
{
	static struct rig r;

	rig_open(&r, VFIO_TYPE1v2_IOMMU);
	*state = &r;
	return 0;
}

static int rig_teardown(void **state)
{
	rig_close(*state);
	return 0;
}

/* A register through the mapped BAR: the access that traps. */
static volatile uint32_t *reg32(struct rig *r, unsigned offset)
{
	return (volatile uint32_t *)(r->bar + offset);
}

static volatile uint64_t *reg64(struct rig *r, unsigned offset)
{
	return (volatile uint64_t *)(r->bar + offset);
}

#define assert_fails(call, err)                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		assert_int_equal((long)(call), -1);                                                                    \
		assert_int_equal(errno, err);                                                                          \
	} while (0)

/* -------- paths -------- */

static const char *mapped(const char *path)
{
	static char buf[PATH_MAX];

	return paths_map(path, buf);
}

static void paths_map_of_vfio_and_sysfs_is_below_the_root(void **state)
{
	static const char *const ours[] = {
		"/dev/vfio",
		"/dev/vfio/vfio",
		"/dev/vfio/7",
		"/sys/bus/pci",
		"/sys/bus/pci/devices",
		"/sys/kernel/iommu_groups/7",
		"/sys/module/vfio",
		"/sys/module/vfio_pci/parameters",
		"/sys/devices/pci0000:00",
		"/dev/iommu",
	};
	static const char *const others[] = {"/dev/vfiox", "/dev", "/sys/module/vf", "/sys/bus/pcix", "dev/vfio",
					     "",	   "/"};
	char want[256];

	for (size_t i = 0; i < N_OF(ours); i++) {
		snprintf(want, sizeof(want), "%s%s", root, ours[i]);
		assert_string_equal(mapped(ours[i]), want);
	}
	for (size_t i = 0; i < N_OF(others); i++)
		assert_ptr_equal(mapped(others[i]), others[i]);
	assert_null(mapped(NULL));
	snprintf(want, sizeof(want), "%s/dev/vfio/7", root);
	assert_string_equal(mapped("//dev///vfio/./7"), want);
}

static void calls_with_paths_show_the_cards(void **state)
{
	char buf[PATH_MAX], text[16];
	struct dirent *entry;
	unsigned n = 0;
	struct stat st;
	FILE *f;
	DIR *d;

	assert_int_equal(access("/sys/bus/pci/devices/" ADDRESS, F_OK), 0);
	assert_int_equal(stat("/sys/bus/pci/devices", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	d = opendir("/sys/bus/pci/devices");
	assert_non_null(d);
	while ((entry = readdir(d)))
		n += !strcmp(entry->d_name, ADDRESS);
	closedir(d);
	assert_int_equal(n, 1);
	f = fopen("/sys/bus/pci/devices/" ADDRESS "/vendor", "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_string_equal(text, "0x1234\n");
	fclose(f);
	assert_non_null(realpath("/sys/bus/pci/devices/../devices", buf));
	assert_string_equal(buf, "/sys/bus/pci/devices");
	assert_fails(access("/sys/module/vfio", F_OK), ENOENT);
}

/* -------- containers and groups -------- */

static void open_of_nodes_knows_what_there_is(void **state)
{
	int container = open("/dev/vfio/vfio", O_RDWR),
	    group = (int)syscall(SYS_openat, AT_FDCWD, "/dev/vfio/7", O_RDWR), copy;

	assert_true(container >= 0 && group >= 0);
	assert_fails(open("/dev/vfio/9", O_RDWR), ENOENT);
	assert_fails(open("/dev/vfio/7", O_RDWR), EBUSY);
	copy = dup(group);
	assert_int_equal(close(group), 0);
	assert_fails(open("/dev/vfio/7", O_RDWR), EBUSY);
	assert_fails(ioctl(group, VFIO_GROUP_UNSET_CONTAINER), EBADF);
	assert_fails(ioctl(copy, VFIO_GROUP_UNSET_CONTAINER), EINVAL);
	/* Another file takes the place of the last copy. */
	assert_int_equal(dup2(STDERR_FILENO, copy), copy);
	group = open("/dev/vfio/7", O_RDWR);
	assert_true(group >= 0);
	assert_fails(ioctl(copy, VFIO_GROUP_UNSET_CONTAINER), ENOTTY);
	assert_int_equal(fcntl(group, F_DUPFD_CLOEXEC, 100), 100);
	assert_fails(ioctl(100, VFIO_GROUP_UNSET_CONTAINER), EINVAL);
	assert_int_equal(close_range(100, 200, 0), 0);
	close(copy);
	close(group);
	close(container);
}

static void container_answers_as_the_kernel(void **state)
{
	int c = open("/dev/vfio/vfio", O_RDWR), g = open("/dev/vfio/7", O_RDWR), g8 = open("/dev/vfio/8", O_RDWR),
	    bad = 1;
	struct vfio_group_status status = {.argsz = sizeof(status)};

	assert_int_equal(ioctl(c, VFIO_GET_API_VERSION), 0);
	assert_int_equal(ioctl(c, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU), 1);
	assert_int_equal(ioctl(c, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU), 1);
	assert_int_equal(ioctl(c, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 0);
	assert_fails(ioctl(c, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), EINVAL);
	assert_int_equal(ioctl(g, VFIO_GROUP_GET_STATUS, &status), 0);
	assert_int_equal(status.flags, VFIO_GROUP_FLAGS_VIABLE);
	assert_fails(ioctl(g, VFIO_GROUP_SET_CONTAINER, &bad), EINVAL);
	assert_fails(ioctl(g, VFIO_GROUP_SET_CONTAINER, NULL), EFAULT);
	assert_int_equal(ioctl(g, VFIO_GROUP_SET_CONTAINER, &c), 0);
	assert_fails(ioctl(g, VFIO_GROUP_SET_CONTAINER, &c), EINVAL);
	assert_int_equal(ioctl(g, VFIO_GROUP_GET_STATUS, &status), 0);
	assert_int_equal(status.flags, VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
	status.argsz = 4;
	assert_fails(ioctl(g, VFIO_GROUP_GET_STATUS, &status), EINVAL);
	/* Without an IOMMU there are no devices and no maps. */
	assert_fails(ioctl(g, VFIO_GROUP_GET_DEVICE_FD, ADDRESS), EINVAL);
	assert_fails(ioctl(c, VFIO_IOMMU_MAP_DMA, NULL), EINVAL);
	assert_fails(ioctl(c, VFIO_SET_IOMMU, VFIO_SPAPR_TCE_IOMMU), ENODEV);
	assert_int_equal(ioctl(c, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	assert_fails(ioctl(c, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), EINVAL);
	assert_fails(ioctl(g, VFIO_GROUP_GET_DEVICE_FD, "0000:05:00.1"), ENODEV);
	assert_fails(ioctl(g, VFIO_GROUP_GET_DEVICE_FD, "../../../x"), ENODEV);
	assert_int_equal(ioctl(g8, VFIO_GROUP_SET_CONTAINER, &c), 0);
	assert_fails(ioctl(g8, VFIO_GROUP_GET_DEVICE_FD, ADDRESS), ENODEV);
	assert_fails(ioctl(c, 0x3bff, NULL), ENOTTY);
	assert_fails(ioctl(g, 0x3bff, NULL), ENOTTY);
	/* The IOMMU goes with the last group. */
	assert_int_equal(ioctl(g, VFIO_GROUP_UNSET_CONTAINER), 0);
	assert_fails(ioctl(c, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), EINVAL);
	assert_int_equal(ioctl(g8, VFIO_GROUP_UNSET_CONTAINER), 0);
	assert_int_equal(ioctl(g, VFIO_GROUP_SET_CONTAINER, &c), 0);
	assert_int_equal(ioctl(c, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	close(g8);
	close(g);
	close(c);
}

static void group_with_open_device_stays_in_its_container(void **state)
{
	struct rig *r = *state;
	int second = ioctl(r->group, VFIO_GROUP_GET_DEVICE_FD, ADDRESS);

	assert_true(second >= 0);
	assert_fails(ioctl(r->group, VFIO_GROUP_UNSET_CONTAINER), EBUSY);
	/* Any order of closing; the device goes on working. */
	close(r->container);
	close(r->group);
	close(r->device);
	assert_int_equal(*reg32(r, TOY_REG_ID), TOY_ID);
	close(second);
	assert_int_equal(*reg32(r, TOY_REG_ID), 0xffffffff);
	munmap(r->bar, TOY_BAR0_SIZE);
	rig_open(r, VFIO_TYPE1_IOMMU);
	assert_int_equal(*reg32(r, TOY_REG_ID), TOY_ID);
}

static void iommu_info_tells_the_valid_ranges(void **state)
{
	struct rig *r = *state;
	struct {
		struct vfio_iommu_type1_info info;
		uint8_t caps[512];
	} got = {.info.argsz = sizeof(got.info)};
	struct vfio_iommu_type1_info_cap_iova_range *ranges;

	assert_int_equal(ioctl(r->container, VFIO_IOMMU_GET_INFO, &got), 0);
	assert_true(got.info.flags & VFIO_IOMMU_INFO_PGSIZES && got.info.flags & VFIO_IOMMU_INFO_CAPS);
	assert_true(got.info.iova_pgsizes & PAGE);
	assert_true(got.info.argsz > sizeof(got.info));
	assert_int_equal(got.info.cap_offset, 0);
	got.info.argsz = sizeof(got);
	assert_int_equal(ioctl(r->container, VFIO_IOMMU_GET_INFO, &got), 0);
	ranges = (void *)((uint8_t *)&got + got.info.cap_offset);
	assert_int_equal(ranges->header.id, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	assert_int_equal(ranges->nr_iovas, 2);
	assert_int_equal(ranges->iova_ranges[1].end, (1ull << 48) - 1);
	got.info.argsz = 8;
	assert_fails(ioctl(r->container, VFIO_IOMMU_GET_INFO, &got), EINVAL);
}

/* -------- DMA -------- */

static int map(struct rig *r, uint64_t iova, void *va, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map ask = {
		.argsz = sizeof(ask), .flags = flags, .vaddr = (uintptr_t)va, .iova = iova, .size = size};

	return ioctl(r->container, VFIO_IOMMU_MAP_DMA, &ask);
}

/* The size that was unmapped, or -1. */
static int64_t unmap(struct rig *r, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap ask = {.argsz = sizeof(ask), .flags = flags, .iova = iova, .size = size};

	return ioctl(r->container, VFIO_IOMMU_UNMAP_DMA, &ask) ? -1 : (int64_t)ask.size;
}

#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* The card adds up what it reads there; all ones: refused. */
static uint64_t card_sum(struct rig *r, uint64_t iova, uint64_t len)
{
	*reg64(r, TOY_REG_IOVA) = iova;
	*reg64(r, TOY_REG_LEN) = len;
	*reg32(r, TOY_REG_SUM) = 0;
	return *reg64(r, TOY_REG_SUM);
}

/* The card writes there; false: refused. */
static bool card_fill(struct rig *r, uint64_t iova, uint64_t len, uint8_t value)
{
	*reg64(r, TOY_REG_IOVA) = iova;
	*reg64(r, TOY_REG_LEN) = len;
	*reg32(r, TOY_REG_FILL) = value;
	return *reg64(r, TOY_REG_SUM) != UINT64_MAX;
}

static uint8_t static_memory[4 * 4096] __attribute__((aligned(4096)));

static void dma_reaches(struct rig *r, uint8_t *va, size_t size, const char *what)
{
	memset(va, 3, size);
	if (map(r, IOVA, va, size, RW))
		fail_msg("%s: map: %s", what, strerror(errno));
	if (va[size - 1] != 3)
		fail_msg("%s: the contents are lost", what);
	if (card_sum(r, IOVA, size) != 3 * size)
		fail_msg("%s: the card reads something else", what);
	va[17] = 100;
	if (card_sum(r, IOVA, PAGE) != 3 * PAGE + 97)
		fail_msg("%s: what is written later is not seen", what);
	if (!card_fill(r, IOVA + size - PAGE, PAGE, 9) || va[size - 1] != 9)
		fail_msg("%s: what the card writes does not arrive", what);
	if (unmap(r, IOVA, size, 0) != (int64_t)size || card_sum(r, IOVA, PAGE) != UINT64_MAX)
		fail_msg("%s: still reached after the unmap", what);
}

static void dma_reaches_memory_of_every_kind(void **state)
{
	struct rig *r = *state;
	int fd = memfd_create("test", 0), prot = PROT_READ | PROT_WRITE;
	uint8_t *va;

	va = mmap(NULL, 8 * PAGE, prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	dma_reaches(r, va, 8 * PAGE, "anonymous shared");
	munmap(va, 8 * PAGE);
	va = mmap(NULL, 8 * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	dma_reaches(r, va, 8 * PAGE, "anonymous private");
	dma_reaches(r, va, 8 * PAGE, "anonymous private once more");
	munmap(va, 8 * PAGE);
	assert_int_equal(ftruncate(fd, 16 * PAGE), 0);
	va = (void *)syscall(SYS_mmap, NULL, 16 * PAGE, prot, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(va, MAP_FAILED);
	close(fd);
	dma_reaches(r, va + 4 * PAGE, 8 * PAGE, "a file that is closed, from its middle");
	/* Half of it becomes something else. */
	assert_ptr_equal(mmap(va + 8 * PAGE, 4 * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 va + 8 * PAGE);
	dma_reaches(r, va + 6 * PAGE, 2 * PAGE, "before the hole");
	dma_reaches(r, va + 8 * PAGE, 4 * PAGE, "in the hole");
	dma_reaches(r, va + 12 * PAGE, 4 * PAGE, "behind the hole");
	/* In three files, which the card sees as one piece. */
	dma_reaches(r, va, 16 * PAGE, "file, anonymous, file");
	va = mremap(va, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	assert_ptr_not_equal(va, MAP_FAILED);
	dma_reaches(r, va, 4 * PAGE, "moved");
	munmap(va, 8 * PAGE);
	dma_reaches(r, static_memory, sizeof(static_memory), "static");
	assert_int_equal(posix_memalign((void **)&va, PAGE, 4 * PAGE), 0);
	dma_reaches(r, va, 4 * PAGE, "malloc");
	free(va);
}

static void map_that_makes_no_sense_is_refused(void **state)
{
	struct rig *r = *state;
	uint8_t *va = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vfio_iommu_type1_dma_map small = {.argsz = sizeof(small) - 1};
	uint8_t *constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_fails(ioctl(r->container, VFIO_IOMMU_MAP_DMA, &small), EINVAL);
	assert_fails(ioctl(r->container, VFIO_IOMMU_MAP_DMA, (void *)1), EFAULT);
	assert_fails(map(r, IOVA, va, PAGE, 0), EINVAL);
	assert_fails(map(r, IOVA, va, PAGE, RW | 0x80), EINVAL);
	assert_fails(map(r, IOVA, va, 0, RW), EINVAL);
	assert_fails(map(r, IOVA, va, 100, RW), EINVAL);
	assert_fails(map(r, IOVA + 1, va, PAGE, RW), EINVAL);
	assert_fails(map(r, IOVA, va + 1, PAGE, RW), EINVAL);
	assert_fails(map(r, -PAGE, va, 2 * PAGE, RW), EINVAL);
	assert_fails(map(r, 0xfee00000, va, PAGE, RW), EINVAL);
	assert_fails(map(r, 1ull << 48, va, PAGE, RW), EINVAL);
	assert_fails(map(r, IOVA, (void *)(uintptr_t)-PAGE, PAGE, RW), EFAULT);
	assert_fails(map(r, IOVA, constant, PAGE, RW), EFAULT);
	assert_fails(map(r, IOVA, r->bar, PAGE, RW), EFAULT);
	assert_int_equal(map(r, IOVA, constant, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	assert_int_equal(card_sum(r, IOVA, PAGE), 0);
	assert_false(card_fill(r, IOVA, PAGE, 1));
	assert_int_equal(unmap(r, IOVA, PAGE, 0), PAGE);
	assert_int_equal(map(r, IOVA, va, 4 * PAGE, RW), 0);
	assert_fails(map(r, IOVA + 3 * PAGE, va, 4 * PAGE, RW), EEXIST);
	assert_fails(map(r, IOVA - PAGE, va, 8 * PAGE, RW), EEXIST);
	assert_int_equal(unmap(r, IOVA, 4 * PAGE, 0), 4 * PAGE);
	munmap(va, 8 * PAGE);
	munmap(constant, PAGE);
}

static void unmap_of_version_2_cuts_no_map(void **state)
{
	struct rig *r = *state;
	uint8_t *va = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_int_equal(map(r, IOVA, va, 4 * PAGE, RW), 0);
	assert_int_equal(map(r, IOVA + 8 * PAGE, va, 4 * PAGE, RW), 0);
	assert_fails(unmap(r, IOVA + PAGE, PAGE, 0), EINVAL);
	assert_fails(unmap(r, IOVA, 2 * PAGE, 0), EINVAL);
	assert_fails(unmap(r, IOVA, 9 * PAGE, 0), EINVAL);
	assert_fails(unmap(r, IOVA, 0, 0), EINVAL);
	assert_fails(unmap(r, IOVA + 1, PAGE, 0), EINVAL);
	assert_fails(unmap(r, IOVA, PAGE, 0x40), EINVAL);
	assert_int_equal(unmap(r, IOVA + 4 * PAGE, 4 * PAGE, 0), 0);
	assert_int_equal(unmap(r, IOVA, 12 * PAGE, 0), 8 * PAGE);
	assert_int_equal(card_sum(r, IOVA, PAGE), UINT64_MAX);
	assert_int_equal(map(r, IOVA, va, 4 * PAGE, RW), 0);
	assert_fails(unmap(r, IOVA, PAGE, VFIO_DMA_UNMAP_FLAG_ALL), EINVAL);
	assert_int_equal(unmap(r, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 4 * PAGE);
	munmap(va, 8 * PAGE);
}

static void unmap_of_version_1_takes_what_begins_inside(void **state)
{
	uint8_t *va = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rig r;

	rig_open(&r, VFIO_TYPE1_IOMMU);
	assert_int_equal(map(&r, IOVA, va, 4 * PAGE, RW), 0);
	assert_int_equal(unmap(&r, IOVA + PAGE, PAGE, 0), 0);
	assert_int_equal(card_sum(&r, IOVA, PAGE), 0);
	assert_int_equal(unmap(&r, IOVA, PAGE, 0), 4 * PAGE);
	assert_int_equal(card_sum(&r, IOVA, PAGE), UINT64_MAX);
	rig_close(&r);
	munmap(va, 8 * PAGE);
}

/* What was mapped before the device was opened is there for it as well. */
static void map_before_the_device_reaches_it(void **state)
{
	struct rig r;
	uint8_t *va = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(va, 1, PAGE);
	r.container = open("/dev/vfio/vfio", O_RDWR);
	r.group = open("/dev/vfio/7", O_RDWR);
	assert_int_equal(ioctl(r.group, VFIO_GROUP_SET_CONTAINER, &r.container), 0);
	assert_int_equal(ioctl(r.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	assert_int_equal(map(&r, IOVA, va, PAGE, RW), 0);
	/* The program may give up its own map: the card keeps the memory. */
	munmap(va, PAGE);
	r.device = ioctl(r.group, VFIO_GROUP_GET_DEVICE_FD, ADDRESS);
	assert_true(r.device >= 0);
	r.bar = mmap(NULL, TOY_BAR0_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, r.device, 0);
	assert_int_equal(card_sum(&r, IOVA, PAGE), PAGE);
	rig_close(&r);
}

/* -------- the device -------- */

static void device_info_tells_regions_and_interrupts(void **state)
{
	struct rig *r = *state;
	struct vfio_device_info info = {.argsz = sizeof(info)};
	struct vfio_region_info region = {.argsz = sizeof(region)};
	struct vfio_irq_info irq = {.argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX};

	assert_int_equal(ioctl(r->device, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, VFIO_PCI_NUM_REGIONS);
	assert_int_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
	info.argsz = 8;
	assert_fails(ioctl(r->device, VFIO_DEVICE_GET_INFO, &info), EINVAL);
	assert_int_equal(ioctl(r->device, VFIO_DEVICE_GET_REGION_INFO, &region), 0);
	assert_int_equal(region.size, TOY_BAR0_SIZE);
	assert_int_equal(region.flags,
			 VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP);
	region.index = VFIO_PCI_CONFIG_REGION_INDEX;
	assert_int_equal(ioctl(r->device, VFIO_DEVICE_GET_REGION_INFO, &region), 0);
	assert_int_equal(region.offset, 7ull << 40);
	assert_false(region.flags & VFIO_REGION_INFO_FLAG_MMAP);
	region.index = VFIO_PCI_BAR3_REGION_INDEX;
	assert_int_equal(ioctl(r->device, VFIO_DEVICE_GET_REGION_INFO, &region), 0);
	assert_int_equal(region.size, 0);
	region.index = VFIO_PCI_NUM_REGIONS;
	assert_fails(ioctl(r->device, VFIO_DEVICE_GET_REGION_INFO, &region), EINVAL);
	assert_int_equal(ioctl(r->device, VFIO_DEVICE_GET_IRQ_INFO, &irq), 0);
	assert_int_equal(irq.count, TOY_VECTORS);
	irq.index = VFIO_PCI_REQ_IRQ_INDEX;
	assert_int_equal(ioctl(r->device, VFIO_DEVICE_GET_IRQ_INFO, &irq), 0);
	assert_int_equal(irq.count, 1);
	irq.index = VFIO_PCI_NUM_IRQS;
	assert_fails(ioctl(r->device, VFIO_DEVICE_GET_IRQ_INFO, &irq), EINVAL);
	assert_fails(ioctl(r->device, VFIO_DEVICE_FEATURE, &irq), ENOTTY);
}

static void read_and_write_at_offsets_reach_regions(void **state)
{
	struct rig *r = *state;
	const off_t config = 7ll << 40;
	void *volatile nowhere = (void *)1;
	uint8_t bytes[300];
	uint16_t command;
	uint64_t value = 0x1122334455667788;

	assert_int_equal(pread(r->device, bytes, 4, config), 4);
	assert_memory_equal(bytes, "\x34\x12\xf0\x70", 4);
	assert_int_equal(pread(r->device, bytes, 300, config), 256);
	assert_int_equal(pread(r->device, &command, 2, config + 4), 2);
	assert_int_equal(command, 2); /* memory on, as the kernel hands it out */
	command = 6;
	assert_int_equal(pwrite(r->device, &command, 2, config + 4), 2);
	command = 0;
	assert_int_equal(pread64(r->device, &command, 2, config + 4), 2);
	assert_int_equal(command, 6);
	assert_int_equal(pwrite(r->device, &value, 8, TOY_REG_SCRATCH), 8);
	assert_int_equal(*reg64(r, TOY_REG_SCRATCH), value);
	assert_int_equal(pread(r->device, bytes, 3, TOY_REG_SCRATCH + 1), 3);
	assert_memory_equal(bytes, "\x77\x66\x55", 3);
	assert_int_equal(pread(r->device, bytes, 100, TOY_BAR0_SIZE - 4), 4);
	assert_fails(pread(r->device, bytes, 1, TOY_BAR0_SIZE), EINVAL);
	assert_fails(pread(r->device, bytes, 1, 9ll << 40), EINVAL);
	assert_fails(pread(r->device, bytes, 1, 3ll << 40), EINVAL);
	assert_fails(pread(r->device, bytes, 1, -1), EINVAL);
	assert_fails(pread(r->device, nowhere, 4, TOY_REG_SCRATCH), EFAULT);
	assert_fails(pread(r->device, bytes, 4, TOY_REG_BROKEN), EIO);
	assert_fails(pwrite(r->device, bytes, 4, 6ll << 40), EINVAL);
}

static sigjmp_buf jump;
static volatile sig_atomic_t n_signals;

static void jump_out(int sig)
{
	siglongjmp(jump, 1);
}

static void count(int sig, siginfo_t *info, void *context)
{
	n_signals++;
}

/* Whether the program's own handler gets what @access does. */
#define assert_signal(access)                                                                                          \
	do {                                                                                                           \
		sighandler_t before_ = signal(SIGSEGV, jump_out);                                                      \
		if (sigsetjmp(jump, 1) == 0) {                                                                         \
			access;                                                                                        \
			fail_msg("no signal: %s", #access);                                                            \
		}                                                                                                      \
		signal(SIGSEGV, before_);                                                                              \
	} while (0)

static void mapped_registers_trap(void **state)
{
	struct rig *r = *state;

	assert_int_equal(*reg32(r, TOY_REG_ID), TOY_ID);
	*reg32(r, TOY_REG_SCRATCH) = 0x12345678;
	assert_int_equal(*reg32(r, TOY_REG_SCRATCH), 0x12345678);
	assert_int_equal(*(volatile uint8_t *)(r->bar + TOY_REG_SCRATCH + 1), 0x56);
	assert_int_equal(*(volatile int16_t *)(r->bar + TOY_REG_SCRATCH + 2), 0x1234);
	*reg64(r, TOY_REG_SCRATCH) = 0xf000000000000001;
	assert_int_equal(*reg64(r, TOY_REG_SCRATCH), 0xf000000000000001);
	*reg32(r, TOY_REG_SCRATCH) |= 0x100;
	*reg32(r, TOY_REG_SCRATCH) += 1;
	assert_int_equal(*reg32(r, TOY_REG_SCRATCH), 0x102);
	assert_int_equal(__atomic_exchange_n(reg32(r, TOY_REG_SCRATCH), 7, __ATOMIC_SEQ_CST), 0x102);
	assert_int_equal(__atomic_fetch_add(reg32(r, TOY_REG_SCRATCH), 5, __ATOMIC_SEQ_CST), 7);
	assert_int_equal(*reg32(r, TOY_REG_SCRATCH), 12);
	/* A page that the card shares is memory; what the model has seen of it comes by message. */
	*reg32(r, TOY_BELL) = 77;
	assert_int_equal(*reg32(r, TOY_REG_HEARD), 77);
}

static void map_of_a_device_is_checked(void **state)
{
	struct rig *r = *state;
	uint8_t *va, *part;

	assert_ptr_equal(mmap(NULL, TOY_BAR0_SIZE, PROT_READ, MAP_PRIVATE, r->device, 0), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, TOY_BAR0_SIZE + PAGE, PROT_READ, MAP_SHARED, r->device, 0), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, r->device, TOY_BAR0_SIZE), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, r->device, 7ll << 40), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, r->device, 1ll << 40), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, r->container, 0), MAP_FAILED);
	/* Into a place that was kept free, as DPDK does; the second and third page of the BAR. */
	va = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	part = mmap(va + PAGE, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, r->device, PAGE);
	assert_ptr_equal(part, va + PAGE);
	*reg32(r, TOY_BELL) = 5;
	assert_int_equal(*(volatile uint32_t *)(part + TOY_BELL - PAGE), 5);
	assert_int_equal(*(volatile uint32_t *)part, 0);
	assert_signal(*(volatile uint32_t *)part = 1);
	assert_signal(*(volatile uint32_t *)va);
	assert_int_equal(mprotect(part, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
	*(volatile uint32_t *)part = 1;
	assert_int_equal(munmap(va, 4 * PAGE), 0);
	assert_signal(*(volatile uint32_t *)part);
}

static void foreign_signals_reach_their_owner(void **state)
{
	struct rig *r = *state;
	struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO}, before, now;
	volatile uint32_t *nothing = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigset_t all, old;

	sigfillset(&all);
	assert_signal(*nothing);
	assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
	assert_int_equal(sigaction(SIGSEGV, NULL, &now), 0);
	assert_ptr_equal(now.sa_sigaction, count);
	n_signals = 0;
	assert_int_equal(raise(SIGSEGV), 0);
	assert_int_equal(n_signals, 1);
	/* Registers stay reachable where all signals are blocked. */
	assert_int_equal(sigprocmask(SIG_SETMASK, &all, &old), 0);
	assert_int_equal(*reg32(r, TOY_REG_ID), TOY_ID);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
	assert_int_equal(n_signals, 1);
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	munmap((void *)(uintptr_t)nothing, PAGE);
}

/* A vector instruction is no access to a register: one sentence, and the signal. */
static void unknown_instruction_is_named(void **state)
{
	struct rig *r = *state;
	int said[2], saved = dup(STDERR_FILENO);
	char text[512] = "";

	assert_int_equal(pipe(said), 0);
	dup2(said[1], STDERR_FILENO);
	assert_signal(__asm__ volatile("movups (%0), %%xmm0" ::"r"(r->bar) : "xmm0", "memory"));
	dup2(saved, STDERR_FILENO);
	close(said[1]);
	assert_true(read(said[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, ADDRESS));
	assert_non_null(strstr(text, " 0f 10"));
	close(said[0]);
	close(saved);
}

struct irqs {
	struct vfio_irq_set set;
	int32_t fds[8];
};

static int set_irqs(struct rig *r, uint32_t flags, unsigned index, unsigned start, unsigned n, const int *fds)
{
	struct irqs ask = {.set = {.argsz = sizeof(ask), .flags = flags, .index = index, .start = start, .count = n}};

	if (fds)
		memcpy(ask.fds, fds, n * sizeof(int));
	return ioctl(r->device, VFIO_DEVICE_SET_IRQS, &ask);
}

#define EVENTS (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define OFF    (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)

static uint64_t heard(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t n = 0;

	if (poll(&p, 1, 0) == 1 && read(fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

static void interrupts_arrive_at_their_eventfds(void **state)
{
	struct rig *r = *state;
	int fds[3] = {eventfd(0, EFD_NONBLOCK), -1, eventfd(0, EFD_NONBLOCK)}, one = fds[0];
	const unsigned msix = VFIO_PCI_MSIX_IRQ_INDEX;

	assert_int_equal(set_irqs(r, EVENTS, msix, 0, 3, fds), 0);
	*reg32(r, TOY_REG_RAISE) = 2;
	*reg32(r, TOY_REG_RAISE) = 1;
	assert_int_equal(*reg32(r, TOY_REG_ID), TOY_ID);
	assert_int_equal(heard(fds[0]), 0);
	assert_int_equal(heard(fds[2]), 1);
	assert_int_equal(set_irqs(r, OFF, msix, 0, 0, NULL), 0);
	*reg32(r, TOY_REG_RAISE) = 2;
	assert_int_equal(*reg32(r, TOY_REG_ID), TOY_ID);
	assert_int_equal(heard(fds[2]), 0);
	assert_int_equal(set_irqs(r, EVENTS, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &one), 0);
	*reg32(r, TOY_REG_INTX) = 1;
	assert_int_equal(*reg32(r, TOY_REG_ID), TOY_ID);
	assert_int_equal(heard(one), 1);
	/* The kernel's own kinds are taken and never come. */
	assert_int_equal(set_irqs(r, EVENTS, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &one), 0);
	assert_int_equal(set_irqs(r, EVENTS, VFIO_PCI_ERR_IRQ_INDEX, 0, 1, &one), 0);
	close(fds[0]);
	close(fds[2]);
}

static void interrupts_that_make_no_sense_are_refused(void **state)
{
	struct rig *r = *state;
	int fds[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
	struct irqs ask = {.set = {.argsz = sizeof(ask.set), .flags = EVENTS, .index = 2, .count = 2}};
	const unsigned msix = VFIO_PCI_MSIX_IRQ_INDEX;

	assert_fails(set_irqs(r, EVENTS, msix, 0, TOY_VECTORS + 1, fds), EINVAL);
	assert_fails(set_irqs(r, EVENTS, msix, TOY_VECTORS, 1, fds), EINVAL);
	assert_fails(set_irqs(r, EVENTS, msix, 0xffffffff, 2, fds), EINVAL);
	assert_fails(set_irqs(r, EVENTS, msix, 0, 0, fds), EINVAL);
	assert_fails(set_irqs(r, EVENTS, VFIO_PCI_NUM_IRQS, 0, 1, fds), EINVAL);
	assert_fails(set_irqs(r, EVENTS | VFIO_IRQ_SET_DATA_BOOL, msix, 0, 1, fds), EINVAL);
	assert_fails(set_irqs(r, EVENTS | VFIO_IRQ_SET_ACTION_MASK, msix, 0, 1, fds), EINVAL);
	assert_fails(set_irqs(r, VFIO_IRQ_SET_ACTION_TRIGGER, msix, 0, 1, fds), EINVAL);
	assert_fails(set_irqs(r, EVENTS | 0x1000, msix, 0, 1, fds), EINVAL);
	assert_fails(set_irqs(r, EVENTS, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, fds), EINVAL);
	assert_fails(ioctl(r->device, VFIO_DEVICE_SET_IRQS, &ask), EINVAL);
	ask.set.argsz = 4;
	assert_fails(ioctl(r->device, VFIO_DEVICE_SET_IRQS, &ask), EINVAL);
}

static void reset_keeps_the_header_of_config_space(void **state)
{
	struct rig *r = *state;
	struct {
		struct vfio_pci_hot_reset_info info;
		struct vfio_pci_dependent_device device;
	} hot = {.info.argsz = sizeof(hot.info)};
	struct {
		struct vfio_pci_hot_reset head;
		int32_t fd;
	} ask = {.head.argsz = sizeof(ask), .head.count = 1, .fd = r->group};
	uint16_t command = 6;

	assert_int_equal(pwrite(r->device, &command, 2, (7ll << 40) + 4), 2);
	*reg32(r, TOY_REG_SCRATCH) = 1;
	assert_int_equal(ioctl(r->device, VFIO_DEVICE_RESET), 0);
	assert_int_equal(*reg32(r, TOY_REG_SCRATCH), 0);
	assert_int_equal(pread(r->device, &command, 2, (7ll << 40) + 4), 2);
	assert_int_equal(command, 6);

	assert_fails(ioctl(r->device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &hot), ENOSPC);
	assert_int_equal(hot.info.count, 1);
	hot.info.argsz = sizeof(hot);
	assert_int_equal(ioctl(r->device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &hot), 0);
	assert_int_equal(hot.device.group_id, 7);
	assert_int_equal(hot.device.bus, 5);
	*reg32(r, TOY_REG_SCRATCH) = 1;
	assert_int_equal(ioctl(r->device, VFIO_DEVICE_PCI_HOT_RESET, &ask), 0);
	assert_int_equal(*reg32(r, TOY_REG_SCRATCH), 0);
	ask.fd = r->container;
	assert_fails(ioctl(r->device, VFIO_DEVICE_PCI_HOT_RESET, &ask), EINVAL);
}

static void child_of_the_program_has_the_card_too(void **state)
{
	struct rig *r = *state;
	int status;
	pid_t child;

	*reg32(r, TOY_REG_SCRATCH) = 5;
	child = fork();
	if (child == 0) {
		/* What happens here must not end the connection of the parent. */
		bool ok = *reg32(r, TOY_REG_SCRATCH) == 5;

		*reg32(r, TOY_REG_SCRATCH) = 6;
		close(r->device);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(*reg32(r, TOY_REG_SCRATCH), 6);
}

static void *hammer(void *ctx)
{
	struct rig *r = ctx;

	for (int i = 0; i < 200; i++)
		if (*reg32(r, TOY_REG_ID) != TOY_ID)
			return (void *)1;
	return NULL;
}

/* Traps, maps and reads on several threads at once. */
static void threads_do_not_meet(void **state)
{
	struct rig *r = *state;
	pthread_t threads[3];
	uint32_t id;
	void *bad;

	for (size_t i = 0; i < N_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, r), 0);
	for (int i = 0; i < 50; i++) {
		void *va = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		assert_int_equal(map(r, IOVA, va, PAGE, RW), 0);
		assert_int_equal(pread(r->device, &id, 4, TOY_REG_ID), 4);
		assert_int_equal(id, TOY_ID);
		assert_int_equal(unmap(r, IOVA, PAGE, 0), PAGE);
		munmap(va, PAGE);
	}
	for (size_t i = 0; i < N_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
}

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void open_and_close_leave_no_descriptor(void **state)
{
	unsigned before = count_fds();
	struct rig r;

	for (int i = 0; i < 20; i++) {
		uint8_t *va = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		rig_open(&r, VFIO_TYPE1v2_IOMMU);
		assert_int_equal(map(&r, IOVA, va, 4 * PAGE, RW), 0);
		munmap(va, 4 * PAGE);
		rig_close(&r);
	}
	assert_int_equal(count_fds(), before);
}

/* The model dies: the card answers as one that was pulled out, and nothing hangs. */
static void card_that_is_lost_answers_all_ones(void **state)
{
	struct rig *r = *state;
	uint32_t value;

	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	assert_int_equal(*reg32(r, TOY_REG_ID), 0xffffffff);
	assert_int_equal(*(volatile uint8_t *)r->bar, 0xff);
	*reg32(r, TOY_REG_SCRATCH) = 1;
	assert_fails(pread(r->device, &value, 4, 0), ENODEV);
	assert_fails(ioctl(r->device, VFIO_DEVICE_RESET), ENODEV);
	assert_fails(map(r, IOVA, static_memory, PAGE, RW), ENODEV);
	rig_close(r);
	serve();
	rig_open(r, VFIO_TYPE1v2_IOMMU);
	assert_int_equal(*reg32(r, TOY_REG_ID), TOY_ID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_map_of_vfio_and_sysfs_is_below_the_root),
		cmocka_unit_test(calls_with_paths_show_the_cards),
		cmocka_unit_test(open_of_nodes_knows_what_there_is),
		cmocka_unit_test(container_answers_as_the_kernel),
		cmocka_unit_test_setup_teardown(group_with_open_device_stays_in_its_container, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(iommu_info_tells_the_valid_ranges, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(dma_reaches_memory_of_every_kind, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(map_that_makes_no_sense_is_refused, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(unmap_of_version_2_cuts_no_map, rig_setup, rig_teardown),
		cmocka_unit_test(unmap_of_version_1_takes_what_begins_inside),
		cmocka_unit_test(map_before_the_device_reaches_it),
		cmocka_unit_test_setup_teardown(device_info_tells_regions_and_interrupts, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(read_and_write_at_offsets_reach_regions, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(mapped_registers_trap, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(map_of_a_device_is_checked, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(foreign_signals_reach_their_owner, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(unknown_instruction_is_named, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(interrupts_arrive_at_their_eventfds, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(interrupts_that_make_no_sense_are_refused, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(reset_keeps_the_header_of_config_space, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(child_of_the_program_has_the_card_too, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(threads_do_not_meet, rig_setup, rig_teardown),
		cmocka_unit_test(open_and_close_leave_no_descriptor),
		cmocka_unit_test_setup_teardown(card_that_is_lost_answers_all_ones, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests_name("preload", tests, begin, end);
}
