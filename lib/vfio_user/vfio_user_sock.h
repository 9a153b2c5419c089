/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VFIO_USER_SOCK_H
#define VFIO_USER_SOCK_H

/*
 * Bytes and descriptors through a Unix stream socket, for both sides. Read never further than the message at hand goes:
 * that is how the descriptors of a message are told from those of the next one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define VFIO_USER_MAX_FDS 64 /* that we take, and send if the other side takes so many, in one message */
#define VFIO_USER_SAY_FDS 16 /* that we say we take: QEMU refuses a peer that says more */

/* The descriptors that came with a message; who takes one puts -1 in its place. */
struct vfio_user_fds {
	int fd[VFIO_USER_MAX_FDS];
	unsigned n;
	bool lost; /* there were more than fit, or this process could not have them */
};

/* Close what nobody took. */
void vfio_user_fds_close(struct vfio_user_fds *fds);

/* Bytes sent, maybe fewer, or a negative errno. @flags: MSG_DONTWAIT or 0; a closed socket is -EPIPE and no signal. */
ssize_t vfio_user_sock_send(int sock, const struct iovec *iov, unsigned n_iov, const int *fds, unsigned n_fds,
			    int flags);
/* Bytes received, maybe fewer, 0 at the end, or a negative errno; descriptors (close-on-exec) are added to @fds. */
ssize_t vfio_user_sock_recv(int sock, void *buf, size_t len, int flags, struct vfio_user_fds *fds);

/* A socket connected to @path: the descriptor (close-on-exec), or a negative errno; -EAGAIN when nobody accepts. */
int vfio_user_sock_connect(const char *path);

#endif
