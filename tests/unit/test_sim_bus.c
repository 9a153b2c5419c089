// SPDX-License-Identifier: BSD-2-Clause
/* "sim:" as a way to reach a device: the card is a thread of this process, and nothing of it stays. */
#include "unit.h"

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

#include <vireo/device.h>

#include "bus.h"

static unsigned count_entries(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static unsigned threads_at_start;

/*
 * So many threads more than before any port was opened. A thread that was joined may still be on its way out of the
 * kernel, or of an emulator.
 */
static void assert_threads(unsigned more)
{
	for (unsigned i = 0; i < 500 && count_entries("/proc/self/task") != threads_at_start + more; i++)
		usleep(10000);
	assert_int_equal(count_entries("/proc/self/task"), threads_at_start + more);
}

static struct vireo_device *open_device(const char *spec)
{
	struct vireo_device *dev = NULL;

	if (vireo_device_open(spec, &dev))
		fail_msg("%s: %s", spec, vireo_last_error());
	return dev;
}

static void sim_open_finds_the_card(void **state)
{
	struct vireo_device *dev = open_device("sim:gen,rate=1k,mac=02:00:00:00:00:07");
	struct vireo_device_info info;

	vireo_device_info(dev, &info);
	assert_int_equal(info.vendor_id, 0x8086);
	assert_int_equal(info.device_id, 0x10fb);
	assert_string_equal(info.bus, "sim");
	assert_string_equal(info.address, "sim:gen,rate=1k,mac=02:00:00:00:00:07");
	vireo_device_close(dev);

	dev = open_device("sim");
	vireo_device_info(dev, &info);
	assert_string_equal(info.address, "sim:echo");
	vireo_device_close(dev);
}

static void sim_close_leaves_nothing_behind(void **state)
{
	unsigned fds;

	vireo_device_close(open_device("sim:sink"));
	fds = count_entries("/proc/self/fd");
	for (unsigned i = 0; i < 50; i++) {
		struct vireo_device *a = open_device("sim:cable:x"), *b = open_device("sim:cable:x,mode=trap");

		assert_threads(1);
		vireo_device_close(i % 2 ? a : b);
		vireo_device_close(i % 2 ? b : a);
		assert_threads(0);
	}
	assert_int_equal(count_entries("/proc/self/fd"), fds);
}

static void sim_ports_share_one_thread(void **state)
{
	struct vireo_device *devs[5];

	for (unsigned i = 0; i < N_OF(devs); i++)
		devs[i] = open_device("sim:sink");
	assert_threads(1);
	for (unsigned i = 0; i < N_OF(devs); i++)
		vireo_device_close(devs[i]);
}

static void sim_open_nonsense_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *spec, *part;
		int err;
	} cases[] = {
		{"sim:nonsense", "no kind of wire", -EINVAL},
		{"sim:gen,sice=64", "no option \"sice\"", -EINVAL},
		{"sim:sink,mode=fast", "mode=fast", -EINVAL},
		{"sim:sink,delay_us=5", "needs mode=trap", -EINVAL},
		{"sim:sink,device=", "device", -EINVAL},
		{"sim:sink,device=82599", "device=82599", -EINVAL},
		{"sim:sink,mac=01:00:00:00:00:01", "multicast", -EINVAL},
		{"sim:sink,fault=nonsense", "no fault", -EINVAL},
		{"sim:tap:a/b", "needs the name", -EINVAL},
	};
	unsigned fds = count_entries("/proc/self/fd");
	struct vireo_device *dev;

	for (unsigned i = 0; i < N_OF(cases); i++) {
		assert_int_equal(vireo_device_open(cases[i].spec, &dev), cases[i].err);
		assert_sentence(cases[i].part);
	}
	assert_int_equal(count_entries("/proc/self/fd"), fds);
	assert_threads(0);
}

static void sim_cable_third_port_is_busy(void **state)
{
	struct vireo_device *a = open_device("sim:cable:x"), *b = open_device("sim:cable:x"), *c;

	assert_int_equal(vireo_device_open("sim:cable:x", &c), -EBUSY);
	assert_sentence("two ports already");
	vireo_device_close(a);
	vireo_device_close(b);
}

static void *open_and_close(void *arg)
{
	for (unsigned i = 0; i < 30; i++) {
		struct vireo_device *dev;

		if (vireo_device_open("sim:gen,rate=10k", &dev))
			return (void *)vireo_last_error();
		vireo_device_close(dev);
	}
	return NULL;
}

static void sim_opens_from_several_threads(void **state)
{
	pthread_t threads[3];
	void *error;

	for (unsigned i = 0; i < N_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, NULL), 0);
	for (unsigned i = 0; i < N_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &error), 0);
		if (error)
			fail_msg("%s", (const char *)error);
	}
}

static void *nothing(void *arg)
{
	return NULL;
}

int main(void)
{
	pthread_t first;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sim_open_finds_the_card),
		cmocka_unit_test(sim_close_leaves_nothing_behind),
		cmocka_unit_test(sim_ports_share_one_thread),
		cmocka_unit_test(sim_open_nonsense_is_refused_with_a_sentence),
		cmocka_unit_test(sim_cable_third_port_is_busy),
		cmocka_unit_test(sim_opens_from_several_threads),
	};

	/* The thread sanitizer has a thread of its own from the first one on. */
	if (pthread_create(&first, NULL, nothing, NULL) || pthread_join(first, NULL))
		return 1;
	usleep(100000);
	threads_at_start = count_entries("/proc/self/task");
	return cmocka_run_group_tests_name("sim_bus", tests, NULL, NULL);
}
