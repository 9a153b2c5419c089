/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_TEST_FAKE_BUS_H
#define VIREO_TEST_FAKE_BUS_H

/*
 * A device made of memory and callbacks behind struct bus_ops, reached as "fake:NAME". A test creates it, gives it
 * regions and interrupts, opens it (or a port on it) and sees every call that arrived. A model of a real device sits on
 * top: register handlers on one side, fake_device_dma() into the driver's rings on the other.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

#define FAKE_MAX_VECTORS  128
#define FAKE_MAX_MAPPINGS 64

struct fake_device;

/*
 * A region with registers that do something. Called for every vireo_device_read()/write() and for every access through
 * a struct io_window, because a region with handlers cannot be mapped. 0 or a negative errno.
 */
struct fake_handlers {
	int (*read)(void *ctx, uint64_t offset, void *buf, size_t len);
	int (*write)(void *ctx, uint64_t offset, const void *buf, size_t len);
};

/* What the bus can be asked, for the counters and for failing. */
enum fake_call {
	FAKE_OPEN,
	FAKE_READ,
	FAKE_WRITE,
	FAKE_MAP,
	FAKE_IRQ,
	FAKE_RESET,
	FAKE_DMA_MAP,
	FAKE_N_CALLS
};

struct fake_region {
	uint8_t *mem;                         /* whole pages, or NULL when there are handlers only */
	const struct fake_handlers *handlers; /* or NULL: plain memory */
	void *ctx;
};

struct fake_irq {
	int fds[FAKE_MAX_VECTORS];            /* as given; -1: none */
	bool masked[FAKE_MAX_VECTORS];
	int unmask_fd;
	unsigned n_enable, n_disable;         /* calls */
};

/* Everything is open to tests: set it before opening, look at it at any time from the thread that uses the device. */
struct fake_device {
	char name[32];
	uint8_t *config;                      /* 4096 bytes, memory of VIREO_REGION_CONFIG */
	struct vireo_region_info region_infos[VIREO_N_REGIONS];
	struct fake_region regions[VIREO_N_REGIONS];
	struct vireo_irq_info irq_infos[VIREO_N_IRQS];
	struct fake_irq irqs[VIREO_N_IRQS];
	bool can_reset, can_hot_reset;
	bool iommu;
	int numa_node;

	/* Called at a reset; a model puts its registers back. NULL: nothing. 0 or a negative errno. */
	int (*on_reset)(void *ctx);
	/* Called when bus mastering changes. */
	void (*on_master)(void *ctx, bool on);
	void *ctx;

	/* The n-th call from now on of any kind (1: the next) fails with fail_errno; 0: none does. */
	unsigned fail_nth;
	int fail_errno;                       /* negative; default -EIO */
	bool has_failed;

	atomic_bool removed;                  /* see fake_device_remove() */
	atomic_bool master;                   /* see fake_device_is_master() */
	bool is_open;
	unsigned n_calls[FAKE_N_CALLS];
	unsigned n_maps;                      /* region mappings that exist now */

	pthread_mutex_t dma_lock;             /* protects mappings: models may run in a thread */
	struct dma_client dma;                /* n_ranges, ranges: set before opening; default 0 to 2^39 - 1 */
	unsigned n_mappings;                  /* what the device may reach now */
	struct dma_mapping mappings[FAKE_MAX_MAPPINGS];
};

/*
 * A device "fake:NAME" that is a network card (class 0x020000) 1af4:fa4e with 4 KiB of config space, no BARs, no
 * interrupts, and a reset. Never NULL: a test that cannot have one fails.
 */
struct fake_device *fake_device_create(const char *name);
/* A closed device. */
void fake_device_destroy(struct fake_device *fake);
/* The one behind an open device. */
struct fake_device *fake_device_of(struct vireo_device *dev);

void fake_device_set_ids(struct fake_device *fake, uint16_t vendor, uint16_t device, uint32_t class_code);
/*
 * A region of memory that can be read, written and mapped as a whole: change region_infos[] for something else. Returns
 * the memory, whole pages, zero.
 */
uint8_t *fake_device_add_memory(struct fake_device *fake, enum vireo_region region, uint64_t size);
/* A region of registers; not mappable. The config region may have handlers too, beside its memory. */
void fake_device_add_registers(struct fake_device *fake, enum vireo_region region, uint64_t size,
			       const struct fake_handlers *handlers, void *ctx);
/*
 * A capability of @len bytes in front of the list in config space, at @offset (64 to 252, multiple of 4); @body is what
 * comes after id and next pointer.
 */
void fake_device_add_capability(struct fake_device *fake, uint8_t offset, uint8_t id, const void *body, size_t len);
void fake_device_add_irqs(struct fake_device *fake, enum vireo_irq irq, unsigned count);

/* From now on every read is all ones, in mapped memory too, every write is lost, and resets fail. */
void fake_device_remove(struct fake_device *fake);
/* Signal a vector; false when nobody listens or it is masked. Any thread. */
bool fake_device_signal(struct fake_device *fake, enum vireo_irq irq, unsigned vector);
/*
 * What the device sees at @iova: a pointer, or NULL unless all @len bytes lie inside one mapping that allows @flags
 * (VIREO_DMA_*) and bus mastering is on, as behind an IOMMU.
 */
void *fake_device_dma(struct fake_device *fake, vireo_iova_t iova, uint64_t len, unsigned flags);
/* Bus mastering as the command register says. Any thread. */
bool fake_device_is_master(const struct fake_device *fake);

#endif
