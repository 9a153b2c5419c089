// SPDX-License-Identifier: BSD-2-Clause
/* What lib/device.c and lib/io.c check and cut before a back end sees it, against a fake device. */
#include "unit.h"

#include <linux/pci_regs.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vireo/device.h>

#include "fake_bus.h"
#include "io.h"

static struct fake_device *fake;
static struct vireo_device *dev;

static int setup(void **state)
{
	setenv("VIREO_PAGE_SIZE", "4K", 1);
	fake = fake_device_create("a");
	dev = NULL;
	return 0;
}

static int teardown(void **state)
{
	vireo_device_close(dev);
	fake_device_destroy(fake);
	return 0;
}

static void open_it(void)
{
	assert_int_equal(vireo_device_open("fake:a", &dev), 0);
}

static void device_open_reads_identity_and_is_quiet(void **state)
{
	struct vireo_device_info info;

	fake_device_set_ids(fake, 0x8086, 0x10fb, 0x020000);
	fake->config[PCI_REVISION_ID] = 7;
	fake->config[PCI_SUBSYSTEM_VENDOR_ID] = 0x34;
	fake->config[PCI_SUBSYSTEM_VENDOR_ID + 1] = 0x12;
	fake->config[PCI_COMMAND] = PCI_COMMAND_MASTER;
	fake->numa_node = 1;
	open_it();
	vireo_device_info(dev, &info);
	assert_string_equal(info.address, "fake:a");
	assert_string_equal(info.bus, "fake");
	assert_int_equal(info.vendor_id, 0x8086);
	assert_int_equal(info.device_id, 0x10fb);
	assert_int_equal(info.class_code, 0x020000);
	assert_int_equal(info.revision, 7);
	assert_int_equal(info.subsystem_vendor_id, 0x1234);
	assert_int_equal(info.numa_node, 1);
	assert_true(info.can_reset);
	assert_int_equal(fake->config[PCI_COMMAND], PCI_COMMAND_MEMORY);
}

static void device_open_failures_say_why(void **state)
{
	struct vireo_device *other = NULL;

	assert_int_equal(vireo_device_open("fake:b", &dev), -ENOENT);
	assert_int_equal(vireo_device_open("nosuchbus:b", &dev), -EINVAL);
	assert_sentence("nosuchbus");
	assert_int_equal(vireo_device_open("what is this", &dev), -EINVAL);
	assert_null(dev);
	fake_device_set_ids(fake, 0xffff, 0xffff, 0xffffff);
	assert_int_equal(vireo_device_open("fake:a", &dev), -ENODEV);
	assert_sentence("does not answer");
	assert_false(fake->is_open);
	fake_device_set_ids(fake, 0x8086, 0x10fb, 0x020000);
	open_it();
	assert_int_equal(vireo_device_open("fake:a", &other), -EBUSY);
	assert_null(other);
}

static void device_close_null_is_fine(void **state)
{
	vireo_device_close(NULL);
}

static void device_read_bounds_hold_up_to_the_end_of_numbers(void **state)
{
	static const struct {
		uint64_t offset, len;
		int err;
	} cases[] = {
		{0, 0x1000, 0},
		{0xfff, 1, 0},
		{0x1000, 0, 0},
		{0x1000, 1, -EINVAL},
		{0xfff, 2, -EINVAL},
		{0, 0x1001, -EINVAL},
		{UINT64_MAX, 1, -EINVAL},
		{UINT64_MAX - 3, 8, -EINVAL},
		{1, UINT64_MAX, -EINVAL},
		{UINT64_MAX, UINT64_MAX, -EINVAL},
		{0x1001, UINT64_MAX - 0x1000, -EINVAL},
	};
	uint8_t buf[0x1000] = {0};
	volatile void *va;

	fake_device_add_memory(fake, VIREO_REGION_BAR0, 0x1000);
	open_it();
	for (unsigned i = 0; i < N_OF(cases); i++) {
		uint64_t offset = cases[i].offset, len = cases[i].len;
		int map = cases[i].err || len ? cases[i].err : -EINVAL;

		assert_int_equal(vireo_device_read(dev, VIREO_REGION_BAR0, offset, buf, len), cases[i].err);
		assert_int_equal(vireo_device_write(dev, VIREO_REGION_BAR0, offset, buf, len), cases[i].err);
		assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, offset, len, &va), map);
	}
	assert_int_equal(vireo_device_read(dev, VIREO_N_REGIONS, 0, buf, 1), -EINVAL);
	assert_int_equal(vireo_device_read(dev, (enum vireo_region) - 1, 0, buf, 1), -EINVAL);
	assert_int_equal(vireo_device_read(dev, VIREO_REGION_BAR1, 0, buf, 1), -EINVAL);
}

struct access {
	uint64_t offset;
	size_t len;
};

static struct access accesses[64];
static unsigned n_accesses;

static int note_read(void *ctx, uint64_t offset, void *buf, size_t len)
{
	accesses[n_accesses++] = (struct access){offset, len};
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)(offset + i);
	return 0;
}

static int note_write(void *ctx, uint64_t offset, const void *buf, size_t len)
{
	accesses[n_accesses++] = (struct access){offset, len};
	return offset == 0x80 ? -EIO : 0;
}

static const struct fake_handlers note = {note_read, note_write};

static void device_read_is_cut_into_aligned_accesses(void **state)
{
	static const struct access expected[] = {{1, 1}, {2, 2}, {4, 4}, {8, 8}, {16, 2}, {18, 1}};
	uint8_t buf[18];

	fake_device_add_registers(fake, VIREO_REGION_BAR0, 0x100, &note, NULL);
	open_it();
	n_accesses = 0;
	assert_int_equal(vireo_device_read(dev, VIREO_REGION_BAR0, 1, buf, sizeof(buf)), 0);
	assert_int_equal(n_accesses, N_OF(expected));
	for (unsigned i = 0; i < n_accesses; i++) {
		assert_int_equal(accesses[i].offset, expected[i].offset);
		assert_int_equal(accesses[i].len, expected[i].len);
	}
	for (unsigned i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], i + 1);
	for (unsigned len = 1; len <= 8; len *= 2) {
		n_accesses = 0;
		assert_int_equal(vireo_device_write(dev, VIREO_REGION_BAR0, 8, buf, len), 0);
		assert_int_equal(n_accesses, 1);
		assert_int_equal(accesses[0].len, len);
	}
	/* A failure ends it there. */
	n_accesses = 0;
	assert_int_equal(vireo_device_write(dev, VIREO_REGION_BAR0, 0x78, buf, 18), -EIO);
	assert_int_equal(n_accesses, 2);
}

static void device_read_region_flags_are_obeyed(void **state)
{
	uint32_t v = 0;

	fake_device_add_memory(fake, VIREO_REGION_BAR0, 0x1000);
	fake_device_add_memory(fake, VIREO_REGION_BAR2, 0x1000);
	fake->region_infos[VIREO_REGION_BAR0].flags = VIREO_REGION_READ;
	fake->region_infos[VIREO_REGION_BAR2].flags = VIREO_REGION_WRITE;
	open_it();
	assert_int_equal(vireo_device_read(dev, VIREO_REGION_BAR0, 0, &v, 4), 0);
	assert_int_equal(vireo_device_write(dev, VIREO_REGION_BAR0, 0, &v, 4), -EPERM);
	assert_int_equal(vireo_device_read(dev, VIREO_REGION_BAR2, 0, &v, 4), -EPERM);
	assert_int_equal(vireo_device_write(dev, VIREO_REGION_BAR2, 0, &v, 4), 0);
}

static void device_map_region_same_page_is_mapped_once(void **state)
{
	uint8_t *mem = fake_device_add_memory(fake, VIREO_REGION_BAR0, 0x4000);
	volatile void *a, *b, *c;

	open_it();
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0x10, 4, &a), 0);
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0x0, 0x4000, &b), 0);
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0x3ffc, 4, &c), 0);
	assert_int_equal(fake->n_maps, 1);
	assert_ptr_equal((void *)a, mem + 0x10);
	assert_ptr_equal((void *)b, mem);
	assert_ptr_equal((void *)c, mem + 0x3ffc);
}

static void device_map_region_only_inside_one_sparse_area(void **state)
{
	struct vireo_area *areas = calloc(2, sizeof(*areas));
	volatile void *va;

	areas[0] = (struct vireo_area){0x1000, 0x2000};
	areas[1] = (struct vireo_area){0x3000, 0x1000};
	fake_device_add_memory(fake, VIREO_REGION_BAR0, 0x8000);
	free((void *)(uintptr_t)fake->region_infos[VIREO_REGION_BAR0].areas);
	fake->region_infos[VIREO_REGION_BAR0].areas = areas;
	fake->region_infos[VIREO_REGION_BAR0].n_areas = 2;
	open_it();
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0, 4, &va), -EOPNOTSUPP);
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0xffc, 8, &va), -EOPNOTSUPP);
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0x1000, 0x2000, &va), 0);
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0x2ffc, 8, &va), -EOPNOTSUPP);
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0x3ffc, 4, &va), 0);
	assert_int_equal(vireo_device_map_region(dev, VIREO_REGION_BAR0, 0x4000, 4, &va), -EOPNOTSUPP);
	assert_int_equal(fake->n_maps, 2);
}

static void device_master_switches_one_bit(void **state)
{
	open_it();
	fake->config[PCI_COMMAND] |= PCI_COMMAND_INVALIDATE;
	assert_int_equal(vireo_device_set_master(dev, true), 0);
	assert_true(fake_device_is_master(fake));
	assert_int_equal(fake->config[PCI_COMMAND], PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE);
	assert_int_equal(vireo_device_set_master(dev, false), 0);
	assert_false(fake_device_is_master(fake));
	assert_int_equal(fake->config[PCI_COMMAND], PCI_COMMAND_MEMORY | PCI_COMMAND_INVALIDATE);
}

static void device_removed_is_enodev_everywhere(void **state)
{
	open_it();
	fake_device_remove(fake);
	assert_int_equal(vireo_device_set_master(dev, true), -ENODEV);
	assert_sentence("fake:a");
	assert_int_equal(vireo_device_find_capability(dev, PCI_CAP_ID_VNDR, 0), -ENODEV);
	assert_int_equal(vireo_device_reset(dev), -ENODEV);
}

static void device_irq_kinds_exclude_each_other(void **state)
{
	int fds[4] = {eventfd(0, 0), -1, eventfd(0, 0), -1};

	fake_device_add_irqs(fake, VIREO_IRQ_INTX, 1);
	fake_device_add_irqs(fake, VIREO_IRQ_MSIX, 4);
	fake_device_add_irqs(fake, VIREO_IRQ_ERROR, 1);
	open_it();
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 0, 3, fds), 0);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_INTX, 0, 1, fds), -EBUSY);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_ERROR, 0, 1, fds), 0);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSI, 0, 1, fds), -EINVAL);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 3, 1, fds), 0);
	assert_int_equal(vireo_device_irq_disable(dev, VIREO_IRQ_MSIX), 0);
	assert_int_equal(vireo_device_irq_disable(dev, VIREO_IRQ_MSIX), 0);
	assert_int_equal(fake->irqs[VIREO_IRQ_MSIX].n_disable, 1);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_INTX, 0, 1, fds), 0);
	/* Close switches both off. */
	vireo_device_close(dev);
	dev = NULL;
	assert_int_equal(fake->irqs[VIREO_IRQ_INTX].n_disable, 1);
	assert_int_equal(fake->irqs[VIREO_IRQ_ERROR].n_disable, 1);
	close(fds[0]);
	close(fds[2]);
}

static void device_irq_range_is_checked(void **state)
{
	static const struct {
		unsigned start, count;
		int err;
	} cases[] = {
		{0, 4, 0},
		{3, 1, 0},
		{0, 0, -EINVAL},
		{4, 0, -EINVAL},
		{4, 1, -EINVAL},
		{3, 2, -EINVAL},
		{1, UINT32_MAX, -EINVAL},
		{UINT32_MAX, 2, -EINVAL},
		{UINT32_MAX, UINT32_MAX, -EINVAL},
	};
	int fds[4] = {-1, -1, -1, -1};
	struct vireo_irq_info info;

	fake_device_add_irqs(fake, VIREO_IRQ_MSIX, 4);
	open_it();
	for (unsigned i = 0; i < N_OF(cases); i++)
		assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, cases[i].start, cases[i].count, fds),
				 cases[i].err);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 0, 1, NULL), -EINVAL);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_N_IRQS, 0, 1, fds), -EINVAL);
	assert_int_equal(vireo_device_irq(dev, VIREO_N_IRQS, &info), -EINVAL);
	assert_int_equal(vireo_device_irq_disable(dev, VIREO_N_IRQS), -EINVAL);
	assert_int_equal(vireo_device_irq_mask(dev, VIREO_IRQ_MSIX, 0, 1), -EOPNOTSUPP);
	assert_int_equal(vireo_device_irq_unmask_fd(dev, -1), -EINVAL);
}

static void device_irq_mask_unmask_trigger_reach_the_vector(void **state)
{
	uint64_t count;
	int fd = eventfd(0, EFD_NONBLOCK);

	fake_device_add_irqs(fake, VIREO_IRQ_INTX, 1);
	open_it();
	assert_int_equal(vireo_device_irq_trigger(dev, VIREO_IRQ_INTX, 0, 1), -EINVAL);
	assert_sentence("not enabled");
	assert_int_equal(vireo_device_irq_unmask_fd(dev, fd), -EINVAL);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_INTX, 0, 1, &fd), 0);
	assert_int_equal(vireo_device_irq_trigger(dev, VIREO_IRQ_INTX, 0, 1), 0);
	assert_int_equal(read(fd, &count, 8), 8);
	assert_int_equal(vireo_device_irq_mask(dev, VIREO_IRQ_INTX, 0, 1), 0);
	assert_false(fake_device_signal(fake, VIREO_IRQ_INTX, 0));
	assert_int_equal(vireo_device_irq_unmask(dev, VIREO_IRQ_INTX, 0, 1), 0);
	assert_true(fake_device_signal(fake, VIREO_IRQ_INTX, 0));
	assert_int_equal(vireo_device_irq_unmask_fd(dev, fd), 0);
	assert_int_equal(fake->irqs[VIREO_IRQ_INTX].unmask_fd, fd);
	assert_int_equal(vireo_device_irq_unmask_fd(dev, -1), 0);
	assert_int_equal(fake->irqs[VIREO_IRQ_INTX].unmask_fd, -1);
	close(fd);
}

static void device_irq_event_kind_taken_away_needs_no_disable(void **state)
{
	int fd = eventfd(0, 0), none = -1;

	fake_device_add_irqs(fake, VIREO_IRQ_REQUEST, 1);
	open_it();
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_REQUEST, 0, 1, &fd), 0);
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_REQUEST, 0, 1, &none), 0);
	assert_int_equal(vireo_device_irq_disable(dev, VIREO_IRQ_REQUEST), 0);
	assert_int_equal(fake->irqs[VIREO_IRQ_REQUEST].n_disable, 0);
	close(fd);
}

static void device_reset_takes_interrupts_and_mastering_first(void **state)
{
	int fd = eventfd(0, 0);

	fake_device_add_irqs(fake, VIREO_IRQ_MSIX, 1);
	open_it();
	assert_int_equal(vireo_device_irq_enable(dev, VIREO_IRQ_MSIX, 0, 1, &fd), 0);
	assert_int_equal(vireo_device_set_master(dev, true), 0);
	assert_int_equal(vireo_device_reset(dev), 0);
	assert_int_equal(fake->irqs[VIREO_IRQ_MSIX].n_disable, 1);
	assert_int_equal(fake->config[PCI_COMMAND], PCI_COMMAND_MEMORY);
	assert_int_equal(fake->n_calls[FAKE_RESET], 1);
	assert_int_equal(vireo_device_hot_reset(dev), -EOPNOTSUPP);
	close(fd);
}

static void device_reset_absent_is_eopnotsupp(void **state)
{
	fake->can_reset = false;
	open_it();
	assert_int_equal(vireo_device_reset(dev), -EOPNOTSUPP);
	assert_int_equal(fake->n_calls[FAKE_RESET], 0);
}

static void device_dma_map_arguments_are_checked(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *mem = aligned_alloc(page, 4 * page);
	vireo_iova_t iova;

	open_it();
	assert_int_equal(vireo_device_dma_map(dev, mem + 1, page, VIREO_DMA_READ, &iova), -EINVAL);
	assert_int_equal(vireo_device_dma_map(dev, mem, page + 1, VIREO_DMA_READ, &iova), -EINVAL);
	assert_int_equal(vireo_device_dma_map(dev, mem, 0, VIREO_DMA_READ, &iova), -EINVAL);
	assert_int_equal(vireo_device_dma_map(dev, mem, page, 0, &iova), -EINVAL);
	assert_int_equal(vireo_device_dma_map(dev, mem, page, 4, &iova), -EINVAL);
	assert_int_equal(vireo_device_dma_map(dev, (void *)-page, 2 * page, VIREO_DMA_READ, &iova), -EINVAL);
	assert_int_equal(vireo_device_dma_map(dev, mem, 4 * page, VIREO_DMA_READ, &iova), 0);
	assert_int_equal(vireo_device_set_master(dev, true), 0);
	assert_ptr_equal(fake_device_dma(fake, iova + page, page, VIREO_DMA_READ), mem + page);
	assert_null(fake_device_dma(fake, iova + page, 4 * page, VIREO_DMA_READ));
	assert_null(fake_device_dma(fake, iova, 1, VIREO_DMA_WRITE));
	assert_int_equal(vireo_device_dma_unmap(dev, iova, page), -ENOENT);
	assert_int_equal(vireo_device_dma_unmap(dev, iova, 4 * page), 0);
	assert_int_equal(vireo_device_dma_unmap(dev, iova, 4 * page), -ENOENT);
	free(mem);
}

static void device_iova_ranges_are_the_clients(void **state)
{
	const struct vireo_iova_range *ranges;

	fake->dma.n_ranges = 2;
	fake->dma.ranges[0] = (struct vireo_iova_range){0, 0xfedfffff};
	fake->dma.ranges[1] = (struct vireo_iova_range){0xfef00000, (1ULL << 39) - 1};
	open_it();
	assert_int_equal(vireo_device_iova_ranges(dev, &ranges), 2);
	assert_int_equal(ranges[1].start, 0xfef00000);
}

static void find_capability_walks_the_list_in_order(void **state)
{
	fake_device_add_capability(fake, 0xfc, PCI_CAP_ID_VNDR, "ab", 2);
	fake_device_add_capability(fake, 0x40, PCI_CAP_ID_MSIX, "", 0);
	fake_device_add_capability(fake, 0x80, PCI_CAP_ID_VNDR, "", 0);
	open_it();
	assert_int_equal(vireo_device_find_capability(dev, PCI_CAP_ID_VNDR, 0), 0x80);
	assert_int_equal(vireo_device_find_capability(dev, PCI_CAP_ID_VNDR, 0x80), 0xfc);
	assert_int_equal(vireo_device_find_capability(dev, PCI_CAP_ID_VNDR, 0xfc), -ENOENT);
	assert_int_equal(vireo_device_find_capability(dev, PCI_CAP_ID_MSIX, 0), 0x40);
	assert_int_equal(vireo_device_find_capability(dev, PCI_CAP_ID_EXP, 0), -ENOENT);
	/* Not in the list: there is nothing after it. */
	assert_int_equal(vireo_device_find_capability(dev, PCI_CAP_ID_VNDR, 0x44), -ENOENT);
}

static void find_capability_without_list_is_enoent(void **state)
{
	open_it();
	fake->config[PCI_CAPABILITY_LIST] = 0x40;
	assert_int_equal(vireo_device_find_capability(dev, 0, 0), -ENOENT);
}

/* Each hostile list ends, for a caller who asks for one capability after the other too. */
static void find_capability_hostile_lists_end(void **state)
{
	static const struct {
		const char *what;
		uint8_t head;
		uint8_t at[4], id[4], next[4];
		int last; /* what the walk over all capabilities 9 ends with */
	} cases[] = {
		{"points at itself", 0x40, {0x40}, {9}, {0x40}, -EIO},
		{"loop of two", 0x40, {0x40, 0x50}, {9, 9}, {0x50, 0x40}, -EIO},
		{"loop behind the head", 0x40, {0x40, 0x50, 0x60}, {1, 9, 9}, {0x50, 0x60, 0x50}, -EIO},
		{"into the header", 0x40, {0x40}, {9}, {0x10}, -EIO},
		{"head in the header", 0x3c, {0x3c}, {9}, {0}, -EIO},
		{"odd next pointer is masked", 0x41, {0x40, 0x50}, {9, 9}, {0x53, 0}, -ENOENT},
		{"reserved id of all ones", 0x40, {0x40, 0x50}, {9, 0xff}, {0x50, 0}, -EIO},
		{"empty list", 0, {0}, {0}, {0}, -ENOENT},
		{"empty list, bits set", 3, {0}, {0}, {0}, -ENOENT},
		{"last place", 0xfc, {0xfc}, {9}, {0}, -ENOENT},
	};

	open_it();
	for (unsigned i = 0; i < N_OF(cases); i++) {
		int pos = 0;
		unsigned steps = 0;

		memset(fake->config + 0x34, 0, 0x100 - 0x34);
		fake->config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
		fake->config[PCI_CAPABILITY_LIST] = cases[i].head;
		for (unsigned j = 0; j < 4 && cases[i].at[j]; j++) {
			fake->config[cases[i].at[j]] = cases[i].id[j];
			fake->config[cases[i].at[j] + 1] = cases[i].next[j];
		}
		do {
			pos = vireo_device_find_capability(dev, 9, (unsigned)pos);
		} while (pos > 0 && ++steps < 100);
		if (pos != cases[i].last)
			fail_msg("%s: %d", cases[i].what, pos);
	}
}

static void find_capability_random_config_space_ends(void **state)
{
	open_it();
	srand(2);
	for (unsigned i = 0; i < 3000; i++) {
		int pos = 0;
		unsigned steps = 0;

		for (unsigned j = PCI_STATUS; j < 256; j++)
			fake->config[j] = (uint8_t)(rand() >> 8);
		fake->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
		do {
			pos = vireo_device_find_capability(dev, (uint8_t)i, (unsigned)pos);
			assert_true(pos < 0 || (pos >= 64 && pos <= 252));
		} while (pos > 0 && ++steps < 64);
		assert_true(pos < 0);
	}
}

static void find_capability_short_config_space_is_eio(void **state)
{
	fake->region_infos[VIREO_REGION_CONFIG].size = 64;
	open_it();
	fake->config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	fake->config[PCI_CAPABILITY_LIST] = 0x40;
	assert_int_equal(vireo_device_find_capability(dev, 9, 0), -EIO);
}

static void io_window_mapped_or_not_reads_the_same(void **state)
{
	uint8_t *mem = fake_device_add_memory(fake, VIREO_REGION_BAR0, 0x1000);
	struct io_window w, v;

	fake_device_add_registers(fake, VIREO_REGION_BAR1, 0x100, &note, NULL);
	open_it();
	for (unsigned i = 0; i < 0x100; i++)
		mem[i] = (uint8_t)i;
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR0, 0x10, 0xf0, &w), 0);
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR1, 0x10, 0xf0, &v), 0);
	assert_non_null(w.map);
	assert_null(v.map);
	assert_int_equal(io_read8(&w, 3), io_read8(&v, 3));
	assert_int_equal(io_read16(&w, 4), io_read16(&v, 4));
	assert_int_equal(io_read32(&w, 8), 0x1b1a1918);
	assert_int_equal(io_read32(&v, 8), 0x1b1a1918);
	n_accesses = 0;
	io_write16(&v, 2, 0x1234);
	assert_int_equal(accesses[0].offset, 0x12);
	assert_int_equal(accesses[0].len, 2);
	io_write32(&w, 0x20, 0xdeadbeef);
	assert_int_equal(io_read32(&w, 0x20), 0xdeadbeef);
}

static void io_window_bounds_are_checked(void **state)
{
	struct io_window w;

	fake_device_add_registers(fake, VIREO_REGION_BAR0, 0x100, &note, NULL);
	open_it();
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR0, 0, 0x101, &w), -EINVAL);
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR0, 0x100, 1, &w), -EINVAL);
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR0, 0, 0, &w), -EINVAL);
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR0, UINT64_MAX, 2, &w), -EINVAL);
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR3, 0, 1, &w), -EINVAL);
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR0, 0x80, 0x80, &w), 0);
	/* Outside the window nobody answers, even where the region goes on. */
	assert_int_equal(io_read32(&w, 0x80), 0xffffffff);
	assert_int_equal(io_read32(&w, 0x7e), 0xffffffff);
	n_accesses = 0;
	io_write32(&w, 0x80, 1);
	assert_int_equal(n_accesses, 0);
}

static void io_window_lost_device_reads_all_ones(void **state)
{
	struct io_window w;

	fake_device_add_registers(fake, VIREO_REGION_BAR0, 0x100, &note, NULL);
	open_it();
	assert_int_equal(io_window_open(dev, VIREO_REGION_BAR0, 0, 0x100, &w), 0);
	fake_device_remove(fake);
	assert_int_equal(io_read8(&w, 0), 0xff);
	assert_int_equal(io_read32(&w, 0), 0xffffffff);
	fake->removed = false;
	fake->fail_nth = 1;
	assert_int_equal(io_read16(&w, 0), 0xffff);
}

/* Every call of the bus fails once: nothing stays open, and the sentence is there. */
static void device_open_nth_failure_leaves_nothing(void **state)
{
	unsigned n = 1;

	for (; n < 1000; n++) {
		int err;

		fake->fail_nth = n;
		err = vireo_device_open("fake:a", &dev);
		if (!err)
			break;
		assert_int_equal(err, -EIO);
		assert_false(fake->is_open);
		assert_null(dev);
	}
	fake->fail_nth = 0;
	assert_true(n > 3 && n < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(device_open_reads_identity_and_is_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(device_open_failures_say_why, setup, teardown),
		cmocka_unit_test(device_close_null_is_fine),
		cmocka_unit_test_setup_teardown(device_read_bounds_hold_up_to_the_end_of_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(device_read_is_cut_into_aligned_accesses, setup, teardown),
		cmocka_unit_test_setup_teardown(device_read_region_flags_are_obeyed, setup, teardown),
		cmocka_unit_test_setup_teardown(device_map_region_same_page_is_mapped_once, setup, teardown),
		cmocka_unit_test_setup_teardown(device_map_region_only_inside_one_sparse_area, setup, teardown),
		cmocka_unit_test_setup_teardown(device_master_switches_one_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(device_removed_is_enodev_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(device_irq_kinds_exclude_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(device_irq_range_is_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(device_irq_mask_unmask_trigger_reach_the_vector, setup, teardown),
		cmocka_unit_test_setup_teardown(device_irq_event_kind_taken_away_needs_no_disable, setup, teardown),
		cmocka_unit_test_setup_teardown(device_reset_takes_interrupts_and_mastering_first, setup, teardown),
		cmocka_unit_test_setup_teardown(device_reset_absent_is_eopnotsupp, setup, teardown),
		cmocka_unit_test_setup_teardown(device_dma_map_arguments_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(device_iova_ranges_are_the_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(find_capability_walks_the_list_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(find_capability_without_list_is_enoent, setup, teardown),
		cmocka_unit_test_setup_teardown(find_capability_hostile_lists_end, setup, teardown),
		cmocka_unit_test_setup_teardown(find_capability_random_config_space_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(find_capability_short_config_space_is_eio, setup, teardown),
		cmocka_unit_test_setup_teardown(io_window_mapped_or_not_reads_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(io_window_bounds_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(io_window_lost_device_reads_all_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(device_open_nth_failure_leaves_nothing, setup, teardown),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
