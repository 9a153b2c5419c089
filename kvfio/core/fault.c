// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failing on purpose (fault.h): empty in builds that are for use.
 */

#include "core.h"

#ifdef DEBUG

#include <linux/module.h>
#include <linux/spinlock.h>

static int fail_nth;
module_param(fail_nth, int, 0600);
MODULE_PARM_DESC(fail_nth, "The n-th allocation from now on fails; reads as those that are left");

static DEFINE_SPINLOCK(fault_lock); /* so that each call counts once */

bool kvfio_fault(void)
{
	unsigned long flags;
	bool now = false;

	if (READ_ONCE(fail_nth) <= 0)
		return false;
	spin_lock_irqsave(&fault_lock, flags);
	if (fail_nth > 0)
		now = !--fail_nth;
	spin_unlock_irqrestore(&fault_lock, flags);
	if (now)
		pr_info("%ps fails on purpose\n", __builtin_return_address(0));
	return now;
}
EXPORT_SYMBOL_GPL(kvfio_fault);

#endif
