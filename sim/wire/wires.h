/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_WIRES_H
#define SIM_WIRES_H

/* Wires from what people type; sim/wire/README.md has the kinds and their options. */

#include "../text.h"
#include "../wire.h"

/* The wires among which cables find their other end by name. Any thread. */
struct sim_wires;

/* NULL: no memory. */
struct sim_wires *sim_wires_create(void);
/* Wires that are still plugged into ports live on until they are unplugged. */
void sim_wires_destroy(struct sim_wires *wires);

/*
 * Plug a port whose address is @mac into the wire that @t describes, and take the options of the wire out of @t; the
 * caller has parsed @t, may take options of its own before, and finishes it. The end is freed by its unplug op. 0, or a
 * negative errno that @t keeps too: -EINVAL, -EBUSY a cable with two ends in use, -EACCES, -ENOENT, -ENOMEM, -EOPNOTSUPP.
 */
int sim_wire_plug(struct sim_wires *wires, struct sim_text *t, const uint8_t mac[6], struct sim_wire_end **ret_end);

#endif
