// SPDX-License-Identifier: BSD-2-Clause
/* The client against whatever a server may answer: every call comes back, and what it says can be used. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "records.h"
#include "vfio_user_conn.h"

/* What was checked can be mapped and touched. */
static void use(const struct vfio_user_region *region)
{
	for (unsigned i = 0; i < region->n_areas; i++) {
		const struct vfio_user_area *a = &region->areas[i];
		volatile uint8_t *va = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd,
					    (off_t)(region->fd_offset + a->offset));

		record_check(a->offset + a->size <= region->size, "areas lie inside the region");
		record_check(va != MAP_FAILED, "areas can be mapped");
		va[0] = 1;
		va[a->size - 1] = 1;
		munmap((void *)(uintptr_t)va, a->size);
	}
	if (region->fd >= 0)
		close(region->fd);
}

static void session(struct vfio_user_conn *conn, int fd)
{
	struct vfio_device_info info;
	struct vfio_irq_info irq;
	struct vfio_user_region region;
	uint8_t data[64] = {1};

	vfio_user_device_info(conn, &info);
	for (unsigned i = 0; i < 3; i++) {
		if (vfio_user_region_info(conn, i, &region) == 0)
			use(&region);
	}
	if (vfio_user_irq_info(conn, VFIO_PCI_MSIX_IRQ_INDEX, &irq) == 0)
		record_check(irq.index == VFIO_PCI_MSIX_IRQ_INDEX, "the kind that was asked for");
	vfio_user_dma_map(conn, 0x10000, 0x1000, 3, fd, 0);
	vfio_user_irqs_eventfd(conn, VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 1, &fd);
	vfio_user_irqs_bool(conn, VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 2, data);
	vfio_user_region_write(conn, 0, 8, data, 4, false);
	vfio_user_region_read(conn, 0, 8, data, 4);
	vfio_user_region_read(conn, 7, 0, data, sizeof(data));
	vfio_user_dma_unmap(conn, 0x10000, 0x1000);
	vfio_user_reset(conn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before = record_free_fd(), socks[2], fds[3];
	struct vfio_user_conn conn;
	const uint8_t *bytes;
	unsigned n_fds;
	size_t len;

	record_sockets(socks);
	/* All is said before anybody asks, and then there is an end, so that nobody waits for a deadline. */
	while (record_next(&data, &size, &bytes, &len, fds, &n_fds)) {
		if (!record_send(socks[0], bytes, len, fds, n_fds))
			break;
	}
	shutdown(socks[0], SHUT_WR);
	if (vfio_user_conn_open(&conn, socks[1], 0) == 0)
		session(&conn, socks[0]);
	vfio_user_conn_close(&conn);
	close(socks[0]);
	record_check(record_free_fd() == before, "no descriptor is kept");
	return 0;
}
