/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_TEST_FAKE_KERNEL_H
#define VIREO_TEST_FAKE_KERNEL_H

/*
 * The kernel's side of VFIO, as far as a program can see it: a tree like sysfs in a temporary folder, and open() and
 * ioctl() behind struct vfio_sys. It insists on what the real one insists on (order of calls, one opener per group,
 * valid addresses) and notes what it sees. Descriptors are memfds, so that close, dup, pread and mmap are the real ones.
 */

#include <linux/vfio.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define FK_MAX_DEVICES    8
#define FK_MAX_CONTAINERS 8
#define FK_MAX_MAPS       64
#define FK_MAX_VECTORS    16
#define FK_N_IRQS         5
#define FK_BAR_SIZE       0x8000

struct fk_object {
	uint64_t ino; /* of the memfd; 0: never opened */
};

struct fk_map {
	uint64_t iova, size;
};

struct fk_container {
	struct fk_object object;
	int type;                /* 0: none */
	unsigned n_groups;
	unsigned n_maps;
	struct fk_map maps[FK_MAX_MAPS];
	unsigned n_map_calls;
};

struct fk_irq {
	unsigned n;              /* vectors allocated */
	int fds[FK_MAX_VECTORS];
	bool masked;
	int unmask_fd;
};

struct fk_device {
	char address[16];
	int group;
	struct fk_object object;
	struct fk_irq irqs[FK_N_IRQS];
	unsigned n_resets;
};

struct fk_group {
	int id;
	char front[8];
	bool viable;
	struct fk_object object;
	struct fk_container *container;
	bool incompatible;       /* SET_CONTAINER is -EINVAL when another group is in the container */
};

/* Set before a call, look at after it. fk_setup() puts back a machine that works. */
struct fake_kernel {
	char root[64];           /* the temporary folder */
	int api_version;
	bool has_v1, has_v2;
	unsigned n_ranges;       /* 0: the capability is absent */
	struct vfio_iova_range ranges[8];
	struct vfio_iova_range shrunk; /* with two groups in a container the ranges become this, if last is set */
	bool noresize;           /* MSI-X */
	unsigned n_msix;         /* of each device */
	unsigned n_vectors;      /* that the system has */
	unsigned n_areas;        /* sparse areas of BAR 0; 0: no capability */
	struct vfio_region_sparse_mmap_area areas[8];
	int map_errno;           /* MAP_DMA fails with it */
	bool ignore_unmap;       /* UNMAP_DMA says that nothing was there */
	unsigned n_dependent;    /* devices of a bus reset */
	struct vfio_pci_dependent_device dependent[8];
	unsigned n_hot_resets;
	int32_t hot_reset_fds[8];
	unsigned n_hot_reset_fds;

	/* Paths that open() refuses, and how. */
	struct {
		char path[96];
		int err;
	} refuse[2];

	/* The n-th system call from now on fails with fail_errno; 0: none. */
	unsigned fail_nth;
	int fail_errno;
	unsigned n_calls;
	/* Looks at each ioctl first; gives a result, or 1000 to go on. */
	int (*hook)(int fd, unsigned long request, void *arg);

	struct fk_device devices[FK_MAX_DEVICES];
	struct fk_group groups[FK_MAX_DEVICES];
	struct fk_container containers[FK_MAX_CONTAINERS];
	pthread_mutex_t lock;
};

extern struct fake_kernel fk;

/* CMocka set-up and tear-down; the latter insists that nothing is open or mapped any more. */
int fk_setup(void **state);
int fk_teardown(void **state);

/* A device in sysfs, bound to @driver ("" for none), in IOMMU group @group (-1: none). 8086:10fb, network card. */
struct fk_device *fk_add_device(const char *address, int group, const char *driver);
/* A file below the root. */
void fk_write(const char *text, const char *path_fmt, ...) __attribute__((format(printf, 2, 3)));
void fk_symlink(const char *target, const char *path_fmt, ...) __attribute__((format(printf, 2, 3)));
struct fk_group *fk_group(int id);
/* How many containers are open. */
unsigned fk_open_containers(void);
bool fk_is_open(const struct fk_object *object);
/* Bytes mapped in all containers. */
uint64_t fk_mapped(void);

#endif
