/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_BUS_H
#define VIREO_LIB_BUS_H

/*
 * The seam between the library and the ways to reach a device. A back end (lib/bus/) fills in struct vireo_device and
 * serves these ops; lib/device.c checks every argument before it calls them, and unit tests put fakes behind them.
 */

#include <vireo/device.h>

#include "dma.h"

#define SPEC_ADDRESS_MAX 256
#define SPEC_MAX_OPTIONS 8

/* A port or device spec, taken apart: "PREFIX:ADDRESS,key=value,flag". */
struct spec {
	char prefix[16];                 /* "", "vfio-user", ...; "" is a PCI address */
	char address[SPEC_ADDRESS_MAX];  /* canonical: "0000:03:00.0" */
	unsigned n_options;
	struct {
		char key[16];
		char value[64];          /* "" for a flag */
	} options[SPEC_MAX_OPTIONS];
};

/* Take @text apart; -EINVAL with a sentence that shows what a spec looks like. */
int spec_parse(const char *text, struct spec *ret_spec);
/* The value of an option, or NULL. */
const char *spec_option(const struct spec *spec, const char *key);

enum bus_irq_action {
	BUS_IRQ_ENABLE,  /* @fds[count] */
	BUS_IRQ_DISABLE, /* the whole index */
	BUS_IRQ_MASK,
	BUS_IRQ_UNMASK,
	BUS_IRQ_TRIGGER,
	BUS_IRQ_UNMASK_FD, /* @fds[1] */
};

struct bus_ops {
	const char *name;
	const char *prefix;

	/*
	 * Fills in dev->info, dev->regions[].info, dev->irqs[], dev->dma (attached with dma_attach()) and dev->bus_priv.
	 * Bus mastering is off. On failure nothing is left open and the sentence is set.
	 */
	int (*open)(const struct spec *spec, struct vireo_device *dev);
	/* Guarantees: interrupts disabled, bus mastering off, regions unmapped. Detaches dev->dma. */
	void (*close)(struct vireo_device *dev);

	/* Guarantees: bounds and flags checked; @len is 1, 2, 4 or 8 and @offset a multiple of it. */
	int (*read)(struct vireo_device *dev, unsigned region, uint64_t offset, void *buf, size_t len);
	int (*write)(struct vireo_device *dev, unsigned region, uint64_t offset, const void *buf, size_t len);
	/* Guarantees: whole pages inside one area of the region. */
	int (*map)(struct vireo_device *dev, unsigned region, uint64_t offset, uint64_t size, void **ret_va);
	void (*unmap)(struct vireo_device *dev, void *va, uint64_t size);

	/* Guarantees: irq exists, range inside its count. @fds is NULL except for ENABLE and UNMASK_FD. */
	int (*irq)(struct vireo_device *dev, unsigned irq, enum bus_irq_action action, unsigned start, unsigned count,
		   const int *fds);

	int (*reset)(struct vireo_device *dev);
	int (*hot_reset)(struct vireo_device *dev); /* NULL: not supported */
};

struct bus_mapping {
	void *va;
	uint64_t offset, size;
	struct bus_mapping *next;
};

struct bus_region {
	struct vireo_region_info info; /* areas: malloc'ed by open, freed by lib/device.c */
	struct bus_mapping *mappings;
};

struct vireo_device {
	const struct bus_ops *ops;
	void *bus_priv;
	struct dma_client *dma;
	struct vireo_device_info info;
	char address[SPEC_ADDRESS_MAX]; /* info.address points here */
	struct bus_region regions[VIREO_N_REGIONS];
	struct vireo_irq_info irqs[VIREO_N_IRQS];
	int active_irq; /* INTX, MSI or MSIX; -1: none */
};

/* Add a back end; those added later are asked first. Tests add their fakes with it. */
void bus_register(const struct bus_ops *ops);

#endif
