/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PORT_H
#define SIM_PORT_H

/*
 * A whole simulated port from one line of text: a wire (sim/wire/README.md), the card that it is plugged into, and who
 * talks to it. These are the words for both, "WIRE[,option=value]...", where the card takes
 *	mode=trap        no register is shared with the client; mode=shared is the default
 *	delay_us=N       mode=trap: how long the card takes to do what it is told
 *	mac=ADDRESS      its permanent address
 *	device=0x10fb    its PCI device id
 *	fault=NAME[+NAME] is broken from the start (sim/README.md)
 */

#include "engine.h"
#include "text.h"
#include "wire/wires.h"

struct sim_port;

/*
 * Serve the port of @words on @engine, on a socket at @path or, with @path NULL, to the other end of @fd, which belongs
 * to the engine from now on, also when this fails. @index tells ports of one process apart: it makes the address, unless
 * the words give one. 0, or a negative errno with the sentence in @why.
 */
int sim_port_open(struct sim_engine *engine, struct sim_wires *wires, const char *words, unsigned index,
		  const char *path, int fd, struct sim_port **ret_port, struct sim_why *why);
/* The client sees the connection end. NULL is fine. */
void sim_port_close(struct sim_port *port);

/* What a bus would show of the card: the first bytes of its config space, and the size of each BAR (0: there is none). */
void sim_port_identify(struct sim_port *port, uint8_t config[256], uint64_t bar_size[6]);

/* Fills in up to @n counters of the card and behind them, "wire_" in front, of the wire; returns how many there are. */
unsigned sim_port_counters(struct sim_port *port, struct sim_counter *counters, unsigned n);
/* The latest mistake that the card has seen its driver make, at most @size - 1 bytes of it; "" when there was none. */
void sim_port_complaint(struct sim_port *port, char *text, unsigned size);
/* Break the card, or mend it. -EINVAL when it has no fault of this name. */
int sim_port_fault(struct sim_port *port, const char *name, bool on);

#endif
