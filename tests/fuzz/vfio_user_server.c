// SPDX-License-Identifier: BSD-2-Clause
/* The server against whatever a client may send: it survives, and keeps nothing of it. */
#include <errno.h>
#include <linux/vfio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "records.h"
#include "server.h"
#include "toy_device.h"
#include "vfio_user_sock.h"

static void hear(int sock)
{
	struct vfio_user_fds fds = {0};
	static uint8_t sink[65536];

	while (vfio_user_sock_recv(sock, sink, sizeof(sink), MSG_DONTWAIT, &fds) > 0)
		vfio_user_fds_close(&fds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before = record_free_fd(), socks[2], fds[3];
	struct toy *toy = toy_create(NULL);
	struct sim_server *server;
	const uint8_t *bytes;
	unsigned n_fds;
	size_t len;

	record_sockets(socks);
	record_check(sim_server_attach(socks[1], &toy->dev, &server) == 0, "attach");
	while (record_next(&data, &size, &bytes, &len, fds, &n_fds)) {
		if (!record_send(socks[0], bytes, len, fds, n_fds))
			break;
		if (sim_server_poll(server, 0) < 0)
			break;
		hear(socks[0]);
	}
	close(socks[0]);
	while (sim_server_poll(server, 0) != -EPIPE)
		;
	record_check(toy->resets > 0, "the device is reset when its client goes");
	record_check(toy->dev.dma.n_maps == 0, "nothing of the client stays mapped");
	for (unsigned v = 0; v < TOY_VECTORS; v++)
		record_check(toy->dev.irqs[VFIO_PCI_MSIX_IRQ_INDEX].fds[v] == -1, "no vector stays connected");
	sim_server_destroy(server);
	toy->dev.ops->destroy(&toy->dev);
	record_check(record_free_fd() == before, "no descriptor is kept");
	return 0;
}
