// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session between a client and a server is recorded, byte by byte with its descriptors. Then each side is played what
 * the other said: cut off behind every byte, and with every byte changed. Whatever comes of it, nobody crashes, waits
 * or keeps a descriptor. Scripts of our own say what no change of one byte says.
 */
#include "unit.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"
#include "toy_device.h"
#include "vfio_user_conn.h"

#define MAX_BYTES  8192
#define MAX_PASSED 16

/* One direction of a session. */
struct track {
	uint8_t bytes[MAX_BYTES];
	size_t len;
	unsigned n_passed;
	struct {
		size_t at; /* sent with this byte */
		int fd;
	} passed[MAX_PASSED];
};

static struct track requests, replies;
static int memory, event;

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A client that does everything once; returns the first error, and goes on as long as it makes sense. */
static int session(struct vfio_user_conn *conn)
{
	struct vfio_device_info info;
	struct vfio_irq_info irq;
	struct vfio_user_region region;
	uint8_t bools[2] = {1, 0};
	uint32_t v = 1;
	int err, ret = 0;

#define STEP(call)                                                                                                     \
	do {                                                                                                           \
		err = (call);                                                                                          \
		ret = ret ? ret : err;                                                                                 \
	} while (0)
	STEP(vfio_user_device_info(conn, &info));
	STEP(vfio_user_region_info(conn, 0, &region));
	if (!err && region.fd >= 0) {
		/* What was checked can be mapped and touched. */
		for (unsigned i = 0; i < region.n_areas; i++) {
			volatile uint8_t *va = mmap(NULL, region.areas[i].size, PROT_READ | PROT_WRITE, MAP_SHARED,
						    region.fd, (off_t)(region.fd_offset + region.areas[i].offset));

			if (va == MAP_FAILED)
				continue;
			va[region.areas[i].size - 1] = 1;
			munmap((void *)(uintptr_t)va, region.areas[i].size);
		}
		close(region.fd);
	}
	STEP(vfio_user_irq_info(conn, VFIO_PCI_MSIX_IRQ_INDEX, &irq));
	STEP(vfio_user_dma_map(conn, 0x10000, 0x1000, 3, memory, 0));
	STEP(vfio_user_irqs_eventfd(conn, VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 1, &event));
	STEP(vfio_user_irqs_bool(conn, VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 2, bools));
	STEP(vfio_user_region_write(conn, 0, TOY_REG_SCRATCH, &v, 4, true));
	STEP(vfio_user_region_write(conn, 0, TOY_REG_SCRATCH, &v, 4, false));
	STEP(vfio_user_region_read(conn, 0, TOY_REG_SCRATCH, &v, 4));
	vfio_user_conn_hold(conn);
	STEP(vfio_user_region_write(conn, 0, TOY_REG_SCRATCH, &v, 4, true));
	STEP(vfio_user_region_write(conn, 0, TOY_REG_IOVA, &v, 4, true));
	STEP(vfio_user_conn_release(conn));
	STEP(vfio_user_dma_unmap(conn, 0x10000, 0x1000));
	STEP(vfio_user_reset(conn));
#undef STEP
	return ret;
}

static void *client(void *arg)
{
	struct vfio_user_conn conn;
	int err = vfio_user_conn_open(&conn, *(int *)arg, 0);

	if (!err)
		err = session(&conn);
	vfio_user_conn_close(&conn);
	return (void *)(intptr_t)err;
}

/* Pass on what is there now, and write it down; false at the end. */
static bool forward(int from, int to, struct track *track)
{
	struct vfio_user_fds fds = {0};
	struct iovec iov = {.iov_base = track->bytes + track->len};
	ssize_t n = vfio_user_sock_recv(from, iov.iov_base, sizeof(track->bytes) - track->len, MSG_DONTWAIT, &fds);

	if (n <= 0)
		return n != 0;
	iov.iov_len = (size_t)n;
	assert_int_equal(vfio_user_sock_send(to, &iov, 1, fds.fd, fds.n, 0), n);
	for (unsigned i = 0; i < fds.n; i++) {
		assert_true(track->n_passed < MAX_PASSED);
		track->passed[track->n_passed].at = track->len;
		track->passed[track->n_passed++].fd = fds.fd[i];
	}
	track->len += (size_t)n;
	return true;
}

static int record(void **state)
{
	int left[2], right[2];
	struct toy *toy = toy_create(NULL);
	struct sim_server *server = NULL;
	pthread_t thread;
	void *err;

	memory = memfd_create("client", MFD_CLOEXEC);
	assert_int_equal(ftruncate(memory, 4096), 0);
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, left), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, right), 0);
	assert_int_equal(sim_server_attach(right[1], &toy->dev, &server), 0);
	assert_int_equal(pthread_create(&thread, NULL, client, &left[1]), 0);
	while (forward(left[0], right[0], &requests)) {
		struct pollfd p = {.fd = left[0], .events = POLLIN};

		sim_server_poll(server, 0);
		forward(right[0], left[0], &replies);
		poll(&p, 1, 1);
	}
	pthread_join(thread, &err);
	assert_null(err);
	sim_server_destroy(server);
	toy->dev.ops->destroy(&toy->dev);
	close(left[0]);
	close(right[0]);
	return 0;
}

static int forget(void **state)
{
	struct track *tracks[] = {&requests, &replies};

	for (unsigned t = 0; t < 2; t++) {
		for (unsigned i = 0; i < tracks[t]->n_passed; i++)
			close(tracks[t]->passed[i].fd);
	}
	close(memory);
	close(event);
	return 0;
}

/* Say the first @len bytes; @bytes may differ from what was recorded. All of it fits into a socket. */
static void play(int sock, const struct track *track, const uint8_t *bytes, size_t len)
{
	unsigned passed = 0;

	for (size_t at = 0; at < len;) {
		struct iovec iov = {.iov_base = (void *)(uintptr_t)(bytes + at)};
		int fds[MAX_PASSED];
		unsigned n_fds = 0;
		size_t end = len;

		for (; passed < track->n_passed && track->passed[passed].at == at; passed++)
			fds[n_fds++] = track->passed[passed].fd;
		if (passed < track->n_passed && track->passed[passed].at < end)
			end = track->passed[passed].at;
		iov.iov_len = end - at;
		/* Whoever has hung up already heard enough. */
		if (vfio_user_sock_send(sock, &iov, 1, fds, n_fds, MSG_DONTWAIT) != (ssize_t)iov.iov_len)
			return;
		at = end;
	}
}

static void play_to_server(const uint8_t *bytes, size_t len)
{
	struct toy *toy = toy_create(NULL);
	struct sim_server *server = NULL;
	uint8_t sink[4096];
	struct vfio_user_fds fds = {0};
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	assert_int_equal(sim_server_attach(socks[1], &toy->dev, &server), 0);
	play(socks[0], &requests, bytes, len);
	for (unsigned i = 0; i < 4; i++)
		sim_server_poll(server, 0);
	while (vfio_user_sock_recv(socks[0], sink, sizeof(sink), MSG_DONTWAIT, &fds) > 0)
		vfio_user_fds_close(&fds);
	close(socks[0]);
	assert_int_equal(sim_server_poll(server, 0), -EPIPE);
	assert_true(toy->resets > 0);
	assert_int_equal(toy->dev.dma.n_maps, 0);
	assert_int_equal(toy->dev.irqs[VFIO_PCI_MSIX_IRQ_INDEX].fds[0], -1);
	sim_server_destroy(server);
	toy->dev.ops->destroy(&toy->dev);
}

/* What the client makes of it: 0, or the first error. */
static int play_to_client(const uint8_t *bytes, size_t len)
{
	struct vfio_user_conn conn;
	int socks[2], err;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	play(socks[0], &replies, bytes, len);
	/* The end follows at once, so nobody waits for a deadline; requests still find a socket. */
	shutdown(socks[0], SHUT_WR);
	err = vfio_user_conn_open(&conn, socks[1], 0);
	if (!err)
		err = session(&conn);
	if (err == -ENODEV)
		assert_non_null(vfio_user_conn_why(&conn));
	vfio_user_conn_close(&conn);
	close(socks[0]);
	return err;
}

static void server_client_lost_at_every_byte(void **state)
{
	unsigned before = open_fds();

	assert_true(requests.n_passed == 2 && requests.len > 300);
	for (size_t len = 0; len <= requests.len; len++)
		play_to_server(requests.bytes, len);
	assert_int_equal(open_fds(), before);
}

static void server_every_byte_changed_survives(void **state)
{
	unsigned before = open_fds();
	static uint8_t bytes[MAX_BYTES];

	for (size_t at = 0; at < requests.len; at++) {
		static const uint8_t changes[] = {0x01, 0x80, 0xff};

		for (unsigned c = 0; c < N_OF(changes); c++) {
			memcpy(bytes, requests.bytes, requests.len);
			bytes[at] ^= changes[c];
			play_to_server(bytes, requests.len);
		}
	}
	assert_int_equal(open_fds(), before);
}

static void client_server_lost_at_every_byte(void **state)
{
	unsigned before = open_fds();

	assert_true(replies.n_passed == 1 && replies.len > 300);
	for (size_t len = 0; len < replies.len; len++)
		assert_int_equal(play_to_client(replies.bytes, len), -ENODEV);
	assert_int_equal(play_to_client(replies.bytes, replies.len), 0);
	assert_int_equal(open_fds(), before);
}

static void client_every_byte_changed_survives(void **state)
{
	unsigned before = open_fds(), refused = 0;
	static uint8_t bytes[MAX_BYTES];

	for (size_t at = 0; at < replies.len; at++) {
		static const uint8_t changes[] = {0x01, 0x80, 0xff};

		for (unsigned c = 0; c < N_OF(changes); c++) {
			memcpy(bytes, replies.bytes, replies.len);
			bytes[at] ^= changes[c];
			refused += play_to_client(bytes, replies.len) != 0;
		}
	}
	/* Every header, count and echo: much of it cannot be changed unnoticed. */
	assert_true(refused > replies.len);
	assert_int_equal(open_fds(), before);
}

/* A server that has said what it says before anybody asks. */
struct script {
	int sock; /* its end */
	struct vfio_user_conn conn;
	uint16_t id;
};

static void say(struct script *s, unsigned command, uint32_t flags, const void *payload, size_t len, const int *fds,
		unsigned n_fds)
{
	const struct vfio_user_header head = {
		.id = flags & VFIO_USER_REPLY ? s->id++ : 7,
		.command = (uint16_t)command,
		.size = (uint32_t)(sizeof(head) + len),
		.flags = flags,
	};
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)&head, .iov_len = sizeof(head)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = len},
	};

	assert_int_equal(vfio_user_sock_send(s->sock, iov, 2, fds, n_fds, 0), sizeof(head) + len);
}

static void script_start(struct script *s, const char *text, unsigned timeout_ms, int expected)
{
	struct {
		struct vfio_user_version v;
		char text[256];
	} version = {.v = {0, 1}};
	int socks[2];

	*s = (struct script){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	s->sock = socks[0];
	strcpy(version.text, text);
	say(s, VFIO_USER_VERSION, VFIO_USER_REPLY, &version, sizeof(version.v) + strlen(text) + 1, NULL, 0);
	assert_int_equal(vfio_user_conn_open(&s->conn, socks[1], timeout_ms), expected);
}

static void script_end(struct script *s)
{
	vfio_user_conn_close(&s->conn);
	close(s->sock);
}

static void client_silent_server_times_out(void **state)
{
	unsigned before = open_fds();
	struct script s;
	struct vfio_device_info info;

	script_start(&s, "{}", 30, 0);
	assert_int_equal(vfio_user_device_info(&s.conn, &info), -ETIMEDOUT);
	assert_non_null(strstr(vfio_user_conn_why(&s.conn), "did not answer for 30 ms"));
	/* Too late: a reply that comes now is nobody's. */
	say(&s, VFIO_USER_DEVICE_GET_INFO, VFIO_USER_REPLY, &info, 16, NULL, 0);
	assert_int_equal(vfio_user_device_info(&s.conn, &info), -ENODEV);
	script_end(&s);
	assert_int_equal(open_fds(), before);
}

static void client_bad_version_is_refused(void **state)
{
	static const struct vfio_user_version bad[] = {{1, 0}, {0, 2}, {0xffff, 0xffff}};
	struct script s;

	for (unsigned i = 0; i < N_OF(bad); i++) {
		int socks[2];

		s = (struct script){0};
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
		s.sock = socks[0];
		say(&s, VFIO_USER_VERSION, VFIO_USER_REPLY, &bad[i], sizeof(bad[i]), NULL, 0);
		assert_int_equal(vfio_user_conn_open(&s.conn, socks[1], 0), -EPROTONOSUPPORT);
		assert_non_null(strstr(vfio_user_conn_why(&s.conn), "speaks version"));
		script_end(&s);
	}
	script_start(&s, "no JSON", 0, -ENODEV);
	script_end(&s);
	script_start(&s, "{\"capabilities\":{\"max_data_xfer_size\":0}}", 0, -ENODEV);
	script_end(&s);
}

static void client_server_asks_for_memory_is_refused(void **state)
{
	const struct vfio_user_dma_access access = {.iova = 0x10000, .count = 8};
	const uint32_t info_reply[4] = {16, 2, 9, 5};
	struct vfio_user_header head;
	struct vfio_device_info info;
	struct script s;
	uint8_t sink[512];
	ssize_t n;

	script_start(&s, "{}", 0, 0);
	say(&s, VFIO_USER_DMA_READ, 0, &access, sizeof(access), &memory, 1);
	say(&s, VFIO_USER_DMA_WRITE, VFIO_USER_NO_REPLY, &access, sizeof(access), NULL, 0);
	say(&s, VFIO_USER_DEVICE_GET_INFO, VFIO_USER_REPLY, info_reply, sizeof(info_reply), NULL, 0);
	assert_int_equal(vfio_user_device_info(&s.conn, &info), 0);
	assert_int_equal(info.num_regions, 9);
	/* The last that the server hears is the refusal, and only one. */
	n = recv(s.sock, sink, sizeof(sink), MSG_DONTWAIT);
	assert_true(n > (ssize_t)sizeof(head));
	memcpy(&head, sink + n - sizeof(head), sizeof(head));
	assert_int_equal(head.id, 7);
	assert_int_equal(head.command, VFIO_USER_DMA_READ);
	assert_int_equal(head.flags, VFIO_USER_REPLY | VFIO_USER_ERROR);
	assert_int_equal(head.error, EOPNOTSUPP);
	script_end(&s);
}

static void client_error_codes_are_believed_within_reason(void **state)
{
	static const struct {
		uint32_t error;
		int expected;
	} cases[] = {{EINVAL, -EINVAL}, {0, -EIO}, {4096, -EIO}, {0xffffffff, -EIO}, {0x80000000, -EIO}};
	struct script s;

	for (unsigned i = 0; i < N_OF(cases); i++) {
		const struct vfio_user_header head = {
			.id = 1,
			.command = VFIO_USER_DEVICE_RESET,
			.size = 16,
			.flags = VFIO_USER_REPLY | VFIO_USER_ERROR,
			.error = cases[i].error,
		};

		script_start(&s, "{}", 0, 0);
		assert_int_equal(send(s.sock, &head, sizeof(head), 0), sizeof(head));
		assert_int_equal(vfio_user_reset(&s.conn), cases[i].expected);
		assert_null(vfio_user_conn_why(&s.conn));
		script_end(&s);
	}
}

/* A region as the server tells it. */
struct told {
	struct vfio_region_info info;
	struct vfio_region_info_cap_sparse_mmap sparse;
	struct vfio_region_sparse_mmap_area areas[40];
};

static struct told good_region(void)
{
	return (struct told){
		.info = {.argsz = sizeof(struct told),
			 .flags = 15,
			 .index = 0,
			 .cap_offset = sizeof(struct vfio_region_info),
			 .size = 0x10000},
		.sparse = {.header = {.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1}, .nr_areas = 2},
		/* The order is the server's business. */
		.areas = {{.offset = 0x4000, .size = 0x1000}, {.offset = 0x1000, .size = 0x2000}},
	};
}

/* Whether the areas are taken; what is wrong about them is no reason not to use the region by messages. */
static bool is_shared(const struct told *told, int fd, unsigned n_fds)
{
	const int fds[] = {fd, fd, fd};
	struct vfio_user_region region;
	struct script s;

	script_start(&s, "{}", 0, 0);
	say(&s, VFIO_USER_DEVICE_GET_REGION_INFO, VFIO_USER_REPLY, told, sizeof(*told), fds, n_fds);
	assert_int_equal(vfio_user_region_info(&s.conn, 0, &region), 0);
	assert_int_equal(region.size, told->info.size);
	script_end(&s);
	if (region.fd < 0) {
		assert_int_equal(region.n_areas, 0);
		assert_false(region.flags & VFIO_REGION_INFO_FLAG_MMAP);
		return false;
	}
	close(region.fd);
	return true;
}

static void client_region_that_makes_no_sense_is_not_mapped(void **state)
{
	unsigned before = open_fds();
	int fd = sim_region_memfd("test", 0x10000), loose = memfd_create("loose", MFD_CLOEXEC), pipes[2];
	struct told t = good_region();

	assert_int_equal(ftruncate(loose, 0x10000), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_true(is_shared(&t, fd, 1));
	assert_true(is_shared(&t, fd, 3));
	/* No descriptor; one that may shrink; one that is no file. */
	assert_false(is_shared(&t, fd, 0));
	assert_false(is_shared(&t, loose, 1));
	assert_false(is_shared(&t, pipes[0], 1));
#define BAD(change)                                                                                                    \
	do {                                                                                                           \
		t = good_region();                                                                                     \
		change;                                                                                                \
		assert_false(is_shared(&t, fd, 1));                                                                    \
	} while (0)
	BAD(t.info.flags &= ~VFIO_REGION_INFO_FLAG_MMAP);
	BAD(t.info.offset = 0x1000 * 12); /* the areas end behind the file */
	BAD(t.info.offset = 1);
	BAD(t.info.offset = UINT64_MAX & ~0xfffULL);
	BAD(t.info.size = 0x4fff);
	BAD(t.info.size = 0);
	BAD(t.sparse.nr_areas = 33);
	BAD(t.sparse.nr_areas = UINT32_MAX);
	BAD(t.areas[0].offset = 0x2000); /* overlap */
	BAD(t.areas[0].offset = 0x4001);
	BAD(t.areas[0].size = 0);
	BAD(t.areas[0].size = 0x1001);
	BAD(t.areas[0].size = UINT64_MAX & ~0xfffULL);
	BAD(t.areas[0].offset = UINT64_MAX & ~0xfffULL);
	BAD(t.areas[0].offset = 0x10000);
	BAD(t.info.cap_offset = sizeof(t) - 4; t.info.size = 0x20000);
	BAD(t.info.cap_offset = UINT32_MAX; t.info.size = 0x20000);
	BAD(t.sparse.header.id = 99; t.sparse.header.next = sizeof(t.info); t.info.size = 0x20000);
	/* Another capability before it is skipped. */
	t = good_region();
	t.info.cap_offset = offsetof(struct told, areas[20]);
	memcpy(&t.areas[20], &(struct vfio_info_cap_header){.id = 99, .next = offsetof(struct told, areas[22])},
	       sizeof(struct vfio_info_cap_header));
	memcpy(&t.areas[22], &t.sparse, sizeof(t.sparse));
	memcpy((uint8_t *)&t.areas[22] + sizeof(t.sparse), t.areas, 2 * sizeof(t.areas[0]));
	assert_true(is_shared(&t, fd, 1));
	/* Without the list the whole region can be mapped, as far as the file reaches. */
	t = good_region();
	t.info.flags &= ~VFIO_REGION_INFO_FLAG_CAPS;
	assert_true(is_shared(&t, fd, 1));
	BAD(t.info.flags &= ~VFIO_REGION_INFO_FLAG_CAPS; t.info.size = 0x11000);
	close(fd);
	close(loose);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(open_fds(), before);
}

static void client_many_eventfds_are_sent_in_pieces(void **state)
{
	struct script s;
	int fds[7] = {event, event, event, -1, -1, event, event};
	/* Two at a time: 2, 1, none for 2, 2. */
	static const struct {
		uint32_t start, count;
	} expected[] = {{4, 2}, {6, 1}, {7, 2}, {9, 2}};

	script_start(&s, "{\"capabilities\":{\"max_msg_fds\":2}}", 0, 0);
	for (unsigned i = 0; i < N_OF(expected); i++)
		say(&s, VFIO_USER_DEVICE_SET_IRQS, VFIO_USER_REPLY, NULL, 0, NULL, 0);
	assert_int_equal(vfio_user_irqs_eventfd(&s.conn, VFIO_IRQ_SET_ACTION_TRIGGER, 2, 4, 7, fds), 0);
	for (unsigned i = 0; i <= N_OF(expected); i++) {
		struct vfio_user_header head;
		struct vfio_user_fds got = {0};
		struct vfio_irq_set set;
		uint8_t rest[256];

		assert_int_equal(vfio_user_sock_recv(s.sock, &head, sizeof(head), MSG_DONTWAIT, &got), sizeof(head));
		if (i == 0) { /* VERSION */
			recv(s.sock, rest, head.size - sizeof(head), 0);
			continue;
		}
		assert_int_equal(recv(s.sock, &set, sizeof(set), 0), sizeof(set));
		assert_int_equal(set.start, expected[i - 1].start);
		assert_int_equal(set.count, expected[i - 1].count);
		assert_int_equal(got.n, i == 3 ? 0 : set.count);
		vfio_user_fds_close(&got);
	}
	script_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_client_lost_at_every_byte),
		cmocka_unit_test(server_every_byte_changed_survives),
		cmocka_unit_test(client_server_lost_at_every_byte),
		cmocka_unit_test(client_every_byte_changed_survives),
		cmocka_unit_test(client_silent_server_times_out),
		cmocka_unit_test(client_bad_version_is_refused),
		cmocka_unit_test(client_server_asks_for_memory_is_refused),
		cmocka_unit_test(client_error_codes_are_believed_within_reason),
		cmocka_unit_test(client_region_that_makes_no_sense_is_not_mapped),
		cmocka_unit_test(client_many_eventfds_are_sent_in_pieces),
	};

	return cmocka_run_group_tests(tests, record, forget);
}
