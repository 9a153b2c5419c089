/* SPDX-License-Identifier: BSD-2-Clause */
#include "internal.h"

/* The semaphores between drivers, and between a driver and the firmware, of which the model has none. */

/* A read that finds SMBI free takes it. */
uint32_t ixm_swsm_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	uint32_t value = ixm_reg(m, off);

	if (m->faults[IXM_FAULT_SEMAPHORE])
		return IXGBE_SWSM_SMBI;
	ixm_reg_set(m, off, value | IXGBE_SWSM_SMBI);
	return value;
}

/* SMBI can only be given back; SWESMBI is granted at once. */
void ixm_swsm_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	uint32_t smbi = ixm_reg(m, off) & value & IXGBE_SWSM_SMBI;

	ixm_reg_set(m, off, smbi | (value & IXGBE_SWSM_SWESMBI));
}

void ixm_sync_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	if (!(ixm_reg(m, IXGBE_SWSM) & IXGBE_SWSM_SWESMBI))
		ixm_mistake(m, "SW_FW_SYNC is changed without holding SWSM.SWESMBI");
	ixm_reg_set(m, off, value);
}
