// SPDX-License-Identifier: BSD-2-Clause
#include "stub.h"

#include <cpuid.h>
#include <err.h>
#include <string.h>

#include "ixgbe_desc.h"
#include "ixgbe_regs.h"

#define MAX_L2	      (2u << 20)
#define ETH_P_IP_HIGH 0x08

static uint32_t reg(const struct stub *stub, uint32_t offset)
{
	return *(volatile uint32_t *)(stub->pages + offset);
}

static void *va_of(const struct stub *stub, uint64_t iova)
{
	return (void *)(uintptr_t)(iova - stub->iova_offset);
}

/* CPUID 7, ECX bit 25 */
bool stub_can_demote(void)
{
	unsigned a, b, c = 0, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 25 & 1);
}

/* Away from the caches that belong to one core: CLDEMOTE [rdi], which does nothing on processors that lack it. */
static void demote(const void *line, enum card_cache cache)
{
	if (cache == CARD_L3)
		__asm__ volatile(".byte 0x0f, 0x1c, 0x07" ::"D"(line) : "memory");
}

/* Without that instruction: read twice what the second level holds, and everything older has left it. */
static void push_out(enum card_cache cache)
{
	static uint8_t other[2 * MAX_L2];
	static bool written;

	if (cache != CARD_L3 || stub_can_demote())
		return;
	if (!written)
		memset(other, 1, sizeof(other));
	written = true;
	for (size_t i = 0; i < sizeof(other); i += 64)
		*(volatile uint8_t *)&other[i];
}

void stub_write_frame(uint8_t *data, unsigned len)
{
	memset(data, 0x5a, len);
	data[12] = ETH_P_IP_HIGH;
	data[13] = 0;
	data[14] = 0x45;
	data[16] = 0;
	data[17] = (uint8_t)(len - 14);
	data[23] = 17;
	data[38] = 0;
	data[39] = (uint8_t)(len - 34);
}

void stub_receive(struct stub *stub, unsigned n, unsigned len, enum card_cache cache)
{
	union ixgbe_rx_desc *ring = va_of(stub, reg(stub, IXGBE_RDBAL(0)) | (uint64_t)reg(stub, IXGBE_RDBAH(0)) << 32);
	unsigned size = reg(stub, IXGBE_RDLEN(0)) / sizeof(*ring), tail = reg(stub, IXGBE_RDT(0));

	if (n > (tail + size - stub->rx_head) % size)
		errx(1, "the driver has given %u receive buffers, %u are needed", (tail + size - stub->rx_head) % size,
		     n);
	for (unsigned i = 0; i < n; i++) {
		union ixgbe_rx_desc *d = &ring[(stub->rx_head + i) % size];
		uint8_t *data = va_of(stub, d->qwords[0]);

		stub_write_frame(data, len);
		demote(data, cache);
		d->qwords[0] =
			UINT64_C(0x5eed) << 32 | IXGBE_RXD_RSS_IPV4_UDP | IXGBE_RXD_TYPE_IPV4 | IXGBE_RXD_TYPE_UDP;
		d->qwords[1] = (uint64_t)len << 32 | IXGBE_RXD_L4CS | IXGBE_RXD_IPCS | IXGBE_RXD_UDPCS | IXGBE_RXD_DD |
			       IXGBE_RXD_EOP;
	}
	for (unsigned i = 0; i < n; i++)
		demote(&ring[(stub->rx_head + i) % size], cache);
	stub->rx_head = (stub->rx_head + n) % size;
	push_out(cache);
}

unsigned stub_send(struct stub *stub, enum card_cache cache)
{
	union ixgbe_tx_desc *ring = va_of(stub, reg(stub, IXGBE_TDBAL(0)) | (uint64_t)reg(stub, IXGBE_TDBAH(0)) << 32);
	unsigned size = reg(stub, IXGBE_TDLEN(0)) / sizeof(*ring), tail = reg(stub, IXGBE_TDT(0)), n = 0;

	for (; stub->tx_head != tail; stub->tx_head = (stub->tx_head + 1) % size) {
		union ixgbe_tx_desc *d = &ring[stub->tx_head];

		n += (d->data.cmd & IXGBE_TXD_EOP) != 0;
		/* Only what has RS is written back. */
		if (d->data.cmd & IXGBE_TXD_RS)
			d->data.olinfo |= IXGBE_TXD_DD;
		demote(d, cache);
	}
	*(volatile uint32_t *)(stub->pages + IXGBE_TDH(0)) = tail;
	push_out(cache);
	return n;
}
