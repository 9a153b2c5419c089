// SPDX-License-Identifier: BSD-2-Clause
/* Unix stream sockets that carry descriptors. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "vfio_user_sock.h"

#define CONNECT_TIMEOUT_S 10
#define KERNEL_MAX_FDS	  253 /* SCM_MAX_FD: room for so many, and the kernel never cuts a message's descriptors off */

void vfio_user_fds_close(struct vfio_user_fds *fds)
{
	for (unsigned i = 0; i < fds->n; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	}
	fds->n = 0;
	fds->lost = false;
}

ssize_t vfio_user_sock_send(int sock, const struct iovec *iov, unsigned n_iov, const int *fds, unsigned n_fds,
			    int flags)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(VFIO_USER_MAX_FDS * sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n_iov};
	ssize_t n;

	if (n_fds > VFIO_USER_MAX_FDS)
		return -E2BIG;
	if (n_fds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void add_fds(struct vfio_user_fds *fds, const struct cmsghdr *c)
{
	unsigned n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));

	for (unsigned i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (fds->n < VFIO_USER_MAX_FDS) {
			fds->fd[fds->n++] = fd;
		} else {
			close(fd);
			fds->lost = true;
		}
	}
}

ssize_t vfio_user_sock_recv(int sock, void *buf, size_t len, int flags, struct vfio_user_fds *fds)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(KERNEL_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			add_fds(fds, c);
	}
	if (msg.msg_flags & MSG_CTRUNC)
		fds->lost = true;
	return n;
}

int vfio_user_sock_connect(const char *path)
{
	const struct timeval patience = {.tv_sec = CONNECT_TIMEOUT_S};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int sock, err;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	/* A listener that accepts nobody makes connect() wait, and this is the only bound on it: -EAGAIN then. */
	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    connect(sock, (const struct sockaddr *)&sa, sizeof(sa))) {
		err = -errno;
		close(sock);
		return err;
	}
	return sock;
}
