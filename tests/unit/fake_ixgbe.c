// SPDX-License-Identifier: BSD-2-Clause
#include "fake_ixgbe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_QUEUES 64

#define violation(fi, ...)                                                                                             \
	do {                                                                                                           \
		if (!(fi)->quiet)                                                                                      \
			fprintf(stderr, "# the driver must not: " __VA_ARGS__), fputc('\n', stderr);                   \
		(fi)->n_violations++;                                                                                  \
	} while (0)

uint32_t fi_get(const struct fake_ixgbe *fi, uint32_t reg)
{
	return fi->regs[reg / 4];
}

void fi_put(struct fake_ixgbe *fi, uint32_t reg, uint32_t value)
{
	fi->regs[reg / 4] = value;
}

static void *dma(struct fake_ixgbe *fi, uint64_t iova, uint64_t len, unsigned flags)
{
	void *va = fake_device_dma(fi->bus, iova, len, flags);

	if (!va)
		violation(fi, "make the card reach for %#llx + %#llx", (unsigned long long)iova,
			  (unsigned long long)len);
	return va;
}

/* Reset */

void fi_reset(struct fake_ixgbe *fi)
{
	memset(fi->regs, 0, sizeof(fi->regs));
	memset(fi->tx, 0, sizeof(fi->tx));
	memset(fi->rx_head, 0, sizeof(fi->rx_head));
	fi->smbi = false;
	fi_put(fi, IXGBE_STATUS, IXGBE_STATUS_GIO);
	fi_put(fi, IXGBE_EEC, IXGBE_EEC_PRES | IXGBE_EEC_ARD);
	fi_put(fi, IXGBE_RDRXCTL, IXGBE_RDRXCTL_DMAIDONE | IXGBE_RDRXCTL_RSCFRSTSIZE);
	fi_put(fi, IXGBE_SECRXSTAT, IXGBE_SECRXSTAT_RDY);
	fi_put(fi, IXGBE_RAL(0), 0x00bae290);
	fi_put(fi, IXGBE_RAH(0), fi->no_mac ? 0 : 0x0100 | IXGBE_RAH_AV);
	fi_put(fi, IXGBE_AUTOC, IXGBE_AUTOC_LMS_KX4_KX_KR << IXGBE_AUTOC_LMS_SHIFT);
	fi_put(fi, IXGBE_LINKS, IXGBE_LINKS_UP | IXGBE_LINKS_SPEED);
	for (unsigned q = 0; q < N_QUEUES; q++)
		fi_put(fi, IXGBE_DCA_RXCTRL(q), IXGBE_DCA_RXCTRL_CLEAR);
	if (fi->firmware_keeps)
		fi_put(fi, IXGBE_SW_FW_SYNC, 0x1f << IXGBE_SYNC_FW_SHIFT);
	fi->n_resets++;
}

void fi_set_link(struct fake_ixgbe *fi, bool up)
{
	fi_put(fi, IXGBE_LINKS, up ? IXGBE_LINKS_UP | IXGBE_LINKS_SPEED : 0);
	fi_raise(fi, IXGBE_EICR_LSC);
}

void fi_raise(struct fake_ixgbe *fi, uint32_t cause)
{
	fi->regs[IXGBE_EICR / 4] |= cause;
	if (fi_get(fi, IXGBE_EIMS) & cause)
		fake_device_signal(fi->bus, VIREO_IRQ_MSIX, fi_get(fi, IXGBE_IVAR_MISC) >> 8 & IXGBE_IVAR_VECTOR);
}

/* The module: it listens to clock and data, and pulls data down to acknowledge or to send a 0. */

static void i2c_take_byte(struct fake_ixgbe *fi)
{
	bool mine = fi->i2c.phase > 0 || (fi->i2c.byte & 0xfe) == IXGBE_SFP_I2C_ADDR;

	if (!mine) {
		fi->i2c.bit = -1;
		return;
	}
	fi->i2c.out = false;
	if (fi->i2c.phase == 1)
		fi->i2c.at = fi->i2c.byte;
	fi->i2c.phase = fi->i2c.phase == 0 && fi->i2c.byte & 1 ? 2 : 1;
}

/* The clock has fallen: what the module does with the line until the next time. */
static void i2c_fall(struct fake_ixgbe *fi)
{
	fi->i2c.out = true;
	if (fi->i2c.bit == -1)
		return;
	if (fi->i2c.bit == -2 || fi->i2c.bit == 8) {
		fi->i2c.bit = 0;
		fi->i2c.sending = fi->i2c.phase == 2;
		if (fi->i2c.sending)
			fi->i2c.byte = fi->module_id[fi->i2c.at++ % sizeof(fi->module_id)];
	} else {
		fi->i2c.bit++;
	}
	if (fi->i2c.bit == 8 && !fi->i2c.sending)
		i2c_take_byte(fi);
	else if (fi->i2c.bit < 8 && fi->i2c.sending)
		fi->i2c.out = fi->i2c.byte >> (7 - fi->i2c.bit) & 1;
}

static void i2c_write(struct fake_ixgbe *fi, uint32_t value)
{
	bool clk = value & IXGBE_I2CCTL_CLK_OUT, data = value & IXGBE_I2CCTL_DATA_OUT;

	if (clk && fi->i2c.clk && fi->i2c.data && !data && fi->module) {
		fi->i2c.bit = -2;
		fi->i2c.phase = 0;
	} else if (clk && fi->i2c.clk && !fi->i2c.data && data) {
		fi->i2c.bit = -1;
	} else if (clk && !fi->i2c.clk && !fi->i2c.sending) {
		fi->i2c.byte = fi->i2c.byte << 1 | data;
	} else if (!clk && fi->i2c.clk) {
		i2c_fall(fi);
	}
	fi->i2c.clk = clk;
	fi->i2c.data = data;
}

/* Reads */

static bool is_counter(uint32_t reg)
{
	return (reg >= 0x4000 && reg <= 0x41b8 && reg != IXGBE_MAXFRS) || (reg >= 0x3f00 && reg <= 0x3fbc) ||
	       (reg >= 0x8680 && reg <= 0x87a8) || (reg >= 0x2f50 && reg <= 0x2f7c) || reg == IXGBE_EICR ||
	       (reg >= 0x1030 && reg < 0x1800 && reg % 0x40 >= 0x30 && reg % 0x40 <= 0x38);
}

static int fi_read(void *ctx, uint64_t offset, void *buf, size_t len)
{
	struct fake_ixgbe *fi = ctx;
	uint32_t reg = offset, v = fi_get(fi, reg);

	if (len != 4) {
		violation(fi, "read %zu bytes at %#x", len, reg);
		return -EIO;
	}
	if (reg == IXGBE_SWSM) {
		v = (v & ~IXGBE_SWSM_SMBI) | (fi->smbi ? IXGBE_SWSM_SMBI : 0);
		fi->smbi = true;
	} else if (reg == IXGBE_I2CCTL) {
		v = fi->i2c.data && fi->i2c.out ? IXGBE_I2CCTL_DATA_IN : 0;
	} else if (is_counter(reg)) {
		fi_put(fi, reg, 0);
	}
	memcpy(buf, &v, sizeof(v));
	return 0;
}

/* Writes */

static void write_ctrl(struct fake_ixgbe *fi, uint32_t value)
{
	if (value & (IXGBE_CTRL_RST | IXGBE_CTRL_LRST)) {
		if (fi->reset_never_ends)
			fi_put(fi, IXGBE_CTRL, value);
		else
			fi_reset(fi);
		return;
	}
	fi_put(fi, IXGBE_CTRL, value);
	if (value & IXGBE_CTRL_GIO_DIS && !fi->master_never_ends)
		fi->regs[IXGBE_STATUS / 4] &= ~IXGBE_STATUS_GIO;
}

/* The word that makes all words right, whatever a test has put into them; the blocks that pointers name are empty. */
static uint16_t checksum(const struct fake_ixgbe *fi)
{
	uint16_t sum = 0;

	for (unsigned i = 0; i < IXGBE_EE_CHECKSUM; i++)
		sum += fi->eeprom[i];
	return IXGBE_EE_CHECKSUM_SUM - sum;
}

static void write_eerd(struct fake_ixgbe *fi, uint32_t value)
{
	unsigned word = value >> IXGBE_EERD_ADDR_SHIFT & 0x3fff;
	uint16_t data = word < FI_N_EEPROM ? fi->eeprom[word] : 0xffff;

	if (word == IXGBE_EE_CHECKSUM)
		data = checksum(fi) + fi->eeprom_damaged;

	if (!fi->eeprom_never_answers)
		fi_put(fi, IXGBE_EERD, (uint32_t)data << IXGBE_EERD_DATA_SHIFT | IXGBE_EERD_DONE);
}

static void write_msca(struct fake_ixgbe *fi, uint32_t value)
{
	unsigned mmd = value >> IXGBE_MSCA_MMD_SHIFT & 7, phy = value >> IXGBE_MSCA_PHY_SHIFT & 0x1f;
	uint16_t *reg = &fi->phy_regs[mmd][value & 0xff];

	fi_put(fi, IXGBE_MSCA, fi->mdio_never_ends ? value : value & ~IXGBE_MSCA_CMD);
	if (fi->mdio_never_ends)
		return;
	if ((value & IXGBE_MSCA_OP) == IXGBE_MSCA_OP_READ)
		fi_put(fi, IXGBE_MSRWD, (uint32_t)(phy == fi->phy ? *reg : 0xffff) << IXGBE_MSRWD_READ_SHIFT);
	else if ((value & IXGBE_MSCA_OP) == IXGBE_MSCA_OP_WRITE && phy == fi->phy)
		*reg = (uint16_t)fi_get(fi, IXGBE_MSRWD);
}

static void write_enable(struct fake_ixgbe *fi, uint32_t reg, uint32_t value, uint32_t enable)
{
	bool was = fi_get(fi, reg) & enable, on = value & enable;

	if (on && !was && fi->queues_never_start)
		on = false;
	if (!on && was && fi->queues_never_stop)
		on = true;
	if (on && !was && !fake_device_is_master(fi->bus))
		violation(fi, "enable a queue before bus mastering");
	fi_put(fi, reg, (value & ~enable) | (on ? enable : 0));
}

static bool write_queue(struct fake_ixgbe *fi, uint32_t reg, uint32_t value)
{
	unsigned q = (reg & 0xfff) / 0x40;

	if ((reg & ~0xfffu) != 0x1000 && (reg & ~0xfffu) != 0x6000)
		return false;
	if (reg == IXGBE_RXDCTL(q) || reg == IXGBE_TXDCTL(q)) {
		write_enable(fi, reg, value, IXGBE_RXDCTL_ENABLE);
		return true;
	}
	if (reg == IXGBE_RDT(q) || reg == IXGBE_TDT(q)) {
		uint32_t ctl = reg + IXGBE_RXDCTL(q) - IXGBE_RDT(q), len = reg + IXGBE_RDLEN(q) - IXGBE_RDT(q);

		fi->n_doorbells++;
		if (value && !(fi_get(fi, ctl) & IXGBE_RXDCTL_ENABLE))
			violation(fi, "ring the bell of a queue that is off (%#x)", reg);
		if (value && value >= fi_get(fi, len) / 16)
			violation(fi, "move a tail to %u of %u", value, fi_get(fi, len) / 16);
	}
	return false;
}

static int fi_write(void *ctx, uint64_t offset, const void *buf, size_t len)
{
	struct fake_ixgbe *fi = ctx;
	uint32_t reg = offset, value;

	if (len != 4) {
		violation(fi, "write %zu bytes at %#x", len, reg);
		return -EIO;
	}
	memcpy(&value, buf, sizeof(value));
	if (write_queue(fi, reg, value))
		return 0;
	switch (reg) {
	case IXGBE_CTRL:
		write_ctrl(fi, value);
		return 0;
	case IXGBE_EERD:
		write_eerd(fi, value);
		return 0;
	case IXGBE_MSCA:
		write_msca(fi, value);
		return 0;
	case IXGBE_I2CCTL:
		i2c_write(fi, value);
		return 0;
	case IXGBE_SWSM:
		fi->smbi = value & IXGBE_SWSM_SMBI;
		fi_put(fi, reg, value);
		return 0;
	case IXGBE_CORECTL:
		fi->bytes_of_command = fi->bytes_of_command << 16 | value;
		return 0;
	case IXGBE_EIMS:
	case IXGBE_EIMS_EX(0):
	case IXGBE_EIMS_EX(1):
		fi->regs[reg / 4] |= value;
		return 0;
	case IXGBE_EIMC:
		fi->regs[IXGBE_EIMS / 4] &= ~value;
		return 0;
	case IXGBE_EIMC_EX(0):
	case IXGBE_EIMC_EX(1):
		fi->regs[(reg - IXGBE_EIMC_EX(0) + IXGBE_EIMS_EX(0)) / 4] &= ~value;
		return 0;
	case IXGBE_STATUS:
	case IXGBE_LINKS:
	case IXGBE_EEC:
		return 0;
	default:
		fi_put(fi, reg, value);
		return 0;
	}
}

static const struct fake_handlers handlers = {fi_read, fi_write};

static int on_reset(void *ctx)
{
	fi_reset(ctx);
	return 0;
}

struct fake_ixgbe *fake_ixgbe_create(const char *name)
{
	struct fake_ixgbe *fi = calloc(1, sizeof(*fi));

	if (!fi)
		abort();
	fi->bus = fake_device_create(name);
	fi->bus->on_reset = on_reset;
	fi->bus->ctx = fi;
	fake_device_set_ids(fi->bus, IXGBE_VENDOR, IXGBE_DEV_82599_SFP, 0x020000);
	fake_device_add_registers(fi->bus, VIREO_REGION_BAR0, IXGBE_REGS_SIZE, &handlers, fi);
	fake_device_add_irqs(fi->bus, VIREO_IRQ_MSIX, 64);
	memset(fi->eeprom, 0xff, sizeof(fi->eeprom));
	fi->phy = 32;
	fi->module = true;
	fi->module_id[IXGBE_SFP_ID] = IXGBE_SFP_ID_SFP;
	fi->module_id[IXGBE_SFP_CABLE] = IXGBE_SFP_CABLE_PASSIVE;
	fi->i2c.clk = fi->i2c.data = fi->i2c.out = true;
	fi->i2c.bit = -1;
	fi_reset(fi);
	fi->n_resets = 0;
	return fi;
}

void fake_ixgbe_destroy(struct fake_ixgbe *fi)
{
	fake_device_destroy(fi->bus);
	free(fi);
}

/* Receive */

static uint64_t base_of(const struct fake_ixgbe *fi, uint32_t low)
{
	return fi_get(fi, low) | (uint64_t)fi_get(fi, low + 4) << 32;
}

unsigned fi_rx_room(struct fake_ixgbe *fi, unsigned q)
{
	unsigned size = fi_get(fi, IXGBE_RDLEN(q)) / 16;

	if (!(fi_get(fi, IXGBE_RXDCTL(q)) & IXGBE_RXDCTL_ENABLE) || !(fi_get(fi, IXGBE_RXCTRL) & IXGBE_RXCTRL_RXEN))
		return 0;
	return (fi_get(fi, IXGBE_RDT(q)) + size - fi->rx_head[q]) % size;
}

bool fi_rx_put(struct fake_ixgbe *fi, unsigned q, const void *data, uint16_t len, union ixgbe_rx_desc wb)
{
	unsigned size = fi_get(fi, IXGBE_RDLEN(q)) / 16;
	uint32_t room = (fi_get(fi, IXGBE_SRRCTL(q)) & IXGBE_SRRCTL_BSIZEPACKET) * 1024;
	union ixgbe_rx_desc *d;
	void *buf;

	if (!fi_rx_room(fi, q))
		return false;
	d = dma(fi, base_of(fi, IXGBE_RDBAL(q)) + fi->rx_head[q] * sizeof(*d), sizeof(*d), VIREO_DMA_WRITE);
	if (!d)
		return false;
	if (d->read.hdr_addr)
		violation(fi, "leave DD in a descriptor that it hands over");
	buf = dma(fi, d->read.pkt_addr, room, VIREO_DMA_WRITE);
	if (!buf)
		return false;
	memcpy(buf, data, len < room ? len : room);
	__atomic_store_n(&d->qwords[0], wb.qwords[0], __ATOMIC_RELAXED);
	__atomic_store_n(&d->qwords[1], wb.qwords[1], __ATOMIC_RELEASE);
	fi->rx_head[q] = (fi->rx_head[q] + 1) % size;
	fi_put(fi, IXGBE_RDH(q), fi->rx_head[q]);
	return true;
}

bool fi_receive(struct fake_ixgbe *fi, unsigned q, const void *frame, uint32_t len, union ixgbe_rx_desc wb)
{
	uint32_t room = (fi_get(fi, IXGBE_SRRCTL(q)) & IXGBE_SRRCTL_BSIZEPACKET) * 1024;

	if (room == 0 || fi_rx_room(fi, q) < (len + room - 1) / room)
		return false;
	for (uint32_t at = 0; at < len; at += room) {
		uint32_t part = len - at < room ? len - at : room;
		union ixgbe_rx_desc one = {.wb = {.status = IXGBE_RXD_DD, .len = part}};

		if (at + part == len) {
			one = wb;
			one.wb.status |= IXGBE_RXD_DD | IXGBE_RXD_EOP;
			one.wb.len = part;
		}
		if (!fi_rx_put(fi, q, (const char *)frame + at, part, one))
			return false;
	}
	return true;
}

/* Transmit */

static union ixgbe_tx_desc *tx_desc(struct fake_ixgbe *fi, unsigned q, unsigned at)
{
	return dma(fi, base_of(fi, IXGBE_TDBAL(q)) + at * sizeof(union ixgbe_tx_desc), sizeof(union ixgbe_tx_desc),
		   VIREO_DMA_READ | VIREO_DMA_WRITE);
}

static void take_part(struct fake_ixgbe *fi, const union ixgbe_tx_desc *d, struct fi_frame *f)
{
	uint32_t len = d->data.cmd & IXGBE_TXD_DTALEN;
	void *buf = dma(fi, d->data.addr, len, VIREO_DMA_READ);

	if (len == 0)
		violation(fi, "send an empty descriptor");
	if (f->len + len > sizeof(f->data)) {
		violation(fi, "send %u bytes", f->len + len);
		return;
	}
	if (buf)
		memcpy(f->data + f->len, buf, len);
	f->len += len;
}

bool fi_take(struct fake_ixgbe *fi, unsigned q, struct fi_frame *f)
{
	unsigned size = fi_get(fi, IXGBE_TDLEN(q)) / 16, tail = fi_get(fi, IXGBE_TDT(q));
	struct fi_tx_state *tx = &fi->tx[q];

	memset(f, 0, offsetof(struct fi_frame, data));
	if (!(fi_get(fi, IXGBE_TXDCTL(q)) & IXGBE_TXDCTL_ENABLE) || !(fi_get(fi, IXGBE_DMATXCTL) & IXGBE_DMATXCTL_TE))
		return false;
	while (tx->head != tail) {
		union ixgbe_tx_desc *d = tx_desc(fi, q, tx->head);

		if (!d)
			return false;
		tx->head = (tx->head + 1) % size;
		if ((d->data.cmd & IXGBE_TXD_DTYP) == IXGBE_TXD_CONTEXT) {
			if (d->ctx.cmd & IXGBE_TXD_RS || f->n_descs)
				violation(fi, "ask for a report on a context, or put one into a packet");
			tx->contexts[d->ctx.mss >> IXGBE_TXC_IDX_SHIFT & 1] = *d;
			f->n_contexts++;
			continue;
		}
		if (f->n_descs++ == 0) {
			f->cmd = d->data.cmd;
			f->olinfo = d->data.olinfo;
			if (f->olinfo & IXGBE_TXD_CC)
				f->context = tx->contexts[f->olinfo >> IXGBE_TXD_IDX_SHIFT & 1];
		}
		f->n_reports += !!(d->data.cmd & IXGBE_TXD_RS);
		take_part(fi, d, f);
		if (d->data.cmd & IXGBE_TXD_EOP)
			return true;
		if (d->data.cmd & IXGBE_TXD_RS)
			violation(fi, "ask for a report inside a packet");
	}
	if (f->n_descs)
		violation(fi, "leave a packet without its end");
	return false;
}

void fi_complete(struct fake_ixgbe *fi, unsigned q)
{
	unsigned size = fi_get(fi, IXGBE_TDLEN(q)) / 16;

	for (unsigned at = fi_get(fi, IXGBE_TDH(q)); size && at != fi->tx[q].head; at = (at + 1) % size) {
		union ixgbe_tx_desc *d = tx_desc(fi, q, at);

		if (d && d->data.cmd & IXGBE_TXD_RS)
			__atomic_store_n(&d->data.olinfo, IXGBE_TXD_DD, __ATOMIC_RELEASE);
	}
	fi_put(fi, IXGBE_TDH(q), fi->tx[q].head);
}

bool fi_send(struct fake_ixgbe *fi, unsigned q, struct fi_frame *ret_frame)
{
	bool ok = fi_take(fi, q, ret_frame);

	fi_complete(fi, q);
	return ok;
}
