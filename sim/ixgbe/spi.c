/* SPDX-License-Identifier: BSD-2-Clause */
#include "internal.h"

/*
 * The EEPROM's own wires, which a driver may move bit by bit through EEC: select (low), clock, data in and out. DPDK
 * reads its first word so, before it has looked whether EERD can be used. Only what reads is known; the rest is
 * ignored.
 */

#define OP_READ	  0x03
#define OP_STATUS 0x05 /* never busy */

#define OP_BITS	  8
#define ADDR_BITS 16

/* The next bit that the EEPROM shows: bytes from the address on, each from its top bit. */
static bool spi_next_out(struct ixgbe_model *m)
{
	struct ixm_spi *s = &m->spi;
	unsigned addr = s->addr + s->n_out / 8, bit = 7 - s->n_out % 8;
	uint16_t word = addr / 2 < IXM_N_EEPROM ? m->eeprom[addr / 2] : 0xffff;

	s->n_out++;
	return (addr % 2 ? word >> 8 : word) >> bit & 1;
}

static void spi_rise(struct ixgbe_model *m, bool data)
{
	struct ixm_spi *s = &m->spi;

	if (s->n_in >= OP_BITS + ADDR_BITS)
		return;
	s->in = s->in << 1 | data;
	s->n_in++;
	if (s->n_in == OP_BITS)
		s->op = (uint8_t)s->in;
	else if (s->n_in == OP_BITS + ADDR_BITS)
		s->addr = (uint16_t)s->in;
}

static void spi_fall(struct ixgbe_model *m)
{
	struct ixm_spi *s = &m->spi;

	s->out = s->op == OP_READ && s->n_in == OP_BITS + ADDR_BITS && spi_next_out(m);
}

uint32_t ixm_eec_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	uint32_t value = m->spi.wires | (m->spi.out ? IXGBE_EEC_DO : 0);

	if (value & IXGBE_EEC_REQ)
		value |= IXGBE_EEC_GNT;
	return value | IXGBE_EEC_PRES | IXGBE_EEC_ARD | IXGBE_EEC_ADDR_SIZE | 6u << IXGBE_EEC_SIZE_SHIFT;
}

void ixm_eec_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	struct ixm_spi *s = &m->spi;
	uint32_t before = s->wires;

	s->wires = value & (IXGBE_EEC_SK | IXGBE_EEC_CS | IXGBE_EEC_DI | IXGBE_EEC_REQ);
	if (value & IXGBE_EEC_CS)
		*s = (struct ixm_spi){.wires = s->wires};
	else if (~before & value & IXGBE_EEC_SK)
		spi_rise(m, value & IXGBE_EEC_DI);
	else if (before & ~value & IXGBE_EEC_SK)
		spi_fall(m);
}
