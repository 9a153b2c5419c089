// SPDX-License-Identifier: BSD-2-Clause
/* Counters. A queue's thread writes its own; everybody else reads and adds up. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "port.h"

static const struct {
	const char *name;
	const char *hint;
} drops[VIREO_N_DROPS] = {
	[VIREO_DROP_RX_NO_BUFFER] = {"rx_no_buffer",
				     "The receive pool ran empty: make it larger, or find who keeps buffers."},
	[VIREO_DROP_RX_MISSED] =
		{"rx_missed", "The device had no descriptor left: poll more often, with larger rings or more queues."},
	[VIREO_DROP_RX_ERROR] = {"rx_error",
				 "Frames arrived damaged: look at the cable, the transceiver and the other side."},
	[VIREO_DROP_RX_BURST_SHORT] =
		{"rx_burst_short", "Packets had more elements than the burst array: use vireo_rxq_max_segs() or more."},
	[VIREO_DROP_RX_INVALID] =
		{"rx_invalid", "The device described packets that cannot be: its firmware or its model is at fault."},
	[VIREO_DROP_TX_INVALID] =
		{"tx_invalid",
		 "The application sent what cannot be sent: look at elements, header lengths and offloads."},
	[VIREO_DROP_TX_ERROR] = {"tx_error",
				 "The device could not send: look at the link and at its limits for frame size."},
};

const char *vireo_drop_name(enum vireo_drop cause)
{
	return (unsigned)cause < VIREO_N_DROPS ? drops[cause].name : NULL;
}

const char *vireo_drop_hint(enum vireo_drop cause)
{
	return (unsigned)cause < VIREO_N_DROPS ? drops[cause].hint : NULL;
}

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void vireo_rxq_drop(struct vireo_rxq_head *q, enum vireo_drop cause, uint64_t n)
{
	if ((unsigned)cause < VIREO_N_DROPS)
		vireo_stat_add(&q->port->rx_drops[q->idx].n[cause], n);
}

void vireo_txq_drop(struct vireo_txq_head *q, enum vireo_drop cause, uint64_t n)
{
	if ((unsigned)cause < VIREO_N_DROPS)
		vireo_stat_add(&q->port->tx_drops[q->idx].n[cause], n);
}

static void add_rxq(const struct vireo_rxq_head *q, struct vireo_stats *stats)
{
	stats->rx_packets += load(&q->packets);
	stats->rx_bytes += load(&q->bytes);
	for (unsigned i = 0; i < VIREO_N_DROPS; i++)
		stats->drops[i] += load(&q->port->rx_drops[q->idx].n[i]);
}

static void add_txq(const struct vireo_txq_head *q, struct vireo_stats *stats)
{
	stats->tx_packets += load(&q->packets);
	stats->tx_bytes += load(&q->bytes);
	for (unsigned i = 0; i < VIREO_N_DROPS; i++)
		stats->drops[i] += load(&q->port->tx_drops[q->idx].n[i]);
}

void vireo_rxq_stats(const struct vireo_rxq *q, struct vireo_stats *ret_stats)
{
	*ret_stats = (struct vireo_stats){0};
	add_rxq((const struct vireo_rxq_head *)q, ret_stats);
}

void vireo_txq_stats(const struct vireo_txq *q, struct vireo_stats *ret_stats)
{
	*ret_stats = (struct vireo_stats){0};
	add_txq((const struct vireo_txq_head *)q, ret_stats);
}

int vireo_port_stats(struct vireo_port *port, struct vireo_stats *ret_stats)
{
	struct vireo_stats stats = {0};
	int err = 0;

	for (unsigned i = 0; i < port->cfg.n_rxq; i++)
		add_rxq(port->rxqs[i], &stats);
	for (unsigned i = 0; i < port->cfg.n_txq; i++)
		add_txq(port->txqs[i], &stats);
	/* Of a device that is gone, what our own queues counted still holds. */
	if (port_failure(port) == -ENODEV)
		err = vireo_error(-ENODEV, "%s is gone: these are the counters of its queues", port_name(port));
	if (!err && port->driver->stats) {
		pthread_mutex_lock(&port->lock);
		err = port->driver->stats(port, &stats);
		pthread_mutex_unlock(&port->lock);
	}
	if (!err || err == -ENODEV)
		*ret_stats = stats;
	return err;
}

/* An array that counts what it has no room for, too. */
struct xstat_list {
	struct vireo_xstat *xstats;
	unsigned room;
	unsigned n;
};

static void __attribute__((format(printf, 3, 4))) add(struct xstat_list *list, uint64_t value, const char *fmt, ...)
{
	if (list->n < list->room) {
		struct vireo_xstat *x = &list->xstats[list->n];
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(x->name, sizeof(x->name), fmt, ap);
		va_end(ap);
		x->value = value;
	}
	list->n++;
}

static bool is_rx_drop(unsigned cause)
{
	return cause < VIREO_DROP_TX_INVALID;
}

static void add_totals(struct xstat_list *list, const struct vireo_stats *stats)
{
	add(list, stats->rx_packets, "rx_packets");
	add(list, stats->rx_bytes, "rx_bytes");
	add(list, stats->tx_packets, "tx_packets");
	add(list, stats->tx_bytes, "tx_bytes");
	for (unsigned i = 0; i < VIREO_N_DROPS; i++)
		add(list, stats->drops[i], "%s", drops[i].name);
}

static void add_queues(struct xstat_list *list, const struct vireo_port *port)
{
	struct vireo_stats stats;

	for (unsigned q = 0; q < port->cfg.n_rxq; q++) {
		vireo_rxq_stats(&port->rxqs[q]->pub, &stats);
		add(list, stats.rx_packets, "rx_q%u_packets", q);
		add(list, stats.rx_bytes, "rx_q%u_bytes", q);
		for (unsigned i = 0; i < VIREO_N_DROPS; i++) {
			if (is_rx_drop(i))
				add(list, stats.drops[i], "rx_q%u_%s", q, drops[i].name + 3);
		}
	}
	for (unsigned q = 0; q < port->cfg.n_txq; q++) {
		vireo_txq_stats(&port->txqs[q]->pub, &stats);
		add(list, stats.tx_packets, "tx_q%u_packets", q);
		add(list, stats.tx_bytes, "tx_q%u_bytes", q);
		for (unsigned i = 0; i < VIREO_N_DROPS; i++) {
			if (!is_rx_drop(i))
				add(list, stats.drops[i], "tx_q%u_%s", q, drops[i].name + 3);
		}
	}
}

int vireo_port_xstats(struct vireo_port *port, struct vireo_xstat *xstats, unsigned n)
{
	struct xstat_list list = {.xstats = xstats, .room = xstats ? n : 0};
	struct vireo_stats stats;
	unsigned used;
	int count;
	int err;

	err = vireo_port_stats(port, &stats);
	if (err)
		return err;
	add_totals(&list, &stats);
	add_queues(&list, port);
	if (!port->driver->xstats)
		return (int)list.n;
	used = list.n < list.room ? list.n : list.room;
	pthread_mutex_lock(&port->lock);
	count = port->driver->xstats(port, xstats ? xstats + used : NULL, list.room - used);
	pthread_mutex_unlock(&port->lock);
	return count < 0 ? count : (int)list.n + count;
}

int vireo_port_registers(struct vireo_port *port, struct vireo_register *regs, unsigned n)
{
	int count;

	if (!port->driver->registers)
		return port_lacks(port, "show its registers");
	if (port_failure(port) == -ENODEV)
		return vireo_error(-ENODEV, "%s is gone", port_name(port));
	pthread_mutex_lock(&port->lock);
	count = port->driver->registers(port, regs, regs ? n : 0);
	pthread_mutex_unlock(&port->lock);
	return count;
}
