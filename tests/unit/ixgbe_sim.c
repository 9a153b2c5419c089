// SPDX-License-Identifier: BSD-2-Clause
#include "ixgbe_sim.h"

#include <time.h>
#include <unistd.h>

/* The driver's; a model needs no rest after a reset. */
extern unsigned ixgbe_settle_us;

/* A busy machine may be slow; nothing below waits for as long as this unless it fails. */
#define IN_TIME_MS 5000
#define N_BUFS     4096

static void pause_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The wire */

static struct test_wire *wire_of(struct sim_wire_end *end)
{
	return (struct test_wire *)end;
}

static unsigned wire_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct test_wire *w = wire_of(end);
	unsigned i;

	pthread_mutex_lock(&w->lock);
	while (w->n_given)
		free(w->given[--w->n_given]);
	for (i = 0; i < n && i < 64 && w->in_at < w->n_in; i++) {
		struct test_frame *f = w->in[w->in_at++ % SIM_WIRE_ROOM];

		frames[i] = (struct sim_frame){.data = f->data, .len = f->len, .flags = f->flags};
		w->given[w->n_given++] = f;
	}
	pthread_mutex_unlock(&w->lock);
	return i;
}

static void wire_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct test_wire *w = wire_of(end);

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < n; i++) {
		struct test_frame *f = malloc(sizeof(*f));

		if (!f || frames[i].len > sizeof(f->data) || w->n_out - w->out_at == SIM_WIRE_ROOM)
			abort();
		f->len = frames[i].len;
		f->flags = frames[i].flags;
		memcpy(f->data, frames[i].data, f->len);
		w->out[w->n_out++ % SIM_WIRE_ROOM] = f;
	}
	pthread_mutex_unlock(&w->lock);
}

static bool wire_carrier(struct sim_wire_end *end, uint64_t now_ns)
{
	struct test_wire *w = wire_of(end);
	bool carrier;

	pthread_mutex_lock(&w->lock);
	carrier = w->carrier;
	pthread_mutex_unlock(&w->lock);
	return carrier;
}

static void wire_set_laser(struct sim_wire_end *end, bool on)
{
	struct test_wire *w = wire_of(end);

	pthread_mutex_lock(&w->lock);
	w->laser = on;
	pthread_mutex_unlock(&w->lock);
}

static void wire_unplug(struct sim_wire_end *end)
{
	wire_of(end)->unplugged = true;
}

static const struct sim_wire_ops wire_ops = {
	.name = "test",
	.receive = wire_receive,
	.send = wire_send,
	.carrier = wire_carrier,
	.set_laser = wire_set_laser,
	.unplug = wire_unplug,
};

static struct test_wire *wire_create(void)
{
	struct test_wire *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->end.ops = &wire_ops;
	w->end.waits = true;
	w->carrier = true;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

static void wire_destroy(struct test_wire *w)
{
	assert_true(w->unplugged);
	while (w->n_given)
		free(w->given[--w->n_given]);
	while (w->in_at < w->n_in)
		free(w->in[w->in_at++ % SIM_WIRE_ROOM]);
	while (w->out_at < w->n_out)
		free(w->out[w->out_at++ % SIM_WIRE_ROOM]);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void arrive(struct sim_rig *r, const void *data, uint32_t len, uint32_t flags)
{
	struct test_wire *w = r->wire;
	struct test_frame *f = malloc(sizeof(*f));

	assert_non_null(f);
	assert_true(len <= sizeof(f->data));
	f->len = len;
	f->flags = flags;
	memcpy(f->data, data, len);
	pthread_mutex_lock(&w->lock);
	assert_true(w->n_in - w->in_at < SIM_WIRE_ROOM);
	w->in[w->n_in++ % SIM_WIRE_ROOM] = f;
	pthread_mutex_unlock(&w->lock);
}

void sim_rig_arrive(struct sim_rig *r, const void *data, uint32_t len)
{
	arrive(r, data, len, 0);
}

void sim_rig_arrive_damaged(struct sim_rig *r, const void *data, uint32_t len)
{
	arrive(r, data, len, SIM_FRAME_BAD_FCS);
}

static struct test_frame *take_out(struct test_wire *w)
{
	struct test_frame *f = NULL;

	pthread_mutex_lock(&w->lock);
	if (w->out_at < w->n_out)
		f = w->out[w->out_at++ % SIM_WIRE_ROOM];
	pthread_mutex_unlock(&w->lock);
	return f;
}

struct test_frame *sim_rig_departed(struct sim_rig *r)
{
	uint64_t end = now_ms() + IN_TIME_MS;
	struct test_frame *f;

	while (!(f = take_out(r->wire)) && now_ms() < end)
		pause_us(20);
	return f;
}

bool sim_rig_is_silent(struct sim_rig *r)
{
	struct test_frame *f;

	pause_us(20000);
	f = take_out(r->wire);
	free(f);
	return !f;
}

/* The port */

void sim_rig_create(struct sim_rig *r, bool trap)
{
	static unsigned n;

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	ixgbe_settle_us = 0;
	memset(r, 0, sizeof(*r));
	r->model.trap = trap;
	r->model.delay_us = trap ? 500 : 0;
	r->pool_cfg.n_bufs = N_BUFS;
	snprintf(r->path, sizeof(r->path), "%s/vireo-ixgbe-%d-%u", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid(),
		 n++);
	r->wire = wire_create();
}

int sim_rig_reopen(struct sim_rig *r)
{
	char spec[128];
	int err;

	snprintf(spec, sizeof(spec), "vfio-user:%s", r->path);
	err = vireo_port_open(spec, &r->cfg, &r->port);
	if (err)
		r->port = NULL;
	return err;
}

int sim_rig_open(struct sim_rig *r)
{
	struct sim_device *dev;

	assert_int_equal(sim_engine_create(&r->engine), 0);
	assert_int_equal(ixgbe_model_create(&r->model, &r->wire->end, &dev), 0);
	assert_int_equal(sim_engine_add(r->engine, dev, r->path, -1, &r->card), 0);
	assert_int_equal(vireo_pool_create(&r->pool_cfg, &r->pool), 0);
	r->cfg.rx_pool = r->pool;
	if (r->fault)
		sim_rig_fault(r, r->fault, true);
	return sim_rig_reopen(r);
}

void sim_rig_set_carrier(struct sim_rig *r, bool on)
{
	pthread_mutex_lock(&r->wire->lock);
	r->wire->carrier = on;
	pthread_mutex_unlock(&r->wire->lock);
}

void sim_rig_wait_link(struct sim_rig *r, bool up)
{
	uint64_t end = now_ms() + IN_TIME_MS;
	struct vireo_link link = {.up = !up};

	while (link.up != up && now_ms() < end) {
		assert_int_equal(vireo_port_link(r->port, &link), 0);
		pause_us(100);
	}
	assert_int_equal(link.up, up);
}

void sim_rig_start(struct sim_rig *r)
{
	int err = sim_rig_open(r);

	if (!err)
		err = vireo_port_start(r->port);
	if (err)
		fail_msg("%d: %s", err, vireo_last_error());
	sim_rig_wait_link(r, true);
}

void sim_rig_destroy(struct sim_rig *r)
{
	vireo_port_close(r->port);
	if (!r->careless) {
		assert_int_equal(sim_rig_counter(r, "driver_errors"), 0);
		assert_int_equal(sim_rig_counter(r, "unknown_registers"), 0);
		assert_int_equal(sim_rig_counter(r, "dma_refused"), 0);
	}
	sim_engine_destroy(r->engine);
	if (vireo_pool_destroy(r->pool))
		fail_msg("%s", vireo_last_error());
	wire_destroy(r->wire);
	unlink(r->path);
}

/* Packets */

unsigned sim_rig_packet(struct sim_rig *r, const void *data, uint32_t len, uint32_t part, struct vireo_pkt *ret_pkts)
{
	unsigned n = 0;

	for (uint32_t at = 0; at < len; n++) {
		uint32_t k = part && part < len - at ? part : len - at;

		assert_int_equal(vireo_pool_alloc(r->pool, &ret_pkts[n], 1), 1);
		ret_pkts[n].len = k;
		memcpy(vireo_pkt_data(&ret_pkts[n]), (const char *)data + at, k);
		at += k;
		if (at < len)
			ret_pkts[n].flags |= VIREO_PKT_MORE;
	}
	return n;
}

void sim_rig_send(struct sim_rig *r, struct vireo_pkt *pkts, unsigned n)
{
	struct vireo_txq *q = vireo_port_txq(r->port, 0);
	uint64_t end = now_ms() + IN_TIME_MS;
	unsigned done = vireo_tx_burst(q, pkts, n);

	while (done < n && now_ms() < end) {
		pause_us(20);
		done += vireo_tx_burst(q, pkts + done, n - done);
	}
	assert_int_equal(done, n);
}

unsigned sim_rig_receive(struct sim_rig *r, unsigned q, struct vireo_pkt *pkts, unsigned n)
{
	uint64_t end = now_ms() + IN_TIME_MS;
	unsigned got;

	while (!(got = vireo_rx_burst(vireo_port_rxq(r->port, q), pkts, n)) && now_ms() < end)
		pause_us(20);
	return got;
}

uint32_t sim_rig_flatten(const struct vireo_pkt *pkts, unsigned n, uint8_t *ret_data)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(!!(pkts[i].flags & VIREO_PKT_MORE), i + 1 < n);
		memcpy(ret_data + at, vireo_pkt_data(&pkts[i]), pkts[i].len);
		at += pkts[i].len;
	}
	vireo_pkt_free(pkts, n);
	return at;
}

/* The model */

struct call {
	struct sim_rig *r;
	const char *name;
	bool on;
	int err;
	uint64_t value;
};

static void call_fault(void *ctx)
{
	struct call *c = ctx;
	struct sim_device *dev = sim_card_device(c->r->card);

	c->err = dev->ops->fault(dev, c->name, c->on);
}

void sim_rig_fault(struct sim_rig *r, const char *name, bool on)
{
	struct call c = {.r = r, .name = name, .on = on};

	sim_engine_call(r->engine, call_fault, &c);
	assert_int_equal(c.err, 0);
}

static void call_counter(void *ctx)
{
	struct call *c = ctx;
	struct sim_device *dev = sim_card_device(c->r->card);
	static struct sim_counter counters[256];
	unsigned n = dev->ops->counters(dev, counters, 256);

	c->err = -ENOENT;
	for (unsigned i = 0; i < n && i < 256; i++) {
		if (strcmp(counters[i].name, c->name))
			continue;
		c->value = counters[i].value;
		c->err = 0;
	}
}

uint64_t sim_rig_counter(struct sim_rig *r, const char *name)
{
	struct call c = {.r = r, .name = name};

	sim_engine_call(r->engine, call_counter, &c);
	if (c.err)
		fail_msg("the model has no counter %s", name);
	return c.value;
}

uint64_t sim_rig_xstat(struct sim_rig *r, const char *name)
{
	static struct vireo_xstat xstats[2048];
	int n = vireo_port_xstats(r->port, xstats, 2048);

	assert_in_range(n, 1, 2048);
	for (int i = 0; i < n; i++)
		if (!strcmp(xstats[i].name, name))
			return xstats[i].value;
	fail_msg("there is no counter %s", name);
	return 0;
}

static void call_reset(void *ctx)
{
	struct sim_device *dev = sim_card_device(((struct sim_rig *)ctx)->card);

	dev->ops->reset(dev);
}

void sim_rig_reset(struct sim_rig *r)
{
	sim_engine_call(r->engine, call_reset, r);
}
