/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_TEST_LOOP_DRIVER_H
#define VIREO_TEST_LOOP_DRIVER_H

/*
 * A network card made of memory, driven through <vireo/driver.h> like any other: a port "fake:NAME" whose cable ends in
 * another port, in itself, or in a source of frames. What happens on the cable is up to the test.
 */

#include <stdbool.h>
#include <stdint.h>

/* What the cable does to frames that leave a card; every n-th one, 0: none. */
struct loop_faults {
	unsigned lose;
	unsigned duplicate;
	unsigned reorder; /* goes after the frame behind it */
	unsigned corrupt; /* a bit behind the Ethernet header flips */
};

/* Once per process, before anything else of this file. 0 or a negative errno. */
int loop_driver_register(void);

/* Create "fake:A" and "fake:B" at the two ends of a cable; with the same name twice it is a plug that loops. */
void loop_connect(const char *a, const char *b);
/* Create "fake:NAME", which finds frames of @len bytes waiting whenever it looks, and sends into the void. */
void loop_source(const char *name, unsigned len);
/* Close nothing, forget everything: all ports must be closed. */
void loop_reset(void);

void loop_set_faults(const char *name, struct loop_faults faults);
/* Once the card has sent @n more frames it fails with @err: -EIO until it is started again, -ENODEV for good. */
void loop_fail_after(const char *name, unsigned n, int err);
/* Any thread. */
void loop_set_link(const char *name, bool up);
/* Frames that are on the cable towards the card. */
unsigned loop_waiting(const char *name);

#endif
