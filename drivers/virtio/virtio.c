// SPDX-License-Identifier: BSD-2-Clause
/* virtio-net: the driver's table of operations, and the life of a port. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "deadline.h"
#include "virtio.h"

/* More descriptors than this hide packets instead of helping: at 10 Gbit/s they are milliseconds. */
#define MAX_RING     4096
#define MIN_RING     4
#define DEFAULT_RING 256

/* Without an MTU of the device's own: frames of 64 KiB, the most that an element counts. */
#define MAX_MTU 65500

/* What costs nothing on the way of a packet. */
#define WANTED_ALWAYS                                                                                                  \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER | VIRTIO_NET_F_MAC | \
	 VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU | VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX |                        \
	 VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_NET_F_MQ | VIRTIO_NET_F_SPEED_DUPLEX)
#define GUEST_TSO (VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6)
#define HOST_TSO  (VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6)

static const struct vireo_pci_id virtio_pci_ids[] = {
	{VIRTIO_PCI_VENDOR, VIRTIO_PCI_NET},
	{VIRTIO_PCI_VENDOR, VIRTIO_PCI_NET_TRANSITIONAL},
	{0, 0},
};

/* 5.1.3.1: a feature is worth nothing without the ones that it stands on. */
static uint64_t drop_orphans(uint64_t f)
{
	if (!(f & VIRTIO_NET_F_CTRL_VQ))
		f &= ~(VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_VLAN | VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_NET_F_MQ);
	if (!(f & VIRTIO_NET_F_CSUM))
		f &= ~HOST_TSO;
	if (!(f & VIRTIO_NET_F_GUEST_CSUM))
		f &= ~GUEST_TSO;
	if (!(f & HOST_TSO))
		f &= ~VIRTIO_NET_F_HOST_ECN;
	if (!(f & GUEST_TSO))
		f &= ~VIRTIO_NET_F_GUEST_ECN;
	return f;
}

static struct virtio_rxq *rxq(const struct virtio_port *vp, unsigned i)
{
	return (struct virtio_rxq *)vireo_port_rxq_head(vp->port, i);
}

static struct virtio_txq *txq(const struct virtio_port *vp, unsigned i)
{
	return (struct virtio_txq *)vireo_port_txq_head(vp->port, i);
}

/* Whether a packet can need more than one buffer. */
static bool needs_several_buffers(const struct virtio_port *vp)
{
	for (unsigned i = 0; i < vireo_port_config(vp->port)->n_rxq; i++)
		if (rxq(vp, i)->head.max_segs > 1)
			return true;
	return false;
}

/* What this configuration needs of what there is. */
static uint64_t choose_features(const struct virtio_port *vp)
{
	const struct vireo_port_config *cfg = vireo_port_config(vp->port);
	uint64_t wanted = WANTED_ALWAYS;

	if (cfg->rx_offloads & (VIREO_RX_CSUM | VIREO_RX_LARGE))
		wanted |= VIRTIO_NET_F_GUEST_CSUM;
	if (cfg->rx_offloads & VIREO_RX_LARGE)
		wanted |= GUEST_TSO | VIRTIO_NET_F_GUEST_ECN;
	/*
	 * With CSUM the device looks into the header of every packet, which costs a cache line that it does not have; so not for
	 * a port whose packets all have their checksums. One that receives partial ones is likely to be handed some.
	 */
	if (cfg->tx_offloads || (cfg->rx_offloads & (VIREO_RX_CSUM | VIREO_RX_LARGE)))
		wanted |= VIRTIO_NET_F_CSUM;
	/*
	 * With MRG_RXBUF each header has a count of buffers: a cache line to look at, and for whoever sends the packet on one to
	 * write, for there the count must be 0 (5.1.6.2.1).
	 */
	if (needs_several_buffers(vp))
		wanted |= VIRTIO_NET_F_MRG_RXBUF;
	if (cfg->tx_offloads & VIREO_TX_TSO)
		wanted |= HOST_TSO | VIRTIO_NET_F_HOST_ECN;
	/* With CTRL_VLAN a device receives no VLAN that it was not told of, so only with a filter; see virtio_set_vlan(). */
	if (vireo_port_settings(vp->port)->n_vlans)
		wanted |= VIRTIO_NET_F_CTRL_VLAN;
	return drop_orphans(vp->offered & wanted);
}

/* Probe */

static int check_features(const struct virtio_port *vp, const struct vireo_device_info *info)
{
	if (!(vp->offered & VIRTIO_F_VERSION_1))
		return vireo_error(
			-EOPNOTSUPP,
			"%s does not offer virtio 1 (VERSION_1), and older ones cannot be driven; start QEMU with "
			"-device virtio-net-pci,disable-legacy=on,disable-modern=off",
			vp->pci.name);
	/* 6: without it the device uses physical addresses, past the IOMMU that we programmed. */
	if (info->iommu && !(vp->offered & VIRTIO_F_ACCESS_PLATFORM))
		return vireo_error(
			-EOPNOTSUPP,
			"%s is behind an IOMMU and would go past it (no ACCESS_PLATFORM), so it cannot be driven "
			"safely; start QEMU with -device virtio-net-pci,disable-legacy=on,iommu_platform=on",
			vp->pci.name);
	return 0;
}

/* 5.1.4: what has no address gets a random one, marked as locally administered. */
static int choose_mac(struct vireo_port *port, const struct virtio_port *vp, const struct virtio_net_config *config)
{
	uint8_t *mac = vireo_port_settings(port)->mac;

	if (vp->offered & VIRTIO_NET_F_MAC) {
		memcpy(mac, config->mac, VIREO_MAC_LEN);
		return 0;
	}
	if (getrandom(mac, VIREO_MAC_LEN, 0) != VIREO_MAC_LEN)
		return vireo_error(-EIO, "no random numbers for a MAC address");
	mac[0] = (mac[0] & ~1) | 2;
	return 0;
}

static void list_missing(const struct virtio_port *vp, const struct vireo_port_limits *limits, char *text, size_t size)
{
	static const struct {
		uint64_t feature;
		const char *name;
	} list[] = {
		{VIRTIO_NET_F_MRG_RXBUF, "MRG_RXBUF"},
		{VIRTIO_NET_F_CSUM, "CSUM"},
		{VIRTIO_NET_F_GUEST_CSUM, "GUEST_CSUM"},
		{VIRTIO_NET_F_GUEST_TSO4, "GUEST_TSO4"},
		{VIRTIO_NET_F_GUEST_TSO6, "GUEST_TSO6"},
		{VIRTIO_NET_F_HOST_TSO4, "HOST_TSO4"},
		{VIRTIO_NET_F_HOST_TSO6, "HOST_TSO6"},
		{VIRTIO_NET_F_STATUS, "STATUS"},
		{VIRTIO_NET_F_CTRL_RX, "CTRL_RX"},
		{VIRTIO_NET_F_CTRL_MAC_ADDR, "CTRL_MAC_ADDR"},
		{VIRTIO_NET_F_MQ, "MQ"},
	};
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (!(vp->offered & list[i].feature) && len < size)
			len += snprintf(text + len, size - len, "%s%s", len ? ", " : "the device does not offer ",
					list[i].name);
	if (!limits->rx_interrupts && len < size)
		snprintf(text + len, size - len, "%stoo few MSI-X vectors", len ? ", and has " : "the device has ");
}

static uint32_t default_ring(unsigned size)
{
	return size < DEFAULT_RING ? size : DEFAULT_RING;
}

static int fill_limits(struct virtio_port *vp, const struct virtio_net_config *config, struct vireo_port_limits *limits)
{
	struct vireo_irq_info irq = {0};
	unsigned n_queues = virtio_pci_n_queues(&vp->pci), pairs;

	vireo_device_irq(vp->pci.dev, VIREO_IRQ_MSIX, &irq);
	pairs = vp->offered & VIRTIO_NET_F_MQ ? config->max_pairs : 1;
	if (pairs == 0 || vp->rx_size < MIN_RING || vp->tx_size < MIN_RING)
		return vireo_error(-EIO, "%s has %u queues, %u pairs, rings of %u and %u: the device is broken",
				   vp->pci.name, n_queues, pairs, vp->rx_size, vp->tx_size);
	vp->max_pairs = pairs;
	limits->max_rxq = limits->max_txq = pairs < VIREO_MAX_QUEUES ? pairs : VIREO_MAX_QUEUES;
	limits->min_ring = MIN_RING;
	limits->max_ring = vp->rx_size > vp->tx_size ? vp->rx_size : vp->tx_size;
	limits->default_rx_ring = default_ring(vp->rx_size);
	limits->default_tx_ring = default_ring(vp->tx_size);
	limits->max_mtu = config->mtu && config->mtu < MAX_MTU ? config->mtu : MAX_MTU;
	limits->max_tx_segs = vp->tx_size - 1 < VIREO_MAX_SEGS ? vp->tx_size - 1 : VIREO_MAX_SEGS;
	limits->rx_interrupts = irq.count >= 2;

	limits->rx_offloads = VIREO_RX_VLAN_STRIP;
	if (vp->offered & VIRTIO_NET_F_GUEST_CSUM)
		limits->rx_offloads |= VIREO_RX_CSUM;
	if ((vp->offered & GUEST_TSO) && (vp->offered & VIRTIO_NET_F_MRG_RXBUF))
		limits->rx_offloads |= VIREO_RX_LARGE;
	/* What the device lacks of these is done in software. */
	limits->tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM;
	if (vp->offered & HOST_TSO)
		limits->tx_offloads |= VIREO_TX_TSO;
	list_missing(vp, limits, limits->missing, sizeof(limits->missing));
	return 0;
}

static unsigned ring_size(const struct virtio_port *vp, unsigned idx)
{
	unsigned size = virtio_pci_queue_size(&vp->pci, idx);

	return size < MAX_RING ? size : MAX_RING;
}

/* An eventfd for configuration changes, if the device can signal them; otherwise polling finds them. */
static int open_event(struct virtio_port *vp)
{
	struct vireo_irq_info irq = {0};
	int err;

	vp->event_fd = -1;
	vireo_device_irq(vp->pci.dev, VIREO_IRQ_MSIX, &irq);
	if (!irq.count)
		return 0;
	vp->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (vp->event_fd < 0)
		return vireo_error(-errno, "cannot make an eventfd: %m");
	err = vireo_port_add_event_fd(vp->port, vp->event_fd);
	if (err) {
		close(vp->event_fd);
		vp->event_fd = -1;
	}
	return err;
}

static void describe(struct vireo_port *port, const struct virtio_port *vp)
{
	char text[96];

	snprintf(text, sizeof(text), "virtio-net, %u queue pair%s, features %#llx", vp->max_pairs,
		 vp->max_pairs == 1 ? "" : "s", (unsigned long long)vp->offered);
	vireo_port_set_description(port, text);
}

static int virtio_probe(struct vireo_port *port, struct vireo_port_limits *ret_limits)
{
	struct virtio_port *vp = virtio_port_of(port);
	struct virtio_net_config config;
	struct vireo_device_info info;
	int err;

	vp->port = port;
	err = virtio_pci_open(&vp->pci, vireo_port_device(port));
	if (!err)
		err = virtio_pci_reset(&vp->pci);
	if (err)
		return err;
	vireo_device_info(vp->pci.dev, &info);
	vp->offered = drop_orphans(virtio_pci_features(&vp->pci));
	err = check_features(vp, &info);
	if (!err)
		err = virtio_pci_read_config(&vp->pci, vp->offered, &config);
	if (err)
		return err;
	vp->rx_size = ring_size(vp, VIRTIO_NET_RXQ(0));
	vp->tx_size = ring_size(vp, VIRTIO_NET_TXQ(0));
	err = fill_limits(vp, &config, ret_limits);
	if (!err)
		err = choose_mac(port, vp, &config);
	if (!err)
		err = virtio_ctrl_create(vp);
	if (err)
		return err;
	err = open_event(vp);
	if (err) {
		virtio_ctrl_destroy(vp);
		return err;
	}
	describe(port, vp);
	return 0;
}

static void virtio_remove(struct vireo_port *port)
{
	struct virtio_port *vp = virtio_port_of(port);

	if (vp->event_fd >= 0)
		close(vp->event_fd);
	virtio_ctrl_destroy(vp);
}

/* Start and stop */

static int port_link(struct virtio_port *vp, struct vireo_link *ret_link)
{
	struct virtio_net_config config;
	int err;

	err = virtio_pci_read_config(&vp->pci, vp->offered & (VIRTIO_NET_F_STATUS | VIRTIO_NET_F_SPEED_DUPLEX),
				     &config);
	if (!err)
		*ret_link = (struct vireo_link){config.up, config.full_duplex, config.speed_mbps};
	return err;
}

/* Vector 0 is for configuration changes, 1 + i for receive queue i. */
static unsigned count_vectors(const struct vireo_port_config *cfg)
{
	return 1 + (cfg->rx_interrupts ? cfg->n_rxq : 0);
}

int virtio_check_config(const struct virtio_port *vp)
{
	const struct vireo_port_config *cfg = vireo_port_config(vp->port);
	struct vireo_irq_info irq = {0};

	/* 5.1.6.5.5: the device spreads packets over as many receive queues as there are pairs. */
	if (cfg->n_rxq < cfg->n_txq)
		return vireo_error(
			-EINVAL,
			"%s: virtio queues come in pairs, so %u transmit queues need as many receive queues, not %u",
			vp->pci.name, cfg->n_txq, cfg->n_rxq);
	if (cfg->rx_ring > vp->rx_size || cfg->tx_ring > vp->tx_size)
		return vireo_error(-EOPNOTSUPP,
				   "%s takes %u receive and %u transmit descriptors at most, not %u and %u",
				   vp->pci.name, vp->rx_size, vp->tx_size, cfg->rx_ring, cfg->tx_ring);
	vireo_device_irq(vp->pci.dev, VIREO_IRQ_MSIX, &irq);
	if (cfg->rx_interrupts && count_vectors(cfg) > irq.count)
		return vireo_error(
			-EOPNOTSUPP,
			"%s has %u MSI-X vectors, %u receive queues with interrupts need %u; give it more (QEMU: "
			"vectors=N) or use fewer queues",
			vp->pci.name, irq.count, cfg->n_rxq, count_vectors(cfg));
	return 0;
}

static int enable_vectors(struct virtio_port *vp)
{
	unsigned n = count_vectors(vireo_port_config(vp->port));
	int fds[1 + VIREO_MAX_QUEUES];

	if (vp->event_fd < 0)
		return 0;
	fds[0] = vp->event_fd;
	for (unsigned i = 1; i < n; i++)
		fds[i] = rxq(vp, i - 1)->fd;
	return vireo_device_irq_enable(vp->pci.dev, VIREO_IRQ_MSIX, 0, n, fds);
}

/* 3.1.1, step 7: the queues, filled before the device can see them. */
static int enable_queues(struct virtio_port *vp)
{
	const struct vireo_port_config *cfg = vireo_port_config(vp->port);
	int err = 0;

	for (unsigned i = 0; i < cfg->n_rxq && !err; i++) {
		struct virtio_rxq *q = rxq(vp, i);

		err = virtio_rxq_start(q);
		if (!err)
			err = virtio_pci_enable_queue(&vp->pci, VIRTIO_NET_RXQ(i), &q->vq,
						      cfg->rx_interrupts ? 1 + i : VIRTIO_NO_VECTOR, &q->kick);
	}
	for (unsigned i = 0; i < cfg->n_txq && !err; i++) {
		struct virtio_txq *q = txq(vp, i);

		virtio_txq_start(q);
		err = virtio_pci_enable_queue(&vp->pci, VIRTIO_NET_TXQ(i), &q->vq, VIRTIO_NO_VECTOR, &q->kick);
	}
	return err ? err : virtio_ctrl_enable(vp);
}

static int go(struct virtio_port *vp)
{
	const struct vireo_port_config *cfg = vireo_port_config(vp->port);
	int err;

	err = virtio_pci_set_config_vector(&vp->pci, vp->event_fd >= 0 ? 0 : VIRTIO_NO_VECTOR);
	if (!err)
		err = vireo_device_set_master(vp->pci.dev, true);
	if (err)
		return err;
	virtio_pci_add_status(&vp->pci, VIRTIO_STATUS_DRIVER_OK);
	for (unsigned i = 0; i < cfg->n_rxq; i++)
		virtio_kick(&rxq(vp, i)->vq, &rxq(vp, i)->kick, VIRTIO_NET_RXQ(i));
	return virtio_ctrl_apply(vp);
}

/* However far start came: a device that reaches no memory of ours, and rings without buffers. */
static int halt(struct virtio_port *vp)
{
	const struct vireo_port_config *cfg = vireo_port_config(vp->port);
	int err = virtio_pci_reset(&vp->pci), err_master, err_irq;

	virtio_ctrl_disable(vp);
	err_master = vireo_device_set_master(vp->pci.dev, false);
	err_irq = vireo_device_irq_disable(vp->pci.dev, VIREO_IRQ_MSIX);
	for (unsigned i = 0; i < cfg->n_rxq; i++)
		virtio_rxq_stop(rxq(vp, i));
	for (unsigned i = 0; i < cfg->n_txq; i++)
		virtio_txq_stop(txq(vp, i));
	return err ? err : err_master ? err_master : err_irq;
}

static int virtio_start(struct vireo_port *port)
{
	const struct vireo_port_config *cfg = vireo_port_config(port);
	struct virtio_port *vp = virtio_port_of(port);
	struct vireo_link link;
	bool packed;
	int err;

	err = virtio_pci_reset(&vp->pci);
	if (err)
		return err;
	vp->features = choose_features(vp);
	err = virtio_pci_negotiate(&vp->pci, vp->features);
	if (!err)
		err = enable_vectors(vp);
	if (!err)
		err = enable_queues(vp);
	if (!err)
		err = go(vp);
	if (!err)
		err = port_link(vp, &link);
	if (err) {
		halt(vp);
		return err;
	}
	vp->link_up = link.up;
	packed = virtio_has(vp, VIRTIO_F_RING_PACKED);
	for (unsigned i = 0; i < cfg->n_rxq; i++)
		rxq(vp, i)->head.pub.burst = virtio_rx_burst_choose(packed);
	for (unsigned i = 0; i < cfg->n_txq; i++)
		txq(vp, i)->head.pub.burst = virtio_tx_burst_choose(packed);
	return 0;
}

/* Wait until everything is sent. A device in trouble sends no more. */
static int drain(struct virtio_port *vp)
{
	const struct vireo_port_config *cfg = vireo_port_config(vp->port);
	struct deadline deadline = deadline_in_us(virtio_patience_us);

	for (unsigned i = 0; i < cfg->n_txq; i++) {
		struct virtio_txq *q = txq(vp, i);

		for (;;) {
			bool late = deadline_passed(&deadline);
			int status;

			virtio_txq_reclaim(&q->head);
			if (virtio_txq_is_empty(q))
				break;
			if (virtq_has_used(&q->vq, 1) < 0)
				return vireo_error(-EIO, "%s does not say what it sent", vp->pci.name);
			status = virtio_pci_status(&vp->pci);
			if (status < 0)
				return status;
			if (status & VIRTIO_STATUS_NEEDS_RESET)
				return vireo_error(-EIO, "%s gave up before everything was sent", vp->pci.name);
			if (late)
				return vireo_error(-ETIMEDOUT, "%s did not send everything within %u ms", vp->pci.name,
						   virtio_patience_us / 1000);
			deadline_pause();
		}
	}
	return 0;
}

static int virtio_stop(struct vireo_port *port)
{
	struct virtio_port *vp = virtio_port_of(port);
	int err = drain(vp), err_halt = halt(vp);

	return err ? err : err_halt;
}

/* Link and events */

static int virtio_link(struct vireo_port *port, struct vireo_link *ret_link)
{
	return port_link(virtio_port_of(port), ret_link);
}

/* 2.1.2: NEEDS_RESET is announced as a configuration change. */
static int virtio_poll(struct vireo_port *port)
{
	struct virtio_port *vp = virtio_port_of(port);
	struct vireo_link link;
	int status, err;

	status = virtio_pci_status(&vp->pci);
	if (status < 0)
		return status;
	if (status & VIRTIO_STATUS_NEEDS_RESET)
		return vireo_error(-EIO, "%s gave up and wants to be reset; stop and start the port", vp->pci.name);
	err = port_link(vp, &link);
	if (err)
		return err;
	if (link.up == vp->link_up)
		return 0;
	vp->link_up = link.up;
	return VIREO_EVENT_LINK;
}

const struct vireo_driver virtio_driver = {
	.name = "virtio",
	.pci_ids = virtio_pci_ids,
	.port_size = sizeof(struct virtio_port),
	.probe = virtio_probe,
	.remove = virtio_remove,
	.rxq_create = virtio_rxq_create,
	.rxq_destroy = virtio_rxq_destroy,
	.txq_create = virtio_txq_create,
	.txq_destroy = virtio_txq_destroy,
	.start = virtio_start,
	.stop = virtio_stop,
	.txq_reclaim = virtio_txq_reclaim,
	.rxq_arm = virtio_rxq_arm,
	.rxq_fd = virtio_rxq_fd,
	.link = virtio_link,
	.poll = virtio_poll,
	.set_rx_mode = virtio_set_rx_mode,
	.set_mac = virtio_set_mac,
	.set_mac_filter = virtio_set_mac_filter,
	.set_vlan = virtio_set_vlan,
};
