// SPDX-License-Identifier: BSD-2-Clause
/*
 * Linked into an app, this gives it ports without hardware before main() begins: fake:a and fake:b at the ends of one
 * cable, fake:c and fake:d at those of another, fake:loop, and the sources fake:src0 and fake:src1. The environment
 * says what goes wrong:
 *	LOOP_FAULTS="a lose=10 duplicate=0 reorder=7 corrupt=0"    every n-th frame that a sends
 *	LOOP_FAIL="a 1000 5"                                       a fails with this errno after so many frames
 *	LOOP_LINK_DOWN="a"                                         a has no link
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop_driver.h"

static void set_faults(const char *text)
{
	struct loop_faults f = {0};
	char name[16];

	if (sscanf(text, "%15s lose=%u duplicate=%u reorder=%u corrupt=%u", name, &f.lose, &f.duplicate, &f.reorder,
		   &f.corrupt) != 5)
		abort();
	loop_set_faults(name, f);
}

static void set_failure(const char *text)
{
	char name[16];
	unsigned n, err;

	if (sscanf(text, "%15s %u %u", name, &n, &err) != 3)
		abort();
	loop_fail_after(name, n, -(int)err);
}

static __attribute__((constructor)) void set_up(void)
{
	setenv("VIREO_PAGE_SIZE", "4K", 0);
	if (loop_driver_register())
		abort();
	loop_connect("a", "b");
	loop_connect("c", "d");
	loop_connect("loop", "loop");
	loop_source("src0", 60);
	loop_source("src1", 60);
	if (getenv("LOOP_FAULTS"))
		set_faults(getenv("LOOP_FAULTS"));
	if (getenv("LOOP_FAIL"))
		set_failure(getenv("LOOP_FAIL"));
	if (getenv("LOOP_LINK_DOWN"))
		loop_set_link(getenv("LOOP_LINK_DOWN"), false);
}
