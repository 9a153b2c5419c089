// SPDX-License-Identifier: BSD-2-Clause
/* The optional thread that polls ports on their events and every second. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "port.h"

#define MAX_PORTS   64
#define INTERVAL_MS 1000

struct vireo_housekeeper {
	pthread_t thread;
	int stop_fd;
	vireo_event_fn fn;
	void *ctx;
	unsigned n;
	struct vireo_port *ports[MAX_PORTS];
	int last_error[MAX_PORTS];
};

static void poll_port(struct vireo_housekeeper *hk, unsigned i)
{
	int ret = vireo_port_poll(hk->ports[i]);
	bool is_news = ret > 0 || (ret < 0 && ret != hk->last_error[i]);

	hk->last_error[i] = ret < 0 ? ret : 0;
	if (is_news && hk->fn)
		hk->fn(hk->ctx, hk->ports[i], ret);
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void *run(void *arg)
{
	struct vireo_housekeeper *hk = arg;
	struct pollfd pfds[MAX_PORTS + 1];
	long long due = now_ms();

	for (unsigned i = 0; i < hk->n; i++)
		pfds[i] = (struct pollfd){.fd = vireo_port_event_fd(hk->ports[i]), .events = POLLIN};
	pfds[hk->n] = (struct pollfd){.fd = hk->stop_fd, .events = POLLIN};
	for (;;) {
		long long wait = due - now_ms();
		bool is_due;

		poll(pfds, hk->n + 1, wait > 0 ? (int)wait : 0);
		if (pfds[hk->n].revents)
			return NULL;
		is_due = now_ms() >= due;
		if (is_due)
			due = now_ms() + INTERVAL_MS;
		for (unsigned i = 0; i < hk->n; i++) {
			if (is_due || pfds[i].revents)
				poll_port(hk, i);
		}
	}
}

/* Signals are the application's: they shall find its threads, not this one. */
static int start_thread(struct vireo_housekeeper *hk)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&hk->thread, NULL, run, hk);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return vireo_error(-err, "cannot start the housekeeper thread: %s", strerror(err));
	pthread_setname_np(hk->thread, "vireo-hk");
	return 0;
}

int vireo_housekeeper_start(struct vireo_port *const *ports, unsigned n, vireo_event_fn fn, void *ctx,
			    struct vireo_housekeeper **ret_hk)
{
	struct vireo_housekeeper *hk;
	int err;

	if (n == 0 || n > MAX_PORTS)
		return vireo_error(-EINVAL, "a housekeeper looks after 1 to %d ports, not %u", MAX_PORTS, n);
	hk = calloc(1, sizeof(*hk));
	if (!hk)
		return vireo_error(-ENOMEM, "no memory for a housekeeper");
	hk->fn = fn;
	hk->ctx = ctx;
	hk->n = n;
	memcpy(hk->ports, ports, n * sizeof(ports[0]));
	hk->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (hk->stop_fd < 0) {
		err = vireo_error(-errno, "cannot make an eventfd: %m");
		goto err_free;
	}
	err = start_thread(hk);
	if (err)
		goto err_close;
	*ret_hk = hk;
	return 0;

err_close:
	close(hk->stop_fd);
err_free:
	free(hk);
	return err;
}

void vireo_housekeeper_stop(struct vireo_housekeeper *hk)
{
	uint64_t one = 1;

	if (!hk)
		return;
	/* An eventfd that was never written takes one. */
	if (write(hk->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_join(hk->thread, NULL);
	close(hk->stop_fd);
	free(hk);
}
