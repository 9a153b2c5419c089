/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_PORT_H
#define VIREO_PORT_H

/*
 * A port is a network card, or a queue pair towards something that behaves like one. Its life: open, start, bursts,
 * stop, close. One thread per queue; everything that takes a struct vireo_port is for one control thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vireo/packet.h>
#include <vireo/pool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define VIREO_MAX_QUEUES 64
#define VIREO_MAC_LEN    6

struct vireo_port;

/* The first word of a queue is its burst function, chosen when the port starts. The rest belongs to the driver. */
struct vireo_rxq {
	unsigned (*burst)(struct vireo_rxq *q, struct vireo_pkt *pkts, unsigned n);
};

struct vireo_txq {
	unsigned (*burst)(struct vireo_txq *q, struct vireo_pkt *pkts, unsigned n);
};

/* What receive may be asked to do; a port that lacks it refuses to open and says so. */
#define VIREO_RX_CSUM       (1u << 0) /* verify checksums; lets CSUM_PARTIAL packets in where the other side sends them */
#define VIREO_RX_LARGE      (1u << 1) /* let LARGE packets in; needs CSUM */
#define VIREO_RX_VLAN_STRIP (1u << 2) /* take VLAN tags out of the data */
#define VIREO_RX_HASH       (1u << 3) /* deliver the RSS hash */
#define VIREO_RX_TIME       (1u << 4) /* deliver a time stamp */

/* What transmit may be asked to do. CSUM_PARTIAL and VLAN state is always honoured, in software if need be. */
#define VIREO_TX_IP_CSUM (1u << 0)
#define VIREO_TX_L4_CSUM (1u << 1)
#define VIREO_TX_TSO     (1u << 2) /* also lets LARGE packets out */

/**
 * struct vireo_port_config - zero means the default
 * @n_rxq, @n_txq:      queues of each kind; default 1
 * @rx_ring, @tx_ring:  descriptors per queue, a power of two; default what the driver prefers
 * @rx_pool:            pool that receives; default one of the library's own, made to fit the rings and the MTU
 * @rx_pools:           or one pool per RX queue, an array of @n_rxq
 * @rx_offloads:        VIREO_RX_*
 * @tx_offloads:        VIREO_TX_*
 * @mtu:                largest L3 packet in bytes, 68 to what the device can; default 1500
 * @promiscuous:        receive what is not addressed to us; may change later
 * @rx_interrupts:      set up what vireo_rxq_arm() and vireo_rxq_wait_any() need
 * @rss_key, @rss_key_len: key for RSS, of the length that the device has; default a symmetric one
 */
struct vireo_port_config {
	uint16_t n_rxq;
	uint16_t n_txq;
	uint32_t rx_ring;
	uint32_t tx_ring;
	struct vireo_pool *rx_pool;
	struct vireo_pool *const *rx_pools;
	uint32_t rx_offloads;
	uint32_t tx_offloads;
	uint16_t mtu;
	bool promiscuous;
	bool rx_interrupts;
	const uint8_t *rss_key;
	size_t rss_key_len;
};

/**
 * vireo_port_open() - take a network card
 * @spec: "0000:03:00.0[,option=value...]": a PCI device bound to a VFIO driver. Options: container=NAME puts ports of
 *        the same name into one IOMMU container (default: all ports of the process share one).
 *        "vhost-user:SOCKET[,server][,mac=ADDRESS]": a virtio network device in another process (DPDK, VPP, Open vSwitch;
 *        packed=off, in-order=off and mergeable=off turn down what it offers, the last of which is only taken when a
 *        packet can be larger than a buffer);
 *        we connect to SOCKET, or with server listen on it and wait up to 10 s for the other process. When that process
 *        goes away the link goes down; once one is there again vireo_port_poll() says -EIO: stop and start the port.
 *        "vfio-user:SOCKET": a PCI device that another process is (QEMU's protocol); the end of that process is -ENODEV.
 *        "sim[:WIRE][,option=value...]": an Intel 82599 that is simulated in a thread of this process, which is there while
 *        such a port is open. WIRE is what it is plugged into: gen (a generator), sink, echo (the default), cable:NAME
 *        (another such port), tap:NAME, pcap; vireo-sim(1) has the options of each, and of the card
 * @cfg:  what it shall be, or NULL for all defaults; not kept
 * @ret_port: written on success; give it back with vireo_port_close()
 *
 * The device is reset and its queues are prepared, but nothing moves before vireo_port_start().
 *
 * Return: 0, or a negative errno; vireo_last_error() has the sentence that says what to do:
 * -EINVAL bad spec or configuration; -ENOENT no such device; -EUNATCH not bound to a VFIO driver; -EACCES no permission
 * on /dev/vfio; -EBUSY somebody else has it; -EPERM the IOMMU group is not viable or interrupts are not isolated;
 * -EOPNOTSUPP not a card we can drive, or not with this configuration; -ENOMEM no hugepages; -ENOSPC too few;
 * -EDQUOT RLIMIT_MEMLOCK; -ENODEV the device does not answer; -ETIMEDOUT it does not do what it must.
 */
int vireo_port_open(const char *spec, const struct vireo_port_config *cfg, struct vireo_port **ret_port);

/**
 * vireo_port_open_all() - take several network cards, all or none
 * @specs: one for each
 * @cfg:   as vireo_port_open(), for all of them
 * @n:     how many
 * @ret_ports: n pointers, written on success
 *
 * As vireo_port_open() for each in turn, but they are reset at the same time: an 82599 takes 11 ms for that.
 *
 * Return: 0, or what vireo_port_open() says of the first that cannot be opened.
 */
int vireo_port_open_all(const char *const *specs, const struct vireo_port_config *cfg, unsigned n,
			struct vireo_port **ret_ports);

/**
 * vireo_port_start() - fill the rings and let packets flow; also after a stop, and to recover from -EIO
 * @port: a stopped port
 *
 * Return: 0; -EALREADY; -ENODEV, -ETIMEDOUT, -EIO from the device; -ENOSPC when a pool cannot fill its ring.
 */
int vireo_port_start(struct vireo_port *port);

/**
 * vireo_port_stop() - stop all queues; packets handed to transmit leave first, within a deadline
 * @port: a started port whose queues no thread uses any more
 *
 * Every buffer that was in a ring goes back to its pool. Counters and settings stay.
 *
 * Return: 0; -EALREADY; -ETIMEDOUT when the device did not finish (it is stopped all the same).
 */
int vireo_port_stop(struct vireo_port *port);

/**
 * vireo_port_close() - stop if started, give the device back and free the port
 * @port: a port whose queues no thread uses any more, or NULL
 */
void vireo_port_close(struct vireo_port *port);

/**
 * vireo_port_rxq() - a receive queue
 * @port: an open port
 * @idx:  0 to n_rxq - 1
 *
 * Return: the queue, the same until close; NULL for an @idx out of range. Before start and after stop its bursts return 0.
 */
struct vireo_rxq *vireo_port_rxq(struct vireo_port *port, unsigned idx);

/** vireo_port_txq() - a transmit queue; see vireo_port_rxq() */
struct vireo_txq *vireo_port_txq(struct vireo_port *port, unsigned idx);

/**
 * vireo_rx_burst() - receive packets
 * @q:    the queue; one thread at a time
 * @pkts: filled with elements; the caller owns their buffers from now on
 * @n:    how many elements fit, 1 or more
 *
 * Never waits. A packet that needs more elements than @n is dropped whole and counted (rx_burst_short); see
 * vireo_rxq_max_segs().
 *
 * Return: how many elements were written; the last one never has MORE set.
 */
static inline unsigned vireo_rx_burst(struct vireo_rxq *q, struct vireo_pkt *pkts, unsigned n)
{
	return q->burst(q, pkts, n);
}

/**
 * vireo_tx_burst() - send packets
 * @q:    the queue; one thread at a time
 * @pkts: elements that the caller owns
 * @n:    how many elements
 *
 * Never waits and never splits a packet. Takes exactly the first elements that it counts; fewer than @n when the ring is
 * full. A packet that can never be sent (too many elements, MORE on the last one, wrong header lengths, a request that
 * the port was not opened for) is taken, freed and counted as tx_invalid. The array is not written.
 *
 * Return: how many elements were taken; the others still belong to the caller.
 */
static inline unsigned vireo_tx_burst(struct vireo_txq *q, struct vireo_pkt *pkts, unsigned n)
{
	return q->burst(q, pkts, n);
}

/**
 * vireo_rxq_max_segs() - the burst size that loses nothing
 * @q: the queue
 *
 * Return: the most elements that one received packet can have with this port's MTU and pool, 1 to VIREO_MAX_SEGS.
 */
unsigned vireo_rxq_max_segs(const struct vireo_rxq *q);

/**
 * vireo_txq_reclaim() - return every buffer that the device has sent to its pool
 * @q: the queue; by its thread
 *
 * tx_burst does so in passing; this is for a sender that pauses.
 *
 * Return: how many buffers came back.
 */
unsigned vireo_txq_reclaim(struct vireo_txq *q);

/**
 * vireo_rxq_fd() - file descriptor that becomes readable when packets arrive after vireo_rxq_arm()
 * @q: a queue of a port opened with rx_interrupts
 *
 * It is an eventfd that stays with the library: poll it, do not read or close it.
 *
 * Return: the descriptor; -EOPNOTSUPP without interrupts.
 */
int vireo_rxq_fd(struct vireo_rxq *q);

/**
 * vireo_rxq_arm() - ask for an interrupt with the next packet
 * @q: the queue; by its thread
 *
 * Return: 1 when packets are already there (the queue is then not armed: receive them); 0 when armed; -EOPNOTSUPP.
 */
int vireo_rxq_arm(struct vireo_rxq *q);

/**
 * vireo_rxq_wait_any() - arm queues and sleep until one of them has packets
 * @qs: the queues, of any ports; all used by the calling thread
 * @n:  how many, 1 to 64
 * @timeout_us: microseconds; 0 looks only; negative: no limit
 *
 * Return: how many queues may have packets; 0 after the time is up; -EINTR after a signal; -EINVAL; -EOPNOTSUPP; -EIO or
 * -ENODEV when one of the ports is in trouble, as vireo_port_poll() says, since its queues may never wake anybody.
 */
int vireo_rxq_wait_any(struct vireo_rxq **qs, unsigned n, int timeout_us);

/**
 * struct vireo_port_info - what a port is; strings live as long as the port
 * @spec: what it was opened with
 * @driver: "virtio", ...
 * @device: the device, in words
 * @bus: how it is reached: "vfio", ...
 * @numa_node: node of the device, or -1
 * @index: small number of the port, what pkt.port holds
 * @n_rxq, @n_txq, @rx_ring, @tx_ring, @mtu: as opened
 * @max_rxq, @max_txq, @max_mtu: what the device could do
 * @max_rx_segs, @max_tx_segs: elements per packet
 * @rx_offloads, @tx_offloads: what is on
 * @rx_offloads_can, @tx_offloads_can: what could be on
 * @missing: what is off although drivers like this one can do it, and why; one sentence, or ""
 * @mac: the address in use
 */
struct vireo_port_info {
	const char *spec;
	const char *driver;
	const char *device;
	const char *bus;
	int numa_node;
	uint16_t index;
	uint16_t n_rxq, n_txq;
	uint16_t max_rxq, max_txq;
	uint32_t rx_ring, tx_ring;
	uint16_t mtu, max_mtu;
	uint16_t max_rx_segs, max_tx_segs;
	uint32_t rx_offloads, tx_offloads;
	uint32_t rx_offloads_can, tx_offloads_can;
	const char *missing;
	uint8_t mac[VIREO_MAC_LEN];
};

/** vireo_port_info() - fill in @ret_info for @port */
void vireo_port_info(const struct vireo_port *port, struct vireo_port_info *ret_info);

/* Why a packet was lost, by cause. */
enum vireo_drop {
	VIREO_DROP_RX_NO_BUFFER,   /* the pool was empty when the ring was to be refilled */
	VIREO_DROP_RX_MISSED,      /* the device had nowhere to put it (counted by the device) */
	VIREO_DROP_RX_ERROR,       /* damaged on the wire (counted by the device) */
	VIREO_DROP_RX_BURST_SHORT, /* more elements than the caller's array had room for */
	VIREO_DROP_RX_INVALID,     /* the device described it in a way that cannot be true */
	VIREO_DROP_TX_INVALID,     /* the application asked for something that cannot be sent */
	VIREO_DROP_TX_ERROR,       /* the device could not send it */
	VIREO_N_DROPS
};

/** vireo_drop_name() - "rx_no_buffer" and so on: the name of a cause, as in JSON; NULL out of range */
const char *vireo_drop_name(enum vireo_drop cause);

/** vireo_drop_hint() - one sentence about what to do against drops of this cause */
const char *vireo_drop_hint(enum vireo_drop cause);

/**
 * struct vireo_stats - counters of a queue or a port since it was opened; packets, not elements
 * @rx_packets, @rx_bytes: handed to the application; bytes without the frame check sequence
 * @tx_packets, @tx_bytes: taken from the application for sending, drops not included
 * @drops: lost packets by cause
 */
struct vireo_stats {
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
	uint64_t drops[VIREO_N_DROPS];
};

/** vireo_port_stats() - sum over all queues of @port, with what the device counted; any thread; 0 or -ENODEV */
int vireo_port_stats(struct vireo_port *port, struct vireo_stats *ret_stats);

/** vireo_rxq_stats() - one receive queue; any thread */
void vireo_rxq_stats(const struct vireo_rxq *q, struct vireo_stats *ret_stats);

/** vireo_txq_stats() - one transmit queue; any thread */
void vireo_txq_stats(const struct vireo_txq *q, struct vireo_stats *ret_stats);

/* A counter by name, such as "rx_q0_packets" or one that only this device has. */
struct vireo_xstat {
	char name[48];
	uint64_t value;
};

/**
 * vireo_port_xstats() - every counter there is
 * @port:   the port
 * @xstats: filled in, up to @n; may be NULL when @n is 0
 * @n:      room in @xstats
 *
 * Return: how many counters there are, possibly more than @n; a negative errno.
 */
int vireo_port_xstats(struct vireo_port *port, struct vireo_xstat *xstats, unsigned n);

/**
 * struct vireo_link - state of the link
 * @up: carrier
 * @full_duplex: or half
 * @speed_mbps: 0 when the device does not say
 */
struct vireo_link {
	bool up;
	bool full_duplex;
	uint32_t speed_mbps;
};

/** vireo_port_link() - ask the device; 0, -ENODEV */
int vireo_port_link(struct vireo_port *port, struct vireo_link *ret_link);

/*
 * Settings. They may be changed at any time, survive stop and start, and return 0, -EINVAL, -EOPNOTSUPP when the device
 * cannot, -ENOSPC when its tables are full, -EIO when it refused, -ETIMEDOUT or -ENODEV.
 */
int vireo_port_set_promiscuous(struct vireo_port *port, bool on);
int vireo_port_set_all_multicast(struct vireo_port *port, bool on);
int vireo_port_set_mac(struct vireo_port *port, const uint8_t mac[VIREO_MAC_LEN]);
/* Receive frames to further addresses, unicast or multicast. */
int vireo_port_add_mac(struct vireo_port *port, const uint8_t mac[VIREO_MAC_LEN]);
int vireo_port_remove_mac(struct vireo_port *port, const uint8_t mac[VIREO_MAC_LEN]);
/* Receive only the VLANs 0-4095 that were added; as long as none is, all are received. */
int vireo_port_add_vlan(struct vireo_port *port, uint16_t vlan_id);
int vireo_port_remove_vlan(struct vireo_port *port, uint16_t vlan_id);

/*
 * Receive-side scaling: a hash over addresses and ports of a packet chooses an entry of a table, and that a receive queue.
 * A bit says for which packets; a TCP packet without its bit counts as IP, and what has no bit at all goes to queue 0.
 */
#define VIREO_RSS_IPV4     (1u << 0) /* over addresses */
#define VIREO_RSS_IPV4_TCP (1u << 1) /* over addresses and ports; likewise below */
#define VIREO_RSS_IPV4_UDP (1u << 2)
#define VIREO_RSS_IPV6     (1u << 3)
#define VIREO_RSS_IPV6_TCP (1u << 4)
#define VIREO_RSS_IPV6_UDP (1u << 5)

#define VIREO_MAX_RSS_KEY   64
#define VIREO_MAX_RSS_TABLE 512

/**
 * struct vireo_rss - how packets spread over receive queues
 * @fields:  VIREO_RSS_*; 0: not at all
 * @key_len: bytes of @key, which the device decides; 0 in vireo_port_set_rss(): the key stays
 * @n_table: entries of @table, which the device decides; 0 in vireo_port_set_rss(): the table stays
 * @key:     the first byte is the first that the hash uses
 * @table:   a receive queue for each value of the hash's low bits
 */
struct vireo_rss {
	uint32_t fields;
	uint16_t key_len;
	uint16_t n_table;
	uint8_t key[VIREO_MAX_RSS_KEY];
	uint8_t table[VIREO_MAX_RSS_TABLE];
};

/** vireo_port_rss() - what is set; 0, or -EOPNOTSUPP when the device has no RSS that can be set */
int vireo_port_rss(struct vireo_port *port, struct vireo_rss *ret_rss);

/**
 * vireo_port_set_rss() - change how packets spread over queues
 * @port: the port
 * @rss:  all of it, or without key or table
 *
 * Return: as all settings; -EINVAL for a key or table of another length, for a field or queue that RSS cannot reach.
 */
int vireo_port_set_rss(struct vireo_port *port, const struct vireo_rss *rss);

/* Which parts of a struct vireo_flow must be equal to the packet's. */
#define VIREO_FLOW_SRC      (1u << 0)
#define VIREO_FLOW_DST      (1u << 1)
#define VIREO_FLOW_SRC_PORT (1u << 2)
#define VIREO_FLOW_DST_PORT (1u << 3)
#define VIREO_FLOW_PROTOCOL (1u << 4)

#define VIREO_MAX_FLOWS 128

/**
 * struct vireo_flow - IPv4 packets that go to one queue, whatever RSS says
 * @match:    VIREO_FLOW_*, at least one
 * @src, @dst: addresses as in the packet
 * @src_port, @dst_port: of TCP and UDP, host byte order
 * @protocol: of the IPv4 header
 * @priority: 1 to 7; of several that match the highest wins
 * @queue:    receive queue
 */
struct vireo_flow {
	uint32_t match;
	uint8_t src[4];
	uint8_t dst[4];
	uint16_t src_port;
	uint16_t dst_port;
	uint8_t protocol;
	uint8_t priority;
	uint16_t queue;
};

/** vireo_port_add_flow() - as all settings; one that differs from another in queue or priority alone takes its place */
int vireo_port_add_flow(struct vireo_port *port, const struct vireo_flow *flow);
/** vireo_port_remove_flow() - the one that matches what @flow does; -EINVAL when there is none */
int vireo_port_remove_flow(struct vireo_port *port, const struct vireo_flow *flow);

/**
 * struct vireo_flow_control - pause frames (IEEE 802.3, annex 31B); both off by default
 * @rx: stop sending for as long as the other side asks
 * @tx: ask the other side to stop when receive runs full; full queues then hold up the others instead of dropping
 */
struct vireo_flow_control {
	bool rx;
	bool tx;
};

/** vireo_port_flow_control() - what is set; 0, or -EOPNOTSUPP */
int vireo_port_flow_control(struct vireo_port *port, struct vireo_flow_control *ret_fc);
/** vireo_port_set_flow_control() - as all settings */
int vireo_port_set_flow_control(struct vireo_port *port, const struct vireo_flow_control *fc);

/* A register of the device by its datasheet's name, for people who look for a fault. */
struct vireo_register {
	char name[24];
	uint32_t offset;
	uint32_t value;
};

/**
 * vireo_port_registers() - read the registers that can be read without changing anything
 * @port: the port
 * @regs: filled in, up to @n; may be NULL when @n is 0
 * @n:    room in @regs
 *
 * Return: how many there are, possibly more than @n; -EOPNOTSUPP; -ENODEV.
 */
int vireo_port_registers(struct vireo_port *port, struct vireo_register *regs, unsigned n);

/* What vireo_port_poll() found, bits. */
#define VIREO_EVENT_LINK   (1 << 0) /* the link changed; ask vireo_port_link() */
#define VIREO_EVENT_REMOVE (1 << 1) /* the kernel wants the device back: stop and close the port soon */

/**
 * vireo_port_event_fd() - becomes readable when vireo_port_poll() has something to do
 * @port: an open port
 *
 * Return: an epoll descriptor that stays with the library: poll it, do not read or close it; or -EOPNOTSUPP.
 */
int vireo_port_event_fd(struct vireo_port *port);

/**
 * vireo_port_poll() - link changes, removal, device errors; folds device counters before they wrap
 * @port: an open port
 *
 * Call it when the event descriptor is readable and at least every 50 s (the byte counters of a 10 Gbit/s card wrap after
 * 55), from any one control thread, or leave it to vireo_housekeeper_start(). Bursts may run meanwhile.
 *
 * Return: VIREO_EVENT_* bits, 0 for nothing; -EIO when the device gave up and wants to be stopped and started;
 * -ENODEV when it is gone.
 */
int vireo_port_poll(struct vireo_port *port);

/* The optional thread that polls ports; the library starts no other. */
struct vireo_housekeeper;

/**
 * typedef vireo_event_fn - told by a housekeeper what vireo_port_poll() returned, if not 0
 * @ctx:    as given
 * @port:   the port
 * @events: VIREO_EVENT_* bits or a negative errno (each error once until it changes)
 */
typedef void (*vireo_event_fn)(void *ctx, struct vireo_port *port, int events);

/**
 * vireo_housekeeper_start() - a thread that polls ports on their events and every second
 * @ports: the ports, which must not be stopped, started or closed while it runs
 * @n:     how many, 1 to 64
 * @fn:    called from that thread; or NULL
 * @ctx:   handed to @fn
 * @ret_hk: written on success; end it with vireo_housekeeper_stop()
 *
 * Return: 0; -EINVAL; -ENOMEM; what pthread_create() says.
 */
int vireo_housekeeper_start(struct vireo_port *const *ports, unsigned n, vireo_event_fn fn, void *ctx,
			    struct vireo_housekeeper **ret_hk);

/** vireo_housekeeper_stop() - end the thread and free it; not from its own callback; NULL is fine */
void vireo_housekeeper_stop(struct vireo_housekeeper *hk);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
