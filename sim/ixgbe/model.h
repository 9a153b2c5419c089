/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_IXGBE_MODEL_H
#define SIM_IXGBE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "../device.h"
#include "../wire.h"

/**
 * struct ixgbe_model_config - what kind of card
 * @device_id: PCI device id; 0: 0x10fb, the 82599 with SFP+
 * @mac:       permanent address, in the EEPROM; all zero: one of the model's own
 * @trap:      no register page is shared with the client: every access is a message with the chip's own semantics, and
 *             ENABLE bits change only after @delay_us
 * @delay_us:  trap mode: how long the device takes to do what it is told
 */
struct ixgbe_model_config {
	uint16_t device_id;
	uint8_t mac[6];
	bool trap;
	uint32_t delay_us;
};

/* An 82599 whose connector is plugged into @end, which it unplugs when it is destroyed. -ENOMEM, -EINVAL. */
int ixgbe_model_create(const struct ixgbe_model_config *cfg, struct sim_wire_end *end, struct sim_device **ret_dev);

/**
 * ixgbe_model_complaint() - the latest mistake of the driver that the model has seen, as a sentence
 * @dev: from ixgbe_model_create()
 *
 * What the chip would misbehave on is counted as driver_errors and not forgiven silently.
 *
 * Return: the sentence, with the queue, the descriptor or the address in it; empty when there was none.
 */
const char *ixgbe_model_complaint(const struct sim_device *dev);

#endif
