// SPDX-License-Identifier: BSD-2-Clause
/*
 * What becomes of sent buffers, and the life of a transmit queue. While the device answers in order, what it gave back is a
 * range of ids, and their buffers go home as a range; otherwise every answer names its packet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "virtio.h"
#include "virtio_vec.h"

static struct virtio_txq *txq_of(struct vireo_txq_head *head)
{
	return (struct virtio_txq *)head;
}

static void give_up(struct virtio_txq *q)
{
	if (q->head.pub.burst == virtio_tx_burst_nothing)
		return;
	vireo_log(VIREO_LOG_ERR,
		  "%s: the used ring of TX queue %u makes no sense; the port must be stopped and started",
		  q->vp->pci.name, q->head.idx);
	vireo_port_failed(q->head.port, -EIO);
	q->head.pub.burst = virtio_tx_burst_nothing;
}

/* Buffers of one pool on their way back to it */

/* Never that of a buffer that goes through here: the first one starts a run. */
#define NO_POOL VIRTIO_OWNER_SHARED

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

static void run_add(struct run *r, void *buf, uint32_t owner)
{
	uint32_t flags = owner & (VIRTIO_OWNER_POOL | VIRTIO_OWNER_SHARED);

	if (flags & VIRTIO_OWNER_SHARED) {
		vireo_pkt_free(&(struct vireo_pkt){.buf = buf, .flags = (flags & VIRTIO_OWNER_POOL) | VIREO_PKT_SHARED},
			       1);
		return;
	}
	if (flags != r->flags || r->n == VIRTIO_BULK) {
		run_flush(r);
		r->flags = flags;
		r->pool = vireo_pool_by_id(flags >> VIREO_PKT_POOL_SHIFT);
	}
	r->bufs[r->n++] = buf;
}

/* In order */

/* Whether the descriptors from @owners on, a bulk, are packets of one buffer each, and those of one pool. */
static inline bool is_run(const uint32_t *owners)
{
	uint32_t differ = (owners[0] & ~VIRTIO_OWNER_POOL) ^ 1;

	for (unsigned i = 0; i < VIRTIO_BULK; i++)
		differ |= owners[i] ^ owners[0];
	return !differ;
}

/* @n descriptors from number @at on, in one piece; returns how many buffers they had. */
static unsigned release_mixed(struct virtio_txq *q, unsigned at, unsigned n)
{
	struct run r = {.flags = NO_POOL};
	unsigned n_bufs = 0;

	for (unsigned i = at; i < at + n; i++) {
		if (q->bufs[i]) {
			run_add(&r, q->bufs[i], q->owners[i]);
			n_bufs++;
		}
		q->owners[i] = 0;
	}
	run_flush(&r);
	return n_bufs;
}

/* memset() of a bulk becomes a `rep stos`, which takes longer to begin than all of these stores. */
static inline void forget(uint32_t *owners)
{
	for (unsigned i = 0; i < VIRTIO_BULK; i += 8, owners += 8) {
		memset(owners, 0, 8 * sizeof(*owners));
		__asm__("" : "+r"(owners));
	}
}

static inline unsigned release_run(struct virtio_txq *q, unsigned at)
{
	struct vireo_pool *pool = io_load_relaxed(&pool_table[q->owners[at] >> VIREO_PKT_POOL_SHIFT]);

	if (likely(pool))
		pool_put_bufs(pool, &q->bufs[at], VIRTIO_BULK);
	forget(&q->owners[at]);
	return VIRTIO_BULK;
}

/* The oldest @n descriptors that are out; returns how many buffers they had. */
static inline unsigned release(struct virtio_txq *q, unsigned n)
{
	unsigned n_bufs = 0;

	while (n) {
		unsigned at = virtq_next_id(&q->vq),
			 k = virtq_in_one_piece(&q->vq, at, n < VIRTIO_BULK ? n : VIRTIO_BULK);

		if (likely(k == VIRTIO_BULK && is_run(&q->owners[at])))
			n_bufs += release_run(q, at);
		else
			n_bufs += release_mixed(q, at, k);
		q->vq.free_tail += k;
		n -= k;
	}
	return n_bufs;
}

/* What of the answers can be seen to be in order. */
struct answers {
	unsigned n; /* split: heads; packed: places */
	unsigned n_descs;
	bool more; /* something else is behind them */
};

/* A device that promised order says all with its index; of any other the ids are compared with what they must be. */
static struct answers look_split(const struct virtio_txq *q, unsigned pending)
{
	const struct virtq *vq = &q->vq;
	struct answers a = {0};

	/* As long as that is so, packets have one descriptor each. */
	if (vq->in_order && vq->straight)
		return (struct answers){.n = pending, .n_descs = pending};
	if (q->vec && !vq->in_order && pending >= VIRTIO_VEC_MIN) {
		unsigned at = vq->used_idx & vq->mask, id = virtq_next_id(vq);
		unsigned n = virtq_in_one_piece(vq, at > id ? at : id, pending);

		a.n = a.n_descs = q->vec->tx_look_split(&vq->used->ring[at], &q->owners[id], n, id);
	}
	for (; a.n < pending; a.n++) {
		unsigned id = (vq->free_tail + a.n_descs) & vq->mask;
		unsigned n = q->owners[id] & VIRTIO_OWNER_N;

		if (!n || (!vq->in_order && virtq_peek(vq, false, a.n).id != id))
			break;
		a.n_descs += n;
	}
	a.more = a.n < pending;
	return a;
}

/*
 * How many places the answer stands for that is @ahead of the next one and does not name the packet there; 0 when it cannot be
 * true, or is out of order. 2.8.8: with a promise of order, the packets before the named one were sent as well.
 */
static __attribute__((noinline)) unsigned span(const struct virtio_txq *q, unsigned ahead)
{
	const struct virtq *vq = &q->vq;
	uint32_t id = virtq_peek(vq, true, ahead).id;
	unsigned n, skipped;

	if (id > vq->mask || !vq->in_order)
		return 0;
	n = q->owners[id] & VIRTIO_OWNER_N;
	skipped = (id - (vq->used_idx + ahead)) & vq->mask;
	return n && ahead + skipped + n <= virtq_n_outstanding(vq) ? skipped + n : 0;
}

static struct answers look_packed(const struct virtio_txq *q)
{
	const struct virtq *vq = &q->vq;
	struct answers a = {0};

	/* Most calls find nothing. */
	if (!virtq_n_outstanding(vq) || !virtq_is_used(vq, 0))
		return a;
	if (q->vec && virtq_n_outstanding(vq) >= VIRTIO_VEC_MIN) {
		unsigned at = virtq_next_id(vq), n = virtq_in_one_piece(vq, at, virtq_n_outstanding(vq));
		uint64_t first = (uint64_t)virtq_used_flags(vq, vq->used_idx) << VIRTQ_PACKED_FLAGS_SHIFT |
				 (uint64_t)at << VIRTQ_PACKED_ID_SHIFT;

		a.n = q->vec->tx_look_packed(&vq->packed_desc[at], &q->owners[at], n, first);
	}
	while (a.n < virtq_n_outstanding(vq)) {
		uint16_t idx = (uint16_t)(vq->used_idx + a.n), at = idx & vq->mask;
		uint64_t place = virtq_load_place(&vq->packed_desc[at]);
		unsigned n = 0;

		if ((place >> VIRTQ_PACKED_FLAGS_SHIFT & VIRTQ_PACKED_TURN) != virtq_used_flags(vq, idx))
			break;
		if (likely((uint16_t)(place >> VIRTQ_PACKED_ID_SHIFT) == at))
			n = q->owners[at] & VIRTIO_OWNER_N;
		n = n ? n : span(q, a.n);
		a.more = !n;
		if (unlikely(!n))
			break;
		a.n += n;
	}
	a.n_descs = a.n;
	return a;
}

/* Out of order */

/* Take back one packet that starts with descriptor @id; returns how many buffers that were. */
static unsigned release_chain(struct virtio_txq *q, struct run *r, uint16_t id)
{
	unsigned n = q->owners[id] & VIRTIO_OWNER_N, n_bufs = 0;

	for (; n; n--) {
		if (q->bufs[id]) {
			run_add(r, q->bufs[id], q->owners[id]);
			n_bufs++;
		}
		q->owners[id] = 0;
		virtq_put_id(&q->vq, id);
		id = q->nexts[id];
	}
	return n_bufs;
}

/*
 * One answer of @left. A wrong one of a split ring is skipped; in a packed ring nobody knows where the next one is then.
 * Returns how many heads or places it took, 0 when this is the end.
 */
static unsigned release_any(struct virtio_txq *q, struct run *r, unsigned left, unsigned *n_bufs)
{
	uint32_t id = virtq_peek(&q->vq, q->vq.packed, 0).id;
	unsigned n = 1;

	if (id > q->vq.mask || !(q->owners[id] & VIRTIO_OWNER_N)) {
		vireo_txq_drop(&q->head, VIREO_DROP_TX_ERROR, 1);
		n = !q->vq.packed;
	} else {
		if (q->vq.packed)
			n = (q->owners[id] & VIRTIO_OWNER_N) <= left ? q->owners[id] & VIRTIO_OWNER_N : 0;
		if (n)
			*n_bufs += release_chain(q, r, (uint16_t)id);
	}
	q->vq.used_idx += n;
	return n;
}

static __attribute__((noinline)) unsigned reclaim_any(struct virtio_txq *q, int left)
{
	struct run r = {.flags = NO_POOL};
	unsigned n_bufs = 0;

	virtq_shuffle(&q->vq);
	while (left > 0 && (!q->vq.packed || virtq_is_used(&q->vq, 0))) {
		unsigned n = release_any(q, &r, (unsigned)left, &n_bufs);

		left = n ? left - (int)n : -1;
	}
	run_flush(&r);
	if (left < 0)
		give_up(q);
	else if (virtio_txq_is_empty(q) && !virtq_n_outstanding(&q->vq))
		virtq_unshuffle(&q->vq);
	return n_bufs;
}

/* A device that promised order and breaks it: nothing that it says can be relied on. */
static unsigned promise_broken(struct virtio_txq *q)
{
	vireo_txq_drop(&q->head, VIREO_DROP_TX_ERROR, 1);
	give_up(q);
	return 0;
}

unsigned virtio_txq_reclaim(struct vireo_txq_head *head)
{
	struct virtio_txq *q = txq_of(head);
	int left = q->vq.packed ? (int)virtq_n_outstanding(&q->vq) : virtq_split_pending(&q->vq);
	unsigned n_bufs = 0;
	struct answers a;

	if (unlikely(left < 0)) {
		give_up(q);
		return 0;
	}
	if (unlikely(!q->vq.natural))
		return reclaim_any(q, left);
	a = q->vq.packed ? look_packed(q) : look_split(q, (unsigned)left);
	n_bufs = release(q, a.n_descs);
	q->vq.used_idx += a.n;
	if (likely(!a.more))
		return n_bufs;
	return n_bufs + (q->vq.in_order ? promise_broken(q) : reclaim_any(q, left - (int)a.n));
}

/* Life */

static int alloc_ring(struct virtio_txq *q, unsigned size, unsigned numa_node)
{
	struct virtq_layout layout;
	int err;

	q->bufs = calloc(size, sizeof(*q->bufs));
	q->owners = calloc(size, sizeof(*q->owners));
	q->nexts = calloc(size, sizeof(*q->nexts));
	q->free_ids = calloc(size, sizeof(*q->free_ids));
	if (!q->bufs || !q->owners || !q->nexts || !q->free_ids)
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
	q->head.pub.burst = virtio_tx_burst_nothing;
	/* A packet may need one descriptor more than it has elements. */
	q->max_segs = size - 1 < VIREO_MAX_SEGS ? size - 1 : VIREO_MAX_SEGS;
	q->clean_at = (uint16_t)(size > VIRTIO_BULK ? size - VIRTIO_BULK : size / 2);
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
	free(q->nexts);
	free(q->owners);
	free(q->bufs);
	free(q);
}

void virtio_txq_start(struct virtio_txq *q)
{
	q->vq.packed = virtio_has(q->vp, VIRTIO_F_RING_PACKED);
	q->vq.in_order = virtio_has(q->vp, VIRTIO_F_IN_ORDER);
	q->vec = virtio_vec_choose();
	virtq_reset(&q->vq);
}

bool virtio_txq_is_empty(const struct virtio_txq *q)
{
	return virtq_n_free(&q->vq) == virtq_size(&q->vq);
}

void virtio_txq_stop(struct virtio_txq *q)
{
	struct run r = {.flags = NO_POOL};

	for (unsigned id = 0; id < virtq_size(&q->vq); id++)
		if (q->owners[id] & VIRTIO_OWNER_N)
			release_chain(q, &r, id);
	run_flush(&r);
	virtq_reset(&q->vq);
}
