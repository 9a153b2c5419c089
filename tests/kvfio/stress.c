// SPDX-License-Identifier: BSD-2-Clause
/*
 * Races and garbage: threads that map, reconfigure interrupts, switch memory decode, open and close, or throw random
 * structures at one device for a while. What is tested is that the kernel has nothing to say about it and that everything
 * is given back; each run prints its seed.
 *
 *	stress NODE_DIRECTORY GROUP DEVICE map|irq|open|fuzz|memory SECONDS [SEED]
 */

#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>

#include "vfio.h"

#define K 0x1000UL
#define BASE 0x10000000UL
#define N_THREADS 4

static struct vfio_names names;
static struct vfio v;
static char *pages;
static volatile bool stop;
static unsigned int first_seed;
static unsigned long n_calls[N_THREADS], n_worked[N_THREADS];

static void count(unsigned int thread, long ret)
{
	n_calls[thread]++;
	n_worked[thread] += ret >= 0;
}

/* Overlapping maps and unmaps of a few pages, in and out of order. */
static void *map_thread(void *arg)
{
	unsigned int thread = (uintptr_t)arg, seed = first_seed + thread;

	while (!stop) {
		unsigned long at = rand_r(&seed) % 64, n = 1 + rand_r(&seed) % 16;

		if (rand_r(&seed) % 2)
			count(thread, vfio_map(v.container, pages, BASE + at * K, n * K, 1 + rand_r(&seed) % 3));
		else if (rand_r(&seed) % 50)
			count(thread, vfio_unmap(v.container, BASE + at * K, n * K));
		else
			count(thread, vfio_unmap_flags(v.container, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	}
	return NULL;
}

static long set_irqs(uint32_t index, uint32_t flags, uint32_t start, uint32_t n, const int *fds)
{
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) + 64];
	} u = { 0 };

	u.set.argsz = sizeof(u);
	u.set.flags = flags;
	u.set.index = index;
	u.set.start = start;
	u.set.count = n;
	memcpy(u.set.data, fds, 8 * sizeof(int));
	return io(v.device, VFIO_DEVICE_SET_IRQS, &u);
}

/* Every kind on and off, masked, triggered and given to closed files, all at once. */
static void *irq_thread(void *arg)
{
	static const uint32_t actions[] = {
		VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_MASK,
		VFIO_IRQ_SET_ACTION_UNMASK,
	};
	static const uint32_t types[] = {
		VFIO_IRQ_SET_DATA_NONE, VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_EVENTFD,
	};
	unsigned int thread = (uintptr_t)arg, seed = first_seed + thread;
	int fds[8];

	for (int i = 0; i < 8; i++)
		fds[i] = i == 5 ? -1 : eventfd(0, EFD_NONBLOCK);
	while (!stop) {
		uint32_t index = rand_r(&seed) % VFIO_PCI_NUM_IRQS;
		uint32_t flags = actions[rand_r(&seed) % 4] | types[rand_r(&seed) % 4];

		count(thread, set_irqs(index, flags, rand_r(&seed) % 8 ? 0 : rand_r(&seed) % 4, rand_r(&seed) % 4, fds));
		if (rand_r(&seed) % 4 == 0)
			write(fds[rand_r(&seed) % 5], &(uint64_t){ 1 }, 8);
		if (rand_r(&seed) % 16 == 0)
			count(thread, set_irqs(index, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE, 0, 0, fds));
		if (rand_r(&seed) % 64 == 0) {
			close(fds[0]);
			fds[0] = eventfd(0, EFD_NONBLOCK);
		}
	}
	return NULL;
}

/* Threads that fight for one group; most of them get -EBUSY. */
static void *open_thread(void *arg)
{
	unsigned int thread = (uintptr_t)arg, seed = first_seed + thread;

	while (!stop) {
		int container = vfio_open_container(&names), group = vfio_open_node(&names, names.group), device = -1;
		long ret = group;

		if (group >= 0)
			ret = io(group, VFIO_GROUP_SET_CONTAINER, &container);
		if (!ret)
			ret = io(container, VFIO_SET_IOMMU, rand_r(&seed) % 2 ? VFIO_TYPE1_IOMMU : VFIO_TYPE1v2_IOMMU);
		if (!ret)
			ret = vfio_map(container, pages, BASE, 4 * K, VFIO_RW);
		if (!ret && rand_r(&seed) % 2)
			ret = device = io(group, VFIO_GROUP_GET_DEVICE_FD, names.device);
		count(thread, ret);
		if (rand_r(&seed) % 2)
			close(container);
		close(group);
		close(device);
		close(container);
	}
	return NULL;
}

static __thread sigjmp_buf bus_error;

static void on_bus_error(int signal)
{
	siglongjmp(bus_error, signal);
}

/* Registers are read through maps while others switch memory decode, put the device to sleep and reset it. */
static void *memory_thread(void *arg)
{
	unsigned int thread = (uintptr_t)arg, seed = first_seed + thread;
	off_t config = (off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40;
	volatile uint32_t *regs = mmap(NULL, 4 * K, PROT_READ | PROT_WRITE, MAP_SHARED, v.device, 0);
	volatile bool is_reader = thread < N_THREADS / 2;
	uint32_t value;
	uint16_t command;

	if (regs == MAP_FAILED)
		return NULL;
	while (!stop) {
		if (is_reader) {
			if (sigsetjmp(bus_error, 1)) {
				count(thread, -1);
				continue;
			}
			count(thread, regs[2] & 0);
			count(thread, pread(v.device, &value, 4, 8));
			continue;
		}
		command = rand_r(&seed) % 2 ? PCI_COMMAND_MEMORY : 0;
		count(thread, pwrite(v.device, &command, 2, config + PCI_COMMAND));
		if (rand_r(&seed) % 64 == 0)
			count(thread, io(v.device, VFIO_DEVICE_RESET, 0));
	}
	munmap((void *)regs, 4 * K);
	return NULL;
}

/* A number that is likely to be just beside something. */
static uint64_t odd_number(unsigned int *seed)
{
	static const uint64_t odd[] = {
		0, 1, 8, K - 1, K, 2 * K, BASE, UINT32_MAX, UINT32_MAX - 7, 1ull << 32, 1ull << 40, 7ull << 40,
		UINT64_MAX, -K, 1ull << 63, 0xfee00000,
	};
	uint64_t value = odd[rand_r(seed) % (sizeof(odd) / sizeof(odd[0]))];

	return rand_r(seed) % 4 ? value : value + rand_r(seed) % 64;
}

static void fuzz_ioctl(unsigned int thread, unsigned int *seed, int fd)
{
	uint64_t words[32];
	uint32_t *halves = (uint32_t *)words;
	unsigned long request = _IO(VFIO_TYPE, VFIO_BASE + rand_r(seed) % 24);

	for (unsigned int i = 0; i < 32; i++)
		words[i] = rand_r(seed) % 3 ? odd_number(seed) : (uintptr_t)pages;
	halves[0] = rand_r(seed) % 4 ? 8u * (rand_r(seed) % 32) : (uint32_t)odd_number(seed);
	if (rand_r(seed) % 4)
		halves[1] = rand_r(seed) % 256;
	if (rand_r(seed) % 2)
		halves[2] = rand_r(seed) % 12;
	count(thread, io(fd, request, rand_r(seed) % 32 ? (uintptr_t)words : odd_number(seed)));
}

static void fuzz_region(unsigned int thread, unsigned int *seed, int fd)
{
	uint8_t bytes[64];
	uint64_t near = rand_r(seed) % 4100;
	off_t at = ((off_t)(rand_r(seed) % 10) << 40) + (rand_r(seed) % 4 ? near : odd_number(seed));
	size_t size = rand_r(seed) % sizeof(bytes), length;
	void *va;

	for (unsigned int i = 0; i < size; i++)
		bytes[i] = rand_r(seed);
	switch (rand_r(seed) % 3) {
	case 0:
		count(thread, pread(fd, bytes, size, at));
		break;
	case 1:
		count(thread, pwrite(fd, bytes, size, at));
		break;
	default:
		length = K * (1 + rand_r(seed) % 40);
		va = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, at & -K);
		count(thread, va == MAP_FAILED ? -1 : 0);
		if (va != MAP_FAILED)
			munmap(va, length);
	}
}

static void *fuzz_thread(void *arg)
{
	unsigned int thread = (uintptr_t)arg, seed = first_seed + thread;
	const int fds[] = { v.container, v.device, v.device, v.group };

	while (!stop) {
		if (rand_r(&seed) % 3)
			fuzz_ioctl(thread, &seed, fds[rand_r(&seed) % 4]);
		else
			fuzz_region(thread, &seed, v.device);
	}
	return NULL;
}

static void run(void *(*body)(void *), unsigned int seconds)
{
	pthread_t threads[N_THREADS];
	unsigned long calls = 0, worked = 0;

	for (uintptr_t i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, body, (void *)i);
	sleep(seconds);
	stop = true;
	for (unsigned int i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], NULL);
		calls += n_calls[i];
		worked += n_worked[i];
	}
	tap_note("%lu calls, %lu of them successful", calls, worked);
	tap_ok("something_worked", worked > 0);
}

static const struct {
	const char *name;
	void *(*body)(void *);
	bool shares_device;
} kinds[] = {
	{ "map", map_thread, true }, { "irq", irq_thread, true }, { "open", open_thread, false },
	{ "fuzz", fuzz_thread, true }, { "memory", memory_thread, true },
};

int main(int argc, char **argv)
{
	/* Objects made by chance of fuzzing must not use up what the test itself needs. */
	struct rlimit files = { 512, 512 };
	unsigned int i;
	int fd;

	for (i = 0; argc >= 6 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[4], kinds[i].name))
			break;
	if (argc < 6 || i == sizeof(kinds) / sizeof(kinds[0])) {
		fprintf(stderr, "usage: stress NODE_DIRECTORY GROUP DEVICE map|irq|open|fuzz|memory SECONDS [SEED]\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	first_seed = argc > 6 ? strtoul(argv[6], NULL, 0) : (unsigned long)time(NULL);
	tap_note("%s, seed %u", argv[4], first_seed);
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGBUS, on_bus_error);
	pages = memory(64 * K);
	memset(pages, 1, 64 * K);
	if (kinds[i].shares_device && !tap_is("open", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0))
		return tap_done();
	tap_note("calls begin");
	run(kinds[i].body, atoi(argv[5]));
	if (kinds[i].shares_device)
		vfio_close(&v);
	/* Whatever descriptors fuzzing made. */
	for (fd = 3; fd < 512; fd++)
		close(fd);
	tap_is("nothing_stays_locked", vfio_locked_kb(), 0);
	fd = vfio_open_group(&names);
	tap_ok("group_is_free_again", fd >= 0);
	return tap_done();
}
