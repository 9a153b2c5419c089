// SPDX-License-Identifier: BSD-2-Clause
/*
 * What happens to a port beside packets. Eventfds of the driver, of the two event interrupts of the device and one for
 * vireo_port_failed(), and what else the back end has, make one epoll descriptor readable; vireo_port_poll() empties them
 * and looks at the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus.h"
#include "port.h"

bool event_drain(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

static int watch(struct port_events *e, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return vireo_error(-errno, "cannot watch an eventfd: %m");
	return 0;
}

static int create_fd(int *ret_fd)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return vireo_error(
			-errno, "cannot make an eventfd: %m; `ulimit -n` says how many descriptors a process may have");
	*ret_fd = fd;
	return 0;
}

static int create_watched_fd(struct port_events *e, int *ret_fd)
{
	int fd = -1, err;

	err = create_fd(&fd);
	if (err)
		return err;
	err = watch(e, fd);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* The event interrupts do without a driver; a device that lacks one is simply not watched for it. */
static int enable_event_irq(struct vireo_port *port, enum vireo_irq irq, int *ret_fd)
{
	struct vireo_irq_info info;
	int err;

	vireo_device_irq(port->dev, irq, &info);
	if (info.count == 0)
		return 0;
	err = create_watched_fd(&port->events, ret_fd);
	if (err)
		return err;
	return vireo_device_irq_enable(port->dev, irq, 0, 1, ret_fd);
}

int port_events_open(struct vireo_port *port)
{
	struct port_events *e = &port->events;
	int device_fd = device_event_fd(port->dev);
	int err;

	e->fail_fd = e->wake_fd = e->error_fd = e->request_fd = -1;
	e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->epoll_fd < 0)
		return vireo_error(-errno, "cannot make an epoll descriptor: %m");
	/* On failure port_events_close() takes what there is. */
	err = create_watched_fd(e, &e->fail_fd);
	if (!err)
		err = create_fd(&e->wake_fd);
	if (!err)
		err = enable_event_irq(port, VIREO_IRQ_ERROR, &e->error_fd);
	if (!err)
		err = enable_event_irq(port, VIREO_IRQ_REQUEST, &e->request_fd);
	if (!err && device_fd >= 0)
		err = watch(e, device_fd);
	return err;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void port_events_close(struct vireo_port *port)
{
	struct port_events *e = &port->events;

	if (e->epoll_fd < 0)
		return;
	e->n_kept = 0;
	port_events_trim(port);
	vireo_device_irq_disable(port->dev, VIREO_IRQ_ERROR);
	vireo_device_irq_disable(port->dev, VIREO_IRQ_REQUEST);
	close_fd(e->error_fd);
	close_fd(e->request_fd);
	close_fd(e->fail_fd);
	close_fd(e->wake_fd);
	close(e->epoll_fd);
	e->epoll_fd = -1;
}

/* A duplicate, so that a driver that closes its own leaves no stale number with us. */
int vireo_port_add_event_fd(struct vireo_port *port, int fd)
{
	struct port_events *e = &port->events;
	int flags = fcntl(fd, F_GETFL);
	int copy, err;

	if (e->n_fds == MAX_PORT_EVENT_FDS)
		return vireo_error(-ENOSPC, "%s has %d event descriptors, there is no room for more", port_name(port),
				   MAX_PORT_EVENT_FDS);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return vireo_error(-EINVAL, "%d is no eventfd", fd);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return vireo_error(-errno, "cannot duplicate an eventfd: %m");
	err = watch(e, copy);
	if (err) {
		close(copy);
		return err;
	}
	e->fds[e->n_fds++] = copy;
	return 0;
}

void port_events_mark(struct vireo_port *port)
{
	port->events.n_kept = port->events.n_fds;
}

void port_events_trim(struct vireo_port *port)
{
	struct port_events *e = &port->events;

	/* The driver may still hold the eventfd itself, so closing our duplicate alone would not end the watch. */
	while (e->n_fds > e->n_kept) {
		int fd = e->fds[--e->n_fds];

		epoll_ctl(e->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
	}
}

int vireo_port_event_fd(struct vireo_port *port)
{
	return port->events.epoll_fd;
}

void vireo_port_failed(struct vireo_port *port, int err)
{
	int old = port_failure(port);
	uint64_t one = 1;

	/* A device that is gone stays gone; anything else means that it wants to be restarted. */
	if (err != -ENODEV)
		err = -EIO;
	while (old != err && old != -ENODEV) {
		if (__atomic_compare_exchange_n(&port->failed, &old, err, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			if (write(port->events.fail_fd, &one, sizeof(one)) < 0 ||
			    write(port->events.wake_fd, &one, sizeof(one)) < 0)
				vireo_log(VIREO_LOG_WARN, "%s: cannot signal a failure: %m", port_name(port));
			return;
		}
	}
}

/* Empty everything that makes the event descriptor readable. Returns VIREO_EVENT_* bits. */
static int take_events(struct vireo_port *port)
{
	struct port_events *e = &port->events;
	int events = 0;

	/* Also for a port that is stopped, whose driver is not asked: its descriptor would stay readable. */
	device_poll(port->dev);
	for (unsigned i = 0; i < e->n_fds; i++)
		event_drain(e->fds[i]);
	event_drain(e->fail_fd);
	if (e->error_fd >= 0 && event_drain(e->error_fd))
		vireo_port_failed(port, -EIO);
	if (e->request_fd >= 0 && event_drain(e->request_fd))
		events |= VIREO_EVENT_REMOVE;
	/* vireo_port_failed() above signals again. */
	event_drain(e->fail_fd);
	return events;
}

static int failure(const struct vireo_port *port)
{
	int err = port_failure(port);

	if (err == -ENODEV)
		return vireo_error(err, "%s is gone: close the port", port_name(port));
	return vireo_error(err, "%s is in trouble: stop and start the port", port_name(port));
}

static int poll_locked(struct vireo_port *port)
{
	int events = take_events(port);
	int ret;

	if (port_failure(port))
		return failure(port);
	if (!port->started || !port->driver->poll)
		return events;
	ret = port->driver->poll(port);
	if (ret < 0) {
		vireo_port_failed(port, ret);
		event_drain(port->events.fail_fd);
		return failure(port);
	}
	return events | ret;
}

int vireo_port_poll(struct vireo_port *port)
{
	int ret;

	pthread_mutex_lock(&port->lock);
	ret = poll_locked(port);
	pthread_mutex_unlock(&port->lock);
	return ret;
}
