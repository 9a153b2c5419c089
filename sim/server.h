/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

/*
 * vfio-user, the server's side: the messages of one client acted on for one device. Without a thread and without
 * waiting: sim_server_poll() does what can be done now. Everything that a client sends is checked before it is believed.
 */

#include <stdint.h>

#include "device.h"

struct sim_server;

/* -EADDRINUSE when somebody answers on @path; a socket that nobody listens on is replaced. */
int sim_server_listen(const char *path, struct sim_device *dev, struct sim_server **ret_server);
/* Takes @fd over, also when it fails. */
int sim_server_attach(int fd, struct sim_device *dev, struct sim_server **ret_server);
/* The device outlives its server and is reset when a client goes. */
void sim_server_destroy(struct sim_server *server);

/* How many messages were handled; -EPIPE when an attached client has gone. */
int sim_server_poll(struct sim_server *server, uint64_t now_ns);
/* A descriptor that is readable when there is something to do (an epoll). */
int sim_server_fd(const struct sim_server *server);

#endif
