/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_IXGBE_INTERNAL_H
#define SIM_IXGBE_INTERNAL_H

/*
 * The 82599 model's own state. One file for each mechanism of the chip; what they call in each other is declared here,
 * by file. All of it runs on the model thread. Prefix ixm_.
 *
 * Registers lie in pages of 4 KiB: private memory, or in shared mode for the four pages of queues a memfd that the
 * client maps too. What lies there may change at any time: each value is loaded once and checked before it is used.
 */

#include <stdbool.h>
#include <stdint.h>

#include <ixgbe_desc.h>
#include <ixgbe_regs.h>

#include "model.h"

#define IXM_BURST      128 /* frames that are handled together */
#define IXM_PAGE       0x1000u
#define IXM_N_PAGES    (IXGBE_REGS_SIZE / IXM_PAGE)
#define IXM_NO_VECTOR  0xff
#define IXM_MIN_FRAME  60u /* without the CRC, as on a wire */
#define IXM_MAX_FRAME  (9728u - 4)
#define IXM_CRC_LEN    4u
#define IXM_N_EEPROM   4096 /* words */
#define IXM_CONFIG_SIZE 4096
#define IXM_MSIX_BAR_SIZE 0x4000
#define IXM_PACKET_BUFFER (512u * 1024)
#define IXM_MAX_SEGS   40u

/* Statistics that the chip clears when they are read; stats.c has their offsets. */
enum ixm_stat {
	IXM_CRCERRS, IXM_RLEC, IXM_RUC, IXM_RFC, IXM_ROC, IXM_XEC, IXM_SSVPC,
	IXM_PRC64, IXM_PRC127, IXM_PRC255, IXM_PRC511, IXM_PRC1023, IXM_PRC1522,
	IXM_PTC64, IXM_PTC127, IXM_PTC255, IXM_PTC511, IXM_PTC1023, IXM_PTC1522,
	IXM_GPRC, IXM_BPRC, IXM_MPRC, IXM_GORC, IXM_TOR, IXM_TPR, IXM_RXNFGPC, IXM_RXNFGBC, IXM_RXDGPC, IXM_RXDGBC,
	IXM_GPTC, IXM_BPTC, IXM_MPTC, IXM_GOTC, IXM_TPT, IXM_TXDGPC, IXM_TXDGBC,
	IXM_LXONRXC, IXM_LXOFFRXC, IXM_LXONTXC, IXM_LXOFFTXC,
	IXM_NEVER, /* counters of what the model does not do: always 0 */
	IXM_MPC,
	IXM_QPRC = IXM_MPC + 8,
	IXM_QBRC = IXM_QPRC + 16,
	IXM_QPRDC = IXM_QBRC + 16,
	IXM_QPTC = IXM_QPRDC + 16,
	IXM_QBTC = IXM_QPTC + 16,
	IXM_N_STATS = IXM_QBTC + 16,
};

/* What the model tells people beside them. */
enum ixm_count {
	IXM_DRIVER_ERRORS, IXM_UNKNOWN_REGISTERS, IXM_RX_FRAMES, IXM_RX_FILTERED, IXM_RX_BAD, IXM_RX_DEAF, IXM_RX_NO_QUEUE,
	IXM_RX_NO_DESC, IXM_RX_MISSED, IXM_RX_REFUSED, IXM_TX_FRAMES, IXM_TX_DROPPED, IXM_TX_REFUSED, IXM_INTERRUPTS,
	IXM_RESETS,
	IXM_N_COUNTS,
};

enum ixm_fault {
	IXM_FAULT_RESET, IXM_FAULT_LINK, IXM_FAULT_GONE, IXM_FAULT_LENGTH, IXM_FAULT_ORDER, IXM_FAULT_RXQ, IXM_FAULT_TX,
	IXM_FAULT_ENABLE, IXM_FAULT_MASTER, IXM_FAULT_EEPROM, IXM_FAULT_SEMAPHORE,
	IXM_N_FAULTS,
};

/* What is common to a receive and a transmit queue. */
struct ixm_queue {
	bool enabled;
	bool want;           /* trap mode: what it becomes at when_ns */
	bool changing;
	bool broken;         /* its ring is no ring; told once */
	uint8_t counter;     /* which of the 16 counters (RQSMR, TQSM) */
	uint8_t vector;      /* IVAR, or IXM_NO_VECTOR */
	uint16_t id;
	uint32_t *regs;      /* its block of registers */
	uint64_t base;       /* latched when it was enabled: the ring */
	uint32_t n;          /* and its descriptors */
	uint32_t head, tail;
	uint64_t when_ns;
};

struct ixm_rxq {
	struct ixm_queue q;
	uint32_t bsize;
	bool legacy, drop, strip;
	union ixgbe_rx_desc *ring; /* only while it is the burst's */
	uint64_t burst;            /* the burst for which ring, plain_max and q.tail hold */
	uint32_t plain_max;        /* frames up to this length take one buffer and nothing else; 0: none do */
	uint32_t packets, bytes;   /* in this burst */
};

struct ixm_context {
	bool valid;
	uint16_t ip_len, mac_len, vlan, mss;
	uint8_t l4_len;
	uint32_t cmd; /* IXGBE_TXC_* */
};

struct ixm_txq {
	struct ixm_queue q;
	uint8_t wthresh;
	struct ixm_context ctx[2];
	uint32_t n_unreported;     /* WTHRESH > 0: done, not written back */
	uint64_t last_ns;
	uint32_t packets;          /* in this burst */
	uint64_t bytes;
};

/* What happens to a frame that has arrived. */
enum ixm_verdict { IXM_ACCEPT, IXM_FILTERED, IXM_BAD_CRC, IXM_RUNT, IXM_GIANT, IXM_BAD_LENGTH, IXM_PAUSE };

struct ixm_rx_meta {
	union {
		struct {         /* as in the descriptor */
			uint32_t type;
			uint32_t hash;
			uint32_t status;
			uint16_t len;  /* what goes to memory; not yet known when the frame is classified */
			uint16_t vlan; /* its tag, whether the queue takes it out or not */
		};
		uint64_t qwords[2];
	};
	uint8_t verdict;
	uint8_t queue;
};

/* What the receive registers say, ready to use; rebuilt by filter.c when one of them was written. */
struct ixm_filter {
	uint64_t mac0;           /* the first valid address: most frames match it */
	uint64_t macs[512];      /* all of them, hashed; 0: free */
	bool promisc, all_multi, broadcast, hash_multi;
	uint8_t mo_shift;
	bool vlan_filter, cfi_filter, cfi_value;
	uint16_t vet;
	uint32_t max_len;        /* untagged, without CRC */
	bool keep_crc, store_bad, check_length;
	bool hash_reported;      /* RXCSUM.PCSD */
	bool fragment_csum;      /* RXCSUM.IPPCSE */
	bool rss;
	uint32_t rss_fields;     /* MRQC */
	uint16_t reta_mask;
	uint8_t reta[512];
	uint8_t key[40];
	uint32_t toeplitz[36][256];
	unsigned n_ethertypes, n_tuples;
	uint8_t ethertypes[8], tuples[128]; /* those that are enabled */
	bool syn;
	bool any_rule;           /* of those three */
};

struct ixm_irq {
	uint64_t cause;          /* of queues: a bit for each vector, below 16 also EICR */
	uint64_t mask, automask; /* EIMS_EX, EIAM_EX */
	uint64_t wants;          /* vectors that shall fire when moderation lets them */
	uint32_t misc;           /* EICR 31:16 */
	uint32_t misc_mask, misc_automask;
	uint64_t next_ns[SIM_MAX_VECTORS];
};

struct ixm_link {
	bool up, started, laser, carrier;
	uint32_t autoc, autoc2;  /* latched when it was (re)started */
	uint64_t ready_ns;
	uint64_t carrier_ns;     /* when the wire is asked next */
	bool negotiating;        /* an LMS with autonegotiation was started: ANLP1 */
};

struct ixm_i2c {
	bool clk, data;
	bool out;                /* what the module pulls: false is low */
	uint8_t state, bit, byte, addr;
	bool reading, selected;
};

/* The PHY of an X540 or X550. */
struct ixm_phy {
	uint16_t addr;           /* of the next data cycle */
	uint16_t control, advertise, advertise_10g;
};

/* The EEPROM as a chip on four wires. */
struct ixm_spi {
	uint32_t wires, in;
	uint16_t addr;
	uint8_t op;
	unsigned n_in, n_out;    /* bits that went each way since it was selected */
	bool out;
};

/* Frames that wait for descriptors: the chip's packet buffer, first in first out. */
struct ixm_buffer {
	uint8_t *data;
	uint32_t size, used, head, n;
};

struct ixm_tx {
	struct sim_frame frames[IXM_BURST];
	unsigned n;
	uint8_t *scratch;        /* IXM_BURST slots for frames that are changed on the way */
	uint8_t *packet;         /* a whole packet that is cut into segments */
	unsigned next;           /* queue whose turn it is */
};

struct ixgbe_model {
	struct sim_device dev; /* first */
	struct sim_wire_end *end;
	struct ixgbe_model_config cfg;
	uint64_t now_ns, timer_ns;
	uint64_t burst;

	uint8_t *pages[IXM_N_PAGES];
	uint8_t *own;            /* all pages, private */
	uint8_t *shared;         /* the memfd; NULL in trap mode */
	uint8_t config[IXM_CONFIG_SIZE];
	uint8_t msix[IXM_MSIX_BAR_SIZE];
	uint16_t eeprom[IXM_N_EEPROM];
	bool bus_master;

	bool faults[IXM_N_FAULTS];
	uint64_t reset_done_ns, gio_done_ns;
	bool gio_wanted_off;
	bool filter_dirty;
	bool xoff;               /* we have paused the other side */
	uint64_t refresh_ns, paused_until_ns;
	uint64_t scan_ns;        /* when the ENABLE bits are looked at next */
	unsigned glance;         /* at which queue that goes on */

	struct ixm_filter filter;
	struct ixm_irq irq;
	struct ixm_link link;
	struct ixm_i2c i2c;
	struct ixm_phy phy;
	struct ixm_spi spi;
	struct ixm_buffer buffer;
	struct ixm_tx tx;
	uint64_t held[2];        /* fault write-back-order: a status that comes a turn late */
	union ixgbe_rx_desc *held_desc;
	uint64_t held_iova;
	unsigned bad_lengths;

	unsigned n_rx, n_tx;     /* queues that are enabled, and which */
	uint8_t rx_on[IXGBE_N_RXQ], tx_on[IXGBE_N_TXQ];
	struct ixm_rxq rxq[IXGBE_N_RXQ];
	struct ixm_txq txq[IXGBE_N_TXQ];

	uint64_t stats[IXM_N_STATS];
	uint32_t stats_high[IXM_N_STATS]; /* bits 35:32 when the low half was read */
	uint64_t counts[IXM_N_COUNTS];
	uint8_t seen[IXGBE_REGS_SIZE / 4 / 8]; /* unknown registers that were told of */
	char complaint[160];
};

/* Registers as they are stored. */
static inline uint32_t *ixm_reg_at(struct ixgbe_model *m, uint32_t off)
{
	return (uint32_t *)(m->pages[off / IXM_PAGE] + (off & (IXM_PAGE - 4)));
}

static inline uint32_t ixm_reg(struct ixgbe_model *m, uint32_t off)
{
	return __atomic_load_n(ixm_reg_at(m, off), __ATOMIC_RELAXED);
}

static inline void ixm_reg_set(struct ixgbe_model *m, uint32_t off, uint32_t value)
{
	__atomic_store_n(ixm_reg_at(m, off), value, __ATOMIC_RELAXED);
}

/* A register of a queue's block, by its offset there; acquire: the descriptors before the tail that says so. */
static inline uint32_t ixm_queue_reg(const struct ixm_queue *q, uint32_t off)
{
	return __atomic_load_n(&q->regs[off / 4], __ATOMIC_ACQUIRE);
}

static inline void ixm_queue_reg_set(const struct ixm_queue *q, uint32_t off, uint32_t value)
{
	__atomic_store_n(&q->regs[off / 4], value, __ATOMIC_RELEASE);
}

/* Offsets inside the block of a queue */
#define IXM_Q_BAL   0x00
#define IXM_Q_BAH   0x04
#define IXM_Q_LEN   0x08
#define IXM_Q_HEAD  0x10
#define IXM_Q_SRRCTL 0x14
#define IXM_Q_TAIL  0x18
#define IXM_Q_CTL   0x28
#define IXM_Q_WBAL  0x38
#define IXM_Q_WBAH  0x3c
#define IXM_Q_ENABLE (1u << 25) /* RXDCTL and TXDCTL */
#define IXM_Q_SWFLSH (1u << 26)

_Static_assert(IXGBE_RXDCTL_ENABLE == IXM_Q_ENABLE && IXGBE_TXDCTL_ENABLE == IXM_Q_ENABLE, "one bit for both");

/* A line that is about to be written: owned at once, where reading it first would cost a second trip. */
static inline void ixm_prefetch_write(const void *p)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)p)); /* no more than a hint on processors without it */
#else
	__builtin_prefetch(p, 1);
#endif
}

/* model.c */

/* The driver did what the chip would not forgive: counted, and the latest is kept as a sentence. */
void ixm_mistake(struct ixgbe_model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The earliest time at which something happens by itself. */
static inline void ixm_timer(struct ixgbe_model *m, uint64_t at_ns)
{
	if (at_ns < m->timer_ns)
		m->timer_ns = at_ns;
}

/* regs.c: every register by its offset, as a client sees it */
uint32_t ixm_regs_read(struct ixgbe_model *m, uint32_t off);
void ixm_regs_write(struct ixgbe_model *m, uint32_t off, uint32_t value);
/* All registers to their values after reset. */
void ixm_regs_reset(struct ixgbe_model *m);

/* config.c */
void ixm_config_init(struct ixgbe_model *m);
int ixm_config_read(struct ixgbe_model *m, uint64_t off, void *buf, unsigned len);
int ixm_config_write(struct ixgbe_model *m, uint64_t off, const void *buf, unsigned len);

/* eeprom.c */
void ixm_eeprom_init(struct ixgbe_model *m);
void ixm_eeprom_load(struct ixgbe_model *m); /* the auto-read after a reset */
uint32_t ixm_eec_read(struct ixgbe_model *m, unsigned i, uint32_t off);
void ixm_eec_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
void ixm_eerd_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);

/* sem.c */
uint32_t ixm_swsm_read(struct ixgbe_model *m, unsigned i, uint32_t off);
void ixm_swsm_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
void ixm_sync_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);

/* phy.c: MDIO and the SFP+ module; link.c */
static inline bool ixm_x550(const struct ixgbe_model *m)
{
	return m->cfg.device_id == IXGBE_DEV_X550T || m->cfg.device_id == IXGBE_DEV_X550T1;
}

static inline bool ixm_copper(const struct ixgbe_model *m)
{
	return ixm_x550(m) || m->cfg.device_id == IXGBE_DEV_X540T || m->cfg.device_id == IXGBE_DEV_X540T1;
}

void ixm_msca_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
uint32_t ixm_i2c_read(struct ixgbe_model *m, unsigned i, uint32_t off);
void ixm_i2c_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
uint32_t ixm_esdp_read(struct ixgbe_model *m, unsigned i, uint32_t off);
void ixm_esdp_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
void ixm_autoc_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
uint32_t ixm_links_read(struct ixgbe_model *m, unsigned i, uint32_t off);
uint32_t ixm_anlp1_read(struct ixgbe_model *m, unsigned i, uint32_t off);
void ixm_link_power_on(struct ixgbe_model *m);
void ixm_link_restart(struct ixgbe_model *m);
void ixm_link_poll(struct ixgbe_model *m);

/* reset.c */
void ixm_power_on(struct ixgbe_model *m);
void ixm_ctrl_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
uint32_t ixm_ctrl_read(struct ixgbe_model *m, unsigned i, uint32_t off);
uint32_t ixm_status_read(struct ixgbe_model *m, unsigned i, uint32_t off);
void ixm_reset_poll(struct ixgbe_model *m);
/* Memory may be reached: bus mastering is on and the master is not disabled. */
static inline bool ixm_dma_allowed(const struct ixgbe_model *m)
{
	return m->bus_master && !m->gio_wanted_off && !m->faults[IXM_FAULT_GONE];
}

/* queue.c */
void ixm_queues_init(struct ixgbe_model *m);
void ixm_queues_reset(struct ixgbe_model *m);
void ixm_queues_scan(struct ixgbe_model *m);
void ixm_queues_glance(struct ixgbe_model *m);
void ixm_queues_settings(struct ixgbe_model *m); /* SRRCTL, RXDCTL, RQSMR, TQSM of running queues */
void ixm_rx_queue_write(struct ixgbe_model *m, unsigned q, uint32_t off, uint32_t value);
void ixm_tx_queue_write(struct ixgbe_model *m, unsigned q, uint32_t off, uint32_t value);

/* rx.c, classify.c, filter.c */
unsigned ixm_rx_poll(struct ixgbe_model *m);
void ixm_rx_frames(struct ixgbe_model *m, const struct sim_frame *frames, unsigned n);
void ixm_rx_reset(struct ixgbe_model *m);
void ixm_classify(struct ixgbe_model *m, const struct sim_frame *frames, struct ixm_rx_meta *ret_metas, unsigned n);
void ixm_filter_update(struct ixgbe_model *m);
/* 0: not for us; 1: by an exact address; 2: by another rule. */
int ixm_filter_mac(const struct ixgbe_model *m, uint64_t mac);
/* A queue that an L2, SYN or 5-tuple filter names; -1: none. */
int ixm_filter_queue(struct ixgbe_model *m, uint16_t ether_type, const uint8_t *ip4, const uint8_t *l4, unsigned proto,
		     uint32_t len, struct ixm_rx_meta *meta);

/* tx.c, segment.c */
unsigned ixm_tx_poll(struct ixgbe_model *m, unsigned quantum);
void ixm_tx_flush(struct ixgbe_model *m, struct ixm_txq *txq);
void ixm_tx_emit(struct ixgbe_model *m, struct ixm_txq *txq, const uint8_t *data, uint32_t len);
uint8_t *ixm_tx_slot(struct ixgbe_model *m, struct ixm_txq *txq);

/* What a packet's first data descriptor asks for. */
struct ixm_tx_job {
	const struct ixm_context *ctx;
	uint32_t cmd, olinfo; /* IXGBE_TXD_* */
	uint32_t len;         /* of all its buffers */
	bool legacy;
	uint8_t cso, css;
	uint16_t vlan;
};
/* @packet holds job->len bytes; emits frames, or says what is wrong with it. */
void ixm_tx_finish(struct ixgbe_model *m, struct ixm_txq *txq, const struct ixm_tx_job *job, uint8_t *packet);

/* stats.c */
uint32_t ixm_stat_read(struct ixgbe_model *m, unsigned stat);
/* Shared mode: a statistics register is about to be read by a message. */
void ixm_stats_pass(struct ixgbe_model *m, uint32_t off);
uint32_t ixm_stat_read_low(struct ixgbe_model *m, unsigned stat);
uint32_t ixm_stat_read_high(struct ixgbe_model *m, unsigned stat);
/* Which of six size classes; the length includes the CRC. */
static inline unsigned ixm_size_class(uint32_t len)
{
	return len <= 64 ? 0 : len < 128 ? 1 : len < 256 ? 2 : len < 512 ? 3 : len < 1024 ? 4 : 5;
}

/* irq.c */
void ixm_irq_reset(struct ixgbe_model *m);
void ixm_irq_queue(struct ixgbe_model *m, const struct ixm_queue *q);
void ixm_irq_misc(struct ixgbe_model *m, uint32_t causes);
void ixm_irq_poll(struct ixgbe_model *m);
uint32_t ixm_irq_read(struct ixgbe_model *m, unsigned i, uint32_t off);
void ixm_irq_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
void ixm_eitr_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
void ixm_ivar_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);
uint64_t ixm_irq_interval_ns(struct ixgbe_model *m, unsigned vector);

/* flow.c */
/* A MAC control frame has come: true when it goes no further. */
bool ixm_flow_received(struct ixgbe_model *m, const struct sim_frame *frame);
void ixm_flow_poll(struct ixgbe_model *m);
void ixm_flow_reset(struct ixgbe_model *m);

#endif
