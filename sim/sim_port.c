// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ixgbe/model.h"
#include "sim_port.h"

struct sim_port {
	struct sim_engine *engine;
	struct sim_card *card;
	struct sim_wire_end *end; /* unplugged by the device */
};

static void take_mode(struct sim_text *t, struct ixgbe_model_config *cfg)
{
	const char *mode = sim_text_value(t, "mode");
	uint64_t delay_us = 0;

	sim_text_number(t, "delay_us", 0, 10000000, &delay_us);
	cfg->delay_us = (uint32_t)delay_us;
	cfg->trap = mode && !strcmp(mode, "trap");
	if (mode && !cfg->trap && strcmp(mode, "shared") != 0)
		sim_text_fail(t, -EINVAL, "mode=%.60s: say shared or trap", mode);
	if (delay_us && !cfg->trap)
		sim_text_fail(t, -EINVAL, "delay_us=%llu needs mode=trap", (unsigned long long)delay_us);
}

static void take_device_id(struct sim_text *t, struct ixgbe_model_config *cfg)
{
	const char *id = sim_text_value(t, "device");
	unsigned value;
	int end = 0;

	if (!id)
		return;
	if (strspn(id, "0123456789abcdefABCDEFx") != strlen(id) || strlen(id) > 6 ||
	    sscanf(id, "%x%n", &value, &end) != 1 || id[end] || !value || value > 0xfffe)
		sim_text_fail(t, -EINVAL, "device=%.60s: not a PCI device id; say 10fb", id);
	else
		cfg->device_id = (uint16_t)value;
}

static void take_card(struct sim_text *t, unsigned index, struct ixgbe_model_config *cfg)
{
	/* Locally administered. */
	const uint8_t mac[6] = {0x02, 0x76, 0x69, 0x72, (uint8_t)(index >> 8), (uint8_t)index};

	*cfg = (struct ixgbe_model_config){0};
	memcpy(cfg->mac, mac, sizeof(mac));
	take_mode(t, cfg);
	take_device_id(t, cfg);
	sim_text_mac(t, "mac", cfg->mac);
	if (cfg->mac[0] & 1)
		sim_text_fail(t, -EINVAL, "mac=: a card's own address is no multicast address");
}

static void break_device(struct sim_text *t, struct sim_device *dev, const char *names)
{
	char copy[SIM_TEXT_MAX], *next = copy, *name;

	if (!names)
		return;
	snprintf(copy, sizeof(copy), "%s", names);
	while ((name = strsep(&next, "+"))) {
		if (!dev->ops->fault || dev->ops->fault(dev, name, true))
			sim_text_fail(t, -EINVAL, "fault=%.60s: the card has no fault of this name", name);
	}
}

/* The card with its wire; on failure nothing is left of either. */
static struct sim_device *make_device(struct sim_wires *wires, struct sim_text *t, unsigned index,
				      struct sim_wire_end **ret_end)
{
	struct ixgbe_model_config cfg;
	struct sim_device *dev;
	struct sim_wire_end *end;
	const char *faults;
	int err;

	take_card(t, index, &cfg);
	faults = sim_text_value(t, "fault");
	if (sim_wire_plug(wires, t, cfg.mac, &end))
		return NULL;
	err = sim_text_finish(t);
	if (!err)
		err = ixgbe_model_create(&cfg, end, &dev);
	if (err) {
		sim_text_fail(t, err, "device=%x: no such card: %s", cfg.device_id, strerror(-err));
		end->ops->unplug(end);
		return NULL;
	}
	break_device(t, dev, faults);
	if (t->err) {
		dev->ops->destroy(dev);
		return NULL;
	}
	*ret_end = end;
	return dev;
}

static int explain_serve(struct sim_why *why, int err, const char *path)
{
	switch (err) {
	case -EADDRINUSE:
		return sim_why(why, -EBUSY, "%.200s: somebody serves this socket already", path);
	case -EACCES:
	case -EPERM:
		return sim_why(why, -EACCES, "%.200s: no permission to make a socket here", path);
	case -ENAMETOOLONG:
		return sim_why(why, -EINVAL, "%.200s: the path of a socket has at most 107 characters", path);
	}
	return sim_why(why, err, "%.200s: cannot serve the card: %s", path ? path : "sim", strerror(-err));
}

int sim_port_open(struct sim_engine *engine, struct sim_wires *wires, const char *words, unsigned index,
		  const char *path, int fd, struct sim_port **ret_port, struct sim_why *why)
{
	struct sim_port *port = calloc(1, sizeof(*port));
	struct sim_device *dev = NULL;
	struct sim_text t;
	int err;

	sim_text_parse(&t, words, why);
	if (port)
		dev = make_device(wires, &t, index, &port->end);
	if (!dev) {
		err = t.err ? t.err : sim_why(why, -ENOMEM, "no memory for a simulated card");
		goto err_free;
	}
	port->engine = engine;
	err = sim_engine_add(engine, dev, path, fd, &port->card);
	if (err) {
		err = explain_serve(why, err, path);
		fd = -1; /* the engine has closed it */
		goto err_free;
	}
	*ret_port = port;
	return 0;

err_free:
	free(port);
	if (fd >= 0)
		close(fd);
	return err;
}

void sim_port_close(struct sim_port *port)
{
	if (!port)
		return;
	sim_engine_remove(port->engine, port->card);
	free(port);
}

struct identify_call {
	struct sim_port *port;
	uint8_t *config;
	uint64_t *bar_size;
};

static void identify(void *ctx)
{
	struct identify_call *call = ctx;
	struct sim_device *dev = sim_card_device(call->port->card);

	if (dev->ops->read(dev, VFIO_PCI_CONFIG_REGION_INDEX, 0, call->config, 256))
		memset(call->config, 0xff, 256);
	for (unsigned i = 0; i < 6; i++)
		call->bar_size[i] = dev->regions[VFIO_PCI_BAR0_REGION_INDEX + i].size;
}

void sim_port_identify(struct sim_port *port, uint8_t config[256], uint64_t bar_size[6])
{
	struct identify_call call = {.port = port, .config = config, .bar_size = bar_size};

	sim_engine_call(port->engine, identify, &call);
}

struct counters_call {
	struct sim_port *port;
	struct sim_counter *list;
	unsigned room, n;
};

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void prefix(struct sim_counter *c)
{
	char name[sizeof(c->name)];

	snprintf(name, sizeof(name), "wire_%.*s", (int)sizeof(name) - 6, c->name);
	memcpy(c->name, name, sizeof(name));
}

static void read_counters(void *ctx)
{
	struct counters_call *call = ctx;
	struct sim_device *dev = sim_card_device(call->port->card);
	struct sim_wire_end *end = call->port->end;
	unsigned used, room;

	if (dev->ops->counters)
		call->n = dev->ops->counters(dev, call->list, call->room);
	used = min(call->n, call->room);
	room = call->room - used;
	if (!end->ops->counters)
		return;
	call->n += end->ops->counters(end, call->list + used, room);
	for (unsigned i = used; i < min(call->n, call->room); i++)
		prefix(&call->list[i]);
}

unsigned sim_port_counters(struct sim_port *port, struct sim_counter *counters, unsigned n)
{
	struct counters_call call = {.port = port, .list = counters, .room = n};

	sim_engine_call(port->engine, read_counters, &call);
	return call.n;
}

struct complaint_call {
	struct sim_port *port;
	char *text;
	unsigned size;
};

static void read_complaint(void *ctx)
{
	struct complaint_call *call = ctx;
	const struct sim_device *dev = sim_card_device(call->port->card);

	snprintf(call->text, call->size, "%s", dev->ops->complaint ? dev->ops->complaint(dev) : "");
}

void sim_port_complaint(struct sim_port *port, char *text, unsigned size)
{
	struct complaint_call call = {.port = port, .text = text, .size = size};

	sim_engine_call(port->engine, read_complaint, &call);
}

struct fault_call {
	struct sim_port *port;
	const char *name;
	bool on;
	int err;
};

static void set_fault(void *ctx)
{
	struct fault_call *call = ctx;
	struct sim_device *dev = sim_card_device(call->port->card);

	call->err = dev->ops->fault ? dev->ops->fault(dev, call->name, call->on) : -EINVAL;
}

int sim_port_fault(struct sim_port *port, const char *name, bool on)
{
	struct fault_call call = {.port = port, .name = name, .on = on};

	sim_engine_call(port->engine, set_fault, &call);
	return call.err;
}
