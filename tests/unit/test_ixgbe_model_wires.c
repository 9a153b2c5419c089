/* SPDX-License-Identifier: BSD-2-Clause */
#include "model_rig.h"
#include "wire/wires.h"

#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

/*
 * Two models between a generator and a sink, and the least forwarder there can be: every frame is accounted for, those
 * that are spoilt or for somebody else exactly, and the sum over all bytes is the same at both ends.
 */

#define FRAMES	50000
#define RING	256u
#define STRIDE	2112u
#define TX_RING 0x2000u
#define BUFFERS 0x4000u
#define MEMORY	(BUFFERS + RING * STRIDE + 0x1000)

struct side {
	struct sim_device *dev;
	struct sim_wire_end *end;
	uint8_t *regs;
};

static uint8_t *memory;
static int memory_fd;
static uint64_t now_ns;

static uint64_t value_of(const struct sim_counter *counters, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(counters[i].name, name))
			return counters[i].value;
	fail_msg("no counter %s", name);
	return 0;
}

static uint64_t wire_value(const struct side *s, const char *name)
{
	struct sim_counter counters[32];
	unsigned n = s->end->ops->counters(s->end, counters, N_OF(counters));

	assert_true(n <= N_OF(counters));
	return value_of(counters, n, name);
}

static uint64_t card_value(const struct side *s, const char *name)
{
	struct sim_counter counters[32];
	unsigned n = s->dev->ops->counters(s->dev, counters, N_OF(counters));

	assert_true(n <= N_OF(counters));
	return value_of(counters, n, name);
}

static uint32_t reg_read(struct side *s, uint32_t off)
{
	uint32_t value = 0;

	s->dev->ops->sync(s->dev, now_ns);
	assert_int_equal(s->dev->ops->read(s->dev, 0, off, &value, 4), 0);
	return value;
}

static void reg_write(struct side *s, uint32_t off, uint32_t value)
{
	s->dev->ops->sync(s->dev, now_ns);
	assert_int_equal(s->dev->ops->write(s->dev, 0, off, &value, 4), 0);
}

static uint32_t *shared(struct side *s, uint32_t off)
{
	return (uint32_t *)(void *)(s->regs + off);
}

static void side_open(struct side *s, struct sim_wires *wires, const char *wire, uint8_t last)
{
	const struct ixgbe_model_config cfg = {.mac = {0x02, 0, 0, 0, 0, last}};
	const uint16_t command = PCI_COMMAND_MASTER;
	struct sim_why why = {0};
	struct sim_text t;

	sim_text_parse(&t, wire, &why);
	assert_int_equal(sim_wire_plug(wires, &t, cfg.mac, &s->end), 0);
	assert_int_equal(sim_text_finish(&t), 0);
	assert_int_equal(ixgbe_model_create(&cfg, s->end, &s->dev), 0);
	s->regs = mmap(NULL, IXGBE_BAR0_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->dev->regions[0].fd, 0);
	assert_ptr_not_equal(s->regs, MAP_FAILED);
	assert_int_equal(sim_dma_map(&s->dev->dma, RIG_IOVA, MEMORY, SIM_DMA_READ | SIM_DMA_WRITE, memory_fd, 0), 0);
	assert_int_equal(s->dev->ops->write(s->dev, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command, 2), 0);
	reg_write(s, IXGBE_CTRL, IXGBE_CTRL_LRST);
	for (unsigned i = 0; i < 10; i++) {
		now_ns += 1000000;
		s->dev->ops->poll(s->dev, now_ns);
	}
	assert_true(reg_read(s, IXGBE_LINKS) & IXGBE_LINKS_UP);
}

static void side_close(struct side *s)
{
	munmap(s->regs, IXGBE_BAR0_SIZE);
	s->dev->ops->destroy(s->dev);
}

static void queue_set(struct side *s, uint32_t at, uint32_t ring)
{
	*shared(s, at) = (uint32_t)(RIG_IOVA + ring);
	*shared(s, at + 4) = RIG_IOVA >> 32;
	*shared(s, at + 8) = RING * 16;
}

static void start(struct side *rx, struct side *tx)
{
	union ixgbe_rx_desc *ring = (void *)memory;

	for (unsigned i = 0; i < RING; i++)
		ring[i].read.pkt_addr = RIG_IOVA + BUFFERS + i * STRIDE;
	queue_set(rx, (uint32_t)IXGBE_RXQ(0), 0);
	*shared(rx, (uint32_t)IXGBE_SRRCTL(0)) = 2 | IXGBE_SRRCTL_ADVANCED;
	*shared(rx, (uint32_t)IXGBE_RXDCTL(0)) = IXGBE_RXDCTL_ENABLE;
	*shared(rx, (uint32_t)IXGBE_RDT(0)) = RING - 1;
	queue_set(tx, IXGBE_TXQ(0), TX_RING);
	*shared(tx, IXGBE_TXDCTL(0)) = IXGBE_TXDCTL_ENABLE;
	reg_write(tx, IXGBE_DMATXCTL, IXGBE_DMATXCTL_TE);
	reg_write(rx, IXGBE_RXCTRL, IXGBE_RXCTRL_RXEN);
}

struct seen {
	uint64_t packets, bad_l4, bad_ip;
};

static void forward(struct side *rx, struct side *tx, uint32_t *at, uint32_t *given, struct seen *seen)
{
	union ixgbe_rx_desc *in = (void *)memory;
	union ixgbe_tx_desc *out = (void *)(memory + TX_RING);

	for (; *given != *shared(tx, IXGBE_TDH(0)); *given = (*given + 1) % RING) {
		in[*given].read.pkt_addr = RIG_IOVA + BUFFERS + *given * STRIDE;
		in[*given].read.hdr_addr = 0;
	}
	*shared(rx, (uint32_t)IXGBE_RDT(0)) = (*given + RING - 1) % RING;
	for (; in[*at].wb.status & IXGBE_RXD_DD && (*at + 1) % RING != *given; *at = (*at + 1) % RING) {
		seen->packets++;
		seen->bad_l4 += in[*at].wb.status >> 30 & 1;
		seen->bad_ip += in[*at].wb.status >> 31;
		out[*at].data.addr = RIG_IOVA + BUFFERS + *at * STRIDE;
		out[*at].data.cmd = in[*at].wb.len | IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_EOP | IXGBE_TXD_IFCS;
		out[*at].data.olinfo = (uint32_t)in[*at].wb.len << IXGBE_TXD_PAYLEN_SHIFT;
	}
	*shared(tx, IXGBE_TDT(0)) = *at;
}

static void forward_all_is_accounted_for(void **state)
{
	struct sim_wires *wires = sim_wires_create();
	uint32_t at = 0, given = 0;
	struct seen seen = {0};
	struct side rx, tx;
	unsigned turns;

	memory_fd = memfd_create("wires", MFD_CLOEXEC);
	assert_true(memory_fd >= 0 && ftruncate(memory_fd, MEMORY) == 0);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	now_ns = 1000000000;
	side_open(&rx, wires, "gen,size=64-1518,flows=256,bad_l4=1%,bad_ip=1%,foreign=1%,sum,seed=3,count=50000", 1);
	side_open(&tx, wires, "sink", 2);
	start(&rx, &tx);
	for (turns = 0; turns < 100000 && card_value(&tx, "tx_frames") + card_value(&rx, "rx_filtered") < FRAMES;
	     turns++) {
		now_ns += 1000;
		rx.dev->ops->poll(rx.dev, now_ns);
		forward(&rx, &tx, &at, &given, &seen);
		tx.dev->ops->poll(tx.dev, now_ns);
	}
	assert_int_equal(wire_value(&rx, "in_frames"), FRAMES);
	assert_in_range(wire_value(&rx, "in_foreign"), FRAMES / 200, FRAMES / 50);
	assert_in_range(wire_value(&rx, "in_bad_l4"), FRAMES / 200, FRAMES / 50);
	assert_int_equal(card_value(&rx, "rx_filtered"), wire_value(&rx, "in_foreign"));
	assert_int_equal(seen.bad_l4, wire_value(&rx, "in_bad_l4"));
	assert_int_equal(seen.bad_ip, wire_value(&rx, "in_bad_ip"));
	assert_int_equal(reg_read(&rx, IXGBE_XEC), seen.bad_l4 + seen.bad_ip);
	assert_int_equal(seen.packets, FRAMES - wire_value(&rx, "in_foreign"));
	assert_int_equal(reg_read(&rx, IXGBE_GPRC), seen.packets);
	assert_int_equal(reg_read(&rx, IXGBE_QPRC(0)), seen.packets);
	assert_int_equal(reg_read(&tx, IXGBE_GPTC), seen.packets);
	assert_int_equal(wire_value(&tx, "out_frames"), seen.packets);
	assert_int_equal(wire_value(&tx, "out_sum"), wire_value(&rx, "in_sum"));
	assert_int_equal(card_value(&rx, "driver_errors") + card_value(&tx, "driver_errors"), 0);
	side_close(&rx);
	side_close(&tx);
	sim_wires_destroy(wires);
	munmap(memory, MEMORY);
	close(memory_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forward_all_is_accounted_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
