/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PRELOAD_PRELOAD_H
#define SIM_PRELOAD_PRELOAD_H

/*
 * What all files here share. The object stands in front of the C library: a call that concerns VFIO, the sysfs of PCI or
 * mapped memory is answered here, every other one is handed on as it came. Functions fail with a negative errno; only the
 * calls themselves (calls_*.c) set errno.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of a function that takes the place of the C library's. */
#define PRELOAD_CALL __attribute__((visibility("default")))

/* The function of this name that the program would have got without us. */
void *preload_next(const char *name);
#define NEXT(name)                                                                                                     \
	({                                                                                                             \
		static __typeof__(&name) next_;                                                                        \
		__typeof__(&name) found_ = __atomic_load_n(&next_, __ATOMIC_RELAXED);                                  \
		if (!found_) {                                                                                         \
			found_ = (__typeof__(&name))preload_next(#name);                                               \
			__atomic_store_n(&next_, found_, __ATOMIC_RELAXED);                                            \
		}                                                                                                      \
		found_;                                                                                                \
	})

/* -1 with errno for a negative errno, the number itself otherwise. */
long preload_result(long ret);

/* The folder that "vireo-sim run" made for us, or NULL: then every call is handed on. */
const char *preload_root(void);
/* For tests: use this folder from now on. */
void preload_set_root(const char *root);

/* No signal but SIGSEGV arrives in this thread until the mask is restored. */
void preload_block_signals(sigset_t *saved);
void preload_restore_signals(const sigset_t *saved);

/*
 * One lock for all tables here. No signal arrives while it is held, since a handler of the program may reach a register, and
 * the trap takes the lock. What is under it touches no memory of the program's, for the same reason.
 */
void preload_lock(sigset_t *saved);
void preload_unlock(const sigset_t *saved);
/* This thread has the lock: a call that comes now is not the program's but of what we called ourselves (its malloc). */
bool preload_is_locked(void);

/* One sentence on stderr, for what is about to end the program. */
void preload_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory of the program, which may not be there: -EFAULT. */
int preload_copy_in(void *to, const void *from, size_t len);
int preload_copy_out(void *to, const void *from, size_t len);

#endif
