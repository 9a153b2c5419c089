/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_TEST_TOY_DEVICE_H
#define VIREO_TEST_TOY_DEVICE_H

/* The smallest device that uses all that a server offers: registers, shared pages, DMA, interrupts. */

#include "device.h"

#define TOY_BAR0_SIZE 0x8000
#define TOY_VECTORS   4
#define TOY_ID	      0x70f0c0deu

/* BAR0. Two of its pages are shared; in the first lies the bell, in the second nothing. */
#define TOY_REG_ID	0x00 /* TOY_ID */
#define TOY_REG_SCRATCH 0x08
#define TOY_REG_IOVA	0x10 /* 8 bytes: where DMA goes */
#define TOY_REG_LEN	0x18 /* bytes of it */
#define TOY_REG_SUM	0x20 /* write: read the memory and add its bytes up; ~0: refused */
#define TOY_REG_FILL	0x28 /* write: fill the memory with that byte */
#define TOY_REG_RAISE	0x30 /* write: raise that vector of MSI-X */
#define TOY_REG_INTX	0x38 /* write: raise INTx */
#define TOY_REG_HEARD	0x40 /* what the model last read from the bell */
#define TOY_REG_BROKEN	0x48 /* any access fails with -EIO */
#define TOY_AREA0	0x2000
#define TOY_AREA1	0x4000
#define TOY_AREA_SIZE	0x1000
#define TOY_BELL	TOY_AREA0

struct toy {
	struct sim_device dev; /* first */
	uint8_t config[256];
	uint64_t regs[16];
	uint8_t *shared; /* the memfd */
	unsigned resets, syncs;
	bool *destroyed; /* set by destroy when it is there */
};

/* Never fails: it asserts. @destroyed may be NULL. */
struct toy *toy_create(bool *destroyed);

#endif
