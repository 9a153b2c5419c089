// SPDX-License-Identifier: BSD-2-Clause
#include "paths.h"

#include <stdio.h>
#include <string.h>

#include "preload.h"

/* What the program sees of its own instead of the machine's. With a dot at the end: all names that begin so. */
static const char *const prefixes[] = {
	"/dev/vfio",	    "/dev/kvfio",      "/dev/iommu",	    "/sys/bus/pci",	 "/sys/kernel/iommu_groups",
	"/sys/class/iommu", "/sys/class/vfio", "/sys/devices/pci.", "/sys/module/vfio.",
};

static bool below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	if (prefix[n - 1] == '.')
		return strncmp(path, prefix, n - 1) == 0;
	return strncmp(path, prefix, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Without doubled slashes and single dots, which people's path arithmetic leaves behind. False: too long. */
static bool simplify(const char *path, char *out, size_t size)
{
	size_t n = 0;

	while (*path) {
		if (path[0] == '/' && path[1] == '/') {
			path++;
		} else if (path[0] == '/' && path[1] == '.' && (path[2] == '/' || !path[2])) {
			path += 2;
		} else {
			if (n + 1 >= size)
				return false;
			out[n++] = *path++;
		}
	}
	out[n] = '\0';
	return true;
}

const char *paths_map(const char *path, char buf[PATH_MAX])
{
	const char *root = preload_root();
	char simple[PATH_MAX];
	size_t i;

	/* Nearly all paths leave here. */
	if (!root || !path || path[0] != '/' || !simplify(path, simple, sizeof(simple)))
		return path;
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (!below(simple, prefixes[i]))
			continue;
		return snprintf(buf, PATH_MAX, "%s%s", root, simple) < PATH_MAX ? buf : path;
	}
	return path;
}

void paths_unmap(char *path)
{
	const char *root = preload_root();
	size_t n = root ? strlen(root) : 0;

	if (n && strncmp(path, root, n) == 0 && path[n] == '/')
		memmove(path, path + n, strlen(path + n) + 1);
}

const char *paths_vfio_node(const char *path, char buf[PATH_MAX])
{
	if (!preload_root() || !path || path[0] != '/' || !simplify(path, buf, PATH_MAX))
		return NULL;
	return strncmp(buf, "/dev/vfio/", 10) == 0 ? buf + 10 : NULL;
}
