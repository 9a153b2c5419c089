/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_NATIVE_INSN_H
#define TEST_NATIVE_INSN_H

/* One instruction on the processor itself, with all registers as wanted. Only on x86-64. */

#include "insn.h"

#define NATIVE_JUMP_LEN 14 /* written behind the instruction: the way back */

/* @code is executable and holds the instruction; behind it comes the way back. */
void native_write_jump(uint8_t *at);
void native_run(struct insn_cpu *cpu, const void *code);

#endif
