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
#define SPEC_MAX_OPTIONS 24

/* A port or device spec, taken apart: "PREFIX:ADDRESS,key=value,flag". */
struct spec {
	char prefix[16];                 /* "", "vfio-user", ...; "" is a PCI address */
	char address[SPEC_ADDRESS_MAX];  /* canonical: "0000:03:00.0" */
	unsigned n_options;
	struct {
		char key[16];
		char value[192];         /* "" for a flag; files of simulated wires are the longest */
	} options[SPEC_MAX_OPTIONS];
};

/* Take @text apart; -EINVAL with a sentence that shows what a spec looks like. */
int spec_parse(const char *text, struct spec *ret_spec);
/* The value of an option, or NULL. */
const char *spec_option(const struct spec *spec, const char *key);
/* -EINVAL with a sentence when @spec has an option that is not in @known, a list that ends with NULL. */
int spec_check_options(const struct spec *spec, const char *const *known);

enum bus_irq_action {
	BUS_IRQ_ENABLE,  /* @fds[count] */
	BUS_IRQ_DISABLE, /* the whole index */
	BUS_IRQ_MASK,
	BUS_IRQ_UNMASK,
	BUS_IRQ_TRIGGER,
	BUS_IRQ_UNMASK_FD, /* @fds[1] */
};

/* What a device is, as far as that can be known without opening it. */
struct bus_identity {
	uint16_t vendor_id, device_id;
	uint32_t class_code;
	char driver[32]; /* the kernel's driver that has it, or "" */
};

struct bus_ops {
	const char *name;
	const char *prefix;

	/* Looks at a device without taking it; -ENOENT when there is none. NULL: only open() can tell. */
	int (*identify)(const struct spec *spec, struct bus_identity *ret_id);
	/*
	 * Fills in dev->address, dev->info (but what config space tells), dev->regions[].info, dev->irqs[], dev->dma
	 * (attached with dma_attach()) and dev->bus_priv. On failure nothing is left open and the sentence is set.
	 */
	int (*open)(const struct spec *spec, struct vireo_device *dev);
	/* Guarantees: interrupts disabled, bus mastering off, regions unmapped. Detaches dev->dma. */
	void (*close)(struct vireo_device *dev);

	/* Guarantees: bounds and flags checked; @len is 1, 2, 4 or 8 and @offset a multiple of it. */
	int (*read)(struct vireo_device *dev, unsigned region, uint64_t offset, void *buf, size_t len);
	int (*write)(struct vireo_device *dev, unsigned region, uint64_t offset, const void *buf, size_t len);
	/*
	 * With @on, writes may wait for each other until anything is read, or until the call with false. NULL: there is no
	 * gain in that.
	 */
	void (*gather)(struct vireo_device *dev, bool on);
	/* Guarantees: whole pages inside one area of the region. */
	int (*map)(struct vireo_device *dev, unsigned region, uint64_t offset, uint64_t size, void **ret_va);
	void (*unmap)(struct vireo_device *dev, void *va, uint64_t size);

	/* Guarantees: irq exists, range inside its count. @fds is NULL except for ENABLE and UNMASK_FD. */
	int (*irq)(struct vireo_device *dev, unsigned irq, enum bus_irq_action action, unsigned start, unsigned count,
		   const int *fds);

	/*
	 * For what no interrupt announces: a descriptor that becomes readable when poll() has something to do. It stays with
	 * the back end, and poll() makes it unreadable again. Both NULL: interrupts tell everything.
	 */
	int (*event_fd)(struct vireo_device *dev);
	void (*poll)(struct vireo_device *dev);

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
	bool irq_on[VIREO_N_IRQS]; /* at most one of INTX, MSI and MSIX */
};

/* Add a back end; those added later are asked first. Tests add their fakes with it. */
void bus_register(const struct bus_ops *ops);
/* The back end that serves @spec; -EINVAL with a sentence when there is none. */
int bus_find(const struct spec *spec, const struct bus_ops **ret_ops);
/* As the op, with a sentence; -EOPNOTSUPP when only opening can tell. */
int bus_identify(const char *text, struct bus_identity *ret_id);

/* As the ops; -1 where there is no such descriptor. */
int device_event_fd(struct vireo_device *dev);
void device_poll(struct vireo_device *dev);

/* VFIO with groups and containers: upstream's and kvfio's. */
extern const struct bus_ops vfio_bus;
/* A virtio device in another process. */
extern const struct bus_ops vhost_user_bus;
/* vfio-user:SOCKET, see bus/vfio_user.h. */
extern const struct bus_ops vfio_user_bus;
/* sim:WIRE, a simulated card; only where VIREO_HAVE_SIM is defined. */
extern const struct bus_ops sim_bus;
/* As vireo_device_open_fd(); fills in @dev like the open op. */
int vfio_open_fd(int device_fd, int container_fd, struct vireo_device *dev);

#endif
