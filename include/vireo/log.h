/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LOG_H
#define VIREO_LOG_H

/*
 * The library never prints, exits or aborts. A call that fails returns a negative errno and keeps one sentence for the
 * person in front of the screen: what is wrong and what mends it. Everything else goes to the log callback.
 */

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum vireo_log_level {
	VIREO_LOG_ERR,
	VIREO_LOG_WARN,
	VIREO_LOG_INFO,
	VIREO_LOG_DEBUG,
};

/**
 * typedef vireo_log_fn - receives one line of text, without a newline
 * @ctx:   what was given to vireo_log_set()
 * @level: how much it matters
 * @text:  valid during the call only
 *
 * May be called from any thread that calls the library, also from several at once.
 */
typedef void (*vireo_log_fn)(void *ctx, enum vireo_log_level level, const char *text);

/**
 * vireo_log_set() - choose where log lines go; without it they go nowhere
 * @fn:  the callback, or NULL for silence
 * @ctx: handed to @fn
 * @max: lines above this level are not formatted at all
 *
 * Call it before other threads use the library.
 */
void vireo_log_set(vireo_log_fn fn, void *ctx, enum vireo_log_level max);

/**
 * vireo_last_error() - the sentence that belongs to the last failed call of this thread
 *
 * Return: a sentence for a person, never NULL; valid until the next failing call in the same thread.
 */
const char *vireo_last_error(void);

/**
 * vireo_error() - note the sentence for vireo_last_error() and the log
 * @err: a negative errno
 * @fmt: as printf
 *
 * Return: @err, so that "return vireo_error(-EINVAL, ...)" reads well.
 */
int vireo_error(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** vireo_log() - a line for the log callback */
void vireo_log(enum vireo_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
