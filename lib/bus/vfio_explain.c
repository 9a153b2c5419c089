// SPDX-License-Identifier: BSD-2-Clause
/* What to tell a person when VFIO says no: what is wrong, and the command that mends it. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "pci_sysfs.h"
#include "vfio.h"

#define CLASS_NETWORK	 0x02
#define MIB		 (1024.0 * 1024.0)
#define CAP_IPC_LOCK_BIT 14

int vfio_explain_no_device(const char *address)
{
	char nics[256];

	pci_sysfs_list_nics(nics, sizeof(nics));
	return vireo_error(-ENOENT,
			   "there is no PCI device %s; network cards of this machine: %s (see `vireo-bind status`)",
			   address, nics);
}

int vfio_explain_unbound(const char *address, const struct bus_identity *id)
{
	if (id->class_code >> 16 != CLASS_NETWORK)
		return vireo_error(-EUNATCH, "%s (%04x:%04x, class 0x%06x, driver %s) is not bound to a VFIO driver",
				   address, id->vendor_id, id->device_id, id->class_code,
				   id->driver[0] ? id->driver : "none");
	if (!id->driver[0])
		return vireo_error(-EUNATCH, "%s has no driver: `sudo vireo-bind bind %s` gives it to a VFIO driver",
				   address, address);
	return vireo_error(-EUNATCH,
			   "%s belongs to the kernel driver %s: `sudo vireo-bind bind %s` gives it to a VFIO driver",
			   address, id->driver, address);
}

/* A line of a file in /proc that starts with @key. */
static bool proc_line(const char *file, const char *key, char *line, int size)
{
	char path[PATH_MAX];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", vfio_proc_root, file);
	f = fopen(path, "re");
	while (f && !found && fgets(line, size, f))
		found = strncmp(line, key, strlen(key)) == 0;
	if (f)
		fclose(f);
	return found;
}

static bool is_virtual_machine(void)
{
	char flags[4096];

	return proc_line("cpuinfo", "flags", flags, sizeof(flags)) && strstr(flags, " hypervisor");
}

int vfio_explain_no_group(const char *address)
{
	const char *table = pci_sysfs_firmware_iommu();

	if (pci_sysfs_has_iommu())
		return vireo_error(
			-EOPNOTSUPP,
			"%s has no IOMMU group although the kernel runs an IOMMU: it is behind a bridge or a root "
			"complex that the IOMMU does not cover",
			address);
	if (table)
		return vireo_error(-EOPNOTSUPP,
				   "%s has no IOMMU group: the machine has an IOMMU (ACPI table %s) that the kernel "
				   "does not use; add "
				   "%s to the kernel command line and reboot",
				   address, table, strcmp(table, "DMAR") == 0 ? "intel_iommu=on" : "amd_iommu=on");
	if (is_virtual_machine())
		return vireo_error(
			-EOPNOTSUPP,
			"%s has no IOMMU group: this virtual machine has no IOMMU; with QEMU, start it with -machine "
			"q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on, and with "
			"intel_iommu=on "
			"on the kernel command line",
			address);
	return vireo_error(
		-EOPNOTSUPP,
		"%s has no IOMMU group: the firmware offers no IOMMU; switch on VT-d or AMD-Vi in the BIOS set-up, "
		"and add intel_iommu=on to the kernel command line on Intel machines",
		address);
}

int vfio_explain_noiommu(const char *address)
{
	return vireo_error(
		-EOPNOTSUPP,
		"%s is in no-IOMMU mode, which this library refuses: the card could write anywhere in memory, and "
		"physical addresses do not follow the one constant that it relies on; switch the IOMMU on",
		address);
}

struct sibling_list {
	const char *address;
	char names[256]; /* "0000:03:00.1 (e1000e), ..." */
	char addresses[160];
};

/* What makes a group unviable: a device that the kernel drives with DMA of its own. Bridges do none. */
static void add_sibling(void *ctx, const char *address, const struct bus_identity *id)
{
	struct sibling_list *list = ctx;
	size_t n = strlen(list->names), m = strlen(list->addresses);

	if (!id->driver[0] || pci_sysfs_is_vfio_driver(id->driver) || id->class_code >> 8 == 0x0604)
		return;
	snprintf(list->names + n, sizeof(list->names) - n, "%s%s (%s)", n ? ", " : "", address, id->driver);
	snprintf(list->addresses + m, sizeof(list->addresses) - m, " %s", address);
}

int vfio_explain_not_viable(const char *address, int group)
{
	struct sibling_list list = {.address = address};

	pci_sysfs_for_each_in_group(address, add_sibling, &list);
	if (!list.names[0])
		return vireo_error(-EPERM, "IOMMU group %d of %s is not viable: the kernel uses one of its devices",
				   group, address);
	return vireo_error(
		-EPERM,
		"IOMMU group %d of %s is not viable, because the kernel drives other devices of it: %s; all of a group "
		"go together: `sudo vireo-bind bind %s%s`",
		group, address, list.names, address, list.addresses);
}

/* "root:root, mode 0600" */
static void describe_owner(const char *path, char *text, size_t size)
{
	struct passwd *user;
	struct group *group;
	struct stat st;

	if (stat(path, &st) < 0) {
		snprintf(text, size, "somebody else");
		return;
	}
	user = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	snprintf(text, size, "%s:%s, mode %04o", user ? user->pw_name : "?", group ? group->gr_name : "?",
		 st.st_mode & 07777);
}

static const char *user_name(void)
{
	struct passwd *user = getpwuid(geteuid());

	return user ? user->pw_name : "$(id -un)";
}

/* Does process @pid have @path open? */
static bool holds(const char *pid, const char *path)
{
	char dir_path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), "%s/%s/fd", vfio_proc_root, pid);
	dir = opendir(dir_path);
	while (dir && !found && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		found = strcmp(target, path) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* "process 1234 (testpmd)"; false when nobody that we may look into has it. */
static bool find_holder(const char *path, char *text, size_t size)
{
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir(vfio_proc_root);
	while (dir && !found && (entry = readdir(dir))) {
		char file[300], name[64] = "Name:\t?";

		if (!isdigit((unsigned char)entry->d_name[0]) || !holds(entry->d_name, path))
			continue;
		snprintf(file, sizeof(file), "%s/status", entry->d_name);
		proc_line(file, "Name:", name, sizeof(name));
		name[strcspn(name, "\n")] = '\0';
		snprintf(text, size, "process %.10s (%.60s)", entry->d_name, name + strlen("Name:\t"));
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

static int explain_busy(const char *address, const char *path)
{
	char holder[128];

	if (find_holder(path, holder, sizeof(holder)))
		return vireo_error(-EBUSY, "%s is in use: %s has %s open", address, holder, path);
	return vireo_error(-EBUSY, "%s is in use: a process of another user has %s open (`sudo fuser -v %s` names it)",
			   address, path, path);
}

static int explain_access(const char *address, const char *path, int err)
{
	char owner[128];

	describe_owner(path, owner, sizeof(owner));
	return vireo_error(
		-EACCES,
		"no permission for %s (it belongs to %s): `sudo vireo-bind bind --user %s %s` gives it to you%s", path,
		owner, user_name(), address,
		err == -EPERM ? "; in a container, its device rules must allow it too" : "");
}

int vfio_explain_group_open(const char *address, const char *path, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return explain_access(address, path, err);
	case -EBUSY:
		return explain_busy(address, path);
	case -ENOENT:
		return vireo_error(
			-EACCES,
			"%s is bound to a VFIO driver, but %s does not exist here: in a container, pass it in "
			"(--device %s)",
			address, path, path);
	default:
		return vireo_error(err, "cannot open %s for %s: %s", path, address, strerror(-err));
	}
}

int vfio_explain_container_open(const char *address, const char *path, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return explain_access(address, path, err);
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return vireo_error(-EOPNOTSUPP,
				   "%s does not exist: `sudo modprobe vfio-pci` loads VFIO; in a container, pass it in "
				   "(--device %s)",
				   path, path);
	default:
		return vireo_error(err, "cannot open %s for %s: %s", path, address, strerror(-err));
	}
}

int vfio_explain_attach(const char *address, const char *what, int err)
{
	switch (err) {
	case -EPERM:
		return vireo_error(
			-EPERM,
			"the kernel refuses %s: this machine does not isolate interrupts (no interrupt remapping), so "
			"a device "
			"could raise any; switch it on (BIOS, or intremap=on of QEMU's intel-iommu), or accept the "
			"risk with "
			"`echo 1 | sudo tee /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts`",
			address);
	case -EBUSY:
		return vireo_error(-EBUSY, "%s cannot be taken (%s): its IOMMU group is in use by somebody else",
				   address, what);
	case -ENODEV:
		return vireo_error(
			-EOPNOTSUPP,
			"%s cannot be attached (%s): the kernel's VFIO has no IOMMU back end for it; `sudo modprobe "
			"vfio_iommu_type1` loads it",
			address, what);
	case -ENOMEM:
		return vireo_error(-ENOMEM, "the kernel has no memory for the IOMMU tables of %s", address);
	default:
		return vireo_error(err, "%s cannot be attached to the IOMMU (%s): %s", address, what, strerror(-err));
	}
}

int vfio_explain_device_fd(const char *address, int err)
{
	if (err == -EBUSY)
		return vireo_error(err, "%s is in use by another process", address);
	if (err == -ENODEV)
		return vireo_error(err, "%s does not answer, or was taken from its VFIO driver just now", address);
	return vireo_error(err, "VFIO does not give %s out: %s", address, strerror(-err));
}

/* Memory that the process has locked, as the limit counts it, in bytes. */
static uint64_t locked_memory(void)
{
	char line[128];

	return proc_line("self/status", "VmLck:", line, sizeof(line)) ? strtoull(line + 6, NULL, 10) * 1024 : 0;
}

static bool may_lock_all(void)
{
	char line[128];

	return proc_line("self/status", "CapEff:", line, sizeof(line)) &&
	       strtoull(line + 7, NULL, 16) & 1ULL << CAP_IPC_LOCK_BIT;
}

/* The limit counts what every container has locked; this one may have more to map after the piece that failed. */
static int explain_memlock(const struct vfio_container *c, size_t size, uint64_t locked, uint64_t limit)
{
	uint64_t wanted = c->mapped + size > dma_arena_bytes ? c->mapped + size : dma_arena_bytes;
	uint64_t total = locked > c->mapped ? locked - c->mapped + wanted : wanted;

	return vireo_error(-EDQUOT,
			   "RLIMIT_MEMLOCK is %.1f MiB, and %.1f MiB are needed in all (%.1f MiB are locked already; "
			   "memory counts "
			   "once for each container, here the %s): raise it with `ulimit -l` or in "
			   "/etc/security/limits.d, as `sudo "
			   "vireo-bind bind --user %s` does",
			   (double)limit / MIB, (double)total / MIB, (double)locked / MIB, c->client.name, user_name());
}

int vfio_explain_map(const struct vfio_container *c, size_t size, int err)
{
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
	uint64_t locked = locked_memory();

	getrlimit(RLIMIT_MEMLOCK, &limit);
	switch (err) {
	case -ENOMEM:
		if (limit.rlim_cur != RLIM_INFINITY && locked + size > limit.rlim_cur && !may_lock_all())
			return explain_memlock(c, size, locked, limit.rlim_cur);
		return vireo_error(-ENOMEM, "the kernel has no memory to map %.1f MiB for the %s", (double)size / MIB,
				   c->client.name);
	case -ENOSPC:
		return vireo_error(-ENOSPC,
				   "the %s has reached its limit of DMA mappings: raise dma_entry_limit of module "
				   "vfio_iommu_type1, "
				   "or map fewer and larger pieces",
				   c->client.name);
	case -EEXIST:
		return vireo_error(
			-EEXIST,
			"the %s has something mapped already where the window is: see vireo_memory_configure()",
			c->client.name);
	case -EFAULT:
		return vireo_error(-EFAULT, "memory that was to be mapped for the %s is not there", c->client.name);
	default:
		return vireo_error(err, "mapping %.1f MiB for the %s failed: %s", (double)size / MIB, c->client.name,
				   strerror(-err));
	}
}
