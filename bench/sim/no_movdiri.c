/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Put before DPDK (LD_PRELOAD): the CPU has everything but MOVDIRI. With it DPDK rings doorbells by a store past the
 * cache, which costs nothing on a card and 400 to 800 cycles where the register is plain memory, as here.
 */
#include <dlfcn.h>

#include <rte_cpuflags.h>

int rte_cpu_get_flag_enabled(enum rte_cpu_flag_t feature)
{
	int (*real)(enum rte_cpu_flag_t);

	if (feature == RTE_CPUFLAG_MOVDIRI)
		return 0;
	*(void **)&real = dlsym(RTLD_NEXT, "rte_cpu_get_flag_enabled");
	return real ? real(feature) : -1;
}
