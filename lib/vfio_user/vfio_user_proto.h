/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VFIO_USER_PROTO_H
#define VFIO_USER_PROTO_H

/*
 * vfio-user 0.1 on the wire, as the protocol's specification describes it (QEMU, docs/interop/vfio-user.rst). Both ends
 * are on one machine, so numbers have its byte order. A message is a header and a payload; descriptors travel beside it
 * as SCM_RIGHTS. GET_INFO, GET_REGION_INFO, GET_IRQ_INFO and SET_IRQS have the structs of <linux/vfio.h> as payload.
 */

#include <assert.h>
#include <linux/vfio.h>
#include <stdint.h>

#define VFIO_USER_MAJOR 0
#define VFIO_USER_MINOR 1

enum vfio_user_command {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_REGION_IO_FDS = 6,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_DMA_READ = 11,  /* the server asks, the client answers */
	VFIO_USER_DMA_WRITE = 12, /* likewise */
	VFIO_USER_DEVICE_RESET = 13,
	VFIO_USER_REGION_WRITE_MULTI = 15,
};

#define VFIO_USER_TYPE_MASK 0xfu
#define VFIO_USER_COMMAND   0x0u
#define VFIO_USER_REPLY	    0x1u
#define VFIO_USER_NO_REPLY  (1u << 4) /* of a command: nobody waits for a reply, not even when it fails */
#define VFIO_USER_ERROR	    (1u << 5) /* of a reply: nothing but the header follows */

struct vfio_user_header {
	uint16_t id; /* the sender's own; echoed in the reply */
	uint16_t command;
	uint32_t size; /* with this header */
	uint32_t flags;
	uint32_t error; /* errno of a reply with VFIO_USER_ERROR */
};

/* VERSION, both ways; JSON with its terminating NUL may follow. */
struct vfio_user_version {
	uint16_t major;
	uint16_t minor;
};

#define VFIO_USER_DMA_FLAG_READ	 (1u << 0)
#define VFIO_USER_DMA_FLAG_WRITE (1u << 1)

/* DMA_MAP; the descriptor of the memory beside it, if the server may map it. The reply is empty. */
struct vfio_user_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /* in the descriptor */
	uint64_t iova;
	uint64_t size;
};

/* DMA_UNMAP, both ways: exactly one earlier map. */
struct vfio_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova;
	uint64_t size;
};

/* REGION_READ and REGION_WRITE, both ways; the data follow where they are. */
struct vfio_user_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* DMA_READ and DMA_WRITE, both ways; the data follow where they are. */
struct vfio_user_dma_access {
	uint64_t iova;
	uint64_t count;
};

/* REGION_WRITE_MULTI: how many, then so many writes; the reply says how many were done. */
struct vfio_user_write_multi {
	uint64_t n_writes;
};

struct vfio_user_multi_write {
	struct vfio_user_region_access access; /* of 8 bytes at most */
	uint64_t data;
};

static_assert(sizeof(struct vfio_user_header) == 16, "header");
static_assert(sizeof(struct vfio_user_version) == 4, "VERSION");
static_assert(sizeof(struct vfio_user_dma_map) == 32, "DMA_MAP");
static_assert(sizeof(struct vfio_user_dma_unmap) == 24, "DMA_UNMAP");
static_assert(sizeof(struct vfio_user_region_access) == 16, "REGION_READ, REGION_WRITE");
static_assert(sizeof(struct vfio_user_dma_access) == 16, "DMA_READ, DMA_WRITE");
static_assert(sizeof(struct vfio_user_multi_write) == 24, "REGION_WRITE_MULTI");
static_assert(sizeof(struct vfio_device_info) >= 16, "DEVICE_GET_INFO");
static_assert(sizeof(struct vfio_region_info) == 32, "DEVICE_GET_REGION_INFO");
static_assert(sizeof(struct vfio_irq_info) == 16, "DEVICE_GET_IRQ_INFO");
static_assert(sizeof(struct vfio_irq_set) == 20, "DEVICE_SET_IRQS");

/* The part of struct vfio_device_info that the protocol has; newer kernels' headers have more. */
#define VFIO_USER_DEVICE_INFO_SIZE 16

/* What holds when the other side's version data say nothing. */
#define VFIO_USER_DEFAULT_MSG_FDS   1
#define VFIO_USER_DEFAULT_DATA_XFER (1u << 20)
#define VFIO_USER_DEFAULT_DMA_MAPS  65535
#define VFIO_USER_DEFAULT_PGSIZES   4096

#endif
