// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bytes to struct insn. Opcodes and their operands are those of the processor manuals' opcode maps; what is not a plain
 * access of up to 8 bytes (vectors, strings, VEX and EVEX) is refused.
 */
#include <errno.h>

#include "insn.h"

#define REX_W (1u << 3)
#define REX_R (1u << 2)
#define REX_X (1u << 1)
#define REX_B (1u << 0)

struct reader {
	const uint8_t *code;
	size_t n, pos;
	bool short_of; /* wanted more than there is */

	bool opsize, lock, addr32;
	uint8_t rex; /* 0: none */
};

/* A little-endian number of @size bytes, sign-extended. */
static int64_t take(struct reader *r, unsigned size)
{
	uint64_t value = 0;
	unsigned i;

	if (!size)
		return 0;
	if (r->n - r->pos < size) {
		r->short_of = true;
		r->pos = r->n;
		return 0;
	}
	for (i = 0; i < size; i++)
		value |= (uint64_t)r->code[r->pos++] << (8 * i);
	return size < 8 ? (int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size) : (int64_t)value;
}

static uint8_t take_byte(struct reader *r)
{
	return (uint8_t)take(r, 1);
}

/* Bytes of an operand that is not a byte. */
static uint8_t operand_size(const struct reader *r)
{
	if (r->rex & REX_W)
		return 8;
	return r->opsize ? 2 : 4;
}

/* Returns the first byte that is no prefix. A REX counts only when it comes last. */
static int take_prefixes(struct reader *r)
{
	for (;;) {
		uint8_t byte = take_byte(r);

		if (r->short_of)
			return -ENODATA;
		if ((byte & 0xf0) == 0x40) {
			r->rex = byte;
			continue;
		}
		switch (byte) {
		case 0x66:
			r->opsize = true;
			break;
		case 0x67:
			r->addr32 = true;
			break;
		case 0xf0:
			r->lock = true;
			break;
		case 0x26: /* segments without meaning in 64-bit mode */
		case 0x2e:
		case 0x36:
		case 0x3e:
			break;
		case 0x64: /* fs, gs: memory of the thread, never a device's */
		case 0x65:
		case 0xf2: /* strings and vectors */
		case 0xf3:
			return -EOPNOTSUPP;
		default:
			return byte;
		}
		r->rex = 0;
	}
}

/* ModRM, SIB and displacement. The register field without REX.R comes back in @ret_field: it may be part of the opcode. */
static int take_modrm(struct reader *r, struct insn *insn, unsigned *ret_field)
{
	uint8_t modrm = take_byte(r), mod = modrm >> 6, rm = modrm & 7;

	*ret_field = (modrm >> 3) & 7;
	insn->addr32 = r->addr32;
	if (mod == 3)
		return -EOPNOTSUPP;
	insn->base = rm | (r->rex & REX_B ? 8 : 0);
	if (rm == 4) {
		uint8_t sib = take_byte(r), index = ((sib >> 3) & 7) | (r->rex & REX_X ? 8 : 0);

		insn->shift = sib >> 6;
		insn->index = index == 4 ? INSN_NO_REG : index;
		insn->base = (sib & 7) | (r->rex & REX_B ? 8 : 0);
		if (mod == 0 && (sib & 7) == 5) {
			insn->base = INSN_NO_REG;
			mod = 2;
		}
	} else if (mod == 0 && rm == 5) {
		insn->base = INSN_RIP;
		mod = 2;
	}
	if (mod == 1)
		insn->disp = take(r, 1);
	else if (mod == 2)
		insn->disp = take(r, 4);
	return 0;
}

/* The register that the field names, read or written with @size bytes. */
static void name_register(const struct reader *r, struct insn *insn, unsigned field, uint8_t size)
{
	insn->reg_size = size;
	insn->reg = (uint8_t)(field | (r->rex & REX_R ? 8 : 0));
	/* Without any REX, the byte registers 4-7 are the high halves of the first four. */
	if (size == 1 && !r->rex && field >= 4) {
		insn->high = true;
		insn->reg = (uint8_t)(field - 4);
	}
}

/* ModRM with a register of the memory operand's size. */
static int with_register(struct reader *r, struct insn *insn, enum insn_op op, uint8_t size, bool to_memory)
{
	unsigned field;
	int err = take_modrm(r, insn, &field);

	insn->op = op;
	insn->size = size;
	insn->to_memory = to_memory;
	name_register(r, insn, field, size);
	return err;
}

/* A load of @size bytes that fills a register of the operand's size. */
static int with_extension(struct reader *r, struct insn *insn, enum insn_op op, uint8_t size)
{
	unsigned field;
	int err = take_modrm(r, insn, &field);

	insn->op = op;
	insn->size = size;
	name_register(r, insn, field, operand_size(r));
	return err;
}

static int with_constant(struct reader *r, struct insn *insn, enum insn_op op, uint8_t size, unsigned imm_size)
{
	insn->op = op;
	insn->size = size;
	insn->reg_size = size;
	insn->to_memory = true;
	insn->imm = (uint64_t)take(r, imm_size);
	return 0;
}

/* A constant is as wide as its operand, but never wider than 4 bytes. */
static unsigned constant_size(uint8_t size)
{
	return size == 8 ? 4 : size;
}

static int decode_alu(struct reader *r, struct insn *insn, uint8_t opcode)
{
	uint8_t size = opcode & 1 ? operand_size(r) : 1;

	return with_register(r, insn, (enum insn_op)(opcode >> 3), size, !(opcode & 2));
}

/* 80, 81, 83; C6, C7; F6, F7; FE, FF: the register field says which. */
static int decode_group(struct reader *r, struct insn *insn, uint8_t opcode)
{
	static const enum insn_op f6[] = {INSN_TEST, INSN_TEST, INSN_NOT, INSN_NEG};
	static const enum insn_op fe[] = {INSN_INC, INSN_DEC};
	uint8_t size = opcode & 1 ? operand_size(r) : 1;
	unsigned field;
	int err = take_modrm(r, insn, &field);

	if (err)
		return err;
	switch (opcode) {
	case 0x80:
	case 0x81:
		return with_constant(r, insn, (enum insn_op)field, size, constant_size(size));
	case 0x83:
		return with_constant(r, insn, (enum insn_op)field, size, 1);
	case 0xc6:
	case 0xc7:
		return field ? -EOPNOTSUPP : with_constant(r, insn, INSN_STORE, size, constant_size(size));
	case 0xf6:
	case 0xf7:
		if (field > 3)
			return -EOPNOTSUPP;
		return with_constant(r, insn, f6[field], size, field < 2 ? constant_size(size) : 0);
	default:
		return field > 1 ? -EOPNOTSUPP : with_constant(r, insn, fe[field], size, 0);
	}
}

/* A0-A3: rax and a whole address in the instruction. */
static int decode_moffs(struct reader *r, struct insn *insn, uint8_t opcode)
{
	insn->op = opcode & 2 ? INSN_STORE : INSN_LOAD;
	insn->to_memory = opcode & 2;
	insn->size = insn->reg_size = opcode & 1 ? operand_size(r) : 1;
	insn->reg = 0;
	insn->addr32 = r->addr32;
	insn->disp = take(r, r->addr32 ? 4 : 8);
	return 0;
}

static int decode_one_byte(struct reader *r, struct insn *insn, uint8_t opcode)
{
	uint8_t size = opcode & 1 ? operand_size(r) : 1;

	if (opcode < 0x40 && (opcode & 7) < 4)
		return decode_alu(r, insn, opcode);
	switch (opcode) {
	case 0x63: /* MOVSXD */
		return with_extension(r, insn, INSN_LOAD_SIGNED, operand_size(r) == 2 ? 2 : 4);
	case 0x80:
	case 0x81:
	case 0x83:
	case 0xc6:
	case 0xc7:
	case 0xf6:
	case 0xf7:
	case 0xfe:
	case 0xff:
		return decode_group(r, insn, opcode);
	case 0x84:
	case 0x85:
		return with_register(r, insn, INSN_TEST, size, true);
	case 0x86:
	case 0x87:
		return with_register(r, insn, INSN_XCHG, size, true);
	case 0x88:
	case 0x89:
		return with_register(r, insn, INSN_STORE, size, true);
	case 0x8a:
	case 0x8b:
		return with_register(r, insn, INSN_LOAD, size, false);
	case 0xa0:
	case 0xa1:
	case 0xa2:
	case 0xa3:
		return decode_moffs(r, insn, opcode);
	default:
		return -EOPNOTSUPP;
	}
}

/* 0F BA: a bit whose number is in the instruction. */
static int decode_bit(struct reader *r, struct insn *insn)
{
	static const enum insn_op ops[] = {INSN_BT, INSN_BTS, INSN_BTR, INSN_BTC};
	unsigned field;
	int err = take_modrm(r, insn, &field);

	if (err || field < 4)
		return -EOPNOTSUPP;
	return with_constant(r, insn, ops[field - 4], operand_size(r), 1);
}

static int decode_two_byte(struct reader *r, struct insn *insn, uint8_t opcode)
{
	uint8_t size = opcode & 1 ? operand_size(r) : 1;

	switch (opcode) {
	case 0xb0: /* CMPXCHG */
	case 0xb1:
		return with_register(r, insn, INSN_CMPXCHG, size, true);
	case 0xb6: /* MOVZX */
	case 0xb7:
		return with_extension(r, insn, INSN_LOAD, opcode & 1 ? 2 : 1);
	case 0xbe: /* MOVSX */
	case 0xbf:
		return with_extension(r, insn, INSN_LOAD_SIGNED, opcode & 1 ? 2 : 1);
	case 0xba:
		return decode_bit(r, insn);
	case 0xc0: /* XADD */
	case 0xc1:
		return with_register(r, insn, INSN_XADD, size, true);
	case 0xc3: /* MOVNTI */
		return r->opsize ? -EOPNOTSUPP : with_register(r, insn, INSN_STORE, operand_size(r), true);
	default:
		return -EOPNOTSUPP;
	}
}

/* 0F 38: MOVBE and MOVDIRI. */
static int decode_three_byte(struct reader *r, struct insn *insn, uint8_t opcode)
{
	switch (opcode) {
	case 0xf0:
	case 0xf1:
		insn->swap = true;
		return with_register(r, insn, opcode & 1 ? INSN_STORE : INSN_LOAD, operand_size(r), opcode & 1);
	case 0xf9:
		return r->opsize ? -EOPNOTSUPP : with_register(r, insn, INSN_STORE, operand_size(r), true);
	default:
		return -EOPNOTSUPP;
	}
}

static int decode_opcode(struct reader *r, struct insn *insn, uint8_t opcode)
{
	if (opcode != 0x0f)
		return decode_one_byte(r, insn, opcode);
	opcode = take_byte(r);
	if (opcode != 0x38)
		return r->short_of ? -ENODATA : decode_two_byte(r, insn, opcode);
	opcode = take_byte(r);
	return r->short_of ? -ENODATA : decode_three_byte(r, insn, opcode);
}

/* What may carry LOCK: it changes memory with what it reads there. */
static bool lockable(const struct insn *insn)
{
	switch (insn->op) {
	case INSN_CMP:
	case INSN_TEST:
	case INSN_BT:
	case INSN_LOAD:
	case INSN_LOAD_SIGNED:
	case INSN_STORE:
		return false;
	default:
		return insn->to_memory;
	}
}

int insn_decode(const uint8_t *code, size_t n, struct insn *ret_insn)
{
	struct reader r = {.code = code, .n = n < INSN_MAX_LEN ? n : INSN_MAX_LEN};
	struct insn insn = {.reg = INSN_NO_REG, .base = INSN_NO_REG, .index = INSN_NO_REG};
	int opcode, err;

	opcode = take_prefixes(&r);
	if (opcode < 0)
		return opcode;
	err = decode_opcode(&r, &insn, (uint8_t)opcode);
	if (r.short_of)
		return n < INSN_MAX_LEN ? -ENODATA : -EOPNOTSUPP;
	if (err)
		return err;
	if (r.lock && !lockable(&insn))
		return -EOPNOTSUPP;
	insn.len = (uint8_t)r.pos;
	*ret_insn = insn;
	return 0;
}
