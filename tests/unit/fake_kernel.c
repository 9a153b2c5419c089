// SPDX-License-Identifier: BSD-2-Clause
#include "fake_kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/pci_sysfs.h"
#include "bus/vfio.h"

#define GO_ON 1000

struct fake_kernel fk;

static char dev_root[80], proc_root[80];

static void must(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "fake kernel: %s\n", what);
		abort();
	}
}

/*
 * Objects live as long as a descriptor of theirs, like files in the kernel. Looked at by name: descriptors that other
 * threads open and close meanwhile are no business of ours, and ThreadSanitizer would say so.
 */
bool fk_is_open(const struct fk_object *object)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat st;
	bool found = false;

	while (object->ino && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && st.st_ino == object->ino)
			found = true;
	}
	closedir(dir);
	return found;
}

static int object_open(struct fk_object *object, const char *name)
{
	int fd = memfd_create(name, 0);
	struct stat st;

	must(fd >= 0 && fstat(fd, &st) == 0, "no memfd");
	object->ino = st.st_ino;
	return fd;
}

static bool is_object(const struct fk_object *object, int fd)
{
	struct stat st;

	return object->ino && fstat(fd, &st) == 0 && st.st_ino == object->ino;
}

struct fk_group *fk_group(int id)
{
	for (unsigned i = 0; i < FK_MAX_DEVICES; i++) {
		if (fk.groups[i].front[0] && fk.groups[i].id == id)
			return &fk.groups[i];
	}
	return NULL;
}

unsigned fk_open_containers(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FK_MAX_CONTAINERS; i++)
		n += fk_is_open(&fk.containers[i].object);
	return n;
}

uint64_t fk_mapped(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FK_MAX_CONTAINERS; i++) {
		for (unsigned j = 0; j < fk.containers[i].n_maps; j++)
			sum += fk.containers[i].maps[j].size;
	}
	return sum;
}

static int fails(void)
{
	fk.n_calls++;
	if (fk.fail_nth == 0 || --fk.fail_nth > 0)
		return 0;
	errno = fk.fail_errno;
	return -1;
}

static int refuse(int err)
{
	errno = err;
	return -1;
}

static int open_container(void)
{
	for (unsigned i = 0; i < FK_MAX_CONTAINERS; i++) {
		if (!fk_is_open(&fk.containers[i].object)) {
			memset(&fk.containers[i], 0, sizeof(fk.containers[i]));
			return object_open(&fk.containers[i].object, "container");
		}
	}
	must(false, "too many containers");
	return -1;
}

static int open_node(const char *path)
{
	char front[8];
	const char *name = strrchr(path, '/') + 1;
	struct fk_group *g;

	must(strncmp(path, dev_root, strlen(dev_root)) == 0, "a node outside /dev");
	for (unsigned i = 0; i < 2; i++) {
		if (!strcmp(fk.refuse[i].path, path + strlen(dev_root)))
			return refuse(fk.refuse[i].err);
	}
	must(sscanf(path + strlen(dev_root), "/%7[^/]", front) == 1, "a strange node");
	if (!strcmp(name, front))
		return open_container();
	g = fk_group(atoi(name));
	if (!g || strcmp(g->front, front) != 0)
		return refuse(ENOENT);
	if (fk_is_open(&g->object))
		return refuse(EBUSY);
	g->container = NULL;
	return object_open(&g->object, "group");
}

static int fk_open(const char *path, int flags)
{
	int ret;

	must(flags == (O_RDWR | O_CLOEXEC), "flags of open");
	pthread_mutex_lock(&fk.lock);
	ret = fails() ? -1 : open_node(path);
	pthread_mutex_unlock(&fk.lock);
	if (ret >= 0)
		fcntl(ret, F_SETFD, FD_CLOEXEC);
	return ret;
}

static int device_open(struct fk_group *g, const char *address)
{
	static const uint8_t config[] = {0x86, 0x80, 0xfb, 0x10, 2, 0, 0, 0, 1, 0, 0, 2};
	struct fk_device *d = NULL;
	int fd;

	if (!g->container || !g->container->type)
		return refuse(EINVAL);
	for (unsigned i = 0; i < FK_MAX_DEVICES; i++) {
		if (!strcmp(fk.devices[i].address, address) && fk.devices[i].group == g->id)
			d = &fk.devices[i];
	}
	if (!d)
		return refuse(ENODEV);
	fd = object_open(&d->object, "device");
	must(ftruncate(fd, 9LL << 40) == 0, "no size");
	must(pwrite(fd, config, sizeof(config), 7LL << 40) == sizeof(config), "no config space");
	memset(d->irqs, 0, sizeof(d->irqs));
	for (unsigned i = 0; i < FK_N_IRQS; i++) {
		memset(d->irqs[i].fds, 0xff, sizeof(d->irqs[i].fds));
		d->irqs[i].unmask_fd = -1;
	}
	return fd;
}

static bool has_open_device(const struct fk_group *g)
{
	for (unsigned i = 0; i < FK_MAX_DEVICES; i++) {
		if (fk.devices[i].group == g->id && fk_is_open(&fk.devices[i].object))
			return true;
	}
	return false;
}

static struct fk_container *container_of_fd(int fd)
{
	for (unsigned i = 0; i < FK_MAX_CONTAINERS; i++) {
		if (is_object(&fk.containers[i].object, fd))
			return &fk.containers[i];
	}
	return NULL;
}

static int set_container(struct fk_group *g, int fd)
{
	struct fk_container *c = container_of_fd(fd);

	if (!c || g->container)
		return refuse(EINVAL);
	if (g->incompatible && c->n_groups > 0)
		return refuse(EINVAL);
	g->container = c;
	c->n_groups++;
	return 0;
}

static int unset_container(struct fk_group *g)
{
	struct fk_container *c = g->container;

	must(c != NULL, "UNSET_CONTAINER of a group without one");
	must(!has_open_device(g), "UNSET_CONTAINER with a device open");
	g->container = NULL;
	if (--c->n_groups == 0) {
		must(c->n_maps == 0, "the last group left a container with mappings");
		c->type = 0;
	}
	return 0;
}

static int group_ioctl(struct fk_group *g, unsigned long request, void *arg)
{
	struct vfio_group_status *status = arg;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		must(status->argsz == sizeof(*status), "argsz of GET_STATUS");
		status->flags =
			(g->viable ? VFIO_GROUP_FLAGS_VIABLE : 0) | (g->container ? VFIO_GROUP_FLAGS_CONTAINER_SET : 0);
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		return set_container(g, *(int *)arg);
	case VFIO_GROUP_UNSET_CONTAINER:
		return unset_container(g);
	case VFIO_GROUP_GET_DEVICE_FD:
		return device_open(g, arg);
	}
	return refuse(ENOTTY);
}

/* As the kernel does: what does not fit is left out, and argsz says how much there is. */
static int put_info(void *arg, size_t head_size, const void *info, size_t size)
{
	uint32_t argsz = *(uint32_t *)arg;

	must(argsz >= head_size, "argsz too small");
	memcpy(arg, info, argsz < size ? head_size : size);
	*(uint32_t *)arg = (uint32_t)size;
	return 0;
}

static int iommu_info(const struct fk_container *c, void *arg)
{
	struct {
		struct vfio_iommu_type1_info info;
		struct vfio_info_cap_header other;
		struct vfio_iommu_type1_info_cap_iova_range cap;
		struct vfio_iova_range ranges[8];
	} all = {
		.info = {.flags = VFIO_IOMMU_INFO_PGSIZES, .iova_pgsizes = 0x1000},
		.other = {.id = 99, .next = offsetof(__typeof__(all), cap)},
		.cap = {.header = {.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE}, .nr_iovas = fk.n_ranges},
	};
	size_t size = offsetof(__typeof__(all), ranges) + fk.n_ranges * sizeof(all.ranges[0]);

	if (!c->type)
		return refuse(EINVAL);
	if (fk.n_ranges == 0)
		return put_info(arg, sizeof(all.info), &all, sizeof(all.info));
	memcpy(all.ranges, fk.ranges, sizeof(all.ranges));
	if (c->n_groups > 1 && fk.shrunk.end)
		all.ranges[0] = fk.shrunk;
	all.info.flags |= VFIO_IOMMU_INFO_CAPS;
	if (*(uint32_t *)arg >= size)
		all.info.cap_offset = offsetof(__typeof__(all), other);
	return put_info(arg, sizeof(all.info), &all, size);
}

static bool is_valid(uint64_t iova, uint64_t size)
{
	if (fk.n_ranges == 0)
		return true;
	for (unsigned i = 0; i < fk.n_ranges; i++) {
		if (iova >= fk.ranges[i].start && iova + size - 1 <= fk.ranges[i].end)
			return true;
	}
	return false;
}

static int map_dma(struct fk_container *c, const struct vfio_iommu_type1_dma_map *map)
{
	if (fk.map_errno)
		return refuse(fk.map_errno);
	if (!c->type || !map->size || (map->size | map->iova | map->vaddr) % 4096 || !map->flags || map->flags & ~3u ||
	    !is_valid(map->iova, map->size))
		return refuse(EINVAL);
	for (unsigned i = 0; i < c->n_maps; i++) {
		if (map->iova < c->maps[i].iova + c->maps[i].size && c->maps[i].iova < map->iova + map->size)
			return refuse(EEXIST);
	}
	must(c->n_maps < FK_MAX_MAPS, "too many maps");
	c->maps[c->n_maps++] = (struct fk_map){map->iova, map->size};
	c->n_map_calls++;
	return 0;
}

static int unmap_dma(struct fk_container *c, struct vfio_iommu_type1_dma_unmap *unmap)
{
	if (!c->type)
		return refuse(EINVAL);
	for (unsigned i = 0; i < c->n_maps; i++) {
		if (c->maps[i].iova == unmap->iova && c->maps[i].size == unmap->size) {
			c->maps[i] = c->maps[--c->n_maps];
			unmap->size = fk.ignore_unmap ? 0 : unmap->size;
			return 0;
		}
	}
	unmap->size = 0;
	return 0;
}

static int container_ioctl(struct fk_container *c, unsigned long request, void *arg)
{
	switch (request) {
	case VFIO_GET_API_VERSION:
		return fk.api_version;
	case VFIO_CHECK_EXTENSION:
		return (uintptr_t)arg == VFIO_TYPE1v2_IOMMU ? fk.has_v2
							    : (uintptr_t)arg == VFIO_TYPE1_IOMMU && fk.has_v1;
	case VFIO_SET_IOMMU:
		if (c->n_groups == 0 || c->type)
			return refuse(EINVAL);
		c->type = (int)(uintptr_t)arg;
		return 0;
	case VFIO_IOMMU_GET_INFO:
		return iommu_info(c, arg);
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(c, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(c, arg);
	}
	return refuse(ENOTTY);
}

static int region_info(void *arg)
{
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header msix;
		struct vfio_region_info_cap_sparse_mmap cap;
		struct vfio_region_sparse_mmap_area areas[8];
	} all = {
		.msix = {.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .next = offsetof(__typeof__(all), cap)},
		.cap = {.header = {.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP}, .nr_areas = fk.n_areas},
	};
	size_t size = sizeof(all.info);

	memcpy(&all.info, arg, sizeof(all.info));
	all.info.flags = all.info.cap_offset = 0;
	all.info.offset = (uint64_t)all.info.index << 40;
	all.info.size = all.info.index == VFIO_PCI_CONFIG_REGION_INDEX ? 256 : all.info.index == 0 ? FK_BAR_SIZE : 0;
	if (all.info.index == VFIO_PCI_VGA_REGION_INDEX)
		return refuse(EINVAL);
	if (all.info.size)
		all.info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (all.info.index == 0)
		all.info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
	if (all.info.index == 0 && fk.n_areas > 0) {
		all.info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		memcpy(all.areas, fk.areas, sizeof(all.areas));
		size = offsetof(__typeof__(all), areas) + (fk.n_areas < 8 ? fk.n_areas : 8) * sizeof(all.areas[0]);
		if (*(uint32_t *)arg >= size)
			all.info.cap_offset = offsetof(__typeof__(all), msix);
	}
	return put_info(arg, sizeof(all.info), &all, size);
}

static unsigned irq_count(unsigned index)
{
	return index == VFIO_PCI_MSIX_IRQ_INDEX ? fk.n_msix : index == VFIO_PCI_MSI_IRQ_INDEX ? 0 : 1;
}

static int irq_info(struct vfio_irq_info *info)
{
	must(info->argsz == sizeof(*info), "argsz of GET_IRQ_INFO");
	if (info->index >= FK_N_IRQS)
		return refuse(EINVAL);
	info->count = irq_count(info->index);
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	if (info->index == VFIO_PCI_INTX_IRQ_INDEX)
		info->flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	else if (fk.noresize)
		info->flags |= VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

static int trigger(const struct fk_irq *irq, const struct vfio_irq_set *set)
{
	uint64_t one = 1;

	for (unsigned i = set->start; i < set->start + set->count; i++)
		must(irq->fds[i] < 0 || write(irq->fds[i], &one, 8) == 8, "no eventfd");
	return 0;
}

static bool is_eventfd(int fd)
{
	char path[32], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "[eventfd]");
}

/* Vectors are allocated with the first range; later ranges must fit, unless they can be added one by one. */
static int enable_block(struct fk_irq *irq, const struct vfio_irq_set *set)
{
	const int32_t *fds = (const int32_t *)(const void *)set->data;
	unsigned n = set->start + set->count;

	for (unsigned i = 0; i < set->count; i++) {
		if (fds[i] >= 0 && !is_eventfd(fds[i]))
			return refuse(EINVAL);
	}
	if (n > fk.n_vectors)
		return (int)fk.n_vectors;
	if (irq->n > 0 && n > irq->n && fk.noresize)
		return refuse(EINVAL);
	irq->n = n > irq->n ? n : irq->n;
	memcpy(irq->fds + set->start, fds, set->count * sizeof(int));
	return 0;
}

static int set_irqs(struct fk_device *d, const struct vfio_irq_set *set)
{
	size_t data = set->flags & VFIO_IRQ_SET_DATA_EVENTFD ? set->count * sizeof(int) : 0;
	struct fk_irq *irq = &d->irqs[set->index];

	must(set->argsz == sizeof(*set) + data, "argsz of SET_IRQS");
	if (set->start + set->count > irq_count(set->index))
		return refuse(EINVAL);
	if (set->flags & VFIO_IRQ_SET_ACTION_TRIGGER) {
		if (data)
			return enable_block(irq, set);
		if (irq->n == 0)
			return refuse(EINVAL);
		if (set->count)
			return trigger(irq, set);
		irq->n = 0;
		memset(irq->fds, 0xff, sizeof(irq->fds));
		return 0;
	}
	if (set->index != VFIO_PCI_INTX_IRQ_INDEX)
		return refuse(ENOTTY);
	if (data)
		irq->unmask_fd = *(const int32_t *)(const void *)set->data;
	else
		irq->masked = set->flags & VFIO_IRQ_SET_ACTION_MASK;
	return 0;
}

static int hot_reset_info(struct vfio_pci_hot_reset_info *info)
{
	info->count = fk.n_dependent;
	if (info->argsz < sizeof(*info) + fk.n_dependent * sizeof(info->devices[0]))
		return refuse(ENOSPC);
	memcpy(info->devices, fk.dependent, fk.n_dependent * sizeof(info->devices[0]));
	return 0;
}

static int hot_reset(const struct vfio_pci_hot_reset *reset)
{
	must(reset->argsz >= sizeof(*reset) + reset->count * sizeof(int32_t), "argsz of PCI_HOT_RESET");
	fk.n_hot_reset_fds = reset->count;
	memcpy(fk.hot_reset_fds, reset->group_fds, reset->count * sizeof(int32_t));
	fk.n_hot_resets++;
	return 0;
}

static int device_ioctl(struct fk_device *d, unsigned long request, void *arg)
{
	struct vfio_device_info *info = arg;

	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		must(info->argsz >= offsetof(struct vfio_device_info, cap_offset), "argsz of GET_INFO");
		info->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
		info->num_regions = VFIO_PCI_NUM_REGIONS;
		info->num_irqs = VFIO_PCI_NUM_IRQS;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return irq_info(arg);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(d, arg);
	case VFIO_DEVICE_RESET:
		d->n_resets++;
		return 0;
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return hot_reset_info(arg);
	case VFIO_DEVICE_PCI_HOT_RESET:
		return hot_reset(arg);
	}
	return refuse(ENOTTY);
}

static int dispatch(int fd, unsigned long request, void *arg)
{
	struct fk_container *c = container_of_fd(fd);

	if (c)
		return container_ioctl(c, request, arg);
	for (unsigned i = 0; i < FK_MAX_DEVICES; i++) {
		if (is_object(&fk.groups[i].object, fd))
			return group_ioctl(&fk.groups[i], request, arg);
		if (is_object(&fk.devices[i].object, fd))
			return device_ioctl(&fk.devices[i], request, arg);
	}
	return refuse(ENOTTY);
}

static int fk_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	pthread_mutex_lock(&fk.lock);
	ret = fk.hook ? fk.hook(fd, request, arg) : GO_ON;
	if (ret == GO_ON)
		ret = fails() ? -1 : dispatch(fd, request, arg);
	pthread_mutex_unlock(&fk.lock);
	return ret;
}

static const struct vfio_sys fake_sys = {fk_open, fk_ioctl};

static void make_path(char *path, size_t size, const char *fmt, va_list ap)
{
	int n = snprintf(path, size, "%s/", fk.root);

	vsnprintf(path + n, size - (size_t)n, fmt, ap);
	for (char *p = path + n; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

void fk_write(const char *text, const char *fmt, ...)
{
	char path[512];
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	make_path(path, sizeof(path), fmt, ap);
	va_end(ap);
	f = fopen(path, "w");
	must(f != NULL, "cannot write");
	fputs(text, f);
	fclose(f);
}

void fk_symlink(const char *target, const char *fmt, ...)
{
	char path[512];
	va_list ap;

	va_start(ap, fmt);
	make_path(path, sizeof(path), fmt, ap);
	va_end(ap);
	must(symlink(target, path) == 0, "cannot link");
}

static void add_group(int id, const char *front)
{
	struct fk_group *g = fk_group(id);

	for (unsigned i = 0; !g; i++) {
		if (!fk.groups[i].front[0])
			g = &fk.groups[i];
	}
	g->id = id;
	g->viable = true;
	snprintf(g->front, sizeof(g->front), "%s", front);
}

struct fk_device *fk_add_device(const char *address, int group, const char *driver)
{
	struct fk_device *d = fk.devices;
	char target[128];

	while (d->address[0])
		d++;
	snprintf(d->address, sizeof(d->address), "%s", address);
	d->group = group;
	fk_write("0x8086\n", "sys/bus/pci/devices/%s/vendor", address);
	fk_write("0x10fb\n", "sys/bus/pci/devices/%s/device", address);
	fk_write("0x020000\n", "sys/bus/pci/devices/%s/class", address);
	fk_write("1\n", "sys/bus/pci/devices/%s/numa_node", address);
	if (driver[0]) {
		snprintf(target, sizeof(target), "../../drivers/%s", driver);
		fk_symlink(target, "sys/bus/pci/devices/%s/driver", address);
	}
	if (group >= 0) {
		snprintf(target, sizeof(target), "../../../../kernel/iommu_groups/%d", group);
		fk_symlink(target, "sys/bus/pci/devices/%s/iommu_group", address);
		snprintf(target, sizeof(target), "../../../../bus/pci/devices/%s", address);
		fk_symlink(target, "sys/kernel/iommu_groups/%d/devices/%s", group, address);
		add_group(group, strncmp(driver, "kvfio", 5) ? "vfio" : "kvfio");
	}
	return d;
}

int fk_setup(void **state)
{
	static char sys_root[80];

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	memset(&fk, 0, sizeof(fk));
	pthread_mutex_init(&fk.lock, NULL);
	strcpy(fk.root, "/tmp/vireo-test-XXXXXX");
	must(mkdtemp(fk.root) != NULL, "no temporary folder");
	snprintf(sys_root, sizeof(sys_root), "%s/sys", fk.root);
	snprintf(dev_root, sizeof(dev_root), "%s/dev", fk.root);
	snprintf(proc_root, sizeof(proc_root), "%s/proc", fk.root);
	pci_sysfs_root = sys_root;
	vfio_dev_root = dev_root;
	vfio_proc_root = proc_root;
	vfio_sys = &fake_sys;
	fk.has_v1 = fk.has_v2 = true;
	fk.n_ranges = 2;
	fk.ranges[0] = (struct vfio_iova_range){0, 0xfedfffff};
	fk.ranges[1] = (struct vfio_iova_range){0xfef00000, (1ULL << 39) - 1};
	fk.noresize = true;
	fk.n_msix = FK_MAX_VECTORS;
	fk.n_vectors = FK_MAX_VECTORS;
	fk.fail_errno = EIO;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int fk_teardown(void **state)
{
	nftw(fk.root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	for (unsigned i = 0; i < FK_MAX_DEVICES; i++) {
		must(!fk_is_open(&fk.devices[i].object), "a device is still open");
		must(!fk_is_open(&fk.groups[i].object), "a group is still open");
	}
	must(fk_open_containers() == 0, "a container is still open");
	must(fk_mapped() == 0, "memory is still mapped");
	return 0;
}
