/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "model_rig.h"

#define MAX_WAIT_MS 100
#define TX_BUFFERS  (RIG_BUFFERS + 0x300000)

const uint8_t rig_mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

static struct rig *rig_of(struct sim_wire_end *end)
{
	return (struct rig *)((char *)end - offsetof(struct rig, end));
}

static unsigned wire_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct rig *rig = rig_of(end);
	unsigned i;

	for (i = 0; i < n && rig->at_in < rig->n_in; i++, rig->at_in++) {
		const struct rig_frame *f = &rig->in[rig->at_in];

		frames[i] = (struct sim_frame){.data = f->data, .len = f->len, .flags = f->flags};
	}
	return i;
}

static void wire_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct rig *rig = rig_of(end);

	for (unsigned i = 0; i < n; i++) {
		struct rig_frame *f = &rig->out[rig->n_out];

		assert_true(rig->n_out < RIG_MAX_FRAMES);
		f->data = malloc(frames[i].len);
		assert_non_null(f->data);
		memcpy(f->data, frames[i].data, frames[i].len);
		f->len = frames[i].len;
		rig->n_out++;
	}
}

static bool wire_carrier(struct sim_wire_end *end, uint64_t now_ns)
{
	return rig_of(end)->carrier;
}

static void wire_set_laser(struct sim_wire_end *end, bool on)
{
	rig_of(end)->laser = on;
}

static void wire_unplug(struct sim_wire_end *end)
{
	rig_of(end)->unplugged = true;
}

static const struct sim_wire_ops wire_ops = {
	.name = "rig",
	.receive = wire_receive,
	.send = wire_send,
	.carrier = wire_carrier,
	.set_laser = wire_set_laser,
	.unplug = wire_unplug,
};

struct rig *rig_create(const struct ixgbe_model_config *cfg)
{
	struct ixgbe_model_config used = cfg ? *cfg : (struct ixgbe_model_config){0};
	struct rig *rig = calloc(1, sizeof(*rig));
	const struct sim_region *bar0;

	assert_non_null(rig);
	rig->carrier = true;
	rig->end.ops = &wire_ops;
	rig->now_ns = 1000000000;
	memcpy(used.mac, rig_mac, sizeof(rig_mac));
	assert_int_equal(ixgbe_model_create(&used, &rig->end, &rig->dev), 0);
	bar0 = &rig->dev->regions[VFIO_PCI_BAR0_REGION_INDEX];
	if (bar0->fd >= 0) {
		rig->shared = mmap(NULL, bar0->size, PROT_READ | PROT_WRITE, MAP_SHARED, bar0->fd, 0);
		assert_ptr_not_equal(rig->shared, MAP_FAILED);
	}
	rig->fd = memfd_create("rig", MFD_CLOEXEC);
	assert_true(rig->fd >= 0);
	assert_int_equal(ftruncate(rig->fd, RIG_MEMORY), 0);
	rig->memory = mmap(NULL, RIG_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
	assert_ptr_not_equal(rig->memory, MAP_FAILED);
	assert_int_equal(sim_dma_map(&rig->dev->dma, RIG_IOVA, RIG_MEMORY, SIM_DMA_READ | SIM_DMA_WRITE, rig->fd, 0),
			 0);
	return rig;
}

static void forget(struct rig_frame *frames, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(frames[i].data);
}

void rig_forget(struct rig *rig)
{
	forget(rig->out, rig->n_out);
	rig->n_out = 0;
}

void rig_destroy(struct rig *rig)
{
	if (rig->shared)
		munmap(rig->shared, rig->dev->regions[VFIO_PCI_BAR0_REGION_INDEX].size);
	rig->dev->ops->destroy(rig->dev);
	assert_true(rig->unplugged);
	munmap(rig->memory, RIG_MEMORY);
	close(rig->fd);
	forget(rig->in, rig->n_in);
	forget(rig->out, rig->n_out);
	free(rig);
}

uint32_t rig_read(struct rig *rig, uint32_t off)
{
	uint32_t value = 0;

	rig->dev->ops->sync(rig->dev, rig->now_ns);
	assert_int_equal(rig->dev->ops->read(rig->dev, 0, off, &value, 4), 0);
	return value;
}

void rig_write(struct rig *rig, uint32_t off, uint32_t value)
{
	rig->dev->ops->sync(rig->dev, rig->now_ns);
	assert_int_equal(rig->dev->ops->write(rig->dev, 0, off, &value, 4), 0);
}

uint32_t rig_peek(struct rig *rig, uint32_t off)
{
	return rig->shared ? __atomic_load_n((uint32_t *)(void *)(rig->shared + off), __ATOMIC_ACQUIRE)
			   : rig_read(rig, off);
}

void rig_poke(struct rig *rig, uint32_t off, uint32_t value)
{
	if (rig->shared)
		__atomic_store_n((uint32_t *)(void *)(rig->shared + off), value, __ATOMIC_RELEASE);
	else
		rig_write(rig, off, value);
}

void rig_run(struct rig *rig, uint64_t ns, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++) {
		rig->now_ns += ns / turns;
		rig->dev->ops->poll(rig->dev, rig->now_ns);
	}
}

void rig_settle(struct rig *rig)
{
	unsigned idle = 0;

	for (unsigned i = 0; i < 100000 && idle < 3; i++) {
		rig->now_ns += 1000;
		idle = rig->dev->ops->poll(rig->dev, rig->now_ns) ? 0 : idle + 1;
	}
}

uint64_t rig_counter(struct rig *rig, const char *name)
{
	struct sim_counter counters[64];
	unsigned n = rig->dev->ops->counters(rig->dev, counters, N_OF(counters));

	assert_true(n <= N_OF(counters));
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(counters[i].name, name))
			return counters[i].value;
	fail_msg("no counter %s", name);
	return 0;
}

void rig_arrive(struct rig *rig, const void *data, uint32_t len, uint32_t flags)
{
	struct rig_frame *f;

	if (rig->at_in == rig->n_in) {
		forget(rig->in, rig->n_in);
		rig->at_in = rig->n_in = 0;
	}
	assert_true(rig->n_in < RIG_MAX_FRAMES);
	f = &rig->in[rig->n_in++];
	f->data = malloc(len);
	assert_non_null(f->data);
	memcpy(f->data, data, len);
	f->len = len;
	f->flags = flags;
}

void rig_bring_up(struct rig *rig)
{
	const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	unsigned ms;

	assert_int_equal(rig->dev->ops->write(rig->dev, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command, 2), 0);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_LRST | IXGBE_CTRL_RST);
	rig_run(rig, 10000, 1);
	assert_int_equal(rig_read(rig, IXGBE_CTRL), 0);
	for (ms = 0; ms < MAX_WAIT_MS && !(rig_read(rig, IXGBE_LINKS) & IXGBE_LINKS_UP); ms++)
		rig_run(rig, 1000000, 10);
	assert_true(ms < MAX_WAIT_MS);
	rig_write(rig, IXGBE_DMATXCTL, rig_read(rig, IXGBE_DMATXCTL) | IXGBE_DMATXCTL_TE);
	rig_write(rig, IXGBE_RXCTRL, IXGBE_RXCTRL_RXEN);
}

union ixgbe_rx_desc *rig_rx_ring(struct rig *rig, unsigned q)
{
	return (union ixgbe_rx_desc *)(void *)(rig->memory + RIG_RINGS + (size_t)(q % 16) * RIG_RING_GAP);
}

union ixgbe_tx_desc *rig_tx_ring(struct rig *rig, unsigned q)
{
	return (union ixgbe_tx_desc *)(void *)(rig->memory + RIG_RINGS + (size_t)(16 + q % 16) * RIG_RING_GAP);
}

/* Buffers of all queues share one area: what was written is looked at before another queue gets frames. */
uint8_t *rig_rx_buffer(struct rig *rig, unsigned q, unsigned i)
{
	uint32_t kib = rig_peek(rig, (uint32_t)IXGBE_SRRCTL(q)) & IXGBE_SRRCTL_BSIZEPACKET;

	return rig->memory + RIG_BUFFERS + (size_t)i * kib * 1024 % 0x300000;
}

uint8_t *rig_tx_buffer(struct rig *rig, unsigned i)
{
	return rig->memory + TX_BUFFERS + (size_t)(i % 64) * 16384;
}

uint64_t rig_iova(const struct rig *rig, const void *p)
{
	return RIG_IOVA + (uint64_t)((const uint8_t *)p - rig->memory);
}

static void enable(struct rig *rig, uint32_t off, uint32_t value)
{
	unsigned i;

	rig_poke(rig, off, value | IXGBE_RXDCTL_ENABLE);
	for (i = 0; i < 100 && !(rig_peek(rig, off) & IXGBE_RXDCTL_ENABLE); i++)
		rig_run(rig, 100000, 1);
	assert_true(i < 100);
	rig_run(rig, 100000, 2); /* and what is shared has been looked at */
}

void rig_rx_queue(struct rig *rig, unsigned q, unsigned n, unsigned kib, uint32_t srrctl)
{
	union ixgbe_rx_desc *ring = rig_rx_ring(rig, q);

	rig_poke(rig, (uint32_t)IXGBE_SRRCTL(q), kib | IXGBE_SRRCTL_ADVANCED | srrctl);
	for (unsigned i = 0; i < n; i++) {
		ring[i].read.pkt_addr = rig_iova(rig, rig_rx_buffer(rig, q, i));
		ring[i].read.hdr_addr = 0;
	}
	rig_poke(rig, (uint32_t)IXGBE_RDBAL(q), (uint32_t)rig_iova(rig, ring));
	rig_poke(rig, (uint32_t)IXGBE_RDBAH(q), (uint32_t)(rig_iova(rig, ring) >> 32));
	rig_poke(rig, (uint32_t)IXGBE_RDLEN(q), n * 16);
	rig_poke(rig, (uint32_t)IXGBE_RDH(q), 0);
	enable(rig, (uint32_t)IXGBE_RXDCTL(q), rig_peek(rig, (uint32_t)IXGBE_RXDCTL(q)));
	rig_poke(rig, (uint32_t)IXGBE_RDT(q), n - 1);
}

void rig_tx_queue(struct rig *rig, unsigned q, unsigned n, uint32_t txdctl)
{
	union ixgbe_tx_desc *ring = rig_tx_ring(rig, q);

	memset(ring, 0, n * sizeof(*ring));
	rig_poke(rig, (uint32_t)IXGBE_TDBAL(q), (uint32_t)rig_iova(rig, ring));
	rig_poke(rig, (uint32_t)IXGBE_TDBAH(q), (uint32_t)(rig_iova(rig, ring) >> 32));
	rig_poke(rig, (uint32_t)IXGBE_TDLEN(q), n * 16);
	rig_poke(rig, (uint32_t)IXGBE_TDH(q), 0);
	enable(rig, (uint32_t)IXGBE_TXDCTL(q), txdctl);
}

unsigned rig_put(struct rig *rig, unsigned q, const union ixgbe_tx_desc *desc)
{
	unsigned tail = rig_peek(rig, (uint32_t)IXGBE_TDT(q)), n = rig_peek(rig, (uint32_t)IXGBE_TDLEN(q)) / 16;

	rig_tx_ring(rig, q)[tail] = *desc;
	rig_poke(rig, (uint32_t)IXGBE_TDT(q), (tail + 1) % n);
	return tail;
}

unsigned rig_send(struct rig *rig, unsigned q, const void *data, uint32_t len)
{
	unsigned tail = rig_peek(rig, (uint32_t)IXGBE_TDT(q));
	uint8_t *to = rig_tx_buffer(rig, tail);
	union ixgbe_tx_desc desc = {
		.data = {
			.addr = rig_iova(rig, to),
			.cmd = len | IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_EOP | IXGBE_TXD_IFCS | IXGBE_TXD_RS,
			.olinfo = len << IXGBE_TXD_PAYLEN_SHIFT,
		}};

	memcpy(to, data, len);
	return rig_put(rig, q, &desc);
}

void rig_frame(uint8_t *frame, uint32_t len, const uint8_t *mac, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(seed * 31 + i * 7 + i / 251);
	memcpy(frame, mac ? mac : rig_mac, 6);
	frame[6] = 0x02;
	frame[12] = 0x88; /* an Ethernet type for experiments */
	frame[13] = 0xb5;
}
