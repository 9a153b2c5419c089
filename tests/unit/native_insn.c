// SPDX-License-Identifier: BSD-2-Clause
#include <stddef.h>
#include <string.h>

#include "native_insn.h"

#ifdef __x86_64__

void native_back(void);

_Static_assert(offsetof(struct insn_cpu, flags) == 136, "the assembler code counts on it");

/* MOV leaves the flags alone, so that what stands around the instruction disturbs none of what it reads or leaves. */
__asm__(".pushsection .bss\n"
	".balign 8\n"
	"native_sp: .zero 8\n"
	"native_cpu: .zero 8\n"
	"native_code: .zero 8\n"
	"native_rdi: .zero 8\n"
	".popsection\n"
	".text\n"
	".globl native_run\n"
	".globl native_back\n"
	"native_run:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, native_sp(%rip)\n"
	"	mov %rdi, native_cpu(%rip)\n"
	"	mov %rsi, native_code(%rip)\n"
	"	pushq 136(%rdi)\n"
	"	popfq\n"
	"	mov 0(%rdi), %rax\n"
	"	mov 8(%rdi), %rcx\n"
	"	mov 16(%rdi), %rdx\n"
	"	mov 24(%rdi), %rbx\n"
	"	mov 32(%rdi), %rsp\n"
	"	mov 40(%rdi), %rbp\n"
	"	mov 48(%rdi), %rsi\n"
	"	mov 64(%rdi), %r8\n"
	"	mov 72(%rdi), %r9\n"
	"	mov 80(%rdi), %r10\n"
	"	mov 88(%rdi), %r11\n"
	"	mov 96(%rdi), %r12\n"
	"	mov 104(%rdi), %r13\n"
	"	mov 112(%rdi), %r14\n"
	"	mov 120(%rdi), %r15\n"
	"	mov 56(%rdi), %rdi\n"
	"	jmp *native_code(%rip)\n"
	"native_back:\n"
	"	mov %rdi, native_rdi(%rip)\n"
	"	mov native_cpu(%rip), %rdi\n"
	"	mov %rax, 0(%rdi)\n"
	"	mov %rcx, 8(%rdi)\n"
	"	mov %rdx, 16(%rdi)\n"
	"	mov %rbx, 24(%rdi)\n"
	"	mov %rsp, 32(%rdi)\n"
	"	mov %rbp, 40(%rdi)\n"
	"	mov %rsi, 48(%rdi)\n"
	"	mov %r8, 64(%rdi)\n"
	"	mov %r9, 72(%rdi)\n"
	"	mov %r10, 80(%rdi)\n"
	"	mov %r11, 88(%rdi)\n"
	"	mov %r12, 96(%rdi)\n"
	"	mov %r13, 104(%rdi)\n"
	"	mov %r14, 112(%rdi)\n"
	"	mov %r15, 120(%rdi)\n"
	"	mov native_rdi(%rip), %rax\n"
	"	mov %rax, 56(%rdi)\n"
	"	mov native_sp(%rip), %rsp\n"
	"	pushfq\n"
	"	popq 136(%rdi)\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n");

void native_write_jump(uint8_t *at)
{
	void (*back)(void) = native_back;

	/* JMP through the 8 bytes that follow. */
	memcpy(at, "\xff\x25\0\0\0\0", 6);
	memcpy(at + 6, &back, sizeof(back));
}

#else

void native_write_jump(uint8_t *at)
{
}

void native_run(struct insn_cpu *cpu, const void *code)
{
}

#endif
