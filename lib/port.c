// SPDX-License-Identifier: BSD-2-Clause
/* The life of a port: open, start, stop, close. The order of a driver's calls is checked here and nowhere else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "port.h"

#define MAX_PORTS 1024

/* Which indices are in use; ports are opened by any thread. */
static pthread_mutex_t index_lock = PTHREAD_MUTEX_INITIALIZER;
static bool index_taken[MAX_PORTS];

static int index_get(void)
{
	int index = 0;

	pthread_mutex_lock(&index_lock);
	while (index < MAX_PORTS && index_taken[index])
		index++;
	if (index < MAX_PORTS)
		index_taken[index] = true;
	pthread_mutex_unlock(&index_lock);
	return index < MAX_PORTS ? index : vireo_error(-EMFILE, "%d ports are open, there cannot be more", MAX_PORTS);
}

static void index_put(int index)
{
	pthread_mutex_lock(&index_lock);
	index_taken[index] = false;
	pthread_mutex_unlock(&index_lock);
}

const char *port_name(const struct vireo_port *port)
{
	struct vireo_device_info info;

	if (!port->dev)
		return port->spec;
	vireo_device_info(port->dev, &info);
	return info.address;
}

static struct vireo_port *port_alloc(const char *spec)
{
	/* calloc() does not give the alignment that the per-queue counters have. */
	size_t size = (sizeof(struct vireo_port) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	struct vireo_port *port = aligned_alloc(CACHE_LINE, size);

	if (!port)
		goto err_message;
	memset(port, 0, size);
	port->spec = strdup(spec ? spec : "");
	if (!port->spec)
		goto err_free;
	port->index = -1;
	port->events.epoll_fd = -1;
	pthread_mutex_init(&port->lock, NULL);
	return port;

err_free:
	free(port);
err_message:
	vireo_error(-ENOMEM, "no memory for a port");
	return NULL;
}

/* Takes down whatever was built so far, in the opposite order. */
static void port_free(struct vireo_port *port)
{
	port_queues_destroy(port);
	if (port->probed)
		port->driver->remove(port);
	port_events_close(port);
	vireo_device_close(port->dev);
	port_pools_put(port);
	free(port->priv);
	if (port->index >= 0)
		index_put(port->index);
	pthread_mutex_destroy(&port->lock);
	free(port->spec);
	free(port);
}

/* Refuse what no driver drives before its group is taken, so that nobody is told to bind a disk controller. */
static int check_before_open(const char *spec)
{
	struct bus_identity id;
	int err;

	err = bus_identify(spec, &id);
	if (err)
		return err == -EOPNOTSUPP ? 0 : err;
	return driver_find(spec, id.vendor_id, id.device_id, id.class_code) ? 0 : -EOPNOTSUPP;
}

static int attach_driver(struct vireo_port *port)
{
	struct vireo_device_info info;

	vireo_device_info(port->dev, &info);
	port->driver = driver_find(info.address, info.vendor_id, info.device_id, info.class_code);
	if (!port->driver)
		return -EOPNOTSUPP;
	port->priv = calloc(1, port->driver->port_size ? port->driver->port_size : 1);
	if (!port->priv)
		return vireo_error(-ENOMEM, "no memory for a port");
	snprintf(port->description, sizeof(port->description), "%s %04x:%04x", port->driver->name, info.vendor_id,
		 info.device_id);
	return 0;
}

static int port_probe(struct vireo_port *port)
{
	int err;

	err = port->driver->probe(port, &port->limits);
	if (err)
		return err;
	port->probed = true;
	port->limits.missing[sizeof(port->limits.missing) - 1] = '\0';
	return 0;
}

/* Up to where waiting may begin. */
static int port_take(struct vireo_port *port, const char *spec)
{
	int err;

	err = check_before_open(spec);
	if (err)
		return err;
	port->index = index_get();
	if (port->index < 0)
		return port->index;
	err = vireo_device_open(spec, &port->dev);
	if (err)
		return err;
	err = attach_driver(port);
	if (err)
		return err;
	err = port_events_open(port);
	if (err)
		return err;
	return port->driver->prepare ? port->driver->prepare(port) : 0;
}

static int port_build(struct vireo_port *port, const struct vireo_port_config *cfg)
{
	int err;

	err = port_probe(port);
	if (err)
		return err;
	err = port_configure(port, cfg);
	if (err)
		return err;
	err = port_pools_get(port);
	if (err)
		return err;
	return port_queues_create(port);
}

/* However far it comes; what is there is in @ports, and the rest of them is NULL. */
static int open_all(const char *const *specs, const struct vireo_port_config *cfg, unsigned n,
		    struct vireo_port **ports)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++) {
		ports[i] = port_alloc(specs[i]);
		err = ports[i] ? port_take(ports[i], specs[i]) : -ENOMEM;
	}
	for (unsigned i = 0; i < n && !err; i++)
		err = port_build(ports[i], cfg);
	return err;
}

int vireo_port_open_all(const char *const *specs, const struct vireo_port_config *cfg, unsigned n,
			struct vireo_port **ret_ports)
{
	struct vireo_port **ports = calloc(n ? n : 1, sizeof(struct vireo_port *));
	char sentence[512];
	int err;

	if (!ports)
		return vireo_error(-ENOMEM, "no memory for %u ports", n);
	err = open_all(specs, cfg, n, ports);
	if (err) {
		/* Taking a half-built port down may fail in ways of its own; the first sentence is the one that helps. */
		snprintf(sentence, sizeof(sentence), "%s", vireo_last_error());
		for (unsigned i = n; i-- > 0;)
			if (ports[i])
				port_free(ports[i]);
		vireo_error(err, "%s", sentence);
	} else {
		memcpy(ret_ports, ports, n * sizeof(struct vireo_port *));
	}
	free(ports);
	return err;
}

int vireo_port_open(const char *spec, const struct vireo_port_config *cfg, struct vireo_port **ret_port)
{
	return vireo_port_open_all(&spec, cfg, 1, ret_port);
}

static int start_locked(struct vireo_port *port)
{
	int err;

	if (port->started)
		return vireo_error(-EALREADY, "%s is started already", port_name(port));
	if (port_failure(port) == -ENODEV)
		return vireo_error(-ENODEV, "%s is gone: close the port", port_name(port));
	__atomic_store_n(&port->failed, 0, __ATOMIC_RELEASE);
	event_drain(port->events.wake_fd);
	port_events_mark(port);
	err = port->driver->start(port);
	if (err) {
		port_queues_silence(port);
		port_events_trim(port);
		if (err == -ENODEV)
			vireo_port_failed(port, err);
		return err;
	}
	__atomic_store_n(&port->started, true, __ATOMIC_RELEASE);
	return 0;
}

int vireo_port_start(struct vireo_port *port)
{
	int err;

	pthread_mutex_lock(&port->lock);
	err = start_locked(port);
	pthread_mutex_unlock(&port->lock);
	return err;
}

static int stop_locked(struct vireo_port *port)
{
	int err;

	if (!port->started)
		return vireo_error(-EALREADY, "%s is stopped already", port_name(port));
	port_queues_silence(port);
	err = port->driver->stop(port);
	__atomic_store_n(&port->started, false, __ATOMIC_RELEASE);
	port_events_trim(port);
	if (err == -ENODEV)
		vireo_port_failed(port, err);
	return err;
}

int vireo_port_stop(struct vireo_port *port)
{
	int err;

	pthread_mutex_lock(&port->lock);
	err = stop_locked(port);
	pthread_mutex_unlock(&port->lock);
	return err;
}

void vireo_port_close(struct vireo_port *port)
{
	if (!port)
		return;
	if (port_is_started(port))
		vireo_port_stop(port);
	port_free(port);
}

/* The link, and the address, may be asked for at any time, from any thread. */
int vireo_port_link(struct vireo_port *port, struct vireo_link *ret_link)
{
	struct vireo_link link = {.up = true, .full_duplex = true};
	int err = 0;

	if (port_failure(port) == -ENODEV)
		return vireo_error(-ENODEV, "%s is gone", port_name(port));
	pthread_mutex_lock(&port->lock);
	if (port->driver->link)
		err = port->driver->link(port, &link);
	pthread_mutex_unlock(&port->lock);
	if (!err)
		*ret_link = link;
	return err;
}

static uint16_t max_rx_segs(const struct vireo_port *port)
{
	uint16_t max = 1;

	for (unsigned i = 0; i < port->cfg.n_rxq; i++) {
		if (port->rxqs[i]->max_segs > max)
			max = port->rxqs[i]->max_segs;
	}
	return max;
}

void vireo_port_info(const struct vireo_port *port, struct vireo_port_info *ret_info)
{
	struct vireo_device_info dev;

	vireo_device_info(port->dev, &dev);
	*ret_info = (struct vireo_port_info){
		.spec = port->spec,
		.driver = port->driver->name,
		.device = port->description,
		.bus = dev.bus,
		.numa_node = dev.numa_node,
		.index = (uint16_t)port->index,
		.n_rxq = port->cfg.n_rxq,
		.n_txq = port->cfg.n_txq,
		.max_rxq = port->limits.max_rxq,
		.max_txq = port->limits.max_txq,
		.rx_ring = port->cfg.rx_ring,
		.tx_ring = port->cfg.tx_ring,
		.mtu = port->cfg.mtu,
		.max_mtu = port->limits.max_mtu,
		.max_rx_segs = max_rx_segs(port),
		.max_tx_segs = port->limits.max_tx_segs,
		.rx_offloads = port->cfg.rx_offloads,
		.tx_offloads = port->cfg.tx_offloads,
		.rx_offloads_can = port->limits.rx_offloads,
		.tx_offloads_can = port->limits.tx_offloads,
		.missing = port->limits.missing,
	};
	memcpy(ret_info->mac, port->settings.mac, VIREO_MAC_LEN);
}

/* What drivers ask for. */

void *vireo_port_priv(const struct vireo_port *port)
{
	return port->priv;
}

struct vireo_device *vireo_port_device(const struct vireo_port *port)
{
	return port->dev;
}

const struct vireo_port_config *vireo_port_config(const struct vireo_port *port)
{
	return &port->cfg;
}

struct vireo_port_settings *vireo_port_settings(struct vireo_port *port)
{
	return &port->settings;
}

uint16_t vireo_port_index(const struct vireo_port *port)
{
	return (uint16_t)port->index;
}

void vireo_port_set_description(struct vireo_port *port, const char *text)
{
	snprintf(port->description, sizeof(port->description), "%s", text);
}
