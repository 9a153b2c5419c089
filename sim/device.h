/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

/*
 * What a device model is to those who serve it. One model thread makes every call for a device, so that a model needs
 * no lock. Regions and interrupt kinds have the numbers of <linux/vfio.h>.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dma.h"

#define SIM_N_REGIONS	9 /* VFIO_PCI_NUM_REGIONS */
#define SIM_N_IRQS	5 /* VFIO_PCI_NUM_IRQS */
#define SIM_MAX_VECTORS 64
#define SIM_MAX_AREAS	8

struct sim_device;

/* Part of a region that a client may map; the device polls it. */
struct sim_area {
	uint64_t offset;
	uint64_t size;
};

struct sim_region {
	uint64_t size; /* 0: there is none */
	bool readable, writable;
	int fd; /* sim_region_memfd() of the region's size behind the areas, or -1; the model closes it */
	unsigned n_areas;
	struct sim_area areas[SIM_MAX_AREAS];
};

struct sim_irq {
	unsigned count;		  /* vectors; 0: there is none */
	uint32_t flags;		  /* VFIO_IRQ_INFO_* */
	int fds[SIM_MAX_VECTORS]; /* eventfd for each vector, or -1; kept by the server (sim/irq.c) */
	bool masked[SIM_MAX_VECTORS];
	bool pending[SIM_MAX_VECTORS]; /* raised while masked */
};

/* A counter of the model for people, such as "dma_refused". */
struct sim_counter {
	char name[40];
	uint64_t value;
};

struct sim_device_ops {
	const char *name;
	void (*destroy)(struct sim_device *dev);

	/*
	 * One access as the client made it. Guarantees: inside the region, which allows it; @len is 1, 2, 4 or 8 and @offset
	 * a multiple of it, except in config space (region 7), where @len is 1 to 4096. 0, or a negative errno.
	 */
	int (*read)(struct sim_device *dev, unsigned region, uint64_t offset, void *buf, unsigned len);
	int (*write)(struct sim_device *dev, unsigned region, uint64_t offset, const void *buf, unsigned len);

	/* To the state after power-on: VFIO's reset, and what the server calls when a client has gone. Stops all DMA. */
	void (*reset)(struct sim_device *dev);
	/*
	 * Called before every message of the client is acted on: re-reads what the client has written to the mapped areas and
	 * finishes what it asks. After a DMA unmap that followed, the model holds no pointer into what was unmapped.
	 */
	void (*sync)(struct sim_device *dev, uint64_t now_ns);
	/* A turn of work; how many descriptors and frames moved, 0 when idle. */
	unsigned (*poll)(struct sim_device *dev, uint64_t now_ns);

	/* Fills in up to @n counters, returns how many there are. */
	unsigned (*counters)(struct sim_device *dev, struct sim_counter *counters, unsigned n);
	/* The client's latest mistake as a sentence; "" when there was none. NULL: the model tells of none. */
	const char *(*complaint)(const struct sim_device *dev);
	/* Inject a fault, or end it; -EINVAL for a name that the model does not know. */
	int (*fault)(struct sim_device *dev, const char *name, bool on);
};

/* Embedded at the front of a model's own struct; the model fills in ops, regions and irqs. */
struct sim_device {
	const struct sim_device_ops *ops;
	struct sim_dma dma;
	struct sim_region regions[SIM_N_REGIONS];
	struct sim_irq irqs[SIM_N_IRQS];
};

/* A device without maps, regions and interrupts. */
void sim_device_init(struct sim_device *dev, const struct sim_device_ops *ops);

/*
 * Memory for the areas of a region: a sealed memfd, since a client gets it and must not be able to shrink it. The
 * descriptor, or a negative errno.
 */
int sim_region_memfd(const char *name, uint64_t size);

/* Signal a vector, or remember it while it is masked; nothing happens when the client has not enabled it. */
void sim_irq_raise(struct sim_device *dev, unsigned irq, unsigned vector);

#endif
