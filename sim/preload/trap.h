/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PRELOAD_TRAP_H
#define SIM_PRELOAD_TRAP_H

#include <signal.h>

/*
 * Registers of a card that are no memory are pages that nothing may touch: an access becomes a SIGSEGV, which is answered
 * here by doing what the instruction meant. Every other SIGSEGV is the program's own.
 */

/* From now on SIGSEGV is ours; what the program had set is kept for it. */
void trap_install(void);
/* What sigaction() does for SIGSEGV: the program's handler is called for what is not ours. */
void trap_program_action(const struct sigaction *action, struct sigaction *old);

#endif
