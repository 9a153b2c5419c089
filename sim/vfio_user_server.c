// SPDX-License-Identifier: BSD-2-Clause
/*
 * The server's socket: who is connected, messages as they come in pieces, replies as they go out in pieces. One reply is
 * on its way at a time, and while it is nothing more is read, so a client that does not read cannot make us hold more
 * than that.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "irq.h"
#include "vfio_user_server.h"

#define MESSAGES_PER_POLL 64

static int epoll_add(const struct sim_server *server, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* Never fails for what is in it. */
static void epoll_change(const struct sim_server *server, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	epoll_ctl(server->epoll, EPOLL_CTL_MOD, fd, &event);
}

int server_watch(struct sim_server *server, enum server_watch which, int fd)
{
	int err = fd >= 0 ? epoll_add(server, fd, EPOLLIN) : 0;

	if (err) {
		close(fd);
		return err;
	}
	if (server->watches[which] >= 0) {
		/* Closing is not enough: the client has the same eventfd open, and the epoll would keep it. */
		epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->watches[which], NULL);
		close(server->watches[which]);
	}
	server->watches[which] = fd;
	return 0;
}

/* Asked before each read: the client decides whether reading its eventfd would block. */
static bool is_signalled(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void poll_watches(struct sim_server *server)
{
	for (unsigned w = 0; w < SERVER_N_WATCHES; w++) {
		int fd = server->watches[w];
		uint64_t count;

		if (fd >= 0 && is_signalled(fd) && read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
			sim_irq_mask(server->dev, VFIO_PCI_INTX_IRQ_INDEX, 0, w == SERVER_WATCH_MASK);
	}
}

static void next_message(struct sim_server *server)
{
	vfio_user_fds_close(&server->in.fds);
	server->in.got = 0;
}

static void no_reply(struct sim_server *server)
{
	server->out.head.size = 0;
	server->out.sent = 0;
	server->out.fd = -1;
}

/* The client has gone, or is sent away: nothing of it stays behind. */
static void drop_client(struct sim_server *server)
{
	struct sim_device *dev = server->dev;

	if (server->sock < 0)
		return;
	close(server->sock);
	server->sock = -1;
	server->agreed = false;
	next_message(server);
	no_reply(server);
	/* The device first, as long as it can reach the memory that it may still hold pointers into. */
	dev->ops->reset(dev);
	sim_dma_clear(&dev->dma);
	for (unsigned i = 0; i < SIM_N_IRQS; i++)
		sim_irq_disable(dev, i);
	for (unsigned w = 0; w < SERVER_N_WATCHES; w++)
		server_watch(server, w, -1);
	if (server->listener >= 0)
		epoll_change(server, server->listener, EPOLLIN);
}

static int take_client(struct sim_server *server, int sock)
{
	int err = epoll_add(server, sock, EPOLLIN);

	if (err) {
		close(sock);
		return err;
	}
	server->sock = sock;
	/* Who comes next waits, and must not wake us. */
	if (server->listener >= 0)
		epoll_change(server, server->listener, 0);
	return 0;
}

static void accept_client(struct sim_server *server)
{
	int sock = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);

	if (sock >= 0)
		take_client(server, sock);
}

/* False when not all of it could be sent now. */
static bool send_reply(struct sim_server *server)
{
	struct server_reply *out = &server->out;

	while (out->head.size > 0) {
		struct iovec iov[2] = {
			{.iov_base = &out->head, .iov_len = sizeof(out->head)},
			{.iov_base = out->payload, .iov_len = out->head.size - sizeof(out->head)},
		};
		size_t skip = out->sent;
		ssize_t n;

		for (unsigned i = 0; i < 2; i++) {
			size_t part = skip < iov[i].iov_len ? skip : iov[i].iov_len;

			iov[i].iov_base = (char *)iov[i].iov_base + part;
			iov[i].iov_len -= part;
			skip -= part;
		}
		n = vfio_user_sock_send(server->sock, iov, 2, &out->fd, out->fd >= 0 && out->sent == 0, MSG_DONTWAIT);
		if (n == -EAGAIN) {
			epoll_change(server, server->sock, EPOLLOUT);
			return false;
		}
		if (n <= 0) {
			drop_client(server);
			return false;
		}
		out->sent += (size_t)n;
		if (out->sent == out->head.size)
			no_reply(server);
	}
	return true;
}

static void make_reply(struct sim_server *server, int err)
{
	const struct vfio_user_header *in = &server->in.head;
	struct server_reply *out = &server->out;

	if (in->flags & VFIO_USER_NO_REPLY) {
		no_reply(server);
		return;
	}
	out->head = (struct vfio_user_header){
		.id = in->id,
		.command = in->command,
		.size = (uint32_t)sizeof(out->head),
		.flags = VFIO_USER_REPLY | (err ? VFIO_USER_ERROR : 0),
		.error = err < 0 ? (uint32_t)-err : 0,
	};
	if (err)
		out->fd = -1;
	else
		out->head.size += (uint32_t)out->len;
	out->sent = 0;
}

/* A message that is complete. What it asks of memory and registers comes after all that the client did before it. */
static void act(struct sim_server *server, uint64_t now_ns)
{
	const struct vfio_user_header *head = &server->in.head;
	uint32_t type = head->flags & VFIO_USER_TYPE_MASK;
	int err = -EINVAL;

	server->out.len = 0;
	server->out.fd = -1;
	/* We ask clients nothing, so a reply answers nothing; a reply to it might be answered in turn. */
	if (type == VFIO_USER_REPLY) {
		next_message(server);
		return;
	}
	if (head->size - sizeof(*head) > SERVER_MAX_PAYLOAD) {
		err = -E2BIG;
	} else if (type == VFIO_USER_COMMAND) {
		if (server->agreed)
			server->dev->ops->sync(server->dev, now_ns);
		err = server_command(server);
	}
	make_reply(server, err);
	next_message(server);
	send_reply(server);
}

/*
 * The next piece of a message: its header, its payload, or what lies behind a payload that is too long to be anything.
 * 1 when the message is complete, 0 when there is no more now, a negative errno when the client has gone.
 */
static int read_piece(struct sim_server *server)
{
	struct server_message *in = &server->in;
	size_t head = sizeof(in->head), at;
	ssize_t n;

	if (in->got < head) {
		n = vfio_user_sock_recv(server->sock, (char *)&in->head + in->got, head - in->got, MSG_DONTWAIT,
					&in->fds);
	} else {
		size_t left = in->head.size - in->got;

		at = in->head.size - head > SERVER_MAX_PAYLOAD ? 0 : in->got - head;
		if (left > SERVER_MAX_PAYLOAD - at)
			left = SERVER_MAX_PAYLOAD - at;
		n = vfio_user_sock_recv(server->sock, in->payload + at, left, MSG_DONTWAIT, &in->fds);
	}
	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return n ? (int)n : -EPIPE;
	in->got += (size_t)n;
	if (in->got < head)
		return 0;
	/* Where the next message begins is not known: say so, and end it. */
	if (in->head.size < head) {
		make_reply(server, -EINVAL);
		send_reply(server);
		return -EPROTO;
	}
	return in->got == in->head.size;
}

static unsigned serve_client(struct sim_server *server, uint64_t now_ns)
{
	unsigned n = 0;

	if (server->out.head.size > 0) {
		if (!send_reply(server))
			return 0;
		epoll_change(server, server->sock, EPOLLIN);
	}
	while (n < MESSAGES_PER_POLL && server->sock >= 0 && server->out.head.size == 0 && !server->dev->dma.torn) {
		size_t before = server->in.got;
		int ret = read_piece(server);

		if (ret < 0) {
			drop_client(server);
		} else if (ret > 0) {
			act(server, now_ns);
			n++;
		} else if (server->in.got == before) {
			break;
		}
	}
	return n;
}

int sim_server_poll(struct sim_server *server, uint64_t now_ns)
{
	unsigned n;

	if (server->sock < 0 && server->listener >= 0)
		accept_client(server);
	if (server->sock < 0)
		return server->listener < 0 ? -EPIPE : 0;
	poll_watches(server);
	n = serve_client(server, now_ns);
	if (server->dev->dma.torn)
		drop_client(server);
	if (server->sock < 0 && server->listener < 0)
		return -EPIPE;
	return (int)n;
}

int sim_server_fd(const struct sim_server *server)
{
	return server->epoll;
}

/* What clients map must be ours for as long as they have it. */
static int check_regions(const struct sim_device *dev)
{
	for (unsigned r = 0; r < SIM_N_REGIONS; r++) {
		const struct sim_region *region = &dev->regions[r];
		int seals;

		if (region->n_areas == 0)
			continue;
		seals = fcntl(region->fd, F_GET_SEALS);
		if (region->n_areas > SIM_MAX_AREAS || seals < 0 || !(seals & F_SEAL_SHRINK))
			return -EINVAL;
	}
	return 0;
}

static int server_alloc(struct sim_device *dev, struct sim_server **ret_server)
{
	struct sim_server *server;
	int err = check_regions(dev);

	if (err)
		return err;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->dev = dev;
	server->listener = -1;
	server->sock = -1;
	server->watches[SERVER_WATCH_MASK] = -1;
	server->watches[SERVER_WATCH_UNMASK] = -1;
	no_reply(server);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll < 0) {
		err = -errno;
		free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

/* A socket in the file system that nobody listens on any more. */
static bool is_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	int sock = vfio_user_sock_connect(sa->sun_path);

	if (sock >= 0)
		close(sock);
	return sock == -ECONNREFUSED && lstat(sa->sun_path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int bind_path(int sock, const struct sockaddr_un *sa)
{
	if (bind(sock, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (!is_stale(sa))
		return -EADDRINUSE;
	if (unlink(sa->sun_path) || bind(sock, (const struct sockaddr *)sa, sizeof(*sa)))
		return -errno;
	return 0;
}

static int start_listening(struct sim_server *server, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct stat st;
	int err;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listener < 0)
		return -errno;
	err = bind_path(server->listener, &sa);
	if (err)
		return err;
	strcpy(server->path, path);
	if (lstat(path, &st) == 0) {
		server->path_dev = st.st_dev;
		server->path_ino = st.st_ino;
	}
	if (listen(server->listener, 8))
		return -errno;
	return epoll_add(server, server->listener, EPOLLIN);
}

int sim_server_listen(const char *path, struct sim_device *dev, struct sim_server **ret_server)
{
	struct sim_server *server;
	int err;

	err = server_alloc(dev, &server);
	if (err)
		return err;
	err = start_listening(server, path);
	if (err) {
		sim_server_destroy(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

int sim_server_attach(int fd, struct sim_device *dev, struct sim_server **ret_server)
{
	struct sim_server *server;
	int err;

	err = server_alloc(dev, &server);
	if (err) {
		close(fd);
		return err;
	}
	err = take_client(server, fd);
	if (err) {
		sim_server_destroy(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

/* Only what we made: somebody may have put something else there. */
static void remove_path(const struct sim_server *server)
{
	struct stat st;

	if (server->path[0] && lstat(server->path, &st) == 0 && st.st_dev == server->path_dev &&
	    st.st_ino == server->path_ino)
		unlink(server->path);
}

void sim_server_destroy(struct sim_server *server)
{
	if (!server)
		return;
	remove_path(server);
	if (server->listener >= 0)
		close(server->listener);
	server->listener = -1;
	drop_client(server);
	close(server->epoll);
	free(server);
}
