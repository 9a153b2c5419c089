// SPDX-License-Identifier: BSD-2-Clause
/* Ports whose other half is a process at the end of a socket: what it may do to us, and that packets go both ways. */
#include "unit.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <vireo/vireo.h>

#include "bus/vhost_user.h"
#include "fake_vhost.h"

static char dir[32], path[40], spec[64], server[80];

static int setup_dir(void **state)
{
	strcpy(dir, "/tmp/vireo-vhost-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(spec, sizeof(spec), "vhost-user:%s", path);
	snprintf(server, sizeof(server), "%s,server", spec);
	setenv("VIREO_PAGE_SIZE", "4K", 1);
	vhost_patience_ms = 2000;
	return 0;
}

static int teardown_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static unsigned n_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void nap_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l}, NULL);
}

static struct vireo_port *open_port(const char *with, const struct vireo_port_config *cfg)
{
	struct vireo_port *port;
	int err = vireo_port_open(with, cfg, &port);

	if (err)
		fail_msg("%s: %d, %s", with, err, vireo_last_error());
	return port;
}

/* Packets of all sizes go out and come back unchanged; the queue pair @idx. */
static void assert_loops(struct vireo_port *port, unsigned idx, unsigned n)
{
	struct vireo_rxq *rx = vireo_port_rxq(port, idx);
	struct vireo_txq *tx = vireo_port_txq(port, idx);
	struct vireo_pool_config cfg = {.name = "test", .n_bufs = 64};
	struct vireo_pool *pool;
	struct vireo_pkt pkt;

	assert_int_equal(vireo_pool_create(&cfg, &pool), 0);
	for (unsigned i = 0; i < n; i++) {
		uint16_t len = (uint16_t)(60 + i * 37 % 1400);
		unsigned got = 0;

		assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
		pkt.len = len;
		for (unsigned k = 0; k < len; k++)
			((uint8_t *)vireo_pkt_data(&pkt))[k] = (uint8_t)(i + k);
		assert_int_equal(vireo_tx_burst(tx, &pkt, 1), 1);
		for (unsigned t = 0; t < 5000 && !got; t++, nap_ms(!got))
			got = vireo_rx_burst(rx, &pkt, 1);
		assert_int_equal(got, 1);
		assert_int_equal(pkt.len, len);
		for (unsigned k = 0; k < len; k++)
			assert_int_equal(((uint8_t *)vireo_pkt_data(&pkt))[k], (uint8_t)(i + k));
		vireo_pkt_free(&pkt, 1);
	}
	/* Only sent buffers come back to the pool, and it must have all of them. */
	for (unsigned t = 0; t < 1000 && vireo_pool_destroy(pool); t++, nap_ms(1))
		vireo_txq_reclaim(tx);
}

static void open_nobody_there_says_what_to_do(void **state)
{
	struct vireo_port *port;
	char text[300];

	unlink(path);
	assert_int_equal(vireo_port_open(spec, NULL, &port), -ENOENT);
	assert_sentence(",server");
	assert_int_equal(vireo_port_open("vhost-user:", NULL, &port), -EINVAL);
	snprintf(text, sizeof(text), "vhost-user:/%0200d", 1);
	assert_int_equal(vireo_port_open(text, NULL, &port), -EINVAL);
	assert_sentence("107 bytes");
	snprintf(text, sizeof(text), "%s,speed=1", spec);
	assert_int_equal(vireo_port_open(text, NULL, &port), -EINVAL);
	snprintf(text, sizeof(text), "%s,server=1", spec);
	assert_int_equal(vireo_port_open(text, NULL, &port), -EINVAL);
	snprintf(text, sizeof(text), "%s,in-order=maybe", spec);
	assert_int_equal(vireo_port_open(text, NULL, &port), -EINVAL);
	snprintf(text, sizeof(text), "%s,packed=maybe", spec);
	assert_int_equal(vireo_port_open(text, NULL, &port), -EINVAL);
	assert_sentence("on or off");
	snprintf(text, sizeof(text), "%s,mac=01:00:00:00:00:01", spec);
	assert_int_equal(vireo_port_open(text, NULL, &port), -EINVAL);
}

/* A socket connected to @path, or a negative errno; never waits. */
static int connect_by_hand(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	assert_true(fd >= 0);
	strcpy(addr.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* A process that hangs: it listens, accepts nobody, and has as many who wait as it wants. */
static int hang(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	unlink(path);
	strcpy(addr.sun_path, path);
	assert_int_equal(bind(listen_fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listen_fd, 0), 0);
	/* Whoever waits does so even when its own end is closed. */
	while ((fd = connect_by_hand()) >= 0)
		close(fd);
	assert_int_equal(fd, -EAGAIN);
	return listen_fd;
}

static void *end_soon(void *listen_fd)
{
	nap_ms(100);
	close(*(int *)listen_fd);
	return NULL;
}

static void open_process_that_hangs_gives_up(void **state)
{
	struct vireo_port *port;
	pthread_t thread;
	int listen_fd = hang();

	vhost_patience_ms = 200;
	assert_int_equal(vireo_port_open(spec, NULL, &port), -ETIMEDOUT);
	assert_sentence("does not answer");
	assert_int_equal(vireo_port_open(server, NULL, &port), -EBUSY);
	assert_sentence("somebody listens");
	vhost_patience_ms = 2000;
	/* It is asked again and again. */
	assert_int_equal(pthread_create(&thread, NULL, end_soon, &listen_fd), 0);
	assert_int_equal(vireo_port_open(spec, NULL, &port), -ENOENT);
	pthread_join(thread, NULL);
}

/* What is refused is left as it was. */
static void open_server_on_what_is_taken_is_refused(void **state)
{
	struct vireo_port *port;
	struct fake_vhost vb;
	FILE *f;
	int fd;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(vireo_port_open(server, NULL, &port), -EBUSY);
	assert_sentence("no socket");
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	fake_vhost_init(&vb, path);
	fake_vhost_start(&vb);
	assert_int_equal(vireo_port_open(server, NULL, &port), -EBUSY);
	assert_sentence("somebody listens");
	assert_int_equal(access(path, F_OK), 0);
	fd = connect_by_hand();
	assert_true(fd >= 0);
	close(fd);
	fake_vhost_stop(&vb);
}

static void open_server_waits_for_one_that_stays(void **state)
{
	struct vireo_port *port;
	struct fake_vhost vb;

	/* A process that looks whether somebody listens, or is killed while it says hello, is not the one. */
	for (int at = 1; at <= 4; at++) {
		unlink(path);
		fake_vhost_init(&vb, path);
		vb.connects = true;
		vb.fault = VB_HANG_UP;
		vb.fault_at = at;
		fake_vhost_start(&vb);
		port = open_port(server, NULL);
		assert_int_equal(vireo_port_start(port), 0);
		assert_loops(port, 0, 20);
		vireo_port_close(port);
		fake_vhost_stop(&vb);
	}
	/* One that cannot do what it is asked to will not learn it. */
	vb.fault = VB_WRONG_REPLY;
	fake_vhost_start(&vb);
	assert_int_equal(vireo_port_open(server, NULL, &port), -EPROTO);
	fake_vhost_stop(&vb);
}

static void open_server_nobody_stays_gives_up(void **state)
{
	struct vireo_port *port;
	struct fake_vhost vb;

	unlink(path);
	vhost_first_wait_ms = 100;
	assert_int_equal(vireo_port_open(server, NULL, &port), -ETIMEDOUT);
	assert_sentence("nobody connected");
	fake_vhost_init(&vb, path);
	vb.connects = true;
	vb.fault = VB_HANG_UP;
	fake_vhost_start(&vb);
	assert_int_equal(vireo_port_open(server, NULL, &port), -ENOTCONN);
	assert_sentence("gone");
	fake_vhost_stop(&vb);
	vhost_first_wait_ms = 10000;
	assert_int_equal(access(path, F_OK), -1);
}

static void port_packets_go_out_and_come_back(void **state)
{
	static const struct {
		uint64_t with, without, protocol;
		bool connects, batches;
	} cases[] = {
		{0, 0, ~0ull, false},
		{0, 0, 0x1, false},        /* no acknowledgements */
		{0, 1ull << 30, 0, false}, /* the protocol as it was at first */
		{0, 0, ~0ull, true},
		{1ull << 34, 0, ~0ull, false}, /* packed rings */
		/* in order, with an answer for each buffer and with one for many */
		{1ull << 35, 0, ~0ull, false, false},
		{1ull << 35, 0, ~0ull, false, true},
		{3ull << 34, 0, ~0ull, false, false},
		{3ull << 34, 0, ~0ull, false, true},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		unsigned before = n_fds();
		struct vireo_port *port;
		struct vireo_port_info info;
		struct fake_vhost vb;

		unlink(path);
		fake_vhost_init(&vb, path);
		vb.features = (vb.features | cases[i].with) & ~cases[i].without;
		vb.protocol = cases[i].protocol;
		vb.connects = cases[i].connects;
		vb.batches = cases[i].batches;
		fake_vhost_start(&vb);
		port = open_port(vb.connects ? server : spec, NULL);
		vireo_port_info(port, &info);
		assert_string_equal(info.driver, "virtio");
		assert_string_equal(info.bus, "vhost-user");
		assert_int_equal(vireo_port_start(port), 0);
		assert_loops(port, 0, 100);
		assert_int_equal(vireo_port_stop(port), 0);
		assert_int_equal(vireo_port_start(port), 0);
		assert_loops(port, 0, 600); /* a few times around the ring */
		vireo_port_close(port);
		fake_vhost_stop(&vb);
		assert_int_equal(vb.accepted & cases[i].with, cases[i].with);
		/* Neither migration nor an IOMMU between two processes. */
		assert_int_equal(vb.accepted & (1ull << 26 | 1ull << 33), 0);
		assert_int_equal(vb.n_owners, 1);
		assert_int_equal(n_fds(), before);
	}
}

/* What the other process could do is not done when an option says so. */
static void port_switches_turn_features_off(void **state)
{
	static const struct {
		const char *option;
		unsigned bit;
	} cases[] = {{"packed", 34}, {"in-order", 35}, {"mergeable", 15}};
	const struct vireo_pool_config small = {.name = "small", .n_bufs = 1024};
	struct vireo_pool *pool;

	assert_int_equal(vireo_pool_create(&small, &pool), 0);
	for (size_t i = 0; i < N_OF(cases); i++) {
		for (unsigned on = 0; on < 2; on++) {
			/* Mergeable buffers are wanted by who has small ones for large packets, and needed. */
			const struct vireo_port_config large = {.mtu = 9000, .rx_pool = pool};
			struct vireo_port *port;
			struct fake_vhost vb;
			char text[100];

			fake_vhost_init(&vb, path);
			vb.features |= 3ull << 34;
			fake_vhost_start(&vb);
			snprintf(text, sizeof(text), "%s,%s=%s", spec, cases[i].option, on ? "on" : "off");
			port = open_port(text, on ? &large : NULL);
			assert_int_equal(vireo_port_start(port), 0);
			assert_loops(port, 0, 300);
			vireo_port_close(port);
			fake_vhost_stop(&vb);
			assert_int_equal(vb.accepted >> cases[i].bit & 1, on);
		}
	}
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void port_several_pairs_run_side_by_side(void **state)
{
	struct vireo_port_config cfg = {.n_rxq = 4, .n_txq = 4};
	struct vireo_port *port;
	struct fake_vhost vb;

	for (unsigned packed = 0; packed < 2; packed++) {
		fake_vhost_init(&vb, path);
		vb.features |= (uint64_t)packed << 34;
		vb.n_pairs = 6;
		fake_vhost_start(&vb);
		port = open_port(spec, &cfg);
		assert_int_equal(vireo_port_start(port), 0);
		assert_int_equal(vb.n_enabled, 8);
		for (unsigned i = 0; i < 4; i++)
			assert_loops(port, i, 20);
		vireo_port_close(port);
		fake_vhost_stop(&vb);
	}
}

/* DPDK's vhost has always room for 128 pairs; a port takes descriptors for what it uses. */
static void start_process_with_many_queues_takes_few_descriptors(void **state)
{
	struct vireo_port *port;
	struct fake_vhost vb;
	unsigned before, after;

	fake_vhost_init(&vb, path);
	vb.n_pairs = 128;
	fake_vhost_start(&vb);
	before = n_fds();
	port = open_port(spec, NULL);
	assert_int_equal(vireo_port_start(port), 0);
	assert_loops(port, 0, 20);
	after = n_fds();
	assert_in_range(after, before, before + 24);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vireo_port_stop(port), 0);
		assert_int_equal(vireo_port_start(port), 0);
	}
	assert_int_equal(n_fds(), after);
	vireo_port_close(port);
	fake_vhost_stop(&vb);
}

static void start_no_descriptor_left_is_refused(void **state)
{
	struct rlimit normal, none;
	struct vireo_port *port;
	struct fake_vhost vb;
	int next;

	fake_vhost_init(&vb, path);
	fake_vhost_start(&vb);
	port = open_port(spec, NULL);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &normal), 0);
	next = dup(0);
	close(next);
	none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = normal.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(vireo_port_start(port), -EIO);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &normal), 0);
	assert_sentence("queue 0");
	assert_int_equal(vireo_port_start(port), 0);
	assert_loops(port, 0, 20);
	vireo_port_close(port);
	fake_vhost_stop(&vb);
}

/* Chains: every element a descriptor, with and without a header slot, full rings. */
static void port_chains_arrive_whole(void **state)
{
	struct vireo_pool_config cfg = {.name = "test", .n_bufs = 1024};
	struct vireo_port *port;
	struct vireo_pool *pool;
	struct fake_vhost vb;

	/* Split and packed, then the same in order. */
	for (unsigned kind = 0; kind < 4; kind++) {
		unsigned sent = 0, got = 0;

		fake_vhost_init(&vb, path);
		vb.features |= (uint64_t)kind << 34;
		vb.batches = kind > 1;
		fake_vhost_start(&vb);
		port = open_port(spec, NULL);
		assert_int_equal(vireo_port_start(port), 0);
		assert_int_equal(vireo_pool_create(&cfg, &pool), 0);
		while (got < 3000) {
			struct vireo_pkt pkts[8];
			unsigned n = 1 + sent % 7, k;

			if (sent < 3000 && vireo_pool_alloc(pool, pkts, n) == n) {
				for (unsigned i = 0; i < n; i++) {
					pkts[i].off = sent % 3 ? VIREO_HEADROOM : 0;
					pkts[i].len = 40;
					pkts[i].flags |= i + 1 < n ? VIREO_PKT_MORE : 0;
					memset(vireo_pkt_data(&pkts[i]), (int)(sent + i), 40);
				}
				k = vireo_tx_burst(vireo_port_txq(port, 0), pkts, n);
				assert_true(k == 0 || k == n);
				sent += k == n;
				vireo_pkt_free(pkts + k, n - k);
			}
			n = vireo_rx_burst(vireo_port_rxq(port, 0), pkts, 1);
			if (!n) {
				vireo_txq_reclaim(vireo_port_txq(port, 0));
				continue;
			}
			assert_int_equal(pkts[0].len, 40 * (1 + got % 7));
			for (unsigned i = 0; i < pkts[0].len; i++)
				assert_int_equal(((uint8_t *)vireo_pkt_data(&pkts[0]))[i], (uint8_t)(got + i / 40));
			vireo_pkt_free(pkts, 1);
			got++;
		}
		assert_int_equal(vireo_port_stop(port), 0);
		assert_int_equal(vireo_pool_destroy(pool), 0);
		vireo_port_close(port);
		fake_vhost_stop(&vb);
	}
}

static void rxq_wait_wakes_with_the_call_descriptor(void **state)
{
	struct vireo_port_config cfg = {.rx_interrupts = true};
	struct vireo_pool_config pool_cfg = {.name = "test", .n_bufs = 64};
	struct vireo_pool *pool;
	struct vireo_port *port;
	struct vireo_rxq *rx;
	struct fake_vhost vb;
	struct vireo_pkt pkt;

	fake_vhost_init(&vb, path);
	fake_vhost_start(&vb);
	port = open_port(spec, &cfg);
	assert_int_equal(vireo_port_start(port), 0);
	rx = vireo_port_rxq(port, 0);
	assert_int_equal(vireo_pool_create(&pool_cfg, &pool), 0);
	assert_int_equal(vireo_rxq_wait_any(&rx, 1, 1000), 0);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
		pkt.len = 60;
		memset(vireo_pkt_data(&pkt), 0, 60);
		assert_int_equal(vireo_tx_burst(vireo_port_txq(port, 0), &pkt, 1), 1);
		assert_int_equal(vireo_rxq_wait_any(&rx, 1, 5000000), 1);
		assert_int_equal(vireo_rx_burst(rx, &pkt, 1), 1);
		vireo_pkt_free(&pkt, 1);
	}
	vireo_port_close(port);
	assert_int_equal(vireo_pool_destroy(pool), 0);
	fake_vhost_stop(&vb);
}

static void port_memory_that_comes_later_is_shared_too(void **state)
{
	struct vireo_port *port;
	struct fake_vhost vb;
	unsigned tables;
	void *mem[VHOST_MAX_REGIONS + 1] = {0};
	int err = 0;

	fake_vhost_init(&vb, path);
	fake_vhost_start(&vb);
	port = open_port(spec, NULL);
	assert_int_equal(vireo_port_start(port), 0);
	tables = vb.n_tables;
	/* Each is too large to find room in an arena that is there. */
	for (unsigned i = 0; i < N_OF(mem) && !err; i++)
		err = vireo_memory_alloc((size_t)(80 + i) << 20, 4096, 0, &mem[i]);
	assert_int_equal(err, -ENOSPC);
	assert_sentence("fewer, larger pools");
	assert_true(vb.n_tables > tables);
	assert_loops(port, 0, 20);
	for (unsigned i = 0; i < N_OF(mem); i++)
		vireo_memory_free(mem[i]);
	vireo_port_close(port);
	fake_vhost_stop(&vb);
}

/* Look after the port until it says @events, or give up after 5 s. */
static void wait_for(struct vireo_port *port, int events)
{
	for (unsigned t = 0; t < 500; t++, nap_ms(10)) {
		int got = vireo_port_poll(port);

		if (got == events)
			return;
		if (got)
			fail_msg("%d instead of %d: %s", got, events, vireo_last_error());
	}
	fail_msg("no %d came", events);
}

static void port_process_killed_and_back_goes_on(void **state)
{
	for (unsigned connects = 0; connects < 2; connects++) {
		struct vireo_port *port;
		struct vireo_link link;
		struct fake_vhost vb;

		unlink(path);
		fake_vhost_init(&vb, path);
		vb.connects = connects;
		fake_vhost_start(&vb);
		port = open_port(connects ? server : spec, NULL);
		assert_int_equal(vireo_port_start(port), 0);
		for (unsigned i = 0; i < 3; i++) {
			assert_loops(port, 0, 20);
			fake_vhost_stop(&vb);
			wait_for(port, VIREO_EVENT_LINK);
			assert_int_equal(vireo_port_link(port, &link), 0);
			assert_false(link.up);
			fake_vhost_start(&vb);
			wait_for(port, -EIO);
			vireo_port_stop(port);
			assert_int_equal(vireo_port_start(port), 0);
			assert_int_equal(vireo_port_link(port, &link), 0);
			assert_true(link.up);
		}
		vireo_port_close(port);
		fake_vhost_stop(&vb);
	}
}

/* What a program does that sleeps until there is something to do: wait, but not for ever, and poll the port. */
static int sleep_and_poll(struct vireo_port *port, int timeout_ms)
{
	struct pollfd p = {.fd = vireo_port_event_fd(port), .events = POLLIN};

	assert_int_equal(poll(&p, 1, timeout_ms), 1);
	return vireo_port_poll(port);
}

/* With nobody at the other end it may look now and then, and must not look all the time. */
static void assert_sleeps(struct vireo_port *port)
{
	struct pollfd p = {.fd = vireo_port_event_fd(port), .events = POLLIN};
	unsigned n = 0;

	for (unsigned t = 0; t < 30; t++, nap_ms(10)) {
		if (poll(&p, 1, 0) == 0)
			continue;
		assert_int_equal(vireo_port_poll(port), 0);
		n++;
	}
	assert_in_range(n, 1, 10);
}

static void port_event_fd_wakes_when_the_process_goes_and_comes(void **state)
{
	for (unsigned connects = 0; connects < 2; connects++) {
		struct vireo_port *port;
		struct fake_vhost vb;
		struct pollfd p;
		int got = 0;

		unlink(path);
		fake_vhost_init(&vb, path);
		vb.connects = connects;
		fake_vhost_start(&vb);
		port = open_port(connects ? server : spec, NULL);
		assert_int_equal(vireo_port_start(port), 0);
		p = (struct pollfd){.fd = vireo_port_event_fd(port), .events = POLLIN};
		assert_int_equal(poll(&p, 1, 200), 0);
		fake_vhost_stop(&vb);
		assert_int_equal(sleep_and_poll(port, 1000), VIREO_EVENT_LINK);
		assert_sleeps(port);
		fake_vhost_start(&vb);
		for (unsigned t = 0; t < 100 && !got; t++)
			got = sleep_and_poll(port, 1000);
		assert_int_equal(got, -EIO);
		vireo_port_stop(port);
		assert_int_equal(vireo_port_start(port), 0);
		assert_loops(port, 0, 20);
		assert_int_equal(poll(&p, 1, 0), 0);
		/* A port that is stopped does not keep a program awake either. */
		assert_int_equal(vireo_port_stop(port), 0);
		fake_vhost_stop(&vb);
		assert_int_equal(sleep_and_poll(port, 1000), 0);
		assert_sleeps(port);
		vireo_port_close(port);
	}
}

static void port_next_process_hangs_holds_nobody_up(void **state)
{
	struct vireo_port *port;
	struct fake_vhost vb;
	int listen_fd;

	fake_vhost_init(&vb, path);
	fake_vhost_start(&vb);
	port = open_port(spec, NULL);
	assert_int_equal(vireo_port_start(port), 0);
	fake_vhost_stop(&vb);
	listen_fd = hang();
	wait_for(port, VIREO_EVENT_LINK);
	for (unsigned t = 0; t < 30; t++, nap_ms(10))
		assert_int_equal(vireo_port_poll(port), 0);
	close(listen_fd);
	fake_vhost_start(&vb);
	wait_for(port, -EIO);
	vireo_port_close(port);
	fake_vhost_stop(&vb);
}

static unsigned n_warnings;
static char cannot_connect[] = "cannot connect", new_process[] = "new process";

/* Those that say @ctx. */
static void count_complaints(void *ctx, enum vireo_log_level level, const char *line)
{
	if (level == VIREO_LOG_WARN && strstr(line, ctx))
		n_warnings++;
}

/* Nobody there is how it is most of the time; that nobody can be reached is said, once. */
static void port_unreachable_process_is_told_of(void **state)
{
	struct vireo_port *port;
	struct fake_vhost vb;

	vireo_log_set(count_complaints, cannot_connect, VIREO_LOG_WARN);
	n_warnings = 0;
	fake_vhost_init(&vb, path);
	fake_vhost_start(&vb);
	port = open_port(spec, NULL);
	assert_int_equal(vireo_port_start(port), 0);
	fake_vhost_stop(&vb);
	unlink(path);
	wait_for(port, VIREO_EVENT_LINK);
	for (unsigned t = 0; t < 30; t++, nap_ms(10))
		assert_int_equal(vireo_port_poll(port), 0);
	assert_int_equal(n_warnings, 0);
	assert_int_equal(symlink(path, path), 0);
	for (unsigned t = 0; t < 50; t++, nap_ms(10))
		assert_int_equal(vireo_port_poll(port), 0);
	assert_int_equal(n_warnings, 1);
	unlink(path);
	fake_vhost_start(&vb);
	wait_for(port, -EIO);
	vireo_port_close(port);
	fake_vhost_stop(&vb);
	vireo_log_set(NULL, NULL, VIREO_LOG_WARN);
}

/* Taken is what can do all that the driver uses; of what cannot the user is told, and once is enough. */
static void port_process_that_can_do_less_is_not_taken(void **state)
{
	static const struct {
		uint64_t lost; /* feature that the second process lacks */
		unsigned n_queues, n_pairs;
		bool taken;
	} cases[] = {
		{1ull << 34, 1, 4, false},
		{0, 4, 2, false},
		{1ull << 15, 1, 4, true}, /* nobody uses it */
		{0, 2, 2, true},
	};

	vireo_log_set(count_complaints, new_process, VIREO_LOG_WARN);
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct vireo_port_config cfg = {.n_rxq = cases[i].n_queues, .n_txq = cases[i].n_queues};
		struct vireo_port *port;
		struct fake_vhost vb;

		fake_vhost_init(&vb, path);
		vb.features |= 1ull << 34;
		vb.n_pairs = 4;
		fake_vhost_start(&vb);
		port = open_port(spec, &cfg);
		assert_int_equal(vireo_port_start(port), 0);
		fake_vhost_stop(&vb);
		wait_for(port, VIREO_EVENT_LINK);
		vb.features &= ~cases[i].lost;
		vb.n_pairs = cases[i].n_pairs;
		n_warnings = 0;
		fake_vhost_start(&vb);
		if (!cases[i].taken) {
			for (unsigned t = 0; t < 50; t++, nap_ms(10))
				assert_int_equal(vireo_port_poll(port), 0);
			assert_int_equal(n_warnings, 1);
			fake_vhost_stop(&vb);
			vb.features |= cases[i].lost;
			vb.n_pairs = 4;
			fake_vhost_start(&vb);
		}
		wait_for(port, -EIO);
		assert_int_equal(n_warnings, !cases[i].taken);
		vireo_port_stop(port);
		assert_int_equal(vireo_port_start(port), 0);
		assert_loops(port, cases[i].n_queues - 1, 20);
		vireo_port_close(port);
		fake_vhost_stop(&vb);
	}
	vireo_log_set(NULL, NULL, VIREO_LOG_WARN);
}

/* However far it comes before the line goes dead: an error or a port without a link, never a hang or a leak. */
static void port_hang_up_at_every_message_is_survived(void **state)
{
	unsigned before, n = 1;
	bool whole = false;

	/* The first port leaves memory behind that later ones find. */
	for (; !whole; n++) {
		struct vireo_port *port;
		struct fake_vhost vb;
		int err;

		fake_vhost_init(&vb, path);
		vb.fault = VB_HANG_UP;
		vb.fault_at = (int)n;
		before = n_fds();
		fake_vhost_start(&vb);
		err = vireo_port_open(spec, NULL, &port);
		if (err) {
			assert_int_equal(err, -ENOTCONN);
			assert_sentence("gone");
		} else {
			if (!vireo_port_start(port))
				vireo_port_stop(port);
			vireo_port_close(port);
			whole = vb.n_messages < n;
		}
		fake_vhost_stop(&vb);
		if (n > 1)
			assert_int_equal(n_fds(), before);
	}
	assert_true(n > 20);
}

/* A ring is enabled when the port starts, and again when it is told how many pairs there are. */
static void start_process_dies_meanwhile_waits_for_the_next(void **state)
{
	for (int at = 1; at <= 8; at++) {
		struct vireo_port_config cfg = {.n_rxq = 2, .n_txq = 2};
		struct vireo_port *port;
		struct vireo_link link;
		struct fake_vhost vb;

		fake_vhost_init(&vb, path);
		vb.n_pairs = 2;
		vb.fault = VB_HANG_UP;
		vb.fault_request = VHOST_SET_VRING_ENABLE;
		vb.fault_at = at;
		fake_vhost_start(&vb);
		port = open_port(spec, &cfg);
		assert_int_equal(vireo_port_start(port), 0);
		assert_int_equal(vireo_port_link(port, &link), 0);
		assert_false(link.up);
		wait_for(port, -EIO);
		vireo_port_stop(port);
		assert_int_equal(vireo_port_start(port), 0);
		assert_int_equal(vireo_port_link(port, &link), 0);
		assert_true(link.up);
		for (unsigned i = 0; i < 2; i++)
			assert_loops(port, i, 20);
		vireo_port_close(port);
		fake_vhost_stop(&vb);
	}
}

static void open_process_that_makes_no_sense_is_refused(void **state)
{
	static const struct {
		enum vb_fault fault;
		int err;
	} cases[] = {
		{VB_WRONG_REPLY, -EPROTO},
		{VB_SHORT_REPLY, -ENOTCONN},
		{VB_SILENT, -ETIMEDOUT},
		{VB_REFUSE, -EIO},
	};

	vhost_patience_ms = 100;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct vireo_port *port;
		struct fake_vhost vb;
		unsigned before = n_fds();

		fake_vhost_init(&vb, path);
		vb.fault = cases[i].fault;
		fake_vhost_start(&vb);
		assert_int_equal(vireo_port_open(spec, NULL, &port), cases[i].err);
		fake_vhost_stop(&vb);
		assert_int_equal(n_fds(), before);
	}
	vhost_patience_ms = 2000;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_nobody_there_says_what_to_do),
		cmocka_unit_test(open_server_on_what_is_taken_is_refused),
		cmocka_unit_test(open_process_that_hangs_gives_up),
		cmocka_unit_test(open_server_waits_for_one_that_stays),
		cmocka_unit_test(open_server_nobody_stays_gives_up),
		cmocka_unit_test(port_packets_go_out_and_come_back),
		cmocka_unit_test(port_switches_turn_features_off),
		cmocka_unit_test(port_several_pairs_run_side_by_side),
		cmocka_unit_test(start_process_with_many_queues_takes_few_descriptors),
		cmocka_unit_test(start_no_descriptor_left_is_refused),
		cmocka_unit_test(port_chains_arrive_whole),
		cmocka_unit_test(rxq_wait_wakes_with_the_call_descriptor),
		cmocka_unit_test(port_memory_that_comes_later_is_shared_too),
		cmocka_unit_test(port_process_killed_and_back_goes_on),
		cmocka_unit_test(port_event_fd_wakes_when_the_process_goes_and_comes),
		cmocka_unit_test(port_next_process_hangs_holds_nobody_up),
		cmocka_unit_test(port_unreachable_process_is_told_of),
		cmocka_unit_test(port_process_that_can_do_less_is_not_taken),
		cmocka_unit_test(port_hang_up_at_every_message_is_survived),
		cmocka_unit_test(start_process_dies_meanwhile_waits_for_the_next),
		cmocka_unit_test(open_process_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, setup_dir, teardown_dir);
}
