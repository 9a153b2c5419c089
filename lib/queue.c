// SPDX-License-Identifier: BSD-2-Clause
/* Queues of a port: made and destroyed with it, silent unless it is started, waited for with interrupts. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "port.h"

#define MAX_WAIT 64

static unsigned silent_rx(struct vireo_rxq *q, struct vireo_pkt *pkts, unsigned n)
{
	return 0;
}

static unsigned silent_tx(struct vireo_txq *q, struct vireo_pkt *pkts, unsigned n)
{
	return 0;
}

static int create_rxq(struct vireo_port *port, unsigned idx)
{
	struct vireo_rxq_head *q;
	int err;

	err = port->driver->rxq_create(port, idx, &q);
	if (err)
		return err;
	q->pub.burst = silent_rx;
	q->port = port;
	q->idx = (uint16_t)idx;
	q->pool = port->pools[idx];
	if (q->max_segs == 0)
		q->max_segs = 1;
	port->rxqs[idx] = q;
	return 0;
}

static int create_txq(struct vireo_port *port, unsigned idx)
{
	struct vireo_txq_head *q;
	int err;

	err = port->driver->txq_create(port, idx, &q);
	if (err)
		return err;
	q->pub.burst = silent_tx;
	q->port = port;
	q->idx = (uint16_t)idx;
	port->txqs[idx] = q;
	return 0;
}

int port_queues_create(struct vireo_port *port)
{
	int err = 0;

	for (unsigned i = 0; !err && i < port->cfg.n_rxq; i++)
		err = create_rxq(port, i);
	for (unsigned i = 0; !err && i < port->cfg.n_txq; i++)
		err = create_txq(port, i);
	return err;
}

void port_queues_destroy(struct vireo_port *port)
{
	for (unsigned i = 0; i < VIREO_MAX_QUEUES; i++) {
		if (port->rxqs[i])
			port->driver->rxq_destroy(port->rxqs[i]);
		if (port->txqs[i])
			port->driver->txq_destroy(port->txqs[i]);
		port->rxqs[i] = NULL;
		port->txqs[i] = NULL;
	}
}

void port_queues_silence(struct vireo_port *port)
{
	for (unsigned i = 0; i < port->cfg.n_rxq; i++)
		port->rxqs[i]->pub.burst = silent_rx;
	for (unsigned i = 0; i < port->cfg.n_txq; i++)
		port->txqs[i]->pub.burst = silent_tx;
}

struct vireo_rxq_head *vireo_port_rxq_head(struct vireo_port *port, unsigned idx)
{
	return idx < port->cfg.n_rxq && idx < VIREO_MAX_QUEUES ? port->rxqs[idx] : NULL;
}

struct vireo_txq_head *vireo_port_txq_head(struct vireo_port *port, unsigned idx)
{
	return idx < port->cfg.n_txq && idx < VIREO_MAX_QUEUES ? port->txqs[idx] : NULL;
}

struct vireo_rxq *vireo_port_rxq(struct vireo_port *port, unsigned idx)
{
	struct vireo_rxq_head *q = vireo_port_rxq_head(port, idx);

	return q ? &q->pub : NULL;
}

struct vireo_txq *vireo_port_txq(struct vireo_port *port, unsigned idx)
{
	struct vireo_txq_head *q = vireo_port_txq_head(port, idx);

	return q ? &q->pub : NULL;
}

unsigned vireo_rxq_max_segs(const struct vireo_rxq *q)
{
	return ((const struct vireo_rxq_head *)q)->max_segs;
}

unsigned vireo_txq_reclaim(struct vireo_txq *q)
{
	struct vireo_txq_head *head = (struct vireo_txq_head *)q;

	return port_is_started(head->port) ? head->port->driver->txq_reclaim(head) : 0;
}

static int no_interrupts(const struct vireo_port *port)
{
	return vireo_error(-EOPNOTSUPP, "%s was opened without rx_interrupts, so its queues cannot be waited for",
			   port_name(port));
}

static bool has_interrupts(const struct vireo_port *port)
{
	return port->cfg.rx_interrupts && port->driver->rxq_arm && port->driver->rxq_fd;
}

int vireo_rxq_fd(struct vireo_rxq *q)
{
	struct vireo_rxq_head *head = (struct vireo_rxq_head *)q;

	return has_interrupts(head->port) ? head->port->driver->rxq_fd(head) : no_interrupts(head->port);
}

int vireo_rxq_arm(struct vireo_rxq *q)
{
	struct vireo_rxq_head *head = (struct vireo_rxq_head *)q;
	int fd;

	if (!has_interrupts(head->port))
		return no_interrupts(head->port);
	if (!port_is_started(head->port))
		return 0;
	/* Old signals go before the queue is armed: the driver looks at the ring after that, so none is lost. */
	fd = head->port->driver->rxq_fd(head);
	if (fd >= 0)
		event_drain(fd);
	return head->port->driver->rxq_arm(head);
}

/* How many of the queues have packets already; a negative errno when one cannot be waited for. */
static int arm_all(struct vireo_rxq **qs, unsigned n, struct pollfd *pfds)
{
	int n_ready = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct vireo_port *port = ((struct vireo_rxq_head *)qs[i])->port;
		int armed = vireo_rxq_arm(qs[i]);

		if (armed < 0)
			return armed;
		n_ready += armed;
		pfds[i].fd = vireo_rxq_fd(qs[i]);
		pfds[i].events = POLLIN;
		/* A device that is in trouble never interrupts: its port wakes the sleeper instead. */
		pfds[n + i].fd = port->events.wake_fd;
		pfds[n + i].events = POLLIN;
	}
	return n_ready;
}

/* After the queues were armed, so that a failure is seen here or wakes the sleeper. */
static int first_failure(struct vireo_rxq **qs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int err = port_failure(((struct vireo_rxq_head *)qs[i])->port);

		if (err)
			return err;
	}
	return 0;
}

static int count_readable(const struct pollfd *pfds, unsigned n)
{
	int count = 0;

	for (unsigned i = 0; i < n; i++)
		count += (pfds[i].revents & POLLIN) != 0;
	return count;
}

int vireo_rxq_wait_any(struct vireo_rxq **qs, unsigned n, int timeout_us)
{
	struct pollfd pfds[2 * MAX_WAIT];
	struct timespec time = {.tv_sec = timeout_us / 1000000, .tv_nsec = timeout_us % 1000000 * 1000L};
	int n_ready, err;

	if (n == 0 || n > MAX_WAIT)
		return vireo_error(-EINVAL, "1 to %d queues can be waited for, not %u", MAX_WAIT, n);
	n_ready = arm_all(qs, n, pfds);
	if (n_ready != 0)
		return n_ready;
	err = first_failure(qs, n);
	if (err)
		return err;
	if (ppoll(pfds, 2 * n, timeout_us < 0 ? NULL : &time, NULL) < 0)
		return -errno;
	n_ready = count_readable(pfds, n);
	return n_ready ? n_ready : first_failure(qs, n);
}
