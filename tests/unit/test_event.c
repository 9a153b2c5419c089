// SPDX-License-Identifier: BSD-2-Clause
/* Events of a port, sleeping until packets come, and the housekeeper. Nothing here waits for a length of time. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vireo/vireo.h>

#include "fake_bus.h"
#include "fake_driver.h"

static struct fake_device *fakes[2];
static struct vireo_port *ports[2];

static int setup(void **state)
{
	struct vireo_port_config cfg = {.n_rxq = 2, .rx_interrupts = true};

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	fake_driver_reset();
	for (unsigned i = 0; i < 2; i++) {
		fakes[i] = fake_device_create(i ? "b" : "a");
		fake_device_add_irqs(fakes[i], VIREO_IRQ_ERROR, 1);
		fake_device_add_irqs(fakes[i], VIREO_IRQ_REQUEST, 1);
		if (vireo_port_open(i ? "fake:b" : "fake:a", &cfg, &ports[i]) || vireo_port_start(ports[i]))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		vireo_port_close(ports[i]);
		fake_device_destroy(fakes[i]);
	}
	return 0;
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void poll_quiet_port_says_nothing(void **state)
{
	assert_false(is_readable(vireo_port_event_fd(ports[0])));
	assert_int_equal(vireo_port_poll(ports[0]), 0);
	assert_int_equal(fake_driver.n_poll, 1);
	fake_driver.poll_result = VIREO_EVENT_LINK;
	assert_int_equal(vireo_port_poll(ports[0]), VIREO_EVENT_LINK);
	assert_int_equal(vireo_port_poll(ports[0]), 0);
}

static void poll_request_is_remove_once(void **state)
{
	assert_true(fake_device_signal(fakes[0], VIREO_IRQ_REQUEST, 0));
	assert_true(is_readable(vireo_port_event_fd(ports[0])));
	assert_false(is_readable(vireo_port_event_fd(ports[1])));
	fake_driver.poll_result = VIREO_EVENT_LINK;
	assert_int_equal(vireo_port_poll(ports[0]), VIREO_EVENT_REMOVE | VIREO_EVENT_LINK);
	assert_false(is_readable(vireo_port_event_fd(ports[0])));
	assert_int_equal(vireo_port_poll(ports[0]), 0);
}

static void poll_device_error_is_eio_until_restart(void **state)
{
	assert_true(fake_device_signal(fakes[0], VIREO_IRQ_ERROR, 0));
	assert_int_equal(vireo_port_poll(ports[0]), -EIO);
	assert_sentence("stop and start");
	assert_false(is_readable(vireo_port_event_fd(ports[0])));
	assert_int_equal(vireo_port_poll(ports[0]), -EIO);
	assert_int_equal(vireo_port_stop(ports[0]), 0);
	assert_int_equal(vireo_port_poll(ports[0]), -EIO);
	assert_int_equal(vireo_port_start(ports[0]), 0);
	assert_int_equal(vireo_port_poll(ports[0]), 0);
}

static void poll_gone_is_enodev_for_ever(void **state)
{
	struct vireo_stats stats;
	struct vireo_link link;

	vireo_port_failed(ports[0], -ENODEV);
	vireo_port_failed(ports[0], -EIO);
	assert_true(is_readable(vireo_port_event_fd(ports[0])));
	assert_int_equal(vireo_port_poll(ports[0]), -ENODEV);
	assert_sentence("is gone");
	assert_int_equal(vireo_port_link(ports[0], &link), -ENODEV);
	assert_int_equal(vireo_port_stats(ports[0], &stats), -ENODEV);
	assert_int_equal(vireo_port_set_promiscuous(ports[0], true), -ENODEV);
	vireo_port_stop(ports[0]);
	assert_int_equal(vireo_port_start(ports[0]), -ENODEV);
	assert_int_equal(vireo_port_poll(ports[0]), -ENODEV);
}

static void poll_trouble_grows_into_loss_but_not_back(void **state)
{
	vireo_port_failed(ports[0], -ETIMEDOUT);
	assert_int_equal(vireo_port_poll(ports[0]), -EIO);
	vireo_port_failed(ports[0], -ENODEV);
	assert_int_equal(vireo_port_poll(ports[0]), -ENODEV);
	fake_driver.poll_result = -EIO;
	assert_int_equal(vireo_port_poll(ports[1]), -EIO);
	assert_int_equal(vireo_port_poll(ports[1]), -EIO);
	/* A port in trouble asks its driver no more. */
	assert_int_equal(fake_driver.n_poll, 1);
}

static void event_fd_of_start_goes_with_stop(void **state)
{
	int fd = eventfd(0, 0);

	vireo_port_stop(ports[0]);
	fake_driver.event_fd = fd;
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(vireo_port_start(ports[0]), 0);
		assert_int_equal(eventfd_write(fd, 1), 0);
		assert_true(is_readable(vireo_port_event_fd(ports[0])));
		assert_int_equal(vireo_port_poll(ports[0]), 0);
		assert_false(is_readable(vireo_port_event_fd(ports[0])));
		assert_false(is_readable(fd));
		vireo_port_stop(ports[0]);
		assert_int_equal(eventfd_write(fd, 1), 0);
		assert_false(is_readable(vireo_port_event_fd(ports[0])));
		assert_int_equal(vireo_port_poll(ports[0]), 0);
	}
	close(fd);
}

static void event_fd_of_probe_stays_and_may_be_closed(void **state)
{
	int fd = eventfd(0, 0);

	vireo_port_close(ports[0]);
	fake_driver.event_fd = fd;
	fake_driver.event_fd_in_probe = true;
	assert_int_equal(vireo_port_open("fake:a", NULL, &ports[0]), 0);
	assert_int_equal(vireo_port_start(ports[0]), 0);
	vireo_port_stop(ports[0]);
	assert_int_equal(eventfd_write(fd, 1), 0);
	assert_true(is_readable(vireo_port_event_fd(ports[0])));
	close(fd);
	assert_int_equal(vireo_port_poll(ports[0]), 0);
	assert_false(is_readable(vireo_port_event_fd(ports[0])));
	assert_int_equal(vireo_port_add_event_fd(ports[0], -1), -EINVAL);
	assert_int_equal(vireo_port_add_event_fd(ports[0], fd), -EINVAL);
}

static void rxq_arm_without_interrupts_is_refused(void **state)
{
	struct vireo_rxq *q;

	vireo_port_close(ports[0]);
	assert_int_equal(vireo_port_open("fake:a", NULL, &ports[0]), 0);
	assert_int_equal(vireo_port_start(ports[0]), 0);
	q = vireo_port_rxq(ports[0], 0);
	assert_int_equal(vireo_rxq_fd(q), -EOPNOTSUPP);
	assert_int_equal(vireo_rxq_arm(q), -EOPNOTSUPP);
	assert_int_equal(vireo_rxq_wait_any(&q, 1, 0), -EOPNOTSUPP);
	assert_sentence("rx_interrupts");
}

static void rxq_arm_old_signals_do_not_wake(void **state)
{
	struct vireo_rxq *q = vireo_port_rxq(ports[0], 0);
	struct vireo_pkt pkt;

	assert_int_equal(vireo_rxq_arm(q), 0);
	fake_driver_receive(q, 60);
	assert_true(is_readable(vireo_rxq_fd(q)));
	/* Somebody is there already: not armed, receive first. */
	assert_int_equal(vireo_rxq_arm(q), 1);
	assert_int_equal(vireo_rx_burst(q, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(vireo_rxq_arm(q), 0);
	assert_false(is_readable(vireo_rxq_fd(q)));
}

static void wait_any_looks_at_all_ports(void **state)
{
	struct vireo_rxq *qs[4];
	struct vireo_pkt pkt;

	for (unsigned i = 0; i < 4; i++)
		qs[i] = vireo_port_rxq(ports[i / 2], i % 2);
	assert_int_equal(vireo_rxq_wait_any(qs, 4, 0), 0);
	assert_int_equal(vireo_rxq_wait_any(qs, 4, 1), 0);
	fake_driver_receive(qs[3], 60);
	assert_int_equal(vireo_rxq_wait_any(qs, 4, -1), 1);
	fake_driver_receive(qs[1], 60);
	assert_int_equal(vireo_rxq_wait_any(qs, 4, -1), 2);
	assert_int_equal(vireo_rx_burst(qs[3], &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(vireo_rx_burst(qs[1], &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(vireo_rxq_wait_any(qs, 4, 0), 0);
	assert_int_equal(vireo_rxq_wait_any(qs, 0, 0), -EINVAL);
	assert_int_equal(vireo_rxq_wait_any(qs, 65, 0), -EINVAL);
}

static void *receive_later(void *arg)
{
	fake_driver_receive(arg, 60);
	return NULL;
}

static void wait_any_packet_from_another_thread_wakes(void **state)
{
	struct vireo_rxq *qs[2] = {vireo_port_rxq(ports[0], 0), vireo_port_rxq(ports[1], 0)};
	struct vireo_pkt pkt;

	for (unsigned i = 0; i < 200; i++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, receive_later, qs[i % 2]), 0);
		assert_int_equal(vireo_rxq_wait_any(qs, 2, -1), 1);
		pthread_join(thread, NULL);
		assert_int_equal(vireo_rx_burst(qs[i % 2], &pkt, 1), 1);
		vireo_pkt_free(&pkt, 1);
	}
}

static void *fail_later(void *arg)
{
	vireo_port_failed(arg, -ENODEV);
	vireo_port_poll(arg);
	return NULL;
}

/* With the failure taken by a poll in between: the sleeper must hear of it all the same. */
static void wait_any_lost_device_wakes(void **state)
{
	struct vireo_rxq *q = vireo_port_rxq(ports[0], 0);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fail_later, ports[0]), 0);
	assert_int_equal(vireo_rxq_wait_any(&q, 1, -1), -ENODEV);
	pthread_join(thread, NULL);
	assert_int_equal(vireo_rxq_wait_any(&q, 1, -1), -ENODEV);
}

static void on_signal(int signal)
{
}

static void *interrupt(void *arg)
{
	sem_t *done = arg;

	/* Until it is heard: a signal that comes before the sleep does not end it. */
	while (sem_trywait(done) < 0) {
		kill(getpid(), SIGUSR1);
		usleep(1000);
	}
	return NULL;
}

static void wait_any_signal_is_eintr(void **state)
{
	struct sigaction action = {.sa_handler = on_signal}, old;
	struct vireo_rxq *q = vireo_port_rxq(ports[0], 0);
	pthread_t thread;
	sigset_t usr1;
	sem_t done;

	sem_init(&done, 0, 0);
	sigaction(SIGUSR1, &action, &old);
	/* The other thread inherits the mask, so that the signal finds this one. */
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	assert_int_equal(pthread_create(&thread, NULL, interrupt, &done), 0);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	assert_int_equal(vireo_rxq_wait_any(&q, 1, -1), -EINTR);
	sem_post(&done);
	pthread_join(thread, NULL);
	sigaction(SIGUSR1, &old, NULL);
}

struct heard {
	sem_t sem;
	struct vireo_port *port;
	int events;
	unsigned n;
};

static void hear(void *ctx, struct vireo_port *port, int events)
{
	struct heard *h = ctx;

	h->port = port;
	h->events = events;
	h->n++;
	sem_post(&h->sem);
}

static void housekeeper_tells_what_happens(void **state)
{
	struct vireo_housekeeper *hk;
	struct heard h = {0};

	sem_init(&h.sem, 0, 0);
	assert_int_equal(vireo_housekeeper_start(ports, 2, hear, &h, &hk), 0);
	assert_true(fake_device_signal(fakes[1], VIREO_IRQ_REQUEST, 0));
	sem_wait(&h.sem);
	assert_ptr_equal(h.port, ports[1]);
	assert_int_equal(h.events, VIREO_EVENT_REMOVE);
	vireo_port_failed(ports[0], -EIO);
	sem_wait(&h.sem);
	assert_ptr_equal(h.port, ports[0]);
	assert_int_equal(h.events, -EIO);
	/* The same error again is no news; a worse one is. */
	assert_true(fake_device_signal(fakes[0], VIREO_IRQ_ERROR, 0));
	vireo_port_failed(ports[0], -ENODEV);
	sem_wait(&h.sem);
	assert_int_equal(h.events, -ENODEV);
	vireo_housekeeper_stop(hk);
	assert_int_equal(h.n, 3);
}

static void housekeeper_and_control_thread_do_not_collide(void **state)
{
	struct vireo_housekeeper *hk;
	struct vireo_stats stats;

	assert_int_equal(vireo_housekeeper_start(ports, 2, NULL, NULL, &hk), 0);
	for (unsigned i = 0; i < 500; i++) {
		fake_device_signal(fakes[i % 2], VIREO_IRQ_REQUEST, 0);
		assert_int_equal(vireo_port_set_promiscuous(ports[i % 2], i & 2), 0);
		assert_int_equal(vireo_port_stats(ports[i % 2], &stats), 0);
	}
	vireo_housekeeper_stop(hk);
	vireo_housekeeper_stop(NULL);
}

static void housekeeper_wrong_number_of_ports_is_refused(void **state)
{
	struct vireo_housekeeper *hk;

	assert_int_equal(vireo_housekeeper_start(ports, 0, NULL, NULL, &hk), -EINVAL);
	assert_int_equal(vireo_housekeeper_start(ports, 65, NULL, NULL, &hk), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(poll_quiet_port_says_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(poll_request_is_remove_once, setup, teardown),
		cmocka_unit_test_setup_teardown(poll_device_error_is_eio_until_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(poll_gone_is_enodev_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(poll_trouble_grows_into_loss_but_not_back, setup, teardown),
		cmocka_unit_test_setup_teardown(event_fd_of_start_goes_with_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(event_fd_of_probe_stays_and_may_be_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(rxq_arm_without_interrupts_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(rxq_arm_old_signals_do_not_wake, setup, teardown),
		cmocka_unit_test_setup_teardown(wait_any_looks_at_all_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(wait_any_packet_from_another_thread_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(wait_any_lost_device_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(wait_any_signal_is_eintr, setup, teardown),
		cmocka_unit_test_setup_teardown(housekeeper_tells_what_happens, setup, teardown),
		cmocka_unit_test_setup_teardown(housekeeper_and_control_thread_do_not_collide, setup, teardown),
		cmocka_unit_test_setup_teardown(housekeeper_wrong_number_of_ports_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
