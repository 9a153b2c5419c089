/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_DRIVER_H
#define VIREO_DRIVER_H

/*
 * What a driver provides and what the library does for it. Drivers inside this tree use exactly this, so one outside
 * can do all that they do. Call order is checked once, in lib/port.c; a driver sees only the calls that its state
 * allows, on one control thread at a time, except where an op says "queue thread".
 */

#include <vireo/device.h>
#include <vireo/log.h>
#include <vireo/memory.h>
#include <vireo/port.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define VIREO_PCI_ANY 0xffff

struct vireo_pci_id {
	uint16_t vendor;
	uint16_t device;
};

/*
 * Every queue of a driver starts with this head; the first two cache lines of the whole struct should hold what a burst
 * touches. packets and bytes are written by the queue's thread with vireo_stat_add() and read by others.
 */
struct vireo_rxq_head {
	struct vireo_rxq pub;
	struct vireo_port *port;
	uint64_t packets;
	uint64_t bytes;
	struct vireo_pool *pool; /* where receive buffers come from */
	uint16_t idx;
	uint16_t max_segs;
};

struct vireo_txq_head {
	struct vireo_txq pub;
	struct vireo_port *port;
	uint64_t packets;
	uint64_t bytes;
	uint16_t idx;
};

/* What probe tells the library about the device; the library checks the user's wishes against it. */
struct vireo_port_limits {
	uint16_t max_rxq, max_txq;
	uint32_t min_ring, max_ring;          /* descriptors, powers of two */
	uint32_t default_rx_ring, default_tx_ring;
	uint16_t max_mtu;
	uint16_t max_tx_segs;
	uint32_t rx_offloads, tx_offloads;    /* VIREO_RX_*, VIREO_TX_* that can be had */
	bool rx_interrupts;
	uint32_t rss_fields;                  /* VIREO_RSS_*; 0: no RSS that can be set */
	uint16_t rss_key_len, rss_table;      /* bytes; entries, at most VIREO_MAX_RSS_TABLE */
	uint16_t rss_queues;                  /* that the table can name */
	uint16_t max_flows;                   /* at most VIREO_MAX_FLOWS */
	char missing[160];                    /* see struct vireo_port_info */
};

/**
 * struct vireo_driver - a driver
 * @name:      short, as in JSON
 * @pci_ids:   what it drives, ends with {0, 0}
 * @port_size: bytes of private data per port, zeroed, see vireo_port_priv()
 */
struct vireo_driver {
	const char *name;
	const struct vireo_pci_id *pci_ids;
	size_t port_size;

	/*
	 * Once per open. Guarantees: as for probe, which follows, or nothing does. Begins what takes a while, such as a reset,
	 * and does not wait for it: meanwhile other ports are opened. NULL: there is nothing of the kind.
	 */
	int (*prepare)(struct vireo_port *port);
	/*
	 * Once per open. Guarantees: the device is open, bus mastering is off. Fills in limits, MAC address and description,
	 * leaves the device reset and quiet. Refuses with vireo_error() and a sentence what cannot be driven safely.
	 */
	int (*probe)(struct vireo_port *port, struct vireo_port_limits *ret_limits);
	/* Guarantees: probed, stopped, all queues destroyed. */
	void (*remove)(struct vireo_port *port);

	/*
	 * Guarantees: probed; vireo_port_config() holds the checked configuration with every default filled in. Allocates the
	 * ring and shadow, touches no register. The head's port, idx and pool are set by the library afterwards.
	 */
	int (*rxq_create)(struct vireo_port *port, unsigned idx, struct vireo_rxq_head **ret_q);
	void (*rxq_destroy)(struct vireo_rxq_head *q);
	int (*txq_create)(struct vireo_port *port, unsigned idx, struct vireo_txq_head **ret_q);
	void (*txq_destroy)(struct vireo_txq_head *q);

	/*
	 * Guarantees: stopped, all queues exist; re-runnable after stop and after a device error. Resets and programs the
	 * device, fills the RX rings, applies vireo_port_settings(), turns bus mastering on after every ring is valid, and
	 * sets pub.burst of every queue. On failure everything is as after stop.
	 */
	int (*start)(struct vireo_port *port);
	/*
	 * Guarantees: started, no thread in a burst (the library has replaced pub.burst). Waits with a deadline for the device
	 * to send what it has, stops it, turns bus mastering off, frees every buffer in every ring. -ETIMEDOUT, -ENODEV and
	 * -EIO report how it went; the port is stopped in any case.
	 */
	int (*stop)(struct vireo_port *port);

	/* Queue thread; Guarantees: started. */
	unsigned (*txq_reclaim)(struct vireo_txq_head *q);
	int (*rxq_arm)(struct vireo_rxq_head *q);      /* as vireo_rxq_arm() */
	/* An eventfd that does not block, from create to destroy the same; the library empties it before each rxq_arm. */
	int (*rxq_fd)(struct vireo_rxq_head *q);

	/* Guarantees: probed. */
	int (*link)(struct vireo_port *port, struct vireo_link *ret_link);
	/*
	 * Guarantees: started; the eventfds of vireo_port_add_event_fd() are empty. Called by every vireo_port_poll(), with
	 * or without an event: look at the device.
	 * Returns VIREO_EVENT_* bits, -EIO or -ENODEV, as vireo_port_poll().
	 */
	int (*poll)(struct vireo_port *port);

	/*
	 * Guarantees: started; the library has stored the new setting in vireo_port_settings() and takes it back when this
	 * fails. Any may be NULL: -EOPNOTSUPP.
	 */
	int (*set_rx_mode)(struct vireo_port *port);   /* promiscuous, all_multicast */
	int (*set_mac)(struct vireo_port *port);       /* mac */
	int (*set_mac_filter)(struct vireo_port *port);/* filter_macs */
	int (*set_vlan)(struct vireo_port *port, uint16_t vlan_id, bool on);
	int (*set_rss)(struct vireo_port *port);       /* rss; needs limits.rss_fields */
	/* flows, which differ in what they match. -EOPNOTSUPP for what the device cannot match; also called while stopped. */
	int (*check_flow)(struct vireo_port *port, const struct vireo_flow *flow);
	int (*set_flows)(struct vireo_port *port);
	int (*set_flow_control)(struct vireo_port *port);

	/* Guarantees: probed. Fills in up to @n registers that a read does not change; returns how many there are. */
	int (*registers)(struct vireo_port *port, struct vireo_register *regs, unsigned n);

	/* Guarantees: probed. Adds what the device itself counts to @stats; NULL when it counts nothing. */
	int (*stats)(struct vireo_port *port, struct vireo_stats *stats);
	/* Fills in up to @n counters of the device itself; returns how many there are. */
	int (*xstats)(struct vireo_port *port, struct vireo_xstat *xstats, unsigned n);
};

/**
 * vireo_driver_register() - add a driver; those registered later are asked first
 * @driver: static, lives as long as the process
 *
 * Return: 0; -EINVAL when a mandatory op is missing; -EEXIST for a name that is taken. Before other threads use the library.
 */
int vireo_driver_register(const struct vireo_driver *driver);

/* Settings that survive stop and start; start applies them. */
#define VIREO_MAX_FILTER_MACS 64
struct vireo_port_settings {
	bool promiscuous, all_multicast;
	uint8_t mac[VIREO_MAC_LEN];
	bool mac_changed;                     /* by the user: start must write it */
	unsigned n_filter_macs;
	uint8_t filter_macs[VIREO_MAX_FILTER_MACS][VIREO_MAC_LEN];
	unsigned n_vlans;                     /* bits set in vlans; 0: no filter */
	uint64_t vlans[4096 / 64];
	struct vireo_rss rss;                 /* lengths as in limits */
	unsigned n_flows;
	struct vireo_flow flows[VIREO_MAX_FLOWS];
	struct vireo_flow_control flow_control;
};

/* What a driver asks the library about a port. */
void *vireo_port_priv(const struct vireo_port *port);
struct vireo_device *vireo_port_device(const struct vireo_port *port);
const struct vireo_port_config *vireo_port_config(const struct vireo_port *port);
struct vireo_port_settings *vireo_port_settings(struct vireo_port *port);
uint16_t vireo_port_index(const struct vireo_port *port);
void vireo_port_set_description(struct vireo_port *port, const char *text);
struct vireo_rxq_head *vireo_port_rxq_head(struct vireo_port *port, unsigned idx);
struct vireo_txq_head *vireo_port_txq_head(struct vireo_port *port, unsigned idx);

/**
 * vireo_port_add_event_fd() - have the port's event descriptor become readable with an eventfd
 * @port: the port
 * @fd:   an eventfd that a device interrupt signals; emptied by the library before the poll op is called
 *
 * The library makes it non-blocking and keeps a duplicate: until close when it was added by probe or with the queues,
 * until the port stops when start added it. The driver closes its own whenever it likes.
 *
 * Return: 0 or a negative errno.
 */
int vireo_port_add_event_fd(struct vireo_port *port, int fd);

/** vireo_port_failed() - called by a queue when the device is in trouble: vireo_port_poll() will return @err; any thread */
void vireo_port_failed(struct vireo_port *port, int err);

/** vireo_rxq_drop() - count lost packets; queue thread, cold */
void vireo_rxq_drop(struct vireo_rxq_head *q, enum vireo_drop cause, uint64_t n);
/** vireo_txq_drop() - count lost packets; queue thread, cold */
void vireo_txq_drop(struct vireo_txq_head *q, enum vireo_drop cause, uint64_t n);

/* A counter with one writer and readers in other threads. */
static inline void vireo_stat_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* Buffers as drivers move them: bare pointers in bulk. Any thread. */

/** vireo_pool_get_bufs() - take exactly @n buffers for a device to write into; @n, or 0 */
unsigned vireo_pool_get_bufs(struct vireo_pool *pool, void **bufs, unsigned n);
/** vireo_pool_put_bufs() - give back @n buffers of one pool that a device held and nobody shares */
void vireo_pool_put_bufs(struct vireo_pool *pool, void *const *bufs, unsigned n);
/** vireo_pool_id() - the number in a packet's flags */
unsigned vireo_pool_id(const struct vireo_pool *pool);
/** vireo_pool_by_id() - and back; NULL when there is none */
struct vireo_pool *vireo_pool_by_id(unsigned id);
/** vireo_pool_debug() - whether owners are kept, so the two calls below must be made */
bool vireo_pool_debug(void);
/** vireo_pool_debug_rx() - under vireo_pool_debug(): @n elements go from the device to the application */
void vireo_pool_debug_rx(const struct vireo_pkt *pkts, unsigned n);
/** vireo_pool_debug_tx() - under vireo_pool_debug(): @n elements go to the device; false names one that must not be sent */
bool vireo_pool_debug_tx(const struct vireo_pkt *pkts, unsigned n);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
