// SPDX-License-Identifier: BSD-2-Clause
/*
 * Transmit, one packet of any kind: several buffers, checksums, segmentation, a tag, a short frame, a shared buffer.
 * lib/offload.c says what becomes of it; here it gets a context, a slot if a part of it has to be copied, and descriptors
 * (7.2.3).
 */
#include <errno.h>

#include "dma.h"
#include "ixgbe_tx.h"
#include "offload.h"
#include "pool.h"

/* Of a descriptor without a buffer. */
#define NO_OWNER MIXED

#define PADDED_LEN 60
#define DATA_CMD   (IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_IFCS)

#define MAX_MACLEN 127
#define MAX_IPLEN  511
#define MIN_IPLEN  20

#define TCP_CSUM_AT 16
#define UDP_CSUM_AT 6

/* What becomes of a packet on its way to the ring. */
struct job {
	const struct vireo_pkt *pkts;
	unsigned n;
	uint32_t len;
	uint16_t l2_len, l3_len; /* for the context */
	uint16_t pad;		 /* zeros behind the data */
	bool slot;
	bool context;
	unsigned n_descs;
	struct offload_plan plan;
};

/* Elements of the packet at the front of @pkts; 0 when it does not end there. */
static unsigned count_elements(const struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!(pkts[i].flags & VIREO_PKT_MORE))
			return i + 1;
	return 0;
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

/* Where the network header of a packet begins that only says where its checksum does. */
static uint16_t find_l2_len(const struct vireo_pkt *pkts, unsigned n)
{
	uint16_t at = ETH_HLEN;
	uint8_t type[2];

	for (unsigned tags = 0; tags < 2 && offload_copy(pkts, n, at - 2, type, sizeof(type)); tags++) {
		if (!(type[0] == 0x81 && type[1] == 0x00) && !(type[0] == 0x88 && type[1] == 0xa8))
			break;
		at += VLAN_TAG_LEN;
	}
	return at;
}

/* The card knows the checksums of TCP and UDP, behind headers of limited length. */
static bool fits_context(struct job *job)
{
	const struct vireo_pkt *p = &job->pkts[0];

	if ((p->flags & VIREO_PKT_CSUM_PARTIAL) && !(p->flags & VIREO_PKT_LARGE)) {
		job->l2_len = find_l2_len(job->pkts, job->n);
		job->l3_len = p->tx.csum_start - job->l2_len;
		if (p->tx.csum_start < job->l2_len ||
		    (p->tx.csum_offset != TCP_CSUM_AT && p->tx.csum_offset != UDP_CSUM_AT))
			return false;
	} else {
		job->l2_len = p->tx.l2_len;
		job->l3_len = p->tx.l3_len;
	}
	return job->l2_len <= MAX_MACLEN && job->l3_len >= MIN_IPLEN && job->l3_len <= MAX_IPLEN;
}

static bool wants_context(uint32_t flags)
{
	return flags & (VIREO_PKT_CSUM_PARTIAL | VIREO_PKT_LARGE | VIREO_PKT_TX_MASK);
}

static bool is_head_shared(const struct job *job)
{
	uint32_t seen = 0;

	for (unsigned i = 0; i < job->n && seen < job->plan.head; i++) {
		if (job->pkts[i].flags & VIREO_PKT_SHARED)
			return true;
		seen += job->pkts[i].len;
	}
	return false;
}

/* Look at a packet without writing anything. 0, or -EINVAL when it can never be sent. */
static int prepare(const struct ixgbe_txq *q, const struct vireo_pkt *pkts, unsigned n, struct job *job)
{
	bool can = wants_context(pkts[0].flags);
	struct offload_caps caps = {
		.tx_offloads = vireo_port_config(q->head.port)->tx_offloads,
		.tso_bare = true,
		.vlan = true,
	};
	uint32_t head;
	int err;

	*job = (struct job){.pkts = pkts, .n = n, .len = offload_length(pkts, n)};
	if (can)
		can = fits_context(job);
	caps.csum = caps.ip_csum = caps.tso4 = caps.tso6 = can;
	err = offload_plan(pkts, n, &caps, &job->plan);
	if (err)
		return err;
	if (job->len > MAX_LEN && !job->plan.large)
		return -EINVAL;
	job->pad = job->len < IXGBE_TX_MIN_LEN ? PADDED_LEN - job->len : 0;
	job->slot = job->pad || is_head_shared(job);
	head = job->pad ? job->len : job->plan.head;
	if (job->slot && head > IXGBE_SLOT_SIZE)
		return -EINVAL;
	job->context = job->plan.partial || job->plan.ip_csum || (pkts[0].flags & VIREO_PKT_VLAN);
	job->n_descs = job->slot + count_behind(job, job->slot ? head : 0);
	return job->n_descs > IXGBE_MAX_TX_DESCS ? -EINVAL : 0;
}

static struct ixgbe_context make_context(const struct job *job)
{
	const struct offload_plan *plan = &job->plan;
	uint32_t flags = job->pkts[0].flags;
	struct ixgbe_context c = {.cmd = IXGBE_TXD_CONTEXT | IXGBE_TXD_DEXT};

	if (plan->partial || plan->ip_csum) {
		c.lens = (uint32_t)job->l2_len << IXGBE_TXC_MACLEN_SHIFT | job->l3_len;
		c.cmd |= plan->ip_csum || !(flags & VIREO_PKT_IPV6) ? IXGBE_TXC_IPV4 : 0;
	} else {
		c.lens = (uint32_t)ETH_HLEN << IXGBE_TXC_MACLEN_SHIFT;
	}
	if (plan->partial && plan->csum_offset == TCP_CSUM_AT)
		c.cmd |= IXGBE_TXC_L4T_TCP;
	if (flags & VIREO_PKT_VLAN)
		c.lens |= (uint32_t)job->pkts[0].vlan << IXGBE_TXC_VLAN_SHIFT;
	if (plan->large)
		c.mss = (uint32_t)plan->seg_size << IXGBE_TXC_MSS_SHIFT | (uint32_t)(plan->hdr_len - plan->csum_start)
										  << IXGBE_TXC_L4LEN_SHIFT;
	return c;
}

static bool is_same(const struct ixgbe_context *a, const struct ixgbe_context *b)
{
	return a->lens == b->lens && a->cmd == b->cmd && a->mss == b->mss;
}

/* From now on up to the report owners are kept one by one, also of what is queued already. */
static void mix_owners(struct ixgbe_txq *q)
{
	for (unsigned i = q->reported; i != q->next; i = (i + 1) & q->mask)
		q->owners[i] = q->owner;
	q->owner = MIXED;
}

void ixgbe_tx_add(struct ixgbe_txq *q, uint64_t first, uint64_t second, void *buf, uint32_t flags)
{
	uint32_t owner = buf ? flags & IXGBE_TX_OWNER_FLAGS : NO_OWNER;
	unsigned at = q->next;

	if (!since_report(q))
		q->owner = owner & VIREO_PKT_SHARED ? MIXED : owner;
	else if (owner != q->owner && !(q->owner & MIXED))
		mix_owners(q);
	if (q->owner & MIXED)
		q->owners[at] = owner;
	write_desc(&q->ring[at], first, second);
	q->bufs[at] = buf;
	q->limit = q->next = (at + 1u) & q->mask;
}

/* The card keeps two contexts (7.2.3.2.3); the number of the one that says what @job needs, told anew if need be. */
static unsigned use_context(struct ixgbe_txq *q, const struct job *job)
{
	struct ixgbe_context c = make_context(job);
	unsigned idx;

	if (is_same(&c, &q->contexts[q->newest_context]))
		return q->newest_context;
	idx = q->newest_context ^= 1;
	if (is_same(&c, &q->contexts[idx]))
		return idx;
	q->contexts[idx] = c;
	q->requests[idx].flags = 0;
	ixgbe_tx_add(q, c.lens, (uint64_t)(c.mss | idx << IXGBE_TXC_IDX_SHIFT) << 32 | c.cmd, NULL, 0);
	return idx;
}

/* The application's no longer, and the card needs nothing of it: a copy goes out instead, or it is empty. */
static void release_now(const struct vireo_pkt *pkt)
{
	struct vireo_pool *pool = vireo_pool_by_id(pkt->flags >> VIREO_PKT_POOL_SHIFT);

	if (pkt->flags & VIREO_PKT_SHARED)
		vireo_pkt_free(pkt, 1);
	else if (pool)
		pool_put_bufs(pool, &pkt->buf, 1);
}

/* Packets of one buffer whose requests the card takes over as a whole are likely to be followed by others of that kind. */
static void remember(struct ixgbe_txq *q, const struct job *job, unsigned idx, uint64_t second)
{
	const struct vireo_pkt *p = &job->pkts[0];
	const struct offload_plan *plan = &job->plan;
	struct ixgbe_request *r = &q->requests[idx];

	if (job->n > 1 || job->slot || (p->flags & NOT_A_REQUEST) || ((p->flags & L4_CSUMS) && !plan->partial) ||
	    ((p->flags & VIREO_PKT_TX_IP_CSUM) && !plan->ip_csum))
		return;
	static_assert(offsetof(struct vireo_pkt, vlan) == 20 && offsetof(struct vireo_pkt, tx.l2_len) == 24 &&
			      offsetof(struct vireo_pkt, tx.l3_len) == 26,
		      "places in qwords");
	*r = (struct ixgbe_request){
		.flags = p->flags & REQUEST_FLAGS,
		.tag_len = p->flags & VIREO_PKT_VLAN ? VLAN_TAG_LEN : 0,
		.tag = load_half(p, TAG_AT),
		.tag_mask = p->flags & VIREO_PKT_VLAN ? UINT64_C(0xffff) << 32 : 0,
		.lens = load_half(p, LENS_AT),
		.lens_mask = p->flags & VIREO_PKT_TX_MASK ? UINT64_C(0xffff00ff) : 0,
		.second = second | IXGBE_TXD_EOP,
	};
}

/* The descriptor's second qword without lengths: cmd below, olinfo above. */
static uint64_t make_second(struct ixgbe_txq *q, const struct job *job)
{
	const struct offload_plan *plan = &job->plan;
	uint32_t cmd = DATA_CMD, olinfo = 0;
	uint64_t second;
	unsigned idx;

	if (plan->large)
		cmd |= IXGBE_TXD_TSE;
	if (job->pkts[0].flags & VIREO_PKT_VLAN)
		cmd |= IXGBE_TXD_VLE;
	if (plan->partial)
		olinfo |= IXGBE_TXD_TXSM;
	if (plan->ip_csum)
		olinfo |= IXGBE_TXD_IXSM;
	if (!job->context)
		return (uint64_t)olinfo << 32 | cmd;
	idx = use_context(q, job);
	olinfo |= IXGBE_TXD_CC | idx << IXGBE_TXD_IDX_SHIFT;
	second = (uint64_t)olinfo << 32 | cmd;
	remember(q, job, idx, second);
	return second;
}

static uint64_t payload_field(const struct job *job)
{
	uint32_t payload = job->len + job->pad - (job->plan.large ? job->plan.hdr_len : 0);

	return (uint64_t)payload << (32 + IXGBE_TXD_PAYLEN_SHIFT);
}

/* Copy the head of the packet into the slot of the next descriptor; returns its length. */
static uint32_t queue_slot(struct ixgbe_txq *q, const struct job *job, uint64_t second)
{
	char *slot = q->slots + (size_t)q->next * IXGBE_SLOT_SIZE;
	uint32_t head = job->pad ? job->len : job->plan.head;
	struct vireo_pkt copy = {.buf = slot, .len = head};

	offload_copy(job->pkts, job->n, 0, slot, head);
	offload_apply(&job->plan, &copy, 1);
	memset(slot + head, 0, job->pad);
	ixgbe_tx_add(q, dma_iova(slot), second | (head + job->pad), NULL, 0);
	return head;
}

static void queue_job(struct ixgbe_txq *q, const struct job *job)
{
	uint64_t second = make_second(q, job) | payload_field(job);
	uint32_t skip = 0;

	if (job->slot)
		skip = queue_slot(q, job, second);
	else
		offload_apply(&job->plan, job->pkts, job->n);
	for (unsigned i = 0; i < job->n; i++) {
		const struct vireo_pkt *p = &job->pkts[i];
		uint32_t gone = p->len < skip ? p->len : skip;

		if (p->len > gone)
			ixgbe_tx_add(q, dma_iova(vireo_pkt_data(p)) + gone, second | (p->len - gone), p->buf, p->flags);
		else
			release_now(p);
		skip -= gone;
	}
	q->ring[(q->next - 1u) & q->mask].data.cmd |= IXGBE_TXD_EOP;
	end_window(q);
}

/* One packet of @n elements. 0; -EINVAL when it can never be sent; -EAGAIN when the ring is full. */
static int send_any(struct ixgbe_txq *q, const struct vireo_pkt *pkts, unsigned n, uint64_t *bytes)
{
	struct job job;
	int err;

	err = prepare(q, pkts, n, &job);
	if (err)
		return err;
	if (job.n_descs + job.context > n_free(q))
		ixgbe_txq_collect(q);
	if (job.n_descs + job.context > n_free(q))
		return -EAGAIN;
	if (unlikely(q->debug) && !vireo_pool_debug_tx(pkts, n))
		return -EINVAL;
	queue_job(q, &job);
	*bytes += job.len + (pkts[0].flags & VIREO_PKT_VLAN ? VLAN_TAG_LEN : 0);
	return 0;
}

unsigned ixgbe_tx_packet(struct ixgbe_txq *q, const struct vireo_pkt *pkts, unsigned n, unsigned *n_packets,
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
