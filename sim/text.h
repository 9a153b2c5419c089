/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

/*
 * How people say what a simulated port is: "KIND[:ARGUMENT][,key=value or flag]...", such as "gen,size=64,rate=1M" or
 * "cable:left,loss=1%". Takers ask for the options that they know; what nobody has asked for is a mistake. The first
 * failure is kept, with one sentence, and everything after it does nothing, so that callers check once, at the end.
 */

#include <stdbool.h>
#include <stdint.h>

#define SIM_TEXT_MAX     1024
#define SIM_TEXT_OPTIONS 32

/* What went wrong, for people. */
struct sim_why {
	char text[320];
};

/* Say it; returns @err. */
int sim_why(struct sim_why *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

struct sim_text_option {
	const char *key;
	const char *value; /* "" for a flag */
	bool flag, used;
};

struct sim_text {
	char copy[SIM_TEXT_MAX];
	const char *kind, *arg; /* arg: "" when there is none */
	struct sim_text_option options[SIM_TEXT_OPTIONS];
	unsigned n_options;
	const char *asked[64]; /* keys that somebody knows */
	unsigned n_asked;
	int err;
	struct sim_why *why;
};

/* Packets, or bits on the wire, per second; 0: without limit. */
struct sim_rate {
	double per_second;
	bool bits;
};

/* Take @text apart; t->err tells. @why must live as long as @t. */
void sim_text_parse(struct sim_text *t, const char *text, struct sim_why *why);
/* Everything is asked: the first failure, or -EINVAL when an option is left that nobody knows. */
int sim_text_finish(struct sim_text *t);
/* Note a failure of a taker. */
int sim_text_fail(struct sim_text *t, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The value of an option, which counts as known from now on; results stay as they are when it is missing. */
bool sim_text_flag(struct sim_text *t, const char *key);
const char *sim_text_value(struct sim_text *t, const char *key);
void sim_text_number(struct sim_text *t, const char *key, uint64_t min, uint64_t max, uint64_t *number);
/* "64" or "64-1518". */
void sim_text_range(struct sim_text *t, const char *key, uint64_t min, uint64_t max, uint64_t *first, uint64_t *last);
/* "1%", "0.01", "100%": a share of all as a number from 0 to 2^32. */
void sim_text_share(struct sim_text *t, const char *key, uint64_t *share);
/* "10s", "500ms", "20us", "100ns", "2m". */
void sim_text_duration(struct sim_text *t, const char *key, uint64_t *ns);
/* "1.5M", "20kpps": packets; "10G", "100Mbps": bits. */
void sim_text_rate(struct sim_text *t, const char *key, struct sim_rate *rate);
void sim_text_mac(struct sim_text *t, const char *key, uint8_t mac[6]);

#endif
