/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PRELOAD_VFIO_DEVICE_H
#define SIM_PRELOAD_VFIO_DEVICE_H

/*
 * device.c: which there are, opening and closing. device_ioctl.c: what a program asks of one. device_access.c: its registers,
 * by reads, writes and maps.
 */

#include "vfio.h"
#include "vfio_user_conn.h"

struct device {
	struct object object; /* first */
	char name[16];	      /* 0000:05:00.0 */
	struct group *group;
	bool open;   /* connected */
	bool posted; /* writes need not be waited for, since nothing else reaches the card that they could overtake */
	struct vfio_user_conn conn;
	struct vfio_user_region regions[VFIO_N_REGIONS];
	struct vfio_irq_info irqs[VFIO_N_IRQS];
	int msix_bar;		    /* that holds the table, or -1 */
	bool own_irqs[VFIO_N_IRQS]; /* answered here: kinds that the kernel makes, and no card */
};

long device_ioctl(struct object *object, unsigned long request, void *arg);
ssize_t device_read(struct object *object, void *buf, size_t len, uint64_t offset);
ssize_t device_write(struct object *object, const void *buf, size_t len, uint64_t offset);
int device_mmap(struct object *object, void **ret_va, size_t len, int prot, int flags, uint64_t offset);

/* Of a memory BAR with a page or more: programs may map it, whatever of it is memory and whatever is trapped. */
bool device_can_map(const struct device *dev, unsigned region);
/* The device as after power-on, with what the program had written into the header of config space. */
int device_reset(struct device *dev);
int device_read_config(struct device *dev, unsigned offset, void *buf, unsigned len);
int device_write_config(struct device *dev, unsigned offset, const void *buf, unsigned len);

#endif
