// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/log.h>

#include "app.h"
#include "report.h"

static bool is_port(const char *word)
{
	return strchr(word, ':') || !strcmp(word, "sim") || !strncmp(word, "sim,", 4);
}

int report_join_json(int argc, char **argv)
{
	static char joined[4096]; /* argv points into it until the process ends */
	int to = 1;

	for (int from = 1; from < argc; from++) {
		const char *next = argv[from + 1];

		if (!strcmp(argv[from], "--")) {
			while (from < argc)
				argv[to++] = argv[from++];
			break;
		}
		if (strcmp(argv[from], "--json") != 0 || !next || (next[0] == '-' && next[1]) || is_port(next)) {
			argv[to++] = argv[from];
			continue;
		}
		snprintf(joined, sizeof(joined), "--json=%s", next);
		argv[to++] = joined;
		from++;
	}
	argv[to] = NULL;
	return to;
}

int report_open(struct report *r, const char *path)
{
	r->wanted = true;
	r->to_stdout = !path || !strcmp(path, "-");
	r->file = r->to_stdout ? stdout : fopen(path, "we");
	if (!r->file)
		return vireo_error(-EBADF, "--json %s: %s", path, strerror(errno));
	return 0;
}

struct json_object *report_double(double value, int digits)
{
	char text[64];

	if (!isfinite(value))
		return NULL; /* JSON has a null, but no infinity */
	snprintf(text, sizeof(text), "%.*f", digits, value);
	return json_object_new_double_s(value, text);
}

void report_add_count(struct json_object *obj, const char *key, uint64_t value)
{
	json_object_object_add(obj, key, json_object_new_uint64(value));
}

static struct json_object *port_object(const struct app_port *p)
{
	struct json_object *obj = json_object_new_object(), *drops = json_object_new_object();

	json_object_object_add(obj, "port", json_object_new_string(p->spec));
	json_object_object_add(obj, "driver", json_object_new_string(p->info.driver ? p->info.driver : ""));
	report_add_count(obj, "rx_packets", p->stats.rx_packets);
	report_add_count(obj, "rx_bytes", p->stats.rx_bytes);
	report_add_count(obj, "tx_packets", p->stats.tx_packets);
	report_add_count(obj, "tx_bytes", p->stats.tx_bytes);
	for (unsigned i = 0; i < VIREO_N_DROPS; i++)
		report_add_count(drops, vireo_drop_name(i), p->stats.drops[i]);
	json_object_object_add(obj, "drops", drops);
	report_add_count(obj, "link_changes", p->n_link_changes);
	report_add_count(obj, "recoveries", p->n_recoveries);
	return obj;
}

struct json_object *report_create(const struct report *r, double seconds, const struct app_port *ports, unsigned n)
{
	struct json_object *root, *array;

	if (!r->wanted)
		return NULL;
	root = json_object_new_object();
	array = json_object_new_array();
	json_object_object_add(root, "app", json_object_new_string(app_name()));
	json_object_object_add(root, "version", json_object_new_string(vireo_version()));
	json_object_object_add(root, "duration_s", report_double(seconds, 3));
	for (unsigned i = 0; i < n; i++)
		json_object_array_add(array, port_object(&ports[i]));
	json_object_object_add(root, "ports", array);
	return root;
}

int report_close(struct report *r, struct json_object *root, int err)
{
	bool bad;

	if (!r->wanted)
		return 0;
	if (err)
		json_object_object_add(root, "error", json_object_new_string(app_sentence()));
	fputs(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE), r->file);
	fputc('\n', r->file);
	json_object_put(root);
	bad = fflush(r->file) != 0 || ferror(r->file);
	if (!r->to_stdout)
		bad |= fclose(r->file) != 0;
	r->file = NULL;
	return bad ? vireo_error(-EBADF, "--json: could not write the report: %s", strerror(errno)) : 0;
}
