// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device.h"
#include "records.h"
#include "vfio_user_sock.h"

#define N_KINDS 4

/* Memory to share, an eventfd, memory that may shrink, and a pipe: what a peer may take for something else. */
static const int *kinds(void)
{
	static int fds[N_KINDS];
	static bool ready;
	int pipes[2];

	if (ready)
		return fds;
	fds[0] = sim_region_memfd("fuzz", 0x8000);
	fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[2] = memfd_create("loose", MFD_CLOEXEC);
	record_check(pipe(pipes) == 0 && ftruncate(fds[2], 0x8000) == 0, "descriptors");
	fds[3] = pipes[1];
	ready = true;
	return fds;
}

bool record_next(const uint8_t **data, size_t *size, const uint8_t **ret_bytes, size_t *ret_len, int *fds,
		 unsigned *ret_n_fds)
{
	const uint8_t *d = *data;
	size_t len;

	if (*size < 3)
		return false;
	*ret_n_fds = d[0] & 3;
	for (unsigned i = 0; i < *ret_n_fds; i++)
		fds[i] = kinds()[d[0] >> 2 & 3];
	len = (size_t)d[1] | (size_t)d[2] << 8;
	if (len > *size - 3)
		len = *size - 3;
	*ret_bytes = d + 3;
	*ret_len = len;
	*data += 3 + len;
	*size -= 3 + len;
	return true;
}

void record_sockets(int socks[2])
{
	kinds();
	record_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks) == 0, "socketpair");
}

bool record_send(int sock, const uint8_t *bytes, size_t len, const int *fds, unsigned n_fds)
{
	const struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};

	return len == 0 || vfio_user_sock_send(sock, &iov, 1, fds, n_fds, MSG_DONTWAIT) == (ssize_t)len;
}

int record_free_fd(void)
{
	int fd = dup(kinds()[0]);

	record_check(fd >= 0, "dup");
	close(fd);
	return fd;
}

void record_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}
