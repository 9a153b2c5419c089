/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_GUARD_H
#define SIM_GUARD_H

/*
 * Memory that a client has shared may vanish: it cuts the file off, or the system has no huge page left for it. The next
 * access of a model is then SIGBUS, which ends the process. A program that serves strangers installs the guard: such an
 * access finds zeroes, and the client is sent away.
 */

#include "dma.h"

/* Take SIGBUS; a handler that was there before gets what is not ours. Once is enough. 0 or a negative errno. */
int sim_guard_install(void);

/* Whose memory this thread works with from now on; NULL: nobody's. */
void sim_guard_set(struct sim_dma *dma);

#endif
