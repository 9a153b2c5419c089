/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_PORT_H
#define VIREO_LIB_PORT_H

/* What the files that make up a port share: port.c, port_config.c, settings.c, queue.c, stats.c, event.c. */

#include <pthread.h>
#include <stdbool.h>

#include <vireo/driver.h>
#include <vireo/port.h>

#define MAX_PORT_EVENT_FDS 80
#define CACHE_LINE         64

/* Each entry has one writer, the thread of its queue. */
struct queue_drops {
	uint64_t n[VIREO_N_DROPS];
} __attribute__((aligned(CACHE_LINE)));

/* Everything that makes the event descriptor readable; see event.c. */
struct port_events {
	int epoll_fd;
	int fail_fd;    /* vireo_port_failed(), emptied by vireo_port_poll() */
	int wake_fd;    /* the same for threads in vireo_rxq_wait_any(), emptied by start; not in epoll_fd */
	int error_fd;   /* VIREO_IRQ_ERROR, or -1 */
	int request_fd; /* VIREO_IRQ_REQUEST, or -1 */
	unsigned n_fds; /* the driver's, duplicated */
	unsigned n_kept; /* how many of them outlive a stop */
	int fds[MAX_PORT_EVENT_FDS];
};

struct vireo_port {
	const struct vireo_driver *driver;
	void *priv;
	struct vireo_device *dev;
	char *spec;
	char description[128];
	int index;                            /* -1: none yet */
	bool probed;

	struct vireo_port_limits limits;
	struct vireo_port_config cfg;         /* with every default filled in */
	uint8_t rss_key[VIREO_MAX_RSS_KEY];
	struct vireo_pool *pools[VIREO_MAX_QUEUES];
	unsigned n_pools;                     /* held with pool_attach() */
	struct vireo_pool *own_pool;
	struct vireo_port_settings settings;

	struct vireo_rxq_head *rxqs[VIREO_MAX_QUEUES];
	struct vireo_txq_head *txqs[VIREO_MAX_QUEUES];
	struct queue_drops rx_drops[VIREO_MAX_QUEUES];
	struct queue_drops tx_drops[VIREO_MAX_QUEUES];

	/*
	 * Serialises the driver's control ops: a housekeeper polls and any thread asks for statistics while the control
	 * thread changes settings. Bursts never take it.
	 */
	pthread_mutex_t lock;
	bool started;                         /* written under the lock, read by queue threads */
	int failed;                           /* 0, -EIO or -ENODEV; by any thread */
	struct port_events events;
};

static inline bool port_is_started(const struct vireo_port *port)
{
	return __atomic_load_n(&port->started, __ATOMIC_ACQUIRE);
}

static inline int port_failure(const struct vireo_port *port)
{
	return __atomic_load_n(&port->failed, __ATOMIC_ACQUIRE);
}

/* The address for sentences. */
const char *port_name(const struct vireo_port *port);

/* Check @cfg against what probe said and fill in port->cfg. */
int port_configure(struct vireo_port *port, const struct vireo_port_config *cfg);
/* port->pools: the user's, or one of our own; a pool that a port holds cannot be destroyed. */
int port_pools_get(struct vireo_port *port);
void port_pools_put(struct vireo_port *port);

/* The driver for a device, or NULL with a sentence. */
const struct vireo_driver *driver_find(const char *name, uint16_t vendor, uint16_t device, uint32_t class_code);

/* -EOPNOTSUPP: the port's driver "cannot @what". */
int port_lacks(const struct vireo_port *port, const char *what);
typedef int (*port_settings_op)(struct vireo_port *port);
/*
 * Hand a new value that was stored to a started driver; the settings become @old again when it refuses. Under the port's
 * lock.
 */
int port_apply(struct vireo_port *port, port_settings_op op, const struct vireo_port_settings *old);

int port_queues_create(struct vireo_port *port);
void port_queues_destroy(struct vireo_port *port);
/* Bursts give 0 until the driver sets others. */
void port_queues_silence(struct vireo_port *port);

int port_events_open(struct vireo_port *port);
void port_events_close(struct vireo_port *port);
/* What the driver adds between these two goes when the port stops. */
void port_events_mark(struct vireo_port *port);
void port_events_trim(struct vireo_port *port);

/* Empty an eventfd that does not block; true when it was signalled. */
bool event_drain(int fd);

#endif
