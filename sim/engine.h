/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

/*
 * The model thread. It gives every card a turn (the client's messages, then the device), and backs off when nothing
 * moves: spins, yields, sleeps up to 50 us or until a message comes. A program that serves strangers installs the guard
 * (guard.h) as well.
 */

#include <stdint.h>

#include "device.h"

struct sim_engine;

/* A thread without cards; it starts with the first. -ENOMEM, -EAGAIN. */
int sim_engine_create(struct sim_engine **ret_engine);
/* Ends the thread, destroys every card that is left; NULL is fine. */
void sim_engine_destroy(struct sim_engine *engine);

struct sim_card; /* a device, and who talks to it */

/*
 * Serve @dev, which belongs to the engine from now on, also when this fails. With @path on a socket in the file system,
 * one client after another; with @fd (and @path NULL) to the client at the other end of that connected socket, which the
 * engine closes. Any thread.
 */
int sim_engine_add(struct sim_engine *engine, struct sim_device *dev, const char *path, int fd,
		   struct sim_card **ret_card);
/* Take a card out and destroy it; its client sees the connection end. Any thread but the model's. */
void sim_engine_remove(struct sim_engine *engine, struct sim_card *card);

/*
 * Have @fn run on the model thread, between two turns, and wait for it: the way to look at a device or change it. @fn
 * calls nothing of the engine.
 */
void sim_engine_call(struct sim_engine *engine, void (*fn)(void *ctx), void *ctx);
/* The device of a card; touch it only inside sim_engine_call(). */
struct sim_device *sim_card_device(struct sim_card *card);

#endif
