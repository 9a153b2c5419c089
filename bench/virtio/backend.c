// SPDX-License-Identifier: BSD-2-Clause
#include "backend.h"

#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#define MAX_MAPS  8
#define N_QUEUES  2
#define HDR_LEN	  sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define TURN_BITS (1u << VRING_PACKED_DESC_F_AVAIL | 1u << VRING_PACKED_DESC_F_USED)

#define F_PROTOCOL (1ull << 30)
#define NEED_REPLY 0x8
#define REPLY	   (0x1 | 0x4)

/* The messages that matter, by their numbers in the protocol. */
enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	GET_QUEUE_NUM = 17,
};

struct message {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct {
			uint32_t index, num;
		} state;
		struct {
			uint32_t index, flags;
			uint64_t desc, used, avail, log;
		} addr;
		struct {
			uint32_t n, padding;
			struct {
				uint64_t iova, size, user, offset;
			} regions[MAX_MAPS];
		} memory;
	};
} __attribute__((packed));

struct map {
	uint64_t iova, size, user;
	uint8_t *va;
};

struct queue {
	uint32_t size;
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *places;
	};
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next;  /* split: heads; packed: places; without end */
	atomic_bool ready;
};

struct backend {
	int listen_fd, fd;
	uint64_t offered, accepted;
	unsigned n_maps;
	struct map maps[MAX_MAPS];
	struct queue queues[N_QUEUES];
};

/* --- messages ----------------------------------------------------------------------------------------------------- */

static void *at_user(const struct backend *b, uint64_t user)
{
	for (unsigned i = 0; i < b->n_maps; i++)
		if (user - b->maps[i].user < b->maps[i].size)
			return b->maps[i].va + (user - b->maps[i].user);
	errx(1, "a ring outside of the shared memory");
}

static void map_memory(struct backend *b, const struct message *m, const int *fds)
{
	for (unsigned i = 0; i < m->memory.n && i < MAX_MAPS; i++) {
		uint64_t size = m->memory.regions[i].offset + m->memory.regions[i].size;
		uint8_t *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fds[i], 0);

		if (base == MAP_FAILED)
			err(1, "cannot map what the driver shares");
		b->maps[i] = (struct map){
			.iova = m->memory.regions[i].iova,
			.size = m->memory.regions[i].size,
			.user = m->memory.regions[i].user,
			.va = base + m->memory.regions[i].offset,
		};
	}
	b->n_maps = m->memory.n;
}

static void answer(struct backend *b, const struct message *m, uint64_t value)
{
	struct message reply = {.request = m->request, .flags = REPLY, .size = sizeof(value), .u64 = value};

	if (m->request == GET_VRING_BASE)
		reply.state.index = m->state.index, reply.state.num = (uint32_t)value;
	if (write(b->fd, &reply, 12 + sizeof(value)) < 0)
		err(1, "the driver went away");
}

static void set_addresses(struct backend *b, const struct message *m)
{
	struct queue *q = &b->queues[m->addr.index % N_QUEUES];

	q->desc = at_user(b, m->addr.desc);
	q->avail = at_user(b, m->addr.avail);
	q->used = at_user(b, m->addr.used);
	/* Nobody needs to be woken here. */
	if (b->accepted & BACKEND_PACKED)
		((struct vring_packed_desc_event *)q->used)->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	else
		q->used->flags = VRING_USED_F_NO_NOTIFY;
}

static void handle(struct backend *b, const struct message *m, const int *fds)
{
	struct queue *q = &b->queues[m->state.index % N_QUEUES];

	switch (m->request) {
	case GET_FEATURES:
		answer(b, m, b->offered);
		return;
	case GET_PROTOCOL_FEATURES:
		answer(b, m, 1 << 3); /* acknowledgements */
		return;
	case GET_QUEUE_NUM:
		answer(b, m, 1);
		return;
	case GET_VRING_BASE:
		q->ready = false;
		answer(b, m, q->next);
		return;
	case SET_FEATURES:
		b->accepted = m->u64;
		break;
	case SET_MEM_TABLE:
		map_memory(b, m, fds);
		break;
	case SET_VRING_NUM:
		q->size = m->state.num;
		break;
	case SET_VRING_ADDR:
		set_addresses(b, m);
		break;
	case SET_VRING_BASE:
		q->next = 0;
		break;
	case SET_VRING_KICK:
		b->queues[(m->u64 & 0xff) % N_QUEUES].ready = true;
		break;
	default: /* what does not concern the rings */
		break;
	}
	if (m->flags & NEED_REPLY)
		answer(b, m, 0);
}

static bool receive(struct backend *b, struct message *m, int fds[MAX_MAPS])
{
	union {
		char buf[CMSG_SPACE(MAX_MAPS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {m, 12};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c;

	memset(m, 0, sizeof(*m));
	if (recvmsg(b->fd, &msg, MSG_WAITALL) != 12)
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c)
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if (m->size > sizeof(m->memory))
		errx(1, "message %u of %u bytes", m->request, m->size);
	return !m->size || recv(b->fd, &m->u64, m->size, MSG_WAITALL) == (ssize_t)m->size;
}

static void *serve(void *arg)
{
	struct backend *b = arg;
	struct message m;
	int fds[MAX_MAPS];

	b->fd = accept(b->listen_fd, NULL, NULL);
	while (b->fd >= 0 && receive(b, &m, fds))
		handle(b, &m, fds);
	return NULL;
}

struct backend *backend_start(const char *path, uint64_t features)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct backend *b = calloc(1, sizeof(*b));
	pthread_t thread;

	if (!b || strlen(path) >= sizeof(addr.sun_path))
		errx(1, "no memory, or a path that is too long");
	b->offered = features | 1ull << VIRTIO_F_VERSION_1 | F_PROTOCOL;
	strcpy(addr.sun_path, path);
	unlink(path);
	b->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(b->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(b->listen_fd, 1) ||
	    pthread_create(&thread, NULL, serve, b))
		err(1, "cannot listen on %s", path);
	return b;
}

void backend_wait(struct backend *b)
{
	for (unsigned i = 0; i < 10000; i++) {
		if (b->queues[0].ready && b->queues[1].ready)
			return;
		usleep(1000);
	}
	errx(1, "the driver has not handed over its rings");
}

/* --- rings -------------------------------------------------------------------------------------------------------- */

static uint8_t *at_iova(const struct backend *b, uint64_t iova)
{
	for (unsigned i = 0; i < b->n_maps; i++)
		if (iova - b->maps[i].iova < b->maps[i].size)
			return b->maps[i].va + (iova - b->maps[i].iova);
	errx(1, "a buffer outside of the shared memory");
}

/* Whose turn a place is: both bits are the wrap counter when it is used, and differ when it is available. */
static uint16_t turn(const struct queue *q, uint16_t place, bool used)
{
	bool wrap = !(place / q->size % 2);

	return (uint16_t)(wrap << VRING_PACKED_DESC_F_AVAIL | (used ? wrap : !wrap) << VRING_PACKED_DESC_F_USED);
}

static bool is_available(const struct queue *q, uint16_t place)
{
	uint16_t flags = __atomic_load_n(&q->places[place % q->size].flags, __ATOMIC_ACQUIRE);

	return (flags & TURN_BITS) == turn(q, place, false);
}

/* A UDP packet, as far as anybody looks, behind a header that says nothing but that it is one buffer. */
static void write_frame(const struct backend *b, uint8_t *at, unsigned len)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = {.num_buffers = 1};

	memcpy(at, &hdr, sizeof(hdr));
	at += sizeof(hdr);
	memset(at, 0x5a, len);
	at[12] = 0x08;
	at[13] = 0;
	at[14] = 0x45;
}

static void receive_split(struct backend *b, struct queue *q, unsigned n, unsigned len)
{
	uint16_t there = (uint16_t)(__atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) - q->next);

	if (n > there)
		errx(1, "the driver has given %u receive buffers, %u are needed", there, n);
	for (unsigned i = 0; i < n; i++, q->next++) {
		uint16_t id = q->avail->ring[q->next % q->size];

		write_frame(b, at_iova(b, q->desc[id].addr), len);
		q->used->ring[q->next % q->size] = (struct vring_used_elem){id, len + (uint32_t)HDR_LEN};
	}
	__atomic_store_n(&q->used->idx, q->next, __ATOMIC_RELEASE);
}

static void receive_packed(struct backend *b, struct queue *q, unsigned n, unsigned len)
{
	for (unsigned i = 0; i < n; i++, q->next++) {
		struct vring_packed_desc *d = &q->places[q->next % q->size];

		if (!is_available(q, q->next))
			errx(1, "the driver has given %u receive buffers, %u are needed", i, n);
		write_frame(b, at_iova(b, d->addr), len);
		d->len = len + (uint32_t)HDR_LEN;
		__atomic_store_n(&d->flags, turn(q, q->next, true) | VRING_DESC_F_WRITE, __ATOMIC_RELEASE);
	}
}

bool backend_has_room(const struct backend *b, unsigned n)
{
	const struct queue *q = &b->queues[0];

	if (b->accepted & BACKEND_PACKED)
		return is_available(q, (uint16_t)(q->next + n - 1));
	return (uint16_t)(__atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) - q->next) >= n;
}

void backend_receive(struct backend *b, unsigned n, unsigned len)
{
	if (b->accepted & BACKEND_PACKED)
		receive_packed(b, &b->queues[0], n, len);
	else
		receive_split(b, &b->queues[0], n, len);
}

static unsigned send_split(struct queue *q)
{
	uint16_t idx = __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE);
	unsigned n = 0;

	for (; q->next != idx; q->next++, n++)
		q->used->ring[q->next % q->size] = (struct vring_used_elem){q->avail->ring[q->next % q->size], 0};
	__atomic_store_n(&q->used->idx, idx, __ATOMIC_RELEASE);
	return n;
}

/* A chain is given back at its first place, with the id of its last; in order, all of them at the first. */
static unsigned send_packed(struct queue *q, bool in_order)
{
	uint16_t first = q->next, id = 0;
	unsigned n = 0;

	while (is_available(q, q->next)) {
		uint16_t at = q->next, flags;

		do {
			flags = q->places[q->next % q->size].flags;
			id = q->places[q->next++ % q->size].id;
		} while (flags & VRING_DESC_F_NEXT);
		n++;
		if (in_order)
			continue;
		q->places[at % q->size].id = id;
		__atomic_store_n(&q->places[at % q->size].flags, turn(q, at, true), __ATOMIC_RELEASE);
	}
	if (in_order && n) {
		q->places[first % q->size].id = id;
		__atomic_store_n(&q->places[first % q->size].flags, turn(q, first, true), __ATOMIC_RELEASE);
	}
	return n;
}

unsigned backend_send(struct backend *b)
{
	if (b->accepted & BACKEND_PACKED)
		return send_packed(&b->queues[1], b->accepted & BACKEND_IN_ORDER);
	return send_split(&b->queues[1]);
}
