// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control queue: VIRTIO 1.2, 5.1.6.5. One command at a time, waited for; the library lets one thread at a time in.
 * A command without an answer leaves its memory with the device, so nothing more is sent before the next start.
 */
#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "virtio.h"

/* The largest command: both MAC tables. */
#define MAX_DATA     (2 * sizeof(uint32_t) + VIREO_MAX_FILTER_MACS * VIREO_MAC_LEN)
#define REQUEST_SIZE (sizeof(struct virtio_net_ctrl_hdr) + MAX_DATA)

int virtio_ctrl_create(struct virtio_port *vp)
{
	struct virtio_ctrl *ctrl = &vp->ctrl;
	struct virtq_layout layout;
	void *mem;
	int err;

	virtq_layout(VIRTIO_CTRL_RING, &layout);
	err = vireo_memory_alloc(layout.size + REQUEST_SIZE + 1, 4096, 0, &mem);
	if (err)
		return err;
	ctrl->mem = mem;
	ctrl->request = ctrl->mem + layout.size;
	ctrl->ack = (uint8_t *)ctrl->request + REQUEST_SIZE;
	return 0;
}

void virtio_ctrl_destroy(struct virtio_port *vp)
{
	vireo_memory_free(vp->ctrl.mem);
	vp->ctrl.mem = NULL;
}

int virtio_ctrl_enable(struct virtio_port *vp)
{
	struct virtio_ctrl *ctrl = &vp->ctrl;
	unsigned size;
	int err;

	if (!virtio_has(vp, VIRTIO_NET_F_CTRL_VQ))
		return 0;
	ctrl->idx = VIRTIO_NET_CTRLQ(virtio_has(vp, VIRTIO_NET_F_MQ) ? vp->max_pairs : 1);
	size = virtio_pci_queue_size(&vp->pci, ctrl->idx);
	if (size < 2)
		return vireo_error(-EIO, "%s offers a control queue and has none", vp->pci.name);
	virtq_init(&ctrl->vq, size < VIRTIO_CTRL_RING ? size : VIRTIO_CTRL_RING, ctrl->mem, ctrl->free_ids);
	ctrl->vq.packed = virtio_has(vp, VIRTIO_F_RING_PACKED);
	ctrl->vq.in_order = virtio_has(vp, VIRTIO_F_IN_ORDER);
	virtq_reset(&ctrl->vq);
	err = virtio_pci_enable_queue(&vp->pci, ctrl->idx, &ctrl->vq, VIRTIO_NO_VECTOR, &ctrl->kick);
	ctrl->ready = !err;
	return err;
}

void virtio_ctrl_disable(struct virtio_port *vp)
{
	vp->ctrl.ready = false;
}

static int wait_for_answer(struct virtio_port *vp)
{
	struct deadline deadline = deadline_in_us(virtio_patience_us);
	struct virtio_ctrl *ctrl = &vp->ctrl;

	for (;;) {
		bool late = deadline_passed(&deadline);
		int pending = virtq_has_used(&ctrl->vq, 1), status;

		if (pending < 0)
			return vireo_error(-EIO, "%s: the used ring of the control queue makes no sense", vp->pci.name);
		if (pending)
			return 0;
		status = virtio_pci_status(&vp->pci);
		if (status < 0)
			return status;
		if (status & VIRTIO_STATUS_NEEDS_RESET)
			return vireo_error(-EIO, "%s gave up and wants to be reset; stop and start the port",
					   vp->pci.name);
		if (late)
			return vireo_error(-ETIMEDOUT, "%s did not answer a command within %u ms", vp->pci.name,
					   virtio_patience_us / 1000);
		deadline_pause();
	}
}

/* Two descriptors, header and data in one: 2.7.4 leaves the framing to us. */
static int exchange(struct virtio_port *vp, size_t len)
{
	struct virtio_ctrl *ctrl = &vp->ctrl;
	struct virtq *vq = &ctrl->vq;
	struct virtq_chain chain = {0};
	struct virtq_used_elem e;
	int err;

	virtq_chain_add(vq, &chain, vireo_iova(ctrl->request), (uint32_t)len, 0);
	virtq_chain_add(vq, &chain, vireo_iova(ctrl->ack), 1, VIRTQ_DESC_F_WRITE);
	virtq_chain_offer(vq, &chain);
	virtq_publish(vq);
	virtio_kick(vq, &ctrl->kick, ctrl->idx);
	err = wait_for_answer(vp);
	if (err)
		return err;
	e = virtq_peek(vq, vq->packed, 0);
	if (e.id != chain.first)
		return vireo_error(-EIO, "%s answered a command that was not sent", vp->pci.name);
	vq->used_idx += vq->packed ? chain.n : 1;
	virtq_put_id(vq, chain.first);
	virtq_put_id(vq, chain.last);
	return 0;
}

/* Run one command; @what is for the sentence. */
static int command(struct virtio_port *vp, struct virtio_net_ctrl_hdr hdr, const void *data, size_t len,
		   const char *what)
{
	struct virtio_ctrl *ctrl = &vp->ctrl;
	uint8_t ack;
	int err;

	if (!ctrl->ready)
		return vireo_error(-EIO, "%s does not answer commands any more; stop and start the port", vp->pci.name);
	memcpy(ctrl->request, &hdr, sizeof(hdr));
	memcpy(ctrl->request + sizeof(hdr), data, len);
	io_store_relaxed(ctrl->ack, (uint8_t)~VIRTIO_NET_CTRL_OK);
	err = exchange(vp, sizeof(hdr) + len);
	if (err) {
		ctrl->ready = false;
		return err;
	}
	ack = io_load_relaxed(ctrl->ack);
	return ack == VIRTIO_NET_CTRL_OK ? 0 : vireo_error(-EIO, "%s refuses to %s", vp->pci.name, what);
}

static int lacks(const struct virtio_port *vp, const char *what, const char *feature)
{
	return vireo_error(-EOPNOTSUPP, "%s cannot %s: it does not offer %s", vp->pci.name, what, feature);
}

static int set_pairs(struct virtio_port *vp, uint16_t n)
{
	return command(vp, (struct virtio_net_ctrl_hdr){VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_PAIRS_SET}, &n,
		       sizeof(n), "use so many queues");
}

/* 5.1.6.5.1 */
int virtio_set_rx_mode(struct vireo_port *port)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	struct virtio_port *vp = virtio_port_of(port);
	uint8_t promisc = s->promiscuous, allmulti = s->all_multicast;
	int err;

	if (!virtio_has(vp, VIRTIO_NET_F_CTRL_RX))
		return lacks(vp, "choose what it receives", "CTRL_RX");
	err = command(vp, (struct virtio_net_ctrl_hdr){VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC}, &promisc, 1,
		      "change promiscuous mode");
	if (err)
		return err;
	return command(vp, (struct virtio_net_ctrl_hdr){VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI}, &allmulti, 1,
		       "change what multicast it receives");
}

/* 5.1.6.5.2 */
int virtio_set_mac(struct vireo_port *port)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	struct virtio_port *vp = virtio_port_of(port);

	if (!virtio_has(vp, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return lacks(vp, "change its address", "CTRL_MAC_ADDR");
	return command(vp, (struct virtio_net_ctrl_hdr){VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR}, s->mac,
		       sizeof(s->mac), "take that address");
}

/* One table of 5.1.6.5.2: the addresses of one kind, behind their number. Returns where it ends. */
static char *put_table(char *at, const struct vireo_port_settings *s, bool multicast)
{
	char *start = at;
	uint32_t n = 0;

	at += sizeof(n);
	for (unsigned i = 0; i < s->n_filter_macs; i++) {
		if ((s->filter_macs[i][0] & 1) != multicast)
			continue;
		memcpy(at, s->filter_macs[i], VIREO_MAC_LEN);
		at += VIREO_MAC_LEN;
		n++;
	}
	memcpy(start, &n, sizeof(n));
	return at;
}

int virtio_set_mac_filter(struct vireo_port *port)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	struct virtio_port *vp = virtio_port_of(port);
	char data[MAX_DATA], *end;

	if (!virtio_has(vp, VIRTIO_NET_F_CTRL_RX))
		return lacks(vp, "receive for further addresses", "CTRL_RX");
	end = put_table(put_table(data, s, false), s, true);
	return command(vp, (struct virtio_net_ctrl_hdr){VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE}, data,
		       end - data, "receive for these addresses");
}

/* 5.1.6.5.3 */
static int command_vlan(struct virtio_port *vp, uint16_t vlan_id, bool on)
{
	struct virtio_net_ctrl_hdr hdr = {VIRTIO_NET_CTRL_VLAN,
					  on ? VIRTIO_NET_CTRL_VLAN_ADD : VIRTIO_NET_CTRL_VLAN_DEL};

	return command(vp, hdr, &vlan_id, sizeof(vlan_id), "change its VLAN filter");
}

/* What the receive queues go by; all ones without a filter. */
static void copy_filter(struct vireo_port *port)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	const struct vireo_port_config *cfg = vireo_port_config(port);
	struct virtio_port *vp = virtio_port_of(port);
	uint8_t inspect = s->n_vlans || (cfg->rx_offloads & VIREO_RX_VLAN_STRIP);

	for (unsigned i = 0; i < sizeof(vp->vlans) / sizeof(vp->vlans[0]); i++)
		io_store_relaxed(&vp->vlans[i], s->n_vlans ? s->vlans[i] : UINT64_MAX);
	for (unsigned i = 0; i < cfg->n_rxq; i++)
		io_store_relaxed(&((struct virtio_rxq *)vireo_port_rxq_head(port, i))->inspect, inspect);
}

/*
 * The receive queues filter by themselves, so that the rule is the same for every device, also while it is promiscuous. A
 * device that was started with a filter (CTRL_VLAN is on then) saves them the work.
 */
int virtio_set_vlan(struct vireo_port *port, uint16_t vlan_id, bool on)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	struct virtio_port *vp = virtio_port_of(port);
	int err = 0;

	if (virtio_has(vp, VIRTIO_NET_F_CTRL_VLAN)) {
		if (!on && !s->n_vlans)
			/* The last one went: now all are wanted, and this device knows only those it was told. */
			for (unsigned id = 0; id < 4096 && !err; id++)
				err = id == vlan_id ? 0 : command_vlan(vp, id, true);
		else if (on && s->n_vlans == 1)
			for (unsigned id = 0; id < 4096 && !err; id++)
				err = id == vlan_id ? 0 : command_vlan(vp, id, false);
		else
			err = command_vlan(vp, vlan_id, on);
	}
	if (!err)
		copy_filter(port);
	return err;
}

static int apply_vlans(struct virtio_port *vp)
{
	const struct vireo_port_settings *s = vireo_port_settings(vp->port);
	int err = 0;

	copy_filter(vp->port);
	if (!virtio_has(vp, VIRTIO_NET_F_CTRL_VLAN))
		return 0;
	for (unsigned id = 0; id < 4096 && !err; id++)
		if (s->vlans[id / 64] >> id % 64 & 1)
			err = command_vlan(vp, id, true);
	return err;
}

int virtio_ctrl_apply(struct virtio_port *vp)
{
	const struct vireo_port_config *cfg = vireo_port_config(vp->port);
	const struct vireo_port_settings *s = vireo_port_settings(vp->port);
	int err = 0;

	/* 5.1.6.5.5: after a reset there is one pair, whatever was negotiated. */
	if (cfg->n_rxq > 1)
		err = set_pairs(vp, cfg->n_rxq);
	/* A device without CTRL_RX receives what its back end gives it, often everything. */
	if (!err && virtio_has(vp, VIRTIO_NET_F_CTRL_RX))
		err = virtio_set_rx_mode(vp->port);
	if (!err && s->mac_changed)
		err = virtio_set_mac(vp->port);
	if (!err && s->n_filter_macs)
		err = virtio_set_mac_filter(vp->port);
	return err ? err : apply_vlans(vp);
}
