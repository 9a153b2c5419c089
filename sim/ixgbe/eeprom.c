/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "internal.h"

/* The EEPROM: what drivers look for in it, read word by word through EERD, or bit by bit (spi.c). */

#define AT_CORE0    0x180 /* permanent address */
#define AT_FIRMWARE 0x100
#define AT_PATCH    0x110
#define AT_SFP	    0x140
#define AT_PBA	    0x160

#define CORE0_POINTER	0x09
#define SAN_POINTER	0x28
#define ALT_SAN_POINTER 0x27
#define VERSION_3	0x2e
#define PBA_STRING	0xfafa /* word 15: word 16 points to a string */

static const char pba[] = "VIREO0-001";

static uint16_t checksum(const uint16_t *words)
{
	uint16_t sum = 0;

	for (unsigned i = 0; i < IXGBE_EE_CHECKSUM; i++)
		sum = (uint16_t)(sum + words[i]);
	for (unsigned i = IXGBE_EE_FIRST_POINTER; i <= IXGBE_EE_LAST_POINTER; i++) {
		uint16_t at = words[i];

		if (at == 0 || at == 0xffff || at >= IXM_N_EEPROM)
			continue;
		for (unsigned k = 1; k <= words[at] && at + k < IXM_N_EEPROM; k++)
			sum = (uint16_t)(sum + words[at + k]);
	}
	return (uint16_t)(IXGBE_EE_CHECKSUM_SUM - sum);
}

/* Types 3 to 6 (direct attach and optics, either port), each with the words for CORECTL, which the model ignores. */
static void sfp_list(uint16_t *words)
{
	static const uint16_t list[] = {
		0x0001,	     3,	     AT_SFP + 12, 4, AT_SFP + 12, 5,	  AT_SFP + 12, 6,
		AT_SFP + 12, 0xffff, 0,		  0, 2,		  0x1060, 0x2061,      0xffff,
	};

	memcpy(words + AT_SFP, list, sizeof(list));
	words[IXGBE_EE_SFP_LIST] = AT_SFP;
}

void ixm_eeprom_init(struct ixgbe_model *m)
{
	const uint8_t *mac = m->cfg.mac;
	uint16_t *words = m->eeprom;

	memset(words, 0, sizeof(m->eeprom));
	for (unsigned i = IXGBE_EE_FIRST_POINTER; i <= IXGBE_EE_LAST_POINTER; i++)
		words[i] = 0xffff;
	words[CORE0_POINTER] = AT_CORE0;
	words[AT_CORE0] = 3;
	for (unsigned i = 0; i < 3; i++)
		words[AT_CORE0 + 1 + i] = (uint16_t)(mac[2 * i] | mac[2 * i + 1] << 8);
	words[IXGBE_EE_FIRMWARE] = AT_FIRMWARE;
	words[AT_FIRMWARE + 4] = AT_PATCH; /* word 2 stays 0: no LESM */
	words[AT_PATCH + 7] = 8;	   /* firmware's version; drivers want more than 5 */
	words[IXGBE_EE_PBA_NUMBER] = PBA_STRING;
	words[IXGBE_EE_PBA_NUMBER + 1] = AT_PBA;
	words[AT_PBA] = 1 + sizeof(pba) / 2;
	for (unsigned i = 0; i < sizeof(pba) / 2; i++)
		words[AT_PBA + 1 + i] = (uint16_t)((uint8_t)pba[2 * i] << 8 | (uint8_t)pba[2 * i + 1]);
	words[IXGBE_EE_VERSION_1] = 0x0001;
	words[IXGBE_EE_VERSION_2] = 0x0001;
	words[VERSION_3] = 0x8000;
	words[ALT_SAN_POINTER] = words[SAN_POINTER] = 0xffff;
	words[IXGBE_EE_CAPS] = IXGBE_EE_CAPS_ANY_SFP | IXGBE_EE_CAPS_NO_CROSSTALK;
	sfp_list(words);
	words[IXGBE_EE_CHECKSUM] = checksum(words);
}

void ixm_eeprom_load(struct ixgbe_model *m)
{
	const uint8_t *mac = m->cfg.mac;

	ixm_reg_set(m, IXGBE_RAL(0), mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24);
	ixm_reg_set(m, IXGBE_RAH(0), mac[4] | (uint32_t)mac[5] << 8 | IXGBE_RAH_AV);
}

void ixm_eerd_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	uint32_t addr = value >> IXGBE_EERD_ADDR_SHIFT & 0x3fff;
	uint16_t word = addr < IXM_N_EEPROM ? m->eeprom[addr] : 0xffff;

	if (!(value & IXGBE_EERD_START))
		return;
	if (addr == IXGBE_EE_CHECKSUM && m->faults[IXM_FAULT_EEPROM])
		word = (uint16_t)~word;
	ixm_reg_set(m, off, (uint32_t)word << IXGBE_EERD_DATA_SHIFT | addr << IXGBE_EERD_ADDR_SHIFT | IXGBE_EERD_DONE);
}
