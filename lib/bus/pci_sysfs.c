// SPDX-License-Identifier: BSD-2-Clause
#include "pci_sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLASS_NETWORK 0x02

const char *pci_sysfs_root = "/sys";

/* The last part of where a link below a device points to; "" when there is none. */
static void read_link_name(const char *address, const char *link, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n;

	name[0] = '\0';
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", pci_sysfs_root, address, link);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, size, "%.31s", slash ? slash + 1 : target);
}

static int read_text(const char *address, const char *file, char *text, int size)
{
	char path[PATH_MAX];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", pci_sysfs_root, address, file);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	ok = fgets(text, size, f) != NULL;
	fclose(f);
	if (!ok)
		return -EIO;
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static long read_number(const char *address, const char *file, long otherwise)
{
	char text[32], *end;
	long value;

	if (read_text(address, file, text, sizeof(text)))
		return otherwise;
	value = strtol(text, &end, 0);
	return *end || end == text ? otherwise : value;
}

int pci_sysfs_identify(const char *address, struct bus_identity *ret_id)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", pci_sysfs_root, address);
	if (access(path, F_OK) < 0)
		return -ENOENT;
	ret_id->vendor_id = (uint16_t)read_number(address, "vendor", 0xffff);
	ret_id->device_id = (uint16_t)read_number(address, "device", 0xffff);
	ret_id->class_code = (uint32_t)read_number(address, "class", 0);
	read_link_name(address, "driver", ret_id->driver, sizeof(ret_id->driver));
	return 0;
}

int pci_sysfs_group(const char *address)
{
	char name[32], *end;
	long group;

	read_link_name(address, "iommu_group", name, sizeof(name));
	group = strtol(name, &end, 10);
	return *end || end == name || group < 0 || group > INT_MAX ? -1 : (int)group;
}

bool pci_sysfs_is_noiommu(const char *address)
{
	char name[32];

	return !read_text(address, "iommu_group/name", name, sizeof(name)) && !strcmp(name, "vfio-noiommu");
}

int pci_sysfs_numa_node(const char *address)
{
	return (int)read_number(address, "numa_node", -1);
}

bool pci_sysfs_has_iommu(void)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/class/iommu", pci_sysfs_root);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return found;
}

const char *pci_sysfs_firmware_iommu(void)
{
	static const char *const tables[] = {"DMAR", "IVRS"};
	char path[PATH_MAX];

	for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(path, sizeof(path), "%s/firmware/acpi/tables/%s", pci_sysfs_root, tables[i]);
		if (access(path, F_OK) == 0)
			return tables[i];
	}
	return NULL;
}

bool pci_sysfs_is_vfio_driver(const char *driver)
{
	return strstr(driver, "vfio") != NULL;
}

/* Sorted, so that sentences read the same every time. */
static int list_devices(const char *path, struct dirent ***ret_entries)
{
	return scandir(path, ret_entries, NULL, alphasort);
}

void pci_sysfs_for_each_in_group(const char *address,
				 void (*fn)(void *ctx, const char *address, const struct bus_identity *id), void *ctx)
{
	char path[PATH_MAX];
	struct dirent **entries;
	int n;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/iommu_group/devices", pci_sysfs_root, address);
	n = list_devices(path, &entries);
	for (int i = 0; i < n; i++) {
		struct bus_identity id;

		if (entries[i]->d_name[0] != '.' && pci_sysfs_identify(entries[i]->d_name, &id) == 0)
			fn(ctx, entries[i]->d_name, &id);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

void pci_sysfs_list_nics(char *text, size_t size)
{
	char path[PATH_MAX];
	struct dirent **entries;
	size_t used = 0;
	int n;

	snprintf(text, size, "none");
	snprintf(path, sizeof(path), "%s/bus/pci/devices", pci_sysfs_root);
	n = list_devices(path, &entries);
	for (int i = 0; i < n; i++) {
		struct bus_identity id;

		if (entries[i]->d_name[0] != '.' && pci_sysfs_identify(entries[i]->d_name, &id) == 0 &&
		    id.class_code >> 16 == CLASS_NETWORK && used + 16 < size)
			used += (size_t)snprintf(text + used, size - used, "%s%.13s", used ? ", " : "",
						 entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
