/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_IRQ_H
#define SIM_IRQ_H

/* The server's half of interrupts: what a client has connected, masked and triggered. Models see device.h only. */

#include "device.h"

/* Connect @fd, which belongs to the device from now on, or take away what is there with -1. */
void sim_irq_connect(struct sim_device *dev, unsigned irq, unsigned vector, int fd);
/* Unmasking signals what was raised in the meantime. */
void sim_irq_mask(struct sim_device *dev, unsigned irq, unsigned vector, bool masked);
/* Disconnect and unmask all vectors of a kind. */
void sim_irq_disable(struct sim_device *dev, unsigned irq);

#endif
