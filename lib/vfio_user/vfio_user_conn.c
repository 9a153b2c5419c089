// SPDX-License-Identifier: BSD-2-Clause
/*
 * A connection: one request and its reply at a time, until a deadline. The stream has no marks to find the next message
 * by, so a peer that is too slow or wrong once cannot be understood any more, and is given up.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vfio_user_conn.h"

#define MAX_ERRNO 4095
/* A server that is awake answers sooner than it takes to fall asleep and wake up again. */
#define SPIN_NS 20000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

__attribute__((format(printf, 3, 4))) static int give_up(struct vfio_user_conn *conn, int err, const char *fmt, ...)
{
	va_list ap;

	if (conn->lost)
		return err;
	va_start(ap, fmt);
	vsnprintf(conn->why, sizeof(conn->why), fmt, ap);
	va_end(ap);
	conn->lost = true;
	return err;
}

static int gone(struct vfio_user_conn *conn, int err)
{
	if (err == 0 || err == -EPIPE || err == -ECONNRESET)
		return give_up(conn, -ENODEV, "closed the connection");
	return give_up(conn, -ENODEV, "cannot be reached any more: %s", strerror(-err));
}

/* Until the socket is ready for @events. */
static int wait_ready(struct vfio_user_conn *conn, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = conn->sock, .events = events};

	for (;;) {
		uint64_t now = now_ms();
		int n = poll(&p, 1, now < deadline ? (int)(deadline - now) : 0);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return gone(conn, -errno);
		if (now >= deadline)
			return give_up(conn, -ETIMEDOUT, "did not answer for %u ms", conn->timeout_ms);
	}
}

/* Drop @n bytes from the front. */
static void advance(struct iovec *iov, unsigned n_iov, size_t n)
{
	for (unsigned i = 0; i < n_iov && n > 0; i++) {
		size_t part = n < iov[i].iov_len ? n : iov[i].iov_len;

		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		n -= part;
	}
}

static int send_all(struct vfio_user_conn *conn, struct iovec *iov, unsigned n_iov, const int *fds, unsigned n_fds,
		    uint64_t deadline)
{
	size_t left = 0;

	for (unsigned i = 0; i < n_iov; i++)
		left += iov[i].iov_len;
	while (left > 0) {
		ssize_t n = vfio_user_sock_send(conn->sock, iov, n_iov, fds, n_fds, MSG_DONTWAIT);
		int err;

		if (n > 0) {
			/* Descriptors go with the first byte. */
			n_fds = 0;
			left -= (size_t)n;
			advance(iov, n_iov, (size_t)n);
		} else if (n == -EAGAIN) {
			err = wait_ready(conn, POLLOUT, deadline);
			if (err)
				return err;
		} else if (n == -EBADF || n == -ETOOMANYREFS) {
			/* The caller's descriptors; nothing was sent. */
			return (int)n;
		} else {
			return gone(conn, (int)n);
		}
	}
	return 0;
}

static int recv_all(struct vfio_user_conn *conn, void *buf, size_t len, struct vfio_user_fds *fds, uint64_t deadline)
{
	uint64_t spin_until = now_ns() + SPIN_NS;

	while (len > 0) {
		ssize_t n = vfio_user_sock_recv(conn->sock, buf, len, MSG_DONTWAIT, fds);
		int err;

		if (n > 0) {
			len -= (size_t)n;
			buf = (char *)buf + n;
		} else if (n == -EAGAIN && now_ns() < spin_until) {
			continue;
		} else if (n == -EAGAIN) {
			err = wait_ready(conn, POLLIN, deadline);
			if (err)
				return err;
		} else {
			return gone(conn, (int)n);
		}
	}
	return 0;
}

static int skip(struct vfio_user_conn *conn, size_t len, struct vfio_user_fds *fds, uint64_t deadline)
{
	char buf[512];

	while (len > 0) {
		size_t n = len < sizeof(buf) ? len : sizeof(buf);
		int err = recv_all(conn, buf, n, fds, deadline);

		if (err)
			return err;
		len -= n;
	}
	return 0;
}

/*
 * A command of the server's, while we wait: it wants to reach memory by messages. Nobody would answer it between two
 * calls of ours, so that is refused; all memory that we map comes with a descriptor.
 */
static int refuse_command(struct vfio_user_conn *conn, const struct vfio_user_header *command, uint64_t deadline)
{
	struct vfio_user_header reply = {
		.id = command->id,
		.command = command->command,
		.size = sizeof(reply),
		.flags = VFIO_USER_REPLY | VFIO_USER_ERROR,
		.error = EOPNOTSUPP,
	};
	struct iovec iov = {.iov_base = &reply, .iov_len = sizeof(reply)};
	struct vfio_user_fds fds = {0};
	int err;

	err = skip(conn, command->size - sizeof(*command), &fds, deadline);
	vfio_user_fds_close(&fds);
	if (err || command->flags & VFIO_USER_NO_REPLY)
		return err;
	return send_all(conn, &iov, 1, NULL, 0, deadline);
}

/* The header of the reply to @id; the server's own commands before it are refused. */
static int recv_header(struct vfio_user_conn *conn, uint16_t id, uint16_t command, struct vfio_user_header *ret_head,
		       struct vfio_user_fds *fds, uint64_t deadline)
{
	for (;;) {
		int err = recv_all(conn, ret_head, sizeof(*ret_head), fds, deadline);

		if (err)
			return err;
		if (ret_head->size < sizeof(*ret_head))
			return give_up(conn, -ENODEV, "sent a message of %u bytes, less than a header", ret_head->size);
		if ((ret_head->flags & VFIO_USER_TYPE_MASK) == VFIO_USER_REPLY)
			break;
		if ((ret_head->flags & VFIO_USER_TYPE_MASK) != VFIO_USER_COMMAND)
			return give_up(conn, -ENODEV, "sent a message of unknown type %u",
				       ret_head->flags & VFIO_USER_TYPE_MASK);
		vfio_user_fds_close(fds);
		err = refuse_command(conn, ret_head, deadline);
		if (err)
			return err;
		/* A server that asks without an end would otherwise keep us for ever without being slow. */
		if (now_ms() >= deadline)
			return give_up(conn, -ETIMEDOUT, "did not answer for %u ms", conn->timeout_ms);
	}
	if (ret_head->id != id || ret_head->command != command)
		return give_up(conn, -ENODEV, "answered command %u (%u) with a reply to %u (%u)", command, id,
			       ret_head->command, ret_head->id);
	return 0;
}

/* What the server says went wrong; an error without an errno is one as well. */
static int server_error(const struct vfio_user_header *head)
{
	return head->error > 0 && head->error <= MAX_ERRNO ? -(int)head->error : -EIO;
}

static int recv_payload(struct vfio_user_conn *conn, const struct vfio_user_header *head, struct vfio_user_call *call,
			uint64_t deadline)
{
	size_t len = head->size - sizeof(*head);
	int err;

	if (len < call->reply_head_len || len - call->reply_head_len > call->max_reply_data)
		return give_up(conn, -ENODEV, "answered command %u with %zu bytes, which does not fit",
			       (unsigned)call->command, len);
	err = recv_all(conn, call->reply_head, call->reply_head_len, &call->reply_fds, deadline);
	if (err)
		return err;
	call->reply_data_len = len - call->reply_head_len;
	return recv_all(conn, call->reply_data, call->reply_data_len, &call->reply_fds, deadline);
}

static int recv_reply(struct vfio_user_conn *conn, uint16_t id, struct vfio_user_call *call, uint64_t deadline)
{
	struct vfio_user_header head = {0};
	int err;

	err = recv_header(conn, id, (uint16_t)call->command, &head, &call->reply_fds, deadline);
	if (err)
		return err;
	if (head.flags & VFIO_USER_ERROR) {
		err = skip(conn, head.size - sizeof(head), &call->reply_fds, deadline);
		return err ? err : server_error(&head);
	}
	err = recv_payload(conn, &head, call, deadline);
	if (err)
		return err;
	if (call->reply_fds.lost || call->reply_fds.n > call->max_reply_fds)
		return give_up(conn, -ENODEV, "sent descriptors that nobody asked for, or more than fit here");
	return 0;
}

static int send_call(struct vfio_user_conn *conn, struct vfio_user_call *call, uint64_t deadline)
{
	struct vfio_user_header head = {
		.id = conn->next_id++,
		.command = (uint16_t)call->command,
		.size = (uint32_t)(sizeof(head) + call->head_len + call->data_len),
		.flags = VFIO_USER_COMMAND | (call->posted ? VFIO_USER_NO_REPLY : 0),
	};
	struct iovec iov[3] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = (void *)(uintptr_t)call->head, .iov_len = call->head_len},
		{.iov_base = (void *)(uintptr_t)call->data, .iov_len = call->data_len},
	};
	int err;

	err = send_all(conn, iov, 3, call->fds, call->n_fds, deadline);
	if (err || call->posted)
		return err;
	return recv_reply(conn, head.id, call, deadline);
}

/* Writes that were held, in their order. */
static int send_held(struct vfio_user_conn *conn, uint64_t deadline)
{
	const struct vfio_user_write_multi head = {.n_writes = conn->n_held};
	struct vfio_user_call call = {
		.command = VFIO_USER_REGION_WRITE_MULTI,
		.posted = true,
		.head = &head,
		.head_len = sizeof(head),
		.data = conn->held,
		.data_len = conn->n_held * sizeof(conn->held[0]),
	};

	if (conn->n_held == 0)
		return 0;
	conn->n_held = 0;
	return send_call(conn, &call, deadline);
}

static int call_locked(struct vfio_user_conn *conn, struct vfio_user_call *call)
{
	uint64_t deadline = now_ms() + conn->timeout_ms;
	int err;

	if (conn->lost)
		return -ENODEV;
	err = send_held(conn, deadline);
	return err ? err : send_call(conn, call, deadline);
}

int vfio_user_call(struct vfio_user_conn *conn, struct vfio_user_call *call)
{
	int err;

	call->reply_fds = (struct vfio_user_fds){0};
	call->reply_data_len = 0;
	pthread_mutex_lock(&conn->lock);
	err = call_locked(conn, call);
	pthread_mutex_unlock(&conn->lock);
	if (err)
		vfio_user_fds_close(&call->reply_fds);
	return err;
}

bool vfio_user_keep(struct vfio_user_conn *conn, const struct vfio_user_region_access *access, const void *data)
{
	struct vfio_user_multi_write *write;
	bool kept;

	pthread_mutex_lock(&conn->lock);
	kept = conn->holding && !conn->lost && access->count <= sizeof(write->data);
	if (kept && conn->n_held == VFIO_USER_MAX_HELD)
		kept = !send_held(conn, now_ms() + conn->timeout_ms);
	if (kept) {
		write = &conn->held[conn->n_held++];
		write->access = *access;
		write->data = 0;
		memcpy(&write->data, data, access->count);
	}
	pthread_mutex_unlock(&conn->lock);
	return kept;
}

void vfio_user_conn_hold(struct vfio_user_conn *conn)
{
	pthread_mutex_lock(&conn->lock);
	conn->holding = conn->peer.write_multiple;
	pthread_mutex_unlock(&conn->lock);
}

int vfio_user_conn_release(struct vfio_user_conn *conn)
{
	int err;

	pthread_mutex_lock(&conn->lock);
	err = conn->lost ? -ENODEV : send_held(conn, now_ms() + conn->timeout_ms);
	conn->holding = false;
	pthread_mutex_unlock(&conn->lock);
	return err;
}

/* What we say of ourselves; the server's text may be longer than what we know of it. */
static int negotiate(struct vfio_user_conn *conn)
{
	const struct vfio_user_version ours = {.major = VFIO_USER_MAJOR, .minor = VFIO_USER_MINOR};
	const struct vfio_user_caps caps = {
		.max_msg_fds = VFIO_USER_SAY_FDS,
		.max_data_xfer_size = VFIO_USER_DEFAULT_DATA_XFER,
		.max_dma_maps = VFIO_USER_DEFAULT_DMA_MAPS,
		.pgsizes = VFIO_USER_DEFAULT_PGSIZES,
		.write_multiple = true,
	};
	struct vfio_user_version theirs = {0};
	char text[256], answer[4096];
	struct vfio_user_call call = {
		.command = VFIO_USER_VERSION,
		.head = &ours,
		.head_len = sizeof(ours),
		.data = text,
		.reply_head = &theirs,
		.reply_head_len = sizeof(theirs),
		.reply_data = answer,
		.max_reply_data = sizeof(answer),
	};
	int err;

	call.data_len = (size_t)vfio_user_caps_print(&caps, text, sizeof(text));
	err = vfio_user_call(conn, &call);
	if (err && !conn->lost)
		return give_up(conn, -EPROTONOSUPPORT, "refuses version %u.%u of the protocol: %s", ours.major,
			       ours.minor, strerror(-err));
	if (err)
		return err;
	if (theirs.major != ours.major || theirs.minor > ours.minor)
		return give_up(conn, -EPROTONOSUPPORT, "speaks version %u.%u of the protocol, not %u.%u", theirs.major,
			       theirs.minor, ours.major, ours.minor);
	if (call.reply_data_len && vfio_user_caps_parse(answer, call.reply_data_len, &conn->peer))
		return give_up(conn, -ENODEV, "describes itself with a text that is no JSON of the protocol's");
	if (conn->peer.max_data_xfer_size == 0)
		return give_up(conn, -ENODEV, "says that it can transfer no bytes at all");
	return 0;
}

int vfio_user_conn_open(struct vfio_user_conn *conn, int sock, unsigned timeout_ms)
{
	int err;

	memset(conn, 0, sizeof(*conn));
	conn->sock = sock;
	conn->timeout_ms = timeout_ms ? timeout_ms : VFIO_USER_TIMEOUT_MS;
	pthread_mutex_init(&conn->lock, NULL);
	vfio_user_caps_default(&conn->peer);
	err = negotiate(conn);
	if (err)
		vfio_user_conn_close(conn);
	return err;
}

void vfio_user_conn_close(struct vfio_user_conn *conn)
{
	if (conn->sock >= 0) {
		close(conn->sock);
		pthread_mutex_destroy(&conn->lock);
	}
	conn->sock = -1;
}

const char *vfio_user_conn_why(struct vfio_user_conn *conn)
{
	const char *why;

	/* After a failed open nobody else is there, and no lock either. */
	if (conn->sock < 0)
		return conn->lost ? conn->why : NULL;
	pthread_mutex_lock(&conn->lock);
	why = conn->lost ? conn->why : NULL; /* never changes again */
	pthread_mutex_unlock(&conn->lock);
	return why;
}
