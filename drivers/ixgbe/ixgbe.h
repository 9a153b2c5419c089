/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IXGBE_H
#define IXGBE_H

/* What the parts of the driver know of each other. README.md says which part does what. */

#include <assert.h>

#include <vireo/driver.h>

#include "deadline.h"
#include "io.h"
#include "ixgbe_desc.h"
#include "ixgbe_regs.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * The compiler has @x in one register and does not take apart how it was computed. For the tight loops, which are written as
 * they should run: left alone gcc makes a pointer into each array out of one index, and computes parts of words twice.
 */
#define one_piece(x) __asm__("" : "+r"(x))

/* Buffers move between rings and pools in bulk of this many. */
#define IXGBE_BULK 32

#define IXGBE_MIN_RING     64
#define IXGBE_MAX_RING     4096
#define IXGBE_DEFAULT_RING 512

#define IXGBE_MAX_MTU      9710
/* The largest frame with its CRC, whatever the MTU says: 15.5 KiB. */
#define IXGBE_MAX_FRAME    15872
/* The Ethernet header and two VLAN tags, as the library counts it. */
#define IXGBE_OVERHEAD     22
#define IXGBE_CRC_LEN      4

/* The card itself: ixgbe_hw.c */

enum ixgbe_mac {
	IXGBE_82599,
	IXGBE_X540,
	IXGBE_X550,
};

/* What the cards of a family have in common and others do not. */
struct ixgbe_kind {
	const char *name;
	uint16_t rss_queues;     /* that RSS can reach */
	uint16_t rss_entries;
	uint16_t rx_buffer_kib;
	bool copper;             /* the PHY is at the MDIO bus */
};

/* What is plugged into a cage, or soldered in its place: ixgbe_phy.c */
enum ixgbe_media {
	IXGBE_MEDIA_UNKNOWN,
	IXGBE_MEDIA_BACKPLANE,   /* what the EEPROM says is right */
	IXGBE_MEDIA_COPPER,
	IXGBE_MEDIA_NO_MODULE,
	IXGBE_MEDIA_DIRECT,      /* a cable with both modules at its ends */
	IXGBE_MEDIA_SR_LR,
	IXGBE_MEDIA_1G,
	IXGBE_MEDIA_BAD_MODULE,  /* does not answer, or is none that the card can drive */
};

struct ixgbe_hw {
	struct vireo_device *dev;
	const char *name;        /* for sentences */
	struct io_window regs;
	uint16_t device_id;
	enum ixgbe_mac mac;
	const struct ixgbe_kind *kind;
	unsigned lan;            /* which of the two ports of the chip */
	enum ixgbe_media media;
	uint64_t looked_us;      /* when we last looked for a module */
	uint32_t autoc;          /* as the EEPROM has it */
	uint64_t reset_us;       /* when the reset began */
	bool stuck;              /* requests to memory did not end before it */
	bool fresh;              /* was reset, and nothing was done with it since */
};

/*
 * How long the chip may take for anything that it is told and that has an end of its own. Its own times are milliseconds;
 * a model may share its processor with us. Tests of cards that never answer have less patience.
 */
extern unsigned ixgbe_patience_us;
/* How long the chip is left alone after a reset; no card needs less, a model needs none. */
extern unsigned ixgbe_settle_us;

static inline uint32_t ixgbe_read(const struct ixgbe_hw *hw, uint32_t reg)
{
	return io_read32(&hw->regs, reg);
}

static inline void ixgbe_write(const struct ixgbe_hw *hw, uint32_t reg, uint32_t value)
{
	io_write32(&hw->regs, reg, value);
}

/* See io_gather(). */
static inline void ixgbe_gather(const struct ixgbe_hw *hw, bool on)
{
	io_gather(&hw->regs, on);
}

static inline void ixgbe_set(const struct ixgbe_hw *hw, uint32_t reg, uint32_t clear, uint32_t set)
{
	ixgbe_write(hw, reg, (ixgbe_read(hw, reg) & ~clear) | set);
}

/* What the device id says, and a window over the registers; -EOPNOTSUPP, -EIO. */
int ixgbe_hw_open(struct ixgbe_hw *hw, struct vireo_device *dev);
/* 0, or -ENODEV with a sentence when nobody answers. */
int ixgbe_hw_check(const struct ixgbe_hw *hw);
/* Wait until the bits of @mask are @value; -ETIMEDOUT with "@what", -ENODEV. */
int ixgbe_hw_wait(const struct ixgbe_hw *hw, uint32_t reg, uint32_t mask, uint32_t value, const char *what);
/*
 * Back to the state after power on: no queue runs, no interrupt comes, the card asks for no memory, and the EEPROM has
 * been read. Counters are 0.
 */
int ixgbe_hw_reset(struct ixgbe_hw *hw);
/* The same in two steps, so that the time between them can be used; for several cards it passes only once. */
int ixgbe_hw_reset_begin(struct ixgbe_hw *hw);
int ixgbe_hw_reset_end(struct ixgbe_hw *hw);
/* No more requests to memory; -ETIMEDOUT when there are some that never end. */
int ixgbe_hw_disable_master(const struct ixgbe_hw *hw);
/* The address that the EEPROM gave. */
int ixgbe_hw_read_mac(const struct ixgbe_hw *hw, uint8_t ret_mac[VIREO_MAC_LEN]);
/* One word of the EEPROM; -EIO without one, -ETIMEDOUT, -ENODEV. */
int ixgbe_hw_read_eeprom(const struct ixgbe_hw *hw, uint16_t word, uint16_t *ret_value);
/* -EIO when its words do not add up. */
int ixgbe_hw_check_eeprom(const struct ixgbe_hw *hw);
/* Hold IXGBE_SYNC_* against firmware and the other port; give back what was taken. */
int ixgbe_hw_lock(const struct ixgbe_hw *hw, uint32_t what);
void ixgbe_hw_unlock(const struct ixgbe_hw *hw, uint32_t what);

/* The wire: ixgbe_phy.c */

/* Find out what is plugged in and start the link; it comes up by itself. 0 also when nothing is plugged in. */
int ixgbe_phy_start(struct ixgbe_hw *hw);
/* The other side sees the link go. */
void ixgbe_phy_stop(struct ixgbe_hw *hw);
/* A module that was put in after ixgbe_phy_start() is started. */
int ixgbe_phy_poll(struct ixgbe_hw *hw);
int ixgbe_phy_link(const struct ixgbe_hw *hw, struct vireo_link *ret_link);
const char *ixgbe_phy_media(const struct ixgbe_hw *hw);

/* Receive: ixgbe_rx.c */

struct ixgbe_port;

struct ixgbe_rxq {
	struct vireo_rxq_head head;
	union ixgbe_rx_desc *ring;
	void **bufs;             /* by descriptor */
	uint64_t word;           /* off, len (0) and flags of every packet, as they lie in memory: flags name the pool */
	uint64_t port_word;      /* hash (0), vlan (0) and port, likewise */
	uint16_t next;           /* the descriptor that is written back next */
	uint16_t limit;          /* the window is [next, limit): in one piece, all with buffers, nothing special */
	uint16_t beyond;         /* descriptors with buffers from limit on, around the end of the ring */
	uint16_t fill;           /* the first that has none; its buffer is not ours any more, up to next */
	uint16_t told;           /* fill as the card knows it */
	uint16_t mask;
	uint16_t bulk;           /* IXGBE_BULK, less for a tiny ring */
	uint16_t buf_len;        /* what the card may write to each */
	bool starved;            /* a refill found too few buffers; counted once */
	bool special;            /* one of those below: no window, every burst looks closely */
	bool armed;
	bool lost_end;           /* a packet was cut: what comes until its end belongs to it */
	bool debug;
	bool strip;              /* the card takes VLAN tags out */
	uint16_t vector;
	struct io_window tail;

	struct ixgbe_port *xp;
	int fd;                  /* eventfd, or -1 */
	void *mem;
};

typedef unsigned (*ixgbe_rx_burst_fn)(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n);

unsigned ixgbe_rx_burst_plain(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n);
unsigned ixgbe_rx_burst_full(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n);
/* The fastest of these, or of those in vectors, that does what is asked for. */
ixgbe_rx_burst_fn ixgbe_rx_burst_choose(bool full);
bool ixgbe_rxq_has_packets(const struct ixgbe_rxq *q);
/* The next burst finds that an interrupt was asked for. */
void ixgbe_rxq_set_armed(struct ixgbe_rxq *q);
/* Give every descriptor a buffer, in a ring that the card does not use; -ENOSPC. */
int ixgbe_rxq_fill(struct ixgbe_rxq *q);
/* The card reaches no memory: every buffer back to its pool. */
void ixgbe_rxq_empty(struct ixgbe_rxq *q);

/* The life of a receive queue: ixgbe_rxq.c */

int ixgbe_rxq_create(struct vireo_port *port, unsigned idx, struct vireo_rxq_head **ret_q);
void ixgbe_rxq_destroy(struct vireo_rxq_head *head);
/* Fill the ring and program it, not yet enabled; -ENOSPC. */
int ixgbe_rxq_program(struct ixgbe_rxq *q);
/* Enable it and hand its buffers over. */
int ixgbe_rxq_enable(struct ixgbe_rxq *q);
int ixgbe_rxq_disable(struct ixgbe_rxq *q);
/* Whether a full queue drops, or holds up the others until there is room. */
void ixgbe_rxq_set_drop(const struct ixgbe_rxq *q, bool drop);

/* Transmit: ixgbe_tx.c */

/* Room for the first bytes of packets that must not be written where they lie. */
#define IXGBE_SLOT_SIZE 256

/* The most descriptors that one packet may have; 40 fit on the chip. */
#define IXGBE_MAX_TX_DESCS 40

/* What a context descriptor told the card. */
struct ixgbe_context {
	uint32_t lens;
	uint32_t cmd;
	uint32_t mss;            /* with the number of the context */
};

/*
 * What the latest packet asked for that a context was told for. Another one of one buffer that asks for the same needs no
 * second look at its request, only at its headers.
 */
struct ixgbe_request {
	uint32_t flags;          /* VIREO_PKT_*; 0: there is none */
	uint8_t tag_len;
	uint64_t tag, tag_mask;  /* the qword with vlan, as far as it matters */
	uint64_t lens, lens_mask; /* the qword with tx, likewise */
	uint64_t second;         /* of the data descriptor, without lengths */
};

/* A descriptor that the card was asked to report, and whose the buffers up to it are. */
struct ixgbe_report {
	uint32_t owner;          /* as in struct ixgbe_txq */
	uint16_t at;
};

struct ixgbe_txq {
	struct vireo_txq_head head;
	union ixgbe_tx_desc *ring;
	void **bufs;             /* by descriptor; NULL: nothing to give back */
	uint16_t next;           /* the descriptor that is written next */
	uint16_t limit;          /* the window is [next, limit): free, in one piece, up to where a report is due */
	uint16_t mask;
	uint16_t clean;          /* the oldest that was not given back */
	uint16_t reported;       /* the first behind the last RS */
	uint16_t report_every;   /* IXGBE_BULK, less for a tiny ring */
	uint16_t reports_head, reports_tail;
	uint32_t owner;          /* of all buffers from reported to next: the pool as flags have it; SHARED: see owners */
	uint16_t reports_mask;
	bool debug;              /* no window */
	uint32_t *owners;        /* by descriptor, where they are mixed: the pool, and SHARED, as flags have them */
	struct ixgbe_report *reports; /* first in first out */
	struct io_window tail;

	char *slots;             /* by descriptor, IXGBE_SLOT_SIZE apart */
	struct ixgbe_context contexts[2];
	struct ixgbe_request requests[2]; /* by context */
	uint8_t newest_context;
	struct ixgbe_port *xp;
	void *mem;
};

/* Not one owner but several, one for each descriptor. No packet that is plain has this flag. */
#define IXGBE_TX_MIXED VIREO_PKT_SHARED

typedef unsigned (*ixgbe_tx_burst_fn)(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n);

unsigned ixgbe_tx_burst(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n);
/* This one, or one that does the same in vectors. */
ixgbe_tx_burst_fn ixgbe_tx_burst_choose(void);

/* The life of a transmit queue, and what becomes of sent buffers: ixgbe_txq.c */

/* Descriptors whose buffers were not given back. */
static inline unsigned ixgbe_txq_n_used(const struct ixgbe_txq *q)
{
	return (q->next - q->clean) & q->mask;
}

/* Give back everything up to the last descriptor that the card has reported; returns how many buffers. */
unsigned ixgbe_txq_collect(struct ixgbe_txq *q);
/* The same, and what was sent after it; no window is left. */
unsigned ixgbe_txq_reclaim(struct vireo_txq_head *head);
bool ixgbe_txq_is_empty(const struct ixgbe_txq *q);
/* The card reaches no memory: every buffer back to its pool. */
void ixgbe_txq_empty(struct ixgbe_txq *q);

int ixgbe_txq_create(struct vireo_port *port, unsigned idx, struct vireo_txq_head **ret_q);
void ixgbe_txq_destroy(struct vireo_txq_head *head);
int ixgbe_txq_program(struct ixgbe_txq *q);
int ixgbe_txq_enable(struct ixgbe_txq *q);
int ixgbe_txq_disable(struct ixgbe_txq *q);

/* What a burst of plain packets touches lies in two lines, and the doorbell's pointer in the next. */
static_assert(offsetof(struct ixgbe_rxq, tail) <= 128, "two cache lines");
static_assert(offsetof(struct ixgbe_txq, tail) <= 128, "two cache lines");

/* Interrupts: ixgbe_irq.c. Vector 0 is for the port, the others for receive queues. */

#define IXGBE_PORT_VECTOR   0
#define IXGBE_RX_VECTOR(q)  (1 + (q))

/* Whether there is a vector for everything that the configuration asks for; called with the first queue. */
int ixgbe_irq_check(const struct ixgbe_port *xp);
int ixgbe_irq_open(struct ixgbe_port *xp);
void ixgbe_irq_close(struct ixgbe_port *xp);
int ixgbe_irq_start(struct ixgbe_port *xp);
int ixgbe_irq_stop(struct ixgbe_port *xp);
/* What happened to the port since the last call: IXGBE_EICR_* bits. */
uint32_t ixgbe_irq_causes(struct ixgbe_port *xp);
int ixgbe_rxq_arm(struct vireo_rxq_head *head);
int ixgbe_rxq_fd(struct vireo_rxq_head *head);
/* No interrupt until it is armed again; queue thread. */
void ixgbe_rxq_disarm(struct ixgbe_rxq *q);

/* Statistics: ixgbe_stats.c */

#define IXGBE_N_COUNTERS 104

/* Add what the card counted since the last call, which makes it count from 0 again. */
int ixgbe_stats_fold(struct ixgbe_port *xp);
/* The same when the last time is long ago. */
int ixgbe_stats_poll(struct ixgbe_port *xp);
/* Which counter counts which queue; after each reset. */
void ixgbe_stats_start(struct ixgbe_port *xp);
int ixgbe_stats(struct vireo_port *port, struct vireo_stats *stats);
int ixgbe_xstats(struct vireo_port *port, struct vireo_xstat *xstats, unsigned n);

/* Settings: ixgbe_ctrl.c */

/* Bring a card that was just reset to the port's settings. */
int ixgbe_ctrl_apply(struct ixgbe_port *xp);
int ixgbe_set_rx_mode(struct vireo_port *port);
int ixgbe_set_mac(struct vireo_port *port);
int ixgbe_set_mac_filter(struct vireo_port *port);
int ixgbe_set_vlan(struct vireo_port *port, uint16_t vlan_id, bool on);
int ixgbe_set_rss(struct vireo_port *port);
int ixgbe_check_flow(struct vireo_port *port, const struct vireo_flow *flow);
int ixgbe_set_flows(struct vireo_port *port);
int ixgbe_set_flow_control(struct vireo_port *port);

/* The registers, for people: ixgbe_dump.c */

int ixgbe_registers(struct vireo_port *port, struct vireo_register *regs, unsigned n);

/* The port: ixgbe.c */

struct ixgbe_port {
	struct vireo_port *port;
	struct ixgbe_hw hw;
	int event_fd;            /* vector 0; -1: no MSI-X */
	bool link_up;            /* as last told */
	uint64_t folded_us;      /* when the counters were last read */
	uint64_t counters[IXGBE_N_COUNTERS];
};

static inline struct ixgbe_port *ixgbe_port_of(const struct vireo_port *port)
{
	return vireo_port_priv(port);
}

static inline struct ixgbe_rxq *ixgbe_rxq_at(const struct ixgbe_port *xp, unsigned i)
{
	return (struct ixgbe_rxq *)vireo_port_rxq_head(xp->port, i);
}

static inline struct ixgbe_txq *ixgbe_txq_at(const struct ixgbe_port *xp, unsigned i)
{
	return (struct ixgbe_txq *)vireo_port_txq_head(xp->port, i);
}

#endif
