// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching an eventfd of the user, so that signalling it does something to the device without a
 * system call. We hold the eventfd's context, so that its wait queue stays although the user closes
 * the file; then it is never signalled again.
 */

#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "pci.h"

static void watch_work(struct work_struct *work)
{
	struct eventfd_watch *watch = container_of(work, struct eventfd_watch, work);

	watch->signalled(watch->data);
}

/*
 * Called with the lock of the wait queue held, perhaps from an interrupt: the work is done later.
 */
static int watch_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct eventfd_watch *watch = container_of(wait, struct eventfd_watch, wait);
	u64 count;

	if (key_to_poll(key) & EPOLLHUP)
		WRITE_ONCE(watch->closed, true);
	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(watch->ctx, &count);
		schedule_work(&watch->work);
	}
	return 0;
}

static void watch_enqueue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	struct eventfd_watch *watch = container_of(poll, struct eventfd_watch, poll);

	add_wait_queue(queue, &watch->wait);
}

/**
 * watch_create() - call a function each time an eventfd is signalled
 * @fd: of the user
 * @signalled: called from a work queue, without a lock
 * @data: its argument
 *
 * Return: the watch, for watch_destroy(), or an ERR_PTR().
 */
struct eventfd_watch *watch_create(int fd, void (*signalled)(void *data), void *data)
{
	struct eventfd_watch *watch;
	struct file *file;
	int ret;

	watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	if (!watch)
		return ERR_PTR(-ENOMEM);
	file = fget(fd);
	if (!file) {
		ret = -EBADF;
		goto err_free;
	}
	watch->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(watch->ctx)) {
		ret = PTR_ERR(watch->ctx);
		goto err_put;
	}
	watch->signalled = signalled;
	watch->data = data;
	INIT_WORK(&watch->work, watch_work);
	init_waitqueue_func_entry(&watch->wait, watch_wakeup);
	init_poll_funcptr(&watch->poll, watch_enqueue);
	/* It may have been signalled before we came. */
	if (vfs_poll(file, &watch->poll) & EPOLLIN)
		schedule_work(&watch->work);
	fput(file);
	return watch;

err_put:
	fput(file);
err_free:
	kfree(watch);
	return ERR_PTR(ret);
}

/** watch_is_closed() - nobody can signal the eventfd any more */
bool watch_is_closed(const struct eventfd_watch *watch)
{
	return READ_ONCE(watch->closed);
}

/*
 * watch_destroy() - when it returns, the function does not run and is not called any more; NULL is
 * fine
 */
void watch_destroy(struct eventfd_watch *watch)
{
	u64 count;

	if (!watch)
		return;
	eventfd_ctx_remove_wait_queue(watch->ctx, &watch->wait, &count);
	cancel_work_sync(&watch->work);
	eventfd_ctx_put(watch->ctx);
	kfree(watch);
}
