/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_TEST_FAKE_DRIVER_H
#define VIREO_TEST_FAKE_DRIVER_H

/*
 * A driver for the fake device 1af4:fa4e that does what any driver does and nothing more: it holds buffers while it is
 * started, turns bus mastering on and off, and gives the packets that the test puts into a queue.
 */

#include <stdatomic.h>

#include <vireo/driver.h>

#define FAKE_RING 64

/* What the test wishes, and what the driver saw. One for all ports. */
struct fake_driver {
	struct vireo_port_limits limits;
	uint8_t mac[VIREO_MAC_LEN];

	/* The n-th op from now on that can fail does, with fail_errno; 0: none. */
	unsigned fail_nth;
	int fail_errno;
	int stop_result;           /* what stop says; it stops all the same */

	unsigned n_prepare, n_probe, n_remove, n_start, n_stop, n_set;
	unsigned prepared_first;   /* how often prepare had been called before the first probe */
	int n_queues;              /* that exist now */
	atomic_uint n_poll;
	_Atomic int poll_result;   /* of the next poll */
	int event_fd;              /* given to vireo_port_add_event_fd() by start; -1: none */
	bool event_fd_in_probe;    /* by probe instead */
	struct vireo_port_settings seen; /* at the last start or set op */
	uint64_t device_missed;    /* what the device counts: rx_missed, "phy_symbols" */
};

extern struct fake_driver fake_driver;

/* Register it (once), with limits that allow a little of everything. */
void fake_driver_reset(void);
/* A packet of @len bytes for the next burst of @q; as if an interrupt told of it when the queue is armed. */
void fake_driver_receive(struct vireo_rxq *q, uint16_t len);

#endif
