// SPDX-License-Identifier: BSD-2-Clause
/* A cable between two ports of one process: what one sends, the other receives. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"
#include "queue.h"

#define CABLE_NAME_MAX 64
#define CABLE_BYTES    (512u << 10) /* under way in each direction, unless room= says otherwise */

struct cable_end {
	struct sim_wire_end base;
	struct cable *cable;
	struct frame_queue in; /* towards this end */
	bool plugged;	       /* atomic: the other end's thread looks at it */
	bool laser;	       /* atomic, as above */
	struct wire_count in_count, out_count;
	uint64_t lost_full, lost_unplugged; /* of what this end has sent */
};

struct cable {
	struct sim_wires *wires;
	struct cable *next;
	char name[CABLE_NAME_MAX];
	struct cable_end ends[2];
};

static struct cable_end *cable_end(struct sim_wire_end *end)
{
	return (struct cable_end *)end;
}

static struct cable_end *other(struct cable_end *e)
{
	return &e->cable->ends[e == &e->cable->ends[0]];
}

static unsigned cable_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct cable_end *e = cable_end(end);

	n = frame_queue_take(&e->in, frames, n < WIRE_BURST ? n : WIRE_BURST, now_ns);
	for (unsigned i = 0; i < n; i++)
		wire_count(&e->in_count, frames[i].len);
	return n;
}

static void cable_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct cable_end *e = cable_end(end), *to = other(e);

	if (!__atomic_load_n(&to->plugged, __ATOMIC_ACQUIRE)) {
		e->lost_unplugged += n;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		uint8_t *room = frame_queue_room(&to->in, frames[i].len);

		if (!room) {
			e->lost_full++;
			continue;
		}
		memcpy(room, frames[i].data, frames[i].len);
		frame_queue_put(&to->in, frames[i].len, frames[i].flags, 0);
		wire_count(&e->out_count, frames[i].len);
	}
}

static bool cable_carrier(struct sim_wire_end *end, uint64_t now_ns)
{
	struct cable_end *e = cable_end(end), *from = other(e);

	if (!__atomic_load_n(&from->plugged, __ATOMIC_ACQUIRE))
		return false;
	/* It gets dark behind the last frame, not before: acquire pairs with the release of a laser that goes off. */
	return __atomic_load_n(&from->laser, __ATOMIC_ACQUIRE) || !frame_queue_is_empty(&e->in);
}

static void cable_set_laser(struct sim_wire_end *end, bool on)
{
	__atomic_store_n(&cable_end(end)->laser, on, __ATOMIC_RELEASE);
}

static void cable_free(struct cable *c)
{
	struct cable **at = &c->wires->cables;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	for (unsigned i = 0; i < 2; i++)
		frame_queue_free(&c->ends[i].in);
	free(c);
}

static void cable_unplug(struct sim_wire_end *end)
{
	struct cable_end *e = cable_end(end);
	struct sim_wires *wires = e->cable->wires;

	pthread_mutex_lock(&wires->lock);
	__atomic_store_n(&e->plugged, false, __ATOMIC_RELEASE);
	if (other(e)->plugged) {
		pthread_mutex_unlock(&wires->lock);
		return;
	}
	cable_free(e->cable);
	wires_put_locked(wires);
}

static unsigned cable_counters(struct sim_wire_end *end, struct sim_counter *counters, unsigned n)
{
	struct cable_end *e = cable_end(end);
	struct wire_counters c = {.list = counters, .room = n};

	wire_counter_pair(&c, "in", &e->in_count);
	wire_counter_pair(&c, "out", &e->out_count);
	wire_counter(&c, "out_lost_full", e->lost_full);
	wire_counter(&c, "out_lost_unplugged", e->lost_unplugged);
	return c.n;
}

static const struct sim_wire_ops cable_ops = {
	.name = "cable",
	.receive = cable_receive,
	.send = cable_send,
	.carrier = cable_carrier,
	.set_laser = cable_set_laser,
	.unplug = cable_unplug,
	.counters = cable_counters,
};

static struct cable *cable_find(struct sim_wires *wires, const char *name)
{
	struct cable *c = wires->cables;

	while (c && strcmp(c->name, name) != 0)
		c = c->next;
	return c;
}

static struct cable *cable_create(struct sim_wires *wires, const char *name, uint64_t room)
{
	struct cable *c = aligned_alloc(_Alignof(struct cable), sizeof(*c));

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	if (frame_queue_init(&c->ends[0].in, (uint32_t)room) || frame_queue_init(&c->ends[1].in, (uint32_t)room)) {
		frame_queue_free(&c->ends[0].in);
		free(c);
		return NULL;
	}
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->wires = wires;
	c->next = wires->cables;
	wires->cables = c;
	wires->n_refs++;
	return c;
}

/* A vacant end, with what is on its way to whoever was there before thrown away. */
static struct cable_end *cable_occupy(struct cable *c)
{
	struct cable_end *e = c->ends[0].plugged ? &c->ends[1] : &c->ends[0];

	if (e->plugged)
		return NULL;
	e->base.ops = &cable_ops;
	e->cable = c;
	e->in_count = e->out_count = (struct wire_count){0};
	e->lost_full = e->lost_unplugged = 0;
	frame_queue_drop_all(&e->in);
	__atomic_store_n(&e->laser, true, __ATOMIC_RELAXED);
	__atomic_store_n(&e->plugged, true, __ATOMIC_RELEASE);
	return e;
}

struct sim_wire_end *wire_cable_plug(struct sim_wires *wires, struct sim_text *t)
{
	struct cable_end *e = NULL;
	uint64_t room = CABLE_BYTES;
	struct cable *c;

	sim_text_number(t, "room", 64000, 1 << 30, &room);
	if (!t->arg[0])
		sim_text_fail(t, -EINVAL, "a cable needs a name, the same at both of its ends: cable:NAME");
	else if (strlen(t->arg) >= CABLE_NAME_MAX)
		sim_text_fail(t, -EINVAL, "the name of a cable has at most %d characters: %.80s", CABLE_NAME_MAX - 1,
			      t->arg);
	if (t->err)
		return NULL;
	pthread_mutex_lock(&wires->lock);
	c = cable_find(wires, t->arg);
	if (!c)
		c = cable_create(wires, t->arg, room);
	if (c)
		e = cable_occupy(c);
	pthread_mutex_unlock(&wires->lock);
	if (c && !e)
		sim_text_fail(t, -EBUSY, "cable:%.60s has two ports already", t->arg);
	return e ? &e->base : NULL;
}
