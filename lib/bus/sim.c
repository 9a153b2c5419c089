// SPDX-License-Identifier: BSD-2-Clause
/*
 * "sim[:WIRE][,option=value]...": a card that is simulated in a thread of this process. The way to it is the real one, a
 * vfio-user client and server over a pair of sockets; only that both ends are here. One model thread serves all such
 * ports, and is there while one is open.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vireo/log.h>

#include "bus.h"
#include "sim_port.h"
#include "vfio_user.h"

/* What a port without words is plugged into: its own packets come back. */
#define DEFAULT_WIRE "echo"

struct seat {
	const struct vireo_device *dev;
	struct sim_port *port;
	struct seat *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all below; taken while ports come and go */
static struct sim_engine *engine;
static struct sim_wires *wires;
static struct seat *seats;
static unsigned n_users, next_index;

static void put_engine(void)
{
	if (--n_users)
		return;
	sim_engine_destroy(engine);
	sim_wires_destroy(wires);
	engine = NULL;
	wires = NULL;
	next_index = 0;
}

static int get_engine(void)
{
	int err;

	if (n_users++)
		return 0;
	wires = sim_wires_create();
	err = wires ? sim_engine_create(&engine) : -ENOMEM;
	if (!err)
		return 0;
	put_engine();
	return vireo_error(err, "cannot start the thread of simulated cards: %s", strerror(-err));
}

/* The words of @spec behind "sim:", as they were. */
static int join_words(const struct spec *spec, char words[SIM_TEXT_MAX])
{
	int len = snprintf(words, SIM_TEXT_MAX, "%s", spec->address[0] ? spec->address : DEFAULT_WIRE);

	for (unsigned i = 0; i < spec->n_options && len < SIM_TEXT_MAX; i++) {
		const char *value = spec->options[i].value;

		len += snprintf(words + len, (size_t)(SIM_TEXT_MAX - len), ",%s%s%s", spec->options[i].key,
				value[0] ? "=" : "", value);
	}
	if (len >= SIM_TEXT_MAX)
		return vireo_error(-EINVAL, "sim:%.40s...: more than %d characters", spec->address, SIM_TEXT_MAX - 1);
	return 0;
}

static int connect_port(const char *words, struct seat *seat, struct vireo_device *dev)
{
	struct sim_why why = {""};
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return vireo_error(-errno, "cannot make a pair of sockets: %m");
	err = sim_port_open(engine, wires, words, next_index, NULL, fds[0], &seat->port, &why);
	if (err) {
		close(fds[1]);
		return vireo_error(err, "sim:%.80s: %s", words, why.text);
	}
	next_index++;
	err = vfio_user_open_fd(fds[1], dev);
	if (err)
		sim_port_close(seat->port);
	return err;
}

static int sim_open(const struct spec *spec, struct vireo_device *dev)
{
	struct seat *seat = calloc(1, sizeof(*seat));
	char words[SIM_TEXT_MAX];
	int err;

	if (!seat)
		return vireo_error(-ENOMEM, "no memory for a simulated card");
	err = join_words(spec, words);
	pthread_mutex_lock(&lock);
	if (!err)
		err = get_engine();
	if (err)
		goto err_unlock;
	snprintf(dev->address, sizeof(dev->address), "sim:%.200s", words);
	err = connect_port(words, seat, dev);
	if (err)
		goto err_put;
	seat->dev = dev;
	seat->next = seats;
	seats = seat;
	pthread_mutex_unlock(&lock);
	return 0;

err_put:
	put_engine();
err_unlock:
	pthread_mutex_unlock(&lock);
	free(seat);
	return err;
}

static void sim_close(struct vireo_device *dev)
{
	struct seat **at = &seats, *seat;

	vfio_user_close(dev);
	pthread_mutex_lock(&lock);
	while ((*at)->dev != dev)
		at = &(*at)->next;
	seat = *at;
	*at = seat->next;
	sim_port_close(seat->port);
	put_engine();
	pthread_mutex_unlock(&lock);
	free(seat);
}

const struct bus_ops sim_bus = {
	.name = "sim",
	.prefix = "sim",
	.open = sim_open,
	.close = sim_close,
	.read = vfio_user_read,
	.write = vfio_user_write,
	.gather = vfio_user_gather,
	.map = vfio_user_map,
	.unmap = vfio_user_unmap,
	.irq = vfio_user_irq,
	.reset = vfio_user_device_reset,
};
