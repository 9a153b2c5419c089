// SPDX-License-Identifier: BSD-2-Clause
/* The driver on the model: every fault of the card, all orders of a port's life, interrupts, and nothing left behind. */
#include "ixgbe_sim.h"

#include <dirent.h>
#include <unistd.h>

extern unsigned ixgbe_patience_us;

/* VIREO_TEST_CYCLES=1000 for a longer look; what leaks does so in a few already. */
#define CYCLES 200

static const uint8_t frame[60] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* One frame out and one in. */
static void assert_works(struct sim_rig *r)
{
	struct test_frame *f;
	struct vireo_pkt pkt;

	sim_rig_wait_link(r, true);
	sim_rig_packet(r, frame, sizeof(frame), 0, &pkt);
	sim_rig_send(r, &pkt, 1);
	f = sim_rig_departed(r);
	assert_non_null(f);
	free(f);
	sim_rig_arrive(r, frame, sizeof(frame));
	assert_int_equal(sim_rig_receive(r, 0, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
}

/* Faults */

static void start_faults_named_within_their_deadline(void **state)
{
	static const struct {
		const char *fault, *sentence;
		int err;
	} cases[] = {
		{"reset-never-ends", "reset did not end", -ETIMEDOUT},
		{"enable-never", "queue did not start", -ETIMEDOUT},
		{"bad-eeprom", "checksum", -EIO},
		{"semaphore-taken", "SWSM", -ETIMEDOUT},
	};

	for (unsigned i = 0; i < N_OF(cases); i++) {
		bool trap = *(const bool *)*state;
		struct sim_rig r;
		int err;

		/* Where a client shares the register, ENABLE reads back as it was written. */
		if (!trap && !strcmp(cases[i].fault, "enable-never"))
			continue;
		sim_rig_create(&r, trap);
		ixgbe_patience_us = 50000;
		r.fault = cases[i].fault;
		r.careless = true;
		err = sim_rig_open(&r);
		if (!err)
			err = vireo_port_start(r.port);
		assert_int_equal(err, cases[i].err);
		assert_sentence(cases[i].sentence);
		ixgbe_patience_us = 1000000;
		/* When the fault is gone, so is the trouble. */
		sim_rig_fault(&r, cases[i].fault, false);
		if (!r.port)
			assert_int_equal(sim_rig_reopen(&r), 0);
		assert_int_equal(vireo_port_start(r.port), 0);
		assert_works(&r);
		sim_rig_destroy(&r);
	}
}

static void link_that_never_comes_is_down_and_stop_says_so(void **state)
{
	struct vireo_link link;
	struct vireo_pkt pkt;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.fault = "link-never-comes";
	assert_int_equal(sim_rig_open(&r), 0);
	assert_int_equal(vireo_port_start(r.port), 0);
	usleep(20000);
	assert_int_equal(vireo_port_link(r.port, &link), 0);
	assert_false(link.up);
	sim_rig_packet(&r, frame, sizeof(frame), 0, &pkt);
	sim_rig_send(&r, &pkt, 1);
	assert_true(sim_rig_is_silent(&r));
	assert_int_equal(vireo_port_stop(r.port), -ETIMEDOUT);
	assert_sentence("no link");
	sim_rig_fault(&r, "link-never-comes", false);
	assert_int_equal(vireo_port_start(r.port), 0);
	assert_works(&r);
	sim_rig_destroy(&r);
}

static void card_that_vanishes_is_gone(void **state)
{
	struct vireo_pkt pkts[8];
	struct vireo_link link;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.careless = true;
	sim_rig_start(&r);
	assert_works(&r);
	for (unsigned i = 0; i < 8; i++)
		sim_rig_packet(&r, frame, sizeof(frame), 0, &pkts[i]);
	sim_rig_fault(&r, "all-ones", true);
	assert_int_equal(vireo_tx_burst(vireo_port_txq(r.port, 0), pkts, 8), 8);
	assert_int_equal(vireo_port_poll(r.port), -ENODEV);
	assert_int_equal(vireo_port_link(r.port, &link), -ENODEV);
	assert_int_equal(vireo_port_stop(r.port), -ENODEV);
	/* Plugged in again it is another card: close and open. */
	vireo_port_close(r.port);
	sim_rig_fault(&r, "all-ones", false);
	assert_int_equal(sim_rig_reopen(&r), 0);
	assert_int_equal(vireo_port_start(r.port), 0);
	assert_works(&r);
	sim_rig_destroy(&r);
}

static void lengths_that_cannot_be_are_dropped(void **state)
{
	struct vireo_stats stats;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	sim_rig_start(&r);
	sim_rig_fault(&r, "bad-length", true);
	for (unsigned i = 0; i < 40; i++) {
		struct vireo_pkt pkts[8];
		unsigned n;

		sim_rig_arrive(&r, frame, sizeof(frame));
		usleep(500);
		n = vireo_rx_burst(vireo_port_rxq(r.port, 0), pkts, 8);
		for (unsigned k = 0; k < n; k++)
			assert_in_range(pkts[k].len, 1, 2048);
		vireo_pkt_free(pkts, n);
	}
	sim_rig_fault(&r, "bad-length", false);
	assert_works(&r);
	assert_int_equal(vireo_port_stats(r.port, &stats), 0);
	assert_in_range(stats.drops[VIREO_DROP_RX_INVALID], 20, 40);
	sim_rig_destroy(&r);
}

static void write_backs_out_of_order_come_in_order(void **state)
{
	unsigned got = 0;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	sim_rig_start(&r);
	sim_rig_fault(&r, "write-back-order", true);
	for (unsigned i = 0; i < 300; i++) {
		uint8_t data[60];

		memcpy(data, frame, sizeof(data));
		data[20] = (uint8_t)i;
		sim_rig_arrive(&r, data, sizeof(data));
	}
	while (got < 300) {
		struct vireo_pkt pkts[16];
		unsigned n = sim_rig_receive(&r, 0, pkts, 16);

		assert_true(n > 0);
		for (unsigned k = 0; k < n; k++)
			assert_int_equal(((uint8_t *)vireo_pkt_data(&pkts[k]))[20], (uint8_t)got++);
		vireo_pkt_free(pkts, n);
	}
	sim_rig_destroy(&r);
}

static void card_that_hangs_is_stopped_and_started(void **state)
{
	static const char *const faults[] = {"tx-hang", "master-stays"};

	for (unsigned i = 0; i < N_OF(faults); i++) {
		struct vireo_pkt pkts[40];
		struct sim_rig r;

		sim_rig_create(&r, *(const bool *)*state);
		r.careless = true;
		sim_rig_start(&r);
		ixgbe_patience_us = 50000;
		sim_rig_fault(&r, faults[i], true);
		for (unsigned k = 0; k < 40; k++)
			sim_rig_packet(&r, frame, sizeof(frame), 0, &pkts[k]);
		sim_rig_send(&r, pkts, 40);
		assert_int_equal(vireo_port_stop(r.port), -ETIMEDOUT);
		sim_rig_fault(&r, faults[i], false);
		ixgbe_patience_us = 1000000;
		assert_int_equal(vireo_port_start(r.port), 0);
		while (!sim_rig_is_silent(&r))
			;
		assert_works(&r);
		sim_rig_destroy(&r);
	}
}

static void stuck_receive_queue_leaves_the_rest_alone(void **state)
{
	struct vireo_pkt pkt;
	struct test_frame *f;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	sim_rig_start(&r);
	sim_rig_fault(&r, "stuck-queue", true);
	sim_rig_arrive(&r, frame, sizeof(frame));
	sim_rig_packet(&r, frame, sizeof(frame), 0, &pkt);
	sim_rig_send(&r, &pkt, 1);
	f = sim_rig_departed(&r);
	assert_non_null(f);
	free(f);
	assert_int_equal(vireo_rx_burst(vireo_port_rxq(r.port, 0), &pkt, 1), 0);
	assert_int_equal(vireo_port_stop(r.port), 0);
	sim_rig_destroy(&r);
}

/* Orders */

static void start_stop_close_in_all_orders(void **state)
{
	/* s: start, p: stop, w: packets both ways, c: close and open again */
	static const char *const orders[] = {"", "s", "sp", "spsp", "sw", "swp", "swpsw", "spc", "swc", "swcsw", "ccs",
					     "swpcswpsw"};
	bool trap = *(const bool *)*state;

	for (unsigned i = 0; i < N_OF(orders); i++) {
		struct sim_rig r;

		sim_rig_create(&r, trap);
		assert_int_equal(sim_rig_open(&r), 0);
		for (const char *o = orders[i]; *o; o++) {
			if (*o == 's') {
				assert_int_equal(vireo_port_start(r.port), 0);
				assert_int_equal(vireo_port_start(r.port), -EALREADY);
			} else if (*o == 'p') {
				assert_int_equal(vireo_port_stop(r.port), 0);
				assert_int_equal(vireo_port_stop(r.port), -EALREADY);
			} else if (*o == 'w') {
				assert_works(&r);
			} else {
				vireo_port_close(r.port);
				assert_int_equal(sim_rig_reopen(&r), 0);
			}
		}
		sim_rig_destroy(&r);
	}
}

static void cycles_of_open_and_close_leave_nothing(void **state)
{
	const char *wish = getenv("VIREO_TEST_CYCLES");
	unsigned fds = 0, cycles = wish ? (unsigned)strtoul(wish, NULL, 10) : CYCLES;
	struct sim_rig r;

	assert_true(cycles > 10);
	sim_rig_create(&r, false);
	assert_int_equal(sim_rig_open(&r), 0);
	for (unsigned i = 0; i < cycles; i++) {
		if (i % 50 == 0) {
			assert_int_equal(vireo_port_start(r.port), 0);
			assert_works(&r);
		}
		vireo_port_close(r.port);
		r.port = NULL;
		if (i == 10)
			fds = count_fds();
		assert_int_equal(sim_rig_reopen(&r), 0);
	}
	vireo_port_close(r.port);
	r.port = NULL;
	/* The server may be a moment behind. */
	for (unsigned i = 0; i < 1000 && count_fds() > fds; i++)
		usleep(1000);
	assert_in_range(count_fds(), 0, fds);
	sim_rig_destroy(&r);
}

/* Events */

static void *arrive_later(void *ctx)
{
	usleep(30000);
	sim_rig_arrive(ctx, frame, sizeof(frame));
	return NULL;
}

static void wait_any_sleeps_until_a_packet_comes(void **state)
{
	struct vireo_rxq *qs[3];
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.cfg.n_rxq = 3;
	r.cfg.rx_ring = 128;
	r.cfg.rx_interrupts = true;
	sim_rig_start(&r);
	for (unsigned i = 0; i < 3; i++)
		qs[i] = vireo_port_rxq(r.port, i);
	assert_int_equal(vireo_rxq_wait_any(qs, 3, 10000), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct vireo_pkt pkt;
		pthread_t thread;
		unsigned n = 0;

		assert_int_equal(pthread_create(&thread, NULL, arrive_later, &r), 0);
		/* A cause that is left from before may wake once for nothing. */
		for (unsigned k = 0; !n && k < 3; k++) {
			assert_int_equal(vireo_rxq_wait_any(qs, 3, 5000000), 1);
			n = vireo_rx_burst(qs[0], &pkt, 1);
		}
		assert_int_equal(n, 1);
		vireo_pkt_free(&pkt, n);
		pthread_join(thread, NULL);
	}
	sim_rig_destroy(&r);
}

static int poll_until(struct vireo_port *port, int events)
{
	int found = 0;

	for (unsigned i = 0; i < 1000 && !(found & events); i++) {
		found = vireo_port_poll(port);
		assert_true(found >= 0);
		usleep(1000);
	}
	return found;
}

static void link_flaps_are_events(void **state)
{
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	sim_rig_start(&r);
	poll_until(r.port, 0);
	for (unsigned i = 0; i < 4; i++) {
		sim_rig_set_carrier(&r, i & 1);
		assert_int_equal(poll_until(r.port, VIREO_EVENT_LINK), VIREO_EVENT_LINK);
		sim_rig_wait_link(&r, i & 1);
	}
	assert_works(&r);
	sim_rig_destroy(&r);
}

static void reset_from_outside_is_told_and_mended(void **state)
{
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.careless = true;
	sim_rig_start(&r);
	assert_works(&r);
	sim_rig_reset(&r);
	assert_int_equal(vireo_port_poll(r.port), -EIO);
	vireo_port_stop(r.port);
	assert_int_equal(vireo_port_start(r.port), 0);
	assert_works(&r);
	sim_rig_destroy(&r);
}

#define BOTH(name) cmocka_unit_test_prestate(name, &shared), cmocka_unit_test_prestate(name, &trap)

int main(void)
{
	static bool shared = false, trap = true;
	const struct CMUnitTest tests[] = {
		BOTH(start_faults_named_within_their_deadline),
		BOTH(link_that_never_comes_is_down_and_stop_says_so),
		BOTH(card_that_vanishes_is_gone),
		BOTH(lengths_that_cannot_be_are_dropped),
		BOTH(write_backs_out_of_order_come_in_order),
		BOTH(card_that_hangs_is_stopped_and_started),
		BOTH(stuck_receive_queue_leaves_the_rest_alone),
		BOTH(start_stop_close_in_all_orders),
		cmocka_unit_test(cycles_of_open_and_close_leave_nothing),
		BOTH(wait_any_sleeps_until_a_packet_comes),
		BOTH(link_flaps_are_events),
		BOTH(reset_from_outside_is_told_and_mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
