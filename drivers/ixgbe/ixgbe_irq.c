// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts: MSI-X only. A message masks its own vector (EIAM), so a receive queue interrupts once for each time that it is
 * armed, and clears its own cause (EIAC). What happens to the port comes with vector 0 and stays in EICR until it is
 * looked at.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ixgbe.h"

/* Bursts of packets come as one interrupt, and none waits for longer than 16 us. */
#define RX_INTERVAL 8

#define PORT_CAUSES (IXGBE_EICR_LSC | IXGBE_EICR_PCI | IXGBE_EICR_ECC)

static unsigned n_vectors(const struct ixgbe_port *xp)
{
	const struct vireo_port_config *cfg = vireo_port_config(xp->port);

	return 1 + (cfg->rx_interrupts ? cfg->n_rxq : 0u);
}

int ixgbe_irq_check(const struct ixgbe_port *xp)
{
	struct vireo_irq_info irq = {0};

	vireo_device_irq(xp->hw.dev, VIREO_IRQ_MSIX, &irq);
	if (n_vectors(xp) == 1 || n_vectors(xp) <= irq.count)
		return 0;
	return vireo_error(-EOPNOTSUPP,
			   "%s has %u MSI-X vectors, so %u receive queues can have interrupts, not %u; use fewer queues or "
			   "open the port without rx_interrupts",
			   xp->hw.name, irq.count, irq.count - 1, n_vectors(xp) - 1);
}

int ixgbe_irq_open(struct ixgbe_port *xp)
{
	struct vireo_irq_info irq = {0};
	int err;

	xp->event_fd = -1;
	vireo_device_irq(xp->hw.dev, VIREO_IRQ_MSIX, &irq);
	if (!irq.count)
		return 0;
	xp->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (xp->event_fd < 0)
		return vireo_error(-errno, "cannot make an eventfd: %m");
	err = vireo_port_add_event_fd(xp->port, xp->event_fd);
	if (err)
		ixgbe_irq_close(xp);
	return err;
}

void ixgbe_irq_close(struct ixgbe_port *xp)
{
	if (xp->event_fd >= 0)
		close(xp->event_fd);
	xp->event_fd = -1;
}

static int enable_vectors(const struct ixgbe_port *xp)
{
	unsigned n = n_vectors(xp);
	int fds[1 + VIREO_MAX_QUEUES];

	fds[IXGBE_PORT_VECTOR] = xp->event_fd;
	for (unsigned i = 1; i < n; i++)
		fds[i] = ixgbe_rxq_at(xp, i - 1)->fd;
	return vireo_device_irq_enable(xp->hw.dev, VIREO_IRQ_MSIX, 0, n, fds);
}

/* 8.2.3.5.16: which cause has which vector. */
static void map_causes(const struct ixgbe_port *xp)
{
	const struct vireo_port_config *cfg = vireo_port_config(xp->port);
	const struct ixgbe_hw *hw = &xp->hw;

	ixgbe_write(hw, IXGBE_IVAR_MISC, (IXGBE_PORT_VECTOR | IXGBE_IVAR_VALID) << IXGBE_IVAR_OTHER_SHIFT);
	ixgbe_write(hw, IXGBE_EITR(IXGBE_PORT_VECTOR), 0);
	for (unsigned i = 0; i < VIREO_MAX_QUEUES; i += 2) {
		uint32_t ivar = 0;

		for (unsigned q = i; q < i + 2 && q < cfg->n_rxq && cfg->rx_interrupts; q++) {
			ivar |= (IXGBE_RX_VECTOR(q) | IXGBE_IVAR_VALID) << IXGBE_IVAR_RX_SHIFT(q);
			ixgbe_write(hw, IXGBE_EITR(IXGBE_RX_VECTOR(q)),
				    RX_INTERVAL << IXGBE_EITR_INTERVAL_SHIFT | IXGBE_EITR_CNT_WDIS);
		}
		ixgbe_write(hw, IXGBE_IVAR(i / 2), ivar);
	}
}

int ixgbe_irq_start(struct ixgbe_port *xp)
{
	const struct ixgbe_hw *hw = &xp->hw;
	int err;

	if (xp->event_fd < 0)
		return 0;
	err = enable_vectors(xp);
	if (err)
		return err;
	ixgbe_write(hw, IXGBE_GPIE, IXGBE_GPIE_MSIX | IXGBE_GPIE_OCD | IXGBE_GPIE_EIAME | IXGBE_GPIE_PBA);
	ixgbe_write(hw, IXGBE_EIAC, IXGBE_EICR_QUEUES);
	ixgbe_write(hw, IXGBE_EIAM_EX(0), 0xffffffff);
	ixgbe_write(hw, IXGBE_EIAM_EX(1), 0xffffffff);
	map_causes(xp);
	ixgbe_read(hw, IXGBE_EICR);
	ixgbe_write(hw, IXGBE_EIMS, PORT_CAUSES);
	return 0;
}

int ixgbe_irq_stop(struct ixgbe_port *xp)
{
	const struct ixgbe_hw *hw = &xp->hw;

	ixgbe_write(hw, IXGBE_EIMC, 0x7fffffff);
	ixgbe_write(hw, IXGBE_EIMC_EX(0), 0xffffffff);
	ixgbe_write(hw, IXGBE_EIMC_EX(1), 0xffffffff);
	return vireo_device_irq_disable(hw->dev, VIREO_IRQ_MSIX);
}

uint32_t ixgbe_irq_causes(struct ixgbe_port *xp)
{
	/* OCD: the read clears what it gives, but for the causes of queues. */
	uint32_t causes = ixgbe_read(&xp->hw, IXGBE_EICR) & PORT_CAUSES;

	if (xp->event_fd >= 0)
		ixgbe_write(&xp->hw, IXGBE_EIMS, PORT_CAUSES);
	return causes;
}

/* Receive queues */

static uint32_t bit_of(const struct ixgbe_rxq *q)
{
	return 1u << q->vector % 32;
}

void ixgbe_rxq_disarm(struct ixgbe_rxq *q)
{
	q->armed = false;
	ixgbe_write(&q->xp->hw, IXGBE_EIMC_EX(q->vector / 32), bit_of(q));
}

int ixgbe_rxq_fd(struct vireo_rxq_head *head)
{
	int fd = ((struct ixgbe_rxq *)head)->fd;

	return fd >= 0 ? fd : -EOPNOTSUPP;
}

/*
 * A packet that came before is seen here, one that comes later finds the vector open. A cause that is left from packets
 * that were polled wakes once for nothing.
 */
int ixgbe_rxq_arm(struct vireo_rxq_head *head)
{
	struct ixgbe_rxq *q = (struct ixgbe_rxq *)head;

	if (q->fd < 0)
		return -EOPNOTSUPP;
	if (ixgbe_rxq_has_packets(q))
		return 1;
	ixgbe_write(&q->xp->hw, IXGBE_EIMS_EX(q->vector / 32), bit_of(q));
	ixgbe_rxq_set_armed(q);
	io_full_barrier();
	if (!ixgbe_rxq_has_packets(q))
		return 0;
	ixgbe_rxq_disarm(q);
	return 1;
}
