// SPDX-License-Identifier: BSD-2-Clause
/*
 * Transmit: VIRTIO 1.2, 5.1.6.2. A plain packet is one descriptor: its header goes into the headroom, in front of the
 * data. A packet that has no room there, or must be changed and is shared, gets a header slot: a piece of ring memory
 * with the header, and behind it a private copy of the first bytes of the packet, as far as they change.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dma.h"
#include "offload.h"
#include "pool.h"
#include "virtio.h"

/* What a packet has when it is more than one element to be sent as it is. */
#define NOT_PLAIN                                                                                                      \
	(VIREO_PKT_MORE | VIREO_PKT_SHARED | VIREO_PKT_CSUM_PARTIAL | VIREO_PKT_LARGE | VIREO_PKT_VLAN |               \
	 VIREO_PKT_TX_MASK)

/* What virtio_sent remembers of a packet's flags. */
#define OWNER_FLAGS (VIREO_PKT_SHARED | 0xffu << VIREO_PKT_POOL_SHIFT)

/* Bytes of a packet that a slot can hold behind the header, and in front of them room for a tag. */
#define SLOT_DATA (VIRTIO_NET_HDR_LEN + VLAN_TAG_LEN)
#define SLOT_ROOM (VIRTIO_SLOT_SIZE - SLOT_DATA)

/* What becomes of a packet on its way to the ring. */
struct job {
	const struct vireo_pkt *pkts;
	unsigned n;
	uint32_t len;
	bool slot;
	unsigned n_descs;
	struct offload_plan plan;
};

static struct virtio_txq *txq_of(struct vireo_txq_head *head)
{
	return (struct virtio_txq *)head;
}

static unsigned burst_nothing(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)
{
	return 0;
}

static void give_up(struct virtio_txq *q)
{
	if (q->head.pub.burst == burst_nothing)
		return;
	vireo_log(VIREO_LOG_ERR,
		  "%s: the used ring of TX queue %u makes no sense; the port must be stopped and started",
		  q->vp->pci.name, q->head.idx);
	vireo_port_failed(q->head.port, -EIO);
	q->head.pub.burst = burst_nothing;
}

/* Completion */

/* Buffers of one pool on their way back to it. */
struct run {
	struct vireo_pool *pool;
	uint32_t flags;
	unsigned n;
	void *bufs[VIRTIO_BULK];
};

static void run_flush(struct run *r)
{
	/* Flags that name no pool are the application's mistake; there is nowhere to put its buffers. */
	if (r->n && r->pool)
		pool_put_bufs(r->pool, r->bufs, r->n);
	r->n = 0;
}

static inline void run_add(struct run *r, void *buf, uint32_t flags)
{
	if (unlikely(flags != r->flags || r->n == VIRTIO_BULK)) {
		if (flags & VIREO_PKT_SHARED) {
			vireo_pkt_free(&(struct vireo_pkt){.buf = buf, .flags = flags}, 1);
			return;
		}
		run_flush(r);
		r->flags = flags;
		r->pool = vireo_pool_by_id(flags >> VIREO_PKT_POOL_SHIFT);
	}
	r->bufs[r->n++] = buf;
}

/* Take back one packet that starts with descriptor @id; returns how many buffers that were. */
static unsigned release_chain(struct virtio_txq *q, struct run *r, uint16_t id)
{
	unsigned n = q->sent[id].n, n_bufs = 0;

	q->sent[id].n = 0;
	for (; n; n--) {
		struct virtio_sent *s = &q->sent[id];

		if (s->buf) {
			run_add(r, s->buf, s->flags);
			n_bufs++;
		}
		virtq_put_id(&q->vq, id);
		id = s->next;
	}
	return n_bufs;
}

/* Take back up to @n packets of one buffer each; stops at anything else. */
static inline unsigned release_plain(struct virtio_txq *q, struct run *r, unsigned n)
{
	struct virtq vq = q->vq; /* indices in registers while we write memory that might be them */
	unsigned i;

	for (i = 0; i < n; i++) {
		uint32_t id = virtq_peek(&vq, 0).id;
		struct virtio_sent *s;

		if (unlikely(id > vq.mask))
			break;
		s = &q->sent[id];
		if (unlikely(s->n != 1 || !s->buf))
			break;
		s->n = 0;
		vq.used_idx++;
		virtq_put_id(&vq, id);
		run_add(r, s->buf, s->flags);
	}
	q->vq.used_idx = vq.used_idx;
	q->vq.free_tail = vq.free_tail;
	return i;
}

/* Take back all that the device has sent; returns how many buffers that were. */
static unsigned reclaim(struct virtio_txq *q)
{
	int pending = virtq_pending(&q->vq);
	/* No pool's flags are SHARED, so the first buffer starts a run. */
	struct run r = {.flags = VIREO_PKT_SHARED};
	unsigned n_bufs = 0;

	q->unseen = 0;
	if (unlikely(pending < 0)) {
		give_up(q);
		return 0;
	}
	while (pending) {
		unsigned n = release_plain(q, &r, pending);
		struct virtq_used_elem e;

		n_bufs += n;
		pending -= n;
		if (likely(!pending))
			break;
		e = virtq_peek(&q->vq, 0);
		q->vq.used_idx++;
		pending--;
		if (e.id <= q->vq.mask && q->sent[e.id].n)
			n_bufs += release_chain(q, &r, e.id);
		else
			vireo_txq_drop(&q->head, VIREO_DROP_TX_ERROR, 1);
	}
	run_flush(&r);
	return n_bufs;
}

unsigned virtio_txq_reclaim(struct vireo_txq_head *head)
{
	return reclaim(txq_of(head));
}

/* Plain packets */

/* The header says nothing; the store is left out when it does so already, as the device has read that line. */
static inline void clear_header(char *at)
{
	uint64_t head;
	uint32_t tail;

	memcpy(&head, at, sizeof(head));
	memcpy(&tail, at + sizeof(head), sizeof(tail));
	if (head | tail)
		memset(at, 0, VIRTIO_NET_HDR_LEN);
}

/* Queue plain packets until one is not, up to @n, for which there are descriptors. */
static inline unsigned send_plain(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n, uint64_t *bytes)
{
	struct virtq vq = q->vq; /* indices in registers while we write memory that might be them */
	unsigned i;

	for (i = 0; i < n; i++) {
		const struct vireo_pkt *p = &pkts[i];
		struct virtio_sent *s;
		uint16_t id;
		char *hdr;

		if (unlikely((p->flags & NOT_PLAIN) || p->off < VIRTIO_NET_HDR_LEN || p->len < ETH_HLEN))
			break;
		hdr = (char *)vireo_pkt_data(p) - VIRTIO_NET_HDR_LEN;
		clear_header(hdr);
		id = virtq_take_id(&vq);
		s = &q->sent[id];
		s->buf = p->buf;
		s->flags = p->flags & OWNER_FLAGS;
		s->n = 1;
		virtq_set_desc(&vq, id, dma_iova(hdr), p->len + VIRTIO_NET_HDR_LEN, 0);
		virtq_offer(&vq, id);
		*bytes += p->len;
	}
	q->vq.free_head = vq.free_head;
	q->vq.avail_idx = vq.avail_idx;
	return i;
}

/* All other packets */

/* Elements of the packet at the front of @pkts; 0 when it does not end there. */
static unsigned count_elements(const struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!(pkts[i].flags & VIREO_PKT_MORE))
			return i + 1;
	return 0;
}

/* Whether the header and all changes can be written where the packet lies. */
static bool fits_in_place(const struct job *job)
{
	const struct vireo_pkt *first = &job->pkts[0];
	unsigned room = VIRTIO_NET_HDR_LEN + (job->plan.tag ? VLAN_TAG_LEN : 0);
	uint32_t seen = 0;

	if ((first->flags & VIREO_PKT_SHARED) || first->off < room || (job->plan.tag && first->len < ETH_ADDRS_LEN))
		return false;
	for (unsigned i = 0; i < job->n && seen < job->plan.head; i++) {
		if (job->pkts[i].flags & VIREO_PKT_SHARED)
			return false;
		seen += job->pkts[i].len;
	}
	return true;
}

/* Elements that have bytes behind the first @skip ones of the packet. */
static unsigned count_behind(const struct job *job, uint32_t skip)
{
	unsigned n = 0;

	for (unsigned i = 0; i < job->n; i++) {
		uint32_t len = job->pkts[i].len;

		n += len > skip;
		skip -= len < skip ? len : skip;
	}
	return n;
}

/* Look at a packet without writing anything. 0, or -EINVAL when it can never be sent. */
static int prepare(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n, struct job *job)
{
	struct offload_caps caps = {
		.tx_offloads = vireo_port_config(q->head.port)->tx_offloads,
		.csum = virtio_has(q->vp, VIRTIO_NET_F_CSUM),
		.tso4 = virtio_has(q->vp, VIRTIO_NET_F_HOST_TSO4),
		.tso6 = virtio_has(q->vp, VIRTIO_NET_F_HOST_TSO6),
	};
	int err;

	if (n > q->max_segs)
		return -EINVAL;
	job->pkts = pkts;
	job->n = n;
	job->len = offload_length(pkts, n);
	err = offload_plan(pkts, n, &caps, &job->plan);
	if (err)
		return err;
	job->slot = !fits_in_place(job);
	if (job->slot && job->plan.head > SLOT_ROOM)
		return -EINVAL;
	/* In place the first descriptor has the header, so it is there even if its element is empty. */
	if (job->slot)
		job->n_descs = 1 + count_behind(job, job->plan.head);
	else
		job->n_descs = count_behind(job, 0) + (pkts[0].len == 0);
	return 0;
}

static void write_header(const struct virtio_txq *q, const struct offload_plan *plan, void *at)
{
	struct virtio_net_hdr hdr = {0};

	if (plan->partial) {
		hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.csum_start = plan->csum_start;
		hdr.csum_offset = plan->csum_offset;
	}
	if (plan->large) {
		hdr.gso_type = plan->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		if (plan->cwr && virtio_has(q->vp, VIRTIO_NET_F_HOST_ECN))
			hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		hdr.gso_size = plan->seg_size;
		hdr.hdr_len = plan->hdr_len;
	}
	memcpy(at, &hdr, sizeof(hdr));
}

/* A chain that grows at its end. */
struct chain {
	struct virtq *vq;
	struct virtio_sent *sent;
	uint16_t first, last;
	unsigned n;
};

static void chain_add(struct chain *c, const void *va, uint32_t len, void *buf, uint32_t flags)
{
	uint16_t id = virtq_take_id(c->vq);

	if (c->n) {
		c->vq->desc[c->last].flags |= VIRTQ_DESC_F_NEXT;
		c->vq->desc[c->last].next = id;
		c->sent[c->last].next = id;
	} else {
		c->first = id;
	}
	virtq_set_desc(c->vq, id, dma_iova(va), len, 0);
	c->sent[id] = (struct virtio_sent){.buf = buf, .flags = flags & OWNER_FLAGS};
	c->last = id;
	c->n++;
}

/* The application's no longer, and the device needs nothing of it: a copy goes out instead, or it is empty. */
static void release_now(const struct vireo_pkt *pkt)
{
	if (pkt->flags & VIREO_PKT_SHARED)
		vireo_pkt_free(pkt, 1);
	else
		pool_put_bufs(vireo_pool_by_id(pkt->flags >> VIREO_PKT_POOL_SHIFT), &pkt->buf, 1);
}

/* The elements from number @i on, without the first @skip bytes. */
static void chain_rest(struct chain *c, const struct job *job, unsigned i, uint32_t skip)
{
	for (; i < job->n; i++) {
		const struct vireo_pkt *p = &job->pkts[i];
		uint32_t gone = p->len < skip ? p->len : skip;

		if (p->len > gone)
			chain_add(c, (char *)vireo_pkt_data(p) + gone, p->len - gone, p->buf, p->flags);
		else
			release_now(p);
		skip -= gone;
	}
}

static void queue_in_place(struct virtio_txq *q, const struct job *job, struct chain *c)
{
	char *data = offload_apply(&job->plan, job->pkts, job->n);
	const struct vireo_pkt *first = &job->pkts[0];
	char *end = (char *)vireo_pkt_data(first) + first->len;

	data -= VIRTIO_NET_HDR_LEN;
	write_header(q, &job->plan, data);
	chain_add(c, data, end - data, first->buf, first->flags);
	chain_rest(c, job, 1, 0);
}

static void queue_with_slot(struct virtio_txq *q, const struct job *job, struct chain *c)
{
	/* The slot belongs to the descriptor that comes next. */
	uint16_t id = q->vq.free_ids[q->vq.free_head & q->vq.mask];
	char *slot = q->slots + (size_t)id * VIRTIO_SLOT_SIZE;
	struct vireo_pkt copy = {.buf = slot, .off = SLOT_DATA, .len = job->plan.head};
	char *start;

	offload_copy(job->pkts, job->n, 0, slot + SLOT_DATA, job->plan.head);
	start = offload_apply(&job->plan, &copy, 1);
	start -= VIRTIO_NET_HDR_LEN;
	write_header(q, &job->plan, start);
	chain_add(c, start, slot + SLOT_DATA + job->plan.head - start, NULL, 0);
	chain_rest(c, job, 0, job->plan.head);
}

static void queue_job(struct virtio_txq *q, const struct job *job)
{
	struct chain c = {.vq = &q->vq, .sent = q->sent};

	if (job->slot)
		queue_with_slot(q, job, &c);
	else
		queue_in_place(q, job, &c);
	q->sent[c.first].n = c.n;
	virtq_offer(&q->vq, c.first);
}

/* One packet of @n elements. 0; -EINVAL when it can never be sent; -EAGAIN when the ring is full. */
static int send_any(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n, uint64_t *bytes)
{
	struct job job;
	int err;

	err = prepare(q, pkts, n, &job);
	if (err)
		return err;
	if (job.n_descs > virtq_n_free(&q->vq))
		reclaim(q);
	if (job.n_descs > virtq_n_free(&q->vq))
		return -EAGAIN;
	if (unlikely(q->debug) && !vireo_pool_debug_tx(pkts, n))
		return -EINVAL;
	queue_job(q, &job);
	*bytes += job.len + (job.plan.tag ? VLAN_TAG_LEN : 0);
	return 0;
}

/*
 * The packet at the front of @pkts, of any kind: how many of the @n elements were taken, 0 when the ring is full. A packet
 * that can never be sent is taken too.
 */
static unsigned send_one(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n, unsigned *n_packets,
			 uint64_t *bytes)
{
	unsigned k = count_elements(pkts, n);
	int err = k ? send_any(q, pkts, k, bytes) : -EINVAL;

	if (err == -EAGAIN)
		return 0;
	k = k ? k : n;
	if (err) {
		vireo_pkt_free(pkts, k);
		vireo_txq_drop(&q->head, VIREO_DROP_TX_INVALID, 1);
	} else {
		*n_packets += 1;
	}
	return k;
}

/* Everything in the order of the burst: runs of plain packets, and others one by one. */
static unsigned send(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n, unsigned *n_packets,
		     uint64_t *bytes)
{
	unsigned done = 0;

	for (;;) {
		unsigned left = n - done, n_free = virtq_n_free(&q->vq), k = 0;

		if (likely(!q->debug))
			k = send_plain(q, pkts + done, left < n_free ? left : n_free, bytes);
		done += k;
		*n_packets += k;
		if (likely(done == n))
			return done;
		k = send_one(q, pkts + done, n - done, n_packets, bytes);
		done += k;
		if (k == 0 || done == n)
			return done;
	}
}

unsigned virtio_tx_burst(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct virtio_txq *q = (struct virtio_txq *)pub;
	uint16_t before = q->vq.avail_idx;
	unsigned done, n_packets = 0;
	uint64_t bytes = 0;

	if (q->unseen >= VIRTIO_BULK || unlikely(virtq_n_free(&q->vq) < n))
		reclaim(q);
	done = send(q, pkts, n, &n_packets, &bytes);
	if (q->vq.avail_idx != before) {
		virtq_publish(&q->vq);
		virtio_kick(&q->vq, &q->kick, VIRTIO_NET_TXQ(q->head.idx));
		q->unseen += n_packets;
		vireo_stat_add(&q->head.packets, n_packets);
		vireo_stat_add(&q->head.bytes, bytes);
	}
	return done;
}

/* Life */

static int alloc_ring(struct virtio_txq *q, unsigned size, unsigned numa_node)
{
	struct virtq_layout layout;
	int err;

	q->sent = calloc(size, sizeof(*q->sent));
	q->free_ids = calloc(size, sizeof(*q->free_ids));
	if (!q->sent || !q->free_ids)
		return vireo_error(-ENOMEM, "no memory for a transmit queue");
	virtq_layout(size, &layout);
	err = vireo_memory_alloc(layout.size + (size_t)size * VIRTIO_SLOT_SIZE, 4096, numa_node, &q->mem);
	if (err)
		return err;
	q->slots = (char *)q->mem + layout.size;
	virtq_init(&q->vq, size, q->mem, q->free_ids);
	return 0;
}

int virtio_txq_create(struct vireo_port *port, unsigned idx, struct vireo_txq_head **ret_q)
{
	unsigned size = vireo_port_config(port)->tx_ring;
	struct vireo_device_info info;
	struct virtio_txq *q;
	int err;

	q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);
	if (!q)
		return vireo_error(-ENOMEM, "no memory for a transmit queue");
	memset(q, 0, sizeof(*q));
	q->vp = virtio_port_of(port);
	q->head.pub.burst = burst_nothing;
	/* A packet may need one descriptor more than it has elements. */
	q->max_segs = size - 1 < VIREO_MAX_SEGS ? size - 1 : VIREO_MAX_SEGS;
	q->debug = vireo_pool_debug();
	vireo_device_info(q->vp->pci.dev, &info);
	err = alloc_ring(q, size, info.numa_node + 1);
	if (err) {
		virtio_txq_destroy(&q->head);
		return err;
	}
	*ret_q = &q->head;
	return 0;
}

void virtio_txq_destroy(struct vireo_txq_head *head)
{
	struct virtio_txq *q = txq_of(head);

	if (!q)
		return;
	vireo_memory_free(q->mem);
	free(q->free_ids);
	free(q->sent);
	free(q);
}

void virtio_txq_start(struct virtio_txq *q)
{
	virtq_reset(&q->vq);
	q->unseen = 0;
}

bool virtio_txq_is_empty(const struct virtio_txq *q)
{
	return virtq_n_free(&q->vq) == virtq_size(&q->vq);
}

void virtio_txq_stop(struct virtio_txq *q)
{
	struct run r = {.flags = VIREO_PKT_SHARED};

	for (unsigned id = 0; id < virtq_size(&q->vq); id++)
		if (q->sent[id].n)
			release_chain(q, &r, id);
	run_flush(&r);
	virtq_reset(&q->vq);
}
