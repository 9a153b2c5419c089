/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_DRIVER_CARD_H
#define BENCH_DRIVER_CARD_H

/*
 * A card for our driver. It is brought up as any other 82599: every register that is not in the pages of the queues is that
 * of the simulator's model. The pages of the queues are the memory of a stub (stub.h), which costs the driver what a posted
 * write costs it on the chip, a store. Nothing in here can be seen by the driver.
 */

#include "stub.h"

/* Makes specs "stub:NAME" lead to such cards. */
void card_register(void);

struct card;

/* The card that was opened last with this name. */
struct card *card_find(const char *name);
/* What receives and sends for it. */
struct stub *card_stub(struct card *card);

#endif
