// SPDX-License-Identifier: BSD-2-Clause
#include "card.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bus.h"
#include "device.h"
#include "dma.h"
#include "ixgbe/model.h"
#include "wire.h"

#define MAX_CARDS 4

struct card {
	struct dma_client client; /* first */
	char name[32];
	struct sim_device *model;
	struct sim_wire_end wire;
	struct stub stub;
};

static struct card *cards[MAX_CARDS];
static unsigned n_cards;

/* --- a wire with nobody at the other end -------------------------------------------------------------------------- */

static unsigned no_frames(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	return 0;
}

static void send_nowhere(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
}

static bool light(struct sim_wire_end *end, uint64_t now_ns)
{
	return true;
}

static void set_laser(struct sim_wire_end *end, bool on)
{
}

static void unplug(struct sim_wire_end *end)
{
}

static const struct sim_wire_ops wire_ops = {
	.name = "stub",
	.receive = no_frames,
	.send = send_nowhere,
	.carrier = light,
	.set_laser = set_laser,
	.unplug = unplug,
};

/* --- the bus ------------------------------------------------------------------------------------------------------ */

static int stub_map_memory(struct dma_client *client, const struct dma_mapping *mapping)
{
	return 0; /* the bench reaches the driver's memory where it is */
}

static const struct dma_ops memory_ops = {.map = stub_map_memory, .unmap = stub_map_memory};

/* The model has no thread here: it gets on with a reset, say, whenever it is asked how far it is. */
static void turn(struct card *card)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	card->model->ops->poll(card->model, (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec);
}

static int stub_read(struct vireo_device *dev, unsigned region, uint64_t offset, void *buf, size_t len)
{
	struct card *card = dev->bus_priv;

	turn(card);
	return card->model->ops->read(card->model, region, offset, buf, (unsigned)len);
}

static int stub_write(struct vireo_device *dev, unsigned region, uint64_t offset, const void *buf, size_t len)
{
	struct card *card = dev->bus_priv;

	return card->model->ops->write(card->model, region, offset, buf, (unsigned)len);
}

static int stub_map(struct vireo_device *dev, unsigned region, uint64_t offset, uint64_t size, void **ret_va)
{
	struct card *card = dev->bus_priv;

	*ret_va = card->stub.pages + offset;
	return 0;
}

static void stub_unmap(struct vireo_device *dev, void *va, uint64_t size)
{
}

static int stub_irq(struct vireo_device *dev, unsigned irq, enum bus_irq_action action, unsigned start, unsigned count,
		    const int *fds)
{
	return 0;
}

static void describe_region(struct vireo_device *dev, unsigned i, const struct sim_region *r)
{
	struct vireo_area *areas = calloc(r->n_areas + 1, sizeof(*areas));

	if (!areas)
		err(1, "memory");
	for (unsigned k = 0; k < r->n_areas; k++)
		areas[k] = (struct vireo_area){r->areas[k].offset, r->areas[k].size};
	dev->regions[i].info = (struct vireo_region_info){
		.size = r->size,
		.flags = (r->readable ? VIREO_REGION_READ : 0) | (r->writable ? VIREO_REGION_WRITE : 0) |
			 (r->n_areas ? VIREO_REGION_MMAP : 0),
		.n_areas = r->n_areas,
		.areas = areas,
	};
}

static int stub_open(const struct spec *spec, struct vireo_device *dev)
{
	static const struct ixgbe_model_config config;
	struct card *card = calloc(1, sizeof(*card));

	if (!card || n_cards == MAX_CARDS)
		err(1, "no room for a card");
	snprintf(card->name, sizeof(card->name), "%.31s", spec->address);
	card->wire.ops = &wire_ops;
	if (ixgbe_model_create(&config, &card->wire, &card->model))
		errx(1, "no model");
	card->stub.pages = mmap(NULL, card->model->regions[0].size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
				card->model->regions[0].fd, 0);
	if (card->stub.pages == MAP_FAILED)
		err(1, "mmap");
	for (unsigned i = 0; i < SIM_N_REGIONS; i++)
		describe_region(dev, i, &card->model->regions[i]);
	for (unsigned i = 0; i < SIM_N_IRQS; i++)
		dev->irqs[i].count = card->model->irqs[i].count;
	snprintf(dev->address, sizeof(dev->address), "stub:%s", card->name);
	card->client.ops = &memory_ops;
	card->client.n_ranges = 1;
	card->client.ranges[0] = (struct vireo_iova_range){0, (1ull << 48) - 1};
	snprintf(card->client.name, sizeof(card->client.name), "stub:%s", card->name);
	dev->dma = &card->client;
	dev->bus_priv = card;
	cards[n_cards++] = card;
	return dma_attach(&card->client);
}

static void stub_close(struct vireo_device *dev)
{
	struct card *card = dev->bus_priv;

	dma_detach(&card->client);
}

static const struct bus_ops stub_bus = {
	.name = "stub",
	.prefix = "stub",
	.open = stub_open,
	.close = stub_close,
	.read = stub_read,
	.write = stub_write,
	.map = stub_map,
	.unmap = stub_unmap,
	.irq = stub_irq,
};

void card_register(void)
{
	bus_register(&stub_bus);
}

struct card *card_find(const char *name)
{
	for (unsigned i = n_cards; i-- > 0;)
		if (!strcmp(cards[i]->name, name))
			return cards[i];
	errx(1, "no card %s", name);
}

struct stub *card_stub(struct card *card)
{
	card->stub.iova_offset = dma_iova_offset;
	return &card->stub;
}
