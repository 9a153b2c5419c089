// SPDX-License-Identifier: BSD-2-Clause
/* The 82599 model against whatever a client may write to its registers, its rings, and the pages that they share. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <ixgbe_desc.h>
#include <ixgbe_regs.h>

#include "fuzz.h"
#include "ixgbe/model.h"

#define IOVA	0x10000ull
#define MEMORY	0x10000u
#define RX_RING 0x0000u
#define TX_RING 0x1000u
#define BUFFERS 0x4000u
#define RING	64u

static void check(bool ok)
{
	if (!ok)
		abort();
}

struct input {
	const uint8_t *data;
	size_t left;
};

static uint32_t take(struct input *in, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->data++, in->left--)
		value |= (uint32_t)*in->data << 8 * i;
	return value;
}

/* A wire whose frames are pieces of the input, and which reads every byte that it gets. */
static struct sim_frame next_frame;
static uint64_t sum;

static unsigned wire_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	(void)end;
	(void)now_ns;
	if (!n || !next_frame.len)
		return 0;
	frames[0] = next_frame;
	next_frame.len = 0;
	return 1;
}

static void wire_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	(void)end;
	(void)now_ns;
	for (unsigned i = 0; i < n; i++) {
		check(frames[i].len >= 60 && frames[i].len <= SIM_FRAME_MAX);
		for (uint32_t k = 0; k < frames[i].len; k++)
			sum += frames[i].data[k];
	}
}

static const struct sim_wire_ops wire_ops = {.name = "fuzz", .receive = wire_receive, .send = wire_send};

struct card {
	struct sim_device *dev;
	struct sim_wire_end end;
	uint8_t *memory, *shared;
	uint64_t now_ns;
	int fd;
};

static void access_reg(struct card *c, bool write, uint32_t off, uint32_t value, unsigned len)
{
	c->dev->ops->sync(c->dev, c->now_ns);
	if (write)
		c->dev->ops->write(c->dev, VFIO_PCI_BAR0_REGION_INDEX, off & ~(len - 1), &value, len);
	else
		c->dev->ops->read(c->dev, VFIO_PCI_BAR0_REGION_INDEX, off & ~(len - 1), &value, len);
}

static void poll(struct card *c, unsigned turns, uint64_t ns)
{
	while (turns--) {
		c->now_ns += ns;
		c->dev->ops->poll(c->dev, c->now_ns);
	}
}

static void poke(struct card *c, uint32_t off, uint32_t value)
{
	if (c->shared)
		__atomic_store_n((uint32_t *)(void *)(c->shared + off), value, __ATOMIC_RELAXED);
	else
		access_reg(c, true, off, value, 4);
}

static void queue(struct card *c, uint32_t at, uint32_t ring, uint32_t ctl)
{
	poke(c, at, (uint32_t)IOVA + ring);
	poke(c, at + 8, RING * 16);
	poke(c, at + 0x28, ctl);
	poll(c, 1, 50000);
}

static void open_card(struct card *c, bool trap)
{
	const struct ixgbe_model_config cfg = {.mac = {2, 0, 0, 0, 0, 1}, .trap = trap};
	const uint16_t command = PCI_COMMAND_MASTER;
	union ixgbe_rx_desc *ring;
	uint32_t lrst = IXGBE_CTRL_LRST;

	memset(c, 0, sizeof(*c));
	next_frame.len = 0;
	c->end.ops = &wire_ops;
	check(ixgbe_model_create(&cfg, &c->end, &c->dev) == 0);
	c->fd = memfd_create("fuzz", MFD_CLOEXEC);
	check(c->fd >= 0 && ftruncate(c->fd, MEMORY) == 0);
	c->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	check(c->memory != MAP_FAILED);
	check(sim_dma_map(&c->dev->dma, IOVA, MEMORY, SIM_DMA_READ | SIM_DMA_WRITE, c->fd, 0) == 0);
	if (!trap) {
		c->shared = mmap(NULL, IXGBE_BAR0_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, c->dev->regions[0].fd, 0);
		check(c->shared != MAP_FAILED);
	}
	c->dev->ops->write(c->dev, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command, 2);
	access_reg(c, true, IXGBE_CTRL, lrst, 4);
	poll(c, 3, 1100000);
	ring = (void *)(c->memory + RX_RING);
	for (unsigned i = 0; i < RING; i++)
		ring[i].read.pkt_addr = IOVA + BUFFERS + i % 16 * 2048;
	poke(c, (uint32_t)IXGBE_SRRCTL(0), 1 | IXGBE_SRRCTL_ADVANCED);
	queue(c, (uint32_t)IXGBE_RXQ(0), RX_RING, IXGBE_RXDCTL_ENABLE);
	poke(c, (uint32_t)IXGBE_RDT(0), RING - 1);
	access_reg(c, true, IXGBE_RXCTRL, IXGBE_RXCTRL_RXEN, 4);
	access_reg(c, true, IXGBE_DMATXCTL, IXGBE_DMATXCTL_TE, 4);
	access_reg(c, true, IXGBE_FCTRL, IXGBE_FCTRL_UPE | IXGBE_FCTRL_MPE | IXGBE_FCTRL_BAM, 4);
	queue(c, IXGBE_TXQ(0), TX_RING, IXGBE_TXDCTL_ENABLE);
}

static void close_card(struct card *c)
{
	if (c->shared)
		munmap(c->shared, IXGBE_BAR0_SIZE);
	c->dev->ops->destroy(c->dev);
	munmap(c->memory, MEMORY);
	close(c->fd);
}

static void config(struct card *c, struct input *in, bool write)
{
	uint32_t off = take(in, 2) % 4096, value = take(in, 4);
	unsigned len = 1 + take(in, 1) % 4;

	c->dev->ops->sync(c->dev, c->now_ns);
	if (write)
		c->dev->ops->write(c->dev, VFIO_PCI_CONFIG_REGION_INDEX, off, &value, len);
	else
		c->dev->ops->read(c->dev, VFIO_PCI_CONFIG_REGION_INDEX, off, &value, len);
}

static void fault(struct card *c, struct input *in)
{
	static const char *const names[] = {"reset-never-ends", "link-never-comes", "all-ones", "bad-length",
					    "write-back-order", "stuck-queue",	    "tx-hang",	"enable-never"};
	uint32_t which = take(in, 1);

	check(c->dev->ops->fault(c->dev, names[which % 8], which & 8) == 0);
}

static void frame(struct card *c, struct input *in)
{
	static uint8_t data[SIM_FRAME_MAX];
	uint32_t len = take(in, 2) % (SIM_FRAME_MAX + 1), n = len < in->left ? len : (uint32_t)in->left;

	memset(data, 0, len);
	memcpy(data, in->data, n);
	in->data += n;
	in->left -= n;
	next_frame = (struct sim_frame){.data = data, .len = len, .flags = len % 7 == 0};
	poll(c, 2, 1000);
}

static void step(struct card *c, struct input *in)
{
	static const uint16_t pages[] = {0x1000, 0x6000, 0x7000, 0xd000};
	uint32_t op = take(in, 1), off, value;

	switch (op % 12) {
	case 0:
		off = take(in, 3) % IXGBE_BAR0_SIZE & ~3u;
		access_reg(c, true, off, take(in, 4), 4);
		break;
	case 1:
		access_reg(c, false, take(in, 3) % IXGBE_BAR0_SIZE & ~3u, 0, 4);
		break;
	case 2: /* a shared page */
		off = pages[op / 12 % 4] + (take(in, 2) & 0xffc);
		poke(c, off, take(in, 4));
		break;
	case 3: /* memory: a descriptor, mostly */
		off = take(in, 2) & ~7u;
		value = take(in, 4);
		memcpy(c->memory + off, &value, 4);
		value = take(in, 4);
		memcpy(c->memory + off + 4, &value, 4);
		break;
	case 4:
		poll(c, 1 + take(in, 1) % 8, take(in, 3));
		break;
	case 5:
		config(c, in, op & 64);
		break;
	case 6:
		fault(c, in);
		break;
	case 7:
		frame(c, in);
		break;
	case 8:
		if (sim_dma_unmap(&c->dev->dma, IOVA, MEMORY))
			check(sim_dma_map(&c->dev->dma, IOVA, MEMORY, 1 + op / 12 % 3, c->fd, 0) == 0);
		break;
	case 9: /* one packet, from descriptor 0 of the ring on */
		poke(c, IXGBE_TDT(0), take(in, 1) % RING);
		poll(c, 1, 1000);
		break;
	case 10: /* a whole descriptor whose buffer is there */
		off = TX_RING + take(in, 1) % RING * 16;
		value = (uint32_t)IOVA + take(in, 2);
		memset(c->memory + off, 0, 8);
		memcpy(c->memory + off, &value, 4);
		value = take(in, 4);
		memcpy(c->memory + off + 8, &value, 4);
		value = take(in, 4);
		memcpy(c->memory + off + 12, &value, 4);
		break;
	default: /* of other sizes, and other regions */
		value = take(in, 4);
		off = take(in, 2) & 0x3ff8;
		c->dev->ops->write(c->dev, op & 64 ? VFIO_PCI_BAR4_REGION_INDEX : VFIO_PCI_BAR0_REGION_INDEX, off,
				   &value, op & 32 ? 2 : 1);
		c->dev->ops->read(c->dev, VFIO_PCI_BAR4_REGION_INDEX, off, &value, 4);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.data = data, .left = size};
	struct card card;

	open_card(&card, take(&in, 1) & 1);
	for (unsigned n = 0; in.left && n < 500; n++)
		step(&card, &in);
	poll(&card, 4, 1000000);
	card.dev->ops->reset(card.dev);
	close_card(&card);
	return 0;
}
