// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "fake_vhost.h"

#define BIT(n)  (1ull << (n))
#define HDR_LEN 12

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
			} regions[VB_MAX_MAPS];
		} memory;
	};
	int fds[VB_MAX_MAPS];
	unsigned n_fds;
};

/* --- memory and rings --------------------------------------------------------------------------------------------- */

static uint8_t *at_user(struct fake_vhost *vb, uint64_t user)
{
	for (unsigned i = 0; i < vb->n_maps; i++)
		if (user - vb->maps[i].user < vb->maps[i].size)
			return vb->maps[i].va + (user - vb->maps[i].user);
	return NULL;
}

static uint8_t *at_iova(struct fake_vhost *vb, uint64_t iova, uint32_t len)
{
	for (unsigned i = 0; i < vb->n_maps; i++)
		if (iova - vb->maps[i].iova < vb->maps[i].size && len <= vb->maps[i].size - (iova - vb->maps[i].iova))
			return vb->maps[i].va + (iova - vb->maps[i].iova);
	return NULL;
}

static void unmap_all(struct fake_vhost *vb)
{
	for (unsigned i = 0; i < vb->n_maps; i++)
		munmap(vb->maps[i].base, vb->maps[i].base_size);
	vb->n_maps = 0;
}

/* One buffer of a ring: its parts, and how it is given back. */
struct chain {
	uint16_t id, n;
	struct {
		uint8_t *data;
		uint32_t len;
	} parts[32];
};

static bool is_packed(const struct fake_vhost *vb)
{
	return vb->accepted >> VIRTIO_F_RING_PACKED & 1;
}

static void add_part(struct fake_vhost *vb, struct chain *c, uint64_t iova, uint32_t len)
{
	assert_in_range(c->n, 0, 31);
	c->parts[c->n].data = at_iova(vb, iova, len);
	assert_non_null(c->parts[c->n].data);
	c->parts[c->n++].len = len;
}

static bool pop_split(struct fake_vhost *vb, struct vb_queue *q, struct chain *c)
{
	struct vring_avail *avail = (struct vring_avail *)at_user(vb, q->avail);
	const struct vring_desc *table = (const struct vring_desc *)at_user(vb, q->desc);
	uint16_t id;

	if (!avail || __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == q->next_avail)
		return false;
	c->id = id = avail->ring[q->next_avail++ % q->size];
	for (;; id = table[id].next) {
		add_part(vb, c, table[id].addr, table[id].len);
		if (!(table[id].flags & VRING_DESC_F_NEXT))
			return true;
	}
}

/* Bits of a descriptor: both say the wrap counter when it is used, and differ when it is available. */
static uint16_t turn(const struct vb_queue *q, uint16_t place, bool used)
{
	bool wrap = place < q->size;

	return (uint16_t)(wrap << 7 | (used ? wrap : !wrap) << 15);
}

static bool pop_packed(struct fake_vhost *vb, struct vb_queue *q, struct chain *c)
{
	struct vring_packed_desc *ring = (struct vring_packed_desc *)at_user(vb, q->desc);

	for (;;) {
		struct vring_packed_desc *d = &ring[q->next_avail % q->size];
		uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);

		if ((flags & 0x8080) != turn(q, q->next_avail, false)) {
			assert_int_equal(c->n, 0); /* a chain comes as a whole */
			return false;
		}
		add_part(vb, c, d->addr, d->len);
		c->id = d->id;
		q->next_avail = (uint16_t)((q->next_avail + 1) % (2 * q->size));
		if (!(flags & VRING_DESC_F_NEXT))
			return true;
	}
}

static bool pop(struct fake_vhost *vb, struct vb_queue *q, struct chain *c)
{
	c->n = 0;
	return is_packed(vb) ? pop_packed(vb, q, c) : pop_split(vb, q, c);
}

/* Buffers of @places places with one answer, that names the last. */
static bool push_packed(struct fake_vhost *vb, struct vb_queue *q, uint16_t id, uint32_t len, unsigned places)
{
	struct vring_packed_desc *ring = (struct vring_packed_desc *)at_user(vb, q->desc);
	struct vring_packed_desc_event *event = (struct vring_packed_desc_event *)at_user(vb, q->avail);
	struct vring_packed_desc *d = &ring[q->next_used % q->size];

	d->id = id;
	d->len = len;
	__atomic_store_n(&d->flags, turn(q, q->next_used, true), __ATOMIC_RELEASE);
	q->next_used = (uint16_t)((q->next_used + places) % (2 * q->size));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&event->flags, __ATOMIC_RELAXED) != VRING_PACKED_EVENT_FLAG_DISABLE;
}

static bool push_split(struct fake_vhost *vb, struct vb_queue *q, uint16_t id, uint32_t len, unsigned n)
{
	struct vring_used *used = (struct vring_used *)at_user(vb, q->used);
	struct vring_avail *avail = (struct vring_avail *)at_user(vb, q->avail);

	used->ring[q->next_used % q->size] = (struct vring_used_elem){id, len};
	q->next_used = (uint16_t)(q->next_used + n);
	__atomic_store_n(&used->idx, q->next_used, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !(__atomic_load_n(&avail->flags, __ATOMIC_RELAXED) & VRING_AVAIL_F_NO_INTERRUPT);
}

static void push_batch(struct fake_vhost *vb, struct vb_queue *q, uint16_t id, uint32_t len, unsigned n, unsigned places)
{
	bool wants = is_packed(vb) ? push_packed(vb, q, id, len, places) : push_split(vb, q, id, len, n);
	uint64_t one = 1;

	if (wants && q->call_fd >= 0)
		assert_int_equal(write(q->call_fd, &one, sizeof(one)), sizeof(one));
}

static void push(struct fake_vhost *vb, struct vb_queue *q, const struct chain *c, uint32_t len)
{
	push_batch(vb, q, c->id, len, 1, c->n);
}

/* A frame was taken out of a transmit ring: say so, now or with those that follow. */
static void release(struct fake_vhost *vb, struct vb_queue *q, const struct chain *c)
{
	if (!vb->batches) {
		push(vb, q, c, 0);
		return;
	}
	q->held++;
	q->held_places = (uint16_t)(q->held_places + c->n);
	q->held_id = c->id;
}

static void release_held(struct fake_vhost *vb, struct vb_queue *q)
{
	if (q->held)
		push_batch(vb, q, q->held_id, 0, q->held, q->held_places);
	q->held = q->held_places = 0;
}

static uint32_t gather(const struct chain *c, uint8_t *frame, uint32_t room)
{
	uint32_t len = 0;

	for (unsigned i = 0; i < c->n; i++) {
		assert_true(c->parts[i].len <= room - len);
		memcpy(frame + len, c->parts[i].data, c->parts[i].len);
		len += c->parts[i].len;
	}
	return len;
}

static bool loop_one(struct fake_vhost *vb, struct vb_queue *rx, struct vb_queue *tx)
{
	static _Thread_local uint8_t frame[70000];
	struct chain from, to;
	uint32_t len;

	if (!pop(vb, tx, &from)) {
		release_held(vb, tx);
		return false;
	}
	len = gather(&from, frame, sizeof(frame));
	release(vb, tx, &from);
	if (!pop(vb, rx, &to))
		return true;
	assert_int_equal(to.n, 1);
	assert_true(len <= to.parts[0].len);
	memset(frame, 0, HDR_LEN);
	((struct virtio_net_hdr_mrg_rxbuf *)frame)->num_buffers = 1;
	memcpy(to.parts[0].data, frame, len);
	push(vb, rx, &to, len);
	vb->n_looped++;
	return true;
}

static bool runs(const struct vb_queue *q)
{
	return q->running && q->enabled;
}

static bool loop_all(struct fake_vhost *vb)
{
	bool any = false;

	for (unsigned i = 0; i + 1 < VB_MAX_QUEUES; i += 2)
		if (runs(&vb->queues[i]) && runs(&vb->queues[i + 1]))
			any |= loop_one(vb, &vb->queues[i], &vb->queues[i + 1]);
	return any;
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

/* Before the descriptors are there, @ret is filled in as far as it goes; false at the end of the connection. */
static bool receive(struct fake_vhost *vb, struct message *ret)
{
	char control[CMSG_SPACE(sizeof(ret->fds))];
	struct iovec iov = {ret, 12};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	memset(ret, 0, sizeof(*ret));
	if (recvmsg(vb->fd, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL) != 12)
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c) {
		ret->n_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(ret->fds, CMSG_DATA(c), ret->n_fds * sizeof(int));
	}
	assert_true(ret->size <= sizeof(ret->memory));
	return !ret->size || recv(vb->fd, &ret->u64, ret->size, MSG_WAITALL) == (ssize_t)ret->size;
}

static void answer(struct fake_vhost *vb, const struct message *m, uint32_t size)
{
	uint32_t header[3] = {m->request + (vb->fault == VB_WRONG_REPLY), 0x1 | 0x4, size};
	uint8_t reply[12 + sizeof(m->memory)];

	if (vb->fault == VB_SILENT)
		return;
	memcpy(reply, header, sizeof(header));
	memcpy(reply + sizeof(header), &m->u64, size);
	send(vb->fd, reply, vb->fault == VB_SHORT_REPLY ? 10 : sizeof(header) + size, MSG_NOSIGNAL);
	if (vb->fault == VB_SHORT_REPLY)
		shutdown(vb->fd, SHUT_RDWR);
}

static void set_memory(struct fake_vhost *vb, const struct message *m)
{
	unmap_all(vb);
	assert_int_equal(m->memory.n, m->n_fds);
	for (unsigned i = 0; i < m->memory.n; i++) {
		struct vb_map *map = &vb->maps[i];

		map->iova = m->memory.regions[i].iova;
		map->size = m->memory.regions[i].size;
		map->user = m->memory.regions[i].user;
		map->base_size = m->memory.regions[i].offset + map->size;
		map->base = mmap(NULL, map->base_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fds[i], 0);
		assert_true(map->base != MAP_FAILED);
		map->va = (uint8_t *)map->base + m->memory.regions[i].offset;
		close(m->fds[i]);
	}
	vb->n_maps = m->memory.n;
	vb->n_tables++;
}

static void set_fd(int *fd, const struct message *m)
{
	if (*fd >= 0)
		close(*fd);
	assert_int_equal(m->n_fds, m->u64 & 0x100 ? 0 : 1);
	*fd = m->n_fds ? m->fds[0] : -1;
}

static void enable(struct fake_vhost *vb, struct vb_queue *q, bool on)
{
	vb->n_enabled += (on && !q->enabled) - (!on && q->enabled);
	q->enabled = on;
	vb->ready = runs(&vb->queues[0]) && runs(&vb->queues[1]);
}

static void handle(struct fake_vhost *vb, struct message *m)
{
	struct vb_queue *q = &vb->queues[m->state.index % VB_MAX_QUEUES];
	bool has_reply = false;

	switch (m->request) {
	case 1:
		m->u64 = vb->features;
		answer(vb, m, 8);
		return;
	case 2:
		vb->accepted = m->u64;
		break;
	case 3:
		vb->n_owners++;
		break;
	case 5:
		set_memory(vb, m);
		break;
	case 8:
		q->size = m->state.num;
		break;
	case 9:
		q->desc = m->addr.desc;
		q->avail = m->addr.avail;
		q->used = m->addr.used;
		assert_non_null(at_user(vb, q->desc));
		break;
	case 10:
		assert_int_equal(m->state.num, is_packed(vb) ? 0x80008000 : 0);
		q->next_avail = q->next_used = 0;
		break;
	case 11:
		q->running = false;
		vb->ready = false;
		m->state.num = q->next_avail;
		answer(vb, m, 8);
		return;
	case 12:
		set_fd(&vb->queues[m->u64 & 0xff].kick_fd, m);
		vb->queues[m->u64 & 0xff].running = true;
		if (!(vb->features & BIT(30)))
			enable(vb, &vb->queues[m->u64 & 0xff], true);
		break;
	case 13:
		set_fd(&vb->queues[m->u64 & 0xff].call_fd, m);
		break;
	case 15:
		m->u64 = vb->protocol;
		answer(vb, m, 8);
		return;
	case 16:
		break;
	case 17:
		m->u64 = vb->n_pairs;
		answer(vb, m, 8);
		return;
	case 18:
		enable(vb, q, m->state.num);
		break;
	default:
		fail_msg("request %u", m->request);
	}
	has_reply = m->flags & 0x8;
	if (has_reply) {
		m->u64 = vb->fault == VB_REFUSE;
		answer(vb, m, 8);
	}
}

static bool hangs_up(struct fake_vhost *vb, const struct message *m)
{
	vb->n_messages++;
	if (vb->fault_request && m->request != vb->fault_request)
		return false;
	vb->n_counted++;
	return vb->fault == VB_HANG_UP && (!vb->fault_at || vb->n_counted == (unsigned)vb->fault_at);
}

static void hang_up(struct fake_vhost *vb)
{
	if (vb->fd >= 0)
		close(vb->fd);
	vb->fd = -1;
	vb->ready = false;
	vb->n_enabled = 0;
	for (unsigned i = 0; i < VB_MAX_QUEUES; i++) {
		struct vb_queue *q = &vb->queues[i];

		if (q->kick_fd >= 0)
			close(q->kick_fd);
		if (q->call_fd >= 0)
			close(q->call_fd);
		*q = (struct vb_queue){.kick_fd = -1, .call_fd = -1};
	}
	unmap_all(vb);
}

static void serve(struct fake_vhost *vb)
{
	while (!vb->stop && vb->fd >= 0) {
		struct pollfd p = {.fd = vb->fd, .events = POLLIN};
		bool busy = loop_all(vb);
		struct message m;

		if (poll(&p, 1, busy ? 0 : 1) <= 0)
			continue;
		if (!receive(vb, &m)) {
			hang_up(vb);
		} else if (hangs_up(vb, &m)) {
			for (unsigned i = 0; i < m.n_fds; i++)
				close(m.fds[i]);
			hang_up(vb);
		} else {
			handle(vb, &m);
		}
	}
	hang_up(vb);
}

static bool get_connection(struct fake_vhost *vb)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct pollfd p = {.fd = vb->listen_fd, .events = POLLIN};

	if (!vb->connects) {
		if (poll(&p, 1, 1) > 0)
			vb->fd = accept4(vb->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		return vb->fd >= 0;
	}
	strcpy(addr.sun_path, vb->path);
	vb->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!connect(vb->fd, (struct sockaddr *)&addr, sizeof(addr)))
		return true;
	close(vb->fd);
	vb->fd = -1;
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return false;
}

static void *run(void *arg)
{
	struct fake_vhost *vb = arg;

	while (!vb->stop)
		if (get_connection(vb))
			serve(vb);
	return NULL;
}

void fake_vhost_init(struct fake_vhost *vb, const char *path)
{
	memset(vb, 0, sizeof(*vb));
	strcpy(vb->path, path);
	vb->features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CSUM) |
		       BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_MQ) | BIT(26) | BIT(30) |
		       BIT(VIRTIO_F_ACCESS_PLATFORM);
	vb->protocol = ~0ull;
	vb->n_pairs = 1;
	vb->fd = vb->listen_fd = -1;
	for (unsigned i = 0; i < VB_MAX_QUEUES; i++)
		vb->queues[i].kick_fd = vb->queues[i].call_fd = -1;
}

void fake_vhost_start(struct fake_vhost *vb)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	vb->stop = false;
	if (!vb->connects) {
		unlink(vb->path);
		strcpy(addr.sun_path, vb->path);
		vb->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(vb->listen_fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		assert_int_equal(listen(vb->listen_fd, 4), 0);
	}
	assert_int_equal(pthread_create(&vb->thread, NULL, run, vb), 0);
}

void fake_vhost_stop(struct fake_vhost *vb)
{
	vb->stop = true;
	pthread_join(vb->thread, NULL);
	if (vb->listen_fd >= 0)
		close(vb->listen_fd);
	vb->listen_fd = -1;
}
