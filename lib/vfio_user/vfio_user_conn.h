/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VFIO_USER_CONN_H
#define VFIO_USER_CONN_H

/*
 * The client's side of vfio-user: requests and replies over one connection. It depends on nothing else of the library,
 * so that other programs that need a client can have it. Calls may be made on any thread; they take turns. No call waits
 * longer than the deadline of the connection. A peer that misses it, ends the connection or sends what makes no sense
 * is lost: this call and all later ones fail with -ENODEV (-ETIMEDOUT the first time, when it was too slow), and
 * vfio_user_conn_why() tells a person why. Other errors are what the server answered.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio_user_caps.h"
#include "vfio_user_proto.h"
#include "vfio_user_sock.h"

#define VFIO_USER_TIMEOUT_MS 10000
#define VFIO_USER_MAX_HELD   128

struct vfio_user_conn {
	int sock;
	unsigned timeout_ms;
	pthread_mutex_t lock; /* one request at a time, from its first byte to the last of its reply */
	uint16_t next_id;     /* under the lock, like all that follows */
	bool lost;
	char why[128];		    /* why it is lost, as a part of a sentence: "closed the connection" */
	struct vfio_user_caps peer; /* what the server takes; constant once open */
	bool holding;		    /* posted writes wait for each other, see vfio_user_conn_hold() */
	unsigned n_held;
	struct vfio_user_multi_write held[VFIO_USER_MAX_HELD];
};

/*
 * Agree on a version with the server at the other end of @sock, which belongs to the connection from now on, also when
 * this fails. @timeout_ms: the deadline of each call, 0: VFIO_USER_TIMEOUT_MS. 0; -ENODEV, -ETIMEDOUT as above;
 * -EPROTONOSUPPORT another version. After a failure only vfio_user_conn_why() may be called.
 */
int vfio_user_conn_open(struct vfio_user_conn *conn, int sock, unsigned timeout_ms);
/* Close it; fine for one whose open failed. */
void vfio_user_conn_close(struct vfio_user_conn *conn);
/* Why the peer was given up, as a part of a sentence; NULL while it was not. */
const char *vfio_user_conn_why(struct vfio_user_conn *conn);

/*
 * From now on posted writes of up to 8 bytes may wait and go together, in one message, if the server understands that. They
 * go before anything else that is asked, and at the latest with vfio_user_conn_release(), which says how that went.
 */
void vfio_user_conn_hold(struct vfio_user_conn *conn);
int vfio_user_conn_release(struct vfio_user_conn *conn);

/* A request. What is not set is not sent, and not allowed in the reply. */
struct vfio_user_call {
	enum vfio_user_command command;
	bool posted;	  /* nobody waits: 0 means only that it was sent */
	const void *head; /* the payload: first this, */
	size_t head_len;
	const void *data; /* then this */
	size_t data_len;
	const int *fds; /* sent along; they stay with the caller */
	unsigned n_fds;
	void *reply_head; /* the reply's payload: first exactly this much, */
	size_t reply_head_len;
	void *reply_data; /* then up to this much */
	size_t max_reply_data;
	size_t reply_data_len;		/* written: how much it was */
	unsigned max_reply_fds;		/* descriptors that the reply may bring */
	struct vfio_user_fds reply_fds; /* written: the caller's to close */
};

int vfio_user_call(struct vfio_user_conn *conn, struct vfio_user_call *call);
/* True when the posted write was kept, to go with others; false: send it. */
bool vfio_user_keep(struct vfio_user_conn *conn, const struct vfio_user_region_access *access, const void *data);

/* Have the server reach @size bytes of @fd at @iova. @flags: VFIO_USER_DMA_FLAG_* */
int vfio_user_dma_map(struct vfio_user_conn *conn, uint64_t iova, uint64_t size, uint32_t flags, int fd,
		      uint64_t offset);
/* When this returns 0, the server holds no reference any more. */
int vfio_user_dma_unmap(struct vfio_user_conn *conn, uint64_t iova, uint64_t size);

/* Only the fields that the protocol has are written: flags, num_regions, num_irqs. */
int vfio_user_device_info(struct vfio_user_conn *conn, struct vfio_device_info *ret_info);
int vfio_user_irq_info(struct vfio_user_conn *conn, unsigned index, struct vfio_irq_info *ret_info);

/* A part of a region that is shared memory. */
struct vfio_user_area {
	uint64_t offset, size; /* in the region */
};

#define VFIO_USER_MAX_AREAS 32

struct vfio_user_region {
	uint64_t size;
	uint32_t flags;	    /* VFIO_REGION_INFO_FLAG_READ, _WRITE, _MMAP */
	int fd;		    /* the shared memory, or -1; the caller closes it */
	uint64_t fd_offset; /* where in it the region begins */
	unsigned n_areas;   /* sorted, without overlap, whole pages inside the region and the file; 0 without MMAP */
	struct vfio_user_area areas[VFIO_USER_MAX_AREAS];
};

/*
 * Everything in it is checked, also that the memory is a sealed memfd, which cannot shrink below us; what fails a check
 * is not shared and read and written by messages instead.
 */
int vfio_user_region_info(struct vfio_user_conn *conn, unsigned index, struct vfio_user_region *ret_region);

/* Up to peer.max_data_xfer_size bytes. */
int vfio_user_region_read(struct vfio_user_conn *conn, unsigned region, uint64_t offset, void *buf, uint32_t len);
/* @posted: do not wait until it is done; a later call waits for it as well. */
int vfio_user_region_write(struct vfio_user_conn *conn, unsigned region, uint64_t offset, const void *buf, uint32_t len,
			   bool posted);

/*
 * As VFIO_DEVICE_SET_IRQS with DATA_NONE, DATA_BOOL and DATA_EVENTFD. @fds: one for each vector, -1 takes one away; cut
 * into as many messages as the server needs.
 */
int vfio_user_irqs_none(struct vfio_user_conn *conn, uint32_t action, unsigned index, unsigned start, unsigned count);
int vfio_user_irqs_bool(struct vfio_user_conn *conn, uint32_t action, unsigned index, unsigned start, unsigned count,
			const uint8_t *bools);
int vfio_user_irqs_eventfd(struct vfio_user_conn *conn, uint32_t action, unsigned index, unsigned start, unsigned count,
			   const int *fds);

int vfio_user_reset(struct vfio_user_conn *conn);

#endif
