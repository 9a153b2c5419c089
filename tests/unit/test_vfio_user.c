// SPDX-License-Identifier: BSD-2-Clause
/* A device behind vfio-user as the library's users see it: client, server and engine together, over real sockets. */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <vireo/device.h>
#include <vireo/driver.h>
#include <vireo/memory.h>

#include "engine.h"
#include "guard.h"
#include "io.h"
#include "toy_device.h"
#include "vfio_user_conn.h"

struct rig {
	char dir[32], path[64], spec[80];
	struct sim_engine *engine;
	struct sim_card *card;
	struct toy *toy;
	bool destroyed;
	struct vireo_device *dev;
	unsigned n_fds; /* before any of it */
};

/* Zeroed; from an arena that exists before the first test, so that descriptors can be counted. */
static uint8_t *alloc(size_t size)
{
	void *va = NULL;

	assert_int_equal(vireo_memory_alloc(size, 4096, 0, &va), 0);
	return va;
}

static int setup_memory(void **state)
{
	const struct vireo_memory_config cfg = {.page_size = 4096, .window_size = 1ULL << 30};

	assert_int_equal(vireo_memory_configure(&cfg), 0);
	vireo_memory_free(alloc(4096));
	return 0;
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->n_fds = open_fds();
	strcpy(rig->dir, "/tmp/vireo-test-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	snprintf(rig->path, sizeof(rig->path), "%s/s", rig->dir);
	snprintf(rig->spec, sizeof(rig->spec), "vfio-user:%s", rig->path);
	assert_int_equal(sim_engine_create(&rig->engine), 0);
	rig->toy = toy_create(&rig->destroyed);
	assert_int_equal(sim_engine_add(rig->engine, &rig->toy->dev, rig->path, -1, &rig->card), 0);
	if (vireo_device_open(rig->spec, &rig->dev))
		fail_msg("%s", vireo_last_error());
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	vireo_device_close(rig->dev);
	sim_engine_destroy(rig->engine);
	assert_true(rig->destroyed);
	assert_int_equal(access(rig->path, F_OK), -1);
	rmdir(rig->dir);
	assert_int_equal(open_fds(), rig->n_fds);
	free(rig);
	return 0;
}

static uint32_t read32(const struct rig *rig, uint64_t offset)
{
	uint32_t v = 0;

	assert_int_equal(vireo_device_read(rig->dev, VIREO_REGION_BAR0, offset, &v, sizeof(v)), 0);
	return v;
}

static uint64_t read64(const struct rig *rig, uint64_t offset)
{
	uint64_t v = 0;

	assert_int_equal(vireo_device_read(rig->dev, VIREO_REGION_BAR0, offset, &v, sizeof(v)), 0);
	return v;
}

static void write64(const struct rig *rig, uint64_t offset, uint64_t v)
{
	assert_int_equal(vireo_device_write(rig->dev, VIREO_REGION_BAR0, offset, &v, sizeof(v)), 0);
}

static uint64_t dma_sum(const struct rig *rig, uint64_t iova, uint64_t len)
{
	write64(rig, TOY_REG_IOVA, iova);
	write64(rig, TOY_REG_LEN, len);
	write64(rig, TOY_REG_SUM, 1);
	return read64(rig, TOY_REG_SUM);
}

static void open_device_is_described(void **state)
{
	struct rig *rig = *state;
	struct vireo_device_info info;
	struct vireo_region_info region;
	struct vireo_irq_info irq;

	vireo_device_info(rig->dev, &info);
	assert_string_equal(info.address, rig->spec);
	assert_string_equal(info.bus, "vfio-user");
	assert_int_equal(info.vendor_id, 0x1234);
	assert_int_equal(info.device_id, 0x70f0);
	assert_true(info.can_reset);
	assert_true(info.iommu);
	assert_int_equal(vireo_device_region(rig->dev, VIREO_REGION_BAR0, &region), 0);
	assert_int_equal(region.size, TOY_BAR0_SIZE);
	assert_int_equal(region.flags, VIREO_REGION_READ | VIREO_REGION_WRITE | VIREO_REGION_MMAP);
	assert_int_equal(region.n_areas, 2);
	assert_int_equal(region.areas[0].offset, TOY_AREA0);
	assert_int_equal(region.areas[1].offset, TOY_AREA1);
	assert_int_equal(vireo_device_region(rig->dev, VIREO_REGION_ROM, &region), 0);
	assert_int_equal(region.flags, VIREO_REGION_READ);
	assert_int_equal(vireo_device_region(rig->dev, VIREO_REGION_BAR1, &region), 0);
	assert_int_equal(region.size, 0);
	assert_int_equal(vireo_device_irq(rig->dev, VIREO_IRQ_MSIX, &irq), 0);
	assert_int_equal(irq.count, TOY_VECTORS);
	assert_int_equal(vireo_device_irq(rig->dev, VIREO_IRQ_INTX, &irq), 0);
	assert_true(irq.maskable && irq.automasked);
	assert_int_equal(vireo_device_irq(rig->dev, VIREO_IRQ_MSI, &irq), 0);
	assert_int_equal(irq.count, 0);
}

static void read_and_write_reach_the_registers(void **state)
{
	struct rig *rig = *state;
	uint8_t rom[64];
	uint8_t byte = 0;

	assert_int_equal(read32(rig, TOY_REG_ID), TOY_ID);
	write64(rig, TOY_REG_SCRATCH, 0x1122334455667788);
	assert_true(read64(rig, TOY_REG_SCRATCH) == 0x1122334455667788);
	assert_int_equal(vireo_device_read(rig->dev, VIREO_REGION_BAR0, TOY_REG_SCRATCH + 3, &byte, 1), 0);
	assert_int_equal(byte, 0x55);
	assert_int_equal(vireo_device_read(rig->dev, VIREO_REGION_ROM, 0, rom, sizeof(rom)), 0);
	assert_int_equal(vireo_device_write(rig->dev, VIREO_REGION_ROM, 0, rom, 4), -EPERM);
	assert_int_equal(vireo_device_read(rig->dev, VIREO_REGION_BAR0, TOY_REG_BROKEN, rom, 4), -EIO);
	assert_sentence("server says");
	/* A register that fails is no reason to give the server up. */
	assert_int_equal(read32(rig, TOY_REG_ID), TOY_ID);
}

struct peek {
	const struct toy *toy;
	uint64_t scratch;
};

static void do_peek(void *ctx)
{
	struct peek *p = ctx;

	p->scratch = p->toy->regs[TOY_REG_SCRATCH / 8];
}

/* What the device has, without a message of the client's. */
static uint64_t device_scratch(const struct rig *rig)
{
	struct peek p = {.toy = rig->toy};

	sim_engine_call(rig->engine, do_peek, &p);
	return p.scratch;
}

static void gather_writes_wait_for_each_other_and_keep_their_order(void **state)
{
	struct rig *rig = *state;
	struct io_window w = {.dev = rig->dev, .region = VIREO_REGION_BAR0, .size = TOY_BAR0_SIZE};

	io_gather(&w, true);
	io_write32(&w, TOY_REG_SCRATCH, 5);
	assert_true(device_scratch(rig) == 0);
	io_gather(&w, false);
	while (device_scratch(rig) != 5)
		usleep(100);
	/* More than can wait; a read comes after all of them. */
	io_gather(&w, true);
	for (uint32_t i = 0; i < 5000; i++)
		io_write32(&w, i % 2 ? TOY_REG_SCRATCH : TOY_REG_IOVA, i);
	assert_int_equal(io_read32(&w, TOY_REG_SCRATCH), 4999);
	assert_int_equal(io_read32(&w, TOY_REG_IOVA), 4998);
	/* What waits does not wait for ever because something is read, and goes on waiting afterwards. */
	io_write32(&w, TOY_REG_SCRATCH, 6);
	io_gather(&w, false);
	io_write32(&w, TOY_REG_SCRATCH, 7);
	while (device_scratch(rig) != 7)
		usleep(100);
}

static void map_region_bell_is_heard(void **state)
{
	struct rig *rig = *state;
	volatile void *va = NULL;
	struct io_window bar, bell;

	assert_int_equal(vireo_device_map_region(rig->dev, VIREO_REGION_BAR0, 0, 0x1000, &va), -EOPNOTSUPP);
	assert_int_equal(vireo_device_map_region(rig->dev, VIREO_REGION_BAR0, TOY_BELL, 4, &va), 0);
	__atomic_store_n((volatile uint32_t *)va, 77, __ATOMIC_RELEASE);
	/* A message comes after all that was stored before it. */
	assert_int_equal(read64(rig, TOY_REG_HEARD), 77);

	/* The same through windows: calls for the whole, a store for the bell. */
	assert_int_equal(io_window_open(rig->dev, VIREO_REGION_BAR0, 0, TOY_BAR0_SIZE, &bar), 0);
	assert_int_equal(io_window_open(rig->dev, VIREO_REGION_BAR0, TOY_BELL, 4, &bell), 0);
	assert_null(bar.map);
	assert_non_null(bell.map);
	io_write32(&bell, 0, 78);
	assert_int_equal(io_read32(&bar, TOY_REG_HEARD), 78);
	io_write32(&bar, TOY_BELL, 79);
	assert_int_equal(io_read32(&bar, TOY_REG_HEARD), 79);
	assert_int_equal(io_read32(&bell, 0), 79);
}

static void dma_reaches_what_is_mapped_and_nothing_else(void **state)
{
	struct rig *rig = *state;
	uint8_t *mem = alloc(8192);
	vireo_iova_t iova;

	iova = vireo_iova(mem);
	memset(mem, 3, 8192);
	assert_int_equal(dma_sum(rig, iova, 8192), 3 * 8192);
	write64(rig, TOY_REG_FILL, 9);
	assert_int_equal(dma_sum(rig, iova, 8192), 9 * 8192);
	assert_int_equal(mem[4711], 9);
	assert_true(dma_sum(rig, iova - (1ULL << 29), 64) == UINT64_MAX);
	assert_true(dma_sum(rig, 0, 1) == UINT64_MAX);
	assert_true(dma_sum(rig, iova, 1ULL << 40) == UINT64_MAX);
	vireo_memory_free(mem);
}

static void dma_map_memory_without_descriptor_is_refused(void **state)
{
	struct rig *rig = *state;
	vireo_iova_t iova = 0;
	void *va = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_int_equal(vireo_device_dma_map(rig->dev, va, 4096, VIREO_DMA_READ, &iova), -EOPNOTSUPP);
	assert_sentence("vireo_memory_import()");
	munmap(va, 4096);
}

static bool fired(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n);
}

static void irq_vectors_are_signalled(void **state)
{
	struct rig *rig = *state;
	int fds[TOY_VECTORS] = {-1, -1, -1, -1};

	for (unsigned i = 0; i < TOY_VECTORS; i++)
		fds[i] = i == 2 ? -1 : eventfd(0, EFD_NONBLOCK);
	assert_int_equal(vireo_device_irq_enable(rig->dev, VIREO_IRQ_MSIX, 0, TOY_VECTORS, fds), 0);
	for (unsigned i = 0; i < TOY_VECTORS; i++) {
		write64(rig, TOY_REG_RAISE, i);
		read32(rig, TOY_REG_ID);
		for (unsigned j = 0; j < TOY_VECTORS; j++)
			assert_int_equal(fired(fds[j]), i == j && i != 2);
	}
	assert_int_equal(vireo_device_irq_trigger(rig->dev, VIREO_IRQ_MSIX, 1, 1), 0);
	assert_true(fired(fds[1]));
	assert_int_equal(vireo_device_irq_mask(rig->dev, VIREO_IRQ_MSIX, 1, 1), -EOPNOTSUPP);
	/* One away, the others stay. */
	assert_int_equal(vireo_device_irq_enable(rig->dev, VIREO_IRQ_MSIX, 1, 1, (const int[]){-1}), 0);
	write64(rig, TOY_REG_RAISE, 1);
	write64(rig, TOY_REG_RAISE, 3);
	read32(rig, TOY_REG_ID);
	assert_false(fired(fds[1]));
	assert_true(fired(fds[3]));
	assert_int_equal(vireo_device_irq_disable(rig->dev, VIREO_IRQ_MSIX), 0);
	write64(rig, TOY_REG_RAISE, 3);
	read32(rig, TOY_REG_ID);
	assert_false(fired(fds[3]));
	for (unsigned i = 0; i < TOY_VECTORS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void irq_intx_masks_itself_until_unmasked(void **state)
{
	struct rig *rig = *state;
	int fd = eventfd(0, EFD_NONBLOCK), unmask = eventfd(0, EFD_NONBLOCK);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t one = 1;

	assert_int_equal(vireo_device_irq_enable(rig->dev, VIREO_IRQ_INTX, 0, 1, &fd), 0);
	write64(rig, TOY_REG_INTX, 1);
	read32(rig, TOY_REG_ID);
	assert_true(fired(fd));
	write64(rig, TOY_REG_INTX, 1);
	read32(rig, TOY_REG_ID);
	assert_false(fired(fd));
	assert_int_equal(vireo_device_irq_unmask(rig->dev, VIREO_IRQ_INTX, 0, 1), 0);
	assert_true(fired(fd));
	/* Masked again by that; this time an eventfd unmasks it. */
	assert_int_equal(vireo_device_irq_unmask_fd(rig->dev, unmask), 0);
	write64(rig, TOY_REG_INTX, 1);
	read32(rig, TOY_REG_ID);
	assert_false(fired(fd));
	assert_int_equal(write(unmask, &one, sizeof(one)), sizeof(one));
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(fired(fd));
	assert_int_equal(vireo_device_irq_unmask_fd(rig->dev, -1), 0);
	close(fd);
	close(unmask);
}

static void irq_enable_no_eventfd_is_refused(void **state)
{
	struct rig *rig = *state;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(vireo_device_irq_enable(rig->dev, VIREO_IRQ_MSIX, 0, 1, &pipes[1]), -EINVAL);
	assert_sentence("enabling interrupts failed");
	close(pipes[0]);
	close(pipes[1]);
}

static void reset_device_forgets(void **state)
{
	struct rig *rig = *state;

	write64(rig, TOY_REG_SCRATCH, 5);
	assert_int_equal(vireo_device_reset(rig->dev), 0);
	assert_int_equal(read64(rig, TOY_REG_SCRATCH), 0);
	assert_int_equal(vireo_device_hot_reset(rig->dev), -EOPNOTSUPP);
}

static void close_next_client_finds_a_fresh_device(void **state)
{
	struct rig *rig = *state;
	uint8_t *mem = alloc(4096);
	int fd = eventfd(0, EFD_NONBLOCK);

	for (unsigned i = 0; i < 20; i++) {
		write64(rig, TOY_REG_SCRATCH, 5);
		assert_int_equal(vireo_device_irq_enable(rig->dev, VIREO_IRQ_MSIX, 0, 1, &fd), 0);
		vireo_device_close(rig->dev);
		rig->dev = NULL;
		assert_int_equal(vireo_device_open(rig->spec, &rig->dev), 0);
		assert_int_equal(read64(rig, TOY_REG_SCRATCH), 0);
		write64(rig, TOY_REG_RAISE, 0);
		read32(rig, TOY_REG_ID);
		assert_false(fired(fd));
		assert_int_equal(dma_sum(rig, vireo_iova(mem), 4096), 0);
	}
	close(fd);
	vireo_memory_free(mem);
}

static void read_server_gone_device_is_lost(void **state)
{
	struct rig *rig = *state;
	uint32_t v;
	struct io_window bar;

	assert_int_equal(io_window_open(rig->dev, VIREO_REGION_BAR0, 0, TOY_BAR0_SIZE, &bar), 0);
	sim_engine_remove(rig->engine, rig->card);
	assert_int_equal(vireo_device_read(rig->dev, VIREO_REGION_BAR0, 0, &v, sizeof(v)), -ENODEV);
	assert_sentence("closed the connection");
	assert_int_equal(vireo_device_read(rig->dev, VIREO_REGION_CONFIG, 0, &v, sizeof(v)), -ENODEV);
	assert_sentence("closed the connection");
	assert_true(io_read32(&bar, TOY_REG_ID) == UINT32_MAX);
	/* Memory can be had and given back all the same. */
	assert_int_equal(vireo_device_reset(rig->dev), -ENODEV);
}

/* A client that cuts its memory off while the device works in it: it goes, the others stay. */
static void engine_memory_cut_off_next_client_is_served(void **state)
{
	struct rig *rig = *state;
	struct vfio_user_conn conn;
	int mem = memfd_create("client", MFD_CLOEXEC);
	uint64_t v[2] = {0x10000, 0x4000};

	assert_int_equal(sim_guard_install(), 0);
	vireo_device_close(rig->dev);
	rig->dev = NULL;
	assert_int_equal(ftruncate(mem, 0x4000), 0);
	assert_int_equal(vfio_user_conn_open(&conn, vfio_user_sock_connect(rig->path), 0), 0);
	assert_int_equal(vfio_user_dma_map(&conn, 0x10000, 0x4000, 3, mem, 0), 0);
	assert_int_equal(ftruncate(mem, 0x1000), 0);
	assert_int_equal(vfio_user_region_write(&conn, 0, TOY_REG_IOVA, &v[0], 8, false), 0);
	assert_int_equal(vfio_user_region_write(&conn, 0, TOY_REG_LEN, &v[1], 8, false), 0);
	vfio_user_region_write(&conn, 0, TOY_REG_SUM, v, 8, true);
	assert_int_equal(vfio_user_region_read(&conn, 0, TOY_REG_ID, v, 4), -ENODEV);
	vfio_user_conn_close(&conn);
	close(mem);
	assert_int_equal(vireo_device_open(rig->spec, &rig->dev), 0);
	assert_int_equal(read32(rig, TOY_REG_ID), TOY_ID);
}

static void open_no_server_is_explained(void **state)
{
	struct rig *rig = *state;
	struct vireo_device *dev = NULL;
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	char spec[128], path[100];

	assert_int_equal(vireo_device_open("vfio-user:/nowhere/at/all", &dev), -ENOENT);
	assert_sentence("there is no socket /nowhere/at/all");
	assert_int_equal(vireo_device_open("vfio-user:", &dev), -EINVAL);
	assert_sentence("vfio-user:SOCKET");
	assert_int_equal(vireo_device_open("vfio-user:/x,foo=bar", &dev), -EINVAL);
	assert_sentence("has no option \"foo\"");
	snprintf(path, sizeof(path), "%s/dead", rig->dir);
	snprintf(spec, sizeof(spec), "vfio-user:%s", path);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(sock, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(vireo_device_open(spec, &dev), -ECONNREFUSED);
	assert_sentence("nobody listens");
	close(sock);
	unlink(path);
	assert_null(dev);
}

/* Two threads read one device: the requests take turns. */
static void *read_many(void *arg)
{
	struct rig *rig = arg;

	for (unsigned i = 0; i < 500; i++) {
		if (read32(rig, TOY_REG_ID) != TOY_ID)
			return arg;
	}
	return NULL;
}

static void read_from_two_threads_each_gets_its_own(void **state)
{
	struct rig *rig = *state;
	pthread_t other;
	void *bad;

	assert_int_equal(pthread_create(&other, NULL, read_many, rig), 0);
	for (unsigned i = 0; i < 500; i++) {
		write64(rig, TOY_REG_SCRATCH, i);
		assert_int_equal(read64(rig, TOY_REG_SCRATCH), i);
	}
	pthread_join(other, &bad);
	assert_null(bad);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_device_is_described),
		TEST(read_and_write_reach_the_registers),
		TEST(gather_writes_wait_for_each_other_and_keep_their_order),
		TEST(map_region_bell_is_heard),
		TEST(dma_reaches_what_is_mapped_and_nothing_else),
		TEST(dma_map_memory_without_descriptor_is_refused),
		TEST(irq_vectors_are_signalled),
		TEST(irq_intx_masks_itself_until_unmasked),
		TEST(irq_enable_no_eventfd_is_refused),
		TEST(reset_device_forgets),
		TEST(close_next_client_finds_a_fresh_device),
		TEST(read_server_gone_device_is_lost),
		TEST(engine_memory_cut_off_next_client_is_served),
		TEST(open_no_server_is_explained),
		TEST(read_from_two_threads_each_gets_its_own),
	};

	return cmocka_run_group_tests(tests, setup_memory, NULL);
}
