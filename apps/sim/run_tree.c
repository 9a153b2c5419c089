// SPDX-License-Identifier: BSD-2-Clause
#include "run_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vireo/log.h>

/* Of the flags in a line of "resource". */
#define RESOURCE_MEM	  0x00000200u
#define RESOURCE_PREFETCH 0x00002000u
#define RESOURCE_MEM_64	  0x00100000u

#define BUS_ADDRESS 0xe0000000ull /* where the BARs of the first card would be */
#define BUS_STRIDE  0x01000000ull

static int failed(const char *path)
{
	int err = -errno;

	return vireo_error(err, "cannot make %s: %s", path, strerror(errno));
}

int run_tree_create(struct run_tree *tree)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || !*tmp)
		tmp = "/tmp";
	if (tmp[0] != '/' ||
	    snprintf(tree->path, sizeof(tree->path), "%s/vireo-sim-XXXXXX", tmp) >= (int)sizeof(tree->path)) {
		tree->path[0] = '\0';
		return vireo_error(-EINVAL,
				   "TMPDIR is %s; it must be a path from the root and short enough for sockets", tmp);
	}
	if (!mkdtemp(tree->path)) {
		tree->path[0] = '\0';
		return vireo_error(-errno, "cannot make a folder below %s: %s", tmp, strerror(errno));
	}
	return 0;
}

/* All folders on the way to @path, which is below the tree. */
static int make_parents(const struct run_tree *tree, char *path)
{
	for (char *slash = path + strlen(tree->path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return failed(path);
		*slash = '/';
	}
	return 0;
}

__attribute__((format(printf, 4, 0))) static int make_path(const struct run_tree *tree, char *path, size_t size,
							   const char *fmt, va_list args)
{
	int n = snprintf(path, size, "%s", tree->path);

	if (vsnprintf(path + n, size - (size_t)n, fmt, args) >= (int)size - n)
		return vireo_error(-ENAMETOOLONG, "the folder %s has too long a name", tree->path);
	return make_parents(tree, path);
}

__attribute__((format(printf, 4, 5))) static int add_bytes(struct run_tree *tree, const void *data, size_t len,
							   const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;
	ssize_t n;
	int fd, err;

	va_start(args, fmt);
	err = make_path(tree, path, sizeof(path), fmt, args);
	va_end(args);
	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return failed(path);
	n = write(fd, data, len);
	err = n == (ssize_t)len ? 0 : failed(path);
	close(fd);
	return err;
}

#define add_text(tree, text, ...) add_bytes(tree, text, strlen(text), __VA_ARGS__)

__attribute__((format(printf, 3, 4))) static int add_link(struct run_tree *tree, const char *target, const char *fmt,
							  ...)
{
	char path[PATH_MAX];
	va_list args;
	int err;

	va_start(args, fmt);
	err = make_path(tree, path, sizeof(path), fmt, args);
	va_end(args);
	if (!err && symlink(target, path))
		err = failed(path);
	return err;
}

int run_tree_add_common(struct run_tree *tree)
{
	static const char *const files[][2] = {
		{"/dev/vfio/vfio", ""},
		{"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n"},
		{"/sys/module/vfio_pci/initstate", "live\n"},
		{"/sys/module/vfio_iommu_type1/initstate", "live\n"},
		{"/sys/bus/pci/drivers/vfio-pci/new_id", ""},
		{"/cards/README", "The sockets of the cards, by address.\n"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int err = add_text(tree, files[i][1], "%s", files[i][0]);

		if (err)
			return err;
	}
	return 0;
}

static uint32_t config_get(const struct run_card *card, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint32_t)card->config[offset + i] << (8 * i);
	return value;
}

/* The numbers that sysfs has as text. */
static int add_numbers(struct run_tree *tree, const struct run_card *card)
{
	static const struct {
		const char *file;
		unsigned offset, size;
	} numbers[] = {
		{"vendor", PCI_VENDOR_ID, 2},
		{"device", PCI_DEVICE_ID, 2},
		{"subsystem_vendor", PCI_SUBSYSTEM_VENDOR_ID, 2},
		{"subsystem_device", PCI_SUBSYSTEM_ID, 2},
		{"class", PCI_CLASS_PROG, 3},
		{"revision", PCI_REVISION_ID, 1},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char text[16];
		int err;

		snprintf(text, sizeof(text), "0x%0*x\n", 2 * (int)numbers[i].size,
			 config_get(card, numbers[i].offset, numbers[i].size));
		err = add_text(tree, text, "/sys/devices/pci0000:00/%s/%s", card->address, numbers[i].file);
		if (err)
			return err;
	}
	return 0;
}

/* Six BARs, the ROM and six lines for bridges, as the kernel prints them; the addresses are nobody's. */
static int add_resources(struct run_tree *tree, const struct run_card *card)
{
	uint64_t at = BUS_ADDRESS + card->group * BUS_STRIDE;
	char text[13 * 64] = "";
	size_t n = 0;

	for (unsigned i = 0; i < 13; i++) {
		uint64_t size = i < 6 ? card->bar_size[i] : 0;
		uint32_t bar = i < 6 ? config_get(card, PCI_BASE_ADDRESS_0 + 4 * i, 4) : 0, flags = 0;

		if (size) {
			at = (at + size - 1) / size * size;
			flags = RESOURCE_MEM | (bar & PCI_BASE_ADDRESS_MEM_PREFETCH ? RESOURCE_PREFETCH : 0) |
				(bar & PCI_BASE_ADDRESS_MEM_TYPE_64 ? RESOURCE_MEM_64 : 0) | (bar & 0xf);
		}
		n += (size_t)snprintf(text + n, sizeof(text) - n, "0x%016llx 0x%016llx 0x%016llx\n",
				      size ? (unsigned long long)at : 0ull,
				      size ? (unsigned long long)(at + size - 1) : 0ull, (unsigned long long)flags);
		at += size;
	}
	return add_text(tree, text, "/sys/devices/pci0000:00/%s/resource", card->address);
}

static int add_links(struct run_tree *tree, const struct run_card *card)
{
	char target[128];
	int err;

	snprintf(target, sizeof(target), "../../../devices/pci0000:00/%s", card->address);
	err = add_link(tree, target, "/sys/bus/pci/devices/%s", card->address);
	snprintf(target, sizeof(target), "../../../../devices/pci0000:00/%s", card->address);
	if (!err)
		err = add_link(tree, target, "/sys/bus/pci/drivers/vfio-pci/%s", card->address);
	if (!err)
		err = add_link(tree, target, "/sys/kernel/iommu_groups/%u/devices/%s", card->group, card->address);
	if (!err)
		err = add_link(tree, "../../../bus/pci/drivers/vfio-pci", "/sys/devices/pci0000:00/%s/driver",
			       card->address);
	if (!err)
		err = add_link(tree, "../../../bus/pci", "/sys/devices/pci0000:00/%s/subsystem", card->address);
	snprintf(target, sizeof(target), "../../../kernel/iommu_groups/%u", card->group);
	if (!err)
		err = add_link(tree, target, "/sys/devices/pci0000:00/%s/iommu_group", card->address);
	return err;
}

int run_tree_add_card(struct run_tree *tree, const struct run_card *card)
{
	int err = add_numbers(tree, card);

	if (!err)
		err = add_resources(tree, card);
	if (!err)
		err = add_bytes(tree, card->config, sizeof(card->config), "/sys/devices/pci0000:00/%s/config",
				card->address);
	if (!err)
		err = add_text(tree, "-1\n", "/sys/devices/pci0000:00/%s/numa_node", card->address);
	if (!err)
		err = add_text(tree, "vfio-pci\n", "/sys/devices/pci0000:00/%s/driver_override", card->address);
	if (!err)
		err = add_links(tree, card);
	if (!err)
		err = add_text(tree, "DMA\n", "/sys/kernel/iommu_groups/%u/type", card->group);
	if (!err)
		err = add_text(tree, "", "/dev/vfio/%u", card->group);
	return err;
}

void run_tree_socket(const struct run_tree *tree, const char *address, char *path, unsigned size)
{
	snprintf(path, size, "%s/cards/%s", tree->path, address);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	remove(path);
	return 0; /* the rest all the same */
}

void run_tree_remove(struct run_tree *tree)
{
	if (tree->path[0])
		nftw(tree->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	tree->path[0] = '\0';
}
