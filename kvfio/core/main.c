// SPDX-License-Identifier: GPL-2.0-only
/* Parameters; the core comes and goes with its own front. */

#include <linux/module.h>

#include "core.h"

bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts, "Allow devices whose interrupts are not isolated: their "
					  "users can interrupt the host at will.");

/* Other fronts show it under their own names. */
bool kvfio_unsafe_noiommu_mode;
EXPORT_SYMBOL_GPL(kvfio_unsafe_noiommu_mode);
module_param_named(enable_unsafe_noiommu_mode, kvfio_unsafe_noiommu_mode, bool, 0644);
MODULE_PARM_DESC(enable_unsafe_noiommu_mode,
		 "Allow devices without an IOMMU to users with CAP_SYS_RAWIO: they can read and "
		 "write all memory. Taints the kernel.");

unsigned int dma_entry_limit = U16_MAX;
module_param(dma_entry_limit, uint, 0644);
MODULE_PARM_DESC(dma_entry_limit, "Mappings that one container may hold (65535).");

static int __init kvfio_init(void)
{
	int ret;

	ret = kvfio_register_front(&kvfio_own_front);
	if (!ret)
		view_init();
	return ret;
}

static void __exit kvfio_exit(void)
{
	view_exit();
	kvfio_unregister_front(&kvfio_own_front);
}

module_init(kvfio_init);
module_exit(kvfio_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("kvfio: devices for user space, behind an IOMMU");
MODULE_VERSION("0.1");
