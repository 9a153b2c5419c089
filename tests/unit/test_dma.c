// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <vireo/driver.h>

#include "dma.h"
#include "pages.h"

#define MAX_MAPS 64
#define KIB      (1ull << 10)
#define MIB      (1ull << 20)
#define GIB      (1ull << 30)

/* A client that keeps book, as an IOMMU would: no address twice, and only what is mapped can be unmapped. */
struct fake {
	struct dma_client client; /* first, so that ops find the rest */
	struct dma_mapping maps[MAX_MAPS];
	unsigned n_maps, n_mapped; /* now, and ever */
	unsigned fail_at;          /* the map call, counted from 1, that fails; 0: none */
	bool fail_unmap;
	unsigned n_wrong;
};

static int fake_map(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct fake *fake = (struct fake *)client;

	if (++fake->n_mapped == fake->fail_at)
		return vireo_error(-EDQUOT, "RLIMIT_MEMLOCK of %s", client->name);
	for (unsigned i = 0; i < fake->n_maps; i++)
		if (mapping->iova < fake->maps[i].iova + fake->maps[i].size &&
		    fake->maps[i].iova < mapping->iova + mapping->size)
			fake->n_wrong++;
	if (fake->n_maps == MAX_MAPS)
		return -ENOSPC;
	fake->maps[fake->n_maps++] = *mapping;
	return 0;
}

static int fake_unmap(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct fake *fake = (struct fake *)client;

	if (fake->fail_unmap)
		return -EIO;
	for (unsigned i = 0; i < fake->n_maps; i++) {
		if (fake->maps[i].iova != mapping->iova)
			continue;
		fake->n_wrong += fake->maps[i].size != mapping->size;
		fake->maps[i] = fake->maps[--fake->n_maps];
		return 0;
	}
	fake->n_wrong++;
	return -ENOENT;
}

static const struct dma_ops fake_ops = {.map = fake_map, .unmap = fake_unmap};

/* What a 39-bit vIOMMU offers. */
static const struct vireo_iova_range viommu[] = {{0, 0xfedfffff}, {0xfef00000, 0x7fffffffff}};

static void fake_init(struct fake *fake, const char *name, const struct vireo_iova_range *ranges, unsigned n)
{
	memset(fake, 0, sizeof(*fake));
	fake->client.ops = &fake_ops;
	snprintf(fake->client.name, sizeof(fake->client.name), "%s", name);
	memcpy(fake->client.ranges, ranges, n * sizeof(*ranges));
	fake->client.n_ranges = n;
}

static bool fake_has(const struct fake *fake, const void *va, size_t size)
{
	for (unsigned i = 0; i < fake->n_maps; i++) {
		const struct dma_mapping *m = &fake->maps[i];

		if ((const char *)va >= (char *)m->va && (const char *)va + size <= (char *)m->va + m->size &&
		    m->iova == vireo_iova(m->va))
			return true;
	}
	return false;
}

static void *alloc(size_t size)
{
	void *va = NULL;

	assert_int_equal(vireo_memory_alloc(size, 64, 0, &va), 0);
	assert_non_null(va);
	return va;
}

/* A small window, because user-mode emulation keeps some bytes for each page of every window that ever was. */
static int small_pages(void **state)
{
	const struct vireo_memory_config cfg = {.page_size = 4096, .window_size = GIB};

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	return vireo_memory_configure(&cfg);
}

static int default_window(void **state)
{
	const struct vireo_memory_config cfg = {.page_size = 4096};

	return vireo_memory_configure(&cfg);
}

/* Each test leaves nothing behind. */
static int nothing_left(void **state)
{
	const struct vireo_memory_config cfg = {.window_size = GIB};

	vireo_log_set(NULL, NULL, VIREO_LOG_ERR);
	return dma_n_arenas() ? -1 : vireo_memory_configure(&cfg);
}

/* Configuration. */

static void configure_bad_values_refused(void **state)
{
	const struct vireo_memory_config bad[] = {
		{.window_size = GIB + 4096}, {.iova_base = 4 * GIB + MIB}, {.page_size = 8192},
		{.iova_base = UINT64_MAX - GIB + 1, .window_size = 2 * GIB}, {.iova_base = UINT64_MAX - 32 * GIB + 1},
	};
	const struct vireo_memory_config no_gap = {.window_size = 1ull << 50};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vireo_memory_configure(&bad[i]), -EINVAL);
	assert_int_equal(vireo_memory_configure(&no_gap), -ENOMEM);
	assert_non_null(strstr(vireo_last_error(), "1048576 GiB"));
	/* A refused one changes nothing. */
	vireo_memory_free(alloc(1));
}

static void configure_window_lies_where_asked(void **state)
{
	const struct vireo_memory_config cfg = {.window_size = 2 * GIB, .iova_base = 32 * GIB, .page_size = 4096};
	void *va, *too_much = NULL;

	assert_int_equal(vireo_memory_configure(&cfg), 0);
	va = alloc(100);
	assert_true(vireo_iova(va) >= 32 * GIB && vireo_iova(va) < 34 * GIB);
	assert_int_equal(vireo_iova(va) % GIB, (uintptr_t)va % GIB);
	assert_int_equal(vireo_memory_alloc(2 * GIB + 1, 64, 0, &too_much), -ENOSPC);
	assert_int_equal(vireo_memory_alloc(3 * GIB, 64, 0, &too_much), -ENOSPC);
	assert_null(too_much);
	vireo_memory_free(va);
}

static void configure_in_use_busy(void **state)
{
	const struct vireo_memory_config cfg = {.page_size = 4096};
	void *va = alloc(100);
	struct fake fake;

	assert_int_equal(vireo_memory_configure(&cfg), -EBUSY);
	vireo_memory_free(va);
	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	assert_int_equal(vireo_memory_configure(&cfg), -EBUSY);
	dma_detach(&fake.client);
	assert_int_equal(vireo_memory_configure(&cfg), 0);
}

static void alloc_page_size_in_environment_checked(void **state)
{
	const struct vireo_memory_config cfg = {0};
	void *va = NULL;

	assert_int_equal(vireo_memory_configure(&cfg), 0);
	setenv("VIREO_PAGE_SIZE", "3K", 1);
	assert_int_equal(vireo_memory_alloc(1, 1, 0, &va), -EINVAL);
	assert_non_null(strstr(vireo_last_error(), "3K"));
	setenv("VIREO_PAGE_SIZE", "4k", 1);
	vireo_memory_free(alloc(1));
	assert_int_equal(dma_page_size(), 4096);
}

/* Shortage. */

static unsigned long n_hugepages(unsigned long kib, const char *what)
{
	unsigned long n = 0;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%lukB/%s", kib, what);
	f = fopen(path, "r");
	if (f && fscanf(f, "%lu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static bool has_overcommit(unsigned long kib)
{
	return n_hugepages(kib, "nr_overcommit_hugepages") != 0;
}

static void check_hugepage_arena(const struct fake *fake, char *va, size_t size, uint64_t page_size)
{
	assert_int_equal(dma_page_size(), page_size);
	assert_int_equal(fake->maps[0].size, (size + page_size - 1) & ~(page_size - 1));
	assert_int_equal(fake->maps[0].iova % page_size, 0);
	assert_int_equal((uintptr_t)fake->maps[0].va % page_size, 0);
	memset(va, 1, size);
}

/* Whatever this machine has, one of three things is right: it works, or there are too few, or there are none. */
static void alloc_or_say_what_mends_it(uint64_t page_size, size_t size, const char *none)
{
	const struct vireo_memory_config cfg = {.page_size = page_size};
	unsigned long kib = page_size / KIB, total = n_hugepages(kib, "nr_hugepages");
	struct fake fake;
	char *va = NULL;
	int err;

	assert_int_equal(vireo_memory_configure(&cfg), 0);
	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	err = vireo_memory_alloc(size, 64, 0, (void **)&va);
	if (!err) {
		assert_true(total || has_overcommit(kib));
		check_hugepage_arena(&fake, va, size, page_size);
	} else if (total) {
		assert_int_equal(err, -ENOSPC);
		assert_non_null(strstr(vireo_last_error(), "too few hugepages"));
	} else {
		assert_int_equal(err, -ENOMEM);
		assert_non_null(strstr(vireo_last_error(), none));
		assert_non_null(strstr(vireo_last_error(), "VIREO_PAGE_SIZE"));
	}
	assert_int_equal(dma_n_arenas(), err ? 0 : 1);
	assert_int_equal(fake.n_maps, err ? 0 : 1);
	vireo_memory_free(va);
	dma_detach(&fake.client);
	assert_int_equal(fake.n_wrong, 0);
}

static void alloc_2m_hugepages_works_or_says_what_mends_it(void **state)
{
	alloc_or_say_what_mends_it(2 * MIB, 5 * MIB, "vireo-bind hugepages --size 2M --count 3");
}

static void alloc_1g_hugepages_works_or_says_what_mends_it(void **state)
{
	/* A kernel on a processor without such pages has no folder for them, and says so in another sentence. */
	bool offered = !access("/sys/kernel/mm/hugepages/hugepages-1048576kB", F_OK);

	alloc_or_say_what_mends_it(GIB, 5 * MIB,
				   offered ? "vireo-bind hugepages --size 1G --count 1" : "no hugepages of 1G");
}

static char sysfs[] = "/tmp/vireo-test-XXXXXX";

static void put_file(const char *dir, const char *name, unsigned value)
{
	char path[256], text[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", sysfs, dir);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	mkdir(path, 0755);
	snprintf(text, sizeof(text), "%s/%s", path, name);
	f = fopen(text, "w");
	assert_non_null(f);
	fprintf(f, "%u\n", value);
	fclose(f);
}

static int remove_sysfs(void **state)
{
	char command[64];

	pages_sysfs = "/sys";
	snprintf(command, sizeof(command), "rm -r %s", sysfs);
	return system(command);
}

static int make_sysfs(void **state)
{
	static const char system_wide[] = "kernel/mm/hugepages/hugepages-2048kB";
	static const char node1[] = "devices/system/node/node1/hugepages/hugepages-2048kB";

	strcpy(sysfs + sizeof(sysfs) - 7, "XXXXXX");
	if (!mkdtemp(sysfs))
		return -1;
	put_file(system_wide, "nr_hugepages", 40);
	put_file(system_wide, "free_hugepages", 12);
	put_file(system_wide, "resv_hugepages", 2);
	put_file(node1, "nr_hugepages", 8);
	put_file(node1, "free_hugepages", 1);
	pages_sysfs = sysfs;
	return 0;
}

static void shortage_names_counts_node_and_command(void **state)
{
	const struct pages_node anywhere = {.node = 1}, node1 = {.node = 1, .strict = true};
	const struct pages_node node2 = {.node = 2, .strict = true};

	/* 12 free less 2 promised to others; 40 + 15 - 10 is what the pool must become. */
	assert_int_equal(pages_shortage(15 * 2 * MIB, PAGE_2M, &anywhere), -ENOSPC);
	assert_non_null(strstr(vireo_last_error(), "15 of 2M are needed and 10 of 40 are free"));
	assert_non_null(strstr(vireo_last_error(), "vireo-bind hugepages --size 2M --count 45'"));
	assert_int_equal(pages_shortage(3 * 2 * MIB, PAGE_2M, &node1), -ENOSPC);
	assert_non_null(strstr(vireo_last_error(), "3 of 2M are needed on node 1 and 1 of 8 are free"));
	assert_non_null(strstr(vireo_last_error(), "--size 2M --count 10 --node 1'"));
	assert_int_equal(pages_shortage(3 * 2 * MIB, PAGE_2M, &node2), -ENOSPC);
	assert_non_null(strstr(vireo_last_error(), "on node 2 and 0 of 0 are free"));
	assert_int_equal(pages_shortage(4 * 2 * MIB, PAGE_2M, &anywhere), -ENOSPC);
	assert_non_null(strstr(vireo_last_error(), "cgroup"));
	assert_int_equal(pages_shortage(GIB, PAGE_1G, &anywhere), -ENOMEM);
	assert_non_null(strstr(vireo_last_error(), "--size 1G --count 1'"));
	assert_non_null(strstr(vireo_last_error(), "VIREO_PAGE_SIZE=4K"));
}

static void find_node_absent_refused(void **state)
{
	struct pages_node node;
	void *va = NULL;

	assert_int_equal(pages_find_node(0, &node), 0);
	assert_false(node.strict);
	assert_int_equal(vireo_memory_alloc(64, 64, 1000, &va), -EINVAL);
	assert_non_null(strstr(vireo_last_error(), "node 999"));
	assert_null(va);
}

static unsigned n_warnings;

static void count_warnings(void *ctx, enum vireo_log_level level, const char *text)
{
	n_warnings += level == VIREO_LOG_WARN && strstr(text, "62 %");
}

/* Has to run before anything else allocates. */
static void alloc_small_pages_warns_once(void **state)
{
	vireo_log_set(count_warnings, NULL, VIREO_LOG_DEBUG);
	vireo_memory_free(alloc(1));
	vireo_memory_free(alloc(1));
	assert_int_equal(n_warnings, 1);
}

/* Allocation. */

static void alloc_bad_arguments_refused(void **state)
{
	void *va = NULL;

	assert_int_equal(vireo_memory_alloc(0, 64, 0, &va), -EINVAL);
	assert_int_equal(vireo_memory_alloc(64, 0, 0, &va), -EINVAL);
	assert_int_equal(vireo_memory_alloc(64, 48, 0, &va), -EINVAL);
	assert_int_equal(vireo_memory_alloc(64, 4 * MIB, 0, &va), -EINVAL);
	assert_int_equal(vireo_memory_alloc(SIZE_MAX, 64, 0, &va), -EINVAL);
	assert_null(va);
	vireo_memory_free(NULL);
}

static void alloc_many_aligned_zeroed_apart(void **state)
{
	char *va[12];

	for (unsigned lap = 0; lap < 2; lap++) {
		for (unsigned i = 0; i < 12; i++) {
			size_t align = 1ull << (i * 2 > 21 ? 21 : i * 2), size = 1000 * (i + 1);

			assert_int_equal(vireo_memory_alloc(size, align, 0, (void **)&va[i]), 0);
			assert_int_equal((uintptr_t)va[i] % align, 0);
			assert_int_equal(vireo_iova(va[i]) % align, 0);
			assert_int_equal(vireo_iova(va[i]) - (uintptr_t)va[i], dma_iova_offset);
			for (size_t k = 0; k < size; k++)
				assert_int_equal(va[i][k], 0);
			memset(va[i], (int)i + 1, size);
		}
		for (unsigned i = 0; i < 12; i++)
			for (size_t k = 0; k < 1000 * (i + 1); k++)
				assert_int_equal(va[i][k], i + 1);
		/* Odd ones first: what comes next lands in used holes. */
		for (unsigned i = 1; i < 12; i += 2)
			vireo_memory_free(va[i]);
		for (unsigned i = 1; i < 12; i += 2) {
			va[i] = alloc(1000 * (i + 1));
			for (unsigned k = 0; k < 1000 * (i + 1); k++)
				assert_int_equal(va[i][k], 0);
		}
		for (unsigned i = 0; i < 12; i++)
			vireo_memory_free(va[i]);
		assert_int_equal(dma_n_arenas(), 0);
	}
}

static void alloc_small_pieces_share_an_arena(void **state)
{
	void *va[100], *large;

	for (unsigned i = 0; i < 100; i++)
		va[i] = alloc(16 * KIB);
	assert_int_equal(dma_n_arenas(), 1);
	large = alloc(5 * MIB);
	assert_int_equal(dma_n_arenas(), 2);
	assert_int_equal(vireo_iova(large) - (uintptr_t)large, vireo_iova(va[0]) - (uintptr_t)va[0]);
	for (unsigned i = 0; i < 99; i++)
		vireo_memory_free(va[i]);
	assert_int_equal(dma_n_arenas(), 2);
	vireo_memory_free(va[99]);
	assert_int_equal(dma_n_arenas(), 1);
	vireo_memory_free(large);
	assert_int_equal(dma_n_arenas(), 0);
}

static unsigned n_errors;

static void count_errors(void *ctx, enum vireo_log_level level, const char *text)
{
	n_errors += level == VIREO_LOG_ERR;
}

static void free_what_was_never_allocated_logged(void **state)
{
	char *va = alloc(4096), other;

	vireo_log_set(count_errors, NULL, VIREO_LOG_DEBUG);
	vireo_memory_free(va + 64);
	vireo_memory_free(&other);
	assert_int_equal(n_errors, 2);
	memset(va, 1, 4096);
	vireo_memory_free(va);
	assert_int_equal(n_errors, 2);
}

static void alloc_after_fork_memory_is_shared(void **state)
{
	char *va = alloc(4096);
	int status = -1;
	pid_t pid;

	pid = fork();
	if (!pid) {
		strcpy(va, "from the child");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(va, "from the child");
	vireo_memory_free(va);
}

/* Clients. */

static void attach_maps_what_exists_detach_unmaps(void **state)
{
	void *a = alloc(3 * MIB), *b = alloc(3 * MIB), *c;
	struct fake one, two;

	fake_init(&one, "one", viommu, 2);
	fake_init(&two, "two", viommu, 2);
	assert_int_equal(dma_attach(&one.client), 0);
	assert_int_equal(one.n_maps, 2);
	assert_true(fake_has(&one, a, 3 * MIB) && fake_has(&one, b, 3 * MIB));
	assert_int_equal(one.maps[0].flags, VIREO_DMA_READ | VIREO_DMA_WRITE);
	assert_true(one.maps[0].fd >= 0);
	/* While a port is open. */
	c = alloc(3 * MIB);
	assert_true(fake_has(&one, c, 3 * MIB));
	assert_int_equal(dma_attach(&two.client), 0);
	assert_true(fake_has(&two, a, 3 * MIB) && fake_has(&two, b, 3 * MIB) && fake_has(&two, c, 3 * MIB));
	vireo_memory_free(b);
	assert_int_equal(one.n_maps, 2);
	assert_int_equal(two.n_maps, 2);
	/* The one that came first goes first. */
	dma_detach(&one.client);
	assert_int_equal(one.n_maps, 0);
	vireo_memory_free(a);
	vireo_memory_free(c);
	assert_int_equal(two.n_maps, 0);
	dma_detach(&two.client);
	dma_detach(&two.client);
	assert_int_equal(one.n_wrong + two.n_wrong, 0);
}

static void attach_failing_map_rolls_back(void **state)
{
	void *a = alloc(3 * MIB), *b = alloc(3 * MIB), *c;
	struct fake fake;

	fake_init(&fake, "poor", viommu, 2);
	fake.fail_at = 2;
	assert_int_equal(dma_attach(&fake.client), -EDQUOT);
	assert_string_equal(vireo_last_error(), "RLIMIT_MEMLOCK of poor");
	assert_int_equal(fake.n_maps, 0);
	/* It is forgotten: new memory does not reach it. */
	c = alloc(3 * MIB);
	assert_int_equal(fake.n_mapped, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	assert_int_equal(fake.n_maps, 3);
	dma_detach(&fake.client);
	assert_int_equal(fake.n_wrong, 0);
	vireo_memory_free(a);
	vireo_memory_free(b);
	vireo_memory_free(c);
}

static void alloc_any_client_fails_rolled_back_everywhere(void **state)
{
	struct fake fakes[3];
	void *va = NULL;

	for (unsigned i = 0; i < 3; i++) {
		fake_init(&fakes[i], "client", viommu, 2);
		assert_int_equal(dma_attach(&fakes[i].client), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		fakes[i].fail_at = fakes[i].n_mapped + 1;
		assert_int_equal(vireo_memory_alloc(3 * MIB, 64, 0, &va), -EDQUOT);
		assert_null(va);
		assert_int_equal(dma_n_arenas(), 0);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(fakes[k].n_maps, 0);
		fakes[i].fail_at = 0;
	}
	va = alloc(3 * MIB);
	for (unsigned i = 0; i < 3; i++)
		assert_true(fake_has(&fakes[i], va, 3 * MIB));
	vireo_memory_free(va);
	for (unsigned i = 0; i < 3; i++) {
		dma_detach(&fakes[i].client);
		assert_int_equal(fakes[i].n_wrong, 0);
	}
}

static void free_client_does_not_unmap_place_not_used_again(void **state)
{
	struct fake fake;
	void *a, *b;

	fake_init(&fake, "stubborn", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	a = alloc(3 * MIB);
	fake.fail_unmap = true;
	vireo_memory_free(a);
	fake.fail_unmap = false;
	assert_int_equal(fake.n_maps, 1);
	b = alloc(3 * MIB);
	assert_ptr_not_equal(a, b);
	assert_int_equal(fake.n_wrong, 0); /* nothing was mapped over what is still there */
	vireo_memory_free(b);
	dma_detach(&fake.client);
}

/* The window and the ranges of clients. */

static void attach_default_window_fits_39_bits(void **state)
{
	struct fake fake;
	void *va = alloc(64);

	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	assert_true(vireo_iova(va) >= 4 * GIB && vireo_iova(va) < 68 * GIB);
	dma_detach(&fake.client);
	vireo_memory_free(va);
}

static void attach_empty_window_moves(void **state)
{
	/* Nothing but a high range, whose start is no multiple of 1 GiB. */
	const struct vireo_iova_range high = {100 * GIB + 4096, 300 * GIB - 1};
	struct fake fake, low;
	void *va;

	fake_init(&fake, "high", &high, 1);
	fake_init(&low, "low", viommu, 1);
	assert_int_equal(dma_attach(&fake.client), 0);
	va = alloc(64);
	assert_true(vireo_iova(va) >= 101 * GIB && vireo_iova(va) < 165 * GIB);
	assert_int_equal(vireo_iova(va) % GIB, (uintptr_t)va % GIB);
	assert_true(fake_has(&fake, va, 64));
	/* It moved once; with memory in it, it stays. */
	assert_int_equal(dma_attach(&low.client), -ERANGE);
	dma_detach(&fake.client);
	vireo_memory_free(va);
}

static void attach_small_window_moves_below_4_gib(void **state)
{
	const struct vireo_memory_config cfg = {.window_size = 2 * GIB, .page_size = 4096};
	struct fake fake;
	void *va;

	assert_int_equal(vireo_memory_configure(&cfg), 0);
	fake_init(&fake, "32 bits", viommu, 1);
	assert_int_equal(dma_attach(&fake.client), 0);
	va = alloc(64);
	assert_true(vireo_iova(va) >= GIB && vireo_iova(va) < 3 * GIB);
	dma_detach(&fake.client);
	vireo_memory_free(va);
}

static void attach_window_does_not_fit_names_both_ranges(void **state)
{
	const struct vireo_iova_range high = {100 * GIB, 300 * GIB - 1};
	void *va = alloc(64);
	vireo_iova_t iova = vireo_iova(va);
	struct fake fake;

	fake_init(&fake, "container of 0000:03:00.0", &high, 1);
	assert_int_equal(dma_attach(&fake.client), -ERANGE);
	assert_non_null(strstr(vireo_last_error(), "0x100000000-0x10ffffffff"));
	assert_non_null(strstr(vireo_last_error(), "0x1900000000-0x4affffffff"));
	assert_non_null(strstr(vireo_last_error(), "container of 0000:03:00.0"));
	assert_int_equal(fake.n_mapped, 0);
	assert_true(vireo_iova(va) == iova);
	vireo_memory_free(va);
	/* 32 bits can never hold 64 GiB. */
	fake_init(&fake, "32 bits", viommu, 1);
	assert_int_equal(dma_attach(&fake.client), -ERANGE);
	fake_init(&fake, "nothing", viommu, 0);
	assert_int_equal(dma_attach(&fake.client), -ERANGE);
}

static void attach_second_client_window_stays(void **state)
{
	const struct vireo_iova_range high = {100 * GIB, 300 * GIB - 1};
	struct fake one, two;

	fake_init(&one, "one", viommu, 2);
	fake_init(&two, "two", &high, 1);
	assert_int_equal(dma_attach(&one.client), 0);
	assert_int_equal(dma_attach(&two.client), -ERANGE);
	dma_detach(&one.client);
	assert_int_equal(dma_attach(&two.client), 0);
	dma_detach(&two.client);
}

static void ranges_changed_window_checked_again(void **state)
{
	char *page = aligned_alloc(4096, 4096);
	vireo_iova_t iova = 0, second = 0;
	struct fake fake;
	void *va = alloc(64);

	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	assert_int_equal(dma_map_foreign(&fake.client, page, 4096, VIREO_DMA_READ, &iova), 0);
	/* A group joined that reaches less, but still the window and the page. */
	fake.client.ranges[1].last = 0x3fffffffff;
	assert_int_equal(dma_ranges_changed(&fake.client), 0);
	/* One that reaches too little for the window; then one for the page. The caller takes its ranges back. */
	fake.client.n_ranges = 1;
	assert_int_equal(dma_ranges_changed(&fake.client), -ERANGE);
	fake.client.n_ranges = 2;
	fake.client.ranges[0].start = iova + 4096;
	assert_int_equal(dma_ranges_changed(&fake.client), -ERANGE);
	fake.client.ranges[0].start = 0;
	assert_int_equal(dma_ranges_changed(&fake.client), 0);
	assert_int_equal(dma_map_foreign(&fake.client, page, 4096, VIREO_DMA_READ, &second), 0);
	assert_true(second != iova);
	assert_int_equal(dma_unmap_foreign(&fake.client, iova, 4096), 0);
	assert_int_equal(dma_unmap_foreign(&fake.client, second, 4096), 0);
	dma_detach(&fake.client);
	assert_int_equal(fake.n_wrong, 0);
	vireo_memory_free(va);
	free(page);
}

static void ranges_changed_empty_window_moves(void **state)
{
	struct fake fake;
	void *va;

	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	fake.client.ranges[1].start = 9 * GIB;
	assert_int_equal(dma_ranges_changed(&fake.client), 0);
	va = alloc(64);
	assert_true(vireo_iova(va) >= 9 * GIB && vireo_iova(va) < 73 * GIB);
	dma_detach(&fake.client);
	vireo_memory_free(va);
}

/* Foreign memory. */

static void map_foreign_outside_the_window(void **state)
{
	char *mem = mmap(NULL, 4 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vireo_iova_t iova[3] = {0};
	struct fake fake;

	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4096, VIREO_DMA_READ, &iova[0]), 0);
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4 * MIB, VIREO_DMA_WRITE, &iova[1]), 0);
	assert_int_equal(dma_map_foreign(&fake.client, mem + 4096, 8192, VIREO_DMA_READ, &iova[2]), 0);
	assert_int_equal(fake.n_maps, 3);
	assert_int_equal(fake.n_wrong, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(iova[i] != 0);
		assert_int_equal(iova[i] % 4096, 0);
		assert_true(iova[i] + 4 * MIB <= 4 * GIB || iova[i] >= 68 * GIB);
	}
	assert_int_equal(iova[1] % (2 * MIB), 0);
	assert_ptr_equal(fake.maps[1].va, mem);
	assert_int_equal(fake.maps[1].flags, VIREO_DMA_WRITE);
	assert_int_equal(fake.maps[1].fd, -1);
	/* Exactly what was mapped, once. */
	assert_int_equal(dma_unmap_foreign(&fake.client, iova[1], 2 * MIB), -ENOENT);
	assert_int_equal(dma_unmap_foreign(&fake.client, iova[1] + 2 * MIB, 2 * MIB), -ENOENT);
	assert_int_equal(dma_unmap_foreign(&fake.client, iova[1], 4 * MIB), 0);
	assert_int_equal(dma_unmap_foreign(&fake.client, iova[1], 4 * MIB), -ENOENT);
	/* What its user forgot goes with the client. */
	dma_detach(&fake.client);
	assert_int_equal(fake.n_maps, 0);
	assert_int_equal(fake.n_wrong, 0);
	munmap(mem, 4 * MIB);
}

static void map_foreign_bad_arguments_refused(void **state)
{
	char *mem = aligned_alloc(4096, 8192);
	vireo_iova_t iova = 7;
	struct fake fake;

	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	assert_int_equal(dma_map_foreign(&fake.client, mem + 64, 4096, VIREO_DMA_READ, &iova), -EINVAL);
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4095, VIREO_DMA_READ, &iova), -EINVAL);
	assert_int_equal(dma_map_foreign(&fake.client, mem, 0, VIREO_DMA_READ, &iova), -EINVAL);
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4096, 0, &iova), -EINVAL);
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4096, 4, &iova), -EINVAL);
	assert_int_equal(iova, 7);
	assert_int_equal(fake.n_mapped, 0);
	dma_detach(&fake.client);
	free(mem);
}

static void map_foreign_no_addresses_left_says_so(void **state)
{
	/* The window and eight pages, of which the first is never given away. */
	const struct vireo_iova_range ranges[] = {{0, 8 * 4096 - 1}, {4 * GIB, 68 * GIB - 1}};
	char *mem = aligned_alloc(4096, 8192);
	vireo_iova_t iova[8];
	struct fake fake;

	fake_init(&fake, "tight", ranges, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	fake.fail_at = 1;
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4096, VIREO_DMA_READ, &iova[0]), -EDQUOT);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(dma_map_foreign(&fake.client, mem, 4096, VIREO_DMA_READ, &iova[i]), 0);
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4096, VIREO_DMA_READ, &iova[7]), -ENOSPC);
	assert_non_null(strstr(vireo_last_error(), "tight"));
	/* A place that could not be unmapped is not given away, but can be tried again. */
	fake.fail_unmap = true;
	assert_int_equal(dma_unmap_foreign(&fake.client, iova[3], 4096), -EIO);
	fake.fail_unmap = false;
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4096, VIREO_DMA_READ, &iova[7]), -ENOSPC);
	assert_int_equal(dma_unmap_foreign(&fake.client, iova[3], 4096), 0);
	assert_int_equal(dma_map_foreign(&fake.client, mem, 4096, VIREO_DMA_READ, &iova[7]), 0);
	assert_true(iova[7] == iova[3]);
	dma_detach(&fake.client);
	assert_int_equal(fake.n_wrong, 0);
	free(mem);
}

/* Import. */

static int memfd_of(size_t size)
{
	int fd = memfd_create("foreign", 0);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void import_both_sides_see_the_same(void **state)
{
	int fd = memfd_of(3 * MIB);
	char *theirs = mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *ours = NULL, *other;
	struct fake fake;

	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	other = alloc(64);
	assert_int_equal(vireo_memory_import(fd, MIB, 2 * MIB, (void **)&ours), 0);
	assert_true(fake_has(&fake, ours, 2 * MIB));
	assert_int_equal(vireo_iova(ours) - (uintptr_t)ours, vireo_iova(other) - (uintptr_t)other);
	assert_int_equal(fake.maps[1].fd_offset, MIB);
	close(fd);
	strcpy(theirs + MIB + 100, "hello");
	assert_string_equal(ours + 100, "hello");
	/* It is not for others to allocate from, and not to be freed. */
	vireo_memory_free(ours);
	assert_int_equal(vireo_memory_release(ours + 4096), -ENOENT);
	assert_int_equal(vireo_memory_release(other), -ENOENT);
	assert_int_equal(vireo_memory_release(ours), 0);
	assert_int_equal(vireo_memory_release(ours), -ENOENT);
	assert_int_equal(fake.n_maps, 1);
	dma_detach(&fake.client);
	vireo_memory_free(other);
	munmap(theirs, 3 * MIB);
	assert_int_equal(fake.n_wrong, 0);
}

static void import_bad_file_refused(void **state)
{
	int fd = memfd_of(MIB), pipes[2];
	void *va = NULL;

	assert_int_equal(vireo_memory_import(-1, 0, 4096, &va), -EBADF);
	assert_int_equal(vireo_memory_import(fd, 0, 0, &va), -EINVAL);
	assert_int_equal(vireo_memory_import(fd, 100, 4096, &va), -EINVAL);
	assert_int_equal(vireo_memory_import(fd, -4096, 4096, &va), -EINVAL);
	assert_int_equal(vireo_memory_import(fd, 0, 100, &va), -EINVAL);
	assert_int_equal(vireo_memory_import(fd, 0, MIB + 4096, &va), -EINVAL);
	assert_int_equal(vireo_memory_import(fd, MIB, 4096, &va), -EINVAL);
	assert_int_equal(pipe(pipes), 0);
	assert_true(vireo_memory_import(pipes[0], 0, 4096, &va) < 0);
	assert_null(va);
	assert_int_equal(dma_n_arenas(), 0);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void import_failing_client_rolled_back(void **state)
{
	int fd = memfd_of(MIB);
	struct fake fake;
	void *va = NULL;

	fake_init(&fake, "container", viommu, 2);
	assert_int_equal(dma_attach(&fake.client), 0);
	fake.fail_at = 1;
	assert_int_equal(vireo_memory_import(fd, 0, MIB, &va), -EDQUOT);
	assert_null(va);
	assert_int_equal(dma_n_arenas(), 0);
	assert_int_equal(vireo_memory_import(fd, 0, MIB, &va), 0);
	assert_int_equal(vireo_memory_release(va), 0);
	dma_detach(&fake.client);
	assert_int_equal(fake.n_wrong, 0);
	close(fd);
}

/* Threads that allocate and free while containers come and go: every client always knows every arena. */
#define N_ALLOCATORS 3
#define N_ROUNDS     60

static void *allocate_and_free(void *arg)
{
	unsigned *n_failed = arg;
	void *va[4] = {NULL};

	for (unsigned round = 0; round < N_ROUNDS; round++) {
		unsigned i = round % 4;

		vireo_memory_free(va[i]);
		va[i] = NULL;
		*n_failed += vireo_memory_alloc((1 + round % 3) * MIB, 4096, 0, &va[i]) != 0;
		if (va[i])
			*(unsigned *)va[i] = round;
	}
	for (unsigned i = 0; i < 4; i++)
		vireo_memory_free(va[i]);
	return NULL;
}

static void attach_while_threads_allocate_misses_nothing(void **state)
{
	unsigned n_failed[N_ALLOCATORS] = {0};
	pthread_t threads[N_ALLOCATORS];
	struct fake fake, steady;
	void *known = alloc(MIB);

	fake_init(&steady, "steady", viommu, 2);
	assert_int_equal(dma_attach(&steady.client), 0);
	for (unsigned i = 0; i < N_ALLOCATORS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, allocate_and_free, &n_failed[i]), 0);
	fake_init(&fake, "coming and going", viommu, 2);
	for (unsigned round = 0; round < N_ROUNDS; round++) {
		assert_int_equal(dma_attach(&fake.client), 0);
		dma_detach(&fake.client);
		assert_int_equal(fake.n_maps, 0);
	}
	for (unsigned i = 0; i < N_ALLOCATORS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(n_failed[i], 0);
	}
	assert_int_equal(steady.n_maps, dma_n_arenas());
	assert_true(fake_has(&steady, known, MIB));
	dma_detach(&steady.client);
	assert_int_equal(fake.n_wrong + steady.n_wrong, 0);
	vireo_memory_free(known);
}

#define clean(test) cmocka_unit_test_setup_teardown(test, small_pages, nothing_left)
#define clean_default(test) cmocka_unit_test_setup_teardown(test, default_window, nothing_left)

int main(void)
{
	const struct CMUnitTest tests[] = {
		clean(alloc_small_pages_warns_once),
		clean(configure_bad_values_refused),
		clean(configure_window_lies_where_asked),
		clean(configure_in_use_busy),
		clean(alloc_page_size_in_environment_checked),
		clean(alloc_2m_hugepages_works_or_says_what_mends_it),
		clean(alloc_1g_hugepages_works_or_says_what_mends_it),
		cmocka_unit_test_setup_teardown(shortage_names_counts_node_and_command, make_sysfs, remove_sysfs),
		clean(find_node_absent_refused),
		clean(alloc_bad_arguments_refused),
		clean(alloc_many_aligned_zeroed_apart),
		clean(alloc_small_pieces_share_an_arena),
		clean(free_what_was_never_allocated_logged),
		clean(alloc_after_fork_memory_is_shared),
		clean(attach_maps_what_exists_detach_unmaps),
		clean(attach_failing_map_rolls_back),
		clean(alloc_any_client_fails_rolled_back_everywhere),
		clean_default(attach_default_window_fits_39_bits),
		clean(attach_empty_window_moves),
		clean(attach_small_window_moves_below_4_gib),
		clean_default(attach_window_does_not_fit_names_both_ranges),
		clean(attach_second_client_window_stays),
		clean(ranges_changed_window_checked_again),
		clean(ranges_changed_empty_window_moves),
		clean(map_foreign_outside_the_window),
		clean(map_foreign_bad_arguments_refused),
		clean_default(map_foreign_no_addresses_left_says_so),
		clean(import_both_sides_see_the_same),
		clean(import_bad_file_refused),
		clean(import_failing_client_rolled_back),
		clean(attach_while_threads_allocate_misses_nothing),
		/* Last: it leaves a hole in the window for good. */
		cmocka_unit_test_setup(free_client_does_not_unmap_place_not_used_again, small_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
