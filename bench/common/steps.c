// SPDX-License-Identifier: BSD-2-Clause
#include "steps.h"

#include <err.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

static volatile uint64_t n_steps;
static void (*look)(uintptr_t pc);

static void count(int sig)
{
	n_steps++;
}

static void count_and_look(int sig, siginfo_t *info, void *context)
{
	n_steps++;
	look((uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]);
}

static __attribute__((noinline)) void nothing(void *ctx)
{
	__asm__ volatile("" ::: "memory");
}

/* Bit 8 of the flags is TF. Behind the last instruction that has it set one more trap comes. */
static __attribute__((noinline)) uint64_t run(void (*fn)(void *ctx), void *ctx)
{
	n_steps = 0;
	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	fn(ctx);
	__asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	return n_steps;
}

uint64_t steps_count(void (*fn)(void *ctx), void *ctx)
{
	struct sigaction act = {.sa_handler = count}, old;
	uint64_t base, n;

	if (sigaction(SIGTRAP, &act, &old))
		err(1, "sigaction");
	base = run(nothing, ctx);
	n = run(fn, ctx);
	sigaction(SIGTRAP, &old, NULL);
	/* An empty function is one instruction, its return. */
	return n - base + 1;
}

void steps_each(void (*fn)(void *ctx), void *ctx, void (*each)(uintptr_t pc))
{
	struct sigaction act = {.sa_sigaction = count_and_look, .sa_flags = SA_SIGINFO}, old;

	look = each;
	if (sigaction(SIGTRAP, &act, &old))
		err(1, "sigaction");
	run(fn, ctx);
	sigaction(SIGTRAP, &old, NULL);
}
