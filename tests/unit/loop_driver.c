// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "fake_bus.h"
#include "loop_driver.h"

#define MAX_ENDS   8
#define QUEUE_SIZE 1024
#define FRAME_ROOM 9300
#define MAX_QUEUES 4

struct frame {
	uint32_t len;
	uint8_t data[FRAME_ROOM];
};

/* What waits for one receive queue. */
struct waiting {
	struct frame *frames;
	unsigned head, n;
	bool armed;
	int fd;
};

/* One end of a cable. The locks protect everything: two threads may be at the two ends, and several send. */
struct end {
	char name[32];
	struct fake_device *fake;
	struct end *peer;
	unsigned source_len;
	pthread_mutex_t lock;
	struct waiting waiting[MAX_QUEUES]; /* towards this end */
	unsigned n_rxq;
	pthread_mutex_t tx_lock;   /* what follows, up to failed; taken before the other end's lock */
	struct loop_faults faults; /* on the way out */
	uint64_t n_sent;
	struct frame held; /* the one that is to be overtaken; len 0: none */
	unsigned fail_after;
	int fail_err;
	bool started, link_up;
	bool failed; /* sends nothing until it is started again */
	int link_fd;
};

static struct end ends[MAX_ENDS];
static unsigned n_ends;

struct loop_port {
	struct end *end;
	bool link_reported;
};

struct loop_rxq {
	struct vireo_rxq_head head;
	struct end *end;
	struct waiting *waiting;
	uint32_t buf_size;
};

struct loop_txq {
	struct vireo_txq_head head;
	struct end *end;
};

static struct end *find_end(const char *name)
{
	for (unsigned i = 0; i < n_ends; i++)
		if (!strcmp(ends[i].name, name))
			return &ends[i];
	return NULL;
}

/* --- the cable ---------------------------------------------------------------------------------------------------- */

/* Flows are told by their UDP source port, as a card with a very simple hash would. */
static struct waiting *queue_of(struct end *to, const struct frame *f)
{
	unsigned udp = f->len > 38 && f->data[12] == 0x81 ? 38 : 34;

	return &to->waiting[to->n_rxq > 1 && f->len > udp + 1 ? f->data[udp + 1] % to->n_rxq : 0];
}

static void put_frame(struct end *to, const struct frame *f)
{
	uint64_t one = 1;

	pthread_mutex_lock(&to->lock);
	struct waiting *w = queue_of(to, f);

	if (to->started && w->n < QUEUE_SIZE) {
		struct frame *slot = &w->frames[(w->head + w->n++) % QUEUE_SIZE];

		slot->len = f->len;
		memcpy(slot->data, f->data, f->len);
		if (w->armed && write(w->fd, &one, sizeof(one)) == sizeof(one))
			w->armed = false;
	}
	pthread_mutex_unlock(&to->lock);
}

static bool peer_is_full(struct end *end)
{
	bool full = false;

	if (!end->peer)
		return false;
	pthread_mutex_lock(&end->peer->lock);
	/* Room for what a fault may add. */
	for (unsigned i = 0; i < MAX_QUEUES; i++)
		full |= end->peer->started && end->peer->waiting[i].n + 2 >= QUEUE_SIZE;
	pthread_mutex_unlock(&end->peer->lock);
	return full;
}

static bool every(unsigned n, uint64_t count)
{
	return n && count % n == 0;
}

static void transmit(struct end *end, struct frame *f)
{
	const struct loop_faults *faults = &end->faults;
	uint64_t n = ++end->n_sent;

	if (!end->peer || every(faults->lose, n))
		return;
	if (every(faults->corrupt, n) && f->len > 14)
		f->data[14 + n % (f->len - 14)] ^= (uint8_t)(1 << n % 8);
	if (every(faults->reorder, n) && !end->held.len) {
		end->held.len = f->len;
		memcpy(end->held.data, f->data, f->len);
		return;
	}
	put_frame(end->peer, f);
	if (every(faults->duplicate, n))
		put_frame(end->peer, f);
	if (end->held.len)
		put_frame(end->peer, &end->held);
	end->held.len = 0;
}

/* --- queues ------------------------------------------------------------------------------------------------------- */

/* Into as many buffers as it takes; returns elements, 0 when there are no buffers. */
static unsigned deliver(struct loop_rxq *q, const struct frame *f, struct vireo_pkt *pkts)
{
	unsigned n = (f->len + q->buf_size - 1) / q->buf_size, at = 0;
	void *bufs[VIREO_MAX_SEGS];

	if (vireo_pool_get_bufs(q->head.pool, bufs, n) != n) {
		vireo_rxq_drop(&q->head, VIREO_DROP_RX_NO_BUFFER, 1);
		return 0;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned len = f->len - at < q->buf_size ? f->len - at : q->buf_size;

		pkts[i] = (struct vireo_pkt){
			.buf = bufs[i],
			.off = VIREO_HEADROOM,
			.len = (uint16_t)len,
			.flags = vireo_pool_id(q->head.pool) << VIREO_PKT_POOL_SHIFT | (i + 1 < n ? VIREO_PKT_MORE : 0),
			.port = vireo_port_index(q->head.port),
		};
		memcpy(vireo_pkt_data(&pkts[i]), f->data + at, len);
		at += len;
	}
	if (vireo_pool_debug())
		vireo_pool_debug_rx(pkts, n);
	vireo_stat_add(&q->head.packets, 1);
	vireo_stat_add(&q->head.bytes, f->len);
	return n;
}

static unsigned segments(const struct loop_rxq *q, const struct frame *f)
{
	return (f->len + q->buf_size - 1) / q->buf_size;
}

static unsigned receive_queued(struct loop_rxq *q, struct vireo_pkt *pkts, unsigned n)
{
	struct end *end = q->end;
	struct waiting *w = q->waiting;
	unsigned got = 0;

	pthread_mutex_lock(&end->lock);
	while (w->n) {
		const struct frame *f = &w->frames[w->head];
		unsigned need = segments(q, f);

		if (need > n - got && (got || need <= n))
			break;
		if (need > n)
			vireo_rxq_drop(&q->head, VIREO_DROP_RX_BURST_SHORT, 1);
		else
			got += deliver(q, f, pkts + got);
		w->head = (w->head + 1) % QUEUE_SIZE;
		w->n--;
	}
	pthread_mutex_unlock(&end->lock);
	return got;
}

static unsigned loop_rx_burst(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct loop_rxq *q = (struct loop_rxq *)pub;
	struct frame f;
	unsigned got = 0;

	if (!q->end->source_len)
		return receive_queued(q, pkts, n);
	f.len = q->end->source_len;
	memset(f.data, 0x5a, f.len);
	while (got < n && deliver(q, &f, pkts + got))
		got++;
	return got;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* What a card with checksum offload would do to an IPv4 packet with UDP. */
static void offload(struct frame *f, const struct vireo_pkt *pkt)
{
	uint8_t *ip = f->data + pkt->tx.l2_len, *udp = ip + pkt->tx.l3_len;
	unsigned udp_len = f->len - pkt->tx.l2_len - pkt->tx.l3_len;
	uint32_t csum;

	if (pkt->flags & VIREO_PKT_TX_IP_CSUM) {
		put16(ip + 10, 0);
		put16(ip + 10, ~sum16(0, ip, pkt->tx.l3_len));
	}
	if (pkt->flags & VIREO_PKT_TX_UDP_CSUM) {
		put16(udp + 6, 0);
		csum = ~sum16(sum16(17 + udp_len, ip + 12, 8), udp, udp_len) & 0xffff;
		put16(udp + 6, csum ? csum : 0xffff);
	}
}

/* The elements of the packet at @pkts, its bytes into @f; 0 when it cannot be sent. */
static unsigned collect(const struct vireo_pkt *pkts, unsigned n, struct frame *f)
{
	f->len = 0;
	for (unsigned i = 0; i < n; i++) {
		if (f->len + pkts[i].len > FRAME_ROOM)
			return 0;
		memcpy(f->data + f->len, vireo_pkt_data(&pkts[i]), pkts[i].len);
		f->len += pkts[i].len;
		if (!(pkts[i].flags & VIREO_PKT_MORE)) {
			offload(f, &pkts[0]);
			return i + 1;
		}
	}
	return 0;
}

static void count_down(struct loop_txq *q)
{
	struct end *end = q->end;

	if (!end->fail_after || --end->fail_after)
		return;
	end->failed = true;
	vireo_port_failed(q->head.port, end->fail_err);
}

static unsigned send_all(struct loop_txq *q, struct vireo_pkt *pkts, unsigned n)
{
	struct frame f;
	unsigned sent = 0;

	while (sent < n && !q->end->failed && !peer_is_full(q->end)) {
		unsigned elements = collect(pkts + sent, n - sent, &f);

		if (!elements) {
			vireo_txq_drop(&q->head, VIREO_DROP_TX_INVALID, 1);
			vireo_pkt_free(pkts + sent, n - sent);
			return n;
		}
		transmit(q->end, &f);
		vireo_stat_add(&q->head.packets, 1);
		vireo_stat_add(&q->head.bytes, f.len);
		vireo_pkt_free(pkts + sent, elements);
		sent += elements;
		count_down(q);
	}
	return sent;
}

static unsigned loop_tx_burst(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct loop_txq *q = (struct loop_txq *)pub;
	unsigned sent;

	pthread_mutex_lock(&q->end->tx_lock);
	sent = send_all(q, pkts, n);
	pthread_mutex_unlock(&q->end->tx_lock);
	return sent;
}

/* --- the driver --------------------------------------------------------------------------------------------------- */

static int loop_probe(struct vireo_port *port, struct vireo_port_limits *ret_limits)
{
	struct loop_port *p = vireo_port_priv(port);
	struct vireo_device_info info;
	const char *name;

	vireo_device_info(vireo_port_device(port), &info);
	name = strrchr(info.address, ':');
	p->end = find_end(name ? name + 1 : info.address);
	if (!p->end)
		return vireo_error(-EOPNOTSUPP, "%s has no cable", info.address);
	*ret_limits = (struct vireo_port_limits){
		.max_rxq = MAX_QUEUES,
		.max_txq = MAX_QUEUES,
		.min_ring = 64,
		.max_ring = 1024,
		.default_rx_ring = 256,
		.default_tx_ring = 256,
		.max_mtu = 9216,
		.max_tx_segs = 16,
		.rx_offloads = VIREO_RX_CSUM, /* and never says that one is right or wrong, which is allowed */
		.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM,
		.rx_interrupts = true,
	};
	vireo_port_settings(port)->mac[0] = 0x02;
	vireo_port_settings(port)->mac[5] = (uint8_t)(p->end - ends);
	vireo_port_set_description(port, "a cable in memory");
	return 0;
}

static void loop_remove(struct vireo_port *port)
{
}

static int loop_rxq_create(struct vireo_port *port, unsigned idx, struct vireo_rxq_head **ret_q)
{
	struct loop_port *p = vireo_port_priv(port);
	struct loop_rxq *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->end = p->end;
	q->waiting = &p->end->waiting[idx];
	*ret_q = &q->head;
	return 0;
}

static void loop_rxq_destroy(struct vireo_rxq_head *q)
{
	free(q);
}

static int loop_txq_create(struct vireo_port *port, unsigned idx, struct vireo_txq_head **ret_q)
{
	struct loop_port *p = vireo_port_priv(port);
	struct loop_txq *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->end = p->end;
	*ret_q = &q->head;
	return 0;
}

static void loop_txq_destroy(struct vireo_txq_head *q)
{
	free(q);
}

static void start_rxq(struct vireo_port *port, unsigned idx)
{
	struct loop_rxq *rx = (struct loop_rxq *)vireo_port_rxq_head(port, idx);
	struct vireo_pool_info pool;

	vireo_pool_info(rx->head.pool, &pool);
	rx->buf_size = pool.buf_size;
	rx->head.max_segs = (uint16_t)((vireo_port_config(port)->mtu + 18 + pool.buf_size - 1) / pool.buf_size);
	rx->head.pub.burst = loop_rx_burst;
}

static int loop_start(struct vireo_port *port)
{
	const struct vireo_port_config *cfg = vireo_port_config(port);
	struct loop_port *p = vireo_port_priv(port);
	int err = vireo_port_add_event_fd(port, p->end->link_fd);

	if (err)
		return err;
	for (unsigned i = 0; i < cfg->n_rxq; i++)
		start_rxq(port, i);
	for (unsigned i = 0; i < cfg->n_txq; i++)
		vireo_port_txq_head(port, i)->pub.burst = loop_tx_burst;
	pthread_mutex_lock(&p->end->lock);
	p->end->n_rxq = cfg->n_rxq;
	p->end->started = true;
	p->end->failed = false;
	p->link_reported = p->end->link_up;
	pthread_mutex_unlock(&p->end->lock);
	return 0;
}

static int loop_stop(struct vireo_port *port)
{
	struct loop_port *p = vireo_port_priv(port);

	pthread_mutex_lock(&p->end->lock);
	p->end->started = false;
	for (unsigned i = 0; i < MAX_QUEUES; i++)
		p->end->waiting[i].head = p->end->waiting[i].n = 0;
	p->end->held.len = 0;
	pthread_mutex_unlock(&p->end->lock);
	return 0;
}

static unsigned loop_txq_reclaim(struct vireo_txq_head *q)
{
	return 0;
}

static int loop_rxq_arm(struct vireo_rxq_head *q)
{
	struct waiting *w = ((struct loop_rxq *)q)->waiting;
	struct end *end = ((struct loop_rxq *)q)->end;
	uint64_t count;
	int waiting;

	pthread_mutex_lock(&end->lock);
	waiting = w->n || end->source_len;
	if (read(w->fd, &count, sizeof(count)) < 0)
		count = 0;
	w->armed = !waiting;
	pthread_mutex_unlock(&end->lock);
	return waiting;
}

static int loop_rxq_fd(struct vireo_rxq_head *q)
{
	return ((struct loop_rxq *)q)->waiting->fd;
}

static bool link_is_up(struct end *end)
{
	bool up;

	pthread_mutex_lock(&end->lock);
	up = end->link_up;
	pthread_mutex_unlock(&end->lock);
	return up;
}

static int loop_link(struct vireo_port *port, struct vireo_link *ret_link)
{
	struct loop_port *p = vireo_port_priv(port);

	*ret_link = (struct vireo_link){.up = link_is_up(p->end), .full_duplex = true, .speed_mbps = 10000};
	return 0;
}

static int loop_poll(struct vireo_port *port)
{
	struct loop_port *p = vireo_port_priv(port);
	bool up = link_is_up(p->end), changed = up != p->link_reported;

	p->link_reported = up;
	return changed ? VIREO_EVENT_LINK : 0;
}

static int loop_set_rx_mode(struct vireo_port *port)
{
	return 0; /* a card that takes everything in is promiscuous enough */
}

static const struct vireo_pci_id loop_ids[] = {{0x1af4, 0xfa4e}, {0, 0}};

static const struct vireo_driver loop_driver = {
	.name = "loop",
	.pci_ids = loop_ids,
	.port_size = sizeof(struct loop_port),
	.probe = loop_probe,
	.remove = loop_remove,
	.rxq_create = loop_rxq_create,
	.rxq_destroy = loop_rxq_destroy,
	.txq_create = loop_txq_create,
	.txq_destroy = loop_txq_destroy,
	.start = loop_start,
	.stop = loop_stop,
	.txq_reclaim = loop_txq_reclaim,
	.rxq_arm = loop_rxq_arm,
	.rxq_fd = loop_rxq_fd,
	.link = loop_link,
	.poll = loop_poll,
	.set_rx_mode = loop_set_rx_mode,
};

/* --- for tests ---------------------------------------------------------------------------------------------------- */

int loop_driver_register(void)
{
	return vireo_driver_register(&loop_driver);
}

static struct end *create_end(const char *name)
{
	struct end *end = &ends[n_ends++];

	if (n_ends > MAX_ENDS)
		abort();
	*end = (struct end){.link_up = true};
	snprintf(end->name, sizeof(end->name), "%s", name);
	pthread_mutex_init(&end->lock, NULL);
	pthread_mutex_init(&end->tx_lock, NULL);
	end->fake = fake_device_create(name);
	end->link_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (end->link_fd < 0)
		abort();
	for (unsigned i = 0; i < MAX_QUEUES; i++) {
		struct waiting *w = &end->waiting[i];

		w->frames = calloc(QUEUE_SIZE, sizeof(*w->frames));
		w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (!w->frames || w->fd < 0)
			abort();
	}
	return end;
}

void loop_connect(const char *a, const char *b)
{
	struct end *one = create_end(a), *other = strcmp(a, b) ? create_end(b) : one;

	one->peer = other;
	other->peer = one;
}

void loop_source(const char *name, unsigned len)
{
	create_end(name)->source_len = len;
}

void loop_reset(void)
{
	for (unsigned i = 0; i < n_ends; i++) {
		fake_device_destroy(ends[i].fake);
		for (unsigned k = 0; k < MAX_QUEUES; k++) {
			free(ends[i].waiting[k].frames);
			close(ends[i].waiting[k].fd);
		}
		close(ends[i].link_fd);
		pthread_mutex_destroy(&ends[i].lock);
		pthread_mutex_destroy(&ends[i].tx_lock);
	}
	n_ends = 0;
}

void loop_set_faults(const char *name, struct loop_faults faults)
{
	find_end(name)->faults = faults;
}

void loop_fail_after(const char *name, unsigned n, int err)
{
	find_end(name)->fail_after = n;
	find_end(name)->fail_err = err;
}

void loop_set_link(const char *name, bool up)
{
	struct end *end = find_end(name);
	uint64_t one = 1;

	pthread_mutex_lock(&end->lock);
	end->link_up = up;
	if (write(end->link_fd, &one, sizeof(one)) < 0)
		abort();
	pthread_mutex_unlock(&end->lock);
}

unsigned loop_waiting(const char *name)
{
	struct end *end = find_end(name);
	unsigned n = 0;

	pthread_mutex_lock(&end->lock);
	for (unsigned i = 0; i < MAX_QUEUES; i++)
		n += end->waiting[i].n;
	pthread_mutex_unlock(&end->lock);
	return n;
}
