// SPDX-License-Identifier: BSD-2-Clause
/*
 * The example programs and vireo-fwd, run as threads of the test between ports of the loop driver. The test sits at the
 * far ends of the cables: fake:a - fake:b, c - d, e - f, g - h; programs get b, d, f, h.
 */
#include <pcap/pcap.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <vireo/vireo.h>

#include "app.h"
#include "loop_driver.h"
#include "unit.h"

/* Their main(), renamed by the build. */
int echo_main(int argc, char **argv);
int jumbo_main(int argc, char **argv);
int record_main(int argc, char **argv);
int replicate_main(int argc, char **argv);
int switch_main(int argc, char **argv);
int fwd_main(int argc, char **argv);

#define MAX_FAR 4

static struct vireo_pool *pool;
static struct vireo_port *far[MAX_FAR];
static unsigned n_far;

static int setup_group(void **state)
{
	struct vireo_memory_config memory = {.page_size = 4096};

	return vireo_memory_configure(&memory) || loop_driver_register();
}

static int setup(void **state)
{
	struct vireo_pool_config cfg = {.n_bufs = 2048, .buf_size = 9216};

	loop_connect("a", "b");
	loop_connect("c", "d");
	loop_connect("e", "f");
	loop_connect("g", "h");
	return vireo_pool_create(&cfg, &pool);
}

/* What programs print is none of the test's output. */
static void hide_stdout(bool hide)
{
	static int real = -1;

	fflush(stdout);
	if (hide && real < 0) {
		real = dup(STDOUT_FILENO);
		assert_non_null(freopen("/dev/null", "w", stdout));
	} else if (!hide && real >= 0) {
		dup2(real, STDOUT_FILENO);
		close(real);
		real = -1;
	}
}

static int teardown(void **state)
{
	int err;

	hide_stdout(false);
	for (; n_far; n_far--)
		vireo_port_close(far[n_far - 1]);
	err = vireo_pool_destroy(pool); /* -EBUSY if anybody lost a buffer */
	loop_reset();
	return err;
}

static void open_far(unsigned n)
{
	static const char *const specs[MAX_FAR] = {"fake:a", "fake:c", "fake:e", "fake:g"};
	struct vireo_port_config cfg = {.mtu = 9000, .rx_pool = pool};

	for (n_far = 0; n_far < n; n_far++) {
		assert_int_equal(vireo_port_open(specs[n_far], &cfg, &far[n_far]), 0);
		assert_int_equal(vireo_port_start(far[n_far]), 0);
	}
}

/* --- a program as a thread ---------------------------------------------------------------------------------------- */

struct program {
	int (*main)(int argc, char **argv);
	int argc;
	const char *argv[10];
	pthread_t thread;
	int code;
};

static void *run_program(void *arg)
{
	struct program *p = arg;
	char *argv[10]; /* getopt_long() sorts it */

	memcpy(argv, p->argv, sizeof(argv));
	p->code = p->main(p->argc, argv);
	return NULL;
}

static void nap(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

/* Returns when the program takes in what arrives at @port, which it starts last. */
static void start_program(struct program *p, unsigned port, const char *name)
{
	struct vireo_pkt probe;
	unsigned started = 0;

	hide_stdout(true);
	for (p->argc = 0; p->argv[p->argc]; p->argc++)
		;
	assert_int_equal(pthread_create(&p->thread, NULL, run_program, p), 0);
	/* A frame too short for an address is carried to a port that is started, and ignored by every program. */
	while (!started) {
		nap();
		assert_int_equal(vireo_pool_alloc(pool, &probe, 1), 1);
		probe.len = 1;
		assert_int_equal(vireo_tx_burst(vireo_port_txq(far[port], 0), &probe, 1), 1);
		started = loop_waiting(name);
	}
	while (loop_waiting(name))
		nap();
}

static void stop_program(struct program *p)
{
	pthread_kill(p->thread, SIGTERM);
	assert_int_equal(pthread_join(p->thread, NULL), 0);
	hide_stdout(false);
	assert_int_equal(p->code, 0);
}

/* --- traffic ------------------------------------------------------------------------------------------------------ */

static void make_frame(struct vireo_pkt *pkt, uint8_t dst, uint8_t src, unsigned len, uint8_t mark)
{
	const uint8_t addresses[14] = {dst == 0xff ? 0xff : 0x02, 0, 0, 0, 0, dst, 0x02, 0, 0, 0, 0, src, 0x88, 0xb5};
	uint8_t *data;

	assert_int_equal(vireo_pool_alloc(pool, pkt, 1), 1);
	data = vireo_pkt_data(pkt);
	pkt->len = (uint16_t)len;
	memset(data, mark, len);
	memcpy(data, addresses, sizeof(addresses));
}

static void send_frame(unsigned port, uint8_t dst, uint8_t src, unsigned len, uint8_t mark)
{
	struct vireo_pkt pkt;

	make_frame(&pkt, dst, src, len, mark);
	assert_int_equal(vireo_tx_burst(vireo_port_txq(far[port], 0), &pkt, 1), 1);
}

/* The next frame of one element at a far port; it is freed, the copy in @ret_frame stays. Fails after ten seconds. */
static unsigned receive_frame(unsigned port, uint8_t ret_frame[9300])
{
	struct vireo_pkt pkt;
	unsigned len;

	for (unsigned tries = 0; tries < 10000; tries++) {
		if (!vireo_rx_burst(vireo_port_rxq(far[port], 0), &pkt, 1)) {
			nap();
			continue;
		}
		len = pkt.len;
		memcpy(ret_frame, vireo_pkt_data(&pkt), len);
		vireo_pkt_free(&pkt, 1);
		if (len > 1)
			return len;
		tries = 0; /* the probe of start_program(), flooded */
	}
	fail_msg("nothing arrives at port %u", port);
	return 0;
}

static void assert_frame(unsigned port, uint8_t dst, uint8_t src, unsigned len, uint8_t mark)
{
	static uint8_t frame[9300];

	assert_int_equal(receive_frame(port, frame), len);
	assert_int_equal(frame[5], dst);
	assert_int_equal(frame[11], src);
	for (unsigned i = 14; i < len; i++)
		assert_int_equal(frame[i], mark);
}

static void assert_silence(unsigned port)
{
	struct vireo_pkt pkt;

	assert_int_equal(vireo_rx_burst(vireo_port_rxq(far[port], 0), &pkt, 1), 0);
}

/* --- vireo-fwd ---------------------------------------------------------------------------------------------------- */

static struct program fwd_program(const char *first, const char *second)
{
	return (struct program){fwd_main, 0, {"vireo-fwd", "-q", first, second, "fake:b", "fake:d", NULL}, 0, 0};
}

static void fwd_frames_pass_both_ways_unchanged(void **state)
{
	struct program p = fwd_program("-i", "10s");

	open_far(2);
	start_program(&p, 1, "d");
	for (unsigned i = 0; i < 200; i++) {
		send_frame(0, 7, 8, 60 + i, (uint8_t)i);
		send_frame(1, 9, 10, 1514 - i, (uint8_t)(i + 1));
	}
	for (unsigned i = 0; i < 200; i++) {
		assert_frame(1, 7, 8, 60 + i, (uint8_t)i);
		assert_frame(0, 9, 10, 1514 - i, (uint8_t)(i + 1));
	}
	stop_program(&p);
}

static void fwd_mac_swap_exchanges_addresses(void **state)
{
	struct program p = fwd_program("-i10s", "--mac-swap");

	open_far(2);
	start_program(&p, 1, "d");
	send_frame(0, 7, 8, 100, 1);
	assert_frame(1, 8, 7, 100, 1);
	stop_program(&p);
}

static void fwd_set_mac_is_per_output(void **state)
{
	struct program p = fwd_program("--set-mac", "02:00:00:00:00:aa,02:00:00:00:00:bb");

	open_far(2);
	start_program(&p, 1, "d");
	send_frame(0, 7, 8, 100, 1);
	send_frame(1, 7, 8, 100, 2);
	assert_frame(1, 0xbb, 8, 100, 1);
	assert_frame(0, 0xaa, 8, 100, 2);
	stop_program(&p);
}

static void fwd_jumbo_frames_with_small_bursts_lose_nothing(void **state)
{
	struct program p = {fwd_main,
			    0,
			    {"vireo-fwd", "-q", "--mtu", "9000", "-b", "1", "fake:b", "fake:d", "--mac-swap", NULL},
			    0,
			    0};

	open_far(2);
	start_program(&p, 1, "d");
	for (unsigned i = 0; i < 50; i++) {
		send_frame(0, 7, 8, 9014, (uint8_t)i);
		assert_frame(1, 8, 7, 9014, (uint8_t)i);
	}
	stop_program(&p);
}

static void fwd_full_output_holds_back_and_loses_nothing(void **state)
{
	struct program p = fwd_program("-i", "10s");
	unsigned sent = 0;

	open_far(2);
	start_program(&p, 1, "d");
	/* Nobody takes anything out, until both cables are full. */
	while (loop_waiting("c") < 1000 || loop_waiting("b") < 1000) {
		if (loop_waiting("b") < 1000)
			send_frame(0, 7, 8, 60, (uint8_t)sent++);
		else
			nap();
	}
	/* Meanwhile the other way is open. */
	send_frame(1, 9, 10, 60, 3);
	assert_frame(0, 9, 10, 60, 3);
	for (unsigned i = 0; i < sent; i++)
		assert_frame(1, 7, 8, 60, (uint8_t)i);
	stop_program(&p);
}

static void fwd_interrupt_mode_wakes_for_packets(void **state)
{
	struct program p = fwd_program("-i10s", "--interrupt");

	open_far(2);
	start_program(&p, 1, "d");
	for (unsigned i = 0; i < 50; i++) {
		send_frame(i % 2, 7, 8, 60, (uint8_t)i);
		assert_frame(1 - i % 2, 7, 8, 60, (uint8_t)i);
	}
	stop_program(&p);
}

static void fwd_link_change_is_noticed(void **state)
{
	struct program p = fwd_program("-i", "10s");

	open_far(2);
	start_program(&p, 1, "d");
	loop_set_link("b", false);
	loop_set_link("b", true);
	send_frame(0, 7, 8, 60, 1);
	assert_frame(1, 7, 8, 60, 1);
	stop_program(&p);
}

/* --- examples ----------------------------------------------------------------------------------------------------- */

static void jumbo_frames_pass_both_ways(void **state)
{
	struct program p = {jumbo_main, 0, {"jumbo", "fake:b", "fake:d", NULL}, 0, 0};

	open_far(2);
	start_program(&p, 1, "d");
	for (unsigned i = 0; i < 100; i++) {
		unsigned len = i % 2 ? 9014 : 60;

		send_frame(i % 2, 1, 2, len, (uint8_t)i);
		assert_frame(1 - i % 2, 1, 2, len, (uint8_t)i);
	}
	stop_program(&p);
}

static void replicate_multicast_goes_to_eight(void **state)
{
	struct program p = {replicate_main, 0, {"replicate", "fake:b", "fake:d", NULL}, 0, 0};

	open_far(2);
	start_program(&p, 0, "b");
	for (unsigned round = 0; round < 20; round++) {
		send_frame(0, 5, 2, 60, 99); /* unicast: not replicated */
		send_frame(0, 0xff, 2, 1000 + round, (uint8_t)round);
		for (unsigned i = 0; i < 8; i++)
			assert_frame(1, (uint8_t)(i + 1), 2, 1000 + round, (uint8_t)round);
	}
	assert_silence(1);
	stop_program(&p);
}

static void switch_floods_then_learns(void **state)
{
	struct program p = {switch_main, 0, {"switch", "fake:b", "fake:d", "fake:f", "fake:h", NULL}, 0, 0};

	open_far(4);
	start_program(&p, 3, "h");
	send_frame(0, 0x44, 0x11, 100, 1); /* nobody known: everywhere but back */
	for (unsigned port = 1; port < 4; port++)
		assert_frame(port, 0x44, 0x11, 100, 1);
	for (unsigned port = 1; port < 4; port++) {
		send_frame(port, 0x11, (uint8_t)(0x11 * (port + 1)), 100, (uint8_t)port);
		assert_frame(0, 0x11, 0x11 * (port + 1), 100, (uint8_t)port);
	}
	/* All four are known now: from each to each, over both threads. */
	for (unsigned from = 0; from < 4; from++)
		for (unsigned to = 0; to < 4; to++) {
			if (from == to)
				continue;
			send_frame(from, (uint8_t)(0x11 * (to + 1)), (uint8_t)(0x11 * (from + 1)), 200,
				   (uint8_t)(16 * from + to));
			assert_frame(to, (uint8_t)(0x11 * (to + 1)), (uint8_t)(0x11 * (from + 1)), 200,
				     (uint8_t)(16 * from + to));
		}
	for (unsigned i = 0; i < 100; i++)
		send_frame(i % 4, 0xff, (uint8_t)(0x11 * (i % 4 + 1)), 60, (uint8_t)i);
	for (unsigned port = 0; port < 4; port++) {
		uint8_t frame[9300];

		for (unsigned i = 0; i < 75; i++) {
			receive_frame(port, frame);
			assert_int_equal(frame[0], 0xff);
			assert_int_not_equal(frame[11], 0x11 * (port + 1));
		}
		assert_silence(port);
	}
	stop_program(&p);
}

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t sum(uint32_t s, const uint8_t *p, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void send_bytes(const uint8_t *bytes, unsigned len)
{
	struct vireo_pkt pkt;

	assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
	memcpy(vireo_pkt_data(&pkt), bytes, len);
	pkt.len = (uint16_t)len;
	assert_int_equal(vireo_tx_burst(vireo_port_txq(far[0], 0), &pkt, 1), 1);
}

static void assert_datagram_comes_back(void)
{
	static const uint8_t request[] = {
		0x02, 0,    0,	  0,	0, 0x01, 0x02, 0, 0,   0,   0,	 0x77, 0x08, 0x00, /* Ethernet */
		0x45, 0,    0,	  33,	0, 1,	 0,    0, 9,   17,  0,	 0,    10,   0,
		0,    7,    10,	  0,	0, 1,					    /* IPv4, 5 bytes in UDP */
		0x12, 0x34, 0,	  7,	0, 13,	 0,    0, 'h', 'e', 'l', 'l',  'o', /* no checksum */
		0xee, 0xee, 0xee, 0xee,						    /* padding that is not zero */
	};
	static uint8_t frame[9300];

	send_bytes(request, sizeof(request));
	assert_int_equal(receive_frame(0, frame), sizeof(request) - 4);
	assert_int_equal(frame[5], 0x77);
	assert_memory_equal(frame + 26, request + 30, 4);
	assert_memory_equal(frame + 30, request + 26, 4);
	assert_int_equal(word(frame + 34), 7);
	assert_int_equal(word(frame + 36), 0x1234);
	assert_memory_equal(frame + 42, "hello", 5);
	assert_int_equal(sum(0, frame + 14, 20), 0xffff);
	assert_int_equal(sum(sum(17 + 13, frame + 26, 8), frame + 34, 13), 0xffff);
}

static void assert_arp_is_answered(void)
{
	static const uint8_t request[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0,  0, 0, 0, 0x77, 0x08, 0x06, 0, 1, 8, 0,  6, 4, 0,
		1,    0x02, 0,	  0,	0,    0,    0x77, 10, 0, 0, 7, 0,    0,	   0,	 0, 0, 0, 10, 0, 0, 1,
	};
	static uint8_t frame[9300];

	send_bytes(request, sizeof(request));
	assert_int_equal(receive_frame(0, frame), sizeof(request));
	assert_int_equal(word(frame + 20), 2);
	assert_memory_equal(frame, request + 6, 6);
	assert_memory_equal(frame + 28, request + 38, 4);
	assert_memory_equal(frame + 38, request + 28, 4);
}

static void echo_turns_datagrams_around_and_answers_arp(void **state)
{
	struct program p = {echo_main, 0, {"echo", "fake:b", "10.0.0.1", NULL}, 0, 0};

	open_far(1);
	start_program(&p, 0, "b");
	send_frame(0, 1, 2, 60, 0); /* not for it */
	assert_arp_is_answered();
	assert_datagram_comes_back();
	assert_silence(0);
	stop_program(&p);
}

static void record_writes_what_arrives(void **state)
{
	char path[] = "/tmp/vireo-record-XXXXXX", why[PCAP_ERRBUF_SIZE];
	struct program p = {record_main, 0, {"record", "fake:b", path, NULL}, 0, 0};
	struct pcap_pkthdr *hdr;
	const uint8_t *bytes;
	unsigned n = 0;
	pcap_t *pcap;

	close(mkstemp(path));
	open_far(1);
	start_program(&p, 0, "b");
	for (unsigned i = 0; i < 50; i++)
		send_frame(0, 1, 2, 60 + i * 20, (uint8_t)i);
	while (loop_waiting("b"))
		nap();
	stop_program(&p);
	pcap = pcap_open_offline(path, why);
	assert_non_null(pcap);
	while (pcap_next_ex(pcap, &hdr, &bytes) == 1) {
		if (hdr->len == 1)
			continue; /* the probes */
		assert_int_equal(hdr->len, 60 + n * 20);
		assert_int_equal(hdr->caplen, hdr->len);
		assert_int_equal(bytes[59], n);
		n++;
	}
	assert_int_equal(n, 50);
	pcap_close(pcap);
	unlink(path);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(fwd_frames_pass_both_ways_unchanged),
		CASE(fwd_mac_swap_exchanges_addresses),
		CASE(fwd_set_mac_is_per_output),
		CASE(fwd_jumbo_frames_with_small_bursts_lose_nothing),
		CASE(fwd_full_output_holds_back_and_loses_nothing),
		CASE(fwd_interrupt_mode_wakes_for_packets),
		CASE(fwd_link_change_is_noticed),
		CASE(jumbo_frames_pass_both_ways),
		CASE(replicate_multicast_goes_to_eight),
		CASE(switch_floods_then_learns),
		CASE(echo_turns_datagrams_around_and_answers_arp),
		CASE(record_writes_what_arrives),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
