/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_IXGBE_H
#define FAKE_IXGBE_H

/*
 * An 82599 with no will of its own, on top of the fake bus: registers with their access modes, and rings that a test
 * plays piece by piece, in ways that no card would too. sim/ixgbe is the card that behaves. It shares with the driver only
 * the two headers that say what the datasheet says.
 */

#include <stdbool.h>
#include <stdint.h>

#include "fake_bus.h"
#include "ixgbe/ixgbe_desc.h"
#include "ixgbe/ixgbe_regs.h"

#define FI_N_REGS     (IXGBE_REGS_SIZE / 4)
#define FI_MAX_FRAME  70000
#define FI_N_EEPROM   256
#define FI_MAX_CONFIG 64

/* What one transmitted packet was, as its descriptors say. */
struct fi_frame {
	unsigned n_descs;         /* without contexts */
	unsigned n_contexts;      /* in front of it */
	uint32_t cmd, olinfo;     /* of the first one */
	unsigned n_reports;       /* descriptors with RS */
	union ixgbe_tx_desc context; /* that it names; zero without CC */
	uint32_t len;
	uint8_t data[FI_MAX_FRAME];
};

struct fi_tx_state {
	unsigned head;
	union ixgbe_tx_desc contexts[2];
};

struct fake_ixgbe {
	struct fake_device *bus;
	uint32_t regs[FI_N_REGS];
	uint16_t eeprom[FI_N_EEPROM];
	uint64_t bytes_of_command; /* CORECTL words that were written */

	/* How it misbehaves. */
	bool reset_never_ends;
	bool master_never_ends;
	bool queues_never_start, queues_never_stop;
	bool eeprom_never_answers, eeprom_damaged;
	bool firmware_keeps;      /* all semaphores */
	bool no_mac;
	bool mdio_never_ends;
	unsigned phy;             /* its address at the MDIO bus; 32: there is none */
	bool module;              /* in the cage */
	uint8_t module_id[64];
	bool quiet;               /* count violations without naming them: the test provokes them */

	/* How it stands. */
	unsigned n_resets;
	unsigned n_doorbells;
	unsigned n_violations;    /* things that a driver must not do; what is in the log says which */
	bool smbi;
	uint16_t phy_reg;
	uint16_t phy_regs[8][0x100];
	struct fi_tx_state tx[64];
	unsigned rx_head[64];

	/* The module's side of I2C. */
	struct {
		bool clk, data;
		int bit;          /* of the byte on its way, 8: its acknowledgement; -1: no transfer, -2: just begun */
		uint8_t byte, at;
		int phase;        /* 0 address, 1 place, 2 bytes out */
		bool sending;
		bool out;         /* what the module pulls */
	} i2c;
};

/* "fake:NAME", an 82599 with SFP+, address 90:e2:ba:00:00:01, 64 vectors, link up, a direct-attach cable. */
struct fake_ixgbe *fake_ixgbe_create(const char *name);
void fake_ixgbe_destroy(struct fake_ixgbe *fi);
uint32_t fi_get(const struct fake_ixgbe *fi, uint32_t reg);
void fi_put(struct fake_ixgbe *fi, uint32_t reg, uint32_t value);
void fi_set_link(struct fake_ixgbe *fi, bool up);
/* A cause of the port, with its interrupt if it is not masked. */
void fi_raise(struct fake_ixgbe *fi, uint32_t cause);
/* As when somebody resets the card behind the driver's back. */
void fi_reset(struct fake_ixgbe *fi);

/* Receive. */

/* Descriptors that the card has. */
unsigned fi_rx_room(struct fake_ixgbe *fi, unsigned q);
/* Fill one buffer and write its descriptor back as given; false when there is none. */
bool fi_rx_put(struct fake_ixgbe *fi, unsigned q, const void *data, uint16_t len, union ixgbe_rx_desc wb);
/* A frame over as many descriptors as it needs; what the last one says beside DD and EOP comes from @wb. */
bool fi_receive(struct fake_ixgbe *fi, unsigned q, const void *frame, uint32_t len, union ixgbe_rx_desc wb);

/* Transmit. */

/* Take the next packet of a queue; false when there is none. Write-back is another step. */
bool fi_take(struct fake_ixgbe *fi, unsigned q, struct fi_frame *ret_frame);
/* Move TDH, and write DD back where it was asked for, up to what was taken. */
void fi_complete(struct fake_ixgbe *fi, unsigned q);
/* Both. */
bool fi_send(struct fake_ixgbe *fi, unsigned q, struct fi_frame *ret_frame);

#endif
