// SPDX-License-Identifier: BSD-2-Clause
/* Each way in which a port does not open has a sentence that says what is wrong and which command mends it. */
#include "unit.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vireo/device.h>
#include <vireo/memory.h>
#include <vireo/port.h>

#include "bus/vfio.h"
#include "fake_driver.h"
#include "fake_kernel.h"

#define A "0000:03:00.0"
#define B "0000:03:00.1"

static int open_device(void)
{
	struct vireo_device *dev = NULL;
	int err = vireo_device_open(A, &dev);

	assert_null(dev);
	return err;
}

static int open_port(void)
{
	struct vireo_port *port = NULL;
	int err = vireo_port_open(A, NULL, &port);

	assert_null(port);
	return err;
}

static void no_such_device_lists_what_there_is(void **state)
{
	fk_add_device("0000:01:00.0", 1, "e1000e");
	fk_add_device("0000:02:00.0", 2, "ahci");
	fk_write("0x010601\n", "sys/bus/pci/devices/0000:02:00.0/class");
	assert_int_equal(open_device(), -ENOENT);
	assert_sentence("no PCI device " A);
	assert_sentence("0000:01:00.0");
	assert_null(strstr(vireo_last_error(), "0000:02:00.0"));
	assert_sentence("vireo-bind status");
	assert_int_equal(open_port(), -ENOENT);
}

static void no_such_device_and_no_card_at_all(void **state)
{
	assert_int_equal(open_device(), -ENOENT);
	assert_sentence("none");
}

static void kernel_driver_is_named_with_the_command(void **state)
{
	fk_add_device(A, 7, "e1000e");
	assert_int_equal(open_device(), -EUNATCH);
	assert_sentence("belongs to the kernel driver e1000e");
	assert_sentence("vireo-bind bind " A);
}

static void no_driver_is_told_with_the_command(void **state)
{
	fk_add_device(A, 7, "");
	assert_int_equal(open_device(), -EUNATCH);
	assert_sentence("has no driver");
	assert_sentence("vireo-bind bind " A);
}

/* Nobody shall be told to take the disk controller from the kernel. */
static void disk_controller_is_not_to_be_bound(void **state)
{
	fk_add_device(A, 7, "ahci");
	fk_write("0x010601\n", "sys/bus/pci/devices/" A "/class");
	fk_write("0x2922\n", "sys/bus/pci/devices/" A "/device");
	assert_int_equal(open_port(), -EOPNOTSUPP);
	assert_sentence("not a network card (8086:2922, class 0x010601)");
	assert_null(strstr(vireo_last_error(), "vireo-bind bind"));
	assert_int_equal(open_device(), -EUNATCH);
	assert_sentence("ahci");
	assert_null(strstr(vireo_last_error(), "vireo-bind bind"));
}

static void card_without_driver_of_ours_names_what_is_driven(void **state)
{
	fk_add_device(A, 7, "tg3");
	fk_write("0x14e4\n", "sys/bus/pci/devices/" A "/vendor");
	assert_int_equal(open_port(), -EOPNOTSUPP);
	assert_sentence("14e4:10fb");
	assert_sentence("1af4:fa4e");
	assert_null(strstr(vireo_last_error(), "vireo-bind bind"));
}

static void no_group_tells_what_is_missing(void **state)
{
	fk_add_device(A, -1, "vfio-pci");
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("BIOS");
	fk_write("processor : 0\nflags\t\t: fpu vme hypervisor lahf_lm\n", "proc/cpuinfo");
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("virtual machine");
	assert_sentence("intel-iommu");
	fk_write("", "sys/firmware/acpi/tables/IVRS");
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("amd_iommu=on");
	fk_write("", "sys/firmware/acpi/tables/DMAR");
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("intel_iommu=on");
	assert_sentence("kernel command line");
	fk_write("", "sys/class/iommu/dmar0");
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("although the kernel runs an IOMMU");
}

static void noiommu_group_is_refused_with_the_reason(void **state)
{
	fk_add_device(A, 7, "vfio-pci");
	fk_write("vfio-noiommu\n", "sys/kernel/iommu_groups/7/name");
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("no-IOMMU");
	assert_sentence("anywhere in memory");
	assert_int_equal(fk.n_calls, 0);
}

static void group_not_viable_names_the_others(void **state)
{
	fk_add_device(A, 7, "vfio-pci");
	fk_add_device(B, 7, "e1000e");
	fk_add_device("0000:03:00.2", 7, "vfio-pci");
	fk_add_device("0000:03:00.3", 7, "");
	fk_add_device("0000:00:1c.0", 7, "pcieport");
	fk_write("0x060400\n", "sys/bus/pci/devices/0000:00:1c.0/class");
	fk_group(7)->viable = false;
	assert_int_equal(open_device(), -EPERM);
	assert_sentence("IOMMU group 7");
	assert_sentence("other devices of it: " B " (e1000e);");
	assert_sentence("vireo-bind bind " A " " B "`");
}

static void no_permission_says_whose_it_is(void **state)
{
	static const struct {
		const char *path;
		int err;
	} cases[] = {{"/vfio/7", EACCES}, {"/vfio/vfio", EACCES}, {"/vfio/7", EPERM}};

	fk_add_device(A, 7, "vfio-pci");
	fk_write("", "dev/vfio/7");
	fk_write("", "dev/vfio/vfio");
	for (unsigned i = 0; i < N_OF(cases); i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s/dev%s", fk.root, cases[i].path);
		chmod(path, 0600);
		strcpy(fk.refuse[0].path, cases[i].path);
		fk.refuse[0].err = cases[i].err;
		assert_int_equal(open_device(), -EACCES);
		assert_sentence(path);
		assert_sentence("mode 0600");
		assert_sentence("vireo-bind bind --user ");
		assert_int_equal(strstr(vireo_last_error(), "container") != NULL, cases[i].err == EPERM);
	}
}

static void node_absent_in_a_container_is_told(void **state)
{
	fk_add_device(A, 7, "vfio-pci");
	strcpy(fk.refuse[0].path, "/vfio/7");
	fk.refuse[0].err = ENOENT;
	assert_int_equal(open_device(), -EACCES);
	assert_sentence("--device");
	strcpy(fk.refuse[0].path, "/vfio/vfio");
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("modprobe vfio-pci");
}

static void group_of_another_process_names_it(void **state)
{
	char path[160];

	fk_add_device(A, 7, "vfio-pci");
	strcpy(fk.refuse[0].path, "/vfio/7");
	fk.refuse[0].err = EBUSY;
	assert_int_equal(open_device(), -EBUSY);
	assert_sentence("fuser");
	snprintf(path, sizeof(path), "%s/dev/vfio/7", fk.root);
	fk_symlink("/dev/null", "proc/100/fd/0");
	fk_symlink(path, "proc/4711/fd/12");
	fk_write("Name:\ttestpmd\nUmask:\t0022\n", "proc/4711/status");
	assert_int_equal(open_device(), -EBUSY);
	assert_sentence("process 4711 (testpmd)");
	assert_sentence("/dev/vfio/7");
}

static void wrong_api_or_no_type1_is_told(void **state)
{
	fk_add_device(A, 7, "vfio-pci");
	fk.has_v1 = fk.has_v2 = false;
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("modprobe vfio_iommu_type1");
	fk.has_v2 = true;
	fk.api_version = 1;
	assert_int_equal(open_device(), -EOPNOTSUPP);
	assert_sentence("version 1");
}

static unsigned long failing_request;
static int failing_errno;

static int fail_request(int fd, unsigned long request, void *arg)
{
	if (request != failing_request)
		return 1000;
	errno = failing_errno;
	return -1;
}

static void refusals_of_single_calls_are_told_apart(void **state)
{
	static const struct {
		unsigned long request;
		int err, expected;
		const char *says;
	} cases[] = {
		{VFIO_SET_IOMMU, EPERM, -EPERM, "allow_unsafe_interrupts"},
		{VFIO_SET_IOMMU, ENODEV, -EOPNOTSUPP, "modprobe vfio_iommu_type1"},
		{VFIO_GROUP_SET_CONTAINER, EPERM, -EPERM, "isolate interrupts"},
		{VFIO_GROUP_SET_CONTAINER, EBUSY, -EBUSY, "in use"},
		{VFIO_GROUP_GET_DEVICE_FD, EBUSY, -EBUSY, "another process"},
		{VFIO_GROUP_GET_DEVICE_FD, ENODEV, -ENODEV, "does not answer"},
		{VFIO_DEVICE_GET_INFO, EIO, -EIO, "does not say what it is"},
		{VFIO_GROUP_GET_STATUS, EIO, -EIO, "IOMMU group 7"},
	};

	fk_add_device(A, 7, "vfio-pci");
	fk.hook = fail_request;
	for (unsigned i = 0; i < N_OF(cases); i++) {
		failing_request = cases[i].request;
		failing_errno = cases[i].err;
		assert_int_equal(open_device(), cases[i].expected);
		assert_sentence(cases[i].says);
		assert_sentence(A);
	}
}

static void map_failures_are_told_apart(void **state)
{
	struct rlimit old, small;
	void *mem;

	fk_add_device(A, 7, "vfio-pci");
	assert_int_equal(vireo_memory_alloc(2 << 20, 4096, 0, &mem), 0);
	getrlimit(RLIMIT_MEMLOCK, &old);
	small = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &small), 0);
	fk.map_errno = ENOMEM;
	fk_write("Name:\tx\nVmLck:\t     512 kB\nCapEff:\t0000000000000000\n", "proc/self/status");
	assert_int_equal(open_device(), -EDQUOT);
	assert_sentence("RLIMIT_MEMLOCK is 1.0 MiB");
	assert_sentence("2.5 MiB are needed in all (0.5 MiB are locked already");
	assert_sentence("ulimit -l");
	/* Who may lock everything is not limited, and the reason is another one. */
	fk_write("Name:\tx\nVmLck:\t     512 kB\nCapEff:\t000001ffffffffff\n", "proc/self/status");
	assert_int_equal(open_device(), -ENOMEM);
	assert_null(strstr(vireo_last_error(), "RLIMIT"));
	setrlimit(RLIMIT_MEMLOCK, &old);
	fk.map_errno = ENOSPC;
	assert_int_equal(open_device(), -ENOSPC);
	assert_sentence("dma_entry_limit");
	fk.map_errno = EEXIST;
	assert_int_equal(open_device(), -EEXIST);
	assert_sentence("vireo_memory_configure");
	fk.map_errno = 0;
	vireo_memory_free(mem);
}

static void window_outside_the_ranges_names_both(void **state)
{
	void *mem;

	fk_add_device(A, 7, "vfio-pci");
	assert_int_equal(vireo_memory_alloc(4096, 64, 0, &mem), 0);
	fk.n_ranges = 1;
	fk.ranges[0] = (struct vfio_iova_range){0, 0x7fffffff};
	assert_int_equal(open_device(), -ERANGE);
	assert_sentence("0x7fffffff");
	vireo_memory_free(mem);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fk_setup, fk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_such_device_lists_what_there_is),
		TEST(no_such_device_and_no_card_at_all),
		TEST(kernel_driver_is_named_with_the_command),
		TEST(no_driver_is_told_with_the_command),
		TEST(disk_controller_is_not_to_be_bound),
		TEST(card_without_driver_of_ours_names_what_is_driven),
		TEST(no_group_tells_what_is_missing),
		TEST(noiommu_group_is_refused_with_the_reason),
		TEST(group_not_viable_names_the_others),
		TEST(no_permission_says_whose_it_is),
		TEST(node_absent_in_a_container_is_told),
		TEST(group_of_another_process_names_it),
		TEST(wrong_api_or_no_type1_is_told),
		TEST(refusals_of_single_calls_are_told_apart),
		TEST(map_failures_are_told_apart),
		TEST(window_outside_the_ranges_names_both),
	};

	fake_driver_reset();
	return cmocka_run_group_tests_name("vfio_sentences", tests, NULL, NULL);
}
