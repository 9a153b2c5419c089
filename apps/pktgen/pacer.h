/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTGEN_PACER_H
#define PKTGEN_PACER_H

/*
 * Says how much may go out now. What is paced are units: packets, or bits on the wire. A packet may go when everything
 * before it is paid for; small rates come out evenly spaced, large ones in bursts as large as the loop is slow.
 */

#include <math.h>

#include "clock.h"

/* After a pause (the thread was not scheduled, the ring was full) no more than this is made up for. */
#define PACER_BACKLOG_S 0.1

struct pacer {
	struct tick_rate clock;
	double per_second; /* units; 0: as fast as it goes */
	double next;       /* ticks after clock.start.ticks at which the next packet may go */
	double refine_at;
};

/* A rate that was measured over little time is measured again soon. */
static inline double pacer_next_refine(const struct pacer *p, double now)
{
	return now + fmin(now, p->clock.ticks_per_second);
}

/* The first packet is due at @now_ticks. */
static inline void pacer_start(struct pacer *p, struct tick_rate clock, double per_second, uint64_t now_ticks)
{
	p->clock = clock;
	p->per_second = per_second;
	p->next = (double)(int64_t)(now_ticks - clock.start.ticks);
	p->refine_at = pacer_next_refine(p, p->next);
}

/* Units that are due at @now_ticks; a packet may go as long as this, less what went since, is not negative. */
static inline double pacer_credit(struct pacer *p, uint64_t now_ticks)
{
	double now = (double)(int64_t)(now_ticks - p->clock.start.ticks);
	double backlog = PACER_BACKLOG_S * p->clock.ticks_per_second;

	if (!p->per_second)
		return INFINITY;
	if (now >= p->refine_at) {
		tick_rate_refine(&p->clock);
		p->refine_at = pacer_next_refine(p, now);
	}
	if (now - p->next > backlog)
		p->next = now - backlog;
	return (now - p->next) * p->per_second / p->clock.ticks_per_second;
}

static inline void pacer_spend(struct pacer *p, double units)
{
	if (p->per_second)
		p->next += units * p->clock.ticks_per_second / p->per_second;
}

/* Seconds until the next packet may go; 0 when it is due. */
static inline double pacer_wait_s(const struct pacer *p, uint64_t now_ticks)
{
	double ahead = p->next - (double)(int64_t)(now_ticks - p->clock.start.ticks);

	return ahead > 0 && p->per_second ? ahead / p->clock.ticks_per_second : 0;
}

#endif
