// SPDX-License-Identifier: BSD-2-Clause
/* Messages to the process at the other end, one at a time. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "deadline.h"
#include "vhost_user.h"

unsigned vhost_patience_ms = 5000;

#define VERSION	    0x1
#define IS_REPLY    0x4
#define NEEDS_REPLY 0x8

struct header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

bool vhost_conn_is_lost(struct vhost_conn *conn)
{
	char byte;

	if (conn->fd < 0)
		return true;
	/* It speaks only when it is asked to, so anything to read is the end of the line, or nonsense. */
	return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

int vhost_conn_create(struct vhost_conn *conn)
{
	struct epoll_event event = {.events = EPOLLIN};

	conn->event_fd = epoll_create1(EPOLL_CLOEXEC);
	if (conn->event_fd < 0)
		return vireo_error(-errno, "cannot make an epoll descriptor: %m");
	conn->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (conn->timer_fd < 0)
		return vireo_error(-errno, "cannot make a timer: %m");
	if (epoll_ctl(conn->event_fd, EPOLL_CTL_ADD, conn->timer_fd, &event))
		return vireo_error(-errno, "cannot watch a timer: %m");
	return 0;
}

void vhost_conn_destroy(struct vhost_conn *conn)
{
	if (conn->fd >= 0)
		close(conn->fd);
	if (conn->timer_fd >= 0)
		close(conn->timer_fd);
	if (conn->event_fd >= 0)
		close(conn->event_fd);
	conn->fd = conn->timer_fd = conn->event_fd = -1;
}

/* Setting a timer also takes back that it went off. */
static void set_timer(struct vhost_conn *conn, uint64_t us)
{
	const struct itimerspec in = {.it_value = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}};

	timerfd_settime(conn->timer_fd, 0, &in, NULL);
}

int vhost_conn_open(struct vhost_conn *conn, int fd)
{
	/* Only the end of the line: answers are waited for, and are no news. */
	struct epoll_event event = {.events = EPOLLRDHUP};
	int err;

	if (epoll_ctl(conn->event_fd, EPOLL_CTL_ADD, fd, &event)) {
		err = vireo_error(-errno, "%s: cannot watch a connection: %m", conn->name);
		close(fd);
		return err;
	}
	set_timer(conn, 0);
	conn->fd = fd;
	return 0;
}

void vhost_conn_retry(struct vhost_conn *conn)
{
	set_timer(conn, VHOST_TRY_EVERY_US);
}

void vhost_conn_close(struct vhost_conn *conn)
{
	if (conn->fd < 0)
		return;
	/* Closing alone would not end the watch where a child holds the socket too. */
	epoll_ctl(conn->event_fd, EPOLL_CTL_DEL, conn->fd, NULL);
	close(conn->fd);
	conn->fd = -1;
	vhost_conn_retry(conn);
}

static int lost(struct vhost_conn *conn, int err, const char *what)
{
	vhost_conn_close(conn);
	return vireo_error(err, "%s: %s", conn->name, what);
}

static int gone(struct vhost_conn *conn)
{
	return lost(conn, -ENOTCONN, "the process at the other end is gone");
}

static int wait_for(struct vhost_conn *conn, short events, const struct deadline *deadline)
{
	for (;;) {
		struct pollfd p = {.fd = conn->fd, .events = events};
		int n = poll(&p, 1, deadline_left_ms(deadline));

		if (n > 0)
			return 0;
		if (n == 0)
			return lost(conn, -ETIMEDOUT, "the process at the other end does not answer");
		if (errno != EINTR)
			return gone(conn);
	}
}

static int send_all(struct vhost_conn *conn, struct msghdr *msg, size_t size, const struct deadline *deadline)
{
	ssize_t n;
	int err;

	do {
		err = wait_for(conn, POLLOUT, deadline);
		if (err)
			return err;
		n = sendmsg(conn->fd, msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	/* A message is far smaller than the smallest socket buffer: it goes as a whole or not at all. */
	return n == (ssize_t)size ? 0 : gone(conn);
}

static int transmit(struct vhost_conn *conn, const struct header *header, const void *payload, const int *fds,
		    unsigned n_fds, const struct deadline *deadline)
{
	union {
		char buf[CMSG_SPACE(VHOST_MAX_REGIONS * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)header, .iov_len = sizeof(*header)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = header->size},
	};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (conn->fd < 0)
		return gone(conn);
	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	return send_all(conn, &msg, sizeof(*header) + header->size, deadline);
}

static int receive(struct vhost_conn *conn, void *buf, size_t len, const struct deadline *deadline)
{
	uint8_t *p = buf;

	while (len) {
		int err = wait_for(conn, POLLIN, deadline);
		ssize_t n;

		if (err)
			return err;
		/* Descriptors that nobody asked for are discarded by the kernel, since there is no room for them. */
		n = recv(conn->fd, p, len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return gone(conn);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int receive_reply(struct vhost_conn *conn, enum vhost_request request, union vhost_payload *payload, size_t size,
			 const struct deadline *deadline)
{
	struct header header;
	int err = receive(conn, &header, sizeof(header), deadline);

	if (err)
		return err;
	if (header.request != request || !(header.flags & IS_REPLY) || header.size != size)
		return lost(conn, -EPROTO, "the process at the other end answers what it was not asked");
	return receive(conn, payload, size, deadline);
}

int vhost_conn_send(struct vhost_conn *conn, enum vhost_request request, const union vhost_payload *payload,
		    size_t size, const int *fds, unsigned n_fds)
{
	struct deadline deadline = deadline_in_us(vhost_patience_ms * 1000ull);
	struct header header = {
		.request = request,
		.flags = VERSION | (conn->acks ? NEEDS_REPLY : 0),
		.size = (uint32_t)size,
	};
	union vhost_payload reply;
	int err = transmit(conn, &header, payload, fds, n_fds, &deadline);

	if (err || !conn->acks)
		return err;
	err = receive_reply(conn, request, &reply, sizeof(reply.u64), &deadline);
	if (err)
		return err;
	return reply.u64 ? lost(conn, -EIO, "the process at the other end refuses what it was told") : 0;
}

int vhost_conn_get(struct vhost_conn *conn, enum vhost_request request, union vhost_payload *payload, size_t size)
{
	struct deadline deadline = deadline_in_us(vhost_patience_ms * 1000ull);
	/* The only question that has a payload is the one for the base of a ring. */
	struct header header = {
		.request = request,
		.flags = VERSION,
		.size = request == VHOST_GET_VRING_BASE ? (uint32_t)size : 0,
	};
	int err = transmit(conn, &header, payload, NULL, 0, &deadline);

	return err ? err : receive_reply(conn, request, payload, size, &deadline);
}

int vhost_conn_send_u64(struct vhost_conn *conn, enum vhost_request request, uint64_t value)
{
	union vhost_payload p = {.u64 = value};

	return vhost_conn_send(conn, request, &p, sizeof(p.u64), NULL, 0);
}
