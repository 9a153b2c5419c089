// SPDX-License-Identifier: BSD-2-Clause
/*
 * The model thread. What other threads want of it they write onto a list; it does that between two turns and says so.
 * Cards, servers and devices are touched by this thread alone, so none of them needs a lock.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "guard.h"
#include "server.h"

#define SPIN_NS	   5000	 /* idle for less than this: look again at once */
#define YIELD_NS   50000 /* for less than this: let others run first */
#define SLEEP_NS   50000 /* then: sleep so long, or until a message */
#define LOOK_EVERY 8	 /* turns between two looks at the sockets while there is work: each is a system call */
#define MAX_EVENTS 16

struct request {
	void (*fn)(void *ctx);
	void *ctx;
	bool done;
	struct request *next;
};

struct sim_card {
	struct sim_engine *engine;
	struct sim_device *dev;
	struct sim_server *server;
	bool ready; /* there may be messages */
	struct sim_card *next;
};

struct sim_engine {
	pthread_mutex_t lock; /* protects started, requests and their done */
	pthread_cond_t done;
	bool started;
	struct request *requests, **last;
	bool asked; /* there are requests; atomic, so that a turn costs no lock */
	int wake;   /* eventfd: look at asked */
	int epoll;  /* the servers, and wake */
	pthread_t thread;

	/* The model thread's own. */
	struct sim_card *cards;
	bool stop;
	unsigned turns;
	bool idle;	    /* nothing moved in the last turn */
	uint64_t worked_ns; /* when something moved last */
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

static void serve_requests(struct sim_engine *engine)
{
	struct request *r, *next;

	pthread_mutex_lock(&engine->lock);
	r = engine->requests;
	engine->requests = NULL;
	engine->last = &engine->requests;
	__atomic_store_n(&engine->asked, false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&engine->lock);
	for (; r; r = next) {
		next = r->next; /* the asker's memory: gone as soon as it is done */
		r->fn(r->ctx);
		pthread_mutex_lock(&engine->lock);
		r->done = true;
		pthread_cond_broadcast(&engine->done);
		pthread_mutex_unlock(&engine->lock);
	}
}

/* Which cards have messages. */
static void look(struct sim_engine *engine)
{
	struct epoll_event events[MAX_EVENTS];
	int n = epoll_wait(engine->epoll, events, MAX_EVENTS, 0);
	uint64_t count;

	for (int i = 0; i < n; i++) {
		struct sim_card *card = events[i].data.ptr;

		if (card)
			card->ready = true;
		else if (read(engine->wake, &count, sizeof(count)) != (ssize_t)sizeof(count))
			continue; /* read already */
	}
}

static unsigned serve_messages(struct sim_card *card, uint64_t now_ns)
{
	int n;

	if (!card->server || !(card->ready || card->dev->dma.torn))
		return 0;
	card->ready = false;
	n = sim_server_poll(card->server, now_ns);
	if (n < 0) {
		/* Its only client has gone; the device stays, and with it the wire that it is plugged into. */
		sim_server_destroy(card->server);
		card->server = NULL;
		return 1;
	}
	return (unsigned)n;
}

static unsigned turn(struct sim_engine *engine, uint64_t now_ns)
{
	unsigned moved = 0;

	for (struct sim_card *card = engine->cards; card; card = card->next) {
		sim_guard_set(&card->dev->dma);
		moved += serve_messages(card, now_ns);
		moved += card->dev->ops->poll(card->dev, now_ns);
	}
	sim_guard_set(NULL);
	return moved;
}

static void back_off(struct sim_engine *engine, uint64_t now_ns)
{
	const struct timespec nap = {.tv_nsec = SLEEP_NS};
	struct pollfd p = {.fd = engine->epoll, .events = POLLIN};
	uint64_t idle_ns = now_ns - engine->worked_ns;

	if (idle_ns < SPIN_NS)
		relax();
	else if (idle_ns < YIELD_NS)
		sched_yield();
	else
		ppoll(&p, 1, &nap, NULL);
}

static void card_free(struct sim_card *card)
{
	sim_guard_set(&card->dev->dma);
	sim_server_destroy(card->server);
	sim_guard_set(NULL);
	sim_dma_clear(&card->dev->dma);
	card->dev->ops->destroy(card->dev);
	free(card);
}

static void *run(void *arg)
{
	struct sim_engine *engine = arg;

	/* The default slack would make the shortest nap twice as long. */
	prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	pthread_setname_np(pthread_self(), "vireo-sim");
	while (!engine->stop) {
		uint64_t now_ns = clock_ns();

		if (__atomic_load_n(&engine->asked, __ATOMIC_RELAXED))
			serve_requests(engine);
		if (engine->idle || ++engine->turns % LOOK_EVERY == 0)
			look(engine);
		engine->idle = turn(engine, now_ns) == 0;
		if (engine->idle)
			back_off(engine, now_ns);
		else
			engine->worked_ns = now_ns;
	}
	while (engine->cards) {
		struct sim_card *card = engine->cards;

		engine->cards = card->next;
		card_free(card);
	}
	return NULL;
}

/* Signals are for the program's threads, except those that an access of our own raises. */
static int start_thread(struct sim_engine *engine)
{
	sigset_t block, old;
	int err;

	sigfillset(&block);
	sigdelset(&block, SIGBUS);
	sigdelset(&block, SIGSEGV);
	sigdelset(&block, SIGFPE);
	sigdelset(&block, SIGILL);
	sigdelset(&block, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &block, &old);
	err = pthread_create(&engine->thread, NULL, run, engine);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	engine->started = !err;
	return -err;
}

int sim_engine_create(struct sim_engine **ret_engine)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct sim_engine *engine = calloc(1, sizeof(*engine));
	int err;

	if (!engine)
		return -ENOMEM;
	engine->last = &engine->requests;
	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (engine->epoll < 0) {
		err = -errno;
		goto err_free;
	}
	engine->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->wake < 0 || epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->wake, &event)) {
		err = -errno;
		goto err_close;
	}
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->done, NULL);
	*ret_engine = engine;
	return 0;

err_close:
	if (engine->wake >= 0)
		close(engine->wake);
	close(engine->epoll);
err_free:
	free(engine);
	return err;
}

void sim_engine_call(struct sim_engine *engine, void (*fn)(void *ctx), void *ctx)
{
	struct request r = {.fn = fn, .ctx = ctx};
	uint64_t one = 1;

	pthread_mutex_lock(&engine->lock);
	if (!engine->started) {
		fn(ctx);
		pthread_mutex_unlock(&engine->lock);
		return;
	}
	*engine->last = &r;
	engine->last = &r.next;
	__atomic_store_n(&engine->asked, true, __ATOMIC_RELAXED);
	/* It never blocks, and when it is full the thread is awake. */
	if (write(engine->wake, &one, sizeof(one)) != (ssize_t)sizeof(one))
		relax();
	while (!r.done)
		pthread_cond_wait(&engine->done, &engine->lock);
	pthread_mutex_unlock(&engine->lock);
}

static void do_stop(void *ctx)
{
	struct sim_engine *engine = ctx;

	engine->stop = true;
}

void sim_engine_destroy(struct sim_engine *engine)
{
	if (!engine)
		return;
	if (engine->started) {
		sim_engine_call(engine, do_stop, engine);
		pthread_join(engine->thread, NULL);
	}
	close(engine->wake);
	close(engine->epoll);
	pthread_cond_destroy(&engine->done);
	pthread_mutex_destroy(&engine->lock);
	free(engine);
}

struct add {
	struct sim_card *card;
	int err;
};

/* Behind those that are there already: cards get their turns in the order in which they came. */
static void do_add(void *ctx)
{
	struct add *add = ctx;
	struct sim_card *card = add->card, **link = &card->engine->cards;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = card};

	if (epoll_ctl(card->engine->epoll, EPOLL_CTL_ADD, sim_server_fd(card->server), &event)) {
		add->err = -errno;
		return;
	}
	while (*link)
		link = &(*link)->next;
	*link = card;
}

static void do_remove(void *ctx)
{
	struct sim_card *card = ctx, **link = &card->engine->cards;

	while (*link != card)
		link = &(*link)->next;
	*link = card->next;
	card_free(card);
}

static int card_serve(struct sim_card *card, const char *path, int fd)
{
	return path ? sim_server_listen(path, card->dev, &card->server)
		    : sim_server_attach(fd, card->dev, &card->server);
}

int sim_engine_add(struct sim_engine *engine, struct sim_device *dev, const char *path, int fd,
		   struct sim_card **ret_card)
{
	struct sim_card *card = calloc(1, sizeof(*card));
	struct add add = {.card = card};
	int err;

	if (!card) {
		if (!path)
			close(fd);
		dev->ops->destroy(dev);
		return -ENOMEM;
	}
	card->engine = engine;
	card->dev = dev;
	err = card_serve(card, path, fd);
	if (err)
		goto err_free;
	pthread_mutex_lock(&engine->lock);
	if (!engine->started)
		err = start_thread(engine);
	pthread_mutex_unlock(&engine->lock);
	if (err)
		goto err_free;
	sim_engine_call(engine, do_add, &add);
	if (add.err) {
		err = add.err;
		goto err_free;
	}
	*ret_card = card;
	return 0;

err_free:
	card_free(card);
	return err;
}

void sim_engine_remove(struct sim_engine *engine, struct sim_card *card)
{
	sim_engine_call(engine, do_remove, card);
}

struct sim_device *sim_card_device(struct sim_card *card)
{
	return card->dev;
}
