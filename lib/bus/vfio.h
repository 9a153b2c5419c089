/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_BUS_VFIO_H
#define VIREO_LIB_BUS_VFIO_H

/*
 * VFIO with groups and containers. A device lives under one of two fronts that speak the same ABI: upstream's /dev/vfio
 * and kvfio's /dev/kvfio; which one follows from the driver that the device is bound to.
 *
 * vfio_container.c  containers: IOMMU type, valid addresses, mapping
 * vfio_group.c      groups: viability, several devices in one, which container they join
 * vfio_device.c     the bus ops: regions, accesses, resets
 * vfio_irq.c        interrupts
 * vfio_explain.c    what to tell a person when one of these fails
 */

#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>

#include "bus.h"

/* The system calls that tests replace; everything else works on ordinary files as well. */
struct vfio_sys {
	int (*open)(const char *path, int flags);
	int (*ioctl)(int fd, unsigned long request, void *arg);
};
extern const struct vfio_sys *vfio_sys;
extern const char *vfio_dev_root;  /* "/dev" */
extern const char *vfio_proc_root; /* "/proc" */

/* What the call gives, or -errno. */
int vfio_ioctl(int fd, unsigned long request, void *arg);
/* The descriptor (close-on-exec), or -errno. */
int vfio_open_node(const char *path);

/*
 * Ask with a buffer of @min bytes, and again with as many as the kernel says it has, as the comment on struct
 * vfio_info_cap_header describes. *ret_info is malloc'ed, *ret_size what of it is valid.
 */
int vfio_get_info(int fd, unsigned long request, size_t min, unsigned index, void **ret_info, size_t *ret_size);
/* Offset of a capability of at least @len bytes that lies inside @info, or 0. */
size_t vfio_find_cap(const void *info, size_t size, size_t first, unsigned id, size_t len);

struct vfio_container {
	struct dma_client client;    /* first */
	const char *front;           /* "vfio", "kvfio"; NULL: somebody else's, from vireo_device_open_fd() */
	char name[64];               /* what the user calls it; "": the default */
	int fd;
	uint64_t mapped;             /* bytes; under the domain's lock */
	unsigned n_users;            /* groups, or devices of a foreign one */
	struct vfio_container *next; /* protected by vfio_lock, like all counts here */
};

struct vfio_group {
	int id;
	const char *front;
	int fd;
	struct vfio_container *container;
	unsigned n_devices;
	struct vfio_group *next;
};

/* The eventfds of one kind; the kernel forgets them when vectors are added, so that they must be given again. */
struct vfio_irq_state {
	unsigned n;  /* vectors that the kernel has allocated */
	int *fds;    /* one for each vector there could be; -1: none */
};

struct vfio_device {
	int fd;
	struct vfio_group *group; /* NULL: from vireo_device_open_fd() */
	struct vfio_container *container;
	uint64_t offsets[VIREO_N_REGIONS]; /* of each region in the descriptor */
	struct vfio_irq_state irqs[VIREO_N_IRQS];
	char address[16];
	struct vfio_device *next;
};

/* Groups that hold several devices and containers that hold several groups are shared by all threads that open. */
void vfio_lock(void);
void vfio_unlock(void);

/* Under the lock. */
int vfio_container_join(const char *front, const char *name, int group_fd, const char *address,
			struct vfio_container **ret_container);
void vfio_container_leave(struct vfio_container *c, int group_fd);
int vfio_container_adopt(int fd, struct vfio_container **ret_container);
void vfio_container_release(struct vfio_container *c);

/* Under the lock. @name: the container that was asked for, or NULL. */
int vfio_group_get(const char *front, int id, const char *name, const char *address, struct vfio_group **ret_group);
void vfio_group_put(struct vfio_group *group);
/* One that is open in this process, or NULL. */
struct vfio_group *vfio_group_find(const char *front, int id);

/* As the bus ops. */
int vfio_irq(struct vireo_device *dev, unsigned irq, enum bus_irq_action action, unsigned start, unsigned count,
	     const int *fds);
/* Fill in dev->irqs[] and make room for the eventfds. */
int vfio_irqs_setup(struct vireo_device *dev);
void vfio_irqs_free(struct vfio_device *vdev);

int vfio_hot_reset(struct vireo_device *dev);
/* Fill in dev->regions[]. */
int vfio_regions_setup(struct vireo_device *dev);

/* Each sets the sentence and returns the errno that vireo_port_open() documents. */
int vfio_explain_no_device(const char *address);
int vfio_explain_unbound(const char *address, const struct bus_identity *id);
int vfio_explain_no_group(const char *address);
int vfio_explain_noiommu(const char *address);
int vfio_explain_not_viable(const char *address, int group);
int vfio_explain_group_open(const char *address, const char *path, int err);
int vfio_explain_container_open(const char *address, const char *path, int err);
int vfio_explain_attach(const char *address, const char *what, int err);
int vfio_explain_device_fd(const char *address, int err);
int vfio_explain_map(const struct vfio_container *c, size_t size, int err);

#endif
