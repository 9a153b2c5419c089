// SPDX-License-Identifier: BSD-2-Clause
#include "trap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "insn.h"
#include "memory_map.h"
#include "preload.h"
#include "vfio.h"

#define PAGE 4096u

/* Of the processor's error code for page faults. */
#define FAULT_FETCH (1u << 4)

static struct sigaction program; /* under the lock */

static const int greg_of[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8,	 REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static void load_cpu(const ucontext_t *uc, struct insn_cpu *cpu)
{
	unsigned i;

	for (i = 0; i < 16; i++)
		cpu->gpr[i] = (uint64_t)uc->uc_mcontext.gregs[greg_of[i]];
	cpu->rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	cpu->flags = (uint64_t)uc->uc_mcontext.gregs[REG_EFL];
}

static void store_cpu(ucontext_t *uc, const struct insn_cpu *cpu)
{
	unsigned i;

	for (i = 0; i < 16; i++)
		uc->uc_mcontext.gregs[greg_of[i]] = (greg_t)cpu->gpr[i];
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)cpu->rip;
	uc->uc_mcontext.gregs[REG_EFL] = (greg_t)cpu->flags;
}

/* The page behind the one the instruction begins in may not be there: it is read only when the instruction goes on in it. */
static int decode_at(uint64_t rip, struct insn *insn)
{
	const uint8_t *code = (const uint8_t *)(uintptr_t)rip;
	size_t n = PAGE - rip % PAGE;
	int err = insn_decode(code, n < INSN_MAX_LEN ? n : INSN_MAX_LEN, insn);

	return err == -ENODATA && n < INSN_MAX_LEN ? insn_decode(code, INSN_MAX_LEN, insn) : err;
}

static void complain(const struct memory_range *range, uint64_t va, uint64_t rip)
{
	const uint8_t *code = (const uint8_t *)(uintptr_t)rip;
	unsigned i, n = PAGE - rip % PAGE < 8 ? (unsigned)(PAGE - rip % PAGE) : 8;
	char text[32] = "";

	for (i = 0; i < n; i++)
		snprintf(text + 3 * i, sizeof(text) - 3 * i, " %02x", code[i]);
	preload_complain(
		"the program reaches register 0x%llx in region %u of %s by an instruction that is no plain access of "
		"up to 8 bytes; its bytes are%s",
		(unsigned long long)(range->offset + (va - range->va)), range->region, vfio_device_name(range->device),
		text);
}

/* Where the instruction at hand goes. */
struct access {
	const struct memory_range *range;
	uint64_t offset;
};

static uint64_t access_read(void *ctx, unsigned size)
{
	const struct access *a = ctx;

	return vfio_device_load(a->range->device, a->range->region, a->offset, size);
}

static void access_write(void *ctx, uint64_t value, unsigned size)
{
	const struct access *a = ctx;

	vfio_device_store(a->range->device, a->range->region, a->offset, value, size);
}

static bool find_window(uint64_t va, struct memory_range *ret_range)
{
	const struct memory_range *range;
	sigset_t saved;

	preload_lock(&saved);
	range = memory_find(va);
	if (range)
		*ret_range = *range;
	preload_unlock(&saved);
	return range && ret_range->device;
}

/* Whether the program may do this in a window that it mapped so. */
static bool is_allowed(const struct insn *insn, int prot)
{
	bool writes = insn->to_memory && insn->op != INSN_CMP && insn->op != INSN_TEST && insn->op != INSN_BT;

	return prot & (insn->op == INSN_STORE || writes ? PROT_WRITE : PROT_READ);
}

/* True: the access was to a card, and is done. */
static bool answer(const siginfo_t *info, ucontext_t *uc)
{
	uint64_t va = (uintptr_t)info->si_addr, at;
	struct memory_range range;
	struct access access = {.range = &range};
	struct insn_memory memory = {.read = access_read, .write = access_write, .ctx = &access};
	struct insn_cpu cpu;
	struct insn insn;

	/* A fault of our own, under the lock, is no access to a card. */
	if (preload_is_locked() || uc->uc_mcontext.gregs[REG_ERR] & FAULT_FETCH || !find_window(va, &range))
		return false;
	load_cpu(uc, &cpu);
	if (decode_at(cpu.rip, &insn)) {
		complain(&range, va, cpu.rip);
		return false;
	}
	at = insn_address(&insn, &cpu);
	/* What the processor was refused is what the instruction says, and lies in the window as a whole. */
	if (va < at || va - at >= insn.size || at < range.va || insn.size > range.va + range.size - at)
		return false;
	if (!is_allowed(&insn, range.prot))
		return false;
	access.offset = range.offset + (at - range.va);
	insn_run(&insn, &cpu, &memory);
	store_cpu(uc, &cpu);
	return true;
}

/* As if there were no handler: the signal comes again and ends the program. */
static void end(int sig, const siginfo_t *info)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	NEXT(sigaction)(sig, &action, NULL);
	/* A fault repeats itself when the instruction does; what somebody sent does not. */
	if (info->si_code <= 0)
		raise(sig);
}

/* The program's, under a lock that this thread may have already. */
static struct sigaction take_action(void)
{
	bool locked = preload_is_locked();
	struct sigaction action;
	sigset_t saved;

	if (!locked)
		preload_lock(&saved);
	action = program;
	if (action.sa_flags & (int)SA_RESETHAND)
		program = (struct sigaction){.sa_handler = SIG_DFL};
	if (!locked)
		preload_unlock(&saved);
	return action;
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	struct sigaction action = take_action();
	sigset_t mask;

	if (!(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	if (!(action.sa_flags & SA_SIGINFO) && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)) {
		end(sig, info);
		return;
	}
	/* The handler sees the mask that it asked for; it may leave by siglongjmp(). */
	sigorset(&mask, &uc->uc_sigmask, &action.sa_mask);
	NEXT(pthread_sigmask)(SIG_SETMASK, &mask, NULL);
	if (action.sa_flags & SA_SIGINFO)
		action.sa_sigaction(sig, info, context);
	else
		action.sa_handler(sig);
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	if (info->si_code <= 0 || !answer(info, context))
		pass_on(sig, info, context);
	errno = saved;
}

void trap_install(void)
{
	struct sigaction action = {.sa_sigaction = on_segv,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER};

	/* No other handler may run meanwhile: it could reach a register, and the connection is in use. */
	sigfillset(&action.sa_mask);
	sigdelset(&action.sa_mask, SIGSEGV);
	NEXT(sigaction)(SIGSEGV, &action, &program);
}

void trap_program_action(const struct sigaction *action, struct sigaction *old)
{
	struct sigaction before;
	sigset_t saved;

	preload_lock(&saved);
	before = program;
	if (action)
		program = *action;
	preload_unlock(&saved);
	if (old)
		*old = before;
}
