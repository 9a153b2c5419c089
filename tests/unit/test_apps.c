// SPDX-License-Identifier: BSD-2-Clause
/* The real programs as processes, on ports without hardware: what they print, write and exit with. */
#include <fcntl.h>
#include <json-c/json.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#define MAX_ARGS   32
#define OUTPUT_MAX 65536

struct result {
	int code; /* exit code, or minus the signal */
	double seconds;
	char out[OUTPUT_MAX], err[OUTPUT_MAX];
};

static struct result result;
static char dir[64];

static int setup_dir(void **state)
{
	strcpy(dir, "/tmp/vireo-apps-XXXXXX");
	return mkdtemp(dir) && getenv("LOOP_PKTGEN") && getenv("LOOP_FWD") ? 0 : -1;
}

static int teardown_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const char *file(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void slurp(const char *path, char buf[OUTPUT_MAX])
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, OUTPUT_MAX - 1, f);
	buf[n] = '\0';
	fclose(f);
}

/* "A=1 pktgen --x y": variables, the program and its arguments, without quoting; "_" in a value stands for a blank. */
static pid_t launch(const char *line)
{
	char copy[1024], *argv[MAX_ARGS] = {0}, *save, *word;
	int argc = 0, out, err;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &save); word && argc < MAX_ARGS - 1; word = strtok_r(NULL, " ", &save)) {
		if (!argc && strchr(word, '=')) {
			for (char *c = word; *c; c++)
				if (*c == '_' && c > strchr(word, '='))
					*c = ' ';
			putenv(strdup(word));
			continue;
		}
		argv[argc++] = word;
	}
	argv[0] = getenv(strcmp(argv[0], "pktgen") ? "LOOP_FWD" : "LOOP_PKTGEN");
	out = open(file("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	err = open(file("err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	alarm(30); /* survives exec: nothing hangs for ever */
	execv(argv[0], argv);
	_exit(127);
}

static int finish(pid_t pid, double started)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	result.seconds = now() - started;
	result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	slurp(file("out"), result.out);
	slurp(file("err"), result.err);
	return result.code;
}

static int run(const char *line)
{
	double started = now();

	return finish(launch(line), started);
}

/* The last line on stderr: warnings may stand before it, but a failure ends with one sentence. */
static const char *sentence(void)
{
	char *end = result.err + strlen(result.err), *start;

	assert_true(end > result.err && end[-1] == '\n');
	*--end = '\0';
	start = strrchr(result.err, '\n');
	return start ? start + 1 : result.err;
}

static void assert_says(const char *prefix, const char *part)
{
	const char *s = sentence();

	if (strncmp(s, prefix, strlen(prefix)) || !strstr(s, part))
		fail_msg("expected \"%s...%s...\", got \"%s\"", prefix, part, s);
}

/* a.b.2.c: names and indices. */
static struct json_object *at(struct json_object *obj, const char *path)
{
	char copy[128], *save, *word;

	snprintf(copy, sizeof(copy), "%s", path);
	for (word = strtok_r(copy, "/", &save); word; word = strtok_r(NULL, "/", &save)) {
		if (json_object_is_type(obj, json_type_array))
			obj = json_object_array_get_idx(obj, (size_t)atoi(word));
		else if (!json_object_object_get_ex(obj, word, &obj))
			obj = NULL;
		if (!obj)
			fail_msg("the JSON has no %s", path);
	}
	return obj;
}

static uint64_t number(struct json_object *obj, const char *path)
{
	return json_object_get_uint64(at(obj, path));
}

static struct json_object *parse(const char *text)
{
	struct json_object *obj = json_tokener_parse(text);

	if (!obj)
		fail_msg("not JSON: %s", text);
	return obj;
}

/* --- the command line --------------------------------------------------------------------------------------------- */

static void apps_wrong_usage_is_one_sentence_and_code_2(void **state)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
		{"fwd", "two ports"},
		{"fwd fake:a", "two ports"},
		{"fwd fake:a fake:b fake:c", "two ports"},
		{"fwd fake:a fake:a", "both"},
		{"fwd --nonsense fake:a fake:b", "--nonsense"},
		{"fwd -x fake:a fake:b", "-x"},
		{"fwd --burst 0 fake:a fake:b", "--burst 0"},
		{"fwd --burst 257 fake:a fake:b", "256"},
		{"fwd --mtu 67 fake:a fake:b", "--mtu"},
		{"fwd --duration soon fake:a fake:b", "--duration soon"},
		{"fwd --set-mac 1:2 fake:a fake:b", "--set-mac"},
		{"fwd --cores 1,x fake:a fake:b", "--cores"},
		{"fwd --cores 0,1 --queues 1 fake:a fake:b", "--cores names 2"},
		{"fwd --queues 65 fake:a fake:b", "--queues 65"},
		{"fwd --interrupt --queues 33 fake:a fake:b", "--cores"},
		{"fwd fake:a fake:b --burst", "--burst needs a value"},
		{"pktgen", "needs a port"},
		{"pktgen --rate fast fake:a", "--rate fast"},
		{"pktgen --rate 0 fake:a", "--rate 0"},
		{"pktgen --size 63 fake:a", "--size 63"},
		{"pktgen --size 64:0 fake:a", "--size 0"},
		{"pktgen --size , fake:a", "--size"},
		{"pktgen --vlan 4095 fake:a", "--vlan"},
		{"pktgen --flows 70000 fake:a", "--flows 70000"},
		{"pktgen --src-port 1-4 --flows 5 fake:a", "only 4"},
		{"pktgen --pcap x.pcap --verify fake:a", "--verify"},
		{"pktgen --pcap x.pcap --rx fake:a", "--pcap"},
		{"pktgen fake:a fake:a", "twice"},
		{"pktgen fake:a --rx fake:a", "twice"},
		{"pktgen --allow-loss 101% fake:a", "--allow-loss"},
		{"pktgen --queues 0 fake:a", "--queues 0"},
		{"pktgen --queues 33 fake:a fake:b", "--queues 33"},
		{"pktgen --cores 0,0,0 --queues 2 fake:a", "--cores names 3"},
		{"pktgen --pcap x.pcap --queues 2 fake:a", "--pcap"},
	};

	for (size_t i = 0; i < N_OF(cases); i++) {
		int code = run(cases[i].line);

		if (code != 2)
			fail_msg("%s: exit code %d", cases[i].line, code);
		assert_string_equal(result.out, "");
		assert_says(cases[i].line[0] == 'f' ? "vireo-fwd: " : "vireo-pktgen: ", cases[i].part);
	}
}

static void apps_help_fits_a_screen(void **state)
{
	static const char *const lines[] = {"fwd --help", "pktgen -h"};

	for (size_t i = 0; i < N_OF(lines); i++) {
		unsigned n = 0, longest = 0;

		assert_int_equal(run(lines[i]), 0);
		assert_string_equal(result.err, "");
		for (const char *c = result.out, *end; (end = strchr(c, '\n')); c = end + 1, n++)
			longest = (unsigned)(end - c) > longest ? (unsigned)(end - c) : longest;
		assert_in_range(n, 10, 24);
		assert_in_range(longest, 40, 80);
	}
}

static void apps_version_is_that_of_the_library(void **state)
{
	assert_int_equal(run("fwd --version"), 0);
	assert_non_null(strstr(result.out, "vireo-fwd 0."));
	assert_int_equal(run("pktgen -V"), 0);
	assert_non_null(strstr(result.out, "vireo-pktgen 0."));
}

static void apps_wrong_port_has_its_code(void **state)
{
	assert_int_equal(run("fwd fake:a fake:nowhere"), 3);
	assert_says("vireo-fwd: ", "nowhere");
	assert_int_equal(run("pktgen ffff:ff:1f.7"), 3);
	assert_int_equal(run("fwd --lro fake:a fake:c"), 8);
	assert_says("vireo-fwd: ", "large");
	assert_int_equal(run("fwd --queues 5 fake:a fake:c"), 8);
	assert_int_equal(run("pktgen --size 65000 fake:a"), 8);
	assert_says("vireo-pktgen: ", "9216");
	assert_int_equal(run("pktgen --pcap /nonexistent fake:a"), 1);
	assert_says("vireo-pktgen: ", "/nonexistent");
	assert_int_equal(run("fwd --json=/nonexistent/x fake:a fake:c"), 1);
	assert_says("vireo-fwd: ", "/nonexistent/x");
	assert_int_equal(run("pktgen -d 1s -c 1023 fake:a"), 2);
	assert_says("vireo-pktgen: ", "CPU 1023");
}

/* --- the report --------------------------------------------------------------------------------------------------- */

static void assert_port_object(struct json_object *root, unsigned i, const char *spec)
{
	static const char *const keys[] = {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "drops"};
	char path[64];

	snprintf(path, sizeof(path), "ports/%u/port", i);
	assert_string_equal(json_object_get_string(at(root, path)), spec);
	for (size_t k = 0; k < N_OF(keys); k++) {
		snprintf(path, sizeof(path), "ports/%u/%s", i, keys[k]);
		at(root, path);
	}
}

static void apps_json_alone_is_all_there_is_on_stdout(void **state)
{
	static const char *const lines[] = {
		"fwd --duration 100ms fake:a fake:c --json",   "fwd --json --duration 100ms fake:a fake:c",
		"fwd --duration 100ms --json fake:a fake:c",   "fwd --duration 100ms --json - fake:a fake:c",
		"fwd --duration 100ms --json=- fake:a fake:c",
	};

	for (size_t i = 0; i < N_OF(lines); i++) {
		struct json_object *root;

		assert_int_equal(run(lines[i]), 0);
		root = parse(result.out);
		assert_string_equal(json_object_get_string(at(root, "app")), "vireo-fwd");
		assert_true(json_object_get_double(at(root, "duration_s")) >= 0.1);
		assert_port_object(root, 0, "fake:a");
		assert_port_object(root, 1, "fake:c");
		json_object_put(root);
	}
}

static void apps_json_file_leaves_stdout_to_people(void **state)
{
	char line[256], text[OUTPUT_MAX];
	struct json_object *root;

	for (unsigned equals = 0; equals < 2; equals++) {
		snprintf(line, sizeof(line), "pktgen -n 10 --json%c%s fake:a", equals ? '=' : ' ', file("report.json"));
		assert_int_equal(run(line), 0);
		slurp(file("report.json"), text);
		root = parse(text);
		assert_string_equal(json_object_get_string(at(root, "app")), "vireo-pktgen");
		assert_int_equal(number(root, "ports/0/tx_packets"), 10);
		assert_int_equal(number(root, "ports/0/tx_bytes"), 600);
		assert_int_equal(number(root, "tx/0/packets"), 10);
		json_object_put(root);
		assert_non_null(strstr(result.out, "fake:a"));
	}
}

static void apps_json_of_a_failure_says_why(void **state)
{
	struct json_object *root;

	assert_int_equal(run("fwd --json fake:a fake:nowhere"), 3);
	root = parse(result.out);
	assert_non_null(strstr(json_object_get_string(at(root, "error")), "nowhere"));
	json_object_put(root);
}

static void apps_without_terminal_print_a_line_per_port_and_interval(void **state)
{
	unsigned n[2] = {0};

	assert_int_equal(run("fwd -d 1s -i 100ms fake:src0 fake:src1"), 0);
	assert_null(strchr(result.out, '\033'));
	for (const char *c = result.out; (c = strstr(c, " s  fake:src")); c++)
		n[c[12] - '0']++;
	/* As many as the machine finds time for, but as many for each. */
	assert_in_range(n[0], 1, 10);
	assert_int_equal(n[0], n[1]);
	assert_int_equal(run("fwd -q -d 300ms -i 50ms fake:src0 fake:src1"), 0);
	assert_null(strstr(result.out, " s  fake:src"));
	assert_non_null(strstr(result.out, "fake:src0"));
}

/* --- signals ------------------------------------------------------------------------------------------------------ */

static void nap(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&ts, NULL);
}

/* The first lines of the screen show that it runs. */
static void wait_for_output(void)
{
	struct stat st;

	while (stat(file("out"), &st) || !st.st_size)
		nap(0.01);
}

static void apps_signal_ends_with_summary_and_code_0(void **state)
{
	static const struct {
		const char *line;
		int sig;
	} cases[] = {
		{"fwd fake:src0 fake:src1", SIGINT},
		{"fwd --interrupt fake:a fake:c", SIGTERM},
		{"fwd --adaptive fake:a fake:c", SIGINT},
		{"fwd --queues 4 --adaptive fake:a fake:c", SIGINT},
		{"fwd --cores 0,0 --interrupt fake:src0 fake:src1", SIGINT},
		{"pktgen fake:a", SIGINT},
		{"pktgen fake:a --rx fake:b --verify", SIGTERM},
		{"pktgen -r 10pps fake:a", SIGHUP},
	};
	char line[256], text[OUTPUT_MAX];

	for (size_t i = 0; i < N_OF(cases); i++) {
		double started = now();
		struct json_object *root;
		pid_t pid;

		unlink(file("out"));
		snprintf(line, sizeof(line), "%s -i 20ms --json %s", cases[i].line, file("report.json"));
		pid = launch(line);
		wait_for_output();
		kill(pid, cases[i].sig);
		if (finish(pid, started) != 0)
			fail_msg("%s: exit code %d, %s", line, result.code, result.err);
		assert_non_null(strstr(result.out, " s in all"));
		slurp(file("report.json"), text);
		root = parse(text);
		assert_true(json_object_get_double(at(root, "duration_s")) > 0);
		json_object_put(root);
	}
}

/* --- sending and verifying ---------------------------------------------------------------------------------------- */

/* Run with --json and return what it says. */
static struct json_object *report(const char *line, int code)
{
	char with_json[1024];

	snprintf(with_json, sizeof(with_json), "%s --json", line);
	if (run(with_json) != code)
		fail_msg("%s: exit code %d, %s", line, result.code, result.err);
	return parse(result.out);
}

static void pktgen_verify_clean_cable_loses_nothing(void **state)
{
	static const char *const lines[] = {
		"pktgen -n 20000 fake:a --rx fake:b --verify",
		"pktgen -n 20000 -s imix fake:a --rx fake:b --verify",
		"pktgen -n 20000 --vlan 7 --flows 100 fake:a --rx fake:b --verify",
		"pktgen -n 20000 --offload -s 64,1518 fake:a --rx fake:b --verify",
		"pktgen -n 20000 -b 1 fake:loop --verify",
		"pktgen -n 20000 -b 256 fake:loop --verify",
		"pktgen -n 20000 -c 0,0 fake:a --rx fake:b --verify",
		"pktgen -n 20000 -c 0,0 --flows 100 fake:a --rx fake:b --verify",
		"pktgen -n 2000 -s 9018 fake:a --rx fake:b --verify",
		"VIREO_POOL_DEBUG=1 pktgen -n 20000 -s 64,9018 fake:a --rx fake:b --verify",
	};

	for (size_t i = 0; i < N_OF(lines); i++) {
		struct json_object *root = report(lines[i], 0);
		uint64_t n = number(root, "tx/0/packets");

		assert_true(n == 20000 || n == 2000);
		assert_int_equal(number(root, "verify/received"), n);
		assert_int_equal(number(root, "verify/lost"), 0);
		assert_int_equal(number(root, "verify/foreign"), 0);
		assert_int_equal(number(root, "verify/latency_ns/count"), n);
		assert_true(number(root, "verify/latency_ns/p50") <= number(root, "verify/latency_ns/p99"));
		assert_true(number(root, "verify/latency_ns/p99.9") <= number(root, "verify/latency_ns/max"));
		assert_true(number(root, "verify/latency_ns/min") > 0);
		json_object_put(root);
	}
}

static void pktgen_queues_share_what_their_port_shall_send(void **state)
{
	static const char *const lines[] = {
		"pktgen -n 10001 -Q 4 --flows 64 fake:a --rx fake:b --verify",
		"pktgen -n 10001 -Q 4 -c 0,0,0 --flows 64 fake:a --rx fake:b --verify",
	};

	for (size_t i = 0; i < N_OF(lines); i++) {
		struct json_object *root = report(lines[i], 0);

		assert_int_equal(number(root, "tx/0/packets"), 2501);
		assert_int_equal(number(root, "tx/3/packets"), 2500);
		assert_int_equal(number(root, "tx/3/queue"), 3);
		assert_int_equal(number(root, "ports/0/tx_packets"), 10001);
		assert_int_equal(number(root, "verify/received"), 10001);
		assert_int_equal(number(root, "verify/lost"), 0);
		json_object_put(root);
	}
	assert_int_equal(run("pktgen -n 3 -Q 4 fake:a --rx fake:b --verify"), 0);
}

static void pktgen_lost_by_one_queue_is_noticed(void **state)
{
	struct json_object *root = report("LOOP_FAULTS=a_lose=10_duplicate=0_reorder=0_corrupt=0 pktgen -n 1000 -Q 4 "
					  "--flows 64 fake:a --rx fake:b --verify", 14);

	assert_int_equal(number(root, "verify/lost"), 100);
	json_object_put(root);
}

static void pktgen_two_senders_verify_each_other(void **state)
{
	struct json_object *root = report("pktgen -n 10000 fake:a fake:b --verify", 0);

	assert_int_equal(number(root, "verify/received"), 20000);
	assert_int_equal(number(root, "verify/ports/0/received"), 10000);
	assert_int_equal(number(root, "verify/ports/1/received"), 10000);
	json_object_put(root);
}

static void pktgen_verify_counts_what_the_cable_did(void **state)
{
	static const struct {
		const char *faults;
		uint64_t lost, reordered, duplicated, corrupted;
	} cases[] = {
		{"a_lose=10_duplicate=0_reorder=0_corrupt=0", 100, 0, 0, 0},
		{"a_lose=0_duplicate=10_reorder=0_corrupt=0", 0, 0, 100, 0},
		{"a_lose=0_duplicate=0_reorder=7_corrupt=0", 0, 142, 0, 0},
		{"a_lose=0_duplicate=0_reorder=0_corrupt=10", 0, 0, 0, 100},
		{"a_lose=3_duplicate=0_reorder=0_corrupt=7", 333, 0, 0, 95},
	};
	char line[256];

	for (size_t i = 0; i < N_OF(cases); i++) {
		struct json_object *root;

		snprintf(line, sizeof(line), "LOOP_FAULTS=%s pktgen -n 1000 fake:a --rx fake:b --verify",
			 cases[i].faults);
		root = report(line, 14);
		assert_says("vireo-pktgen: ", "verification failed");
		assert_int_equal(number(root, "verify/lost"), cases[i].lost);
		assert_int_equal(number(root, "verify/reordered"), cases[i].reordered);
		assert_int_equal(number(root, "verify/duplicated"), cases[i].duplicated);
		assert_int_equal(number(root, "verify/corrupted"), cases[i].corrupted);
		assert_int_equal(number(root, "verify/received"), 1000 - cases[i].lost - cases[i].corrupted);
		json_object_put(root);
	}
}

static void pktgen_allow_options_put_up_with_it(void **state)
{
	static const char lose[] =
		"LOOP_FAULTS=a_lose=10_duplicate=0_reorder=0_corrupt=0 pktgen -n 1000 fake:a --rx fake:b "
		"--verify --allow-loss %s";
	char line[256];

	snprintf(line, sizeof(line), lose, "100");
	assert_int_equal(run(line), 0);
	snprintf(line, sizeof(line), lose, "99");
	assert_int_equal(run(line), 14);
	snprintf(line, sizeof(line), lose, "10%");
	assert_int_equal(run(line), 0);
	snprintf(line, sizeof(line), lose, "9.9%");
	assert_int_equal(run(line), 14);
	assert_int_equal(
		run("LOOP_FAULTS=a_lose=0_duplicate=0_reorder=7_corrupt=0 pktgen -n 1000 fake:a --rx fake:b --verify "
		    "--allow-reorder"),
		0);
}

static void pktgen_verify_nothing_arrived_fails(void **state)
{
	/* Nobody is at the other end of either. */
	assert_int_equal(run("pktgen -n 100 fake:a --rx fake:c --verify"), 14);
	assert_says("vireo-pktgen: ", "no packet");
	assert_int_equal(run("pktgen -d 100ms --rx fake:c --verify"), 14);
}

static void pktgen_rx_alone_counts_the_traffic_of_others(void **state)
{
	struct json_object *root = report("pktgen -d 200ms --rx fake:src0", 0);

	assert_true(number(root, "ports/0/rx_packets") > 0);
	assert_int_equal(number(root, "ports/0/tx_packets"), 0);
	json_object_put(root);
}

/* A busy machine may send less than asked, never more; and the report tells how far off it was. */
static void pktgen_rate_is_kept_and_its_error_reported(void **state)
{
	static const struct {
		const char *line;
		const char *asked;
		double pps;
	} cases[] = {
		{"pktgen -d 500ms -r 2k fake:a", "tx/0/asked_pps", 2000},
		{"pktgen -d 500ms -r 1.68Mbps fake:a", "tx/0/asked_bps", 2500},
		{"pktgen -d 500ms -s 1518 -r 12.304Mbps fake:a", "tx/0/asked_bps", 1000},
	};

	for (size_t i = 0; i < N_OF(cases); i++) {
		struct json_object *root = report(cases[i].line, 0);
		double got = json_object_get_double(at(root, "tx/0/achieved_pps"));
		double error = json_object_get_double(at(root, "tx/0/error_percent"));

		at(root, cases[i].asked);
		assert_true(got > 0 && got < cases[i].pps * 1.01);
		assert_true(error - (got / cases[i].pps - 1) * 100 < 0.01 &&
			    error - (got / cases[i].pps - 1) * 100 > -0.01);
		json_object_put(root);
	}
}

static void pktgen_lost_device_has_its_code(void **state)
{
	struct json_object *root = report("LOOP_FAIL=a_1000_19 pktgen fake:a --rx fake:b", 12);

	assert_says("vireo-pktgen: ", "fake:a");
	at(root, "error");
	json_object_put(root);
	root = report("LOOP_FAIL=src1_1000_19 fwd fake:src0 fake:src1", 12);
	assert_true(number(root, "ports/1/tx_packets") >= 1000);
	json_object_put(root);
}

static void apps_device_error_is_recovered_from(void **state)
{
	struct json_object *root = report("LOOP_FAIL=a_1000_5 pktgen -n 5000 fake:a", 0);

	assert_int_equal(number(root, "ports/0/recoveries"), 1);
	assert_int_equal(number(root, "tx/0/packets"), 5000);
	json_object_put(root);
	root = report("LOOP_FAIL=src1_1000_5 fwd -d 1s fake:src0 fake:src1", 0);
	assert_int_equal(number(root, "ports/1/recoveries"), 1);
	assert_true(number(root, "ports/1/tx_packets") > 1000);
	json_object_put(root);
}

/* --- replay ------------------------------------------------------------------------------------------------------- */

static void write_capture(const char *path, unsigned n, unsigned gap_us)
{
	pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *d = pcap_dump_open(p, path);
	uint8_t bytes[100] = {0};

	assert_non_null(d);
	for (unsigned i = 0; i < n; i++) {
		struct pcap_pkthdr h = {.caplen = sizeof(bytes), .len = sizeof(bytes)};

		h.ts.tv_sec = 1000 + i * gap_us / 1000000;
		h.ts.tv_usec = i * gap_us % 1000000;
		pcap_dump((u_char *)d, &h, bytes);
	}
	pcap_dump_close(d);
	pcap_close(p);
}

static struct json_object *replay(const char *options)
{
	char line[256];

	snprintf(line, sizeof(line), "pktgen --pcap %s %s fake:a", file("in.pcap"), options);
	return report(line, 0);
}

static void pktgen_replay_keeps_the_original_timing(void **state)
{
	struct json_object *root;
	double seconds;

	write_capture(file("in.pcap"), 5, 100000);
	root = replay("");
	seconds = json_object_get_double(at(root, "tx/0/duration_s"));
	assert_int_equal(number(root, "ports/0/tx_packets"), 5);
	assert_int_equal(number(root, "ports/0/tx_bytes"), 500);
	/* Never early; how late is up to the machine. */
	assert_true(seconds >= 0.4);
	json_object_put(root);

	root = replay("--loop 2");
	seconds = json_object_get_double(at(root, "tx/0/duration_s"));
	assert_int_equal(number(root, "ports/0/tx_packets"), 10);
	assert_true(seconds >= 0.9);
	json_object_put(root);
}

static void pktgen_replay_at_a_rate_ignores_the_timing(void **state)
{
	struct json_object *root;

	write_capture(file("in.pcap"), 5, 10000000);
	root = replay("--rate 1k --loop 20");
	assert_int_equal(number(root, "ports/0/tx_packets"), 100);
	assert_true(json_object_get_double(at(root, "tx/0/duration_s")) >= 0.098);
	json_object_put(root);
	root = replay("--rate 1k --loop 0 -n 33");
	assert_int_equal(number(root, "ports/0/tx_packets"), 33);
	json_object_put(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apps_wrong_usage_is_one_sentence_and_code_2),
		cmocka_unit_test(apps_help_fits_a_screen),
		cmocka_unit_test(apps_version_is_that_of_the_library),
		cmocka_unit_test(apps_wrong_port_has_its_code),
		cmocka_unit_test(apps_json_alone_is_all_there_is_on_stdout),
		cmocka_unit_test(apps_json_file_leaves_stdout_to_people),
		cmocka_unit_test(apps_json_of_a_failure_says_why),
		cmocka_unit_test(apps_without_terminal_print_a_line_per_port_and_interval),
		cmocka_unit_test(apps_signal_ends_with_summary_and_code_0),
		cmocka_unit_test(pktgen_verify_clean_cable_loses_nothing),
		cmocka_unit_test(pktgen_queues_share_what_their_port_shall_send),
		cmocka_unit_test(pktgen_lost_by_one_queue_is_noticed),
		cmocka_unit_test(pktgen_two_senders_verify_each_other),
		cmocka_unit_test(pktgen_verify_counts_what_the_cable_did),
		cmocka_unit_test(pktgen_allow_options_put_up_with_it),
		cmocka_unit_test(pktgen_verify_nothing_arrived_fails),
		cmocka_unit_test(pktgen_rx_alone_counts_the_traffic_of_others),
		cmocka_unit_test(pktgen_rate_is_kept_and_its_error_reported),
		cmocka_unit_test(pktgen_lost_device_has_its_code),
		cmocka_unit_test(apps_device_error_is_recovered_from),
		cmocka_unit_test(pktgen_replay_keeps_the_original_timing),
		cmocka_unit_test(pktgen_replay_at_a_rate_ignores_the_timing),
	};

	return cmocka_run_group_tests(tests, setup_dir, teardown_dir);
}
