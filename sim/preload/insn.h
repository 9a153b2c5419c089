/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PRELOAD_INSN_H
#define SIM_PRELOAD_INSN_H

/*
 * The x86-64 instructions that reach memory in the ways in which compilers make programs reach registers of a device:
 * what one does, and doing it with the memory on the other side of a function call. Knows bytes and numbers only, so that
 * it runs and is tested on every machine.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX_LEN 15 /* the processor takes no longer ones */

enum insn_op {
	/* The eight of the arithmetic group in the order of their encoding. */
	INSN_ADD,
	INSN_OR,
	INSN_ADC,
	INSN_SBB,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_CMP,
	INSN_TEST,
	INSN_NOT,
	INSN_NEG,
	INSN_INC,
	INSN_DEC,
	INSN_BT,
	INSN_BTS,
	INSN_BTR,
	INSN_BTC,
	INSN_XCHG,
	INSN_XADD,
	INSN_CMPXCHG,
	INSN_LOAD,
	INSN_LOAD_SIGNED,
	INSN_STORE,
};

#define INSN_NO_REG 0xff
#define INSN_RIP    16 /* as a base */

/**
 * struct insn - one instruction with one operand in memory
 * @op:        what is done
 * @len:       bytes of the instruction
 * @size:      bytes accessed in memory: 1, 2, 4 or 8
 * @reg_size:  bytes of the register that are read or written
 * @reg:       the other operand, 0-15 as encoded; INSN_NO_REG: @imm
 * @high:      the register is bits 8-15 of one of the first four
 * @to_memory: the result goes to memory, and not to the register
 * @swap:      the bytes are reversed on the way (MOVBE)
 * @imm:       the other operand, when it is a constant
 * @base:      of the address; INSN_RIP or INSN_NO_REG
 * @index:     of the address, or INSN_NO_REG
 * @shift:     of the index
 * @addr32:    the address is cut to 32 bits
 * @disp:      displacement
 */
struct insn {
	enum insn_op op;
	uint8_t len, size, reg_size;
	uint8_t reg;
	bool high, to_memory, swap;
	uint64_t imm;
	uint8_t base, index, shift;
	bool addr32;
	int64_t disp;
};

/* The registers in the order of their encoding: rax rcx rdx rbx rsp rbp rsi rdi r8-r15. */
struct insn_cpu {
	uint64_t gpr[16];
	uint64_t rip;
	uint64_t flags;
};

#define INSN_CF (1u << 0)
#define INSN_PF (1u << 2)
#define INSN_AF (1u << 4)
#define INSN_ZF (1u << 6)
#define INSN_SF (1u << 7)
#define INSN_OF (1u << 11)

struct insn_memory {
	uint64_t (*read)(void *ctx, unsigned size);
	void (*write)(void *ctx, uint64_t value, unsigned size);
	void *ctx;
};

/*
 * What the first @n bytes of @code say. -ENODATA: an instruction that is longer than @n; -EOPNOTSUPP: one without an operand in
 * memory, or that this file does not know.
 */
int insn_decode(const uint8_t *code, size_t n, struct insn *ret_insn);
/* Where its memory is. */
uint64_t insn_address(const struct insn *insn, const struct insn_cpu *cpu);
/* Does it, and goes on to the next one. */
void insn_run(const struct insn *insn, struct insn_cpu *cpu, const struct insn_memory *memory);

#endif
