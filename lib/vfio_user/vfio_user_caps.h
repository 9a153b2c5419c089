/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VFIO_USER_CAPS_H
#define VFIO_USER_CAPS_H

/*
 * What one side says about itself in VERSION, as JSON text: {"capabilities":{"max_msg_fds":8,...}}. The reader takes any
 * bytes: it is bounded in depth and length, and skips what it does not know.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vfio_user_caps {
	uint64_t max_msg_fds;	     /* descriptors that the sender takes in one message */
	uint64_t max_data_xfer_size; /* bytes of one region or DMA access */
	uint64_t max_dma_maps;
	uint64_t pgsizes;    /* of DMA maps, or'ed together */
	bool write_multiple; /* REGION_WRITE_MULTI is understood */
	bool twin_socket;    /* server's commands could go over a socket of their own */
};

/* What holds when nothing is said. */
void vfio_user_caps_default(struct vfio_user_caps *caps);

/*
 * Read @len bytes of version data, with or without a NUL at the end, over what @caps holds already. 0, or -EINVAL when
 * that is no JSON object, or one whose members have other types; @caps is unchanged then.
 */
int vfio_user_caps_parse(const char *text, size_t len, struct vfio_user_caps *caps);

/* Bytes written with the terminating NUL, or -ENOSPC. */
int vfio_user_caps_print(const struct vfio_user_caps *caps, char *text, size_t size);

#endif
