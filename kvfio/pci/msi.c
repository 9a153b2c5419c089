// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI and MSI-X: a vector of the device, an interrupt of the host, an eventfd. The interrupts are
 * allocated when the first eventfds are given; where the kernel can, others of MSI-X are when theirs
 * are given. All stay until all are disabled. vdev->lock held throughout.
 */

#include <linux/interrupt.h>
#include <linux/msi.h>
#include <linux/slab.h>

#include "../include/kvfio_trace.h"
#include "pci.h"

static irqreturn_t msi_handler(int irq, void *data)
{
	struct msi_vector *v = data;

	trace_kvfio_irq(&v->vdev->pdev->dev, v->vdev->irq_index, v - v->vdev->msi);
	compat_eventfd_signal(v->trigger);
	return IRQ_HANDLED;
}

static void vector_disable(struct kvfio_pci *vdev, unsigned int vector)
{
	struct msi_vector *v = &vdev->msi[vector];
	u16 command;

	if (!v->trigger)
		return;
	/* Masks the entry in the device. */
	if (v->bypass)
		irq_bypass_unregister_producer(&v->producer);
	v->bypass = false;
	command = memory_force_on(vdev);
	free_irq(pci_irq_vector(vdev->pdev, vector), v);
	memory_force_end(vdev, command);
	kfree(v->name);
	eventfd_ctx_put(v->trigger);
	v->name = NULL;
	v->trigger = NULL;
}

/* The interrupt of a vector, made now if there is none yet. */
static int irq_of_vector(struct kvfio_pci *vdev, unsigned int vector)
{
	int irq = pci_irq_vector(vdev->pdev, vector);
	u16 command;
	int ret;

	if (irq >= 0 || !vdev->msi_grows)
		return irq;
	command = memory_force_on(vdev);
	ret = compat_msix_grow(vdev->pdev, vector, &irq);
	memory_force_end(vdev, command);
	return ret ?: irq;
}

static int vector_request(struct kvfio_pci *vdev, unsigned int vector)
{
	struct msi_vector *v = &vdev->msi[vector];
	int irq = irq_of_vector(vdev, vector);
	struct msi_msg msg;
	u16 command;
	int ret;

	if (irq < 0)
		return irq;
	command = memory_force_on(vdev);
	/*
	 * A reset that the kernel did not see, by a register of the device, has emptied the table.
	 */
	if (vdev->irq_index == VFIO_PCI_MSIX_IRQ_INDEX) {
		get_cached_msi_msg(irq, &msg);
		pci_write_msi_msg(irq, &msg);
	}
	ret = request_irq(irq, msi_handler, 0, v->name, v);
	memory_force_end(vdev, command);
	return ret;
}

/* Another eventfd for a vector, or none for a negative @fd. On failure it has none. */
static int vector_set(struct kvfio_pci *vdev, unsigned int vector, int fd)
{
	struct msi_vector *v = &vdev->msi[vector];
	struct eventfd_ctx *trigger;
	char *name;
	int ret;

	vector_disable(vdev, vector);
	if (fd < 0)
		return 0;
	name = kasprintf(GFP_KERNEL_ACCOUNT, "kvfio-msi%s[%u](%s)",
			 vdev->irq_index == VFIO_PCI_MSIX_IRQ_INDEX ? "x" : "", vector,
			 pci_name(vdev->pdev));
	if (!name)
		return -ENOMEM;
	trigger = eventfd_ctx_fdget(fd);
	if (IS_ERR(trigger)) {
		ret = PTR_ERR(trigger);
		goto err_free;
	}
	v->vdev = vdev;
	v->name = name;
	v->trigger = trigger;
	ret = vector_request(vdev, vector);
	if (ret)
		goto err_put;
	/* KVM may then let the interrupt go straight to a virtual machine; if not, nothing is lost. */
	memset(&v->producer, 0, sizeof(v->producer));
	v->bypass = !compat_bypass_register(&v->producer, trigger,
					    pci_irq_vector(vdev->pdev, vector));
	return 0;

err_put:
	v->name = NULL;
	v->trigger = NULL;
	eventfd_ctx_put(trigger);
err_free:
	kfree(name);
	return ret;
}

/* All or, apart from those that were there before, none. */
static int vectors_set(struct kvfio_pci *vdev, const struct kvfio_irq_set *set)
{
	int ret;
	u32 i;

	if (set->start >= vdev->n_msi || set->count > vdev->n_msi - set->start)
		return -EINVAL;
	for (i = 0; i < set->count; i++) {
		ret = vector_set(vdev, set->start + i, set->fds[i]);
		if (ret)
			goto err_disable;
	}
	return 0;

err_disable:
	while (i--)
		vector_disable(vdev, set->start + i);
	return ret;
}

/* 0; a positive number: the system has only so many vectors. */
static int msi_enable(struct kvfio_pci *vdev, u32 index, unsigned int n)
{
	unsigned int flag = index == VFIO_PCI_MSIX_IRQ_INDEX ? PCI_IRQ_MSIX : PCI_IRQ_MSI;
	bool grows = index == VFIO_PCI_MSIX_IRQ_INDEX && compat_msix_can_grow(vdev->pdev);
	unsigned int n_room = grows ? vdev->msix_size : n;
	u16 command;
	int ret;

	vdev->msi = kcalloc(n_room, sizeof(*vdev->msi), GFP_KERNEL_ACCOUNT);
	if (!vdev->msi)
		return -ENOMEM;
	command = memory_force_on(vdev);
	ret = pci_alloc_irq_vectors(vdev->pdev, 1, n, flag);
	if (ret > 0 && ret < n)
		pci_free_irq_vectors(vdev->pdev);
	memory_force_end(vdev, command);
	if (ret != n) {
		kfree(vdev->msi);
		vdev->msi = NULL;
		return ret;
	}
	vdev->n_msi = n_room;
	vdev->msi_grows = grows;
	vdev->irq_index = index;
	intx_reapply(vdev);
	return 0;
}

/** msi_disable() - MSI or MSI-X off, whichever is on */
void msi_disable(struct kvfio_pci *vdev)
{
	unsigned int i;
	u16 command;

	for (i = 0; i < vdev->n_msi; i++)
		vector_disable(vdev, i);
	command = memory_force_on(vdev);
	pci_free_irq_vectors(vdev->pdev);
	memory_force_end(vdev, command);
	kfree(vdev->msi);
	vdev->msi = NULL;
	vdev->n_msi = 0;
	vdev->irq_index = -1;
	/* Freeing lets INTx through again where nobody handles it. */
	intx_reapply(vdev);
}

static long set_eventfds(struct kvfio_pci *vdev, const struct kvfio_irq_set *set)
{
	long ret;

	if (vdev->pdev->current_state != PCI_D0)
		return -EIO;
	if (vdev->irq_index == set->index)
		return vectors_set(vdev, set);
	ret = msi_enable(vdev, set->index, set->start + set->count);
	if (ret)
		return ret;
	ret = vectors_set(vdev, set);
	if (ret)
		msi_disable(vdev);
	return ret;
}

/* In D0, where the table of MSI-X answers; then back to where the user wants the device. */
static void disable_in_d0(struct kvfio_pci *vdev)
{
	pci_power_t state = vdev->pdev->current_state;

	set_power_state(vdev, PCI_D0);
	msi_disable(vdev);
	set_power_state(vdev, state);
}

/** msi_set_trigger() - VFIO_IRQ_SET_ACTION_TRIGGER of MSI and MSI-X */
long msi_set_trigger(struct kvfio_pci *vdev, const struct kvfio_irq_set *set)
{
	bool is_on = vdev->irq_index == set->index;
	u32 i;

	if (is_on && !set->count && set->type == VFIO_IRQ_SET_DATA_NONE) {
		disable_in_d0(vdev);
		return 0;
	}
	if (!is_on && vdev->irq_index >= 0)
		return -EINVAL;
	if (set->type == VFIO_IRQ_SET_DATA_EVENTFD)
		return set->count || is_on ? set_eventfds(vdev, set) : -EINVAL;
	if (!is_on || set->start >= vdev->n_msi || set->count > vdev->n_msi - set->start)
		return -EINVAL;
	for (i = 0; i < set->count; i++) {
		struct eventfd_ctx *trigger = vdev->msi[set->start + i].trigger;

		if (trigger && kvfio_irq_set_selects(set, i))
			compat_eventfd_signal(trigger);
	}
	return 0;
}
