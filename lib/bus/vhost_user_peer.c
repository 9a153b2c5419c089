// SPDX-License-Identifier: BSD-2-Clause
/*
 * The process at the other end of a vhost-user socket: found or waited for, asked what it can do, and looked for again when it has
 * gone.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#include <vireo/driver.h>

#include "deadline.h"
#include "vhost_user.h"

unsigned vhost_first_wait_ms = 10000;

/* While a port is opened and the process has no room for one more who waits. */
#define CONNECT_EVERY_MS 10

#define FEATURE(bit) (1ull << (bit))
/*
 * What a process offers and only a hypervisor could use: migration, an IOMMU of the guest's, announcing a guest that has
 * moved; and what we do in its place.
 */
#define NOT_FOR_US                                                                                                     \
	(VHOST_F_PROTOCOL_FEATURES | FEATURE(26) /* log */ | FEATURE(VIRTIO_F_ACCESS_PLATFORM) |                       \
	 FEATURE(VIRTIO_NET_F_GUEST_ANNOUNCE) | FEATURE(VIRTIO_NET_F_MAC) | FEATURE(VIRTIO_NET_F_MTU) |                \
	 FEATURE(VIRTIO_NET_F_STATUS) | FEATURE(VIRTIO_NET_F_MQ) | FEATURE(VIRTIO_NET_F_CTRL_VQ) |                     \
	 FEATURE(VIRTIO_NET_F_CTRL_RX) | FEATURE(VIRTIO_NET_F_CTRL_VLAN) | FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR) |       \
	 FEATURE(VIRTIO_NET_F_SPEED_DUPLEX))

/* --- what it can do ------------------------------------------------------------------------------------------------- */

static int agree_on_protocol(struct vhost *v, unsigned *ret_max_pairs)
{
	union vhost_payload p = {0};
	uint64_t wanted = VHOST_PROTOCOL_F_MQ | VHOST_PROTOCOL_F_REPLY_ACK;
	int err;

	err = vhost_conn_get(&v->conn, VHOST_GET_PROTOCOL_FEATURES, &p, sizeof(p.u64));
	if (err)
		return err;
	v->protocol = p.u64 & wanted;
	err = vhost_conn_send_u64(&v->conn, VHOST_SET_PROTOCOL_FEATURES, v->protocol);
	if (err)
		return err;
	v->conn.acks = v->protocol & VHOST_PROTOCOL_F_REPLY_ACK;
	if (!(v->protocol & VHOST_PROTOCOL_F_MQ))
		return 0;
	err = vhost_conn_get(&v->conn, VHOST_GET_QUEUE_NUM, &p, sizeof(p.u64));
	if (!err && p.u64)
		*ret_max_pairs = p.u64 < VHOST_MAX_PAIRS ? (unsigned)p.u64 : VHOST_MAX_PAIRS;
	return err;
}

/* Only what the driver uses counts: it has read once what there is, and keeps to what it accepted. */
static int check_suits(struct vhost *v, uint64_t features, unsigned max_pairs)
{
	uint64_t missing = v->needed & ~features;

	if (!missing && max_pairs >= v->needed_pairs)
		return 0;
	vhost_conn_close(&v->conn);
	if (missing)
		return vireo_error(-EPROTO,
				   "%s: the new process can do less than the one before: it lacks features %#llx, which "
				   "are in use; start it as that one was, or open the port again",
				   v->name, (unsigned long long)missing);
	return vireo_error(-EPROTO,
			   "%s: the new process can do less than the one before: it has %u pairs of queues, and %u are "
			   "in use; start it as that one was, or open the port again",
			   v->name, max_pairs, v->needed_pairs);
}

/* Get to know the process that is there now. */
static int shake_hands(struct vhost *v)
{
	union vhost_payload p = {0};
	unsigned max_pairs = 1;
	uint64_t features;
	int err;

	v->conn.acks = false;
	err = vhost_conn_get(&v->conn, VHOST_GET_FEATURES, &p, sizeof(p.u64));
	if (err)
		return err;
	features = p.u64;
	v->protocol = 0;
	if (features & VHOST_F_PROTOCOL_FEATURES)
		err = agree_on_protocol(v, &max_pairs);
	if (!err)
		err = vhost_conn_send(&v->conn, VHOST_SET_OWNER, &p, 0, NULL, 0);
	if (err)
		return err;
	if (v->attached) {
		err = check_suits(v, features, max_pairs);
		if (err)
			return err;
	}
	v->features = features & ~(NOT_FOR_US | v->unwanted);
	if (!v->attached) {
		v->needed = v->features;
		v->max_pairs = v->needed_pairs = max_pairs;
	}
	return 0;
}

/* --- the first ------------------------------------------------------------------------------------------------------ */

/* -EAGAIN when as many wait already as the process wants: it hangs, or has much to do. Waiting there has no end. */
static int connect_to(struct vhost *v)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	strcpy(addr.sun_path, v->path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		close(fd);
		return err;
	}
	return vhost_conn_open(&v->conn, fd);
}

static int accept_one(struct vhost *v, int wait_ms)
{
	struct pollfd p = {.fd = v->listen_fd, .events = POLLIN};
	int n = poll(&p, 1, wait_ms), fd;

	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	fd = accept4(v->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	return fd < 0 ? -errno : vhost_conn_open(&v->conn, fd);
}

/* A socket that nobody listens on is left over from a process that was killed. */
static int remove_stale(struct vhost *v)
{
	struct stat st;
	int err;

	if (lstat(v->path, &st) || !S_ISSOCK(st.st_mode))
		return vireo_error(-EBUSY, "%s exists and is no socket; choose another path", v->path);
	err = connect_to(v);
	vhost_conn_close(&v->conn);
	if (err != -ECONNREFUSED)
		return vireo_error(-EBUSY, "somebody listens on %s already; choose another path, or end that process",
				   v->path);
	return unlink(v->path) ? vireo_error(-errno, "%s: cannot remove what an earlier process left: %m", v->path) : 0;
}

static int bind_to_path(struct vhost *v)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err;

	strcpy(addr.sun_path, v->path);
	if (bind(v->listen_fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (errno != EADDRINUSE)
			return vireo_error(-errno, "cannot listen on %s: %m", v->path);
		err = remove_stale(v);
		if (err)
			return err;
		if (bind(v->listen_fd, (struct sockaddr *)&addr, sizeof(addr)))
			return vireo_error(-errno, "cannot listen on %s: %m", v->path);
	}
	v->bound = true;
	return 0;
}

static int listen_on(struct vhost *v)
{
	int err;

	v->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (v->listen_fd < 0)
		return vireo_error(-errno, "cannot make a socket: %m");
	err = bind_to_path(v);
	if (err)
		return err;
	return listen(v->listen_fd, 1) ? vireo_error(-errno, "cannot listen on %s: %m", v->path) : 0;
}

/* Why nobody was reached, in words; the error again. */
static int explain(const struct vhost *v, int err)
{
	if (v->server)
		return vireo_error(err, "waiting on %s: %s", v->path, strerror(-err));
	if (err == -ENOENT || err == -ECONNREFUSED)
		return vireo_error(-ENOENT,
				   "nobody listens on %s; start the other process first, or have it connect to us with "
				   "vhost-user:%s,server",
				   v->path, v->path);
	if (err == -EACCES)
		return vireo_error(err, "no permission to connect to %s; it needs write permission for you", v->path);
	if (err == -EAGAIN)
		return vireo_error(-ETIMEDOUT, "%s: the process at the other end does not answer", v->name);
	return vireo_error(err, "cannot connect to %s: %s", v->path, strerror(-err));
}

static int accept_until(struct vhost *v, const struct deadline *deadline)
{
	int err;

	do {
		err = accept_one(v, deadline_left_ms(deadline));
	} while (err == -EINTR);
	if (err == -ETIMEDOUT)
		return vireo_error(err, "nobody connected to %s and stayed within %u s", v->path,
				   vhost_first_wait_ms / 1000);
	return err ? explain(v, err) : 0;
}

/* One that hangs up only looked whether somebody listens, or died too early; the next may stay. */
static int serve_first(struct vhost *v)
{
	struct deadline deadline;
	int err = listen_on(v);

	if (err)
		return err;
	vireo_log(VIREO_LOG_INFO, "%s: waiting for a process to connect", v->name);
	deadline = deadline_in_us(vhost_first_wait_ms * 1000ull);
	do {
		err = accept_until(v, &deadline);
		if (!err)
			err = shake_hands(v);
	} while (err == -ENOTCONN && !deadline_passed(&deadline));
	return err;
}

static int connect_until(struct vhost *v, const struct deadline *deadline)
{
	int err;

	while ((err = connect_to(v)) == -EAGAIN && !deadline_passed(deadline))
		poll(NULL, 0, CONNECT_EVERY_MS);
	return err;
}

static int connect_first(struct vhost *v)
{
	struct deadline deadline = deadline_in_us(vhost_patience_ms * 1000ull);
	int err = connect_until(v, &deadline);

	return err ? explain(v, err) : shake_hands(v);
}

int vhost_find_first(struct vhost *v)
{
	return v->server ? serve_first(v) : connect_first(v);
}

/* --- the next ------------------------------------------------------------------------------------------------------- */

/* The driver sees no more than a link that is down, so the reason has to be said; at every look would be too often. */
static void complain(struct vhost *v)
{
	if (!strncmp(v->complaint, vireo_last_error(), sizeof(v->complaint) - 1))
		return;
	snprintf(v->complaint, sizeof(v->complaint), "%s", vireo_last_error());
	vireo_log(VIREO_LOG_WARN, "%s", v->complaint);
}

/* As it is most of the time. */
static bool is_nobody(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED || err == -EAGAIN || err == -ETIMEDOUT || err == -EINTR;
}

void vhost_look(struct vhost *v)
{
	uint64_t now = deadline_now_us();
	int err;

	if (v->conn.fd >= 0 && !vhost_conn_is_lost(&v->conn))
		return;
	if (v->conn.fd >= 0) {
		vireo_log(VIREO_LOG_WARN, "%s: the process at the other end is gone; waiting for the next", v->name);
		vhost_conn_close(&v->conn);
	}
	v->running = false;
	v->link_up = false;
	if (now < v->next_try_us)
		return;
	v->next_try_us = now + VHOST_TRY_EVERY_US;
	vhost_conn_retry(&v->conn);
	err = v->server ? accept_one(v, 0) : connect_to(v);
	if (is_nobody(err))
		return;
	if (err ? explain(v, err) : shake_hands(v)) {
		complain(v);
		return;
	}
	v->complaint[0] = '\0';
	vireo_log(VIREO_LOG_INFO, "%s: a process is there again", v->name);
	if (v->regs.status & VIRTIO_CONFIG_S_DRIVER_OK)
		v->regs.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
}
