/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_VFIO_USER_SERVER_H
#define SIM_VFIO_USER_SERVER_H

/*
 * What the two halves of the server share: vfio_user_server.c takes messages off the socket and puts replies onto it,
 * vfio_user_commands.c acts on them. Users see server.h.
 */

#include "server.h"
#include "vfio_user_proto.h"
#include "vfio_user_sock.h"

#define SERVER_MAX_DATA	   65536 /* bytes of one region access: max_data_xfer_size */
#define SERVER_MAX_WRITES  1024	 /* in one REGION_WRITE_MULTI */
#define SERVER_MAX_PAYLOAD (sizeof(struct vfio_user_region_access) + SERVER_MAX_DATA)

/* A message that is complete, or on its way. */
struct server_message {
	struct vfio_user_header head;
	size_t got; /* bytes that have arrived, with the header */
	struct vfio_user_fds fds;
	uint8_t payload[SERVER_MAX_PAYLOAD] __attribute__((aligned(8)));
};

/* A reply that is made, or on its way. */
struct server_reply {
	struct vfio_user_header head;
	size_t len;  /* bytes of payload */
	size_t sent; /* bytes that have left, with the header */
	int fd;	     /* goes with it, or -1; the device's */
	uint8_t payload[SERVER_MAX_PAYLOAD] __attribute__((aligned(8)));
};

/* Eventfds by which the client masks and unmasks INTx. */
enum server_watch { SERVER_WATCH_MASK, SERVER_WATCH_UNMASK, SERVER_N_WATCHES };

struct sim_server {
	struct sim_device *dev;
	int epoll;
	int listener;		       /* -1: of one client only */
	int sock;		       /* -1: no client */
	bool agreed;		       /* on a version */
	uint64_t client_fds;	       /* descriptors that the client takes in one message */
	int watches[SERVER_N_WATCHES]; /* or -1 */
	char path[108];
	uint64_t path_dev, path_ino; /* of the socket that we made there */
	struct server_message in;
	struct server_reply out;
};

/* Act on the complete message in server->in and write server->out.payload; 0 or a negative errno. */
int server_command(struct sim_server *server);

/* Have an eventfd watched, which the server closes from now on, or with -1 no longer. 0 or a negative errno. */
int server_watch(struct sim_server *server, enum server_watch which, int fd);

#endif
