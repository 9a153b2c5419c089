// SPDX-License-Identifier: BSD-2-Clause
/* The server against clients that send what they like: every message good, short, long and mad. One thread, no waiting. */
#include "unit.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "server.h"
#include "toy_device.h"
#include "vfio_user_proto.h"
#include "vfio_user_sock.h"

struct rig {
	struct toy *toy;
	bool destroyed;
	struct sim_server *server;
	int sock; /* the client's end */
	int mem;  /* a memfd of four pages */
	unsigned n_fds;
	uint16_t id;
};

struct answer {
	struct vfio_user_header head;
	uint8_t payload[8192];
	size_t len;
	struct vfio_user_fds fds;
};

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void turn(struct rig *rig)
{
	for (unsigned i = 0; i < 4; i++)
		sim_server_poll(rig->server, 0);
}

/* The header says @size in all, whatever follows. */
static void send_raw(struct rig *rig, unsigned command, uint32_t flags, uint32_t size, const void *payload, size_t len,
		     const int *fds, unsigned n_fds)
{
	struct vfio_user_header head = {.id = ++rig->id, .command = (uint16_t)command, .size = size, .flags = flags};
	struct iovec iov[2] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = len},
	};

	assert_int_equal(vfio_user_sock_send(rig->sock, iov, 2, fds, n_fds, MSG_DONTWAIT), sizeof(head) + len);
	turn(rig);
}

static bool receive(struct rig *rig, struct answer *a)
{
	ssize_t n;

	memset(a, 0, sizeof(*a));
	n = vfio_user_sock_recv(rig->sock, &a->head, sizeof(a->head), MSG_DONTWAIT, &a->fds);
	if (n <= 0)
		return false;
	assert_int_equal(n, sizeof(a->head));
	a->len = a->head.size - sizeof(a->head);
	assert_true(a->len <= sizeof(a->payload));
	if (a->len)
		assert_int_equal(vfio_user_sock_recv(rig->sock, a->payload, a->len, MSG_DONTWAIT, &a->fds), a->len);
	assert_int_equal(a->head.id, rig->id);
	assert_int_equal(a->head.flags & VFIO_USER_TYPE_MASK, VFIO_USER_REPLY);
	return true;
}

/* The errno that the server answers with, 0 for success, -1 for silence. */
static int request_fds(struct rig *rig, unsigned command, const void *payload, size_t len, const int *fds,
		       unsigned n_fds, struct answer *a)
{
	struct answer unused;

	if (!a)
		a = &unused;
	send_raw(rig, command, 0, (uint32_t)(sizeof(struct vfio_user_header) + len), payload, len, fds, n_fds);
	if (!receive(rig, a))
		return -1;
	assert_int_equal(a->head.command, command);
	if (a == &unused)
		vfio_user_fds_close(&unused.fds);
	if (!(a->head.flags & VFIO_USER_ERROR)) {
		assert_int_equal(a->head.error, 0);
		return 0;
	}
	assert_int_equal(a->len, 0);
	assert_int_not_equal(a->head.error, 0);
	return (int)a->head.error;
}

static int request(struct rig *rig, unsigned command, const void *payload, size_t len, struct answer *a)
{
	return request_fds(rig, command, payload, len, NULL, 0, a);
}

static bool closed(struct rig *rig)
{
	char c;

	turn(rig);
	return recv(rig->sock, &c, 1, MSG_DONTWAIT) == 0;
}

static int version(struct rig *rig, uint16_t major, uint16_t minor, const char *text, struct answer *a)
{
	struct {
		struct vfio_user_version v;
		char text[512];
	} payload = {.v = {.major = major, .minor = minor}};
	size_t len = 0;

	if (text) {
		len = strlen(text) + 1;
		memcpy(payload.text, text, len);
	}
	return request(rig, VFIO_USER_VERSION, &payload, sizeof(payload.v) + len, a);
}

static int connect_rig(struct rig *rig)
{
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	rig->sock = socks[0];
	return sim_server_attach(socks[1], &rig->toy->dev, &rig->server);
}

static int setup_silent(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->n_fds = open_fds();
	rig->mem = memfd_create("client", MFD_CLOEXEC);
	assert_int_equal(ftruncate(rig->mem, 4 * 4096), 0);
	rig->toy = toy_create(&rig->destroyed);
	assert_int_equal(connect_rig(rig), 0);
	*state = rig;
	return 0;
}

static int setup(void **state)
{
	setup_silent(state);
	assert_int_equal(version(*state, 0, 1, "{\"capabilities\":{\"max_msg_fds\":8}}", NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	sim_server_destroy(rig->server);
	assert_int_equal(rig->toy->dev.dma.n_maps, 0);
	rig->toy->dev.ops->destroy(&rig->toy->dev);
	close(rig->sock);
	close(rig->mem);
	assert_int_equal(open_fds(), rig->n_fds);
	free(rig);
	return 0;
}

static int dma_map(struct rig *rig, uint64_t iova, uint64_t size, uint32_t flags, int fd, uint64_t offset)
{
	const struct vfio_user_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .offset = offset, .iova = iova, .size = size};

	return request_fds(rig, VFIO_USER_DMA_MAP, &map, sizeof(map), &fd, fd >= 0, NULL);
}

static int dma_unmap(struct rig *rig, uint64_t iova, uint64_t size)
{
	const struct vfio_user_dma_unmap unmap = {.argsz = sizeof(unmap), .iova = iova, .size = size};

	return request(rig, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), NULL);
}

static int read_region(struct rig *rig, uint32_t region, uint64_t offset, uint32_t count, struct answer *a)
{
	const struct vfio_user_region_access access = {.offset = offset, .region = region, .count = count};

	return request(rig, VFIO_USER_REGION_READ, &access, sizeof(access), a);
}

static int write_region(struct rig *rig, uint32_t region, uint64_t offset, uint64_t value, uint32_t count)
{
	struct {
		struct vfio_user_region_access access;
		uint64_t data;
	} payload = {.access = {.offset = offset, .region = region, .count = count}, .data = value};

	return request(rig, VFIO_USER_REGION_WRITE, &payload, sizeof(payload.access) + count, NULL);
}

static uint64_t reg(struct rig *rig, uint64_t offset)
{
	struct answer a;
	uint64_t v;

	assert_int_equal(read_region(rig, 0, offset, 8, &a), 0);
	assert_int_equal(a.len, 24);
	memcpy(&v, a.payload + 16, sizeof(v));
	return v;
}

static void server_alive(struct rig *rig)
{
	assert_int_equal(reg(rig, TOY_REG_ID), TOY_ID);
}

static void version_good_is_answered_once(void **state)
{
	struct rig *rig = *state;
	struct answer a;
	struct vfio_user_version v;

	assert_int_equal(read_region(rig, 0, 0, 4, NULL), EINVAL);
	assert_int_equal(version(rig, 1, 0, "{}", NULL), EINVAL);
	assert_int_equal(version(rig, 0, 1, "{", NULL), EINVAL);
	assert_int_equal(version(rig, 0, 1, "[[[[", NULL), EINVAL);
	assert_int_equal(version(rig, 0, 77, NULL, &a), 0);
	memcpy(&v, a.payload, sizeof(v));
	assert_int_equal(v.major, 0);
	assert_int_equal(v.minor, 1);
	assert_int_equal(a.payload[a.len - 1], 0);
	assert_non_null(strstr((const char *)a.payload + sizeof(v), "\"max_data_xfer_size\":65536"));
	/* QEMU would go away for a larger number. */
	assert_non_null(strstr((const char *)a.payload + sizeof(v), "\"max_msg_fds\":16,"));
	assert_int_equal(version(rig, 0, 1, NULL, NULL), EINVAL);
	server_alive(rig);
}

/* What a good message of each kind looks like, for those that follow to spoil. */
static const struct good {
	unsigned command;
	size_t len;
	uint32_t words[12];
} goods[] = {
	{VFIO_USER_DMA_MAP, 32, {32, 3, 0, 0, 0x10000, 0, 0x1000, 0}},
	{VFIO_USER_DMA_UNMAP, 24, {24, 0, 0x10000, 0, 0x1000, 0}},
	{VFIO_USER_DEVICE_GET_INFO, 16, {16}},
	{VFIO_USER_DEVICE_GET_REGION_INFO, 32, {4096, 0, 0}},
	{VFIO_USER_DEVICE_GET_IRQ_INFO, 16, {16, 0, 2}},
	{VFIO_USER_DEVICE_SET_IRQS, 20, {20, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 1}},
	{VFIO_USER_REGION_READ, 16, {0, 0, 0, 4}},
	{VFIO_USER_REGION_WRITE, 20, {8, 0, 0, 4, 1}},
	{VFIO_USER_DEVICE_RESET, 0, {0}},
	{VFIO_USER_REGION_WRITE_MULTI, 32, {1, 0, 8, 0, 0, 4, 1, 0}},
};

static void message_good_is_answered(void **state)
{
	struct rig *rig = *state;
	struct answer a;

	for (unsigned i = 0; i < N_OF(goods); i++) {
		if (request(rig, goods[i].command, goods[i].words, goods[i].len, &a))
			fail_msg("command %u was refused", goods[i].command);
		vfio_user_fds_close(&a.fds);
	}
	assert_int_equal(rig->toy->resets, 1);
	/* One before each of them, and before those that are checked to work. */
	assert_true(rig->toy->syncs >= N_OF(goods));
}

static void message_short_or_long_is_refused(void **state)
{
	struct rig *rig = *state;
	uint8_t payload[64] = {0};

	for (unsigned i = 0; i < N_OF(goods); i++) {
		memcpy(payload, goods[i].words, sizeof(goods[i].words));
		for (size_t len = 0; len <= sizeof(payload); len++) {
			int err;

			if (len == goods[i].len)
				continue;
			err = request(rig, goods[i].command, payload, len, NULL);
			if (err != EINVAL)
				fail_msg("command %u of %zu bytes: %d", goods[i].command, len, err);
		}
	}
	server_alive(rig);
}

static void message_bad_field_is_refused(void **state)
{
	struct rig *rig = *state;
	static const struct {
		unsigned good; /* index */
		unsigned word;
		uint32_t value;
	} bads[] = {
		{0, 0, 31},
		{0, 1, 4},
		{0, 4, 0x10001},
		{0, 6, 0},
		{0, 6, 0x1001},
		{0, 1, 0xffffffff},
		{1, 0, 23},
		{1, 1, 1},
		{2, 0, 15},
		{3, 0, 31},
		{3, 2, 9},
		{3, 2, 0xffffffff},
		{4, 0, 15},
		{4, 2, 5},
		{4, 2, 0xffffffff},
		{5, 0, 19},
		{5, 1, 0},
		{5, 1, 1},
		{5, 1, 0x20},
		{5, 1, 0x23},
		{5, 1, 0x31},
		{5, 1, 0x61},
		{5, 2, 5},
		{5, 2, 0xffffffff},
		{5, 3, 4},
		{5, 3, 0xffffffff},
		{5, 4, 5},
		{5, 4, 0xffffffff},
		{6, 0, TOY_BAR0_SIZE},
		{6, 0, TOY_BAR0_SIZE - 3},
		{6, 1, 1},
		{6, 1, 0xffffffff},
		{6, 2, 9},
		{6, 2, 1},
		{6, 2, 0xffffffff},
		{6, 3, 0},
		{6, 3, 0xffffffff},
		{7, 0, TOY_BAR0_SIZE - 3},
		{7, 1, 0x80000000},
		{7, 2, 9},
		{7, 3, 0},
		{7, 3, 3},
		{7, 3, 5},
	};

	for (unsigned i = 0; i < N_OF(bads); i++) {
		const struct good *g = &goods[bads[i].good];
		uint32_t words[12];
		int err;

		memcpy(words, g->words, sizeof(words));
		words[bads[i].word] = bads[i].value;
		err = request(rig, g->command, words, g->len, NULL);
		if (err != EINVAL)
			fail_msg("command %u with word %u = %#x: %d", g->command, bads[i].word, bads[i].value, err);
	}
	server_alive(rig);
}

static void message_unknown_is_refused(void **state)
{
	struct rig *rig = *state;
	struct answer a;
	static const unsigned commands[] = {0, 6, 11, 12, 14, 16, 17, 18, 255, 0xffff};

	for (unsigned i = 0; i < N_OF(commands); i++)
		assert_int_equal(request(rig, commands[i], "12345678", 8, NULL), EOPNOTSUPP);
	/* Neither command nor reply. */
	send_raw(rig, VFIO_USER_DEVICE_RESET, 2, 16, NULL, 0, NULL, 0);
	assert_true(receive(rig, &a));
	assert_int_equal(a.head.error, EINVAL);
	assert_int_equal(rig->toy->resets, 0);
	server_alive(rig);
}

static void message_reply_is_ignored(void **state)
{
	struct rig *rig = *state;
	struct answer a;

	send_raw(rig, VFIO_USER_DEVICE_RESET, VFIO_USER_REPLY, 16, NULL, 0, NULL, 0);
	assert_false(receive(rig, &a));
	assert_int_equal(rig->toy->resets, 0);
	server_alive(rig);
}

static void message_posted_is_not_answered_even_when_bad(void **state)
{
	struct rig *rig = *state;
	const uint32_t write[] = {TOY_REG_SCRATCH, 0, 0, 4, 42};
	struct answer a;

	send_raw(rig, VFIO_USER_REGION_WRITE, VFIO_USER_NO_REPLY, 36, write, 20, NULL, 0);
	send_raw(rig, VFIO_USER_REGION_WRITE, VFIO_USER_NO_REPLY, 20, write, 4, NULL, 0);
	send_raw(rig, 99, VFIO_USER_NO_REPLY, 16, NULL, 0, NULL, 0);
	assert_false(receive(rig, &a));
	assert_int_equal(reg(rig, TOY_REG_SCRATCH), 42);
}

static void message_less_than_a_header_ends_the_connection(void **state)
{
	struct rig *rig = *state;
	struct answer a;

	send_raw(rig, VFIO_USER_DEVICE_RESET, 0, 15, NULL, 0, NULL, 0);
	assert_true(receive(rig, &a));
	assert_int_equal(a.head.error, EINVAL);
	assert_true(closed(rig));
	assert_int_equal(sim_server_poll(rig->server, 0), -EPIPE);
}

static void message_too_long_is_skipped(void **state)
{
	struct rig *rig = *state;
	static uint8_t junk[200000];
	struct vfio_user_header head = {.id = ++rig->id, .command = VFIO_USER_REGION_WRITE, .size = 16 + sizeof(junk)};
	struct answer a;
	size_t sent = 0;

	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(send(rig->sock, &head, sizeof(head), 0), sizeof(head));
	while (sent < sizeof(junk)) {
		ssize_t n = send(rig->sock, junk + sent, sizeof(junk) - sent, MSG_DONTWAIT);

		assert_false(receive(rig, &a));
		sent += n > 0 ? (size_t)n : 0;
		turn(rig);
	}
	assert_true(receive(rig, &a));
	assert_int_equal(a.head.error, E2BIG);
	server_alive(rig);
}

static void message_byte_by_byte_is_put_together(void **state)
{
	struct rig *rig = *state;
	struct {
		struct vfio_user_header head;
		struct vfio_user_dma_map map;
	} m = {
		.head = {.id = ++rig->id, .command = VFIO_USER_DMA_MAP, .size = 48},
		.map = {.argsz = 32, .flags = 3, .iova = 0x5000, .size = 0x1000},
	};
	struct answer a;

	for (size_t i = 0; i < sizeof(m); i++) {
		struct iovec iov = {.iov_base = (uint8_t *)&m + i, .iov_len = 1};

		assert_false(receive(rig, &a));
		/* The descriptor with a byte in the middle. */
		assert_int_equal(vfio_user_sock_send(rig->sock, &iov, 1, &rig->mem, i == 20, MSG_DONTWAIT), 1);
		turn(rig);
	}
	assert_true(receive(rig, &a));
	assert_int_equal(a.head.flags, VFIO_USER_REPLY);
	assert_non_null(sim_dma_at(&rig->toy->dev.dma, 0x5000, 0x1000, SIM_DMA_READ | SIM_DMA_WRITE));
}

static void fds_nobody_asked_for_are_closed(void **state)
{
	struct rig *rig = *state;
	unsigned before = open_fds();
	int many[VFIO_USER_MAX_FDS];

	for (unsigned i = 0; i < N_OF(many); i++)
		many[i] = rig->mem;
	for (unsigned i = 0; i < N_OF(goods); i++) {
		const struct good *g = &goods[i];

		/* One too many for each; SET_IRQS takes none with what it asks here. */
		assert_int_equal(request_fds(rig, g->command, g->words, g->len, many,
					     g->command == VFIO_USER_DMA_MAP ? 2 : 1, NULL),
				 EINVAL);
		assert_int_equal(request_fds(rig, g->command, g->words, g->len, many, N_OF(many), NULL), EINVAL);
	}
	assert_int_equal(request_fds(rig, 77, NULL, 0, many, 3, NULL), EOPNOTSUPP);
	send_raw(rig, VFIO_USER_DEVICE_RESET, VFIO_USER_REPLY, 16, NULL, 0, many, 5);
	assert_int_equal(open_fds(), before);
	server_alive(rig);
}

static void fds_more_than_fit_are_refused(void **state)
{
	struct rig *rig = *state;
	unsigned before = open_fds();
	struct {
		struct vfio_user_header head;
		struct vfio_irq_set set;
	} __attribute__((packed)) m = {
		.head = {.id = ++rig->id, .command = VFIO_USER_DEVICE_SET_IRQS, .size = 36},
		.set = {.argsz = 20,
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = 2,
			.count = 4},
	};
	struct answer a;
	int many[VFIO_USER_MAX_FDS];

	for (unsigned i = 0; i < N_OF(many); i++)
		many[i] = rig->mem;
	for (size_t i = 0; i < sizeof(m); i++) {
		struct iovec iov = {.iov_base = (uint8_t *)&m + i, .iov_len = 1};

		assert_int_equal(vfio_user_sock_send(rig->sock, &iov, 1, many, i < 3 ? N_OF(many) : 0, MSG_DONTWAIT),
				 1);
		turn(rig);
	}
	assert_true(receive(rig, &a));
	assert_int_equal(a.head.error, EMFILE);
	assert_int_equal(open_fds(), before);
	server_alive(rig);
}

static void dma_map_bounds_are_kept(void **state)
{
	struct rig *rig = *state;
	struct sim_dma *dma = &rig->toy->dev.dma;
	uint64_t top = UINT64_MAX - 0xfff;
	int ro = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), pipes[2];
	char path[64];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(dma_map(rig, 0x10000, 0x2000, 3, rig->mem, 0x1000), 0);
	/* Over it from both sides, inside, around. */
	assert_int_equal(dma_map(rig, 0xf000, 0x2000, 3, rig->mem, 0), EEXIST);
	assert_int_equal(dma_map(rig, 0x11000, 0x2000, 3, rig->mem, 0), EEXIST);
	assert_int_equal(dma_map(rig, 0x11000, 0x1000, 3, rig->mem, 0), EEXIST);
	assert_int_equal(dma_map(rig, 0xf000, 0x4000, 3, rig->mem, 0), EEXIST);
	/* Beyond the file, around the end of all addresses. */
	assert_int_equal(dma_map(rig, 0x20000, 0x5000, 3, rig->mem, 0), EINVAL);
	assert_int_equal(dma_map(rig, 0x20000, 0x1000, 3, rig->mem, 0x4000), EINVAL);
	assert_int_equal(dma_map(rig, 0x20000, 0x1000, 3, rig->mem, 1), EINVAL);
	assert_int_equal(dma_map(rig, 0x20000, 0x1000, 3, rig->mem, top), EINVAL);
	assert_int_equal(dma_map(rig, top, 0x2000, 3, rig->mem, 0), EOVERFLOW);
	assert_int_equal(dma_map(rig, 0x20000, 0x2000, 3, rig->mem, top), EOVERFLOW);
	assert_int_equal(dma_map(rig, top, 0x1000, 3, rig->mem, 0), 0);
	/* Not ours to write, no file at all. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rig->mem);
	close(ro);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(dma_map(rig, 0x30000, 0x1000, 3, ro, 0), EACCES);
	assert_int_equal(dma_map(rig, 0x30000, 0x1000, 1, ro, 0), 0);
	assert_int_equal(dma_map(rig, 0x40000, 0x1000, 1, pipes[0], 0), EINVAL);

	assert_non_null(sim_dma_at(dma, 0x10000, 0x2000, SIM_DMA_READ | SIM_DMA_WRITE));
	assert_non_null(sim_dma_at(dma, 0x11fff, 1, SIM_DMA_READ));
	assert_non_null(sim_dma_at(dma, top, 0x1000, SIM_DMA_READ));
	assert_null(sim_dma_at(dma, top, 0x1001, SIM_DMA_READ));
	assert_null(sim_dma_at(dma, 0x10000, 0x2001, SIM_DMA_READ));
	assert_null(sim_dma_at(dma, 0xffff, 1, SIM_DMA_READ));
	assert_null(sim_dma_at(dma, 0x12000, 1, SIM_DMA_READ));
	assert_null(sim_dma_at(dma, 0x11000, UINT64_MAX, SIM_DMA_READ));
	assert_non_null(sim_dma_at(dma, 0x30000, 1, SIM_DMA_READ));
	assert_null(sim_dma_at(dma, 0x30000, 1, SIM_DMA_WRITE));
	assert_int_equal(dma->refused, 6);
	assert_int_equal(dma->refused_iova, 0x30000);
	close(ro);
	close(pipes[0]);
	close(pipes[1]);
}

static void dma_map_without_descriptor_is_known_but_out_of_reach(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(dma_map(rig, 0xc0000, 0x1000, 3, -1, 0xc0000), 0);
	assert_int_equal(dma_map(rig, 0xc0000, 0x1000, 3, rig->mem, 0), EEXIST);
	assert_null(sim_dma_at(&rig->toy->dev.dma, 0xc0000, 1, SIM_DMA_READ));
	assert_int_equal(dma_unmap(rig, 0xc0000, 0x1000), 0);
}

static void dma_unmap_memory_is_out_of_reach(void **state)
{
	struct rig *rig = *state;
	struct sim_dma *dma = &rig->toy->dev.dma;

	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(dma_map(rig, 0x10000 + i * 0x1000, 0x1000, 3, rig->mem, 0), 0);
	assert_non_null(sim_dma_at(dma, 0x11000, 16, SIM_DMA_READ));
	assert_int_equal(dma_unmap(rig, 0x11000, 0x2000), ENOENT);
	assert_int_equal(dma_unmap(rig, 0x11800, 0x800), ENOENT);
	assert_int_equal(dma_unmap(rig, 0x11000, 0x1000), 0);
	assert_null(sim_dma_at(dma, 0x11000, 16, SIM_DMA_READ));
	assert_int_equal(dma_unmap(rig, 0x11000, 0x1000), ENOENT);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(dma_unmap(rig, 0x10000 + i * 0x1000, 0x1000), i == 1 ? ENOENT : 0);
	assert_int_equal(dma->n_maps, 0);
}

static void dma_memory_cut_off_drops_the_client(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(sim_guard_install(), 0);
	assert_int_equal(dma_map(rig, 0x10000, 0x4000, 3, rig->mem, 0), 0);
	assert_int_equal(ftruncate(rig->mem, 0), 0);
	sim_guard_set(&rig->toy->dev.dma);
	write_region(rig, 0, TOY_REG_IOVA, 0x10000, 8);
	write_region(rig, 0, TOY_REG_LEN, 0x4000, 8);
	write_region(rig, 0, TOY_REG_FILL, 1, 8);
	sim_guard_set(NULL);
	assert_true(closed(rig));
	assert_int_equal(rig->toy->dev.dma.n_maps, 0);
	assert_int_equal(rig->toy->resets, 1);
}

static void region_info_without_room_tells_how_much(void **state)
{
	struct rig *rig = *state;
	struct vfio_region_info info = {.argsz = sizeof(info)};
	const size_t whole = sizeof(info) + sizeof(struct vfio_region_info_cap_sparse_mmap) +
			     2 * sizeof(struct vfio_region_sparse_mmap_area);
	struct answer a;

	assert_int_equal(request(rig, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), &a), 0);
	assert_int_equal(a.len, sizeof(info));
	memcpy(&info, a.payload, sizeof(info));
	assert_int_equal(info.argsz, whole);
	assert_int_equal(info.cap_offset, 0);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	assert_int_equal(a.fds.n, 0);
	info = (struct vfio_region_info){.argsz = (uint32_t)whole};
	assert_int_equal(request(rig, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), &a), 0);
	assert_int_equal(a.len, whole);
	assert_int_equal(a.fds.n, 1);
	/* The client cannot take the memory away from under the model. */
	assert_int_equal(ftruncate(a.fds.fd[0], 0), -1);
	vfio_user_fds_close(&a.fds);
}

static void region_access_is_cut_into_what_a_bus_does(void **state)
{
	struct rig *rig = *state;
	struct answer a;
	uint64_t v;

	assert_int_equal(write_region(rig, 0, TOY_REG_SCRATCH, 0x8877665544332211, 8), 0);
	assert_int_equal(read_region(rig, 0, TOY_REG_SCRATCH + 1, 6, &a), 0);
	memcpy(&v, a.payload + 16, sizeof(v));
	assert_true((v & 0xffffffffffff) == 0x776655443322);
	assert_int_equal(read_region(rig, 0, 0, 4096, &a), EIO); /* one register in it fails */
	assert_int_equal(read_region(rig, 0, 0x1000, 4096, &a), 0);
	assert_int_equal(a.len, 16 + 4096);
	assert_int_equal(read_region(rig, VFIO_PCI_CONFIG_REGION_INDEX, 0, 256, &a), 0);
	assert_int_equal(read_region(rig, VFIO_PCI_CONFIG_REGION_INDEX, 255, 2, &a), EINVAL);
	assert_int_equal(write_region(rig, VFIO_PCI_ROM_REGION_INDEX, 0, 1, 4), EPERM);
	assert_int_equal(read_region(rig, VFIO_PCI_BAR1_REGION_INDEX, 0, 1, &a), EINVAL);
	assert_int_equal(write_region(rig, 0, TOY_REG_BROKEN, 1, 4), EIO);
	server_alive(rig);
}

/* Three writes: to a register that keeps what is written, to @offset, and to the first again. How many were done, or -errno. */
static int write_three(struct rig *rig, uint64_t offset, uint32_t count)
{
	const struct {
		struct vfio_user_write_multi head;
		struct vfio_user_multi_write writes[3];
	} m = {
		.head = {.n_writes = 3},
		.writes = {
			{.access = {.offset = TOY_REG_SCRATCH, .count = 8}, .data = 0x1111},
			{.access = {.offset = offset, .count = count}, .data = 0x2222},
			{.access = {.offset = TOY_REG_SCRATCH, .count = 2}, .data = 0x3333},
		},
	};
	struct answer a;
	uint64_t n_done;
	int err = request(rig, VFIO_USER_REGION_WRITE_MULTI, &m, sizeof(m), &a);

	if (err)
		return -err;
	assert_int_equal(a.len, sizeof(n_done));
	memcpy(&n_done, a.payload, sizeof(n_done));
	return (int)n_done;
}

static uint64_t scratch(struct rig *rig)
{
	struct answer a;
	uint64_t v;

	assert_int_equal(read_region(rig, 0, TOY_REG_SCRATCH, 8, &a), 0);
	memcpy(&v, a.payload + 16, sizeof(v));
	return v;
}

static void write_multi_is_done_in_order_up_to_what_fails(void **state)
{
	static const struct {
		uint64_t offset;
		uint32_t count;
	} bad[] = {{TOY_REG_BROKEN, 4}, {TOY_REG_IOVA, 9}, {TOY_REG_IOVA, 0}, {1ULL << 40, 4}, {UINT64_MAX, 8}};
	struct rig *rig = *state;
	uint8_t first[32] = {1};

	assert_int_equal(write_three(rig, TOY_REG_SCRATCH + 2, 2), 3);
	assert_true(scratch(rig) == 0x22223333);
	for (unsigned i = 0; i < N_OF(bad); i++) {
		assert_int_equal(write_three(rig, bad[i].offset, bad[i].count), 1);
		assert_true(scratch(rig) == 0x1111);
	}
	/* Not even the first: that is an error. */
	memcpy(first + 8, &(uint64_t){TOY_REG_BROKEN}, 8);
	first[20] = 4;
	assert_int_equal(request(rig, VFIO_USER_REGION_WRITE_MULTI, first, sizeof(first), NULL), EIO);
	first[0] = 2;
	assert_int_equal(request(rig, VFIO_USER_REGION_WRITE_MULTI, first, sizeof(first), NULL), EINVAL);
	server_alive(rig);
}

static int set_irqs(struct rig *rig, uint32_t flags, uint32_t index, uint32_t start, uint32_t count, const void *bools,
		    const int *fds, unsigned n_fds)
{
	struct {
		struct vfio_irq_set set;
		uint8_t bools[64];
	} m = {.set = {.flags = flags, .index = index, .start = start, .count = count}};
	size_t len = sizeof(m.set) + (bools ? count : 0);

	m.set.argsz = (uint32_t)len;
	if (bools)
		memcpy(m.bools, bools, count);
	return request_fds(rig, VFIO_USER_DEVICE_SET_IRQS, &m, len, fds, n_fds, NULL);
}

static bool fired(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n);
}

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX

static void set_irqs_every_kind_of_data_does_its_action(void **state)
{
	struct rig *rig = *state;
	static const uint8_t bools[] = {1, 0, 1};
	uint64_t one = 1;
	int fds[3], mask, unmask;

	for (unsigned i = 0; i < 3; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	mask = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	unmask = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_int_equal(set_irqs(rig, EVENTFD | TRIGGER, MSIX, 1, 3, NULL, fds, 3), 0);
	assert_int_equal(set_irqs(rig, BOOL | TRIGGER, MSIX, 1, 3, bools, NULL, 0), 0);
	assert_true(fired(fds[0]));
	assert_false(fired(fds[1]));
	assert_true(fired(fds[2]));
	assert_int_equal(set_irqs(rig, NONE | TRIGGER, MSIX, 1, 2, NULL, NULL, 0), 0);
	assert_true(fired(fds[0]) && fired(fds[1]));
	/* Too few descriptors, one that is none; then a vector without. */
	assert_int_equal(set_irqs(rig, EVENTFD | TRIGGER, MSIX, 1, 3, NULL, fds, 2), EINVAL);
	assert_int_equal(set_irqs(rig, EVENTFD | TRIGGER, MSIX, 1, 1, NULL, &rig->mem, 1), EINVAL);
	assert_int_equal(set_irqs(rig, EVENTFD | TRIGGER, MSIX, 1, 1, NULL, NULL, 0), 0);
	assert_int_equal(set_irqs(rig, NONE | TRIGGER, MSIX, 1, 2, NULL, NULL, 0), 0);
	assert_true(!fired(fds[0]) && fired(fds[1]));
	assert_int_equal(set_irqs(rig, NONE | MASK, MSIX, 1, 1, NULL, NULL, 0), EOPNOTSUPP);
	assert_int_equal(set_irqs(rig, NONE | TRIGGER, MSIX, 0, 0, NULL, NULL, 0), 0);
	assert_int_equal(set_irqs(rig, NONE | TRIGGER, MSIX, 1, 2, NULL, NULL, 0), 0);
	assert_false(fired(fds[1]));

	/* INTx: masks itself, and by each kind of data. */
	assert_int_equal(set_irqs(rig, EVENTFD | TRIGGER, INTX, 0, 1, NULL, fds, 1), 0);
	assert_int_equal(write_region(rig, 0, TOY_REG_INTX, 1, 4), 0);
	assert_true(fired(fds[0]));
	assert_int_equal(write_region(rig, 0, TOY_REG_INTX, 1, 4), 0);
	assert_false(fired(fds[0]));
	assert_int_equal(set_irqs(rig, BOOL | UNMASK, INTX, 0, 1, "\0", NULL, 0), 0);
	assert_false(fired(fds[0]));
	assert_int_equal(set_irqs(rig, BOOL | UNMASK, INTX, 0, 1, "\1", NULL, 0), 0);
	assert_true(fired(fds[0]));
	assert_int_equal(set_irqs(rig, EVENTFD | MASK, INTX, 0, 1, NULL, &mask, 1), 0);
	assert_int_equal(set_irqs(rig, EVENTFD | UNMASK, INTX, 0, 1, NULL, &unmask, 1), 0);
	assert_int_equal(write(unmask, &one, sizeof(one)), sizeof(one));
	turn(rig);
	assert_int_equal(write(mask, &one, sizeof(one)), sizeof(one));
	turn(rig);
	assert_int_equal(write_region(rig, 0, TOY_REG_INTX, 1, 4), 0);
	assert_false(fired(fds[0]));
	assert_int_equal(write(unmask, &one, sizeof(one)), sizeof(one));
	turn(rig);
	assert_true(fired(fds[0]));
	assert_int_equal(set_irqs(rig, EVENTFD | UNMASK, INTX, 0, 1, NULL, NULL, 0), 0);
	assert_int_equal(set_irqs(rig, NONE | TRIGGER, INTX, 0, 0, NULL, NULL, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	close(mask);
	close(unmask);
}

/* A counter that is full, on an eventfd that blocks: the model thread must not. */
static void irq_full_eventfd_does_not_block(void **state)
{
	struct rig *rig = *state;
	uint64_t full = UINT64_MAX - 1, n;
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_int_equal(write(fd, &full, sizeof(full)), sizeof(full));
	assert_int_equal(set_irqs(rig, EVENTFD | TRIGGER, MSIX, 0, 1, NULL, &fd, 1), 0);
	assert_int_equal(write_region(rig, 0, TOY_REG_RAISE, 0, 4), 0);
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	assert_true(n == full);
	close(fd);
}

/* Replies that nobody reads are not heaped up; once they are read, all come. */
static void reply_not_read_holds_the_next_message_back(void **state)
{
	struct rig *rig = *state;
	const struct vfio_user_region_access access = {.offset = 0x1000, .region = 0, .count = 0x5000};
	struct vfio_user_header head = {.command = VFIO_USER_REGION_READ, .size = 32};
	struct iovec iov[2] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = (void *)(uintptr_t)&access, .iov_len = sizeof(access)},
	};
	struct vfio_user_fds fds = {0};
	static uint8_t sink[65536];
	unsigned sent = 0;
	size_t expected, got = 0;
	ssize_t n;

	while (sent < 200 && vfio_user_sock_send(rig->sock, iov, 2, NULL, 0, MSG_DONTWAIT) == 32) {
		turn(rig);
		sent++;
	}
	assert_true(sent > 10);
	expected = sent * (32 + (size_t)access.count);
	for (unsigned idle = 0; idle < 3; idle++) {
		while ((n = vfio_user_sock_recv(rig->sock, sink, sizeof(sink), MSG_DONTWAIT, &fds)) > 0) {
			got += (size_t)n;
			turn(rig);
			idle = 0;
		}
		turn(rig);
	}
	assert_int_equal(got, expected);
	server_alive(rig);
}

static void listen_path_is_guarded(void **state)
{
	struct rig *rig = *state;
	char dir[] = "/tmp/vireo-test-XXXXXX", path[64], aside[64], longest[200];
	struct sim_server *a = NULL, *b = NULL;
	struct toy *toy = toy_create(NULL);
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(sim_server_listen(longest, &toy->dev, &a), -ENAMETOOLONG);
	assert_int_equal(sim_server_listen("/nowhere/at/all", &toy->dev, &a), -ENOENT);
	assert_int_equal(sim_server_listen(path, &toy->dev, &a), 0);
	assert_int_equal(sim_server_listen(path, &rig->toy->dev, &b), -EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
	/* Somebody else's by now: not removed. */
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	sim_server_destroy(a);
	assert_int_equal(access(path, F_OK), 0);
	/* And no socket is made over a file. */
	assert_int_equal(sim_server_listen(path, &toy->dev, &a), -EADDRINUSE);
	close(fd);
	unlink(path);
	/* A socket whose owner died is in nobody's way. */
	assert_int_equal(sim_server_listen(path, &toy->dev, &a), 0);
	snprintf(aside, sizeof(aside), "%s/aside", dir);
	assert_int_equal(rename(path, aside), 0);
	sim_server_destroy(a);
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(sim_server_listen(path, &toy->dev, &a), 0);
	sim_server_destroy(a);
	assert_int_equal(access(path, F_OK), -1);
	toy->dev.ops->destroy(&toy->dev);
	rmdir(dir);
}

static void attach_unsealed_region_is_refused(void **state)
{
	struct rig *rig = *state;
	struct toy *toy = toy_create(NULL);
	struct sim_server *server = NULL;
	int fd = toy->dev.regions[0].fd, socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	toy->dev.regions[0].fd = rig->mem;
	assert_int_equal(sim_server_attach(socks[0], &toy->dev, &server), -EINVAL);
	close(socks[1]);
	toy->dev.regions[0].fd = fd;
	toy->dev.ops->destroy(&toy->dev);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(version_good_is_answered_once, setup_silent, teardown),
		TEST(message_good_is_answered),
		TEST(message_short_or_long_is_refused),
		TEST(message_bad_field_is_refused),
		TEST(message_unknown_is_refused),
		TEST(message_reply_is_ignored),
		TEST(message_posted_is_not_answered_even_when_bad),
		TEST(message_less_than_a_header_ends_the_connection),
		TEST(message_too_long_is_skipped),
		TEST(message_byte_by_byte_is_put_together),
		TEST(fds_nobody_asked_for_are_closed),
		TEST(fds_more_than_fit_are_refused),
		TEST(dma_map_bounds_are_kept),
		TEST(dma_map_without_descriptor_is_known_but_out_of_reach),
		TEST(dma_unmap_memory_is_out_of_reach),
		TEST(dma_memory_cut_off_drops_the_client),
		TEST(region_info_without_room_tells_how_much),
		TEST(region_access_is_cut_into_what_a_bus_does),
		TEST(write_multi_is_done_in_order_up_to_what_fails),
		TEST(set_irqs_every_kind_of_data_does_its_action),
		TEST(irq_full_eventfd_does_not_block),
		TEST(reply_not_read_holds_the_next_message_back),
		TEST(listen_path_is_guarded),
		TEST(attach_unsealed_region_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
