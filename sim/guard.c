// SPDX-License-Identifier: BSD-2-Clause
/* SIGBUS in a client's memory. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>

#include "guard.h"

static _Thread_local struct sim_dma *current;
static struct sigaction before;

void sim_guard_set(struct sim_dma *dma)
{
	current = dma;
}

/*
 * On the thread that made the access: it changes no maps at the same time, so they can be read. The whole map goes, as
 * pieces of huge pages cannot be replaced.
 */
static bool replace(struct sim_dma *dma, const uint8_t *va)
{
	for (unsigned i = 0; dma && i < dma->n_maps; i++) {
		const struct sim_dma_map *map = &dma->maps[i];

		if (va < map->base || va >= map->base + map->base_len)
			continue;
		if (mmap(map->base, map->base_len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
			return false;
		dma->torn = true;
		return true;
	}
	return false;
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int err = errno;
	bool ours = replace(current, info->si_addr);

	errno = err;
	if (ours)
		return;
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(sig, info, context);
	else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		before.sa_handler(sig);
	else
		sigaction(sig, &before, NULL); /* and the access is made again */
}

static int install_result;

static void install(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, NULL, &before) || sigaction(SIGBUS, &action, NULL))
		install_result = -errno;
}

int sim_guard_install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
	return install_result;
}
