// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct insn done, with the flags as the processor leaves them. Flags that it leaves undefined keep what this file
 * happens to make of them.
 */
#include "insn.h"

#define FLAGS_ARITHMETIC (INSN_CF | INSN_PF | INSN_AF | INSN_ZF | INSN_SF | INSN_OF)

static uint64_t cut(uint64_t value, unsigned size)
{
	return size < 8 ? value & ((1ull << (8 * size)) - 1) : value;
}

static uint64_t sign_extend(uint64_t value, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

static uint64_t reverse(uint64_t value, unsigned size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

uint64_t insn_address(const struct insn *insn, const struct insn_cpu *cpu)
{
	uint64_t va = (uint64_t)insn->disp;

	if (insn->base == INSN_RIP)
		va += cpu->rip + insn->len;
	else if (insn->base != INSN_NO_REG)
		va += cpu->gpr[insn->base];
	if (insn->index != INSN_NO_REG)
		va += cpu->gpr[insn->index] << insn->shift;
	return insn->addr32 ? (uint32_t)va : va;
}

static uint64_t get_other(const struct insn *insn, const struct insn_cpu *cpu)
{
	if (insn->reg == INSN_NO_REG)
		return cut(insn->imm, insn->size);
	return cut(cpu->gpr[insn->reg] >> (insn->high ? 8 : 0), insn->reg_size);
}

static void set_reg(uint64_t *reg, unsigned size, bool high, uint64_t value)
{
	uint64_t mask = size < 4 ? cut(~0ull, size) << (high ? 8 : 0) : ~0ull;

	/* 4 bytes clear the rest of the register, fewer leave it. */
	*reg = (*reg & ~mask) | ((cut(value, size) << (high ? 8 : 0)) & mask);
}

static void set_other(const struct insn *insn, struct insn_cpu *cpu, uint64_t value)
{
	set_reg(&cpu->gpr[insn->reg], insn->reg_size, insn->high, value);
}

static void set_flag(struct insn_cpu *cpu, uint64_t flag, bool on)
{
	cpu->flags = on ? cpu->flags | flag : cpu->flags & ~flag;
}

static bool top_bit(uint64_t value, unsigned size)
{
	return value >> (8 * size - 1) & 1;
}

static void set_result_flags(struct insn_cpu *cpu, uint64_t result, unsigned size)
{
	set_flag(cpu, INSN_ZF, cut(result, size) == 0);
	set_flag(cpu, INSN_SF, top_bit(result, size));
	set_flag(cpu, INSN_PF, !__builtin_parity((unsigned)(result & 0xff)));
}

static uint64_t logic(struct insn_cpu *cpu, uint64_t result, unsigned size)
{
	cpu->flags &= ~(uint64_t)FLAGS_ARITHMETIC;
	set_result_flags(cpu, result, size);
	return result;
}

static uint64_t add(struct insn_cpu *cpu, uint64_t a, uint64_t b, bool carry, unsigned size)
{
	uint64_t result = cut(a + b + carry, size);

	set_result_flags(cpu, result, size);
	/* What is carried out of a bit follows from the operands and the sum of that bit. */
	set_flag(cpu, INSN_CF, top_bit((a & b) | ((a | b) & ~result), size));
	set_flag(cpu, INSN_AF, (a ^ b ^ result) & 0x10);
	set_flag(cpu, INSN_OF, top_bit((a ^ result) & (b ^ result), size));
	return result;
}

static uint64_t subtract(struct insn_cpu *cpu, uint64_t a, uint64_t b, bool borrow, unsigned size)
{
	uint64_t result = cut(a - b - borrow, size);

	set_result_flags(cpu, result, size);
	set_flag(cpu, INSN_CF, top_bit((~a & b) | ((~a | b) & result), size));
	set_flag(cpu, INSN_AF, (a ^ b ^ result) & 0x10);
	set_flag(cpu, INSN_OF, top_bit((a ^ b) & (a ^ result), size));
	return result;
}

/* INC and DEC leave the carry as it was. */
static uint64_t step(struct insn_cpu *cpu, uint64_t value, bool up, unsigned size)
{
	bool carry = cpu->flags & INSN_CF;
	uint64_t result = up ? add(cpu, value, 1, false, size) : subtract(cpu, value, 1, false, size);

	set_flag(cpu, INSN_CF, carry);
	return result;
}

static uint64_t change_bit(const struct insn *insn, struct insn_cpu *cpu, uint64_t value)
{
	uint64_t bit = 1ull << (insn->imm & (8 * insn->size - 1));

	set_flag(cpu, INSN_CF, value & bit);
	switch (insn->op) {
	case INSN_BTS:
		return value | bit;
	case INSN_BTR:
		return value & ~bit;
	case INSN_BTC:
		return value ^ bit;
	default:
		return value;
	}
}

/* @a op @b, where @a is what the result replaces. */
static uint64_t compute(const struct insn *insn, struct insn_cpu *cpu, uint64_t a, uint64_t b)
{
	bool carry = cpu->flags & INSN_CF;
	unsigned size = insn->size;

	switch (insn->op) {
	case INSN_ADD:
	case INSN_XADD:
		return add(cpu, a, b, false, size);
	case INSN_ADC:
		return add(cpu, a, b, carry, size);
	case INSN_SUB:
	case INSN_CMP:
		return subtract(cpu, a, b, false, size);
	case INSN_SBB:
		return subtract(cpu, a, b, carry, size);
	case INSN_OR:
		return logic(cpu, a | b, size);
	case INSN_AND:
	case INSN_TEST:
		return logic(cpu, a & b, size);
	case INSN_XOR:
		return logic(cpu, a ^ b, size);
	case INSN_NOT:
		return cut(~a, size);
	case INSN_NEG:
		return subtract(cpu, 0, a, false, size);
	case INSN_INC:
	case INSN_DEC:
		return step(cpu, a, insn->op == INSN_INC, size);
	default:
		return change_bit(insn, cpu, a);
	}
}

static bool only_flags(enum insn_op op)
{
	return op == INSN_CMP || op == INSN_TEST || op == INSN_BT;
}

static void run_compute(const struct insn *insn, struct insn_cpu *cpu, const struct insn_memory *memory)
{
	uint64_t value = memory->read(memory->ctx, insn->size), other = get_other(insn, cpu), result;

	if (insn->to_memory)
		result = compute(insn, cpu, value, other);
	else
		result = compute(insn, cpu, other, value);
	if (only_flags(insn->op))
		return;
	if (insn->to_memory)
		memory->write(memory->ctx, result, insn->size);
	else
		set_other(insn, cpu, result);
	if (insn->op == INSN_XADD)
		set_other(insn, cpu, value);
}

/* The processor writes in either case: what it has read, when the comparison fails. */
static void run_cmpxchg(const struct insn *insn, struct insn_cpu *cpu, const struct insn_memory *memory)
{
	uint64_t value = memory->read(memory->ctx, insn->size);

	subtract(cpu, cut(cpu->gpr[0], insn->size), value, false, insn->size);
	if (cpu->flags & INSN_ZF) {
		memory->write(memory->ctx, get_other(insn, cpu), insn->size);
	} else {
		memory->write(memory->ctx, value, insn->size);
		set_reg(&cpu->gpr[0], insn->size, false, value);
	}
}

void insn_run(const struct insn *insn, struct insn_cpu *cpu, const struct insn_memory *memory)
{
	uint64_t value;

	switch (insn->op) {
	case INSN_LOAD:
	case INSN_LOAD_SIGNED:
		value = memory->read(memory->ctx, insn->size);
		if (insn->swap)
			value = reverse(value, insn->size);
		if (insn->op == INSN_LOAD_SIGNED)
			value = sign_extend(value, insn->size);
		set_other(insn, cpu, value);
		break;
	case INSN_STORE:
		value = get_other(insn, cpu);
		memory->write(memory->ctx, insn->swap ? reverse(value, insn->size) : value, insn->size);
		break;
	case INSN_XCHG:
		value = memory->read(memory->ctx, insn->size);
		memory->write(memory->ctx, get_other(insn, cpu), insn->size);
		set_other(insn, cpu, value);
		break;
	case INSN_CMPXCHG:
		run_cmpxchg(insn, cpu, memory);
		break;
	default:
		run_compute(insn, cpu, memory);
	}
	cpu->rip += insn->len;
}
