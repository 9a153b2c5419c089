// SPDX-License-Identifier: BSD-2-Clause
/* The life of a port, what it is told by the control queue, and what happens when the device does not play along. */
#include "virtio_rig.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>

#include <vireo/driver.h>

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xaa};
static const uint8_t mac_b[6] = {2, 0, 0, 0, 0, 0xbb};
static const uint8_t mac_multi[6] = {1, 0, 0x5e, 0, 0, 1};

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* One frame each way. */
static void assert_alive(struct rig *r)
{
	static struct fv_frame sent;
	struct vireo_pkt pkts[4];
	uint8_t frame[80];

	memset(frame, 0x5a, sizeof(frame));
	assert_true(fv_receive_plain(r->fv, RXQ, frame, sizeof(frame)));
	assert_int_equal(vireo_rx_burst(r->rxq, pkts, 4), 1);
	assert_int_equal(vireo_tx_burst(r->txq, pkts, 1), 1);
	assert_true(fv_send(r->fv, TXQ, &sent));
	assert_int_equal(sent.len, sizeof(frame));
	assert_memory_equal(sent.data, frame, sizeof(frame));
}

static void start_and_stop_many_times_leak_nothing(void **state)
{
	unsigned n_fds;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	n_fds = count_fds();
	for (unsigned i = 0; i < 50; i++) {
		assert_alive(&r);
		assert_int_equal(vireo_port_stop(r.port), 0);
		assert_int_equal(rig_n_free(&r), 512);
		assert_false(fake_device_is_master(r.fv->bus));
		assert_int_equal(r.fv->status, 0);
		assert_int_equal(vireo_port_start(r.port), 0);
	}
	assert_int_equal(count_fds(), n_fds);
	rig_destroy(&r);
}

static void start_device_sees_rings_before_it_may_reach_memory(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	/* The model counts DRIVER_OK without bus mastering, and queues enabled late, as violations. */
	assert_true(fake_device_is_master(r.fv->bus));
	assert_int_equal(r.fv->status, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |
					       VIRTIO_STATUS_DRIVER_OK);
	assert_int_equal(fv_available(r.fv, RXQ), 64);
	assert_int_equal(r.fv->config_vector, 0);
	rig_destroy(&r);
}

static void start_applies_every_setting_made_before(void **state)
{
	struct vireo_port_info info;
	struct rig r;

	rig_create(&r, "v");
	r.cfg.promiscuous = true;
	rig_start(&r);
	assert_true(r.fv->promisc);
	assert_int_equal(vireo_port_stop(r.port), 0);
	assert_int_equal(vireo_port_set_promiscuous(r.port, false), 0);
	assert_int_equal(vireo_port_set_all_multicast(r.port, true), 0);
	assert_int_equal(vireo_port_set_mac(r.port, mac_a), 0);
	assert_int_equal(vireo_port_add_mac(r.port, mac_b), 0);
	assert_int_equal(vireo_port_add_mac(r.port, mac_multi), 0);
	assert_int_equal(vireo_port_add_vlan(r.port, 7), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(vireo_port_start(r.port), 0);
		assert_false(r.fv->promisc);
		assert_true(r.fv->allmulti);
		assert_memory_equal(r.fv->set_mac, mac_a, 6);
		assert_int_equal(r.fv->n_unicast, 1);
		assert_memory_equal(r.fv->unicast[0], mac_b, 6);
		assert_int_equal(r.fv->n_multicast, 1);
		assert_memory_equal(r.fv->multicast[0], mac_multi, 6);
		assert_true(r.fv->vlans[7]);
		vireo_port_info(r.port, &info);
		assert_memory_equal(info.mac, mac_a, 6);
		assert_alive(&r);
		/* After trouble too. */
		fake_virtio_needs_reset(r.fv);
		assert_int_equal(vireo_port_poll(r.port), -EIO);
		assert_int_equal(vireo_port_stop(r.port), 0);
		memset(r.fv->set_mac, 0, 6);
	}
	rig_destroy(&r);
}

static void settings_of_a_running_port_reach_the_device_at_once(void **state)
{
	uint8_t mac[6] = {2, 0, 0, 0, 1, 0};
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	assert_false(r.fv->promisc);
	assert_int_equal(vireo_port_set_promiscuous(r.port, true), 0);
	assert_true(r.fv->promisc && !r.fv->allmulti);
	assert_int_equal(vireo_port_set_all_multicast(r.port, true), 0);
	assert_true(r.fv->allmulti);
	assert_int_equal(vireo_port_set_mac(r.port, mac_a), 0);
	assert_memory_equal(r.fv->set_mac, mac_a, 6);
	for (unsigned i = 0; i < VIREO_MAX_FILTER_MACS; i++) {
		mac[5] = i;
		assert_int_equal(vireo_port_add_mac(r.port, mac), 0);
		assert_int_equal(r.fv->n_unicast, i + 1);
		assert_memory_equal(r.fv->unicast[i], mac, 6);
	}
	assert_int_equal(vireo_port_add_mac(r.port, mac_multi), -ENOSPC);
	assert_int_equal(vireo_port_remove_mac(r.port, mac), 0);
	assert_int_equal(vireo_port_add_mac(r.port, mac_multi), 0);
	assert_int_equal(r.fv->n_unicast, VIREO_MAX_FILTER_MACS - 1);
	assert_int_equal(r.fv->n_multicast, 1);
	rig_destroy(&r);
}

static void set_mac_device_refuses_nothing_changes(void **state)
{
	struct vireo_port_info info;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	r.fv->answer = FV_ANSWER_ERROR;
	assert_int_equal(vireo_port_set_mac(r.port, mac_a), -EIO);
	assert_sentence("refuses");
	vireo_port_info(r.port, &info);
	assert_memory_equal(info.mac, r.fv->mac, 6);
	/* It refused one command; it is not in trouble. */
	r.fv->answer = FV_ANSWER_OK;
	assert_int_equal(vireo_port_set_mac(r.port, mac_a), 0);
	rig_destroy(&r);
}

static void set_promiscuous_no_answer_times_out_until_the_next_start(void **state)
{
	static const enum fv_answer answers[] = {FV_ANSWER_NONE, FV_ANSWER_WRONG_ID};
	static const int errors[] = {-ETIMEDOUT, -EIO};

	for (unsigned i = 0; i < N_OF(answers); i++) {
		struct rig r;

		rig_create(&r, "v");
		rig_start(&r);
		r.fv->answer = answers[i];
		assert_int_equal(vireo_port_set_promiscuous(r.port, true), errors[i]);
		r.fv->answer = FV_ANSWER_OK;
		assert_int_equal(vireo_port_set_promiscuous(r.port, true), -EIO);
		assert_sentence("stop and start");
		assert_alive(&r);
		assert_int_equal(vireo_port_stop(r.port), 0);
		assert_int_equal(vireo_port_start(r.port), 0);
		assert_int_equal(vireo_port_set_promiscuous(r.port, true), 0);
		assert_true(r.fv->promisc);
		rig_destroy(&r);
	}
}

static void start_device_that_answers_no_command_fails_and_leaks_nothing(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->answer = FV_ANSWER_NONE;
	assert_int_equal(rig_fail(&r), -ETIMEDOUT);
	assert_int_equal(rig_n_free(&r), 512);
	assert_false(fake_device_is_master(r.fv->bus));
	r.fv->answer = FV_ANSWER_OK;
	assert_int_equal(vireo_port_start(r.port), 0);
	rig_destroy(&r);
}

static void start_four_pairs_each_queue_carries_packets(void **state)
{
	static struct fv_frame sent;
	struct rig r;

	rig_create(&r, "v");
	fake_device_add_irqs(r.fv->bus, VIREO_IRQ_MSIX, 8);
	r.fv->n_vectors = 8;
	r.fv->max_pairs = 6;
	r.fv->n_queues = 13;
	r.cfg.n_rxq = r.cfg.n_txq = 4;
	r.cfg.rx_interrupts = true;
	rig_start(&r);
	assert_int_equal(r.fv->pairs, 4);
	for (unsigned i = 0; i < 4; i++) {
		struct vireo_rxq *rxq = vireo_port_rxq(r.port, i);
		struct vireo_txq *txq = vireo_port_txq(r.port, i);
		uint8_t frame[80];
		struct vireo_pkt pkt;

		memset(frame, i, sizeof(frame));
		assert_int_equal(r.fv->queues[2 * i].vector, 1 + i);
		assert_int_equal(vireo_rxq_arm(rxq), 0);
		assert_true(fv_receive_plain(r.fv, 2 * i, frame, sizeof(frame)));
		assert_true(readable(vireo_rxq_fd(rxq)));
		assert_int_equal(vireo_rx_burst(rxq, &pkt, 1), 1);
		assert_int_equal(vireo_tx_burst(txq, &pkt, 1), 1);
		assert_true(fv_send(r.fv, 2 * i + 1, &sent));
		assert_memory_equal(sent.data, frame, sizeof(frame));
		assert_int_equal(atomic_load(&r.fv->queues[2 * i + 1].n_kicks), 1);
	}
	rig_destroy(&r);
}

/* Events */

static void port_poll_link_change_is_told_once(void **state)
{
	struct vireo_link link;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	assert_int_equal(vireo_port_poll(r.port), 0);
	assert_false(readable(vireo_port_event_fd(r.port)));
	for (unsigned up = 0; up < 2; up++) {
		fake_virtio_set_link(r.fv, up);
		assert_true(readable(vireo_port_event_fd(r.port)));
		assert_int_equal(vireo_port_poll(r.port), VIREO_EVENT_LINK);
		assert_false(readable(vireo_port_event_fd(r.port)));
		assert_int_equal(vireo_port_poll(r.port), 0);
		assert_int_equal(vireo_port_link(r.port, &link), 0);
		assert_int_equal(link.up, up);
	}
	rig_destroy(&r);
}

static void port_poll_link_change_without_msix_is_found(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	fake_device_add_irqs(r.fv->bus, VIREO_IRQ_MSIX, 0);
	rig_start(&r);
	fake_virtio_set_link(r.fv, false);
	assert_int_equal(vireo_port_poll(r.port), VIREO_EVENT_LINK);
	rig_destroy(&r);
}

static void port_poll_device_that_gave_up_recovers_by_stop_and_start(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	assert_int_equal(vireo_port_set_promiscuous(r.port, true), 0);
	fake_virtio_needs_reset(r.fv);
	assert_true(readable(vireo_port_event_fd(r.port)));
	assert_int_equal(vireo_port_poll(r.port), -EIO);
	assert_int_equal(vireo_port_poll(r.port), -EIO);
	assert_int_equal(vireo_port_stop(r.port), 0);
	assert_int_equal(vireo_port_start(r.port), 0);
	assert_int_equal(vireo_port_poll(r.port), 0);
	assert_true(r.fv->promisc);
	assert_alive(&r);
	rig_destroy(&r);
}

static void port_stop_device_that_gave_up_with_packets_to_send_is_quick(void **state)
{
	struct vireo_pkt pkt;
	uint8_t frame[80] = {0};
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	rig_packet(&r, frame, sizeof(frame), 0, &pkt);
	assert_int_equal(vireo_tx_burst(r.txq, &pkt, 1), 1);
	fake_virtio_needs_reset(r.fv);
	assert_int_equal(vireo_port_stop(r.port), -EIO);
	assert_int_equal(rig_n_free(&r), 512);
	rig_destroy(&r);
}

static void removal_of_a_running_device_is_told_and_leaks_nothing(void **state)
{
	struct vireo_pkt pkts[4];
	uint8_t frame[80] = {0};
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	rig_packet(&r, frame, sizeof(frame), 0, pkts);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 1), 1);
	fake_device_remove(r.fv->bus);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 0);
	rig_packet(&r, frame, sizeof(frame), 0, pkts);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 1), 1);
	assert_int_equal(vireo_port_poll(r.port), -ENODEV);
	assert_int_equal(vireo_port_set_promiscuous(r.port, true), -ENODEV);
	assert_int_equal(vireo_port_stop(r.port), -ENODEV);
	assert_int_equal(rig_n_free(&r), 512);
	assert_int_equal(vireo_port_start(r.port), -ENODEV);
	rig_destroy(&r);
}

static void port_stop_reset_that_never_ends_still_takes_the_device_from_memory(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	r.fv->reset_never_ends = true;
	assert_int_equal(vireo_port_stop(r.port), -ETIMEDOUT);
	assert_false(fake_device_is_master(r.fv->bus));
	assert_int_equal(rig_n_free(&r), 512);
	r.fv->reset_never_ends = false;
	assert_int_equal(vireo_port_start(r.port), 0);
	rig_destroy(&r);
}

/* Each call of the bus fails once: whatever was built comes down again. */
static void open_start_stop_any_call_failing_leaks_nothing(void **state)
{
	unsigned n_fds = 0;

	for (unsigned nth = 1;; nth++) {
		struct rig r;
		bool failed;

		rig_create(&r, "v");
		r.cfg.rx_interrupts = true;
		r.fv->quiet = true;
		r.fv->bus->fail_nth = nth;
		if (vireo_port_open("fake:v", &r.cfg, &r.port)) {
			r.port = NULL;
		} else if (!vireo_port_start(r.port)) {
			vireo_port_poll(r.port);
			vireo_port_stop(r.port);
		}
		vireo_port_close(r.port);
		r.port = NULL;
		failed = r.fv->bus->has_failed;
		/* A write that was lost may well make the model complain about the next one. */
		atomic_store(&r.fv->n_violations, 0);
		rig_destroy(&r);
		if (nth == 1)
			n_fds = count_fds();
		assert_int_equal(count_fds(), n_fds);
		if (!failed)
			break;
	}
}

/* The device in threads of its own: one receives, one sends, and the application forwards. */

#define N_THREADED 20000

struct threads {
	struct rig rig;
	atomic_bool done;
	unsigned n_received;
	bool in_order;
};

static void *feed(void *ctx)
{
	struct threads *t = ctx;

	for (uint32_t i = 0; i < N_THREADED;) {
		uint8_t frame[64] = {0};

		memcpy(frame + 20, &i, sizeof(i));
		if (fv_receive_plain(t->rig.fv, RXQ, frame, sizeof(frame)))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void *eat(void *ctx)
{
	static struct fv_frame sent;
	struct threads *t = ctx;

	while (t->n_received < N_THREADED && !atomic_load(&t->done)) {
		uint32_t seq;

		if (!fv_send(t->rig.fv, TXQ, &sent)) {
			sched_yield();
			continue;
		}
		memcpy(&seq, sent.data + 20, sizeof(seq));
		t->in_order &= seq == t->n_received++;
	}
	return NULL;
}

static void forward_with_the_device_in_threads_keeps_every_packet_in_order(void **state)
{
	struct threads t = {.in_order = true};
	pthread_t feeder, eater;
	unsigned forwarded = 0;

	rig_create(&t.rig, "v");
	rig_start(&t.rig);
	fv_set_no_notify(t.rig.fv, RXQ, true);
	fv_set_no_notify(t.rig.fv, TXQ, true);
	assert_int_equal(pthread_create(&feeder, NULL, feed, &t), 0);
	assert_int_equal(pthread_create(&eater, NULL, eat, &t), 0);
	while (forwarded < N_THREADED) {
		struct vireo_pkt pkts[16];
		unsigned n = vireo_rx_burst(t.rig.rxq, pkts, 16), k = 0;

		while (k < n)
			k += vireo_tx_burst(t.rig.txq, pkts + k, n - k);
		forwarded += n;
		if (!n)
			sched_yield();
	}
	pthread_join(feeder, NULL);
	pthread_join(eater, NULL);
	assert_int_equal(t.n_received, N_THREADED);
	assert_true(t.in_order);
	assert_int_equal(vireo_port_stop(t.rig.port), 0);
	assert_int_equal(rig_n_free(&t.rig), 512);
	rig_destroy(&t.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_and_stop_many_times_leak_nothing),
		cmocka_unit_test(start_device_sees_rings_before_it_may_reach_memory),
		cmocka_unit_test(start_applies_every_setting_made_before),
		cmocka_unit_test(settings_of_a_running_port_reach_the_device_at_once),
		cmocka_unit_test(set_mac_device_refuses_nothing_changes),
		cmocka_unit_test(set_promiscuous_no_answer_times_out_until_the_next_start),
		cmocka_unit_test(start_device_that_answers_no_command_fails_and_leaks_nothing),
		cmocka_unit_test(start_four_pairs_each_queue_carries_packets),
		cmocka_unit_test(port_poll_link_change_is_told_once),
		cmocka_unit_test(port_poll_link_change_without_msix_is_found),
		cmocka_unit_test(port_poll_device_that_gave_up_recovers_by_stop_and_start),
		cmocka_unit_test(port_stop_device_that_gave_up_with_packets_to_send_is_quick),
		cmocka_unit_test(removal_of_a_running_device_is_told_and_leaks_nothing),
		cmocka_unit_test(port_stop_reset_that_never_ends_still_takes_the_device_from_memory),
		cmocka_unit_test(open_start_stop_any_call_failing_leaks_nothing),
		cmocka_unit_test(forward_with_the_device_in_threads_keeps_every_packet_in_order),
	};

	return cmocka_run_group_tests_name("virtio", tests, NULL, NULL);
}
