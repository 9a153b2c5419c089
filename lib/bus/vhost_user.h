/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_BUS_VHOST_USER_H
#define VIREO_LIB_BUS_VHOST_USER_H

/*
 * A virtio device whose other half is a process at the end of a socket: DPDK's vhost, VPP, Open vSwitch. To the library
 * it is a PCI device with the registers that VIRTIO 1.2, 4.1 gives a network card, so that the driver for cards drives it
 * too; what is written to these registers becomes messages (vhost_user_regs.c), and memory of the one DMA window is
 * shared with the other process (vhost_user.c). Numbers and layouts of messages are those of the vhost-user protocol,
 * as QEMU documents it in docs/interop/vhost-user.rst.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vireo/port.h>

#include "bus.h"

/* Messages to the other process: vhost_user_conn.c */

enum vhost_request {
	VHOST_GET_FEATURES = 1,
	VHOST_SET_FEATURES = 2,
	VHOST_SET_OWNER = 3,
	VHOST_SET_MEM_TABLE = 5,
	VHOST_SET_VRING_NUM = 8,
	VHOST_SET_VRING_ADDR = 9,
	VHOST_SET_VRING_BASE = 10,
	VHOST_GET_VRING_BASE = 11,
	VHOST_SET_VRING_KICK = 12,
	VHOST_SET_VRING_CALL = 13,
	VHOST_GET_PROTOCOL_FEATURES = 15,
	VHOST_SET_PROTOCOL_FEATURES = 16,
	VHOST_GET_QUEUE_NUM = 17,
	VHOST_SET_VRING_ENABLE = 18,
};

#define VHOST_F_PROTOCOL_FEATURES (1ull << 30) /* among the features */
#define VHOST_PROTOCOL_F_MQ        (1ull << 0)
#define VHOST_PROTOCOL_F_REPLY_ACK (1ull << 3)

#define VHOST_MAX_REGIONS 8

struct vhost_region {
	uint64_t iova;      /* what descriptors hold */
	uint64_t size;
	uint64_t va;        /* ours; the addresses of rings are told in these */
	uint64_t fd_offset;
};

union vhost_payload {
	uint64_t u64;
	struct {
		uint32_t index, num;
	} state;
	struct {
		uint32_t index, flags;
		uint64_t desc, used, avail, log;
	} addr;
	struct {
		uint32_t n, padding;
		struct vhost_region regions[VHOST_MAX_REGIONS];
	} memory;
};

struct vhost_conn {
	int fd;           /* -1: nobody is there */
	bool acks;        /* REPLY_ACK was agreed on */
	const char *name; /* for sentences */
	/* Readable when the process has hung up or, as long as nobody is there, when it is time to look for the next. */
	int event_fd;
	int timer_fd;
};

/* Between two looks for a new process. */
#define VHOST_TRY_EVERY_US 100000

/* A connection to nobody. */
int vhost_conn_create(struct vhost_conn *conn);
void vhost_conn_destroy(struct vhost_conn *conn);
/* Take the socket @fd; it is closed when that fails. */
int vhost_conn_open(struct vhost_conn *conn, int fd);
/* Nobody has come: wake whoever waits on event_fd in VHOST_TRY_EVERY_US. Closing does the same. */
void vhost_conn_retry(struct vhost_conn *conn);

/* How long the other process may take for an answer. Tests have less patience. */
extern unsigned vhost_patience_ms;

/* The other process has gone, as far as can be seen without asking. */
bool vhost_conn_is_lost(struct vhost_conn *conn);
void vhost_conn_close(struct vhost_conn *conn);
/*
 * Send a request and, where one is due, wait for its answer. A connection on which anything goes wrong is closed:
 * -ENOTCONN when the other process is gone, -ETIMEDOUT, -EPROTO for an answer that makes no sense, -EIO when it refuses.
 */
int vhost_conn_send(struct vhost_conn *conn, enum vhost_request request, const union vhost_payload *payload, size_t size,
		    const int *fds, unsigned n_fds);
int vhost_conn_send_u64(struct vhost_conn *conn, enum vhost_request request, uint64_t value);
int vhost_conn_get(struct vhost_conn *conn, enum vhost_request request, union vhost_payload *payload, size_t size);

/* The device: vhost_user.c */

#define VHOST_MAX_PAIRS  VIREO_MAX_QUEUES
#define VHOST_MAX_QUEUES (2 * VHOST_MAX_PAIRS + 1)
#define VHOST_RING_MAX   4096
#define VHOST_PATH_MAX   108 /* sun_path of struct sockaddr_un */

struct vhost_queue {
	uint16_t size, vector;
	bool enabled;
	uint64_t desc, driver, device; /* as the driver wrote them: IOVAs */
	int kick_fd;                   /* from the first time that it is enabled until close; -1 before */
};

/* The registers as they stand; 4.1.4.3. */
struct vhost_regs {
	uint8_t config_space[256];
	uint32_t device_feature_select, driver_feature_select;
	uint64_t driver_features;
	uint16_t config_vector, queue_select;
	uint8_t status, generation;
	uint8_t mac[VIREO_MAC_LEN];
};

struct vhost {
	struct dma_client client; /* first */
	pthread_mutex_t lock;     /* protects all below; taken inside the DMA domain's lock */
	struct vireo_device *dev;
	char path[VHOST_PATH_MAX];
	char name[VHOST_PATH_MAX + 16];
	bool server, attached;
	int listen_fd;            /* -1: we connect */
	bool bound;               /* the socket at @path is ours to remove */
	struct vhost_conn conn;
	uint64_t features;        /* of the other process, less what only a hypervisor can use and what is not wanted */
	uint64_t needed;          /* of these, what the driver accepted last; before that, all */
	uint64_t unwanted;        /* turned off by options */
	uint64_t protocol;        /* VHOST_PROTOCOL_F_* agreed on */
	unsigned max_pairs;       /* of the first process */
	unsigned needed_pairs;    /* what the driver used last; before that, all */
	bool running;             /* the rings are in its hands */
	bool link_up;
	uint64_t next_try_us;     /* when to look for a new process again */
	char complaint[384];      /* why the last one that came is of no use; said once */
	struct vhost_regs regs;
	unsigned n_queues;        /* with the control queue */
	struct vhost_queue queues[VHOST_MAX_QUEUES];
	int irq_fds[1 + VHOST_MAX_PAIRS];
	uint16_t ctrl_seen;       /* heads, or places, of the control queue that were handled */
	unsigned n_regions;
	struct vhost_region regions[VHOST_MAX_REGIONS];
	int region_fds[VHOST_MAX_REGIONS];
};

/* What the driver does to the device, with the lock held. */

/* A descriptor to kick queue @idx with; false, with a line in the log, when none is left. */
bool vhost_open_kick(struct vhost *v, unsigned idx);
/* Hand everything to the other process; what goes wrong shows in the status. */
void vhost_start(struct vhost *v);
/* Take the rings back, and look for a process if there is none. */
void vhost_stop(struct vhost *v);
/* Let the first @n pairs of queues run; -EINVAL when there are not so many. Else as vhost_start(). */
int vhost_enable_pairs(struct vhost *v, unsigned n);
/* Where the driver's memory at @iova is, or NULL. */
void *vhost_at(const struct vhost *v, uint64_t iova, uint64_t len);

/* Which process it is: vhost_user_peer.c */

/* A listening port waits so long for the first process to come. Tests have less patience. */
extern unsigned vhost_first_wait_ms;

/* The first one: connected to or waited for, and asked what it can do. */
int vhost_find_first(struct vhost *v);
/* Whether it lives, and whether a new one has come; with the lock held. */
void vhost_look(struct vhost *v);

/* The registers: vhost_user_regs.c; with the lock held. */

void vhost_regs_init(struct vhost *v);
void vhost_regs_read(struct vhost *v, unsigned region, uint64_t offset, void *buf, size_t len);
void vhost_regs_write(struct vhost *v, unsigned region, uint64_t offset, const void *buf, size_t len);

#define VHOST_BAR_SIZE      0x3000
/* What is offered to the driver: what the other process can do, and what we do in its place. */
uint64_t vhost_regs_features(const struct vhost *v);

/* The control queue: vhost_user_ctrl.c; handles what the driver has put there. */
void vhost_ctrl_kick(struct vhost *v);

#endif
