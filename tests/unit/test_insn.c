// SPDX-License-Identifier: BSD-2-Clause
/*
 * The decoder of trapped accesses: a table of instructions that say what they are (on every machine), and thousands of
 * random ones against the processor itself (on x86-64).
 */
#include "unit.h"

#include <sys/mman.h>

#include "native_insn.h"

/* -------- what the bytes say -------- */

struct known {
	const char *name;
	const char *code;
	unsigned len;
	struct insn insn;
};

#define CODE(bytes) (bytes), sizeof(bytes) - 1
#define NONE	    INSN_NO_REG
#define MEM(...)                                                                                                       \
	{                                                                                                              \
		.index = NONE, __VA_ARGS__                                                                             \
	}

// clang-format off
static const struct known known[] = {
	{"mov eax, [rdi]", CODE("\x8b\x07"), MEM(.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .base = 7)},
	{"mov r9d, [rdi+8]", CODE("\x44\x8b\x4f\x08"),
	 MEM(.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 9, .base = 7, .disp = 8)},
	{"mov rax, [r12]", CODE("\x49\x8b\x04\x24"), MEM(.op = INSN_LOAD, .size = 8, .reg_size = 8, .reg = 0, .base = 12)},
	{"mov eax, [r13+0]", CODE("\x41\x8b\x45\x00"), MEM(.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .base = 13)},
	{"mov ax, [rsp-4]", CODE("\x66\x8b\x44\x24\xfc"),
	 MEM(.op = INSN_LOAD, .size = 2, .reg_size = 2, .reg = 0, .base = 4, .disp = -4)},
	{"mov ah, [rbx]", CODE("\x8a\x23"),
	 MEM(.op = INSN_LOAD, .size = 1, .reg_size = 1, .reg = 0, .high = true, .base = 3)},
	{"mov spl, [rbx]", CODE("\x40\x8a\x23"), MEM(.op = INSN_LOAD, .size = 1, .reg_size = 1, .reg = 4, .base = 3)},
	{"mov eax, [rip+0x10]", CODE("\x8b\x05\x10\0\0\0"),
	 MEM(.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .base = INSN_RIP, .disp = 16)},
	{"mov eax, [0x1000]", CODE("\x8b\x04\x25\0\x10\0\0"),
	 MEM(.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .base = NONE, .disp = 0x1000)},
	{"mov eax, [edi]", CODE("\x67\x8b\x07"),
	 MEM(.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .base = 7, .addr32 = true)},
	{"mov eax, ds:[rdi]", CODE("\x3e\x8b\x07"), MEM(.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .base = 7)},
	{"mov eax, [rdi], a REX that counts for nothing", CODE("\x48\x66\x8b\x07"),
	 MEM(.op = INSN_LOAD, .size = 2, .reg_size = 2, .reg = 0, .base = 7)},
	{"movabs al, [...]", CODE("\xa0\x88\x77\x66\x55\x44\x33\x22\x11"),
	 MEM(.op = INSN_LOAD, .size = 1, .reg_size = 1, .reg = 0, .base = NONE, .disp = 0x1122334455667788)},
	{"movabs [...], rax", CODE("\x48\xa3\x88\x77\x66\x55\x44\x33\x22\x11"),
	 MEM(.op = INSN_STORE, .size = 8, .reg_size = 8, .reg = 0, .to_memory = true, .base = NONE,
	     .disp = 0x1122334455667788)},
	{"mov [rdi+0x6018], esi", CODE("\x89\xb7\x18\x60\0\0"),
	 MEM(.op = INSN_STORE, .size = 4, .reg_size = 4, .reg = 6, .to_memory = true, .base = 7, .disp = 0x6018)},
	{"mov dword [rax], -2", CODE("\xc7\0\xfe\xff\xff\xff"),
	 MEM(.op = INSN_STORE, .size = 4, .reg_size = 4, .reg = NONE, .to_memory = true, .base = 0, .imm = -2)},
	{"mov qword [rax], -2", CODE("\x48\xc7\0\xfe\xff\xff\xff"),
	 MEM(.op = INSN_STORE, .size = 8, .reg_size = 8, .reg = NONE, .to_memory = true, .base = 0, .imm = -2)},
	{"mov word [rax], 0x1234", CODE("\x66\xc7\0\x34\x12"),
	 MEM(.op = INSN_STORE, .size = 2, .reg_size = 2, .reg = NONE, .to_memory = true, .base = 0, .imm = 0x1234)},
	{"mov byte [rax], 5", CODE("\xc6\0\x05"),
	 MEM(.op = INSN_STORE, .size = 1, .reg_size = 1, .reg = NONE, .to_memory = true, .base = 0, .imm = 5)},
	{"mov eax, [rbx+r14*8+0x100]", CODE("\x42\x8b\x84\xf3\0\x01\0\0"),
	 {.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .base = 3, .index = 14, .shift = 3, .disp = 256}},
	{"mov eax, [r12*2+0x100]", CODE("\x42\x8b\x04\x65\0\x01\0\0"),
	 {.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .base = NONE, .index = 12, .shift = 1, .disp = 256}},
	{"movzx eax, byte [rcx]", CODE("\x0f\xb6\x01"), MEM(.op = INSN_LOAD, .size = 1, .reg_size = 4, .reg = 0, .base = 1)},
	{"movzx rdi, word [rcx]", CODE("\x48\x0f\xb7\x39"),
	 MEM(.op = INSN_LOAD, .size = 2, .reg_size = 8, .reg = 7, .base = 1)},
	{"movsx esi, byte [rcx]", CODE("\x0f\xbe\x31"),
	 MEM(.op = INSN_LOAD_SIGNED, .size = 1, .reg_size = 4, .reg = 6, .base = 1)},
	{"movsxd rax, dword [rdi]", CODE("\x48\x63\x07"),
	 MEM(.op = INSN_LOAD_SIGNED, .size = 4, .reg_size = 8, .reg = 0, .base = 7)},
	{"movnti [rdi], eax", CODE("\x0f\xc3\x07"),
	 MEM(.op = INSN_STORE, .size = 4, .reg_size = 4, .reg = 0, .to_memory = true, .base = 7)},
	{"movdiri [rdx], ecx", CODE("\x0f\x38\xf9\x0a"),
	 MEM(.op = INSN_STORE, .size = 4, .reg_size = 4, .reg = 1, .to_memory = true, .base = 2)},
	{"movdiri [r10+0x40], r9", CODE("\x4d\x0f\x38\xf9\x4a\x40"),
	 MEM(.op = INSN_STORE, .size = 8, .reg_size = 8, .reg = 9, .to_memory = true, .base = 10, .disp = 64)},
	{"movbe eax, [rdi]", CODE("\x0f\x38\xf0\x07"),
	 MEM(.op = INSN_LOAD, .size = 4, .reg_size = 4, .reg = 0, .swap = true, .base = 7)},
	{"or dword [rdi], 1", CODE("\x83\x0f\x01"),
	 MEM(.op = INSN_OR, .size = 4, .reg_size = 4, .reg = NONE, .to_memory = true, .base = 7, .imm = 1)},
	{"and eax, [rdi]", CODE("\x23\x07"), MEM(.op = INSN_AND, .size = 4, .reg_size = 4, .reg = 0, .base = 7)},
	{"test dword [rdi+8], 0x80000", CODE("\xf7\x47\x08\0\0\x08\0"),
	 MEM(.op = INSN_TEST, .size = 4, .reg_size = 4, .reg = NONE, .to_memory = true, .base = 7, .disp = 8,
	     .imm = 0x80000)},
	{"test byte [rip-1], 4", CODE("\xf6\x05\xff\xff\xff\xff\x04"),
	 MEM(.op = INSN_TEST, .size = 1, .reg_size = 1, .reg = NONE, .to_memory = true, .base = INSN_RIP, .disp = -1,
	     .imm = 4)},
	{"lock bts dword [rdi], 31", CODE("\xf0\x0f\xba\x2f\x1f"),
	 MEM(.op = INSN_BTS, .size = 4, .reg_size = 4, .reg = NONE, .to_memory = true, .base = 7, .imm = 31)},
	{"xchg [rdi], eax", CODE("\x87\x07"),
	 MEM(.op = INSN_XCHG, .size = 4, .reg_size = 4, .reg = 0, .to_memory = true, .base = 7)},
};
// clang-format on

static void assert_same_insn(const char *name, const struct insn *a, const struct insn *b)
{
	if (a->op != b->op || a->len != b->len || a->size != b->size || a->reg_size != b->reg_size || a->reg != b->reg)
		fail_msg("%s: op %d len %u size %u reg_size %u reg %u", name, a->op, a->len, a->size, a->reg_size,
			 a->reg);
	if (a->high != b->high || a->to_memory != b->to_memory || a->swap != b->swap || a->imm != b->imm)
		fail_msg("%s: high %d to_memory %d swap %d imm %#llx", name, a->high, a->to_memory, a->swap,
			 (unsigned long long)a->imm);
	if (a->base != b->base || a->index != b->index || a->shift != b->shift || a->addr32 != b->addr32 ||
	    a->disp != b->disp)
		fail_msg("%s: base %u index %u shift %u addr32 %d disp %lld", name, a->base, a->index, a->shift,
			 a->addr32, (long long)a->disp);
}

static void insn_decode_known_says_what_it_is(void **state)
{
	for (size_t i = 0; i < N_OF(known); i++) {
		struct insn insn, want = known[i].insn;
		int err;

		want.len = (uint8_t)known[i].len;
		err = insn_decode((const uint8_t *)known[i].code, known[i].len, &insn);
		if (err)
			fail_msg("%s: %d", known[i].name, err);
		assert_same_insn(known[i].name, &insn, &want);
	}
}

/* Bytes that stand behind an instruction are none of its business, and without its last byte it is none. */
static void insn_decode_cut_wants_more(void **state)
{
	struct insn insn;
	uint8_t code[INSN_MAX_LEN + 1];

	for (size_t i = 0; i < N_OF(known); i++) {
		memset(code, 0xcc, sizeof(code));
		memcpy(code, known[i].code, known[i].len);
		assert_int_equal(insn_decode(code, sizeof(code), &insn), 0);
		assert_int_equal(insn.len, known[i].len);
		for (unsigned n = 0; n < known[i].len; n++)
			assert_int_equal(insn_decode(code, n, &insn), -ENODATA);
	}
}

static void insn_decode_other_is_refused(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned len;
	} refused[] = {
		{"mov eax, ebx", CODE("\x89\xd8\0\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"mov eax, fs:[rdi]", CODE("\x64\x8b\x07\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"rep movsb", CODE("\xf3\xa4\0\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"movdqu xmm0, [rdi]", CODE("\xf3\x0f\x6f\x07\0\0\0\0\0\0\0\0\0\0\0")},
		{"movaps [rdi], xmm0", CODE("\x0f\x29\x07\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"vmovdqu ymm0, [rdi]", CODE("\xc5\xfe\x6f\x07\0\0\0\0\0\0\0\0\0\0\0")},
		{"crc32 eax, byte [rdi]", CODE("\xf2\x0f\x38\xf0\x07\0\0\0\0\0\0\0\0\0\0")},
		{"lock mov [rdi], eax", CODE("\xf0\x89\x07\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"lock cmp [rdi], eax", CODE("\xf0\x39\x07\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"lock add eax, [rdi]", CODE("\xf0\x03\x07\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"mov dword [rdi], imm with a wrong /1", CODE("\xc7\x0f\0\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"mul dword [rdi]", CODE("\xf7\x27\0\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"call [rdi]", CODE("\xff\x17\0\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"bt [rdi], eax", CODE("\x0f\xa3\x07\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"movdir64b", CODE("\x66\x0f\x38\xf8\x07\0\0\0\0\0\0\0\0\0\0")},
		{"ret", CODE("\xc3\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
		{"nothing but prefixes", CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66")},
	};
	struct insn insn;
	int err;

	for (size_t i = 0; i < N_OF(refused); i++) {
		err = insn_decode((const uint8_t *)refused[i].code, refused[i].len, &insn);
		if (err != -EOPNOTSUPP && !(err == -ENODATA && i == N_OF(refused) - 1))
			fail_msg("%s: %d", refused[i].name, err);
	}
}

static void insn_address_of_every_form(void **state)
{
	struct insn_cpu cpu = {.rip = 0x5000};
	struct insn insn = {.len = 7, .base = INSN_RIP, .index = NONE, .disp = -7};

	assert_int_equal(insn_address(&insn, &cpu), 0x5000);
	insn.base = NONE;
	assert_int_equal(insn_address(&insn, &cpu), (uint64_t)-7);
	cpu.gpr[3] = 0x700000000;
	cpu.gpr[9] = 0x10;
	insn.base = 3;
	insn.index = 9;
	insn.shift = 3;
	insn.disp = 0x18;
	assert_int_equal(insn_address(&insn, &cpu), 0x700000098);
	insn.addr32 = true;
	assert_int_equal(insn_address(&insn, &cpu), 0x98);
}

/* -------- against the processor -------- */

struct form {
	uint8_t code[4];
	unsigned len;
	unsigned imm;	    /* bytes of constant, 4 meaning 2 with a 66 prefix */
	int field;	    /* of the register, or -1: any */
	uint64_t undefined; /* flags */
	bool no_opsize;	    /* a 66 would make it something else */
	bool lock;	    /* may carry one */
};

// clang-format off
#define OP(...)    {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})
#define UNDEF_BIT  (INSN_OF | INSN_SF | INSN_AF | INSN_PF)
#define ALU(n, u)                                                                                          \
	{OP(n * 8 + 0), 0, -1, u, .lock = n != 7}, {OP(n * 8 + 1), 0, -1, u, .lock = n != 7},              \
	{OP(n * 8 + 2), 0, -1, u}, {OP(n * 8 + 3), 0, -1, u}, {OP(0x80), 1, n, u, .lock = n != 7},         \
	{OP(0x81), 4, n, u, .lock = n != 7}, {OP(0x83), 1, n, u, .lock = n != 7}

static const struct form forms[] = {
	ALU(0, 0), ALU(1, INSN_AF), ALU(2, 0), ALU(3, 0), ALU(4, INSN_AF), ALU(5, 0), ALU(6, INSN_AF), ALU(7, 0),
	{OP(0x63), 0, -1}, {OP(0x84), 0, -1, INSN_AF}, {OP(0x85), 0, -1, INSN_AF},
	{OP(0x86), 0, -1, .lock = true}, {OP(0x87), 0, -1, .lock = true},
	{OP(0x88), 0, -1}, {OP(0x89), 0, -1}, {OP(0x8a), 0, -1}, {OP(0x8b), 0, -1},
	{OP(0xc6), 1, 0}, {OP(0xc7), 4, 0},
	{OP(0xf6), 1, 0, INSN_AF}, {OP(0xf7), 4, 0, INSN_AF}, {OP(0xf6), 1, 1, INSN_AF}, {OP(0xf7), 4, 1, INSN_AF},
	{OP(0xf6), 0, 2, .lock = true}, {OP(0xf7), 0, 2, .lock = true},
	{OP(0xf6), 0, 3, .lock = true}, {OP(0xf7), 0, 3, .lock = true},
	{OP(0xfe), 0, 0, .lock = true}, {OP(0xff), 0, 0, .lock = true},
	{OP(0xfe), 0, 1, .lock = true}, {OP(0xff), 0, 1, .lock = true},
	{OP(0x0f, 0xb0), 0, -1, .lock = true}, {OP(0x0f, 0xb1), 0, -1, .lock = true},
	{OP(0x0f, 0xb6), 0, -1}, {OP(0x0f, 0xb7), 0, -1}, {OP(0x0f, 0xbe), 0, -1}, {OP(0x0f, 0xbf), 0, -1},
	{OP(0x0f, 0xba), 1, 4, UNDEF_BIT}, {OP(0x0f, 0xba), 1, 5, UNDEF_BIT, .lock = true},
	{OP(0x0f, 0xba), 1, 6, UNDEF_BIT, .lock = true}, {OP(0x0f, 0xba), 1, 7, UNDEF_BIT, .lock = true},
	{OP(0x0f, 0xc0), 0, -1, .lock = true}, {OP(0x0f, 0xc1), 0, -1, .lock = true},
	{OP(0x0f, 0xc3), 0, -1, .no_opsize = true},
};
// clang-format on

#define MEMORY_SIZE 4096

struct trial {
	uint8_t *memory, *code; /* pages beside each other */
	uint8_t shadow[MEMORY_SIZE];
	uint64_t target; /* address of the operand */
	uint64_t seed;
};

static uint64_t any(struct trial *t)
{
	t->seed ^= t->seed << 13;
	t->seed ^= t->seed >> 7;
	t->seed ^= t->seed << 17;
	return t->seed;
}

static uint64_t shadow_read(void *ctx, unsigned size)
{
	struct trial *t = ctx;
	uint64_t value = 0;

	memcpy(&value, t->shadow + (t->target - (uintptr_t)t->memory), size);
	return value;
}

static void shadow_write(void *ctx, uint64_t value, unsigned size)
{
	struct trial *t = ctx;

	memcpy(t->shadow + (t->target - (uintptr_t)t->memory), &value, size);
}

static unsigned put(uint8_t *code, unsigned at, uint64_t value, unsigned size)
{
	memcpy(code + at, &value, size);
	return at + size;
}

/* ModRM, SIB and displacement of any form, with registers that make it meet the target; returns the length so far. */
static unsigned put_address(struct trial *t, struct insn_cpu *cpu, unsigned at, unsigned reg, uint8_t rex,
			    unsigned tail)
{
	unsigned mod = any(t) % 3, rm = any(t) % 8, base = rm | (rex & 1 ? 8 : 0),
		 disp_size = mod == 1	? 1
			     : mod == 2 ? 4
					: 0;
	uint8_t *code = t->code;
	int64_t disp;

	at = put(code, at, mod << 6 | reg << 3 | rm, 1);
	if (mod == 0 && rm == 5)
		return put(code, at, t->target - (uintptr_t)(code + at + 4 + tail), 4);
	disp = disp_size == 1 ? (int8_t)any(t) : disp_size == 4 ? (int32_t)any(t) : 0;
	if (rm == 4) {
		unsigned sib = any(t) & 0xff, index = ((sib >> 3) & 7) | (rex & 2 ? 8 : 0);

		base = (sib & 7) | (rex & 1 ? 8 : 0);
		at = put(code, at, sib, 1);
		if (mod == 0 && (sib & 7) == 5) {
			disp_size = 4;
			disp = (int32_t)any(t);
			/* There is a register that can make up for it, or there is none: then the displacement cannot. */
			if (index == 4)
				return 0;
			cpu->gpr[index] = (t->target - (uint64_t)disp) >> (sib >> 6);
			if (cpu->gpr[index] << (sib >> 6) != t->target - (uint64_t)disp)
				return 0;
			return put(code, at, (uint64_t)disp, 4);
		}
		if (index != 4) {
			if (index == base)
				return 0;
			cpu->gpr[base] = t->target - (uint64_t)disp - (cpu->gpr[index] << (sib >> 6));
			return put(code, at, (uint64_t)disp, disp_size);
		}
	}
	cpu->gpr[base] = t->target - (uint64_t)disp;
	return put(code, at, (uint64_t)disp, disp_size);
}

/* Writes a random instruction of @form; 0 when the dice made none. */
static unsigned put_insn(struct trial *t, const struct form *form, struct insn_cpu *cpu)
{
	bool opsize = !form->no_opsize && any(t) % 4 == 0, has_rex = any(t) % 2;
	uint8_t rex = has_rex ? 0x40 | (any(t) & 0xf) : 0;
	unsigned imm = form->imm == 4 && opsize && !(rex & 8) ? 2 : form->imm, at = 0, i;
	uint64_t value = any(t);

	if (form->lock && form->field != 7 && any(t) % 4 == 0)
		t->code[at++] = 0xf0;
	if (opsize)
		t->code[at++] = 0x66;
	if (has_rex)
		t->code[at++] = rex;
	for (i = 0; i < form->len; i++)
		t->code[at++] = form->code[i];
	at = put_address(t, cpu, at, form->field < 0 ? any(t) % 8 : (unsigned)form->field, rex, imm);
	return at ? put(t->code, at, value, imm) : 0;
}

static void assert_same_cpu(const struct insn_cpu *ours, const struct insn_cpu *real, const struct form *form,
			    const uint8_t *code, unsigned len)
{
	char text[64] = "";
	unsigned i;

	for (i = 0; i < len; i++)
		snprintf(text + 3 * i, sizeof(text) - 3 * i, "%02x ", code[i]);
	for (i = 0; i < 16; i++)
		if (ours->gpr[i] != real->gpr[i])
			fail_msg("%s: register %u is %#llx, the processor says %#llx", text, i,
				 (unsigned long long)ours->gpr[i], (unsigned long long)real->gpr[i]);
	if ((ours->flags ^ real->flags) & ~form->undefined & 0xcd5)
		fail_msg("%s: flags are %#llx, the processor says %#llx", text, (unsigned long long)ours->flags,
			 (unsigned long long)real->flags);
}

/* Whether the dice made an instruction. */
static bool try_form(struct trial *t, const struct form *form)
{
	struct insn_memory memory = {.read = shadow_read, .write = shadow_write, .ctx = t};
	struct insn_cpu ours, real;
	struct insn insn;
	unsigned len, i;

	t->target = (uintptr_t)t->memory + (any(t) % (MEMORY_SIZE - 8));
	for (i = 0; i < 16; i++)
		real.gpr[i] = any(t) % 3 ? any(t) : (uint64_t)(int64_t)(int8_t)any(t);
	real.flags = 0x202 | (any(t) & (INSN_CF | INSN_PF | INSN_AF | INSN_ZF | INSN_SF | INSN_OF));
	len = put_insn(t, form, &real);
	if (!len)
		return false;
	/* Half of the time a comparison with the accumulator should succeed. */
	if (any(t) % 2)
		memcpy(t->memory + (t->target - (uintptr_t)t->memory), &real.gpr[0], 8);
	memcpy(t->shadow, t->memory, MEMORY_SIZE);
	native_write_jump(t->code + len);
	real.rip = (uintptr_t)t->code;
	ours = real;

	assert_int_equal(insn_decode(t->code, len, &insn), 0);
	assert_int_equal(insn.len, len);
	assert_int_equal(insn_address(&insn, &ours), t->target);
	insn_run(&insn, &ours, &memory);
	assert_int_equal(ours.rip, (uintptr_t)t->code + len);
	native_run(&real, t->code);
	assert_same_cpu(&ours, &real, form, t->code, len);
	assert_memory_equal(t->shadow, t->memory, MEMORY_SIZE);
	return true;
}

static void insn_run_random_does_as_the_processor(void **state)
{
#ifdef __x86_64__
	struct trial t = {.seed = 0x5eed};
	unsigned i, n = 0;

	t.memory = mmap(NULL, 2 * MEMORY_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(t.memory, MAP_FAILED);
	t.code = t.memory + MEMORY_SIZE;
	for (i = 0; i < MEMORY_SIZE; i++)
		t.memory[i] = (uint8_t)any(&t);
	for (i = 0; i < 1000 * N_OF(forms); i++)
		n += try_form(&t, &forms[i % N_OF(forms)]);
	assert_in_range(n, 800 * N_OF(forms), 1000 * N_OF(forms));
	munmap(t.memory, 2 * MEMORY_SIZE);
#endif
}

/* -------- what the processor at hand may not know -------- */

static uint64_t last_write;

static uint64_t read_constant(void *ctx, unsigned size)
{
	return 0x0102030405060708 & (size < 8 ? (1ull << (8 * size)) - 1 : ~0ull);
}

static void write_down(void *ctx, uint64_t value, unsigned size)
{
	last_write = value;
}

static void insn_run_movbe_and_movdiri(void **state)
{
	struct insn_memory memory = {.read = read_constant, .write = write_down};
	struct insn_cpu cpu = {.gpr = {0x1122334455667788, 0x99aabbccddeeff00}};
	struct insn insn;

	/* movbe eax, [rdi]; movbe [rdi], rcx; movdiri [rdx], ecx */
	assert_int_equal(insn_decode((const uint8_t *)"\x0f\x38\xf0\x07", 4, &insn), 0);
	insn_run(&insn, &cpu, &memory);
	assert_int_equal(cpu.gpr[0], 0x08070605);
	assert_int_equal(insn_decode((const uint8_t *)"\x48\x0f\x38\xf1\x0f", 5, &insn), 0);
	insn_run(&insn, &cpu, &memory);
	assert_int_equal(last_write, 0x00ffeeddccbbaa99);
	assert_int_equal(insn_decode((const uint8_t *)"\x0f\x38\xf9\x0a", 4, &insn), 0);
	insn_run(&insn, &cpu, &memory);
	assert_int_equal(last_write, 0xddeeff00);
	assert_int_equal(cpu.rip, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(insn_decode_known_says_what_it_is),	 cmocka_unit_test(insn_decode_cut_wants_more),
		cmocka_unit_test(insn_decode_other_is_refused),		 cmocka_unit_test(insn_address_of_every_form),
		cmocka_unit_test(insn_run_random_does_as_the_processor), cmocka_unit_test(insn_run_movbe_and_movdiri),
	};

	return cmocka_run_group_tests_name("insn", tests, NULL, NULL);
}
