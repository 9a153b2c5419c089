// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ioctl ABI of a PCI device, call by call, on an 82574 (e1000e). Runs the same on upstream vfio-pci and on kvfio_pci;
 * the output of the two can be compared with diff. Where the two are meant to differ, docs/kvfio.md says why.
 *
 *	pci NODE_DIRECTORY GROUP DEVICE [intx]
 *
 * intx: of that kind of interrupt alone, for a device whose interrupts were held back before.
 */

#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "vfio.h"

#define K 0x1000UL

/* 82574 datasheet, section 10: the few registers that raise an interrupt without any traffic. */
#define VET		0x0038
#define CONTROL		0x0000
#define CONTROL_RESET	(1u << 26)
#define STATUS		0x0008
#define ICR		0x00c0
#define ICS		0x00c8
#define IMS		0x00d0
#define IMC		0x00d8
#define IVAR		0x00e4
#define RAL		0x5400	/* of the address: stays as it is, where STATUS follows the link */
#define LSC		(1u << 2)
#define OTHER		(1u << 24)
#define OTHER_VECTOR(n)	((n) << 16 | 1u << 19)

/*
 * QEMU's model keeps at least 128 us between two interrupts, of a vector of MSI-X or of the others, and holds the second one
 * back. The mark that one was held back is never taken off again, not by a reset either (QEMU 7.2, corrected in 8.0): from then
 * on each interrupt comes twice. And it ends with an assertion when the kind of interrupt changes within that time. So the tests
 * leave time after each, and use the one vector that no driver of the host uses.
 */
#define OTHERS		4
#define INTERVAL_US	100000

/* What happens at once on a quiet machine. */
#define SOON_MS		10000

static struct vfio_names names;
static struct vfio v;
static bool msix_grows;
static sigjmp_buf bus_error;
static uint64_t offsets[VFIO_PCI_NUM_REGIONS], sizes[VFIO_PCI_NUM_REGIONS];

static void test_info(void)
{
	struct vfio_device_info info = { .argsz = 15 };

	tap_is("info_argsz_short", io(v.device, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	info.argsz = sizeof(info);
	tap_is("info", io(v.device, VFIO_DEVICE_GET_INFO, &info), 0);
	tap_is("info_flags", info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	tap_is("info_regions", info.num_regions, VFIO_PCI_NUM_REGIONS);
	tap_is("info_irqs", info.num_irqs, VFIO_PCI_NUM_IRQS);
	tap_is("info_bad_pointer", io(v.device, VFIO_DEVICE_GET_INFO, (void *)8), -EFAULT);
	tap_is("unknown_ioctl", io(v.device, _IO(VFIO_TYPE, VFIO_BASE + 99), 0), -ENOTTY);
}

/*
 * Every size that a program can claim: too small is refused, and anything larger is fine, since programs may be newer than the
 * kernel. What lies behind the claimed size is not touched.
 */
static void test_argsz(void)
{
	static const struct {
		const char *name;
		unsigned long request;
		uint32_t min;
		long good;
		uint32_t words[8];	/* behind argsz */
	} asks[] = {
		{ "info", VFIO_DEVICE_GET_INFO, 16, 0, { 0 } },
		{ "region_info", VFIO_DEVICE_GET_REGION_INFO, 32, 0, { 0, VFIO_PCI_BAR3_REGION_INDEX } },
		{ "irq_info", VFIO_DEVICE_GET_IRQ_INFO, 16, 0, { 0, VFIO_PCI_MSIX_IRQ_INDEX } },
		{ "set_irqs", VFIO_DEVICE_SET_IRQS, 21, 0,
		  { VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_BOOL, VFIO_PCI_ERR_IRQ_INDEX, 0, 1, 1 } },
		{ "feature", VFIO_DEVICE_FEATURE, 8, -ENOTTY, { VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET | 0xfff } },
		{ "ioeventfd", VFIO_DEVICE_IOEVENTFD, 28, -ENODEV, { VFIO_DEVICE_IOEVENTFD_32, VET, 0, 7, 0, -1 } },
	};
	char text[64];

	for (unsigned int i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		const uint32_t min = asks[i].min;
		const uint32_t sizes[] = { 0, 1, min - 1, min, min + 1, 1024, 0x7fffffff, 0xdeadbeef, UINT32_MAX };

		for (unsigned int j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			uint32_t buf[1024];
			bool untouched = true;

			memset(buf, 0xa5, sizeof(buf));
			memset(buf, 0, sizeof(asks[i].words) + 4);
			buf[0] = sizes[j];
			memcpy(buf + 1, asks[i].words, sizeof(asks[i].words));
			snprintf(text, sizeof(text), "%s_argsz_%#x", asks[i].name, sizes[j]);
			tap_is(text, io(v.device, asks[i].request, buf), sizes[j] < min ? -EINVAL : asks[i].good);
			for (unsigned int k = sizeof(asks[i].words) / 4 + 1; k < 1024; k++)
				untouched &= buf[k] == 0xa5a5a5a5 || k * 4 < sizes[j];
			snprintf(text, sizeof(text), "%s_argsz_%#x_is_the_end", asks[i].name, sizes[j]);
			tap_ok(text, untouched);
		}
	}
}

/* The device is on the root bus, which nobody can reset. What else there is to say: hotreset.c. */
static void test_hot_reset(void)
{
	struct vfio_pci_hot_reset_info info = { .argsz = sizeof(info) };
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset), .count = 1 };

	tap_is("hot_reset_info_root_bus", io(v.device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info), -ENODEV);
	tap_is("hot_reset_root_bus", io(v.device, VFIO_DEVICE_PCI_HOT_RESET, &reset), -ENODEV);
}

static long feature(uint32_t argsz, uint32_t flags)
{
	struct vfio_device_feature f = { .argsz = argsz, .flags = flags };

	return io(v.device, VFIO_DEVICE_FEATURE, &f);
}

static void test_feature(void)
{
	tap_is("feature_argsz_short", feature(7, VFIO_DEVICE_FEATURE_PROBE | 0xfff), -EINVAL);
	tap_is("feature_unknown_flag", feature(8, VFIO_DEVICE_FEATURE_PROBE | 1u << 25), -EINVAL);
	tap_is("feature_get_and_set", feature(8, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET | 0xfff), -EINVAL);
	tap_is("feature_unknown", feature(8, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET | 0xfff), -ENOTTY);
	tap_is("feature_migration", feature(8, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
					    VFIO_DEVICE_FEATURE_MIGRATION), -ENOTTY);
}

/* A device that others do not rely on has no token. */
static void test_features_without_need(void)
{
	tap_is("feature_token_probe", feature(24, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
					      VFIO_DEVICE_FEATURE_PCI_VF_TOKEN), -ENOTTY);
	tap_is("feature_token_set", feature(24, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN), -ENOTTY);
}

static void test_regions(void)
{
	struct {
		struct vfio_region_info info;
		uint8_t room[256];
	} r;
	char text[64];

	for (uint32_t i = 0; i <= VFIO_PCI_NUM_REGIONS; i++) {
		long ret;

		memset(&r, 0, sizeof(r));
		r.info.argsz = sizeof(r.info);
		r.info.index = i;
		ret = io(v.device, VFIO_DEVICE_GET_REGION_INFO, &r.info);
		snprintf(text, sizeof(text), "region_%u", i);
		tap_is(text, ret, i >= VFIO_PCI_VGA_REGION_INDEX ? -EINVAL : 0);
		if (ret)
			continue;
		snprintf(text, sizeof(text), "region_%u_offset", i);
		tap_is(text, r.info.offset, (long)i << 40);
		tap_note("region %u size %#llx flags %#x argsz %u", i, (long long)r.info.size, r.info.flags, r.info.argsz);
		offsets[i] = r.info.offset;
		sizes[i] = r.info.size;
	}
	tap_is("bar0_size", sizes[0], 0x20000);
	tap_is("bar2_size", sizes[2], 32);
	tap_is("bar3_size", sizes[3], 0x4000);
	tap_is("bar4_size", sizes[4], 0);
	tap_is("config_size", sizes[VFIO_PCI_CONFIG_REGION_INDEX], 4096);
	r.info.argsz = 31;
	r.info.index = 0;
	tap_is("region_argsz_short", io(v.device, VFIO_DEVICE_GET_REGION_INFO, &r.info), -EINVAL);
	r.info.argsz = sizeof(r);
	r.info.index = 3;
	tap_is("region_with_room", io(v.device, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
	tap_is("region_msix_flags", r.info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
	       VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS);
	tap_is("region_msix_cap", ((struct vfio_info_cap_header *)((char *)&r + r.info.cap_offset))->id,
	       VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
}

/* --- Config space --- */

static uint64_t config_offset(unsigned int pos)
{
	return offsets[VFIO_PCI_CONFIG_REGION_INDEX] + pos;
}

static uint32_t config_read(unsigned int pos, unsigned int size)
{
	uint32_t value = 0;

	if (pread(v.device, &value, size, config_offset(pos)) != (ssize_t)size)
		tap_ok("config read", false);
	return value;
}

static void config_write(unsigned int pos, unsigned int size, uint32_t value)
{
	if (pwrite(v.device, &value, size, config_offset(pos)) != (ssize_t)size)
		tap_ok("config write", false);
}

static uint32_t bar_mask(unsigned int pos)
{
	uint32_t old = config_read(pos, 4), mask;

	config_write(pos, 4, 0xffffffff);
	mask = config_read(pos, 4);
	config_write(pos, 4, old);
	return config_read(pos, 4) == old ? mask : 0xbad;
}

static unsigned int find_cap(uint8_t id)
{
	unsigned int pos = config_read(PCI_CAPABILITY_LIST, 1), left = 48;

	while (pos && left-- && config_read(pos, 1) != id)
		pos = config_read(pos + 1, 1);
	return pos;
}

static void test_config(void)
{
	unsigned int pos, left = 48;
	uint8_t bytes[64];

	tap_is("config_ids", config_read(0, 4), 0x10d38086);
	tap_is("config_class", config_read(8, 4) >> 8, 0x020000);
	tap_is("config_command", config_read(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	tap_is("config_whole_header", sys(pread(v.device, bytes, 64, config_offset(0))), 64);
	tap_is("config_same_by_parts", bytes[0] | bytes[1] << 8, 0x8086);
	tap_is("config_odd_read", config_read(1, 1), 0x80);
	tap_is("config_beyond", sys(pread(v.device, bytes, 4, config_offset(4096))), -EFAULT);
	tap_is("config_across_end", sys(pread(v.device, bytes, 8, config_offset(4092))), -EFAULT);
	config_write(0, 4, 0x12345678);
	tap_is("config_ids_stay", config_read(0, 4), 0x10d38086);
	tap_is("config_bar0_sizing", bar_mask(PCI_BASE_ADDRESS_0), 0xfffe0000);
	tap_is("config_bar2_sizing", bar_mask(PCI_BASE_ADDRESS_2), 0xffffffe1);
	tap_is("config_bar3_sizing", bar_mask(PCI_BASE_ADDRESS_3), 0xffffc000);
	tap_is("config_bar4_sizing", bar_mask(PCI_BASE_ADDRESS_4), 0);
	config_write(PCI_INTERRUPT_LINE, 1, 0x42);
	tap_is("config_interrupt_line", config_read(PCI_INTERRUPT_LINE, 1), 0x42);
	tap_is("config_interrupt_pin", config_read(PCI_INTERRUPT_PIN, 1), 1);
	for (pos = config_read(PCI_CAPABILITY_LIST, 1); pos && left--; pos = config_read(pos + 1, 1)) {
		tap_is("cap_position", pos, pos & 0xfc);
		tap_is("cap_id", config_read(pos, 1), config_read(pos, 1));
	}
	for (pos = 256, left = 64; pos && left--; pos = config_read(pos, 4) >> 20)
		tap_is("ecap", config_read(pos, 4) & 0xfffff, config_read(pos, 4) & 0xfffff);
}

static void test_power_states(void)
{
	unsigned int pm = find_cap(PCI_CAP_ID_PM), pcie = find_cap(PCI_CAP_ID_EXP);
	uint32_t status = 0, again = 0;

	tap_ok("pm_cap", pm);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pread(v.device, &status, 4, offsets[0] + STATUS);
	config_write(pm + PCI_PM_CTRL, 2, 3);
	tap_is("pm_d3", config_read(pm + PCI_PM_CTRL, 2) & 3, 3);
	tap_is("pm_d3_memory", sys(pread(v.device, &again, 4, offsets[0] + STATUS)), -EIO);
	config_write(pm + PCI_PM_CTRL, 2, 0);
	tap_is("pm_d0", config_read(pm + PCI_PM_CTRL, 2) & 3, 0);
	tap_is("pm_d0_memory", sys(pread(v.device, &again, 4, offsets[0] + STATUS)), 4);
	config_write(pm + PCI_PM_CTRL, 2, 3);
	tap_is("pm_d3_reset", io(v.device, VFIO_DEVICE_RESET, 0), 0);
	tap_is("pm_d0_after_reset", config_read(pm + PCI_PM_CTRL, 2) & 3, 0);
	tap_is("pm_no_wake", config_read(pm + PCI_PM_PMC, 2) & PCI_PM_CAP_PME_MASK, 0);
	if (pcie && config_read(pcie + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR) {
		uint16_t control = config_read(pcie + PCI_EXP_DEVCTL, 2);

		config_write(pcie + PCI_EXP_DEVCTL, 2, control | PCI_EXP_DEVCTL_BCR_FLR);
		tap_is("flr_bit_reads_zero", config_read(pcie + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
		tap_is("flr_keeps_memory", sys(pread(v.device, &again, 4, offsets[0] + STATUS)), 4);
	}
}

/* COMMAND written in D3hot is what counts in D0, and not the one that was saved before. */
static void test_command_written_asleep(void)
{
	unsigned int pm = find_cap(PCI_CAP_ID_PM);
	uint32_t before = 0, after = 0;

	if (names.upstream)
		return;
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pread(v.device, &before, 4, offsets[0] + RAL);
	config_write(PCI_COMMAND, 2, 0);
	config_write(pm + PCI_PM_CTRL, 2, 3);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	config_write(pm + PCI_PM_CTRL, 2, 0);
	tap_is("pm_command_from_d3", sys(pread(v.device, &after, 4, offsets[0] + RAL)), 4);
	tap_is("pm_command_from_d3_is_true", after, before);
}

/* --- BARs --- */

static uint32_t reg_read(unsigned int reg)
{
	uint32_t value = 0;

	if (pread(v.device, &value, 4, offsets[0] + reg) != 4)
		tap_ok("register read", false);
	return value;
}

static void reg_write(unsigned int reg, uint32_t value)
{
	if (pwrite(v.device, &value, 4, offsets[0] + reg) != 4)
		tap_ok("register write", false);
}

static void on_bus_error(int signal)
{
	siglongjmp(bus_error, signal);
}

/* A register through a map, or -1 for a bus error. */
static long peek(volatile uint32_t *reg)
{
	if (sigsetjmp(bus_error, 1))
		return -1;
	return *reg;
}

static long try_mmap(uint64_t offset, size_t size, int flags)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, v.device, offset);

	if (va == MAP_FAILED)
		return -errno;
	munmap(va, size);
	return 0;
}

/* QEMU's model has no reset that a function can be given, so it still does what the driver of the host told it. */
static void quieten(void)
{
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	reg_write(CONTROL, CONTROL_RESET);
	usleep(10000);
	reg_write(IMC, 0xffffffff);
	reg_read(ICR);
}

static void test_bars(void)
{
	uint8_t bytes[64];
	uint32_t table;

	config_write(PCI_COMMAND, 2, 0);
	tap_is("bar_read_without_memory", sys(pread(v.device, bytes, 4, offsets[0] + STATUS)), -EIO);
	tap_is("bar_write_without_memory", sys(pwrite(v.device, bytes, 4, offsets[0] + STATUS)), -EIO);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	tap_is("bar_read", sys(pread(v.device, bytes, 4, offsets[0] + STATUS)), 4);
	tap_is("bar_read_beyond", sys(pread(v.device, bytes, 4, offsets[0] + sizes[0])), -EINVAL);
	tap_is("bar_read_to_end", sys(pread(v.device, bytes, 64, offsets[0] + sizes[0] - 16)), 16);
	tap_is("bar_missing", sys(pread(v.device, bytes, 4, offsets[4])), -EINVAL);
	tap_is("bar_bad_pointer", sys(syscall(SYS_pread64, v.device, 8, 4, offsets[0] + STATUS)), -EFAULT);
	tap_is("region_missing", sys(pread(v.device, bytes, 4, 20ull << 40)), -EINVAL);
	table = 0;
	tap_is("msix_table_read", sys(pread(v.device, &table, 4, offsets[3])), 4);
	tap_is("msix_table_hidden", table, 0xffffffff);
	tap_is("msix_table_write", sys(pwrite(v.device, bytes, 4, offsets[3])), 4);
	tap_is("mmap_bar0", try_mmap(offsets[0], sizes[0], MAP_SHARED), 0);
	tap_is("mmap_part", try_mmap(offsets[0] + K, K, MAP_SHARED), 0);
	tap_is("mmap_private", try_mmap(offsets[0], K, MAP_PRIVATE), -EINVAL);
	tap_is("mmap_beyond", try_mmap(offsets[0] + sizes[0], K, MAP_SHARED), -EINVAL);
	tap_is("mmap_too_long", try_mmap(offsets[0], sizes[0] + K, MAP_SHARED), -EINVAL);
	tap_is("mmap_io_ports", try_mmap(offsets[2], K, MAP_SHARED), -EINVAL);
	tap_is("mmap_msix", try_mmap(offsets[3], sizes[3], MAP_SHARED), 0);
	tap_is("mmap_config", try_mmap(offsets[VFIO_PCI_CONFIG_REGION_INDEX], K, MAP_SHARED), -EINVAL);
}

static void test_revocation(void)
{
	volatile uint32_t *regs;
	unsigned int pm = find_cap(PCI_CAP_ID_PM);
	long mac;

	signal(SIGBUS, on_bus_error);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	regs = mmap(NULL, sizes[0], PROT_READ | PROT_WRITE, MAP_SHARED, v.device, offsets[0]);
	tap_ok("map", regs != MAP_FAILED);
	mac = peek(regs + RAL / 4);
	tap_is("map_is_the_bar", mac, reg_read(RAL));
	config_write(PCI_COMMAND, 2, 0);
	tap_is("bus_error_without_memory", peek(regs + RAL / 4), -1);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	tap_is("comes_back", peek(regs + RAL / 4), mac);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	tap_is("stays_without_master", peek(regs + RAL / 4), mac);
	config_write(pm + PCI_PM_CTRL, 2, 3);
	tap_is("bus_error_in_d3", peek(regs + RAL / 4), -1);
	config_write(pm + PCI_PM_CTRL, 2, 0);
	tap_ok("comes_back_from_d3", peek(regs + RAL / 4) != -1);
	tap_is("reset", io(v.device, VFIO_DEVICE_RESET, 0), 0);
	tap_ok("is_there_after_reset", peek(regs + RAL / 4) != -1);
	munmap((void *)regs, sizes[0]);
}

/* --- Low power --- */

#define PROBE	VFIO_DEVICE_FEATURE_PROBE
#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define ENTRY	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY
#define WAKEUP	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP
#define EXIT	VFIO_DEVICE_FEATURE_LOW_POWER_EXIT

static bool power_state_is(const char *want)
{
	char path[128], state[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power_state", names.device);
	file = fopen(path, "r");
	if (!file)
		return false;
	fscanf(file, "%15s", state);
	fclose(file);
	return !strcmp(state, want);
}

/* The kernel's word for a device that it has sent to sleep, in whatever state it was before. */
static bool is_suspended(void)
{
	char path[128], status[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status", names.device);
	file = fopen(path, "r");
	if (!file)
		return false;
	fscanf(file, "%15s", status);
	fclose(file);
	return !strcmp(status, "suspended");
}

static bool becomes_suspended(int within_ms)
{
	for (int i = 0; i < within_ms / 10 && !is_suspended(); i++)
		usleep(10000);
	return is_suspended();
}

static bool power_state_becomes(const char *want, int within_ms)
{
	for (int i = 0; i < within_ms / 10; i++) {
		if (power_state_is(want))
			return true;
		usleep(10000);
	}
	return false;
}

static long enter_with_wakeup(uint32_t argsz, int fd)
{
	struct {
		struct vfio_device_feature header;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} f = { .header = { .argsz = argsz, .flags = SET | WAKEUP }, .entry.wakeup_eventfd = fd };

	return io(v.device, VFIO_DEVICE_FEATURE, &f);
}

static long fired(int fd, int timeout_ms);

static void test_low_power(int *fds)
{
	volatile uint32_t *regs;
	uint32_t value;

	tap_is("low_power_probe", feature(8, PROBE | SET | ENTRY), 0);
	tap_is("low_power_probe_alone", feature(8, PROBE | ENTRY), 0);
	tap_is("low_power_probe_get", feature(8, PROBE | GET | ENTRY), -EINVAL);
	tap_is("low_power_get", feature(8, GET | ENTRY), -EINVAL);
	tap_is("low_power_no_action", feature(8, ENTRY), -EINVAL);
	tap_is("low_power_exit_before", feature(8, SET | EXIT), 0);
	tap_is("low_power_wakeup_short", enter_with_wakeup(8, fds[0]), -EINVAL);
	tap_is("low_power_wakeup_no_fd", enter_with_wakeup(16, -1), -EINVAL);
	tap_is("low_power_wakeup_closed_fd", enter_with_wakeup(16, 4000), -EBADF);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	regs = mmap(NULL, K, PROT_READ | PROT_WRITE, MAP_SHARED, v.device, offsets[0]);
	tap_ok("awake", power_state_is("D0"));
	tap_is("low_power_entry", feature(8, SET | ENTRY), 0);
	tap_ok("falls_asleep", power_state_becomes("D3hot", SOON_MS));
	tap_is("no_map_in_low_power", peek(regs + STATUS / 4), -1);
	tap_is("low_power_entry_again", feature(8, SET | ENTRY), -EINVAL);
	tap_is("config_wakes", config_read(0, 2), 0x8086);
	tap_is("read_wakes", sys(pread(v.device, &value, 4, offsets[0] + STATUS)), 4);
	tap_ok("is_not_lost", value != 0xffffffff);
	tap_ok("falls_asleep_again", power_state_becomes("D3hot", SOON_MS));
	tap_is("still_no_map", peek(regs + STATUS / 4), -1);
	tap_is("low_power_exit", feature(8, SET | EXIT), 0);
	tap_ok("is_awake", power_state_is("D0"));
	tap_ok("map_is_back", peek(regs + STATUS / 4) != -1);
	tap_is("low_power_with_wakeup", enter_with_wakeup(16, fds[0]), 0);
	tap_ok("falls_asleep_with_wakeup", power_state_becomes("D3hot", SOON_MS));
	tap_is("not_woken", fired(fds[0], 0), 0);
	tap_is("config_wakes_for_good", config_read(0, 2), 0x8086);
	tap_is("woken", fired(fds[0], SOON_MS), 1);
	tap_ok("stays_awake", !power_state_becomes("D3hot", 1000));
	tap_ok("map_after_wakeup", peek(regs + STATUS / 4) != -1);
	munmap((void *)regs, K);
}

/* The user has sent it to D3hot himself before. */
static void test_low_power_from_d3(void)
{
	unsigned int pm = find_cap(PCI_CAP_ID_PM);
	uint32_t mac = reg_read(RAL);

	config_write(pm + PCI_PM_CTRL, 2, 3);
	tap_is("low_power_entry_in_d3", feature(8, SET | ENTRY), 0);
	tap_ok("falls_asleep_in_d3", becomes_suspended(SOON_MS));
	tap_is("low_power_exit_in_d3", feature(8, SET | EXIT), 0);
	tap_is("is_in_d0", config_read(pm + PCI_PM_CTRL, 2) & 3, 0);
	tap_is("command_after_low_power", config_read(PCI_COMMAND, 2) & PCI_COMMAND_MEMORY, PCI_COMMAND_MEMORY);
	tap_is("memory_after_low_power", reg_read(RAL), mac);
}

/* --- Writes by eventfd --- */

static long ioeventfd(uint32_t argsz, uint32_t flags, uint64_t offset, uint64_t data, int fd)
{
	struct vfio_device_ioeventfd param = {
		.argsz = argsz, .flags = flags, .offset = offset, .data = data, .fd = fd,
	};

	return io(v.device, VFIO_DEVICE_IOEVENTFD, &param);
}

static bool vet_becomes(uint32_t want, int within_ms)
{
	uint32_t value = 0;

	for (int i = 0; i < within_ms / 10; i++) {
		pread(v.device, &value, 4, offsets[0] + VET);
		if (value == want)
			return true;
		usleep(10000);
	}
	return false;
}

static void test_ioeventfd(void)
{
	const uint32_t size = sizeof(struct vfio_device_ioeventfd);
	int fds[3];
	const uint64_t vet = offsets[0] + VET, one = 1;
	long n = 0;

	for (int i = 0; i < 3; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	tap_is("ioeventfd_argsz_short", ioeventfd(27, 4, vet, 7, fds[0]), -EINVAL);
	tap_is("ioeventfd_two_sizes", ioeventfd(size, 6, vet, 7, fds[0]), -EINVAL);
	tap_is("ioeventfd_no_size", ioeventfd(size, 0, vet, 7, fds[0]), -EINVAL);
	tap_is("ioeventfd_unknown_flag", ioeventfd(size, 20, vet, 7, fds[0]), -EINVAL);
	tap_is("ioeventfd_bad_fd", ioeventfd(size, 4, vet, 7, -2), -EINVAL);
	tap_is("ioeventfd_closed_fd", ioeventfd(size, 4, vet, 7, 4000), -EBADF);
	tap_is("ioeventfd_no_eventfd", ioeventfd(size, 4, vet, 7, v.group), -EINVAL);
	tap_is("ioeventfd_config", ioeventfd(size, 4, config_offset(4), 7, fds[0]), -EINVAL);
	tap_is("ioeventfd_beyond", ioeventfd(size, 4, offsets[0] + sizes[0], 7, fds[0]), -EINVAL);
	tap_is("ioeventfd_missing_bar", ioeventfd(size, 4, offsets[4], 7, fds[0]), -EINVAL);
	tap_is("ioeventfd_msix_table", ioeventfd(size, 4, offsets[3], 7, fds[0]), -EINVAL);
	tap_is("ioeventfd_nothing_to_take_away", ioeventfd(size, 4, vet, 7, -1), -ENODEV);
	tap_is("ioeventfd", ioeventfd(size, 4, vet, 0x1234, fds[0]), 0);
	tap_is("ioeventfd_again", ioeventfd(size, 4, vet, 0x1234, fds[1]), -EEXIST);
	tap_is("ioeventfd_other_value", ioeventfd(size, 4, vet, 0x4321, fds[1]), 0);
	write(fds[0], &one, 8);
	tap_ok("ioeventfd_writes", vet_becomes(0x1234, SOON_MS));
	write(fds[1], &one, 8);
	tap_ok("ioeventfd_writes_other_value", vet_becomes(0x4321, SOON_MS));
	tap_is("ioeventfd_take_away", ioeventfd(size, 4, vet, 0x1234, -1), 0);
	write(fds[0], &one, 8);
	tap_ok("ioeventfd_is_gone", !vet_becomes(0x1234, 300));
	config_write(PCI_COMMAND, 2, 0);
	write(fds[1], &one, 8);
	usleep(50000);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	while (n <= 1000 && !ioeventfd(size, 4, vet, 0x10000 + n, fds[2]))
		n++;
	tap_is("ioeventfd_limit", n, 999);
	tap_is("ioeventfd_beyond_limit", ioeventfd(size, 4, vet, 7, fds[2]), -ENOSPC);
	while (n--)
		ioeventfd(size, 4, vet, 0x10000 + n, -1);
	tap_is("ioeventfd_after_limit", ioeventfd(size, 4, vet, 7, fds[2]), 0);
	/* The rest goes with the device, in test_reopen(). */
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* --- Interrupts --- */

static long set_irqs(uint32_t index, uint32_t flags, uint32_t start, uint32_t count, const int *fds, uint32_t argsz)
{
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) + 64];
	} u = { 0 };

	u.set.argsz = argsz ?: sizeof(u.set) + count * 4;
	u.set.flags = flags;
	u.set.index = index;
	u.set.start = start;
	u.set.count = count;
	if (fds)
		memcpy(u.set.data, fds, 16);
	return io(v.device, VFIO_DEVICE_SET_IRQS, &u);
}

/* Signals of an eventfd within a while. */
static long fired(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	if (poll(&p, 1, timeout_ms) != 1 || read(fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

#define TRIGGER		VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK		VFIO_IRQ_SET_ACTION_MASK
#define UNMASK		VFIO_IRQ_SET_ACTION_UNMASK
#define NONE		VFIO_IRQ_SET_DATA_NONE
#define BOOL		VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD		VFIO_IRQ_SET_DATA_EVENTFD
#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX
#define ERR		VFIO_PCI_ERR_IRQ_INDEX
#define REQ		VFIO_PCI_REQ_IRQ_INDEX

static void settle(void)
{
	usleep(INTERVAL_US);
}

static void raise_cause(uint32_t cause)
{
	settle();
	reg_write(IMS, cause);
	reg_write(ICS, cause);
}

/* Nothing is pending and nothing is held back. */
static void calm(void)
{
	reg_write(IMC, 0xffffffff);
	reg_write(ICR, 0xffffffff);
	settle();
}

static void test_irq_info(void)
{
	static const uint32_t counts[] = { 1, 1, 5, 1, 1 };
	struct vfio_irq_info info = { .argsz = sizeof(info) };
	char text[64];

	for (uint32_t i = 0; i <= VFIO_PCI_NUM_IRQS; i++) {
		long ret;

		info.index = i;
		ret = io(v.device, VFIO_DEVICE_GET_IRQ_INFO, &info);
		snprintf(text, sizeof(text), "irq_%u", i);
		tap_is(text, ret, i == VFIO_PCI_NUM_IRQS ? -EINVAL : 0);
		if (ret)
			continue;
		snprintf(text, sizeof(text), "irq_%u_count", i);
		tap_is(text, info.count, counts[i]);
		snprintf(text, sizeof(text), "irq_%u_flags", i);
		/* From 6.2 on (upstream: 6.5) vectors of MSI-X can be added to those that are on. */
		tap_either(text, info.flags, i == INTX ? 7 : 9, i == MSIX ? 1 : 9);
		msix_grows |= i == MSIX && !(info.flags & VFIO_IRQ_INFO_NORESIZE);
	}
	info.argsz = 15;
	info.index = 0;
	tap_is("irq_info_argsz_short", io(v.device, VFIO_DEVICE_GET_IRQ_INFO, &info), -EINVAL);
}

static void test_set_irqs_arguments(int *fds)
{
	const uint32_t head = sizeof(struct vfio_irq_set);

	tap_is("set_argsz_short", set_irqs(MSIX, TRIGGER | EVENTFD, 0, 1, fds, head - 1), -EINVAL);
	tap_is("set_data_short", set_irqs(MSIX, TRIGGER | EVENTFD, 0, 2, fds, head + 7), -EINVAL);
	tap_is("set_unknown_index", set_irqs(VFIO_PCI_NUM_IRQS, TRIGGER | EVENTFD, 0, 1, fds, 0), -EINVAL);
	tap_is("set_two_types", set_irqs(MSIX, TRIGGER | EVENTFD | NONE, 0, 1, fds, 0), -EINVAL);
	tap_is("set_no_type", set_irqs(MSIX, TRIGGER, 0, 1, fds, 0), -EINVAL);
	tap_is("set_no_action", set_irqs(MSIX, EVENTFD, 0, 1, fds, 0), -ENOTTY);
	tap_is("set_two_actions", set_irqs(MSIX, TRIGGER | MASK | EVENTFD, 0, 1, fds, 0), -ENOTTY);
	tap_is("set_no_action_beyond", set_irqs(MSIX, EVENTFD, 3, 3, fds, 0), -EINVAL);
	tap_is("set_unknown_flag", set_irqs(MSIX, TRIGGER | EVENTFD | 1 << 20, 0, 1, fds, 0), -EINVAL);
	tap_is("set_beyond", set_irqs(MSIX, TRIGGER | EVENTFD, 3, 3, fds, 0), -EINVAL);
	tap_is("set_start_beyond", set_irqs(MSIX, TRIGGER | EVENTFD, 5, 1, fds, 0), -EINVAL);
	tap_is("set_count_wraps", set_irqs(MSIX, TRIGGER | EVENTFD, 1, UINT32_MAX, NULL, head + 8), -EINVAL);
	tap_is("set_size_wraps", set_irqs(MSIX, TRIGGER | EVENTFD, 0, 0x40000001, NULL, head + 4), -EINVAL);
	tap_is("msix_mask", set_irqs(MSIX, MASK | NONE, 0, 1, NULL, 0), -ENOTTY);
	tap_is("msix_unmask", set_irqs(MSIX, UNMASK | NONE, 0, 1, NULL, 0), -ENOTTY);
	tap_is("msix_trigger_while_off", set_irqs(MSIX, TRIGGER | NONE, 0, 1, NULL, 0), -EINVAL);
	tap_is("intx_mask_while_off", set_irqs(INTX, MASK | NONE, 0, 1, NULL, 0), -EINVAL);
	tap_is("intx_unmask_while_off", set_irqs(INTX, UNMASK | NONE, 0, 1, NULL, 0), -EINVAL);
	tap_is("intx_two", set_irqs(INTX, TRIGGER | EVENTFD, 0, 2, fds, 0), -EINVAL);
	tap_is("err_mask", set_irqs(ERR, MASK | NONE, 0, 1, NULL, 0), -ENOTTY);
	tap_is("err_none_while_off", set_irqs(ERR, TRIGGER | NONE, 0, 1, NULL, 0), -EINVAL);
	tap_is("err_bool_while_off", set_irqs(ERR, TRIGGER | BOOL, 0, 1, (int[4]){ 1 }, 0), 0);
	tap_is("err_bool_none_while_off", set_irqs(ERR, TRIGGER | BOOL, 0, 0, NULL, 0), -EINVAL);
	tap_is("err_set", set_irqs(ERR, TRIGGER | EVENTFD, 0, 1, fds, 0), 0);
	tap_is("err_trigger", set_irqs(ERR, TRIGGER | NONE, 0, 1, NULL, 0), 0);
	tap_is("err_triggered", fired(fds[0], SOON_MS), 1);
	tap_is("err_off", set_irqs(ERR, TRIGGER | NONE, 0, 0, NULL, 0), 0);
	tap_is("err_off_again", set_irqs(ERR, TRIGGER | NONE, 0, 0, NULL, 0), -EINVAL);
	tap_is("req_set", set_irqs(REQ, TRIGGER | EVENTFD, 0, 1, fds, 0), 0);
	tap_is("req_take_away", set_irqs(REQ, TRIGGER | EVENTFD, 0, 1, (int[4]){ -1 }, 0), 0);
	tap_is("req_closed_fd", set_irqs(REQ, TRIGGER | EVENTFD, 0, 1, (int[4]){ 4000 }, 0), -EBADF);
}

static void test_msix(int *fds)
{
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	calm();
	tap_is("msix_on", set_irqs(MSIX, TRIGGER | EVENTFD, 0, 3, fds, 0), 0);
	tap_is("msix_then_msi", set_irqs(MSI, TRIGGER | EVENTFD, 0, 1, fds, 0), -EINVAL);
	tap_is("msix_then_intx", set_irqs(INTX, TRIGGER | EVENTFD, 0, 1, fds, 0), -EINVAL);
	tap_is("msix_off_as_msi", set_irqs(MSI, TRIGGER | NONE, 0, 0, NULL, 0), -EINVAL);
	tap_is("msix_beyond_enabled", set_irqs(MSIX, TRIGGER | EVENTFD, 3, 1, fds + 3, 0), msix_grows ? 0 : -EINVAL);
	if (msix_grows) {
		tap_is("msix_added_trigger", set_irqs(MSIX, TRIGGER | NONE, 3, 1, NULL, 0), 0);
		tap_is("msix_added_triggered", fired(fds[3], SOON_MS), 1);
		tap_is("msix_added_beyond", set_irqs(MSIX, TRIGGER | EVENTFD, 5, 1, fds + 3, 0), -EINVAL);
	}
	tap_is("msix_trigger", set_irqs(MSIX, TRIGGER | NONE, 0, 3, NULL, 0), 0);
	tap_is("msix_triggered_0", fired(fds[0], SOON_MS), 1);
	tap_is("msix_triggered_1", fired(fds[1], SOON_MS), 1);
	tap_is("msix_triggered_2", fired(fds[2], SOON_MS), 1);
	tap_is("msix_take_away", set_irqs(MSIX, TRIGGER | EVENTFD, 1, 1, (int[4]){ -1 }, 0), 0);
	tap_is("msix_closed_fd", set_irqs(MSIX, TRIGGER | EVENTFD, 1, 1, (int[4]){ 4000 }, 0), -EBADF);
	tap_is("msix_off", set_irqs(MSIX, TRIGGER | NONE, 0, 0, NULL, 0), 0);
	tap_is("msix_off_again", set_irqs(MSIX, TRIGGER | NONE, 0, 0, NULL, 0), -EINVAL);
}

/* Vectors that are added while another is on work as those that were there. */
static void test_msix_grows(int *fds)
{
	if (!msix_grows)
		return;
	tap_is("msix_first_on", set_irqs(MSIX, TRIGGER | EVENTFD, 0, 1, fds, 0), 0);
	tap_is("msix_add", set_irqs(MSIX, TRIGGER | EVENTFD, OTHERS, 1, fds + 3, 0), 0);
	reg_write(IVAR, OTHER_VECTOR(OTHERS));
	raise_cause(OTHER);
	tap_is("msix_added_from_device", fired(fds[3], SOON_MS), 1);
	tap_is("msix_added_not_to_first", fired(fds[0], 0), 0);
	calm();
	tap_is("msix_all_off", set_irqs(MSIX, TRIGGER | NONE, 0, 0, NULL, 0), 0);
	reg_write(IVAR, 0);
}

/* In D3hot the table does not answer: nothing is changed there, but all can be switched off. */
static void test_msix_asleep(int *fds)
{
	unsigned int pm = find_cap(PCI_CAP_ID_PM);

	if (names.upstream)
		return;
	tap_is("msix_awake_on", set_irqs(MSIX, TRIGGER | EVENTFD, 0, 3, fds, 0), 0);
	config_write(pm + PCI_PM_CTRL, 2, 3);
	tap_is("msix_asleep_replace", set_irqs(MSIX, TRIGGER | EVENTFD, 0, 1, fds + 3, 0), -EIO);
	tap_is("msix_asleep_trigger", set_irqs(MSIX, TRIGGER | NONE, 0, 1, NULL, 0), 0);
	tap_is("msix_asleep_triggered", fired(fds[0], SOON_MS), 1);
	tap_is("msix_asleep_off", set_irqs(MSIX, TRIGGER | NONE, 0, 0, NULL, 0), 0);
	tap_is("msix_asleep_still", config_read(pm + PCI_PM_CTRL, 2) & 3, 3);
	tap_is("msix_asleep_on", set_irqs(MSIX, TRIGGER | EVENTFD, 0, 3, fds, 0), -EIO);
	tap_is("msi_asleep_on", set_irqs(MSI, TRIGGER | EVENTFD, 0, 1, fds, 0), -EIO);
	config_write(pm + PCI_PM_CTRL, 2, 0);
}

/* One interrupt of the device is one signal, at the eventfd that the vector has now. */
static void test_msix_from_device(int *fds)
{
	tap_is("msix_last_on", set_irqs(MSIX, TRIGGER | EVENTFD, OTHERS, 1, fds, 0), 0);
	reg_write(IVAR, OTHER_VECTOR(OTHERS));
	raise_cause(OTHER);
	tap_is("msix_from_device", fired(fds[0], SOON_MS), 1);
	tap_is("msix_once", fired(fds[0], 50), 0);
	tap_is("msix_replace", set_irqs(MSIX, TRIGGER | EVENTFD, OTHERS, 1, fds + 3, 0), 0);
	reg_write(ICR, 0xffffffff);
	raise_cause(OTHER);
	tap_is("msix_to_the_new", fired(fds[3], SOON_MS), 1);
	tap_is("msix_not_to_the_old", fired(fds[0], 0), 0);
	calm();
	tap_is("msix_last_off", set_irqs(MSIX, TRIGGER | NONE, 0, 0, NULL, 0), 0);
	reg_write(IVAR, 0);
}

static void test_msi(int *fds)
{
	tap_is("msi_on", set_irqs(MSI, TRIGGER | EVENTFD, 0, 1, fds, 0), 0);
	raise_cause(LSC);
	tap_is("msi_from_device", fired(fds[0], SOON_MS), 1);
	tap_is("msi_once", fired(fds[0], 50), 0);
	calm();
	tap_is("msi_off", set_irqs(MSI, TRIGGER | NONE, 0, 0, NULL, 0), 0);
}

static void test_intx(int *fds)
{
	int unmask = eventfd(0, EFD_NONBLOCK), closed = eventfd(0, EFD_NONBLOCK);
	uint64_t one = 1;

	tap_is("intx_on", set_irqs(INTX, TRIGGER | EVENTFD, 0, 1, fds, 0), 0);
	raise_cause(LSC);
	tap_is("intx_from_device", fired(fds[0], SOON_MS), 1);
	tap_is("intx_masks_itself", fired(fds[0], 50), 0);
	tap_is("intx_unmask", set_irqs(INTX, UNMASK | NONE, 0, 1, NULL, 0), 0);
	tap_is("intx_still_pending", fired(fds[0], SOON_MS), 1);
	reg_read(ICR);
	tap_is("intx_unmask_after_service", set_irqs(INTX, UNMASK | NONE, 0, 1, NULL, 0), 0);
	tap_is("intx_quiet", fired(fds[0], 50), 0);
	tap_is("intx_mask", set_irqs(INTX, MASK | NONE, 0, 1, NULL, 0), 0);
	raise_cause(LSC);
	tap_is("intx_masked", fired(fds[0], 50), 0);
	tap_is("intx_mask_by_fd", set_irqs(INTX, MASK | EVENTFD, 0, 1, fds, 0), -ENOTTY);
	/* QEMU takes none away: it closes them. */
	tap_is("intx_unmask_by_fd_that_closes", set_irqs(INTX, UNMASK | EVENTFD, 0, 1, &closed, 0), 0);
	close(closed);
	tap_is("intx_unmask_by_fd", set_irqs(INTX, UNMASK | EVENTFD, 0, 1, &unmask, 0), 0);
	tap_is("intx_unmask_by_another_fd", set_irqs(INTX, UNMASK | EVENTFD, 0, 1, fds + 2, 0), -EBUSY);
	write(unmask, &one, sizeof(one));
	tap_is("intx_after_unmask_by_fd", fired(fds[0], SOON_MS), 1);
	tap_is("intx_replace", set_irqs(INTX, TRIGGER | EVENTFD, 0, 1, fds + 1, 0), 0);
	tap_is("intx_unmask_to_the_new", set_irqs(INTX, UNMASK | NONE, 0, 1, NULL, 0), 0);
	tap_is("intx_at_the_new", fired(fds[1], SOON_MS), 1);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	tap_is("intx_disable_bit", config_read(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_INTX_DISABLE);
	set_irqs(INTX, UNMASK | NONE, 0, 1, NULL, 0);
	tap_is("intx_disabled_by_user", fired(fds[1], 50), 0);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	tap_is("intx_enabled_by_user", fired(fds[1], SOON_MS), 1);
	close(unmask);
	tap_is("intx_off", set_irqs(INTX, TRIGGER | NONE, 0, 0, NULL, 0), 0);
	tap_is("intx_off_again", set_irqs(INTX, TRIGGER | NONE, 0, 0, NULL, 0), -EINVAL);
	calm();
}

/*
 * Masked in D3hot: when the device wakes, what was saved of COMMAND says otherwise. Upstream takes that, and the kernel then
 * shuts the line because nobody answers.
 */
static void test_intx_masked_asleep(int *fds)
{
	unsigned int pm = find_cap(PCI_CAP_ID_PM);

	if (names.upstream)
		return;
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	tap_is("intx_asleep_on", set_irqs(INTX, TRIGGER | EVENTFD, 0, 1, fds, 0), 0);
	config_write(pm + PCI_PM_CTRL, 2, 3);
	tap_is("intx_asleep_mask", set_irqs(INTX, MASK | NONE, 0, 1, NULL, 0), 0);
	config_write(pm + PCI_PM_CTRL, 2, 0);
	raise_cause(LSC);
	tap_is("intx_awake_masked", fired(fds[0], 50), 0);
	tap_is("intx_awake_unmask", set_irqs(INTX, UNMASK | NONE, 0, 1, NULL, 0), 0);
	tap_is("intx_awake_pending", fired(fds[0], SOON_MS), 1);
	calm();
	tap_is("intx_awake_unmask_after_service", set_irqs(INTX, UNMASK | NONE, 0, 1, NULL, 0), 0);
	raise_cause(LSC);
	tap_is("intx_awake_from_device", fired(fds[0], SOON_MS), 1);
	calm();
	tap_is("intx_awake_off", set_irqs(INTX, TRIGGER | NONE, 0, 0, NULL, 0), 0);
}

/* What the next user finds, whatever this one leaves behind. */
static void test_reopen(int *fds)
{
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	set_irqs(MSIX, TRIGGER | EVENTFD, 0, 4, fds, 0);
	vfio_close(&v);
	tap_is("open_again", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0);
	tap_is("no_bus_master", config_read(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	tap_is("irq_is_off", set_irqs(MSIX, TRIGGER | NONE, 0, 1, NULL, 0), -EINVAL);
}

static void test_mmio_as_dma_target(void)
{
	void *regs = mmap(NULL, 4 * K, PROT_READ | PROT_WRITE, MAP_SHARED, v.device, offsets[0]);

	tap_is("map_of_registers", vfio_map(v.container, regs, 0x10000000, 4 * K, VFIO_RW), 0);
	tap_is("unmap_of_registers", vfio_unmap(v.container, 0x10000000, 4 * K), 4 * K);
	config_write(PCI_COMMAND, 2, 0);
	tap_is("map_of_revoked_registers", vfio_map(v.container, regs, 0x10000000, 4 * K, VFIO_RW), -EFAULT);
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	munmap(regs, 4 * K);
}

static void test_all(int *fds)
{
	test_info();
	test_hot_reset();
	test_feature();
	test_features_without_need();
	test_regions();
	test_argsz();
	quieten();
	test_config();
	test_bars();
	test_revocation();
	test_power_states();
	test_command_written_asleep();
	test_low_power(fds);
	test_low_power_from_d3();
	test_ioeventfd();
	test_irq_info();
	test_set_irqs_arguments(fds);
	test_msix(fds);
	test_msix_asleep(fds);
	test_msix_from_device(fds);
	test_msix_grows(fds);
	test_msi(fds);
	test_intx(fds);
	test_intx_masked_asleep(fds);
	test_reopen(fds);
	test_mmio_as_dma_target();
}

int main(int argc, char **argv)
{
	bool only_intx = argc == 5 && !strcmp(argv[4], "intx");
	int fds[4];

	if (argc != 4 && !only_intx) {
		fprintf(stderr, "usage: pci NODE_DIRECTORY GROUP DEVICE [intx]\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	for (int i = 0; i < 4; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
	if (!tap_is("open", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0))
		return tap_done();
	if (only_intx) {
		test_regions();
		quieten();
		test_intx(fds);
	} else {
		test_all(fds);
	}
	vfio_close(&v);
	return tap_done();
}
