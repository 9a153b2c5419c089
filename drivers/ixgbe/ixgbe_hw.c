// SPDX-License-Identifier: BSD-2-Clause
/* The card itself: who it is, reset, semaphores, EEPROM. Section numbers are those of the 82599 datasheet; see README.md. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "ixgbe.h"

/* After a reset the chip must be left alone (4.6.3.2): 1 ms before the first access, 10 ms before it is used. */
#define RESET_QUIET_US  1000

unsigned ixgbe_patience_us = 1000000;
unsigned ixgbe_settle_us = 10000;

static const struct ixgbe_kind kinds[] = {
	[IXGBE_82599] = {"82599", IXGBE_RETA_QUEUES, IXGBE_RETA_ENTRIES, IXGBE_RX_BUFFER_KIB, false},
	[IXGBE_X540] = {"X540", IXGBE_RETA_QUEUES, IXGBE_RETA_ENTRIES, IXGBE_X540_RX_BUFFER_KIB, true},
	[IXGBE_X550] = {"X550", IXGBE_X550_RETA_QUEUES, IXGBE_X550_RETA_ENTRIES, IXGBE_X540_RX_BUFFER_KIB, true},
};

static enum ixgbe_mac mac_of(uint16_t device_id)
{
	switch (device_id) {
	case IXGBE_DEV_X540T:
	case IXGBE_DEV_X540T1:
		return IXGBE_X540;
	case IXGBE_DEV_X550T:
	case IXGBE_DEV_X550T1:
		return IXGBE_X550;
	default:
		return IXGBE_82599;
	}
}

int ixgbe_hw_open(struct ixgbe_hw *hw, struct vireo_device *dev)
{
	struct vireo_region_info bar;
	struct vireo_device_info info;
	int err;

	vireo_device_info(dev, &info);
	hw->dev = dev;
	hw->name = info.address;
	hw->device_id = info.device_id;
	hw->mac = mac_of(info.device_id);
	hw->kind = &kinds[hw->mac];
	err = vireo_device_region(dev, VIREO_REGION_BAR0, &bar);
	if (err)
		return err;
	if (bar.size < IXGBE_REGS_SIZE)
		return vireo_error(-EIO, "%s has %#llx bytes of registers, and an %s has at least %#x: it is broken",
				   hw->name, (unsigned long long)bar.size, hw->kind->name, IXGBE_REGS_SIZE);
	return io_window_open(dev, VIREO_REGION_BAR0, 0, IXGBE_REGS_SIZE, &hw->regs);
}

/* STATUS has bits that are never 1, so all ones come from a bus where nobody answers. */
int ixgbe_hw_check(const struct ixgbe_hw *hw)
{
	if (ixgbe_read(hw, IXGBE_STATUS) != IXGBE_LOST)
		return 0;
	return vireo_error(-ENODEV, "%s does not answer any more: it was removed, or its link to the machine broke",
			   hw->name);
}

/* And what the register was then. */
static int wait_value(const struct ixgbe_hw *hw, uint32_t reg, uint32_t mask, uint32_t value, const char *what,
		      uint32_t *ret_v)
{
	struct deadline deadline = deadline_in_us(ixgbe_patience_us);

	for (;;) {
		bool late = deadline_passed(&deadline);
		uint32_t v = ixgbe_read(hw, reg);

		if (v == IXGBE_LOST && ixgbe_hw_check(hw))
			return -ENODEV;
		if ((v & mask) == value) {
			*ret_v = v;
			return 0;
		}
		if (late)
			return vireo_error(-ETIMEDOUT, "%s: %s within %u ms", hw->name, what,
					   ixgbe_patience_us / 1000);
		deadline_pause();
	}
}

int ixgbe_hw_wait(const struct ixgbe_hw *hw, uint32_t reg, uint32_t mask, uint32_t value, const char *what)
{
	uint32_t v;

	return wait_value(hw, reg, mask, value, what, &v);
}

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* Semaphores: 4.9, 4.11 */

/* A read that gives 0 makes it ours, against the other port; SWESMBI then holds against firmware. */
static int take_swsm(const struct ixgbe_hw *hw)
{
	int err;

	err = ixgbe_hw_wait(hw, IXGBE_SWSM, IXGBE_SWSM_SMBI, 0, "the other port did not free the semaphore SWSM");
	/* A program that died with it would keep it for ever: take it from that one, as every driver does. */
	if (err == -ETIMEDOUT) {
		ixgbe_set(hw, IXGBE_SWSM, IXGBE_SWSM_SMBI | IXGBE_SWSM_SWESMBI, 0);
		err = ixgbe_hw_wait(hw, IXGBE_SWSM, IXGBE_SWSM_SMBI, 0, "the semaphore SWSM cannot be freed");
	}
	if (err)
		return err;
	ixgbe_set(hw, IXGBE_SWSM, 0, IXGBE_SWSM_SWESMBI);
	err = ixgbe_hw_wait(hw, IXGBE_SWSM, IXGBE_SWSM_SWESMBI, IXGBE_SWSM_SWESMBI,
			    "firmware did not free the semaphore SWSM");
	if (err)
		ixgbe_set(hw, IXGBE_SWSM, IXGBE_SWSM_SMBI | IXGBE_SWSM_SWESMBI, 0);
	return err;
}

static void give_swsm(const struct ixgbe_hw *hw)
{
	ixgbe_set(hw, IXGBE_SWSM, IXGBE_SWSM_SMBI | IXGBE_SWSM_SWESMBI, 0);
}

int ixgbe_hw_lock(const struct ixgbe_hw *hw, uint32_t what)
{
	struct deadline deadline = deadline_in_us(ixgbe_patience_us);

	for (;;) {
		bool late = deadline_passed(&deadline);
		uint32_t sync;
		int err;

		err = take_swsm(hw);
		if (err)
			return err;
		sync = ixgbe_read(hw, IXGBE_SW_FW_SYNC);
		/* Who died with our bits set does not come back; firmware is asked no longer than this. */
		if (late && !(sync & what << IXGBE_SYNC_FW_SHIFT))
			sync &= ~what;
		if (!(sync & (what | what << IXGBE_SYNC_FW_SHIFT))) {
			ixgbe_write(hw, IXGBE_SW_FW_SYNC, sync | what);
			give_swsm(hw);
			return 0;
		}
		give_swsm(hw);
		if (late)
			return vireo_error(-ETIMEDOUT, "%s: firmware did not give up a semaphore (%#x) within %u ms",
					   hw->name, sync, ixgbe_patience_us / 1000);
		deadline_pause();
	}
}

void ixgbe_hw_unlock(const struct ixgbe_hw *hw, uint32_t what)
{
	/* Without SWSM the card is in trouble anyway; the bits must not stay. */
	bool ours = take_swsm(hw) == 0;

	ixgbe_set(hw, IXGBE_SW_FW_SYNC, what, 0);
	if (ours)
		give_swsm(hw);
}

/* EEPROM: 2.1, 2.2 */

static int no_eeprom(const struct ixgbe_hw *hw)
{
	if (ixgbe_read(hw, IXGBE_EEC) & IXGBE_EEC_PRES)
		return 0;
	return vireo_error(-EIO, "%s has no EEPROM", hw->name);
}

/* Of an EEPROM that is there. */
static int read_word(const struct ixgbe_hw *hw, uint16_t word, uint16_t *ret_value)
{
	uint32_t v;
	int err;

	ixgbe_write(hw, IXGBE_EERD, (uint32_t)word << IXGBE_EERD_ADDR_SHIFT | IXGBE_EERD_START);
	err = wait_value(hw, IXGBE_EERD, IXGBE_EERD_DONE, IXGBE_EERD_DONE, "the EEPROM did not answer", &v);
	if (!err)
		*ret_value = (uint16_t)(v >> IXGBE_EERD_DATA_SHIFT);
	return err;
}

int ixgbe_hw_read_eeprom(const struct ixgbe_hw *hw, uint16_t word, uint16_t *ret_value)
{
	int err = no_eeprom(hw);

	return err ? err : read_word(hw, word, ret_value);
}

/* Add up the block that a pointer of the EEPROM names: behind its length, so many words. */
static int add_block(const struct ixgbe_hw *hw, uint16_t at, uint16_t *sum)
{
	uint16_t n, word;
	int err;

	if (at == 0 || at == 0xffff)
		return 0;
	err = read_word(hw, at, &n);
	if (err || n == 0xffff)
		return err;
	if (n > IXGBE_EE_MAX_BLOCK)
		return vireo_error(-EIO, "%s: block %#x of the EEPROM has %u words: the EEPROM is damaged", hw->name, at, n);
	for (unsigned i = 1; i <= n && !err; i++) {
		err = read_word(hw, at + i, &word);
		*sum += err ? 0 : word;
	}
	return err;
}

int ixgbe_hw_check_eeprom(const struct ixgbe_hw *hw)
{
	uint16_t sum = 0, word = 0;
	int err = 0;

	/* The later ones lay out their blocks in other ways, and firmware has looked at them. */
	if (hw->mac != IXGBE_82599 || !(ixgbe_read(hw, IXGBE_EEC) & IXGBE_EEC_PRES))
		return 0;
	for (unsigned i = 0; i <= IXGBE_EE_CHECKSUM && !err; i++) {
		err = read_word(hw, i, &word);
		sum += err ? 0 : word;
		if (!err && i >= IXGBE_EE_FIRST_POINTER && i <= IXGBE_EE_LAST_POINTER)
			err = add_block(hw, word, &sum);
	}
	if (err)
		return err;
	if (sum != IXGBE_EE_CHECKSUM_SUM)
		return vireo_error(-EIO, "%s: the checksum of the EEPROM is wrong (%#x): it is damaged, and with it perhaps "
					 "the address and the settings of the line", hw->name, sum);
	return 0;
}

/* 4.6.3: the chip copies its EEPROM into registers after a reset, the address into RAR 0 among them. */
int ixgbe_hw_read_mac(const struct ixgbe_hw *hw, uint8_t ret_mac[VIREO_MAC_LEN])
{
	uint32_t low = ixgbe_read(hw, IXGBE_RAL(0)), high = ixgbe_read(hw, IXGBE_RAH(0));
	uint8_t mac[VIREO_MAC_LEN] = {low, low >> 8, low >> 16, low >> 24, high, high >> 8};
	static const uint8_t zero[VIREO_MAC_LEN];

	if (!(high & IXGBE_RAH_AV) || (mac[0] & 1) || !memcmp(mac, zero, sizeof(mac)))
		return vireo_error(-EIO, "%s has no address in its EEPROM (RAL %#x, RAH %#x)", hw->name, low, high);
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}

/* Reset: 4.6.3, and 5.2.5.3.2 for the end of requests to memory */

int ixgbe_hw_disable_master(const struct ixgbe_hw *hw)
{
	ixgbe_set(hw, IXGBE_CTRL, 0, IXGBE_CTRL_GIO_DIS);
	return ixgbe_hw_wait(hw, IXGBE_STATUS, IXGBE_STATUS_GIO, 0, "requests to memory did not end");
}

static void mask_interrupts(const struct ixgbe_hw *hw)
{
	ixgbe_write(hw, IXGBE_EIMC, 0x7fffffff);
	ixgbe_write(hw, IXGBE_EIMC_EX(0), 0xffffffff);
	ixgbe_write(hw, IXGBE_EIMC_EX(1), 0xffffffff);
	ixgbe_read(hw, IXGBE_EICR);
}

/* Whoever had the card before may have left it running. */
static void quiesce(const struct ixgbe_hw *hw)
{
	ixgbe_set(hw, IXGBE_RXCTRL, IXGBE_RXCTRL_RXEN, 0);
	mask_interrupts(hw);
	ixgbe_gather(hw, true);
	for (unsigned i = 0; i < IXGBE_N_TXQ; i++)
		ixgbe_write(hw, IXGBE_TXDCTL(i), IXGBE_TXDCTL_SWFLSH);
	for (unsigned i = 0; i < IXGBE_N_RXQ; i++)
		ixgbe_write(hw, IXGBE_RXDCTL(i), IXGBE_RXDCTL_SWFLSH);
	ixgbe_gather(hw, false);
}

static const uint32_t reset_bits = IXGBE_CTRL_RST | IXGBE_CTRL_LRST;

static void reset_go(struct ixgbe_hw *hw)
{
	ixgbe_set(hw, IXGBE_CTRL, 0, reset_bits);
	hw->reset_us = deadline_now_us();
}

static void sleep_until(uint64_t us)
{
	uint64_t now = deadline_now_us();

	if (now < us)
		sleep_us((long)(us - now));
}

/* 4.6.3: nothing is touched for a while; then the end, and some rest. */
static int reset_wait(const struct ixgbe_hw *hw)
{
	uint64_t quiet_us = hw->reset_us + RESET_QUIET_US;
	bool at_once;
	int err;

	sleep_until(quiet_us);
	at_once = !(ixgbe_read(hw, IXGBE_CTRL) & reset_bits);
	err = ixgbe_hw_wait(hw, IXGBE_CTRL, reset_bits, 0, "the reset did not end");
	if (!err)
		sleep_until((at_once ? quiet_us : deadline_now_us()) + ixgbe_settle_us);
	return err;
}

int ixgbe_hw_reset_begin(struct ixgbe_hw *hw)
{
	int err;

	hw->fresh = false;
	err = ixgbe_hw_check(hw);
	if (err)
		return err;
	quiesce(hw);
	err = ixgbe_hw_disable_master(hw);
	if (err == -ENODEV)
		return err;
	hw->stuck = err;
	reset_go(hw);
	return 0;
}

int ixgbe_hw_reset(struct ixgbe_hw *hw)
{
	int err = ixgbe_hw_reset_begin(hw);

	return err ? err : ixgbe_hw_reset_end(hw);
}

int ixgbe_hw_reset_end(struct ixgbe_hw *hw)
{
	int err = reset_wait(hw);

	/* 5.2.5.3.2: requests that did not end are flushed by a second reset. */
	if (!err && hw->stuck) {
		reset_go(hw);
		err = reset_wait(hw);
	}
	if (err)
		return err;
	mask_interrupts(hw);
	/* Also 1 when there is no EEPROM. */
	err = ixgbe_hw_wait(hw, IXGBE_EEC, IXGBE_EEC_ARD, IXGBE_EEC_ARD, "the EEPROM was not read after the reset");
	if (!err)
		err = ixgbe_hw_wait(hw, IXGBE_RDRXCTL, IXGBE_RDRXCTL_DMAIDONE, IXGBE_RDRXCTL_DMAIDONE,
				    "DMA was not ready after the reset");
	if (err)
		return err;
	hw->lan = (ixgbe_read(hw, IXGBE_STATUS) & IXGBE_STATUS_LAN_ID) >> IXGBE_STATUS_LAN_ID_SHIFT & 1;
	hw->autoc = ixgbe_read(hw, IXGBE_AUTOC);
	hw->fresh = true;
	return 0;
}
