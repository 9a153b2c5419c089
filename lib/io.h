/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_IO_H
#define VIREO_LIB_IO_H

/*
 * Ordered accesses to registers and to memory that a device shares with us. On x86 all of them are plain moves; on
 * arm64 they become the barriers that the order needs, and ThreadSanitizer understands them everywhere.
 */

#include <stdbool.h>
#include <stdint.h>

#include <vireo/device.h>

/* Shared memory: an acquire load sees everything the device wrote before what it published, and so on. */
#define io_load_acquire(p)       __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define io_load_relaxed(p)       __atomic_load_n((p), __ATOMIC_RELAXED)
#define io_store_release(p, v)   __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define io_store_relaxed(p, v)   __atomic_store_n((p), (v), __ATOMIC_RELAXED)

/* A store to shared memory before it, a load from shared memory after it: the one order that x86 does not give for free. */
static inline void io_full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Everything written to shared memory before is visible to the device before the register write that follows. */
static inline void io_write_barrier(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshst" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/* Everything read from shared memory after comes after the register read before it. */
static inline void io_read_barrier(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshld" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/*
 * The cache lines of @len bytes of a ring that are about to be read and written, where the device was the last to touch them.
 * Owned at once: read first, they would have to be asked for a second time. A hint, and allowed to lie behind the ring's end.
 */
static inline void io_prefetch_ring(const void *at, size_t len)
{
#pragma GCC unroll 8
	for (size_t i = 0; i < len; i += 64)
#if defined(__x86_64__)
		/* The compiler writes it only for processors that must have it; on others it does nothing. */
		__asm__ volatile("prefetchw %0" : : "m"(*((const char *)at + i)));
#else
		__builtin_prefetch((const char *)at + i, 1);
#endif
}

/*
 * A piece of a region with registers in it. Where the bus lets us map the whole piece, an access is a load or a store;
 * where not, it is a call of the bus. A read from a device that is gone gives all ones, as on the wire.
 *
 * A bus may let us map a few pages of a region only (the simulated 82599 shares its doorbells, and no other register). A
 * window over the whole region is then calls of the bus, right and slow, for set-up; what bursts touch gets a small
 * window of its own, which is a store wherever it can be one. A call does not overtake an earlier one, and a read comes
 * back after all writes before it are done; but a store to a mapped page may overtake calls that only write. So read any
 * register by call after set-up and before the first doorbell, as the poll of an enable bit does.
 */
struct io_window {
	struct vireo_device *dev;
	enum vireo_region region;
	uint64_t offset;
	uint64_t size;
	volatile uint8_t *map; /* or NULL */
};

/* 0; -EINVAL when the range does not lie inside the region. */
int io_window_open(struct vireo_device *dev, enum vireo_region region, uint64_t offset, uint64_t size,
		   struct io_window *ret_window);

/*
 * For tables of many registers: with @on, writes by call may wait for each other and go together, but still in order, and
 * before any read. They are on their way at the latest after the call with false. Not around anything that waits.
 */
void io_gather(const struct io_window *w, bool on);

uint64_t io_window_read(const struct io_window *w, uint64_t off, unsigned len);
void io_window_write(const struct io_window *w, uint64_t off, uint64_t value, unsigned len);

#define IO_ACCESSORS(bits)                                                                              \
	static inline uint##bits##_t io_read##bits(const struct io_window *w, uint64_t off)              \
	{                                                                                                \
		uint##bits##_t v;                                                                        \
		if (__builtin_expect(w->map != NULL, 1))                                                 \
			v = *(const volatile uint##bits##_t *)(w->map + off);                            \
		else                                                                                     \
			v = (uint##bits##_t)io_window_read(w, off, bits / 8);                            \
		io_read_barrier();                                                                       \
		return v;                                                                                \
	}                                                                                                \
	static inline void io_write##bits(const struct io_window *w, uint64_t off, uint##bits##_t v)     \
	{                                                                                                \
		io_write_barrier();                                                                      \
		if (__builtin_expect(w->map != NULL, 1))                                                 \
			*(volatile uint##bits##_t *)(w->map + off) = v;                                  \
		else                                                                                     \
			io_window_write(w, off, v, bits / 8);                                            \
	}
IO_ACCESSORS(8)
IO_ACCESSORS(16)
IO_ACCESSORS(32)
#undef IO_ACCESSORS

#endif
